/* The pure parts: URLs, git's sayings, refs, the environment. */
#include "../test.h"

#include "vcs/git_priv.h"

/* ---- URLs ---- */

static void test_urls(void **state)
{
    static const struct {
        const char *url;
        bool is_insecure;
        enum status status;
        const char *scheme, *place;
    } rows[] = {
        {"https://Git.Example.com/Team/r.git", false, STATUS_OK, "https",
         "git.example.com/Team/r.git"},
        {"https://h:443/r", false, STATUS_OK, "https", "h/r"},
        {"https://h:8443/r", false, STATUS_OK, "https", "h:8443/r"},
        {"ssh://git@h:22/r", false, STATUS_OK, "ssh", "h/r"},
        {"git+ssh://git@h/~u/r", false, STATUS_OK, "ssh", "h/~u/r"},
        {"git@h:team/r.git", false, STATUS_OK, "ssh", "h/team/r.git"},
        {"https://[::1]:8443/r", false, STATUS_OK, "https", "[::1]:8443/r"},
        {"http://h/r", true, STATUS_OK, "http", "h/r"},
        {"git://h/r", true, STATUS_OK, "git", "h/r"},
        {"http://h/r", false, STATUS_DENIED},
        {"git://h/r", false, STATUS_DENIED},
        {"file:///srv/r", true, STATUS_BAD_REQUEST}, /* it has no host */
        {"file://h/srv/r", true, STATUS_DENIED},
        {"ext://sh/x", true, STATUS_DENIED},
        {"ext::sh -c x", true, STATUS_BAD_REQUEST},
        {"/srv/r", true, STATUS_BAD_REQUEST},
        {"--upload-pack=x", true, STATUS_BAD_REQUEST},
        {"-h:x", true, STATUS_BAD_REQUEST},
        {"ssh://-oProxyCommand=x/r", true, STATUS_BAD_REQUEST},
        {"ssh://-oProxyCommand=x@h/r", true, STATUS_BAD_REQUEST},
        {"ssh://git@-oProxyCommand=x/r", true, STATUS_BAD_REQUEST},
        {"ssh://h/-r", true, STATUS_BAD_REQUEST},
        {"https://h/r\nx", true, STATUS_BAD_REQUEST},
        {"https://h/r x", true, STATUS_BAD_REQUEST},
        {"https://u:secret@h/r", true, STATUS_BAD_REQUEST},
        {"https://secret@h/r", true, STATUS_BAD_REQUEST},
        {"ssh://u:secret@h/r", true, STATUS_BAD_REQUEST},
        {"https:///r", true, STATUS_BAD_REQUEST},
        {"https://h/", true, STATUS_BAD_REQUEST},
        {"https://h", true, STATUS_BAD_REQUEST},
        {"", true, STATUS_BAD_REQUEST},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct git_url u;
        struct error *err = git_url_parse(&a, slice_of(rows[i].url), rows[i].is_insecure, &u);
        if ((err ? err->status : STATUS_OK) != rows[i].status)
            fail_msg("%s: %s", rows[i].url, err ? status_name(err->status) : "no error");
        if (err) {
            assert_int_equal(slice_find_slice(err->text, S("secret")), -1);
            continue;
        }
        assert_slice(u.scheme, rows[i].scheme);
        assert_slice(u.place, rows[i].place);
    }
    arena_release(&a);
}

