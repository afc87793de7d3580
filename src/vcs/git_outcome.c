/*
 * git tells what went wrong in English sentences (LC_ALL=C), its own, libcurl's, ssh's and the
 * server's. One table, the most telling first: "the remote end hung up" comes after everything that
 * may be the reason for it. What none of them says is an upstream failure, or a damaged mirror when
 * nobody else took part.
 */
#include "vcs/git_priv.h"

#define CREDENTIALS                                                                                \
    "; if the repository is private, give its host a token (vcs.tokens) or a key (vcs.ssh_keys)"

struct saying {
    const char *text; /* compared without regard to case */
    enum status status;
    const char *meaning;
};

/* The fault of this machine, whatever was done. */
static const struct saying machine[] = {
    {"no space left on device", STATUS_NO_SPACE, "no space left for the mirror"},
    {"disk quota exceeded", STATUS_NO_SPACE, "no space left for the mirror"},
    {"read-only file system", STATUS_READ_ONLY, "the mirror cannot be written"},
    {"too many open files", STATUS_INTERNAL, "git lacks descriptors"},
    {"out of memory", STATUS_INTERNAL, "git lacks memory"},
    {"cannot allocate memory", STATUS_INTERNAL, "git lacks memory"},
    {"cannot fork", STATUS_INTERNAL, "git cannot start its own children"},
    {"unable to create thread", STATUS_INTERNAL, "git cannot start its own children"},
};

static const struct saying damage = {"", STATUS_CORRUPT, "the mirror is damaged"};

/* Of a host. */
static const struct saying sayings[] = {
    {"host key verification failed", STATUS_HOST_KEY,
     "the host's ssh key is not the known one, or none is known; look into vcs.known_hosts"},
    {"remote host identification has changed", STATUS_HOST_KEY,
     "the host's ssh key has changed; look into vcs.known_hosts"},
    {"certificate", STATUS_TLS_CERT, "the host's certificate is not trusted"},
    {"gnutls_handshake", STATUS_TLS, "TLS failed"},
    {"ssl_connect", STATUS_TLS, "TLS failed"},
    {"ssl routines", STATUS_TLS, "TLS failed"},

    {"couldn't find remote ref", STATUS_NOT_FOUND, "the repository has no such ref"},
    {"invalid refspec", STATUS_NOT_FOUND, "no name of a ref"},

    {"could not resolve", STATUS_DNS, "the host's name is not resolved"},
    {"name or service not known", STATUS_DNS, "the host's name is not resolved"},
    {"name resolution", STATUS_DNS, "the host's name is not resolved"},
    {"unable to look up", STATUS_DNS, "the host's name is not resolved"},
    {"connection refused", STATUS_CONNECT, "the host does not take connections"},
    {"no route to host", STATUS_CONNECT, "the host cannot be reached"},
    {"network is unreachable", STATUS_CONNECT, "the host cannot be reached"},
    {"timed out", STATUS_TIMEOUT, "the host does not answer"},
    {"too slow", STATUS_TIMEOUT, "the host sends nothing"},
    {"failed to connect", STATUS_CONNECT, "the host cannot be reached"},
    {"couldn't connect", STATUS_CONNECT, "the host cannot be reached"},
    {"not responding", STATUS_TIMEOUT, "the host does not answer"},

    {"error: 429", STATUS_UPSTREAM_BUSY, "the host asks to slow down"},
    {"error: 503", STATUS_UPSTREAM_BUSY, "the host is busy"},
    {"error: 5", STATUS_UPSTREAM_ERROR, "the host failed"},
    {"error: 401", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"error: 403", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"authentication failed", STATUS_UPSTREAM_DENIED,
     "the host refused the credentials" CREDENTIALS},
    {"could not read username", STATUS_UPSTREAM_DENIED, "the host wants credentials" CREDENTIALS},
    {"could not read password", STATUS_UPSTREAM_DENIED, "the host wants credentials" CREDENTIALS},
    {"permission denied (", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"permission to ", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"access denied", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"not authorized", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"don't have permission", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"not have permission", STATUS_UPSTREAM_DENIED, "the host refused" CREDENTIALS},
    {"too many authentication failures", STATUS_UPSTREAM_DENIED,
     "the host refused the keys" CREDENTIALS},
    {"repository not found", STATUS_UPSTREAM_DENIED,
     "the host shows no such repository" CREDENTIALS},
    {"' not found", STATUS_UPSTREAM_DENIED, "the host shows no such repository" CREDENTIALS},
    {"not appear to be a git repository", STATUS_UPSTREAM_DENIED,
     "the host shows no such repository" CREDENTIALS},
    {"not valid: is this a git repository", STATUS_BAD_ANSWER, "that is no git repository"},
    {"not allowed", STATUS_DENIED, "git is not allowed to use that scheme"},
    {"unable to find remote helper", STATUS_DENIED, "git does not know that scheme"},
    {"permission denied", STATUS_READ_ONLY, "the mirror cannot be written"},
    {"could not read from remote repository", STATUS_BROKEN, "the connection broke off"},
};

