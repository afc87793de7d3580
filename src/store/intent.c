/*
 * An intent: what a stage is about to become, and all of it but the zip. The file is a line of
 * numbers and the texts one behind the other; a checksum tells when a power loss tore it.
 */
#include "store/store_priv.h"

#include "base/file.h"

#include <fcntl.h>

#define INTENT_MAGIC "modgate-intent-2"

enum { INTENT_MAX_BYTES = (2 * SMALL_MAX_BYTES) + (1 << 20), INTENT_NUMBERS = 10 };

/* A length, one up; 0 says that there is no such text. */
static uint64_t length_of(struct slice s)
{
    return s.p ? s.n + 1 : 0;
}

struct slice intent_format(struct arena *a, const struct intent *in)
{
    const char *payload =
        JOIN(a, in->mv.path, in->mv.version, in->zip_h1, in->origin, in->info, in->mod);
    size_t n =
        in->mv.path.n + in->mv.version.n + in->zip_h1.n + in->origin.n + in->info.n + in->mod.n;
    struct slice body = slice_make(payload, n);
    struct slice head = arena_printf(
        a, INTENT_MAGIC " %d %d %" PRIu64 " %zu %zu %zu %zu %" PRIu64 " %" PRIu64 " %" PRIu32 "\n",
        in->is_whole, in->is_pinned, in->bytes, in->mv.path.n, in->mv.version.n, in->zip_h1.n,
        in->origin.n, length_of(in->info), length_of(in->mod), checksum(body));
    return slice_make(JOIN(a, head, body), head.n + n);
}

static bool parse_head(struct slice head, uint64_t number[INTENT_NUMBERS])
{
    if (!slice_eq(slice_cut(&head, ' '), S(INTENT_MAGIC)))
        return false;
    for (int i = 0; i < INTENT_NUMBERS; i++) {
        if (!slice_parse_u64(slice_cut(&head, ' '), &number[i]))
            return false;
    }
    return !head.p;
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

static bool parse_intent(struct slice file, struct intent *out)
{
    uint64_t number[INTENT_NUMBERS];
    struct slice rest = file;
    if (!parse_head(slice_cut(&rest, '\n'), number) || !rest.p || checksum(rest) != number[9])
        return false;
    *out = (struct intent){
        .is_whole = number[0] != 0, .is_pinned = number[1] != 0, .bytes = number[2]};
    out->mv.path = take(&rest, number[3]);
    out->mv.version = take(&rest, number[4]);
    out->zip_h1 = take(&rest, number[5]);
    out->origin = take(&rest, number[6]);
    out->info = take_optional(&rest, number[7]);
    out->mod = take_optional(&rest, number[8]);
    return rest.n == 0;
}

bool intent_read(struct store *s, struct arena *a, const char *rel, struct intent *out)
{
    struct slice file;
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && !file_read_fd(a, fd, INTENT_MAX_BYTES, &file) && parse_intent(file, out);
}
