/*
 * An event loop.
 *
 * One round: wait in epoll, deliver events, run the posted tasks, run the timers that are due, call
 * the round-end hooks. Tasks are pushed by any thread onto a lock-free stack; the push that finds
 * it empty also writes the eventfd, so a burst of posts costs one system call. Timers sit in a
 * binary heap of pointers; each timer knows its place, so that clearing one is cheap.
 *
 * What stays true: after loop_unwatch() no event of the same round reaches that watch, because its
 * remaining entries are blanked; a hook or timer may set timers and watch descriptors freely.
 */
#include "work/loop.h"

#include "base/ctx.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_EVENTS = 256, MAX_HOOKS = 4, FIRST_TIMERS = 64 };

struct hook {
    void (*fn)(void *arg);
    void *arg;
};

struct loop {
    int epoll_fd;
    struct loop_fd wakeup; /* the eventfd */
    atomic_bool is_stopping;
    _Atomic(struct loop_task *) posted; /* newest first */
    int64_t now_ms;
    bool is_in_timers;
    struct loop_timer **heap;
    size_t timer_count;
    size_t timer_cap;
    struct hook hooks[MAX_HOOKS];
    unsigned hook_count;
    int event_next; /* events[event_next..event_count) are still to be delivered */
    int event_count;
    struct epoll_event events[MAX_EVENTS];
};

static void on_wakeup(struct loop_fd *self, uint32_t epoll_events)
{
    uint64_t count;
    if (read(self->fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
        BUG("reading an eventfd: errno %d", errno);
}

struct error *loop_new(struct arena *a, struct loop **out)
{
    struct loop *l = xcalloc(1, sizeof(*l));
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wakeup =
        (struct loop_fd){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .on_event = on_wakeup};
    struct error *err = NULL;
    if (l->epoll_fd < 0 || l->wakeup.fd < 0)
        err = error_errno(a, errno, "creating an event loop");
    if (!err)
        err = loop_watch(a, l, &l->wakeup, EPOLLIN);
    if (err) {
        loop_free(l);
        return err;
    }
    l->now_ms = now_ms();
    *out = l;
    return NULL;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    if (l->wakeup.fd >= 0)
        close(l->wakeup.fd);
    free(l->heap);
    free(l);
}

static void wake(struct loop *l)
{
    uint64_t one = 1;
    while (write(l->wakeup.fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->is_stopping, true);
    wake(l);
}

void loop_post(struct loop *l, struct loop_task *t)
{
    struct loop_task *head = atomic_load_explicit(&l->posted, memory_order_relaxed);
    do {
        t->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&l->posted, &head, t, memory_order_release,
                                                    memory_order_relaxed));
    if (!head)
        wake(l);
}

static void run_tasks(struct loop *l)
{
    struct loop_task *newest = atomic_exchange_explicit(&l->posted, NULL, memory_order_acquire);
    struct loop_task *oldest = NULL;
    while (newest) {
        struct loop_task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct loop_task *next = oldest->next; /* read first: run() may free the task */
        oldest->run(oldest);
        oldest = next;
    }
}

static struct error *control(struct arena *a, struct loop *l, int op, struct loop_fd *w,
                             uint32_t epoll_events)
{
    struct epoll_event ev = {.events = epoll_events, .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, op, w->fd, &ev) != 0)
        return error_errno(a, errno, "watching descriptor %d", w->fd);
    return NULL;
}

struct error *loop_watch(struct arena *a, struct loop *l, struct loop_fd *w, uint32_t epoll_events)
{
    return control(a, l, EPOLL_CTL_ADD, w, epoll_events);
}

void loop_rewatch(struct loop *l, struct loop_fd *w, uint32_t epoll_events)
{
    struct epoll_event ev = {.events = epoll_events, .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) != 0)
        BUG("changing the watch of descriptor %d: errno %d", w->fd, errno);
}

void loop_unwatch(struct loop *l, struct loop_fd *w)
{
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL) != 0)
        BUG("ending the watch of descriptor %d: errno %d", w->fd, errno);
    for (int i = l->event_next; i < l->event_count; i++)
        if (l->events[i].data.ptr == w)
            l->events[i].data.ptr = NULL;
}

