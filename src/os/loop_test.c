#include "os/os.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
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

/* Two jobs of which each ends when the other has begun. */
struct pair {
    struct os_job job;
    atomic_int *begun;
    bool met;
    int done;
};

static void pair_run(struct os_job *job)
{
    struct pair *own = CONTAINER_OF(job, struct pair, job);
    atomic_fetch_add(own->begun, 1);
    for (int i = 0; i < 5000 && atomic_load(own->begun) < 2; i++)
        usleep(1000);
    own->met = atomic_load(own->begun) == 2;
}

static void pair_done(struct os_job *job)
{
    CONTAINER_OF(job, struct pair, job)->done++;
}

static void as_many_jobs_at_once_as_there_may_be_workers(void **state)
{
    struct os *os = *state;
    struct job first = {.job = {.run = job_run, .done = job_done}};
    os_submit(os, &first.job);
    while (first.done == 0)
        os_turn(os, os_monotonic_ns(os) + 1000000000);
    usleep(20000); /* one worker is idle now; two jobs want a second one beside it */
    atomic_int begun = 0;
    struct pair pairs[2];
    for (int i = 0; i < 2; i++) {
        pairs[i] = (struct pair){.job = {.run = pair_run, .done = pair_done}, .begun = &begun};
        os_submit(os, &pairs[i].job);
    }
    while (pairs[0].done + pairs[1].done < 2)
        os_turn(os, os_monotonic_ns(os) + 1000000000);
    assert_true(pairs[0].met);
    assert_true(pairs[1].met);
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
    assert_int_equal(os_thread_start("letters", send_letters, &post, &thread), 0);
    while (received < LETTERS)
        os_turn(os, os_monotonic_ns(os) + 1000000000);
    os_thread_join(thread);
    assert_int_equal(received, LETTERS);
}

static int taken;

static void count_letter(struct os_mail *mail)
{
    (void)mail;
    taken++;
}

static void a_full_letter_box_says_so(void **state)
{
    struct os *os = *state;
    struct os_mail *letters = calloc(OS_MAIL_MAX + 1, sizeof(*letters));
    assert_non_null(letters);
    taken = 0;
    for (int i = 0; i <= OS_MAIL_MAX; i++) {
        letters[i].receive = count_letter;
        assert_int_equal(os_post(os, &letters[i]), i < OS_MAIL_MAX ? 0 : -EAGAIN);
    }
    assert_int_equal(os_turn(os, 0), OS_MAIL_MAX);
    assert_int_equal(taken, OS_MAIL_MAX);
    assert_int_equal(os_post(os, &letters[OS_MAIL_MAX]), 0); /* there is room again */
    assert_int_equal(os_turn(os, 0), 1);
    free(letters);
}

struct seen {
    enum os_signal signal;
    int number;
};

static void on_signal(void *context, enum os_signal signal, int number)
{
    *(struct seen *)context = (struct seen){signal, number};
}

static void signals_are_events(void **state)
{
    struct os *os = *state;
    static const struct {
        const char *name;
        struct seen seen;
    } signals[] = {
        {"TERM", {OS_SIGNAL_STOP, 15}},  {"INT", {OS_SIGNAL_STOP, 2}},
        {"HUP", {OS_SIGNAL_RELOAD, 1}},  {"USR1", {OS_SIGNAL_REPORT, 10}},
        {"USR2", {OS_SIGNAL_DEBUG, 12}},
    };
    struct seen seen;
    assert_int_equal(os_watch_signals(os, on_signal, &seen), 0);
    for (size_t s = 0; s < ARRAY_COUNT(signals); s++) {
        char command[64];
        seen.number = 0;
        snprintf(command, sizeof(command), "kill -%s %d", signals[s].name, (int)getpid());
        assert_int_equal(system(command), 0);
        for (int i = 0; i < 100 && seen.number == 0; i++)
            os_turn(os, os_monotonic_ns(os) + 50000000);
        assert_int_equal((int)seen.signal, (int)signals[s].seen.signal);
        assert_int_equal(seen.number, signals[s].seen.number);
    }
    assert_int_equal(raise(SIGPIPE), 0); /* and we live */
}

static void memory_is_in_use(void **state)
{
    (void)state;
    int64_t before = os_resident_bytes();
    assert_true(before > 100 << 10);
    size_t size = 32 << 20;
    char *memory = malloc(size);
    assert_non_null(memory);
    memset(memory, 7, size);
    assert_true(os_resident_bytes() >= before + (16 << 20));
    free(memory);
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

struct raising {
    struct os_job job;
    struct os_flag flag, seen;
};

static void raise_flag(struct os_job *job)
{
    struct raising *raising = CONTAINER_OF(job, struct raising, job);
    bool early = os_flag_wait(&raising->seen, 20000000); /* nobody raises this one */
    assert_false(early);
    os_flag_raise(&raising->flag);
}

static void flag_raised(struct os_job *job)
{
    (void)job;
}

static void a_flag_wakes_who_waits_for_it(void **state)
{
    struct os *os = *state;
    struct raising raising = {.job = {.run = raise_flag, .done = flag_raised}};
    assert_false(os_flag_is_raised(&raising.flag));
    int64_t before_ns = os_monotonic_ns(os);
    os_submit(os, &raising.job);
    assert_true(os_flag_wait(&raising.flag, 60000000000));
    int64_t waited_ns = os_monotonic_ns(os) - before_ns;
    assert_in_range(waited_ns, 20000000, 30000000000);
    assert_true(os_flag_is_raised(&raising.flag));
    assert_true(os_flag_wait(&raising.flag, 60000000000)); /* it stays so */
    while (os_turn(os, os_monotonic_ns(os) + 1000000000) == 0)
        continue;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_turn_waits_until_its_deadline),
        TEST(jobs_run_and_come_back),
        TEST(as_many_jobs_at_once_as_there_may_be_workers),
        TEST(letters_of_a_thread_arrive_in_order),
        TEST(a_full_letter_box_says_so),
        TEST(signals_are_events),
        TEST(memory_is_in_use),
        TEST(random_bytes_differ),
        TEST(a_flag_wakes_who_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
