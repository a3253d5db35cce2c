#include "core/settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_MAX = 4 << 20 };

static void cleanup(struct settings **settings)
{
    settings_destroy(*settings);
}

#define PAIR(name, value) {SLICE(name), SLICE(value)}

static void assert_text(struct slice actual, const char *expected)
{
    if (slice_equal(actual, slice_of(expected))) return;
    print_error("is       %.*s\nexpected %s\n", SLICE_ARG(actual), expected ? expected : "null");
    fail();
}

/* Settings of a node on its own with these lines, checked. */
static struct settings *loaded(const char *text)
{
    struct settings *settings = settings_create();
    int32_t line;
    assert_int_equal(settings_load(settings, slice_of(text), &line), 0);
    settings_standalone(settings);
    assert_true(settings_check(settings));
    return settings;
}

/* --- the table -------------------------------------------------------------------------------- */

static int count_keys(enum setting_scope scope)
{
    int count = 0;
    const struct setting *setting = NULL;
    struct slice before = SLICE("");
    while ((setting = setting_next(scope, setting)) != NULL) {
        assert_int_equal(setting->scope, scope);
        assert_true(slice_compare(before, setting->name) < 0);
        assert_ptr_equal(setting_find(scope, setting->name), setting);
        assert_ptr_equal(setting_get(setting_id(setting)), setting);
        assert_true(setting->text.size > 0);
        before = setting->name;
        count++;
    }
    return count;
}

static void test_every_key_of_kafka_is_there(void **state)
{
    (void)state;
    assert_int_equal(count_keys(SETTING_SCOPE_BROKER), 360 + 7); /* and gregor's own */
    assert_int_equal(count_keys(SETTING_SCOPE_TOPIC), 34 + 1);
    assert_int_equal(count_keys(SETTING_SCOPE_GROUP), 17);
    assert_int_equal(count_keys(SETTING_SCOPE_CLIENT_METRICS), 3);
    assert_null(setting_find(SETTING_SCOPE_TOPIC, SLICE("num.partitions")));
    assert_null(setting_find(SETTING_SCOPE_BROKER, SLICE("")));
    assert_null(setting_find(SETTING_SCOPE_GROUP, SLICE("zzz")));
}

static void test_every_default_passes_its_own_check(void **state)
{
    (void)state;
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = setting_get((enum setting_id)id);
        struct slice error = SLICE_NULL;
        if (setting->required) continue;
        assert_int_equal(setting_check_value(setting, setting->initial, &arena, &error), 0);
    }
}

/* --- values and the words of their errors; asked from Kafka 4.3.1 ----------------------------- */

static void check(enum setting_scope scope, const char *key, const char *value,
                  const char *expected)
{
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    const struct setting *setting = setting_find(scope, slice_of(key));
    assert_non_null(setting);
    struct slice error = SLICE_NULL;
    int r = setting_check_value(setting, slice_of(value), &arena, &error);
    assert_int_equal(r, expected == NULL ? 0 : -EINVAL);
    assert_text(error, expected);
}

static void topic(const char *key, const char *value, const char *expected)
{
    check(SETTING_SCOPE_TOPIC, key, value, expected);
}

static void broker(const char *key, const char *value, const char *expected)
{
    check(SETTING_SCOPE_BROKER, key, value, expected);
}

#define WRONG(key, value, why) "Invalid value " value " for configuration " key ": " why

static void test_numbers(void **state)
{
    (void)state;
    const char *key = "segment.bytes";
    topic(key, "2000000", NULL);
    topic(key, " +2000000 ", NULL);
    topic(key, "x", WRONG("segment.bytes", "x", "Not a number of type INT"));
    topic(key, "1.5", WRONG("segment.bytes", "1.5", "Not a number of type INT"));
    topic(key, "", WRONG("segment.bytes", "", "Not a number of type INT"));
    topic(key, "99999999999", WRONG("segment.bytes", "99999999999", "Not a number of type INT"));
    topic(key, "100", WRONG("segment.bytes", "100", "Value must be at least 1048576"));
    topic(key, NULL, WRONG("segment.bytes", "null", "Value must be non-null"));
    topic("retention.ms", "x", WRONG("retention.ms", "x", "Not a number of type LONG"));
    topic("retention.ms", "-5", WRONG("retention.ms", "-5", "Value must be at least -1"));
    topic("retention.bytes", "-7", NULL);
    topic("flush.messages", "9223372036854775807", NULL);
    topic("flush.messages", "9223372036854775808",
          WRONG("flush.messages", "9223372036854775808", "Not a number of type LONG"));
    topic("compression.lz4.level", "18",
          WRONG("compression.lz4.level", "18", "Value must be no more than 17"));
    topic("compression.gzip.level", "-1", NULL);
    topic("compression.gzip.level", "0",
          WRONG("compression.gzip.level", "0", "Value must be between 1 and 9 or equal to -1"));
    topic("min.cleanable.dirty.ratio", " 0.7 ", NULL);
    topic("min.cleanable.dirty.ratio", "1e-2", NULL);
    topic("min.cleanable.dirty.ratio", "x",
          WRONG("min.cleanable.dirty.ratio", "x", "Not a number of type DOUBLE"));
    topic("min.cleanable.dirty.ratio", "1.5",
          WRONG("min.cleanable.dirty.ratio", "1.5", "Value must be no more than 1"));
    broker("offsets.topic.replication.factor", "40000",
           WRONG("offsets.topic.replication.factor", "40000", "Not a number of type SHORT"));
    broker("log.retention.ms", NULL, NULL);
}

