/* A path that is taken for a tile is the one that the tile prints as. */
#include "sumdb/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct tile t;
    struct slice path = slice_make((const char *)data, size);
    if (tile_parse(path, &t)) {
        if (!slice_eq(tile_format(&a, t), path))
            BUG("a tile prints as another path");
        if (t.width < 1 || t.width > TILE_WIDTH || t.level < TILE_DATA || t.level > TILE_MAX_LEVEL)
            BUG("a tile out of bounds");
    }
    arena_release(&a);
    return 0;
}
