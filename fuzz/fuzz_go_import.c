/*
 * Any bytes as a page with go-import tags: what is found has three or four fields without blanks,
 * the "mod" tags stand first, and a fault is told only where nothing was found.
 */
#include "vcs/discovery_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(struct slice s, bool may_be_empty)
{
    if (s.n == 0 && !may_be_empty)
        BUG("an empty field");
    for (size_t i = 0; i < s.n; i++) {
        if (strchr(" \t\n\r", s.p[i]))
            BUG("a blank in a field");
    }
    if (!slice_is_utf8(s))
        BUG("a field that is not UTF-8");
}

static void check_tags(const struct go_imports *found)
{
    bool is_mod_over = false;
    if (found->fault && found->count)
        BUG("a fault although tags were found");
    for (size_t i = 0; i < found->count; i++) {
        const struct go_import *tag = &found->list[i];
        bool is_mod = slice_eq(tag->vcs, S("mod"));
        if (is_mod && is_mod_over)
            BUG("a mod tag behind others");
        is_mod_over = !is_mod;
        check_field(tag->prefix, false);
        check_field(tag->vcs, false);
        check_field(tag->root, false);
        check_field(tag->subdir, true);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct go_imports found;
    struct go_import tag;
    page_read(&a, slice_make((const char *)data, size), &found);
    check_tags(&found);
    if (found.count && page_match(&found, found.list[0].prefix, &tag) == 0)
        BUG("a tag that does not match its own prefix");
    arena_release(&a);
    return 0;
}
