/* The replace directive of go.mod and go.work. */
#include "gomod/directive_priv.h"
#include "gomod/text.h"

/* Rooted, or beginning with "." or "..", in the syntax of any system. (modfile.IsDirectoryPath) */
static bool is_folder(struct slice s)
{
    if (slice_eq(s, S(".")) || slice_eq(s, S("..")))
        return true;
    bool has_drive = s.n >= 2 && s.p[1] == ':' && (s.p[0] | 0x20) >= 'a' && (s.p[0] | 0x20) <= 'z';
    static const char *const starts[] = {"./", ".\\", "../", "..\\", "/", "\\"};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        if (slice_starts(s, slice_of(starts[i])))
            return true;
    }
    return has_drive;
}

/* The old module and, if one is given, its version. */
static struct error *parse_old(struct mod_reader *r, const struct slice *args, size_t n,
                               struct module_version *old)
{
    struct slice prefix, path_major;
    TRY(directive_string(r, args[0], &old->path));
    if (!module_split_path_version(old->path, &prefix, &path_major))
        return error_new(r->a, STATUS_BAD_PATH, "invalid module path %s",
                         text_quote(r->a, old->path));
    old->version = S("");
    if (n == 1)
        return NULL;
    TRY(directive_version(r, args[1], &old->version));
    return module_check_path_major(r->a, old->version, path_major);
}

static struct error *check_folder(struct mod_reader *r, struct slice path)
{
    if (is_folder(path))
        return slice_find(path, '\\') < 0
                   ? NULL
                   : error_new(r->a, STATUS_BAD_SYNTAX, "the folder %s is a Windows path",
                               text_quote(r->a, path));
    if (slice_find(path, '@') >= 0)
        return error_new(r->a, STATUS_BAD_SYNTAX, "write %s as 'path version', not 'path@version'",
                         text_quote(r->a, path));
    return error_new(r->a, STATUS_BAD_SYNTAX,
                     "%s has no version, so it must be a folder (rooted, or beginning with ./ or "
                     "../)",
                     text_quote(r->a, path));
}

/* What stands instead of it: a folder, or a module and its version. */
static struct error *parse_new(struct mod_reader *r, const struct slice *args, size_t n,
                               struct module_version *with)
{
    TRY(directive_string(r, args[0], &with->path));
    with->version = S("");
    if (n == 1)
        return check_folder(r, with->path);
    TRY(directive_version(r, args[1], &with->version));
    if (is_folder(with->path))
        return error_new(r->a, STATUS_BAD_SYNTAX, "the folder %s cannot have a version",
                         text_quote(r->a, with->path));
    return NULL;
}

bool directive_replace(struct mod_reader *r, const struct mod_directive *d, struct mod_replace *out)
{
    size_t arrow = d->n_args >= 2 && slice_eq(d->args[1], S("=>")) ? 1 : 2;
    if (d->n_args < arrow + 2 || d->n_args > arrow + 3 || !slice_eq(d->args[arrow], S("=>"))) {
        directive_fault(r, d->line->line,
                        "usage: replace module/path [v1.2.3] => other/module v1.4, or "
                        "replace module/path [v1.2.3] => ../folder");
        return false;
    }
    out->line = d->line->line;
    struct error *err = parse_old(r, d->args, arrow, &out->old);
    if (!err)
        err = parse_new(r, d->args + arrow + 1, d->n_args - arrow - 1, &out->with);
    if (err)
        directive_fault(r, d->line->line, "replace: %.*s", SLICE_ARG(err->text));
    return !err;
}
