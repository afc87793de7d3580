/*
 * Which version of the module a commit is: what cmd/go/internal/modfetch.(*codeRepo).convert does.
 * In this order: a pseudo-version that was asked for and describes the commit; the tag that was
 * asked for; the highest tag on the commit; a pseudo-version above the highest tag below it.
 * Every candidate is judged by check_canonical(), which looks for the module's go.mod.
 *
 * What stays true: a rule that says no is NOT_FOUND with a reason, and the next rule is tried; any
 * other failure ends the search, so that trouble with the host never becomes another version. What
 * costs much (retractions, the tags below a commit) is asked for only when a rule needs it, and
 * before codehost.recent_tag, whose callback must not ask the codehost itself.
 */
#include "gomod/pseudo.h"
#include "gomod/semver.h"
#include "gomod/text.h"
#include "vcs/coderepo_priv.h"

static const struct slice INCOMPATIBLE = {.p = "+incompatible", .n = 13};

struct conversion {
    const struct coderepo *r;
    struct ctx *cx;
    const struct vcs_rev *rev;
    struct slice asked;   /* the query, "" for the newest commit */
    struct slice prefix;  /* of the module's tags */
    struct slice *majors; /* those of tags, sorted: "v2", "v3" */
    bool *major_has_go_mod;
    size_t major_count;
    bool takes_any_major; /* +incompatible was asked for, and there is no go.mod */
    struct retractions retractions;
    bool knows_retractions;
    struct resolved *out;
};

static struct slice without_incompatible(struct slice v)
{
    return slice_ends(v, INCOMPATIBLE) ? slice_head(v, v.n - INCOMPATIBLE.n) : v;
}

bool is_retracted(const struct retractions *t, struct slice version)
{
    for (size_t i = 0; i < t->count; i++) {
        if (semver_compare(t->list[i].low, version) <= 0 &&
            semver_compare(version, t->list[i].high) <= 0)
            return true;
    }
    return false;
}

struct retractions retractions_of(struct ctx *cx, struct slice go_mod)
{
    struct modfile f;
    if (!go_mod.p || modfile_parse(cx->arena, S("go.mod"), go_mod, MODFILE_LAX, &f))
        return (struct retractions){0};
    return (struct retractions){.list = f.retracts, .count = f.n_retracts};
}

/* The highest release, else the highest pre-release; empty when there are no versions. */
static struct slice highest_of(const struct tagged_versions *t)
{
    for (size_t i = t->count; i > 0; i--) {
        if (semver_prerelease(t->versions[i - 1]).n == 0)
            return t->versions[i - 1];
    }
    return t->count ? t->versions[t->count - 1] : S("");
}

static struct error *read_retractions(struct conversion *c)
{
    struct tagged_versions t;
    struct resolved highest;
    TRY(tagged_versions(c->r, c->cx, &t));
    struct slice version = highest_of(&t);
    if (version.n == 0)
        return NULL;
    TRY(resolve_content(c->r, c->cx, (struct content){.version = version}, &highest));
    c->retractions = retractions_of(c->cx, highest.place.go_mod);
    return NULL;
}

/* The highest version says what is retracted; one that cannot be read says nothing. */
static struct error *know_retractions(struct conversion *c)
{
    struct error *err = c->knows_retractions ? NULL : read_retractions(c);
    if (err && !is_fact(err))
        return err;
    c->knows_retractions = true;
    return NULL;
}

/* The version that a tag stands for, without build metadata; empty when it stands for none. */
static struct slice tag_version(const struct conversion *c, struct slice tag, bool *is_canonical)
{
    struct slice trimmed = slice_skip(tag, c->prefix.n);
    *is_canonical = false;
    if (!slice_starts(tag, c->prefix) || pseudo_is(tag))
        return S("");
    struct slice v = semver_canonical(c->cx->arena, trimmed);
    if (!slice_starts(trimmed, v))
        return S(""); /* vX or vX.Y */
    *is_canonical = v.n && v.n == trimmed.n;
    return v;
}

static bool is_above_v1(struct slice version)
{
    struct slice major = semver_major(version);
    return major.n && !slice_eq(major, S("v0")) && !slice_eq(major, S("v1"));
}

