/*
 * Claims are proven together, with one read of all the tiles that they need, because a read is a
 * journey to the database. When that fails, it may be the fault of one of them, so they are proven
 * one by one.
 */
#include "sumdb/client.h"

/* Indexes to read, in the order in which their hashes are looked at. */
struct indexes {
    uint64_t *list;
    size_t count;
};

enum { LEVELS = TILE_MAX_LEVEL + 1 };

static void want(struct indexes *x, uint64_t index)
{
    x->list[x->count++] = index;
}

static void want_root(struct indexes *x, uint64_t size)
{
    x->count += tlog_root_indexes(size, x->list + x->count);
}

/* One hash of each tile in which the tree of old_size ended: so these tiles are read, and kept. */
static void want_old_edge(struct indexes *x, uint64_t old_size, uint64_t size)
{
    for (unsigned level = 0; old_size && level < LEVELS; level++) {
        unsigned shift = level * TILE_HEIGHT;
        uint64_t first = old_size >> shift >> TILE_HEIGHT << TILE_HEIGHT;
        if (first < size >> shift)
            want(x, tlog_index(level * TILE_HEIGHT, first));
    }
}

static struct indexes gather(struct arena *a, const struct sumdb_head *current,
                             const struct sumdb_claim *claims, size_t count,
                             const struct sumdb_head *newest)
{
    struct indexes x = {0};
    x.list = ARENA_ARRAY(a, uint64_t, (count + 1) * (TLOG_MAX_PROOF + 1) + LEVELS);
    want_root(&x, current->tree.size);
    for (size_t i = 0; i < count; i++) {
        want_root(&x, claims[i].head.tree.size);
        if (claims[i].has_record)
            want(&x, tlog_index(0, claims[i].record.id));
    }
    want_old_edge(&x, current->tree.size, newest->tree.size);
    return x;
}

/* The root of the tree of that size, out of the hashes that are read next. */
static struct tlog_hash take_root(const struct tlog_hash **next, uint64_t size)
{
    uint64_t indexes[TLOG_MAX_PROOF];
    size_t n = tlog_root_indexes(size, indexes);
    struct tlog_hash root = tlog_root_of(*next, n);
    *next += n;
    return root;
}

struct reading {
    const struct sumdb_client_ops *ops;
    const struct tlog_tree *tree;
};

static struct error *read_proven(void *arg, struct arena *a, const uint64_t *indexes, size_t count,
                                 struct tlog_hash *out)
{
    struct reading *r = arg;
    struct tile_source source = {r->ops->arg, r->ops->read};
    return tiles_read_hashes(a, r->tree, &source, indexes, count, out, NULL);
}

static void add_indented(struct buf *b, const char *title, struct slice text)
{
    buf_printf(b, "%s:\n", title);
    while (text.n) {
        struct slice line = slice_cut(&text, '\n');
        buf_printf(b, "\t%.*s\n", SLICE_ARG(line));
    }
}

/*
 * What a third party needs: both signed heads, the root that the newer tree has at the older one's
 * size, and the proof of that (RFC 6962, 2.1.2).
 */
static struct slice evidence_of(struct arena *a, const struct sumdb_client_ops *ops,
                                const struct sumdb_head *older, const struct sumdb_head *newer,
                                const struct tlog_hash *root)
{
    BUF_SCOPED(b);
    struct tlog_proof proof = {.count = 0};
    struct tlog_tree old = {older->tree.size, *root};
    struct reading reading = {ops, &newer->tree};
    struct tlog_reader reader = {&reading, read_proven};
    add_indented(&b, "older head", older->note);
    add_indented(&b, "newer head", newer->note);
    buf_printf(&b, "root of the newer tree's first %" PRIu64 " records:\n\t%s\n", old.size,
               tlog_hash_format(a, root).p);
    struct error *err =
        old.size ? tlog_prove_tree(a, newer->tree.size, old.size, &reader, &proof) : NULL;
    if (err || (old.size && !tlog_check_tree(&proof, &newer->tree, &old)))
        buf_printf(&b, "its proof could not be made%s%s\n", err ? ": " : "",
                   err ? error_chain(a, err).p : "");
    else
        buf_printf(&b, "its consistency proof:\n");
    for (size_t i = 0; !err && i < proof.count; i++)
        buf_printf(&b, "\t%s\n", tlog_hash_format(a, &proof.hashes[i]).p);
    return arena_dup(a, buf_slice(&b));
}

static void blame_fork(struct arena *a, const struct sumdb_client_ops *ops,
                       struct sumdb_claim *claim, const struct sumdb_head *current,
                       const struct tlog_hash *root)
{
    bool is_newer = claim->head.tree.size > current->tree.size;
    const struct sumdb_head *older = is_newer ? current : &claim->head;
    const struct sumdb_head *newer = is_newer ? &claim->head : current;
    claim->is_fork = true;
    claim->evidence = evidence_of(a, ops, older, newer, root);
    claim->err = error_new(a, STATUS_FORKED,
                           "the signed tree of size %" PRIu64 " does not begin with the signed "
                           "tree of size %" PRIu64,
                           newer->tree.size, older->tree.size);
}

/* Judges one claim from the hashes that are next. */
static bool judge(struct arena *a, const struct sumdb_client_ops *ops,
                  const struct sumdb_head *current, struct sumdb_claim *claim,
                  const struct tlog_hash **next)
{
    struct tlog_hash root = take_root(next, claim->head.tree.size);
    if (!tlog_hash_eq(&root, &claim->head.tree.root)) {
        blame_fork(a, ops, claim, current, &root);
        return false;
    }
    if (!claim->has_record)
        return true;
    struct tlog_hash record = tlog_record_hash(claim->record.text);
    if (tlog_hash_eq(&record, (*next)++))
        return true;
    claim->err = error_new(a, STATUS_MISMATCH, "the signed tree has another record %" PRIu64,
                           claim->record.id);
    return false;
}

