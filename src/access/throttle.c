#include "access/throttle.h"

#include "base/encode.h"

#include <arpa/inet.h>
#include <pthread.h>

enum { SETS = 1024, WAYS = 4 };

struct place {
    uint64_t key; /* 0 = empty */
    unsigned failures;
    int64_t last_ms;
    int64_t until_ms;
};

struct throttle {
    pthread_mutex_t lock;
    uint8_t salt[16]; /* nobody can choose addresses that share a place */
    struct place places[SETS][WAYS];
};

struct throttle *throttle_new(void)
{
    struct throttle *t = xcalloc(1, sizeof(*t));
    random_bytes(t->salt, sizeof(t->salt));
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void throttle_free(struct throttle *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct slice throttle_key(struct arena *a, struct slice peer)
{
    struct in6_addr address;
    char prefix[INET6_ADDRSTRLEN];
    ptrdiff_t colon = slice_rfind(peer, ':');
    struct slice host = colon < 0 ? peer : slice_head(peer, (size_t)colon);
    if (!slice_starts(host, S("[")) || !slice_ends(host, S("]")))
        return arena_dup(a, host);
    const char *text = arena_cstr(a, slice_make(host.p + 1, host.n - 2));
    if (inet_pton(AF_INET6, text, &address) != 1)
        return arena_dup(a, host);
    memset(address.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &address, prefix, sizeof(prefix));
    return arena_printf(a, "%s/64", prefix);
}

static uint64_t hash_of(const struct throttle *t, struct slice key)
{
    uint8_t sum[SHA256_BYTES];
    char text[sizeof(t->salt) + 64] = {0};
    uint64_t hash;
    key = slice_head(key, 64);
    memcpy(text, t->salt, sizeof(t->salt));
    memcpy(text + sizeof(t->salt), key.p, key.n);
    sha256(slice_make(text, sizeof(t->salt) + key.n), sum);
    memcpy(&hash, sum, sizeof(hash));
    return hash ? hash : 1;
}

/* The key's place, if it is there and not too old; else, the oldest of its set. */
static struct place *find(struct throttle *t, uint64_t hash, int64_t now_ms)
{
    struct place *set = t->places[hash % SETS], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == hash && now_ms - set[i].last_ms < THROTTLE_FORGET_SECONDS * 1000)
            return &set[i];
        if (set[i].key == hash)
            set[i] = (struct place){0};
        if (set[i].key == 0 || set[i].last_ms < oldest->last_ms)
            oldest = &set[i];
    }
    return oldest;
}

int64_t throttle_wait_s(struct throttle *t, struct slice key, int64_t now_ms)
{
    uint64_t hash = hash_of(t, key);
    pthread_mutex_lock(&t->lock);
    const struct place *p = find(t, hash, now_ms);
    int64_t left_ms = p->key == hash ? p->until_ms - now_ms : 0;
    pthread_mutex_unlock(&t->lock);
    return left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

void throttle_note(struct throttle *t, struct slice key, int64_t now_ms)
{
    uint64_t hash = hash_of(t, key);
    pthread_mutex_lock(&t->lock);
    struct place *p = find(t, hash, now_ms);
    if (p->key != hash)
        *p = (struct place){.key = hash};
    p->last_ms = now_ms;
    if (++p->failures > THROTTLE_FREE) {
        unsigned doublings = p->failures - THROTTLE_FREE - 1;
        int64_t wait_s = doublings < 6 ? INT64_C(1) << doublings : THROTTLE_MAX_SECONDS;
        p->until_ms =
            now_ms + (wait_s < THROTTLE_MAX_SECONDS ? wait_s : THROTTLE_MAX_SECONDS) * 1000;
    }
    pthread_mutex_unlock(&t->lock);
}
