/*
 * The fetcher on a command line, for the tests in Python:
 *
 *   fetch_driver KEY=VALUE…
 *
 * Keys: goproxy (needed), ca, netrc, connect_ms, stall_ms, retries, failures, pause_ms, threads,
 * credential=HOST,USER,SECRET (USER empty: a bearer token; may be repeated).
 * Requests are lines on standard input, taken by `threads` threads:
 *
 *   ID small REL MAX | ID file REL MAX DEST | ID url URL MAX | ID stats
 *   REL MAX may be followed by deadline=MS and cancel=MS (after which the request is cancelled).
 *
 * Each is answered by one line of JSON with its ID. The end of standard input ends the program.
 */
#include "fetch/fetch.h"

#include "base/encode.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct fetcher *fetcher;
static pthread_mutex_t input_lock = PTHREAD_MUTEX_INITIALIZER;

struct request {
    struct slice id, verb, target, dest;
    uint64_t max, deadline_ms, cancel_ms;
};

static uint64_t number(struct slice s)
{
    uint64_t n = 0;
    if (!slice_parse_u64(s, &n))
        BUG("not a number: %.*s", SLICE_ARG(s));
    return n;
}

static struct request parse_request(struct slice line)
{
    struct request r = {.id = slice_cut(&line, ' '), .verb = slice_cut(&line, ' ')};
    r.target = line.p ? slice_cut(&line, ' ') : S("");
    r.max = line.p ? number(slice_cut(&line, ' ')) : 0;
    while (line.p) {
        struct slice word = slice_cut(&line, ' ');
        if (slice_starts(word, S("deadline=")))
            r.deadline_ms = number(slice_skip(word, 9));
        else if (slice_starts(word, S("cancel=")))
            r.cancel_ms = number(slice_skip(word, 7));
        else
            r.dest = word;
    }
    return r;
}

struct canceller {
    pthread_t thread;
    uint64_t ms;
    atomic_bool cancelled;
};

static void *cancel_later(void *arg)
{
    struct canceller *c = arg;
    usleep((useconds_t)(c->ms * 1000));
    atomic_store(&c->cancelled, true);
    return NULL;
}

static void set_text(json_t *o, const char *key, struct slice s)
{
    json_object_set_new(o, key, json_stringn(s.p, s.n));
}

static void set_answer(json_t *o, struct arena *a, const struct error *err,
                       const struct fetch_answer *answer)
{
    char hex[2 * SHA256_BYTES + 1];
    json_object_set_new(o, "status", json_string(status_name(err ? err->status : STATUS_OK)));
    if (err) {
        set_text(o, "error", error_chain(a, err));
        return;
    }
    hex_encode(answer->sha256, SHA256_BYTES, hex);
    json_object_set_new(o, "size", json_integer((json_int_t)answer->size));
    json_object_set_new(o, "sha256", json_string(hex));
    set_text(o, "upstream", answer->upstream);
    if (slice_is_utf8(answer->body) && answer->body.n < 100000)
        set_text(o, "body", answer->body);
}

static void run_fetch(json_t *o, struct arena *a, const struct request *r)
{
    struct canceller c = {.ms = r->cancel_ms};
    struct fetch_answer answer = {0};
    struct ctx cx = {.arena = a, .cancelled = &c.cancelled, .request_id = "test-1"};
    struct error *err;
    int64_t started = now_ms();
    cx.deadline_ms = r->deadline_ms ? started + (int64_t)r->deadline_ms : 0;
    if (c.ms && pthread_create(&c.thread, NULL, cancel_later, &c))
        BUG("no thread");
    if (slice_eq(r->verb, S("file")))
        err = fetch_file(fetcher, &cx, r->target, arena_cstr(a, r->dest), r->max, &answer);
    else if (slice_eq(r->verb, S("url")))
        err = fetch_url(fetcher, &cx, r->target, r->max, &answer);
    else
        err = fetch_small(fetcher, &cx, r->target, r->max, &answer);
    json_object_set_new(o, "ms", json_integer(now_ms() - started));
    if (c.ms)
        pthread_join(c.thread, NULL);
    set_answer(o, a, err, &answer);
}

