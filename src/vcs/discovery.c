/*
 * The order is go's: rules of our own first; then hosts known by name; then the page of the path.
 * A tag for a prefix of the path is a claim about somebody else's page, so that page is asked too
 * and must say the same. Whatever names a repository, vcs.allow has the last word.
 */
#include "gomod/module.h"

#include "vcs/discovery_priv.h"

struct discovery {
    struct arena arena; /* strings of the options, credentials */
    struct discovery_options o;
    struct credentials credentials;
    struct page_source source;
    struct page_cache *pages;          /* that came over checked https */
    struct page_cache *insecure_pages; /* never believed for paths that are not insecure */
};

static const char *keep(struct discovery *d, const char *s)
{
    return arena_cstr(&d->arena, slice_of(s));
}

static void keep_options(struct discovery *d, const struct discovery_options *o)
{
    struct vcs_rule *rules = ARENA_ARRAY(&d->arena, struct vcs_rule, o->rule_count);
    for (size_t i = 0; i < o->rule_count; i++)
        rules[i] = (struct vcs_rule){keep(d, o->rules[i].pattern), keep(d, o->rules[i].value)};
    d->o = *o;
    d->o.rules = rules;
    d->o.private_patterns = keep(d, o->private_patterns);
    d->o.insecure_patterns = keep(d, o->insecure_patterns);
    d->o.allow = keep(d, o->allow);
    d->o.vanity = keep(d, o->vanity);
}

static struct error *set_up(struct discovery *d, const struct discovery_options *o)
{
    struct http_client_options http = {.ca_file = o->ca_file,
                                       .connect_timeout_ms = o->connect_timeout_ms,
                                       .stall_timeout_ms = o->stall_timeout_ms};
    keep_options(d, o);
    TRY(credentials_load(&d->arena, &o->credentials, &d->credentials));
    TRY(http_client_new(&d->arena, &http, &d->source.secure));
    d->source.credentials = &d->credentials;
    if (*d->o.insecure_patterns) {
        http.is_insecure = true;
        TRY(http_client_new(&d->arena, &http, &d->source.insecure));
    }
    d->pages = page_cache_new(o->ttl_ms, o->negative_ttl_ms);
    d->insecure_pages = page_cache_new(o->ttl_ms, o->negative_ttl_ms);
    return NULL;
}

struct error *discovery_new(struct arena *a, const struct discovery_options *o,
                            struct discovery **out)
{
    struct discovery *d = xcalloc(1, sizeof(*d));
    struct error *err = set_up(d, o);
    if (err) {
        err = error_dup(a, err);
        discovery_free(d);
        return err;
    }
    *out = d;
    return NULL;
}

void discovery_free(struct discovery *d)
{
    if (!d)
        return;
    page_cache_free(d->pages);
    page_cache_free(d->insecure_pages);
    http_client_free(d->source.secure);
    http_client_free(d->source.insecure);
    arena_release(&d->arena);
    free(d);
}

static bool is_insecure(const struct discovery *d, struct slice path)
{
    return module_match_prefix_patterns(slice_of(d->o.insecure_patterns), path);
}

static struct allow_question question(const struct discovery *d, const struct vcs_place *place)
{
    return (struct allow_question){
        .allow = d->o.allow,
        .root = place->root,
        .is_private = module_match_prefix_patterns(slice_of(d->o.private_patterns), place->root),
        .is_insecure = place->is_insecure,
    };
}

/* The URLs that may be used, in their order; the first refusal when there are none. */
static struct error *keep_allowed(struct arena *a, const struct allow_question *q,
                                  struct vcs_place *place)
{
    struct error *refusal = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < place->url_count; i++) {
        struct error *err = allow_check_url(a, q, place->urls[i]);
        if (!err)
            place->urls[kept++] = place->urls[i];
        else if (!refusal)
            refusal = err;
    }
    place->url_count = kept;
    return kept ? NULL : refusal;
}

