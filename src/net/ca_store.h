/*
 * The certificate authorities that are trusted, gathered as the go command does on Linux (source of
 * the rules: crypto/x509/root_unix.go, root_linux.go): the first bundle of a list of well-known
 * places that can be read, or SSL_CERT_FILE in their stead; and every file of two well-known
 * folders, or of those that SSL_CERT_DIR names, separated by colons.
 */
#ifndef MODGATE_NET_CA_STORE_H
#define MODGATE_NET_CA_STORE_H

#include "base/base.h"

#include <openssl/x509.h>

struct ca_sources {
    const char *cert_file;  /* SSL_CERT_FILE; NULL or "" = the well-known bundles */
    const char *cert_dir;   /* SSL_CERT_DIR; NULL or "" = the well-known folders */
    const char *extra_file; /* trusted besides; NULL or "" = none */
};

/* The two variables of the environment, and the extra file. [any] */
struct ca_sources ca_sources_read(const char *extra_file);
/*
 * A new store; the caller frees it with X509_STORE_free(). BAD_CONFIG when the extra file gives no
 * certificate, TLS_CERT when nothing at all does. Blocks on files. [worker]
 */
struct error *ca_store_load(struct arena *a, const struct ca_sources *src,
                            X509_STORE **out) MUST_CHECK;
/* The same certificates as one PEM bundle, in the arena, for programs that want a file. [worker] */
struct error *ca_store_pem(struct arena *a, const struct ca_sources *src,
                           struct slice *out) MUST_CHECK;
/* BAD_CONFIG when the file cannot be read or has no certificate in PEM form. [any] */
struct error *ca_file_check(struct arena *a, const char *path) MUST_CHECK;

#endif
