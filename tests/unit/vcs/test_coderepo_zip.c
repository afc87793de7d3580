/* The making of zips from archives: what goes in, what stops it, and what it leaves behind. */
#include "../test.h"

#include "base/file.h"
#include "fake_repos.h"
#include "gomod/modzip.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH "0123456789abcdef0123456789abcdef01234567"
#define PATH "example.com/m"

static char folder[] = "/tmp/test_coderepo_zip.XXXXXX";

static const struct fake_ref refs[] = {{"HEAD", HASH},
                                       {"refs/tags/sub/v1.0.0", HASH},
                                       {"refs/tags/v1.0.0", HASH},
                                       {"refs/tags/v2.0.0", HASH},
                                       NO_REF};

/* A module of a repository with one commit, and a zip of it. */
struct packed {
    struct fake_module m;
    struct fake_commit commits[2];
    const char *dest;
    struct vcs_answer answer;
};

static void open_packed(struct packed *p, const struct fake_file *files, const char *path)
{
    *p = (struct packed){.commits = {{HASH, 1519081806, NULL, files}}};
    const struct fake_codehost host = {.commits = p->commits, .refs = refs};
    assert_ok(fake_open(&p->m, &host, path, PATH, ""));
    p->dest = arena_printf(&p->m.arena, "%s/out.zip", folder).p;
}

static struct error *make(struct packed *p, const char *version, uint64_t max_bytes)
{
    const struct coderepo_zip_request q = {
        .version = slice_of(version), .dest_path = p->dest, .max_bytes = max_bytes};
    return coderepo_zip(&p->m.repo, &p->m.cx, &q, &p->answer);
}

static struct error *pack_limited(struct packed *p, const struct fake_file *files, const char *path,
                                  const char *version, uint64_t max_bytes)
{
    open_packed(p, files, path);
    return make(p, version, max_bytes);
}

static struct error *pack(struct packed *p, const struct fake_file *files, const char *path,
                          const char *version)
{
    return pack_limited(p, files, path, version, 1 << 20);
}

static size_t files_in_folder(void)
{
    DIR *d = opendir(folder);
    size_t n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

/* Checks the zip as one from a mirror is checked, and gives "name name …". */
static struct slice names_of_zip(struct packed *p, const char *path, const char *version)
{
    struct arena *a = &p->m.arena;
    struct module_version mv = {.path = slice_of(path), .version = slice_of(version)};
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_result result;
    struct modzip zip;
    struct slice bytes;
    BUF_SCOPED(names);
    assert_ok(file_read(a, p->dest, 1 << 20, &bytes));
    assert_int_equal(p->answer.size, bytes.n);
    assert_ok(modzip_verify(a, bytes, mv, &limits, &result));
    assert_ok(modzip_open(a, bytes, 1000, &zip));
    for (size_t i = 0; i < zip.count; i++) {
        if (i)
            buf_add_byte(&names, ' ');
        buf_add(&names, slice_skip(zip.entries[i].name, mv.path.n + mv.version.n + 2));
    }
    return arena_dup(a, buf_slice(&names));
}

static void close_packed(struct packed *p)
{
    unlink(p->dest);
    assert_int_equal(files_in_folder(), 0);
    fake_close(&p->m);
}

static void check_names(const struct fake_file *files, const char *path, const char *version,
                        const char *expected)
{
    struct packed p;
    assert_ok(pack(&p, files, path, version));
    assert_slice(names_of_zip(&p, path, version), expected);
    assert_int_equal(p.m.host.calls[FAKE_STAT], 1);
    assert_int_equal(p.m.host.calls[FAKE_READ], 1);
    assert_int_equal(p.m.host.calls[FAKE_ARCHIVE], 1);
    assert_int_equal(fake_calls(&p.m), 3);
    close_packed(&p);
}

#define MOD(text)                                                                                  \
    {                                                                                              \
        "go.mod", "module " PATH "\n" text                                                         \
    }

static void test_what_goes_in(void **state)
{
    static const struct fake_file files[] = {{".hg_archival.txt", "x"},
                                             {"LICENSE", "free"},
                                             {"a.go", "package a\n"},
                                             {"empty", ""},
                                             MOD(""),
                                             {"late/a.go", "package late\n"},
                                             {"late/b/c.go", "package b\n"},
                                             {"late/go.mod", "module x\n"},
                                             {"link", "a.go", .is_link = true},
                                             {"linked/a.go", "package linked\n"},
                                             {"linked/go.mod", "../go.mod", .is_link = true},
                                             {"upper/Go.MOD", "module x\n"},
                                             {"upper/a.go", "package upper\n"},
                                             {"vendor/modules.txt", "# x\n"},
                                             {"vendor/x/x.go", "package x\n"},
                                             NO_FILE};
    check_names(files, PATH, "v1.0.0", "LICENSE a.go empty go.mod linked/a.go vendor/modules.txt");
}

static void test_go_1_24_leaves_out_modules_txt(void **state)
{
    static const struct fake_file files[] = {MOD("go 1.24\n"),
                                             {"inner/vendor/y.go", "package y\n"},
                                             {"inner/vendor/z/z.go", "package z\n"},
                                             {"vendor/modules.txt", "# x\n"},
                                             NO_FILE};
    check_names(files, PATH, "v1.0.0", "go.mod inner/vendor/y.go");
    static const struct fake_file old[] = {MOD("go 1.23\n"),
                                           {"inner/vendor/y.go", "package y\n"},
                                           {"vendor/modules.txt", "# x\n"},
                                           NO_FILE};
    check_names(old, PATH, "v1.0.0", "go.mod vendor/modules.txt");
}

static void test_sub_directory_gets_the_licence(void **state)
{
    static const struct fake_file files[] = {{"LICENSE", "free"},
                                             MOD(""),
                                             {"sub/b.go", "package b\n"},
                                             {"sub/go.mod", "module " PATH "/sub\n"},
                                             {"subway/c.go", "package c\n"},
                                             NO_FILE};
    check_names(files, PATH "/sub", "v1.0.0", "b.go go.mod LICENSE");
    static const struct fake_file own[] = {{"LICENSE", "free"},
                                           {"sub/LICENSE", "../LICENSE", .is_link = true},
                                           {"sub/go.mod", "module " PATH "/sub\n"},
                                           NO_FILE};
    check_names(own, PATH "/sub", "v1.0.0", "go.mod");
    static const struct fake_file none[] = {{"sub/go.mod", "module " PATH "/sub\n"}, NO_FILE};
    check_names(none, PATH "/sub", "v1.0.0", "go.mod");
}

static void test_major_directory(void **state)
{
    static const struct fake_file files[] = {{"LICENSE", "free"},
                                             {"go.mod", "module " PATH "\n"},
                                             {"v2/go.mod", "module " PATH "/v2\n"},
                                             {"v2/x.go", "package x\n"},
                                             NO_FILE};
    check_names(files, PATH "/v2", "v2.0.0", "go.mod x.go LICENSE");
}

static void test_same_bytes_each_time(void **state)
{
    struct packed p;
    struct slice bytes[2];
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < 2; i++) {
        assert_ok(pack(&p, vgo_sub, PATH, "v1.0.0"));
        assert_ok(file_read(&a, p.dest, 1 << 20, &bytes[i]));
        close_packed(&p);
    }
    assert_true(slice_eq(bytes[0], bytes[1]));
    arena_release(&a);
}

