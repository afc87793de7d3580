/*
 * Tiles: the hashes of a log in files of up to 256, and reading hashes from them without believing
 * them. Sources: golang.org/x/mod/sumdb/tlog (Tile, TileHashReader), c2sp.org/tlog-tiles. All pure.
 * [any]
 *
 * The tile (level, n) of the tree of a size has the hashes (8 * level, n * 256 …) that this tree
 * has; the right edge's are partial. What one has of them in a smaller tree is a beginning of what
 * it has in a larger one.
 */
#ifndef MODGATE_SUMDB_TILE_H
#define MODGATE_SUMDB_TILE_H

#include "sumdb/tlog.h"

/* The only height that the go command and the databases use. */
enum { TILE_HEIGHT = 8, TILE_WIDTH = 1 << TILE_HEIGHT, TILE_DATA = -1, TILE_MAX_LEVEL = 7 };

struct tile {
    int level;      /* TILE_DATA: records instead of hashes */
    uint64_t n;     /* its place within the level */
    unsigned width; /* 1 … TILE_WIDTH */
};

/* "tile/8/0/x001/067", "tile/8/data/000.p/3". */
struct slice tile_format(struct arena *a, struct tile t);
/* False unless it is what tile_format() gives. */
bool tile_parse(struct slice path, struct tile *out);

/*
 * The same tiles as c2sp.org/tlog-tiles spells them: "tile/0/x001/067", and "tile/entries/000.p/3",
 * whose level is TILE_DATA though its bytes are others. No text is a path of both kinds.
 */
bool tile_parse_c2sp(struct slice path, struct tile *out);

/* The tile of that level with the n-th hash of it, as the tree of that size has it. False when it
 * does not have that hash. */
bool tile_with(int level, uint64_t n, uint64_t size, struct tile *out);
/* The hash at that index, out of the tile that has it; data is at least as wide. */
struct tlog_hash tile_hash_at(struct tile t, struct slice data, uint64_t index);
/* The root of the full subtree over count hashes, which are a power of two and within one tile. */
struct tlog_hash tile_subtree_root(const char *hashes, size_t count);
/* The hashes of a tile from those of the tree. */
struct error *tile_read(struct arena *a, struct tile t, const struct tlog_reader *r,
                        struct slice *data) MUST_CHECK;

/* Where tiles come from: each at its width, in as many slices. Not to be believed. */
struct tile_source {
    void *arg;
    struct error *(*read)(void *arg, struct arena *a, const struct tile *tiles, size_t count,
                          struct slice *data);
};

/* Tiles that were proven to be the tree's. */
struct tile_set {
    struct tile *tiles;
    struct slice *data;
    size_t count;
};

/*
 * Reads hashes of a tree from tiles: those at the indexes, and those that prove them. All tiles
 * are asked for at once; the tiles of the right edge must give the root, each other one the hash
 * that its parent has of it. proven may be NULL. MISMATCH: a tile is not the tree's, or an index
 * not in it; else the source's error.
 */
struct error *tiles_read_hashes(struct arena *a, const struct tlog_tree *tree,
                                const struct tile_source *source, const uint64_t *indexes,
                                size_t count, struct tlog_hash *out,
                                struct tile_set *proven) MUST_CHECK;

#endif
