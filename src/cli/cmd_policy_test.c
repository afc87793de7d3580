/*
 * modgate policy test: a dry run of the rules over one version, with the facts that the data folder
 * has. Nothing is asked of anybody and nothing is written.
 */
#include "cli/cmd_policy.h"
#include "cli/settings_args.h"
#include "cli/wire.h"
#include "cli/wire_policy.h"

#include "base/ctx.h"

#include "repo/facts.h"

#include <jansson.h>
#include <stdio.h>

struct dry_run {
    struct arena arena;
    struct policy *policy;
    struct policy_subject subject;
    struct policy_facts facts;
    struct policy_decision decision;
    bool is_report;
    json_t *steps; /* NULL: lines for people */
};

static struct error *parse_version(struct dry_run *run, struct slice text)
{
    struct module_version *mv = &run->subject.mv;
    ptrdiff_t at = slice_find(text, '@');
    if (at < 0)
        return error_new(&run->arena, STATUS_BAD_USAGE, "name a version: MODULE@VERSION");
    mv->path = slice_head(text, (size_t)at);
    mv->version = slice_skip(text, (size_t)at + 1);
    return module_check(&run->arena, *mv);
}

static void print_step(void *arg, const struct policy_rule *rule, struct slice text)
{
    struct dry_run *run = arg;
    if (!run->steps) {
        printf("  %-20.*s %.*s\n", SLICE_ARG(rule->name), SLICE_ARG(text));
        return;
    }
    json_t *o = json_object();
    json_object_set_new(o, "rule", json_stringn(rule->name.p, rule->name.n));
    json_object_set_new(o, "origin", json_stringn(rule->origin.p, rule->origin.n));
    json_object_set_new(o, "result", json_stringn(text.p, text.n));
    json_array_append_new(run->steps, o);
}

static const char *verdict_name(const struct dry_run *run)
{
    switch (run->decision.verdict) {
    case POLICY_GIVE:
        return "given";
    case POLICY_UNDECIDED:
        return "undecided";
    case POLICY_REFUSE:
        break;
    }
    return run->decision.action == POLICY_HOLD ? "held" : "denied";
}

static void print_names(const char *what, bool is_known, const struct slice *names, size_t n)
{
    printf("%s:%s", what, !is_known ? " not known here" : n == 0 ? " none" : "");
    for (size_t i = 0; i < n; i++)
        printf(" %.*s", SLICE_ARG(names[i]));
    printf("\n");
}

static void print_facts(struct dry_run *run)
{
    const struct policy_facts *f = &run->facts;
    if (!(f->known & POLICY_FACT_AGE))
        printf("age: not known here\n");
    else
        printf("age: counts from %s\n", time_rfc3339(&run->arena, f->since_unix_s).p);
    print_names("licences", f->known & POLICY_FACT_LICENCES, f->licences, f->licence_count);
    print_names("signers", f->known & POLICY_FACT_SIGNERS, f->signers, f->signer_count);
}

static void print_people(struct dry_run *run)
{
    const struct policy_decision *d = &run->decision;
    printf("%.*s@%.*s, asked for by %.*s in %.*s: %s", SLICE_ARG(run->subject.mv.path),
           SLICE_ARG(run->subject.mv.version), SLICE_ARG(run->subject.identity),
           SLICE_ARG(run->subject.repository), verdict_name(run));
    if (d->rule.n)
        printf(", by rule %.*s (%.*s)", SLICE_ARG(d->rule), SLICE_ARG(d->origin));
    else
        printf(": no rule is for it");
    printf("%s\n", run->is_report && d->verdict == POLICY_REFUSE
                       ? "; but policy.mode is report: it is given"
                       : "");
    policy_trace(run->policy, &run->arena, &run->subject, &run->facts, print_step, run);
    print_facts(run);
}

/* null: they are not known here. */
static json_t *signers_json(const struct policy_facts *f)
{
    if (!(f->known & POLICY_FACT_SIGNERS))
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < f->signer_count; i++)
        json_array_append_new(list, json_stringn(f->signers[i].p, f->signers[i].n));
    return list;
}

