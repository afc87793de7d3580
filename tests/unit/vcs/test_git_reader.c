/* What reads mirrors: readers that stay, and files without git archive. */
#include "git_fixture.h"

#define GOMOD "printf 'module example.com/m\\n' >go.mod; git add ."

/* ---- what was passed on, and what git archive gives ---- */

static struct error *line_begin(void *arg, const struct vcs_entry *e)
{
    const char *kind = !e->is_regular ? "link" : e->is_executable ? "run" : "file";
    buf_printf(arg, "%s %.*s %" PRIu64 "\n", kind, SLICE_ARG(e->path), e->size);
    return NULL;
}

static struct error *line_write(void *arg, struct slice piece)
{
    buf_add(arg, piece);
    return NULL;
}

static struct error *line_end(void *arg)
{
    buf_add_byte(arg, '\n');
    return NULL;
}

static struct error *line_restart(void *arg)
{
    buf_clear(arg);
    return NULL;
}

static struct slice files_of(struct fixture *f, struct codehost *h, struct slice hash,
                             const char *subdir)
{
    struct buf b = {0};
    const struct vcs_archive_sink sink = {.begin = line_begin,
                                          .write = line_write,
                                          .end = line_end,
                                          .restart = line_restart,
                                          .arg = &b};
    assert_ok(h->ops->archive(h, &f->cx, hash, slice_of(subdir), 1 << 24, &sink));
    struct slice all = arena_dup(&f->arena, buf_slice(&b));
    buf_release(&b);
    return all;
}

/* The same lines, made by Python of git archive. */
static struct slice archive_of(struct fixture *f, const char *rev, const char *subdir)
{
    static const char python[] =
        "import sys, tarfile\n"
        "tar = tarfile.open(fileobj=sys.stdin.buffer, mode=\"r|\", errors=\"surrogateescape\")\n"
        "for m in tar:\n"
        "    if m.isdir(): continue\n"
        "    kind = \"link\" if not m.isreg() else \"run\" if m.mode & 0o100 else \"file\"\n"
        "    head = f\"{kind} {m.name} {m.size if m.isreg() else 0}\\n\"\n"
        "    body = tar.extractfile(m).read() if m.isreg() else b\"\"\n"
        "    sys.stdout.buffer.write(head.encode(errors=\"surrogateescape\") + body + b\"\\n\")\n";
    return script(f, arena_printf(&f->arena,
                                  "cd work/r; git archive --format=tar %s %s | "
                                  "LC_ALL=C.UTF-8 python3 -c '%s'",
                                  rev, subdir, python)
                         .p);
}

static struct slice rev_of(struct fixture *f, const char *rev)
{
    return script(f, arena_printf(&f->arena, "cd work/r; git rev-parse '%s^{commit}'", rev).p);
}

/* Compares one version; how many children it takes says which way it went. */
static void check_files(struct fixture *f, struct codehost *h, const char *rev, const char *subdir,
                        int expected_children)
{
    struct slice hash = rev_of(f, rev);
    children(f);
    struct slice ours = slice_trim(files_of(f, h, hash, subdir));
    assert_int_equal(children(f), expected_children);
    assert_true(slice_eq(ours, archive_of(f, rev, subdir)));
}

/* Names that sort otherwise as folders, every kind of file, files that are empty or large. */
static void test_files_as_git_archive_gives_them(void **state)
{
    struct fixture *f = *state;
    make_repo(
        f, "r",
        GOMOD
        "\nmkdir -p a a.b/c/d a-b 'with blank'; echo 1 >a/x; echo 2 >a.b/c/d/y; echo 3 >a-b/z\n"
        "echo 4 >a.go; echo 5 >a0; : >empty; ln -s a.go link; ln -s nowhere a/zz\n"
        "echo 6 >'with blank/n'; echo 7 >$(printf 'b\\377')\n"
        "seq 100000 >large; printf 'a\\r\\nb' >crlf.txt; echo '$Format:%H$' >subst\n"
        "echo '#!/bin/sh' >run; chmod +x run; git add .; git commit -qm 1\n"
        "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),a.b/module\n"
        "git commit -qm 2; git tag v1.0.0");
    struct codehost *h = open_repo(f, "r.git");
    files_of(f, h, rev_of(f, "v1.0.0"), "");
    check_files(f, h, "v1.0.0", "", 0);
    check_files(f, h, "v1.0.0", "a", 0);
    check_files(f, h, "v1.0.0", "a.b/c", 0);
}

/* .gitattributes count wherever they are above a file; git archive knows what they mean. */
static void test_attributes_are_left_to_git(void **state)
{
    struct fixture *f = *state;
    make_repo(
        f, "r",
        GOMOD
        "\nmkdir -p p/q other; printf 'a\\r\\nb\\n' >p/q/f.txt; cp p/q/f.txt other; echo x >x\n"
        "git add .; git commit -qm 1; git tag v1.0.0\n"
        "printf '*.txt text eol=crlf\\n*.go ident\\n' >p/.gitattributes; git add .\n"
        "git commit -qm 2; git tag v1.1.0\n"
        "git rm -q p/.gitattributes; echo '*.txt text' >other/.GitAttributes; git add .\n"
        "git commit -qm 3; git tag v1.2.0");
    struct codehost *h = open_repo(f, "r.git");
    files_of(f, h, rev_of(f, "v1.0.0"), "");
    check_files(f, h, "v1.0.0", "", 0);
    check_files(f, h, "v1.1.0", "", 1);
    check_files(f, h, "v1.1.0", "p/q", 1);
    check_files(f, h, "v1.1.0", "other", 0);
    check_files(f, h, "v1.2.0", "p/q", 0);
    check_files(f, h, "v1.2.0", "", 1);
}

