"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources, client quotas."""

import os
import sys

import kafka_wire as wire
from script import ALL, ENDS, LAST
from topics_requests import NOT_NAMES, create, new

sys.path.insert(0, os.path.join(wire.ROOT, "tools"))
import settingsc  # noqa: E402

UNKNOWN, TOPIC, BROKER, LOGGER, CLIENT_METRICS, GROUP = 0, 2, 4, 8, 16, 32
NO_KINDS = (UNKNOWN, 1, 3, 5, 64, 77, -1)
SET, DELETE, APPEND, SUBTRACT = range(4)
ME = "1"
# Expressions that Java takes, and some that it does not.
MATCHES = (
    "client_id=a.*", "client_id=[", "client_id=(", "client_id=*", "client_id=a{2", "client_id=",
    "client_id", "client_id=a=b", "client_id=a=", "client_id==", "=a", "x=a", " client_id = a ",
    "client_id= ", "client_id=(?<n>a)\\k<n>", "client_id=\\k<n>", "client_id=\\p{L}+",
    "client_id=\\p{Foo}", "client_id=a++", "client_id=a**", "client_id=(?i)abc", "client_id=(?z)abc",
    "client_id=[a&&[b]]", "client_id=[z-a]", "client_id=\\", "client_id=\\Q[\\E", "client_id=)",
    "client_id=]", "client_id=}", "client_id={", "client_id=\\1", "client_id=(?P<x>a)",
    "client_id=\\xZZ", "client_id=\\u00e4", "client_id=\\y", "client_id=(?>a)", "client_id=(?#c)",
    "client_id=ä", "client_id=a,client_software_name=(", "client_source_port=90[0-9]{2}",
    "client_instance_id=b", "client_software_version=[", "client_source_address=10\\..*",
)
SETTINGS = settingsc.read(settingsc.SCHEMA)
GREGORS_OWN = ("gregor.", "flush.policy")


def requests(script):
    ask = script.ask
    describe_configs(ask)
    alter_one_by_one(ask)
    alter_whole(ask)
    every_key(ask)
    list_config_resources(ask)
    quotas(ask)
    bent(script)


# --- DescribeConfigs ------------------------------------------------------------------------------


def describe(ask, name, versions, kind, resource, *keys, **more):
    entry = dict(
        resource_type=kind, resource_name=resource, configuration_keys=list(keys) if keys else None
    )
    ask("DescribeConfigs", name, versions, dict(dict(resources=[entry]), **more))


def describe_configs(ask):
    all_told = dict(include_synonyms=True, include_documentation=True)
    describe(ask, "a topic", ALL, TOPIC, "orders")
    describe(ask, "a topic with all that can be told", ALL, TOPIC, "configured-0-7", **all_told)
    describe(ask, "a topic's documentation", (3, 4), TOPIC, "orders", include_documentation=True)
    describe(ask, "one key", ALL, TOPIC, "compact", "cleanup.policy", include_synonyms=True)
    describe(ask, "keys, one unknown", ENDS, TOPIC, "orders", "retention.ms", "no.such.key")
    describe(ask, "a key twice", ENDS, TOPIC, "orders", "retention.ms", "retention.ms")
    describe(ask, "an empty key", ENDS, TOPIC, "orders", "")
    describe(ask, "a key in capitals", ENDS, TOPIC, "orders", "RETENTION.MS")
    for topic in ("compact", "stamped", "small", "gzip", "strict"):
        describe(ask, "the topic " + topic, LAST, TOPIC, topic, include_synonyms=True)
    describe(ask, "an unknown topic", ALL, TOPIC, "absent")
    for topic in NOT_NAMES:
        describe(ask, "the name %.10r" % topic, ENDS, TOPIC, topic)
    describe(ask, "the broker", ALL, BROKER, ME)
    describe(ask, "the broker with all that can be told", ENDS, BROKER, ME, **all_told)
    describe(ask, "a key of the broker", ENDS, BROKER, ME, "num.partitions", **all_told)
    describe(ask, "the defaults of all brokers", ALL, BROKER, "")
    for broker in ("2", "me", "-1", "01", "1 ", "99999999999"):
        describe(ask, "the broker %r" % broker, ENDS, BROKER, broker)
    describe(ask, "the loggers of another", ENDS, LOGGER, "2")
    describe(ask, "the loggers of all", ENDS, LOGGER, "")
    describe(ask, "a logger nobody has", ENDS, LOGGER, ME, "no.such.Logger")
    describe(ask, "loggers", ALL, LOGGER, ME, "root", "kafka.server.BrokerServer", **all_told)
    describe(ask, "client metrics", ALL, CLIENT_METRICS, "a-subscription", **all_told)
    describe(ask, "client metrics without a name", ENDS, CLIENT_METRICS, "")
    describe(ask, "a group", ALL, GROUP, "a-group", **all_told)
    describe(ask, "a group without a name", ENDS, GROUP, "")
    for kind in NO_KINDS:
        describe(ask, "kind %d" % kind, ENDS, kind, "x")
    ask("DescribeConfigs", "nothing", ALL, dict(resources=[]))
    entry = dict(resource_type=TOPIC, resource_name="orders", configuration_keys=[])
    ask("DescribeConfigs", "no keys", ALL, dict(resources=[entry]))
    entries = [
        dict(resource_type=kind, resource_name=name, configuration_keys=["retention.ms"])
        for kind, name in ((TOPIC, "orders"), (TOPIC, "absent"), (BROKER, ME), (77, "x"))
    ]
    ask("DescribeConfigs", "good and bad", ALL, dict(resources=entries))
    ask("DescribeConfigs", "one twice", ENDS, dict(resources=[entries[0]] * 2))


