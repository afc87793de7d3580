#include "cli/verify.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

void verify_report_init(struct verify_report *r)
{
    *r = (struct verify_report){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void verify_report_release(struct verify_report *r)
{
    free(r->problems);
    arena_release(&r->arena);
}

__attribute__((format(printf, 4, 0))) static void
add(struct verify_report *r, struct verify_problem p, const char *file, const char *fmt, va_list ap)
{
    pthread_mutex_lock(&r->lock);
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 16;
        r->problems = xrealloc(r->problems, r->cap * sizeof(*r->problems));
    }
    p.mv.path = arena_dup(&r->arena, p.mv.path);
    p.mv.version = arena_dup(&r->arena, p.mv.version);
    p.file = arena_dup(&r->arena, slice_of(file));
    p.why = arena_vprintf(&r->arena, fmt, ap);
    r->problems[r->count++] = p;
    pthread_mutex_unlock(&r->lock);
}

void verify_bad(struct verify_report *r, struct verify_version *v, const char *file,
                const char *fmt, ...)
{
    va_list ap;
    v->is_bad = true;
    va_start(ap, fmt);
    add(r, (struct verify_problem){.mv = v->mv, .version = v}, file, fmt, ap);
    va_end(ap);
}

void verify_note(struct verify_report *r, const char *file, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, (struct verify_problem){.is_note = true}, file, fmt, ap);
    va_end(ap);
}

void verify_bad_file(struct verify_report *r, struct module_version mv, const char *file,
                     const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, (struct verify_problem){.mv = mv}, file, fmt, ap);
    va_end(ap);
}

void verify_count(struct verify_report *r, size_t files, uint64_t bytes)
{
    atomic_fetch_add_explicit(&r->files, files, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->bytes, bytes, memory_order_relaxed);
}

size_t verify_report_bad(const struct verify_report *r)
{
    size_t bad = 0;
    for (size_t i = 0; i < r->count; i++)
        bad += !r->problems[i].is_note;
    return bad;
}

/* Problems before notes, then by file. */
static int by_file(const void *a, const void *b)
{
    const struct verify_problem *x = a, *y = b;
    if (x->is_note != y->is_note)
        return x->is_note - y->is_note;
    int c = slice_cmp(x->file, y->file);
    return c ? c : slice_cmp(x->why, y->why);
}

void verify_report_sort(struct verify_report *r)
{
    if (r->count)
        qsort(r->problems, r->count, sizeof(*r->problems), by_file);
}

static void print_problem(const struct verify_problem *p)
{
    if (p->is_note)
        printf("note: ");
    if (p->mv.version.n)
        printf("%.*s@%.*s: ", SLICE_ARG(p->mv.path), SLICE_ARG(p->mv.version));
    printf("%.*s: %.*s\n", SLICE_ARG(p->file), SLICE_ARG(p->why));
}

void verify_report_text(const struct verify_report *r, double seconds)
{
    size_t bad = verify_report_bad(r);
    for (size_t i = 0; i < r->count; i++)
        print_problem(&r->problems[i]);
    printf("%zu versions, %zu files, %.1f MB in %.2f s: ", r->versions, r->files,
           (double)r->bytes / 1e6, seconds);
    if (bad)
        printf("%zu %s\n", bad, bad == 1 ? "problem" : "problems");
    else
        puts("all verified");
}

static json_t *text_json(struct slice s)
{
    /* File names need not be UTF-8, JSON strings must be. */
    return slice_is_utf8(s) ? json_stringn(s.p, s.n) : json_sprintf("(%zu bytes)", s.n);
}

static json_t *problem_json(const struct verify_problem *p)
{
    json_t *o = json_object();
    if (p->mv.version.n) {
        json_object_set_new(o, "module", text_json(p->mv.path));
        json_object_set_new(o, "version", text_json(p->mv.version));
    }
    json_object_set_new(o, "file", text_json(p->file));
    json_object_set_new(o, "reason", text_json(p->why));
    if (!p->is_note)
        json_object_set_new(o, "purged", json_boolean(p->version && p->version->is_purged));
    return o;
}

void verify_report_json(const struct verify_report *r, double seconds)
{
    json_t *problems = json_array(), *notes = json_array();
    for (size_t i = 0; i < r->count; i++)
        json_array_append_new(r->problems[i].is_note ? notes : problems,
                              problem_json(&r->problems[i]));
    json_t *doc =
        json_pack("{sb sI sI sI sf so so}", "ok", verify_report_bad(r) == 0, "versions",
                  (json_int_t)r->versions, "files", (json_int_t)r->files, "bytes",
                  (json_int_t)r->bytes, "seconds", seconds, "problems", problems, "notes", notes);
    json_dumpf(doc, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(doc);
}
