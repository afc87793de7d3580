/*
 * The text of a log line. Access logs are one line per request, so this is written for speed: no
 * printf, numbers two digits at a time, runs of plain bytes copied whole, and the calendar part of
 * the time kept per thread for as long as the second lasts.
 *
 * A line has a fixed greatest length. Room for its end (TAIL) is never given to a value, so that a
 * line that had to be cut is still one valid JSON object and ends with a newline.
 */
#include "ops/log_line.h"

#include <time.h>

enum { TAIL = 32, NUMBER_MAX = 20 /* digits and sign of any number */ };

struct line {
    char *at;
    char *end; /* values stop here; TAIL bytes follow */
    bool is_cut;
};

/* What follows the time. */
static const struct slice json_levels[] = {
    S("\",\"level\":\"debug\",\"msg\":"), S("\",\"level\":\"info\",\"msg\":"),
    S("\",\"level\":\"warn\",\"msg\":"), S("\",\"level\":\"error\",\"msg\":")};
static const struct slice text_levels[] = {S(" DEBUG "), S(" INFO  "), S(" WARN  "), S(" ERROR ")};

/* Bytes that cannot stand in a JSON string as they are: controls, quote, backslash, not ASCII. */
static const uint8_t is_special[256] = {
    [0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, [0x7f ... 0xff] = 1};

static bool fits(struct line *l, size_t n)
{
    if ((size_t)(l->end - l->at) >= n)
        return true;
    l->is_cut = true;
    return false;
}

/* A line is some fifty pieces of a few bytes: moves that overlap cost less than a call of memcpy.
 */
static inline void copy_small(char *to, const char *p, size_t n)
{
    if (n >= 8) {
        memcpy(to, p, 8);
        memcpy(to + n - 8, p + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, p, 4);
        memcpy(to + n - 4, p + n - 4, 4);
    } else if (n) {
        to[0] = p[0];
        to[n / 2] = p[n / 2];
        to[n - 1] = p[n - 1];
    }
}

static inline void put(struct line *l, const char *p, size_t n)
{
    if (n <= 16)
        copy_small(l->at, p, n);
    else
        memcpy(l->at, p, n);
    l->at += n;
}

static void put_slice(struct line *l, struct slice s)
{
    if (fits(l, s.n))
        put(l, s.p, s.n);
}

static const char digit_pairs[] = "0001020304050607080910111213141516171819"
                                  "2021222324252627282930313233343536373839"
                                  "4041424344454647484950515253545556575859"
                                  "6061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

/* The digits of v end at `end`; returns where they start. */
static char *digits_before(char *end, uint64_t v)
{
    while (v >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + v * 2, 2);
    } else {
        *--end = (char)('0' + v);
    }
    return end;
}

static void put_number(struct line *l, int64_t number)
{
    char text[NUMBER_MAX];
    char *end = text + sizeof(text);
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char *start = digits_before(end, magnitude);
    if (number < 0)
        *--start = '-';
    put(l, start, (size_t)(end - start));
}

static void put_unicode_escape(struct line *l, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    put(l, text, sizeof(text));
}

static char short_escape(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/* Writes the special character at the start of s and returns how many bytes of s it was. */
static size_t put_special(struct line *l, struct slice s)
{
    unsigned char c = (unsigned char)s.p[0];
    char letter = short_escape(c);
    if (letter) {
        put(l, (char[]){'\\', letter}, 2);
        return 1;
    }
    if (c < 0x20 || c == 0x7f) {
        put_unicode_escape(l, c);
        return 1;
    }
    size_t n = slice_utf8_len(s);
    if (n == 0) {
        put(l, "\xef\xbf\xbd", 3); /* U+FFFD for a byte that is not UTF-8 */
        return 1;
    }
    if (c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
        put_unicode_escape(l, (unsigned char)s.p[1]); /* C1 controls, which terminals obey */
    else
        put(l, s.p, n);
    return n;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Not 0 when a byte of x is b. */
static inline uint64_t has_byte(uint64_t x, uint64_t b)
{
    x ^= EACH_BYTE(b);
    return (x - EACH_BYTE(1)) & ~x & EACH_BYTE(0x80);
}

/* Whether none of eight bytes is_special. */
static inline bool are_plain(uint64_t x)
{
    uint64_t controls = (x - EACH_BYTE(0x20)) & ~x & EACH_BYTE(0x80);
    return !((x & EACH_BYTE(0x80)) | controls | has_byte(x, '"') | has_byte(x, '\\') |
             has_byte(x, 0x7f));
}

/* Copies plain bytes, eight at a time; returns what is left of s. */
static inline struct slice put_plain(struct line *l, struct slice s)
{
    while (s.n >= 8 && l->end - l->at >= 8) {
        uint64_t x;
        memcpy(&x, s.p, sizeof(x));
        if (!are_plain(x))
            break;
        memcpy(l->at, &x, sizeof(x));
        l->at += sizeof(x);
        s = slice_skip(s, sizeof(x));
    }
    return s;
}

/* The inside of a JSON string. Every step writes at most 6 bytes, so `fits` is asked once a step.
 */
static void put_escaped(struct line *l, struct slice s)
{
    bool is_long = s.n > LOG_TEXT_MAX;
    s = slice_head(s, LOG_TEXT_MAX);
    while (s.n) {
        size_t run = 0;
        s = put_plain(l, s);
        while (run < s.n && !is_special[(unsigned char)s.p[run]])
            run++;
        size_t room = (size_t)(l->end - l->at);
        put(l, s.p, run > room ? room : run);
        s = slice_skip(s, run);
        if (run > room || (s.n && !fits(l, 6))) {
            l->is_cut = true;
            return;
        }
        if (s.n)
            s = slice_skip(s, put_special(l, s));
    }
    if (is_long)
        l->is_cut = true;
}

static bool is_plain_word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_special[c] || c == ' ' || c == '=')
            return false;
    }
    return s.n > 0 && s.n <= LOG_TEXT_MAX;
}

