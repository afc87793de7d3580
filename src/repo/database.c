/*
 * The stored side of a checksum database.
 *
 * What stays true: a stored tile is a beginning of the tile of every later tree; it grows and never
 * shrinks; the tiles that a head needs are stored before the head is. So a process that dies at any
 * instant leaves at worst tiles that are wider than the head asks for.
 */
#include "repo/database.h"
#include "repo/repo.h"

#include "base/file.h"

#include "ops/log.h"
#include "ops/metrics.h"

enum { HEAD_MAX_BYTES = 64 << 10, BLOB_MAX_BYTES = 1 << 20, MAX_EVIDENCE_FILES = 16 };

static struct slice blob_name(struct database *d, struct arena *a, const char *rest)
{
    return arena_printf(a, "%.*s/%s", SLICE_ARG(d->root), rest);
}

/* The bytes under a name; *found is false when there are none. */
static struct error *read_blob(struct database *d, struct arena *a, struct slice name, bool *found,
                               struct slice *body)
{
    struct store_object o;
    TRY(store_blob_get(d->store, a, name, found, &o));
    if (!*found)
        return NULL;
    FD_SCOPED fd = o.fd;
    return file_read_fd(a, fd, BLOB_MAX_BYTES, body);
}

/* ---- the head ---- */

/* Under the lock, or before anybody else knows the database. */
static void set_head(struct database *d, const struct sumdb_head *head)
{
    d->tree = head->tree;
    buf_clear(&d->note);
    buf_add(&d->note, head->note);
}

static struct error *stored_head(struct database *d, struct arena *a, struct sumdb_head *out)
{
    bool found;
    struct slice note;
    *out = (struct sumdb_head){0};
    TRY(read_blob(d, a, blob_name(d, a, "head"), &found, &note));
    if (!found)
        return NULL;
    struct error *err = sumdb_head_open(a, note, &d->verifier, out);
    if (err) {
        *out = (struct sumdb_head){0};
        log_error(LOG_ERROR,
                  "the stored head of a checksum database is damaged: the next one is "
                  "believed as if it were the first",
                  err, &LOG_STR("root", d->root), 1);
    }
    return NULL;
}

static struct error *load(struct database *d, struct arena *a)
{
    bool found;
    struct sumdb_head head;
    struct slice fork;
    TRY(stored_head(d, a, &head));
    if (head.tree.size)
        set_head(d, &head);
    TRY(read_blob(d, a, blob_name(d, a, "forked"), &found, &fork));
    if (found)
        d->fork = xstrdup(arena_cstr(a, slice_trim(fork)));
    return NULL;
}

struct error *database_open(struct arena *a, struct store *store, const struct note_verifier *v,
                            struct database **out)
{
    struct database *d = xcalloc(1, sizeof(*d));
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    d->store = store;
    d->verifier = *v;
    d->name = d->verifier.name = arena_dup(&d->arena, v->name);
    d->root = arena_printf(&d->arena, "%.*s/%08x", SLICE_ARG(d->name), v->hash);
    struct error *err = load(d, a);
    if (err)
        database_free(d);
    else
        *out = d;
    return err;
}

void database_free(struct database *d)
{
    if (!d)
        return;
    free(d->fork);
    buf_release(&d->note);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    arena_release(&d->arena);
    free(d);
}

struct sumdb_head database_head(struct database *d, struct arena *a)
{
    pthread_mutex_lock(&d->lock);
    struct sumdb_head head = {d->tree, arena_dup(a, buf_slice(&d->note))};
    pthread_mutex_unlock(&d->lock);
    return head;
}

static void take_up(struct database *d, const struct sumdb_head *head)
{
    pthread_mutex_lock(&d->lock);
    if (head->tree.size > d->tree.size)
        set_head(d, head);
    pthread_mutex_unlock(&d->lock);
}

