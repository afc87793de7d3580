/* The text of re-homed modules: paths, Go files and go.mod files. */
#include "gomod/rehome.h"

#include "gomod/goimports.h"
#include "gomod/modfile.h"
#include "gomod/modsyntax_priv.h"
#include "gomod/quote.h"

/* Replaces prefix by with when path is it or lies below it. */
static bool moved(struct arena *a, struct slice path, struct slice prefix, struct slice with,
                  struct slice *out)
{
    struct slice rest = slice_skip(path, prefix.n);
    if (!slice_starts(path, prefix) || (rest.n && rest.p[0] != '/'))
        return false;
    *out = arena_printf(a, "%.*s%.*s", SLICE_ARG(with), SLICE_ARG(rest));
    return true;
}

bool rehome_path(struct arena *a, const struct rehome_rules *rules, struct slice path,
                 struct slice *out)
{
    size_t best = 0;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rehome_rule *r = &rules->list[i];
        if (r->from.n > best && moved(a, path, r->from, r->to, out))
            best = r->from.n;
    }
    return best;
}

bool rehome_source(struct arena *a, const struct rehome_rules *rules, struct slice path,
                   struct slice *out)
{
    size_t best = 0;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rehome_rule *r = &rules->list[i];
        if (r->to.n > best && moved(a, path, r->to, r->from, out))
            best = r->to.n;
    }
    return best;
}

/* A text that is copied with some places replaced, from front to back. */
struct edit {
    struct slice text;
    size_t done; /* so much of it was copied */
    struct buf out;
};

static void replace_at(struct edit *e, size_t at, size_t n, struct slice with)
{
    buf_add(&e->out, slice_make(e->text.p + e->done, at - e->done));
    buf_add(&e->out, with);
    e->done = at + n;
}

static struct slice finish(struct arena *a, struct edit *e)
{
    struct slice result = e->text;
    if (e->done) {
        buf_add(&e->out, slice_skip(e->text, e->done));
        result = arena_dup(a, buf_slice(&e->out));
    }
    buf_release(&e->out);
    return result;
}

/* A path in the quotes that the old one had. */
static struct slice requoted(struct arena *a, char quote, struct slice path)
{
    return arena_printf(a, "%c%.*s%c", quote, SLICE_ARG(path), quote);
}

struct slice rehome_go_file(struct arena *a, const struct rehome_rules *rules, struct slice source)
{
    struct go_imports found;
    struct edit e = {.text = source};
    go_imports_find(a, source, &found);
    for (size_t i = 0; i < found.count; i++) {
        const struct go_import *one = &found.list[i];
        struct slice path;
        if (!rehome_path(a, rules, one->path, &path))
            continue;
        bool is_symbol = one->kind == GO_IMPORT_SYMBOL;
        replace_at(&e, one->at, one->n,
                   is_symbol ? go_symbol_prefix(a, path) : requoted(a, source.p[one->at], path));
    }
    return finish(a, &e);
}

static void edit_tokens(struct arena *a, const struct rehome_rules *rules, struct edit *e,
                        const struct mod_line *line)
{
    for (size_t i = 0; i < line->n_tokens; i++) {
        struct slice token = line->tokens[i], text = token, path;
        bool is_quoted = go_unquote(a, token, &text);
        if (rehome_path(a, rules, text, &path))
            replace_at(e, (size_t)(token.p - e->text.p), token.n,
                       is_quoted ? requoted(a, token.p[0], path) : path);
    }
}

struct error *rehome_go_mod(struct arena *a, const struct rehome_rules *rules, struct slice file,
                            struct slice *out)
{
    struct mod_stmt *first;
    struct edit e = {.text = file};
    TRY(modsyntax_parse(a, S("go.mod"), file, &first));
    for (const struct mod_stmt *s = first; s; s = s->next) {
        edit_tokens(a, rules, &e, &s->head);
        for (const struct mod_line *line = s->lines; line; line = line->next)
            edit_tokens(a, rules, &e, line);
    }
    *out = finish(a, &e);
    return NULL;
}
