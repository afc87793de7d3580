/* Paths, versions, pseudo-versions and runes. */
#include "driver.h"

#include "gomod/module.h"
#include "gomod/pseudo.h"
#include "gomod/semver.h"
#include "gomod/text.h"

static struct error *check_path(struct oracle_call *call)
{
    return module_check_path(call->a, call->args[0]);
}

static struct error *check_import_path(struct oracle_call *call)
{
    return module_check_import_path(call->a, call->args[0]);
}

static struct error *check_file_path(struct oracle_call *call)
{
    return module_check_file_path(call->a, call->args[0]);
}

static struct error *check(struct oracle_call *call)
{
    return module_check(call->a, (struct module_version){call->args[0], call->args[1]});
}

typedef struct error *(*convert_fn)(struct arena *a, struct slice in, struct slice *out);

static struct error *convert(struct oracle_call *call, convert_fn fn)
{
    struct slice out;
    TRY(fn(call->a, call->args[0], &out));
    oracle_result(call, out);
    return NULL;
}

static struct error *escape_path(struct oracle_call *call)
{
    return convert(call, module_escape_path);
}

static struct error *escape_version(struct oracle_call *call)
{
    return convert(call, module_escape_version);
}

static struct error *unescape_path(struct oracle_call *call)
{
    return convert(call, module_unescape_path);
}

static struct error *unescape_version(struct oracle_call *call)
{
    return convert(call, module_unescape_version);
}

/* args: path, version. */
static struct error *major(struct oracle_call *call)
{
    struct slice prefix, path_major;
    oracle_result_bool(call, module_split_path_version(call->args[0], &prefix, &path_major));
    oracle_result(call, prefix);
    oracle_result(call, path_major);
    oracle_result(call, module_path_major_prefix(path_major));
    oracle_result_bool(call, module_match_path_major(call->args[1], path_major));
    oracle_result_bool(call, !module_check_path_major(call->a, call->args[1], path_major));
    return NULL;
}

static struct error *match_patterns(struct oracle_call *call)
{
    oracle_result_bool(call, module_match_prefix_patterns(call->args[0], call->args[1]));
    return NULL;
}

static struct error *semver(struct oracle_call *call)
{
    struct slice v = call->args[0];
    oracle_result_bool(call, semver_is_valid(v));
    oracle_result(call, semver_canonical(call->a, v));
    oracle_result(call, semver_major(v));
    oracle_result(call, semver_major_minor(call->a, v));
    oracle_result(call, semver_prerelease(v));
    oracle_result(call, semver_build(v));
    oracle_result(call, module_canonical_version(call->a, v));
    return NULL;
}

static struct error *compare(struct oracle_call *call)
{
    int c = semver_compare(call->args[0], call->args[1]);
    oracle_result_int(call, (c > 0) - (c < 0));
    return NULL;
}

static struct slice *copy_args(struct oracle_call *call)
{
    struct slice *copy = ARENA_ARRAY(call->a, struct slice, call->n_args);
    memcpy(copy, call->args, call->n_args * sizeof(*copy));
    return copy;
}

static struct error *sort(struct oracle_call *call)
{
    struct slice *versions = copy_args(call);
    semver_sort(versions, call->n_args);
    for (size_t i = 0; i < call->n_args; i++)
        oracle_result(call, versions[i]);
    return NULL;
}

static struct error *latest(struct oracle_call *call)
{
    oracle_result(call, version_latest(call->args, call->n_args));
    return NULL;
}

static struct error *sort_for_list(struct oracle_call *call)
{
    struct slice *versions = copy_args(call);
    size_t n = versions_sort_for_list(versions, call->n_args);
    for (size_t i = 0; i < n; i++)
        oracle_result(call, versions[i]);
    return NULL;
}

/* args: path, version, path, version… */
static struct error *sort_modules(struct oracle_call *call)
{
    size_t n = call->n_args / 2;
    struct module_version *list = ARENA_ARRAY(call->a, struct module_version, n);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct module_version){call->args[2 * i], call->args[2 * i + 1]};
    module_sort(list, n);
    for (size_t i = 0; i < n; i++) {
        oracle_result(call, list[i].path);
        oracle_result(call, list[i].version);
    }
    return NULL;
}

static struct error *pseudo(struct oracle_call *call)
{
    struct slice v = call->args[0], rev, base;
    int64_t unix_s;
    oracle_result_bool(call, pseudo_is(v));
    oracle_result_bool(call, pseudo_is_zero(v));
    bool has_time = !pseudo_time(call->a, v, &unix_s);
    oracle_result_int(call, has_time ? unix_s : 0);
    oracle_result(call, pseudo_rev(call->a, v, &rev) ? S("none") : rev);
    oracle_result(call, pseudo_base(call->a, v, &base) ? S("none") : base);
    oracle_result_bool(call, !pseudo_check(call->a, v));
    return NULL;
}

/* args: major, older, Unix seconds (may be negative), revision. */
static struct error *make_pseudo(struct oracle_call *call)
{
    int64_t unix_s = strtoll(arena_cstr(call->a, call->args[2]), NULL, 10);
    oracle_result(call, pseudo_make(call->a, call->args[0], call->args[1], unix_s, call->args[3]));
    oracle_result(call, pseudo_zero(call->a, call->args[0]));
    return NULL;
}

/* args: first and last rune; the result has a letter a rune. */
static struct error *runes(struct oracle_call *call)
{
    uint64_t first = 0, last = 0;
    slice_parse_u64(call->args[0], &first);
    slice_parse_u64(call->args[1], &last);
    BUF_SCOPED(classes);
    for (uint64_t r = first; r <= last; r++) {
        unsigned class = (rune_is_space((uint32_t)r) ? 1U : 0U) |
                         (rune_is_print((uint32_t)r) ? 2U : 0U) |
                         (rune_is_letter((uint32_t)r) ? 4U : 0U);
        buf_add_byte(&classes, (char)('0' + class));
    }
    oracle_result(call, buf_slice(&classes));
    return NULL;
}

static struct error *text(struct oracle_call *call)
{
    struct slice rest = call->args[0], field;
    oracle_result(call, text_trim(rest));
    while ((field = text_cut_field(&rest)).n)
        oracle_result(call, field);
    return NULL;
}

static const struct oracle_op ops[] = {
    {"check_path", 1, check_path},
    {"check_import_path", 1, check_import_path},
    {"check_file_path", 1, check_file_path},
    {"check", 2, check},
    {"escape_path", 1, escape_path},
    {"escape_version", 1, escape_version},
    {"unescape_path", 1, unescape_path},
    {"unescape_version", 1, unescape_version},
    {"major", 2, major},
    {"match_patterns", 2, match_patterns},
    {"semver", 1, semver},
    {"compare", 2, compare},
    {"sort", -1, sort},
    {"latest", -1, latest},
    {"sort_for_list", -1, sort_for_list},
    {"sort_modules", -1, sort_modules},
    {"pseudo", 1, pseudo},
    {"make_pseudo", 4, make_pseudo},
    {"runes", 2, runes},
    {"text", 1, text},
};

const struct oracle_ops oracle_name_ops = {ops, ARRAY_LEN(ops)};