static struct error *write_head(struct database *d, struct ctx *cx, const struct sumdb_head *head,
                                bool *is_overtaken)
{
    FD_SCOPED lock = -1;
    struct sumdb_head other;
    struct arena *a = cx->arena;
    TRY(store_blob_lock(d->store, cx, blob_name(d, a, "head"), &lock));
    TRY(stored_head(d, a, &other));
    uint64_t ours = database_head(d, a).tree.size;
    if (other.tree.size > ours) {
        *is_overtaken = true;
        take_up(d, &other);
        return NULL;
    }
    return store_blob_replace(d->store, a, blob_name(d, a, "head"), head->note, BLOB_DURABLE);
}

struct error *database_advance(struct database *d, struct ctx *cx, const struct sumdb_head *head,
                               bool *is_overtaken)
{
    *is_overtaken = false;
    struct error *err = write_head(d, cx, head, is_overtaken);
    if (!*is_overtaken)
        take_up(d, head);
    return err;
}

void database_note_latest(struct database *d, uint64_t size)
{
    pthread_mutex_lock(&d->lock);
    bool was_behind = d->behind != 0;
    uint64_t ours = d->tree.size;
    d->behind = size < ours ? size : 0;
    d->learnt_unix_s = now_unix_s();
    pthread_mutex_unlock(&d->lock);
    if (size < ours && !was_behind)
        log_line(LOG_WARN, "the checksum database gives an older head than before",
                 LOG_STR("sumdb", d->name), LOG_NUM("size", size), LOG_NUM("seen", ours));
}

/* ---- forks ---- */

static struct error *write_evidence(struct database *d, struct arena *a, struct slice evidence,
                                    struct slice *name)
{
    uint8_t nonce[4];
    char hex[2 * sizeof(nonce) + 1];
    random_bytes(nonce, sizeof(nonce));
    hex_encode(nonce, sizeof(nonce), hex);
    *name = arena_printf(a, "%.*s/evidence-%s-%s.txt", SLICE_ARG(d->name),
                         time_rfc3339(a, now_unix_s()).p, hex);
    TRY(store_blob_put(d->store, a, *name, evidence));
    return store_blob_replace(d->store, a, blob_name(d, a, "forked"), *name, BLOB_DURABLE);
}

void database_report_fork(struct database *d, struct arena *a, struct slice evidence)
{
    struct slice name = S("");
    metric_add(METRIC_SUMDB_FORKS, 1);
    pthread_mutex_lock(&d->lock);
    bool may_write = d->evidence_count < MAX_EVIDENCE_FILES;
    d->evidence_count += may_write;
    pthread_mutex_unlock(&d->lock);
    struct error *err = may_write ? write_evidence(d, a, evidence, &name) : NULL;
    if (err)
        log_error(LOG_ERROR, "the evidence of a fork could not be kept", err,
                  &LOG_STR("sumdb", d->name), 1);
    log_line(LOG_ERROR,
             "SECURITY: the checksum database signed two trees that contradict each other; what is "
             "stored is served, nothing new is believed",
             LOG_STR("sumdb", d->name), LOG_STR("evidence_file", name),
             LOG_STR("evidence", evidence));
    pthread_mutex_lock(&d->lock);
    if (!d->fork)
        d->fork = xstrdup(name.n ? name.p : "the log");
    pthread_mutex_unlock(&d->lock);
}

/* ---- records ---- */

static struct error *record_name(struct database *d, struct arena *a, struct module_version mv,
                                 struct slice *name)
{
    struct slice path, version;
    TRY(module_escape_path(a, mv.path, &path));
    TRY(module_escape_version(a, mv.version, &version));
    *name = arena_printf(a, "%.*s/record/%.*s@%.*s", SLICE_ARG(d->root), SLICE_ARG(path),
                         SLICE_ARG(version));
    return NULL;
}

/* A record that a power loss has torn is not there. */
static bool parse_stored(struct arena *a, struct slice body, struct module_version mv,
                         struct sumdb_record *out)
{
    struct slice rest;
    return !sumdb_record_parse(a, body, mv, out, &rest) && rest.n == 0;
}

