"""Frames that lie: lengths, counts, halves, garbage."""

import random
import socket
import struct
import time

import kafka_wire as wire
from node import same
from suite import stronger

FRAME_MAX = 104857600  # socket.request.max.bytes
RSS_MAX_KIB = 400 << 10  # in a sanitizer's build too; what the attacks ask for is many times more


def serves(world, topic=None):
    """After all that: a record in, a record out."""
    topic = topic or world.topic()
    offset = world.append(topic, wire.batch([b"alive"]))
    same([r[3] for r in world.batches(topic, offset)[0].records()], [b"alive"])
    bounded(world)


def bounded(world):
    if hasattr(world.broker, "rss_kib"):
        same(world.broker.rss_kib() < RSS_MAX_KIB, True, "%d KiB resident" % world.broker.rss_kib())


def closes(world, data, what=""):
    with world.connect() as connection:
        connection.send_bytes(data)
        same(connection.is_closed(), True, "closed " + what)


def answered(connection, seconds=5):
    """What became of a request: bytes, b"" for closed, None for silence."""
    connection.socket.settimeout(seconds)
    try:
        return connection.receive_frame()
    except wire.Closed:
        return b""
    except (TimeoutError, socket.timeout):
        return None


def hostile_lengths(world):
    """negative, empty and too short frames: closed"""
    for length in (-1, -(2**31), 0, 1, 3, 7):
        closes(world, struct.pack(">i", length) + b"\0" * max(length, 0), "length %d" % length)
    serves(world)


def hostile_too_long(world):
    """a frame over socket.request.max.bytes: closed before its bytes come"""
    for length in (FRAME_MAX + 1, 2**31 - 1):
        closes(world, struct.pack(">i", length), "length %d" % length)
    serves(world)


