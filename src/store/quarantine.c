/*
 * What was refused, put aside for whoever looks into it:
 *
 *   quarantine/<escaped path>/@v/<escaped version>.{mod,zip}     as it came
 *   quarantine/<escaped path>/@v/<escaped version>.zip.txt       why
 *
 * A later one of the same name replaces the earlier. The folder has at most so many files and
 * bytes: beyond that only the log tells.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUARANTINE_MAX_FILES = 1000 };
#define QUARANTINE_MAX_BYTES ((uint64_t)1 << 30)

struct amount {
    const struct store *s;
    uint64_t files, bytes;
};

static struct error *add_amount(void *arg, struct arena *a, struct slice rel)
{
    struct stat st;
    struct amount *sum = arg;
    const char *path = JOIN(a, S(QUARANTINE_DIR "/"), rel);
    if (fstatat(sum->s->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        sum->files++;
        sum->bytes += (uint64_t)st.st_size;
    }
    return NULL;
}

/* Whether there is room for a file of so many bytes and its evidence. */
static struct error *has_room(struct store *s, struct arena *a, uint64_t bytes, bool *yes)
{
    struct amount sum = {.s = s};
    if (disk_exists(s, QUARANTINE_DIR))
        TRY(dir_walk(a, JOIN(a, slice_of(s->dir), S("/" QUARANTINE_DIR)), add_amount, &sum));
    *yes = sum.files + 2 <= QUARANTINE_MAX_FILES && sum.bytes + bytes <= QUARANTINE_MAX_BYTES;
    return NULL;
}

static struct error *replace_file(struct store *s, struct arena *a, const char *rel,
                                  struct slice body)
{
    TRY(owner_ready(s, a));
    const char *temp = owner_temp_name(s, a);
    struct error *err = disk_write(a, s->owner.fd, temp, body, 0444, false);
    if (!err)
        err = disk_replace(a, s->owner.fd, temp, s->dir_fd, rel);
    if (err)
        unlinkat(s->owner.fd, temp, 0);
    return err;
}

static struct error *put_aside(struct store *s, struct arena *a, const struct names *n,
                               enum artefact what, int from_fd, const char *from,
                               struct slice evidence)
{
    bool yes;
    struct stat st;
    const char *rel = names_file(a, QUARANTINE_DIR, n, what);
    if (fstatat(from_fd, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return disk_error(a, errno, "putting %s aside", from);
    TRY(has_room(s, a, (uint64_t)st.st_size + evidence.n, &yes));
    if (!yes)
        return NULL;
    TRY(disk_make_dir(s, a, names_dir(a, QUARANTINE_DIR, n)));
    TRY(disk_replace(a, from_fd, from, s->dir_fd, rel));
    return replace_file(s, a, JOIN(a, slice_of(rel), S(".txt")), evidence);
}

struct error *store_quarantine_file(struct store *s, struct arena *a, struct module_version mv,
                                    enum artefact what, const char *path, struct slice evidence)
{
    struct names n;
    TRY(names_make(a, mv, &n));
    return put_aside(s, a, &n, what, AT_FDCWD, path, evidence);
}

struct error *store_quarantine_bytes(struct store *s, struct arena *a, struct module_version mv,
                                     enum artefact what, struct slice body, struct slice evidence)
{
    struct names n;
    TRY(names_make(a, mv, &n));
    TRY(owner_ready(s, a));
    const char *temp = owner_temp_name(s, a);
    TRY(disk_write(a, s->owner.fd, temp, body, 0444, false));
    struct error *err = put_aside(s, a, &n, what, s->owner.fd, temp, evidence);
    unlinkat(s->owner.fd, temp, 0);
    return err;
}

static struct error *put_stored_aside(struct store *s, struct arena *a, const struct names *n,
                                      enum artefact what, struct slice evidence)
{
    const char *rels[] = {names_file(a, TREE_DIR, n, what), names_file(a, PARTIAL_DIR, n, what)};
    for (size_t i = 0; i < ARRAY_LEN(rels); i++) {
        if (disk_exists(s, rels[i]))
            TRY(put_aside(s, a, n, what, s->dir_fd, rels[i], evidence));
    }
    return NULL;
}

static struct error *forget_row(struct store *s, struct arena *a, struct module_version mv)
{
    TRY(catalog_begin(s->catalog, a, false));
    return catalog_end(s->catalog, a, catalog_forget(s->catalog, a, mv));
}

static struct error *remove_stored(struct store *s, struct arena *a, struct module_version mv,
                                   struct slice evidence)
{
    struct names n;
    TRY(names_make(a, mv, &n));
    TRY(disk_unlink(s, a, names_file(a, TREE_DIR, &n, ARTEFACT_INFO))); /* gone as a whole */
    TRY(put_stored_aside(s, a, &n, ARTEFACT_ZIP, evidence));
    TRY(put_stored_aside(s, a, &n, ARTEFACT_MOD, evidence));
    TRY(version_remove(s, a, &n)); /* what had no room, and the rest */
    return forget_row(s, a, mv);
}

struct error *store_quarantine_stored(struct store *s, struct ctx *cx, struct module_version mv,
                                      struct slice evidence)
{
    FD_SCOPED lock = -1;
    struct names n;
    struct journal_file *journal;
    struct arena *a = cx->arena;
    struct intent gone = {.mv = mv, .kind = INTENT_GONE};
    TRY(store_flush(s, a)); /* so that nothing is told of it to the catalog later */
    TRY(names_make(a, mv, &n));
    TRY(lock_take(s, a, cx, names_lock(a, &n), &lock));
    TRY(journal_append(s, a, &gone, &journal)); /* so that no recovery brings it back */
    struct error *err = remove_stored(s, a, mv, evidence);
    journal_end(s, journal);
    return err;
}
