#include "core/quota/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/messages.h"

/* --- addresses -------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    struct quota_address first, second;
    assert_int_equal(quota_address_parse(slice_of(a), &first), 0);
    assert_int_equal(quota_address_parse(slice_of(b), &second), 0);
    return memcmp(&first, &second, sizeof(first)) == 0;
}

static void addresses_are_what_they_mean(void **state)
{
    (void)state;
    assert_true(same("127.0.0.1", "::ffff:127.0.0.1"));
    assert_true(same("127.0.0.1", "::ffff:7f00:1"));
    assert_true(same("::1", "0:0:0:0:0:0:0:1"));
    assert_true(same("[::1]", "::1"));
    assert_true(same("2001:DB8::a:0:0", "2001:db8:0:0:0:a:0:0"));
    assert_true(same("1::", "1:0:0:0:0:0:0:0"));
    assert_true(same("::", "0:0:0:0:0:0:0:0"));
    assert_false(same("127.0.0.1", "127.0.0.2"));
    static const char *const wrong[] = {
        "",
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.-1",
        "1.2.3.",
        ".1.2.3",
        "1.2.3.4 ",
        "0001.2.3.4",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::8",
        "12345::",
        "1:",
        "[1.2.3.4]",
        "::1%eth0",
        "1:2:3:4:5:6:7:1.2.3.4",
        "g::",
    };
    struct quota_address address;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        assert_int_equal(quota_address_parse(slice_of(wrong[i]), &address), -EINVAL);
}

/* --- who may connect -------------------------------------------------------------------------- */

struct fixture {
    struct image *image;
    struct quota_connections *connections;
    struct quota_connection_limits limits;
};

static struct fixture fixture_of(void)
{
    return (struct fixture){
        .image = image_create(1),
        .connections = quota_connections_create(1, 4),
        .limits = {.total = 100,
                   .per_ip = 100,
                   .overrides = SLICE(""),
                   .rate = INT32_MAX,
                   .of_listener = INT32_MAX,
                   .rate_of_listener = INT32_MAX,
                   .window = {2, 1000}},
    };
}

static void fixture_end(struct fixture *fixture)
{
    quota_connections_destroy(fixture->connections);
    image_destroy(fixture->image);
}

static struct quota_entrance from(const char *ip)
{
    struct quota_entrance entrance = {0};
    assert_int_equal(quota_address_parse(slice_of(ip), &entrance.ip), 0);
    return entrance;
}

static enum quota_verdict enter(const struct fixture *fixture, struct quota_entrance *entrance,
                                int64_t now_ms)
{
    return quota_connections_enter(fixture->connections, fixture->image, &fixture->limits, entrance,
                                   now_ms);
}

static enum quota_verdict come(const struct fixture *fixture, const char *ip, int64_t now_ms)
{
    struct quota_entrance entrance = from(ip);
    return enter(fixture, &entrance, now_ms);
}

static void leave(const struct fixture *fixture, const char *ip)
{
    struct quota_entrance entrance = from(ip);
    quota_connections_leave(fixture->connections, &entrance.ip, 0);
}

static void a_full_broker_lets_wait(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of();
    fixture.limits.total = 2;
    assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    assert_int_equal(come(&fixture, "10.0.0.2", 0), QUOTA_ADMIT);
    struct quota_entrance third = from("10.0.0.3");
    assert_int_equal(enter(&fixture, &third, 0), QUOTA_WAIT);
    assert_true(third.until_ms == INT64_MAX);
    struct quota_entrance broker = from("10.0.0.4"); /* the brokers' own listener is not full */
    broker.is_protected = true;
    assert_int_equal(enter(&fixture, &broker, 0), QUOTA_ADMIT);
    leave(&fixture, "10.0.0.1");
    assert_int_equal(enter(&fixture, &third, 0), QUOTA_WAIT);
    leave(&fixture, "10.0.0.4");
    assert_int_equal(enter(&fixture, &third, 0), QUOTA_ADMIT);
    assert_int_equal(quota_connections_count(fixture.connections), 2);
    fixture_end(&fixture);
}

/* One that is full, or that too many come to, holds up nobody else; protected is none from that. */
static void a_listener_has_limits_of_its_own(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of();
    fixture.limits.of_listener = 1;
    assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    struct quota_entrance second = from("10.0.0.2"), other = from("10.0.0.2");
    second.is_protected = true;
    other.listener = QUOTA_LISTENERS_MAX - 1;
    assert_int_equal(enter(&fixture, &second, 0), QUOTA_WAIT);
    assert_true(second.until_ms == INT64_MAX);
    assert_int_equal(enter(&fixture, &other, 0), QUOTA_ADMIT);
    quota_connections_leave(fixture.connections, &other.ip, other.listener);
    assert_int_equal(enter(&fixture, &second, 0), QUOTA_WAIT);
    leave(&fixture, "10.0.0.1");
    assert_int_equal(enter(&fixture, &second, 0), QUOTA_ADMIT);
    fixture_end(&fixture);
}

/* The longer pause of two rates counts; what an address is refused counts for neither. */
static void a_listener_has_a_rate_of_its_own(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of();
    fixture.limits.rate = 10;
    fixture.limits.rate_of_listener = 5;
    for (int i = 0; i < 5; i++)
        assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    struct quota_entrance sixth = from("10.0.0.1"), other = from("10.0.0.1");
    sixth.is_protected = true;
    other.listener = 1;
    assert_int_equal(enter(&fixture, &sixth, 0), QUOTA_WAIT);
    assert_int_equal(sixth.until_ms, 200);
    assert_int_equal(enter(&fixture, &other, 0), QUOTA_ADMIT);
    fixture_end(&fixture);
}

