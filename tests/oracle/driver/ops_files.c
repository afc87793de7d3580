/* go.mod, go.work and go.sum files. */
#include "driver.h"

#include "gomod/gosum.h"
#include "gomod/gowork.h"
#include "gomod/modfile.h"
#include "gomod/quote.h"
#include "gomod/rehome.h"

/* What `go mod edit -json` prints. */
static struct error *mod_json(struct oracle_call *call)
{
    struct modfile f;
    TRY(modfile_parse(call->a, S("go.mod"), call->args[0], MODFILE_STRICT, &f));
    BUF_SCOPED(json);
    modfile_tidy(&f);
    modfile_json(&f, &json);
    oracle_result(call, buf_slice(&json));
    return NULL;
}

/* args: file, "strict" or "lax"; the result is in the form of mod_json, but nothing is dropped. */
static struct error *mod_parse(struct oracle_call *call)
{
    struct modfile f;
    bool is_strict = slice_eq(call->args[1], S("strict"));
    TRY(modfile_parse(call->a, S("go.mod"), call->args[0], is_strict ? MODFILE_STRICT : MODFILE_LAX,
                      &f));
    BUF_SCOPED(json);
    modfile_json(&f, &json);
    oracle_result(call, buf_slice(&json));
    for (size_t i = 0; i < f.n_requires; i++)
        oracle_result_int(call, f.requires[i].line);
    for (size_t i = 0; i < f.n_retracts; i++)
        oracle_result_int(call, f.retracts[i].line);
    return NULL;
}

/* The lines of all faults, or of the syntax error. */
static struct error *mod_faults(struct oracle_call *call)
{
    struct modfile f;
    struct error *err = modfile_parse(call->a, S("go.mod"), call->args[0], MODFILE_STRICT, &f);
    for (size_t i = 0; i < f.n_faults; i++)
        oracle_result_int(call, f.faults[i].line);
    if (err && f.n_faults == 0) {
        struct slice place = err->text;
        slice_cut(&place, ':');
        oracle_result(call, slice_cut(&place, ':'));
        oracle_result(call, slice_cut(&place, ':'));
    }
    return NULL;
}

static struct error *module_path(struct oracle_call *call)
{
    oracle_result(call, modfile_module_path(call->a, call->args[0]));
    return NULL;
}

static struct error *unquote(struct oracle_call *call)
{
    struct slice out;
    if (!go_unquote(call->a, call->args[0], &out))
        return error_new(call->a, STATUS_BAD_SYNTAX, "not a string");
    oracle_result(call, out);
    return NULL;
}

static struct error *quote_json(struct oracle_call *call)
{
    BUF_SCOPED(json);
    json_quote(&json, call->args[0]);
    oracle_result(call, buf_slice(&json));
    return NULL;
}

static struct error *go_work(struct oracle_call *call)
{
    struct gowork w;
    TRY(gowork_parse(call->a, S("go.work"), call->args[0], &w));
    oracle_result(call, w.go);
    oracle_result(call, w.toolchain);
    for (size_t i = 0; i < w.n_godebugs; i++) {
        oracle_result(call, w.godebugs[i].key);
        oracle_result(call, w.godebugs[i].value);
    }
    for (size_t i = 0; i < w.n_uses; i++)
        oracle_result(call, w.uses[i].name);
    for (size_t i = 0; i < w.n_replaces; i++) {
        oracle_result(call, w.replaces[i].old.path);
        oracle_result(call, w.replaces[i].old.version);
        oracle_result(call, w.replaces[i].with.path);
        oracle_result(call, w.replaces[i].with.version);
    }
    return NULL;
}

/* args: file, path, version, hash; the results are the known hashes and the verdict. */
static struct error *go_sum(struct oracle_call *call)
{
    static const char *const verdicts[] = {"absent", "match", "mismatch"};
    struct gosum sum;
    TRY(gosum_parse(call->a, S("go.sum"), call->args[0], &sum));
    struct module_version mod = {call->args[1], call->args[2]};
    bool is_go_mod = slice_ends(mod.version, S("/go.mod"));
    if (is_go_mod)
        mod.version.n -= 7;
    size_t n;
    const struct gosum_line *lines = gosum_find(&sum, mod, is_go_mod, &n), *seen;
    oracle_result_int(call, (int64_t)sum.n);
    for (size_t i = 0; i < n; i++)
        oracle_result(call, lines[i].hash);
    enum gosum_verdict verdict = gosum_check(&sum, mod, is_go_mod, call->args[3], &seen);
    oracle_result(call, slice_of(verdicts[verdict]));
    return NULL;
}

/* args: file, old path, new path. */
static struct error *rehome_go(struct oracle_call *call)
{
    struct rehome_rule rule = {call->args[1], call->args[2]};
    oracle_result(call, rehome_go_file(call->a, &(struct rehome_rules){&rule, 1}, call->args[0]));
    return NULL;
}

static const struct oracle_op ops[] = {
    {"mod_json", 1, mod_json},       {"mod_parse", 2, mod_parse}, {"mod_faults", 1, mod_faults},
    {"module_path", 1, module_path}, {"unquote", 1, unquote},     {"quote_json", 1, quote_json},
    {"rehome_go", 3, rehome_go},     {"go_work", 1, go_work},     {"go_sum", 4, go_sum},
};

const struct oracle_ops oracle_file_ops = {ops, ARRAY_LEN(ops)};
