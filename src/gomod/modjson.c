/*
 * The output of `go mod edit -json`, byte for byte: tabs, the order of keys, null for an empty
 * list, and optional members left out when empty.
 */
#include "gomod/modfile.h"
#include "gomod/quote.h"

struct writer {
    struct buf *out;
    int depth;
    bool is_first; /* nothing was written yet at this depth */
};

static void begin_item(struct writer *w)
{
    buf_add(w->out, w->is_first ? S("\n") : S(",\n"));
    w->is_first = false;
    for (int i = 0; i < w->depth; i++)
        buf_add_byte(w->out, '\t');
}

static void begin_member(struct writer *w, const char *key)
{
    begin_item(w);
    buf_printf(w->out, "\"%s\": ", key);
}

static void open_scope(struct writer *w, char bracket)
{
    buf_add_byte(w->out, bracket);
    w->depth++;
    w->is_first = true;
}

static void close_scope(struct writer *w, char bracket)
{
    w->depth--;
    w->is_first = true;
    begin_item(w);
    w->is_first = false;
    buf_add_byte(w->out, bracket);
}

static void write_string(struct writer *w, const char *key, struct slice value)
{
    begin_member(w, key);
    json_quote(w->out, value);
}

static void write_optional(struct writer *w, const char *key, struct slice value)
{
    if (value.n)
        write_string(w, key, value);
}

static void write_version(struct writer *w, const char *key, struct module_version mod)
{
    begin_member(w, key);
    open_scope(w, '{');
    write_string(w, "Path", mod.path);
    write_optional(w, "Version", mod.version);
    close_scope(w, '}');
}

/* Writes the members of item i of a list. */
typedef void (*item_fn)(struct writer *w, const struct modfile *f, size_t i);

static void write_list(struct writer *w, const char *key, const struct modfile *f, size_t n,
                       item_fn write_item)
{
    begin_member(w, key);
    if (n == 0) {
        buf_add(w->out, S("null"));
        return;
    }
    open_scope(w, '[');
    for (size_t i = 0; i < n; i++) {
        begin_item(w);
        open_scope(w, '{');
        write_item(w, f, i);
        close_scope(w, '}');
    }
    close_scope(w, ']');
}

static void write_godebug(struct writer *w, const struct modfile *f, size_t i)
{
    write_string(w, "Key", f->godebugs[i].key);
    write_string(w, "Value", f->godebugs[i].value);
}

static void write_require(struct writer *w, const struct modfile *f, size_t i)
{
    write_string(w, "Path", f->requires[i].mod.path);
    write_optional(w, "Version", f->requires[i].mod.version);
    if (f->requires[i].is_indirect) {
        begin_member(w, "Indirect");
        buf_add(w->out, S("true"));
    }
}

static void write_exclude(struct writer *w, const struct modfile *f, size_t i)
{
    write_string(w, "Path", f->excludes[i].mod.path);
    write_optional(w, "Version", f->excludes[i].mod.version);
}

static void write_replace(struct writer *w, const struct modfile *f, size_t i)
{
    write_version(w, "Old", f->replaces[i].old);
    write_version(w, "New", f->replaces[i].with);
}

static void write_retract(struct writer *w, const struct modfile *f, size_t i)
{
    write_optional(w, "Low", f->retracts[i].low);
    write_optional(w, "High", f->retracts[i].high);
    write_optional(w, "Rationale", f->retracts[i].rationale);
}

static void write_tool(struct writer *w, const struct modfile *f, size_t i)
{
    write_string(w, "Path", f->tools[i].name);
}

static void write_ignore(struct writer *w, const struct modfile *f, size_t i)
{
    write_string(w, "Path", f->ignores[i].name);
}

void modfile_json(const struct modfile *f, struct buf *out)
{
    struct writer w = {.out = out};
    open_scope(&w, '{');
    begin_member(&w, "Module");
    open_scope(&w, '{');
    write_string(&w, "Path", f->module.path);
    write_optional(&w, "Deprecated", f->deprecated);
    close_scope(&w, '}');
    write_optional(&w, "Go", f->go);
    write_optional(&w, "Toolchain", f->toolchain);
    if (f->n_godebugs)
        write_list(&w, "GoDebug", f, f->n_godebugs, write_godebug);
    write_list(&w, "Require", f, f->n_requires, write_require);
    write_list(&w, "Exclude", f, f->n_excludes, write_exclude);
    write_list(&w, "Replace", f, f->n_replaces, write_replace);
    write_list(&w, "Retract", f, f->n_retracts, write_retract);
    write_list(&w, "Tool", f, f->n_tools, write_tool);
    write_list(&w, "Ignore", f, f->n_ignores, write_ignore);
    close_scope(&w, '}');
    buf_add_byte(out, '\n');
}
