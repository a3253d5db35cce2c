"""The cleaner: of each key the last record stays, and what cannot be cleaned does not stop it."""

import os
import subprocess
import time

import kafka_wire as wire
from answers_maintain import earliest
from node import Gregor, same, wait_until
from retention_maintain import alter, segments
from suite import alone
from world import World

SOON = ("log.cleaner.backoff.ms=50", "log.initial.task.delay.ms=50")
AT_ONCE = dict(
    cleanup_policy="compact",
    min_cleanable_dirty_ratio="0",
    segment_ms="1",
    delete_retention_ms="1",
)


def started(folder, *settings):
    node = Gregor(os.path.join(folder, "node"), *SOON, *settings)
    node.start()
    return node, World(node)


def roll(world, topic):
    """One more record a moment later: what was written before is no longer in the last segment."""
    time.sleep(0.01)
    world.append(topic, wire.batch([(b"roll", b"%d" % time.time_ns())]))


def pairs(world, topic):
    """(offset, key, value) of every record that is left."""
    out, offset = [], earliest(world, topic)
    while True:
        found = world.batches(topic, offset)
        if not found:
            return out
        for batch in found:
            out += [(at, key, value) for at, _, key, value in batch.records()]
        offset = found[-1].next_offset


def checkpoint(node):
    """What cleaner-offset-checkpoint says: {topic-partition: offset}"""
    try:
        with open(os.path.join(node.data, "cleaner-offset-checkpoint"), encoding="ascii") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    same((lines[0], int(lines[1])), ("0", len(lines) - 2), "version and count")
    return {"%s-%s" % tuple(l.split()[:2]): int(l.split()[2]) for l in lines[2:]}


def kcat(node, *words, text=None):
    """What the real client prints."""
    out = subprocess.run(
        ["kcat", "-b", node.bootstrap, *words],
        input=text,
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
        text=True,
    )
    return out.stdout


