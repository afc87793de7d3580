/*
 * The import: every file is read, checked and written to a folder beside the one in use; then the
 * two change places (renameat2), so that whoever reads sees the one or the other. Each file is kept
 * as it is and compressed, as clients ask for both.
 */
#include "cli/vulndb.h"
#include "cli/wire_policy.h"

#include "base/file.h"

#include "policy/osv.h"
#include "policy/vulns.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct import {
    struct arena *a;      /* of the caller: what comes out */
    struct arena scratch; /* of one file */
    const char *dir;      /* the new folder */
    const char *source;
    struct buf table;
    size_t files;
    bool has_db, has_modules, has_vulns;
    struct vulndb_report *report;
};

/* ---- writing ---- */

static struct error *write_file(struct import *im, struct slice name, const char *suffix,
                                struct slice content)
{
    struct arena *a = &im->scratch;
    const char *path = arena_printf(a, "%s/%.*s%s", im->dir, SLICE_ARG(name), suffix).p;
    FD_SCOPED fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(a, errno, "creating %s", path);
    TRY(fd_write_all(a, fd, content));
    return fsync(fd) < 0 ? error_errno(a, errno, "writing %s", path) : NULL;
}

/* As gzip does; ISA-L never makes more of its input than twice as much and a block's head. */
static struct slice gzip(struct arena *a, struct slice content)
{
    struct isal_zstream *z = xmalloc(sizeof(*z));
    size_t room = 2 * content.n + 4096;
    uint8_t *out = arena_alloc(a, room);
    isal_deflate_init(z);
    z->gzip_flag = IGZIP_GZIP;
    z->end_of_stream = 1;
    z->flush = NO_FLUSH;
    z->next_in = (uint8_t *)content.p;
    z->avail_in = (uint32_t)content.n;
    z->next_out = out;
    z->avail_out = (uint32_t)room;
    if (isal_deflate(z) != COMP_OK || z->internal_state.state != ZSTATE_END)
        BUG("a buffer of %zu bytes does not hold %zu compressed", room, content.n);
    size_t n = z->total_out;
    free(z);
    return slice_make((char *)out, n);
}

static struct error *keep(struct import *im, struct slice name, struct slice content)
{
    TRY(write_file(im, name, "", content));
    return write_file(im, name, ".gz", gzip(&im->scratch, content));
}

/* ---- checking ---- */

static struct error *check_json(struct arena *a, struct slice content, json_t **out)
{
    json_error_t why;
    *out = json_loadb(content.p, content.n, 0, &why);
    if (*out)
        return NULL;
    return error_new(a, STATUS_BAD_SYNTAX, "not JSON: %s (line %d)", why.text, why.line);
}

static struct error *take_index(struct import *im, struct slice name, struct slice content)
{
    json_t *json;
    TRY(check_json(&im->scratch, content, &json));
    const char *modified = json_string_value(json_object_get(json, "modified"));
    if (slice_eq(name, S("index/db.json"))) {
        im->has_db = modified != NULL;
        im->report->modified = arena_dup(im->a, slice_of(modified));
    }
    im->has_modules |= slice_eq(name, S("index/modules.json")) && json_is_array(json);
    im->has_vulns |= slice_eq(name, S("index/vulns.json")) && json_is_array(json);
    json_decref(json);
    return keep(im, name, content);
}

static struct error *take_entry(struct import *im, struct slice name, struct slice content)
{
    struct slice id;
    struct arena *a = &im->scratch;
    TRY(osv_read(a, content, &id, &im->table));
    if (!slice_eq(name, arena_printf(a, "ID/%.*s.json", SLICE_ARG(id))))
        return error_new(a, STATUS_BAD_SYNTAX, "the entry's id is %.*s", SLICE_ARG(id));
    im->report->entries++;
    return keep(im, name, content);
}

static bool is_index(struct slice name)
{
    return slice_eq(name, S("index/db.json")) || slice_eq(name, S("index/modules.json")) ||
           slice_eq(name, S("index/vulns.json"));
}

static struct error *take_checked(struct import *im, struct slice name, struct slice content)
{
    if (++im->files > VULNDB_MAX_FILES)
        return error_new(&im->scratch, STATUS_TOO_LARGE, "there are more than %d files",
                         VULNDB_MAX_FILES);
    if (is_index(name))
        return take_index(im, name, content);
    if (slice_starts(name, S("ID/")) && slice_ends(name, S(".json")) &&
        !slice_eq(name, S("ID/index.json")))
        return take_entry(im, name, content);
    return NULL; /* what an older form of the database had, and compressed copies */
}

