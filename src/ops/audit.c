/*
 * Recording. The thread that has something to record makes the text of it and puts it into a ring,
 * as for the log; a writer thread takes records out in batches, chains them (audit_file.c) and
 * writes them. A hit costs its loop about as much as a line of the access log, and no system call.
 *
 * What must be durable before it is answered is a ticket in a queue of its own, without a bound but
 * that of those who wait: the writer writes all that wait in one batch with one fdatasync, so many
 * at once cost little more than one.
 *
 * When a batch cannot be written it is kept, and tried again each second. Meanwhile
 *   refuse  audit_admits() says no, tickets are told that they are not recorded, and what is still
 *           under way goes into the ring, of which half is kept free for it
 *   serve   records go into the ring while it has room
 * A record that finds no room is counted; the first record when writing works again is a "gap" that
 * says how many were lost, and since when it did not work.
 */
#include "ops/audit.h"
#include "ops/audit_file.h"
#include "ops/log_line.h"
#include "ops/log_ring.h"
#include "ops/metrics.h"

#include "base/ctx.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum {
    RING_BYTES = 16 << 20,
    BATCH_BYTES = 256 << 10,
    GATHER_MS = 2,
    RETRY_MS = 1000,
    CHECKPOINT_MS = 60 * 1000,
    COMPLAIN_MS = 60 * 1000,
    AGENT_MAX_BYTES = 256,
    DETAIL_MAX_BYTES = 1024,
};

static struct {
    atomic_bool is_on, refuses, has_hits, is_failing, must_stop, sleeps;
    _Atomic uint64_t lost;
    struct log_ring *ring; /* NULL: there is no writer */
    pthread_mutex_t lock;  /* of the tickets; without a writer, of the file */
    struct audit_ticket *first, **last;
    sem_t wake;
    pthread_t writer;
    uint64_t sync_ms;
    /* The writer's own. */
    struct audit_file *file;
    char *batch; /* bodies taken from the ring and not written yet */
    size_t batch_n;
    uint64_t lost_told;
    int64_t failing_since_unix_s; /* 0: it works */
    int64_t complained_ms;
    int64_t dirty_since_ms; /* of what is written and not synced; 0: nothing */
    int64_t open_since_ms;  /* of what no checkpoint covers; 0: nothing */
} audit;

/* ---- records ---- */

static const char *const event_names[] = {
    [AUDIT_DOWNLOAD] = "download", [AUDIT_VERIFY] = "verify",         [AUDIT_PUBLISH] = "publish",
    [AUDIT_DENY] = "deny",         [AUDIT_QUARANTINE] = "quarantine", [AUDIT_TOKEN] = "token",
    [AUDIT_RELOAD] = "reload",     [AUDIT_START] = "start",           [AUDIT_STOP] = "stop",
};

const char *audit_event_name(enum audit_event event)
{
    return event_names[event];
}

struct fields {
    struct log_field p[20];
    size_t n;
};

static inline void add_text(struct fields *f, struct slice key, struct slice text)
{
    if (text.n)
        f->p[f->n++] = (struct log_field){.key = key, .text = text, .kind = LOG_FIELD_TEXT};
}

/* What needs no escape. */
static inline void add_word(struct fields *f, struct slice key, struct slice word)
{
    if (word.n)
        f->p[f->n++] = (struct log_field){.key = key, .text = word, .kind = LOG_FIELD_WORD};
}

static inline void add_number(struct fields *f, struct slice key, uint64_t number)
{
    f->p[f->n++] =
        (struct log_field){.key = key, .number = (int64_t)number, .kind = LOG_FIELD_NUMBER};
}

/* The members of the record and a newline, in out (LOG_LINE_MAX bytes). */
static size_t format(char *out, const struct audit_record *r)
{
    struct fields f = {.n = 0};
    add_text(&f, LOG_KEY("module"), r->module);
    add_text(&f, LOG_KEY("version"), r->version);
    add_word(&f, LOG_KEY("artefact"), r->artefact);
    add_word(&f, LOG_KEY("h1"), r->h1);
    add_text(&f, LOG_KEY("repository"), r->repository);
    add_text(&f, LOG_KEY("identity"), r->identity);
    add_word(&f, LOG_KEY("ip"), r->ip);
    add_text(&f, LOG_KEY("agent"), slice_head(r->agent, AGENT_MAX_BYTES));
    add_word(&f, LOG_KEY("request"), r->request_id);
    add_word(&f, LOG_KEY("outcome"), r->outcome);
    if (r->status)
        add_number(&f, LOG_KEY("status"), (uint64_t)r->status);
    add_text(&f, LOG_KEY("rule"), r->rule);
    if (r->signature != AUDIT_UNSIGNED)
        add_word(&f, LOG_KEY("signature"),
                 r->signature == AUDIT_SIGNATURE_VALID ? S("valid") : S("invalid"));
    if (r->bytes)
        add_number(&f, LOG_KEY("bytes"), r->bytes);
    add_text(&f, LOG_KEY("detail"), slice_head(r->detail, DETAIL_MAX_BYTES));
    struct log_moment at = r->at_ns ? log_moment_at(r->at_ns) : log_moment_now();
    size_t n =
        log_line_members(out, at, slice_of(event_names[r->event]), (struct log_fields){f.p, f.n});
    out[n] = '\n';
    return n + 1;
}

