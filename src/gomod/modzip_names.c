#include "gomod/modzip_priv.h"

#include "gomod/fold.h"
#include "gomod/text.h"

static int by_folded_path(const void *a, const void *b)
{
    return path_fold_cmp(((const struct modzip_name *)a)->path,
                         ((const struct modzip_name *)b)->path);
}

/* The path element that starts at `from`. */
static struct slice element_at(struct slice path, size_t from)
{
    struct slice rest = slice_skip(path, from);
    return slice_cut(&rest, '/');
}

static struct error *check_same_path(struct arena *a, const struct modzip_name *x,
                                     const struct modzip_name *y)
{
    if (x->is_dir && y->is_dir)
        return NULL;
    return error_new(a, STATUS_BAD_ZIP,
                     x->is_dir || y->is_dir ? "%s is both a file and a folder"
                                            : "there are several files %s",
                     text_quote(a, x->path));
}

/* Two neighbours in the order of path_fold_cmp. */
static struct error *check_pair(struct arena *a, const struct modzip_name *x,
                                const struct modzip_name *y)
{
    struct slice p = x->path, q = y->path;
    size_t same = 0, element = 0;
    for (; same < p.n && same < q.n && p.p[same] == q.p[same]; same++) {
        if (p.p[same] == '/')
            element = same + 1;
    }
    if (same == p.n && same == q.n)
        return check_same_path(a, x, y);
    if (same == p.n && q.p[same] == '/')
        return x->is_dir ? NULL
                         : error_new(a, STATUS_BAD_ZIP, "%s is both a file and a folder",
                                     text_quote(a, p));
    if (path_fold_cmp(element_at(p, element), element_at(q, element)) != 0)
        return NULL;
    return error_new(a, STATUS_BAD_ZIP, "%s and %s differ in case only", text_quote(a, p),
                     text_quote(a, q));
}

/*
 * Sorted by folded path, everything below one folder stands together, however it is spelled. So if
 * two paths collide, in the whole or in a folder that they share, then two neighbours do.
 */
struct error *modzip_check_collisions(struct arena *a, struct modzip_name *names, size_t n)
{
    qsort(names, n, sizeof(*names), by_folded_path);
    for (size_t i = 1; i < n; i++)
        TRY(check_pair(a, &names[i - 1], &names[i]));
    return NULL;
}
