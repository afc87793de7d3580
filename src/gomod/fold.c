#include "gomod/fold.h"

#include "gomod/text.h"

/* Every stride-th rune from first to last folds to itself plus delta. */
struct fold_run {
    uint32_t first, last, stride;
    int32_t delta;
};

#include "gomod/fold_table.inc"

uint32_t rune_fold(uint32_t rune)
{
    if (rune < 0x80)
        return rune >= 'A' && rune <= 'Z' ? rune | 0x20 : rune;
    size_t low = 0, high = ARRAY_LEN(fold_runs);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (rune > fold_runs[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    const struct fold_run *run = &fold_runs[low];
    if (low == ARRAY_LEN(fold_runs) || rune < run->first || (rune - run->first) % run->stride)
        return rune;
    return (uint32_t)((int32_t)rune + run->delta);
}

/* Where the common bytes end, moved back to the start of a rune. */
static size_t common_prefix(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n, i = 0;
    while (i < n && a.p[i] == b.p[i])
        i++;
    while (i > 0 && i < n && ((a.p[i] & 0xc0) == 0x80 || (b.p[i] & 0xc0) == 0x80))
        i--;
    return i;
}

/* The next folded rune with '/' as the least; 0 at the end. */
static uint32_t next_key(struct slice *s)
{
    uint32_t rune;
    size_t n = rune_decode(*s, &rune);
    *s = slice_skip(*s, n);
    if (n == 0)
        return 0;
    return rune == '/' ? 1 : rune_fold(rune) + 2;
}

int path_fold_cmp(struct slice a, struct slice b)
{
    size_t skip = common_prefix(a, b);
    a = slice_skip(a, skip);
    b = slice_skip(b, skip);
    for (;;) {
        uint32_t x = next_key(&a), y = next_key(&b);
        if (x != y)
            return x < y ? -1 : 1;
        if (x == 0)
            return 0;
    }
}
