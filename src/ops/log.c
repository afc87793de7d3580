/*
 * The log. The calling thread makes the text of the line on its own stack and puts it into the
 * ring; a writer thread takes lines out in batches and writes them. Neither ever waits for the
 * other: the ring takes no lock, and when it is full the line is dropped and counted.
 *
 * The writer sleeps while there is nothing. The first line after that wakes it (one system call);
 * it then lets lines gather for a moment before it takes them, so that a busy server makes one
 * write for hundreds of lines, and at most one wake-up for each such moment.
 *
 * Nobody is told too late: `sleeps` is set before the writer looks at the ring for the last time,
 * and a thread looks at `sleeps` after its line is in the ring, both in sequentially consistent
 * order; so one of the two sees the other.
 */
#include "ops/log.h"
#include "ops/log_line.h"
#include "ops/log_ring.h"

#include "base/ctx.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_BYTES = 1 << 20,
    BATCH_BYTES = 64 << 10,
    GATHER_MS = 2,   /* how long lines gather before a write */
    STUCK_S = 3,     /* a standard error that takes nothing for so long is given up by log_stop() */
    STOP_ROUNDS = 5, /* and so many times that long is the most it waits */
    SECOND_NS = 1000000000,
    CLOCKS_GOOD_NS = 100000000, /* how long two clocks are taken to stay as far apart */
};

static struct {
    atomic_int least;
    atomic_int format;
    atomic_bool is_running;
    atomic_bool must_stop;
    atomic_bool sleeps;
    _Atomic uint64_t dropped;
    _Atomic uint64_t written_bytes;
    uint64_t said_dropped; /* of those dropped; the writer's own once it runs */
    struct log_ring *ring;
    sem_t wake;
    pthread_t writer;
} logger = {.least = LOG_INFO, .format = LOG_TEXT};

/* What cannot be written is lost: there is no other place to say it. */
static void write_out(const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(STDERR_FILENO, p, n);
        if (done >= 0) {
            p += done;
            n -= (size_t)done;
            atomic_fetch_add_explicit(&logger.written_bytes, (uint64_t)done, memory_order_relaxed);
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, 1000);
        } else if (errno != EINTR) {
            return;
        }
    }
}

static int64_t unix_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

static struct log_moment moment_of(int64_t at_unix_ns)
{
    return (struct log_moment){.unix_s = at_unix_ns / SECOND_NS,
                               .us = (uint32_t)(at_unix_ns % SECOND_NS / 1000)};
}

struct log_moment log_moment_now(void)
{
    return moment_of(unix_ns());
}

/*
 * The caller has read its clock already, and a clock is not cheap. How far the two clocks are apart
 * is looked at anew ten times a second.
 */
struct log_moment log_moment_at(int64_t at_ns)
{
    static _Thread_local int64_t apart_ns, good_until_ns = INT64_MIN;
    if (at_ns >= good_until_ns) {
        apart_ns = unix_ns() - now_ns();
        good_until_ns = at_ns + CLOCKS_GOOD_NS;
    }
    return moment_of(at_ns + apart_ns);
}

/* Says how many lines were dropped since it was last said. */
static void write_dropped(void)
{
    uint64_t now = log_dropped_total();
    if (now == logger.said_dropped)
        return;
    char text[LOG_LINE_MAX];
    struct log_field count = LOG_NUM("count", now - logger.said_dropped);
    logger.said_dropped = now;
    write_out(text,
              log_line_format(text, (enum log_format)atomic_load(&logger.format), log_moment_now(),
                              LOG_WARN, "log lines were dropped: the output is too slow",
                              (struct log_fields){&count, 1}, (struct log_fields){0}));
}

static void write_ready(char *batch)
{
    for (;;) {
        size_t n = log_ring_take(logger.ring, batch, BATCH_BYTES);
        write_dropped();
        if (n == 0)
            return;
        write_out(batch, n);
    }
}

static void sleep_until_line(void)
{
    atomic_store(&logger.sleeps, true);
    if (!log_ring_is_ready(logger.ring) && !atomic_load(&logger.must_stop)) {
        while (sem_wait(&logger.wake) && errno == EINTR)
            ;
    }
    atomic_store(&logger.sleeps, false);
}

