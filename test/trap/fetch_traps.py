"""Fetch: where it starts, how much it brings, how long it waits."""

import threading
import time

import kafka_wire as wire
from node import same, wait_until
from world import restarts


def filled(world, batches=3, per_batch=4, size=10):
    topic = world.topic()
    for number in range(batches):
        world.append(topic, wire.batch([b"%d" % number * size] * per_batch))
    return topic


def trap_all_versions(world):
    """every version from 4 to 18 brings the same bytes"""
    topic = filled(world)
    topic_id, seen = world.topic_id(topic), set()
    for version in range(4, 19):
        answer = world.fetch(topic_id if version >= 13 else topic, version=version)
        same(
            (answer["error_code"], answer["high_watermark"], answer["last_stable_offset"]),
            (0, 12, 12),
        )
        same(answer["aborted_transactions"], None)
        if version >= 5:
            same(answer["log_start_offset"], 0)
        if version >= 11:
            same(answer["preferred_read_replica"], -1)
        seen.add(answer["records"])
    same(len(seen), 1)


def trap_middle_of_a_batch(world):
    """an offset in the middle of a batch brings the whole batch"""
    topic = filled(world)
    for offset, base in ((0, 0), (3, 0), (4, 4), (6, 4), (11, 8)):
        same(world.batches(topic, offset)[0].base_offset, base)


def trap_one_byte(world):
    """limits of one byte still bring the first whole batch"""
    topic = filled(world)
    answer = world.fetch(topic, max_bytes=1, partition_max_bytes=1)
    found = wire.batches(answer["records"])
    same((len(found), found[0].base_offset), (1, 0))
    same(len(answer["records"]), len(found[0].bytes))


def trap_max_bytes_over_partitions(world):
    """max_bytes spans the partitions in their order; the first brings a batch anyway"""
    topic = world.topic(partitions=3)
    for partition in range(3):
        world.append(topic, wire.batch([b"x" * 1000]), partition)
    size = len(world.batches(topic)[0].bytes)
    for order in ((0, 1, 2), (2, 0, 1)):
        answer = world.call(
            "Fetch",
            12,
            max_wait_ms=100,
            min_bytes=1,
            max_bytes=1,
            topics=[
                dict(
                    topic=topic,
                    partitions=[
                        dict(partition=p, fetch_offset=0, partition_max_bytes=1 << 20)
                        for p in order
                    ],
                )
            ],
        )
        sizes = [
            (p["partition_index"], len(p["records"] or b""))
            for p in answer["responses"][0]["partitions"]
        ]
        same(sizes, [(order[0], size), (order[1], 0), (order[2], 0)])


def trap_partition_max_bytes(world):
    """partition_max_bytes bounds what one partition brings; the last batch may be cut"""
    topic = filled(world, batches=10, size=1000)
    answer = world.fetch(topic, partition_max_bytes=10000)
    same(len(answer["records"]) <= 10000, True, "%d bytes" % len(answer["records"]))
    same(len(wire.batches(answer["records"])), 2)


def trap_out_of_range(world):
    """past the end or below 0: error 1, no offsets, no records; at the end: nothing yet"""
    topic = filled(world)
    for offset in (13, 10**12, -1, -2):
        answer = world.fetch(topic, offset)
        same(
            (
                answer["error_code"],
                answer["high_watermark"],
                answer["last_stable_offset"],
                answer["log_start_offset"],
                answer["aborted_transactions"],
                answer["records"],
            ),
            (1, -1, -1, -1, None, b""),
        )
    answer = world.fetch(topic, 12)
    same((answer["error_code"], answer["high_watermark"], answer["records"]), (0, 12, b""))


def trap_unknown(world):
    """an unknown topic or partition: error 3; an unknown id: 100"""
    topic = world.topic()
    for name, partition in ((world.name("absent"), 0), (topic, 1), (topic, -1)):
        answer = world.fetch(name, partition=partition)
        same((answer["error_code"], answer["high_watermark"], answer["records"]), (3, -1, b""))
    answer = world.fetch(b"\x33" * 16, version=13)
    same((answer["error_code"], answer["high_watermark"], answer["records"]), (100, -1, b""))


def trap_error_at_once(world):
    """an error does not wait for max_wait_ms"""
    topic = world.topic(partitions=2)
    begin = time.time()
    answer = world.call(
        "Fetch",
        12,
        max_wait_ms=10000,
        min_bytes=1000,
        max_bytes=1 << 20,
        topics=[
            dict(
                topic=topic,
                partitions=[
                    dict(partition=0, fetch_offset=0, partition_max_bytes=1 << 20),
                    dict(partition=1, fetch_offset=99, partition_max_bytes=1 << 20),
                ],
            )
        ],
    )
    same([p["error_code"] for p in answer["responses"][0]["partitions"]], [0, 1])
    same(time.time() - begin < 5, True)


