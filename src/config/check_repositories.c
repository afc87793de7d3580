/*
 * What the fields of `repositories` say together. Two stores never share a folder, and two
 * repositories never an address; a field that its kind has no use for is a mistake, because
 * somebody believes that it does something.
 */
#include "config/config_priv.h"

static void complain(struct loader *l, const struct setting_repository *r, const char *field,
                     const char *origin, const char *fmt, ...) PRINTF_LIKE(5, 6);
static void complain(struct loader *l, const struct setting_repository *r, const char *field,
                     const char *origin, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(l->arena, fmt, ap);
    va_end(ap);
    finding_add(&l->findings, "%s: repositories.%s.%s: %.*s", origin ? origin : r->origin, r->name,
                field, SLICE_ARG(text));
}

static bool is_kind(const struct setting_repository *r, const char *kind)
{
    return strcmp(r->kind, kind) == 0;
}

static void check_kind(struct loader *l, const struct setting_repository *r)
{
    static const char *const kinds[] = {"proxy", "vcs", "hosted", "rehome", "group"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (is_kind(r, kinds[i]))
            return;
    }
    complain(l, r, "kind", r->kind_origin, "%s is not one of proxy, vcs, hosted, rehome and group",
             quoted(l->arena, slice_of(r->kind)));
}

/* Fields that only some kinds have a use for. */
static void check_uses(struct loader *l, const struct setting_repository *r)
{
    bool is_owner = is_kind(r, "vcs") || is_kind(r, "hosted"), is_group = is_kind(r, "group");
    const struct {
        const char *field, *origin;
        bool is_used;
    } uses[] = {
        {"owns", r->owns_origin, is_owner},
        {"members", r->members_origin, is_group},
        {"from", r->from_origin, is_kind(r, "rehome")},
        {"paths", r->paths_origin, is_kind(r, "rehome")},
        {"upstream", r->upstream_origin, is_kind(r, "proxy")},
        {"vcs_rules", r->vcs_rules_origin, is_kind(r, "proxy") || is_kind(r, "vcs")},
        {"folder", r->folder_origin, !is_group},
        {"max_size", r->max_size_origin, !is_group},
    };
    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        if (uses[i].origin && !uses[i].is_used)
            complain(l, r, uses[i].field, uses[i].origin, "means nothing for the kind %s", r->kind);
    }
    if (is_owner && !*r->owns)
        complain(l, r, "owns", r->owns_origin,
                 "is missing: say which module paths belong to it, like git.example.com/team");
    if (is_kind(r, "rehome") && r->paths.count == 0)
        complain(l, r, "paths", r->paths_origin,
                 "is missing: say which module paths are served as which, like old.example.com/lib "
                 "= go.example.com/lib");
    if (is_group && !*r->members)
        complain(l, r, "members", r->members_origin, "is missing: name the repositories in it");
}

static void check_patterns(struct loader *l, const struct setting_repository *r)
{
    const char *fault = *r->owns ? patterns_fault(l->arena, slice_of(r->owns)) : NULL;
    if (fault)
        complain(l, r, "owns", r->owns_origin, "%s", fault);
    for (size_t i = 0; i < r->upstream.count; i++) {
        const struct setting_rule *rule = &r->upstream.rows[i];
        fault = upstream_fault(l->arena, slice_of(rule->value));
        if (!fault)
            fault = patterns_fault(l->arena, slice_of(rule->pattern));
        if (fault)
            complain(l, r, "upstream", arena_cstr(l->arena, rule->origin), "%s", fault);
    }
    for (size_t i = 0; i < r->vcs_rules.count; i++) {
        const struct setting_rule *rule = &r->vcs_rules.rows[i];
        fault = vcs_rule_fault(l->arena, rule);
        if (fault)
            complain(l, r, "vcs_rules", arena_cstr(l->arena, rule->origin), "%s", fault);
    }
}

/* ---- mounts and folders */

static bool is_plain_element(struct slice e, const char *extra)
{
    for (size_t i = 0; i < e.n; i++) {
        bool is_letter = (e.p[i] >= 'a' && e.p[i] <= 'z') || (e.p[i] >= 'A' && e.p[i] <= 'Z') ||
                         (e.p[i] >= '0' && e.p[i] <= '9');
        if (!is_letter && (!e.p[i] || !strchr(extra, e.p[i])))
            return false;
    }
    return e.n > 0 && !slice_eq(e, S(".")) && !slice_eq(e, S(".."));
}

