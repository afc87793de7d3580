/* What happens to mirrors: many at once, hosts that hang, damage, limits. */
#include "git_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define GOMOD "printf 'module example.com/m\\n' >go.mod; git add ."

static struct slice rev_of(struct fixture *f, const char *name, const char *rev)
{
    return script(f,
                  arena_printf(&f->arena, "cd work/%s; git rev-parse '%s^{commit}'", name, rev).p);
}

/* ---- many at once ---- */

enum { ASKERS = 60 };

struct asker {
    struct fixture *f;
    struct git *git;
    pthread_barrier_t *start;
    pthread_t thread;
    unsigned number;
    enum status status;
};

static void *ask(void *arg)
{
    struct asker *k = arg;
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a, .deadline_ms = k->f->cx.deadline_ms};
    struct codehost *h;
    struct vcs_rev rev;
    struct slice url = arena_printf(&a, "http://127.0.0.1:%u/r.git", k->f->port);
    pthread_barrier_wait(k->start);
    struct error *err = git_open(k->git, &cx, url, true, &h);
    if (!err)
        err = h->ops->stat(h, &cx, arena_printf(&a, "v1.%u.0", k->number), &rev);
    k->status = err ? err->status : STATUS_OK;
    arena_release(&a);
    return NULL;
}

static void make_many_tags(struct fixture *f)
{
    make_repo(f, "r",
              GOMOD "; git commit -qm x; for i in $(seq 0 59); do\n"
                    "git commit -q --allow-empty -m $i; git tag v1.$i.0; done");
}

/* Every other of one git, the rest of another on the same folder. */
static void ask_together(struct fixture *f, struct git *one, struct git *other,
                         struct asker *askers)
{
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, ASKERS);
    for (unsigned i = 0; i < ASKERS; i++) {
        askers[i] =
            (struct asker){.f = f, .git = i % 2 ? one : other, .start = &start, .number = i};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (unsigned i = 0; i < ASKERS; i++)
        pthread_join(askers[i].thread, NULL);
    pthread_barrier_destroy(&start);
}

static void ask_all(struct fixture *f, struct git *one, struct git *other)
{
    struct asker askers[ASKERS];
    ask_together(f, one, other, askers);
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(askers[i].status, STATUS_OK);
}

static void test_many_at_once_cost_few_fetches(void **state)
{
    struct fixture *f = *state;
    make_many_tags(f);
    int64_t fetches = metric_get(METRIC_VCS_FETCHES), contacts = metric_get(METRIC_VCS_CONTACTS);
    ask_all(f, f->git, f->git);
    fetches = metric_get(METRIC_VCS_FETCHES) - fetches;
    print_message("%d askers: %d fetches, %d children\n", ASKERS, (int)fetches, (int)children(f));
    /* The first alone; the others as they come, while it or its successor runs. */
    assert_in_range(fetches, 1, 6);
    assert_int_equal(metric_get(METRIC_VCS_CONTACTS) - contacts, fetches + 1); /* one ls-remote */
}

/* The second fetch of a small repository brings what is asked for next; what is gone does not stop
 * it. */
static void test_companions(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_many_tags(f);
    struct codehost *h = open_repo(f, "r.git");
    int64_t fetches = metric_get(METRIC_VCS_FETCHES);
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    assert_int_equal(metric_get(METRIC_VCS_FETCHES) - fetches, 2);
    for (int i = 2; i < 60; i++)
        assert_ok(h->ops->stat(h, &f->cx, arena_printf(&f->arena, "v1.%d.0", i), &rev));
    assert_int_equal(metric_get(METRIC_VCS_FETCHES) - fetches, 2);
}

/* The first brings all tags when they are few, unless they are large: then nothing of them stays.
 */
static void test_first_companions(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "few",
              GOMOD "; git commit -qm x; for i in $(seq 0 9); do\n"
                    "git commit -q --allow-empty -m $i; git tag v1.$i.0; done");
    make_repo(f, "large",
              GOMOD "; git commit -qm x; git tag v1.0.0; for i in 1 2 3 4; do\n"
                    "head -c 6000000 /dev/urandom >big; git add .\n"
                    "git commit -q -m $i; git tag v1.$i.0; done");
    int64_t fetches = metric_get(METRIC_VCS_FETCHES);
    struct codehost *h = open_repo(f, "few.git");
    for (int i = 0; i < 10; i++)
        assert_ok(h->ops->stat(h, &f->cx, arena_printf(&f->arena, "v1.%d.0", i), &rev));
    assert_int_equal(metric_get(METRIC_VCS_FETCHES) - fetches, 1);
    script(f, "rm -rf vcs/*");
    h = open_repo(f, "large.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    assert_ok(h->ops->stat(h, &f->cx, S("v1.4.0"), &rev));
}

