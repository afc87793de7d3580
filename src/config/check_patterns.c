/*
 * Patterns of module paths that can match nothing. The go command passes over them in silence; here
 * a pattern of `private` that never matches would send private paths to a mirror, so it is refused.
 */
#include "config/config_priv.h"

/* A bracket or backslash that path.Match calls a bad pattern. */
static bool is_malformed(struct slice glob)
{
    for (size_t i = 0; i < glob.n; i++) {
        if (glob.p[i] == '\\' && ++i == glob.n)
            return true;
        if (glob.p[i] != '[' || (i > 0 && glob.p[i - 1] == '\\'))
            continue;
        ptrdiff_t end = slice_find(slice_skip(glob, i + 2), ']');
        if (end < 0)
            return true;
        i += 2 + (size_t)end;
    }
    return false;
}

/* What is wrong with one pattern; NULL: nothing. */
static const char *fault_of(struct slice glob)
{
    if (slice_find_slice(glob, S("://")) >= 0)
        return "is a URL; write the path alone, like git.example.com/team";
    if (slice_starts(glob, S("^")) || slice_ends(glob, S("$")) ||
        slice_find_slice(glob, S("\\.")) >= 0 || slice_find(glob, '|') >= 0)
        return "is a regular expression; write globs, like *.example.com or git.example.com/team";
    if (slice_find(glob, ' ') >= 0)
        return "has a blank in it; commas separate patterns";
    return is_malformed(glob) ? "is no pattern: a bracket is not closed, or a backslash ends it"
                              : NULL;
}

const char *patterns_fault(struct arena *a, struct slice list)
{
    while (list.p) {
        struct slice glob = slice_trim(slice_cut(&list, ','));
        const char *fault = fault_of(glob);
        if (fault)
            return arena_printf(a, "%s %s", quoted(a, glob), fault).p;
    }
    return NULL;
}

static void check_list(struct loader *l, enum setting_id id, struct slice list, struct slice origin)
{
    const char *fault = patterns_fault(l->arena, list);
    if (fault)
        loader_complain(l, id, l->s.source[id], origin, slice_of(fault));
}

void loader_check_patterns(struct loader *l)
{
    static const enum setting_id lists[] = {SETTING_ID_private_patterns, SETTING_ID_vcs_insecure};
    static const enum setting_id rules[] = {SETTING_ID_upstream, SETTING_ID_vcs_rules};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        check_list(l, lists[i], slice_of(setting_get(&l->s, lists[i]).text), l->s.origin[lists[i]]);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct setting_rules r = setting_get(&l->s, rules[i]).rules;
        for (size_t k = 0; k < r.count; k++)
            check_list(l, rules[i], slice_of(r.rows[k].pattern), r.rows[k].origin);
    }
}
