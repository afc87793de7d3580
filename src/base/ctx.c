#include "base/ctx.h"

#include <stdio.h>
#include <time.h>

int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t now_ms(void)
{
    return now_ns() / 1000000;
}

int64_t now_unix_s(void)
{
    return (int64_t)time(NULL);
}

struct slice time_rfc3339(struct arena *a, int64_t unix_s)
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void time_http(int64_t unix_s, char out[30])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(out, 30, "%s, %02d %s %04d %02d:%02d:%02d GMT", day_names[tm.tm_wday], tm.tm_mday,
             month_names[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool time_http_parse(struct slice s, int64_t *unix_s)
{
    char text[30], back[30];
    struct tm tm = {0};
    if (s.n != 29)
        return false;
    memcpy(text, s.p, 29);
    text[29] = '\0';
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return false;
    *unix_s = (int64_t)timegm(&tm);
    time_http(*unix_s, back);
    return strcmp(text, back) == 0;
}

struct error *ctx_check(const struct ctx *cx)
{
    if (cx->cancelled && atomic_load_explicit(cx->cancelled, memory_order_relaxed))
        return error_new(cx->arena, STATUS_CANCELLED, "nobody waits for the answer any more");
    if (cx->deadline_ms && now_ms() >= cx->deadline_ms)
        return error_new(cx->arena, STATUS_TIMEOUT, "the time allowed for this is over");
    return NULL;
}

int64_t ctx_left_ms(const struct ctx *cx)
{
    if (!cx->deadline_ms)
        return INT64_MAX;
    int64_t left = cx->deadline_ms - now_ms();
    return left > 0 ? left : 0;
}

int64_t ctx_deadline_in(const struct ctx *cx, int64_t ms)
{
    int64_t mine = now_ms() + ms;
    return cx->deadline_ms && cx->deadline_ms < mine ? cx->deadline_ms : mine;
}

/* Nobody signals a cancellation, so it is looked for that often. */
#define SLEEP_STEP_MS 50

struct error *ctx_sleep(const struct ctx *cx, int64_t ms)
{
    int64_t until = now_ms() + ms;
    for (;;) {
        TRY(ctx_check(cx));
        int64_t left = until - now_ms();
        if (left <= 0)
            return NULL;
        int64_t step = left < SLEEP_STEP_MS ? left : SLEEP_STEP_MS;
        struct timespec ts = {.tv_nsec = step * 1000000};
        nanosleep(&ts, NULL);
    }
}
