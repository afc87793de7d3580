/*
 * What is printed, compared with files: tests/golden/config/, and docs/settings.md, which is made
 * from the table. UPDATE_GOLDEN=1 writes the files anew.
 */
#include "../test.h"

#include "base/file.h"
#include "config/config.h"
#include "config/defaults.h"

static const char settings_yaml[] =
    "listen: ':8080'\n"
    "data_dir: \"/srv/mod \\\"gate\\\"\"\n"
    "upstream:\n"
    "  tools.example.com,*.tools.example.com: https://b.example.com,direct\n"
    "  '*': https://reader:hush@mirror.example.com/path|https://token@b.example.com,off\n"
    "private: '*.corp.example.com,git.example.com/team'\n"
    "fetch:\n"
    "  connect_timeout: 90s\n"
    "  credentials:\n"
    "    - {host: a.example.com, user: reader, secret: hush}\n"
    "    - {host: 'b.example.com:8443', secret: hush}\n"
    "store: {max_size: 20GB}\n"
    "public_url: https://go.corp.example.com\n"
    "vcs:\n"
    "  rules:\n"
    "    'code.example.com/acme/*': ssh://git@git.example.com/mirror/*\n"
    "    git.example.com/team/mono: 'https://git.example.com/team/mono.git go'\n"
    "  tokens: {git.example.com: 'reader:hush', other.example.com: hush, d.example.com: "
    "'env:TOKEN'}\n"
    "  known_hosts: /dev/null\n"
    "  ssh_keys: {git.example.com: /dev/null}\n"
    "default_repository: everything\n"
    "repositories:\n"
    "  internal: {kind: hosted, owns: 'corp.example.com/lib,corp.example.com/app/*', max_size: "
    "1GB}\n"
    "  git:\n"
    "    kind: vcs\n"
    "    owns: '*.corp.example.com'\n"
    "    folder: go/private\n"
    "    vcs_rules: {git.corp.example.com/x: 'https://git.example.com/x.git'}\n"
    "  public: {kind: proxy, mount: go/public, folder: ., upstream: "
    "'https://me:hush@b.example.com'}\n"
    "  'null': {kind: proxy, upstream: {a.example.com: off, '*': 'https://c.example.com,direct'}}\n"
    "  everything: {kind: group, members: 'internal,git,public'}\n";

static void load_example(struct arena *a, struct settings *s)
{
    static char *variables[] = {"MODGATE_LOG_LEVEL=debug", "TOKEN=hush", NULL};
    const struct setting_flag flags[] = {{SETTING_ID_http_loops, "4"}};
    const struct settings_input in = {
        .file = "modgate.yaml", .environ = variables, .flags = flags, .flag_count = 1};
    assert_ok(settings_load_bytes(a, &in, slice_of(settings_yaml), s));
}

static struct slice replace(struct arena *a, struct slice text, struct slice from, struct slice to)
{
    BUF_SCOPED(b);
    ptrdiff_t at;
    while ((at = slice_find_slice(text, from)) >= 0) {
        buf_add(&b, slice_head(text, (size_t)at));
        buf_add(&b, to);
        text = slice_skip(text, (size_t)at + from.n);
    }
    buf_add(&b, text);
    return arena_dup(a, buf_slice(&b));
}

/* The hosts of the public services stand in defaults.h only, so files hold others for them. */
static void compare(const char *name, struct buf *got)
{
    struct arena a = ARENA_INIT;
    const char *root = getenv("SOURCE_ROOT");
    assert_non_null(root);
    const char *path = arena_printf(&a, "%s/%s", root, name).p;
    struct slice want, text = buf_slice(got);
    text = replace(&a, text, S(DEFAULT_UPSTREAM), S("https://public-mirror.example.com"));
    text = replace(&a, text, S(DEFAULT_SUMDB), S("public-sumdb.example.com"));
    if (getenv("UPDATE_GOLDEN"))
        assert_ok(file_write_durable(&a, path, text));
    assert_ok(file_read(&a, path, 1 << 20, &want));
    if (!slice_eq(text, want))
        fail_msg("%s is not what is printed now; UPDATE_GOLDEN=1 writes it anew:\n%.*s", name,
                 SLICE_ARG(text));
    arena_release(&a);
}

