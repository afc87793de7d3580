/*
 * Problem: git must be the git that the user has set up (proxies, insteadOf, certificates, ssh),
 * and yet do nothing that is not ours: no prompt, hook, housekeeping or repository of somebody's,
 * no transport that nobody allowed; and it needs secrets that no other process may see.
 *
 * Design: the environment is an allow list and what git's own variables say, without those that
 * point it elsewhere or make it chatty. Fixed settings are -c options, which win over every file. A
 * token is an inline credential helper for its host, so git decides, after insteadOf and redirects,
 * whether the host that asks is the one it is for; the helper reads the secret from the
 * environment. A bearer token can only be a header, which git would send along to where it is
 * redirected: with one, redirects are off. ssh is given a command only where a rule says something,
 * or nobody else does, so that core.sshCommand counts.
 *
 * What SSL_CERT_FILE and SSL_CERT_DIR name is trusted in place of the system's, by go and by all of
 * this program: so git is told the same where the user has told it nothing of its own. (It saves
 * time too: to read a folder of certificates costs git more than all else that ls-remote does.)
 */
#include "base/file.h"
#include "gomod/text.h"
#include "net/netrc.h"
#include "vcs/git_priv.h"

static const char *const allowed[] = {
    "PATH",       "HOME",       "XDG_CONFIG_HOME", "TMPDIR",        "LANG",
    "http_proxy", "HTTP_PROXY", "https_proxy",     "HTTPS_PROXY",   "no_proxy",
    "NO_PROXY",   "all_proxy",  "ALL_PROXY",       "SSL_CERT_FILE", "SSL_CERT_DIR",
};

/* git's own that would send it elsewhere, ask somebody, or print what is secret. */
static const char *const refused[] = {
    "GIT_DIR=",
    "GIT_WORK_TREE=",
    "GIT_INDEX_FILE=",
    "GIT_INDEX_VERSION=",
    "GIT_OBJECT_DIRECTORY=",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
    "GIT_COMMON_DIR=",
    "GIT_NAMESPACE=",
    "GIT_SHALLOW_FILE=",
    "GIT_QUARANTINE_PATH=",
    "GIT_REPLACE_REF_BASE=",
    "GIT_NO_REPLACE_OBJECTS=",
    "GIT_GRAFT_FILE=",
    "GIT_CONFIG=",
    "GIT_DEFAULT_HASH=",
    "GIT_PREFIX=",
    "GIT_PROTOCOL=",
    "GIT_CEILING_DIRECTORIES=",
    "GIT_LITERAL_PATHSPECS=",
    "GIT_GLOB_PATHSPECS=",
    "GIT_NOGLOB_PATHSPECS=",
    "GIT_ICASE_PATHSPECS=",
    "GIT_ASKPASS=",
    "GIT_EDITOR=",
    "GIT_SEQUENCE_EDITOR=",
    "GIT_PAGER=",
    "GIT_TERMINAL_PROMPT=",
    "GIT_ALLOW_PROTOCOL=",
    "GIT_PROTOCOL_FROM_USER=",
    "GIT_ATTR_NOSYSTEM=",
    "GIT_ATTR_SOURCE=",
    "GIT_TRACE",
    "GIT_TRANSFER_TRACE",
    "GIT_CURL_VERBOSE=",
    "GIT_CONFIG_COUNT=",
    "GIT_OPTIONAL_LOCKS=",
    "GIT_LITERAL",
    "GIT_TRANSPORT_HELPER_DEBUG=",
    "GIT_FLUSH=",
};

/* What every child is told, whatever a file says. */
static const char *const settings[] = {
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "credential.interactive=false",
    "gc.auto=0",
    "maintenance.auto=false", /* ours: git_mirror.c */
    "protocol.version=2",     /* refs are filtered, tags are not missed */
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "fetch.prune=false",
    "fetch.pruneTags=false",
    "fetch.writeCommitGraph=false",
    "fetch.showForcedUpdates=false",
    "fetch.parallel=1",
    "fetch.unpackLimit=1",
    "transfer.unpackLimit=1", /* a pack per fetch, no loose objects */
    "core.fsync=none",        /* what a power loss takes of a mirror is fetched anew */
    /* An archive is what it would be anywhere: gitRepo.ReadZip. */
    "core.autocrlf=input",
    "core.eol=lf",
    "tar.umask=0002",
    "http.lowSpeedLimit=1",
};

enum { DEFAULT_STALL_S = 30 };

static bool starts_with_any(const char *s, const char *const *list, size_t count, char end)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(list[i]);
        if (strncmp(s, list[i], n) == 0 && (!end || s[n] == end))
            return true;
    }
    return false;
}

