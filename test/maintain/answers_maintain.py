"""DeleteRecords and DescribeProducers, answer by answer."""

import signal

import kafka_wire as wire
from node import same
from suite import stronger
from world import restarts

OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC, POLICY_VIOLATION = 1, 3, 44
HIGH_WATERMARK = -1


def delete(world, topic, offset, partition=0, version=2):
    """(error, low watermark)"""
    answer = world.call(
        "DeleteRecords",
        version,
        topics=[
            dict(name=topic, partitions=[dict(partition_index=partition, offset=offset)]),
        ],
        timeout_ms=10000,
    )["topics"][0]["partitions"][0]
    return answer["error_code"], answer["low_watermark"]


def earliest(world, topic, partition=0):
    answer = world.call(
        "ListOffsets",
        7,
        replica_id=-1,
        topics=[dict(name=topic, partitions=[dict(partition_index=partition, timestamp=-2)])],
    )["topics"][0]["partitions"][0]
    same(answer["error_code"], 0, "ListOffsets")
    return answer["offset"]


def filled(world, count, **configs):
    """A topic with that many records, each a batch of its own."""
    topic = world.topic(**configs)
    for number in range(count):
        same(world.append(topic, wire.batch([b"%d" % number])), number, "base offset")
    return topic


def starts_at(world, topic, offset, end):
    """Everything that a client can see of a log start."""
    same(earliest(world, topic), offset, "earliest")
    found = world.fetch(topic, offset)
    same((found["error_code"], found["log_start_offset"]), (0, offset), "Fetch at the start")
    if offset > 0:
        same(world.fetch(topic, offset - 1)["error_code"], OFFSET_OUT_OF_RANGE, "Fetch below it")
    same(values_from(world, topic, offset), [b"%d" % number for number in range(offset, end)])


def values_from(world, topic, offset):
    out = []
    for batch in world.batches(topic, offset):
        out += [value for at, _, _, value in batch.records() if at >= offset]
    return out


def maintain_delete(world):
    """DeleteRecords moves the start, in every version; fetches and ListOffsets know it"""
    topic = filled(world, 10)
    for version in (0, 1, 2):
        same(delete(world, topic, 2 * version + 1, version=version), (0, 2 * version + 1))
        starts_at(world, topic, 2 * version + 1, 10)


def maintain_delete_all(world):
    """DeleteRecords at -1: all that is committed goes, and the next record has the next offset"""
    topic = filled(world, 4)
    same(delete(world, topic, HIGH_WATERMARK), (0, 4))
    same(earliest(world, topic), 4)
    same(world.append(topic, wire.batch([b"4"])), 4)
    same(values_from(world, topic, 4), [b"4"])


def maintain_delete_inside(world):
    """DeleteRecords inside a batch: the batch is still served, the start is where it was asked"""
    topic = world.topic()
    same(world.append(topic, wire.batch([b"0", b"1", b"2", b"3"])), 0)
    same(delete(world, topic, 2), (0, 2))
    same(earliest(world, topic), 2)
    same(world.batches(topic, 2)[0].base_offset, 0)
    same(values_from(world, topic, 2), [b"2", b"3"])


def maintain_delete_backwards(world):
    """DeleteRecords below the start changes nothing and says where that is"""
    topic = filled(world, 5)
    same(delete(world, topic, 3), (0, 3))
    same(delete(world, topic, 1), (0, 3))
    starts_at(world, topic, 3, 5)


def maintain_delete_refused(world):
    """DeleteRecords beyond the end, below -1, of a compacted topic, of none: errors, no change"""
    topic = filled(world, 3)
    for offset in (4, 1 << 40, -2, -(1 << 40)):
        same(delete(world, topic, offset), (OFFSET_OUT_OF_RANGE, -1), "offset %d" % offset)
    starts_at(world, topic, 0, 3)
    same(delete(world, topic, 1, partition=1), (UNKNOWN_TOPIC, -1))
    same(delete(world, "never-made", 1), (UNKNOWN_TOPIC, -1))
    compacted = world.topic(cleanup_policy="compact")
    same(delete(world, compacted, 0), (POLICY_VIOLATION, -1))
    both = world.topic(cleanup_policy="compact,delete")
    same(world.append(both, wire.batch([(b"k", b"v")])), 0)
    same(delete(world, both, 1), (0, 1))


@stronger
@restarts
def maintain_delete_killed(world):
    """an acknowledged DeleteRecords survives kill -9"""
    topics = [filled(world, 6) for _ in range(3)]
    for number, topic in enumerate(topics):
        same(delete(world, topic, number + 2), (0, number + 2))
    world.broker.end(signal.SIGKILL)
    world.broker.start()
    for number, topic in enumerate(topics):
        world.wait_for(topic)
        starts_at(world, topic, number + 2, 6)


@restarts
def maintain_delete_stopped(world):
    """an acknowledged DeleteRecords survives a clean stop"""
    topic = filled(world, 6)
    same(delete(world, topic, 5), (0, 5))
    world.broker.end()
    world.broker.start()
    world.wait_for(topic)
    starts_at(world, topic, 5, 6)


# --- producers ------------------------------------------------------------------------------------


def producers(world, topic, partition=0):
    asked = [dict(name=topic, partition_indexes=[partition])]
    return world.call("DescribeProducers", 0, topics=asked)["topics"][0]["partitions"][0]


def maintain_producers(world):
    """DescribeProducers: who wrote with an id, how far; those without one are nobody"""
    topic = world.topic(partitions=2)
    same(world.append(topic, wire.batch([b"nobody"])), 0)
    same(producers(world, topic)["active_producers"], [])
    producer, epoch = world.producer_id()
    for sequence in (0, 2):
        batch = wire.batch(
            [b"a", b"b"],
            producer_id=producer,
            producer_epoch=epoch,
            sequence=sequence,
            timestamp=1000,
        )
        world.append(topic, batch)
    found = producers(world, topic)
    same(found["error_code"], 0)
    (one,) = found["active_producers"]
    last = one.pop("last_timestamp")
    same(
        one,
        dict(
            producer_id=producer,
            producer_epoch=epoch,
            last_sequence=3,
            coordinator_epoch=-1,
            current_txn_start_offset=-1,
        ),
    )
    same(last, 1000, "last_timestamp")
    same(producers(world, topic, 1)["active_producers"], [], "the other partition's")


def maintain_producers_unknown(world):
    """DescribeProducers of a topic or a partition that is not there"""
    topic = world.topic()
    for name, partition in ((topic, 1), (topic, -1), ("never-made", 0)):
        found = producers(world, name, partition)
        same((found["error_code"], found["active_producers"]), (UNKNOWN_TOPIC, []), name)
