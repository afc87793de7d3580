/* The checksum database that is kept here: its keys, from files that others cannot read. */
#include "cli/wire.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { KEY_MAX_BYTES = 4096, MAX_KEYS = 16 };

/* Where a key lies: a path, or credential:NAME in the folder that systemd made. */
static struct error *key_path(struct arena *a, struct slice text, const char **path)
{
    struct slice prefix = S("credential:");
    *path = arena_cstr(a, text);
    if (!slice_starts(text, prefix))
        return NULL;
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    if (!dir || !dir[0])
        return error_new(
            a, STATUS_BAD_CONFIG,
            "%s: the variable CREDENTIALS_DIRECTORY is not set (LoadCredential= in the "
            "unit sets it)",
            *path);
    *path = arena_printf(a, "%s/%.*s", dir, SLICE_ARG(slice_skip(text, prefix.n))).p;
    return NULL;
}

static struct error *read_key(struct arena *a, struct slice where, struct note_signer *out)
{
    struct stat st;
    struct slice text;
    const char *path;
    TRY(key_path(a, where, &path));
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_as(a, STATUS_BAD_CONFIG, error_errno(a, errno, "opening %s", path),
                        "a private key");
    if (st.st_mode & (S_IROTH | S_IWOTH))
        return error_new(a, STATUS_BAD_CONFIG,
                         "%s: everybody may read or write this private key; chmod o-rw it", path);
    TRY_CTX(a, file_read_fd(a, fd, KEY_MAX_BYTES, &text), "reading %s", path);
    struct error *err = note_signer_parse(a, slice_trim(text), out);
    if (err)
        return error_as(a, STATUS_BAD_CONFIG, err, "%s", path);
    if (sumdb_name_is_servable(out->verifier.name))
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG, "%s: no database can be served under the name '%.*s'",
                     path, SLICE_ARG(out->verifier.name));
}

static struct error *refuse_same_name(struct arena *a, const struct note_signer *signers,
                                      size_t count)
{
    struct slice name = signers[count].verifier.name;
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(signers[i].verifier.name, name))
            return error_new(a, STATUS_BAD_CONFIG,
                             "two keys are named %.*s: a new key needs a new name, because clients "
                             "remember what the old one signed",
                             SLICE_ARG(name));
    }
    return NULL;
}

static struct error *read_keys(struct arena *a, struct slice list, struct note_signer *signers,
                               size_t *count)
{
    *count = 0;
    while (list.n) {
        struct slice one = slice_trim(slice_cut(&list, ','));
        if (*count == MAX_KEYS)
            return error_new(a, STATUS_BAD_CONFIG, "more than %d keys", MAX_KEYS);
        TRY(read_key(a, one, &signers[*count]));
        TRY(refuse_same_name(a, signers, *count));
        ++*count;
    }
    return NULL;
}

struct error *wire_host(struct arena *a, const struct settings *s, struct repo_host *out)
{
    struct note_signer signers[MAX_KEYS];
    size_t count;
    *out = (struct repo_host){.is_for_all = strcmp(s->sumdb_host_scope, "all") == 0};
    TRY_CTX(a, read_keys(a, slice_of(s->sumdb_host_key_file), signers, &count),
            "sumdb_host.key_file");
    if (count == 0)
        return NULL;
    struct slice *names = ARENA_ARRAY(a, struct slice, count);
    for (size_t i = 0; i < count; i++)
        names[i] = signers[i].verifier.name;
    out->names = names;
    out->name_count = count;
    struct sumlog_options o = {
        .dir = arena_printf(a, "%s/sumdb-host", s->data_dir).p,
        .signers = signers,
        .signer_count = count,
    };
    struct error *err = sumlog_open(a, &o, &out->log);
    explicit_bzero(signers, sizeof(signers));
    return err;
}
