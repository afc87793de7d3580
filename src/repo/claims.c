/*
 * What a publisher says of a version besides its content. None of it can be proven here, so it only
 * has to be well-formed, and nothing in it may be what it must not be: a password in a URL, a time
 * that is yet to come, a text that does not end.
 */
#include "repo/publish.h"

#include "net/url.h"

#include <jansson.h>
#include <time.h>

enum { CLAIM_MAX_BYTES = 4096, TEXT_MAX_BYTES = 1024, CLOCK_SKEW_S = 300 };

static struct error *parse_time(struct arena *a, struct slice text, int64_t now, int64_t *out)
{
    struct tm tm = {0};
    const char *s = arena_cstr(a, text);
    const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
    *out = end ? (int64_t)timegm(&tm) : 0;
    if (!end || !slice_eq(time_rfc3339(a, *out), text))
        return error_new(a, STATUS_BAD_REQUEST,
                         "the time '%.*s' is not of the form 2006-01-02T15:04:05Z",
                         SLICE_ARG(slice_head(text, 64)));
    if (*out > now + CLOCK_SKEW_S)
        return error_new(a, STATUS_BAD_REQUEST, "the time %s is yet to come", s);
    return NULL;
}

static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    }
    return s.n <= TEXT_MAX_BYTES && slice_is_utf8(s);
}

static bool is_hash(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!memchr("0123456789abcdef", s.p[i], 16))
            return false;
    }
    return s.n == 40 || s.n == 64;
}

/* https, ssh or http, and no password. */
static bool is_repository_url(struct arena *a, struct slice s)
{
    struct url u;
    if (url_parse(a, s, &u))
        return false;
    bool is_ssh = slice_eq(u.scheme, S("ssh"));
    bool is_web = slice_eq(u.scheme, S("https")) || slice_eq(u.scheme, S("http"));
    return (is_ssh || (is_web && !u.user.p)) && !u.password.p;
}

static bool is_subdir(struct slice s)
{
    while (s.p) {
        struct slice element = slice_cut(&s, '/');
        if (element.n == 0 || slice_eq(element, S(".")) || slice_eq(element, S("..")))
            return false;
    }
    return true;
}

static const char *fault_of(struct arena *a, const struct vcs_origin *o)
{
    if (!slice_eq(o->vcs, S("git")))
        return "VCS must be git";
    if (!is_repository_url(a, o->url))
        return "URL must be an https, http or ssh URL without a password";
    if (!is_hash(o->hash))
        return "Hash must be a full commit hash";
    if (o->ref.n && !slice_starts(o->ref, S("refs/")))
        return "Ref must begin with refs/";
    if (o->subdir.n && !is_subdir(o->subdir))
        return "Subdir must be a path in the repository";
    return NULL;
}

static struct slice *origin_field(struct vcs_origin *o, const char *key)
{
    const struct {
        const char *key;
        struct slice *to;
    } fields[] = {
        {"VCS", &o->vcs}, {"URL", &o->url},       {"Hash", &o->hash},
        {"Ref", &o->ref}, {"Subdir", &o->subdir},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(fields[i].key, key) == 0)
            return fields[i].to;
    }
    return NULL;
}

static const char *read_origin(struct arena *a, json_t *root, struct vcs_origin *out)
{
    const char *key;
    json_t *value;
    if (!json_is_object(root))
        return "it is no JSON object";
    json_object_foreach(root, key, value)
    {
        struct slice *to = origin_field(out, key);
        if (!to)
            return "it may have VCS, URL, Hash, Ref and Subdir, and nothing else";
        if (!json_is_string(value))
            return "its values must be texts";
        struct slice text = slice_make(json_string_value(value), json_string_length(value));
        if (!is_text(text))
            return "its values must be short and without blanks";
        *to = arena_dup(a, text);
    }
    return fault_of(a, out);
}

static struct error *parse_origin(struct arena *a, struct slice text, struct vcs_origin *out)
{
    json_error_t why;
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &why);
    const char *fault = read_origin(a, root, out);
    json_decref(root);
    return fault ? error_new(a, STATUS_BAD_REQUEST, "the origin cannot be taken: %s", fault) : NULL;
}

struct error *claims_parse(struct arena *a, struct slice time, struct slice origin, int64_t now,
                           struct repo_publication *out)
{
    out->time_unix_s = now;
    out->origin = NULL;
    if (time.n > CLAIM_MAX_BYTES || origin.n > CLAIM_MAX_BYTES)
        return error_new(a, STATUS_BAD_REQUEST, "time and origin have at most %d bytes",
                         CLAIM_MAX_BYTES);
    if (time.n)
        TRY(parse_time(a, time, now, &out->time_unix_s));
    if (origin.n == 0)
        return NULL;
    struct vcs_origin *o = ARENA_NEW(a, struct vcs_origin);
    TRY(parse_origin(a, origin, o));
    out->origin = o;
    return NULL;
}