static void test_words(void **state)
{
    (void)state;
    topic("preallocate", "TRUE", NULL);
    topic("preallocate", "yes",
          WRONG("preallocate", "yes", "Expected value to be either true or false"));
    topic("compression.type", " zstd ", NULL);
    topic("compression.type", "foo",
          WRONG("compression.type", "foo",
                "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"));
    topic("message.timestamp.type", "x",
          WRONG("message.timestamp.type", "x", "String must be one of: CreateTime, LogAppendTime"));
    broker("group.consumer.migration.policy", "Upgrade", NULL);
    broker("group.consumer.migration.policy", "foo",
           WRONG("group.consumer.migration.policy", "foo",
                 "String must be one of (case insensitive): DISABLED, DOWNGRADE, UPGRADE, "
                 "BIDIRECTIONAL"));
}

static void folders_are_a_list(void **state)
{
    (void)state;
    struct settings *settings = loaded("log.dirs=/b, /a,/b\nlog.dir=/c\nmetadata.log.dir=/m\n");
    struct slice dirs[SETTINGS_LOG_DIRS_MAX];
    assert_int_equal(settings_log_dirs(settings, dirs), 2);
    assert_text(dirs[0], "/b");
    assert_text(dirs[1], "/a");
    assert_text(settings_metadata_log_dir(settings), "/m");
    settings_destroy(settings);
    char many[1024] = "";
    for (int i = 0; i <= SETTINGS_LOG_DIRS_MAX; i++) {
        snprintf(many + strlen(many), 16, "%s/d%d", i == 0 ? "" : ",", i);
        settings = settings_create();
        settings_standalone(settings);
        settings_override(settings, SLICE("log.dirs"), slice_of(many));
        assert_int_equal(settings_check(settings), i < SETTINGS_LOG_DIRS_MAX);
        settings_destroy(settings);
    }
}

static void test_lists(void **state)
{
    (void)state;
    topic("cleanup.policy", "", NULL);
    topic("cleanup.policy", "compact,compact", NULL);
    topic("cleanup.policy", " compact , delete ", NULL);
    topic("cleanup.policy", "compact,foo",
          WRONG("cleanup.policy", "foo", "String must be one of: compact, delete"));
    topic("cleanup.policy", NULL, "Configuration 'cleanup.policy' values must not be null.");
    broker("log.dirs", "",
           "Configuration 'log.dirs' must not be empty. Valid values include: any "
           "non-empty value");
    broker("process.roles", "",
           "Configuration 'process.roles' must not be empty. Valid values "
           "include: [broker, controller]");
    topic("leader.replication.throttled.replicas", "0:1,1:2", NULL);
    topic("leader.replication.throttled.replicas", "*", NULL);
    topic("leader.replication.throttled.replicas", "", NULL);
    topic(
        "leader.replication.throttled.replicas", "none",
        WRONG("leader.replication.throttled.replicas", "[none]",
              "leader.replication.throttled.replicas must be the literal '*' or a list of replicas "
              "in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."));
    broker("controller.quorum.voters", "1@host:9093,2@[::1]:9093", NULL);
    broker("controller.quorum.voters", "foo",
           "Invalid configuration value for controller.quorum.voters. Each entry should be in the "
           "form `{id}@{host}:{port}`.");
    broker(
        "controller.quorum.bootstrap.servers", "foo",
        "Failed to parse host name from foo for the configuration "
        "controller.quorum.bootstrap.servers. Each entry should be in the form \"{host}:{port}\"");
}

static void test_reset_strategy(void **state)
{
    (void)state;
    check(SETTING_SCOPE_GROUP, "share.auto.offset.reset", "by_duration:PT1H30M", NULL);
    check(SETTING_SCOPE_GROUP, "share.auto.offset.reset", "foo",
          WRONG("share.auto.offset.reset", "foo",
                "Invalid value `foo` for configuration share.auto.offset.reset. The value must be "
                "either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."));
}

