/* What `go mod edit` drops from a file, found by sorting. */
#include "gomod/modfile.h"

struct key {
    struct module_version mod;
    size_t index;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int c = slice_cmp(x->mod.path, y->mod.path);
    if (c == 0)
        c = slice_cmp(x->mod.version, y->mod.version);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

static bool same_key(const struct key *a, const struct key *b)
{
    return slice_eq(a->mod.path, b->mod.path) && slice_eq(a->mod.version, b->mod.version);
}

/* Marks in drop what is not the first, or not the last, of its kind. */
static void mark_repeated(struct key *keys, size_t n, bool last_counts, bool *drop)
{
    if (n)
        qsort(keys, n, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (same_key(&keys[i - 1], &keys[i]))
            drop[keys[last_counts ? i - 1 : i].index] = true;
    }
}

typedef struct module_version (*key_fn)(const void *item);

struct list {
    void *items;
    size_t *n;
    size_t item_size;
    key_fn key;
    bool is_set;          /* repetitions go */
    bool last_counts;     /* the last of a kind stays, not the first */
    bool may_be_nameless; /* entries with an empty path stay */
};

static void tidy_list(struct list list)
{
    size_t kept = 0;
    struct key *keys = xcalloc(*list.n + 1, sizeof(*keys));
    bool *drop = xcalloc(*list.n + 1, sizeof(*drop));
    for (size_t i = 0; i < *list.n; i++) {
        keys[i] = (struct key){list.key((char *)list.items + i * list.item_size), i};
        drop[i] = keys[i].mod.path.n == 0 && !list.may_be_nameless;
    }
    if (list.is_set)
        mark_repeated(keys, *list.n, list.last_counts, drop);
    for (size_t i = 0; i < *list.n; i++) {
        char *item = (char *)list.items + i * list.item_size;
        if (!drop[i])
            memmove((char *)list.items + kept++ * list.item_size, item, list.item_size);
    }
    *list.n = kept;
    free(keys);
    free(drop);
}

static struct module_version godebug_key(const void *item)
{
    return (struct module_version){.path = ((const struct mod_godebug *)item)->key};
}

static struct module_version require_key(const void *item)
{
    return ((const struct mod_require *)item)->mod;
}

static struct module_version exclude_key(const void *item)
{
    return ((const struct mod_exclude *)item)->mod;
}

static struct module_version replace_key(const void *item)
{
    return ((const struct mod_replace *)item)->old;
}

static struct module_version name_key(const void *item)
{
    return (struct module_version){.path = ((const struct mod_name *)item)->name};
}

void modfile_tidy(struct modfile *f)
{
    const struct list lists[] = {
        {f->godebugs, &f->n_godebugs, sizeof(*f->godebugs), godebug_key},
        {f->requires, &f->n_requires, sizeof(*f->requires), require_key},
        {f->excludes, &f->n_excludes, sizeof(*f->excludes), exclude_key, .is_set = true},
        {f->replaces, &f->n_replaces, sizeof(*f->replaces), replace_key, .is_set = true,
         .last_counts = true},
        {f->tools, &f->n_tools, sizeof(*f->tools), name_key, .is_set = true,
         .may_be_nameless = true},
        {f->ignores, &f->n_ignores, sizeof(*f->ignores), name_key, .is_set = true,
         .may_be_nameless = true},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        tidy_list(lists[i]);
}
