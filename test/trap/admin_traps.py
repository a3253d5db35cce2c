"""What administrators ask of a cluster of one node: elections, moves, the quorum, its features."""

import signal

import kafka_wire as wire
from node import same, wait_until
from world import restarts

METADATA = "__cluster_metadata"
PREFERRED, UNCLEAN = 0, 1
NOT_NEEDED = (84, "Leader election not needed for topic partition.")
UPGRADE, SAFE, UNSAFE = 1, 2, 3
FAILED = "The update failed for all features since the following feature had an error: "
FOR = FAILED + "Invalid update version %d for feature %s. "


# --- ElectLeaders ---------------------------------------------------------------------------------


def elect(world, topics, kind=PREFERRED, version=2):
    """(error of the request, {topic: [(partition, error, message)]})"""
    asked = None if topics is None else [dict(topic=t, partitions=p) for t, p in topics]
    election = {} if version == 0 else dict(election_type=kind)
    answer = world.call("ElectLeaders", version, topic_partitions=asked, **election)
    results = {
        r["topic"]: [
            (p["partition_id"], p["error_code"], p["error_message"]) for p in r["partition_result"]
        ]
        for r in answer["replica_election_results"]
    }
    return answer.get("error_code", 0), results


def trap_elections_not_needed(world):
    """partitions that are led as they should be: error 84 each, in every version"""
    name, absent = world.topic(2), world.name("absent")
    for version in range(3):
        error, results = elect(world, [(name, [0, 1]), (absent, [0])], version=version)
        same(error, 0)
        same(results[name], [(0, *NOT_NEEDED), (1, *NOT_NEEDED)])
        same(results[absent], [(0, 3, "No such topic as " + absent)])
    same(elect(world, [(name, [0])], UNCLEAN)[1], {name: [(0, *NOT_NEEDED)]})
    same(
        elect(world, [(name, [-1, 0, 0])])[1][name],
        [(-1, 3, "No such partition as %s--1" % name), (0, *NOT_NEEDED), (0, *NOT_NEEDED)],
    )


def trap_elections_of_all(world):
    """null topics are all of them; partitions that need no election are left out"""
    name = world.topic()
    for version, kind in ((0, PREFERRED), (1, UNCLEAN), (2, PREFERRED)):
        error, results = elect(world, None, kind, version)
        same((error, results[name]), (0, []))
        same({len(partitions) for partitions in results.values()}, {0})
    same(elect(world, []), (0, {}))


def trap_elections_of_no_kind(world):
    """an election type that is none: error 42, for the request and for what it names"""
    name = world.topic()
    for version in (1, 2):
        same(
            elect(world, [(name, [0])], 7, version),
            (42, {name: [(0, 42, "Unknown election type 7")]}),
        )
    same(elect(world, None, 7), (42, {}))


def trap_elections_out_of_time(world):
    """no time at all: error 7 without words, for each in version 0 as well"""
    name = world.topic()
    for version in range(3):
        asked = [dict(topic=name, partitions=[0])]
        answer = world.call("ElectLeaders", version, topic_partitions=asked, timeout_ms=0)
        result = answer["replica_election_results"][0]["partition_result"][0]
        same((result["error_code"], result["error_message"]), (7, None))
        same(answer.get("error_code", 7), 7)


# --- reassignments --------------------------------------------------------------------------------


def reassign(world, topic, partition, replicas, version=1, **more):
    answer = world.call(
        "AlterPartitionReassignments",
        version,
        topics=[dict(name=topic, partitions=[dict(partition_index=partition, replicas=replicas)])],
        **more
    )
    same((answer["error_code"], answer["error_message"]), (0, None))
    same([r["name"] for r in answer["responses"]], [topic])
    result = answer["responses"][0]["partitions"][0]
    same(result["partition_index"], partition)
    return result["error_code"], result["error_message"]


def trap_reassign_nowhere(world):
    """to where it is: no error; calling off what is not under way: error 85 without words"""
    name = world.topic()
    me = world.call("Metadata", 12, topics=[])["brokers"][0]["node_id"]
    for version in (0, 1):
        same(reassign(world, name, 0, [me], version), (0, None))
        same(reassign(world, name, 0, None, version), (85, None))
    same(reassign(world, name, 0, [me], allow_replication_factor_change=False), (0, None))


