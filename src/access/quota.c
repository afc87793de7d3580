#include "access/quota.h"

#include "base/encode.h"

#include <pthread.h>

enum { SETS = 2048, WAYS = 8 };

/* Tokens are counted in thousandths, so that a millisecond earns `rate` of them. */
#define WHOLE INT64_C(1000)

struct quota_place {
    uint64_t key; /* 0 = empty */
    int64_t tokens;
    int64_t at_ms;
    uint64_t running;
};

struct quota {
    pthread_mutex_t lock;
    struct quota_place places[SETS][WAYS];
};

struct quota *quota_new(void)
{
    struct quota *q = xcalloc(1, sizeof(*q));
    pthread_mutex_init(&q->lock, NULL);
    return q;
}

void quota_free(struct quota *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static uint64_t hash_of(struct slice identity)
{
    uint8_t sum[SHA256_BYTES];
    uint64_t hash;
    sha256(identity, sum);
    memcpy(&hash, sum, sizeof(hash));
    return hash ? hash : 1;
}

static void refill(struct quota_place *p, const struct quota_limits *limits, int64_t now_ms)
{
    int64_t full = (int64_t)limits->burst * WHOLE;
    int64_t passed_ms = now_ms - p->at_ms;
    p->at_ms = now_ms;
    if (limits->rate == 0 || passed_ms > full / (int64_t)limits->rate)
        p->tokens = full;
    else
        p->tokens += passed_ms * (int64_t)limits->rate;
    if (p->tokens > full)
        p->tokens = full;
}

/* The identity's place, or one that is free now and was used least recently; NULL: all are in use.
 */
static struct quota_place *find(struct quota *q, uint64_t hash, const struct quota_limits *limits,
                                int64_t now_ms)
{
    struct quota_place *set = q->places[hash % SETS], *free_one = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        struct quota_place *p = &set[i];
        if (p->key)
            refill(p, limits, now_ms);
        if (p->key == hash)
            return p;
        bool is_idle = p->running == 0 && p->tokens == (int64_t)limits->burst * WHOLE;
        if (p->key == 0 || (is_idle && !free_one))
            free_one = p;
    }
    if (free_one)
        *free_one = (struct quota_place){
            .key = hash, .tokens = (int64_t)limits->burst * WHOLE, .at_ms = now_ms};
    return free_one;
}

static int64_t take(struct quota_place *p, const struct quota_limits *limits)
{
    if (limits->concurrency && p->running >= limits->concurrency)
        return 1;
    if (limits->rate && p->tokens < WHOLE)
        return (WHOLE - p->tokens + (int64_t)limits->rate * 1000 - 1) /
               ((int64_t)limits->rate * 1000);
    if (limits->rate)
        p->tokens -= WHOLE;
    p->running++;
    return 0;
}

int64_t quota_take(struct quota *q, const struct quota_limits *limits, struct slice identity,
                   int64_t now_ms, struct quota_place **place)
{
    uint64_t hash = hash_of(identity);
    *place = NULL;
    pthread_mutex_lock(&q->lock);
    struct quota_place *p = find(q, hash, limits, now_ms);
    int64_t wait_s = p ? take(p, limits) : 0;
    if (p && wait_s == 0)
        *place = p;
    pthread_mutex_unlock(&q->lock);
    return wait_s;
}

void quota_give(struct quota *q, struct quota_place *place)
{
    if (!place)
        return;
    pthread_mutex_lock(&q->lock);
    place->running--;
    pthread_mutex_unlock(&q->lock);
}
