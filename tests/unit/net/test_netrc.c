#include "../test.h"

#include "net/netrc.h"

/* "machine login password;…" of what was read. */
static struct slice summary(struct arena *a, const char *text)
{
    struct netrc_line *lines;
    size_t count;
    BUF_SCOPED(b);
    netrc_parse(a, slice_of(text), &lines, &count);
    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%.*s %.*s %.*s;", SLICE_ARG(lines[i].machine), SLICE_ARG(lines[i].login),
                   SLICE_ARG(lines[i].password));
    return arena_dup(a, buf_slice(&b));
}

static void test_parse(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", ""},
        {"machine a login u password p", "a u p;"},
        {"machine a\n\tlogin u\n\tpassword p\n", "a u p;"},
        {"machine a\r\nlogin u\r\npassword p\r\n", "a u p;"},
        {"machine a password p login u", "a u p;"},
        {"machine a account x login u password p", "a u p;"},
        {"machine a login u\nmachine b login v password q\n", "b v q;"},
        {"machine a login u password p\nlogin v password q\n", "a u p;"},
        {"machine a login u password p\nmachine a login v password q\n", "a u p;a v q;"},
        {"login u password p", ""},
        {"machine a login u password", ""},
        /* a lone default at the end of a line ends the file */
        {"default\nmachine a login u password p", ""},
        {"machine a login u password p\ndefault\nmachine b login u password p", "a u p;"},
        /* with something behind it, it is a pair like any other */
        {"default login machine a\nmachine b login u password p", "b u p;"},
        {"macdef m\nmachine x login y password z\n\nmachine a login u password p", "a u p;"},
        {"macdef m\nmachine x login y password z\n", ""},
        {"machine a macdef m\nlogin x password y\n\nlogin u password p", "a u p;"},
        {"machine h.example:8443/path login u password p", "h.example:8443/path u p;"},
        {"# comment line\nmachine a login u password p", "a u p;"},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_slice(summary(&a, rows[i].text), rows[i].expected);
    arena_release(&a);
}

static void test_many(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(text);
    struct netrc_line *lines;
    size_t count;
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "machine h%d login u password p%d\n", i, i);
    netrc_parse(&a, buf_slice(&text), &lines, &count);
    assert_int_equal(count, 1000);
    assert_slice(lines[999].password, "p999");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
