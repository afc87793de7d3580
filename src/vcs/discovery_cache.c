/*
 * What pages said, by import path. A bounded hash table: a full row drops its oldest entry, so the
 * memory is at most ROWS * ROW_MAX * ENTRY_MAX_BYTES. An entry that is being fetched stands in the
 * table too, and later askers wait for it; nobody keeps a pointer to an entry while waiting, but
 * looks it up again. When the fetch fails the entry goes, and the next of the waiting tries.
 */
#include "vcs/discovery_priv.h"

#include <pthread.h>

enum { ROWS = 512, ROW_MAX = 8, ENTRY_MAX_BYTES = 4096, WAIT_STEP_MS = 100 };

struct entry {
    struct entry *next;
    struct arena arena;
    struct slice path;
    struct page page;
    int64_t until_ms;
    bool is_loading;
};

struct page_cache {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t ttl_ms, negative_ttl_ms;
    struct entry *rows[ROWS]; /* newest first */
};

struct page_cache *page_cache_new(uint64_t ttl_ms, uint64_t negative_ttl_ms)
{
    pthread_condattr_t attr;
    struct page_cache *c = xcalloc(1, sizeof(*c));
    c->ttl_ms = (int64_t)ttl_ms;
    c->negative_ttl_ms = (int64_t)negative_ttl_ms;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    return c;
}

static void entry_free(struct entry *e)
{
    arena_release(&e->arena);
    free(e);
}

void page_cache_free(struct page_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < ROWS; i++) {
        for (struct entry *e = c->rows[i], *next; e; e = next) {
            next = e->next;
            entry_free(e);
        }
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry **row_of(struct page_cache *c, struct slice path)
{
    uint64_t h = 14695981039346656037ULL; /* FNV-1a */
    for (size_t i = 0; i < path.n; i++)
        h = (h ^ (unsigned char)path.p[i]) * 1099511628211ULL;
    return &c->rows[(h ^ (h >> 32)) % ROWS];
}

static struct entry *find(struct page_cache *c, struct slice path)
{
    struct entry *e = *row_of(c, path);
    while (e && !slice_eq(e->path, path))
        e = e->next;
    return e;
}

static void drop(struct page_cache *c, struct entry *gone)
{
    struct entry **at = row_of(c, gone->path);
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    entry_free(gone);
}

/* Makes room in a full row; what is being fetched stays. */
static void drop_oldest(struct page_cache *c, struct entry *row)
{
    struct entry *oldest = NULL;
    size_t count = 0;
    for (struct entry *e = row; e; e = e->next, count++)
        oldest = e->is_loading ? oldest : e;
    if (count >= ROW_MAX && oldest)
        drop(c, oldest);
}

static void add_loading(struct page_cache *c, struct slice path)
{
    struct entry **row = row_of(c, path);
    drop_oldest(c, *row);
    struct entry *e = xcalloc(1, sizeof(*e));
    e->path = arena_dup(&e->arena, path);
    e->is_loading = true;
    e->next = *row;
    *row = e;
}

static struct page page_dup(struct arena *a, const struct page *p)
{
    struct page copy = {.url = arena_dup(a, p->url), .why_absent = arena_dup(a, p->why_absent)};
    copy.imports.count = p->imports.count;
    copy.imports.list = ARENA_ARRAY(a, struct go_import, p->imports.count);
    for (size_t i = 0; i < p->imports.count; i++) {
        const struct go_import *tag = &p->imports.list[i];
        copy.imports.list[i] =
            (struct go_import){arena_dup(a, tag->prefix), arena_dup(a, tag->vcs),
                               arena_dup(a, tag->root), arena_dup(a, tag->subdir)};
    }
    return copy;
}

static void wait_a_little(struct page_cache *c)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_STEP_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&c->changed, &c->lock, &until);
}

/* Under the lock: *is_found with the page, or the caller is to fetch it, or its time is over. */
static struct error *look_up(struct page_cache *c, struct ctx *cx, struct slice path,
                             struct page *out, bool *is_found)
{
    *is_found = false;
    for (;;) {
        struct entry *e = find(c, path);
        if (!e) {
            add_loading(c, path);
            return NULL;
        }
        if (!e->is_loading && now_ms() < e->until_ms) {
            *out = page_dup(cx->arena, &e->page);
            *is_found = true;
            return NULL;
        }
        if (!e->is_loading) {
            drop(c, e);
            continue;
        }
        TRY(ctx_check(cx));
        wait_a_little(c);
    }
}

static void settle(struct page_cache *c, struct slice path, const struct page *page)
{
    struct go_import tag;
    struct entry *e = find(c, path);
    int64_t ttl = 0;
    if (page) {
        e->page = page_dup(&e->arena, page);
        ttl = page_match(&page->imports, path, &tag) == 1 ? c->ttl_ms : c->negative_ttl_ms;
    }
    e->is_loading = false;
    e->until_ms = now_ms() + ttl;
    if (!page || ttl <= 0 || e->arena.used_bytes > ENTRY_MAX_BYTES)
        drop(c, e);
    pthread_cond_broadcast(&c->changed);
}

struct error *page_cache_get(struct page_cache *c, struct ctx *cx, struct slice path,
                             struct error *(*fetch)(void *arg, struct ctx *cx, struct slice path,
                                                    struct page *out),
                             void *arg, struct page *out)
{
    bool is_found;
    pthread_mutex_lock(&c->lock);
    struct error *err = look_up(c, cx, path, out, &is_found);
    pthread_mutex_unlock(&c->lock);
    if (err || is_found)
        return err;
    err = fetch(arg, cx, path, out);
    pthread_mutex_lock(&c->lock);
    settle(c, path, err ? NULL : out);
    pthread_mutex_unlock(&c->lock);
    return err;
}
