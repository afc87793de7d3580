/*
 * Rules of the settings: the pattern's elements are matched against as many leading elements of the
 * path, which are the repository's root. In the URL, the first * stands for the element that the
 * first element with a glob in it matched, and so on.
 */
#include "gomod/module.h"

#include "vcs/discovery_priv.h"

enum { MAX_STARS = 8 };

static bool is_glob(struct slice element)
{
    return slice_find(element, '*') >= 0 || slice_find(element, '?') >= 0 ||
           slice_find(element, '[') >= 0;
}

/* The leading part of path that has as many elements as the pattern, and what its globs matched. */
static struct slice matched_part(struct slice pattern, struct slice path, struct slice *stars,
                                 size_t *count)
{
    struct slice rest = path;
    *count = 0;
    while (pattern.p && rest.p) {
        struct slice glob = slice_cut(&pattern, '/');
        struct slice element = slice_cut(&rest, '/');
        if (is_glob(glob) && *count < MAX_STARS)
            stars[(*count)++] = element;
    }
    return rest.p ? slice_head(path, (size_t)(rest.p - path.p) - 1) : path;
}

static struct slice fill_in(struct arena *a, struct slice text, const struct slice *stars,
                            size_t count)
{
    BUF_SCOPED(b);
    for (size_t i = 0, used = 0; i < text.n; i++) {
        if (text.p[i] == '*' && used < count)
            buf_add(&b, stars[used++]);
        else
            buf_add_byte(&b, text.p[i]);
    }
    return arena_dup(a, buf_slice(&b));
}

bool rules_find(struct arena *a, const struct vcs_rule *rules, size_t count, struct slice path,
                struct vcs_place *out)
{
    struct slice stars[MAX_STARS];
    size_t star_count;
    for (size_t i = 0; i < count; i++) {
        struct slice pattern = slice_of(rules[i].pattern), value = slice_of(rules[i].value);
        if (!module_match_prefix_patterns(pattern, path))
            continue;
        if (slice_ends(pattern, S("/")))
            pattern.n--;
        out->root = matched_part(pattern, path, stars, &star_count);
        struct slice filled = fill_in(a, value, stars, star_count);
        out->urls[0] = slice_cut(&filled, ' ');
        out->subdir = filled.p ? slice_trim(filled) : S("");
        out->url_count = 1;
        return true;
    }
    return false;
}
