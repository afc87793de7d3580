/* A proof that is taken prints as it was read; a state of an audit, too. */
#include "sumdb/audit.h"
#include "sumdb/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_proof(struct arena *a, struct slice text)
{
    struct sumdb_proof p;
    struct tlog_tree tree;
    if (sumdb_proof_parse(a, text, &p))
        return;
    if (!slice_eq(sumdb_proof_format(a, &p), text))
        BUG("a proof prints otherwise");
    if (!sumdb_proof_check(a, &p, NULL, &tree) && p.id >= tree.size)
        BUG("a proof of a record beyond the tree");
}

static void try_state(struct arena *a, struct slice text)
{
    BUF_SCOPED(again);
    struct sumdb_audit_state s;
    if (!audit_state_parse(a, text, &s)) {
        struct sumdb_audit_state once = s;
        audit_state_format(&again, &s);
        if (audit_state_parse(a, buf_slice(&again), &s) || s.tree.size != once.tree.size)
            BUG("a state is read otherwise");
        audit_state_release(&once);
    }
    audit_state_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice text = slice_make((const char *)data, size);
    try_proof(&a, text);
    try_state(&a, text);
    arena_release(&a);
    return 0;
}
