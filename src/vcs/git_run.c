#include "ops/log.h"
#include "ops/metrics.h"
#include "vcs/git_priv.h"

static const char *const *arguments(struct arena *a, const struct git_env *e,
                                    const char *const *args)
{
    size_t n = 0;
    while (args[n])
        n++;
    const char **all = ARENA_ARRAY(a, const char *, e->fixed_count + n + 1);
    memcpy(all, e->fixed, e->fixed_count * sizeof(*all));
    memcpy(all + e->fixed_count, args, n * sizeof(*all));
    return all;
}

struct error *git_start(struct git_repo *r, struct ctx *cx, const struct git_call *c,
                        struct proc **out)
{
    struct git *g = r->git;
    struct arena *a = cx->arena;
    struct proc_spec spec = {
        .argv = arguments(a, &g->env, c->args),
        .env = git_env_for(a, &g->o, &g->env, c->without_mirror ? NULL : r->dir, slice_of(r->url),
                           r->is_insecure),
        .dir = g->o.dir,
        .is_conversation = c->is_conversation,
        .max_output_bytes = c->max_output_bytes,
        .watch = c->watch,
        .watch_arg = c->watch_arg,
    };
    metric_add(METRIC_VCS_CHILDREN, 1);
    if (c->is_remote)
        metric_add(METRIC_VCS_CONTACTS, 1);
    log_line(LOG_DEBUG, "git", LOG_STR("command", slice_of(c->args[0])),
             LOG_STR("repository", slice_of(r->url)));
    return proc_start(cx, &spec, out);
}

/* What the whole child was wanted for is over: what is to be told? */
static struct error *judge(struct git_repo *r, struct ctx *cx, const struct git_call *c,
                           struct error *err, const struct proc_result *res)
{
    const char *what = c->args[0];
    if (err && (err->status == STATUS_TIMEOUT || err->status == STATUS_CANCELLED))
        return error_wrap(cx->arena, err, "git %s of %s was ended", what, r->url);
    if (err)
        return error_wrap(cx->arena, err, "git %s of %s", what, r->url);
    if (res->exit_code == 0 || (res->exit_code == 1 && res->errors.n == 0))
        return NULL;
    bool is_config = slice_find_slice(res->errors, S("bad config")) >= 0 &&
                     slice_find_slice(res->errors, slice_of(r->dir)) < 0;
    if (is_config) /* the user's, not the mirror's */
        return error_new(cx->arena, STATUS_BAD_CONFIG, "git's configuration cannot be read: %.*s",
                         SLICE_ARG(slice_trim(res->errors)));
    return git_outcome(cx->arena, slice_of(r->url), res, c->is_remote);
}

struct error *git_finish(struct git_repo *r, struct ctx *cx, const struct git_call *c,
                         struct proc *p, struct error *err, struct proc_result *out)
{
    struct error *late = proc_finish(p, cx, out);
    return judge(r, cx, c, err ? err : late, out);
}

struct error *git_run(struct git_repo *r, struct ctx *cx, const struct git_call *c,
                      struct slice *output, struct proc_result *out)
{
    struct proc *p;
    struct slice piece;
    BUF_SCOPED(b);
    *output = S("");
    TRY(git_start(r, cx, c, &p));
    struct error *err = NULL;
    do {
        err = proc_read(p, cx, &piece);
        buf_add(&b, piece);
    } while (!err && piece.n);
    err = git_finish(r, cx, c, p, err, out);
    *output = arena_dup(cx->arena, buf_slice(&b));
    return err;
}