def consumed(node, topic):
    """{key: value} as kcat reads it from the beginning; (null) is a tombstone."""
    text = kcat(node, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-f", "%k=%s|%S\n")
    out = []
    for line in text.splitlines():
        key, _, rest = line.partition("=")
        value, _, size = rest.rpartition("|")
        out.append((key, None if size == "-1" else value))
    return [pair for pair in out if pair[0] != "roll"]


@alone
def maintain_last_values(folder):
    """a real client writes keys again and again, and deletes some: the last values are left"""
    node, world = started(folder)
    topic = world.topic(**AT_ONCE)
    for turn in range(20):
        lines = "".join("key-%d=%d-%d\n" % (key, turn, key) for key in range(50))
        kcat(node, "-P", "-t", topic, "-p", "0", "-K=", "-X", "acks=all", text=lines)
    gone = "".join("key-%d=\n" % key for key in range(0, 50, 2))
    kcat(node, "-P", "-Z", "-t", topic, "-p", "0", "-K=", "-X", "acks=all", text=gone)
    same(("key-0", None) in consumed(node, topic), True, "a tombstone is seen first")
    want = [("key-%d" % key, "19-%d" % key) for key in range(1, 50, 2)]

    def is_clean():
        roll(world, topic)
        return consumed(node, topic) == want

    wait_until(is_clean, what="last values only, tombstones gone")
    same(b"Cleaned log %s-0" % topic.encode() in node.log(), True, "it is said")
    same(node.end(), 0)


@alone
def maintain_offsets(folder):
    """what is left keeps its offset and time; end offset and produce go on; also after kill -9"""
    node, world = started(folder)
    topic = world.topic(**AT_ONCE)
    for number in range(10):
        batch = wire.batch([(b"a", b"%d" % number), (b"b", b"%d" % number)], timestamp=1000 + number)
        same(world.append(topic, batch), 2 * number)
        time.sleep(0.002)
    roll(world, topic)
    want = [(18, b"a", b"9"), (19, b"b", b"9")]
    wait_until(lambda: pairs(world, topic)[:2] == want, what="the log is clean")
    end = pairs(world, topic)[-1][0] + 1
    wait_until(lambda: checkpoint(node).get(topic + "-0", 0) >= 20, what="the checkpoint says so")
    node.end(9)
    node.start()
    world.wait_for(topic)
    same(pairs(world, topic)[:2], want, "after a kill")
    same(world.batches(topic, 0)[0].records()[0][1], 1009, "its time")
    same(world.fetch(topic, 3)["error_code"], 0, "an offset that is gone can be asked for")
    same(world.append(topic, wire.batch([(b"a", b"more")])), end)
    same(node.end(), 0)


@alone
def maintain_lag(folder):
    """min.compaction.lag.ms holds a log back, max.compaction.lag.ms forces one that is clean enough"""
    node, world = started(folder)
    young = world.topic(**dict(AT_ONCE, min_compaction_lag_ms="3600000"))
    clean = dict(AT_ONCE, min_cleanable_dirty_ratio="1")
    forced = world.topic(**dict(clean, max_compaction_lag_ms="1"))
    never = world.topic(**clean)
    for topic in (young, forced, never):
        for number in range(4):
            world.append(topic, wire.batch([(b"k", b"%d" % number)]))
            time.sleep(0.002)
        roll(world, topic)
    wait_until(lambda: pairs(world, forced)[0][0] == 3, what="the forced one is clean")
    time.sleep(0.2)
    for topic in (young, never):
        same(len(pairs(world, topic)), 5, "nothing of it is cleaned")
    alter(world, never, "min.cleanable.dirty.ratio", "0")
    wait_until(lambda: pairs(world, never)[0][0] == 3, what="it may be cleaned now")
    alter(world, young, "min.compaction.lag.ms", "0")
    wait_until(lambda: pairs(world, young)[0][0] == 3, what="so may this")
    same(node.end(), 0)


@alone
def maintain_both(folder):
    """cleanup.policy=compact,delete: keys are compacted, and old segments leave"""
    node, world = started(folder, "log.retention.check.interval.ms=50")
    topic = world.topic(**dict(AT_ONCE, cleanup_policy="compact,delete", retention_ms="3600000"))
    old = wire.now_ms() - 7200 * 1000
    for number in range(3):
        world.append(topic, wire.batch([(b"old-%d" % number, b"v")], timestamp=old + 10 * number))
    for number in range(3):
        world.append(topic, wire.batch([(b"k", b"%d" % number)]))
        time.sleep(0.002)
    roll(world, topic)
    wait_until(lambda: pairs(world, topic)[0] == (5, b"k", b"2"), what="compacted and deleted")
    same(node.end(), 0)


@alone
def maintain_damaged(folder):
    """a damaged log is said once to be uncleanable, and the others are cleaned"""
    node, world = started(folder, "log.cleaner.enable=true", "gregor.scrub.interval.ms=-1")
    held = dict(AT_ONCE, min_compaction_lag_ms="3600000")
    bad, good = world.topic(**held), world.topic(**held)
    for topic in (bad, good):
        for number in range(4):
            world.append(topic, wire.batch([(b"k", b"value-%d" % number)]))
            time.sleep(0.002)
        roll(world, topic)
    path = os.path.join(node.data, bad + "-0", "%020d.log" % segments(node, bad)[0])
    with open(path, "r+b") as file:
        data = file.read()
        file.seek(data.index(b"value-0"))
        file.write(b"vAlue-0")
    alter(world, bad, "min.compaction.lag.ms", "0")
    wait_until(lambda: b"Cannot clean " + bad.encode() in node.log(), what="it is said")
    alter(world, good, "min.compaction.lag.ms", "0")
    wait_until(lambda: pairs(world, good)[0][0] == 3, what="the other is cleaned")
    time.sleep(0.3)
    same(node.log().count(b"Cannot clean"), 1, "lines about it")
    with open(path, "rb") as file:
        same(file.read(), data.replace(b"value-0", b"vAlue-0"), "it is left alone")
    same(node.end(), 0)


def being_cleaned(node, world):
    """A topic whose cleaning, at 16 KiB a second, has begun and needs a quarter of a minute."""
    topic = world.topic(**dict(AT_ONCE, min_compaction_lag_ms="3600000"))
    for number in range(12):
        world.append(topic, wire.batch([(b"key-%d" % (number % 3), os.urandom(16 << 10))]))
        time.sleep(0.002)
    roll(world, topic)
    alter(world, topic, "min.compaction.lag.ms", "0")
    time.sleep(0.5)
    same(b"Cleaned log" in node.log(), False, "it has not ended")
    return topic


SLOWLY = "log.cleaner.io.max.bytes.per.second=16384"


@alone
def maintain_delete_meanwhile(folder):
    """a topic is deleted while it is cleaned: its name is soon free for another"""
    node, world = started(folder, SLOWLY)
    topic = being_cleaned(node, world)
    began = time.time()
    same(world.delete(topic), 0)
    same(world.create(topic, cleanup_policy="compact")["error_code"], 0)
    world.wait_for(topic)
    same(world.append(topic, wire.batch([(b"k", b"v")])), 0)
    wait_until(
        lambda: [n for n in os.listdir(node.data) if n.startswith(topic)] == [topic + "-0"],
        what="the old files are gone",
    )
    same(time.time() - began < 5, True, "it took %.1f s" % (time.time() - began))
    same(node.end(), 0)


@alone
def maintain_stop_meanwhile(folder):
    """SIGTERM during a slow cleaning is a quick clean stop that changes nothing"""
    node, world = started(folder, SLOWLY)
    topic = being_cleaned(node, world)
    before = pairs(world, topic)
    began = time.time()
    same(node.end(), 0)
    same(time.time() - began < 5, True, "it took %.1f s" % (time.time() - began))
    node.start()
    world.wait_for(topic)
    same(pairs(world, topic), before)
    same(node.end(), 0)


@alone
def maintain_stop_between(folder):
    """what had been cleaned before a stop, and what had not, is one log after the next start"""
    node, world = started(folder)
    topic = world.topic(**AT_ONCE)
    for number in range(40):
        world.append(topic, wire.batch([(b"key-%d" % (number % 3), b"%d" % number)]))
        time.sleep(0.001)
        if number % 8 == 7:
            same(node.end(9 if number % 16 == 7 else 15) in (0, -9), True)
            node.start()
            world.wait_for(topic)
    want = {b"key-%d" % (number % 3): b"%d" % number for number in range(37, 40)}

    def is_clean():
        roll(world, topic)
        found = [(key, value) for _, key, value in pairs(world, topic) if key != b"roll"]
        return sorted(found) == sorted(want.items())

    wait_until(is_clean, what="the last values only")
    same(node.end(), 0)
