#include "../test.h"

#include "base/file.h"
#include "config/defaults.h"
#include "repo/repo_priv.h"

#include <stdlib.h>

#define KEY "sum.b.example+b13c2bb5+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

struct fixture {
    struct arena arena;
    char dir[64];
    struct repo repo;
    struct source_set set;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/test-relay-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    struct store_options o = {.dir = f->dir};
    assert_ok(store_open(&f->arena, &o, &f->repo.o.store));
    f->repo.o.databases = databases_new(f->repo.o.store);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    databases_free(f->repo.o.databases);
    store_close(f->repo.o.store);
    assert_ok(dir_remove(&f->arena, f->dir));
    arena_release(&f->set.arena);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct error *parse(struct fixture *f, const char *text)
{
    f->set.s.sumdb = text;
    f->set.relay_count = 0;
    return relays_parse(&f->arena, &f->repo, &f->set);
}

static const char *good_key(struct fixture *f)
{
    static const uint8_t seed[NOTE_KEY_BYTES] = {9};
    struct note_signer s;
    assert_ok(note_signer_make(&f->arena, S("sum.b.example"), seed, &s));
    return note_verifier_format(&f->arena, &s.verifier).p;
}

static void test_lists(void **state)
{
    struct fixture *f = *state;
    const char *key = good_key(f);
    assert_ok(parse(f, arena_printf(&f->arena, DEFAULT_SUMDB ", %s https://b.example/x/", key).p));
    assert_int_equal(f->set.relay_count, 2);
    assert_slice(f->set.relays[0].db->name, DEFAULT_SUMDB);
    assert_slice(f->set.relays[0].url, "https://" DEFAULT_SUMDB);
    assert_false(f->set.relays[0].has_own_url);
    assert_slice(f->set.relays[1].db->name, "sum.b.example");
    assert_slice(f->set.relays[1].url, "https://b.example/x");
    assert_true(f->set.relays[1].has_own_url);
    assert_ok(parse(f, "off"));
    assert_int_equal(f->set.relay_count, 0);
    assert_ok(parse(f, DEFAULT_SUMDB_MIRROR));
    assert_slice(f->set.relays[0].db->name, DEFAULT_SUMDB);
    assert_slice(f->set.relays[0].url, "https://" DEFAULT_SUMDB_MIRROR);
}

/* What is known of a database outlives the settings; another key is another database. */
static void test_databases_stay(void **state)
{
    struct fixture *f = *state;
    static const uint8_t seed[NOTE_KEY_BYTES] = {10};
    struct note_signer other;
    assert_ok(parse(f, good_key(f)));
    struct database *first = f->set.relays[0].db;
    assert_ok(parse(f, arena_printf(&f->arena, "%s http://elsewhere.example", good_key(f)).p));
    assert_ptr_equal(f->set.relays[0].db, first);
    assert_ok(note_signer_make(&f->arena, S("sum.b.example"), seed, &other));
    assert_ok(parse(f, note_verifier_format(&f->arena, &other.verifier).p));
    assert_ptr_not_equal(f->set.relays[0].db, first);
    assert_false(slice_eq(f->set.relays[0].db->root, first->root));
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"sum.example.com", DEFAULT_SUMDB " ftp://x", "../x", KEY,
                                      DEFAULT_SUMDB "+033de0ae"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_status(parse(f, bad[i]), STATUS_BAD_CONFIG);
    static const uint8_t seed[NOTE_KEY_BYTES] = {9};
    const char *names[] = {"../x", "a//b", "a/", "-x", "a?b", ".x/y"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct note_signer s;
        assert_ok(note_signer_make(&f->arena, slice_of(names[i]), seed, &s));
        assert_status(parse(f, note_verifier_format(&f->arena, &s.verifier).p), STATUS_BAD_CONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_databases_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
