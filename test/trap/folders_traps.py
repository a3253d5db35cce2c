"""What lies in a broker's folder, and how much room its volume has: DescribeLogDirs (KIP-113)."""

import glob
import os

import kafka_wire as wire
from node import same, wait_until

VERSIONS = range(1, 6)
ROOM = 1 << 30  # what others may write to the volume meanwhile


def ask(world, topics, version=5):
    """The one folder; topics: {name: [partitions]}, None: all."""
    listed = [dict(topic=name, partitions=p) for name, p in (topics or {}).items()]
    asked = None if topics is None else listed
    answer = world.call("DescribeLogDirs", version, topics=asked)
    same((answer.get("error_code", 0), len(answer["results"])), (0, 1))
    folder = answer["results"][0]
    same(folder["error_code"], 0)
    return folder


def told(folder):
    """{topic: {partition: (bytes, lag, is it a copy that moves)}}"""
    return {
        topic["name"]: {
            p["partition_index"]: (p["partition_size"], p["offset_lag"], p["is_future_key"])
            for p in topic["partitions"]
        }
        for topic in folder["topics"]
    }


def bytes_of(folder, topic, partition):
    files = glob.glob(os.path.join(folder["log_dir"], "%s-%d" % (topic, partition), "*.log"))
    same(len(files) > 0, True, "segments of %s-%d in %s" % (topic, partition, folder["log_dir"]))
    return sum(map(os.path.getsize, files))


def trap_sizes(world):
    """a partition is as large as its segments, in every version; its leader lacks nothing"""
    name = world.topic(2)
    for _ in range(5):
        world.append(name, wire.batch([b"v" * 100] * 7))
    for version in VERSIONS:
        folder = ask(world, {name: [0, 1]}, version)
        size = bytes_of(folder, name, 0)
        same(size > 5 * 7 * 100, True)
        same(told(folder), {name: {0: (size, 0, False), 1: (0, 0, False)}})


def trap_sizes_of_many_segments(world):
    """all segments count, not the last one alone"""
    name = world.topic(segment_bytes="1048576")
    for _ in range(3):
        world.append(name, wire.batch([b"v" * 700000]))
    folder = ask(world, {name: [0]})
    same(told(folder)[name][0][0], bytes_of(folder, name, 0))
    same(told(folder)[name][0][0] > 3 * 700000, True)


def trap_the_folder(world):
    """its path is absolute, and the room is that of its volume; before version 4 nobody says so"""
    for version in VERSIONS:
        folder = ask(world, {}, version)
        same(os.path.isabs(folder["log_dir"]), True)
        same(os.path.exists(os.path.join(folder["log_dir"], "meta.properties")), True)
        same(("total_bytes" in folder, "usable_bytes" in folder), (version >= 4, version >= 4))
        same("is_cordoned" in folder, version >= 5)
    volume = os.statvfs(folder["log_dir"])
    same(folder["total_bytes"], volume.f_blocks * volume.f_frsize)
    same(abs(folder["usable_bytes"] - volume.f_bavail * volume.f_frsize) < ROOM, True)
    same(folder["is_cordoned"], False)


def trap_which(world):
    """null is everything but the metadata log, an empty list nothing; each partition is told once"""
    name, other = world.topic(3), world.topic()
    every = told(ask(world, None))
    same((sorted(every[name]), sorted(every[other])), ([0, 1, 2], [0]))
    same("__cluster_metadata" in every, False)
    same(told(ask(world, {})), {})
    same(sorted(told(ask(world, {name: [2, 0, 2]}))[name]), [0, 2])
    partitions = [t["partitions"] for t in ask(world, {name: [1, 1]})["topics"]]
    same([len(p) for p in partitions], [1])


def trap_what_is_not_there(world):
    """topics and partitions that are not there are left out without a word"""
    name = world.topic()
    absent = {world.name("absent"): [0], "__cluster_metadata": [0]}
    same(told(ask(world, absent)), {})
    same(sorted(told(ask(world, dict(absent, **{name: [-1, 0, 9]})))[name]), [0])
    same(told(ask(world, {name: []})), {})


def trap_deleted(world):
    """a topic that was deleted is not told, under its name or any other"""
    name = world.topic(2)
    same(name in told(ask(world, None)), True)
    world.delete(name)
    wait_until(lambda: not [t for t in told(ask(world, None)) if t.startswith(name)], 10)
