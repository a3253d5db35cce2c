#include "core/quota/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/messages.h"

/* --- rates ------------------------------------------------------------------------------------ */

static const struct quota_window eleven = {11, 1000};

static void a_rate_pauses_for_what_is_above_the_bound(void **state)
{
    (void)state;
    struct quota_rate rate = {0};
    /* The first event stands in a window of ten whole seconds: 10 000 are 1000 a second. */
    quota_rate_record(&rate, eleven, 10000, 0);
    assert_int_equal(quota_rate_throttle_ms(&rate, eleven, 1000, 0), 0);
    /* 15 000 in 10 s are 1500/s; in 15 s they would be 1000/s. */
    quota_rate_record(&rate, eleven, 5000, 0);
    assert_int_equal(quota_rate_throttle_ms(&rate, eleven, 1000, 0), 5000);
    /* Half a second later half a second less is left of it. */
    assert_int_equal(quota_rate_throttle_ms(&rate, eleven, 1000, 500), 4500);
    /* What was not used after all is not paid for. */
    quota_rate_record(&rate, eleven, -5000, 500);
    assert_int_equal(quota_rate_throttle_ms(&rate, eleven, 1000, 500), 0);
    /* The sample's last event leaves the window eleven seconds after it. */
    assert_int_equal(quota_rate_throttle_ms(&rate, eleven, 500, 11499), 8501);
    assert_int_equal(quota_rate_throttle_ms(&rate, eleven, 500, 11500), 0);
    /* Nothing may be recorded at all where the bound is 0. */
    quota_rate_record(&rate, eleven, 1, 11500);
    assert_int_equal(quota_rate_throttle_ms(&rate, eleven, 0, 11500), INT64_MAX);
    quota_rate_deinit(&rate);
}

/* What Kafka's Rate and QuotaUtils say to the same events, with a bound of 1000/s. */
static void a_rate_is_kafkas(void **state)
{
    (void)state;
    static const struct {
        int32_t samples;
        int64_t now_ms, value, throttle_ms;
    } events[] = {
        {1, 5264, 544, 543},      {1, 16518, 149, 148},     {1, 26052, 312, 311},
        {1, 27663, 562, 561},     {1, 28701, 279, 278},     {1, 29125, 151, 6},
        {1, 29929, 700, 0},       {1, 30140, 873, 1362},    {1, 31531, 92, 91},
        {1, 31837, 734, 520},     {1, 33517, 747, 746},     {1, 34412, -289, 0},
        {1, 34964, 345, 0},       {1, 36434, 352, 351},     {2, 5265, 1557, 557},
        {2, 6290, -329, 203},     {2, 7795, 1705, 0},       {2, 8742, 852, 610},
        {2, 9262, -396, 694},     {2, 23483, 1598, 598},    {2, 24977, 586, 690},
        {2, 26633, 201, 0},       {2, 27231, 418, 0},       {2, 28068, 581, 0},
        {2, 32427, 55, 0},        {2, 32793, 172, 0},       {2, 33580, 1530, 604},
        {2, 35043, 41, 108},      {11, 5954, 5885, 0},      {11, 6656, 8505, 3688},
        {11, 6895, 247, 3696},    {11, 7776, 7269, 11084},  {11, 8432, 1905, 13333},
        {11, 10108, 44, 13701},   {11, 16256, 6690, 20243}, {11, 16720, 4887, 24666},
        {11, 18339, 3144, 13376}, {11, 19251, -192, 12272}, {11, 19280, 8064, 20307},
        {11, 19655, 8721, 20811}, {11, 20532, 8437, 29371}, {11, 32823, 6959, 0},
    };
    struct quota_rate rate = {0};
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        struct quota_window window = {events[i].samples, 1000};
        if (i > 0 && events[i].samples != events[i - 1].samples) quota_rate_deinit(&rate);
        quota_rate_record(&rate, window, (double)events[i].value, events[i].now_ms);
        assert_int_equal(quota_rate_throttle_ms(&rate, window, 1000, events[i].now_ms),
                         events[i].throttle_ms);
    }
    assert_true(rate.count <= eleven.samples + 1);
    quota_rate_deinit(&rate);
}

/* --- clients ---------------------------------------------------------------------------------- */

static const char *const producer = "producer_byte_rate";

