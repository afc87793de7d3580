/*
 * Publishing a version: all of it or nothing, once and for ever, whatever breaks off when.
 *
 * A commit syncs the staged zip, writes and syncs its intent (which version, and the bytes of
 * everything but the zip), and then renames the files into the tree without replacing: .mod,
 * .ziphash, .zip and last .info, which makes the version one that exists. @v/list is told, and the
 * intent put aside as done-<number>. From then on the version is durable: what a power loss takes
 * of the tree, recovery (recover.c) makes good from the intent. A flush (settle.c) tells the
 * catalog of many versions at a time, syncs the file system once, and then forgets their intents.
 *
 * What stays true:
 * - Nothing is placed before the zip and the intent are durable. So whatever breaks off, what was
 *   placed, what is staged and the intent are one whole version.
 * - The tree holds no artefact that does not become part of exactly that version, and a lookup of
 *   .mod or .zip need not ask for .info.
 * - One publisher of a version at a time, by a lock that holds between processes.
 * - What a partial version has shown is kept: its .info and .mod become those of the whole version.
 *
 * Syncs. A version costs two fsync calls, a partial one costs one, from the committing thread: the
 * journal of the file system joins those of threads that commit at the same time. Measured on ext4,
 * in flushes of the device for each version, flush of the catalog included, with 1, 8 and 32
 * threads: 4, 1.2 and 0.5 to 0.9; when every file and folder is synced by itself (ten calls): 20, 7
 * and 3.3. One syncfs() for all that wait needs the fewest, but waits for whatever others write
 * (with a writer of 200 MB/s beside it 170 to 470 versions a second, against 520), and reports
 * their errors as ours; so it is left to the flush, for which nobody waits.
 * What this asks of a file system: an fsync of a new file makes its name durable too, and other
 * changes of names become durable in their order. ext4, XFS, Btrfs and ZFS do so.
 */
#include "store/publish.h"

#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const enum artefact place_order[PLACE_COUNT] = {ARTEFACT_MOD, ARTEFACT_ZIPHASH, ARTEFACT_ZIP,
                                                ARTEFACT_INFO};

void publication_release(struct publication *p)
{
    fd_cleanup(&p->dir_fd);
    fd_cleanup(&p->lock_fd);
}

const char *publication_name(struct publication *p, enum artefact what)
{
    return JOIN(p->a, p->names.escaped_version, artefact_suffix(what));
}

