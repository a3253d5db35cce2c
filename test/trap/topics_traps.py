"""CreateTopics, DeleteTopics, CreatePartitions: one answer for each topic, whatever is wrong."""

import kafka_wire as wire
from node import same, wait_until


def create(world, *topics, version=7, **more):
    """{name: error} of the answer."""
    answer = world.call("CreateTopics", version, topics=list(topics), timeout_ms=10000, **more)
    return {t["name"]: t["error_code"] for t in answer["topics"]}


def plan(name, partitions=1, factor=1, **more):
    return dict(name=name, num_partitions=partitions, replication_factor=factor, **more)


def node_id(world):
    return world.call("Metadata", 12, topics=[])["brokers"][0]["node_id"]


def absent(world, name):
    same(world.describe(name)["error_code"], 3, name + " in Metadata")


def trap_all_versions(world):
    """every version creates; from 5 on with what was made, from 7 on with the id"""
    for version in range(2, 8):
        name = world.name()
        answer = world.create(name, 2, version=version)
        same((answer["error_code"], answer["error_message"]), (0, None))
        world.wait_for(name, 2)
        if version >= 5:
            same((answer["num_partitions"], answer["replication_factor"]), (2, 1))
            same({c["name"]: c["value"] for c in answer["configs"]}["cleanup.policy"], "delete")
        if version >= 7:
            same(answer["topic_id"], world.topic_id(name))


def trap_exists(world):
    """a topic that exists: error 36 with its text"""
    name = world.topic()
    answer = world.create(name)
    same((answer["error_code"], answer["error_message"]), (36, "Topic '%s' already exists." % name))
    same(
        (answer["num_partitions"], answer["replication_factor"], answer["topic_id"]),
        (-1, -1, wire.NO_UUID),
    )


def trap_names(world):
    """names that are none: error 17; 249 characters are a name"""
    for name in ("", ".", "..", "a b", "a/b", "a,b", "ü", "x" * 250):
        same(create(world, plan(name)), {name: 17}, repr(name))
    name = world.name().ljust(249, "x")
    same(create(world, plan(name)), {name: 0})
    world.wait_for(name)


def trap_collision(world):
    """names that differ only in . and _ : error 17"""
    stem = world.name("c")
    same(create(world, plan(stem + ".a")), {stem + ".a": 0})
    same(create(world, plan(stem + "_a")), {stem + "_a": 17})


def trap_counts(world):
    """no partitions: error 37; no or too many replicas: error 38; -1 is the default"""
    for partitions in (0, -2):
        name = world.name()
        same(create(world, plan(name, partitions)), {name: 37})
    for factor in (0, -2, 2, 32767):
        name = world.name()
        same(create(world, plan(name, 1, factor)), {name: 38})
    name = world.name()
    same(create(world, plan(name, -1, -1)), {name: 0})
    world.wait_for(name)
    same(len(world.describe(name)["partitions"]), 1)


def trap_twice_in_a_request(world):
    """a name twice in one request: error 42, once, and the others are made"""
    name, other = world.name(), world.name()
    answer = world.call(
        "CreateTopics", 7, topics=[plan(name), plan(other), plan(name)], timeout_ms=10000
    )
    same(
        sorted((t["name"], t["error_code"]) for t in answer["topics"]),
        sorted([(name, 42), (other, 0)]),
    )
    absent(world, name)


def trap_one_bad(world):
    """one wrong topic does not stop the others"""
    good, bad = world.name(), "a b"
    same(create(world, plan(bad), plan(good)), {bad: 17, good: 0})
    world.wait_for(good)


def trap_validate_only(world):
    """validate only: the same answer, and nothing is made"""
    name = world.name()
    answer = world.create(name, 3, validate_only=True)
    same((answer["error_code"], answer["num_partitions"]), (0, 3))
    absent(world, name)
    same(world.create(world.topic(), validate_only=True)["error_code"], 36)


def assigned(name, *replicas, partitions=-1, factor=-1):
    return plan(
        name,
        partitions,
        factor,
        assignments=[dict(partition_index=index, broker_ids=list(ids)) for index, ids in replicas],
    )


def trap_assignments(world):
    """manual assignments: made as said; unknown brokers, gaps, doubles: error 39"""
    me, name = node_id(world), world.name()
    same(create(world, assigned(name, (0, [me]), (1, [me]))), {name: 0})
    world.wait_for(name, 2)
    for replicas in (
        ((0, [me + 77]),),
        ((1, [me]),),
        ((0, [me]), (2, [me])),
        ((0, [me, me]),),
        ((0, []),),
        ((0, [me]), (1, [])),
    ):
        name = world.name()
        same(create(world, assigned(name, *replicas)), {name: 39}, str(replicas))


def trap_assignments_and_counts(world):
    """manual assignments beside counts: error 42"""
    me = node_id(world)
    for counts in (dict(partitions=1), dict(factor=1), dict(partitions=1, factor=1)):
        name = world.name()
        same(create(world, assigned(name, (0, [me]), **counts)), {name: 42}, str(counts))


def trap_configs(world):
    """configs: unknown keys, bad values and null: error 40; good ones are kept"""
    for key, value in (
        ("no_such_key", "1"),
        ("retention_ms", "soon"),
        ("retention_ms", None),
        ("cleanup_policy", "keep"),
        ("segment_bytes", "1"),
        ("max_message_bytes", "-1"),
        ("compression_type", "rar"),
    ):
        same(world.create(world.name(), **{key: value})["error_code"], 40, "%s=%s" % (key, value))
    answer = world.create(world.name(), retention_ms="12345")
    made = {c["name"]: (c["value"], c["config_source"]) for c in answer["configs"]}
    same(made["retention.ms"], ("12345", 1))
    same(made["segment.bytes"], ("1073741824", 5))


