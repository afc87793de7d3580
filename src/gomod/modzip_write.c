/*
 * Writing a module zip with libzip: it packs, lays out the records and takes care of zip64;
 * contents come through one user source for each file and go out through another, so that neither a
 * file nor the zip is ever whole in memory. On the way in each file is hashed for the h1.
 *
 * libzip reports only that something failed; the first error of a source or the target is kept in
 * `failure`, which is then the answer.
 */
#include "gomod/modzip_make.h"

#include "gomod/modzip_priv.h"
#include "gomod/text.h"

#include <errno.h>
#include <stdio.h>
#include <zip.h>

/* For Go's sources zlib's level 4 takes 55 % of the default's time and 104 % of its bytes. */
enum { DOS_DATE_1980_01_01 = 33, DEFLATE_LEVEL = 4 };

struct writer {
    struct arena *a;
    const struct modzip_request *r;
    struct slice prefix;
    struct h1_builder h1;
    struct sha256_stream *sha;
    struct error *failure;
    uint64_t offset; /* where the next bytes go */
    uint64_t end;
    zip_error_t zip_error;
};

/* One file on its way into the zip. */
struct input {
    struct writer *w;
    const struct modzip_file *f;
    struct slice name;
    uint64_t left_bytes;
    bool is_open;
};

static zip_int64_t fail(struct writer *w, struct error *err)
{
    if (!w->failure)
        w->failure = err;
    zip_error_set(&w->zip_error, ZIP_ER_INTERNAL, 0);
    return -1;
}

static zip_int64_t open_input(struct input *in)
{
    struct error *err = in->w->r->source.open(in->w->r->source.arg, in->w->a, in->f);
    if (err)
        return fail(in->w, err);
    in->is_open = true;
    in->left_bytes = in->f->content_bytes;
    sha256_reset(in->w->sha);
    return 0;
}

static zip_int64_t size_changed(struct input *in)
{
    return fail(in->w, error_new(in->w->a, STATUS_CORRUPT, "%s changed while it was read",
                                 text_quote(in->w->a, in->f->name)));
}

static zip_int64_t read_input(struct input *in, char *p, size_t n)
{
    size_t got = 0;
    struct error *err = in->w->r->source.read(in->w->r->source.arg, in->w->a, p, n, &got);
    if (err)
        return fail(in->w, err);
    if (got > in->left_bytes || (got == 0 && in->left_bytes))
        return size_changed(in);
    sha256_add(in->w->sha, p, got);
    in->left_bytes -= got;
    return (zip_int64_t)got;
}

static zip_int64_t close_input(struct input *in)
{
    uint8_t sum[SHA256_BYTES];
    if (!in->is_open)
        return 0;
    in->is_open = false;
    in->w->r->source.close(in->w->r->source.arg);
    sha256_sum(in->w->sha, sum);
    h1_add(&in->w->h1, in->name, sum);
    return 0;
}

static zip_int64_t stat_input(const struct input *in, zip_stat_t *st)
{
    zip_stat_init(st);
    st->valid = ZIP_STAT_SIZE;
    st->size = in->f->content_bytes;
    return sizeof(*st);
}