static void test_places(void **state)
{
    assert_int_equal(git_place_match(S("*"), S("h/r")), 1);
    assert_int_equal(git_place_match(S("H"), S("h/r")), 2);
    assert_int_equal(git_place_match(S("h/team"), S("h/team/r")), 7);
    assert_int_equal(git_place_match(S("h/team/"), S("h/team/r")), 7);
    assert_int_equal(git_place_match(S("h/team/r"), S("h/team/r")), 9);
    assert_int_equal(git_place_match(S("h/team/r"), S("h/team/r.git")), 9);
    assert_int_equal(git_place_match(S("h/team/r"), S("h/team/r.git/x")), 9);
    assert_int_equal(git_place_match(S("h/team/r"), S("h/team/r.github")), 0);
    assert_int_equal(git_place_match(S("h"), S("h.git/r")), 0);
    assert_int_equal(git_place_match(S("h/Team"), S("h/team/r")), 0);
    assert_int_equal(git_place_match(S("h/te"), S("h/team/r")), 0);
    assert_int_equal(git_place_match(S("h"), S("h.evil.example/r")), 0);
    assert_int_equal(git_place_match(S("h"), S("h:8443/r")), 0);
    assert_int_equal(git_place_match(S("h:8443"), S("h:8443/r")), 7);
    assert_int_equal(git_place_match(S(""), S("h/r")), 0);
}

static void test_redaction(void **state)
{
    struct arena a = ARENA_INIT;
    assert_slice(git_redact(&a, S("fatal: 'https://u:p@h/r@2' and ssh://git@h, a@b http://x")),
                 "fatal: 'https://h/r@2' and ssh://h, a@b http://x");
    arena_release(&a);
}

/* ---- git's sayings: what git 2.39, curl, ssh and hosts print ---- */

static void test_outcomes(void **state)
{
    static const struct {
        const char *errors;
        enum status remote, local;
    } rows[] = {
        {"fatal: could not read Username for 'https://h': terminal prompts disabled",
         STATUS_UPSTREAM_DENIED},
        {"remote: Repository not found.\nfatal: repository 'https://h/r/' not found",
         STATUS_UPSTREAM_DENIED},
        {"ERROR: Repository not found.\nfatal: Could not read from remote repository.\n\nPlease "
         "make "
         "sure you have the correct access rights\nand the repository exists.",
         STATUS_UPSTREAM_DENIED},
        {"git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
         STATUS_UPSTREAM_DENIED},
        {"fatal: unable to access 'https://h/r/': The requested URL returned error: 403",
         STATUS_UPSTREAM_DENIED},
        {"remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://h/r/'",
         STATUS_UPSTREAM_DENIED},
        {"fatal: remote error: access denied or repository not exported: /r",
         STATUS_UPSTREAM_DENIED},
        {"Host key verification failed.\nfatal: Could not read from remote repository.",
         STATUS_HOST_KEY},
        {"@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
         STATUS_HOST_KEY},
        {"fatal: unable to access 'https://h/r/': server certificate verification failed. CAfile: "
         "none CRLfile: none",
         STATUS_TLS_CERT},
        {"fatal: unable to access 'https://h/r/': Could not resolve host: h", STATUS_DNS},
        {"ssh: Could not resolve hostname h: Name or service not known\nfatal: Could not read from "
         "remote repository.",
         STATUS_DNS},
        {"fatal: unable to look up h (port 9418) (Name or service not known)", STATUS_DNS},
        {"fatal: unable to access 'https://h/r/': Failed to connect to h port 443 after 0 ms: "
         "Couldn't connect to server",
         STATUS_CONNECT},
        {"ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote "
         "repository.",
         STATUS_CONNECT},
        {"ssh: connect to host h port 22: Connection timed out\nfatal: Could not read from remote "
         "repository.",
         STATUS_TIMEOUT},
        {"fatal: unable to access 'https://h/r/': Operation too slow. Less than 1 bytes/sec "
         "transferred the last 30 seconds",
         STATUS_TIMEOUT},
        {"fatal: unable to access 'https://h/r/': The requested URL returned error: 429",
         STATUS_UPSTREAM_BUSY},
        {"fatal: unable to access 'https://h/r/': The requested URL returned error: 502",
         STATUS_UPSTREAM_ERROR},
        {"fatal: couldn't find remote ref refs/tags/v1", STATUS_NOT_FOUND},
        {"fetch-pack: unexpected disconnect while reading sideband packet\nfatal: early "
         "EOF\nfatal: "
         "fetch-pack: invalid index-pack output",
         STATUS_BROKEN},
        {"fatal: the remote end hung up unexpectedly", STATUS_BROKEN},
        {"kex_exchange_identification: Connection closed by remote host\nfatal: Could not read "
         "from "
         "remote repository.",
         STATUS_BROKEN},
        {"fatal: transport 'file' not allowed", STATUS_DENIED},
        {"fatal: https://h/r/info/refs not valid: is this a git repository?", STATUS_BAD_ANSWER},
        {"error: unable to create file: No space left on device", STATUS_NO_SPACE, STATUS_NO_SPACE},
        {"fatal: cannot store pack file: Read-only file system", STATUS_READ_ONLY,
         STATUS_READ_ONLY},
        {"fatal: Out of memory, malloc failed", STATUS_INTERNAL, STATUS_INTERNAL},
        {"fatal: bad object 8aebb84d", STATUS_CORRUPT},
        {"fatal: bad config line 1 in file /d/config", STATUS_CORRUPT},
        {"fatal: not a git repository: '/d'", STATUS_CORRUPT},
        {"fatal: Unable to create '/d/shallow.lock': File exists.", STATUS_CORRUPT},
        {"fatal: something new", STATUS_UPSTREAM_ERROR},
    };
    struct arena a = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct proc_result r = {.exit_code = 128, .errors = slice_of(rows[i].errors)};
        enum status remote = git_outcome(&a, S("r"), &r, true)->status;
        enum status local = git_outcome(&a, S("r"), &r, false)->status;
        if (remote != rows[i].remote)
            fail_msg("%s: %s", rows[i].errors, status_name(remote));
        if (local != (rows[i].local ? rows[i].local : STATUS_CORRUPT))
            fail_msg("%s: %s", rows[i].errors, status_name(local));
    }
    assert_slice(git_missing_ref(S("x\nfatal: couldn't find remote ref refs/tags/v1\ny")),
                 "refs/tags/v1");
    assert_slice(git_missing_ref(S("fatal: other")), "");
    arena_release(&a);
}

