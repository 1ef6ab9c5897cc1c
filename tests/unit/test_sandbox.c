/* The sandbox: what a process cannot do any more when it has entered, and what it still can. Each
   case runs in a child, since there is no way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#endif

#include "base/sandbox.h"

enum { GOOD, UNEXPECTED, NOT_ENTERED };

static char folder[] = "/tmp/corelay-sandbox.XXXXXX"; /* with own/, read/, log/, other/ */

static const char *in(const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void write_file(const char *name)
{
    FILE *f = fopen(in(name), "w");
    assert_non_null(f);
    fputs("x", f);
    fclose(f);
}

static int make_folders(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || mkdir(in("own"), 0700) || mkdir(in("read"), 0700) ||
        mkdir(in("log"), 0700) || mkdir(in("other"), 0700))
        return -1;
    write_file("read/file");
    write_file("other/file");
    write_file("single");
    return 0;
}

static int remove_folders(void **state)
{
    char command[300];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* `body` in a child that has entered; it returns GOOD, or the line of what went wrong. */
static void in_sandbox(unsigned needed, int (*body)(void))
{
    if ((sandbox_offered() & needed) != needed) {
        print_message("not offered here: left out\n");
        skip();
    }

    const struct sandbox_place places[] = {
        {strdup(in("own")), SANDBOX_OWN},     {strdup(in("read")), SANDBOX_READ},
        {strdup(in("single")), SANDBOX_READ}, {strdup(in("log")), SANDBOX_APPEND},
        {"/nowhere/at/all", SANDBOX_READ},    {"/usr", SANDBOX_READ}};
    int ended;

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit((sandbox_enter(places, sizeof places / sizeof *places) & needed) == needed
                  ? body()
                  : NOT_ENTERED);
    for (int i = 0; i < 4; i++)
        free((void *)(uintptr_t)places[i].path);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), GOOD);
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, strerror(errno));          \
            return UNEXPECTED;                                                                     \
        }                                                                                          \
    } while (0)
#define REFUSED(call, error) EXPECT((errno = 0, (call) < 0) && errno == (error))

/* --- files ----------------------------------------------------------------------------------- */

static int try_files(void)
{
    REFUSED(open("/etc/shadow", O_RDONLY), EACCES);
    REFUSED(open(in("other/file"), O_RDONLY), EACCES);
    REFUSED(open(in("other/new"), O_WRONLY | O_CREAT, 0600), EACCES);
    REFUSED(open(in("read/file"), O_WRONLY), EACCES);
    REFUSED(open(in("read/new"), O_WRONLY | O_CREAT, 0600), EACCES);
    REFUSED(open(in("log/new"), O_RDWR | O_CREAT, 0600), EACCES);
    REFUSED(unlink(in("other/file")), EACCES);
    REFUSED(mkdir(in("other/folder"), 0700), EACCES);
    REFUSED(symlink("/etc", in("own/link")), EACCES);
    REFUSED(mkfifo(in("own/fifo"), 0600), errno == EPERM ? EPERM : EACCES);
    return GOOD;
}

static void test_other_files_are_out_of_reach(void **state)
{
    (void)state;
    in_sandbox(SANDBOX_FILES, try_files);
}

