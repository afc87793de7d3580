#include "git_fixture.h"

#define GOMOD "printf 'module example.com/m\\n' >go.mod"

static const char simple[] =
    GOMOD "; echo one >a.txt; git add .; git commit -qm one; git tag v1.0.0\n"
          "echo two >a.txt; git commit -qam two; git tag -a v1.1.0 -m x; git tag same\n"
          "mkdir sub; printf 'module example.com/m/sub\\n' >sub/go.mod; git add .\n"
          "git commit -qm three; git tag sub/v0.1.0; git branch dev; git branch -f old v1.0.0";

static struct slice rev_of(struct fixture *f, const char *name, const char *rev)
{
    return script(f,
                  arena_printf(&f->arena, "cd work/%s; git rev-parse '%s^{commit}'", name, rev).p);
}

static void test_tags(void **state)
{
    struct fixture *f = *state;
    struct vcs_tag *tags;
    size_t n;
    struct vcs_origin o;
    make_repo(f, "r", simple);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->tags(h, &f->cx, S("v"), &tags, &n, &o));
    assert_int_equal(children(f), 1);
    assert_int_equal(n, 2);
    assert_slice(tags[0].name, "v1.0.0");
    assert_slice(tags[1].name, "v1.1.0");
    assert_true(slice_eq(tags[1].hash, rev_of(f, "r", "v1.1.0")));
    assert_slice(o.vcs, "git");
    assert_slice(o.tag_prefix, "v");
    assert_true(slice_starts(o.tag_sum, S("t1:")));
    assert_ok(h->ops->tags(h, &f->cx, S("sub/"), &tags, &n, &o));
    assert_int_equal(n, 1);
    assert_int_equal(children(f), 0);
}

static void test_stat_of_names(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", simple);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    assert_int_equal(children(f), 3); /* ls-remote, fetch, cat-file */
    assert_true(slice_eq(rev.name, rev_of(f, "r", "v1.1.0")));
    assert_int_equal(rev.short_name.n, 12);
    assert_slice(rev.version, "v1.1.0");
    assert_int_equal(rev.time_unix_s, 1700000000);
    assert_int_equal(rev.tag_count, 2);
    assert_slice(rev.tags[0], "same");
    assert_slice(rev.tags[1], "v1.1.0");
    assert_slice(rev.origin.ref, "refs/tags/v1.1.0");
    assert_true(slice_eq(rev.origin.hash, rev.name));
    struct slice body, path = S("go.mod");
    assert_ok(h->ops->read_files(h, &f->cx, rev.name, &path, 1, 1000, &body));
    assert_slice(body, "module example.com/m\n");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    assert_int_equal(children(f), 0);
    assert_ok(h->ops->stat(h, &f->cx, S("old"), &rev));
    assert_int_equal(children(f), 0); /* its commit has a tag, and came along */
    assert_slice(rev.origin.ref, "refs/heads/old");
    assert_true(slice_eq(rev.version, rev.name));
    assert_ok(h->ops->latest(h, &f->cx, &rev));
    assert_slice(rev.origin.ref, "HEAD");
    assert_true(slice_eq(rev.name, rev_of(f, "r", "main")));
    assert_status(h->ops->stat(h, &f->cx, S("v9.9.9"), &rev), STATUS_NOT_FOUND);
    assert_true(slice_starts(rev.origin.repo_sum, S("r1:")));
    children(f);
    assert_status(h->ops->stat(h, &f->cx, S("--upload-pack=x"), &rev), STATUS_NOT_FOUND);
    assert_status(h->ops->stat(h, &f->cx, S("a b"), &rev), STATUS_NOT_FOUND);
    assert_status(h->ops->stat(h, &f->cx, S("a\nb"), &rev), STATUS_NOT_FOUND);
    assert_int_equal(children(f), 0);
}

/* What is new upstream is found before the refs are old. */
static void test_what_is_new_is_looked_for(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", simple);
    start_git(f, (struct git_options){.miss_ttl_ms = 1});
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    change_repo(f, "r", "git tag v1.9.0 main; git tag -f v1.0.0 main");
    children(f);
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev)); /* what is known is fresh */
    assert_int_equal(children(f), 0);
    assert_ok(h->ops->stat(h, &f->cx, S("v1.9.0"), &rev));
    assert_true(slice_eq(rev.name, rev_of(f, "r", "main")));
    assert_int_equal(children(f), 1); /* ls-remote; the commit had a tag before */
}

