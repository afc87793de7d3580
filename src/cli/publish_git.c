/*
 * A version that is a tag: what go would make of it, had it the repository.
 *
 * The user's git answers what is checked out; then the repository is read through src/vcs like any
 * other, by a file URL, so that the rules about tags, subdirectories, major versions, licences and
 * line ends are the ones by which private modules are served.
 */
#include "cli/publish.h"

#include "base/file.h"
#include "base/proc.h"

#include "gomod/quote.h"
#include "vcs/coderepo.h"
#include "vcs/git.h"

#include <jansson.h>
#include <unistd.h>

enum { GIT_MAX_BYTES = 1 << 20, GIT_TIMEOUT_MS = 10 * 60 * 1000, MAX_ARGS = 12 };

struct checkout {
    struct ctx *cx;
    const char *program;
    const char *dir;
    struct slice top;    /* of the working tree */
    struct slice prefix; /* of dir in it, without the slash */
    struct slice head;   /* the commit */
};

/* What git prints, without blanks around it; BAD_USAGE with `fault` when it fails. */
static struct error *ask_git(const struct checkout *c, const char *const *args, const char *fault,
                             struct slice *out)
{
    const char *argv[MAX_ARGS] = {c->program, "-C", c->dir};
    struct proc_result result;
    for (size_t i = 0; args[i] && i + 4 < MAX_ARGS; i++)
        argv[i + 3] = args[i];
    const struct proc_spec spec = {
        .argv = argv, .env = (const char *const *)environ, .max_output_bytes = GIT_MAX_BYTES};
    TRY(proc_output(c->cx, &spec, out, &result));
    *out = slice_trim(*out);
    if (result.exit_code == 0)
        return NULL;
    struct slice why = slice_trim(result.errors);
    return error_new(c->cx->arena, STATUS_BAD_USAGE, "%s%s%.*s", fault, why.n ? ": " : "",
                     SLICE_ARG(why));
}
#define GIT(c, fault, out, ...) ask_git(c, (const char *const[]){__VA_ARGS__, NULL}, fault, out)

static struct error *look(struct checkout *c)
{
    struct arena *a = c->cx->arena;
    const char *path = getenv("PATH");
    c->program = proc_find(a, "git", path ? path : "/usr/bin:/bin");
    if (!c->program)
        return error_new(a, STATUS_BAD_USAGE, "git is not in PATH");
    const char *none = arena_printf(a, "%s is not in a git repository", c->dir).p;
    TRY(GIT(c, none, &c->top, "rev-parse", "--show-toplevel"));
    TRY(GIT(c, none, &c->prefix, "rev-parse", "--show-prefix"));
    while (slice_ends(c->prefix, S("/")))
        c->prefix.n--;
    return GIT(c, "nothing is committed", &c->head, "rev-parse", "--verify", "HEAD^{commit}");
}

/* The folder that tags begin with: without the one of a major version ("sub/v2"). */
static struct slice tag_dir(const struct checkout *c, struct slice path_major)
{
    struct slice dir = c->prefix;
    if (!slice_starts(path_major, S("/")))
        return dir;
    if (slice_eq(dir, slice_skip(path_major, 1)))
        return S("");
    if (slice_ends(dir, path_major))
        dir.n -= path_major.n;
    return dir;
}

static struct error *check_tag(const struct checkout *c, struct slice tag)
{
    struct slice commit, changes;
    struct arena *a = c->cx->arena;
    const char *none = arena_printf(a, "there is no tag %.*s", SLICE_ARG(tag)).p;
    const char *ref = arena_printf(a, "refs/tags/%.*s^{commit}", SLICE_ARG(tag)).p;
    struct error *err = GIT(c, none, &commit, "rev-parse", "--verify", "--quiet", ref);
    if (err)
        return error_new(a, STATUS_NOT_FOUND, "%.*s", SLICE_ARG(err->text));
    if (!slice_eq(commit, c->head))
        return error_new(a, STATUS_CONFLICT,
                         "the tag %.*s is on %.12s, and checked out is %.12s: check the tag out",
                         SLICE_ARG(tag), commit.p, c->head.p);
    TRY(GIT(c, "git status failed", &changes, "status", "--porcelain"));
    if (changes.n == 0)
        return NULL;
    return error_new(a, STATUS_CONFLICT,
                     "there are changes that the tag does not have: commit them and tag anew, or "
                     "put them aside (git stash -u):\n%.*s",
                     SLICE_ARG(slice_head(changes, 500)));
}

/* Where the repository lies as seen from the module's path. */
static void place_module(const struct checkout *c, struct module_version mv,
                         struct coderepo_place *p)
{
    struct slice prefix, major;
    p->path = p->root = mv.path;
    if (!module_split_path_version(mv.path, &prefix, &major))
        return;
    struct slice dir = tag_dir(c, major);
    p->root = prefix;
    if (dir.n == 0)
        return;
    bool is_below =
        slice_ends(prefix, dir) && prefix.n > dir.n && prefix.p[prefix.n - dir.n - 1] == '/';
    if (is_below)
        p->root.n -= dir.n + 1;
    else
        p->subdir = dir; /* the path does not show the folder */
}

