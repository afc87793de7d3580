/*
 * Listening sockets: one per address and loop (SO_REUSEPORT), so that the kernel spreads
 * connections and no loop wakes another. Options that every connection needs are set on the
 * listening socket: accepted ones inherit them.
 */
#include "http/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_A_TURN = 64, PAUSE_MS = 100 };

static struct error *split_address(struct arena *a, const char *address, char **host, char **port)
{
    struct slice s = slice_of(address);
    ptrdiff_t colon = slice_rfind(s, ':');
    if (colon < 0)
        return error_new(a, STATUS_BAD_CONFIG, "listen address '%s' has no port", address);
    struct slice h = slice_head(s, (size_t)colon);
    if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = slice_make(h.p + 1, h.n - 2);
    *host = h.n ? arena_cstr(a, h) : NULL;
    *port = arena_cstr(a, slice_skip(s, (size_t)colon + 1));
    return NULL;
}

static struct error *resolve(struct arena *a, const char *address, struct addrinfo **out)
{
    char *host, *port;
    TRY(split_address(a, address, &host, &port));
    struct addrinfo hints = {.ai_family = host ? AF_UNSPEC : AF_INET6,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int rc = getaddrinfo(host, port, &hints, out);
    if (rc != 0)
        return error_new(a, STATUS_BAD_CONFIG, "listen address '%s': %s", address,
                         gai_strerror(rc));
    return NULL;
}

static void set_int(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value)); /* each one is only a help */
}

static struct error *bind_one(struct arena *a, const char *address, const struct addrinfo *ai,
                              bool is_shared, int *out)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(a, errno, "a socket for '%s'", address);
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (is_shared)
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (ai->ai_family == AF_INET6)
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || (is_shared && listen(fd, BACKLOG) != 0)) {
        struct error *err = error_errno(a, errno, "listening on '%s'", address);
        close(fd);
        return err;
    }
    *out = fd;
    return NULL;
}

static unsigned bound_port(int fd)
{
    struct sockaddr_in6 addr = {0};
    socklen_t n = sizeof(addr);
    if (getsockname(fd, (struct sockaddr *)&addr, &n) != 0)
        return 0;
    return ntohs(addr.sin6_port);
}

/* Another process on the port is an error: SO_REUSEPORT alone would share the port with it. */
static struct error *check_free(struct arena *a, const char *address, const struct addrinfo *ai)
{
    int fd;
    TRY(bind_one(a, address, ai, false, &fd));
    close(fd);
    return NULL;
}

static struct error *bind_all(struct arena *a, struct listener *l, struct addrinfo *ai,
                              unsigned loops)
{
    TRY(check_free(a, l->address, ai));
    for (unsigned i = 0; i < loops; i++) {
        TRY(bind_one(a, l->address, ai, true, &l->fds[i]));
        l->port = bound_port(l->fds[i]);
        ((struct sockaddr_in6 *)(void *)ai->ai_addr)->sin6_port = htons((uint16_t)l->port);
    }
    return NULL;
}

struct error *listener_open(struct arena *a, struct listener *l, const char *address,
                            unsigned loops)
{
    struct addrinfo *found;
    TRY(resolve(a, address, &found));
    l->address = xstrdup(address);
    l->fds = xcalloc(loops, sizeof(*l->fds));
    for (unsigned i = 0; i < loops; i++)
        l->fds[i] = -1;
    struct error *err = bind_all(a, l, found, loops);
    if (err && found->ai_family == AF_INET6 && address[0] == ':') { /* a host without IPv6 */
        struct sockaddr_in any = {.sin_family = AF_INET,
                                  .sin_port =
                                      ((struct sockaddr_in6 *)(void *)found->ai_addr)->sin6_port};
        struct sockaddr_in6 room = {0};
        memcpy(&room, &any, sizeof(any));
        struct addrinfo ai = {
            .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&room, .ai_addrlen = sizeof(any)};
        err = errno == EAFNOSUPPORT ? bind_all(a, l, &ai, loops) : err;
    }
    freeaddrinfo(found);
    return err;
}

void listener_release(struct listener *l, unsigned loops)
{
    for (unsigned i = 0; l->fds && i < loops; i++)
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    free(l->fds);
    free(l->address);
    tls_files_free(l->tls);
}

static void take(struct accepter *acc, int fd, const struct sockaddr_in6 *peer)
{
    struct http_loop *home = acc->home;
    struct http_server *s = home->server;
    if (atomic_fetch_add(&s->open_connections, 1) >= s->options.max_connections) {
        atomic_fetch_sub(&s->open_connections, 1);
        counter_add(&home->counters.refused_total, 1);
        close(fd);
        return;
    }
    conn_new(home, fd, acc->listener->tls, peer);
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct accepter *acc)
{
    struct sockaddr_in6 peer = {0};
    socklen_t n = sizeof(peer);
    int fd = accept4(acc->watch.fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        take(acc, fd, &peer);
        return true;
    }
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)
        return true;       /* that one is gone already */
    if (errno != EAGAIN) { /* out of descriptors or memory */
        loop_rewatch(acc->home->loop, &acc->watch, 0);
        loop_timer_set(acc->home->loop, &acc->pause, loop_now_ms(acc->home->loop) + PAUSE_MS);
    }
    return false;
}

static void on_acceptable(struct loop_fd *self, uint32_t events)
{
    struct accepter *acc = (struct accepter *)(void *)self; /* its first member */
    for (int i = 0; i < ACCEPTS_A_TURN && accept_one(acc); i++)
        continue;
}

static void on_pause_over(struct loop_timer *self)
{
    struct accepter *acc =
        (struct accepter *)(void *)((char *)self - offsetof(struct accepter, pause));
    loop_rewatch(acc->home->loop, &acc->watch, EPOLLIN);
}

struct error *accepter_open(struct arena *a, struct accepter *acc, struct http_loop *home,
                            struct listener *l)
{
    *acc = (struct accepter){.watch = {.fd = l->fds[home->index], .on_event = on_acceptable},
                             .pause = {.on_time = on_pause_over},
                             .home = home,
                             .listener = l};
    return loop_watch(a, home->loop, &acc->watch, EPOLLIN);
}

void accepter_take_queued(struct accepter *acc)
{
    while (acc->watch.fd >= 0 && accept_one(acc))
        continue;
}

void accepter_close(struct accepter *acc)
{
    if (acc->watch.fd < 0)
        return;
    loop_timer_clear(acc->home->loop, &acc->pause);
    loop_unwatch(acc->home->loop, &acc->watch);
    close(acc->watch.fd);
    acc->listener->fds[acc->home->index] = -1;
    acc->watch.fd = -1;
}
