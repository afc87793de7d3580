#include "../test.h"

#include "base/ctx.h"
#include "work/loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct loop *new_loop(void)
{
    struct arena a = ARENA_INIT;
    struct loop *l = NULL;
    assert_ok(loop_new(&a, &l));
    arena_release(&a);
    return l;
}

struct note {
    struct loop_timer timer;
    struct loop *loop;
    int number;
    int *log;
    int *count;
};

static void on_note(struct loop_timer *self)
{
    struct note *n = (struct note *)(void *)self;
    n->log[(*n->count)++] = n->number;
}

/* Many timers set, moved and cleared run in the order of their times. */
static void test_timers_run_in_order(void **state)
{
    enum { COUNT = 500 };
    static struct note notes[COUNT];
    static int log[COUNT];
    struct loop *l = new_loop();
    int count = 0;
    unsigned seed = 7;
    int64_t start = loop_now_ms(l) - 10000;
    for (int i = 0; i < COUNT; i++) {
        notes[i] = (struct note){
            .timer.on_time = on_note, .loop = l, .number = i, .log = log, .count = &count};
        loop_timer_set(l, &notes[i].timer, start + rand_r(&seed) % 5000);
    }
    for (int i = 0; i < COUNT; i += 3)
        loop_timer_set(l, &notes[i].timer, start + rand_r(&seed) % 5000);
    for (int i = 0; i < COUNT; i += 5)
        loop_timer_clear(l, &notes[i].timer);
    loop_run_once(l, 0);
    assert_int_equal(count, COUNT - COUNT / 5);
    for (int i = 0; i < count; i++) {
        assert_int_not_equal(log[i] % 5, 0);
        if (i)
            assert_true(notes[log[i - 1]].timer.at_ms <= notes[log[i]].timer.at_ms);
    }
    loop_free(l);
}

static void on_again(struct loop_timer *self)
{
    struct note *n = (struct note *)(void *)self;
    ++*n->count;
    loop_timer_set(n->loop, self, 0);
}

/* A timer that sets itself to a time that has passed does not hold the round. */
static void test_timer_that_sets_itself(void **state)
{
    struct loop *l = new_loop();
    int count = 0;
    struct note n = {.timer.on_time = on_again, .loop = l, .count = &count};
    loop_timer_set(l, &n.timer, 0);
    loop_run_once(l, 0);
    assert_int_equal(count, 1);
    loop_run_once(l, 1000);
    assert_int_equal(count, 2);
    loop_free(l);
}

struct watch {
    struct loop_fd fd;
    struct loop *loop;
    struct watch *other;
    int events;
};

static void on_event(struct loop_fd *self, uint32_t events)
{
    struct watch *w = (struct watch *)(void *)self;
    w->events++;
    loop_unwatch(w->loop, &w->fd);
    loop_unwatch(w->loop, &w->other->fd);
}

/* Both are ready in one round; the first to be called ends both watches. */
static void test_unwatch_of_the_same_round(void **state)
{
    struct arena a = ARENA_INIT;
    struct loop *l = new_loop();
    int pipes[2][2];
    struct watch w[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        w[i] = (struct watch){
            .fd = {.fd = pipes[i][0], .on_event = on_event}, .loop = l, .other = &w[1 - i]};
        assert_ok(loop_watch(&a, l, &w[i].fd, EPOLLIN));
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
    }
    loop_run_once(l, 1000);
    loop_run_once(l, 0);
    assert_int_equal(w[0].events + w[1].events, 1);
    for (int i = 0; i < 4; i++)
        close(pipes[i / 2][i % 2]);
    loop_free(l);
}

enum { POSTERS = 3, POSTS = 2000 };

struct post {
    struct loop_task task;
    int poster;
    int number;
    int *last; /* of each poster, touched by the loop alone */
    int *total;
    struct loop *loop;
};

static void on_post(struct loop_task *self)
{
    struct post *p = (struct post *)(void *)self;
    assert_int_equal(p->last[p->poster] + 1, p->number);
    p->last[p->poster] = p->number;
    if (++*p->total == POSTERS * POSTS)
        loop_stop(p->loop);
}

static void *post_all(void *arg)
{
    struct post *posts = arg;
    for (int i = 0; i < POSTS; i++)
        loop_post(posts[i].loop, &posts[i].task);
    return NULL;
}

/* Tasks of one poster run in its order, none is lost, and the loop sleeps in between. */
static void test_posts_of_many_threads(void **state)
{
    static struct post posts[POSTERS][POSTS];
    struct loop *l = new_loop();
    pthread_t threads[POSTERS];
    int last[POSTERS] = {0}, total = 0;
    for (int t = 0; t < POSTERS; t++) {
        for (int i = 0; i < POSTS; i++)
            posts[t][i] = (struct post){.task.run = on_post,
                                        .poster = t,
                                        .number = i + 1,
                                        .last = last,
                                        .total = &total,
                                        .loop = l};
        assert_int_equal(pthread_create(&threads[t], NULL, post_all, posts[t]), 0);
    }
    loop_run(l);
    for (int t = 0; t < POSTERS; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(total, POSTERS * POSTS);
    loop_free(l);
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

/* What was posted before the stop still runs, and each round ends with its hooks. */
static void test_stop_runs_what_was_posted(void **state)
{
    struct loop *l = new_loop();
    int last[1] = {0}, total = 0, rounds = 0;
    struct post p = {.task.run = on_post, .number = 1, .last = last, .total = &total, .loop = l};
    loop_on_round_end(l, count_call, &rounds);
    loop_stop(l);
    loop_post(l, &p.task);
    loop_run(l);
    assert_int_equal(total, 1);
    assert_true(rounds >= 1);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_run_in_order),
        cmocka_unit_test(test_timer_that_sets_itself),
        cmocka_unit_test(test_unwatch_of_the_same_round),
        cmocka_unit_test(test_posts_of_many_threads),
        cmocka_unit_test(test_stop_runs_what_was_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
