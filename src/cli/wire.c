#include "cli/wire.h"

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

static struct credential_option *credentials(struct arena *a, const struct settings *s)
{
    struct credential_option *list = ARENA_ARRAY(a, struct credential_option, s->credential_count);
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct setting_credential *c = &s->credentials[i];
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

struct error *wire_sources(struct arena *a, const struct settings *s, struct repo_sources *out)
{
    struct fetch_options o = {
        .routes = routes(a, &s->upstream),
        .route_count = s->upstream.count,
        .ca_file = setting_or_null(s->fetch_ca_file),
        .netrc_file = setting_or_null(s->fetch_netrc_file),
        .credentials = credentials(a, s),
        .credential_count = s->credential_count,
        .connect_timeout_ms = (unsigned)s->fetch_connect_timeout,
        .stall_timeout_ms = (unsigned)s->fetch_stall_timeout,
        .retries = (unsigned)s->fetch_retries,
        .breaker_failures = (unsigned)s->fetch_breaker_failures,
        .breaker_pause_ms = (unsigned)s->fetch_breaker_pause,
    };
    *out = (struct repo_sources){
        .private_patterns = s->private_patterns,
        .sumdb = s->sumdb,
        .list_ttl_ms = s->cache_list_ttl,
        .stale_while_ms = s->cache_stale_while,
        .negative_ttl_ms = s->cache_negative_ttl,
        .head_ttl_ms = s->cache_head_ttl,
        .total_timeout_ms = s->fetch_total_timeout,
        .max_zip_bytes = s->fetch_max_zip,
    };
    TRY_CTX(a, fetcher_new(a, &o, &out->fetcher), "upstream");
    return NULL;
}
