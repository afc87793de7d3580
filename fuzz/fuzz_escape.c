/* Escaping is a bijection between valid names and their escaped forms. */
#include "gomod/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct slice a, struct slice b)
{
    if (!slice_eq(a, b))
        BUG("a round trip changed the name");
}

static void check_path(struct arena *a, struct slice s)
{
    struct slice escaped, back;
    if (!module_escape_path(a, s, &escaped)) {
        if (module_check_path(a, s) || module_check_import_path(a, s) ||
            module_check_file_path(a, s))
            BUG("escaped a path that is not valid");
        if (module_unescape_path(a, escaped, &back))
            BUG("an escaped path cannot be read back");
        same(back, s);
    }
    if (!module_unescape_path(a, s, &back)) {
        if (module_escape_path(a, back, &escaped))
            BUG("an unescaped path is not valid");
        same(escaped, s);
    }
}

static void check_version(struct arena *a, struct slice s)
{
    struct slice escaped, back;
    if (!module_escape_version(a, s, &escaped)) {
        if (module_unescape_version(a, escaped, &back))
            BUG("an escaped version cannot be read back");
        same(back, s);
    }
    if (!module_unescape_version(a, s, &back)) {
        if (slice_find(back, '!') >= 0 || module_escape_version(a, back, &escaped))
            BUG("an unescaped version cannot be escaped");
        same(escaped, s);
    }
}

static void check_parts(struct arena *a, struct slice s)
{
    struct slice prefix, path_major, version = s, path = slice_cut(&version, '@');
    if (module_split_path_version(path, &prefix, &path_major) && prefix.n + path_major.n != path.n)
        BUG("the parts are not the path");
    if (!module_check(a, (struct module_version){path, version}) &&
        !module_match_path_major(version, path_major))
        BUG("a version that does not fit its path");
    module_match_prefix_patterns(path, version);
    module_match_prefix_patterns(version, path);
    if (path.n && slice_find(path, '\\') < 0 && slice_find(path, '[') < 0 &&
        slice_find(path, ',') < 0 && slice_find(path, '*') < 0 && slice_find(path, '?') < 0 &&
        !slice_ends(path, S("/")) && !module_match_prefix_patterns(path, path))
        BUG("a glob without metacharacters does not match itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct slice s = slice_make((const char *)data, size);
    check_path(&a, s);
    check_version(&a, s);
    check_parts(&a, s);
    arena_release(&a);
    return 0;
}