/*
 * A plain tag at the root of a repository, under a path that names no major version: only such a
 * one may be +incompatible, and only where there is no go.mod.
 */
static bool has_plain_path(const struct coderepo *r)
{
    return r->dir.n == 0 && r->path_major.n == 0;
}

static struct slice go_mod_of_major(const struct conversion *c, struct slice version)
{
    return repo_path(c->cx->arena, semver_major(version), S("go.mod"));
}

/* Whether go.mod files of major directories count: not when +incompatible was asked for. */
static bool minds_major_dirs(const struct conversion *c)
{
    return has_plain_path(c->r) && !slice_ends(c->asked, INCOMPATIBLE);
}

/* One major version that is likely to be looked at is read with the rest. */
static void want_major(struct conversion *c)
{
    struct slice likely = c->asked;
    bool is_canonical;
    for (size_t i = 0; i < c->rev->tag_count && !semver_is_valid(likely); i++)
        likely = tag_version(c, c->rev->tags[i], &is_canonical);
    if (minds_major_dirs(c) && is_above_v1(likely))
        commit_want(&c->out->files, go_mod_of_major(c, likely));
}

static struct error *root_has_go_mod(struct conversion *c, bool *has)
{
    struct slice body;
    TRY(commit_read(&c->out->files, S("go.mod"), &body));
    *has = body.p != NULL;
    return NULL;
}

static size_t sort_unique(struct slice *list, size_t n)
{
    size_t kept = 0;
    if (n)
        qsort(list, n, sizeof(*list), slice_cmp_qsort);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || !slice_eq(list[kept - 1], list[i]))
            list[kept++] = list[i];
    }
    return kept;
}

/* The major versions above v1 of tags, sorted. */
static void collect_majors(struct conversion *c, const struct slice *tags, size_t count)
{
    bool is_canonical;
    size_t n = 0;
    c->majors = ARENA_ARRAY(c->cx->arena, struct slice, count);
    for (size_t i = 0; i < count; i++) {
        struct slice v = tag_version(c, tags[i], &is_canonical);
        if (is_above_v1(v))
            c->majors[n++] = semver_major(v);
    }
    c->major_count = sort_unique(c->majors, n);
}

/* Learns which of the tags' major versions have a directory with a go.mod, where that counts. */
static struct error *know_majors(struct conversion *c, const struct slice *tags, size_t count)
{
    struct arena *a = c->cx->arena;
    bool has_go_mod = true;
    if (has_plain_path(c->r))
        TRY(root_has_go_mod(c, &has_go_mod));
    c->takes_any_major = !has_go_mod && !minds_major_dirs(c);
    if (has_go_mod || c->takes_any_major)
        return NULL;
    collect_majors(c, tags, count);
    struct slice *paths = ARENA_ARRAY(a, struct slice, c->major_count);
    c->major_has_go_mod = ARENA_ARRAY(a, bool, c->major_count);
    for (size_t i = 0; i < c->major_count; i++)
        paths[i] = repo_path(a, c->majors[i], S("go.mod"));
    return files_exist(c->r->place.host, c->cx, c->rev->name, paths, c->major_count,
                       c->major_has_go_mod);
}

/* False when nothing is known of the major version of v: see know_majors(). */
static bool look_up_major(const struct conversion *c, struct slice v, bool *has_go_mod)
{
    struct slice major = semver_major(v);
    if (c->major_count == 0)
        return false;
    const struct slice *found =
        bsearch(&major, c->majors, c->major_count, sizeof(major), slice_cmp_qsort);
    *has_go_mod = found && c->major_has_go_mod[found - c->majors];
    return found != NULL;
}

static struct error *major_has_go_mod(struct conversion *c, struct slice v, bool *has)
{
    struct slice path = go_mod_of_major(c, v), body;
    if (look_up_major(c, v, has))
        return NULL;
    if (!commit_wants(&c->out->files, path))
        return files_exist(c->r->place.host, c->cx, c->rev->name, &path, 1, has);
    TRY(commit_read(&c->out->files, path, &body));
    *has = body.p != NULL;
    return NULL;
}

