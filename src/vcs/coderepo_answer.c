/*
 * The answers for .info, .mod and @latest, from versions that coderepo_resolve.c found.
 *
 * An .info that is asked for by its own version never changes, so it holds only what stays true. An
 * answer to a query (branch, commit, latest) says in its Origin what it depended on, as go does:
 * the ref, and a checksum of the tags that a pseudo-version might have been built on.
 */
#include "gomod/pseudo.h"
#include "gomod/semver.h"
#include "vcs/coderepo.h"
#include "vcs/coderepo_priv.h"
#include "vcs/info.h"

static void answer(const struct coderepo *r, struct ctx *cx, const struct resolved *v,
                   const struct vcs_origin *origin, struct vcs_answer *out)
{
    *out = (struct vcs_answer){
        .body = vcs_info_json(cx->arena, v->version, v->time_unix_s, origin),
        .version = v->version,
        .commit = v->commit,
        .source = r->place.url,
    };
}

/* What stays true of a version (source: writeDiskStat in cmd/go/internal/modfetch/cache.go). */
static struct vcs_origin lasting_origin(const struct resolved *v)
{
    struct vcs_origin o = v->origin;
    o.tag_prefix = o.tag_sum = o.repo_sum = S("");
    if (pseudo_is(v->version))
        o.ref = S("");
    return o;
}

static void take_sums(struct vcs_origin *o, const struct vcs_origin *tags)
{
    o->tag_prefix = tags->tag_prefix;
    o->tag_sum = tags->tag_sum;
    if (tags->repo_sum.n)
        o->repo_sum = tags->repo_sum;
}

/* A pseudo-version that was worked out depends on the tags of its major version. */
static struct error *origin_of_query(const struct coderepo *r, struct ctx *cx,
                                     const struct resolved *v, struct vcs_origin *o)
{
    struct codehost *host = r->place.host;
    struct slice prefix = tag_prefix(r, cx->arena);
    struct vcs_origin of_tags = {0};
    struct vcs_tag *tags;
    size_t count;
    *o = v->origin;
    if (!pseudo_is(v->version))
        return NULL;
    if (r->path_major.n)
        prefix = arena_printf(cx->arena, "%.*s%.*s.", SLICE_ARG(prefix),
                              SLICE_ARG(slice_skip(r->path_major, 1)));
    TRY_CTX(cx->arena, host->ops->tags(host, cx, prefix, &tags, &count, &of_tags), "module %.*s",
            SLICE_ARG(r->place.path));
    take_sums(o, &of_tags);
    return NULL;
}

/*
 * A version with build metadata that is no tag means the one without, as in queryProxy of
 * cmd/go/internal/modload/query.go.
 */
static struct error *resolve_equivalent(const struct coderepo *r, struct ctx *cx,
                                        struct slice query, struct resolved *v)
{
    struct slice canonical = module_canonical_version(cx->arena, query);
    struct error *err = resolve_query(r, cx, query, v);
    if (!err || !is_fact(err) || semver_build(query).n == 0 || slice_eq(query, canonical))
        return err;
    struct error *second = resolve_query(r, cx, canonical, v);
    return second && is_fact(second) ? err : second;
}

struct error *coderepo_info(const struct coderepo *r, struct ctx *cx, struct slice query,
                            struct vcs_answer *out)
{
    struct resolved v;
    struct vcs_origin origin;
    if (slice_eq(query, S("latest")))
        return coderepo_latest(r, cx, out);
    TRY(resolve_equivalent(r, cx, query, &v));
    if (slice_eq(query, v.version))
        origin = lasting_origin(&v);
    else
        TRY(origin_of_query(r, cx, &v, &origin));
    answer(r, cx, &v, &origin, out);
    return NULL;
}

/* What go writes for a module without a go.mod (modfetch.LegacyGoMod). */
static struct slice made_go_mod(const struct coderepo *r, struct arena *a)
{
    return arena_printf(a, "module %.*s\n", SLICE_ARG(r->place.path));
}

