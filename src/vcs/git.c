/*
 * The repositories that are open, what is remembered of them, and how git is found.
 *
 * A repository is made when it is first asked for and stays, with its refs and small files, until
 * memory is needed and nobody uses it; its mirror on disk stays anyway. Refs are immutable and
 * counted: who has them keeps them while others load newer ones.
 */
#include "base/encode.h"
#include "base/file.h"
#include "vcs/git_priv.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { WAIT_MS = 50, VERSION_LEAST = 225, DEFAULT_MISS_TTL_MS = 5000 };
#define DEFAULT_MEMORY_BYTES ((uint64_t)64 << 20)
#define REPO_BYTES 1024 /* what one costs without anything remembered */

static const struct codehost_ops operations = {
    .tags = git_op_tags,
    .stat = git_op_stat,
    .latest = git_op_latest,
    .read_files = git_op_read_files,
    .archive = git_op_archive,
    .recent_tag = git_op_recent_tag,
    .descends_from = git_op_descends_from,
};

/* ---- one repository ---- */

static void free_object(struct git_repo *r, struct git_object *o)
{
    r->object_count--;
    r->object_bytes -= o->n + strlen(o->key);
    free(o->key);
    free(o->body);
    free(o);
}

static void free_repo(struct git_repo *r)
{
    git_readers_forget(&r->git->readers, r);
    for (struct git_object *o; (o = r->objects);) {
        r->objects = o->next;
        free_object(r, o);
    }
    git_refs_release(r->refs);
    arena_release(&r->load_arena);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    free((void *)(uintptr_t)r->url);
    free((void *)(uintptr_t)r->dir);
    free((void *)(uintptr_t)r->lock_path);
    free(r);
}

static struct git_repo *new_repo(struct git *g, struct slice url, bool is_insecure)
{
    struct arena a = ARENA_INIT;
    uint8_t sum[SHA256_BYTES];
    char name[2 * SHA256_BYTES + 1];
    struct git_repo *r = xcalloc(1, sizeof(*r));
    sha256(url, sum);
    hex_encode(sum, sizeof(sum), name);
    r->host.ops = &operations;
    r->git = g;
    r->is_insecure = is_insecure;
    r->url = xstrdup(arena_cstr(&a, url));
    r->dir = xstrdup(arena_printf(&a, "%s/%s", g->o.dir, name).p);
    r->lock_path = xstrdup(arena_printf(&a, "%s/%s.lock", g->o.dir, name).p);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, &attr);
    pthread_condattr_destroy(&attr);
    arena_release(&a);
    return r;
}

struct error *git_repo_wait(struct git_repo *r, struct ctx *cx)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&r->changed, &r->lock, &until);
    return ctx_check(cx);
}

/* ---- refs ---- */

static void drop_refs(void *arg)
{
    git_refs_release(arg);
}

/* Counts cx in. Called with the lock held. */
static const struct git_refs *share_refs(struct git_repo *r, struct ctx *cx)
{
    atomic_fetch_add(&r->refs->users, 1);
    arena_on_release(cx->arena, drop_refs, r->refs);
    return r->refs;
}

/* Keeps the lines of refs that count; a host may list many times as many others. */
static void keep_lines(struct buf *kept, struct buf *pending)
{
    struct slice rest = buf_slice(pending);
    for (ptrdiff_t end; (end = slice_find(rest, '\n')) >= 0;) {
        struct slice line = slice_head(rest, (size_t)end + 1);
        struct slice name = slice_skip(line, (size_t)(slice_find(line, '\t') + 1));
        if (slice_starts(name, S("HEAD")) || slice_starts(name, S("refs/heads/")) ||
            slice_starts(name, S("refs/tags/")))
            buf_add(kept, line);
        rest = slice_skip(rest, line.n);
    }
    buf_drop(pending, pending->n - rest.n);
}