/* What came before an archive broke off is forgotten. */
static void test_archive_that_comes_again(void **state)
{
    static const struct fake_file files[] = {
        {"LICENSE", "free"}, {"a.go", "package a\n"}, MOD(""), NO_FILE};
    struct packed p;
    open_packed(&p, files, PATH);
    p.m.host.breaks = 2;
    assert_ok(make(&p, "v1.0.0", 1 << 20));
    assert_slice(names_of_zip(&p, PATH, "v1.0.0"), "LICENSE a.go go.mod");
    close_packed(&p);
}

static void check_fails(const struct fake_file *files, const char *path, const char *version,
                        enum status status, const char *text)
{
    struct packed p;
    struct error *err = pack(&p, files, path, version);
    assert_status(err, status);
    assert_chain(err, text);
    close_packed(&p);
}

/* What go refuses to pack is not a version: a fact, not an outage. */
static void test_what_cannot_be_packed(void **state)
{
    static const struct fake_file folded[] = {{"K.go", "1"}, MOD(""), {"k.go", "2"}, NO_FILE};
    check_fails(folded, PATH, "v1.0.0", STATUS_NOT_FOUND, "create zip");
    static const struct fake_file device[] = {{"aux.go", "1"}, MOD(""), NO_FILE};
    check_fails(device, PATH, "v1.0.0", STATUS_NOT_FOUND, "aux.go");
    static const struct fake_file link[] = {MOD(""), {"a:b", "x", .is_link = true}, NO_FILE};
    check_fails(link, PATH, "v1.0.0", STATUS_NOT_FOUND, "a:b");
    static const struct fake_file invalid[] = {{"bad\xff.go", "1"}, MOD(""), NO_FILE};
    check_fails(invalid, PATH, "v1.0.0", STATUS_NOT_FOUND, "create zip");
    check_fails(vgo_plain, PATH, "v2.0.0", STATUS_NOT_FOUND, "should be v0 or v1, not v2");
    check_fails(vgo_plain, PATH, "v1", STATUS_NOT_FOUND, "is not canonical");
    check_fails(vgo_plain, PATH, "v1.9.9", STATUS_NOT_FOUND, "unknown revision v1.9.9");
}

/* The CRC of a file in the zip. */
static uint32_t crc_of(struct packed *p, const char *name)
{
    struct slice bytes, full = arena_printf(&p->m.arena, PATH "@v1.0.0/%s", name);
    struct modzip zip;
    assert_ok(file_read(&p->m.arena, p->dest, 1 << 20, &bytes));
    assert_ok(modzip_open(&p->m.arena, bytes, 1000, &zip));
    for (size_t i = 0; i < zip.count; i++) {
        if (slice_eq(zip.entries[i].name, full))
            return zip.entries[i].crc;
    }
    fail_msg("no %s", name);
    return 0;
}

