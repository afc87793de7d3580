/*
 * The zip of a version. What goes in depends on files that may come late: a go.mod cuts its whole
 * directory off, even what the archive gave before it; and the zip writer wants each size first. So
 * the archive is spooled: one pass over it, into memory while it is small and then into a nameless
 * file beside the zip, with a list of names, sizes and offsets in memory; then the files are
 * selected, and packed from the spool. Going over the archive twice would cost twice the reading
 * and give nothing; a listing of the tree does not know the sizes, for line endings may be
 * converted on the way out. The go command spools too.
 *
 * Memory: the list, bounded by LIST_FILES and LIST_NAME_BYTES, and one buffer. Disk: the spool,
 * bounded by SPOOL_FACTOR times the size of the zip. What is certainly vendored is not spooled.
 */
#include "base/file.h"
#include "gomod/modzip_make.h"
#include "gomod/text.h"
#include "vcs/coderepo.h"
#include "vcs/coderepo_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ZIP_MAX_BYTES = 500 << 20, /* no go command takes a larger one */
    SPOOL_FACTOR = 8, /* a zip packs text to about a quarter; nested modules take room too */
    SPOOL_BUFFER_BYTES = 1 << 20, /* most versions of most modules need no file */
    LIST_FILES = 1 << 20,
    LIST_NAME_BYTES = 128 << 20,
};

struct spooled {
    uint64_t offset;
    struct slice body; /* instead: a file that does not come from the archive */
};

struct packer {
    struct ctx *cx;
    struct slice prefix; /* of the module's directory, with the slash */
    uint64_t max_bytes;  /* of the zip */
    struct arena names;
    struct modzip_file *files;
    struct spooled *places; /* of files, by the same index */
    size_t count, cap;
    int spool;               /* -1 while all is in memory */
    const char *spool_place; /* beside which it is made */
    struct buf pending;      /* not yet written to the spool */
    uint64_t spool_bytes;
    bool is_kept; /* the entry that is read goes to the spool */
    bool has_license;
    int out;
    struct slice rest; /* of the body that is packed */
    uint64_t at, left; /* in the spool, of the file that is packed */
};

/* A file that goes with its descriptor. (Not O_TMPFILE: network file systems have none.) */
static struct error *open_spool(struct packer *p)
{
    struct slice name = arena_printf(p->cx->arena, "%s.spool-XXXXXX", p->spool_place);
    char *path = arena_cstr(p->cx->arena, name);
    p->spool = mkostemp(path, O_CLOEXEC);
    if (p->spool < 0)
        return error_errno(p->cx->arena, errno, "creating %s", path);
    unlink(path);
    return NULL;
}

static struct error *flush_spool(struct packer *p)
{
    TRY(ctx_check(p->cx));
    if (p->spool < 0)
        TRY(open_spool(p));
    TRY(fd_write_all_at(p->cx->arena, p->spool, p->spool_bytes - p->pending.n,
                        buf_slice(&p->pending)));
    buf_clear(&p->pending);
    return NULL;
}

static struct error *add_file(struct packer *p, struct modzip_file f, struct spooled place)
{
    if (p->count == LIST_FILES || p->names.used_bytes + f.name.n > LIST_NAME_BYTES)
        return error_new(p->cx->arena, STATUS_TOO_LARGE, "the commit has too many files");
    if (p->count == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 256;
        p->files = xrealloc(p->files, p->cap * sizeof(*p->files));
        p->places = xrealloc(p->places, p->cap * sizeof(*p->places));
    }
    f.name = arena_dup(&p->names, f.name);
    p->places[p->count] = place;
    p->files[p->count++] = f;
    return NULL;
}

/* By either of the two rules, one of which applies. */
static bool is_vendored(struct slice name)
{
    return modzip_is_vendored(name, true) && modzip_is_vendored(name, false);
}

static struct error *begin_entry(void *arg, const struct vcs_entry *e)
{
    struct packer *p = arg;
    struct slice name = slice_skip(e->path, p->prefix.n);
    p->is_kept = false;
    if (!slice_starts(e->path, p->prefix) || name.n == 0 || slice_ends(name, S("/")))
        return NULL;
    p->is_kept = e->is_regular && !is_vendored(name);
    p->has_license = p->has_license || slice_eq(name, S("LICENSE"));
    struct modzip_file f = {
        .name = name,
        .kind = e->is_regular ? MODZIP_REGULAR : MODZIP_SYMLINK,
        .content_bytes = e->size,
    };
    return add_file(p, f, (struct spooled){.offset = p->spool_bytes});
}