static void count_lost(void)
{
    atomic_fetch_add(&audit.lost, 1);
    metric_add(METRIC_AUDIT_LOST, 1);
}

static void wake_writer(void)
{
    if (atomic_load(&audit.sleeps) && atomic_exchange(&audit.sleeps, false))
        sem_post(&audit.wake);
}

static void put(struct slice body)
{
    if (!log_ring_put(audit.ring, body))
        count_lost();
    wake_writer();
}

/* ---- writing ---- */

static void tell_failure(const struct error *err)
{
    int64_t now = now_ms();
    if (audit.complained_ms && now - audit.complained_ms < COMPLAIN_MS)
        return;
    audit.complained_ms = now;
    log_error(LOG_ERROR,
              atomic_load(&audit.refuses)
                  ? "the audit cannot be written: requests are refused until it can be"
                  : "the audit cannot be written: records will be lost if that lasts",
              err, (struct log_field[]){LOG_NUM("lost", atomic_load(&audit.lost))}, 1);
}

static void note_failure(const struct error *err)
{
    if (!audit.failing_since_unix_s)
        audit.failing_since_unix_s = now_unix_s();
    atomic_store(&audit.is_failing, true);
    metric_set(METRIC_AUDIT_FAILING, 1);
    tell_failure(err);
}

static void note_success(void)
{
    if (audit.failing_since_unix_s)
        log_line(LOG_WARN, "the audit is written again", LOG_NUM("lost", atomic_load(&audit.lost)));
    audit.failing_since_unix_s = 0;
    audit.complained_ms = 0;
    atomic_store(&audit.is_failing, false);
    metric_set(METRIC_AUDIT_FAILING, 0);
}

/* The record of what is missing here, if anything is. Returns how many it tells of, in all. */
static uint64_t add_gap(struct arena *a, struct buf *bodies)
{
    char text[LOG_LINE_MAX];
    uint64_t lost = atomic_load(&audit.lost);
    if (lost == audit.lost_told && !audit.failing_since_unix_s)
        return lost;
    const struct log_field fields[] = {
        LOG_NUM("lost", lost - audit.lost_told),
        LOG_STR("since", audit.failing_since_unix_s ? time_rfc3339(a, audit.failing_since_unix_s)
                                                    : S("the record before")),
    };
    size_t n = log_line_members(text, log_moment_now(), S("gap"),
                                (struct log_fields){fields, ARRAY_LEN(fields)});
    buf_add(bodies, slice_make(text, n));
    buf_add_byte(bodies, '\n');
    return lost;
}

static struct audit_ticket *take_tickets(void)
{
    pthread_mutex_lock(&audit.lock);
    struct audit_ticket *list = audit.first;
    audit.first = NULL;
    audit.last = &audit.first;
    pthread_mutex_unlock(&audit.lock);
    return list;
}

/* When it was not written: refused, or one of the records that are to be written later. */
static void end_ticket(struct audit_ticket *t, bool is_written)
{
    t->is_recorded = is_written || !atomic_load(&audit.refuses);
    if (!is_written && t->is_recorded)
        put(slice_make(t->body, t->body_bytes));
    free(t->body);
    t->on_done(t, t->is_recorded);
}

static void end_tickets(struct audit_ticket *list, bool is_written)
{
    while (list) {
        struct audit_ticket *next = list->next;
        end_ticket(list, is_written);
        list = next;
    }
}

static bool sync_is_due(bool is_last)
{
    return audit.dirty_since_ms &&
           (is_last || now_ms() - audit.dirty_since_ms >= (int64_t)audit.sync_ms);
}

static bool checkpoint_is_due(bool is_last)
{
    return audit_file_needs_checkpoint(audit.file) &&
           (is_last || (audit.open_since_ms && now_ms() - audit.open_since_ms >= CHECKPOINT_MS));
}

static void note_written(bool is_synced)
{
    int64_t now = now_ms();
    audit.dirty_since_ms = is_synced ? 0 : audit.dirty_since_ms ? audit.dirty_since_ms : now;
    if (!audit_file_needs_checkpoint(audit.file))
        audit.open_since_ms = 0;
    else if (!audit.open_since_ms)
        audit.open_since_ms = now;
}

