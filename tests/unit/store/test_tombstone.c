/* Withdrawn versions: gone for readers at once, their name taken for good, whatever breaks off. */
#include "../test.h"

#include "store/tombstone.h"
#include "store_fixture.h"

#include <stdio.h>
#include <unistd.h>

static const char PATH[] = "corp.example/Lib";

static void put(struct fixture *f, struct module_version mv)
{
    struct put p = {.salt = "", .is_pinned = true};
    assert_ok(put_whole(f->store, &f->cx, mv, &p));
}

static bool is_stored(struct fixture *f, struct module_version mv)
{
    bool found;
    struct slice body;
    assert_ok(get_body(f->store, &f->arena, mv, ARTEFACT_ZIP, &found, &body));
    return found;
}

static const char *in_dir(struct fixture *f, const char *rel)
{
    return arena_printf(&f->arena, "%s/%s", f->dir, rel).p;
}

static void test_withdraw(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of(PATH, "v1.0.0"), other = mv_of(PATH, "v1.1.0");
    struct store_tombstone t = {
        .withdrawn_unix_s = 1700000000, .who = S("token:ann"), .reason = S("a secret\nin it")};
    struct slice list;
    put(f, mv);
    put(f, other);
    assert_ok(store_withdraw(f->store, &f->cx, mv, &t));
    assert_true(t.h1.n == H1_BYTES);
    assert_false(is_stored(f, mv));
    assert_true(is_stored(f, other));
    const char *rel = "cache/download/corp.example/!lib/@v/list";
    assert_ok(file_read(&f->arena, in_dir(f, rel), 1000, &list));
    assert_slice(list, "v1.1.0\n");
    for (int i = 0; i < 2; i++) {
        struct store_tombstone got;
        assert_ok(store_tombstone_get(f->store, &f->arena, mv, &got));
        assert_true(got.found);
        assert_int_equal(got.withdrawn_unix_s, 1700000000);
        assert_slice(got.who, "token:ann");
        assert_slice(got.reason, "a secret in it");
        assert_true(slice_eq(got.h1, t.h1));
        assert_ok(store_tombstone_get(f->store, &f->arena, other, &got));
        assert_false(got.found);
        fixture_reopen(f);
    }
}

static void test_the_first_tombstone_stays(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of(PATH, "v2.0.0");
    struct store_tombstone t = {.withdrawn_unix_s = 1, .who = S("ann"), .reason = S("one")};
    struct store_tombstone u = {.withdrawn_unix_s = 2, .who = S("bob"), .reason = S("two")};
    assert_status(store_withdraw(f->store, &f->cx, mv, &t), STATUS_NOT_FOUND);
    put(f, mv);
    assert_ok(store_withdraw(f->store, &f->cx, mv, &t));
    assert_ok(store_withdraw(f->store, &f->cx, mv, &u));
    assert_slice(u.who, "ann");
    assert_slice(u.reason, "one");
}

/* Broken off behind the tombstone: the next start removes the version. */
static void test_finished_at_start(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of(PATH, "v3.0.0");
    put(f, mv);
    const char *dir = in_dir(f, "tombstones/corp.example/!lib/@v");
    assert_ok(dir_make(&f->arena, dir));
    assert_ok(file_write_durable(&f->arena, arena_printf(&f->arena, "%s/v3.0.0", dir).p,
                                 S("modgate-tombstone 1\n5\nh1:x\nann\nwhy\n")));
    assert_true(is_stored(f, mv));
    fixture_reopen(f);
    assert_false(is_stored(f, mv));
    assert_true(access(in_dir(f, "pinned/corp.example/!lib/@v/v3.0.0"), F_OK) < 0);
}

/* The name stays taken when the file cannot be read. */
static void test_damaged(void **state)
{
    struct fixture *f = *state;
    struct module_version mv = mv_of(PATH, "v4.0.0");
    struct store_tombstone t;
    const char *dir = in_dir(f, "tombstones/corp.example/!lib/@v");
    assert_ok(dir_make(&f->arena, dir));
    assert_ok(file_write_durable(&f->arena, arena_printf(&f->arena, "%s/v4.0.0", dir).p, S("x")));
    assert_status(store_tombstone_get(f->store, &f->arena, mv, &t), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_withdraw, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_the_first_tombstone_stays, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_finished_at_start, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, fixture_set_up, fixture_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
