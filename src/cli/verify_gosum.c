#include "cli/verify.h"

#include "gomod/text.h"

static bool same_version(struct module_version x, struct module_version y)
{
    return slice_eq(x.path, y.path) && slice_eq(x.version, y.version);
}

/* Two different hashes for one thing: the go command accepts neither. */
static void check_agreement(struct verify_report *r, const char *file, const struct gosum *sum)
{
    for (size_t i = 1; i < sum->n; i++) {
        const struct gosum_line *x = &sum->lines[i - 1], *y = &sum->lines[i];
        if (same_version(x->mod, y->mod) && x->is_go_mod == y->is_go_mod &&
            slice_starts(x->hash, S("h1:")) && slice_starts(y->hash, S("h1:")) &&
            !slice_eq(x->hash, y->hash))
            verify_bad_file(r, y->mod, file, "lines %d and %d disagree about %s", x->line, y->line,
                            y->is_go_mod ? "its go.mod" : "its zip");
    }
}

struct error *verify_list_gosum(struct arena *a, struct verify_report *r, const char *file,
                                const struct verify_tree *tree, const struct gosum *sum,
                                struct verify_list *list)
{
    size_t absent = 0, named = 0;
    check_agreement(r, file, sum);
    for (size_t i = 0; i < sum->n; i++) {
        struct verify_version v;
        if (i > 0 && same_version(sum->lines[i].mod, sum->lines[i - 1].mod))
            continue;
        TRY(verify_find(a, tree, sum->lines[i].mod, &v));
        v.go_sum = sum;
        named++;
        if (v.members & (MEMBER_MOD | MEMBER_ZIP) || v.folder)
            verify_list_add(list, &v);
        else
            absent++;
    }
    if (absent)
        verify_note(r, file, "%zu of its %zu versions are not in %s: not checked", absent, named,
                    tree->root);
    return NULL;
}
