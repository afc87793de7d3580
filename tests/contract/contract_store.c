/*
 * What every store must do, whatever it is made of: written against store.h alone. A backend runs
 * it by linking this file with a store_fixture.c that opens that backend.
 */
#include "unit/test.h"

#include "store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static void expect_body(struct fixture *f, struct module_version mv, enum artefact what,
                        struct slice expected)
{
    bool found;
    struct slice body;
    assert_ok(get_body(f->store, &f->arena, mv, what, &found, &body));
    assert_true(found);
    assert_slice(body, arena_cstr(&f->arena, expected));
}

static bool is_found(struct fixture *f, struct module_version mv, enum artefact what)
{
    bool found;
    struct slice body;
    assert_ok(get_body(f->store, &f->arena, mv, what, &found, &body));
    return found;
}

static bool is_whole(struct fixture *f, struct module_version mv)
{
    bool is_there;
    assert_ok(check_whole(f->store, &f->arena, mv, &is_there));
    return is_there;
}

/* ---- whole versions ---- */

static void test_absent(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/absent", "v1.0.0");
    for (int what = 0; what < ARTEFACT_COUNT; what++)
        assert_false(is_found(f, mv, (enum artefact)what));
    struct slice *versions;
    size_t count;
    assert_ok(store_versions(f->store, &f->arena, mv.path, &versions, &count));
    assert_int_equal(count, 0);
    assert_false(store_is_read_only(f->store));
}

static void test_put_and_get(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/m", "v1.2.3");
    struct put put = {.zip_bytes = 100000};
    assert_ok(put_whole(f->store, &f->cx, mv, &put));
    assert_false(put.was_stored);
    for (int what = 0; what < ARTEFACT_COUNT; what++)
        expect_body(f, mv, (enum artefact)what,
                    fake_bytes(&f->arena, mv, (enum artefact)what, "", 100000));
    struct store_object o;
    bool found;
    assert_ok(store_get(f->store, &f->arena, mv, ARTEFACT_ZIP, &found, &o));
    close(o.fd);
    assert_true(o.has_h1);
    assert_int_equal(o.size, 100000);
    assert_true(o.mtime_unix_s > now_unix_s() - 3600);
    assert_slice(fake_bytes(&f->arena, mv, ARTEFACT_ZIPHASH, "", 100000), o.h1);
    assert_true(is_whole(f, mv));
}

static void test_first_one_wins(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/m", "v1.0.0");
    struct put first = {0}, same = {0}, other = {.salt = "other"};
    assert_ok(put_whole(f->store, &f->cx, mv, &first));
    assert_ok(put_whole(f->store, &f->cx, mv, &same));
    assert_true(same.was_stored);
    assert_ok(put_whole(f->store, &f->cx, mv, &other));
    assert_true(other.was_stored);
    expect_body(f, mv, ARTEFACT_ZIP, fake_bytes(&f->arena, mv, ARTEFACT_ZIP, "", 0));
    expect_body(f, mv, ARTEFACT_INFO, fake_bytes(&f->arena, mv, ARTEFACT_INFO, "", 0));
}

static void test_survives_reopening(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/m", "v1.0.0");
    assert_ok(put_whole(f->store, &f->cx, mv, &(struct put){0}));
    uint64_t bytes = store_bytes(f->store);
    assert_true(bytes > 1000);
    fixture_reopen(f);
    assert_true(is_whole(f, mv));
    assert_int_equal(store_bytes(f->store), bytes);
}

static void test_incomplete_stage_is_refused(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/m", "v1.0.0");
    struct store_stage *st;
    bool was_stored;
    assert_ok(store_stage_new(f->store, &f->arena, &st));
    struct store_commit c = {mv, fake_h1(&f->arena, S("zip")), S("{}"), S("module m\n")};
    assert_status(store_commit(f->store, &f->cx, st, &c, &was_stored), STATUS_BAD_REQUEST);
    assert_ok(stage_write(&f->arena, st, S("zip")));
    c.mod = (struct slice){0};
    assert_status(store_commit(f->store, &f->cx, st, &c, &was_stored), STATUS_BAD_REQUEST);
    c.mod = S("module m\n");
    c.zip_h1 = S("h1:short");
    assert_status(store_commit(f->store, &f->cx, st, &c, &was_stored), STATUS_BAD_REQUEST);
    store_stage_free(st);
    assert_false(is_found(f, mv, ARTEFACT_ZIP));
}

