/* Which commit a name means (source of the order: gitRepo.stat), and what is known of it. */
#include "vcs/git_priv.h"

enum { HASH_DIGITS_LEAST = 7, SHORT_DIGITS = 12 };

/* What a name was found to mean. */
struct meaning {
    struct slice ref;     /* "refs/tags/v1.0.0"; empty: no ref */
    struct slice hash;    /* full, or as many digits as were asked for */
    struct slice version; /* the tag; empty: the hash */
};

struct commit {
    struct slice hash;
    int64_t time_unix_s;
};

static struct error *unknown(struct git_repo *r, struct ctx *cx, struct slice rev)
{
    return error_new(cx->arena, STATUS_NOT_FOUND, "%s: unknown revision %.*s", r->url,
                     SLICE_ARG(slice_head(rev, 200)));
}

static bool is_hex(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    }
    return true;
}

static bool is_full_hash(struct slice s)
{
    return (s.n == 40 || s.n == 64) && is_hex(s);
}

/* No ref is called like that, and git shall not take it for an option. */
static bool is_name(struct slice rev)
{
    for (size_t i = 0; i < rev.n; i++) {
        if ((unsigned char)rev.p[i] <= ' ' || rev.p[i] == 0x7f)
            return false;
    }
    return rev.n && rev.n < 1024 && rev.p[0] != '-';
}

static bool take_ref(struct arena *a, const struct git_refs *refs, const char *folder,
                     struct slice rev, struct meaning *out)
{
    const struct git_ref *row =
        git_refs_find(refs, arena_printf(a, "%s%.*s", folder, SLICE_ARG(rev)));
    if (!row)
        return false;
    out->ref = row->name;
    out->hash = row->hash;
    return true;
}

/* Digits may be those of a tip; of several refs on it the first by name counts. */
static struct error *take_digits(struct git_repo *r, struct ctx *cx, const struct git_refs *refs,
                                 struct slice rev, struct meaning *out)
{
    const struct git_ref *rows;
    size_t n = git_refs_with_hash(refs, rev, &rows);
    out->hash = rev;
    if (n == 0)
        return NULL;
    if (!slice_eq(rows[0].hash, rows[n - 1].hash))
        return error_new(cx->arena, STATUS_NOT_FOUND, "%s: ambiguous revision %.*s", r->url,
                         SLICE_ARG(rev));
    out->hash = rows[0].hash;
    out->ref = rows[0].name;
    return NULL;
}

static struct error *resolve(struct git_repo *r, struct ctx *cx, const struct git_refs *refs,
                             struct slice rev, struct meaning *out)
{
    *out = (struct meaning){.ref = S(""), .version = S("")};
    size_t digits = refs->count ? refs->rows[0].hash.n : 40;
    if (take_ref(cx->arena, refs, "refs/tags/", rev, out)) {
        out->version = rev;
        return NULL;
    }
    if (take_ref(cx->arena, refs, "refs/heads/", rev, out))
        return NULL;
    if (slice_eq(rev, S("HEAD")) && take_ref(cx->arena, refs, "", rev, out))
        return NULL;
    if (rev.n >= HASH_DIGITS_LEAST && rev.n <= digits && is_hex(rev))
        return take_digits(r, cx, refs, rev, out);
    return unknown(r, cx, rev);
}

/* ---- the commit ---- */

/* The go.mod files that are asked for next: at the root, and in the folder that a tag names. */
static size_t guess_files(struct arena *a, struct slice hash, struct slice tag,
                          struct git_item *items)
{
    size_t n = 0;
    ptrdiff_t slash = slice_rfind(tag, '/');
    items[n++].name = arena_printf(a, "%.*s:go.mod", SLICE_ARG(hash));
    if (slash > 0)
        items[n++].name = arena_printf(a, "%.*s:%.*s/go.mod", SLICE_ARG(hash),
                                       SLICE_ARG(slice_head(tag, (size_t)slash)));
    for (size_t i = 0; i < n; i++)
        items[i].max_bytes = GIT_CACHED_FILE_BYTES;
    return n;
}

static void keep(struct git_repo *r, const struct commit *c, const struct git_item *files,
                 size_t count)
{
    git_cache_put(r, c->hash, S(""), c->time_unix_s);
    for (size_t i = 0; i < count; i++) {
        if (files[i].found == GIT_FOUND)
            git_cache_put(r, files[i].name, files[i].body, 0);
        else if (files[i].found == GIT_ABSENT)
            git_cache_put(r, files[i].name, (struct slice){0}, 0);
    }
}

