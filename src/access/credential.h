/*
 * The Authorization header of a request (RFC 9110, 11.6.2): Basic, whose password is the token
 * whatever the user's name is (that is what netrc gives), and Bearer (RFC 6750). Pure. [any]
 */
#ifndef MODGATE_ACCESS_CREDENTIAL_H
#define MODGATE_ACCESS_CREDENTIAL_H

#include "base/base.h"

enum { CREDENTIAL_MAX_BYTES = 16 * 1024 };

/*
 * The secret in the header's value, in the arena or in the value. BAD_REQUEST for what is malformed
 * or longer than CREDENTIAL_MAX_BYTES; BAD_CREDENTIALS for another scheme. No error text has a part
 * of the value.
 */
struct error *credential_parse(struct arena *a, struct slice value,
                               struct slice *secret) MUST_CHECK;

#endif