static void test_abandoned_stage_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct store_stage *st;
    assert_ok(store_stage_new(f->store, &f->arena, &st));
    assert_ok(stage_write(&f->arena, st, S("zip")));
    const char *path = arena_cstr(&f->arena, slice_of(store_stage_zip(st)));
    store_stage_free(st);
    assert_int_equal(access(path, F_OK), -1);
    store_stage_free(NULL);
}

static void test_cancelled_commit(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/m", "v1.0.0");
    assert_ok(put_whole(f->store, &f->cx, mv, &(struct put){0}));
    f->cx.deadline_ms = now_ms() - 1;
    struct put put = {0};
    struct error *err = put_whole(f->store, &f->cx, mv_of("example.com/n", "v1.0.0"), &put);
    if (err) /* it may have been quick enough */
        assert_int_equal(err->status, STATUS_TIMEOUT);
    f->cx.deadline_ms = 0;
    (void)is_whole(f, mv_of("example.com/n", "v1.0.0"));
}

/* ---- names ---- */

static void test_names(void **state)
{
    struct fixture *f = *state;
    static const char *const names[][2] = {
        {"github.com/Azure/azure-sdk-for-go", "v68.0.0+incompatible"},
        {"github.com/BurntSushi/toml", "v1.0.0-RC1"},
        {"gopkg.in/yaml.v3", "v3.0.1"},
        {"example.com/m/v2", "v2.0.0-20210101000000-abcdefabcdef"},
        {"example.com/list", "v1.0.0"},
        {"example.com/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", "v0.0.0-20200101000000-0123456789ab"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_ok(put_whole(f->store, &f->cx, mv_of(names[i][0], names[i][1]), &(struct put){0}));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(is_whole(f, mv_of(names[i][0], names[i][1])));
    assert_false(is_found(f, mv_of("github.com/azure/azure-sdk-for-go", "v68.0.0+incompatible"),
                          ARTEFACT_MOD));
    assert_false(is_found(f, mv_of("github.com/BurntSushi/toml", "v1.0.0-rc1"), ARTEFACT_MOD));
}

static void test_bad_names(void **state)
{
    struct fixture *f = *state;
    bool found;
    struct store_object o;
    static const char *const paths[] = {"../../etc", "example.com/../x", "/etc", "",
                                        "a//b",      "example.com/\n"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_status(
            store_get(f->store, &f->arena, mv_of(paths[i], "v1.0.0"), ARTEFACT_MOD, &found, &o),
            STATUS_BAD_PATH);
        assert_status(put_whole(f->store, &f->cx, mv_of(paths[i], "v1.0.0"), &(struct put){0}),
                      STATUS_BAD_PATH);
    }
    assert_status(store_get(f->store, &f->arena, mv_of("example.com/m", "../v1.0.0"), ARTEFACT_MOD,
                            &found, &o),
                  STATUS_BAD_VERSION);
}

static void test_long_names(void **state)
{
    struct fixture *f = *state;
    char element[300], longest[251] = "example.com/";
    memset(element, 'a', sizeof(element) - 1);
    element[sizeof(element) - 1] = '\0';
    const char *path = arena_printf(&f->arena, "example.com/%s", element).p;
    assert_false(is_found(f, mv_of(path, "v1.0.0"), ARTEFACT_INFO));
    struct error *err = put_whole(f->store, &f->cx, mv_of(path, "v1.0.0"), &(struct put){0});
    if (err) /* a backend may have a limit, but must say so, and must not call it absent */
        assert_true(status_class(err->status) != CLASS_ABSENT);
    memset(longest + 12, 'b', 238);
    longest[250] = '\0';
    assert_ok(put_whole(f->store, &f->cx, mv_of(longest, "v1.0.0"), &(struct put){0}));
    assert_true(is_whole(f, mv_of(longest, "v1.0.0")));
}

static bool has_version(struct slice *versions, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(versions[i], slice_of(wanted)))
            return true;
    }
    return false;
}