static void print_json(struct dry_run *run)
{
    const struct policy_decision *d = &run->decision;
    run->steps = json_array();
    policy_trace(run->policy, &run->arena, &run->subject, &run->facts, print_step, run);
    json_t *o = json_object();
    json_object_set_new(o, "verdict", json_string(verdict_name(run)));
    json_object_set_new(o, "rule", json_stringn(d->rule.p ? d->rule.p : "", d->rule.n));
    json_object_set_new(o, "origin", json_stringn(d->origin.p ? d->origin.p : "", d->origin.n));
    json_object_set_new(o, "why", json_stringn(d->why.p ? d->why.p : "", d->why.n));
    json_object_set_new(o, "steps", run->steps);
    json_object_set_new(o, "signers", signers_json(&run->facts));
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(o);
}

static struct error *read_signers(struct dry_run *run, const struct settings *s,
                                  const struct sign_trust *trust)
{
    struct arena *a = &run->arena;
    const char *dir = s->data_dir;
    const struct setting_repository *r;
    if (!wire_find(a, s, arena_cstr(a, run->subject.repository), &r))
        dir = wire_folder(a, s, r);
    return facts_signers(a, dir, trust, run->subject.mv, &run->facts);
}

static struct error *read_facts(struct dry_run *run, const struct settings *s)
{
    struct sign_trust *trust;
    TRY(facts_stored(&run->arena, s->data_dir, run->subject.mv, &run->facts));
    TRY(wire_trust(&run->arena, s, &trust));
    struct error *err = read_signers(run, s, trust);
    sign_trust_free(trust);
    return err;
}

static struct error *test(struct dry_run *run, const struct settings_args *sa, const char *target)
{
    struct settings s;
    TRY(settings_args_load(&run->arena, sa, &s));
    TRY(parse_version(run, slice_of(target)));
    TRY(wire_policy(&run->arena, &s, &run->policy));
    if (s.data_dir[0])
        TRY(read_facts(run, &s));
    run->is_report = policy_is_report(&s);
    run->subject.now_unix_s = now_unix_s();
    policy_decide(run->policy, &run->arena, &run->subject, &run->facts, &run->decision);
    return NULL;
}

static int finish(struct dry_run *run, const char *command, const struct error *err, bool as_json)
{
    if (err && status_class(err->status) == CLASS_INVALID)
        return cli_usage_error(command, "%s", error_chain(&run->arena, err).p);
    if (err)
        return cli_fail(command, err);
    if (as_json)
        print_json(run);
    else
        print_people(run);
    return run->decision.verdict == POLICY_REFUSE ? EXIT_FOUND : EXIT_FINE;
}

int cmd_policy_test(int argc, char **argv)
{
    struct settings_args sa = {0};
    struct dry_run run = {.arena = ARENA_INIT};
    const char *identity = "anonymous", *repository = "default", *as_json = NULL;
    const struct cli_option own[] = {
        {"identity", 0, "NAME", "Who asks; else anonymous.", &identity},
        {"repository", 0, "NAME", "Of which repository; else default.", &repository},
        {"json", 0, NULL,
         "Print {\"verdict\":…,\"rule\":…,\"origin\":…,\"why\":…,\"steps\":[{\"rule\":…,"
         "\"origin\":…,\"result\":…}],\"signers\":[…]}.",
         &as_json},
    };
    if (settings_args_parse(&sa, argc, argv, "modgate policy test [options] MODULE@VERSION", own,
                            ARRAY_LEN(own)) != 1)
        return cli_usage_error(argv[0], "needs one operand, MODULE@VERSION");
    run.subject.identity = slice_of(identity);
    run.subject.repository = slice_of(repository);
    struct error *err = test(&run, &sa, argv[1]);
    int code = finish(&run, argv[0], err, as_json);
    arena_release(&run.arena);
    return code;
}
