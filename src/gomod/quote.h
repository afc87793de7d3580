/* Strings in Go and JSON syntax. Pure. [any] */
#ifndef MODGATE_GOMOD_QUOTE_H
#define MODGATE_GOMOD_QUOTE_H

#include "base/base.h"

/*
 * The value of a string in "double quotes" or `backquotes`, as strconv.Unquote; in the arena or in
 * s. False when s is not exactly one such string.
 */
bool go_unquote(struct arena *a, struct slice s, struct slice *out);
/*
 * Appends s as a JSON string, as encoding/json writes it: <, >, & and the line separators escaped
 * too, invalid UTF-8 as \ufffd.
 */
void json_quote(struct buf *b, struct slice s);

#endif
