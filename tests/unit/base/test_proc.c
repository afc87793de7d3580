#include "../test.h"

#include "base/file.h"
#include "base/proc.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const plain_env[] = {"PATH=/usr/bin:/bin", NULL};

struct shell {
    struct proc_spec spec;
    const char *argv[4];
};

static void shell_init(struct shell *s, const char *script)
{
    *s = (struct shell){.argv = {"/bin/sh", "-c", script, NULL}};
    s->spec = (struct proc_spec){.argv = s->argv, .env = plain_env, .max_output_bytes = 1 << 20};
}

/* Becomes the parent of what its children leave behind; so strays can be waited for. */
static int setup(void **state)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    *state = xcalloc(1, sizeof(struct arena));
    return 0;
}

static int teardown(void **state)
{
    arena_release(*state);
    free(*state);
    assert_int_equal(proc_running(), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child at all, not even a zombie */
    return 0;
}

static void test_output_errors_and_exit_code(void **state)
{
    struct ctx cx = {.arena = *state};
    struct shell s;
    struct slice out;
    struct proc_result r;
    shell_init(&s, "cat; pwd; env; echo trouble >&2; exit 7");
    s.spec.input = S("given\n");
    s.spec.dir = "/usr";
    assert_ok(proc_output(&cx, &s.spec, &out, &r));
    assert_true(slice_starts(out, S("given\n/usr\n")));
    assert_true(slice_find_slice(out, S("PATH=/usr/bin:/bin\n")) > 0);
    assert_true(slice_find_slice(out, S("HOME=")) < 0);
    assert_slice(r.errors, "trouble\n");
    assert_int_equal(r.exit_code, 7);
    assert_int_equal(r.signal, 0);
}

static void test_large_input_and_output(void **state)
{
    struct ctx cx = {.arena = *state};
    struct shell s;
    struct slice out;
    struct proc_result r;
    char *p = arena_alloc(cx.arena, 900000);
    memset(p, 'x', 900000);
    shell_init(&s, "exec cat");
    s.spec.input = slice_make(p, 900000);
    assert_ok(proc_output(&cx, &s.spec, &out, &r));
    assert_true(slice_eq(out, s.spec.input));
    s.spec.max_output_bytes = 899999;
    assert_status(proc_output(&cx, &s.spec, &out, &r), STATUS_TOO_LARGE);
    s.spec.max_output_bytes = 900000;
    assert_ok(proc_output(&cx, &s.spec, &out, &r));
}

static void test_tail_of_errors(void **state)
{
    struct ctx cx = {.arena = *state};
    struct shell s;
    struct slice out;
    struct proc_result r;
    shell_init(&s, "head -c 3000000 /dev/zero | tr '\\0' a >&2; echo last >&2");
    assert_ok(proc_output(&cx, &s.spec, &out, &r));
    assert_int_equal(r.errors.n, PROC_ERRORS_BYTES);
    assert_true(slice_ends(r.errors, S("aaa\nlast\n")) || slice_ends(r.errors, S("aaalast\n")));
}

static void test_a_program_that_is_not_there(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* it makes a fork of a vfork, so the child cannot tell its parent what exec said */
#endif
    struct ctx cx = {.arena = *state};
    const char *argv[] = {"/nonexistent/program", NULL};
    struct proc_spec spec = {.argv = argv, .env = plain_env};
    struct slice out;
    struct proc_result r;
    assert_status(proc_output(&cx, &spec, &out, &r), STATUS_IO);
    argv[0] = "/bin/sh";
    spec.dir = "/nonexistent";
    assert_status(proc_output(&cx, &spec, &out, &r), STATUS_IO);
}

static void test_find(void **state)
{
    assert_string_equal(proc_find(*state, "sh", "relative:/nonexistent:/bin:/usr/bin"), "/bin/sh");
    assert_null(proc_find(*state, "sh", "bin:/nonexistent"));
    assert_string_equal(proc_find(*state, "/bin/sh", NULL), "/bin/sh");
    assert_null(proc_find(*state, "/nonexistent/sh", NULL));
}

/* Waits for a process that was left to us, and says how it ended. */
static int reap(struct slice pid_line)
{
    uint64_t pid;
    int how;
    assert_true(slice_parse_u64(slice_trim(pid_line), &pid));
    if (waitpid((pid_t)pid, &how, 0) < 0)
        return -1;
    return WIFSIGNALED(how) ? WTERMSIG(how) : 0;
}

static void test_deadline_takes_the_group_down(void **state)
{
    struct ctx cx = {.arena = *state, .deadline_ms = now_ms() + 200};
    struct shell s;
    struct slice out;
    struct proc_result r;
    shell_init(&s, "trap '' TERM; sleep 1000 & echo $!; exec sleep 1000");
    assert_status(proc_output(&cx, &s.spec, &out, &r), STATUS_TIMEOUT);
    assert_int_equal(r.exit_code, -1);
    assert_int_equal(r.signal, SIGKILL); /* it did not listen to SIGTERM, nor did its child */
    assert_int_equal(reap(out), SIGKILL);
}

static void *cancel_later(void *arg)
{
    char byte;
    int *ends = arg;
    if (read(ends[0], &byte, 1) == 1)
        atomic_store((atomic_bool *)(void *)(ends + 2), true);
    return NULL;
}

static void test_cancel(void **state)
{
    struct {
        int ends[2];
        atomic_bool flag;
    } shared = {.flag = false};
    assert_int_equal(pipe(shared.ends), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_later, &shared), 0);
    struct ctx cx = {.arena = *state, .cancelled = &shared.flag};
    struct shell s;
    struct proc *p;
    struct slice piece;
    struct proc_result r;
    shell_init(&s, "echo up; exec sleep 1000");
    assert_ok(proc_start(&cx, &s.spec, &p));
    assert_ok(proc_read(p, &cx, &piece));
    assert_slice(piece, "up\n");
    assert_int_equal(write(shared.ends[1], "x", 1), 1);
    assert_status(proc_read(p, &cx, &piece), STATUS_CANCELLED);
    assert_ok(proc_finish(p, &cx, &r));
    assert_int_equal(r.signal, SIGTERM);
    pthread_join(thread, NULL);
    close(shared.ends[0]);
    close(shared.ends[1]);
}

