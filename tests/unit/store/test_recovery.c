/*
 * What a start finds and what it makes of it: folders that dead processes left under stage/, half
 * of a version in the tree, torn lists, evictions that broke off. Made by hand, state by state.
 */
#include "../test.h"

#include "store/store_priv.h"
#include "store/tombstone.h"

#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* An intent of version m; its zip was synced by itself unless with_zip. */
static struct intent intent_of(struct fixture *f, enum intent_kind kind, bool with_zip)
{
    bool is_whole = kind == INTENT_WHOLE;
    return (struct intent){.mv = version_m(),
                           .kind = kind,
                           .stage_number = 7,
                           .zip_h1 = is_whole ? bytes_m(f, ARTEFACT_ZIPHASH) : S(""),
                           .origin = S("mirror"),
                           .info = bytes_m(f, ARTEFACT_INFO),
                           .mod = bytes_m(f, ARTEFACT_MOD),
                           .signature = is_whole ? bytes_m(f, ARTEFACT_ZIPSIG) : (struct slice){0},
                           .zip = with_zip ? bytes_m(f, ARTEFACT_ZIP) : (struct slice){0},
                           .bytes = 9};
}

static struct slice record_of(struct fixture *f, struct intent in)
{
    struct slice text = intent_format(&f->arena, &in);
    return arena_printf(&f->arena, "%.*s%.*s", SLICE_ARG(text), SLICE_ARG(in.zip));
}

static void write_journal(struct fixture *f, enum intent_kind kind)
{
    write_file(f, DEAD "journal-3", record_of(f, intent_of(f, kind, false)));
}

static const char *tree_m(struct fixture *f, enum artefact what)
{
    return arena_printf(&f->arena, TREE_M "v1.0.0%s", artefact_suffix(what).p).p;
}

/* A dead process's folder with a staged zip. */
static void write_stage(struct fixture *f)
{
    fixture_close(f);
    write_file(f, DEAD "lock", S(""));
    write_file(f, DEAD "zip-7", bytes_m(f, ARTEFACT_ZIP));
}

/* What the dead process had already placed. */
static void place_in_tree(struct fixture *f, enum artefact what)
{
    write_file(f, tree_m(f, what), bytes_m(f, what));
    if (what == ARTEFACT_ZIP)
        assert_int_equal(unlink(path_of(f, DEAD "zip-7")), 0);
}

static void place_all(struct fixture *f)
{
    for (int what = 0; what < ARTEFACT_COUNT; what++)
        place_in_tree(f, (enum artefact)what);
}