static void test_versions(void **state)
{
    struct fixture *f = *state;
    static const char *const stored[] = {"v1.0.0", "v1.10.0", "v2.0.0+incompatible", "v1.1.0-RC1",
                                         "v0.0.0-20210101000000-abcdefabcdef"};
    bool was_stored;
    for (size_t i = 0; i < ARRAY_LEN(stored); i++)
        assert_ok(put_whole(f->store, &f->cx, mv_of("example.com/M", stored[i]), &(struct put){0}));
    assert_ok(put_partial(f->store, &f->cx, mv_of("example.com/M", "v1.5.0"), "{}", "module m\n",
                          &was_stored));
    struct slice *versions;
    size_t count;
    assert_ok(store_versions(f->store, &f->arena, S("example.com/M"), &versions, &count));
    assert_int_equal(count, ARRAY_LEN(stored));
    for (size_t i = 0; i < ARRAY_LEN(stored); i++)
        assert_true(has_version(versions, count, stored[i]));
}

/* ---- partial versions ---- */

static void test_partial_grows(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/p", "v1.0.0");
    bool was_stored;
    assert_ok(put_partial(f->store, &f->cx, mv, "{\"a\":1}", NULL, &was_stored));
    assert_false(was_stored);
    assert_false(is_found(f, mv, ARTEFACT_MOD));
    assert_ok(put_partial(f->store, &f->cx, mv, "{\"b\":2}", "module p\n", &was_stored));
    assert_false(was_stored);
    expect_body(f, mv, ARTEFACT_INFO, S("{\"a\":1}"));
    expect_body(f, mv, ARTEFACT_MOD, S("module p\n"));
    assert_ok(put_partial(f->store, &f->cx, mv, "{\"c\":3}", "module q\n", &was_stored));
    assert_true(was_stored);
    expect_body(f, mv, ARTEFACT_MOD, S("module p\n"));
    assert_false(is_found(f, mv, ARTEFACT_ZIP));
}

static void test_partial_becomes_whole(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/p", "v1.0.0");
    bool was_stored;
    struct slice mod = fake_bytes(&f->arena, mv, ARTEFACT_MOD, "", 0);
    assert_ok(put_partial(f->store, &f->cx, mv, "{\"shown\":1}", mod.p, &was_stored));
    assert_ok(put_whole(f->store, &f->cx, mv, &(struct put){0}));
    assert_true(is_whole(f, mv));
    expect_body(f, mv, ARTEFACT_INFO, S("{\"shown\":1}"));
    assert_ok(put_partial(f->store, &f->cx, mv, "{\"late\":1}", "module late\n", &was_stored));
    assert_true(was_stored);
    expect_body(f, mv, ARTEFACT_INFO, S("{\"shown\":1}"));
}

static void test_partial_with_another_mod(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/p", "v1.0.0");
    bool was_stored;
    assert_ok(put_partial(f->store, &f->cx, mv, NULL, "module evil\n", &was_stored));
    assert_status(put_whole(f->store, &f->cx, mv, &(struct put){0}), STATUS_MISMATCH);
    expect_body(f, mv, ARTEFACT_MOD, S("module evil\n"));
    assert_false(is_found(f, mv, ARTEFACT_ZIP));
}

/* ---- answers and blobs ---- */

