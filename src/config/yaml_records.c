/* The sections of records in the YAML file. */
#include "config/yaml_priv.h"

/* "repositories.internal.kind", or "policy_rules: kind" of a list. */
static struct slice label_of(struct walk *w, const struct record_section *section, const void *row,
                             const char *field)
{
    if (section->shape == RECORDS_LIST)
        return arena_printf(w->l->arena, "%s: %s", section->key, field);
    return arena_printf(w->l->arena, "%s.%s.%s", section->key, record_name(row), field);
}

static void read_value(struct walk *w, const struct record_field *f, struct slice label, void *row,
                       size_t line)
{
    struct slice text, origin = walk_origin(w, line);
    union setting_value v = {0};
    struct error *err = NULL;
    if (kind_has_rules(f->info.kind) && walk_is_at(w, YAML_MAPPING_START_EVENT))
        v.rules = walk_rules(w, f->info.kind, label);
    else if (walk_scalar(w, label, &text))
        err = value_parse(w->l->arena, &f->info, text, origin, &v);
    else
        return;
    if (err)
        FINDING(w, line, "%.*s: %.*s", SLICE_ARG(label), SLICE_ARG(err->text));
    else
        record_put(row, f, loader_from_file(w->l, f->info.kind, v), w->l->arena, origin);
}

static void read_field(struct walk *w, const struct record_section *section, void *row)
{
    struct slice key;
    struct arena *a = w->l->arena;
    size_t line = walk_line(w);
    bool has_key = walk_scalar(w, S("a key"), &key);
    const struct record_field *f = has_key ? record_field_find(section, key) : NULL;
    walk_next(w);
    if (has_key && !f)
        FINDING(w, line, "%s has no field %s; %.*s", section->key, quoted(a, key),
                SLICE_ARG(record_field_hint(a, section, key)));
    if (!f) {
        walk_skip_value(w);
        return;
    }
    struct slice label = label_of(w, section, row, f->info.key);
    if (record_field_origin(row, f))
        FINDING(w, line, "%.*s stands here a second time; the first is at %s", SLICE_ARG(label),
                record_field_origin(row, f));
    read_value(w, f, label, row, line);
}

/* The fields of one record; name is of a NAMED one. */
static void read_record(struct walk *w, enum setting_section id, struct slice name, size_t line)
{
    const struct record_section *section = record_section(id);
    bool is_mapping = walk_is_at(w, YAML_MAPPING_START_EVENT);
    if (!is_mapping && !walk_is_null(w))
        FINDING(w, walk_line(w), "%s: each record has fields (field: value), not %s", section->key,
                walk_what(w));
    void *row = is_mapping || walk_is_null(w)
                    ? loader_add_record(w->l, id, name, walk_origin(w, line))
                    : NULL;
    if (!row || !is_mapping) {
        walk_skip_value(w);
        return;
    }
    for (walk_next(w); !walk_is_end(w, YAML_MAPPING_END_EVENT); walk_next(w))
        read_field(w, section, row);
}

static void read_named(struct walk *w, enum setting_section id)
{
    struct slice name;
    size_t line = walk_line(w);
    bool has_name = walk_scalar(w, slice_of(record_section(id)->key), &name);
    walk_next(w);
    if (has_name)
        read_record(w, id, name, line);
    else
        walk_skip_value(w);
}

void walk_records(struct walk *w, enum setting_section id, size_t line)
{
    const struct record_section *section = record_section(id);
    bool is_list = section->shape == RECORDS_LIST;
    yaml_event_type_t start = is_list ? YAML_SEQUENCE_START_EVENT : YAML_MAPPING_START_EVENT;
    yaml_event_type_t end = is_list ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT;
    if (w->section_line[id])
        FINDING(w, line, "%s stands here a second time; the first is in line %zu", section->key,
                w->section_line[id]);
    w->section_line[id] = line;
    w->l->s.section_origin[id] = walk_origin(w, line);
    if (walk_is_null(w))
        return;
    if (!walk_is_at(w, start)) {
        FINDING(w, walk_line(w), "%s: wants %s, not %s", section->key,
                is_list ? "a list of records" : "records by name", walk_what(w));
        walk_skip_value(w);
        return;
    }
    for (walk_next(w); !walk_is_end(w, end); walk_next(w)) {
        if (is_list)
            read_record(w, id, S(""), walk_line(w));
        else
            read_named(w, id);
    }
}
