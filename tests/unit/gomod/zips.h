/* Makes zips, good and bad ones, for tests. */
#ifndef MODGATE_TESTS_UNIT_GOMOD_ZIPS_H
#define MODGATE_TESTS_UNIT_GOMOD_ZIPS_H

#include "../test.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

struct zip_file {
    const char *name;
    const char *content;
    size_t content_n;       /* 0: the length of content */
    const char *local_name; /* NULL: as name */
    bool deflated;
    bool descriptor;
    unsigned method; /* if not 0, the declared one */
    int64_t grow;    /* added to the declared size */
    uint32_t crc_xor;
    bool no_crc;
};

static void put_le(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_byte(b, (char)(i < 8 ? v >> 8 * i : 0));
}

static struct slice zip_pack(struct arena *a, const struct zip_file *f, struct slice content)
{
    if (!f->deflated)
        return content;
    struct isal_zstream z;
    size_t cap = content.n + 1024;
    uint8_t *out = arena_alloc(a, cap);
    isal_deflate_stateless_init(&z);
    z.end_of_stream = 1;
    z.next_in = (uint8_t *)(uintptr_t)content.p;
    z.avail_in = (uint32_t)content.n;
    z.next_out = out;
    z.avail_out = (uint32_t)cap;
    assert_int_equal(isal_deflate_stateless(&z), COMP_OK);
    return slice_make((const char *)out, cap - z.avail_out);
}

struct zip_row {
    struct slice name, packed;
    uint64_t content_bytes;
    uint64_t offset;
    uint32_t crc;
    unsigned method, flags;
};

static void put_local(struct buf *b, const struct zip_row *r, struct slice name)
{
    bool late = r->flags & 8;
    buf_add(b, S("PK\3\4"));
    put_le(b, 20, 2);
    put_le(b, r->flags, 2);
    put_le(b, r->method, 2);
    put_le(b, 0, 4);
    put_le(b, late ? 0 : r->crc, 4);
    put_le(b, late ? 0 : r->packed.n, 4);
    put_le(b, late ? 0 : r->content_bytes, 4);
    put_le(b, name.n, 2);
    put_le(b, 0, 2);
    buf_add(b, name);
    buf_add(b, r->packed);
    if (late) {
        buf_add(b, S("PK\7\10"));
        put_le(b, r->crc, 4);
        put_le(b, r->packed.n, 4);
        put_le(b, r->content_bytes, 4);
    }
}

static void put_central(struct buf *b, const struct zip_row *r)
{
    buf_add(b, S("PK\1\2"));
    put_le(b, 20, 2);
    put_le(b, 20, 2);
    put_le(b, r->flags, 2);
    put_le(b, r->method, 2);
    put_le(b, 0, 4);
    put_le(b, r->crc, 4);
    put_le(b, r->packed.n, 4);
    put_le(b, r->content_bytes, 4);
    put_le(b, r->name.n, 2);
    put_le(b, 0, 2 + 2 + 2 + 2 + 4);
    put_le(b, r->offset, 4);
    buf_add(b, r->name);
}

static void put_end(struct buf *b, size_t count, size_t bytes, size_t offset)
{
    buf_add(b, S("PK\5\6"));
    put_le(b, 0, 4);
    put_le(b, count, 2);
    put_le(b, count, 2);
    put_le(b, bytes, 4);
    put_le(b, offset, 4);
    put_le(b, 0, 2);
}

/* The zip, in a block of its own in the arena so that a read beyond it is seen. */
static struct slice zip_make(struct arena *a, const struct zip_file *files, size_t n)
{
    BUF_SCOPED(b);
    struct zip_row *rows = ARENA_ARRAY(a, struct zip_row, n);
    for (size_t i = 0; i < n; i++) {
        const struct zip_file *f = &files[i];
        struct slice content = slice_of(f->content);
        if (f->content_n)
            content.n = f->content_n;
        uint32_t crc = crc32_gzip_refl(0, (const unsigned char *)content.p, content.n);
        rows[i] = (struct zip_row){
            .name = slice_of(f->name),
            .packed = zip_pack(a, f, content),
            .content_bytes = (uint64_t)((int64_t)content.n + f->grow),
            .offset = b.n,
            .crc = f->no_crc ? 0 : crc ^ f->crc_xor,
            .method = f->method     ? f->method
                      : f->deflated ? 8
                                    : 0,
            .flags = f->descriptor ? 8 : 0,
        };
        put_local(&b, &rows[i], f->local_name ? slice_of(f->local_name) : rows[i].name);
    }
    size_t at = b.n;
    for (size_t i = 0; i < n; i++)
        put_central(&b, &rows[i]);
    put_end(&b, n, b.n - at, at);
    char *p = xmalloc(b.n);
    arena_on_release(a, free, p);
    memcpy(p, b.p, b.n);
    return slice_make(p, b.n);
}

#endif