static bool is_passed_on(const char *var, const struct git_options *o)
{
    if (strncmp(var, "GIT_", 4) == 0) {
        bool is_replaced = o->config_file && strncmp(var, "GIT_CONFIG", 10) == 0;
        return !is_replaced && !starts_with_any(var, refused, ARRAY_LEN(refused), 0);
    }
    if (strncmp(var, "SSH_AUTH_SOCK=", 14) == 0)
        return o->use_ssh_agent;
    return starts_with_any(var, allowed, ARRAY_LEN(allowed), '=');
}

/* A growing array of C strings in an arena. */
struct strings {
    struct arena *a;
    const char **p;
    size_t n, cap;
};

static void add(struct strings *s, const char *text)
{
    if (s->n + 1 >= s->cap) {
        const char **old = s->p;
        s->cap = s->cap ? 2 * s->cap : 64;
        s->p = ARENA_ARRAY(s->a, const char *, s->cap);
        if (s->n)
            memcpy(s->p, old, s->n * sizeof(*old));
    }
    s->p[s->n++] = text;
    s->p[s->n] = NULL;
}

/* A variable, in place of one of the same name: of two, every program takes another. */
static void set(struct strings *env, const char *var)
{
    size_t name = (size_t)(strchrnul(var, '=') - var) + 1;
    for (size_t i = 0; i < env->n; i++) {
        if (strncmp(env->p[i], var, name) == 0) {
            env->p[i] = var;
            return;
        }
    }
    add(env, var);
}

static void add_setting(struct strings *fixed, const char *setting)
{
    add(fixed, "-c");
    add(fixed, setting);
}

/* ---- tokens ---- */

static bool is_line(const char *s)
{
    return s && !strpbrk(s, "\r\n");
}

/* host[:port][/path] that can stand in the name of a setting. */
static bool is_place(const char *s)
{
    for (const char *p = s; *p; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("=@?#\\\"'", *p))
            return false;
    }
    return *s && *s != '*' && *s != '/' && !strstr(s, "://");
}

static struct error *check_token(struct arena *a, const struct git_token *t)
{
    const char *place = text_quote(a, slice_of(t->place));
    if (!t->place || !is_place(t->place))
        return error_new(a, STATUS_BAD_CONFIG,
                         "%s: a token is for a host or a path on one, like git.example.com/team",
                         place);
    if (!is_line(t->secret) || !*t->secret || (t->user && !is_line(t->user)))
        return error_new(a, STATUS_BAD_CONFIG, "the token for %s is empty or has a line break",
                         place);
    return NULL;
}

struct making {
    struct arena *a;
    struct strings env, fixed;
    unsigned settings; /* GIT_CONFIG_KEY_<n> so far */
};

static void add_env_setting(struct making *m, const char *key, const char *value)
{
    set(&m->env, arena_printf(m->a, "GIT_CONFIG_KEY_%u=%s", m->settings, key).p);
    set(&m->env, arena_printf(m->a, "GIT_CONFIG_VALUE_%u=%s", m->settings++, value).p);
}

static const char *header_name(struct arena *a, const struct git_token *t)
{
    return arena_printf(a, "http.https://%s.extraHeader", t->place).p;
}

static void add_bearer(struct making *m, const struct git_token *t)
{
    struct arena *a = m->a;
    add_env_setting(m, header_name(a, t), arena_printf(a, "Authorization: Bearer %s", t->secret).p);
    add_setting(&m->fixed, arena_printf(a, "http.https://%s.followRedirects=false", t->place).p);
}

/* The user's own helpers are not asked where a token is given, nor is one for a shorter place. */
static void add_helper(struct making *m, const struct git_token *t, size_t i)
{
    struct arena *a = m->a;
    const char *name = arena_printf(a, "credential.https://%s.helper", t->place).p;
    const char *user = t->user ? t->user : "x-access-token";
    set(&m->env, arena_printf(a, "MODGATE_GIT_USER_%zu=%s", i, user).p);
    set(&m->env, arena_printf(a, "MODGATE_GIT_SECRET_%zu=%s", i, t->secret).p);
    add_setting(&m->fixed, arena_printf(a, "%s=", name).p);
    add_setting(
        &m->fixed,
        arena_printf(a,
                     "%s=!f() { test \"$1\" = get && printf 'username=%%s\\npassword=%%s\\n' "
                     "\"$MODGATE_GIT_USER_%zu\" \"$MODGATE_GIT_SECRET_%zu\"; }; f",
                     name, i, i)
            .p);
}

