/* Request paths: whatever is accepted names a module by Go's rules and cannot leave the store. */
#include "base/base.h"

#include "repo/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct question q;
    BUF_SCOPED(path);
    buf_add_byte(&path, '/');
    buf_add(&path, slice_make((const char *)data, size));
    if (!question_parse(&a, buf_slice(&path), &q)) {
        if (slice_find_slice(q.key, S("/../")) >= 0 || slice_starts(q.key, S("../")))
            BUG("a key with a dotted element");
        if (q.mv.path.n && module_check_path(&a, q.mv.path))
            BUG("a path that is none");
        if (slice_find(q.key, '\0') >= 0)
            BUG("a NUL in a key");
    }
    arena_release(&a);
    return 0;
}
