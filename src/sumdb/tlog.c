/*
 * The tree over records [lo, hi) is split at k, the largest power of two below its size: the left
 * part is a full subtree, whose root is stored; the right part is split again. So a root is made of
 * one stored hash for each bit of the size, and a proof walks down this tree. A proof lists its
 * hashes from the bottom up.
 *
 * Proofs are made in two steps, as the hashes are all read at once: a walk that lists indexes, and
 * the same walk that takes the hashes in that order.
 */
#include "sumdb/tlog.h"

struct slice tlog_hash_format(struct arena *a, const struct tlog_hash *h)
{
    return base64_encode(a, h->b, SHA256_BYTES);
}

struct tlog_hash tlog_record_hash(struct slice record)
{
    struct tlog_hash out;
    struct sha256_stream *h = sha256_new();
    sha256_add(h, "\0", 1);
    sha256_add(h, record.p, record.n);
    sha256_sum(h, out.b);
    sha256_free(h);
    return out;
}

struct tlog_hash tlog_node_hash(const struct tlog_hash *left, const struct tlog_hash *right)
{
    char bytes[1 + 2 * SHA256_BYTES] = {1};
    struct tlog_hash out;
    memcpy(bytes + 1, left->b, SHA256_BYTES);
    memcpy(bytes + 1 + SHA256_BYTES, right->b, SHA256_BYTES);
    sha256(slice_make(bytes, sizeof(bytes)), out.b);
    return out;
}

/* ---- indexes ---- */

/* The index of record n: each record before it brought one hash, each second one a parent… */
static uint64_t record_index(uint64_t n)
{
    uint64_t index = 0;
    for (; n > 0; n >>= 1)
        index += n;
    return index;
}

uint64_t tlog_index(unsigned level, uint64_t n)
{
    /* (level, n) comes with the last record below it, after the hashes of the lower levels. */
    uint64_t last = ((n + 1) << level) - 1;
    return record_index(last) + level;
}

void tlog_index_split(uint64_t index, unsigned *level, uint64_t *n)
{
    uint64_t record = index / 2; /* record_index(n) < 2n: it is this one or somewhat later */
    uint64_t at = record_index(record);
    for (;;) {
        uint64_t next = at + 1 + (uint64_t)__builtin_ctzll(record + 1);
        if (next > index)
            break;
        record++;
        at = next;
    }
    *level = (unsigned)(index - at);
    *n = record >> *level;
}

uint64_t tlog_index_count(uint64_t size)
{
    return record_index(size);
}

struct error *tlog_new_hashes(struct arena *a, uint64_t n, const struct tlog_hash *record,
                              const struct tlog_reader *r, struct tlog_hash out[TLOG_MAX_PROOF],
                              size_t *count)
{
    uint64_t indexes[TLOG_MAX_PROOF] = {0};
    struct tlog_hash left[TLOG_MAX_PROOF];
    size_t levels = (size_t)__builtin_ctzll(n + 1); /* so many subtrees end with record n */
    for (size_t i = 0; i < levels; i++)
        indexes[levels - 1 - i] = tlog_index((unsigned)i, (n >> i) - 1);
    TRY(r->read(r->arg, a, indexes, levels, left));
    out[0] = *record;
    for (size_t i = 0; i < levels; i++)
        out[i + 1] = tlog_node_hash(&left[levels - 1 - i], &out[i]);
    *count = levels + 1;
    return NULL;
}

/* ---- roots ---- */

/* The exponent of the largest power of two that is at most n; n > 0. */
static unsigned floor_log2(uint64_t n)
{
    return 63 - (unsigned)__builtin_clzll(n);
}

/* Appends the indexes that make up [lo, hi): count is how many there are already. */
static size_t range_indexes(uint64_t lo, uint64_t hi, uint64_t *out, size_t count)
{
    while (lo < hi) {
        unsigned level = floor_log2(hi - lo);
        out[count++] = tlog_index(level, lo >> level);
        lo += (uint64_t)1 << level;
    }
    return count;
}

size_t tlog_root_indexes(uint64_t size, uint64_t out[TLOG_MAX_PROOF])
{
    return range_indexes(0, size, out, 0);
}

struct tlog_hash tlog_root_of(const struct tlog_hash *hashes, size_t count)
{
    struct tlog_hash root;
    if (count == 0) {
        sha256(S(""), root.b);
        return root;
    }
    root = hashes[count - 1];
    for (size_t i = count - 1; i-- > 0;)
        root = tlog_node_hash(&hashes[i], &root);
    return root;
}

struct error *tlog_root(struct arena *a, uint64_t size, const struct tlog_reader *r,
                        struct tlog_hash *out)
{
    uint64_t indexes[TLOG_MAX_PROOF];
    struct tlog_hash hashes[TLOG_MAX_PROOF];
    size_t count = tlog_root_indexes(size, indexes);
    TRY(r->read(r->arg, a, indexes, count, hashes));
    *out = tlog_root_of(hashes, count);
    return NULL;
}

/* ---- proofs ---- */

/* A range beside the way down, whose root is a hash of the proof. */
struct sibling {
    uint64_t lo, hi;
    bool is_left; /* of the way */
};

/* The way down to what a proof is about, from the root: its siblings, and where it ends. */
struct way {
    struct sibling siblings[TLOG_MAX_PROOF];
    size_t count;
    uint64_t lo, hi;
};