static void test_outcomes_say_what_to_do(void **state)
{
    struct arena a = ARENA_INIT;
    struct proc_result r = {.exit_code = 128,
                            .errors = S("fatal: Authentication failed for 'https://u:pw@h/r/'\n")};
    struct slice text = git_outcome(&a, S("https://h/r"), &r, true)->text;
    assert_true(slice_find_slice(text, S("vcs.tokens")) > 0);
    assert_true(slice_find_slice(text, S("vcs.ssh_keys")) > 0);
    assert_int_equal(slice_find_slice(text, S("pw")), -1);
    r.errors = S("Host key verification failed.");
    text = git_outcome(&a, S("ssh://h/r"), &r, true)->text;
    assert_true(slice_find_slice(text, S("vcs.known_hosts")) > 0);
    arena_release(&a);
}

/* ---- refs ---- */

#define H1 "1111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222"
#define H3 "3333333333333333333333333333333333333333"

static void test_refs(void **state)
{
    struct git_refs *refs =
        git_refs_parse(S(H1 "\tHEAD\n" H1 "\trefs/heads/main\n" H2 "\trefs/pull/1/head\n" H2
                            "\trefs/tags/v1\n" H2 "\trefs/tags/v1.0.0\n" H3 "\trefs/tags/v1^{}\n"
                            "nonsense\n" H1 " refs/heads/x y\n"
                            "short\trefs/tags/v2\n" H3 "\trefs/tags/sub/v1.0.0\n"));
    const struct git_ref *rows;
    assert_int_equal(refs->count, 5);
    assert_slice(git_refs_find(refs, S("refs/tags/v1"))->hash, H3);
    assert_slice(git_refs_find(refs, S("HEAD"))->hash, H1);
    assert_null(git_refs_find(refs, S("refs/pull/1/head")));
    assert_null(git_refs_find(refs, S("refs/tags/v")));
    assert_int_equal(git_refs_with_hash(refs, S("1111111"), &rows), 2);
    assert_slice(rows[0].name, "HEAD");
    assert_int_equal(git_refs_with_hash(refs, S("4"), &rows), 0);
    assert_int_equal(git_refs_tags(refs, S("v1"), &rows), 2);
    assert_slice(rows[0].name, "refs/tags/v1");
    assert_int_equal(git_refs_tags(refs, S("w"), &rows), 0);
    git_refs_release(refs);
    refs = git_refs_parse(S(""));
    assert_int_equal(refs->count, 0);
    assert_null(git_refs_find(refs, S("HEAD")));
    /* printf '' | openssl sha256 -binary | base64 */
    assert_slice(refs->repo_sum, "r1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    git_refs_release(refs);
}

/* The sums were made by a Go program, with its %q. */
static void test_sums(void **state)
{
    struct arena a = ARENA_INIT;
    struct git_refs *refs = git_refs_parse(
        S(H1 "\tHEAD\n" H1 "\trefs/tags/v1.0.0\n" H1 "\trefs/tags/v1.0.0+meta\n" H1
             "\trefs/tags/v1\n" H1 "\trefs/tags/v0.0.0-20200101000000-111111111111\n" H2
             "\trefs/tags/g\xc3\xbc\"\xff\n" H3 "\trefs/tags/sub/v2.0.0\n"));
    assert_slice(git_refs_tag_sum(&a, refs, S("")),
                 "t1:FcV5wrb3ijvBcM1wNtNPLAkASudyJeipPTBZBB4FuMw=");
    assert_slice(git_refs_tag_sum(&a, refs, S("sub/v")),
                 "t1:a1mAMDFUgSpRWe6obPSyy9bd7FBjQXFgf1zMr8wU9kc=");
    assert_slice(refs->repo_sum, "r1:rubjjrrTPAw/gFj5jSKTwPbyP0QLpwvazIVu0MfAagk=");
    git_refs_release(refs);
    arena_release(&a);
}

static void test_ten_thousand_tags(void **state)
{
    BUF_SCOPED(b);
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "%040x\trefs/tags/v1.%d.0\n%040x\trefs/tags/v1.%d.0^{}\n", i, i, i + 20000,
                   i);
    struct git_refs *refs = git_refs_parse(buf_slice(&b));
    const struct git_ref *rows;
    assert_int_equal(refs->count, 10000);
    assert_int_equal(git_refs_tags(refs, S("v1."), &rows), 10000);
    assert_true(git_refs_find(refs, S("refs/tags/v1.9999.0"))->is_peeled);
    assert_true(refs->bytes < 6 << 20);
    git_refs_release(refs);
}

