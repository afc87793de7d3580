/* What no single value shows, for the settings of version control. */
#include "config/config_priv.h"

static void complain(struct loader *l, enum setting_id id, const struct setting_rule *rule,
                     const char *fmt, ...) PRINTF_LIKE(4, 5);
static void complain(struct loader *l, enum setting_id id, const struct setting_rule *rule,
                     const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct slice text = arena_vprintf(l->arena, fmt, ap);
    va_end(ap);
    if (rule)
        loader_complain_rule(l, id, rule, text);
    else
        loader_complain(l, id, l->s.source[id], l->s.origin[id], text);
}

/* The user information in front of a URL's host; p == NULL when there is none. */
static struct slice user_of(struct slice url)
{
    ptrdiff_t scheme = slice_find_slice(url, S("://"));
    struct slice rest = slice_skip(url, scheme < 0 ? 0 : (size_t)scheme + 3);
    struct slice authority = slice_cut(&rest, '/');
    ptrdiff_t at = slice_rfind(authority, '@');
    return at < 0 ? (struct slice){0} : slice_head(authority, (size_t)at);
}

/* "git@git.example.com:team/lib.git": what ssh people write. */
static bool is_scp_form(struct slice url)
{
    ptrdiff_t colon = slice_find(url, ':'), slash = slice_find(url, '/');
    return colon > 0 && (slash < 0 || colon < slash) && slice_find(url, '@') > 0 &&
           slice_find_slice(url, S("://")) < 0;
}

static const char *const schemes[] = {"https://", "ssh://", "git+ssh://", "http://", "git://"};

static bool has_known_scheme(struct slice url)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i]);
        if (slice_starts(url, slice_of(schemes[i])) && url.n > n)
            return true;
    }
    return false;
}

static size_t count_of(struct slice s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

/* Elements of a pattern that match more than themselves: each may stand as a * in the value. */
static size_t glob_elements(struct slice pattern)
{
    size_t n = 0;
    while (pattern.p) {
        struct slice element = slice_cut(&pattern, '/');
        n += slice_find(element, '*') >= 0 || slice_find(element, '?') >= 0 ||
             slice_find(element, '[') >= 0;
    }
    return n;
}

const char *vcs_rule_fault(struct arena *a, const struct setting_rule *rule)
{
    struct slice rest = slice_of(rule->value), pattern = slice_of(rule->pattern);
    struct slice url = slice_cut(&rest, ' ');
    struct slice user = user_of(url);
    bool is_ssh =
        slice_starts(url, S("ssh://")) || slice_starts(url, S("git+ssh://")) || is_scp_form(url);
    if (user.p && (!is_ssh || slice_find(user, ':') >= 0))
        return "credentials do not belong into a URL; write them in vcs.tokens";
    if (!has_known_scheme(url) && !is_scp_form(url))
        return arena_printf(
                   a, "%s is not a repository; write an https:// or ssh:// URL, or git@HOST:PATH",
                   quoted(a, url))
            .p;
    if (slice_find(pattern, ',') >= 0)
        return "one pattern a rule, please, not several with commas";
    if (count_of(url, '*') > glob_elements(pattern))
        return arena_printf(a, "%s has more * than the pattern %s", quoted(a, url),
                            quoted(a, pattern))
            .p;
    return NULL;
}

static void check_rules(struct loader *l)
{
    for (size_t i = 0; i < l->s.vcs_rules.count; i++) {
        const char *fault = vcs_rule_fault(l->arena, &l->s.vcs_rules.rows[i]);
        if (fault)
            complain(l, SETTING_ID_vcs_rules, &l->s.vcs_rules.rows[i], "%s", fault);
    }
}

static const char *const allow_words[] = {"git", "https", "ssh", "http", "all",
                                          "off", "hg",    "svn", "bzr",  "fossil"};

static const char *near_word(struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(allow_words); i++) {
        size_t d = edit_distance(word, slice_of(allow_words[i]), 1);
        if (word.n > 2 && d == 1)
            return allow_words[i];
    }
    return NULL;
}

