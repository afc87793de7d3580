#include "fetch/backoff.h"

#include "base/ctx.h"

int64_t backoff_ms(unsigned try_index, uint64_t random)
{
    int64_t bound = BACKOFF_BASE_MS;
    for (unsigned i = 0; i < try_index && bound < BACKOFF_MAX_MS; i++)
        bound *= 2;
    if (bound > BACKOFF_MAX_MS)
        bound = BACKOFF_MAX_MS;
    return (int64_t)(random % (uint64_t)(bound + 1));
}

int64_t retry_after_ms(struct slice header, int64_t now_unix_s)
{
    uint64_t seconds;
    int64_t date;
    if (slice_parse_u64(header, &seconds))
        return seconds > INT32_MAX ? (int64_t)INT32_MAX * 1000 : (int64_t)seconds * 1000;
    if (!time_http_parse(header, &date))
        return -1;
    return date > now_unix_s ? (date - now_unix_s) * 1000 : 0;
}
