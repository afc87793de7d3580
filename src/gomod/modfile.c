/*
 * The directives of go.mod, in a table. In lax mode, what only a main module may say is passed over
 * before it is looked at, so that files written for newer go commands can be read.
 */
#include "gomod/modfile.h"

#include "gomod/directive_priv.h"
#include "gomod/quote.h"
#include "gomod/text.h"

struct file_reader {
    struct modfile *f;
    bool is_strict;
};

typedef void (*add_fn)(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d);

/* The first paragraph of the comments that begins with "Deprecated:". */
static struct slice deprecation(struct slice comment)
{
    const struct slice mark = S("Deprecated:");
    struct slice rest = comment;
    while (!slice_starts(rest, mark)) {
        ptrdiff_t gap = slice_find_slice(rest, S("\n\n"));
        if (gap < 0)
            return S("");
        rest = slice_skip(rest, (size_t)gap);
        bool is_here = slice_starts(slice_skip(rest, 2), mark);
        rest = slice_skip(rest, is_here ? 2 : 1);
    }
    rest = slice_skip(rest, mark.n);
    while (rest.n && rest.p[0] == ' ')
        rest = slice_skip(rest, 1);
    ptrdiff_t end = slice_find_slice(rest, S("\n\n"));
    return end < 0 ? rest : slice_head(rest, (size_t)end);
}

static void add_module(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_name name;
    if (fr->f->has_module) {
        directive_fault(r, d->line->line, "repeated module statement");
        return;
    }
    fr->f->has_module = true;
    if (!directive_name(r, d, &name))
        return;
    fr->f->module.path = name.name;
    fr->f->deprecated = deprecation(directive_comment(r, d));
}

static void add_go(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    directive_go(r, d, fr->is_strict, &fr->f->go);
}

static void add_toolchain(struct file_reader *fr, struct mod_reader *r,
                          const struct mod_directive *d)
{
    directive_toolchain(r, d, &fr->f->toolchain);
}

static void add_godebug(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_godebug godebug;
    if (directive_godebug(r, d, &godebug))
        DIRECTIVE_ADD(r, fr->f->godebugs, fr->f->n_godebugs, godebug);
}

/* The module and version of require and exclude, which must fit each other. */
static bool take_module_version(struct mod_reader *r, const struct mod_directive *d,
                                struct module_version *mod)
{
    struct slice path_major;
    if (d->n_args != 2) {
        directive_fault(r, d->line->line, "usage: %.*s module/path v1.2.3", SLICE_ARG(d->verb));
        return false;
    }
    if (!directive_module_path(r, d, d->args[0], &mod->path, &path_major))
        return false;
    struct error *err = directive_version(r, d->args[1], &mod->version);
    if (!err)
        err = module_check_path_major(r->a, mod->version, path_major);
    if (err)
        directive_fault(r, d->line->line, "%.*s %s: %.*s", SLICE_ARG(d->verb),
                        text_quote(r->a, mod->path), SLICE_ARG(err->text));
    return !err;
}

/* The first comment behind the line is "indirect", or begins with "indirect;". */
static bool is_indirect(const struct mod_line *line)
{
    const struct mod_comment *comment = line->comments.suffix.first;
    if (!comment)
        return false;
    struct slice rest = slice_skip(comment->text, 2);
    struct slice word = text_cut_field(&rest);
    bool is_alone = text_cut_field(&rest).n == 0;
    return slice_eq(word, is_alone ? S("indirect") : S("indirect;"));
}

static void add_require(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_require require = {.line = d->line->line, .is_indirect = is_indirect(d->line)};
    if (take_module_version(r, d, &require.mod))
        DIRECTIVE_ADD(r, fr->f->requires, fr->f->n_requires, require);
}

static void add_exclude(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_exclude exclude = {.line = d->line->line};
    if (take_module_version(r, d, &exclude.mod))
        DIRECTIVE_ADD(r, fr->f->excludes, fr->f->n_excludes, exclude);
}

static void add_replace(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_replace replace;
    if (directive_replace(r, d, &replace))
        DIRECTIVE_ADD(r, fr->f->replaces, fr->f->n_replaces, replace);
}

static struct error *expect(struct mod_reader *r, const struct mod_directive *d, size_t i,
                            const char *token)
{
    if (i < d->n_args && slice_eq(d->args[i], slice_of(token)))
        return NULL;
    return error_new(r->a, STATUS_BAD_SYNTAX, "expected '%s'", token);
}

