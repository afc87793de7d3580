/*
 * Finishing what a dead process intended.
 *
 * Its intent has the bytes of everything but a large zip, and was durable before anything was
 * placed. A large zip was synced before the intent, so a version is made whole from wherever it is:
 *   in the stage, and none in the tree   nothing or a part was placed: all of it is placed now
 *   in the tree, and none in the stage   this commit placed it: what lacks or was torn by a power
 *                                        loss is written again
 *   in both                              another commit won: what this one staged is dropped
 *   in neither                           it was evicted since: nothing is to be done
 * A small one is written again like the rest, unless the tree has another one. A version that was
 * withdrawn meanwhile stays so.
 * "Torn" means zeros, or nothing, where our bytes should be: that is what file systems leave of a
 * file that was renamed before it was written. Any other difference is another commit's, and stays.
 */
#include "store/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool is_torn(struct slice theirs, struct slice ours)
{
    if (theirs.n > ours.n)
        return false;
    for (size_t i = 0; i < theirs.n; i++) {
        if (theirs.p[i] != '\0' && theirs.p[i] != ours.p[i])
            return false;
    }
    return !slice_eq(theirs, ours);
}

/* Makes a file of the version what the intent says, unless it is another's. */
static struct error *mend(struct publication *p, enum artefact what, struct slice body)
{
    const char *name = publication_name(p, what);
    struct slice theirs = {0};
    if (!body.p)
        return NULL;
    if (publication_is_placed(p, what)) {
        TRY(disk_read_small(p->a, p->dir_fd, name, &theirs));
        if (!is_torn(theirs, body))
            return NULL;
    }
    const char *temp = owner_temp_name(p->s, p->a);
    TRY(disk_write(p->a, p->s->owner.fd, temp, body, 0444, false));
    return disk_replace(p->a, p->s->owner.fd, temp, p->dir_fd, name);
}

/* Without a rename that does not replace, placing is a link and an unlink: perhaps only the link.
 */
static bool is_same_file(struct publication *p)
{
    struct stat staged, placed;
    return fstatat(p->s->dir_fd, p->stage_rel, &staged, 0) == 0 &&
           fstatat(p->dir_fd, publication_name(p, ARTEFACT_ZIP), &placed, 0) == 0 &&
           staged.st_ino == placed.st_ino && staged.st_dev == placed.st_dev;
}

static struct error *place_zip(struct publication *p)
{
    bool is_placed;
    if (publication_is_placed(p, ARTEFACT_ZIP))
        return NULL;
    return disk_place(p->a, p->s->dir_fd, p->stage_rel, p->dir_fd,
                      publication_name(p, ARTEFACT_ZIP), &is_placed);
}

/* Whether the tree has no other version's zip, and this one's can be had. */
static struct error *check_ours(struct publication *p, bool *is_ours)
{
    struct stat st;
    struct slice theirs;
    const char *name = publication_name(p, ARTEFACT_ZIP);
    bool is_staged = publication_is_staged(p);
    bool is_placed = publication_is_placed(p, ARTEFACT_ZIP);
    *is_ours = is_staged != is_placed || is_same_file(p);
    if (!p->intent.zip.p)
        return NULL;
    if (is_placed && fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return disk_error(p->a, errno, "looking at %s", name);
    *is_ours = !is_placed || (uint64_t)st.st_size <= p->intent.zip.n;
    if (!is_placed || !*is_ours)
        return NULL;
    TRY(disk_read_small(p->a, p->dir_fd, name, &theirs));
    *is_ours = slice_eq(theirs, p->intent.zip) || is_torn(theirs, p->intent.zip);
    return NULL;
}

/* Before the version is there, a signature that is not torn may be that of an earlier attempt. */
static struct error *mend_signature(struct publication *p)
{
    if (p->intent.signature.p && !publication_is_stored(p))
        TRY(disk_unlink(p->s, p->a, names_file(p->a, TREE_DIR, &p->names, ARTEFACT_ZIPSIG)));
    return mend(p, ARTEFACT_ZIPSIG, p->intent.signature);
}

static struct error *recover_whole(struct publication *p)
{
    bool is_ours;
    TRY(check_ours(p, &is_ours));
    if (!is_ours)
        return NULL;
    TRY(mend(p, ARTEFACT_MOD, p->intent.mod));
    TRY(mend(p, ARTEFACT_ZIPHASH, p->intent.zip_h1));
    TRY(mend_signature(p));
    TRY(p->intent.zip.p ? mend(p, ARTEFACT_ZIP, p->intent.zip) : place_zip(p));
    TRY(mend(p, ARTEFACT_INFO, p->intent.info));
    return publication_finish(p);
}

static struct error *recover_partial(struct publication *p)
{
    if (publication_is_stored(p))
        return NULL;
    TRY(mend(p, ARTEFACT_MOD, p->intent.mod));
    TRY(mend(p, ARTEFACT_INFO, p->intent.info));
    return publication_finish(p);
}

static struct error *recover(struct publication *p)
{
    TRY(publication_open(p));
    TRY(publication_lock(p));
    if (is_withdrawn(p->s, p->a, &p->names))
        return NULL;
    return p->intent.kind == INTENT_WHOLE ? recover_whole(p) : recover_partial(p);
}

struct error *recover_intent(struct store *s, struct arena *a, const char *owner_rel,
                             const struct intent *in)
{
    if (in->kind == INTENT_GONE)
        return NULL;
    PUBLICATION_SCOPED p = {.s = s,
                            .a = a,
                            .intent = *in,
                            .stage_rel = stage_rel(a, owner_rel, in->stage_number),
                            .dir_fd = -1,
                            .lock_fd = -1};
    TRY_CTX(a, recover(&p), "finishing %.*s@%.*s", SLICE_ARG(in->mv.path),
            SLICE_ARG(in->mv.version));
    return NULL;
}