/* ---- the environment ---- */

static const char *value_of(const char *const *env, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;
    for (; *env; env++) {
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') {
            assert_null(found); /* twice is what programs disagree about */
            found = *env + n + 1;
        }
    }
    return found;
}

static bool has_argument(const struct git_env *e, const char *part)
{
    for (size_t i = 0; i < e->fixed_count; i++) {
        if (strstr(e->fixed[i], part))
            return true;
    }
    return false;
}

static void test_environment_is_an_allow_list(void **state)
{
    char *const given[] = {"PATH=/bin",
                           "HOME=/h",
                           "TMPDIR=/t",
                           "LANG=de_DE.UTF-8",
                           "LC_ALL=de_DE.UTF-8",
                           "SECRET=s",
                           "LD_PRELOAD=x",
                           "SSH_AUTH_SOCK=/a",
                           "SSH_ASKPASS=/x",
                           "DISPLAY=:0",
                           "https_proxy=http://p",
                           "NO_PROXY=h",
                           "SSL_CERT_FILE=/c",
                           "GIT_SSL_CAINFO=/ca",
                           "GIT_DIR=/d",
                           "GIT_WORK_TREE=/d",
                           "GIT_INDEX_FILE=/d",
                           "GIT_OBJECT_DIRECTORY=/d",
                           "GIT_ASKPASS=/x",
                           "GIT_TRACE_CURL=1",
                           "GIT_CURL_VERBOSE=1",
                           "GIT_TERMINAL_PROMPT=1",
                           "GIT_ALLOW_PROTOCOL=ext",
                           "GIT_CONFIG_COUNT=1",
                           "GIT_CONFIG_KEY_0=a.b",
                           "GIT_CONFIG_VALUE_0=c",
                           "GIT_CONFIG_PARAMETERS='d.e=f'",
                           "MODGATE_VCS_TOKENS=x",
                           NULL};
    struct arena a = ARENA_INIT;
    struct git_env e;
    const struct git_token bearer = {.place = "h", .secret = "tok", .is_bearer = true};
    struct git_options o = {.dir = "/vcs", .tokens = &bearer, .token_count = 1};
    assert_ok(git_env_make(&a, &o, "/bin/git", given, &e));
    const char *const *env = git_env_for(&a, &o, &e, "/vcs/m", S("https://h/r"), false);
    static const char *const absent[] = {
        "SECRET",           "LD_PRELOAD",        "SSH_AUTH_SOCK",        "DISPLAY",
        "GIT_WORK_TREE",    "GIT_INDEX_FILE",    "GIT_OBJECT_DIRECTORY", "GIT_TRACE_CURL",
        "GIT_CURL_VERBOSE", "MODGATE_VCS_TOKENS"};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        assert_null(value_of(env, absent[i]));
    static const char *const there[][2] = {{"PATH", "/bin"},
                                           {"HOME", "/h"},
                                           {"TMPDIR", "/t"},
                                           {"LC_ALL", "C"},
                                           {"https_proxy", "http://p"},
                                           {"NO_PROXY", "h"},
                                           {"SSL_CERT_FILE", "/c"},
                                           {"GIT_SSL_CAINFO", "/ca"},
                                           {"GIT_DIR", "/vcs/m"},
                                           {"GIT_ASKPASS", ""},
                                           {"SSH_ASKPASS", ""},
                                           {"GIT_TERMINAL_PROMPT", "0"},
                                           {"GIT_ALLOW_PROTOCOL", "https:ssh"},
                                           {"GIT_CONFIG_COUNT", "2"},
                                           {"GIT_CONFIG_KEY_0", "a.b"},
                                           {"GIT_CONFIG_KEY_1", "http.https://h.extraHeader"},
                                           {"GIT_CONFIG_VALUE_1", "Authorization: Bearer tok"},
                                           {"GIT_CONFIG_PARAMETERS", "'d.e=f'"}};
    for (size_t i = 0; i < ARRAY_LEN(there); i++) {
        const char *value = value_of(env, there[i][0]);
        assert_non_null(value);
        assert_string_equal(value, there[i][1]);
    }
    assert_true(has_argument(&e, "http.https://h.followRedirects=false"));
    assert_false(has_argument(&e, "tok"));
    env = git_env_for(&a, &o, &e, NULL, S("http://h/r"), true);
    assert_string_equal(value_of(env, "GIT_ALLOW_PROTOCOL"), "https:ssh:http:git");
    assert_null(value_of(env, "GIT_DIR"));
    arena_release(&a);
}

