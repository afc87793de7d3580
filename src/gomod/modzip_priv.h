/* Shared by the zip files of this folder only. */
#ifndef MODGATE_GOMOD_MODZIP_PRIV_H
#define MODGATE_GOMOD_MODZIP_PRIV_H

#include "gomod/modzip.h"

enum modzip_method { METHOD_STORED = 0, METHOD_DEFLATED = 8 };
enum { FLAG_DATA_DESCRIPTOR = 8 };

/* A path below the module's root, without the slash that ends folders in a zip. */
struct modzip_name {
    struct slice path; /* valid as a file path */
    bool is_dir;
};

/* BAD_ZIP when two of them would fall together where case does not count. Sorts the array. */
struct error *modzip_check_collisions(struct arena *a, struct modzip_name *names,
                                      size_t n) MUST_CHECK;
/* BAD_PATH or BAD_VERSION unless mv can be the name of a module zip. */
struct error *modzip_check_module(struct arena *a, struct module_version mv) MUST_CHECK;

/* Little-endian numbers at p, aligned or not. */
static inline uint16_t le16(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;
    return (uint16_t)(u[0] | u[1] << 8);
}

static inline uint32_t le32(const char *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const char *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

#endif