static bool is_plain_path(struct slice path, const char *extra)
{
    while (path.p) {
        if (!is_plain_element(slice_cut(&path, '/'), extra))
            return false;
    }
    return true;
}

static struct slice first_element(struct slice path)
{
    return slice_cut(&path, '/');
}

static bool is_word_of(struct slice word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(word, slice_of(words[i])))
            return true;
    }
    return false;
}

/* What the gateway answers itself, and will. */
static const char *const reserved_mounts[] = {"sumdb", "v1",     "vulndb",  "healthz",
                                              "livez", "readyz", "version", "metrics"};

static void check_mount(struct loader *l, const struct setting_repository *r)
{
    struct slice mount = config_mount(r);
    struct slice first = first_element(mount);
    const char *shown = quoted(l->arena, mount);
    if (!is_plain_path(mount, "-_~"))
        complain(l, r, "mount", r->mount_origin,
                 "%s is no mount: elements of letters, digits, - and _, separated by /, so that no "
                 "module path is like it%s",
                 shown, r->mount_origin ? "" : " (the name is the mount when none is given)");
    else if (is_word_of(first, reserved_mounts, ARRAY_LEN(reserved_mounts)))
        complain(l, r, "mount", r->mount_origin, "%s: the gateway itself answers below /%.*s",
                 shown, SLICE_ARG(first));
}

/* What a store has in its folder. */
static const char *const store_names[] = {
    "cache",      "partial",        "pinned", "answers",       "sumdb",  "unverified",
    "quarantine", "stage",          "vcs",    "sumdb-host",    "served", "tombstones",
    "catalog.db", "catalog.db-wal", "lock",   "catalog.db-shm"};

/* The part of folder behind the other one, when it lies in there; else p == NULL. */
static struct slice behind(struct slice folder, struct slice outer)
{
    if (slice_eq(outer, S(".")))
        return folder;
    if (!slice_starts(folder, outer) || folder.n <= outer.n || folder.p[outer.n] != '/')
        return (struct slice){0};
    return slice_skip(folder, outer.n + 1);
}

static bool is_inside_store(struct slice folder, struct slice outer)
{
    struct slice rest = behind(folder, outer);
    return rest.p && is_word_of(first_element(rest), store_names, ARRAY_LEN(store_names));
}

static void check_folder(struct loader *l, const struct setting_repository *r)
{
    struct slice folder = config_folder(l->arena, r);
    const char *shown = quoted(l->arena, folder);
    if (slice_eq(folder, S(".")))
        return;
    if (!is_plain_path(folder, "-_.~"))
        complain(l, r, "folder", r->folder_origin,
                 "%s is no folder below data_dir: write elements of letters, digits, -, _ and ., "
                 "separated by /",
                 shown);
    else if (is_inside_store(folder, S(".")))
        complain(l, r, "folder", r->folder_origin,
                 "%s: data_dir keeps something else under this name", shown);
}

static void check_pair(struct loader *l, const struct setting_repository *r,
                       const struct setting_repository *before)
{
    bool have_folders = !is_kind(r, "group") && !is_kind(before, "group");
    struct slice mine = config_folder(l->arena, r), other = config_folder(l->arena, before);
    if (slice_eq(config_mount(r), config_mount(before)))
        complain(l, r, "mount", r->mount_origin, "/%.*s is the mount of %s already",
                 SLICE_ARG(config_mount(r)), before->name);
    if (have_folders && slice_eq(mine, other))
        complain(l, r, "folder", r->folder_origin, "%.*s is the folder of %s already",
                 SLICE_ARG(mine), before->name);
    if (have_folders && !slice_eq(other, S(".")) && !slice_eq(mine, S(".")) &&
        (is_inside_store(mine, other) || is_inside_store(other, mine)))
        complain(l, r, "folder", r->folder_origin,
                 "%.*s and %.*s (of %s) lie in each other's store", SLICE_ARG(mine),
                 SLICE_ARG(other), before->name);
}

/* ---- groups */

static const struct setting_repository *find(const struct settings *s, struct slice name)
{
    for (size_t i = 0; i < s->repositories.count; i++) {
        if (slice_eq(name, slice_of(s->repositories.rows[i].name)))
            return &s->repositories.rows[i];
    }
    return NULL;
}

static void check_member(struct loader *l, const struct setting_repository *r, struct slice name)
{
    const struct setting_repository *m = find(&l->s, name);
    if (!m)
        complain(l, r, "members", r->members_origin, "there is no repository %s",
                 quoted(l->arena, name));
    else if (is_kind(m, "group"))
        complain(l, r, "members", r->members_origin, "%s is a group too; name its members",
                 m->name);
}

