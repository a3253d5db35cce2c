"""Files damaged while nobody looked: what can be rebuilt is, the rest is not lost."""

import os
import random
import shutil
import signal
import struct

import kafka_wire as wire
from node import Gregor, same
from suite import alone
from world import World

BATCHES = 400
BASE_MS = 1_700_000_000_000


def batches_of(world, topic, first=0):
    """Several MiB in several segments, timestamps counting up with the offsets."""
    rng = random.Random(3)
    for number in range(first, first + BATCHES):
        world.append(
            topic,
            wire.batch(
                [rng.randbytes(4000), b"%d" % number],
                timestamp=BASE_MS + number * 2,
                timestamp_step=1,
            ),
        )


def written(folder, how=signal.SIGTERM):
    """A stopped node whose topic has BATCHES batches of two records."""
    node = Gregor(
        os.path.join(folder, "node"), "log.segment.bytes=1048576", "log.index.interval.bytes=4096"
    )
    node.start()
    world = World(node)
    node.topic = world.topic()
    batches_of(world, node.topic)
    node.end(how)
    node.partition = os.path.join(node.data, node.topic + "-0")
    return node


def files(node, suffix):
    return sorted(
        os.path.join(node.partition, name)
        for name in os.listdir(node.partition)
        if name.endswith(suffix)
    )


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def whole(node, records=2 * BATCHES):
    """Started, every record is found in order, by offset and by time, and the next one is taken."""
    node.start()
    world = World(node)
    world.wait_for(node.topic)
    expected, offset = 0, 0
    while offset < records:
        found = world.batches(node.topic, offset)
        same(bool(found), True, "records at %d" % offset)
        for batch in found:
            same((batch.base_offset, batch.crc_holds), (offset, True))
            offset = batch.next_offset
            same(batch.records()[1][3], b"%d" % expected)
            expected += 1
    same(offset, records)
    for number in (0, 1, 77, 301, records - 1):
        if number < records:
            same(world.fetch(node.topic, number)["error_code"], 0)
            found = world.batches(node.topic, number)[0]
            same(found.base_offset <= number < found.next_offset, True, "offset %d" % number)
            answer = world.call(
                "ListOffsets",
                7,
                replica_id=-1,
                topics=[
                    dict(
                        name=node.topic,
                        partitions=[dict(partition_index=0, timestamp=BASE_MS + number)],
                    )
                ],
            )["topics"][0]["partitions"][0]
            same((answer["error_code"], answer["offset"]), (0, number), "by time")
    same(world.append(node.topic, wire.batch([b"next"])), records)
    same(node.end(), 0)


