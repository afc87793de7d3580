/* Who gets which secret: tokens, netrc, redirects, ssh keys and host keys, with real servers. */
#include "git_fixture.h"

#include <sys/stat.h>

#define GOMOD "printf 'module example.com/m\\n' >go.mod; git add ."

static const char simple[] = GOMOD "; git commit -qm 1; git tag v1.0.0";

/* A server of its own beside the fixture's. */
struct server {
    struct proc *p;
    unsigned port;
};

static struct server start(struct fixture *f, const char *const *argv)
{
    struct server s;
    struct proc_spec spec = {.argv = argv, .env = fixture_env, .max_output_bytes = UINT64_MAX};
    struct slice line;
    uint64_t port;
    assert_ok(proc_start(&f->cx, &spec, &s.p));
    assert_ok(proc_read(s.p, &f->cx, &line));
    assert_true(slice_parse_u64(slice_trim(line), &port));
    s.port = (unsigned)port;
    return s;
}

/* What it has printed. */
static struct slice stop(struct fixture *f, struct server *s, const char *last)
{
    BUF_SCOPED(b);
    struct slice piece;
    struct proc_result r;
    while (last && slice_find_slice(buf_slice(&b), slice_of(last)) < 0) {
        assert_ok(proc_read(s->p, &f->cx, &piece));
        buf_add(&b, piece);
    }
    assert_ok(proc_finish(s->p, &f->cx, &r));
    return arena_dup(&f->arena, buf_slice(&b));
}

static const char *in_dir(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->dir, name).p;
}

static struct server start_tls(struct fixture *f)
{
    if (access(in_dir(f, "cert.pem"), F_OK) != 0)
        script(f, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                  "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key.pem "
                  "-out ca.pem 2>/dev/null; cat key.pem ca.pem >cert.pem");
    const char *argv[] = {"/usr/bin/env",        "python3", GIT_SERVER, in_dir(f, "repos"),
                          in_dir(f, "cert.pem"), NULL};
    return start(f, argv);
}

static struct error *stat_url(struct fixture *f, const char *url, bool is_insecure)
{
    struct codehost *h;
    struct vcs_rev rev;
    assert_ok(git_open(f->git, &f->cx, slice_of(url), is_insecure, &h));
    return h->ops->stat(h, &f->cx, S("v1.0.0"), &rev);
}

static const char *url_of(struct fixture *f, const struct server *s, const char *path)
{
    return arena_printf(&f->arena, "https://127.0.0.1:%u/%s", s->port, path).p;
}

static const char *place_of(struct fixture *f, const struct server *s, const char *path)
{
    return arena_printf(&f->arena, "127.0.0.1:%u%s", s->port, path).p;
}

static void use_tokens(struct fixture *f, const struct git_token *tokens, size_t count)
{
    start_git(f, (struct git_options){
                     .tokens = tokens, .token_count = count, .ca_file = in_dir(f, "ca.pem")});
}