static struct error *expect_version(struct mod_reader *r, const struct mod_directive *d, size_t i,
                                    struct slice *version)
{
    if (i >= d->n_args)
        return error_new(r->a, STATUS_BAD_SYNTAX, "expected a version");
    return directive_string(r, d->args[i], version);
}

/* "v1.2.3" or "[v1.2.3, v1.3.0]"; *used is how many arguments that takes. */
static struct error *parse_interval(struct mod_reader *r, const struct mod_directive *d,
                                    struct mod_retract *out, size_t *used)
{
    if (d->n_args && slice_eq(d->args[0], S("(")))
        return error_new(r->a, STATUS_BAD_SYNTAX, "expected '[' or a version");
    if (expect(r, d, 0, "[")) {
        *used = 1;
        TRY(expect_version(r, d, 0, &out->low));
        out->high = out->low;
        return NULL;
    }
    *used = 5;
    TRY(expect_version(r, d, 1, &out->low));
    TRY(expect(r, d, 2, ","));
    TRY(expect_version(r, d, 3, &out->high));
    return expect(r, d, 4, "]");
}

static void add_retract(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_retract retract = {.line = d->line->line};
    size_t used;
    struct error *err = parse_interval(r, d, &retract, &used);
    if (!err && d->n_args > used && fr->is_strict)
        err = error_new(r->a, STATUS_BAD_SYNTAX, "unexpected %s behind the version",
                        text_quote(r->a, d->args[used]));
    if (err && fr->is_strict)
        directive_fault(r, d->line->line, "retract: %.*s", SLICE_ARG(err->text));
    if (err)
        return; /* in a dependency it may be a form of interval that is yet to come */
    retract.rationale = directive_comment(r, d);
    DIRECTIVE_ADD(r, fr->f->retracts, fr->f->n_retracts, retract);
}

static void add_tool(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_name tool;
    if (directive_name(r, d, &tool))
        DIRECTIVE_ADD(r, fr->f->tools, fr->f->n_tools, tool);
}

static void add_ignore(struct file_reader *fr, struct mod_reader *r, const struct mod_directive *d)
{
    struct mod_name ignore;
    if (directive_name(r, d, &ignore))
        DIRECTIVE_ADD(r, fr->f->ignores, fr->f->n_ignores, ignore);
}

static const struct {
    const char *verb;
    bool is_for_dependencies; /* counts in lax mode too */
    add_fn add;
} directives[] = {
    {"module", true, add_module},        {"go", true, add_go},
    {"toolchain", false, add_toolchain}, {"godebug", false, add_godebug},
    {"require", true, add_require},      {"exclude", false, add_exclude},
    {"replace", false, add_replace},     {"retract", true, add_retract},
    {"tool", false, add_tool},           {"ignore", true, add_ignore},
};

static void add_directive(void *arg, struct mod_reader *r, const struct mod_directive *d)
{
    struct file_reader *fr = arg;
    for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
        if (!slice_eq(d->verb, slice_of(directives[i].verb)))
            continue;
        if (fr->is_strict || directives[i].is_for_dependencies)
            directives[i].add(fr, r, d);
        return;
    }
    if (fr->is_strict)
        directive_fault(r, d->line->line, "unknown directive: %.*s", SLICE_ARG(d->verb));
}

struct error *modfile_parse(struct arena *a, struct slice name, struct slice file,
                            enum modfile_mode mode, struct modfile *out)
{
    static const char *const block_verbs[] = {"module",  "godebug", "require", "exclude", "replace",
                                              "retract", "tool",    "ignore",  NULL};
    *out = (struct modfile){0};
    struct mod_reader r = {.a = a, .name = name};
    struct file_reader fr = {.f = out, .is_strict = mode == MODFILE_STRICT};
    struct mod_stmt *stmts;
    TRY(modsyntax_parse(a, name, file, &stmts));
    directive_each(&r, stmts, block_verbs, fr.is_strict, add_directive, &fr);
    out->faults = r.faults;
    out->n_faults = r.n_faults;
    return directive_error(&r);
}

struct slice modfile_module_path(struct arena *a, struct slice file)
{
    while (file.p) {
        struct slice line = slice_cut(&file, '\n');
        ptrdiff_t comment = slice_find_slice(line, S("//"));
        line = text_trim(comment < 0 ? line : slice_head(line, (size_t)comment));
        if (!slice_starts(line, S("module")))
            continue;
        struct slice after = slice_skip(line, sizeof("module") - 1);
        struct slice path = text_trim(after);
        if (path.n == 0 || path.n == after.n)
            continue;
        if (path.p[0] != '"' && path.p[0] != '`')
            return path;
        return go_unquote(a, path, &path) ? path : S("");
    }
    return S("");
}
