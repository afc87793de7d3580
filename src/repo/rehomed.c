/*
 * A re-homed repository: modules of another repository under paths of its own. What is asked of it
 * is asked of that one, under the old path, and rewritten; from then on it is stored here as any
 * version is, with an h1 of its own. What came of it once is never made again, so that it stays the
 * same even if the rewriting should ever change.
 */
#include "repo/repo_priv.h"

#include "base/file.h"

#include "gomod/rehome.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

static bool old_path(struct arena *a, const struct source_set *set, struct slice path,
                     struct slice *old)
{
    return rehome_source(a, &set->s.moves, path, old);
}

/* The question under the old path. */
static struct error *old_question(struct arena *a, const struct source_set *set,
                                  enum question_kind kind, struct module_version mv,
                                  struct question *out)
{
    struct slice rel;
    if (!old_path(a, set, mv.path, &mv.path))
        return error_new(a, STATUS_NOT_FOUND, "%.*s is no path of this repository",
                         SLICE_ARG(mv.path));
    TRY(question_rel(a, kind, mv, &rel));
    return question_parse(a, arena_printf(a, "/%.*s", SLICE_ARG(rel)), out);
}

enum flight_leg rehomed_leg(struct source_set *set, const struct question *q)
{
    struct arena a = ARENA_INIT;
    struct question old;
    enum flight_leg leg = FLIGHT_UPSTREAM;
    enum question_kind kind = question_is_sumdb(q->kind) ? QUESTION_ZIP : q->kind;
    if (!old_question(&a, set, kind, q->mv, &old))
        leg = repo_first_leg(set->from, &old);
    arena_release(&a);
    return leg;
}

/* Stored there, or fetched. */
static struct error *ask_origin(struct resolve *r, enum question_kind kind,
                                struct module_version mv, struct repo_answer *out)
{
    struct question old;
    struct arena *a = r->cx->arena;
    enum flight_leg leg = r->leg;
    TRY(old_question(a, r->set, kind, mv, &old));
    TRY(repo_lookup(r->set->from, a, &old, out));
    if (out->freshness != REPO_FRESH) {
        if (out->fd >= 0)
            close(out->fd);
        TRY(repo_fetch(r->set->from, r->cx, &old, &leg, out));
    }
    if (leg != r->leg) {
        r->wants_direct = true;
        return error_new(a, STATUS_NOT_FOUND, "%.*s is asked of version control",
                         SLICE_ARG(old.key));
    }
    return out->status == 200 ? NULL
                              : error_new(a, out->status == 410 ? STATUS_GONE : STATUS_NOT_FOUND,
                                          "%.*s", SLICE_ARG(out->body));
}

static struct error *body_of(struct arena *a, struct repo_answer *answer, struct slice *body)
{
    FD_SCOPED fd = answer->fd;
    *body = answer->body;
    return fd < 0 ? NULL : file_read_fd(a, fd, MOD_MAX_BYTES, body);
}

/* Version, Time and Origin stay; where it was taken from is added. */
static struct error *rewrite_info(struct arena *a, struct slice info, struct slice from,
                                  struct slice *out)
{
    json_t *root = json_loadb(info.p, info.n, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return error_new(a, STATUS_BAD_ANSWER, "the .info of %.*s is no JSON object",
                         SLICE_ARG(from));
    }
    json_object_set_new(root, "RehomedFrom", json_stringn(from.p, from.n));
    char *text = json_dumps(root, JSON_COMPACT);
    *out = arena_dup(a, slice_of(text));
    free(text);
    json_decref(root);
    return NULL;
}

struct error *rehomed_small(struct resolve *r, enum question_kind kind, struct module_version mv,
                            struct fetch_answer *got)
{
    struct arena *a = r->cx->arena;
    struct repo_answer answer = {.fd = -1};
    struct slice body, old = S("");
    TRY(ask_origin(r, kind, mv, &answer));
    TRY(body_of(a, &answer, &body));
    old_path(a, r->set, mv.path, &old);
    if (kind == QUESTION_MOD)
        TRY_CTX(a, rehome_go_mod(a, &r->set->s.moves, body, &body), "the go.mod of %.*s",
                SLICE_ARG(old));
    else if (kind != QUESTION_LIST)
        TRY(rewrite_info(a, body, old, &body));
    *got = (struct fetch_answer){
        .body = body,
        .size = body.n,
        .upstream = arena_printf(a, "re-homed from %.*s", SLICE_ARG(old)),
    };
    return NULL;
}

static struct error *write_at(void *arg, struct arena *a, uint64_t offset, struct slice data)
{
    return fd_write_all_at(a, *(int *)arg, offset, data);
}

static struct error *rewrite_zip(struct resolve *r, int in, const char *path)
{
    struct arena *a = r->cx->arena;
    struct slice bytes;
    struct module_version from = r->q->mv;
    char h1[H1_TEXT_BYTES];
    __attribute__((cleanup(arena_release))) struct arena mapping = ARENA_INIT;
    FD_SCOPED out = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out < 0)
        return error_errno(a, errno, "staging");
    struct error *err = file_map_fd(&mapping, in, &bytes);
    if (err)
        return error_dup(a, err);
    old_path(a, r->set, from.path, &from.path);
    return rehome_zip(a, &r->set->s.moves, bytes, from, r->q->mv,
                      (struct modzip_target){write_at, &out}, h1);
}

struct error *rehomed_zip(struct resolve *r, const char *path, struct fetch_answer *got)
{
    struct arena *a = r->cx->arena;
    struct repo_answer answer = {.fd = -1};
    struct slice old = S("");
    TRY(ask_origin(r, QUESTION_ZIP, r->q->mv, &answer));
    FD_SCOPED in = answer.fd;
    old_path(a, r->set, r->q->mv.path, &old);
    TRY_CTX(a, rewrite_zip(r, in, path), "re-homing %.*s", SLICE_ARG(old));
    *got = (struct fetch_answer){.upstream = arena_printf(a, "re-homed from %.*s", SLICE_ARG(old))};
    return NULL;
}
