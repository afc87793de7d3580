/*
 * modgate publish: a folder becomes a version.
 *
 * The zip is made as go would make it, into a file of a private folder, and judged here by the very
 * rules that the server has, before a byte of it is sent.
 */
#include "cli/modzip_dir.h"
#include "cli/publish.h"
#include "cli/wire.h"

#include "base/file.h"

#include "gomod/modfile.h"
#include "repo/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

struct publish_run {
    struct arena arena;
    struct publish_flags flags;
    const char *dir, *version, *module, *dry_run, *git_tag, *json, *sign_key;
    struct module_version mv;
    char *folder; /* ours, for the zip */
    const char *zip_path;
    struct publish_tag tag;
    struct slice zip; /* mapped */
    struct modzip_result checked;
    char mod_h1[H1_TEXT_BYTES];
};

/* ---- what is published ---- */

static struct error *find_module(struct publish_run *r)
{
    struct slice file;
    struct arena *a = &r->arena;
    if (r->module) {
        r->mv.path = slice_of(r->module);
        return NULL;
    }
    const char *path = arena_printf(a, "%s/go.mod", r->dir).p;
    struct error *err = file_read(a, path, MODFILE_MAX_BYTES, &file);
    if (err)
        return error_as(a, STATUS_BAD_USAGE, err, "give --module, there is no go.mod to read");
    r->mv.path = modfile_module_path(a, file);
    if (r->mv.path.n)
        return NULL;
    return error_new(a, STATUS_BAD_USAGE, "%s names no module", path);
}

static struct error *find_version(struct publish_run *r)
{
    if (!r->version)
        return error_new(&r->arena, STATUS_BAD_USAGE, "give --version, as v1.2.3");
    r->mv.version = slice_of(r->version);
    TRY(module_check(&r->arena, r->mv));
    if (slice_eq(module_canonical_version(&r->arena, r->mv.version), r->mv.version))
        return NULL;
    return error_new(&r->arena, STATUS_BAD_VERSION, "%s is not a version in full, as v1.2.3",
                     r->version);
}

static void tell_file(void *arg, const struct modzip_file *f)
{
    const struct publish_run *r = arg;
    if (!r->dry_run || r->json)
        return;
    if (f->omitted)
        printf("- %.*s (%s)\n", SLICE_ARG(f->name), f->omitted);
    else
        printf("+ %.*s (%" PRIu64 " bytes)\n", SLICE_ARG(f->name), f->content_bytes);
}

/* What a tag holds is known when it is packed. */
static void tell_zip(struct publish_run *r)
{
    struct modzip z;
    if (modzip_open(&r->arena, r->zip, MODZIP_LIMITS_GO.files, &z))
        return;
    for (size_t i = 0; i < z.count; i++) {
        struct modzip_file f = {
            .name = slice_skip(z.entries[i].name, r->mv.path.n + r->mv.version.n + 2),
            .content_bytes = z.entries[i].content_bytes};
        tell_file(r, &f);
    }
}

static struct error *pack(struct publish_run *r)
{
    char h1[H1_TEXT_BYTES];
    if (r->git_tag)
        return publish_from_tag(&r->arena, r->dir, r->mv, r->zip_path, &r->tag);
    return dir_make_zip(&r->arena, r->dir, r->mv, r->zip_path, &(struct dir_listener){tell_file, r},
                        h1);
}

/* The server's rules; as it sees nothing but the zip, neither does this. */
static struct error *check(struct publish_run *r)
{
    struct slice mod;
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    TRY(file_map(&r->arena, r->zip_path, &r->zip));
    TRY(modzip_verify(&r->arena, r->zip, r->mv, &limits, &r->checked));
    TRY(publication_go_mod(&r->arena, r->mv, &r->checked, &mod));
    gomod_hash(mod, r->mod_h1);
    return NULL;
}

