/* Audit files in a folder of their own, for the tests of the audit. */
#ifndef MODGATE_TESTS_AUDIT_FIXTURE_H
#define MODGATE_TESTS_AUDIT_FIXTURE_H

#include "../test.h"

#include "ops/audit_check.h"
#include "ops/audit_file.h"

#include "base/encode.h"
#include "base/file.h"

#include <dirent.h>
#include <unistd.h>

struct fixture {
    struct arena arena;
    char dir[64];
    const char *path;
    struct audit_options o;
    struct audit_file *file;
};

static inline int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    snprintf(f->dir, sizeof(f->dir), "%s/modgate-audit-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->path = arena_printf(&f->arena, "%s/audit.jsonl", f->dir).p;
    f->o = (struct audit_options){.path = f->path};
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    audit_file_close(f->file);
    assert_ok(dir_remove(&f->arena, f->dir));
    arena_release(&f->arena);
    free(f);
    return 0;
}

static inline void open_file(struct fixture *f)
{
    assert_ok(audit_file_open(&f->arena, &f->o, &f->file));
}

static inline void close_file(struct fixture *f)
{
    audit_file_close(f->file);
    f->file = NULL;
}

static inline struct slice body_of(struct fixture *f, int n)
{
    return arena_printf(&f->arena,
                        "\"time\":\"2026-01-02T03:04:05.%06dZ\",\"event\":\"download\","
                        "\"module\":\"example.com/m%d\"\n",
                        n % 1000000, n);
}

static inline struct slice content_of(struct fixture *f, const char *path)
{
    struct slice text;
    assert_ok(file_read(&f->arena, path, 64 << 20, &text));
    return text;
}

static inline void write_content(struct fixture *f, const char *path, struct slice text)
{
    unlink(path);
    assert_ok(file_write_durable(&f->arena, path, text));
}

/* What was put aside, and then the file itself: sorted as the chain is. */
static inline size_t files_of(struct fixture *f, struct slice names[static 64])
{
    size_t n = 0;
    DIR *d = opendir(f->dir);
    for (struct dirent *de; (de = readdir(d));) {
        struct slice name = slice_of(de->d_name);
        if (slice_starts(name, S("audit.jsonl.")) && !slice_ends(name, S("lock")) && n < 63)
            names[n++] = arena_dup(&f->arena, arena_printf(&f->arena, "%s/%s", f->dir, de->d_name));
    }
    closedir(d);
    qsort(names, n, sizeof(*names), slice_cmp_qsort);
    names[n++] = slice_of(f->path);
    return n;
}

/* ---- checking ---- */

struct findings {
    struct audit_check check;
    char first[700]; /* the first fault, with its line */
    uint64_t first_line;
};

static inline void note_fault(void *arg, const char *file, uint64_t line, const char *what)
{
    struct findings *found = arg;
    if (found->first[0])
        return;
    snprintf(found->first, sizeof(found->first), "%s", what);
    found->first_line = line;
}

/* The stand-in for a signature that these tests sign with: a hash with a secret in it. */
static inline struct slice secret_signature(struct arena *a, struct slice bytes)
{
    uint8_t sum[SHA256_BYTES];
    sha256(arena_printf(a, "secret %.*s", SLICE_ARG(bytes)), sum);
    return base64_encode(a, sum, sizeof(sum));
}

static inline struct error *sign_with_secret(void *arg, struct arena *a, struct slice bytes,
                                             struct slice *signature)
{
    *signature = secret_signature(a, bytes);
    return NULL;
}

static inline enum audit_verdict judge_secret(void *arg, struct slice key_id, struct slice bytes,
                                              struct slice signature)
{
    struct arena a = ARENA_INIT;
    bool is_ours = slice_eq(secret_signature(&a, bytes), signature);
    arena_release(&a);
    return !slice_eq(key_id, S("secret")) ? AUDIT_KEY_UNKNOWN
           : is_ours                      ? AUDIT_IS_SIGNED
                                          : AUDIT_IS_FORGED;
}

static inline void start_findings(struct findings *found, bool has_key)
{
    *found = (struct findings){.check = {.on_fault = note_fault, .arg = found}};
    found->check.verify = has_key ? judge_secret : NULL;
}

static inline void check_text(struct findings *found, const char *name, struct slice text)
{
    audit_check_file(&found->check, name);
    while (text.n) {
        bool is_whole = memchr(text.p, '\n', text.n) != NULL;
        audit_check_line(&found->check, slice_cut(&text, '\n'), is_whole);
    }
}

static inline void check_all(struct fixture *f, struct findings *found, bool has_key)
{
    struct slice names[64];
    size_t n = files_of(f, names);
    start_findings(found, has_key);
    for (size_t i = 0; i < n; i++)
        check_text(found, names[i].p, content_of(f, names[i].p));
    audit_check_end(&found->check);
}

static inline void expect_fine(struct fixture *f, uint64_t last_seq)
{
    struct findings found;
    check_all(f, &found, f->o.signer.sign != NULL);
    if (found.check.faults)
        fail_msg("line %d: %s", (int)found.first_line, found.first);
    assert_int_equal(found.check.last_seq, last_seq);
    if (found.check.first_seq == 1)
        assert_int_equal(found.check.records, last_seq);
}

#endif
