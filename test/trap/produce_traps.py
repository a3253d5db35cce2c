"""Produce: what is refused, with which error, and what of a batch the broker changes."""

import time

import kafka_wire as wire
from node import same

HOUR_MS = 3600 * 1000


def refused(world, records, error, **more):
    topic = world.topic(**more.pop("configs", {}))
    answer = world.produce(topic, records, **more)
    same(answer["error_code"], error)
    same((answer["base_offset"], answer["log_append_time_ms"]), (-1, -1))
    same(world.batches(topic), [], "nothing is stored")
    return answer


def trap_all_versions(world):
    """every version from 3 to 13 appends and says where"""
    topic = world.topic()
    topic_id = world.topic_id(topic)
    for offset, version in enumerate(range(3, 14)):
        answer = world.produce(
            topic_id if version >= 13 else topic, wire.batch([b"v"]), version=version
        )
        same((answer["error_code"], answer["base_offset"], answer["index"]), (0, offset, 0))
        same(answer["log_append_time_ms"], -1)
        if version >= 5:
            same(answer["log_start_offset"], 0)
        if version >= 8:
            same((answer["record_errors"], answer["error_message"]), ([], None))
    same(world.values(topic), [b"v"] * 11)


def trap_unknown_topic(world):
    """an unknown topic or partition: error 3, and nothing is created"""
    name = world.name("absent")
    same(world.produce(name, wire.batch([b"v"]))["error_code"], 3)
    same(world.describe(name)["error_code"], 3)
    topic = world.topic()
    for partition in (1, -1, 2**31 - 1):
        same(world.produce(topic, wire.batch([b"v"]), partition=partition)["error_code"], 3)


def trap_unknown_topic_id(world):
    """an unknown topic id: error 100"""
    same(world.produce(b"\x22" * 16, wire.batch([b"v"]), version=13)["error_code"], 100)
    same(world.produce(wire.NO_UUID, wire.batch([b"v"]), version=13)["error_code"], 100)


def trap_one_bad_partition(world):
    """a bad partition in a request does not hurt the good ones"""
    topic = world.topic(partitions=2)
    good, bad = wire.batch([b"good"]), wire.batch([b"bad"], crc=1)
    answer = world.call(
        "Produce",
        9,
        acks=-1,
        timeout_ms=10000,
        topic_data=[
            dict(
                name=topic,
                partition_data=[
                    dict(index=0, records=bad),
                    dict(index=1, records=good),
                    dict(index=7, records=good),
                ],
            )
        ],
    )
    found = {p["index"]: p["error_code"] for p in answer["responses"][0]["partition_responses"]}
    same(found, {0: 2, 1: 0, 7: 3})
    same((world.values(topic, 0), world.values(topic, 1)), ([], [b"good"]))


def trap_crc(world):
    """a CRC that fails: error 2"""
    refused(world, wire.batch([b"v"], crc=0), 2)


def trap_two_batches(world):
    """two batches for a partition: error 87"""
    refused(world, wire.batch([b"a"]) + wire.batch([b"b"], base_offset=1), 87)


def trap_base_offset(world):
    """a base offset that is not 0: error 87"""
    refused(world, wire.batch([b"a"], base_offset=5), 87)


def trap_control_batch(world):
    """a control batch of a client: error 87"""
    refused(world, wire.batch([(b"\0\0\0\0", b"\0\0\0\0\0\0")], attributes=wire.CONTROL), 87)


def trap_count_too_big(world):
    """a batch that says more records than it has: error 87"""
    refused(world, wire.batch([b"a"], count=2, last_delta=1), 87)


def trap_count_too_small(world):
    """a batch that says fewer records than it has: error 87"""
    refused(world, wire.batch([b"a", b"b"], count=1, last_delta=0), 87)


def trap_count_and_delta(world):
    """a count that is not the last offset's: error 87"""
    refused(world, wire.batch([b"a"], last_delta=3), 87)
    refused(world, wire.batch([b"a", b"b"], count=2, last_delta=0), 87)


def trap_count_zero(world):
    """a batch without records: error 87"""
    refused(world, wire.batch([], last_delta=0), 87)
    refused(world, wire.batch([], last_delta=-1), 87)


def trap_record_offsets(world):
    """compressed records whose offsets do not count up from 0 are refused (Kafka: error -1)"""
    topic = world.topic()
    body = wire.record(b"a", delta=0) + wire.record(b"b", delta=5)
    answer = world.produce(
        topic, wire.batch_of_bytes(body, 2, attributes=wire.GZIP, compress=wire.gzip)
    )
    same(answer["error_code"] in (-1, 87), True, "error %d" % answer["error_code"])
    same(world.batches(topic), [])


def trap_old_magic(world):
    """the message formats before version 2: error 87"""
    refused(world, wire.batch([b"a"], magic=1), 87)
    refused(world, wire.batch([b"a"], magic=0), 87)


def trap_magic_of_the_future(world):
    """a format nobody knows: error 2"""
    refused(world, wire.batch([b"a"], magic=3), 2)


def trap_no_records(world):
    """no bytes of records: error 87"""
    refused(world, b"", 87)