/* What is in hand: a gap, if there is one, the batch, and what cannot wait. */
static struct error *write_batch(struct arena *a, struct audit_ticket *tickets)
{
    BUF_SCOPED(bodies);
    uint64_t told = add_gap(a, &bodies);
    buf_add(&bodies, slice_make(audit.batch, audit.batch_n));
    for (struct audit_ticket *t = tickets; t; t = t->next)
        buf_add(&bodies, slice_make(t->body, t->body_bytes));
    if (bodies.n == 0)
        return NULL;
    bool is_synced = tickets != NULL;
    TRY(audit_file_append(a, audit.file, buf_slice(&bodies), is_synced));
    audit.lost_told = told;
    audit.batch_n = 0;
    note_written(is_synced);
    return NULL;
}

static struct error *make_durable(struct arena *a, bool is_last)
{
    if (checkpoint_is_due(is_last)) {
        TRY(audit_file_checkpoint(a, audit.file));
        note_written(true);
    }
    if (sync_is_due(is_last)) {
        TRY(audit_file_sync(a, audit.file));
        audit.dirty_since_ms = 0;
    }
    return NULL;
}

/* One round; false when there is nothing more to do now. */
static bool write_round(bool is_last)
{
    struct arena a = ARENA_INIT;
    struct audit_ticket *tickets = take_tickets();
    if (audit.batch_n == 0 && audit.ring)
        audit.batch_n = log_ring_take(audit.ring, audit.batch, BATCH_BYTES);
    bool has_some = audit.batch_n || tickets;
    struct error *err = write_batch(&a, tickets);
    if (!err)
        err = make_durable(&a, is_last && !has_some);
    if (err)
        note_failure(err);
    else
        note_success();
    end_tickets(tickets, !err);
    arena_release(&a);
    return !err && has_some;
}

/* ---- the writer ---- */

