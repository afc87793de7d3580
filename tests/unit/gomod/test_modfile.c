#include "../test.h"

#include "gomod/modfile.h"

static struct arena arena;

static int clear_arena(void **state)
{
    arena_clear(&arena);
    return 0;
}

static int release_arena(void **state)
{
    arena_release(&arena);
    return 0;
}

static struct error *parse(const char *text, enum modfile_mode mode, struct modfile *f)
{
    return modfile_parse(&arena, S("go.mod"), slice_of(text), mode, f);
}

/* spec: go.dev/ref/mod#go-mod-file */
static const char everything[] = "// Deprecated: use example.com/other\n"
                                 "module example.com/m\n"
                                 "\n"
                                 "go 1.24.0\n"
                                 "toolchain go1.26.1\n"
                                 "godebug (\n\tdefault=go1.21\n\tpanicnil=1\n)\n"
                                 "require example.com/a v1.2\n"
                                 "require (\n"
                                 "\t// above\n"
                                 "\t\"example.com/b/v2\" v2.0.0 // indirect\n"
                                 "\n"
                                 "\tgopkg.in/yaml.v2 v2.4.0 // indirect; why\n"
                                 "\texample.com/c v2.0.0+incompatible // indirectly\n"
                                 ")\n"
                                 "exclude example.com/a v1.2.2\n"
                                 "replace example.com/a v1.2.3 => ../a\n"
                                 "replace example.com/b/v2 => example.com/d/v2 v2.1.0\n"
                                 "// broken\n"
                                 "retract (\n"
                                 "\tv1.0.0\n"
                                 "\t// first\n"
                                 "\t[v1.1.0, v1.2.0] // second\n"
                                 ")\n"
                                 "tool example.com/a/cmd/x\n"
                                 "ignore ./static\n";

static void test_every_directive(void **state)
{
    struct modfile f;
    assert_ok(parse(everything, MODFILE_STRICT, &f));
    assert_true(f.has_module);
    assert_slice(f.module.path, "example.com/m");
    assert_slice(f.deprecated, "use example.com/other");
    assert_slice(f.go, "1.24.0");
    assert_slice(f.toolchain, "go1.26.1");
    assert_int_equal(f.n_godebugs, 2);
    assert_slice(f.godebugs[1].key, "panicnil");
    assert_slice(f.godebugs[1].value, "1");
    assert_int_equal(f.n_excludes, 1);
    assert_slice(f.excludes[0].mod.version, "v1.2.2");
    assert_int_equal(f.excludes[0].line, 18);
    assert_int_equal(f.n_tools, 1);
    assert_slice(f.tools[0].name, "example.com/a/cmd/x");
    assert_int_equal(f.n_ignores, 1);
    assert_slice(f.ignores[0].name, "./static");
}

static void test_require_and_replace(void **state)
{
    struct modfile f;
    assert_ok(parse(everything, MODFILE_STRICT, &f));
    assert_int_equal(f.n_requires, 4);
    assert_slice(f.requires[0].mod.version, "v1.2.0");
    assert_false(f.requires[0].is_indirect);
    assert_slice(f.requires[1].mod.path, "example.com/b/v2");
    assert_true(f.requires[1].is_indirect && f.requires[2].is_indirect);
    assert_false(f.requires[3].is_indirect);
    assert_int_equal(f.requires[1].line, 13);
    assert_int_equal(f.n_replaces, 2);
    assert_slice(f.replaces[0].old.version, "v1.2.3");
    assert_slice(f.replaces[0].with.path, "../a");
    assert_slice(f.replaces[0].with.version, "");
    assert_slice(f.replaces[1].old.version, "");
    assert_slice(f.replaces[1].with.version, "v2.1.0");
}

static void test_retract(void **state)
{
    struct modfile f;
    assert_ok(parse(everything, MODFILE_STRICT, &f));
    assert_int_equal(f.n_retracts, 2);
    assert_slice(f.retracts[0].low, "v1.0.0");
    assert_slice(f.retracts[0].high, "v1.0.0");
    assert_slice(f.retracts[0].rationale, "broken");
    assert_slice(f.retracts[1].low, "v1.1.0");
    assert_slice(f.retracts[1].high, "v1.2.0");
    assert_slice(f.retracts[1].rationale, "first\nsecond");
}

