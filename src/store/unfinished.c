#include "store/store_priv.h"

#include "base/file.h"

struct unfinished {
    const char *stage;
    store_unfinished_fn fn;
    void *arg;
};

static struct error *tell(void *arg, struct arena *a, struct slice rel)
{
    struct unfinished *u = arg;
    struct intent in;
    struct slice rest;
    struct slice name = slice_skip(rel, (size_t)(slice_rfind(rel, '/') + 1));
    if (!slice_starts(name, S(JOURNAL_PREFIX)) ||
        file_map(a, arena_printf(a, "%s/%s", u->stage, rel.p).p, &rest))
        return NULL; /* finished meanwhile */
    while (intent_parse(&rest, &in)) {
        if (in.kind == INTENT_WHOLE)
            u->fn(u->arg, in.mv);
    }
    return NULL;
}

struct error *store_unfinished(struct arena *a, const char *dir, store_unfinished_fn fn, void *arg)
{
    struct unfinished u = {arena_printf(a, "%s/" STAGE_DIR, dir).p, fn, arg};
    return dir_walk(a, u.stage, tell, &u);
}
