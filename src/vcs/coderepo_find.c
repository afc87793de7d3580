/*
 * Where a module is in a commit: its own directory, or for a path that ends in /v2 the directory v2
 * below it. The go.mod files decide: one of them, and only one, must name a path of the right major
 * version. (Only the major version is compared: the repository may be a fork that stands in for
 * another path by a replace directive.) Without a go.mod there is a module only at the root of the
 * repository, and only for v0, v1 and gopkg.in.
 *
 * What may be looked at is known beforehand, so all of it is read in one call of the codehost, and
 * no rule reads a file twice.
 */
#include "gomod/semver.h"
#include "gomod/text.h"
#include "vcs/coderepo_priv.h"

enum { EXIST_BATCH = 8 }; /* times MODFILE_MAX_BYTES bounds the memory of files_exist() */

bool commit_wants(const struct commit_files *f, struct slice path)
{
    for (size_t i = 0; i < f->wanted; i++) {
        if (slice_eq(f->paths[i], path))
            return true;
    }
    return false;
}

void commit_want(struct commit_files *f, struct slice path)
{
    if (commit_wants(f, path))
        return;
    if (f->wanted == COMMIT_FILES_MAX)
        BUG("too many files are wanted");
    f->paths[f->wanted++] = path;
}

struct error *commit_read(struct commit_files *f, struct slice path, struct slice *body)
{
    struct codehost *h = f->r->place.host;
    size_t i = 0;
    commit_want(f, path);
    if (f->read < f->wanted)
        TRY_CTX(f->cx->arena,
                h->ops->read_files(h, f->cx, f->hash, f->paths + f->read, f->wanted - f->read,
                                   MODFILE_MAX_BYTES, f->bodies + f->read),
                "module %.*s", SLICE_ARG(f->r->place.path));
    f->read = f->wanted;
    while (!slice_eq(f->paths[i], path))
        i++;
    *body = f->bodies[i];
    return NULL;
}

static struct error *batch_exists(struct codehost *h, struct ctx *cx, struct slice hash,
                                  const struct slice *paths, size_t count, bool *exist)
{
    struct slice bodies[EXIST_BATCH];
    struct arena scratch = ARENA_INIT;
    struct ctx inner = *cx;
    inner.arena = &scratch;
    struct error *err =
        h->ops->read_files(h, &inner, hash, paths, count, MODFILE_MAX_BYTES, bodies);
    if (err)
        err = error_dup(cx->arena, err);
    for (size_t i = 0; !err && i < count; i++)
        exist[i] = bodies[i].p != NULL;
    arena_release(&scratch);
    return err;
}

struct error *files_exist(struct codehost *h, struct ctx *cx, struct slice hash,
                          const struct slice *paths, size_t count, bool *exist)
{
    for (size_t i = 0; i < count; i += EXIST_BATCH) {
        size_t n = count - i < EXIST_BATCH ? count - i : EXIST_BATCH;
        TRY(batch_exists(h, cx, hash, paths + i, n, exist + i));
    }
    return NULL;
}

/* The directory of the major version below the module's own; empty when there cannot be one. */
static struct slice major_dir(const struct coderepo *r, struct arena *a)
{
    if (!slice_starts(r->path_major, S("/")) || slice_eq(r->place.root, r->place.path))
        return S("");
    return repo_path(a, r->dir, slice_skip(r->path_major, 1));
}

struct commit_files commit_files_of(const struct coderepo *r, struct ctx *cx, struct slice hash,
                                    bool for_zip)
{
    struct commit_files f = {.r = r, .cx = cx, .hash = hash};
    struct slice below = major_dir(r, cx->arena);
    commit_want(&f, repo_path(cx->arena, r->dir, S("go.mod")));
    if (below.n)
        commit_want(&f, repo_path(cx->arena, below, S("go.mod")));
    if (for_zip && (r->dir.n || below.n))
        commit_want(&f, S("LICENSE"));
    return f;
}

/* Whether a module of that path has versions of the major version that path_major stands for. */
static bool is_of_major(struct slice module_path, struct slice path_major)
{
    struct slice prefix, major;
    if (module_path.n == 0 || !module_split_path_version(module_path, &prefix, &major))
        return false;
    if (path_major.n == 0) {
        struct slice wanted = module_path_major_prefix(major);
        return wanted.n == 0 || slice_eq(wanted, S("v0")) || slice_eq(wanted, S("v1"));
    }
    return major.n && slice_eq(slice_skip(path_major, 1), slice_skip(major, 1));
}

/* go.dev/issue/34254: plain paths were once taken in place of gopkg.in's, and still are. */
static bool may_replace_gopkg_in(const struct coderepo *r, struct slice module_path)
{
    return r->path_major.n == 0 && slice_starts(module_path, S("gopkg.in/"));
}