static struct timespec in_ms(int64_t ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += ms % 1000 * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

/* How long to sleep when nothing comes; negative: for ever. */
static int64_t pause_ms(void)
{
    if (atomic_load(&audit.is_failing))
        return RETRY_MS;
    if (audit.dirty_since_ms && (audit.sync_ms < CHECKPOINT_MS || !audit.open_since_ms))
        return (int64_t)audit.sync_ms;
    return audit.open_since_ms ? CHECKPOINT_MS : -1;
}

static bool has_work(void)
{
    pthread_mutex_lock(&audit.lock);
    bool has_ticket = audit.first != NULL;
    pthread_mutex_unlock(&audit.lock);
    return has_ticket || log_ring_is_ready(audit.ring) || atomic_load(&audit.must_stop);
}

/* As the log's: `sleeps` is set before the last look, and looked at after something was put. */
static void sleep_until_work(void)
{
    int64_t ms = pause_ms();
    struct timespec until = in_ms(ms > 0 ? ms : 0);
    atomic_store(&audit.sleeps, true);
    if (!has_work()) {
        while ((ms < 0 ? sem_wait(&audit.wake) : sem_timedwait(&audit.wake, &until)) &&
               errno == EINTR)
            ;
    }
    atomic_store(&audit.sleeps, false);
}

static void wait_for_work(void)
{
    const struct timespec gather = {.tv_nsec = GATHER_MS * 1000000};
    if (atomic_load(&audit.is_failing) && !atomic_load(&audit.must_stop)) {
        struct timespec until = in_ms(RETRY_MS);
        while (sem_timedwait(&audit.wake, &until) && errno == EINTR)
            ;
        return;
    }
    sleep_until_work();
    nanosleep(&gather, NULL);
}

static void *writer_main(void *arg)
{
    while (!atomic_load(&audit.must_stop)) {
        wait_for_work();
        while (write_round(false))
            ;
    }
    while (write_round(true))
        ;
    return NULL;
}

/* Signals are for the threads that wait for them, never for the writer. */
static struct error *start_writer(struct arena *a)
{
    sigset_t all, before;
    audit.ring = log_ring_new(RING_BYTES);
    sem_init(&audit.wake, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&audit.writer, NULL, writer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err ? error_errno(a, err, "starting the audit's thread") : NULL;
}

/* ---- the face ---- */

static void wipe(void)
{
    audit_file_close(audit.file);
    log_ring_free(audit.ring);
    free(audit.batch);
    audit.file = NULL;
    audit.ring = NULL;
    audit.batch = NULL;
    audit.batch_n = 0;
}

struct error *audit_open(struct arena *a, const struct audit_options *o, bool has_writer)
{
    TRY_CTX(a, audit_file_open(a, o, &audit.file), "the audit");
    pthread_mutex_init(&audit.lock, NULL);
    audit.last = &audit.first;
    audit.sync_ms = o->sync_ms;
    audit.batch = xmalloc(BATCH_BYTES);
    audit.lost_told = atomic_load(&audit.lost);
    atomic_store(&audit.must_stop, false);
    audit_set(o->refuses, o->has_hits);
    struct error *err = has_writer ? audit_file_checkpoint(a, audit.file) : NULL;
    note_written(true); /* while nobody else looks at it */
    if (!err && has_writer)
        err = start_writer(a);
    if (err) {
        wipe();
        return error_wrap(a, err, "the audit");
    }
    atomic_store(&audit.is_on, true);
    return NULL;
}

void audit_close(void)
{
    if (!atomic_exchange(&audit.is_on, false))
        return;
    atomic_store(&audit.must_stop, true);
    if (audit.ring) {
        sem_post(&audit.wake);
        pthread_join(audit.writer, NULL);
        sem_destroy(&audit.wake);
    } else {
        while (write_round(true))
            ;
    }
    if (audit.failing_since_unix_s)
        log_line(LOG_ERROR, "the audit ends without its last records",
                 LOG_NUM("lost", atomic_load(&audit.lost) - audit.lost_told),
                 LOG_NUM("kept_bytes", audit.batch_n));
    wipe();
    pthread_mutex_destroy(&audit.lock);
}

void audit_set(bool refuses, bool has_hits)
{
    atomic_store(&audit.refuses, refuses);
    atomic_store(&audit.has_hits, has_hits);
}

bool audit_is_on(void)
{
    return atomic_load_explicit(&audit.is_on, memory_order_relaxed);
}

bool audit_wants_download(bool is_hit)
{
    return audit_is_on() &&
           (!is_hit || atomic_load_explicit(&audit.has_hits, memory_order_relaxed));
}

bool audit_admits(void)
{
    if (!audit_is_on() || !atomic_load_explicit(&audit.refuses, memory_order_relaxed))
        return true;
    return !atomic_load_explicit(&audit.is_failing, memory_order_relaxed) &&
           (!audit.ring || log_ring_used(audit.ring) <= RING_BYTES / 2);
}

/* Without a writer: in line. */
static struct error *write_in_line(struct arena *a, struct slice body)
{
    pthread_mutex_lock(&audit.lock);
    struct error *err = audit_file_append(a, audit.file, body, true);
    if (err) {
        count_lost();
        note_failure(err);
    }
    pthread_mutex_unlock(&audit.lock);
    return err;
}

void audit_event(const struct audit_record *r)
{
    char body[LOG_LINE_MAX + 1];
    if (!audit_is_on())
        return;
    metric_add(METRIC_AUDIT_RECORDS, 1);
    struct slice text = slice_make(body, format(body, r));
    if (audit.ring) {
        put(text);
        return;
    }
    struct arena a = ARENA_INIT;
    struct error *err = write_in_line(&a, text);
    (void)err; /* it was logged */
    arena_release(&a);
}

void audit_submit(struct audit_ticket *t, const struct audit_record *r)
{
    char body[LOG_LINE_MAX + 1];
    metric_add(METRIC_AUDIT_RECORDS, 1);
    t->body_bytes = format(body, r);
    t->body = xmalloc(t->body_bytes);
    memcpy(t->body, body, t->body_bytes);
    t->next = NULL;
    if (atomic_load(&audit.is_failing)) {
        end_ticket(t, false);
        return;
    }
    pthread_mutex_lock(&audit.lock);
    *audit.last = t;
    audit.last = &t->next;
    pthread_mutex_unlock(&audit.lock);
    wake_writer();
}

struct waiting {
    struct audit_ticket ticket;
    sem_t is_done;
};

static void end_waiting(struct audit_ticket *t, bool is_recorded)
{
    sem_post(&((struct waiting *)t)->is_done);
}

static struct error *refuse_unrecorded(struct arena *a)
{
    return error_new(a, STATUS_AUDIT_DOWN, "nothing is done that cannot be recorded");
}

static struct error *record_in_line(struct arena *a, const struct audit_record *r)
{
    char body[LOG_LINE_MAX + 1];
    struct error *err = write_in_line(a, slice_make(body, format(body, r)));
    return err && atomic_load(&audit.refuses) ? refuse_unrecorded(a) : NULL;
}

struct error *audit_event_durable(struct arena *a, const struct audit_record *r)
{
    struct waiting w = {.ticket = {.on_done = end_waiting}};
    if (!audit_is_on())
        return NULL;
    if (!audit.ring)
        return record_in_line(a, r);
    sem_init(&w.is_done, 0, 0);
    audit_submit(&w.ticket, r);
    while (sem_wait(&w.is_done) && errno == EINTR)
        ;
    sem_destroy(&w.is_done);
    return w.ticket.is_recorded ? NULL : refuse_unrecorded(a);
}
