#include "cli/vulndb.h"

#include "base/file.h"

#include "gomod/modzip.h"

static const struct slice anchor = {"index/db.json", sizeof("index/db.json") - 1};

static struct error *gather(void *arg, struct arena *a, struct slice piece)
{
    struct buf *b = arg;
    if (b->n + piece.n > VULNDB_FILE_MAX_BYTES)
        return error_new(a, STATUS_TOO_LARGE, "a file has more than %d bytes",
                         VULNDB_FILE_MAX_BYTES);
    buf_add(b, piece);
    return NULL;
}

/* What stands before index/db.json in names: "" or "vulndb/". */
static struct error *find_root(struct arena *a, const struct modzip *z, struct slice *root)
{
    for (size_t i = 0; i < z->count; i++) {
        struct slice name = z->entries[i].name;
        if (!slice_ends(name, anchor))
            continue;
        *root = slice_head(name, name.n - anchor.n);
        if (root->n == 0 || slice_ends(*root, S("/")))
            return NULL;
    }
    return error_new(a, STATUS_BAD_SYNTAX, "the zip has no %s", anchor.p);
}

static struct error *read_entries(struct arena *a, struct modzip_reader *reader,
                                  const struct modzip *z, struct slice root, vulndb_file_fn fn,
                                  void *arg)
{
    for (size_t i = 0; i < z->count; i++) {
        const struct modzip_entry *e = &z->entries[i];
        BUF_SCOPED(content);
        if (!slice_starts(e->name, root) || slice_ends(e->name, S("/")))
            continue;
        TRY_CTX(a, modzip_read(reader, a, z, e, (struct modzip_sink){gather, &content}), "%.*s",
                SLICE_ARG(e->name));
        TRY(fn(arg, slice_skip(e->name, root.n), buf_slice(&content)));
    }
    return NULL;
}

struct error *vulndb_read_zip(struct arena *a, const char *path, vulndb_file_fn fn, void *arg)
{
    struct slice bytes, root;
    struct modzip z;
    TRY(file_map(a, path, &bytes));
    TRY(modzip_open(a, bytes, VULNDB_MAX_FILES, &z));
    TRY(find_root(a, &z, &root));
    struct modzip_reader *reader = modzip_reader_new();
    struct error *err = read_entries(a, reader, &z, root, fn, arg);
    modzip_reader_free(reader);
    return err;
}
