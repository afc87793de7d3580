/*
 * What is kept: facts/<escaped path>/@seen (policy/seen.h) and facts/<escaped path>/@v/<escaped
 * version>.licences, which has the h1 of the zip and a licence in each line.
 *
 * The file of ages is changed under its lock, which is held while the times are asked for that it
 * lacks: many who ask for the same module at once cost one walk through its versions, not one each.
 * Once all is known nobody takes the lock.
 */
#include "repo/facts.h"

#include "base/file.h"

#include "gomod/modzip.h"
#include "gomod/pseudo.h"
#include "ops/log.h"
#include "policy/seen.h"
#include "repo/repo_priv.h"

enum {
    ASK_MS = 20 * 1000, /* for the .info files of one list */
    MAX_LICENCE_FILES = 32,
    MAX_LICENCE_BYTES = 1 << 20,
    LOOK_MAX_BYTES = 32 << 20,
};

/* ---- asking ---- */

static struct error *key_of(struct arena *a, enum question_kind kind, struct module_version mv,
                            struct slice *key)
{
    if (kind == QUESTION_LIST)
        return module_rel(a, mv.path, "@v/list", key);
    return version_rel(a, mv, kind == QUESTION_MOD ? "mod" : "info", key);
}

struct error *facts_ask(const struct facts_source *src, struct ctx *cx, enum question_kind kind,
                        struct module_version mv, struct slice *body)
{
    struct repo_answer answer;
    struct ctx own = *cx; /* asking may bring its deadline nearer */
    struct question q = {.kind = kind, .mv = mv};
    TRY(key_of(cx->arena, kind, mv, &q.key));
    TRY(src->get(src->arg, &own, &q, &answer));
    FD_SCOPED fd = answer.fd;
    if (answer.status != 200)
        return error_new(cx->arena, answer.status == 410 ? STATUS_GONE : STATUS_NOT_FOUND, "%.*s",
                         SLICE_ARG(answer.body));
    *body = answer.body;
    return fd < 0 ? NULL : file_read_fd(cx->arena, fd, MOD_MAX_BYTES, body);
}

struct error *facts_info_version(struct arena *a, struct slice info, struct slice *version)
{
    return info_version(a, info, version);
}

/* ---- ages ---- */

static struct error *read_seen(const struct facts_source *src, struct arena *a, struct slice name,
                               struct seen *out)
{
    bool found;
    struct slice text = S("");
    TRY(store_fact_get(src->store, a, name, &found, &text));
    TRY_CTX(a, seen_parse(a, found ? text : S(""), out),
            "facts/%.*s in the store (remove it: its "
            "versions are then new here)",
            SLICE_ARG(name));
    return NULL;
}

/* The list of a module that was never listed here; one that has none has an empty one. */
static struct error *first_list(const struct facts_source *src, struct ctx *cx, struct slice path,
                                struct slice *list)
{
    struct error *err =
        facts_ask(src, cx, QUESTION_LIST, (struct module_version){.path = path}, list);
    if (!err || status_class(err->status) != CLASS_ABSENT)
        return err;
    *list = S("");
    return NULL;
}

static struct error *time_of(const struct facts_source *src, struct ctx *cx,
                             struct module_version mv, int64_t *unix_s)
{
    struct slice info;
    if (pseudo_is(mv.version))
        return pseudo_time(cx->arena, mv.version, unix_s);
    TRY(facts_ask(src, cx, QUESTION_INFO, mv, &info));
    if (!info_time(info, unix_s))
        *unix_s = 0;
    return NULL;
}

/* What is wanted of a module. */
struct wanted {
    struct slice path;
    struct slice list; /* p == NULL: not at hand */
    const struct slice *versions;
    size_t n;
};

static bool is_all_known(const struct seen *seen, const struct wanted *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct seen_version *v = seen_find(seen, w->versions[i]);
        if (!v || !v->time_unix_s)
            return false;
    }
    return seen->listed_unix_s != 0;
}

/* Notes the versions, and asks for the times that are not known, from the last one on. */
static struct error *learn_times(const struct facts_source *src, struct ctx *cx,
                                 const struct wanted *w, bool is_first, struct seen *seen)
{
    size_t missing = 0;
    int64_t end_ms = now_ms() + ASK_MS;
    for (size_t i = w->n; i-- > 0;) {
        int64_t unix_s = 0;
        struct module_version mv = {w->path, w->versions[i]};
        seen_hear(cx->arena, seen, mv.version, now_unix_s(), is_first);
        const struct seen_version *known = seen_find(seen, mv.version);
        if (known && known->time_unix_s)
            continue;
        TRY(ctx_check(cx));
        struct error *err = now_ms() < end_ms ? time_of(src, cx, mv, &unix_s) : NULL;
        if (err && w->n == 1 && status_class(err->status) != CLASS_ABSENT)
            return err;
        if (!err && unix_s > 0)
            seen_set_time(seen, mv.version, unix_s);
        missing += err || unix_s <= 0;
    }
    if (missing)
        log_line(LOG_WARN, "versions of an unknown age, which are taken for new",
                 LOG_STR("module", w->path), LOG_NUM("versions", missing));
    return NULL;
}

static struct error *learn(const struct facts_source *src, struct ctx *cx, struct slice name,
                           const struct wanted *w, struct seen *seen)
{
    int fd;
    struct slice list = w->list;
    TRY(store_fact_lock(src->store, cx, name, &fd));
    FD_SCOPED lock = fd;
    TRY(read_seen(src, cx->arena, name, seen)); /* somebody else may have learnt it meanwhile */
    bool is_first = seen->listed_unix_s == 0;
    if (is_first && !list.p)
        TRY(first_list(src, cx, w->path, &list));
    if (list.p)
        seen_list(cx->arena, seen, list, now_unix_s());
    struct error *err = learn_times(src, cx, w, is_first, seen);
    if (seen->has_changed)
        TRY(store_fact_put(src->store, cx->arena, name, seen_format(cx->arena, seen)));
    return err;
}

