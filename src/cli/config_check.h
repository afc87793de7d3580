/* What only shows when settings are used, for modgate config check. */
#ifndef MODGATE_CLI_CONFIG_CHECK_H
#define MODGATE_CLI_CONFIG_CHECK_H

#include "base/base.h"

#include "config/config.h"

/*
 * Loads what the daemon would load at its start (upstreams, credentials, CA bundle, certificate and
 * key, checksum databases), and with may_ask proves by asking that the repositories, keys and
 * tokens of the settings can be used. NULL, or one error (BAD_CONFIG) with a line for each fault.
 * [worker]
 */
struct error *config_check(struct arena *a, const struct settings *s, bool may_ask) MUST_CHECK;

#endif
