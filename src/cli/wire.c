#include "cli/wire.h"

#include "base/file.h"

struct error *wire_store(struct arena *a, const struct settings *s, struct store **out)
{
    struct store_options o = {.dir = s->data_dir, .max_bytes = s->store_max_size};
    if (!o.dir[0])
        return error_new(a, STATUS_BAD_CONFIG,
                         "there is no home folder to keep the store in: set data_dir (--data-dir, "
                         "MODGATE_DATA_DIR)");
    TRY_CTX(a, store_open(a, &o, out), "opening the store in %s", o.dir);
    return NULL;
}

static struct credential_option *credentials(struct arena *a,
                                             const struct setting_credential *given, size_t count)
{
    struct credential_option *list = ARENA_ARRAY(a, struct credential_option, count);
    for (size_t i = 0; i < count; i++) {
        const struct setting_credential *c = &given[i];
        list[i] =
            (struct credential_option){.place = c->host, .user = c->user, .secret = c->secret};
    }
    return list;
}

static struct fetch_route *routes(struct arena *a, const struct setting_rules *r)
{
    struct fetch_route *list = ARENA_ARRAY(a, struct fetch_route, r->count);
    for (size_t i = 0; i < r->count; i++)
        list[i] = (struct fetch_route){r->rows[i].pattern, r->rows[i].value};
    return list;
}

static struct vcs_rule *rules(struct arena *a, const struct setting_rules *r)
{
    struct vcs_rule *list = ARENA_ARRAY(a, struct vcs_rule, r->count);
    for (size_t i = 0; i < r->count; i++)
        list[i] = (struct vcs_rule){r->rows[i].pattern, r->rows[i].value};
    return list;
}

/* What comes from version control and from nowhere else. */
static const char *private_of(struct arena *a, const struct settings *s,
                              const struct setting_repository *r)
{
    const char *owns = r ? config_owns(a, r) : "";
    return *owns ? owns : s->private_patterns;
}

struct error *wire_vcs(struct arena *a, const struct settings *s,
                       const struct setting_repository *r, struct vcs **out)
{
    const char *folder = r ? wire_folder(a, s, r) : s->data_dir;
    const struct setting_rules *own = r && r->vcs_rules_origin ? &r->vcs_rules : &s->vcs_rules;
    struct vcs_options o = {
        .dir = arena_printf(a, "%s/vcs", folder).p,
        .rules = rules(a, own),
        .rule_count = own->count,
        .private_patterns = private_of(a, s, r),
        .insecure_patterns = s->vcs_insecure,
        .allow = s->vcs_allow,
        .vanity = s->vcs_vanity,
        .tokens = credentials(a, s->tokens, s->token_count),
        .token_count = s->token_count,
        .credentials = credentials(a, s->credentials, s->credential_count),
        .credential_count = s->credential_count,
        .netrc_file = setting_or_null(s->fetch_netrc_file),
        .ca_file = setting_or_null(s->fetch_ca_file),
        .ssh_keys = rules(a, &s->vcs_ssh_keys),
        .ssh_key_count = s->vcs_ssh_keys.count,
        .known_hosts = rules(a, &s->vcs_known_hosts),
        .known_hosts_count = s->vcs_known_hosts.count,
        .use_ssh_agent = s->vcs_ssh_agent,
        .git_config = s->vcs_git_config,
        .connect_timeout_ms = s->fetch_connect_timeout,
        .stall_timeout_ms = s->fetch_stall_timeout,
        .timeout_ms = s->vcs_timeout,
        .refs_ttl_ms = s->vcs_refs_ttl,
        .discovery_ttl_ms = s->vcs_discovery_ttl,
        .negative_ttl_ms = s->cache_negative_ttl,
        .max_bytes = s->vcs_max_size,
        .max_repo_bytes = s->vcs_max_repo,
    };
    TRY_CTX(a, vcs_new(a, &o, out), "version control");
    return NULL;
}

/* All that belongs to some repository. */
static const char *owned(struct arena *a, const struct settings *s)
{
    BUF_SCOPED(b);
    for (size_t i = 0; i < s->repositories.count; i++) {
        const char *owns = config_owns(a, &s->repositories.rows[i]);
        if (*owns)
            buf_printf(&b, "%s%s", b.n ? "," : "", owns);
    }
    return arena_cstr(a, buf_slice(&b));
}

