/*
 * Group commit: whoever appends puts its record into a queue. If nobody is at work, it becomes the
 * leader: takes what is queued as one batch, appends it without holding the lock, and tells all of
 * the batch; what came meanwhile is the next batch, whose leader is one of those that wait. Readers
 * see the old head until the new one is durable.
 */
#include "store/sumlog.h"

#include "store/sumlog_files.h"
#include "sumdb/record_index.h"

#include <pthread.h>

enum { MAX_BATCH = 1024 };

/* One that waits, on its own stack; the leader uses its arena meanwhile. */
struct pending {
    struct pending *next;
    struct arena *a;
    struct module_version mv;
    struct slice text;
    uint32_t hash;
    const struct pending *same; /* an earlier one of the batch with the same module version */
    bool is_known;              /* the log had it before */
    bool is_done;
    struct sumlog_record out;
    struct error *err;
};

struct sumlog {
    struct sumlog_files files;
    struct sumdb_log_ops ops;
    struct sumdb_log *log; /* the leader's */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct tlog_tree tree;
    struct buf note;
    struct record_index index;
    struct pending *queue, **queue_end;
    bool has_leader;
    uint64_t appended, commits;
};

/* ---- reading ---- */

void sumlog_head(struct sumlog *l, struct arena *a, struct sumdb_head *out)
{
    pthread_mutex_lock(&l->lock);
    *out = (struct sumdb_head){l->tree, arena_dup(a, buf_slice(&l->note))};
    pthread_mutex_unlock(&l->lock);
}

static uint64_t size_of(struct sumlog *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t size = l->tree.size;
    pthread_mutex_unlock(&l->lock);
    return size;
}

static bool is_of(struct slice text, struct module_version mv)
{
    struct module_version is;
    return record_module(text, &is) && slice_eq(is.path, mv.path) &&
           slice_eq(is.version, mv.version);
}

static struct error *find_by_hash(struct sumlog *l, struct arena *a, struct module_version mv,
                                  uint32_t hash, bool *found, struct sumlog_record *out)
{
    uint64_t ids[INDEX_MAX_CANDIDATES];
    pthread_mutex_lock(&l->lock);
    size_t count = record_index_find(&l->index, hash, ids);
    uint64_t size = l->tree.size;
    pthread_mutex_unlock(&l->lock);
    *found = false;
    for (size_t i = 0; i < count && !*found; i++) {
        if (ids[i] >= size)
            continue;
        TRY(sumdb_log_record(a, &l->ops, size, ids[i], &out->text));
        out->id = ids[i];
        *found = is_of(out->text, mv);
    }
    return NULL;
}

struct error *sumlog_find(struct sumlog *l, struct arena *a, struct module_version mv, bool *found,
                          struct sumlog_record *out)
{
    return find_by_hash(l, a, mv, record_index_hash(mv), found, out);
}

struct error *sumlog_tile(struct sumlog *l, struct arena *a, struct tile t, struct slice *data)
{
    return sumdb_log_tile(a, &l->ops, size_of(l), t, data);
}