static void test_answers(void **state)
{
    struct fixture *f = *state;
    struct store_answer got;
    struct slice key = S("example.com/m/@v/list");
    assert_ok(store_answer_get(f->store, &f->arena, key, &got));
    assert_false(got.found);
    assert_ok(store_answer_put(f->store, &f->arena, key, 200, S("v1.0.0\nv1.1.0\n")));
    assert_ok(store_answer_put(f->store, &f->arena, S("example.com/m/@latest"), 410, S("gone")));
    assert_ok(store_answer_get(f->store, &f->arena, key, &got));
    assert_true(got.found);
    assert_int_equal(got.status, 200);
    assert_slice(got.body, "v1.0.0\nv1.1.0\n");
    assert_true(got.learnt_unix_s > now_unix_s() - 3600 && got.learnt_unix_s <= now_unix_s());
    assert_ok(store_answer_put(f->store, &f->arena, key, 404, S("")));
    fixture_reopen(f);
    assert_ok(store_answer_get(f->store, &f->arena, key, &got));
    assert_true(got.found);
    assert_int_equal(got.status, 404);
    assert_int_equal(got.body.n, 0);
    assert_ok(store_answer_get(f->store, &f->arena, S("example.com/m/@latest"), &got));
    assert_int_equal(got.status, 410);
    assert_slice(got.body, "gone");
}

static void test_answer_keys(void **state)
{
    struct fixture *f = *state;
    struct store_answer got;
    char *huge = arena_alloc(&f->arena, 20000);
    memset(huge, 'x', 20000);
    struct slice keys[] = {S(""),     S("../../etc/passwd"),   S("a/@v/../../b"),      S("a\0b"),
                           S("a\nb"), slice_make(huge, 20000), slice_make(huge, 19999)};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_ok(store_answer_put(f->store, &f->arena, keys[i], 200,
                                   arena_printf(&f->arena, "body %zu", i)));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_ok(store_answer_get(f->store, &f->arena, keys[i], &got));
        assert_true(got.found);
        assert_slice(got.body, arena_printf(&f->arena, "body %zu", i).p);
    }
}

static void test_answer_sizes(void **state)
{
    struct fixture *f = *state;
    struct store_answer got;
    size_t max = 16 << 20;
    char *huge = arena_zalloc(&f->arena, max + 1);
    assert_ok(store_answer_put(f->store, &f->arena, S("k"), 200, slice_make(huge, max)));
    assert_ok(store_answer_get(f->store, &f->arena, S("k"), &got));
    assert_int_equal(got.body.n, max);
    assert_status(store_answer_put(f->store, &f->arena, S("k"), 200, slice_make(huge, max + 1)),
                  STATUS_TOO_LARGE);
}

static void expect_blob(struct fixture *f, const char *name, const char *expected)
{
    bool found;
    struct store_object o;
    struct slice body;
    assert_ok(store_blob_get(f->store, &f->arena, slice_of(name), &found, &o));
    assert_true(found);
    assert_ok(file_read_fd(&f->arena, o.fd, 1 << 20, &body));
    close(o.fd);
    assert_slice(body, expected);
}

static void test_blobs(void **state)
{
    struct fixture *f = *state;
    bool found;
    struct store_object o;
    const char *name = "sum.example.com/tile/8/0/x001/234";
    assert_ok(store_blob_get(f->store, &f->arena, slice_of(name), &found, &o));
    assert_false(found);
    assert_ok(store_blob_put(f->store, &f->arena, slice_of(name), S("first")));
    assert_ok(store_blob_put(f->store, &f->arena, slice_of(name), S("second")));
    expect_blob(f, name, "first");
    assert_ok(store_blob_put(f->store, &f->arena, S("sum.example.com/tile/8/0/x001/234.p/7"),
                             S("partial")));
    assert_ok(
        store_blob_put(f->store, &f->arena, S("sum.example.com/lookup/a.b/!c@v1.0.0"), S("1\n")));
    fixture_reopen(f);
    expect_blob(f, "sum.example.com/lookup/a.b/!c@v1.0.0", "1\n");
    expect_blob(f, name, "first");
    assert_ok(store_blob_get(f->store, &f->arena, S("sum.example.com/tile"), &found, &o));
    assert_false(found);
}

