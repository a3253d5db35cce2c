"""ApiVersions, the cluster, its features, quorum, folders and leaders; APIs of controllers; frames."""

import struct

import kafka_wire as wire
from script import ALL, ENDS, LAST, Known
from topics_requests import create, new

OWN_FOLDER = Known(lambda side: side.folder + "/data")
ME, NOBODY = 1, 78
FUTURE = 99  # no feature has such a level
UP, DOWN, UNSAFE = 1, 2, 3


def requests(script):
    ask = script.ask
    api_versions(script)
    describe_cluster(ask)
    describe_quorum(ask)
    update_features(ask)
    elect_leaders(ask)
    reassignments(ask)
    log_dirs(ask)
    raft_voters(ask)
    unregister_broker(ask)
    script.bent("DescribeCluster", {})
    script.bent("DescribeQuorum", quorum("__cluster_metadata", 0))
    script.bent("UpdateFeatures", dict(feature_updates=[dict(feature="x", max_version_level=1)]))
    script.bent("ElectLeaders", dict(topic_partitions=[dict(topic="absent", partitions=[0])]))
    script.bent("DescribeLogDirs", dict(topics=[dict(topic="absent", partitions=[0])]))
    script.bent("AlterReplicaLogDirs", dict(dirs=[]))
    script.bent("UnregisterBroker", dict(broker_id=NOBODY))
    script.bent("ListPartitionReassignments", dict(topics=None))
    script.bent("AlterPartitionReassignments", dict(topics=[]))
    of_controllers(script)
    frames(script)


def api_versions(script):
    def hello(name, versions, software="diff", version="1.0", **more):
        body = dict(client_software_name=software, client_software_version=version)
        script.ask("ApiVersions", name, versions, body, **more)

    hello("hello", ALL)
    for word in ("", "a b", "-a", "a-", "ä", "x" * 300, "a/b", "1.0-x_y"):
        hello("the software %.10r" % word, (3, 4), software=word)
        hello("the version %.10r" % word, (3, 4), version=word)
    script.bent("ApiVersions", dict(client_software_name="diff", client_software_version="1"))


def describe_cluster(ask):
    ask("DescribeCluster", "brokers", ALL, {})
    allowed = dict(include_cluster_authorized_operations=True)
    ask("DescribeCluster", "what is allowed", ALL, allowed)
    for kind in (0, 2, 3, -1):
        ask("DescribeCluster", "endpoints of kind %d" % kind, (1, 2), dict(endpoint_type=kind))
    ask("DescribeCluster", "fenced ones too", LAST, dict(include_fenced_brokers=True))


def quorum(topic, *partitions):
    entries = [dict(partition_index=p) for p in partitions]
    return dict(topics=[dict(topic_name=topic, partitions=entries)])


def describe_quorum(ask):
    metadata = "__cluster_metadata"
    ask("DescribeQuorum", "the quorum", ALL, quorum(metadata, 0))
    ask("DescribeQuorum", "partition 1", ALL, quorum(metadata, 1))
    ask("DescribeQuorum", "partitions 0 and 1", ENDS, quorum(metadata, 0, 1))
    ask("DescribeQuorum", "no partitions", ENDS, quorum(metadata))
    ask("DescribeQuorum", "another topic", ALL, quorum("orders", 0))
    ask("DescribeQuorum", "nothing", ALL, dict(topics=[]))
    two = quorum(metadata, 0)["topics"] + quorum("orders", 0)["topics"]
    ask("DescribeQuorum", "two topics", ENDS, dict(topics=two))


def update_features(ask):
    def update(name, *updates, versions=ALL, **more):
        entries = [
            dict(
                feature=feature,
                max_version_level=level,
                upgrade_type=kind,
                allow_downgrade=kind == DOWN,
            )
            for feature, level, kind in updates
        ]
        ask("UpdateFeatures", name, versions, dict(dict(feature_updates=entries), **more))

    version = "metadata.version"
    update("nothing")
    update("an unknown feature", ("no.such.feature", 1, UP))
    update("no name", ("", 1, UP))
    update("a level of the future", (version, FUTURE, UP))
    update("a level below what there is", (version, 1, UP))
    update("a level of 0", (version, 0, DOWN))
    update("a level below 0", (version, -1, UP))
    update("down by the way up", (version, 20, UP))
    update("down, validated", (version, 20, DOWN), versions=(1, 2), validate_only=True)
    update("down unsafely, validated", (version, 20, UNSAFE), versions=(1, 2), validate_only=True)
    update("no such way", ("group.version", 1, 9), versions=(1, 2))
    update("no way", ("group.version", 1, 0), versions=(1, 2))
    update("the quorum's version", ("kraft.version", 1, UP), versions=(1, 2), validate_only=True)
    update("the quorum's version, off", ("kraft.version", 0, DOWN), versions=(1, 2))
    update("one twice", ("group.version", 1, UP), ("group.version", 1, UP))
    update("good and bad", ("group.version", 0, DOWN), ("no.such.feature", 1, UP))
    update("the same level", ("group.version", 1, UP), versions=(1, 2), validate_only=True)
    for feature in ("group.version", "transaction.version", "share.version", "streams.version",
                    "eligible.leader.replicas.version"):  # fmt: skip
        update(feature + " of the future", (feature, FUTURE, UP), versions=(1, 2))
        update(feature + " off, validated", (feature, 0, DOWN), versions=(1, 2), validate_only=True)
        update(feature + " off, the wrong way", (feature, 0, UP), versions=(1, 2))
    ask("ApiVersions", "features as they were", LAST, {})


