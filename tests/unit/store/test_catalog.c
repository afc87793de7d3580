/* The catalog by itself, and the order in which uses make versions go. */
#include "../test.h"

#include "store/store_priv.h"

#include "store_fixture.h"

#include <unistd.h>

static struct catalog_row row_of(const char *version, uint64_t bytes, int64_t last_use)
{
    return (struct catalog_row){.mv = mv_of("example.com/m", version),
                                .state = VERSION_WHOLE,
                                .bytes = bytes,
                                .zip_h1 = S("h1:x"),
                                .first_seen_unix_s = 100,
                                .last_use_unix_s = last_use,
                                .origin = S("mirror"),
                                .is_refetchable = true};
}

static void put(struct fixture *f, struct catalog_row row)
{
    struct catalog *c = f->store->catalog;
    assert_ok(catalog_begin(c, &f->arena, false));
    assert_ok(catalog_end(c, &f->arena, catalog_put(c, &f->arena, &row)));
}

static struct catalog_row get(struct fixture *f, const char *version)
{
    bool found;
    struct catalog_row row;
    assert_ok(
        catalog_get(f->store->catalog, &f->arena, mv_of("example.com/m", version), &found, &row));
    assert_true(found);
    return row;
}

static uint64_t sum(struct fixture *f)
{
    uint64_t bytes;
    assert_ok(catalog_bytes(f->store->catalog, &f->arena, &bytes));
    return bytes;
}

static void test_put_keeps_what_it_should(void **state)
{
    struct fixture *f = *state;
    bool found;
    struct catalog_row row;
    assert_ok(catalog_get(f->store->catalog, &f->arena, mv_of("a", "b"), &found, &row));
    assert_false(found);
    put(f, row_of("v1.0.0", 10, 500));
    struct catalog_row again = row_of("v1.0.0", 30, 400);
    again.first_seen_unix_s = 999;
    again.zip_h1 = again.origin = S("");
    again.is_refetchable = false;
    put(f, again);
    row = get(f, "v1.0.0");
    assert_int_equal(row.first_seen_unix_s, 100);
    assert_int_equal(row.last_use_unix_s, 500);
    assert_int_equal(row.bytes, 30);
    assert_slice(row.zip_h1, "h1:x");
    assert_slice(row.origin, "mirror");
    assert_false(row.is_refetchable);
    assert_int_equal(sum(f), 30);
}

static void test_sum_follows_states(void **state)
{
    struct fixture *f = *state;
    struct catalog *c = f->store->catalog;
    put(f, row_of("v1.0.0", 10, 1));
    put(f, row_of("v1.1.0", 20, 2));
    assert_int_equal(sum(f), 30);
    assert_ok(catalog_begin(c, &f->arena, true));
    struct error *err =
        catalog_set_state(c, &f->arena, mv_of("example.com/m", "v1.0.0"), VERSION_EVICTED, 0);
    assert_ok(catalog_end(c, &f->arena, err));
    assert_int_equal(sum(f), 20);
    assert_ok(catalog_begin(c, &f->arena, false));
    err = catalog_set_state(c, &f->arena, mv_of("example.com/m", "v1.1.0"), VERSION_EVICTED, 0);
    assert_null(err);
    err = error_new(&f->arena, STATUS_IO, "something else failed");
    assert_status(catalog_end(c, &f->arena, err), STATUS_IO);
    assert_int_equal(sum(f), 20);
}

static void test_evicting_is_not_undone_by_a_put(void **state)
{
    struct fixture *f = *state;
    struct catalog_row row = row_of("v1.0.0", 10, 1);
    row.state = VERSION_EVICTING;
    put(f, row);
    put(f, row_of("v1.0.0", 10, 1));
    assert_int_equal(get(f, "v1.0.0").state, VERSION_EVICTING);
}

static struct error *append_version(void *arg, struct arena *a, const struct catalog_row *row)
{
    buf_add(arg, row->mv.version);
    buf_add_byte(arg, ' ');
    return NULL;
}

static void test_oldest_first(void **state)
{
    struct fixture *f = *state;
    struct catalog *c = f->store->catalog;
    BUF_SCOPED(b);
    put(f, row_of("v1.0.0", 1, 300));
    put(f, row_of("v1.1.0", 1, 100));
    put(f, row_of("v1.2.0", 1, 200));
    struct catalog_row pinned = row_of("v1.3.0", 1, 50);
    pinned.is_refetchable = false;
    put(f, pinned);
    assert_ok(catalog_begin(c, &f->arena, false));
    struct error *err = catalog_touch(c, &f->arena, mv_of("example.com/m", "v1.1.0"), 250);
    if (!err)
        err = catalog_each_oldest(c, &f->arena, 2, append_version, &b);
    assert_ok(catalog_end(c, &f->arena, err));
    assert_slice(buf_slice(&b), "v1.2.0 v1.1.0 ");
}

