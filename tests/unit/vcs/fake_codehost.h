/* A codehost in memory: commits, refs and files from tables; counts calls, and fails on demand. */
#ifndef MODGATE_TESTS_UNIT_VCS_FAKE_CODEHOST_H
#define MODGATE_TESTS_UNIT_VCS_FAKE_CODEHOST_H

#include "gomod/semver.h"
#include "vcs/coderepo.h"

struct fake_file {
    const char *path;
    const char *body;
    bool is_link;
    size_t repeat; /* the body so many times, for large files; 0 is once */
};

struct fake_commit {
    const char *hash; /* 40 digits */
    int64_t time_unix_s;
    const char *parent;            /* NULL for the first */
    const struct fake_file *files; /* up to a NULL path, in the order of git archive */
};

struct fake_ref {
    const char *name; /* "HEAD", "refs/tags/v1.0.0", "refs/heads/main" */
    const char *hash;
};

enum fake_op {
    FAKE_TAGS,
    FAKE_STAT,
    FAKE_LATEST,
    FAKE_READ,
    FAKE_ARCHIVE,
    FAKE_RECENT,
    FAKE_ABOVE
};

struct fake_codehost {
    struct codehost base;
    const struct fake_commit *commits; /* up to a NULL hash */
    const struct fake_ref *refs;       /* up to a NULL name, sorted */
    unsigned calls[FAKE_ABOVE + 1];
    unsigned fails; /* a bit for each operation that answers CONNECT */
    bool in_callback;
    unsigned breaks; /* so many times an archive breaks off behind its first files, and restarts */
};

static struct fake_codehost *fake_called(struct codehost *h, enum fake_op op)
{
    struct fake_codehost *f = (struct fake_codehost *)h;
    assert_false(f->in_callback);
    f->calls[op]++;
    return f;
}

static struct error *fake_trouble(const struct fake_codehost *f, struct ctx *cx, enum fake_op op)
{
    return f->fails & 1U << op ? error_new(cx->arena, STATUS_CONNECT, "the host is down") : NULL;
}

static const struct fake_commit *fake_commit(const struct fake_codehost *f, const char *hash)
{
    const struct fake_commit *c = f->commits;
    while (strcmp(c->hash, hash) != 0)
        c++;
    return c;
}

static struct error *fake_tags(struct codehost *h, struct ctx *cx, struct slice prefix,
                               struct vcs_tag **out, size_t *count, struct vcs_origin *origin)
{
    struct fake_codehost *f = fake_called(h, FAKE_TAGS);
    TRY(fake_trouble(f, cx, FAKE_TAGS));
    *out = ARENA_ARRAY(cx->arena, struct vcs_tag, 100);
    *count = 0;
    for (const struct fake_ref *r = f->refs; r->name; r++) {
        struct slice name = slice_of(r->name);
        if (!slice_starts(name, S("refs/tags/")) || !slice_starts(slice_skip(name, 10), prefix))
            continue;
        (*out)[(*count)++] = (struct vcs_tag){slice_skip(name, 10), slice_of(r->hash)};
    }
    *origin = (struct vcs_origin){.vcs = S("git"), .url = S("https://h/r")};
    origin->tag_prefix = prefix;
    origin->tag_sum = arena_printf(cx->arena, "t1:%zu", *count);
    return NULL;
}

static const char *fake_resolve(const struct fake_codehost *f, struct slice rev, struct slice *ref)
{
    const struct slice spaces[] = {S("refs/tags/"), S("refs/heads/"), S("")};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        for (const struct fake_ref *r = f->refs; r->name; r++) {
            struct slice name = slice_of(r->name);
            if (slice_starts(name, spaces[i]) && slice_eq(slice_skip(name, spaces[i].n), rev)) {
                *ref = name;
                return r->hash;
            }
        }
    }
    for (const struct fake_commit *c = f->commits; c->hash && rev.n >= 7; c++) {
        if (slice_starts(slice_of(c->hash), rev))
            return c->hash;
    }
    return NULL;
}

