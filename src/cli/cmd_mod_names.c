/* modgate mod check, escape, unescape, pseudo, latest: names and versions. */
#include "cli/cmd_mod.h"

#include "base/ctx.h"
#include "gomod/module.h"
#include "gomod/pseudo.h"
#include "gomod/semver.h"

#include <stdio.h>

/* What a command does with one operand: it appends its answer to out. */
typedef struct error *(*name_fn)(struct arena *a, struct slice operand, struct buf *out);

/* Runs fn over the operands; all are tried, and one that fails makes the exit code 1. */
static int run_operands(char **argv, int operands, name_fn fn)
{
    if (operands == 0)
        return cli_usage_error(argv[0], "nothing given");
    int code = EXIT_FINE;
    for (int i = 1; i <= operands; i++) {
        struct arena a = ARENA_INIT;
        BUF_SCOPED(out);
        struct error *err = fn(&a, slice_of(argv[i]), &out);
        if (err)
            code = cli_fail(argv[0], err);
        else if (out.n)
            fwrite(out.p, 1, out.n, stdout);
        arena_release(&a);
    }
    return code;
}

static int for_each_operand(int argc, char **argv, const char *usage, name_fn fn)
{
    return run_operands(argv, cli_parse(argc, argv, usage, NULL, 0), fn);
}

/* Splits PATH@VERSION; the version is empty when there is no '@'. */
static struct module_version split_operand(struct slice operand)
{
    struct module_version mv = {.version = operand};
    mv.path = slice_cut(&mv.version, '@');
    return mv;
}

static struct error *check_name(struct arena *a, struct slice operand, struct buf *out)
{
    struct module_version mv = split_operand(operand);
    return mv.version.p ? module_check(a, mv) : module_check_path(a, mv.path);
}

int cmd_mod_check(int argc, char **argv)
{
    return for_each_operand(argc, argv, "modgate mod check PATH[@VERSION]…", check_name);
}

static void print_name(struct buf *out, struct module_version mv)
{
    if (mv.version.p)
        buf_printf(out, "%.*s@%.*s\n", SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    else
        buf_printf(out, "%.*s\n", SLICE_ARG(mv.path));
}

static struct error *escape_name(struct arena *a, struct slice operand, struct buf *out)
{
    struct module_version mv = split_operand(operand);
    TRY(module_escape_path(a, mv.path, &mv.path));
    if (mv.version.p)
        TRY(module_escape_version(a, mv.version, &mv.version));
    print_name(out, mv);
    return NULL;
}

int cmd_mod_escape(int argc, char **argv)
{
    return for_each_operand(argc, argv, "modgate mod escape PATH[@VERSION]…", escape_name);
}

static struct error *unescape_name(struct arena *a, struct slice operand, struct buf *out)
{
    struct module_version mv = split_operand(operand);
    TRY(module_unescape_path(a, mv.path, &mv.path));
    if (mv.version.p)
        TRY(module_unescape_version(a, mv.version, &mv.version));
    print_name(out, mv);
    return NULL;
}

int cmd_mod_unescape(int argc, char **argv)
{
    return for_each_operand(argc, argv, "modgate mod unescape PATH[@VERSION]…", unescape_name);
}

static struct error *take_pseudo_apart(struct arena *a, struct slice v, struct buf *out)
{
    int64_t unix_s;
    struct slice rev, base;
    TRY(pseudo_time(a, v, &unix_s));
    TRY(pseudo_rev(a, v, &rev));
    TRY(pseudo_base(a, v, &base));
    buf_printf(out, "%.*s %.*s %.*s\n", SLICE_ARG(time_rfc3339(a, unix_s)), SLICE_ARG(rev),
               SLICE_ARG(base.n ? base : S("-")));
    return NULL;
}

static int make_pseudo(const char *command, const char *major, const char *older, const char *time,
                       const char *rev)
{
    struct arena a = ARENA_INIT;
    uint64_t unix_s;
    if (!rev || !slice_parse_u64(slice_of(time), &unix_s) || unix_s > 253402300799)
        return cli_usage_error(command, "--time takes Unix seconds up to the year 9999, and "
                                        "--rev must be given");
    struct slice v =
        pseudo_make(&a, slice_of(major), slice_of(older), (int64_t)unix_s, slice_of(rev));
    bool is_pseudo = pseudo_is(v);
    if (is_pseudo)
        printf("%.*s\n", SLICE_ARG(v));
    arena_release(&a);
    if (!is_pseudo)
        return cli_usage_error(command, "these make no pseudo-version");
    return EXIT_FINE;
}

int cmd_mod_pseudo(int argc, char **argv)
{
    const char *usage =
        "modgate mod pseudo VERSION… | "
        "modgate mod pseudo --time SECONDS --rev REV [--major vN] [--older VERSION]";
    const char *time = NULL, *rev = NULL, *major = NULL, *older = NULL;
    const struct cli_option options[] = {
        {"time", 't', "SECONDS", "commit time, in seconds since 1970", &time},
        {"rev", 'r', "REV", "commit hash, 12 digits", &rev},
        {"major", 'm', "vN", "major version; v0 when not given", &major},
        {"older", 'b', "VERSION", "the tag that the commit builds on", &older},
    };
    int operands = cli_parse(argc, argv, usage, options, ARRAY_LEN(options));
    if (time && operands == 0)
        return make_pseudo(argv[0], major, older, time, rev);
    if (time || rev || major || older)
        return cli_usage_error(argv[0], "give either versions or --time and --rev");
    return run_operands(argv, operands, take_pseudo_apart);
}

int cmd_mod_latest(int argc, char **argv)
{
    int operands = cli_parse(argc, argv, "modgate mod latest VERSION…", NULL, 0);
    if (operands == 0)
        return cli_usage_error(argv[0], "nothing given");
    struct slice *versions = xcalloc((size_t)operands, sizeof(*versions));
    for (int i = 0; i < operands; i++)
        versions[i] = slice_of(argv[i + 1]);
    struct slice latest = version_latest(versions, (size_t)operands);
    free(versions);
    if (latest.n == 0) {
        fprintf(stderr, "modgate %s: none of these is a canonical version\n", argv[0]);
        return EXIT_FOUND;
    }
    printf("%.*s\n", SLICE_ARG(latest));
    return EXIT_FINE;
}