struct error *facts_since(const struct facts_source *src, struct ctx *cx, struct slice path,
                          struct slice list, const struct slice *versions, size_t n,
                          int64_t *since_unix_s)
{
    struct seen seen;
    struct slice name;
    struct wanted w = {path, list, versions, n};
    TRY(module_rel(cx->arena, path, "@seen", &name));
    TRY(read_seen(src, cx->arena, name, &seen));
    if (!is_all_known(&seen, &w))
        TRY(learn(src, cx, name, &w, &seen));
    for (size_t i = 0; i < n; i++)
        since_unix_s[i] = seen_since(&seen, versions[i]);
    return NULL;
}

/* ---- licences ---- */

static void parse_licences(struct slice text, struct licences *out)
{
    slice_cut_line(&text); /* the h1 */
    while (text.n && out->count < LICENCES_MAX)
        out->ids[out->count++] = slice_cut_line(&text);
}

static struct slice format_licences(struct arena *a, struct slice h1, const struct licences *ls)
{
    BUF_SCOPED(b);
    buf_printf(&b, "%.*s\n", SLICE_ARG(h1));
    for (size_t i = 0; i < ls->count; i++)
        buf_printf(&b, "%.*s\n", SLICE_ARG(ls->ids[i]));
    return arena_dup(a, buf_slice(&b));
}

static struct error *add_piece(void *arg, struct arena *a, struct slice piece)
{
    buf_add(arg, piece);
    return NULL;
}

/* A file at the root of the module: what follows "path@version/". */
static struct slice root_name(struct module_version mv, struct slice name)
{
    size_t prefix = mv.path.n + 1 + mv.version.n + 1;
    return name.n > prefix ? slice_skip(name, prefix) : S("");
}

static struct error *read_licences(struct arena *a, const struct modzip *z,
                                   struct module_version mv, struct licences *out)
{
    size_t files = 0;
    struct error *err = NULL;
    struct modzip_reader *reader = modzip_reader_new();
    for (size_t i = 0; i < z->count && !err && files < MAX_LICENCE_FILES; i++) {
        const struct modzip_entry *e = &z->entries[i];
        BUF_SCOPED(text);
        if (e->content_bytes > MAX_LICENCE_BYTES || !licence_is_file(root_name(mv, e->name)))
            continue;
        err = modzip_read(reader, a, z, e, (struct modzip_sink){add_piece, &text});
        if (!err)
            licences_add(a, buf_slice(&text), out);
        files++;
    }
    modzip_reader_free(reader);
    licences_end(out);
    return err;
}

static struct error *licences_of_zip(struct arena *a, int fd, struct module_version mv,
                                     struct licences *out)
{
    struct slice bytes;
    struct modzip z;
    TRY(file_map_fd(a, fd, &bytes));
    TRY(modzip_open(a, bytes, MODZIP_LIMITS_GO.files, &z));
    return read_licences(a, &z, mv, out);
}

struct error *facts_licences(const struct facts_source *src, struct ctx *cx,
                             struct module_version mv, int zip_fd, struct slice h1, bool *known,
                             struct licences *out)
{
    bool found;
    struct slice name, text = S("");
    struct arena *a = cx->arena;
    *out = (struct licences){.count = 0};
    TRY(version_rel(a, mv, "licences", &name));
    TRY(store_fact_get(src->store, a, name, &found, &text));
    struct slice rest = text;
    *known = found && (h1.n == 0 || slice_eq(slice_cut_line(&rest), h1));
    if (*known)
        parse_licences(text, out);
    if (*known || zip_fd < 0)
        return NULL;
    TRY_CTX(a, licences_of_zip(a, zip_fd, mv, out), "looking for licences in %.*s@%.*s",
            SLICE_ARG(mv.path), SLICE_ARG(mv.version));
    *known = true;
    return store_fact_put(src->store, a, name, format_licences(a, h1, out));
}

/* ---- for those who only look ---- */

struct error *facts_read(struct arena *a, const char *dir, struct slice name, struct slice *text)
{
    const char *path = arena_printf(a, "%s/facts/%.*s", dir, SLICE_ARG(name)).p;
    struct error *err = file_read(a, path, LOOK_MAX_BYTES, text);
    if (err && err->status == STATUS_NOT_FOUND)
        *text = slice_make(NULL, 0);
    return err && err->status != STATUS_NOT_FOUND ? err : NULL;
}

struct error *facts_stored(struct arena *a, const char *data_dir, struct module_version mv,
                           struct policy_facts *out)
{
    struct slice name, text;
    struct seen seen;
    struct licences *ls = ARENA_NEW(a, struct licences);
    *out = (struct policy_facts){0};
    TRY(module_rel(a, mv.path, "@seen", &name));
    TRY(facts_read(a, data_dir, name, &text));
    TRY(seen_parse(a, text.p ? text : S(""), &seen));
    out->since_unix_s = seen_since(&seen, mv.version);
    out->known |= out->since_unix_s ? (unsigned)POLICY_FACT_AGE : 0;
    TRY(version_rel(a, mv, "licences", &name));
    TRY(facts_read(a, data_dir, name, &text));
    if (!text.p)
        return NULL;
    parse_licences(text, ls);
    out->known |= POLICY_FACT_LICENCES;
    out->licences = ls->ids;
    out->licence_count = ls->count;
    return NULL;
}
