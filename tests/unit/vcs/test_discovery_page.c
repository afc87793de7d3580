/* What go makes of such pages was seen by running both over generated ones. */
#include "../test.h"

#include "vcs/discovery_page.h"

/* "prefix|vcs|root|subdir" for each tag, a line each; "!" first when there is a fault. */
static struct slice found_in(struct arena *a, struct slice page)
{
    struct go_imports found;
    BUF_SCOPED(b);
    page_read(a, page, &found);
    buf_add(&b, found.fault ? S("!") : S(""));
    for (size_t i = 0; i < found.count; i++) {
        const struct go_import *t = &found.list[i];
        buf_printf(&b, "%s%.*s|%.*s|%.*s|%.*s", i ? "\n" : "", SLICE_ARG(t->prefix),
                   SLICE_ARG(t->vcs), SLICE_ARG(t->root), SLICE_ARG(t->subdir));
    }
    return arena_dup(a, buf_slice(&b));
}

#define TAG "<meta name=\"go-import\" content=\"a git r\">"
#define A_GIT_R "a|git|r|"

static const struct {
    const char *page, *found;
} rows[] = {
    {"", ""},
    {"no page at all", ""},
    {TAG, A_GIT_R},
    {"<!DOCTYPE html>\n<html><head><title>x</title>" TAG "</head></html>", A_GIT_R},
    {"<META CONTENT=' a\tgit\nr ' NAME=go-import />", A_GIT_R},
    {"<x:meta name='go-import' y:content='a git r sub/dir'>", "a|git|r|sub/dir"},
    {"<meta name='go&#45;import' content='a&#x20;git&#32;r&amp;s&lt;&foo;&'>", "a|git|r&s<&foo;&|"},
    {"<meta name=go-import content='a git r' content='b git r'>", A_GIT_R},
    {"<meta name=go-import name=x content='a git r'>", A_GIT_R},
    {"<meta name=x name=go-import content='a git r'>", ""},
    {"<meta name='Go-Import' content='a git r'>", ""},
    {"<meta name='go-import' content='a git'>", ""},
    {"<meta name='go-import' content='a git r s t'>", ""},
    {"<meta name='go-import' content>", ""},

    /* the head only */
    {"</head>" TAG, ""},
    {"</HEAD >" TAG, ""},
    {"<head/>" TAG, ""},
    {"<body>" TAG, ""},
    {"<Body class=x>" TAG, ""},
    {TAG "<body>" TAG, A_GIT_R},

    /* mod wins over others of its prefix, and comes first */
    {TAG "<meta name=go-import content='b git r'><meta name=go-import content='a mod p'>",
     "a|mod|p|\nb|git|r|"},

    /* where reading stops */
    {"<script>if (a < b) c</script>" TAG, "!"},
    {"<script>if (a && b > c) d</script>" TAG, A_GIT_R},
    {TAG "<script>if (a < b) c</script>" TAG, A_GIT_R},
    {"<a href=x/y>" TAG, "!"},
    {"<a href=>" TAG, A_GIT_R},
    {"<a @click='x'>" TAG, "!"},
    {"<1>" TAG, "!"},
    {"<a:b:c>" TAG, "!"},
    {"<a b='<'>" TAG, "!"},
    {"]]>" TAG, "!"},
    {"]]&gt;" TAG, A_GIT_R},
    {"<!-- a -- b -->" TAG, "!"},
    {"<!-- <body> -->" TAG, A_GIT_R},
    {"<!--->" TAG "-->", ""},
    {"<!-x>" TAG, "!"},
    {"<![CDATA[</head>]]>" TAG, A_GIT_R},
    {"<![CDAT[x]]>" TAG, "!"},
    {"<!DOCTYPE x [<!ENTITY a \">\"> <!-- > -->]>" TAG, A_GIT_R},
    {"<!>>" TAG, A_GIT_R},
    {"<! x", "!"},
    {"\xff" TAG, "!"},
    {"\x01" TAG, "!"},
    {"&#0;" TAG, "!"},
    {"&#xD800;\xef\xbf\xbd" TAG, A_GIT_R},
    {"\xef\xbf\xbe" TAG, "!"},
    {"<n\xc3\xa9>" TAG, A_GIT_R},
    {"</head" TAG, "!"},
    {"<meta name='go-import' content='a git r", "!"},

    /* character sets */
    {"<?xml version=\"1.0\" encoding='UTF-8'?>" TAG, A_GIT_R},
    {"<?xml version='1.0' encoding=\"ascii\"?>" TAG, A_GIT_R},
    {"<?xml encoding='iso-8859-1'?>" TAG, "!"},
    {"<?xml version='1.1'?>" TAG, "!"},
    {"<?php encoding='latin1' ?>" TAG, A_GIT_R},
    {"<?>" TAG, "!"},
};

static void test_pages(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = ARENA_INIT;
        struct slice got = found_in(&a, slice_of(rows[i].page));
        if (!slice_eq(got, slice_of(rows[i].found)))
            fail_msg("%s\n gave '%.*s', expected '%s'", rows[i].page, SLICE_ARG(got),
                     rows[i].found);
        arena_release(&a);
    }
}

/* Wherever a page breaks off, what came whole before it is kept. */
static void test_broken_off_anywhere(void **state)
{
    static const char page[] =
        "<!DOCTYPE html><head>" TAG "<!-- x --><a b='c&amp;d'/><?x y?></head>";
    for (size_t n = 0; n < sizeof(page); n++) {
        struct arena a = ARENA_INIT;
        bool has_tag = n >= strlen("<!DOCTYPE html><head>" TAG);
        char *copy = xcalloc(1, n ? n : 1); /* so that a read beyond it is seen */
        memcpy(copy, page, n);
        struct slice got = found_in(&a, slice_make(copy, n));
        assert_true(has_tag ? slice_eq(got, S(A_GIT_R)) : got.n <= 1);
        free(copy);
        arena_release(&a);
    }
}

static void test_many_tags_are_bounded(void **state)
{
    struct arena a = ARENA_INIT;
    struct go_imports found;
    BUF_SCOPED(page);
    for (int i = 0; i < PAGE_MAX_TAGS + 10; i++)
        buf_add(&page, S(TAG));
    page_read(&a, buf_slice(&page), &found);
    assert_int_equal(found.count, PAGE_MAX_TAGS);
    arena_release(&a);
}

static int match(const char *page, const char *path, struct go_import *tag)
{
    struct arena a = ARENA_INIT;
    struct go_imports found;
    page_read(&a, slice_of(page), &found);
    int n = page_match(&found, slice_of(path), tag);
    arena_release(&a);
    return n;
}

static void test_match(void **state)
{
    static const char two[] = "<meta name=go-import content='a.b/x git r'>"
                              "<meta name=go-import content='a.b git r'>";
    static const char mod[] = "<meta name=go-import content='a.b/x git r'>"
                              "<meta name=go-import content='a.b mod p'>";
    struct go_import tag;
    assert_int_equal(match("", "a.b", &tag), 0);
    assert_int_equal(match(two, "a.b", &tag), 1);
    assert_int_equal(match(two, "a.b/xy", &tag), 1);
    assert_int_equal(match(two, "a.bc", &tag), 0);
    assert_int_equal(match(two, "a.b/x", &tag), 2);
    assert_int_equal(match(two, "a.b/x/y", &tag), 2);
    assert_int_equal(match(mod, "a.b/x", &tag), 1);
    assert_int_equal(match("<meta name=go-import content='a.b/ git r'>", "a.b/x", &tag), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_broken_off_anywhere),
        cmocka_unit_test(test_many_tags_are_bounded),
        cmocka_unit_test(test_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
