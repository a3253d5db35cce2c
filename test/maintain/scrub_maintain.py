"""The scrubber: what is not as it was written is said, and refused when it is fetched."""

import glob
import os
import time

import kafka_wire as wire
from answers_maintain import earliest
from node import Gregor, same, wait_until
from retention_maintain import MIB, segments
from suite import alone
from world import World

CORRUPT_MESSAGE = 2
OFTEN = "gregor.scrub.interval.ms=1000"


def started(folder, *settings):
    node = Gregor(os.path.join(folder, "node"), OFTEN, *settings)
    node.start()
    return node, World(node)


def value(number):
    return b"<value %d>" % number


def fill(world, topic, count, padding=0):
    """Batches of one record; `padding` bytes more in each."""
    for number in range(count):
        world.append(topic, wire.batch([value(number) + os.urandom(padding)]))


def flip(node, topic, number):
    """One bit of the record's value, as a disk would; doing it twice mends it. Where that is."""
    for base in segments(node, topic):
        path = os.path.join(node.data, topic + "-0", "%020d.log" % base)
        with open(path, "r+b") as file:
            at = file.read().find(value(number)[1:]) - 1
            if at < 0:
                continue
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))
            return base
    raise AssertionError("no record %d" % number)


def lines(node):
    return [line for line in node.log().splitlines() if b" ERROR " in line]


def refused(world, topic, end):
    """Offsets of which Fetch says that they are damaged; the others have their own record first."""
    out = []
    for offset in range(end):
        found = world.fetch(topic, offset)
        if found["error_code"] == CORRUPT_MESSAGE:
            same(found["records"] or b"", b"", "no bytes come with the error")
            out.append(offset)
            continue
        same(found["error_code"], 0, "offset %d" % offset)
        batches = wire.batches(found["records"])
        same(batches[0].records()[0][3].startswith(value(offset)), True, "record %d" % offset)
        same(all(batch.crc_holds for batch in batches), True, "batches behind %d" % offset)
    return out


@alone
def maintain_bit(folder):
    """a flipped bit: an ERROR line names it, its offset is refused, all others are served"""
    node, world = started(folder)
    topic, other = world.topic(), world.topic()
    fill(world, topic, 20)
    fill(world, other, 5)
    same(refused(world, topic, 20), [])
    for number, count in ((7, 1), (0, 2), (19, 3)):
        flip(node, topic, number)
        wait_until(lambda: len(lines(node)) == count, what="damage at %d is said" % number)
        same(b"%s-0 at offset %d" % (topic.encode(), number) in lines(node)[-1], True, lines(node))
    same(refused(world, topic, 20), [0, 7, 19])
    same(refused(world, other, 5), [])
    same(world.append(topic, wire.batch([value(20)])), 20)
    same(refused(world, topic, 21), [0, 7, 19], "produce goes on")
    time.sleep(2.2)
    same(len(lines(node)), 3, "nothing is said twice")
    same(node.end(), 0)


@alone
def maintain_bits_of_segments(folder):
    """damage in several segments, in a log that needs many pieces"""
    node, world = started(folder)
    topic = world.topic(segment_bytes=str(MIB))
    fill(world, topic, 24, padding=200000)
    hurt = [2, 9, 16]
    where = [flip(node, topic, number) for number in hurt]
    same(len(set(where)) >= 3, True, "segments %r" % where)
    wait_until(lambda: len(lines(node)) == len(hurt), what="all are found")
    same(refused(world, topic, 24), hurt)
    text = b"\n".join(lines(node))
    for number, base in zip(hurt, where):
        same(b"at offset %d:" % number in text and b"%020d.log" % base in text, True, text)
    same(node.end(), 0)


@alone
def maintain_bit_mended(folder):
    """what reads as it was written again is served again"""
    node, world = started(folder)
    topic = world.topic()
    fill(world, topic, 5)
    flip(node, topic, 2)
    wait_until(lambda: len(lines(node)) == 1, what="it is found")
    same(refused(world, topic, 5), [2])
    flip(node, topic, 2)
    wait_until(lambda: refused(world, topic, 5) == [], what="it is served")
    same(node.end(), 0)


@alone
def maintain_bit_behind_gap(folder):
    """damage behind a gap between segments: who reads from the gap is told, not held for ever"""
    node, world = started(folder)
    topic = world.topic(segment_bytes=str(MIB))
    fill(world, topic, 8, padding=300000)  # three make a segment
    same(segments(node, topic), [0, 3, 6])
    same(node.end(), 0)
    for path in glob.glob(os.path.join(node.data, topic + "-0", "%020d.*" % 3)):
        os.remove(path)
    node.start()
    world.wait_for(topic)
    same(world.batches(topic, 4)[0].base_offset, 6, "a gap is passed over")
    flip(node, topic, 6)
    wait_until(lambda: len(lines(node)) == 1, what="it is found")
    for offset in (3, 5, 6):
        same(world.fetch(topic, offset)["error_code"], CORRUPT_MESSAGE, "offset %d" % offset)
    for offset in (0, 1, 2, 7):
        same(world.batches(topic, offset)[0].base_offset, offset)
    same(node.end(), 0)


@alone
def maintain_bit_deleted(folder):
    """damage that leaves by DeleteRecords is forgotten; a topic can be deleted while it is read"""
    node, world = started(folder)
    topic = world.topic(segment_bytes=str(MIB))
    fill(world, topic, 10, padding=200000)
    flip(node, topic, 1)
    wait_until(lambda: len(lines(node)) == 1, what="it is found")
    answer = world.call(
        "DeleteRecords",
        2,
        topics=[dict(name=topic, partitions=[dict(partition_index=0, offset=2)])],
        timeout_ms=10000,
    )
    same(answer["topics"][0]["partitions"][0]["error_code"], 0)
    same((earliest(world, topic), world.fetch(topic, 2)["error_code"]), (2, 0))
    for _ in range(10):
        same(world.delete(topic), 0)
        same(world.create(topic)["error_code"], 0)
        world.wait_for(topic)
        fill(world, topic, 3, padding=200000)
        time.sleep(0.11)
    same(len(lines(node)), 1, "a fresh topic has no damage")
    same(node.end(), 0)


@alone
def maintain_never(folder):
    """gregor.scrub.interval.ms=-1: nothing is read, nothing is found"""
    node, world = started(folder, "gregor.scrub.interval.ms=-1")
    topic = world.topic()
    fill(world, topic, 3)
    flip(node, topic, 1)
    time.sleep(2.5)
    same((lines(node), world.fetch(topic, 1)["error_code"]), ([], 0))
    same(node.end(), 0)