static void check_allow_word(struct loader *l, struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(allow_words); i++) {
        if (slice_eq(word, slice_of(allow_words[i])))
            return;
    }
    const char *near = near_word(word), *shown = quoted(l->arena, word);
    if (near)
        complain(l, SETTING_ID_vcs_allow, NULL, "%s is not known; did you mean \"%s\"?", shown,
                 near);
    else
        complain(l, SETTING_ID_vcs_allow, NULL,
                 "%s is not known; known here: git, https, ssh, http, all, off", shown);
}

static void check_allow(struct loader *l)
{
    struct slice rest = slice_of(l->s.vcs_allow);
    while (rest.p) {
        struct slice words = slice_cut(&rest, ',');
        struct slice item = slice_trim(words), pattern = slice_trim(slice_cut(&words, ':'));
        if (!words.p || pattern.n == 0) {
            complain(l, SETTING_ID_vcs_allow, NULL,
                     "%s is not of the form PATTERN:WORD|WORD, like public:git",
                     quoted(l->arena, item));
            continue;
        }
        while (words.p)
            check_allow_word(l, slice_trim(slice_cut(&words, '|')));
    }
}

static void check_vanity(struct loader *l)
{
    struct slice rest = slice_of(l->s.vcs_vanity);
    while (rest.p && *l->s.vcs_vanity) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        bool is_path = one.n && one.p[0] != '/';
        for (size_t i = 0; i < one.n; i++)
            is_path = is_path && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-._~/",
                                        one.p[i]);
        if (!is_path)
            complain(l, SETTING_ID_vcs_vanity, NULL,
                     "%s is no host name and no path; write go.example.com or example.com/go",
                     quoted(l->arena, one));
    }
}

static void check_public_url(struct loader *l)
{
    struct slice url = slice_of(l->s.public_url);
    size_t scheme = slice_starts(url, S("https://"))  ? strlen("https://")
                    : slice_starts(url, S("http://")) ? strlen("http://")
                                                      : 0;
    bool is_url = scheme && url.n > scheme && url.p[scheme] != '/' && !user_of(url).p;
    for (size_t i = 0; i < url.n; i++)
        is_url = is_url && !strchr(" \"<>&'?#", url.p[i]);
    if (url.n && !is_url)
        complain(l, SETTING_ID_public_url, NULL,
                 "%s is not an address for clients; write an https:// URL without credentials and "
                 "query",
                 quoted(l->arena, config_mask_urls(l->arena, url)));
    check_vanity(l);
    if (*l->s.vcs_vanity && url.n == 0)
        complain(l, SETTING_ID_vcs_vanity, NULL, "needs public_url too");
}

/* Hosts, perhaps with a port and a path; "*" only where it gives no secret away. */
static void check_places(struct loader *l, enum setting_id id)
{
    struct setting_rules r = setting_get(&l->s, id).rules;
    bool may_be_all = setting_info(id)->kind == SETTING_FILE_RULES;
    for (size_t i = 0; i < r.count; i++) {
        struct slice place = slice_of(r.rows[i].pattern);
        bool is_all = may_be_all && slice_eq(place, S("*"));
        if (!is_all && strcspn(r.rows[i].pattern, "*?[, ") < place.n)
            complain(l, id, &r.rows[i],
                     "wants one host, perhaps with a path, like git.example.com/team");
    }
}

static void check_files(struct loader *l, enum setting_id id)
{
    struct setting_rules r = setting_get(&l->s, id).rules;
    for (size_t i = 0; i < r.count; i++) {
        const char *why = file_fault(l->arena, r.rows[i].value);
        if (why)
            complain(l, id, &r.rows[i], "%s", why);
    }
}

void loader_check_vcs(struct loader *l)
{
    check_rules(l);
    check_allow(l);
    check_public_url(l);
    check_places(l, SETTING_ID_vcs_tokens);
    check_places(l, SETTING_ID_vcs_ssh_keys);
    check_places(l, SETTING_ID_vcs_known_hosts);
    check_files(l, SETTING_ID_vcs_ssh_keys);
    check_files(l, SETTING_ID_vcs_known_hosts);
}
