/*
 * A folder becomes a module zip: the walk (zip.CreateFromDir's listFilesInDir) finds the files,
 * src/gomod chooses and packs them, this file opens, reads and writes.
 */
#include "base/file.h"
#include "cli/modzip_dir.h"
#include "cli/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct packer {
    const char *dir;
    bool is_go_1_24; /* by whatever go.mod names, even through a link */
    struct modzip_file *files;
    size_t count, cap;
    int in;  /* the file that is read */
    int out; /* the zip */
    const struct dir_listener *listener;
};

static void add_file(struct packer *p, struct slice name, uint64_t bytes)
{
    if (p->count == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 256;
        p->files = xrealloc(p->files, p->cap * sizeof(*p->files));
    }
    p->files[p->count++] =
        (struct modzip_file){.name = name, .kind = MODZIP_REGULAR, .content_bytes = bytes};
}

static bool is_other_root(struct packer *p, struct arena *a, struct slice folder)
{
    struct stat st;
    struct slice base = slice_skip(folder, (size_t)(slice_rfind(folder, '/') + 1));
    if (modzip_is_vcs_folder(base))
        return true;
    const char *go_mod = arena_printf(a, "%s/%.*s/go.mod", p->dir, SLICE_ARG(folder)).p;
    return lstat(go_mod, &st) == 0 && !S_ISDIR(st.st_mode);
}

static struct error *list_entry(void *arg, struct arena *a, const struct walk_entry *e, bool *skip)
{
    struct packer *p = arg;
    struct stat st;
    if (modzip_is_vendored(e->path, p->is_go_1_24))
        return NULL;
    if (e->kind == WALK_FOLDER)
        *skip = is_other_root(p, a, e->path);
    if (e->kind != WALK_FILE)
        return NULL;
    const char *path = arena_printf(a, "%s/%s", p->dir, e->path.p).p;
    if (lstat(path, &st) < 0)
        return error_errno(a, errno, "%s", path);
    add_file(p, e->path, (uint64_t)st.st_size);
    return NULL;
}

static struct error *open_file(void *arg, struct arena *a, const struct modzip_file *f)
{
    struct packer *p = arg;
    const char *path = arena_printf(a, "%s/%.*s", p->dir, SLICE_ARG(f->name)).p;
    p->in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return p->in < 0 ? error_errno(a, errno, "%s", path) : NULL;
}

static struct error *read_file(void *arg, struct arena *a, char *buf, size_t n, size_t *got)
{
    struct packer *p = arg;
    ssize_t k;
    do {
        k = read(p->in, buf, n);
    } while (k < 0 && errno == EINTR);
    *got = k > 0 ? (size_t)k : 0;
    return k < 0 ? error_errno(a, errno, "read") : NULL;
}

static void close_file(void *arg)
{
    struct packer *p = arg;
    fd_cleanup(&p->in);
}

static struct error *write_at(void *arg, struct arena *a, uint64_t offset, struct slice data)
{
    struct packer *p = arg;
    return fd_write_all_at(a, p->out, offset, data);
}

static bool lists_go_mod(const struct packer *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (slice_eq(p->files[i].name, S("go.mod")))
            return true;
    }
    return false;
}

static struct error *select_and_pack(struct packer *p, struct arena *a, struct module_version mv,
                                     char h1[H1_TEXT_BYTES])
{
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct slice go_mod = S("");
    const char *path = arena_printf(a, "%s/go.mod", p->dir).p;
    if (file_read(a, path, limits.go_mod_bytes, &go_mod))
        go_mod = S(""); /* if it is a file of the module, opening it for the zip fails again */
    p->is_go_1_24 = modzip_is_go_1_24(a, go_mod);
    TRY(walk(a, p->dir, list_entry, p));
    TRY(modzip_select(a, p->files, p->count, lists_go_mod(p) ? go_mod : S(""), &limits));
    for (size_t i = 0; p->listener && i < p->count; i++)
        p->listener->tell(p->listener->arg, &p->files[i]);
    const struct modzip_request r = {
        .mv = mv,
        .files = p->files,
        .count = p->count,
        .source = {.open = open_file, .read = read_file, .close = close_file, .arg = p},
        .target = {.write_at = write_at, .arg = p},
    };
    return modzip_create(a, &r, h1);
}

static struct error *publish(struct packer *p, struct arena *a, const char *tmp, const char *out)
{
    if (fsync(p->out) < 0 || rename(tmp, out) < 0)
        return error_errno(a, errno, "writing %s", out);
    return NULL;
}

struct error *dir_make_zip(struct arena *a, const char *dir, struct module_version mv,
                           const char *out, const struct dir_listener *listener,
                           char h1[H1_TEXT_BYTES])
{
    struct packer p = {.dir = dir, .in = -1, .listener = listener};
    const char *tmp = arena_printf(a, "%s.tmp-%d", out, (int)getpid()).p;
    p.out = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (p.out < 0)
        return error_errno(a, errno, "creating %s", tmp);
    struct error *err = select_and_pack(&p, a, mv, h1);
    if (!err)
        err = publish(&p, a, tmp, out);
    if (err)
        unlink(tmp);
    fd_cleanup(&p.in);
    fd_cleanup(&p.out);
    free(p.files);
    return err;
}