/* The repository that a re-homed one takes its modules from. */
static void check_from(struct loader *l, const struct setting_repository *r)
{
    const struct setting_repository *from = find(&l->s, slice_of(r->from));
    if (!is_kind(r, "rehome"))
        return;
    if (!*r->from)
        complain(l, r, "from", r->from_origin, "is missing: name the repository with the modules");
    else if (!from)
        complain(l, r, "from", r->from_origin, "there is no repository %s",
                 quoted(l->arena, slice_of(r->from)));
    else if (is_kind(from, "group") || is_kind(from, "rehome"))
        complain(l, r, "from", r->from_origin,
                 "%s is of the kind %s; name a proxy, vcs or hosted one", from->name, from->kind);
}

/* Module paths are checked by who knows their rules; here only that each new path is one place. */
static void check_paths(struct loader *l, const struct setting_repository *r)
{
    for (size_t i = 0; i < r->paths.count; i++) {
        const struct setting_rule *rule = &r->paths.rows[i];
        for (size_t k = 0; k < i; k++) {
            if (strcmp(r->paths.rows[k].value, rule->value) == 0)
                complain(l, r, "paths", arena_cstr(l->arena, rule->origin),
                         "%s is the new path of %s already", rule->value, r->paths.rows[k].pattern);
        }
    }
}

static bool has_before(struct slice list, struct slice name, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(slice_trim(slice_cut(&list, ',')), name))
            return true;
    }
    return false;
}

static void check_members(struct loader *l, const struct setting_repository *r)
{
    struct slice rest = slice_of(r->members);
    for (size_t i = 0; *r->members && rest.p; i++) {
        struct slice name = slice_trim(slice_cut(&rest, ','));
        if (has_before(slice_of(r->members), name, i))
            complain(l, r, "members", r->members_origin, "%s stands there twice",
                     quoted(l->arena, name));
        else
            check_member(l, r, name);
    }
}

static void check_default(struct loader *l)
{
    const enum setting_id id = SETTING_ID_default_repository;
    struct slice name = slice_of(l->s.default_repository);
    struct slice fault = S("");
    if (name.n && !find(&l->s, name))
        fault = arena_printf(l->arena, "there is no repository %s", quoted(l->arena, name));
    else if (!name.n && l->s.repositories.count && !config_default_repository(&l->s))
        fault = S("is missing: name the repository that is served at /, because there is neither "
                  "one repository alone nor one group alone");
    if (!fault.n)
        return;
    struct slice origin = name.n ? l->s.origin[id] : l->s.section_origin[SECTION_repositories];
    loader_complain(l, id, name.n ? l->s.source[id] : SOURCE_FILE, origin, fault);
}

void loader_check_repositories(struct loader *l)
{
    for (size_t i = 0; i < l->s.repositories.count; i++) {
        const struct setting_repository *r = &l->s.repositories.rows[i];
        check_kind(l, r);
        check_uses(l, r);
        check_patterns(l, r);
        check_mount(l, r);
        check_folder(l, r);
        check_members(l, r);
        check_from(l, r);
        check_paths(l, r);
        for (size_t k = 0; k < i; k++)
            check_pair(l, r, &l->s.repositories.rows[k]);
    }
    check_default(l);
}

/* ---- what follows when a field is not given */

const char *config_owns(struct arena *a, const struct setting_repository *r)
{
    BUF_SCOPED(b);
    if (strcmp(r->kind, "rehome") != 0)
        return r->owns;
    for (size_t i = 0; i < r->paths.count; i++)
        buf_printf(&b, "%s%s", i ? "," : "", r->paths.rows[i].value);
    return arena_cstr(a, buf_slice(&b));
}

struct slice config_mount(const struct setting_repository *r)
{
    return slice_of(*r->mount ? r->mount : r->name);
}

struct slice config_folder(struct arena *a, const struct setting_repository *r)
{
    return *r->folder ? slice_of(r->folder) : arena_printf(a, "repositories/%s", r->name);
}

const struct setting_repository *config_default_repository(const struct settings *s)
{
    const struct setting_repository *group = NULL;
    if (*s->default_repository)
        return find(s, slice_of(s->default_repository));
    if (s->repositories.count == 1)
        return &s->repositories.rows[0];
    for (size_t i = 0; i < s->repositories.count; i++) {
        if (!is_kind(&s->repositories.rows[i], "group"))
            continue;
        if (group)
            return NULL;
        group = &s->repositories.rows[i];
    }
    return group;
}
