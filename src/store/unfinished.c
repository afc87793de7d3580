#include "store/store_priv.h"

#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

/* The heading, the kind, path and version: names are bounded by what a file name can be. */
enum { HEAD_BYTES = 16 << 10 };

struct unfinished {
    const char *stage;
    store_unfinished_fn fn;
    void *arg;
};

static bool is_intent(struct slice rel)
{
    struct slice name = slice_skip(rel, (size_t)(slice_rfind(rel, '/') + 1));
    return slice_eq(name, S(INTENT_NAME)) || slice_starts(name, S(DONE_PREFIX));
}

static struct error *tell(void *arg, struct arena *a, struct slice rel)
{
    struct unfinished *u = arg;
    if (!is_intent(rel))
        return NULL;
    FD_SCOPED fd = open(arena_printf(a, "%s/%s", u->stage, rel.p).p, O_RDONLY | O_CLOEXEC);
    char *head = arena_alloc(a, HEAD_BYTES);
    ssize_t n = fd < 0 ? -1 : read(fd, head, HEAD_BYTES);
    if (n <= 0)
        return NULL; /* finished meanwhile */
    struct slice rest = slice_make(head, (size_t)n);
    slice_cut(&rest, '\n');
    slice_cut(&rest, '\n');
    struct module_version mv = {.path = slice_cut(&rest, '\n')};
    mv.version = slice_cut(&rest, '\n');
    if (rest.p)
        u->fn(u->arg, mv);
    return NULL;
}

struct error *store_unfinished(struct arena *a, const char *dir, store_unfinished_fn fn, void *arg)
{
    struct unfinished u = {arena_printf(a, "%s/" STAGE_DIR, dir).p, fn, arg};
    return dir_walk(a, u.stage, tell, &u);
}
