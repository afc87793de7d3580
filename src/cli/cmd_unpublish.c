/* modgate unpublish: withdraws a published version; its name can never be used again. */
#include "cli/publish.h"

#include <stdio.h>

/* Everything but letters, digits and a few marks is escaped (RFC 3986, 2.3). */
static struct slice escape(struct arena *a, struct slice text)
{
    BUF_SCOPED(b);
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (memchr(plain, c, sizeof(plain) - 1))
            buf_add_byte(&b, (char)c);
        else
            buf_printf(&b, "%%%02X", c);
    }
    return arena_dup(a, buf_slice(&b));
}

static struct error *unpublish(struct arena *a, const struct publish_flags *f, const char *what,
                               const char *reason)
{
    int status;
    struct slice text;
    struct publish_server s;
    struct publish_request rq = {
        .method = "DELETE",
        .mv.version = slice_of(what),
        .headers = {{"X-Modgate-Reason", escape(a, slice_of(reason)).p}},
        .header_count = 1,
        .fd = -1,
    };
    rq.mv.path = slice_cut(&rq.mv.version, '@');
    struct error *err = module_check(a, rq.mv);
    if (err)
        return error_as(a, STATUS_BAD_USAGE, err, "'%s' is no MODULE@VERSION", what);
    TRY(publish_server_open(a, f, &s));
    err = publish_ask(a, &s, &rq, &status, &text);
    publish_server_close(&s);
    if (err)
        return error_wrap(a, err, "withdrawing %s", what);
    printf("%.*s", SLICE_ARG(text));
    return NULL;
}

int cmd_unpublish(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct publish_flags flags = {0};
    const char *reason = NULL;
    const struct cli_option options[] = {
        {"reason", 0, "TEXT", "Why; whoever asks for the version is told.", &reason},
        PUBLISH_OPTIONS(flags),
    };
    int n = cli_parse(argc, argv, "modgate unpublish MODULE@VERSION --to URL --reason TEXT",
                      options, ARRAY_LEN(options));
    if (n != 1 || !reason || !reason[0])
        return cli_usage_error(argv[0], "a module version and --reason are needed");
    struct error *err = unpublish(&a, &flags, argv[1], reason);
    int code = EXIT_FINE;
    if (err && err->status == STATUS_BAD_USAGE)
        code = cli_usage_error(argv[0], "%s", error_chain(&a, err).p);
    else if (err)
        code = cli_fail(argv[0], err);
    arena_release(&a);
    return code;
}
