/* Sections of records, read from the file, and what the fields of `repositories` say together. */
#include "../test.h"

#include "config/config.h"

static const struct settings_input only_file = {.file = "m.yaml"};

static struct slice findings_of(struct arena *a, const char *yaml)
{
    struct settings s;
    struct error *err = settings_load_bytes(a, &only_file, slice_of(yaml), &s);
    return err ? err->text : S("");
}

#define GROUP "  g: {kind: group, members: 'p'}\n"
#define PROXY "repositories:\n  p: {kind: proxy}\n"

static const struct {
    const char *yaml;
    const char *findings; /* "" for a good file */
} files[] = {
    {"repositories:\n", ""},
    {"repositories: {}\n", ""},
    {"repositories: {public: {kind: proxy}}\n", ""},
    {PROXY GROUP, ""},
    {PROXY GROUP "default_repository: p\n", ""},
    {PROXY "  q: {kind: proxy, folder: '.', mount: a/b/c}\n" GROUP, ""},
    {PROXY "  q: {kind: proxy, folder: go/private}\n  r: {kind: proxy, folder: go}\n" GROUP, ""},
    {PROXY "  a.b: {kind: proxy, mount: ab}\n" GROUP, ""},
    {"repositories:\n  h: {kind: hosted, owns: 'a.example/*,b.example'}\n", ""},
    {PROXY
     "  h: {kind: rehome, from: p, paths: 'a.example = b.example; c.example = d.example'}\n" GROUP,
     ""},

    /* the shape of records */
    {"repositories: text\n", "m.yaml:1: repositories: wants records by name, not text"},
    {"repositories: [{kind: proxy}]\n",
     "m.yaml:1: repositories: wants records by name, not a list"},
    {"repositories:\n  p: proxy\n",
     "m.yaml:2: repositories: each record has fields (field: value), not text"},
    {"repositories:\n  p: [proxy]\n",
     "m.yaml:2: repositories: each record has fields (field: value), not a list"},
    {PROXY "repositories: {}\n",
     "m.yaml:3: repositories stands here a second time; the first is in line 1"},
    {PROXY "  p: {kind: proxy}\n",
     "m.yaml:3: repositories: \"p\" stands here a second time; the first is at m.yaml:2"},
    {"repositories:\n  'a b': {kind: proxy}\n",
     "m.yaml:2: repositories: \"a b\" is no name: up to 64 letters, digits, - and _ and . (not in "
     "front)"},
    {"repositories:\n  p:\n    kind: proxy\n    kind: proxy\n",
     "m.yaml:4: repositories.p.kind stands here a second time; the first is at m.yaml:3"},
    {"repositories:\n  p:\n    kind: proxy\n    onws: x\n",
     "m.yaml:4: repositories has no field \"onws\"; did you mean \"owns\"?"},
    {"repositories:\n  p:\n    kind: proxy\n    something: [1, {a: b}]\n",
     "m.yaml:4: repositories has no field \"something\"; known here: kind, owns, members, "
     "from, paths, upstream, vcs_rules, mount, folder, max_size"},
    {"repositories:\n  p:\n    kind: [proxy]\n",
     "m.yaml:3: repositories.p.kind: wants one value, not a list\n"
     "m.yaml:2: repositories.p.kind: \"\" is not one of proxy, vcs, hosted, rehome and group"},
    {"repositories:\n  p: {kind: proxy, max_size: much}\n",
     "m.yaml:2: repositories.p.max_size: \"much\" is not a size: write bytes, or a number with "
     "kB, MB, GB, TB, KiB, MiB, GiB or TiB"},
    {"repositories:\n  p: {kind: proxy, max_size: 1000001TiB}\n",
     "m.yaml:2: repositories.p.max_size: \"1000001TiB\" is too large; the most is 1000000TiB"},
    {"repositories:\n  p:\n    kind: proxy\n    upstream:\n      '*': off\n      a: off\n",
     "m.yaml:6: repositories.p.upstream: \"a\" is never reached: \"*\" comes before it"},
    {"repositorys: {}\n", "m.yaml:1: no key \"repositorys\"; did you mean \"repositories\"?"},

    /* kinds */
    {"repositories:\n  p: {kind: mirror}\n", "m.yaml:2: repositories.p.kind: \"mirror\" is not one "
                                             "of proxy, vcs, hosted, rehome and group"},
    {"repositories:\n  p: {kind: proxy, owns: a.example}\n",
     "m.yaml:2: repositories.p.owns: means nothing for the kind proxy"},
    {"repositories:\n  v: {kind: vcs}\n",
     "m.yaml:2: repositories.v.owns: is missing: say which module paths belong to it, like "
     "git.example.com/team"},
    {"repositories:\n  v: {kind: vcs, owns: a.example, upstream: off}\n",
     "m.yaml:2: repositories.v.upstream: means nothing for the kind vcs"},
    {"repositories:\n  h: {kind: hosted, owns: a.example, vcs_rules: {a.example: "
     "'https://a.example'}}\n",
     "m.yaml:2: repositories.h.vcs_rules: means nothing for the kind hosted"},
    {PROXY "  h: {kind: rehome, paths: 'a.example = b.example'}\n" GROUP,
     "m.yaml:3: repositories.h.from: is missing: name the repository with the modules"},
    {PROXY "  h: {kind: rehome, from: h, paths: 'a.example = b.example'}\n" GROUP,
     "m.yaml:3: repositories.h.from: h is of the kind rehome; name a proxy, vcs or hosted one"},
    {PROXY
     "  h: {kind: rehome, from: p, paths: 'a.example = b.example; c.example = b.example'}\n" GROUP,
     "m.yaml:3: repositories.h.paths: b.example is the new path of a.example already"},
    {"repositories:\n  g: {kind: group}\n",
     "m.yaml:2: repositories.g.members: is missing: name the repositories in it"},
    {PROXY "  g: {kind: group, members: p, folder: x}\n",
     "m.yaml:3: repositories.g.folder: means nothing for the kind group"},
    {"repositories:\n  h: {kind: hosted, owns: 'https://a.example'}\n",
     "m.yaml:2: repositories.h.owns: \"https://a.example\" is a URL; write the path alone, like "
     "git.example.com/team"},
    {"repositories:\n  p: {kind: proxy, upstream: 'ftp://u:pw@a.example'}\n",
     "m.yaml:2: repositories.p.upstream: \"ftp://u:***@a.example\" is not an upstream; write an "
     "https://, http:// or file:// URL, direct, or off"},
    {"repositories:\n  p:\n    kind: proxy\n    vcs_rules:\n      a.example: nothing\n",
     "m.yaml:5: repositories.p.vcs_rules: \"nothing\" is not a repository; write an https:// or "
     "ssh:// URL, or git@HOST:PATH"},

    /* mounts and folders */
    {"repositories:\n  p: {kind: proxy, mount: sumdb/x}\n",
     "m.yaml:2: repositories.p.mount: \"sumdb/x\": the gateway itself answers below /sumdb"},
    {"repositories:\n  healthz: {kind: proxy}\n",
     "m.yaml:2: repositories.healthz.mount: \"healthz\": the gateway itself answers below "
     "/healthz"},
    {"repositories:\n  p: {kind: proxy, mount: go.example}\n",
     "m.yaml:2: repositories.p.mount: \"go.example\" is no mount: elements of letters, digits, - "
     "and _, separated by /, so that no module path is like it"},
    {"repositories:\n  p: {kind: proxy, mount: /a}\n",
     "m.yaml:2: repositories.p.mount: \"/a\" is no mount: elements of letters, digits, - and _, "
     "separated by /, so that no module path is like it"},
    {"repositories:\n  a.b: {kind: proxy}\n",
     "m.yaml:2: repositories.a.b.mount: \"a.b\" is no mount: elements of letters, digits, - and _, "
     "separated by /, so that no module path is like it (the name is the mount when none is "
     "given)"},
    {PROXY "  q: {kind: proxy, mount: p}\n" GROUP,
     "m.yaml:3: repositories.q.mount: /p is the mount of p already"},
    {"repositories:\n  p: {kind: proxy, folder: ../x}\n",
     "m.yaml:2: repositories.p.folder: \"../x\" is no folder below data_dir: write elements of "
     "letters, digits, -, _ and ., separated by /"},
    {"repositories:\n  p: {kind: proxy, folder: cache/x}\n",
     "m.yaml:2: repositories.p.folder: \"cache/x\": data_dir keeps something else under this "
     "name"},
    {PROXY "  q: {kind: proxy, folder: repositories/p}\n" GROUP,
     "m.yaml:3: repositories.q.folder: repositories/p is the folder of p already"},
    {PROXY "  q: {kind: proxy, folder: repositories/p/cache}\n" GROUP,
     "m.yaml:3: repositories.q.folder: repositories/p/cache and repositories/p (of p) lie in each "
     "other's store"},

    /* groups and the default */
    {PROXY "  g: {kind: group, members: 'p,x,p'}\n",
     "m.yaml:3: repositories.g.members: there is no repository \"x\"\n"
     "m.yaml:3: repositories.g.members: \"p\" stands there twice"},
    {PROXY GROUP "  h: {kind: group, members: g}\ndefault_repository: g\n",
     "m.yaml:4: repositories.h.members: g is a group too; name its members"},
    {PROXY "  q: {kind: proxy}\n",
     "m.yaml:1: default_repository: is missing: name the repository that is served at /, because "
     "there is neither one repository alone nor one group alone"},
    {PROXY GROUP "  h: {kind: group, members: p}\n",
     "m.yaml:1: default_repository: is missing: name the repository that is served at /, because "
     "there is neither one repository alone nor one group alone"},
    {PROXY "default_repository: q\n", "m.yaml:3: default_repository: there is no repository \"q\""},
    {"default_repository: q\n", "m.yaml:1: default_repository: there is no repository \"q\""},
};

