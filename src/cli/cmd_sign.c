/*
 * modgate sign: signs what is stored already: versions that came before signing was set, and all of
 * them once more when the key was replaced. A gateway may run on the same store meanwhile.
 */
#include "cli/cli.h"
#include "cli/settings_args.h"
#include "cli/walk.h"
#include "cli/wire.h"

#include "base/ctx.h"

#include "repo/signature.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

struct sign_run {
    struct store *store;
    struct sign_key *signer;
    struct module_version *names; /* none: all */
    bool *is_found;
    size_t name_count;
    bool is_again, is_json;
    uint64_t signed_count, kept_count, failed_count;
};

static void print_json(struct module_version mv, const char *outcome, struct slice why)
{
    json_t *o = json_object();
    json_object_set_new(o, "module", json_stringn(mv.path.p, mv.path.n));
    json_object_set_new(o, "version", json_stringn(mv.version.p, mv.version.n));
    json_object_set_new(o, "outcome", json_string(outcome));
    if (why.n)
        json_object_set_new(o, "error", json_stringn(why.p, why.n));
    char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
    puts(text);
    free(text);
    json_decref(o);
}

static void report(struct sign_run *run, struct module_version mv, const char *outcome,
                   struct slice why)
{
    if (run->is_json)
        print_json(mv, outcome, why);
    else if (why.n)
        fprintf(stderr, "modgate sign: %.*s@%.*s: %.*s\n", SLICE_ARG(mv.path),
                SLICE_ARG(mv.version), SLICE_ARG(why));
    else
        printf("%s\t%.*s@%.*s\n", outcome, SLICE_ARG(mv.path), SLICE_ARG(mv.version));
}

static struct error *sign_version(struct sign_run *run, struct ctx *cx, struct module_version mv)
{
    struct slice text;
    enum signature_state state;
    TRY(signature_look(run->store, cx, sign_key_public(run->signer), mv, &state, &text));
    if (state == SIGNATURE_OURS || (state == SIGNATURE_FOREIGN && !run->is_again)) {
        run->kept_count++;
        report(run, mv, state == SIGNATURE_OURS ? "signed before" : "signed by another key", S(""));
        return NULL;
    }
    TRY(signature_renew(run->store, cx, run->signer, mv, &text));
    run->signed_count++;
    report(run, mv, "signed", S(""));
    return NULL;
}

/* A version that cannot be signed does not keep the others from it. */
static void sign_one(struct sign_run *run, struct module_version mv)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct error *err = sign_version(run, &cx, mv);
    if (err) {
        run->failed_count++;
        report(run, mv, "failed", error_chain(&a, err));
    }
    arena_release(&a);
}

static struct error *sign_found(void *arg, struct arena *a, const struct walk_entry *e, bool *skip)
{
    struct module_version mv;
    ptrdiff_t at = slice_find_slice(e->path, S("/@v/"));
    if (e->kind != WALK_FILE || at < 0 || !slice_ends(e->path, S(".info")))
        return NULL;
    struct slice version = slice_skip(e->path, (size_t)at + 4);
    version.n -= strlen(".info");
    if (!module_unescape_path(a, slice_head(e->path, (size_t)at), &mv.path) &&
        !module_unescape_version(a, version, &mv.version))
        sign_one(arg, mv);
    return NULL;
}

/* Whether the store has it; absence is told of when no store had it. */
static bool has_zip(struct sign_run *run, struct module_version mv)
{
    bool found = false;
    struct arena a = ARENA_INIT;
    struct store_object o;
    struct error *err = store_get(run->store, &a, mv, ARTEFACT_ZIP, &found, &o);
    if (!err && found)
        close(o.fd);
    arena_release(&a);
    return !err && found;
}

static void sign_named(struct sign_run *run)
{
    for (size_t i = 0; i < run->name_count; i++) {
        if (!has_zip(run, run->names[i]))
            continue;
        run->is_found[i] = true;
        sign_one(run, run->names[i]);
    }
}

static void report_missing(struct sign_run *run)
{
    for (size_t i = 0; i < run->name_count; i++) {
        if (run->is_found[i])
            continue;
        run->failed_count++;
        report(run, run->names[i], "failed", S("it is not stored here"));
    }
}

