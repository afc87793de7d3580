/* modgate sign verify: whether a signature is the key's, of a file or of a stored version. */
#include "cli/cli.h"
#include "cli/settings_args.h"
#include "cli/wire.h"

#include "base/file.h"

#include "sign/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* "MODULE@VERSION" is the zip of that version in the store, anything else a file. */
static struct error *find_file(struct arena *a, const struct settings_args *sa, const char *name,
                               const char *repository, const char **path)
{
    struct settings s;
    const struct setting_repository *r = NULL;
    struct slice text = slice_of(name), escaped_path, escaped_version;
    ptrdiff_t at = slice_rfind(text, '@');
    *path = name;
    if (at <= 0 || access(name, F_OK) == 0)
        return NULL;
    TRY(settings_args_load(a, sa, &s));
    if (repository)
        TRY(wire_find(a, &s, repository, &r));
    TRY(module_escape_path(a, slice_head(text, (size_t)at), &escaped_path));
    TRY(module_escape_version(a, slice_skip(text, (size_t)at + 1), &escaped_version));
    *path = arena_printf(a, "%s/cache/download/%.*s/@v/%.*s.zip",
                         r ? wire_folder(a, &s, r) : s.data_dir, SLICE_ARG(escaped_path),
                         SLICE_ARG(escaped_version))
                .p;
    return NULL;
}

static struct error *read_key(struct arena *a, const char *path, struct verify_key **key)
{
    struct slice pem;
    TRY_CTX(a, file_read(a, path, SIGN_KEY_MAX_BYTES, &pem), "reading the public key");
    TRY_CTX(a, verify_key_parse(a, pem, key), "%s", path);
    return NULL;
}

static struct error *check(struct arena *a, const struct verify_key *key, const char *path,
                           const char *signature_path, bool *is_valid)
{
    struct slice signature;
    if (!signature_path)
        signature_path = arena_printf(a, "%s.sig", path).p;
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "opening %s", path);
    TRY_CTX(a, file_read(a, signature_path, SIGN_MAX_BYTES, &signature), "reading the signature");
    return verify_file(a, key, fd, signature, is_valid);
}

static int verify(struct arena *a, const struct settings_args *sa, const char *name,
                  const char *repository, const char *key_path, const char *signature_path)
{
    const char *path;
    bool is_valid = false;
    struct verify_key *key = NULL;
    struct error *err = read_key(a, key_path, &key);
    if (!err)
        err = find_file(a, sa, name, repository, &path);
    if (!err)
        err = check(a, key, path, signature_path, &is_valid);
    if (!err && is_valid)
        printf("verified: %s is signed by the key %s\n", name, verify_key_id(key).p);
    else if (!err)
        fprintf(stderr, "modgate sign verify: this is no signature of %s by the key %s\n", name,
                verify_key_id(key).p);
    verify_key_free(key);
    if (err)
        return cli_fail("sign verify", err);
    return is_valid ? EXIT_FINE : EXIT_FOUND;
}

int cmd_sign_verify(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct settings_args sa = {0};
    const char *key = NULL, *signature = NULL, *repository = NULL;
    char name[] = "sign verify";
    const struct cli_option own[] = {
        {"key", 0, "FILE", "The public key, in PEM.", &key},
        {"repository", 0, "NAME",
         "The repository that has MODULE@VERSION; else the store in data_dir.", &repository},
        {"signature", 0, "FILE", "The signature; else the file's name with .sig behind.",
         &signature},
    };
    argv[0] = name;
    int operands = settings_args_parse(
        &sa, argc, argv, "modgate sign verify [options] MODULE@VERSION|FILE", own, ARRAY_LEN(own));
    if (operands != 1 || !key)
        return cli_usage_error(argv[0], "takes --key FILE and one MODULE@VERSION or file");
    int code = verify(&a, &sa, argv[1], repository, key, signature);
    arena_release(&a);
    return code;
}