/* A value in the metadata is read again and again: its length has a bound whoever wrote it. */
static void test_long_values(void **state)
{
    (void)state;
    CLEANUP(cleanup) struct settings *settings = loaded("");
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    static char text[4 << 20];
    for (size_t i = 0; i + 8 < sizeof(text); i += 8)
        memcpy(text + i, "compact,", 8);
    struct setting_pair pair = {SLICE("cleanup.policy"), {(const uint8_t *)text, 8 * 4000 - 1}};
    struct slice error;
    struct settings_topic topic;
    enum setting_scope scope = SETTING_SCOPE_TOPIC;
    assert_int_equal(settings_check_overrides(settings, scope, &pair, 1, &arena, &error), 0);
    settings_topic(settings, &pair, 1, &topic);
    assert_true(topic.cleanup_compact);
    pair.value.size = sizeof(text) - 16;
    assert_int_equal(settings_check_overrides(settings, scope, &pair, 1, &arena, &error), -EINVAL);
    assert_true(error.size < 2000);
    settings_topic(settings, &pair, 1, &topic);
    assert_false(topic.cleanup_compact);
}

static void test_list_items(void **state)
{
    (void)state;
    struct slice rest = SLICE(" a ,b,,c");
    struct slice item;
    static const char *const expected[] = {"a", "b", "", "c"};
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        assert_true(setting_list_next(&rest, &item));
        assert_text(item, expected[i]);
    }
    assert_false(setting_list_next(&rest, &item));
}

/* --- the file --------------------------------------------------------------------------------- */

static void test_defaults_and_layers(void **state)
{
    (void)state;
    CLEANUP(cleanup)
    struct settings *settings = loaded("num.partitions = 1\nnum.partitions : +7 \nlog.dirs=/data\n"
                                       "auto.create.topics.enable=False\nmessage.max.bytes=5000\n");
    assert_int_equal(settings_number(settings, SETTING_NUM_PARTITIONS), 7);
    assert_int_equal(settings_origin(settings, SETTING_NUM_PARTITIONS),
                     SETTING_ORIGIN_STATIC_BROKER);
    assert_false(settings_flag(settings, SETTING_AUTO_CREATE_TOPICS_ENABLE));
    assert_true(settings_flag(settings, SETTING_DELETE_TOPIC_ENABLE));
    assert_int_equal(settings_origin(settings, SETTING_DELETE_TOPIC_ENABLE),
                     SETTING_ORIGIN_DEFAULT);
    assert_true(settings_is_null(settings, SETTING_LOG_ROLL_MS));
    struct slice dirs[SETTINGS_LOG_DIRS_MAX];
    assert_int_equal(settings_log_dirs(settings, dirs), 1);
    assert_text(dirs[0], "/data");
    assert_text(settings_metadata_log_dir(settings), "/data");
    assert_true(settings_real(settings, SETTING_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND) > 1e308);
    assert_int_equal(settings_number(settings, SETTING_NODE_ID), 1);

    const struct setting_pair cluster[] = {PAIR("message.max.bytes", "6000"), PAIR("no.such", "1"),
                                           PAIR("num.partitions", "9")};
    const struct setting_pair own[] = {PAIR("message.max.bytes", "x"),
                                       PAIR("max.connections", "5")};
    CLEANUP(cleanup)
    struct settings *overlaid =
        settings_overlay(settings, cluster, ARRAY_COUNT(cluster), own, ARRAY_COUNT(own));
    settings = settings_destroy(settings); /* a copy needs nothing of the original */
    assert_int_equal(settings_number(overlaid, SETTING_MESSAGE_MAX_BYTES), 6000);
    assert_int_equal(settings_origin(overlaid, SETTING_MESSAGE_MAX_BYTES),
                     SETTING_ORIGIN_DYNAMIC_CLUSTER);
    assert_int_equal(settings_number(overlaid, SETTING_MAX_CONNECTIONS), 5);
    assert_int_equal(settings_number(overlaid, SETTING_NUM_PARTITIONS), 7); /* read-only */
    assert_int_equal(settings_log_dirs(overlaid, dirs), 1);
    assert_text(dirs[0], "/data");
}

static void test_override_is_above_the_file(void **state)
{
    (void)state;
    CLEANUP(cleanup) struct settings *settings = settings_create();
    int32_t line;
    assert_int_equal(settings_load(settings, SLICE("num.partitions=2\nnode.id=4"), &line), 0);
    settings_override(settings, SLICE("num.partitions"), SLICE("3"));
    settings_standalone(settings);
    assert_true(settings_check(settings));
    assert_int_equal(settings_number(settings, SETTING_NUM_PARTITIONS), 3);
    assert_int_equal(settings_number(settings, SETTING_NODE_ID), 4);
}

static void test_file_that_is_no_properties(void **state)
{
    (void)state;
    CLEANUP(cleanup) struct settings *settings = settings_create();
    static char big[SETTINGS_TEXT_MAX + 2];
    memset(big, '#', sizeof(big) - 1);
    int32_t line = 0;
    assert_int_equal(settings_load(settings, slice_of(big), &line), -EMSGSIZE);
    assert_int_equal(settings_load(settings, SLICE("a=b\nc=\\u12"), &line), -EBADMSG);
    assert_int_equal(line, 2);
}