static void put_quoted(struct line *l, struct slice s)
{
    *l->at++ = '"';
    put_escaped(l, s);
    *l->at++ = '"';
}

static void put_word(struct line *l, enum log_format format, struct slice s)
{
    if (format == LOG_JSON)
        *l->at++ = '"';
    put(l, s.p, s.n);
    if (format == LOG_JSON)
        *l->at++ = '"';
}

/* name= for ,"name": */
static void put_text_key(struct line *l, struct slice key)
{
    *l->at++ = ' ';
    put(l, key.p + 2, key.n - 4);
    *l->at++ = '=';
}

/* What a field needs to be begun: a number or word stands whole, a text may be cut. */
static size_t least_room(const struct log_field *f)
{
    enum { QUOTES = 2 };
    if (f->kind == LOG_FIELD_NUMBER)
        return f->key.n + NUMBER_MAX;
    return f->key.n + QUOTES + (f->kind == LOG_FIELD_WORD ? f->text.n : 0);
}

static void put_field(struct line *l, enum log_format format, const struct log_field *f)
{
    if (l->is_cut || !fits(l, least_room(f))) {
        l->is_cut = true;
        return;
    }
    if (format == LOG_JSON)
        put(l, f->key.p, f->key.n);
    else
        put_text_key(l, f->key);
    if (f->kind == LOG_FIELD_NUMBER)
        put_number(l, f->number);
    else if (f->kind == LOG_FIELD_WORD)
        put_word(l, format, f->text);
    else if (format == LOG_TEXT && is_plain_word(f->text))
        put_slice(l, f->text);
    else
        put_quoted(l, f->text);
}

static void put_fields(struct line *l, enum log_format format, struct log_fields fields)
{
    for (size_t i = 0; i < fields.n; i++)
        put_field(l, format, &fields.p[i]);
}

/* "2006-01-02T15:04:05", kept until the second changes. */
static void put_calendar(struct line *l, int64_t unix_s)
{
    static _Thread_local int64_t kept_s = INT64_MIN;
    static _Thread_local char kept[32];
    if (kept_s != unix_s) {
        time_t t = (time_t)unix_s;
        struct tm tm = {0};
        gmtime_r(&t, &tm);
        strftime(kept, sizeof(kept), "%Y-%m-%dT%H:%M:%S", &tm);
        kept_s = unix_s;
    }
    put(l, kept, 19);
}

/* The fraction of a second, `digits` long, and the Z. */
static void put_fraction(struct line *l, uint32_t us, size_t digits)
{
    char text[7];
    uint32_t with_lead = us + 1000000; /* seven digits, so that the zeros in front are there */
    digits_before(text + sizeof(text), with_lead);
    text[0] = '.';
    memcpy(l->at, text, 1 + digits);
    l->at += 1 + digits;
    *l->at++ = 'Z';
}

/* "time":"…" without its last quote. */
static void put_json_time(struct line *l, struct log_moment at)
{
    put_slice(l, S("\"time\":\""));
    put_calendar(l, at.unix_s);
    put_fraction(l, at.us, 6);
}

static void put_json_head(struct line *l, struct log_moment at, enum log_level level,
                          const char *message)
{
    *l->at++ = '{';
    put_json_time(l, at);
    put_slice(l, json_levels[level]);
    put_quoted(l, slice_of(message));
}

static void put_text_head(struct line *l, struct log_moment at, enum log_level level,
                          const char *message)
{
    put_calendar(l, at.unix_s);
    put_fraction(l, at.us, 3);
    put_slice(l, text_levels[level]);
    put_escaped(l, slice_of(message));
}

size_t log_line_format(char *out, enum log_format format, struct log_moment at,
                       enum log_level level, const char *message, struct log_fields fields,
                       struct log_fields more)
{
    struct line l = {.at = out, .end = out + LOG_LINE_MAX - TAIL};
    if (format == LOG_JSON)
        put_json_head(&l, at, level, message);
    else
        put_text_head(&l, at, level, message);
    put_fields(&l, format, fields);
    put_fields(&l, format, more);
    l.end += TAIL;
    if (l.is_cut)
        put_slice(&l, format == LOG_JSON ? S(",\"cut\":true") : S(" cut=true"));
    put_slice(&l, format == LOG_JSON ? S("}\n") : S("\n"));
    return (size_t)(l.at - out);
}

size_t log_line_members(char *out, struct log_moment at, struct slice event,
                        struct log_fields fields)
{
    struct line l = {.at = out, .end = out + LOG_LINE_MAX - TAIL};
    put_json_time(&l, at);
    put_slice(&l, S("\",\"event\":"));
    put_word(&l, LOG_JSON, event);
    put_fields(&l, LOG_JSON, fields);
    l.end += TAIL;
    if (l.is_cut)
        put_slice(&l, S(",\"cut\":true"));
    return (size_t)(l.at - out);
}
