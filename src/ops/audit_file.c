/*
 * Appending to the chain.
 *
 * A batch is made whole in memory and written with one write under a lock that holds between
 * processes (flock on <file>.lock). When another process wrote meanwhile, the number and hash of
 * the newest record are read again from the end of the file. A write that fails is taken back by
 * cutting the file to what it was; if that fails too, or the process dies in between, the next one
 * to take the lock finds a line without an end, cuts it off, and says so in a record ("repair").
 * Whole records are never cut off.
 *
 * A file that has grown too large is put aside under its name with the number of its last record
 * behind it: audit.jsonl.000000012345. The new one begins with a record ("continue") that names it
 * and carries its last hash as `prev`; so the chain goes on, and so it does when a crash comes in
 * between: a file that is missing continues the newest that was put aside.
 */
#include "ops/audit_file.h"
#include "ops/log_line.h"

#include "base/encode.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TAIL_BLOCK = 64 << 10, /* more than any line */
    SEQ_DIGITS = 12,
    CHECKPOINT_RECORDS = 10000,
    SEALED_EXTRA = 200, /* what sealing adds to a line, about */
};

#define SIZE_UNKNOWN UINT64_MAX

struct audit_file {
    struct audit_options o;
    char *dir, *name, *path;
    int fd, lock_fd;
    ino_t inode;
    uint64_t size;      /* of the file, as we left it; SIZE_UNKNOWN: look at it again */
    uint64_t cut_bytes; /* cut off its end, and not told yet */
    uint64_t seq;       /* of the newest record; 0: there is none */
    char head[AUDIT_HASH_CHARS + 1];
    uint64_t open_records; /* records that no checkpoint covers */
    struct buf out;        /* lines about to be written */
    struct sha256_stream *hasher;
};

/* ---- lines ---- */

/* Takes the lines in f->out for written or not: what is to be restored when they are not. */
struct mark {
    uint64_t seq, open_records;
    char head[AUDIT_HASH_CHARS + 1];
};

static struct mark mark_of(const struct audit_file *f)
{
    struct mark m = {.seq = f->seq, .open_records = f->open_records};
    memcpy(m.head, f->head, sizeof(m.head));
    return m;
}

static void go_back(struct audit_file *f, const struct mark *m)
{
    f->seq = m->seq;
    f->open_records = m->open_records;
    memcpy(f->head, m->head, sizeof(f->head));
    buf_clear(&f->out);
}

/* Ends the line that begins at `start` of f->out with its hash, which becomes the head. */
static void add_hash(struct audit_file *f, size_t start)
{
    audit_line_hash(f->hasher, slice_skip(buf_slice(&f->out), start), f->head);
    buf_add(&f->out, S(",\"hash\":\""));
    buf_add(&f->out, slice_make(f->head, AUDIT_HASH_CHARS));
    buf_add(&f->out, S("\"}\n"));
}

static void begin_line(struct audit_file *f, struct slice body)
{
    char digits[20], *at = digits + sizeof(digits);
    f->seq++;
    for (uint64_t left = f->seq; left; left /= 10)
        *--at = (char)('0' + left % 10);
    buf_add(&f->out, S("{\"seq\":"));
    buf_add(&f->out, slice_make(at, (size_t)(digits + sizeof(digits) - at)));
    buf_add_byte(&f->out, ',');
    buf_add(&f->out, body);
    buf_add(&f->out, S(",\"prev\":\""));
    buf_add(&f->out, slice_make(f->head, AUDIT_HASH_CHARS));
    buf_add_byte(&f->out, '"');
}

static void seal(struct audit_file *f, struct slice body)
{
    size_t start = f->out.n;
    begin_line(f, body);
    add_hash(f, start);
    f->open_records++;
}

static struct slice control_body(char out[LOG_LINE_MAX], const char *event,
                                 const struct log_field *fields, size_t count)
{
    size_t n = log_line_members(out, log_moment_now(), slice_of(event),
                                (struct log_fields){fields, count});
    return slice_make(out, n);
}

/* A record of the chain itself. */
static void seal_control(struct audit_file *f, const char *event, const struct log_field *fields,
                         size_t count)
{
    char body[LOG_LINE_MAX];
    seal(f, control_body(body, event, fields, count));
}

/* The signature is of the line as it would be without it. */
static struct error *seal_checkpoint(struct arena *a, struct audit_file *f)
{
    char body[LOG_LINE_MAX];
    struct slice signature;
    size_t start = f->out.n;
    const struct log_field key = LOG_STR("key", f->o.signer.key_id);
    begin_line(f, control_body(body, "checkpoint", &key, 1));
    buf_add_byte(&f->out, '}');
    TRY_CTX(a,
            f->o.signer.sign(f->o.signer.arg, a, slice_skip(buf_slice(&f->out), start), &signature),
            "signing a checkpoint of the audit");
    f->out.n--;
    buf_printf(&f->out, ",\"signature\":\"%.*s\"", SLICE_ARG(signature));
    add_hash(f, start);
    f->open_records = 0;
    return NULL;
}