static void test_print(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    BUF_SCOPED(yaml);
    BUF_SCOPED(json);
    load_example(&a, &s);
    settings_print(&yaml, &s);
    settings_print_json(&json, &s);
    assert_null(strstr(yaml.p, "hush"));
    assert_null(strstr(json.p, "hush"));
    compare("tests/golden/config/print.yaml", &yaml);
    compare("tests/golden/config/print.json", &json);
    arena_release(&a);
}

static void assert_same_settings(const struct settings *x, const struct settings *y)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(bx);
    BUF_SCOPED(by);
    struct settings cx = *x, cy = *y;
    for (int i = 0; i < SETTING_COUNT; i++)
        cx.origin[i] = cy.origin[i] = S("");
    cx.credentials_origin = cy.credentials_origin = S("");
#define SECTION(section, type, shape, doc, example)                                                \
    cy.section_origin[SECTION_##section] = cx.section_origin[SECTION_##section];                   \
    for (size_t i = 0; i < cy.section.count && i < cx.section.count; i++) {                        \
        struct setting_##type *to = &cy.section.rows[i];                                           \
        const struct setting_##type *from = &cx.section.rows[i];                                   \
        to->origin = from->origin;
#define FIELD(type, field, kind, def, min, max, doc) to->field##_origin = from->field##_origin;
#define SECTION_END(section, type) }
#include "config/records.def"
#undef SECTION
#undef FIELD
#undef SECTION_END
    settings_print(&bx, &cx);
    settings_print(&by, &cy);
    assert_slice(buf_slice(&bx), by.p);
    arena_release(&a);
}

/* What is printed is a settings file that says the same, but for the secrets. */
static void test_print_is_read_back(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s, again;
    static char *variables[] = {"TOKEN=hush", NULL};
    const struct settings_input in = {.file = "printed.yaml", .environ = variables};
    BUF_SCOPED(yaml);
    load_example(&a, &s);
    settings_print(&yaml, &s);
    assert_ok(settings_load_bytes(&a, &in, buf_slice(&yaml), &again));
    assert_same_settings(&s, &again);
    arena_release(&a);
}

/* The sample says what holds without it: as it is, and with every comment sign taken away. */
static void test_sample_is_the_defaults(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s, plain;
    const struct settings_input in = {0};
    BUF_SCOPED(sample);
    BUF_SCOPED(active);
    settings_sample(&sample);
    compare("tests/golden/config/sample.yaml", &sample);
    assert_ok(settings_load(&a, &in, &plain));
    assert_ok(settings_load_bytes(&a, &in, buf_slice(&sample), &s));
    assert_same_settings(&s, &plain);
    struct slice rest = buf_slice(&sample);
    while (rest.p) {
        struct slice line = slice_cut_line(&rest), word = slice_trim(line);
        bool is_key = word.n > 1 && word.p[0] == '#' && word.p[1] >= 'a' && word.p[1] <= 'z' &&
                      !slice_eq(word, S("#credentials:"));
        size_t indent = (size_t)(word.p - line.p);
        if (is_key)
            buf_printf(&active, "%.*s%.*s\n", (int)indent, line.p, SLICE_ARG(slice_skip(word, 1)));
        else
            buf_printf(&active, "%.*s\n", SLICE_ARG(line));
    }
    assert_ok(settings_load_bytes(&a, &in, buf_slice(&active), &s));
    assert_same_settings(&s, &plain);
    for (int i = 0; i < SETTING_COUNT; i++)
        assert_int_equal(s.source[i], SOURCE_FILE);
    arena_release(&a);
}

static void test_manual_is_current(void **state)
{
    BUF_SCOPED(b);
    settings_markdown(&b);
    compare("docs/settings.md", &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_is_read_back),
        cmocka_unit_test(test_sample_is_the_defaults),
        cmocka_unit_test(test_manual_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
