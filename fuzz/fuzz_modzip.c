/* Any bytes as a module zip: rules and checksum. */
#include "gomod/modzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice bytes = slice_make((const char *)data, size);
    struct module_version mv = {.path = S("example.com/m"), .version = S("v1.2.3")};
    struct modzip_limits limits = MODZIP_LIMITS_GO;
    struct modzip_result r;
    char h1[H1_TEXT_BYTES];
    limits.content_bytes = 16 << 20;
    struct error *verify_err = modzip_verify(&a, bytes, mv, &limits, &r);
    if (!verify_err) {
        struct error *hash_err = modzip_hash(&a, bytes, h1);
        if (hash_err || strcmp(h1, r.h1) != 0)
            BUG("the h1 of a valid zip is not its h1");
    }
    arena_release(&a);
    return 0;
}
