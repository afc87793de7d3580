/* Identities out of credentials, with the real file of tokens; issuers are tested end to end. */
#include "cert.h"

#include "access/access.h"
#include "access/throttle.h"
#include "access/token_file.h"
#include "base/ctx.h"
#include "base/file.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    struct arena arena;
    char dir[64];
    struct lane *lane;
    struct access *access;
    struct access_options options;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/modgate-access-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->lane = lane_new(&(struct lane_options){.name = "test", .max_threads = 1, .max_queued = 4});
    f->options = (struct access_options){
        .data_dir = f->dir, .lane = f->lane, .loops = 1, .anonymous = "", .limits.burst = 1};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->access)
        access_stop(f->access);
    lane_close(f->lane);
    access_free(f->access);
    assert_ok(dir_remove(&f->arena, f->dir));
    arena_release(&f->arena);
    free(f);
    return 0;
}

struct wanted {
    const char *name, *scopes;
    int64_t expires_unix_s;
    struct slice text;
};

static struct error *add(void *arg, struct arena *a, struct tokens *t)
{
    struct wanted *w = arg;
    struct token *rows = ARENA_ARRAY(a, struct token, t->count + 1);
    if (t->count)
        memcpy(rows, t->rows, t->count * sizeof(*rows));
    rows[t->count].name = slice_of(w->name);
    rows[t->count].expires_unix_s = w->expires_unix_s;
    TRY(scopes_parse(a, slice_of(w->scopes), &rows[t->count].scopes));
    w->text = token_make(a, &rows[t->count]);
    *t = (struct tokens){rows, t->count + 1};
    return NULL;
}

static struct slice add_token(struct fixture *f, const char *name, const char *scopes,
                              int64_t expires_unix_s)
{
    struct wanted w = {name, scopes, expires_unix_s, S("")};
    assert_ok(token_file_change(&f->arena, f->dir, add, &w));
    return w.text;
}

static struct error *remove_all(void *arg, struct arena *a, struct tokens *t)
{
    t->count = 0;
    return NULL;
}

static void start(struct fixture *f)
{
    assert_ok(access_new(&f->arena, &f->options, &f->access));
}

static struct access_answer ask(struct fixture *f, struct slice authorization, X509 *cert)
{
    struct access_request rq = {
        .authorization = authorization, .certificate = cert, .peer = S("192.0.2.1:99")};
    struct access_answer answer;
    access_identify(f->access, &f->arena, &rq, &answer);
    return answer;
}

static struct slice bearer(struct fixture *f, struct slice token)
{
    return arena_printf(&f->arena, "Bearer %.*s", SLICE_ARG(token));
}

/* Fails unless that is who it is; "" = nobody. */
static void expect(struct fixture *f, struct slice authorization, const char *name,
                   enum status status)
{
    struct access_answer got = ask(f, authorization, NULL);
    assert_slice(got.who ? got.who->name : S(""), name);
    assert_int_equal(got.err ? got.err->status : STATUS_OK, status);
    access_identity_unref(got.who);
}

static void test_nothing_is_configured(void **state)
{
    struct fixture *f = *state;
    start(f);
    assert_false(access_is_active(f->access));
    assert_false(access_is_required(f->access));
}

static void test_tokens(void **state)
{
    struct fixture *f = *state;
    struct slice ci = add_token(f, "ci", "*:a.example:read", 0);
    struct slice old = add_token(f, "old", "*:*:admin", 1);
    f->options.is_required = true;
    start(f);
    assert_true(access_is_active(f->access));
    for (int i = 0; i < 2; i++) { /* the second time out of the cache */
        expect(f, bearer(f, ci), "token:ci", STATUS_OK);
        expect(f, bearer(f, old), "", STATUS_BAD_CREDENTIALS);
        expect(f, S("Bearer x"), "", STATUS_BAD_CREDENTIALS);
        expect(f, S("Basic x"), "", STATUS_BAD_REQUEST);
        expect(f, (struct slice){0}, "anonymous", STATUS_OK);
    }
    struct access_answer got = ask(f, bearer(f, ci), NULL);
    assert_true(scopes_allow(&got.who->scopes, S("r"), S("a.example/x"), ACTION_READ));
    assert_false(scopes_allow(&got.who->scopes, S("r"), S("b.example/x"), ACTION_READ));
    access_identity_unref(got.who);
}

