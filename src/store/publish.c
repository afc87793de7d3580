/*
 * Publishing a version: all of it or nothing, once and for ever, whatever breaks off when.
 *
 * A commit syncs the staged zip if it is large, appends its intent (which version, and the bytes of
 * everything, but of a zip that was synced) to the journal, and then places the files in the tree
 * without replacing: .mod, .ziphash, .zip.sig if the zip is signed, .zip and last .info, which
 * makes the version one that exists. The .mod and .info that a partial version has shown are
 * renamed, the zip too; the rest is written and renamed. @v/list is told. When the intent is in the
 * journal the version is durable: what a power loss takes of the tree, recovery (recover.c) makes
 * good from it. A flush (settle.c) tells the catalog of many versions at a time, syncs the file
 * system once, and then forgets their intents.
 *
 * What stays true:
 * - Nothing is placed before the zip and the intent are durable. So whatever breaks off, what was
 *   placed, what is staged and the intent are one whole version.
 * - The tree holds no artefact that does not become part of exactly that version, and a lookup of
 *   .mod or .zip need not ask for .info.
 * - One publisher of a version at a time, by a lock that holds between processes.
 * - What a partial version has shown is kept: its .info and .mod become those of the whole version.
 *
 * Syncs. A version and a partial artefact cost a share of a sync of the journal (journal.c), and a
 * large zip a sync of its own. One syncfs() for all that wait would do without the second copy, but
 * waits for whatever others write (measured with a writer of 200 MB/s beside it: a third to nine
 * tenths of the versions a second), and reports their errors as ours; so it is left to the flush,
 * for which nobody waits.
 * What this asks of a file system: an fsync of a new file makes its name durable too, and a file
 * that is renamed is found under one name or the other. ext4, XFS, Btrfs and ZFS do so.
 */
#include "store/publish.h"

#include "base/file.h"

#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to here a second copy costs less than a sync of its own. */
enum { JOURNAL_ZIP_MAX_BYTES = 256 << 10 };

void publication_release(struct publication *p)
{
    fd_cleanup(&p->dir_fd);
    fd_cleanup(&p->lock_fd);
}

const char *publication_name(struct publication *p, enum artefact what)
{
    return JOIN(p->a, p->names.escaped_version, artefact_suffix(what));
}

bool publication_is_staged(struct publication *p)
{
    return disk_exists(p->s, p->stage_rel);
}

