/*
 * Reading one entry of a zip: stored data is handed on in place, deflated data through a window of
 * fixed size with ISA-L, so that memory does not depend on what an entry declares or really holds.
 * Size, CRC and data descriptor are checked as archive/zip does, and one thing more: the local
 * header must name the same file as the central directory.
 */
#include "gomod/modzip_priv.h"

#include "gomod/text.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

enum { WINDOW_BYTES = 64 << 10, LOCAL_BYTES = 30, DESCRIPTOR_BYTES = 16 };

struct modzip_reader {
    struct inflate_state state;
    struct modzip_entry e; /* the entry that is read */
    struct slice packed;   /* what is left of a stored entry */
    struct slice descriptor;
    uint64_t left_bytes;
    uint32_t crc;
    uint8_t window[WINDOW_BYTES];
};

struct modzip_reader *modzip_reader_new(void)
{
    return xmalloc(sizeof(struct modzip_reader));
}

void modzip_reader_free(struct modzip_reader *r)
{
    free(r);
}

static __attribute__((returns_nonnull)) struct error *
bad(struct arena *a, const struct modzip_entry *e, const char *why)
{
    return error_new(a, STATUS_BAD_ZIP, "%s: %s", text_quote(a, e->name), why);
}

/* Finds the packed data behind the local header, and the data descriptor behind that. */
static struct error *find_data(struct arena *a, const struct modzip *z,
                               const struct modzip_entry *e, struct slice *packed,
                               struct slice *descriptor)
{
    struct slice at = slice_skip(z->bytes, e->header_offset);
    if (e->header_offset > z->bytes.n || at.n < LOCAL_BYTES || memcmp(at.p, "PK\3\4", 4) != 0)
        return bad(a, e, "no local header where the central directory says");
    size_t name_n = le16(at.p + 26), extra_n = le16(at.p + 28);
    struct slice name = slice_head(slice_skip(at, LOCAL_BYTES), name_n);
    if (!slice_eq(name, e->name))
        return bad(a, e, "its local header names another file");
    struct slice data = slice_skip(at, LOCAL_BYTES + name_n + extra_n);
    if (data.n < e->packed_bytes || at.n < LOCAL_BYTES + name_n + extra_n)
        return bad(a, e, "data is cut off");
    *packed = slice_head(data, e->packed_bytes);
    *descriptor = slice_skip(data, e->packed_bytes);
    return NULL;
}

/* Counts what is handed out. */
static struct error *take_piece(struct modzip_reader *r, struct arena *a, struct slice piece)
{
    if (piece.n > r->left_bytes)
        return bad(a, &r->e, "more data than declared");
    r->left_bytes -= piece.n;
    r->crc = crc32_gzip_refl(r->crc, (const unsigned char *)piece.p, piece.n);
    return NULL;
}

static struct error *next_deflated(struct modzip_reader *r, struct arena *a, struct slice *piece)
{
    struct inflate_state *s = &r->state;
    *piece = S("");
    if (s->block_state == ISAL_BLOCK_FINISH)
        return NULL;
    s->next_out = r->window;
    s->avail_out = WINDOW_BYTES;
    if (isal_inflate(s) < 0)
        return bad(a, &r->e, "damaged deflate data");
    size_t got = WINDOW_BYTES - s->avail_out;
    if (got == 0 && s->block_state != ISAL_BLOCK_FINISH)
        return bad(a, &r->e, "deflate data is cut off");
    *piece = slice_make((const char *)r->window, got);
    return NULL;
}

/* In pieces too, so that who takes them can let go of the pages behind. */
static void next_stored(struct modzip_reader *r, struct slice *piece)
{
    *piece = slice_head(r->packed, WINDOW_BYTES);
    r->packed = slice_skip(r->packed, piece->n);
}

/* A CRC of zero without a descriptor means that the writer did not set it. */
static struct error *check_crc(struct modzip_reader *r, struct arena *a)
{
    const struct modzip_entry *e = &r->e;
    if (e->flags & FLAG_DATA_DESCRIPTOR) {
        struct slice d = r->descriptor;
        bool has_magic = d.n >= 4 && memcmp(d.p, "PK\7\10", 4) == 0;
        size_t crc_at = has_magic ? 4 : 0;
        if (d.n < DESCRIPTOR_BYTES - 4 + crc_at || le32(d.p + crc_at) != e->crc)
            return bad(a, e, "its data descriptor disagrees with the central directory");
    } else if (e->crc == 0) {
        return NULL;
    }
    return r->crc == e->crc ? NULL : bad(a, e, "wrong CRC: the data is damaged");
}

static struct error *check_method(struct modzip_reader *r, struct arena *a)
{
    const struct modzip_entry *e = &r->e;
    if (e->method != METHOD_STORED && e->method != METHOD_DEFLATED)
        return error_new(a, STATUS_BAD_ZIP, "%s: compression method %u is not supported",
                         text_quote(a, e->name), e->method);
    return e->method == METHOD_DEFLATED && r->packed.n > UINT32_MAX ? bad(a, e, "more than 4 GiB")
                                                                    : NULL;
}

struct error *modzip_read_begin(struct modzip_reader *r, struct arena *a, const struct modzip *z,
                                const struct modzip_entry *e)
{
    r->e = *e;
    r->left_bytes = e->content_bytes;
    r->crc = 0;
    TRY(find_data(a, z, e, &r->packed, &r->descriptor));
    if (slice_ends(e->name, S("/"))) {
        r->packed = S("");
        r->e.method = METHOD_STORED;
        return e->content_bytes ? bad(a, e, "a folder with content") : NULL;
    }
    TRY(check_method(r, a));
    isal_inflate_init(&r->state);
    r->state.next_in = (uint8_t *)(uintptr_t)r->packed.p;
    r->state.avail_in = (uint32_t)r->packed.n;
    return NULL;
}

struct error *modzip_read_next(struct modzip_reader *r, struct arena *a, struct slice *piece)
{
    if (r->e.method == METHOD_DEFLATED)
        TRY(next_deflated(r, a, piece));
    else
        next_stored(r, piece);
    if (piece->n)
        return take_piece(r, a, *piece);
    if (r->left_bytes)
        return bad(a, &r->e, "less data than declared");
    return slice_ends(r->e.name, S("/")) ? NULL : check_crc(r, a);
}

struct error *modzip_read(struct modzip_reader *r, struct arena *a, const struct modzip *z,
                          const struct modzip_entry *e, struct modzip_sink sink)
{
    TRY(modzip_read_begin(r, a, z, e));
    for (;;) {
        struct slice piece;
        TRY(modzip_read_next(r, a, &piece));
        if (piece.n == 0)
            return NULL;
        TRY(sink.write(sink.arg, a, piece));
    }
}