static void fake_fill(const struct fake_codehost *f, struct ctx *cx, const char *hash,
                      struct vcs_rev *out)
{
    *out = (struct vcs_rev){.name = slice_of(hash), .version = slice_of(hash)};
    out->short_name = slice_head(out->name, 12);
    out->time_unix_s = fake_commit(f, hash)->time_unix_s;
    out->tags = ARENA_ARRAY(cx->arena, struct slice, 100);
    out->origin = (struct vcs_origin){.vcs = S("git"), .url = S("https://h/r"), .hash = out->name};
    for (const struct fake_ref *r = f->refs; r->name; r++) {
        struct slice name = slice_of(r->name);
        if (slice_starts(name, S("refs/tags/")) && strcmp(r->hash, hash) == 0)
            out->tags[out->tag_count++] = slice_skip(name, 10);
    }
}

static struct error *fake_stat(struct codehost *h, struct ctx *cx, struct slice rev,
                               struct vcs_rev *out)
{
    struct fake_codehost *f = fake_called(h, FAKE_STAT);
    struct slice ref = S("");
    TRY(fake_trouble(f, cx, FAKE_STAT));
    const char *hash = fake_resolve(f, rev, &ref);
    if (!hash)
        return error_new(cx->arena, STATUS_NOT_FOUND, "unknown revision %.*s", SLICE_ARG(rev));
    fake_fill(f, cx, hash, out);
    out->origin.ref = ref;
    if (ref.n)
        out->version = rev;
    return NULL;
}

static struct error *fake_latest(struct codehost *h, struct ctx *cx, struct vcs_rev *out)
{
    struct fake_codehost *f = fake_called(h, FAKE_LATEST);
    TRY(fake_trouble(f, cx, FAKE_LATEST));
    if (strcmp(f->refs[0].name, "HEAD") != 0)
        return error_new(cx->arena, STATUS_NOT_FOUND, "no commits");
    fake_fill(f, cx, f->refs[0].hash, out);
    out->origin.ref = S("HEAD");
    return NULL;
}

static struct slice fake_body(struct arena *a, const struct fake_file *file)
{
    BUF_SCOPED(b);
    for (size_t i = 0; i < (file->repeat ? file->repeat : 1); i++)
        buf_add(&b, slice_of(file->body));
    return arena_dup(a, buf_slice(&b));
}

static struct error *fake_read_files(struct codehost *h, struct ctx *cx, struct slice hash,
                                     const struct slice *paths, size_t count, size_t max_bytes,
                                     struct slice *bodies)
{
    struct fake_codehost *f = fake_called(h, FAKE_READ);
    TRY(fake_trouble(f, cx, FAKE_READ));
    for (size_t i = 0; i < count; i++) {
        bodies[i] = (struct slice){0};
        const struct fake_file *file = fake_commit(f, arena_cstr(cx->arena, hash))->files;
        for (; file->path; file++) {
            if (slice_eq(slice_of(file->path), paths[i]))
                bodies[i] = fake_body(cx->arena, file);
        }
        if (bodies[i].n > max_bytes)
            return error_new(cx->arena, STATUS_TOO_LARGE, "too large");
    }
    return NULL;
}

/* In pieces of seven bytes, so that what depends on where they are cut shows. */
static struct error *fake_entry(struct ctx *cx, const struct fake_file *file,
                                const struct vcs_archive_sink *sink)
{
    struct slice body = fake_body(cx->arena, file);
    struct vcs_entry e = {.path = slice_of(file->path), .is_regular = !file->is_link};
    e.size = file->is_link ? 0 : body.n;
    TRY(sink->begin(sink->arg, &e));
    for (; !file->is_link && body.n; body = slice_skip(body, file->repeat ? 65536 : 7))
        TRY(sink->write(sink->arg, slice_head(body, file->repeat ? 65536 : 7)));
    return sink->end(sink->arg);
}

static struct error *fake_archive(struct codehost *h, struct ctx *cx, struct slice hash,
                                  struct slice subdir, uint64_t max_bytes,
                                  const struct vcs_archive_sink *sink)
{
    struct fake_codehost *f = fake_called(h, FAKE_ARCHIVE);
    TRY(fake_trouble(f, cx, FAKE_ARCHIVE));
    const struct fake_file *first = fake_commit(f, arena_cstr(cx->arena, hash))->files;
    for (const struct fake_file *file = first; file->path; file++) {
        if (slice_starts(slice_of(file->path), subdir))
            TRY(fake_entry(cx, file, sink));
        if (f->breaks && file > first) {
            f->breaks--;
            TRY(sink->restart(sink->arg));
            file = first - 1;
        }
    }
    return NULL;
}