static struct error *may_be_incompatible(struct conversion *c, struct slice v, bool *may)
{
    bool has_go_mod;
    *may = false;
    if (!has_plain_path(c->r))
        return NULL;
    TRY(root_has_go_mod(c, &has_go_mod));
    if (!has_go_mod && minds_major_dirs(c))
        TRY(major_has_go_mod(c, v, &has_go_mod));
    *may = !has_go_mod;
    return NULL;
}

static struct error *wrong_major(struct conversion *c, struct slice v)
{
    if (c->r->path_major.n)
        return invalid_version(
            c->r, c->cx, v,
            "module path includes a major version suffix, so major version must match");
    return invalid_version(c->r, c->cx, v,
                           "module contains a go.mod file, so module path must match major version "
                           "(\"%.*s/%.*s\")",
                           SLICE_ARG(c->r->path_prefix), SLICE_ARG(semver_major(v)));
}

/* Adds +incompatible to *v where it belongs; `why` is a fact that forbids the version. */
static struct error *settle_incompatible(struct conversion *c, struct slice *v, struct error **why)
{
    struct slice base = without_incompatible(*v);
    bool may;
    *why = NULL;
    if (module_match_path_major(base, c->r->path_major)) {
        if (base.n != v->n)
            *why = invalid_version(c->r, c->cx, *v,
                                   "+incompatible suffix not allowed: major version %.*s is "
                                   "compatible",
                                   SLICE_ARG(semver_major(*v)));
        return NULL;
    }
    TRY(may_be_incompatible(c, base, &may));
    if (may)
        *v = arena_printf(c->cx->arena, "%.*s+incompatible", SLICE_ARG(base));
    else
        *why = wrong_major(c, *v);
    return NULL;
}

static bool is_canonical_query(const struct conversion *c)
{
    return c->asked.n && slice_eq(c->asked, module_canonical_version(c->cx->arena, c->asked));
}

/* A tag that looks like a pseudo-version means the commit it speaks of, wherever it stands. */
static struct error *check_named_commit(struct conversion *c, struct slice v)
{
    struct slice rev;
    if (!pseudo_is(v))
        return NULL;
    TRY(pseudo_rev(c->cx->arena, v, &rev));
    if (slice_starts(c->rev->name, rev))
        return NULL;
    return invalid_version(c->r, c->cx, v, "unknown revision %.*s", SLICE_ARG(rev));
}

/*
 * Settles that the commit is version v, or v+incompatible. A query that is a canonical version may
 * resolve to nothing but itself.
 */
static struct error *check_canonical(struct conversion *c, struct slice v)
{
    TRY(check_named_commit(c, v));
    struct error *why = module_find(&c->out->files, v, &c->out->place);
    if (why)
        return invalid_version_because(c->r, c->cx, v, why);
    struct slice asked_base = without_incompatible(c->asked);
    if (slice_eq(v, asked_base))
        v = c->asked;
    TRY(settle_incompatible(c, &v, &why));
    if (is_canonical_query(c) && !slice_eq(asked_base, without_incompatible(v)))
        return invalid_version(c->r, c->cx, c->asked,
                               "resolves to version %.*s (%.*s is not a tag)", SLICE_ARG(v),
                               SLICE_ARG(asked_base));
    c->out->version = v;
    return why;
}

static struct error *is_allowed_major(struct conversion *c, struct slice v, bool *allowed)
{
    *allowed = module_match_path_major(v, c->r->path_major);
    return *allowed ? NULL : may_be_incompatible(c, v, allowed);
}

/* Takes v as the highest version so far if it may stand for the commit. */
static struct error *take_highest(struct conversion *c, struct slice v, struct slice *highest)
{
    bool allowed;
    if (semver_compare(*highest, v) >= 0)
        return NULL;
    TRY(is_allowed_major(c, v, &allowed));
    if (!allowed)
        return NULL;
    TRY(know_retractions(c));
    if (!is_retracted(&c->retractions, v))
        *highest = v;
    return NULL;
}

/*
 * Looks at the tags on the commit. *version gets the canonical one to use; else *base may get one
 * that is equal to the query but for build metadata, on which a pseudo-version can stand.
 */