static void start_anew(struct fixture *f)
{
    fixture_close(f);
    assert_ok(dir_remove(&f->arena, path_of(f, "cache")));
    assert_ok(dir_remove(&f->arena, path_of(f, "partial")));
    assert_int_equal(unlink(path_of(f, "catalog.db")), 0);
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
    for (int what = 0; what < ARTEFACT_COUNT; what++)
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

static void test_torn_journal(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    struct slice whole = record_of(f, intent_of(f, INTENT_WHOLE, true));
    for (size_t n = 0; n < whole.n; n += 7) {
        char *torn = arena_cstr(&f->arena, whole); /* cut off, or zeros where text was */
        memset(torn + n, 0, whole.n - n);
        write_file(f, DEAD "lock", S(""));
        write_file(f, DEAD "zip-7", bytes_m(f, ARTEFACT_ZIP));
        write_file(f, DEAD "journal-3", slice_make(torn, n % 2 ? n : whole.n));
        fixture_reopen(f);
        expect_nothing(f);
        fixture_close(f);
    }
}

/* What stands before the torn end was promised. */
static void test_before_the_torn_end(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    struct slice record = record_of(f, intent_of(f, INTENT_WHOLE, true));
    struct intent other = intent_of(f, INTENT_PARTIAL, false);
    other.mv.version = S("v1.1.0");
    write_file(f, DEAD "lock", S(""));
    write_file(f, DEAD "journal-3",
               arena_printf(&f->arena, "%.*s%.*s%.*s", SLICE_ARG(record_of(f, other)),
                            SLICE_ARG(record), (int)record.n / 2, record.p));
    fixture_reopen(f);
    assert_true(is_whole(f));
    assert_true(is_there(f, "partial/example.com/m/@v/v1.1.0.info"));
    assert_slice(read_rel(f, TREE_M "list"), "v1.0.0\n");
}

static void test_each_point_of_placing(void **state)
{
    static const enum artefact order[] = {ARTEFACT_MOD, ARTEFACT_ZIPHASH, ARTEFACT_ZIPSIG,
                                          ARTEFACT_ZIP, ARTEFACT_INFO};
    struct fixture *f = *state;
    for (size_t placed = 0; placed <= 2 * ARRAY_LEN(order) + 1; placed++) {
        bool with_zip = placed > ARRAY_LEN(order);
        write_stage(f);
        write_file(f, DEAD "journal-3", record_of(f, intent_of(f, INTENT_WHOLE, with_zip)));
        for (size_t i = 0; i < placed % (ARRAY_LEN(order) + 1); i++)
            place_in_tree(f, order[i]);
        fixture_reopen(f);
        expect_published(f);
        start_anew(f);
    }
}

/* A power loss took the names of the zip, in the stage and in the tree. */
static void test_zip_in_the_journal_alone(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    assert_int_equal(unlink(path_of(f, DEAD "zip-7")), 0);
    write_file(f, DEAD "journal-3", record_of(f, intent_of(f, INTENT_WHOLE, true)));
    fixture_reopen(f);
    expect_published(f);
}

/* A file system that kept .info and lost .zip: the zip is still in the stage. */
static void test_info_without_zip(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_journal(f, INTENT_WHOLE);
    place_in_tree(f, ARTEFACT_INFO);
    fixture_reopen(f);
    expect_published(f);
}

/* A signature without its version is another's, whatever it says. */
static void test_an_old_signature(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_journal(f, INTENT_WHOLE);
    write_file(f, tree_m(f, ARTEFACT_ZIPSIG), S("of another zip\n"));
    fixture_reopen(f);
    expect_published(f);
}

static void test_zip_lost(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_journal(f, INTENT_WHOLE);
    assert_int_equal(unlink(path_of(f, DEAD "zip-7")), 0);
    fixture_reopen(f);
    expect_nothing(f);
}

static void expect_partial(struct fixture *f, bool is_expected)
{
    assert_false(is_there(f, TREE_M "v1.0.0.info"));
    assert_int_equal(is_there(f, "partial/example.com/m/@v/v1.0.0.info"), is_expected);
    assert_int_equal(is_there(f, "partial/example.com/m/@v/v1.0.0.mod"), is_expected);
    assert_int_equal(store_bytes(f->store),
                     is_expected ? bytes_m(f, ARTEFACT_INFO).n + bytes_m(f, ARTEFACT_MOD).n : 0);
    assert_int_equal(entries_of(f, "stage"), 1);
}

static void test_partial_version(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_journal(f, INTENT_PARTIAL);
    fixture_reopen(f);
    expect_partial(f, true);
}

/* What was put into the quarantine does not come back; what came after it does. */
static void test_gone(void **state)
{
    struct fixture *f = *state;
    struct slice partial = record_of(f, intent_of(f, INTENT_PARTIAL, false));
    struct slice gone =
        record_of(f, (struct intent){.mv = version_m(), .kind = INTENT_GONE, .origin = S("")});
    write_stage(f);
    write_file(f, DEAD "journal-9", partial);
    write_file(f, DEAD "journal-10", gone);
    fixture_reopen(f);
    expect_partial(f, false);
    fixture_close(f);
    write_file(f, DEAD "lock", S(""));
    write_file(f, DEAD "journal-9", gone);
    write_file(f, DEAD "journal-10", partial);
    fixture_reopen(f);
    expect_partial(f, true);
}

/* The journal of this very process, as a kill leaves it after a quarantine; it could not be
 * forgotten, for another publication in it had not ended. */
static void test_killed_after_a_quarantine(void **state)
{
    struct fixture *f = *state;
    bool was_stored, found;
    struct slice body;
    struct journal_file *unended;
    struct intent other = intent_of(f, INTENT_PARTIAL, false);
    other.mv.version = S("v1.1.0");
    assert_ok(journal_append(f->store, &f->arena, &other, &unended));
    assert_ok(put_partial(f->store, &f->cx, version_m(), "{}", "module evil\n", &was_stored));
    assert_ok(store_quarantine_stored(f->store, &f->cx, version_m(), S("a mismatch")));
    f->store->is_read_only = true; /* closes without a flush */
    fixture_reopen(f);
    assert_ok(get_body(f->store, &f->arena, version_m(), ARTEFACT_MOD, &found, &body));
    assert_false(found);
    assert_true(is_there(f, "partial/example.com/m/@v/v1.1.0.mod"));
    assert_int_equal(entries_of(f, "stage"), 1);
}

/* A version that came in pieces, and whose last piece was the zip. */
static void test_pieces_and_the_whole(void **state)
{
    struct fixture *f = *state;
    struct slice partial = record_of(f, intent_of(f, INTENT_PARTIAL, false));
    struct slice whole = record_of(f, intent_of(f, INTENT_WHOLE, true));
    write_stage(f);
    write_file(f, DEAD "journal-3",
               arena_printf(&f->arena, "%.*s%.*s", SLICE_ARG(partial), SLICE_ARG(whole)));
    fixture_reopen(f);
    expect_published(f);
    assert_false(is_there(f, "partial/example.com/m/@v/v1.0.0.info"));
}

static void test_done_and_not_in_the_catalog(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    place_all(f);
    write_journal(f, INTENT_WHOLE);
    write_file(f, TREE_M "list", S("v1.0.")); /* a power loss tore it */
    fixture_reopen(f);
    expect_published(f);
    bool found;
    struct catalog_row row;
    assert_ok(catalog_get(f->store->catalog, &f->arena, version_m(), &found, &row));
    assert_true(found && row.is_refetchable);
    assert_slice(row.origin, "mirror");
}

static void tear(struct fixture *f, enum artefact what, const struct slice *left)
{
    if (!left)
        assert_int_equal(unlink(path_of(f, tree_m(f, what))), 0);
    else
        write_file(f, tree_m(f, what), *left);
}

/* What a power loss may leave of files that were renamed and not synced. */
static void test_torn_after_a_power_loss(void **state)
{
    static const struct slice left[] = {S(""), S("\0\0\0\0\0\0")};
    struct fixture *f = *state;
    for (int what = 0; what < ARTEFACT_COUNT; what++) {
        for (size_t i = 0; i <= ARRAY_LEN(left); i++) {
            write_stage(f);
            place_all(f);
            bool with_zip = what == ARTEFACT_ZIP;
            write_file(f, DEAD "journal-3", record_of(f, intent_of(f, INTENT_WHOLE, with_zip)));
            tear(f, (enum artefact)what, i < ARRAY_LEN(left) ? &left[i] : NULL);
            fixture_reopen(f);
            expect_published(f);
            assert_slice(read_rel(f, tree_m(f, (enum artefact)what)),
                         arena_cstr(&f->arena, bytes_m(f, (enum artefact)what)));
            start_anew(f);
        }
    }
}

static void test_half_torn(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    place_all(f);
    write_journal(f, INTENT_WHOLE);
    write_file(f, tree_m(f, ARTEFACT_INFO), S("{\0\0\0\0\0"));
    fixture_reopen(f);
    expect_published(f);
    assert_slice(read_rel(f, tree_m(f, ARTEFACT_INFO)),
                 arena_cstr(&f->arena, bytes_m(f, ARTEFACT_INFO)));
}

/* Another commit published other bytes meanwhile: nothing of it is touched. */
static void lose(struct fixture *f, bool with_zip)
{
    write_stage(f);
    write_file(f, DEAD "journal-3", record_of(f, intent_of(f, INTENT_WHOLE, with_zip)));
    FD_SCOPED lock = open(path_of(f, DEAD "lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    fixture_reopen(f);
    struct put put = {.salt = "other bytes"};
    assert_ok(put_whole(f->store, &f->cx, version_m(), &put));
    fd_cleanup(&lock);
    fixture_reopen(f);
    assert_true(is_whole(f));
    for (int what = 0; what < ARTEFACT_COUNT; what++) {
        struct slice theirs =
            fake_bytes(&f->arena, version_m(), (enum artefact)what, "other bytes", 0);
        assert_slice(read_rel(f, tree_m(f, (enum artefact)what)), arena_cstr(&f->arena, theirs));
    }
    assert_int_equal(entries_of(f, "stage"), 1);
}

static void test_another_one_won(void **state)
{
    lose(*state, false);
    start_anew(*state);
    lose(*state, true);
}

/* The journal has all of it, and its name must not come back. */
static void test_withdrawn_since(void **state)
{
    struct fixture *f = *state;
    struct store_tombstone t = {.who = S("a"), .reason = S("b")};
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){0}));
    assert_ok(store_withdraw(f->store, &f->cx, version_m(), &t));
    fixture_close(f);
    struct slice partial = record_of(f, intent_of(f, INTENT_PARTIAL, false));
    struct slice whole = record_of(f, intent_of(f, INTENT_WHOLE, true));
    write_file(f, DEAD "lock", S(""));
    write_file(f, DEAD "journal-3",
               arena_printf(&f->arena, "%.*s%.*s", SLICE_ARG(whole), SLICE_ARG(partial)));
    fixture_reopen(f);
    expect_nothing(f);
    assert_false(is_there(f, "partial/example.com/m/@v/v1.0.0.mod"));
}

