/*
 * The table of mounts, and who lives how long.
 *
 * A table never changes: a reload makes a new one. Requests hold the table they began with, and a
 * table holds its repositories and groups. One that is in no table any more is told to stop what it
 * does in the background; it is freed by mounts_reap() once nothing is under way in it, since its
 * last flight may be running while nobody waits for it.
 *
 * The lock guards lists and counts only. No flight's lock is taken under it, because flights choose
 * their lane under theirs, and look at the table for that.
 */
#include "repo/mounts_priv.h"

#include "ops/log.h"

struct mounts *mounts_new(const struct mounts_options *o)
{
    struct mounts *m = xcalloc(1, sizeof(*m));
    m->o = *o;
    m->databases = databases_new(o->root);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void mounts_on_forget(struct mounts *m, void (*fn)(void *arg), void *arg)
{
    m->on_forget = fn;
    m->forget_arg = arg;
    for (struct member *each = m->members; each; each = each->next)
        repo_on_forget(each->repo, fn, arg);
}

/* ---- members and groups */

static void free_member(struct mounts *m, struct member *x)
{
    repo_free(x->repo);
    if (x->store != m->o.root)
        store_close(x->store);
    free(x->name);
    free(x->dir);
    free(x);
}

static void free_group(struct group *g)
{
    flights_free(g->flights);
    free(g->name);
    free(g);
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* One of the table of now: one that was taken away was told to stop. */
static struct member *find_member(const struct mounts *m, const struct mount_spec *spec)
{
    for (size_t i = 0; m->table && i < m->table->seat_count; i++) {
        struct member *x = m->table->seats[i].member;
        if (strcmp(x->name, spec->name) == 0 && x->kind == spec->kind &&
            is_same_text(x->dir, spec->dir))
            return x;
    }
    return NULL;
}

static struct group *find_group(const struct mounts *m, const char *name)
{
    for (size_t i = 0; m->table && i < m->table->mount_count; i++) {
        struct group *g = m->table->mounts[i].group;
        if (g && strcmp(g->name, name) == 0)
            return g;
    }
    return NULL;
}

static struct error *open_member(struct arena *a, struct mounts *m, const struct mount_spec *spec,
                                 struct member *x)
{
    struct store_options so = {.dir = spec->dir, .max_bytes = spec->max_bytes};
    x->store = m->o.root;
    if (spec->dir)
        TRY(store_open(a, &so, &x->store));
    struct repo_options ro = {
        .kind = spec->kind,
        .store = x->store,
        .databases = m->databases,
        .upstream_lane = m->o.upstream_lane,
        .vcs_lane = m->o.vcs_lane,
        .admin_lane = m->o.admin_lane,
        .host = m->o.host,
        .signer = m->o.signer,
    };
    TRY(repo_new(a, &ro, &spec->sources, &x->repo));
    repo_on_forget(x->repo, m->on_forget, m->forget_arg);
    return NULL;
}

/* In the list, with one reference. */
static struct error *new_member(struct arena *a, struct mounts *m, const struct mount_spec *spec,
                                struct member **out)
{
    struct member *x = xcalloc(1, sizeof(*x));
    x->name = xstrdup(spec->name);
    x->dir = spec->dir ? xstrdup(spec->dir) : NULL;
    x->kind = spec->kind;
    struct error *err = open_member(a, m, spec, x);
    if (err) {
        free_member(m, x);
        return error_wrap(a, err, "repository %s", spec->name);
    }
    pthread_mutex_lock(&m->lock);
    x->refs = 1;
    x->next = m->members;
    m->members = x;
    pthread_mutex_unlock(&m->lock);
    *out = x;
    return NULL;
}

static struct group *new_group(struct mounts *m, const char *name)
{
    struct group *g = xcalloc(1, sizeof(*g));
    g->name = xstrdup(name);
    g->all = m;
    g->flights = flights_new(&(struct flights_options){
        .lanes = {[FLIGHT_UPSTREAM] = m->o.upstream_lane, [FLIGHT_DIRECT] = m->o.vcs_lane},
        .choose = group_choose,
        .work = group_work,
        .arg = g,
    });
    g->refs = 1;
    pthread_mutex_lock(&m->lock);
    g->next = m->groups;
    m->groups = g;
    pthread_mutex_unlock(&m->lock);
    return g;
}

/* ---- tables */

struct mount_table *mounts_take(struct mounts *m)
{
    pthread_mutex_lock(&m->lock);
    struct mount_table *t = mount_table_ref(m->table);
    pthread_mutex_unlock(&m->lock);
    return t;
}

struct mount_table *mount_table_ref(struct mount_table *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

static void drop_member(struct mounts *m, struct member *x)
{
    pthread_mutex_lock(&m->lock);
    bool is_last = x->refs == 1;
    x->refs -= !is_last;
    pthread_mutex_unlock(&m->lock);
    if (!is_last)
        return;
    repo_cancel(x->repo); /* while the reference keeps it */
    pthread_mutex_lock(&m->lock);
    x->refs--;
    pthread_mutex_unlock(&m->lock);
}

static void drop_group(struct mounts *m, struct group *g)
{
    pthread_mutex_lock(&m->lock);
    g->refs--;
    pthread_mutex_unlock(&m->lock);
}

void mount_table_drop(struct mount_table *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    for (size_t i = 0; i < t->seat_count; i++)
        drop_member(t->all, t->seats[i].member);
    for (size_t i = 0; i < t->mount_count; i++) {
        if (t->mounts[i].group)
            drop_group(t->all, t->mounts[i].group);
    }
    arena_release(&t->arena);
    free(t);
}

/* A table in the making: nothing that others see has changed yet. */
struct draft {
    struct mounts *all;
    const struct mount_spec *specs;
    size_t count, taken; /* so many specs have given their sources away */
    struct mount_table *table;
    struct source_set **sets; /* of a member that goes on; else NULL */
};

static struct error *seat_one(struct arena *a, struct draft *d, const struct mount_spec *spec)
{
    struct mounts *m = d->all;
    struct seat *seat = &d->table->seats[d->table->seat_count];
    struct source_set *set = NULL;
    struct member *x = find_member(m, spec);
    if (x)
        TRY(repo_make_sources(a, x->repo, &spec->sources, &set));
    else
        TRY(new_member(a, m, spec, &x));
    if (set) {
        pthread_mutex_lock(&m->lock);
        x->refs++;
        pthread_mutex_unlock(&m->lock);
    }
    d->sets[d->table->seat_count++] = set;
    seat->member = x;
    bool is_owner = spec->kind != REPO_PROXY;
    seat->owns =
        arena_cstr(&d->table->arena, slice_of(is_owner ? spec->sources.private_patterns : ""));
    return NULL;
}

static struct error *seat_all(struct arena *a, struct draft *d)
{
    for (; d->taken < d->count; d->taken++) {
        if (!d->specs[d->taken].members)
            TRY(seat_one(a, d, &d->specs[d->taken]));
    }
    return NULL;
}

static const struct seat *find_seat(const struct mount_table *t, struct slice name)
{
    for (size_t i = 0; i < t->seat_count; i++) {
        if (slice_eq(name, slice_of(t->seats[i].member->name)))
            return &t->seats[i];
    }
    return NULL;
}

static void add_seats(struct mount_table *t, struct mount *mount, struct slice names)
{
    mount->seats = ARENA_ARRAY(&t->arena, const struct seat *, t->seat_count);
    while (names.p) {
        const struct seat *s = find_seat(t, slice_trim(slice_cut(&names, ',')));
        if (s)
            mount->seats[mount->seat_count++] = s;
    }
}

static void add_mount(struct draft *d, const struct mount_spec *spec)
{
    struct mount_table *t = d->table;
    struct mount *mount = &t->mounts[t->mount_count++];
    mount->table = t;
    mount->name = arena_dup(&t->arena, slice_of(spec->name));
    mount->address = arena_dup(&t->arena, slice_of(spec->mount));
    t->has_addresses |= mount->address.n > 0;
    add_seats(t, mount, slice_of(spec->members ? spec->members : spec->name));
    if (!spec->members)
        return;
    struct group *g = find_group(d->all, spec->name);
    if (g) {
        pthread_mutex_lock(&d->all->lock);
        g->refs++;
        pthread_mutex_unlock(&d->all->lock);
    }
    mount->group = g ? g : new_group(d->all, spec->name);
}

/* The sources that nobody has taken yet, and those that were made ready. */
static void give_up(struct draft *d)
{
    for (size_t i = 0; i < d->table->seat_count; i++) {
        if (d->sets[i])
            repo_discard(d->sets[i]);
    }
    for (size_t i = d->taken; i < d->count; i++) {
        fetcher_free(d->specs[i].sources.fetcher);
        vcs_free(d->specs[i].sources.vcs);
        sign_trust_free(d->specs[i].sources.trust);
    }
    mount_table_drop(d->table);
}

/* A reference on a member that others take modules from. */
struct origin {
    struct mounts *all;
    struct member *member;
};

static void release_origin(void *arg)
{
    struct origin *o = arg;
    drop_member(o->all, o->member);
    free(o);
}

/* Once all members are there: in the settings they may stand in any order. */
static void link_origin(struct draft *d, size_t seat, const struct mount_spec *spec)
{
    if (spec->kind != REPO_REHOMED)
        return;
    const struct seat *from = find_seat(d->table, slice_of(spec->from));
    if (!from || from->member->kind == REPO_REHOMED)
        BUG("%s takes its modules from %s", spec->name, spec->from);
    struct origin *o = xmalloc(sizeof(*o));
    *o = (struct origin){d->all, from->member};
    pthread_mutex_lock(&d->all->lock);
    from->member->refs++;
    pthread_mutex_unlock(&d->all->lock);
    repo_take_from(d->table->seats[seat].member->repo, d->sets[seat], from->member->repo,
                   release_origin, o);
}

static void take_up(struct draft *d, size_t at_root)
{
    struct mounts *m = d->all;
    struct mount_table *t = d->table;
    for (size_t i = 0, seat = 0; i < d->count; i++) {
        if (d->specs[i].members)
            continue;
        struct member *x = t->seats[seat].member;
        link_origin(d, seat, &d->specs[i]);
        if (d->sets[seat])
            repo_take_up(x->repo, d->sets[seat]);
        store_set_max_bytes(x->store, d->specs[i].max_bytes);
        seat++;
    }
    for (size_t i = 0; i < d->count; i++)
        add_mount(d, &d->specs[i]);
    t->at_root = &t->mounts[at_root];
    pthread_mutex_lock(&m->lock);
    struct mount_table *old = m->table;
    m->table = t;
    pthread_mutex_unlock(&m->lock);
    mount_table_drop(old);
}

struct error *mounts_set(struct arena *a, struct mounts *m, const struct mount_spec *specs,
                         size_t count, size_t at_root)
{
    struct arena scratch = ARENA_INIT;
    struct mount_table *t = xcalloc(1, sizeof(*t));
    struct draft d = {.all = m, .specs = specs, .count = count, .table = t};
    t->refs = 1;
    t->all = m;
    t->seats = ARENA_ARRAY(&t->arena, struct seat, count);
    t->mounts = ARENA_ARRAY(&t->arena, struct mount, count);
    d.sets = ARENA_ARRAY(&scratch, struct source_set *, count);
    struct error *err = seat_all(a, &d);
    if (err)
        give_up(&d);
    else
        take_up(&d, at_root);
    arena_release(&scratch);
    return err;
}

/* ---- the end */

void mounts_cancel(struct mounts *m)
{
    struct arena a = ARENA_INIT;
    size_t count = 0, n = 0;
    pthread_mutex_lock(&m->lock);
    for (struct member *x = m->members; x; x = x->next)
        count++;
    struct repo **repos = ARENA_ARRAY(&a, struct repo *, count);
    for (struct member *x = m->members; x; x = x->next)
        repos[n++] = x->repo;
    pthread_mutex_unlock(&m->lock);
    while (n)
        repo_cancel(repos[--n]); /* one thread reaps, and that is this one */
    for (struct group *g = m->groups; g; g = g->next)
        flights_cancel(g->flights);
    arena_release(&a);
}

/* Takes those without a reference out of the list. */
static struct member *unlink_members(struct mounts *m)
{
    struct member *out = NULL;
    pthread_mutex_lock(&m->lock);
    for (struct member **at = &m->members; *at;) {
        struct member *x = *at;
        if (x->refs) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        x->next = out;
        out = x;
    }
    pthread_mutex_unlock(&m->lock);
    return out;
}

static struct group *unlink_groups(struct mounts *m)
{
    struct group *out = NULL;
    pthread_mutex_lock(&m->lock);
    for (struct group **at = &m->groups; *at;) {
        struct group *g = *at;
        if (g->refs) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        g->next = out;
        out = g;
    }
    pthread_mutex_unlock(&m->lock);
    return out;
}

static void put_back(struct mounts *m, struct member *x, struct group *g)
{
    pthread_mutex_lock(&m->lock);
    if (x) {
        x->next = m->members;
        m->members = x;
    }
    if (g) {
        g->next = m->groups;
        m->groups = g;
    }
    pthread_mutex_unlock(&m->lock);
}

/* Whether there are others than those of the table of now. */
static bool has_leavers(struct mounts *m)
{
    size_t members = 0, groups = 0;
    pthread_mutex_lock(&m->lock);
    for (struct member *x = m->members; x; x = x->next)
        members++;
    for (struct group *g = m->groups; g; g = g->next)
        groups++;
    for (size_t i = 0; i < m->table->mount_count; i++)
        groups -= m->table->mounts[i].group != NULL;
    bool has_some = members > m->table->seat_count || groups > 0;
    pthread_mutex_unlock(&m->lock);
    return has_some;
}

/* Groups first: their flights ask the members. */
bool mounts_reap(struct mounts *m)
{
    bool has_flights = false;
    for (struct group *g = unlink_groups(m), *next; g; g = next) {
        next = g->next;
        bool is_idle = flights_are_idle(g->flights);
        has_flights |= !is_idle;
        if (is_idle)
            free_group(g);
        else
            put_back(m, NULL, g);
    }
    for (struct member *x = unlink_members(m), *next; x; x = next) {
        next = x->next;
        if (!has_flights && repo_is_idle(x->repo)) {
            log_line(LOG_INFO, "a repository has ended", LOG_STR("repository", slice_of(x->name)));
            free_member(m, x);
        } else {
            put_back(m, x, NULL);
        }
    }
    return has_leavers(m);
}

void mounts_free(struct mounts *m)
{
    if (!m)
        return;
    mount_table_drop(m->table);
    for (struct group *g = unlink_groups(m), *next; g; g = next) {
        next = g->next;
        free_group(g);
    }
    while (m->members) { /* who takes modules from another goes before that one */
        for (struct member *x = unlink_members(m), *next; x; x = next) {
            next = x->next;
            free_member(m, x);
        }
    }
    databases_free(m->databases);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* ---- looking into a table */

/* Whether the path lies at or below the address. */
static bool lies_below(struct slice path, struct slice address)
{
    struct slice rest = slice_skip(path, 1);
    return address.n && slice_starts(rest, address) &&
           (rest.n == address.n || rest.p[address.n] == '/');
}

const struct mount *mount_route(const struct mount_table *t, struct slice path, struct slice *rest)
{
    const struct mount *best = NULL;
    struct slice tail = slice_skip(path, 1), first = slice_cut(&tail, '/');
    *rest = path;
    if (!t->has_addresses || slice_find(first, '.') >= 0) /* no address has a dot */
        return t->at_root;
    for (size_t i = 0; i < t->mount_count; i++) {
        const struct mount *m = &t->mounts[i];
        if (lies_below(path, m->address) && (!best || m->address.n > best->address.n))
            best = m;
    }
    if (!best)
        return t->at_root;
    *rest = slice_skip(path, 1 + best->address.n);
    if (rest->n == 0)
        *rest = S("/");
    return best;
}

const struct mount *mount_find(const struct mount_table *t, struct slice name)
{
    for (size_t i = 0; name.n && i < t->mount_count; i++) {
        if (slice_eq(t->mounts[i].name, name))
            return &t->mounts[i];
    }
    return name.n ? NULL : t->at_root;
}

const struct mount *mount_at(const struct mount_table *t, size_t i)
{
    return i < t->mount_count ? &t->mounts[i] : NULL;
}

struct slice mount_name(const struct mount *m)
{
    return m->name;
}

static struct tally *tally_of(const struct mount *m)
{
    return m->group ? &m->group->tally : &m->seats[0]->member->tally;
}

void mount_count(const struct mount *m, enum metric_result result)
{
    if (m->name.n)
        atomic_fetch_add_explicit(&tally_of(m)->n[result], 1, memory_order_relaxed);
}

uint64_t mount_counted(const struct mount *m, enum metric_result result)
{
    return atomic_load_explicit(&tally_of(m)->n[result], memory_order_relaxed);
}

bool repository_at(const struct mount_table *t, size_t i, struct repository *out)
{
    if (i >= t->seat_count)
        return false;
    const struct member *x = t->seats[i].member;
    *out = (struct repository){
        .name = slice_of(x->name), .kind = x->kind, .repo = x->repo, .store = x->store};
    return true;
}