def hostile_other_protocols(world):
    """HTTP and TLS on the port: closed"""
    closes(world, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP")
    closes(world, b"SSH-2.0-OpenSSH_9.2\r\n", "SSH")
    serves(world)


@stronger
def hostile_announced(world):
    """many frames announced at full length, never sent: no memory is taken for them"""
    connections = [world.connect() for _ in range(60)]
    for connection in connections:
        connection.send_bytes(struct.pack(">i", FRAME_MAX) + b"\0\x03\0\x01")
    serves(world)
    for connection in connections:
        connection.close()


def hostile_half(world):
    """half a request, then the end, or a reset; nothing of it is stored"""
    topic = world.topic()
    codec = wire.Codec(wire.MESSAGES["request", "Produce"], 9)
    body = wire.request_header(0, 9, 1, True) + codec.encode(
        dict(
            acks=-1,
            timeout_ms=1000,
            topic_data=[
                dict(name=topic, partition_data=[dict(index=0, records=wire.batch([b"half" * 50]))])
            ],
        )
    )
    data = wire.frame(body)
    for size in (1, 3, 4, 5, 12, 40, len(data) - 1):
        with world.connect() as connection:
            connection.send_bytes(data[:size])
        with world.connect() as connection:
            connection.send_bytes(data[:size])
            connection.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
    for size in (8, 12, 40, len(body) - 1):  # a frame that ends inside the message
        with world.connect() as connection:
            connection.send_bytes(wire.frame(body[:size]))
            reply = answered(connection)
            same(reply == b"" or reply is not None, True, "an end or an answer")
    same(world.batches(topic), [])
    serves(world)


def hostile_counts(world):
    """huge counts of what does not follow: closed, and nothing is allocated for them"""
    huge, compact = struct.pack(">i", 2**31 - 1), b"\xff\xff\xff\xff\x07"
    for key, version, body in (
        (3, 1, huge),
        (3, 9, compact),
        (3, 12, compact),
        (0, 3, b"\xff\xff" + b"\xff\xff" + b"\0\0\0\1" + huge),
        (0, 9, b"\0" + b"\xff\xff" + b"\0\0\0\1" + compact),
        (1, 4, b"\xff\xff\xff\xff" + b"\0" * 13 + huge),
        (19, 2, huge),
        (19, 7, compact),
        (20, 1, huge),
        (37, 0, huge),
        (32, 1, huge),
        (44, 0, huge),
        (2, 1, b"\xff\xff\xff\xff" + huge),
        (23, 2, huge),
    ):
        flexible = version >= wire.MESSAGES["request", NAMES[key]].flexible[0]
        closes(
            world,
            wire.frame(wire.request_header(key, version, 1, flexible) + body),
            "%s v%d" % (NAMES[key], version),
        )
    serves(world)


NAMES = {message.id: name for (kind, name), message in wire.MESSAGES.items() if kind == "request"}


def hostile_nested_counts(world):
    """a count of a million with fewer behind: closed, no multiple of them is allocated"""
    topics = struct.pack(">i", 1_000_000) + b"\0\1a" * 300_000
    with world.connect() as connection:
        connection.send_bytes(wire.frame(wire.request_header(3, 1, 1, False) + topics))
        same(answered(connection), b"")
    serves(world)


def hostile_strings(world):
    """strings longer than the frame, null where none may be, endless varints: closed"""
    for key, version, body in (
        (3, 1, b"\0\0\0\1" + b"\x7f\xffabc"),
        (3, 1, b"\0\0\0\1" + b"\xff\xff"),
        (3, 9, b"\2" + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        (3, 9, b"\xff" * 30),
        (3, 9, b"\2\0"),
        (3, 9, b"\1\1\0\0" + b"\xff\xff\xff\xff\x07"),
        (3, 9, b"\1\1\0\0" + b"\1\0\xff\xff\xff\xff\x07"),
        (22, 0, b"\x7f\xff"),
    ):
        flexible = version >= wire.MESSAGES["request", NAMES[key]].flexible[0]
        closes(
            world,
            wire.frame(wire.request_header(key, version, 1, flexible) + body),
            repr(body[:20]),
        )
    serves(world)


def hostile_header(world):
    """headers cut short or with a client id longer than the frame: closed"""
    for data in (
        b"\0",
        b"\0\3",
        b"\0\3\0\1",
        b"\0\3\0\1\0\0\0\1",
        b"\0\3\0\1\0\0\0\1\x7f\xff",
        b"\0\3\0\x09\0\0\0\1\0\1x" + b"\xff\xff\xff\xff\x0f",
    ):
        closes(world, wire.frame(data), repr(data))
    serves(world)


def hostile_tags(world):
    """unknown tagged fields are skipped, in headers and bodies"""
    with world.connect() as connection:
        header = struct.pack(">hhih", 3, 9, 5, -1) + b"\1\x63\3abc"
        connection.send_bytes(wire.frame(header + b"\1\1\0\0" + b"\1\x64\2xy"))
        same(answered(connection)[:5], struct.pack(">ib", 5, 0))


def hostile_garbage(world):
    """random bytes in frames of their right length"""
    rng = random.Random(1)
    for _ in range(300):
        with world.connect() as connection:
            connection.send_bytes(wire.frame(rng.randbytes(rng.randrange(1, 200))))
            answered(connection, 0.005)
    serves(world)


def valid_requests(world, topic):
    topic_id = world.topic_id(topic)
    part = dict(partition=0, fetch_offset=0, partition_max_bytes=1000)
    return [
        ("ApiVersions", 3, dict(client_software_name="a", client_software_version="1")),
        ("Metadata", 12, dict(topics=[dict(name=topic)], allow_auto_topic_creation=False)),
        ("Metadata", 1, dict(topics=[dict(name=topic)])),
        (
            "Produce",
            3,
            dict(
                acks=1,
                timeout_ms=100,
                topic_data=[
                    dict(
                        name=topic, partition_data=[dict(index=0, records=wire.batch([b"a", b"b"]))]
                    )
                ],
            ),
        ),
        (
            "Produce",
            9,
            dict(
                acks=-1,
                timeout_ms=100,
                topic_data=[
                    dict(
                        name=topic,
                        partition_data=[
                            dict(
                                index=0,
                                records=wire.batch(
                                    [b"a" * 40], attributes=wire.GZIP, compress=wire.gzip
                                ),
                            )
                        ],
                    )
                ],
            ),
        ),
        (
            "Produce",
            13,
            dict(
                acks=-1,
                timeout_ms=100,
                topic_data=[
                    dict(
                        topic_id=topic_id,
                        partition_data=[dict(index=0, records=wire.batch([b"a"]))],
                    )
                ],
            ),
        ),
        (
            "Fetch",
            4,
            dict(max_wait_ms=1, min_bytes=1, topics=[dict(topic=topic, partitions=[part])]),
        ),
        (
            "Fetch",
            12,
            dict(
                max_wait_ms=1,
                min_bytes=1,
                session_epoch=0,
                topics=[dict(topic=topic, partitions=[part])],
            ),
        ),
        (
            "Fetch",
            17,
            dict(max_wait_ms=1, min_bytes=1, topics=[dict(topic_id=topic_id, partitions=[part])]),
        ),
        (
            "ListOffsets",
            7,
            dict(
                replica_id=-1,
                topics=[dict(name=topic, partitions=[dict(partition_index=0, timestamp=5)])],
            ),
        ),
        (
            "OffsetForLeaderEpoch",
            4,
            dict(topics=[dict(topic=topic, partitions=[dict(partition=0, leader_epoch=0)])]),
        ),
        ("InitProducerId", 4, dict(transactional_id=None, transaction_timeout_ms=1000)),
        (
            "CreateTopics",
            7,
            dict(
                topics=[
                    dict(
                        name="m",
                        num_partitions=1,
                        replication_factor=1,
                        configs=[dict(name="retention.ms", value="1000")],
                    )
                ],
                timeout_ms=100,
                validate_only=True,
            ),
        ),
        ("DeleteTopics", 6, dict(topics=[dict(name="absent")], timeout_ms=100)),
        (
            "CreatePartitions",
            3,
            dict(topics=[dict(name=topic, count=1, assignments=None)], timeout_ms=100),
        ),
        (
            "DescribeConfigs",
            4,
            dict(resources=[dict(resource_type=2, resource_name=topic, configuration_keys=None)]),
        ),
        (
            "IncrementalAlterConfigs",
            1,
            dict(
                validate_only=True,
                resources=[
                    dict(
                        resource_type=2,
                        resource_name=topic,
                        configs=[dict(name="retention.ms", config_operation=0, value="1000")],
                    )
                ],
            ),
        ),
        ("DescribeCluster", 1, dict()),
        ("DescribeTopicPartitions", 0, dict(topics=[dict(name=topic)])),
    ]


def hostile_mutations(world):
    """valid requests with bytes flipped, cut and added: never harm"""
    rng = random.Random(2)
    topic = world.topic()
    for api, version, body in valid_requests(world, topic):
        message = wire.MESSAGES["request", api]
        codec = wire.Codec(message, version)
        good = wire.request_header(message.id, version, 1, codec.flexible) + codec.encode(body)
        for _ in range(60):
            data = bytearray(good)
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                what, at = rng.randrange(5), rng.randrange(8, len(data))
                if what < 3:
                    data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
                elif what == 3:
                    del data[at : at + rng.randrange(1, 5)]
                else:
                    data[at:at] = rng.randbytes(rng.randrange(1, 5))
                if len(data) <= 8:
                    break
            with world.connect() as connection:
                connection.send_bytes(wire.frame(bytes(data)))
                answered(connection, 0.02)
    serves(world)


def hostile_numbers(world):
    """numbers at their ends where sizes, times and offsets are meant: an answer or an end"""
    topic = world.topic()
    world.append(topic, wire.batch([b"a"]))
    ends = {
        "int8": (-128, 127),
        "int16": (-(2**15), 2**15 - 1),
        "int32": (-(2**31), -1, 0, 2**31 - 1),
        "int64": (-(2**63), -1, 2**63 - 1),
    }
    for api, version, body in valid_requests(world, topic):
        if api in ("CreateTopics", "CreatePartitions"):
            continue
        for path, kind in number_paths(wire.MESSAGES["request", api].struct, body, version):
            if path[-1] in ("max_wait_ms",):
                continue
            for value in ends[kind]:
                with world.connect() as connection:
                    connection.send(api, version, replaced(body, path, value))
                    if answered(connection, 0.05) is None and api != "Produce":
                        connection.close()
    serves(world)


def number_paths(kind, body, version, before=()):
    """(path, type) of every number in a message's body."""
    for field in kind.fields:
        if not wire.within(version, field.versions):
            continue
        path = before + (field.name,)
        if field.struct is not None and field.is_array:
            for index, item in enumerate(body.get(field.name) or ()):
                yield from number_paths(field.struct, item, version, path + (index,))
        elif field.type in ("int8", "int16", "int32", "int64") and not field.is_array:
            yield path, field.type


def replaced(body, path, value):
    if not path:
        return value
    if isinstance(body, list):
        return [
            replaced(item, path[1:], value) if index == path[0] else item
            for index, item in enumerate(body)
        ]
    return dict(body, **{path[0]: replaced(body.get(path[0]), path[1:], value)})


def hostile_too_many_partitions(world):
    """a topic of two thousand million partitions: refused; the broker is not busy with it"""
    begin = time.time()
    for count in (2**31 - 1, 10_001):
        name = world.name()
        answer = world.create(name, count)
        same(answer["error_code"], 44, "%d partitions" % count)
        same(world.describe(name)["error_code"], 3)
    topic = world.topic()
    answer = world.call(
        "CreatePartitions",
        3,
        timeout_ms=1000,
        topics=[dict(name=topic, count=2**31 - 1, assignments=None)],
    )
    same(answer["results"][0]["error_code"] != 0, True, "grown")
    same(time.time() - begin < 10, True)
    serves(world)


def hostile_many_names(world):
    """a hundred thousand names in one request: answered"""
    names = [dict(name="absent-%d" % number) for number in range(100_000)]
    answer = world.call("Metadata", 9, topics=names, allow_auto_topic_creation=False)
    same((len(answer["topics"]), {t["error_code"] for t in answer["topics"]}), (100_000, {3}))
    serves(world)


def hostile_same_partition_twice(world):
    """one partition twice in a Produce: answered, and what is acknowledged is there"""
    topic = world.topic()
    answer = world.call(
        "Produce",
        9,
        acks=-1,
        timeout_ms=10000,
        topic_data=[
            dict(
                name=topic,
                partition_data=[
                    dict(index=0, records=wire.batch([b"a"])),
                    dict(index=0, records=wire.batch([b"b"])),
                ],
            )
        ],
    )
    parts = answer["responses"][0]["partition_responses"]
    accepted = [p for p in parts if p["error_code"] == 0]
    same(len(world.values(topic)) >= len(accepted), True)
    serves(world, topic)
