/*
 * What may be used for whom: vcs.allow in the syntax of GOVCS, and go's own default behind it (git
 * for all; go also allows others, which are never used here). The other systems were written for
 * servers that one trusts, and each would be one more program to run on what a stranger sends.
 */
#include "gomod/module.h"

#include "vcs/discovery_priv.h"

static bool pattern_fits(const struct allow_question *q, struct slice pattern)
{
    if (slice_eq(pattern, S("private")))
        return q->is_private;
    if (slice_eq(pattern, S("public")))
        return !q->is_private;
    return module_match_prefix_patterns(pattern, q->root);
}

/* The words of the first pattern that fits: "git|ssh". */
static struct slice words_for(const struct allow_question *q)
{
    struct slice rest = slice_of(q->allow);
    while (rest.p) {
        struct slice words = slice_cut(&rest, ',');
        struct slice pattern = slice_trim(slice_cut(&words, ':'));
        if (pattern.n && words.p && pattern_fits(q, pattern))
            return words;
    }
    return S("git");
}

static bool has_word(struct slice words, struct slice wanted)
{
    while (words.p) {
        struct slice word = slice_trim(slice_cut(&words, '|'));
        if (slice_eq(word, wanted))
            return true;
    }
    return false;
}

static bool allows_scheme(struct slice words, struct slice scheme)
{
    struct slice word = slice_eq(scheme, S("git+ssh")) ? S("ssh") : scheme;
    if (has_word(words, S("git")) || has_word(words, S("all")))
        return true;
    return !slice_eq(word, S("git")) && has_word(words, word);
}

static struct error *not_allowed(struct arena *a, const struct allow_question *q, const char *what)
{
    return error_new(a, STATUS_DENIED, "the setting vcs.allow does not allow %s for %s %.*s", what,
                     q->is_private ? "private" : "public", SLICE_ARG(q->root));
}

struct error *allow_check_vcs(struct arena *a, const struct allow_question *q, struct slice vcs)
{
    struct slice words = words_for(q);
    if (!slice_eq(vcs, S("git")))
        return error_new(
            a, STATUS_DENIED,
            "%.*s is kept in %.*s, and this gateway fetches from git only: publish it, "
            "or mirror it to git and name that in vcs.rules",
            SLICE_ARG(q->root), SLICE_ARG(vcs));
    static const char *const ways[] = {"https", "ssh", "http"};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (allows_scheme(words, slice_of(ways[i])))
            return NULL;
    }
    return not_allowed(a, q, "git");
}

/* "https" of "https://…"; "ssh" of "git@host:path"; empty for anything else. */
static struct slice scheme_of(struct slice url)
{
    ptrdiff_t end = slice_find_slice(url, S("://"));
    if (end > 0)
        return slice_head(url, (size_t)end);
    ptrdiff_t colon = slice_find(url, ':');
    struct slice host = slice_head(url, colon < 0 ? 0 : (size_t)colon);
    bool is_scp = slice_find(host, '@') > 0 && slice_find(host, '/') < 0;
    return is_scp ? S("ssh") : S("");
}

static bool is_one_of(struct slice s, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(s, slice_of(list[i])))
            return true;
    }
    return false;
}

struct error *allow_check_url(struct arena *a, const struct allow_question *q, struct slice url)
{
    static const char *const secure[] = {"https", "ssh", "git+ssh"}, *const plain[] = {"http",
                                                                                       "git"};
    struct slice scheme = scheme_of(url);
    bool is_plain = is_one_of(scheme, plain, ARRAY_LEN(plain));
    if (!is_plain && !is_one_of(scheme, secure, ARRAY_LEN(secure)))
        return error_new(a, STATUS_BAD_ANSWER,
                         "the repository of %.*s is not named by an https or ssh URL",
                         SLICE_ARG(q->root));
    if (is_plain && !q->is_insecure)
        return error_new(a, STATUS_DENIED,
                         "the repository of %.*s is reached by %.*s only, which is not secure; if "
                         "that is meant, add the path to vcs.insecure",
                         SLICE_ARG(q->root), SLICE_ARG(scheme));
    if (!allows_scheme(words_for(q), scheme))
        return not_allowed(a, q, arena_cstr(a, scheme));
    return NULL;
}
