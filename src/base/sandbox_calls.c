/*
 * System calls by seccomp: a list of what a gateway never does.
 *
 * It names what is forbidden rather than what is allowed. C libraries, resolver modules and OpenSSL
 * use other calls with each release, on hosts that we never see; a list of allowed calls that is one
 * short ends the service there, and one that is not is hardly shorter than the kernel's own. Files
 * and signals are Landlock's part.
 *
 * Source: Documentation/userspace-api/seccomp_filter.rst of the kernel.
 */
#include "base/sandbox.h"

#include <errno.h>

#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* Those whose arguments are known to stand in this order, the low half first. */
#if defined __linux__ && defined __x86_64__ && defined __LP64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __linux__ && defined __aarch64__ && defined __AARCH64EL__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined __linux__ && defined __powerpc64__ && defined __LITTLE_ENDIAN__
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined __linux__ && defined __riscv && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef ARCHITECTURE
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4
#endif

static const unsigned never[] = {
    /* another program, and looking into one */
    __NR_execve,
    __NR_execveat,
    __NR_ptrace,
    __NR_process_vm_readv,
    __NR_process_vm_writev,
    __NR_kcmp,
#ifdef __NR_fork
    __NR_fork,
    __NR_vfork,
#endif
#ifdef __NR_pidfd_getfd
    __NR_pidfd_getfd,
#endif
#ifdef __NR_process_madvise
    __NR_process_madvise,
#endif
    /* another user, other rights */
    __NR_setuid,
    __NR_setgid,
    __NR_setreuid,
    __NR_setregid,
    __NR_setresuid,
    __NR_setresgid,
    __NR_setfsuid,
    __NR_setfsgid,
    __NR_setgroups,
    __NR_capset,
    __NR_mknodat,
    __NR_fchmod,
    __NR_fchmodat,
    __NR_fchown,
    __NR_fchownat,
#ifdef __NR_chmod
    __NR_chmod,
    __NR_chown,
    __NR_lchown,
    __NR_mknod,
#endif
#ifdef __NR_fchmodat2
    __NR_fchmodat2,
#endif
    /* the view of files, and namespaces */
    __NR_mount,
    __NR_umount2,
    __NR_pivot_root,
    __NR_chroot,
    __NR_unshare,
    __NR_setns,
    __NR_open_by_handle_at,
    __NR_fanotify_init,
#ifdef __NR_open_tree
    __NR_open_tree,
    __NR_move_mount,
    __NR_fsopen,
    __NR_fsconfig,
    __NR_fsmount,
    __NR_fspick,
#endif
#ifdef __NR_mount_setattr
    __NR_mount_setattr,
#endif
    /* parts of the kernel that are large, seldom used and often broken into */
    __NR_bpf,
    __NR_perf_event_open,
    __NR_userfaultfd,
    __NR_add_key,
    __NR_request_key,
    __NR_keyctl,
#ifdef __NR_io_uring_setup
    __NR_io_uring_setup,
    __NR_io_uring_enter,
    __NR_io_uring_register,
#endif
    /* administration of the host */
    __NR_init_module,
    __NR_finit_module,
    __NR_delete_module,
    __NR_kexec_load,
    __NR_reboot,
    __NR_swapon,
    __NR_swapoff,
    __NR_acct,
    __NR_quotactl,
    __NR_sethostname,
    __NR_setdomainname,
    __NR_settimeofday,
    __NR_clock_settime,
    __NR_clock_adjtime,
    __NR_adjtimex,
    __NR_syslog,
    __NR_vhangup,
    __NR_personality,
#ifdef __NR_kexec_file_load
    __NR_kexec_file_load,
#endif
#ifdef __NR_iopl
    __NR_iopl,
    __NR_ioperm,
    __NR_modify_ldt,
#endif
};

enum {
    NEVER_COUNT = sizeof never / sizeof *never,
    PROGRAM_MAX = 2 * NEVER_COUNT + 64,
    X32_BIT = 0x40000000
};

struct program {
    struct sock_filter at[PROGRAM_MAX];
    unsigned short n;
};

static void add(struct program *p, unsigned code, unsigned value, unsigned yes, unsigned no)
{
    if (p->n < PROGRAM_MAX)
        p->at[p->n++] =
            (struct sock_filter){(uint16_t)code, (uint8_t)yes, (uint8_t)no, (uint32_t)value};
}

static void refuse(struct program *p, int error)
{
    add(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error, 0, 0);
}

static void load(struct program *p, size_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void load_argument(struct program *p, int i)
{
    load(p, offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t));
}

/* Numbers of another architecture mean other calls. */
static void only_this_architecture(struct program *p)
{
    load(p, offsetof(struct seccomp_data, arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    refuse(p, ENOSYS);
    load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    add(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    refuse(p, ENOSYS);
#endif
}

static void refuse_call(struct program *p, unsigned call, int error)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    refuse(p, error);
}

/* The rules below jump over themselves for other calls, and let pass what is their own and good. */
static void allow(struct program *p)
{
    add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void only_threads(struct program *p)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4);
    load_argument(p, 0);
    add(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
    refuse(p, EPERM);
    allow(p);
}

static void only_these_sockets(struct program *p)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 7);
    load_argument(p, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 4, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1,
        0); /* the resolver sorts by addresses of ours */
    refuse(p, EAFNOSUPPORT);
    allow(p);
}

/* Nothing that is written may be executed: no memory is both, and none becomes executable. */
static void only_code_from_files(struct program *p)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 0, 5);
    load_argument(p, 2);
    add(p, BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC, 0, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, PROT_WRITE | PROT_EXEC, 0, 1);
    refuse(p, EPERM);
    allow(p);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_mprotect, 1, 0);
#ifdef __NR_pkey_mprotect
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_pkey_mprotect, 0, 4);
#else
    add(p, BPF_JMP | BPF_JA, 4, 0, 0);
#endif
    load_argument(p, 2);
    add(p, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
    refuse(p, EPERM);
    allow(p);
}

/* TIOCSTI types into the terminal of whoever started us. */
static void no_typing(struct program *p)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 4);
    load_argument(p, 1);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 0, 1);
    refuse(p, EPERM);
    allow(p);
}

static void write_program(struct program *p)
{
    only_this_architecture(p);
    for (size_t i = 0; i < NEVER_COUNT; i++)
        refuse_call(p, never[i], EPERM);
#ifdef __NR_clone3 /* its flags are in memory, out of a filter's sight; libraries then use clone */
    refuse_call(p, __NR_clone3, ENOSYS);
#endif
    only_threads(p);
    only_these_sockets(p);
    only_code_from_files(p);
    no_typing(p);
    allow(p);
}

bool sandbox_offers_calls(void)
{
    unsigned action = SECCOMP_RET_ERRNO;

    return syscall(__NR_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ||
           prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

bool sandbox_filter_calls(void)
{
    struct program p = {.n = 0};

    write_program(&p);
    if (p.n == PROGRAM_MAX)
        return false;
    struct sock_fprog whole = {p.n, p.at};
    /* Older kernels slow down speculation for whoever has a filter; we run no code of others. */
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &whole) ==
               0 ||
           (errno == EINVAL && syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) == 0);
}

#else

bool sandbox_offers_calls(void)
{
    return false;
}

bool sandbox_filter_calls(void)
{
    return false;
}
#endif