# --- IncrementalAlterConfigs ----------------------------------------------------------------------


def resource(kind, name, *changes):
    return dict(
        resource_type=kind,
        resource_name=name,
        configs=[dict(name=k, config_operation=op, value=value) for k, op, value in changes],
    )


def change(ask, name, versions, kind, target, *changes, validate_only=False):
    body = dict(resources=[resource(kind, target, *changes)], validate_only=validate_only)
    ask("IncrementalAlterConfigs", name, versions, body)


def alter_one_by_one(ask):
    def topic(name, *changes, versions=ALL, then=(), **more):
        change(ask, name, versions, TOPIC, "changed", *changes, **more)
        if then:
            describe(ask, "after: " + name, LAST, TOPIC, "changed", *then, include_synonyms=True)

    create(ask, "a topic to change", LAST, new("changed", 1, 1, [("retention.ms", "777")]))
    policy, retention = "cleanup.policy", "retention.ms"
    topic("set", (retention, SET, "4321"), then=[retention])
    topic("set the same", (retention, SET, "4321"))
    topic(
        "set two", (retention, SET, "1"), ("segment.ms", SET, "2"), then=[retention, "segment.ms"]
    )
    topic("delete", (retention, DELETE, None), then=[retention])
    topic("delete what is not set", (retention, DELETE, None))
    topic("delete with a value", ("segment.ms", DELETE, "7"), then=["segment.ms"])
    topic("append", (policy, APPEND, "compact"), then=[policy])
    topic("append again", (policy, APPEND, "compact"), then=[policy])
    topic("subtract", (policy, SUBTRACT, "delete"), then=[policy])
    topic("subtract again", (policy, SUBTRACT, "delete"), then=[policy])
    topic("append two", (policy, APPEND, "delete,compact"), versions=LAST, then=[policy])
    topic("append one twice", (policy, APPEND, "delete,delete"), versions=LAST, then=[policy])
    topic("subtract all", (policy, SUBTRACT, "delete,compact"), then=[policy])
    topic("append nothing", (policy, APPEND, ""))
    topic("append null", (policy, APPEND, None))
    topic("subtract null", (policy, SUBTRACT, None))
    topic("append no such word", (policy, APPEND, "keep"))
    topic("append to a number", (retention, APPEND, "1"))
    topic("subtract from a number", (retention, SUBTRACT, "1"))
    topic("set null", (retention, SET, None))
    topic("set nothing", (retention, SET, ""))
    topic("set an empty list", (policy, SET, ""), versions=LAST, then=[policy])
    topic("a list with spaces", (policy, SET, " delete , compact "), versions=LAST, then=[policy])
    topic("an unknown key", ("no.such.key", SET, "1"))
    topic("delete an unknown key", ("no.such.key", DELETE, None))
    topic("append to an unknown key", ("no.such.key", APPEND, "1"))
    topic("an empty key", ("", SET, "1"))
    topic("a key of the broker", ("log.retention.ms", SET, "1"))
    topic("no number", (retention, SET, "soon"))
    topic(
        "a good and a bad one",
        ("segment.ms", SET, "9"),
        (retention, SET, "soon"),
        then=["segment.ms"],
    )
    topic("a key twice", (retention, SET, "1"), (retention, SET, "2"))
    topic("set and delete", (retention, SET, "1"), (retention, DELETE, None))
    for operation in (4, 9, -1, 127):
        topic("operation %d" % operation, (retention, operation, "1"))
    topic("no changes")
    topic("validated", (retention, SET, "99"), validate_only=True, then=[retention])
    topic("validated, wrong", (retention, SET, "soon"), validate_only=True)
    topic("more in sync than there are", ("min.insync.replicas", SET, "3"), versions=LAST)
    topic(
        "throttled replicas",
        ("leader.replication.throttled.replicas", SET, "0:1,1:1"),
        versions=LAST,
    )
    topic("throttled replicas, wrong", ("leader.replication.throttled.replicas", SET, "0-1"))
    topic("a remote topic", ("remote.storage.enable", SET, "true"))
    topic(
        "bounds that cross",
        ("min.compaction.lag.ms", SET, "9"),
        ("max.compaction.lag.ms", SET, "8"),
    )
    change(ask, "an unknown topic", ALL, TOPIC, "absent", (retention, SET, "1"))
    change(ask, "an unknown topic, deleted", ALL, TOPIC, "absent", (retention, DELETE, None))
    for name in ("", "a b", "x" * 250):
        change(ask, "the topic %.10r" % name, ENDS, TOPIC, name, (retention, SET, "1"))
    for kind in NO_KINDS:
        change(ask, "kind %d" % kind, ENDS, kind, "x", ("a", SET, "1"))
    ask("IncrementalAlterConfigs", "nothing", ALL, dict(resources=[]))
    several = [
        resource(TOPIC, "changed", (retention, SET, "55")),
        resource(TOPIC, "absent", (retention, SET, "55")),
        resource(TOPIC, "small", (retention, SET, "soon")),
        resource(77, "x", ("a", SET, "1")),
    ]
    ask("IncrementalAlterConfigs", "four, one good", ALL, dict(resources=several))
    ask("IncrementalAlterConfigs", "one twice", ALL, dict(resources=[several[0], several[0]]))
    alter_brokers(ask)
    alter_others(ask)


