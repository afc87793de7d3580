/*
 * All cores at work on a list of versions. The largest zips are taken first, so that no thread is
 * left with a long one at the end; a shared index is all the coordination there is. The thread that
 * called waits and, on a terminal, shows how far the others are.
 */
#include "cli/verify.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_MS = 200, MAX_JOBS = 256 };

struct pool {
    struct verify_version **order;
    size_t count;
    atomic_size_t next;
    struct verify_report *report;
    const struct gosum *go_sum;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned running;
};

static int largest_first(const void *a, const void *b)
{
    uint64_t x = (*(struct verify_version *const *)a)->zip_bytes;
    uint64_t y = (*(struct verify_version *const *)b)->zip_bytes;
    return (x < y) - (x > y);
}

static void *work(void *arg)
{
    struct pool *p = arg;
    struct verify_worker w = {.report = p->report, .go_sum = p->go_sum};
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->count;) {
        verify_check_version(&w, p->order[i]);
        arena_clear(&w.arena);
        atomic_fetch_add(&p->report->versions, 1);
    }
    arena_release(&w.arena);
    pthread_mutex_lock(&p->lock);
    p->running--;
    pthread_cond_signal(&p->ended);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void show_progress(const struct pool *p)
{
    size_t done = p->report->versions;
    fprintf(stderr, "\r%zu of %zu versions, %.1f MB, %zu%%\033[K",
            done < p->count ? done : p->count, p->count, (double)p->report->bytes / 1e6,
            p->count ? 100 * done / p->count : 100);
    fflush(stderr);
}

static void wait_for_workers(struct pool *p)
{
    bool is_terminal = isatty(STDERR_FILENO);
    pthread_mutex_lock(&p->lock);
    while (p->running) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PROGRESS_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&p->ended, &p->lock, &until);
        if (is_terminal)
            show_progress(p);
    }
    pthread_mutex_unlock(&p->lock);
    if (is_terminal)
        fputs("\r\033[K", stderr);
}

static void start_workers(struct pool *p, pthread_t *threads, unsigned jobs)
{
    for (unsigned i = 0; i < jobs; i++) {
        p->running++;
        if (pthread_create(&threads[i], NULL, work, p) != 0)
            BUG("no thread");
    }
}

void verify_run(struct verify_list *list, struct verify_report *report, const struct gosum *go_sum,
                unsigned jobs)
{
    pthread_t threads[MAX_JOBS];
    struct pool p = {
        .order = xcalloc(list->count, sizeof(*p.order)),
        .count = list->count,
        .report = report,
        .go_sum = go_sum,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER,
    };
    jobs = jobs < MAX_JOBS ? jobs : MAX_JOBS;
    for (size_t i = 0; i < list->count; i++)
        p.order[i] = &list->versions[i];
    qsort(p.order, p.count, sizeof(*p.order), largest_first);
    pthread_mutex_lock(&p.lock);
    start_workers(&p, threads, jobs);
    pthread_mutex_unlock(&p.lock);
    wait_for_workers(&p);
    for (unsigned i = 0; i < jobs; i++)
        pthread_join(threads[i], NULL);
    free(p.order);
}