static void test_files_and_their_findings(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct arena a = ARENA_INIT;
        assert_slice(findings_of(&a, files[i].yaml), files[i].findings);
        arena_release(&a);
    }
}

static void test_rows(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    assert_ok(settings_load_bytes(&a, &only_file,
                                  S("repositories:\n"
                                    "  h:\n"
                                    "    kind: hosted\n"
                                    "    owns: a.example\n"
                                    "    max_size: 2kB\n"
                                    "  p: {kind: proxy, mount: x/y, folder: ., upstream: 'off'}\n"
                                    "  g: {kind: group, members: 'h, p'}\n"),
                                  &s));
    assert_slice(s.section_origin[SECTION_repositories], "m.yaml:1");
    assert_int_equal(s.repositories.count, 3);
    const struct setting_repository *h = &s.repositories.rows[0], *p = &s.repositories.rows[1];
    assert_string_equal(h->name, "h");
    assert_string_equal(h->origin, "m.yaml:2");
    assert_string_equal(h->kind, "hosted");
    assert_string_equal(h->kind_origin, "m.yaml:3");
    assert_int_equal(h->max_size, 2000);
    assert_string_equal(h->mount, "");
    assert_null(h->mount_origin);
    assert_int_equal(h->upstream.count, 0);
    assert_null(p->max_size_origin);
    assert_string_equal(p->upstream.rows[0].value, "off");
    assert_slice(config_mount(h), "h");
    assert_slice(config_mount(p), "x/y");
    assert_slice(config_folder(&a, h), "repositories/h");
    assert_slice(config_folder(&a, p), ".");
    assert_string_equal(config_default_repository(&s)->name, "g");
    arena_release(&a);
}

