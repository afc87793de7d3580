/*
 * Child processes: no shell, an environment of their own, a session and process group of their own
 * (and so no terminal), and always an end. A child is read piece by piece while it runs; its
 * standard error is kept in part.
 *
 *     TRY(proc_start(cx, &spec, &p));
 *     do { err = proc_read(p, cx, &piece); … } while (!err && piece.n);
 *     TRY(proc_finish(p, cx, &result)) on every way out, error or not
 *
 * or proc_output() for all of it. One thread at a time does that for one child; the one that
 * started it outlives it, unless it is a conversation: else the kernel ends the child with that
 * thread. It ends the child's whole group when this process ends, so that nothing outlives a killed
 * modgate. The child has its three descriptors, one more that is the leash, and no blocked or
 * ignored signal.
 */
#ifndef MODGATE_BASE_PROC_H
#define MODGATE_BASE_PROC_H

#include "base/ctx.h"

#include <sys/types.h>

struct proc_spec {
    const char *const *argv; /* argv[0] is the path of the program; NULL ends it */
    const char *const *env;  /* "NAME=value", all of it; NULL ends it */
    const char *dir;         /* working folder; NULL = ours */
    struct slice input;      /* standard input; empty = /dev/null */
    bool is_conversation;    /* instead of input: what proc_tell() says, from any thread */
    uint64_t max_output_bytes;
    /* Looked at about twice a second while the child runs; an error ends it. May be NULL. */
    struct error *(*watch)(void *arg, struct ctx *cx);
    void *watch_arg;
};

struct proc_result {
    int exit_code;       /* -1 when a signal ended it */
    int signal;          /* 0 when it exited by itself */
    struct slice errors; /* the end of standard error, at most PROC_ERRORS_BYTES, in cx->arena */
};

enum { PROC_ERRORS_BYTES = 8192 };

struct proc;

/* The path of a program in a PATH ("/usr/bin:/bin"), or of one named with a slash; NULL = none.
 * [any]
 */
const char *proc_find(struct arena *a, const char *name, const char *path);
/*
 * Starts a child. IO when the program cannot be run (the text says why). The child lives in
 * cx->arena and must be finished. [worker]
 */
struct error *proc_start(struct ctx *cx, const struct proc_spec *s, struct proc **out) MUST_CHECK;
/*
 * Waits for the next piece of standard output; it is valid until the next call, and empty at the
 * end. TIMEOUT and CANCELLED as cx says, TOO_LARGE above max_output_bytes, and what watch returns.
 * [worker]
 */
struct error *proc_read(struct proc *p, struct ctx *cx, struct slice *piece) MUST_CHECK;
/*
 * For a conversation: gives the child text on its standard input, now and, when it is slow to take
 * it, during proc_read(). The text must stay until it is taken, and be taken before the next one:
 * who waits for an answer to all of it has seen that. [worker]
 */
void proc_tell(struct proc *p, struct slice text);
/* The end of what it has said on standard error so far, in the arena. [worker] */
struct slice proc_errors(struct proc *p, struct arena *a);
/*
 * Ends the child and whatever is left in its process group. It is waited for, until cx's deadline,
 * when its output was read to the end; else, and on the deadline, it gets SIGTERM, and SIGKILL a
 * little later. It is always reaped, and p is gone. An exit code is no error here: look at out,
 * which is filled in every case. TIMEOUT, CANCELLED and watch's errors when the wait was cut short.
 * [worker]
 */
struct error *proc_finish(struct proc *p, struct ctx *cx, struct proc_result *out) MUST_CHECK;
/* Starts a child, gathers its output in cx->arena, finishes it. [worker] */
struct error *proc_output(struct ctx *cx, const struct proc_spec *s, struct slice *output,
                          struct proc_result *out) MUST_CHECK;
/* Children of this process that run now, for tests of leaks. [any] */
int proc_running(void);

#endif
