#include "logs.h"

#define H1 "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY="
#define OTHER_H1 "h1:AAAAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY="
#define RECORD "example.com/m v1.0.0 " H1 "\nexample.com/m v1.0.0/go.mod " OTHER_H1 "\n"

static const struct module_version mv = {S("example.com/m"), S("v1.0.0")};

static void test_tree_heads(void **state)
{
    struct arena a = ARENA_INIT;
    struct tlog_tree t;
    const char *good =
        "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n";
    assert_true(tree_parse(&a, slice_of(good), &t));
    assert_int_equal(t.size, 123456789012);
    assert_slice(tree_format(&a, &t), good);
    assert_true(tree_parse(&a, arena_printf(&a, "%smore\n", good), &t));
    const char *bad[] = {
        "",
        "go.sum database tree\n",
        "go.sum database tree v2\n1\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n",
        "go.sum database tree\n1\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=",
        "go.sum database tree\n01\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n",
        "go.sum database tree\n-1\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n",
        "go.sum database tree\n+1\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n",
        "go.sum database tree\n\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n",
        "go.sum database tree\n9223372036854775808\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n",
        "go.sum database tree\n1\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0\n",
        "go.sum database tree\n1\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBQ==\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (tree_parse(&a, slice_of(bad[i]), &t))
            fail_msg("accepted %s", bad[i]);
    }
    arena_release(&a);
}

static void test_a_lookup(void **state)
{
    struct arena a = ARENA_INIT;
    struct sumdb_record r;
    struct slice note;
    assert_ok(sumdb_record_parse(&a, S("17\n" RECORD "\nthe note"), mv, &r, &note));
    assert_int_equal(r.id, 17);
    assert_slice(r.text, RECORD);
    assert_slice(r.zip_h1, H1);
    assert_slice(r.go_mod_h1, OTHER_H1);
    assert_slice(note, "the note");
    assert_slice(record_format(&a, 17, r.text), "17\n" RECORD "\n");
    /* Hashes of a kind yet unknown may stand beside. */
    assert_ok(
        sumdb_record_parse(&a, S("0\nexample.com/m v1.0.0 h9:x\n" RECORD "\n"), mv, &r, &note));
    assert_slice(r.zip_h1, H1);
    arena_release(&a);
}

/* CVE-2026-42501: an answer with status 200 that does not speak of what was asked. */
static void test_a_lookup_without_the_wanted_line(void **state)
{
    struct arena a = ARENA_INIT;
    struct sumdb_record r;
    struct slice note;
    const char *bad[] = {
        "1\nexample.com/m v1.0.1 " H1 "\nexample.com/m v1.0.1/go.mod " H1 "\n\n",
        "1\nexample.com/m/x v1.0.0 " H1 "\nexample.com/m/x v1.0.0/go.mod " H1 "\n\n",
        "1\nexample.com/m v1.0.0 " H1 "\n\n",
        "1\nexample.com/m v1.0.0/go.mod " H1 "\n\n",
        "1\nexample.com/m v1.0.0 h9:x\nexample.com/m v1.0.0/go.mod " H1 "\n\n",
        "1\nexample.com/m  v1.0.0 " H1 "\nexample.com/m v1.0.0/go.mod " H1 "\n\n",
        "1\nexample.com/m v1.0.0 h1:short\nexample.com/m v1.0.0/go.mod " H1 "\n\n",
        "1\n" RECORD "example.com/m v1.0.0 " OTHER_H1 "\n\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_status(sumdb_record_parse(&a, slice_of(bad[i]), mv, &r, &note), STATUS_BAD_ANSWER);
    arena_release(&a);
}

/* CVE-2026-56864: what stands outside the record is not covered by its hash, and is no record. */
static void test_lines_outside_the_record(void **state)
{
    struct arena a = ARENA_INIT;
    struct sumdb_record r;
    struct slice note;
    const char *bad[] = {
        "1\nexample.com/o v1.0.0 " H1 "\n\n" RECORD "\n",
        RECORD "1\nexample.com/o v1.0.0 " H1 "\n\n",
        "1\n\n" RECORD "\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_status(sumdb_record_parse(&a, slice_of(bad[i]), mv, &r, &note), STATUS_BAD_ANSWER);
    arena_release(&a);
}

static void test_malformed_lookups(void **state)
{
    struct arena a = ARENA_INIT;
    struct sumdb_record r;
    struct slice note;
    const char *bad[] = {
        "",
        "1",
        "1\n",
        "1\n" RECORD,
        "x\n" RECORD "\n",
        "-1\n" RECORD "\n",
        "01\n" RECORD "\n",
        "+1\n" RECORD "\n",
        " 1\n" RECORD "\n",
        "4611686018427387904\n" RECORD "\n",
        "1\n" RECORD "\r\n",
        "1\n\x01" RECORD "\n",
        "1\n\xff" RECORD "\n",
        "1\r\n" RECORD "\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_status(sumdb_record_parse(&a, slice_of(bad[i]), mv, &r, &note), STATUS_BAD_ANSWER);
    arena_release(&a);
}

static void test_data_tiles(void **state)
{
    struct slice tile = S("a\nb\n\nc\n\nd\n\n"), out, text;
    assert_true(records_head(tile, 2, &out));
    assert_slice(out, "a\nb\n\nc\n\n");
    assert_true(records_head(tile, 3, &out));
    assert_false(records_head(tile, 4, &out));
    assert_true(records_next(&tile, &text));
    assert_slice(text, "a\nb\n");
    assert_slice(tile, "c\n\nd\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_heads),
        cmocka_unit_test(test_a_lookup),
        cmocka_unit_test(test_a_lookup_without_the_wanted_line),
        cmocka_unit_test(test_lines_outside_the_record),
        cmocka_unit_test(test_malformed_lookups),
        cmocka_unit_test(test_data_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
