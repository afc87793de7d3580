/* modgate sumdb keygen: a new key in a file that nobody else can read, and what to set. */
#include "cli/cmd_sumdb.h"

#include "base/encode.h"
#include "base/file.h"

#include "sumdb/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* "sum.example.com/2027" lies in sum.example.com-2027.key. */
static const char *default_file(struct arena *a, struct slice name)
{
    char *path = arena_cstr(a, arena_printf(a, "%.*s.key", SLICE_ARG(name)));
    for (char *p = path; *p; p++) {
        if (*p == '/' || *p == ':')
            *p = '-';
    }
    return path;
}

/* Never over a file that is there: a lost key cannot be had back. */
static struct error *write_key(struct arena *a, const char *path, struct slice text)
{
    FD_SCOPED fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(a, errno, "creating %s", path);
    struct error *err = fd_write_all(a, fd, arena_printf(a, "%.*s\n", SLICE_ARG(text)));
    if (!err && fsync(fd) < 0)
        err = error_errno(a, errno, "syncing");
    if (err) {
        unlink(path);
        return error_wrap(a, err, "writing %s", path);
    }
    return NULL;
}

static struct error *make_key(struct arena *a, struct slice name, const char *path,
                              struct note_signer *out)
{
    uint8_t seed[NOTE_KEY_BYTES];
    random_bytes(seed, sizeof(seed));
    TRY(note_signer_make(a, name, seed, out));
    return write_key(a, path, note_signer_format(a, out));
}

static void print_key(struct arena *a, const struct note_signer *signer, const char *path)
{
    char *full = realpath(path, NULL);
    struct slice vkey = note_verifier_format(a, &signer->verifier), name = signer->verifier.name;
    printf("private key:   %s (keep it secret, and keep a copy)\n", path);
    printf("verifier key:  %s\n\n", vkey.p);
    printf("on the server: sumdb_host.key_file: %s\n", full ? full : path);
    printf("on clients that use it as GOPROXY:\n  go env -w GOSUMDB=%s\n", vkey.p);
    printf("on others:\n  go env -w GOSUMDB='%s https://<this gateway>/sumdb/%.*s'\n", vkey.p,
           SLICE_ARG(name));
    free(full);
}

int cmd_sumdb_keygen(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct note_signer signer;
    const char *path = NULL;
    const struct cli_option options[] = {
        {"key-file", 'o', "FILE", "Where the private key goes; else NAME.key in this folder.",
         &path},
    };
    int operands =
        cli_parse(argc, argv, "modgate sumdb keygen [options] NAME", options, ARRAY_LEN(options));
    if (operands != 1)
        return cli_usage_error(argv[0], "takes one name, like sum.example.com/2027");
    struct slice name = slice_of(argv[1]);
    if (!sumdb_name_is_servable(name))
        return cli_usage_error(
            argv[0],
            "'%s' cannot be a database's name; take a host name and, if need be, "
            "a path, like sum.example.com/2027",
            argv[1]);
    path = path ? path : default_file(&a, name);
    struct error *err = make_key(&a, name, path, &signer);
    if (!err)
        print_key(&a, &signer, path);
    int code = err ? cli_fail(argv[0], err) : EXIT_FINE;
    arena_release(&a);
    return code;
}
