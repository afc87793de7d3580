/*
 * What a start finds and what it makes of it: folders that dead processes left under stage/, half
 * of a version in the tree, torn lists, evictions that broke off. Made by hand, state by state.
 */
#include "../test.h"

#include "store/store_priv.h"

#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    fixture_init(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_release(*state);
    free(*state);
    return 0;
}

static const char *path_of(struct fixture *f, const char *rel)
{
    return arena_printf(&f->arena, "%s/%s", f->dir, rel).p;
}

static void write_file(struct fixture *f, const char *rel, struct slice body)
{
    const char *path = path_of(f, rel);
    assert_ok(dir_make(
        &f->arena, arena_cstr(&f->arena, slice_head(slice_of(path),
                                                    (size_t)slice_rfind(slice_of(path), '/')))));
    FD_SCOPED fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_ok(fd_write_all(&f->arena, fd, body));
}

static struct slice read_rel(struct fixture *f, const char *rel)
{
    struct slice body;
    assert_ok(file_read(&f->arena, path_of(f, rel), 1 << 20, &body));
    return body;
}

static bool is_there(struct fixture *f, const char *rel)
{
    return access(path_of(f, rel), F_OK) == 0;
}

static size_t entries_of(struct fixture *f, const char *rel)
{
    size_t count = 0;
    DIR *d = opendir(path_of(f, rel));
    for (struct dirent *de; d && (de = readdir(d));)
        count += de->d_name[0] != '.';
    if (d)
        closedir(d);
    return count;
}

#define TREE_M "cache/download/example.com/m/@v/"
#define DEAD "stage/1-dead/"

static struct module_version version_m(void)
{
    return mv_of("example.com/m", "v1.0.0");
}

static struct slice bytes_m(struct fixture *f, enum artefact what)
{
    return fake_bytes(&f->arena, version_m(), what, "", 0);
}

static struct slice intent_of(struct fixture *f, bool is_whole)
{
    struct intent in = {.mv = version_m(),
                        .is_whole = is_whole,
                        .zip_h1 = is_whole ? bytes_m(f, ARTEFACT_ZIPHASH) : S(""),
                        .origin = S("mirror"),
                        .info = bytes_m(f, ARTEFACT_INFO),
                        .mod = bytes_m(f, ARTEFACT_MOD),
                        .bytes = 9};
    return intent_format(&f->arena, &in);
}

static void write_intent(struct fixture *f, const char *rel, bool is_whole)
{
    write_file(f, rel, intent_of(f, is_whole));
}

/* A dead process's stage 7 with all four files. */
static void write_stage(struct fixture *f)
{
    fixture_close(f);
    write_file(f, DEAD "lock", S(""));
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++) {
        const char *rel = arena_printf(&f->arena, DEAD "7/%s", stage_name((enum artefact)what)).p;
        write_file(f, rel, bytes_m(f, (enum artefact)what));
    }
}

/* What the dead process had already renamed. */
static void move_to_tree(struct fixture *f, enum artefact what)
{
    const char *from = arena_printf(&f->arena, DEAD "7/%s", stage_name(what)).p;
    const char *to = arena_printf(&f->arena, TREE_M "v1.0.0.%s", stage_name(what)).p;
    write_file(f, to, S(""));
    assert_int_equal(rename(path_of(f, from), path_of(f, to)), 0);
}

static bool is_whole(struct fixture *f)
{
    bool is_whole;
    assert_ok(check_whole(f->store, &f->arena, version_m(), &is_whole));
    return is_whole;
}

static uint64_t bytes_on_disk(struct fixture *f)
{
    uint64_t sum = 0;
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++)
        sum += bytes_m(f, (enum artefact)what).n;
    return sum;
}

static void expect_published(struct fixture *f)
{
    assert_true(is_whole(f));
    assert_slice(read_rel(f, TREE_M "list"), "v1.0.0\n");
    assert_int_equal(store_bytes(f->store), bytes_on_disk(f));
    assert_int_equal(entries_of(f, "stage"), 1); /* our own */
}

static void expect_nothing(struct fixture *f)
{
    assert_false(is_whole(f));
    assert_int_equal(store_bytes(f->store), 0);
    assert_int_equal(entries_of(f, "stage"), 1);
    assert_false(is_there(f, TREE_M "v1.0.0.zip"));
}

static void test_without_intent(void **state)
{
    write_stage(*state);
    fixture_reopen(*state);
    expect_nothing(*state);
}