static struct error *take_host_repo(const struct discovery *d, struct arena *a,
                                    const struct host_repo *repo, struct vcs_place *out)
{
    /* cmd/go asks these in the order of vcsGit.Scheme, the insecure ones where they may be used. */
    static const char *const secure[] = {"https", "ssh"}, *const all[] = {"git", "https", "http",
                                                                          "ssh"};
    const char *const *schemes = out->is_insecure ? all : secure;
    size_t count = out->is_insecure ? ARRAY_LEN(all) : ARRAY_LEN(secure);
    out->root = arena_dup(a, repo->root);
    struct allow_question q = question(d, out);
    TRY(allow_check_vcs(a, &q, repo->vcs));
    if (!repo->is_schemeless) {
        out->urls[out->url_count++] = repo->repo;
        return keep_allowed(a, &q, out);
    }
    for (size_t i = 0; i < count; i++)
        out->urls[out->url_count++] =
            arena_printf(a, "%s://%.*s", schemes[i], SLICE_ARG(repo->repo));
    return keep_allowed(a, &q, out);
}

struct fetching {
    struct discovery *d;
    bool is_insecure;
};

static struct error *fetch(void *arg, struct ctx *cx, struct slice path, struct page *out)
{
    struct fetching *f = arg;
    return page_fetch(&f->d->source, cx, path, f->is_insecure, out);
}

static bool same_tag(const struct go_import *a, const struct go_import *b)
{
    return slice_eq(a->prefix, b->prefix) && slice_eq(a->vcs, b->vcs) &&
           slice_eq(a->root, b->root) && slice_eq(a->subdir, b->subdir);
}

static struct error *no_tag(struct arena *a, const struct page *page, struct slice path, int found)
{
    if (found > 1)
        return error_new(a, STATUS_BAD_ANSWER, "%.*s has several go-import tags for %.*s",
                         SLICE_ARG(page->url), SLICE_ARG(path));
    if (page->imports.count)
        return error_new(
            a, STATUS_NOT_FOUND, "%.*s has a go-import tag for %.*s, but none for %.*s",
            SLICE_ARG(page->url), SLICE_ARG(page->imports.list[0].prefix), SLICE_ARG(path));
    return error_new(a, STATUS_NOT_FOUND, "no repository is known for %.*s: %.*s", SLICE_ARG(path),
                     SLICE_ARG(page->why_absent));
}

/* The tag for the path on its own page, and the same one on the page of the tag's prefix. */
static struct error *find_tag(struct discovery *d, struct ctx *cx, struct slice path,
                              struct go_import *tag)
{
    struct page page, root;
    struct go_import again;
    struct fetching f = {d, is_insecure(d, path)};
    struct page_cache *cache = f.is_insecure ? d->insecure_pages : d->pages;
    TRY(page_cache_get(cache, cx, path, fetch, &f, &page));
    int found = page_match(&page.imports, path, tag);
    if (found != 1)
        return no_tag(cx->arena, &page, path, found);
    if (slice_eq(tag->prefix, path))
        return NULL;
    if (module_check_import_path(cx->arena, tag->prefix))
        return error_new(cx->arena, STATUS_BAD_ANSWER,
                         "%.*s has a go-import tag for '%.*s', which is no import path",
                         SLICE_ARG(page.url), SLICE_ARG(slice_head(tag->prefix, 200)));
    TRY_CTX(cx->arena, page_cache_get(cache, cx, tag->prefix, fetch, &f, &root),
            "checking what %.*s says of %.*s", SLICE_ARG(page.url), SLICE_ARG(tag->prefix));
    if (page_match(&root.imports, path, &again) != 1 || !same_tag(tag, &again))
        return error_new(cx->arena, STATUS_BAD_ANSWER,
                         "%.*s and the page of %.*s do not say the same of its repository",
                         SLICE_ARG(page.url), SLICE_ARG(tag->prefix));
    return NULL;
}

/* A proxy: https, or http where that may be; nothing else can be a GOPROXY from outside. */
static struct error *check_mod_url(struct arena *a, const struct vcs_place *place)
{
    struct slice url = place->urls[0];
    bool is_http = slice_starts(url, S("http://"));
    if (!is_http && !slice_starts(url, S("https://")))
        return error_new(a, STATUS_BAD_ANSWER, "the proxy of %.*s is not named by an https URL",
                         SLICE_ARG(place->root));
    if (is_http && !place->is_insecure)
        return error_new(a, STATUS_DENIED,
                         "the proxy of %.*s is reached by http only, which is not secure; if that "
                         "is meant, add the path to vcs.insecure",
                         SLICE_ARG(place->root));
    return NULL;
}

