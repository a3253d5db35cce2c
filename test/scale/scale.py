"""Many partitions, many connections, much data: what they cost, and how soon a killed node is back.

Every figure has the bound that it must keep. Kafka, where it can, is measured the same way beside it.

usage: scale.py [WORD…]   sections whose name contains one of the words: partitions more connections
                          data; `kafka` measures Kafka beside the first
"""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import kafka_wire as wire  # noqa: E402
from node import Gregor, Kafka, Tally, same, wait_until  # noqa: E402
from world import World  # noqa: E402

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
TOPIC_PARTITIONS = 1000
CONNECTIONS = 10_000
DATA_BYTES = 10 * GIB
BATCH_BYTES = 900_000
NOW_MS = wire.now_ms()


class Figures:
    """Prints and judges what was measured."""

    def __init__(self, tally):
        self.tally = tally

    def at_most(self, what, value, bound, unit):
        self.tally.check("%s: %.4g %s, at most %g" % (what, value, unit, bound), value <= bound)

    def told(self, what, value, unit):
        print("# %s: %.4g %s" % (what, value, unit), flush=True)


def create(bootstrap, count):
    """Topics of TOPIC_PARTITIONS partitions each, in one request a topic."""
    with wire.Connection(bootstrap, 120) as connection:
        for first in range(0, count, TOPIC_PARTITIONS):
            topic = dict(
                name="scale-%d" % first,
                num_partitions=TOPIC_PARTITIONS,
                replication_factor=1,
                configs=[],
            )
            answer = connection.call(
                "CreateTopics", 7, topics=[topic], timeout_ms=60000, validate_only=False
            )
            same(answer["topics"][0]["error_code"], 0, topic["name"])


def serving(connection, count):
    """How many partitions tell their end."""
    found = 0
    for first in range(0, count, TOPIC_PARTITIONS):
        topic = dict(
            name="scale-%d" % first,
            partitions=[
                dict(partition_index=p, timestamp=-1) for p in range(TOPIC_PARTITIONS)
            ],
        )
        answer = connection.call("ListOffsets", 7, replica_id=-1, topics=[topic])
        found += sum(p["error_code"] == 0 for p in answer["topics"][0]["partitions"])
    return found


def wait_serving(bootstrap, count, timeout_s):
    """Asks as seldom as a second allows: the asking must not be what is measured."""
    with wire.Connection(bootstrap, 120) as connection:
        deadline = time.time() + timeout_s
        while serving(connection, count) < count:
            if time.time() > deadline:
                raise AssertionError("not all of %d partitions serve" % count)


def restart_killed(node):
    """Seconds from the start to the line that says ready, after kill -9."""
    node.end(signal.SIGKILL)
    begin = time.time()
    node.start()
    return time.time() - begin


def partitions(figures, work, count=10_000, create_s=2.0, each=4 * KIB, start_s=1.0):
    node = Gregor(os.path.join(work, "partitions-%d" % count))
    node.start()
    before, begin = node.rss_kib(), time.time()
    create(node.bootstrap, count)
    wait_serving(node.bootstrap, count, 300)
    figures.at_most("%d partitions created and serving" % count, time.time() - begin, create_s, "s")
    size = (node.rss_kib() - before) * KIB / count
    figures.at_most("resident memory of each", size / KIB, each / KIB, "KiB")
    figures.at_most("ready after kill -9", restart_killed(node), start_s, "s")
    begin = time.time()
    wait_serving(node.bootstrap, count, 300)
    figures.told("and all of them serve", time.time() - begin, "s later")
    return node


def section_partitions(figures, work):
    node = partitions(figures, work)
    same(node.end(), 0, "exit status")


def section_more(figures, work):
    """100,000 partitions on one node."""
    node = partitions(figures, work, 100_000, create_s=60, each=GIB / 100_000, start_s=10)
    figures.at_most("resident memory", node.rss_kib() / 1024, 1024, "MiB")
    world = World(node)
    for partition in (0, 500, 999):
        same(world.append("scale-%d" % (90 * 1000), wire.batch([b"x"]), partition), 0, "base offset")
    same(node.end(timeout_s=120), 0, "exit status")


