/*
 * Which licences a module's licence files name or are the text of, as SPDX identifiers. All pure.
 * [any]
 *
 * A file that says "SPDX-License-Identifier: …" is believed; else its text is compared, word by
 * word, with what licences.def knows. Case, punctuation, wrapping, comment marks and copyright
 * lines do not matter. What is left over and long enough to be a licence of its own, and a module
 * without any licence file, is NOASSERTION. It recognises texts; it does not judge them.
 */
#ifndef MODGATE_POLICY_LICENCE_H
#define MODGATE_POLICY_LICENCE_H

#include "base/base.h"

/* Whether a file at the root of a module, without "path@version/", is one of its licence files:
 * LICENSE, LICENCE, COPYING or UNLICENSE, with anything behind a '.', '-' or '_'. */
bool licence_is_file(struct slice name);

enum { LICENCES_MAX = 16 };

/* Identifiers, each once, in the order in which they were found. */
struct licences {
    struct slice ids[LICENCES_MAX];
    size_t count;
};

/* Adds what the content of one file is; ids are constants or in the arena. At most LICENCES_MAX:
 * the last is NOASSERTION when there are more. */
void licences_add(struct arena *a, struct slice content, struct licences *ls);
/* To be called when all files were added: no licence is NOASSERTION. */
void licences_end(struct licences *ls);

#endif
