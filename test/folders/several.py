"""A node with several folders, and what lies in them."""

import os

import kafka_wire as wire
from node import Gregor, same
from world import World

NAMES = "abc"
KAFKA_STORAGE_ERROR = 56


class Node(Gregor):
    """Its folders are FOLDER/a, b, c …; the metadata log lies in the first."""

    def __init__(self, folder, *settings, count=3, **rest):
        super().__init__(folder, **rest)
        self.dirs = [os.path.join(folder, name) for name in NAMES[:count]]
        self.settings = ["log.dirs=" + ",".join(self.dirs), *settings]


def started(folder, *settings, **rest):
    node = Node(os.path.join(folder, "node"), *settings, **rest)
    node.start()
    return node, World(node)


def described(world, version=5):
    """{folder: its description}"""
    answer = world.call("DescribeLogDirs", version, topics=None)
    return {os.path.basename(one["log_dir"]): one for one in answer["results"]}


def told(world, topic):
    """{partition: names of the folders that DescribeLogDirs tells it in}"""
    out = {}
    for name, folder in described(world).items():
        for one in folder["topics"]:
            for p in one["partitions"] if one["name"] == topic else []:
                out.setdefault(p["partition_index"], []).append(
                    name + "*" * p["is_future_key"]
                )
    return out


def lies(node, topic):
    """{partition: names of the folders that have a directory of that name}"""
    out = {}
    for path in node.dirs:
        for name in os.listdir(path) if os.path.isdir(path) else []:
            found, _, number = name.rpartition("-")
            if found == topic:
                out.setdefault(int(number), []).append(os.path.basename(path))
    return out


def leader(world, topic, partition=0):
    """(error, leader) as Metadata tells it."""
    for one in world.describe(topic)["partitions"]:
        if one["partition_index"] == partition:
            return one["error_code"], one["leader_id"]
    raise AssertionError("no partition %d of %s" % (partition, topic))


def values(world, topic, partition=0):
    out, offset = [], 0
    while True:
        found = world.fetch(topic, offset, partition)
        same(found["error_code"], 0, "Fetch at %d" % offset)
        batches = wire.batches(found["records"] or b"")
        if not batches:
            return out
        for batch in batches:
            for record in batch.records():
                out.append(record[3])
                offset += 1


def fill(world, topic, partition, count, begin=0):
    for number in range(begin, begin + count):
        world.append(topic, wire.batch([b"<%d>" % number]), partition=partition)


def check(world, topic, partition, count):
    same(values(world, topic, partition), [b"<%d>" % number for number in range(count)])
