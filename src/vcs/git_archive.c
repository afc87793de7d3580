/*
 * The files of a commit: those of its tree as they are where that is what an archive would hold
 * (git_tree.c), else `git archive`, read as it comes: libarchive asks for bytes, the child is asked
 * for them. Names are the bytes that git has; libarchive warns of long ones that are no text in our
 * locale, which says nothing here.
 *
 * A damaged mirror may show when half the archive was passed on: it is dropped, and what was passed
 * on forgotten by who receives it, if it can; else the next call finds a new mirror.
 */
#include "ops/log.h"
#include "ops/metrics.h"
#include "vcs/git_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

enum { BLOCK_BYTES = 64 << 10, TRIES = 3 };

struct reading {
    struct ctx *cx;
    struct proc *p;
    const struct vcs_archive_sink *sink;
    struct error *err; /* of the child, or of who receives */
    bool has_begun;    /* something was passed on */
    void *block;
};

static la_ssize_t read_piece(struct archive *ar, void *arg, const void **out)
{
    struct reading *rd = arg;
    struct slice piece;
    rd->err = proc_read(rd->p, rd->cx, &piece);
    *out = piece.p;
    if (!rd->err)
        return (la_ssize_t)piece.n;
    archive_set_error(ar, EIO, "the child failed");
    return ARCHIVE_FATAL;
}

static struct error *broken(struct reading *rd, struct archive *ar)
{
    if (rd->err)
        return rd->err;
    const char *why = archive_error_string(ar);
    return error_new(rd->cx->arena, STATUS_BROKEN, "the archive cannot be read: %s",
                     why ? why : "it ends early");
}

static struct error *pass_content(struct reading *rd, struct archive *ar)
{
    for (;;) {
        la_ssize_t n = archive_read_data(ar, rd->block, BLOCK_BYTES);
        if (n < 0)
            return broken(rd, ar);
        if (n == 0)
            return NULL;
        TRY(rd->sink->write(rd->sink->arg, slice_make(rd->block, (size_t)n)));
    }
}

/* Folders are no files; a submodule is an empty one. */
static struct error *pass_entry(struct reading *rd, struct archive *ar, struct archive_entry *e)
{
    const char *path = archive_entry_pathname(e);
    __LA_MODE_T type = archive_entry_filetype(e);
    if (type == AE_IFDIR)
        return NULL;
    if (!path)
        return error_new(rd->cx->arena, STATUS_BROKEN, "an entry of the archive has no name");
    struct vcs_entry entry = {
        .path = slice_of(path),
        .is_regular = type == AE_IFREG,
        .size = type == AE_IFREG ? (uint64_t)archive_entry_size(e) : 0,
        .is_executable = type == AE_IFREG && (archive_entry_perm(e) & 0111),
    };
    rd->has_begun = true;
    TRY(rd->sink->begin(rd->sink->arg, &entry));
    if (entry.is_regular)
        TRY(pass_content(rd, ar));
    return rd->sink->end(rd->sink->arg);
}

static struct error *pass_all(struct reading *rd, struct archive *ar)
{
    struct archive_entry *e;
    if (archive_read_support_format_tar(ar) != ARCHIVE_OK ||
        archive_read_open(ar, rd, NULL, read_piece, NULL) != ARCHIVE_OK)
        return broken(rd, ar);
    for (;;) {
        int rc = archive_read_next_header(ar, &e);
        if (rc == ARCHIVE_EOF)
            return NULL;
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return broken(rd, ar);
        TRY(pass_entry(rd, ar, e));
    }
}

/* The rest behind the end of the archive, so that git can end by itself. */
static struct error *read_rest(struct reading *rd)
{
    struct slice piece;
    do {
        TRY(proc_read(rd->p, rd->cx, &piece));
    } while (piece.n);
    return NULL;
}

static struct error *run(struct git_repo *r, struct reading *rd, const struct git_call *call,
                         struct proc_result *res)
{
    *res = (struct proc_result){.errors = S("")};
    TRY(git_start(r, rd->cx, call, &rd->p));
    struct archive *ar = archive_read_new();
    if (!ar)
        BUG("out of memory");
    struct error *err = pass_all(rd, ar);
    archive_read_free(ar);
    /* What git says about its own failure tells more than an archive that ends early. */
    bool is_ours = err && err != rd->err && err->status != STATUS_BROKEN;
    if (!rd->err && !is_ours) {
        rd->err = read_rest(rd);
        struct error *said = git_finish(r, rd->cx, call, rd->p, rd->err, res);
        return said ? said : err;
    }
    struct error *said UNUSED = git_finish(r, rd->cx, call, rd->p, err, res);
    return is_ours ? err : said;
}