def trap_acks(world):
    """acks that is not -1, 0 or 1: error 21"""
    for acks in (2, -2, 32767):
        refused(world, wire.batch([b"a"]), 21, acks=acks)


def trap_acks_0(world):
    """acks=0: no answer, and the next request is answered"""
    topic = world.topic()
    body = dict(
        acks=0,
        timeout_ms=1000,
        topic_data=[
            dict(name=topic, partition_data=[dict(index=0, records=wire.batch([b"quiet"]))])
        ],
    )
    with world.connect() as connection:
        connection.send("Produce", 9, body)
        same(connection.is_silent(0.3), True)
        connection.send("Produce", 9, body)
        same(connection.call("Metadata", 1, topics=[])["topics"], [])
    same(world.values(topic), [b"quiet"] * 2)


def trap_acks_0_error(world):
    """acks=0 with an error: the connection is closed"""
    topic = world.topic()
    for name, records in (
        (world.name("absent"), wire.batch([b"a"])),
        (topic, wire.batch([b"a"], crc=1)),
        (topic, wire.batch([b"x" * 1100000], crc=1)),
    ):
        with world.connect() as connection:
            connection.send(
                "Produce",
                9,
                dict(
                    acks=0,
                    timeout_ms=1000,
                    topic_data=[dict(name=name, partition_data=[dict(index=0, records=records)])],
                ),
            )
            same(connection.is_closed(), True)


def trap_too_large(world):
    """a batch over max.message.bytes: error 10; the size that just fits is stored"""
    batch = wire.batch([b"x" * 2000])
    answer = refused(world, batch, 10, configs=dict(max_message_bytes=str(len(batch) - 1)))
    same(answer["record_errors"], [])
    topic = world.topic(max_message_bytes=str(len(batch)))
    same(world.append(topic, batch), 0)


def trap_future_timestamp(world):
    """a timestamp more than an hour ahead: error 32, with the record's number"""
    late = wire.batch([b"a", b"b"], timestamp=wire.now_ms(), timestamp_step=2 * HOUR_MS)
    answer = refused(world, late, 32)
    same([e["batch_index"] for e in answer["record_errors"]], [1])
    topic = world.topic(message_timestamp_after_max_ms=str(3 * HOUR_MS))
    same(world.append(topic, late), 0)


def trap_past_timestamp(world):
    """a timestamp before message.timestamp.before.max.ms: error 32"""
    old = wire.batch([b"a"], timestamp=wire.now_ms() - 2 * HOUR_MS)
    refused(world, old, 32, configs=dict(message_timestamp_before_max_ms=str(HOUR_MS)))


def trap_compacted_without_key(world):
    """a record without key on a compacted topic: error 87, each of them by number"""
    batch = wire.batch([(b"k", b"a"), b"b", b"c"])
    answer = refused(world, batch, 87, configs=dict(cleanup_policy="compact"))
    same([e["batch_index"] for e in answer["record_errors"]], [1, 2])


def trap_empty_key(world):
    """an empty key is a key"""
    topic = world.topic(cleanup_policy="compact")
    same(world.append(topic, wire.batch([(b"", b"a")])), 0)


def trap_stored_header(world):
    """the broker sets base offset and leader epoch, and nothing else of the batch"""
    topic = world.topic()
    world.append(topic, wire.batch([b"a", b"b"]))
    sent = wire.batch([b"c"], leader_epoch=-1)
    same(world.append(topic, sent), 2)
    stored = world.batches(topic)[1]
    same((stored.base_offset, stored.leader_epoch, stored.crc_holds), (2, 0, True))
    same(stored.bytes[16:], sent[16:])


def trap_max_timestamp(world):
    """a batch whose maximal timestamp is not its records' is stored with the right one"""
    topic = world.topic()
    now = wire.now_ms()
    answer = world.produce(
        topic, wire.batch([b"a", b"b"], timestamp=now, timestamp_step=10, max_timestamp=now + 500)
    )
    same(answer["error_code"], 0)
    stored = world.batches(topic)[0]
    same((stored.max_timestamp - now, stored.crc_holds), (10, True))


def trap_log_append_time(world):
    """LogAppendTime: in the batch, its attributes, a CRC that holds, and in the answer"""
    topic = world.topic(message_timestamp_type="LogAppendTime")
    before = wire.now_ms()
    answer = world.produce(topic, wire.batch([b"a", b"b"], timestamp=1000, timestamp_step=10))
    same(answer["error_code"], 0)
    same(before - 5000 <= answer["log_append_time_ms"] <= wire.now_ms() + 5000, True)
    stored = world.batches(topic)[0]
    same((stored.crc_holds, stored.attributes & wire.LOG_APPEND_TIME), (True, wire.LOG_APPEND_TIME))
    same(stored.max_timestamp, answer["log_append_time_ms"])


def trap_create_time(world):
    """CreateTime takes the LogAppendTime bit of a client away"""
    topic = world.topic()
    world.append(topic, wire.batch([b"a"], attributes=wire.LOG_APPEND_TIME))
    stored = world.batches(topic)[0]
    same((stored.attributes, stored.crc_holds), (0, True))


