/*
 * Tiles. A tile with 256 hashes stands for a full subtree of height 8: its own root is one hash of
 * the tile above it, its parent. So a tile is proven by its parent, that by its own, up to a tile
 * of the right edge; and those are proven together, because the hashes that make up the tree's root
 * all are in them. No tile is believed before the chain from the root reaches it.
 */
#include "sumdb/tile.h"

#include <stdio.h>

enum { PATH_BASE = 1000, MAX_GROUPS = 6 };

struct slice tile_format(struct arena *a, struct tile t)
{
    char groups[MAX_GROUPS * 6 + 8] = "", level[8] = "data", partial[16] = "";
    char *p = groups + sizeof(groups) - 1;
    uint64_t n = t.n;
    p -= 3;
    char group[5];
    snprintf(group, sizeof(group), "%03u", (unsigned)(n % PATH_BASE));
    memcpy(p, group, 3);
    for (n /= PATH_BASE; n > 0; n /= PATH_BASE) {
        p -= 5;
        snprintf(group, sizeof(group), "x%03u", (unsigned)(n % PATH_BASE));
        memcpy(p, group, 4);
        p[4] = '/';
    }
    if (t.level != TILE_DATA)
        snprintf(level, sizeof(level), "%d", t.level);
    if (t.width != TILE_WIDTH)
        snprintf(partial, sizeof(partial), ".p/%u", t.width);
    return arena_printf(a, "tile/%d/%s/%.*s%s", TILE_HEIGHT, level,
                        (int)(groups + sizeof(groups) - 1 - p), p, partial);
}

static bool parse_level(struct slice s, struct slice data_word, int *level)
{
    uint64_t v;
    *level = TILE_DATA;
    if (slice_eq(s, data_word))
        return true;
    if (s.n != 1 || !slice_parse_u64(s, &v) || v > TILE_MAX_LEVEL)
        return false;
    *level = (int)v;
    return true;
}

static bool parse_width(struct slice s, unsigned *width)
{
    uint64_t v;
    if (s.n == 0 || s.n > 3 || s.p[0] == '0' || !slice_parse_u64(s, &v) || v >= TILE_WIDTH)
        return false;
    *width = (unsigned)v;
    return true;
}

/* "x001/x234/067": all groups but the last have an x, and the first of several is not 0. */
static bool parse_place(struct slice s, uint64_t *n)
{
    *n = 0;
    for (int groups = 0; s.p; groups++) {
        uint64_t v;
        struct slice group = slice_cut(&s, '/');
        bool is_last = s.p == NULL;
        if (!is_last && group.n && group.p[0] != 'x')
            return false;
        if (!is_last)
            group = slice_skip(group, 1);
        if (group.n != 3 || !slice_parse_u64(group, &v) || groups == MAX_GROUPS)
            return false;
        if (groups == 0 && !is_last && v == 0)
            return false;
        *n = *n * PATH_BASE + v;
    }
    return *n < TLOG_MAX_SIZE >> TILE_HEIGHT;
}

static bool parse_path(struct slice path, struct slice prefix, struct slice data_word,
                       struct tile *out)
{
    out->width = TILE_WIDTH;
    if (!slice_starts(path, prefix))
        return false;
    path = slice_skip(path, prefix.n);
    if (!parse_level(slice_cut(&path, '/'), data_word, &out->level) || !path.p)
        return false;
    ptrdiff_t partial = slice_find_slice(path, S(".p/"));
    if (partial >= 0 && !parse_width(slice_skip(path, (size_t)partial + 3), &out->width))
        return false;
    if (partial >= 0)
        path = slice_head(path, (size_t)partial);
    return parse_place(path, &out->n);
}

bool tile_parse(struct slice path, struct tile *out)
{
    return parse_path(path, S("tile/8/"), S("data"), out);
}

bool tile_parse_c2sp(struct slice path, struct tile *out)
{
    return parse_path(path, S("tile/"), S("entries"), out);
}

/* ---- hashes in tiles ---- */

