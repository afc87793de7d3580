/*
 * Problem: the program has many threads and much memory, its children (git, ssh) have children of
 * their own, hang when a host hangs, and must not outlive anybody's interest in them.
 *
 * Design: vfork(), because fork() copies page tables and posix_spawn() cannot ask for a death
 * signal. Between vfork and exec the child runs in our memory: it makes system calls only, and
 * tells its errno through the plan it was started with. Signals are blocked in the calling thread
 * meanwhile, so that no handler runs in the child. Standard input is a memory file: nothing has to
 * be fed while output is read; in a conversation it is fed by the loop that reads. A pidfd wakes
 * the one poll() when the child ends though somebody else still holds its pipes; without pidfds the
 * end is seen a step later.
 *
 * A death signal reaches the child alone, not what it has started. So the group is on a leash: a
 * pipe that nobody writes to, whose other end the child keeps, and on which it has asked for a
 * SIGKILL to its whole group when something happens. What happens is that our end is closed, by the
 * kernel when we die in whatever way. The death signal is for kernels that do not do that.
 *
 * What stays true: the child is a zombie, its pid ours, until the group has been killed, so a kill
 * never hits a stranger. After proc_finish() nothing of the group runs.
 */
#include "base/proc.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 32 << 10,
    STEP_MS = 50, /* nobody signals a cancellation, so it is looked for that often */
    WATCH_MS = 500,
    GRACE_MS = 1000, /* between SIGTERM and SIGKILL */
};

struct proc {
    pid_t pid;
    int pidfd;  /* -1 where the kernel has none */
    int input;  /* our end, for a conversation; else -1 */
    int output; /* our ends of the pipes; -1 when they ended */
    int errors;
    int leash;
    struct slice told; /* what the child has not taken yet */
    uint64_t output_bytes;
    uint64_t max_output_bytes;
    struct error *(*watch)(void *arg, struct ctx *cx);
    void *watch_arg;
    int64_t watched_at_ms;
    bool is_broken;  /* proc_read() failed: the rest is not wanted */
    struct buf tail; /* of standard error */
    char piece[PIECE_BYTES];
};

/* What the child needs between vfork and exec; it answers in err. */
struct plan {
    const struct proc_spec *spec;
    int fds[3];
    int leash;
    pid_t parent;
    int err;
};

static atomic_int running;

int proc_running(void)
{
    return atomic_load(&running);
}

const char *proc_find(struct arena *a, const char *name, const char *path)
{
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? arena_cstr(a, slice_of(name)) : NULL;
    struct slice rest = slice_of(path ? path : "/usr/local/bin:/usr/bin:/bin");
    while (rest.p) {
        struct slice dir = slice_cut(&rest, ':');
        if (dir.n == 0 || dir.p[0] != '/')
            continue; /* a program of the current folder is never meant */
        const char *full = arena_printf(a, "%.*s/%s", SLICE_ARG(dir), name).p;
        if (access(full, X_OK) == 0)
            return full;
    }
    return NULL;
}

/* Puts the descriptors in place, and closes all others. Runs in the child. */
static int take_descriptors(const struct plan *plan)
{
    enum { COUNT = 4 };
    const int from[COUNT] = {plan->fds[0], plan->fds[1], plan->fds[2], plan->leash};
    int high[COUNT];
    for (int i = 0; i < COUNT; i++) { /* out of the way first: from[1] may be 0 */
        high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, COUNT);
        if (high[i] < 0)
            return -1;
    }
    for (int i = 0; i < COUNT; i++) {
        if (dup2(high[i], i) < 0)
            return -1;
    }
    close_range(COUNT, UINT_MAX, 0); /* ours are close-on-exec; a library's may not be */
    return 0;
}

/* Takes the group on the leash. Runs in the child. */
static void take_leash(int fd)
{
    fcntl(fd, F_SETOWN, -getpid());
    fcntl(fd, F_SETSIG, SIGKILL);
    fcntl(fd, F_SETFL, O_ASYNC);
}

static void reset_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &plain, NULL); /* fails for SIGKILL, SIGSTOP and glibc's own */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs in the child, in our memory: system calls only. */
NORETURN static void become(struct plan *plan)
{
    const struct proc_spec *s = plan->spec;
    /* A session of its own is a group of its own, and has no terminal to ask anybody on. */
    if (setsid() < 0 || (!s->is_conversation && prctl(PR_SET_PDEATHSIG, SIGTERM) < 0))
        goto failed;
    if (getppid() != plan->parent)
        _exit(127); /* modgate died before the signal was asked for */
    if (s->dir && chdir(s->dir) < 0)
        goto failed;
    take_leash(plan->leash);
    if (take_descriptors(plan) < 0)
        goto failed;
    reset_signals();
    execve(s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)s->env);
