/* The netrc reader: what it returns lies inside its input, and every entry is complete. */
#include "net/netrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const uint8_t *data, size_t size, struct slice s)
{
    const char *low = (const char *)data;
    if (!s.n || s.p < low || s.p + s.n > low + size)
        BUG("a word outside the input");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct netrc_line *lines;
    size_t count;
    netrc_parse(&a, slice_make((const char *)data, size), &lines, &count);
    for (size_t i = 0; i < count; i++) {
        check_inside(data, size, lines[i].machine);
        check_inside(data, size, lines[i].login);
        check_inside(data, size, lines[i].password);
    }
    arena_release(&a);
    return 0;
}
