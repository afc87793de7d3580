#include "fetch/layer.h"

/*
 * No connection, no answer, or an answer that says that there is nobody behind it. A plain 500 is
 * not among them: a mirror that trips over one module is not down.
 */
static bool is_down(const struct error *err, const struct want *w)
{
    switch (err->status) {
    case STATUS_DNS:
    case STATUS_CONNECT:
    case STATUS_TLS:
    case STATUS_TLS_CERT:
    case STATUS_BROKEN:
    case STATUS_TIMEOUT:
        return true;
    default:
        return w->http_status >= 502 && w->http_status <= 504;
    }
}

static bool is_ours_to_end(struct ctx *cx, const struct error *err)
{
    return err->status == STATUS_CANCELLED || ctx_check(cx) != NULL;
}

static enum breaker_verdict verdict_of(struct ctx *cx, const struct error *err,
                                       const struct want *w)
{
    if (err && is_ours_to_end(cx, err))
        return BREAKER_UNKNOWN;
    return err && is_down(err, w) ? BREAKER_FAILED : BREAKER_OK;
}

static struct error *breaker_get(struct layer *self, struct ctx *cx, struct want *w)
{
    struct breaker_layer *l = (struct breaker_layer *)self;
    int64_t wait_ms;
    enum breaker_pass pass = breaker_enter(&l->breaker, now_ms(), &wait_ms);
    if (pass == BREAKER_REFUSED)
        return error_new(cx->arena, STATUS_UPSTREAM_DOWN,
                         "%.*s failed %u times in a row and is left alone for %.1f s more",
                         SLICE_ARG(l->name), l->breaker.threshold, (double)wait_ms / 1000.0);
    struct error *err = self->below->get(self->below, cx, w);
    breaker_leave(&l->breaker, now_ms(), pass, verdict_of(cx, err, w));
    return err;
}

void breaker_layer_init(struct breaker_layer *l, struct layer *below, struct slice name,
                        unsigned failures, int64_t pause_ms)
{
    *l = (struct breaker_layer){.layer = {.get = breaker_get, .below = below}, .name = name};
    breaker_init(&l->breaker, failures, pause_ms);
}

void breaker_layer_release(struct breaker_layer *l)
{
    breaker_release(&l->breaker);
}
