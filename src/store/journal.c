/*
 * The journal: what makes a publication durable, for many of them at once.
 *
 * Whoever publishes appends an intent and returns when it is on the disk. Appending is a group
 * commit, as in sumlog.c: one of those that wait leads, writes what is queued, syncs once and wakes
 * the others; what came meanwhile is the next batch, and the first of it leads next.
 *
 *   stage/<owner>/journal-<number>   intents, one behind the other (intent.c)
 *
 * A flush begins a new file. An old one is removed when each publication in it has ended, and all
 * that they placed and the rows of the catalog are synced. A file in which a write or a sync failed
 * gets no further intents: so what was promised never stands behind something torn.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <unistd.h>

struct journal_file {
    struct journal_file *next;
    char *rel;
    int fd;
    bool is_synced; /* it was once */
    unsigned open;  /* publications that have not ended */
};

/* One that waits, on its own stack; the leader uses its arena meanwhile. */
struct pending {
    struct pending *next;
    struct arena *a;
    struct slice record, zip;
    struct journal_file *file;
    struct error *err;
    bool is_done; /* otherwise it was woken to lead */
    sem_t woken;
};

struct journal {
    pthread_mutex_t mutex;
    struct journal_file *files; /* the newest first */
    bool is_new_due;            /* the newest takes no more */
    struct pending *queue, **queue_end;
    bool has_leader;
};

struct journal *journal_new(void)
{
    struct journal *j = xcalloc(1, sizeof(*j));
    pthread_mutex_init(&j->mutex, NULL);
    j->queue_end = &j->queue;
    j->is_new_due = true;
    return j;
}

static void free_file(struct journal_file *f)
{
    fd_cleanup(&f->fd);
    free(f->rel);
    free(f);
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    for (struct journal_file *next; j->files; j->files = next) {
        next = j->files->next;
        free_file(j->files);
    }
    pthread_mutex_destroy(&j->mutex);
    free(j);
}

/* ---- appending ---- */

static struct error *begin_file(struct store *s, struct arena *a, struct journal_file **out)
{
    unsigned number = atomic_fetch_add(&s->owner.next_number, 1);
    struct slice rel = arena_printf(a, "%s/" JOURNAL_PREFIX "%u", s->owner.rel, number);
    FD_SCOPED fd = openat(s->dir_fd, rel.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0)
        return disk_error(a, errno, "creating %s/%s", s->dir, rel.p);
    struct journal_file *f = xcalloc(1, sizeof(*f));
    *f = (struct journal_file){.rel = xstrdup(rel.p), .fd = fd_take(&fd)};
    *out = f;
    return NULL;
}

static struct error *write_batch(struct arena *a, struct journal_file *f,
                                 const struct pending *batch)
{
    for (const struct pending *p = batch; p; p = p->next) {
        TRY_CTX(a, fd_write_all(a, f->fd, p->record), "writing %s", f->rel);
        TRY_CTX(a, fd_write_all(a, f->fd, p->zip), "writing %s", f->rel);
    }
    if ((f->is_synced ? fdatasync(f->fd) : fsync(f->fd)) < 0)
        return disk_error(a, errno, "syncing %s", f->rel);
    f->is_synced = true;
    return NULL;
}

/* The file that the batch goes to, with the batch counted in it: a flush must not take it away. */
static struct error *choose_file(struct store *s, struct arena *a, const struct pending *batch,
                                 struct journal_file **out)
{
    struct journal *j = s->journal;
    struct journal_file *fresh = NULL;
    pthread_mutex_lock(&j->mutex);
    bool is_new_due = j->is_new_due;
    for (const struct pending *p = batch; p && !is_new_due; p = p->next)
        j->files->open++;
    *out = j->files;
    pthread_mutex_unlock(&j->mutex);
    if (!is_new_due)
        return NULL;
    TRY(begin_file(s, a, &fresh));
    for (const struct pending *p = batch; p; p = p->next)
        fresh->open++;
    pthread_mutex_lock(&j->mutex);
    fresh->next = j->files;
    j->files = *out = fresh;
    j->is_new_due = false;
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}

/* A file that holds nothing that was promised: a full disk must not collect them. */
static struct journal_file *take_if_useless(struct journal *j, struct journal_file *f)
{
    if (!f || f->is_synced || f->open)
        return NULL;
    struct journal_file **at = &j->files;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    f->next = NULL;
    return f;
}

/* Tells the batch, and wakes the next leader. A pending may be gone as soon as it is woken. */
static void finish_batch(struct store *s, struct pending *batch, struct journal_file *f,
                         const struct error *err)
{
    struct journal *j = s->journal;
    pthread_mutex_lock(&j->mutex);
    if (err)
        j->is_new_due = true;
    for (struct pending *next; batch; batch = next) {
        next = batch->next;
        batch->file = err ? NULL : f;
        batch->err = error_dup(batch->a, err);
        if (err && f)
            f->open--;
        batch->is_done = true;
        sem_post(&batch->woken);
    }
    j->has_leader = j->queue != NULL;
    if (j->queue)
        sem_post(&j->queue->woken);
    struct journal_file *useless = take_if_useless(j, f);
    pthread_mutex_unlock(&j->mutex);
    journal_forget(s, useless);
}