struct sumlog_stats sumlog_stats(struct sumlog *l)
{
    pthread_mutex_lock(&l->lock);
    struct sumlog_stats s = {
        .records = l->tree.size,
        .appended = l->appended,
        .commits = l->commits,
        .syncs = atomic_load(&l->files.syncs),
    };
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* ---- appending ---- */

/* What is queued, in order. Lock held. */
static struct pending *take_batch(struct sumlog *l)
{
    struct pending *first = l->queue, **end = &l->queue;
    for (size_t n = 0; *end && n < MAX_BATCH; n++)
        end = &(*end)->next;
    l->queue = *end;
    if (!l->queue)
        l->queue_end = &l->queue;
    *end = NULL;
    return first;
}

static const struct pending *find_same(const struct pending *first, const struct pending *p)
{
    for (; first != p; first = first->next) {
        if (first->hash == p->hash && slice_eq(first->mv.path, p->mv.path) &&
            slice_eq(first->mv.version, p->mv.version))
            return first;
    }
    return NULL;
}

/* Finds out which of the batch are new: these are the texts to append. */
static size_t gather(struct sumlog *l, struct pending *first, struct slice *texts)
{
    size_t count = 0;
    for (struct pending *p = first; p; p = p->next) {
        p->same = find_same(first, p);
        if (p->same)
            continue;
        p->err = find_by_hash(l, p->a, p->mv, p->hash, &p->is_known, &p->out);
        if (!p->err && !p->is_known)
            texts[count++] = p->text;
    }
    return count;
}

/* Makes what was appended known. Lock held. */
static void take_up(struct sumlog *l, struct pending *first, uint64_t id, size_t count)
{
    const struct sumdb_head *head = sumdb_log_head(l->log);
    for (struct pending *p = first; p; p = p->next) {
        if (p->same || p->is_known || p->err)
            continue;
        p->out = (struct sumlog_record){id, p->text};
        if (!record_index_add(&l->index, p->hash, id++))
            BUG("a record beyond the index");
    }
    l->tree = head->tree;
    buf_clear(&l->note);
    buf_add(&l->note, head->note);
    l->appended += count;
    l->commits++;
}

/* Tells those that were in the batch. Lock held; each may be gone as soon as it is released. */
static void finish(struct pending *first)
{
    for (struct pending *p = first; p; p = p->next) {
        if (!p->same)
            continue;
        p->err = p->same->err ? error_dup(p->a, p->same->err) : NULL;
        p->out = (struct sumlog_record){p->same->out.id, arena_dup(p->a, p->same->out.text)};
    }
    for (struct pending *next; first; first = next) {
        next = first->next;
        first->is_done = true;
    }
}

static void fail_all(struct pending *first, const struct error *err)
{
    for (struct pending *p = first; p; p = p->next) {
        if (!p->same && !p->is_known && !p->err)
            p->err = error_dup(p->a, err);
    }
}

static struct error *append_texts(struct sumlog *l, struct arena *a, const struct slice *texts,
                                  size_t count, uint64_t *id)
{
    if (sumdb_log_head(l->log)->tree.size + count >= UINT32_MAX)
        return error_new(a, STATUS_TOO_LARGE, "the checksum database's log is full");
    return sumdb_log_append(a, l->log, texts, count, id);
}

static void lead(struct sumlog *l, struct pending *batch)
{
    uint64_t id = 0;
    struct arena a = ARENA_INIT;
    struct slice *texts = ARENA_ARRAY(&a, struct slice, MAX_BATCH);
    size_t count = gather(l, batch, texts);
    struct error *err = count ? append_texts(l, &a, texts, count, &id) : NULL;
    pthread_mutex_lock(&l->lock);
    if (err)
        fail_all(batch, err);
    else if (count)
        take_up(l, batch, id, count);
    finish(batch);
    l->has_leader = false;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    arena_release(&a);
}

static void wait_for_commit(struct sumlog *l, struct pending *p)
{
    pthread_mutex_lock(&l->lock);
    *l->queue_end = p;
    l->queue_end = &p->next;
    while (!p->is_done) {
        if (l->has_leader) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        l->has_leader = true;
        struct pending *batch = take_batch(l);
        pthread_mutex_unlock(&l->lock);
        lead(l, batch);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
}

struct error *sumlog_append(struct sumlog *l, struct arena *a, struct slice text,
                            struct sumlog_record *out)
{
    struct pending p = {.a = a, .text = text};
    /* One that is refused would spoil the batch of others. */
    if (!record_module(text, &p.mv) || !record_is_valid(text) || text.n > LOG_RECORD_MAX_BYTES)
        return error_new(a, STATUS_BAD_REQUEST, "this cannot be a record: %.*s", SLICE_ARG(text));
    p.hash = record_index_hash(p.mv);
    wait_for_commit(l, &p);
    *out = p.out;
    return p.err;
}

/* ---- opening ---- */

/* While the log is opened its ends may be damaged yet: what cannot be read is not known. */
static bool has_record(struct sumlog *l, struct arena *a, struct module_version mv, uint32_t hash)
{
    struct slice text;
    uint64_t ids[INDEX_MAX_CANDIDATES];
    size_t count = record_index_find(&l->index, hash, ids);
    for (size_t i = 0; i < count; i++) {
        if (!sumdb_log_record(a, &l->ops, ids[i] + 1, ids[i], &text) && is_of(text, mv))
            return true;
    }
    return false;
}

static struct error *index_record(void *arg, struct arena *a, uint64_t id, struct module_version mv,
                                  struct slice text, bool *is_known)
{
    struct sumlog *l = arg;
    uint32_t hash = record_index_hash(mv);
    *is_known = has_record(l, a, mv, hash);
    if (record_index_add(&l->index, hash, id))
        return NULL;
    return error_new(a, STATUS_TOO_LARGE, "the checksum database's log has too many records");
}

struct error *sumlog_open(struct arena *a, const struct sumlog_options *o, struct sumlog **out)
{
    struct sumlog *l = xcalloc(1, sizeof(*l));
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    l->queue_end = &l->queue;
    struct error *err = sumlog_files_open(a, o->dir, &l->files);
    l->ops = sumlog_files_ops(&l->files);
    struct sumdb_log_options lo = {l->ops, o->signers, o->signer_count, index_record, l};
    if (!err)
        err = sumdb_log_open(a, &lo, &l->log);
    if (err) {
        sumlog_close(l);
        return error_wrap(a, err, "the checksum database in %s", o->dir);
    }
    l->tree = sumdb_log_head(l->log)->tree;
    buf_add(&l->note, sumdb_log_head(l->log)->note);
    *out = l;
    return NULL;
}

void sumlog_close(struct sumlog *l)
{
    if (!l)
        return;
    sumdb_log_free(l->log);
    sumlog_files_close(&l->files);
    record_index_release(&l->index);
    buf_release(&l->note);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