def elect_leaders(ask):
    def elect(name, *wanted, versions=ALL, kind=0, **more):
        entries = [dict(topic=topic, partitions=list(p)) for topic, p in wanted]
        body = dict(topic_partitions=entries, election_type=kind, timeout_ms=10000)
        ask("ElectLeaders", name, versions, dict(body, **more))

    for kind in (0, 1):
        word = "unclean" if kind else "preferred"
        versions = (1, 2) if kind else ALL
        elect(word, ("orders", [0]), kind=kind, versions=versions)
        elect(word + ", three", ("orders", [0, 1, 2]), kind=kind, versions=versions)
        elect(word + ", all", kind=kind, versions=versions, topic_partitions=None)
        elect(word + ", an unknown topic", ("absent", [0]), kind=kind, versions=versions)
        elect(word + ", an unknown partition", ("orders", [9]), kind=kind, versions=versions)
        elect(word + ", a partition below 0", ("orders", [-1]), kind=kind, versions=versions)
    elect("nothing")
    elect("no partitions", ("orders", []))
    elect("one twice", ("orders", [0, 0]))
    elect("good and bad", ("orders", [0, 9]), ("absent", [0]))
    elect("no such kind", ("orders", [0]), kind=9, versions=(1, 2))
    elect("a timeout of 0", ("orders", [0]), timeout_ms=0)
    elect("a bad name", ("a b", [0]))


def reassignments(ask):
    def move(name, *wanted, **more):
        """`wanted`: (topic, partition, replicas)."""
        topics = [
            dict(name=topic, partitions=[dict(partition_index=p, replicas=replicas)])
            for topic, p, replicas in wanted
        ]
        ask("AlterPartitionReassignments", name, ALL, dict(dict(topics=topics), **more))

    move("nothing")
    move("to where it is", ("orders", 0, [ME]))
    move("call off what is none", ("orders", 0, None))
    move("to an unknown broker", ("orders", 0, [NOBODY]))
    move("to an unknown broker, too", ("orders", 0, [ME, NOBODY]))
    move("to a broker twice", ("orders", 0, [ME, ME]))
    move("to none", ("orders", 0, []))
    move("to a broker below 0", ("orders", 0, [-1]))
    move("an unknown topic", ("absent", 0, [ME]))
    move("an unknown partition", ("orders", 9, [ME]))
    move("one twice", ("orders", 0, [ME]), ("orders", 0, None))
    move("good and bad", ("orders", 0, [ME]), ("absent", 0, [ME]))

    def under_way(name, topics):
        ask("ListPartitionReassignments", name, ALL, dict(topics=topics))

    under_way("all", None)
    under_way("none", [])
    under_way("one", [dict(name="orders", partition_indexes=[0])])
    under_way("an unknown topic", [dict(name="absent", partition_indexes=[0])])
    under_way("an unknown partition", [dict(name="orders", partition_indexes=[9])])


def log_dirs(ask):
    create(ask, "a topic to move", LAST, new("moves", 2))

    def describe(name, *wanted, versions=ALL, **more):
        topics = [dict(topic=topic, partitions=list(p)) for topic, p in wanted]
        ask("DescribeLogDirs", name, versions, dict(dict(topics=topics), **more))

    describe("one partition", ("moves", [0]))
    describe("one with records", ("small", [0]))
    describe("two partitions", ("moves", [0, 1]))
    describe("a partition twice", ("moves", [0, 0]))
    describe("two topics", ("moves", [0]), ("empty", [0, 1]))
    describe("a topic twice", ("moves", [0]), ("moves", [1]))
    describe("no partitions", ("moves", []))
    describe("nothing")
    describe("all", topics=None)
    describe("an unknown topic", ("absent", [0]))
    describe("an unknown partition", ("moves", [9]))
    describe("a partition below 0", ("moves", [-1]))
    describe("good and bad", ("moves", [0, 9]), ("absent", [0]))
    describe("the metadata log", ("__cluster_metadata", [0]))

    def move(name, path, *wanted):
        topics = [dict(name=topic, partitions=list(p)) for topic, p in wanted]
        ask("AlterReplicaLogDirs", name, ALL, dict(dirs=[dict(path=path, topics=topics)]))

    move("to where it is", OWN_FOLDER, ("moves", [0]))
    move("to an unknown folder", "/no/such/folder", ("moves", [0]))
    move("to a folder that is no path", "folder", ("moves", [0]))
    move("to no folder", "", ("moves", [0]))
    move("to a folder not put plainly", Known(lambda side: side.folder + "/./data"), ("moves", [0]))
    move("an unknown topic", OWN_FOLDER, ("absent", [0]))
    move("an unknown partition", OWN_FOLDER, ("moves", [9]))
    move("a partition below 0", OWN_FOLDER, ("moves", [-1]))
    move("a partition twice", OWN_FOLDER, ("moves", [0, 0]))
    move("no partitions", OWN_FOLDER, ("moves", []))
    move("no topics", OWN_FOLDER)
    move("good and bad", OWN_FOLDER, ("moves", [0, 9]), ("absent", [0]))
    move("a bad name", OWN_FOLDER, ("a b", [0]))
    ask("AlterReplicaLogDirs", "nothing", ALL, dict(dirs=[]))


