/*
 * Lists and @latest under rules: what is refused is taken out, so that the go command chooses among
 * what it will get. A list of which nothing is left is refused as a whole: an empty one would only
 * send the client on to @latest.
 *
 * The go command reads which versions are retracted from the go.mod of the highest one. When that
 * is hidden its retractions would be hidden with it, and a version that was withdrawn would win: so
 * they are applied here.
 */
#include "serve/serve_priv.h"

#include "ops/log.h"

#include "gomod/modfile.h"
#include "gomod/semver.h"

struct choice {
    struct slice *versions; /* as the list has them: upwards */
    bool *is_kept;
    size_t n, kept;
};

static void split_list(struct arena *a, struct slice list, struct choice *c)
{
    size_t lines = 1;
    for (size_t i = 0; i < list.n; i++)
        lines += list.p[i] == '\n';
    c->versions = ARENA_ARRAY(a, struct slice, lines);
    c->is_kept = ARENA_ARRAY(a, bool, lines);
    while (list.n)
        c->versions[c->n++] = slice_cut_line(&list);
}

static struct error *judge_each(struct judging *j, struct slice list, struct choice *c)
{
    struct arena *a = &j->arena;
    struct slice path = j->q.mv.path;
    struct facts_source src = judge_source(j);
    int64_t *since = ARENA_ARRAY(a, int64_t, c->n);
    if (judge_needs_age(j, (struct module_version){.path = path}))
        TRY(facts_since(&src, &j->cx, path, list, c->versions, c->n, since));
    for (size_t i = 0; i < c->n; i++) {
        c->is_kept[i] = judge_since(j, (struct module_version){path, c->versions[i]}, since[i]);
        c->kept += c->is_kept[i];
    }
    return NULL;
}

/* ---- retractions of a version that is hidden ---- */

static void drop_retracted(struct choice *c, const struct modfile *f)
{
    for (size_t i = 0; i < c->n; i++) {
        bool is_retracted = false;
        for (size_t k = 0; k < f->n_retracts && !is_retracted; k++)
            is_retracted = semver_compare(f->retracts[k].low, c->versions[i]) <= 0 &&
                           semver_compare(c->versions[i], f->retracts[k].high) <= 0;
        c->kept -= c->is_kept[i] && is_retracted;
        c->is_kept[i] = c->is_kept[i] && !is_retracted;
    }
}

static bool is_hidden(const struct choice *c, struct slice version)
{
    for (size_t i = 0; i < c->n; i++) {
        if (slice_eq(c->versions[i], version))
            return !c->is_kept[i];
    }
    return false;
}

static struct error *apply_retractions(struct judging *j, struct choice *c)
{
    struct slice mod;
    struct modfile f;
    struct facts_source src = judge_source(j);
    struct module_version top = {j->q.mv.path, version_latest(c->versions, c->n)};
    if (top.version.n == 0 || c->kept == 0 || !is_hidden(c, top.version))
        return NULL;
    struct error *err = facts_ask(&src, &j->cx, QUESTION_MOD, top, &mod);
    if (err && status_class(err->status) == CLASS_ABSENT)
        return NULL;
    if (err)
        return error_wrap(&j->arena, err, "reading what %.*s@%.*s retracts, which rules hide",
                          SLICE_ARG(top.path), SLICE_ARG(top.version));
    if (!modfile_parse(&j->arena, S("go.mod"), mod, MODFILE_LAX, &f))
        drop_retracted(c, &f);
    return NULL;
}

/* ---- answers ---- */

static struct error *choose(struct judging *j, struct slice list, struct choice *c)
{
    split_list(&j->arena, list, c);
    TRY(judge_each(j, list, c));
    TRY(apply_retractions(j, c));
    if (c->kept < c->n)
        log_line(LOG_INFO, j->is_report ? "policy would hide versions" : "policy hides versions",
                 LOG_STR("module", j->q.mv.path), LOG_NUM("hidden", c->n - c->kept),
                 LOG_NUM("left", c->kept), LOG_STR("rule", j->decision.rule));
    return NULL;
}

static struct slice join_kept(struct arena *a, const struct choice *c)
{
    BUF_SCOPED(b);
    for (size_t i = 0; i < c->n; i++) {
        if (c->is_kept[i])
            buf_printf(&b, "%.*s\n", SLICE_ARG(c->versions[i]));
    }
    return arena_dup(a, buf_slice(&b));
}

struct error *judge_list(struct judging *j)
{
    struct choice c = {0};
    TRY(choose(j, j->answer.body, &c));
    j->is_refused = c.n > 0 && c.kept == 0;
    if (c.kept < c.n && !j->is_report)
        repo_answer_set_body(&j->arena, &j->answer, join_kept(&j->arena, &c));
    return NULL;
}

static struct slice best_kept(struct arena *a, const struct choice *c)
{
    size_t n = 0;
    struct slice *kept = ARENA_ARRAY(a, struct slice, c->n);
    for (size_t i = 0; i < c->n; i++) {
        if (c->is_kept[i])
            kept[n++] = c->versions[i];
    }
    return version_latest(kept, n);
}

/* The highest version that is left; empty when none is. */
static struct error *find_other(struct judging *j, struct slice *version)
{
    struct slice list;
    struct choice c = {0};
    struct facts_source src = judge_source(j);
    *version = S("");
    struct error *err = facts_ask(&src, &j->cx, QUESTION_LIST,
                                  (struct module_version){.path = j->q.mv.path}, &list);
    if (err)
        return status_class(err->status) == CLASS_ABSENT ? NULL : err;
    TRY(choose(j, list, &c));
    *version = best_kept(&j->arena, &c);
    return NULL;
}

struct error *judge_latest(struct judging *j)
{
    bool is_given;
    struct slice body, other;
    struct facts_source src = judge_source(j);
    struct module_version mv = {j->q.mv.path, S("")};
    TRY(facts_info_version(&j->arena, j->answer.body, &mv.version));
    TRY(judge_version(j, mv, &is_given));
    j->is_refused = !is_given;
    if (is_given || j->is_report)
        return NULL;
    struct policy_decision first = j->decision;
    TRY(find_other(j, &other));
    j->decision = first;
    j->refused = mv;
    if (other.n == 0)
        return NULL;
    TRY(facts_ask(&src, &j->cx, QUESTION_INFO, (struct module_version){mv.path, other}, &body));
    j->is_refused = false;
    repo_answer_set_body(&j->arena, &j->answer, body);
    return NULL;
}
