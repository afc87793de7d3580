/*
 * modgate serve: wires the daemon together, and waits for signals.
 *
 *   SIGHUP          reads the settings again: a bad file keeps the old ones and says so
 *   SIGTERM SIGINT  stops accepting, lets running requests end, then ends itself
 *
 * What is built first is taken down last: loops outlive the lanes whose jobs post to them.
 */
#include "cli/cli.h"
#include "cli/settings_args.h"
#include "cli/wire.h"
#include "cli/wire_policy.h"

#include "base/ctx.h"

#include "ops/audit.h"
#include "ops/log.h"
#include "ops/metrics.h"

#include "http/http.h"
#include "serve/serve.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

enum {
    ADMIN_THREADS = 4,
    ADMIN_QUEUE = 64,
    PUBLISH_THREADS = 4,
    MAX_STREAMS = 250,
    MAX_PARKED = 100
};

struct daemon {
    struct settings_args args;
    struct arena *settings_arena; /* of the settings in use */
    struct settings settings;
    char *data_dir; /* that the daemon started with: another one needs a restart */
    struct store *store;
    struct repo_host host;
    struct sign_key *signer;
    struct lane *upstream_lane;
    struct lane *vcs_lane;
    struct lane *admin_lane;
    struct lane *publish_lane;
    struct access *access;
    struct mounts *mounts;
    struct serve *serve;
    struct http_server *server;
    struct policy_stamp policy_stamp; /* of the files that the rules in use were made with */
};

/* Descriptors are what a gateway with many idle clients runs out of first. */
static void raise_descriptor_limit(void)
{
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
}

/* Worker threads come and go: few heaps and a low threshold give their memory back to the system.
 */
static void tame_malloc(void)
{
    mallopt(M_ARENA_MAX, 4);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024);
}

static struct error *listen_all(struct arena *a, struct daemon *d)
{
    struct slice rest = slice_of(d->settings.listen);
    while (rest.p) {
        const char *address = arena_cstr(a, slice_trim(slice_cut(&rest, ',')));
        TRY_CTX(a,
                http_server_listen(a, d->server, address,
                                   setting_or_null(d->settings.tls_cert_file),
                                   setting_or_null(d->settings.tls_key_file)),
                "listening on %s", address);
    }
    return NULL;
}

static void forget(void *serve)
{
    serve_forget(serve);
}

static unsigned loops_of(const struct settings *s)
{
    return s->http_loops ? (unsigned)s->http_loops : usable_cores();
}

static struct error *make_access(struct arena *a, struct daemon *d)
{
    struct access_options o = wire_access(a, &d->settings);
    o.lane = d->admin_lane;
    o.loops = loops_of(&d->settings);
    TRY_CTX(a, access_new(a, &o, &d->access), "access control");
    return NULL;
}

/* What is asked at each request and may change while it runs. */
static void set_serve(struct daemon *d, const struct settings *s)
{
    serve_set_access_log(d->serve, s->log_access);
    serve_set_publish_max(d->serve, s->publish_max_size ? s->publish_max_size : s->fetch_max_zip);
    serve_set_vanity(d->serve, s->vcs_vanity, s->public_url);
    serve_set_open_metrics(d->serve, strcmp(s->access_metrics, "anyone") == 0);
}

/* Reads the rules and what belongs to them: all of it is in *owner, which is the caller's. */
static struct error *load_policy(struct arena *a, struct daemon *d, const struct settings *s,
                                 struct arena **owner, struct policy **policy)
{
    *owner = xcalloc(1, sizeof(**owner));
    d->policy_stamp =
        policy_stamp_of(s->data_dir); /* first: what changes meanwhile is read again */
    struct error *err = wire_policy(*owner, s, policy);
    if (!err)
        return NULL;
    err = error_dup(a, err);
    arena_release(*owner);
    free(*owner);
    return err;
}

/* Somebody held or released a version, or imported a vulnerability database. */
static void look_at_policy(struct daemon *d)
{
    struct arena a = ARENA_INIT, *owner;
    struct policy *policy;
    struct policy_stamp now = policy_stamp_of(d->settings.data_dir);
    if (policy_stamp_eq(&now, &d->policy_stamp))
        return;
    struct error *err = load_policy(&a, d, &d->settings, &owner, &policy);
    if (err) {
        log_error(LOG_ERROR, "the policy was not read again: the old one stays", err, NULL, 0);
    } else {
        serve_set_policy(d->serve, owner, policy, policy_is_report(&d->settings));
        log_line(LOG_INFO, "policy read again");
    }
    arena_release(&a);
}

