/*
 * An extracted folder and its zip hold the same files. So the folder needs no checksum of its own:
 * while the zip is inflated for its h1, each piece is compared with the file in the folder, and at
 * the end the folder must not hold more files than the zip. Comparing costs a tenth of hashing.
 */
#include "base/file.h"
#include "cli/verify.h"
#include "cli/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10, NAMED_MAX = 5 };

struct verify_twin {
    int dir_fd;
    const char *folder;
    const struct verify_names *only; /* of the zip's files; NULL: all of them */
    size_t prefix_n;                 /* of "path@version/" */
    struct slice name;
    int fd; /* of the file under comparison; -1: it is known to differ */
    struct dir_totals compared;
    size_t differing;
    struct buf differences;
    bool is_empty;
    uint64_t left_bytes; /* of the zip's file */
    char piece[PIECE_BYTES + 1];
};

struct error *verify_twin_open(struct arena *a, struct module_version mv, const char *folder,
                               const struct verify_names *only, struct verify_twin **out)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "%s", folder);
    struct verify_twin *t = xmalloc(sizeof(*t));
    t->dir_fd = fd;
    t->folder = folder;
    t->only = only;
    t->prefix_n = mv.path.n + 1 + mv.version.n + 1;
    t->fd = -1;
    t->compared = (struct dir_totals){0};
    t->differing = 0;
    t->differences = BUF_INIT;
    *out = t;
    return NULL;
}

void verify_twin_close(struct verify_twin *t)
{
    if (!t)
        return;
    fd_cleanup(&t->fd);
    fd_cleanup(&t->dir_fd);
    buf_release(&t->differences);
    free(t);
}

static void differ(struct verify_twin *t, const char *how, struct slice name)
{
    if (t->differing++ < NAMED_MAX)
        buf_printf(&t->differences, "%s%s %.*s", t->differences.n ? ", " : "", how,
                   SLICE_ARG(name));
    fd_cleanup(&t->fd);
}

static bool has_name(const struct verify_names *names, struct slice name)
{
    return bsearch(&name, names->list, names->count, sizeof(*names->list), slice_cmp_qsort);
}

static struct error *begin_file(void *arg, struct arena *a, const struct modzip_entry *e)
{
    struct verify_twin *t = arg;
    char path[PATH_MAX];
    t->name = slice_skip(e->name, t->prefix_n);
    if (t->only && !has_name(t->only, t->name))
        return NULL;
    t->left_bytes = e->content_bytes;
    t->is_empty = e->content_bytes == 0;
    if (t->name.n >= sizeof(path))
        return error_new(a, STATUS_TOO_LARGE, "a file name of %zu bytes", t->name.n);
    memcpy(path, t->name.p, t->name.n);
    path[t->name.n] = '\0';
    t->fd = openat(t->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (t->fd < 0) {
        differ(t, errno == ENOENT || errno == ENOTDIR ? "missing" : "unreadable", t->name);
        return NULL;
    }
    t->compared.files++;
    t->compared.bytes += e->content_bytes;
    return NULL;
}

/*
 * Reads n bytes and, when the file should end there, asks for one more in the same call. Returns
 * the bytes read, fewer than n only at the end of the file or when it cannot be read.
 */
static size_t read_piece(int fd, char *p, size_t n, bool is_last)
{
    size_t got = 0;
    do {
        ssize_t k = read(fd, p + got, n + is_last - got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            break;
        got += (size_t)k;
    } while (got < n);
    return got;
}

static struct error *compare_piece(void *arg, struct arena *a, struct slice piece)
{
    struct verify_twin *t = arg;
    while (piece.n && t->fd >= 0) {
        size_t n = piece.n < PIECE_BYTES ? piece.n : PIECE_BYTES;
        t->left_bytes -= n;
        if (read_piece(t->fd, t->piece, n, t->left_bytes == 0) != n ||
            memcmp(t->piece, piece.p, n) != 0)
            differ(t, "changed", t->name);
        piece = slice_skip(piece, n);
    }
    return NULL;
}

static struct error *end_file(void *arg, struct arena *a)
{
    struct verify_twin *t = arg;
    if (t->fd >= 0 && t->is_empty && read_piece(t->fd, t->piece, 0, true) != 0)
        differ(t, "changed", t->name);
    fd_cleanup(&t->fd);
    return NULL;
}

struct modzip_observer verify_twin_observer(struct verify_twin *t)
{
    return (struct modzip_observer){
        .begin = begin_file, .data = compare_piece, .end = end_file, .arg = t};
}

static void close_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}

/* Counts what is not a folder below the open folder, which is closed. */
static struct error *count_files(struct arena *a, int fd, size_t *count)
{
    __attribute__((cleanup(close_dir))) DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int err = errno;
        fd_cleanup(&fd);
        return error_errno(a, err, "a folder inside");
    }
    for (struct dirent *de; (de = readdir(d));) {
        if (de->d_type == DT_UNKNOWN)
            return error_new(a, STATUS_IO, "the file system does not tell folders from files");
        if (de->d_type != DT_DIR)
            (*count)++;
        else if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            TRY(count_files(a, openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), count));
    }
    return NULL;
}

struct extra_finder {
    struct verify_twin *twin;
    struct verify_names zip;
};

static struct error *find_extra(void *arg, struct arena *a, const struct walk_entry *e, bool *skip)
{
    struct extra_finder *f = arg;
    if (e->kind != WALK_FOLDER && !has_name(&f->zip, e->path))
        differ(f->twin, "added", e->path);
    return NULL;
}

/* Names what the folder has and the zip has not. */
static struct error *name_extra_files(struct verify_twin *t, struct arena *a, struct slice zip)
{
    struct modzip z;
    TRY(modzip_open(a, zip, MODZIP_LIMITS_GO.files, &z));
    struct extra_finder f = {.twin = t, .zip.list = ARENA_ARRAY(a, struct slice, z.count)};
    for (size_t i = 0; i < z.count; i++)
        f.zip.list[f.zip.count++] = slice_skip(z.entries[i].name, t->prefix_n);
    qsort(f.zip.list, f.zip.count, sizeof(*f.zip.list), slice_cmp_qsort);
    if (!t->only)
        return walk(a, t->folder, find_extra, &f);
    for (size_t i = 0; i < t->only->count; i++) {
        if (!has_name(&f.zip, t->only->list[i]))
            differ(t, "added", t->only->list[i]);
    }
    return NULL;
}

static struct error *count_all(struct verify_twin *t, struct arena *a, size_t *count)
{
    if (!t->only)
        return count_files(a, openat(t->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count);
    *count = t->only->count;
    return NULL;
}

struct error *verify_twin_finish(struct verify_twin *t, struct arena *a, struct slice zip,
                                 bool *is_same, struct slice *differences,
                                 struct dir_totals *compared)
{
    size_t count = 0;
    struct error *err = count_all(t, a, &count);
    if (err || count != t->compared.files)
        TRY(name_extra_files(t, a, zip));
    if (t->differing > NAMED_MAX)
        buf_printf(&t->differences, " and %zu more", t->differing - NAMED_MAX);
    *compared = t->compared;
    *is_same = t->differing == 0;
    *differences = arena_dup(a, buf_slice(&t->differences));
    return NULL;
}