def section_connections(figures, work):
    """Idle ones, each of which has asked once."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (CONNECTIONS + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    node = Gregor(os.path.join(work, "connections"))
    node.start()
    World(node).call("ApiVersions", 0)
    before, open_ones = node.rss_kib(), []
    for _ in range(CONNECTIONS):
        connection = wire.Connection(node.bootstrap)
        connection.call("ApiVersions", 0)
        open_ones.append(connection)
    size = (node.rss_kib() - before) * KIB / CONNECTIONS
    figures.at_most("resident memory of an idle connection", size / KIB, 4, "KiB")
    topic = World(node).topic()
    same(World(node).append(topic, wire.batch([b"x"])), 0, "it serves beside them")
    for connection in open_ones:
        connection.close()
    same(node.end(), 0, "exit status")


def fill(bootstrap, topic, count):
    """Batches of records, several on the way at a time."""
    records = wire.batch([os.urandom(BATCH_BYTES)], timestamp=NOW_MS)
    bodies = [
        dict(
            acks=-1,
            timeout_ms=30000,
            topic_data=[dict(name=topic, partition_data=[dict(index=p, records=records)])],
        )
        for p in range(4)
    ]
    codec = wire.Codec(wire.MESSAGES["request", "Produce"], 9)
    frames = [
        wire.frame(wire.request_header(0, 9, p, True) + codec.encode(body))
        for p, body in enumerate(bodies)
    ]
    with wire.Connection(bootstrap, 60) as connection:
        waiting = 0
        for number in range(count):
            connection.send_bytes(frames[number % 4])
            waiting += 1
            while waiting > (4 if number < count - 1 else 0):
                connection.receive_frame()
                waiting -= 1


def ends(world, topic, count):
    asked = [dict(partition_index=p, timestamp=-1) for p in range(count)]
    answer = world.call(
        "ListOffsets", 7, replica_id=-1, topics=[dict(name=topic, partitions=asked)]
    )
    return [partition["offset"] for partition in answer["topics"][0]["partitions"]]


def section_data(figures, work):
    """10 GiB, then kill -9 in the middle of more."""
    node = Gregor(os.path.join(work, "data"))
    node.start()
    world = World(node)
    topic = world.topic(4)
    begin = time.time()
    fill(node.bootstrap, topic, DATA_BYTES // BATCH_BYTES)
    figures.told("written and flushed", DATA_BYTES / MIB / (time.time() - begin), "MiB/s")
    before = ends(world, topic, 4)
    node.end(signal.SIGKILL)
    begin = time.time()
    node.start()
    figures.at_most("10 GiB ready after kill -9", time.time() - begin, 1.0, "s")
    world.wait_for(topic, 4)
    figures.at_most("and all of it is served", time.time() - begin, 1.0, "s after the start")
    same(ends(world, topic, 4), before, "the ends")
    same(node.end(), 0, "exit status")


def section_kafka(figures, work):
    """The first section's figures of Kafka; nothing is asked of them."""
    kafka = Kafka(os.path.join(work, "kafka"))
    kafka.start()
    try:
        begin = time.time()
        create(kafka.bootstrap, 10_000)
        wait_serving(kafka.bootstrap, 10_000, 600)
        figures.told("Kafka: 10,000 partitions created and serving", time.time() - begin, "s")
        kafka.end(signal.SIGKILL)
        begin = time.time()
        kafka.start()
        figures.told("Kafka: ready after kill -9", time.time() - begin, "s")
        begin = time.time()
        wait_serving(kafka.bootstrap, 10_000, 600)
        figures.told("Kafka: and all of them serve", time.time() - begin, "s later")
    finally:
        kafka.end(signal.SIGKILL)


SECTIONS = {
    "partitions": section_partitions,
    "more": section_more,
    "connections": section_connections,
    "data": section_data,
    "kafka": section_kafka,
}


def main():
    words = sys.argv[1:]
    tally, work = Tally(), tempfile.mkdtemp(prefix="gregor-scale-")
    try:
        for name, section in SECTIONS.items():
            if words and not any(word in name for word in words):
                continue
            tally.run("scale: " + name, section, Figures(tally), work)
            Gregor.end_all(work)
            shutil.rmtree(work, ignore_errors=True)
            os.makedirs(work)
    finally:
        Gregor.end_all(work)
        shutil.rmtree(work, ignore_errors=True)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
