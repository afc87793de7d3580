/*
 * The parts put together, and how they change while loops use them: rules (settings) and tokens
 * (the file) are blocks with reference counts; the newest of each is here, behind a lock, with a
 * generation that grows at each swap. A loop compares the generation with its own at each request
 * and takes the lock only when it differs.
 */
#include "access/access_priv.h"

#include "base/ctx.h"

#include "ops/log.h"

#include <errno.h>
#include <time.h>

enum { LOOK_EVERY_MS = 500 };

/* Under the lock. */
static void note_change(struct access *x)
{
    const struct rules *r = x->rules;
    bool is_active = r->is_required || r->issuer_count || r->certificate_count || r->limits.rate ||
                     r->limits.concurrency || x->tokens->tokens.count || x->tokens->trouble.n;
    atomic_store(&x->is_required, r->is_required);
    atomic_store(&x->is_active, is_active);
    atomic_fetch_add(&x->generation, 1);
}

static void swap_tokens(struct access *x, struct token_set *fresh)
{
    pthread_mutex_lock(&x->lock);
    struct token_set *old = x->tokens;
    x->tokens = fresh;
    note_change(x);
    pthread_mutex_unlock(&x->lock);
    token_set_unref(old);
}

static void swap_rules(struct access *x, struct rules *fresh)
{
    pthread_mutex_lock(&x->lock);
    struct rules *old = x->rules;
    x->rules = fresh;
    note_change(x);
    pthread_mutex_unlock(&x->lock);
    rules_unref(old);
}

static struct rules *take_rules(struct access *x)
{
    pthread_mutex_lock(&x->lock);
    struct rules *r = x->rules;
    rules_ref(r);
    pthread_mutex_unlock(&x->lock);
    return r;
}

static void log_tokens(const struct token_set *t)
{
    if (t->trouble.n)
        log_line(LOG_ERROR, "no token holds until the file of tokens is mended",
                 LOG_STR("error", t->trouble));
    else
        log_line(LOG_INFO, "tokens taken up", LOG_NUM("count", t->tokens.count));
}

/* The thread alone, and access_set() before it returns, swap tokens; both read the file first. */
static void look_at_tokens(struct access *x)
{
    pthread_mutex_lock(&x->lock);
    struct token_set *now = x->tokens;
    token_set_ref(now);
    pthread_mutex_unlock(&x->lock);
    if (token_set_is_old(now, x->data_dir)) {
        struct token_set *fresh = token_set_read(x->data_dir);
        log_tokens(fresh);
        swap_tokens(x, fresh);
    }
    token_set_unref(now);
}

static void look_at_issuers(struct access *x)
{
    struct rules *r = take_rules(x);
    for (size_t i = 0; i < r->issuer_count; i++)
        issuer_update(r->issuers[i], now_ms());
    rules_unref(r);
}

/* True when the time passed and nobody wants it to end. */
static bool wait_a_moment(struct access *x)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_EVERY_MS * INT64_C(1000000);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&x->lock);
    int rc = 0;
    while (!x->is_ending && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&x->ending, &x->lock, &until);
    bool goes_on = !x->is_ending;
    pthread_mutex_unlock(&x->lock);
    return goes_on;
}

static void *watch(void *arg)
{
    struct access *x = arg;
    thread_in_background();
    do {
        look_at_issuers(x);
        look_at_tokens(x);
    } while (wait_a_moment(x));
    return NULL;
}

static struct error *start_thread(struct arena *a, struct access *x)
{
    int rc = pthread_create(&x->thread, NULL, watch, x);
    x->has_thread = rc == 0;
    return rc ? error_errno(a, rc, "starting the thread that looks at tokens") : NULL;
}

static struct error *set_up(struct arena *a, struct access *x, const struct access_options *o)
{
    x->tokens = token_set_read(x->data_dir);
    if (x->tokens->trouble.n)
        return error_new(a, STATUS_CORRUPT, "%.*s; mend it, or move it away and make new tokens",
                         SLICE_ARG(x->tokens->trouble));
    TRY(rules_new(a, o, NULL, &x->cancelled, &x->rules));
    note_change(x);
    return start_thread(a, x);
}

struct error *access_new(struct arena *a, const struct access_options *o, struct access **out)
{
    struct access *x = xcalloc(1, sizeof(*x));
    pthread_condattr_t attr;
    x->data_dir = xstrdup(o->data_dir);
    x->lane = o->lane;
    x->loop_count = o->loops;
    x->loops = xcalloc(o->loops, sizeof(*x->loops));
    x->throttle = throttle_new();
    x->quota = quota_new();
    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&x->ending, &attr);
    pthread_condattr_destroy(&attr);
    struct error *err = set_up(a, x, o);
    if (err)
        access_free(x);
    else
        *out = x;
    return err;
}

struct error *access_set(struct arena *a, struct access *x, const struct access_options *o)
{
    struct rules *fresh;
    struct rules *now = take_rules(x);
    struct access_options with_lane = *o;
    with_lane.lane = x->lane;
    struct error *err = rules_new(a, &with_lane, now, &x->cancelled, &fresh);
    rules_unref(now);
    TRY(err);
    swap_rules(x, fresh);
    look_at_tokens(x);
    return NULL;
}

struct error *access_check_options(struct arena *a, const struct access_options *o)
{
    struct rules *r;
    TRY(rules_new(a, o, NULL, NULL, &r));
    rules_unref(r);
    return NULL;
}

void access_stop(struct access *x)
{
    atomic_store(&x->cancelled, true);
    pthread_mutex_lock(&x->lock);
    x->is_ending = true;
    pthread_cond_signal(&x->ending);
    pthread_mutex_unlock(&x->lock);
    if (x->has_thread)
        pthread_join(x->thread, NULL);
    x->has_thread = false;
}

void access_free(struct access *x)
{
    if (!x)
        return;
    access_stop(x);
    for (unsigned i = 0; i < x->loop_count; i++)
        access_loop_release(&x->loops[i]);
    rules_unref(x->rules);
    token_set_unref(x->tokens);
    throttle_free(x->throttle);
    quota_free(x->quota);
    pthread_mutex_destroy(&x->lock);
    pthread_cond_destroy(&x->ending);
    free(x->loops);
    free(x->data_dir);
    free(x);
}

bool access_is_active(const struct access *x)
{
    return atomic_load_explicit(&x->is_active, memory_order_relaxed);
}

bool access_is_required(const struct access *x)
{
    return atomic_load_explicit(&x->is_required, memory_order_relaxed);
}

void access_troubles(struct access *x, struct arena *a, struct slice **rows, size_t *count)
{
    struct rules *r = take_rules(x);
    *rows = ARENA_ARRAY(a, struct slice, r->issuer_count + 1);
    *count = 0;
    pthread_mutex_lock(&x->lock);
    if (x->tokens->trouble.n)
        (*rows)[(*count)++] = arena_dup(a, x->tokens->trouble);
    pthread_mutex_unlock(&x->lock);
    for (size_t i = 0; i < r->issuer_count; i++) {
        struct slice why = issuer_trouble(r->issuers[i], a);
        if (why.n)
            (*rows)[(*count)++] =
                arena_printf(a, "access_issuers.%.*s: %.*s", SLICE_ARG(issuer_name(r->issuers[i])),
                             SLICE_ARG(why));
    }
    rules_unref(r);
}
