/*
 * modgate audit search: the records that fit, as they stand in the files or on a line for people.
 * It reads one line at a time, and believes what it reads: modgate audit verify says whether it
 * may.
 */
#include "cli/cmd_audit.h"

#include "base/ctx.h"

#include "gomod/module.h"
#include "ops/audit_line.h"

#include <jansson.h>
#include <stdio.h>

struct search {
    const char *module, *identity, *event, *repository, *ip, *since, *until, *as_json;
    struct slice module_path, module_version; /* of module */
    uint64_t found, unread;
};

/* ---- what fits ---- */

static struct slice text_of(json_t *o, const char *name)
{
    json_t *value = json_object_get(o, name);
    return slice_make(json_is_string(value) ? json_string_value(value) : "",
                      json_string_length(value));
}

static bool is_text(json_t *o, const char *name, const char *wanted)
{
    return !wanted || slice_eq(text_of(o, name), slice_of(wanted));
}

static bool fits_module(const struct search *s, json_t *o)
{
    struct slice path = text_of(o, "module");
    if (!s->module)
        return true;
    return path.n && module_match_prefix_patterns(s->module_path, path) &&
           (!s->module_version.n || slice_eq(s->module_version, text_of(o, "version")));
}

/* Times are all of one form, so that their order is that of their texts. */
static bool fits_time(const struct search *s, struct slice time)
{
    return (!s->since || slice_cmp(time, slice_of(s->since)) >= 0) &&
           (!s->until || slice_cmp(time, slice_of(s->until)) < 0);
}

static bool fits(const struct search *s, json_t *o)
{
    return fits_module(s, o) && is_text(o, "identity", s->identity) &&
           is_text(o, "event", s->event) && is_text(o, "repository", s->repository) &&
           is_text(o, "ip", s->ip);
}

/* ---- printing ---- */

/* Everything but what makes the chain, name=value, in the order of the record. */
static void print_for_people(json_t *o)
{
    const char *name;
    json_t *value;
    struct slice time = text_of(o, "time"), event = text_of(o, "event");
    printf("%.*s %-10.*s", SLICE_ARG(time), SLICE_ARG(event));
    json_object_foreach(o, name, value)
    {
        if (strcmp(name, "time") == 0 || strcmp(name, "event") == 0 || strcmp(name, "prev") == 0 ||
            strcmp(name, "hash") == 0)
            continue;
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        printf(" %s=%s", name, text);
        free(text);
    }
    putchar('\n');
}

static void look_at(struct search *s, struct slice line)
{
    json_t *o = json_loadb(line.p, line.n, 0, NULL);
    if (!json_is_object(o)) {
        s->unread++;
    } else if (fits(s, o)) {
        s->found++;
        if (s->as_json)
            printf("%.*s\n", SLICE_ARG(line));
        else
            print_for_people(o);
    }
    json_decref(o);
}

/* The time is looked at before anything is parsed: it rules most lines out. */
static void take_line(void *arg, struct slice line, bool is_whole)
{
    struct audit_line l;
    struct search *s = arg;
    if (!audit_line_parse(line, &l))
        s->unread++;
    else if (fits_time(s, audit_line_time(l.body)))
        look_at(s, line);
}

/* ---- arguments ---- */

/* "2026-01-02", "2026-01-02T15:04" and so on: digits where digits are in a whole one. */
static bool is_time(struct slice text)
{
    static const char form[] = "0000-00-00T00:00:00.000000";
    if (text.n < 10 || text.n >= sizeof(form))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        bool is_digit = text.p[i] >= '0' && text.p[i] <= '9';
        if (form[i] == '0' ? !is_digit : text.p[i] != form[i])
            return false;
    }
    return true;
}

/* A time, or how long ago: "24h". */
static struct error *parse_time(struct arena *a, const char *option, const char **text)
{
    uint64_t ms;
    if (!*text)
        return NULL;
    struct slice given = slice_of(*text);
    if (slice_ends(given, S("Z")))
        given.n--;
    if (is_time(given)) {
        *text = arena_cstr(a, given);
        return NULL;
    }
    struct error *err = config_parse_duration(a, slice_of(*text), &ms);
    if (err)
        return error_new(a, STATUS_BAD_USAGE,
                         "%s: '%s' is neither a time, like 2026-01-02 or 2026-01-02T15:04:05Z, nor "
                         "how long ago, like 24h",
                         option, *text);
    struct slice time = time_rfc3339(a, now_unix_s() - (int64_t)(ms / 1000));
    *text = arena_cstr(a, slice_head(time, time.n - 1));
    return NULL;
}

static struct error *search(struct arena *a, struct search *s, const struct settings_args *sa,
                            char *const *names, int count)
{
    struct audit_files files;
    TRY(parse_time(a, "--since", &s->since));
    TRY(parse_time(a, "--until", &s->until));
    s->module_version = slice_of(s->module);
    s->module_path = slice_cut(&s->module_version, '@');
    TRY(audit_files_find(a, sa, names, count, &files));
    for (size_t i = 0; i < files.count; i++)
        TRY(audit_file_each(a, files.paths[i], take_line, s));
    return NULL;
}

static int finish(const struct search *s, const char *command)
{
    if (s->unread)
        fprintf(stderr,
                "modgate %s: %" PRIu64 " lines are no records: modgate audit verify says more\n",
                command, s->unread);
    return s->found ? EXIT_FINE : EXIT_FOUND;
}

int cmd_audit_search(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct settings_args sa = {0};
    struct search s = {0};
    const struct cli_option own[] = {
        {"module", 'm', "PATTERNS", "Module paths, in GOPRIVATE's syntax; @VERSION may follow.",
         &s.module},
        {"identity", 'i', "NAME", "On whose behalf, as token:ci.", &s.identity},
        {"event", 'e', "EVENT", "download, verify, publish, deny, quarantine, token, …", &s.event},
        {"repository", 'r', "NAME", "In which repository.", &s.repository},
        {"ip", 0, "ADDRESS", "From which address.", &s.ip},
        {"since", 0, "TIME", "From this time on: 2026-01-02, 2026-01-02T15:04:05Z, or 24h ago.",
         &s.since},
        {"until", 0, "TIME", "Before this time.", &s.until},
        {"json", 0, NULL, "Print the records as they stand in the file.", &s.as_json},
    };
    int operands = settings_args_parse(&sa, argc, argv, "modgate audit search [options] [FILE…]",
                                       own, ARRAY_LEN(own));
    struct error *err = search(&a, &s, &sa, argv + 1, operands);
    int code = !err ? finish(&s, argv[0])
               : err->status == STATUS_BAD_USAGE || err->status == STATUS_BAD_CONFIG
                   ? cli_usage_error(argv[0], "%s", error_chain(&a, err).p)
                   : cli_fail(argv[0], err);
    arena_release(&a);
    return code;
}
