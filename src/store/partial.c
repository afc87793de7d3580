/*
 * One small artefact of a version that is asked for alone. On a cold build these are two of three
 * commits. Its intent, with all its bytes, goes into the journal; then the file is written and
 * renamed, and not synced: what a power loss takes of it, recovery brings back.
 */
#include "store/publish.h"

static struct error *place(struct publication *p, const char *rel, struct slice body,
                           bool *was_stored)
{
    bool is_placed;
    if (p->intent.is_pinned)
        TRY(pin(p->s, p->a, &p->names));
    TRY(disk_make_dir(p->s, p->a, names_dir(p->a, PARTIAL_DIR, &p->names)));
    TRY(owner_place(p->s, p->a, body, p->s->dir_fd, rel, &is_placed));
    *was_stored = !is_placed;
    settle_later(p->s, &p->intent);
    return NULL;
}

static struct error *put(struct publication *p, enum artefact what, struct slice body,
                         bool *was_stored)
{
    struct journal_file *journal;
    TRY(owner_ready(p->s, p->a));
    TRY(names_make(p->a, p->intent.mv, &p->names));
    const char *rel = names_file(p->a, PARTIAL_DIR, &p->names, what);
    TRY(publication_lock(p));
    *was_stored = publication_is_stored(p) || disk_exists(p->s, rel);
    if (*was_stored)
        return NULL;
    TRY(journal_append(p->s, p->a, &p->intent, &journal));
    struct error *err = place(p, rel, body, was_stored);
    journal_end(p->s, journal);
    return err;
}

struct error *store_put_partial(struct store *s, struct ctx *cx, struct module_version mv,
                                enum artefact what, struct slice body, struct slice origin,
                                bool is_refetchable, bool *was_stored)
{
    if (what != ARTEFACT_INFO && what != ARTEFACT_MOD)
        BUG("a partial artefact of kind %d", what);
    PUBLICATION_SCOPED p = {.s = s,
                            .a = cx->arena,
                            .cx = cx,
                            .dir_fd = -1,
                            .lock_fd = -1,
                            .intent = {.mv = mv,
                                       .kind = INTENT_PARTIAL,
                                       .is_pinned = !is_refetchable,
                                       .bytes = body.n,
                                       .origin = origin}};
    *(what == ARTEFACT_INFO ? &p.intent.info : &p.intent.mod) = body;
    return put(&p, what, body, was_stored);
}