def trap_key_order(world):
    """the answer lists the topics asked for, each once"""
    names = [world.name() for _ in range(5)]
    answer = world.call("CreateTopics", 7, topics=[plan(n) for n in names], timeout_ms=10000)
    same(sorted(t["name"] for t in answer["topics"]), sorted(names))


# --- DeleteTopics ---------------------------------------------------------------------------------


def trap_delete_all_versions(world):
    """DeleteTopics: every version, by name"""
    for version in range(1, 7):
        name = world.topic()
        body = dict(topics=[dict(name=name)]) if version >= 6 else dict(topic_names=[name])
        answer = world.call("DeleteTopics", version, timeout_ms=10000, **body)
        same([(r["name"], r["error_code"]) for r in answer["responses"]], [(name, 0)])
        wait_until(lambda: world.describe(name)["error_code"] == 3, 5)


def delete(world, *topics):
    answer = world.call("DeleteTopics", 6, topics=list(topics), timeout_ms=10000)
    return sorted((r["name"], r["topic_id"], r["error_code"]) for r in answer["responses"])


def trap_delete_by_id(world):
    """DeleteTopics: by id; the answer has both"""
    name = world.topic()
    topic_id = world.topic_id(name)
    same(delete(world, dict(topic_id=topic_id)), [(name, topic_id, 0)])
    wait_until(lambda: world.describe(name)["error_code"] == 3, 5)


def trap_delete_unknown(world):
    """DeleteTopics: an unknown name is error 3, an unknown id 100"""
    name = world.name("absent")
    same(delete(world, dict(name=name)), [(name, wire.NO_UUID, 3)])
    same(delete(world, dict(topic_id=b"\x44" * 16)), [(None, b"\x44" * 16, 100)])


def trap_delete_wrong(world):
    """DeleteTopics: name and id, or neither: error 42, nothing is deleted"""
    name = world.topic()
    topic_id = world.topic_id(name)
    same([r[2] for r in delete(world, dict(name=name, topic_id=topic_id))], [42])
    same([r[2] for r in delete(world, dict(name=None))], [42])
    same(world.describe(name)["error_code"], 0)


def trap_delete_twice_in_a_request(world):
    """DeleteTopics: a name twice: error 42, nothing is deleted"""
    name = world.topic()
    same({r[2] for r in delete(world, dict(name=name), dict(name=name))}, {42})
    same(world.describe(name)["error_code"], 0)


def trap_delete_mixed(world):
    """DeleteTopics: one entry for each, good and bad"""
    name, unknown = world.topic(), world.name("absent")
    topic_id = world.topic_id(name)
    same(
        delete(world, dict(name=unknown), dict(name=name)),
        sorted([(unknown, wire.NO_UUID, 3), (name, topic_id, 0)]),
    )


def trap_made_again(world):
    """a topic made again has a new id and no records"""
    name = world.topic()
    world.append(name, wire.batch([b"old"]))
    old = world.topic_id(name)
    same(world.delete(name), 0)
    wait_until(lambda: world.create(name)["error_code"] == 0, what="made again")
    world.wait_for(name)
    same((world.topic_id(name) != old, world.values(name)), (True, []))


# --- CreatePartitions -----------------------------------------------------------------------------


def grow(world, name, count, version=3, assignments=None, validate_only=False):
    answer = world.call(
        "CreatePartitions",
        version,
        timeout_ms=10000,
        validate_only=validate_only,
        topics=[dict(name=name, count=count, assignments=assignments)],
    )
    same([r["name"] for r in answer["results"]], [name])
    return answer["results"][0]["error_code"]


def trap_grow(world):
    """CreatePartitions: every version adds, and the records stay"""
    name = world.topic()
    world.append(name, wire.batch([b"a"]))
    for version in range(4):
        same(grow(world, name, version + 2, version), 0)
        world.wait_for(name, version + 2)
    same(world.values(name), [b"a"])
    world.append(name, wire.batch([b"b"]), 4)


def trap_grow_wrong(world):
    """CreatePartitions: not more than there are: error 37; unknown topic: 3"""
    name = world.topic(partitions=3)
    for count in (3, 2, 0, -1):
        same(grow(world, name, count), 37, "%d" % count)
    same(grow(world, world.name("absent"), 3), 3)


def trap_grow_assignments(world):
    """CreatePartitions: assignments must be as many as are added, of known brokers: error 39"""
    me, name = node_id(world), world.topic()
    for assignments in (
        [[me]],
        [[me], [me], [me]],
        [[me], [me + 77]],
        [[me], [me, me]],
        [[me], []],
    ):
        same(
            grow(world, name, 3, assignments=[dict(broker_ids=a) for a in assignments]),
            39,
            str(assignments),
        )
    same(grow(world, name, 3, assignments=[dict(broker_ids=[me])] * 2), 0)
    world.wait_for(name, 3)


def trap_grow_validate_only(world):
    """CreatePartitions: validate only adds nothing"""
    name = world.topic()
    same(grow(world, name, 5, validate_only=True), 0)
    same(len(world.describe(name)["partitions"]), 1)


def trap_grow_twice(world):
    """CreatePartitions: a name twice: error 42, one entry, nothing is added"""
    name = world.topic()
    answer = world.call(
        "CreatePartitions",
        3,
        timeout_ms=10000,
        topics=[
            dict(name=name, count=2, assignments=None),
            dict(name=name, count=3, assignments=None),
        ],
    )
    same([(r["name"], r["error_code"]) for r in answer["results"]], [(name, 42)])
    same(len(world.describe(name)["partitions"]), 1)
