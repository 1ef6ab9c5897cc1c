/* Any bytes as a token file, and as the answer of a token service: what is taken from them is fit
   for a header and lives for a believable time; a record survives being written and read again. */
#include <stdlib.h>

#include "aicore/retry_after.h"
#include "aicore/token_fetch.h"
#include "aicore/token_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(int good)
{
    if (!good)
        abort();
}

static void check_record(struct arena *arena, const struct token_record *record)
{
    const int64_t now = 1700000000000;
    struct token_record again;
    struct buf text = {.ceiling = TOKEN_FILE_MAX};
    const char *problem;
    int64_t left = token_record_left_ms(record, now);
    int64_t pause = token_pause_left_ms(&record->busy, now, 60000);

    check(!record->token.n || token_text_valid(record->token));
    check(left >= 0 && left <= (int64_t)TOKEN_LIFE_MAX_S * 1000 && pause >= 0 && pause <= 60000);
    token_record_write(&text, record);
    check(!text.failed && token_record_parse(arena, buf_str(&text), &again, &problem) == OK);
    check(str_eq(again.token, record->token) && again.expires_ms == record->expires_ms);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct str text = {(const char *)bytes, n};
    struct arena *arena = arena_new(64 * 1024 * 1024);
    struct token_record record;
    struct token_answer answer = {.life_s = 0};
    const char *problem;

    status s = token_record_parse(arena, text, &record, &problem);
    if (!s)
        check_record(arena, &record);
    check(s != E_SYNTAX || problem);
    if (token_answer_parse(arena, text, &answer) == OK)
        check(token_text_valid(answer.token) && answer.life_s >= 1 &&
              answer.life_s <= TOKEN_LIFE_MAX_S);
    int64_t pause = retry_after_ms(text, 1700000000);
    check(pause >= 0 && pause <= RETRY_AFTER_MAX_MS);
    arena_free(arena);
    return 0;
}
