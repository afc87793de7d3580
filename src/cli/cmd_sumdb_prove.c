/*
 * modgate sumdb prove: gets the proof that a module version's record is in a database, as a text
 * that says all by itself; modgate sumdb check: looks at such a text, without any network.
 */
#include "cli/cmd_sumdb.h"
#include "cli/sumdb_source.h"

#include "base/file.h"

#include "config/defaults.h"
#include "sumdb/log.h"
#include "sumdb/proof.h"

#include <stdio.h>

enum { PROOF_MAX_BYTES = 2 << 20 };

/* ---- prove ---- */

struct proving {
    struct arena arena;
    struct sumdb_source source;
    bool has_key;
    struct note_verifier key;
    const char *url;
    struct tlog_tree tree;
};

/* "name+hash+key url", or without a URL the one that follows from the name. */
static struct error *parse_sumdb(struct proving *p, const char *text)
{
    struct arena *a = &p->arena;
    struct slice url = slice_trim(slice_of(text)), key = slice_cut(&url, ' ');
    if (slice_eq(key, S(DEFAULT_SUMDB)))
        key = S(DEFAULT_SUMDB_KEY);
    struct error *err = note_verifier_parse(a, key, &p->key);
    if (err)
        return error_as(a, STATUS_BAD_USAGE, err, "--sumdb");
    p->has_key = true;
    url = slice_trim(url);
    p->url = url.n ? arena_cstr(a, url) : arena_printf(a, "https://%.*s", SLICE_ARG(p->key.name)).p;
    return NULL;
}

static struct error *read_tiles(void *arg, struct arena *a, const struct tile *tiles, size_t count,
                                struct slice *data)
{
    struct proving *p = arg;
    for (size_t i = 0; i < count; i++)
        TRY(sumdb_source_tile(&p->source, a, tiles[i], &data[i]));
    return NULL;
}

static struct error *read_proven(void *arg, struct arena *a, const uint64_t *indexes, size_t count,
                                 struct tlog_hash *out)
{
    struct proving *p = arg;
    struct tile_source source = {p, read_tiles};
    return tiles_read_hashes(a, &p->tree, &source, indexes, count, out, NULL);
}

static struct error *prove(struct proving *p, struct module_version mv, const char *ca_file,
                           struct sumdb_proof *proof)
{
    struct arena *a = &p->arena;
    struct slice answer;
    struct sumdb_record record;
    struct tlog_reader reader = {p, read_proven};
    TRY(sumdb_source_open(a, p->url, ca_file, &p->source));
    TRY(sumdb_source_lookup(&p->source, a, mv, &answer));
    TRY(sumdb_record_parse(a, answer, mv, &record, &proof->note));
    if (!sumdb_head_peek(a, proof->note, &p->tree) || record.id >= p->tree.size)
        return error_new(a, STATUS_BAD_ANSWER, "the lookup has no head with record %" PRIu64,
                         record.id);
    proof->record = record.text;
    proof->id = record.id;
    TRY(tlog_prove_record(a, p->tree.size, record.id, &reader, &proof->path));
    return sumdb_proof_check(a, proof, p->has_key ? &p->key : NULL, &p->tree);
}

static int end(struct arena *a, const char *command, const struct error *err)
{
    if (!err)
        return EXIT_FINE;
    if (err->status == STATUS_BAD_USAGE)
        return cli_usage_error(command, "%s", error_chain(a, err).p);
    return cli_fail(command, err);
}

/* Where to ask, and what. */
static struct error *read_arguments(struct proving *p, const char *sumdb, const char *operand,
                                    struct module_version *mv)
{
    struct slice version = slice_of(operand);
    if (!sumdb == !p->url)
        return error_new(&p->arena, STATUS_BAD_USAGE, "wants one of --sumdb and --url");
    mv->path = slice_cut(&version, '@');
    mv->version = version;
    if (!version.n)
        return error_new(&p->arena, STATUS_BAD_USAGE, "'%s' is not of the form MODULE@VERSION",
                         operand);
    return sumdb ? parse_sumdb(p, sumdb) : NULL;
}

int cmd_sumdb_prove(int argc, char **argv)
{
    struct proving p = {.arena = ARENA_INIT};
    struct sumdb_proof proof;
    struct module_version mv;
    const char *sumdb = NULL, *ca_file = NULL;
    const struct cli_option options[] = {
        {"sumdb", 0, "TEXT", "The database, as in GOSUMDB: \"VKEY\" or \"VKEY URL\".", &sumdb},
        {"url", 0, "URL", "The database's URL; its signature is not checked then.", &p.url},
        {"ca-file", 0, "FILE", "PEM bundle that is trusted besides the system's.", &ca_file},
    };
    if (cli_parse(argc, argv, "modgate sumdb prove [options] MODULE@VERSION", options,
                  ARRAY_LEN(options)) != 1)
        return cli_usage_error(argv[0], "takes one MODULE@VERSION");
    struct error *err = read_arguments(&p, sumdb, argv[1], &mv);
    if (!err)
        err = prove(&p, mv, ca_file, &proof);
    if (!err)
        fputs(sumdb_proof_format(&p.arena, &proof).p, stdout);
    int code = end(&p.arena, argv[0], err);
    sumdb_source_close(&p.source);
    arena_release(&p.arena);
    return code;
}

/* ---- check ---- */

static struct error *check(struct arena *a, const char *file, const struct note_verifier *key,
                           struct sumdb_proof *proof, struct tlog_tree *tree)
{
    struct slice text;
    struct module_version mv;
    TRY(file_read(a, file, PROOF_MAX_BYTES, &text));
    TRY_CTX(a, sumdb_proof_parse(a, text, proof), "%s", file);
    TRY_CTX(a, sumdb_proof_check(a, proof, key, tree), "%s", file);
    if (record_module(proof->record, &mv))
        return NULL;
    return error_new(a, STATUS_MISMATCH, "%s: the record is not the two lines of a module version",
                     file);
}

int cmd_sumdb_check(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    struct sumdb_proof proof;
    struct note_verifier verifier;
    struct tlog_tree tree;
    const char *key = NULL;
    const struct cli_option options[] = {
        {"key", 'k', "VKEY", "The verifier key that has signed the head.", &key},
    };
    if (cli_parse(argc, argv, "modgate sumdb check [options] FILE", options, ARRAY_LEN(options)) !=
        1)
        return cli_usage_error(argv[0], "takes one file, of modgate sumdb prove");
    struct error *err = key ? note_verifier_parse(&a, slice_of(key), &verifier) : NULL;
    if (err)
        err->status = STATUS_BAD_USAGE;
    else
        err = check(&a, argv[1], key ? &verifier : NULL, &proof, &tree);
    int code = end(&a, argv[0], err);
    if (!err) {
        printf("%.*srecord %" PRIu64 " of %" PRIu64 ", root %s\n", SLICE_ARG(proof.record),
               proof.id, tree.size, tlog_hash_format(&a, &tree.root).p);
        if (key)
            printf("signed by %.*s\n", SLICE_ARG(verifier.name));
        else
            printf("who signed it was not checked: give --key\n");
        code = key ? EXIT_FINE : EXIT_FOUND;
    }
    arena_release(&a);
    return code;
}
