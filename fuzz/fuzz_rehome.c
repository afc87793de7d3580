/*
 * Places are in order and inside the file, and a file that was re-homed names the new path where it
 * named the old one: re-homing it back gives a file that names the same packages.
 */
#include "gomod/goimports.h"
#include "gomod/rehome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rehome_rule there = {{"old.example/m", 13}, {"corp.example/n.v2", 17}};
static const struct rehome_rule back = {{"corp.example/n.v2", 17}, {"old.example/m", 13}};

static void check_places(const struct go_imports *found, struct slice source)
{
    size_t at = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct go_import *one = &found->list[i];
        if (one->at < at || one->n == 0 || one->at + one->n > source.n)
            BUG("place %zu of %zu bytes at %zu", i, one->n, one->at);
        at = one->at + one->n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice source = slice_make((const char *)data, size);
    struct go_imports before, after;
    go_imports_find(&a, source, &before);
    check_places(&before, source);
    struct slice moved = rehome_go_file(&a, &(struct rehome_rules){&there, 1}, source);
    struct slice again = rehome_go_file(&a, &(struct rehome_rules){&back, 1}, moved);
    go_imports_find(&a, again, &after);
    if (before.count != after.count)
        BUG("%zu places became %zu", before.count, after.count);
    arena_release(&a);
    return 0;
}
