/*
 * Uses, gathered in memory: a hit must not write to the disk, and must not wait. One entry a
 * version in a table of fixed size; when it is full, further versions go unnoted until the next
 * flush, which makes them look a little older than they are and harms nothing else.
 */
#include "store/store_priv.h"

#include "base/encode.h"

enum { TOUCH_SLOTS = 16384, TOUCH_MAX = TOUCH_SLOTS * 3 / 4 };

struct touch {
    char *text; /* path and version, one behind the other; NULL: free */
    size_t path_bytes;
    size_t version_bytes;
    int64_t unix_s;
};

struct table {
    size_t count;
    struct touch slots[TOUCH_SLOTS];
};

struct touches {
    pthread_mutex_t mutex;
    uint64_t seed;
    struct table *table;
};

static struct table *table_new(void)
{
    return xcalloc(1, sizeof(struct table));
}

static void table_free(struct table *t)
{
    for (size_t i = 0; i < TOUCH_SLOTS && t->count; i++)
        free(t->slots[i].text);
    free(t);
}

struct touches *touches_new(void)
{
    struct touches *t = xcalloc(1, sizeof(*t));
    pthread_mutex_init(&t->mutex, NULL);
    random_bytes(&t->seed, sizeof(t->seed));
    t->table = table_new();
    return t;
}

void touches_free(struct touches *t)
{
    if (!t)
        return;
    table_free(t->table);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

static uint64_t add_hash(uint64_t h, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3U; /* FNV-1a */
    return h;
}

static bool is_same(const struct touch *t, struct module_version mv)
{
    return slice_eq(slice_make(t->text, t->path_bytes), mv.path) &&
           slice_eq(slice_make(t->text + t->path_bytes, t->version_bytes), mv.version);
}

/* The slot of a version, or the free one where it belongs. */
static struct touch *find(struct touches *t, struct module_version mv)
{
    uint64_t h = add_hash(add_hash(t->seed, mv.path), mv.version);
    struct touch *slots = t->table->slots;
    size_t at = (h ^ (h >> 32)) % TOUCH_SLOTS;
    while (slots[at].text && !is_same(&slots[at], mv))
        at = (at + 1) % TOUCH_SLOTS;
    return &slots[at];
}

static void fill(struct touch *t, struct module_version mv)
{
    t->path_bytes = mv.path.n;
    t->version_bytes = mv.version.n;
    t->text = xmalloc(mv.path.n + mv.version.n + 1);
    memcpy(t->text, mv.path.p, mv.path.n);
    memcpy(t->text + mv.path.n, mv.version.p, mv.version.n);
}

void store_touch(struct store *s, struct module_version mv)
{
    struct touches *t = s->touches;
    int64_t now = now_unix_s();
    pthread_mutex_lock(&t->mutex);
    struct touch *slot = find(t, mv);
    if (!slot->text && t->table->count < TOUCH_MAX) {
        fill(slot, mv);
        t->table->count++;
    }
    if (slot->text)
        slot->unix_s = now;
    pthread_mutex_unlock(&t->mutex);
}

bool touches_any(struct touches *t)
{
    pthread_mutex_lock(&t->mutex);
    bool has_any = t->table->count > 0;
    pthread_mutex_unlock(&t->mutex);
    return has_any;
}

/* Takes the table away, so that touching goes on while it is written. */
static struct table *take(struct touches *t)
{
    struct table *fresh = table_new();
    pthread_mutex_lock(&t->mutex);
    struct table *taken = t->table;
    t->table = fresh;
    pthread_mutex_unlock(&t->mutex);
    return taken;
}

static struct error *write_all(struct store *s, struct arena *a, struct table *t)
{
    for (size_t i = 0; i < TOUCH_SLOTS; i++) {
        struct touch *slot = &t->slots[i];
        if (!slot->text)
            continue;
        struct module_version mv = {slice_make(slot->text, slot->path_bytes),
                                    slice_make(slot->text + slot->path_bytes, slot->version_bytes)};
        TRY(catalog_touch(s->catalog, a, mv, slot->unix_s));
    }
    return NULL;
}

struct error *touches_write(struct store *s, struct arena *a)
{
    if (!touches_any(s->touches))
        return NULL;
    struct table *taken = take(s->touches);
    struct error *err = write_all(s, a, taken);
    table_free(taken);
    return err;
}
