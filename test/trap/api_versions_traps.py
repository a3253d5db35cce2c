"""ApiVersions, and requests that name no API we speak."""

import struct

import kafka_wire as wire
from node import same

# What Kafka 4.3.1 serves of the APIs tested here.
RANGES = {
    "Produce": (0, 13),
    "Fetch": (4, 18),
    "ListOffsets": (1, 11),
    "Metadata": (0, 13),
    "ApiVersions": (0, 4),
    "CreateTopics": (2, 7),
    "DeleteTopics": (1, 6),
    "InitProducerId": (0, 5),
    "OffsetForLeaderEpoch": (2, 4),
    "DescribeConfigs": (1, 4),
    "AlterConfigs": (0, 2),
    "ElectLeaders": (0, 2),
    "AlterPartitionReassignments": (0, 1),
    "ListPartitionReassignments": (0, 0),
    "DescribeQuorum": (0, 2),
    "UpdateFeatures": (0, 2),
    "UnregisterBroker": (0, 0),
    "ListConfigResources": (0, 1),
    "CreatePartitions": (0, 3),
    "IncrementalAlterConfigs": (0, 1),
    "DescribeCluster": (0, 2),
    "DescribeTopicPartitions": (0, 0),
}
SOFTWARE = dict(client_software_name="trap", client_software_version="1.0")


def trap_ranges(world):
    """the list names Kafka's ranges, Produce from 0 for librdkafka's sake"""
    answer = world.call("ApiVersions", 4, **SOFTWARE)
    same(answer["error_code"], 0)
    listed = {a["api_key"]: (a["min_version"], a["max_version"]) for a in answer["api_keys"]}
    same({name: listed.get(wire.MESSAGES["request", name].id) for name in RANGES}, RANGES)


def trap_every_version(world):
    """every version answers with the same list, in its own format"""
    lists = [
        world.call("ApiVersions", version, **(SOFTWARE if version >= 3 else {}))["api_keys"]
        for version in range(5)
    ]
    for other in lists[1:]:
        same(other, lists[0])


def trap_version_too_new(world):
    """a version of the future gets error 35 in the format of version 0 and one entry"""
    with world.connect() as connection:
        header = wire.request_header(18, 99, 77, flexible=True)
        connection.send_bytes(wire.frame(header + b"\0\0\0"))
        reader = wire.Reader(connection.receive_frame())
        same(reader.number(">i"), 77, "correlation id")
        same(reader.rest(), struct.pack(">hihhh", 35, 1, 18, 0, 4), "body")
        same(connection.call("ApiVersions", 0)["error_code"], 0, "the connection afterwards")


def trap_version_too_new_header(world):
    """a version of the future without the header's tag byte: closed"""
    with world.connect() as connection:
        connection.send_bytes(wire.frame(wire.request_header(18, 99, 77, flexible=False)))
        same(connection.is_closed(), True)


def closes(world, key, version, flexible):
    with world.connect() as connection:
        connection.send_bytes(
            wire.frame(wire.request_header(key, version, 1, flexible) + b"\0" * 20)
        )
        same(connection.is_closed(), True, "api %d v%d closes" % (key, version))


def trap_unknown_api(world):
    """an API key nobody knows: closed without an answer"""
    for key in (9999, -1, 32767):
        closes(world, key, 0, False)


def trap_unsupported_version(world):
    """a version that is not served: closed without an answer"""
    for key, version, flexible in (
        (3, 99, True),
        (3, -1, False),
        (0, 2, False),
        (0, 14, True),
        (1, 3, False),
        (1, 19, True),
        (2, 0, False),
        (19, 1, False),
    ):
        closes(world, key, version, flexible)


def trap_other_listener(world):
    """an API of the controllers' listener: closed without an answer"""
    for key, version in (
        (52, 2),
        (53, 1),
        (54, 1),
        (56, 3),
        (58, 0),
        (59, 1),
        (62, 4),
        (63, 1),
        (67, 0),
        (70, 0),
        (82, 0),
    ):
        closes(world, key, version, True)


def trap_removed_api(world):
    """an API of the past (LeaderAndIsr, StopReplica, UpdateMetadata, ControlledShutdown): closed"""
    for key in (4, 5, 6, 7):
        closes(world, key, 0, False)


def trap_features(world):
    """features come from version 3, those that start at 0 from version 4"""
    old = world.call("ApiVersions", 3, **SOFTWARE)
    new = world.call("ApiVersions", 4, **SOFTWARE)
    names = {feature["name"]: feature for feature in new["supported_features"]}
    same(names["metadata.version"]["min_version"], 7)
    same(names["metadata.version"]["max_version"], 30)
    same(all(f["min_version"] > 0 for f in old["supported_features"]), True, "v3: no zero minimum")
    same("kraft.version" in names, True)
    final = {f["name"]: f["max_version_level"] for f in new["finalized_features"]}
    same(final["metadata.version"], 30)
    same(new["finalized_features_epoch"] >= 0, True)
    same(old["finalized_features"], new["finalized_features"])
    same("zk_migration_ready" in new, False)


def trap_software_name(world):
    """a client software name with blanks is no name: error 42"""
    for name, version in (("a b", "1"), ("", "1"), ("-a", "1"), ("a", "1 2"), ("a", "")):
        answer = world.call(
            "ApiVersions", 3, client_software_name=name, client_software_version=version
        )
        same(answer["error_code"], 42, repr((name, version)))


def trap_null_client_id(world):
    """a client id may be null, also by a length of -2"""
    with world.connect() as connection:
        for length in (b"\xff\xff", b"\xff\xfe"):
            connection.send_bytes(wire.frame(struct.pack(">hhi", 18, 0, 5) + length))
            same(struct.unpack(">ih", connection.receive_frame()[:6]), (5, 0))


def trap_pipeline(world):
    """many requests in one write are answered in their order"""
    with world.connect() as connection:
        one = wire.MESSAGES["request", "Metadata"]
        out = b""
        for number in range(200):
            key, version = (18, 0) if number % 3 else (one.id, 1)
            body = b"" if number % 3 else b"\0\0\0\0"
            out += wire.frame(wire.request_header(key, version, number, False) + body)
        connection.send_bytes(out)
        got = [struct.unpack(">i", connection.receive_frame()[:4])[0] for _ in range(200)]
        same(got, list(range(200)))


def trap_trailing_bytes(world):
    """bytes after a body are ignored"""
    with world.connect() as connection:
        connection.send("Metadata", 1, b"\0\0\0\0" + b"more")
        same(connection.receive("Metadata", 1)["topics"], [])
