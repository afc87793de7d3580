/*
 * Appending is: write all parts, sync, sign, publish, and only then let the new state be ours. The
 * edge of the tree is all that must be known for it; nothing is read.
 *
 * Opening reads the records once, from the first to the last, and pushes each through an edge of
 * its own. What that gives for the other parts is compared with what they have, in pieces, and
 * written where it differs. Nothing is changed before the records are known to give the root of the
 * published head: this takes two passes when there is something to repair, one when there is not.
 */
#include "sumdb/log.h"

#include "gomod/h1.h"
#include "sumdb/edge.h"
#include "sumdb/proof.h"

enum { END_BYTES = 8, SCAN_PIECE_BYTES = 1 << 20, CHECK_PIECE_BYTES = 64 << 10 };

struct sumdb_log {
    struct sumdb_log_ops ops;
    struct arena arena; /* of the signers */
    struct note_signer *signers;
    size_t signer_count;
    struct tlog_edge edge, next_edge; /* of the head; of the batch under way */
    uint64_t record_bytes;
    struct sumdb_head head;
    struct buf note;
    bool is_broken;
};

/* ---- names ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(".-_~", c));
}

/* One between slashes; the first one may end in a port. */
static bool is_name_part(struct slice part, bool is_host)
{
    static const char *const taken[] = {"lookup", "tile", "latest", "supported", "checkpoint"};
    struct slice port = part;
    uint64_t number;
    if (is_host)
        part = slice_cut(&port, ':');
    if (is_host && port.p && (!slice_parse_u64(port, &number) || number == 0 || number > 65535))
        return false;
    for (size_t i = 0; i < part.n; i++) {
        if (!is_name_char(part.p[i]))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        if (slice_eq(part, slice_of(taken[i])))
            return false;
    }
    return part.n && part.p[0] != '.' && part.p[0] != '-';
}

bool sumdb_name_is_servable(struct slice name)
{
    for (bool is_host = true; name.p; is_host = false) {
        if (!is_name_part(slice_cut(&name, '/'), is_host))
            return false;
    }
    return true;
}

/* ---- records ---- */

struct slice record_make(struct arena *a, struct module_version mv, struct slice zip_h1,
                         struct slice go_mod_h1)
{
    return arena_printf(a, "%.*s %.*s %.*s\n%.*s %.*s/go.mod %.*s\n", SLICE_ARG(mv.path),
                        SLICE_ARG(mv.version), SLICE_ARG(zip_h1), SLICE_ARG(mv.path),
                        SLICE_ARG(mv.version), SLICE_ARG(go_mod_h1));
}

/* "<path> <version> <h1>" */
static bool split_line(struct slice line, struct module_version *mv)
{
    mv->path = slice_cut(&line, ' ');
    mv->version = slice_cut(&line, ' ');
    return mv->path.n && mv->version.n && line.p && h1_is_valid(line);
}

bool record_module(struct slice text, struct module_version *out)
{
    struct module_version second;
    struct slice first = slice_cut(&text, '\n'), line = slice_cut(&text, '\n');
    if (!text.p || text.n || !split_line(first, out) || !split_line(line, &second) ||
        !slice_ends(second.version, S("/go.mod")))
        return false;
    second.version.n -= strlen("/go.mod");
    return slice_eq(out->path, second.path) && slice_eq(out->version, second.version);
}

struct error *records_to_entries(struct arena *a, struct slice data, struct slice *out)
{
    BUF_SCOPED(b);
    while (data.n) {
        struct slice text;
        if (!records_next(&data, &text) || text.n > UINT16_MAX)
            return error_new(a, STATUS_CORRUPT, "a stored record is malformed");
        buf_add_byte(&b, (char)(text.n >> 8));
        buf_add_byte(&b, (char)(text.n & 0xff));
        buf_add(&b, text);
    }
    *out = arena_dup(a, buf_slice(&b));
    return NULL;
}

/* ---- reading ---- */

static struct error *read_exactly(struct arena *a, const struct sumdb_log_ops *ops, int part,
                                  uint64_t offset, size_t n, struct slice *out)
{
    TRY(ops->read(ops->arg, a, part, offset, n, out));
    if (out->n == n)
        return NULL;
    return error_new(a, STATUS_CORRUPT,
                     "the checksum database's log has fewer bytes than its head says");
}

