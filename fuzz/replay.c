/* Runs a fuzz target over the files of a folder: the corpus as a regression test. */
#include "base/file.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct error *replay_file(void *arg, struct arena *a, struct slice rel)
{
    struct slice data;
    TRY(file_read(a, arena_printf(a, "%s/%s", (const char *)arg, rel.p).p, 64 << 20, &data));
    uint8_t *copy = xmalloc(data.n); /* its own block, so that a read beyond it is seen */
    memcpy(copy, data.p, data.n);
    LLVMFuzzerTestOneInput(copy, data.n);
    free(copy);
    return NULL;
}

int main(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    struct error *err = dir_walk(&a, argv[1], replay_file, argv[1]);
    if (err)
        fprintf(stderr, "%s\n", error_chain(&a, err).p);
    arena_release(&a);
    return err ? 1 : 0;
}
