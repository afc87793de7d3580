#include "http/tickets.h"

#include "base/ctx.h"
#include "base/encode.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

void tickets_init(struct tickets *t)
{
    *t = (struct tickets){0};
    pthread_mutex_init(&t->lock, NULL);
}

void tickets_release(struct tickets *t)
{
    OPENSSL_cleanse(&t->newest, sizeof(t->newest));
    OPENSSL_cleanse(&t->before, sizeof(t->before));
    pthread_mutex_destroy(&t->lock);
}

static bool is_usable(const struct ticket_key *k, int64_t now_s, int64_t for_s)
{
    return k->made_s && now_s - k->made_s < for_s;
}

static void make_key(struct ticket_key *k, int64_t now_s)
{
    random_bytes(k->name, sizeof(k->name));
    random_bytes(k->mac, sizeof(k->mac));
    random_bytes(k->aes, sizeof(k->aes));
    k->made_s = now_s;
}

/* Called with the lock held. */
static void rotate(struct tickets *t, int64_t now_s)
{
    if (is_usable(&t->newest, now_s, TICKET_ROTATE_S))
        return;
    t->before = t->newest;
    make_key(&t->newest, now_s);
}

void tickets_seal_key(struct tickets *t, int64_t now_s, struct ticket_key *out)
{
    pthread_mutex_lock(&t->lock);
    rotate(t, now_s);
    *out = t->newest;
    pthread_mutex_unlock(&t->lock);
}

bool tickets_open_key(struct tickets *t, int64_t now_s, const unsigned char *name,
                      struct ticket_key *out, bool *is_newest)
{
    bool found = false;
    pthread_mutex_lock(&t->lock);
    rotate(t, now_s);
    *is_newest = memcmp(t->newest.name, name, TICKET_NAME_BYTES) == 0;
    if (*is_newest || memcmp(t->before.name, name, TICKET_NAME_BYTES) == 0) {
        *out = *is_newest ? t->newest : t->before;
        found = is_usable(out, now_s, 2 * TICKET_ROTATE_S);
    }
    pthread_mutex_unlock(&t->lock);
    return found;
}

static bool set_up_mac(EVP_MAC_CTX *mac, const struct ticket_key *k)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->mac,
                                          sizeof(k->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

enum { TICKET_ERROR = -1, TICKET_UNKNOWN = 0, TICKET_GOOD = 1, TICKET_RENEW = 2 };

static int seal(struct tickets *t, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                EVP_MAC_CTX *mac)
{
    struct ticket_key k;
    tickets_seal_key(t, now_ms() / 1000 + 1, &k);
    memcpy(name, k.name, sizeof(k.name));
    bool ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
              EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.aes, iv) == 1 &&
              set_up_mac(mac, &k);
    OPENSSL_cleanse(&k, sizeof(k));
    return ok ? TICKET_GOOD : TICKET_ERROR;
}

static int open_ticket(struct tickets *t, const unsigned char *name, const unsigned char *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key k;
    bool is_newest;
    if (!tickets_open_key(t, now_ms() / 1000 + 1, name, &k, &is_newest))
        return TICKET_UNKNOWN;
    bool ok =
        EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.aes, iv) == 1 && set_up_mac(mac, &k);
    OPENSSL_cleanse(&k, sizeof(k));
    return !ok ? TICKET_ERROR : is_newest ? TICKET_GOOD : TICKET_RENEW;
}

static int use_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int seals)
{
    struct tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return seals ? seal(t, name, iv, cipher, mac) : open_ticket(t, name, iv, cipher, mac);
}

void tickets_attach(struct tickets *t, SSL_CTX *ctx)
{
    SSL_CTX_set_app_data(ctx, t);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, use_key);
}