static struct error *list_remote(struct git_repo *r, struct ctx *cx, struct buf *kept)
{
    const char *args[] = {"ls-remote", "--quiet", "--end-of-options", r->url, NULL};
    struct git_call call = {.args = args,
                            .max_output_bytes = GIT_REFS_MAX_BYTES,
                            .is_remote = true,
                            .without_mirror = true};
    struct proc *p;
    struct proc_result res;
    struct slice piece;
    BUF_SCOPED(pending);
    TRY(git_start(r, cx, &call, &p));
    struct error *err = NULL;
    do {
        err = proc_read(p, cx, &piece);
        buf_add(&pending, piece);
        keep_lines(kept, &pending);
        if (!err && kept->n > GIT_KEPT_REFS_MAX_BYTES)
            err = error_new(cx->arena, STATUS_TOO_LARGE, "%s has too many refs", r->url);
    } while (!err && piece.n);
    return git_finish(r, cx, &call, p, err, &res);
}

/* Called with the lock held, which is given back meanwhile. */
static struct error *load_refs(struct git_repo *r, struct ctx *cx)
{
    BUF_SCOPED(kept);
    r->is_loading = true;
    pthread_mutex_unlock(&r->lock);
    int64_t started_ms = now_ms();
    struct error *err = list_remote(r, cx, &kept);
    struct git_refs *refs = err ? NULL : git_refs_parse(buf_slice(&kept));
    pthread_mutex_lock(&r->lock);
    r->is_loading = false;
    r->load_turn++;
    arena_clear(&r->load_arena);
    r->load_error = NULL;
    /* Who leads may have little time or interest left; that is nothing to others. */
    if (err && !ctx_check(cx))
        r->load_error = error_dup(&r->load_arena, err);
    if (refs) {
        refs->loaded_at_ms = started_ms;
        git_refs_release(r->refs);
        r->refs = refs;
    }
    pthread_cond_broadcast(&r->changed);
    return err;
}

/* Called with the lock held. */
static struct error *find_refs(struct git_repo *r, struct ctx *cx, int64_t max_age_ms)
{
    uint64_t came_at = r->load_turn;
    bool has_waited = false;
    for (;;) {
        bool is_shared = has_waited && r->load_turn != came_at;
        if (is_shared && r->load_error)
            return error_dup(cx->arena, r->load_error);
        if (r->refs && (is_shared || now_ms() - r->refs->loaded_at_ms < max_age_ms))
            return NULL;
        if (!r->is_loading)
            return load_refs(r, cx);
        has_waited = true;
        TRY(git_repo_wait(r, cx));
    }
}

struct error *git_repo_refs(struct git_repo *r, struct ctx *cx, int64_t max_age_ms,
                            const struct git_refs **out)
{
    pthread_mutex_lock(&r->lock);
    struct error *err = find_refs(r, cx, max_age_ms);
    if (!err)
        *out = share_refs(r, cx);
    pthread_mutex_unlock(&r->lock);
    return err;
}

int64_t git_repo_refs_age_ms(struct git_repo *r)
{
    pthread_mutex_lock(&r->lock);
    int64_t age = r->refs ? now_ms() - r->refs->loaded_at_ms : INT64_MAX;
    pthread_mutex_unlock(&r->lock);
    return age;
}

/* ---- what is remembered of commits ---- */

/* The place where it hangs; called with the lock held. */
static struct git_object **find_object(struct git_repo *r, struct slice key)
{
    struct git_object **at = &r->objects;
    while (*at && !slice_eq(slice_of((*at)->key), key))
        at = &(*at)->next;
    return at;
}

static void move_to_front(struct git_repo *r, struct git_object **at)
{
    struct git_object *o = *at;
    *at = o->next;
    o->next = r->objects;
    r->objects = o;
}

bool git_cache_get(struct git_repo *r, struct arena *a, struct slice key, struct slice *body,
                   int64_t *time_unix_s)
{
    pthread_mutex_lock(&r->lock);
    struct git_object **at = find_object(r, key), *o = *at;
    if (o) {
        move_to_front(r, at);
        *body = o->is_absent ? (struct slice){0} : arena_dup(a, slice_make(o->body, o->n));
        *time_unix_s = o->time_unix_s;
    }
    pthread_mutex_unlock(&r->lock);
    return o != NULL;
}

