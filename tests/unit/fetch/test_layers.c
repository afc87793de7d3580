#include "../test.h"

#include "fetch/backoff.h"
#include "fetch/layer.h"

/* A bottom layer that plays a script: statuses, one per try; the last one repeats. */
struct script {
    struct layer layer;
    enum status steps[8];
    size_t count, calls;
    int http_status;
    int64_t retry_after_ms;
    size_t bytes; /* that each try brings */
    bool was_fresh;
};

static struct error *play(struct layer *self, struct ctx *cx, struct want *w)
{
    struct script *s = (struct script *)self;
    size_t i = s->calls < s->count ? s->calls : s->count - 1;
    char block[1000] = {0};
    s->calls++;
    s->was_fresh = w->needs_fresh_connection;
    w->http_status = s->http_status;
    w->retry_after_ms = s->retry_after_ms;
    TRY(sink_add(w->sink, cx->arena, slice_make(block, s->bytes)));
    return s->steps[i] ? error_new(cx->arena, s->steps[i], "step") : NULL;
}

static int64_t slept_ms;

static struct error *sleep_not(const struct ctx *cx, int64_t ms)
{
    slept_ms += ms;
    return NULL;
}

struct fixture {
    struct arena arena;
    struct ctx cx;
    struct sink sink;
    struct want want;
    struct script script;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    f->cx.arena = &f->arena;
    sink_init(&f->sink, -1);
    f->want.sink = &f->sink;
    f->script = (struct script){.layer = {.get = play}, .retry_after_ms = -1};
    slept_ms = 0;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sink_release(&f->sink);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static void steps(struct fixture *f, size_t n, const enum status *list)
{
    memcpy(f->script.steps, list, n * sizeof(*list));
    f->script.count = n;
}
#define STEPS(f, ...)                                                                              \
    steps((f), sizeof((enum status[]){__VA_ARGS__}) / sizeof(enum status),                         \
          (enum status[]){__VA_ARGS__})

static struct retry_layer retry_over(struct fixture *f, unsigned retries)
{
    struct retry_layer r;
    retry_layer_init(&r, &f->script.layer, retries);
    r.sleep = sleep_not;
    return r;
}

static void test_retry_until_it_goes_well(void **state)
{
    struct fixture *f = *state;
    struct retry_layer r = retry_over(f, 3);
    STEPS(f, STATUS_BROKEN, STATUS_UPSTREAM_ERROR, STATUS_DNS, STATUS_OK);
    assert_ok(r.layer.get(&r.layer, &f->cx, &f->want));
    assert_int_equal(f->script.calls, 4);
    assert_int_equal(atomic_load(&r.retried_total), 3);
}

static void test_retry_gives_up(void **state)
{
    struct fixture *f = *state;
    struct retry_layer r = retry_over(f, 2);
    STEPS(f, STATUS_UPSTREAM_ERROR);
    struct error *err = r.layer.get(&r.layer, &f->cx, &f->want);
    assert_int_equal(err->status, STATUS_UPSTREAM_ERROR);
    assert_slice(error_chain(&f->arena, err), "gave up after 3 tries: step");
    assert_int_equal(f->script.calls, 3);
}

static void test_no_retry_of_what_cannot_go_better(void **state)
{
    static const enum status rows[] = {
        STATUS_NOT_FOUND,     STATUS_GONE,      STATUS_UPSTREAM_DENIED,
        STATUS_BAD_ANSWER,    STATUS_TLS_CERT,  STATUS_TOO_LARGE,
        STATUS_UPSTREAM_DOWN, STATUS_CANCELLED, STATUS_NO_SPACE};
    struct fixture *f = *state;
    struct retry_layer r = retry_over(f, 5);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f->script.calls = 0;
        STEPS(f, rows[i]);
        assert_status(r.layer.get(&r.layer, &f->cx, &f->want), rows[i]);
        assert_int_equal(f->script.calls, 1);
    }
}

static void test_retry_after(void **state)
{
    struct fixture *f = *state;
    struct retry_layer r = retry_over(f, 1);
    STEPS(f, STATUS_UPSTREAM_BUSY, STATUS_OK);
    f->script.retry_after_ms = 5000;
    assert_ok(r.layer.get(&r.layer, &f->cx, &f->want));
    assert_int_equal(slept_ms, 5000);
    f->script.calls = 0;
    f->script.retry_after_ms = RETRY_AFTER_MAX_MS + 1;
    assert_status(r.layer.get(&r.layer, &f->cx, &f->want), STATUS_UPSTREAM_BUSY);
    assert_int_equal(f->script.calls, 1);
}

