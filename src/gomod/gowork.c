#include "gomod/gowork.h"

#include "gomod/directive_priv.h"

static void add_use(struct gowork *w, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_name use;
    if (directive_name(r, d, &use))
        DIRECTIVE_ADD(r, w->uses, w->n_uses, use);
}

static void add_replace(struct gowork *w, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_replace replace;
    if (directive_replace(r, d, &replace))
        DIRECTIVE_ADD(r, w->replaces, w->n_replaces, replace);
}

static void add_godebug(struct gowork *w, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_godebug godebug;
    if (directive_godebug(r, d, &godebug))
        DIRECTIVE_ADD(r, w->godebugs, w->n_godebugs, godebug);
}

static void add_directive(void *arg, struct mod_reader *r, const struct mod_directive *d)
{
    struct gowork *w = arg;
    if (slice_eq(d->verb, S("go")))
        directive_go(r, d, true, &w->go);
    else if (slice_eq(d->verb, S("toolchain")))
        directive_toolchain(r, d, &w->toolchain);
    else if (slice_eq(d->verb, S("godebug")))
        add_godebug(w, r, d);
    else if (slice_eq(d->verb, S("use")))
        add_use(w, r, d);
    else if (slice_eq(d->verb, S("replace")))
        add_replace(w, r, d);
    else
        directive_fault(r, d->line->line, "unknown directive: %.*s", SLICE_ARG(d->verb));
}

struct error *gowork_parse(struct arena *a, struct slice name, struct slice file,
                           struct gowork *out)
{
    static const char *const block_verbs[] = {"godebug", "use", "replace", NULL};
    *out = (struct gowork){0};
    struct mod_reader r = {.a = a, .name = name};
    struct mod_stmt *stmts;
    TRY(modsyntax_parse(a, name, file, &stmts));
    directive_each(&r, stmts, block_verbs, true, add_directive, out);
    out->faults = r.faults;
    out->n_faults = r.n_faults;
    return directive_error(&r);
}