/* Sets a quota, or removes it (value 0). No user or client id: "-"; the default: NULL. */
static void set(struct image *image, const char *user, const char *client_id, const char *key,
                double value)
{
    struct client_quota_record_entity_data entity[2];
    int32_t count = 0;
    if (user == NULL || user[0] != '-')
        entity[count++] = (struct client_quota_record_entity_data){SLICE("user"), slice_of(user)};
    if (client_id == NULL || client_id[0] != '-')
        entity[count++] =
            (struct client_quota_record_entity_data){SLICE("client-id"), slice_of(client_id)};
    struct client_quota_record record = {.entity = entity,
                                         .entity_count = count,
                                         .key = slice_of(key),
                                         .value = value,
                                         .remove = value <= 0};
    struct writer writer;
    writer_init(&writer, 1 << 16);
    assert_int_equal(image_encode(IMAGE_RECORD_CLIENT_QUOTA, 0, &record, &writer), 0);
    assert_int_equal(
        image_apply(image, writer_slice(&writer), image_last_offset(image) + 1, NULL, NULL), 0);
    writer_deinit(&writer);
}

struct fixture {
    struct image *image;
    struct quota *quota;
};

static struct fixture fixture_of(int32_t tracked_max)
{
    struct quota_options options = {
        .clients = {2, 1000}, .mutations = {11, 1000}, .tracked_max = tracked_max, .seed = 1};
    return (struct fixture){image_create(1), quota_create(&options)};
}

static void fixture_end(struct fixture *fixture)
{
    quota_destroy(fixture->quota);
    image_destroy(fixture->image);
}

static struct quota_client *client(const struct fixture *fixture, const char *user,
                                   const char *client_id, int64_t now_ms)
{
    return quota_client_of(fixture->quota, fixture->image, slice_of(user), slice_of(client_id),
                           now_ms);
}

/* The limit that holds for a client, per second: what fits into the one whole sample. */
static double limit(const struct fixture *fixture, const char *user, const char *client_id)
{
    const struct quota_client *found = client(fixture, user, client_id, 0);
    return quota_limits(found, QUOTA_PRODUCE) ? quota_most(fixture->quota, found, QUOTA_PRODUCE)
                                              : 0;
}

static void nothing_is_limited_where_nothing_is_set(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of(10);
    assert_false(quota_has(fixture.quota, fixture.image, QUOTA_PRODUCE));
    set(fixture.image, "u", "-", producer, 100);
    assert_false(quota_has(fixture.quota, fixture.image, QUOTA_PRODUCE)); /* not told yet */
    quota_changed(fixture.quota);
    assert_true(quota_has(fixture.quota, fixture.image, QUOTA_PRODUCE));
    assert_false(quota_has(fixture.quota, fixture.image, QUOTA_FETCH));
    struct quota_client *other = client(&fixture, "v", "c", 0);
    assert_false(quota_limits(other, QUOTA_PRODUCE));
    assert_int_equal(quota_record(fixture.quota, other, QUOTA_PRODUCE, 1e12, 0), 0);
    assert_int_equal(quota_counters(fixture.quota).meters, 0);
    fixture_end(&fixture);
}

/* Each place that is taken away uncovers the next of Kafka's eight. */
static void the_most_specific_quota_counts(void **state)
{
    (void)state;
    static const struct {
        const char *user, *client_id;
    } places[] = {
        {"u", "c"},   {"u", NULL}, {"u", "-"}, {NULL, "c"},
        {NULL, NULL}, {NULL, "-"}, {"-", "c"}, {"-", NULL},
    };
    struct fixture fixture = fixture_of(10);
    for (size_t i = 0; i < ARRAY_COUNT(places); i++)
        set(fixture.image, places[i].user, places[i].client_id, producer, 100.0 * (double)(i + 1));
    set(fixture.image, "u", "c", "consumer_byte_rate", 7); /* another kind does not cover */
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        quota_changed(fixture.quota);
        assert_true(limit(&fixture, "u", "c") == 100.0 * (double)(i + 1));
        /* Without a client id only users count; with another name, defaults. */
        if (i == 0) {
            assert_true(limit(&fixture, "u", "") == 300);
            assert_true(limit(&fixture, "u", "d") == 200);
            assert_true(limit(&fixture, "v", "c") == 400);
            assert_true(limit(&fixture, "v", "d") == 500);
            assert_true(limit(&fixture, "v", "") == 600);
        }
        set(fixture.image, places[i].user, places[i].client_id, producer, 0);
    }
    quota_changed(fixture.quota);
    assert_true(limit(&fixture, "u", "c") == 0);
    fixture_end(&fixture);
}

