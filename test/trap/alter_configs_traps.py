"""AlterConfigs, the settings of brokers, groups and metrics, and ListConfigResources."""

import kafka_wire as wire
from node import same, wait_until

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
FROM_TOPIC, FROM_BROKER, FROM_CLUSTER, FROM_FILE, FROM_DEFAULT = range(1, 6)
FROM_METRICS, FROM_GROUP = 7, 8
NODE = "1"
PLAINTEXT = "listener.name.plaintext."
PER_LISTENER = (
    "These security configs can be dynamically updated only per-listener using the listener "
    "prefix: [%s]"
)
AT_DEFAULT = "Cannot update these configs at default cluster level, broker id must be specified: "
WRAPPED = (
    "Invalid value org.apache.kafka.common.config.ConfigException: %s for configuration Invalid "
    "dynamic configuration"
)


def replace(world, kind, name, pairs, version=2, validate_only=False):
    """(error, message) of AlterConfigs for one resource"""
    answer = world.call(
        "AlterConfigs",
        version,
        validate_only=validate_only,
        resources=[
            dict(
                resource_type=kind,
                resource_name=name,
                configs=[dict(name=key, value=value) for key, value in pairs],
            )
        ],
    )
    same([(r["resource_type"], r["resource_name"]) for r in answer["responses"]], [(kind, name)])
    return answer["responses"][0]["error_code"], answer["responses"][0]["error_message"]


def alter(world, kind, name, *changes, validate_only=False):
    """(error, message) of IncrementalAlterConfigs; changes are (key, operation, value)"""
    answer = world.call(
        "IncrementalAlterConfigs",
        1,
        validate_only=validate_only,
        resources=[
            dict(
                resource_type=kind,
                resource_name=name,
                configs=[
                    dict(name=key, config_operation=operation, value=value)
                    for key, operation, value in changes
                ],
            )
        ],
    )
    return answer["responses"][0]["error_code"], answer["responses"][0]["error_message"]


def entries(world, kind, name, keys=None):
    answer = world.call(
        "DescribeConfigs",
        4,
        resources=[dict(resource_type=kind, resource_name=name, configuration_keys=keys)],
        include_synonyms=True,
    )
    same(answer["results"][0]["error_code"], 0)
    return {c["name"]: c for c in answer["results"][0]["configs"]}


def found(world, kind, name, source):
    """{key: value} of what comes from that source"""
    return {
        key: entry["value"]
        for key, entry in entries(world, kind, name).items()
        if entry["config_source"] == source
    }


def becomes(world, kind, name, source, wanted):
    """The broker follows the metadata, in Kafka a moment later."""
    wait_until(
        lambda: found(world, kind, name, source) == wanted,
        5,
        "%s %s: %s, not %s" % (kind, name, wanted, found(world, kind, name, source)),
    )


# --- AlterConfigs ---------------------------------------------------------------------------------


def trap_replace(world):
    """what is not named falls to its default, in every version; validate only changes nothing"""
    name = world.topic()
    for version in range(3):
        two = [("retention.ms", "777"), ("cleanup.policy", "compact")]
        same(replace(world, TOPIC, name, two, version), (0, None))
        becomes(world, TOPIC, name, FROM_TOPIC, dict(two))
        same(replace(world, TOPIC, name, [("segment.bytes", "2000000")], version), (0, None))
        becomes(world, TOPIC, name, FROM_TOPIC, {"segment.bytes": "2000000"})
        same(replace(world, TOPIC, name, [], version, validate_only=True), (0, None))
        becomes(world, TOPIC, name, FROM_TOPIC, {"segment.bytes": "2000000"})
        same(replace(world, TOPIC, name, [], version), (0, None))
        becomes(world, TOPIC, name, FROM_TOPIC, {})
    same(world.call("AlterConfigs", 2, resources=[])["responses"], [])