/* A branch goes on between ls-remote and fetch. */
static void test_a_ref_that_moves_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct vcs_tag *tags;
    struct vcs_origin o;
    struct vcs_rev rev;
    size_t n;
    make_repo(f, "r", simple);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->tags(h, &f->cx, S(""), &tags, &n, &o));
    change_repo(f, "r", "git commit -q --allow-empty -m next");
    assert_ok(h->ops->stat(h, &f->cx, S("main"), &rev));
    assert_true(slice_eq(rev.name, rev_of(f, "r", "main")));
    assert_status(h->ops->stat(h, &f->cx, S("gone"), &rev), STATUS_NOT_FOUND);
}

/* A ref that is gone between ls-remote and fetch, and a tag of something that is no commit. */
static void test_refs_without_a_commit(void **state)
{
    struct fixture *f = *state;
    struct vcs_tag *tags;
    struct vcs_origin o;
    struct vcs_rev rev;
    size_t n;
    make_repo(f, "r", simple);
    change_repo(f, "r", "git tag tree 'HEAD^{tree}'; git tag blob HEAD:go.mod; git tag gone");
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->tags(h, &f->cx, S(""), &tags, &n, &o));
    change_repo(f, "r", "git tag -d gone v1.1.0 same; git commit -q --allow-empty -m x");
    assert_status(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev), STATUS_NOT_FOUND);
    assert_status(h->ops->stat(h, &f->cx, S("tree"), &rev), STATUS_NOT_FOUND);
    assert_status(h->ops->stat(h, &f->cx, S("blob"), &rev), STATUS_NOT_FOUND);
    assert_int_equal(metric_get(METRIC_VCS_REPAIRS), 0);
}

static void test_ten_thousand_tags(void **state)
{
    struct fixture *f = *state;
    struct vcs_tag *tags;
    struct vcs_origin o;
    struct vcs_rev rev;
    size_t n;
    /* As git packs them: ten thousand files would take it half a minute. */
    make_repo(f, "r",
              GOMOD "; git add .; git commit -qm 1; h=$(git rev-parse HEAD)\n"
                    "{ echo '# pack-refs with: peeled fully-peeled sorted '\n"
                    "seq -f \"$h refs/tags/v1.%.0f.0\" 10000 | LC_ALL=C sort; } >.git/packed-refs");
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->tags(h, &f->cx, S(""), &tags, &n, &o));
    assert_int_equal(n, 10000);
    assert_int_equal(children(f), 1);
    assert_ok(h->ops->stat(h, &f->cx, S("v1.10000.0"), &rev));
    assert_int_equal(rev.tag_count, 10000);
    assert_int_equal(children(f), 2);
}

static void test_empty_repository(void **state)
{
    struct fixture *f = *state;
    struct vcs_tag *tags;
    struct vcs_origin o;
    struct vcs_rev rev;
    size_t n;
    make_repo(f, "r", ":");
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->tags(h, &f->cx, S(""), &tags, &n, &o));
    assert_int_equal(n, 0);
    assert_status(h->ops->latest(h, &f->cx, &rev), STATUS_NOT_FOUND);
    assert_status(h->ops->stat(h, &f->cx, S("0123456789ab"), &rev), STATUS_NOT_FOUND);
}

static void test_files(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r",
              GOMOD "; mkdir d; ln -s go.mod link; head -c 70000 /dev/zero >big; : >empty\n"
                    "printf x >'d/a b'; git add .; git commit -qm 1; git tag v1.0.0");
    struct codehost *h = open_repo(f, "r.git");
    struct slice hash = rev_of(f, "r", "v1.0.0");
    const struct slice paths[] = {S("go.mod"), S("none"),  S("d"),    S("d/a b"),
                                  S("link"),   S("empty"), S("a\nb"), S("big")};
    struct slice bodies[ARRAY_LEN(paths)];
    assert_ok(h->ops->read_files(h, &f->cx, hash, paths, 8, 70000, bodies));
    assert_int_equal(children(f), 3);
    assert_slice(bodies[0], "module example.com/m\n");
    assert_null(bodies[1].p);
    assert_null(bodies[2].p);
    assert_slice(bodies[3], "x");
    assert_slice(bodies[4], "go.mod");
    assert_non_null(bodies[5].p);
    assert_int_equal(bodies[5].n, 0);
    assert_null(bodies[6].p);
    assert_int_equal(bodies[7].n, 70000);
    assert_ok(h->ops->read_files(h, &f->cx, hash, paths, 7, 70000, bodies));
    assert_int_equal(children(f), 0);
    assert_status(h->ops->read_files(h, &f->cx, hash, paths, 8, 69999, bodies), STATUS_TOO_LARGE);
    const char *none = "0123456789012345678901234567890123456789";
    assert_status(h->ops->read_files(h, &f->cx, slice_of(none), paths, 1, 100, bodies),
                  STATUS_NOT_FOUND);
    assert_status(h->ops->read_files(h, &f->cx, S("--help"), paths, 1, 100, bodies),
                  STATUS_NOT_FOUND);
}