static bool in_dir(int dir_fd, const char *name)
{
    return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool publication_is_staged(struct publication *p, enum artefact what)
{
    return in_dir(p->stage_fd, stage_name(what));
}

bool publication_is_placed(struct publication *p, enum artefact what)
{
    return in_dir(p->dir_fd, publication_name(p, what));
}

bool publication_is_stored(struct publication *p)
{
    return disk_exists(p->s, names_file(p->a, TREE_DIR, &p->names, ARTEFACT_INFO));
}

struct error *publication_lock(struct publication *p)
{
    return lock_take(p->s, p->a, p->cx, names_lock(p->a, &p->names), &p->lock_fd);
}

struct error *publication_open(struct publication *p)
{
    const char *root = p->intent.is_whole ? TREE_DIR : PARTIAL_DIR;
    TRY(names_make(p->a, p->intent.mv, &p->names));
    return disk_dir(p->s, p->a, names_dir(p->a, root, &p->names), &p->dir_fd);
}

/* ---- placing ---- */

/*
 * The target is there although the version is not: an earlier commit broke off, and its stage is
 * gone. The same bytes are as good as ours; the zip is known by the .ziphash placed before it.
 */
static struct error *adopt(struct publication *p, enum artefact what)
{
    struct slice ours = {0}, theirs = {0};
    if (what != ARTEFACT_ZIP) {
        TRY(disk_read_small(p->a, p->stage_fd, stage_name(what), &ours));
        TRY(disk_read_small(p->a, p->dir_fd, publication_name(p, what), &theirs));
    }
    if (!slice_eq(ours, theirs))
        return error_new(p->a, STATUS_CORRUPT,
                         "the store has a %s of %.*s@%.*s without the rest of the version, and it "
                         "differs from what was fetched: remove it with modgate verify --purge",
                         stage_name(what), SLICE_ARG(p->intent.mv.path),
                         SLICE_ARG(p->intent.mv.version));
    return NULL;
}

static struct error *place(struct publication *p, enum artefact what)
{
    bool is_placed;
    if (!publication_is_staged(p, what))
        return NULL;
    TRY(disk_place(p->a, p->stage_fd, stage_name(what), p->dir_fd, publication_name(p, what),
                   &is_placed));
    p->has_placed |= is_placed;
    /* A partial version grows file by file; what it has, it keeps. */
    return is_placed || !p->intent.is_whole ? NULL : adopt(p, what);
}

static struct error *drop_partial(struct publication *p)
{
    TRY(disk_unlink(p->s, p->a, names_file(p->a, PARTIAL_DIR, &p->names, ARTEFACT_INFO)));
    return disk_unlink(p->s, p->a, names_file(p->a, PARTIAL_DIR, &p->names, ARTEFACT_MOD));
}

struct error *publication_finish(struct publication *p)
{
    if (p->intent.is_pinned)
        TRY(pin(p->s, p->a, &p->names));
    if (!p->intent.is_whole)
        return NULL;
    TRY(list_add(p->s, p->a, p->cx, &p->names, p->intent.mv.version));
    return drop_partial(p);
}

struct error *pin(struct store *s, struct arena *a, const struct names *n)
{
    FD_SCOPED dir = -1;
    TRY(disk_dir(s, a, names_dir(a, PINNED_DIR, n), &dir));
    const char *name = arena_cstr(a, n->escaped_version);
    FD_SCOPED fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? disk_error(a, errno, "marking a version as one that must stay") : NULL;
}

/* ---- what a commit asks for ---- */

static struct error *check_staged(struct publication *p, enum artefact what, bool *is_there)
{
    struct stat st;
    *is_there = fstatat(p->stage_fd, stage_name(what), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*is_there && p->intent.is_whole)
        return error_new(p->a, STATUS_BAD_REQUEST, "no %s is staged", stage_name(what));
    if (*is_there && (!S_ISREG(st.st_mode) || (what == ARTEFACT_ZIP && !p->intent.is_whole)))
        return error_new(p->a, STATUS_BAD_REQUEST, "the staged %s cannot be published",
                         stage_name(what));
    p->intent.bytes += *is_there ? (uint64_t)st.st_size : 0;
    return NULL;
}

static struct error *read_staged(struct publication *p, enum artefact what, struct slice *out)
{
    bool is_there;
    TRY(check_staged(p, what, &is_there));
    return is_there ? disk_read_small(p->a, p->stage_fd, stage_name(what), out) : NULL;
}

static struct error *read_request(struct publication *p)
{
    bool is_there;
    struct slice h1 = p->intent.zip_h1;
    if (h1.n && (h1.n != H1_BYTES || !slice_starts(h1, S("h1:"))))
        return error_new(p->a, STATUS_BAD_REQUEST, "'%.*s' is no h1 of a zip", SLICE_ARG(h1));
    p->intent.bytes = h1.n;
    TRY(check_staged(p, ARTEFACT_ZIP, &is_there));
    TRY(read_staged(p, ARTEFACT_INFO, &p->intent.info));
    return read_staged(p, ARTEFACT_MOD, &p->intent.mod);
}

/* An evicted version may come back only as what it was. */
static struct error *check_memory(struct publication *p)
{
    bool found;
    struct catalog_row row;
    if (!p->intent.is_whole)
        return NULL;
    struct error *err = catalog_get(p->s->catalog, p->a, p->intent.mv, &found, &row);
    if (err) {
        log_error(LOG_WARN, "the catalog cannot be read", err, NULL, 0);
        return NULL;
    }
    if (!found || !row.zip_h1.n || slice_eq(row.zip_h1, p->intent.zip_h1))
        return NULL;
    return error_new(p->a, STATUS_MISMATCH,
                     "%.*s@%.*s was %.*s when it was stored before, and is %.*s now: a version "
                     "must never change",
                     SLICE_ARG(p->intent.mv.path), SLICE_ARG(p->intent.mv.version),
                     SLICE_ARG(row.zip_h1), SLICE_ARG(p->intent.zip_h1));
}

/* What a partial version has shown replaces what is staged. */
static struct error *take_partial(struct publication *p, enum artefact what, struct slice *staged)
{
    struct slice shown = {0};
    const char *rel = names_file(p->a, PARTIAL_DIR, &p->names, what);
    if (!p->intent.is_whole || !disk_exists(p->s, rel))
        return NULL;
    TRY(disk_read_small(p->a, p->s->dir_fd, rel, &shown));
    if (slice_eq(shown, *staged))
        return NULL;
    if (what == ARTEFACT_MOD)
        return error_new(p->a, STATUS_MISMATCH,
                         "the go.mod of %.*s@%.*s differs from the one that was served before",
                         SLICE_ARG(p->intent.mv.path), SLICE_ARG(p->intent.mv.version));
    *staged = shown;
    if (unlinkat(p->stage_fd, stage_name(what), 0) < 0)
        return disk_error(p->a, errno, "removing the staged %s", stage_name(what));
    return disk_write(p->a, p->stage_fd, stage_name(what), shown, 0444, false);
}

/* ---- making it durable ---- */

/* What is placed never changes any more. */
static struct error *freeze(struct publication *p, enum artefact what, bool is_synced)
{
    FD_SCOPED fd = openat(p->stage_fd, stage_name(what), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return NULL;
    if (fd < 0 || fchmod(fd, 0444) < 0)
        return disk_error(p->a, errno, "opening the staged %s", stage_name(what));
    return is_synced ? disk_sync(p->a, fd, stage_name(what)) : NULL;
}

static struct error *seal_stage(struct publication *p)
{
    if (p->intent.is_whole)
        TRY(disk_write(p->a, p->stage_fd, stage_name(ARTEFACT_ZIPHASH), p->intent.zip_h1, 0444,
                       false));
    for (size_t i = 0; i < PLACE_COUNT; i++)
        TRY(freeze(p, place_order[i], place_order[i] == ARTEFACT_ZIP));
    return disk_write(p->a, p->stage_fd, INTENT_NAME, intent_format(p->a, &p->intent), 0444, true);
}

static struct error *publish(struct publication *p)
{
    TRY(check_memory(p));
    TRY(take_partial(p, ARTEFACT_INFO, &p->intent.info));
    TRY(take_partial(p, ARTEFACT_MOD, &p->intent.mod));
    TRY(seal_stage(p));
    for (size_t i = 0; i < PLACE_COUNT; i++)
        TRY(place(p, place_order[i]));
    return publication_finish(p);
}

/* ---- the commit ---- */

/* Leftovers of a commit that broke off: its stage may still be there to finish it. */
static bool has_orphans(struct publication *p)
{
    return !publication_is_stored(p) &&
           (publication_is_placed(p, ARTEFACT_MOD) || publication_is_placed(p, ARTEFACT_ZIPHASH) ||
            publication_is_placed(p, ARTEFACT_ZIP));
}

static struct error *lock_and_recover(struct publication *p)
{
    TRY(publication_lock(p));
    if (!p->intent.is_whole || !has_orphans(p))
        return NULL;
    fd_cleanup(&p->lock_fd);
    TRY(stage_recover(p->s, p->a));
    return publication_lock(p);
}

/* "stage/<owner>/7/intent" becomes "stage/<owner>/done-7": the catalog learns of it later. */
static struct error *put_intent_aside(struct publication *p, const char *stage_rel)
{
    struct slice rel = slice_of(stage_rel);
    size_t slash = (size_t)slice_rfind(rel, '/') + 1;
    return disk_replace(p->a, p->stage_fd, INTENT_NAME, p->s->dir_fd,
                        JOIN(p->a, slice_head(rel, slash), S(DONE_PREFIX), slice_skip(rel, slash)));
}

/* The version is stored already. That it must stay may be news. */
static struct error *keep_stored(struct publication *p)
{
    if (!p->intent.is_pinned || disk_exists(p->s, names_pin(p->a, &p->names)))
        return NULL;
    TRY(pin(p->s, p->a, &p->names));
    return disk_sync_all(p->s, p->a);
}

static struct error *commit(struct publication *p, const char *stage_rel, bool *was_stored)
{
    TRY(publication_open(p));
    TRY(read_request(p));
    TRY(lock_and_recover(p));
    *was_stored = publication_is_stored(p);
    if (*was_stored)
        return keep_stored(p);
    TRY(publish(p));
    *was_stored = !p->has_placed;
    return *was_stored ? NULL : put_intent_aside(p, stage_rel);
}

struct error *store_commit(struct store *s, struct ctx *cx, struct store_stage *st,
                           const struct store_commit *c, bool *was_stored)
{
    PUBLICATION_SCOPED p = {.s = s,
                            .a = cx->arena,
                            .cx = cx,
                            .stage_fd = st->fd,
                            .dir_fd = -1,
                            .lock_fd = -1,
                            .intent = {.mv = c->mv,
                                       .is_whole = c->zip_h1.n > 0,
                                       .is_pinned = !c->is_refetchable,
                                       .zip_h1 = c->zip_h1,
                                       .origin = c->origin}};
    *was_stored = false;
    struct error *err = commit(&p, st->rel, was_stored);
    st->is_kept = err && p.has_placed;
    if (!err && p.has_placed)
        settle_later(s, p.intent.bytes);
    return err;
}