static void test_finish_without_reading(void **state)
{
    struct ctx cx = {.arena = *state};
    struct shell s;
    struct proc *p;
    struct proc_result r;
    shell_init(&s, "exec cat /dev/zero");
    assert_ok(proc_start(&cx, &s.spec, &p));
    assert_ok(proc_finish(p, &cx, &r));
    assert_true(r.signal == SIGTERM || r.signal == SIGKILL); /* the second when it was slow to go */
}

static void test_stray_that_holds_the_pipes(void **state)
{
    struct ctx cx = {.arena = *state};
    struct shell s;
    struct slice out;
    struct proc_result r;
    shell_init(&s, "sleep 1000 & echo $!");
    assert_ok(proc_output(&cx, &s.spec, &out, &r));
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(reap(out), SIGKILL);
}

static struct error *watch(void *arg, struct ctx *cx)
{
    return error_new(cx->arena, STATUS_NO_SPACE, "%s", (const char *)arg);
}

static void test_watch_ends_it(void **state)
{
    struct ctx cx = {.arena = *state};
    struct shell s;
    struct slice out;
    struct proc_result r;
    shell_init(&s, "exec sleep 1000");
    s.spec.watch = watch;
    s.spec.watch_arg = (void *)(uintptr_t) "enough";
    assert_status(proc_output(&cx, &s.spec, &out, &r), STATUS_NO_SPACE);
    assert_int_equal(r.signal, SIGTERM);
}

/* The bits behind a name in /proc/self/status, without the two signals that are the C library's own
 * and that nobody can set. */
static uint64_t signals_of(struct slice status, const char *name)
{
    ptrdiff_t at = slice_find_slice(status, slice_of(name));
    assert_true(at >= 0);
    return strtoull(status.p + at + strlen(name), NULL, 16) & ~(UINT64_C(3) << 31);
}

static void test_no_descriptor_or_signal_state_is_inherited(void **state)
{
    struct ctx cx = {.arena = *state};
    struct shell s;
    struct slice out;
    struct proc_result r;
    int leaky = fcntl(0, F_DUPFD, 100);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    shell_init(&s, "exec grep -E 'SigBlk|SigIgn' /proc/self/status");
    assert_ok(proc_output(&cx, &s.spec, &out, &r));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, old);
    assert_int_equal(signals_of(out, "SigBlk:\t"), 0);
    assert_int_equal(signals_of(out, "SigIgn:\t"), 0);
    shell_init(&s, "for f in /proc/$$/fd/*; do echo ${f##*/}; done; echo");
    assert_ok(proc_output(&cx, &s.spec, &out, &r));
    assert_int_equal(slice_find_slice(out, slice_of(arena_printf(*state, "\n%d\n", leaky).p)), -1);
    close(leaky);
}

