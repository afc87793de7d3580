/* Every line that was read is found again, and its own hash matches or comes after another h1. */
#include "gomod/gosum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct gosum *sum, const struct gosum_line *line)
{
    size_t n;
    const struct gosum_line *found = gosum_find(sum, line->mod, line->is_go_mod, &n), *seen;
    if (line < found || line >= found + n)
        BUG("a line is not found");
    for (size_t i = 0; i < n; i++) {
        if (!slice_eq(found[i].mod.path, line->mod.path) ||
            !slice_eq(found[i].mod.version, line->mod.version) ||
            found[i].is_go_mod != line->is_go_mod)
            BUG("another module's line is found");
        if (i && found[i - 1].line >= found[i].line)
            BUG("lines are out of order");
    }
    enum gosum_verdict verdict = gosum_check(sum, line->mod, line->is_go_mod, line->hash, &seen);
    if (verdict == GOSUM_ABSENT || !seen)
        BUG("a hash of the file is absent from it");
    if (verdict == GOSUM_MATCH && !slice_eq(seen->hash, line->hash))
        BUG("matched another hash");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct gosum sum;
    struct slice file = slice_make((const char *)data, size);
    struct error *err = gosum_parse(&a, S("go.sum"), file, &sum);
    if (err && !slice_starts(err->text, S("go.sum:")))
        BUG("an error without a place: %s", err->text.p);
    for (size_t i = 0; !err && i < sum.n; i++)
        check_line(&sum, &sum.lines[i]);
    arena_release(&a);
    return 0;
}