failed:
    plan->err = errno;
    _exit(127);
}

static pid_t launch(struct plan *plan)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    plan->parent = getpid();
    /* The checker knows posix_spawn() and exec only; the top of the file says why not. */
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (pid == 0)
        become(plan); /* NOLINT(clang-analyzer-unix.Vfork) */
    if (pid < 0)
        plan->err = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid > 0 && plan->err)
        waitpid(pid, NULL, 0);
    return plan->err ? -1 : pid;
}

/* A socket, not a pipe: what is sent to a child that is gone must raise no signal. */
static struct error *open_conversation(struct arena *a, int *fd, int *ours)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_errno(a, errno, "socket");
    *fd = ends[0];
    *ours = ends[1];
    return NULL;
}

static struct error *open_input(struct arena *a, struct slice input, int *fd)
{
    if (input.n == 0) {
        *fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *fd < 0 ? error_errno(a, errno, "/dev/null") : NULL;
    }
    *fd = memfd_create("input", MFD_CLOEXEC);
    if (*fd < 0)
        return error_errno(a, errno, "memory file");
    TRY(fd_write_all(a, *fd, input));
    return lseek(*fd, 0, SEEK_SET) < 0 ? error_errno(a, errno, "memory file") : NULL;
}

/* ends[0] is for reading, and does not block. */
static struct error *open_pipe(struct arena *a, int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(a, errno, "pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return NULL;
}

struct error *proc_start(struct ctx *cx, const struct proc_spec *s, struct proc **out)
{
    struct arena *a = cx->arena;
    FD_SCOPED input = -1, input_out = -1, output_in = -1, output_out = -1, errors_in = -1,
              errors_out = -1;
    FD_SCOPED leash_in = -1, leash_out = -1;
    int ends[2];
    TRY(ctx_check(cx));
    if (s->is_conversation)
        TRY(open_conversation(a, &input, &input_out));
    else
        TRY(open_input(a, s->input, &input));
    TRY(open_pipe(a, ends));
    output_in = ends[0], output_out = ends[1];
    TRY(open_pipe(a, ends));
    errors_in = ends[0], errors_out = ends[1];
    TRY(open_pipe(a, ends));
    leash_in = ends[0], leash_out = ends[1];
    struct plan plan = {.spec = s, .fds = {input, output_out, errors_out}, .leash = leash_in};
    struct proc *p = ARENA_NEW(a, struct proc);
    p->pid = launch(&plan);
    if (p->pid < 0)
        return error_errno(a, plan.err, "starting %s", s->argv[0]);
    atomic_fetch_add(&running, 1);
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    p->input = fd_take(&input_out);
    p->output = fd_take(&output_in);
    p->errors = fd_take(&errors_in);
    p->leash = fd_take(&leash_out);
    p->max_output_bytes = s->max_output_bytes;
    p->watch = s->watch;
    p->watch_arg = s->watch_arg;
    p->watched_at_ms = now_ms();
    *out = p;
    return NULL;
}

/* Reads what is there into the piece. False when there is nothing now. */
static bool take(struct proc *p, int *fd, struct slice *piece)
{
    ssize_t n;
    do {
        n = read(*fd, p->piece, sizeof(p->piece));
    } while (n < 0 && errno == EINTR);
    *piece = slice_make(p->piece, n > 0 ? (size_t)n : 0);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        fd_cleanup(fd);
    return true;
}

/* Takes what standard error has, and keeps its end. A child that floods it stops nobody. */
static void drain_errors(struct proc *p)
{
    struct slice piece;
    for (int i = 0; i < 8 && p->errors >= 0 && take(p, &p->errors, &piece); i++) {
        buf_add(&p->tail, piece);
        if (p->tail.n > (size_t)2 * PROC_ERRORS_BYTES)
            buf_drop(&p->tail, p->tail.n - PROC_ERRORS_BYTES);
    }
}

static bool has_ended(const struct proc *p)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
}

/* Sleeps until something happens, at most ms. */
static void wait_event(struct proc *p, bool with_output, int64_t ms)
{
    struct pollfd fds[] = {{.fd = with_output ? p->output : -1, .events = POLLIN},
                           {.fd = with_output && p->told.n ? p->input : -1, .events = POLLOUT},
                           {.fd = p->errors, .events = POLLIN},
                           {.fd = p->pidfd, .events = POLLIN}};
    poll(fds, ARRAY_LEN(fds), (int)(ms < STEP_MS ? ms : STEP_MS));
    drain_errors(p);
}

