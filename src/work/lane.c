/*
 * Worker threads in a lane.
 *
 * One mutex guards two queues (interactive, background). A thread is started when a job comes in
 * and no thread is idle, up to max_threads; an idle thread ends after ten seconds. Background jobs
 * run only when no interactive job waits and fewer than half of the threads are busy with them, so
 * that a warm-up cannot starve somebody who waits.
 */
#include "work/lane.h"

#include "base/ctx.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { IDLE_SECONDS = 10, DEFAULT_STACK_BYTES = 512 * 1024 };

struct queue {
    struct job *first;
    struct job **last;
    unsigned count;
};

struct lane {
    struct lane_options options;
    pthread_mutex_t lock;
    pthread_cond_t work;    /* a job was queued, or the lane closes */
    pthread_cond_t gone;    /* a thread ended */
    struct queue queues[2]; /* by enum lane_class */
    unsigned threads;
    unsigned idle;
    unsigned running[2];
    bool is_closing;
    struct lane_stats totals;
};

static void queue_init(struct queue *q)
{
    *q = (struct queue){.last = &q->first};
}

static void queue_put(struct queue *q, struct job *j)
{
    j->next = NULL;
    j->link = q->last;
    *q->last = j;
    q->last = &j->next;
    q->count++;
}

static void queue_remove(struct queue *q, struct job *j)
{
    *j->link = j->next;
    if (j->next)
        j->next->link = j->link;
    else
        q->last = j->link;
    j->link = NULL;
    q->count--;
}

struct lane *lane_new(const struct lane_options *o)
{
    struct lane *l = xcalloc(1, sizeof(*l));
    l->options = *o;
    if (!l->options.stack_bytes)
        l->options.stack_bytes = DEFAULT_STACK_BYTES;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, &attr);
    pthread_cond_init(&l->gone, &attr);
    pthread_condattr_destroy(&attr);
    queue_init(&l->queues[LANE_INTERACTIVE]);
    queue_init(&l->queues[LANE_BACKGROUND]);
    return l;
}

/* The class of the job to run next, or -1 when none may start now. Called with the lock held. */
static int next_class(const struct lane *l)
{
    if (l->queues[LANE_INTERACTIVE].count)
        return LANE_INTERACTIVE;
    unsigned most = l->options.max_threads > 1 ? l->options.max_threads / 2 : 1;
    if (l->queues[LANE_BACKGROUND].count && l->running[LANE_BACKGROUND] < most)
        return LANE_BACKGROUND;
    return -1;
}

/* Waits for work; false when the thread should end. Called with the lock held. */
static bool wait_for_work(struct lane *l)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    l->idle++;
    int rc = 0;
    while (next_class(l) < 0 && !l->is_closing && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&l->work, &l->lock, &until);
    l->idle--;
    return next_class(l) >= 0;
}

static void run_one(struct lane *l, int class)
{
    struct job *j = l->queues[class].first;
    queue_remove(&l->queues[class], j);
    l->running[class]++;
    l->totals.wait_ns_total += (uint64_t)(now_ns() - j->queued_at_ns);
    pthread_mutex_unlock(&l->lock);
    j->run(j);
    pthread_mutex_lock(&l->lock);
    l->running[class]--;
    if (class == LANE_BACKGROUND && l->queues[LANE_BACKGROUND].count)
        pthread_cond_signal(&l->work);
}

static void *thread_main(void *arg)
{
    struct lane *l = arg;
    thread_in_background();
    pthread_mutex_lock(&l->lock);
    do {
        for (int class; (class = next_class(l)) >= 0;)
            run_one(l, class);
    } while (wait_for_work(l));
    l->threads--;
    pthread_cond_broadcast(&l->gone);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Called with the lock held. False when no thread could be made. */
static bool start_thread(struct lane *l)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, l->options.stack_bytes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, &attr, thread_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        l->threads++;
    return rc == 0;
}

bool lane_submit(struct lane *l, struct job *j, enum lane_class class)
{
    pthread_mutex_lock(&l->lock);
    unsigned queued = l->queues[0].count + l->queues[1].count;
    bool taken = !l->is_closing && queued < l->options.max_queued + l->idle;
    if (taken && l->idle <= queued && l->threads < l->options.max_threads)
        taken = start_thread(l) || l->threads > 0;
    if (taken) {
        j->queued_at_ns = now_ns();
        queue_put(&l->queues[class], j);
        l->totals.accepted_total++;
        pthread_cond_signal(&l->work);
    } else {
        l->totals.rejected_total++;
    }
    pthread_mutex_unlock(&l->lock);
    return taken;
}

bool lane_withdraw(struct lane *l, struct job *j, enum lane_class class)
{
    pthread_mutex_lock(&l->lock);
    bool was_queued = j->link != NULL;
    if (was_queued)
        queue_remove(&l->queues[class], j);
    pthread_mutex_unlock(&l->lock);
    return was_queued;
}

bool lane_promote(struct lane *l, struct job *j)
{
    pthread_mutex_lock(&l->lock);
    bool was_queued = j->link != NULL;
    if (was_queued) {
        queue_remove(&l->queues[LANE_BACKGROUND], j);
        queue_put(&l->queues[LANE_INTERACTIVE], j);
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&l->lock);
    return was_queued;
}

struct lane_stats lane_stats(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    struct lane_stats s = l->totals;
    s.threads = l->threads;
    s.running = l->running[0] + l->running[1];
    s.queued = l->queues[0].count + l->queues[1].count;
    pthread_mutex_unlock(&l->lock);
    return s;
}

const char *lane_name(const struct lane *l)
{
    return l->options.name;
}

void lane_close(struct lane *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->is_closing = true;
    pthread_cond_broadcast(&l->work);
    while (l->threads)
        pthread_cond_wait(&l->gone, &l->lock);
    pthread_mutex_unlock(&l->lock);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->gone);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
