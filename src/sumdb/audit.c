/*
 * One pass over the data tiles. Each record's hash is pushed through the edge of a tree of our own,
 * which gives the hashes that all other tiles must have: a tile is read and compared when the edge
 * has filled it, and the unfinished ones at the end. An audit that goes on where an earlier one
 * ended reads the edge of then from the tiles; that it gives the root of then proves that the log
 * still begins with what was audited.
 */
#include "sumdb/audit.h"

#include "sumdb/edge.h"
#include "sumdb/log.h"
#include "sumdb/record_index.h"

enum { MARK_BYTES = 4, PROGRESS_RECORDS = 1 << 16 };

#define STATE_TITLE S("modgate sumdb audit 1")

struct audit {
    const struct sumdb_audit_ops *ops;
    struct tlog_tree head;
    struct sumdb_audit_state *state;
    struct tlog_edge edge;
    struct record_index index;
    bool is_at_end; /* of what can be audited */
    size_t findings;
};

static void find(struct audit *au, struct arena *a, struct slice text)
{
    au->findings++;
    au->ops->finding(au->ops->arg, text);
}

/* The tile of the head's tree that has that hash of its level; none: a finding, and the end. */
static struct error *read_tile(struct audit *au, struct arena *a, int level, uint64_t n,
                               struct tile *t, struct slice *data)
{
    if (!tile_with(level, n, au->head.size, t))
        BUG("a tile beyond the head is audited");
    struct error *err = au->ops->read(au->ops->arg, a, *t, data);
    if (!err)
        return NULL;
    enum status_class class = status_class(err->status);
    if (class != CLASS_ABSENT && class != CLASS_INTEGRITY)
        return error_wrap(a, err, "reading %s", tile_format(a, *t).p);
    find(au, a,
         arena_printf(a, "%s cannot be read: %s", tile_format(a, *t).p, error_chain(a, err).p));
    au->is_at_end = true;
    *data = S("");
    return NULL;
}

/* ---- hash tiles ---- */

static struct error *check_tile(struct audit *au, struct arena *a, int level, uint64_t last)
{
    struct tile t;
    struct slice data;
    TRY(read_tile(au, a, level, last, &t, &data));
    if (au->is_at_end)
        return NULL;
    if (data.n != (size_t)t.width * SHA256_BYTES) {
        find(au, a, arena_printf(a, "%s has %zu bytes", tile_format(a, t).p, data.n));
        return NULL;
    }
    for (unsigned i = 0; i < t.width; i++) {
        if (memcmp(data.p + (size_t)i * SHA256_BYTES, au->edge.hashes[level][i].b, SHA256_BYTES) ==
            0)
            continue;
        find(au, a,
             arena_printf(a, "%s: hash %u is not that of %s %" PRIu64, tile_format(a, t).p, i,
                          level ? "the tile below it, number" : "record",
                          (t.n << TILE_HEIGHT) + i));
        return NULL;
    }
    return NULL;
}

struct emitting {
    struct audit *au;
    struct arena *a;
};

static struct error *check_filled(void *arg, int level, uint64_t n, const struct tlog_hash *hash)
{
    struct emitting *e = arg;
    if (n % TILE_WIDTH != TILE_WIDTH - 1 || e->au->is_at_end)
        return NULL;
    return check_tile(e->au, e->a, level, n);
}

static struct error *check_unfinished(struct audit *au, struct arena *a)
{
    struct tile t;
    for (int level = 0; level < EDGE_LEVELS && !au->is_at_end; level++) {
        if (edge_tile(au->edge.size, level, &t))
            TRY(check_tile(au, a, level, (t.n << TILE_HEIGHT) + t.width - 1));
    }
    return NULL;
}

/* ---- records ---- */

static struct error *read_record(struct audit *au, struct arena *a, uint64_t id, struct slice *text)
{
    struct tile t;
    struct slice data;
    *text = S("");
    TRY(read_tile(au, a, TILE_DATA, id, &t, &data));
    for (uint64_t i = id % TILE_WIDTH + 1; i > 0 && records_next(&data, text); i--)
        continue;
    return NULL;
}

