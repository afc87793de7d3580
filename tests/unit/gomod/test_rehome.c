#include "../test.h"

#include "gomod/goimports.h"
#include "gomod/rehome.h"

static const struct rehome_rule list[] = {
    {.from = {"old.example/lib", 15}, .to = {"corp.example/go/lib", 19}},
    {.from = {"old.example/lib/special", 23}, .to = {"corp.example/special", 20}},
    {.from = {"gopkg.in/yaml.v2", 16}, .to = {"corp.example/yaml/v2", 20}},
};
static const struct rehome_rules rules = {list, ARRAY_LEN(list)};

static void test_paths_move_by_the_longest_rule_and_back(void **state)
{
    struct arena a = ARENA_INIT;
    static const char *const moves[][2] = {
        {"old.example/lib", "corp.example/go/lib"},
        {"old.example/lib/v2", "corp.example/go/lib/v2"},
        {"old.example/lib/sub/x", "corp.example/go/lib/sub/x"},
        {"old.example/lib/special", "corp.example/special"},
        {"old.example/lib/special/y", "corp.example/special/y"},
        {"old.example/lib/specials", "corp.example/go/lib/specials"},
        {"gopkg.in/yaml.v2", "corp.example/yaml/v2"},
    };
    static const char *const others[] = {
        "old.example", "old.example/library", "x/old.example/lib", "", "fmt", "gopkg.in/yaml.v3"};
    struct slice out;
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        assert_true(rehome_path(&a, &rules, slice_of(moves[i][0]), &out));
        assert_slice(out, moves[i][1]);
        assert_true(rehome_source(&a, &rules, slice_of(moves[i][1]), &out));
        assert_slice(out, moves[i][0]);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(rehome_path(&a, &rules, slice_of(others[i]), &out));
    arena_release(&a);
}

static void assert_go(const char *before, const char *after)
{
    struct arena a = ARENA_INIT;
    assert_slice(rehome_go_file(&a, &rules, slice_of(before)), after);
    arena_release(&a);
}

static void test_go_files_change_their_imports_alone(void **state)
{
    assert_go(
        "package a // import \"old.example/lib/a\"\n\nimport (\n\t\"fmt\"\n\tx "
        "`old.example/lib/b`\n\t_ \"old.example/library\"\n)\n\nvar s = \"old.example/lib\"\n",
        "package a // import \"corp.example/go/lib/a\"\n\nimport (\n\t\"fmt\"\n\tx "
        "`corp.example/go/lib/b`\n\t_ \"old.example/library\"\n)\n\nvar s = "
        "\"old.example/lib\"\n");
    assert_go("package a\n// import \"old.example/lib\"\nimport \"C\"; import . "
              "\"old.example/lib/v2\"\n",
              "package a\n// import \"old.example/lib\"\nimport \"C\"; import . "
              "\"corp.example/go/lib/v2\"\n");
    assert_go("package a\n//go:linkname f old.example/lib/b.v1.f\nimport \"old.example/lib\"\n"
              "//go:linkname g gopkg.in/yaml%2ev2.g\n//go:linkname h\n",
              "package a\n//go:linkname f corp.example/go/lib/b.v1.f\nimport "
              "\"corp.example/go/lib\"\n//go:linkname g corp.example/yaml/v2.g\n//go:linkname h\n");
}

