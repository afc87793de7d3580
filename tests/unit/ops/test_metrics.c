#include "../test.h"

#include "ops/metrics.h"

#include <pthread.h>

static void assert_has(const struct buf *b, const char *line)
{
    if (!b->p || !strstr(b->p, line))
        fail_msg("no '%s' in:\n%s", line, b->p);
}

static void test_request_goes_into_its_bucket(void **state)
{
    BUF_SCOPED(b);
    metrics_request(ROUTE_ZIP, 200, true, 1000000, 10); /* exactly 1 ms: le is inclusive */
    metrics_request(ROUTE_ZIP, 200, true, 1000001, 20);
    metrics_request(ROUTE_ZIP, 200, true, INT64_MAX / 2, 0);
    metrics_print(&b);
#define ROW(suffix, le)                                                                            \
    "http_server_request_duration_seconds" suffix                                                  \
    "{http_route=\"zip\",http_response_status_code=\"200\",network_protocol_version=\"2\"" le "} "
    assert_has(&b, "\n" ROW("_bucket", ",le=\"0.0005\"") "0\n");
    assert_has(&b, "\n" ROW("_bucket", ",le=\"0.001\"") "1\n");
    assert_has(&b, "\n" ROW("_bucket", ",le=\"0.0025\"") "2\n");
    assert_has(&b, "\n" ROW("_bucket", ",le=\"120\"") "2\n");
    assert_has(&b, "\n" ROW("_bucket", ",le=\"+Inf\"") "3\n");
    assert_has(&b, "\n" ROW("_count", "") "3\n");
    assert_has(&b, "\nmodgate_http_response_body_bytes_total{http_route=\"zip\"} 30\n");
}

static void test_unknown_status_and_negative_time(void **state)
{
    BUF_SCOPED(b);
    metrics_request(ROUTE_OTHER, 999, false, -5, 0);
    metrics_print(&b);
    assert_has(&b, "_sum{http_route=\"other\",http_response_status_code=\"other\","
                   "network_protocol_version=\"1.1\"} 0\n");
}

static void test_singles(void **state)
{
    BUF_SCOPED(b);
    metric_add(METRIC_FLIGHTS, 3);
    metric_add(METRIC_FLIGHTS, -1);
    metric_set(METRIC_RELOAD_OK, 5);
    metric_set(METRIC_RELOAD_OK, 1);
    metrics_result(ROUTE_INFO, RESULT_STALE);
    assert_int_equal(metric_get(METRIC_FLIGHTS), 2);
    assert_int_equal(metric_get(METRIC_RELOAD_OK), 1);
    metrics_print(&b);
    assert_has(&b, "\nmodgate_flights 2\n");
    assert_has(&b, "\nmodgate_cache_requests_total{kind=\"info\",result=\"stale\"} 1\n");
    assert_has(&b, "\nmodgate_build_info{version=\"" MODGATE_VERSION "\"} 1\n");
}

static void test_rows(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.33333333333333331"},
        {9007199254740991.0, "9007199254740991"},
        {1e300, "1e+300"},
        {-2.5, "-2.5"},
        {__builtin_inf(), "+Inf"},
        {__builtin_nan(""), "NaN"},
    };
    BUF_SCOPED(b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char want[80];
        buf_clear(&b);
        metrics_row(&b, "x", "l", S("a\"b\\c\nd"), cases[i].number);
        snprintf(want, sizeof(want), "x{l=\"a\\\"b\\\\c\\nd\"} %s\n", cases[i].text);
        assert_slice(buf_slice(&b), want);
    }
    buf_clear(&b);
    const struct metric_label two[] = {{"a", S("1")}, {"b", S("2")}};
    metrics_row_labels(&b, "y", two, 2, 7);
    metrics_row(&b, "z", NULL, S("ignored"), 7);
    assert_slice(buf_slice(&b), "y{a=\"1\",b=\"2\"} 7\nz 7\n");
}

enum { THREADS = 20, ROUNDS = 2000 };

static void *count_run(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(METRIC_EVICTIONS, 1);
        metrics_result(ROUTE_LIST, RESULT_HIT);
        metrics_request(ROUTE_LIST, 200, false, 100, 1);
    }
    return NULL;
}

/* More threads than shards lose no count, also while somebody prints. */
static void test_threads(void **state)
{
    BUF_SCOPED(b);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_run, NULL), 0);
    metrics_print(&b);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    buf_clear(&b);
    metrics_print(&b);
    assert_int_equal(metric_get(METRIC_EVICTIONS), THREADS * ROUNDS);
    assert_has(&b, "\nmodgate_evictions_total 40000\n");
    assert_has(&b, "\nmodgate_cache_requests_total{kind=\"list\",result=\"hit\"} 40000\n");
    assert_has(&b, "\nmodgate_http_response_body_bytes_total{http_route=\"list\"} 40000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_goes_into_its_bucket),
        cmocka_unit_test(test_unknown_status_and_negative_time),
        cmocka_unit_test(test_singles),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