def trap_waits(world):
    """without enough bytes the answer comes after max_wait_ms"""
    topic = filled(world, batches=1, per_batch=1)
    begin = time.time()
    answer = world.fetch(topic, max_wait_ms=500, min_bytes=10000)
    same((answer["error_code"], len(wire.batches(answer["records"]))), (0, 1))
    same(0.45 <= time.time() - begin < 3, True, "%.3f s" % (time.time() - begin))
    begin = time.time()
    world.fetch(topic, 1, max_wait_ms=0)
    world.fetch(topic, 1, max_wait_ms=10000, min_bytes=0)
    same(time.time() - begin < 3, True)


def trap_wakes(world):
    """a waiting fetch is answered when the bytes come"""
    topic = filled(world, batches=1, per_batch=1)

    def later():
        time.sleep(0.4)
        world.append(topic, wire.batch([b"late"]))

    thread = threading.Thread(target=later)
    begin = time.time()
    thread.start()
    answer = world.fetch(topic, 1, max_wait_ms=15000)
    took = time.time() - begin
    thread.join()
    same([r[3] for r in wire.batches(answer["records"])[0].records()], [b"late"])
    same(0.3 < took < 5, True, "%.3f s" % took)


def trap_waiting_does_not_block(world):
    """one connection waits, others are served; on the same one answers stay in order"""
    topic = filled(world, batches=1, per_batch=1)
    with world.connect() as waiter:
        waiter.send(
            "Fetch",
            12,
            dict(
                max_wait_ms=1000,
                min_bytes=1,
                topics=[
                    dict(
                        topic=topic,
                        partitions=[dict(partition=0, fetch_offset=1, partition_max_bytes=1 << 20)],
                    )
                ],
            ),
        )
        waiter.send("Metadata", 1, dict(topics=[]))
        begin = time.time()
        world.call("Metadata", 1, topics=[])
        same(time.time() - begin < 0.9, True)
        same(waiter.receive("Fetch", 12)["responses"][0]["partitions"][0]["error_code"], 0)
        same(waiter.receive("Metadata", 1)["topics"], [])


def trap_read_committed(world):
    """read_committed: aborted transactions are a list, without any transaction an empty one"""
    topic = filled(world, batches=1)
    for version in (4, 11, 12):
        answer = world.fetch(topic, version=version, isolation_level=1)
        same((answer["aborted_transactions"], answer["last_stable_offset"]), ([], 4))
        same(
            world.fetch(topic, 99, version=version, isolation_level=1)["aborted_transactions"], None
        )
    same(world.fetch(world.name("absent"), isolation_level=1)["aborted_transactions"], [])


def trap_leader_epoch(world):
    """the client's epoch: older 74, newer 75, none is not looked at"""
    topic = filled(world, batches=1)
    epoch = world.describe(topic)["partitions"][0]["leader_epoch"]
    same(world.fetch(topic, current_leader_epoch=epoch)["error_code"], 0)
    same(world.fetch(topic, current_leader_epoch=-1)["error_code"], 0)
    same(world.fetch(topic, current_leader_epoch=epoch + 1)["error_code"], 75)


def trap_epoch_of_the_future(world):
    """a client that read an epoch nobody has written is out of range: error 1"""
    topic = filled(world, batches=1)
    epoch = world.describe(topic)["partitions"][0]["leader_epoch"]
    answer = world.fetch(topic, 4, last_fetched_epoch=epoch)
    same((answer["error_code"], "diverging_epoch" in answer), (0, False))
    answer = world.fetch(topic, 4, last_fetched_epoch=epoch + 5)
    same((answer["error_code"], answer["high_watermark"], answer["records"]), (1, -1, b""))


@restarts
def trap_epochs_after_restart(world):
    """a restart begins a new leader epoch: the old is fenced, the log knows where each ends"""
    topic = filled(world, batches=1)
    world.broker.end()
    world.broker.start()
    world.wait_for(topic)
    epoch = world.describe(topic)["partitions"][0]["leader_epoch"]
    same(epoch > 0, True, "a new epoch")
    same(world.append(topic, wire.batch([b"new", b"new"])), 4)
    same(world.batches(topic)[1].leader_epoch, epoch)
    same(world.fetch(topic, current_leader_epoch=0)["error_code"], 74)
    diverged = world.fetch(topic, 6, last_fetched_epoch=0)
    same(
        (diverged["error_code"], diverged["diverging_epoch"], diverged["records"]),
        (0, dict(epoch=0, end_offset=4), b""),
    )
    same("diverging_epoch" in world.fetch(topic, 4, last_fetched_epoch=0), False)
    for asked, found in (
        (0, (0, 4)),
        (epoch - 1, (0, 4)),
        (epoch, (epoch, 6)),
        (epoch + 1, (-1, -1)),
    ):
        answer = world.call(
            "OffsetForLeaderEpoch",
            4,
            replica_id=-1,
            topics=[
                dict(
                    topic=topic,
                    partitions=[dict(partition=0, current_leader_epoch=epoch, leader_epoch=asked)],
                )
            ],
        )
        partition = answer["topics"][0]["partitions"][0]
        same(
            (partition["error_code"], partition["leader_epoch"], partition["end_offset"]),
            (0, *found),
            "epoch %d" % asked,
        )


