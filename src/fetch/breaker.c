#include "fetch/breaker.h"

void breaker_init(struct breaker *b, unsigned threshold, int64_t pause_ms)
{
    *b = (struct breaker){.threshold = threshold, .pause_ms = pause_ms};
    pthread_mutex_init(&b->lock, NULL);
}

void breaker_release(struct breaker *b)
{
    pthread_mutex_destroy(&b->lock);
}

static bool lets_through(const struct breaker *b, int64_t now)
{
    return !b->is_open || (!b->is_probing && now >= b->retry_at_ms);
}

enum breaker_pass breaker_enter(struct breaker *b, int64_t now, int64_t *wait_ms)
{
    enum breaker_pass pass = BREAKER_REFUSED;
    pthread_mutex_lock(&b->lock);
    if (lets_through(b, now)) {
        pass = b->is_open ? BREAKER_PROBE : BREAKER_PASS;
        b->is_probing = b->is_open;
    }
    *wait_ms = b->retry_at_ms > now ? b->retry_at_ms - now : 1;
    pthread_mutex_unlock(&b->lock);
    return pass;
}

static void count_failure(struct breaker *b, int64_t now, enum breaker_pass pass)
{
    if (b->is_open && pass != BREAKER_PROBE)
        return;
    b->failures++;
    b->is_open = b->threshold && b->failures >= b->threshold;
    b->retry_at_ms = now + b->pause_ms;
}

void breaker_leave(struct breaker *b, int64_t now, enum breaker_pass pass,
                   enum breaker_verdict verdict)
{
    pthread_mutex_lock(&b->lock);
    if (pass == BREAKER_PROBE)
        b->is_probing = false;
    if (verdict == BREAKER_FAILED) {
        count_failure(b, now, pass);
    } else if (verdict == BREAKER_OK) {
        b->failures = 0;
        b->is_open = false;
    }
    pthread_mutex_unlock(&b->lock);
}

bool breaker_is_up(struct breaker *b, int64_t now)
{
    pthread_mutex_lock(&b->lock);
    bool up = lets_through(b, now);
    pthread_mutex_unlock(&b->lock);
    return up;
}