static void test_blob_names(void **state)
{
    struct fixture *f = *state;
    bool found;
    struct store_object o;
    struct slice bad[] = {S(""),       S("/"),    S("/etc/passwd"), S("../catalog.db"),
                          S("a/../b"), S("a//b"), S("a/"),          S("./a"),
                          S("a/."),    S("a\0b"), S(".."),          S("a/..")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_status(store_blob_get(f->store, &f->arena, bad[i], &found, &o), STATUS_BAD_REQUEST);
        assert_status(store_blob_put(f->store, &f->arena, bad[i], S("x")), STATUS_BAD_REQUEST);
    }
}

/* ---- eviction ---- */

struct evicted {
    struct fixture *f;
    size_t count;
    struct slice paths[64];
    uint64_t bytes;
};

static void note_evicted(void *arg, struct module_version mv, uint64_t size_bytes,
                         int64_t last_use_unix_s)
{
    struct evicted *e = arg;
    assert_true(last_use_unix_s > 0);
    e->paths[e->count++] = arena_dup(&e->f->arena, mv.path);
    e->bytes += size_bytes;
}

static struct evicted evict(struct fixture *f, uint64_t target, bool dry_run)
{
    struct evicted e = {.f = f};
    uint64_t freed;
    assert_ok(store_evict(f->store, &f->cx, target, dry_run, note_evicted, &e, &freed));
    assert_int_equal(freed, e.bytes);
    return e;
}

static void test_evict_everything(void **state)
{
    struct fixture *f = *state;
    struct module_version gone = mv_of("example.com/gone", "v1.0.0");
    struct module_version partial = mv_of("example.com/partial", "v1.0.0");
    struct module_version pinned = mv_of("example.com/pinned", "v1.0.0");
    struct module_version pinned_later = mv_of("example.com/later", "v1.0.0");
    bool was_stored;
    assert_ok(put_whole(f->store, &f->cx, gone, &(struct put){0}));
    assert_ok(put_whole(f->store, &f->cx, pinned, &(struct put){.is_pinned = true}));
    assert_ok(put_whole(f->store, &f->cx, pinned_later, &(struct put){0}));
    assert_ok(put_whole(f->store, &f->cx, pinned_later, &(struct put){.is_pinned = true}));
    assert_ok(put_partial(f->store, &f->cx, partial, "{}", "module p\n", &was_stored));
    uint64_t before = store_bytes(f->store);
    struct evicted dry = evict(f, 0, true);
    assert_true(is_whole(f, gone));
    assert_int_equal(store_bytes(f->store), before);
    struct evicted e = evict(f, 0, false);
    assert_int_equal(e.count, 2);
    assert_true(dry.count >= e.count);
    assert_false(is_found(f, gone, ARTEFACT_INFO));
    assert_false(is_found(f, gone, ARTEFACT_ZIP));
    assert_false(is_found(f, gone, ARTEFACT_MOD));
    assert_false(is_found(f, partial, ARTEFACT_MOD));
    assert_true(is_whole(f, pinned));
    assert_true(is_whole(f, pinned_later));
    assert_int_equal(store_bytes(f->store), before - e.bytes);
    assert_int_equal(evict(f, 0, false).count, 0);
    fixture_reopen(f);
    assert_int_equal(evict(f, 0, false).count, 0);
    assert_int_equal(store_bytes(f->store), before - e.bytes);
}

static void test_evict_to_target(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 40; i++) {
        const char *path = arena_printf(&f->arena, "example.com/m%d", i).p;
        assert_ok(
            put_whole(f->store, &f->cx, mv_of(path, "v1.0.0"), &(struct put){.zip_bytes = 10000}));
    }
    uint64_t before = store_bytes(f->store);
    struct evicted e = evict(f, before / 2, false);
    assert_true(store_bytes(f->store) <= before / 2);
    assert_true(store_bytes(f->store) > before / 2 - 11000);
    assert_true(e.count >= 20 && e.count <= 21);
    assert_int_equal(evict(f, before, false).count, 0);
}