static void drop_oldest(struct git_repo *r)
{
    struct git_object **at = &r->objects;
    while ((*at)->next)
        at = &(*at)->next;
    struct git_object *o = *at;
    *at = NULL;
    free_object(r, o);
}

void git_cache_put(struct git_repo *r, struct slice key, struct slice body, int64_t time_unix_s)
{
    struct arena a = ARENA_INIT;
    if (body.n > GIT_CACHED_FILE_BYTES || slice_find(key, '\0') >= 0)
        return;
    pthread_mutex_lock(&r->lock);
    if (!*find_object(r, key)) {
        struct git_object *o = xcalloc(1, sizeof(*o));
        o->key = xstrdup(arena_cstr(&a, key));
        o->body = memcpy(xmalloc(body.n + 1), body.p ? body.p : "", body.n);
        o->n = body.n;
        o->time_unix_s = time_unix_s;
        o->is_absent = !body.p;
        o->next = r->objects;
        r->objects = o;
        r->object_count++;
        r->object_bytes += o->n + key.n;
        if (r->object_count > GIT_CACHED_OBJECTS)
            drop_oldest(r);
    }
    pthread_mutex_unlock(&r->lock);
    arena_release(&a);
}

/* ---- the table ---- */

static uint64_t repo_bytes(struct git_repo *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t n = REPO_BYTES + r->object_bytes + (r->refs ? r->refs->bytes : 0);
    pthread_mutex_unlock(&r->lock);
    return n;
}

/* Forgets what nobody uses, least recently used first. Called with the lock held. */
static void trim(struct git *g)
{
    uint64_t most = g->o.memory_bytes ? g->o.memory_bytes : DEFAULT_MEMORY_BYTES, total = 0;
    for (struct git_repo **at = &g->repos; *at;) {
        struct git_repo *r = *at;
        total += repo_bytes(r);
        if (total > most && !r->users) {
            total -= repo_bytes(r);
            *at = r->next;
            free_repo(r);
        } else {
            at = &r->next;
        }
    }
}

static void close_repo(void *arg)
{
    struct git_repo *r = arg;
    struct git *g = r->git;
    pthread_mutex_lock(&g->lock);
    r->users--;
    trim(g);
    pthread_mutex_unlock(&g->lock);
}

struct error *git_open(struct git *g, struct ctx *cx, struct slice url, bool is_insecure,
                       struct codehost **out)
{
    struct git_url u;
    if (!g->o.is_local)
        TRY(git_url_parse(cx->arena, url, is_insecure, &u));
    else if (!slice_starts(url, S("file:///")))
        return error_new(cx->arena, STATUS_DENIED, "%.*s is no folder here", SLICE_ARG(url));
    pthread_mutex_lock(&g->lock);
    struct git_repo **at = &g->repos;
    while (*at && !(slice_eq(slice_of((*at)->url), url) && (*at)->is_insecure == is_insecure))
        at = &(*at)->next;
    struct git_repo *r = *at;
    if (r)
        *at = r->next;
    else
        r = new_repo(g, url, is_insecure);
    r->next = g->repos;
    g->repos = r;
    r->users++;
    pthread_mutex_unlock(&g->lock);
    arena_on_release(cx->arena, close_repo, r);
    *out = &r->host;
    return NULL;
}

struct error *git_probe(struct git *g, struct ctx *cx, struct slice url, bool is_insecure)
{
    struct codehost *h;
    BUF_SCOPED(kept);
    TRY(git_open(g, cx, url, is_insecure, &h));
    return list_remote(git_repo_of(h), cx, &kept);
}

/* ---- all of it ---- */

static const char *dup_or_null(struct arena *a, const char *s)
{
    return s ? arena_cstr(a, slice_of(s)) : NULL;
}

static struct git_file_rule *copy_rules(struct arena *a, const struct git_file_rule *rules,
                                        size_t count)
{
    struct git_file_rule *copy = ARENA_ARRAY(a, struct git_file_rule, count + 1);
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct git_file_rule){.place = dup_or_null(a, rules[i].place),
                                         .path = dup_or_null(a, rules[i].path)};
    return copy;
}

