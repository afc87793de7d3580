/*
 * The table of settings.def as data: rows with the names that follow from the key, look-ups, and
 * the guess what somebody meant who wrote a name that does not exist.
 */
#include "config/config_priv.h"

#include <ctype.h>
#include <pthread.h>

#define RELOAD_LIVE true
#define RELOAD_RESTART false

static struct setting_info rows[SETTING_COUNT] = {
#define SETTING(key_, field_, kind_, def_, min_, max_, reload_, doc_)                              \
    {.key = (key_),                                                                                \
     .kind = SETTING_##kind_,                                                                      \
     .def = (def_),                                                                                \
     .min = (min_),                                                                                \
     .max = (max_),                                                                                \
     .is_live = RELOAD_##reload_,                                                                  \
     .doc = (doc_)},
#include "config/settings.def"
#undef SETTING
};

enum { NAME_BYTES = 64 };
static char flags[SETTING_COUNT][NAME_BYTES];
static char envs[SETTING_COUNT][NAME_BYTES];

static void name_row(size_t i)
{
    char *flag = flags[i] + 2, *env = envs[i] + 8;
    const char *key = rows[i].key;
    if (strlen(key) + 9 > NAME_BYTES)
        BUG("the key %s is too long", key);
    memcpy(flags[i], "--", 2);
    memcpy(envs[i], "MODGATE_", 8);
    for (; *key; key++) {
        bool is_joint = *key == '.' || *key == '_';
        *flag++ = is_joint ? '-' : *key;
        *env++ = is_joint ? '_' : (char)toupper((unsigned char)*key);
    }
    rows[i].flag = flags[i];
    rows[i].env = envs[i];
}

static void name_rows(void)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        name_row(i);
}

const struct setting_info *setting_info(enum setting_id id)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, name_rows);
    return &rows[id];
}

enum setting_id setting_find(struct slice key)
{
    int i = 0;
    while (i < SETTING_COUNT && !slice_eq(key, slice_of(rows[i].key)))
        i++;
    return (enum setting_id)i;
}

/* The part of key below the section ("" is the top), or an empty slice when it lies elsewhere. */
static struct slice below(struct slice section, struct slice key)
{
    if (section.n == 0)
        return key;
    if (!slice_starts(key, section) || key.n <= section.n || key.p[section.n] != '.')
        return S("");
    return slice_skip(key, section.n + 1);
}

bool setting_is_section(struct slice key)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (key.n && below(key, slice_of(rows[i].key)).n)
            return true;
    }
    return false;
}

enum { DISTANCE_MAX_BYTES = 64 };

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One row of the table of distances between prefixes (optimal string alignment). */
static void distance_row(size_t *row, const size_t *above, const size_t *above2, struct slice a,
                         struct slice b, size_t i)
{
    row[0] = i;
    for (size_t k = 1; k <= b.n; k++) {
        size_t change = above[k - 1] + (a.p[i - 1] != b.p[k - 1]);
        row[k] = min2(change, min2(above[k], row[k - 1]) + 1);
        if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
            row[k] = min2(row[k], above2[k - 2] + 1);
    }
}

size_t edit_distance(struct slice a, struct slice b, size_t max)
{
    size_t table[3][DISTANCE_MAX_BYTES + 1];
    if (a.n > DISTANCE_MAX_BYTES || b.n > DISTANCE_MAX_BYTES)
        return max + 1;
    for (size_t k = 0; k <= b.n; k++)
        table[0][k] = k;
    for (size_t i = 1; i <= a.n; i++)
        distance_row(table[i % 3], table[(i + 2) % 3], table[(i + 1) % 3], a, b, i);
    return min2(table[a.n % 3][b.n], max + 1);
}

/* How many slips a name of that length may have and still be recognised. */
static size_t slips(size_t n)
{
    return n < 4 ? 1 : n < 9 ? 2 : 3;
}

/* The first part of a key below a section: "store" of "store.max_size" at the top. */
static struct slice child_name(struct slice section, size_t row)
{
    struct slice rest = below(section, slice_of(rows[row].key));
    return slice_cut(&rest, '.');
}

/* The same, counting on: fetch.credentials and the sections of records come after the settings. */
static struct slice any_child(struct slice section, size_t i)
{
    if (i < SETTING_COUNT)
        return child_name(section, i);
    if (i == SETTING_COUNT)
        return slice_eq(section, S("fetch")) ? S("credentials") : S("");
    return section.n ? S("")
                     : slice_of(record_section((enum setting_section)(i - SETTING_COUNT - 1))->key);
}

static struct slice nearest_child(struct slice section, struct slice name)
{
    struct slice best = S("");
    size_t best_distance = slips(name.n) + 1;
    for (size_t i = 0; i <= SETTING_COUNT + SECTION_COUNT; i++) {
        struct slice candidate = any_child(section, i);
        if (candidate.n == 0)
            continue;
        size_t d = edit_distance(name, candidate, best_distance);
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

/* A key elsewhere whose last part is that name: for "max_size" at the top, "store.max_size". */
static const char *same_name_elsewhere(struct slice name)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *dot = strrchr(rows[i].key, '.');
        if (dot && slice_eq(slice_of(dot + 1), name))
            return rows[i].key;
    }
    return NULL;
}

static struct slice list_children(struct arena *a, struct slice section)
{
    BUF_SCOPED(b);
    struct slice last = S("");
    for (size_t i = 0; i <= SETTING_COUNT + SECTION_COUNT; i++) {
        struct slice name = any_child(section, i);
        if (name.n == 0 || slice_eq(name, last))
            continue;
        if (last.n)
            buf_add(&b, S(", "));
        buf_add(&b, name);
        last = name;
    }
    return arena_dup(a, buf_slice(&b));
}

static struct slice nested_form(struct arena *a, const char *key)
{
    struct slice rest = slice_of(key);
    struct slice section = slice_cut(&rest, '.');
    return arena_printf(a, "\"%.*s:\" and below it, indented, \"%.*s:\"", SLICE_ARG(section),
                        SLICE_ARG(rest));
}

struct slice setting_hint(struct arena *a, struct slice section, struct slice name)
{
    enum setting_id dotted = setting_find(name);
    if (section.n == 0 && dotted != SETTING_COUNT)
        return arena_printf(a, "write %.*s", SLICE_ARG(nested_form(a, rows[dotted].key)));
    struct slice near = nearest_child(section, name);
    if (near.n)
        return arena_printf(a, "did you mean \"%.*s\"?", SLICE_ARG(near));
    const char *elsewhere = same_name_elsewhere(name);
    if (elsewhere)
        return arena_printf(a, "did you mean \"%s\"? Write %.*s", elsewhere,
                            SLICE_ARG(nested_form(a, elsewhere)));
    return arena_printf(a, "known here: %.*s", SLICE_ARG(list_children(a, section)));
}

const char *setting_env_hint(struct slice name)
{
    struct slice rest = slice_skip(name, strlen("MODGATE_"));
    size_t may_differ = rest.n < 6 ? 1 : 2;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *env = setting_info((enum setting_id)i)->env;
        size_t d = edit_distance(name, slice_of(env), may_differ);
        if (d > 0 && d <= may_differ)
            return env;
    }
    return NULL;
}
