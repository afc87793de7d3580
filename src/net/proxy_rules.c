/*
 * NO_PROXY is a comma-separated list; an entry is "*", an address with or without a port, an
 * address range (CIDR), or a domain with or without a port. "example.com" stands for the name and
 * everything below it, ".example.com" and "*.example.com" only for what is below. Entries that make
 * no sense are passed over. Addresses are compared as 16 bytes, IPv4 mapped into IPv6, so the two
 * spellings of one address are equal; a range keeps the family it was written in.
 */
#include "net/proxy_rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>

static const char *env_any(const char *upper, const char *lower)
{
    const char *value = getenv(upper);
    return value && *value ? value : getenv(lower);
}

struct proxy_env proxy_env_read(void)
{
    const char *method = getenv("REQUEST_METHOD");
    return (struct proxy_env){
        .http_proxy = env_any("HTTP_PROXY", "http_proxy"),
        .https_proxy = env_any("HTTPS_PROXY", "https_proxy"),
        .no_proxy = env_any("NO_PROXY", "no_proxy"),
        .is_cgi = method && *method,
    };
}

struct address {
    uint8_t bytes[16];
};

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool address_is_v4(const struct address *a)
{
    return memcmp(a->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

/* Strict: no zone, no leading zeros, no brackets. */
static bool address_parse(struct slice s, struct address *out)
{
    char text[64];
    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    memcpy(out->bytes, v4_prefix, sizeof(v4_prefix));
    return inet_pton(AF_INET, text, out->bytes + 12) == 1 ||
           inet_pton(AF_INET6, text, out->bytes) == 1;
}

static bool address_is_loopback(const struct address *a)
{
    static const uint8_t v6_loopback[16] = {[15] = 1};
    return address_is_v4(a) ? a->bytes[12] == 127 : memcmp(a->bytes, v6_loopback, 16) == 0;
}

static bool prefix_eq(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

/* False when the entry is no range. */
static bool range_parse(struct slice entry, struct address *net, unsigned *bits)
{
    uint64_t n;
    struct slice rest = entry;
    struct slice text = slice_cut(&rest, '/');
    if (!rest.p || !slice_parse_u64(rest, &n) || !address_parse(text, net))
        return false;
    bool is_v4_text = slice_find(text, ':') < 0;
    if (n > (is_v4_text ? 32 : 128))
        return false;
    *bits = (unsigned)n + (is_v4_text ? 96 : 0);
    return true;
}

static bool range_contains(const struct address *net, unsigned bits, const struct address *ip)
{
    bool is_v4_range = address_is_v4(net) && bits >= 96;
    return is_v4_range == address_is_v4(ip) && prefix_eq(net->bytes, ip->bytes, bits);
}

/*
 * Cuts "host:port" or "[v6]:port" in two; false when there is no port or the colons make no sense
 * (then the entry is a host as it stands).
 */
static bool split_host_port(struct slice s, struct slice *host, struct slice *port)
{
    ptrdiff_t colon = slice_rfind(s, ':');
    if (colon < 0)
        return false;
    *host = slice_head(s, (size_t)colon);
    *port = slice_skip(s, (size_t)colon + 1);
    bool is_bracketed = host->n >= 2 && host->p[0] == '[' && host->p[host->n - 1] == ']';
    if (is_bracketed)
        *host = slice_make(host->p + 1, host->n - 2);
    else if (slice_find(*host, ':') >= 0)
        return false;
    return slice_find(*host, '[') < 0 && slice_find(*host, ']') < 0 && slice_find(*port, '[') < 0 &&
           slice_find(*port, ']') < 0;
}

static bool ends_nocase(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_eq_nocase(slice_skip(s, s.n - suffix.n), suffix);
}

/* The name equals the domain (unless only what is below counts) or ends in a dot and the domain. */
static bool domain_matches(struct slice domain, struct slice name)
{
    if (slice_starts(domain, S("*.")))
        domain = slice_skip(domain, 1);
    if (domain.p[0] == '.')
        return ends_nocase(name, domain);
    return slice_eq_nocase(name, domain) ||
           (name.n > domain.n && name.p[name.n - domain.n - 1] == '.' && ends_nocase(name, domain));
}

static bool entry_matches(struct slice entry, struct slice host, struct slice port,
                          const struct address *ip)
{
    struct address address;
    unsigned bits;
    struct slice entry_host = entry, entry_port = S("");
    if (range_parse(entry, &address, &bits))
        return ip && range_contains(&address, bits, ip);
    if (!split_host_port(entry, &entry_host, &entry_port)) {
        entry_host = entry;
        entry_port = S("");
    }
    if (entry_host.n == 0 || (entry_port.n && !slice_eq(entry_port, port)))
        return false;
    if (address_parse(entry_host, &address))
        return ip && memcmp(address.bytes, ip->bytes, 16) == 0;
    return !ip && domain_matches(entry_host, host);
}

/* The address that host is, if it is one; a zone is allowed and not looked at. */
static const struct address *address_of_host(struct slice host, struct address *out)
{
    ptrdiff_t zone = slice_find(host, '%');
    bool may_have_zone = zone > 0 && slice_find(host, ':') >= 0;
    return address_parse(may_have_zone ? slice_head(host, (size_t)zone) : host, out) ? out : NULL;
}

bool proxy_is_bypassed(struct slice no_proxy, struct slice host, struct slice port)
{
    struct address storage;
    const struct address *ip = address_of_host(host, &storage);
    if (slice_eq(host, S("localhost")) || (ip && address_is_loopback(ip)))
        return true;
    while (no_proxy.p) {
        struct slice entry = slice_trim(slice_cut(&no_proxy, ','));
        if (slice_eq(entry, S("*")))
            return true;
        if (entry.n && entry_matches(entry, host, port, ip))
            return true;
    }
    return false;
}

/* libcurl's name for the scheme: names are resolved by the SOCKS proxy, as in go. */
static struct slice curl_scheme(struct slice scheme)
{
    if (slice_eq(scheme, S("socks5")) || slice_eq(scheme, S("socks5h")))
        return S("socks5h");
    return slice_eq(scheme, S("https")) ? scheme : S("http");
}

static struct slice default_port(struct slice curl_scheme)
{
    if (slice_eq(curl_scheme, S("socks5h")))
        return S("1080");
    return slice_eq(curl_scheme, S("https")) ? S("443") : S("80");
}

static void proxy_parse(struct arena *a, struct slice text, struct proxy *out)
{
    struct url u;
    if (slice_find_slice(text, S("://")) < 0)
        text = arena_printf(a, "http://%.*s", SLICE_ARG(text));
    if (url_parse(a, text, &u))
        return;
    u.scheme = curl_scheme(u.scheme);
    if (!u.port.n)
        u.port = default_port(u.scheme);
    bool is_v6 = slice_find(u.host, ':') >= 0;
    out->url = arena_printf(a, "%.*s://%s%.*s%s:%.*s", SLICE_ARG(u.scheme), is_v6 ? "[" : "",
                            SLICE_ARG(u.host), is_v6 ? "]" : "", SLICE_ARG(u.port));
    out->user = u.user;
    out->password = u.password;
}

struct error *proxy_find(struct arena *a, const struct proxy_env *env, const struct url *u,
                         struct proxy *out)
{
    bool is_https = slice_eq(u->scheme, S("https"));
    struct slice text = slice_of(is_https ? env->https_proxy : env->http_proxy);
    *out = (struct proxy){0};
    if (!text.n || proxy_is_bypassed(slice_of(env->no_proxy), u->host, u->port))
        return NULL;
    if (!is_https && env->is_cgi)
        return error_new(a, STATUS_BAD_CONFIG,
                         "HTTP_PROXY is not used while REQUEST_METHOD is set (a web client could "
                         "have chosen it); unset one of the two");
    proxy_parse(a, text, out);
    return NULL;
}
