#include "ops/audit_check.h"

#include <stdarg.h>
#include <stdio.h>

/* Twice what the writer lets come together (audit_file.c). */
enum { OPEN_RECORDS_MAX = 20000 };

static PRINTF_LIKE(2, 3) void fault(struct audit_check *c, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    c->faults++;
    c->on_fault(c->arg, c->file, c->line, text);
}

static void copy_text(char *to, size_t cap, struct slice s)
{
    size_t n = s.n < cap ? s.n : cap - 1;
    memcpy(to, s.p, n);
    to[n] = '\0';
}

void audit_check_file(struct audit_check *c, const char *name)
{
    c->file = name;
    c->line = 0;
}

/* ---- one record ---- */

static bool has_right_hash(struct audit_check *c, const struct audit_line *l)
{
    char hash[AUDIT_HASH_CHARS + 1];
    if (!c->hasher)
        c->hasher = sha256_new();
    audit_line_hash(c->hasher, l->hashed, hash);
    return slice_eq(l->hash, slice_of(hash));
}

static bool is_zero_hash(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '0')
            return false;
    }
    return true;
}

static void check_first(struct audit_check *c, const struct audit_line *l)
{
    c->first_seq = l->seq;
    bool is_begin = slice_eq(audit_line_event(l->body), S("begin"));
    if (l->seq == 1 && (!is_begin || !is_zero_hash(l->prev)))
        fault(c, "record 1 is not the beginning of a chain");
}

static void check_follows(struct audit_check *c, const struct audit_line *l)
{
    uint64_t next = c->last_seq + 1 + c->unread;
    if (l->seq > next)
        fault(c, "the records from %" PRIu64 " to %" PRIu64 " are missing before this one", next,
              l->seq - 1);
    else if (l->seq < next)
        fault(c,
              "record %" PRIu64 " stands behind record %" PRIu64
              ": it was moved, put in, or another chain begins here",
              l->seq, c->last_seq);
    else if (!c->unread && !slice_eq(l->prev, slice_of(c->last_hash)))
        fault(c,
              "record %" PRIu64 " does not follow the record before it: that one was changed or "
              "replaced",
              l->seq);
}

/* The value of the member key of a checkpoint's body. */
static struct slice key_of(struct slice body)
{
    ptrdiff_t at = slice_find_slice(body, S(",\"key\":\""));
    struct slice rest = at < 0 ? S("") : slice_skip(body, (size_t)at + 8);
    ptrdiff_t end = slice_find(rest, '"');
    return end < 0 ? S("") : slice_head(rest, (size_t)end);
}

static bool is_signed(struct audit_check *c, const struct audit_line *l)
{
    BUF_SCOPED(bytes);
    buf_add(&bytes, l->signed_part);
    buf_add_byte(&bytes, '}');
    struct slice key = key_of(l->body);
    switch (c->verify(c->arg, key, buf_slice(&bytes), l->signature)) {
    case AUDIT_IS_SIGNED:
        return true;
    case AUDIT_IS_FORGED:
        fault(c, "the signature of this checkpoint is wrong: it was changed, or made by others");
        return false;
    case AUDIT_KEY_UNKNOWN:
        fault(c, "this checkpoint is signed with another key: %.*s", SLICE_ARG(key));
        return false;
    }
    BUG("a verdict");
}

static void check_checkpoint(struct audit_check *c, const struct audit_line *l)
{
    bool is_checkpoint = slice_eq(audit_line_event(l->body), S("checkpoint"));
    if (is_checkpoint != (l->signature.n > 0))
        fault(c, "a checkpoint has a signature, and no other record has one");
    else if (is_checkpoint && c->verify && is_signed(c, l)) {
        c->checkpoints++;
        c->open_records = 0;
        c->checkpoint_seq = l->seq;
        copy_text(c->checkpoint_time, sizeof(c->checkpoint_time), audit_line_time(l->body));
        return;
    }
    if (++c->open_records > OPEN_RECORDS_MAX && c->verify && !c->has_told_open) {
        c->has_told_open = true;
        fault(c,
              "there is no checkpoint in the %d records before this one: checkpoints were taken "
              "out, or no key was set",
              OPEN_RECORDS_MAX);
    }
}

static void check_known(struct audit_check *c, const struct audit_line *l)
{
    if (c->known_seq == 0 || l->seq != c->known_seq)
        return;
    c->has_seen_known = true;
    if (!slice_eq(l->hash, c->known_hash))
        fault(c,
              "record %" PRIu64 " is not the one that is known: it, or one before it, was changed",
              l->seq);
}

static void check_record(struct audit_check *c, const struct audit_line *l)
{
    if (!has_right_hash(c, l))
        fault(c, "record %" PRIu64 " was changed: its hash is not that of its content", l->seq);
    if (c->last_seq == 0)
        check_first(c, l);
    else
        check_follows(c, l);
    check_checkpoint(c, l);
    check_known(c, l);
    c->records++;
    c->last_seq = l->seq;
    c->unread = 0;
    copy_text(c->last_hash, sizeof(c->last_hash), l->hash);
    copy_text(c->last_time, sizeof(c->last_time), audit_line_time(l->body));
}

void audit_check_line(struct audit_check *c, struct slice line, bool is_whole)
{
    struct audit_line l;
    c->line++;
    if (!is_whole) {
        fault(c, "the line has no end: its writer died, is still writing it, or it was cut off");
    } else if (!audit_line_parse(line, &l)) {
        fault(c, "this line is no record: it was changed or put in");
        c->unread++;
    } else {
        check_record(c, &l);
    }
}

void audit_check_end(struct audit_check *c)
{
    sha256_free(c->hasher);
    c->hasher = NULL;
    if (c->known_seq == 0 || c->has_seen_known)
        return;
    if (c->known_seq > c->last_seq)
        fault(c,
              "the newest records are missing: this ends with record %" PRIu64 ", and there was a "
              "record %" PRIu64,
              c->last_seq, c->known_seq);
    else
        fault(c, "record %" PRIu64 ", which is known, is not in these files", c->known_seq);
}
