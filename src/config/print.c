/*
 * The effective settings as text: YAML that can be read back, and JSON for programs. The keys of a
 * section stand together in the table, so one walk over it writes each section once.
 */
#include "config/config_priv.h"

#include <jansson.h>

static const char *const source_names[] = {"default", "file", "env", "flag"};

/* Masks user:password@ and token@ of the URL in one entry; the user's name stays. */
static void add_masked(struct buf *b, struct slice entry)
{
    ptrdiff_t scheme = slice_find_slice(entry, S("://"));
    struct slice rest = scheme < 0 ? S("") : slice_skip(entry, (size_t)scheme + 3);
    ptrdiff_t slash = slice_find(rest, '/');
    struct slice authority = slash < 0 ? rest : slice_head(rest, (size_t)slash);
    ptrdiff_t at = slice_rfind(authority, '@');
    if (scheme < 0 || at < 0) {
        buf_add(b, entry);
        return;
    }
    ptrdiff_t colon = slice_find(slice_head(authority, (size_t)at), ':');
    buf_add(b, slice_head(entry, (size_t)scheme + 3));
    if (colon >= 0)
        buf_add(b, slice_head(authority, (size_t)colon + 1));
    buf_add(b, S(MASK));
    buf_add(b, slice_skip(rest, (size_t)at));
}

struct slice config_mask_urls(struct arena *a, struct slice list)
{
    BUF_SCOPED(b);
    size_t start = 0;
    for (size_t i = 0; i <= list.n; i++) {
        if (i < list.n && list.p[i] != ',' && list.p[i] != '|')
            continue;
        add_masked(&b, slice_make(list.p + start, i - start));
        if (i < list.n)
            buf_add_byte(&b, list.p[i]);
        start = i + 1;
    }
    return arena_dup(a, buf_slice(&b));
}

/* As a user would write it, without secrets. */
static struct slice shown_value(struct arena *a, const struct settings *s, enum setting_id id)
{
    if (kind_has_rules(setting_info(id)->kind)) {
        union setting_value v = setting_get(s, id);
        return config_mask_rules(a, id, &v.rules);
    }
    struct slice text = setting_format(a, s, id);
    return setting_info(id)->kind == SETTING_STRING ? config_mask_urls(a, text) : text;
}

/* True when YAML reads the text without quotes as this text and nothing else. */
static bool is_plain(struct slice s)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,|*=@%";
    if (s.n == 0 || strchr("._-+:,|*=@%", s.p[0]) || s.p[s.n - 1] == ':' ||
        slice_eq_nocase(s, S("null")))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!s.p[i] || !strchr(letters, s.p[i]))
            return false;
    }
    return true;
}

void yaml_add_value(struct buf *b, struct slice s)
{
    if (is_plain(s)) {
        buf_add(b, s);
        return;
    }
    buf_add_byte(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_add_byte(b, '\\');
        buf_add_byte(b, s.p[i]);
    }
    buf_add_byte(b, '"');
}

enum { COMMENT_COLUMN = 40 };

static void print_pair(struct buf *b, const char *indent, struct slice key, struct slice value,
                       struct slice origin)
{
    BUF_SCOPED(line);
    buf_printf(&line, "%s%.*s: ", indent, SLICE_ARG(key));
    yaml_add_value(&line, value);
    buf_printf(b, "%-*s # %.*s\n", COMMENT_COLUMN, line.p, SLICE_ARG(origin));
}

/* A line for each rule, or one for all when they are none or one value alone. */
static void print_rules(struct buf *b, struct arena *a, const char *indent, struct slice name,
                        const struct settings *s, enum setting_id id)
{
    BUF_SCOPED(line);
    enum setting_kind kind = setting_info(id)->kind;
    struct setting_rules r = setting_get(s, id).rules;
    if (r.count == 0 || rules_are_one(kind, &r)) {
        print_pair(b, indent, name, shown_value(a, s, id), s->origin[id]);
        return;
    }
    buf_printf(&line, "%s%.*s:", indent, SLICE_ARG(name));
    buf_printf(b, "%-*s # %.*s\n", COMMENT_COLUMN, line.p, SLICE_ARG(s->origin[id]));
    for (size_t i = 0; i < r.count; i++) {
        buf_printf(b, "%s  ", indent);
        yaml_add_value(b, slice_of(r.rows[i].pattern));
        buf_add(b, S(": "));
        yaml_add_value(b, rule_shown(a, kind, &r.rows[i]));
        buf_add_byte(b, '\n');
    }
}