/* As a URL; empty when it may not be told: it holds a password, or is a folder. */
static struct slice tellable(struct arena *a, struct slice url)
{
    bool is_url = slice_find_slice(url, S("://")) >= 0;
    ptrdiff_t colon = slice_find(url, ':'), slash = slice_find(url, '/');
    if (!is_url && colon > 0 && (slash < 0 || slash > colon)) /* git@host:path */
        return arena_printf(a, "ssh://%.*s/%.*s", SLICE_ARG(slice_head(url, (size_t)colon)),
                            SLICE_ARG(slice_skip(url, (size_t)colon + 1)));
    bool is_ssh = slice_starts(url, S("ssh://"));
    bool is_web = slice_starts(url, S("https://")) || slice_starts(url, S("http://"));
    return is_ssh || (is_web && slice_find(url, '@') < 0) ? url : S("");
}

static struct slice origin_json(const struct checkout *c, struct slice tag, struct slice subdir)
{
    struct slice url;
    BUF_SCOPED(b);
    struct arena *a = c->cx->arena;
    if (GIT(c, "", &url, "config", "--get", "remote.origin.url"))
        return S("");
    url = tellable(a, url);
    if (url.n == 0)
        return url;
    buf_add(&b, S("{\"VCS\":\"git\",\"URL\":"));
    json_quote(&b, url);
    buf_printf(&b, ",\"Hash\":\"%.*s\",\"Ref\":", SLICE_ARG(c->head));
    json_quote(&b, arena_printf(a, "refs/tags/%.*s", SLICE_ARG(tag)));
    if (subdir.n) {
        buf_add(&b, S(",\"Subdir\":"));
        json_quote(&b, subdir);
    }
    buf_add(&b, S("}"));
    return arena_dup(a, buf_slice(&b));
}

static struct slice info_time(struct arena *a, struct slice info)
{
    json_error_t why;
    json_t *root = json_loadb(info.p, info.n, 0, &why);
    const char *time = json_string_value(json_object_get(root, "Time"));
    struct slice out = arena_dup(a, slice_of(time ? time : ""));
    json_decref(root);
    return out;
}

/* "sub/v1.2.3" for the version v1.2.3+incompatible, too. */
static struct slice tag_name(struct arena *a, struct slice dir, struct slice version)
{
    ptrdiff_t plus = slice_find(version, '+');
    struct slice v = plus < 0 ? version : slice_head(version, (size_t)plus);
    return arena_printf(a, "%.*s%s%.*s", SLICE_ARG(dir), dir.n ? "/" : "", SLICE_ARG(v));
}

static struct error *pack(const struct checkout *c, struct git *git, struct module_version mv,
                          const char *zip_path, struct publish_tag *out)
{
    struct ctx *cx = c->cx;
    struct coderepo r;
    struct vcs_answer info, zip;
    struct coderepo_place place = {.url =
                                       arena_printf(cx->arena, "file://%.*s", SLICE_ARG(c->top))};
    place_module(c, mv, &place);
    TRY(git_open(git, cx, place.url, false, &place.host));
    TRY(coderepo_init(cx->arena, &place, &r));
    out->name = tag_name(cx->arena, r.dir, mv.version);
    TRY(check_tag(c, out->name));
    TRY(coderepo_info(&r, cx, mv.version, &info));
    out->time = info_time(cx->arena, info.body);
    out->origin = origin_json(c, out->name, r.dir);
    const struct coderepo_zip_request q = {
        .version = mv.version, .commit = c->head, .dest_path = zip_path, .max_bytes = UINT64_MAX};
    return coderepo_zip(&r, cx, &q, &zip);
}

/* The repository is closed with the arena, which must be before git_free(). */
static struct error *pack_in_scratch(const struct checkout *c, struct git *git,
                                     struct module_version mv, const char *zip_path,
                                     struct publish_tag *out)
{
    __attribute__((cleanup(arena_release))) struct arena scratch = ARENA_INIT;
    struct ctx cx = {.arena = &scratch, .deadline_ms = c->cx->deadline_ms};
    struct checkout mine = *c;
    struct publish_tag tag = {0};
    struct arena *a = c->cx->arena;
    mine.cx = &cx;
    struct error *err = pack(&mine, git, mv, zip_path, &tag);
    if (err)
        return error_dup(a, err);
    *out = (struct publish_tag){arena_dup(a, tag.name), arena_dup(a, tag.time),
                                arena_dup(a, tag.origin)};
    return NULL;
}

struct error *publish_from_tag(struct arena *a, const char *dir, struct module_version mv,
                               const char *zip_path, struct publish_tag *out)
{
    struct git *git;
    struct ctx cx = {.arena = a, .deadline_ms = now_ms() + GIT_TIMEOUT_MS};
    struct checkout c = {.cx = &cx, .dir = dir};
    const char *copies = arena_printf(a, "%s.git", zip_path).p;
    TRY(module_check(a, mv));
    TRY(look(&c));
    TRY(git_new(&cx, &(struct git_options){.dir = copies, .is_local = true}, &git));
    struct error *err = pack_in_scratch(&c, git, mv, zip_path, out);
    git_free(git);
    return err;
}
