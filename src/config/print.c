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

struct slice value_shown(struct arena *a, enum setting_kind kind, union setting_value v)
{
    if (kind_has_rules(kind))
        return rules_shown(a, kind, &v.rules);
    struct slice text = value_format(a, kind, v);
    return kind == SETTING_STRING ? config_mask_urls(a, text) : text;
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

/* "key:" and what else is on its line. */
static void print_opening(struct buf *b, const char *indent, struct slice key, const char *rest,
                          struct slice origin)
{
    BUF_SCOPED(line);
    buf_add(&line, slice_of(indent));
    yaml_add_value(&line, key);
    buf_printf(&line, ":%s", rest);
    buf_printf(b, "%-*s # %.*s\n", COMMENT_COLUMN, line.p, SLICE_ARG(origin));
}

/* Rules have a line each, unless they are none or one value alone. */
static void print_value(struct buf *b, const char *indent, struct slice key, enum setting_kind kind,
                        union setting_value v, struct slice origin)
{
    struct arena a = ARENA_INIT;
    bool has_lines = kind_has_rules(kind) && v.rules.count && !rules_are_one(kind, &v.rules);
    if (has_lines)
        print_opening(b, indent, key, "", origin);
    else
        print_pair(b, indent, key, value_shown(&a, kind, v), origin);
    for (size_t i = 0; has_lines && i < v.rules.count; i++) {
        buf_printf(b, "%s  ", indent);
        yaml_add_value(b, slice_of(v.rules.rows[i].pattern));
        buf_add(b, S(": "));
        yaml_add_value(b, rule_shown(&a, kind, &v.rules.rows[i]));
        buf_add_byte(b, '\n');
    }
    arena_release(&a);
}

/* What was given, and what has a default that is not empty. */
static bool is_shown(const void *row, const struct record_field *f)
{
    return record_field_origin(row, f) || *f->info.def;
}

static void print_record(struct buf *b, const struct record_section *section, const void *row)
{
    size_t shown = 0;
    struct slice origin = slice_of(record_origin(row));
    for (size_t i = 0; i < section->field_count; i++)
        shown += is_shown(row, &section->fields[i]);
    if (section->shape == RECORDS_NAMED)
        print_opening(b, "  ", slice_of(record_name(row)), shown ? "" : " {}", origin);
    else
        buf_printf(b, "%-*s # %.*s\n", COMMENT_COLUMN, shown ? "  -" : "  - {}", SLICE_ARG(origin));
    for (size_t i = 0; i < section->field_count; i++) {
        const struct record_field *f = &section->fields[i];
        const char *from = record_field_origin(row, f);
        if (is_shown(row, f))
            print_value(b, "    ", slice_of(f->info.key), f->info.kind, record_value(row, f),
                        slice_of(from ? from : "default"));
    }
}

static void print_records(struct buf *b, const struct settings *s, enum setting_section id)
{
    const struct record_section *section = record_section(id);
    struct record_rows r = record_rows(s, id);
    const char *none = section->shape == RECORDS_NAMED ? " {}" : " []";
    print_opening(b, "", slice_of(section->key), r.count ? "" : none, s->section_origin[id]);
    for (size_t i = 0; i < r.count; i++)
        print_record(b, section, record_at(section, r, i));
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
    struct slice section = S(""), name;
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        bool opens = setting_opens_section(id, &section, &name);
        if (opens)
            buf_printf(b, "%.*s:\n", SLICE_ARG(section));
        if (opens && slice_eq(section, S("fetch")))
            print_credentials(b, s);
        print_value(b, section.n ? "  " : "", name, setting_info(id)->kind, setting_get(s, id),
                    s->origin[id]);
    }
    for (int i = 0; i < SECTION_COUNT; i++)
        print_records(b, s, (enum setting_section)i);
}

static json_t *json_of_slice(struct slice s)
{
    return json_stringn(s.p, s.n);
}

/* An object in the rules' order; a string when they are none or one value alone. */
static json_t *json_rules(struct arena *a, enum setting_kind kind, const struct setting_rules *r)
{
    if (r->count == 0 || rules_are_one(kind, r))
        return json_of_slice(rules_shown(a, kind, r));
    json_t *o = json_object();
    for (size_t i = 0; i < r->count; i++)
        json_object_set_new(o, r->rows[i].pattern, json_of_slice(rule_shown(a, kind, &r->rows[i])));
    return o;
}

static json_t *json_value(struct arena *a, enum setting_kind kind, union setting_value v)
{
    switch (kind) {
    case SETTING_BOOL:
        return json_boolean(v.is_on);
    case SETTING_UINT:
    case SETTING_BYTES:
        return json_integer((json_int_t)v.number);
    case SETTING_RULES:
    case SETTING_LIST_RULES:
    case SETTING_FILE_RULES:
    case SETTING_SECRET_RULES:
        return json_rules(a, kind, &v.rules);
    default:
        return json_of_slice(value_shown(a, kind, v));
    }
}

static json_t *json_record(struct arena *a, const struct record_section *section, const void *row)
{
    json_t *o = json_object();
    for (size_t i = 0; i < section->field_count; i++) {
        const struct record_field *f = &section->fields[i];
        if (is_shown(row, f))
            json_object_set_new(o, f->info.key, json_value(a, f->info.kind, record_value(row, f)));
    }
    return o;
}

/* An object by name, or an array. */
static json_t *json_records(struct arena *a, const struct settings *s, enum setting_section id)
{
    const struct record_section *section = record_section(id);
    struct record_rows r = record_rows(s, id);
    bool is_list = section->shape == RECORDS_LIST;
    json_t *all = is_list ? json_array() : json_object();
    for (size_t i = 0; i < r.count; i++) {
        const void *row = record_at(section, r, i);
        json_t *one = json_record(a, section, row);
        if (is_list)
            json_array_append_new(all, one);
        else
            json_object_set_new(all, record_name(row), one);
    }
    return all;
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

static const char *file_or_default(struct slice origin)
{
    return source_names[slice_eq(origin, S("default")) ? SOURCE_DEFAULT : SOURCE_FILE];
}

void settings_print_json(struct buf *b, const struct settings *s)
{
    struct arena a = ARENA_INIT;
    json_t *all = json_object();
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_id id = (enum setting_id)i;
        add_row(all, setting_info(id)->key,
                json_value(&a, setting_info(id)->kind, setting_get(s, id)),
                source_names[s->source[id]], s->origin[id]);
    }
    add_row(all, CREDENTIALS_KEY, json_credentials(s), file_or_default(s->credentials_origin),
            s->credentials_origin);
    for (int i = 0; i < SECTION_COUNT; i++) {
        enum setting_section id = (enum setting_section)i;
        add_row(all, record_section(id)->key, json_records(&a, s, id),
                file_or_default(s->section_origin[i]), s->section_origin[i]);
    }
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