static void put_u64(char *p, uint64_t v)
{
    for (size_t i = 0; i < END_BYTES; i++)
        p[i] = (char)(v >> (8 * i));
}

static uint64_t get_u64(const char *p)
{
    uint64_t v = 0;
    for (size_t i = 0; i < END_BYTES; i++)
        v |= (uint64_t)(uint8_t)p[i] << (8 * i);
    return v;
}

/* Where records [first, first + count) lie. */
static struct error *record_range(struct arena *a, const struct sumdb_log_ops *ops, uint64_t first,
                                  uint64_t count, uint64_t *from, uint64_t *to)
{
    struct slice bytes;
    uint64_t before = first ? 1 : 0;
    TRY(read_exactly(a, ops, LOG_ENDS, (first - before) * END_BYTES, (before + count) * END_BYTES,
                     &bytes));
    *from = before ? get_u64(bytes.p) : 0;
    *to = get_u64(bytes.p + (before + count - 1) * END_BYTES);
    if (*to > *from && *to - *from <= count * (LOG_RECORD_MAX_BYTES + 1))
        return NULL;
    return error_new(a, STATUS_CORRUPT, "the checksum database's log is damaged at record %" PRIu64,
                     first);
}

static struct error *read_records(struct arena *a, const struct sumdb_log_ops *ops, uint64_t first,
                                  uint64_t count, struct slice *data)
{
    uint64_t from, to;
    TRY(record_range(a, ops, first, count, &from, &to));
    return read_exactly(a, ops, LOG_RECORDS, from, to - from, data);
}

struct error *sumdb_log_tile(struct arena *a, const struct sumdb_log_ops *ops, uint64_t size,
                             struct tile t, struct slice *data)
{
    struct tile whole;
    uint64_t first = t.n << TILE_HEIGHT;
    if (t.width == 0 || !tile_with(t.level, first + t.width - 1, size, &whole))
        return error_new(a, STATUS_NOT_FOUND, "the log of %" PRIu64 " records has no %s yet", size,
                         tile_format(a, t).p);
    if (t.level == TILE_DATA)
        return read_records(a, ops, first, t.width, data);
    return read_exactly(a, ops, LOG_HASHES + t.level, first * SHA256_BYTES,
                        (size_t)t.width * SHA256_BYTES, data);
}

struct error *sumdb_log_record(struct arena *a, const struct sumdb_log_ops *ops, uint64_t size,
                               uint64_t id, struct slice *text)
{
    struct slice data;
    if (id >= size)
        return error_new(a, STATUS_NOT_FOUND,
                         "the log of %" PRIu64 " records has no record %" PRIu64, size, id);
    TRY(read_records(a, ops, id, 1, &data));
    if (records_next(&data, text) && data.n == 0)
        return NULL;
    return error_new(a, STATUS_CORRUPT, "the log's record %" PRIu64 " is damaged", id);
}

struct error *sumdb_log_check_ends(struct arena *a, const struct sumdb_log_ops *ops, uint64_t first,
                                   struct slice records, bool *is_good)
{
    uint64_t at, end;
    struct slice rest = records, text;
    TRY(record_range(a, ops, first, 1, &at, &end));
    *is_good = true;
    for (uint64_t id = first; records_next(&rest, &text); id++) {
        struct slice bytes;
        TRY(read_exactly(a, ops, LOG_ENDS, id * END_BYTES, END_BYTES, &bytes));
        *is_good = *is_good && get_u64(bytes.p) == at + (records.n - rest.n);
    }
    return NULL;
}

/* ---- what a batch adds to the parts ---- */

struct growth {
    struct buf parts[LOG_PARTS];
    uint64_t offsets[LOG_PARTS]; /* where each begins */
    uint64_t record_end;
};

static void growth_begin(struct growth *g, uint64_t size, uint64_t record_bytes)
{
    *g = (struct growth){.record_end = record_bytes};
    g->offsets[LOG_RECORDS] = record_bytes;
    g->offsets[LOG_ENDS] = size * END_BYTES;
    for (int level = 0; level <= TILE_MAX_LEVEL; level++)
        g->offsets[LOG_HASHES + level] = (size >> (level * TILE_HEIGHT)) * SHA256_BYTES;
}

static void growth_release(struct growth *g)
{
    for (int i = 0; i < LOG_PARTS; i++)
        buf_release(&g->parts[i]);
}