/* Whether an earlier record is of the same module version. */
static struct error *check_repetition(struct audit *au, struct arena *a, uint64_t id,
                                      struct module_version mv, struct slice text, uint32_t mark)
{
    uint64_t ids[INDEX_MAX_CANDIDATES];
    size_t count = record_index_find(&au->index, mark, ids);
    for (size_t i = 0; i < count; i++) {
        struct slice other;
        struct module_version is;
        TRY(read_record(au, a, ids[i], &other));
        if (!record_module(other, &is) || !slice_eq(is.path, mv.path) ||
            !slice_eq(is.version, mv.version))
            continue;
        find(au, a,
             arena_printf(a, "%.*s@%.*s has the records %" PRIu64 " and %" PRIu64 "%s",
                          SLICE_ARG(mv.path), SLICE_ARG(mv.version), ids[i], id,
                          slice_eq(other, text) ? "" : ", with different hashes"));
        break;
    }
    return NULL;
}

static struct error *add_record(struct audit *au, struct arena *a, struct slice text)
{
    uint64_t id = au->edge.size;
    struct module_version mv;
    uint32_t mark = 0;
    struct tlog_hash hash = tlog_record_hash(text);
    struct emitting emitting = {au, a};
    if (record_module(text, &mv)) {
        mark = record_index_hash(mv);
        TRY(check_repetition(au, a, id, mv, text, mark));
    } else {
        find(au, a,
             arena_printf(a, "record %" PRIu64 " is not the two lines of a module version", id));
    }
    if (!record_index_add(&au->index, mark, id))
        return error_new(a, STATUS_TOO_LARGE, "the log has more records than can be audited");
    buf_add(&au->state->marks, slice_make((const char *)&mark, MARK_BYTES));
    return edge_push(&au->edge, &hash, check_filled, &emitting);
}

/* The rest of the data tile in which the edge is. */
static struct error *audit_data_tile(struct audit *au, struct arena *a)
{
    struct tile t;
    struct slice data, text;
    TRY(read_tile(au, a, TILE_DATA, au->edge.size, &t, &data));
    for (uint64_t id = t.n << TILE_HEIGHT; !au->is_at_end && id < (t.n << TILE_HEIGHT) + t.width;
         id++) {
        if (!records_next(&data, &text)) {
            find(au, a,
                 arena_printf(a, "%s: record %" PRIu64 " is malformed", tile_format(a, t).p, id));
            au->is_at_end = true;
        } else if (id >= au->edge.size) {
            TRY(add_record(au, a, text));
        }
    }
    if (data.n && !au->is_at_end)
        find(au, a, arena_printf(a, "%s has more records than it may", tile_format(a, t).p));
    return NULL;
}

/* ---- where an earlier audit ended ---- */

static struct error *load_edge(struct audit *au, struct arena *a)
{
    struct tile t, now;
    struct slice data;
    for (int level = 0; level < EDGE_LEVELS && !au->is_at_end; level++) {
        if (!edge_tile(au->state->tree.size, level, &t))
            continue;
        TRY(read_tile(au, a, level, (t.n << TILE_HEIGHT) + t.width - 1, &now, &data));
        if (!au->is_at_end && data.n >= (size_t)t.width * SHA256_BYTES)
            memcpy(au->edge.hashes[level], data.p, (size_t)t.width * SHA256_BYTES);
    }
    au->edge.size = au->state->tree.size;
    return NULL;
}

static struct error *resume(struct audit *au, struct arena *a)
{
    const struct tlog_tree *was = &au->state->tree;
    if (au->head.size < was->size) {
        au->is_at_end = true;
        find(au, a,
             arena_printf(a, "the log has %" PRIu64 " records, and had %" PRIu64, au->head.size,
                          was->size));
        return NULL;
    }
    TRY(load_edge(au, a));
    struct tlog_hash root = edge_root(&au->edge);
    if (!au->is_at_end && !tlog_hash_eq(&root, &was->root)) {
        au->is_at_end = true;
        find(au, a,
             arena_printf(a,
                          "the log does not begin with the %" PRIu64
                          " records that were audited before: it was rewritten, or its tiles are "
                          "damaged",
                          was->size));
    }
    for (uint64_t id = 0; !au->is_at_end && id < was->size; id++) {
        uint32_t mark;
        memcpy(&mark, au->state->marks.p + id * MARK_BYTES, MARK_BYTES);
        if (!record_index_add(&au->index, mark, id))
            return error_new(a, STATUS_TOO_LARGE, "the log has more records than can be audited");
    }
    return NULL;
}