DAMAGES = {
    "empty": lambda data: b"",
    "cut to half": lambda data: data[: len(data) // 2],
    "cut inside an entry": lambda data: data[: len(data) // 2 - 3],
    "zeros": lambda data: bytes(len(data)),
    "garbage": lambda data: random.Random(4).randbytes(len(data)),
    "more garbage than it was long": lambda data: data + random.Random(5).randbytes(4096),
    "gone": None,
}


def damage(paths, how):
    for path in paths:
        if DAMAGES[how] is None:
            os.unlink(path)
        else:
            write(path, DAMAGES[how](read(path)))


def damaged(folder, suffixes, stop, judge):
    node = written(folder, stop)
    saved = os.path.join(folder, "saved")
    shutil.copytree(node.data, saved)
    wrong = []
    for how in DAMAGES:
        for suffix in suffixes:
            shutil.rmtree(node.data)
            shutil.copytree(saved, node.data)
            damage(files(node, suffix), how)
            try:
                judge(node)
            except Exception as error:
                Gregor.end_all(folder)
                wrong.append("%s %s: %s" % (suffix, how, error))
    same(wrong, [])


@alone
def hostile_indexes_after_stop(folder):
    """.index and .timeindex damaged after a clean stop: rebuilt"""
    damaged(folder, (".index", ".timeindex"), signal.SIGTERM, whole)


@alone
def hostile_indexes_after_kill(folder):
    """.index and .timeindex damaged after a kill: rebuilt"""
    damaged(folder, (".index", ".timeindex"), signal.SIGKILL, whole)


@alone
def hostile_snapshots(folder):
    """producer snapshots damaged: rebuilt from the log or left out"""
    damaged(folder, (".snapshot",), signal.SIGTERM, whole)


def whole_or_offline(node):
    """Served, or error 56 for this partition alone and a line that names the file."""
    node.start()
    world = World(node)
    code = world.fetch(node.topic)["error_code"]
    if code != 0:
        same(code, 56, "the error")
        same(
            b"leader-epoch-checkpoint" in node.log(),
            True,
            "named in\n%s" % node.log()[-300:].decode(),
        )
    same(world.append(world.topic(), wire.batch([b"a"])), 0, "other topics")
    node.end()
    if code == 0:
        whole(node)


@alone
def hostile_epochs(folder):
    """leader-epoch-checkpoint damaged: the records are served, or a line names the file"""
    damaged(folder, ("leader-epoch-checkpoint",), signal.SIGTERM, whole_or_offline)


def whole_or_refused(node, name):
    node.spawn()
    try:
        node.wait_ready()
    except RuntimeError:
        last = node.log().decode().splitlines()[-1]
        same((node.process.returncode, name in last), (1, True), last)
    else:
        node.end(signal.SIGKILL)
        whole(node)


@alone
def hostile_checkpoints(folder):
    """the folder's checkpoints damaged or lying: served, or one line names the file"""
    node = written(folder, signal.SIGKILL)
    saved = os.path.join(folder, "saved")
    shutil.copytree(node.data, saved)
    names = (
        "recovery-point-offset-checkpoint",
        "replication-offset-checkpoint",
        "log-start-offset-checkpoint",
    )
    lies = [
        b"",
        b"garbage",
        b"0\n1\n",
        b"0\n99999\n",
        b"7\n0\n",
        b"0\n1\n%s 0 x\n" % node.topic.encode(),
        b"0\n1\nabsent 0 5\n",
    ]
    wrong = []
    for lie in lies:
        for name in names:
            shutil.rmtree(node.data)
            shutil.copytree(saved, node.data)
            write(os.path.join(node.data, name), lie)
            try:
                whole_or_refused(node, name)
            except Exception as error:
                Gregor.end_all(folder)
                wrong.append("%s %r: %s" % (name, lie, error))
    same(wrong, [])


@alone
def hostile_recovery_point_beyond(folder):
    """a recovery point or a high watermark beyond the end: taken back to the end"""
    node = written(folder, signal.SIGKILL)
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint"):
        write(os.path.join(node.data, name), b"0\n1\n%s 0 99999999\n" % node.topic.encode())
    whole(node)


@alone
def hostile_torn_tail(folder):
    """a torn last batch after a kill is cut away, whatever of it is there; the rest stays"""
    node = written(folder, signal.SIGKILL)
    last = files(node, ".log")[-1]
    found = wire.batches(read(last))
    good, offset = b"".join(batch.bytes for batch in found), found[-1].next_offset
    torn = bytearray(wire.batch([b"torn" * 500, b"x"], base_offset=offset, leader_epoch=0))
    broken = bytes(torn[:-1] + bytes([torn[-1] ^ 1]))
    for tail in (
        torn[:1],
        torn[:11],
        torn[:13],
        torn[:61],
        torn[:-1],
        broken,
        bytes(5000),
        random.Random(6).randbytes(3000),
        struct.pack(">qi", offset, -5),
        struct.pack(">qi", offset, 2**31 - 1) + bytes(100),
    ):
        write(last, good + tail)
        records = 2 * BATCHES
        node.start()
        world = World(node)
        world.wait_for(node.topic)
        same(
            world.fetch(node.topic)["high_watermark"],
            records,
            "high watermark with %r" % bytes(tail[:20]),
        )
        node.end(signal.SIGKILL)
        same(read(last).rstrip(b"\0") == good.rstrip(b"\0"), True, "the log after recovery")
    whole(node)


@alone
def hostile_corrupt_middle(folder):
    """a bad byte in the middle, valid batches behind it: nothing is cut away, before or behind"""
    for where in ("last segment", "first segment"):
        for stop in (signal.SIGKILL, signal.SIGTERM):
            inner = os.path.join(folder, "%s-%d" % (where.replace(" ", "-"), stop))
            node = written(inner, stop)
            path = files(node, ".log")[-1 if where == "last segment" else 0]
            found = wire.batches(read(path))
            data = bytearray(b"".join(batch.bytes for batch in found))
            victim = found[len(found) // 2]
            data[bytes(data).index(victim.bytes) + 100] ^= 0xFF
            write(path, bytes(data))
            survives_corruption(
                node, path, bytes(data), victim, "%s after signal %d" % (where, stop)
            )


def survives_corruption(node, path, data, victim, what):
    """One clear line and exit 1, or all other records are served; the file never shrinks."""
    node.spawn()
    try:
        node.wait_ready()
    except RuntimeError:
        same(node.process.returncode, 1, what + ": exit status")
        same(
            node.topic in node.log().decode().splitlines()[-1],
            True,
            what + ": the line names the log",
        )
    else:
        world = World(node)
        answer = world.fetch(node.topic, victim.next_offset)
        if answer["error_code"] == 0:
            same(wire.batches(answer["records"])[0].base_offset, victim.next_offset, what)
            same(world.fetch(node.topic)["high_watermark"], 2 * BATCHES, what + ": high watermark")
        else:  # Kafka's word for a log that cannot be served
            same(answer["error_code"], 56, what + ": error")
        same(World(node).append(world.topic(), wire.batch([b"a"])), 0, what + ": other topics")
        node.end()
    same(read(path)[: len(data)] == data, True, what + ": the file was cut or changed")


@alone
def hostile_strangers(folder):
    """files and folders that are not ours, in the data folder and in a partition's: left alone"""
    node = written(folder)
    strangers = [
        os.path.join(node.data, "notes.txt"),
        os.path.join(node.partition, "notes.txt"),
        os.path.join(node.partition, "00000000000000000000.log.bak"),
        os.path.join(node.partition, "x.log"),
        os.path.join(node.data, "folder", "file"),
    ]
    os.mkdir(os.path.join(node.data, "folder"))
    for path in strangers:
        write(path, b"mine")
    whole(node)
    same([read(path) for path in strangers], [b"mine"] * len(strangers))


@alone
def hostile_leftovers(folder):
    """what a crash leaves: .cleaned, .swap, .deleted, -delete folders, temporary checkpoints"""
    node = written(folder)
    first = files(node, ".log")[0]
    write(first + ".cleaned", b"half a cleaning")
    write(first.replace("0.log", "0.index") + ".cleaned", b"x")
    write(os.path.join(node.partition, "00000000000000000009.log.deleted"), read(first))
    for name in ("recovery-point-offset-checkpoint.tmp", "replication-offset-checkpoint.tmp"):
        write(os.path.join(node.data, name), b"garbage")
    shutil.copytree(node.partition, os.path.join(node.data, "gone-0.%032x-delete" % 5))
    whole(node)


@alone
def hostile_empty_segment(folder):
    """an empty log file at the end, without its indexes"""
    node = written(folder, signal.SIGKILL)
    write(os.path.join(node.partition, "%020d.log" % (2 * BATCHES)), b"")
    whole(node)


@alone
def hostile_log_gone(folder):
    """a partition's folder is gone: it comes up empty or refuses, and other topics are served"""
    node = written(folder)
    shutil.rmtree(node.partition)
    node.start()
    world = World(node)
    same(world.append(world.topic(), wire.batch([b"a"])), 0)
    node.end()
