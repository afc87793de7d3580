/* From the settings to the audit, and what commands record there. */
#include "cli/wire.h"

#include "ops/audit.h"

#include <pwd.h>
#include <unistd.h>

static struct error *sign_checkpoint(void *key, struct arena *a, struct slice bytes,
                                     struct slice *signature)
{
    return sign_bytes(a, key, bytes, signature);
}

/* For as long as the process lives. */
static struct sign_key *audit_key;

static void set_signer(struct audit_options *o)
{
    if (!audit_key)
        return;
    o->signer = (struct audit_signer){
        .key_id = verify_key_id(sign_key_public(audit_key)),
        .sign = sign_checkpoint,
        .arg = audit_key,
    };
}

struct error *wire_audit(struct arena *a, const struct settings *s, bool has_writer)
{
    struct audit_options o = {
        .path = s->audit_file,
        .max_bytes = s->audit_max_size,
        .keep = (unsigned)s->audit_keep,
        .refuses = strcmp(s->audit_on_error, "refuse") == 0,
        .has_hits = strcmp(s->audit_downloads, "all") == 0,
        .sync_ms = s->audit_sync,
    };
    if (!o.path[0])
        return NULL;
    TRY(wire_sign_key(a, s, "audit.key_file", s->audit_key_file, &audit_key));
    set_signer(&o);
    return audit_open(a, &o, has_writer);
}

void wire_audit_reload(const struct settings *s)
{
    audit_set(strcmp(s->audit_on_error, "refuse") == 0, strcmp(s->audit_downloads, "all") == 0);
}

void wire_audit_close(void)
{
    audit_close();
    sign_key_free(audit_key);
    audit_key = NULL;
}

/* ---- commands ---- */

static struct slice local_user(struct arena *a)
{
    const struct passwd *user = getpwuid(getuid());
    return user ? arena_printf(a, "local:%s", user->pw_name)
                : arena_printf(a, "local:%u", (unsigned)getuid());
}

struct error *wire_audit_local(struct arena *a, const struct settings *s, struct audit_record *r)
{
    TRY(wire_audit(a, s, false));
    r->identity = local_user(a);
    struct error *err = audit_event_durable(a, r);
    wire_audit_close();
    return err;
}
