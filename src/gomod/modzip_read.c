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
    uint8_t window[WINDOW_BYTES];
};

/* One entry while it is read. */
struct reading {
    const struct modzip_entry *e;
    struct modzip_sink sink;
    uint64_t left_bytes;
    uint32_t crc;
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

static struct error *take_piece(struct arena *a, struct reading *rd, struct slice piece)
{
    if (piece.n > rd->left_bytes)
        return bad(a, rd->e, "more data than declared");
    rd->left_bytes -= piece.n;
    rd->crc = crc32_gzip_refl(rd->crc, (const unsigned char *)piece.p, piece.n);
    return rd->sink.write(rd->sink.arg, a, piece);
}

static struct error *read_deflated(struct modzip_reader *r, struct arena *a, struct reading *rd,
                                   struct slice packed)
{
    struct inflate_state *s = &r->state;
    if (packed.n > UINT32_MAX)
        return bad(a, rd->e, "more than 4 GiB");
    isal_inflate_init(s);
    s->next_in = (uint8_t *)(uintptr_t)packed.p;
    s->avail_in = (uint32_t)packed.n;
    while (s->block_state != ISAL_BLOCK_FINISH) {
        s->next_out = r->window;
        s->avail_out = WINDOW_BYTES;
        if (isal_inflate(s) < 0)
            return bad(a, rd->e, "damaged deflate data");
        size_t got = WINDOW_BYTES - s->avail_out;
        if (got == 0 && s->block_state != ISAL_BLOCK_FINISH)
            return bad(a, rd->e, "deflate data is cut off");
        if (got)
            TRY(take_piece(a, rd, slice_make((const char *)r->window, got)));
    }
    return NULL;
}

/* In pieces too, so that who takes them can let go of the pages behind. */
static struct error *read_stored(struct arena *a, struct reading *rd, struct slice packed)
{
    while (packed.n) {
        struct slice piece = slice_head(packed, WINDOW_BYTES);
        TRY(take_piece(a, rd, piece));
        packed = slice_skip(packed, piece.n);
    }
    return NULL;
}

static struct error *read_data(struct modzip_reader *r, struct arena *a, struct reading *rd,
                               struct slice packed)
{
    switch (rd->e->method) {
    case METHOD_STORED:
        return read_stored(a, rd, packed);
    case METHOD_DEFLATED:
        return read_deflated(r, a, rd, packed);
    default:
        return error_new(a, STATUS_BAD_ZIP, "%s: compression method %u is not supported",
                         text_quote(a, rd->e->name), rd->e->method);
    }
}

/* A CRC of zero without a descriptor means that the writer did not set it. */
static struct error *check_crc(struct arena *a, const struct reading *rd, struct slice descriptor)
{
    const struct modzip_entry *e = rd->e;
    if (e->flags & FLAG_DATA_DESCRIPTOR) {
        bool has_magic = descriptor.n >= 4 && memcmp(descriptor.p, "PK\7\10", 4) == 0;
        size_t crc_at = has_magic ? 4 : 0;
        if (descriptor.n < DESCRIPTOR_BYTES - 4 + crc_at || le32(descriptor.p + crc_at) != e->crc)
            return bad(a, e, "its data descriptor disagrees with the central directory");
    } else if (e->crc == 0) {
        return NULL;
    }
    return rd->crc == e->crc ? NULL : bad(a, e, "wrong CRC: the data is damaged");
}

struct error *modzip_read(struct modzip_reader *r, struct arena *a, const struct modzip *z,
                          const struct modzip_entry *e, struct modzip_sink sink)
{
    struct slice packed, descriptor;
    TRY(find_data(a, z, e, &packed, &descriptor));
    if (slice_ends(e->name, S("/")))
        return e->content_bytes ? bad(a, e, "a folder with content") : NULL;
    struct reading rd = {.e = e, .sink = sink, .left_bytes = e->content_bytes};
    TRY(read_data(r, a, &rd, packed));
    if (rd.left_bytes)
        return bad(a, e, "less data than declared");
    return check_crc(a, &rd, descriptor);
}