/* A process that starts a child and is killed: the child goes too, and what that has started. */
static void test_nothing_outlives_us(void **state)
{
    struct ctx cx = {.arena = *state};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t middle = fork();
    if (middle == 0) {
        struct shell s;
        struct proc *p;
        struct slice piece;
        shell_init(&s, "sleep 1000 & echo $!; echo $$; exec sleep 1000");
        if (proc_start(&cx, &s.spec, &p))
            _exit(1);
        for (;;) {
            if (proc_read(p, &cx, &piece) || fd_write_all(cx.arena, ends[1], piece))
                _exit(1);
        }
    }
    close(ends[1]);
    char text[64];
    size_t n = 0;
    for (ssize_t got; n < sizeof(text) && memchr(text, '\n', n) == memrchr(text, '\n', n);
         n += (size_t)got) {
        got = read(ends[0], text + n, sizeof(text) - n);
        assert_true(got > 0);
    }
    kill(middle, SIGKILL);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    int how, ended = 0;
    for (; waitpid(-1, &how, 0) > 0; ended++) {
        assert_true(WIFSIGNALED(how));
        /* By its parent's death, or with its group: whichever is quicker. */
        assert_true(WTERMSIG(how) == SIGKILL || WTERMSIG(how) == SIGTERM);
    }
    assert_int_equal(ended, 2);
    close(ends[0]);
}

/* ---- conversations ---- */

static struct slice read_until(struct proc *p, struct ctx *cx, size_t n)
{
    struct slice piece;
    struct buf b = {0};
    do {
        assert_ok(proc_read(p, cx, &piece));
        buf_add(&b, piece);
    } while (piece.n && b.n < n);
    struct slice all = arena_dup(cx->arena, buf_slice(&b));
    buf_release(&b);
    return all;
}

struct talk {
    struct shell s;
    struct ctx *cx;
    struct proc *p;
};

static void *start_talk(void *arg)
{
    struct talk *t = arg;
    t->s.spec.is_conversation = true;
    assert_ok(proc_start(t->cx, &t->s.spec, &t->p));
    return NULL;
}

/* The thread that started it may end; the child takes more than fits into a socket at once. */
static void test_conversation(void **state)
{
    struct ctx cx = {.arena = *state};
    struct talk t = {.cx = &cx};
    struct proc_result r;
    pthread_t thread;
    shell_init(&t.s, "echo ready >&2; exec cat");
    t.s.spec.max_output_bytes = UINT64_MAX;
    assert_int_equal(pthread_create(&thread, NULL, start_talk, &t), 0);
    pthread_join(thread, NULL);
    proc_tell(t.p, S("one\n"));
    assert_slice(read_until(t.p, &cx, 4), "one\n");
    assert_slice(proc_errors(t.p, cx.arena), "ready\n");
    char *p = arena_alloc(cx.arena, 4000000);
    memset(p, 'x', 4000000);
    proc_tell(t.p, slice_make(p, 4000000));
    assert_int_equal(read_until(t.p, &cx, 4000000).n, 4000000);
    assert_ok(proc_finish(t.p, &cx, &r));
    assert_int_equal(r.signal, SIGTERM);
}

static void test_conversation_with_one_that_is_gone(void **state)
{
    struct ctx cx = {.arena = *state};
    struct talk t = {.cx = &cx};
    struct proc_result r;
    shell_init(&t.s, "exit 3");
    start_talk(&t);
    assert_int_equal(read_until(t.p, &cx, 1).n, 0);
    proc_tell(t.p, S("anybody there?\n"));
    assert_int_equal(read_until(t.p, &cx, 1).n, 0);
    assert_ok(proc_finish(t.p, &cx, &r));
    assert_int_equal(r.exit_code, 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_output_errors_and_exit_code),
        T(test_large_input_and_output),
        T(test_tail_of_errors),
        T(test_a_program_that_is_not_there),
        T(test_find),
        T(test_deadline_takes_the_group_down),
        T(test_cancel),
        T(test_finish_without_reading),
        T(test_stray_that_holds_the_pipes),
        T(test_watch_ends_it),
        T(test_no_descriptor_or_signal_state_is_inherited),
        T(test_nothing_outlives_us),
        T(test_conversation),
        T(test_conversation_with_one_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
