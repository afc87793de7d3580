/* Certificates for tests, signed by themselves. */
#ifndef MODGATE_TESTS_UNIT_ACCESS_CERT_H
#define MODGATE_TESTS_UNIT_ACCESS_CERT_H

#include "../test.h"

#include <openssl/x509v3.h>

/* cn may have any bytes; alternatives as openssl.cnf writes them; NULL: none. */
static X509 *make_certificate(struct slice cn, const char *alternatives, long seconds_left)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), -1000000);
    X509_gmtime_adj(X509_getm_notAfter(cert), seconds_left);
    X509_set_pubkey(cert, key);
    if (cn.n)
        X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                   (const unsigned char *)cn.p, (int)cn.n, -1, 0);
    if (alternatives) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternatives);
        assert_non_null(ext);
        X509_add_ext(cert, ext, -1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    EVP_PKEY_free(key);
    return cert;
}

#endif
