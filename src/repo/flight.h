/*
 * Flights: one job for each thing that is missing, however many wait for it. Waiters are
 * connections, not threads: each names a loop, and is told there. When the last waiter of a flight
 * leaves, the flight is cancelled: a queued job is taken back, a running one stops at its next
 * step.
 */
#ifndef MODGATE_REPO_FLIGHT_H
#define MODGATE_REPO_FLIGHT_H

#include "base/ctx.h"

#include "repo/question.h"
#include "work/lane.h"
#include "work/loop.h"

struct flights;
struct flight;
struct repo_answer;

/* The owner embeds it; the fields of the second half are the flight's. */
struct flight_waiter {
    struct loop *loop;
    /* What came out: err or an answer, both valid during the call. Then release is called. [loop]
     */
    void (*on_done)(struct flight_waiter *w, const struct error *err,
                    const struct repo_answer *answer);
    /* The waiter is not used any more: after on_done, or some time after flight_leave(). [loop] */
    void (*release)(struct flight_waiter *w);

    struct loop_task task;
    struct flight *flight;
    struct flight_waiter *next, **link;
    bool has_left;
};

/* On which lane a flight is: those that wait for version control must not hold up the others. */
enum flight_leg { FLIGHT_UPSTREAM, FLIGHT_DIRECT };
#define FLIGHT_LEGS 2

/*
 * Finds out what the question asks. Errors and the answer live in cx->arena. When the work must go
 * on in another lane, *leg is changed: what came out of this leg is forgotten. [worker]
 */
typedef struct error *(*flight_work_fn)(void *arg, struct ctx *cx, const struct question *q,
                                        enum flight_leg *leg, struct repo_answer *answer);
/* The lane to begin in. [any] */
typedef enum flight_leg (*flight_choose_fn)(void *arg, const struct question *q);

/* What will be asked next, nearly always: then true, with the question in the arena. [any] */
typedef bool (*flight_next_fn)(void *arg, struct arena *a, const struct question *q,
                               struct question *next);

struct flights_options {
    struct lane *lanes[FLIGHT_LEGS];
    flight_choose_fn choose;
    flight_work_fn work;
    /* Begun along, behind all that somebody waits for, and of mirrors only. NULL: nothing is. */
    flight_next_fn next;
    void *arg;
};
struct flights *flights_new(const struct flights_options *o);
/* Tells every flight to stop at its next step: before the lane is closed. [any] */
void flights_cancel(struct flights *fs);
/* Whether no flight is under way and nobody still has the answer of one. [any] */
bool flights_are_idle(struct flights *fs);
/* Only once all flights have landed: after lane_close() of all lanes. */
void flights_free(struct flights *fs);
/* Waits with others for the answer, or starts a flight. False: the lane is full. [loop] */
bool flights_join(struct flights *fs, const struct question *q, struct flight_waiter *w) MUST_CHECK;
/* Starts a flight that nobody waits for, unless there is one; a full lane is fine. [any] */
void flights_refresh(struct flights *fs, const struct question *q);
/* The waiter's client has left: on_done will not be called. [loop: the waiter's] */
void flight_leave(struct flight_waiter *w);

#endif
