/*
 * One mutex guards the table of flights and every flight's list of waiters; it is taken on misses
 * only, and never while work is done. A flight is in the table while others may join it: from its
 * start until its work is done or it was cancelled. It is freed with its last reference: one for
 * the job, one for each waiter. Its arena, with the answer, lives as long.
 */
#include "repo/flight.h"

#include "repo/repo.h"

#include "base/file.h"

#include "ops/metrics.h"

#include <pthread.h>

enum { BUCKETS = 1024 };

struct flight {
    struct job job;
    struct flights *all;
    struct flight *next; /* in its bucket */
    struct arena arena;
    struct question question;
    enum lane_class class;
    enum flight_leg leg;
    struct flight_waiter *waiters;
    atomic_uint refs;
    atomic_bool is_cancelled;
    bool is_joinable;
    bool is_guess; /* begun before anybody asked */
    struct error *err;
    struct repo_answer answer;
};

struct flights {
    pthread_mutex_t lock;
    struct flights_options o;
    struct flight *buckets[BUCKETS];
    atomic_uint count; /* of flights that are not freed yet */
};

static struct flight **bucket_of(struct flights *fs, struct slice key)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < key.n; i++)
        hash = (hash ^ (unsigned char)key.p[i]) * 16777619u;
    return &fs->buckets[hash % BUCKETS];
}

static struct flight *find(struct flights *fs, struct slice key)
{
    struct flight *f = *bucket_of(fs, key);
    while (f && !slice_eq(f->question.key, key))
        f = f->next;
    return f;
}

static void unref(struct flight *f, unsigned refs)
{
    if (atomic_fetch_sub(&f->refs, refs) != refs)
        return;
    struct flights *fs = f->all;
    fd_cleanup(&f->answer.fd); /* waiters that want it have their own */
    arena_release(&f->arena);
    free(f);
    atomic_fetch_sub(&fs->count, 1); /* after this fs may be gone */
}

/* Nobody can join any more. Called with the lock held. */
static void close_flight(struct flight *f)
{
    if (!f->is_joinable)
        return;
    struct flight **at = bucket_of(f->all, f->question.key);
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    f->is_joinable = false;
    metric_add(METRIC_FLIGHTS, -1);
}

static void tell_waiter(struct loop_task *task)
{
    struct flight_waiter *w =
        (struct flight_waiter *)((char *)task - offsetof(struct flight_waiter, task));
    struct flight *f = w->flight;
    if (!w->has_left)
        w->on_done(w, f->err, f->err ? NULL : &f->answer);
    w->release(w);
    unref(f, 1);
}

static struct lane *lane_of(const struct flight *f)
{
    return f->all->o.lanes[f->leg];
}

/* Puts the flight's job into the lane of its next leg. The lock keeps away whoever would cancel or
 * promote it meanwhile. When it returns true, the flight may be gone already. */
static bool change_lane(struct flight *f, enum flight_leg leg)
{
    struct flights *fs = f->all;
    pthread_mutex_lock(&fs->lock);
    f->leg = leg;
    bool is_wanted = !atomic_load(&f->is_cancelled) && (f->waiters || !f->is_guess);
    bool is_moved = is_wanted && lane_submit(lane_of(f), &f->job, f->class);
    pthread_mutex_unlock(&fs->lock);
    if (!is_moved)
        f->err = error_new(&f->arena, STATUS_OVERLOAD,
                           "too many requests wait for this kind of upstream");
    return is_moved;
}

static void land(struct flight *f);

static void run_flight(struct job *job)
{
    struct flight *f = (struct flight *)job;
    struct flights *fs = f->all;
    struct ctx cx = {.arena = &f->arena, .cancelled = &f->is_cancelled};
    enum flight_leg leg = f->leg;
    f->err = fs->o.work(fs->o.arg, &cx, &f->question, &leg, &f->answer);
    if (leg == f->leg || !change_lane(f, leg))
        land(f);
}

/* Tells the waiters. */
static void land(struct flight *f)
{
    struct flights *fs = f->all;
    pthread_mutex_lock(&fs->lock);
    close_flight(f);
    struct flight_waiter *w = f->waiters;
    f->waiters = NULL;
    for (struct flight_waiter *each = w; each; each = each->next) {
        each->link = NULL;
        metric_add(METRIC_FLIGHT_WAITERS, -1);
    }
    pthread_mutex_unlock(&fs->lock);
    for (struct flight_waiter *next; w; w = next) {
        next = w->next; /* once posted, w may be gone */
        loop_post(w->loop, &w->task);
    }
    unref(f, 1);
}

