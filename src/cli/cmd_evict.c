/* modgate evict: drops the least recently used versions of a store until it is small enough. */
#include "cli/cli.h"
#include "cli/settings_args.h"
#include "cli/wire.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

struct evict_run {
    struct arena arena;
    uint64_t target_bytes;
    bool is_dry_run;
    json_t *versions; /* NULL: lines for people */
    uint64_t count;
};

static void print_version(struct evict_run *run, struct module_version mv, uint64_t size_bytes,
                          int64_t last_use_unix_s)
{
    struct slice size = config_format_bytes(&run->arena, size_bytes);
    struct slice used = time_rfc3339(&run->arena, last_use_unix_s);
    printf("%.*s@%.*s\t%.*s\tlast used %.*s\n", SLICE_ARG(mv.path), SLICE_ARG(mv.version),
           SLICE_ARG(size), SLICE_ARG(used));
}

static void note_version(void *arg, struct module_version mv, uint64_t size_bytes,
                         int64_t last_use_unix_s)
{
    struct evict_run *run = arg;
    run->count++;
    if (!run->versions) {
        print_version(run, mv, size_bytes, last_use_unix_s);
        return;
    }
    json_t *o = json_object();
    json_object_set_new(o, "path", json_stringn(mv.path.p, mv.path.n));
    json_object_set_new(o, "version", json_stringn(mv.version.p, mv.version.n));
    json_object_set_new(o, "bytes", json_integer((json_int_t)size_bytes));
    json_object_set_new(o, "last_use", json_string(time_rfc3339(&run->arena, last_use_unix_s).p));
    json_array_append_new(run->versions, o);
}

static void print_json(struct evict_run *run, uint64_t freed_bytes, uint64_t left_bytes)
{
    json_t *o = json_object();
    json_object_set_new(o, "dry_run", json_boolean(run->is_dry_run));
    json_object_set_new(o, "versions", json_incref(run->versions));
    json_object_set_new(o, "freed_bytes", json_integer((json_int_t)freed_bytes));
    json_object_set_new(o, "store_bytes", json_integer((json_int_t)left_bytes));
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    puts(text);
    free(text);
    json_decref(o);
}

static void print_summary(struct evict_run *run, uint64_t freed_bytes, uint64_t left_bytes)
{
    struct slice freed = config_format_bytes(&run->arena, freed_bytes);
    struct slice left = config_format_bytes(&run->arena, left_bytes);
    printf("%s %" PRIu64 " versions, %.*s; the store has %.*s\n",
           run->is_dry_run ? "would drop" : "dropped", run->count, SLICE_ARG(freed),
           SLICE_ARG(left));
}

static struct error *evict(struct evict_run *run, const char *dir)
{
    struct store *s;
    uint64_t freed_bytes;
    struct ctx cx = {.arena = &run->arena};
    /* Opening makes what is not there; a mistyped folder must not become a store. */
    const char *tree = arena_printf(&run->arena, "%s/cache/download", dir).p;
    if (access(tree, F_OK) < 0)
        return error_new(&run->arena, STATUS_BAD_USAGE, "%s is no store: it has no cache/download",
                         dir);
    TRY(store_open(&run->arena, &(struct store_options){.dir = dir}, &s));
    struct error *err =
        store_evict(s, &cx, run->target_bytes, run->is_dry_run, note_version, run, &freed_bytes);
    uint64_t left_bytes = store_bytes(s);
    store_close(s);
    if (run->versions)
        print_json(run, freed_bytes, left_bytes);
    else if (!err)
        print_summary(run, freed_bytes, left_bytes);
    return err;
}

/* What --max-size says, else max_size of the repository, else the setting store.max_size. */
static struct error *find_target(struct evict_run *run, const char *max_size,
                                 const struct settings *s, const struct setting_repository *r)
{
    if (max_size)
        return config_parse_bytes(&run->arena, slice_of(max_size), &run->target_bytes);
    run->target_bytes = r && r->max_size_origin ? r->max_size : s->store_max_size;
    if (run->target_bytes == 0)
        return error_new(&run->arena, STATUS_BAD_USAGE,
                         "no size is set: give --max-size, or set store.max_size");
    return NULL;
}

static struct error *run_evict(struct evict_run *run, const struct settings_args *sa,
                               const char *max_size, const char *repository)
{
    struct settings s;
    const struct setting_repository *r = NULL;
    TRY(settings_args_load(&run->arena, sa, &s));
    if (repository)
        TRY(wire_find(&run->arena, &s, repository, &r));
    TRY(find_target(run, max_size, &s, r));
    if (!s.data_dir[0])
        return error_new(&run->arena, STATUS_BAD_USAGE, "no store is named: give --data-dir");
    return evict(run, r ? wire_folder(&run->arena, &s, r) : s.data_dir);
}

static int report(struct evict_run *run, const char *command, const struct error *err)
{
    if (err->status == STATUS_BAD_USAGE || err->status == STATUS_BAD_CONFIG)
        return cli_usage_error(command, "%s", error_chain(&run->arena, err).p);
    return cli_fail(command, err);
}

int cmd_evict(int argc, char **argv)
{
    struct settings_args sa = {0};
    struct evict_run run = {.arena = ARENA_INIT};
    const char *max_size = NULL, *dry_run = NULL, *as_json = NULL, *repository = NULL;
    const struct cli_option own[] = {
        {"max-size", 0, "SIZE", "Size to come down to (10GiB, 500MB); else store.max_size.",
         &max_size},
        {"repository", 0, "NAME", "The repository whose store it is; else the one in data_dir.",
         &repository},
        {"dry-run", 'n', NULL, "Say what would be dropped, and drop nothing.", &dry_run},
        {"json", 0, NULL,
         "Print {\"dry_run\":…,\"versions\":[{\"path\":…,\"version\":…,\"bytes\":…,"
         "\"last_use\":…}],\"freed_bytes\":…,\"store_bytes\":…}.",
         &as_json},
    };
    if (settings_args_parse(&sa, argc, argv, "modgate evict [options]", own, ARRAY_LEN(own)))
        return cli_usage_error(argv[0], "takes no operand; name a store with --data-dir");
    run.is_dry_run = dry_run != NULL;
    run.versions = as_json ? json_array() : NULL;
    struct error *err = run_evict(&run, &sa, max_size, repository);
    int code = err ? report(&run, argv[0], err) : EXIT_FINE;
    json_decref(run.versions);
    arena_release(&run.arena);
    return code;
}
