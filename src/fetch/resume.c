#include "fetch/resume.h"

#include "base/ctx.h"

/* A clock of one second's grain, and server clocks that differ: this much makes it safe. */
#define STRONG_AGE_S 60

static bool is_strong_etag(struct slice etag)
{
    return etag.n > 2 && etag.p[0] == '"' && etag.p[etag.n - 1] == '"';
}

struct slice resume_validator(struct slice etag, struct slice last_modified, struct slice date)
{
    int64_t modified, now;
    if (is_strong_etag(etag))
        return etag;
    bool is_strong = time_http_parse(last_modified, &modified) && time_http_parse(date, &now) &&
                     now - modified >= STRONG_AGE_S;
    return is_strong ? last_modified : S("");
}

bool content_range_parse(struct slice header, struct content_range *out)
{
    struct slice rest = header;
    if (!slice_eq_nocase(slice_cut(&rest, ' '), S("bytes")) || !rest.p)
        return false;
    struct slice range = slice_cut(&rest, '/');
    struct slice total = rest;
    struct slice last = range;
    struct slice first = slice_cut(&last, '-');
    if (!slice_parse_u64(first, &out->first) || !slice_parse_u64(last, &out->last))
        return false;
    out->total = UINT64_MAX;
    if (!slice_eq(total, S("*")) && !slice_parse_u64(total, &out->total))
        return false;
    return out->first <= out->last && out->last < out->total;
}
