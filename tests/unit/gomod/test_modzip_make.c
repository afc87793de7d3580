#include "../test.h"

#include "gomod/modzip_make.h"

static const struct module_version mv = {.path = {"example.com/m", 13}, .version = {"v1.2.3", 6}};

struct memory {
    const char *const *contents; /* of the files, by index */
    const struct modzip_file *files;
    struct slice left;
    struct buf zip;
    const char *fail; /* "open", "read", "write" */
};

static struct error *mem_fail(struct memory *m, struct arena *a, const char *step)
{
    return m->fail && strcmp(m->fail, step) == 0 ? error_new(a, STATUS_NO_SPACE, "%s", step) : NULL;
}

static struct error *mem_open(void *arg, struct arena *a, const struct modzip_file *f)
{
    struct memory *m = arg;
    m->left = slice_of(m->contents[f - m->files]);
    return mem_fail(m, a, "open");
}

static struct error *mem_read(void *arg, struct arena *a, char *p, size_t n, size_t *got)
{
    struct memory *m = arg;
    *got = n < m->left.n ? n : m->left.n;
    memcpy(p, m->left.p, *got);
    m->left = slice_skip(m->left, *got);
    return mem_fail(m, a, "read");
}

static void mem_close(void *arg)
{
    ((struct memory *)arg)->left = S("closed");
}

static struct error *mem_write(void *arg, struct arena *a, uint64_t offset, struct slice data)
{
    struct memory *m = arg;
    assert_true(offset <= m->zip.n);
    if (offset + data.n > m->zip.n) {
        buf_reserve(&m->zip, offset + data.n - m->zip.n);
        m->zip.n = offset + data.n;
    }
    memcpy(m->zip.p + offset, data.p, data.n);
    return mem_fail(m, a, "write");
}

static struct error *create(struct arena *a, struct memory *m, struct modzip_file *files,
                            size_t count, char h1[H1_TEXT_BYTES])
{
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    m->files = files;
    TRY(modzip_select(a, files, count, S(""), &limits));
    const struct modzip_request r = {
        .mv = mv,
        .files = files,
        .count = count,
        .source = {.open = mem_open, .read = mem_read, .close = mem_close, .arg = m},
        .target = {.write_at = mem_write, .arg = m},
    };
    return modzip_create(a, &r, h1);
}

static void test_create_makes_a_zip_that_verifies(void **state)
{
    struct arena a = ARENA_INIT;
    static const char *const contents[] = {"module example.com/m\n", "package m\n", "link", ""};
    struct modzip_file files[] = {
        {.name = S("go.mod"), .content_bytes = 21},
        {.name = S("sub/a.go"), .content_bytes = 10},
        {.name = S("link"), .kind = MODZIP_SYMLINK, .content_bytes = 4},
        {.name = S("empty")},
    };
    struct memory m = {.contents = contents}, again = {.contents = contents};
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_result r;
    char h1[H1_TEXT_BYTES];
    assert_ok(create(&a, &m, files, ARRAY_LEN(files), h1));
    assert_ok(modzip_verify(&a, buf_slice(&m.zip), mv, &limits, &r));
    assert_string_equal(r.h1, h1);
    assert_int_equal(r.files, 3);
    assert_slice(r.go_mod, "module example.com/m\n");
    assert_ok(create(&a, &again, files, ARRAY_LEN(files), h1));
    assert_true(slice_eq(buf_slice(&m.zip), buf_slice(&again.zip)));
    buf_release(&m.zip);
    buf_release(&again.zip);
    arena_release(&a);
}

static void test_empty_module(void **state)
{
    struct arena a = ARENA_INIT;
    struct memory m = {0};
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_result r;
    char h1[H1_TEXT_BYTES];
    assert_ok(create(&a, &m, NULL, 0, h1));
    assert_ok(modzip_verify(&a, buf_slice(&m.zip), mv, &limits, &r));
    assert_string_equal(r.h1, h1);
    buf_release(&m.zip);
    arena_release(&a);
}

static void test_failures_come_through(void **state)
{
    static const char *const steps[] = {"open", "read", "write"};
    static const char *const contents[] = {"1234"};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct arena a = ARENA_INIT;
        struct modzip_file f = {.name = S("a"), .content_bytes = 4};
        struct memory m = {.contents = contents, .fail = steps[i]};
        char h1[H1_TEXT_BYTES];
        assert_status(create(&a, &m, &f, 1, h1), STATUS_NO_SPACE);
        buf_release(&m.zip);
        arena_release(&a);
    }
}