def trap_reassign_wrong(world):
    """no such topic, partition or broker; one twice; none at all"""
    name, absent = world.topic(), world.name("absent")
    me = world.call("Metadata", 12, topics=[])["brokers"][0]["node_id"]
    by_hand = "The manual partition assignment includes "
    missing = by_hand + "broker %d, but no such broker is registered."
    same(reassign(world, absent, 0, [me]), (3, "Unable to find a topic named %s." % absent))
    same(reassign(world, name, 9, None), (3, "Unable to find partition %s:9." % name))
    same(reassign(world, name, 0, [me + 1]), (39, missing % (me + 1)))
    same(reassign(world, name, 0, [me, me + 1]), (39, missing % (me + 1)))
    same(reassign(world, name, 0, [-1]), (39, missing % -1))
    same(reassign(world, name, 0, [me, me]), (39, by_hand + "the broker %d more than once." % me))
    same(reassign(world, name, 0, []), (39, by_hand + "an empty replica list."))
    answer = world.call("AlterPartitionReassignments", 1, topics=[])
    same((answer["error_code"], answer["error_message"], answer["responses"]), (0, "", []))


def trap_list_reassignments(world):
    """nothing is on the move, and what is absent is not told"""
    name = world.topic()
    for topics in (
        None,
        [],
        [dict(name=name, partition_indexes=[0, 7])],
        [dict(name=world.name("absent"), partition_indexes=[0])],
    ):
        answer = world.call("ListPartitionReassignments", 0, topics=topics)
        same((answer["error_code"], answer["error_message"], answer["topics"]), (0, None, []))


# --- DescribeQuorum -------------------------------------------------------------------------------


def quorum(world, version, *topics):
    return world.call(
        "DescribeQuorum",
        version,
        topics=[
            dict(topic_name=t, partitions=[dict(partition_index=p) for p in partitions])
            for t, partitions in topics
        ],
    )


def trap_quorum(world):
    """the quorum of one: it leads, and has all that is committed"""
    me = world.call("Metadata", 12, topics=[])["brokers"][0]["node_id"]
    for version in range(3):
        before = quorum(world, version, (METADATA, [0]))["topics"][0]["partitions"][0]
        world.topic()
        answer = quorum(world, version, (METADATA, [0]))
        same((answer["error_code"], answer["topics"][0]["topic_name"]), (0, METADATA))
        partition = answer["topics"][0]["partitions"][0]
        same(
            (partition["partition_index"], partition["error_code"], partition["leader_id"]),
            (0, 0, me),
        )
        same(partition["leader_epoch"] >= 1, True)
        same(partition["leader_epoch"], before["leader_epoch"])
        same(partition["high_watermark"] > before["high_watermark"], True, "a topic is a record")
        same(partition["observers"], [])
        voter = partition["current_voters"][0]
        same(len(partition["current_voters"]), 1)
        same((voter["replica_id"], voter["log_end_offset"]), (me, partition["high_watermark"]))
        if version >= 1:
            same(voter["last_fetch_timestamp"], voter["last_caught_up_timestamp"])
            same(voter["last_fetch_timestamp"] > 1600000000000, True, "a time of today")
        if version >= 2:
            same((answer["error_message"], partition["error_message"]), ("", ""))
            same(voter["replica_directory_id"] != b"\0" * 16, True)
            same([node["node_id"] for node in answer["nodes"]], [me])


def trap_quorum_of_others(world):
    """anything but partition 0 of the metadata alone: error 3 for all that was asked"""
    for topics in (
        [("other", [0])],
        [(METADATA, [1])],
        [(METADATA, [0, 1])],
        [(METADATA, [0]), ("other", [0])],
    ):
        answer = quorum(world, 2, *topics)
        same((answer["error_code"], answer["nodes"]), (0, []))
        same(
            [
                (t["topic_name"], [p["partition_index"] for p in t["partitions"]])
                for t in answer["topics"]
            ],
            topics,
        )
        for topic in answer["topics"]:
            for p in topic["partitions"]:
                same(
                    (p["error_code"], p["error_message"]),
                    (3, "This server does not host this topic-partition."),
                )
                same((p["leader_id"], p["leader_epoch"], p["high_watermark"]), (0, 0, 0))
    same(quorum(world, 2)["topics"], [])
    same(quorum(world, 2, (METADATA, []))["topics"][0]["partitions"], [])


# --- the controllers' listener --------------------------------------------------------------------

OF_CONTROLLERS = {18, 19, 20, 32, 33, 37, 43, 44, 45, 46, 55, 57, 60, 64}
NOT_OF_CONTROLLERS = {0, 2, 3, 22, 23, 61, 74, 75}


def controllers(world):
    """Where the quorum says that its one controller listens."""
    listener = quorum(world, 2, (METADATA, [0]))["nodes"][0]["listeners"][0]
    same(listener["name"], "CONTROLLER")
    return "%s:%d" % (listener["host"], listener["port"])


