"""Retention: what is old or too much leaves, and nothing else."""

import glob
import os

import kafka_wire as wire
from answers_maintain import earliest
from node import Gregor, same, wait_until
from suite import alone
from world import World

MIB = 1 << 20
HOUR_MS = 3600 * 1000
SOON = ("log.initial.task.delay.ms=50", "log.retention.check.interval.ms=50")
PART = 256 << 10  # bytes of a batch; about four make a segment


def started(folder, *settings):
    node = Gregor(os.path.join(folder, "node"), *SOON, *settings)
    node.start()
    return node, World(node)


def segments(node, topic, partition=0):
    """Base offsets of the segments that have files."""
    folder = os.path.join(node.data, "%s-%d" % (topic, partition))
    return sorted(int(os.path.basename(p)[:20]) for p in glob.glob(folder + "/*.log"))


def fill(world, topic, count, timestamp=None):
    for _ in range(count):
        world.append(topic, wire.batch([os.urandom(PART)], timestamp=timestamp))


def rounds_pass(node, world):
    """Until retention has surely looked at everything once more: a marker topic has shrunk."""
    marker = world.topic(segment_bytes=str(MIB), retention_bytes="1")
    fill(world, marker, 5)
    wait_until(lambda: earliest(world, marker) > 0, what="a round of retention")
    same(node.is_alive(), True)


@alone
def maintain_time(folder):
    """retention.ms: segments with old records only leave, their files too, younger ones stay"""
    node, world = started(folder)
    topic = world.topic(segment_bytes=str(MIB), retention_ms=str(HOUR_MS))
    fill(world, topic, 9, timestamp=wire.now_ms() - 2 * HOUR_MS)
    fill(world, topic, 6)
    start = wait_until(lambda: earliest(world, topic), what="the start rises")
    same(start <= 9, True, "no young record leaves: %d" % start)
    wait_until(lambda: segments(node, topic)[0] == start, what="files leave")
    for offset in range(9, 15):
        same(world.fetch(topic, offset)["error_code"], 0, "record %d is young" % offset)
    rounds_pass(node, world)
    same(earliest(world, topic), start, "nothing more leaves")
    same(b"due to segment deletion" in node.log(), True, "it is said")
    same(node.end(), 0)


@alone
def maintain_time_active(folder):
    """retention.ms: a log of old records alone is emptied; its offsets go on, also after a kill"""
    node, world = started(folder)
    topic = world.topic(retention_ms=str(HOUR_MS))
    fill(world, topic, 3, timestamp=wire.now_ms() - 2 * HOUR_MS)
    wait_until(lambda: earliest(world, topic) == 3, what="it is empty")
    same(world.append(topic, wire.batch([b"next"])), 3)
    node.end(9)
    node.start()
    world.wait_for(topic)
    same((earliest(world, topic), world.batches(topic, 3)[0].records()[0][3]), (3, b"next"))
    same(node.end(), 0)


@alone
def maintain_size(folder):
    """retention.bytes: the oldest segments leave while the rest is at least so much"""
    node, world = started(folder)
    topic = world.topic(segment_bytes=str(MIB), retention_bytes=str(2 * MIB))
    fill(world, topic, 24)
    wait_until(lambda: earliest(world, topic) > 0, what="the start rises")
    rounds_pass(node, world)
    start = earliest(world, topic)
    kept = (24 - start) * PART
    same(2 * MIB <= kept <= 3 * MIB + PART, True, "%d bytes are kept" % kept)
    wait_until(lambda: segments(node, topic)[0] == start, what="files leave")
    same(node.end(), 0)


@alone
def maintain_policies(folder):
    """compact keeps what is old; when the policy becomes delete it leaves, without a restart"""
    node, world = started(folder, "log.cleaner.enable=false")
    old = wire.now_ms() - 2 * HOUR_MS
    topic = world.topic(
        segment_bytes=str(MIB), retention_ms=str(HOUR_MS), cleanup_policy="compact"
    )
    for number in range(6):
        value = (b"key-%d" % number, os.urandom(PART))
        world.append(topic, wire.batch([value], timestamp=old))
    rounds_pass(node, world)
    same(earliest(world, topic), 0, "a compacted topic keeps its records")
    alter(world, topic, "cleanup.policy", "delete")
    wait_until(lambda: earliest(world, topic) == 6, what="they leave")
    same(node.end(), 0)


def alter(world, topic, key, value):
    answer = world.call(
        "IncrementalAlterConfigs",
        1,
        resources=[
            dict(
                resource_type=2,
                resource_name=topic,
                configs=[dict(name=key, config_operation=0, value=value)],
            )
        ],
    )
    same(answer["responses"][0]["error_code"], 0, "IncrementalAlterConfigs")


@alone
def maintain_deleted_records(folder):
    """DeleteRecords: files of segments below the new start leave at once"""
    node, world = started(folder, "log.retention.check.interval.ms=3600000")
    topic = world.topic(segment_bytes=str(MIB))
    fill(world, topic, 10)
    first = segments(node, topic)
    same(first[0], 0)
    answer = world.call(
        "DeleteRecords",
        2,
        topics=[dict(name=topic, partitions=[dict(partition_index=0, offset=first[-1])])],
        timeout_ms=10000,
    )
    same(answer["topics"][0]["partitions"][0]["low_watermark"], first[-1])
    wait_until(lambda: segments(node, topic) == first[-1:], what="files leave")
    same(node.end(), 0)
