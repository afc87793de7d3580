#include "policy/pattern.h"

bool pattern_matches(struct slice pattern, struct slice text)
{
    struct slice after_star = {0}, retry = {0};
    while (text.n) {
        if (pattern.n && pattern.p[0] == '*') {
            pattern = after_star = slice_skip(pattern, 1);
            retry = text;
        } else if (pattern.n && pattern.p[0] == text.p[0]) {
            pattern = slice_skip(pattern, 1);
            text = slice_skip(text, 1);
        } else if (after_star.p) { /* the last star takes one byte more */
            pattern = after_star;
            text = retry = slice_skip(retry, 1);
        } else {
            return false;
        }
    }
    while (pattern.n && pattern.p[0] == '*')
        pattern = slice_skip(pattern, 1);
    return pattern.n == 0;
}

bool patterns_match(struct slice patterns, struct slice text)
{
    while (patterns.p) {
        struct slice pattern = slice_trim(slice_cut(&patterns, ','));
        if (pattern.n && pattern_matches(pattern, text))
            return true;
    }
    return false;
}
