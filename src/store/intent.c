/*
 * An intent: what is about to be published, and all of it but the zip. One record of a journal.
 *
 *   modgate-intent 4
 *   whole                     or partial, or gone: what earlier records say of it holds no more
 *   <path>
 *   <version>
 *   <eleven numbers>          pinned; number of the stage; bytes of all files; lengths of h1 and
 *                             origin; lengths of .info, .mod, signature and zip, one up, 0 for
 *                             none; checksum of the zip; checksum
 *   h1, origin, .info, .mod, signature, zip   one behind the other
 *
 * The last checksum is over all but itself and the zip; they tell where a power loss tore the
 * journal. The zip is apart so that it need not be copied.
 */
#include "store/store_priv.h"

#define INTENT_HEADING "modgate-intent 4\n"

enum { INTENT_NUMBERS = 11 };

static const char *const kind_names[] = {
    [INTENT_PARTIAL] = "partial", [INTENT_WHOLE] = "whole", [INTENT_GONE] = "gone"};

/* A length, one up; 0 says that there is no such text. */
static uint64_t length_of(struct slice s)
{
    return s.p ? s.n + 1 : 0;
}

static void add_numbers(struct buf *b, const struct intent *in, uint32_t sum)
{
    buf_printf(b, "%d %u %" PRIu64 " %zu %zu ", in->is_pinned, in->stage_number, in->bytes,
               in->zip_h1.n, in->origin.n);
    buf_printf(b, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32 "\n",
               length_of(in->info), length_of(in->mod), length_of(in->signature),
               length_of(in->zip), in->zip_sum, sum);
}

static void add_intent(struct buf *b, const struct intent *in, uint32_t sum)
{
    buf_printf(b, INTENT_HEADING "%s\n%.*s\n%.*s\n", kind_names[in->kind], SLICE_ARG(in->mv.path),
               SLICE_ARG(in->mv.version));
    add_numbers(b, in, sum);
    buf_add(b, in->zip_h1);
    buf_add(b, in->origin);
    buf_add(b, in->info);
    buf_add(b, in->mod);
    buf_add(b, in->signature);
}

/* What the checksum is taken of: the same with 0 in its place. */
static uint32_t sum_of(const struct intent *in)
{
    BUF_SCOPED(b);
    add_intent(&b, in, 0);
    return checksum(buf_slice(&b));
}

struct slice intent_format(struct arena *a, struct intent *in)
{
    BUF_SCOPED(b);
    in->zip_sum = checksum(in->zip);
    add_intent(&b, in, sum_of(in));
    return arena_dup(a, buf_slice(&b));
}

static bool parse_numbers(struct slice line, uint64_t number[INTENT_NUMBERS])
{
    for (int i = 0; i < INTENT_NUMBERS; i++) {
        if (!slice_parse_u64(slice_cut(&line, ' '), &number[i]))
            return false;
    }
    return !line.p;
}

static struct slice take(struct slice *rest, uint64_t n)
{
    struct slice part = slice_head(*rest, n);
    *rest = slice_skip(*rest, n);
    return part;
}

static struct slice take_optional(struct slice *rest, uint64_t n_plus_1)
{
    return n_plus_1 ? take(rest, n_plus_1 - 1) : (struct slice){0};
}

static bool parse_kind(struct slice name, enum intent_kind *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++) {
        *kind = (enum intent_kind)i;
        if (slice_eq(name, slice_of(kind_names[i])))
            return true;
    }
    return false;
}

/* Cuts the bodies off; false when there are fewer bytes than the numbers say. */
static bool take_bodies(struct slice *rest, const uint64_t number[INTENT_NUMBERS],
                        struct intent *out)
{
    uint64_t left = rest->n;
    for (int i = 3; i < 9; i++) {
        uint64_t n = i < 5 || number[i] == 0 ? number[i] : number[i] - 1;
        if (n > left)
            return false;
        left -= n;
    }
    out->zip_h1 = take(rest, number[3]);
    out->origin = take(rest, number[4]);
    out->info = take_optional(rest, number[5]);
    out->mod = take_optional(rest, number[6]);
    out->signature = take_optional(rest, number[7]);
    out->zip = take_optional(rest, number[8]);
    return true;
}

bool intent_parse(struct slice *journal, struct intent *out)
{
    uint64_t number[INTENT_NUMBERS];
    struct slice rest = *journal;
    *out = (struct intent){0};
    if (!slice_starts(rest, S(INTENT_HEADING)))
        return false;
    slice_cut(&rest, '\n');
    if (!parse_kind(slice_cut(&rest, '\n'), &out->kind))
        return false;
    out->mv.path = slice_cut(&rest, '\n');
    out->mv.version = slice_cut(&rest, '\n');
    if (!parse_numbers(slice_cut(&rest, '\n'), number) || !rest.p || number[1] > UINT32_MAX)
        return false;
    out->zip_sum = (uint32_t)number[9];
    out->is_pinned = number[0] != 0;
    out->stage_number = (unsigned)number[1];
    out->bytes = number[2];
    if (!take_bodies(&rest, number, out) || number[10] != sum_of(out) ||
        number[9] != checksum(out->zip))
        return false;
    *journal = rest;
    return true;
}
