/* What a GOPROXY or checksum database request asks for. Pure. */
#ifndef MODGATE_REPO_QUESTION_H
#define MODGATE_REPO_QUESTION_H

#include "base/base.h"

#include "gomod/module.h"
#include "sumdb/tile.h"

enum question_kind {
    QUESTION_LIST,
    QUESTION_LATEST,
    QUESTION_QUERY, /* .info of a branch, a commit or another name that is not a canonical version
                     */
    QUESTION_INFO,
    QUESTION_MOD,
    QUESTION_ZIP,
    QUESTION_SIGNATURE, /* of the zip */
    QUESTION_SUM_SUPPORTED,
    QUESTION_SUM_LOOKUP,
    QUESTION_SUM_TILE,
    QUESTION_SUM_LATEST,
};

struct question {
    enum question_kind kind;
    struct slice key; /* the request path without its first '/', percent-decoded */
    struct module_version
        mv;                 /* unescaped; version is empty for LIST and LATEST, a name for QUERY */
    struct slice sumdb;     /* name of the checksum database, for SUM_* */
    struct tile tile;       /* of a SUM_TILE */
    struct slice sumdb_rel; /* "lookup/…", "tile/…", "latest", "supported" or "checkpoint" */
    bool is_tlog_tiles;     /* SUM_TILE and SUM_LATEST as c2sp.org/tlog-tiles spells them */
};

/*
 * Reads a request path ("/<escaped path>/@v/list", "/sumdb/<name>/lookup/…",
 * "/v1/signature/<escaped path>/@v/<version>", which is also "<escaped
 * path>/@v/<version>.zip.sig"), with '!' raw or as %21. UNKNOWN_ROUTE when it has no such shape;
 * BAD_ESCAPE, BAD_PATH for what cannot be a module path; NOT_FOUND for a version that cannot exist
 * under that path: then out->mv.path says which. Results live in the arena or in path. Rules: go
 * help goproxy; golang.org/x/mod/module (EscapePath, Check); cmd/go/internal/modfetch/sumdb.go.
 * [any]
 */
struct error *question_parse(struct arena *a, struct slice path, struct question *out) MUST_CHECK;

/* A copy, all of it in the arena. [any] */
void question_copy(struct arena *a, const struct question *q, struct question *out);
/* True for what never changes once it was answered; a lookup does, its head. [any] */
bool question_is_immutable(enum question_kind kind);
/* True for the kinds under /sumdb/. [any] */
bool question_is_sumdb(enum question_kind kind);

#endif