static struct error *take_file(void *arg, struct slice name, struct slice content)
{
    struct import *im = arg;
    struct error *err = take_checked(im, name, content);
    if (err)
        err = error_wrap(im->a, error_dup(im->a, err), "%.*s", SLICE_ARG(name));
    arena_clear(&im->scratch);
    return err;
}

static struct error *read_one(void *arg, struct arena *a, struct slice rel_path)
{
    struct import *im = arg;
    struct slice content;
    struct arena own = ARENA_INIT;
    const char *path = arena_printf(&own, "%s/%.*s", im->source, SLICE_ARG(rel_path)).p;
    struct error *err = NULL;
    if (slice_ends(rel_path, S(".json"))) {
        err = file_read(&own, path, VULNDB_FILE_MAX_BYTES, &content);
        err = err ? error_dup(im->a, err) : take_file(im, rel_path, content);
    }
    arena_release(&own);
    return err;
}

/* An entry that the index names and that is not there would make clients fail later. */
static struct error *check_modules(struct import *im)
{
    size_t i, k;
    json_t *module, *vuln;
    struct slice content;
    struct error *err = NULL;
    TRY(file_read(im->a, arena_printf(im->a, "%s/index/modules.json", im->dir).p,
                  VULNDB_FILE_MAX_BYTES, &content));
    json_t *json = json_loadb(content.p, content.n, 0, NULL);
    json_array_foreach(json, i, module)
    {
        json_array_foreach(json_object_get(module, "vulns"), k, vuln)
        {
            struct slice id = slice_of(json_string_value(json_object_get(vuln, "id")));
            struct slice path =
                arena_printf(&im->scratch, "%s/ID/%.*s.json", im->dir, SLICE_ARG(id));
            if (!err && (id.n == 0 || slice_find(id, '/') >= 0 || access(path.p, F_OK) < 0))
                err = error_new(im->a, STATUS_BAD_SYNTAX,
                                "index/modules.json names the entry '%.*s', which is not there",
                                SLICE_ARG(id));
            arena_clear(&im->scratch);
        }
    }
    json_decref(json);
    return err;
}

static struct error *check_whole(struct import *im)
{
    struct vulns *v;
    if (!im->has_db || !im->has_modules || !im->has_vulns)
        return error_new(im->a, STATUS_BAD_SYNTAX,
                         "not a vulnerability database: it needs index/db.json, index/modules.json "
                         "and index/vulns.json");
    TRY(check_modules(im));
    TRY(vulns_parse(im->a, buf_slice(&im->table), &v));
    im->report->lines = vulns_count(v);
    TRY(write_file(im, S("vulns"), "", buf_slice(&im->table)));
    return NULL;
}

/* ---- all of it ---- */

static struct error *fill(struct import *im)
{
    struct stat st;
    struct arena *a = im->a;
    TRY(dir_make(a, arena_printf(a, "%s/index", im->dir).p));
    TRY(dir_make(a, arena_printf(a, "%s/ID", im->dir).p));
    if (stat(im->source, &st) < 0)
        return error_errno(a, errno, "looking at %s", im->source);
    if (S_ISDIR(st.st_mode))
        TRY(dir_walk(a, im->source, read_one, im));
    else
        TRY(vulndb_read_zip(a, im->source, take_file, im));
    return check_whole(im);
}

/* The new folder takes the place of the old one, which then has the new one's name. */
static struct error *swap(struct arena *a, const char *fresh, const char *place)
{
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, place, RENAME_EXCHANGE) == 0)
        return NULL;
    if (errno != ENOENT || rename(fresh, place) < 0)
        return error_errno(a, errno, "moving %s to %s", fresh, place);
    return NULL;
}

static struct error *import_locked(struct import *im, const char *place)
{
    struct arena *a = im->a;
    TRY(dir_remove(a, im->dir)); /* of an import that broke off */
    struct error *err = fill(im);
    if (err)
        err = error_dup(a, err); /* it may lie in what is freed */
    if (!err)
        err = swap(a, im->dir, place);
    struct error *left = dir_remove(a, im->dir);
    return err ? err : left;
}

struct error *vulndb_import(struct arena *a, const char *data_dir, const char *source,
                            struct vulndb_report *out)
{
    *out = (struct vulndb_report){.modified = S("")};
    const char *dir = arena_printf(a, "%s/policy", data_dir).p;
    struct import im = {.a = a, .source = source, .report = out};
    im.dir = arena_printf(a, "%s/vulndb.new", dir).p;
    TRY(dir_make(a, dir));
    FD_SCOPED lock = open(arena_printf(a, "%s/.lock", dir).p, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return error_errno(a, errno, "locking %s", dir);
    struct error *err = import_locked(&im, arena_printf(a, "%s/%s", data_dir, POLICY_VULNDB_DIR).p);
    buf_release(&im.table);
    arena_release(&im.scratch);
    return err;
}