def alter_brokers(ask):
    def broker(name, target, *changes, versions=ENDS, then=(), **more):
        change(ask, name, versions, BROKER, target, *changes, **more)
        for key in then:
            for who in (ME, ""):
                which = "after: %s, %s" % (name, who or "all brokers")
                describe(ask, which, LAST, BROKER, who, key, include_synonyms=True)
        if then:
            describe(ask, "after: %s, a topic" % name, LAST, TOPIC, "orders", include_synonyms=True)

    cleaner, retention = "log.cleaner.threads", "log.retention.ms"
    broker("the broker's own", ME, (retention, SET, "86400000"), then=[retention])
    broker("that of all brokers", "", (retention, SET, "96400000"), then=[retention])
    broker("the broker's own no more", ME, (retention, DELETE, None), then=[retention])
    broker("that of all no more", "", (retention, DELETE, None), then=[retention])
    broker("threads", ME, (cleaner, SET, "2"), then=[cleaner])
    broker("threads no more", ME, (cleaner, DELETE, None))
    broker("too many threads at once", ME, (cleaner, SET, "100"))
    broker("a key that needs a restart", ME, ("num.partitions", SET, "7"))
    broker("a key that needs a restart, of all", "", ("auto.create.topics.enable", SET, "false"))
    broker("a broker's own key, for all", "", ("listeners", SET, "PLAINTEXT://127.0.0.1:1"))
    broker("an unknown key", ME, ("no.such.key", SET, "1"))
    broker("an unknown key, of all", "", ("no.such.key", SET, "1"))
    broker("a topic's key", ME, ("retention.ms", SET, "1"))
    broker("no number", ME, (retention, SET, "soon"))
    broker("a list", "", ("log.cleanup.policy", APPEND, "compact"), then=["log.cleanup.policy"])
    broker("a list no more", "", ("log.cleanup.policy", DELETE, None))
    broker("validated", ME, (retention, SET, "1"), validate_only=True)
    broker("a password", ME, ("ssl.keystore.password", SET, "secret"), validate_only=True)
    for target in ("2", "me", "-1", "01"):
        broker("the broker %r" % target, target, (retention, SET, "1"))
    for key in ("max.connections", "max.connection.creation.rate", "num.network.threads"):
        of_one = "listener.name.plaintext." + key
        for target in (ME, ""):
            for value in ("0", "-1", "x", "7", "9999"):
                which = "%s of a listener, %s, of %s" % (key, value, target or "all")
                broker(which, target, (of_one, SET, value), validate_only=True)
        if key.endswith("threads"):
            continue  # Kafka closes connections when a pool shrinks
        broker(key + " of a listener", ME, (of_one, SET, "99"), versions=LAST, then=[of_one])
        broker(key + " of a listener no more", ME, (of_one, DELETE, None), then=[of_one])
    for listener in ("no-such", "PLAINTEXT", "controller"):
        key = "listener.name.%s.max.connections" % listener
        broker("a limit of " + listener, ME, (key, SET, "0"), versions=LAST, validate_only=True)
    both = [resource(BROKER, who, (retention, SET, "86400001")) for who in (ME, "")]
    ask("IncrementalAlterConfigs", "a broker and all", LAST, dict(resources=both))
    both = [resource(BROKER, who, (retention, DELETE, None)) for who in (ME, "")]
    ask("IncrementalAlterConfigs", "a broker and all no more", LAST, dict(resources=both))