static void test_torn_intent(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    struct slice whole = intent_of(f, true);
    for (size_t n = 0; n < whole.n; n += 7) {
        char *torn = arena_cstr(&f->arena, whole); /* cut off, or zeros where text was */
        memset(torn + n, 0, whole.n - n);
        write_file(f, DEAD "lock", S(""));
        write_file(f, DEAD "7/zip", bytes_m(f, ARTEFACT_ZIP));
        write_file(f, DEAD "7/intent", slice_make(torn, n % 2 ? n : whole.n));
        fixture_reopen(f);
        expect_nothing(f);
        fixture_close(f);
    }
}

static void test_each_point_of_placing(void **state)
{
    static const enum artefact order[] = {ARTEFACT_MOD, ARTEFACT_ZIPHASH, ARTEFACT_ZIP,
                                          ARTEFACT_INFO};
    struct fixture *f = *state;
    for (size_t placed = 0; placed <= ARRAY_LEN(order); placed++) {
        write_stage(f);
        write_intent(f, DEAD "7/intent", true);
        for (size_t i = 0; i < placed; i++)
            move_to_tree(f, order[i]);
        fixture_reopen(f);
        expect_published(f);
        fixture_close(f);
        assert_ok(dir_remove(&f->arena, path_of(f, "cache")));
        assert_int_equal(unlink(path_of(f, "catalog.db")), 0);
    }
}

/* A file system that kept .info and lost .zip: the zip is still in the stage. */
static void test_info_without_zip(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_intent(f, DEAD "7/intent", true);
    move_to_tree(f, ARTEFACT_INFO);
    fixture_reopen(f);
    expect_published(f);
}

static void test_incomplete_stage(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_intent(f, DEAD "7/intent", true);
    assert_int_equal(unlink(path_of(f, DEAD "7/zip")), 0);
    fixture_reopen(f);
    expect_nothing(f);
}

static void test_intent_of_a_partial_version(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    unlink(path_of(f, DEAD "7/zip"));
    unlink(path_of(f, DEAD "7/ziphash"));
    write_intent(f, DEAD "7/intent", false);
    fixture_reopen(f);
    assert_false(is_there(f, TREE_M "v1.0.0.info"));
    assert_true(is_there(f, "partial/example.com/m/@v/v1.0.0.info"));
    assert_true(is_there(f, "partial/example.com/m/@v/v1.0.0.mod"));
    assert_int_equal(store_bytes(f->store),
                     bytes_m(f, ARTEFACT_INFO).n + bytes_m(f, ARTEFACT_MOD).n);
}

static void test_done_and_not_in_the_catalog(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++)
        move_to_tree(f, (enum artefact)what);
    write_intent(f, DEAD "done-7", true);
    write_file(f, TREE_M "list", S("v1.0.")); /* a power loss tore it */
    fixture_reopen(f);
    expect_published(f);
    bool found;
    struct catalog_row row;
    assert_ok(catalog_get(f->store->catalog, &f->arena, version_m(), &found, &row));
    assert_true(found && row.is_refetchable);
    assert_slice(row.origin, "mirror");
}

/* What a power loss may leave of files that were renamed and not synced. */
static void test_torn_after_a_power_loss(void **state)
{
    static const struct slice left[] = {S(""), S("\0\0\0\0\0\0"), S("{\0\0\0\0\0")};
    struct fixture *f = *state;
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++) {
        for (size_t i = 0; what != ARTEFACT_ZIP && i <= ARRAY_LEN(left); i++) {
            const char *name = stage_name((enum artefact)what);
            const char *rel = arena_printf(&f->arena, TREE_M "v1.0.0.%s", name).p;
            write_stage(f);
            for (int each = 0; each <= ARTEFACT_ZIPHASH; each++)
                move_to_tree(f, (enum artefact)each);
            write_intent(f, DEAD "done-7", true);
            if (i == ARRAY_LEN(left))
                assert_int_equal(unlink(path_of(f, rel)), 0);
            else if (what == ARTEFACT_INFO || i < 2)
                write_file(f, rel, left[i]);
            fixture_reopen(f);
            expect_published(f);
            assert_slice(read_rel(f, rel), arena_cstr(&f->arena, bytes_m(f, (enum artefact)what)));
            fixture_close(f);
            assert_ok(dir_remove(&f->arena, path_of(f, "cache")));
            assert_int_equal(unlink(path_of(f, "catalog.db")), 0);
        }
    }
}