static void test_what_is_no_go_file_stays(void **state)
{
    static const char *const texts[] = {
        "",
        "package",
        "import \"old.example/lib\"\n",
        "package a\nimport \"old.example/lib\n",
        "package a\nimport (x y \"old.example/lib\")\n",
        "package a\nimport /* \"old.example/lib\"",
        "package a\nfunc f()\nimport \"old.example/lib\"\n",
        "{{.}}\npackage a\n",
        "package a\nimport \"\\q\"\n",
        "package a\nimports \"old.example/lib\"\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_go(texts[i], texts[i]);
}

static void test_symbols_escape_the_dots_of_the_last_element(void **state)
{
    struct arena a = ARENA_INIT;
    assert_slice(go_symbol_prefix(&a, S("gopkg.in/yaml.v2")), "gopkg.in/yaml%2ev2");
    assert_slice(go_symbol_prefix(&a, S("a.b")), "a%2eb");
    assert_slice(go_symbol_prefix(&a, S("a.b/c")), "a.b/c");
    arena_release(&a);
}

static void assert_mod(const char *before, const char *after)
{
    struct arena a = ARENA_INIT;
    struct slice out;
    assert_null(rehome_go_mod(&a, &rules, slice_of(before), &out));
    assert_slice(out, after);
    arena_release(&a);
}

static void test_go_mod_files_change_their_paths_alone(void **state)
{
    assert_mod("// old.example/lib\nmodule \"old.example/lib\" // c\n\ngo 1.21\n\nrequire (\n"
               "\told.example/lib/special v1.2.3 // indirect\n\tgopkg.in/yaml.v2 v2.4.0\n)\n"
               "replace old.example/lib/v2 v2.0.0 => ../old.example/lib\nexclude "
               "old.example/library v1.0.0\nretract v1.0.1 // old.example/lib\n",
               "// old.example/lib\nmodule \"corp.example/go/lib\" // c\n\ngo 1.21\n\nrequire (\n"
               "\tcorp.example/special v1.2.3 // indirect\n\tcorp.example/yaml/v2 v2.4.0\n)\n"
               "replace corp.example/go/lib/v2 v2.0.0 => ../old.example/lib\nexclude "
               "old.example/library v1.0.0\nretract v1.0.1 // old.example/lib\n");
    assert_mod("module other.example\n", "module other.example\n");
}

static void test_a_go_mod_file_without_syntax_is_refused(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice out;
    struct error *err = rehome_go_mod(&a, &rules, S("module (\n"), &out);
    assert_non_null(err);
    assert_int_equal(err->status, STATUS_BAD_SYNTAX);
    arena_release(&a);
}

/* Zips in memory. */
static struct error *add_bytes(void *arg, struct arena *a, uint64_t offset, struct slice data)
{
    struct buf *b = arg;
    if (offset + data.n > b->n) {
        buf_reserve(b, offset + data.n - b->n);
        b->n = offset + data.n;
    }
    memcpy(b->p + offset, data.p, data.n);
    return NULL;
}

struct contents {
    const struct slice *list;
    const struct modzip_file *files;
    struct slice rest;
};

static struct error *open_content(void *arg, struct arena *a, const struct modzip_file *f)
{
    struct contents *c = arg;
    c->rest = c->list[f - c->files];
    return NULL;
}

static struct error *read_content(void *arg, struct arena *a, char *p, size_t n, size_t *got)
{
    struct contents *c = arg;
    *got = n < c->rest.n ? n : c->rest.n;
    memcpy(p, c->rest.p, *got);
    c->rest = slice_skip(c->rest, *got);
    return NULL;
}

static void close_content(void *arg)
{
    ((struct contents *)arg)->rest = S("");
}

static void make_zip(struct arena *a, struct module_version mv, const char *const (*files)[2],
                     const struct slice *contents, size_t n, struct buf *zip, char *h1)
{
    struct modzip_file list_of[8];
    struct contents c = {.list = contents, .files = list_of};
    for (size_t i = 0; i < n; i++)
        list_of[i] =
            (struct modzip_file){.name = slice_of(files[i][0]), .content_bytes = contents[i].n};
    const struct modzip_request r = {
        .mv = mv,
        .files = list_of,
        .count = n,
        .source = {open_content, read_content, close_content, &c},
        .target = {add_bytes, zip},
    };
    assert_null(modzip_create(a, &r, h1));
}

static const struct module_version from = {{"old.example/lib", 15}, {"v1.2.3", 6}};
static const struct module_version to = {{"corp.example/go/lib", 19}, {"v1.2.3", 6}};

static const char *const files_before[][2] = {
    {"go.mod", "module old.example/lib\n"},
    {"a.go", "package a\n\nimport \"old.example/lib/b\"\n"},
    {"b/b.go", "package b\n"},
    {"data.txt", "old.example/lib\n"},
    {"go.mod.txt", "module old.example/lib\n"},
    {"big", ""},
};
static const char *const files_after[][2] = {
    {"go.mod", "module corp.example/go/lib\n"},
    {"a.go", "package a\n\nimport \"corp.example/go/lib/b\"\n"},
    {"b/b.go", "package b\n"},
    {"data.txt", "old.example/lib\n"},
    {"go.mod.txt", "module old.example/lib\n"},
    {"big", ""},
};

static void contents_of(struct arena *a, const char *const (*files)[2], size_t n, struct slice *out)
{
    enum { BIG = 300000 };
    char *big = arena_alloc(a, BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * i >> 7);
    for (size_t i = 0; i < n; i++)
        out[i] = files[i][1][0] ? slice_of(files[i][1]) : slice_make(big, BIG);
}

static void test_a_rehomed_zip_is_the_zip_of_the_rewritten_files(void **state)
{
    enum { N = ARRAY_LEN(files_before) };
    struct arena a = ARENA_INIT;
    BUF_SCOPED(before);
    BUF_SCOPED(after);
    BUF_SCOPED(wanted);
    BUF_SCOPED(again);
    struct slice contents[N];
    char h1[4][H1_TEXT_BYTES];
    contents_of(&a, files_before, N, contents);
    make_zip(&a, from, files_before, contents, N, &before, h1[0]);
    contents_of(&a, files_after, N, contents);
    make_zip(&a, to, files_after, contents, N, &wanted, h1[1]);
    assert_null(rehome_zip(&a, &rules, buf_slice(&before), from, to,
                           (struct modzip_target){add_bytes, &after}, h1[2]));
    assert_null(rehome_zip(&a, &rules, buf_slice(&before), from, to,
                           (struct modzip_target){add_bytes, &again}, h1[3]));
    assert_string_equal(h1[1], h1[2]);
    assert_string_not_equal(h1[0], h1[2]);
    assert_true(slice_eq(buf_slice(&after), buf_slice(&wanted)));
    assert_true(slice_eq(buf_slice(&after), buf_slice(&again)));
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_result checked;
    assert_null(modzip_verify(&a, buf_slice(&after), to, &limits, &checked));
    assert_slice(checked.go_mod, "module corp.example/go/lib\n");
    arena_release(&a);
}

static void test_a_version_that_cannot_stand_under_the_path_is_refused(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(zip);
    BUF_SCOPED(out);
    char h1[H1_TEXT_BYTES];
    struct slice content = S("module gopkg.in/yaml.v2\n");
    static const char *const files[][2] = {{"go.mod", ""}};
    const struct module_version yaml = {S("gopkg.in/yaml.v2"), S("v2.4.0")};
    make_zip(&a, yaml, files, &content, 1, &zip, h1);
    struct error *err = rehome_zip(&a, &rules, buf_slice(&zip), yaml,
                                   (struct module_version){S("corp.example/yaml"), S("v2.4.0")},
                                   (struct modzip_target){add_bytes, &out}, h1);
    assert_non_null(err);
    assert_int_equal(status_class(err->status), CLASS_INVALID);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_move_by_the_longest_rule_and_back),
        cmocka_unit_test(test_go_files_change_their_imports_alone),
        cmocka_unit_test(test_what_is_no_go_file_stays),
        cmocka_unit_test(test_symbols_escape_the_dots_of_the_last_element),
        cmocka_unit_test(test_go_mod_files_change_their_paths_alone),
        cmocka_unit_test(test_a_go_mod_file_without_syntax_is_refused),
        cmocka_unit_test(test_a_rehomed_zip_is_the_zip_of_the_rewritten_files),
        cmocka_unit_test(test_a_version_that_cannot_stand_under_the_path_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