static void test_a_configuration_of_ours_replaces_all_others(void **state)
{
    char *const given[] = {"GIT_CONFIG_COUNT=1",
                           "GIT_CONFIG_KEY_0=a.b",
                           "GIT_CONFIG_VALUE_0=c",
                           "GIT_CONFIG_GLOBAL=/x",
                           "SSH_AUTH_SOCK=/a",
                           "GIT_SSL_CAINFO=/x",
                           NULL};
    struct arena a = ARENA_INIT;
    struct git_env e;
    struct git_options o = {
        .dir = "/vcs", .config_file = "/etc/g", .use_ssh_agent = true, .ca_file = "/ca"};
    assert_ok(git_env_make(&a, &o, "/bin/git", given, &e));
    const char *const *env = git_env_for(&a, &o, &e, NULL, S("https://h/r"), false);
    assert_null(value_of(env, "GIT_CONFIG_COUNT"));
    assert_null(value_of(env, "GIT_CONFIG_KEY_0"));
    assert_string_equal(value_of(env, "GIT_CONFIG_GLOBAL"), "/etc/g");
    assert_string_equal(value_of(env, "GIT_CONFIG_NOSYSTEM"), "1");
    assert_string_equal(value_of(env, "SSH_AUTH_SOCK"), "/a");
    assert_string_equal(value_of(env, "GIT_SSL_CAINFO"), "/ca");
    assert_string_equal(value_of(env, "GIT_SSL_CAPATH"), "/vcs/none");
    arena_release(&a);
}