/* The two places, and what was found there. */
struct search {
    const struct coderepo *r;
    struct arena *a;
    struct slice version;
    struct slice rev;        /* of the version, for messages */
    struct slice file, path; /* of the module's own directory: go.mod, its module path */
    struct slice body;       /* p is NULL: no such file */
    struct slice below;      /* the directory of the major version, or empty */
    struct slice below_file, below_path, below_body;
};

#define absent(s, ...) error_new((s)->a, STATUS_NOT_FOUND, __VA_ARGS__)

static struct error *both_match(const struct search *s)
{
    return absent(s, "%.*s/%.*s and ...%.*s/go.mod both have ...%.*s module paths at revision %.*s",
                  SLICE_ARG(s->r->path_prefix), SLICE_ARG(s->file), SLICE_ARG(s->r->path_major),
                  SLICE_ARG(s->r->path_major), SLICE_ARG(s->rev));
}

static struct error *below_mismatch(const struct search *s)
{
    struct slice root = s->r->place.root;
    if (s->below_path.n == 0)
        return absent(s, "%.*s/%.*s is missing module path at revision %.*s", SLICE_ARG(root),
                      SLICE_ARG(s->below_file), SLICE_ARG(s->rev));
    return absent(s, "%.*s/%.*s has non-...%.*s module path %s at revision %.*s", SLICE_ARG(root),
                  SLICE_ARG(s->below_file), SLICE_ARG(s->r->path_major),
                  text_quote(s->a, s->below_path), SLICE_ARG(s->rev));
}

static struct error *mismatch(const struct search *s)
{
    struct slice prefix, major, suffix = S("");
    const char *path = text_quote(s->a, s->path);
    if (s->below.n)
        suffix =
            arena_printf(s->a, " (and ...%.*s/go.mod does not exist)", SLICE_ARG(s->r->path_major));
    if (s->path.n == 0)
        return absent(s, "%.*s is missing module path%.*s at revision %.*s", SLICE_ARG(s->file),
                      SLICE_ARG(suffix), SLICE_ARG(s->rev));
    if (s->r->path_major.n)
        return absent(s, "%.*s has non-...%.*s module path %s%.*s at revision %.*s",
                      SLICE_ARG(s->file), SLICE_ARG(s->r->path_major), path, SLICE_ARG(suffix),
                      SLICE_ARG(s->rev));
    if (!module_split_path_version(s->path, &prefix, &major))
        return absent(s, "%.*s has malformed module path %s%.*s at revision %.*s",
                      SLICE_ARG(s->file), path, SLICE_ARG(suffix), SLICE_ARG(s->rev));
    return absent(s, "%.*s has post-%.*s module path %s%.*s at revision %.*s", SLICE_ARG(s->file),
                  SLICE_ARG(semver_major(s->version)), path, SLICE_ARG(suffix), SLICE_ARG(s->rev));
}

static struct error *without_go_mod(const struct search *s, struct module_place *out)
{
    const struct coderepo *r = s->r;
    *out = (struct module_place){.dir = S("")};
    if (r->dir.n == 0 && (r->path_major.n == 0 || slice_starts(r->path_major, S("."))))
        return NULL;
    if (s->below.n)
        return absent(s, "missing %.*s/go.mod and ...%.*s/go.mod at revision %.*s",
                      SLICE_ARG(r->path_prefix), SLICE_ARG(r->path_major), SLICE_ARG(s->rev));
    return absent(s, "missing %.*s/go.mod at revision %.*s", SLICE_ARG(r->path_prefix),
                  SLICE_ARG(s->rev));
}

static struct error *decide(const struct search *s, struct module_place *out)
{
    const struct coderepo *r = s->r;
    bool is_here =
        s->body.p && (is_of_major(s->path, r->path_major) || may_replace_gopkg_in(r, s->path));
    bool is_below = s->below_body.p && is_of_major(s->below_path, r->path_major);
    if (is_here && is_below)
        return both_match(s);
    *out = (struct module_place){.dir = s->below, .go_mod = s->below_body};
    if (is_below)
        return NULL;
    if (s->below_body.p)
        return below_mismatch(s);
    *out = (struct module_place){.dir = r->dir, .go_mod = s->body};
    if (is_here)
        return NULL;
    return s->body.p ? mismatch(s) : without_go_mod(s, out);
}

struct error *module_find(struct commit_files *f, struct slice version, struct module_place *out)
{
    struct search s = {.r = f->r, .a = f->cx->arena, .version = version};
    s.rev = rev_of_query(f->r, s.a, version);
    s.file = repo_path(s.a, f->r->dir, S("go.mod"));
    s.below = major_dir(f->r, s.a);
    TRY(commit_read(f, s.file, &s.body));
    s.path = s.body.p ? modfile_module_path(s.a, s.body) : S("");
    if (s.below.n) {
        s.below_file = repo_path(s.a, s.below, S("go.mod"));
        TRY(commit_read(f, s.below_file, &s.below_body));
        s.below_path = s.below_body.p ? modfile_module_path(s.a, s.below_body) : S("");
    }
    return decide(&s, out);
}