/* git archive refuses a commit with a name like that in any folder. */
static void test_names_that_git_refuses(void **state)
{
    struct fixture *f = *state;
    struct buf b = {0};
    const struct vcs_archive_sink sink = {
        .begin = line_begin, .write = line_write, .end = line_end, .arg = &b};
    make_repo(
        f, "r",
        GOMOD
        "\nmkdir -p sub bad; echo x >sub/x; git add .; git commit -qm 1; git tag v1.0.0\n"
        "git rm -qr --cached .; h=$(git hash-object -w go.mod)\n"
        "bad=$(printf '100644 blob %s\\tgit~1\\n' $h | git mktree)\n"
        "sub=$(printf '100644 blob %s\\tx\\n' $h | git mktree)\n"
        "all=$(printf '040000 tree %s\\tbad\\n040000 tree %s\\tsub\\n' $bad $sub | git mktree)\n"
        "git tag v1.1.0 $(git commit-tree -m 2 $all)");
    struct codehost *h = open_repo(f, "r.git");
    assert_slice(files_of(f, h, rev_of(f, "v1.0.0"), "sub"), "file sub/x 2\nx\n\n");
    assert_status(h->ops->archive(h, &f->cx, rev_of(f, "v1.1.0"), S("sub"), 1 << 24, &sink),
                  STATUS_NOT_FOUND);
    assert_int_equal(metric_get(METRIC_VCS_REPAIRS), 0);
    buf_release(&b);
}

/* ---- readers ---- */

static const char two[] = GOMOD "; git commit -qm 1; git tag v1.0.0\n"
                                "echo 2 >b; git add .; git commit -qm 2; git tag v1.1.0";

static struct slice go_mod_at(struct fixture *f, struct codehost *h, struct slice hash)
{
    struct slice body, path = S("go.mod");
    assert_ok(h->ops->read_files(h, &f->cx, hash, &path, 1, 1000, &body));
    return body;
}

/* The process that reads, of those whose parent we are. */
static struct slice readers_of(struct fixture *f)
{
    return script(
        f, arena_printf(&f->arena, "pgrep -P %d -f '[c]at-file --batch' || true", getpid()).p);
}

static void test_a_reader_that_died(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", two);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    children(f);
    script(f, arena_printf(&f->arena, "kill -9 %s", readers_of(f).p).p);
    files_of(f, h, rev.name, "");
    assert_int_equal(children(f), 1);
    script(f, arena_printf(&f->arena, "kill -9 %s", readers_of(f).p).p);
    assert_slice(go_mod_at(f, h, rev_of(f, "v1.1.0")), "module example.com/m\n");
    assert_int_equal(children(f), 1);
    assert_int_equal(metric_get(METRIC_VCS_REPAIRS), 0);
}

/* A mirror that was deleted and made anew is read by another; what is fetched later is found. */
static void test_a_reader_of_another_mirror(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", two);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    struct slice first = readers_of(f);
    change_repo(f, "r",
                "echo 3 >c; git add .; git commit -qm 3; git tag v1.2.0; git tag -d v1.1.0");
    struct slice third = rev_of(f, "v1.2.0");
    script(f, "mv vcs/*/ gone");
    start_git(f, (struct git_options){0}); /* another gateway on the folder */
    struct codehost *h2 = open_repo(f, "r.git");
    assert_ok(h2->ops->stat(h2, &f->cx, S("v1.2.0"), &rev));
    assert_slice(go_mod_at(f, h, third), "module example.com/m\n");
    assert_int_equal(slice_find_slice(readers_of(f), first), -1);
    assert_int_equal(metric_get(METRIC_VCS_REPAIRS), 0);
}

/* No more wait for work than may: the oldest goes. */
static void test_readers_are_few(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    for (int i = 0; i < 20; i++) {
        const char *name = arena_printf(&f->arena, "r%d", i).p;
        make_repo(f, name, two);
        struct codehost *h = open_repo(f, arena_printf(&f->arena, "%s.git", name).p);
        assert_ok(h->ops->stat(h, &f->cx, S("v1.0.0"), &rev));
    }
    struct slice all = readers_of(f);
    size_t count = 1;
    for (size_t i = 0; i < all.n; i++)
        count += all.p[i] == '\n';
    assert_int_equal(count, 16);
}

static struct error *no_room(void *arg, const struct vcs_entry *e)
{
    return error_new(arg, STATUS_NO_SPACE, "no room for %.*s", SLICE_ARG(e->path));
}

/* Who receives gives up in the middle: what comes of the body is nobody's answer. */
static void test_who_receives_gives_up(void **state)
{
    struct fixture *f = *state;
    struct vcs_rev rev;
    make_repo(f, "r", two);
    struct codehost *h = open_repo(f, "r.git");
    assert_ok(h->ops->stat(h, &f->cx, S("v1.1.0"), &rev));
    const struct vcs_archive_sink sink = {.begin = no_room, .arg = &f->arena};
    assert_status(h->ops->archive(h, &f->cx, rev.name, S(""), 1 << 24, &sink), STATUS_NO_SPACE);
    assert_slice(readers_of(f), "");
    assert_true(slice_find_slice(files_of(f, h, rev.name, ""), S("file b 2\n2\n")) >= 0);
    assert_int_equal(metric_get(METRIC_VCS_REPAIRS), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_files_as_git_archive_gives_them), T(test_attributes_are_left_to_git),
        T(test_names_that_git_refuses),          T(test_a_reader_that_died),
        T(test_a_reader_of_another_mirror),      T(test_readers_are_few),
        T(test_who_receives_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
