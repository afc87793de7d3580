#include "cli/settings_args.h"

#include <unistd.h>

enum {
    SECTIONS_MAX = 16, /* headings in the help text */
    NAME_BYTES = 32,
    OWN_MAX = 24,
    OPTIONS_MAX = OWN_MAX + SETTING_COUNT + SECTIONS_MAX + 1,
};

struct option_list {
    struct cli_option items[OPTIONS_MAX];
    size_t count;
    char headings[SECTIONS_MAX][NAME_BYTES];
    size_t heading_count;
};

static void add_option(struct option_list *list, struct cli_option o)
{
    if (list->count == OPTIONS_MAX)
        BUG("more than %d options", OPTIONS_MAX);
    list->items[list->count++] = o;
}

static const char *argument_name(enum setting_kind kind)
{
    static const char *const names[] = {
        [SETTING_STRING] = "TEXT",     [SETTING_PATH] = "PATH",
        [SETTING_BOOL] = "BOOL",       [SETTING_UINT] = "N",
        [SETTING_BYTES] = "SIZE",      [SETTING_DURATION] = "DURATION",
        [SETTING_LEVEL] = "LEVEL",     [SETTING_FORMAT] = "FORMAT",
        [SETTING_RULES] = "RULES",     [SETTING_LIST_RULES] = "LIST",
        [SETTING_FILE_RULES] = "PATH", [SETTING_SECRET_RULES] = "RULES",
    };
    return names[kind];
}

/* A heading where another section begins than the one of the last heading. */
static void add_heading(struct option_list *list, const char *key)
{
    size_t n = strcspn(key, ".");
    struct slice section = key[n] ? slice_make(key, n) : S("settings");
    size_t count = list->heading_count;
    if (count && slice_eq(slice_of(list->headings[count - 1]), section))
        return;
    if (count == SECTIONS_MAX || section.n >= NAME_BYTES)
        BUG("no room for the heading of %s", key);
    memcpy(list->headings[count], section.p, section.n);
    add_option(list, (struct cli_option){.help = list->headings[count]});
    list->heading_count++;
}

static void add_settings(struct option_list *list, struct settings_args *sa)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = setting_info((enum setting_id)i);
        add_heading(list, info->key);
        add_option(list, (struct cli_option){.name = info->flag + 2,
                                             .arg = argument_name(info->kind),
                                             .help = info->doc,
                                             .value = &sa->values[i]});
    }
}

int settings_args_parse(struct settings_args *sa, int argc, char **argv, const char *usage,
                        const struct cli_option *own, size_t own_count)
{
    struct option_list list = {0};
    *sa = (struct settings_args){0};
    for (size_t i = 0; i < own_count; i++)
        add_option(&list, own[i]);
    add_option(&list, (struct cli_option){.name = "config-file",
                                          .arg = "FILE",
                                          .help = "Settings in YAML; see modgate config sample.",
                                          .value = &sa->config_file});
    add_settings(&list, sa);
    return cli_parse(argc, argv, usage, list.items, list.count);
}

/* A variable of the environment; empty counts as not set. */
static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const char *settings_args_file(struct arena *a, const struct settings_args *sa)
{
    const char *xdg = env("XDG_CONFIG_HOME"), *home = env("HOME"), *path = NULL;
    if (sa->config_file || env("MODGATE_CONFIG_FILE"))
        return sa->config_file ? sa->config_file : env("MODGATE_CONFIG_FILE");
    if (xdg && *xdg == '/')
        path = arena_printf(a, "%s/modgate/modgate.yaml", xdg).p;
    else if (home && *home == '/')
        path = arena_printf(a, "%s/.config/modgate/modgate.yaml", home).p;
    if (path && access(path, F_OK) == 0)
        return path;
    path = "/etc/modgate/modgate.yaml";
    return access(path, F_OK) == 0 ? path : NULL;
}

struct error *settings_args_load(struct arena *a, const struct settings_args *sa,
                                 struct settings *out)
{
    struct setting_flag *flags = ARENA_ARRAY(a, struct setting_flag, SETTING_COUNT);
    struct settings_input in = {
        .file = settings_args_file(a, sa), .flags = flags, .environ = environ};
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (sa->values[i])
            flags[in.flag_count++] =
                (struct setting_flag){.id = (enum setting_id)i, .value = sa->values[i]};
    }
    return settings_load(a, &in, out);
}
