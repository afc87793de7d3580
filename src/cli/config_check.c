/*
 * Each part is tried on its own, so that one run shows all there is to mend. Version control is
 * tried in a folder that is removed afterwards: the data folder may belong to another user, and a
 * check leaves nothing behind.
 */
#include "cli/config_check.h"

#include "base/ctx.h"
#include "base/file.h"

#include "cli/wire.h"
#include "cli/wire_policy.h"

#include "fetch/fetch.h"
#include "http/http.h"

#include <errno.h>

enum { CHECK_TIMEOUT_MS = 300000 };

static void add_line(void *faults, struct slice fault)
{
    struct buf *b = faults;
    for (size_t i = 0; i < fault.n; i++)
        buf_add_byte(b, fault.p[i] == '\n' ? ' ' : fault.p[i]);
    buf_add_byte(b, '\n');
}

static void note(struct arena *a, struct buf *faults, const struct error *err)
{
    if (err)
        add_line(faults, error_chain(a, err));
}

static struct error *check_sources(struct arena *a, const struct settings *s,
                                   const struct setting_repository *r)
{
    struct repo_sources sources;
    TRY(wire_sources(a, s, r, &sources));
    wire_sources_release(&sources);
    return NULL;
}

static void check_repositories(struct arena *a, const struct settings *s, struct buf *faults)
{
    note(a, faults, check_sources(a, s, NULL));
    for (size_t i = 0; i < s->repositories.count; i++) {
        const struct setting_repository *r = &s->repositories.rows[i];
        struct error *err = check_sources(a, s, r);
        if (err)
            note(a, faults, error_wrap(a, err, "%s: repositories.%s", r->origin, r->name));
    }
}

static struct error *check_tls(struct arena *a, const struct settings *s)
{
    if (*s->tls_cert_file == '\0')
        return NULL;
    TRY_CTX(a,
            http_check_tls_files(a, s->tls_cert_file, s->tls_key_file,
                                 setting_or_null(s->tls_client_ca_file)),
            "tls.cert_file");
    return NULL;
}

/* The file of tokens is not looked at: it belongs to the data folder, as the store does. */
static struct error *check_access(struct arena *a, const struct settings *s)
{
    struct access_options o = wire_access(a, s);
    return access_check_options(a, &o);
}

static struct error *check_policy(struct arena *a, const struct settings *s)
{
    struct policy *p;
    return wire_policy(a, s, &p);
}

static bool uses_version_control(const struct settings *s)
{
    bool is_used = *s->private_patterns || s->vcs_rules.count || s->token_count ||
                   s->vcs_ssh_keys.count || s->vcs_known_hosts.count;
    for (size_t i = 0; i < s->repositories.count; i++)
        is_used = is_used || strcmp(s->repositories.rows[i].kind, "vcs") == 0;
    for (size_t i = 0; i < s->upstream.count; i++) {
        struct slice list = slice_of(s->upstream.rows[i].value);
        is_used = is_used || slice_find_slice(list, S("direct")) >= 0;
    }
    return is_used;
}

/* Its arena is its own: repositories stay open as long as the one in which they were opened. */
static void ask_version_control(struct vcs *v, struct buf *faults)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a, .deadline_ms = now_ms() + CHECK_TIMEOUT_MS};
    vcs_check(v, &cx, add_line, faults);
    arena_release(&a);
}

static struct error *check_vcs(struct arena *a, const struct settings *s, bool may_ask,
                               struct buf *faults)
{
    struct vcs *v;
    struct settings in_temp = *s;
    const char *tmp = getenv("TMPDIR");
    struct slice name = arena_printf(a, "%s/modgate-check-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    char *dir = arena_cstr(a, name);
    if (!may_ask || !uses_version_control(s)) {
        TRY(wire_vcs(a, s, NULL, &v));
        vcs_free(v);
        return NULL;
    }
    if (!mkdtemp(dir))
        return error_errno(a, errno, "creating %s", dir);
    in_temp.data_dir = dir;
    struct error *err = wire_vcs(a, &in_temp, NULL, &v);
    if (!err) {
        ask_version_control(v, faults);
        vcs_free(v);
    }
    struct error *left = dir_remove(a, dir);
    return err ? err : left;
}

struct error *config_check(struct arena *a, const struct settings *s, bool may_ask)
{
    BUF_SCOPED(faults);
    check_repositories(a, s, &faults);
    note(a, &faults, check_tls(a, s));
    note(a, &faults, repo_check_sumdb(a, s->sumdb));
    note(a, &faults, check_access(a, s));
    note(a, &faults, check_policy(a, s));
    note(a, &faults, check_vcs(a, s, may_ask, &faults));
    if (faults.n == 0)
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG, "%.*s", (int)faults.n - 1, faults.p);
}
