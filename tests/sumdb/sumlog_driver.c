/*
 * Drives the log of a checksum database from outside, for tests that kill it and for measuring:
 *   sumlog_driver append DIR THREADS FROM COUNT   appends the records FROM, FROM + 1 …; prints
 *       "head SIZE ROOT" for each head that one saw, and at the end how many syncs it took
 *   sumlog_driver open DIR                        opens the log, which recovers it; prints its head
 *   sumlog_driver key                             prints the verifier key
 * Exit 0 fine, 1 something failed.
 */
#include "base/ctx.h"

#include "store/sumlog.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static _Noreturn void end(struct arena *a, const struct error *err)
{
    fprintf(stderr, "sumlog_driver: %s\n", error_chain(a, err).p);
    fflush(NULL);
    _exit(1);
}

static struct note_signer signer_of(struct arena *a)
{
    static const uint8_t seed[NOTE_KEY_BYTES] = {'k', 'i', 'l', 'l'};
    struct note_signer signer;
    struct error *err = note_signer_make(a, S("sum.example.com/kill"), seed, &signer);
    if (err)
        end(a, err);
    return signer;
}

static struct sumlog *open_log(struct arena *a, const char *dir)
{
    struct sumlog *log;
    struct note_signer signer = signer_of(a);
    struct error *err = sumlog_open(a, &(struct sumlog_options){dir, &signer, 1}, &log);
    if (err)
        end(a, err);
    return log;
}

static void print_head(struct arena *a, struct sumlog *log)
{
    struct sumdb_head head;
    sumlog_head(log, a, &head);
    printf("head %" PRIu64 " %s\n", head.tree.size, tlog_hash_format(a, &head.tree.root).p);
    fflush(stdout);
}

static struct slice record_of(struct arena *a, uint64_t n)
{
    uint8_t sum[SHA256_BYTES];
    struct module_version mv = {arena_printf(a, "example.com/m%" PRIu64, n), S("v1.0.0")};
    sha256(mv.path, sum);
    struct slice h1 = arena_printf(a, "h1:%s", base64_encode(a, sum, sizeof(sum)).p);
    return record_make(a, mv, h1, h1);
}

struct work {
    struct sumlog *log;
    atomic_ulong next;
    uint64_t end;
};

static void *append(void *arg)
{
    struct work *w = arg;
    struct arena a = ARENA_INIT;
    for (uint64_t n; (n = atomic_fetch_add(&w->next, 1)) < w->end; arena_clear(&a)) {
        struct sumlog_record got;
        struct error *err = sumlog_append(w->log, &a, record_of(&a, n), &got);
        if (err)
            end(&a, err);
        print_head(&a, w->log);
    }
    arena_release(&a);
    return NULL;
}

static uint64_t number(const char *text)
{
    uint64_t v = 0;
    if (!slice_parse_u64(slice_of(text), &v))
        _exit(2);
    return v;
}

static void append_all(struct arena *a, char **argv)
{
    pthread_t threads[64];
    size_t count = (size_t)number(argv[1]);
    struct work w = {.log = open_log(a, argv[0]), .next = number(argv[2])};
    w.end = w.next + number(argv[3]);
    print_head(a, w.log);
    int64_t start = now_ns();
    for (size_t i = 0; i < count && i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, append, &w);
    for (size_t i = 0; i < count && i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    struct sumlog_stats s = sumlog_stats(w.log);
    printf("appended %" PRIu64 " commits %" PRIu64 " syncs %" PRIu64 " us %" PRId64 "\n",
           s.appended, s.commits, s.syncs, (now_ns() - start) / 1000);
    sumlog_close(w.log);
}

int main(int argc, char **argv)
{
    struct arena a = ARENA_INIT;
    if (argc == 6 && strcmp(argv[1], "append") == 0) {
        append_all(&a, argv + 2);
    } else if (argc == 3 && strcmp(argv[1], "open") == 0) {
        struct sumlog *log = open_log(&a, argv[2]);
        print_head(&a, log);
        sumlog_close(log);
    } else if (argc == 2 && strcmp(argv[1], "key") == 0) {
        struct note_signer signer = signer_of(&a);
        puts(note_verifier_format(&a, &signer.verifier).p);
    } else {
        fputs("usage: see the comment in sumlog_driver.c\n", stderr);
        return 2;
    }
    arena_release(&a);
    return 0;
}
