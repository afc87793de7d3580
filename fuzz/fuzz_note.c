/* What a verifier accepts was signed, and is signed again to the same text; keys print as read. */
#include "sumdb/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_keys(struct arena *a, struct slice text)
{
    struct note_verifier v;
    struct note_signer s;
    if (!note_verifier_parse(a, text, &v) && !slice_eq_nocase(note_verifier_format(a, &v), text))
        BUG("a verifier key prints otherwise");
    if (!note_signer_parse(a, text, &s) && !slice_eq_nocase(note_signer_format(a, &s), text))
        BUG("a signer key prints otherwise");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[NOTE_KEY_BYTES] = {7};
    struct arena a = ARENA_INIT;
    struct note_signer signer;
    struct slice msg = slice_make((const char *)data, size), text, again;
    struct tlog_tree tree, back;
    if (note_signer_make(&a, S("sum.example.com"), seed, &signer))
        BUG("no signer");
    check_keys(&a, msg);
    if (!note_open(&a, msg, &signer.verifier, &text)) {
        struct slice note = note_sign(&a, text, &signer, 1);
        if (!slice_starts(msg, text) || note_open(&a, note, &signer.verifier, &again) ||
            !slice_eq(text, again))
            BUG("a note that was accepted is not accepted when it is signed again");
    }
    if (tree_parse(&a, msg, &tree) &&
        (!tree_parse(&a, tree_format(&a, &tree), &back) || tree.size != back.size ||
         !slice_starts(msg, tree_format(&a, &tree))))
        BUG("a tree head prints otherwise");
    arena_release(&a);
    return 0;
}