static void test_lax_mode_passes_over_what_a_main_module_says(void **state)
{
    struct modfile f;
    assert_ok(parse(everything, MODFILE_LAX, &f));
    assert_int_equal(f.n_requires, 4);
    assert_int_equal(f.n_retracts, 2);
    assert_int_equal(f.n_ignores, 1);
    assert_int_equal(f.n_replaces + f.n_excludes + f.n_godebugs + f.n_tools, 0);
    assert_slice(f.toolchain, "");
    assert_ok(parse("new thing\nnew (\nthing\n)\nnew x (\n)\nreplace ?\ngo (\n1.21\n)\n"
                    "retract v1.0.0 since\nretract (v1)\nretract 'x'\n",
                    MODFILE_LAX, &f));
    assert_int_equal(f.n_retracts, 1);
    assert_status(parse("require x\n", MODFILE_LAX, &f), STATUS_BAD_SYNTAX);
}

static void test_go_version(void **state)
{
    static const struct {
        const char *written, *strict, *lax; /* NULL: refused */
    } cases[] = {
        {"1.21", "1.21", "1.21"},
        {"1.21.3", "1.21.3", "1.21.3"},
        {"1.22rc1", "1.22rc1", "1.22rc1"},
        {"1.0", "1.0", "1.0"},
        {"v1.21", NULL, NULL},
        {"v1.21.x", NULL, "1.21"},
        {"1.21.x", NULL, "1.21"},
        {"1.21.3-custom", NULL, "1.21"},
        {"1.2rc", NULL, "1.2"},
        {"1.21beta1x", NULL, "1.21"},
        {"1", NULL, NULL},
        {"01.2", NULL, NULL},
        {"1.02", NULL, NULL},
        {"1.21.03", NULL, "1.21"},
        {"1.21.", NULL, "1.21"},
        {"go1.21", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct modfile f;
        struct slice text = arena_printf(&arena, "go %s\n", cases[i].written);
        struct error *err = parse(text.p, MODFILE_STRICT, &f);
        if (!err != (cases[i].strict != NULL))
            fail_msg("%s: strict", cases[i].written);
        assert_slice(f.go, cases[i].strict ? cases[i].strict : "");
        err = parse(text.p, MODFILE_LAX, &f);
        if (!err != (cases[i].lax != NULL))
            fail_msg("%s: lax", cases[i].written);
        assert_slice(f.go, cases[i].lax ? cases[i].lax : "");
    }
}

static void test_faults_say_where_and_what(void **state)
{
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"module a\nmodule b\n", "go.mod:2: repeated module statement"},
        {"module\n", "go.mod:1: module takes exactly one argument"},
        {"module 'a'\n", "go.mod:1: module: quote inside of the unquoted string \"'a'\""},
        {"module \"\\q\"\n", "go.mod:1: module: invalid quoted string \"\\\"\\\\q\\\"\""},
        {"go 1.21\ngo 1.21\n", "go.mod:2: repeated go statement"},
        {"go\n", "go.mod:1: go takes exactly one argument"},
        {"toolchain go1\ntoolchain default\n", "go.mod:2: repeated toolchain statement"},
        {"toolchain\n", "go.mod:1: toolchain takes exactly one argument"},
        {"toolchain local\n",
         "go.mod:1: invalid toolchain \"local\": must be of the form go1.23.0, or default"},
        {"godebug a\n", "go.mod:1: usage: godebug key=value"},
        {"godebug a=\"b\"\n", "go.mod:1: usage: godebug key=value"},
        {"require a.b/c\n", "go.mod:1: usage: require module/path v1.2.3"},
        {"require 'a' v1\n", "go.mod:1: require: quote inside of the unquoted string \"'a'\""},
        {"require a.b/c master\n", "go.mod:1: require \"a.b/c\": version \"master\" invalid: must "
                                   "be of the form v1.2.3"},
        {"require a.b/c 'v1'\n",
         "go.mod:1: require \"a.b/c\": quote inside of the unquoted string \"'v1'\""},
        {"require a.b/c v2.0.0\n",
         "go.mod:1: require \"a.b/c\": version \"v2.0.0\" invalid: should be v0 or v1, not v2"},
        {"exclude a.b/c/v1 v1.0.0\n", "go.mod:1: exclude: invalid module path \"a.b/c/v1\""},
        {"retract\n", "go.mod:1: retract: expected a version"},
        {"retract (v1)\n", "go.mod:1: retract: expected '[' or a version"},
        {"retract [v1]\n", "go.mod:1: retract: expected ','"},
        {"retract [\n", "go.mod:1: retract: expected a version"},
        {"retract [v1,\n", "go.mod:1: retract: expected a version"},
        {"retract [v1,v2\n", "go.mod:1: retract: expected ']'"},
        {"retract v1 v2\n", "go.mod:1: retract: unexpected \"v2\" behind the version"},
        {"retract 'v1'\n", "go.mod:1: retract: quote inside of the unquoted string \"'v1'\""},
        {"tool a b\n", "go.mod:1: tool takes exactly one argument"},
        {"ignore 'a'\n", "go.mod:1: ignore: quote inside of the unquoted string \"'a'\""},
        {"inreplace a => b\n", "go.mod:1: unknown directive: inreplace"},
        {"go (\n1.21\n)\n", "go.mod:1: no block of this kind is known: go"},
        {"require x (\n)\n", "go.mod:1: no block of this kind is known: require"},
        {"x\ny\nz\n", "go.mod:1: unknown directive: x (and 2 more)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct modfile f;
        struct error *err = parse(cases[i].text, MODFILE_STRICT, &f);
        if (!err)
            fail_msg("%s: no error", cases[i].text);
        assert_int_equal(err->status, STATUS_BAD_SYNTAX);
        assert_slice(err->text, cases[i].fault);
        assert_true(f.n_faults > 0);
    }
}