def trap_replace_refused(world):
    """nulls and keys twice: error 42; unknown keys and bad values: error 40; Kafka's words"""
    name, absent = world.topic(), world.name("absent")
    for pairs, expected in (
        ([("retention.ms", None)], (42, "Null value not supported for : retention.ms")),
        (
            [("retention.ms", None), ("segment.ms", None)],
            (42, "Null value not supported for : retention.ms, segment.ms"),
        ),
        (
            [("retention.ms", "1"), ("retention.ms", "2")],
            (42, "Error due to duplicate config keys"),
        ),
        ([("no.such", "1")], (40, "Unknown topic config name: no.such")),
        (
            [("retention.ms", "soon")],
            (40, "Invalid value soon for configuration retention.ms: Not a number of type LONG"),
        ),
    ):
        same(replace(world, TOPIC, name, pairs), expected)
    same(replace(world, TOPIC, absent, []), (3, "The topic '%s' does not exist." % absent))
    same(replace(world, TOPIC, "a b", [])[0], 17)
    same(replace(world, TOPIC, "", []), (42, "Default topic resources are not allowed."))
    same(replace(world, LOGGER, NODE, [("root", "INFO")]), (42, "Unknown resource type 8"))
    same(replace(world, 77, "x", []), (42, "Unknown resource type 77"))
    same(found(world, TOPIC, name, FROM_TOPIC), {})


def trap_replace_broker(world):
    """a broker's, by its own id alone; the cluster's min.insync.replicas must not go"""
    same(replace(world, BROKER, NODE, [("log.retention.ms", "1000000")]), (0, None))
    becomes(world, BROKER, NODE, FROM_BROKER, {"log.retention.ms": "1000000"})
    same(replace(world, BROKER, NODE, []), (0, None))
    becomes(world, BROKER, NODE, FROM_BROKER, {})
    same(
        replace(world, BROKER, "5", []),
        (42, "Unexpected broker id, expected 1, but received 5"),
    )
    same(replace(world, BROKER, "me", []), (42, "Node id must be an integer, but it is: me"))
    same(
        replace(world, BROKER, NODE, [("node.id", "5")]),
        (42, "Cannot update these configs dynamically: [node.id]"),
    )
    lasting = ("min.insync.replicas", "1")
    same(
        replace(world, BROKER, NODE, [lasting]),
        (40, "Broker-level min.insync.replicas cannot be altered while ELR is enabled."),
    )
    same(
        replace(world, BROKER, "", [("log.retention.ms", "2000000")]),
        (40, "Cluster-level min.insync.replicas cannot be removed while ELR is enabled."),
    )
    same(replace(world, BROKER, "", [("log.retention.ms", "2000000"), lasting]), (0, None))
    becomes(world, BROKER, "", FROM_CLUSTER, {"log.retention.ms": "2000000", lasting[0]: "1"})
    same(replace(world, BROKER, "", [lasting]), (0, None))
    becomes(world, BROKER, "", FROM_CLUSTER, dict([lasting]))


def trap_groups_and_metrics(world):
    """groups and subscriptions have settings though nobody has seen them"""
    group, subscription = world.name("g"), world.name("s")
    same(replace(world, GROUP, group, [("consumer.session.timeout.ms", "50000")]), (0, None))
    becomes(world, GROUP, group, FROM_GROUP, {"consumer.session.timeout.ms": "50000"})
    same(
        replace(world, GROUP, group, [("consumer.session.timeout.ms", "5")]),
        (
            40,
            "consumer.session.timeout.ms must be greater than or equal to "
            "group.consumer.min.session.timeout.ms",
        ),
    )
    same(replace(world, GROUP, group, [("no", "5")]), (40, "Unknown group config name: no"))
    same(replace(world, GROUP, "", []), (42, "Default group resources are not allowed."))
    pairs = dict(match="client_id=a.*", metrics="a,b")
    every = [("interval.ms", "5000"), *pairs.items()]
    same(replace(world, METRICS, subscription, every), (0, None))
    becomes(world, METRICS, subscription, FROM_METRICS, {"interval.ms": "5000", **pairs})
    same(
        replace(world, METRICS, subscription, [("interval.ms", "5")]),
        (
            42,
            "Invalid value 5 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
        ),
    )
    same(
        replace(world, METRICS, subscription, [("match", "foo=1")]),
        (40, "Illegal client matching pattern: foo=1"),
    )
    same(
        replace(world, METRICS, subscription, [("no", "5")]),
        (42, "Unknown client metrics configuration: no"),
    )
    same(replace(world, METRICS, "", []), (42, "Subscription name can't be empty"))
    same(
        alter(world, METRICS, subscription, ("metrics", APPEND, "c")),
        (40, "Can't APPEND to key metrics because its type is not LIST."),
    )
    for kind, name in ((GROUP, group), (METRICS, subscription)):
        same(replace(world, kind, name, []), (0, None))


