"""DescribeConfigs and IncrementalAlterConfigs of topics."""

import kafka_wire as wire
from node import same, wait_until

TOPIC, BROKER = 2, 4
SET, DELETE, APPEND, SUBTRACT = range(4)
FROM_TOPIC, FROM_DEFAULT = 1, 5
# What Kafka 4.3.1 lists of a topic; gregor has keys of its own beside them.
KEYS = """
cleanup.policy compression.gzip.level compression.lz4.level compression.type
compression.zstd.level delete.retention.ms file.delete.delay.ms flush.messages flush.ms
follower.replication.throttled.replicas index.interval.bytes
leader.replication.throttled.replicas local.retention.bytes local.retention.ms
max.compaction.lag.ms max.message.bytes message.timestamp.after.max.ms
message.timestamp.before.max.ms message.timestamp.type min.cleanable.dirty.ratio
min.compaction.lag.ms min.insync.replicas preallocate remote.log.copy.disable
remote.log.delete.on.disable remote.storage.enable retention.bytes retention.ms segment.bytes
segment.index.bytes segment.jitter.ms segment.ms unclean.leader.election.enable
""".split()


def describe(world, name, keys=None, version=4, kind=TOPIC, **more):
    answer = world.call(
        "DescribeConfigs",
        version,
        resources=[dict(resource_type=kind, resource_name=name, configuration_keys=keys)],
        **more
    )
    return answer["results"][0]


def values(world, name, *keys):
    result = describe(world, name, list(keys))
    same(result["error_code"], 0)
    return {c["name"]: (c["value"], c["config_source"]) for c in result["configs"]}


