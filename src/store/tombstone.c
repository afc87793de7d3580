/*
 * Withdrawn versions. The file of a tombstone:
 *
 *   modgate-tombstone 1
 *   <Unix seconds>
 *   <h1>                 may be empty
 *   <who>
 *   <reason>
 *
 * The order is what makes it safe: the tombstone is durable before the first file of the version
 * goes, and whoever publishes looks for one under the same lock. So at no instant can the name be
 * taken again, and what a crash leaves in between is finished at the next start.
 */
#include "store/tombstone.h"

#include "base/file.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADING "modgate-tombstone 1"

static const char *tombstone_rel(struct arena *a, const struct names *n)
{
    return JOIN(a, S(TOMBSTONE_DIR "/"), n->escaped_path, S("/@v/"), n->escaped_version);
}

bool is_withdrawn(const struct store *s, struct arena *a, const struct names *n)
{
    return disk_exists(s, tombstone_rel(a, n));
}

static struct error *parse(struct arena *a, const char *rel, struct slice text,
                           struct store_tombstone *out)
{
    uint64_t at;
    struct slice rest = text;
    bool is_fine = slice_eq(slice_cut(&rest, '\n'), S(HEADING)) &&
                   slice_parse_u64(slice_cut(&rest, '\n'), &at) && rest.p;
    if (!is_fine) /* the name stays taken whatever the file says */
        return error_new(a, STATUS_CORRUPT, "%s is damaged", rel);
    out->withdrawn_unix_s = (int64_t)at;
    out->h1 = slice_cut(&rest, '\n');
    out->who = slice_cut(&rest, '\n');
    out->reason = slice_cut(&rest, '\n');
    return NULL;
}

static struct error *get(struct store *s, struct arena *a, const char *rel,
                         struct store_tombstone *out)
{
    struct slice text;
    struct store_object o;
    *out = (struct store_tombstone){.found = false};
    TRY(disk_open_object(s, a, rel, &out->found, &o));
    if (!out->found)
        return NULL;
    FD_SCOPED fd = o.fd;
    TRY(file_read_fd(a, fd, SMALL_MAX_BYTES, &text));
    return parse(a, rel, text, out);
}

struct error *store_tombstone_get(struct store *s, struct arena *a, struct module_version mv,
                                  struct store_tombstone *out)
{
    struct names n;
    TRY(names_make(a, mv, &n));
    return get(s, a, tombstone_rel(a, &n), out);
}

struct error *store_publish_lock(struct store *s, struct ctx *cx, struct module_version mv,
                                 int *lock_fd)
{
    struct names n;
    struct arena *a = cx->arena;
    TRY(names_make(a, mv, &n));
    struct slice name = arena_printf(a, "publishing %.*s", SLICE_ARG(names_lock(a, &n)));
    return lock_take(s, a, cx, name, lock_fd);
}

/* Control bytes, line ends among them, become blanks. */
static struct slice one_line(struct arena *a, struct slice text)
{
    char *p = arena_cstr(a, text);
    for (size_t i = 0; i < text.n; i++)
        p[i] = (unsigned char)p[i] < 0x20 || p[i] == 0x7f ? ' ' : p[i];
    return slice_make(p, text.n);
}

static struct error *lay(struct store *s, struct arena *a, const struct names *n,
                         const struct store_tombstone *t)
{
    TRY(owner_ready(s, a));
    const char *temp = owner_temp_name(s, a);
    struct slice text = arena_printf(
        a, HEADING "\n%" PRId64 "\n%.*s\n%.*s\n%.*s\n", t->withdrawn_unix_s, SLICE_ARG(t->h1),
        SLICE_ARG(one_line(a, t->who)), SLICE_ARG(one_line(a, t->reason)));
    TRY(disk_make_dir(s, a, names_dir(a, TOMBSTONE_DIR, n)));
    struct error *err = disk_write(a, s->owner.fd, temp, text, 0444, true);
    if (!err)
        err = disk_replace(a, s->owner.fd, temp, s->dir_fd, tombstone_rel(a, n));
    if (err)
        unlinkat(s->owner.fd, temp, 0);
    return err ? err : disk_sync_all(s, a);
}

