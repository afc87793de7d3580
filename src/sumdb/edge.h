/*
 * The right edge of a growing tree: of each level of tiles the last one, as far as it goes. That is
 * all that it takes to add records and to tell the root. All pure. [any]
 */
#ifndef MODGATE_SUMDB_EDGE_H
#define MODGATE_SUMDB_EDGE_H

#include "sumdb/tile.h"

enum { EDGE_LEVELS = TILE_MAX_LEVEL + 1 };

/* Zeroed: the empty tree. Some 64 KiB: not for small stacks. */
struct tlog_edge {
    uint64_t size; /* records */
    struct tlog_hash hashes[EDGE_LEVELS][TILE_WIDTH];
};

/* The tile of that level that ends the tree; false when it ends with a full one, or has none. */
bool edge_tile(uint64_t size, int level, struct tile *out);

/* Told of each hash that tiles have: the n-th of that level of tiles. */
typedef struct error *(*edge_emit_fn)(void *arg, int level, uint64_t n,
                                      const struct tlog_hash *hash);
/* Adds a record's hash. Errors are those of emit, which may be NULL; the edge is of no use then. */
struct error *edge_push(struct tlog_edge *e, const struct tlog_hash *record, edge_emit_fn emit,
                        void *arg) MUST_CHECK;
struct tlog_hash edge_root(const struct tlog_edge *e);

#endif
