/*
 * Memory for nghttp2: it makes and frees a dozen small blocks for each stream, more of each size
 * than malloc's thread cache holds. Free blocks are kept in lists by size, for one loop. Large ones
 * have pages of their own. [loop]
 */
#ifndef MODGATE_HTTP_POOL_H
#define MODGATE_HTTP_POOL_H

#include "base/base.h"

enum { POOL_CLASSES = 5, POOL_LEAST_BYTES = 64, POOL_MAX_FREE = 512 };

struct pool_block;

struct pool {
    struct pool_block *free[POOL_CLASSES]; /* of 64, 128, … 1024 bytes */
    unsigned count[POOL_CLASSES];
};

/* The functions that nghttp2_mem wants; user is the pool. Memory out aborts. */
void *pool_malloc(size_t n, void *user);
void *pool_calloc(size_t count, size_t size, void *user);
void *pool_realloc(void *p, size_t n, void *user);
void pool_free(void *p, void *user);
/* Gives the free blocks back; those in use are not touched. */
void pool_release(struct pool *pool);

#endif