/* One step down: to the left part when target is below the split. */
static void step_down(struct way *w, bool to_left, uint64_t split)
{
    struct sibling *s = &w->siblings[w->count++];
    *s = to_left ? (struct sibling){split, w->hi, false} : (struct sibling){w->lo, split, true};
    if (to_left)
        w->hi = split;
    else
        w->lo = split;
}

/* Where [lo, hi) with at least two records is split. */
static uint64_t split_of(uint64_t lo, uint64_t hi)
{
    return lo + ((uint64_t)1 << floor_log2(hi - lo - 1));
}

static void way_to_record(uint64_t size, uint64_t n, struct way *w)
{
    *w = (struct way){.hi = size};
    while (w->lo + 1 < w->hi) {
        uint64_t split = split_of(w->lo, w->hi);
        step_down(w, n < split, split);
    }
}

/* Ends where the range ends with the old tree. */
static void way_to_tree(uint64_t size, uint64_t old_size, struct way *w)
{
    *w = (struct way){.hi = size};
    while (w->hi != old_size) {
        uint64_t split = split_of(w->lo, w->hi);
        step_down(w, old_size <= split, split);
    }
}

/* The roots of count ranges, all read at once. */
static struct error *read_roots(struct arena *a, const struct sibling *ranges, size_t count,
                                const struct tlog_reader *r, struct tlog_hash *out)
{
    size_t n = 0, starts[TLOG_MAX_PROOF + 1];
    uint64_t *indexes = ARENA_ARRAY(a, uint64_t, count * TLOG_MAX_PROOF);
    for (size_t i = 0; i < count; i++) {
        starts[i] = n;
        n = range_indexes(ranges[i].lo, ranges[i].hi, indexes, n);
    }
    starts[count] = n;
    struct tlog_hash *hashes = ARENA_ARRAY(a, struct tlog_hash, n);
    TRY(r->read(r->arg, a, indexes, n, hashes));
    for (size_t i = 0; i < count; i++)
        out[i] = tlog_root_of(hashes + starts[i], starts[i + 1] - starts[i]);
    return NULL;
}

/* The siblings' roots from the bottom up, and before them that of the end when it is asked for. */
static struct error *prove(struct arena *a, const struct way *w, bool with_end,
                           const struct tlog_reader *r, struct tlog_proof *out)
{
    struct sibling ranges[TLOG_MAX_PROOF];
    out->count = 0;
    if (with_end)
        ranges[out->count++] = (struct sibling){w->lo, w->hi, false};
    for (size_t i = w->count; i-- > 0;)
        ranges[out->count++] = w->siblings[i];
    return read_roots(a, ranges, out->count, r, out->hashes);
}

struct error *tlog_prove_record(struct arena *a, uint64_t size, uint64_t n,
                                const struct tlog_reader *r, struct tlog_proof *out)
{
    struct way w;
    if (n >= size || size >= TLOG_MAX_SIZE)
        BUG("a proof of record %" PRIu64 " in a tree of %" PRIu64, n, size);
    way_to_record(size, n, &w);
    return prove(a, &w, false, r, out);
}

bool tlog_check_record(const struct tlog_proof *p, const struct tlog_tree *tree, uint64_t n,
                       const struct tlog_hash *record)
{
    struct way w;
    struct tlog_hash h = *record;
    if (n >= tree->size || tree->size >= TLOG_MAX_SIZE)
        return false;
    way_to_record(tree->size, n, &w);
    if (p->count != w.count)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        bool is_left = w.siblings[w.count - 1 - i].is_left;
        h = is_left ? tlog_node_hash(&p->hashes[i], &h) : tlog_node_hash(&h, &p->hashes[i]);
    }
    return tlog_hash_eq(&h, &tree->root);
}

struct error *tlog_prove_tree(struct arena *a, uint64_t size, uint64_t old_size,
                              const struct tlog_reader *r, struct tlog_proof *out)
{
    struct way w;
    if (old_size == 0 || old_size > size || size >= TLOG_MAX_SIZE)
        BUG("a proof that a tree of %" PRIu64 " begins with one of %" PRIu64, size, old_size);
    way_to_tree(size, old_size, &w);
    return prove(a, &w, w.lo != 0, r, out);
}

bool tlog_check_tree(const struct tlog_proof *p, const struct tlog_tree *tree,
                     const struct tlog_tree *old)
{
    struct way w;
    if (old->size == 0 || old->size > tree->size || tree->size >= TLOG_MAX_SIZE)
        return false;
    way_to_tree(tree->size, old->size, &w);
    size_t first = w.lo != 0; /* a way that ends at 0 ends at the old tree itself */
    if (p->count != w.count + first)
        return false;
    struct tlog_hash was = first ? p->hashes[0] : old->root, is = was;
    for (size_t i = first; i < p->count; i++) {
        const struct tlog_hash *h = &p->hashes[i];
        bool is_left = w.siblings[w.count - 1 - (i - first)].is_left;
        is = is_left ? tlog_node_hash(h, &is) : tlog_node_hash(&is, h);
        was = is_left ? tlog_node_hash(h, &was) : was;
    }
    return tlog_hash_eq(&is, &tree->root) && tlog_hash_eq(&was, &old->root);
}
