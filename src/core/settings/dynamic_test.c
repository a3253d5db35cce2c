/* Settings that change while a broker runs, and keys that are none of ours. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/settings/settings.h"

static struct settings *load(const char *text)
{
    struct settings *settings = settings_create();
    int32_t line;
    assert_int_equal(settings_load(settings, slice_of(text), &line), 0);
    settings_standalone(settings);
    assert_true(settings_check(settings));
    return settings;
}

/* One key of one broker changes; message NULL: it may. */
static void expect(const char *file, const char *name, const char *value, const char *message)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, 1 << 20);
    struct settings *settings = load(file);
    struct setting_pair pair = {slice_of(name), slice_of(value)};
    for (int place = 0; place < 2; place++) {
        struct slice error = SLICE_NULL;
        int r = place == 0 ? settings_check_dynamic(settings, &pair, 1, NULL, 0, &arena, &error)
                           : settings_check_dynamic(settings, NULL, 0, &pair, 1, &arena, &error);
        assert_int_equal(r, message == NULL ? 0 : -EINVAL);
        if (message != NULL) assert_true(slice_equal(error, slice_of(message)));
    }
    settings_destroy(settings);
}

static void what_fits(void **state)
{
    (void)state;
    expect("", "log.retention.ms", "1000", NULL);
    expect("", "num.io.threads", "16", NULL);
    expect("", "num.io.threads", "4", NULL);
    expect("", "no.such.key", "4", NULL);
    expect("", "listener.name.plaintext.max.connections", "1", NULL);
    expect("", "listener.name.plaintext.num.network.threads", "6", NULL);
    expect("listener.name.plaintext.num.network.threads=4\n",
           "listener.name.plaintext.num.network.threads", "8", NULL);
    expect("", "listener.name.x.max.connections", "0", NULL);
    expect("log.retention.ms=5000\n", "log.local.retention.ms", "5000", NULL);
    expect("log.retention.ms=-1\n", "log.local.retention.ms", "5000", NULL);
    expect("log.cleaner.threads=2\n", "log.cleaner.dedupe.buffer.size", "4194304", NULL);
    expect("", "log.cleaner.threads", "2", NULL);
    expect("", "cordoned.log.dirs", "*", NULL);
    expect("log.dirs=/a\n", "cordoned.log.dirs", "/a", NULL);
    expect("", "max.connections.per.ip.overrides", "host:5, ::1:7", NULL);
}

static const struct settings_listener *with(const struct settings *settings,
                                            const struct setting_pair *cluster,
                                            const struct setting_pair *broker,
                                            struct settings **then)
{
    settings_destroy(*then);
    *then = settings_overlay(settings, cluster, cluster == NULL ? 0 : 1, broker,
                             broker == NULL ? 0 : 1);
    return settings_listener(*then, 0);
}

/* Above the file what all brokers have, above that what this one has. */
static void limits_of_one_listener(void **state)
{
    (void)state;
    struct settings *settings =
        load("listener.name.plaintext.max.connections=7\nlistener.name.x.max.connections=1\n");
    struct settings *then = NULL;
    struct setting_pair cluster = {SLICE("listener.name.plaintext.max.connections"), SLICE("8")};
    struct setting_pair broker = {SLICE("listener.name.plaintext.max.connections"), SLICE("9")};
    struct setting_pair rate = {SLICE("listener.name.plaintext.max.connection.creation.rate"),
                                SLICE("5")};
    struct setting_pair wrong = {SLICE("listener.name.plaintext.max.connections"), SLICE("soon")};
    assert_int_equal(settings_listener(settings, 0)->connections_max, 7);
    assert_int_equal(settings_listener(settings, 0)->connection_rate_max, INT32_MAX);
    assert_int_equal(with(settings, &cluster, NULL, &then)->connections_max, 8);
    assert_int_equal(with(settings, &cluster, &broker, &then)->connections_max, 9);
    assert_int_equal(with(settings, &wrong, &rate, &then)->connections_max, 7);
    assert_int_equal(settings_listener(then, 0)->connection_rate_max, 5);
    struct settings *last = NULL;
    assert_int_equal(with(then, NULL, NULL, &last)->connection_rate_max, INT32_MAX);
    assert_int_equal(settings_listener(last, 0)->connections_max, 7);
    settings_destroy(last);
    settings_destroy(then);
    settings_destroy(settings);
}

#define WRAPPED(text)                                                     \
    "Invalid value org.apache.kafka.common.config.ConfigException: " text \
    " for configuration Invalid dynamic configuration"

static void what_does_not(void **state)
{
    (void)state;
    expect("", "listener.name.plaintext.max.connections", "0",
           WRAPPED("Invalid max.connections 0"));
    expect("", "listener.name.plaintext.max.connection.creation.rate", "0",
           WRAPPED("Invalid max.connection.creation.rate 0"));
    expect("", "listener.name.plaintext.num.network.threads", "7",
           WRAPPED("Dynamic thread count update validation failed for num.network.threads=7, value "
                   "should not be greater than double the current value 3"));
    expect("", "log.retention.ms", "0",
           "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal "
           "to 1");
    expect("", "log.roll.ms", "0",
           "requirement failed: log.roll.ms must be greater than or equal to 1");
    expect("log.cleaner.threads=2\n", "log.cleaner.dedupe.buffer.size", "2097152",
           "requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner "
           "thread.");
    expect("", "num.io.threads", "17",
           WRAPPED("Dynamic thread count update validation failed for num.io.threads=17, value "
                   "should not be greater than double the current value 8"));
    expect("num.io.threads=9\n", "num.io.threads", "3",
           WRAPPED("Dynamic thread count update validation failed for num.io.threads=3, value "
                   "should be at least half the current value 9"));
    expect("log.retention.ms=5000\n", "log.local.retention.ms", "5001",
           WRAPPED("Invalid value 5001 for configuration log.local.retention.ms: Value must not be "
                   "more than log.retention.ms property value: 5000"));
    expect("log.retention.bytes=7\n", "log.local.retention.bytes", "-1",
           WRAPPED("Invalid value -1 for configuration log.local.retention.bytes: Value must not "
                   "be -1 as log.retention.bytes value is set as 7."));
}

