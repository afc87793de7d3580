#include "sumdb/edge.h"

/* How many hashes of that level the last, unfinished tile has. */
static unsigned count_of(uint64_t size, int level)
{
    return (unsigned)(size >> (level * TILE_HEIGHT) & (TILE_WIDTH - 1));
}

bool edge_tile(uint64_t size, int level, struct tile *out)
{
    unsigned count = count_of(size, level);
    *out = (struct tile){level, size >> (level * TILE_HEIGHT) >> TILE_HEIGHT, count};
    return count != 0;
}

struct error *edge_push(struct tlog_edge *e, const struct tlog_hash *record, edge_emit_fn emit,
                        void *arg)
{
    struct tlog_hash hash = *record;
    for (int level = 0; level < EDGE_LEVELS; level++) {
        unsigned at = count_of(e->size, level);
        e->hashes[level][at] = hash;
        if (emit)
            TRY(emit(arg, level, e->size >> (level * TILE_HEIGHT), &hash));
        if (at != TILE_WIDTH - 1)
            break;
        hash = tile_subtree_root((const char *)e->hashes[level], TILE_WIDTH);
    }
    e->size++;
    return NULL;
}

struct tlog_hash edge_root(const struct tlog_edge *e)
{
    struct tlog_hash roots[TLOG_MAX_PROOF];
    size_t count = 0;
    for (int level = EDGE_LEVELS - 1; level >= 0; level--) {
        unsigned left = count_of(e->size, level), at = 0;
        for (unsigned width = TILE_WIDTH / 2; width > 0; width /= 2) {
            if (!(left & width))
                continue;
            roots[count++] = tile_subtree_root((const char *)&e->hashes[level][at], width);
            at += width;
        }
    }
    return tlog_root_of(roots, count);
}
