#include "store/store_priv.h"

#include "base/file.h"

#include <fcntl.h>

#define INTENT_HEAD "modgate-intent 1"
#define INTENT_END "end"

enum { INTENT_MAX_BYTES = 64 * 1024 };

static bool has_line_break(struct slice s)
{
    return slice_find(s, '\n') >= 0 || slice_find(s, '\r') >= 0;
}

struct error *intent_format(struct arena *a, const struct intent *in, struct slice *out)
{
    if (has_line_break(in->origin) || has_line_break(in->zip_h1))
        return error_new(a, STATUS_BAD_REQUEST, "the origin of a version has a line break");
    *out = arena_printf(
        a, INTENT_HEAD "\n%s\n%.*s\n%.*s\n%.*s\n%.*s\n%" PRIu64 "\n" INTENT_END "\n",
        in->is_whole ? "whole" : "partial", SLICE_ARG(in->mv.path), SLICE_ARG(in->mv.version),
        SLICE_ARG(in->zip_h1), SLICE_ARG(in->origin), in->bytes);
    return NULL;
}

bool intent_read(struct store *s, struct arena *a, const char *rel, struct intent *out)
{
    struct slice rest;
    FD_SCOPED fd = openat(s->dir_fd, rel, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || file_read_fd(a, fd, INTENT_MAX_BYTES, &rest))
        return false;
    bool is_ours = slice_eq(slice_cut_line(&rest), S(INTENT_HEAD));
    out->is_whole = slice_eq(slice_cut_line(&rest), S("whole"));
    out->mv.path = slice_cut_line(&rest);
    out->mv.version = slice_cut_line(&rest);
    out->zip_h1 = slice_cut_line(&rest);
    out->origin = slice_cut_line(&rest);
    bool has_bytes = slice_parse_u64(slice_cut_line(&rest), &out->bytes);
    return is_ours && has_bytes && slice_eq(slice_cut_line(&rest), S(INTENT_END));
}
