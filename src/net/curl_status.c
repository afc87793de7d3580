#include "net/curl_status.h"

#define ADVICE_DNS "check the name and this machine's resolver, or set HTTPS_PROXY"
#define ADVICE_CONNECT                                                                             \
    "check that it is up and that a firewall lets this machine through, or set HTTPS_PROXY"
#define ADVICE_CERT                                                                                \
    "if a company CA issued the certificate, add that CA with SSL_CERT_FILE or the CA file "       \
    "setting"

static const struct curl_status rows[] = {
    {CURLE_COULDNT_RESOLVE_HOST, STATUS_DNS, "its name cannot be resolved", ADVICE_DNS},
    {CURLE_COULDNT_RESOLVE_PROXY, STATUS_DNS, "the proxy's name cannot be resolved",
     "check HTTPS_PROXY and HTTP_PROXY"},
    {CURLE_COULDNT_CONNECT, STATUS_CONNECT, "no connection", ADVICE_CONNECT},
    {CURLE_PROXY, STATUS_CONNECT, "the proxy failed", "check HTTPS_PROXY and HTTP_PROXY"},
    {CURLE_INTERFACE_FAILED, STATUS_CONNECT, "no connection", ADVICE_CONNECT},
    {CURLE_SSL_CONNECT_ERROR, STATUS_TLS, "the TLS handshake failed", NULL},
    {CURLE_SSL_CIPHER, STATUS_TLS, "no TLS cipher in common", NULL},
    {CURLE_SSL_ENGINE_INITFAILED, STATUS_TLS, "TLS failed", NULL},
    {CURLE_SSL_CERTPROBLEM, STATUS_TLS, "TLS failed", NULL},
    {CURLE_PEER_FAILED_VERIFICATION, STATUS_TLS_CERT, "its certificate is not trusted",
     ADVICE_CERT},
    {CURLE_SSL_ISSUER_ERROR, STATUS_TLS_CERT, "its certificate is not trusted", ADVICE_CERT},
    {CURLE_SSL_CACERT_BADFILE, STATUS_TLS_CERT, "the trusted certificates cannot be read",
     ADVICE_CERT},
    {CURLE_OPERATION_TIMEDOUT, STATUS_TIMEOUT, "no connection in time", ADVICE_CONNECT},
    {CURLE_PARTIAL_FILE, STATUS_BROKEN, "the body ended early", NULL},
    {CURLE_GOT_NOTHING, STATUS_BROKEN, "the connection was closed without an answer", NULL},
    {CURLE_RECV_ERROR, STATUS_BROKEN, "the connection broke off", NULL},
    {CURLE_SEND_ERROR, STATUS_BROKEN, "the connection broke off", NULL},
    {CURLE_SEND_FAIL_REWIND, STATUS_BROKEN, "the connection broke off", NULL},
    {CURLE_AGAIN, STATUS_BROKEN, "the connection broke off", NULL},
    {CURLE_HTTP2, STATUS_BROKEN, "the HTTP/2 connection broke off", NULL},
    {CURLE_HTTP2_STREAM, STATUS_BROKEN, "the HTTP/2 stream broke off", NULL},
    {CURLE_SSL_SHUTDOWN_FAILED, STATUS_BROKEN, "the connection broke off", NULL},
    {CURLE_WEIRD_SERVER_REPLY, STATUS_BAD_ANSWER, "what it answered is not HTTP", NULL},
    {CURLE_UNSUPPORTED_PROTOCOL, STATUS_BAD_ANSWER, "what it answered is not HTTP", NULL},
    {CURLE_BAD_CONTENT_ENCODING, STATUS_BAD_ANSWER, "its body cannot be unpacked", NULL},
    {CURLE_HTTP_RETURNED_ERROR, STATUS_BAD_ANSWER, "it answered with an error", NULL},
    {CURLE_TOO_MANY_REDIRECTS, STATUS_BAD_ANSWER, "too many redirects", NULL},
    {CURLE_FILESIZE_EXCEEDED, STATUS_TOO_LARGE, "the body is too large", NULL},
    {CURLE_URL_MALFORMAT, STATUS_BAD_REQUEST, "the URL is malformed", NULL},
};

static const struct curl_status other = {CURLE_OK, STATUS_INTERNAL, "the transfer failed", NULL};

const struct curl_status *curl_status_of(CURLcode code)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].code == code)
            return &rows[i];
    return &other;
}
