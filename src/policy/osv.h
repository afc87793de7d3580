/*
 * Entries of the Open Source Vulnerability format, as the Go vulnerability database has them.
 * Source of the rules: ossf.github.io/osv-schema and go.dev/security/vuln/database. All pure. [any]
 */
#ifndef MODGATE_POLICY_OSV_H
#define MODGATE_POLICY_OSV_H

#include "base/base.h"

/*
 * Reads one entry and appends its lines, as of vulns.h, to out: none when it was withdrawn or is
 * about nothing of Go. *id is its name, in the arena. BAD_SYNTAX.
 */
struct error *osv_read(struct arena *a, struct slice json, struct slice *id,
                       struct buf *out) MUST_CHECK;

#endif
