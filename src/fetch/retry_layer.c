#include "fetch/backoff.h"
#include "fetch/layer.h"

#include "base/encode.h"

#define PROGRESS_BYTES (1u << 20)

/* Failures that another try may mend. A breaker that is open is not among them. */
static bool may_go_better(enum status s)
{
    switch (s) {
    case STATUS_DNS:
    case STATUS_CONNECT:
    case STATUS_TLS:
    case STATUS_BROKEN:
    case STATUS_TIMEOUT:
    case STATUS_UPSTREAM_BUSY:
    case STATUS_UPSTREAM_ERROR:
        return true;
    default:
        return false;
    }
}

static bool needs_fresh_connection(enum status s)
{
    return s == STATUS_BROKEN || s == STATUS_TIMEOUT;
}

/* Milliseconds until the next try; -1 when waiting makes no sense. */
static int64_t pause_before(const struct ctx *cx, const struct want *w, unsigned try_index)
{
    uint64_t random;
    random_bytes(&random, sizeof(random));
    int64_t ms = backoff_ms(try_index, random);
    if (w->retry_after_ms > ms)
        ms = w->retry_after_ms;
    return ms > RETRY_AFTER_MAX_MS || ms >= ctx_left_ms(cx) ? -1 : ms;
}

static struct error *give_up(struct ctx *cx, struct error *err, unsigned tries)
{
    if (tries == 1)
        return err;
    return error_wrap(cx->arena, err, "gave up after %u tries", tries);
}

static struct error *retry_get(struct layer *self, struct ctx *cx, struct want *w)
{
    struct retry_layer *l = (struct retry_layer *)self;
    uint64_t most = 0; /* bytes that the best try so far had brought */
    unsigned counted = 0;
    for (unsigned tries = 1;; tries++) {
        struct error *err = self->below->get(self->below, cx, w);
        if (!err || !may_go_better(err->status))
            return err;
        bool has_progress = w->sink->size >= most + l->progress_bytes;
        most = has_progress ? w->sink->size : most;
        counted = has_progress ? 0 : counted + 1;
        int64_t ms = pause_before(cx, w, counted ? counted - 1 : 0);
        if (counted > l->retries || ms < 0)
            return give_up(cx, err, tries);
        TRY_CTX(cx->arena, l->sleep(cx, ms), "waiting to try again after: %s",
                error_chain(cx->arena, err).p);
        w->needs_fresh_connection = needs_fresh_connection(err->status);
        atomic_fetch_add_explicit(&l->retried_total, 1, memory_order_relaxed);
    }
}

void retry_layer_init(struct retry_layer *l, struct layer *below, unsigned retries)
{
    *l = (struct retry_layer){
        .layer = {.get = retry_get, .below = below},
        .retries = retries,
        .progress_bytes = PROGRESS_BYTES,
        .sleep = ctx_sleep,
    };
}
