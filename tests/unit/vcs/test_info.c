#include "../test.h"

#include "vcs/info.h"

static void test_info_json(void **state)
{
    struct arena a = ARENA_INIT;
    struct vcs_origin full = {S("git"),
                              S("https://h/r?a&b"),
                              S("sub"),
                              S("0123"),
                              S("refs/tags/sub/v1.0.0"),
                              S("sub/"),
                              S("t1:x"),
                              S("r1:y")};
    assert_slice(
        vcs_info_json(&a, S("v1.0.0"), 1136214245, &full),
        "{\"Version\":\"v1.0.0\",\"Time\":\"2006-01-02T15:04:05Z\",\"Origin\":{\"VCS\":\"git\","
        "\"URL\":\"https://h/"
        "r?a\\u0026b\",\"Subdir\":\"sub\",\"Hash\":\"0123\",\"TagPrefix\":\"sub/"
        "\",\"TagSum\":\"t1:x\",\"Ref\":\"refs/tags/sub/v1.0.0\",\"RepoSum\":\"r1:y\"}}");
    struct vcs_origin bare = {.vcs = S("git"), .hash = S("ab")};
    assert_slice(
        vcs_info_json(&a, S("v1.0.0"), 0, &bare),
        "{\"Version\":\"v1.0.0\",\"Time\":\"1970-01-01T00:00:00Z\",\"Origin\":{\"VCS\":\"git\","
        "\"Hash\":\"ab\"}}");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_info_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