static void who_shares_a_quota_shares_its_meter(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of(10);
    set(fixture.image, "u", "-", producer, 1000);
    quota_changed(fixture.quota);
    struct quota *quota = fixture.quota;
    assert_int_equal(quota_record(quota, client(&fixture, "u", "a", 0), QUOTA_PRODUCE, 1000, 0), 0);
    assert_int_equal(quota_record(quota, client(&fixture, "u", "b", 0), QUOTA_PRODUCE, 500, 0),
                     500);
    /* A quota for each client id of the user: each has a meter of its own. */
    set(fixture.image, "u", NULL, producer, 1000);
    quota_changed(quota);
    assert_int_equal(quota_record(quota, client(&fixture, "u", "a", 0), QUOTA_PRODUCE, 1200, 0),
                     200);
    assert_int_equal(quota_record(quota, client(&fixture, "u", "b", 0), QUOTA_PRODUCE, 1000, 0), 0);
    assert_int_equal(quota_counters(quota).throttled[QUOTA_PRODUCE], 2);
    assert_int_equal(quota_counters(quota).throttled_ms[QUOTA_PRODUCE], 700);
    fixture_end(&fixture);
}

static void a_change_acts_on_what_was_used_before(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of(10);
    set(fixture.image, "-", "c", producer, 1000);
    quota_changed(fixture.quota);
    struct quota *quota = fixture.quota;
    assert_int_equal(quota_record(quota, client(&fixture, "u", "c", 0), QUOTA_PRODUCE, 1000, 0), 0);
    set(fixture.image, "-", "c", producer, 500);
    quota_changed(quota);
    assert_int_equal(quota_record(quota, client(&fixture, "u", "c", 0), QUOTA_PRODUCE, 0, 0), 1000);
    set(fixture.image, "-", "c", producer, 0);
    quota_changed(quota);
    assert_int_equal(quota_record(quota, client(&fixture, "u", "c", 0), QUOTA_PRODUCE, 1e9, 0), 0);
    fixture_end(&fixture);
}

static void a_pause_for_time_is_one_sample_at_most(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of(10);
    set(fixture.image, "u", "-", "request_percentage", 1);
    set(fixture.image, "u", "-", "consumer_byte_rate", 1);
    quota_changed(fixture.quota);
    struct quota_client *one = client(&fixture, "u", "c", 0);
    assert_int_equal(quota_record(fixture.quota, one, QUOTA_REQUEST, 100, 0), 1000);
    assert_int_equal(quota_record(fixture.quota, one, QUOTA_FETCH, 100, 0), 99000);
    /* What was recorded without a pause is paid for by the next. */
    quota_note(fixture.quota, one, QUOTA_FETCH, -99, 0);
    assert_int_equal(quota_record(fixture.quota, one, QUOTA_FETCH, 0, 0), 0);
    quota_note(fixture.quota, one, QUOTA_FETCH, 1, 0);
    assert_int_equal(quota_record(fixture.quota, one, QUOTA_FETCH, 0, 0), 1000);
    fixture_end(&fixture);
}

/* --- changes of topics ------------------------------------------------------------------------ */

static struct quota_mutation mutation(const struct fixture *fixture, bool strict, int64_t now_ms)
{
    return (struct quota_mutation){.quota = fixture->quota,
                                   .client = client(fixture, "u", "c", now_ms),
                                   .now_ms = now_ms,
                                   .strict = strict};
}

/* A bucket of eleven seconds at ten a second. (TokenBucket) */
static void a_strict_bucket_refuses_once_it_is_overdrawn(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of(10);
    set(fixture.image, "u", "-", "controller_mutation_rate", 10);
    quota_changed(fixture.quota);
    struct quota_mutation first = mutation(&fixture, true, 0);
    assert_true(quota_mutate(&first, 150)); /* 110 were in it: 40 too many, but let through */
    assert_int_equal(first.throttle_ms, 0);
    struct quota_mutation second = mutation(&fixture, true, 2500);
    assert_false(quota_mutate(&second, 1)); /* -40 + 25 */
    assert_int_equal(second.throttle_ms, 1500);
    assert_false(quota_mutate(&second, 1)); /* what is refused costs nothing */
    assert_int_equal(second.throttle_ms, 1500);
    struct quota_mutation third = mutation(&fixture, true, 4000);
    assert_true(quota_mutate(&third, 1));
    assert_int_equal(quota_counters(fixture.quota).throttled[QUOTA_MUTATION], 1);
    fixture_end(&fixture);
}

static void a_permissive_bucket_lets_through_and_pauses(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of(10);
    set(fixture.image, "u", "-", "controller_mutation_rate", 10);
    quota_changed(fixture.quota);
    struct quota_mutation first = mutation(&fixture, false, 0);
    assert_true(quota_mutate(&first, 110));
    assert_int_equal(first.throttle_ms, 0);
    assert_true(quota_mutate(&first, 40));
    assert_int_equal(first.throttle_ms, 4000);
    assert_true(quota_mutate(&first, 10));
    assert_int_equal(first.throttle_ms, 5000);
    /* It fills up to eleven seconds' worth, not further. */
    struct quota_mutation later = mutation(&fixture, false, 1000000);
    assert_true(quota_mutate(&later, 111));
    assert_int_equal(later.throttle_ms, 100);
    struct quota_mutation unlimited = {.quota = fixture.quota};
    assert_true(quota_mutate(&unlimited, 1000000));
    fixture_end(&fixture);
}

