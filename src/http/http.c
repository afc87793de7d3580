/*
 * The server: its loops and threads, start, drain, end, figures.
 *
 * Everything is set up before the threads start and torn down after they have ended; in between,
 * other threads reach a loop through posted tasks and read its counters as relaxed atomics.
 */
#include "http/http.h"

#include "base/ctx.h"
#include "base/encode.h"
#include "http/listener.h"
#include "http/request.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static struct http_options with_defaults(struct http_options o)
{
    if (!o.loops)
        o.loops = usable_cores();
    if (!o.max_header_bytes)
        o.max_header_bytes = 32 * 1024;
    if (!o.max_headers)
        o.max_headers = 100;
    if (!o.max_body_bytes)
        o.max_body_bytes = 64 * 1024;
    if (!o.max_connections)
        o.max_connections = 20000;
    if (!o.max_streams)
        o.max_streams = 128;
    if (!o.max_parked)
        o.max_parked = 128;
    if (!o.header_timeout_ms)
        o.header_timeout_ms = 10 * 1000;
    if (!o.idle_timeout_ms)
        o.idle_timeout_ms = 180 * 1000;
    if (!o.send_timeout_ms)
        o.send_timeout_ms = 60 * 1000;
    if (!o.body_timeout_ms)
        o.body_timeout_ms = 30 * 1000;
    return o;
}

static void close_accepters(struct http_loop *home)
{
    for (size_t i = 0; home->accepters && i < home->server->listener_count; i++)
        accepter_close(&home->accepters[i]);
}

static void kill_all(struct http_loop *home)
{
    while (home->conns)
        conn_kill(home->conns);
}

static void begin_drain(struct http_loop *home)
{
    struct http_server *s = home->server;
    for (size_t i = 0; i < s->listener_count; i++)
        accepter_take_queued(&home->accepters[i]);
    close_accepters(home);
    home->is_draining = true;
    for (struct conn *c = home->conns, *next; c; c = next) {
        next = c->next;
        conn_drain(c);
    }
    pthread_mutex_lock(&s->lock);
    s->draining_loops++;
    pthread_cond_broadcast(&s->drained);
    pthread_mutex_unlock(&s->lock);
}

/* Posted once to begin, and once more when the time is over. */
static void on_drain(struct loop_task *self)
{
    struct http_loop *home =
        (struct http_loop *)(void *)((char *)self - offsetof(struct http_loop, drain_task));
    if (home->is_draining)
        kill_all(home);
    else
        begin_drain(home);
}

static struct error *loop_init(struct arena *a, struct http_server *s, unsigned index,
                               uint64_t id_seed)
{
    struct http_loop *home = &s->loops[index];
    home->server = s;
    home->index = index;
    home->id_state = id_seed + index;
    home->drain_task.run = on_drain;
    TRY(loop_new(a, &home->loop));
    home->fields = xcalloc(s->options.max_headers, sizeof(*home->fields));
    home->scratch = xmalloc(SCRATCH_BYTES);
    home->out_scratch = xmalloc(OUT_SCRATCH_BYTES);
    conn_loop_init(home);
    return NULL;
}

struct error *http_server_new(struct arena *a, const struct http_options *o,
                              struct http_server **out)
{
    struct http_server *s = xcalloc(1, sizeof(*s));
    uint64_t id_seed;
    s->options = with_defaults(*o);
    s->client_ca_file = o->client_ca_file ? xstrdup(o->client_ca_file) : NULL;
    s->loop_count = s->options.loops;
    s->loops = xcalloc(s->loop_count, sizeof(*s->loops));
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->drained, &attr);
    pthread_condattr_destroy(&attr);
    tickets_init(&s->tickets);
    random_bytes(&id_seed, sizeof(id_seed));
    struct error *err = NULL;
    for (unsigned i = 0; i < s->loop_count && !err; i++)
        err = loop_init(a, s, i, id_seed);
    if (err)
        http_server_free(s);
    else
        *out = s;
    return err;
}

struct error *http_check_tls_files(struct arena *a, const char *cert_file, const char *key_file,
                                   const char *client_ca_file)
{
    struct tickets tickets;
    struct tls_files *files;
    tickets_init(&tickets);
    struct error *err = tls_files_new(a, cert_file, key_file, client_ca_file, &tickets, &files);
    if (!err)
        tls_files_free(files);
    tickets_release(&tickets);
    return err;
}