/* ---- the end of a file ---- */

struct tail {
    uint64_t whole_bytes; /* up to the last newline */
    uint64_t torn_bytes;  /* behind it */
    struct slice line;    /* the last whole line, without its newline; p is NULL: there is none */
};

/* The place behind the last newline before `end`; 0 when there is none. */
static struct error *find_newline(struct arena *a, int fd, uint64_t end, uint64_t *place)
{
    char *block = arena_alloc(a, TAIL_BLOCK);
    *place = 0;
    while (end) {
        size_t n = end < TAIL_BLOCK ? (size_t)end : TAIL_BLOCK;
        if (pread(fd, block, n, (off_t)(end - n)) != (ssize_t)n)
            return error_errno(a, errno, "reading the end of the audit file");
        const char *newline = memrchr(block, '\n', n);
        if (newline) {
            *place = end - n + (size_t)(newline - block) + 1;
            return NULL;
        }
        end -= n;
    }
    return NULL;
}

static struct error *read_tail(struct arena *a, int fd, uint64_t size, struct tail *t)
{
    uint64_t start;
    *t = (struct tail){0};
    TRY(find_newline(a, fd, size, &t->whole_bytes));
    t->torn_bytes = size - t->whole_bytes;
    if (t->whole_bytes == 0)
        return NULL;
    TRY(find_newline(a, fd, t->whole_bytes - 1, &start));
    size_t n = (size_t)(t->whole_bytes - 1 - start);
    if (n > AUDIT_LINE_MAX) {
        t->line = S("");
        return NULL;
    }
    char *line = arena_alloc(a, n + 1);
    if (pread(fd, line, n, (off_t)start) != (ssize_t)n)
        return error_errno(a, errno, "reading the end of the audit file");
    t->line = slice_make(line, n);
    return NULL;
}

/* Takes up the chain after a line. */
static struct error *follow(struct arena *a, struct audit_file *f, const char *path,
                            struct slice line)
{
    struct audit_line l;
    char hash[AUDIT_HASH_CHARS + 1];
    bool is_record = audit_line_parse(line, &l);
    if (is_record)
        audit_line_hash(f->hasher, l.hashed, hash);
    if (!is_record || !slice_eq(l.hash, slice_of(hash)))
        return error_new(a, STATUS_CORRUPT,
                         "the last record of %s is damaged or was changed, and none can follow it: "
                         "look at it with modgate audit verify, then move the file away",
                         path);
    f->seq = l.seq;
    memcpy(f->head, hash, sizeof(f->head));
    f->open_records = !slice_eq(audit_line_event(l.body), S("checkpoint"));
    return NULL;
}

/* ---- files that were put aside ---- */

static bool is_aside(const struct audit_file *f, const char *name)
{
    struct slice rest = slice_of(name), base = slice_of(f->name);
    if (!slice_starts(rest, base) || rest.n != base.n + 1 + SEQ_DIGITS || rest.p[base.n] != '.')
        return false;
    uint64_t seq;
    return slice_parse_u64(slice_skip(rest, base.n + 1), &seq);
}

/* Their names, oldest first. */
static struct error *list_aside(struct arena *a, const struct audit_file *f, struct slice **names,
                                size_t *count)
{
    BUF_SCOPED(found);
    DIR *d = opendir(f->dir);
    *count = 0;
    if (!d)
        return error_errno(a, errno, "opening the folder %s", f->dir);
    for (struct dirent *de; (de = readdir(d));) {
        if (is_aside(f, de->d_name)) {
            buf_printf(&found, "%s\n", de->d_name);
            ++*count;
        }
    }
    closedir(d);
    *names = ARENA_ARRAY(a, struct slice, *count);
    struct slice rest = arena_dup(a, buf_slice(&found));
    for (size_t i = 0; i < *count; i++)
        (*names)[i] = slice_of(arena_cstr(a, slice_cut(&rest, '\n')));
    if (*count)
        qsort(*names, *count, sizeof(**names), slice_cmp_qsort);
    return NULL;
}

static const char *in_dir(struct arena *a, const struct audit_file *f, struct slice name)
{
    return arena_printf(a, "%s/%.*s", f->dir, SLICE_ARG(name)).p;
}

