/*
 * Versions of a store that are being published, or whose publication broke off: the stage says
 * which (store/publish.c: an intent is written before the first file is placed, and the store
 * finishes it, at its next start at the latest). What such a version lacks is no damage.
 */
#include "base/file.h"
#include "cli/verify.h"
#include "cli/walk.h"

enum { INTENT_MAX_BYTES = 64 << 10 };

struct marker {
    const char *stage;
    struct verify_list *list;
};

static void mark(struct verify_list *list, struct module_version mv)
{
    for (size_t i = 0; i < list->count; i++) {
        struct verify_version *v = &list->versions[i];
        if (slice_eq(v->mv.path, mv.path) && slice_eq(v->mv.version, mv.version))
            v->is_unfinished = true;
    }
}

/* An intent: a heading, a kind, the path, the version, each on its line. */
static struct error *mark_intent(void *arg, struct arena *a, const struct walk_entry *e, bool *skip)
{
    struct marker *m = arg;
    struct slice text;
    if (e->kind != WALK_FILE || !slice_ends(e->path, S("/intent")))
        return NULL;
    const char *path = arena_printf(a, "%s/%s", m->stage, e->path.p).p;
    if (file_read(a, path, INTENT_MAX_BYTES, &text))
        return NULL; /* finished meanwhile */
    slice_cut(&text, '\n');
    slice_cut(&text, '\n');
    struct module_version mv = {.path = slice_cut(&text, '\n')};
    mv.version = slice_cut(&text, '\n');
    mark(m->list, mv);
    return NULL;
}

struct error *verify_mark_unfinished(struct arena *a, const char *store, struct verify_list *list)
{
    struct marker m = {.stage = arena_printf(a, "%s/stage", store).p, .list = list};
    struct error *err = walk(a, m.stage, mark_intent, &m);
    return err && err->status == STATUS_NOT_FOUND ? NULL : err;
}
