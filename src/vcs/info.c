#include "vcs/info.h"

#include "gomod/quote.h"

static void add_member(struct buf *b, const char *name, struct slice value, bool is_first)
{
    if (value.n == 0)
        return;
    if (!is_first)
        buf_add_byte(b, ',');
    buf_add(b, slice_of(name));
    buf_add_byte(b, ':');
    json_quote(b, value);
}

struct slice vcs_info_json(struct arena *a, struct slice version, int64_t time_unix_s,
                           const struct vcs_origin *origin)
{
    BUF_SCOPED(b);
    buf_add(&b, S("{"));
    add_member(&b, "\"Version\"", version, true);
    add_member(&b, "\"Time\"", time_rfc3339(a, time_unix_s), false);
    if (!origin) {
        buf_add(&b, S("}"));
        return arena_dup(a, buf_slice(&b));
    }
    buf_add(&b, S(",\"Origin\":{"));
    add_member(&b, "\"VCS\"", origin->vcs, true);
    add_member(&b, "\"URL\"", origin->url, false);
    add_member(&b, "\"Subdir\"", origin->subdir, false);
    add_member(&b, "\"Hash\"", origin->hash, false);
    add_member(&b, "\"TagPrefix\"", origin->tag_prefix, false);
    add_member(&b, "\"TagSum\"", origin->tag_sum, false);
    add_member(&b, "\"Ref\"", origin->ref, false);
    add_member(&b, "\"RepoSum\"", origin->repo_sum, false);
    buf_add(&b, S("}}"));
    return arena_dup(a, buf_slice(&b));
}
