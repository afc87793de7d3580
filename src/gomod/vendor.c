#include "gomod/vendor.h"

#include "gomod/semver.h"
#include "gomod/text.h"

/* Lines are looked up one by one, so that their number is bounded. */
enum { MAX_MODULES = 20000, MAX_FIELDS = 6 };

static bool same(struct module_version x, struct module_version y)
{
    return slice_eq(x.path, y.path) && slice_eq(x.version, y.version);
}

static struct vendor_module *find(const struct vendor_list *list, struct module_version mod)
{
    for (size_t i = list->n; i > 0; i--) {
        if (same(list->modules[i - 1].mod, mod))
            return &list->modules[i - 1];
    }
    return NULL;
}

static struct vendor_module *find_or_add(struct vendor_list *list, struct module_version mod)
{
    struct vendor_module *m = find(list, mod);
    if (m)
        return m;
    m = &list->modules[list->n++];
    *m = (struct vendor_module){.mod = mod};
    return m;
}

/* Up to MAX_FIELDS fields of a line. */
static size_t split(struct slice line, struct slice fields[MAX_FIELDS])
{
    size_t n = 0;
    while (n < MAX_FIELDS) {
        struct slice field = text_cut_field(&line);
        if (field.n == 0)
            break;
        fields[n++] = field;
    }
    return n;
}

/* "# path version", "# path version => path [version]", "# path => path [version]". */
static struct vendor_module *module_line(struct vendor_list *list, struct slice line)
{
    struct slice f[MAX_FIELDS];
    size_t n = split(line, f), at = 2;
    if (n < 3)
        return NULL;
    struct module_version mod = {.path = f[1], .version = S("")};
    if (semver_is_valid(f[2])) {
        mod.version = f[2];
        at = 3;
    } else if (!slice_eq(f[2], S("=>"))) {
        return NULL;
    }
    struct vendor_module *m = find_or_add(list, mod);
    if (n == at + 2 && slice_eq(f[at], S("=>")))
        m->with = (struct module_version){.path = f[at + 1], .version = S("")};
    else if (n == at + 3 && slice_eq(f[at], S("=>")) && semver_is_valid(f[at + 2]))
        m->with = (struct module_version){.path = f[at + 1], .version = f[at + 2]};
    return m;
}

static void annotate(struct vendor_module *m, struct slice annotations)
{
    while (annotations.p) {
        if (slice_eq(text_trim(slice_cut(&annotations, ';')), S("explicit")))
            m->is_explicit = true;
    }
}

static size_t count_module_lines(struct slice file)
{
    size_t n = 0;
    while (file.p)
        n += slice_starts(slice_cut(&file, '\n'), S("# "));
    return n;
}

struct error *vendor_parse(struct arena *a, struct slice file, struct vendor_list *out)
{
    struct vendor_module *m = NULL;
    struct slice fields[MAX_FIELDS];
    size_t n = count_module_lines(file);
    if (n > MAX_MODULES)
        return error_new(a, STATUS_TOO_LARGE, "%zu modules, at most %d are allowed", n,
                         MAX_MODULES);
    *out = (struct vendor_list){.modules = ARENA_ARRAY(a, struct vendor_module, n)};
    while (file.p) {
        struct slice line = slice_cut(&file, '\n');
        if (slice_starts(line, S("# "))) {
            m = module_line(out, line);
        } else if (slice_starts(line, S("## "))) {
            if (m)
                annotate(m, slice_skip(line, 3));
            else
                out->is_workspace |= slice_eq(text_trim(slice_skip(line, 3)), S("workspace"));
        } else if (m && split(line, fields) == 1 && !module_check_import_path(a, fields[0])) {
            m->has_packages = true;
        }
    }
    return NULL;
}

static void check_requires(const struct vendor_list *list, const struct modfile *mod,
                           vendor_complain_fn complain, void *arg)
{
    for (size_t i = 0; i < mod->n_requires; i++) {
        struct vendor_module *m = find(list, mod->requires[i].mod);
        if (!m || !m->is_explicit)
            complain(arg, mod->requires[i].mod,
                     "go.mod requires it, but it is not marked as explicit in modules.txt");
    }
}

static const struct mod_replace *replacement_of(const struct modfile *mod,
                                                struct module_version old)
{
    const struct mod_replace *found = NULL;
    for (size_t i = 0; i < mod->n_replaces; i++) {
        const struct mod_replace *r = &mod->replaces[i];
        if (slice_eq(r->old.path, old.path) &&
            (slice_eq(r->old.version, old.version) || (r->old.version.n == 0 && !found)))
            found = r;
    }
    return found;
}

static void check_replaces(const struct vendor_list *list, const struct modfile *mod,
                           vendor_complain_fn complain, void *arg)
{
    for (size_t i = 0; i < mod->n_replaces; i++) {
        const struct mod_replace *r = &mod->replaces[i];
        struct vendor_module *m = find(list, r->old);
        if (!m || m->with.path.n == 0)
            complain(arg, r->old, "go.mod replaces it, modules.txt does not");
        else if (!same(m->with, replacement_of(mod, r->old)->with))
            complain(arg, r->old, "go.mod and modules.txt replace it by different modules");
    }
}

static void check_modules(const struct vendor_list *list, const struct modfile *mod,
                          vendor_complain_fn complain, void *arg)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct vendor_module *m = &list->modules[i];
        bool is_required = false;
        for (size_t k = 0; k < mod->n_requires && !is_required; k++)
            is_required = same(mod->requires[k].mod, m->mod);
        if (m->is_explicit && m->has_packages && !is_required)
            complain(arg, m->mod,
                     "modules.txt marks it as explicit, but go.mod does not require it");
        if (m->with.path.n && !replacement_of(mod, m->mod))
            complain(arg, m->mod, "modules.txt replaces it, go.mod does not");
    }
}

void vendor_check(const struct vendor_list *list, const struct modfile *mod,
                  vendor_complain_fn complain, void *arg)
{
    check_requires(list, mod, complain, arg);
    check_replaces(list, mod, complain, arg);
    check_modules(list, mod, complain, arg);
}