static void test_a_companion_that_is_gone(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_many_tags(f);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    change_repo(f, "r", "git tag -d v1.7.0");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    assert_status(h->ops->stat(h, &f->cx, S("v1.7.0"), &rev), STATUS_NOT_FOUND);
    assert_ok(h->ops->stat(h, &f->cx, S("v1.8.0"), &rev));
}

static void test_two_gateways_on_one_folder(void **state)
{
    struct fixture *f = *state;
    make_many_tags(f);
    struct git *one = f->git;
    start_git(f, (struct git_options){0});
    ask_all(f, one, f->git);
    assert_int_equal(metric_get(METRIC_VCS_REPAIRS), 0);
    script(f, "cd vcs/*/; git --git-dir=. fsck >&2");
}

/* The server's next line that starts so. */
static void wait_for_request(struct fixture *f, const char *start)
{
    BUF_SCOPED(b);
    struct slice piece;
    do {
        assert_ok(proc_read(f->server, &f->cx, &piece));
        buf_add(&b, piece);
    } while (slice_find_slice(buf_slice(&b), slice_of(start)) < 0);
}

struct quitter {
    struct fixture *f;
    atomic_bool flag;
    enum status status;
};

static void *ask_and_quit(void *arg)
{
    struct quitter *q = arg;
    struct arena a = ARENA_INIT;
    struct ctx cx = {.arena = &a, .deadline_ms = q->f->cx.deadline_ms, .cancelled = &q->flag};
    struct codehost *h;
    struct vcs_rev rev;
    struct slice url = arena_printf(&a, "http://127.0.0.1:%u/once/r.git", q->f->port);
    struct error *err = git_open(q->f->git, &cx, url, true, &h);
    if (!err)
        err = h->ops->stat(h, &cx, S("v1.0.0"), &rev);
    q->status = err ? err->status : STATUS_OK;
    arena_release(&a);
    return NULL;
}

static void *cancel_soon(void *arg)
{
    struct quitter *q = arg;
    struct ctx cx = {.arena = &(struct arena){0}};
    assert_null(ctx_sleep(&cx, 100));
    atomic_store(&q->flag, true);
    return NULL;
}

/* Who leads a fetch loses interest: the others do not. */
static void test_a_leader_that_is_cancelled(void **state)
{
    struct fixture *f = *state;
    pthread_t leader, canceller;
    struct vcs_rev rev;
    struct quitter q = {.f = f};
    make_many_tags(f);
    assert_int_equal(pthread_create(&leader, NULL, ask_and_quit, &q), 0);
    wait_for_request(f, "HANGS /once/r.git/git-upload-pack"); /* the leader's fetch */
    assert_int_equal(pthread_create(&canceller, NULL, cancel_soon, &q), 0);
    struct codehost *h = open_repo(f, "once/r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    pthread_join(leader, NULL);
    pthread_join(canceller, NULL);
    assert_true(q.status == STATUS_CANCELLED);
}

/* Of those that one fetch was made for, one has gone upstream: the others get theirs. */
static void test_a_ref_of_many_is_gone(void **state)
{
    struct fixture *f = *state;
    struct vcs_tag *tags;
    struct vcs_origin o;
    size_t n;
    make_many_tags(f);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->tags(h, &f->cx, S(""), &tags, &n, &o));
    script(f, "git -C repos/r.git tag -d v1.7.0 v1.30.0");
    struct asker askers[ASKERS];
    ask_together(f, f->git, f->git, askers);
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(askers[i].status, i == 7 || i == 30 ? STATUS_NOT_FOUND : STATUS_OK);
}

/* ---- hosts that hang ---- */

/* Runs a gateway that fetches, and counts what has ended when nothing of it runs any more. */
static int watch_gateway(struct fixture *f, int pid_to)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* its orphans become ours */
    pid_t gateway = fork();
    if (gateway == 0) {
        struct vcs_rev rev;
        struct codehost *h = open_repo(f, "hang/r.git");
        struct error *err UNUSED = h->ops->stat(h, &f->cx, S("v1.0.0"), &rev);
        _exit(1);
    }
    if (write(pid_to, &gateway, sizeof(gateway)) != sizeof(gateway))
        return 0;
    int ended = 0;
    while (waitpid(-1, NULL, 0) > 0)
        ended++;
    return ended;
}

