/* What libcurl's codes mean here: the one table that translates them. Pure. [any] */
#ifndef MODGATE_NET_CURL_STATUS_H
#define MODGATE_NET_CURL_STATUS_H

#include "base/base.h"

#include <curl/curl.h>

struct curl_status {
    CURLcode code;
    enum status status;
    const char *reason; /* "its name cannot be resolved" */
    const char *advice; /* what the reader can do; NULL when there is nothing to say */
};

/* The row of a code; codes that have none get the row of status INTERNAL. */
const struct curl_status *curl_status_of(CURLcode code);

#endif
