/*
 * Problem: `git archive` is a process for each version, and most archives are the blobs of the tree
 * as they are.
 *
 * Design: trees are read level by level through a reader (git_reader.c), so a level costs one
 * journey; then the files are read in the archive's order, which is that of their paths. What an
 * archive would change depends on attributes alone: with the settings of git_env.c, and neither
 * system-wide nor the user's attributes, those are .gitattributes files of the folders above a
 * file. So where such a file is (by any spelling, for file systems that do not mind case), git
 * archive does it; and where a tree is too large, or has a name that git's index may not take: with
 * one anywhere, git archive of any folder fails, so all folders are looked at.
 *
 * What stays true: before the first entry is passed on, everything is decided but for files that
 * cannot be read. Memory: trees one by one, at most ENTRIES_MOST entries with NAMES_MOST_BYTES of
 * names; bodies are passed on as they come.
 */
#include "base/encode.h"
#include "vcs/git_priv.h"

enum {
    TREE_MOST_BYTES = 4 << 20,
    ENTRIES_MOST = 1 << 16,
    NAMES_MOST_BYTES = 16 << 20,
    BLOCK_BYTES = 512, /* of tar, by which the size is told */
};

enum { KIND = 0170000, FOLDER = 0040000, REGULAR = 0100000, LINK = 0120000, SUBMODULE = 0160000 };

struct entry {
    struct slice path;
    struct slice hash;
    unsigned mode;
    size_t number; /* as it came: equal paths stay in order */
};

/* A list of entries in an arena. */
struct list {
    struct entry *p;
    size_t n, cap;
};

struct walker {
    struct git_repo *r;
    struct ctx *cx;
    struct git_walk *w;
    struct arena arena; /* of lists and names */
    struct list folders, files;
    size_t first, current; /* of the folders: of those that are asked for; whose body comes */
    struct buf body;
    size_t names_bytes;
    bool is_unusual;
    bool has_no_commit;
    uint64_t bytes; /* of the archive so far */
    size_t passed;  /* of the files: those that were passed on */
};

static void add(struct walker *k, struct list *l, struct entry e)
{
    if (l->n == l->cap) {
        struct entry *old = l->p;
        l->cap = l->cap ? 2 * l->cap : 256;
        l->p = ARENA_ARRAY(&k->arena, struct entry, l->cap);
        if (l->n)
            memcpy(l->p, old, l->n * sizeof(*old));
    }
    e.number = l->n;
    l->p[l->n++] = e;
}

/* ---- trees ---- */

static bool starts_nocase(struct slice s, struct slice lead)
{
    return slice_eq_nocase(slice_head(s, lead.n), lead);
}

/* The name as the most careless file system takes it: no odd letters, nothing behind the word. */
static struct slice plain_name(struct slice name, char *out, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < most; i++) {
        if ((unsigned char)name.p[i] < 0x80)
            out[n++] = name.p[i];
    }
    while (n && (out[n - 1] == '.' || out[n - 1] == ' '))
        n--;
    return slice_make(out, n);
}

/*
 * What git's index may refuse (verify_path() in git's read-cache.c, whatever core.protectHFS and
 * core.protectNTFS say); some names too many are no harm.
 */
static bool is_unusual_name(struct slice name, unsigned kind)
{
    char letters[32];
    struct slice plain = plain_name(name, letters, sizeof(letters));
    for (size_t i = 0; i < name.n; i++) {
        if (strchr("/\\:~", name.p[i]))
            return true;
    }
    return name.n == 0 || slice_eq(name, S(".")) || slice_eq(name, S("..")) ||
           slice_eq_nocase(plain, S(".git")) ||
           (kind == LINK && starts_nocase(plain, S(".gitmodules")));
}

static bool is_attributes(struct slice name)
{
    char letters[32];
    return starts_nocase(plain_name(name, letters, sizeof(letters)), S(".gitattributes"));
}

/* "100644 name", and the hash behind a NUL. False when that is no entry. */
static bool parse_entry(struct slice *rest, size_t hash_bytes, unsigned *mode, struct slice *name,
                        struct slice *hash)
{
    struct slice head;
    ptrdiff_t end = slice_find(*rest, '\0');
    if (end < 0 || rest->n - (size_t)end - 1 < hash_bytes)
        return false;
    head = slice_head(*rest, (size_t)end);
    *hash = slice_make(rest->p + end + 1, hash_bytes);
    *rest = slice_skip(*rest, (size_t)end + 1 + hash_bytes);
    struct slice digits = slice_cut(&head, ' ');
    *name = head.p ? head : S("");
    *mode = 0;
    for (size_t i = 0; i < digits.n && digits.p[i] >= '0' && digits.p[i] <= '7'; i++)
        *mode = *mode * 8 + (unsigned)(digits.p[i] - '0');
    return digits.n && digits.n <= 6;
}

