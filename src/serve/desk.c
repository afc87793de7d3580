/*
 * What a loop has for itself, so that a hit takes no lock: a cache, and the table of mounts. Both
 * are of one generation of the settings; a change only counts the generation up, and each loop
 * catches up with its next request, or at once when it is told to.
 */
#include "serve/serve_priv.h"

unsigned generation_of(struct serve *s)
{
    return atomic_load_explicit(&s->generation, memory_order_acquire);
}

static struct desk *desk_at(struct serve *s, unsigned loop)
{
    struct desk *d = &s->desks[loop];
    unsigned now = generation_of(s);
    memcache_keep(d->cache, now);
    if (!d->mounts || d->generation != now) {
        struct mount_table *old = d->mounts;
        d->mounts = mounts_take(s->o.mounts);
        d->generation = now;
        mount_table_drop(old);
    }
    return d;
}

struct desk *desk_of(struct serve *s, struct http_request *req)
{
    return desk_at(s, http_request_loop_index(req));
}

void serve_forget(struct serve *s)
{
    atomic_fetch_add(&s->generation, 1);
}

struct catch_up {
    struct loop_task task;
    struct serve *serve;
    unsigned loop;
};

static void catch_up(struct loop_task *task)
{
    struct catch_up *c = (struct catch_up *)((char *)task - offsetof(struct catch_up, task));
    desk_at(c->serve, c->loop);
    free(c);
}

void serve_take_up_mounts(struct serve *s)
{
    serve_forget(s);
    for (unsigned i = 0; i < s->o.loops; i++) {
        struct catch_up *c = xcalloc(1, sizeof(*c));
        *c = (struct catch_up){.task.run = catch_up, .serve = s, .loop = i};
        loop_post(http_server_loop(s->server, i), &c->task);
    }
}