def alter(world, name, *changes, kind=TOPIC, version=1, validate_only=False):
    """changes are (key, operation, value)."""
    answer = world.call(
        "IncrementalAlterConfigs",
        version,
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
    same([(r["resource_type"], r["resource_name"]) for r in answer["responses"]], [(kind, name)])
    return answer["responses"][0]["error_code"]


def trap_all_keys(world):
    """null keys: every key of a topic, in every version"""
    name = world.topic(retention_ms="777")
    for version in range(1, 5):
        result = describe(world, name, version=version)
        same(
            (result["error_code"], result["resource_type"], result["resource_name"]),
            (0, TOPIC, name),
        )
        by_name = {c["name"]: c for c in result["configs"]}
        same([key for key in KEYS if key not in by_name], [], "keys left out")
        same(
            (by_name["retention.ms"]["value"], by_name["retention.ms"]["config_source"]),
            ("777", FROM_TOPIC),
        )
        same(
            (by_name["cleanup.policy"]["value"], by_name["cleanup.policy"]["config_source"]),
            ("delete", FROM_DEFAULT),
        )
        same({c["read_only"] or c["is_sensitive"] for c in result["configs"]}, {False})
        same({len(c["synonyms"]) for c in result["configs"]}, {0})


def trap_some_keys(world):
    """keys asked for: these only; unknown ones are left out; an empty list is every key"""
    name = world.topic()
    same(
        sorted(values(world, name, "retention.ms", "no.such.key", "segment.bytes")),
        ["retention.ms", "segment.bytes"],
    )
    every = [c["name"] for c in describe(world, name, [])["configs"]]
    same([key for key in KEYS if key not in every], [], "keys left out")


def trap_synonyms(world):
    """synonyms: where a value comes from, a default by the broker's name for it"""
    name = world.topic(retention_ms="777")
    result = describe(world, name, ["retention.ms", "cleanup.policy"], include_synonyms=True)
    synonyms = {
        c["name"]: [(s["name"], s["value"], s["source"]) for s in c["synonyms"]]
        for c in result["configs"]
    }
    same(
        synonyms,
        {
            "retention.ms": [("retention.ms", "777", FROM_TOPIC)],
            "cleanup.policy": [("log.cleanup.policy", "delete", FROM_DEFAULT)],
        },
    )


def trap_types(world):
    """from version 3 on: the type of each key, the documentation when asked for"""
    name = world.topic()
    plain = {c["name"]: c for c in describe(world, name)["configs"]}
    same(
        [
            plain[k]["config_type"]
            for k in (
                "preallocate",
                "compression.type",
                "segment.bytes",
                "retention.ms",
                "min.cleanable.dirty.ratio",
                "cleanup.policy",
            )
        ],
        [1, 2, 3, 5, 6, 7],
    )
    same({c["documentation"] for c in plain.values()}, {None})
    told = describe(world, name, ["retention.ms"], include_documentation=True)["configs"][0]
    same(len(told["documentation"]) > 10, True)


def trap_unknown_topic(world):
    """an unknown topic: error 3 and no keys; an invalid name: 17"""
    result = describe(world, world.name("absent"))
    same((result["error_code"], result["configs"]), (3, []))
    same(describe(world, "a b")["error_code"], 17)


def trap_unknown_kind(world):
    """a kind of resource that is none: error 42"""
    for kind in (0, 3, 77):
        same(describe(world, "x", kind=kind)["error_code"], 42, "kind %d" % kind)


def trap_broker(world):
    """a broker's keys by its id; another id or none: error 42"""
    me = world.call("Metadata", 12, topics=[])["brokers"][0]["node_id"]
    result = describe(world, str(me), kind=BROKER)
    by_name = {c["name"]: c for c in result["configs"]}
    same(by_name["node.id"]["value"], str(me))
    same(by_name["node.id"]["read_only"], True)
    same(by_name["log.dirs"]["config_source"], 4)
    same("num.partitions" in by_name, True)
    same(describe(world, str(me + 55), kind=BROKER)["error_code"], 42)
    same(describe(world, "me", kind=BROKER)["error_code"], 42)


def trap_several(world):
    """several resources in one request, good and bad"""
    name = world.topic()
    answer = world.call(
        "DescribeConfigs",
        4,
        resources=[
            dict(resource_type=TOPIC, resource_name=n, configuration_keys=["retention.ms"])
            for n in (name, world.name("absent"))
        ],
    )
    same([(r["error_code"], len(r["configs"])) for r in answer["results"]], [(0, 1), (3, 0)])


# --- IncrementalAlterConfigs ----------------------------------------------------------------------


def trap_set_and_delete(world):
    """set, then delete: the default is back"""
    name = world.topic()
    for version in (0, 1):
        same(alter(world, name, ("retention.ms", SET, "4321"), version=version), 0)
        wait_until(
            lambda: values(world, name, "retention.ms") == {"retention.ms": ("4321", FROM_TOPIC)}, 5
        )
        same(alter(world, name, ("retention.ms", DELETE, None), version=version), 0)
        wait_until(
            lambda: values(world, name, "retention.ms")["retention.ms"][1] == FROM_DEFAULT, 5
        )


def trap_lists(world):
    """append to and subtract from a list; twice is once; other keys are not touched"""
    name = world.topic(retention_ms="777")
    same(alter(world, name, ("cleanup.policy", APPEND, "compact")), 0)
    wait_until(
        lambda: values(world, name, "cleanup.policy")["cleanup.policy"][0] == "delete,compact", 5
    )
    same(alter(world, name, ("cleanup.policy", APPEND, "compact")), 0)
    same(alter(world, name, ("cleanup.policy", SUBTRACT, "delete")), 0)
    wait_until(lambda: values(world, name, "cleanup.policy")["cleanup.policy"][0] == "compact", 5)
    same(values(world, name, "retention.ms"), {"retention.ms": ("777", FROM_TOPIC)})


def trap_append_to_a_number(world):
    """append to what is no list: error 40"""
    name = world.topic()
    same(alter(world, name, ("retention.ms", APPEND, "1")), 40)
    same(alter(world, name, ("retention.ms", SUBTRACT, "1")), 40)


def trap_invalid(world):
    """unknown keys and bad values: error 40, nothing changes"""
    name = world.topic()
    for key, value in (
        ("no.such.key", "1"),
        ("retention.ms", "soon"),
        ("cleanup.policy", "keep"),
        ("segment.bytes", "1"),
        ("min.insync.replicas", "0"),
    ):
        same(alter(world, name, ("max.message.bytes", SET, "2000"), (key, SET, value)), 40, key)
    same(values(world, name, "max.message.bytes")["max.message.bytes"][1], FROM_DEFAULT)


def trap_null(world):
    """a null value to set: error 42"""
    same(alter(world, world.topic(), ("retention.ms", SET, None)), 42)


def trap_same_key_twice(world):
    """a key twice in one request: error 42"""
    name = world.topic()
    same(alter(world, name, ("retention.ms", SET, "1"), ("retention.ms", SET, "2")), 42)
    same(values(world, name, "retention.ms")["retention.ms"][1], FROM_DEFAULT)


def trap_unknown_operation(world):
    """an operation that is none: refused (Kafka: error -1), nothing changes"""
    name = world.topic()
    same(alter(world, name, ("retention.ms", 9, "1")) in (-1, 42), True)
    same(values(world, name, "retention.ms")["retention.ms"][1], FROM_DEFAULT)


def trap_alter_unknown_topic(world):
    """altering an unknown topic: error 3"""
    same(alter(world, world.name("absent"), ("retention.ms", SET, "1")), 3)


def trap_alter_unknown_kind(world):
    """altering a kind that is none: error 42"""
    same(alter(world, "x", ("retention.ms", SET, "1"), kind=77), 42)


def trap_validate_only(world):
    """validate only: the same answers, and nothing changes"""
    name = world.topic()
    same(alter(world, name, ("retention.ms", SET, "4321"), validate_only=True), 0)
    same(alter(world, name, ("retention.ms", SET, "soon"), validate_only=True), 40)
    same(values(world, name, "retention.ms")["retention.ms"][1], FROM_DEFAULT)


def trap_takes_effect(world):
    """a new max.message.bytes holds for the next produce"""
    name = world.topic()
    batch = wire.batch([b"x" * 5000])
    same(world.append(name, batch), 0)
    same(alter(world, name, ("max.message.bytes", SET, "1000")), 0)
    wait_until(lambda: world.produce(name, batch)["error_code"] == 10, 5, "refused")
    same(alter(world, name, ("max.message.bytes", DELETE, None)), 0)
    wait_until(lambda: world.produce(name, batch)["error_code"] == 0, 5, "accepted again")