/* A password, or over http(s) a user, who may be a token. */
static bool has_secret(struct slice url)
{
    ptrdiff_t scheme = slice_find_slice(url, S("://"));
    struct slice rest = slice_skip(url, scheme < 0 ? 0 : (size_t)scheme + 3);
    struct slice authority = slice_cut(&rest, '/');
    ptrdiff_t at = slice_rfind(authority, '@');
    return at >= 0 && (slice_starts(url, S("http")) ||
                       slice_find(slice_head(authority, (size_t)at), ':') >= 0);
}

static struct error *take_tag(const struct discovery *d, struct arena *a,
                              const struct go_import *tag, struct vcs_place *out)
{
    out->root = tag->prefix;
    out->subdir = tag->subdir;
    out->urls[0] = tag->root;
    out->url_count = 1;
    out->is_mod = slice_eq(tag->vcs, S("mod"));
    if (tag->subdir.n && (tag->subdir.p[0] == '/' || tag->subdir.p[0] == '-'))
        return error_new(a, STATUS_BAD_ANSWER, "the go-import tag of %.*s has a bad subdirectory",
                         SLICE_ARG(tag->prefix));
    if (slice_find_slice(tag->root, S("://")) < 1 || has_secret(tag->root))
        return error_new(a, STATUS_BAD_ANSWER,
                         "the go-import tag of %.*s names no URL, or one with credentials",
                         SLICE_ARG(tag->prefix));
    if (out->is_mod)
        return check_mod_url(a, out);
    struct allow_question q = question(d, out);
    TRY(allow_check_vcs(a, &q, tag->vcs));
    return keep_allowed(a, &q, out);
}

static struct error *ask_page(struct discovery *d, struct ctx *cx, struct slice path,
                              struct vcs_place *out)
{
    struct go_import tag;
    struct host_repo late;
    struct slice rest = path;
    if (slice_find(slice_cut(&rest, '/'), '.') < 0)
        return error_new(cx->arena, STATUS_NOT_FOUND,
                         "no repository is known for %.*s: it does not begin with a host name",
                         SLICE_ARG(path));
    struct error *err = find_tag(d, cx, path, &tag);
    if (err && err->status == STATUS_NOT_FOUND && host_find_late(path, &late))
        return take_host_repo(d, cx->arena, &late, out);
    if (err)
        return err;
    return take_tag(d, cx->arena, &tag, out);
}

struct error *discovery_probe(struct discovery *d, struct ctx *cx, struct slice place)
{
    struct page page;
    return page_fetch(&d->source, cx, place, false, &page);
}

/* Paths of vcs.vanity: their page would only lead back to this gateway. */
static bool is_our_own(const struct discovery *d, struct slice path)
{
    struct slice rest = slice_of(d->o.vanity);
    while (rest.p) {
        struct slice prefix = slice_trim(slice_cut(&rest, ','));
        if (slice_ends(prefix, S("/")))
            prefix.n--;
        if (prefix.n && path_has_prefix(path, prefix))
            return true;
    }
    return false;
}

struct error *discovery_find(struct discovery *d, struct ctx *cx, struct slice path,
                             struct vcs_place *out)
{
    struct host_repo known;
    *out = (struct vcs_place){.is_insecure = is_insecure(d, path)};
    if (rules_find(cx->arena, d->o.rules, d->o.rule_count, path, out)) {
        struct allow_question q = question(d, out);
        TRY(allow_check_vcs(cx->arena, &q, S("git")));
        return keep_allowed(cx->arena, &q, out);
    }
    if (is_our_own(d, path))
        return error_new(cx->arena, STATUS_NOT_FOUND,
                         "%.*s belongs to this gateway (vcs.vanity), and no rule of vcs.rules says "
                         "which repository it lies in",
                         SLICE_ARG(path));
    switch (host_find(cx->arena, path, &known)) {
    case HOST_FOUND:
        return take_host_repo(d, cx->arena, &known, out);
    case HOST_NO_REPOSITORY:
        return error_new(cx->arena, STATUS_NOT_FOUND,
                         "%.*s is not the path of a repository of its host", SLICE_ARG(path));
    case HOST_UNKNOWN:
    default:
        return ask_page(d, cx, path, out);
    }
}
