/* modgate verify: a store, a module cache, a vendor folder, a go.sum. See verify.h. */
#include "base/ctx.h"
#include "base/file.h"
#include "cli/settings_args.h"
#include "cli/verify_target.h"
#include "cli/wire.h"

#include <stdio.h>

static const char usage[] =
    "modgate verify [options] STORE|GOMODCACHE|vendor|go.sum…\n"
    "       modgate verify [options] --repository NAME [--config-file FILE]\n\n"
    "Checks every file: zips by Go's rules and against their .ziphash, extracted folders against\n"
    "the zips, .mod and .info against what they belong to, all of it against a go.sum. Exits 0\n"
    "when all is well, 1 when something is wrong.";

struct run {
    struct arena a;
    struct verify_options options;
    struct verify_report report;
    struct verify_list list;
    const struct gosum *go_sum; /* of --go-sum; NULL: not given */
};

static struct error *read_go_sum(struct run *r, const char *path, struct gosum *sum)
{
    struct slice text;
    TRY(file_read(&r->a, path, GOSUM_MAX_BYTES, &text));
    return gosum_parse(&r->a, slice_of(path), text, sum);
}

/* The tree that go.sum and vendor folders are compared with. */
static struct verify_tree *reference_tree(struct run *r)
{
    return target_tree(&r->a, r->options.store ? r->options.store : target_modcache(&r->a));
}

static struct error *list_store(struct run *r, const char *dir)
{
    struct verify_tree *partial = target_partial_tree(&r->a, dir);
    TRY(verify_list_tree(&r->a, &r->report, target_tree(&r->a, dir), &r->list));
    if (partial)
        TRY(verify_list_tree(&r->a, &r->report, partial, &r->list));
    return verify_mark_unfinished(&r->a, dir, &r->list);
}

static struct error *list_go_sum(struct run *r, const char *path)
{
    struct gosum *sum = ARENA_NEW(&r->a, struct gosum);
    TRY(read_go_sum(r, path, sum));
    return verify_list_gosum(&r->a, &r->report, path, reference_tree(r), sum, &r->list);
}

static struct error *take_target(struct run *r, const char *path)
{
    enum target_kind kind;
    TRY(target_recognize(&r->a, path, &kind));
    switch (kind) {
    case TARGET_STORE:
        return list_store(r, path);
    case TARGET_MODCACHE:
        return verify_list_tree(&r->a, &r->report, target_tree(&r->a, path), &r->list);
    case TARGET_VENDOR:
        return verify_list_vendor(&r->a, &r->report, path, reference_tree(r), &r->list);
    default:
        return list_go_sum(r, path);
    }
}

static struct error *run_verify(struct run *r, char **targets, int count)
{
    if (r->options.go_sum) {
        struct gosum *sum = ARENA_NEW(&r->a, struct gosum);
        TRY(read_go_sum(r, r->options.go_sum, sum));
        r->go_sum = sum;
    }
    for (int i = 0; i < count; i++)
        TRY(take_target(r, targets[i]));
    verify_run(&r->list, &r->report, r->go_sum, r->options.jobs);
    return r->options.purge ? verify_purge(&r->a, &r->list) : NULL;
}

static int report(struct run *r, const struct error *err, int64_t start_ns)
{
    double seconds = (double)(now_ns() - start_ns) / 1e9;
    if (err) {
        int code = cli_fail("verify", err);
        return err->status == STATUS_BAD_USAGE ? EXIT_USAGE : code;
    }
    verify_report_sort(&r->report);
    if (r->options.json)
        verify_report_json(&r->report, seconds);
    else
        verify_report_text(&r->report, seconds);
    return verify_report_bad(&r->report) ? EXIT_FOUND : EXIT_FINE;
}

/* The store of a repository in the settings, as one more target. */
static struct error *repository_store(struct arena *a, const char *name, const char *config_file,
                                      const char **dir)
{
    struct settings s;
    const struct setting_repository *r;
    const struct settings_args sa = {.config_file = config_file};
    TRY(settings_args_load(a, &sa, &s));
    TRY(wire_find(a, &s, name, &r));
    *dir = wire_folder(a, &s, r);
    return NULL;
}

static struct error *run_all(struct run *r, char **targets, int count, const char *repository,
                             const char *config_file)
{
    if (repository) {
        const char *dir;
        TRY(repository_store(&r->a, repository, config_file, &dir));
        TRY(take_target(r, dir));
    }
    return run_verify(r, targets, count);
}

static bool parse_jobs(const char *text, unsigned *jobs)
{
    uint64_t n;
    *jobs = usable_cores();
    if (!text)
        return true;
    if (!slice_parse_u64(slice_of(text), &n) || n < 1 || n > 256)
        return false;
    *jobs = (unsigned)n;
    return true;
}

int cmd_verify(int argc, char **argv)
{
    int64_t start_ns = now_ns();
    const char *json = NULL, *purge = NULL, *jobs = NULL, *go_sum = NULL, *store = NULL;
    const char *repository = NULL, *config_file = NULL;
    const struct cli_option options[] = {
        {"json", 0, NULL, "print one JSON document", &json},
        {"purge", 0, NULL, "remove bad versions with all their files", &purge},
        {"jobs", 'j', "N", "threads (default: one for each core)", &jobs},
        {"go-sum", 0, "FILE", "compare with this go.sum too", &go_sum},
        {"store", 0, "DIR", "where a go.sum's or vendor folder's modules lie (else $GOMODCACHE)",
         &store},
        {"repository", 0, "NAME", "verify the store of this repository of the settings",
         &repository},
        {"config-file", 0, "FILE", "the settings, for --repository", &config_file},
    };
    int n = cli_parse(argc, argv, usage, options, ARRAY_LEN(options));
    struct run r = {.options = {.json = json, .purge = purge, .go_sum = go_sum, .store = store}};
    if (n == 0 && !repository)
        return cli_usage_error(argv[0], "nothing to verify");
    if (!parse_jobs(jobs, &r.options.jobs))
        return cli_usage_error(argv[0], "--jobs takes a number from 1 to 256, not '%s'", jobs);
    verify_report_init(&r.report);
    struct error *err = run_all(&r, argv + 1, n, repository, config_file);
    int code = report(&r, err, start_ns);
    free(r.list.versions);
    verify_report_release(&r.report);
    arena_release(&r.a);
    return code;
}
