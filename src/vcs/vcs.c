/*
 * The face of the room: module path -> place (discovery) -> repository (git) -> its rules as a
 * module (coderepo). Nothing is kept between calls but what these three remember, and for paths
 * whose repository may answer at several URLs, which of them did: a small table in which a new
 * entry writes over an old one.
 */
#include "vcs/vcs_priv.h"

#include "base/file.h"

#include "net/ca_store.h"

#include "vcs/coderepo.h"

/* A token alone is sent as the password of this user, which the hosts that look at it expect. */
#define TOKEN_USER "x-access-token"

static const char *keep(struct vcs *v, const char *s)
{
    return arena_cstr(&v->arena, slice_of(s));
}

static const char *keep_or_null(struct vcs *v, const char *s)
{
    return s && *s ? keep(v, s) : NULL;
}

static const struct vcs_rule *keep_rules(struct vcs *v, const struct vcs_rule *rules, size_t count)
{
    struct vcs_rule *copy = ARENA_ARRAY(&v->arena, struct vcs_rule, count);
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct vcs_rule){keep(v, rules[i].pattern), keep(v, rules[i].value)};
    return copy;
}

static const struct credential_option *keep_tokens(struct vcs *v, const struct vcs_options *o)
{
    struct credential_option *copy =
        ARENA_ARRAY(&v->arena, struct credential_option, o->token_count);
    for (size_t i = 0; i < o->token_count; i++) {
        copy[i] = (struct credential_option){
            .place = keep(v, o->tokens[i].place),
            .user = keep(v, o->tokens[i].user ? o->tokens[i].user : TOKEN_USER),
            .secret = keep(v, o->tokens[i].secret),
            .is_https_only = true,
        };
    }
    return copy;
}

static void keep_options(struct vcs *v, const struct vcs_options *o)
{
    v->o = *o;
    v->o.private_patterns = v->o.insecure_patterns = v->o.allow = v->o.vanity = NULL;
    v->o.credentials = NULL;
    v->o.dir = keep(v, o->dir);
    v->o.rules = keep_rules(v, o->rules, o->rule_count);
    v->o.tokens = keep_tokens(v, o);
    v->o.ssh_keys = keep_rules(v, o->ssh_keys, o->ssh_key_count);
    v->o.known_hosts = keep_rules(v, o->known_hosts, o->known_hosts_count);
    v->o.git_config = keep(v, o->git_config);
    v->o.netrc_file = keep_or_null(v, o->netrc_file);
    v->o.ca_file = keep_or_null(v, o->ca_file);
}

static struct error *make_discovery(struct vcs *v, struct arena *a, const struct vcs_options *o)
{
    size_t count = o->token_count + o->credential_count;
    struct credential_option *known = ARENA_ARRAY(a, struct credential_option, count);
    for (size_t i = 0; i < o->token_count; i++)
        known[i] = v->o.tokens[i];
    for (size_t i = 0; i < o->credential_count; i++) {
        known[o->token_count + i] = o->credentials[i];
        known[o->token_count + i].is_https_only = true;
    }
    const struct discovery_options d = {
        .rules = o->rules,
        .rule_count = o->rule_count,
        .private_patterns = o->private_patterns,
        .insecure_patterns = o->insecure_patterns,
        .allow = o->allow,
        .vanity = o->vanity,
        .credentials = {known, count, o->netrc_file},
        .ca_file = v->o.ca_file,
        .connect_timeout_ms = (unsigned)o->connect_timeout_ms,
        .stall_timeout_ms = (unsigned)o->stall_timeout_ms,
        .ttl_ms = o->discovery_ttl_ms,
        .negative_ttl_ms = o->negative_ttl_ms,
    };
    return discovery_new(a, &d, &v->discovery);
}

struct error *vcs_new(struct arena *a, const struct vcs_options *o, struct vcs **out)
{
    struct vcs *v = xcalloc(1, sizeof(*v));
    pthread_mutex_init(&v->lock, NULL);
    keep_options(v, o);
    struct error *err = make_discovery(v, a, o);
    if (err)
        vcs_free(v);
    else
        *out = v;
    return err;
}

