"""Compressed batches that unpack to far more than they are."""

import struct
import time
import zlib

import kafka_wire as wire
from frames_hostile import bounded, serves
from node import same

GIB = 1 << 30
# One record of a GiB of zeros: its head says so, the zeros follow.
HEAD = wire.varint(GIB + 20) + b"\0\0\0\1" + wire.varint(GIB)


def gzip_bomb():
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return (
        engine.compress(HEAD)
        + b"".join(engine.compress(zeros) for _ in range(1024))
        + engine.flush()
    )


def zstd_bomb():
    """RFC 8878: a frame of one raw block and then blocks that are one byte repeated 128 KiB."""
    raw = (len(HEAD) << 3).to_bytes(3, "little") + HEAD
    rle = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    last = (1 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd" + b"\0\x70" + raw + rle * (GIB >> 17) + last


def snappy_length_bomb():
    """A raw snappy block that says it unpacks to 4 GiB - 1 and has nothing behind."""
    return b"\xff\xff\xff\xff\x0f" + b"\0a"


def xerial_bomb():
    """Java's framing with a block that says it is 2 GiB long."""
    return b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, 2**31 - 1) + b"\0"


def lz4_bomb():
    """A frame with a block of one match that repeats a zero 4 MiB long, 256 times."""
    literal = b"\x1f\0" + b"\1\0" + b"\xff" * ((4 << 20) // 255 - 1) + b"\0"
    block = literal + b"\x50" + b"\0" * 5
    # magic, version 1 with independent blocks, 4 MiB blocks, header checksum
    head = b"\x04\x22\x4d\x18" + b"\x60\x70" + b"\x73"
    return head + (struct.pack("<I", len(block)) + block) * 64 + struct.pack("<I", 0)


def throw(world, codec, data, count=1, topic_max=None):
    """Answered in time with the memory bounded; then the broker serves as ever."""
    topic = world.topic(max_message_bytes=str(topic_max or 4 << 20))
    begin = time.time()
    answer = world.produce(topic, wire.batch_of_bytes(data, count, attributes=codec))
    same(time.time() - begin < 20, True, "%.1f s" % (time.time() - begin))
    bounded(world)
    serves(world)
    return answer["error_code"]


def hostile_gzip(world):
    """gzip: a GiB of zeros in a MiB"""
    throw(world, wire.GZIP, gzip_bomb())


def hostile_zstd(world):
    """zstd: a GiB of zeros in 32 KiB"""
    throw(world, wire.ZSTD, zstd_bomb())


def hostile_snappy(world):
    """snappy: lengths of gigabytes with nothing behind: refused"""
    same(throw(world, wire.SNAPPY, snappy_length_bomb()) != 0, True, "refused")
    same(throw(world, wire.SNAPPY, xerial_bomb()) != 0, True, "refused")


def hostile_lz4(world):
    """lz4: 256 MiB of matches"""
    throw(world, wire.LZ4, lz4_bomb())


def hostile_record_lengths(world):
    """records that say they are longer than the batch, negative, or endless: refused"""
    for body in (
        wire.varint(2**31 - 1) + b"\0\0\0",
        wire.varint(-1) + b"\0",
        b"\xff" * 12,
        wire.varint(5) + b"\0\0\0" + wire.varint(2**31 - 1),
        wire.record(b"abc")[:-2],
        wire.record(b"abc") + b"\0",
        wire.varint(8) + b"\0\0\0" + wire.varint(-1) + wire.varint(1) + b"a" + wire.varint(2**30),
        wire.varint(8) + b"\0\0\0" + wire.varint(-1) + wire.varint(1) + b"a" + wire.varint(-1),
    ):
        for codec, compress in ((wire.NONE, None), (wire.GZIP, wire.gzip)):
            topic = world.topic()
            answer = world.produce(
                topic, wire.batch_of_bytes(body, 1, attributes=codec, compress=compress)
            )
            same(answer["error_code"] != 0, True, "%r with codec %d refused" % (body, codec))
            same(world.batches(topic), [])
    serves(world)


def hostile_count(world):
    """a batch that says it has two thousand million records: refused"""
    topic = world.topic()
    for count, delta in ((2**31 - 1, 2**31 - 2), (-1, 0), (-(2**31), 0), (1, -1), (1, 2**31 - 1)):
        answer = world.produce(topic, wire.batch([b"a"], count=count, last_delta=delta))
        same(answer["error_code"] != 0, True, "count %d refused" % count)
    same(world.batches(topic), [])
    serves(world, topic)