static bool fake_is_ancestor(const struct fake_codehost *f, const char *above, const char *hash)
{
    for (; above; above = fake_commit(f, above)->parent) {
        if (strcmp(above, hash) == 0)
            return true;
    }
    return false;
}

static struct error *fake_recent_tag(struct codehost *h, struct ctx *cx, struct slice hash,
                                     struct slice prefix,
                                     bool (*is_allowed)(void *arg, struct slice tag), void *arg,
                                     struct slice *tag)
{
    struct fake_codehost *f = fake_called(h, FAKE_RECENT);
    const char *from = arena_cstr(cx->arena, hash);
    TRY(fake_trouble(f, cx, FAKE_RECENT));
    *tag = S("");
    f->in_callback = true;
    for (const struct fake_ref *r = f->refs; r->name; r++) {
        struct slice name = slice_skip(slice_of(r->name), 10);
        if (!slice_starts(slice_of(r->name), S("refs/tags/")) || !slice_starts(name, prefix) ||
            !fake_is_ancestor(f, from, r->hash) || !is_allowed(arg, name))
            continue;
        if (semver_compare(slice_skip(name, prefix.n), slice_skip(*tag, prefix.n)) > 0)
            *tag = name;
    }
    f->in_callback = false;
    return NULL;
}

static struct error *fake_descends_from(struct codehost *h, struct ctx *cx, struct slice hash,
                                        struct slice tag, bool *out)
{
    struct fake_codehost *f = fake_called(h, FAKE_ABOVE);
    struct slice ref;
    TRY(fake_trouble(f, cx, FAKE_ABOVE));
    *out = fake_is_ancestor(f, arena_cstr(cx->arena, hash), fake_resolve(f, tag, &ref));
    return NULL;
}

static const struct codehost_ops fake_ops = {
    .tags = fake_tags,
    .stat = fake_stat,
    .latest = fake_latest,
    .read_files = fake_read_files,
    .archive = fake_archive,
    .recent_tag = fake_recent_tag,
    .descends_from = fake_descends_from,
};

/* A module in a repository of tables, with what a call needs. */
struct fake_module {
    struct arena arena;
    struct ctx cx;
    struct fake_codehost host;
    struct coderepo repo;
};

static struct error *fake_open(struct fake_module *m, const struct fake_codehost *host,
                               const char *path, const char *root, const char *subdir)
{
    *m = (struct fake_module){.arena = ARENA_INIT, .host = *host};
    m->host.base.ops = &fake_ops;
    m->cx.arena = &m->arena;
    struct coderepo_place place = {.host = &m->host.base,
                                   .path = slice_of(path),
                                   .root = slice_of(root),
                                   .subdir = slice_of(subdir),
                                   .url = S("https://h/r")};
    return coderepo_init(&m->arena, &place, &m->repo);
}

static inline void fake_close(struct fake_module *m)
{
    arena_release(&m->arena);
}

static inline unsigned fake_calls(const struct fake_module *m)
{
    unsigned n = 0;
    for (size_t i = 0; i < ARRAY_LEN(m->host.calls); i++)
        n += m->host.calls[i];
    return n;
}

/* Fails unless the error's whole chain has the text in it. */
#define assert_chain(err, expected)                                                                \
    do {                                                                                           \
        struct arena chain_arena_ = ARENA_INIT;                                                    \
        struct error *chain_err_ = (err);                                                          \
        assert_non_null(chain_err_);                                                               \
        struct slice chain_ = error_chain(&chain_arena_, chain_err_);                              \
        if (slice_find_slice(chain_, slice_of(expected)) < 0)                                      \
            fail_msg("'%.*s' does not say '%s'", SLICE_ARG(chain_), expected);                     \
        arena_release(&chain_arena_);                                                              \
    } while (0)

#endif
