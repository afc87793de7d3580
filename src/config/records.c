/*
 * The sections of records.def as data, so that reading, printing and the manual are one walk for
 * all of them. A row is a struct setting_<type>; here it is a place in memory with offsets.
 */
#include "config/config_priv.h"

enum { RECORDS_MAX = 1000, NAME_MAX_BYTES = 64 };

/* Numbers of fields: those of a section are FIRST_… up to END_…, which is not one of them. */
enum field_id {
#define SECTION(section, type, shape, doc, example) FIRST_##type, BEFORE_##type = FIRST_##type - 1,
#define FIELD(type, field, kind, def, min, max, doc) FIELD_##type##_##field,
#define SECTION_END(section, type) END_##type, LAST_##type = END_##type - 1,
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
    FIELD_COUNT
};

static const struct record_field fields[FIELD_COUNT] = {
#define SECTION(section, type, shape, doc, example)
#define FIELD(type, field_, kind_, def_, min_, max_, doc_)                                         \
    {.info = {.key = #field_,                                                                      \
              .kind = SETTING_##kind_,                                                             \
              .def = (def_),                                                                       \
              .min = (min_),                                                                       \
              .max = (max_),                                                                       \
              .is_live = true,                                                                     \
              .doc = (doc_)},                                                                      \
     .offset = offsetof(struct setting_##type, field_),                                            \
     .origin_offset = offsetof(struct setting_##type, field_##_origin)},
#define SECTION_END(section, type)
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
};

static const struct record_section sections[SECTION_COUNT] = {
#define SECTION(section, type, shape_, doc_, example_)                                             \
    {.key = #section,                                                                              \
     .shape = RECORDS_##shape_,                                                                    \
     .doc = (doc_),                                                                                \
     .example = (example_),                                                                        \
     .row_bytes = sizeof(struct setting_##type),                                                   \
     .fields = &fields[FIRST_##type],                                                              \
     .field_count = END_##type - FIRST_##type},
#define FIELD(type, field, kind, def, min, max, doc)
#define SECTION_END(section, type)
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
};

/* Every row begins like this one. */
struct row_head {
    const char *name;
    const char *origin;
};

#define SECTION(section, type, shape, doc, example)                                                \
    _Static_assert(offsetof(struct setting_##type, name) == offsetof(struct row_head, name) &&     \
                       offsetof(struct setting_##type, origin) ==                                  \
                           offsetof(struct row_head, origin),                                      \
                   "a row of " #section " begins with its name and origin");
#define FIELD(type, field, kind, def, min, max, doc)
#define SECTION_END(section, type)
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END

const struct record_section *record_section(enum setting_section id)
{
    return &sections[id];
}

enum setting_section section_find(struct slice key)
{
    int i = 0;
    while (i < SECTION_COUNT && !slice_eq(key, slice_of(sections[i].key)))
        i++;
    return (enum setting_section)i;
}

const struct record_field *record_field_find(const struct record_section *section, struct slice key)
{
    for (size_t i = 0; i < section->field_count; i++) {
        if (slice_eq(key, slice_of(section->fields[i].info.key)))
            return &section->fields[i];
    }
    return NULL;
}

struct slice record_field_hint(struct arena *a, const struct record_section *section,
                               struct slice key)
{
    BUF_SCOPED(known);
    const char *best = NULL;
    size_t best_distance = key.n < 4 ? 2 : 3;
    for (size_t i = 0; i < section->field_count; i++) {
        const char *one = section->fields[i].info.key;
        size_t d = edit_distance(key, slice_of(one), best_distance);
        if (d < best_distance) {
            best = one;
            best_distance = d;
        }
        buf_printf(&known, "%s%s", i ? ", " : "", one);
    }
    if (best)
        return arena_printf(a, "did you mean \"%s\"?", best);
    return arena_printf(a, "known here: %s", known.p);
}

struct record_rows record_rows(const struct settings *s, enum setting_section id)
{
    switch (id) {
#define SECTION(section, type, shape, doc, example)                                                \
    case SECTION_##section:                                                                        \
        return (struct record_rows){s->section.rows, s->section.count};
#define FIELD(type, field, kind, def, min, max, doc)
#define SECTION_END(section, type)
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
    case SECTION_COUNT:
        break;
    }
    BUG("section %d", id);
}

static void set_rows(struct settings *s, enum setting_section id, struct record_rows r)
{
    switch (id) {
#define SECTION(section_, type, shape, doc, example)                                               \
    case SECTION_##section_:                                                                       \
        s->section_.rows = r.rows;                                                                 \
        s->section_.count = r.count;                                                               \
        break;
#define FIELD(type, field, kind, def, min, max, doc)
#define SECTION_END(section, type)
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
    case SECTION_COUNT:
        break;
    }
}

void *record_at(const struct record_section *section, struct record_rows r, size_t i)
{
    return (char *)r.rows + i * section->row_bytes;
}

const char *record_name(const void *row)
{
    return *(const char *const *)((const char *)row + offsetof(struct row_head, name));
}

const char *record_origin(const void *row)
{
    return *(const char *const *)((const char *)row + offsetof(struct row_head, origin));
}

const char *record_field_origin(const void *row, const struct record_field *f)
{
    return *(const char *const *)((const char *)row + f->origin_offset);
}

union setting_value record_value(const void *row, const struct record_field *f)
{
    return value_at((const char *)row + f->offset, f->info.kind);
}

void record_put(void *row, const struct record_field *f, union setting_value v, struct arena *a,
                struct slice origin)
{
    value_put((char *)row + f->offset, f->info.kind, v);
    *(const char **)((char *)row + f->origin_offset) = arena_cstr(a, origin);
}

/* The unset texts are "", as those of settings are. */
static void take_defaults(struct loader *l, const struct record_section *section, void *row)
{
    for (size_t i = 0; i < section->field_count; i++) {
        const struct record_field *f = &section->fields[i];
        union setting_value v = {0};
        bool is_text = f->info.kind == SETTING_STRING || f->info.kind == SETTING_PATH;
        if (is_text)
            v.text = "";
        if (*f->info.def) {
            struct error *err =
                value_parse(l->arena, &f->info, slice_of(f->info.def), S("default"), &v);
            if (err)
                BUG("%s.%s: %s", section->key, f->info.key, err->text.p);
        }
        if (*f->info.def || is_text)
            value_put((char *)row + f->offset, f->info.kind, v);
    }
}

static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (!name.p[i] ||
            !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", name.p[i]))
            return false;
    }
    return name.n > 0 && name.n <= NAME_MAX_BYTES && name.p[0] != '.' && name.p[0] != '-';
}

static const char *name_fault(struct loader *l, enum setting_section id, struct slice name)
{
    const struct record_section *section = record_section(id);
    struct record_rows r = record_rows(&l->s, id);
    const char *shown = quoted(l->arena, name);
    if (r.count == RECORDS_MAX)
        return arena_printf(l->arena, "more than %d of them", RECORDS_MAX).p;
    if (section->shape == RECORDS_LIST)
        return NULL;
    if (!is_name(name))
        return arena_printf(l->arena,
                            "%s is no name: up to %d letters, digits, - and _ and . (not in front)",
                            shown, NAME_MAX_BYTES)
            .p;
    for (size_t i = 0; i < r.count; i++) {
        const void *row = record_at(section, r, i);
        if (slice_eq(name, slice_of(record_name(row))))
            return arena_printf(l->arena, "%s stands here a second time; the first is at %s", shown,
                                record_origin(row))
                .p;
    }
    return NULL;
}

void *loader_add_record(struct loader *l, enum setting_section id, struct slice name,
                        struct slice origin)
{
    const struct record_section *section = record_section(id);
    struct record_rows r = record_rows(&l->s, id);
    const char *fault = name_fault(l, id, name);
    if (fault) {
        finding_add(&l->findings, "%.*s: %s: %s", SLICE_ARG(origin), section->key, fault);
        return NULL;
    }
    if ((r.count & (r.count - 1)) == 0) { /* full at each power of two */
        void *more = arena_zalloc_array(l->arena, r.count ? 2 * r.count : 1, section->row_bytes);
        if (r.count)
            memcpy(more, r.rows, r.count * section->row_bytes);
        r.rows = more;
    }
    char *row = (char *)r.rows + r.count * section->row_bytes;
    if (section->shape == RECORDS_LIST)
        name = arena_printf(l->arena, "%zu", r.count + 1);
    *(const char **)(row + offsetof(struct row_head, name)) = arena_cstr(l->arena, name);
    *(const char **)(row + offsetof(struct row_head, origin)) = arena_cstr(l->arena, origin);
    take_defaults(l, section, row);
    r.count++;
    set_rows(&l->s, id, r);
    return row;
}
