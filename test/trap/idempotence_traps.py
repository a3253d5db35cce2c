"""Idempotent producers: what is a duplicate, what is out of order, what outlives the broker."""

import signal
import time

import kafka_wire as wire
from node import same
from world import restarts

SEQUENCE_MAX = 2**31 - 1


class Producer:
    """One producer id on one new topic, in full control of its sequences."""

    def __init__(self, world, **configs):
        self.world, self.topic = world, world.topic(**configs)
        self.id, self.epoch = world.producer_id()

    def send(self, sequence, values=(b"v",), epoch=None, producer_id=None):
        return self.world.produce(
            self.topic,
            wire.batch(
                list(values),
                sequence=sequence,
                producer_id=self.id if producer_id is None else producer_id,
                producer_epoch=self.epoch if epoch is None else epoch,
            ),
        )

    def accepted(self, sequence, offset, **more):
        answer = self.send(sequence, **more)
        same((answer["error_code"], answer["base_offset"]), (0, offset), "sequence %d" % sequence)
        return answer

    def refused(self, sequence, error, **more):
        answer = self.send(sequence, **more)
        same((answer["error_code"], answer["base_offset"]), (error, -1), "sequence %d" % sequence)


def trap_sequences(world):
    """sequences that follow are appended, across the batches' sizes"""
    producer = Producer(world)
    producer.accepted(0, 0, values=[b"a", b"b", b"c"])
    producer.accepted(3, 3)
    producer.accepted(4, 4, values=[b"e", b"f"])
    same(world.values(producer.topic), [b"a", b"b", b"c", b"v", b"e", b"f"])


def trap_duplicates(world):
    """a duplicate of the last five batches is error 0 with its first offset, and not stored"""
    producer = Producer(world)
    for number in range(7):
        producer.accepted(number * 2, number * 2, values=[b"a", b"b"])
    for number in (6, 5, 4, 3, 2, 6, 2):
        producer.accepted(number * 2, number * 2, values=[b"a", b"b"])
    same(len(world.values(producer.topic)), 14)


def trap_older_duplicate(world):
    """a duplicate older than five batches: error 45"""
    producer = Producer(world)
    for number in range(7):
        producer.accepted(number, number)
    producer.refused(1, 45)
    producer.refused(0, 45)


def trap_part_of_a_duplicate(world):
    """a batch that overlaps another one without being it: error 45"""
    producer = Producer(world)
    producer.accepted(0, 0, values=[b"a", b"b", b"c"])
    producer.refused(1, 45)
    producer.refused(1, 45, values=[b"b", b"c"])
    producer.refused(0, 45, values=[b"a", b"b"])
    producer.refused(2, 45, values=[b"c", b"d"])


def trap_gap(world):
    """a gap: error 45, and what was missing can still come"""
    producer = Producer(world)
    producer.accepted(0, 0)
    producer.refused(2, 45)
    producer.accepted(1, 1)
    producer.accepted(2, 2)


def trap_unknown_producer(world):
    """a producer that the partition has never seen may start at any sequence"""
    producer = Producer(world)
    producer.accepted(17, 0)
    producer.refused(17 + 2, 45)
    producer.accepted(18, 1)


def trap_unregistered_id(world):
    """a producer id that nobody gave out is taken"""
    producer = Producer(world)
    producer.accepted(0, 0, producer_id=123456789)


def trap_wrap(world):
    """sequences go on at 0 after 2147483647, also inside a batch"""
    producer = Producer(world)
    producer.accepted(SEQUENCE_MAX - 1, 0, values=[b"a", b"b", b"c"])
    producer.accepted(1, 3)
    producer.accepted(SEQUENCE_MAX - 1, 0, values=[b"a", b"b", b"c"])
    producer.refused(0, 45)
    edge = Producer(world)
    edge.accepted(SEQUENCE_MAX, 0)
    edge.accepted(0, 1)


def trap_stale_epoch(world):
    """an epoch lower than the one seen: error 47"""
    producer = Producer(world)
    producer.accepted(0, 0, epoch=3)
    producer.refused(1, 47, epoch=2)
    producer.refused(0, 47, epoch=0)
    producer.accepted(1, 1, epoch=3)


def trap_new_epoch(world):
    """a higher epoch starts at sequence 0; another start is error 45"""
    producer = Producer(world)
    producer.accepted(0, 0)
    producer.refused(1, 45, epoch=1)
    producer.accepted(0, 1, epoch=1)
    producer.accepted(1, 2, epoch=1)
    producer.refused(1, 47, epoch=0)


def trap_producers_apart(world):
    """producers and partitions have sequences of their own"""
    topic = world.topic(partitions=2)
    ids = [world.producer_id() for _ in range(3)]
    same(len({i for i, _ in ids}), 3)
    for sequence in range(3):
        for producer_id, epoch in ids:
            for partition in (0, 1):
                answer = world.produce(
                    topic,
                    wire.batch(
                        [b"v"], producer_id=producer_id, producer_epoch=epoch, sequence=sequence
                    ),
                    partition,
                )
                same(answer["error_code"], 0)
    same((len(world.values(topic, 0)), len(world.values(topic, 1))), (9, 9))


