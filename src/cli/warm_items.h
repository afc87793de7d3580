/* What modgate warm is to fetch: read from go.sum, go.mod, plain lists and arguments. */
#ifndef MODGATE_CLI_WARM_ITEMS_H
#define MODGATE_CLI_WARM_ITEMS_H

#include "base/base.h"

#include "gomod/module.h"

struct warm_item {
    struct module_version mv;
    bool wants_zip;
    struct slice zip_h1; /* as go.sum says; empty = not said */
    struct slice mod_h1;
};

struct warm_items {
    struct warm_item *items; /* on the heap, sorted, each version once */
    size_t count, cap;
};

/*
 * Adds what source names: "path@version", or a file: a go.sum or go.work.sum (by its lines), a
 * go.mod (by its directives), or a list with a "path@version" or "path version" on each line, # for
 * comments. Slices live in the arena.
 */
struct error *warm_items_add(struct arena *a, struct warm_items *w, const char *source) MUST_CHECK;
/* Sorts, and joins what is said of one version. */
void warm_items_finish(struct warm_items *w);
void warm_items_release(struct warm_items *w);

#endif
