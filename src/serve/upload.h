/*
 * A request's body on its way into a file of the store's stage, and then a job that makes something
 * of it. The loop never writes a file; memory is two buffers an upload. [loop] unless marked.
 */
#ifndef MODGATE_SERVE_UPLOAD_H
#define MODGATE_SERVE_UPLOAD_H

#include "base/ctx.h"

#include "http/http.h"
#include "store/store.h"
#include "work/lane.h"

struct upload {
    struct job job;
    struct loop_task task;
    struct http_request *req; /* NULL: the client has left, or was answered */
    struct loop *loop;
    struct lane *lane;
    struct arena arena; /* of the upload: what jobs make; lives until release() */
    struct store *store;
    struct store_stage *stage; /* made by the first job */
    int fd;                    /* of its zip */
    struct buf filling;        /* what came in; the loop's */
    struct buf writing;        /* what the job writes */
    bool is_busy;              /* a job runs: all but filling is its */
    bool is_whole, is_finished;
    struct error *err; /* of a job */

    /* Set by the owner, who embeds the upload. */
    struct error *(*finish)(struct upload *u,
                            struct ctx *cx); /* [worker] the body is on the disk */
    void (*answer)(struct upload *u);        /* finish has run, or something failed: u->err tells */
    void (*release)(struct upload *u);       /* the last call: frees the owner */
};

/*
 * In on_header: takes the body, of at most max_bytes. req, lane, store and the owner's members are
 * set, the rest is zeroed. From now on the upload ends by itself: whatever happens, release() is
 * called in the end, and the stage is gone then. The lane has room for one job of every upload.
 */
void upload_start(struct upload *u, uint64_t max_bytes);

#endif
