#include "cli/warm_items.h"

#include "base/file.h"

#include "gomod/modfile.h"

enum { MAX_SOURCE_BYTES = 64 << 20 };

static struct warm_item *add(struct warm_items *w, struct slice path, struct slice version)
{
    if (w->count == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 256;
        w->items = xrealloc(w->items, w->cap * sizeof(*w->items));
    }
    struct warm_item *item = &w->items[w->count++];
    *item = (struct warm_item){.mv = {path, version}};
    return item;
}

/* The next word of a line; empty at its end. */
static struct slice next_word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    struct slice word = slice_head(*rest, n);
    *rest = slice_skip(*rest, n);
    return word;
}

/* "path version h1:…", "path version/go.mod h1:…", "path version" or "path@version". */
static struct error *add_line(struct arena *a, struct warm_items *w, struct slice line)
{
    struct slice path = next_word(&line);
    struct slice version = next_word(&line);
    struct slice h1 = next_word(&line);
    if (path.n == 0 || path.p[0] == '#')
        return NULL;
    if (version.n == 0) {
        version = path;
        path = slice_cut(&version, '@');
    }
    bool is_mod = slice_ends(version, S("/go.mod"));
    if (is_mod)
        version.n -= strlen("/go.mod");
    TRY(module_check(a, (struct module_version){path, version}));
    struct warm_item *item = add(w, path, version);
    item->wants_zip = !is_mod;
    if (is_mod)
        item->mod_h1 = h1;
    else
        item->zip_h1 = h1;
    return NULL;
}

static struct error *add_lines(struct arena *a, struct warm_items *w, struct slice text,
                               const char *source)
{
    for (int number = 1; text.p; number++)
        TRY_CTX(a, add_line(a, w, slice_cut_line(&text)), "%s:%d", source, number);
    return NULL;
}

/* What the module requires, and the modules that stand in for others. */
static struct error *add_go_mod(struct arena *a, struct warm_items *w, struct slice text,
                                const char *source)
{
    struct modfile f;
    TRY(modfile_parse(a, slice_of(source), text, MODFILE_STRICT, &f));
    for (size_t i = 0; i < f.n_requires; i++)
        add(w, f.requires[i].mod.path, f.requires[i].mod.version)->wants_zip = true;
    for (size_t i = 0; i < f.n_replaces; i++) {
        if (f.replaces[i].with.version.n)
            add(w, f.replaces[i].with.path, f.replaces[i].with.version)->wants_zip = true;
    }
    return NULL;
}

struct error *warm_items_add(struct arena *a, struct warm_items *w, const char *source)
{
    struct slice text;
    struct error *err = file_read(a, source, MAX_SOURCE_BYTES, &text);
    if (err && err->status == STATUS_NOT_FOUND && strchr(source, '@'))
        return add_line(a, w, slice_of(source));
    if (err)
        return err;
    if (slice_ends(slice_of(source), S(".mod")))
        return add_go_mod(a, w, text, source);
    return add_lines(a, w, text, source);
}

static int by_version(const void *a, const void *b)
{
    const struct warm_item *x = a, *y = b;
    int c = slice_cmp(x->mv.path, y->mv.path);
    return c ? c : slice_cmp(x->mv.version, y->mv.version);
}

static void join(struct warm_item *to, const struct warm_item *from)
{
    to->wants_zip = to->wants_zip || from->wants_zip;
    if (from->zip_h1.n)
        to->zip_h1 = from->zip_h1;
    if (from->mod_h1.n)
        to->mod_h1 = from->mod_h1;
}

void warm_items_finish(struct warm_items *w)
{
    size_t n = 0;
    if (w->count)
        qsort(w->items, w->count, sizeof(*w->items), by_version);
    for (size_t i = 0; i < w->count; i++) {
        if (n && by_version(&w->items[n - 1], &w->items[i]) == 0)
            join(&w->items[n - 1], &w->items[i]);
        else
            w->items[n++] = w->items[i];
    }
    w->count = n;
}

void warm_items_release(struct warm_items *w)
{
    free(w->items);
    *w = (struct warm_items){0};
}
