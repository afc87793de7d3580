/*
 * Reading the central directory of a zip.
 *
 * A module zip must mean the same here and in the go command, or a checksum computed here says
 * nothing about what a client unpacks. General zip libraries are made to get something out of any
 * file: libzip renames an entry after an Info-ZIP "Unicode path" field, cuts names at a NUL, picks
 * the most plausible of several directories and takes memory before it knows how many entries
 * there are. So this reader follows Go's archive/zip instead, and refuses where archive/zip
 * guesses: bytes before or after the archive, a directory that does not end at its end record, a
 * number of entries that is not the declared one, archives in several volumes. The tests compare
 * both.
 *
 * What stays true: nothing is read outside bytes; memory is taken only for as many entries as the
 * limit allows and the directory can hold.
 */
#include "gomod/modzip.h"

#include "gomod/modzip_priv.h"

enum {
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20,
    ENTRY_BYTES = 46,
    EXTRA_ZIP64 = 1,
    MAX_COMMENT_BYTES = 65535,
};

struct directory {
    uint64_t offset;
    uint64_t bytes;
    uint64_t count;
    uint64_t end; /* where the end record (of zip64, if there is one) starts */
};

/* The offset of the end record: the last signature whose comment fits, as archive/zip takes it. */
static struct error *find_end(struct arena *a, struct slice bytes, size_t *at)
{
    size_t lowest =
        bytes.n > END_BYTES + MAX_COMMENT_BYTES ? bytes.n - END_BYTES - MAX_COMMENT_BYTES : 0;
    for (size_t i = bytes.n < END_BYTES ? 0 : bytes.n - END_BYTES + 1; i > lowest; i--) {
        const char *p = bytes.p + i - 1;
        if (memcmp(p, "PK\5\6", 4) != 0)
            continue;
        if (i - 1 + END_BYTES + le16(p + 20) != bytes.n)
            return error_new(a, STATUS_BAD_ZIP, "bytes after the end of the zip, or it is cut off");
        *at = i - 1;
        return NULL;
    }
    return error_new(a, STATUS_BAD_ZIP, "not a zip file (no end of central directory)");
}

/* Takes the 64-bit numbers where the 32-bit ones point at them; the conditions are archive/zip's.
 */
static struct error *read_end64(struct arena *a, struct slice bytes, struct directory *d)
{
    if (d->count != 0xffff && d->bytes != 0xffff && d->offset != 0xffffffff)
        return NULL;
    if (d->end < LOCATOR64_BYTES)
        return NULL;
    const char *locator = bytes.p + d->end - LOCATOR64_BYTES;
    if (memcmp(locator, "PK\6\7", 4) != 0)
        return NULL;
    uint64_t at = le64(locator + 8);
    if (le32(locator + 4) != 0 || le32(locator + 16) != 1 ||
        d->end < LOCATOR64_BYTES + END64_BYTES || at != d->end - LOCATOR64_BYTES - END64_BYTES ||
        memcmp(bytes.p + at, "PK\6\6", 4) != 0)
        return error_new(a, STATUS_BAD_ZIP, "malformed zip64 end of central directory");
    const char *p = bytes.p + at;
    *d = (struct directory){
        .count = le64(p + 32), .bytes = le64(p + 40), .offset = le64(p + 48), .end = at};
    return NULL;
}

static struct error *find_directory(struct arena *a, struct slice bytes, size_t max_files,
                                    struct directory *d)
{
    size_t at;
    TRY(find_end(a, bytes, &at));
    const char *p = bytes.p + at;
    if (le16(p + 4) != 0 || le16(p + 6) != 0)
        return error_new(a, STATUS_BAD_ZIP, "the zip has several volumes");
    *d = (struct directory){
        .count = le16(p + 10), .bytes = le32(p + 12), .offset = le32(p + 16), .end = at};
    TRY(read_end64(a, bytes, d));
    if (d->bytes > d->end || d->offset != d->end - d->bytes)
        return error_new(a, STATUS_BAD_ZIP, "the central directory does not end at its end record");
    if (d->count > d->bytes / ENTRY_BYTES)
        return error_new(a, STATUS_BAD_ZIP, "the central directory is cut off");
    if (d->count > max_files)
        return error_new(a, STATUS_TOO_LARGE, "%llu files in the zip, at most %zu are allowed",
                         (unsigned long long)d->count, max_files);
    return NULL;
}

/* Takes one 64-bit number from the zip64 field if the 32-bit one says that it is there. */
static bool take_zip64(struct slice *field, bool *wanted, uint64_t *value)
{
    if (!*wanted)
        return true;
    if (field->n < 8)
        return false;
    *value = le64(field->p);
    *field = slice_skip(*field, 8);
    *wanted = false;
    return true;
}

/* Extra fields that are cut off end the list without harm, as in archive/zip. */
static bool read_extra(struct slice extra, struct modzip_entry *e)
{
    bool content = e->content_bytes == UINT32_MAX, packed = e->packed_bytes == UINT32_MAX,
         offset = e->header_offset == UINT32_MAX;
    while (extra.n >= 4) {
        unsigned tag = le16(extra.p);
        size_t n = le16(extra.p + 2);
        extra = slice_skip(extra, 4);
        if (extra.n < n)
            break;
        struct slice field = slice_head(extra, n);
        extra = slice_skip(extra, n);
        if (tag == EXTRA_ZIP64 && (!take_zip64(&field, &content, &e->content_bytes) ||
                                   !take_zip64(&field, &packed, &e->packed_bytes) ||
                                   !take_zip64(&field, &offset, &e->header_offset)))
            return false;
    }
    return !packed && !offset;
}

/* Reads the entry at the start of *rest and skips it; false when it is malformed. */
static bool read_entry(struct slice *rest, struct modzip_entry *e)
{
    const char *p = rest->p;
    if (rest->n < ENTRY_BYTES || memcmp(p, "PK\1\2", 4) != 0)
        return false;
    size_t name_n = le16(p + 28), extra_n = le16(p + 30), comment_n = le16(p + 32);
    size_t n = ENTRY_BYTES + name_n + extra_n + comment_n;
    if (rest->n < n)
        return false;
    *e = (struct modzip_entry){
        .name = slice_make(p + ENTRY_BYTES, name_n),
        .content_bytes = le32(p + 24),
        .packed_bytes = le32(p + 20),
        .header_offset = le32(p + 42),
        .crc = le32(p + 16),
        .method = le16(p + 10),
        .flags = le16(p + 8),
    };
    *rest = slice_skip(*rest, n);
    return read_extra(slice_make(p + ENTRY_BYTES + name_n, extra_n), e);
}

struct error *modzip_open(struct arena *a, struct slice bytes, size_t max_files, struct modzip *out)
{
    struct directory d;
    TRY(find_directory(a, bytes, max_files, &d));
    *out = (struct modzip){.bytes = bytes, .count = (size_t)d.count};
    out->entries = ARENA_ARRAY(a, struct modzip_entry, out->count);
    struct slice rest = slice_make(bytes.p + d.offset, (size_t)d.bytes);
    for (size_t i = 0; i < out->count; i++) {
        if (!read_entry(&rest, &out->entries[i]))
            return error_new(a, STATUS_BAD_ZIP, "malformed entry %zu of the central directory", i);
    }
    if (rest.n)
        return error_new(a, STATUS_BAD_ZIP, "bytes after the last entry of the central directory");
    return NULL;
}