def alter_others(ask):
    name = "metrics"
    change(ask, "client metrics", ENDS, CLIENT_METRICS, name, ("interval.ms", SET, "5000"))
    change(ask, "client metrics' list", ENDS, CLIENT_METRICS, name, ("metrics", APPEND, "a,b"))
    change(ask, "client metrics' match", ENDS, CLIENT_METRICS, name, ("match", SET, "client_id=.*"))
    change(ask, "client metrics, a wrong match", ENDS, CLIENT_METRICS, name, ("match", SET, "x=("))
    for number, match in enumerate(MATCHES):
        change(ask, "client metrics, match %d" % number, LAST, CLIENT_METRICS, name, ("match", SET, match))
    change(ask, "client metrics too often", ENDS, CLIENT_METRICS, name, ("interval.ms", SET, "1"))
    change(ask, "client metrics, unknown key", ENDS, CLIENT_METRICS, name, ("x", SET, "1"))
    change(ask, "client metrics without a name", ENDS, CLIENT_METRICS, "", ("metrics", SET, "a"))
    describe(ask, "client metrics that were set", ENDS, CLIENT_METRICS, name, include_synonyms=True)
    key = "consumer.session.timeout.ms"
    change(ask, "a group", ENDS, GROUP, "a-group", (key, SET, "50000"))
    change(ask, "a group's bound", ENDS, GROUP, "a-group", (key, SET, "1"))
    change(ask, "a group, unknown key", ENDS, GROUP, "a-group", ("x", SET, "1"))
    change(ask, "a group, no number", ENDS, GROUP, "a-group", (key, SET, "soon"))
    change(ask, "a group without a name", ENDS, GROUP, "", (key, SET, "50000"))
    describe(ask, "a group that was set", ENDS, GROUP, "a-group", include_synonyms=True)
    logger = "org.apache.kafka.common.Cluster"
    change(ask, "a logger of another broker", ENDS, LOGGER, "2", (logger, SET, "INFO"))
    change(ask, "a logger nobody has", ENDS, LOGGER, ME, ("no.such.Logger", SET, "INFO"))
    change(ask, "a logger, deleted", ENDS, LOGGER, ME, ("root", DELETE, None))
    change(ask, "a logger, taken from", ENDS, LOGGER, ME, ("root", SUBTRACT, "INFO"))
    change(ask, "a logger's level", ENDS, LOGGER, ME, ("root", SET, "INFO"))
    change(ask, "a logger, nothing", ENDS, LOGGER, ME)
    change(ask, "the loggers of nobody", ENDS, LOGGER, "me", ("root", SET, "INFO"))
    change(ask, "a logger, no such level", ENDS, LOGGER, ME, ("root", SET, "LOUD"))
    change(ask, "a logger, appended", ENDS, LOGGER, ME, ("root", APPEND, "INFO"))
    alter_loggers(ask)