/* Gives the child what it takes now. One that takes no more is about to end: that shows later. */
static void pass_told(struct proc *p)
{
    ssize_t n = 1;
    while (p->told.n && n > 0) {
        n = send(p->input, p->told.p, p->told.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            p->told = slice_skip(p->told, (size_t)n);
        else if (errno != EAGAIN && errno != EINTR)
            p->told = S("");
    }
}

void proc_tell(struct proc *p, struct slice text)
{
    if (p->input < 0 || p->told.n)
        BUG("nobody listens");
    p->told = text;
    pass_told(p);
}

struct slice proc_errors(struct proc *p, struct arena *a)
{
    drain_errors(p);
    return arena_dup(a, buf_slice(&p->tail));
}

static struct error *check(struct proc *p, struct ctx *cx)
{
    TRY(ctx_check(cx));
    if (!p->watch || now_ms() - p->watched_at_ms < WATCH_MS)
        return NULL;
    p->watched_at_ms = now_ms();
    return p->watch(p->watch_arg, cx);
}

static struct error *read_piece(struct proc *p, struct ctx *cx, struct slice *piece)
{
    for (bool was_over = false; p->output >= 0;) {
        pass_told(p);
        if (take(p, &p->output, piece)) {
            p->output_bytes += piece->n;
            if (p->output_bytes > p->max_output_bytes)
                return error_new(cx->arena, STATUS_TOO_LARGE, "more than %" PRIu64 " bytes",
                                 p->max_output_bytes);
            return check(p, cx);
        }
        if (was_over) /* a child of its own still holds the pipe */
            fd_cleanup(&p->output);
        else if (has_ended(p)) /* what it wrote is in the pipe by now: once more */
            was_over = true;
        else
            wait_event(p, true, STEP_MS);
        TRY(check(p, cx));
    }
    return NULL;
}

struct error *proc_read(struct proc *p, struct ctx *cx, struct slice *piece)
{
    *piece = S("");
    struct error *err = read_piece(p, cx, piece);
    p->is_broken = err != NULL;
    return err;
}

static void wait_until(struct proc *p, int64_t until_ms)
{
    for (int64_t left; !has_ended(p) && (left = until_ms - now_ms()) > 0;)
        wait_event(p, false, left);
}

/* Takes the group down, gently first when the child still runs, and reaps the child. */
static int end_group(struct proc *p)
{
    int state = 0;
    if (!has_ended(p)) {
        kill(-p->pid, SIGTERM);
        wait_until(p, now_ms() + GRACE_MS);
    }
    kill(-p->pid, SIGKILL);
    while (waitpid(p->pid, &state, 0) < 0 && errno == EINTR)
        continue;
    return state;
}

static void close_all(struct proc *p)
{
    fd_cleanup(&p->input);
    fd_cleanup(&p->output);
    fd_cleanup(&p->errors);
    fd_cleanup(&p->pidfd);
    fd_cleanup(&p->leash);
    buf_release(&p->tail);
    atomic_fetch_sub(&running, 1);
}

struct error *proc_finish(struct proc *p, struct ctx *cx, struct proc_result *out)
{
    struct error *err = NULL;
    bool is_wanted = !p->is_broken && p->output < 0;
    while (is_wanted && !err && !has_ended(p)) {
        wait_event(p, false, STEP_MS);
        err = check(p, cx);
    }
    int state = end_group(p);
    drain_errors(p);
    size_t skip = p->tail.n > PROC_ERRORS_BYTES ? p->tail.n - PROC_ERRORS_BYTES : 0;
    *out = (struct proc_result){
        .exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : -1,
        .signal = WIFSIGNALED(state) ? WTERMSIG(state) : 0,
        .errors = arena_dup(cx->arena, slice_skip(buf_slice(&p->tail), skip)),
    };
    close_all(p);
    return err;
}

static struct error *gather(struct proc *p, struct ctx *cx, struct buf *b)
{
    struct slice piece;
    do {
        TRY(proc_read(p, cx, &piece));
        buf_add(b, piece);
    } while (piece.n);
    return NULL;
}

struct error *proc_output(struct ctx *cx, const struct proc_spec *s, struct slice *output,
                          struct proc_result *out)
{
    struct proc *p;
    BUF_SCOPED(b);
    *out = (struct proc_result){.exit_code = -1, .errors = S("")};
    *output = S("");
    TRY(proc_start(cx, s, &p));
    struct error *err = gather(p, cx, &b);
    struct error *late = proc_finish(p, cx, out);
    *output = arena_dup(cx->arena, buf_slice(&b));
    return err ? err : late;
}
