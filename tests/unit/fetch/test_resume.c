#include "../test.h"

#include "fetch/resume.h"

#define OLD "Sun, 06 Nov 1994 08:49:37 GMT"
#define LATER "Sun, 06 Nov 1994 08:59:37 GMT"
#define SOON "Sun, 06 Nov 1994 08:49:39 GMT"

static void test_validator(void **state)
{
    static const struct {
        const char *etag, *modified, *date, *expected;
    } rows[] = {
        {"\"abc\"", OLD, LATER, "\"abc\""},
        {"W/\"abc\"", OLD, LATER, OLD},
        {"", OLD, LATER, OLD},
        {"", OLD, SOON, ""},
        {"", OLD, "", ""},
        {"", "", LATER, ""},
        {"W/\"abc\"", "", LATER, ""},
        {"\"\"", "", "", ""},
        {"abc", "yesterday", LATER, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_slice(resume_validator(slice_of(rows[i].etag), slice_of(rows[i].modified),
                                      slice_of(rows[i].date)),
                     rows[i].expected);
}

static void test_content_range(void **state)
{
    struct content_range r;
    assert_true(content_range_parse(S("bytes 5-9/10"), &r));
    assert_true(r.first == 5 && r.last == 9 && r.total == 10);
    assert_true(content_range_parse(S("bytes 0-0/*"), &r));
    assert_true(r.first == 0 && r.last == 0 && r.total == UINT64_MAX);
    static const char *const bad[] = {"",
                                      "bytes",
                                      "bytes */10",
                                      "bytes 5-9",
                                      "bytes 9-5/10",
                                      "bytes 5-10/10",
                                      "bytes 5-/10",
                                      "bytes -5/10",
                                      "items 5-9/10",
                                      "bytes 5-9/x",
                                      "bytes 5-99999999999999999999/*",
                                      "bytes 5 - 9/10"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (content_range_parse(slice_of(bad[i]), &r))
            fail_msg("'%s' is taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validator),
        cmocka_unit_test(test_content_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