static struct error *look_at_tags(struct conversion *c, struct slice *version, struct slice *base)
{
    const struct vcs_rev *rev = c->rev;
    *version = *base = S("");
    TRY(know_majors(c, rev->tags, rev->tag_count));
    for (size_t i = 0; i < rev->tag_count; i++) {
        bool is_canonical;
        struct slice v = tag_version(c, rev->tags[i], &is_canonical);
        if (v.n && semver_compare(v, c->asked) == 0) {
            if (is_canonical) {
                *version = v;
                return NULL;
            }
            *base = v;
        }
        if (is_canonical)
            TRY(take_highest(c, v, version));
    }
    return NULL;
}

/* For codehost.recent_tag: everything it needs is known. */
static bool is_base_tag(void *arg, struct slice tag)
{
    const struct conversion *c = arg;
    bool is_canonical, has_go_mod = true;
    struct slice v = tag_version(c, tag, &is_canonical);
    if (v.n == 0 || is_retracted(&c->retractions, v))
        return false;
    if (module_match_path_major(v, c->r->path_major))
        return true;
    return c->takes_any_major || (look_up_major(c, v, &has_go_mod) && !has_go_mod);
}

static struct slice *names_of(struct arena *a, const struct vcs_tag *tags, size_t count)
{
    struct slice *names = ARENA_ARRAY(a, struct slice, count);
    for (size_t i = 0; i < count; i++)
        names[i] = tags[i].name;
    return names;
}

/* The highest tag below the commit on which a pseudo-version may stand; empty if there is none. */
static struct error *look_below(struct conversion *c, struct slice *base)
{
    struct codehost *host = c->r->place.host;
    struct vcs_origin unused;
    struct vcs_tag *tags;
    struct slice tag = S("");
    size_t count;
    bool is_canonical, any = false;
    TRY(host->ops->tags(host, c->cx, c->prefix, &tags, &count, &unused));
    TRY(know_majors(c, names_of(c->cx->arena, tags, count), count));
    for (size_t i = 0; i < count && !any; i++)
        any = is_base_tag(c, tags[i].name);
    if (!any)
        return NULL;
    TRY(know_retractions(c));
    TRY(host->ops->recent_tag(host, c->cx, c->rev->name, c->prefix, is_base_tag, c, &tag));
    *base = tag.n ? tag_version(c, tag, &is_canonical) : S("");
    return NULL;
}

static bool is_tag_of(const struct vcs_rev *rev, struct slice name)
{
    size_t i = 0;
    while (i < rev->tag_count && !slice_eq(rev->tags[i], name))
        i++;
    return i < rev->tag_count;
}

static struct error *convert_asked_pseudo(struct conversion *c)
{
    TRY(check_canonical(c, c->asked));
    return pseudo_validate(c->r, c->cx, c->rev, c->asked);
}

static struct error *convert(struct conversion *c)
{
    struct slice version, base;
    bool is_canonical;
    want_major(c);
    if (pseudo_is(c->asked))
        return convert_asked_pseudo(c);
    version = tag_version(c, c->rev->version, &is_canonical);
    if (is_canonical && is_tag_of(c->rev, c->rev->version)) {
        struct error *err = check_canonical(c, version);
        if (!err || !is_fact(err))
            return err;
    }
    TRY(look_at_tags(c, &version, &base));
    if (version.n)
        return check_canonical(c, version);
    if (base.n == 0)
        TRY_CTX(c->cx->arena, look_below(c, &base), "module %.*s", SLICE_ARG(c->r->place.path));
    return check_canonical(c, pseudo_make(c->cx->arena, module_path_major_prefix(c->r->path_major),
                                          base, c->rev->time_unix_s, c->rev->short_name));
}

static struct error *resolve_rev(const struct coderepo *r, struct ctx *cx,
                                 const struct vcs_rev *rev, struct slice asked,
                                 struct resolved *out)
{
    struct conversion c = {.r = r, .cx = cx, .rev = rev, .asked = asked, .out = out};
    c.prefix = tag_prefix(r, cx->arena);
    out->commit = rev->name;
    out->time_unix_s = rev->time_unix_s;
    out->origin = rev->origin;
    out->origin.subdir = r->dir;
    return convert(&c);
}

