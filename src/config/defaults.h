/* The well-known public services that modgate uses when nothing else is set. They stand only here.
 */
#ifndef MODGATE_CONFIG_DEFAULTS_H
#define MODGATE_CONFIG_DEFAULTS_H

#define DEFAULT_UPSTREAM "https://proxy.golang.org"
#define DEFAULT_SUMDB "sum.golang.org"
/* Another address of the same database (go: cmd/go/internal/modfetch/sumdb.go). */
#define DEFAULT_SUMDB_MIRROR "sum.golang.google.cn"
/* The verifier key that DEFAULT_SUMDB stands for (go: cmd/go/internal/modfetch/key.go). */
#define DEFAULT_SUMDB_KEY "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

#endif
