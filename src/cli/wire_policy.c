#include "cli/wire_policy.h"

#include "base/file.h"

#include "base/glob.h"

enum { HOLDS_MAX_BYTES = 16 << 20, VULNS_MAX_BYTES = 64 << 20 };

static struct slice copy(struct arena *a, const char *text)
{
    return arena_dup(a, slice_of(text));
}

static void read_rules(struct arena *a, const struct settings *s, struct policy_spec *spec)
{
    struct policy_rule *rules = ARENA_ARRAY(a, struct policy_rule, s->policy_rules.count);
    for (size_t i = 0; i < s->policy_rules.count; i++) {
        const struct setting_policy_rule *r = &s->policy_rules.rows[i];
        rules[i] = (struct policy_rule){
            .name = copy(a, r->name),
            .origin = copy(a, r->origin),
            .action = copy(a, r->action),
            .paths = copy(a, r->paths),
            .versions = copy(a, r->versions),
            .repositories = copy(a, r->repositories),
            .identities = copy(a, r->identities),
            .min_age_s = (r->min_age + 999) / 1000,
            .only_signed = copy(a, r->only_signed),
            .licences = copy(a, r->licences),
            .vulnerabilities = copy(a, r->vulnerabilities),
            .reason = copy(a, r->reason),
            .contact = copy(a, r->contact),
        };
    }
    spec->rules = rules;
    spec->rule_count = s->policy_rules.count;
}

static void read_exceptions(struct arena *a, const struct settings *s, struct policy_spec *spec)
{
    size_t n = s->policy_exceptions.count;
    struct policy_exception *list = ARENA_ARRAY(a, struct policy_exception, n);
    for (size_t i = 0; i < n; i++) {
        const struct setting_policy_exception *e = &s->policy_exceptions.rows[i];
        list[i] = (struct policy_exception){
            .rule = copy(a, e->rule),
            .origin = copy(a, e->origin),
            .paths = copy(a, e->paths),
            .versions = copy(a, e->versions),
            .reason = copy(a, e->reason),
            .owner = copy(a, e->owner),
            .expires = copy(a, e->expires),
        };
    }
    spec->exceptions = list;
    spec->exception_count = n;
}

/* Absence is an empty file. */
static struct error *read_file(struct arena *a, const char *dir, const char *name, size_t max,
                               struct slice *out)
{
    *out = S("");
    if (!*dir)
        return NULL;
    struct error *err = file_read(a, arena_printf(a, "%s/%s", dir, name).p, max, out);
    return err && err->status != STATUS_NOT_FOUND ? err : NULL;
}

struct error *wire_holds(struct arena *a, const char *data_dir, struct holds *out)
{
    struct slice text;
    TRY(read_file(a, data_dir, POLICY_HOLDS_FILE, HOLDS_MAX_BYTES, &text));
    TRY_CTX(a, holds_parse(a, text, out), "%s/%s", data_dir, POLICY_HOLDS_FILE);
    return NULL;
}

static struct error *wire_vulns(struct arena *a, const char *data_dir, struct vulns **out)
{
    struct slice text;
    TRY(read_file(a, data_dir, POLICY_VULNS_FILE, VULNS_MAX_BYTES, &text));
    TRY_CTX(a, vulns_parse(a, text, out),
            "%s/%s (import the database again: modgate policy import-vulndb)", data_dir,
            POLICY_VULNS_FILE);
    return NULL;
}

static bool has_signer(const struct settings *s, struct slice pattern)
{
    for (size_t i = 0; i < s->signing_trust.count; i++) {
        if (glob_match(pattern, slice_of(s->signing_trust.rows[i].name)))
            return true;
    }
    return false;
}

/* A name that nobody has would refuse everything. */
static struct error *check_signers(struct arena *a, const struct settings *s)
{
    for (size_t i = 0; i < s->policy_rules.count; i++) {
        const struct setting_policy_rule *r = &s->policy_rules.rows[i];
        struct slice rest = slice_of(r->only_signed);
        while (rest.n) {
            struct slice one = slice_trim(slice_cut(&rest, ','));
            if (!has_signer(s, one))
                return error_new(a, STATUS_BAD_CONFIG,
                                 "%s: policy_rules.%s.only_signed: signing_trust has no %.*s",
                                 r->only_signed_origin, r->name, SLICE_ARG(one));
        }
    }
    return NULL;
}

struct error *wire_policy(struct arena *a, const struct settings *s, struct policy **out)
{
    struct vulns *vulns;
    struct holds *holds = ARENA_NEW(a, struct holds);
    struct policy_spec spec = {.contact = copy(a, s->policy_contact), .holds = holds};
    read_rules(a, s, &spec);
    read_exceptions(a, s, &spec);
    TRY(wire_holds(a, s->data_dir, holds));
    TRY(wire_vulns(a, s->data_dir, &vulns));
    spec.vulns = vulns;
    TRY(policy_new(a, &spec, out));
    return check_signers(a, s);
}

bool policy_is_report(const struct settings *s)
{
    return strcmp(s->policy_mode, "report") == 0;
}

struct policy_stamp policy_stamp_of(const char *data_dir)
{
    static const char *const names[] = {POLICY_HOLDS_FILE, POLICY_VULNS_FILE};
    struct arena a = ARENA_INIT;
    struct policy_stamp out = {0};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct stat st;
        if (stat(arena_printf(&a, "%s/%s", data_dir, names[i]).p, &st) < 0)
            continue;
        out.files[i].inode = st.st_ino;
        out.files[i].changed = st.st_mtim;
        out.files[i].bytes = st.st_size;
    }
    arena_release(&a);
    return out;
}

bool policy_stamp_eq(const struct policy_stamp *a, const struct policy_stamp *b)
{
    for (size_t i = 0; i < ARRAY_LEN(a->files); i++) {
        if (a->files[i].inode != b->files[i].inode || a->files[i].bytes != b->files[i].bytes ||
            a->files[i].changed.tv_sec != b->files[i].changed.tv_sec ||
            a->files[i].changed.tv_nsec != b->files[i].changed.tv_nsec)
            return false;
    }
    return true;
}