/* What is said about `key` of `text`; fails if nothing is. */
static enum settings_verdict verdict(const char *text, const char *key, const char *expected)
{
    CLEANUP(cleanup) struct settings *settings = settings_create();
    int32_t line;
    assert_int_equal(settings_load(settings, slice_of(text), &line), 0);
    settings_standalone(settings);
    bool good = settings_check(settings);
    int32_t count;
    const struct settings_line *lines = settings_lines(settings, &count);
    enum settings_verdict found = SETTINGS_LINE_HONOURED;
    for (int32_t i = 0; i < count; i++) {
        if (!slice_equal(lines[i].key, slice_of(key))) continue;
        found = lines[i].verdict;
        assert_int_equal(lines[i].line, 1);
        if (found < SETTINGS_LINE_REFUSED) continue;
        if (expected != NULL) assert_text(lines[i].text, expected);
        assert_int_equal(good, found == SETTINGS_LINE_UNKNOWN);
        return found;
    }
    assert_true(good);
    return found;
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_int_equal(verdict("num.partitions=3", "num.partitions", NULL), SETTINGS_LINE_HONOURED);
    assert_int_equal(verdict("num.io.threads=3", "num.io.threads", NULL), SETTINGS_LINE_ACCEPTED);
    assert_int_equal(verdict("no.such.key=3", "no.such.key", NULL), SETTINGS_LINE_UNKNOWN);
    assert_int_equal(verdict("num.partitions=0", "num.partitions",
                             WRONG("num.partitions", "0", "Value must be at least 1")),
                     SETTINGS_LINE_INVALID);
    assert_int_equal(verdict("ssl.keystore.location=/x", "ssl.keystore.location", NULL),
                     SETTINGS_LINE_REFUSED);
    assert_int_equal(verdict("ssl.client.auth=none", "ssl.client.auth", NULL),
                     SETTINGS_LINE_ACCEPTED); /* its default promises nothing */
    assert_int_equal(verdict("authorizer.class.name=A", "authorizer.class.name", NULL),
                     SETTINGS_LINE_REFUSED);
    assert_int_equal(verdict("process.roles=broker", "process.roles", NULL), SETTINGS_LINE_REFUSED);
    assert_int_equal(
        verdict("controller.quorum.voters=1@a:1,2@b:1", "controller.quorum.voters", NULL),
        SETTINGS_LINE_REFUSED);
    assert_int_equal(verdict("broker.id=6", "broker.id",
                             "You must set `node.id` to the same value as `broker.id`."),
                     SETTINGS_LINE_INVALID);
    assert_int_equal(
        verdict("log.roll.ms=0", "log.roll.ms", "log.roll.ms must be greater than or equal to 1"),
        SETTINGS_LINE_INVALID);
    assert_int_equal(
        verdict("queued.max.request.bytes=5", "queued.max.request.bytes",
                "queued.max.request.bytes must be larger or equal to socket.request.max.bytes"),
        SETTINGS_LINE_INVALID);
}

static void test_verdicts_on_one_listener(void **state)
{
    (void)state;
#define OF(key) "listener.name.plaintext." key
    assert_int_equal(verdict(OF("max.connections=3"), OF("max.connections"), NULL),
                     SETTINGS_LINE_HONOURED);
    assert_int_equal(verdict(OF("max.connections=-1"), OF("max.connections"),
                             WRONG("max.connections", "-1", "Value must be at least 0")),
                     SETTINGS_LINE_INVALID);
    assert_int_equal(
        verdict(OF("max.connection.creation.rate=3"), OF("max.connection.creation.rate"), NULL),
        SETTINGS_LINE_HONOURED);
    static const char *const without_effect[] = {
        OF("num.network.threads"),
        OF("ssl.client.auth"),
        OF("log.retention.ms"),
        "listener.name.x.max.connections",         /* no such listener */
        "listener.name.PLAINTEXT.max.connections", /* names are in lower case here */
        "listener.name.x.ssl.keystore.location"};
    static const char *const values[] = {"3", "none", "3", "3", "3", "x"};
    for (size_t i = 0; i < ARRAY_COUNT(without_effect); i++) {
        char text[128];
        snprintf(text, sizeof(text), "%s=%s", without_effect[i], values[i]);
        assert_int_equal(verdict(text, without_effect[i], NULL), SETTINGS_LINE_ACCEPTED);
    }
    assert_int_equal(verdict(OF("ssl.keystore.location=/x"), OF("ssl.keystore.location"), NULL),
                     SETTINGS_LINE_REFUSED);
    assert_int_equal(verdict(OF("plain.sasl.jaas.config=x"), OF("plain.sasl.jaas.config"), NULL),
                     SETTINGS_LINE_REFUSED);
    assert_int_equal(verdict(OF("no.such=1"), OF("no.such"), NULL), SETTINGS_LINE_UNKNOWN);
#undef OF
}