bool tile_with(int level, uint64_t n, uint64_t size, struct tile *out)
{
    unsigned shift = level == TILE_DATA ? 0 : (unsigned)level * TILE_HEIGHT;
    uint64_t hashes = shift < 64 ? size >> shift : 0;
    if (n >= hashes)
        return false;
    out->level = level;
    out->n = n >> TILE_HEIGHT;
    uint64_t left = hashes - (out->n << TILE_HEIGHT);
    out->width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
    return true;
}

/* Where the hash (level, n) of the tree lies: in the tile of that level, made of the hashes
 * [first, first + count) of it. */
struct place {
    int tile_level;
    uint64_t tile_n;
    unsigned first, count;
};

static struct place place_of(uint64_t index)
{
    unsigned level;
    uint64_t n;
    tlog_index_split(index, &level, &n);
    unsigned within = level % TILE_HEIGHT;
    uint64_t first = n << within;
    return (struct place){
        .tile_level = (int)(level / TILE_HEIGHT),
        .tile_n = first >> TILE_HEIGHT,
        .first = (unsigned)(first % TILE_WIDTH),
        .count = 1U << within,
    };
}

struct tlog_hash tile_subtree_root(const char *hashes, size_t count)
{
    struct tlog_hash level[TILE_WIDTH];
    memcpy(level, hashes, count * SHA256_BYTES);
    for (; count > 1; count /= 2) {
        for (size_t i = 0; i < count / 2; i++)
            level[i] = tlog_node_hash(&level[2 * i], &level[2 * i + 1]);
    }
    return level[0];
}

struct tlog_hash tile_hash_at(struct tile t, struct slice data, uint64_t index)
{
    struct place p = place_of(index);
    if (t.level != p.tile_level || t.n != p.tile_n || t.width < p.first + p.count ||
        data.n < (size_t)t.width * SHA256_BYTES)
        BUG("a hash is looked for in the wrong tile");
    return tile_subtree_root(data.p + (size_t)p.first * SHA256_BYTES, p.count);
}

struct error *tile_read(struct arena *a, struct tile t, const struct tlog_reader *r,
                        struct slice *data)
{
    uint64_t indexes[TILE_WIDTH];
    struct tlog_hash *hashes = ARENA_ARRAY(a, struct tlog_hash, t.width);
    for (unsigned i = 0; i < t.width; i++)
        indexes[i] = tlog_index((unsigned)t.level * TILE_HEIGHT, (t.n << TILE_HEIGHT) + i);
    TRY(r->read(r->arg, a, indexes, t.width, hashes));
    *data = slice_make((const char *)hashes, (size_t)t.width * SHA256_BYTES);
    return NULL;
}

/* ---- reading hashes ---- */

/* The tiles to ask for: parents stand before their children, the right edge first. */
struct plan {
    const struct tlog_tree *tree;
    struct arena *a;
    struct tile_set set;
    size_t cap;
    size_t edge_count; /* the first ones, which prove each other */
    uint64_t edge[TLOG_MAX_PROOF];
    size_t edge_hashes;
};

static bool find(const struct plan *p, struct tile t, size_t *at)
{
    for (*at = 0; *at < p->set.count; ++*at) {
        const struct tile *have = &p->set.tiles[*at];
        if (have->level == t.level && have->n == t.n)
            return true;
    }
    return false;
}

static void add(struct plan *p, struct tile t)
{
    if (p->set.count == p->cap) {
        struct tile *old = p->set.tiles;
        p->cap = p->cap ? 2 * p->cap : 16;
        p->set.tiles = ARENA_ARRAY(p->a, struct tile, p->cap);
        if (old)
            memcpy(p->set.tiles, old, p->set.count * sizeof(*old));
    }
    p->set.tiles[p->set.count++] = t;
}

/* The tile that has the hash at index, in this tree. */
static bool tile_of(const struct plan *p, uint64_t index, struct tile *out)
{
    struct place place = place_of(index);
    uint64_t last = (place.tile_n << TILE_HEIGHT) + place.first + place.count - 1;
    return tile_with(place.tile_level, last, p->tree->size, out);
}