/* Another commit published other bytes meanwhile: nothing of it is touched. */
static void test_another_one_won(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_intent(f, DEAD "7/intent", true);
    FD_SCOPED lock = open(path_of(f, DEAD "lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    fixture_reopen(f);
    struct put put = {.salt = "other bytes"};
    assert_ok(put_whole(f->store, &f->cx, version_m(), &put));
    fd_cleanup(&lock);
    fixture_reopen(f);
    assert_true(is_whole(f));
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++) {
        const char *name = stage_name((enum artefact)what);
        struct slice theirs =
            fake_bytes(&f->arena, version_m(), (enum artefact)what, "other bytes", 0);
        assert_slice(read_rel(f, arena_printf(&f->arena, TREE_M "v1.0.0.%s", name).p),
                     arena_cstr(&f->arena, theirs));
    }
    assert_int_equal(entries_of(f, "stage"), 1);
}

static void test_evicted_since(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    write_file(f, DEAD "lock", S(""));
    write_intent(f, DEAD "done-7", true);
    fixture_reopen(f);
    expect_nothing(f);
}

static void test_a_living_process_is_left_alone(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_intent(f, DEAD "7/intent", true);
    FD_SCOPED lock = open(path_of(f, DEAD "lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    fixture_reopen(f);
    assert_false(is_whole(f));
    assert_int_equal(entries_of(f, DEAD "7"), 5);
    struct store *second;
    assert_ok(store_open(&f->arena, &(struct store_options){.dir = f->dir}, &second));
    assert_int_equal(entries_of(f, "stage"), 3);
    store_close(second);
    assert_int_equal(entries_of(f, "stage"), 2);
}

/* Another process dies while this one runs: a commit of the same version stumbles over its half. */
static void test_half_of_a_version_while_running(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_intent(f, DEAD "7/intent", true);
    FD_SCOPED lock = open(path_of(f, DEAD "lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    fixture_reopen(f);
    move_to_tree(f, ARTEFACT_MOD);
    move_to_tree(f, ARTEFACT_ZIPHASH);
    fd_cleanup(&lock);
    struct put put = {.salt = "other bytes"};
    assert_ok(put_whole(f->store, &f->cx, version_m(), &put));
    assert_true(put.was_stored);
    assert_ok(store_flush(f->store, &f->arena));
    expect_published(f);
    assert_slice(read_rel(f, TREE_M "v1.0.0.zip"), arena_cstr(&f->arena, bytes_m(f, ARTEFACT_ZIP)));
}

static void test_leftovers_without_a_stage(void **state)
{
    struct fixture *f = *state;
    write_file(f, TREE_M "v1.0.0.mod", bytes_m(f, ARTEFACT_MOD));
    write_file(f, TREE_M "v1.0.0.ziphash", bytes_m(f, ARTEFACT_ZIPHASH));
    struct put other = {.salt = "other"};
    assert_status(put_whole(f->store, &f->cx, version_m(), &other), STATUS_CORRUPT);
    assert_false(is_there(f, TREE_M "v1.0.0.info"));
    struct put put = {0};
    assert_ok(put_whole(f->store, &f->cx, version_m(), &put));
    assert_false(put.was_stored);
    assert_ok(store_flush(f->store, &f->arena));
    expect_published(f);
}

static void test_torn_list(void **state)
{
    static const struct slice torn[] = {S("v1.0"), S("v1.0.0\nv1."), S("\0\0\0\0\0\0\0\n")};
    struct fixture *f = *state;
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    for (size_t i = 0; i < ARRAY_LEN(torn); i++) {
        write_file(f, TREE_M "list", torn[i]);
        const char *version = arena_printf(&f->arena, "v1.%zu.0", i + 1).p;
        assert_ok(put_whole(f->store, &f->cx, mv_of("example.com/m", version), &(struct put){0}));
    }
    assert_slice(read_rel(f, TREE_M "list"), "v1.0.0\nv1.1.0\nv1.2.0\nv1.3.0\n");
}

static void test_reindex_mends_lists(void **state)
{
    struct fixture *f = *state;
    uint64_t versions;
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_int_equal(unlink(path_of(f, TREE_M "list")), 0);
    assert_ok(store_reindex(f->store, &f->cx, &versions));
    assert_slice(read_rel(f, TREE_M "list"), "v1.0.0\n");
}

/* Files that somebody removed by hand are not counted any more, and the version may be put again.
 */
static void test_reindex_after_a_purge(void **state)
{
    struct fixture *f = *state;
    uint64_t versions;
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_ok(store_flush(f->store, &f->arena));
    assert_ok(dir_remove(&f->arena, path_of(f, "cache/download/example.com/m/@v")));
    assert_int_equal(mkdir(path_of(f, "cache/download/example.com/m/@v"), 0755), 0);
    assert_ok(store_reindex(f->store, &f->cx, &versions));
    assert_int_equal(versions, 0);
    assert_int_equal(store_bytes(f->store), 0);
    assert_status(put_whole(f->store, &f->cx, version_m(), &(struct put){.salt = "moved"}),
                  STATUS_MISMATCH);
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_true(is_whole(f));
}

static void begin_eviction(struct fixture *f)
{
    struct catalog *c = f->store->catalog;
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_ok(store_flush(f->store, &f->arena));
    assert_ok(catalog_begin(c, &f->arena, true));
    assert_ok(catalog_end(
        c, &f->arena,
        catalog_set_state(c, &f->arena, version_m(), VERSION_EVICTING, bytes_on_disk(f))));
}

/* The intent was not forgotten yet: settling it must not hide that there are leftovers. */
static void test_eviction_that_broke_off_late(void **state)
{
    struct fixture *f = *state;
    begin_eviction(f);
    fixture_close(f);
    assert_int_equal(unlink(path_of(f, TREE_M "v1.0.0.info")), 0);
    assert_int_equal(unlink(path_of(f, TREE_M "v1.0.0.zip")), 0);
    assert_int_equal(unlink(path_of(f, TREE_M "v1.0.0.ziphash")), 0);
    write_file(f, DEAD "lock", S(""));
    write_intent(f, DEAD "done-7", true);
    fixture_reopen(f);
    expect_nothing(f);
    assert_false(is_there(f, TREE_M "v1.0.0.mod"));
}

static void test_eviction_that_broke_off(void **state)
{
    struct fixture *f = *state;
    begin_eviction(f);
    assert_int_equal(unlink(path_of(f, TREE_M "v1.0.0.info")), 0);
    fixture_reopen(f);
    expect_nothing(f);
    assert_false(is_there(f, TREE_M "v1.0.0.mod"));
    assert_false(is_there(f, TREE_M "list"));
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_true(is_whole(f));
}

static void test_many_commits_flush_by_themselves(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 300; i++) {
        const char *version = arena_printf(&f->arena, "v1.%d.0", i).p;
        assert_ok(put_whole(f->store, &f->cx, mv_of("example.com/m", version),
                            &(struct put){.zip_bytes = 10}));
    }
    for (int i = 0; i < 6000 && atomic_load(&f->store->pending_count) >= 256; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(atomic_load(&f->store->pending_count) < 256);
    assert_true(atomic_load(&f->store->catalog_bytes) > 0);
}

static void test_modes(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    for (int what = 0; what <= ARTEFACT_ZIPHASH; what++) {
        const char *name = stage_name((enum artefact)what);
        assert_int_equal(stat(path_of(f, arena_printf(&f->arena, TREE_M "v1.0.0.%s", name).p), &st),
                         0);
        assert_int_equal(st.st_mode & 0777, 0444);
    }
    assert_int_equal(stat(path_of(f, TREE_M "list"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
}

static void test_health_says_read_only(void **state)
{
    struct fixture *f = *state;
    uint64_t free_bytes;
    f->store->is_read_only = true;
    struct error *err = store_health(f->store, &f->arena, &free_bytes);
    f->store->is_read_only = false;
    assert_status(err, STATUS_READ_ONLY);
    assert_true(free_bytes > 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_without_intent),
        CASE(test_torn_intent),
        CASE(test_each_point_of_placing),
        CASE(test_info_without_zip),
        CASE(test_incomplete_stage),
        CASE(test_intent_of_a_partial_version),
        CASE(test_done_and_not_in_the_catalog),
        CASE(test_torn_after_a_power_loss),
        CASE(test_another_one_won),
        CASE(test_evicted_since),
        CASE(test_a_living_process_is_left_alone),
        CASE(test_half_of_a_version_while_running),
        CASE(test_leftovers_without_a_stage),
        CASE(test_torn_list),
        CASE(test_reindex_mends_lists),
        CASE(test_reindex_after_a_purge),
        CASE(test_eviction_that_broke_off),
        CASE(test_eviction_that_broke_off_late),
        CASE(test_many_commits_flush_by_themselves),
        CASE(test_modes),
        CASE(test_health_says_read_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
