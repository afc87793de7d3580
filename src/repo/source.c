/*
 * Where the parts of a module come from: the list of mirrors that is for its path, and version
 * control behind "direct" and for private paths.
 *
 * A job begins in the lane of the mirrors unless all that it can ask is version control; when the
 * walk through a list comes to "direct", the flight moves to the lane of version control
 * (wants_direct) and asks only there. So a slow git host never holds up a mirror.
 */
#include "repo/repo_priv.h"

#include "ops/log.h"
#include "ops/metrics.h"

#include "gomod/module.h"

bool is_refetchable(const struct resolve *r)
{
    return r->leg != FLIGHT_DIRECT && r->repo->o.kind != REPO_REHOMED;
}

bool path_is_private(const struct source_set *set, struct slice path)
{
    return path.n && module_match_prefix_patterns(slice_of(set->s.private_patterns), path);
}

enum flight_leg first_leg(void *repo, const struct question *q)
{
    struct repo *r = repo;
    struct source_set *set = sources_take(r);
    if (r->o.kind == REPO_REHOMED && q->mv.path.n) {
        enum flight_leg leg = rehomed_leg(set, q);
        sources_drop(set);
        return leg;
    }
    bool is_direct =
        q->mv.path.n && (!question_is_sumdb(q->kind) || is_hosted(repo, q)) &&
        (path_is_private(set, q->mv.path) || fetcher_is_direct(set->s.fetcher, q->mv.path));
    sources_drop(set);
    return is_direct ? FLIGHT_DIRECT : FLIGHT_UPSTREAM;
}

struct slice answer_key(struct arena *a, const struct source_set *set, const struct question *q)
{
    if (question_is_sumdb(q->kind) || !path_is_private(set, q->mv.path))
        return q->key;
    return arena_printf(a, "private/%.*s", SLICE_ARG(q->key));
}

struct error *question_rel(struct arena *a, enum question_kind kind, struct module_version mv,
                           struct slice *rel)
{
    switch (kind) {
    case QUESTION_LIST:
        return module_rel(a, mv.path, "@v/list", rel);
    case QUESTION_LATEST:
        return module_rel(a, mv.path, "@latest", rel);
    case QUESTION_MOD:
        return version_rel(a, mv, "mod", rel);
    case QUESTION_ZIP:
        return version_rel(a, mv, "zip", rel);
    case QUESTION_SIGNATURE:
        return version_rel(a, mv, "zip.sig", rel);
    default:
        return version_rel(a, mv, "info", rel);
    }
}

static size_t max_of(enum question_kind kind)
{
    return kind == QUESTION_LIST        ? LIST_MAX_BYTES
           : kind == QUESTION_MOD       ? MOD_MAX_BYTES
           : kind == QUESTION_SIGNATURE ? TRUST_MAX_BYTES
                                        : INFO_MAX_BYTES;
}

/* A tag that names another commit than the version that was served: told, and never followed. */
static void report_moved(struct resolve *r, struct module_version mv, struct slice now)
{
    bool found;
    struct slice info, served;
    if (artefact_stored(r, mv, ARTEFACT_INFO, &found, &info) || !found)
        return;
    served = info_commit(r->cx->arena, info);
    if (served.n == 0 || slice_eq(served, now))
        return;
    metric_add(METRIC_TAGS_MOVED, 1);
    log_line(LOG_ERROR, "a tag has moved: the version stays what it was when it was first served",
             LOG_STR("module", mv.path), LOG_STR("version", mv.version),
             LOG_STR("served_commit", served), LOG_STR("tag_commit", now));
}

static struct error *ask_vcs(struct resolve *r, enum question_kind kind, struct module_version mv,
                             struct vcs_answer *v)
{
    struct vcs *vcs = r->set->s.vcs;
    switch (kind) {
    case QUESTION_LIST:
        TRY(vcs_list(vcs, r->cx, mv.path, v));
        for (size_t i = 0; i < v->tag_count; i++)
            report_moved(r, (struct module_version){mv.path, v->tags[i].name}, v->tags[i].hash);
        return NULL;
    case QUESTION_LATEST:
        return vcs_latest(vcs, r->cx, mv.path, v);
    case QUESTION_MOD: {
        struct slice info;
        TRY(artefact_info(r, mv, &info));
        return vcs_mod(vcs, r->cx, mv, info_commit(r->cx->arena, info), v);
    }
    default:
        return vcs_info(vcs, r->cx, mv, v);
    }
}

