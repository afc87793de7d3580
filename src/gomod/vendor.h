/*
 * vendor/modules.txt: which modules `go mod vendor` copied. Source of the rules: modload/vendor.go
 * of the go command. All pure. [any]
 */
#ifndef MODGATE_GOMOD_VENDOR_H
#define MODGATE_GOMOD_VENDOR_H

#include "gomod/modfile.h"

struct vendor_module {
    struct module_version mod;  /* version empty: a replacement of all versions */
    struct module_version with; /* what replaces it; path empty: nothing, version empty: a folder */
    bool is_explicit;           /* named in go.mod */
    bool has_packages;          /* else it stands there for its replacement only */
};

struct vendor_list {
    struct vendor_module *modules; /* in the order of the file; each mod once */
    size_t n;
    bool is_workspace; /* made by `go work vendor` */
};

/*
 * Parses a modules.txt. What it does not know it passes over, as the go command does. The texts are
 * parts of file. TOO_LARGE when it names more than 20,000 modules.
 */
struct error *vendor_parse(struct arena *a, struct slice file, struct vendor_list *out) MUST_CHECK;

/* Is told one disagreement; mod.version may be empty. */
typedef void (*vendor_complain_fn)(void *arg, struct module_version mod, const char *why);
/*
 * Compares with the go.mod beside the vendor folder, which must be the main module's: go refuses to
 * build from a vendor folder about which there is a complaint.
 */
void vendor_check(const struct vendor_list *list, const struct modfile *mod,
                  vendor_complain_fn complain, void *arg);

#endif
