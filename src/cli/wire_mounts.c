/* From the settings' repositories to the table of mounts. */
#include "cli/wire.h"

static bool is_group(const struct setting_repository *r)
{
    return strcmp(r->kind, "group") == 0;
}

static enum repo_kind kind_of(const struct setting_repository *r)
{
    return strcmp(r->kind, "vcs") == 0      ? REPO_VCS
           : strcmp(r->kind, "hosted") == 0 ? REPO_HOSTED
           : strcmp(r->kind, "rehome") == 0 ? REPO_REHOMED
                                            : REPO_PROXY;
}

const char *wire_folder(struct arena *a, const struct settings *s,
                        const struct setting_repository *r)
{
    struct slice folder = config_folder(a, r);
    if (slice_eq(folder, S(".")))
        return s->data_dir;
    return arena_printf(a, "%s/%.*s", s->data_dir, SLICE_ARG(folder)).p;
}

struct error *wire_find(struct arena *a, const struct settings *s, const char *name,
                        const struct setting_repository **out)
{
    BUF_SCOPED(known);
    for (size_t i = 0; i < s->repositories.count; i++) {
        const struct setting_repository *r = &s->repositories.rows[i];
        if (is_group(r))
            continue;
        buf_printf(&known, "%s%s", known.n ? ", " : "", r->name);
        *out = r;
        if (strcmp(r->name, name) == 0)
            return NULL;
    }
    if (known.n == 0)
        return error_new(a, STATUS_BAD_USAGE, "the settings have no repositories, so no '%s'",
                         name);
    return error_new(a, STATUS_BAD_USAGE, "no repository '%s' with a store; there are %s", name,
                     known.p);
}

/* ---- specs */

static struct error *spec_of(struct arena *a, const struct settings *s,
                             const struct setting_repository *r, struct mount_spec *out)
{
    const char *folder = wire_folder(a, s, r);
    *out = (struct mount_spec){
        .name = r->name,
        .mount = arena_cstr(a, config_mount(r)),
        .members = is_group(r) ? r->members : NULL,
        .kind = kind_of(r),
        .from = r->from,
        .dir = strcmp(folder, s->data_dir) == 0 ? NULL : folder,
        .max_bytes = r->max_size_origin ? r->max_size : s->store_max_size,
    };
    if (is_group(r))
        return NULL;
    TRY_CTX(a, wire_sources(a, s, r, &out->sources), "repository %s", r->name);
    return NULL;
}

/* The one that is there without settings for any. */
static struct error *plain_spec(struct arena *a, const struct settings *s, struct mount_spec *out)
{
    *out = (struct mount_spec){
        .name = "", .mount = "", .kind = REPO_PROXY, .max_bytes = s->store_max_size};
    return wire_sources(a, s, NULL, &out->sources);
}

static struct error *make_specs(struct arena *a, const struct settings *s, struct mount_spec *specs,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error *err = s->repositories.count
                                ? spec_of(a, s, &s->repositories.rows[i], &specs[i])
                                : plain_spec(a, s, &specs[i]);
        if (!err)
            continue;
        while (i-- > 0)
            wire_sources_release(&specs[i].sources);
        return err;
    }
    return NULL;
}

struct error *wire_mounts(struct arena *a, const struct settings *s, struct mounts *m)
{
    const struct setting_repository *at_root = config_default_repository(s);
    size_t count = s->repositories.count ? s->repositories.count : 1;
    struct mount_spec *specs = ARENA_ARRAY(a, struct mount_spec, count);
    TRY(make_specs(a, s, specs, count));
    return mounts_set(a, m, specs, count, at_root ? (size_t)(at_root - s->repositories.rows) : 0);
}