# --- brokers --------------------------------------------------------------------------------------


def trap_broker_refused(world):
    """keys that a running broker cannot take, and values that do not fit: error 42, in words"""
    for name, changes, message in (
        (NODE, [("node.id", SET, "5")], "Cannot update these configs dynamically: [node.id]"),
        ("", [("node.id", SET, "5")], "Cannot update these configs dynamically: [node.id]"),
        (NODE, [("ssl.keystore.location", SET, "/x")], PER_LISTENER % "ssl.keystore.location"),
        ("", [("listeners", SET, "PLAINTEXT://:1")], AT_DEFAULT + "[listeners]"),
        (
            NODE,
            [("num.io.threads", SET, "100")],
            WRAPPED
            % "Dynamic thread count update validation failed for num.io.threads=100, value should "
            "not be greater than double the current value 8",
        ),
        (
            NODE,
            [("num.io.threads", SET, "1")],
            WRAPPED
            % "Dynamic thread count update validation failed for num.io.threads=1, value should be "
            "at least half the current value 8",
        ),
        (
            NODE,
            [("log.cleaner.dedupe.buffer.size", SET, "10")],
            "requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner "
            "thread.",
        ),
        (
            NODE,
            [("log.retention.ms", SET, "0")],
            "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal "
            "to 1",
        ),
        (
            "",
            [("log.roll.ms", SET, "0")],
            "requirement failed: log.roll.ms must be greater than or equal to 1",
        ),
        (
            NODE,
            [("log.local.retention.ms", SET, "999999999999")],
            WRAPPED
            % "Invalid value 999999999999 for configuration log.local.retention.ms: Value must not "
            "be more than log.retention.ms property value: 604800000",
        ),
        (
            NODE,
            [("listener.name.plaintext.max.connections", SET, "-3")],
            "Invalid value -3 for configuration max.connections: Value must be at least 0",
        ),
        (NODE, [("log.retention.ms", 9, "1")], "Unknown operations type 9"),
    ):
        same(alter(world, BROKER, name, *changes), (42, message), changes[0][0])
    same(found(world, BROKER, NODE, FROM_BROKER), {})


def trap_broker_unfixed(world):
    """deleting a key that cannot be set is no error; an unknown one is kept as a secret"""
    same(alter(world, BROKER, NODE, ("node.id", DELETE, None)), (0, None))
    same(alter(world, BROKER, NODE, ("my.key", SET, "5")), (0, None))
    same(alter(world, BROKER, NODE, ("my.key", APPEND, "5")), (40, "Unknown config name: my.key"))
    same(alter(world, BROKER, "", ("my.key", SET, "6"), ("my.other", SET, "7")), (0, None))
    wait_until(lambda: {"my.key", "my.other"} <= set(entries(world, BROKER, NODE)), 5)
    both = entries(world, BROKER, NODE, ["my.key", "my.other"])
    for key, sources in (("my.key", [FROM_BROKER, FROM_CLUSTER]), ("my.other", [FROM_CLUSTER])):
        entry = both[key]
        same(
            (entry["value"], entry["is_sensitive"], entry["read_only"], entry["config_type"]),
            (None, True, True, 0),
        )
        same(entry["config_source"], sources[0])
        same(
            [(s["name"], s["value"], s["source"]) for s in entry["synonyms"]],
            [(key, None, source) for source in sources],
        )
    shared = entries(world, BROKER, "")["my.other"]
    same((shared["value"], shared["config_source"]), (None, FROM_CLUSTER))
    for name in (NODE, ""):
        same(alter(world, BROKER, name, ("my.key", DELETE, None), ("my.other", DELETE, None))[0], 0)
    wait_until(lambda: "my.key" not in entries(world, BROKER, NODE), 5)