static void test_tokens(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r", simple);
    struct server s = start_tls(f);
    const char *url = url_of(f, &s, "auth/r.git"), *host = place_of(f, &s, "");
    use_tokens(f, NULL, 0);
    struct error *err = stat_url(f, url, false);
    assert_non_null(err);
    assert_int_equal(err->status, STATUS_UPSTREAM_DENIED);
    assert_true(slice_find_slice(err->text, S("vcs.tokens")) > 0);
    const struct git_token good = {host, "u", "p", false};
    use_tokens(f, &good, 1);
    assert_ok(stat_url(f, url, false));
    assert_ok(git_probe(f->git, &f->cx, slice_of(url), false));
    const struct git_token bad = {host, "u", "not-the-password", false};
    use_tokens(f, &bad, 1);
    err = stat_url(f, url, false);
    assert_non_null(err);
    assert_int_equal(err->status, STATUS_UPSTREAM_DENIED);
    assert_int_equal(slice_find_slice(err->text, S("not-the-password")), -1);
    /* The longest place that fits, in either order; a place beside it does not. */
    const struct git_token down[] = {bad,
                                     {place_of(f, &s, "/auth"), "u", "p", false},
                                     {place_of(f, &s, "/aut"), "u", "x", false}};
    use_tokens(f, down, 3);
    assert_ok(stat_url(f, url, false));
    const struct git_token exact = {place_of(f, &s, "/auth/r"), "u", "p", false};
    use_tokens(f, &exact, 1);
    assert_ok(stat_url(f, url, false));
    const struct git_token other[] = {exact, {place_of(f, &s, "/auth/r.git"), "u", "x", false}};
    use_tokens(f, other, 2);
    assert_status(stat_url(f, url, false), STATUS_UPSTREAM_DENIED);
    const struct git_token up[] = {down[1], down[0]};
    use_tokens(f, up, 2);
    assert_ok(stat_url(f, url, false));
    const struct git_token bearer = {host, NULL, "t", true};
    use_tokens(f, &bearer, 1);
    assert_ok(stat_url(f, url_of(f, &s, "bearer/r.git"), false));
    const struct git_token mixed[] = {{host, NULL, "t", true},
                                      {place_of(f, &s, "/auth"), "u", "p", false}};
    use_tokens(f, mixed, 2);
    assert_ok(stat_url(f, url_of(f, &s, "bearer/r.git"), false));
    assert_ok(stat_url(f, url, false));
    /* No secret is on the disk. */
    assert_slice(script(f, "grep -rlE 'not-the-password|Bearer|MODGATE' vcs | grep -c . || true"),
                 "0");
    stop(f, &s, NULL);
}

static void test_netrc(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r", simple);
    struct server s = start_tls(f);
    script(f,
           arena_printf(&f->arena, "echo machine %s login u password p >netrc", place_of(f, &s, ""))
               .p);
    start_git(
        f, (struct git_options){.netrc_file = in_dir(f, "netrc"), .ca_file = in_dir(f, "ca.pem")});
    assert_ok(stat_url(f, url_of(f, &s, "auth/r.git"), false));
    stop(f, &s, NULL);
}

static void test_certificates(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r", simple);
    struct server s = start_tls(f);
    start_git(f, (struct git_options){0});
    assert_status(stat_url(f, url_of(f, &s, "r.git"), false), STATUS_TLS_CERT);
    assert_ok(stat_url(f, url_of(f, &s, "r.git"), true));
    stop(f, &s, NULL);
}

/* A host that redirects elsewhere takes no secret along. */
static void test_redirects(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r", simple);
    struct server first = start_tls(f), second = start_tls(f);
    const char *host = place_of(f, &first, "");
    const struct git_token basic = {host, "u", "p", false}, bearer = {host, NULL, "t", true};
    use_tokens(f, &basic, 1);
    const char *open = arena_printf(&f->arena, "away/127.0.0.1:%u/r.git", second.port).p;
    assert_ok(stat_url(f, url_of(f, &first, open), false));
    const char *away = arena_printf(&f->arena, "away/127.0.0.1:%u/auth/r.git", second.port).p;
    assert_status(stat_url(f, url_of(f, &first, away), false), STATUS_UPSTREAM_DENIED);
    const char *both = arena_printf(&f->arena, "auth/away/127.0.0.1:%u/auth/r.git", second.port).p;
    assert_non_null(stat_url(f, url_of(f, &first, both), false));
    const char *header = arena_printf(&f->arena, "bearer/away/127.0.0.1:%u/r.git", second.port).p;
    use_tokens(f, &bearer, 1);
    assert_non_null(stat_url(f, url_of(f, &first, header), false));
    use_tokens(f, NULL, 0);
    assert_ok(stat_url(f, url_of(f, &second, "r.git"), false)); /* the last line */
    struct slice log = stop(f, &second, "POST /r.git/git-upload-pack");
    assert_true(slice_find_slice(log, S("GET /auth/r.git/info/refs")) >= 0);
    assert_int_equal(slice_find_slice(log, S("Basic")), -1);
    assert_int_equal(slice_find_slice(log, S("Bearer")), -1);
    stop(f, &first, NULL);
}

