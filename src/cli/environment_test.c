/* Variables of Kafka's image and the settings that they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>

#include "cli/environment.h"

static void names_become_keys(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        const char *key; /* NULL: no setting */
        const char *value;
    } cases[] = {
        {"KAFKA_NODE_ID=1", "node.id", "1"},
        {"KAFKA_LOG_DIRS=/a=b,/c", "log.dirs", "/a=b,/c"},
        {"KAFKA_PROCESS_ROLES=", "process.roles", ""},
        {"KAFKA_SASL_ENABLED_MECHANISMS=PLAIN", "sasl.enabled.mechanisms", "PLAIN"},
        {"KAFKA_A__B=1", "a_b", "1"},
        {"KAFKA_A___B=1", "a-b", "1"},
        {"KAFKA_A____B=1", "a-.b", "1"},
        {"KAFKA_A_____B=1", "a-_b", "1"},
        {"KAFKA_A______B=1", "a--b", "1"},
        {"KAFKA_X_KAFKA_Y=1", "x.y", "1"},
        {"KAFKA_LISTENER_NAME_TC___0_SSL=1", "listener.name.tc-0.ssl", "1"},
        {"KAFKA_LOG4J_ROOT_LOGLEVEL=DEBUG", "gregor.log.level", "debug"},
        {"KAFKA_HEAP_OPTS=-Xmx1G", NULL, NULL},
        {"KAFKA_OPTS=", NULL, NULL},
        {"KAFKA_JMX_OPTS=x", NULL, NULL},
        {"KAFKA_VERSION=4.3.1", NULL, NULL},
        {"KAFKA_LOG4J_LOGGERS=a=b", NULL, NULL},
        {"KAFKA_=1", NULL, NULL},
        {"KAFKA_NODE_ID", NULL, NULL},
        {"XKAFKA_NODE_ID=1", NULL, NULL},
        {"PATH=/bin", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct arena arena;
        struct slice key, value;
        arena_init(&arena, 1 << 16);
        bool found = environment_setting(cases[i].entry, &arena, &key, &value);
        assert_int_equal(found, cases[i].key != NULL);
        if (found) {
            assert_true(slice_equal(key, slice_of(cases[i].key)));
            assert_true(slice_equal(value, slice_of(cases[i].value)));
        }
        arena_deinit(&arena);
    }
}

static void listeners_follow_the_advertised(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"PLAINTEXT://localhost:9092", "PLAINTEXT://0.0.0.0:9092"},
        {"A://h.example:1,B://:2,C://10.0.0.1:3", "A://0.0.0.0:1,B://0.0.0.0:2,C://0.0.0.0:3"},
        {"nothing", "nothing"},
        {"A://h", "A://h"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct arena arena;
        arena_init(&arena, 1 << 16);
        struct slice text = environment_listeners(slice_of(cases[i][0]), &arena);
        assert_true(slice_equal(text, slice_of(cases[i][1])));
        arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_keys),
        cmocka_unit_test(listeners_follow_the_advertised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