struct error *coderepo_mod(const struct coderepo *r, struct ctx *cx, struct slice version,
                           struct slice commit, struct vcs_answer *out)
{
    struct resolved v;
    TRY(resolve_content(r, cx, (struct content){.version = version, .commit = commit}, &v));
    *out = (struct vcs_answer){
        .body = v.place.go_mod.p ? v.place.go_mod : made_go_mod(r, cx->arena),
        .version = version,
        .commit = v.commit,
        .source = r->place.url,
    };
    return NULL;
}

/* Searching for the latest version. */
struct latest {
    const struct coderepo *r;
    struct ctx *cx;
    struct tagged_versions tagged; /* +incompatible ones too */
    struct retractions retractions;
};

static bool has_real_go_mod(const struct latest *l, struct slice go_mod)
{
    return go_mod.p && !slice_eq(go_mod, made_go_mod(l->r, l->cx->arena));
}

/*
 * How many of the versions come into question: once the highest compatible one that is allowed has
 * a go.mod, +incompatible ones do not. (filterVersions in cmd/go/internal/modload/query.go)
 */
static struct error *count_candidates(const struct latest *l, size_t *count)
{
    struct slice last = S("");
    struct resolved v;
    *count = l->tagged.count;
    for (size_t i = 0; i < l->tagged.count; i++) {
        struct slice version = l->tagged.versions[i];
        if (is_retracted(&l->retractions, version))
            continue;
        if (!slice_ends(version, S("+incompatible"))) {
            last = version;
            continue;
        }
        if (last.n == 0)
            return NULL;
        TRY(resolve_content(l->r, l->cx, (struct content){.version = last}, &v));
        if (has_real_go_mod(l, v.place.go_mod))
            *count = i;
        return NULL;
    }
    return NULL;
}

/* The highest release that is not retracted, else the highest such pre-release, else nothing. */
static struct error *choose(const struct latest *l, struct slice *version)
{
    size_t count;
    *version = S("");
    TRY(count_candidates(l, &count));
    for (size_t i = count; i > 0; i--) {
        struct slice v = l->tagged.versions[i - 1];
        if (is_retracted(&l->retractions, v))
            continue;
        if (semver_prerelease(v).n == 0) {
            *version = v;
            return NULL;
        }
        if (version->n == 0)
            *version = v;
    }
    return NULL;
}

/* The chosen version, or the newest commit when none was. */
static struct error *resolve_choice(const struct latest *l, struct slice version,
                                    struct resolved *out)
{
    return version.n ? resolve_query(l->r, l->cx, version, out) : resolve_newest(l->r, l->cx, out);
}

/*
 * The go.mod of the highest version of all says which are retracted, itself perhaps among them. One
 * that cannot be had is no reason not to answer: then the next step says what is wrong.
 */
static struct error *find_latest(struct latest *l, struct resolved *v)
{
    struct slice highest, version;
    TRY(choose(l, &highest));
    TRY(resolve_choice(l, highest, v));
    l->retractions = retractions_of(l->cx, v->place.go_mod);
    if (!is_retracted(&l->retractions, v->version))
        return NULL;
    TRY(choose(l, &version));
    if (version.n || highest.n)
        TRY(resolve_choice(l, version, v));
    if (!is_retracted(&l->retractions, v->version))
        return NULL;
    return error_new(l->cx->arena, STATUS_NOT_FOUND,
                     "module %.*s: no matching versions for query \"latest\": all are retracted",
                     SLICE_ARG(l->r->place.path));
}

struct error *coderepo_latest(const struct coderepo *r, struct ctx *cx, struct vcs_answer *out)
{
    struct latest l = {.r = r, .cx = cx};
    struct resolved v;
    struct vcs_origin origin;
    TRY(tagged_versions(r, cx, &l.tagged));
    TRY(add_incompatible(r, cx, &l.tagged));
    TRY(find_latest(&l, &v));
    TRY(origin_of_query(r, cx, &v, &origin));
    if (!pseudo_is(v.version))
        take_sums(&origin, &l.tagged.origin);
    answer(r, cx, &v, &origin, out);
    return NULL;
}
