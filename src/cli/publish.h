/* What `modgate publish` and `modgate unpublish` share. Blocks. */
#ifndef MODGATE_CLI_PUBLISH_H
#define MODGATE_CLI_PUBLISH_H

#include "cli/cli.h"

#include "gomod/module.h"
#include "net/http_client.h"

/* ---- publish_send.c: the server ---- */

struct publish_flags {
    const char *to;         /* --to, else MODGATE_PUBLISH_URL: "https://go.example.com/internal" */
    const char *token_file; /* --token-file; else MODGATE_TOKEN; else the netrc file */
    const char *ca_file;
    const char *plain_http; /* a token may go over http */
};
/* The rows of these flags in a table of options. */
#define PUBLISH_OPTIONS(f)                                                                         \
    {"to", 0, "URL",                                                                               \
     "The repository: the server's address and the repository's mount; else MODGATE_PUBLISH_URL.", \
     &(f).to},                                                                                     \
        {"token-file", 0, "FILE",                                                                  \
         "A file with the token; else the variable MODGATE_TOKEN, else the netrc file. It is "     \
         "sent "                                                                                   \
         "to the host of --to alone.",                                                             \
         &(f).token_file},                                                                         \
        {"ca-file", 0, "FILE", "Certificates in PEM form to trust besides the system's.",          \
         &(f).ca_file},                                                                            \
    {                                                                                              \
        "plain-http", 0, NULL, "Send a token over http too, to a host that is not this one.",      \
            &(f).plain_http                                                                        \
    }

struct publish_server {
    struct http_client *client;
    struct slice url;          /* without a '/' at its end */
    const char *authorization; /* NULL: none */
};

struct publish_request {
    const char *method;
    struct module_version mv;
    struct http_header headers[5];
    size_t header_count;
    int fd; /* of the body; -1: none */
    uint64_t bytes;
};

/* Finds the credential. BAD_USAGE when --to or the token is missing or cannot be used. */
struct error *publish_server_open(struct arena *a, const struct publish_flags *f,
                                  struct publish_server *out) MUST_CHECK;
void publish_server_close(struct publish_server *s);
/*
 * Asks; *text is the answer's body. *status is 2xx: what is not is an error that holds what the
 * server says.
 */
struct error *publish_ask(struct arena *a, const struct publish_server *s,
                          const struct publish_request *rq, int *status,
                          struct slice *text) MUST_CHECK;

/* ---- publish_git.c: a version that is a tag ---- */

struct publish_tag {
    struct slice name;   /* "sub/v1.2.3" */
    struct slice time;   /* of the commit, as in an .info */
    struct slice origin; /* JSON; empty when the remote's URL may not be told */
};

/*
 * Makes the zip that go would make of the tag of mv in the repository that dir lies in, into a new
 * file. BAD_USAGE without git or a repository, NOT_FOUND when there is no such tag, CONFLICT when
 * it is not what is checked out, or the folder has changes that are not committed.
 */
struct error *publish_from_tag(struct arena *a, const char *dir, struct module_version mv,
                               const char *zip_path, struct publish_tag *out) MUST_CHECK;

#endif
