/*
 * Hosts whose module paths are known without asking them, as the go command knows them (source:
 * cmd/go/internal/vcs/vcs.go, vcsPaths and vcsPathsAfterDynamic): what follows the prefix has a
 * fixed number of elements up to the repository. And paths with an element that ends in the name of
 * a version control system, on any host.
 */
#include "vcs/discovery_priv.h"

static bool has_only(struct slice s, const char *letters)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!s.p[i] || !strchr(letters, s.p[i]))
            return false;
    }
    return s.n > 0;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_word(struct slice s)
{
    return has_only(s, LOWER UPPER DIGITS "_.-");
}

static bool is_small_word(struct slice s)
{
    return has_only(s, LOWER DIGITS);
}

static bool is_git_name(struct slice s)
{
    return s.n > 4 && slice_ends(s, S(".git")) && has_only(s, LOWER DIGITS "_.-");
}

typedef bool element_test(struct slice element);

/* The elements between the prefix and what may follow the repository. */
static const struct {
    const char *prefix;
    element_test *elements[2];
    bool has_no_suffix; /* the repository's name does not end in ".git" */
} hosts[] = {
    {"github.com", {is_word, is_word}, true},
    {"bitbucket.org", {is_word, is_word}, true},
    {"hub.jazz.net/git", {is_small_word, is_word}, true},
    {"git.apache.org", {is_git_name, NULL}, false},
    {"git.openstack.org", {is_word, is_word}, false},
};

/* Hosts of systems that are never used. */
static const struct {
    const char *prefix, *vcs;
    bool is_late; /* only when its page said nothing */
} others[] = {{"chiselapp.com", "fossil", false}, {"launchpad.net", "bzr", true}};

static const char *const systems[] = {"bzr", "fossil", "git", "hg", "svn"};

/* The system that a name ends in, after a point; NULL: none. */
static const char *system_of(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
        struct slice vcs = slice_of(systems[i]);
        if (name.n > vcs.n + 1 && slice_ends(name, vcs) && name.p[name.n - vcs.n - 1] == '.')
            return systems[i];
    }
    return NULL;
}

/* The part of path up to rest, which is where path is cut off. */
static struct slice before(struct slice path, struct slice rest)
{
    return rest.p ? slice_head(path, (size_t)(rest.p - path.p) - 1) : path;
}

static bool are_words(struct slice rest)
{
    while (rest.p) {
        if (!is_word(slice_cut(&rest, '/')))
            return false;
    }
    return true;
}

static enum host_answer find_at_host(struct arena *a, size_t i, struct slice path,
                                     struct host_repo *out)
{
    struct slice rest = slice_skip(path, strlen(hosts[i].prefix) + 1);
    for (size_t k = 0; k < ARRAY_LEN(hosts[i].elements) && hosts[i].elements[k]; k++) {
        if (!rest.p || !hosts[i].elements[k](slice_cut(&rest, '/')))
            return HOST_NO_REPOSITORY;
    }
    out->root = before(path, rest);
    if (!are_words(rest) || (hosts[i].has_no_suffix && system_of(out->root)))
        return HOST_NO_REPOSITORY;
    out->vcs = S("git");
    out->repo = arena_printf(a, "https://%.*s", SLICE_ARG(out->root));
    return HOST_FOUND;
}

static bool may_have_tilde(struct slice element)
{
    return is_word(slice_starts(element, S("~")) ? slice_skip(element, 1) : element);
}

/* "host.tld/path/name.git/below": the first element behind the host that ends so. */
static bool find_by_suffix(struct slice path, struct host_repo *out)
{
    struct slice rest = path;
    struct slice host = slice_cut(&rest, '/');
    if (slice_find(host, '.') < 0)
        return false;
    while (rest.p && !out->root.n) {
        struct slice element = slice_cut(&rest, '/');
        const char *vcs = system_of(element);
        if (!may_have_tilde(element))
            return false;
        if (!vcs)
            continue;
        out->vcs = slice_of(vcs);
        out->root = before(path, rest);
        out->repo = slice_head(out->root, out->root.n - out->vcs.n - 1);
        out->is_schemeless = true;
    }
    while (rest.p) {
        if (!may_have_tilde(slice_cut(&rest, '/')))
            return false;
    }
    return out->root.n > 0;
}

enum host_answer host_find(struct arena *a, struct slice path, struct host_repo *out)
{
    *out = (struct host_repo){0};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        if (path_has_prefix(path, slice_of(hosts[i].prefix)))
            return find_at_host(a, i, path, out);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (others[i].is_late || !path_has_prefix(path, slice_of(others[i].prefix)))
            continue;
        *out = (struct host_repo){.root = path, .vcs = slice_of(others[i].vcs)};
        return HOST_FOUND;
    }
    return find_by_suffix(path, out) ? HOST_FOUND : HOST_UNKNOWN;
}

bool host_find_late(struct slice path, struct host_repo *out)
{
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (!others[i].is_late || !path_has_prefix(path, slice_of(others[i].prefix)))
            continue;
        *out = (struct host_repo){.root = path, .vcs = slice_of(others[i].vcs)};
        return true;
    }
    return false;
}
