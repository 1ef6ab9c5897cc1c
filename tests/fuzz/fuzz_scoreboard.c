/* Any bytes as a scoreboard's file, and any bytes behind a good header: opening never fails for
   them, rows are found or not, nothing is read outside, and what is shown is printable. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "route/scoreboard.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { HEADER_BYTES = 56, KEYS = 40 };

static char folder[64], path[96];

static void check(int good)
{
    if (!good)
        abort();
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/fuzz-scoreboard-XXXXXX");
    check(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/scoreboard", folder);
    log_set_level(LOG_LEVEL_ERROR);
    atexit(remove_folder);
}

static void put(const uint8_t *bytes, size_t n, off_t at, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);

    check(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n);
    close(fd);
}

static void use(struct scoreboard *b)
{
    char text[BOARD_LABEL_BYTES];

    for (uint64_t key = 1; key <= KEYS; key++) {
        struct board_target *t = scoreboard_target(b, key * UINT64_C(0x9e3779b97f4a7c15), STR("t"));
        struct board_score score;
        scoreboard_begin(b, t, &score);
        if (t)
            scoreboard_in_flight(b, t);
        scoreboard_end(&score);
    }
    board_count(&scoreboard_common(b)->retries, 1);
    const struct board_target *t;
    for (unsigned i = 0; (t = scoreboard_target_at(b, i)) != NULL; i++) {
        struct str label = board_label(&t->row, text);
        for (size_t k = 0; k < label.n; k++)
            check(label.p[k] >= ' ' && label.p[k] <= '~');
    }
    scoreboard_tend(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct scoreboard_settings settings = {folder, BOARD_TARGETS_MIN, BOARD_SEATS_MIN};

    if (!*folder)
        make_folder();
    put(bytes, n, 0, O_TRUNC);
    struct scoreboard *b = scoreboard_open(&settings);
    check(b && scoreboard_is_shared(b));
    use(b);
    struct stat st;
    check(stat(path, &st) == 0);
    if ((off_t)n > st.st_size - HEADER_BYTES)
        n = (size_t)(st.st_size - HEADER_BYTES);
    put(bytes, n, HEADER_BYTES, 0); /* under our feet */
    use(b);
    scoreboard_close(b);
    b = scoreboard_open(&settings); /* and as it was found */
    check(b && scoreboard_is_shared(b));
    use(b);
    scoreboard_close(b);
    return 0;
}
