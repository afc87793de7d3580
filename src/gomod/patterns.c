/*
 * Globs of GOPRIVATE. A pattern is a row of chunks with stars between them; since a star does not
 * cross a slash, the first place where the chunk after it fits is as good as any later one, and no
 * way back to an earlier star is needed. A malformed chunk fits nowhere.
 */
#include "gomod/module.h"
#include "gomod/text.h"

/* Takes one rune, escaped or not, off a class; it must not be the pattern's last. */
static bool take_class_rune(struct slice *chunk, uint32_t *rune)
{
    if (chunk->n == 0 || chunk->p[0] == '-' || chunk->p[0] == ']')
        return false;
    if (chunk->p[0] == '\\')
        *chunk = slice_skip(*chunk, 1);
    size_t n = rune_decode(*chunk, rune);
    *chunk = slice_skip(*chunk, n);
    return chunk->n > 0 && !(*rune == RUNE_ERROR && n == 1);
}

/* Matches "[a-z]" or "[^a-z]" at the start of chunk against the first rune of name. */
static bool match_class(struct slice *chunk, struct slice *name)
{
    uint32_t rune;
    *name = slice_skip(*name, rune_decode(*name, &rune));
    *chunk = slice_skip(*chunk, 1);
    bool is_negated = chunk->n && chunk->p[0] == '^';
    *chunk = slice_skip(*chunk, is_negated);
    bool is_in = false;
    do {
        uint32_t low, high;
        if (!take_class_rune(chunk, &low))
            return false;
        high = low;
        if (chunk->p[0] == '-') {
            *chunk = slice_skip(*chunk, 1);
            if (!take_class_rune(chunk, &high))
                return false;
        }
        is_in = is_in || (low <= rune && rune <= high);
    } while (chunk->p[0] != ']');
    *chunk = slice_skip(*chunk, 1);
    return is_in != is_negated;
}

/* Matches a chunk without stars at the start of name, and takes what it matched off. */
static bool match_chunk(struct slice chunk, struct slice *name)
{
    while (chunk.n) {
        if (name->n == 0)
            return false;
        if (chunk.p[0] == '[') {
            if (!match_class(&chunk, name))
                return false;
            continue;
        }
        if (chunk.p[0] == '?') {
            uint32_t rune;
            size_t n = rune_decode(*name, &rune);
            if (rune == '/')
                return false;
            *name = slice_skip(*name, n);
            chunk = slice_skip(chunk, 1);
            continue;
        }
        if (chunk.p[0] == '\\')
            chunk = slice_skip(chunk, 1);
        if (chunk.n == 0 || chunk.p[0] != name->p[0])
            return false;
        *name = slice_skip(*name, 1);
        chunk = slice_skip(chunk, 1);
    }
    return true;
}

/* The part of the pattern before its next star; stars in brackets and escaped ones are letters. */
static struct slice cut_chunk(struct slice *pattern)
{
    bool in_class = false;
    size_t i = 0;
    for (; i < pattern->n && (pattern->p[i] != '*' || in_class); i++) {
        char c = pattern->p[i];
        if (c == '\\' && i + 1 < pattern->n)
            i++;
        else if (c == '[' || c == ']')
            in_class = c == '[';
    }
    struct slice chunk = slice_head(*pattern, i);
    *pattern = slice_skip(*pattern, i);
    return chunk;
}

/* Fits the chunk behind a star: at the first place that leaves nothing over, if it is the last. */
static bool match_after_star(struct slice chunk, bool is_last, struct slice *name)
{
    for (struct slice at = *name;; at = slice_skip(at, 1)) {
        struct slice rest = at;
        if (match_chunk(chunk, &rest) && (rest.n == 0 || !is_last)) {
            *name = rest;
            return true;
        }
        if (at.n == 0 || at.p[0] == '/')
            return false;
    }
}

/* path.Match; a malformed pattern matches nothing. */
static bool match_glob(struct slice pattern, struct slice name)
{
    while (pattern.n) {
        bool has_star = false;
        for (; pattern.n && pattern.p[0] == '*'; has_star = true)
            pattern = slice_skip(pattern, 1);
        struct slice chunk = cut_chunk(&pattern);
        if (has_star && chunk.n == 0)
            return slice_find(name, '/') < 0;
        if (has_star ? !match_after_star(chunk, pattern.n == 0, &name) : !match_chunk(chunk, &name))
            return false;
    }
    return name.n == 0;
}

/* The first elements of target, as many as glob has; false when target has fewer. */
static bool cut_prefix(struct slice glob, struct slice target, struct slice *prefix)
{
    size_t elements = 1;
    for (size_t i = 0; i < glob.n; i++)
        elements += glob.p[i] == '/';
    *prefix = target;
    for (size_t i = 0; i < target.n; i++) {
        if (target.p[i] == '/' && --elements == 0) {
            *prefix = slice_head(target, i);
            return true;
        }
    }
    return elements == 1;
}

bool module_match_prefix_patterns(struct slice globs, struct slice target)
{
    if (globs.n == 0)
        return false;
    while (globs.p) {
        struct slice glob = slice_cut(&globs, ','), prefix;
        if (slice_ends(glob, S("/")))
            glob.n--;
        if (glob.n && cut_prefix(glob, target, &prefix) && match_glob(glob, prefix))
            return true;
    }
    return false;
}