/* What go is told to trust, git trusts too, unless it is told something itself. */
static void test_certificates(void **state)
{
    char *const given[] = {"SSL_CERT_FILE=/c", "SSL_CERT_DIR=/d", NULL};
    char *const several[] = {"SSL_CERT_FILE=", "SSL_CERT_DIR=/d:/e", NULL};
    char *const own[] = {"GIT_SSL_CAPATH=/own", "SSL_CERT_DIR=/d", NULL};
    static const char config[] = "http.https://h.sslcainfo\n/x";
    struct arena a = ARENA_INIT;
    struct git_env e;
    struct git_options o = {.dir = "/vcs"};
    assert_ok(git_env_make(&a, &o, "/bin/git", given, &e));
    const char *const *env = git_env_for(&a, &o, &e, NULL, S("https://h/r"), false);
    assert_string_equal(value_of(env, "GIT_SSL_CAINFO"), "/c");
    assert_string_equal(value_of(env, "GIT_SSL_CAPATH"), "/d");
    git_env_take_config(&a, slice_make(config, sizeof(config)), &e);
    env = git_env_for(&a, &o, &e, NULL, S("https://h/r"), false);
    assert_null(value_of(env, "GIT_SSL_CAINFO"));
    assert_string_equal(value_of(env, "GIT_SSL_CAPATH"), "/d");
    assert_ok(git_env_make(&a, &o, "/bin/git", several, &e));
    env = git_env_for(&a, &o, &e, NULL, S("https://h/r"), false);
    assert_null(value_of(env, "GIT_SSL_CAINFO"));
    assert_null(value_of(env, "GIT_SSL_CAPATH"));
    assert_ok(git_env_make(&a, &o, "/bin/git", own, &e));
    env = git_env_for(&a, &o, &e, NULL, S("https://h/r"), false);
    assert_string_equal(value_of(env, "GIT_SSL_CAPATH"), "/own");
    arena_release(&a);
}

static const char *ssh_for(struct arena *a, const struct git_options *o, const struct git_env *e,
                           const char *url)
{
    return value_of(git_env_for(a, o, e, NULL, slice_of(url), false), "GIT_SSH_COMMAND");
}