/* --- shards ----------------------------------------------------------------------------------- */

struct ear {
    struct fixture *fixture;
    int count;
};

static void hear(void *context, enum quota_kind kind, struct slice user, struct slice client_id,
                 double value)
{
    struct ear *ear = context;
    ear->count++;
    quota_hear(ear->fixture->quota, ear->fixture->image, kind, user, client_id, value, 0);
}

static void what_is_used_elsewhere_counts(void **state)
{
    (void)state;
    struct fixture here = fixture_of(10), there = fixture_of(10);
    set(here.image, "-", "c", producer, 1000);
    set(there.image, "-", "c", producer, 1000);
    quota_changed(here.quota);
    quota_changed(there.quota);
    assert_int_equal(quota_has_news(here.quota), QUOTA_NO_NEWS);
    (void)quota_record(here.quota, client(&here, "u", "c", 0), QUOTA_PRODUCE, 20, 0);
    assert_int_equal(quota_has_news(here.quota), QUOTA_NEWS); /* 2000 in a window: not yet 1 % */
    (void)quota_record(here.quota, client(&here, "u", "c", 0), QUOTA_PRODUCE, 1, 0);
    assert_int_equal(quota_has_news(here.quota), QUOTA_NEWS_AT_ONCE);
    quota_note(here.quota, client(&here, "u", "c", 0), QUOTA_PRODUCE, -21, 0);
    for (int i = 0; i < 3; i++)
        (void)quota_record(here.quota, client(&here, "u", "c", 0), QUOTA_PRODUCE, 500, 0);
    struct ear ear = {.fixture = &there};
    quota_news(here.quota, hear, &ear);
    assert_int_equal(ear.count, 1);
    assert_int_equal(quota_has_news(here.quota), QUOTA_NO_NEWS);
    assert_int_equal(quota_has_news(there.quota),
                     QUOTA_NO_NEWS); /* what was heard is not told on */
    assert_int_equal(quota_record(there.quota, client(&there, "u", "c", 0), QUOTA_PRODUCE, 500, 0),
                     1000);
    /* What was taken back before it was told is no news. */
    quota_note(here.quota, client(&here, "u", "c", 0), QUOTA_PRODUCE, 700, 0);
    quota_note(here.quota, client(&here, "u", "c", 0), QUOTA_PRODUCE, -700, 0);
    quota_news(here.quota, hear, &ear);
    assert_int_equal(ear.count, 1);
    fixture_end(&here);
    fixture_end(&there);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void many_clients_are_not_tracked_beyond_the_bound(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of(100);
    set(fixture.image, "-", NULL, producer, 1000);
    set(fixture.image, "-", NULL, "consumer_byte_rate", 1000);
    set(fixture.image, "-", NULL, "request_percentage", 1000);
    quota_changed(fixture.quota);
    char name[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        struct quota_client *one = client(&fixture, "u", name, i);
        assert_true(quota_record(fixture.quota, one, QUOTA_PRODUCE, 3000, i) == 2000);
    }
    assert_int_equal(quota_counters(fixture.quota).clients, 100);
    assert_true(quota_counters(fixture.quota).meters <= 100);
    /* The one that was used last is still known, with what it used. */
    assert_int_equal(
        quota_record(fixture.quota, client(&fixture, "u", name, 4999), QUOTA_PRODUCE, 0, 4999),
        2000);
    /* After an hour's silence all but the newcomer are forgotten. */
    client(&fixture, "u", "new", 4999 + QUOTA_IDLE_MS);
    assert_int_equal(quota_counters(fixture.quota).clients, 1);
    assert_int_equal(quota_counters(fixture.quota).meters, 3);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_pauses_for_what_is_above_the_bound),
        cmocka_unit_test(a_rate_is_kafkas),
        cmocka_unit_test(nothing_is_limited_where_nothing_is_set),
        cmocka_unit_test(the_most_specific_quota_counts),
        cmocka_unit_test(who_shares_a_quota_shares_its_meter),
        cmocka_unit_test(a_change_acts_on_what_was_used_before),
        cmocka_unit_test(a_pause_for_time_is_one_sample_at_most),
        cmocka_unit_test(a_strict_bucket_refuses_once_it_is_overdrawn),
        cmocka_unit_test(a_permissive_bucket_lets_through_and_pauses),
        cmocka_unit_test(what_is_used_elsewhere_counts),
        cmocka_unit_test(many_clients_are_not_tracked_beyond_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
