/*
 * modgate warm: fetches, verifies and stores what files name, many at a time, so that builds find
 * it. It works on the store itself: a gateway may run on the same store meanwhile.
 */
#include "cli/cli.h"
#include "cli/settings_args.h"
#include "cli/warm_items.h"
#include "cli/wire.h"

#include "base/ctx.h"
#include "base/file.h"

#include "ops/log.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { DEFAULT_JOBS = 32, MAX_JOBS = 256, PROGRESS_MS = 100 };

struct warm {
    struct mounts *mounts;
    struct mount_table *table;
    const struct mount *mount; /* of the table */
    struct store *store;
    struct sign_key *signer;
    size_t total;
    bool shows_progress;
    json_t *failures; /* of --json; else NULL */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t done, fetched, failed;
    uint64_t bytes;
};

struct warm_job {
    struct job job;
    struct warm *warm;
    const struct warm_item *item;
};

struct got {
    bool was_fetched;
    uint64_t bytes;
};

static struct error *get(struct warm *w, struct ctx *cx, const struct warm_item *item,
                         const char *ext, struct slice want_h1, struct got *got)
{
    struct question q;
    struct repo_answer answer;
    struct slice path, version;
    TRY(module_escape_path(cx->arena, item->mv.path, &path));
    TRY(module_escape_version(cx->arena, item->mv.version, &version));
    TRY(question_parse(
        cx->arena,
        arena_printf(cx->arena, "/%.*s/@v/%.*s.%s", SLICE_ARG(path), SLICE_ARG(version), ext), &q));
    TRY(mount_lookup(w->mount, cx->arena, &q, &answer));
    if (answer.freshness == REPO_MISSING) {
        TRY(mount_get(w->mount, cx, &q, &answer));
        got->was_fetched = true;
        got->bytes += answer.size;
    }
    fd_cleanup(&answer.fd);
    if (want_h1.n && slice_starts(answer.etag, S("h1:")) && !slice_eq(want_h1, answer.etag))
        return error_new(cx->arena, STATUS_MISMATCH, "the %s is %s, go.sum says %.*s", ext,
                         answer.etag.p, SLICE_ARG(want_h1));
    return answer.status == 200
               ? NULL
               : error_new(cx->arena, STATUS_NOT_FOUND, "%.*s", SLICE_ARG(answer.body));
}

static struct error *fetch_item(struct warm *w, struct ctx *cx, const struct warm_item *item,
                                struct got *got)
{
    TRY(get(w, cx, item, "info", S(""), got));
    TRY(get(w, cx, item, "mod", item->mod_h1, got));
    return item->wants_zip ? get(w, cx, item, "zip", item->zip_h1, got) : NULL;
}

static void report_failure(struct warm *w, const struct warm_item *item, const struct error *err)
{
    BUF_SCOPED(why);
    error_chain_to(&why, err);
    if (w->failures)
        json_array_append_new(w->failures,
                              json_pack("{s:s%, s:s%, s:s%}", "module", item->mv.path.p,
                                        item->mv.path.n, "version", item->mv.version.p,
                                        item->mv.version.n, "error", why.p, why.n));
    else
        fprintf(stderr, "%s%.*s@%.*s: %s\n", w->shows_progress ? "\r\033[K" : "",
                SLICE_ARG(item->mv.path), SLICE_ARG(item->mv.version), why.p);
}

static void run_item(struct job *job)
{
    struct warm_job *j = (struct warm_job *)job;
    struct warm *w = j->warm;
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct got got = {0};
    struct error *err = fetch_item(w, &cx, j->item, &got);
    pthread_mutex_lock(&w->lock);
    if (err)
        report_failure(w, j->item, err);
    w->done++;
    w->failed += err != NULL;
    w->fetched += !err && got.was_fetched;
    w->bytes += got.bytes;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    arena_release(&a);
}

/* "[#######.....] 123/200  45.6 MB": called with the lock held. */
static void print_progress(const struct warm *w)
{
    char bar[31];
    size_t full = w->total ? 30 * w->done / w->total : 30;
    memset(bar, '.', 30);
    memset(bar, '#', full);
    bar[30] = '\0';
    fprintf(stderr, "\r\033[K[%s] %zu/%zu  %.1f MB%s", bar, w->done, w->total,
            (double)w->bytes / 1e6, w->failed ? "  (some failed)" : "");
    fflush(stderr);
}

static void wait_for_all(struct warm *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->done < w->total) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PROGRESS_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&w->changed, &w->lock, &until);
        if (w->shows_progress)
            print_progress(w);
    }
    if (w->shows_progress)
        fputs("\r\033[K", stderr);
    pthread_mutex_unlock(&w->lock);
}

