/* Signatures of zips that come after their version, and go with it. */
#include "../test.h"

#include "store_fixture.h"

static struct module_version version_m(void)
{
    return mv_of("example.com/m", "v1.0.0");
}

static struct slice signature_m(struct fixture *f)
{
    return fake_bytes(&f->arena, version_m(), ARTEFACT_ZIPSIG, "", 0);
}

/* What stands beside the zip; NULL: nothing does. */
static const char *stored(struct fixture *f)
{
    bool found;
    struct slice body;
    assert_ok(get_body(f->store, &f->arena, version_m(), ARTEFACT_ZIPSIG, &found, &body));
    return found ? arena_cstr(&f->arena, body) : NULL;
}

static void test_it_comes_later(void **state)
{
    struct fixture *f = *state;
    assert_status(store_put_signature(f->store, &f->cx, version_m(), signature_m(f)),
                  STATUS_NOT_FOUND);
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){.is_unsigned = true}));
    assert_null(stored(f));
    assert_ok(store_put_signature(f->store, &f->cx, version_m(), S("another's")));
    assert_string_equal(stored(f), "another's");
    assert_ok(store_put_signature(f->store, &f->cx, version_m(), signature_m(f)));
    fixture_reopen(f);
    assert_string_equal(stored(f), signature_m(f).p);
}

static void ignore_version(void *arg, struct module_version mv, uint64_t size_bytes,
                           int64_t last_use_unix_s)
{
}

static void test_it_goes_with_its_version(void **state)
{
    struct fixture *f = *state;
    uint64_t freed;
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_string_equal(stored(f), signature_m(f).p);
    assert_ok(store_evict(f->store, &f->cx, 0, false, ignore_version, NULL, &freed));
    assert_null(stored(f));
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){.is_unsigned = true}));
    assert_null(stored(f));
    assert_ok(store_quarantine_stored(f->store, &f->cx, version_m(), S("why")));
    assert_null(stored(f));
}

/* The first version stays, and so does its signature. */
static void test_a_second_commit_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct put put = {.salt = "other"};
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_ok(put_whole(f->store, &f->cx, version_m(), &put));
    assert_true(put.was_stored);
    assert_string_equal(stored(f), signature_m(f).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_comes_later, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_it_goes_with_its_version, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_a_second_commit_changes_nothing, fixture_set_up,
                                        fixture_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