void vcs_free(struct vcs *v)
{
    if (!v)
        return;
    if (v->git)
        git_free(v->git);
    discovery_free(v->discovery);
    pthread_mutex_destroy(&v->lock);
    arena_release(&v->arena);
    free(v);
}

static struct git_file_rule *file_rules(struct arena *a, const struct vcs_rule *rules, size_t count)
{
    struct git_file_rule *list = ARENA_ARRAY(a, struct git_file_rule, count);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct git_file_rule){rules[i].pattern, rules[i].value};
    return list;
}

static struct git_token *tokens(struct arena *a, const struct vcs_options *o)
{
    struct git_token *list = ARENA_ARRAY(a, struct git_token, o->token_count);
    for (size_t i = 0; i < o->token_count; i++)
        list[i] = (struct git_token){
            .place = o->tokens[i].place, .user = o->tokens[i].user, .secret = o->tokens[i].secret};
    return list;
}

/* git takes one bundle instead of its own, so ours and the system's are put together for it. */
static struct error *make_bundle(struct vcs *v, struct arena *a, const char **out)
{
    struct slice pem;
    struct ca_sources sources = ca_sources_read(v->o.ca_file);
    if (!v->o.ca_file)
        return NULL;
    TRY(ca_store_pem(a, &sources, &pem));
    *out = arena_printf(a, "%s/ca.pem", v->o.dir).p;
    return file_write_durable(a, *out, pem);
}

static struct error *make_git(struct vcs *v, struct ctx *cx)
{
    struct arena *a = cx->arena;
    struct git_options o = {
        .dir = v->o.dir,
        .refs_ttl_ms = (int64_t)v->o.refs_ttl_ms,
        .max_bytes = v->o.max_bytes,
        .max_repo_bytes = v->o.max_repo_bytes,
        .stall_timeout_ms = (int64_t)v->o.stall_timeout_ms,
        .tokens = tokens(a, &v->o),
        .token_count = v->o.token_count,
        .ssh_keys = file_rules(a, v->o.ssh_keys, v->o.ssh_key_count),
        .ssh_key_count = v->o.ssh_key_count,
        .known_hosts = file_rules(a, v->o.known_hosts, v->o.known_hosts_count),
        .known_hosts_count = v->o.known_hosts_count,
        .use_ssh_agent = v->o.use_ssh_agent,
        .config_file = v->o.git_config[0] ? v->o.git_config : NULL,
        .netrc_file = v->o.netrc_file,
    };
    TRY(dir_make(a, v->o.dir));
    TRY(make_bundle(v, a, &o.ca_file));
    return git_new(cx, &o, &v->git);
}

struct error *vcs_git(struct vcs *v, struct ctx *cx, struct git **out)
{
    pthread_mutex_lock(&v->lock);
    struct error *err = v->git ? NULL : make_git(v, cx);
    *out = v->git;
    pthread_mutex_unlock(&v->lock);
    return err;
}

static struct choice *choice_of(struct vcs *v, struct slice root)
{
    uint32_t h = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < root.n; i++)
        h = (h ^ (unsigned char)root.p[i]) * 16777619U;
    return &v->choices[h % CHOICES];
}

static bool recall(struct vcs *v, struct slice root, size_t *url)
{
    pthread_mutex_lock(&v->lock);
    const struct choice *c = choice_of(v, root);
    bool is_known = slice_eq(slice_of(c->root), root) && now_ms() < c->until_ms;
    if (is_known)
        *url = c->url;
    pthread_mutex_unlock(&v->lock);
    return is_known;
}

static void remember(struct vcs *v, struct slice root, size_t url)
{
    if (root.n >= CHOICE_ROOT_BYTES)
        return;
    pthread_mutex_lock(&v->lock);
    struct choice *c = choice_of(v, root);
    memcpy(c->root, root.p, root.n);
    c->root[root.n] = '\0';
    c->url = url;
    c->until_ms = now_ms() + (int64_t)v->o.discovery_ttl_ms;
    pthread_mutex_unlock(&v->lock);
}