/*
 * *is_clean: all claims are proven, the tiles kept, and *current has moved. Else the first claim
 * that is at fault has its err.
 */
static struct error *prove_together(struct arena *a, const struct sumdb_client_ops *ops,
                                    struct sumdb_head *current, struct sumdb_claim *claims,
                                    size_t count, bool *is_clean)
{
    struct tile_set proven;
    const struct sumdb_head *newest = current;
    *is_clean = false;
    for (size_t i = 0; i < count; i++) {
        if (claims[i].head.tree.size > newest->tree.size)
            newest = &claims[i].head;
    }
    if (newest->tree.size == 0) { /* an empty tree has no tiles */
        *is_clean = true;
        return NULL;
    }
    struct indexes x = gather(a, current, claims, count, newest);
    struct tlog_hash *hashes = ARENA_ARRAY(a, struct tlog_hash, x.count);
    struct tile_source source = {ops->arg, ops->read};
    struct error *err =
        tiles_read_hashes(a, &newest->tree, &source, x.list, x.count, hashes, &proven);
    if (err && err->status == STATUS_MISMATCH) {
        claims[0].err = err;
        return NULL;
    }
    if (err)
        return err;
    const struct tlog_hash *next = hashes;
    struct tlog_hash root = take_root(&next, current->tree.size);
    if (current->tree.size && !tlog_hash_eq(&root, &current->tree.root)) {
        blame_fork(a, ops, &claims[0], current, &root);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!judge(a, ops, current, &claims[i], &next))
            return NULL;
    }
    TRY(ops->keep(ops->arg, a, &proven));
    *current = *newest;
    *is_clean = true;
    return NULL;
}

static bool is_plausible(struct arena *a, struct sumdb_claim *claim)
{
    claim->err = NULL;
    claim->is_fork = false;
    struct tlog_hash empty = tlog_root_of(NULL, 0);
    if (claim->head.tree.size == 0 && !tlog_hash_eq(&claim->head.tree.root, &empty))
        claim->err = error_new(a, STATUS_BAD_ANSWER, "an empty tree with a root of something");
    if (claim->has_record && claim->record.id >= claim->head.tree.size)
        claim->err = error_new(a, STATUS_BAD_ANSWER,
                               "the record %" PRIu64 " cannot be in the signed tree of size "
                               "%" PRIu64,
                               claim->record.id, claim->head.tree.size);
    return claim->err == NULL;
}

struct error *sumdb_prove(struct arena *a, const struct sumdb_client_ops *ops,
                          struct sumdb_head *current, struct sumdb_claim *claims, size_t count)
{
    bool is_clean = true;
    for (size_t i = 0; i < count; i++)
        is_clean = is_plausible(a, &claims[i]) && is_clean;
    if (is_clean && count > 1)
        TRY(prove_together(a, ops, current, claims, count, &is_clean));
    else
        is_clean = false;
    for (size_t i = 0; !is_clean && i < count; i++) {
        bool is_one_clean;
        if (is_plausible(a, &claims[i]))
            TRY(prove_together(a, ops, current, &claims[i], 1, &is_one_clean));
    }
    return NULL;
}

/* ---- tiles ---- */

static struct error *not_in_tree(struct arena *a, const struct sumdb_head *head, struct tile t)
{
    return error_new(a, STATUS_NOT_FOUND, "the tree of size %" PRIu64 " has no %s", head->tree.size,
                     tile_format(a, t).p);
}

static struct slice data_of(const struct tile_set *set, struct tile t)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->tiles[i].level == t.level && set->tiles[i].n == t.n)
            return set->data[i];
    }
    BUG("a proven tile is lost");
}

struct error *sumdb_prove_tile(struct arena *a, const struct sumdb_client_ops *ops,
                               const struct sumdb_head *head, struct tile t, struct slice *data)
{
    struct tile whole;
    struct tlog_hash hash;
    struct tile_set proven;
    struct tile_source source = {ops->arg, ops->read};
    uint64_t first = t.n << TILE_HEIGHT;
    if (!tile_with(t.level, first + t.width - 1, head->tree.size, &whole))
        return not_in_tree(a, head, t);
    uint64_t index = tlog_index((unsigned)t.level * TILE_HEIGHT, first);
    TRY(tiles_read_hashes(a, &head->tree, &source, &index, 1, &hash, &proven));
    TRY(ops->keep(ops->arg, a, &proven));
    *data = data_of(&proven, t);
    return NULL;
}

struct error *sumdb_prove_records(struct arena *a, const struct sumdb_client_ops *ops,
                                  const struct sumdb_head *head, struct tile t,
                                  struct slice records)
{
    struct slice hashes, text;
    struct tile hash_tile = {.level = 0, .n = t.n, .width = t.width};
    TRY(sumdb_prove_tile(a, ops, head, hash_tile, &hashes));
    for (unsigned i = 0; i < t.width; i++) {
        bool is_there = records_next(&records, &text);
        struct tlog_hash h = tlog_record_hash(is_there ? text : S(""));
        if (!is_there || memcmp(h.b, hashes.p + (size_t)i * SHA256_BYTES, SHA256_BYTES) != 0)
            return error_new(a, STATUS_MISMATCH, "%s has not the records of the signed tree",
                             tile_format(a, t).p);
    }
    if (records.n)
        return error_new(a, STATUS_MISMATCH, "%s has more records than it may",
                         tile_format(a, t).p);
    return NULL;
}
