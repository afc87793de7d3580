/*
 * The zip of a re-homed module. The writer wants the sizes of all files before their contents, so
 * the files that may change are rewritten twice: once for their size, once for the zip. The others
 * go through in pieces.
 */
#include "gomod/rehome.h"

#include "gomod/text.h"

struct rehoming {
    const struct rehome_rules *rules;
    struct modzip zip;
    struct modzip_reader *reader;
    struct modzip_file *files;
    struct arena file_arena; /* of the file that is open */
    bool is_rewritten;
    struct slice rest; /* of the open file: what was not given yet */
};

enum rewriting { COPIED, GO_FILE, GO_MOD };

static enum rewriting kind_of(struct slice name)
{
    if (slice_eq(name, S("go.mod")))
        return GO_MOD;
    return slice_ends(name, S(".go")) ? GO_FILE : COPIED;
}

static struct error *read_whole(struct rehoming *h, const struct modzip_entry *e,
                                struct slice *content)
{
    struct slice piece;
    struct arena *a = &h->file_arena;
    if (e->content_bytes > REHOME_MAX_GO_FILE_BYTES)
        return error_new(a, STATUS_TOO_LARGE, "%s is too large to be rewritten",
                         text_quote(a, e->name));
    char *p = arena_alloc(a, e->content_bytes + 1);
    size_t n = 0;
    TRY(modzip_read_begin(h->reader, a, &h->zip, e));
    for (;;) {
        TRY(modzip_read_next(h->reader, a, &piece));
        if (piece.n == 0)
            break;
        memcpy(p + n, piece.p, piece.n);
        n += piece.n;
    }
    *content = slice_make(p, n);
    return NULL;
}

/* The new content of a file that may change, in the file's arena. */
static struct error *rewrite(struct rehoming *h, size_t i, struct slice *content)
{
    struct slice old;
    TRY(read_whole(h, &h->zip.entries[i], &old));
    if (kind_of(h->files[i].name) == GO_MOD)
        return rehome_go_mod(&h->file_arena, h->rules, old, content);
    *content = rehome_go_file(&h->file_arena, h->rules, old);
    return NULL;
}

static struct error *measure(struct rehoming *h, struct arena *a, size_t i)
{
    struct slice content;
    if (kind_of(h->files[i].name) == COPIED)
        return NULL;
    struct error *err = rewrite(h, i, &content);
    if (err)
        err = error_dup(a, err);
    else
        h->files[i].content_bytes = content.n;
    arena_release(&h->file_arena);
    return err;
}

/* The files in the zip's order, under the names that they have in the module. */
static struct error *list_files(struct rehoming *h, struct arena *a, struct module_version from)
{
    struct slice prefix =
        arena_printf(a, "%.*s@%.*s/", SLICE_ARG(from.path), SLICE_ARG(from.version));
    h->files = ARENA_ARRAY(a, struct modzip_file, h->zip.count);
    for (size_t i = 0; i < h->zip.count; i++) {
        const struct modzip_entry *e = &h->zip.entries[i];
        if (!slice_starts(e->name, prefix))
            return error_new(a, STATUS_BAD_ZIP, "%s does not lie below %s", text_quote(a, e->name),
                             prefix.p);
        h->files[i] = (struct modzip_file){.name = slice_skip(e->name, prefix.n),
                                           .content_bytes = e->content_bytes};
        TRY(measure(h, a, i));
    }
    return NULL;
}

static struct error *open_file(void *arg, struct arena *a, const struct modzip_file *f)
{
    struct rehoming *h = arg;
    size_t i = (size_t)(f - h->files);
    h->rest = S("");
    h->is_rewritten = kind_of(f->name) != COPIED;
    if (!h->is_rewritten)
        return modzip_read_begin(h->reader, a, &h->zip, &h->zip.entries[i]);
    struct error *err = rewrite(h, i, &h->rest);
    return err ? error_dup(a, err) : NULL;
}

static struct error *read_file(void *arg, struct arena *a, char *p, size_t n, size_t *got)
{
    struct rehoming *h = arg;
    if (h->rest.n == 0 && !h->is_rewritten)
        TRY(modzip_read_next(h->reader, a, &h->rest));
    struct slice piece = slice_head(h->rest, n);
    if (piece.n)
        memcpy(p, piece.p, piece.n);
    h->rest = slice_skip(h->rest, piece.n);
    *got = piece.n;
    return NULL;
}

static void close_file(void *arg)
{
    struct rehoming *h = arg;
    arena_release(&h->file_arena);
}

static struct error *make_zip(struct rehoming *h, struct arena *a, struct module_version from,
                              struct module_version to, struct modzip_target target,
                              char h1[H1_TEXT_BYTES])
{
    TRY(list_files(h, a, from));
    const struct modzip_request r = {
        .mv = to,
        .files = h->files,
        .count = h->zip.count,
        .source = {.open = open_file, .read = read_file, .close = close_file, .arg = h},
        .target = target,
    };
    return modzip_create(a, &r, h1);
}

struct error *rehome_zip(struct arena *a, const struct rehome_rules *rules, struct slice bytes,
                         struct module_version from, struct module_version to,
                         struct modzip_target target, char h1[H1_TEXT_BYTES])
{
    struct rehoming h = {.rules = rules};
    TRY(module_check(a, to));
    TRY(modzip_open(a, bytes, MODZIP_LIMITS_GO.files, &h.zip));
    h.reader = modzip_reader_new();
    struct error *err = make_zip(&h, a, from, to, target, h1);
    arena_release(&h.file_arena);
    modzip_reader_free(h.reader);
    return err;
}
