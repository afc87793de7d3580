/*
 * Answers from outside that may change: lists, @latest, queries, and that something is absent.
 *
 * One file an answer, answers/<two digits>/<sixty-two digits> of the key's SHA-256, so that a key
 * may be of any length and any bytes. The file is replaced whole by a rename and not synced: a
 * power loss may leave it torn, which its checksum tells, and then it is asked again.
 *
 * Clients choose what is asked, so the number of answers must be bounded: each of the 256 folders
 * holds at most BUCKET_FILES files and BUCKET_BYTES bytes. Every SWEEP_EVERY puts into a folder it
 * is counted; when it is over, absences go before answers, older before younger, until it is at
 * three quarters.
 */
#include "store/store_priv.h"

#include "base/encode.h"
#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAGIC "modgate-answer-1"

enum {
    ANSWER_MAX_BYTES = 16 << 20,
    ANSWER_KEY_MAX_BYTES = 64 << 10,
    ANSWER_HEAD_MAX_BYTES = 256,
    BUCKET_FILES = 1024,
    BUCKET_BYTES = 64 << 20,
    SWEEP_EVERY = 64,
};

struct answer_name {
    uint8_t bucket;
    char dir[sizeof(ANSWERS_DIR) + 3];
    char file[2 * SHA256_BYTES];
};

static struct answer_name name_of(struct slice key)
{
    struct answer_name n;
    uint8_t sum[SHA256_BYTES];
    char first[3];
    sha256(key, sum);
    n.bucket = sum[0];
    hex_encode(sum, 1, first);
    memcpy(n.dir, ANSWERS_DIR "/", sizeof(ANSWERS_DIR));
    memcpy(n.dir + sizeof(ANSWERS_DIR), first, sizeof(first));
    hex_encode(sum + 1, SHA256_BYTES - 1, n.file);
    return n;
}

/* ---- the file: a line of head, the key, the body ---- */

static struct slice format_answer(struct arena *a, struct slice key, int status, struct slice body)
{
    struct slice rest = slice_make(JOIN(a, key, body), key.n + body.n);
    struct slice head = arena_printf(a, ANSWER_MAGIC " %d %" PRId64 " %zu %zu %" PRIu32 "\n",
                                     status, now_unix_s(), key.n, body.n, checksum(rest));
    return slice_make(JOIN(a, head, rest), head.n + rest.n);
}

static bool parse_head(struct slice *rest, uint64_t field[5])
{
    struct slice head = slice_cut(rest, '\n');
    if (!rest->p || !slice_eq(slice_cut(&head, ' '), S(ANSWER_MAGIC)))
        return false;
    for (int i = 0; i < 5; i++) {
        if (!slice_parse_u64(slice_cut(&head, ' '), &field[i]))
            return false;
    }
    return !head.p;
}

/* False when the file is torn or another key's. */
static bool parse_answer(struct slice file, struct slice key, struct store_answer *out)
{
    uint64_t field[5];
    if (!parse_head(&file, field) || field[2] != key.n || file.n < key.n ||
        field[3] != file.n - key.n)
        return false;
    struct slice body = slice_skip(file, key.n);
    if (!slice_eq(slice_head(file, key.n), key) || field[4] != checksum(file))
        return false;
    *out = (struct store_answer){
        .found = true, .status = (int)field[0], .learnt_unix_s = (int64_t)field[1], .body = body};
    return true;
}

struct error *store_answer_get(struct store *s, struct arena *a, struct slice key,
                               struct store_answer *out)
{
    struct slice file;
    struct answer_name n = name_of(key);
    *out = (struct store_answer){0};
    const char *rel = JOIN(a, slice_of(n.dir), S("/"), slice_of(n.file));
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && is_absent_errno(errno))
        return NULL;
    if (fd < 0)
        return disk_error(a, errno, "opening %s/%s", s->dir, rel);
    size_t max = ANSWER_MAX_BYTES + ANSWER_KEY_MAX_BYTES + ANSWER_HEAD_MAX_BYTES;
    TRY_CTX(a, file_read_fd(a, fd, max, &file), "reading %s/%s", s->dir, rel);
    if (!parse_answer(file, key, out))
        *out = (struct store_answer){0};
    return NULL;
}