static void test_nothing_outlives_a_killed_gateway(void **state)
{
    struct fixture *f = *state;
    int how, ends[2];
    pid_t gateway;
    start_git(f, (struct git_options){.stall_timeout_ms = 3600000}); /* git would not give up */
    assert_int_equal(pipe(ends), 0);
    pid_t middle = fork();
    if (middle == 0)
        _exit(watch_gateway(f, ends[1]));
    assert_int_equal(read(ends[0], &gateway, sizeof(gateway)), sizeof(gateway));
    wait_for_request(f, "GET /hang/");
    kill(gateway, SIGKILL);
    assert_int_equal(waitpid(middle, &how, 0), middle);
    assert_true(WIFEXITED(how));
    assert_in_range(WEXITSTATUS(how), 2, 4); /* the gateway, git, what git has not reaped */
    close(ends[0]);
    close(ends[1]);
}

static void test_hanging_host_is_left(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    struct codehost *h = open_repo(f, "hang/r.git");
    int64_t started_ms = now_ms();
    struct ctx cx = {.arena = &f->arena, .deadline_ms = started_ms + 500};
    struct error *err = h->ops->stat(h, &cx, S("v1.0.0"), &rev);
    assert_non_null(err);
    assert_int_equal(err->status, STATUS_TIMEOUT);
    assert_int_equal(proc_running(), 1); /* the server */
    assert_slice(script(f, "ps -eo args | grep -c '[g]it.*127.0.0.1:.*/hang/' || true"), "0");
}

static void test_hanging_host_ends_by_its_silence(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    start_git(f, (struct git_options){.stall_timeout_ms = 1000});
    struct codehost *h = open_repo(f, "hang/r.git");
    assert_status(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev), STATUS_TIMEOUT);
}

static void test_hosts_in_trouble(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    struct codehost *h = open_repo(f, "busy/r.git");
    assert_status(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev), STATUS_UPSTREAM_BUSY);
    h = open_repo(f, "none.git");
    assert_status(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev), STATUS_UPSTREAM_DENIED);
    assert_ok(git_open(f->git, &f->cx, S("http://127.0.0.1:1/r"), true, &h));
    assert_status(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev), STATUS_CONNECT);
    assert_ok(git_open(f->git, &f->cx, S("https://no.such.invalid/r"), false, &h));
    assert_status(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev), STATUS_DNS);
}

/* ---- damage ---- */

static const char two[] = GOMOD "; echo 1 >a; git add .; git commit -qm 1; git tag v1.0.0\n"
                                "echo 2 >a; git commit -qam 2; git tag v1.1.0";

static struct error *skip_begin(void *arg, const struct vcs_entry *e)
{
    return NULL;
}

static struct error *skip_write(void *arg, struct slice piece)
{
    return NULL;
}

static struct error *skip_end(void *arg)
{
    ++*(int *)arg;
    return NULL;
}

static struct error *skip_restart(void *arg)
{
    *(int *)arg = 0;
    return NULL;
}

static int count_files(struct fixture *f, struct codehost *h, struct slice hash)
{
    int n = 0;
    const struct vcs_archive_sink sink = {.begin = skip_begin,
                                          .write = skip_write,
                                          .end = skip_end,
                                          .restart = skip_restart,
                                          .arg = &n};
    assert_ok(h->ops->archive(h, &f->cx, hash, S(""), 1 << 30, &sink));
    return n;
}

enum { COMMIT, FILES, ARCHIVE, HISTORY };