struct error *http_server_listen(struct arena *a, struct http_server *s, const char *address,
                                 const char *cert_file, const char *key_file)
{
    if (s->is_started)
        BUG("a listener for '%s' after the start", address);
    struct listener l = {0};
    struct error *err = listener_open(a, &l, address, s->loop_count);
    if (!err && cert_file)
        err = tls_files_new(a, cert_file, key_file, s->client_ca_file, &s->tickets, &l.tls);
    if (err) {
        listener_release(&l, s->loop_count);
        return err;
    }
    s->listeners = xrealloc(s->listeners, (s->listener_count + 1) * sizeof(l));
    s->listeners[s->listener_count++] = l;
    return NULL;
}

unsigned http_server_port(const struct http_server *s, size_t i)
{
    return i < s->listener_count ? s->listeners[i].port : 0;
}

static void *thread_main(void *arg)
{
    struct http_loop *home = arg;
    loop_run(home->loop);
    return NULL;
}

static struct error *open_accepters(struct arena *a, struct http_server *s)
{
    for (unsigned i = 0; i < s->loop_count; i++) {
        struct http_loop *home = &s->loops[i];
        home->accepters = xcalloc(s->listener_count, sizeof(*home->accepters));
        for (size_t j = 0; j < s->listener_count; j++)
            home->accepters[j].watch.fd = -1;
        for (size_t j = 0; j < s->listener_count; j++)
            TRY(accepter_open(a, &home->accepters[j], home, &s->listeners[j]));
    }
    return NULL;
}

struct error *http_server_start(struct arena *a, struct http_server *s)
{
    TRY(open_accepters(a, s));
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = 0;
    unsigned started = 0;
    for (; started < s->loop_count && rc == 0; started += rc == 0)
        rc = pthread_create(&s->loops[started].thread, NULL, thread_main, &s->loops[started]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->started_count = started;
    s->is_started = true;
    return rc ? error_errno(a, rc, "starting %u HTTP threads", s->loop_count) : NULL;
}

struct error *http_server_reload_tls(struct arena *a, struct http_server *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].tls)
            TRY(tls_files_reload(a, s->listeners[i].tls));
    return NULL;
}

static void post_drain(struct http_server *s)
{
    for (unsigned i = 0; i < s->started_count; i++)
        loop_post(s->loops[i].loop, &s->loops[i].drain_task);
}

void http_server_drain(struct http_server *s, int64_t timeout_ms)
{
    int64_t until_ms = now_ms() + timeout_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    post_drain(s);
    pthread_mutex_lock(&s->lock);
    while (s->draining_loops < s->started_count)
        pthread_cond_wait(&s->drained, &s->lock);
    int rc = 0;
    while (atomic_load(&s->open_connections) && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&s->drained, &s->lock, &until);
    if (atomic_load(&s->open_connections))
        post_drain(s);
    while (atomic_load(&s->open_connections))
        pthread_cond_wait(&s->drained, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* After the threads have ended, so that nothing runs beside it. */
static void loop_release(struct http_server *s, struct http_loop *home)
{
    if (!home->loop)
        return;
    close_accepters(home);
    kill_all(home);
    loop_run_once(home->loop, 0); /* frees them */
    request_pool_release(home);
    pool_release(&home->pool);
    while (home->free_buf_count)
        buf_release(&home->free_bufs[--home->free_buf_count]);
    loop_free(home->loop);
    free(home->accepters);
    free(home->fields);
    free(home->scratch);
    free(home->out_scratch);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->started_count; i++)
        loop_stop(s->loops[i].loop);
    for (unsigned i = 0; i < s->started_count; i++)
        pthread_join(s->loops[i].thread, NULL);
    for (unsigned i = 0; i < s->loop_count; i++)
        loop_release(s, &s->loops[i]);
    for (size_t i = 0; i < s->listener_count; i++)
        listener_release(&s->listeners[i], s->loop_count);
    free(s->listeners);
    free(s->client_ca_file);
    free(s->loops);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->drained);
    tickets_release(&s->tickets);
    free(s);
}

static uint64_t load(const atomic_uint_fast64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

struct http_stats http_server_stats(const struct http_server *s)
{
    struct http_stats sum = {.connections_open = load(&s->open_connections)};
    for (unsigned i = 0; i < s->loop_count; i++) {
        const struct http_counters *c = &s->loops[i].counters;
        sum.connections_total += load(&c->connections_total);
        sum.requests_total += load(&c->requests_total);
        sum.requests_active += load(&c->requests_active);
        sum.refused_total += load(&c->refused_total);
        sum.bad_requests_total += load(&c->bad_requests_total);
        sum.tls_handshakes_total += load(&c->tls_handshakes_total);
        sum.tls_failures_total += load(&c->tls_failures_total);
        sum.abuse_closed_total += load(&c->abuse_closed_total);
    }
    return sum;
}

unsigned http_server_loops(const struct http_server *s)
{
    return s->loop_count;
}

struct loop *http_server_loop(const struct http_server *s, unsigned i)
{
    return s->loops[i].loop;
}
