/*
 * A file that is right for a main module is right for a dependency, and the JSON of it is JSON.
 * Every text of the result is read.
 */
#include "gomod/modfile.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const struct modfile *f)
{
    BUF_SCOPED(json);
    json_error_t error;
    modfile_json(f, &json);
    json_t *value = json_loadb(json.p, json.n, JSON_ALLOW_NUL, &error);
    if (!value)
        BUG("not JSON: %s", error.text);
    if (json_array_size(json_object_get(value, "Require")) != f->n_requires ||
        json_array_size(json_object_get(value, "Retract")) != f->n_retracts)
        BUG("a directive is missing");
    json_decref(value);
}

static void check_modes(struct arena *a, struct slice file, const struct modfile *strict)
{
    struct modfile lax;
    struct error *err = modfile_parse(a, S("go.mod"), file, MODFILE_LAX, &lax);
    if (err)
        BUG("a dependency is read more strictly: %s", err->text.p);
    if (lax.n_requires != strict->n_requires || lax.n_retracts != strict->n_retracts ||
        !slice_eq(lax.module.path, strict->module.path) || !slice_eq(lax.go, strict->go))
        BUG("the modes disagree on what both know");
}

static void check_tidy(struct modfile *f)
{
    modfile_tidy(f);
    struct modfile once = *f;
    modfile_tidy(f);
    if (once.n_excludes != f->n_excludes || once.n_replaces != f->n_replaces ||
        once.n_tools != f->n_tools || once.n_requires != f->n_requires)
        BUG("tidy was not tidy");
    check_json(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice file = slice_make((const char *)data, size);
    struct modfile f;
    struct error *err = modfile_parse(&a, S("go.mod"), file, MODFILE_STRICT, &f);
    if (!err) {
        check_json(&f);
        check_modes(&a, file, &f);
        check_tidy(&f);
    } else if (!slice_starts(err->text, S("go.mod:"))) {
        BUG("an error without a place: %s", err->text.p);
    } else if (modfile_parse(&a, S("go.mod"), file, MODFILE_LAX, &f) == NULL) {
        check_json(&f);
    }
    modfile_module_path(&a, file);
    arena_release(&a);
    return 0;
}
