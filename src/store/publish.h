/* A version on its way into the tree: what publish.c and recover.c share. */
#ifndef MODGATE_STORE_PUBLISH_H
#define MODGATE_STORE_PUBLISH_H

#include "store/store_priv.h"

struct publication {
    struct store *s;
    struct arena *a;
    const struct ctx *cx; /* NULL in recovery */
    struct intent intent;
    struct names names;
    const char *stage_rel; /* where the zip is staged */
    int dir_fd;            /* where the files go; -1 until opened */
    int lock_fd;           /* -1 until locked */
    bool has_placed;
};

/* Closes what was opened and locked. */
void publication_release(struct publication *p);
#define PUBLICATION_SCOPED __attribute__((cleanup(publication_release))) struct publication

/* Makes and opens the folder that the files go to. */
struct error *publication_open(struct publication *p) MUST_CHECK;
struct error *publication_lock(struct publication *p) MUST_CHECK;
/* The name of an artefact in dir_fd. */
const char *publication_name(struct publication *p, enum artefact what);
bool publication_is_staged(struct publication *p);
bool publication_is_placed(struct publication *p, enum artefact what);
/* Whether the whole version exists, this one or another's. */
bool publication_is_stored(struct publication *p);
/* After placing: the pin, the list, the partial version. Repeating it does no harm. */
struct error *publication_finish(struct publication *p) MUST_CHECK;
/* Marks a version as one that cannot be fetched again. Not synced. */
struct error *pin(struct store *s, struct arena *a, const struct names *n) MUST_CHECK;

#endif