/* Of a mirror that is fetched into. A command that only reads it does not fail otherwise. */
static const char *const damages[] = {
    "bad object",
    "corrupt",
    "bad config",
    "unable to read",
    "could not read",
    "cannot read",
    "unable to parse",
    "could not parse",
    "failed to read object",
    "not a git repository",
    "invalid object",
    "missing blob",
    "missing tree",
    "missing commit",
    "inflate:",
    "is empty",
    "index file",
    "wrong index",
    "bad signature",
    "did not receive expected object",
    "did not send all necessary objects",
    "unresolved delta",
    "not a valid object",
    "mismatched algorithms",
    "unable to update local ref",
    "cannot lock ref",
    "file exists",
    "shallow file",
    "object directory",
};

static const struct saying breaks[] = {
    {"early eof", STATUS_BROKEN, "the transfer broke off"},
    {"rpc failed", STATUS_BROKEN, "the transfer broke off"},
    {"unexpected disconnect", STATUS_BROKEN, "the transfer broke off"},
    {"connection reset", STATUS_BROKEN, "the transfer broke off"},
    {"hung up", STATUS_BROKEN, "the transfer broke off"},
    {"connection closed", STATUS_BROKEN, "the connection broke off"},
    {"index-pack", STATUS_BROKEN, "the transfer broke off"},
    {"unable to access", STATUS_CONNECT, "the host cannot be reached"},
};

static bool says(struct slice text, const char *what)
{
    size_t n = strlen(what);
    for (size_t i = 0; i + n <= text.n; i++) {
        if (slice_eq_nocase(slice_make(text.p + i, n), slice_make(what, n)))
            return true;
    }
    return false;
}

static const struct saying *find(const struct saying *rows, size_t count, struct slice errors)
{
    for (size_t i = 0; i < count; i++) {
        if (says(errors, rows[i].text))
            return &rows[i];
    }
    return NULL;
}

/* The lines that say something, on one line, at most so many bytes from the end. */
static struct slice one_line(struct arena *a, struct slice errors)
{
    enum { MOST = 400 };
    BUF_SCOPED(b);
    struct slice rest = git_redact(a, errors);
    while (rest.p) {
        struct slice line = slice_trim(slice_cut_line(&rest));
        if (line.n)
            buf_printf(&b, "%s%.*s", b.n ? "; " : "", SLICE_ARG(line));
    }
    for (size_t i = 0; i < b.n; i++)
        b.p[i] = (unsigned char)b.p[i] < ' ' ? ' ' : b.p[i];
    return arena_dup(a, slice_skip(buf_slice(&b), b.n > MOST ? b.n - MOST : 0));
}

static bool is_any_of(const char *const *rows, size_t count, struct slice errors)
{
    for (size_t i = 0; i < count; i++) {
        if (says(errors, rows[i]))
            return true;
    }
    return false;
}

static const struct saying *meaning_of(struct slice errors, bool is_remote)
{
    if (!is_remote)
        return find(machine, ARRAY_LEN(machine), errors);
    const struct saying *s = find(machine, ARRAY_LEN(machine), errors);
    if (!s)
        s = find(sayings, ARRAY_LEN(sayings), errors);
    if (!s && is_any_of(damages, ARRAY_LEN(damages), errors))
        return &damage;
    return s ? s : find(breaks, ARRAY_LEN(breaks), errors);
}

struct error *git_outcome(struct arena *a, struct slice name, const struct proc_result *r,
                          bool is_remote)
{
    struct slice text = one_line(a, r->errors);
    const struct saying *s = meaning_of(r->errors, is_remote);
    if (s)
        return error_new(a, s->status, "%.*s: %s (git: %.*s)", SLICE_ARG(name), s->meaning,
                         SLICE_ARG(text));
    if (r->signal)
        return error_new(a, is_remote ? STATUS_UPSTREAM_ERROR : STATUS_INTERNAL,
                         "%.*s: git was ended by signal %d", SLICE_ARG(name), r->signal);
    if (!is_remote) /* nobody else took part */
        return error_new(a, STATUS_CORRUPT, "%.*s: %s (git: %.*s)", SLICE_ARG(name), damage.meaning,
                         SLICE_ARG(text));
    return error_new(a, STATUS_UPSTREAM_ERROR, "%.*s: git failed with %d: %.*s", SLICE_ARG(name),
                     r->exit_code, SLICE_ARG(text));
}

struct slice git_missing_ref(struct slice errors)
{
    struct slice lead = S("couldn't find remote ref ");
    ptrdiff_t at = slice_find_slice(errors, lead);
    if (at < 0)
        return S("");
    struct slice rest = slice_skip(errors, (size_t)at + lead.n);
    return slice_trim(slice_cut_line(&rest));
}