struct error *database_record(struct database *d, struct arena *a, struct module_version mv,
                              bool *found, struct sumdb_record *out)
{
    struct slice name, body;
    *found = false;
    TRY(record_name(d, a, mv, &name));
    TRY(read_blob(d, a, name, found, &body));
    if (!*found)
        return NULL;
    *found = parse_stored(a, body, mv, out) && out->id < database_head(d, a).tree.size;
    return NULL;
}

struct error *database_put_record(struct database *d, struct arena *a, struct module_version mv,
                                  const struct sumdb_record *record)
{
    bool found;
    struct slice name, body;
    struct sumdb_record old;
    TRY(record_name(d, a, mv, &name));
    TRY(read_blob(d, a, name, &found, &body));
    if (found && parse_stored(a, body, mv, &old))
        return NULL;
    return store_blob_replace(d->store, a, name, record_format(a, record->id, record->text),
                              BLOB_UNSYNCED);
}

/* ---- tiles ---- */

static struct slice tile_name(struct database *d, struct arena *a, struct tile t)
{
    t.width = TILE_WIDTH;
    return blob_name(d, a, tile_format(a, t).p);
}

/* The beginning of stored bytes that is the tile at that width. */
static bool cut_tile(struct tile t, struct slice stored, struct slice *data)
{
    size_t n = (size_t)t.width * SHA256_BYTES;
    if (t.level == TILE_DATA)
        return records_head(stored, t.width, data);
    *data = slice_head(stored, n);
    return stored.n >= n && stored.n % SHA256_BYTES == 0;
}

struct error *database_tile(struct database *d, struct arena *a, struct tile t, bool *found,
                            struct slice *data)
{
    struct slice stored;
    TRY(read_blob(d, a, tile_name(d, a, t), found, &stored));
    *found = *found && cut_tile(t, stored, data);
    return NULL;
}

struct error *database_put_tile(struct database *d, struct ctx *cx, struct tile t,
                                struct slice data, bool is_repair)
{
    bool found;
    FD_SCOPED lock = -1;
    struct slice stored;
    struct arena *a = cx->arena;
    struct slice name = tile_name(d, a, t);
    TRY(database_tile(d, a, t, &found, &stored));
    if (found && (!is_repair || slice_eq(stored, data)))
        return NULL;
    TRY(store_blob_lock(d->store, cx, name, &lock)); /* or a narrower one could win */
    TRY(database_tile(d, a, t, &found, &stored));
    if (found && (!is_repair || slice_eq(stored, data)))
        return NULL;
    if (found)
        log_line(LOG_WARN, "a damaged tile of a checksum database was replaced",
                 LOG_STR("tile", name));
    return store_blob_replace(d->store, a, name, data, BLOB_SYNCED);
}

/* ---- the pool ---- */

struct databases *databases_new(struct store *store)
{
    struct databases *pool = xcalloc(1, sizeof(*pool));
    pool->store = store;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void databases_free(struct databases *pool)
{
    if (!pool)
        return;
    for (struct database *next; pool->first; pool->first = next) {
        next = pool->first->next;
        database_free(pool->first);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static struct error *find_or_open(struct arena *a, struct databases *pool,
                                  const struct note_verifier *v, struct database **out)
{
    for (struct database *d = pool->first; d; d = d->next) {
        if (slice_eq(d->name, v->name) && d->verifier.hash == v->hash) {
            *out = d;
            return NULL;
        }
    }
    TRY(database_open(a, pool->store, v, out));
    (*out)->next = pool->first;
    pool->first = *out;
    return NULL;
}

struct error *databases_get(struct arena *a, struct databases *pool, const struct note_verifier *v,
                            struct database **out)
{
    pthread_mutex_lock(&pool->lock);
    struct error *err = find_or_open(a, pool, v, out);
    pthread_mutex_unlock(&pool->lock);
    return err;
}
