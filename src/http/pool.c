#include "http/pool.h"

/* Stands before each block; as long as the strictest alignment. */
struct pool_block {
    _Alignas(16) struct pool_block *next;
    size_t bytes; /* that the block can hold */
};

/* The size_class of the blocks that hold n bytes; POOL_CLASSES when n is too large for all. */
static unsigned class_of(size_t n)
{
    if (n <= POOL_LEAST_BYTES)
        return 0;
    unsigned doublings = 64 - (unsigned)__builtin_clzll((n - 1) / POOL_LEAST_BYTES);
    return doublings < POOL_CLASSES ? doublings : POOL_CLASSES;
}

void *pool_malloc(size_t n, void *user)
{
    struct pool *pool = user;
    unsigned size_class = class_of(n);
    struct pool_block *b = size_class < POOL_CLASSES ? pool->free[size_class] : NULL;
    if (b) {
        pool->free[size_class] = b->next;
        pool->count[size_class]--;
        return b + 1;
    }
    size_t bytes = size_class < POOL_CLASSES ? (size_t)POOL_LEAST_BYTES << size_class : n;
    if (bytes > SIZE_MAX / 2)
        BUG("an allocation of %zu bytes", bytes);
    b = xmalloc(sizeof(*b) + bytes);
    b->bytes = bytes;
    return b + 1;
}

void *pool_calloc(size_t count, size_t size, void *user)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        BUG("an array of %zu times %zu bytes", count, size);
    return memset(pool_malloc(n, user), 0, n);
}

void *pool_realloc(void *p, size_t n, void *user)
{
    if (!p)
        return pool_malloc(n, user);
    const struct pool_block *b = (struct pool_block *)p - 1;
    if (n <= b->bytes)
        return p;
    void *grown = pool_malloc(n, user);
    memcpy(grown, p, b->bytes);
    pool_free(p, user);
    return grown;
}

void pool_free(void *p, void *user)
{
    struct pool *pool = user;
    if (!p)
        return;
    struct pool_block *b = (struct pool_block *)p - 1;
    unsigned size_class = class_of(b->bytes);
    if (size_class == POOL_CLASSES || pool->count[size_class] == POOL_MAX_FREE) {
        free(b);
        return;
    }
    b->next = pool->free[size_class];
    pool->free[size_class] = b;
    pool->count[size_class]++;
}

void pool_release(struct pool *pool)
{
    for (unsigned size_class = 0; size_class < POOL_CLASSES; size_class++) {
        for (struct pool_block *b = pool->free[size_class], *next; b; b = next) {
            next = b->next;
            free(b);
        }
    }
    *pool = (struct pool){0};
}