static struct error *moves_of(struct arena *a, const struct setting_rules *paths,
                              struct rehome_rules *out)
{
    struct rehome_rule *list = ARENA_ARRAY(a, struct rehome_rule, paths->count);
    for (size_t i = 0; i < paths->count; i++) {
        list[i] =
            (struct rehome_rule){slice_of(paths->rows[i].pattern), slice_of(paths->rows[i].value)};
        TRY(module_check_path(a, list[i].from));
        TRY(module_check_path(a, list[i].to));
    }
    *out = (struct rehome_rules){list, paths->count};
    return NULL;
}

enum { MAX_TRUSTED_KEYS = 256 };

static struct error *read_trusted(struct arena *a, const struct setting_trusted_signer *r,
                                  struct trust_spec *specs, size_t *count)
{
    struct slice rest = slice_of(r->key_file);
    while (rest.n) {
        const char *path = arena_cstr(a, slice_trim(slice_cut(&rest, ',')));
        struct trust_spec *spec = &specs[*count];
        if (*count == MAX_TRUSTED_KEYS)
            return error_new(a, STATUS_BAD_CONFIG, "more than %d keys", MAX_TRUSTED_KEYS);
        *spec = (struct trust_spec){.name = slice_of(r->name), .paths = slice_of(r->paths)};
        TRY_CTX(a, file_read(a, path, SIGN_KEY_MAX_BYTES, &spec->pem), "%s: key_file %s", r->origin,
                path);
        ++*count;
    }
    return NULL;
}

struct error *wire_trust(struct arena *a, const struct settings *s, struct sign_trust **out)
{
    size_t n = 0;
    struct trust_spec *specs = ARENA_ARRAY(a, struct trust_spec, MAX_TRUSTED_KEYS);
    *out = NULL;
    for (size_t i = 0; i < s->signing_trust.count; i++)
        TRY_CTX(a, read_trusted(a, &s->signing_trust.rows[i], specs, &n), "signing_trust");
    if (n == 0)
        return NULL;
    TRY_CTX(a, sign_trust_new(a, specs, n, out), "signing_trust");
    return NULL;
}

struct error *wire_sources(struct arena *a, const struct settings *s,
                           const struct setting_repository *r, struct repo_sources *out)
{
    static const struct fetch_route no_mirror = {"*", "off"};
    const struct setting_rules *own = r && r->upstream_origin ? &r->upstream : &s->upstream;
    bool has_mirrors = !r || !*config_owns(a, r);
    struct fetch_options o = {
        .routes = has_mirrors ? routes(a, own) : &no_mirror,
        .route_count = has_mirrors ? own->count : 1,
        .ca_file = setting_or_null(s->fetch_ca_file),
        .netrc_file = setting_or_null(s->fetch_netrc_file),
        .credentials = credentials(a, s->credentials, s->credential_count),
        .credential_count = s->credential_count,
        .connect_timeout_ms = (unsigned)s->fetch_connect_timeout,
        .stall_timeout_ms = (unsigned)s->fetch_stall_timeout,
        .retries = (unsigned)s->fetch_retries,
        .breaker_failures = (unsigned)s->fetch_breaker_failures,
        .breaker_pause_ms = (unsigned)s->fetch_breaker_pause,
    };
    *out = (struct repo_sources){
        .private_patterns = private_of(a, s, r),
        .refused_patterns = owned(a, s),
        .sumdb = s->sumdb,
        .may_serve_unverified = strcmp(s->sumdb_unreachable, "serve-unverified") == 0,
        .list_ttl_ms = s->cache_list_ttl,
        .stale_while_ms = s->cache_stale_while,
        .negative_ttl_ms = s->cache_negative_ttl,
        .head_ttl_ms = s->cache_head_ttl,
        .total_timeout_ms = s->fetch_total_timeout,
        .max_zip_bytes = s->fetch_max_zip,
    };
    if (r)
        TRY_CTX(a, moves_of(a, &r->paths, &out->moves), "paths");
    TRY_CTX(a, fetcher_new(a, &o, &out->fetcher), "upstream");
    struct error *err = wire_vcs(a, s, r, &out->vcs);
    if (!err)
        err = wire_trust(a, s, &out->trust);
    if (err)
        wire_sources_release(out);
    return err;
}

void wire_sources_release(struct repo_sources *sources)
{
    fetcher_free(sources->fetcher);
    vcs_free(sources->vcs);
    sign_trust_free(sources->trust);
}
