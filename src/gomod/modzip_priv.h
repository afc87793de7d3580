/* Shared by the zip files of this folder only. */
#ifndef MODGATE_GOMOD_MODZIP_PRIV_H
#define MODGATE_GOMOD_MODZIP_PRIV_H

#include "gomod/modzip.h"

enum modzip_method { METHOD_STORED = 0, METHOD_DEFLATED = 8 };
enum { FLAG_DATA_DESCRIPTOR = 8 };

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
