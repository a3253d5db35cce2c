"""ListOffsets and OffsetForLeaderEpoch."""

import kafka_wire as wire
from node import same

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED, EARLIEST_PENDING = range(-1, -7, -1)
BASE_MS = 1_700_000_000_000


def ask(world, topic, timestamp, version=11, partition=0, **more):
    entry = dict(partition_index=partition, timestamp=timestamp)
    for field in ("current_leader_epoch",):
        if field in more:
            entry[field] = more.pop(field)
    answer = world.call(
        "ListOffsets", version, replica_id=-1, topics=[dict(name=topic, partitions=[entry])], **more
    )
    return answer["topics"][0]["partitions"][0]


def found(world, *arguments, **more):
    answer = ask(world, *arguments, **more)
    return answer["error_code"], answer["timestamp"], answer["offset"]


def timed(world):
    """Offsets 0…9 at BASE_MS, +100, +200 … in batches of two; then one record that is late."""
    topic = world.topic()
    for number in range(5):
        world.append(
            topic, wire.batch([b"a", b"b"], timestamp=BASE_MS + number * 200, timestamp_step=100)
        )
    world.append(topic, wire.batch([b"late"], timestamp=BASE_MS + 50))
    return topic


def trap_ends(world):
    """earliest and latest, with timestamp -1, in every version"""
    topic = timed(world)
    for version in range(1, 12):
        same(found(world, topic, LATEST, version), (0, -1, 11), "v%d" % version)
        same(found(world, topic, EARLIEST, version), (0, -1, 0), "v%d" % version)
    same(ask(world, topic, LATEST)["leader_epoch"], 0)


def trap_empty(world):
    """an empty partition: both ends at 0, no offset for a time"""
    topic = world.topic()
    same(found(world, topic, LATEST), (0, -1, 0))
    same(found(world, topic, EARLIEST), (0, -1, 0))
    same(found(world, topic, 0), (0, -1, -1))
    same(found(world, topic, MAX_TIMESTAMP), (0, -1, -1))


def trap_by_time(world):
    """the first record at or after a time, in the middle of a batch too"""
    topic = timed(world)
    for version in (1, 4, 11):
        for asked, timestamp, offset in (
            (0, 0, 0),
            (BASE_MS, 0, 0),
            (BASE_MS + 1, 100, 1),
            (BASE_MS + 100, 100, 1),
            (BASE_MS + 250, 300, 3),
            (BASE_MS + 900, 900, 9),
        ):
            same(found(world, topic, asked, version), (0, BASE_MS + timestamp, offset), str(asked))
    same(ask(world, topic, BASE_MS)["leader_epoch"], 0)


def trap_after_the_end(world):
    """a time after the last record: error 0, timestamp -1, offset -1"""
    topic = timed(world)
    same(found(world, topic, BASE_MS + 901), (0, -1, -1))
    same(found(world, topic, 2**62), (0, -1, -1))


def trap_max_timestamp(world):
    """-3 is the first record with the highest timestamp, not the last record"""
    topic = timed(world)
    for version in (7, 11):
        same(found(world, topic, MAX_TIMESTAMP, version), (0, BASE_MS + 900, 9))


def trap_compressed_by_time(world):
    """a time is looked up inside compressed batches too"""
    topic = world.topic()
    world.append(
        topic,
        wire.batch(
            [b"a", b"b", b"c"],
            timestamp=BASE_MS,
            timestamp_step=100,
            attributes=wire.GZIP,
            compress=wire.gzip,
        ),
    )
    same(found(world, topic, BASE_MS + 101), (0, BASE_MS + 200, 2))
    same(found(world, topic, MAX_TIMESTAMP), (0, BASE_MS + 200, 2))


