#include "../test.h"

#include "base/encode.h"
#include "base/file.h"

#include "store/sumlog.h"
#include "sumdb/record_index.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

struct fixture {
    struct arena a;
    char *dir;
    struct note_signer signer;
    struct sumlog *log;
};

static struct error *open_log(struct fixture *f, struct sumlog **log)
{
    struct sumlog_options o = {f->dir, &f->signer, 1};
    return sumlog_open(&f->a, &o, log);
}

static int setup(void **state)
{
    static const uint8_t seed[NOTE_KEY_BYTES] = {5};
    struct fixture *f = xcalloc(1, sizeof(*f));
    f->dir = mkdtemp(xstrdup("/tmp/modgate-test-sumlog-XXXXXX"));
    assert_non_null(f->dir);
    assert_ok(note_signer_make(&f->a, S("sum.example.com"), seed, &f->signer));
    assert_ok(open_log(f, &f->log));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    sumlog_close(f->log);
    assert_ok(dir_remove(&f->a, f->dir));
    free(f->dir);
    arena_release(&f->a);
    free(f);
    return 0;
}

/* salt makes another hash of it. */
static struct slice record_of(struct arena *a, unsigned n, const char *salt)
{
    uint8_t sum[SHA256_BYTES];
    struct module_version mv = {arena_printf(a, "example.com/m%u", n), S("v1.0.0")};
    sha256(arena_printf(a, "%u%s", n, salt), sum);
    struct slice h1 = arena_printf(a, "h1:%s", base64_encode(a, sum, sizeof(sum)).p);
    return record_make(a, mv, h1, h1);
}

enum { THREADS = 8, RECORDS = 120 };

struct appender {
    struct fixture *f;
    unsigned number;
    uint64_t ids[RECORDS];
    bool is_failed;
};

/* All append the same module versions, each from another one on, and each with hashes of its own.
 */
static void *append_all(void *arg)
{
    struct appender *t = arg;
    struct arena a = ARENA_INIT;
    const char *salt = arena_printf(&a, "-%u", t->number).p;
    for (unsigned i = 0; i < RECORDS; i++) {
        struct sumlog_record got;
        struct sumdb_head head;
        unsigned n = (i + t->number * 11) % RECORDS;
        if (sumlog_append(t->f->log, &a, record_of(&a, n, salt), &got))
            t->is_failed = true;
        sumlog_head(t->f->log, &a, &head);
        if (got.id >= head.tree.size)
            t->is_failed = true;
        t->ids[n] = got.id;
    }
    arena_release(&a);
    return NULL;
}

static void check_one_record_each(struct fixture *f, const uint64_t *ids)
{
    bool is_seen[RECORDS] = {false};
    for (unsigned n = 0; n < RECORDS; n++) {
        bool found;
        struct sumlog_record got;
        struct module_version mv = {arena_printf(&f->a, "example.com/m%u", n), S("v1.0.0")};
        assert_ok(sumlog_find(f->log, &f->a, mv, &found, &got));
        assert_true(found && got.id == ids[n] && !is_seen[got.id]);
        is_seen[got.id] = true;
        mv.version = S("v1.0.1");
        assert_ok(sumlog_find(f->log, &f->a, mv, &found, &got));
        assert_false(found);
    }
}

static void test_many_append_at_the_same_time(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    struct appender appenders[THREADS] = {{0}};
    for (unsigned i = 0; i < THREADS; i++) {
        appenders[i] = (struct appender){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, append_all, &appenders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(appenders[i].is_failed);
        assert_memory_equal(appenders[i].ids, appenders[0].ids, sizeof(appenders[0].ids));
    }
    struct sumlog_stats s = sumlog_stats(f->log);
    assert_int_equal(s.records, RECORDS);
    assert_int_equal(s.appended, RECORDS);
    assert_true(s.commits <= RECORDS);
    check_one_record_each(f, appenders[0].ids);
    sumlog_close(f->log);
    assert_ok(open_log(f, &f->log));
    check_one_record_each(f, appenders[0].ids);
    struct slice data;
    assert_ok(sumlog_tile(f->log, &f->a, (struct tile){0, 0, RECORDS}, &data));
    assert_int_equal(data.n, RECORDS * SHA256_BYTES);
    assert_status(sumlog_tile(f->log, &f->a, (struct tile){0, 0, RECORDS + 1}, &data),
                  STATUS_NOT_FOUND);
}

static void test_the_first_record_stays(void **state)
{
    struct fixture *f = *state;
    struct sumlog_record first, second;
    struct slice text = record_of(&f->a, 1, "a");
    assert_ok(sumlog_append(f->log, &f->a, text, &first));
    assert_ok(sumlog_append(f->log, &f->a, record_of(&f->a, 1, "b"), &second));
    assert_int_equal(first.id, second.id);
    assert_true(slice_eq(second.text, text));
}

/* Two module versions with one hash in the index. */
static void find_pair(struct arena *a, unsigned *first, unsigned *second)
{
    uint64_t ids[INDEX_MAX_CANDIDATES];
    struct record_index x = {0};
    for (*second = 0;; ++*second) {
        struct module_version mv = {arena_printf(a, "example.com/m%u", *second), S("v1.0.0")};
        uint32_t hash = record_index_hash(mv);
        if (record_index_find(&x, hash, ids) > 0)
            break;
        assert_true(record_index_add(&x, hash, *second));
    }
    *first = (unsigned)ids[0];
    record_index_release(&x);
}

static void test_one_hash_for_two(void **state)
{
    struct fixture *f = *state;
    unsigned both[2];
    bool found;
    struct sumlog_record got;
    find_pair(&f->a, &both[0], &both[1]);
    assert_ok(sumlog_append(f->log, &f->a, record_of(&f->a, both[0], ""), &got));
    sumlog_close(f->log);
    /* The second one as a crash leaves it: behind the head. */
    FD_SCOPED fd = open(arena_printf(&f->a, "%s/records", f->dir).p, O_WRONLY | O_APPEND);
    struct slice text = record_of(&f->a, both[1], "");
    assert_ok(fd_write_all(&f->a, fd, arena_printf(&f->a, "%s\n", text.p)));
    assert_ok(open_log(f, &f->log));
    for (uint64_t i = 0; i < 2; i++) {
        struct module_version mv = {arena_printf(&f->a, "example.com/m%u", both[i]), S("v1.0.0")};
        assert_ok(sumlog_find(f->log, &f->a, mv, &found, &got));
        assert_true(found && got.id == i);
        assert_ok(sumlog_append(f->log, &f->a, record_of(&f->a, both[i], "x"), &got));
        assert_int_equal(got.id, i);
    }
}

static void test_what_is_no_record_is_refused(void **state)
{
    struct fixture *f = *state;
    struct sumlog_record got;
    assert_status(sumlog_append(f->log, &f->a, S("x\n"), &got), STATUS_BAD_REQUEST);
    assert_int_equal(sumlog_stats(f->log).records, 0);
}

static void test_there_is_one_writer(void **state)
{
    struct fixture *f = *state;
    struct sumlog *other;
    assert_status(open_log(f, &other), STATUS_OVERLOAD);
}

/* A folder that cannot be written (a file stands in its place). */
static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    struct sumlog *other;
    struct sumlog_options o = {arena_printf(&f->a, "%s/head", f->dir).p, &f->signer, 1};
    assert_status(sumlog_open(&f->a, &o, &other), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_append_at_the_same_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_record_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_hash_for_two, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_record_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_is_one_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
