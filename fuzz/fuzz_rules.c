/*
 * Any text as the value of a setting that is a list of rules: no finding shows a secret, and what
 * was taken is printed as a file that says the same.
 */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool names_device(struct slice s)
{
    return slice_find_slice(s, S("/dev")) >= 0 || slice_find_slice(s, S("/proc")) >= 0 ||
           slice_find_slice(s, S("/sys")) >= 0;
}

static void check_read_back(struct arena *a, const struct settings *s)
{
    static char *variables[] = {"TOKEN=x", NULL};
    const struct settings_input in = {.file = "m.yaml", .environ = variables};
    struct settings again;
    BUF_SCOPED(first);
    BUF_SCOPED(second);
    settings_print(&first, s);
    struct error *err = settings_load_bytes(a, &in, buf_slice(&first), &again);
    if (err)
        BUG("%s in:\n%s", err->text.p, first.p);
    for (int i = 0; i < SETTING_COUNT; i++)
        again.origin[i] = s->origin[i];
    again.credentials_origin = s->credentials_origin;
    memcpy(again.section_origin, s->section_origin, sizeof(again.section_origin));
    settings_print(&second, &again);
    if (!slice_eq(buf_slice(&first), buf_slice(&second)))
        BUG("printed:\n%s\nand then:\n%s", first.p, second.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum setting_id ids[] = {SETTING_ID_upstream, SETTING_ID_vcs_rules,
                                          SETTING_ID_vcs_tokens, SETTING_ID_vcs_allow};
    static char *variables[] = {"TOKEN=x", NULL};
    struct slice text = slice_make((const char *)data, size);
    if (size > 65536 || memchr(data, '\0', size) || names_device(text))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct arena a = ARENA_INIT;
        struct settings s;
        const struct setting_flag flag = {ids[i], arena_cstr(&a, text)};
        const struct settings_input in = {
            .environ = variables, .flags = &flag, .flag_count = size > 0};
        if (!settings_load(&a, &in, &s))
            check_read_back(&a, &s);
        arena_release(&a);
    }
    return 0;
}
