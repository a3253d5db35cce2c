"""Metadata: who is asked for, what comes into being by asking."""

import time

import kafka_wire as wire
from node import same, wait_until

# Bits by Kafka's AclOperation: what everybody may do where no authorizer is.
CLUSTER_OPERATIONS = 0b1111110100000
TOPIC_OPERATIONS = 0b110111111000


def trap_all_versions(world):
    """every version names the topic, its partitions and this broker"""
    name = world.topic(partitions=3)
    host, _, port = world.bootstrap.rpartition(":")
    for version in range(14):
        answer = world.call("Metadata", version, topics=[dict(name=name)])
        topic = answer["topics"][0]
        same((topic["error_code"], topic["name"]), (0, name))
        same(
            [
                p["partition_index"]
                for p in sorted(topic["partitions"], key=lambda p: p["partition_index"])
            ],
            [0, 1, 2],
        )
        broker = answer["brokers"][0]
        same((broker["host"], broker["port"]), (host, int(port)))
        for partition in topic["partitions"]:
            same((partition["error_code"], partition["leader_id"]), (0, broker["node_id"]))
            same(partition["replica_nodes"], [broker["node_id"]])
            same(partition["isr_nodes"], [broker["node_id"]])
            same(partition.get("offline_replicas", []), [])
        if version >= 1:
            same(answer["controller_id"], broker["node_id"])
        if version >= 2:
            same(len(answer["cluster_id"]), 22, "length of the cluster id")
        if version >= 13:
            same(answer["error_code"], 0)


def trap_all_topics(world):
    """an empty list is every topic in version 0 and none later; null is every topic"""
    name = world.topic()
    same(name in [t["name"] for t in world.call("Metadata", 0, topics=[])["topics"]], True)
    for version in range(1, 14):
        same(world.call("Metadata", version, topics=[])["topics"], [])
        found = [t["name"] for t in world.call("Metadata", version, topics=None)["topics"]]
        same(name in found, True, "v%d null" % version)
    with world.connect() as connection:  # a count of -2 is taken as null
        connection.send("Metadata", 1, b"\xff\xff\xff\xfe")
        same(name in [t["name"] for t in connection.receive("Metadata", 1)["topics"]], True)


def trap_auto_create(world):
    """asking creates a topic; the first answer still says error 3"""
    for version in (0, 1, 3, 4, 9, 13):
        name = world.name("auto")
        answer = world.call("Metadata", version, topics=[dict(name=name)])
        same(
            (answer["topics"][0]["error_code"], answer["topics"][0]["name"]),
            (3, name),
            "v%d" % version,
        )
        same(answer["topics"][0]["partitions"], [])
        world.wait_for(name)
        same(len(world.describe(name)["partitions"]), 1)


def trap_no_auto_create(world):
    """allow_auto_topic_creation=false creates nothing"""
    name = world.name("never")
    for _ in range(2):
        answer = world.call(
            "Metadata", 4, topics=[dict(name=name)], allow_auto_topic_creation=False
        )
        same(answer["topics"][0]["error_code"], 3)
    time.sleep(0.3)
    same(world.describe(name)["error_code"], 3)


def trap_auto_create_invalid(world):
    """an invalid name: error 17 with the name, whether or not it may be created"""
    for name in ("a b", "..", ".", "x" * 250, "a/b", "ü"):
        for allow in (True, False):
            answer = world.call(
                "Metadata", 9, topics=[dict(name=name)], allow_auto_topic_creation=allow
            )
            same((answer["topics"][0]["error_code"], answer["topics"][0]["name"]), (17, name))


def trap_by_id(world):
    """a topic by its id; an unknown id is error 100 with no name"""
    name = world.topic()
    topic_id = world.topic_id(name)
    answer = world.call("Metadata", 12, topics=[dict(topic_id=topic_id, name=None)])["topics"][0]
    same((answer["error_code"], answer["name"], answer["topic_id"]), (0, name, topic_id))
    unknown = b"\x11" * 16
    answer = world.call("Metadata", 12, topics=[dict(topic_id=unknown, name=None)])["topics"][0]
    same((answer["error_code"], answer["name"], answer["topic_id"]), (100, None, unknown))


def trap_by_id_too_early(world):
    """by id in version 10 and 11: one error 42 and nothing else"""
    name = world.topic()
    topic_id = world.topic_id(name)
    for version in (10, 11):
        answer = world.call("Metadata", version, topics=[dict(topic_id=topic_id, name=None)])
        same([t["error_code"] for t in answer["topics"]], [42])
        same((answer["brokers"], answer["cluster_id"]), ([], None))


def trap_neither(world):
    """neither name nor id: error -1, no brokers, no cluster id"""
    answer = world.call("Metadata", 12, topics=[dict(name=None)])
    same([t["error_code"] for t in answer["topics"]], [-1])
    same((answer["brokers"], answer["cluster_id"]), ([], None))


