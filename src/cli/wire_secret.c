/* Private keys and passwords, from where settings say that they are kept. */
#include "cli/wire.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { PASSWORD_MAX_BYTES = 4096 };

/* A path, or credential:NAME in the folder that systemd made. */
static struct error *path_of(struct arena *a, struct slice where, const char **path)
{
    struct slice prefix = S("credential:");
    *path = arena_cstr(a, where);
    if (!slice_starts(where, prefix))
        return NULL;
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    if (!dir || !dir[0])
        return error_new(
            a, STATUS_BAD_CONFIG,
            "%s: the variable CREDENTIALS_DIRECTORY is not set (LoadCredential= in the "
            "unit sets it)",
            *path);
    *path = arena_printf(a, "%s/%.*s", dir, SLICE_ARG(slice_skip(where, prefix.n))).p;
    return NULL;
}

struct error *wire_key_file(struct arena *a, struct slice where, size_t max, const char **path,
                            struct slice *text)
{
    struct stat st;
    TRY(path_of(a, where, path));
    FD_SCOPED fd = open(*path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_as(a, STATUS_BAD_CONFIG, error_errno(a, errno, "opening %s", *path),
                        "a private key");
    if (st.st_mode & (S_IROTH | S_IWOTH))
        return error_new(a, STATUS_BAD_CONFIG,
                         "%s: everybody may read or write this private key; chmod o-rw it", *path);
    TRY_CTX(a, file_read_fd(a, fd, max, text), "reading %s", *path);
    return NULL;
}

/* Without the line's end, which editors add. */
static struct slice without_newline(struct slice s)
{
    if (slice_ends(s, S("\n")))
        s.n--;
    if (slice_ends(s, S("\r")))
        s.n--;
    return s;
}

static struct error *read_password(struct arena *a, struct slice where, struct slice *password)
{
    const char *path;
    if (where.n == 0) {
        *password = slice_of(getenv("COSIGN_PASSWORD"));
        return NULL;
    }
    if (slice_starts(where, S("env:"))) {
        const char *value = getenv(arena_cstr(a, slice_skip(where, 4)));
        if (!value)
            return error_new(a, STATUS_BAD_CONFIG, "the variable %s is not set", where.p + 4);
        *password = slice_of(value);
        return NULL;
    }
    if (slice_starts(where, S("file:")))
        where = slice_skip(where, 5);
    TRY(wire_key_file(a, where, PASSWORD_MAX_BYTES, &path, password));
    *password = without_newline(*password);
    return NULL;
}

struct error *wire_sign_key(struct arena *a, const struct settings *s, const char *setting,
                            const char *where, struct sign_key **out)
{
    const char *path;
    struct slice pem, password = S("");
    *out = NULL;
    if (!where[0])
        return NULL;
    TRY_CTX(a, read_password(a, slice_of(s->signing_password), &password), "signing.password");
    TRY_CTX(a, wire_key_file(a, slice_of(where), SIGN_KEY_MAX_BYTES, &path, &pem), "%s", setting);
    TRY_CTX(a, sign_key_parse(a, pem, password, out), "%s: %s", setting, path);
    return NULL;
}

struct error *wire_signer(struct arena *a, const struct settings *s, struct sign_key **out)
{
    return wire_sign_key(a, s, "signing.key", s->signing_key, out);
}
