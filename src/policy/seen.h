/*
 * When a gateway first heard of each version of a module, as the file that keeps it:
 *
 *   listed <Unix seconds>                       when the first list of versions was seen
 *   <version> <Unix seconds> new|old <time>     first heard of; the time of its .info, or -
 *
 * A version's age counts from when it was first heard of, as the time in its .info is the author's
 * to choose. But on the first contact with a module all its versions are new here, however old they
 * are: those are "old", and their .info counts. All pure. [any]
 */
#ifndef MODGATE_POLICY_SEEN_H
#define MODGATE_POLICY_SEEN_H

#include "base/base.h"

struct seen_version {
    struct slice version;
    int64_t first_unix_s;
    bool is_old;
    int64_t time_unix_s; /* 0: not known */
};

struct seen {
    int64_t listed_unix_s; /* 0: no list was seen */
    struct seen_version *rows;
    size_t count, room;
    bool has_changed; /* since it was read */
};

/* In the arena and parts of text. CORRUPT with the line. */
struct error *seen_parse(struct arena *a, struct slice text, struct seen *out) MUST_CHECK;
struct slice seen_format(struct arena *a, const struct seen *s);
/* NULL: it was never heard of. Valid until the next seen_hear(). */
struct seen_version *seen_find(const struct seen *s, struct slice version);
/* Notes a version that was heard of now, unless it is known. The version must outlive s. */
void seen_hear(struct arena *a, struct seen *s, struct slice version, int64_t now_unix_s,
               bool is_old);
/*
 * Notes a list of versions, a line each: of the first one all are old. The list must outlive s.
 */
void seen_list(struct arena *a, struct seen *s, struct slice list, int64_t now_unix_s);
/* Notes the time of an .info. */
void seen_set_time(struct seen *s, struct slice version, int64_t time_unix_s);
/* From when the age of the version counts; 0: nobody knows. */
int64_t seen_since(const struct seen *s, struct slice version);

/* "2006-01-02T15:04:05Z", with a fraction or an offset too, as the Time of an .info; false: not
 * one. */
bool seen_parse_time(struct slice text, int64_t *unix_s);
/* Seconds from 1970 to the start of a day; false when there is no such day. */
bool seen_parse_day(struct slice text, int64_t *unix_s);

#endif