static void test_missing_keys(void **state)
{
    (void)state;
    CLEANUP(cleanup) struct settings *settings = settings_create();
    assert_false(settings_check(settings));
    int32_t count;
    const struct settings_line *lines = settings_lines(settings, &count);
    assert_int_equal(count, 3);
    assert_text(lines[1].text,
                "Missing required configuration \"node.id\" which has no default value.");
    assert_int_equal(lines[1].line, 0);
}

static void test_request_bytes(void **state)
{
    (void)state;
    CLEANUP(cleanup) struct settings *settings = loaded("");
    const int64_t gib = INT64_C(1) << 30;
    assert_int_equal(settings_request_bytes(settings, gib), gib / 4);
    assert_int_equal(settings_request_bytes(settings, 64 * gib), 512 << 20);
    /* Never less than the largest request. */
    assert_int_equal(settings_request_bytes(settings, gib / 16), 104857600);
    CLEANUP(cleanup) struct settings *own = loaded("queued.max.request.bytes=200000000");
    assert_int_equal(settings_request_bytes(own, gib), 200000000);
}

/* --- listeners -------------------------------------------------------------------------------- */

static void test_listeners(void **state)
{
    (void)state;
    CLEANUP(cleanup)
    struct settings *settings = loaded(
        "listeners=plaintext://[::1]:9092, CONTROLLER://:0,ext://0.0.0.0:9094\n"
        "advertised.listeners=EXT://kafka.example:19094\n"
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,Ext:plaintext,CONTROLLER:PLAINTEXT");
    struct settings_listener listeners[SETTINGS_LISTENERS_MAX];
    assert_int_equal(settings_listeners(settings, listeners), 3);
    assert_text(listeners[0].name, "PLAINTEXT");
    assert_text(listeners[0].host, "::1");
    assert_int_equal(listeners[0].port, 9092);
    assert_text(listeners[0].advertised_host, "::1");
    assert_false(listeners[0].controller);
    assert_true(listeners[1].controller);
    assert_text(listeners[1].host, "");
    assert_text(listeners[2].advertised_host, "kafka.example");
    assert_int_equal(listeners[2].advertised_port, 19094);
    assert_int_equal(listeners[2].port, 9094);
}

static void test_listeners_that_are_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key, *error;
    } cases[] = {
        {"listeners=foo", "listeners", "Unable to parse a listener name from foo"},
        {"listeners=A://b", "listeners", "Unable to parse A://b to a broker endpoint"},
        {"listeners=PLAINTEXT://:99999", "listeners",
         "Unable to parse PLAINTEXT://:99999 to a broker endpoint"},
        {"listeners=EXT://:9092", "listeners", "No security protocol defined for listener EXT"},
        {"listeners=PLAINTEXT://:1,PLAINTEXT://:2", "listeners",
         "Each listener must have a different name, listeners: PLAINTEXT://:1,PLAINTEXT://:2"},
        {"listeners=PLAINTEXT://:1,CONTROLLER://:1", "listeners",
         "Each listener must have a different port, listeners: PLAINTEXT://:1,CONTROLLER://:1"},
        {"listeners=CONTROLLER://:1", "listeners",
         "There must be at least one broker advertised listener. Perhaps all listeners appear in "
         "controller.listener.names?"},
        {"advertised.listeners=PLAINTEXT://0.0.0.0:1", "advertised.listeners",
         "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP "
         "address."},
        {"listener.security.protocol.map=FOO:BAR,PLAINTEXT:PLAINTEXT",
         "listener.security.protocol.map",
         "Invalid security protocol `BAR` defined in listener.security.protocol.map"},
        {"inter.broker.listener.name=X", "inter.broker.listener.name",
         "Listener with name X defined in inter.broker.listener.name not found in "
         "listener.security.protocol.map."},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(verdict(cases[i].text, cases[i].key, cases[i].error),
                         SETTINGS_LINE_INVALID);
    assert_int_equal(verdict("listeners=SSL://:9093", "listeners",
                             "Listener SSL speaks SSL: gregor speaks PLAINTEXT only, for now."),
                     SETTINGS_LINE_REFUSED);
}

