/*
 * Known vulnerabilities by module: what was gathered from OSV entries, kept as one text, which is
 * small and quick to read again:
 *
 *   <module path> <id> <severity> <introduced>,<fixed> …
 *
 * A line for each module of an entry; versions are semver without v, 0 is "from the start", an
 * empty second one "not fixed", and one behind "=" the last that is affected. No pair: all
 * versions. All pure. [any]
 */
#ifndef MODGATE_POLICY_VULNS_H
#define MODGATE_POLICY_VULNS_H

#include "gomod/module.h"

enum severity {
    SEVERITY_UNKNOWN,
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL,
};
/* "low", "MODERATE", "high"; UNKNOWN for anything else. */
enum severity severity_parse(struct slice text);
const char *severity_name(enum severity s);

struct vulns;

/* Reads the text, which must outlive the table; the table lives in the arena. CORRUPT. */
struct error *vulns_parse(struct arena *a, struct slice text, struct vulns **out) MUST_CHECK;
size_t vulns_count(const struct vulns *v);

struct vuln_hit {
    struct slice id;
    enum severity severity;
    struct slice fixed; /* "v1.2.3": the lowest version above that repairs it; may be empty */
};
/*
 * The first vulnerability of the version that has the severity or a higher one; one of unknown
 * severity counts as having it. NULL table: none.
 */
bool vulns_find(const struct vulns *v, struct arena *a, struct module_version mv,
                enum severity least, struct vuln_hit *out);

#endif