def trap_duplicate_log_append_time(world):
    """a duplicate's answer has the time of the batch that was stored"""
    producer = Producer(world, message_timestamp_type="LogAppendTime")
    first = producer.accepted(0, 0)
    producer.accepted(1, 1)
    again = producer.accepted(0, 0)
    same(again["log_append_time_ms"], first["log_append_time_ms"])


def trap_pipelined(world):
    """batches in flight on one connection are judged in their order"""
    producer = Producer(world)
    with world.connect() as connection:
        for sequence in (0, 1, 2, 1, 4, 3):
            connection.send(
                "Produce",
                9,
                dict(
                    acks=-1,
                    timeout_ms=10000,
                    topic_data=[
                        dict(
                            name=producer.topic,
                            partition_data=[
                                dict(
                                    index=0,
                                    records=wire.batch(
                                        [b"v"],
                                        sequence=sequence,
                                        producer_id=producer.id,
                                        producer_epoch=0,
                                    ),
                                )
                            ],
                        )
                    ],
                ),
            )
        answers = [
            connection.receive("Produce", 9)["responses"][0]["partition_responses"][0]
            for _ in range(6)
        ]
    same([a["error_code"] for a in answers], [0, 0, 0, 0, 45, 0])
    same([a["base_offset"] for a in answers], [0, 1, 2, 1, -1, 3])


def trap_negative_sequence(world):
    """a producer id without a sequence, or a sequence below 0: error 87"""
    producer = Producer(world)
    producer.refused(-1, 87)
    producer.refused(-2, 87)
    same(world.batches(producer.topic), [])


def after(world, how):
    producer, other = Producer(world), Producer(world)
    for number in range(6):
        producer.accepted(number * 2, number * 2, values=[b"a", b"b"])
    other.accepted(5, 0, epoch=4)
    world.broker.end(how)
    world.broker.start()
    for topic in (producer.topic, other.topic):
        world.wait_for(topic)
    # A snapshot has each producer's last batch; the four before it, Kafka forgets.
    producer.accepted(10, 10, values=[b"a", b"b"])
    producer.refused(0, 45, values=[b"a", b"b"])
    producer.refused(14, 45)
    producer.accepted(12, 12)
    other.refused(6, 47, epoch=3)
    other.accepted(6, 1, epoch=4)
    fresh, _ = world.producer_id()
    same(fresh in (producer.id, other.id), False, "a producer id given out twice")


@restarts
def trap_after_restart(world):
    """a clean restart forgets neither sequences nor epochs nor the ids given out"""
    after(world, signal.SIGTERM)


@restarts
def trap_after_kill(world):
    """kill -9 forgets neither sequences nor epochs nor the ids given out"""
    after(world, signal.SIGKILL)


# --- InitProducerId -------------------------------------------------------------------------------


def trap_init_all_versions(world):
    """InitProducerId: every version gives a new id with epoch 0"""
    found = []
    for version in range(6):
        answer = world.call(
            "InitProducerId", version, transactional_id=None, transaction_timeout_ms=60000
        )
        same((answer["error_code"], answer["producer_epoch"]), (0, 0))
        found.append(answer["producer_id"])
    same(len(set(found)), 6)


def trap_init_many(world):
    """InitProducerId: ids stay unique across the blocks of 1000"""
    seen = set()
    with world.connect() as connection:
        deadline = time.time() + 30
        while len(seen) < 2200 and time.time() < deadline:
            answer = connection.call(
                "InitProducerId", 1, transactional_id=None, transaction_timeout_ms=0
            )
            if answer["error_code"] == 14:  # the next block is on its way
                time.sleep(0.01)
                continue
            same((answer["error_code"], answer["producer_id"] in seen), (0, False))
            seen.add(answer["producer_id"])
    same(len(seen), 2200)


def trap_init_empty_id(world):
    """InitProducerId: an empty transactional id is error 42"""
    answer = world.call("InitProducerId", 4, transactional_id="", transaction_timeout_ms=60000)
    same((answer["error_code"], answer["producer_id"], answer["producer_epoch"]), (42, -1, -1))


def trap_init_with_old_id(world):
    """InitProducerId: without transactional id an id of the past is replaced by a new one"""
    producer_id, epoch = world.producer_id()
    answer = world.call(
        "InitProducerId",
        4,
        transactional_id=None,
        transaction_timeout_ms=60000,
        producer_id=producer_id,
        producer_epoch=epoch,
    )
    same((answer["error_code"], answer["producer_epoch"]), (0, 0))
    same(answer["producer_id"] != producer_id, True)
