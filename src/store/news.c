/*
 * What the catalog has not been told of: a list in memory, newest first. What a crash takes of it,
 * the journal brings. A version that came in pieces is in it several times and settled once.
 */
#include "store/store_priv.h"

struct news {
    struct news *next;
    struct module_version mv;
    struct slice origin;
    uint64_t bytes;
    struct arena arena;
};

void news_add(struct store *s, const struct intent *in)
{
    struct news *n = xcalloc(1, sizeof(*n));
    n->mv.path = arena_dup(&n->arena, in->mv.path);
    n->mv.version = arena_dup(&n->arena, in->mv.version);
    n->origin = arena_dup(&n->arena, in->origin);
    n->bytes = in->bytes;
    pthread_mutex_lock(&s->news_mutex);
    n->next = s->news;
    s->news = n;
    pthread_mutex_unlock(&s->news_mutex);
}

struct news *news_take(struct store *s)
{
    pthread_mutex_lock(&s->news_mutex);
    struct news *all = s->news;
    s->news = NULL;
    pthread_mutex_unlock(&s->news_mutex);
    return all;
}

static int by_version(const void *a, const void *b)
{
    const struct news *x = *(const struct news *const *)a, *y = *(const struct news *const *)b;
    int order = slice_cmp(x->mv.path, y->mv.path);
    return order ? order : slice_cmp(x->mv.version, y->mv.version);
}

static const struct news **sorted(struct arena *a, const struct news *all, size_t *count)
{
    *count = 0;
    for (const struct news *n = all; n; n = n->next)
        (*count)++;
    const struct news **list = ARENA_ARRAY(a, const struct news *, *count);
    for (size_t i = 0; i < *count; i++, all = all->next)
        list[i] = all;
    qsort(list, *count, sizeof(*list), by_version);
    return list;
}

struct error *news_settle(struct store *s, struct arena *a, const struct news *all)
{
    size_t count;
    const struct news **list = sorted(a, all, &count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || by_version(&list[i - 1], &list[i]) != 0)
            TRY(settle(s, a, list[i]->mv, list[i]->origin));
    }
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
