/*
 * Asking a mount. What one repository alone can answer is that repository's; the rest of this file
 * is for questions that several members of a group may answer.
 *
 * On a loop only what is known already is looked at. What has to be asked outside is one flight of
 * the group: a worker walks through the members in straight lines, and each of them fetches,
 * verifies and stores as it would alone. When a member needs the other lane, the flight moves there
 * and begins again: what it has learnt so far is stored by then.
 *
 * What stays true: a version is served from a group only after it was written down, durably, which
 * member serves it. A member that has got the version later, even one that stands before, does not
 * change that. When that member is taken out of the group, the walk begins anew: that is the will
 * of whoever did so.
 */
#include "repo/mounts_priv.h"

#include "base/file.h"

#include "gomod/module.h"

/* The members that may answer. */
struct choice {
    struct member **rows;
    size_t count;
};

static bool owns(const struct seat *s, struct slice path)
{
    return s->owns[0] && module_match_prefix_patterns(slice_of(s->owns), path);
}

static struct choice owners(const struct mount *m, struct arena *a, struct slice path)
{
    struct choice c = {.rows = ARENA_ARRAY(a, struct member *, m->seat_count)};
    for (size_t i = 0; i < m->seat_count; i++) {
        if (owns(m->seats[i], path))
            c.rows[c.count++] = m->seats[i]->member;
    }
    return c;
}

static struct choice proxies(const struct mount *m, struct arena *a)
{
    struct choice c = {.rows = ARENA_ARRAY(a, struct member *, m->seat_count)};
    for (size_t i = 0; i < m->seat_count; i++) {
        if (m->seats[i]->member->kind == REPO_PROXY)
            c.rows[c.count++] = m->seats[i]->member;
    }
    return c;
}

/*
 * A checksum database that is relayed is not a member's: any of them can ask for it, the proxies as
 * their mirrors may relay it too. The log that is kept here is in every repository.
 */
static bool is_for_anyone(const struct mount *m, const struct question *q)
{
    bool is_kept = repo_keeps_sumdb(&m->table->all->o.host, q->sumdb);
    return question_is_sumdb(q->kind) && !(is_kept && q->kind == QUESTION_SUM_LOOKUP);
}

static struct choice choose(const struct mount *m, struct arena *a, const struct question *q)
{
    struct choice c;
    if (!m->group)
        return (struct choice){.rows = (struct member **)&m->seats[0]->member, .count = 1};
    if (is_for_anyone(m, q)) {
        c = proxies(m, a);
        if (c.count == 0)
            c.rows[0] = m->seats[0]->member;
        c.count = 1;
        return c;
    }
    c = owners(m, a, q->mv.path);
    return c.count ? c : proxies(m, a);
}

static struct error *nobody(const struct mount *m, struct arena *a, const struct question *q)
{
    return error_new(a, STATUS_NOT_FOUND,
                     "no repository in %.*s owns %.*s, and none of them is a proxy",
                     SLICE_ARG(m->name), SLICE_ARG(q->mv.path));
}

/* What the member that serves the version answers. */
static bool is_of_version(const struct question *q)
{
    return question_is_immutable(q->kind) || q->kind == QUESTION_SUM_LOOKUP ||
           q->kind == QUESTION_SIGNATURE;
}

static bool is_list_or_latest(const struct question *q)
{
    return q->kind == QUESTION_LIST || q->kind == QUESTION_LATEST;
}

/* ---- whom a version comes from ---- */

/* The member that served it first, if it is among them still; *was: what is written down. */
static struct error *first_server(const struct mount *m, struct arena *a, const struct choice *c,
                                  const struct question *q, struct member **out, struct slice *was)
{
    *out = NULL;
    TRY(store_served_get(m->table->all->o.root, a, m->name, q->mv, was));
    for (size_t i = 0; was->n && i < c->count; i++) {
        if (slice_eq(*was, slice_of(c->rows[i]->name)))
            *out = c->rows[i];
    }
    return NULL;
}