static void test_file_that_changed(void **state)
{
    static const char *const contents[] = {"1234"};
    for (uint64_t declared = 3; declared <= 5; declared += 2) {
        struct arena a = ARENA_INIT;
        struct modzip_file f = {.name = S("a"), .content_bytes = declared};
        struct memory m = {.contents = contents};
        char h1[H1_TEXT_BYTES];
        assert_status(create(&a, &m, &f, 1, h1), STATUS_CORRUPT);
        buf_release(&m.zip);
        arena_release(&a);
    }
}

static void test_module_must_be_valid(void **state)
{
    struct arena a = ARENA_INIT;
    char h1[H1_TEXT_BYTES];
    const struct modzip_request r = {.mv = {.path = S("example.com/m"), .version = S("v1.2")}};
    assert_status(modzip_create(&a, &r, h1), STATUS_BAD_VERSION);
    arena_release(&a);
}

static void test_select(void **state)
{
    static const struct {
        const char *name;
        bool before, since; /* goes in before go 1.24, since then */
    } cases[] = {
        {"a.go", true, true},
        {"vendor/modules.txt", true, false},
        {"vendor/x.go", true, true},
        {"vendor/x/y.go", false, false},
        {"pkg/vendor/vendor.go", false, true},
        {"pkg/vendor/foo/foo.go", false, false},
        {"nested/a.go", false, false},
        {"nested/deep/a.go", false, false},
        {".hg_archival.txt", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int since = 0; since < 2; since++) {
            struct arena a = ARENA_INIT;
            struct modzip_limits limits = MODZIP_LIMITS_GO;
            struct modzip_file files[] = {
                {.name = slice_of(cases[i].name)},
                {.name = S("nested/Go.mod")},
                {.name = S("folder"), .kind = MODZIP_FOLDER},
            };
            struct slice go_mod =
                since ? S("module m.x/y\ngo 1.24\n") : S("module m.x/y\ngo 1.23\n");
            assert_ok(modzip_select(&a, files, ARRAY_LEN(files), go_mod, &limits));
            if ((files[0].omitted == NULL) != (since ? cases[i].since : cases[i].before))
                fail_msg("%s, %s go 1.24", cases[i].name, since ? "since" : "before");
            assert_non_null(files[1].omitted);
            assert_non_null(files[2].omitted);
            arena_release(&a);
        }
    }
}

static void test_select_refuses(void **state)
{
    static const struct {
        const char *first, *second;
    } cases[] = {{"a", "A"}, {"a", "a"},      {"a", "b//c"}, {"a", "../c"}, {"a", "/c"},
                 {"a", ""},  {"a", "GO.mod"}, {"a", "b:c"},  {"a", "con"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a = ARENA_INIT;
        struct modzip_limits limits = MODZIP_LIMITS_GO;
        struct modzip_file files[] = {{.name = slice_of(cases[i].first)},
                                      {.name = slice_of(cases[i].second)}};
        assert_status(modzip_select(&a, files, 2, S(""), &limits), STATUS_BAD_ZIP);
        arena_release(&a);
    }
}

static void test_select_limits(void **state)
{
    struct arena a = ARENA_INIT;
    const struct modzip_limits limits = {.content_bytes = 9, .go_mod_bytes = 3, .license_bytes = 4};
    struct modzip_file fine[] = {{.name = S("go.mod"), .content_bytes = 3},
                                 {.name = S("LICENSE"), .content_bytes = 4},
                                 {.name = S("x"), .content_bytes = 2}};
    assert_ok(modzip_select(&a, fine, 3, S(""), &limits));
    for (size_t i = 0; i < 3; i++) {
        fine[i].content_bytes++;
        assert_status(modzip_select(&a, fine, 3, S(""), &limits), STATUS_TOO_LARGE);
        fine[i].content_bytes--;
    }
    struct modzip_file one = {.name = S("go.mod"), .content_bytes = 4};
    assert_status(modzip_select(&a, &one, 1, S(""), &limits), STATUS_TOO_LARGE);
    arena_release(&a);
}

static void test_vcs_folders(void **state)
{
    assert_true(modzip_is_vcs_folder(S(".git")));
    assert_true(modzip_is_vcs_folder(S(".hg")));
    assert_true(modzip_is_vcs_folder(S(".svn")));
    assert_true(modzip_is_vcs_folder(S(".bzr")));
    assert_false(modzip_is_vcs_folder(S(".github")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_makes_a_zip_that_verifies),
        cmocka_unit_test(test_empty_module),
        cmocka_unit_test(test_failures_come_through),
        cmocka_unit_test(test_file_that_changed),
        cmocka_unit_test(test_module_must_be_valid),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_select_refuses),
        cmocka_unit_test(test_select_limits),
        cmocka_unit_test(test_vcs_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