/* ---- archives ---- */

struct got {
    struct fixture *f;
    struct buf text;
};

static struct error *got_begin(void *arg, const struct vcs_entry *e)
{
    struct got *g = arg;
    buf_printf(&g->text, "%.*s %s%s%" PRIu64 " ", SLICE_ARG(e->path), e->is_regular ? "" : "odd ",
               e->is_executable ? "x " : "", e->size);
    return NULL;
}

static struct error *got_write(void *arg, struct slice piece)
{
    buf_add(&((struct got *)arg)->text, piece);
    return NULL;
}

static struct error *got_end(void *arg)
{
    buf_add_byte(&((struct got *)arg)->text, ';');
    return NULL;
}

static struct slice archive_of(struct fixture *f, struct codehost *h, struct slice hash,
                               struct slice subdir)
{
    struct got g = {.f = f};
    const struct vcs_archive_sink sink = {
        .begin = got_begin, .write = got_write, .end = got_end, .arg = &g};
    assert_ok(h->ops->archive(h, &f->cx, hash, subdir, 1 << 24, &sink));
    struct slice all = arena_dup(&f->arena, buf_slice(&g.text));
    buf_release(&g.text);
    return all;
}

static void test_archive(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r",
              "echo hi >a.txt; printf '#!/bin/sh\\n' >run; chmod +x run; ln -s a.txt link\n"
              "echo '$Format:%H$' >subst.txt; echo no >ignored.txt\n"
              "printf 'a\\r\\nb\\n' >crlf.txt; mkdir -p d/e; echo deep >d/e/f\n"
              "printf '%s\\n' 'subst.txt export-subst' 'ignored.txt export-ignore' "
              "'*.txt text' >.gitattributes\n"
              "git add .; git commit -qm x; git tag v1.0.0");
    struct codehost *h = open_repo(f, "r.git");
    struct slice hash = rev_of(f, "r", "v1.0.0");
    struct slice all = archive_of(f, h, hash, S(""));
    assert_int_equal(children(f), 4); /* ls-remote, fetch, cat-file, and for attributes archive */
    assert_slice(slice_skip(all, (size_t)slice_find(all, ';') + 1),
                 "a.txt 3 hi\n;crlf.txt 4 a\nb\n;d/e/f 5 deep\n;ignored.txt 3 no\n;"
                 "link odd 0 ;run x 10 #!/bin/sh\n;subst.txt 12 $Format:%H$\n;");
    assert_slice(archive_of(f, h, hash, S("d/e")), "d/e/f 5 deep\n;");
    assert_int_equal(children(f), 1);
    struct got g = {.f = f};
    struct vcs_archive_sink sink = {
        .begin = got_begin, .write = got_write, .end = got_end, .arg = &g};
    assert_status(h->ops->archive(h, &f->cx, hash, S("none"), 1 << 24, &sink), STATUS_NOT_FOUND);
    assert_status(h->ops->archive(h, &f->cx, hash, S(":(glob)*"), 1 << 24, &sink),
                  STATUS_NOT_FOUND);
    assert_status(h->ops->archive(h, &f->cx, hash, S("--output=x"), 1 << 24, &sink),
                  STATUS_NOT_FOUND);
    assert_status(h->ops->archive(h, &f->cx, hash, S(""), 100, &sink), STATUS_TOO_LARGE);
    buf_release(&g.text);
}

/* Names are bytes, however long; a submodule is nothing. */
static void test_names_in_archives(void **state)
{
    struct fixture *f = *state;
    make_repo(f, "r",
              "l=$(printf 'l%.0s' $(seq 120)); u=$(printf 'gr\\303\\274n'); b=$(printf 'b\\377')\n"
              "mkdir -p $l/$l; : >$l/$l/$l; : >$l/$l/$u; : >$l/$l/$b; : >$u; : >$b\n"
              "git add .; git commit -qm 1\n"
              "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),module\n"
              "git commit -qm 2; git tag v1.0.0");
    struct codehost *h = open_repo(f, "r.git");
    struct slice all = archive_of(f, h, rev_of(f, "r", "v1.0.0"), S(""));
    struct slice l = script(f, "printf 'l%.0s' $(seq 120)");
    const char *p = arena_cstr(&f->arena, l);
    struct slice expected = arena_printf(
        &f->arena, "b\xff 0 ;gr\xc3\xbcn 0 ;%s/%s/b\xff 0 ;%s/%s/gr\xc3\xbcn 0 ;%s/%s/%s 0 ;", p, p,
        p, p, p, p, p);
    assert_slice(all, expected.p);
}

