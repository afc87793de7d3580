#include "../test.h"

#include "base/file.h"
#include "config/config.h"
#include "config/defaults.h"
#include "ops/log.h"

#include <ctype.h>
#include <unistd.h>

static const struct settings_input only_file = {.file = "m.yaml"};

static struct slice findings_of(struct arena *a, const char *yaml)
{
    struct settings s;
    struct error *err = settings_load_bytes(a, &only_file, slice_of(yaml), &s);
    if (!err)
        return S("");
    assert_int_equal(err->status, STATUS_BAD_CONFIG);
    return err->text;
}

static const struct {
    const char *yaml;
    const char *findings; /* "" for a good file */
} files[] = {
    /* good */
    {"", ""},
    {"# nothing but a comment\n", ""},
    {"---\n", ""},
    {"---\nlisten: :80\n...\n", ""},
    {"%YAML 1.1\n---\nlisten: :80\n", ""},
    {"\xef\xbb\xbflisten: :80\n", ""},
    {"listen: '127.0.0.1:80, [::1]:80, :0, gw.example.com:443'\r\n", ""},
    {"store:\nlog:\n  level: debug\ntls: ~\n", ""},
    {"{store: {max_size: 10GiB}, log: {format: text, access: false}}", ""},
    {"upstream: https://a.example.com,http://b.example.com|file:///srv/mod,off\n", ""},
    {"upstream: off\nsumdb: off\nprivate:\n", ""},
    {"fetch:\n  credentials:\n", ""},
    {"fetch:\n  credentials: []\n", ""},
    {"http: {max_header: 1048576, max_body: 1}", ""},

    /* names */
    {"lisen: ':80'\n", "m.yaml:1: no key \"lisen\"; did you mean \"listen\"?"},
    {"\n\nstor:\n  max_size: 1\n", "m.yaml:3: no key \"stor\"; did you mean \"store\"?"},
    {"cache:\n  list_tll: 1m\n",
     "m.yaml:2: cache has no key \"list_tll\"; did you mean \"list_ttl\"?"},
    {"fetch:\n  credential: []\n",
     "m.yaml:2: fetch has no key \"credential\"; did you mean \"credentials\"?"},
    {"max_size: 1\n", "m.yaml:1: no key \"max_size\"; did you mean \"store.max_size\"? Write "
                      "\"store:\" and below it, indented, \"max_size:\""},
    {"store.max_size: 1\n", "m.yaml:1: no key \"store.max_size\"; write \"store:\" and below it, "
                            "indented, \"max_size:\""},
    {"store:\n  size_of_it: 1\n",
     "m.yaml:2: store has no key \"size_of_it\"; known here: max_size"},
    {"Listen: ':80'\n", "m.yaml:1: no key \"Listen\"; did you mean \"listen\"?"},
    {"x: {deep: [{er: [1, 2]}, 3]}\nlog: {level: loud}\n",
     "m.yaml:1: no key \"x\"; known here: listen, data_dir, upstream, private, sumdb, "
     "sumdb_unreachable, public_url, default_repository, log, tls, access, store, cache, fetch, "
     "vcs, "
     "sumdb_host, policy, audit, signing, lanes, publish, http, repositories, access_issuers, "
     "access_claims, "
     "access_certificates, policy_rules, policy_exceptions, signing_trust\n"
     "m.yaml:2: log.level: \"loud\" is not one of debug, info, warn or error"},
    {"? [a, b]\n: 1\n", "m.yaml:1: a key: wants one value, not a list"},
    {"<<: {listen: x}\n",
     "m.yaml:1: no key \"<<\"; known here: listen, data_dir, upstream, private, sumdb, "
     "sumdb_unreachable, public_url, default_repository, log, tls, access, store, cache, fetch, "
     "vcs, "
     "sumdb_host, policy, audit, signing, lanes, publish, http, repositories, access_issuers, "
     "access_claims, "
     "access_certificates, policy_rules, policy_exceptions, signing_trust"},
    {"\"li\\nst\\0en\": 1\n", "m.yaml:1: no key \"li?st?en\"; did you mean \"listen\"?"},

    /* twice */
    {"listen: ':1'\nlisten: ':2'\n",
     "m.yaml:2: listen stands here a second time; the first is in line 1"},
    {"store: {max_size: 1}\nlog: {}\nstore: {max_size: 2}\n",
     "m.yaml:3: store stands here a second time; the first is in line 1"},

    /* types and bounds */
    {"listen: [':80']\n", "m.yaml:1: listen: wants one value, not a list"},
    {"store:\n  max_size: {a: 1}\n", "m.yaml:2: store.max_size: wants one value, not nested keys"},
    {"store: 10GiB\n", "m.yaml:1: store: wants nested keys, not text"},
    {"store: [1]\n", "m.yaml:1: store: wants nested keys, not a list"},
    {"- listen\n", "m.yaml:1: a settings file has keys and values (key: value), not a list"},
    {"listen\n", "m.yaml:1: a settings file has keys and values (key: value), not text"},
    {"log:\n  access: yes\n", "m.yaml:2: log.access: \"yes\" is neither true nor false"},
    {"log:\n  access:\n", "m.yaml:2: log.access: \"\" is neither true nor false"},
    {"log:\n  format: xml\n", "m.yaml:2: log.format: \"xml\" is not one of json or text"},
    {"fetch:\n  retries: three\n", "m.yaml:2: fetch.retries: \"three\" is not a whole number"},
    {"fetch:\n  retries: 21\n", "m.yaml:2: fetch.retries: \"21\" is too large; the most is 20"},
    {"http:\n  header_timeout: 10ms\n",
     "m.yaml:2: http.header_timeout: \"10ms\" is too small; the least is 100ms"},
    {"cache:\n  memory: 65GiB\n",
     "m.yaml:2: cache.memory: \"65GiB\" is too large; the most is 64GiB"},
    {"data_dir: ~/modgate\n",
     "m.yaml:1: data_dir: \"~/modgate\": ~ is not expanded here; write the whole path"},
    {"private: \"a\\tb\"\n", "m.yaml:1: private: \"a?b\" is not printable text in UTF-8"},
    {"private: \"a\\0b\"\n", "m.yaml:1: private: \"a?b\" is not printable text in UTF-8"},

    /* YAML */
    {"private: b: c\n", "m.yaml:1: mapping values are not allowed in this context"},
    {"store:\n\tmax_size: 1\n", "m.yaml:2: a tab indents this line; YAML wants spaces"},
    {"log: {level: 'info'\n'x': 1}\n",
     "m.yaml:2: did not find expected ',' or '}' while parsing a flow mapping (from line 1)"},
    {"listen: \"x\n",
     "m.yaml:2: found unexpected end of stream while scanning a quoted scalar (from line 1)"},
    {"listen: ':1'\n---\nlisten: ':2'\n",
     "m.yaml:2: a second document (---) starts here; a settings file has one"},
    {"listen: &a ':1'\n",
     "m.yaml:1: anchors and aliases (& and *) have no use here; write the value out, in quotes if "
     "it starts with & or *"},
    {"log:\n  level: info\nprivate: *.corp.example\n",
     "m.yaml:3: a value that starts with * must stand in quotes"},
    {"private: *corp\n",
     "m.yaml:1: anchors and aliases (& and *) have no use here; write the value "
     "out, in quotes if it starts with & or *"},
    {"listen: !!str ':1'\n",
     "m.yaml:1: tags (!) have no use here; put a text that starts with ! in quotes"},
    {"listen: \x01\n", "m.yaml: byte 8: control characters are not allowed"},
    {"listen: \xff\n", "m.yaml: byte 8: invalid leading UTF-8 octet"},

    /* together */
    {"listen: localhost\n", "m.yaml:1: listen: \"localhost\" is not an address; write HOST:PORT, "
                            "[IPv6]:PORT or :PORT"},
    {"listen: ':1,'\n", "m.yaml:1: listen: \"\" is not an address; write HOST:PORT, [IPv6]:PORT "
                        "or :PORT"},
    {"listen: '::1:80'\n", "m.yaml:1: listen: \"::1:80\" is not an address; write HOST:PORT, "
                           "[IPv6]:PORT or :PORT"},
    {"listen: '[::1]:65536'\n", "m.yaml:1: listen: \"[::1]:65536\" is not an address; write "
                                "HOST:PORT, [IPv6]:PORT or :PORT"},
    {"listen: http://x:80\n", "m.yaml:1: listen: \"http://x:80\" is not an address; write "
                              "HOST:PORT, [IPv6]:PORT or :PORT"},
    {"upstream: mirror.example.com\n",
     "m.yaml:1: upstream: \"mirror.example.com\" is not an upstream; write an https://, http:// or "
     "file:// URL, direct, or off"},
    {"upstream: https://a.example.com,,off\n",
     "m.yaml:1: upstream: \"\" is not an upstream; write an https://, http:// or file:// URL, "
     "direct, or off"},
    {"upstream: ftp://u:pw@a.example.com\n",
     "m.yaml:1: upstream: \"ftp://u:***@a.example.com\" is not an upstream; write an https://, "
     "http:// or file:// URL, direct, or off"},
    {"upstream: ''\n", "m.yaml:1: upstream: is empty; write off to fetch nothing"},
    {"sumdb_host:\n  scope: public\n",
     "m.yaml:2: sumdb_host.scope: \"public\" is neither private nor all"},
    {"sumdb: off\nsumdb_host:\n  scope: all\n",
     "m.yaml:3: sumdb_host.scope: all needs a checksum database to check public modules against "
     "(sumdb)"},
    {"sumdb_host:\n  key_file: /a.key, b.key, credential:c, credential:../d\n",
     "m.yaml:2: sumdb_host.key_file: \"b.key\" is neither an absolute path nor credential:NAME\n"
     "m.yaml:2: sumdb_host.key_file: \"credential:../d\" is neither an absolute path nor "
     "credential:NAME"},
    {"signing:\n  key: cosign.key\n  password: secret\n",
     "m.yaml:2: signing.key: \"cosign.key\" is neither an absolute path nor credential:NAME\n"
     "m.yaml:3: signing.password: it says where the password is kept: file:PATH, env:NAME or "
     "credential:NAME"},
    {"audit:\n  on_error: ignore\n  downloads: some\n  key_file: key.pem\n",
     "m.yaml:2: audit.on_error: \"ignore\" is neither refuse nor serve\n"
     "m.yaml:3: audit.downloads: \"some\" is neither all nor misses\n"
     "m.yaml:4: audit.key_file: \"key.pem\" is neither an absolute path nor credential:NAME"},
    {"signing_trust:\n  build: {paths: example.com}\n  x: {key_file: /k}\n",
     "m.yaml:2: signing_trust.build.key_file is missing\n"
     "m.yaml:3: signing_trust.x.paths is missing"},
    {"signing:\n  key: credential:key\n  password: env:X\n", ""},
    {"tls:\n  cert_file: /dev/null\n", "m.yaml:2: tls.cert_file: needs tls.key_file too"},
    {"tls:\n  key_file: /dev/null\n", "m.yaml:2: tls.key_file: needs tls.cert_file too"},
    {"fetch:\n  ca_file: /nowhere/ca.pem\n",
     "m.yaml:2: fetch.ca_file: \"/nowhere/ca.pem\": No such file or directory"},
    {"fetch:\n  netrc_file: /\n", "m.yaml:2: fetch.netrc_file: \"/\" is a folder, not a file"},
};

