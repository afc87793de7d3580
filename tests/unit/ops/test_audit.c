/* Recording: from many threads, without a writer, and while the disk is full. */
#include "audit_fixture.h"

#include "base/ctx.h"

#include "ops/metrics.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

enum { PATIENCE_MS = 60000 };

static void limit_files(uint64_t bytes)
{
    struct rlimit lim = {bytes, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

static void start(struct fixture *f, bool refuses, bool has_writer)
{
    f->o.refuses = refuses;
    f->o.has_hits = true;
    assert_ok(audit_open(&f->arena, &f->o, has_writer));
}

static void record(int n)
{
    struct arena a = ARENA_INIT;
    audit_event(&(struct audit_record){
        .event = AUDIT_DOWNLOAD,
        .module = arena_printf(&a, "example.com/m%d", n),
        .agent = S("a \"quoted\"\nagent \xff"),
        .detail =
            S("some text, so that the ring is full after a while: ................................"
              "............................................................................"),
        .status = 200,
        .bytes = (uint64_t)n,
    });
    arena_release(&a);
}

static size_t count_in_file(struct fixture *f, const char *text)
{
    size_t n = 0;
    struct arena a = ARENA_INIT;
    struct slice rest, wanted = slice_of(text);
    assert_ok(file_read(&a, f->path, 256 << 20, &rest));
    while (rest.p) { /* by lines: the thread sanitizer looks at all that a search may read */
        struct slice line = slice_cut_line(&rest);
        for (ptrdiff_t at; (at = slice_find_slice(line, wanted)) >= 0; n++)
            line = slice_skip(line, (size_t)at + wanted.n);
    }
    arena_release(&a);
    return n;
}

static void wait_for(bool (*condition)(struct fixture *f), struct fixture *f)
{
    int64_t end = now_ms() + PATIENCE_MS;
    while (!condition(f)) {
        if (now_ms() > end)
            fail_msg("waited in vain");
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

/* ---- all is well ---- */

static void test_off(void **state)
{
    struct arena a = ARENA_INIT;
    struct audit_record r = {.event = AUDIT_DENY};
    audit_event(&r);
    assert_ok(audit_event_durable(&a, &r));
    assert_false(audit_is_on());
    assert_true(audit_admits());
    assert_false(audit_wants_download(true));
    audit_close();
    arena_release(&a);
}

static void test_every_field(void **state)
{
    struct fixture *f = *state;
    start(f, true, false);
    audit_event(&(struct audit_record){
        .event = AUDIT_TOKEN,
        .module = S("m"),
        .version = S("v"),
        .artefact = S("zip"),
        .h1 = S("h1:x"),
        .repository = S("r"),
        .identity = S("token:ci"),
        .ip = S("::1"),
        .agent = S("go \"1\"\n"),
        .request_id = S("id"),
        .outcome = S("created"),
        .status = 201,
        .rule = S("rule 1"),
        .signature = AUDIT_SIGNATURE_INVALID,
        .bytes = 7,
        .detail = S("d"),
    });
    audit_close();
    assert_int_equal(
        count_in_file(f, "Z\",\"event\":\"token\",\"module\":\"m\",\"version\":\"v\","
                         "\"artefact\":\"zip\",\"h1\":\"h1:x\",\"repository\":\"r\","
                         "\"identity\":\"token:ci\",\"ip\":\"::1\",\"agent\":\"go \\\"1\\\"\\n\","
                         "\"request\":\"id\",\"outcome\":\"created\",\"status\":201,"
                         "\"rule\":\"rule 1\",\"signature\":\"invalid\",\"bytes\":7,"
                         "\"detail\":\"d\",\"prev\":\""),
        1);
    expect_fine(f, 2);
}

enum { THREADS = 4, EACH = 3000 };

static void *record_many(void *arg)
{
    struct arena a = ARENA_INIT;
    for (int i = 0; i < EACH; i++) {
        if (i % 100)
            record(i);
        else
            assert_ok(audit_event_durable(&a, &(struct audit_record){.event = AUDIT_PUBLISH}));
        if (i % 500 == 0) /* so that the ring never fills up */
            assert_ok(audit_event_durable(&a, &(struct audit_record){.event = AUDIT_TOKEN}));
    }
    arena_release(&a);
    return NULL;
}

static void test_many_threads(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    f->o.signer = (struct audit_signer){S("secret"), sign_with_secret, NULL};
    start(f, true, true);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, record_many, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    audit_close();
    assert_int_equal(count_in_file(f, "\"event\":\"download\""), THREADS * (EACH - EACH / 100));
    assert_int_equal(count_in_file(f, "\"event\":\"publish\""), THREADS * EACH / 100);
    struct findings found;
    check_all(f, &found, true);
    assert_string_equal(found.first, "");
    assert_int_equal(found.check.open_records, 0); /* a checkpoint is the last record */
}

static void test_durable_is_there_at_once(void **state)
{
    struct fixture *f = *state;
    start(f, true, true);
    for (int i = 1; i <= 20; i++) {
        assert_ok(audit_event_durable(&f->arena, &(struct audit_record){.event = AUDIT_DENY}));
        assert_int_equal(count_in_file(f, "\"event\":\"deny\""), i);
    }
    audit_close();
}

/* ---- the disk is full ---- */

static bool is_refusing(struct fixture *f)
{
    return !audit_admits();
}

static bool is_admitting(struct fixture *f)
{
    return audit_admits() && metric_get(METRIC_AUDIT_FAILING) == 0;
}

static bool is_failing(struct fixture *f)
{
    return metric_get(METRIC_AUDIT_FAILING) == 1;
}

static void test_refuse(void **state)
{
    struct fixture *f = *state;
    struct audit_record deny = {.event = AUDIT_DENY};
    start(f, true, true);
    assert_ok(audit_event_durable(&f->arena, &deny));
    limit_files(content_of(f, f->path).n + 10);
    assert_status(audit_event_durable(&f->arena, &deny), STATUS_AUDIT_DOWN);
    wait_for(is_refusing, f);
    assert_status(audit_event_durable(&f->arena, &deny), STATUS_AUDIT_DOWN);
    for (int i = 0; i < 50; i++)
        record(i); /* what was under way */
    limit_files(RLIM_INFINITY);
    wait_for(is_admitting, f);
    assert_ok(audit_event_durable(&f->arena, &deny));
    audit_close();
    assert_int_equal(count_in_file(f, "\"event\":\"download\""), 50);
    assert_int_equal(count_in_file(f, "\"event\":\"deny\""), 2);
    assert_int_equal(count_in_file(f, "\"event\":\"gap\",\"lost\":0,\"since\":\"20"), 1);
    expect_fine(f, 1 + 50 + 2 + 1);
}

static void test_serve(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 60000 };
    int64_t lost = metric_get(METRIC_AUDIT_LOST);
    start(f, false, true);
    limit_files(content_of(f, f->path).n + 10);
    assert_ok(audit_event_durable(&f->arena, &(struct audit_record){.event = AUDIT_TOKEN}));
    wait_for(is_failing, f);
    for (int i = 0; i < MANY; i++)
        record(i);
    assert_true(audit_admits());
    lost = metric_get(METRIC_AUDIT_LOST) - lost;
    assert_true(lost > 0);
    limit_files(RLIM_INFINITY);
    wait_for(is_admitting, f);
    audit_close();
    struct slice gap = arena_printf(&f->arena, "\"event\":\"gap\",\"lost\":%d,", (int)lost);
    assert_int_equal(count_in_file(f, gap.p), 1);
    assert_int_equal(count_in_file(f, "\"event\":\"token\""), 1); /* late, and not lost */
    assert_int_equal(count_in_file(f, "\"event\":\"download\""), MANY - lost);
    expect_fine(f, (uint64_t)(1 + 1 + 1 + MANY - lost));
}

static void test_without_a_writer(void **state)
{
    struct fixture *f = *state;
    start(f, true, false);
    record(1);
    limit_files(content_of(f, f->path).n + 10);
    assert_status(audit_event_durable(&f->arena, &(struct audit_record){.event = AUDIT_TOKEN}),
                  STATUS_AUDIT_DOWN);
    assert_false(audit_admits());
    limit_files(RLIM_INFINITY);
    audit_close(); /* says what is missing */
    assert_int_equal(count_in_file(f, "\"event\":\"gap\",\"lost\":1,"), 1);
    expect_fine(f, 3);
}

static void test_closing_on_a_full_disk(void **state)
{
    struct fixture *f = *state;
    start(f, false, true);
    limit_files(content_of(f, f->path).n + 10);
    record(1);
    audit_close();
    limit_files(RLIM_INFINITY);
    expect_fine(f, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test_setup_teardown(test_every_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_durable_is_there_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_serve, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closing_on_a_full_disk, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