static struct error *follow_aside(struct arena *a, struct audit_file *f, struct slice name)
{
    struct stat st;
    struct tail t;
    const char *path = in_dir(a, f, name);
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(a, errno, "opening %s", path);
    TRY(read_tail(a, fd, (uint64_t)st.st_size, &t));
    return follow(a, f, path, t.line);
}

/* Files beyond `keep` go; a record says so. */
static void drop_old(struct arena *a, struct audit_file *f, const struct slice *names, size_t count)
{
    for (size_t i = 0; f->o.keep && i + f->o.keep < count; i++) {
        const struct log_field file = LOG_STR("file", names[i]);
        if (unlink(in_dir(a, f, names[i])) == 0)
            seal_control(f, "drop", &file, 1);
    }
}

/* ---- opening ---- */

/* The first record of a file that is new. */
static struct error *seal_first(struct arena *a, struct audit_file *f)
{
    struct slice *names;
    size_t count;
    char chain[33];
    uint8_t salt[16];
    TRY(list_aside(a, f, &names, &count));
    if (count) {
        TRY(follow_aside(a, f, names[count - 1]));
        const struct log_field file = LOG_STR("file", names[count - 1]);
        seal_control(f, "continue", &file, 1);
        drop_old(a, f, names, count);
        return NULL;
    }
    f->seq = 0;
    memset(f->head, '0', AUDIT_HASH_CHARS);
    f->head[AUDIT_HASH_CHARS] = '\0';
    random_bytes(salt, sizeof(salt));
    hex_encode(salt, sizeof(salt), chain);
    const struct log_field id = LOG_STR("chain", slice_of(chain));
    seal_control(f, "begin", &id, 1);
    return NULL;
}

/* Cuts off what is behind the last whole record. */
static struct error *cut_torn(struct arena *a, struct audit_file *f, const struct tail *t)
{
    if (t->torn_bytes == 0)
        return NULL;
    if (ftruncate(f->fd, (off_t)t->whole_bytes) < 0)
        return error_errno(a, errno, "cutting a torn record off %s", f->path);
    f->size = t->whole_bytes;
    f->cut_bytes += t->torn_bytes;
    return NULL;
}

static void seal_repair(struct audit_file *f)
{
    const struct log_field cut = LOG_NUM("cut_bytes", f->cut_bytes);
    if (f->cut_bytes)
        seal_control(f, "repair", &cut, 1);
}

static struct error *reopen(struct arena *a, struct audit_file *f)
{
    struct stat st;
    fd_cleanup(&f->fd);
    f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (f->fd < 0 || fstat(f->fd, &st) < 0)
        return error_errno(a, errno, "opening %s", f->path);
    if (!S_ISREG(st.st_mode))
        return error_new(a, STATUS_BAD_CONFIG, "%s is no regular file", f->path);
    f->inode = st.st_ino;
    f->size = (uint64_t)st.st_size;
    return NULL;
}

/* Looks whether the file is as we left it; else finds out how its chain ends. Under the lock. */
static struct error *refresh(struct arena *a, struct audit_file *f)
{
    struct stat st;
    struct tail t;
    if (f->fd >= 0 && stat(f->path, &st) == 0 && st.st_ino == f->inode &&
        (uint64_t)st.st_size == f->size)
        return NULL;
    TRY(reopen(a, f));
    TRY(read_tail(a, f->fd, f->size, &t));
    if (t.line.p)
        TRY(follow(a, f, f->path, t.line));
    TRY(cut_torn(a, f, &t));
    if (!t.line.p)
        TRY(seal_first(a, f));
    seal_repair(f);
    return NULL;
}

/* ---- writing ---- */

static struct error *sync_file(struct arena *a, const struct audit_file *f)
{
    return fdatasync(f->fd) < 0 ? error_errno(a, errno, "syncing %s", f->path) : NULL;
}

/* Writes f->out; on an error the file is what it was. */
static struct error *flush(struct arena *a, struct audit_file *f, bool is_synced)
{
    struct error *err = fd_write_all(a, f->fd, buf_slice(&f->out));
    if (err)
        err = error_wrap(a, err, "writing %s", f->path);
    else if (is_synced)
        err = sync_file(a, f);
    if (!err) {
        /* Begins to bring it to the disk, so that little is left for the next sync to wait for. */
        sync_file_range(f->fd, (off_t)f->size, (off_t)f->out.n, SYNC_FILE_RANGE_WRITE);
        f->size += f->out.n;
        f->cut_bytes = 0;
    } else if (ftruncate(f->fd, (off_t)f->size) < 0) {
        log_line(LOG_WARN, "half a record is left at the end of the audit file for now",
                 LOG_STR("file", slice_of(f->path)));
    }
    buf_clear(&f->out);
    return err;
}

