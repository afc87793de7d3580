/*
 * The audit: one record for each decision that matters, in an append-only file of JSON lines. Each
 * record is chained to the one before it by SHA-256, and now and then a checkpoint signs the chain
 * (docs/audit.md). audit_open() once at the start; before it, and without it, all calls do nothing.
 *
 *   audit_event(&(struct audit_record){.event = AUDIT_TOKEN, .outcome = S("created"), …});
 *
 * What cannot be written is never lost in silence: requests are refused until it can be (refuse),
 * or the number of lost records is counted, logged, and becomes a record itself (serve).
 */
#ifndef MODGATE_OPS_AUDIT_H
#define MODGATE_OPS_AUDIT_H

#include "base/base.h"

enum audit_event {
    AUDIT_DOWNLOAD,   /* something was given to a client, or was not there for it */
    AUDIT_VERIFY,     /* an artefact was checked before it was stored */
    AUDIT_PUBLISH,    /* a version was published, or taken back */
    AUDIT_DENY,       /* a rule said no */
    AUDIT_QUARANTINE, /* what was fetched is not what it must be */
    AUDIT_TOKEN,      /* a token was made, changed or revoked */
    AUDIT_RELOAD,     /* settings were taken up, or were not */
    AUDIT_START,
    AUDIT_STOP,
};
const char *audit_event_name(enum audit_event event);

/*
 * What is known of it; what is empty or 0 is left out. Slices live during the call. What is called
 * a word is ASCII without blanks, quotes and backslashes; all else may be anything.
 */
struct audit_record {
    enum audit_event event;
    struct slice module, version;
    struct slice h1;       /* a word */
    struct slice artefact; /* a word: zip, mod, list … */
    struct slice repository;
    struct slice identity;   /* on whose behalf */
    struct slice ip;         /* a word: the client's address */
    struct slice agent;      /* its User-Agent; 256 bytes are kept */
    struct slice request_id; /* a word */
    struct slice outcome;    /* a word */
    struct slice rule;       /* which rule decided */
    struct slice detail;     /* a sentence, for people */
    enum { AUDIT_UNSIGNED, AUDIT_SIGNATURE_VALID, AUDIT_SIGNATURE_INVALID } signature;
    int status;    /* of HTTP */
    int64_t at_ns; /* when it was, on the clock of now_ns(); 0 = now */
    uint64_t bytes;
};

/* Who signs checkpoints; sign NULL: nobody. The signature is in base64, in the arena. */
struct audit_signer {
    struct slice key_id;
    struct error *(*sign)(void *arg, struct arena *a, struct slice bytes, struct slice *signature);
    void *arg;
};

struct audit_options {
    const char *path;
    uint64_t max_bytes;         /* a larger file is put aside and a new one begun; 0 = never */
    unsigned keep;              /* files put aside that are kept; 0 = all */
    bool refuses;               /* audit_admits() says no while records cannot be written */
    bool has_hits;              /* downloads from the store are recorded too */
    uint64_t sync_ms;           /* how long a record may wait to be durable */
    struct audit_signer signer; /* what it names outlives the audit */
};

/*
 * Opens the file. has_writer: records are written by a thread of their own, as a daemon wants it;
 * else by the caller of audit_event(). Blocks. [worker]
 */
struct error *audit_open(struct arena *a, const struct audit_options *o,
                         bool has_writer) MUST_CHECK;
/* Writes what is left and a last checkpoint. Other threads have stopped recording by then. */
void audit_close(void);
/* What a reload may change. [any] */
void audit_set(bool refuses, bool has_hits);

bool audit_is_on(void);
/* Whether a download is to be recorded. [any] */
bool audit_wants_download(bool is_hit);
/* False: what needs a record is to be refused now, because it could not be written. [any] */
bool audit_admits(void);

/* Records something. Never blocks in a process with a writer. [any] */
void audit_event(const struct audit_record *r);
/*
 * The same, durable when it returns: for what changes a state. AUDIT_DOWN when it cannot be
 * written and nothing may happen without. [worker]
 */
struct error *audit_event_durable(struct arena *a, const struct audit_record *r) MUST_CHECK;

/* The same for a loop, which cannot wait: on_done is called once the record is durable. */
struct audit_ticket {
    /* is_recorded false: as AUDIT_DOWN above. On some other thread, perhaps during the call. */
    void (*on_done)(struct audit_ticket *t, bool is_recorded);
    struct audit_ticket *next; /* the rest is the audit's */
    char *body;
    size_t body_bytes;
    bool is_recorded;
};
/* The ticket lives until on_done. [any] */
void audit_submit(struct audit_ticket *t, const struct audit_record *r);

#endif