static int by_length(const void *x, const void *y)
{
    const struct git_token *a = *(const struct git_token *const *)x;
    const struct git_token *b = *(const struct git_token *const *)y;
    size_t n = strlen(a->place), k = strlen(b->place);
    if (n != k)
        return n > k ? -1 : 1;
    int c = strcmp(a->place, b->place);
    return c ? c : (a > b) - (a < b);
}

/* Longest place first, each once. */
static struct error *sort_tokens(struct arena *a, const struct git_token *tokens, size_t count,
                                 const struct git_token ***out, size_t *out_count)
{
    const struct git_token **sorted = ARENA_ARRAY(a, const struct git_token *, count + 1);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        TRY(check_token(a, &tokens[i]));
        sorted[i] = &tokens[i];
    }
    if (count)
        qsort(sorted, count, sizeof(*sorted), by_length);
    for (size_t i = 0; i < count; i++) {
        if (!n || strcmp(sorted[i]->place, sorted[n - 1]->place) != 0)
            sorted[n++] = sorted[i];
    }
    *out = sorted;
    *out_count = n;
    return NULL;
}

/*
 * Helpers of all places that fit are asked in turn, and an empty one forgets those before it: the
 * longest stands last. Headers of all places that fit are sent, but not those of a shorter one that
 * stands behind a longer: there the longest stands first, and an empty one keeps others away.
 */
static struct error *add_tokens(struct making *m, const struct git_token *tokens, size_t count)
{
    const struct git_token **sorted;
    TRY(sort_tokens(m->a, tokens, count, &sorted, &count));
    bool has_bearer = false;
    for (size_t i = 0; i < count; i++)
        has_bearer = has_bearer || sorted[i]->is_bearer;
    for (size_t i = 0; i < count; i++) {
        if (sorted[i]->is_bearer)
            add_bearer(m, sorted[i]);
        else if (has_bearer)
            add_env_setting(m, header_name(m->a, sorted[i]), "");
    }
    for (size_t i = count; i-- > 0;) {
        if (!sorted[i]->is_bearer)
            add_helper(m, sorted[i], i);
    }
    return NULL;
}

/* The place of a repository holds for its name with ".git" too, unless that has a place itself. */
static void add_git_names(struct arena *a, struct git_token *all, size_t *count)
{
    size_t given = *count;
    for (size_t i = 0; i < given; i++) {
        struct git_token t = all[i];
        if (!t.place || !strchr(t.place, '/') || slice_ends(slice_of(t.place), S(".git")) ||
            slice_ends(slice_of(t.place), S("/")))
            continue;
        t.place = arena_printf(a, "%s.git", t.place).p;
        all[(*count)++] = t;
    }
}

/* The configured tokens, and behind them the lines of the netrc file. */
static struct error *gather_tokens(struct arena *a, const struct git_options *o,
                                   struct git_token **out, size_t *count)
{
    struct netrc_line *lines = NULL;
    size_t line_count = 0;
    struct slice text;
    if (o->netrc_file) {
        struct error *err = file_read(a, o->netrc_file, 1 << 20, &text);
        if (err)
            return error_as(a, STATUS_BAD_CONFIG, err, "the netrc file cannot be read");
        netrc_parse(a, text, &lines, &line_count);
    }
    struct git_token *all = ARENA_ARRAY(a, struct git_token, 2 * (o->token_count + line_count) + 1);
    *count = 0;
    for (size_t i = 0; i < o->token_count; i++)
        all[(*count)++] = o->tokens[i];
    for (size_t i = 0; i < line_count; i++) {
        struct git_token t = {.place = arena_cstr(a, lines[i].machine),
                              .user = arena_cstr(a, lines[i].login),
                              .secret = arena_cstr(a, lines[i].password)};
        if (is_place(t.place) && is_line(t.secret) && *t.secret && is_line(t.user))
            all[(*count)++] = t;
    }
    add_git_names(a, all, count);
    *out = all;
    return NULL;
}

/* ---- ssh ---- */

static const struct git_file_rule *find_rule(const struct git_file_rule *rules, size_t count,
                                             struct slice place)
{
    const struct git_file_rule *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = git_place_match(slice_of(rules[i].place), place);
        if (n > most) {
            most = n;
            best = &rules[i];
        }
    }
    return best;
}

/* ssh reads quotes, and % as the start of a name; the shell around it reads everything else. */
static struct error *check_file_rules(struct arena *a, const struct git_file_rule *rules,
                                      size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = rules[i].path;
        if (!rules[i].place || !path || path[0] != '/' || strpbrk(path, "\"'\\\r\n\t"))
            return error_new(a, STATUS_BAD_CONFIG,
                             "%s %s must be an absolute path without quotes and backslashes", what,
                             text_quote(a, slice_of(path)));
    }
    return NULL;
}

