/* Resuming a broken transfer: validators and ranges (RFC 9110, 8.8, 13.1.5, 14.4). Pure. [any] */
#ifndef MODGATE_FETCH_RESUME_H
#define MODGATE_FETCH_RESUME_H

#include "base/base.h"

/*
 * What to send as If-Range: the ETag when it is strong, else Last-Modified when it is so much older
 * than Date that it is strong too; empty when neither is.
 */
struct slice resume_validator(struct slice etag, struct slice last_modified, struct slice date);

struct content_range {
    uint64_t first;
    uint64_t last;
    uint64_t total; /* UINT64_MAX when it is unknown ("*") */
};

/* "bytes 5-9/10"; false when it is not of that form or contradicts itself. */
bool content_range_parse(struct slice header, struct content_range *out);

#endif
