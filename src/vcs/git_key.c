#include "base/file.h"
#include "base/proc.h"
#include "vcs/git.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ssh refuses a key of ours that others may read; one of somebody else's it takes. */
static struct error *check_file(struct arena *a, const char *path)
{
    struct stat st;
    FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_as(a, STATUS_BAD_CONFIG, error_errno(a, errno, "open"),
                        "the ssh key %s cannot be read", path);
    if (!S_ISREG(st.st_mode))
        return error_new(a, STATUS_BAD_CONFIG, "the ssh key %s is no file", path);
    if (st.st_mode & (st.st_uid == geteuid() ? 0077 : 0007))
        return error_new(a, STATUS_BAD_CONFIG,
                         "the ssh key %s may be read by others, so ssh refuses it; chmod 600 it",
                         path);
    return NULL;
}

struct error *git_check_key(struct ctx *cx, const char *path)
{
    struct arena *a = cx->arena;
    const char *search = getenv("PATH");
    static const char *const env[] = {"LC_ALL=C", NULL};
    const char *argv[] = {proc_find(a, "ssh-keygen", search), "-y", "-P", "", "-f", path, NULL};
    struct proc_spec spec = {.argv = argv, .env = env, .max_output_bytes = 1 << 20};
    struct proc_result r;
    struct slice output;
    TRY(check_file(a, path));
    if (!argv[0])
        return error_new(a, STATUS_BAD_CONFIG,
                         "there is no ssh-keygen in PATH: install ssh to use ssh keys");
    TRY_CTX(a, proc_output(cx, &spec, &output, &r), "looking into the ssh key %s", path);
    if (r.exit_code == 0)
        return NULL;
    if (slice_find_slice(r.errors, S("passphrase")) >= 0)
        return error_new(a, STATUS_BAD_CONFIG,
                         "the ssh key %s has a passphrase, which nobody is there to type; take it "
                         "off with ssh-keygen -p, or make a key for modgate",
                         path);
    return error_new(a, STATUS_BAD_CONFIG, "%s is no private ssh key (ssh-keygen: %.*s)", path,
                     SLICE_ARG(slice_trim(r.errors)));
}
