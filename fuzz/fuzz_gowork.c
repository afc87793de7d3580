/* Every fault of a go.work file has a place, and every folder it uses is a text. */
#include "gomod/gowork.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t bytes_of(const struct gowork *w)
{
    size_t n = w->go.n + w->toolchain.n;
    for (size_t i = 0; i < w->n_uses; i++)
        n += w->uses[i].name.n;
    for (size_t i = 0; i < w->n_godebugs; i++)
        n += w->godebugs[i].key.n + w->godebugs[i].value.n;
    for (size_t i = 0; i < w->n_replaces; i++)
        n += w->replaces[i].old.path.n + w->replaces[i].with.path.n;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct gowork w;
    struct slice file = slice_make((const char *)data, size);
    struct error *err = gowork_parse(&a, S("go.work"), file, &w);
    if (err && !slice_starts(err->text, S("go.work:")))
        BUG("an error without a place: %s", err->text.p);
    for (size_t i = 0; i < w.n_faults; i++) {
        if (w.faults[i].line < 1 || w.faults[i].text.n == 0)
            BUG("a fault without a line");
    }
    /* An invalid byte in quotes becomes three. */
    if (!err && bytes_of(&w) > 3 * size)
        BUG("more came out than went in");
    arena_release(&a);
    return 0;
}
