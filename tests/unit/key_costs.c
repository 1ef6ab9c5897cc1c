/*
 * For the test constant_time: one look at a key, to be counted by callgrind. The argument says in which
 * byte the hash of the configured key differs, "none" that it fits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/api_key.h"

enum { KEYS = 3, DIFFERENT = 1 };

int main(int argc, char **argv)
{
    struct api_key key[KEYS] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    struct api_keys keys = {0};
    struct api_key_claims claims = {.authorization = STR("Bearer fake-key")};
    const struct api_key *found;

    if (argc != 3)
        return EXIT_FAILURE;
    int which = atoi(argv[1]);
    for (int i = 0; i < KEYS; i++) { /* this also readies the hash, which is not to be counted */
        api_key_hash(STR("fake-key"), key[i].hash);
        if (i != which || strcmp(argv[2], "none") != 0)
            key[i].hash[i == which ? atoi(argv[2]) : 0] ^= (uint8_t)(DIFFERENT << i);
        if (api_keys_add(&keys, &key[i]))
            return EXIT_FAILURE;
    }
    enum api_key_verdict verdict = api_key_check(&keys, &claims, &found);
    puts(verdict == API_KEY_GOOD ? "good" : "wrong");
    return EXIT_SUCCESS;
}
