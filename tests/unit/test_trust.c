/* Owners and modes of the files that a configuration is made of: what is refused, in which words, and
   that the command in the words mends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"

#define SERVICE_KEY                                                                                \
    "{\"clientid\":\"i\",\"clientsecret\":\"s\",\"url\":\"https://a.test\","                       \
    "\"serviceurls\":{\"AI_API_URL\":\"https://b.test\"}}"
#define HASH    "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
#define ACCOUNT "\"subAccounts\":{\"a\":{\"service_key_json\":\"k.json\"}}"
#define CONFIG  "{" ACCOUNT ",\"state_dir\":\"state\",\"api_keys\":[\"sha256:" HASH "\"]}"
#define PLAIN   "{" ACCOUNT ",\"state_dir\":\"state\",\"api_keys\":[\"plain\"]}"
#define PROXY                                                                                      \
    "{" ACCOUNT ",\"state_dir\":\"state\",\"api_keys\":[\"sha256:" HASH "\"],"                     \
    "\"http\":{\"proxy\":\"http://me:word@proxy.test:8080\"}}"

enum { NOBODY = 65534, SOMEBODY = 12345 };

struct bench {
    char folder[32]; /* etc/c.json, etc/k.json, etc/state/ */
    struct buf problems;
};

static const char *in(const struct bench *b, const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof path[0], "%s/etc/%s", b->folder, name);
    return p;
}

static void write_file(const struct bench *b, const char *name, const char *text)
{
    FILE *f = fopen(in(b, name), "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    umask(022);
    strcpy(b->folder, "/tmp/corelay-test.XXXXXX");
    if (!mkdtemp(b->folder) || mkdir(in(b, ""), 0755) || mkdir(in(b, "state"), 0700))
        return -1;
    write_file(b, "c.json", CONFIG);
    write_file(b, "k.json", SERVICE_KEY);
    chmod(in(b, "k.json"), 0640);
    unsetenv("CORELAY_FILE_CHECKS");
    *state = b;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    buf_free(&b->problems);
    free(b);
    return 0;
}

/* What is said, without the name of our folder. */
static const char *load(struct bench *b, status expected)
{
    struct config *c = NULL;
    char folder[64];

    buf_clear(&b->problems);
    assert_int_equal(config_load(in(b, "c.json"), &c, &b->problems), expected);
    config_free(c);
    buf_add_char(&b->problems, '\0');
    int n = snprintf(folder, sizeof folder, "%s/etc/", b->folder);
    for (char *at = strstr(b->problems.p, folder); at; at = strstr(at, folder))
        memmove(at, at + n, strlen(at + n) + 1);
    return b->problems.p;
}

/* The command at the end of the first line, run where the names mean something. */
static void obey(struct bench *b, const char *said)
{
    char command[512];
    const char *end = strchr(said, '\n'), *semicolon = end;

    while (semicolon > said && *semicolon != ';')
        semicolon--;
    snprintf(command, sizeof command, "cd %s/etc && %.*s", b->folder, (int)(end - semicolon - 1),
             semicolon + 1);
    assert_int_equal(system(command), 0);
}

/* --- modes ----------------------------------------------------------------------------------- */

static const struct {
    const char *file;
    mode_t mode;
    const char *text; /* of the configuration */
    const char *said; /* NULL: it is good */
} cases[] = {
    {"c.json", 0644, CONFIG, NULL},
    {"c.json", 0640, PLAIN, NULL},
    {"c.json", 0400, PLAIN, NULL},
    {"k.json", 0440, CONFIG, NULL},
    {"k.json", 0600, CONFIG, NULL},
    {"c.json", 0644, PLAIN,
     "c.json: holds secrets and can be read by every user of this host; chmod o= c.json\n"},
    {"c.json", 0644, PROXY,
     "c.json: holds secrets and can be read by every user of this host; chmod o= c.json\n"},
    {"c.json", 0664, CONFIG, "c.json: can be written by others; chmod go-w c.json\n"},
    {"c.json", 0646, CONFIG, "c.json: can be written by others; chmod go-w c.json\n"},
    {"c.json", 0666, PLAIN,
     "c.json: holds secrets and can be read by every user of this host; chmod go-w,o= c.json\n"},
    {"k.json", 0644, CONFIG,
     "c.json: subAccounts.a.service_key_json: k.json holds secrets and can be read by every user "
     "of this host; chmod o= k.json\n"},
    {"k.json", 0660, CONFIG,
     "c.json: subAccounts.a.service_key_json: k.json can be written by others; chmod go-w "
     "k.json\n"},
    {"state", 0750, CONFIG, NULL},
    {"state", 0770, CONFIG,
     "c.json: state_dir: state can be written by others; chmod go-w state\n"},
    {"state", 0702, CONFIG,
     "c.json: state_dir: state can be written by others; chmod go-w state\n"},
};

static void modes_are_judged(void **state)
{
    struct bench *b = *state;
    struct stat before;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(b, "c.json", cases[i].text);
        assert_int_equal(stat(in(b, cases[i].file), &before), 0);
        chmod(in(b, cases[i].file), cases[i].mode);
        const char *said = load(b, cases[i].said ? E_SYNTAX : OK);
        assert_string_equal(said, cases[i].said ? cases[i].said : "");
        if (cases[i].said)
            obey(b, said);
        assert_string_equal(load(b, OK), "");
        chmod(in(b, cases[i].file), before.st_mode);
    }
}

