/*
 * modgate token: makes, lists and revokes the tokens of a gateway, in the file of its data folder.
 * A gateway that runs sees the change by itself. The token is printed once and is nowhere else.
 */
#include "cli/cli.h"
#include "cli/settings_args.h"
#include "cli/wire.h"

#include "access/token_file.h"
#include "base/ctx.h"

#include "ops/audit.h"

#include <jansson.h>
#include <stdio.h>

struct token_run {
    struct arena arena;
    struct settings settings;
    struct token row; /* that is made, or was revoked */
    struct slice text;
    const char *id; /* to be revoked */
};

/* The settings name the data folder, which must be there. */
static struct error *load(struct token_run *run, const struct settings_args *sa)
{
    struct stat st;
    TRY(settings_args_load(&run->arena, sa, &run->settings));
    const char *dir = run->settings.data_dir;
    if (!dir[0])
        return error_new(&run->arena, STATUS_BAD_USAGE, "no store is named: give --data-dir");
    if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
        return error_new(&run->arena, STATUS_BAD_USAGE,
                         "%s is no folder: give the data_dir of the gateway (--data-dir)", dir);
    return NULL;
}

/* Before it happens: what is not recorded is not done. */
static struct error *record(struct token_run *run, struct slice outcome)
{
    struct arena *a = &run->arena;
    struct slice scopes = scopes_format(a, &run->row.scopes);
    struct audit_record r = {
        .event = AUDIT_TOKEN,
        .outcome = outcome,
        .detail = arena_printf(a, "token %.*s of %.*s: %.*s", SLICE_ARG(run->row.id),
                               SLICE_ARG(run->row.name), SLICE_ARG(scopes)),
    };
    return wire_audit_local(a, &run->settings, &r);
}

static int finish(struct token_run *run, const char *command, const struct error *err)
{
    int code = EXIT_FINE;
    if (err && (err->status == STATUS_BAD_USAGE || err->status == STATUS_BAD_CONFIG))
        code = cli_usage_error(command, "%s", error_chain(&run->arena, err).p);
    else if (err)
        code = cli_fail(command, err);
    arena_release(&run->arena);
    return code;
}

/* ---- create */

static struct error *add_token(void *arg, struct arena *a, struct tokens *t)
{
    struct token_run *run = arg;
    struct token *rows = ARENA_ARRAY(a, struct token, t->count + 1);
    if (t->count == TOKENS_MAX)
        return error_new(a, STATUS_TOO_LARGE, "there are %d tokens; revoke some", TOKENS_MAX);
    if (t->count)
        memcpy(rows, t->rows, t->count * sizeof(*rows));
    do {
        run->text = token_make(&run->arena, &run->row);
    } while (tokens_find(t, run->row.id));
    TRY(record(run, S("created")));
    rows[t->count] = run->row;
    *t = (struct tokens){rows, t->count + 1};
    return NULL;
}

static struct error *read_row(struct token_run *run, const char *name, const char **scopes,
                              const char *expires)
{
    BUF_SCOPED(all);
    struct arena *a = &run->arena;
    for (size_t i = 0; i < SCOPES_MAX && scopes[i]; i++)
        buf_printf(&all, "%s;", scopes[i]);
    if (!name || !token_name_is_valid(slice_of(name)))
        return error_new(a, STATUS_BAD_USAGE,
                         "give --name: whose token it is, in at most %d letters, digits and -_.@",
                         TOKEN_NAME_MAX_BYTES);
    run->row.name = slice_of(name);
    run->row.created_unix_s = now_unix_s();
    TRY(token_parse_expiry(a, slice_of(expires), now_unix_s(), &run->row.expires_unix_s));
    TRY(scopes_parse(a, arena_dup(a, buf_slice(&all)), &run->row.scopes));
    if (run->row.scopes.count == 0)
        return error_new(a, STATUS_BAD_USAGE,
                         "give --scope: what it is good for, like '*:corp.example/team:read'");
    return NULL;
}

static struct slice expiry_text(struct arena *a, const struct token *row)
{
    return row->expires_unix_s ? time_rfc3339(a, row->expires_unix_s) : S("never");
}

static void print_new(struct token_run *run)
{
    fprintf(stderr, "token %.*s of %.*s, expires: %.*s; it is not shown again:\n",
            SLICE_ARG(run->row.id), SLICE_ARG(run->row.name),
            SLICE_ARG(expiry_text(&run->arena, &run->row)));
    printf("%.*s\n", SLICE_ARG(run->text));
}