def trap_broker_listener_keys(world):
    """a listener's own key: kept, shown with its type and what it stands before"""
    own, jaas = PLAINTEXT + "max.connections", PLAINTEXT + "plain.sasl.jaas.config"
    idle = PLAINTEXT + "connections.max.idle.ms"
    changes = (own, SET, "500"), (jaas, SET, "x"), (idle, SET, "1000")
    same(alter(world, BROKER, NODE, *changes), (0, None))
    same(alter(world, BROKER, "", (own, SET, "600")), (0, None))
    same(alter(world, BROKER, "", (idle, SET, "5")), (42, AT_DEFAULT + "[%s]" % idle))

    def synonyms():
        return entries(world, BROKER, NODE, [own]).get(own, {}).get("synonyms", [])

    wait_until(lambda: len(synonyms()) == 3, 5)
    shown = entries(world, BROKER, NODE, [own, jaas, idle])
    entry = shown[own]
    same(
        (entry["value"], entry["config_source"], entry["config_type"], entry["read_only"]),
        ("500", FROM_BROKER, 3, True),
    )
    same(
        [(s["name"], s["value"], s["source"]) for s in entry["synonyms"]],
        [
            (own, "500", FROM_BROKER),
            (own, "600", FROM_CLUSTER),
            ("max.connections", "2147483647", FROM_DEFAULT),
        ],
    )
    entry = shown[jaas]
    same((entry["value"], entry["is_sensitive"], entry["config_type"]), (None, True, 9))
    same(shown[idle]["config_type"], 5)
    same([s["name"] for s in shown[idle]["synonyms"]], [idle, "connections.max.idle.ms"])
    changes = [(key, DELETE, None) for key in (own, jaas, idle)]
    same(alter(world, BROKER, NODE, *changes), (0, None))
    same(alter(world, BROKER, "", (own, DELETE, None))[0], 0)
    wait_until(lambda: own not in entries(world, BROKER, NODE), 5)


def trap_broker_layers(world):
    """a broker's value before the cluster's before the file's; topics inherit it"""
    name = world.topic()
    same(alter(world, BROKER, "", ("log.retention.ms", SET, "4444444")), (0, None))
    same(alter(world, BROKER, NODE, ("log.retention.ms", SET, "555555")), (0, None))
    layers = [
        ("log.retention.ms", "555555", FROM_BROKER),
        ("log.retention.ms", "4444444", FROM_CLUSTER),
        ("log.retention.hours", "168", FROM_DEFAULT),
    ]

    def synonyms(kind, resource, key):
        return [
            (s["name"], s["value"], s["source"])
            for s in entries(world, kind, resource, [key])[key]["synonyms"]
        ]

    wait_until(lambda: synonyms(BROKER, NODE, "log.retention.ms") == layers, 5)
    wait_until(lambda: synonyms(TOPIC, name, "retention.ms") == layers, 5)
    same(entries(world, TOPIC, name, ["retention.ms"])["retention.ms"]["value"], "555555")
    for resource in (NODE, ""):
        same(alter(world, BROKER, resource, ("log.retention.ms", DELETE, None)), (0, None))
    wait_until(lambda: found(world, BROKER, NODE, FROM_BROKER) == {}, 5)


