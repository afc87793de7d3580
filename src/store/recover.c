/*
 * Finishing what a dead process intended.
 *
 * Its intent has the bytes of everything but the zip, and was durable before anything was placed.
 * So a version is made whole from wherever its zip is:
 *   in the stage, and none in the tree   nothing or a part was placed: all of it is placed now
 *   in the tree, and none in the stage   this commit placed it: what lacks or was torn by a power
 *                                        loss is written again
 *   in both                              another commit won: what this one staged is dropped
 *   in neither                           it was evicted since: nothing is to be done
 * "Torn" means zeros, or nothing, where our bytes should be: that is what file systems leave of a
 * file that was renamed before it was written. Any other difference is another commit's, and stays.
 */
#include "store/publish.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
    return fstatat(p->stage_fd, stage_name(ARTEFACT_ZIP), &staged, 0) == 0 &&
           fstatat(p->dir_fd, publication_name(p, ARTEFACT_ZIP), &placed, 0) == 0 &&
           staged.st_ino == placed.st_ino && staged.st_dev == placed.st_dev;
}

static struct error *place_zip(struct publication *p)
{
    bool is_placed;
    if (publication_is_placed(p, ARTEFACT_ZIP))
        return NULL;
    return disk_place(p->a, p->stage_fd, stage_name(ARTEFACT_ZIP), p->dir_fd,
                      publication_name(p, ARTEFACT_ZIP), &is_placed);
}

static struct error *recover_whole(struct publication *p, bool *is_ours)
{
    bool is_staged = p->stage_fd >= 0 && publication_is_staged(p, ARTEFACT_ZIP);
    bool is_placed = publication_is_placed(p, ARTEFACT_ZIP);
    *is_ours = is_staged != is_placed || (is_staged && is_same_file(p));
    if (!*is_ours)
        return NULL;
    TRY(mend(p, ARTEFACT_MOD, p->intent.mod));
    TRY(mend(p, ARTEFACT_ZIPHASH, p->intent.zip_h1));
    TRY(place_zip(p));
    TRY(mend(p, ARTEFACT_INFO, p->intent.info));
    return publication_finish(p);
}

static struct error *recover_partial(struct publication *p, bool *is_ours)
{
    *is_ours = !publication_is_stored(p);
    if (!*is_ours)
        return NULL;
    TRY(mend(p, ARTEFACT_MOD, p->intent.mod));
    TRY(mend(p, ARTEFACT_INFO, p->intent.info));
    return publication_finish(p);
}

static struct error *recover(struct publication *p, bool *is_ours)
{
    TRY(publication_open(p));
    TRY(publication_lock(p));
    return p->intent.is_whole ? recover_whole(p, is_ours) : recover_partial(p, is_ours);
}

struct error *recover_intent(struct store *s, struct arena *a, const char *intent_rel,
                             const char *stage_rel, bool *is_ours)
{
    *is_ours = false;
    PUBLICATION_SCOPED p = {.s = s, .a = a, .stage_fd = -1, .dir_fd = -1, .lock_fd = -1};
    if (!intent_read(s, a, intent_rel, &p.intent))
        return NULL;
    FD_SCOPED stage = -1;
    if (stage_rel)
        stage = openat(s->dir_fd, stage_rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    p.stage_fd = stage;
    TRY_CTX(a, recover(&p, is_ours), "finishing %.*s@%.*s", SLICE_ARG(p.intent.mv.path),
            SLICE_ARG(p.intent.mv.version));
    return NULL;
}
