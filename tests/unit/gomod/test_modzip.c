#include "zips.h"

#include "gomod/modzip.h"

#define P "example.com/m@v1.2.3/"

static const struct module_version mv = {.path = {"example.com/m", 13}, .version = {"v1.2.3", 6}};

static struct error *verify(struct arena *a, struct slice zip, struct modzip_result *r)
{
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    return modzip_verify(a, zip, mv, &limits, r);
}

static void test_verify_gives_h1_and_go_mod(void **state)
{
    struct arena a = ARENA_INIT;
    struct modzip_result r;
    const struct zip_file files[] = {
        {.name = P "go.mod", .content = "module example.com/m\n", .deflated = true},
        {.name = P "a.go", .content = "package m\n", .descriptor = true},
        {.name = P "sub/", .content = ""},
        {.name = P "sub/b.go", .content = "package sub\n", .deflated = true, .descriptor = true},
    };
    struct slice zip = zip_make(&a, files, ARRAY_LEN(files));
    assert_ok(verify(&a, zip, &r));
    assert_string_equal(r.h1, "h1:stCT3RzL9c5JfNboMoDf2tyldHXb5+I/v2thyP/Q55w=");
    assert_true(r.has_go_mod);
    assert_slice(r.go_mod, "module example.com/m\n");
    assert_int_equal(r.files, 4);
    assert_int_equal(r.content_bytes, 43);
    char h1[H1_TEXT_BYTES];
    assert_ok(modzip_hash(&a, zip, h1));
    assert_string_equal(h1, r.h1);
    arena_release(&a);
}

static void test_large_entry_goes_through_the_window(void **state)
{
    struct arena a = ARENA_INIT;
    struct modzip_result r;
    enum { N = 1 << 20 };
    char *content = arena_zalloc(&a, N + 1);
    for (size_t i = 0; i < N; i++)
        content[i] = (char)('a' + i * i % 23);
    struct zip_file f = {.name = P "big", .content = content, .content_n = N, .deflated = true};
    assert_ok(verify(&a, zip_make(&a, &f, 1), &r));
    assert_int_equal(r.content_bytes, N);
    assert_false(r.has_go_mod);
    f.grow = 1;
    assert_status(verify(&a, zip_make(&a, &f, 1), &r), STATUS_BAD_ZIP);
    f.grow = -1;
    assert_status(verify(&a, zip_make(&a, &f, 1), &r), STATUS_BAD_ZIP);
    arena_release(&a);
}