static void add_path(struct buf *b, const char *option, const char *path)
{
    buf_printf(b, " -o '%s=\"", option);
    for (; *path; path++) {
        if (*path == '%')
            buf_add_byte(b, '%');
        buf_add_byte(b, *path);
    }
    buf_printf(b, "\"'");
}

/* "ssh …" for a host; NULL = as the user's configuration says. */
static const char *ssh_command(struct arena *a, const struct git_options *o,
                               const struct git_env *e, struct slice place)
{
    const struct git_file_rule *key = find_rule(o->ssh_keys, o->ssh_key_count, place);
    const struct git_file_rule *hosts = find_rule(o->known_hosts, o->known_hosts_count, place);
    if (!key && e->has_own_ssh)
        return NULL;
    BUF_SCOPED(b);
    buf_printf(&b, "ssh -o BatchMode=yes -o ControlMaster=no -o ControlPath=none"
                   " -o StrictHostKeyChecking=yes -o ConnectTimeout=20 -o ServerAliveInterval=15");
    if (!o->use_ssh_agent)
        buf_printf(&b, " -o IdentityAgent=none");
    if (key) {
        buf_printf(&b, " -o IdentitiesOnly=yes");
        add_path(&b, "IdentityFile", key->path);
    }
    if (hosts) {
        buf_printf(&b, " -o GlobalKnownHostsFile=/dev/null");
        add_path(&b, "UserKnownHostsFile", hosts->path);
    }
    return arena_cstr(a, buf_slice(&b));
}

/* What git makes of a URL by insteadOf: the longest that fits. */
static struct slice rewritten(struct arena *a, const struct git_env *e, struct slice url)
{
    const struct git_rewrite *best = NULL;
    for (size_t i = 0; i < e->rewrite_count; i++) {
        const struct git_rewrite *w = &e->rewrites[i];
        if (slice_starts(url, w->from) && (!best || w->from.n > best->from.n))
            best = w;
    }
    if (!best)
        return url;
    return arena_printf(a, "%.*s%.*s", SLICE_ARG(best->to),
                        SLICE_ARG(slice_skip(url, best->from.n)));
}

void git_env_take_config(struct arena *a, struct slice output, struct git_env *e)
{
    size_t most = 0;
    for (size_t i = 0; i < output.n; i++)
        most += output.p[i] == '\0';
    e->rewrites = ARENA_ARRAY(a, struct git_rewrite, most + 1);
    e->rewrite_count = 0;
    while (output.n) {
        struct slice value = slice_cut(&output, '\0');
        struct slice key = slice_cut(&value, '\n'), tail = S(".insteadof");
        if (slice_eq(key, S("core.sshcommand")))
            e->has_own_ssh = true;
        else if (slice_starts(key, S("http.")) && slice_ends(key, S(".sslcainfo")))
            e->has_own_ca_file = true;
        else if (slice_starts(key, S("http.")) && slice_ends(key, S(".sslcapath")))
            e->has_own_ca_dir = true;
        else if (slice_starts(key, S("url.")) && slice_ends(key, tail) && key.n > 4 + tail.n)
            e->rewrites[e->rewrite_count++] = (struct git_rewrite){
                .from = arena_dup(a, value),
                .to = arena_dup(a, slice_make(key.p + 4, key.n - 4 - tail.n)),
            };
    }
}

/* ---- all of it ---- */

static void add_fixed(struct making *m, const struct git_options *o)
{
    int64_t stall_s = o->stall_timeout_ms ? (o->stall_timeout_ms + 999) / 1000 : DEFAULT_STALL_S;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        add_setting(&m->fixed, settings[i]);
    add_setting(&m->fixed, arena_printf(m->a, "http.lowSpeedTime=%" PRId64, stall_s).p);
}

/* A list of folders is more than git takes. */
static void take_ca(struct arena *a, struct slice var, struct git_env *out)
{
    struct slice file = S("SSL_CERT_FILE="), dir = S("SSL_CERT_DIR=");
    if (slice_starts(var, file) && var.n > file.n)
        out->ca_file = arena_printf(a, "GIT_SSL_CAINFO=%s", var.p + file.n).p;
    if (slice_starts(var, dir) && var.n > dir.n && slice_find(var, ':') < 0)
        out->ca_dir = arena_printf(a, "GIT_SSL_CAPATH=%s", var.p + dir.n).p;
    out->has_own_ca_file = out->has_own_ca_file || slice_starts(var, S("GIT_SSL_CAINFO="));
    out->has_own_ca_dir = out->has_own_ca_dir || slice_starts(var, S("GIT_SSL_CAPATH="));
}

