#include "../test.h"

#include "base/ctx.h"

#include "ops/log.h"
#include "ops/log_line.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

#define MOMENT ((struct log_moment){.unix_s = 1767323045, .us = 678009})
#define NONE ((struct log_fields){0})
#define FIELDS(...)                                                                                \
    ((struct log_fields){(const struct log_field[]){__VA_ARGS__},                                  \
                         sizeof((const struct log_field[]){__VA_ARGS__}) /                         \
                             sizeof(struct log_field)})

static void test_json_line(void **state)
{
    char out[LOG_LINE_MAX];
    size_t n = log_line_format(
        out, LOG_JSON, MOMENT, LOG_WARN, "slow upstream",
        FIELDS(LOG_STR("module", S("example.com/m")), LOG_NUM("status", 200)),
        FIELDS(LOG_NUM("least", INT64_MIN), LOG_NUM("zero", 0), LOG_NUM("most", INT64_MAX)));
    assert_slice(slice_make(out, n),
                 "{\"time\":\"2026-01-02T03:04:05.678009Z\",\"level\":\"warn\",\"msg\":\"slow "
                 "upstream\",\"module\":\"example.com/m\",\"status\":200,\"least\":"
                 "-9223372036854775808,\"zero\":0,\"most\":9223372036854775807}\n");
}

static void test_text_line(void **state)
{
    char out[LOG_LINE_MAX];
    struct log_fields fields =
        FIELDS(LOG_STR("a", S("plain/word@v1")), LOG_STR("b", S("two words")), LOG_NUM("n", -42),
               LOG_STR("c", S("x=y")), LOG_STR("d", S("")), LOG_STR("e", S("line\nfeed\x1b[31m")));
    size_t n = log_line_format(out, LOG_TEXT, MOMENT, LOG_INFO, "started", fields, NONE);
    assert_slice(slice_make(out, n),
                 "2026-01-02T03:04:05.678Z INFO  started a=plain/word@v1 b=\"two words\" n=-42 "
                 "c=\"x=y\" d=\"\" e=\"line\\nfeed\\u001b[31m\"\n");
}