static struct error *run_archive(struct git_repo *r, struct reading *rd, const struct git_walk *w,
                                 struct proc_result *res)
{
    struct arena *a = rd->cx->arena;
    const char *args[] = {"archive",
                          "--format=tar",
                          "--end-of-options",
                          arena_cstr(a, w->hash),
                          w->subdir.n ? arena_cstr(a, w->subdir) : NULL,
                          NULL};
    struct git_call call = {.args = args, .max_output_bytes = w->max_bytes};
    rd->block = arena_alloc(a, BLOCK_BYTES);
    return run(r, rd, &call, res);
}

/* What git says of a commit that it does not have. */
static struct error *no_commit(struct git_repo *r, struct reading *rd, struct proc_result *res)
{
    *res = (struct proc_result){.errors = S("not a valid object name")};
    return error_new(rd->cx->arena, STATUS_CORRUPT, "%s: the mirror lacks the commit", r->url);
}

static struct error *archive_once(struct git_repo *r, struct reading *rd, struct git_walk *w,
                                  struct proc_result *res, bool *try_again)
{
    bool is_there;
    enum git_walked walked = GIT_WALK_DONE;
    GIT_LOCK_SCOPED(l);
    *try_again = false;
    *res = (struct proc_result){.errors = S("")};
    TRY(git_mirror_use(r, rd->cx, &l, &is_there));
    if (!is_there)
        return no_commit(r, rd, res);
    struct error *err = git_walk_files(r, rd->cx, w, &walked, try_again);
    rd->has_begun = w->has_begun;
    if (!err && walked == GIT_WALK_NO_COMMIT)
        return no_commit(r, rd, res);
    return !err && walked == GIT_WALK_UNUSUAL ? run_archive(r, rd, w, res) : err;
}

static bool says(const struct proc_result *res, const char *text)
{
    return slice_find_slice(res->errors, slice_of(text)) >= 0;
}

/* What was passed on is forgotten. */
static struct error *start_over(struct reading *rd, struct error *err)
{
    if (rd->has_begun && !rd->sink->restart)
        return error_as(rd->cx->arena, STATUS_BROKEN, err, "the archive broke off; ask again");
    return rd->has_begun ? rd->sink->restart(rd->sink->arg) : NULL;
}

/* After a try that failed: NULL when another may succeed. */
static struct error *prepare_again(struct git_repo *r, struct reading *rd, struct slice hash,
                                   struct error *err, const struct proc_result *res)
{
    struct ctx *cx = rd->cx;
    if (says(res, "did not match any files"))
        return error_new(cx->arena, STATUS_NOT_FOUND, "%s has no such folder at %.*s", r->url,
                         SLICE_ARG(hash));
    if (says(res, "error: invalid path")) /* go's git says so too: there is no such zip */
        return error_as(cx->arena, STATUS_NOT_FOUND, err, "git takes no archive of %.*s",
                        SLICE_ARG(hash));
    if (err->status != STATUS_CORRUPT)
        return err;
    if (!says(res, "not a valid object name")) {
        log_error(LOG_WARN, "a mirror of a repository is fetched anew", err, NULL, 0);
        metric_add(METRIC_VCS_REPAIRS, 1);
        TRY(git_mirror_drop(r, cx));
    }
    TRY(start_over(rd, err));
    return git_fetch_commit(r, cx, hash, S(""));
}

static bool is_full_hash(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    }
    return s.n == 40 || s.n == 64;
}

struct error *git_op_archive(struct codehost *h, struct ctx *cx, struct slice hash,
                             struct slice subdir, uint64_t max_bytes,
                             const struct vcs_archive_sink *sink)
{
    struct git_repo *r = git_repo_of(h);
    struct proc_result res;
    struct error *err = NULL;
    bool try_again;
    if (!is_full_hash(hash))
        return error_new(cx->arena, STATUS_NOT_FOUND, "%.*s is no commit", SLICE_ARG(hash));
    if (!git_mirror_may_have(r, cx->arena, hash))
        TRY(git_fetch_commit(r, cx, hash, S("")));
    for (int i = 0; i < TRIES; i++) {
        struct reading rd = {.cx = cx, .sink = sink};
        struct git_walk w = {.hash = hash, .subdir = subdir, .max_bytes = max_bytes, .sink = sink};
        err = archive_once(r, &rd, &w, &res, &try_again);
        if (!err)
            return NULL;
        TRY(try_again ? start_over(&rd, err) : prepare_again(r, &rd, hash, err, &res));
    }
    if (says(&res, "not a valid object name"))
        return error_new(cx->arena, STATUS_NOT_FOUND, "%s has no commit %.*s", r->url,
                         SLICE_ARG(hash));
    return err;
}
