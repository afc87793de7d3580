#include "../test.h"

#include "gomod/vendor.h"

static void collect(void *arg, struct module_version mod, const char *why)
{
    buf_printf(arg, "%.*s@%.*s ", SLICE_ARG(mod.path), SLICE_ARG(mod.version));
    buf_add(arg, slice_head(slice_of(why), 16));
    buf_add_byte(arg, '\n');
}

static void check(const char *modules_txt, const char *go_mod, const char *expected)
{
    struct arena a = ARENA_INIT;
    struct vendor_list list;
    struct modfile mod;
    BUF_SCOPED(found);
    assert_ok(vendor_parse(&a, slice_of(modules_txt), &list));
    assert_ok(modfile_parse(&a, S("go.mod"), slice_of(go_mod), MODFILE_STRICT, &mod));
    vendor_check(&list, &mod, collect, &found);
    assert_slice(buf_slice(&found), expected);
    arena_release(&a);
}

static void test_parse(void **state)
{
    struct arena a = ARENA_INIT;
    struct vendor_list list;
    const struct slice text = S("## workspace\n"
                                "orphan/package\n"
                                "# example.com/a v1.0.0\n"
                                "## explicit; go 1.20\n"
                                "example.com/a/x\n"
                                "two fields\n"
                                "# short\n"
                                "# example.com/b v1.0.0 => example.com/c v1.1.0\n"
                                "## go 1.20\n"
                                "# example.com/d => ../d\n"
                                "# example.com/e what => is this\n"
                                "example.com/ignored\n"
                                "# example.com/f v1.0.0 => example.com/g nonsense\n"
                                "# example.com/a v1.0.0 => ./local\n");
    assert_ok(vendor_parse(&a, text, &list));
    assert_true(list.is_workspace);
    assert_int_equal(list.n, 4);
    assert_slice(list.modules[0].mod.path, "example.com/a");
    assert_slice(list.modules[0].with.path, "./local");
    assert_slice(list.modules[0].with.version, "");
    assert_true(list.modules[0].is_explicit);
    assert_true(list.modules[0].has_packages);
    assert_slice(list.modules[1].with.path, "example.com/c");
    assert_slice(list.modules[1].with.version, "v1.1.0");
    assert_false(list.modules[1].has_packages);
    assert_slice(list.modules[2].mod.version, "");
    assert_slice(list.modules[2].with.path, "../d");
    assert_int_equal(list.modules[3].with.path.n, 0);
    arena_release(&a);
}

static void test_too_many_modules(void **state)
{
    struct arena a = ARENA_INIT;
    struct vendor_list list;
    BUF_SCOPED(text);
    for (int i = 0; i < 20001; i++)
        buf_add(&text, S("# a.b v1.0.0\n"));
    assert_status(vendor_parse(&a, buf_slice(&text), &list), STATUS_TOO_LARGE);
    arena_release(&a);
}

static void test_consistent(void **state)
{
    check("# a.b/c v1.0.0\n## explicit\na.b/c\n# a.b/d v1.0.0\na.b/d\n",
          "module m.x/y\n\nrequire a.b/c v1.0.0\n", "");
    check("# a.b/c v1.0.0 => a.b/e v1.2.0\n## explicit\na.b/c\n# a.b/c => a.b/e v1.2.0\n",
          "module m.x/y\n\nrequire a.b/c v1.0.0\n\nreplace a.b/c => a.b/e v1.2.0\n", "");
}

static void test_disagreements(void **state)
{
    check("# a.b/c v1.1.0\n## explicit\na.b/c\n", "module m.x/y\n\nrequire a.b/c v1.0.0\n",
          "a.b/c@v1.0.0 go.mod requires \na.b/c@v1.1.0 modules.txt mark\n");
    check("", "module m.x/y\n\nreplace a.b/c => ../c\n", "a.b/c@ go.mod replaces \n");
    check("# a.b/c => ../d\n", "module m.x/y\n\nreplace a.b/c => ../c\n",
          "a.b/c@ go.mod and modul\n");
    check("# a.b/c => ../d\n", "module m.x/y\n", "a.b/c@ modules.txt repl\n");
    check("# a.b/c v1.0.0 => ../d\na.b/c\n",
          "module m.x/y\n\nreplace a.b/c v1.0.0 => ../d\n\nreplace a.b/c => ../e\n",
          "a.b/c@ go.mod replaces \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_too_many_modules),
        cmocka_unit_test(test_consistent),
        cmocka_unit_test(test_disagreements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