static void test_names(void **state)
{
    static const struct {
        const char *first, *second;
        bool is_fine;
    } cases[] = {
        {P "a", P "b", true},     {P "a/b", P "a/c", true},      {P "a-b/c", P "a/c", true},
        {P "a/", P "a/b", true},  {P "a/", P "a/", true},        {P "", P "a", true},
        {P "a", P "a", false},    {P "a", P "A", false},         {P "a", P "a/b", false},
        {P "a", P "a/", false},   {P "x/a", P "X/b", false},     {P "\xc5\xbf", P "S", false},
        {P "a", "b", false},      {P "a", P "go.MOD", false},    {P "a", P "b/go.mod", false},
        {P "a", P "../b", false}, {P "a", P "b//c", false},      {P "a", P "con", false},
        {P "a", P "b\n", false},  {P "a/b/c", P "a/B/d", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct modzip_result r;
        const struct zip_file files[] = {
            {.name = cases[i].first, .content = ""},
            {.name = cases[i].second, .content = ""},
        };
        struct error *err = verify(&a, zip_make(&a, files, 2), &r);
        if (!err != cases[i].is_fine)
            fail_msg("%s, %s: %s", cases[i].first, cases[i].second, err ? err->text.p : "fine");
        arena_release(&a);
    }
}

static void test_data_that_disagrees_is_refused(void **state)
{
    static const struct zip_file files[] = {
        {.name = P "a", .content = "x", .local_name = P "b"},
        {.name = P "a", .content = "x", .crc_xor = 1},
        {.name = P "a", .content = "x", .no_crc = true, .descriptor = true},
        {.name = P "a", .content = "x", .method = 12},
        {.name = P "a", .content = "x", .method = 8},
        {.name = P "a", .content = "xy", .grow = -1},
        {.name = P "a", .content = "xy", .grow = 1},
        {.name = P "a/", .content = "x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct arena a = ARENA_INIT;
        struct modzip_result r;
        assert_status(verify(&a, zip_make(&a, &files[i], 1), &r), STATUS_BAD_ZIP);
        arena_release(&a);
    }
}

static void test_crc_that_was_not_set_is_not_checked(void **state)
{
    struct arena a = ARENA_INIT;
    struct modzip_result r;
    const struct zip_file f = {.name = P "a", .content = "x", .no_crc = true};
    assert_ok(verify(&a, zip_make(&a, &f, 1), &r));
    arena_release(&a);
}

static void test_limits(void **state)
{
    struct arena a = ARENA_INIT;
    struct modzip_result r;
    const struct zip_file files[] = {
        {.name = P "go.mod", .content = "module example.com/m\n"},
        {.name = P "LICENSE", .content = "12345"},
        {.name = P "x", .content = "1234567890"},
    };
    struct slice zip = zip_make(&a, files, 3);
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    limits.content_bytes = 36;
    limits.zip_bytes = zip.n;
    limits.go_mod_bytes = 21;
    limits.license_bytes = 5;
    limits.files = 3;
    assert_ok(modzip_verify(&a, zip, mv, &limits, &r));
    struct modzip_limits less = limits;
    less.content_bytes--;
    assert_status(modzip_verify(&a, zip, mv, &less, &r), STATUS_TOO_LARGE);
    less = limits;
    less.zip_bytes--;
    assert_status(modzip_verify(&a, zip, mv, &less, &r), STATUS_TOO_LARGE);
    less = limits;
    less.go_mod_bytes--;
    assert_status(modzip_verify(&a, zip, mv, &less, &r), STATUS_TOO_LARGE);
    less = limits;
    less.license_bytes--;
    assert_status(modzip_verify(&a, zip, mv, &less, &r), STATUS_TOO_LARGE);
    less = limits;
    less.files--;
    assert_status(modzip_verify(&a, zip, mv, &less, &r), STATUS_TOO_LARGE);
    arena_release(&a);
}

static void test_module_must_be_canonical(void **state)
{
    static const struct {
        const char *path, *version;
        enum status status;
    } cases[] = {
        {"example.com/m", "v1.2", STATUS_BAD_VERSION},
        {"example.com/m", "v1.2.3+meta", STATUS_BAD_VERSION},
        {"example.com/m", "v2.0.0", STATUS_BAD_VERSION},
        {"Example.com/m", "v1.2.3", STATUS_BAD_PATH},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct modzip_result r;
        struct modzip_limits limits = MODZIP_LIMITS_GO;
        struct module_version m = {slice_of(cases[i].path), slice_of(cases[i].version)};
        assert_status(modzip_verify(&a, zip_make(&a, NULL, 0), m, &limits, &r), cases[i].status);
        arena_release(&a);
    }
}

/* Every cut and every changed byte: the answer is an error or the same h1, never a crash. */
static void test_damaged_zips(void **state)
{
    struct arena a = ARENA_INIT;
    const struct zip_file files[] = {
        {.name = P "go.mod", .content = "module example.com/m\n", .deflated = true},
        {.name = P "a.go", .content = "package m\n", .descriptor = true},
    };
    struct slice zip = zip_make(&a, files, 2);
    struct modzip_result good, r;
    assert_ok(verify(&a, zip, &good));
    for (size_t n = 0; n < zip.n; n++)
        assert_non_null(verify(&a, slice_head(zip, n), &r));
    char *bytes = (char *)(uintptr_t)zip.p;
    for (size_t i = 0; i < zip.n; i++) {
        bytes[i] ^= 0x41;
        if (!verify(&a, zip, &r))
            assert_string_equal(r.h1, good.h1);
        bytes[i] ^= 0x41;
    }
    arena_release(&a);
}

static void test_end_records(void **state)
{
    struct arena a = ARENA_INIT;
    struct modzip z;
    const struct zip_file f = {.name = P "a", .content = "x"};
    struct slice zip = zip_make(&a, &f, 1);
    BUF_SCOPED(b);
    buf_add(&b, zip);
    buf_add_byte(&b, 'x');
    assert_status(modzip_open(&a, buf_slice(&b), 10, &z), STATUS_BAD_ZIP);
    b.p[zip.n - 2] = 1; /* now it is a comment */
    assert_ok(modzip_open(&a, buf_slice(&b), 10, &z));
    assert_int_equal(z.count, 1);
    b.p[zip.n - 22 + 4] = 1; /* another volume */
    assert_status(modzip_open(&a, buf_slice(&b), 10, &z), STATUS_BAD_ZIP);
    b.p[zip.n - 22 + 4] = 0;
    b.p[zip.n - 22 + 10] = 2; /* one more entry than there is */
    assert_status(modzip_open(&a, buf_slice(&b), 10, &z), STATUS_BAD_ZIP);
    b.p[zip.n - 22 + 10] = 0; /* one less */
    assert_status(modzip_open(&a, buf_slice(&b), 10, &z), STATUS_BAD_ZIP);
    arena_release(&a);
}

/* A zip whose end and entry have their numbers in the 64-bit records. */
static struct slice zip64_make(struct arena *a, uint64_t locator_shift, size_t field_bytes)
{
    BUF_SCOPED(b);
    struct slice name = S(P "a");
    struct zip_row row = {.name = name, .packed = S("x"), .content_bytes = 1, .crc = 0x8cdc1683};
    put_local(&b, &row, name);
    size_t at = b.n;
    put_central(&b, &row);
    char *p = b.p + at;
    memset(p + 20, 0xff, 8);
    memset(p + 42, 0xff, 4);
    p[30] = (char)(4 + field_bytes);
    put_le(&b, 1, 2);
    put_le(&b, field_bytes, 2);
    const uint64_t values[] = {1, 1, 0};
    for (size_t i = 0; i < field_bytes / 8; i++)
        put_le(&b, values[i], 8);
    size_t end = b.n;
    buf_add(&b, S("PK\6\6"));
    put_le(&b, 44, 8);
    put_le(&b, 0, 2 + 2 + 4 + 4);
    put_le(&b, 1, 8);
    put_le(&b, 1, 8);
    put_le(&b, end - at, 8);
    put_le(&b, at, 8);
    buf_add(&b, S("PK\6\7"));
    put_le(&b, 0, 4);
    put_le(&b, end + locator_shift, 8);
    put_le(&b, 1, 4);
    put_end(&b, 0xffff, 0xffffffff, 0xffffffff);
    return arena_dup(a, buf_slice(&b));
}

static void test_zip64(void **state)
{
    struct arena a = ARENA_INIT;
    struct modzip_result r;
    assert_ok(verify(&a, zip64_make(&a, 0, 24), &r));
    assert_int_equal(r.content_bytes, 1);
    assert_status(verify(&a, zip64_make(&a, 1, 24), &r), STATUS_BAD_ZIP);
    assert_status(verify(&a, zip64_make(&a, 0, 16), &r), STATUS_BAD_ZIP);
    assert_status(verify(&a, zip64_make(&a, 0, 8), &r), STATUS_BAD_ZIP);
    assert_status(verify(&a, zip64_make(&a, 0, 0), &r), STATUS_BAD_ZIP);
    arena_release(&a);
}

struct seen {
    struct buf text;
};

static struct error *see_begin(void *arg, struct arena *a, const struct modzip_entry *e)
{
    buf_printf(arg, "[%.*s:", SLICE_ARG(slice_skip(e->name, strlen(P))));
    return NULL;
}

static struct error *see_data(void *arg, struct arena *a, struct slice piece)
{
    buf_add(arg, piece);
    return slice_eq(piece, S("stop")) ? error_new(a, STATUS_MISMATCH, "stop") : NULL;
}

static struct error *see_end(void *arg, struct arena *a)
{
    buf_add_byte(arg, ']');
    return NULL;
}

static void test_observer_sees_files_and_may_stop(void **state)
{
    struct arena a = ARENA_INIT;
    struct modzip_result r;
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    BUF_SCOPED(text);
    const struct modzip_observer o = {see_begin, see_data, see_end, &text};
    const struct zip_file files[] = {
        {.name = P "a/", .content = ""},
        {.name = P "a/b", .content = "one"},
        {.name = P "empty", .content = "", .deflated = true},
        {.name = P "x", .content = "stop"},
    };
    assert_ok(modzip_verify_observed(&a, zip_make(&a, files, 3), mv, &limits, &o, &r));
    assert_slice(buf_slice(&text), "[a/b:one][empty:]");
    assert_status(modzip_verify_observed(&a, zip_make(&a, files, 4), mv, &limits, &o, &r),
                  STATUS_MISMATCH);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_gives_h1_and_go_mod),
        cmocka_unit_test(test_large_entry_goes_through_the_window),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_data_that_disagrees_is_refused),
        cmocka_unit_test(test_crc_that_was_not_set_is_not_checked),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_module_must_be_canonical),
        cmocka_unit_test(test_damaged_zips),
        cmocka_unit_test(test_end_records),
        cmocka_unit_test(test_zip64),
        cmocka_unit_test(test_observer_sees_files_and_may_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