static void test_files_and_their_findings(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct arena a = ARENA_INIT;
        assert_slice(findings_of(&a, files[i].yaml), files[i].findings);
        arena_release(&a);
    }
}

static void test_many_findings_are_counted(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(yaml);
    for (int i = 0; i < 60; i++)
        buf_printf(&yaml, "unknown_key_%d: 1\n", i);
    struct slice text = findings_of(&a, yaml.p);
    assert_true(slice_ends(text, S("\nand 10 more")));
    arena_release(&a);
}

static void test_depth_is_bounded(void **state)
{
    struct arena a = ARENA_INIT;
    BUF_SCOPED(yaml);
    buf_add(&yaml, S("x:\n "));
    for (int i = 0; i < 1000000; i++)
        buf_add_byte(&yaml, '[');
    struct slice text = findings_of(&a, yaml.p);
    assert_true(
        slice_ends(text, S("\nm.yaml:2: nested too deep; the rest of the file is not read")));
    arena_release(&a);
}

static char *variables[] = {"MODGATE_LISTEN=:2",
                            "MODGATE_LOG_LEVEL=",
                            "MODGATE_LOG_FORMAT=text",
                            "MODGATE_PORT=tcp://10.0.0.1:3000",
                            "HOME=/u",
                            NULL};