/* A commit whose full hash is known. */
static struct error *read_commit(struct git_repo *r, struct ctx *cx, const struct meaning *m,
                                 struct commit *out)
{
    struct slice body;
    struct git_item items[3] = {0};
    out->hash = m->hash;
    if (git_cache_get(r, cx->arena, m->hash, &body, &out->time_unix_s))
        return NULL;
    items[0].name = arena_printf(cx->arena, "%.*s^{commit}", SLICE_ARG(m->hash));
    items[0].max_bytes = GIT_COMMIT_MAX_BYTES;
    size_t files = guess_files(cx->arena, m->hash, m->version, items + 1);
    TRY(git_read_present(r, cx, m->hash, m->ref, items, 1 + files));
    if (items[0].found != GIT_FOUND)
        return error_new(cx->arena, STATUS_BAD_ANSWER, "%s: the commit %.*s is too large", r->url,
                         SLICE_ARG(m->hash));
    out->time_unix_s = git_commit_time(items[0].body);
    keep(r, out, items + 1, files);
    return NULL;
}

/* A commit of which some digits are known, and which is no tip: in the mirror, or in the history.
 */
static struct error *read_short(struct git_repo *r, struct ctx *cx, const struct git_refs *refs,
                                struct slice digits, struct commit *out)
{
    struct git_item item = {.max_bytes = GIT_COMMIT_MAX_BYTES};
    item.name = arena_printf(cx->arena, "%.*s^{commit}", SLICE_ARG(digits));
    struct error *err = git_read_items(r, cx, &item, 1);
    bool is_missing = err ? err->status == STATUS_CORRUPT : item.found == GIT_ABSENT;
    if (is_missing && !git_history_is_current(r, cx->arena, refs)) {
        TRY(git_fetch_history(r, cx, refs));
        err = git_read_items(r, cx, &item, 1);
    }
    if (err)
        return err;
    if (item.found == GIT_AMBIGUOUS)
        return error_new(cx->arena, STATUS_NOT_FOUND, "%s: ambiguous revision %.*s", r->url,
                         SLICE_ARG(digits));
    if (item.found != GIT_FOUND)
        return unknown(r, cx, digits);
    out->hash = item.hash;
    out->time_unix_s = git_commit_time(item.body);
    keep(r, out, NULL, 0);
    return NULL;
}

/* ---- the answer ---- */

static void take_tags(struct arena *a, const struct git_refs *refs, struct vcs_rev *out)
{
    const struct git_ref *rows;
    struct slice prefix = S("refs/tags/");
    size_t n = git_refs_with_hash(refs, out->name, &rows);
    out->tags = ARENA_ARRAY(a, struct slice, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (slice_starts(rows[i].name, prefix))
            out->tags[out->tag_count++] = slice_skip(rows[i].name, prefix.n);
    }
}

static void answer(struct git_repo *r, struct ctx *cx, const struct git_refs *refs,
                   const struct commit *c, const struct meaning *m, struct vcs_rev *out)
{
    *out = (struct vcs_rev){
        .name = c->hash,
        .short_name = slice_head(c->hash, SHORT_DIGITS),
        .version = m->version.n ? m->version : c->hash,
        .time_unix_s = c->time_unix_s,
        .origin = {.vcs = S("git"), .url = slice_of(r->url), .hash = c->hash, .ref = m->ref},
    };
    if (refs)
        take_tags(cx->arena, refs, out);
}

static struct error *find_commit(struct git_repo *r, struct ctx *cx, const struct git_refs *refs,
                                 const struct meaning *m, struct commit *out)
{
    struct slice body;
    if (m->ref.n)
        return read_commit(r, cx, m, out);
    out->hash = m->hash;
    if (is_full_hash(m->hash) && git_cache_get(r, cx->arena, m->hash, &body, &out->time_unix_s))
        return NULL;
    return read_short(r, cx, refs, m->hash, out);
}

static struct error *stat_once(struct git_repo *r, struct ctx *cx, struct slice rev,
                               int64_t max_age_ms, struct meaning *m, struct vcs_rev *out)
{
    const struct git_refs *refs;
    struct commit c;
    TRY(git_repo_refs(r, cx, max_age_ms, &refs));
    out->origin =
        (struct vcs_origin){.vcs = S("git"), .url = slice_of(r->url), .repo_sum = refs->repo_sum};
    TRY(resolve(r, cx, refs, rev, m));
    TRY(find_commit(r, cx, refs, m, &c));
    answer(r, cx, refs, &c, m, out);
    return NULL;
}

/* The host is in trouble, but a full hash needs nobody when the commit is here. */
static bool stat_offline(struct git_repo *r, struct ctx *cx, struct slice rev, struct vcs_rev *out)
{
    struct meaning m = {.hash = rev, .ref = S(""), .version = S("")};
    struct commit c = {.hash = rev};
    struct slice body;
    struct git_item item = {.max_bytes = GIT_COMMIT_MAX_BYTES};
    if (!is_full_hash(rev))
        return false;
    if (!git_cache_get(r, cx->arena, rev, &body, &c.time_unix_s)) {
        item.name = arena_printf(cx->arena, "%.*s^{commit}", SLICE_ARG(rev));
        if (git_read_items(r, cx, &item, 1) || item.found != GIT_FOUND)
            return false;
        c.time_unix_s = git_commit_time(item.body);
    }
    answer(r, cx, NULL, &c, &m, out);
    return true;
}

