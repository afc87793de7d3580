/* Header values that an upstream chooses: Retry-After, Content-Range, validators, error texts. */
#include "fetch/backoff.h"
#include "fetch/outcome.h"
#include "fetch/resume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(struct slice s)
{
    struct content_range r;
    if (content_range_parse(s, &r) && (r.first > r.last || r.last >= r.total))
        BUG("a range that contradicts itself");
}

static void check_reason(struct arena *a, struct slice s)
{
    struct slice line = reason_line(a, s);
    if (line.n > REASON_MAX_BYTES + 3 || !slice_is_utf8(line))
        BUG("a reason that is not one short line of text");
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
            BUG("a control byte in a reason");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice s = slice_make((const char *)data, size);
    struct slice rest = s;
    if (retry_after_ms(s, 784111777) < -1)
        BUG("a time before now");
    check_range(s);
    check_reason(&a, s);
    struct slice etag = slice_cut(&rest, '\n'), modified = slice_cut(&rest, '\n');
    struct slice validator = resume_validator(etag, modified, rest.p ? rest : S(""));
    if (slice_starts(validator, S("W/")))
        BUG("a weak validator");
    struct http_response r = {.status = 404, .url = S("u"), .detail = s};
    if (!outcome_of(&a, &r, false))
        BUG("404 is no error");
    arena_release(&a);
    return 0;
}