static void test_http_listeners(void **state)
{
    (void)state;
    struct settings_address addresses[SETTINGS_LISTENERS_MAX];
    {
        CLEANUP(cleanup) struct settings *settings = loaded("gregor.http.listeners=");
        assert_int_equal(settings_http_listeners(settings, addresses), 0);
    }
    {
        CLEANUP(cleanup)
        struct settings *settings = loaded("gregor.http.listeners=http://:0, HTTP://[::1]:80");
        assert_int_equal(settings_http_listeners(settings, addresses), 2);
        assert_text(addresses[0].host, "");
        assert_int_equal(addresses[0].port, 0);
        assert_text(addresses[1].host, "::1");
        assert_int_equal(addresses[1].port, 80);
    }
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"gregor.http.listeners=:9644", "Unable to parse a listener name from :9644"},
        {"gregor.http.listeners=http://localhost",
         "Unable to parse http://localhost to a broker endpoint"},
        {"gregor.http.listeners=http://a:70000", "Unable to parse http://a:70000 to a broker "
                                                 "endpoint"},
        {"gregor.http.listeners=https://a:1",
         "Each entry should be in the form `http://{host}:{port}`."},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(verdict(cases[i].text, "gregor.http.listeners", cases[i].error),
                         SETTINGS_LINE_INVALID);
}

/* --- topics ----------------------------------------------------------------------------------- */

static void test_topic_defaults(void **state)
{
    (void)state;
    CLEANUP(cleanup) struct settings *settings = loaded("");
    struct settings_topic topic;
    settings_topic(settings, NULL, 0, &topic);
    assert_int_equal(topic.segment_bytes, 1073741824);
    assert_int_equal(topic.segment_ms, 604800000);
    assert_int_equal(topic.segment_jitter_ms, 0);
    assert_int_equal(topic.segment_index_bytes, 10485760);
    assert_int_equal(topic.index_interval_bytes, 4096);
    assert_int_equal(topic.max_message_bytes, 1048588);
    assert_int_equal(topic.timestamp_before_max_ms, INT64_MAX);
    assert_int_equal(topic.timestamp_after_max_ms, 3600000);
    assert_int_equal(topic.retention_ms, 604800000);
    assert_int_equal(topic.retention_bytes, -1);
    assert_int_equal(topic.flush_messages, INT64_MAX);
    assert_int_equal(topic.flush_ms, INT64_MAX);
    assert_true(topic.min_cleanable_dirty_ratio == 0.5);
    assert_int_equal(topic.min_insync_replicas, 1);
    assert_true(topic.compression_is_producers);
    assert_false(topic.log_append_time);
    assert_true(topic.cleanup_delete);
    assert_false(topic.cleanup_compact);
    assert_int_equal(topic.flush_policy, SETTINGS_FLUSH_COMMIT);
}

static void test_topic_from_the_broker(void **state)
{
    (void)state;
    CLEANUP(cleanup)
    struct settings *settings =
        loaded("log.roll.hours=5\nlog.retention.minutes=10\nlog.retention.hours=-1\n"
               "log.flush.scheduler.interval.ms=900\ncompression.type=zstd\n"
               "compression.zstd.level=7\nlog.cleanup.policy=compact,delete\nflush.policy=os\n"
               "log.message.timestamp.type=LogAppendTime\nlog.roll.jitter.ms=11\n");
    struct settings_topic topic;
    settings_topic(settings, NULL, 0, &topic);
    assert_int_equal(topic.segment_ms, 5 * 3600000);
    assert_int_equal(topic.segment_jitter_ms, 11);
    assert_int_equal(topic.retention_ms, 600000);
    assert_int_equal(topic.flush_ms, 900);
    assert_false(topic.compression_is_producers);
    assert_int_equal(topic.compression, COMPRESS_ZSTD);
    assert_int_equal(topic.compression_level, 7);
    assert_true(topic.cleanup_compact);
    assert_true(topic.log_append_time);
    assert_int_equal(topic.flush_policy, SETTINGS_FLUSH_OS);

    const struct setting_pair overrides[] = {
        PAIR("segment.ms", " +100 "), PAIR("compression.type", "uncompressed"),
        PAIR("retention.ms", "broken"), PAIR("cleanup.policy", ""), PAIR("flush.policy", "commit")};
    settings_topic(settings, overrides, ARRAY_COUNT(overrides), &topic);
    assert_int_equal(topic.segment_ms, 100);
    assert_int_equal(topic.compression, COMPRESS_NONE);
    assert_false(topic.compression_is_producers);
    assert_int_equal(topic.retention_ms, 600000); /* what does not check out is left aside */
    assert_false(topic.cleanup_compact);
    assert_false(topic.cleanup_delete);
    assert_int_equal(topic.flush_policy, SETTINGS_FLUSH_COMMIT);

    CLEANUP(cleanup) struct settings *ever = loaded("log.retention.hours=-1");
    settings_topic(ever, NULL, 0, &topic);
    assert_int_equal(topic.retention_ms, -1);
}

static void overrides_fail(enum setting_scope scope, struct setting_pair pair, int expected_error,
                           const char *expected)
{
    CLEANUP(cleanup) struct settings *settings = loaded("");
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct slice error = SLICE_NULL;
    int r = settings_check_overrides(settings, scope, &pair, 1, &arena, &error);
    assert_int_equal(r, expected_error);
    assert_text(error, expected);
}