def trap_zstd_for_old_clients(world):
    """zstd goes to old versions too: down-conversion and its error 76 are gone since 4.0"""
    topic = world.topic()
    # A frame of one raw block, by RFC 8878: magic, single segment, size, block header, bytes.
    plain = wire.record(b"zstd")
    frame = (
        b"\x28\xb5\x2f\xfd\x20"
        + bytes([len(plain)])
        + (len(plain) << 3 | 1).to_bytes(3, "little")
        + plain
    )
    world.append(topic, wire.batch_of_bytes(frame, 1, attributes=wire.ZSTD))
    for version in (4, 9, 10, 12):
        answer = world.fetch(topic, version=version)
        same(
            (answer["error_code"], wire.batches(answer["records"])[0].data),
            (0, frame),
            "v%d" % version,
        )


def trap_many_reads(world):
    """reading on from each batch's end meets every record once"""
    topic = filled(world, batches=50, per_batch=3)
    offset, seen = 0, []
    while True:
        answer = world.fetch(topic, offset, partition_max_bytes=300)
        found = wire.batches(answer["records"])
        if not found:
            break
        seen += [r[0] for b in found for r in b.records()]
        offset = found[-1].next_offset
    same(seen, list(range(150)))


def trap_deleted_topic(world):
    """the id of a topic that was deleted and made again: error 100"""
    name = filled(world)
    old = world.topic_id(name)
    same(world.delete(name), 0)
    wait_until(lambda: world.create(name)["error_code"] == 0, what="made again")
    world.wait_for(name)
    same(world.topic_id(name) != old, True)
    same(world.fetch(old, version=13)["error_code"], 100)
    same(world.produce(old, wire.batch([b"a"]), version=13)["error_code"], 100)
    same(world.fetch(name)["high_watermark"], 0, "the new topic is empty")


# --- sessions -------------------------------------------------------------------------------------


class Session:
    """A client's side of a fetch session (KIP-227)."""

    def __init__(self, world, partitions, version=12):
        self.world, self.version, self.epoch = world, version, 0
        self.connection = world.connect()
        answer = self.fetch(partitions, session_id=0, session_epoch=0)
        same(answer["error_code"], 0)
        self.id = answer["session_id"]
        self.first = answer
        same(self.id != 0, True, "a session id")

    def fetch(self, partitions, forgotten=(), max_wait_ms=50, version=None, **more):
        version = version or self.version
        key, forgotten_key = ("topic_id", "topic_id") if version >= 13 else ("topic", "topic")
        by_topic, gone = {}, {}
        for topic, partition, offset in partitions:
            by_topic.setdefault(topic, []).append(
                dict(partition=partition, fetch_offset=offset, partition_max_bytes=1 << 20)
            )
        for topic, partition in forgotten:
            gone.setdefault(topic, []).append(partition)
        return self.connection.call(
            "Fetch",
            version,
            max_wait_ms=max_wait_ms,
            min_bytes=1,
            max_bytes=1 << 24,
            topics=[{key: topic, "partitions": entries} for topic, entries in by_topic.items()],
            forgotten_topics_data=[
                {forgotten_key: topic, "partitions": p} for topic, p in gone.items()
            ],
            **more
        )

    def next(self, partitions=(), **more):
        self.epoch += 1
        return self.fetch(partitions, session_id=self.id, session_epoch=self.epoch, **more)


def told(answer):
    """(partition, error, bytes?) of all partitions in an answer."""
    return [
        (p["partition_index"], p["error_code"], bool(p["records"]))
        for topic in answer["responses"]
        for p in topic["partitions"]
    ]


def trap_session_incremental(world):
    """a session answers only what changed"""
    topic = world.topic(partitions=2)
    session = Session(world, [(topic, 0, 0), (topic, 1, 0)])
    same(told(session.first), [(0, 0, False), (1, 0, False)])
    same(told(session.next()), [])
    world.append(topic, wire.batch([b"a"]), 1)
    same(told(session.next()), [(1, 0, True)])
    same(told(session.next([(topic, 1, 1)])), [])
    world.append(topic, wire.batch([b"b"]), 0)
    world.append(topic, wire.batch([b"b"]), 1)
    same(sorted(told(session.next())), [(0, 0, True), (1, 0, True)])


