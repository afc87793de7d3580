/*
 * @v/list of the tree: the tagged versions that the folder holds whole, a line each, for those who
 * read the tree without modgate. go.dev/ref/mod#goproxy-protocol: no pseudo-versions; a folder with
 * only these has an empty list, because the go command takes a missing one for a missing module.
 *
 * A version is appended in one write, under a lock, so that readers see whole lines; a list that a
 * power loss left torn is made anew from the folder. Removing a version makes it anew too.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include "gomod/pseudo.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LIST_MAX_BYTES = 64 << 20 };

static struct error *lock_list(struct store *s, struct arena *a, const struct ctx *cx,
                               struct slice escaped_path, int *fd)
{
    return lock_take(s, a, cx, slice_of(JOIN(a, escaped_path, S("/@v/list"))), fd);
}

/* The version that a file name of a @v folder stands for: "v1.0.0.info". */
static bool version_of_name(struct arena *a, const char *name, struct slice *version)
{
    struct slice file = slice_of(name), suffix = artefact_suffix(ARTEFACT_INFO);
    if (!slice_ends(file, suffix))
        return false;
    return module_unescape_version(a, slice_head(file, file.n - suffix.n), version) == NULL;
}

static struct error *read_versions(struct store *s, struct arena *a, struct slice escaped_path,
                                   struct buf *b)
{
    const char *rel = JOIN(a, S(TREE_DIR "/"), escaped_path, S("/@v"));
    DIR_SCOPED d = NULL;
    TRY(disk_open_dir(s, a, rel, &d));
    if (!d)
        return NULL;
    struct slice version;
    for (struct dirent *de; (de = readdir(d));) {
        if (version_of_name(a, de->d_name, &version)) {
            buf_add(b, version);
            buf_add_byte(b, '\n');
        }
    }
    return NULL;
}

struct error *store_versions(struct store *s, struct arena *a, struct slice path,
                             struct slice **versions, size_t *count)
{
    struct slice escaped_path;
    BUF_SCOPED(b);
    TRY(module_escape_path(a, path, &escaped_path));
    TRY(read_versions(s, a, escaped_path, &b));
    struct slice rest = arena_dup(a, buf_slice(&b));
    size_t lines = 0;
    for (size_t i = 0; i < rest.n; i++)
        lines += rest.p[i] == '\n';
    *versions = ARENA_ARRAY(a, struct slice, lines);
    for (*count = 0; *count < lines; (*count)++)
        (*versions)[*count] = slice_cut(&rest, '\n');
    return NULL;
}

static int by_slice(const void *a, const void *b)
{
    return slice_cmp_qsort(a, b);
}

/* The text that @v/list should be, and how many versions are stored. */
static struct error *make_list(struct store *s, struct arena *a, struct slice escaped_path,
                               struct buf *b, size_t *count)
{
    struct slice path, *versions;
    TRY(module_unescape_path(a, escaped_path, &path));
    TRY(store_versions(s, a, path, &versions, count));
    qsort(versions, *count, sizeof(*versions), by_slice);
    for (size_t i = 0; i < *count; i++) {
        if (pseudo_is(versions[i]))
            continue;
        buf_add(b, versions[i]);
        buf_add_byte(b, '\n');
    }
    return NULL;
}

static bool is_list(struct store *s, struct arena *a, const char *rel, struct slice text)
{
    struct slice old;
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && !file_read_fd(a, fd, LIST_MAX_BYTES, &old) && slice_eq(old, text);
}

static struct error *rewrite(struct store *s, struct arena *a, struct slice escaped_path,
                             const char *rel)
{
    BUF_SCOPED(b);
    size_t count;
    TRY(make_list(s, a, escaped_path, &b, &count));
    if (count == 0)
        return disk_unlink(s, a, rel);
    if (is_list(s, a, rel, buf_slice(&b)))
        return NULL;
    TRY(owner_ready(s, a));
    const char *temp = owner_temp_name(s, a);
    TRY(disk_write(a, s->owner.fd, temp, buf_slice(&b), 0644, false));
    return disk_replace(a, s->owner.fd, temp, s->dir_fd, rel);
}

static const char *list_rel(struct arena *a, struct slice escaped_path)
{
    return JOIN(a, S(TREE_DIR "/"), escaped_path, S("/@v/list"));
}

struct error *list_rewrite(struct store *s, struct arena *a, const struct ctx *cx,
                           struct slice escaped_path)
{
    FD_SCOPED lock = -1;
    TRY(lock_list(s, a, cx, escaped_path, &lock));
    return rewrite(s, a, escaped_path, list_rel(a, escaped_path));
}

static bool has_line(struct slice text, struct slice line)
{
    while (text.n) {
        if (slice_eq(slice_cut(&text, '\n'), line))
            return true;
    }
    return false;
}

static bool is_torn(struct slice text)
{
    return text.n && (text.p[text.n - 1] != '\n' || memchr(text.p, '\0', text.n));
}

static struct error *append(struct arena *a, int fd, size_t old_bytes, struct slice version)
{
    const char *line = JOIN(a, version, S("\n"));
    struct error *err = fd_write_all(a, fd, slice_make(line, version.n + 1));
    if (err && ftruncate(fd, (off_t)old_bytes) < 0)
        return error_wrap(a, err, "a torn line stays in a list");
    return err;
}

struct error *list_add(struct store *s, struct arena *a, const struct ctx *cx,
                       const struct names *n, struct slice version)
{
    FD_SCOPED lock = -1;
    struct slice text;
    const char *rel = list_rel(a, n->escaped_path);
    TRY(lock_list(s, a, cx, n->escaped_path, &lock));
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return disk_error(a, errno, "opening %s/%s", s->dir, rel);
    TRY_CTX(a, file_read_fd(a, fd, LIST_MAX_BYTES, &text), "reading %s/%s", s->dir, rel);
    if (is_torn(text))
        return rewrite(s, a, n->escaped_path, rel);
    if (pseudo_is(version) || has_line(text, version))
        return NULL;
    TRY_CTX(a, append(a, fd, text.n, version), "adding to %s/%s", s->dir, rel);
    return NULL;
}
