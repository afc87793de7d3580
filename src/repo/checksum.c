/*
 * The rule is the go command's, kept on behalf of all clients: a public version has the hashes that
 * the database has of it, or it is not served. A version that the database cannot find is refused
 * too, as go would: the mirror's word alone is not enough.
 *
 * A database that cannot be asked decides nothing. Then what is new is held back with 503, or, if
 * the setting sumdb_unreachable says serve-unverified, stored with a mark and checked later
 * (recheck.c).
 */
#include "repo/checksum.h"

#include "ops/audit.h"
#include "ops/log.h"
#include "ops/metrics.h"

enum { ASK_STACK_BYTES = 512 << 10 };

static bool is_exempt(const struct resolve *r, struct module_version mv)
{
    return r->set->relay_count == 0 || path_is_private(r->set, mv.path);
}

/* The database itself is at fault, or somebody between: waiting does not help. */
static bool is_untrue(const struct error *err)
{
    return status_class(err->status) == CLASS_INTEGRITY;
}

static struct error *hold(struct resolve *r, struct module_version mv, const struct database *db,
                          const struct error *cause)
{
    return error_as(r->cx->arena, STATUS_SUMDB_DOWN, cause,
                    "%.*s@%.*s is new here and held back: %.*s cannot be asked about it (setting "
                    "sumdb_unreachable: hold)",
                    SLICE_ARG(mv.path), SLICE_ARG(mv.version), SLICE_ARG(db->name));
}

static struct error *refuse_unknown(struct resolve *r, struct module_version mv,
                                    const struct error *cause)
{
    return error_as(r->cx->arena, STATUS_DENIED, cause,
                    "no checksum database knows %.*s@%.*s (a private module belongs into the "
                    "setting 'private')",
                    SLICE_ARG(mv.path), SLICE_ARG(mv.version));
}

struct error *checksums_find(struct resolve *r, struct module_version mv, struct checksums *out)
{
    struct error *absent = NULL;
    *out = (struct checksums){0};
    if (is_exempt(r, mv))
        return NULL;
    for (size_t i = 0; i < r->set->relay_count; i++) {
        struct relay *relay = &r->set->relays[i];
        struct error *err = relay_record(r, relay, mv, &out->record);
        out->db = err ? NULL : relay->db;
        if (!err || is_untrue(err) || err->status == STATUS_CANCELLED)
            return err;
        if (status_class(err->status) != CLASS_ABSENT) {
            out->is_doubtful = r->set->s.may_serve_unverified;
            return out->is_doubtful ? NULL : hold(r, mv, relay->db, err);
        }
        absent = err;
    }
    return refuse_unknown(r, mv, absent);
}

/* ---- beside a download ---- */

struct checksum_ask {
    pthread_t thread;
    atomic_bool is_dropped;
    struct arena arena;
    struct ctx cx;
    struct resolve r;
    struct module_version mv;
    struct checksums sums;
    struct error *err;
};

static void *run_ask(void *arg)
{
    struct checksum_ask *ask = arg;
    ask->err = checksums_find(&ask->r, ask->mv, &ask->sums);
    return NULL;
}

static bool is_at_hand(struct resolve *r, struct module_version mv)
{
    bool found = false;
    struct sumdb_record record;
    if (is_exempt(r, mv))
        return true;
    struct error *err = database_record(r->set->relays[0].db, r->cx->arena, mv, &found, &record);
    return !err && found;
}

struct checksum_ask *checksum_ask_start(struct resolve *r, struct module_version mv)
{
    if (is_at_hand(r, mv))
        return NULL;
    pthread_attr_t attr;
    struct checksum_ask *ask = xcalloc(1, sizeof(*ask));
    ask->cx = *r->cx;
    ask->cx.arena = &ask->arena;
    ask->cx.cancelled = &ask->is_dropped;
    ask->r = *r;
    ask->r.cx = &ask->cx;
    ask->mv = mv;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, ASK_STACK_BYTES);
    bool is_started = pthread_create(&ask->thread, &attr, run_ask, ask) == 0;
    pthread_attr_destroy(&attr);
    if (is_started)
        return ask;
    free(ask);
    return NULL; /* it is asked afterwards */
}