static struct error *write_entry(void *arg, struct slice piece)
{
    struct packer *p = arg;
    if (!p->is_kept)
        return NULL;
    buf_add(&p->pending, piece);
    p->spool_bytes += piece.n;
    return p->pending.n < SPOOL_BUFFER_BYTES ? NULL : flush_spool(p);
}

static struct error *end_entry(void *arg)
{
    struct packer *p = arg;
    if (p->is_kept &&
        p->spool_bytes - p->places[p->count - 1].offset != p->files[p->count - 1].content_bytes)
        return error_new(p->cx->arena, STATUS_BROKEN, "%s: the archive broke off",
                         text_quote(p->cx->arena, p->files[p->count - 1].name));
    return NULL;
}

/* The same archive comes once more. */
static struct error *restart(void *arg)
{
    struct packer *p = arg;
    p->count = 0;
    p->spool_bytes = 0;
    p->has_license = false;
    buf_clear(&p->pending);
    arena_clear(&p->names);
    return NULL;
}

static struct error *fill_spool(struct packer *p, const struct resolved *v)
{
    struct codehost *h = v->files.r->place.host;
    const struct vcs_archive_sink sink = {
        .begin = begin_entry, .write = write_entry, .end = end_entry, .restart = restart, .arg = p};
    TRY(h->ops->archive(h, p->cx, v->files.hash, v->place.dir, SPOOL_FACTOR * p->max_bytes, &sink));
    return p->spool < 0 ? NULL : flush_spool(p);
}

/* A module below the root that has no licence of its own gets the repository's. */
static struct error *add_license(struct packer *p, struct resolved *v)
{
    struct slice body;
    if (p->has_license || p->prefix.n == 0)
        return NULL;
    TRY(commit_read(&v->files, S("LICENSE"), &body));
    if (!body.p)
        return NULL;
    struct modzip_file f = {.name = S("LICENSE"), .kind = MODZIP_REGULAR, .content_bytes = body.n};
    return add_file(p, f, (struct spooled){.body = body});
}

static struct error *open_file(void *arg, struct arena *a, const struct modzip_file *f)
{
    struct packer *p = arg;
    const struct spooled *place = &p->places[f - p->files];
    p->rest = place->body;
    p->at = place->offset;
    p->left = place->body.p ? 0 : f->content_bytes;
    if (p->spool >= 0 || place->body.p)
        return NULL;
    /* All is in memory; what is empty must be something, too. */
    p->rest = p->left ? slice_head(slice_skip(buf_slice(&p->pending), p->at), p->left) : S("");
    p->left = 0;
    return NULL;
}

static struct error *read_spool(struct packer *p, struct arena *a, char *buf, size_t n, size_t *got)
{
    ssize_t k;
    do {
        k = pread(p->spool, buf, n < p->left ? n : (size_t)p->left, (off_t)p->at);
    } while (k < 0 && errno == EINTR);
    if (k < 0)
        return error_errno(a, errno, "read");
    *got = (size_t)k;
    p->at += *got;
    p->left -= *got;
    return NULL;
}

static struct error *read_file(void *arg, struct arena *a, char *buf, size_t n, size_t *got)
{
    struct packer *p = arg;
    TRY(ctx_check(p->cx));
    if (!p->rest.p)
        return read_spool(p, a, buf, n, got);
    struct slice piece = slice_head(p->rest, n);
    if (piece.n)
        memcpy(buf, piece.p, piece.n);
    p->rest = slice_skip(p->rest, piece.n);
    *got = piece.n;
    return NULL;
}

static void close_file(void *arg)
{
}

static struct error *write_zip(void *arg, struct arena *a, uint64_t offset, struct slice data)
{
    struct packer *p = arg;
    if (data.n > p->max_bytes || offset > p->max_bytes - data.n)
        return error_new(a, STATUS_TOO_LARGE, "the zip exceeds %llu bytes",
                         (unsigned long long)p->max_bytes);
    return fd_write_all_at(a, p->out, offset, data);
}