static void test_sources_in_their_order(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    const struct setting_flag flags[] = {{SETTING_ID_listen, ":3"}, {SETTING_ID_listen, ":4"}};
    struct settings_input in = {.file = "etc/m.yaml", .environ = variables};
    struct slice yaml =
        S("listen: :1\nlog: {level: warn, format: json}\nstore:\n  max_size: 1kB\n");

    assert_ok(settings_load_bytes(&a, &in, yaml, &s));
    assert_string_equal(s.listen, ":2");
    assert_slice(s.origin[SETTING_ID_listen], "MODGATE_LISTEN");
    assert_int_equal(s.source[SETTING_ID_listen], SOURCE_ENV);
    assert_int_equal(s.log_level, LOG_WARN); /* an empty variable is none */
    assert_slice(s.origin[SETTING_ID_log_level], "etc/m.yaml:2");
    assert_int_equal(s.log_format, LOG_TEXT);
    assert_int_equal(s.store_max_size, 1000);
    assert_slice(s.origin[SETTING_ID_store_max_size], "etc/m.yaml:4");
    assert_int_equal(s.upstream.count, 1);
    assert_string_equal(s.upstream.rows[0].pattern, "*");
    assert_string_equal(s.upstream.rows[0].value, DEFAULT_UPSTREAM);
    assert_int_equal(s.source[SETTING_ID_upstream], SOURCE_DEFAULT);
    assert_string_equal(s.data_dir, "/u/.local/share/modgate");
    assert_slice(s.origin[SETTING_ID_data_dir], "default, from HOME");

    in.flags = flags;
    in.flag_count = ARRAY_LEN(flags);
    assert_ok(settings_load_bytes(&a, &in, yaml, &s));
    assert_string_equal(s.listen, ":4"); /* the last flag */
    assert_slice(s.origin[SETTING_ID_listen], "--listen");
    arena_release(&a);
}