/* ---- what is known, on a loop ---- */

/* All of them, as far as they matter: a query ends at the first that knows an answer. */
static struct error *look_at_all(struct arena *a, const struct choice *c, const struct question *q,
                                 struct repo_answer *parts, size_t *count)
{
    for (*count = 0; *count < c->count;) {
        struct repo_answer *part = &parts[*count];
        TRY(repo_lookup(c->rows[(*count)++]->repo, a, q, part));
        bool is_absence = part->freshness != REPO_MISSING && part->status != 200;
        if (!is_absence && !is_list_or_latest(q))
            return NULL;
    }
    return NULL;
}

/* A version that was not served yet: all that can be said at once is that nobody has it. */
static struct error *lookup_new_version(struct arena *a, const struct choice *c,
                                        const struct question *q, struct repo_answer *out)
{
    size_t count;
    struct repo_answer *parts = ARENA_ARRAY(a, struct repo_answer, c->count);
    TRY(look_at_all(a, c, q, parts, &count));
    struct repo_answer *last = &parts[count - 1];
    if (last->freshness != REPO_MISSING && last->status != 200)
        return merge_answers(a, q->kind, parts, count, out);
    if (last->freshness != REPO_MISSING && q->kind == QUESTION_SUM_LOOKUP) {
        *out = *last; /* one log for all: its record was made when the version was served */
        return NULL;
    }
    fd_cleanup(&last->fd);
    *out = (struct repo_answer){.fd = -1};
    return NULL;
}

static struct error *lookup_several(const struct mount *m, struct arena *a, const struct choice *c,
                                    const struct question *q, struct repo_answer *out)
{
    size_t count;
    struct slice was;
    struct member *first = NULL;
    struct repo_answer *parts = ARENA_ARRAY(a, struct repo_answer, c->count);
    if (is_of_version(q)) {
        TRY(first_server(m, a, c, q, &first, &was));
        return first ? repo_lookup(first->repo, a, q, out) : lookup_new_version(a, c, q, out);
    }
    TRY(look_at_all(a, c, q, parts, &count));
    if (!is_list_or_latest(q) && parts[count - 1].status == 200) {
        *out = parts[count - 1];
        return NULL;
    }
    return merge_answers(a, q->kind, parts, count, out);
}

struct error *mount_lookup(const struct mount *m, struct arena *a, const struct question *q,
                           struct repo_answer *out)
{
    struct choice c = choose(m, a, q);
    if (c.count == 0)
        return nobody(m, a, q);
    return c.count == 1 ? repo_lookup(c.rows[0]->repo, a, q, out)
                        : lookup_several(m, a, &c, q, out);
}

/* The repository whose flight it is; NULL: the group's own. */
static struct repo *pilot(const struct mount *m, struct arena *a, const struct question *q)
{
    struct slice was;
    struct member *first;
    struct choice c = choose(m, a, q);
    if (c.count == 1)
        return c.rows[0]->repo;
    if (!is_of_version(q) || first_server(m, a, &c, q, &first, &was) || !first)
        return NULL;
    return first->repo;
}

bool mount_join(const struct mount *m, const struct question *q, struct flight_waiter *w)
{
    struct arena a = ARENA_INIT;
    struct repo *r = pilot(m, &a, q);
    arena_release(&a);
    return r ? repo_join(r, q, w) : flights_join(m->group->flights, q, w);
}

void mount_refresh(const struct mount *m, const struct question *q)
{
    struct arena a = ARENA_INIT;
    struct repo *r = pilot(m, &a, q);
    arena_release(&a);
    if (r)
        repo_refresh(r, q);
    else
        flights_refresh(m->group->flights, q);
}

/* ---- the walk, by a worker ---- */