/* The go.mod that goes into the zip; its go version decides what counts as vendored. */
static struct error *read_go_mod(struct packer *p, struct slice *go_mod)
{
    struct arena *a = p->cx->arena;
    size_t i = 0, got = 1;
    *go_mod = S("");
    while (i < p->count && !slice_eq(p->files[i].name, S("go.mod")))
        i++;
    if (i == p->count || p->files[i].kind != MODZIP_REGULAR ||
        p->files[i].content_bytes > MODFILE_MAX_BYTES)
        return NULL;
    char *text = arena_alloc(a, p->files[i].content_bytes);
    TRY(open_file(p, a, &p->files[i]));
    while (go_mod->n < p->files[i].content_bytes && got) {
        TRY(read_file(p, a, text + go_mod->n, p->files[i].content_bytes - go_mod->n, &got));
        *go_mod = slice_make(text, go_mod->n + got);
    }
    return NULL;
}

static struct error *pack(struct packer *p, struct module_version mv)
{
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct slice go_mod;
    char h1[H1_TEXT_BYTES];
    TRY(read_go_mod(p, &go_mod));
    TRY(modzip_select(p->cx->arena, p->files, p->count, go_mod, &limits));
    const struct modzip_request r = {
        .mv = mv,
        .files = p->files,
        .count = p->count,
        .source = {.open = open_file, .read = read_file, .close = close_file, .arg = p},
        .target = {.write_at = write_zip, .arg = p},
    };
    return modzip_create(p->cx->arena, &r, h1);
}

static struct error *spool_and_pack(struct packer *p, struct resolved *v,
                                    const struct coderepo_zip_request *q)
{
    TRY(fill_spool(p, v));
    TRY(add_license(p, v));
    return pack(p, (struct module_version){.path = v->files.r->place.path, .version = q->version});
}

/* That no module zip can be made of a version is a fact about it. */
static struct error *no_zip(struct ctx *cx, struct module_version mv, const struct error *cause)
{
    bool is_bad = cause->status == STATUS_BAD_ZIP || cause->status == STATUS_BAD_VERSION;
    return error_as(cx->arena, is_bad ? STATUS_NOT_FOUND : cause->status, cause,
                    "%.*s@%.*s: create zip", SLICE_ARG(mv.path), SLICE_ARG(mv.version));
}

static void packer_release(struct packer *p)
{
    fd_cleanup(&p->spool);
    fd_cleanup(&p->out);
    buf_release(&p->pending);
    arena_release(&p->names);
    free(p->files);
    free(p->places);
}

static struct error *make_zip(struct resolved *v, const struct coderepo_zip_request *q,
                              uint64_t *size)
{
    struct ctx *cx = v->files.cx;
    struct packer p = {.cx = cx, .spool = -1, .spool_place = q->dest_path, .names = ARENA_INIT};
    struct stat st;
    p.max_bytes = q->max_bytes < ZIP_MAX_BYTES ? q->max_bytes : ZIP_MAX_BYTES;
    p.prefix = v->place.dir.n ? repo_path(cx->arena, v->place.dir, S("")) : S("");
    p.out = open(q->dest_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (p.out < 0)
        return error_errno(cx->arena, errno, "creating %s", q->dest_path);
    struct error *err = spool_and_pack(&p, v, q);
    if (!err && fstat(p.out, &st) < 0)
        err = error_errno(cx->arena, errno, "%s", q->dest_path);
    if (err)
        unlink(q->dest_path);
    else
        *size = (uint64_t)st.st_size;
    packer_release(&p);
    return err;
}

struct error *coderepo_zip(const struct coderepo *r, struct ctx *cx,
                           const struct coderepo_zip_request *q, struct vcs_answer *out)
{
    struct module_version mv = {.path = r->place.path, .version = q->version};
    struct resolved v;
    TRY(resolve_content(
        r, cx, (struct content){.version = q->version, .commit = q->commit, .for_zip = true}, &v));
    *out = (struct vcs_answer){.version = q->version, .commit = v.commit, .source = r->place.url};
    struct error *err = module_check(cx->arena, mv);
    if (!err)
        err = make_zip(&v, q, &out->size);
    return err ? no_zip(cx, mv, err) : NULL;
}
