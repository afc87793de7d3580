/* Several answers to one question as one. */
#include "../test.h"

#include "repo/mounts_priv.h"

static struct repo_answer part(enum repo_freshness freshness, int status, const char *body,
                               int64_t until)
{
    return (struct repo_answer){.freshness = freshness,
                                .status = status,
                                .fd = -1,
                                .body = slice_of(body),
                                .size = strlen(body),
                                .fresh_until_s = until,
                                .mtime_unix_s = until - 10};
}

static void test_lists(void **state)
{
    struct arena a = ARENA_INIT;
    struct repo_answer out;
    const struct repo_answer parts[] = {
        part(REPO_FRESH, 200, "v1.2.0\nv1.10.0\n", 100),
        part(REPO_STALE, 404, "there is none\n", 50),
        part(REPO_FRESH, 200, "v1.10.0\nv1.9.0-rc.1", 80),
        part(REPO_FRESH, 200, "", 90),
    };
    assert_ok(merge_answers(&a, QUESTION_LIST, parts, ARRAY_LEN(parts), &out));
    assert_slice(out.body, "v1.2.0\nv1.9.0-rc.1\nv1.10.0\n");
    assert_int_equal(out.status, 200);
    assert_int_equal(out.size, out.body.n);
    assert_int_equal(out.freshness, REPO_STALE); /* as fresh as the least fresh */
    assert_int_equal(out.fresh_until_s, 50);
    assert_int_equal(out.mtime_unix_s, 90);
    assert_true(slice_starts(out.etag, S("sha256:")));
    arena_release(&a);
}

static void test_absences(void **state)
{
    struct arena a = ARENA_INIT;
    struct repo_answer out;
    const struct repo_answer absent[] = {part(REPO_FRESH, 404, "one", 9),
                                         part(REPO_FRESH, 410, "two", 5)};
    assert_ok(merge_answers(&a, QUESTION_LIST, absent, 2, &out));
    assert_int_equal(out.status, 410);
    assert_slice(out.body, "two");
    assert_int_equal(out.fresh_until_s, 5);
    const struct repo_answer unknown[] = {part(REPO_FRESH, 200, "v1.0.0", 9),
                                          part(REPO_MISSING, 0, "", 0), part(REPO_OLD, 200, "", 1)};
    assert_ok(merge_answers(&a, QUESTION_LIST, unknown, 3, &out));
    assert_int_equal(out.freshness, REPO_MISSING); /* a part that is not known is not left out */
    assert_int_equal(out.fd, -1);
    arena_release(&a);
}

static void test_latest(void **state)
{
    static const struct {
        const char *versions[3];
        int best;
    } cases[] = {
        {{"v1.2.0", "v1.10.0", "v1.9.0"}, 1},
        {{"v1.2.0-rc.1", "v0.1.0", "v1.9.0-rc.1"}, 1}, /* a release before any pre-release */
        {{"v0.0.0-20240102030405-0123456789ab", "v0.1.0-beta.1",
          "v0.0.0-20250102030405-0123456789ab"},
         1}, /* a pre-release before any pseudo-version */
        {{"v0.0.0-20240102030405-0123456789ab", "v0.0.0-20250102030405-0123456789ab",
          "v0.0.0-20230102030405-0123456789ab"},
         1},
        {{"v1.0.0", "v1.0.0", "v1.0.0"}, 0}, /* of equal ones the first */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct repo_answer parts[3], out;
        for (int k = 0; k < 3; k++)
            parts[k] = part(
                REPO_FRESH, 200,
                arena_printf(&a, "{\"Version\":\"%s\",\"From\":%d}", cases[i].versions[k], k).p,
                100);
        assert_ok(merge_answers(&a, QUESTION_LATEST, parts, 3, &out));
        assert_slice(out.body, parts[cases[i].best].body.p);
        arena_release(&a);
    }
}

static void test_a_latest_that_is_none(void **state)
{
    struct arena a = ARENA_INIT;
    struct repo_answer out;
    const struct repo_answer parts[] = {part(REPO_FRESH, 200, "{\"Version\":\"v1.0.0\"}", 1),
                                        part(REPO_FRESH, 200, "<html>", 1)};
    assert_status(merge_answers(&a, QUESTION_LATEST, parts, 2, &out), STATUS_BAD_ANSWER);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_absences),
        cmocka_unit_test(test_latest),
        cmocka_unit_test(test_a_latest_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