def trap_controllers_serve(world):
    """who administers may talk to the controller, which serves less than a broker (KIP-919)"""
    there = controllers(world)
    software = dict(client_software_name="trap", client_software_version="1.0")
    answer = wire.call(there, "ApiVersions", 4, **software)
    keys = {a["api_key"] for a in answer["api_keys"]}
    same((OF_CONTROLLERS - keys, keys & NOT_OF_CONTROLLERS), (set(), set()))
    same(answer["finalized_features_epoch"] >= 0, True)
    for api, version, body in (
        ("Metadata", 12, dict(topics=None)),
        ("ListConfigResources", 1, {}),
        ("ListOffsets", 7, dict(replica_id=-1, topics=[])),
    ):
        with wire.Connection(there) as connection:
            connection.send(api, version, body)
            same(connection.is_closed(), True, api)


def trap_controllers_describe(world):
    """the controllers of the cluster, asked there as such; brokers are another kind of endpoint"""
    there = controllers(world)
    me = world.call("Metadata", 12, topics=[])["brokers"][0]["node_id"]
    for version in (1, 2):
        answer = wire.call(there, "DescribeCluster", version, endpoint_type=2)
        same((answer["error_code"], answer["endpoint_type"], answer["controller_id"]), (0, 2, me))
        same(answer["cluster_id"], world.call("DescribeCluster", 2)["cluster_id"])
        same(
            [(b["broker_id"], "%s:%d" % (b["host"], b["port"])) for b in answer["brokers"]],
            [(me, there)],
        )
    wrong = "The request was sent to an endpoint of type %s, but we wanted an endpoint of type %s"
    for version, error in ((0, 42), (1, 114), (2, 114)):
        answer = wire.call(there, "DescribeCluster", version)
        same(
            (answer["error_code"], answer["error_message"], answer["brokers"]),
            (error, wrong % ("CONTROLLER", "BROKER"), []),
        )
    answer = world.call("DescribeCluster", 2, endpoint_type=2)
    same(
        (answer["error_code"], answer["error_message"]), (114, wrong % ("BROKER", "CONTROLLER"))
    )
    answer = wire.call(there, "DescribeCluster", 2, endpoint_type=3)
    same((answer["error_code"], answer["error_message"]), (115, "Unsupported endpoint type 3"))


def trap_controllers_plan(world):
    """topics made at the controller are the broker's"""
    there, name = controllers(world), world.name()
    topics = [dict(name=name, num_partitions=1, replication_factor=-1)]
    answer = wire.call(there, "CreateTopics", 7, topics=topics, timeout_ms=10000)
    same(answer["topics"][0]["error_code"], 0)
    world.wait_for(name)
    entry = dict(resource_type=2, resource_name=name, configuration_keys=["retention.ms"])
    answer = wire.call(there, "DescribeConfigs", 4, resources=[entry])
    same(answer["results"][0]["configs"][0]["value"], "604800000")
    here = quorum(world, 2, (METADATA, [0]))["topics"][0]["partitions"][0]
    asked = [dict(topic_name=METADATA, partitions=[dict(partition_index=0)])]
    answer = wire.call(there, "DescribeQuorum", 2, topics=asked)
    partition = answer["topics"][0]["partitions"][0]
    same(partition["leader_epoch"], here["leader_epoch"])
    same(partition["high_watermark"] >= here["high_watermark"], True)


# --- UnregisterBroker -----------------------------------------------------------------------------


def trap_unregister_nobody(world):
    """a broker that is not registered: error 102, in words"""
    for broker in (5555, -1):
        answer = world.call("UnregisterBroker", 0, broker_id=broker)
        same(
            (answer["error_code"], answer["error_message"]),
            (102, "Broker ID %d is not currently registered" % broker),
        )


@restarts
def trap_unregister_itself(world):
    """a broker that is unregistered serves nobody until it starts again, and registers anew"""
    name = world.topic()
    same(world.append(name, wire.batch([b"kept"])), 0)
    me = world.call("Metadata", 12, topics=[])["brokers"][0]["node_id"]
    answer = world.call("UnregisterBroker", 0, broker_id=me)
    same((answer["error_code"], answer["error_message"]), (0, ""))
    wait_until(lambda: world.call("DescribeCluster", 2)["brokers"] == [], 5)
    same(world.describe(name)["partitions"][0]["leader_id"], -1)
    wait_until(lambda: world.produce(name, wire.batch([b"lost"]))["error_code"] == 6, 5, "refused")
    asked = dict(transactional_id=None, transaction_timeout_ms=60000)
    with world.connect() as connection:
        ids = 0
        while connection.call("InitProducerId", 4, **asked)["error_code"] == 0:
            ids += 1
    same(ids <= 2000, True, "two blocks were given out before, at most")
    world.broker.end(signal.SIGKILL)
    world.broker.start()
    world.wait_for(name)
    same([b["broker_id"] for b in world.call("DescribeCluster", 2)["brokers"]], [me])
    same(world.values(name), [b"kept"])
    same(world.append(name, wire.batch([b"again"])), 1)


