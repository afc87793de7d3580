/*
 * The four sources, lowest first: defaults, the file, variables, flags; a later one writes over an
 * earlier one. Everything that is wrong in any of them is gathered, also where a higher source has
 * the last word, so that one run shows all there is to mend.
 */
#include "base/file.h"
#include "config/config_priv.h"

#include <sys/stat.h>

enum { FILE_MAX_BYTES = 1 << 20 };

/* A relative path in the file counts from the file's folder, whatever the daemon's own is. */
static const char *path_in_file(const struct loader *l, const char *path)
{
    const char *slash = l->in->file ? strrchr(l->in->file, '/') : NULL;
    if (!slash || *path == '/' || *path == '\0')
        return path;
    return arena_printf(l->arena, "%.*s/%s", (int)(slash - l->in->file), l->in->file, path).p;
}

void loader_complain(struct loader *l, enum setting_id id, enum setting_source source,
                     struct slice origin, struct slice text)
{
    bool is_named = source == SOURCE_ENV || source == SOURCE_FLAG;
    finding_add(&l->findings, "%.*s: %s%s%.*s", SLICE_ARG(origin),
                is_named ? "" : setting_info(id)->key, is_named ? "" : ": ", SLICE_ARG(text));
}

static void take_paths_from_file(const struct loader *l, enum setting_kind kind,
                                 struct setting_rules *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const char *value = r->rows[i].value;
        if (kind == SETTING_FILE_RULES)
            r->rows[i].value = path_in_file(l, value);
        else if (slice_starts(slice_of(value), S("file:")))
            r->rows[i].value = arena_printf(l->arena, "file:%s", path_in_file(l, value + 5)).p;
    }
}

union setting_value loader_from_file(const struct loader *l, enum setting_kind kind,
                                     union setting_value v)
{
    if (kind == SETTING_PATH)
        v.text = path_in_file(l, v.text);
    if (kind == SETTING_FILE_RULES || kind == SETTING_SECRET_RULES)
        take_paths_from_file(l, kind, &v.rules);
    return v;
}

void loader_complain_rule(struct loader *l, enum setting_id id, const struct setting_rule *rule,
                          struct slice text)
{
    struct slice named = arena_printf(l->arena, "the rule for %s: %.*s",
                                      quoted(l->arena, slice_of(rule->pattern)), SLICE_ARG(text));
    loader_complain(l, id, l->s.source[id], rule->origin, named);
}

void loader_put(struct loader *l, enum setting_id id, union setting_value v,
                enum setting_source source, struct slice origin)
{
    if (source == SOURCE_FILE)
        v = loader_from_file(l, setting_info(id)->kind, v);
    setting_put(&l->s, id, v);
    l->s.source[id] = source;
    l->s.origin[id] = origin;
}

void loader_assign(struct loader *l, enum setting_id id, struct slice text,
                   enum setting_source source, struct slice origin)
{
    union setting_value v;
    struct error *err = value_parse(l->arena, setting_info(id), text, origin, &v);
    if (err)
        loader_complain(l, id, source, origin, err->text);
    else
        loader_put(l, id, v, source, origin);
}

const char *loader_env(const struct loader *l, const char *name)
{
    size_t n = strlen(name);
    for (char **e = l->in->environ; e && *e; e++) {
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return (*e)[n + 1] ? *e + n + 1 : NULL;
    }
    return NULL;
}

static void take_defaults(struct loader *l)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        loader_assign(l, id, slice_of(setting_info(id)->def), SOURCE_DEFAULT, S("default"));
    }
    l->s.credentials_origin = S("default");
    for (int i = 0; i < SECTION_COUNT; i++)
        l->s.section_origin[i] = S("default");
}

static void take_variables(struct loader *l)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        const char *name = setting_info(id)->env;
        const char *value = loader_env(l, name);
        if (value)
            loader_assign(l, id, slice_of(value), SOURCE_ENV, slice_of(name));
    }
}

/*
 * A variable that is nearly a setting's name is a slip. Others with our prefix are left alone: a
 * Kubernetes service that is called modgate puts MODGATE_PORT and its like into every container.
 */
static void check_variable_names(struct loader *l)
{
    for (char **e = l->in->environ; e && *e; e++) {
        struct slice rest = slice_of(*e);
        struct slice name = slice_cut(&rest, '=');
        const char *hint = slice_starts(name, S("MODGATE_")) ? setting_env_hint(name) : NULL;
        if (hint)
            finding_add(&l->findings, "%s: no such variable; did you mean %s?",
                        quoted(l->arena, name), hint);
    }
}

static void take_flags(struct loader *l)
{
    for (size_t i = 0; i < l->in->flag_count; i++) {
        const struct setting_flag *f = &l->in->flags[i];
        loader_assign(l, f->id, slice_of(f->value), SOURCE_FLAG,
                      slice_of(setting_info(f->id)->flag));
    }
}

/* XDG Base Directory Specification: an XDG_DATA_HOME that is not absolute is ignored. */
static void fill_data_dir(struct loader *l)
{
    const char *xdg = loader_env(l, "XDG_DATA_HOME"), *home = loader_env(l, "HOME");
    if (*l->s.data_dir)
        return;
    if (xdg && *xdg == '/') {
        l->s.data_dir = arena_printf(l->arena, "%s/modgate", xdg).p;
        l->s.origin[SETTING_ID_data_dir] = S("default, from XDG_DATA_HOME");
    } else if (home && *home == '/') {
        l->s.data_dir = arena_printf(l->arena, "%s/.local/share/modgate", home).p;
        l->s.origin[SETTING_ID_data_dir] = S("default, from HOME");
    }
}

static struct error *load(struct loader *l, struct slice yaml, mode_t file_mode,
                          struct settings *out)
{
    take_defaults(l);
    loader_read_yaml(l, yaml, l->in->file ? l->in->file : "settings");
    take_variables(l);
    check_variable_names(l);
    take_flags(l);
    fill_data_dir(l);
    loader_read_tokens(l);
    loader_check(l);
    if (l->inline_secret_origin.p && (file_mode & S_IROTH))
        finding_add(&l->findings,
                    "%.*s: the file holds a secret and everybody may read it: chmod o-r it, or "
                    "move the secret to a file of its own",
                    SLICE_ARG(l->inline_secret_origin));
    struct error *err = findings_error(&l->findings);
    if (!err)
        *out = l->s;
    return err;
}

/* The loader holds findings for a screen full, so it is not put on the stack. */
static struct loader *loader_new(struct arena *a, const struct settings_input *in)
{
    struct loader *l = ARENA_NEW(a, struct loader);
    l->arena = a;
    l->in = in;
    l->findings.arena = a;
    return l;
}

struct error *settings_load_bytes(struct arena *a, const struct settings_input *in,
                                  struct slice yaml, struct settings *out)
{
    return load(loader_new(a, in), yaml, 0, out);
}

struct error *settings_load(struct arena *a, const struct settings_input *in, struct settings *out)
{
    struct slice yaml = S("");
    struct stat st = {0};
    if (in->file) {
        struct error *err = file_read(a, in->file, FILE_MAX_BYTES, &yaml);
        if (err)
            return error_as(a, STATUS_BAD_CONFIG, err, "reading the settings");
        stat(in->file, &st);
    }
    return load(loader_new(a, in), yaml, st.st_mode, out);
}
