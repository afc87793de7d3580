/*
 * What policy reads from outside, chosen by the first letter: OSV entries, whose lines must be a
 * table; licence files; ranges of versions; and the files that are kept, which must come back as
 * they were written.
 */
#include "policy/holds.h"
#include "policy/licence.h"
#include "policy/osv.h"
#include "policy/ranges.h"
#include "policy/seen.h"
#include "policy/vulns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_osv(struct arena *a, struct slice text)
{
    BUF_SCOPED(lines);
    struct slice id;
    struct vulns *v;
    struct vuln_hit hit;
    if (osv_read(a, text, &id, &lines))
        return;
    struct error *err = vulns_parse(a, buf_slice(&lines), &v);
    if (err)
        BUG("'%.*s' is no table: %s", SLICE_ARG(buf_slice(&lines)), error_chain(a, err).p);
    struct slice path = buf_slice(&lines);
    vulns_find(v, a, (struct module_version){slice_cut(&path, ' '), S("v1.2.3")}, SEVERITY_LOW,
               &hit);
}

static void try_licence(struct arena *a, struct slice text)
{
    struct licences ls = {0};
    licences_add(a, text, &ls);
    licences_end(&ls);
    if (ls.count == 0 || ls.count > LICENCES_MAX)
        BUG("%zu licences", ls.count);
}

static void try_ranges(struct arena *a, struct slice text)
{
    if (!ranges_check(a, text))
        ranges_contain(text, S("v1.2.3-pre"));
}

static void try_seen(struct arena *a, struct slice text)
{
    struct seen s, again;
    if (seen_parse(a, text, &s))
        return;
    struct slice written = seen_format(a, &s);
    if (seen_parse(a, written, &again) || !slice_eq(seen_format(a, &again), written))
        BUG("'%.*s' does not come back", SLICE_ARG(written));
}

static void try_holds(struct arena *a, struct slice text)
{
    struct holds hs;
    struct hold h = {true, {S("a.example"), S("v1.0.0")}, 1, text};
    if (holds_parse(a, text, &hs))
        return;
    struct slice written = holds_put(a, &hs, h);
    if (holds_parse(a, written, &hs) || !holds_find(&hs, h.mv)->is_release)
        BUG("'%.*s' does not come back", SLICE_ARG(written));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice text = slice_make((const char *)data + 1, size ? size - 1 : 0);
    switch (size ? data[0] : 0) {
    case 'o':
        try_osv(&a, text);
        break;
    case 'l':
        try_licence(&a, text);
        break;
    case 'r':
        try_ranges(&a, text);
        break;
    case 's':
        try_seen(&a, text);
        break;
    case 'h':
        try_holds(&a, text);
        break;
    default:
        break;
    }
    arena_release(&a);
    return 0;
}
