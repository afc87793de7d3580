/* What is known beside the artefacts: replaced whole, under a lock of its own. */
#include "../test.h"

#include "store/store.h"

#include "store_fixture.h"

#include <unistd.h>

static void test_the_last_one_stays(void **state)
{
    struct fixture *f = *state;
    bool found = true;
    struct slice body, name = S("example.com/!m/@v/v1.0.0.licences");
    assert_ok(store_fact_get(f->store, &f->arena, name, &found, &body));
    assert_false(found);
    assert_ok(store_fact_put(f->store, &f->arena, name, S("first")));
    assert_ok(store_fact_put(f->store, &f->arena, name, S("second")));
    assert_ok(store_fact_get(f->store, &f->arena, name, &found, &body));
    assert_true(found);
    assert_slice(body, "second");
    assert_status(store_fact_put(f->store, &f->arena, S("a/../b"), S("x")), STATUS_BAD_REQUEST);
}

static void test_a_lock_is_given_back(void **state)
{
    struct fixture *f = *state;
    struct ctx cx = {.arena = &f->arena, .deadline_ms = now_ms() + 60000};
    struct ctx late = {.arena = &f->arena, .deadline_ms = now_ms() + 10};
    int first, second;
    assert_ok(store_fact_lock(f->store, &cx, S("example.com/m/@seen"), &first));
    assert_status(store_fact_lock(f->store, &late, S("example.com/m/@seen"), &second),
                  STATUS_TIMEOUT);
    close(first);
    assert_ok(store_fact_lock(f->store, &cx, S("example.com/m/@seen"), &second));
    close(second);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_last_one_stays),
        CASE(test_a_lock_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