/* What a mirror said of a path before it was private is not given for what version control says. */
static struct error *refuse_foreign_copy(struct resolve *r, struct module_version mv)
{
    bool has_info = false, has_mod = false;
    struct slice body;
    struct arena *a = r->cx->arena;
    if (!path_is_private(r->set, mv.path) || store_is_pinned(r->repo->o.store, a, mv))
        return NULL;
    TRY(artefact_stored(r, mv, ARTEFACT_INFO, &has_info, &body));
    TRY(artefact_stored(r, mv, ARTEFACT_MOD, &has_mod, &body));
    if (!has_info && !has_mod)
        return NULL;
    return error_new(a, STATUS_MISMATCH,
                     "%.*s@%.*s was stored from a mirror before its path was private, and is not "
                     "given any more: remove its files below %s and its partial folder",
                     SLICE_ARG(mv.path), SLICE_ARG(mv.version), store_tree(r->repo->o.store));
}

static struct error *no_vcs(struct resolve *r, struct slice path)
{
    return error_new(r->cx->arena, STATUS_UPSTREAM_OFF,
                     "%.*s comes from version control, which is not set up here", SLICE_ARG(path));
}

static struct error *url_of(struct resolve *r, struct slice proxy, enum question_kind kind,
                            struct module_version mv, struct slice *url)
{
    struct slice rel;
    TRY(question_rel(r->cx->arena, kind, mv, &rel));
    *url = arena_printf(r->cx->arena, "%.*s/%.*s", SLICE_ARG(proxy), SLICE_ARG(rel));
    return NULL;
}

/* The go-import tag of the path says "mod": it names a GOPROXY. */
static struct error *small_from_proxy(struct resolve *r, struct slice proxy,
                                      enum question_kind kind, struct module_version mv,
                                      struct fetch_answer *got)
{
    struct slice url;
    TRY(url_of(r, proxy, kind, mv, &url));
    return fetch_url(r->set->s.fetcher, r->cx, url, max_of(kind), got);
}

static struct error *small_from_vcs(struct resolve *r, enum question_kind kind,
                                    struct module_version mv, struct fetch_answer *got)
{
    struct vcs_answer v = {0};
    if (!r->set->s.vcs)
        return no_vcs(r, mv.path);
    if (mv.version.n)
        TRY(refuse_foreign_copy(r, mv));
    struct error *err = ask_vcs(r, kind, mv, &v);
    if (err && v.proxy.n)
        return small_from_proxy(r, v.proxy, kind, mv, got);
    if (err)
        return err;
    *got = (struct fetch_answer){.body = v.body, .size = v.body.n, .upstream = v.source};
    return NULL;
}

/* The walk through the mirrors is over. */
static struct error *after_mirrors(struct resolve *r, struct error *err,
                                   const struct fetch_answer *got)
{
    r->wants_direct |= err && got->reached_direct;
    return err;
}

struct error *source_small(struct resolve *r, enum question_kind kind, struct module_version mv,
                           struct fetch_answer *got)
{
    struct slice rel;
    if (r->repo->o.kind == REPO_REHOMED)
        return rehomed_small(r, kind, mv, got);
    if (r->leg == FLIGHT_DIRECT)
        return small_from_vcs(r, kind, mv, got);
    TRY(question_rel(r->cx->arena, kind, mv, &rel));
    return after_mirrors(r, fetch_small(r->set->s.fetcher, r->cx, rel, max_of(kind), got), got);
}

static struct error *zip_from_vcs(struct resolve *r, const char *path, struct fetch_answer *got)
{
    struct vcs_answer v = {0};
    struct slice info;
    const struct question *q = r->q;
    if (!r->set->s.vcs)
        return no_vcs(r, q->mv.path);
    TRY(refuse_foreign_copy(r, q->mv));
    TRY(artefact_info(r, q->mv, &info));
    struct error *err = vcs_zip(r->set->s.vcs, r->cx, q->mv, info_commit(r->cx->arena, info), path,
                                r->set->s.max_zip_bytes, &v);
    if (err && v.proxy.n) {
        struct slice url;
        TRY(url_of(r, v.proxy, QUESTION_ZIP, q->mv, &url));
        return fetch_url_file(r->set->s.fetcher, r->cx, url, path, r->set->s.max_zip_bytes, got);
    }
    if (err)
        return err;
    *got = (struct fetch_answer){.size = v.size, .upstream = v.source};
    return NULL;
}

struct error *source_zip(struct resolve *r, const char *path, struct fetch_answer *got)
{
    struct slice rel;
    if (r->repo->o.kind == REPO_REHOMED)
        return rehomed_zip(r, path, got);
    if (r->leg == FLIGHT_DIRECT)
        return zip_from_vcs(r, path, got);
    TRY(question_rel(r->cx->arena, QUESTION_ZIP, r->q->mv, &rel));
    return after_mirrors(
        r, fetch_file(r->set->s.fetcher, r->cx, rel, path, r->set->s.max_zip_bytes, got), got);
}