static void test_ssh_rules(void **state)
{
    char *const given[] = {NULL};
    const struct git_file_rule keys[] = {
        {"*", "/k/any"}, {"h", "/k/h"}, {"h/team", "/k/a b%c"}, {"h:2222", "/k/port"}};
    const struct git_file_rule hosts[] = {{"h", "/k/hosts"}};
    struct git_options o = {.dir = "/vcs",
                            .ssh_keys = keys,
                            .ssh_key_count = ARRAY_LEN(keys),
                            .known_hosts = hosts,
                            .known_hosts_count = 1};
    struct arena a = ARENA_INIT;
    struct git_env e;
    assert_ok(git_env_make(&a, &o, "/bin/git", given, &e));
    assert_non_null(strstr(ssh_for(&a, &o, &e, "ssh://git@h/r"), "'IdentityFile=\"/k/h\"'"));
    assert_non_null(strstr(ssh_for(&a, &o, &e, "git@h:team/r"), "'IdentityFile=\"/k/a b%%c\"'"));
    assert_non_null(strstr(ssh_for(&a, &o, &e, "ssh://h:2222/team/r"), "/k/port"));
    const char *other = ssh_for(&a, &o, &e, "ssh://other/r");
    assert_non_null(strstr(other, "/k/any"));
    assert_null(strstr(other, "/k/hosts"));
    static const char *const always[] = {"BatchMode=yes", "StrictHostKeyChecking=yes",
                                         "IdentitiesOnly=yes", "IdentityAgent=none",
                                         "ControlMaster=no"};
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        assert_non_null(strstr(other, always[i]));
    assert_non_null(strstr(ssh_for(&a, &o, &e, "ssh://h/r"), "/k/hosts"));
    assert_null(ssh_for(&a, &o, &e, "https://h/r"));
    /* insteadOf moves a URL to ssh: the longest that fits. */
    git_env_take_config(&a,
                        S("url.ssh://git@h/team/.insteadof\nhttps://x/t/\0"
                          "url.git@z:.insteadof\nhttps://x/\0"),
                        &e);
    assert_non_null(strstr(ssh_for(&a, &o, &e, "https://x/t/r"), "/k/a b%%c"));
    assert_non_null(strstr(ssh_for(&a, &o, &e, "https://x/r"), "/k/any"));
    /* The user's own way holds where no key is given. */
    o.ssh_keys = keys + 1;
    o.ssh_key_count--;
    assert_non_null(ssh_for(&a, &o, &e, "ssh://other/r"));
    git_env_take_config(&a, S("core.sshcommand\nmyssh\0"), &e);
    assert_null(ssh_for(&a, &o, &e, "ssh://other/r"));
    assert_non_null(ssh_for(&a, &o, &e, "ssh://h/r"));
    arena_release(&a);
}

static void test_options_that_cannot_be_used(void **state)
{
    static const struct git_token tokens[] = {
        {"*", NULL, "s"},    {"", NULL, "s"},    {"https://h", NULL, "s"}, {"h", NULL, ""},
        {"h", NULL, "a\nb"}, {"h", "u\nx", "s"}, {"h/a=b", NULL, "s"},     {"u@h", NULL, "s"},
        {NULL, NULL, "s"},   {"h", NULL, NULL},
    };
    static const struct git_file_rule keys[] = {
        {"h", "relative"}, {"h", "/a\"b"}, {"h", "/a'b"}, {"h", NULL}, {NULL, "/k"}};
    char *const given[] = {NULL};
    struct arena a = ARENA_INIT;
    struct git_env e;
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        struct git_options o = {.dir = "/vcs", .tokens = &tokens[i], .token_count = 1};
        assert_status(git_env_make(&a, &o, "/bin/git", given, &e), STATUS_BAD_CONFIG);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct git_options o = {.dir = "/vcs", .ssh_keys = &keys[i], .ssh_key_count = 1};
        assert_status(git_env_make(&a, &o, "/bin/git", given, &e), STATUS_BAD_CONFIG);
    }
    struct git_options o = {.dir = "/vcs", .netrc_file = "/nonexistent/netrc"};
    assert_status(git_env_make(&a, &o, "/bin/git", given, &e), STATUS_BAD_CONFIG);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_redaction),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_outcomes_say_what_to_do),
        cmocka_unit_test(test_refs),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_ten_thousand_tags),
        cmocka_unit_test(test_environment_is_an_allow_list),
        cmocka_unit_test(test_a_configuration_of_ours_replaces_all_others),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_ssh_rules),
        cmocka_unit_test(test_options_that_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