/* ---- history ---- */

static bool is_any(void *arg, struct slice tag)
{
    return !arg || !slice_eq(tag, slice_of(arg));
}

static void test_history(void **state)
{
    struct fixture *f = *state;
    struct slice tag;
    bool is_below;
    make_repo(f, "r",
              GOMOD
              "; git add .; git commit -qm 1; git tag v1.0.0; git commit -q --allow-empty -m 2\n"
              "git tag v1.1.0; git commit -q --allow-empty -m 3; git branch side v1.0.0\n"
              "git checkout -q side; git commit -q --allow-empty -m 4; git tag -a v2.0.0 -m x\n"
              "git tag sub/v3.0.0; git checkout -q main");
    struct codehost *h = open_repo(f, "r.git");
    struct slice main_hash = rev_of(f, "r", "main"), one = rev_of(f, "r", "v1.0.0");
    assert_ok(h->ops->recent_tag(h, &f->cx, main_hash, S("none/"), is_any, NULL, &tag));
    assert_slice(tag, "");
    assert_int_equal(children(f), 1); /* ls-remote */
    assert_ok(h->ops->recent_tag(h, &f->cx, main_hash, S(""), is_any, NULL, &tag));
    assert_slice(tag, "v1.1.0");
    assert_int_equal(children(f), 2); /* fetch, rev-list */
    char out[] = "v1.1.0";
    assert_ok(h->ops->recent_tag(h, &f->cx, main_hash, S(""), is_any, out, &tag));
    assert_slice(tag, "v1.0.0");
    assert_ok(h->ops->recent_tag(h, &f->cx, main_hash, S("sub/"), is_any, NULL, &tag));
    assert_slice(tag, "");
    assert_int_equal(children(f), 2);
    assert_ok(h->ops->descends_from(h, &f->cx, main_hash, S("v1.0.0"), &is_below));
    assert_true(is_below);
    assert_ok(h->ops->descends_from(h, &f->cx, main_hash, S("v2.0.0"), &is_below));
    assert_false(is_below);
    assert_int_equal(children(f), 2);
    assert_ok(h->ops->descends_from(h, &f->cx, one, S("v1.0.0"), &is_below));
    assert_true(is_below);
    assert_ok(h->ops->descends_from(h, &f->cx, one, S("v9.0.0"), &is_below));
    assert_false(is_below);
    assert_int_equal(children(f), 0);
}

/* Shallow first, then a commit that is the tip of nothing, then single refs again. */
static void test_shallow_then_deep(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    bool is_below;
    make_repo(f, "r", simple);
    change_repo(f, "r", "git commit -q --allow-empty -m 5; git commit -q --allow-empty -m 6");
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    struct slice inner = rev_of(f, "r", "main~1");
    children(f);
    assert_ok(h->ops->stat(h, &f->cx, slice_head(inner, 12), &rev));
    assert_int_equal(children(f), 1); /* fetch; what reads the mirror is there */
    assert_true(slice_eq(rev.name, inner));
    assert_slice(rev.origin.ref, "");
    assert_ok(h->ops->stat(h, &f->cx, inner, &rev));
    assert_int_equal(children(f), 0);
    assert_status(h->ops->stat(h, &f->cx, S("0123456789ab"), &rev), STATUS_NOT_FOUND);
    assert_int_equal(children(f), 0);
    assert_ok(h->ops->stat(h, &f->cx, slice_head(rev_of(f, "r", "v1.1.0"), 7), &rev));
    assert_slice(rev.origin.ref, "refs/tags/same");
    /* A tag that is new: it comes without cutting the history again. */
    change_repo(f, "r", "git commit -q --allow-empty -m 7; git tag v1.2.0");
    start_git(f, (struct git_options){0});
    h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.2.0"), &rev));
    children(f);
    assert_ok(h->ops->descends_from(h, &f->cx, rev.name, S("v1.0.0"), &is_below));
    assert_true(is_below);
    assert_int_equal(children(f), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_tags),
        T(test_stat_of_names),
        T(test_what_is_new_is_looked_for),
        T(test_a_ref_that_moves_meanwhile),
        T(test_refs_without_a_commit),
        T(test_ten_thousand_tags),
        T(test_empty_repository),
        T(test_files),
        T(test_archive),
        T(test_names_in_archives),
        T(test_history),
        T(test_shallow_then_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
