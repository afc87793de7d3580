#include "store/store_priv.h"

#include <isa-l/crc.h>

struct error *names_make(struct arena *a, struct module_version mv, struct names *out)
{
    TRY(module_escape_path(a, mv.path, &out->escaped_path));
    return module_escape_version(a, mv.version, &out->escaped_version);
}

const char *join(struct arena *a, const struct slice *parts, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += parts[i].n;
    char *text = arena_alloc(a, n + 1), *p = text;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n)
            memcpy(p, parts[i].p, parts[i].n);
        p += parts[i].n;
    }
    *p = '\0';
    return text;
}

struct slice artefact_suffix(enum artefact what)
{
    switch (what) {
    case ARTEFACT_INFO:
        return S(".info");
    case ARTEFACT_MOD:
        return S(".mod");
    case ARTEFACT_ZIP:
        return S(".zip");
    case ARTEFACT_ZIPHASH:
        return S(".ziphash");
    case ARTEFACT_ZIPSIG:
        return S(".zip.sig");
    }
    BUG("artefact %d", (int)what);
}

const char *names_dir(struct arena *a, const char *root, const struct names *n)
{
    return JOIN(a, slice_of(root), S("/"), n->escaped_path, S("/@v"));
}

const char *names_file(struct arena *a, const char *root, const struct names *n, enum artefact what)
{
    return JOIN(a, slice_of(root), S("/"), n->escaped_path, S("/@v/"), n->escaped_version,
                artefact_suffix(what));
}

const char *names_pin(struct arena *a, const struct names *n)
{
    return JOIN(a, S(PINNED_DIR "/"), n->escaped_path, S("/@v/"), n->escaped_version);
}

struct slice names_lock(struct arena *a, const struct names *n)
{
    return slice_of(JOIN(a, n->escaped_path, S("@"), n->escaped_version));
}

bool is_plain_rel_path(struct slice s)
{
    if (memchr(s.p, '\0', s.n))
        return false;
    while (s.p) {
        struct slice element = slice_cut(&s, '/');
        if (element.n == 0 || slice_eq(element, S(".")) || slice_eq(element, S("..")))
            return false;
    }
    return true;
}

uint32_t checksum(struct slice s)
{
    return crc32_gzip_refl(0, (const unsigned char *)s.p, s.n);
}