static void test_evicted_comes_back_unchanged(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/m", "v1.0.0");
    struct put put = {0};
    assert_ok(put_whole(f->store, &f->cx, mv, &put));
    assert_int_equal(evict(f, 0, false).count, 1);
    assert_status(put_whole(f->store, &f->cx, mv, &(struct put){.salt = "moved tag"}),
                  STATUS_MISMATCH);
    assert_false(is_found(f, mv, ARTEFACT_ZIP));
    assert_ok(put_whole(f->store, &f->cx, mv, &put));
    assert_false(put.was_stored);
    assert_true(is_whole(f, mv));
    assert_int_equal(evict(f, 0, false).count, 1);
}

static void test_evicting_under_a_reader(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of("example.com/m", "v1.0.0");
    bool found;
    struct store_object o;
    struct slice body;
    assert_ok(put_whole(f->store, &f->cx, mv, &(struct put){.zip_bytes = 50000}));
    assert_ok(store_get(f->store, &f->arena, mv, ARTEFACT_ZIP, &found, &o));
    assert_int_equal(evict(f, 0, false).count, 1);
    assert_ok(file_read_fd(&f->arena, o.fd, 1 << 20, &body));
    close(o.fd);
    assert_int_equal(body.n, 50000);
    assert_slice(fake_h1(&f->arena, body), o.h1);
}

static void test_reindex(void **state)
{
    struct fixture *f = *state;
    uint64_t versions;
    bool was_stored;
    assert_ok(put_whole(f->store, &f->cx, mv_of("example.com/a", "v1.0.0"), &(struct put){0}));
    assert_ok(put_whole(f->store, &f->cx, mv_of("example.com/a", "v1.1.0"),
                        &(struct put){.is_pinned = true}));
    assert_ok(
        put_partial(f->store, &f->cx, mv_of("example.com/b", "v1.0.0"), "{}", NULL, &was_stored));
    uint64_t bytes = store_bytes(f->store);
    assert_ok(store_reindex(f->store, &f->cx, &versions));
    assert_int_equal(versions, 3);
    assert_int_equal(store_bytes(f->store), bytes);
    assert_int_equal(evict(f, 0, false).count, 2);
    assert_true(is_whole(f, mv_of("example.com/a", "v1.1.0")));
}

/* ---- figures ---- */

static void test_health_and_limits(void **state)
{
    struct fixture *f = *state;
    uint64_t free_bytes;
    assert_ok(store_health(f->store, &f->arena, &free_bytes));
    assert_true(free_bytes > 0);
    assert_int_equal(store_max_bytes(f->store), 0);
    store_set_max_bytes(f->store, 12345);
    assert_int_equal(store_max_bytes(f->store), 12345);
    assert_int_equal(store_bytes(f->store), 0);
}

/* ---- many at once ---- */

enum { THREADS = 8, ROUNDS = 12, PATHS = 5 };

struct crowd {
    struct fixture *f;
    unsigned seed;
    size_t published;
    atomic_bool *is_stopped;
    const char *failed;
};

static struct error *one_round(struct crowd *c, struct ctx *cx, unsigned i)
{
    struct arena *a = cx->arena;
    bool is_there;
    struct store_answer got;
    struct slice path = arena_printf(a, "example.com/m%u", (c->seed + i) % PATHS);
    struct slice version = arena_printf(a, "v1.%u.0", i % ROUNDS);
    struct module_version mv = {path, version};
    struct put put = {0};
    TRY(put_whole(c->f->store, cx, mv, &put));
    c->published += !put.was_stored;
    store_touch(c->f->store, mv);
    TRY(check_whole(c->f->store, a, mv, &is_there));
    if (!is_there)
        return error_new(a, STATUS_CORRUPT, "published and not there");
    TRY(store_answer_put(c->f->store, a, path, 200, version));
    TRY(store_answer_get(c->f->store, a, path, &got));
    TRY(store_blob_put(c->f->store, a, path, path));
    return i % 4 ? NULL : store_flush(c->f->store, a);
}

