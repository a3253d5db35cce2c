"""Few descriptors, and a disk that hangs when the broker shall stop."""

import os
import subprocess
import time

import kafka_wire as wire
from node import BINARY, Gregor, same, wait_until
from suite import alone
from world import World

STORAGE_ERROR = 56
DESCRIPTORS = 96


def few_descriptors(folder, *settings):
    limit = ["prlimit", "--nofile=%d:%d" % (DESCRIPTORS, DESCRIPTORS)]
    node = Gregor(os.path.join(folder, "node"), *settings, prefix=limit)
    node.start()
    return node, World(node)


def descriptors(node):
    return len(os.listdir("/proc/%d/fd" % node.process.pid))


def held(world, topic, partition):
    """What one fetch brings: all of a small partition."""
    batches = world.batches(topic, 0, partition)
    return [value for batch in batches for _, _, _, value in batch.records()]


def produce_to_all(world, topic, partitions):
    """One request; the partitions that refused it for now."""
    data = [dict(index=p, records=wire.batch([b"%d" % p])) for p in partitions]
    answer = world.call(
        "Produce", 9, acks=1, timeout_ms=10000, topic_data=[dict(name=topic, partition_data=data)]
    )
    left = []
    for one in answer["responses"][0]["partition_responses"]:
        same(one["error_code"] in (0, STORAGE_ERROR), True, one)
        if one["error_code"] != 0:
            left.append(one["index"])
    return left


@alone
def maintain_descriptors_os(folder):
    """flush.policy=os: more partitions are written to than files may be open"""
    node, world = few_descriptors(folder, "flush.policy=os")
    topic = world.topic(partitions=2 * DESCRIPTORS)
    for _ in range(2):
        for partition in range(2 * DESCRIPTORS):
            wait_until(lambda: not produce_to_all(world, topic, [partition]), what="a free descriptor")
    same(descriptors(node) < DESCRIPTORS * 3 // 4, True, "%d are open" % descriptors(node))
    for partition in range(2 * DESCRIPTORS):
        same(held(world, topic, partition), [b"%d" % partition] * 2)
    same(node.end(), 0)


def at_once(folder, policy):
    node, world = few_descriptors(folder, "flush.policy=" + policy)
    topic = world.topic(partitions=2 * DESCRIPTORS)
    left = list(range(2 * DESCRIPTORS))

    def all_taken():
        nonlocal left
        left = produce_to_all(world, topic, left)
        return not left

    wait_until(all_taken, what="all partitions have taken their record")
    for partition in range(2 * DESCRIPTORS):
        same(held(world, topic, partition), [b"%d" % partition])
    same(node.end(), 0)


@alone
def maintain_descriptors_at_once(folder):
    """one request writes to more partitions than files may be open: those left over try again"""
    at_once(folder, "commit")


@alone
def maintain_descriptors_at_once_os(folder):
    """the same where flushes may wait"""
    at_once(folder, "os")


@alone
def maintain_hung_disk(folder):
    """a disk that hangs: SIGTERM ends the broker with an error line and a failing exit code"""
    build, hang = os.path.dirname(BINARY), os.path.join(folder, "hang")
    shim = "test/faults/libshim.so"
    subprocess.run(["ninja", "-C", build, shim], check=True, stdout=subprocess.DEVNULL)
    environment = dict(os.environ, LD_PRELOAD=os.path.join(build, shim), GREGOR_HANG=hang)
    node = Gregor(os.path.join(folder, "node"), environment=environment)
    node.start()
    world = World(node)
    topic = world.topic()
    same(world.append(topic, wire.batch([b"acknowledged"])), 0)
    open(hang, "wb").close()
    with world.connect() as connection:
        data = [dict(index=0, records=wire.batch([b"never"]))]
        topics = [dict(name=topic, partition_data=data)]
        connection.send("Produce", 9, dict(acks=-1, timeout_ms=10000, topic_data=topics))
        same(connection.is_silent(0.3), True, "no acknowledgement")
        began = time.time()
        same(node.end(), 1, "the exit status")
        same(time.time() - began < 15, True, "it ends soon")
    same(b"Not stopped cleanly" in node.log(), True, "it says why")
    same(b"ASSERT" in node.log(), False, "no assertion")
    os.remove(hang)
    node.start()
    world.wait_for(topic)
    same(world.values(topic)[0], b"acknowledged")
    same(node.end(), 0)