/* ---- the whole ---- */

static void note_place(struct audit *au)
{
    au->state->tree = (struct tlog_tree){au->edge.size, edge_root(&au->edge)};
}

static struct error *check_root(struct audit *au, struct arena *a)
{
    struct tlog_hash root = edge_root(&au->edge);
    if (!au->is_at_end && !tlog_hash_eq(&root, &au->head.root))
        find(au, a,
             arena_printf(a, "the records do not give the root of the head of size %" PRIu64,
                          au->head.size));
    return NULL;
}

static struct error *audit_all(struct audit *au, struct arena *a)
{
    TRY(resume(au, a));
    while (!au->is_at_end && au->edge.size < au->head.size) {
        TRY(audit_data_tile(au, a));
        arena_clear(a);
        if (au->ops->progress && au->findings == 0 && au->edge.size % PROGRESS_RECORDS == 0) {
            note_place(au);
            TRY(au->ops->progress(au->ops->arg, a));
        }
    }
    TRY(check_unfinished(au, a));
    TRY(check_root(au, a));
    if (au->findings == 0)
        note_place(au);
    return NULL;
}

struct error *sumdb_audit(struct arena *a, const struct sumdb_audit_ops *ops,
                          const struct tlog_tree *head, struct sumdb_audit_state *state)
{
    struct arena scratch = ARENA_INIT;
    struct audit *au = xcalloc(1, sizeof(*au));
    au->ops = ops;
    au->head = *head;
    au->state = state;
    if (state->tree.size == 0)
        state->tree.root = tlog_root_of(NULL, 0);
    struct error *err = audit_all(au, &scratch);
    if (err)
        err = error_dup(a, err);
    record_index_release(&au->index);
    arena_release(&scratch);
    free(au);
    return err;
}

/* ---- states ---- */

void audit_state_release(struct sumdb_audit_state *s)
{
    buf_release(&s->marks);
}

void audit_state_format(struct buf *b, const struct sumdb_audit_state *s)
{
    struct arena a = ARENA_INIT;
    buf_printf(b, "%s\n%.*s\n%" PRIu64 "\n%s\n%zu\n", STATE_TITLE.p, SLICE_ARG(s->source),
               s->tree.size, tlog_hash_format(&a, &s->tree.root).p, s->note.n);
    buf_add(b, s->note);
    buf_add(b, buf_slice(&s->marks));
    arena_release(&a);
}

struct error *audit_state_parse(struct arena *a, struct slice text, struct sumdb_audit_state *out)
{
    uint64_t note_bytes = 0;
    struct slice root = S("");
    *out = (struct sumdb_audit_state){0};
    struct slice title = slice_cut(&text, '\n');
    out->source = slice_cut(&text, '\n');
    bool is_good =
        slice_eq(title, STATE_TITLE) && slice_parse_u64(slice_cut(&text, '\n'), &out->tree.size) &&
        base64_decode(a, slice_cut(&text, '\n'), &root) && root.n == SHA256_BYTES &&
        slice_parse_u64(slice_cut(&text, '\n'), &note_bytes) && text.p && note_bytes <= text.n &&
        out->tree.size < UINT32_MAX && text.n - note_bytes == out->tree.size * MARK_BYTES;
    if (!is_good)
        return error_new(a, STATUS_BAD_SYNTAX, "this is no state of an audit");
    memcpy(out->tree.root.b, root.p, SHA256_BYTES);
    out->note = slice_head(text, note_bytes);
    buf_add(&out->marks, slice_skip(text, note_bytes));
    return NULL;
}
