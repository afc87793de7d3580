#include "../test.h"

#include "base/file.h"
#include "net/ca_store.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/ca_store_XXXXXX";

static X509 *certificate(const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_sign(cert, key, EVP_sha256());
    EVP_PKEY_free(key);
    return cert;
}

static const char *path_of(struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", dir, name).p;
}

static void write_text(struct arena *a, const char *name, struct slice text)
{
    assert_ok(file_write_durable(a, path_of(a, name), text));
}

static struct slice pem_of(struct arena *a, X509 *cert)
{
    char *p;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, cert);
    long n = BIO_get_mem_data(bio, &p);
    struct slice pem = arena_dup(a, slice_make(p, (size_t)n));
    BIO_free(bio);
    return pem;
}

static int count(X509_STORE *store)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

static int load(struct arena *a, struct ca_sources src)
{
    X509_STORE *store;
    assert_ok(ca_store_load(a, &src, &store));
    int n = count(store);
    X509_STORE_free(store);
    return n;
}

static void test_file_and_folders(void **state)
{
    struct arena a = ARENA_INIT;
    X509 *one = certificate("one"), *two = certificate("two"), *three = certificate("three");
    struct slice pem1 = pem_of(&a, one), pem2 = pem_of(&a, two), pem3 = pem_of(&a, three);
    assert_ok(dir_make(&a, path_of(&a, "d1")));
    assert_ok(dir_make(&a, path_of(&a, "d2")));
    write_text(&a, "bundle.pem",
               arena_printf(&a, "# text\n%.*s%.*s", SLICE_ARG(pem1), SLICE_ARG(pem2)));
    write_text(&a, "d1/again.pem", pem1);
    write_text(&a, "d2/any-name", pem3);
    write_text(&a, "d2/not-a-certificate", S("-----BEGIN X-----\nAAAA\n-----END X-----\n"));
    assert_int_equal(symlink("any-name", path_of(&a, "d2/link")), 0);
    struct ca_sources src = {.cert_file = path_of(&a, "bundle.pem"), .cert_dir = path_of(&a, "d1")};
    assert_int_equal(load(&a, src), 2);
    src.cert_dir = arena_printf(&a, "%s/absent:%s/d1:%s/d2", dir, dir, dir).p;
    assert_int_equal(load(&a, src), 3);
    src.cert_file = path_of(&a, "absent.pem");
    assert_int_equal(load(&a, src), 2);
    src.extra_file = path_of(&a, "bundle.pem");
    assert_int_equal(load(&a, src), 3);
    X509_free(one);
    X509_free(two);
    X509_free(three);
    arena_release(&a);
}

/* One bundle of the extra file and the system's, each certificate once, which can be read again. */
static void test_one_bundle_of_all(void **state)
{
    struct arena a = ARENA_INIT;
    struct slice bundle;
    struct ca_sources src = {.cert_file = path_of(&a, "bundle.pem"),
                             .cert_dir = path_of(&a, "d1"),
                             .extra_file = path_of(&a, "d2/any-name")};
    assert_ok(ca_store_pem(&a, &src, &bundle));
    size_t count = 0;
    for (struct slice rest = bundle; rest.p;) {
        struct slice line = slice_cut_line(&rest);
        count += slice_eq(line, S("-----BEGIN CERTIFICATE-----"));
    }
    assert_int_equal(count, 3);
    write_text(&a, "all.pem", bundle);
    assert_ok(ca_file_check(&a, path_of(&a, "all.pem")));
    src.extra_file = path_of(&a, "absent.pem");
    assert_status(ca_store_pem(&a, &src, &bundle), STATUS_BAD_CONFIG);
    arena_release(&a);
}

static void test_nothing_trusted(void **state)
{
    struct arena a = ARENA_INIT;
    X509_STORE *store;
    struct ca_sources src = {.cert_file = "/nowhere", .cert_dir = "/nowhere"};
    assert_status(ca_store_load(&a, &src, &store), STATUS_TLS_CERT);
    arena_release(&a);
}

static void test_extra_file_must_be_good(void **state)
{
    struct arena a = ARENA_INIT;
    X509_STORE *store;
    write_text(&a, "empty.pem", S("no certificate here\n"));
    struct ca_sources src = {.extra_file = path_of(&a, "empty.pem")};
    assert_status(ca_store_load(&a, &src, &store), STATUS_BAD_CONFIG);
    assert_status(ca_file_check(&a, "/nowhere"), STATUS_BAD_CONFIG);
    assert_ok(ca_file_check(&a, path_of(&a, "bundle.pem")));
    arena_release(&a);
}

static int make_dir(void **state)
{
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    struct arena a = ARENA_INIT;
    struct error *err = dir_remove(&a, dir);
    arena_release(&a);
    return err ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_and_folders),
        cmocka_unit_test(test_one_bundle_of_all),
        cmocka_unit_test(test_nothing_trusted),
        cmocka_unit_test(test_extra_file_must_be_good),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
