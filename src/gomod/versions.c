#include "gomod/pseudo.h"
#include "gomod/semver.h"

enum rank { RANK_NONE, RANK_PSEUDO, RANK_PRERELEASE, RANK_RELEASE };

/* Only versions that a module may be published under: no short forms, no other build metadata. */
static bool is_canonical(struct slice v)
{
    struct slice build = semver_build(v);
    bool is_short = slice_find(v, '.') == slice_rfind(v, '.');
    return semver_is_valid(v) && !is_short && (build.n == 0 || slice_eq(build, S("+incompatible")));
}

/* The time is where later and earlier pseudo-versions differ; one that does not exist is passed. */
static enum rank rank_of(struct arena *a, struct slice v, int64_t *unix_s)
{
    *unix_s = 0;
    if (!is_canonical(v))
        return RANK_NONE;
    if (pseudo_is(v))
        return pseudo_time(a, v, unix_s) ? RANK_NONE : RANK_PSEUDO;
    return semver_prerelease(v).n ? RANK_PRERELEASE : RANK_RELEASE;
}

struct slice version_latest(const struct slice *versions, size_t n)
{
    struct arena a = ARENA_INIT;
    struct slice best = S("");
    enum rank best_rank = RANK_NONE;
    int64_t best_s = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t unix_s;
        enum rank rank = rank_of(&a, versions[i], &unix_s);
        bool is_later = unix_s > best_s;
        bool is_higher = unix_s == best_s && semver_compare(versions[i], best) > 0;
        if (rank > best_rank || (rank == best_rank && rank && (is_later || is_higher))) {
            best = versions[i];
            best_rank = rank;
            best_s = unix_s;
        }
        arena_clear(&a);
    }
    arena_release(&a);
    return best;
}

size_t versions_sort_for_list(struct slice *versions, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_canonical(versions[i]) && !pseudo_is(versions[i]))
            versions[kept++] = versions[i];
    }
    semver_sort(versions, kept);
    size_t unique = 0;
    for (size_t i = 0; i < kept; i++) {
        if (unique == 0 || !slice_eq(versions[unique - 1], versions[i]))
            versions[unique++] = versions[i];
    }
    return unique;
}
