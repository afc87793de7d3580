/* What is told about every setting: the sample file and the manual page, both from the table. */
#include "config/config_priv.h"

enum { WIDTH = 96 };

/* Writes the words of text in lines that start with the prefix. */
static void add_wrapped(struct buf *b, const char *prefix, struct slice text)
{
    size_t column = 0;
    while (text.p) {
        struct slice word = slice_cut(&text, ' ');
        if (column && column + 1 + word.n > WIDTH) {
            buf_add_byte(b, '\n');
            column = 0;
        }
        if (column == 0) {
            buf_add(b, slice_of(prefix));
            column = strlen(prefix);
        } else {
            buf_add_byte(b, ' ');
            column++;
        }
        buf_add(b, word);
        column += word.n;
    }
    buf_add_byte(b, '\n');
}

static const char *kind_text(const struct setting_info *info)
{
    static const char *const texts[] = {
        [SETTING_STRING] = "text",
        [SETTING_PATH] = "path",
        [SETTING_BOOL] = "true or false",
        [SETTING_UINT] = "number",
        [SETTING_BYTES] = "size",
        [SETTING_DURATION] = "duration",
        [SETTING_LEVEL] = "level",
        [SETTING_FORMAT] = "json or text",
        [SETTING_RULES] = "rules",
        [SETTING_LIST_RULES] = "a list, or rules",
        [SETTING_FILE_RULES] = "a path, or rules",
        [SETTING_SECRET_RULES] = "rules",
    };
    return texts[info->kind];
}

/* "size from 1KiB to 4GiB" */
static struct slice kind_and_bounds(struct arena *a, const struct setting_info *info)
{
    bool has_min = *info->min, has_max = *info->max;
    return arena_printf(a, "%s%s%s%s%s", kind_text(info), has_min ? " from " : "", info->min,
                        has_max ? has_min ? " to " : " up to " : "", info->max);
}

static const char sample_head[] =
    "# Settings of modgate. Every key stands here as a comment, at its default: take the # away "
    "from\n"
    "# a key to set it. A flag wins over a variable, that over this file, that over the default.\n"
    "# `modgate config check FILE` says what is wrong with a file, `modgate config print` what "
    "holds.\n";

static const char sample_credentials[] =
    "  # What upstream hosts want to see: an entry with a user is sent as a name and a password, "
    "one\n"
    "  # without as a bearer token. The secret is the value of secret, the content of secret_file\n"
    "  # (which not everybody may read) or the value of the variable secret_env. Taken up by "
    "SIGHUP.\n"
    "  #credentials:\n"
    "  #  - host: proxy.example.com\n"
    "  #    user: reader\n"
    "  #    secret_file: /etc/modgate/proxy.secret\n"
    "  #  - host: git.example.com:8443\n"
    "  #    secret_env: GIT_TOKEN\n";

static void sample_setting(struct buf *b, struct arena *a, const char *indent, struct slice name,
                           const struct setting_info *info)
{
    add_wrapped(b, arena_printf(a, "%s# ", indent).p, slice_of(info->doc));
    buf_printf(b, "%s# %.*s; %s, %s; %s\n", indent, SLICE_ARG(kind_and_bounds(a, info)), info->flag,
               info->env, info->is_live ? "taken up by SIGHUP" : "needs a restart");
    buf_printf(b, "%s#%.*s: ", indent, SLICE_ARG(name));
    yaml_add_value(b, slice_of(info->def));
    buf_add_byte(b, '\n');
}

/* The lines of text, each behind the prefix. */
static void add_lines(struct buf *b, const char *prefix, const char *text)
{
    struct slice rest = slice_trim(slice_of(text));
    while (rest.p) {
        struct slice line = slice_cut_line(&rest);
        buf_printf(b, "%s%.*s\n", prefix, SLICE_ARG(line));
    }
}

static void sample_records(struct buf *b, struct arena *a, const struct record_section *section)
{
    bool is_named = section->shape == RECORDS_NAMED;
    buf_add_byte(b, '\n');
    add_wrapped(b, "# ", slice_of(section->doc));
    buf_printf(b, "# %s; taken up by SIGHUP. Fields:\n",
               is_named ? "records by name" : "a list of records");
    for (size_t i = 0; i < section->field_count; i++) {
        const struct setting_info *info = &section->fields[i].info;
        buf_printf(b, "#   %s: %.*s%s%s\n", info->key, SLICE_ARG(kind_and_bounds(a, info)),
                   *info->def ? ", default " : "", info->def);
        add_wrapped(b, "#     ", slice_of(info->doc));
    }
    buf_add(b, S("# For example:\n"));
    add_lines(b, "#   ", section->example);
    buf_printf(b, "#%s: %s\n", section->key, is_named ? "{}" : "[]");
}

void settings_sample(struct buf *b)
{
    struct arena a = ARENA_INIT;
    struct slice section = S(""), name;
    buf_add(b, slice_of(sample_head));
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        bool opens = setting_opens_section(id, &section, &name);
        buf_add_byte(b, '\n');
        if (opens)
            buf_printf(b, "%.*s:\n", SLICE_ARG(section));
        if (opens && slice_eq(section, S("fetch")))
            buf_printf(b, "%s\n", sample_credentials);
        sample_setting(b, &a, section.n ? "  " : "", name, setting_info(id));
    }
    for (int i = 0; i < SECTION_COUNT; i++)
        sample_records(b, &a, record_section((enum setting_section)i));
    arena_release(&a);
}

