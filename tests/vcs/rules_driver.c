/*
 * The rules over the git program on a command line, for test_rules.py:
 *
 *   vcs_rules_driver FOLDER          where mirrors and zips are kept
 *
 * Requests are lines on standard input, words separated by tabs:
 *
 *   KIND PATH ROOT SUBDIR URL QUERY    KIND is list, latest, info, mod or zip; QUERY may be empty
 *
 * Each is answered by one line of JSON. The end of standard input ends the program.
 */
#include "base/encode.h"
#include "vcs/coderepo.h"
#include "vcs/git.h"

#include <jansson.h>
#include <stdio.h>

enum { REFS_TTL_MS = 600000, ZIP_MAX_BYTES = 500 << 20 };

struct driver {
    struct git *git;
    const char *folder;
    unsigned zips;
};

struct request {
    struct slice kind, query;
    struct coderepo_place place;
};

static struct slice take_word(struct slice *line)
{
    return line->p ? slice_cut(line, '\t') : S("");
}

static struct request parse_request(struct slice line)
{
    struct request r = {.kind = take_word(&line)};
    r.place.path = take_word(&line);
    r.place.root = take_word(&line);
    r.place.subdir = take_word(&line);
    r.place.url = take_word(&line);
    r.query = take_word(&line);
    return r;
}

static struct error *run_kind(const struct coderepo *c, struct ctx *cx, const struct request *r,
                              const char *dest, struct vcs_answer *out)
{
    if (slice_eq(r->kind, S("list")))
        return coderepo_list(c, cx, out);
    if (slice_eq(r->kind, S("latest")))
        return coderepo_latest(c, cx, out);
    if (slice_eq(r->kind, S("info")))
        return coderepo_info(c, cx, r->query, out);
    if (slice_eq(r->kind, S("mod")))
        return coderepo_mod(c, cx, r->query, S(""), out);
    const struct coderepo_zip_request q = {
        .version = r->query, .dest_path = dest, .max_bytes = ZIP_MAX_BYTES};
    return coderepo_zip(c, cx, &q, out);
}

static struct error *run_request(struct driver *d, struct ctx *cx, struct request *r,
                                 const char *dest, struct vcs_answer *out)
{
    struct coderepo c;
    TRY(git_open(d->git, cx, r->place.url, false, &r->place.host));
    TRY(coderepo_init(cx->arena, &r->place, &c));
    return run_kind(&c, cx, r, dest, out);
}

/* The body goes in hexadecimal: it may be any bytes. */
static void print_answer(struct arena *a, const struct error *err, const struct vcs_answer *answer,
                         const char *dest)
{
    json_t *o = json_object();
    json_object_set_new(o, "status", json_string(status_name(err ? err->status : STATUS_OK)));
    if (err) {
        struct slice chain = error_chain(a, err);
        json_object_set_new(o, "error", json_stringn_nocheck(chain.p, chain.n));
    } else {
        char *hex = arena_alloc(a, 2 * answer->body.n + 1);
        hex_encode((const uint8_t *)answer->body.p, answer->body.n, hex);
        json_object_set_new(o, "body", json_string(hex));
        json_object_set_new(o, "zip", json_string(dest));
    }
    json_dumpf(o, stdout, JSON_COMPACT);
    puts("");
    fflush(stdout);
    json_decref(o);
}

static void run_line(struct driver *d, struct slice line)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct vcs_answer answer = {0};
    struct request r = parse_request(line);
    const char *dest = arena_printf(&a, "%s/%u.zip", d->folder, d->zips++).p;
    struct error *err = run_request(d, &cx, &r, dest, &answer);
    print_answer(&a, err, &answer, dest);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    if (argc != 2)
        BUG("usage: vcs_rules_driver FOLDER");
    struct driver d = {.folder = argv[1]};
    const struct git_options o = {.dir = arena_printf(&a, "%s/mirrors", d.folder).p,
                                  .refs_ttl_ms = REFS_TTL_MS};
    struct error *err = git_new(&cx, &o, &d.git);
    if (err)
        BUG("%s", error_chain(&a, err).p);
    while ((n = getline(&line, &capacity, stdin)) > 0)
        run_line(&d, slice_trim(slice_make(line, (size_t)n)));
    free(line);
    git_free(d.git);
    arena_release(&a);
    return 0;
}
