/* The GOPROXY list: what is taken can be taken again from its own entries, and means the same. */
#include "fetch/goproxy_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(struct arena *a, const struct goproxy_entry *e)
{
    struct goproxy_entry *again;
    size_t count;
    struct error *err = goproxy_parse(a, e->url, &again, &count);
    if (err || count != 1 || again->kind != e->kind || !slice_eq(again->url, e->url))
        BUG("'%.*s' is not itself: %s", SLICE_ARG(e->url), err ? error_chain(a, err).p : "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct goproxy_entry *entries;
    size_t count;
    if (!goproxy_parse(&a, slice_make((const char *)data, size), &entries, &count)) {
        if (!count || count > GOPROXY_MAX_ENTRIES)
            BUG("%zu entries", count);
        for (size_t i = 0; i < count; i++)
            if (!slice_ends(entries[i].url, S(" "))) /* trimmed when it is read again */
                check_entry(&a, &entries[i]);
    }
    arena_release(&a);
    return 0;
}
