/*
 * One small artefact of a version that is asked for alone. On a cold build these are two of three
 * commits, so they go a shorter way than a stage and an intent: a single file is all or nothing by
 * itself. It is written and synced under another name, and renamed. The rename is durable with the
 * next flush; a power loss before that takes an answer that is asked again. The catalog is told by
 * the flush, from a list in memory; what a crash takes of the list, the row of the whole version or
 * a reindex brings.
 */
#include "store/publish.h"

/* One that the catalog has not been told of. */
struct news {
    struct news *next;
    struct module_version mv;
    struct slice origin;
    uint64_t bytes;
    struct arena arena;
};

static void add_news(struct publication *p)
{
    struct news *n = xcalloc(1, sizeof(*n));
    n->mv.path = arena_dup(&n->arena, p->intent.mv.path);
    n->mv.version = arena_dup(&n->arena, p->intent.mv.version);
    n->origin = arena_dup(&n->arena, p->intent.origin);
    n->bytes = p->intent.bytes;
    pthread_mutex_lock(&p->s->news_mutex);
    n->next = p->s->news;
    p->s->news = n;
    pthread_mutex_unlock(&p->s->news_mutex);
    settle_later(p->s, n->bytes);
}

struct news *news_take(struct store *s)
{
    pthread_mutex_lock(&s->news_mutex);
    struct news *all = s->news;
    s->news = NULL;
    pthread_mutex_unlock(&s->news_mutex);
    return all;
}

struct error *news_settle(struct store *s, struct arena *a, const struct news *all)
{
    for (; all; all = all->next)
        TRY(settle(s, a, all->mv, all->origin));
    return NULL;
}

void news_put_back(struct store *s, struct news *all)
{
    struct news **last = &all;
    while (*last)
        last = &(*last)->next;
    pthread_mutex_lock(&s->news_mutex);
    *last = s->news;
    s->news = all;
    pthread_mutex_unlock(&s->news_mutex);
}

unsigned news_free(struct news *all, int64_t *bytes)
{
    unsigned count = 0;
    for (struct news *next; all; all = next, count++) {
        next = all->next;
        *bytes += (int64_t)all->bytes;
        arena_release(&all->arena);
        free(all);
    }
    return count;
}

static struct error *place(struct publication *p, const char *rel, struct slice body,
                           bool *is_placed)
{
    struct store *s = p->s;
    const char *temp = owner_temp_name(s, p->a);
    TRY(disk_make_dir(s, p->a, names_dir(p->a, PARTIAL_DIR, &p->names)));
    TRY(disk_write(p->a, s->owner.fd, temp, body, 0444, true));
    return disk_place(p->a, s->owner.fd, temp, s->dir_fd, rel, is_placed);
}

static struct error *put(struct publication *p, enum artefact what, struct slice body,
                         bool *was_stored)
{
    bool is_placed;
    TRY(owner_ready(p->s, p->a));
    TRY(names_make(p->a, p->intent.mv, &p->names));
    const char *rel = names_file(p->a, PARTIAL_DIR, &p->names, what);
    TRY(publication_lock(p));
    *was_stored = publication_is_stored(p) || disk_exists(p->s, rel);
    if (*was_stored)
        return NULL;
    if (p->intent.is_pinned)
        TRY(pin(p->s, p->a, &p->names));
    TRY(place(p, rel, body, &is_placed));
    *was_stored = !is_placed;
    add_news(p);
    return NULL;
}

struct error *store_put_partial(struct store *s, struct ctx *cx, struct module_version mv,
                                enum artefact what, struct slice body, struct slice origin,
                                bool is_refetchable, bool *was_stored)
{
    if (what != ARTEFACT_INFO && what != ARTEFACT_MOD)
        BUG("a partial artefact of kind %d", what);
    PUBLICATION_SCOPED p = {
        .s = s,
        .a = cx->arena,
        .cx = cx,
        .stage_fd = -1,
        .dir_fd = -1,
        .lock_fd = -1,
        .intent = {.mv = mv, .is_pinned = !is_refetchable, .bytes = body.n, .origin = origin}};
    *(what == ARTEFACT_INFO ? &p.intent.info : &p.intent.mod) = body;
    return put(&p, what, body, was_stored);
}