static void overrides(enum setting_scope scope, struct setting_pair pair, const char *expected)
{
    overrides_fail(scope, pair, expected == NULL ? 0 : -EINVAL, expected);
}

static void test_overrides(void **state)
{
    (void)state;
    enum setting_scope scope = SETTING_SCOPE_TOPIC;
    overrides(scope, (struct setting_pair)PAIR("retention.ms", "-1"), NULL);
    overrides(scope, (struct setting_pair)PAIR("nonsense", "1"),
              "Unknown topic config name: nonsense");
    overrides(scope, (struct setting_pair)PAIR("segment.bytes", "x"),
              WRONG("segment.bytes", "x", "Not a number of type INT"));
    overrides(scope, (struct setting_pair){SLICE("segment.bytes"), SLICE_NULL},
              "Null value not supported for topic configs: segment.bytes");
    overrides(
        scope, (struct setting_pair)PAIR("remote.storage.enable", "true"),
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with "
        "remote log storage.");
    overrides(scope, (struct setting_pair)PAIR("max.compaction.lag.ms", "5"), NULL);

    CLEANUP(cleanup) struct settings *settings = loaded("");
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    struct slice error;
    const struct setting_pair lags[] = {PAIR("min.compaction.lag.ms", "10"),
                                        PAIR("max.compaction.lag.ms", "5")};
    assert_int_equal(settings_check_overrides(settings, scope, lags, 2, &arena, &error), -EINVAL);
    assert_text(error, "conflict topic config setting min.compaction.lag.ms (10) > "
                       "max.compaction.lag.ms (5)");
}

static void test_overrides_of_groups_and_metrics(void **state)
{
    (void)state;
    enum setting_scope group = SETTING_SCOPE_GROUP;
    overrides(group, (struct setting_pair)PAIR("consumer.heartbeat.interval.ms", "15000"), NULL);
    overrides(group, (struct setting_pair)PAIR("foo", "1"), "Unknown group config name: foo");
    overrides(group, (struct setting_pair)PAIR("consumer.session.timeout.ms", "1"),
              "consumer.session.timeout.ms must be greater than or equal to "
              "group.consumer.min.session.timeout.ms");
    overrides(group, (struct setting_pair)PAIR("consumer.session.timeout.ms", "100000000"),
              "consumer.session.timeout.ms must be less than or equal to "
              "group.consumer.max.session.timeout.ms");
    enum setting_scope metrics = SETTING_SCOPE_CLIENT_METRICS;
    overrides(metrics, (struct setting_pair)PAIR("foo", "1"),
              "Unknown client metrics configuration: foo");
    overrides(metrics, (struct setting_pair)PAIR("interval.ms", "5"),
              "Invalid value 5 for interval.ms, interval must be between 100 and 3600000 (1 hour)");
    overrides_fail(metrics, (struct setting_pair)PAIR("match", "foo=x"), -EBADMSG,
                   "Illegal client matching pattern: foo=x");
    overrides(metrics, (struct setting_pair)PAIR("match", "client_id=a.*,client_software_name=x"),
              NULL);
}

/* --- where values come from; recorded from Kafka 4.3.1 with kafka-configs --describe --all ---- */

/* "origin:name=value, …" as kafka-configs prints the synonyms, behind the value. */
static void explain(const struct settings *settings, enum setting_scope scope, const char *key,
                    const struct setting_pair *pairs, int32_t count, const char *expected)
{
    static const char *const origins[] = {"",        "TOPIC", "BROKER",  "CLUSTER", "STATIC",
                                          "DEFAULT", "",      "METRICS", "GROUP"};
    CLEANUP(arena_deinit) struct arena arena;
    arena_init(&arena, ARENA_MAX);
    CLEANUP(writer_deinit) struct writer line;
    writer_init(&line, 4096);
    const struct setting *setting = setting_find(scope, slice_of(key));
    assert_non_null(setting);
    struct slice value;
    struct settings_explanation synonyms[SETTINGS_EXPLANATIONS_MAX];
    int32_t n = settings_explain(settings, setting, pairs, count, &arena, &value, synonyms);
    writer_printf(&line, "%.*s", SLICE_ARG(slice_is_null(value) ? SLICE("null") : value));
    for (int32_t i = 0; i < n; i++)
        writer_printf(&line, " %s:%.*s=%.*s", origins[synonyms[i].origin],
                      SLICE_ARG(synonyms[i].name), SLICE_ARG(synonyms[i].value));
    assert_text(writer_slice(&line), expected);
}

