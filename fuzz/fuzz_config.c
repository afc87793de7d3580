/*
 * Any bytes as a settings file: findings are printable, and what was taken is printed as a file
 * that says the same.
 */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Paths that are not files: reading them would not be a test of ours. */
static bool names_device(struct slice s)
{
    return slice_find_slice(s, S("/dev")) >= 0 || slice_find_slice(s, S("/proc")) >= 0 ||
           slice_find_slice(s, S("/sys")) >= 0;
}

static void check_text(struct slice text)
{
    if (!slice_is_utf8(text))
        BUG("findings that are not UTF-8");
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] < 0x20 && text.p[i] != '\n')
            BUG("a control character in the findings");
    }
}

static void check_read_back(struct arena *a, const struct settings_input *in, struct settings *s)
{
    struct settings again;
    BUF_SCOPED(first);
    BUF_SCOPED(second);
    BUF_SCOPED(json);
    settings_print(&first, s);
    settings_print_json(&json, s);
    struct error *err = settings_load_bytes(a, in, buf_slice(&first), &again);
    if (err)
        BUG("%s in:\n%s", err->text.p, first.p);
    for (int i = 0; i < SETTING_COUNT; i++)
        again.origin[i] = s->origin[i];
    again.credentials_origin = s->credentials_origin;
#define SECTION(section, type, shape, doc, example)                                                \
    again.section_origin[SECTION_##section] = (*s).section_origin[SECTION_##section];              \
    for (size_t i = 0; i < again.section.count && i < (*s).section.count; i++) {                   \
        struct setting_##type *to = &again.section.rows[i];                                        \
        const struct setting_##type *from = &(*s).section.rows[i];                                 \
        to->origin = from->origin;
#define FIELD(type, field, kind, def, min, max, doc) to->field##_origin = from->field##_origin;
#define SECTION_END(section, type) }
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
    settings_print(&second, &again);
    if (!slice_eq(buf_slice(&first), buf_slice(&second)))
        BUG("printed:\n%s\nand then:\n%s", first.p, second.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *variables[] = {"TOKEN=x", NULL};
    const struct settings_input in = {.file = "m.yaml", .environ = variables};
    struct slice yaml = slice_make((const char *)data, size);
    struct arena a = ARENA_INIT;
    struct settings s;
    if (size > 65536 || names_device(yaml))
        return 0;
    struct error *err = settings_load_bytes(&a, &in, yaml, &s);
    if (err)
        check_text(err->text);
    else
        check_read_back(&a, &in, &s);
    arena_release(&a);
    return 0;
}