static void checks_can_be_warnings(void **state)
{
    struct bench *b = *state;

    setenv("CORELAY_FILE_CHECKS", "warn", 1);
    chmod(in(b, "k.json"), 0644);
    chmod(in(b, "state"), 0777);
    assert_string_equal(load(b, OK),
                        "warning: c.json: subAccounts.a.service_key_json: k.json holds secrets and "
                        "can be read by every user of this host; chmod o= k.json\n"
                        "warning: c.json: state_dir: state can be written by others; chmod go-w "
                        "state\n");
}

static void folders_are_judged(void **state)
{
    struct bench *b = *state;
    char line[256];

    chmod(in(b, ""), 0775);
    snprintf(line, sizeof line,
             "c.json: subAccounts.a.service_key_json: %s/etc holds this file and can be written by "
             "others; chmod go-w %s/etc\n",
             b->folder, b->folder);
    assert_string_equal(load(b, E_SYNTAX), line); /* once, though two files are in it */
    obey(b, b->problems.p);
    assert_string_equal(load(b, OK), "");
    chmod(in(b, ""), 01777); /* sticky: nobody can replace what is another's */
    assert_string_equal(load(b, OK), "");
}

/* As Kubernetes mounts a secret: c.json -> ..data/c.json, ..data -> a folder that is replaced. */
static void links_are_followed(void **state)
{
    struct bench *b = *state;

    assert_int_equal(mkdir(in(b, "..v1"), 0755), 0);
    assert_int_equal(rename(in(b, "c.json"), in(b, "..v1/c.json")), 0);
    assert_int_equal(symlink("..v1", in(b, "..data")), 0);
    assert_int_equal(symlink("..data/c.json", in(b, "c.json")), 0);
    chmod(in(b, ""), 01777);
    assert_string_equal(load(b, OK), "");
    chmod(in(b, "..v1"), 0777);
    assert_non_null(strstr(load(b, E_SYNTAX), "..v1 holds this file and can be written by others"));
    obey(b, b->problems.p);
    assert_string_equal(load(b, OK), "");
}

static void names_are_quoted(void **state)
{
    struct bench *b = *state;

    write_file(b, "c.json",
               "{\"subAccounts\":{\"a\":{\"service_key_json\":\"it's a key.json\"}},"
               "\"state_dir\":\"state\",\"api_keys\":[\"sha256:" HASH "\"]}");
    assert_int_equal(rename(in(b, "k.json"), in(b, "it's a key.json")), 0);
    chmod(in(b, "it's a key.json"), 0644);
    obey(b, load(b, E_SYNTAX));
    assert_string_equal(load(b, OK), "");
}

static void strays_in_the_state_folder_are_told(void **state)
{
    struct bench *b = *state;

    write_file(b, "state/token-0123456789abcdef.json", "{}");
    assert_string_equal(load(b, OK),
                        "warning: c.json: state_dir: state/token-0123456789abcdef.json is open to "
                        "others, so it is not used; chmod 600 "
                        "state/token-0123456789abcdef.json\n");
    obey(b, b->problems.p);
    assert_string_equal(load(b, OK), "");
}

/* --- owners ---------------------------------------------------------------------------------- */

/* What another user than root hears, in a child that has become one. */
static void load_as_nobody(struct bench *b, status expected, const char *words)
{
    int ended;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct config *c = NULL;
        if (setgid(NOBODY) || setuid(NOBODY))
            _exit(2);
        status s = config_load(in(b, "c.json"), &c, &b->problems);
        buf_add_char(&b->problems, '\0');
        bool good =
            s == expected && (words ? strstr(b->problems.p, words) != NULL : b->problems.n == 1);
        if (!good)
            fprintf(stderr, "%s: %s", status_text(s), b->problems.p);
        config_free(c);
        buf_free(&b->problems);
        free(b);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
}

static void owners_are_judged(void **state)
{
    struct bench *b = *state;

    if (geteuid() != 0)
        skip();
    /* as it should be: the files are root's, their group the responder's, the state his own */
    assert_int_equal(chown(b->folder, 0, NOBODY) | chmod(b->folder, 0711), 0);
    assert_int_equal(chown(in(b, "k.json"), 0, NOBODY), 0);
    assert_int_equal(chown(in(b, "state"), NOBODY, NOBODY), 0);
    load_as_nobody(b, OK, NULL);
    assert_int_equal(chown(in(b, "k.json"), NOBODY, NOBODY), 0);
    load_as_nobody(b, OK, NULL);
    assert_int_equal(chown(in(b, "k.json"), SOMEBODY, NOBODY), 0);
    load_as_nobody(b, E_SYNTAX, "belongs to another user, who can change it; chown root ");
    assert_int_equal(chown(in(b, "k.json"), 0, NOBODY), 0);
    assert_int_equal(chown(in(b, ""), SOMEBODY, 0), 0);
    load_as_nobody(b, E_SYNTAX, "holds this file and belongs to another user; chown root ");
    assert_int_equal(chown(in(b, ""), 0, 0), 0);
    assert_int_equal(chown(in(b, "state"), 0, 0), 0);
    load_as_nobody(b, E_SYNTAX, "belongs to another user than the one who runs this; chown 65534 ");
    assert_string_equal(load(b, OK), ""); /* root looks for others */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(modes_are_judged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checks_can_be_warnings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_are_judged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_quoted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strays_in_the_state_folder_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(owners_are_judged, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
