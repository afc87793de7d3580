/* What no single value shows: settings that need each other, addresses, files that must be there.
 */
#include "base/file.h"
#include "config/config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void complain(struct loader *l, enum setting_id id, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void complain(struct loader *l, enum setting_id id, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(l->arena, fmt, ap);
    va_end(ap);
    loader_complain(l, id, l->s.source[id], l->s.origin[id], text);
}

static bool is_port(struct slice s)
{
    uint64_t port;
    return slice_parse_u64(s, &port) && port <= 65535;
}

static bool is_host_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f || strchr("/:[]@?#", c))
            return false;
    }
    return true;
}

static bool is_ipv6_text(struct slice s)
{
    bool has_colon = false;
    for (size_t i = 0; i < s.n; i++) {
        has_colon = has_colon || s.p[i] == ':';
        if (!strchr("0123456789abcdefABCDEF:.%", s.p[i]) && slice_find(s, '%') < 0)
            return false;
    }
    return has_colon;
}

/* HOST:PORT, [IPv6]:PORT or :PORT. */
static bool is_listen_address(struct slice s)
{
    ptrdiff_t colon = slice_rfind(s, ':');
    if (colon < 0 || !is_port(slice_skip(s, (size_t)colon + 1)))
        return false;
    struct slice host = slice_head(s, (size_t)colon);
    if (slice_starts(host, S("[")) && slice_ends(host, S("]")))
        return is_ipv6_text(slice_make(host.p + 1, host.n - 2));
    return is_host_text(host);
}

static void check_listen(struct loader *l)
{
    struct slice rest = slice_of(l->s.listen);
    while (rest.p) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (!is_listen_address(one))
            complain(l, SETTING_ID_listen,
                     "%s is not an address; write HOST:PORT, [IPv6]:PORT or :PORT",
                     quoted(l->arena, one));
    }
}

static bool is_upstream_entry(struct slice s)
{
    if (slice_eq(s, S("off")) || slice_eq(s, S("direct")))
        return true;
    if (slice_starts(s, S("file://")))
        return s.n > strlen("file://");
    size_t scheme = slice_starts(s, S("https://")) ? 8 : slice_starts(s, S("http://")) ? 7 : 0;
    return scheme && s.n > scheme && s.p[scheme] != '/';
}

const char *upstream_fault(struct arena *a, struct slice list)
{
    size_t start = 0;
    for (size_t i = 0; list.n && i <= list.n; i++) {
        if (i < list.n && list.p[i] != ',' && list.p[i] != '|')
            continue;
        struct slice one = slice_trim(slice_make(list.p + start, i - start));
        if (!is_upstream_entry(one))
            return arena_printf(a,
                                "%s is not an upstream; write an https://, http:// or file:// URL, "
                                "direct, or off",
                                quoted(a, config_mask_urls(a, one)))
                .p;
        start = i + 1;
    }
    return NULL;
}

static void check_upstream_list(struct loader *l, const struct setting_rule *rule)
{
    const char *fault = upstream_fault(l->arena, slice_of(rule->value));
    if (fault && rules_are_one(SETTING_LIST_RULES, &l->s.upstream))
        complain(l, SETTING_ID_upstream, "%s", fault);
    else if (fault)
        loader_complain_rule(l, SETTING_ID_upstream, rule, slice_of(fault));
}

static void check_upstream(struct loader *l)
{
    const struct setting_rules *r = &l->s.upstream;
    if (r->count == 0)
        complain(l, SETTING_ID_upstream, "is empty; write off to fetch nothing");
    for (size_t i = 0; i < r->count; i++)
        check_upstream_list(l, &r->rows[i]);
}

static void check_tls_pair(struct loader *l)
{
    bool has_cert = *l->s.tls_cert_file, has_key = *l->s.tls_key_file;
    if (has_cert && !has_key)
        complain(l, SETTING_ID_tls_cert_file, "needs tls.key_file too");
    if (has_key && !has_cert)
        complain(l, SETTING_ID_tls_key_file, "needs tls.cert_file too");
}

/* Files that are read: there, readable, not folders. */
const char *file_fault(struct arena *a, const char *path)
{
    struct stat st;
    const char *name = quoted(a, slice_of(path));
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return arena_printf(a, "%s: %s", name, strerror(errno)).p;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return arena_printf(a, "%s is a folder, not a file", name).p;
    return NULL;
}