static void test_explanations(void **state)
{
    (void)state;
    CLEANUP(cleanup)
    struct settings *plain = loaded("log.roll.hours=5\nlog.retention.minutes=10\n"
                                    "log.flush.interval.ms=7000\n"
                                    "group.consumer.session.timeout.ms=46000\n"
                                    "log.cleanup.policy=compact,delete");
    const struct setting_pair cluster[] = {PAIR("log.roll.ms", "360000")};
    CLEANUP(cleanup) struct settings *settings = settings_overlay(plain, cluster, 1, NULL, 0);
    const struct setting_pair own[] = {PAIR("segment.ms", " +100000 "),
                                       PAIR("cleanup.policy", "compact,compact"),
                                       PAIR("min.cleanable.dirty.ratio", "1")};
    enum setting_scope topic = SETTING_SCOPE_TOPIC;
    enum setting_scope broker = SETTING_SCOPE_BROKER;
    enum setting_scope group = SETTING_SCOPE_GROUP;
    explain(plain, topic, "segment.ms", NULL, 0, "18000000");
    explain(settings, topic, "segment.ms", NULL, 0,
            "360000 CLUSTER:log.roll.ms=360000 STATIC:log.roll.hours=5 DEFAULT:log.roll.hours=168");
    explain(settings, topic, "segment.ms", own, 3,
            "100000 TOPIC:segment.ms=100000 CLUSTER:log.roll.ms=360000 STATIC:log.roll.hours=5 "
            "DEFAULT:log.roll.hours=168");
    explain(settings, topic, "cleanup.policy", own, 3,
            "compact TOPIC:cleanup.policy=compact STATIC:log.cleanup.policy=compact,delete "
            "DEFAULT:log.cleanup.policy=delete");
    explain(settings, topic, "min.cleanable.dirty.ratio", own, 3,
            "1.0 TOPIC:min.cleanable.dirty.ratio=1.0 DEFAULT:log.cleaner.min.cleanable.ratio=0.5");
    explain(settings, topic, "retention.ms", NULL, 0, "600000");
    explain(settings, topic, "flush.ms", NULL, 0,
            "7000 STATIC:log.flush.interval.ms=7000 "
            "DEFAULT:log.flush.scheduler.interval.ms=9223372036854775807");
    explain(settings, topic, "remote.storage.enable", NULL, 0, "false");
    explain(settings, broker, "log.roll.ms", NULL, 0,
            "360000 CLUSTER:log.roll.ms=360000 STATIC:log.roll.hours=5 DEFAULT:log.roll.hours=168");
    explain(settings, broker, "log.retention.minutes", NULL, 0,
            "10 STATIC:log.retention.minutes=10 DEFAULT:log.retention.hours=168");
    explain(settings, broker, "log.retention.ms", NULL, 0, "null");
    explain(settings, broker, "num.partitions", NULL, 0, "1 DEFAULT:num.partitions=1");
    explain(settings, group, "consumer.session.timeout.ms", NULL, 0,
            "46000 STATIC:group.consumer.session.timeout.ms=46000 "
            "DEFAULT:group.consumer.session.timeout.ms=45000");
    explain(settings, group, "share.auto.offset.reset", NULL, 0,
            "latest DEFAULT:share.auto.offset.reset=latest");
    const struct setting_pair interval[] = {PAIR("interval.ms", "1000")};
    explain(settings, SETTING_SCOPE_CLIENT_METRICS, "interval.ms", interval, 1,
            "1000 METRICS:interval.ms=1000");
    explain(settings, SETTING_SCOPE_CLIENT_METRICS, "match", interval, 1, "");
}

/* Doubles in the words of Double.toString. */
static void test_real_numbers_are_shown_as_java_does(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1", "1.0"},           {"1e-2", "0.01"},
        {"0.001", "0.001"},     {"1e-4", "1.0E-4"},
        {"0.5", "0.5"},         {"9999999", "9999999.0"},
        {"1e7", "1.0E7"},       {"12345678", "1.2345678E7"},
        {".5", "0.5"},          {"-2.5", "-2.5"},
        {"0", "0.0"},           {"0.30", "0.3"},
        {"100", "100.0"},       {"1E308", "1.0E308"},
        {"123.456", "123.456"}, {"1000000", "1000000.0"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[100];
        snprintf(text, sizeof(text), "log.cleaner.io.buffer.load.factor=%s", cases[i][0]);
        CLEANUP(cleanup) struct settings *settings = loaded(text);
        assert_text(settings_text(settings, SETTING_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR),
                    cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_of_kafka_is_there),
        cmocka_unit_test(test_every_default_passes_its_own_check),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(folders_are_a_list),
        cmocka_unit_test(test_reset_strategy),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_list_items),
        cmocka_unit_test(test_defaults_and_layers),
        cmocka_unit_test(test_override_is_above_the_file),
        cmocka_unit_test(test_file_that_is_no_properties),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_verdicts_on_one_listener),
        cmocka_unit_test(test_missing_keys),
        cmocka_unit_test(test_request_bytes),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_listeners_that_are_wrong),
        cmocka_unit_test(test_http_listeners),
        cmocka_unit_test(test_topic_defaults),
        cmocka_unit_test(test_topic_from_the_broker),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_overrides_of_groups_and_metrics),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_real_numbers_are_shown_as_java_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