static const char markdown_head[] =
    "# Settings\n"
    "\n"
    "<!-- Made by `modgate config sample --markdown` from src/config/settings.def and "
    "records.def: change it there. -->\n"
    "\n"
    "A setting has a key in the YAML file, a flag and an environment variable. A flag wins over a\n"
    "variable, a variable over the file, the file over the default; an empty variable counts as "
    "not\n"
    "set. `modgate config print` shows what holds and where it comes from, `modgate config check` "
    "what\n"
    "is wrong, `modgate config sample` a file to start from.\n"
    "\n"
    "The file is the one named by `--config-file` or `MODGATE_CONFIG_FILE`; else, if it is there,\n"
    "`$XDG_CONFIG_HOME/modgate/modgate.yaml` (`~/.config/modgate/modgate.yaml`), else\n"
    "`/etc/modgate/modgate.yaml`. A relative path in it counts from the file's folder. Keys with a "
    "dot\n"
    "are nested: `store.max_size` is `max_size` below `store`. On SIGHUP modgate reads all of it "
    "again\n"
    "and takes up what is marked *live*; the rest needs a restart, and the log says so.\n"
    "\n"
    "Sizes are bytes or have a unit: KiB, MiB, GiB, TiB (1024s) or kB, MB, GB, TB (1000s). "
    "Durations are\n"
    "written as in Go: `90s`, `1m30s`, `250ms`.\n"
    "\n"
    "Rules are an ordered list, of which the first that matches counts: `pattern=value`, separated "
    "by `;` or\n"
    "line breaks; in the file they may be nested keys instead, `pattern: value` (a pattern that "
    "starts with `*`\n"
    "in quotes). A pattern is one of GOPRIVATE's: it matches a path of which it is a leading part, "
    "element by\n"
    "element, with `*` and `?` inside an element; `*` alone matches everything. Several are "
    "separated by commas. Where it is a place instead (HOST or HOST/PATH), the longest that fits "
    "counts.\n"
    "\n"
    "Some parts of the file hold records, each with fields of its own. They come last on this page "
    "and have\n"
    "neither flag nor variable.\n";

static const char markdown_credentials[] =
    "\n### `fetch.credentials`\n"
    "\nA list in the file, without flag and variable; live. Each entry has a `host` (with a port "
    "where it\n"
    "is not the usual one), perhaps a `user`, and one of `secret`, `secret_file` (which not "
    "everybody may\n"
    "read) and `secret_env` (the name of a variable). With a user they are sent as a name and a "
    "password,\n"
    "without one the secret is a bearer token; only to that host.\n"
    "\n```yaml\n"
    "fetch:\n"
    "  credentials:\n"
    "    - host: proxy.example.com\n"
    "      user: reader\n"
    "      secret_file: /etc/modgate/proxy.secret\n"
    "```\n";

/* The manual names the public services by what they are; which hosts they are stands in one place.
 */
static struct slice default_text(struct arena *a, const struct setting_info *info)
{
    if (strcmp(info->def, DEFAULT_UPSTREAM) == 0)
        return S("default: the public mirror");
    if (strcmp(info->def, DEFAULT_SUMDB) == 0)
        return S("default: the public checksum database");
    return *info->def ? arena_printf(a, "default `%s`", info->def) : S("not set by default");
}

static void markdown_setting(struct buf *b, struct arena *a, const struct setting_info *info)
{
    buf_printf(b, "\n### `%s`\n\n%s\n\n", info->key, info->doc);
    buf_printf(b, "%.*s, %.*s; `%s`, `%s`; %s\n", SLICE_ARG(kind_and_bounds(a, info)),
               SLICE_ARG(default_text(a, info)), info->flag, info->env,
               info->is_live ? "live" : "needs a restart");
}

static void markdown_records(struct buf *b, struct arena *a, const struct record_section *section)
{
    buf_printf(b, "\n## Records: %s\n\n%s\n\n%s; live.\n\n```yaml\n%s```\n", section->key,
               section->doc,
               section->shape == RECORDS_NAMED ? "Records by name" : "A list of records, in order",
               section->example);
    buf_add(b, S("\n| field | | |\n|---|---|---|\n"));
    for (size_t i = 0; i < section->field_count; i++) {
        const struct setting_info *info = &section->fields[i].info;
        buf_printf(b, "| `%s` | %.*s%s%s%s | %s |\n", info->key,
                   SLICE_ARG(kind_and_bounds(a, info)), *info->def ? ", default `" : "", info->def,
                   *info->def ? "`" : "", info->doc);
    }
}

void settings_markdown(struct buf *b)
{
    struct arena a = ARENA_INIT;
    struct slice section = S(""), name;
    buf_add(b, slice_of(markdown_head));
    buf_add(b, S("\n## General\n"));
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        bool opens = setting_opens_section(id, &section, &name);
        if (opens)
            buf_printf(b, "\n## %.*s\n", SLICE_ARG(section));
        if (opens && slice_eq(section, S("fetch")))
            buf_add(b, slice_of(markdown_credentials));
        markdown_setting(b, &a, setting_info(id));
    }
    for (int i = 0; i < SECTION_COUNT; i++)
        markdown_records(b, &a, record_section((enum setting_section)i));
    arena_release(&a);
}