/* Not over plain http, to whichever host. */
static void test_no_token_in_the_clear(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r", simple);
    struct server s = {.port = f->port};
    const struct git_token token = {place_of(f, &s, ""), "u", "p", false};
    start_git(f, (struct git_options){.tokens = &token, .token_count = 1});
    const char *url = arena_printf(&f->arena, "http://127.0.0.1:%u/auth/r.git", f->port).p;
    assert_status(stat_url(f, url, true), STATUS_UPSTREAM_DENIED);
}

static void test_git_protocol(void **state)
{
    struct fixture *f = *state;
    const char *base = arena_printf(&f->arena, "--base-path=%s/repos", f->dir).p;
    const char *argv[] = {"/usr/bin/env", "python3",      INET_SERVER, "git", "daemon",
                          "--inetd",      "--export-all", base,        NULL};
    make_repo(f, "r", simple);
    struct server s = start(f, argv);
    const char *url = arena_printf(&f->arena, "git://127.0.0.1:%u/r.git", s.port).p;
    assert_ok(stat_url(f, url, true));
    url = arena_printf(&f->arena, "git://127.0.0.1:%u/none.git", s.port).p;
    assert_status(stat_url(f, url, true), STATUS_UPSTREAM_DENIED);
    stop(f, &s, NULL);
}

/* ---- the user's configuration ---- */

static void test_configuration_counts(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r", simple);
    script(f, arena_printf(&f->arena,
                           "git config -f gitconfig url.http://127.0.0.1:%u/.insteadOf "
                           "https://code.example/",
                           f->port)
                  .p);
    start_git(f, (struct git_options){.config_file = in_dir(f, "gitconfig")});
    assert_ok(stat_url(f, "https://code.example/r.git", true));
    /* What git makes of a URL is held to the same rules. */
    assert_status(stat_url(f, "https://code.example/r.git", false), STATUS_DENIED);
    script(f, "echo '[' >gitconfig");
    struct git *g = NULL;
    struct git_options o = {.dir = in_dir(f, "vcs"), .config_file = in_dir(f, "gitconfig")};
    assert_status(git_new(&f->cx, &o, &g), STATUS_BAD_CONFIG);
    o = (struct git_options){.dir = in_dir(f, "vcs"), .program = "/nonexistent/git"};
    assert_status(git_new(&f->cx, &o, &g), STATUS_BAD_CONFIG);
    o = (struct git_options){.dir = in_dir(f, "vcs"), .program = "/bin/true"};
    assert_status(git_new(&f->cx, &o, &g), STATUS_BAD_CONFIG);
}

/* A git that prints what it is given sees no secret among its arguments. */
static void test_no_secret_among_arguments(void **state)
{
    struct fixture *f = *state;
    script(f, "printf '#!/bin/sh\\necho \"$@\" >>seen\\nfor a; do\\n case $a in version) echo git "
              "version 2.39.5;; esac\\ndone\\n' >fake; chmod +x fake");
    const struct git_token tokens[] = {{"h", "u", "hidden1", false}, {"b", NULL, "hidden2", true}};
    start_git(
        f, (struct git_options){.program = in_dir(f, "fake"), .tokens = tokens, .token_count = 2});
    assert_status(stat_url(f, "https://h/r", false), STATUS_NOT_FOUND); /* no refs at all */
    assert_slice(script(f, "grep -c ls-remote vcs/seen"), "1");
    assert_slice(script(f, "grep -c hidden vcs/seen || true"), "0");
}

/* ---- ssh ---- */

#define SSHD "/usr/sbin/sshd"

static struct server start_sshd(struct fixture *f)
{
    script(f, arena_printf(&f->arena,
                           "ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' "
                           "-f 'my key'; ssh-keygen -q -t ed25519 -N '' -f other\n"
                           "cp 'my key.pub' authorized; printf '%%s\\n' 'HostKey %s/host' "
                           "'AuthorizedKeysFile %s/authorized' 'StrictModes no' 'UsePAM no' "
                           "'PasswordAuthentication no' 'KbdInteractiveAuthentication no' "
                           "'PermitRootLogin yes' >sshd_config",
                           f->dir, f->dir)
                  .p);
    const char *argv[] = {"/usr/bin/env",           "python3", INET_SERVER, SSHD, "-i", "-f",
                          in_dir(f, "sshd_config"), NULL};
    struct server s = start(f, argv);
    script(f,
           arena_printf(&f->arena,
                        "printf '[127.0.0.1]:%u ' >known; cut -d' ' -f1,2 host.pub >>known\n"
                        "printf '[127.0.0.1]:%u ' >changed; cut -d' ' -f1,2 other.pub >>changed\n"
                        ": >empty",
                        s.port, s.port)
               .p);
    return s;
}

