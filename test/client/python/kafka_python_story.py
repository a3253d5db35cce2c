"""kafka-python: create, produce with every codec and acks, read back by offset and by time."""

import sys
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

import records

BOOTSTRAP = sys.argv[1]
CODECS = (None, "gzip", "snappy", "lz4", "zstd")
TIMEOUT_MS = 20_000


def wait_for(condition):
    deadline = time.time() + TIMEOUT_MS / 1000
    while not condition() and time.time() < deadline:
        time.sleep(0.05)


def read(topic, offset, count):
    consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id=None, check_crcs=True,
                             enable_auto_commit=False)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek(partition, offset)
    got, deadline = [], time.time() + TIMEOUT_MS / 1000
    while len(got) < count and time.time() < deadline:
        for batch in consumer.poll(500).values():
            got.extend(batch)
    consumer.close()
    return [(m.offset, records.Record(m.key, m.value, list(m.headers), m.timestamp)) for m in got]


def story(tap, admin, codec, acks):
    name = "kafka-python-%s-%s-%s" % (codec or "none", acks, records.RUN)
    admin.create_topics([NewTopic(name, 2, 1)])
    wanted = records.make(name, int(time.time() * 1000))
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, compression_type=codec, acks=acks,
                             enable_idempotence=acks == "all", linger_ms=20)
    futures = [producer.send(name, key=r.key, value=r.value, headers=r.headers, partition=0,
                             timestamp_ms=r.timestamp) for r in wanted]
    producer.flush(TIMEOUT_MS / 1000)
    tap.check(name + ": produced", all(f.succeeded() for f in futures),
              str([f.exception for f in futures if not f.succeeded()][:1]))
    producer.close()

    expected = list(enumerate(wanted))
    tap.equal(name + ": read back byte for byte", read(name, 0, len(wanted)), expected)
    tap.equal(name + ": read from offset 77", read(name, 77, len(wanted) - 77), expected[77:])

    consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, group_id=None)
    first, second = TopicPartition(name, 0), TopicPartition(name, 1)
    tap.equal(name + ": end offsets", consumer.end_offsets([first, second]),
              {first: len(wanted), second: 0})
    found = consumer.offsets_for_times({first: wanted[50].timestamp, second: 1})
    tap.equal(name + ": offset by time", (found[first].offset, found[second]), (50, None))
    consumer.close()


def main():
    tap = records.Tap()
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    for codec in CODECS:
        for acks in (0, 1, "all"):
            story(tap, admin, codec, acks)
    name = "kafka-python-none-1-" + records.RUN
    admin.delete_topics([name])
    wait_for(lambda: name not in admin.list_topics())
    tap.check("topic is deleted", name not in admin.list_topics())
    return tap.end()


sys.exit(main())