static void end_ask(struct checksum_ask *ask)
{
    arena_release(&ask->arena);
    free(ask);
}

void checksum_ask_drop(struct checksum_ask *ask)
{
    if (!ask)
        return;
    atomic_store(&ask->is_dropped, true);
    pthread_join(ask->thread, NULL);
    end_ask(ask);
}

struct error *checksum_ask_wait(struct resolve *r, struct module_version mv,
                                struct checksum_ask *ask, struct checksums *out)
{
    struct arena *a = r->cx->arena;
    if (!ask)
        return checksums_find(r, mv, out);
    pthread_join(ask->thread, NULL);
    struct error *err = error_dup(a, ask->err);
    *out = ask->sums;
    struct sumdb_record *record = &out->record;
    record->text = arena_dup(a, record->text);
    record->zip_h1 = arena_dup(a, record->zip_h1);
    record->go_mod_h1 = arena_dup(a, record->go_mod_h1);
    end_ask(ask);
    return err;
}

/* ---- comparing ---- */

static const char *name_of(enum artefact what)
{
    return what == ARTEFACT_ZIP ? "the zip" : "the go.mod";
}

static struct slice wanted(const struct checksums *sums, enum artefact what)
{
    return what == ARTEFACT_ZIP ? sums->record.zip_h1 : sums->record.go_mod_h1;
}

struct error *checksum_compare(struct arena *a, const struct checksums *sums,
                               const struct suspect *s)
{
    if (!sums->db || slice_eq(wanted(sums, s->what), slice_of(s->h1)))
        return NULL;
    return error_new(a, STATUS_MISMATCH, "%s of %.*s@%.*s from %.*s has %s, but %.*s says %.*s",
                     name_of(s->what), SLICE_ARG(s->mv.path), SLICE_ARG(s->mv.version),
                     SLICE_ARG(s->origin), s->h1, SLICE_ARG(sums->db->name),
                     SLICE_ARG(wanted(sums, s->what)));
}

struct slice checksum_evidence(struct arena *a, const struct checksums *sums,
                               const struct suspect *s, const struct error *err)
{
    return arena_printf(a,
                        "%s\n\nmodule: %.*s\nversion: %.*s\nfrom: %.*s\nseen: %s\nhash: %s\n"
                        "hash in the database: %.*s\n\nrecord %" PRIu64 " of %.*s:\n%.*s\nsigned "
                        "head:\n%.*s",
                        error_chain(a, err).p, SLICE_ARG(s->mv.path), SLICE_ARG(s->mv.version),
                        SLICE_ARG(s->origin), time_rfc3339(a, now_unix_s()).p, s->h1,
                        SLICE_ARG(wanted(sums, s->what)), sums->record.id,
                        SLICE_ARG(sums->db->name), SLICE_ARG(sums->record.text),
                        SLICE_ARG(database_head(sums->db, a).note));
}

/* The asker is refused whether or not it can be recorded. */
static void record_quarantine(const struct suspect *s, const struct error *err)
{
    struct arena a = ARENA_INIT;
    struct error *unrecorded =
        audit_event_durable(&a, &(struct audit_record){
                                    .event = AUDIT_QUARANTINE,
                                    .module = s->mv.path,
                                    .version = s->mv.version,
                                    .h1 = slice_of(s->h1),
                                    .artefact = s->what == ARTEFACT_ZIP ? S("zip") : S("mod"),
                                    .outcome = S("refused"),
                                    .detail = error_chain(&a, err),
                                });
    if (unrecorded)
        log_error(LOG_ERROR, "a quarantine was not recorded", unrecorded, NULL, 0);
    arena_release(&a);
}

void checksum_report(const struct suspect *s, const struct error *err, const struct error *kept_err)
{
    metric_add(METRIC_CHECKSUM_MISMATCH, 1);
    log_error(LOG_ERROR, "SECURITY: refused: not what the checksum database says", err,
              (struct log_field[]){LOG_STR("module", s->mv.path), LOG_STR("version", s->mv.version),
                                   LOG_STR("hash", slice_of(s->h1)), LOG_STR("from", s->origin)},
              4);
    record_quarantine(s, err);
    if (kept_err)
        log_error(LOG_WARN, "what was refused was not put into the quarantine", kept_err, NULL, 0);
}