static void what_does_not_either(void **state)
{
    (void)state;
    expect("", "log.cleaner.threads", "3",
           WRAPPED("Log cleaner threads cannot be increased to more than double the current value "
                   "1"));
    expect("log.cleaner.threads=4\n", "log.cleaner.threads", "1",
           WRAPPED("Log cleaner threads cannot be reduced to less than half the current value 4"));
    expect("log.dirs=/a\n", "cordoned.log.dirs", "/x,/a,/y",
           "requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or "
           "log.dir. Missing entries : /x, /y");
    expect("log.dirs=/a\n", "cordoned.log.dirs", "*,/a",
           "requirement failed: When cordoned.log.dirs is set to *, it must not contain other "
           "values");
    expect("", "max.connections.per.ip.overrides", "nohost",
           "Error parsing configuration property 'max.connections.per.ip.overrides': begin 0, end "
           "-1, length 6");
    expect("", "max.connections.per.ip.overrides", "host:x", "For input string: \"x\"");
}

/* A node is known by either name. */
static void a_node_has_two_names(void **state)
{
    (void)state;
    struct settings *settings = load("node.id=7\n");
    assert_int_equal(settings_number(settings, SETTING_BROKER_ID), 7);
    assert_int_equal(settings_origin(settings, SETTING_BROKER_ID), SETTING_ORIGIN_STATIC_BROKER);
    settings_destroy(settings);
}

/* What one layer sets counts together with what the other has. */
static void layers_count_together(void **state)
{
    (void)state;
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, 1 << 20);
    struct settings *settings = load("");
    struct setting_pair local = {SLICE("log.local.retention.ms"), SLICE("5000")};
    struct setting_pair whole = {SLICE("log.retention.ms"), SLICE("4000")};
    struct slice error;
    assert_int_equal(settings_check_dynamic(settings, &whole, 1, NULL, 0, &arena, &error), 0);
    assert_int_equal(settings_check_dynamic(settings, NULL, 0, &local, 1, &arena, &error), 0);
    assert_int_equal(settings_check_dynamic(settings, &whole, 1, &local, 1, &arena, &error),
                     -EINVAL);
    settings_destroy(settings);
}

static void keys_of_one_listener(void **state)
{
    (void)state;
    const struct {
        const char *name, *key, *found;
    } cases[] = {
        {"listener.name.a.max.connections", "max.connections", "max.connections"},
        {"listener.name.a.plain.sasl.jaas.config", "plain.sasl.jaas.config", "sasl.jaas.config"},
        {"listener.name.a.no.such", "no.such", NULL},
        {"listener.name.a.", NULL, NULL},
        {"listener.name.a", NULL, NULL},
        {"listener.name.", NULL, NULL},
        {"max.connections", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct slice key = setting_listener_key(slice_of(cases[i].name));
        assert_int_equal(slice_is_null(key), cases[i].key == NULL);
        if (cases[i].key != NULL) assert_true(slice_equal(key, slice_of(cases[i].key)));
        const struct setting *setting = setting_find_for_listener(slice_of(cases[i].name));
        assert_int_equal(setting == NULL, cases[i].found == NULL);
        if (setting != NULL) assert_true(slice_equal(setting->name, slice_of(cases[i].found)));
    }
}

/* An overlay has them too. */
static void keys_that_are_none_of_ours(void **state)
{
    (void)state;
    struct settings *settings = load("my.key=1\nlog.retention.ms=5\nmy.other=2\n");
    struct settings *overlay = settings_overlay(settings, NULL, 0, NULL, 0);
    for (int i = 0; i < 2; i++) {
        int32_t count;
        const struct setting_pair *pairs = settings_unknown(i == 0 ? settings : overlay, &count);
        assert_int_equal(count, 2);
        assert_true(slice_equal(pairs[0].name, SLICE("my.key")));
        assert_true(slice_equal(pairs[1].name, SLICE("my.other")));
        assert_true(slice_equal(pairs[1].value, SLICE("2")));
        if (i == 0) settings_destroy(settings);
    }
    settings_destroy(overlay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits),
        cmocka_unit_test(limits_of_one_listener),
        cmocka_unit_test(what_does_not),
        cmocka_unit_test(what_does_not_either),
        cmocka_unit_test(a_node_has_two_names),
        cmocka_unit_test(layers_count_together),
        cmocka_unit_test(keys_of_one_listener),
        cmocka_unit_test(keys_that_are_none_of_ours),
    };
    return cmocka_run_group_tests_name("dynamic", tests, NULL, NULL);
}
