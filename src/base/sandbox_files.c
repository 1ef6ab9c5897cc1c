/*
 * Files by Landlock: a ruleset of the kernel that needs no privilege (Linux 5.13 and later).
 *
 * Everything that the kernel's version can forbid is forbidden; places give back what they name. A
 * rule belongs to an inode, so a file that is replaced by rename needs a rule for its folder.
 *
 * Source: Documentation/userspace-api/landlock.rst of the kernel. Numbers stand here because the
 * headers of many distributions are older than their kernels.
 */
#include "base/sandbox.h"

#ifdef __linux__
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    CALL_CREATE_RULESET = 444, /* the same on every architecture */
    CALL_ADD_RULE = 445,
    CALL_RESTRICT_SELF = 446,
    ASK_VERSION = 1,
    RULE_PATH_BENEATH = 1
};

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_VERSION_1 = (1 << 13) - 1,
    FS_REFER = 1 << 13,    /* version 2 */
    FS_TRUNCATE = 1 << 14, /* version 3 */
    FS_IOCTL_DEV = 1 << 15 /* version 5 */
};

enum { NET_BIND_TCP = 1 };                          /* version 4 */
enum { SCOPE_ABSTRACT_UNIX = 1, SCOPE_SIGNAL = 2 }; /* version 6 */

struct ruleset {
    uint64_t files, net, scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

int sandbox_landlock_version(void)
{
    long version = syscall(CALL_CREATE_RULESET, NULL, 0, ASK_VERSION);

    return version > 0 ? (int)version : 0;
}

/* All that this version can forbid and we never do. Connecting is not among it: the ports of upstream
   and of proxies may change with the configuration. */
static struct ruleset forbidden(int version, size_t *size)
{
    struct ruleset rules = {.files = FS_VERSION_1};

    rules.files |= version >= 2 ? FS_REFER : 0;
    rules.files |= version >= 3 ? FS_TRUNCATE : 0;
    rules.files |= version >= 5 ? FS_IOCTL_DEV : 0;
    rules.net = version >= 4 ? NET_BIND_TCP : 0;
    rules.scoped = version >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0;
    *size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    return rules;
}

static uint64_t wanted(enum sandbox_access access)
{
    switch (access) {
    case SANDBOX_READ:
        return FS_READ_FILE | FS_READ_DIR;
    case SANDBOX_APPEND:
        return FS_WRITE_FILE | FS_MAKE_REG;
    case SANDBOX_REMOVE:
        return FS_REMOVE_FILE;
    case SANDBOX_OWN:
        return FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG |
               FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR;
    }
    return 0;
}

static bool allow(int ruleset, const struct ruleset *rules, const struct sandbox_place *place)
{
    struct stat st;
    int fd = open(place->path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return true; /* what is not there needs no rule */
    struct path_rule rule = {wanted(place->access) & rules->files, fd};
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
    bool good = !rule.allowed || syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0;
    close(fd);
    return good;
}

bool sandbox_filter_files(const struct sandbox_place *places, size_t count)
{
    size_t size;
    struct ruleset rules = forbidden(sandbox_landlock_version(), &size);
    int ruleset = (int)syscall(CALL_CREATE_RULESET, &rules, size, 0);
    bool good = ruleset >= 0;

    for (size_t i = 0; good && i < count; i++)
        good = allow(ruleset, &rules, &places[i]);
    good = good && syscall(CALL_RESTRICT_SELF, ruleset, 0) == 0;
    if (ruleset >= 0)
        close(ruleset);
    return good;
}

#else

int sandbox_landlock_version(void)
{
    return 0;
}

bool sandbox_filter_files(const struct sandbox_place *places, size_t count)
{
    (void)places;
    (void)count;
    return false;
}
#endif