def trap_too_early_specials(world):
    """-3, -4, -5 before the versions that know them: error 35 for the partition"""
    topic = timed(world)
    for timestamp, version in (
        (MAX_TIMESTAMP, 1),
        (MAX_TIMESTAMP, 6),
        (EARLIEST_LOCAL, 1),
        (EARLIEST_LOCAL, 7),
        (LATEST_TIERED, 1),
        (LATEST_TIERED, 8),
        (EARLIEST_PENDING, 10),
        (-7, 11),
        (-100, 11),
    ):
        answer = ask(world, topic, timestamp, version)
        same((answer["error_code"], answer["offset"]), (35, -1), "%d in v%d" % (timestamp, version))


def trap_tiered(world):
    """without tiered storage the earliest local offset is the earliest, and nothing is tiered"""
    topic = timed(world)
    same(found(world, topic, EARLIEST_LOCAL), (0, -1, 0))
    same(found(world, topic, LATEST_TIERED), (0, -1, -1))
    same(found(world, topic, EARLIEST_PENDING), (0, -1, -1))


def trap_isolation(world):
    """read_committed: the latest is the last stable offset"""
    same(found(world, timed(world), LATEST, isolation_level=1), (0, -1, 11))


def trap_unknown(world):
    """an unknown topic or partition: error 3"""
    topic = world.topic()
    for name, partition in ((world.name("absent"), 0), (topic, 1), (topic, -1)):
        answer = ask(world, name, LATEST, partition=partition)
        same((answer["error_code"], answer["timestamp"], answer["offset"]), (3, -1, -1))


def trap_epoch(world):
    """a newer leader epoch than ours: error 75"""
    topic = timed(world)
    epoch = world.describe(topic)["partitions"][0]["leader_epoch"]
    same(ask(world, topic, LATEST, current_leader_epoch=epoch)["error_code"], 0)
    same(ask(world, topic, LATEST, current_leader_epoch=epoch + 1)["error_code"], 75)


def trap_duplicate_partition(world):
    """a partition twice in one request: error 42 for it"""
    topic = world.topic(partitions=2)
    answer = world.call(
        "ListOffsets",
        7,
        replica_id=-1,
        topics=[
            dict(
                name=topic,
                partitions=[dict(partition_index=p, timestamp=LATEST) for p in (0, 0, 1)],
            )
        ],
    )
    errors = {p["partition_index"]: p["error_code"] for p in answer["topics"][0]["partitions"]}
    same(errors, {0: 42, 1: 0})


# --- OffsetForLeaderEpoch -------------------------------------------------------------------------


def epoch_end(world, topic, epoch, version=4, partition=0, current=-1):
    answer = world.call(
        "OffsetForLeaderEpoch",
        version,
        topics=[
            dict(
                topic=topic,
                partitions=[
                    dict(partition=partition, current_leader_epoch=current, leader_epoch=epoch)
                ],
            )
        ],
        **(dict(replica_id=-1) if version >= 3 else {}),
    )
    partition = answer["topics"][0]["partitions"][0]
    return partition["error_code"], partition["leader_epoch"], partition["end_offset"]


def trap_epoch_end(world):
    """the end of the current epoch is the end of the log, in every version"""
    topic = timed(world)
    for version in (2, 3, 4):
        same(epoch_end(world, topic, 0, version), (0, 0, 11))


def trap_epoch_unknown(world):
    """an epoch that never was: no error, epoch -1, offset -1"""
    topic = timed(world)
    same(epoch_end(world, topic, 5), (0, -1, -1))
    same(epoch_end(world, topic, -1), (0, -1, -1))


def trap_epoch_of_the_client(world):
    """a client with a newer metadata epoch: error 75"""
    topic = timed(world)
    same(epoch_end(world, topic, 0, current=0), (0, 0, 11))
    same(epoch_end(world, topic, 0, current=1), (75, -1, -1))


def trap_epoch_unknown_partition(world):
    """OffsetForLeaderEpoch of an unknown topic or partition: error 3"""
    topic = timed(world)
    same(epoch_end(world, world.name("absent"), 0), (3, -1, -1))
    same(epoch_end(world, topic, 0, partition=9), (3, -1, -1))


def trap_epoch_empty(world):
    """OffsetForLeaderEpoch of an empty partition: the current epoch ends at 0"""
    same(epoch_end(world, world.topic(), 0), (0, 0, 0))