# --- UpdateFeatures -------------------------------------------------------------------------------


def update(world, *updates, version=2, validate_only=False):
    """(error, message, results); updates are (feature, level, type)"""
    typed = {} if version == 0 else dict(validate_only=validate_only)
    answer = world.call(
        "UpdateFeatures",
        version,
        feature_updates=[
            dict(
                feature=f,
                max_version_level=level,
                **({} if version == 0 else dict(upgrade_type=t)),
            )
            for f, level, t in updates
        ],
        **typed
    )
    return answer["error_code"], answer["error_message"], answer.get("results")


def levels(world):
    answer = world.call(
        "ApiVersions", 4, client_software_name="trap", client_software_version="1.0"
    )
    found = {f["name"]: f["max_version_level"] for f in answer["finalized_features"]}
    return found, answer["finalized_features_epoch"]


def trap_features_refused(world):
    """what cannot be: error 95, why, and nothing changes"""
    before, _ = levels(world)
    local = "Local controller 1 only supports versions %s"
    for feature, level, kind, why in (
        ("nope", 1, UPGRADE, "Local controller 1 does not support this feature."),
        ("nope", 0, SAFE, "Feature nope not found."),
        ("", 0, UPGRADE, "Feature  not found."),
        ("metadata.version", 31, UPGRADE, local % "7-30"),
        ("metadata.version", 6, UNSAFE, local % "7-30"),
        ("group.version", 2, SAFE, local % "0-1"),
        ("transaction.version", 3, UPGRADE, local % "0-2"),
        ("kraft.version", 2, UPGRADE, local % "0-1"),
        ("group.version", -1, UPGRADE, "A feature version cannot be less than 0."),
        ("group.version", 1, 0, "The controller does not support the given upgrade type."),
        ("group.version", 1, 9, "The controller does not support the given upgrade type."),
        (
            "group.version",
            0,
            UPGRADE,
            "Can't downgrade the version of this feature without setting the upgrade type to "
            "either safe or unsafe downgrade.",
        ),
        ("kraft.version", 0, SAFE, "Can't downgrade the version of this feature."),
    ):
        same(
            update(world, (feature, level, kind)),
            (95, FOR % (level, feature) + why, None),
            "%s %d" % (feature, level),
        )
    down = FAILED + "Unsupported metadata.version downgrade from 30 to 29. "
    same(
        update(world, ("metadata.version", 29, SAFE))[1],
        down + "Refusing to perform the requested downgrade because it might delete metadata "
        "information.",
    )
    same(
        update(world, ("metadata.version", 29, UNSAFE))[1],
        down + "Unsafe metadata downgrade is not supported in this version.",
    )
    same(levels(world)[0], before)


def trap_features_of_old_versions(world):
    """versions 0 and 1 name each feature, with Kafka's NONE for no error; 2 does not"""
    none = dict(feature="group.version", error_code=0, error_message="NONE")
    for version, results in ((0, [none]), (1, [none]), (2, None)):
        same(update(world, ("group.version", 1, UPGRADE), version=version), (0, None, results))
        same(update(world, version=version), (0, None, None if version == 2 else []))
    error, _, results = update(world, ("group.version", 0, SAFE), version=0)
    same((error, results), (95, []), "version 0 has no safe downgrade")


def trap_features_at_once(world):
    """a level that changed is in the next ApiVersions, with a later epoch"""
    before, epoch = levels(world)
    try:
        same(update(world, ("streams.version", 0, SAFE), validate_only=True)[0], 0)
        same(levels(world)[0], before, "only asked")
        same(update(world, ("streams.version", 0, SAFE)), (0, None, None))
        wait_until(lambda: "streams.version" not in levels(world)[0], 5)
        found, later = levels(world)
        same((found, later > epoch), ({k: v for k, v in before.items() if k[:3] != "str"}, True))
        same(
            update(world, ("streams.version", 1, SAFE))[1],
            FOR % (1, "streams.version") + "Can't downgrade to a newer version.",
        )
    finally:
        same(update(world, ("streams.version", 1, UPGRADE))[0], 0)
    wait_until(lambda: levels(world)[0] == before, 5)
    same(levels(world)[1] > later, True)


def trap_features_all_or_none(world):
    """one feature that fails fails them all"""
    before, _ = levels(world)
    error, message, _ = update(world, ("group.version", 0, SAFE), ("nope", 1, UPGRADE))
    same(error, 95)
    same(message, FOR % (1, "nope") + "Local controller 1 does not support this feature.")
    same(levels(world)[0], before)
