#include "http/pool.h"

#include <sys/mman.h>

/*
 * From here on a block has pages of its own. nghttp2 makes each session a buffer for the largest
 * frame, of which an idle connection has used the beginning: the rest of it is never touched then,
 * while malloc would give it what others have touched.
 */
enum { OWN_PAGES_BYTES = 16 << 10 };

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

/* Without huge pages, which would be touched as a whole. */
static struct pool_block *map_block(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        BUG("out of memory");
    madvise(p, bytes, MADV_NOHUGEPAGE);
    return p;
}

static struct pool_block *new_block(size_t n)
{
    if (n > SIZE_MAX / 2)
        BUG("an allocation of %zu bytes", n);
    size_t bytes = sizeof(struct pool_block) + n;
    struct pool_block *b = n < OWN_PAGES_BYTES ? xmalloc(bytes) : map_block(bytes);
    b->bytes = n;
    return b;
}

/* With very many mappings a hole may be refused: then the addresses are lost, not the memory. */
static void unmap_block(struct pool_block *b, size_t bytes)
{
    if (munmap(b, bytes) != 0)
        madvise(b, bytes, MADV_DONTNEED);
}

static void free_block(struct pool_block *b)
{
    if (b->bytes < OWN_PAGES_BYTES)
        free(b);
    else
        unmap_block(b, sizeof(*b) + b->bytes);
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
    return new_block(size_class < POOL_CLASSES ? (size_t)POOL_LEAST_BYTES << size_class : n) + 1;
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
        free_block(b);
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