static struct error *sign_store(struct sign_run *run, struct arena *a, const char *dir)
{
    /* Opening makes what is not there; a mistyped folder must not become a store. */
    const char *tree = arena_printf(a, "%s/cache/download", dir).p;
    if (access(tree, F_OK) < 0)
        return error_new(a, STATUS_BAD_USAGE, "%s is no store: it has no cache/download", dir);
    TRY_CTX(a, store_open(a, &(struct store_options){.dir = dir}, &run->store),
            "opening the store in %s", dir);
    struct error *err = NULL;
    if (run->name_count)
        sign_named(run);
    else
        err = walk(a, store_tree(run->store), sign_found, run);
    store_close(run->store);
    return err;
}

/* The one that is named; else all that have a store. One that nothing was stored in is no fault. */
static struct error *sign_stores(struct sign_run *run, struct arena *a, const struct settings *s,
                                 const char *repository)
{
    const struct setting_repository *r;
    if (repository) {
        TRY(wire_find(a, s, repository, &r));
        return sign_store(run, a, wire_folder(a, s, r));
    }
    for (size_t i = 0; i < s->repositories.count; i++) {
        r = &s->repositories.rows[i];
        const char *dir = wire_folder(a, s, r);
        const char *tree = arena_printf(a, "%s/cache/download", dir).p;
        if (strcmp(r->kind, "group") != 0 && access(tree, F_OK) == 0)
            TRY(sign_store(run, a, dir));
    }
    return s->repositories.count ? NULL : sign_store(run, a, s->data_dir);
}

static struct error *parse_names(struct sign_run *run, struct arena *a, char *const *names,
                                 int count)
{
    run->names = ARENA_ARRAY(a, struct module_version, (size_t)count);
    run->is_found = ARENA_ARRAY(a, bool, (size_t)count);
    for (int i = 0; i < count; i++) {
        struct slice name = slice_of(names[i]);
        ptrdiff_t at = slice_rfind(name, '@');
        if (at <= 0)
            return error_new(a, STATUS_BAD_USAGE, "'%s' is no MODULE@VERSION", names[i]);
        run->names[run->name_count++] =
            (struct module_version){slice_head(name, (size_t)at), slice_skip(name, (size_t)at + 1)};
    }
    return NULL;
}

static struct error *run_sign(struct sign_run *run, struct arena *a, const struct settings_args *sa,
                              const char *repository)
{
    struct settings s;
    TRY(settings_args_load(a, sa, &s));
    if (!s.signing_key[0])
        return error_new(a, STATUS_BAD_USAGE, "no key is set: give --signing-key FILE");
    TRY(wire_signer(a, &s, &run->signer));
    TRY(sign_stores(run, a, &s, repository));
    report_missing(run);
    return NULL;
}

static int finish(struct sign_run *run, struct arena *a, const struct error *err)
{
    sign_key_free(run->signer);
    if (err && (err->status == STATUS_BAD_USAGE || err->status == STATUS_BAD_CONFIG))
        return cli_usage_error("sign", "%s", error_chain(a, err).p);
    if (err)
        return cli_fail("sign", err);
    if (!run->is_json)
        fprintf(stderr, "%" PRIu64 " signed, %" PRIu64 " left as they were, %" PRIu64 " failed\n",
                run->signed_count, run->kept_count, run->failed_count);
    return run->failed_count ? EXIT_FOUND : EXIT_FINE;
}

int cmd_sign(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct settings_args sa = {0};
    struct sign_run run = {0};
    const char *all = NULL, *again = NULL, *as_json = NULL, *repository = NULL;
    const struct cli_option own[] = {
        {"all", 0, NULL, "Sign every stored version that has no signature.", &all},
        {"resign", 0, NULL, "Replace signatures of other keys, too: after the key was changed.",
         &again},
        {"repository", 0, "NAME", "The repository whose store it is; else all of them.",
         &repository},
        {"json", 0, NULL,
         "Print a line {\"module\":…,\"version\":…,\"outcome\":…} for each version.", &as_json},
    };
    if (argc > 1 && strcmp(argv[1], "verify") == 0)
        return cmd_sign_verify(argc - 1, argv + 1);
    int operands = settings_args_parse(&sa, argc, argv,
                                       "modgate sign [options] --all | MODULE@VERSION…\n"
                                       "       modgate sign verify [options] MODULE@VERSION|FILE",
                                       own, ARRAY_LEN(own));
    if (!all == !operands)
        return cli_usage_error(argv[0], "takes either --all or what is to be signed");
    run.is_again = again != NULL;
    run.is_json = as_json != NULL;
    struct error *err = parse_names(&run, &a, argv + 1, operands);
    if (!err)
        err = run_sign(&run, &a, &sa, repository);
    int code = finish(&run, &a, err);
    arena_release(&a);
    return code;
}
