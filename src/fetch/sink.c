#include "fetch/sink.h"

#include "base/file.h"

#include <errno.h>
#include <unistd.h>

void sink_init(struct sink *s, int fd)
{
    *s = (struct sink){.fd = fd, .hash = sha256_new()};
}

void sink_release(struct sink *s)
{
    buf_release(&s->buf);
    buf_release(&s->validator);
    sha256_free(s->hash);
}

struct error *sink_add(struct sink *s, struct arena *a, struct slice data)
{
    if (s->fd >= 0)
        TRY(fd_write_all(a, s->fd, data));
    else
        buf_add(&s->buf, data);
    sha256_add(s->hash, data.p, data.n);
    s->size += data.n;
    return NULL;
}

struct error *sink_restart(struct sink *s, struct arena *a)
{
    if (s->size && s->fd >= 0 && (ftruncate(s->fd, 0) || lseek(s->fd, 0, SEEK_SET) < 0))
        return error_errno(a, errno, "emptying a half-fetched file");
    buf_clear(&s->buf);
    buf_clear(&s->validator);
    sha256_reset(s->hash);
    s->size = 0;
    return NULL;
}

bool sink_can_resume(const struct sink *s)
{
    return s->fd >= 0 && s->size > 0 && s->validator.n > 0;
}
