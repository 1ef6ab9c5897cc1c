/* Callers' keys: whole tokens, any header, no guessing between several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gate/api_key.h"

static struct api_key second = {.name = "second"};
static struct api_key first = {.name = "first", .next = &second};

static int set_up(void **state)
{
    (void)state;
    api_key_hash(STR("fake-key-one"), first.hash);
    api_key_hash(STR("fake-key-two"), second.hash);
    return 0;
}

static void expect(struct api_key_claims claims, enum api_key_verdict verdict,
                   const struct api_key *key)
{
    const struct api_key *found = &first;

    assert_int_equal(api_key_check(&first, &claims, &found), verdict);
    assert_ptr_equal(found, key);
}

static void takes_any_header(void **state)
{
    (void)state;
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one")}, API_KEY_GOOD, &first);
    expect((struct api_key_claims){.api_key = STR("fake-key-two")}, API_KEY_GOOD, &second);
    expect((struct api_key_claims){.x_goog_api_key = STR("fake-key-two")}, API_KEY_GOOD, &second);
    expect((struct api_key_claims){.query = STR("fake-key-one")}, API_KEY_GOOD, &first);
    expect((struct api_key_claims){.authorization = STR("fake-key-one")}, API_KEY_GOOD, &first);
}

static void reads_bearer(void **state)
{
    (void)state;
    expect((struct api_key_claims){.authorization = STR("Bearer fake-key-one")}, API_KEY_GOOD,
           &first);
    expect((struct api_key_claims){.authorization = STR("bEARER    fake-key-one ")}, API_KEY_GOOD,
           &first);
    expect((struct api_key_claims){.authorization = STR("Bearer ")}, API_KEY_MISSING, NULL);
    expect((struct api_key_claims){.authorization = STR("Bearer")}, API_KEY_MISSING, NULL);
    expect((struct api_key_claims){.authorization = STR("Bearer fake-key-one more")}, API_KEY_WRONG,
           NULL);
}

/* The seed looked for a key anywhere in the header. */
static void takes_whole_tokens_only(void **state)
{
    (void)state;
    expect((struct api_key_claims){.x_api_key = STR("fake-key-on")}, API_KEY_WRONG, NULL);
    expect((struct api_key_claims){.x_api_key = STR("xfake-key-one")}, API_KEY_WRONG, NULL);
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one,fake-key-two")}, API_KEY_WRONG,
           NULL);
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one\0x")}, API_KEY_WRONG, NULL);
    expect((struct api_key_claims){.x_api_key = STR("FAKE-KEY-ONE")}, API_KEY_WRONG, NULL);
}

/* As web servers join a header that came twice. */
static void takes_a_key_twice(void **state)
{
    (void)state;
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one, fake-key-one")}, API_KEY_GOOD,
           &first);
    expect((struct api_key_claims){.authorization = STR("Bearer fake-key-one, Bearer fake-key-one"),
                                   .query = STR("fake-key-one")},
           API_KEY_GOOD, &first);
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one, fake-key-two")},
           API_KEY_CONFLICT, NULL);
    expect((struct api_key_claims){.query = STR("nonsense, fake-key-two")}, API_KEY_CONFLICT, NULL);
    expect((struct api_key_claims){.authorization = STR("Bearer fake-key-one, Bearer nonsense")},
           API_KEY_CONFLICT, NULL);
    expect((struct api_key_claims){.authorization = STR("Digest username=\"a\", realm=\"b\"")},
           API_KEY_MISSING, NULL);
    expect((struct api_key_claims){.x_api_key = STR(", "), .authorization = STR("Bearer ,, ")},
           API_KEY_WRONG, NULL);
}

static void empty_is_missing(void **state)
{
    struct api_key_claims none = {.x_api_key = STR("  "), .authorization = STR("")};
    const struct api_key *found;

    (void)state;
    expect(none, API_KEY_MISSING, NULL);
    assert_int_equal(api_key_check(NULL, &none, &found), API_KEY_MISSING);
    none.x_api_key = STR("fake-key-one");
    assert_int_equal(api_key_check(NULL, &none, &found), API_KEY_WRONG);
}

static void does_not_choose_between_keys(void **state)
{
    (void)state;
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one"),
                                   .authorization = STR("Bearer fake-key-two")},
           API_KEY_CONFLICT, NULL);
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one"), .query = STR("wrong")},
           API_KEY_CONFLICT, NULL);
    expect((struct api_key_claims){.x_api_key = STR("fake-key-one"),
                                   .authorization = STR("Bearer fake-key-one")},
           API_KEY_GOOD, &first);
}

/* A web server that asks for a password of its own passes that header on. */
static void other_schemes_claim_nothing(void **state)
{
    (void)state;
    expect((struct api_key_claims){.authorization = STR("Basic ZmFrZQ==")}, API_KEY_MISSING, NULL);
    expect((struct api_key_claims){.authorization = STR("Basic ZmFrZQ=="),
                                   .x_api_key = STR("fake-key-two")},
           API_KEY_GOOD, &second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_any_header),
        cmocka_unit_test(reads_bearer),
        cmocka_unit_test(takes_whole_tokens_only),
        cmocka_unit_test(takes_a_key_twice),
        cmocka_unit_test(empty_is_missing),
        cmocka_unit_test(does_not_choose_between_keys),
        cmocka_unit_test(other_schemes_claim_nothing),
    };
    return cmocka_run_group_tests_name("gate/api_key", tests, set_up, NULL);
}
