/*
 * OpenSSL could load a bundle and a folder by itself, but reads folders by hashed names only; go
 * reads every file of them. So the files are read here, each certificate is added once, and what
 * cannot be read or parsed is passed over: one bad file must not take the trust in all others away.
 */
#include "net/ca_store.h"

#include "base/encode.h"
#include "base/file.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <unistd.h>

#define CA_FILE_MAX_BYTES (16u << 20)

static const char *const bundle_paths[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static const char folder_paths[] = "/etc/ssl/certs:/etc/pki/tls/certs";

struct ca_sources ca_sources_read(const char *extra_file)
{
    return (struct ca_sources){
        .cert_file = getenv("SSL_CERT_FILE"),
        .cert_dir = getenv("SSL_CERT_DIR"),
        .extra_file = extra_file,
    };
}

/* A store that is being filled, and the sums of what it holds: bundle and folder repeat each other,
 * and parsing a certificate costs a hundred times as much as hashing it. */
struct filling {
    X509_STORE *store;
    size_t count;
    struct buf seen; /* SHA-256 sums, one behind the other */
};

static bool is_set(const char *s)
{
    return s && *s;
}

/* True when the same bytes came before. */
static bool is_seen(struct filling *f, struct slice der)
{
    uint8_t sum[SHA256_BYTES];
    sha256(der, sum);
    for (size_t i = 0; i < f->seen.n; i += SHA256_BYTES)
        if (memcmp(f->seen.p + i, sum, SHA256_BYTES) == 0)
            return true;
    buf_add(&f->seen, slice_make((const char *)sum, SHA256_BYTES));
    return false;
}

static void add_der(struct filling *f, const unsigned char *der, long n)
{
    if (is_seen(f, slice_make((const char *)der, (size_t)n)))
        return;
    X509 *cert = d2i_X509(NULL, &der, n);
    if (cert && X509_STORE_add_cert(f->store, cert) == 1)
        f->count++;
    X509_free(cert);
}

/* Adds every certificate of a PEM text; other blocks are passed over. */
static void add_pem(struct filling *f, struct slice pem)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    char *name, *header;
    unsigned char *data;
    long n;
    while (bio && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
        if (strcmp(name, PEM_STRING_X509) == 0)
            add_der(f, data, n);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    BIO_free(bio);
    ERR_clear_error();
}

/* Returns false when the file cannot be read. */
static bool add_file(struct filling *f, const char *path)
{
    struct arena a = ARENA_INIT;
    struct slice pem;
    bool is_read = file_read(&a, path, CA_FILE_MAX_BYTES, &pem) == NULL;
    if (is_read)
        add_pem(f, pem);
    arena_release(&a);
    return is_read;
}

/* A symbolic link to a name in its own folder only repeats a file that is read anyway. */
static bool is_link_within_folder(const char *path, const struct dirent *e)
{
    char target[4096];
    if (e->d_type != DT_LNK)
        return false;
    ssize_t n = readlink(path, target, sizeof(target));
    return n > 0 && !memchr(target, '/', (size_t)n);
}

static void add_folder(struct filling *f, struct slice folder)
{
    char path[4096];
    struct dirent *e;
    snprintf(path, sizeof(path), "%.*s", SLICE_ARG(folder));
    DIR *dir = opendir(path);
    while (dir && (e = readdir(dir))) {
        int n = snprintf(path, sizeof(path), "%.*s/%s", SLICE_ARG(folder), e->d_name);
        bool is_regular = e->d_type == DT_REG || e->d_type == DT_LNK || e->d_type == DT_UNKNOWN;
        if (is_regular && n < (int)sizeof(path) && !is_link_within_folder(path, e))
            add_file(f, path);
    }
    if (dir)
        closedir(dir);
}

static void add_bundle(struct filling *f, const char *cert_file)
{
    if (is_set(cert_file)) {
        add_file(f, cert_file);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(bundle_paths); i++)
        if (add_file(f, bundle_paths[i]))
            return;
}

static struct error *add_extra(struct arena *a, struct filling *f, const char *path)
{
    add_file(f, path);
    if (f->count)
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG,
                     "the CA file %s cannot be read or has no certificate; it must be in PEM form "
                     "(-----BEGIN CERTIFICATE-----)",
                     path);
}

static struct error *fill(struct arena *a, struct filling *f, const struct ca_sources *src)
{
    if (is_set(src->extra_file))
        TRY(add_extra(a, f, src->extra_file));
    add_bundle(f, src->cert_file);
    struct slice folders = slice_of(is_set(src->cert_dir) ? src->cert_dir : folder_paths);
    while (folders.p)
        add_folder(f, slice_cut(&folders, ':'));
    if (f->count == 0)
        return error_new(a, STATUS_TLS_CERT,
                         "no trusted certificate authority was found on this machine; install the "
                         "package ca-certificates, or set SSL_CERT_FILE to a PEM bundle");
    return NULL;
}

static X509_STORE *store_new(void)
{
    X509_STORE *store = X509_STORE_new();
    if (!store)
        BUG("out of memory");
    /* As in go, any trusted certificate ends a chain, self-signed or not. */
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    return store;
}

struct error *ca_store_load(struct arena *a, const struct ca_sources *src, X509_STORE **out)
{
    struct filling f = {.store = store_new()};
    struct error *err = fill(a, &f, src);
    buf_release(&f.seen);
    if (err)
        X509_STORE_free(f.store);
    else
        *out = f.store;
    return err;
}

static struct slice pem_of(struct arena *a, X509_STORE *store)
{
    char *text;
    BIO *out = BIO_new(BIO_s_mem());
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (cert && !PEM_write_bio_X509(out, cert))
            BUG("out of memory");
    }
    long n = BIO_get_mem_data(out, &text);
    struct slice pem = arena_dup(a, slice_make(text, (size_t)n));
    BIO_free(out);
    return pem;
}

struct error *ca_store_pem(struct arena *a, const struct ca_sources *src, struct slice *out)
{
    X509_STORE *store;
    TRY(ca_store_load(a, src, &store));
    *out = pem_of(a, store);
    X509_STORE_free(store);
    return NULL;
}

struct error *ca_file_check(struct arena *a, const char *path)
{
    struct filling f = {.store = store_new()};
    struct error *err = add_extra(a, &f, path);
    buf_release(&f.seen);
    X509_STORE_free(f.store);
    return err;
}