static void test_findings_of_variables_and_flags(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s = {.listen = "kept"};
    char *environment[] = {"MODGATE_LITSEN=:1", "MODGATE_HTTP_LOOPS=many", "MODGATE_CONFIG_FILE=x",
                           "MODGATE_SERVICE_HOST=10.0.0.1", NULL};
    const struct setting_flag flags[] = {{SETTING_ID_cache_list_ttl, "2d"}};
    struct settings_input in = {.environ = environment, .flags = flags, .flag_count = 1};
    struct error *err = settings_load(&a, &in, &s);
    assert_non_null(err);
    assert_slice(err->text,
                 "MODGATE_HTTP_LOOPS: \"many\" is not a whole number\n"
                 "\"MODGATE_LITSEN\": no such variable; did you mean MODGATE_LISTEN?\n"
                 "--cache-list-ttl: \"2d\" is not a duration: write a number and h, m, s or ms, "
                 "like 1m30s");
    assert_string_equal(s.listen, "kept");
    arena_release(&a);
}

static void test_data_dir_without_and_with_xdg(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    char *xdg[] = {"XDG_DATA_HOME=/d", "HOME=/u", NULL};
    char *relative[] = {"XDG_DATA_HOME=d", NULL};
    struct settings_input in = {0};
    assert_ok(settings_load(&a, &in, &s));
    assert_string_equal(s.data_dir, "");
    in.environ = xdg;
    assert_ok(settings_load(&a, &in, &s));
    assert_string_equal(s.data_dir, "/d/modgate");
    in.environ = relative;
    assert_ok(settings_load(&a, &in, &s));
    assert_string_equal(s.data_dir, "");
    arena_release(&a);
}