/* As an error, so that it is the same whether it was known or is learnt now. */
static struct error *as_absence(struct arena *a, const struct repo_answer *answer)
{
    enum status status = answer->status == 410 ? STATUS_GONE : STATUS_NOT_FOUND;
    return answer->status == 200 ? NULL : error_new(a, status, "%.*s", SLICE_ARG(answer->body));
}

static struct error *other_lane(struct arena *a, enum flight_leg *leg)
{
    *leg = FLIGHT_DIRECT;
    return error_new(a, STATUS_OVERLOAD, "the rest belongs into the lane of version control");
}

/* Asks one member. When *leg has changed, the result is nothing. */
static struct error *ask(struct member *member, struct ctx *cx, const struct question *q,
                         enum flight_leg *leg, struct repo_answer *out)
{
    struct ctx own = *cx; /* each has a deadline of its own */
    TRY(repo_lookup(member->repo, cx->arena, q, out));
    if (out->freshness == REPO_FRESH)
        return as_absence(cx->arena, out);
    enum flight_leg begin = repo_first_leg(member->repo, q), next = begin;
    if (begin == FLIGHT_DIRECT && *leg == FLIGHT_UPSTREAM)
        return other_lane(cx->arena, leg);
    struct error *err = repo_fetch(member->repo, &own, q, &next, out);
    if (next == begin)
        return err ? err : as_absence(cx->arena, out);
    if (*leg == FLIGHT_UPSTREAM)
        return other_lane(cx->arena, leg);
    err = repo_fetch(member->repo, &own, q, &next, out);
    return err ? err : as_absence(cx->arena, out);
}

static struct error *blame(struct member *member, struct arena *a, struct error *err)
{
    return err ? error_wrap(a, err, "repository %s", member->name) : NULL;
}

/* Writes down that the member serves the version, and asks whoever was written down instead. */
static struct error *settle(const struct mount *m, struct ctx *cx, const struct choice *c,
                            const struct question *q, struct member *member, struct slice was,
                            enum flight_leg *leg, struct repo_answer *out)
{
    struct member *first;
    struct arena *a = cx->arena;
    struct error *err = store_served_put(m->table->all->o.root, a, m->name, q->mv,
                                         slice_of(member->name), was.n > 0);
    if (!err)
        err = first_server(m, a, c, q, &first, &was);
    if (!err && first == member)
        return NULL;
    fd_cleanup(&out->fd);
    if (err)
        return error_wrap(a, err, "noting that %s serves %.*s@%.*s", member->name,
                          SLICE_ARG(q->mv.path), SLICE_ARG(q->mv.version));
    if (!first)
        return error_new(a, STATUS_OVERLOAD, "the members of %.*s have just changed",
                         SLICE_ARG(m->name));
    return blame(first, a, ask(first, cx, q, leg, out));
}

static struct error *walk_for_version(const struct mount *m, struct ctx *cx, const struct choice *c,
                                      const struct question *q, enum flight_leg *leg,
                                      struct repo_answer *out)
{
    struct slice was;
    struct member *first;
    struct error *err = NULL;
    const enum flight_leg begin = *leg;
    TRY(first_server(m, cx->arena, c, q, &first, &was));
    if (first)
        return blame(first, cx->arena, ask(first, cx, q, leg, out));
    if (q->kind == QUESTION_SIGNATURE) /* which settles nothing */
        return error_new(cx->arena, STATUS_NOT_FOUND,
                         "there is no signature of %.*s@%.*s: nobody has had it from %.*s yet",
                         SLICE_ARG(q->mv.path), SLICE_ARG(q->mv.version), SLICE_ARG(m->name));
    for (size_t i = 0; i < c->count; i++) {
        struct member *member = c->rows[i];
        err = ask(member, cx, q, leg, out);
        if (*leg != begin)
            return err;
        if (!err)
            return settle(m, cx, c, q, member, was, leg, out);
        if (status_class(err->status) != CLASS_ABSENT)
            return blame(member, cx->arena, err);
    }
    return err;
}