static void use_ssh(struct fixture *f, const char *key, const char *known, const char *config)
{
    const struct git_file_rule keys = {"*", in_dir(f, key)}, hosts = {"*", in_dir(f, known)};
    start_git(f, (struct git_options){.ssh_keys = &keys,
                                      .ssh_key_count = 1,
                                      .known_hosts = &hosts,
                                      .known_hosts_count = 1,
                                      .config_file = config});
}

static void test_ssh(void **state)
{
    struct fixture *f = *state;
    if (access(SSHD, X_OK) != 0 || access("/run/sshd", F_OK) != 0)
        skip();
    make_repo(f, "r", simple);
    struct server s = start_sshd(f);
    const char *url = arena_printf(&f->arena, "ssh://127.0.0.1:%u%s/repos/r.git", s.port, f->dir).p;
    use_ssh(f, "my key", "known", NULL);
    assert_ok(stat_url(f, url, false));
    use_ssh(f, "other", "known", NULL);
    struct error *err = stat_url(f, url, false);
    assert_non_null(err);
    assert_int_equal(err->status, STATUS_UPSTREAM_DENIED);
    assert_true(slice_find_slice(err->text, S("vcs.ssh_keys")) > 0);
    static const char *const untrusted[] = {"empty", "changed"};
    for (size_t i = 0; i < ARRAY_LEN(untrusted); i++) {
        use_ssh(f, "my key", untrusted[i], NULL);
        err = stat_url(f, url, false);
        assert_non_null(err);
        assert_int_equal(err->status, STATUS_HOST_KEY);
        assert_true(slice_find_slice(err->text, S("vcs.known_hosts")) > 0);
    }
    script(f, arena_printf(&f->arena,
                           "git config -f gitconfig url.ssh://127.0.0.1:%u%s/repos/.insteadOf "
                           "https://code.example/",
                           s.port, f->dir)
                  .p);
    use_ssh(f, "my key", "known", in_dir(f, "gitconfig"));
    assert_ok(stat_url(f, "https://code.example/r.git", false));
    assert_status(stat_url(f, "https://code.example/none.git", false), STATUS_UPSTREAM_DENIED);
    stop(f, &s, NULL);
}

static void test_check_key(void **state)
{
    struct fixture *f = *state;
    script(f,
           "ssh-keygen -q -t ed25519 -N '' -f good; ssh-keygen -q -t ed25519 -N secret -f "
           "locked; ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f 'good pem'; cp good.pub public; "
           "chmod 600 public; cp good open; chmod 640 open; mkdir folder");
    assert_ok(git_check_key(&f->cx, in_dir(f, "good")));
    assert_ok(git_check_key(&f->cx, in_dir(f, "good pem")));
    static const struct {
        const char *name, *says;
    } rows[] = {{"locked", "passphrase"},
                {"public", "no private"},
                {"open", "chmod 600"},
                {"folder", "no file"},
                {"none", "cannot be read"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error *err = git_check_key(&f->cx, in_dir(f, rows[i].name));
        assert_non_null(err);
        assert_int_equal(err->status, STATUS_BAD_CONFIG);
        if (slice_find_slice(err->text, slice_of(rows[i].says)) < 0)
            fail_msg("%s: %s", rows[i].name, err->text.p);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_tokens),
        T(test_netrc),
        T(test_certificates),
        T(test_redirects),
        T(test_no_token_in_the_clear),
        T(test_git_protocol),
        T(test_configuration_counts),
        T(test_no_secret_among_arguments),
        T(test_ssh),
        T(test_check_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
