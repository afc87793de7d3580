/* One setting: its text to a value and back, its bounds, its place in struct settings. */
#include "config/config_priv.h"

#include "ops/log.h"

static const size_t offsets[SETTING_COUNT] = {
#define SETTING(key, field, kind, def, min, max, reload, doc) offsetof(struct settings, field),
#include "config/settings.def"
#undef SETTING
};

static const char *const levels[] = {"debug", "info", "warn", "error"}; /* enum log_level */
static const char *const formats[] = {"json", "text"};                  /* enum log_format */
_Static_assert(LOG_ERROR == 3 && LOG_TEXT == 1, "the names above are in the order of the enums");

bool is_printable(struct slice text)
{
    while (text.n) {
        unsigned char c = (unsigned char)text.p[0];
        size_t n = slice_utf8_len(text);
        if (n == 0 || c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)text.p[1] < 0xa0))
            return false;
        text = slice_skip(text, n);
    }
    return true;
}

static struct error *parse_text(struct arena *a, struct slice text, union setting_value *out)
{
    if (!is_printable(text))
        return error_new(a, STATUS_BAD_CONFIG, "%s is not printable text in UTF-8",
                         quoted(a, text));
    out->text = arena_cstr(a, text);
    return NULL;
}

static struct error *parse_path(struct arena *a, struct slice text, union setting_value *out)
{
    if (slice_eq(text, S("~")) || slice_starts(text, S("~/")))
        return error_new(a, STATUS_BAD_CONFIG, "%s: ~ is not expanded here; write the whole path",
                         quoted(a, text));
    return parse_text(a, text, out);
}

static struct error *parse_bool(struct arena *a, struct slice text, union setting_value *out)
{
    out->is_on = slice_eq(text, S("true"));
    if (out->is_on || slice_eq(text, S("false")))
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG, "%s is neither true nor false", quoted(a, text));
}

static struct error *parse_uint(struct arena *a, struct slice text, uint64_t *out)
{
    if (slice_parse_u64(text, out))
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG, "%s is not a whole number", quoted(a, text));
}

static struct error *parse_choice(struct arena *a, struct slice text, const char *const *names,
                                  int count, union setting_value *out)
{
    BUF_SCOPED(known);
    for (int i = 0; i < count; i++) {
        if (slice_eq(text, slice_of(names[i]))) {
            out->choice = i;
            return NULL;
        }
        buf_printf(&known, "%s%s", i == 0 ? "" : i == count - 1 ? " or " : ", ", names[i]);
    }
    return error_new(a, STATUS_BAD_CONFIG, "%s is not one of %s", quoted(a, text), known.p);
}

static struct error *parse_number(struct arena *a, enum setting_kind kind, struct slice text,
                                  uint64_t *out)
{
    if (kind == SETTING_BYTES)
        return config_parse_bytes(a, text, out);
    if (kind == SETTING_DURATION)
        return config_parse_duration(a, text, out);
    return parse_uint(a, text, out);
}

static struct error *check_bounds(struct arena *a, const struct setting_info *info,
                                  struct slice text, uint64_t number)
{
    uint64_t bound;
    if (*info->min) {
        TRY(parse_number(a, info->kind, slice_of(info->min), &bound));
        if (number < bound)
            return error_new(a, STATUS_BAD_CONFIG, "%s is too small; the least is %s",
                             quoted(a, text), info->min);
    }
    if (*info->max) {
        TRY(parse_number(a, info->kind, slice_of(info->max), &bound));
        if (number > bound)
            return error_new(a, STATUS_BAD_CONFIG, "%s is too large; the most is %s",
                             quoted(a, text), info->max);
    }
    return NULL;
}

