/*
 * What a checksum database says: signed tree heads, records, and the answer to a lookup. Sources:
 * golang.org/x/mod/sumdb/tlog (ParseTree, ParseRecord), go.dev/ref/mod#checksum-database. A head is
 * also a C2SP checkpoint whose origin is "go.sum database tree". All pure. [any]
 */
#ifndef MODGATE_SUMDB_RECORD_H
#define MODGATE_SUMDB_RECORD_H

#include "gomod/module.h"
#include "sumdb/note.h"
#include "sumdb/tlog.h"

/* A tree and the note that its database signed. */
struct sumdb_head {
    struct tlog_tree tree;
    struct slice note;
};

/* "go.sum database tree\n<size>\n<root>\n"; further lines are ignored. False: it is none. */
bool tree_parse(struct arena *a, struct slice text, struct tlog_tree *out);
struct slice tree_format(struct arena *a, const struct tlog_tree *tree);
/* A head with a good signature; its note is a part of note. BAD_ANSWER. */
struct error *sumdb_head_open(struct arena *a, struct slice note, const struct note_verifier *v,
                              struct sumdb_head *out) MUST_CHECK;

/*
 * A record's text: lines of UTF-8 without control characters, none of them blank, the last one
 * ended too.
 */
bool record_is_valid(struct slice text);
/* "<id>\n<text>\n", the beginning of a lookup; without its first line a part of a data tile. */
struct slice record_format(struct arena *a, uint64_t id, struct slice text);

/* A record about one module version. Slices are parts of what was parsed. */
struct sumdb_record {
    uint64_t id;
    struct slice text;
    struct slice zip_h1;    /* "h1:…" of the zip */
    struct slice go_mod_h1; /* "h1:…" of the go.mod */
};

/*
 * "<id>\n<text>\n" and, behind it, the note. Only the lines of the record itself are looked at, and
 * both that a go.sum can have of mv must be there, once: what follows the record is not covered by
 * its hash. BAD_ANSWER.
 */
struct error *sumdb_record_parse(struct arena *a, struct slice answer, struct module_version mv,
                                 struct sumdb_record *out, struct slice *note) MUST_CHECK;

/*
 * Cuts the first count records off a data tile: the text with their blank lines. False when there
 * are fewer, or one is malformed.
 */
bool records_head(struct slice tile, size_t count, struct slice *out);
/* The text of the next record of a data tile; false at its end or when it is malformed. */
bool records_next(struct slice *rest, struct slice *text);

#endif
