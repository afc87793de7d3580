/*
 * Why one thread: measured on one machine over loopback, 600 small files 32 at a time from one
 * https origin, a pool of easy handles (one per worker) took 1.2 to 2 times the wall time and twice
 * the CPU of one multi handle, most of it for 32 TLS handshakes; 32 files of 50 MB took the same
 * time and a fifth more CPU. One connection is also what the go command opens, and what mirrors
 * are used to.
 *
 * A worker puts its transfer on `incoming` and sleeps on its condition; the courier moves it into
 * the multi handle, and signals when it is over. Callbacks run here: they write to files and hash,
 * and hold up the other transfers for as long as that takes.
 *
 * Connections idle for longer than IDLE_MS with nothing else to do are closed, by starting over
 * with a new multi handle: libcurl itself looks at idle connections only when there is a transfer.
 */
#include "net/courier.h"

#include <signal.h>

#define TICK_MS 100
#define IDLE_MS 60000
#define MAX_IDLE_CONNECTIONS 64L

struct courier {
    pthread_t thread;
    pthread_mutex_t lock; /* of incoming, is_stopping, is_done of transfers, and multi itself */
    struct transfer *incoming;
    bool is_stopping;
    CURLM *multi;
    struct transfer *active; /* the thread's own */
};

static CURLM *multi_new(void)
{
    CURLM *multi = curl_multi_init();
    if (!multi)
        BUG("out of memory");
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, MAX_IDLE_CONNECTIONS);
    return multi;
}

static void link_active(struct courier *c, struct transfer *t)
{
    t->prev = NULL;
    t->next = c->active;
    if (c->active)
        c->active->prev = t;
    c->active = t;
}

static void unlink_active(struct courier *c, struct transfer *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        c->active = t->next;
    if (t->next)
        t->next->prev = t->prev;
}

/* From here on the transfer is the worker's again. */
static void finish(struct courier *c, struct transfer *t, CURLcode code)
{
    curl_multi_remove_handle(c->multi, t->easy);
    unlink_active(c, t);
    t->code = code;
    pthread_mutex_lock(&c->lock);
    t->is_done = true;
    pthread_cond_signal(&t->done);
    pthread_mutex_unlock(&c->lock);
}

static void take_incoming(struct courier *c)
{
    pthread_mutex_lock(&c->lock);
    struct transfer *t = c->incoming;
    c->incoming = NULL;
    pthread_mutex_unlock(&c->lock);
    while (t) {
        struct transfer *next = t->next;
        link_active(c, t);
        if (curl_multi_add_handle(c->multi, t->easy) != CURLM_OK)
            finish(c, t, CURLE_OUT_OF_MEMORY);
        t = next;
    }
}

static void collect_finished(struct courier *c)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(c->multi, &left))) {
        struct transfer *t = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        finish(c, t, code);
    }
}

static void drop_overdue(struct courier *c)
{
    int64_t now = now_ms();
    for (struct transfer *t = c->active, *next; t; t = next) {
        next = t->next;
        if (transfer_is_over(t, now))
            finish(c, t, CURLE_ABORTED_BY_CALLBACK);
    }
}

static void close_connections(struct courier *c)
{
    CURLM *fresh = multi_new();
    pthread_mutex_lock(&c->lock);
    CURLM *old = c->multi;
    c->multi = fresh;
    pthread_mutex_unlock(&c->lock);
    curl_multi_cleanup(old);
}

static bool is_stopping(struct courier *c)
{
    pthread_mutex_lock(&c->lock);
    bool stopping = c->is_stopping;
    pthread_mutex_unlock(&c->lock);
    return stopping;
}

static void *courier_main(void *arg)
{
    struct courier *c = arg;
    thread_in_background();
    int64_t busy_at_ms = now_ms();
    bool may_have_connections = false;
    while (!is_stopping(c)) {
        int running;
        take_incoming(c);
        curl_multi_perform(c->multi, &running);
        collect_finished(c);
        drop_overdue(c);
        if (c->active) {
            busy_at_ms = now_ms();
            may_have_connections = true;
        } else if (may_have_connections && now_ms() - busy_at_ms >= IDLE_MS) {
            close_connections(c);
            may_have_connections = false;
        }
        curl_multi_poll(c->multi, NULL, 0, c->active ? TICK_MS : IDLE_MS, NULL);
    }
    return NULL;
}

/* The thread takes no signals: those are the main thread's. */
static void start_thread(struct courier *c)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&c->thread, NULL, courier_main, c))
        BUG("no thread for the HTTP client");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct courier *courier_new(void)
{
    struct courier *c = xcalloc(1, sizeof(*c));
    pthread_mutex_init(&c->lock, NULL);
    c->multi = multi_new();
    start_thread(c);
    return c;
}

void courier_free(struct courier *c)
{
    pthread_mutex_lock(&c->lock);
    c->is_stopping = true;
    curl_multi_wakeup(c->multi);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    if (c->active || c->incoming)
        BUG("an HTTP client is freed while requests are under way");
    curl_multi_cleanup(c->multi);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void courier_run(struct courier *c, struct transfer *t)
{
    pthread_mutex_lock(&c->lock);
    t->next = c->incoming;
    c->incoming = t;
    curl_multi_wakeup(c->multi);
    while (!t->is_done)
        pthread_cond_wait(&t->done, &c->lock);
    pthread_mutex_unlock(&c->lock);
}
