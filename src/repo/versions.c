#include "repo/repo_priv.h"

#include "gomod/pseudo.h"
#include "gomod/semver.h"
#include "policy/seen.h"

#include <jansson.h>

static int by_version(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int c = semver_compare(*x, *y);
    return c ? c : slice_cmp(*x, *y);
}

/* go: cmd/go/internal/modfetch/proxy.go versions(): the first field of a line, semver, not pseudo.
 */
static bool is_listed(struct slice v)
{
    return semver_is_valid(v) && !pseudo_is(v) && v.n < 256;
}

struct slice versions_normalise(struct arena *a, struct slice list)
{
    size_t lines = 1, n = 0;
    for (size_t i = 0; i < list.n; i++)
        lines += list.p[i] == '\n';
    struct slice *versions = ARENA_ARRAY(a, struct slice, lines);
    while (list.p) {
        struct slice line = slice_trim(slice_cut_line(&list));
        struct slice version = slice_cut(&line, ' ');
        if (is_listed(version))
            versions[n++] = version;
    }
    qsort(versions, n, sizeof(*versions), by_version);
    BUF_SCOPED(out);
    for (size_t i = 0; i < n; i++) {
        if (i && slice_eq(versions[i], versions[i - 1]))
            continue;
        buf_add(&out, versions[i]);
        buf_add_byte(&out, '\n');
    }
    return arena_dup(a, buf_slice(&out));
}

bool versions_is_list(struct slice list)
{
    if (slice_trim(list).n == 0)
        return true;
    while (list.p) {
        struct slice line = slice_trim(slice_cut_line(&list));
        if (semver_is_valid(slice_cut(&line, ' ')))
            return true;
    }
    return false;
}

struct error *info_version(struct arena *a, struct slice info, struct slice *version)
{
    json_error_t why;
    json_t *root = json_loadb(info.p, info.n, 0, &why);
    const char *text = json_string_value(json_object_get(root, "Version"));
    if (text)
        *version = arena_dup(a, slice_of(text));
    json_decref(root);
    if (!root)
        return error_new(a, STATUS_BAD_ANSWER, "the .info is not JSON: %s (line %d)", why.text,
                         why.line);
    if (!text || !semver_is_valid(*version))
        return error_new(a, STATUS_BAD_ANSWER, "the .info names no valid Version");
    return NULL;
}

bool info_time(struct slice info, int64_t *unix_s)
{
    json_t *root = json_loadb(info.p, info.n, 0, NULL);
    const char *text = json_string_value(json_object_get(root, "Time"));
    bool is_time = seen_parse_time(slice_of(text), unix_s);
    json_decref(root);
    return is_time;
}

struct slice info_commit(struct arena *a, struct slice info)
{
    json_t *root = json_loadb(info.p, info.n, 0, NULL);
    json_t *origin = json_object_get(root, "Origin");
    const char *vcs = json_string_value(json_object_get(origin, "VCS"));
    const char *hash = json_string_value(json_object_get(origin, "Hash"));
    struct slice commit = S("");
    if (vcs && hash && strcmp(vcs, "git") == 0)
        commit = arena_dup(a, slice_of(hash));
    json_decref(root);
    return commit;
}

struct error *module_rel(struct arena *a, struct slice path, const char *rest, struct slice *out)
{
    struct slice escaped;
    TRY(module_escape_path(a, path, &escaped));
    *out = arena_printf(a, "%.*s/%s", SLICE_ARG(escaped), rest);
    return NULL;
}

struct error *version_rel(struct arena *a, struct module_version mv, const char *ext,
                          struct slice *out)
{
    struct slice escaped;
    TRY(module_escape_version(a, mv.version, &escaped));
    return module_rel(a, mv.path, arena_printf(a, "@v/%.*s.%s", SLICE_ARG(escaped), ext).p, out);
}
