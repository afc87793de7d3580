/* Answers: files that a power loss tore, and the bound on how many there are. */
#include "../test.h"

#include "store/store_priv.h"

#include "base/encode.h"

#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path of the answer's file; the bucket in *bucket. */
static const char *file_of(struct fixture *f, struct slice key, uint8_t *bucket)
{
    uint8_t sum[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256(key, sum);
    hex_encode(sum, sizeof(sum), hex);
    *bucket = sum[0];
    return arena_printf(&f->arena, "%s/answers/%.2s/%s", f->dir, hex, hex + 2).p;
}

static bool is_found(struct fixture *f, struct slice key)
{
    struct store_answer got;
    assert_ok(store_answer_get(f->store, &f->arena, key, &got));
    return got.found;
}

static void test_every_torn_file_is_absent(void **state)
{
    struct fixture *f = *state;
    struct slice key = S("example.com/m/@latest"), whole;
    uint8_t bucket;
    assert_ok(store_answer_put(f->store, &f->arena, key, 200, S("{\"Version\":\"v1.0.0\"}")));
    const char *path = file_of(f, key, &bucket);
    assert_ok(file_read(&f->arena, path, 1 << 16, &whole));
    for (size_t n = 0; n < whole.n; n++) {
        FD_SCOPED cut = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_ok(fd_write_all(&f->arena, cut, slice_head(whole, n)));
        assert_false(is_found(f, key));
    }
    /* Each byte of the key, the body and what describes them; the time and status are not summed.
     */
    size_t head = (size_t)slice_find(whole, '\n');
    for (size_t i = head + 1; i < whole.n; i++) {
        char *flipped = arena_cstr(&f->arena, whole);
        flipped[i] = (char)(flipped[i] ^ 1);
        FD_SCOPED fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_ok(fd_write_all(&f->arena, fd, slice_make(flipped, whole.n)));
        assert_false(is_found(f, key));
    }
    assert_ok(store_answer_put(f->store, &f->arena, key, 200, S("again")));
    assert_true(is_found(f, key));
}

static size_t count_files(const char *dir)
{
    size_t count = 0;
    DIR *d = opendir(dir);
    for (struct dirent *de; d && (de = readdir(d));)
        count += de->d_name[0] != '.';
    if (d)
        closedir(d);
    return count;
}

/* Keys of one bucket, the n-th of them. */
static struct slice key_in_bucket(struct fixture *f, uint8_t wanted, unsigned *n)
{
    for (;;) {
        uint8_t sum[SHA256_BYTES];
        struct slice key = arena_printf(&f->arena, "example.com/absent%u/@v/list", (*n)++);
        sha256(key, sum);
        if (sum[0] == wanted)
            return key;
    }
}

/* However many absences are asked for, the folder stays bounded, and lists outlive them. */
static void test_absences_go_first(void **state)
{
    struct fixture *f = *state;
    struct slice list = S("example.com/kept/@v/list");
    uint8_t bucket;
    unsigned n = 0;
    assert_ok(store_answer_put(f->store, &f->arena, list, 200, S("v1.0.0\n")));
    const char *path = file_of(f, list, &bucket);
    const char *dir =
        arena_cstr(&f->arena, slice_head(slice_of(path), (size_t)slice_rfind(slice_of(path), '/')));
    size_t most = 0;
    for (int i = 0; i < 1400; i++) {
        struct slice key = key_in_bucket(f, bucket, &n);
        assert_ok(store_answer_put(f->store, &f->arena, key, 404, S("not found")));
        size_t now = i > 900 && i % 20 == 0 ? count_files(dir) : 0;
        most = now > most ? now : most;
    }
    assert_true(most > 900 && most <= 1024 + 64);
    assert_true(count_files(dir) <= 1024 + 64);
    assert_true(is_found(f, list));
}

static void test_large_answers_are_bounded_too(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;
    size_t size = 15 << 20;
    struct slice body = slice_make(arena_zalloc(&f->arena, size), size);
    const char *dir = arena_printf(&f->arena, "%s/answers/07", f->dir).p;
    for (int i = 0; i < 9; i++) {
        struct arena scratch = ARENA_INIT;
        atomic_store(&f->store->answer_puts[7], 63); /* each put sweeps */
        struct slice key = key_in_bucket(f, 7, &n);
        assert_ok(store_answer_put(f->store, &scratch, key, 200, body));
        arena_release(&scratch);
    }
    assert_true(count_files(dir) <= 4);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_torn_file_is_absent),
        CASE(test_absences_go_first),
        CASE(test_large_answers_are_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