static void *run_crowd(void *arg)
{
    struct crowd *c = arg;
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    for (unsigned i = 0; i < ROUNDS && !c->failed; i++) {
        struct error *err = one_round(c, &cx, i);
        if (err)
            c->failed = xstrdup(error_chain(&a, err).p);
        arena_clear(&a);
    }
    arena_release(&a);
    return NULL;
}

static void test_threads_publish_the_same(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    struct crowd crowds[THREADS];
    size_t published = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){.f = f, .seed = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_crowd, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (crowds[i].failed)
            fail_msg("%s", crowds[i].failed);
        published += crowds[i].published;
    }
    assert_int_equal(published, PATHS * ROUNDS);
    struct slice *versions;
    size_t count;
    assert_ok(store_versions(f->store, &f->arena, S("example.com/m1"), &versions, &count));
    assert_int_equal(count, ROUNDS);
    assert_int_equal(evict(f, 1, true).count, PATHS * ROUNDS);
}

/* A reader sees a version whole or not at all; once it has the zip open it reads all of it. */
static struct error *read_once(struct crowd *c, struct arena *a, unsigned i)
{
    bool found;
    struct store_object o;
    struct slice body;
    struct module_version mv = {arena_printf(a, "example.com/r%u", i % 3), S("v1.0.0")};
    TRY(store_get(c->f->store, a, mv, ARTEFACT_ZIP, &found, &o));
    if (!found)
        return NULL;
    FD_SCOPED fd = o.fd;
    TRY(file_read_fd(a, fd, 1 << 20, &body));
    struct slice expected = fake_bytes(a, mv, ARTEFACT_ZIP, "", 30000);
    return slice_eq(body, expected) ? NULL : error_new(a, STATUS_CORRUPT, "torn zip");
}

static void *run_reader(void *arg)
{
    struct crowd *c = arg;
    struct arena a = ARENA_INIT;
    for (unsigned i = c->seed; !atomic_load(c->is_stopped) && !c->failed; i++) {
        struct error *err = read_once(c, &a, i);
        if (err)
            c->failed = xstrdup(error_chain(&a, err).p);
        arena_clear(&a);
    }
    arena_release(&a);
    return NULL;
}

static void test_eviction_races_with_readers(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[3];
    struct crowd crowds[3];
    atomic_bool is_stopped = false;
    for (unsigned i = 0; i < 3; i++) {
        crowds[i] = (struct crowd){.f = f, .seed = i, .is_stopped = &is_stopped};
        assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < 30; i++) {
        struct put put = {.zip_bytes = 30000};
        struct slice path = arena_printf(&f->arena, "example.com/r%u", i % 3);
        assert_ok(put_whole(f->store, &f->cx, mv_of(path.p, "v1.0.0"), &put));
        if (i % 2)
            (void)evict(f, 40000, false);
    }
    atomic_store(&is_stopped, true);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        if (crowds[i].failed)
            fail_msg("%s", crowds[i].failed);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_absent),
        CASE(test_put_and_get),
        CASE(test_first_one_wins),
        CASE(test_survives_reopening),
        CASE(test_incomplete_stage_is_refused),
        CASE(test_abandoned_stage_leaves_nothing),
        CASE(test_cancelled_commit),
        CASE(test_names),
        CASE(test_bad_names),
        CASE(test_long_names),
        CASE(test_versions),
        CASE(test_partial_grows),
        CASE(test_partial_becomes_whole),
        CASE(test_partial_with_another_mod),
        CASE(test_answers),
        CASE(test_answer_keys),
        CASE(test_answer_sizes),
        CASE(test_blobs),
        CASE(test_blob_names),
        CASE(test_evict_everything),
        CASE(test_evict_to_target),
        CASE(test_evicted_comes_back_unchanged),
        CASE(test_evicting_under_a_reader),
        CASE(test_reindex),
        CASE(test_health_and_limits),
        CASE(test_threads_publish_the_same),
        CASE(test_eviction_races_with_readers),
    };
    return cmocka_run_group_tests_name("contract of the store", tests, NULL, NULL);
}