def alter_loggers(ask):
    ours = "kafka.server.BrokerServer", "kafka.log.LogManager"

    def logger(name, *changes, versions=ENDS, then=True, **more):
        change(ask, "loggers: " + name, versions, LOGGER, ME, *changes, **more)
        if then:
            which = "after: loggers, " + name
            describe(ask, which, LAST, LOGGER, ME, "root", *ours, include_synonyms=True)

    for level in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"):
        logger(level, (ours[0], SET, level))
    for level in ("OFF", "ALL", "debug", " INFO", ""):
        logger("no level %r" % level, (ours[0], SET, level))
    logger("null", (ours[0], SET, None))
    logger("deleted", (ours[0], DELETE, None))
    logger("deleted, with a level", (ours[0], DELETE, "INFO"))
    logger("two", (ours[0], SET, "ERROR"), (ours[1], SET, "DEBUG"))
    logger("two, one of them nobody's", (ours[0], SET, "INFO"), ("no.such.Logger", SET, "INFO"))
    logger("root", ("root", SET, "ERROR"))
    logger("root again", ("root", SET, "INFO"))
    logger("one deleted", (ours[0], DELETE, None))
    logger("one twice", (ours[0], SET, "INFO"), (ours[0], SET, "DEBUG"))
    logger("validated", (ours[1], SET, "FATAL"), validate_only=True)
    logger("no name", ("", SET, "INFO"))
    logger("only a part of a name", ("kafka.server", SET, "INFO"))
    for operation in (APPEND, SUBTRACT, 4, -1):
        logger("operation %d" % operation, (ours[1], operation, "INFO"))
        logger("operation %d of nobody's" % operation, ("no.such", operation, "INFO"), then=False)
    # Levels count at once, before the rest of the request is looked at.
    spoiled = resource(TOPIC, "changed", ("retention.ms", 9, "1"))
    body = dict(resources=[resource(LOGGER, ME, (ours[1], SET, "WARN")), spoiled])
    ask("IncrementalAlterConfigs", "loggers: beside what spoils the request", ENDS, body)
    body = dict(resources=[resource(LOGGER, ME, (ours[0], 7, "WARN")), several_good()])
    ask("IncrementalAlterConfigs", "loggers: spoiled, and a topic", ENDS, body)
    body = dict(resources=[resource(LOGGER, ME, (ours[0], SET, "WARN"))] * 2)
    ask("IncrementalAlterConfigs", "loggers: one resource twice", ENDS, body)
    logger("and back", (ours[1], DELETE, None))
    for broker in ("01", " 1", "-1"):
        change(ask, "the loggers of %r" % broker, ENDS, LOGGER, broker, (ours[0], SET, "INFO"))


def several_good():
    return resource(TOPIC, "changed", ("segment.ms", SET, "77777"))


def every_key(ask):
    """Each key there is, set to what cannot be, what is just out of bounds, and its default."""
    for setting in SETTINGS:
        if setting.name.startswith(GREGORS_OWN):
            continue
        kind, target = {
            "topic": (TOPIC, "changed"),
            "broker": (BROKER, ME),
            "group": (GROUP, "a-group"),
            "client-metrics": (CLIENT_METRICS, "metrics"),
        }[setting.scope]
        values = [("no such value", "?")]
        if setting.minimum.lstrip("-").isdigit():
            values.append(("below its least", str(int(setting.minimum) - 1)))
        if setting.maximum.isdigit() and int(setting.maximum) < 2**31 - 1:
            values.append(("over its most", str(int(setting.maximum) + 1)))
        if setting.default() is not None:
            values.append(("its default", setting.default()))
        for what, value in values:
            name = "%s %s: %s" % (setting.scope, setting.name, what)
            change(ask, name, LAST, kind, target, (setting.name, SET, value), validate_only=True)


