/* modgate audit verify: reads audit files and tells whatever is wrong with their chain. */
#include "cli/cmd_audit.h"

#include "base/file.h"

#include "ops/audit_check.h"
#include "sign/sign.h"

#include <stdio.h>

enum { MAX_KEYS = 16 };

struct verify_run {
    struct audit_check check;
    struct verify_key *keys[MAX_KEYS];
    size_t key_count;
};

static void print_fault(void *arg, const char *file, uint64_t line, const char *what)
{
    if (line)
        printf("%s:%" PRIu64 ": %s\n", file, line, what);
    else
        printf("%s: %s\n", file, what);
}

static enum audit_verdict judge(void *arg, struct slice key_id, struct slice bytes,
                                struct slice signature)
{
    struct verify_run *run = arg;
    for (size_t i = 0; i < run->key_count; i++) {
        if (slice_eq(verify_key_id(run->keys[i]), key_id))
            return verify_bytes(run->keys[i], bytes, signature) ? AUDIT_IS_SIGNED : AUDIT_IS_FORGED;
    }
    return AUDIT_KEY_UNKNOWN;
}

static struct error *read_keys(struct arena *a, struct verify_run *run, const char *list)
{
    struct slice rest = slice_of(list), pem;
    while (rest.n) {
        const char *path = arena_cstr(a, slice_trim(slice_cut(&rest, ',')));
        if (run->key_count == MAX_KEYS)
            return error_new(a, STATUS_BAD_USAGE, "more than %d keys", MAX_KEYS);
        TRY_CTX(a, file_read(a, path, SIGN_KEY_MAX_BYTES, &pem), "reading the public key");
        TRY_CTX(a, verify_key_parse(a, pem, &run->keys[run->key_count]), "%s", path);
        run->key_count++;
    }
    return NULL;
}

/* "1234:<64 hexadecimal digits>", as the last line of an earlier run says it. */
static struct error *parse_head(struct arena *a, struct audit_check *c, const char *head)
{
    struct slice hash = slice_of(head), seq = slice_cut(&hash, ':');
    if (slice_parse_u64(seq, &c->known_seq) && c->known_seq && hash.n == AUDIT_HASH_CHARS) {
        c->known_hash = hash;
        return NULL;
    }
    return error_new(a, STATUS_BAD_USAGE, "'%s' is no head: it is NUMBER:HASH", head);
}

static void take_line(void *arg, struct slice line, bool is_whole)
{
    audit_check_line(arg, line, is_whole);
}

static struct error *check_files(struct arena *a, struct verify_run *run,
                                 const struct audit_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        audit_check_file(&run->check, files->paths[i]);
        TRY(audit_file_each(a, files->paths[i], take_line, &run->check));
    }
    run->check.line = 0;
    audit_check_end(&run->check);
    return NULL;
}

static void print_checkpoints(const struct audit_check *c)
{
    if (!c->verify)
        printf("signatures of checkpoints were not looked at: give --key\n");
    else if (c->checkpoints == 0)
        printf("no checkpoint: nothing here is signed\n");
    else
        printf("%" PRIu64 " checkpoints verified; the last is record %" PRIu64
               " of %s, and %" PRIu64 " records after it are chained and not signed\n",
               c->checkpoints, c->checkpoint_seq, c->checkpoint_time, c->open_records);
}

static void print_summary(const struct audit_check *c)
{
    printf("%" PRIu64 " records, %" PRIu64 " to %" PRIu64 ", the last of %s: %s\n", c->records,
           c->first_seq, c->last_seq, c->last_time,
           c->faults ? "NOT as they were written" : "fine");
    if (c->first_seq > 1)
        printf("what came before record %" PRIu64 " is not in these files\n", c->first_seq);
    print_checkpoints(c);
    printf("head: %" PRIu64 ":%s\n", c->last_seq, c->last_hash);
}

static struct error *verify(struct arena *a, struct verify_run *run, const struct settings_args *sa,
                            char *const *names, int count)
{
    struct audit_files files;
    TRY(audit_files_find(a, sa, names, count, &files));
    TRY(check_files(a, run, &files));
    if (run->check.records == 0)
        return error_new(a, STATUS_BAD_SYNTAX, "there is no record in %s", files.paths[0]);
    print_summary(&run->check);
    return NULL;
}

int cmd_audit_verify(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct settings_args sa = {0};
    struct verify_run run = {.check = {.on_fault = print_fault}};
    const char *key = NULL, *head = NULL;
    const struct cli_option own[] = {
        {"key", 0, "FILE", "The public key of checkpoints, in PEM; several separated by commas.",
         &key},
        {"head", 0, "NUMBER:HASH",
         "A record that is known, such as the head that a run has printed.", &head},
    };
    int operands = settings_args_parse(&sa, argc, argv, "modgate audit verify [options] [FILE…]",
                                       own, ARRAY_LEN(own));
    run.check.arg = &run;
    run.check.verify = key ? judge : NULL;
    struct error *err = key ? read_keys(&a, &run, key) : NULL;
    if (!err && head)
        err = parse_head(&a, &run.check, head);
    if (!err)
        err = verify(&a, &run, &sa, argv + 1, operands);
    int code = !err ? (run.check.faults ? EXIT_FOUND : EXIT_FINE)
               : err->status == STATUS_BAD_USAGE || err->status == STATUS_BAD_CONFIG
                   ? cli_usage_error(argv[0], "%s", error_chain(&a, err).p)
                   : cli_fail(argv[0], err);
    for (size_t i = 0; i < run.key_count; i++)
        verify_key_free(run.keys[i]);
    arena_release(&a);
    return code;
}