static void test_escapes(void **state)
{
    static const struct {
        struct slice in;
        const char *out;
    } cases[] = {
        {{"quote\" back\\slash", 17}, "quote\\\" back\\\\slash"},
        {{"\0\x01\t\r\n\x7f", 6}, "\\u0000\\u0001\\t\\r\\n\\u007f"},
        {{"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11}, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"},
        {{"\xff", 1}, "\xef\xbf\xbd"},
        {{"a\xc3", 2}, "a\xef\xbf\xbd"},                               /* cut short */
        {{"\xed\xa0\x80", 3}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {{"\xc0\xaf!", 3}, "\xef\xbf\xbd\xef\xbf\xbd!"},               /* overlong */
        {{"\xc2\x9b"
          "31m",
          5},
         "\\u009b31m"}, /* CSI as one character */
        {{"\xc2\xa0", 2}, "\xc2\xa0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[LOG_LINE_MAX];
        struct arena a = ARENA_INIT;
        size_t n = log_line_format(out, LOG_JSON, MOMENT, LOG_INFO, "m",
                                   FIELDS(LOG_STR("f", cases[i].in)), NONE);
        struct slice want = arena_printf(&a,
                                         "{\"time\":\"2026-01-02T03:04:05.678009Z\",\"level\":"
                                         "\"info\",\"msg\":\"m\",\"f\":\"%s\"}\n",
                                         cases[i].out);
        assert_slice(slice_make(out, n), want.p);
        arena_release(&a);
    }
}

static json_t *parse_line(const char *p, size_t n)
{
    json_error_t err;
    assert_true(n <= LOG_LINE_MAX);
    assert_int_equal(p[n - 1], '\n');
    assert_null(memchr(p, '\n', n - 1));
    json_t *o = json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);
    if (!o)
        fail_msg("%s: %.*s", err.text, (int)n, p);
    return o;
}

/* Each byte at each place among plain ones comes back as it was. */
static void test_each_byte_survives_each_place(void **state)
{
    for (int c = 1; c < 0x80; c++) {
        for (size_t place = 0; place < 20; place++) {
            char text[21] = "plain-text-of-20-byt", out[LOG_LINE_MAX];
            text[place] = (char)c;
            size_t n = log_line_format(out, LOG_JSON, MOMENT, LOG_INFO, "m",
                                       FIELDS(LOG_STR("f", slice_make(text, 20))), NONE);
            json_t *o = parse_line(out, n);
            assert_string_equal(json_string_value(json_object_get(o, "f")), text);
            json_decref(o);
        }
    }
}

/* Whatever the lengths are, a line is valid JSON, ends, and says that it was cut. */
static void test_cut_lines_are_whole_json(void **state)
{
    static char big[3 * LOG_LINE_MAX];
    static const char *const fills[] = {"a", "\x01", "\xff", "\xf0\x9f\x98\x80", "\""};
    for (size_t f = 0; f < ARRAY_LEN(fills); f++) {
        size_t unit = strlen(fills[f]);
        for (size_t i = 0; i < sizeof(big); i++)
            big[i] = fills[f][i % unit];
        for (size_t n = 0; n < sizeof(big); n += 61) {
            char out[LOG_LINE_MAX];
            struct log_field v = LOG_STR("v", slice_make(big, n));
            struct log_field all[] = {LOG_NUM("status", 200), v, v, v, v, LOG_NUM("last", 1)};
            size_t len =
                log_line_format(out, LOG_JSON, MOMENT, LOG_INFO, "m", (struct log_fields){all, 2},
                                (struct log_fields){all + 1, 0});
            json_t *o = parse_line(out, len);
            assert_int_equal(json_integer_value(json_object_get(o, "status")), 200);
            bool is_cut = json_is_true(json_object_get(o, "cut"));
            assert_true(is_cut || n <= LOG_TEXT_MAX);
            assert_false(is_cut && n <= LOG_TEXT_MAX / 2);
            json_decref(o);
            for (int k = 2; k < 6; k++)
                all[k].key = (const struct slice[]){LOG_KEY("w"), LOG_KEY("x"), LOG_KEY("y"),
                                                    LOG_KEY("last")}[k - 2];
            len = log_line_format(out, LOG_JSON, MOMENT, LOG_INFO, "m", (struct log_fields){all, 6},
                                  NONE);
            o = parse_line(out, len);
            if (!json_object_get(o, "last"))
                assert_true(json_is_true(json_object_get(o, "cut")));
            json_decref(o);
        }
    }
}

/* However little room is left, what follows a long text is whole or left out. */
static void test_last_fields_are_whole_or_left_out(void **state)
{
    static char big[LOG_TEXT_MAX];
    memset(big, 'a', sizeof(big));
    for (size_t n = 1700; n < 2048; n++) {
        char out[LOG_LINE_MAX];
        struct slice text = slice_make(big, n);
        size_t len = log_line_format(
            out, LOG_JSON, MOMENT, LOG_INFO, "m",
            FIELDS(LOG_STR("a", text), LOG_STR("b", text), LOG_STR("c", text), LOG_STR("d", text)),
            FIELDS(LOG_WORD("word", S("0123456789abcdef")), LOG_NUM("number", INT64_MIN)));
        json_t *o = parse_line(out, len);
        json_t *word = json_object_get(o, "word"), *number = json_object_get(o, "number");
        assert_true(json_is_true(json_object_get(o, "cut")) == (!word || !number));
        if (word)
            assert_string_equal(json_string_value(word), "0123456789abcdef");
        if (number)
            assert_int_equal(json_integer_value(number), INT64_MIN);
        json_decref(o);
    }
}

/* Standard error goes into a file or pipe from here to restore_stderr(). */
static int stderr_kept;

static void replace_stderr(int fd)
{
    stderr_kept = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
}

static void restore_stderr(void)
{
    assert_true(dup2(stderr_kept, STDERR_FILENO) >= 0);
    close(stderr_kept);
}

static struct slice read_all(struct arena *a, int fd)
{
    off_t n = lseek(fd, 0, SEEK_END);
    char *p = arena_alloc(a, (size_t)n + 1);
    assert_int_equal(pread(fd, p, (size_t)n, 0), n);
    close(fd);
    return slice_make(p, (size_t)n);
}

static int temp_file(void)
{
    char path[] = "/tmp/modgate-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static void test_direct_lines_levels_and_errors(void **state)
{
    struct arena a = ARENA_INIT;
    int fd = temp_file();
    replace_stderr(fd);
    log_set(LOG_WARN, LOG_TEXT);
    assert_false(log_is_on(LOG_INFO));
    log_line(LOG_INFO, "not this");
    log_line(LOG_WARN, "this", LOG_NUM("n", 1));
    struct error *e = error_as(&a, STATUS_UPSTREAM_DOWN, error_new(&a, STATUS_DNS, "no such host"),
                               "fetching example.com/m");
    log_error(LOG_ERROR, "failed", e, NULL, 0);
    restore_stderr();
    struct slice text = read_all(&a, fd);
    assert_slice(slice_skip(slice_cut_line(&text), 25), "WARN  this n=1");
    assert_slice(slice_skip(slice_cut_line(&text), 25),
                 "ERROR failed error=\"fetching example.com/m: no such host\" "
                 "error_status=UPSTREAM_DOWN");
    arena_release(&a);
}

/* The moment of a line is that of its event, told on another clock. */
static void test_lines_of_a_given_moment(void **state)
{
    struct arena a = ARENA_INIT;
    int fd = temp_file();
    replace_stderr(fd);
    log_set(LOG_INFO, LOG_JSON);
    int64_t now = now_ns(), before_s = now_unix_s();
    const struct log_field word = LOG_WORD("cache", S("hit"));
    log_event_at(now, LOG_INFO, "request", &word, 1);
    log_event_at(now - INT64_C(3600) * 1000000000, LOG_INFO, "request", &word, 1);
    int64_t after_s = now_unix_s();
    restore_stderr();
    struct slice text = read_all(&a, fd);
    for (int64_t ago_s = 0; ago_s <= 3600; ago_s += 3600) {
        struct slice line = slice_cut_line(&text);
        assert_slice(slice_skip(line, 36),
                     "\",\"level\":\"info\",\"msg\":\"request\",\"cache\":\"hit\"}");
        bool is_then = false;
        for (int64_t s = before_s - 1; s <= after_s; s++)
            is_then |=
                slice_starts(slice_skip(line, 9), slice_head(time_rfc3339(&a, s - ago_s), 19));
        assert_true(is_then);
    }
    arena_release(&a);
}

enum { THREADS = 4, LINES = 3000 };

static void *log_many(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_line(LOG_INFO, "request", LOG_STR("path", S("/example.com/m/@v/v1.0.0.info")),
                 LOG_NUM("thread", (intptr_t)arg), LOG_NUM("i", i));
    return NULL;
}

struct tally {
    uint64_t lines; /* but for those that say how many were dropped */
    uint64_t said_dropped;
};

/* Counts the lines, each of which must be JSON. */
static struct tally tally_lines(struct slice text)
{
    struct tally t = {0};
    while (text.n) {
        ptrdiff_t end = slice_find(text, '\n');
        assert_true(end > 0);
        json_t *o = parse_line(text.p, (size_t)end + 1);
        json_t *count = json_object_get(o, "count");
        t.said_dropped += count ? (uint64_t)json_integer_value(count) : 0;
        t.lines += !count;
        json_decref(o);
        text = slice_skip(text, (size_t)end + 1);
    }
    return t;
}

/* Lines of many threads come out whole; what is missing was counted and said. */
static void test_writer_thread(void **state)
{
    struct arena a = ARENA_INIT;
    pthread_t threads[THREADS];
    int fd = temp_file();
    uint64_t before = log_dropped_total();
    replace_stderr(fd);
    log_set(LOG_INFO, LOG_JSON);
    log_start();
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_stop();
    restore_stderr();
    struct tally t = tally_lines(read_all(&a, fd));
    assert_int_equal(t.said_dropped, log_dropped_total() - before);
    assert_int_equal(t.lines + t.said_dropped, THREADS * LINES);
    arena_release(&a);
}

struct pipe_reader {
    int fd;
    struct buf text;
};

static void *read_to_end(void *arg)
{
    struct pipe_reader *r = arg;
    char p[4096];
    for (ssize_t n; (n = read(r->fd, p, sizeof(p))) > 0;)
        buf_add(&r->text, slice_make(p, (size_t)n));
    return NULL;
}

/* A pipe that nobody reads stops the writer but no thread that logs. */
static void test_stuck_output_drops_lines(void **state)
{
    enum { MANY = 20000 };
    int ends[2];
    pthread_t thread;
    uint64_t before = log_dropped_total();
    assert_int_equal(pipe(ends), 0);
    struct pipe_reader reader = {.fd = ends[0]};
    replace_stderr(ends[1]);
    close(ends[1]);
    log_set(LOG_INFO, LOG_JSON);
    log_start();
    for (int i = 0; i < MANY; i++)
        log_line(LOG_INFO, "a line of some length, so that the ring is full before the last one",
                 LOG_NUM("i", i));
    uint64_t dropped = log_dropped_total() - before;
    assert_true(dropped > 0);
    assert_int_equal(pthread_create(&thread, NULL, read_to_end, &reader), 0);
    log_stop();
    restore_stderr();
    pthread_join(thread, NULL);
    close(ends[0]);
    struct tally t = tally_lines(buf_slice(&reader.text));
    assert_int_equal(t.said_dropped, dropped);
    assert_int_equal(t.lines, MANY - dropped);
    buf_release(&reader.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_each_byte_survives_each_place),
        cmocka_unit_test(test_cut_lines_are_whole_json),
        cmocka_unit_test(test_last_fields_are_whole_or_left_out),
        cmocka_unit_test(test_direct_lines_levels_and_errors),
        cmocka_unit_test(test_lines_of_a_given_moment),
        cmocka_unit_test(test_writer_thread),
        cmocka_unit_test(test_stuck_output_drops_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