static struct error *make_server(struct arena *a, struct daemon *d)
{
    const struct settings *s = &d->settings;
    unsigned loops = loops_of(s);
    struct serve_options so = {
        .mounts = d->mounts,
        .store = d->store,
        .access = d->access,
        .upstream_lane = d->upstream_lane,
        .vcs_lane = d->vcs_lane,
        .admin_lane = d->admin_lane,
        .publish_lane = d->publish_lane,
        .max_uploads = (unsigned)s->publish_uploads,
        .loops = loops,
        .memory_bytes = s->cache_memory,
        .has_access_log = s->log_access,
        .vulndb_dir = arena_printf(a, "%s/%s", s->data_dir, POLICY_VULNDB_DIR).p,
        .signing_key_pem = d->signer ? verify_key_pem(sign_key_public(d->signer)) : S(""),
    };
    struct arena *owner;
    struct policy *policy;
    TRY(load_policy(a, d, s, &owner, &policy));
    d->serve = serve_new(&so);
    serve_set_policy(d->serve, owner, policy, policy_is_report(s));
    mounts_on_forget(d->mounts, forget, d->serve);
    struct http_options ho = {
        .loops = loops,
        .max_header_bytes = s->http_max_header,
        .max_body_bytes = s->http_max_body,
        .max_connections = (unsigned)s->http_max_connections,
        .max_streams = MAX_STREAMS,
        .max_parked = MAX_PARKED,
        .header_timeout_ms = (unsigned)s->http_header_timeout,
        .idle_timeout_ms = (unsigned)s->http_idle_timeout,
        .send_timeout_ms = (unsigned)s->http_send_timeout,
        .client_ca_file = setting_or_null(s->tls_client_ca_file),
        .body_timeout_ms = (unsigned)s->http_body_timeout,
        .on_header = serve_header,
        .handler = serve_handle,
        .on_done = serve_done,
        .arg = d->serve,
    };
    TRY(http_server_new(a, &ho, &d->server));
    serve_set_server(d->serve, d->server);
    set_serve(d, s);
    TRY(listen_all(a, d));
    return http_server_start(a, d->server);
}

static struct error *start(struct arena *a, struct daemon *d)
{
    const struct settings *s = &d->settings;
    TRY(wire_audit(a, s, true));
    TRY(wire_store(a, s, &d->store));
    if (store_is_read_only(d->store))
        log_line(LOG_WARN, "the store cannot be written: only what is stored is served",
                 LOG_STR("tree", slice_of(store_tree(d->store))));
    TRY(wire_host(a, s, &d->host));
    TRY(wire_signer(a, s, &d->signer));
    d->upstream_lane =
        lane_new(&(struct lane_options){.name = "upstream",
                                        .max_threads = (unsigned)s->lanes_upstream_threads,
                                        .max_queued = (unsigned)s->lanes_upstream_queue});
    d->vcs_lane = lane_new(&(struct lane_options){.name = "vcs",
                                                  .max_threads = (unsigned)s->lanes_vcs_threads,
                                                  .max_queued = (unsigned)s->lanes_vcs_queue});
    d->admin_lane = lane_new(&(struct lane_options){
        .name = "admin", .max_threads = ADMIN_THREADS, .max_queued = ADMIN_QUEUE});
    d->publish_lane =
        lane_new(&(struct lane_options){.name = "publish",
                                        .max_threads = PUBLISH_THREADS,
                                        .max_queued = 2 * (unsigned)s->publish_uploads});
    d->mounts = mounts_new(&(struct mounts_options){.root = d->store,
                                                    .upstream_lane = d->upstream_lane,
                                                    .vcs_lane = d->vcs_lane,
                                                    .admin_lane = d->admin_lane,
                                                    .host = d->host,
                                                    .signer = d->signer});
    TRY(wire_mounts(a, s, d->mounts));
    TRY(make_access(a, d));
    return make_server(a, d);
}

static void stop(struct daemon *d)
{
    if (d->serve)
        serve_set_draining(d->serve);
    if (d->server)
        http_server_drain(d->server, (int64_t)d->settings.http_drain_timeout);
    if (d->mounts)
        mounts_cancel(d->mounts);
    if (d->access)
        access_stop(d->access);
    lane_close(d->upstream_lane);
    lane_close(d->vcs_lane);
    lane_close(d->admin_lane);
    lane_close(d->publish_lane);
    /* Before the loops go: refusals that wait for their records are told there. */
    audit_event(&(struct audit_record){.event = AUDIT_STOP});
    wire_audit_close();
    http_server_free(d->server);
    serve_free(d->serve);
    access_free(d->access);
    mounts_free(d->mounts);
    sumlog_close(d->host.log);
    sign_key_free(d->signer);
    store_close(d->store);
}

static void note_reload(bool is_ok)
{
    metric_set(METRIC_RELOAD_OK, is_ok);
    if (is_ok)
        metric_set(METRIC_RELOAD_TIME, now_unix_s());
}

static struct error *take_up_sources(struct arena *a, struct daemon *d, const struct settings *now)
{
    struct access_options access = wire_access(a, now);
    struct settings in_place = *now;
    in_place.data_dir = d->data_dir;
    TRY_CTX(a, access_check_options(a, &access), "access control");
    TRY(http_server_reload_tls(a, d->server));
    TRY(access_set(a, d->access, &access));
    return wire_mounts(a, &in_place, d->mounts);
}

