/*
 * Counting. Every counter exists once per shard; a thread counts in the shard that it drew at its
 * first count, so that loops never pull a cache line out of each other's hands. Two threads may
 * share a shard when there are more of them than shards, therefore the cells are atomics. Reading
 * adds the shards up: it is rare, and need not see one instant.
 */
#include "ops/metrics.h"
#include "ops/metrics_priv.h"

#include <stdatomic.h>

enum { SHARDS = 16 };

struct duration_cells {
    _Atomic uint64_t in_bucket[DURATION_BUCKETS + 1];
    _Atomic uint64_t total_ns;
};

struct shard {
    _Alignas(64) _Atomic int64_t values[METRIC_COUNT];
    _Atomic uint64_t results[ROUTE_COUNT][RESULT_COUNT];
    _Atomic uint64_t body_bytes[ROUTE_COUNT];
    struct duration_cells durations[ROUTE_COUNT][2][STATUS_LABELS];
};

static struct shard shards[SHARDS];
static _Atomic int64_t set_values[METRIC_COUNT];

#define MS 1000000LL
/* The OpenTelemetry buckets for HTTP servers, finer below (hits) and longer above (large zips). */
const struct duration_bucket duration_buckets[DURATION_BUCKETS] = {
    {MS / 10, "0.0001"},  {MS / 2, "0.0005"}, {MS, "0.001"},      {MS * 5 / 2, "0.0025"},
    {5 * MS, "0.005"},    {10 * MS, "0.01"},  {25 * MS, "0.025"}, {50 * MS, "0.05"},
    {75 * MS, "0.075"},   {100 * MS, "0.1"},  {250 * MS, "0.25"}, {500 * MS, "0.5"},
    {750 * MS, "0.75"},   {1000 * MS, "1"},   {2500 * MS, "2.5"}, {5000 * MS, "5"},
    {7500 * MS, "7.5"},   {10000 * MS, "10"}, {30000 * MS, "30"}, {60000 * MS, "60"},
    {120000 * MS, "120"},
};

/* Statuses that are told apart: a closed list, so that the number of rows is bounded. */
static const struct {
    int status;
    const char *label;
} statuses[] = {
    {200, "200"}, {304, "304"}, {206, "206"}, {404, "404"}, {410, "410"}, {204, "204"},
    {301, "301"}, {302, "302"}, {400, "400"}, {401, "401"}, {403, "403"}, {405, "405"},
    {408, "408"}, {411, "411"}, {412, "412"}, {413, "413"}, {414, "414"}, {415, "415"},
    {416, "416"}, {417, "417"}, {421, "421"}, {422, "422"}, {429, "429"}, {431, "431"},
    {499, "499"}, {500, "500"}, {501, "501"}, {502, "502"}, {503, "503"}, {504, "504"},
    {505, "505"}, {0, "other"},
};
_Static_assert(ARRAY_LEN(statuses) == STATUS_LABELS, "one counter per status that is told apart");

static const struct slice route_labels[] = {
#define ROUTE(name, label) S(label),
#include "ops/routes.def"
#undef ROUTE
};

static const char *const result_labels[] = {"hit", "miss", "stale", "negative"};

struct slice metric_route_label(enum metric_route r)
{
    return route_labels[r];
}

const char *metric_result_label(enum metric_result r)
{
    return result_labels[r];
}

const char *metric_status_label(size_t index)
{
    return index < ARRAY_LEN(statuses) ? statuses[index].label : NULL;
}

static struct shard *my_shard(void)
{
    static atomic_uint next;
    static _Thread_local struct shard *mine;
    if (!mine)
        mine = &shards[atomic_fetch_add(&next, 1) % SHARDS];
    return mine;
}

static void add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static size_t status_index(int status)
{
    size_t i = 0;
    while (i < STATUS_LABELS - 1 && statuses[i].status != status)
        i++;
    return i;
}

static size_t bucket_index(int64_t duration_ns)
{
    size_t i = 0;
    while (i < DURATION_BUCKETS && duration_ns > duration_buckets[i].at_most_ns)
        i++;
    return i;
}

void metrics_request(enum metric_route route, int status, bool is_http2, int64_t duration_ns,
                     uint64_t body_bytes)
{
    struct shard *s = my_shard();
    struct duration_cells *cells = &s->durations[route][is_http2][status_index(status)];
    uint64_t ns = duration_ns > 0 ? (uint64_t)duration_ns : 0;
    add(&cells->in_bucket[bucket_index(duration_ns)], 1);
    add(&cells->total_ns, ns);
    if (body_bytes)
        add(&s->body_bytes[route], body_bytes);
}

void metrics_result(enum metric_route route, enum metric_result result)
{
    add(&my_shard()->results[route][result], 1);
}

void metric_add(enum metric_id id, int64_t n)
{
    atomic_fetch_add_explicit(&my_shard()->values[id], n, memory_order_relaxed);
}

void metric_set(enum metric_id id, int64_t value)
{
    atomic_store_explicit(&set_values[id], value, memory_order_relaxed);
}

int64_t metric_get(enum metric_id id)
{
    int64_t sum = atomic_load_explicit(&set_values[id], memory_order_relaxed);
    for (size_t i = 0; i < SHARDS; i++)
        sum += atomic_load_explicit(&shards[i].values[id], memory_order_relaxed);
    return sum;
}

void metrics_sum_duration(enum metric_route route, size_t index, bool is_http2,
                          struct duration_sums *out)
{
    *out = (struct duration_sums){0};
    for (size_t i = 0; i < SHARDS; i++) {
        const struct duration_cells *cells = &shards[i].durations[route][is_http2][index];
        for (size_t k = 0; k <= DURATION_BUCKETS; k++)
            out->in_bucket[k] += get(&cells->in_bucket[k]);
        out->total_ns += get(&cells->total_ns);
    }
}

uint64_t metrics_sum_body_bytes(enum metric_route route)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SHARDS; i++)
        sum += get(&shards[i].body_bytes[route]);
    return sum;
}

uint64_t metrics_sum_result(enum metric_route route, enum metric_result result)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < SHARDS; i++)
        sum += get(&shards[i].results[route][result]);
    return sum;
}
