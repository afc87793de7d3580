#include "cli/verify.h"

#include "store/store.h"

static void mark(void *arg, struct module_version mv)
{
    struct verify_list *list = arg;
    for (size_t i = 0; i < list->count; i++) {
        struct verify_version *v = &list->versions[i];
        if (slice_eq(v->mv.path, mv.path) && slice_eq(v->mv.version, mv.version))
            v->is_unfinished = true;
    }
}

struct error *verify_mark_unfinished(struct arena *a, const char *store, struct verify_list *list)
{
    return store_unfinished(a, store, mark, list);
}
