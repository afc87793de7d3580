/* For tests of git: a folder of their own, repositories made by scripts, a server for them. */
#ifndef MODGATE_TESTS_UNIT_VCS_GIT_FIXTURE_H
#define MODGATE_TESTS_UNIT_VCS_GIT_FIXTURE_H

#include "../test.h"

#include "base/ctx.h"
#include "base/file.h"
#include "base/proc.h"
#include "ops/metrics.h"
#include "vcs/git.h"

#include <stdio.h>
#include <unistd.h>

struct fixture {
    struct arena arena;
    struct ctx cx;
    const char *dir; /* removed at the end; repositories are below repos, mirrors below vcs */
    struct proc *server;
    unsigned port;
    struct git *git;
    struct git *old[100]; /* freed at the end: handles may be open */
    size_t old_count;
    int64_t children; /* at the last look */
};

static const char *const fixture_env[] = {
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "HOME=/nonexistent/home",
    "GIT_CONFIG_NOSYSTEM=1",
    "GIT_AUTHOR_NAME=A",
    "GIT_AUTHOR_EMAIL=a@example.com",
    "GIT_COMMITTER_NAME=A",
    "GIT_COMMITTER_EMAIL=a@example.com",
    "GIT_AUTHOR_DATE=1700000000 +0100",
    "GIT_COMMITTER_DATE=1700000000 +0100",
    "GIT_CONFIG_COUNT=1",
    "GIT_CONFIG_KEY_0=init.defaultBranch",
    "GIT_CONFIG_VALUE_0=main",
    NULL,
};

/* Runs a script in the fixture's folder; its output without blanks around it. */
static struct slice script(struct fixture *f, const char *text)
{
    const char *argv[] = {"/bin/sh", "-ec", text, NULL};
    struct proc_spec spec = {
        .argv = argv, .env = fixture_env, .dir = f->dir, .max_output_bytes = 1 << 24};
    struct slice out;
    struct proc_result r;
    assert_ok(proc_output(&f->cx, &spec, &out, &r));
    if (r.exit_code != 0)
        fail_msg("%s: exit %d: %s", text, r.exit_code, r.errors.p);
    return slice_trim(out);
}

static void start_server(struct fixture *f, const char *cert)
{
    const char *root = arena_printf(&f->arena, "%s/repos", f->dir).p;
    const char *argv[] = {"/usr/bin/env", "python3", GIT_SERVER, root, cert, NULL};
    struct proc_spec spec = {.argv = argv, .env = fixture_env, .max_output_bytes = UINT64_MAX};
    struct slice line;
    uint64_t port;
    assert_ok(proc_start(&f->cx, &spec, &f->server));
    assert_ok(proc_read(f->server, &f->cx, &line));
    assert_true(slice_parse_u64(slice_trim(line), &port));
    f->port = (unsigned)port;
}

static void start_git(struct fixture *f, struct git_options o)
{
    o.dir = arena_printf(&f->arena, "%s/vcs", f->dir).p;
    if (!o.refs_ttl_ms)
        o.refs_ttl_ms = 600000;
    if (!o.miss_ttl_ms)
        o.miss_ttl_ms = o.refs_ttl_ms;
    if (f->git)
        f->old[f->old_count++] = f->git;
    assert_ok(git_new(&f->cx, &o, &f->git));
}

/* repos/r.git with what the script makes of an empty repository in its working folder. */
static void make_repo(struct fixture *f, const char *name, const char *text)
{
    script(f, arena_printf(&f->arena,
                           "mkdir -p repos work && git init -q work/%s && cd work/%s\n%s\n"
                           "git clone -q --mirror . ../../repos/%s.git",
                           name, name, text, name)
                  .p);
}

/* Changes it later. */
UNUSED static void change_repo(struct fixture *f, const char *name, const char *text)
{
    script(f, arena_printf(&f->arena,
                           "cd work/%s\n%s\nrm -rf ../../repos/%s.git\n"
                           "git clone -q --mirror . ../../repos/%s.git",
                           name, text, name, name)
                  .p);
}

UNUSED static struct codehost *open_repo(struct fixture *f, const char *path)
{
    struct codehost *h = NULL;
    struct slice url = arena_printf(&f->arena, "http://127.0.0.1:%u/%s", f->port, path);
    assert_ok(git_open(f->git, &f->cx, url, true, &h));
    return h;
}

/* Children since the last look. */
UNUSED static int64_t children(struct fixture *f)
{
    int64_t now = metric_get(METRIC_VCS_CHILDREN), n = now - f->children;
    f->children = now;
    return n;
}

static int fixture_setup(void **state)
{
    char dir[] = "/tmp/modgate-git-XXXXXX";
    struct fixture *f = xcalloc(1, sizeof(*f));
    assert_non_null(mkdtemp(dir));
    f->dir = arena_cstr(&f->arena, slice_of(dir));
    f->cx = (struct ctx){.arena = &f->arena, .deadline_ms = now_ms() + 300000};
    assert_ok(dir_make(&f->arena, arena_printf(&f->arena, "%s/repos", dir).p));
    start_server(f, NULL);
    start_git(f, (struct git_options){0});
    children(f);
    *state = f;
    return 0;
}

static int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    struct proc_result r;
    struct arena a = ARENA_INIT;
    const char *dir = arena_cstr(&a, slice_of(f->dir));
    struct git *old[ARRAY_LEN(f->old) + 1];
    size_t old_count = f->old_count;
    memcpy(old, f->old, sizeof(f->old));
    old[old_count++] = f->git;
    if (f->server)
        assert_ok(proc_finish(f->server, &f->cx, &r));
    arena_release(&f->arena);
    while (old_count)
        git_free(old[--old_count]);
    assert_ok(dir_remove(&a, dir));
    arena_release(&a);
    free(f);
    assert_int_equal(proc_running(), 0);
    return 0;
}

#endif