/* Takes up new settings; everything that can fail comes before anything is changed. */
static struct error *take_up(struct arena *a, struct daemon *d, const struct settings *now)
{
    struct arena *owner;
    struct policy *policy;
    TRY(load_policy(a, d, now, &owner, &policy));
    struct error *err = take_up_sources(a, d, now);
    if (err) {
        arena_release(owner);
        free(owner);
        return err;
    }
    serve_set_policy(d->serve, owner, policy, policy_is_report(now));
    log_set((enum log_level)now->log_level, (enum log_format)now->log_format);
    wire_audit_reload(now);
    serve_take_up_mounts(d->serve);
    set_serve(d, now);
    return NULL;
}

static void record_reload(struct arena *a, const struct error *err)
{
    audit_event(&(struct audit_record){
        .event = AUDIT_RELOAD,
        .outcome = err ? S("failed") : S("done"),
        .detail = err ? error_chain(a, err) : S(""),
    });
}

static void reload(struct daemon *d)
{
    struct arena *a = xcalloc(1, sizeof(*a));
    struct settings now;
    struct error *err = settings_args_load(a, &d->args, &now);
    if (!err)
        err = take_up(a, d, &now);
    note_reload(!err);
    record_reload(a, err);
    serve_set_reload_error(d->serve, err ? error_chain(a, err).p : NULL);
    if (err) {
        log_error(LOG_ERROR, "the settings were not taken up: the old ones stay", err, NULL, 0);
        arena_release(a);
        free(a);
        return;
    }
    struct slice restart = settings_restart_needed(a, &d->settings, &now);
    log_line(LOG_INFO, "settings taken up", LOG_STR("needs_restart", restart));
    arena_release(d->settings_arena);
    free(d->settings_arena);
    d->settings_arena = a;
    d->settings = now;
}

static void log_start_line(struct daemon *d, int64_t started_ms)
{
    struct arena a = ARENA_INIT;
    struct slice rest = slice_of(d->settings.listen);
    for (size_t i = 0; rest.p; i++) {
        struct slice address = slice_trim(slice_cut(&rest, ','));
        struct slice host = slice_head(address, (size_t)(slice_rfind(address, ':') + 1));
        log_line(LOG_INFO, "listening",
                 LOG_STR("address", arena_printf(&a, "%.*s%u", SLICE_ARG(host),
                                                 http_server_port(d->server, i))),
                 LOG_STR("tls", d->settings.tls_cert_file[0] ? S("on") : S("off")));
    }
    log_line(LOG_INFO, "started", LOG_STR("version", S(MODGATE_VERSION)),
             LOG_STR("store", slice_of(store_tree(d->store))),
             LOG_STR("upstream", config_mask_rules(&a, SETTING_ID_upstream, &d->settings.upstream)),
             LOG_NUM("start_ms", now_ms() - started_ms));
    if (d->signer)
        log_line(LOG_INFO, "signs what it stores",
                 LOG_STR("key", verify_key_id(sign_key_public(d->signer))));
    for (size_t i = 0; i < d->host.name_count; i++)
        log_line(LOG_INFO, "keeps a checksum database", LOG_STR("name", d->host.names[i]),
                 LOG_NUM("records", sumlog_stats(d->host.log).records));
    arena_release(&a);
}

static void wait_for_end(struct daemon *d, const sigset_t *signals)
{
    static const struct timespec one_second = {.tv_sec = 1};
    for (;;) {
        int sig = sigtimedwait(signals, NULL, &one_second);
        if (sig < 0) {
            look_at_policy(d);
            mounts_reap(d->mounts);
            continue;
        }
        if (sig != SIGHUP) {
            log_line(LOG_INFO, "stopping", LOG_STR("signal", slice_of(strsignal(sig))));
            return;
        }
        reload(d);
    }
}

static int run(struct daemon *d)
{
    struct arena a = ARENA_INIT;
    sigset_t signals;
    int64_t started_ms = now_ms();
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    log_set((enum log_level)d->settings.log_level, (enum log_format)d->settings.log_format);
    log_start();
    d->data_dir = xstrdup(d->settings.data_dir);
    struct error *err = start(&a, d);
    if (!err) {
        note_reload(true);
        audit_event(
            &(struct audit_record){.event = AUDIT_START, .detail = S("modgate " MODGATE_VERSION)});
        log_start_line(d, started_ms);
        wait_for_end(d, &signals);
    }
    stop(d);
    free(d->data_dir);
    log_stop();
    int code = err ? cli_fail("serve", err) : EXIT_FINE;
    arena_release(&a);
    return code;
}

int cmd_serve(int argc, char **argv)
{
    struct daemon d = {.settings_arena = xcalloc(1, sizeof(struct arena))};
    raise_descriptor_limit();
    tame_malloc();
    int operands = settings_args_parse(&d.args, argc, argv, "modgate serve [options]", NULL, 0);
    if (operands)
        return cli_usage_error(argv[0], "'%s' is not understood", argv[1]);
    struct error *err = settings_args_load(d.settings_arena, &d.args, &d.settings);
    int code = err ? cli_fail("serve", err) : run(&d);
    arena_release(d.settings_arena);
    free(d.settings_arena);
    return code;
}