/* What outlives git_new(); tokens go into the environment and are not kept twice. */
static void copy_options(struct git *g, const struct git_options *o)
{
    struct arena *a = &g->arena;
    g->o = *o;
    g->o.dir = dup_or_null(a, o->dir);
    if (!g->o.miss_ttl_ms)
        g->o.miss_ttl_ms = DEFAULT_MISS_TTL_MS;
    g->o.program = NULL;
    g->o.tokens = NULL;
    g->o.token_count = 0;
    g->o.ssh_keys = copy_rules(a, o->ssh_keys, o->ssh_key_count);
    g->o.known_hosts = copy_rules(a, o->known_hosts, o->known_hosts_count);
    g->o.config_file = g->o.netrc_file = g->o.ca_file = NULL;
}

/* 239 of "git version 2.39.5". */
static unsigned parse_version(struct slice text)
{
    uint64_t major, minor;
    if (!slice_starts(text, S("git version ")))
        return 0;
    struct slice rest = slice_trim(slice_skip(text, strlen("git version ")));
    bool is_one = slice_parse_u64(slice_cut(&rest, '.'), &major) &&
                  slice_parse_u64(slice_cut(&rest, '.'), &minor) && major < 1000 && minor < 100;
    return is_one ? (unsigned)(major * 100 + minor) : 0;
}

/* Asks git what it is and what the user has told it. */
static struct error *ask_git(struct git *g, struct ctx *cx)
{
    static const char *const version[] = {"version", NULL};
    static const char *const config[] = {"config", "-z", "--get-regexp",
                                         "^(url\\..*\\.insteadof|core\\.sshcommand|"
                                         "http\\.(.*\\.)?sslca(info|path))$",
                                         NULL};
    struct git_repo none = {.git = g, .url = "git", .dir = g->o.dir};
    struct git_call call = {.args = version, .max_output_bytes = 1 << 20, .without_mirror = true};
    struct slice output;
    struct proc_result res;
    TRY(git_run(&none, cx, &call, &output, &res));
    g->version = parse_version(output);
    if (g->version < VERSION_LEAST)
        return error_new(cx->arena, STATUS_BAD_CONFIG, "git 2.25 or newer is needed, not %.*s",
                         SLICE_ARG(slice_trim(slice_head(output, 60))));
    call.args = config;
    TRY_CTX(cx->arena, git_run(&none, cx, &call, &output, &res), "reading git's configuration");
    git_env_take_config(&g->arena, output, &g->env);
    return NULL;
}

static struct error *set_up(struct git *g, struct ctx *cx, const struct git_options *o)
{
    const char *path = getenv("PATH");
    const char *program = proc_find(&g->arena, o->program ? o->program : "git", path);
    if (!program)
        return error_new(cx->arena, STATUS_BAD_CONFIG,
                         "there is no %s: install git to fetch from version control",
                         o->program ? o->program : "git in PATH");
    if (o->dir[0] != '/')
        return error_new(cx->arena, STATUS_BAD_CONFIG,
                         "the folder for mirrors must be an absolute path, not %s", o->dir);
    copy_options(g, o);
    TRY(dir_make(cx->arena, o->dir));
    struct error *err = git_env_make(&g->arena, o, program, environ, &g->env);
    if (err)
        return error_dup(cx->arena, err);
    err = ask_git(g, cx);
    if (err && err->status != STATUS_BAD_CONFIG && status_class(err->status) != CLASS_TIMEOUT)
        return error_as(cx->arena, STATUS_BAD_CONFIG, err, "git cannot be used");
    return err;
}

struct error *git_new(struct ctx *cx, const struct git_options *o, struct git **out)
{
    struct git *g = xcalloc(1, sizeof(*g));
    pthread_mutex_init(&g->lock, NULL);
    git_readers_init(&g->readers);
    struct error *err = set_up(g, cx, o);
    if (err)
        git_free(g);
    else
        *out = g;
    return err;
}

void git_free(struct git *g)
{
    if (!g)
        return;
    for (struct git_repo *r; (r = g->repos);) {
        g->repos = r->next;
        free_repo(r);
    }
    git_readers_release(&g->readers);
    pthread_mutex_destroy(&g->lock);
    arena_release(&g->arena);
    free(g);
}
