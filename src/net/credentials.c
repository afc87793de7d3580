#include "net/credentials.h"

#include "base/encode.h"
#include "base/file.h"

#include "net/netrc.h"

#define NETRC_MAX_BYTES (1u << 20)

const char *credentials_basic(struct arena *a, struct slice user, struct slice password)
{
    struct slice pair = arena_printf(a, "%.*s:%.*s", SLICE_ARG(user), SLICE_ARG(password));
    struct slice coded = base64_encode(a, (const uint8_t *)pair.p, pair.n);
    return arena_printf(a, "Basic %.*s", SLICE_ARG(coded)).p;
}

static bool has_control_byte(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

static struct error *from_option(struct arena *a, const struct credential_option *c,
                                 struct credential *out)
{
    if (!c->place || !*c->place || !c->secret || has_control_byte(slice_of(c->secret)))
        return error_new(
            a, STATUS_BAD_CONFIG,
            "credentials for '%s': host and secret must be set, and the secret must be "
            "one line",
            c->place ? c->place : "");
    out->place = arena_dup(a, slice_of(c->place));
    out->header = c->user ? credentials_basic(a, slice_of(c->user), slice_of(c->secret))
                          : arena_printf(a, "Bearer %s", c->secret).p;
    out->is_https_only = c->is_https_only;
    out->is_configured = true;
    return NULL;
}

static struct slice default_netrc_path(struct arena *a)
{
    const char *path = getenv("NETRC");
    const char *home = getenv("HOME");
    if (path && *path)
        return slice_of(path);
    return home && *home ? arena_printf(a, "%s/.netrc", home) : S("");
}

static struct error *read_netrc(struct arena *a, const char *named, struct netrc_line **lines,
                                size_t *count)
{
    struct slice text = S("");
    bool is_named = named && *named;
    struct slice path = is_named ? slice_of(named) : default_netrc_path(a);
    struct error *err = path.n ? file_read(a, path.p, NETRC_MAX_BYTES, &text) : NULL;
    if (err && is_named)
        return error_as(a, STATUS_BAD_CONFIG, err, "the netrc file that is set");
    *count = 0;
    if (!err)
        netrc_parse(a, text, lines, count);
    return NULL;
}

static struct slice trim_place(struct slice place)
{
    if (slice_starts(place, S("https://")))
        place = slice_skip(place, strlen("https://"));
    return slice_ends(place, S("/")) ? slice_head(place, place.n - 1) : place;
}

struct error *credentials_load(struct arena *a, const struct credentials_options *o,
                               struct credentials *out)
{
    struct netrc_line *lines = NULL;
    size_t n;
    TRY(read_netrc(a, o->netrc_file, &lines, &n));
    out->rows = ARENA_ARRAY(a, struct credential, o->count + n);
    out->count = 0;
    for (size_t i = 0; i < o->count; i++)
        TRY(from_option(a, &o->list[i], &out->rows[out->count++]));
    for (size_t i = 0; i < n; i++)
        out->rows[out->count++] = (struct credential){
            .place = trim_place(lines[i].machine),
            .header = credentials_basic(a, lines[i].login, lines[i].password),
            .is_https_only = true,
        };
    return NULL;
}

/* Takes host, in either case, off the front of the place. */
static bool skip_host(struct slice *place, struct slice host)
{
    if (!slice_eq_nocase(slice_head(*place, host.n), host))
        return false;
    *place = slice_skip(*place, host.n);
    return true;
}

static bool is_default_port(const struct url *u)
{
    return slice_eq(u->port, slice_eq(u->scheme, S("https")) ? S("443") : S("80"));
}

/* Whether the URL lies at or below the place. */
static bool covers(struct slice place, const struct url *u)
{
    if (!skip_host(&place, u->host))
        return false;
    if (place.n && place.p[0] == ':') {
        place = slice_skip(place, 1);
        if (!slice_starts(place, u->port))
            return false;
        place = slice_skip(place, u->port.n);
    } else if (!is_default_port(u)) {
        return false;
    }
    if (!place.n)
        return true;
    struct slice rest = slice_skip(u->path, place.n);
    return place.p[0] == '/' && slice_starts(u->path, place) &&
           (!rest.n || rest.p[0] == '/' || rest.p[0] == '?');
}

const char *credentials_find(const struct credentials *c, const struct url *u)
{
    const struct credential *best = NULL;
    bool is_https = slice_eq(u->scheme, S("https"));
    for (size_t i = 0; i < c->count; i++) {
        const struct credential *row = &c->rows[i];
        if ((row->is_https_only && !is_https) || !covers(row->place, u))
            continue;
        bool is_better =
            !best || (best->is_configured == row->is_configured && row->place.n > best->place.n);
        if (is_better)
            best = row;
    }
    return best ? best->header : NULL;
}