static void *writer_main(void *arg)
{
    char *batch = xmalloc(BATCH_BYTES);
    const struct timespec gather = {.tv_nsec = GATHER_MS * 1000000};
    while (!atomic_load(&logger.must_stop)) {
        sleep_until_line();
        nanosleep(&gather, NULL);
        write_ready(batch);
    }
    write_ready(batch);
    free(batch);
    return NULL;
}

static void wake_writer(void)
{
    if (atomic_load(&logger.sleeps) && atomic_exchange(&logger.sleeps, false))
        sem_post(&logger.wake);
}

/* Signals are for the threads that wait for them, never for the writer. */
static int start_writer(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&logger.writer, NULL, writer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

void log_start(void)
{
    if (logger.ring)
        return; /* runs already, or an earlier writer is stuck */
    logger.ring = log_ring_new(RING_BYTES);
    logger.said_dropped = log_dropped_total();
    sem_init(&logger.wake, 0, 0);
    atomic_store(&logger.must_stop, false);
    if (start_writer() == 0) {
        atomic_store(&logger.is_running, true);
    } else { /* without a thread: direct writes */
        log_ring_free(logger.ring);
        logger.ring = NULL;
    }
}

/* Waits for as long as something is written, within bounds. */
static bool join_writer(void)
{
    uint64_t before, now = atomic_load(&logger.written_bytes);
    int rounds = 0;
    do {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += STUCK_S;
        if (pthread_timedjoin_np(logger.writer, NULL, &until) == 0)
            return true;
        before = now;
        now = atomic_load(&logger.written_bytes);
    } while (now != before && ++rounds < STOP_ROUNDS);
    return false;
}

void log_stop(void)
{
    if (!atomic_exchange(&logger.is_running, false))
        return;
    atomic_store(&logger.must_stop, true);
    sem_post(&logger.wake);
    if (!join_writer())
        return; /* stuck in a write: the ring stays its own */
    sem_destroy(&logger.wake);
    log_ring_free(logger.ring);
    logger.ring = NULL;
}

void log_set(enum log_level least, enum log_format format)
{
    atomic_store(&logger.least, (int)least);
    atomic_store(&logger.format, (int)format);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&logger.least, memory_order_relaxed);
}

static void emit(struct log_moment at, enum log_level level, const char *message,
                 struct log_fields fields, struct log_fields more)
{
    char text[LOG_LINE_MAX];
    int format = atomic_load_explicit(&logger.format, memory_order_relaxed);
    size_t n = log_line_format(text, (enum log_format)format, at, level, message, fields, more);
    if (!atomic_load_explicit(&logger.is_running, memory_order_acquire)) {
        write_out(text, n);
        return;
    }
    if (!log_ring_put(logger.ring, slice_make(text, n)))
        atomic_fetch_add_explicit(&logger.dropped, 1, memory_order_relaxed);
    wake_writer();
}

void log_event(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if (log_is_on(level))
        emit(log_moment_now(), level, message, (struct log_fields){fields, count},
             (struct log_fields){0});
}

void log_event_at(int64_t at_ns, enum log_level level, const char *message,
                  const struct log_field *fields, size_t count)
{
    if (log_is_on(level))
        emit(log_moment_at(at_ns), level, message, (struct log_fields){fields, count},
             (struct log_fields){0});
}

void log_error(enum log_level level, const char *message, const struct error *e,
               const struct log_field *fields, size_t count)
{
    if (!log_is_on(level))
        return;
    BUF_SCOPED(chain);
    error_chain_to(&chain, e);
    const struct log_field more[] = {LOG_STR("error", buf_slice(&chain)),
                                     LOG_STR("error_status", slice_of(status_name(e->status)))};
    emit(log_moment_now(), level, message, (struct log_fields){fields, count},
         (struct log_fields){more, ARRAY_LEN(more)});
}

uint64_t log_dropped_total(void)
{
    return atomic_load_explicit(&logger.dropped, memory_order_relaxed);
}