static void heap_place(struct loop *l, size_t i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->heap_index_plus_1 = i + 1;
}

static void heap_up(struct loop *l, size_t i, struct loop_timer *t)
{
    for (; i > 0 && l->heap[(i - 1) / 2]->at_ms > t->at_ms; i = (i - 1) / 2)
        heap_place(l, i, l->heap[(i - 1) / 2]);
    heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i, struct loop_timer *t)
{
    for (size_t child; (child = 2 * i + 1) < l->timer_count; i = child) {
        if (child + 1 < l->timer_count && l->heap[child + 1]->at_ms < l->heap[child]->at_ms)
            child++;
        if (l->heap[child]->at_ms >= t->at_ms)
            break;
        heap_place(l, i, l->heap[child]);
    }
    heap_place(l, i, t);
}

/* Puts t where i is free, whichever way it has to go from there. */
static void heap_settle(struct loop *l, size_t i, struct loop_timer *t)
{
    if (i > 0 && l->heap[(i - 1) / 2]->at_ms > t->at_ms)
        heap_up(l, i, t);
    else
        heap_down(l, i, t);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms)
{
    bool is_for_next_round = l->is_in_timers && at_ms <= l->now_ms;
    t->at_ms = is_for_next_round ? l->now_ms + 1 : at_ms;
    if (t->heap_index_plus_1) {
        heap_settle(l, t->heap_index_plus_1 - 1, t);
        return;
    }
    if (l->timer_count == l->timer_cap) {
        l->timer_cap = l->timer_cap ? l->timer_cap * 2 : FIRST_TIMERS;
        l->heap = xrealloc(l->heap, l->timer_cap * sizeof(*l->heap));
    }
    heap_up(l, l->timer_count++, t);
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    if (!t->heap_index_plus_1)
        return;
    size_t i = t->heap_index_plus_1 - 1;
    t->heap_index_plus_1 = 0;
    struct loop_timer *last = l->heap[--l->timer_count];
    if (last != t)
        heap_settle(l, i, last);
}

/* Those that are due now. What they set for now or earlier is moved on, so that this ends. */
static void run_timers(struct loop *l)
{
    l->is_in_timers = true;
    while (l->timer_count && l->heap[0]->at_ms <= l->now_ms) {
        struct loop_timer *t = l->heap[0];
        loop_timer_clear(l, t);
        t->on_time(t);
    }
    l->is_in_timers = false;
}

int64_t loop_now_ms(const struct loop *l)
{
    return l->now_ms;
}

void loop_on_round_end(struct loop *l, void (*fn)(void *arg), void *arg)
{
    if (l->hook_count == MAX_HOOKS)
        BUG("more than %d round-end hooks", MAX_HOOKS);
    l->hooks[l->hook_count++] = (struct hook){.fn = fn, .arg = arg};
}

/* Milliseconds that epoll may sleep, at most most_ms (-1 = no bound). */
static int sleep_ms(const struct loop *l, int most_ms)
{
    if (atomic_load(&l->is_stopping))
        return 0;
    if (!l->timer_count)
        return most_ms;
    int64_t left = l->heap[0]->at_ms - now_ms();
    if (left < 0)
        left = 0;
    if (most_ms >= 0 && left > most_ms)
        left = most_ms;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static void deliver(struct loop *l)
{
    while (l->event_next < l->event_count) {
        struct epoll_event ev = l->events[l->event_next++];
        struct loop_fd *w = ev.data.ptr;
        if (w)
            w->on_event(w, ev.events);
    }
}

void loop_run_once(struct loop *l, int most_ms)
{
    int n = epoll_wait(l->epoll_fd, l->events, MAX_EVENTS, sleep_ms(l, most_ms));
    if (n < 0 && errno != EINTR)
        BUG("waiting for events: errno %d", errno);
    l->now_ms = now_ms();
    l->event_next = 0;
    l->event_count = n > 0 ? n : 0;
    deliver(l);
    run_tasks(l);
    run_timers(l);
    for (unsigned i = 0; i < l->hook_count; i++)
        l->hooks[i].fn(l->hooks[i].arg);
}

void loop_run(struct loop *l)
{
    while (!atomic_load(&l->is_stopping))
        loop_run_once(l, -1);
    loop_run_once(l, 0);
}
