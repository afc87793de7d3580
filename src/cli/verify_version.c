/*
 * One version of a GOPROXY tree: do its files belong together, and are they what the go.sum says?
 *
 * The zip is judged by Go's rules and gives an h1; .ziphash, go.sum and the extracted folder must
 * agree with that, .mod with the go.mod inside, .info with the version. Each file that does not is
 * reported by itself, with the reason.
 */
#include "base/file.h"
#include "cli/modzip_dir.h"
#include "cli/verify.h"

#include "gomod/text.h"

#include <jansson.h>

enum { SMALL_FILE_BYTES = 1 << 20 };

struct check {
    struct verify_worker *w;
    struct verify_version *v;
    struct slice ziphash; /* what the .ziphash says; empty when it says nothing usable */
    struct slice zip;     /* mapped */
    struct verify_twin *twin;
    bool zip_is_fine; /* by the rules; then result is set */
    struct modzip_result result;
    struct error *err;
};

static const char *member_path(struct check *c, const char *suffix)
{
    return arena_printf(&c->w->arena, "%s%s", c->v->stem, suffix).p;
}

static void bad(struct check *c, const char *file, const struct error *err)
{
    verify_bad(c->w->report, c->v, file, "%s", error_chain(&c->w->arena, err).p);
}

static void report_missing(struct check *c, const char *file)
{
    if (c->v->is_unfinished)
        verify_note(c->w->report, file, "not there yet: its publication is not finished");
    else
        verify_bad(c->w->report, c->v, file, "missing");
}

static void check_members(struct check *c)
{
    static const struct {
        unsigned member;
        const char *suffix;
    } wanted[] = {{MEMBER_INFO, ".info"},
                  {MEMBER_MOD, ".mod"},
                  {MEMBER_ZIP, ".zip"},
                  {MEMBER_ZIPHASH, ".ziphash"}};
    unsigned need = 0;
    if (c->v->tree->needs_all)
        need = MEMBER_ALL;
    else if (c->v->members & MEMBER_ZIP || c->v->folder)
        need = MEMBER_ZIPHASH;
    if (need & ~c->v->members) /* it may have been listed half published */
        c->v->members = verify_members(&c->w->arena, c->v->stem, &c->v->zip_bytes);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (need & wanted[i].member & ~c->v->members)
            report_missing(c, member_path(c, wanted[i].suffix));
    }
    if (c->v->members & MEMBER_PARTIAL)
        verify_note(c->w->report, member_path(c, ".partial"),
                    "left over: the go command was interrupted while it extracted the zip");
}

static void read_ziphash(struct check *c)
{
    const char *path = member_path(c, ".ziphash");
    struct slice text;
    struct error *err = file_read(&c->w->arena, path, 4096, &text);
    if (err) {
        bad(c, path, err);
        return;
    }
    verify_count(c->w->report, 1, text.n);
    text = slice_trim(text);
    if (h1_is_valid(text))
        c->ziphash = text;
    else
        verify_bad(c->w->report, c->v, path, "is no h1");
}

/* Compares with the go.sum of --go-sum and with that of the target. */
static void check_go_sum(struct check *c, bool is_go_mod, const char *file, const char *h1)
{
    const struct gosum *sums[] = {c->w->go_sum, c->v->go_sum};
    const struct gosum_line *seen;
    for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
        if (sums[i] &&
            gosum_check(sums[i], c->v->mv, is_go_mod, slice_of(h1), &seen) == GOSUM_MISMATCH)
            verify_bad(c->w->report, c->v, file, "its h1 is %s, go.sum says %.*s", h1,
                       SLICE_ARG(seen->hash));
    }
}

static void verify_mapped_zip(void *arg)
{
    struct check *c = arg;
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_observer observer;
    if (c->twin)
        observer = verify_twin_observer(c->twin);
    c->err = modzip_verify_observed(&c->w->arena, c->zip, c->v->mv, &limits,
                                    c->twin ? &observer : NULL, &c->result);
}

/* The folder by itself, when there is no good zip to compare it with. */
static void check_folder_alone(struct check *c)
{
    struct arena *a = &c->w->arena;
    struct slice prefix =
        arena_printf(a, "%.*s@%.*s", SLICE_ARG(c->v->mv.path), SLICE_ARG(c->v->mv.version));
    char h1[H1_TEXT_BYTES];
    struct dir_totals totals;
    struct error *err = dir_hash(a, c->v->folder, prefix, h1, &totals);
    if (err) {
        bad(c, c->v->folder, err);
        return;
    }
    verify_count(c->w->report, totals.files, totals.bytes);
    if (c->ziphash.n && !slice_eq(slice_of(h1), c->ziphash))
        verify_bad(c->w->report, c->v, c->v->folder, "its h1 is %s, .ziphash says %.*s", h1,
                   SLICE_ARG(c->ziphash));
    check_go_sum(c, false, c->v->folder, h1);
}

