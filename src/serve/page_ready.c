/* /readyz: whether this gateway should get requests, and what is wrong with it. */
#include "serve/serve_priv.h"

#include "ops/audit.h"

static void say(struct page *p, bool is_fine, bool is_vital, const char *name, struct slice why)
{
    if (is_fine)
        buf_printf(&p->text, "[+]%s ok%s%.*s\n", name, why.n ? ": " : "", SLICE_ARG(why));
    else
        buf_printf(&p->text, "[%c]%s failed: %.*s\n", is_vital ? '-' : '!', name, SLICE_ARG(why));
    if (!is_fine && is_vital)
        p->status = 503;
}

/* "store", or "store of internal" */
static const char *named(struct arena *a, const char *what, struct slice repository)
{
    return repository.n ? arena_printf(a, "%s of %.*s", what, SLICE_ARG(repository)).p : what;
}

static void look_at_store(struct page *p, struct arena *a, struct store *store, const char *name)
{
    uint64_t free_bytes = 0;
    struct error *err = store_health(store, a, &free_bytes);
    say(p, !err, true, name,
        err ? error_chain(a, err) : arena_printf(a, "%" PRIu64 " bytes free", free_bytes));
}

/* An upstream that is down does not make the gateway unready: what is stored is served. */
static void look_at_upstreams(struct page *p, struct arena *a, const struct repository *r)
{
    struct fetch_upstream_stats *rows;
    size_t count;
    repo_upstream_stats(r->repo, a, &rows, &count);
    for (size_t i = 0; i < count; i++) {
        struct slice why = rows[i].is_up && !rows[i].last_error.n
                               ? rows[i].name
                               : arena_printf(a, "%.*s: %.*s", SLICE_ARG(rows[i].name),
                                              SLICE_ARG(rows[i].last_error));
        say(p, rows[i].is_up, false, named(a, "upstream", r->name), why);
    }
}

/* What is stored is served whatever a database does, so this is no reason to be unready either. */
static void look_at_sumdbs(struct page *p, struct arena *a, struct repo *repo)
{
    struct repo_sumdb_stats *rows;
    size_t count;
    repo_sumdb_stats(repo, a, &rows, &count);
    for (size_t i = 0; i < count; i++) {
        const struct repo_sumdb_stats *row = &rows[i];
        struct slice why =
            arena_printf(a, "%.*s, %" PRIu64 " records", SLICE_ARG(row->name), row->size);
        if (row->evidence.n)
            why = arena_printf(a, "%.*s contradicts itself: see %.*s", SLICE_ARG(row->name),
                               SLICE_ARG(row->evidence));
        else if (row->behind)
            why = arena_printf(a, "%.*s gives a head of %" PRIu64 " records; %" PRIu64 " were seen",
                               SLICE_ARG(row->name), row->behind, row->size);
        say(p, !row->evidence.n && !row->behind, false, "sumdb", why);
    }
}

/* Who has a token that can be checked is served; the others are refused. */
static void look_at_access(struct page *p, struct arena *a)
{
    struct slice *rows;
    size_t count;
    access_troubles(p->serve->o.access, a, &rows, &count);
    for (size_t i = 0; i < count; i++)
        say(p, false, false, "access", rows[i]);
}

static void look_at_audit(struct page *p)
{
    if (audit_is_on())
        say(p, audit_admits(), true, "audit",
            audit_admits() ? S("") : S("it cannot be written (see the log); nothing is served"));
}

static void look_at_reload(struct page *p, struct arena *a)
{
    struct serve *s = p->serve;
    pthread_mutex_lock(&s->lock);
    struct slice why = arena_dup(a, slice_of(s->reload_error));
    pthread_mutex_unlock(&s->lock);
    say(p, why.n == 0, false, "configuration", why);
}

/* The databases are the same for all repositories. */
static void look_at_repositories(struct page *p, struct arena *a, const struct mount_table *t)
{
    struct repository r;
    for (size_t i = 0; repository_at(t, i, &r); i++) {
        if (r.store != p->serve->o.store)
            look_at_store(p, a, r.store, named(a, "store", r.name));
        look_at_upstreams(p, a, &r);
    }
    if (repository_at(t, 0, &r))
        look_at_sumdbs(p, a, r.repo);
}

void make_readiness(struct page *p, struct arena *a)
{
    struct mount_table *t = mounts_take(p->serve->o.mounts);
    say(p, !atomic_load(&p->serve->is_draining), true, "accepting", S(""));
    look_at_store(p, a, p->serve->o.store, "store");
    look_at_repositories(p, a, t);
    look_at_audit(p);
    look_at_access(p, a);
    look_at_reload(p, a);
    mount_table_drop(t);
    if (p->has_details)
        return;
    buf_clear(&p->text);
    buf_printf(&p->text, "%s\n", p->status == 200 ? "ok" : "not ready");
}