def trap_gzip(world):
    """a compressed batch is stored as it came"""
    topic = world.topic()
    sent = wire.batch([b"a" * 100, b"b" * 100], attributes=wire.GZIP, compress=wire.gzip)
    world.append(topic, sent)
    same(world.batches(topic)[0].bytes[16:], sent[16:])
    same(world.values(topic), [b"a" * 100, b"b" * 100])


def trap_compressed_lies(world):
    """a compressed batch is looked into: a wrong count is error 87"""
    refused(
        world,
        wire.batch([b"a"], count=2, last_delta=1, attributes=wire.GZIP, compress=wire.gzip),
        87,
    )


def trap_compressed_garbage(world):
    """compressed bytes that are none: refused with a CRC that holds"""
    topic = world.topic()
    for codec in (wire.GZIP, wire.SNAPPY, wire.LZ4, wire.ZSTD):
        answer = world.produce(topic, wire.batch([b"abc" * 20], attributes=codec))
        same(
            answer["error_code"] in (2, 87, -1),
            True,
            "error %d of codec %d" % (answer["error_code"], codec),
        )
    same(world.batches(topic), [])


def trap_unknown_codec(world):
    """a codec that does not exist is refused"""
    topic = world.topic()
    for codec in (5, 6, 7):
        answer = world.produce(topic, wire.batch([b"a"], attributes=codec))
        same(answer["error_code"] in (-1, 2, 76, 87), True, "error %d" % answer["error_code"])
    same(world.batches(topic), [])


def trap_zstd_too_early(world):
    """zstd before version 7: error 76"""
    refused(world, wire.batch([b"a"], attributes=wire.ZSTD), 76, version=6)


def trap_broker_compresses(world):
    """compression.type=gzip: the broker compresses what came plain"""
    topic = world.topic(compression_type="gzip")
    world.append(topic, wire.batch([b"a" * 100, b"b"]))
    stored = world.batches(topic)[0]
    same((stored.attributes & 7, stored.crc_holds), (wire.GZIP, True))
    same(world.values(topic), [b"a" * 100, b"b"])


def trap_broker_uncompresses(world):
    """compression.type=uncompressed: the broker unpacks"""
    topic = world.topic(compression_type="uncompressed")
    world.append(topic, wire.batch([b"a" * 100, b"b"], attributes=wire.GZIP, compress=wire.gzip))
    same(
        (world.batches(topic)[0].attributes & 7, world.values(topic)),
        (wire.NONE, [b"a" * 100, b"b"]),
    )


def trap_transactional_without_id(world):
    """a transactional batch in a request without transactional id: error 53"""
    producer_id, epoch = world.producer_id()
    batch = wire.batch(
        [b"a"],
        attributes=wire.TRANSACTIONAL,
        producer_id=producer_id,
        producer_epoch=epoch,
        sequence=0,
    )
    topic = world.topic()
    answer = world.produce(topic, batch)
    same(answer["error_code"], 53)


def trap_null_records(world):
    """null records: an error or an end, and the broker goes on (Kafka never answers)"""
    topic = world.topic()
    with world.connect() as connection:
        connection.send(
            "Produce",
            9,
            dict(
                acks=-1,
                timeout_ms=1000,
                topic_data=[dict(name=topic, partition_data=[dict(index=0, records=None)])],
            ),
        )
        connection.socket.settimeout(1)
        try:
            connection.receive_frame()
        except (wire.Closed, TimeoutError):
            pass
    same(world.append(topic, wire.batch([b"a"])), 0)


def trap_headers(world):
    """headers, null keys and null values come back byte for byte"""
    topic = world.topic()
    body = wire.record(None, b"k", 0, 0, [("h", b"1"), ("h", None), ("", b"")]) + wire.record(
        b"", None, 1
    )
    world.append(topic, wire.batch_of_bytes(body, 2))
    same(world.batches(topic)[0].data, body)


def trap_latency_of_acks(world):
    """an acknowledgement of every kind comes without a delay"""
    topic = world.topic()
    for acks in (1, -1):
        begin = time.time()
        for _ in range(10):
            same(world.produce(topic, wire.batch([b"a"]), acks=acks)["error_code"], 0)
        same(time.time() - begin < 5, True)


def trap_length_beyond(world):
    """a batch that says it is longer than what came, or half of one: error 87"""
    batch = wire.batch([b"abc" * 10])
    refused(world, wire.batch([b"abc"], length=1 << 20), 87)
    for size in (1, 12, 17, 60, len(batch) - 1):
        refused(world, batch[:size], 87)


def trap_length_too_small(world):
    """a batch that says it is shorter than a batch can be: error 2"""
    for length in (-1, 0, 48):
        refused(world, wire.batch([b"abc"], length=length), 2)


def trap_bytes_after_batch(world):
    """bytes after the batch that are none are not stored"""
    topic, batch = world.topic(), wire.batch([b"abc"])
    world.append(topic, batch + b"xyz")
    same(len(world.fetch(topic)["records"]), len(batch))
