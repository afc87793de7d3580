/*
 * modgate policy hold, release and list. What was said is a line in a file of the data folder,
 * which a running daemon reads again when it changes.
 */
#include "cli/cmd_policy.h"
#include "cli/settings_args.h"
#include "cli/wire_policy.h"

#include "base/ctx.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

enum { MAX_REASON_BYTES = 500 };

/* "example.com/m@v1.2.3", or a module alone: then all of its versions. */
static struct error *parse_target(struct arena *a, struct slice text, struct module_version *out)
{
    ptrdiff_t at = slice_find(text, '@');
    out->path = at < 0 ? text : slice_head(text, (size_t)at);
    out->version = at < 0 ? S("*") : slice_skip(text, (size_t)at + 1);
    TRY(module_check_path(a, out->path));
    if (at < 0)
        return NULL;
    TRY(module_check(a, *out));
    if (!slice_eq(module_canonical_version(a, out->version), out->version))
        return error_new(a, STATUS_BAD_VERSION, "%.*s is not a whole version, as v1.2.3 is",
                         SLICE_ARG(out->version));
    return NULL;
}

static struct error *put(struct arena *a, const char *data_dir, struct hold h)
{
    struct holds hs;
    const char *dir = arena_printf(a, "%s/policy", data_dir).p;
    TRY(dir_make(a, dir));
    FD_SCOPED lock = open(arena_printf(a, "%s/.lock", dir).p, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return error_errno(a, errno, "locking %s", dir);
    TRY(wire_holds(a, data_dir, &hs));
    return file_write_durable(a, arena_printf(a, "%s/%s", data_dir, POLICY_HOLDS_FILE).p,
                              holds_put(a, &hs, h));
}

static struct error *load(struct arena *a, const struct settings_args *sa, struct settings *s)
{
    TRY(settings_args_load(a, sa, s));
    if (!s->data_dir[0])
        return error_new(a, STATUS_BAD_USAGE, "no store is named: give --data-dir");
    return NULL;
}

static struct error *say(struct arena *a, const struct settings_args *sa, const char *target,
                         const char *reason, bool is_release)
{
    struct settings s;
    struct hold h = {.is_release = is_release, .at_unix_s = now_unix_s()};
    h.reason = slice_head(slice_of(reason), MAX_REASON_BYTES);
    TRY(load(a, sa, &s));
    TRY(parse_target(a, slice_of(target), &h.mv));
    TRY(put(a, s.data_dir, h));
    printf("%s %.*s%s%.*s\n", is_release ? "released" : "held", SLICE_ARG(h.mv.path),
           slice_eq(h.mv.version, S("*")) ? ", all versions" : "@",
           slice_eq(h.mv.version, S("*")) ? 0 : (int)h.mv.version.n, h.mv.version.p);
    return NULL;
}

static int report(struct arena *a, const char *command, const struct error *err)
{
    if (status_class(err->status) == CLASS_INVALID)
        return cli_usage_error(command, "%s", error_chain(a, err).p);
    return cli_fail(command, err);
}

static int hold_or_release(int argc, char **argv, const char *usage, bool is_release)
{
    struct settings_args sa = {0};
    struct arena a = ARENA_INIT;
    const char *reason = NULL;
    const struct cli_option own[] = {
        {"reason", 'r', "TEXT", "Why: it is kept, and told to whoever is refused.", &reason},
    };
    if (settings_args_parse(&sa, argc, argv, usage, own, ARRAY_LEN(own)) != 1)
        return cli_usage_error(argv[0], "needs one operand, MODULE@VERSION or MODULE");
    if (!reason || !*reason)
        return cli_usage_error(argv[0], "needs --reason");
    struct error *err = say(&a, &sa, argv[1], reason, is_release);
    int code = err ? report(&a, argv[0], err) : EXIT_FINE;
    arena_release(&a);
    return code;
}

int cmd_policy_hold(int argc, char **argv)
{
    return hold_or_release(argc, argv,
                           "modgate policy hold --reason TEXT [options] MODULE[@VERSION]", false);
}

int cmd_policy_release(int argc, char **argv)
{
    return hold_or_release(argc, argv,
                           "modgate policy release --reason TEXT [options] MODULE[@VERSION]", true);
}

static json_t *json_text(struct slice s)
{
    return json_stringn(s.p, s.n);
}

static void print_json(struct arena *a, const struct holds *hs)
{
    json_t *list = json_array();
    for (size_t i = 0; i < hs->count; i++) {
        const struct hold *h = &hs->rows[i];
        json_t *o = json_object();
        json_object_set_new(o, "state", json_string(h->is_release ? "released" : "held"));
        json_object_set_new(o, "path", json_text(h->mv.path));
        json_object_set_new(o, "version", json_text(h->mv.version));
        json_object_set_new(o, "at", json_text(time_rfc3339(a, h->at_unix_s)));
        json_object_set_new(o, "reason", json_text(h->reason));
        json_array_append_new(list, o);
    }
    json_dumpf(list, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(list);
}

static void print_lines(struct arena *a, const struct holds *hs)
{
    for (size_t i = 0; i < hs->count; i++) {
        const struct hold *h = &hs->rows[i];
        printf("%-8s  %.*s@%.*s  %.*s  %.*s\n", h->is_release ? "released" : "held",
               SLICE_ARG(h->mv.path), SLICE_ARG(h->mv.version),
               SLICE_ARG(time_rfc3339(a, h->at_unix_s)), SLICE_ARG(h->reason));
    }
}

static struct error *list(struct arena *a, const struct settings_args *sa, bool as_json)
{
    struct settings s;
    struct holds hs;
    TRY(load(a, sa, &s));
    TRY(wire_holds(a, s.data_dir, &hs));
    if (as_json)
        print_json(a, &hs);
    else
        print_lines(a, &hs);
    return NULL;
}

int cmd_policy_list(int argc, char **argv)
{
    struct settings_args sa = {0};
    struct arena a = ARENA_INIT;
    const char *as_json = NULL;
    const struct cli_option own[] = {
        {"json", 0, NULL, "Print [{\"state\":…,\"path\":…,\"version\":…,\"at\":…,\"reason\":…}].",
         &as_json},
    };
    if (settings_args_parse(&sa, argc, argv, "modgate policy list [options]", own, ARRAY_LEN(own)))
        return cli_usage_error(argv[0], "takes no operand; name a store with --data-dir");
    struct error *err = list(&a, &sa, as_json);
    int code = err ? report(&a, argv[0], err) : EXIT_FINE;
    arena_release(&a);
    return code;
}
