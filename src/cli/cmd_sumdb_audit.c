/* modgate sumdb audit: reads a whole log, or what is new since the last time, and judges it. */
#include "cli/cmd_sumdb.h"
#include "cli/sumdb_source.h"

#include "base/file.h"

#include "sumdb/audit.h"
#include "sumdb/proof.h"

#include <jansson.h>
#include <stdio.h>

enum { MAX_SHOWN = 100 };
#define STATE_MAX_BYTES ((size_t)UINT32_MAX * 4 + (1 << 20))

struct audit_run {
    struct arena arena;
    struct sumdb_source source;
    const char *place, *state_file;
    bool has_key;
    struct note_verifier key;
    struct sumdb_audit_state state;
    struct slice note; /* of the head that is audited */
    struct tlog_tree head;
    uint64_t start;   /* records that were audited before */
    json_t *findings; /* NULL: lines for people */
    size_t count;
};

static void note_finding(void *arg, struct slice text)
{
    struct audit_run *run = arg;
    if (++run->count > MAX_SHOWN)
        return;
    if (run->findings)
        json_array_append_new(run->findings, json_stringn_nocheck(text.p, text.n));
    else
        printf("%.*s\n", SLICE_ARG(text));
}

static struct error *read_tile(void *arg, struct arena *a, struct tile t, struct slice *data)
{
    return sumdb_source_tile(&((struct audit_run *)arg)->source, a, t, data);
}

/* ---- the state ---- */

static struct error *save_state(void *arg, struct arena *a)
{
    struct audit_run *run = arg;
    BUF_SCOPED(b);
    if (!run->state_file)
        return NULL;
    run->state.note = run->note;
    audit_state_format(&b, &run->state);
    return file_write_durable(a, run->state_file, buf_slice(&b));
}

static struct error *load_state(struct audit_run *run)
{
    struct arena *a = &run->arena;
    struct slice text, place = slice_of(run->place);
    run->state = (struct sumdb_audit_state){.source = place};
    if (!run->state_file)
        return NULL;
    struct error *err = file_read(a, run->state_file, STATE_MAX_BYTES, &text);
    if (err && err->status == STATUS_NOT_FOUND)
        return NULL;
    if (!err)
        err = audit_state_parse(a, text, &run->state);
    if (err)
        return error_wrap(a, err, "the state in %s", run->state_file);
    if (!slice_eq(run->state.source, place))
        return error_new(a, STATUS_BAD_USAGE, "the state in %s is of an audit of %.*s",
                         run->state_file, SLICE_ARG(run->state.source));
    run->start = run->state.tree.size;
    return NULL;
}

/* ---- the head ---- */

/* False: there is no head to audit, which is a finding. */
static bool judge_head(struct audit_run *run)
{
    struct arena *a = &run->arena;
    struct sumdb_head head;
    struct error *err = run->has_key ? sumdb_head_open(a, run->note, &run->key, &head) : NULL;
    if (err)
        note_finding(run, arena_printf(a, "the head: %s", error_chain(a, err).p));
    if (sumdb_head_peek(a, run->note, &run->head))
        return true;
    if (!err)
        note_finding(run, S("the head is none of a checksum database"));
    return false;
}

/* Both heads, for third parties, when the log contradicts what it signed before. */
static void show_old_head(struct audit_run *run)
{
    struct slice old = run->state.note, now = run->note;
    if (run->findings || !run->count || !old.n || slice_eq(old, now))
        return;
    printf("\nthe newest head of the audit before:\n%.*s\nthe head of now:\n%.*s", SLICE_ARG(old),
           SLICE_ARG(now));
}

static struct error *audit(struct audit_run *run, const char *ca_file)
{
    struct arena *a = &run->arena;
    struct sumdb_audit_ops ops = {run, read_tile, note_finding, save_state};
    TRY(load_state(run));
    TRY(sumdb_source_open(a, run->place, ca_file, &run->source));
    struct error *err = sumdb_source_head(&run->source, a, &run->note);
    if (err && status_class(err->status) == CLASS_INTEGRITY) {
        note_finding(run, error_chain(a, err));
        return NULL;
    }
    if (err)
        return err;
    if (!judge_head(run))
        return NULL;
    TRY(sumdb_audit(a, &ops, &run->head, &run->state));
    show_old_head(run);
    return run->count ? NULL : save_state(run, a);
}

/* ---- the report ---- */

static void print_json(struct audit_run *run)
{
    json_t *o = json_object();
    json_object_set_new(o, "log", json_string(run->place));
    json_object_set_new(o, "size", json_integer((json_int_t)run->head.size));
    json_object_set_new(o, "root", json_string(tlog_hash_format(&run->arena, &run->head.root).p));
    json_object_set_new(o, "audited_before", json_integer((json_int_t)run->start));
    json_object_set_new(o, "signature_checked", json_boolean(run->has_key));
    json_object_set_new(o, "finding_count", json_integer((json_int_t)run->count));
    json_object_set_new(o, "findings", json_incref(run->findings));
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    puts(text);
    free(text);
    json_decref(o);
}

static void print_report(struct audit_run *run)
{
    if (run->count > MAX_SHOWN)
        printf("… and %zu more\n", run->count - MAX_SHOWN);
    printf("size: %" PRIu64 " records", run->head.size);
    if (run->start)
        printf(", %" PRIu64 " of them audited before", run->start);
    printf("\nroot: %s\n", tlog_hash_format(&run->arena, &run->head.root).p);
    if (!run->has_key)
        printf("the signature of the head was not checked: give --key\n");
    printf("findings: %zu\n", run->count);
}

static int report(struct audit_run *run, const char *command, const struct error *err)
{
    if (err && err->status == STATUS_BAD_USAGE)
        return cli_usage_error(command, "%s", error_chain(&run->arena, err).p);
    if (err)
        return cli_fail(command, err);
    if (run->findings)
        print_json(run);
    else
        print_report(run);
    return run->count ? EXIT_FOUND : EXIT_FINE;
}

int cmd_sumdb_audit(int argc, char **argv)
{
    struct audit_run run = {.arena = ARENA_INIT};
    const char *key = NULL, *as_json = NULL, *ca_file = NULL;
    const struct cli_option options[] = {
        {"key", 'k', "VKEY", "The verifier key that has signed the head.", &key},
        {"state", 's', "FILE",
         "What was audited up to the last time; the next audit goes on there, and proves that the "
         "log still begins with it. Made when it is not there.",
         &run.state_file},
        {"ca-file", 0, "FILE", "PEM bundle that is trusted besides the system's.", &ca_file},
        {"json", 0, NULL,
         "Print {\"log\":…,\"size\":…,\"root\":…,\"audited_before\":…,\"signature_checked\":…,"
         "\"finding_count\":…,\"findings\":[…]}.",
         &as_json},
    };
    int operands =
        cli_parse(argc, argv, "modgate sumdb audit [options] URL|DIR", options, ARRAY_LEN(options));
    if (operands != 1)
        return cli_usage_error(argv[0], "takes the URL of a database, or the folder of one");
    run.place = argv[1];
    run.has_key = key != NULL;
    struct error *err = key ? note_verifier_parse(&run.arena, slice_of(key), &run.key) : NULL;
    if (err)
        err->status = STATUS_BAD_USAGE;
    run.findings = as_json ? json_array() : NULL;
    if (!err)
        err = audit(&run, ca_file);
    int code = report(&run, argv[0], err);
    json_decref(run.findings);
    sumdb_source_close(&run.source);
    audit_state_release(&run.state);
    arena_release(&run.arena);
    return code;
}