/* What file_write_private does, and a log's rotation; all in files that are new. */
static int use_files(void)
{
    int fd;

    EXPECT(open(in("read/file"), O_RDONLY) >= 0);
    EXPECT(open(in("single"), O_RDONLY) >= 0);
    EXPECT((fd = open(in("own/aside"), O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
    EXPECT(write(fd, "x", 1) == 1 && close(fd) == 0);
    EXPECT(rename(in("own/aside"), in("own/file")) == 0);
    EXPECT(mkdir(in("own/deep"), 0700) == 0);
    EXPECT((fd = open(in("own/deep/file"), O_RDWR | O_CREAT | O_TRUNC, 0600)) >= 0);
    EXPECT(unlink(in("own/deep/file")) == 0 && rmdir(in("own/deep")) == 0);
    EXPECT((fd = open(in("log/new"), O_WRONLY | O_CREAT | O_APPEND, 0600)) >= 0);
    EXPECT(write(fd, "x", 1) == 1 && close(fd) == 0);
    EXPECT(open(in("log/new"), O_WRONLY | O_CREAT | O_APPEND, 0600) >= 0);
    return GOOD;
}

static void test_own_files_work(void **state)
{
    (void)state;
    in_sandbox(SANDBOX_WHOLE, use_files);
}

#ifdef __linux__

/* --- calls ----------------------------------------------------------------------------------- */

static int try_calls(void)
{
    char *const none[] = {(char[]){"true"}, NULL};

    REFUSED(execve("/usr/bin/true", none, none + 1), EPERM);
    REFUSED(fork(), EPERM);
    REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
    REFUSED(syscall(__NR_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0), EPERM);
    REFUSED(syscall(__NR_mount, "none", "/", "tmpfs", 0, NULL), EPERM);
    REFUSED(syscall(__NR_unshare, 0x10000000), EPERM);
    REFUSED(syscall(__NR_bpf, 0, NULL, 0), EPERM);
    REFUSED(syscall(__NR_keyctl, 0, 0), EPERM);
    REFUSED(setuid(getuid()), EPERM);
    REFUSED(chmod(in("own"), 0777), EPERM);
    REFUSED(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
    REFUSED(socket(40 /* AF_VSOCK */, SOCK_STREAM, 0), EAFNOSUPPORT);
    return GOOD;
}

static void test_other_calls_are_refused(void **state)
{
    (void)state;
    in_sandbox(SANDBOX_CALLS, try_calls);
}

static int try_memory(void)
{
    int both = PROT_READ | PROT_WRITE | PROT_EXEC;
    int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

    EXPECT(mmap(NULL, 4096, both, anonymous, -1, 0) == MAP_FAILED && errno == EPERM);
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, anonymous, -1, 0);
    EXPECT(p != MAP_FAILED);
    REFUSED(mprotect(p, 4096, PROT_READ | PROT_EXEC), EPERM);
    EXPECT(mprotect(p, 4096, PROT_READ) == 0);
    /* as a resolver module is loaded */
    int fd = open("/usr/bin/true", O_RDONLY);
    EXPECT(fd >= 0);
    EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    return GOOD;
}

static void test_no_code_is_made(void **state)
{
    (void)state;
    in_sandbox(SANDBOX_CALLS, try_memory);
}

/* --- network, threads, signals --------------------------------------------------------------- */

static void *note(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static int use_threads_and_network(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_t thread;
    int ran = 0, fd = socket(AF_INET, SOCK_STREAM, 0);

    EXPECT(pthread_create(&thread, NULL, note, &ran) == 0);
    EXPECT(pthread_join(thread, NULL) == 0 && ran);
    EXPECT(getaddrinfo("127.0.0.1", "443", &hints, &found) == 0);
    freeaddrinfo(found);
    address.sin_port = htons(1); /* nobody is there: refused by the network, not by us */
    REFUSED(connect(fd, (struct sockaddr *)&address, sizeof address), ECONNREFUSED);
    EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_DGRAM, 0) >= 0);
    EXPECT(raise(SIGURG) == 0);
    if (sandbox_landlock_version() >= 4) {
        address.sin_port = 0;
        REFUSED(bind(fd, (struct sockaddr *)&address, sizeof address), EACCES);
    }
    if (sandbox_landlock_version() >= 6)
        REFUSED(kill(getppid(), 0), EPERM);
    return GOOD;
}

static void test_threads_and_network_work(void **state)
{
    (void)state;
    in_sandbox(SANDBOX_WHOLE, use_threads_and_network);
}

static int look_at_process(void)
{
    struct rlimit core;

    sandbox_prepare();
    EXPECT(umask(0) == 077);
    EXPECT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == (sandbox_is_left_out() ? 1 : 0));
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    return GOOD;
}

static void test_process_is_prepared(void **state)
{
    (void)state;
    in_sandbox(0, look_at_process);
}
#endif

static void test_parts_have_names(void **state)
{
    struct buf text = {0};

    (void)state;
    sandbox_describe(0, &text);
    assert_true(str_is(buf_str(&text), "none"));
    buf_clear(&text);
    sandbox_describe(SANDBOX_PRIVILEGES | SANDBOX_CALLS, &text);
    assert_true(str_is(buf_str(&text), "no new privileges, seccomp"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_files_are_out_of_reach),
        cmocka_unit_test(test_own_files_work),
#ifdef __linux__
        cmocka_unit_test(test_other_calls_are_refused),
        cmocka_unit_test(test_no_code_is_made),
        cmocka_unit_test(test_threads_and_network_work),
        cmocka_unit_test(test_process_is_prepared),
#endif
        cmocka_unit_test(test_parts_have_names),
    };

    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
