/*
 * Whether a pseudo-version is one of the few that a commit may have. It must say the commit's time
 * and the first twelve digits of its hash, and stand just above a tag on the commit or below it:
 * else an author could name a commit as high as he likes, and each commit would have endless names.
 */
#include "gomod/pseudo.h"
#include "gomod/semver.h"
#include "vcs/coderepo_priv.h"

struct check {
    const struct coderepo *r;
    struct ctx *cx;
    const struct vcs_rev *rev;
    struct slice version;
};

#define wrong(c, ...) error_new((c)->cx->arena, STATUS_NOT_FOUND, __VA_ARGS__)

static struct error *check_rev(const struct check *c)
{
    struct slice rev, wanted = c->rev->short_name;
    TRY(pseudo_rev(c->cx->arena, c->version, &rev));
    if (slice_eq(rev, wanted))
        return NULL;
    const char *why = "does not match short name of revision";
    if (slice_starts(rev, wanted))
        why = "revision is longer than canonical";
    else if (slice_starts(wanted, rev))
        why = "revision is shorter than canonical";
    return wrong(c, "%s (expected %.*s)", why, SLICE_ARG(wanted));
}

/* The time of a commit as a pseudo-version writes it. */
static struct slice stamp(struct arena *a, int64_t unix_s)
{
    const struct slice before = S("v0.0.0-");
    return slice_head(slice_skip(pseudo_make(a, S(""), S(""), unix_s, S("0")), before.n), 14);
}

static struct error *check_time(const struct check *c)
{
    int64_t unix_s;
    TRY(pseudo_time(c->cx->arena, c->version, &unix_s));
    if (unix_s == c->rev->time_unix_s)
        return NULL;
    return wrong(c, "does not match version-control timestamp (expected %.*s)",
                 SLICE_ARG(stamp(c->cx->arena, c->rev->time_unix_s)));
}

static struct error *check_no_base(const struct check *c)
{
    if (c->r->path_major.n == 0 && slice_eq(semver_major(c->version), S("v1")))
        return wrong(c, "major version without preceding tag must be v0, not v1");
    return NULL;
}

/*
 * A commit that has the tag itself needs no pseudo-version above it. A tag of the repository's root
 * counts like one with the prefix, as with the go command, which takes the prefix off where it is.
 */
static struct error *check_not_tagged(const struct check *c, struct slice prefix, struct slice base)
{
    for (size_t i = 0; i < c->rev->tag_count; i++) {
        struct slice tag = c->rev->tags[i];
        if (slice_eq(slice_starts(tag, prefix) ? slice_skip(tag, prefix.n) : tag, base))
            return wrong(c,
                         "tag (%.*s) found on revision %.*s is already canonical, so should not be "
                         "replaced with a pseudo-version derived from that tag",
                         SLICE_ARG(tag), SLICE_ARG(c->rev->short_name));
    }
    return NULL;
}

/* Any tag that equals the base, whatever its build metadata, will do. */
static struct error *check_ancestor(const struct check *c, struct slice prefix, struct slice base)
{
    struct codehost *host = c->r->place.host;
    struct slice last = S("");
    struct vcs_origin unused;
    struct vcs_tag *tags;
    size_t count;
    bool found = false;
    struct slice tag = arena_printf(c->cx->arena, "%.*s%.*s", SLICE_ARG(prefix), SLICE_ARG(base));
    TRY(host->ops->tags(host, c->cx, tag, &tags, &count, &unused));
    for (size_t i = 0; i < count && !found; i++) {
        if (semver_compare(slice_skip(tags[i].name, prefix.n), base) != 0)
            continue;
        last = tags[i].name;
        TRY(host->ops->descends_from(host, c->cx, c->rev->name, last, &found));
    }
    if (found)
        return NULL;
    if (last.n == 0)
        return wrong(c, "preceding tag (%.*s) not found", SLICE_ARG(base));
    return wrong(c, "revision %.*s is not a descendent of preceding tag (%.*s)",
                 SLICE_ARG(c->rev->short_name), SLICE_ARG(last));
}

static struct error *check_base(const struct check *c)
{
    struct slice base, version = c->version, prefix = tag_prefix(c->r, c->cx->arena);
    version.n -= semver_build(version).n;
    TRY(pseudo_base(c->cx->arena, version, &base));
    if (base.n == 0)
        return check_no_base(c);
    TRY(check_not_tagged(c, prefix, base));
    return check_ancestor(c, prefix, base);
}

static struct error *check_all(const struct check *c)
{
    TRY(check_rev(c));
    TRY(check_time(c));
    return check_base(c);
}

struct error *pseudo_validate(const struct coderepo *r, struct ctx *cx, const struct vcs_rev *rev,
                              struct slice version)
{
    struct check c = {.r = r, .cx = cx, .rev = rev, .version = version};
    struct error *err = check_all(&c);
    if (!err)
        return NULL;
    enum status status = err->status == STATUS_BAD_VERSION ? STATUS_NOT_FOUND : err->status;
    return error_as(cx->arena, status, err, "%.*s@%.*s: invalid pseudo-version",
                    SLICE_ARG(r->place.path), SLICE_ARG(version));
}
