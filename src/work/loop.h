/*
 * An event loop: one epoll instance that one thread runs. Everything tied to a loop is touched by
 * its thread alone, so it needs no locks; other threads reach it through loop_post(). Nothing that
 * runs on a loop may block.
 */
#ifndef MODGATE_WORK_LOOP_H
#define MODGATE_WORK_LOOP_H

#include "base/base.h"

struct loop;

/* A watched descriptor; the owner embeds it. The descriptor stays the owner's. */
struct loop_fd {
    int fd;
    void (*on_event)(struct loop_fd *self, uint32_t epoll_events); /* [loop] */
};

/* A timer; the owner embeds it, zeroed. Its other fields are the loop's. */
struct loop_timer {
    void (*on_time)(struct loop_timer *self); /* [loop] */
    int64_t at_ms;
    size_t heap_index_plus_1; /* 0 = not set */
};

/* A message to a loop; the owner embeds it and keeps it alive until it ran. */
struct loop_task {
    void (*run)(struct loop_task *self); /* [loop] */
    struct loop_task *next;
};

/* A loop that nobody runs yet. */
struct error *loop_new(struct arena *a, struct loop **out) MUST_CHECK;
void loop_free(struct loop *l);
/* Runs until loop_stop(); what was posted before the stop still runs. */
void loop_run(struct loop *l);
/* One round of loop_run(), which sleeps at most most_ms (-1 = until something happens). */
void loop_run_once(struct loop *l, int most_ms);
/* [any] */
void loop_stop(struct loop *l);
/* Hands the task to the loop's thread. Tasks run in the order of posting. [any] */
void loop_post(struct loop *l, struct loop_task *t);

/* [loop] The rest. Level-triggered unless EPOLLET is given. */
struct error *loop_watch(struct arena *a, struct loop *l, struct loop_fd *w,
                         uint32_t epoll_events) MUST_CHECK;
void loop_rewatch(struct loop *l, struct loop_fd *w, uint32_t epoll_events);
/* Safe inside on_event, also for another descriptor of the same round: no later event is delivered.
 */
void loop_unwatch(struct loop *l, struct loop_fd *w);
/* Sets or moves a timer; at_ms is on the clock of now_ms(). */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms);
void loop_timer_clear(struct loop *l, struct loop_timer *t);
/* now_ms() as of the start of this round: costs no system call. */
int64_t loop_now_ms(const struct loop *l);
/* Runs once at the end of each round that did something (to flush what the round gathered). */
void loop_on_round_end(struct loop *l, void (*fn)(void *arg), void *arg);

#endif