/* ---- sweeping ---- */

struct entry {
    char name[2 * SHA256_BYTES];
    bool is_absence;
    int64_t mtime_unix_s;
    uint64_t bytes;
};

struct sweep {
    struct entry *entries;
    size_t count, cap;
    uint64_t bytes;
};

static bool starts_as_absence(int dir_fd, const char *name)
{
    char head[sizeof(ANSWER_MAGIC) + 3] = {0};
    FD_SCOPED fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || pread(fd, head, sizeof(head) - 1, 0) < (ssize_t)sizeof(head) - 1)
        return true;
    return strcmp(head, ANSWER_MAGIC " 20") != 0;
}

static void note_entry(struct sweep *w, int dir_fd, const char *name)
{
    struct stat st;
    struct slice n = slice_of(name);
    if (n.n >= sizeof(w->entries->name) || name[0] == '.' ||
        fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (w->count == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 256;
        w->entries = xrealloc(w->entries, w->cap * sizeof(*w->entries));
    }
    struct entry *e = &w->entries[w->count++];
    *e = (struct entry){.mtime_unix_s = st.st_mtime, .bytes = (uint64_t)st.st_size};
    memcpy(e->name, n.p, n.n + 1);
    w->bytes += e->bytes;
}

static int first_to_go(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    if (a->is_absence != b->is_absence)
        return a->is_absence ? -1 : 1;
    return (a->mtime_unix_s > b->mtime_unix_s) - (a->mtime_unix_s < b->mtime_unix_s);
}

static void drop_surplus(struct sweep *w, int dir_fd)
{
    size_t count = w->count;
    if (count <= BUCKET_FILES && w->bytes <= BUCKET_BYTES)
        return;
    for (size_t i = 0; i < w->count; i++)
        w->entries[i].is_absence = starts_as_absence(dir_fd, w->entries[i].name);
    qsort(w->entries, w->count, sizeof(*w->entries), first_to_go);
    for (size_t i = 0; i < w->count; i++) {
        if (count <= BUCKET_FILES * 3 / 4 && w->bytes <= BUCKET_BYTES / 4 * 3)
            return;
        if (unlinkat(dir_fd, w->entries[i].name, 0) == 0) {
            count--;
            w->bytes -= w->entries[i].bytes;
        }
    }
}

static struct error *sweep(struct store *s, struct arena *a, const char *rel)
{
    struct sweep w = {0};
    DIR_SCOPED d = NULL;
    TRY(disk_open_dir(s, a, rel, &d));
    for (struct dirent *de; d && (de = readdir(d));)
        note_entry(&w, dirfd(d), de->d_name);
    if (d)
        drop_surplus(&w, dirfd(d));
    free(w.entries);
    return NULL;
}

/* ---- putting ---- */

static struct error *replace(struct store *s, struct arena *a, const struct answer_name *n,
                             struct slice file)
{
    const char *temp = owner_temp_name(s, a);
    const char *rel = JOIN(a, slice_of(n->dir), S("/"), slice_of(n->file));
    struct error *err = disk_write(a, s->owner.fd, temp, file, 0644, false);
    if (!err)
        err = disk_replace(a, s->owner.fd, temp, s->dir_fd, rel);
    if (err)
        unlinkat(s->owner.fd, temp, 0);
    return err;
}

struct error *store_answer_put(struct store *s, struct arena *a, struct slice key, int status,
                               struct slice body)
{
    if (body.n > ANSWER_MAX_BYTES || key.n > ANSWER_KEY_MAX_BYTES)
        return error_new(a, STATUS_TOO_LARGE, "an answer of %zu bytes is too large to be kept",
                         body.n);
    struct answer_name n = name_of(key);
    TRY(owner_ready(s, a));
    TRY(disk_make_dir(s, a, n.dir));
    TRY(replace(s, a, &n, format_answer(a, key, status, body)));
    if (atomic_fetch_add(&s->answer_puts[n.bucket], 1) % SWEEP_EVERY == SWEEP_EVERY - 1)
        return sweep(s, a, n.dir);
    return NULL;
}