static void add_environment(struct making *m, const struct git_options *o, char *const *environment,
                            struct git_env *out)
{
    for (char *const *v = environment; *v; v++) {
        uint64_t n;
        struct slice var = slice_of(*v), count = S("GIT_CONFIG_COUNT=");
        if (is_passed_on(*v, o))
            set(&m->env, arena_cstr(m->a, var));
        take_ca(m->a, var, out);
        if (slice_starts(var, S("GIT_SSH=")) || slice_starts(var, S("GIT_SSH_COMMAND=")))
            out->has_own_ssh = true;
        if (!o->config_file && slice_starts(var, count) &&
            slice_parse_u64(slice_skip(var, count.n), &n) && n < 1000)
            m->settings = (unsigned)n;
    }
}

struct error *git_env_make(struct arena *a, const struct git_options *o, const char *program,
                           char *const *environment, struct git_env *out)
{
    struct git_token *tokens;
    size_t token_count;
    struct making m = {.a = a, .env = {.a = a}, .fixed = {.a = a}};
    *out = (struct git_env){0};
    TRY(gather_tokens(a, o, &tokens, &token_count));
    TRY(check_file_rules(a, o->ssh_keys, o->ssh_key_count, "the ssh key"));
    TRY(check_file_rules(a, o->known_hosts, o->known_hosts_count, "the known_hosts file"));
    add(&m.fixed, program);
    add_fixed(&m, o);
    add_environment(&m, o, environment, out);
    TRY(add_tokens(&m, tokens, token_count));
    static const char *const always[] = {
        "LC_ALL=C",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_ASKPASS=",
        "SSH_ASKPASS=",
        "GIT_NO_REPLACE_OBJECTS=1",
        "GIT_LITERAL_PATHSPECS=1",
        "GIT_OPTIONAL_LOCKS=0",
        "GIT_ATTR_NOSYSTEM=1",
        "GIT_EDITOR=false",
    };
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        set(&m.env, always[i]);
    if (m.settings)
        set(&m.env, arena_printf(a, "GIT_CONFIG_COUNT=%u", m.settings).p);
    if (o->config_file) {
        set(&m.env, arena_printf(a, "GIT_CONFIG_GLOBAL=%s", o->config_file).p);
        set(&m.env, "GIT_CONFIG_NOSYSTEM=1");
    }
    if (o->ca_file) { /* instead of git's own, whose folder it would read too */
        set(&m.env, arena_printf(a, "GIT_SSL_CAINFO=%s", o->ca_file).p);
        set(&m.env, arena_printf(a, "GIT_SSL_CAPATH=%s/none", o->dir).p);
        out->has_own_ca_file = out->has_own_ca_dir = true;
    }
    out->base = m.env.p;
    out->count = m.env.n;
    out->fixed = m.fixed.p;
    out->fixed_count = m.fixed.n;
    return NULL;
}

const char *const *git_env_for(struct arena *a, const struct git_options *o,
                               const struct git_env *e, const char *git_dir, struct slice url,
                               bool is_insecure)
{
    enum { MORE = 10 };
    struct git_url u;
    struct strings env = {.a = a,
                          .p = ARENA_ARRAY(a, const char *, e->count + MORE),
                          .n = e->count,
                          .cap = e->count + MORE};
    memcpy(env.p, e->base, e->count * sizeof(*e->base));
    set(&env, o->is_local   ? "GIT_ALLOW_PROTOCOL=file"
              : is_insecure ? "GIT_ALLOW_PROTOCOL=https:ssh:http:git"
                            : "GIT_ALLOW_PROTOCOL=https:ssh");
    if (is_insecure)
        set(&env, "GIT_SSL_NO_VERIFY=1");
    set(&env, arena_printf(a, "GIT_CEILING_DIRECTORIES=%s", o->dir).p);
    if (git_dir)
        set(&env, arena_printf(a, "GIT_DIR=%s", git_dir).p);
    if (e->ca_file && !e->has_own_ca_file)
        set(&env, e->ca_file);
    if (e->ca_dir && !e->has_own_ca_dir)
        set(&env, e->ca_dir);
    const char *ssh = NULL;
    if (git_url_split(a, rewritten(a, e, url), &u) && slice_eq(u.scheme, S("ssh")))
        ssh = ssh_command(a, o, e, u.place);
    if (ssh) {
        set(&env, arena_printf(a, "GIT_SSH_COMMAND=%s", ssh).p);
        set(&env, "GIT_SSH_VARIANT=ssh");
    }
    return env.p;
}
