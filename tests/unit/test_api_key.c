/* Callers' keys: whole tokens, any header, no guessing between several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gate/api_key.h"

static struct api_key second = {.name = "second"};
static struct api_key first = {.name = "first"};
static struct api_keys keys;

static int set_up(void **state)
{
    (void)state;
    api_key_hash(STR("fake-key-one"), first.hash);
    api_key_hash(STR("fake-key-two"), second.hash);
    if (!keys.first && (api_keys_add(&keys, &first) || api_keys_add(&keys, &second)))
        return -1;
    return 0;
}

static void expect(struct api_key_claims claims, enum api_key_verdict verdict,
                   const struct api_key *key)
{
    const struct api_key *found = &first;

    assert_int_equal(api_key_check(&keys, &claims, &found), verdict);
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
    const struct api_keys nobody = {0};
    const struct api_key *found;

    (void)state;
    expect(none, API_KEY_MISSING, NULL);
    assert_int_equal(api_key_check(&nobody, &none, &found), API_KEY_MISSING);
    none.x_api_key = STR("fake-key-one");
    assert_int_equal(api_key_check(&nobody, &none, &found), API_KEY_WRONG);
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

enum { MANY = 3000 };

/* A name is found again below others, a hash as well; neither gets in twice. */
static void finds_each_of_many(void **state)
{
    static struct api_key many[MANY], again = {.name = "key-1234"};
    static char names[MANY][16];
    struct api_keys all = {.seed = 42};
    char text[32];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "key-%d", i);
        snprintf(text, sizeof text, "fake-key-%d", i);
        many[i].name = names[i];
        api_key_hash(str_from(text), many[i].hash);
        assert_null(api_keys_add(&all, &many[i]));
    }
    for (int i = 0; i < MANY; i++) {
        const struct api_key *found;
        snprintf(text, sizeof text, "fake-key-%d", i);
        struct api_key_claims claims = {.api_key = str_from(text)};
        assert_int_equal(api_key_check(&all, &claims, &found), API_KEY_GOOD);
        assert_ptr_equal(found, &many[i]);
        assert_ptr_equal(many[i].next, i + 1 < MANY ? &many[i + 1] : NULL);
    }
    api_key_hash(STR("another"), again.hash);
    assert_ptr_equal(api_keys_add(&all, &again), &many[1234]);
    again.name = "another";
    memcpy(again.hash, many[99].hash, sizeof again.hash);
    assert_ptr_equal(api_keys_add(&all, &again), &many[99]);
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
        cmocka_unit_test(finds_each_of_many),
    };
    return cmocka_run_group_tests_name("gate/api_key", tests, set_up, NULL);
}
