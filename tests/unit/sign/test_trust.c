#include "../test.h"
#include "keys.h"

#include "sign/trust.h"

#include "base/file.h"

#include <sys/mman.h>

static int signed_file(void)
{
    struct arena a = ARENA_INIT;
    int fd = memfd_create("text", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(fd_write_all(&a, fd, S(SIGNED_TEXT)));
    arena_release(&a);
    return fd;
}

static const struct trust_spec specs[] = {
    {S("build"), S("example.com/team,example.org"), S(COSIGN_PUB)},
    {S("release"), S("example.com"), S(ED25519_PUB)},
    {S("nobody"), S("example.com"), S(SEC1_PUB)},
};

static struct slice lines_of(struct arena *a, const struct sign_trust *t, const char *path,
                             const char *signatures)
{
    struct slice lines;
    FD_SCOPED fd = signed_file();
    assert_ok(sign_trust_check(a, t, slice_of(path), fd, slice_of(signatures), &lines));
    return lines;
}

static void expect_names(struct arena *a, const struct sign_trust *t, const char *path,
                         struct slice lines, const char *expected)
{
    struct slice *names;
    size_t count;
    BUF_SCOPED(b);
    sign_trust_names(a, t, slice_of(path), lines, &names, &count);
    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%.*s ", SLICE_ARG(names[i]));
    assert_slice(buf_slice(&b), expected);
}

static void test_who_has_signed(void **state)
{
    struct arena a = ARENA_INIT;
    struct sign_trust *t;
    const char *both = COSIGN_SIGNATURE "\n" ED25519_SIGNATURE "\n";
    assert_ok(sign_trust_new(&a, specs, ARRAY_LEN(specs), &t));
    assert_true(sign_trust_wants(t, S("example.com/other")));
    assert_false(sign_trust_wants(t, S("example.net/m")));
    assert_false(sign_trust_wants(NULL, S("example.com/m")));
    struct slice lines = lines_of(&a, t, "example.com/team/m", both);
    expect_names(&a, t, "example.com/team/m", lines, "build release ");
    expect_names(&a, t, "example.com/m", lines, "release "); /* trusted for other paths */
    expect_names(&a, NULL, "example.com/m", lines, "");
    assert_slice(lines_of(&a, t, "example.com/team/m", ED25519_SIGNATURE),
                 slice_head(slice_skip(lines, (size_t)slice_find(lines, '\n') + 1), 1000).p);
    assert_slice(lines_of(&a, t, "example.net/m", both), "");
    assert_slice(lines_of(&a, t, "example.com/team/m", ""), "");
    assert_slice(lines_of(&a, t, "example.com/team/m", "AAAA\nno base64\n"), "");
    expect_names(&a, t, "example.com/m", S("release sha256:00\nrelease\n\nnobody\n"), "");
    sign_trust_free(t);
    sign_trust_free(NULL);
    arena_release(&a);
}

static void test_a_key_that_is_trusted_no_more(void **state)
{
    struct arena a = ARENA_INIT;
    struct sign_trust *t, *later;
    const struct trust_spec other = {S("release"), S("example.com"), S(SEC1_PUB)};
    assert_ok(sign_trust_new(&a, specs, ARRAY_LEN(specs), &t));
    assert_ok(sign_trust_new(&a, &other, 1, &later));
    struct slice lines = lines_of(&a, t, "example.com/m", ED25519_SIGNATURE);
    expect_names(&a, t, "example.com/m", lines, "release ");
    expect_names(&a, later, "example.com/m", lines, ""); /* the same name, another key */
    sign_trust_free(t);
    sign_trust_free(later);
    arena_release(&a);
}

static void test_a_name_with_two_keys_is_named_once(void **state)
{
    struct arena a = ARENA_INIT;
    struct sign_trust *t;
    const struct trust_spec two[] = {{S("build"), S("*"), S(COSIGN_PUB)},
                                     {S("build"), S("*"), S(ED25519_PUB)},
                                     {S("release"), S("*"), S(ED25519_PUB)}};
    assert_ok(sign_trust_new(&a, two, ARRAY_LEN(two), &t));
    struct slice lines = lines_of(&a, t, "m.example", COSIGN_SIGNATURE "\n" ED25519_SIGNATURE);
    expect_names(&a, t, "m.example", lines, "build release ");
    sign_trust_free(t);
    arena_release(&a);
}

static void test_digest_is_of_the_keys_that_count(void **state)
{
    struct arena a = ARENA_INIT;
    struct sign_trust *all, *one;
    const struct trust_spec renamed = {S("other"), S("example.com"), S(ED25519_PUB)};
    assert_ok(sign_trust_new(&a, specs, ARRAY_LEN(specs), &all));
    assert_ok(sign_trust_new(&a, &renamed, 1, &one));
    struct slice digest = sign_trust_digest(&a, all, S("example.com/m"));
    assert_int_equal(digest.n, 64);
    assert_true(slice_eq(digest, sign_trust_digest(&a, all, S("example.com/n"))));
    assert_false(slice_eq(digest, sign_trust_digest(&a, all, S("example.com/team/m"))));
    assert_false(slice_eq(digest, sign_trust_digest(&a, one, S("example.com/m"))));
    assert_false(slice_eq(digest, sign_trust_digest(&a, NULL, S("example.com/m"))));
    sign_trust_free(all);
    sign_trust_free(one);
    arena_release(&a);
}

static void test_what_cannot_be_trusted(void **state)
{
    struct arena a = ARENA_INIT;
    struct sign_trust *t;
    const struct trust_spec bad[] = {
        {S("two words"), S("*"), S(COSIGN_PUB)},
        {S(""), S("*"), S(COSIGN_PUB)},
        {S("x"), S("*"), S(COSIGN_KEY)},
        {S("x"), S("*"), S("")},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_status(sign_trust_new(&a, &bad[i], 1, &t), STATUS_BAD_CONFIG);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_has_signed),
        cmocka_unit_test(test_a_key_that_is_trusted_no_more),
        cmocka_unit_test(test_a_name_with_two_keys_is_named_once),
        cmocka_unit_test(test_digest_is_of_the_keys_that_count),
        cmocka_unit_test(test_what_cannot_be_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