# --- AlterConfigs ---------------------------------------------------------------------------------


def alter_whole(ask):
    def whole(name, kind, target, *configs, versions=ALL, then=True, **more):
        entry = dict(
            resource_type=kind,
            resource_name=target,
            configs=[dict(name=key, value=value) for key, value in configs],
        )
        ask("AlterConfigs", name, versions, dict(dict(resources=[entry]), **more))
        if then:
            describe(ask, "after AlterConfigs: " + name, LAST, kind, target, include_synonyms=True)

    retention = "retention.ms"
    whole("two keys", TOPIC, "changed", (retention, "88"), ("segment.ms", "99"))
    whole("one of them", TOPIC, "changed", (retention, "88"))
    whole("none", TOPIC, "changed")
    whole("null", TOPIC, "changed", (retention, None))
    whole("an unknown key", TOPIC, "changed", ("no.such.key", "1"))
    whole("no number", TOPIC, "changed", (retention, "soon"))
    whole("a key twice", TOPIC, "changed", (retention, "1"), (retention, "2"))
    whole("validated", TOPIC, "changed", (retention, "5"), validate_only=True)
    whole("an unknown topic", TOPIC, "absent", (retention, "1"), then=False)
    whole("no name", TOPIC, "", (retention, "1"), then=False)
    whole("the broker", BROKER, ME, ("log.retention.ms", "86400000"), versions=ENDS, then=False)
    whole("the broker, nothing", BROKER, ME, versions=ENDS, then=False)
    whole("all brokers", BROKER, "", ("log.retention.ms", "86400000"), versions=ENDS)
    whole("all brokers, nothing", BROKER, "", versions=ENDS)
    whole("another broker", BROKER, "2", ("log.retention.ms", "1"), versions=ENDS, then=False)
    whole("a key that needs a restart", BROKER, ME, ("num.partitions", "7"), then=False)
    whole("a logger", LOGGER, ME, ("root", "INFO"), versions=ENDS, then=False)
    whole("client metrics", CLIENT_METRICS, "whole", ("interval.ms", "5000"), versions=ENDS)
    whole("client metrics, nothing", CLIENT_METRICS, "whole", versions=ENDS)
    for kind in NO_KINDS:
        whole("kind %d" % kind, kind, "x", ("a", "1"), versions=ENDS, then=False)
    ask("AlterConfigs", "nothing", ALL, dict(resources=[]))
    entry = dict(
        resource_type=TOPIC, resource_name="changed", configs=[dict(name=retention, value="1")]
    )
    ask("AlterConfigs", "one twice", ALL, dict(resources=[entry, entry]), patience_s=3)


# --- the others -----------------------------------------------------------------------------------


def list_config_resources(ask):
    for kinds in ([], [TOPIC], [BROKER], [LOGGER], [CLIENT_METRICS], [GROUP], [TOPIC, GROUP]):
        ask("ListConfigResources", "kinds %s" % kinds, ALL, dict(resource_types=kinds))
    for kinds in ([77], [UNKNOWN], [-1], [TOPIC, 77], [TOPIC, TOPIC]):
        ask("ListConfigResources", "kinds %s" % kinds, LAST, dict(resource_types=kinds))


