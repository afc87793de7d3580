/* NO_PROXY and proxy URLs: three lines, the list, a proxy, and a URL. */
#include "net/proxy_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice rest = slice_make((const char *)data, size);
    struct proxy_env env = {
        .no_proxy = arena_cstr(&a, slice_cut(&rest, '\n')),
        .https_proxy = arena_cstr(&a, slice_cut(&rest, '\n')),
    };
    struct url u;
    struct proxy p;
    env.http_proxy = env.https_proxy;
    if (url_parse(&a, rest.p ? rest : S(""), &u) || proxy_find(&a, &env, &u, &p)) {
        arena_release(&a);
        return 0;
    }
    bool is_bypassed = proxy_is_bypassed(slice_of(env.no_proxy), u.host, u.port);
    if (is_bypassed && p.url.n)
        BUG("a proxy for a host that is not to be proxied");
    if (slice_eq(u.host, S("localhost")) && p.url.n)
        BUG("a proxy for localhost");
    struct url again;
    if (p.url.n && url_parse(&a, p.url, &again))
        BUG("'%s' is no URL", p.url.p);
    arena_release(&a);
    return 0;
}
