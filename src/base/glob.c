#include "base/glob.h"

/* After a mismatch only the last star need be tried with one byte more: linear in practice, and at
 * most glob.n times text.n steps. */
bool glob_match(struct slice glob, struct slice text)
{
    size_t g = 0, t = 0, star = SIZE_MAX, star_t = 0;
    while (t < text.n) {
        if (g < glob.n && glob.p[g] == '*') {
            star = g++;
            star_t = t;
        } else if (g < glob.n && glob.p[g] == text.p[t]) {
            g++;
            t++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            t = ++star_t;
        } else {
            return false;
        }
    }
    while (g < glob.n && glob.p[g] == '*')
        g++;
    return g == glob.n;
}

bool glob_match_list(struct slice globs, struct slice text)
{
    while (globs.p) {
        struct slice glob = slice_trim(slice_cut(&globs, ','));
        if (glob.n && glob_match(glob, text))
            return true;
    }
    return false;
}