static struct error *add_hash(void *arg, int level, uint64_t n, const struct tlog_hash *hash)
{
    struct growth *g = arg;
    buf_add(&g->parts[LOG_HASHES + level], slice_make((const char *)hash->b, SHA256_BYTES));
    return NULL;
}

/* The record's share of all parts but the records themselves. */
static void growth_add(struct growth *g, struct tlog_edge *edge, struct slice text)
{
    char end[END_BYTES];
    struct tlog_hash hash = tlog_record_hash(text);
    g->record_end += text.n + 1;
    put_u64(end, g->record_end);
    buf_add(&g->parts[LOG_ENDS], slice_make(end, END_BYTES));
    if (edge_push(edge, &hash, add_hash, g))
        BUG("adding a hash failed");
}

/* ---- heads ---- */

static void take_head(struct sumdb_log *log, const struct tlog_tree *tree, struct slice note)
{
    buf_clear(&log->note);
    buf_add(&log->note, note);
    log->head = (struct sumdb_head){*tree, buf_slice(&log->note)};
}

static struct slice sign_head(struct arena *a, const struct sumdb_log *log,
                              const struct tlog_tree *tree)
{
    return note_sign(a, tree_format(a, tree), log->signers, log->signer_count);
}

/* Whether the head is still the old one, after one could not be published. */
static bool is_old_head_there(struct arena *a, const struct sumdb_log *log)
{
    struct slice note;
    return !log->ops.read_head(log->ops.arg, a, &note) && slice_eq(note, log->head.note);
}

static struct error *publish(struct arena *a, struct sumdb_log *log, const struct tlog_tree *tree)
{
    struct slice note = sign_head(a, log, tree);
    struct error *err = log->ops.publish(log->ops.arg, a, note);
    if (err) {
        log->is_broken = !is_old_head_there(a, log);
        return error_wrap(a, err, "publishing the head of the checksum database's log");
    }
    take_head(log, tree, note);
    return NULL;
}

const struct sumdb_head *sumdb_log_head(const struct sumdb_log *log)
{
    return &log->head;
}

/* ---- appending ---- */

static struct error *cut_behind(struct arena *a, struct sumdb_log *log)
{
    struct growth none;
    growth_begin(&none, log->edge.size, log->record_bytes);
    for (int part = 0; part < LOG_PARTS; part++)
        TRY(log->ops.cut(log->ops.arg, a, part, none.offsets[part]));
    return NULL;
}

static struct error *write_parts(struct arena *a, struct sumdb_log *log, const struct growth *g)
{
    for (int part = 0; part < LOG_PARTS; part++) {
        if (g->parts[part].n)
            TRY(log->ops.write(log->ops.arg, a, part, g->offsets[part],
                               buf_slice(&g->parts[part])));
    }
    return NULL;
}

static struct error *check_texts(struct arena *a, const struct sumdb_log *log,
                                 const struct slice *texts, size_t count)
{
    struct module_version mv;
    if (log->is_broken)
        return error_new(a, STATUS_IO,
                         "an earlier write to the checksum database's log failed half-way: nothing "
                         "is appended before modgate is started anew");
    for (size_t i = 0; i < count; i++) {
        if (!record_is_valid(texts[i]) || !record_module(texts[i], &mv) ||
            texts[i].n > LOG_RECORD_MAX_BYTES)
            return error_new(a, STATUS_BAD_REQUEST, "this cannot be a record: %.*s",
                             SLICE_ARG(texts[i]));
    }
    if (count < TLOG_MAX_SIZE - log->edge.size)
        return NULL;
    return error_new(a, STATUS_TOO_LARGE, "the checksum database's log is full");
}

static struct error *commit(struct arena *a, struct sumdb_log *log, struct growth *g)
{
    struct tlog_tree tree = {log->next_edge.size, edge_root(&log->next_edge)};
    struct error *err = write_parts(a, log, g);
    if (!err) {
        err = log->ops.sync(log->ops.arg, a);
        log->is_broken = err != NULL; /* what a failed sync leaves on the disk nobody knows */
    }
    if (!err)
        err = publish(a, log, &tree);
    if (err) {
        if (!log->is_broken && cut_behind(a, log))
            log->is_broken = true;
        return err;
    }
    log->edge = log->next_edge;
    log->record_bytes = g->record_end;
    return NULL;
}

