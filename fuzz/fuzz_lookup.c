/* The first line names the module version; the rest is the answer. What is found is in the record.
 */
#include "gomod/h1.h"
#include "sumdb/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(struct slice part, struct slice whole)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct sumdb_record r;
    struct slice answer = slice_make((const char *)data, size), note;
    struct module_version mv;
    mv.path = slice_cut(&answer, ' ');
    mv.version = slice_cut(&answer, '\n');
    if (answer.p && !sumdb_record_parse(&a, answer, mv, &r, &note)) {
        struct slice again = record_format(&a, r.id, r.text);
        if (!slice_starts(answer, again) || !slice_eq(slice_skip(answer, again.n), note))
            BUG("a record prints otherwise");
        if (!record_is_valid(r.text) || !is_within(r.zip_h1, r.text) ||
            !is_within(r.go_mod_h1, r.text) || !h1_is_valid(r.zip_h1) || !h1_is_valid(r.go_mod_h1))
            BUG("hashes that are not the record's");
    }
    arena_release(&a);
    return 0;
}