static struct error *remove_files(struct store *s, struct arena *a, struct module_version mv,
                                  const struct names *n)
{
    TRY(disk_unlink(s, a, names_pin(a, n)));
    TRY(version_remove(s, a, n));
    TRY(catalog_begin(s->catalog, a, false));
    return catalog_end(s->catalog, a, catalog_forget(s->catalog, a, mv));
}

/* Under the version's lock, the tombstone being there. */
static struct error *remove_version(struct store *s, struct arena *a, struct module_version mv,
                                    const struct names *n)
{
    struct journal_file *journal;
    struct intent gone = {.mv = mv, .kind = INTENT_GONE};
    TRY(journal_append(s, a, &gone, &journal)); /* so that no recovery brings it back */
    struct error *err = remove_files(s, a, mv, n);
    journal_end(s, journal);
    return err;
}

/* The h1 of what is stored; NOT_FOUND when nothing is. */
static struct error *stored_h1(struct store *s, struct arena *a, struct module_version mv,
                               struct slice *h1)
{
    bool found;
    struct store_object o;
    TRY(store_get(s, a, mv, ARTEFACT_ZIP, &found, &o));
    if (!found)
        return error_new(a, STATUS_NOT_FOUND, "%.*s@%.*s is not published here", SLICE_ARG(mv.path),
                         SLICE_ARG(mv.version));
    fd_cleanup(&o.fd);
    *h1 = o.has_h1 ? arena_dup(a, slice_of(o.h1)) : S("");
    return NULL;
}

struct error *store_withdraw(struct store *s, struct ctx *cx, struct module_version mv,
                             struct store_tombstone *t)
{
    FD_SCOPED publishing = -1;
    FD_SCOPED lock = -1;
    struct names n;
    struct store_tombstone old;
    struct arena *a = cx->arena;
    TRY(names_make(a, mv, &n));
    TRY(store_publish_lock(s, cx, mv, &publishing));
    TRY(get(s, a, tombstone_rel(a, &n), &old));
    if (old.found) {
        *t = old;
    } else {
        TRY(stored_h1(s, a, mv, &t->h1));
        TRY(lay(s, a, &n, t));
    }
    TRY(store_flush(s, a)); /* so that nothing is told of it to the catalog later */
    TRY(lock_take(s, a, cx, names_lock(a, &n), &lock));
    return remove_version(s, a, mv, &n);
}

static struct error *finish_one(void *arg, struct arena *a, struct slice rel)
{
    FD_SCOPED lock = -1;
    struct store *s = arg;
    struct module_version mv;
    struct names n;
    ptrdiff_t at = slice_find_slice(rel, S("/@v/"));
    if (at < 0)
        return NULL;
    n = (struct names){slice_head(rel, (size_t)at), slice_skip(rel, (size_t)at + 4)};
    if (!disk_exists(s, names_file(a, TREE_DIR, &n, ARTEFACT_ZIP)) &&
        !disk_exists(s, names_file(a, TREE_DIR, &n, ARTEFACT_MOD)))
        return NULL;
    TRY(module_unescape_path(a, n.escaped_path, &mv.path));
    TRY(module_unescape_version(a, n.escaped_version, &mv.version));
    TRY(lock_take(s, a, NULL, names_lock(a, &n), &lock));
    return remove_version(s, a, mv, &n);
}

struct error *withdrawals_finish(struct store *s, struct arena *a)
{
    if (!disk_exists(s, TOMBSTONE_DIR))
        return NULL;
    return dir_walk(a, JOIN(a, slice_of(s->dir), S("/" TOMBSTONE_DIR)), finish_one, s);
}
