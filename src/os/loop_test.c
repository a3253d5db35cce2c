#include "os/os.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct os_options options = {.workers_max = 2};
    return os_create(&options, (struct os **)state);
}

static int teardown(void **state)
{
    os_destroy(*state);
    return 0;
}

static void a_turn_waits_until_its_deadline(void **state)
{
    struct os *os = *state;
    int64_t before = os_monotonic_ns(os);
    assert_int_equal(os_turn(os, before + 20000000), 0);
    int64_t waited = os_monotonic_ns(os) - before;
    assert_true(waited >= 19000000);
    before = os_monotonic_ns(os);
    assert_int_equal(os_turn(os, 0), 0); /* in the past: do not wait */
    assert_true(os_monotonic_ns(os) - before < 10000000);
}

struct job {
    struct os_job job;
    int ran, done;
};

static void job_run(struct os_job *job)
{
    CONTAINER_OF(job, struct job, job)->ran++;
}

static void job_done(struct os_job *job)
{
    struct job *own = CONTAINER_OF(job, struct job, job);
    assert_int_equal(own->ran, 1);
    own->done++;
}

static void jobs_run_and_come_back(void **state)
{
    enum { COUNT = 100 };
    struct os *os = *state;
    static struct job jobs[COUNT];
    for (int i = 0; i < COUNT; i++) {
        jobs[i] = (struct job){.job = {.run = job_run, .done = job_done}};
        os_submit(os, &jobs[i].job);
    }
    int done = 0;
    while (done < COUNT) {
        os_turn(os, os_monotonic_ns(os) + 1000000000);
        done = 0;
        for (int i = 0; i < COUNT; i++)
            done += jobs[i].done;
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(jobs[i].done, 1);
}

enum { LETTERS = 1000 };

struct letter {
    struct os_mail mail;
    int number;
};

struct post {
    struct os *to;
    struct letter letters[LETTERS];
};

static int received;

static void receive(struct os_mail *mail)
{
    assert_int_equal(CONTAINER_OF(mail, struct letter, mail)->number, received);
    received++;
}

static void send_letters(void *context)
{
    struct post *post = context;
    for (int i = 0; i < LETTERS; i++) {
        post->letters[i] = (struct letter){.mail.receive = receive, .number = i};
        if (os_post(post->to, &post->letters[i].mail) < 0) abort();
    }
}

static void letters_of_a_thread_arrive_in_order(void **state)
{
    struct os *os = *state;
    static struct post post;
    struct os_thread *thread;
    post.to = os;
    received = 0;
    assert_int_equal(os_thread_start(send_letters, &post, &thread), 0);
    while (received < LETTERS)
        os_turn(os, os_monotonic_ns(os) + 1000000000);
    os_thread_join(thread);
    assert_int_equal(received, LETTERS);
}

static int last_signal;

static void on_signal(void *context, int signal)
{
    *(int *)context = signal;
}

static void signals_are_events(void **state)
{
    struct os *os = *state;
    assert_int_equal(os_watch_signals(os, on_signal, &last_signal), 0);
    char command[64];
    snprintf(command, sizeof(command), "kill -TERM %d", (int)getpid());
    assert_int_equal(system(command), 0);
    for (int i = 0; i < 100 && last_signal == 0; i++)
        os_turn(os, os_monotonic_ns(os) + 50000000);
    assert_int_equal(last_signal, 15);
}

static void random_bytes_differ(void **state)
{
    struct os *os = *state;
    uint8_t a[32] = {0}, b[32] = {0};
    os_random(os, a, sizeof(a));
    os_random(os, b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_true(os_wall_ms(os) > 1700000000000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_turn_waits_until_its_deadline),
        TEST(jobs_run_and_come_back),
        TEST(letters_of_a_thread_arrive_in_order),
        TEST(signals_are_events),
        TEST(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