static void an_address_has_its_own_number(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of();
    fixture.limits.per_ip = 1;
    fixture.limits.overrides = SLICE("10.0.0.2:2, ::1:0,name:5");
    assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_REFUSE);
    assert_int_equal(come(&fixture, "10.0.0.2", 0), QUOTA_ADMIT);
    assert_int_equal(come(&fixture, "10.0.0.2", 0), QUOTA_ADMIT);
    assert_int_equal(come(&fixture, "10.0.0.2", 0), QUOTA_REFUSE);
    assert_int_equal(come(&fixture, "::1", 0), QUOTA_REFUSE);
    assert_int_equal(quota_connections_count(fixture.connections), 3);
    leave(&fixture, "10.0.0.1");
    assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    fixture_end(&fixture);
}

/* Ten a second, over a window of one whole second: the eleventh waits. */
static void a_rate_of_all_lets_wait(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of();
    fixture.limits.rate = 10;
    for (int i = 0; i < 10; i++)
        assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    struct quota_entrance next = from("10.0.0.1");
    assert_int_equal(enter(&fixture, &next, 0), QUOTA_WAIT);
    assert_int_equal(next.until_ms, 100);
    assert_int_equal(enter(&fixture, &next, 99), QUOTA_WAIT);
    assert_int_equal(enter(&fixture, &next, 100), QUOTA_ADMIT); /* and is recorded once */
    struct quota_entrance last = from("10.0.0.1");
    assert_int_equal(enter(&fixture, &last, 100), QUOTA_WAIT);
    assert_int_equal(last.until_ms, 200);
    /* However many wait, none waits for more than a sample. */
    fixture.limits.rate = 0;
    struct quota_entrance never = from("10.0.0.1");
    assert_int_equal(enter(&fixture, &never, 100), QUOTA_WAIT);
    assert_int_equal(never.until_ms, 1100);
    fixture_end(&fixture);
}

static void set_rate(const struct fixture *fixture, const char *ip, double rate)
{
    struct client_quota_record_entity_data entity = {SLICE("ip"), slice_of(ip)};
    struct client_quota_record record = {.entity = &entity,
                                         .entity_count = 1,
                                         .key = SLICE("connection_creation_rate"),
                                         .value = rate,
                                         .remove = rate <= 0};
    struct writer writer;
    writer_init(&writer, 1 << 16);
    assert_int_equal(image_encode(IMAGE_RECORD_CLIENT_QUOTA, 0, &record, &writer), 0);
    assert_int_equal(image_apply(fixture->image, writer_slice(&writer),
                                 image_last_offset(fixture->image) + 1, NULL, NULL),
                     0);
    writer_deinit(&writer);
    quota_connections_changed(fixture->connections);
}

static void an_address_that_comes_too_often_is_refused(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of();
    set_rate(&fixture, "10.0.0.1", 2);
    fixture.limits.rate = 4;
    assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    assert_int_equal(come(&fixture, "10.0.0.1", 0), QUOTA_ADMIT);
    for (int i = 0; i < 3; i++) { /* what is refused counts neither for it nor for all */
        struct quota_entrance third = from("10.0.0.1");
        assert_int_equal(enter(&fixture, &third, 0), QUOTA_REFUSE);
        assert_int_equal(third.until_ms, 500);
    }
    assert_int_equal(come(&fixture, "10.0.0.2", 0), QUOTA_ADMIT);
    assert_int_equal(come(&fixture, "10.0.0.2", 0), QUOTA_ADMIT);
    assert_int_equal(quota_connections_count(fixture.connections), 4);
    /* The default is for those that have none of their own. */
    fixture.limits.rate = INT32_MAX;
    set_rate(&fixture, NULL, 1);
    assert_int_equal(come(&fixture, "10.0.0.3", 0), QUOTA_ADMIT);
    assert_int_equal(come(&fixture, "10.0.0.3", 0), QUOTA_REFUSE);
    set_rate(&fixture, NULL, 0);
    assert_int_equal(come(&fixture, "10.0.0.3", 0), QUOTA_ADMIT);
    fixture_end(&fixture);
}

static void addresses_are_not_tracked_beyond_the_bound(void **state)
{
    (void)state;
    struct fixture fixture = fixture_of();
    fixture.limits.total = INT32_MAX;
    set_rate(&fixture, NULL, 1);
    char ip[24];
    for (int i = 0; i < 1000; i++) {
        snprintf(ip, sizeof(ip), "10.1.%d.%d", i / 250, i % 250);
        assert_int_equal(come(&fixture, ip, i), QUOTA_ADMIT);
        leave(&fixture, ip);
    }
    assert_int_equal(come(&fixture, ip, 999), QUOTA_REFUSE);        /* known still */
    assert_int_equal(come(&fixture, "10.1.0.0", 999), QUOTA_ADMIT); /* forgotten */
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_what_they_mean),
        cmocka_unit_test(a_full_broker_lets_wait),
        cmocka_unit_test(a_listener_has_limits_of_its_own),
        cmocka_unit_test(a_listener_has_a_rate_of_its_own),
        cmocka_unit_test(an_address_has_its_own_number),
        cmocka_unit_test(a_rate_of_all_lets_wait),
        cmocka_unit_test(an_address_that_comes_too_often_is_refused),
        cmocka_unit_test(addresses_are_not_tracked_beyond_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
