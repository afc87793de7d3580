/* What the files of the face share. */
#ifndef MODGATE_VCS_VCS_PRIV_H
#define MODGATE_VCS_VCS_PRIV_H

#include "vcs/discovery.h"
#include "vcs/git.h"
#include "vcs/vcs.h"

#include <pthread.h>

enum { CHOICES = 512, CHOICE_ROOT_BYTES = 256 };

/* Which of several URLs of a repository has answered. */
struct choice {
    char root[CHOICE_ROOT_BYTES]; /* of the place; "" = none */
    size_t url;
    int64_t until_ms;
};

struct vcs {
    struct arena arena;   /* strings of the options */
    struct vcs_options o; /* those that discovery has no use for */
    struct discovery *discovery;
    pthread_mutex_t lock; /* guards the two below */
    struct git *git;      /* NULL until it is needed */
    struct choice choices[CHOICES];
};

/* The git of this vcs, made when it is asked for first. */
struct error *vcs_git(struct vcs *v, struct ctx *cx, struct git **out) MUST_CHECK;

#endif