static void test_rows_in_batches(void **state)
{
    struct fixture *f = *state;
    struct catalog *c = f->store->catalog;
    BUF_SCOPED(b);
    put(f, row_of("v1.0.0", 1, 1));
    put(f, row_of("v1.1.0", 1, 1));
    put(f, row_of("v1.2.0", 1, 1));
    struct module_version after = mv_of("example.com/m", "v1.0.0");
    assert_ok(catalog_begin(c, &f->arena, false));
    struct error *err = catalog_each_after(c, &f->arena, after, 1, append_version, &b);
    assert_ok(catalog_end(c, &f->arena, err));
    assert_slice(buf_slice(&b), "v1.1.0 ");
}

/* ---- uses ---- */

static void put_version(struct fixture *f, const char *version)
{
    assert_ok(put_whole(f->store, &f->cx, mv_of("example.com/m", version), &(struct put){0}));
}

static void note(void *arg, struct module_version mv, uint64_t bytes, int64_t last_use_unix_s)
{
    buf_add(arg, mv.version);
    buf_add_byte(arg, ' ');
}

/* Pretends that everything was last used an hour ago. */
static void age(struct fixture *f)
{
    static const char *const versions[] = {"v1.0.0", "v1.1.0", "v1.2.0"};
    assert_ok(store_flush(f->store, &f->arena));
    bool is_new;
    /* A use never becomes an earlier one, so the catalog has to be another. */
    assert_ok(catalog_put_aside(f->store->catalog, &f->arena));
    assert_ok(catalog_open(f->store->catalog, &f->arena, &is_new));
    assert_true(is_new);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        put(f, row_of(versions[i], 1000, now_unix_s() - 3600 + (int64_t)i));
}

static void test_a_use_makes_a_version_stay(void **state)
{
    struct fixture *f = *state;
    uint64_t freed;
    BUF_SCOPED(b);
    put_version(f, "v1.0.0");
    put_version(f, "v1.1.0");
    put_version(f, "v1.2.0");
    age(f);
    store_touch(f->store, mv_of("example.com/m", "v1.0.0"));
    store_touch(f->store, mv_of("example.com/m", "v1.0.0"));
    store_touch(f->store, mv_of("example.com/not-stored", "v1.0.0"));
    assert_ok(store_evict(f->store, &f->cx, 1000, false, note, &b, &freed));
    assert_slice(buf_slice(&b), "v1.1.0 v1.2.0 ");
    assert_true(get(f, "v1.0.0").last_use_unix_s >= now_unix_s() - 60);
}

static void test_uses_are_kept_by_closing(void **state)
{
    struct fixture *f = *state;
    put_version(f, "v1.0.0");
    put_version(f, "v1.1.0");
    put_version(f, "v1.2.0");
    age(f);
    store_touch(f->store, mv_of("example.com/m", "v1.1.0"));
    fixture_reopen(f);
    assert_true(get(f, "v1.1.0").last_use_unix_s >= now_unix_s() - 60);
    assert_true(get(f, "v1.0.0").last_use_unix_s < now_unix_s() - 60);
}

/* More versions than the table has room for: nothing breaks, and those that fitted are noted. */
static void test_very_many_uses(void **state)
{
    struct fixture *f = *state;
    char version[32];
    put_version(f, "v1.0.0");
    put_version(f, "v1.1.0");
    put_version(f, "v1.2.0");
    age(f);
    store_touch(f->store, mv_of("example.com/m", "v1.0.0"));
    for (int i = 0; i < 50000; i++) {
        snprintf(version, sizeof(version), "v9.%d.0", i);
        store_touch(f->store, mv_of("example.com/other", version));
    }
    assert_ok(store_flush(f->store, &f->arena));
    assert_true(get(f, "v1.0.0").last_use_unix_s >= now_unix_s() - 60);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_put_keeps_what_it_should),
        CASE(test_sum_follows_states),
        CASE(test_evicting_is_not_undone_by_a_put),
        CASE(test_oldest_first),
        CASE(test_rows_in_batches),
        CASE(test_a_use_makes_a_version_stay),
        CASE(test_uses_are_kept_by_closing),
        CASE(test_very_many_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
