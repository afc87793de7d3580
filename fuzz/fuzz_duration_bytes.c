/* Any bytes as a size and as a duration: what is taken is written so that it reads back the same.
 */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct error *(*parse_fn)(struct arena *, struct slice, uint64_t *);
typedef struct slice (*format_fn)(struct arena *, uint64_t);

static void check(struct slice text, parse_fn parse, format_fn format)
{
    struct arena a = ARENA_INIT;
    uint64_t first, second = 0;
    struct error *err = parse(&a, text, &first);
    if (!err) {
        struct slice written = format(&a, first);
        err = parse(&a, written, &second);
        if (err || first != second)
            BUG("%.*s became %.*s", SLICE_ARG(text), SLICE_ARG(written));
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    if (size > 256)
        return 0;
    check(text, config_parse_bytes, config_format_bytes);
    check(text, config_parse_duration, config_format_duration);
    return 0;
}
