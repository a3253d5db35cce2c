"""Clients that are slow, many, deaf, or gone."""

import os
import socket
import struct
import time

import kafka_wire as wire
from frames_hostile import bounded, serves
from node import same, wait_until


def open_files(world):
    if not hasattr(world.broker, "process"):
        return 0
    return len(os.listdir("/proc/%d/fd" % world.broker.process.pid))


def hostile_slow_sender(world):
    """a request byte by byte is served, and others meanwhile"""
    topic = world.topic()
    codec = wire.Codec(wire.MESSAGES["request", "Metadata"], 9)
    data = wire.frame(wire.request_header(3, 9, 1, True) + codec.encode(dict(topics=[])))
    with world.connect() as slow:
        for at in range(len(data)):
            slow.send_bytes(data[at : at + 1])
            time.sleep(0.01)
            if at % 8 == 0:
                serves(world, topic)
        same(len(slow.receive_frame()) > 4, True)


def hostile_many_slow(world):
    """hundreds of connections that each hold half a request: others are served"""
    held = [world.connect() for _ in range(300)]
    for connection in held:
        connection.send_bytes(struct.pack(">i", 1000) + b"\0\3\0\x09")
    serves(world)
    for connection in held:
        connection.close()


def hostile_many_connections(world):
    """two thousand connections come and go; their files are given back"""
    before = open_files(world)
    held = [world.connect() for _ in range(2000)]
    serves(world)
    for connection in held[::100]:
        same(connection.call("ApiVersions", 0)["error_code"], 0)
    for connection in held:
        connection.close()
    serves(world)
    wait_until(lambda: open_files(world) < before + 100, 10, "files given back")


def hostile_come_and_go(world):
    """connections that end at once, politely or by a reset"""
    before = open_files(world)
    for number in range(1000):
        with world.connect() as connection:
            if number % 2:
                connection.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
    serves(world)
    wait_until(lambda: open_files(world) < before + 100, 10, "files given back")


def big_topic(world, mebibytes):
    """Records that no compression shrinks, made once: the CRC of a MiB takes Python a while."""
    topic = world.topic(max_message_bytes=str(2 << 20))
    batch = wire.batch([os.urandom(1 << 20)])
    for _ in range(mebibytes):
        world.append(topic, batch)
    return topic


def fetch_all(topic):
    return dict(
        max_wait_ms=0,
        min_bytes=0,
        topics=[
            dict(
                topic=topic,
                partitions=[dict(partition=0, fetch_offset=0, partition_max_bytes=1 << 26)],
            )
        ],
    )


def hostile_never_reads(world):
    """clients that ask for gigabytes and never read: memory stays, others are served"""
    topic = big_topic(world, 16)
    deaf = [world.connect() for _ in range(20)]
    for connection in deaf:
        for _ in range(20):
            connection.send("Fetch", 12, fetch_all(topic))
    for _ in range(5):
        serves(world)
        time.sleep(0.1)
    for connection in deaf[:2]:  # who reads after all gets what was asked for
        for _ in range(20):
            connection.receive("Fetch", 12)
    for connection in deaf:
        connection.close()
    serves(world)


def hostile_goes_while_sent_to(world):
    """clients that go in the middle of a large answer"""
    topic, before = big_topic(world, 8), open_files(world)
    for number in range(60):
        with world.connect() as connection:
            connection.send("Fetch", 12, fetch_all(topic))
            if number % 3:
                connection.receive_exactly(1000)
            if number % 2:
                connection.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
    serves(world)
    wait_until(lambda: open_files(world) < before + 100, 10, "files given back")


def hostile_goes_while_waiting(world):
    """clients that go while their fetch waits"""
    topic, before = world.topic(), open_files(world)
    for _ in range(200):
        with world.connect() as connection:
            connection.send(
                "Fetch",
                12,
                dict(
                    max_wait_ms=30000,
                    min_bytes=1,
                    topics=[
                        dict(
                            topic=topic,
                            partitions=[
                                dict(partition=0, fetch_offset=0, partition_max_bytes=1000)
                            ],
                        )
                    ],
                ),
            )
    serves(world, topic)
    wait_until(lambda: open_files(world) < before + 100, 10, "files given back")


def hostile_flood(world):
    """ten thousand requests before the first answer is read"""
    one = wire.frame(wire.request_header(18, 0, 9, False))
    with world.connect() as connection:
        connection.socket.settimeout(0.5)
        sent = 0
        data = one * 10_000
        try:
            while sent < len(data):
                sent += connection.socket.send(data[sent : sent + 65536])
        except (TimeoutError, socket.timeout):
            pass  # back-pressure: it takes no more before we read
        serves(world)
        connection.socket.settimeout(20)
        for _ in range(sent // len(one)):
            same(connection.receive_frame()[:4], struct.pack(">i", 9))


def hostile_acks_0_flood(world):
    """many produces with acks=0 and then gone: all are stored"""
    topic = world.topic()
    batch = wire.batch([b"x" * 1000])
    with world.connect() as connection:
        for _ in range(2000):
            connection.send(
                "Produce",
                9,
                dict(
                    acks=0,
                    timeout_ms=1000,
                    topic_data=[dict(name=topic, partition_data=[dict(index=0, records=batch)])],
                ),
            )
        connection.call("Metadata", 1, topics=[])
    wait_until(lambda: world.fetch(topic)["high_watermark"] == 2000, what="all are stored")
    bounded(world)


def hostile_sessions(world):
    """thousands of fetch sessions opened and forgotten"""
    topic = world.topic()
    body = dict(
        max_wait_ms=0,
        session_id=0,
        session_epoch=0,
        topics=[
            dict(
                topic=topic,
                partitions=[dict(partition=0, fetch_offset=0, partition_max_bytes=1000)],
            )
        ],
    )
    with world.connect() as connection:
        for _ in range(3000):
            same(connection.call("Fetch", 12, **body)["error_code"], 0)
    serves(world, topic)


def hostile_producers(world):
    """thousands of producer ids on one partition"""
    topic = world.topic()
    with world.connect() as connection:
        for number in range(3000):
            answer = connection.call(
                "Produce",
                9,
                acks=-1,
                timeout_ms=1000,
                topic_data=[
                    dict(
                        name=topic,
                        partition_data=[
                            dict(
                                index=0,
                                records=wire.batch(
                                    [b"a"], producer_id=10**6 + number, producer_epoch=0, sequence=0
                                ),
                            )
                        ],
                    )
                ],
            )
            same(answer["responses"][0]["partition_responses"][0]["error_code"], 0)
    serves(world, topic)