def trap_broker_takes_effect(world):
    """message.max.bytes of all brokers holds for the next produce"""
    name, batch = world.topic(), wire.batch([b"x" * 5000])
    same(world.append(name, batch), 0)
    same(alter(world, BROKER, "", ("message.max.bytes", SET, "1000")), (0, None))
    wait_until(lambda: world.produce(name, batch)["error_code"] == 10, 5, "refused")
    same(alter(world, BROKER, NODE, ("message.max.bytes", SET, "9000")), (0, None))
    wait_until(lambda: world.produce(name, batch)["error_code"] == 0, 5, "its own is stronger")
    for resource in (NODE, ""):
        same(alter(world, BROKER, resource, ("message.max.bytes", DELETE, None)), (0, None))


def produced(world, name, **header):
    """The answer to a batch, and the batch as it is stored, if it is."""
    answer = world.produce(name, wire.batch([b"x" * 200], **header))
    if answer["error_code"] != 0:
        return answer, None
    fetched = world.fetch(name, answer["base_offset"])
    return answer, wire.batches(fetched["records"])[0]


def trap_broker_keys_act(world):
    """what is set for all brokers holds for the next batch of a topic that was there before"""
    name, hour = world.topic(), 3600 * 1000

    def acts(key, value, holds):
        same(holds(), False, key + " before")
        same(alter(world, BROKER, "", (key, SET, value)), (0, None))
        wait_until(holds, 5, "%s=%s" % (key, value))
        same(alter(world, BROKER, "", (key, DELETE, None)), (0, None))
        wait_until(lambda: not holds(), 5, key + " is back")

    acts("compression.type", "gzip", lambda: produced(world, name)[1].attributes & 7 == wire.GZIP)
    acts(
        "log.message.timestamp.type",
        "LogAppendTime",
        lambda: produced(world, name)[0]["log_append_time_ms"] > 0,
    )
    acts(
        "log.message.timestamp.before.max.ms",
        "1000",
        lambda: produced(world, name, timestamp=wire.now_ms() - hour)[0]["error_code"] == 32,
    )
    acts(
        "log.message.timestamp.after.max.ms",
        str(3 * hour),
        lambda: produced(world, name, timestamp=wire.now_ms() + 2 * hour)[0]["error_code"] == 0,
    )
    acts("message.max.bytes", "100", lambda: produced(world, name)[0]["error_code"] == 10)


# --- ListConfigResources --------------------------------------------------------------------------


def listed(world, *types, version=1):
    answer = world.call(
        "ListConfigResources", version, **(dict(resource_types=types) if version else {})
    )
    return answer["error_code"], [
        (r.get("resource_type"), r["resource_name"]) for r in answer["config_resources"]
    ]


def trap_list_resources(world):
    """topics and brokers are there; groups and subscriptions when they have settings"""
    topic, group, subscription = world.topic(), world.name("g"), world.name("s")
    same(replace(world, GROUP, group, [("consumer.session.timeout.ms", "50000")]), (0, None))
    same(replace(world, METRICS, subscription, [("interval.ms", "5000")]), (0, None))
    wanted = {(TOPIC, topic), (BROKER, NODE), (LOGGER, NODE)}
    wanted |= {(METRICS, subscription), (GROUP, group)}
    wait_until(lambda: wanted <= set(listed(world)[1]), 5)
    for kind, name in sorted(wanted):
        error, resources = listed(world, kind)
        same((error, (kind, name) in resources, {k for k, _ in resources}), (0, True, {kind}))
    same({k for k, _ in listed(world, TOPIC, TOPIC, GROUP)[1]}, {TOPIC, GROUP})
    same((None, subscription) in listed(world, version=0)[1], True)
    same((None, group) in listed(world, version=0)[1], False)
    same(replace(world, GROUP, group, []), (0, None))
    same(replace(world, METRICS, subscription, []), (0, None))
    wait_until(lambda: not {(GROUP, group), (METRICS, subscription)} & set(listed(world)[1]), 5)


def trap_list_unknown_types(world):
    """a type that is none: error 35, whatever else is asked"""
    for types in ((0,), (1,), (3,), (77,), (TOPIC, 77)):
        same(listed(world, *types), (35, []))
