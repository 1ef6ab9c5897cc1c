/* The order of things, and their names. */
#include "base/sandbox.h"

#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED true
#elif defined __has_feature
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED false
#endif

static unsigned entered;

unsigned sandbox_parts(void)
{
    return entered;
}

bool sandbox_is_left_out(void)
{
    return SANITIZED;
}

static bool give_up_privileges(void)
{
#ifdef __linux__
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
#else
    return false;
#endif
}

void sandbox_prepare(void)
{
    struct rlimit none = {0, 0};

    umask(077);
    setrlimit(RLIMIT_CORE, &none);
    give_up_privileges();
#ifdef __linux__
    if (!SANITIZED) /* the leak check traces its own process */
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* Files first: opening them for the rules must not meet the filter of calls. */
unsigned sandbox_enter(const struct sandbox_place *places, size_t count)
{
    entered = give_up_privileges() ? SANDBOX_PRIVILEGES : 0;
    if (SANITIZED || !entered) /* the kernel asks for it before it takes a filter */
        return entered;
    if (sandbox_filter_files(places, count))
        entered |= SANDBOX_FILES;
    if (sandbox_filter_calls())
        entered |= SANDBOX_CALLS;
    return entered;
}

unsigned sandbox_offered(void)
{
    unsigned parts = 0;

#ifdef __linux__
    parts |= SANDBOX_PRIVILEGES;
#endif
    if (SANITIZED)
        return parts;
    if (sandbox_offers_calls())
        parts |= SANDBOX_CALLS;
    if (sandbox_landlock_version() > 0)
        parts |= SANDBOX_FILES;
    return parts;
}

void sandbox_describe(unsigned parts, struct buf *out)
{
    const char *before = "";

    if (parts & SANDBOX_PRIVILEGES) {
        buf_add_cstr(out, "no new privileges");
        before = ", ";
    }
    if (parts & SANDBOX_CALLS) {
        buf_printf(out, "%sseccomp", before);
        before = ", ";
    }
    if (parts & SANDBOX_FILES)
        buf_printf(out, "%sLandlock %d", before, sandbox_landlock_version());
    if (!(parts & SANDBOX_WHOLE))
        buf_add_cstr(out, "none");
}