/* What goes through a file is what stays in memory. */
static void test_spooled_in_memory_and_in_a_file(void **state)
{
    static const struct fake_file small[] = {{"a", "first"},
                                             {"b", "0123456789abcdef", .repeat = 40000},
                                             {"empty", ""},
                                             MOD(""),
                                             NO_FILE};
    static const struct fake_file large[] = {{"a", "first"},
                                             {"b", "0123456789abcdef", .repeat = 40000},
                                             {"c", "fedcba9876543210", .repeat = 100000},
                                             {"empty", ""},
                                             MOD(""),
                                             {"z", "last"},
                                             NO_FILE};
    static const char *const names[] = {"a", "b", "empty", "go.mod"};
    struct packed p, q;
    assert_ok(pack(&p, small, PATH, "v1.0.0"));
    uint32_t crc[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        crc[i] = crc_of(&p, names[i]);
    close_packed(&p);
    assert_ok(pack(&q, large, PATH, "v1.0.0"));
    assert_slice(names_of_zip(&q, PATH, "v1.0.0"), "a b c empty go.mod z");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(crc_of(&q, names[i]), crc[i]);
    close_packed(&q);
}

static void test_sizes(void **state)
{
    static const struct fake_file big[] = {
        MOD(""), {"x", "0123456789abcdef", .repeat = 1 << 16}, NO_FILE};
    struct packed p;
    assert_status(pack_limited(&p, big, PATH, "v1.0.0", 1000), STATUS_TOO_LARGE);
    close_packed(&p);
    assert_ok(pack_limited(&p, big, PATH, "v1.0.0", 100000));
    close_packed(&p);
    static const struct fake_file licence[] = {
        {"LICENSE", "0123456789abcdef", .repeat = (1 << 20) + 1}, MOD(""), NO_FILE};
    check_fails(licence, PATH, "v1.0.0", STATUS_TOO_LARGE, "LICENSE");
}

static void test_a_zip_that_is_there_stays(void **state)
{
    struct packed p;
    struct slice bytes;
    struct arena a = ARENA_INIT;
    const char *path = arena_printf(&a, "%s/out.zip", folder).p;
    assert_ok(file_write_durable(&a, path, S("mine")));
    assert_status(pack(&p, vgo_plain, PATH, "v1.0.0"), STATUS_IO);
    assert_ok(file_read(&a, path, 100, &bytes));
    assert_slice(bytes, "mine");
    close_packed(&p);
    arena_release(&a);
}

static void test_trouble_leaves_nothing(void **state)
{
    for (unsigned op = FAKE_TAGS; op <= FAKE_ABOVE; op++) {
        struct packed p;
        open_packed(&p, vgo_plain, PATH);
        p.m.host.fails = 1U << op;
        struct error *err = make(&p, "v1.0.0", 1 << 20);
        if (p.m.host.calls[op]) {
            assert_status(err, STATUS_CONNECT);
            assert_int_equal(files_in_folder(), 0);
        }
        close_packed(&p);
    }
}

static void test_cancelled(void **state)
{
    struct packed p;
    const atomic_bool cancelled = true;
    open_packed(&p, vgo_plain, PATH);
    p.m.cx.cancelled = &cancelled;
    assert_status(make(&p, "v1.0.0", 1 << 20), STATUS_CANCELLED);
    close_packed(&p);
}

/* A commit that was served before is taken, wherever the tag is now. */
static void test_commit_of_the_info(void **state)
{
    struct packed p;
    open_packed(&p, vgo_plain, PATH);
    struct coderepo_zip_request q = {
        .version = S("v1.7.0"), .commit = S(HASH), .dest_path = p.dest, .max_bytes = 1 << 20};
    assert_ok(coderepo_zip(&p.m.repo, &p.m.cx, &q, &p.answer));
    assert_slice(p.answer.commit, HASH);
    assert_slice(names_of_zip(&p, PATH, "v1.7.0"), "LICENSE README.md pkg/p.go");
    unlink(p.dest);
    q.commit = S("ffffffffffffffffffffffffffffffffffffffff");
    struct error *err = coderepo_zip(&p.m.repo, &p.m.cx, &q, &p.answer);
    assert_status(err, STATUS_MISMATCH);
    assert_chain(err, "example.com/m@v1.7.0 was served from commit ffff");
    q.version = S("v0.0.0-20180219231006-80d85c5d4d17");
    q.commit = S(HASH);
    assert_status(coderepo_zip(&p.m.repo, &p.m.cx, &q, &p.answer), STATUS_MISMATCH);
    close_packed(&p);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in),
        cmocka_unit_test(test_go_1_24_leaves_out_modules_txt),
        cmocka_unit_test(test_sub_directory_gets_the_licence),
        cmocka_unit_test(test_major_directory),
        cmocka_unit_test(test_same_bytes_each_time),
        cmocka_unit_test(test_archive_that_comes_again),
        cmocka_unit_test(test_what_cannot_be_packed),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_spooled_in_memory_and_in_a_file),
        cmocka_unit_test(test_a_zip_that_is_there_stays),
        cmocka_unit_test(test_trouble_leaves_nothing),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_commit_of_the_info),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