static void fetch_all(struct warm *w, struct lane *lane, const struct warm_items *items)
{
    struct warm_job *jobs = xcalloc(items->count, sizeof(*jobs));
    for (size_t i = 0; i < items->count; i++) {
        jobs[i] = (struct warm_job){.job.run = run_item, .warm = w, .item = &items->items[i]};
        if (!lane_submit(lane, &jobs[i].job, LANE_INTERACTIVE))
            run_item(&jobs[i].job); /* no thread could be started: then one after the other */
    }
    wait_for_all(w);
    mounts_cancel(w->mounts); /* what goes on in the background is for a daemon */
    lane_close(lane);
    free(jobs);
}

static void print_summary(const struct warm *w, int64_t elapsed_ms)
{
    size_t stored = w->done - w->fetched - w->failed;
    if (w->failures) {
        json_t *doc = json_pack("{s:I, s:I, s:I, s:I, s:f, s:O}", "versions", (json_int_t)w->done,
                                "fetched", (json_int_t)w->fetched, "already_stored",
                                (json_int_t)stored, "bytes", (json_int_t)w->bytes, "seconds",
                                (double)elapsed_ms / 1e3, "failures", w->failures);
        json_dumpf(doc, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(doc);
        return;
    }
    printf("%zu versions: %zu fetched (%.1f MB), %zu already stored, %zu failed, in %.1f s\n",
           w->done, w->fetched, (double)w->bytes / 1e6, stored, w->failed,
           (double)elapsed_ms / 1e3);
}

static struct error *open_mount(struct arena *a, const struct settings *s, const char *name,
                                struct lane *lane, struct warm *w)
{
    TRY(wire_signer(a, s, &w->signer));
    TRY(wire_store(a, s, &w->store));
    w->mounts = mounts_new(&(struct mounts_options){.root = w->store,
                                                    .upstream_lane = lane,
                                                    .vcs_lane = lane,
                                                    .admin_lane = lane,
                                                    .signer = w->signer});
    TRY(wire_mounts(a, s, w->mounts));
    w->table = mounts_take(w->mounts);
    w->mount = mount_find(w->table, slice_of(name));
    return w->mount ? NULL : error_new(a, STATUS_BAD_USAGE, "there is no repository '%s'", name);
}

static int warm(struct arena *a, const struct settings *s, const struct warm_items *items,
                const char *repository, unsigned jobs, bool is_json)
{
    struct warm w = {.total = items->count, .shows_progress = !is_json && isatty(STDERR_FILENO)};
    struct lane *lane = lane_new(&(struct lane_options){
        .name = "warm", .max_threads = jobs, .max_queued = (unsigned)items->count + 1});
    int64_t started_ms = now_ms();
    struct error *err = open_mount(a, s, repository, lane, &w);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.changed, NULL);
    if (is_json)
        w.failures = json_array();
    if (err)
        lane_close(lane);
    else
        fetch_all(&w, lane, items);
    mount_table_drop(w.table);
    mounts_free(w.mounts);
    store_close(w.store);
    sign_key_free(w.signer);
    if (!err)
        print_summary(&w, now_ms() - started_ms);
    json_decref(w.failures);
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.lock);
    return err ? cli_fail("warm", err) : w.failed ? EXIT_FOUND : EXIT_FINE;
}

static struct error *prepare(struct arena *a, struct settings_args *args, int operands, char **argv,
                             struct settings *s, struct warm_items *items)
{
    TRY(settings_args_load(a, args, s));
    for (int i = 0; i < operands; i++)
        TRY(warm_items_add(a, items, argv[1 + i]));
    warm_items_finish(items);
    return NULL;
}

int cmd_warm(int argc, char **argv)
{
    const char *jobs_text = NULL, *json = NULL, *repository = NULL;
    const struct cli_option options[] = {
        {"jobs", 'j', "N", "how many at a time (32)", &jobs_text},
        {"json", 0, NULL, "print the summary as JSON", &json},
        {"repository", 0, "NAME", "repository or group to fetch through (the one at /)",
         &repository},
    };
    struct settings_args args = {0};
    int operands = settings_args_parse(&args, argc, argv,
                                       "modgate warm [options] go.sum|go.mod|LIST|PATH@VERSION…",
                                       options, ARRAY_LEN(options));
    uint64_t jobs = DEFAULT_JOBS;
    if (operands == 0)
        return cli_usage_error(argv[0], "name a go.sum, go.mod or list, or a path@version");
    if (jobs_text && (!slice_parse_u64(slice_of(jobs_text), &jobs) || jobs < 1 || jobs > MAX_JOBS))
        return cli_usage_error(argv[0], "--jobs takes a number from 1 to %d", MAX_JOBS);
    struct arena a = ARENA_INIT;
    struct settings s;
    struct warm_items items = {0};
    struct error *err = prepare(&a, &args, operands, argv, &s, &items);
    int code =
        err ? cli_fail(argv[0], err)
            : warm(&a, &s, &items, repository ? repository : "", (unsigned)jobs, json != NULL);
    warm_items_release(&items);
    arena_release(&a);
    return code;
}
