/*
 * The gateway's HTTP face: routes, the memory cache of each loop, answers and refusals, health and
 * metrics. It plugs into src/http as handler and on_done.
 */
#ifndef MODGATE_SERVE_SERVE_H
#define MODGATE_SERVE_SERVE_H

#include "base/base.h"

#include "access/access.h"
#include "http/http.h"
#include "policy/policy.h"
#include "repo/mounts.h"
#include "store/store.h"
#include "work/lane.h"

struct serve;

struct serve_options {
    struct mounts *mounts;
    struct store *store; /* the one in data_dir */
    struct access *access;
    struct lane *upstream_lane;
    struct lane *vcs_lane;
    struct lane *admin_lane;
    struct lane *publish_lane; /* has room for two jobs of each upload */
    unsigned max_uploads;      /* that arrive at the same time */
    unsigned loops;            /* as http_server_loops() will be */
    uint64_t memory_bytes;     /* of the memory cache, shared out over the loops */
    bool has_access_log;
    const char *vulndb_dir;       /* of the vulnerability database that is served, if it is there */
    struct slice signing_key_pem; /* public, of whoever signs what is stored; empty: nobody does */
};

/* All that the options name outlives the serve. [any] */
struct serve *serve_new(const struct serve_options *o);
/* After http_server_free(). */
void serve_free(struct serve *s);
/* The server whose figures /metrics shows; set before it starts. [any] */
void serve_set_server(struct serve *s, struct http_server *server);
/* From now on /readyz says no. [any] */
void serve_set_draining(struct serve *s);
/* [any] */
void serve_set_access_log(struct serve *s, bool is_on);
/* What the loops have in memory was allowed under old settings: look at it anew. [any] */
void serve_forget(struct serve *s);
/* The table of mounts was replaced: as above, and no loop keeps the old one. [any but a loop] */
void serve_take_up_mounts(struct serve *s);
/*
 * The host names and path prefixes (separated by commas) for which ?go-get=1 is answered, and the
 * URL that the answer names. Copied. [any]
 */
void serve_set_vanity(struct serve *s, const char *prefixes, const char *public_url);
/* Whether /metrics is for anyone when reading must be allowed. [any] */
void serve_set_open_metrics(struct serve *s, bool is_open);
/*
 * The rules from now on; those of before stay in use by what is under way. The policy lies in the
 * arena, which is on the heap and is taken over; both NULL: no rules. is_report: nothing is
 * refused, what would have been is logged and counted. What changed is logged. [any]
 */
void serve_set_policy(struct serve *s, struct arena *owner, const struct policy *policy,
                      bool is_report);
/* What /readyz adds about the last reload; NULL = it went well. [any] */
void serve_set_reload_error(struct serve *s, const char *text);
/* Size of one zip that is published. [any] */
void serve_set_publish_max(struct serve *s, uint64_t max_bytes);
/* For http_options: arg is the serve. [loop] */
void serve_header(void *serve, struct http_request *req);
void serve_handle(void *serve, struct http_request *req);
void serve_done(void *serve, struct http_request *req, const struct http_done *done);

#endif