bool publication_is_placed(struct publication *p, enum artefact what)
{
    return faccessat(p->dir_fd, publication_name(p, what), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
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
    const char *root = p->intent.kind == INTENT_WHOLE ? TREE_DIR : PARTIAL_DIR;
    TRY(names_make(p->a, p->intent.mv, &p->names));
    return disk_dir(p->s, p->a, names_dir(p->a, root, &p->names), &p->dir_fd);
}

/* ---- placing ---- */

/*
 * The target is there although the version is not: an earlier commit broke off, and its journal is
 * gone. The same bytes are as good as ours; the zip is known by the .ziphash placed before it.
 */
static struct error *adopt(struct publication *p, enum artefact what, struct slice ours)
{
    struct slice theirs = ours;
    if (what != ARTEFACT_ZIP)
        TRY(disk_read_small(p->a, p->dir_fd, publication_name(p, what), &theirs));
    if (!slice_eq(ours, theirs))
        return error_new(p->a, STATUS_CORRUPT,
                         "the store has a %s of %.*s@%.*s without the rest of the version, and it "
                         "differs from what was fetched: remove it with modgate verify --purge",
                         artefact_suffix(what).p + 1, SLICE_ARG(p->intent.mv.path),
                         SLICE_ARG(p->intent.mv.version));
    return NULL;
}

static struct error *note_placed(struct publication *p, enum artefact what, struct slice ours,
                                 bool is_placed)
{
    p->has_placed |= is_placed;
    return is_placed ? NULL : adopt(p, what, ours);
}

static struct error *place_body(struct publication *p, enum artefact what, struct slice body)
{
    bool is_placed;
    TRY(owner_place(p->s, p->a, body, p->dir_fd, publication_name(p, what), &is_placed));
    return note_placed(p, what, body, is_placed);
}

/* The file of the partial version, if there is one: it has these bytes. */
static struct error *place_shown(struct publication *p, enum artefact what, struct slice body)
{
    const char *rel = names_file(p->a, PARTIAL_DIR, &p->names, what);
    bool is_placed =
        renameat2(p->s->dir_fd, rel, p->dir_fd, publication_name(p, what), RENAME_NOREPLACE) == 0;
    return is_placed ? note_placed(p, what, body, true) : place_body(p, what, body);
}

/* One that stands there without its version was left by a commit that broke off, and goes. */
static struct error *place_signature(struct publication *p)
{
    if (!p->intent.signature.p)
        return NULL;
    TRY(disk_unlink(p->s, p->a, names_file(p->a, TREE_DIR, &p->names, ARTEFACT_ZIPSIG)));
    return place_body(p, ARTEFACT_ZIPSIG, p->intent.signature);
}

static struct error *place_zip(struct publication *p)
{
    bool is_placed;
    TRY(disk_place(p->a, p->s->dir_fd, p->stage_rel, p->dir_fd, publication_name(p, ARTEFACT_ZIP),
                   &is_placed));
    return note_placed(p, ARTEFACT_ZIP, S(""), is_placed);
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
    if (p->intent.kind != INTENT_WHOLE)
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

static struct error *check_request(struct publication *p)
{
    struct stat st;
    struct slice h1 = p->intent.zip_h1;
    if (h1.n != H1_BYTES || !slice_starts(h1, S("h1:")))
        return error_new(p->a, STATUS_BAD_REQUEST, "'%.*s' is no h1 of a zip", SLICE_ARG(h1));
    if (!p->intent.info.p || !p->intent.mod.p)
        return error_new(p->a, STATUS_BAD_REQUEST, "a version needs its .info and .mod");
    if (fstatat(p->s->dir_fd, p->stage_rel, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return error_new(p->a, STATUS_BAD_REQUEST, "no zip is staged");
    p->intent.bytes =
        (uint64_t)st.st_size + h1.n + p->intent.info.n + p->intent.mod.n + p->intent.signature.n;
    return NULL;
}

/* An evicted version may come back only as what it was. */
static struct error *check_memory(struct publication *p)
{
    bool found;
    struct catalog_row row;
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

/* What a partial version has shown replaces what was given. */
static struct error *take_partial(struct publication *p, enum artefact what, struct slice *given)
{
    struct slice shown = {0};
    const char *rel = names_file(p->a, PARTIAL_DIR, &p->names, what);
    if (!disk_exists(p->s, rel))
        return NULL;
    TRY(disk_read_small(p->a, p->s->dir_fd, rel, &shown));
    if (what == ARTEFACT_MOD && !slice_eq(shown, *given))
        return error_new(p->a, STATUS_MISMATCH,
                         "the go.mod of %.*s@%.*s differs from the one that was served before",
                         SLICE_ARG(p->intent.mv.path), SLICE_ARG(p->intent.mv.version));
    *given = shown;
    return NULL;
}

/* ---- making it durable ---- */

/* What is placed never changes any more. A small zip is made durable by the journal. */
static struct error *seal_zip(struct publication *p)
{
    struct stat st;
    FD_SCOPED fd = openat(p->s->dir_fd, p->stage_rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fchmod(fd, 0444) < 0 || fstat(fd, &st) < 0)
        return disk_error(p->a, errno, "opening the staged zip");
    if (st.st_size > JOURNAL_ZIP_MAX_BYTES)
        return disk_sync(p->a, fd, "the staged zip");
    TRY_CTX(p->a, file_read_fd(p->a, fd, JOURNAL_ZIP_MAX_BYTES, &p->intent.zip), "%s",
            p->stage_rel);
    return NULL;
}

static struct error *place_all(struct publication *p)
{
    TRY(place_shown(p, ARTEFACT_MOD, p->intent.mod));
    TRY(place_body(p, ARTEFACT_ZIPHASH, p->intent.zip_h1));
    TRY(place_signature(p));
    TRY(place_zip(p));
    TRY(place_shown(p, ARTEFACT_INFO, p->intent.info));
    return publication_finish(p);
}

static struct error *publish(struct publication *p, struct journal_file **journal)
{
    TRY(check_memory(p));
    TRY(take_partial(p, ARTEFACT_INFO, &p->intent.info));
    TRY(take_partial(p, ARTEFACT_MOD, &p->intent.mod));
    TRY(seal_zip(p));
    TRY(journal_append(p->s, p->a, &p->intent, journal));
    return place_all(p);
}

/* ---- the commit ---- */

/* Leftovers of a commit that broke off: its journal may still be there to finish it. */
static bool has_orphans(struct publication *p)
{
    return !publication_is_stored(p) &&
           (publication_is_placed(p, ARTEFACT_MOD) || publication_is_placed(p, ARTEFACT_ZIPHASH) ||
            publication_is_placed(p, ARTEFACT_ZIP));
}

static struct error *lock_and_recover(struct publication *p)
{
    TRY(publication_lock(p));
    if (!has_orphans(p))
        return NULL;
    fd_cleanup(&p->lock_fd);
    TRY(stage_recover(p->s, p->a));
    return publication_lock(p);
}

/* The version is stored already. That it must stay may be news. */
static struct error *keep_stored(struct publication *p)
{
    if (!p->intent.is_pinned || disk_exists(p->s, names_pin(p->a, &p->names)))
        return NULL;
    TRY(pin(p->s, p->a, &p->names));
    return disk_sync_all(p->s, p->a);
}

static struct error *commit(struct publication *p, struct journal_file **journal, bool *was_stored)
{
    TRY(publication_open(p));
    TRY(check_request(p));
    TRY(lock_and_recover(p));
    *was_stored = publication_is_stored(p);
    if (*was_stored)
        return keep_stored(p);
    TRY(publish(p, journal));
    *was_stored = !p->has_placed;
    return NULL;
}

struct error *store_commit(struct store *s, struct ctx *cx, struct store_stage *st,
                           const struct store_commit *c, bool *was_stored)
{
    struct journal_file *journal = NULL;
    PUBLICATION_SCOPED p = {.s = s,
                            .a = cx->arena,
                            .cx = cx,
                            .stage_rel = st->rel,
                            .dir_fd = -1,
                            .lock_fd = -1,
                            .intent = {.mv = c->mv,
                                       .kind = INTENT_WHOLE,
                                       .is_pinned = !c->is_refetchable,
                                       .stage_number = st->number,
                                       .zip_h1 = c->zip_h1,
                                       .origin = c->origin,
                                       .info = c->info,
                                       .mod = c->mod,
                                       .signature = c->signature}};
    *was_stored = false;
    struct error *err = commit(&p, &journal, was_stored);
    st->is_kept = err && p.has_placed;
    if (!err && journal)
        settle_later(s, &p.intent);
    if (!st->is_kept)
        journal_end(s, journal);
    return err;
}

/* ---- a signature that comes later ---- */

static struct error *refuse_absent(struct publication *p)
{
    TRY(names_make(p->a, p->intent.mv, &p->names));
    return publication_is_stored(p)
               ? NULL
               : error_new(p->a, STATUS_NOT_FOUND, "it is not stored here as a whole");
}

static struct error *replace_signature(struct publication *p, struct slice signature)
{
    TRY(refuse_absent(p)); /* before any folder is made for it */
    TRY(publication_open(p));
    TRY(publication_lock(p));
    TRY(refuse_absent(p));
    const char *temp = owner_temp_name(p->s, p->a);
    TRY(disk_write(p->a, p->s->owner.fd, temp, signature, 0444, true));
    TRY(disk_replace(p->a, p->s->owner.fd, temp, p->dir_fd, publication_name(p, ARTEFACT_ZIPSIG)));
    return disk_sync(p->a, p->dir_fd, "the folder of the version");
}

struct error *store_put_signature(struct store *s, struct ctx *cx, struct module_version mv,
                                  struct slice signature)
{
    PUBLICATION_SCOPED p = {.s = s,
                            .a = cx->arena,
                            .cx = cx,
                            .dir_fd = -1,
                            .lock_fd = -1,
                            .intent = {.mv = mv, .kind = INTENT_WHOLE}};
    TRY(owner_ready(s, cx->arena));
    TRY_CTX(cx->arena, replace_signature(&p, signature), "signing %.*s@%.*s", SLICE_ARG(mv.path),
            SLICE_ARG(mv.version));
    return NULL;
}
