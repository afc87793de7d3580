/* Proves what the settings name: for people who set a gateway up, before the first go command. */
#include "vcs/vcs_priv.h"

enum { PROBE_TIMEOUT_MS = 20000 };

struct check {
    struct vcs *v;
    struct ctx *cx;
    void (*tell)(void *arg, struct slice fault);
    void *arg;
};

static void tell(const struct check *c, const char *key, const char *name, const struct error *err)
{
    struct arena *a = c->cx->arena;
    if (err)
        c->tell(c->arg,
                arena_printf(a, "%s: %s%s%s", key, name, *name ? ": " : "", error_chain(a, err).p));
}

static struct ctx in_time(const struct check *c)
{
    struct ctx cx = *c->cx;
    cx.deadline_ms = ctx_deadline_in(c->cx, PROBE_TIMEOUT_MS);
    return cx;
}

static void check_tokens(const struct check *c)
{
    for (size_t i = 0; i < c->v->o.token_count; i++) {
        struct ctx cx = in_time(c);
        const char *place = c->v->o.tokens[i].place;
        tell(c, "vcs.tokens", place, discovery_probe(c->v->discovery, &cx, slice_of(place)));
    }
}

static void check_keys(const struct check *c)
{
    for (size_t i = 0; i < c->v->o.ssh_key_count; i++) {
        struct ctx cx = in_time(c);
        const struct vcs_rule *rule = &c->v->o.ssh_keys[i];
        tell(c, "vcs.ssh_keys", rule->pattern, git_check_key(&cx, rule->value));
    }
}

/* The repositories of rules that name one; where a * stands, only a question can say which. */
static void check_rules(const struct check *c, struct git *g)
{
    for (size_t i = 0; i < c->v->o.rule_count; i++) {
        struct ctx cx = in_time(c);
        const struct vcs_rule *rule = &c->v->o.rules[i];
        struct slice rest = slice_of(rule->value), url = slice_cut(&rest, ' ');
        bool is_insecure = slice_starts(url, S("http://")) || slice_starts(url, S("git://"));
        if (slice_find(url, '*') < 0)
            tell(c, "vcs.rules", rule->pattern, git_probe(g, &cx, url, is_insecure));
    }
}

void vcs_check(struct vcs *v, struct ctx *cx, void (*hear)(void *arg, struct slice fault),
               void *arg)
{
    struct git *g;
    const struct check c = {v, cx, hear, arg};
    struct error *err = vcs_git(v, cx, &g);
    check_tokens(&c);
    check_keys(&c);
    if (err)
        tell(&c, "vcs", "", err);
    else
        check_rules(&c, g);
}