static void test_faults_of_replace(void **state)
{
    static const struct {
        const char *args, *fault; /* NULL: fine */
    } cases[] = {
        {"a.b/c => ./d", NULL},
        {"a.b/c v1 => d v1", NULL},
        {"a.b/c => .", NULL},
        {"a.b/c => ..", NULL},
        {"a.b/c => /d", NULL},
        {"a.b/c => c:/d", NULL},
        {"a.b/c => d", "must be a folder"},
        {"a.b/c => d@v1", "'path version'"},
        {"a.b/c => .\\d", "Windows path"},
        {"a.b/c => ./d v1", "cannot have a version"},
        {"a.b/c => d x", "must be of the form"},
        {"a.b/c => 'd'", "quote inside"},
        {"a.b/c x => ./d", "must be of the form"},
        {"a.b/c v2 => ./d", "should be v0 or v1"},
        {"a.b/c/v1 => ./d", "invalid module path"},
        {"'a' => ./d", "quote inside"},
        {"a.b/c ./d", "usage: replace"},
        {"a.b/c =>", "usage: replace"},
        {"a.b/c => d v1 v2", "usage: replace"},
        {"=> d", "usage: replace"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct modfile f;
        struct slice text = arena_printf(&arena, "replace %s\n", cases[i].args);
        struct error *err = parse(text.p, MODFILE_STRICT, &f);
        if (!err != !cases[i].fault)
            fail_msg("%s: %s", cases[i].args, err ? err->text.p : "no error");
        if (err && slice_find_slice(err->text, slice_of(cases[i].fault)) < 0)
            fail_msg("%s: %s", cases[i].args, err->text.p);
    }
}

static void test_syntax_errors_have_line_and_column(void **state)
{
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"module a\n/* x */\n", "go.mod:2:1: comments begin"},
        {"module a/*b\n", "go.mod:1:9: comments begin"},
        {"module \"a\n", "go.mod:1:10: newline in string"},
        {"module `a\n`", "go.mod:1:10: newline in string"},
        {"\nmodule \"a", "go.mod:2:8: the string is not closed"},
        {"module \"a\\", "go.mod:1:8: the string is not closed"},
        {"module \xc3\xa9\f\n", "go.mod:1:9: unexpected character \"\\x0c\""},
        {"\xef\xbb\xbfmodule a\n", "go.mod:1:1: unexpected character"},
        {"require (\na v1\n", "go.mod:3:1: the block of line 1 is not closed"},
        {"require (\n) x\n", "go.mod:2:4: expected a newline"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct modfile f;
        struct error *err = parse(cases[i].text, MODFILE_LAX, &f);
        if (!err || !slice_starts(err->text, slice_of(cases[i].place)))
            fail_msg("%s: %s", cases[i].text, err ? err->text.p : "no error");
        assert_int_equal(err->status, STATUS_BAD_SYNTAX);
        assert_int_equal(f.n_faults, 0);
    }
}

static void test_parentheses_that_open_no_block(void **state)
{
    struct modfile f;
    assert_ok(parse("require ()\nrequire ( ) // x\nx ( y )\nx ( ) y\n(\n)\n", MODFILE_LAX, &f));
    assert_int_equal(f.n_requires, 0);
    assert_ok(parse("require (\n\n// x\n\n) // y", MODFILE_STRICT, &f));
    assert_ok(parse("retract ( // w\r\n\t// x\r\n\tv1 // y\r\n) // z", MODFILE_STRICT, &f));
    assert_slice(f.retracts[0].rationale, "x\ny");
    assert_ok(parse("", MODFILE_STRICT, &f));
    assert_false(f.has_module);
}