struct error *sumdb_log_append(struct arena *a, struct sumdb_log *log, const struct slice *texts,
                               size_t count, uint64_t *first)
{
    TRY(check_texts(a, log, texts, count));
    struct growth g;
    growth_begin(&g, log->edge.size, log->record_bytes);
    log->next_edge = log->edge;
    for (size_t i = 0; i < count; i++) {
        growth_add(&g, &log->next_edge, texts[i]);
        buf_add(&g.parts[LOG_RECORDS], texts[i]);
        buf_add_byte(&g.parts[LOG_RECORDS], '\n');
    }
    *first = log->edge.size;
    struct error *err = count ? commit(a, log, &g) : NULL;
    growth_release(&g);
    return err;
}

/* ---- opening ---- */

struct scan {
    struct sumdb_log *log;
    const struct sumdb_log_options *o;
    const struct tlog_tree *published;
    struct growth g;
    bool may_repair; /* in the second pass */
    bool differs;
    uint64_t offset; /* of the next piece of records */
};

/* Compares a part with what it should have, and writes that in the pass that may. */
static struct error *check_part(struct arena *a, struct scan *s, int part)
{
    struct slice is, want = buf_slice(&s->g.parts[part]);
    const struct sumdb_log_ops *ops = &s->log->ops;
    TRY(ops->read(ops->arg, a, part, s->g.offsets[part], want.n, &is));
    if (!slice_eq(is, want)) {
        s->differs = true;
        if (s->may_repair)
            TRY(ops->write(ops->arg, a, part, s->g.offsets[part], want));
    }
    s->g.offsets[part] += want.n;
    buf_clear(&s->g.parts[part]);
    return NULL;
}

static struct error *check_parts(struct arena *a, struct scan *s, size_t least_bytes)
{
    for (int part = 0; part < LOG_PARTS; part++) {
        if (s->g.parts[part].n >= least_bytes && s->g.parts[part].n)
            TRY(check_part(a, s, part));
    }
    return NULL;
}

static bool is_published(const struct scan *s)
{
    return s->log->edge.size < s->published->size;
}

static struct error *contradicts(struct arena *a, const struct scan *s)
{
    return error_new(
        a, STATUS_CORRUPT,
        "the records of the checksum database's log are not those of its head of size "
        "%" PRIu64 ": do not start it like this, because clients would see a fork; bring back its "
        "folder from a copy that is as new as that head",
        s->published->size);
}

/* Takes one record up; *is_end: what follows the head is no record, or one of what is known. */
static struct error *scan_record(struct arena *a, struct scan *s, struct slice text, bool *is_end)
{
    struct module_version mv;
    bool is_known = false, is_good = record_module(text, &mv) && text.n <= LOG_RECORD_MAX_BYTES;
    if (is_good && !s->may_repair)
        TRY(s->o->on_record(s->o->on_record_arg, a, s->log->edge.size, mv, text, &is_known));
    *is_end = !is_published(s) && (!is_good || is_known);
    if (*is_end)
        return NULL;
    growth_add(&s->g, &s->log->edge, text);
    s->log->record_bytes = s->g.record_end;
    if (s->log->edge.size != s->published->size)
        return NULL;
    struct tlog_hash root = edge_root(&s->log->edge);
    return tlog_hash_eq(&root, &s->published->root) ? NULL : contradicts(a, s);
}

/* The records of one piece; *is_end when nothing more can be taken up. */
static struct error *scan_piece(struct arena *a, struct scan *s, uint64_t until, bool *is_end)
{
    struct slice piece, rest, text;
    const struct sumdb_log_ops *ops = &s->log->ops;
    TRY(ops->read(ops->arg, a, LOG_RECORDS, s->offset, SCAN_PIECE_BYTES, &piece));
    rest = piece;
    *is_end = false;
    while (!*is_end && s->log->edge.size < until && records_next(&rest, &text)) {
        TRY(scan_record(a, s, text, is_end));
        if (!*is_end)
            s->offset = s->log->record_bytes;
    }
    if (s->offset == s->g.offsets[LOG_RECORDS] || s->log->edge.size == until)
        *is_end = true; /* not one whole record in a piece */
    s->g.offsets[LOG_RECORDS] = s->offset;
    return check_parts(a, s, CHECK_PIECE_BYTES);
}

