#include "policy/seen.h"

#include "gomod/semver.h"

enum { SEEN_MAX = 200000 }; /* versions of one module: what clients ask for must not fill a disk */

/* ---- the file ---- */

static bool parse_seconds(struct slice s, int64_t *out)
{
    uint64_t n;
    if (!slice_parse_u64(s, &n) || n > INT64_MAX)
        return false;
    *out = (int64_t)n;
    return true;
}

static bool parse_line(struct slice line, struct seen *s)
{
    struct seen_version *v = &s->rows[s->count];
    struct slice word = slice_cut(&line, ' ');
    if (slice_eq(word, S("listed")))
        return parse_seconds(line, &s->listed_unix_s);
    v->version = word;
    if (!semver_is_valid(word) || !parse_seconds(slice_cut(&line, ' '), &v->first_unix_s))
        return false;
    word = slice_cut(&line, ' ');
    v->is_old = slice_eq(word, S("old"));
    if (!v->is_old && !slice_eq(word, S("new")))
        return false;
    s->count++;
    return slice_eq(line, S("-")) || parse_seconds(line, &v->time_unix_s);
}

static int by_version(const void *x, const void *y)
{
    return slice_cmp(((const struct seen_version *)x)->version,
                     ((const struct seen_version *)y)->version);
}

struct error *seen_parse(struct arena *a, struct slice text, struct seen *out)
{
    size_t lines = 1, number = 0;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    *out = (struct seen){.rows = ARENA_ARRAY(a, struct seen_version, lines), .room = lines};
    while (text.n) {
        number++;
        if (!parse_line(slice_cut_line(&text), out))
            return error_new(a, STATUS_CORRUPT, "line %zu is no version and its times", number);
    }
    qsort(out->rows, out->count, sizeof(*out->rows), by_version);
    return NULL;
}

struct slice seen_format(struct arena *a, const struct seen *s)
{
    BUF_SCOPED(b);
    if (s->listed_unix_s)
        buf_printf(&b, "listed %" PRId64 "\n", s->listed_unix_s);
    for (size_t i = 0; i < s->count; i++) {
        const struct seen_version *v = &s->rows[i];
        buf_printf(&b, "%.*s %" PRId64 " %s ", SLICE_ARG(v->version), v->first_unix_s,
                   v->is_old ? "old" : "new");
        if (v->time_unix_s)
            buf_printf(&b, "%" PRId64 "\n", v->time_unix_s);
        else
            buf_add(&b, S("-\n"));
    }
    return arena_dup(a, buf_slice(&b));
}

/* ---- what is in it ---- */

/* The first row that is not before the version. */
static size_t place_of(const struct seen *s, struct slice version)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(s->rows[mid].version, version) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct seen_version *seen_find(const struct seen *s, struct slice version)
{
    size_t at = place_of(s, version);
    return at < s->count && slice_eq(s->rows[at].version, version) ? &s->rows[at] : NULL;
}

static void make_room(struct arena *a, struct seen *s)
{
    if (s->count < s->room)
        return;
    s->room = s->room * 2 + 16;
    struct seen_version *rows = ARENA_ARRAY(a, struct seen_version, s->room);
    memcpy(rows, s->rows, s->count * sizeof(*rows));
    s->rows = rows;
}

void seen_hear(struct arena *a, struct seen *s, struct slice version, int64_t now_unix_s,
               bool is_old)
{
    size_t at = place_of(s, version);
    if ((at < s->count && slice_eq(s->rows[at].version, version)) || s->count >= SEEN_MAX)
        return;
    make_room(a, s);
    memmove(&s->rows[at + 1], &s->rows[at], (s->count - at) * sizeof(*s->rows));
    s->rows[at] = (struct seen_version){version, now_unix_s, is_old, 0};
    s->count++;
    s->has_changed = true;
}

void seen_list(struct arena *a, struct seen *s, struct slice list, int64_t now_unix_s)
{
    bool is_first = s->listed_unix_s == 0;
    while (list.n) {
        struct slice version = slice_cut_line(&list);
        if (semver_is_valid(version))
            seen_hear(a, s, version, now_unix_s, is_first);
    }
    if (is_first) {
        s->listed_unix_s = now_unix_s;
        s->has_changed = true;
    }
}

void seen_set_time(struct seen *s, struct slice version, int64_t time_unix_s)
{
    struct seen_version *v = seen_find(s, version);
    if (!v || v->time_unix_s == time_unix_s)
        return;
    v->time_unix_s = time_unix_s;
    s->has_changed = true;
}

int64_t seen_since(const struct seen *s, struct slice version)
{
    const struct seen_version *v = seen_find(s, version);
    if (!v || v->time_unix_s <= 0)
        return 0;
    if (v->is_old || v->time_unix_s > v->first_unix_s)
        return v->time_unix_s;
    return v->first_unix_s;
}

/* ---- times ---- */

/* The number that n digits make at that place. */
static bool digits(struct slice s, size_t at, size_t n, int64_t least, int64_t most, int64_t *out)
{
    uint64_t value;
    if (s.n < at + n || !slice_parse_u64(slice_make(s.p + at, n), &value))
        return false;
    *out = (int64_t)value;
    return *out >= least && *out <= most;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01: years that begin in March have their leap day at the end. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

bool seen_parse_day(struct slice s, int64_t *unix_s)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' || !digits(s, 0, 4, 1970, 9999, &year) ||
        !digits(s, 5, 2, 1, 12, &month) || !digits(s, 8, 2, 1, 31, &day))
        return false;
    if (day > lengths[month - 1] + (month == 2 && is_leap(year)))
        return false;
    *unix_s = days_of(year, month, day) * 86400;
    return true;
}

/* "Z", "+02:00". */
static bool parse_offset(struct slice s, int64_t *seconds)
{
    int64_t hours, minutes;
    *seconds = 0;
    if (slice_eq(s, S("Z")))
        return true;
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':' ||
        !digits(s, 1, 2, 0, 23, &hours) || !digits(s, 4, 2, 0, 59, &minutes))
        return false;
    *seconds = (hours * 60 + minutes) * 60 * (s.p[0] == '-' ? -1 : 1);
    return true;
}

bool seen_parse_time(struct slice s, int64_t *unix_s)
{
    int64_t hour, minute, second, offset;
    if (s.n < 20 || s.p[10] != 'T' || s.p[13] != ':' || s.p[16] != ':' ||
        !seen_parse_day(slice_head(s, 10), unix_s) || !digits(s, 11, 2, 0, 23, &hour) ||
        !digits(s, 14, 2, 0, 59, &minute) || !digits(s, 17, 2, 0, 60, &second))
        return false;
    struct slice rest = slice_skip(s, 19);
    if (slice_starts(rest, S("."))) {
        rest = slice_skip(rest, 1);
        while (rest.n && rest.p[0] >= '0' && rest.p[0] <= '9')
            rest = slice_skip(rest, 1);
    }
    if (!parse_offset(rest, &offset))
        return false;
    *unix_s += hour * 3600 + minute * 60 + second - offset;
    return true;
}