static void test_evicted_since(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    write_file(f, DEAD "lock", S(""));
    write_journal(f, INTENT_WHOLE);
    fixture_reopen(f);
    expect_nothing(f);
}

static void test_a_living_process_is_left_alone(void **state)
{
    struct fixture *f = *state;
    write_stage(f);
    write_journal(f, INTENT_WHOLE);
    FD_SCOPED lock = open(path_of(f, DEAD "lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    fixture_reopen(f);
    assert_false(is_whole(f));
    assert_true(is_there(f, DEAD "zip-7") && is_there(f, DEAD "journal-3"));
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
    write_journal(f, INTENT_WHOLE);
    FD_SCOPED lock = open(path_of(f, DEAD "lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    fixture_reopen(f);
    place_in_tree(f, ARTEFACT_MOD);
    place_in_tree(f, ARTEFACT_ZIPHASH);
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
    write_journal(f, INTENT_WHOLE);
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

/* The files of the partial version become those of the whole one; the journal goes with a flush. */
static void test_pieces_then_flush(void **state)
{
    struct fixture *f = *state;
    bool was_stored;
    struct stat shown, placed;
    assert_ok(put_partial(f->store, &f->cx, version_m(), bytes_m(f, ARTEFACT_INFO).p,
                          bytes_m(f, ARTEFACT_MOD).p, &was_stored));
    assert_int_equal(stat(path_of(f, "partial/example.com/m/@v/v1.0.0.mod"), &shown), 0);
    assert_ok(put_whole(f->store, &f->cx, version_m(), &(struct put){.zip_bytes = 300000}));
    assert_int_equal(stat(path_of(f, TREE_M "v1.0.0.mod"), &placed), 0);
    assert_int_equal(shown.st_ino, placed.st_ino);
    assert_false(is_there(f, "partial/example.com/m/@v/v1.0.0.mod"));
    assert_false(journal_is_empty(f->store));
    assert_ok(store_flush(f->store, &f->arena));
    assert_true(journal_is_empty(f->store));
    assert_int_equal(entries_of(f, f->store->owner.rel), 1); /* its lock */
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
    for (int what = 0; what < ARTEFACT_COUNT; what++) {
        assert_int_equal(stat(path_of(f, tree_m(f, (enum artefact)what)), &st), 0);
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

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_without_intent),
        CASE(test_torn_journal),
        CASE(test_before_the_torn_end),
        CASE(test_each_point_of_placing),
        CASE(test_info_without_zip),
        CASE(test_zip_in_the_journal_alone),
        CASE(test_an_old_signature),
        CASE(test_zip_lost),
        CASE(test_partial_version),
        CASE(test_gone),
        CASE(test_killed_after_a_quarantine),
        CASE(test_pieces_and_the_whole),
        CASE(test_half_torn),
        CASE(test_done_and_not_in_the_catalog),
        CASE(test_torn_after_a_power_loss),
        CASE(test_another_one_won),
        CASE(test_withdrawn_since),
        CASE(test_evicted_since),
        CASE(test_a_living_process_is_left_alone),
        CASE(test_half_of_a_version_while_running),
        CASE(test_leftovers_without_a_stage),
        CASE(test_torn_list),
        CASE(test_reindex_mends_lists),
        CASE(test_reindex_after_a_purge),
        CASE(test_eviction_that_broke_off),
        CASE(test_eviction_that_broke_off_late),
        CASE(test_pieces_then_flush),
        CASE(test_many_commits_flush_by_themselves),
        CASE(test_modes),
        CASE(test_health_says_read_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