struct error *value_parse(struct arena *a, const struct setting_info *info, struct slice text,
                          struct slice origin, union setting_value *out)
{
    switch (info->kind) {
    case SETTING_STRING:
        return parse_text(a, text, out);
    case SETTING_RULES:
    case SETTING_LIST_RULES:
    case SETTING_FILE_RULES:
    case SETTING_SECRET_RULES:
        return rules_parse(a, info->kind, text, origin, &out->rules);
    case SETTING_PATH:
        return parse_path(a, text, out);
    case SETTING_BOOL:
        return parse_bool(a, text, out);
    case SETTING_LEVEL:
        return parse_choice(a, text, levels, ARRAY_LEN(levels), out);
    case SETTING_FORMAT:
        return parse_choice(a, text, formats, ARRAY_LEN(formats), out);
    case SETTING_UINT:
    case SETTING_BYTES:
    case SETTING_DURATION:
        TRY(parse_number(a, info->kind, text, &out->number));
        return check_bounds(a, info, text, out->number);
    }
    BUG("setting %s has no kind", info->key);
}

union setting_value value_at(const void *at, enum setting_kind kind)
{
    switch (kind) {
    case SETTING_STRING:
    case SETTING_PATH:
        return (union setting_value){.text = *(const char *const *)at};
    case SETTING_BOOL:
        return (union setting_value){.is_on = *(const bool *)at};
    case SETTING_LEVEL:
    case SETTING_FORMAT:
        return (union setting_value){.choice = *(const int *)at};
    case SETTING_RULES:
    case SETTING_LIST_RULES:
    case SETTING_FILE_RULES:
    case SETTING_SECRET_RULES:
        return (union setting_value){.rules = *(const struct setting_rules *)at};
    case SETTING_UINT:
    case SETTING_BYTES:
    case SETTING_DURATION:
        return (union setting_value){.number = *(const uint64_t *)at};
    }
    BUG("no such kind: %d", kind);
}

union setting_value setting_get(const struct settings *s, enum setting_id id)
{
    return value_at((const char *)s + offsets[id], setting_info(id)->kind);
}

void value_put(void *at, enum setting_kind kind, union setting_value v)
{
    switch (kind) {
    case SETTING_STRING:
    case SETTING_PATH:
        *(const char **)at = v.text;
        break;
    case SETTING_BOOL:
        *(bool *)at = v.is_on;
        break;
    case SETTING_LEVEL:
    case SETTING_FORMAT:
        *(int *)at = v.choice;
        break;
    case SETTING_RULES:
    case SETTING_LIST_RULES:
    case SETTING_FILE_RULES:
    case SETTING_SECRET_RULES:
        *(struct setting_rules *)at = v.rules;
        break;
    case SETTING_UINT:
    case SETTING_BYTES:
    case SETTING_DURATION:
        *(uint64_t *)at = v.number;
        break;
    }
}

void setting_put(struct settings *s, enum setting_id id, union setting_value v)
{
    value_put((char *)s + offsets[id], setting_info(id)->kind, v);
}

struct slice value_format(struct arena *a, enum setting_kind kind, union setting_value v)
{
    switch (kind) {
    case SETTING_STRING:
    case SETTING_PATH:
        return slice_of(v.text);
    case SETTING_BOOL:
        return v.is_on ? S("true") : S("false");
    case SETTING_LEVEL:
        return slice_of(levels[v.choice]);
    case SETTING_FORMAT:
        return slice_of(formats[v.choice]);
    case SETTING_RULES:
    case SETTING_LIST_RULES:
    case SETTING_FILE_RULES:
    case SETTING_SECRET_RULES:
        return rules_format(a, kind, &v.rules);
    case SETTING_BYTES:
        return config_format_bytes(a, v.number);
    case SETTING_DURATION:
        return config_format_duration(a, v.number);
    case SETTING_UINT:
        break;
    }
    return arena_printf(a, "%" PRIu64, v.number);
}

struct slice setting_format(struct arena *a, const struct settings *s, enum setting_id id)
{
    return value_format(a, setting_info(id)->kind, setting_get(s, id));
}