/* Ends the file and puts it aside. The next refresh begins another. */
static struct error *put_aside(struct arena *a, struct audit_file *f)
{
    if (f->o.signer.sign && f->open_records)
        TRY(seal_checkpoint(a, f));
    TRY(flush(a, f, true));
    const char *to = arena_printf(a, "%s.%0*" PRIu64, f->path, SEQ_DIGITS, f->seq).p;
    if (rename(f->path, to) < 0)
        return error_errno(a, errno, "renaming %s to %s", f->path, to);
    fd_cleanup(&f->fd);
    TRY(dir_sync(a, f->dir));
    TRY(refresh(a, f));
    TRY(flush(a, f, true));
    return dir_sync(a, f->dir);
}

static size_t lines_of(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

static bool is_full(const struct audit_file *f, struct slice bodies)
{
    return f->o.max_bytes && f->size &&
           f->size + f->out.n + bodies.n + lines_of(bodies) * SEALED_EXTRA > f->o.max_bytes;
}

static struct error *append(struct arena *a, struct audit_file *f, struct slice bodies,
                            bool is_synced)
{
    TRY(refresh(a, f));
    if (is_full(f, bodies))
        TRY(put_aside(a, f));
    while (bodies.n) {
        seal(f, slice_cut(&bodies, '\n'));
        if (f->o.signer.sign && f->open_records >= CHECKPOINT_RECORDS)
            TRY(seal_checkpoint(a, f));
    }
    return flush(a, f, is_synced);
}

static struct error *append_checkpoint(struct arena *a, struct audit_file *f)
{
    TRY(refresh(a, f));
    if (audit_file_needs_checkpoint(f))
        TRY(seal_checkpoint(a, f));
    return flush(a, f, true);
}

static struct error *take_lock(struct arena *a, const struct audit_file *f)
{
    while (flock(f->lock_fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return error_errno(a, errno, "locking %s.lock", f->path);
    }
    return NULL;
}

/* On an error the chain is what it was: the file may have been put aside, with whole records. */
static struct error *finish(struct audit_file *f, const struct mark *before, struct error *err)
{
    if (err) {
        go_back(f, before);
        f->size = SIZE_UNKNOWN; /* nothing follows before its end was looked at */
    }
    flock(f->lock_fd, LOCK_UN);
    return err;
}

struct error *audit_file_append(struct arena *a, struct audit_file *f, struct slice bodies,
                                bool is_synced)
{
    struct mark before = mark_of(f);
    TRY(take_lock(a, f));
    return finish(f, &before, append(a, f, bodies, is_synced));
}

struct error *audit_file_checkpoint(struct arena *a, struct audit_file *f)
{
    struct mark before = mark_of(f);
    TRY(take_lock(a, f));
    return finish(f, &before, append_checkpoint(a, f));
}

struct error *audit_file_sync(struct arena *a, struct audit_file *f)
{
    return f->fd < 0 ? NULL : sync_file(a, f);
}

bool audit_file_needs_checkpoint(const struct audit_file *f)
{
    return f->o.signer.sign && f->open_records;
}

void audit_file_head(const struct audit_file *f, uint64_t *seq, char hash[AUDIT_HASH_CHARS + 1])
{
    *seq = f->seq;
    memcpy(hash, f->head, AUDIT_HASH_CHARS + 1);
}

/* ---- life ---- */

static void split_path(struct audit_file *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    f->path = xstrdup(path);
    f->dir = !slash          ? xstrdup(".")
             : slash == path ? xstrdup("/")
                             : strndup(path, (size_t)(slash - path));
    f->name = xstrdup(slash ? slash + 1 : path);
    if (!f->dir)
        BUG("out of memory");
}

struct error *audit_file_open(struct arena *a, const struct audit_options *o,
                              struct audit_file **out)
{
    struct audit_file *f = xcalloc(1, sizeof(*f));
    *f = (struct audit_file){.o = *o, .fd = -1, .lock_fd = -1, .hasher = sha256_new()};
    split_path(f, o->path);
    f->lock_fd = open(arena_printf(a, "%s.lock", o->path).p, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    struct error *err = f->lock_fd < 0 ? error_errno(a, errno, "opening %s.lock", o->path)
                                       : audit_file_append(a, f, S(""), true);
    if (err) {
        audit_file_close(f);
        return err;
    }
    *out = f;
    return NULL;
}

void audit_file_close(struct audit_file *f)
{
    if (!f)
        return;
    fd_cleanup(&f->fd);
    fd_cleanup(&f->lock_fd);
    buf_release(&f->out);
    sha256_free(f->hasher);
    free(f->dir);
    free(f->name);
    free(f->path);
    free(f);
}