/* One pass over the first until records, or over all that there are. */
static struct error *scan_all(struct arena *a, struct scan *s, uint64_t until)
{
    struct arena piece = ARENA_INIT;
    struct error *err = NULL;
    bool is_end = until == 0;
    memset(&s->log->edge, 0, sizeof(s->log->edge));
    s->log->record_bytes = s->offset = 0;
    growth_begin(&s->g, 0, 0);
    while (!err && !is_end) {
        err = scan_piece(&piece, s, until, &is_end);
        err = err ? error_dup(a, err) : NULL;
        arena_clear(&piece);
    }
    if (!err)
        err = check_parts(a, s, 0);
    growth_release(&s->g);
    arena_release(&piece);
    return err;
}

static struct error *recover(struct arena *a, const struct sumdb_log_options *o,
                             struct sumdb_log *log, const struct tlog_tree *published)
{
    struct scan s = {.log = log, .o = o, .published = published};
    TRY(scan_all(a, &s, UINT64_MAX));
    if (log->edge.size < published->size)
        return error_new(a, STATUS_CORRUPT,
                         "the checksum database's log has %" PRIu64 " records, and %" PRIu64
                         " were published: clients would see a fork; bring back its folder from a "
                         "copy that is as new",
                         log->edge.size, published->size);
    if (s.differs) {
        s.may_repair = true;
        TRY(scan_all(a, &s, log->edge.size));
    }
    TRY(cut_behind(a, log));
    if (s.differs || log->edge.size > published->size)
        TRY(log->ops.sync(log->ops.arg, a));
    return NULL;
}

/* The tree of a stored head: its signatures may be by keys that are not in use any more. */
static struct error *parse_head(struct arena *a, struct slice note, struct tlog_tree *tree)
{
    if (!sumdb_head_peek(a, note, tree))
        return error_new(a, STATUS_CORRUPT,
                         "the stored head of the checksum database's log is none");
    struct tlog_hash empty = tlog_root_of(NULL, 0);
    if (tree->size || tlog_hash_eq(&empty, &tree->root))
        return NULL;
    return error_new(a, STATUS_CORRUPT,
                     "the stored head of the checksum database's log is damaged");
}

/* The first head says that there are no records: so the loss of a later one is seen. */
static struct error *begin(struct arena *a, struct sumdb_log *log)
{
    struct slice some;
    struct tlog_tree tree = {0, tlog_root_of(NULL, 0)};
    TRY(log->ops.read(log->ops.arg, a, LOG_RECORDS, 0, 1, &some));
    if (some.n)
        return error_new(a, STATUS_CORRUPT,
                         "the checksum database's log has records, but its head is gone: bring it "
                         "back from a copy");
    TRY(log->ops.sync(log->ops.arg, a));
    return publish(a, log, &tree);
}

static struct error *open_stored(struct arena *a, const struct sumdb_log_options *o,
                                 struct sumdb_log *log, struct slice note)
{
    struct tlog_tree published;
    TRY(parse_head(a, note, &published));
    TRY(recover(a, o, log, &published));
    struct tlog_tree tree = {log->edge.size, edge_root(&log->edge)};
    if (!slice_eq(note, sign_head(a, log, &tree))) /* others signed, or there is more */
        return publish(a, log, &tree);
    take_head(log, &tree, note);
    return NULL;
}

static void copy_signers(struct sumdb_log *log, const struct sumdb_log_options *o)
{
    log->signers = ARENA_ARRAY(&log->arena, struct note_signer, o->signer_count);
    log->signer_count = o->signer_count;
    for (size_t i = 0; i < o->signer_count; i++) {
        log->signers[i] = o->signers[i];
        log->signers[i].verifier.name = arena_dup(&log->arena, o->signers[i].verifier.name);
    }
}

struct error *sumdb_log_open(struct arena *a, const struct sumdb_log_options *o,
                             struct sumdb_log **out)
{
    struct slice note;
    struct sumdb_log *log = xcalloc(1, sizeof(*log));
    log->ops = o->ops;
    copy_signers(log, o);
    struct error *err = log->ops.read_head(log->ops.arg, a, &note);
    if (!err)
        err = note.n ? open_stored(a, o, log, note) : begin(a, log);
    if (err)
        sumdb_log_free(log);
    else
        *out = log;
    return err;
}

void sumdb_log_free(struct sumdb_log *log)
{
    if (!log)
        return;
    arena_release(&log->arena);
    buf_release(&log->note);
    free(log);
}
