"""confluent-kafka (librdkafka): create, produce with every codec and acks, read back, delete."""

import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition, OFFSET_BEGINNING
from confluent_kafka.admin import AdminClient, NewTopic, NewPartitions

import records

BOOTSTRAP = sys.argv[1]
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TIMEOUT = 20


def produce(topic, codec, acks, wanted):
    failures = []
    producer = Producer({
        "bootstrap.servers": BOOTSTRAP, "compression.type": codec, "acks": acks,
        "enable.idempotence": acks == "all", "linger.ms": 20,
    })
    for record in wanted:
        producer.produce(topic, key=record.key, value=record.value, headers=record.headers,
                         partition=0, timestamp=record.timestamp,
                         on_delivery=lambda error, _: failures.append(error) if error else None)
    left = producer.flush(TIMEOUT)
    return failures, left


def consumer():
    return Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "unused",
                     "enable.auto.commit": False, "check.crcs": True})


def consume(topic, offset, count):
    reader = consumer()
    reader.assign([TopicPartition(topic, 0, offset)])
    got, deadline = [], time.time() + TIMEOUT
    while len(got) < count and time.time() < deadline:
        message = reader.poll(0.5)
        if message is not None and not message.error():
            got.append(message)
    reader.close()
    return got


def plain(message):
    return records.Record(message.key(), message.value(), message.headers() or [],
                          message.timestamp()[1])


def story(tap, admin, codec, acks):
    name = "confluent-%s-%s-%s" % (codec, acks, records.RUN)
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(TIMEOUT)
    wanted = records.make(name, int(time.time() * 1000))
    failures, left = produce(name, codec, acks, wanted)
    tap.check(name + ": produced", not failures and not left, "%s, %d left" % (failures, left))
    got = consume(name, OFFSET_BEGINNING, len(wanted))
    tap.equal(name + ": read back byte for byte", [plain(m) for m in got], wanted)
    tap.equal(name + ": offsets are dense", [m.offset() for m in got], list(range(len(wanted))))
    tail = consume(name, 77, len(wanted) - 77)
    tap.equal(name + ": read from offset 77", [plain(m) for m in tail], wanted[77:])

    reader = consumer()
    tap.equal(name + ": watermarks",
              reader.get_watermark_offsets(TopicPartition(name, 0), TIMEOUT), (0, len(wanted)))
    asked = [TopicPartition(name, 0, wanted[50].timestamp),
             TopicPartition(name, 1, wanted[50].timestamp)]
    tap.equal(name + ": offset by time",
              [p.offset for p in reader.offsets_for_times(asked, TIMEOUT)], [50, -1])
    reader.close()


def main():
    tap = records.Tap()
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
    for codec in CODECS:
        for acks in ("0", "1", "all"):
            story(tap, admin, codec, acks)

    name = "confluent-none-all-" + records.RUN
    admin.create_partitions([NewPartitions(name, 5)])[name].result(TIMEOUT)
    tap.equal("partitions grow", len(admin.list_topics(name, TIMEOUT).topics[name].partitions), 5)
    admin.delete_topics([name])[name].result(TIMEOUT)
    deadline = time.time() + TIMEOUT
    while name in admin.list_topics(timeout=TIMEOUT).topics and time.time() < deadline:
        time.sleep(0.05)
    tap.check("topic is deleted", name not in admin.list_topics(timeout=TIMEOUT).topics)
    return tap.end()


sys.exit(main())