static zip_int64_t input_source(void *arg, void *data, zip_uint64_t n, zip_source_cmd_t cmd)
{
    struct input *in = arg;
    switch (cmd) {
    case ZIP_SOURCE_OPEN:
        return open_input(in);
    case ZIP_SOURCE_READ:
        return read_input(in, data, n);
    case ZIP_SOURCE_CLOSE:
        return close_input(in);
    case ZIP_SOURCE_STAT:
        return stat_input(in, data);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&in->w->zip_error, data, n);
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_READABLE;
    default:
        zip_error_set(&in->w->zip_error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

static zip_int64_t write_output(struct writer *w, const char *p, size_t n)
{
    struct error *err = w->r->target.write_at(w->r->target.arg, w->a, w->offset, slice_make(p, n));
    if (err)
        return fail(w, err);
    w->offset += n;
    if (w->end < w->offset)
        w->end = w->offset;
    return (zip_int64_t)n;
}

static zip_int64_t seek_output(struct writer *w, void *data, zip_uint64_t n)
{
    zip_int64_t to = zip_source_seek_compute_offset(w->offset, w->end, data, n, &w->zip_error);
    if (to < 0)
        return -1;
    w->offset = (uint64_t)to;
    return 0;
}

/* The archive itself: there is none at first, it is only written. */
static zip_int64_t output_source(void *arg, void *data, zip_uint64_t n, zip_source_cmd_t cmd)
{
    struct writer *w = arg;
    switch (cmd) {
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_COMMIT_WRITE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_REMOVE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_WRITE:
        return write_output(w, data, n);
    case ZIP_SOURCE_SEEK_WRITE:
        return seek_output(w, data, n);
    case ZIP_SOURCE_TELL_WRITE:
        return (zip_int64_t)w->offset;
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&w->zip_error, data, n);
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_WRITABLE;
    case ZIP_SOURCE_STAT:
        zip_error_set(&w->zip_error, ZIP_ER_READ, ENOENT);
        return -1;
    default:
        zip_error_set(&w->zip_error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

static struct error *libzip_failed(struct writer *w, zip_error_t *e)
{
    return w->failure ? w->failure
                      : error_new(w->a, STATUS_IO, "writing the zip: %s", zip_error_strerror(e));
}

static struct error *add_file(struct writer *w, zip_t *z, const struct modzip_file *f)
{
    struct input *in = ARENA_NEW(w->a, struct input);
    *in = (struct input){.w = w, .f = f};
    in->name = arena_printf(w->a, "%.*s%.*s", SLICE_ARG(w->prefix), SLICE_ARG(f->name));
    zip_source_t *source = zip_source_function(z, input_source, in);
    zip_int64_t i = source ? zip_file_add(z, in->name.p, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && i < 0)
        zip_source_free(source);
    if (i < 0 || zip_file_set_dostime(z, (zip_uint64_t)i, 0, DOS_DATE_1980_01_01, 0) < 0 ||
        zip_set_file_compression(z, (zip_uint64_t)i, ZIP_CM_DEFLATE, DEFLATE_LEVEL) < 0)
        return libzip_failed(w, zip_get_error(z));
    return NULL;
}

static struct error *add_files(struct writer *w, zip_t *z, size_t *added)
{
    for (size_t i = 0; i < w->r->count; i++) {
        if (w->r->files[i].omitted)
            continue;
        TRY(add_file(w, z, &w->r->files[i]));
        ++*added;
    }
    return NULL;
}

/* libzip writes no archive without files, Go does: an end record alone. */
static struct error *write_empty(struct writer *w)
{
    static const char end[22] = "PK\5\6";
    return w->r->target.write_at(w->r->target.arg, w->a, 0, slice_make(end, sizeof(end)));
}

static struct error *write_zip(struct writer *w, zip_t *z)
{
    size_t added = 0;
    struct error *err = add_files(w, z, &added);
    if (err || added == 0) {
        zip_discard(z);
        return err ? err : write_empty(w);
    }
    if (zip_close(z) == 0)
        return NULL;
    err = libzip_failed(w, zip_get_error(z));
    zip_discard(z);
    return err;
}

static struct error *open_and_write(struct writer *w)
{
    zip_error_t e;
    zip_error_init(&e);
    zip_source_t *out = zip_source_function_create(output_source, w, &e);
    zip_t *z = out ? zip_open_from_source(out, ZIP_CREATE | ZIP_TRUNCATE, &e) : NULL;
    if (z)
        return write_zip(w, z);
    struct error *err = libzip_failed(w, &e);
    zip_source_free(out);
    zip_error_fini(&e);
    return err;
}

struct error *modzip_create(struct arena *a, const struct modzip_request *r, char h1[H1_TEXT_BYTES])
{
    TRY(modzip_check_module(a, r->mv));
    struct writer w = {.a = a, .r = r, .sha = sha256_new()};
    zip_error_init(&w.zip_error);
    w.prefix = arena_printf(a, "%.*s@%.*s/", SLICE_ARG(r->mv.path), SLICE_ARG(r->mv.version));
    struct error *err = open_and_write(&w);
    if (!err)
        err = h1_sum(&w.h1, a, h1);
    h1_release(&w.h1);
    sha256_free(w.sha);
    zip_error_fini(&w.zip_error);
    return err;
}
