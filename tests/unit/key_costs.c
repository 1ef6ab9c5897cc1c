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
    struct api_key keys[KEYS] = {{.name = "a", .next = &keys[1]}, {.name = "b", .next = &keys[2]}};
    struct api_key_claims claims = {.authorization = STR("Bearer fake-key")};
    const struct api_key *found;

    if (argc != 3)
        return EXIT_FAILURE;
    int which = atoi(argv[1]);
    for (int i = 0; i < KEYS; i++) { /* this also readies the hash, which is not to be counted */
        api_key_hash(STR("fake-key"), keys[i].hash);
        if (i != which || strcmp(argv[2], "none") != 0)
            keys[i].hash[i == which ? atoi(argv[2]) : 0] ^= DIFFERENT;
    }
    enum api_key_verdict verdict = api_key_check(keys, &claims, &found);
    puts(verdict == API_KEY_GOOD ? "good" : "wrong");
    return EXIT_SUCCESS;
}
