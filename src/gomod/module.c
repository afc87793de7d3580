/*
 * The three kinds of paths share one walk over their elements; a kind adds characters and drops
 * rules. Escaping is defined on valid names only, which are ASCII, so it works bytewise.
 */
#include "gomod/module.h"

#include "gomod/semver.h"
#include "gomod/text.h"

enum path_kind { MODULE_PATH, IMPORT_PATH, FILE_PATH };

static bool is_alnum(uint32_t r)
{
    return (r >= '0' && r <= '9') || (r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z');
}

static bool may_hold(enum path_kind kind, uint32_t r)
{
    if (is_alnum(r) || r == '-' || r == '.' || r == '_' || r == '~')
        return true;
    if (kind != FILE_PATH)
        return kind == IMPORT_PATH && r == '+';
    return r < 0x80 ? r != 0 && strchr("!#$%&()+,=@[]^{} ", (int)r) : rune_is_letter(r);
}

/* What Windows keeps for devices, with any extension and in any case. */
static bool is_windows_device(struct slice name)
{
    static const char devices[][4] = {"CON", "PRN", "AUX", "NUL"};
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        if (slice_eq_nocase(name, slice_of(devices[i])))
            return true;
    }
    if (name.n != 4 || name.p[3] < '1' || name.p[3] > '9')
        return false;
    name.n = 3;
    return slice_eq_nocase(name, S("COM")) || slice_eq_nocase(name, S("LPT"));
}

/* "LONGNA~1": what Windows gives a long name for old programs. */
static bool is_windows_short_name(struct slice name)
{
    ptrdiff_t tilde = slice_rfind(name, '~');
    if (tilde < 0 || (size_t)tilde + 1 == name.n)
        return false;
    for (size_t i = (size_t)tilde + 1; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9')
            return false;
    }
    return true;
}

static bool only_dots(struct slice elem)
{
    for (size_t i = 0; i < elem.n; i++) {
        if (elem.p[i] != '.')
            return false;
    }
    return true;
}

/* NULL, or why an element may not stand in a path of that kind. */
static const char *fault_of_elem(struct arena *a, struct slice elem, enum path_kind kind)
{
    if (elem.n == 0)
        return "empty path element";
    if (only_dots(elem))
        return "path element of dots only";
    if (kind == MODULE_PATH && elem.p[0] == '.')
        return "leading dot in path element";
    if (elem.p[elem.n - 1] == '.')
        return "trailing dot in path element";
    size_t n;
    for (struct slice rest = elem; rest.n; rest = slice_skip(rest, n)) {
        uint32_t rune;
        n = rune_decode(rest, &rune);
        if (!may_hold(kind, rune))
            return arena_printf(a, "invalid char %s", text_quote(a, slice_head(rest, n))).p;
    }
    struct slice stem = slice_cut(&elem, '.');
    if (is_windows_device(stem))
        return arena_printf(a, "%s is a device name on Windows", text_quote(a, stem)).p;
    if (kind != FILE_PATH && is_windows_short_name(stem))
        return "trailing tilde and digits in path element";
    return NULL;
}

/* NULL, or why the path is not one of that kind. */
static const char *fault_of_path(struct arena *a, struct slice path, enum path_kind kind)
{
    if (!slice_is_utf8(path))
        return "invalid UTF-8";
    if (path.n == 0)
        return "empty string";
    if (path.p[0] == '-' && kind != FILE_PATH)
        return "leading dash";
    if (slice_find_slice(path, S("//")) >= 0)
        return "double slash";
    if (path.p[path.n - 1] == '/')
        return "trailing slash";
    struct slice rest = path;
    while (rest.p) {
        const char *fault = fault_of_elem(a, slice_cut(&rest, '/'), kind);
        if (fault)
            return fault;
    }
    return NULL;
}

/* The first element is a host name: small letters, digits, dots and dashes. */
static const char *fault_of_host(struct arena *a, struct slice host)
{
    if (slice_find(host, '.') < 0)
        return "missing dot in first path element";
    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        bool is_lower = c >= 'a' && c <= 'z';
        if (!is_lower && !(c >= '0' && c <= '9') && c != '-' && c != '.')
            return arena_printf(a, "invalid char %s in first path element",
                                text_quote(a, slice_make(&c, 1)))
                .p;
    }
    return NULL;
}

