/* The checksum database that is kept here: its keys, from files that others cannot read. */
#include "cli/wire.h"

enum { KEY_MAX_BYTES = 4096, MAX_KEYS = 16 };

static struct error *read_key(struct arena *a, struct slice where, struct note_signer *out)
{
    struct slice text;
    const char *path;
    TRY(wire_key_file(a, where, KEY_MAX_BYTES, &path, &text));
    struct error *err = note_signer_parse(a, slice_trim(text), out);
    if (err)
        return error_as(a, STATUS_BAD_CONFIG, err, "%s", path);
    if (sumdb_name_is_servable(out->verifier.name))
        return NULL;
    return error_new(a, STATUS_BAD_CONFIG, "%s: no database can be served under the name '%.*s'",
                     path, SLICE_ARG(out->verifier.name));
}

static struct error *refuse_same_name(struct arena *a, const struct note_signer *signers,
                                      size_t count)
{
    struct slice name = signers[count].verifier.name;
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(signers[i].verifier.name, name))
            return error_new(a, STATUS_BAD_CONFIG,
                             "two keys are named %.*s: a new key needs a new name, because clients "
                             "remember what the old one signed",
                             SLICE_ARG(name));
    }
    return NULL;
}

static struct error *read_keys(struct arena *a, struct slice list, struct note_signer *signers,
                               size_t *count)
{
    *count = 0;
    while (list.n) {
        struct slice one = slice_trim(slice_cut(&list, ','));
        if (*count == MAX_KEYS)
            return error_new(a, STATUS_BAD_CONFIG, "more than %d keys", MAX_KEYS);
        TRY(read_key(a, one, &signers[*count]));
        TRY(refuse_same_name(a, signers, *count));
        ++*count;
    }
    return NULL;
}

struct error *wire_host(struct arena *a, const struct settings *s, struct repo_host *out)
{
    struct note_signer signers[MAX_KEYS];
    size_t count;
    *out = (struct repo_host){.is_for_all = strcmp(s->sumdb_host_scope, "all") == 0};
    TRY_CTX(a, read_keys(a, slice_of(s->sumdb_host_key_file), signers, &count),
            "sumdb_host.key_file");
    if (count == 0)
        return NULL;
    struct slice *names = ARENA_ARRAY(a, struct slice, count);
    for (size_t i = 0; i < count; i++)
        names[i] = signers[i].verifier.name;
    out->names = names;
    out->name_count = count;
    struct sumlog_options o = {
        .dir = arena_printf(a, "%s/sumdb-host", s->data_dir).p,
        .signers = signers,
        .signer_count = count,
    };
    struct error *err = sumlog_open(a, &o, &out->log);
    explicit_bzero(signers, sizeof(signers));
    return err;
}
