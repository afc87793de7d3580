/* What is decided without asking anybody: hosts known by name, rules, vcs.allow. */
#include "../test.h"

#include "vcs/discovery_priv.h"

static const struct {
    const char *path, *root, *vcs, *repo; /* root "": no repository; NULL: its page must be asked */
} hosts[] = {
    {"github.com/a/b", "github.com/a/b", "git", "https://github.com/a/b"},
    {"github.com/A/b.c/v2/sub", "github.com/A/b.c", "git", "https://github.com/A/b.c"},
    {"github.com/a", "", NULL, NULL},
    {"github.com", "", NULL, NULL},
    {"github.com/a/b.git", "", NULL, NULL},
    {"github.com/a/b.hg/c", "", NULL, NULL},
    {"github.com/a/~b", "", NULL, NULL},
    {"github.com/a/b/~c", "", NULL, NULL},
    {"github.common/a/b", NULL, NULL, NULL},
    {"bitbucket.org/a/b/c", "bitbucket.org/a/b", "git", "https://bitbucket.org/a/b"},
    {"hub.jazz.net/git/user/b", "hub.jazz.net/git/user/b", "git",
     "https://hub.jazz.net/git/user/b"},
    {"hub.jazz.net/git/User/b", "", NULL, NULL},
    {"hub.jazz.net/other", NULL, NULL, NULL},
    {"git.apache.org/x.git/sub", "git.apache.org/x.git", "git", "https://git.apache.org/x.git"},
    {"git.apache.org/x/sub", "", NULL, NULL},
    {"git.openstack.org/a/b.git/c", "git.openstack.org/a/b.git", "git",
     "https://git.openstack.org/a/b.git"},
    {"chiselapp.com/user/a/repository/b", "chiselapp.com/user/a/repository/b", "fossil", ""},
    {"launchpad.net/x", NULL, NULL, NULL},
    {"gopkg.in/yaml.v2", NULL, NULL, NULL},
    {"git.sr.ht/~a/b", NULL, NULL, NULL},
    {"h.example/a/b.git", "h.example/a/b.git", "git", "h.example/a/b"},
    {"h.example/~a/b.git/c/v2", "h.example/~a/b.git", "git", "h.example/~a/b"},
    {"h.example/a.git/b.git", "h.example/a.git", "git", "h.example/a"},
    {"h.example/a.svn/b", "h.example/a.svn", "svn", "h.example/a"},
    {"h.example/.git/b", NULL, NULL, NULL},
    {"h.example/a/b.gitx", NULL, NULL, NULL},
    {"h.git/a", NULL, NULL, NULL},
    {"local/a.git", NULL, NULL, NULL},
};

static void test_hosts(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct arena a = ARENA_INIT;
        struct host_repo got;
        enum host_answer answer = host_find(&a, slice_of(hosts[i].path), &got);
        enum host_answer want = !hosts[i].root     ? HOST_UNKNOWN
                                : hosts[i].root[0] ? HOST_FOUND
                                                   : HOST_NO_REPOSITORY;
        if (answer != want)
            fail_msg("%s: %d", hosts[i].path, answer);
        if (answer == HOST_FOUND) {
            assert_slice(got.root, hosts[i].root);
            assert_slice(got.vcs, hosts[i].vcs);
            assert_slice(got.repo, hosts[i].repo);
        }
        arena_release(&a);
    }
}

static void test_rules(void **state)
{
    static const struct vcs_rule rules[] = {
        {"h.example/acme/keep", "https://keep.example/x.git sub/dir"},
        {"h.example/acme/*", "ssh://git@git.example/mirror/*"},
        {"*.corp.example/?/lib-*", "https://git.example/*/x-*/*.git"},
        {"whole.example/", "git@git.example:whole"},
    };
    static const struct {
        const char *path, *root, *url, *subdir;
    } rows[] = {
        {"h.example/acme/keep/v2", "h.example/acme/keep", "https://keep.example/x.git", "sub/dir"},
        {"h.example/acme/b/c", "h.example/acme/b", "ssh://git@git.example/mirror/b", ""},
        {"a.corp.example/x/lib-y", "a.corp.example/x/lib-y",
         "https://git.example/a.corp.example/x-x/lib-y.git", ""},
        {"whole.example/m", "whole.example", "git@git.example:whole", ""},
        {"h.example/acme", NULL, NULL, NULL},
        {"h.example/other/b", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a = ARENA_INIT;
        struct vcs_place got = {0};
        bool is_found = rules_find(&a, rules, ARRAY_LEN(rules), slice_of(rows[i].path), &got);
        assert_int_equal(is_found, rows[i].root != NULL);
        if (is_found) {
            assert_slice(got.root, rows[i].root);
            assert_int_equal(got.url_count, 1);
            assert_slice(got.urls[0], rows[i].url);
            assert_slice(got.subdir, rows[i].subdir);
        }
        arena_release(&a);
    }
}

static const struct {
    const char *allow, *root, *url; /* url: or the name of a system */
    bool is_private, is_insecure;
    enum status want;
} allowed[] = {
    {"", "a.example", "git", false, false, STATUS_OK},
    {"public:git,private:git", "a.example", "https://x/y", false, false, STATUS_OK},
    {"public:off", "a.example", "git", false, false, STATUS_DENIED},
    {"public:off", "a.example", "git", true, false, STATUS_OK},
    {"private:off", "a.example", "git", true, false, STATUS_DENIED},
    {"a.example:ssh,public:off", "a.example/x", "ssh://x/y", false, false, STATUS_OK},
    {"a.example:ssh,public:off", "a.example/x", "git+ssh://x/y", false, false, STATUS_OK},
    {"a.example:ssh,public:off", "a.example/x", "git@x:y", false, false, STATUS_OK},
    {"a.example:ssh,public:off", "a.example/x", "https://x/y", false, false, STATUS_DENIED},
    {"a.example:ssh,public:off", "b.example/x", "ssh://x/y", false, false, STATUS_DENIED},
    {" public : https | ssh ", "a.example", "https://x", false, false, STATUS_OK},
    {"public:hg", "a.example", "git", false, false, STATUS_DENIED},
    {"public:all", "a.example", "hg", false, false, STATUS_DENIED},
    {"public:all", "a.example", "git", false, false, STATUS_OK},
    {"", "a.example", "http://x", false, false, STATUS_DENIED},
    {"", "a.example", "http://x", false, true, STATUS_OK},
    {"", "a.example", "git://x", false, false, STATUS_DENIED},
    {"", "a.example", "git://x", false, true, STATUS_OK},
    {"public:https", "a.example", "git://x", false, true, STATUS_DENIED},
    {"", "a.example", "file:///x", false, true, STATUS_BAD_ANSWER},
    {"", "a.example", "ext::sh -c x", false, true, STATUS_BAD_ANSWER},
    {"", "a.example", "/x", false, true, STATUS_BAD_ANSWER},
};

static void test_allow(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        struct arena a = ARENA_INIT;
        struct slice url = slice_of(allowed[i].url);
        struct allow_question q = {allowed[i].allow, slice_of(allowed[i].root),
                                   allowed[i].is_private, allowed[i].is_insecure};
        bool is_url = slice_find(url, ':') >= 0 || slice_find(url, '/') >= 0;
        struct error *err = is_url ? allow_check_url(&a, &q, url) : allow_check_vcs(&a, &q, url);
        enum status got = err ? err->status : STATUS_OK;
        if (got != allowed[i].want)
            fail_msg("%s, %s, %s: %s", allowed[i].allow, allowed[i].root, allowed[i].url,
                     status_name(got));
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
