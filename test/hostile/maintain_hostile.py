"""What time does to a log: retention, compaction, deletion, and bits that rot."""

import glob
import os
import signal

import kafka_wire as wire
from node import Gregor, same, wait_until
from suite import alone
from world import World

SOON = (
    "log.segment.bytes=1048576",
    "log.initial.task.delay.ms=100",
    "log.retention.check.interval.ms=200",
    "log.cleaner.backoff.ms=100",
    "log.cleaner.min.cleanable.ratio=0.01",
    "gregor.scrub.interval.ms=1000",
)
BIG = 900_000


def start(folder):
    node = Gregor(folder, *SOON)
    node.start()
    return node, World(node)


def earliest(world, topic):
    partition = dict(partition_index=0, timestamp=-2)
    answer = world.call(
        "ListOffsets", 7, replica_id=-1, topics=[dict(name=topic, partitions=[partition])]
    )
    return answer["topics"][0]["partitions"][0]["offset"]


def delete_records(world, topic, offset, version=2):
    partitions = [dict(partition_index=0, offset=offset)]
    answer = world.call(
        "DeleteRecords", version, topics=[dict(name=topic, partitions=partitions)], timeout_ms=5000
    )["topics"][0]["partitions"][0]
    return answer["error_code"], answer["low_watermark"]


def files(node, topic, suffix=".log"):
    return sorted(glob.glob(os.path.join(node.data, topic + "-0", "*" + suffix)))


@alone
def hostile_size(folder):
    """more than retention.bytes leaves from the front, by whole segments"""
    node, world = start(folder)
    topic = world.topic(retention_bytes=str(2 * BIG))
    for _ in range(6):
        world.append(topic, wire.batch([os.urandom(BIG)]))
    wait_until(lambda: earliest(world, topic) == 4, what="four segments leave")
    wait_until(lambda: len(files(node, topic)) == 2, what="and their files")
    same(world.fetch(topic, 3)["error_code"], 1, "a fetch below the start")
    for offset in (4, 5):
        same(world.batches(topic, offset)[0].base_offset, offset, "what is left")
    same(node.end(), 0, "exit status")


@alone
def hostile_age(folder):
    """what is older than retention.ms leaves, the segment that is written too"""
    node, world = start(folder)
    topic = world.topic(retention_ms="60000")
    old = wire.now_ms() - 120_000
    world.append(topic, wire.batch([b"old"], timestamp=old))
    wait_until(lambda: earliest(world, topic) == 1, what="the old one leaves")
    same(world.append(topic, wire.batch([b"new"])), 1, "offsets go on")
    node.end(signal.SIGKILL)
    node.start()
    same(earliest(world, topic), 1, "after a kill")
    same([b.base_offset for b in world.batches(topic, 1)], [1], "the new one is there")
    same(node.end(), 0, "exit status")


@alone
def hostile_policy(folder):
    """a change of cleanup.policy acts at once"""
    node, world = start(folder)
    topic = world.topic(retention_ms="1", cleanup_policy="compact")
    old = wire.now_ms() - 120_000
    world.append(topic, wire.batch([(b"k", b"v")], timestamp=old))
    same(earliest(world, topic), 0, "compact keeps it")
    change = dict(name="cleanup.policy", config_operation=0, value="delete")
    answer = world.call(
        "IncrementalAlterConfigs",
        1,
        resources=[dict(resource_type=2, resource_name=topic, configs=[change])],
    )
    same(answer["responses"][0]["error_code"], 0, "IncrementalAlterConfigs")
    wait_until(lambda: earliest(world, topic) == 1, what="delete does not")
    same(node.end(), 0, "exit status")


@alone
def hostile_deletion(folder):
    """records that were deleted stay so through a kill; what cannot be is refused"""
    node, world = start(folder)
    topic, compact = world.topic(), world.topic(cleanup_policy="compact")
    for number in range(10):
        world.append(topic, wire.batch([b"%d" % number]))
    same(delete_records(world, topic, 11), (1, -1), "beyond the high watermark")
    same(delete_records(world, topic, -2), (1, -1), "a negative offset")
    same(delete_records(world, compact, 0), (44, -1), "a compacted topic")
    same(delete_records(world, "nobody", 0), (3, -1), "no topic")
    for version in range(3):
        same(delete_records(world, topic, 4 + version, version), (0, 4 + version))
        node.end(signal.SIGKILL)
        node.start()
        same(earliest(world, topic), 4 + version, "after a kill")
    same(delete_records(world, topic, 2), (0, 6), "below the start: nothing to do")
    same(delete_records(world, topic, -1), (0, 10), "all of them")
    same(earliest(world, topic), 10)
    same(node.end(), 0, "exit status")


@alone
def hostile_compaction(folder):
    """each key's last value stays, tombstones go, through kills; a deleted topic comes back empty"""
    node, world = start(folder)
    topic = world.topic(cleanup_policy="compact", delete_retention_ms="0")
    last = {}
    for turn in range(40):
        values = []
        for key in range(30):
            dead = key % 10 == turn % 10 and turn > 30
            last[b"%d" % key] = None if dead else b"%d.%d" % (turn, key) + os.urandom(1000)
            values.append((b"%d" % key, last[b"%d" % key]))
        world.append(topic, wire.batch(values))
        if turn == 20:
            node.end(signal.SIGKILL)
            node.start()
    world.append(topic, wire.batch([(b"end", os.urandom(BIG))]))  # so that the others are sealed
    world.append(topic, wire.batch([(b"end", os.urandom(BIG))]))

    def read():
        found, offset = [], 0
        while True:
            batches = world.batches(topic, offset)
            if not batches:
                return found
            for batch in batches:
                found += [(key, value) for _, _, key, value in batch.records() if key != b"end"]
            offset = batches[-1].next_offset

    wait_until(lambda: len(read()) <= len(last), what="no more than one record a key")
    left = {key: value for key, value in last.items() if value is not None}
    wait_until(lambda: {k: v for k, v in read() if v is not None} == left, what="the last values")
    before = read()
    node.end(signal.SIGKILL)
    node.start()
    same(dict(read()), dict(before), "after a kill")
    same(world.delete(topic), 0, "DeleteTopics")
    wait_until(lambda: world.create(topic, cleanup_policy="compact")["error_code"] == 0)
    world.wait_for(topic)
    same(world.values(topic), [], "the new one")
    same(node.end(), 0, "exit status")


@alone
def hostile_rot(folder):
    """a bit that rots is found; its batch is refused, the others serve"""
    node, world = start(folder)
    topic = world.topic()
    for _ in range(60):
        world.append(topic, wire.batch([os.urandom(3000)]))
    path = files(node, topic)[0]
    size = os.path.getsize(path) // 60
    with open(path, "r+b") as file:
        file.seek(20 * size + 500)
        byte = file.read(1)[0]
        file.seek(20 * size + 500)
        file.write(bytes([byte ^ 4]))
    wait_until(lambda: b"Damage in" in node.log(), what="the scrubber finds it")
    same(b"at offset 20:" in node.log(), True, "its offset")
    same([b.base_offset for b in world.batches(topic, 0)], list(range(20)), "what lies before")
    same(world.fetch(topic, 20)["error_code"], 2, "the batch itself")
    same(world.fetch(topic, 21)["error_code"], 0, "the one behind it")
    same(world.batches(topic, 21)[-1].next_offset, 60, "to the end")
    same(world.append(topic, wire.batch([b"x"])), 60, "it takes more")
    same(node.end(), 0, "exit status")