/* Whether path is the folder, or in it. */
static bool is_within(struct slice path, struct slice folder)
{
    return folder.n == 0 ||
           (slice_starts(path, folder) && (path.n == folder.n || path.p[folder.n] == '/'));
}

static void take_entry(struct walker *k, struct slice folder, unsigned mode, struct slice name,
                       struct slice hash)
{
    unsigned kind = mode & KIND;
    bool is_inside = is_within(folder, k->w->subdir);
    bool counts = is_inside || is_within(k->w->subdir, folder);
    k->is_unusual = k->is_unusual || is_unusual_name(name, kind) || (counts && is_attributes(name));
    if (kind == SUBMODULE || (kind != FOLDER && !is_inside))
        return;
    char *digits = arena_alloc(&k->arena, 2 * hash.n + 1);
    hex_encode((const uint8_t *)hash.p, hash.n, digits);
    struct entry e = {
        .path = folder.n ? arena_printf(&k->arena, "%.*s/%.*s", SLICE_ARG(folder), SLICE_ARG(name))
                         : arena_dup(&k->arena, name),
        .hash = slice_make(digits, 2 * hash.n),
        .mode = mode,
    };
    k->names_bytes += e.path.n;
    k->is_unusual = k->is_unusual || (kind != FOLDER && kind != REGULAR && kind != LINK) ||
                    k->folders.n + k->files.n > ENTRIES_MOST || k->names_bytes > NAMES_MOST_BYTES;
    if (!k->is_unusual)
        add(k, kind == FOLDER ? &k->folders : &k->files, e);
}

static struct error *missing(struct walker *k, struct slice name)
{
    return error_new(k->cx->arena, STATUS_CORRUPT, "%s: the mirror lacks %.*s", k->r->url,
                     SLICE_ARG(name));
}

static struct error *tree_head(void *arg, size_t i, const struct git_head *h)
{
    struct walker *k = arg;
    k->current = k->first + i;
    k->is_unusual = k->is_unusual || h->bytes > TREE_MOST_BYTES;
    if (h->found != GIT_FOUND)
        return missing(k, k->folders.p[k->current].hash);
    k->is_unusual = k->is_unusual || !slice_eq(h->type, S("tree"));
    return NULL;
}

static struct error *tree_piece(void *arg, struct slice piece)
{
    struct walker *k = arg;
    if (!k->is_unusual)
        buf_add(&k->body, piece);
    return NULL;
}

static struct error *tree_end(void *arg)
{
    struct walker *k = arg;
    struct slice rest = buf_slice(&k->body), name, hash;
    struct slice folder = k->folders.p[k->current].path;
    size_t hash_bytes = k->w->hash.n / 2;
    unsigned mode;
    while (rest.n && !k->is_unusual) {
        if (parse_entry(&rest, hash_bytes, &mode, &name, &hash))
            take_entry(k, folder, mode, name, hash);
        else
            k->is_unusual = true;
    }
    buf_clear(&k->body);
    return NULL;
}

/* The folders that are not read yet, and then those that they name. */
static struct error *read_trees(struct walker *k, struct git_reader *rd)
{
    const struct git_answers to = {tree_head, tree_piece, tree_end, k};
    add(k, &k->folders,
        (struct entry){.path = S(""),
                       .hash = arena_printf(&k->arena, "%.*s^{tree}", SLICE_ARG(k->w->hash))});
    for (size_t end; k->first < k->folders.n && !k->is_unusual; k->first = end) {
        end = k->folders.n;
        struct slice *names = ARENA_ARRAY(&k->arena, struct slice, end - k->first);
        for (size_t i = k->first; i < end; i++)
            names[i - k->first] = k->folders.p[i].hash;
        TRY(git_reader_ask(rd, k->cx, names, end - k->first, &to));
    }
    return NULL;
}

/* ---- the commit ---- */

static struct error *commit_head(void *arg, size_t i, const struct git_head *h)
{
    struct walker *k = arg;
    k->has_no_commit = h->found != GIT_FOUND;
    return NULL;
}