def trap_session_repeats(world):
    """records that the client does not move past come again"""
    topic = world.topic()
    session = Session(world, [(topic, 0, 0)])
    world.append(topic, wire.batch([b"a"]))
    for _ in range(3):
        same(told(session.next()), [(0, 0, True)])


def trap_session_grows(world):
    """partitions join a session and are forgotten"""
    topic = world.topic(partitions=3)
    session = Session(world, [(topic, 0, 0)])
    for partition in range(3):
        world.append(topic, wire.batch([b"a"]), partition)
    same(told(session.next([(topic, 2, 0)])), [(0, 0, True), (2, 0, True)])
    same(told(session.next(forgotten=[(topic, 0)])), [(2, 0, True)])
    same(told(session.next([(topic, 1, 0)], forgotten=[(topic, 2)])), [(1, 0, True)])


def trap_session_errors(world):
    """an unknown session is error 70, a wrong epoch 71, with nothing else in the answer"""
    topic = world.topic()
    session = Session(world, [(topic, 0, 0)])
    answer = session.fetch([], session_id=session.id, session_epoch=5)
    same((answer["error_code"], answer["session_id"], answer["responses"]), (71, 0, []))
    answer = session.fetch([], session_id=123456, session_epoch=1)
    same((answer["error_code"], answer["session_id"], answer["responses"]), (70, 0, []))
    same(session.next()["error_code"], 0, "the session itself")
    same(
        session.fetch([], session_id=session.id, session_epoch=1)["error_code"],
        71,
        "an epoch again",
    )


def trap_session_close(world):
    """epoch -1 closes a session and answers as without one"""
    topic = world.topic()
    world.append(topic, wire.batch([b"a"]))
    session = Session(world, [(topic, 0, 0)])
    answer = session.fetch([(topic, 0, 0)], session_id=session.id, session_epoch=-1)
    same((answer["error_code"], answer["session_id"], told(answer)), (0, 0, [(0, 0, True)]))
    same(session.next()["error_code"], 70)


def trap_session_restart(world):
    """epoch 0 with the id of a session closes it and opens another"""
    topic = world.topic()
    session = Session(world, [(topic, 0, 0)])
    answer = session.fetch([(topic, 0, 0)], session_id=session.id, session_epoch=0)
    same((answer["error_code"], answer["session_id"] not in (0, session.id)), (0, True))
    same(session.next()["error_code"], 70)


def trap_session_none(world):
    """epoch -1 without a session: session id 0"""
    topic = world.topic()
    answer = world.call(
        "Fetch",
        12,
        max_wait_ms=10,
        session_id=0,
        session_epoch=-1,
        topics=[
            dict(topic=topic, partitions=[dict(partition=0, fetch_offset=0, partition_max_bytes=1)])
        ],
    )
    same((answer["error_code"], answer["session_id"]), (0, 0))


def trap_session_empty(world):
    """a session may begin without partitions"""
    answer = world.call("Fetch", 12, max_wait_ms=10, session_id=0, session_epoch=0, topics=[])
    same((answer["error_code"], answer["session_id"] != 0, answer["responses"]), (0, True, []))


def trap_session_partition_error(world):
    """a partition with an error is told each time"""
    topic = world.topic()
    session = Session(world, [(topic, 0, 99)])
    same(told(session.first), [(0, 1, False)])
    for _ in range(2):
        same(told(session.next()), [(0, 1, False)])
    same(told(session.next([(topic, 0, 0)])), [(0, 0, False)])
    same(told(session.next()), [])


def trap_session_names_and_ids(world):
    """a session by names asked with ids, or the other way: error 106"""
    topic = world.topic()
    topic_id = world.topic_id(topic)
    by_name = Session(world, [(topic, 0, 0)])
    same(by_name.next([(topic_id, 0, 0)], version=13)["error_code"], 106)
    by_id = Session(world, [(topic_id, 0, 0)], version=13)
    same(by_id.next([(topic, 0, 0)], version=12)["error_code"], 106)


def trap_session_deleted_topic(world):
    """a topic made again is not taken for the one a session knows"""
    name = world.topic()
    session = Session(world, [(world.topic_id(name), 0, 0)], version=13)
    same(world.delete(name), 0)
    wait_until(lambda: world.create(name)["error_code"] == 0, what="made again")
    world.wait_for(name)
    world.append(name, wire.batch([b"a"]))
    for _ in range(2):
        same(told(session.next()), [(0, 103, False)])


def trap_session_waits(world):
    """a session's fetch waits for bytes too"""
    topic = world.topic()
    session = Session(world, [(topic, 0, 0)])
    begin = time.time()
    same(told(session.next(max_wait_ms=400)), [])
    same(0.35 <= time.time() - begin < 3, True)