/* A new flight in the table, with its job queued; NULL when the lane is full. Lock held. */
static struct flight *start(struct flights *fs, const struct question *q, enum lane_class class)
{
    struct flight *f = xcalloc(1, sizeof(*f));
    f->all = fs;
    atomic_fetch_add(&fs->count, 1);
    f->job.run = run_flight;
    f->class = class;
    f->leg = fs->o.choose(fs->o.arg, q);
    f->refs = 1;
    f->is_joinable = true;
    f->answer.fd = -1;
    question_copy(&f->arena, q, &f->question);
    struct flight **bucket = bucket_of(fs, f->question.key);
    f->next = *bucket;
    *bucket = f;
    metric_add(METRIC_FLIGHTS, 1);
    if (lane_submit(lane_of(f), &f->job, class))
        return f;
    close_flight(f);
    unref(f, 1);
    return NULL;
}

/* Only while nothing is queued: a guess must not take a place from somebody who waits. Lock held.
 */
static void start_next(struct flights *fs, const struct flight *f)
{
    struct question next;
    struct arena a = ARENA_INIT;
    bool has_room = f->leg == FLIGHT_UPSTREAM && lane_stats(lane_of(f)).queued <= 1;
    if (has_room && fs->o.next && fs->o.next(fs->o.arg, &a, &f->question, &next) &&
        !find(fs, next.key)) {
        struct flight *guess = start(fs, &next, LANE_BACKGROUND);
        if (guess)
            guess->is_guess = true;
    }
    arena_release(&a);
}

/* Somebody waits now for what was only being refreshed. Lock held. */
static void make_interactive(struct flight *f)
{
    if (f->class == LANE_BACKGROUND && lane_promote(lane_of(f), &f->job))
        f->class = LANE_INTERACTIVE;
}

struct flights *flights_new(const struct flights_options *o)
{
    struct flights *fs = xcalloc(1, sizeof(*fs));
    pthread_mutex_init(&fs->lock, NULL);
    fs->o = *o;
    return fs;
}

void flights_cancel(struct flights *fs)
{
    pthread_mutex_lock(&fs->lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct flight *f = fs->buckets[i]; f; f = f->next)
            atomic_store(&f->is_cancelled, true);
    }
    pthread_mutex_unlock(&fs->lock);
}

/* The lock waits for whoever started the last flight and has not let go of it yet. */
bool flights_are_idle(struct flights *fs)
{
    pthread_mutex_lock(&fs->lock);
    bool is_idle = atomic_load(&fs->count) == 0;
    pthread_mutex_unlock(&fs->lock);
    return is_idle;
}

void flights_free(struct flights *fs)
{
    if (!fs)
        return;
    pthread_mutex_destroy(&fs->lock);
    free(fs);
}

bool flights_join(struct flights *fs, const struct question *q, struct flight_waiter *w)
{
    pthread_mutex_lock(&fs->lock);
    struct flight *f = find(fs, q->key);
    bool is_new = !f;
    if (is_new)
        f = start(fs, q, LANE_INTERACTIVE);
    else
        make_interactive(f);
    if (f) {
        atomic_fetch_add(&f->refs, 1);
        w->flight = f;
        w->has_left = false;
        w->task.run = tell_waiter;
        w->next = f->waiters;
        w->link = &f->waiters;
        if (w->next)
            w->next->link = &w->next;
        f->waiters = w;
        metric_add(METRIC_FLIGHT_WAITERS, 1);
        if (is_new)
            start_next(fs, f);
    }
    pthread_mutex_unlock(&fs->lock);
    return f != NULL;
}

void flights_refresh(struct flights *fs, const struct question *q)
{
    pthread_mutex_lock(&fs->lock);
    if (!find(fs, q->key))
        (void)start(fs, q, LANE_BACKGROUND);
    pthread_mutex_unlock(&fs->lock);
}

/* Nobody waits for it: takes its job back, or tells the running job to stop. Lock held. */
static bool cancel(struct flight *f)
{
    close_flight(f);
    atomic_store(&f->is_cancelled, true);
    return lane_withdraw(lane_of(f), &f->job, f->class);
}

void flight_leave(struct flight_waiter *w)
{
    struct flight *f = w->flight;
    struct flights *fs = f->all;
    pthread_mutex_lock(&fs->lock);
    bool is_told = w->link == NULL; /* its task is on the way to the loop */
    bool was_withdrawn = false;
    if (is_told) {
        w->has_left = true;
    } else {
        *w->link = w->next;
        if (w->next)
            w->next->link = w->link;
        metric_add(METRIC_FLIGHT_WAITERS, -1);
        if (!f->waiters && f->class == LANE_INTERACTIVE)
            was_withdrawn = cancel(f);
    }
    pthread_mutex_unlock(&fs->lock);
    if (is_told)
        return;
    w->release(w);
    unref(f, was_withdrawn ? 2 : 1); /* the job's too, which will not run */
}