static struct error *path_error(struct arena *a, const char *kind, struct slice path,
                                const char *fault)
{
    if (!fault)
        return NULL;
    return error_new(a, STATUS_BAD_PATH, "malformed %s path %s: %s", kind, text_quote(a, path),
                     fault);
}

struct error *module_check_path(struct arena *a, struct slice path)
{
    const char *fault = fault_of_path(a, path, MODULE_PATH);
    struct slice rest = path, prefix, path_major;
    if (!fault)
        fault = fault_of_host(a, slice_cut(&rest, '/'));
    if (!fault && !module_split_path_version(path, &prefix, &path_major))
        fault = "invalid version at its end";
    return path_error(a, "module", path, fault);
}

struct error *module_check_import_path(struct arena *a, struct slice path)
{
    return path_error(a, "import", path, fault_of_path(a, path, IMPORT_PATH));
}

struct error *module_check_file_path(struct arena *a, struct slice path)
{
    return path_error(a, "file", path, fault_of_path(a, path, FILE_PATH));
}

struct error *module_check(struct arena *a, struct module_version mv)
{
    TRY(module_check_path(a, mv.path));
    if (!semver_is_valid(mv.version))
        return error_new(a, STATUS_BAD_VERSION, "%.*s: version %s invalid: not a semantic version",
                         SLICE_ARG(mv.path), text_quote(a, mv.version));
    struct slice prefix, path_major;
    module_split_path_version(mv.path, &prefix, &path_major);
    TRY_CTX(a, module_check_path_major(a, mv.version, path_major), "%.*s", SLICE_ARG(mv.path));
    return NULL;
}

static struct slice escape(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, 2 * s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        if (is_upper)
            p[n++] = '!';
        p[n++] = is_upper ? (char)(c - 'A' + 'a') : c;
    }
    p[n] = '\0';
    return slice_make(p, n);
}

static bool unescape(struct arena *a, struct slice s, struct slice *out)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80 || (c >= 'A' && c <= 'Z'))
            return false;
        if (c == '!') {
            if (++i == s.n || s.p[i] < 'a' || s.p[i] > 'z')
                return false;
            c = (unsigned char)(s.p[i] - 'a' + 'A');
        }
        p[n++] = (char)c;
    }
    p[n] = '\0';
    *out = slice_make(p, n);
    return true;
}

struct error *module_escape_path(struct arena *a, struct slice path, struct slice *out)
{
    TRY(module_check_path(a, path));
    *out = escape(a, path);
    return NULL;
}

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    }
    return true;
}

struct error *module_escape_version(struct arena *a, struct slice version, struct slice *out)
{
    const char *fault = fault_of_elem(a, version, FILE_PATH);
    if (!fault && (slice_find(version, '!') >= 0 || !is_ascii(version)))
        fault = "disallowed character";
    if (fault)
        return error_new(a, STATUS_BAD_VERSION, "version %s invalid: %s", text_quote(a, version),
                         fault);
    *out = escape(a, version);
    return NULL;
}

struct error *module_unescape_path(struct arena *a, struct slice escaped, struct slice *out)
{
    if (!unescape(a, escaped, out))
        return error_new(a, STATUS_BAD_ESCAPE, "invalid escaped module path %s",
                         text_quote(a, escaped));
    TRY_CTX(a, module_check_path(a, *out), "invalid escaped module path %s",
            text_quote(a, escaped));
    return NULL;
}

struct error *module_unescape_version(struct arena *a, struct slice escaped, struct slice *out)
{
    if (!unescape(a, escaped, out))
        return error_new(a, STATUS_BAD_ESCAPE, "invalid escaped version %s",
                         text_quote(a, escaped));
    const char *fault = fault_of_elem(a, *out, FILE_PATH);
    if (fault)
        return error_new(a, STATUS_BAD_VERSION, "invalid escaped version %s: %s",
                         text_quote(a, escaped), fault);
    return NULL;
}