static struct error *stat_query(const struct coderepo *r, struct ctx *cx, struct slice query,
                                struct vcs_rev *rev)
{
    struct slice name = rev_of_query(r, cx->arena, query);
    struct error *err = r->place.host->ops->stat(r->place.host, cx, name, rev);
    return err ? invalid_version_because(r, cx, query, err) : NULL;
}

struct error *resolve_query(const struct coderepo *r, struct ctx *cx, struct slice query,
                            struct resolved *out)
{
    struct vcs_rev rev;
    TRY(stat_query(r, cx, query, &rev));
    *out = (struct resolved){.files = commit_files_of(r, cx, rev.name, false)};
    return resolve_rev(r, cx, &rev, query, out);
}

struct error *resolve_newest(const struct coderepo *r, struct ctx *cx, struct resolved *out)
{
    struct vcs_rev rev;
    TRY_CTX(cx->arena, r->place.host->ops->latest(r->place.host, cx, &rev), "module %.*s",
            SLICE_ARG(r->place.path));
    *out = (struct resolved){.files = commit_files_of(r, cx, rev.name, false)};
    return resolve_rev(r, cx, &rev, S(""), out);
}

/* The commit of a version that was served before. */
static struct error *stat_commit(const struct coderepo *r, struct ctx *cx, struct content wanted,
                                 struct vcs_rev *rev)
{
    struct slice v = wanted.version, pseudo = S("");
    struct error *err = r->place.host->ops->stat(r->place.host, cx, wanted.commit, rev);
    if (err && is_fact(err))
        return error_as(cx->arena, STATUS_MISMATCH, err,
                        "%.*s@%.*s was served from commit %.*s, which the repository does not have "
                        "any more",
                        SLICE_ARG(r->place.path), SLICE_ARG(v), SLICE_ARG(wanted.commit));
    if (err)
        return err;
    if (pseudo_is(v) && (pseudo_rev(cx->arena, v, &pseudo) || !slice_starts(rev->name, pseudo)))
        return error_new(cx->arena, STATUS_MISMATCH, "%.*s@%.*s does not name commit %.*s",
                         SLICE_ARG(r->place.path), SLICE_ARG(v), SLICE_ARG(wanted.commit));
    return NULL;
}

/* go reads the files of a branch that is named like a version too, here only a tag is one. */
static struct error *stat_tag(const struct coderepo *r, struct ctx *cx, struct slice version,
                              struct vcs_rev *rev)
{
    TRY(stat_query(r, cx, version, rev));
    if (is_tag_of(rev, rev_of_query(r, cx->arena, version)))
        return NULL;
    return invalid_version(r, cx, version, "%.*s is not a tag",
                           SLICE_ARG(without_incompatible(version)));
}

static struct error *check_is_canonical(const struct coderepo *r, struct ctx *cx, struct slice v)
{
    if (v.n && slice_eq(v, module_canonical_version(cx->arena, v)))
        return NULL;
    return error_new(cx->arena, STATUS_NOT_FOUND, "%.*s: version %s is not canonical",
                     SLICE_ARG(r->place.path), text_quote(cx->arena, v));
}

struct error *resolve_content(const struct coderepo *r, struct ctx *cx, struct content wanted,
                              struct resolved *out)
{
    struct slice v = wanted.version;
    struct vcs_rev rev;
    TRY(check_is_canonical(r, cx, v));
    if (wanted.commit.n)
        TRY(stat_commit(r, cx, wanted, &rev));
    else if (pseudo_is(v))
        TRY(stat_query(r, cx, v, &rev));
    else
        TRY(stat_tag(r, cx, v, &rev));
    *out = (struct resolved){.version = v, .commit = rev.name};
    out->files = commit_files_of(r, cx, rev.name, wanted.for_zip);
    if (pseudo_is(v) && wanted.commit.n == 0)
        return resolve_rev(r, cx, &rev, v, out);
    struct error *err = module_find(&out->files, v, &out->place);
    return err ? invalid_version_because(r, cx, v, err) : NULL;
}