static void run_stats(json_t *o, struct arena *a)
{
    struct fetch_upstream_stats *rows;
    size_t count;
    json_t *list = json_array();
    fetcher_stats(fetcher, a, &rows, &count);
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_object();
        set_text(row, "name", rows[i].name);
        json_object_set_new(row, "up", json_boolean(rows[i].is_up));
        json_object_set_new(row, "ok", json_integer((json_int_t)rows[i].ok_total));
        json_object_set_new(row, "absent", json_integer((json_int_t)rows[i].absent_total));
        json_object_set_new(row, "failed", json_integer((json_int_t)rows[i].failed_total));
        json_object_set_new(row, "retried", json_integer((json_int_t)rows[i].retried_total));
        json_object_set_new(row, "bytes", json_integer((json_int_t)rows[i].bytes_total));
        set_text(row, "last_error", rows[i].last_error);
        json_array_append_new(list, row);
    }
    json_object_set_new(o, "stats", list);
}

static void run_line(struct slice line)
{
    struct arena a = ARENA_INIT;
    struct request r = parse_request(line);
    json_t *o = json_object();
    set_text(o, "id", r.id);
    if (slice_eq(r.verb, S("stats")))
        run_stats(o, &a);
    else
        run_fetch(o, &a, &r);
    char *text = json_dumps(o, JSON_COMPACT);
    flockfile(stdout);
    puts(text);
    fflush(stdout);
    funlockfile(stdout);
    free(text);
    json_decref(o);
    arena_release(&a);
}

static void *serve(void *arg)
{
    char *line = NULL;
    size_t capacity = 0;
    for (;;) {
        pthread_mutex_lock(&input_lock);
        ssize_t n = getline(&line, &capacity, stdin);
        pthread_mutex_unlock(&input_lock);
        if (n < 0)
            break;
        run_line(slice_trim(slice_make(line, (size_t)n)));
    }
    free(line);
    return arg;
}

static void set_credential(struct arena *a, struct credential_option *c, struct slice value)
{
    struct slice place = slice_cut(&value, ','), user = slice_cut(&value, ',');
    *c = (struct credential_option){
        .place = arena_cstr(a, place),
        .user = user.n ? arena_cstr(a, user) : NULL,
        .secret = arena_cstr(a, value),
    };
}

static void add_route(struct arena *a, struct fetch_options *o, struct slice list)
{
    struct fetch_route *r = ARENA_NEW(a, struct fetch_route);
    *r = (struct fetch_route){"*", list.p};
    o->routes = r;
    o->route_count = 1;
}

static void set_option(struct arena *a, struct fetch_options *o, struct credential_option *c,
                       unsigned *threads, struct slice key, struct slice value)
{
    const struct {
        const char *key;
        unsigned *field;
    } numbers[] = {
        {"connect_ms", &o->connect_timeout_ms},
        {"stall_ms", &o->stall_timeout_ms},
        {"retries", &o->retries},
        {"failures", &o->breaker_failures},
        {"pause_ms", &o->breaker_pause_ms},
        {"threads", threads},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (slice_eq(slice_of(numbers[i].key), key))
            *numbers[i].field = (unsigned)number(value);
    if (slice_eq(key, S("goproxy")))
        add_route(a, o, value);
    else if (slice_eq(key, S("ca")))
        o->ca_file = value.p;
    else if (slice_eq(key, S("netrc")))
        o->netrc_file = value.p;
    else if (slice_eq(key, S("credential")))
        set_credential(a, &c[o->credential_count++], value);
}

int main(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct credential_option credentials[8];
    unsigned threads = 1;
    pthread_t ids[256];
    struct fetch_options o = {
        .credentials = credentials,
        .connect_timeout_ms = 5000,
        .stall_timeout_ms = 5000,
        .breaker_pause_ms = 1000,
    };
    for (int i = 1; i < argc; i++) {
        struct slice value = slice_of(argv[i]);
        struct slice key = slice_cut(&value, '=');
        set_option(&a, &o, credentials, &threads, key, value);
    }
    struct error *err = fetcher_new(&a, &o, &fetcher);
    if (err) {
        json_t *j = json_object();
        set_answer(j, &a, err, NULL);
        json_dumpf(j, stdout, JSON_COMPACT);
        json_decref(j);
        arena_release(&a);
        return 1;
    }
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, serve, NULL))
            BUG("no thread");
    for (unsigned i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    fetcher_free(fetcher);
    arena_release(&a);
    return 0;
}
