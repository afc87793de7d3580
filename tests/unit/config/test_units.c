#include "../test.h"

#include "config/config.h"
#include "config/config_priv.h"

struct unit_case {
    const char *text;
    uint64_t number;
    const char *error; /* NULL: it is a value */
};

#define NOT_A_SIZE(text)                                                                           \
    "\"" text "\" is not a size: write bytes, or a number with kB, MB, GB, TB, KiB, MiB, GiB or "  \
    "TiB"
#define NOT_WHOLE_BYTES(text) "\"" text "\" is not a whole number of bytes below 2^64"
#define NOT_A_DURATION(text)                                                                       \
    "\"" text "\" is not a duration: write a number and h, m, s or ms, like 1m30s"
#define NOT_WHOLE_MS(text) "\"" text "\" is not a whole number of milliseconds, or too long"

static const struct unit_case sizes[] = {
    {"0", 0, NULL},
    {"4096", 4096, NULL},
    {"4096B", 4096, NULL},
    {"10GiB", 10ULL << 30, NULL},
    {"10 GiB", 10ULL << 30, NULL},
    {"512MB", 512000000, NULL},
    {"1.5KiB", 1536, NULL},
    {".5kib", 512, NULL},
    {"3TB", 3000000000000, NULL},
    {"1tib", 1ULL << 40, NULL},
    {"1kB", 1000, NULL},
    {"18446744073709551615", UINT64_MAX, NULL},
    {"16777215.999999999TiB", 0, NOT_WHOLE_BYTES("16777215.999999999TiB")},
    {"18446744073709551616", 0, NOT_A_SIZE("18446744073709551616")},
    {"16777216TiB", 0, NOT_WHOLE_BYTES("16777216TiB")},
    {"1.5", 0, NOT_WHOLE_BYTES("1.5")},
    {"0.0001kB", 0, NOT_WHOLE_BYTES("0.0001kB")},
    {"1k", 0, "\"1k\" can be read in two ways: write kB (1000s) or KiB (1024s)"},
    {"10g", 0, "\"10g\" can be read in two ways: write GB (1000s) or GiB (1024s)"},
    {"", 0, NOT_A_SIZE("")},
    {".", 0, NOT_A_SIZE(".")},
    {"GiB", 0, NOT_A_SIZE("GiB")},
    {"-1", 0, NOT_A_SIZE("-1")},
    {"1  GiB", 0, NOT_A_SIZE("1  GiB")},
    {" 1", 0, NOT_A_SIZE(" 1")},
    {"1 ", 1, NULL},
    {"1e3", 0, NOT_A_SIZE("1e3")},
    {"0x10", 0, NOT_A_SIZE("0x10")},
    {"1.0000000000", 0, NOT_A_SIZE("1.0000000000")},
};

static const struct unit_case durations[] = {
    {"0", 0, NULL},
    {"0s", 0, NULL},
    {"250ms", 250, NULL},
    {"90s", 90000, NULL},
    {"1m30s", 90000, NULL},
    {"1.5h", 5400000, NULL},
    {"1h0m0.5s", 3600500, NULL},
    {"30s1m", 90000, NULL}, /* Go takes any order too */
    {"1000us", 1, NULL},
    {"1000\xc2\xb5s", 1, NULL},
    {"1000000ns", 1, NULL},
    {"2400000h", 8640000000000, NULL},
    {"1us", 0, NOT_WHOLE_MS("1us")},
    {"1.5ms", 0, NOT_WHOLE_MS("1.5ms")},
    {"99999999h", 0, NOT_WHOLE_MS("99999999h")},
    {"", 0, NOT_A_DURATION("")},
    {"5", 0, NOT_A_DURATION("5")},
    {"5d", 0, NOT_A_DURATION("5d")},
    {"-5s", 0, NOT_A_DURATION("-5s")},
    {"s", 0, NOT_A_DURATION("s")},
    {"1m 30s", 0, NOT_A_DURATION("1m 30s")},
    {"1m30", 0, NOT_A_DURATION("1m30")},
    {"5 parsecs", 0, NOT_A_DURATION("5 parsecs")},
};

typedef struct error *(*parse_fn)(struct arena *, struct slice, uint64_t *);
typedef struct slice (*format_fn)(struct arena *, uint64_t);

/* Every value that parses is written so that it parses to the same again. */
static void check_cases(const struct unit_case *cases, size_t count, parse_fn parse,
                        format_fn format)
{
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < count; i++) {
        uint64_t got = 7, again = 7;
        struct error *err = parse(&a, slice_of(cases[i].text), &got);
        if (cases[i].error) {
            if (!err)
                fail_msg("'%s' was taken", cases[i].text);
            assert_slice(err->text, cases[i].error);
            assert_int_equal(err->status, STATUS_BAD_CONFIG);
            assert_int_equal(got, 7);
        } else {
            assert_ok(err);
            if (got != cases[i].number)
                fail_msg("'%s' gave %" PRIu64, cases[i].text, got);
            assert_ok(parse(&a, format(&a, got), &again));
            assert_true(again == got);
        }
    }
    arena_release(&a);
}

static void test_sizes(void **state)
{
    check_cases(sizes, ARRAY_LEN(sizes), config_parse_bytes, config_format_bytes);
}

static void test_durations(void **state)
{
    check_cases(durations, ARRAY_LEN(durations), config_parse_duration, config_format_duration);
}

static void test_format(void **state)
{
    struct arena a = ARENA_INIT;
    assert_slice(config_format_bytes(&a, 0), "0");
    assert_slice(config_format_bytes(&a, 1023), "1023");
    assert_slice(config_format_bytes(&a, 500 << 20), "500MiB");
    assert_slice(config_format_bytes(&a, 512000000), "512MB");
    assert_slice(config_format_duration(&a, 0), "0s");
    assert_slice(config_format_duration(&a, 3661001), "1h1m1s1ms");
    assert_slice(config_format_duration(&a, 900000), "15m");
    arena_release(&a);
}

static void test_edit_distance(void **state)
{
    assert_int_equal(edit_distance(S("listen"), S("listen"), 9), 0);
    assert_int_equal(edit_distance(S("lisen"), S("listen"), 9), 1);
    assert_int_equal(edit_distance(S("litsen"), S("listen"), 9), 1);
    assert_int_equal(edit_distance(S("kitten"), S("sitting"), 9), 3);
    assert_int_equal(edit_distance(S("kitten"), S("sitting"), 2), 3); /* beyond max: max + 1 */
    assert_int_equal(edit_distance(S(""), S("abc"), 9), 3);
    assert_int_equal(edit_distance(S("abc"), S(""), 9), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_edit_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
