/*
 * What a module is in its repository, and which tags are its versions. A tag counts when it is a
 * canonical version behind the module's directory ("sub/v1.2.3"), no pseudo-version, and of the
 * major version that the path asks for. A repository whose root has no go.mod may also have
 * versions above v1 under its plain path, marked "+incompatible"; which of them are listed depends
 * on go.mod files, so that is where reading begins.
 */
#include "vcs/coderepo.h"

#include "gomod/pseudo.h"
#include "gomod/semver.h"
#include "vcs/coderepo_priv.h"

static bool has_path_prefix(struct slice path, struct slice prefix)
{
    return slice_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

struct slice repo_path(struct arena *a, struct slice dir, struct slice name)
{
    return dir.n ? arena_printf(a, "%.*s/%.*s", SLICE_ARG(dir), SLICE_ARG(name)) : name;
}

/* Adds the elements of a go-import's subdirectory to dir. */
static struct error *add_subdir(struct arena *a, const struct coderepo_place *p, struct slice *dir)
{
    struct slice rest = p->subdir;
    if (slice_starts(rest, S("/")) || slice_starts(rest, S("-")))
        return error_new(a, STATUS_NOT_FOUND, "%.*s: invalid subdirectory %.*s", SLICE_ARG(p->path),
                         SLICE_ARG(p->subdir));
    while (rest.p) {
        struct slice element = slice_cut(&rest, '/');
        if (slice_eq(element, S("..")))
            return error_new(a, STATUS_NOT_FOUND, "%.*s: invalid subdirectory %.*s",
                             SLICE_ARG(p->path), SLICE_ARG(p->subdir));
        if (element.n && !slice_eq(element, S(".")))
            *dir = repo_path(a, *dir, element);
    }
    return NULL;
}

struct error *coderepo_init(struct arena *a, const struct coderepo_place *p, struct coderepo *r)
{
    TRY(module_check_path(a, p->path));
    if (!has_path_prefix(p->path, p->root))
        return error_new(a, STATUS_NOT_FOUND, "mismatched repo: found %.*s for %.*s",
                         SLICE_ARG(p->root), SLICE_ARG(p->path));
    *r = (struct coderepo){.place = *p, .dir = S("")};
    if (!module_split_path_version(p->path, &r->path_prefix, &r->path_major))
        return error_new(a, STATUS_NOT_FOUND, "invalid module path %.*s", SLICE_ARG(p->path));
    if (slice_eq(p->root, p->path))
        r->path_prefix = p->path;
    else if (!has_path_prefix(r->path_prefix, p->root))
        return error_new(a, STATUS_NOT_FOUND,
                         "repository rooted at %.*s cannot contain module %.*s", SLICE_ARG(p->root),
                         SLICE_ARG(p->path));
    else
        r->dir = slice_skip(r->path_prefix, p->root.n + 1);
    return add_subdir(a, p, &r->dir);
}

struct slice tag_prefix(const struct coderepo *r, struct arena *a)
{
    return r->dir.n ? repo_path(a, r->dir, S("")) : S("");
}

struct slice rev_of_query(const struct coderepo *r, struct arena *a, struct slice query)
{
    struct slice rev = query;
    if (!semver_is_valid(query))
        return query;
    if (pseudo_is(query))
        return pseudo_rev(a, query, &rev) ? query : rev;
    if (slice_eq(semver_build(query), S("+incompatible")))
        rev.n -= sizeof("+incompatible") - 1;
    return repo_path(a, r->dir, rev);
}

bool is_fact(const struct error *e)
{
    return status_class(e->status) == CLASS_ABSENT;
}

struct error *invalid_version_because(const struct coderepo *r, struct ctx *cx,
                                      struct slice version, const struct error *cause)
{
    return error_wrap(cx->arena, cause, "%.*s@%.*s: invalid version", SLICE_ARG(r->place.path),
                      SLICE_ARG(version));
}

static bool is_gopkg_unstable(const struct coderepo *r)
{
    return slice_starts(r->place.path, S("gopkg.in/")) && slice_ends(r->place.path, S("-unstable"));
}

/* Versions above v1 may be +incompatible where neither path nor directory says otherwise. */
static bool may_be_incompatible(const struct coderepo *r, struct slice version)
{
    struct slice major = semver_major(version);
    return r->dir.n == 0 && r->path_major.n == 0 && !slice_eq(major, S("v0")) &&
           !slice_eq(major, S("v1"));
}

static void sort_tag(const struct coderepo *r, struct ctx *cx, struct slice version,
                     struct tagged_versions *out)
{
    if (version.n == 0 || !slice_eq(version, semver_canonical(cx->arena, version)) ||
        pseudo_is(version))
        return;
    if (module_match_path_major(version, r->path_major))
        out->versions[out->count++] = version;
    else if (may_be_incompatible(r, version))
        out->incompatible[out->incompatible_count++] = version;
}

struct error *tagged_versions(const struct coderepo *r, struct ctx *cx, struct tagged_versions *out)
{
    struct slice prefix = tag_prefix(r, cx->arena);
    size_t count;
    *out = (struct tagged_versions){0};
    if (is_gopkg_unstable(r))
        return NULL;
    TRY_CTX(cx->arena,
            r->place.host->ops->tags(r->place.host, cx, prefix, &out->tags, &count, &out->origin),
            "module %.*s", SLICE_ARG(r->place.path));
    out->tag_count = count;
    out->origin.subdir = r->dir;
    out->versions = ARENA_ARRAY(cx->arena, struct slice, 2 * count);
    out->incompatible = ARENA_ARRAY(cx->arena, struct slice, count);
    for (size_t i = 0; i < count; i++) {
        if (slice_starts(out->tags[i].name, prefix))
            sort_tag(r, cx, slice_skip(out->tags[i].name, prefix.n), out);
    }
    semver_sort(out->versions, out->count);
    semver_sort(out->incompatible, out->incompatible_count);
    return NULL;
}

static struct error *version_has_go_mod(const struct coderepo *r, struct ctx *cx,
                                        struct slice version, bool *has)
{
    struct codehost *host = r->place.host;
    struct slice path = S("go.mod");
    struct vcs_rev rev;
    TRY_CTX(cx->arena, host->ops->stat(host, cx, version, &rev), "module %.*s",
            SLICE_ARG(r->place.path));
    TRY_CTX(cx->arena, files_exist(host, cx, rev.name, &path, 1, has), "module %.*s",
            SLICE_ARG(r->place.path));
    return NULL;
}

/* Where the versions of one major end that begin at i. */
static size_t end_of_major(const struct tagged_versions *t, size_t i)
{
    struct slice major = semver_major(t->incompatible[i]);
    while (i < t->incompatible_count && slice_eq(semver_major(t->incompatible[i]), major))
        i++;
    return i;
}

/*
 * None, once the newest compatible version has a go.mod; else those of each major version whose
 * newest one has none.
 */
struct error *add_incompatible(const struct coderepo *r, struct ctx *cx, struct tagged_versions *t)
{
    bool has = false;
    if (t->incompatible_count && t->count)
        TRY(version_has_go_mod(r, cx, t->versions[t->count - 1], &has));
    if (has)
        return NULL;
    for (size_t i = 0, end; i < t->incompatible_count; i = end) {
        end = end_of_major(t, i);
        TRY(version_has_go_mod(r, cx, t->incompatible[end - 1], &has));
        for (; !has && i < end; i++)
            t->versions[t->count++] =
                arena_printf(cx->arena, "%.*s+incompatible", SLICE_ARG(t->incompatible[i]));
    }
    return NULL;
}

static int by_name(const void *name, const void *tag)
{
    return slice_cmp(*(const struct slice *)name, ((const struct vcs_tag *)tag)->name);
}

static struct vcs_tag tag_of_version(const struct coderepo *r, struct ctx *cx,
                                     const struct tagged_versions *t, struct slice version)
{
    struct slice name = rev_of_query(r, cx->arena, version);
    const struct vcs_tag *tag = bsearch(&name, t->tags, t->tag_count, sizeof(*t->tags), by_name);
    return tag ? *tag : (struct vcs_tag){.name = name, .hash = S("")};
}

struct error *coderepo_list(const struct coderepo *r, struct ctx *cx, struct vcs_answer *out)
{
    struct tagged_versions t;
    BUF_SCOPED(lines);
    TRY(tagged_versions(r, cx, &t));
    TRY(add_incompatible(r, cx, &t));
    *out = (struct vcs_answer){.source = r->place.url, .tag_count = t.count};
    out->tags = ARENA_ARRAY(cx->arena, struct vcs_tag, t.count);
    for (size_t i = 0; i < t.count; i++) {
        buf_add(&lines, t.versions[i]);
        buf_add_byte(&lines, '\n');
        out->tags[i] = tag_of_version(r, cx, &t, t.versions[i]);
    }
    out->body = arena_dup(cx->arena, buf_slice(&lines));
    return NULL;
}