struct error *git_op_stat(struct codehost *h, struct ctx *cx, struct slice rev, struct vcs_rev *out)
{
    struct git_repo *r = git_repo_of(h);
    struct meaning m = {0};
    *out = (struct vcs_rev){0};
    if (slice_eq(rev, S("latest")))
        return git_op_latest(h, cx, out);
    if (!is_name(rev))
        return unknown(r, cx, rev);
    int64_t asked_at_ms = now_ms();
    struct error *err = stat_once(r, cx, rev, r->git->o.refs_ttl_ms, &m, out);
    if (!err)
        return NULL;
    if (err->status != STATUS_NOT_FOUND)
        return stat_offline(r, cx, rev, out) ? NULL : err;
    /* A ref was there and its commit is not: it has moved. Else: it may be newer than the refs. */
    int64_t max_age_ms = m.ref.n ? now_ms() - asked_at_ms : r->git->o.miss_ttl_ms;
    if (git_repo_refs_age_ms(r) <= max_age_ms)
        return err;
    return stat_once(r, cx, rev, max_age_ms, &m, out);
}

struct error *git_op_latest(struct codehost *h, struct ctx *cx, struct vcs_rev *out)
{
    struct git_repo *r = git_repo_of(h);
    const struct git_refs *refs;
    TRY(git_repo_refs(r, cx, r->git->o.refs_ttl_ms, &refs));
    if (git_refs_find(refs, S("HEAD")))
        return git_op_stat(h, cx, S("HEAD"), out);
    *out = (struct vcs_rev){
        .origin = {.vcs = S("git"), .url = slice_of(r->url), .repo_sum = refs->repo_sum}};
    return error_new(cx->arena, STATUS_NOT_FOUND, "%s: no commits", r->url);
}

struct error *git_op_tags(struct codehost *h, struct ctx *cx, struct slice prefix,
                          struct vcs_tag **out, size_t *count, struct vcs_origin *origin)
{
    struct git_repo *r = git_repo_of(h);
    const struct git_refs *refs;
    const struct git_ref *rows;
    TRY(git_repo_refs(r, cx, r->git->o.refs_ttl_ms, &refs));
    *count = git_refs_tags(refs, prefix, &rows);
    *out = ARENA_ARRAY(cx->arena, struct vcs_tag, *count + 1);
    for (size_t i = 0; i < *count; i++)
        (*out)[i] = (struct vcs_tag){.name = slice_skip(rows[i].name, strlen("refs/tags/")),
                                     .hash = rows[i].hash};
    *origin = (struct vcs_origin){.vcs = S("git"),
                                  .url = slice_of(r->url),
                                  .tag_prefix = prefix,
                                  .tag_sum = git_refs_tag_sum(cx->arena, refs, prefix)};
    return NULL;
}

/* ---- files ---- */

struct error *git_op_read_files(struct codehost *h, struct ctx *cx, struct slice hash,
                                const struct slice *paths, size_t count, size_t max_bytes,
                                struct slice *bodies)
{
    struct git_repo *r = git_repo_of(h);
    struct arena *a = cx->arena;
    int64_t unused;
    size_t n = 1, *which = ARENA_ARRAY(a, size_t, count + 1);
    struct git_item *items = ARENA_ARRAY(a, struct git_item, count + 1);
    if (!is_full_hash(hash))
        return unknown(r, cx, hash);
    items[0].name = arena_printf(a, "%.*s^{commit}", SLICE_ARG(hash));
    items[0].max_bytes = GIT_COMMIT_MAX_BYTES;
    for (size_t i = 0; i < count; i++) {
        struct slice name = arena_printf(a, "%.*s:%.*s", SLICE_ARG(hash), SLICE_ARG(paths[i]));
        if (git_cache_get(r, a, name, &bodies[i], &unused))
            continue;
        items[n] = (struct git_item){.name = name, .max_bytes = max_bytes};
        which[n++] = i;
    }
    if (n > 1)
        TRY(git_read_present(r, cx, hash, S(""), items, n));
    for (size_t i = 1; i < n; i++) {
        if (items[i].found == GIT_LARGE)
            return error_new(a, STATUS_TOO_LARGE, "%s: %.*s has more than %zu bytes", r->url,
                             SLICE_ARG(paths[which[i]]), max_bytes);
        bodies[which[i]] = items[i].found == GIT_FOUND ? items[i].body : (struct slice){0};
        git_cache_put(r, items[i].name, bodies[which[i]], 0);
    }
    return NULL;
}