static void check_file(struct loader *l, enum setting_id id)
{
    const char *path = setting_get(&l->s, id).text;
    const char *why = *path ? file_fault(l->arena, path) : NULL;
    if (why)
        complain(l, id, "%s", why);
}

static void check_sumdb_unreachable(struct loader *l)
{
    struct slice word = slice_of(l->s.sumdb_unreachable);
    if (!slice_eq(word, S("hold")) && !slice_eq(word, S("serve-unverified")))
        complain(l, SETTING_ID_sumdb_unreachable, "%s is neither hold nor serve-unverified",
                 quoted(l->arena, word));
}

static void check_policy_mode(struct loader *l)
{
    struct slice word = slice_of(l->s.policy_mode);
    if (!slice_eq(word, S("enforce")) && !slice_eq(word, S("report")))
        complain(l, SETTING_ID_policy_mode, "%s is neither enforce nor report",
                 quoted(l->arena, word));
}

/* A list of absolute paths and of names of credentials. */
static bool is_key_place(struct slice where)
{
    return slice_starts(where, S("/")) ||
           (slice_starts(where, S("credential:")) && slice_find(where, '/') < 0);
}

static void check_sumdb_host_keys(struct loader *l)
{
    struct slice rest = slice_of(l->s.sumdb_host_key_file);
    while (rest.n) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (!is_key_place(one))
            complain(l, SETTING_ID_sumdb_host_key_file,
                     "%s is neither an absolute path nor credential:NAME", quoted(l->arena, one));
    }
}

static bool is_one_of(const char *value, struct slice one, struct slice other)
{
    return slice_eq(slice_of(value), one) || slice_eq(slice_of(value), other);
}

static void check_audit(struct loader *l)
{
    struct slice key = slice_of(l->s.audit_key_file);
    if (!is_one_of(l->s.audit_on_error, S("refuse"), S("serve")))
        complain(l, SETTING_ID_audit_on_error, "%s is neither refuse nor serve",
                 quoted(l->arena, slice_of(l->s.audit_on_error)));
    if (!is_one_of(l->s.audit_downloads, S("all"), S("misses")))
        complain(l, SETTING_ID_audit_downloads, "%s is neither all nor misses",
                 quoted(l->arena, slice_of(l->s.audit_downloads)));
    if (key.n && !is_key_place(key))
        complain(l, SETTING_ID_audit_key_file, "%s is neither an absolute path nor credential:NAME",
                 quoted(l->arena, key));
}

static void check_signing(struct loader *l)
{
    struct slice key = slice_of(l->s.signing_key), password = slice_of(l->s.signing_password);
    if (key.n && !is_key_place(key))
        complain(l, SETTING_ID_signing_key, "%s is neither an absolute path nor credential:NAME",
                 quoted(l->arena, key));
    if (password.n && !slice_starts(password, S("file:")) && !slice_starts(password, S("env:")) &&
        !slice_starts(password, S("credential:")))
        complain(l, SETTING_ID_signing_password,
                 "it says where the password is kept: file:PATH, env:NAME or credential:NAME");
}

static void check_sumdb_host(struct loader *l)
{
    struct slice scope = slice_of(l->s.sumdb_host_scope);
    bool is_for_all = slice_eq(scope, S("all"));
    check_sumdb_host_keys(l);
    if (!is_for_all && !slice_eq(scope, S("private")))
        complain(l, SETTING_ID_sumdb_host_scope, "%s is neither private nor all",
                 quoted(l->arena, scope));
    if (is_for_all && slice_eq(slice_trim(slice_of(l->s.sumdb)), S("off")))
        complain(l, SETTING_ID_sumdb_host_scope,
                 "all needs a checksum database to check public modules against (sumdb)");
}

void loader_check(struct loader *l)
{
    check_sumdb_unreachable(l);
    check_policy_mode(l);
    check_sumdb_host(l);
    check_audit(l);
    check_signing(l);
    check_listen(l);
    check_upstream(l);
    check_tls_pair(l);
    check_file(l, SETTING_ID_tls_cert_file);
    check_file(l, SETTING_ID_tls_key_file);
    check_file(l, SETTING_ID_tls_client_ca_file);
    check_file(l, SETTING_ID_fetch_ca_file);
    check_file(l, SETTING_ID_fetch_netrc_file);
    check_file(l, SETTING_ID_vcs_git_config);
    loader_check_patterns(l);
    loader_check_vcs(l);
    loader_check_repositories(l);
    loader_check_access(l);
    loader_check_trust(l);
}