static void test_no_wait_beyond_the_deadline(void **state)
{
    struct fixture *f = *state;
    struct retry_layer r = retry_over(f, 5);
    STEPS(f, STATUS_UPSTREAM_BUSY);
    f->script.retry_after_ms = 10000;
    f->cx.deadline_ms = now_ms() + 5000;
    assert_status(r.layer.get(&r.layer, &f->cx, &f->want), STATUS_UPSTREAM_BUSY);
    assert_int_equal(f->script.calls, 1);
}

static void test_fresh_connection_after_a_break(void **state)
{
    struct fixture *f = *state;
    struct retry_layer r = retry_over(f, 1);
    STEPS(f, STATUS_UPSTREAM_ERROR, STATUS_OK);
    assert_ok(r.layer.get(&r.layer, &f->cx, &f->want));
    assert_false(f->script.was_fresh);
    f->script.calls = 0;
    STEPS(f, STATUS_BROKEN, STATUS_OK);
    assert_ok(r.layer.get(&r.layer, &f->cx, &f->want));
    assert_true(f->script.was_fresh);
}

static void test_progress_is_not_counted(void **state)
{
    struct fixture *f = *state;
    struct retry_layer r = retry_over(f, 1);
    r.progress_bytes = 1000;
    f->script.bytes = 1000;
    STEPS(f, STATUS_BROKEN, STATUS_BROKEN, STATUS_BROKEN, STATUS_BROKEN, STATUS_OK);
    assert_ok(r.layer.get(&r.layer, &f->cx, &f->want));
    assert_int_equal(f->script.calls, 5);
    f->script.calls = 0;
    f->script.bytes = 400;
    assert_ok(sink_restart(&f->sink, &f->arena));
    STEPS(f, STATUS_BROKEN);
    assert_status(r.layer.get(&r.layer, &f->cx, &f->want), STATUS_BROKEN);
    assert_int_equal(f->script.calls, 2);
}

static bool trips(struct fixture *f, enum status status, int http_status)
{
    struct breaker_layer b;
    breaker_layer_init(&b, &f->script.layer, S("m"), 2, 60000);
    f->script.http_status = http_status;
    STEPS(f, status);
    for (int i = 0; i < 2; i++) {
        struct error *err = b.layer.get(&b.layer, &f->cx, &f->want);
        assert_int_equal(err ? err->status : STATUS_OK, status);
    }
    f->script.calls = 0;
    struct error *err = b.layer.get(&b.layer, &f->cx, &f->want);
    bool is_open = err && err->status == STATUS_UPSTREAM_DOWN;
    assert_int_equal(f->script.calls, !is_open);
    breaker_layer_release(&b);
    return is_open;
}

static void test_breaker_layer(void **state)
{
    struct fixture *f = *state;
    assert_true(trips(f, STATUS_CONNECT, 0));
    assert_true(trips(f, STATUS_TIMEOUT, 0));
    assert_true(trips(f, STATUS_BROKEN, 200));
    assert_true(trips(f, STATUS_UPSTREAM_ERROR, 503));
    assert_false(trips(f, STATUS_UPSTREAM_ERROR, 500));
    assert_false(trips(f, STATUS_NOT_FOUND, 404));
    assert_false(trips(f, STATUS_UPSTREAM_DENIED, 403));
    assert_false(trips(f, STATUS_UPSTREAM_BUSY, 429));
    assert_false(trips(f, STATUS_CANCELLED, 0));
    assert_false(trips(f, STATUS_NO_SPACE, 200));
    assert_false(trips(f, STATUS_OK, 200));
}

static void test_our_deadline_does_not_trip(void **state)
{
    struct fixture *f = *state;
    f->cx.deadline_ms = 1;
    assert_false(trips(f, STATUS_TIMEOUT, 0));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_retry_until_it_goes_well),          TEST(test_retry_gives_up),
        TEST(test_no_retry_of_what_cannot_go_better), TEST(test_retry_after),
        TEST(test_no_wait_beyond_the_deadline),       TEST(test_fresh_connection_after_a_break),
        TEST(test_progress_is_not_counted),           TEST(test_breaker_layer),
        TEST(test_our_deadline_does_not_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