static bool parent_of(const struct plan *p, struct tile t, struct tile *out)
{
    return t.width == TILE_WIDTH && tile_with(t.level + 1, t.n, p->tree->size, out);
}

static void plan_edge(struct plan *p)
{
    size_t at;
    struct tile t;
    p->edge_hashes = tlog_root_indexes(p->tree->size, p->edge);
    for (size_t i = 0; i < p->edge_hashes; i++) {
        if (tile_of(p, p->edge[i], &t) && !find(p, t, &at))
            add(p, t);
    }
    p->edge_count = p->set.count;
}

/* The tile and its parents up to one that is planned; false: not in the tree. */
static bool plan_index(struct plan *p, uint64_t index)
{
    size_t at, count = 0;
    struct tile chain[TILE_MAX_LEVEL + 2];
    if (!tile_of(p, index, &chain[0]))
        return false;
    while (!find(p, chain[count], &at)) {
        if (!parent_of(p, chain[count], &chain[count + 1]))
            BUG("a tile of the right edge is not planned");
        count++;
    }
    while (count > 0)
        add(p, chain[--count]);
    return true;
}

static struct error *refuse(struct arena *a, struct tile t)
{
    return error_new(a, STATUS_MISMATCH, "%s is not a tile of the signed tree",
                     tile_format(a, t).p);
}

static struct tlog_hash hash_at(const struct plan *p, uint64_t index)
{
    size_t at;
    struct tile t;
    if (!tile_of(p, index, &t) || !find(p, t, &at))
        BUG("a hash whose tile is not planned");
    return tile_hash_at(p->set.tiles[at], p->set.data[at], index);
}

static struct error *check_edge(struct plan *p)
{
    struct tlog_hash hashes[TLOG_MAX_PROOF];
    for (size_t i = 0; i < p->edge_hashes; i++)
        hashes[i] = hash_at(p, p->edge[i]);
    struct tlog_hash root = tlog_root_of(hashes, p->edge_hashes);
    if (tlog_hash_eq(&root, &p->tree->root))
        return NULL;
    return error_new(p->a, STATUS_MISMATCH,
                     "the tiles of the right edge do not give the root of the signed tree of size "
                     "%" PRIu64,
                     p->tree->size);
}

static struct error *check_tiles(struct plan *p)
{
    for (size_t i = 0; i < p->set.count; i++) {
        if (p->set.data[i].n != (size_t)p->set.tiles[i].width * SHA256_BYTES)
            return refuse(p->a, p->set.tiles[i]);
    }
    TRY(check_edge(p));
    for (size_t i = p->edge_count; i < p->set.count; i++) {
        struct tile t = p->set.tiles[i];
        struct tlog_hash root = tile_subtree_root(p->set.data[i].p, TILE_WIDTH);
        struct tlog_hash want = hash_at(p, tlog_index((unsigned)(t.level + 1) * TILE_HEIGHT, t.n));
        if (!tlog_hash_eq(&root, &want))
            return refuse(p->a, t);
    }
    return NULL;
}

struct error *tiles_read_hashes(struct arena *a, const struct tlog_tree *tree,
                                const struct tile_source *source, const uint64_t *indexes,
                                size_t count, struct tlog_hash *out, struct tile_set *proven)
{
    struct plan p = {.tree = tree, .a = a};
    plan_edge(&p);
    for (size_t i = 0; i < count; i++) {
        if (!plan_index(&p, indexes[i]))
            return error_new(a, STATUS_MISMATCH,
                             "the tree of size %" PRIu64 " does not have the hash %" PRIu64,
                             tree->size, indexes[i]);
    }
    p.set.data = ARENA_ARRAY(a, struct slice, p.set.count);
    TRY(source->read(source->arg, a, p.set.tiles, p.set.count, p.set.data));
    TRY(check_tiles(&p));
    for (size_t i = 0; i < count; i++)
        out[i] = hash_at(&p, indexes[i]);
    if (proven)
        *proven = p.set;
    return NULL;
}