static void test_deprecation_is_a_paragraph(void **state)
{
    static const struct {
        const char *text, *deprecated;
    } cases[] = {
        {"module m // Deprecated: gone\n", "gone"},
        {"// Deprecated:   a\n// b\n//\n// c\nmodule m\n", "a\nb"},
        {"// x\n//\n// Deprecated: a\nmodule m\n", "a"},
        {"// x\n//\n//\n// Deprecated: a\nmodule m\n", "a"},
        {"// x\n//\n// y\n//\n// Deprecated: a\nmodule m\n", "a"},
        {"// x\n// Deprecated: a\nmodule m\n", ""},
        {"// Deprecated: a\n\nmodule m\n", ""},
        {"// Deprecated: a\nmodule (\n\tm\n)\n", "a"},
        {"// Deprecated: a\nmodule (\n\tm // b\n)\n", ""},
        {"// deprecated: a\nmodule m\n", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct modfile f;
        assert_ok(parse(cases[i].text, MODFILE_STRICT, &f));
        if (!slice_eq(f.deprecated, slice_of(cases[i].deprecated)))
            fail_msg("%s: '%.*s'", cases[i].text, SLICE_ARG(f.deprecated));
    }
}

/* The go command lets a string with an escaped newline pass its comment on. */
static void test_comment_behind_two_lines_goes_to_the_statement_before(void **state)
{
    struct modfile f;
    assert_ok(parse("require a v1\nx \"y\\\nz\" // indirect\n", MODFILE_LAX, &f));
    assert_true(f.requires[0].is_indirect);
    assert_ok(parse("require a v1\n// alone\n\nx \"y\\\nz\" // indirect\n", MODFILE_LAX, &f));
    assert_false(f.requires[0].is_indirect);
    assert_ok(parse("x \"y\\\nz\" // nothing stands before\n", MODFILE_LAX, &f));
}

static void test_limits(void **state)
{
    struct modfile f;
    size_t n = MODFILE_MAX_BYTES + 1;
    char *big = xmalloc(n);
    memset(big, '\n', n);
    assert_status(modfile_parse(&arena, S("go.mod"), slice_make(big, n), MODFILE_LAX, &f),
                  STATUS_TOO_LARGE);
    struct error *err = modfile_parse(&arena, S("go.mod"), slice_make(big, MODFILE_MAX_TOKENS + 1),
                                      MODFILE_LAX, &f);
    assert_non_null(err);
    assert_int_equal(err->status, STATUS_TOO_LARGE);
    memset(big, 'x', n);
    for (size_t i = 1; i < 1000; i += 2)
        big[i] = '\n';
    err = modfile_parse(&arena, S("go.mod"), slice_make(big, 1000), MODFILE_STRICT, &f);
    assert_non_null(err);
    assert_int_equal(f.n_faults, 100);
    assert_slice(err->text, "go.mod:1: unknown directive: x (and 499 more)");
    free(big);
}

static void test_module_path_of_a_broken_file(void **state)
{
    static const struct {
        const char *text, *path;
    } cases[] = {
        {"module example.com/m", "example.com/m"},
        {"(((\n module\t\"example.com/m\" // x\n", "example.com/m"},
        {"module `example.com/m`\n", "example.com/m"},
        {"module\nmodules x\n// module y\nmodule z\n", "z"},
        {"module \"x\n", ""},
        {"", ""},
        {"require x v1\n", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_slice(modfile_module_path(&arena, slice_of(cases[i].text)), cases[i].path);
}

static void test_tidy_drops_repetitions(void **state)
{
    struct modfile f;
    assert_ok(parse("godebug =x\ngodebug a=b\nrequire \"\" v1\nrequire a v1\nrequire a v1\n"
                    "exclude b v1.0.0\nexclude a v1.0.0\nexclude b v1\nexclude \"\" v1\n"
                    "replace a => ./1\nreplace a v1 => ./2\nreplace a => ./3\nreplace \"\" => ./4\n"
                    "tool t\ntool \"\"\ntool t\nignore \"i\"\nignore i\n",
                    MODFILE_STRICT, &f));
    modfile_tidy(&f);
    assert_int_equal(f.n_godebugs, 1);
    assert_int_equal(f.n_requires, 2);
    assert_int_equal(f.n_excludes, 2);
    assert_slice(f.excludes[0].mod.path, "b");
    assert_int_equal(f.excludes[0].line, 6);
    assert_int_equal(f.n_replaces, 2);
    assert_slice(f.replaces[0].with.path, "./2");
    assert_slice(f.replaces[1].with.path, "./3");
    assert_int_equal(f.n_tools, 2);
    assert_slice(f.tools[1].name, "");
    assert_int_equal(f.n_ignores, 1);
}

static void assert_json(const char *text, const char *expected)
{
    struct modfile f;
    BUF_SCOPED(json);
    assert_ok(parse(text, MODFILE_STRICT, &f));
    modfile_tidy(&f);
    modfile_json(&f, &json);
    assert_slice(buf_slice(&json), expected);
}

static void test_json_of_nothing(void **state)
{
    assert_json("", "{\n\t\"Module\": {\n\t\t\"Path\": \"\"\n\t},\n\t\"Require\": null,\n"
                    "\t\"Exclude\": null,\n\t\"Replace\": null,\n\t\"Retract\": null,\n"
                    "\t\"Tool\": null,\n\t\"Ignore\": null\n}\n");
}

static void test_json_of_everything(void **state)
{
    assert_json(
        "// Deprecated: <x>\nmodule m\ngo 1.24\ntoolchain go1.26.1\ngodebug a=b\n"
        "require a v1 // indirect\nrequire b v1\nexclude a v1\nreplace a v1 => ./x\n"
        "retract v1.0.0 // why\nretract [v1, v2]\ntool t\nignore i\n",
        "{\n\t\"Module\": {\n\t\t\"Path\": \"m\",\n\t\t\"Deprecated\": \"\\u003cx\\u003e\"\n"
        "\t},\n\t\"Go\": \"1.24\",\n\t\"Toolchain\": \"go1.26.1\",\n\t\"GoDebug\": [\n"
        "\t\t{\n\t\t\t\"Key\": \"a\",\n\t\t\t\"Value\": \"b\"\n\t\t}\n\t],\n"
        "\t\"Require\": [\n\t\t{\n\t\t\t\"Path\": \"a\",\n\t\t\t\"Version\": \"v1.0.0\",\n"
        "\t\t\t\"Indirect\": true\n\t\t},\n\t\t{\n\t\t\t\"Path\": \"b\",\n"
        "\t\t\t\"Version\": \"v1.0.0\"\n\t\t}\n\t],\n\t\"Exclude\": [\n\t\t{\n"
        "\t\t\t\"Path\": \"a\",\n\t\t\t\"Version\": \"v1.0.0\"\n\t\t}\n\t],\n"
        "\t\"Replace\": [\n\t\t{\n\t\t\t\"Old\": {\n\t\t\t\t\"Path\": \"a\",\n"
        "\t\t\t\t\"Version\": \"v1.0.0\"\n\t\t\t},\n\t\t\t\"New\": {\n"
        "\t\t\t\t\"Path\": \"./x\"\n\t\t\t}\n\t\t}\n\t],\n\t\"Retract\": [\n\t\t{\n"
        "\t\t\t\"Low\": \"v1.0.0\",\n\t\t\t\"High\": \"v1.0.0\",\n"
        "\t\t\t\"Rationale\": \"why\"\n\t\t},\n\t\t{\n\t\t\t\"Low\": \"v1\",\n"
        "\t\t\t\"High\": \"v2\"\n\t\t}\n\t],\n\t\"Tool\": [\n\t\t{\n"
        "\t\t\t\"Path\": \"t\"\n\t\t}\n\t],\n\t\"Ignore\": [\n\t\t{\n"
        "\t\t\t\"Path\": \"i\"\n\t\t}\n\t]\n}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_every_directive, clear_arena),
        cmocka_unit_test_teardown(test_require_and_replace, clear_arena),
        cmocka_unit_test_teardown(test_retract, clear_arena),
        cmocka_unit_test_teardown(test_lax_mode_passes_over_what_a_main_module_says, clear_arena),
        cmocka_unit_test_teardown(test_go_version, clear_arena),
        cmocka_unit_test_teardown(test_faults_say_where_and_what, clear_arena),
        cmocka_unit_test_teardown(test_faults_of_replace, clear_arena),
        cmocka_unit_test_teardown(test_syntax_errors_have_line_and_column, clear_arena),
        cmocka_unit_test_teardown(test_parentheses_that_open_no_block, clear_arena),
        cmocka_unit_test_teardown(test_deprecation_is_a_paragraph, clear_arena),
        cmocka_unit_test_teardown(test_comment_behind_two_lines_goes_to_the_statement_before,
                                  clear_arena),
        cmocka_unit_test_teardown(test_limits, clear_arena),
        cmocka_unit_test_teardown(test_module_path_of_a_broken_file, clear_arena),
        cmocka_unit_test_teardown(test_tidy_drops_repetitions, clear_arena),
        cmocka_unit_test_teardown(test_json_of_nothing, clear_arena),
        cmocka_unit_test_teardown(test_json_of_everything, clear_arena),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
