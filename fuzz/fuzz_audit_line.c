/* A line that is a record is made of its parts; one that is checked never fails the checker. */
#include "ops/audit_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(struct slice line)
{
    struct audit_line l;
    BUF_SCOPED(again);
    if (!audit_line_parse(line, &l))
        return;
    buf_printf(&again, "{\"seq\":%" PRIu64 ",", l.seq);
    buf_add(&again, l.body);
    buf_printf(&again, ",\"prev\":\"%.*s\"", SLICE_ARG(l.prev));
    if (!slice_eq(buf_slice(&again), l.signed_part))
        BUG("what is signed is not what stands before the signature");
    if (l.signature.n)
        buf_printf(&again, ",\"signature\":\"%.*s\"", SLICE_ARG(l.signature));
    if (l.signature.n && !slice_eq(buf_slice(&again), l.hashed))
        BUG("what is hashed is not what stands before the hash");
    audit_line_event(l.body);
    audit_line_time(l.body);
}

static void ignore_fault(void *arg, const char *file, uint64_t line, const char *what)
{
}

static enum audit_verdict believe(void *arg, struct slice key_id, struct slice bytes,
                                  struct slice signature)
{
    return AUDIT_IS_SIGNED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make((const char *)data, size);
    struct audit_check c = {.on_fault = ignore_fault, .verify = believe, .known_seq = 3};
    audit_check_file(&c, "file");
    while (rest.n) {
        bool is_whole = memchr(rest.p, '\n', rest.n) != NULL;
        struct slice line = slice_cut(&rest, '\n');
        check_parts(line);
        audit_check_line(&c, line, is_whole);
    }
    audit_check_end(&c);
    return 0;
}