def raft_voters(ask):
    listener = dict(name="CONTROLLER", host="127.0.0.1", port=1)
    voter = dict(
        cluster_id="no-such-cluster",
        timeout_ms=1000,
        voter_id=NOBODY,
        voter_directory_id=b"\x55" * 16,
        listeners=[listener],
    )
    ask("AddRaftVoter", "of another cluster", ALL, voter)
    ask("AddRaftVoter", "one that is there", ALL, dict(voter, cluster_id=None, voter_id=ME))
    ask("AddRaftVoter", "a voter below 0", ALL, dict(voter, cluster_id=None, voter_id=-1))
    ask("AddRaftVoter", "without listeners", ALL, dict(voter, cluster_id=None, listeners=[]))
    gone = dict(cluster_id=None, voter_id=NOBODY, voter_directory_id=b"\x55" * 16)
    ask("RemoveRaftVoter", "one that is none", ALL, gone)
    ask("RemoveRaftVoter", "of another cluster", ALL, dict(gone, cluster_id="no-such-cluster"))
    ask("RemoveRaftVoter", "in another folder", ALL, dict(gone, voter_id=ME))


def unregister_broker(ask):
    for broker in (NOBODY, -1, 2**31 - 1):
        ask("UnregisterBroker", "broker %d" % broker, ALL, dict(broker_id=broker))


def of_controllers(script):
    """What only a controller's listener answers, and requests that there are no more."""
    for (kind, name), message in sorted(wire.MESSAGES.items()):
        if kind == "request" and message.listeners == ("controller",):
            script.ask(name, "on a broker's listener", ENDS, {})


def frames(script):
    def header(key, version, correlation=1, client=b"\0\4diff", rest=b""):
        return struct.pack(">hhi", key, version, correlation) + client + rest

    whole = wire.frame
    script.raw("no bytes", whole(b""))
    script.raw("one byte", whole(b"\0"))
    script.raw("half a header", whole(header(18, 0)[:6]))
    script.raw(
        "a header that ends in its client's name", whole(header(18, 0, client=b"\0\x40diff"))
    )
    script.raw(
        "a client's name that is no UTF-8",
        whole(header(18, 0, client=b"\0\2\xff\xfe")),
        "ApiVersions",
    )
    script.raw("no client's name", whole(header(18, 0, client=b"\xff\xff")), "ApiVersions")
    script.raw("a length below -1 for it", whole(header(18, 0, client=b"\xff\xfe")), "ApiVersions")
    script.raw("a length of -1", struct.pack(">i", -1))
    script.raw("a length of -2^31", struct.pack(">i", -(2**31)))
    script.raw("a length of 2^31-1", struct.pack(">i", 2**31 - 1))
    script.raw("HTTP", b"GET / HTTP/1.1\r\n\r\n")
    script.raw("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200)
    for key in (-1, 4, 5, 6, 7, 95, 1000, 32767):
        script.raw("API %d" % key, whole(header(key, 0)))
    for correlation in (0, -1, 2**31 - 1, -(2**31)):
        script.raw("correlation %d" % correlation, whole(header(60, 99, correlation)))
    tags = b"\1\0\2ab"
    script.raw("a tag in the header", whole(header(60, 0, rest=tags + b"\0\0")), "DescribeCluster")
    script.raw("tags that are too long", whole(header(60, 0, rest=b"\1\0\x7fab")))
    script.raw(
        "a tag twice", whole(header(60, 0, rest=b"\2\0\1a\0\1a" + b"\0\0")), "DescribeCluster"
    )
    script.raw(
        "tags not in order", whole(header(60, 0, rest=b"\2\5\1a\4\1a" + b"\0\0")), "DescribeCluster"
    )
    script.raw("a count of tags without end", whole(header(60, 0, rest=b"\xff" * 12)))
    script.ask("ApiVersions", "all is well", LAST, {})