static struct error *skip_piece(void *arg, struct slice piece)
{
    return NULL;
}

static struct error *skip_end(void *arg)
{
    return NULL;
}

static struct error *look_for_commit(struct walker *k, struct git_reader *rd)
{
    const struct git_answers to = {commit_head, skip_piece, skip_end, k};
    struct slice name = arena_printf(&k->arena, "%.*s^{commit}", SLICE_ARG(k->w->hash));
    return git_reader_ask(rd, k->cx, &name, 1, &to);
}

/* ---- files ---- */

static int by_path(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    int c = slice_cmp(a->path, b->path);
    return c ? c : (a->number > b->number) - (a->number < b->number);
}

static struct error *begin(struct walker *k, const struct entry *e, uint64_t bytes)
{
    const struct vcs_entry entry = {
        .path = e->path,
        .size = bytes,
        .is_regular = (e->mode & KIND) == REGULAR,
        .is_executable = (e->mode & KIND) == REGULAR && (e->mode & 0100),
    };
    k->bytes += BLOCK_BYTES + (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    if (bytes > k->w->max_bytes || k->bytes > k->w->max_bytes)
        return error_new(k->cx->arena, STATUS_TOO_LARGE, "%s: more than %" PRIu64 " bytes",
                         k->r->url, k->w->max_bytes);
    k->w->has_begun = true;
    return k->w->sink->begin(k->w->sink->arg, &entry);
}

/* The links that stand before the next file. */
static struct error *pass_links(struct walker *k)
{
    for (; k->passed < k->files.n && (k->files.p[k->passed].mode & KIND) == LINK; k->passed++) {
        TRY(begin(k, &k->files.p[k->passed], 0));
        TRY(k->w->sink->end(k->w->sink->arg));
    }
    return NULL;
}

static struct error *file_head(void *arg, size_t i, const struct git_head *h)
{
    struct walker *k = arg;
    TRY(pass_links(k));
    const struct entry *e = &k->files.p[k->passed++];
    if (h->found != GIT_FOUND || !slice_eq(h->type, S("blob")))
        return missing(k, e->hash);
    return begin(k, e, h->bytes);
}

static struct error *file_piece(void *arg, struct slice piece)
{
    struct walker *k = arg;
    return k->w->sink->write(k->w->sink->arg, piece);
}

static struct error *file_end(void *arg)
{
    struct walker *k = arg;
    return k->w->sink->end(k->w->sink->arg);
}

static struct error *pass_files(struct walker *k, struct git_reader *rd)
{
    const struct git_answers to = {file_head, file_piece, file_end, k};
    struct slice *names = ARENA_ARRAY(&k->arena, struct slice, k->files.n + 1);
    size_t n = 0;
    if (k->files.n)
        qsort(k->files.p, k->files.n, sizeof(*k->files.p), by_path);
    for (size_t i = 0; i < k->files.n; i++) {
        if ((k->files.p[i].mode & KIND) == REGULAR)
            names[n++] = k->files.p[i].hash;
    }
    TRY(git_reader_ask(rd, k->cx, names, n, &to));
    return pass_links(k);
}

/* ---- all of it ---- */

/* Whether the folder that was asked for is there and no file; else git archive says what is wrong.
 */
static bool has_folder(const struct walker *k)
{
    for (size_t i = 0; i < k->folders.n; i++) {
        if (slice_eq(k->folders.p[i].path, k->w->subdir))
            return true;
    }
    return false;
}

static struct error *walk(struct walker *k, struct git_reader *rd, enum git_walked *out)
{
    *out = GIT_WALK_NO_COMMIT;
    TRY(look_for_commit(k, rd));
    if (k->has_no_commit)
        return NULL;
    *out = GIT_WALK_UNUSUAL;
    TRY(read_trees(k, rd));
    if (k->is_unusual || !has_folder(k))
        return NULL;
    *out = GIT_WALK_DONE;
    return pass_files(k, rd);
}

struct error *git_walk_files(struct git_repo *r, struct ctx *cx, struct git_walk *w,
                             enum git_walked *out, bool *try_again)
{
    struct git_reader *rd;
    struct walker k = {.r = r, .cx = cx, .w = w, .arena = ARENA_INIT};
    *try_again = false;
    TRY(git_reader_open(r, cx, &rd));
    struct error *err = walk(&k, rd, out);
    err = git_reader_close(rd, cx, err, try_again);
    buf_release(&k.body);
    arena_release(&k.arena);
    return err;
}