/* Breaks the mirror, and asks from one question to another. */
static void check_repair(struct fixture *f, const char *breaking, int from, int to)
{
    struct vcs_rev rev;
    struct slice body, path = S("go.mod"), tag = S("v1.0.0");
    bool is_below;
    const char *const whole_again = "rm -rf vcs/*";
    for (int question = from; question <= to; question++) {
        script(f, whole_again);
        start_git(f, (struct git_options){0});
        struct codehost *h = open_repo(f, "r.git");
        assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
        assert_ok(h->ops->descends_from(h, &f->cx, rev.name, tag, &is_below));
        start_git(f, (struct git_options){0}); /* nothing in memory */
        h = open_repo(f, "r.git");
        script(f, arena_printf(&f->arena, "cd vcs/*/; %s", breaking).p);
        if (question == COMMIT)
            assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
        else if (question == FILES)
            assert_ok(h->ops->read_files(h, &f->cx, rev.name, &path, 1, 1000, &body));
        else if (question == ARCHIVE)
            assert_int_equal(count_files(f, h, rev.name), 2);
        else
            assert_ok(h->ops->descends_from(h, &f->cx, rev.name, tag, &is_below));
        assert_true(is_below);
        if (question == FILES)
            assert_slice(body, "module example.com/m\n");
        script(f, "cd vcs/*/; git --git-dir=. fsck >&2");
    }
}

static void test_damage_is_repaired(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r", two);
    check_repair(f,
                 "chmod u+w objects/pack/*; for p in objects/pack/*.pack; do\n"
                 "head -c $(($(stat -c %s $p) - 40)) /dev/zero |\n"
                 "dd of=$p bs=1 seek=20 conv=notrunc 2>/dev/null; done",
                 COMMIT, HISTORY);
    check_repair(f, "chmod u+w objects/pack/*; truncate -s 20 objects/pack/*.pack", COMMIT,
                 HISTORY);
    check_repair(f, "rm -f objects/pack/*.idx", ARCHIVE, ARCHIVE);
    check_repair(f, "rm -f objects/pack/*", FILES, HISTORY);
    check_repair(f, "echo '[' >config", COMMIT, COMMIT);
    check_repair(f, ": >HEAD", ARCHIVE, ARCHIVE);
    check_repair(f, "rm -rf objects", HISTORY, HISTORY);
    check_repair(f, "rm HEAD", FILES, FILES);
}

static void test_leftovers_of_a_killed_git(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", two);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    struct slice hash = rev_of(f, "r", "v1.1.0");
    script(f, arena_printf(&f->arena,
                           "cd vcs/*/; touch shallow.lock config.lock HEAD.lock packed-refs.lock "
                           "refs/keep/%.*s.lock objects/pack/tmp_pack_x; ls >/dev/null",
                           SLICE_ARG(hash))
                  .p);
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    assert_slice(script(f, "find vcs -name '*.lock' -o -name 'tmp_*' | grep -c /.*/ || true"), "0");
    assert_int_equal(metric_get(METRIC_VCS_REPAIRS), 0);
}

/* ---- what changes upstream ---- */

static void test_rewritten_and_recreated(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    bool is_below;
    make_repo(f, "r", two);
    start_git(f, (struct git_options){.refs_ttl_ms = 1});
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    struct slice before = rev.name;
    assert_ok(h->ops->descends_from(h, &f->cx, before, S("v1.0.0"), &is_below));
    /* Branches that cannot stand beside what was there, a tag that moved, history rewritten. */
    change_repo(f, "r",
                "git checkout -q --orphan other; git commit -qm new; git branch -D main\n"
                "git branch main/sub; git tag -f v1.1.0; git checkout -q main/sub");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    assert_true(slice_eq(rev.name, rev_of(f, "r", "v1.1.0")));
    assert_false(slice_eq(rev.name, before));
    assert_ok(h->ops->descends_from(h, &f->cx, rev.name, S("v1.0.0"), &is_below));
    assert_false(is_below);
    assert_ok(h->ops->stat(h, &f->cx, slice_head(rev.name, 10), &rev));
    /* What was served once is still there. */
    assert_int_equal(count_files(f, h, before), 2);
    /* Another repository at the same place, with the other kind of hashes. */
    script(f, "rm -rf work repos/r.git");
    make_repo(f, "x", two);
    script(f, "mv repos/x.git repos/r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    script(f, "rm -rf work repos/r.git; mkdir -p work; cd work; git init -q "
              "--object-format=sha256 s; cd s; " GOMOD "; git commit -qm 1; git tag v1.0.0; "
              "git clone -q --mirror . ../../repos/r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    assert_int_equal(rev.name.n, 64);
    assert_int_equal(rev.short_name.n, 12);
    assert_int_equal(count_files(f, h, rev.name), 1);
}

static bool is_any(void *arg, struct slice tag)
{
    return true;
}

static void test_sha256(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    struct slice tag;
    script(f, "mkdir -p work; cd work; git init -q --object-format=sha256 s; cd s; " GOMOD
              "; git commit -qm 1; git tag -a v1.0.0 -m x; git commit -q --allow-empty -m 2; "
              "git commit -q --allow-empty -m 3; git clone -q --mirror . ../../repos/s.git");
    struct codehost *h = open_repo(f, "s.git");
    assert_ok(h->ops->stat(h, &f->cx, slice_head(rev_of(f, "s", "main~1"), 12), &rev));
    assert_true(slice_eq(rev.name, rev_of(f, "s", "main~1")));
    assert_ok(h->ops->recent_tag(h, &f->cx, rev.name, S(""), is_any, NULL, &tag));
    assert_slice(tag, "v1.0.0");
}

/* ---- limits ---- */

static const char large[] =
    GOMOD "; head -c 3000000 /dev/urandom >big; git add .; git commit -qm 1; git tag v1.0.0";

static void test_too_large_a_repository(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", large);
    start_git(f, (struct git_options){.max_repo_bytes = 1 << 20});
    struct codehost *h = open_repo(f, "r.git");
    assert_status(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev), STATUS_TOO_LARGE);
    assert_slice(script(f, "ls vcs | grep -vc lock || true"), "0");
    children(f);
    assert_status(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev), STATUS_TOO_LARGE);
    assert_int_equal(children(f), 0); /* not fetched time and again */
}

