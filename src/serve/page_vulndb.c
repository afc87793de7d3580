/*
 * The imported vulnerability database, below /vulndb/, as govulncheck -db asks for it. It is read
 * by a worker: a few requests of a build, each of a small file.
 */
#include "serve/serve_priv.h"

#include "base/file.h"

enum { VULNDB_FILE_MAX_BYTES = 64 << 20 };

static bool cut_end(struct slice *s, struct slice end)
{
    if (!slice_ends(*s, end))
        return false;
    s->n -= end.n;
    return true;
}

bool vulndb_has_name(struct slice name)
{
    cut_end(&name, S(".gz"));
    if (!cut_end(&name, S(".json")))
        return false;
    struct slice folder = slice_cut(&name, '/');
    if (!slice_eq(folder, S("index")) && !slice_eq(folder, S("ID")))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_')
            return false;
    }
    return name.n > 0;
}

void make_vulndb(struct page *p, struct arena *a)
{
    struct slice content;
    const char *path = arena_printf(a, "%s/%s", p->serve->o.vulndb_dir, p->file).p;
    struct error *err = file_read(a, path, VULNDB_FILE_MAX_BYTES, &content);
    if (err) {
        bool is_absent = err->status == STATUS_NOT_FOUND;
        p->status = status_http(is_absent ? STATUS_NOT_FOUND : err->status);
        buf_printf(&p->text, "%s: the vulnerability database here has no %s\n",
                   status_text(err->status), p->file);
        return;
    }
    buf_add(&p->text, content);
    p->content_type =
        slice_ends(slice_of(p->file), S(".gz")) ? "application/gzip" : "application/json";
}