static void print_credentials(struct buf *b, const struct settings *s)
{
    BUF_SCOPED(line);
    buf_printf(&line, "  credentials:%s", s->credential_count ? "" : " []");
    buf_printf(b, "%-*s # %.*s\n", COMMENT_COLUMN, line.p, SLICE_ARG(s->credentials_origin));
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct setting_credential *c = &s->credentials[i];
        buf_add(b, S("    - host: "));
        yaml_add_value(b, slice_of(c->host));
        if (c->user) {
            buf_add(b, S("\n      user: "));
            yaml_add_value(b, slice_of(c->user));
        }
        buf_add(b, S("\n      secret: \"" MASK "\"\n"));
    }
}

bool setting_opens_section(enum setting_id id, struct slice *section, struct slice *name)
{
    struct slice before = *section;
    struct slice rest = slice_of(setting_info(id)->key);
    struct slice first = slice_cut(&rest, '.');
    *section = rest.p ? first : S("");
    *name = rest.p ? rest : first;
    return !slice_eq(before, *section);
}

void settings_print(struct buf *b, const struct settings *s)
{
    struct arena a = ARENA_INIT;
    struct slice section = S(""), name;
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        bool opens = setting_opens_section(id, &section, &name);
        if (opens)
            buf_printf(b, "%.*s:\n", SLICE_ARG(section));
        if (opens && slice_eq(section, S("fetch")))
            print_credentials(b, s);
        const char *indent = section.n ? "  " : "";
        if (kind_has_rules(setting_info(id)->kind))
            print_rules(b, &a, indent, name, s, id);
        else
            print_pair(b, indent, name, shown_value(&a, s, id), s->origin[id]);
    }
    arena_release(&a);
}

static json_t *json_of_slice(struct slice s)
{
    return json_stringn(s.p, s.n);
}

/* An object in the rules' order; a string when they are none or one value alone. */
static json_t *json_rules(struct arena *a, enum setting_id id, const struct setting_rules *r)
{
    enum setting_kind kind = setting_info(id)->kind;
    if (r->count == 0 || rules_are_one(kind, r))
        return json_of_slice(config_mask_rules(a, id, r));
    json_t *o = json_object();
    for (size_t i = 0; i < r->count; i++)
        json_object_set_new(o, r->rows[i].pattern, json_of_slice(rule_shown(a, kind, &r->rows[i])));
    return o;
}

static json_t *json_value(struct arena *a, const struct settings *s, enum setting_id id)
{
    union setting_value v = setting_get(s, id);
    switch (setting_info(id)->kind) {
    case SETTING_BOOL:
        return json_boolean(v.is_on);
    case SETTING_UINT:
    case SETTING_BYTES:
        return json_integer((json_int_t)v.number);
    case SETTING_RULES:
    case SETTING_LIST_RULES:
    case SETTING_FILE_RULES:
    case SETTING_SECRET_RULES:
        return json_rules(a, id, &v.rules);
    default:
        return json_of_slice(shown_value(a, s, id));
    }
}

static json_t *json_credentials(const struct settings *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct setting_credential *c = &s->credentials[i];
        json_t *one = json_object();
        json_object_set_new(one, "host", json_string(c->host));
        if (c->user)
            json_object_set_new(one, "user", json_string(c->user));
        json_object_set_new(one, "secret", json_string(MASK));
        json_array_append_new(list, one);
    }
    return list;
}

static void add_row(json_t *all, const char *key, json_t *value, const char *source,
                    struct slice origin)
{
    json_t *row = json_object();
    json_object_set_new(row, "value", value);
    json_object_set_new(row, "source", json_string(source));
    json_object_set_new(row, "origin", json_of_slice(origin));
    json_object_set_new(all, key, row);
}

void settings_print_json(struct buf *b, const struct settings *s)
{
    struct arena a = ARENA_INIT;
    json_t *all = json_object();
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        add_row(all, setting_info(id)->key, json_value(&a, s, id), source_names[s->source[id]],
                s->origin[id]);
    }
    bool is_default = slice_eq(s->credentials_origin, S("default"));
    add_row(all, CREDENTIALS_KEY, json_credentials(s),
            source_names[is_default ? SOURCE_DEFAULT : SOURCE_FILE], s->credentials_origin);
    char *text = json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    if (!text)
        BUG("settings that cannot be JSON");
    buf_add(b, slice_of(text));
    buf_add_byte(b, '\n');
    free(text);
    json_decref(all);
    arena_release(&a);
}

static bool is_same_value(const struct settings *x, const struct settings *y, enum setting_id id)
{
    struct arena a = ARENA_INIT;
    bool is_same = slice_eq(setting_format(&a, x, id), setting_format(&a, y, id));
    arena_release(&a);
    return is_same;
}

struct slice settings_restart_needed(struct arena *a, const struct settings *old,
                                     const struct settings *now)
{
    BUF_SCOPED(b);
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        if (setting_info(id)->is_live || is_same_value(old, now, id))
            continue;
        buf_printf(&b, "%s%s", b.n ? ", " : "", setting_info(id)->key);
    }
    return arena_dup(a, buf_slice(&b));
}
