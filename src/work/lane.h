/*
 * A lane: a bounded set of worker threads with a bounded queue, for work that may block. A full
 * lane says so at once. A worker never waits for another job.
 */
#ifndef MODGATE_WORK_LANE_H
#define MODGATE_WORK_LANE_H

#include "base/base.h"

struct lane;

/*
 * The owner embeds it, zeroed but for run, and keeps it alive until run() was entered or
 * lane_withdraw() took it back; run() may free it.
 */
struct job {
    void (*run)(struct job *self); /* [worker] */
    struct job *next, **link; /* the lane's: link is what points at this job while it is queued */
    int64_t queued_at_ns;
};

enum lane_class {
    LANE_INTERACTIVE, /* somebody waits */
    LANE_BACKGROUND,  /* refreshes and warm-up: at most half of the threads, after interactive jobs
                       */
};

struct lane_options {
    const char *name; /* kept; a literal */
    unsigned max_threads;
    unsigned max_queued;
    size_t stack_bytes; /* 0 = 512 KiB */
};

struct lane_stats {
    unsigned threads;
    unsigned running;
    unsigned queued;
    uint64_t accepted_total;
    uint64_t rejected_total;
    uint64_t wait_ns_total; /* time between submit and start, summed */
};

/* Threads start on demand and end after ten idle seconds. [any] */
struct lane *lane_new(const struct lane_options *o);
/* False when the queue is full or the lane is closing: the job was not taken. [any] */
bool lane_submit(struct lane *l, struct job *j, enum lane_class class) MUST_CHECK;
/*
 * Takes a queued job back: true when it was still queued, and will not run. False when it runs, ran
 * or was never submitted; the owner must know that it is not freed meanwhile. [any]
 */
bool lane_withdraw(struct lane *l, struct job *j, enum lane_class class) MUST_CHECK;
/* Moves a queued background job to the end of the interactive ones; false as for withdraw. [any] */
bool lane_promote(struct lane *l, struct job *j) MUST_CHECK;
struct lane_stats lane_stats(struct lane *l);
const char *lane_name(const struct lane *l);
/* Takes no more jobs, runs those it has, joins the threads, frees the lane. [any but a worker] */
void lane_close(struct lane *l);

#endif
