/*
 * The room vcs on a command line, for the tests in Python:
 *
 *   vcs_discovery_driver KEY=VALUE…
 *
 * Keys: dir, private, insecure, allow, vanity, netrc, ca; and rule, token, ssh_key, known_hosts,
 * each PATTERN=VALUE and as often as wanted (a token is USER:SECRET). Requests are lines on
 * standard input:
 *
 *   find PATH | list PATH | latest PATH | info PATH VERSION | mod PATH VERSION | zip PATH VERSION
 * DEST check
 *
 * Each is answered by one line of JSON. The end of standard input ends the program.
 */
#include "vcs/vcs_priv.h"

#include <jansson.h>
#include <stdio.h>

enum { RULES_MAX = 16, DEADLINE_MS = 120000 };

static struct {
    struct vcs_options o;
    struct vcs_rule rules[RULES_MAX], ssh_keys[RULES_MAX], known_hosts[RULES_MAX];
    struct credential_option tokens[RULES_MAX];
} given;

static struct vcs_rule rule_of(struct arena *a, struct slice text)
{
    struct slice pattern = slice_cut(&text, '=');
    return (struct vcs_rule){arena_cstr(a, pattern), arena_cstr(a, text)};
}

static void add_rule(struct arena *a, struct vcs_rule *list, size_t *count, struct slice text)
{
    if (*count == RULES_MAX)
        BUG("too many rules");
    list[(*count)++] = rule_of(a, text);
}

static void add_token(struct arena *a, struct slice text)
{
    struct vcs_rule rule = rule_of(a, text);
    struct slice secret = slice_of(rule.value), user = slice_cut(&secret, ':');
    if (given.o.token_count == RULES_MAX)
        BUG("too many tokens");
    given.tokens[given.o.token_count++] = (struct credential_option){
        .place = rule.pattern,
        .user = secret.p ? arena_cstr(a, user) : NULL,
        .secret = secret.p ? arena_cstr(a, secret) : rule.value,
    };
}

static void set_option(struct arena *a, const char *argument)
{
    struct slice value = slice_of(argument);
    struct slice key = slice_cut(&value, '=');
    const struct {
        const char *key;
        const char **field;
    } texts[] = {{"dir", &given.o.dir},
                 {"private", &given.o.private_patterns},
                 {"insecure", &given.o.insecure_patterns},
                 {"allow", &given.o.allow},
                 {"vanity", &given.o.vanity},
                 {"netrc", &given.o.netrc_file},
                 {"ca", &given.o.ca_file}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (slice_eq(slice_of(texts[i].key), key))
            *texts[i].field = value.p;
    if (slice_eq(key, S("rule")))
        add_rule(a, given.rules, &given.o.rule_count, value);
    else if (slice_eq(key, S("ssh_key")))
        add_rule(a, given.ssh_keys, &given.o.ssh_key_count, value);
    else if (slice_eq(key, S("known_hosts")))
        add_rule(a, given.known_hosts, &given.o.known_hosts_count, value);
    else if (slice_eq(key, S("token")))
        add_token(a, value);
}

static json_t *json_of(struct slice s)
{
    return json_stringn(s.p ? s.p : "", s.n);
}

static struct error *run_find(struct vcs *v, struct ctx *cx, struct slice path, json_t *out)
{
    struct vcs_place place;
    TRY(discovery_find(v->discovery, cx, path, &place));
    json_t *urls = json_array();
    for (size_t i = 0; i < place.url_count; i++)
        json_array_append_new(urls, json_of(place.urls[i]));
    json_object_set_new(out, "urls", urls);
    json_object_set_new(out, "root", json_of(place.root));
    json_object_set_new(out, "subdir", json_of(place.subdir));
    json_object_set_new(out, "is_mod", json_boolean(place.is_mod));
    return NULL;
}

static void hear(void *arg, struct slice fault)
{
    json_array_append_new(arg, json_of(fault));
}

static struct error *run_verb(struct vcs *v, struct ctx *cx, struct slice verb, struct slice rest,
                              struct vcs_answer *answer)
{
    struct slice path = slice_cut(&rest, ' '), version = slice_cut(&rest, ' ');
    const struct module_version mv = {path, version};
    if (slice_eq(verb, S("list")))
        return vcs_list(v, cx, path, answer);
    if (slice_eq(verb, S("latest")))
        return vcs_latest(v, cx, path, answer);
    if (slice_eq(verb, S("info")))
        return vcs_info(v, cx, mv, answer);
    if (slice_eq(verb, S("mod")))
        return vcs_mod(v, cx, mv, S(""), answer);
    return vcs_zip(v, cx, mv, S(""), arena_cstr(cx->arena, rest), 1 << 30, answer);
}

static void run_line(struct vcs *v, struct slice line)
{
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a};
    struct vcs_answer answer = {0};
    struct error *err = NULL;
    json_t *out = json_object();
    struct slice verb = slice_cut(&line, ' ');
    cx.deadline_ms = now_ms() + DEADLINE_MS;
    if (slice_eq(verb, S("check"))) {
        json_t *faults = json_array();
        vcs_check(v, &cx, hear, faults);
        json_object_set_new(out, "faults", faults);
    } else if (slice_eq(verb, S("find"))) {
        err = run_find(v, &cx, line, out);
    } else {
        err = run_verb(v, &cx, verb, line, &answer);
        json_object_set_new(out, "body", json_of(answer.body));
        json_object_set_new(out, "version", json_of(answer.version));
        json_object_set_new(out, "source", json_of(answer.source));
        json_object_set_new(out, "proxy", json_of(answer.proxy));
    }
    json_object_set_new(out, "status", json_string(err ? status_name(err->status) : "OK"));
    json_object_set_new(out, "error", err ? json_of(error_chain(&a, err)) : json_string(""));
    char *text = json_dumps(out, JSON_COMPACT);
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(out);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct vcs *v;
    char *line = NULL;
    size_t capacity = 0;
    given.o = (struct vcs_options){
        .rules = given.rules,
        .tokens = given.tokens,
        .ssh_keys = given.ssh_keys,
        .known_hosts = given.known_hosts,
        .connect_timeout_ms = 10000,
        .stall_timeout_ms = 30000,
        .timeout_ms = DEADLINE_MS,
        .refs_ttl_ms = 3600000,
        .discovery_ttl_ms = 3600000,
        .negative_ttl_ms = 0,
    };
    for (int i = 1; i < argc; i++)
        set_option(&a, argv[i]);
    struct error *err = vcs_new(&a, &given.o, &v);
    if (err)
        BUG("%s", error_chain(&a, err).p);
    for (ssize_t n; (n = getline(&line, &capacity, stdin)) >= 0;)
        run_line(v, slice_trim(slice_make(line, (size_t)n)));
    free(line);
    vcs_free(v);
    arena_release(&a);
    return 0;
}
