/*
 * The log: one line per event, JSON or text, on standard error. Lines are gathered in memory and
 * written by a thread of their own, so that logging never blocks a loop; when the writer cannot
 * keep up, lines are dropped and a later one says how many. Without log_start() lines are written
 * directly. A line has at most 8 KiB and a value 2 KiB; what was cut off is marked "cut". [any]
 * all.
 *
 *   JSON   {"time":"2026-01-02T03:04:05.678901Z","level":"info","msg":"…","field":"text","n":1}
 *   text   2026-01-02T03:04:05.678Z INFO  message field=text n=1
 */
#ifndef MODGATE_OPS_LOG_H
#define MODGATE_OPS_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_JSON, LOG_TEXT };

struct log_field {
    struct slice key; /* as JSON has it: ,"name": */
    struct slice text;
    int64_t number;
    enum { LOG_FIELD_TEXT, LOG_FIELD_WORD, LOG_FIELD_NUMBER } kind;
};

/* The name is a literal: "module", "status". */
#define LOG_KEY(name) S(",\"" name "\":")
#define LOG_STR(name, slice_value)                                                                 \
    ((struct log_field){.key = LOG_KEY(name), .text = (slice_value), .kind = LOG_FIELD_TEXT})
/* Of text that needs no escape in either format: ASCII without blanks, quotes, '\\' and '='. */
#define LOG_WORD(name, slice_value)                                                                \
    ((struct log_field){.key = LOG_KEY(name), .text = (slice_value), .kind = LOG_FIELD_WORD})
#define LOG_NUM(name, value)                                                                       \
    ((struct log_field){.key = LOG_KEY(name), .number = (int64_t)(value), .kind = LOG_FIELD_NUMBER})

/* Starts the writer thread. */
void log_start(void);
/*
 * Writes what is left and ends the writer; gives up when the output takes nothing for three
 * seconds. The other threads have stopped logging by then.
 */
void log_stop(void);
/* At the start: info and text. May change at any time. */
void log_set(enum log_level least, enum log_format format);
bool log_is_on(enum log_level level);
/* One event: a short sentence and its fields. Text is escaped; secrets are the caller's duty. */
void log_event(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);
/* As log_event(), of something that was at a moment on the clock of now_ns(), a short time ago. */
void log_event_at(int64_t at_ns, enum log_level level, const char *message,
                  const struct log_field *fields, size_t count);
#define log_line(level, message, ...)                                                              \
    log_event((level), (message), (const struct log_field[]){__VA_ARGS__},                         \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* An event with an error: its chain becomes the field "error", its status "error_status". */
void log_error(enum log_level level, const char *message, const struct error *e,
               const struct log_field *fields, size_t count);
/* Lines that were dropped since the start. */
uint64_t log_dropped_total(void);

#endif
