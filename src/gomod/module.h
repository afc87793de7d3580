/* A module version: names as Go writes them (not escaped). */
#ifndef MODGATE_GOMOD_MODULE_H
#define MODGATE_GOMOD_MODULE_H

#include "base/base.h"

struct module_version {
    struct slice path;
    struct slice version;
};

#endif
