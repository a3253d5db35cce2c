#include "core/replication/replication.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct replication led(bool commit)
{
    struct replication state = {0};
    struct replication_effects effects;
    replication_step(&state,
                     &(struct replication_event){.kind = REPLICATION_LEAD,
                                                 .leader_epoch = 3,
                                                 .offset = 100,
                                                 .flushed_offset = 90,
                                                 .start_offset = 10,
                                                 .commit = commit},
                     &effects);
    assert_true(effects.high_watermark_moved);
    return state;
}

static struct replication_effects step(struct replication *state, enum replication_event_kind kind,
                                       int64_t offset)
{
    struct replication_effects effects;
    replication_step(state, &(struct replication_event){.kind = kind, .offset = offset}, &effects);
    return effects;
}

static void commit_waits_for_the_disk(void **state)
{
    (void)state;
    struct replication r = led(true);
    assert_int_equal(r.high_watermark, 90);
    assert_false(step(&r, REPLICATION_APPENDED, 120).high_watermark_moved);
    assert_int_equal(r.high_watermark, 90);
    struct replication_effects effects = step(&r, REPLICATION_FLUSHED, 110);
    assert_true(effects.high_watermark_moved);
    assert_int_equal(effects.high_watermark, 110);
    assert_false(step(&r, REPLICATION_FLUSHED, 110).high_watermark_moved);
}

static void os_policy_commits_what_is_written(void **state)
{
    (void)state;
    struct replication r = led(false);
    assert_int_equal(r.high_watermark, 100);
    assert_int_equal(step(&r, REPLICATION_APPENDED, 120).high_watermark, 120);
    assert_false(step(&r, REPLICATION_FLUSHED, 110).high_watermark_moved);
}

static void the_high_watermark_never_falls(void **state)
{
    (void)state;
    struct replication r = led(false);
    struct replication_effects effects;
    replication_step(&r, &(struct replication_event){.kind = REPLICATION_POLICY, .commit = true},
                     &effects);
    assert_false(effects.high_watermark_moved);
    assert_int_equal(r.high_watermark, 100);
    assert_false(step(&r, REPLICATION_FLUSHED, 95).high_watermark_moved);
    assert_int_equal(r.high_watermark, 100);
    replication_step(&r,
                     &(struct replication_event){.kind = REPLICATION_LEAD,
                                                 .leader_epoch = 4,
                                                 .offset = 100,
                                                 .flushed_offset = 95,
                                                 .start_offset = 10,
                                                 .commit = true},
                     &effects);
    assert_int_equal(r.high_watermark, 100);
    assert_int_equal(r.leader_epoch, 4);
}

static void deleted_records_were_committed(void **state)
{
    (void)state;
    struct replication r = led(true);
    step(&r, REPLICATION_STARTED, 95);
    assert_int_equal(r.log_start_offset, 95);
    assert_int_equal(r.high_watermark, 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commit_waits_for_the_disk),
        cmocka_unit_test(os_policy_commits_what_is_written),
        cmocka_unit_test(the_high_watermark_never_falls),
        cmocka_unit_test(deleted_records_were_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
