/*
 * Runes and blanks as Go sees them: what unicode/utf8, unicode and strings say about a text, in the
 * Unicode version of the go command. All pure. [any]
 */
#ifndef MODGATE_GOMOD_TEXT_H
#define MODGATE_GOMOD_TEXT_H

#include "base/base.h"

#define RUNE_ERROR 0xfffdU

/*
 * The first rune of s and its length in bytes, as utf8.DecodeRune: a byte that starts no valid
 * sequence is RUNE_ERROR of length 1; of an empty s, RUNE_ERROR of length 0.
 */
static inline size_t rune_decode(struct slice s, uint32_t *rune);
/* The same for what does not begin with an ASCII byte. */
size_t rune_decode_wide(struct slice s, uint32_t *rune);
/* Appends the UTF-8 form of a valid rune. */
void rune_encode(struct buf *b, uint32_t rune);
/* unicode.IsSpace, unicode.IsPrint, unicode.IsLetter. */
bool rune_is_space(uint32_t rune);
bool rune_is_print(uint32_t rune);
bool rune_is_letter(uint32_t rune);

/* Without blanks at both ends, as strings.TrimSpace. */
struct slice text_trim(struct slice s);
/*
 * Whether two texts differ at most in how their lines end: with LF or CR LF. The go.mod in a zip is
 * what `git archive` makes of it, line ends converted as .gitattributes says; the .mod is the blob.
 */
bool text_same_lines(struct slice a, struct slice b);
/*
 * Cuts the next field off rest, as strings.Fields cuts a text at blanks; empty when there is none
 * left.
 */
struct slice text_cut_field(struct slice *rest);
/*
 * The text in double quotes for messages: control bytes, quotes and invalid UTF-8 escaped, long
 * ones shortened; NUL-terminated, in the arena.
 */
const char *text_quote(struct arena *a, struct slice s) __attribute__((returns_nonnull));

static inline size_t rune_decode(struct slice s, uint32_t *rune)
{
    if (s.n == 0 || (unsigned char)s.p[0] >= 0x80)
        return rune_decode_wide(s, rune);
    *rune = (unsigned char)s.p[0];
    return 1;
}

#endif