def quotas(ask):
    def alter(name, *entries, versions=ALL, **more):
        """An entry is ({entity type: name}, {key: value or None to remove})."""
        body = [
            dict(
                entity=[dict(entity_type=t, entity_name=n) for t, n in entity],
                ops=[dict(key=k, value=v or 0.0, remove=v is None) for k, v in ops],
            )
            for entity, ops in entries
        ]
        ask("AlterClientQuotas", name, versions, dict(dict(entries=body), **more))

    def about(name, *components, strict=False):
        body = [dict(entity_type=t, match_type=how, match=match) for t, how, match in components]
        ask("DescribeClientQuotas", name, ALL, dict(components=body, strict=strict))

    ann, any_user = [("user", "ann")], [("user", None)]
    client = [("client-id", "app")]
    rate = [("producer_byte_rate", 1024.0)]
    alter("a user", (ann, rate))
    alter("the users' default", (any_user, rate))
    alter("a client", (client, [("consumer_byte_rate", 2048.5), ("request_percentage", 50.0)]))
    alter("a user's client", (ann + client, rate))
    alter("a user's client, the other way round", (client + ann, rate))
    alter("an address", ([("ip", "127.0.0.9")], [("connection_creation_rate", 100.0)]))
    alter("the addresses' default", ([("ip", None)], [("connection_creation_rate", 100.0)]))
    alter("no address", ([("ip", "no such host.")], [("connection_creation_rate", 1.0)]))
    alter("an address and a user", ([("ip", "127.0.0.9")] + ann, rate))
    alter("an address's bytes", ([("ip", "127.0.0.9")], rate))
    alter("a user's connections", (ann, [("connection_creation_rate", 1.0)]))
    alter("an unknown key", (ann, [("no_such_rate", 1.0)]))
    alter("a key twice", (ann, rate + rate))
    alter("an unknown kind", ([("planet", "mars")], rate))
    alter("a kind twice", (ann + [("user", "bob")], rate))
    alter("no entity", ([], rate))
    alter("an empty name", ([("user", "")], rate))
    alter("no keys", (ann, []))
    for value in (0.0, -1.0, 0.5, 1e300, float("inf"), float("nan")):
        alter("the rate %r" % value, (ann, [("producer_byte_rate", value)]), versions=LAST)
    alter("connections of 0.5", ([("ip", "127.0.0.8")], [("connection_creation_rate", 0.5)]))
    alter("mutations", (ann, [("controller_mutation_rate", 10.0)]))
    alter("validated", (ann, [("request_percentage", 3.0)]), validate_only=True)
    alter("good and bad", (ann, rate), (ann, [("no_such_rate", 1.0)]), ([("user", "bob")], rate))
    alter("one twice", (ann, rate), (ann, [("consumer_byte_rate", 7.0)]))
    alter("nothing")
    exact, default, any_name = 0, 1, 2
    about("all")
    about("all, strictly", strict=True)
    about("a user", ("user", exact, "ann"))
    about("a user, strictly", ("user", exact, "ann"), strict=True)
    about("the users' default", ("user", default, None))
    about("any user", ("user", any_name, None))
    about("any user, strictly", ("user", any_name, None), strict=True)
    about("a client", ("client-id", exact, "app"))
    about("a user's client", ("user", exact, "ann"), ("client-id", exact, "app"))
    about("any user's any client", ("user", any_name, None), ("client-id", any_name, None))
    about("an address", ("ip", exact, "127.0.0.9"))
    about("any address", ("ip", any_name, None), strict=True)
    about("an address and a user", ("ip", any_name, None), ("user", any_name, None))
    about("an unknown user", ("user", exact, "nobody"))
    about("an unknown kind", ("planet", exact, "mars"))
    about("no kind", ("", exact, "mars"))
    about("a kind twice", ("user", exact, "ann"), ("user", exact, "bob"))
    about("a match of no kind", ("user", 9, "ann"))
    about("exactly null", ("user", exact, None))
    about("the default and a name", ("user", default, "ann"))
    about("any and a name", ("user", any_name, "ann"))
    alter("remove", (ann, [("producer_byte_rate", None)]))
    alter("remove what is not set", (ann, [("consumer_byte_rate", None)]))
    alter("remove an unknown key", (ann, [("no_such_rate", None)]))
    about("what is left", ("user", any_name, None))


def bent(script):
    one = dict(resource_type=TOPIC, resource_name="orders", configuration_keys=["retention.ms"])
    script.bent("DescribeConfigs", dict(resources=[one]))
    unknown = resource(TOPIC, "absent", ("retention.ms", SET, "1"))
    script.bent("IncrementalAlterConfigs", dict(resources=[unknown]))
    unknown = dict(resource_type=TOPIC, resource_name="absent", configs=[dict(name="a", value="1")])
    script.bent("AlterConfigs", dict(resources=[unknown]))
    script.bent("ListConfigResources", dict(resource_types=[TOPIC]))
    who = [dict(entity_type="user", match_type=0, match="ann")]
    script.bent("DescribeClientQuotas", dict(components=who, strict=False))
    script.bent("AlterClientQuotas", dict(entries=[dict(entity=[], ops=[])]))
