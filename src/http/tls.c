/*
 * TLS for servers: contexts out of certificate and key files, reload, handshakes.
 *
 * A listener's files have one context at a time. A reload makes a new one and swaps it under a
 * lock; connections hold their own reference to the one they began with. All contexts of a server
 * share the ticket keys, so that sessions outlive a reload.
 */
#include "base/encode.h"
#include "base/file.h"
#include "http/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_CA_MAX_BYTES = 4 * 1024 * 1024 };

struct tls_files {
    char *cert;
    char *key;
    char *client_ca;         /* NULL: none is asked for */
    struct tickets *tickets; /* the server's */
    bool has_kernel_tls;
    BIO_METHOD *bio_method;
    pthread_mutex_t lock; /* of ctx */
    SSL_CTX *ctx;
};

static struct error *tls_error(struct arena *a, const char *what, const char *file)
{
    char text[256] = "unknown reason";
    unsigned long code = ERR_peek_error();
    if (code)
        ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return error_new(a, STATUS_BAD_CONFIG, "%s %s: %s", what, file, text);
}

/* h2 before http/1.1, whatever the client's order; without a common one the handshake goes on. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                           const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/*
 * Whether the kernel does TLS. Asked once: where it does not, each further try would make the
 * kernel look for a module.
 */
static bool has_kernel_tls(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool has = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0 || errno == ENOTCONN;
    close(fd);
    return has;
}

static void set_up(SSL_CTX *ctx, const struct tls_files *t)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (t->has_kernel_tls)
        SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
    /* NO_AUTO_CHAIN: the file holds the chain; looking for one would cost half of each handshake.
     */
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets carry all state */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"modgate", 7);
    SSL_CTX_set_num_tickets(ctx, 1);
    tickets_attach(t->tickets, ctx);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
}

/*
 * A ticket carries the certificate that was verified when the session began. It must not outlive
 * the authorities that it was verified against, so sessions are tied to the content of the file.
 */
static struct error *tie_sessions(struct arena *a, SSL_CTX *ctx, const char *file)
{
    struct slice pem;
    uint8_t sum[SHA256_BYTES];
    TRY_CTX(a, file_read(a, file, CLIENT_CA_MAX_BYTES, &pem), "loading the client authorities");
    sha256(pem, sum);
    SSL_CTX_set_session_id_context(ctx, sum, sizeof(sum));
    return NULL;
}

static struct error *ask_for_certificates(struct arena *a, SSL_CTX *ctx, const char *file)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
    if (!names || SSL_CTX_load_verify_file(ctx, file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_error(a, "loading the client authorities", file);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return tie_sessions(a, ctx, file);
}

static struct error *load(struct arena *a, const struct tls_files *t, SSL_CTX **out)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return tls_error(a, "making a TLS context for", t->cert);
    set_up(ctx, t);
    struct error *err = NULL;
    if (SSL_CTX_use_certificate_chain_file(ctx, t->cert) != 1)
        err = tls_error(a, "loading the certificate", t->cert);
    else if (SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1)
        err = tls_error(a, "loading the private key", t->key);
    else if (SSL_CTX_check_private_key(ctx) != 1)
        err = tls_error(a, "the private key does not fit the certificate:", t->key);
    else if (t->client_ca)
        err = ask_for_certificates(a, ctx, t->client_ca);
    if (err)
        SSL_CTX_free(ctx);
    else
        *out = ctx;
    return err;
}

/* Reads off the socket only when an event has said that there may be something. */
static int bio_read(BIO *b, char *p, int n)
{
    struct conn *c = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    ssize_t got = -1;
    errno = EAGAIN;
    while (c->has_socket_input) {
        got = recv(c->watch.fd, p, (size_t)n, 0);
        if (got >= 0 || errno != EINTR)
            break;
    }
    if (got < n && !c->has_peer_closed)
        c->has_socket_input = false;
    if (got < 0 && errno == EAGAIN)
        BIO_set_retry_read(b);
    return (int)got;
}

/* Records that are not the last of a turn wait in the kernel for the next: fewer, fuller packets.
 */
static int bio_write(BIO *b, const char *p, int n)
{
    struct conn *c = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    ssize_t sent;
    do {
        sent = send(c->watch.fd, p, (size_t)n, MSG_NOSIGNAL | (c->has_more_output ? MSG_MORE : 0));
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN)
        BIO_set_retry_write(b);
    return (int)sent;
}

static long bio_control(BIO *b, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    if (!m)
        BUG("out of memory");
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_control);
    return m;
}

struct error *tls_files_new(struct arena *a, const char *cert, const char *key,
                            const char *client_ca, struct tickets *tickets, struct tls_files **out)
{
    struct tls_files *t = xcalloc(1, sizeof(*t));
    t->cert = xstrdup(cert);
    t->key = xstrdup(key);
    t->client_ca = client_ca ? xstrdup(client_ca) : NULL;
    t->tickets = tickets;
    t->has_kernel_tls = has_kernel_tls();
    t->bio_method = make_bio_method();
    pthread_mutex_init(&t->lock, NULL);
    struct error *err = load(a, t, &t->ctx);
    if (err)
        tls_files_free(t);
    else
        *out = t;
    return err;
}

void tls_files_free(struct tls_files *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->bio_method);
    pthread_mutex_destroy(&t->lock);
    free(t->cert);
    free(t->key);
    free(t->client_ca);
    free(t);
}

struct error *tls_files_reload(struct arena *a, struct tls_files *t)
{
    SSL_CTX *fresh;
    TRY(load(a, t, &fresh));
    pthread_mutex_lock(&t->lock);
    SSL_CTX *old = t->ctx;
    t->ctx = fresh;
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old);
    return NULL;
}

/* Kernel TLS needs OpenSSL's own socket layer; else ours saves system calls. */
static bool attach(struct tls_files *t, struct conn *c)
{
    if (t->has_kernel_tls)
        return SSL_set_fd(c->ssl, c->watch.fd) == 1;
    BIO *bio = BIO_new(t->bio_method);
    if (!bio)
        return false;
    BIO_set_data(bio, c);
    BIO_set_init(bio, 1);
    SSL_set_bio(c->ssl, bio, bio);
    return true;
}

bool tls_accept(struct tls_files *t, struct conn *c)
{
    pthread_mutex_lock(&t->lock);
    c->ssl = SSL_new(t->ctx);
    pthread_mutex_unlock(&t->lock);
    if (!c->ssl || !attach(t, c)) {
        ERR_clear_error();
        SSL_free(c->ssl);
        c->ssl = NULL;
        return false;
    }
    SSL_set_accept_state(c->ssl);
    return true;
}

int tls_handshake(struct conn *c)
{
    int rc = SSL_do_handshake(c->ssl);
    if (rc == 1)
        return 1;
    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        c->is_readable = false;
        return 0;
    case SSL_ERROR_WANT_WRITE:
        conn_await_output(c);
        return 0;
    default:
        rc = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST ? TLS_GOT_CLEAR : TLS_FAILED;
        ERR_clear_error();
        return rc;
    }
}
