/*
 * An intent: what a stage is about to become, and all of it but the zip.
 *
 *   modgate-intent 2
 *   whole                     or partial
 *   <path>
 *   <version>
 *   <seven numbers>           pinned; bytes of all files; lengths of h1 and origin; lengths of
 * .info and .mod, one up, 0 for none; checksum h1, origin, .info, .mod   one behind the other
 *
 * The checksum is over all but itself; it tells when a power loss tore the file.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include <fcntl.h>

#define INTENT_HEADING "modgate-intent 2\n"

enum { INTENT_MAX_BYTES = 2 * SMALL_MAX_BYTES + (1 << 20), INTENT_NUMBERS = 7 };

/* A length, one up; 0 says that there is no such text. */
static uint64_t length_of(struct slice s)
{
    return s.p ? s.n + 1 : 0;
}

static void add_numbers(struct buf *b, const struct intent *in, uint32_t sum)
{
    buf_printf(b, "%d %" PRIu64 " %zu %zu %" PRIu64 " %" PRIu64 " %" PRIu32 "\n", in->is_pinned,
               in->bytes, in->zip_h1.n, in->origin.n, length_of(in->info), length_of(in->mod), sum);
}

static void add_intent(struct buf *b, const struct intent *in, uint32_t sum)
{
    buf_printf(b, INTENT_HEADING "%s\n%.*s\n%.*s\n", in->is_whole ? "whole" : "partial",
               SLICE_ARG(in->mv.path), SLICE_ARG(in->mv.version));
    add_numbers(b, in, sum);
    buf_add(b, in->zip_h1);
    buf_add(b, in->origin);
    buf_add(b, in->info);
    buf_add(b, in->mod);
}

/* What the checksum is taken of: the same with 0 in its place. */
static uint32_t sum_of(const struct intent *in)
{
    BUF_SCOPED(b);
    add_intent(&b, in, 0);
    return checksum(buf_slice(&b));
}

struct slice intent_format(struct arena *a, const struct intent *in)
{
    BUF_SCOPED(b);
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

static bool parse_intent(struct slice rest, struct intent *out)
{
    uint64_t number[INTENT_NUMBERS];
    if (!slice_starts(rest, S(INTENT_HEADING)))
        return false;
    slice_cut(&rest, '\n');
    *out = (struct intent){.is_whole = slice_eq(slice_cut(&rest, '\n'), S("whole"))};
    out->mv.path = slice_cut(&rest, '\n');
    out->mv.version = slice_cut(&rest, '\n');
    if (!parse_numbers(slice_cut(&rest, '\n'), number) || !rest.p)
        return false;
    out->is_pinned = number[0] != 0;
    out->bytes = number[1];
    out->zip_h1 = take(&rest, number[2]);
    out->origin = take(&rest, number[3]);
    out->info = take_optional(&rest, number[4]);
    out->mod = take_optional(&rest, number[5]);
    return rest.n == 0 && number[6] == sum_of(out);
}

bool intent_read(struct store *s, struct arena *a, const char *rel, struct intent *out)
{
    struct slice file;
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && !file_read_fd(a, fd, INTENT_MAX_BYTES, &file) && parse_intent(file, out);
}