/*
 * The URL of a place: of several, the first that answers (cmd/go/internal/vcs.(*Cmd).Ping). When
 * none does, the error of one that is in trouble counts more than that of one that is absent.
 */
static struct error *choose_url(struct vcs *v, struct ctx *cx, struct git *g,
                                const struct vcs_place *place, struct slice *out)
{
    size_t url = 0;
    struct error *worst = NULL;
    if (place->url_count > 1 && !recall(v, place->root, &url)) {
        for (url = 0; url < place->url_count; url++) {
            struct error *err = git_probe(g, cx, place->urls[url], place->is_insecure);
            if (!err)
                break;
            if (!worst || status_class(worst->status) == CLASS_ABSENT)
                worst = err;
        }
        if (url == place->url_count)
            return error_wrap(cx->arena, worst, "no repository answers for %.*s",
                              SLICE_ARG(place->root));
        remember(v, place->root, url);
    }
    *out = place->urls[url];
    return NULL;
}

static struct error *is_elsewhere(struct ctx *cx, const struct vcs_place *place,
                                  struct vcs_answer *out)
{
    out->proxy = place->urls[0];
    return error_new(cx->arena, STATUS_DENIED,
                     "%.*s is served by the module proxy %.*s, says its go-import tag",
                     SLICE_ARG(place->root), SLICE_ARG(place->urls[0]));
}

/* A module that was found, and the time that there is for it. */
struct work {
    struct ctx cx;
    struct coderepo repo;
};

static struct error *begin(struct vcs *v, struct ctx *cx, struct slice path, struct work *w,
                           struct vcs_answer *out)
{
    struct git *g;
    struct vcs_place place;
    struct coderepo_place at = {.path = path};
    *out = (struct vcs_answer){0};
    w->cx = *cx;
    w->cx.deadline_ms = ctx_deadline_in(cx, (int64_t)v->o.timeout_ms);
    TRY(discovery_find(v->discovery, &w->cx, path, &place));
    if (place.is_mod)
        return is_elsewhere(cx, &place, out);
    TRY(vcs_git(v, &w->cx, &g));
    TRY(choose_url(v, &w->cx, g, &place, &at.url));
    TRY(git_open(g, &w->cx, at.url, place.is_insecure, &at.host));
    at.root = place.root;
    at.subdir = place.subdir;
    return coderepo_init(cx->arena, &at, &w->repo);
}

struct error *vcs_list(struct vcs *v, struct ctx *cx, struct slice path, struct vcs_answer *out)
{
    struct work w;
    TRY(begin(v, cx, path, &w, out));
    return coderepo_list(&w.repo, &w.cx, out);
}

struct error *vcs_latest(struct vcs *v, struct ctx *cx, struct slice path, struct vcs_answer *out)
{
    struct work w;
    TRY(begin(v, cx, path, &w, out));
    return coderepo_latest(&w.repo, &w.cx, out);
}

struct error *vcs_info(struct vcs *v, struct ctx *cx, struct module_version mv,
                       struct vcs_answer *out)
{
    struct work w;
    TRY(begin(v, cx, mv.path, &w, out));
    return coderepo_info(&w.repo, &w.cx, mv.version, out);
}

struct error *vcs_mod(struct vcs *v, struct ctx *cx, struct module_version mv, struct slice commit,
                      struct vcs_answer *out)
{
    struct work w;
    TRY(begin(v, cx, mv.path, &w, out));
    return coderepo_mod(&w.repo, &w.cx, mv.version, commit, out);
}

struct error *vcs_zip(struct vcs *v, struct ctx *cx, struct module_version mv, struct slice commit,
                      const char *dest_path, uint64_t max_bytes, struct vcs_answer *out)
{
    struct work w;
    const struct coderepo_zip_request q = {mv.version, commit, dest_path, max_bytes};
    TRY(begin(v, cx, mv.path, &w, out));
    return coderepo_zip(&w.repo, &w.cx, &q, out);
}
