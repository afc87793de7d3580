/*
 * The chunked transfer coding (RFC 9112, 7.1), read byte by byte but for its data. Extensions and
 * trailers are checked for form and bounded together.
 */
#include "http/h1_parse.h"

enum { MAX_EXTRA_BYTES = 4096, MAX_SIZE_DIGITS = 15 };

enum state {
    SIZE,
    EXT_NAME_START,
    EXT_NAME,
    EXT_VALUE_START,
    EXT_VALUE,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    END,
};

static bool is_token(char c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr(marks, c));
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A byte of the size line's hexadecimal number; -1 when it does not fit. */
static int size_byte(struct h1_chunked *d, char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        d->left = d->left * 16 + (unsigned)digit;
        return ++d->digits > MAX_SIZE_DIGITS ? -1 : SIZE;
    }
    if (d->digits == 0)
        return -1;
    return c == '\r' ? SIZE_LF : c == ';' ? EXT_NAME_START : -1;
}

/* The end of the size line: data, or the trailers after the last chunk. */
static int size_end(struct h1_chunked *d, char c)
{
    if (c != '\n')
        return -1;
    d->digits = 0;
    d->total += d->left;
    return d->left ? DATA : TRAILER_START;
}

static int extension_byte(int state, char c)
{
    bool is_start = state == EXT_NAME_START || state == EXT_VALUE_START;
    if (is_token(c))
        return is_start ? state + 1 : state;
    if (is_start)
        return -1;
    if (c == '=')
        return state == EXT_NAME ? EXT_VALUE_START : -1;
    return c == ';' ? EXT_NAME_START : c == '\r' ? SIZE_LF : -1;
}

static int trailer_byte(int state, char c)
{
    if (state == TRAILER_START)
        return c == '\r' ? END_LF : is_token(c) ? TRAILER_NAME : -1;
    if (state == TRAILER_NAME)
        return c == ':' ? TRAILER_VALUE : is_token(c) ? TRAILER_NAME : -1;
    if (c == '\r')
        return TRAILER_LF;
    return h1_is_value(slice_make(&c, 1)) ? TRAILER_VALUE : -1;
}

/* The state after c; -1 when c may not stand there. */
static int step(struct h1_chunked *d, char c)
{
    switch ((enum state)d->state) {
    case SIZE:
        return size_byte(d, c);
    case SIZE_LF:
        return size_end(d, c);
    case EXT_NAME_START:
    case EXT_NAME:
    case EXT_VALUE_START:
    case EXT_VALUE:
        return extension_byte(d->state, c);
    case DATA_CR:
        return c == '\r' ? DATA_LF : -1;
    case DATA_LF:
        return c == '\n' ? SIZE : -1;
    case TRAILER_START:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return trailer_byte(d->state, c);
    case TRAILER_LF:
        return c == '\n' ? TRAILER_START : -1;
    case END_LF:
        return c == '\n' ? END : -1;
    case DATA:
    case END:
        break;
    }
    return -1;
}

static bool is_extra(int state)
{
    return (state >= EXT_NAME_START && state <= EXT_VALUE) ||
           (state >= TRAILER_START && state <= TRAILER_LF);
}

static enum h1_verdict bad(struct h1_chunked *d, int status, const char *text)
{
    d->status = status;
    d->text = text;
    return H1_BAD;
}

static enum h1_verdict take_byte(struct h1_chunked *d, char c, uint64_t max_body)
{
    int next = step(d, c);
    if (next < 0)
        return bad(d, 400, "malformed chunked body");
    d->state = next;
    if (is_extra(next) && ++d->extra_bytes > MAX_EXTRA_BYTES)
        return bad(d, 431, "chunk extensions or trailers are too large");
    if (d->total > max_body)
        return bad(d, 413, "the body is too large");
    return next == END ? H1_DONE : H1_MORE;
}

enum h1_verdict h1_chunked_feed(struct h1_chunked *d, struct slice in, uint64_t max_body,
                                size_t *consumed, struct slice *data)
{
    enum h1_verdict v = H1_MORE;
    size_t i = 0;
    while (i < in.n && v == H1_MORE && d->state != DATA)
        v = take_byte(d, in.p[i++], max_body);
    *data = slice_make(in.p + i, 0);
    if (v == H1_MORE && d->state == DATA) {
        *data = slice_head(slice_skip(in, i), d->left);
        d->left -= data->n;
        if (d->left == 0)
            d->state = DATA_CR;
    }
    *consumed = i + data->n;
    return v;
}