static void lead(struct store *s)
{
    struct journal *j = s->journal;
    struct journal_file *f = NULL;
    struct arena a = ARENA_INIT;
    pthread_mutex_lock(&j->mutex);
    struct pending *batch = j->queue;
    j->queue = NULL;
    j->queue_end = &j->queue;
    pthread_mutex_unlock(&j->mutex);
    struct error *err = choose_file(s, &a, batch, &f);
    if (!err)
        err = write_batch(&a, f, batch);
    finish_batch(s, batch, f, err);
    arena_release(&a);
}

/* Before that others may be writing to it. */
static void await(struct pending *p)
{
    while (sem_wait(&p->woken) < 0) {
    }
}

struct error *journal_append(struct store *s, struct arena *a, struct intent *in,
                             struct journal_file **file)
{
    struct journal *j = s->journal;
    struct pending p = {.a = a, .record = intent_format(a, in), .zip = in->zip};
    *file = NULL;
    TRY(owner_ready(s, a));
    sem_init(&p.woken, 0, 0);
    pthread_mutex_lock(&j->mutex);
    bool is_leader = !j->has_leader;
    j->has_leader = true;
    *j->queue_end = &p;
    j->queue_end = &p.next;
    pthread_mutex_unlock(&j->mutex);
    if (!is_leader)
        await(&p);
    while (!p.is_done) {
        lead(s);
        await(&p);
    }
    sem_destroy(&p.woken);
    *file = p.file;
    return p.err;
}

void journal_end(struct store *s, struct journal_file *file)
{
    if (!file)
        return;
    pthread_mutex_lock(&s->journal->mutex);
    file->open--;
    pthread_mutex_unlock(&s->journal->mutex);
}

/* ---- forgetting ---- */

struct journal_file *journal_take_ended(struct store *s)
{
    struct journal *j = s->journal;
    struct journal_file *ended = NULL;
    pthread_mutex_lock(&j->mutex);
    j->is_new_due = true;
    for (struct journal_file **at = &j->files; *at;) {
        struct journal_file *f = *at;
        if (f->open) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        f->next = ended;
        ended = f;
    }
    pthread_mutex_unlock(&j->mutex);
    return ended;
}

void journal_put_back(struct store *s, struct journal_file *ended)
{
    struct journal *j = s->journal;
    pthread_mutex_lock(&j->mutex);
    struct journal_file **last = &j->files;
    while (*last)
        last = &(*last)->next;
    *last = ended;
    pthread_mutex_unlock(&j->mutex);
}

void journal_forget(struct store *s, struct journal_file *ended)
{
    struct arena a = ARENA_INIT;
    for (struct journal_file *next; ended; ended = next) {
        next = ended->next;
        struct error *err = disk_unlink(s, &a, ended->rel);
        if (err) /* read once more at the next start, which does no harm */
            log_error(LOG_WARN, "an old journal cannot be removed", err, NULL, 0);
        free_file(ended);
    }
    arena_release(&a);
}

bool journal_is_empty(struct store *s)
{
    pthread_mutex_lock(&s->journal->mutex);
    bool is_empty = s->journal->files == NULL;
    pthread_mutex_unlock(&s->journal->mutex);
    return is_empty;
}

/* ---- those of dead processes ---- */

/* In the order in which they were begun: names with more digits are later ones. */
static int by_number(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    return x->n == y->n ? slice_cmp(*x, *y) : x->n < y->n ? -1 : 1;
}

static struct error *list_names(struct store *s, struct arena *a, const char *owner_rel,
                                struct slice **names, size_t *count)
{
    BUF_SCOPED(b);
    DIR_SCOPED dir = NULL;
    *count = 0;
    TRY(disk_open_dir(s, a, owner_rel, &dir));
    for (struct dirent *de; dir && (de = readdir(dir));) {
        if (!slice_starts(slice_of(de->d_name), S(JOURNAL_PREFIX)))
            continue;
        buf_printf(&b, "%s\n", de->d_name);
        (*count)++;
    }
    struct slice rest = arena_dup(a, buf_slice(&b));
    *names = ARENA_ARRAY(a, struct slice, *count);
    for (size_t i = 0; i < *count; i++)
        (*names)[i] = slice_cut(&rest, '\n');
    qsort(*names, *count, sizeof(**names), by_number);
    return NULL;
}

static struct error *read_file(struct store *s, struct arena *a, const char *rel, struct buf *out)
{
    struct slice rest;
    struct intent in;
    TRY_CTX(a, file_map(a, JOIN(a, slice_of(s->dir), S("/"), slice_of(rel)), &rest), "reading %s",
            rel);
    while (intent_parse(&rest, &in))
        buf_add(out, slice_make((const char *)&in, sizeof(in)));
    return NULL;
}

struct error *journal_read(struct store *s, struct arena *a, const char *owner_rel,
                           struct intent **list, size_t *count)
{
    BUF_SCOPED(b);
    struct slice *names;
    size_t files;
    TRY(list_names(s, a, owner_rel, &names, &files));
    for (size_t i = 0; i < files; i++)
        TRY(read_file(s, a, JOIN(a, slice_of(owner_rel), S("/"), names[i]), &b));
    *count = b.n / sizeof(**list);
    *list = ARENA_ARRAY(a, struct intent, *count);
    if (*count)
        memcpy(*list, b.p, b.n);
    return NULL;
}