static void test_many_records(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    BUF_SCOPED(yaml);
    buf_add(&yaml, S("default_repository: r0\nrepositories:\n"));
    for (int i = 0; i < 100; i++)
        buf_printf(&yaml, "  r%d: {kind: proxy}\n", i);
    assert_ok(settings_load_bytes(&a, &only_file, buf_slice(&yaml), &s));
    assert_int_equal(s.repositories.count, 100);
    for (int i = 0; i < 100; i++)
        assert_slice(arena_printf(&a, "r%d", i), s.repositories.rows[i].name);
    for (int i = 100; i < 1001; i++)
        buf_printf(&yaml, "  r%d: {kind: proxy}\n", i);
    struct error *err = settings_load_bytes(&a, &only_file, buf_slice(&yaml), &s);
    assert_non_null(err);
    assert_slice(err->text, "m.yaml:1003: repositories: more than 1000 of them");
    arena_release(&a);
}

static void test_none(void **state)
{
    struct arena a = ARENA_INIT;
    struct settings s;
    assert_ok(settings_load_bytes(&a, &only_file, S(""), &s));
    assert_int_equal(s.repositories.count, 0);
    assert_slice(s.section_origin[SECTION_repositories], "default");
    assert_null(config_default_repository(&s));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_and_their_findings),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_many_records),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
