#include "../test.h"

#include "work/lane.h"

#include <semaphore.h>
#include <stdatomic.h>

struct step {
    struct job job;
    sem_t *started, *go;
    atomic_int *ran;
};

static void run_step(struct job *self)
{
    struct step *s = (struct step *)self;
    if (s->started)
        sem_post(s->started);
    if (s->go)
        sem_wait(s->go);
    atomic_fetch_add(s->ran, 1);
}

static void test_all_jobs_run_before_close_returns(void **state)
{
    static struct step steps[100];
    atomic_int ran = 0;
    struct lane *l = lane_new(&(struct lane_options){"t", .max_threads = 4, .max_queued = 100});
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        steps[i] = (struct step){.job.run = run_step, .ran = &ran};
        assert_true(lane_submit(l, &steps[i].job, LANE_INTERACTIVE));
    }
    lane_close(l);
    assert_int_equal(ran, ARRAY_LEN(steps));
}

static void test_full_lane_refuses_and_withdraw_frees_a_place(void **state)
{
    atomic_int ran = 0;
    sem_t started, go;
    sem_init(&started, 0, 0);
    sem_init(&go, 0, 0);
    struct step busy = {.job.run = run_step, .started = &started, .go = &go, .ran = &ran};
    struct step first = {.job.run = run_step, .ran = &ran};
    struct step second = first;
    struct step third = first;
    struct lane *l = lane_new(&(struct lane_options){"t", .max_threads = 1, .max_queued = 1});
    assert_true(lane_submit(l, &busy.job, LANE_INTERACTIVE));
    sem_wait(&started);
    assert_true(lane_submit(l, &first.job, LANE_INTERACTIVE));
    assert_false(lane_submit(l, &second.job, LANE_INTERACTIVE));
    assert_int_equal(lane_stats(l).rejected_total, 1);
    assert_true(lane_withdraw(l, &first.job, LANE_INTERACTIVE));
    assert_false(lane_withdraw(l, &first.job, LANE_INTERACTIVE));
    assert_true(lane_submit(l, &third.job, LANE_INTERACTIVE));
    sem_post(&go);
    lane_close(l);
    assert_int_equal(ran, 2);
}

static void test_background_leaves_threads_for_those_who_wait(void **state)
{
    atomic_int ran = 0;
    sem_t started, go;
    sem_init(&started, 0, 0);
    sem_init(&go, 0, 0);
    struct step slow[4], quick = {.job.run = run_step, .started = &started, .ran = &ran};
    struct lane *l = lane_new(&(struct lane_options){"t", .max_threads = 4, .max_queued = 10});
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        slow[i] = (struct step){.job.run = run_step, .started = &started, .go = &go, .ran = &ran};
        assert_true(lane_submit(l, &slow[i].job, LANE_BACKGROUND));
    }
    sem_wait(&started);
    sem_wait(&started);
    assert_true(lane_submit(l, &quick.job, LANE_INTERACTIVE));
    sem_wait(&started); /* would never come if background jobs held all threads */
    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        sem_post(&go);
    lane_close(l);
    assert_int_equal(ran, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_jobs_run_before_close_returns),
        cmocka_unit_test(test_full_lane_refuses_and_withdraw_frees_a_place),
        cmocka_unit_test(test_background_leaves_threads_for_those_who_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