static int create(int argc, char **argv)
{
    struct settings_args sa = {0};
    struct token_run run = {.arena = ARENA_INIT};
    const char *name = NULL, *expires = "90d", *scopes[SCOPES_MAX] = {0};
    const struct cli_option own[] = {
        {"name", 0, "NAME", "Who or what uses it; it stands in logs as token:NAME.", &name, 0},
        {"scope", 0, "REPOSITORIES:PATTERNS:ACTIONS",
         "What it is good for: names of repositories, module path patterns as in GOPRIVATE, and "
         "read, publish or admin; * is all. May be given several times.",
         scopes, SCOPES_MAX},
        {"expires", 0, "TIME", "How long it is good for: 90d (the default), 12h, never.", &expires,
         0},
    };
    if (settings_args_parse(&sa, argc, argv, "modgate token create [options]", own, ARRAY_LEN(own)))
        return cli_usage_error(argv[0], "takes no operand");
    struct error *err = load(&run, &sa);
    if (!err)
        err = read_row(&run, name, scopes, expires);
    if (!err)
        err = token_file_change(&run.arena, run.settings.data_dir, add_token, &run);
    if (!err)
        print_new(&run);
    return finish(&run, argv[0], err);
}

/* ---- list */

static void print_table(struct arena *a, const struct tokens *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct token *row = &t->rows[i];
        bool is_over = row->expires_unix_s && row->expires_unix_s <= now_unix_s();
        printf("%.*s\t%.*s\t%s %.*s\t%.*s\n", SLICE_ARG(row->id), SLICE_ARG(row->name),
               is_over ? "expired" : "expires", SLICE_ARG(expiry_text(a, row)),
               SLICE_ARG(scopes_format(a, &row->scopes)));
    }
}

static void print_json(struct arena *a, const struct tokens *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->count; i++) {
        const struct token *row = &t->rows[i];
        struct slice scopes = scopes_format(a, &row->scopes);
        json_array_append_new(
            list,
            json_pack("{s:s%, s:s%, s:s%, s:s, s:o}", "id", row->id.p, row->id.n, "name",
                      row->name.p, row->name.n, "scopes", scopes.p, scopes.n, "created",
                      time_rfc3339(a, row->created_unix_s).p, "expires",
                      row->expires_unix_s ? json_string(time_rfc3339(a, row->expires_unix_s).p)
                                          : json_null()));
    }
    char *text = json_dumps(list, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    puts(text);
    free(text);
    json_decref(list);
}

static int list(int argc, char **argv)
{
    struct settings_args sa = {0};
    struct token_run run = {.arena = ARENA_INIT};
    struct tokens t;
    const char *as_json = NULL;
    const struct cli_option own[] = {
        {"json", 0, NULL, "Print [{\"id\":…,\"name\":…,\"scopes\":…,\"created\":…,\"expires\":…}].",
         &as_json, 0},
    };
    if (settings_args_parse(&sa, argc, argv, "modgate token list [options]", own, ARRAY_LEN(own)))
        return cli_usage_error(argv[0], "takes no operand");
    struct error *err = load(&run, &sa);
    if (!err)
        err = token_file_read(&run.arena, run.settings.data_dir, &t, NULL);
    if (!err && as_json)
        print_json(&run.arena, &t);
    else if (!err)
        print_table(&run.arena, &t);
    return finish(&run, argv[0], err);
}

/* ---- revoke */

static struct error *remove_token(void *arg, struct arena *a, struct tokens *t)
{
    struct token_run *run = arg;
    struct token *row = tokens_find(t, slice_of(run->id));
    if (!row)
        return error_new(a, STATUS_NOT_FOUND,
                         "there is no token with the id '%s'; modgate token list shows them",
                         run->id);
    run->row = *row;
    TRY(record(run, S("revoked")));
    memmove(row, row + 1, (size_t)(t->rows + t->count - (row + 1)) * sizeof(*row));
    t->count--;
    return NULL;
}

static int revoke(int argc, char **argv)
{
    struct settings_args sa = {0};
    struct token_run run = {.arena = ARENA_INIT};
    if (settings_args_parse(&sa, argc, argv, "modgate token revoke [options] ID", NULL, 0) != 1)
        return cli_usage_error(argv[0], "takes the id of one token; modgate token list shows them");
    run.id = argv[1];
    struct error *err = load(&run, &sa);
    if (!err)
        err = token_file_change(&run.arena, run.settings.data_dir, remove_token, &run);
    if (!err)
        printf("revoked %s of %.*s\n", run.id, SLICE_ARG(run.row.name));
    return finish(&run, argv[0], err);
}

static const struct cli_subcommand token_commands[] = {
    {"create", "token create", "", "make a token and print it, once", create},
    {"list", "token list", "", "list what tokens there are, and what they are good for", list},
    {"revoke", "token revoke", "ID", "end a token at once", revoke},
};

int cmd_token(int argc, char **argv)
{
    const struct cli_group group = {token_commands, ARRAY_LEN(token_commands), 8, 4};
    return cli_run_group(&group, argc, argv);
}
