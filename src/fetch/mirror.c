#include "fetch/mirror.h"

void mirror_init(struct mirror *m, struct slice name, struct http_client *client,
                 const struct fetch_options *o)
{
    *m = (struct mirror){.name = name};
    http_layer_init(&m->http, client);
    breaker_layer_init(&m->breaker, &m->http.layer, name, o->breaker_failures, o->breaker_pause_ms);
    retry_layer_init(&m->retry, &m->breaker.layer, o->retries);
    pthread_mutex_init(&m->lock, NULL);
}

void mirror_release(struct mirror *m)
{
    breaker_layer_release(&m->breaker);
    pthread_mutex_destroy(&m->lock);
    buf_release(&m->last_error);
}

static void add(atomic_uint_least64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void set_last_error(struct mirror *m, const struct error *err)
{
    BUF_SCOPED(text);
    if (err)
        error_chain_to(&text, err);
    pthread_mutex_lock(&m->lock);
    buf_clear(&m->last_error);
    buf_add(&m->last_error, slice_head(buf_slice(&text), LAST_ERROR_BYTES));
    pthread_mutex_unlock(&m->lock);
}

static void count(struct mirror *m, const struct error *err, const struct want *w)
{
    bool is_absent = err && status_class(err->status) == CLASS_ABSENT;
    add(&m->bytes_total, w->sink->size);
    if (err && err->status == STATUS_CANCELLED)
        return;
    add(!err ? &m->ok_total : is_absent ? &m->absent_total : &m->failed_total, 1);
    set_last_error(m, is_absent ? NULL : err);
}

struct error *mirror_get(struct mirror *m, struct ctx *cx, struct want *w)
{
    struct error *err = m->retry.layer.get(&m->retry.layer, cx, w);
    count(m, err, w);
    return err;
}

static uint64_t get(atomic_uint_least64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

struct fetch_upstream_stats mirror_stats(struct mirror *m, struct arena *a)
{
    struct fetch_upstream_stats s = {
        .name = m->name,
        .is_up = breaker_is_up(&m->breaker.breaker, now_ms()),
        .ok_total = get(&m->ok_total),
        .absent_total = get(&m->absent_total),
        .failed_total = get(&m->failed_total),
        .retried_total = get(&m->retry.retried_total),
        .bytes_total = get(&m->bytes_total),
    };
    pthread_mutex_lock(&m->lock);
    s.last_error = arena_dup(a, buf_slice(&m->last_error));
    pthread_mutex_unlock(&m->lock);
    return s;
}