static void test_paths_count_from_the_files_folder(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    char folder[] = "/tmp/modgate-config-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *file = arena_printf(&a, "%s/m.yaml", folder).p;
    assert_ok(file_write_durable(&a, file, S("fetch: {ca_file: ca.pem}\ndata_dir: data\n")));
    assert_ok(file_write_durable(&a, arena_printf(&a, "%s/ca.pem", folder).p, S("x")));
    struct settings_input in = {.file = file};
    assert_ok(settings_load(&a, &in, &s));
    assert_slice(arena_printf(&a, "%s/ca.pem", folder), s.fetch_ca_file);
    assert_slice(arena_printf(&a, "%s/data", folder), s.data_dir);
    assert_ok(dir_remove(&a, folder));
    struct error *err = settings_load(&a, &in, &s);
    assert_non_null(err);
    assert_int_equal(err->status, STATUS_BAD_CONFIG);
    assert_true(slice_starts(error_chain(&a, err), S("reading the settings: /tmp/")));
    arena_release(&a);
}

static void test_restart_needed(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings old, now;
    assert_ok(settings_load_bytes(&a, &only_file, S("listen: :1\n"), &old));
    assert_ok(settings_load_bytes(&a, &only_file,
                                  S("listen: :2\nlog: {level: debug}\nhttp: {loops: 3}\n"), &now));
    assert_slice(settings_restart_needed(&a, &old, &now), "listen, http.loops");
    assert_slice(settings_restart_needed(&a, &old, &old), "");
    arena_release(&a);
}

/* What the table promises: defaults that are valid, sections in one piece, names in one form. */
static void test_table(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    struct settings_input in = {0};
    assert_ok(settings_load(&a, &in, &s));
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = setting_info((enum setting_id)i);
        size_t doc = strlen(info->doc);
        assert_true(doc > 0 && info->doc[doc - 1] == '.');
        for (const char *c = info->key; *c; c++)
            assert_true(islower((unsigned char)*c) || *c == '_' || *c == '.');
        size_t section = strcspn(info->key, ".");
        bool has_left = false;
        for (int k = i + 1; k < SETTING_COUNT; k++) {
            const char *key = setting_info((enum setting_id)k)->key;
            bool is_same = strcspn(key, ".") == section && key[section] == info->key[section] &&
                           (!info->key[section] || strncmp(key, info->key, section) == 0);
            if (info->key[section])
                assert_false(is_same && has_left);
            has_left = has_left || !is_same;
        }
    }
    assert_string_equal(setting_info(SETTING_ID_store_max_size)->flag, "--store-max-size");
    assert_string_equal(setting_info(SETTING_ID_store_max_size)->env, "MODGATE_STORE_MAX_SIZE");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_and_their_findings),
        cmocka_unit_test(test_many_findings_are_counted),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_sources_in_their_order),
        cmocka_unit_test(test_findings_of_variables_and_flags),
        cmocka_unit_test(test_data_dir_without_and_with_xdg),
        cmocka_unit_test(test_paths_count_from_the_files_folder),
        cmocka_unit_test(test_restart_needed),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
