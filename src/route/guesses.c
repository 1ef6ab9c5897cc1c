/* Two tables of few words a row, claimed and replaced without locks: a row that is lost costs a count. */
#include "route/guesses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/hash.h"

enum { WAYS = 8, MINUTE_MS = 60000, NETWORK_BYTES = 8, MAPPED_BYTES = 12 };

uint64_t guesses_address(struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr six;

    if (text.n == 0)
        return 0;
    if (text.n < sizeof copy && memchr(text.p, ':', text.n)) {
        memcpy(copy, text.p, text.n);
        copy[text.n] = '\0';
        if (inet_pton(AF_INET6, copy, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six))
            text = (struct str){(const char *)&six, NETWORK_BYTES};
        else if (strrchr(copy, ':')) /* ::ffff:192.0.2.1 is 192.0.2.1 */
            text = str_from(strrchr(copy, ':') + 1);
    }
    return hash_end(hash_add(HASH_BEGIN, text));
}

/* --- wrong ones ------------------------------------------------------------------------------ */

static const struct board_visitor *find(const struct board_common *c, uint64_t address)
{
    for (unsigned i = 0; i < WAYS; i++) {
        const struct board_visitor *v = &c->visitors[(address + i) % BOARD_VISITORS];
        if (atomic_load_explicit(&v->address, memory_order_relaxed) == address)
            return v;
    }
    return NULL;
}

/* The row of an address: its own, else that of whoever has the fewest in this minute. */
static struct board_visitor *claim(struct board_common *c, uint64_t address, int64_t now_ms)
{
    struct board_visitor *least = NULL;
    uint32_t fewest = UINT32_MAX;

    for (unsigned i = 0; i < WAYS; i++) {
        struct board_visitor *v = &c->visitors[(address + i) % BOARD_VISITORS];
        uint32_t wrong = board_counted(&v->wrong, now_ms);
        if (atomic_load_explicit(&v->address, memory_order_relaxed) == address)
            return v;
        if (!least || wrong < fewest) {
            least = v;
            fewest = wrong;
        }
    }
    atomic_store_explicit(&least->address, address, memory_order_relaxed);
    atomic_store_explicit(&least->wrong, 0, memory_order_relaxed);
    return least;
}

int64_t guesses_wait_ms(const struct board_common *c, uint64_t address, int64_t most,
                        int64_t now_ms)
{
    const struct board_visitor *v = address && most ? find(c, address) : NULL;

    if (!v || board_counted(&v->wrong, now_ms) < most)
        return 0;
    return MINUTE_MS - now_ms % MINUTE_MS;
}

uint32_t guesses_note_wrong(struct board_common *c, uint64_t address, int64_t now_ms)
{
    return address ? board_count(&claim(c, address, now_ms)->wrong, now_ms) : 0;
}

/* --- good ones ------------------------------------------------------------------------------- */

static uint64_t pair(uint64_t address, struct str key_hash)
{
    struct str from = {(const char *)&address, sizeof address};

    return hash_end(hash_add(hash_add(HASH_BEGIN, from), key_hash));
}

bool guesses_is_known(const struct board_common *c, uint64_t address, struct str key_hash)
{
    uint64_t wanted = pair(address, key_hash);

    for (unsigned i = 0; i < WAYS; i++)
        if (atomic_load_explicit(&c->welcome[(wanted + i) % BOARD_WELCOME], memory_order_relaxed) ==
            wanted)
            return true;
    return false;
}

/* The newest stands first; what stood there moves on by one, and the last is forgotten. */
void guesses_note_good(struct board_common *c, uint64_t address, struct str key_hash)
{
    uint64_t moving = pair(address, key_hash), wanted = moving;

    if (!address || guesses_is_known(c, address, key_hash))
        return;
    for (unsigned i = 0; i < WAYS && moving; i++)
        moving = atomic_exchange_explicit(&c->welcome[(wanted + i) % BOARD_WELCOME], moving,
                                          memory_order_relaxed);
}