static void test_open_mode_lets_everybody_read(void **state)
{
    struct fixture *f = *state;
    struct slice ci = add_token(f, "ci", "*:a.example:publish", 0);
    start(f);
    assert_true(access_is_active(f->access));
    struct access_answer got = ask(f, bearer(f, ci), NULL);
    assert_true(scopes_allow(&got.who->scopes, S("r"), S("b.example"), ACTION_READ));
    assert_false(scopes_allow(&got.who->scopes, S("r"), S("b.example"), ACTION_PUBLISH));
    assert_true(scopes_allow(&got.who->scopes, S("r"), S("a.example"), ACTION_PUBLISH));
    access_identity_unref(got.who);
    expect(f, S("Bearer x"), "anonymous", STATUS_BAD_CREDENTIALS);
}

/* The thread sees the change; how long it may take is not what is tested. */
static void wait_until_refused(struct fixture *f, struct slice token)
{
    for (int i = 0; i < 600; i++) {
        struct access_answer got = ask(f, bearer(f, token), NULL);
        bool is_refused = got.who == NULL;
        access_identity_unref(got.who);
        if (is_refused)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    fail_msg("the token still holds");
}

static void test_a_revoked_token_ends(void **state)
{
    struct fixture *f = *state;
    struct slice ci = add_token(f, "ci", "*:*:read", 0);
    f->options.is_required = true;
    start(f);
    expect(f, bearer(f, ci), "token:ci", STATUS_OK);
    assert_ok(token_file_change(&f->arena, f->dir, remove_all, NULL));
    wait_until_refused(f, ci);
}

static void damage(struct fixture *f)
{
    int fd = open(token_file_path(&f->arena, f->dir), O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_ok(fd_write_all(&f->arena, fd, S("{")));
    close(fd);
}

static void test_a_damaged_file_closes(void **state)
{
    struct fixture *f = *state;
    struct slice *troubles;
    size_t count;
    struct slice ci = add_token(f, "ci", "*:*:read", 0);
    f->options.is_required = true;
    start(f);
    expect(f, bearer(f, ci), "token:ci", STATUS_OK);
    damage(f);
    assert_ok(access_set(&f->arena, f->access, &f->options));
    expect(f, bearer(f, ci), "", STATUS_NO_KEYS);
    access_troubles(f->access, &f->arena, &troubles, &count);
    assert_int_equal(count, 1);
}

static void test_no_start_with_a_damaged_file(void **state)
{
    struct fixture *f = *state;
    struct access *x;
    add_token(f, "ci", "*:*:read", 0);
    damage(f);
    assert_status(access_new(&f->arena, &f->options, &x), STATUS_CORRUPT);
}

static void test_guessing_waits_and_good_ones_are_taken(void **state)
{
    struct fixture *f = *state;
    struct slice ci = add_token(f, "ci", "*:*:read", 0);
    struct slice late = add_token(f, "late", "*:*:read", 0);
    f->options.is_required = true;
    start(f);
    expect(f, bearer(f, ci), "token:ci", STATUS_OK);
    for (int i = 0; i <= THROTTLE_FREE; i++)
        expect(f, S("Bearer wrong"), "", STATUS_BAD_CREDENTIALS);
    expect(f, S("Bearer wrong"), "", STATUS_TOO_MANY);
    expect(f, S("Basic ?"), "", STATUS_TOO_MANY);
    expect(f, bearer(f, late), "token:late", STATUS_OK);
    expect(f, bearer(f, ci), "token:ci", STATUS_OK);
    expect(f, (struct slice){0}, "anonymous", STATUS_OK);
}

static void test_certificates(void **state)
{
    struct fixture *f = *state;
    struct access_certificate_option rules[] = {{"a:1", "CN=ci-*", "*:a.example:read"},
                                                {"a:2", "DNS=*.ci.example", "*:b.example:publish"}};
    f->options.is_required = true;
    f->options.certificates = rules;
    f->options.certificate_count = ARRAY_LEN(rules);
    start(f);
    X509 *cert = make_certificate(S("ci-1"), "DNS:x.ci.example", 3600);
    X509 *other = make_certificate(S("other"), NULL, 3600);
    X509 *expired = make_certificate(S("ci-1"), NULL, -10);
    struct access_answer got = ask(f, (struct slice){0}, cert);
    assert_slice(got.who->name, "cert:CN=ci-1");
    assert_true(scopes_allow(&got.who->scopes, S("r"), S("a.example"), ACTION_READ));
    assert_true(scopes_allow(&got.who->scopes, S("r"), S("b.example"), ACTION_PUBLISH));
    access_identity_unref(got.who);
    got = ask(f, (struct slice){0}, other);
    assert_slice(got.who->name, "cert:CN=other");
    assert_false(scopes_allow_some(&got.who->scopes, S("r"), ACTION_READ));
    access_identity_unref(got.who);
    got = ask(f, (struct slice){0}, expired);
    assert_null(got.who);
    assert_int_equal(got.err->status, STATUS_BAD_CREDENTIALS);
    X509_free(cert);
    X509_free(other);
    X509_free(expired);
}

static void test_settings_that_cannot_be_used(void **state)
{
    struct fixture *f = *state;
    struct issuer_options issuer = {.name = "i", .url = "https://i.example", .audience = "us"};
    struct access_claim_option claim = {"m.yaml:3", "i", "sub=x", "*:*:read"};
    struct access_certificate_option cert = {"m.yaml:4", "CN=x", "*:*:read"};
    struct access_options good = f->options, o;
    good.issuers = &issuer;
    good.claims = &claim;
    good.certificates = &cert;
    good.issuer_count = good.claim_count = good.certificate_count = 1;
    assert_ok(access_check_options(&f->arena, &good));
#define REFUSED(change, back)                                                                      \
    o = good;                                                                                      \
    change;                                                                                        \
    assert_status(access_check_options(&f->arena, &o), STATUS_BAD_CONFIG);                         \
    back
    REFUSED(o.anonymous = "*:*:read", );
    REFUSED((o.is_required = true, o.anonymous = "nonsense"), );
    REFUSED(issuer.url = "http://i.example", issuer.url = "https://i.example");
    REFUSED(issuer.audience = "", issuer.audience = "us");
    REFUSED(issuer.jwks_url = "http://i.example/keys", issuer.jwks_url = NULL);
    REFUSED(issuer.ca_file = "/nonexistent", issuer.ca_file = NULL);
    REFUSED(claim.issuer = "j", claim.issuer = "i");
    REFUSED(claim.claims = "", claim.claims = "sub=x");
    REFUSED(claim.scopes = "", claim.scopes = "*:*:read");
    REFUSED(cert.subject = "x", cert.subject = "CN=x");
    REFUSED(cert.scopes = "*:*:all", cert.scopes = "*:*:read");
    assert_ok(access_check_options(&f->arena, &good));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_configured),
        TEST(test_tokens),
        TEST(test_open_mode_lets_everybody_read),
        TEST(test_a_revoked_token_ends),
        TEST(test_a_damaged_file_closes),
        TEST(test_no_start_with_a_damaged_file),
        TEST(test_guessing_waits_and_good_ones_are_taken),
        TEST(test_certificates),
        TEST(test_settings_that_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
