/*
 * The memory cache of one loop. Nothing is shared between loops, so a hit takes no lock: a hash of
 * the path, a chain, a list in order of last use. Bounded in bytes, and in the number of open
 * files.
 */
#include "serve/serve_priv.h"

enum { BUCKETS = 4096 };

struct memcache {
    uint64_t max_bytes;
    uint64_t bytes;
    unsigned max_files;
    unsigned files;
    unsigned generation;
    struct entry lru; /* its ring: next is the most recent */
    struct entry *buckets[BUCKETS];
};

/* FNV-1a over eight bytes at a time: paths are long, and this is the hit path. */
static size_t bucket_of(struct slice key)
{
    uint64_t hash = 14695981039346656037u;
    while (key.n >= 8) {
        uint64_t word;
        memcpy(&word, key.p, 8);
        hash = (hash ^ word) * 1099511628211u;
        hash ^= hash >> 32;
        key = slice_skip(key, 8);
    }
    for (size_t i = 0; i < key.n; i++)
        hash = (hash ^ (unsigned char)key.p[i]) * 1099511628211u;
    return (size_t)((hash ^ hash >> 32) % BUCKETS);
}

struct memcache *memcache_new(uint64_t max_bytes, unsigned max_files)
{
    struct memcache *c = xcalloc(1, sizeof(*c));
    c->max_bytes = max_bytes;
    c->max_files = max_files;
    c->lru.lru_prev = c->lru.lru_next = &c->lru;
    return c;
}

static uint64_t cost_of(const struct entry *e)
{
    return sizeof(*e) + e->arena.used_bytes;
}

static void lru_unlink(struct entry *e)
{
    e->lru_prev->lru_next = e->lru_next;
    e->lru_next->lru_prev = e->lru_prev;
}

static void lru_put_first(struct memcache *c, struct entry *e)
{
    e->lru_prev = &c->lru;
    e->lru_next = c->lru.lru_next;
    e->lru_next->lru_prev = e;
    c->lru.lru_next = e;
}

static void drop(struct memcache *c, struct entry *e)
{
    struct entry **at = &c->buckets[bucket_of(e->key)];
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    lru_unlink(e);
    c->bytes -= cost_of(e);
    c->files -= e->fd >= 0;
    metric_add(METRIC_MEMCACHE_BYTES, -(int64_t)cost_of(e));
    entry_unref(e);
}

static struct entry *find(struct memcache *c, struct slice key)
{
    struct entry *e = c->buckets[bucket_of(key)];
    while (e && !slice_eq(e->key, key))
        e = e->chain;
    return e;
}

struct entry *memcache_get(struct memcache *c, struct slice key, int64_t now_s)
{
    struct entry *e = find(c, key);
    if (!e)
        return NULL;
    if (e->good_until_s <= now_s) {
        drop(c, e);
        return NULL;
    }
    if (c->lru.lru_next != e) {
        lru_unlink(e);
        lru_put_first(c, e);
    }
    return e;
}

void memcache_put(struct memcache *c, struct entry *e)
{
    struct entry *old = find(c, e->key);
    if (old)
        drop(c, old);
    if (cost_of(e) > c->max_bytes / 4)
        return;
    entry_ref(e);
    struct entry **bucket = &c->buckets[bucket_of(e->key)];
    e->chain = *bucket;
    *bucket = e;
    lru_put_first(c, e);
    c->bytes += cost_of(e);
    c->files += e->fd >= 0;
    metric_add(METRIC_MEMCACHE_BYTES, (int64_t)cost_of(e));
    while (c->bytes > c->max_bytes || c->files > c->max_files)
        drop(c, c->lru.lru_prev);
}

uint64_t memcache_bytes(const struct memcache *c)
{
    return c->bytes;
}

static void drop_all(struct memcache *c)
{
    while (c->lru.lru_next != &c->lru)
        drop(c, c->lru.lru_next);
}

void memcache_keep(struct memcache *c, unsigned generation)
{
    if (c->generation != generation)
        drop_all(c);
    c->generation = generation;
}

void memcache_free(struct memcache *c)
{
    if (!c)
        return;
    drop_all(c);
    free(c);
}
