#include "../test.h"

#include "gomod/gowork.h"

/* spec: go.dev/ref/mod#go-work-file */
static void test_every_directive(void **state)
{
    struct arena a = ARENA_INIT;
    struct gowork w;
    assert_ok(gowork_parse(&a, S("go.work"),
                           S("go 1.24\ntoolchain default\ngodebug x=y\nuse .\n"
                             "use (\n\t\"./a b\" // why\n\t./c\n)\n"
                             "replace (\n\texample.com/a => ./a\n)\n"),
                           &w));
    assert_slice(w.go, "1.24");
    assert_slice(w.toolchain, "default");
    assert_int_equal(w.n_godebugs, 1);
    assert_slice(w.godebugs[0].value, "y");
    assert_int_equal(w.n_uses, 3);
    assert_slice(w.uses[1].name, "./a b");
    assert_int_equal(w.uses[2].line, 7);
    assert_int_equal(w.n_replaces, 1);
    assert_slice(w.replaces[0].with.path, "./a");
    arena_release(&a);
}

static void test_faults(void **state)
{
    static const char *const cases[] = {
        "require a v1\n", "use\n",           "use 'a'\n",   "use (\n",     "go 1.21.x\n",
        "module m\n",     "go (\n1.21\n)\n", "replace a\n", "godebug x\n",
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gowork w;
        struct error *err = gowork_parse(&a, S("go.work"), slice_of(cases[i]), &w);
        if (!err || !slice_starts(err->text, S("go.work:")))
            fail_msg("%s: %s", cases[i], err ? err->text.p : "no error");
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_directive),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