static void finish_twin(struct check *c, const char *folder)
{
    bool is_same;
    struct dir_totals totals;
    struct slice differences;
    struct error *err =
        verify_twin_finish(c->twin, &c->w->arena, c->zip, &is_same, &differences, &totals);
    verify_count(c->w->report, totals.files, totals.bytes);
    if (err)
        bad(c, folder, err);
    else if (!is_same)
        verify_bad(c->w->report, c->v, folder, "differs from the zip: %.*s",
                   SLICE_ARG(differences));
}

static void judge_zip(struct check *c, const char *path)
{
    if (c->err) {
        bad(c, path, c->err);
        return;
    }
    c->zip_is_fine = true;
    verify_count(c->w->report, c->result.files, c->result.content_bytes);
    if (c->ziphash.n && !slice_eq(c->ziphash, slice_of(c->result.h1)))
        verify_bad(c->w->report, c->v, path, "its h1 is %s, .ziphash says %.*s", c->result.h1,
                   SLICE_ARG(c->ziphash));
    check_go_sum(c, false, path, c->result.h1);
}

static struct error *unreadable(struct check *c)
{
    return error_new(&c->w->arena, STATUS_IO, "cannot be read, or was cut off meanwhile");
}

static void check_zip(struct check *c)
{
    struct arena *a = &c->w->arena;
    const char *path = member_path(c, ".zip");
    c->err = file_map(a, path, &c->zip);
    if (!c->err && c->v->folder)
        c->err = verify_twin_open(a, c->v->mv, c->v->folder, NULL, &c->twin);
    if (!c->err && !verify_guarded(verify_mapped_zip, c))
        c->err = unreadable(c);
    judge_zip(c, path);
    bool is_reference =
        c->zip_is_fine && c->ziphash.n && slice_eq(c->ziphash, slice_of(c->result.h1));
    if (c->twin && is_reference)
        finish_twin(c, c->v->folder);
    else if (c->v->folder)
        check_folder_alone(c);
    verify_twin_close(c->twin);
}

static void check_mod(struct check *c)
{
    struct arena *a = &c->w->arena;
    const char *path = member_path(c, ".mod");
    struct slice mod;
    struct error *err = file_read(a, path, MODZIP_LIMITS_GO.go_mod_bytes, &mod);
    if (err) {
        bad(c, path, err);
        return;
    }
    verify_count(c->w->report, 1, mod.n);
    char h1[H1_TEXT_BYTES];
    gomod_hash(mod, h1);
    check_go_sum(c, true, path, h1);
    if (!c->zip_is_fine)
        return;
    struct slice made = arena_printf(a, "module %.*s\n", SLICE_ARG(c->v->mv.path));
    if (!text_same_lines(mod, c->result.has_go_mod ? c->result.go_mod : made))
        verify_bad(c->w->report, c->v, path,
                   c->result.has_go_mod ? "differs from the go.mod in the zip"
                                        : "the zip has no go.mod, so it should be one line");
}

static void check_info(struct check *c)
{
    const char *path = member_path(c, ".info");
    struct slice text;
    struct error *err = file_read(&c->w->arena, path, SMALL_FILE_BYTES, &text);
    if (err) {
        bad(c, path, err);
        return;
    }
    verify_count(c->w->report, 1, text.n);
    json_error_t json_err;
    json_t *doc = json_loadb(text.p, text.n, 0, &json_err);
    const char *version = json_string_value(json_object_get(doc, "Version"));
    if (!doc)
        verify_bad(c->w->report, c->v, path, "is no JSON: line %d: %s", json_err.line,
                   json_err.text);
    else if (!version)
        verify_bad(c->w->report, c->v, path, "names no version");
    else if (!slice_eq(slice_of(version), c->v->mv.version))
        verify_bad(c->w->report, c->v, path, "names the version %s", version);
    json_decref(doc);
}

/* A vendored module's files are parts of its zip. */
static void check_vendored(struct check *c)
{
    struct arena *a = &c->w->arena;
    const char *path = member_path(c, ".zip");
    c->err = file_map(a, path, &c->zip);
    if (!c->err)
        c->err = verify_twin_open(a, c->v->mv, c->v->vendor, &c->v->vendored, &c->twin);
    if (!c->err && !verify_guarded(verify_mapped_zip, c))
        c->err = unreadable(c);
    judge_zip(c, path);
    if (c->zip_is_fine)
        finish_twin(c, c->v->vendor);
    verify_twin_close(c->twin);
}

void verify_check_version(struct verify_worker *w, struct verify_version *v)
{
    struct check c = {.w = w, .v = v};
    if (v->vendor) {
        check_vendored(&c);
        return;
    }
    check_members(&c);
    if (v->members & MEMBER_ZIPHASH)
        read_ziphash(&c);
    if (v->members & MEMBER_ZIP)
        check_zip(&c);
    else if (v->folder)
        check_folder_alone(&c);
    if (v->members & MEMBER_MOD)
        check_mod(&c);
    if (v->members & MEMBER_INFO)
        check_info(&c);
}
