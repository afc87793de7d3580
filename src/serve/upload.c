/*
 * Why a lane writes and not the loop: a write to a file goes to the page cache and is quick until
 * the kernel decides that there is too much of it that the disk has not taken yet. Then it makes
 * the writer wait, for as long as the disk needs, and all requests of the loop with it.
 *
 * So pieces are gathered in a buffer. When it has enough and no job is under way, it changes places
 * with an empty one, and a job writes it. When the job is done, the bytes are reported as taken,
 * which lets the client send on. What the buffers hold together is bounded by what src/http gives
 * before it must hear that (HTTP_BODY_WINDOW_BYTES and one read).
 *
 * One job runs at a time, and what it may touch is not touched by the loop meanwhile. A client that
 * leaves only sets req to NULL; who sees that next, the loop if no job runs, else the job's end,
 * sends the last job, which removes the stage.
 */
#include "serve/upload.h"

#include "base/file.h"
#include "serve/serve_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { WRITE_BYTES = 64 * 1024 };

static struct upload *of_job(struct job *job)
{
    return (struct upload *)(void *)((char *)job - offsetof(struct upload, job));
}

static struct upload *of_task(struct loop_task *task)
{
    return (struct upload *)(void *)((char *)task - offsetof(struct upload, task));
}

/* ---- [worker] ---- */

static struct error *open_stage(struct upload *u)
{
    struct arena *a = &u->arena;
    if (u->fd >= 0)
        return NULL;
    TRY(store_stage_new(u->store, a, &u->stage));
    const char *path = store_stage_zip(u->stage);
    u->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return u->fd < 0 ? error_errno(a, errno, "creating %s", path) : NULL;
}

static void run_write(struct job *job)
{
    struct upload *u = of_job(job);
    u->err = open_stage(u);
    if (!u->err)
        u->err = fd_write_all(&u->arena, u->fd, buf_slice(&u->writing));
    loop_post(u->loop, &u->task);
}

static void run_finish(struct job *job)
{
    struct upload *u = of_job(job);
    struct ctx cx = {.arena = &u->arena};
    fd_cleanup(&u->fd);
    u->err = u->finish(u, &cx);
    u->is_finished = true;
    loop_post(u->loop, &u->task);
}

static void discard(struct upload *u)
{
    fd_cleanup(&u->fd);
    store_stage_free(u->stage);
    u->stage = NULL;
}

static void run_discard(struct job *job)
{
    struct upload *u = of_job(job);
    discard(u);
    loop_post(u->loop, &u->task);
}

/* ---- [loop] ---- */

static void on_discarded(struct loop_task *task)
{
    struct upload *u = of_task(task);
    buf_release(&u->filling);
    buf_release(&u->writing);
    arena_release(&u->arena);
    u->release(u);
}

/* A lane that is closing takes no more jobs: then the process is ending, and this loop may wait. */
static void end(struct upload *u)
{
    u->req = NULL;
    u->is_busy = true;
    u->job = (struct job){.run = run_discard};
    u->task = (struct loop_task){.run = on_discarded};
    if (lane_submit(u->lane, &u->job, LANE_INTERACTIVE))
        return;
    discard(u);
    loop_post(u->loop, &u->task);
}

static void answer(struct upload *u)
{
    u->answer(u);
    end(u);
}

static void go_on(struct upload *u);

static void on_job_done(struct loop_task *task)
{
    struct upload *u = of_task(task);
    u->is_busy = false;
    if (!u->req)
        end(u);
    else if (u->err || u->is_finished)
        answer(u);
    else
        go_on(u);
}

static void submit(struct upload *u, void (*run)(struct job *job))
{
    u->is_busy = true;
    u->job = (struct job){.run = run};
    u->task = (struct loop_task){.run = on_job_done};
    if (lane_submit(u->lane, &u->job, LANE_INTERACTIVE))
        return;
    u->err = error_new(&u->arena, STATUS_OVERLOAD, "too many uploads are under way");
    answer(u);
}

/* Reports what was written, and has written what has come since. */
static void go_on(struct upload *u)
{
    uint64_t written = u->writing.n;
    buf_clear(&u->writing);
    if (u->filling.n >= WRITE_BYTES || (u->is_whole && u->filling.n)) {
        struct buf full = u->filling;
        u->filling = u->writing;
        u->writing = full;
        submit(u, run_write);
    } else if (u->is_whole) {
        submit(u, run_finish);
    }
    if (written && u->req)
        http_request_took(u->req, written);
}

static void on_piece(void *arg, struct slice piece)
{
    struct upload *u = arg;
    buf_add(&u->filling, piece);
    if (!u->is_busy && u->filling.n >= WRITE_BYTES)
        go_on(u);
}

static void on_gone(void *arg)
{
    struct upload *u = arg;
    u->req = NULL;
    if (!u->is_busy)
        end(u);
}

static void on_whole(void *arg)
{
    struct upload *u = arg;
    u->is_whole = true;
    if (!http_request_park(u->req, on_gone, u)) {
        respond_error(u->req, error_new(http_request_arena(u->req), STATUS_OVERLOAD,
                                        "this connection waits for too many things"));
        on_gone(u);
    } else if (!u->is_busy) {
        go_on(u);
    }
}

void upload_start(struct upload *u, uint64_t max_bytes)
{
    u->loop = http_request_loop(u->req);
    u->fd = -1;
    http_request_take_body(u->req,
                           &(struct http_body_sink){max_bytes, on_piece, on_whole, on_gone, u});
}