def trap_authorized_operations(world):
    """authorized operations are only there when asked for"""
    name = world.topic()
    quiet = world.call("Metadata", 8, topics=[dict(name=name)])
    same(quiet["cluster_authorized_operations"], -2147483648)
    same(quiet["topics"][0]["topic_authorized_operations"], -2147483648)
    told = world.call(
        "Metadata",
        8,
        topics=[dict(name=name)],
        include_cluster_authorized_operations=True,
        include_topic_authorized_operations=True,
    )
    same(told["topics"][0]["topic_authorized_operations"], TOPIC_OPERATIONS)
    same(told["cluster_authorized_operations"], CLUSTER_OPERATIONS)


def trap_unknown_beside_known(world):
    """an unknown topic does not hide a known one"""
    name = world.topic()
    answer = world.call(
        "Metadata",
        12,
        topics=[dict(name=world.name()), dict(name=name)],
        allow_auto_topic_creation=False,
    )
    same(sorted(t["error_code"] for t in answer["topics"]), [0, 3])


def trap_same_twice(world):
    """a name asked for twice is answered once"""
    name = world.topic()
    answer = world.call("Metadata", 9, topics=[dict(name=name), dict(name=name)])
    same([t["name"] for t in answer["topics"]], [name])


def trap_describe_cluster(world):
    """DescribeCluster: this broker, the cluster of Metadata"""
    metadata = world.call("Metadata", 12, topics=[])
    for version in (0, 1, 2):
        answer = world.call("DescribeCluster", version)
        same((answer["error_code"], answer["cluster_id"]), (0, metadata["cluster_id"]))
        same(answer["controller_id"], metadata["controller_id"])
        same(
            [(b["broker_id"], b["host"], b["port"], b["rack"]) for b in answer["brokers"]],
            [(b["node_id"], b["host"], b["port"], b["rack"]) for b in metadata["brokers"]],
        )
        same(answer["cluster_authorized_operations"], -2147483648)
        told = world.call("DescribeCluster", version, include_cluster_authorized_operations=True)
        same(told["cluster_authorized_operations"], CLUSTER_OPERATIONS)
    same(answer["brokers"][0]["is_fenced"], False)


def trap_describe_cluster_endpoint(world):
    """DescribeCluster: brokers are asked for brokers; controllers are error 114, others 115"""
    for kind, error in ((2, 114), (0, 115), (9, 115)):
        answer = world.call("DescribeCluster", 1, endpoint_type=kind)
        same(answer["error_code"], error, "endpoint type %d" % kind)


# --- DescribeTopicPartitions ----------------------------------------------------------------------


def trap_describe_partitions(world):
    """DescribeTopicPartitions: by name in order, unknown ones error 3"""
    one, two = sorted(world.topic(partitions=2) for _ in range(2))
    unknown = world.name("zz")
    answer = world.call(
        "DescribeTopicPartitions", 0, topics=[dict(name=n) for n in (unknown, two, one)]
    )
    same(
        [(t["name"], t["error_code"], len(t["partitions"])) for t in answer["topics"]],
        [(one, 0, 2), (two, 0, 2), (unknown, 3, 0)],
    )
    same(answer["next_cursor"], None)
    partition = answer["topics"][0]["partitions"][1]
    same(
        (partition["error_code"], partition["partition_index"], partition["leader_epoch"]),
        (0, 1, 0),
    )
    same((partition["eligible_leader_replicas"], partition["last_known_elr"]), ([], []))
    same(answer["topics"][0]["topic_id"], world.topic_id(one))
    same(answer["topics"][2]["topic_id"], wire.NO_UUID)
    same(world.describe(unknown)["error_code"], 3, "never created")


def trap_describe_partitions_limit(world):
    """DescribeTopicPartitions: a limit leaves a cursor to go on with"""
    one, two = sorted(world.topic(partitions=3) for _ in range(2))
    topics, seen, cursor, rounds = [dict(name=one), dict(name=two)], [], None, 0
    while True:
        answer = world.call(
            "DescribeTopicPartitions", 0, topics=topics, response_partition_limit=2, cursor=cursor
        )
        for topic in answer["topics"]:
            seen += [(topic["name"], p["partition_index"]) for p in topic["partitions"]]
        rounds, cursor = rounds + 1, answer["next_cursor"]
        if cursor is None:
            break
    same(seen, [(n, p) for n in (one, two) for p in range(3)])
    same(rounds, 3)


def trap_describe_partitions_all(world):
    """DescribeTopicPartitions: no topics named is all of them"""
    name = world.topic()
    answer = world.call("DescribeTopicPartitions", 0, topics=[], response_partition_limit=2000)
    same(name in [t["name"] for t in answer["topics"]], True)


def trap_stale_metadata(world):
    """a deleted topic is gone from Metadata at once, by name and by id"""
    name = world.topic()
    topic_id = world.topic_id(name)
    same(world.delete(name), 0)
    wait_until(lambda: world.describe(name)["error_code"] == 3, 5)
    answer = world.call("Metadata", 12, topics=[dict(topic_id=topic_id, name=None)])["topics"][0]
    same(answer["error_code"], 100)