static void test_least_recently_used_mirror_goes(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    start_git(f, (struct git_options){.max_bytes = 8 << 20});
    static const char *const names[] = {"a", "b", "c"};
    struct slice first = S("");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        make_repo(f, names[i], large);
        struct codehost *h = open_repo(f, arena_printf(&f->arena, "%s.git", names[i]).p);
        assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
        if (i == 0)
            first = script(f, "ls vcs | grep -v lock");
        if (i < 2)
            script(f, arena_printf(&f->arena,
                                   "touch -d '%zu days ago' vcs/*/description\n"
                                   "touch -d '9 days ago' vcs/%.*s/description",
                                   5 - i, SLICE_ARG(first))
                          .p);
    }
    struct slice left = script(f, "ls vcs | grep -v lock");
    assert_int_equal(slice_find_slice(left, first), -1);
    assert_slice(script(f, "ls vcs | grep -vc lock"), "2");
    /* It comes back when it is asked for. */
    struct codehost *h = open_repo(f, "a.git");
    assert_int_equal(count_files(f, h, rev_of(f, "a", "v1.0.0")), 2);
}

static void test_packs_are_joined(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r",
              GOMOD "; git commit -qm x; for i in $(seq 0 59); do\n"
                    "git commit -q --allow-empty -m $i; git tag v1.$i.0; done");
    struct codehost *h = open_repo(f, "r.git");
    for (int i = 0; i < 60; i++)
        assert_ok(h->ops->stat(h, &f->cx, arena_printf(&f->arena, "v1.%d.0", i), &rev));
    struct slice packs = script(f, "ls vcs/*/objects/pack/*.pack | wc -l");
    uint64_t n;
    assert_true(slice_parse_u64(packs, &n));
    assert_in_range(n, 1, 20);
    for (int i = 0; i < 60; i++) {
        struct slice tag = arena_printf(&f->arena, "v1.%d.0", i);
        assert_ok(h->ops->stat(h, &f->cx, tag, &rev));
        assert_int_equal(count_files(f, h, rev.name), 1);
    }
}

static void test_dumb_http(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", two);
    script(f, "git -C repos/r.git update-server-info");
    struct codehost *h = open_repo(f, "dumb/r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    assert_int_equal(count_files(f, h, rev.name), 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_many_at_once_cost_few_fetches),
        T(test_companions),
        T(test_first_companions),
        T(test_a_companion_that_is_gone),
        T(test_two_gateways_on_one_folder),
        T(test_a_leader_that_is_cancelled),
        T(test_a_ref_of_many_is_gone),
        T(test_nothing_outlives_a_killed_gateway),
        T(test_hanging_host_is_left),
        T(test_hanging_host_ends_by_its_silence),
        T(test_hosts_in_trouble),
        T(test_leftovers_of_a_killed_git),
        T(test_damage_is_repaired),
        T(test_rewritten_and_recreated),
        T(test_sha256),
        T(test_too_large_a_repository),
        T(test_least_recently_used_mirror_goes),
        T(test_packs_are_joined),
        T(test_dumb_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