static struct error *open_folder(struct publish_run *r)
{
    const char *tmp = getenv("TMPDIR");
    struct slice path =
        arena_printf(&r->arena, "%s/modgate-publish-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    char *made = arena_cstr(&r->arena, path);
    if (!mkdtemp(made))
        return error_errno(&r->arena, errno, "making the folder %s", made);
    r->folder = made;
    r->zip_path = arena_printf(&r->arena, "%s/module.zip", made).p;
    return NULL;
}

/* ---- what is said ---- */

static void print_json(struct publish_run *r, const char *outcome)
{
    json_t *o = json_object();
    json_object_set_new(o, "outcome", json_string(outcome));
    json_object_set_new(o, "path", json_stringn(r->mv.path.p, r->mv.path.n));
    json_object_set_new(o, "version", json_stringn(r->mv.version.p, r->mv.version.n));
    json_object_set_new(o, "h1", json_string(r->checked.h1));
    json_object_set_new(o, "go_mod_h1", json_string(r->mod_h1));
    json_object_set_new(o, "files", json_integer((json_int_t)r->checked.files));
    json_object_set_new(o, "bytes", json_integer((json_int_t)r->checked.content_bytes));
    json_object_set_new(o, "zip_bytes", json_integer((json_int_t)r->zip.n));
    if (r->tag.name.n)
        json_object_set_new(o, "tag", json_stringn(r->tag.name.p, r->tag.name.n));
    char *text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    puts(text);
    free(text);
    json_decref(o);
}

static void print_content(const struct publish_run *r)
{
    printf("  %zu files, %" PRIu64 " bytes, %zu packed\n", r->checked.files,
           r->checked.content_bytes, r->zip.n);
    if (r->tag.name.n)
        printf("  tag %.*s, committed %.*s\n", SLICE_ARG(r->tag.name), SLICE_ARG(r->tag.time));
    printf("  zip    %s\n  go.mod %s%s\n", r->checked.h1, r->mod_h1,
           r->checked.has_go_mod ? "" : " (made, the module has none)");
}

static void print_plan(struct publish_run *r)
{
    if (r->json) {
        print_json(r, "dry-run");
        return;
    }
    if (r->git_tag)
        tell_zip(r);
    printf("%.*s@%.*s can be published\n", SLICE_ARG(r->mv.path), SLICE_ARG(r->mv.version));
    print_content(r);
    puts("  checked: go's rules for files, names and sizes; the go.mod names this module\n"
         "  the server also looks: may you publish there, does the repository own the path,\n"
         "  is the version free");
}

static void print_done(struct publish_run *r, bool is_new)
{
    if (r->json) {
        print_json(r, is_new ? "published" : "was-published");
        return;
    }
    printf("%s %.*s@%.*s\n", is_new ? "published" : "was published before, with the same content:",
           SLICE_ARG(r->mv.path), SLICE_ARG(r->mv.version));
    print_content(r);
    printf("  go get %.*s@%.*s\n", SLICE_ARG(r->mv.path), SLICE_ARG(r->mv.version));
}

/* ---- sending ---- */

static void add_header(struct publish_request *rq, struct arena *a, const char *name,
                       struct slice value)
{
    if (value.n)
        rq->headers[rq->header_count++] = (struct http_header){name, arena_cstr(a, value)};
}

/* As cosign sign-blob with the same key; its password is that of the variable COSIGN_PASSWORD. */
static struct error *sign_zip(struct publish_run *r, int fd, struct slice *signature)
{
    const char *path;
    struct slice pem;
    struct sign_key *key;
    struct arena *a = &r->arena;
    *signature = S("");
    if (!r->sign_key)
        return NULL;
    TRY(wire_key_file(a, slice_of(r->sign_key), SIGN_KEY_MAX_BYTES, &path, &pem));
    TRY_CTX(a, sign_key_parse(a, pem, slice_of(getenv("COSIGN_PASSWORD")), &key), "%s", path);
    struct error *err = sign_file(a, key, fd, signature);
    sign_key_free(key);
    return err;
}

static struct error *send_zip(struct publish_run *r, const struct publish_server *s)
{
    int status;
    struct slice text, signature;
    struct arena *a = &r->arena;
    FD_SCOPED fd = open(r->zip_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a, errno, "%s", r->zip_path);
    TRY_CTX(a, sign_zip(r, fd, &signature), "signing the zip");
    struct publish_request rq = {.method = "PUT", .mv = r->mv, .fd = fd, .bytes = r->zip.n};
    add_header(&rq, a, "Content-Type", S("application/zip"));
    add_header(&rq, a, "X-Modgate-H1", slice_of(r->checked.h1));
    add_header(&rq, a, "X-Modgate-Time", r->tag.time);
    add_header(&rq, a, "X-Modgate-Origin", r->tag.origin);
    add_header(&rq, a, "X-Modgate-Signature", signature);
    TRY_CTX(a, publish_ask(a, s, &rq, &status, &text), "publishing %.*s@%.*s",
            SLICE_ARG(r->mv.path), SLICE_ARG(r->mv.version));
    print_done(r, status == 201);
    return NULL;
}

static struct error *publish(struct publish_run *r)
{
    struct publish_server s;
    TRY(publish_server_open(&r->arena, &r->flags, &s));
    struct error *err = send_zip(r, &s);
    publish_server_close(&s);
    return err;
}

static struct error *run(struct publish_run *r)
{
    TRY(find_module(r));
    TRY(find_version(r));
    TRY(open_folder(r));
    TRY_CTX(&r->arena, pack(r), "packing %s as %.*s@%.*s", r->dir, SLICE_ARG(r->mv.path),
            SLICE_ARG(r->mv.version));
    TRY(check(r));
    if (!r->dry_run)
        return publish(r);
    print_plan(r);
    return NULL;
}

static int report(const char *command, struct arena *a, const struct error *err)
{
    if (err->status == STATUS_BAD_USAGE)
        return cli_usage_error(command, "%s", error_chain(a, err).p);
    return cli_fail(command, err);
}

int cmd_publish(int argc, char **argv)
{
    struct publish_run r = {.arena = ARENA_INIT};
    const struct cli_option options[] = {
        {"version", 0, "V", "The version, as v1.2.3.", &r.version},
        {"module", 0, "PATH", "The module path; else the one in go.mod.", &r.module},
        {"git-tag", 0, NULL,
         "Publish what the git tag of the version holds; it must be checked out, with nothing "
         "changed.",
         &r.git_tag},
        {"dry-run", 'n', NULL, "Say what would be published, and send nothing.", &r.dry_run},
        {"sign-key", 0, "FILE",
         "Sign the zip with this private key: cosign's (password: COSIGN_PASSWORD), or ECDSA P-256 "
         "or "
         "Ed25519 in PEM.",
         &r.sign_key},
        {"json", 0, NULL, "Print {\"outcome\":…,\"path\":…,\"version\":…,\"h1\":…,…}.", &r.json},
        PUBLISH_OPTIONS(r.flags),
    };
    int n = cli_parse(argc, argv, "modgate publish [DIR] --version V --to URL", options,
                      ARRAY_LEN(options));
    if (n > 1)
        return cli_usage_error(argv[0], "one folder at most");
    r.dir = n ? argv[1] : ".";
    struct error *err = run(&r);
    int code = err ? report(argv[0], &r.arena, err) : EXIT_FINE;
    struct error *left = r.folder ? dir_remove(&r.arena, r.folder) : NULL;
    if (left)
        code = cli_fail(argv[0], left);
    arena_release(&r.arena);
    return code;
}
