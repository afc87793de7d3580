/* Audit files: which there are, in which order, and their lines. */
#include "cli/cmd_audit.h"

#include "base/file.h"

#include "ops/audit_line.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { BLOCK_BYTES = 256 << 10, LINE_BYTES = 16 << 10, SEQ_DIGITS = 12 };

/* ---- lines ---- */

struct line_reader {
    void (*fn)(void *arg, struct slice line, bool is_whole);
    void *arg;
    char held[LINE_BYTES]; /* the beginning of a line whose end was not read yet */
    size_t held_n;
};

static void end_line(struct line_reader *r, struct slice rest, bool is_whole)
{
    if (r->held_n == 0) {
        r->fn(r->arg, rest, is_whole);
        return;
    }
    size_t n = rest.n < LINE_BYTES - r->held_n ? rest.n : LINE_BYTES - r->held_n;
    memcpy(r->held + r->held_n, rest.p, n);
    r->fn(r->arg, slice_make(r->held, r->held_n + n), is_whole);
    r->held_n = 0;
}

static void take_block(struct line_reader *r, struct slice block)
{
    for (;;) {
        ptrdiff_t at = slice_find(block, '\n');
        if (at < 0)
            break;
        end_line(r, slice_head(block, (size_t)at), true);
        block = slice_skip(block, (size_t)at + 1);
    }
    /* What is longer than any record is no record: only its beginning is kept. */
    size_t n = block.n < LINE_BYTES - r->held_n ? block.n : LINE_BYTES - r->held_n;
    memcpy(r->held + r->held_n, block.p, n);
    r->held_n += n;
}

static struct error *read_blocks(struct arena *a, const char *path, struct line_reader *r,
                                 char *block)
{
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "opening %s", path);
    for (;;) {
        ssize_t n = read(fd, block, BLOCK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(a, errno, "reading %s", path);
        if (n == 0)
            break;
        take_block(r, slice_make(block, (size_t)n));
    }
    if (r->held_n)
        end_line(r, S(""), false);
    return NULL;
}

struct error *audit_file_each(struct arena *a, const char *path,
                              void (*fn)(void *arg, struct slice line, bool is_whole), void *arg)
{
    struct line_reader *r = xcalloc(1, sizeof(*r));
    *r = (struct line_reader){.fn = fn, .arg = arg};
    char *block = xmalloc(BLOCK_BYTES);
    struct error *err = read_blocks(a, path, r, block);
    free(block);
    free(r);
    return err;
}

/* ---- which ---- */

struct ordered {
    const char *path;
    uint64_t first_seq;
};

static int by_first_seq(const void *x, const void *y)
{
    const struct ordered *a = x, *b = y;
    return a->first_seq != b->first_seq ? (a->first_seq < b->first_seq ? -1 : 1)
                                        : strcmp(a->path, b->path);
}

/* The number of its first record; 0 when it has none that can be read. */
static struct error *read_first_seq(struct arena *a, const char *path, uint64_t *seq)
{
    char text[AUDIT_LINE_MAX];
    struct audit_line l;
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "opening %s", path);
    ssize_t n = read(fd, text, sizeof(text));
    if (n < 0)
        return error_errno(a, errno, "reading %s", path);
    struct slice rest = slice_make(text, (size_t)n);
    *seq = audit_line_parse(slice_cut(&rest, '\n'), &l) ? l.seq : 0;
    return NULL;
}

/* Shells sort audit.jsonl before audit.jsonl.000000001000. */
static struct error *order(struct arena *a, struct audit_files *files)
{
    struct ordered *list = ARENA_ARRAY(a, struct ordered, files->count);
    for (size_t i = 0; i < files->count; i++) {
        list[i].path = files->paths[i];
        TRY(read_first_seq(a, files->paths[i], &list[i].first_seq));
    }
    qsort(list, files->count, sizeof(*list), by_first_seq);
    for (size_t i = 0; i < files->count; i++)
        files->paths[i] = list[i].path;
    return NULL;
}

static bool is_put_aside(struct slice name, struct slice base)
{
    uint64_t seq;
    return slice_starts(name, base) && name.n == base.n + 1 + SEQ_DIGITS && name.p[base.n] == '.' &&
           slice_parse_u64(slice_skip(name, base.n + 1), &seq);
}

static struct error *add_family(struct arena *a, const char *path, struct audit_files *out)
{
    BUF_SCOPED(found);
    const char *slash = strrchr(path, '/');
    struct slice dir = slash ? slice_make(path, (size_t)(slash - path) + 1) : S("./");
    struct slice base = slice_of(slash ? slash + 1 : path);
    DIR *d = opendir(arena_cstr(a, dir));
    if (!d)
        return error_errno(a, errno, "opening the folder %.*s", SLICE_ARG(dir));
    size_t count = 0;
    for (struct dirent *de; (de = readdir(d));) {
        struct slice name = slice_of(de->d_name);
        if (!slice_eq(name, base) && !is_put_aside(name, base))
            continue;
        buf_printf(&found, "%.*s%s\n", SLICE_ARG(dir), de->d_name);
        count++;
    }
    closedir(d);
    struct slice rest = arena_dup(a, buf_slice(&found));
    out->paths = ARENA_ARRAY(a, const char *, count);
    while (out->count < count)
        out->paths[out->count++] = arena_cstr(a, slice_cut(&rest, '\n'));
    return NULL;
}

static struct error *find_set(struct arena *a, const struct settings_args *sa,
                              struct audit_files *out)
{
    struct settings s;
    TRY(settings_args_load(a, sa, &s));
    if (!s.audit_file[0])
        return error_new(a, STATUS_BAD_USAGE, "name a file, or set audit.file");
    TRY(add_family(a, s.audit_file, out));
    if (out->count)
        return NULL;
    return error_new(a, STATUS_BAD_USAGE, "there is no %s, nor one that was put aside",
                     s.audit_file);
}

struct error *audit_files_find(struct arena *a, const struct settings_args *sa, char *const *names,
                               int count, struct audit_files *out)
{
    *out = (struct audit_files){.paths = ARENA_ARRAY(a, const char *, (size_t)count)};
    for (int i = 0; i < count; i++)
        out->paths[out->count++] = names[i];
    if (count == 0)
        TRY(find_set(a, sa, out));
    return order(a, out);
}
