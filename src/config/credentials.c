/*
 * One entry of fetch.credentials: its parts are checked and its secret is fetched from where it is
 * kept. No message ever shows a secret.
 */
#include "config/config_priv.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { SECRET_MAX_BYTES = 16 << 10, CREDENTIALS_MAX = 1000 };

static void complain(struct loader *l, const struct credential_text *t, const char *what)
{
    finding_add(&l->findings, "%.*s: " CREDENTIALS_KEY ": %s", SLICE_ARG(t->origin), what);
}

/* "git.example.com" or "git.example.com:8443" or "[::1]:8443": no scheme, user, path or blank. */
static bool is_host(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c == 0x7f || strchr("/@?#\\\"", c))
            return false;
    }
    return s.n > 0;
}

static bool is_one_line(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

struct error *secret_file_read(struct arena *a, const char *what, struct slice path,
                               struct slice *out)
{
    struct stat st;
    const char *name = quoted(a, path);
    FD_SCOPED fd = open(arena_cstr(a, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(a, errno, "%s %s", what, name);
    if (st.st_mode & S_IROTH)
        return error_new(a, STATUS_BAD_CONFIG, "%s %s: everybody may read it; chmod o-r it", what,
                         name);
    TRY_CTX(a, file_read_fd(a, fd, SECRET_MAX_BYTES, out), "%s %s", what, name);
    *out = slice_trim(*out);
    return NULL;
}

/* From the one of the three places that the entry names. */
static struct error *find_secret(struct loader *l, const struct credential_text *t,
                                 struct slice *out)
{
    struct arena *a = l->arena;
    int places = (t->secret.n > 0) + (t->secret_file.n > 0) + (t->secret_env.n > 0);
    if (places != 1)
        return error_new(a, STATUS_BAD_CONFIG,
                         "wants exactly one of secret, secret_file and secret_env");
    if (t->secret_file.n)
        return secret_file_read(a, "secret_file", t->secret_file, out);
    if (t->secret_env.n) {
        const char *value = loader_env(l, arena_cstr(a, t->secret_env));
        if (!value)
            return error_new(a, STATUS_BAD_CONFIG, "secret_env: the variable %s is not set",
                             quoted(a, t->secret_env));
        *out = slice_of(value);
        return NULL;
    }
    if (!l->inline_secret_origin.p)
        l->inline_secret_origin = l->s.credentials_origin;
    *out = t->secret;
    return NULL;
}

static bool is_known_host(const struct loader *l, struct slice host)
{
    for (size_t i = 0; i < l->s.credential_count; i++) {
        if (slice_eq_nocase(slice_of(l->s.credentials[i].host), host))
            return true;
    }
    return false;
}

static void append(struct loader *l, const struct setting_credential *c)
{
    size_t n = l->s.credential_count;
    if ((n & (n - 1)) == 0) { /* full at each power of two */
        struct setting_credential *more =
            ARENA_ARRAY(l->arena, struct setting_credential, n ? 2 * n : 1);
        if (n)
            memcpy(more, l->s.credentials, n * sizeof(*more));
        l->s.credentials = more;
    }
    l->s.credentials[l->s.credential_count++] = *c;
}

void loader_add_credential(struct loader *l, const struct credential_text *t)
{
    struct slice secret = S("");
    if (l->s.credential_count >= CREDENTIALS_MAX)
        return complain(l, t, "more than 1000 entries");
    if (!is_host(t->host))
        return complain(l, t,
                        "host: wants a host name, like git.example.com or "
                        "git.example.com:8443");
    if (is_known_host(l, t->host))
        return complain(l, t, "host: this host has an entry already");
    if (slice_find(t->user, ':') >= 0 || !is_one_line(t->user))
        return complain(l, t, "user: no colon and no line break can be in it");
    struct error *err = find_secret(l, t, &secret);
    if (err)
        return complain(l, t, error_chain(l->arena, err).p);
    if (secret.n == 0 || !is_one_line(secret))
        return complain(l, t, "the secret is empty or has more than one line");
    append(l, &(struct setting_credential){
                  .host = arena_cstr(l->arena, t->host),
                  .user = t->user.n ? arena_cstr(l->arena, t->user) : NULL,
                  .secret = arena_cstr(l->arena, secret),
              });
}