static struct error *walk_for_all(struct ctx *cx, const struct choice *c, const struct question *q,
                                  enum flight_leg *leg, struct repo_answer *out)
{
    size_t count = 0;
    struct error *absent = NULL;
    const enum flight_leg begin = *leg;
    struct repo_answer *parts = ARENA_ARRAY(cx->arena, struct repo_answer, c->count);
    for (size_t i = 0; i < c->count; i++) {
        struct error *err = ask(c->rows[i], cx, q, leg, &parts[count]);
        if (*leg != begin)
            return err;
        if (err && status_class(err->status) != CLASS_ABSENT)
            return blame(c->rows[i], cx->arena, err);
        if (err)
            absent = err;
        else
            count++;
        if (!err && !is_list_or_latest(q)) {
            *out = parts[0];
            return NULL;
        }
    }
    return count ? merge_answers(cx->arena, q->kind, parts, count, out) : absent;
}

static struct error *walk(const struct mount *m, struct ctx *cx, const struct question *q,
                          enum flight_leg *leg, struct repo_answer *out)
{
    struct choice c = choose(m, cx->arena, q);
    *out = (struct repo_answer){.fd = -1};
    if (c.count == 0)
        return nobody(m, cx->arena, q);
    if (is_of_version(q))
        return walk_for_version(m, cx, &c, q, leg, out);
    return walk_for_all(cx, &c, q, leg, out);
}

static void drop_table(void *table)
{
    mount_table_drop(table);
}

/* The group as it is now: a flight does not keep a table that was replaced. */
static const struct mount *mount_of(struct group *g, struct arena *a)
{
    struct mount_table *t = mounts_take(g->all);
    const struct mount *m = mount_find(t, slice_of(g->name));
    arena_on_release(a, drop_table, t);
    return m && m->group == g ? m : NULL;
}

struct error *group_work(void *arg, struct ctx *cx, const struct question *q, enum flight_leg *leg,
                         struct repo_answer *out)
{
    struct group *g = arg;
    const struct mount *m = mount_of(g, cx->arena);
    if (m)
        return walk(m, cx, q, leg, out);
    return error_new(cx->arena, STATUS_NOT_FOUND, "there is no repository %s any more", g->name);
}

enum flight_leg group_choose(void *arg, const struct question *q)
{
    struct arena a = ARENA_INIT;
    const struct mount *m = mount_of(arg, &a);
    struct choice c = m ? choose(m, &a, q) : (struct choice){0};
    enum flight_leg leg = c.count ? repo_first_leg(c.rows[0]->repo, q) : FLIGHT_UPSTREAM;
    arena_release(&a);
    return leg;
}

struct error *mount_get(const struct mount *m, struct ctx *cx, const struct question *q,
                        struct repo_answer *out)
{
    enum flight_leg leg = FLIGHT_DIRECT; /* in no lane: all of it is done here */
    struct choice c = choose(m, cx->arena, q);
    return c.count == 1 ? repo_get(c.rows[0]->repo, cx, q, out) : walk(m, cx, q, &leg, out);
}

struct lane *mount_lane(const struct mount *m, const struct question *q)
{
    struct arena a = ARENA_INIT;
    struct choice c = choose(m, &a, q);
    struct lane *lane = c.count ? repo_lane(c.rows[0]->repo, q) : m->table->all->o.upstream_lane;
    arena_release(&a);
    return lane;
}

struct error *mount_signers(const struct mount *m, struct ctx *cx, struct module_version mv,
                            struct signed_zip *zip)
{
    struct slice was;
    struct question q = {.kind = QUESTION_ZIP, .mv = mv};
    struct choice c = choose(m, cx->arena, &q);
    struct member *giver = c.count == 1 ? c.rows[0] : NULL;
    if (c.count > 1)
        TRY(first_server(m, cx->arena, &c, &q, &giver, &was));
    return giver ? repo_signers(giver->repo, cx, mv, zip) : NULL;
}
