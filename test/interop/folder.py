"""A data folder in the hands of gregor and of Apache Kafka: what is written, read and compared."""

import glob
import os
import random
import re
import subprocess
import sys

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
    TIMESTAMP_NOT_AVAILABLE,
)
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kafka_wire as wire  # noqa: E402
from node import LIB, Kafka, free_port, same  # noqa: E402
from world import World  # noqa: E402

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
# A cleaner that comes as soon as there is something to clean.
CLEANER = (
    "log.cleaner.backoff.ms=200",
    "log.cleaner.min.cleanable.ratio=0.01",
    "log.initial.task.delay.ms=500",
)
SEGMENTS = ("log.segment.bytes=1048576", "log.index.interval.bytes=1024")
BASE_MS = wire.now_ms() - 3_600_000  # retention must not take the records away
DUMP_FILES_MAX = 200  # in one call of kafka-dump-log


class Workload:
    """What was acknowledged, by place, whoever was the broker."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.records = {}  # (topic, partition) → {offset: (key, value, headers)}
        self.gone = set()
        self.number = 0

    def topics(self, bootstrap):
        admin = AdminClient({"bootstrap.servers": bootstrap})
        new = [NewTopic(codec, 2, 1) for codec in CODECS]
        new += [
            NewTopic("append-time", 1, 1, config={"message.timestamp.type": "LogAppendTime"}),
            NewTopic("compact", 1, 1, config={"cleanup.policy": "compact"}),
            NewTopic("many", 1, 1),
            NewTopic("gone", 3, 1),
            NewTopic("empty", 2, 1),
        ]
        for future in admin.create_topics(new).values():
            future.result(20)

    def admin(self, bootstrap):
        """Changes to topics, so that the metadata log has more than their beginning."""
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.delete_topics(["gone"])["gone"].result(20)
        self.gone.add("gone")
        for key in [key for key in self.records if key[0] == "gone"]:
            del self.records[key]
        admin.create_partitions([NewPartitions("many", 4)])["many"].result(20)
        world = World(Place(bootstrap))
        answer = world.call(
            "IncrementalAlterConfigs",
            1,
            resources=[
                dict(
                    resource_type=2,
                    resource_name="many",
                    configs=[dict(name="retention.ms", config_operation=0, value="987654321000")],
                )
            ],
        )
        same(answer["responses"][0]["error_code"], 0)

    def write(self, bootstrap, count=400, partitions=None):
        """To every topic with every kind of producer; all must be acknowledged."""
        plans = [(codec, codec) for codec in CODECS]
        plans += [("append-time", "none"), ("compact", "zstd"), ("many", "lz4")]
        if "gone" not in self.gone:
            plans.append(("gone", "none"))
        for topic, codec in plans:
            producer = Producer(
                {
                    "bootstrap.servers": bootstrap,
                    "compression.type": codec,
                    "linger.ms": 2,
                    "enable.idempotence": self.rng.random() < 0.5,
                    "acks": "all",
                    "batch.size": self.rng.choice((2000, 20000, 200000)),
                }
            )
            for _ in range(count):
                self.one(producer, topic)
            same(producer.flush(60), 0, "records in flight")

    def one(self, producer, topic):
        self.number += 1
        key = b"key-%d" % self.rng.randrange(50) if topic == "compact" or self.number % 3 else None
        value = None if topic == "compact" and self.number % 9 == 0 else self.value()
        headers = [("h%d" % n, self.rng.randbytes(n)) for n in range(self.number % 3)]

        def delivered(error, message):
            if error:
                raise KafkaException(error)
            place = self.records.setdefault((topic, message.partition()), {})
            if message.offset() in place:
                raise AssertionError("offset %d given twice" % message.offset())
            place[message.offset()] = (key, value, headers)

        producer.produce(
            topic,
            value,
            key,
            headers=headers,
            timestamp=BASE_MS + self.number * 10,
            on_delivery=delivered,
        )
        producer.poll(0)

    def value(self):
        size = self.rng.choice((0, 10, 100, 100, 1000, 3000))
        return self.rng.randbytes(size // 2) + b"x" * (size // 2) + b"%d" % self.number

    def read(self, bootstrap):
        """Everything of every topic, compared; returns how many records."""
        count = 0
        for (topic, partition), expected in sorted(self.records.items()):
            found = read_partition(bootstrap, topic, partition)
            wanted = kept(expected) if topic == "compact" else expected
            wrong = [o for o in wanted if found.get(o) != expected[o]]
            same(wrong[:5], [], "%s-%d: records lost or changed" % (topic, partition))
            same(
                sorted(set(found) - set(expected))[:5],
                [],
                "%s-%d: records nobody wrote" % (topic, partition),
            )
            count += len(found)
        return count


def kept(records):
    """The offsets that compaction keeps: each key's last."""
    return {key: offset for offset, (key, _, _) in sorted(records.items())}.values()


class Place:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap


def read_partition(bootstrap, topic, partition):
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "none",
            "enable.auto.commit": False,
            "check.crcs": True,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    found = {}
    while True:
        message = consumer.poll(20)
        if message is None:
            raise AssertionError("%s-%d does not come to its end" % (topic, partition))
        if message.error():
            consumer.close()
            return found
        same(message.timestamp()[0] != TIMESTAMP_NOT_AVAILABLE, True)
        found[message.offset()] = (message.key(), message.value(), message.headers() or [])


# --- kafka-dump-log -------------------------------------------------------------------------------

# A fault's words in Kafka's DumpLogSegments and LogValidation.
FAULTS = re.compile(
    r"isvalid: false|Mismatches in|Misindexed|mismatch|out of order|duplicate timestamp|"
    r"No message|Exception|Could not|not found|corrupt|invalid",
    re.I,
)


def dump(paths, *flags):
    out = ""
    for first in range(0, len(paths), DUMP_FILES_MAX):
        result = subprocess.run(
            [
                os.path.join(LIB, "kafka"),
                "run",
                "dump-log",
                *flags,
                "--files",
                ",".join(paths[first : first + DUMP_FILES_MAX]),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        out += result.stdout
        same(result.returncode, 0, "exit status of dump-log: " + result.stdout[-500:])
    return out


def faults(text):
    return [line[:300] for line in text.splitlines() if FAULTS.search(line)][:5]


def gaps(text):
    """Offsets that are missing in a dump, but where Kafka's cleaner may have been."""
    found, log = [], None
    for line in text.splitlines():
        log = line if line.startswith("Non-consecutive offsets in ") else log
        # "-1 is followed by" is said of the first record of every file that does not start at 0
        if re.match(r"\d+ is followed by", line.strip()) and not re.search("/(compact|keys)-", log):
            found.append(log + ": " + line)
    return found


def dumps(tally, data, when):
    """Kafka's own eye on every file of a stopped folder."""

    def of(pattern):
        return sorted(
            path for path in glob.glob(os.path.join(data, pattern)) if "-delete" not in path
        )

    logs = [path for path in of("*-[0-9]*/*.log") if "__cluster_metadata" not in path]
    indexes = [path for path in of("*-[0-9]*/*.index")]
    times, snapshots = of("*-[0-9]*/*.timeindex"), of("*-[0-9]*/*.snapshot")
    tally.check("%s: several segments (%d logs)" % (when, len(logs)), len(logs) > 20)

    def read_logs():
        text = dump(logs, "--deep-iteration")
        same(text.count("Dumping "), len(logs), "logs dumped")
        same(faults(text), [])
        same(gaps(text)[:5], [], "gaps in offsets")

    def read_indexes():
        text = dump(indexes, "--index-sanity-check")
        # an empty one is what a segment without a second index interval has
        held = text.count(" passed sanity check.") + text.count(".index is empty.")
        same(held, len(indexes), text[-400:])

    def compare_indexes():
        same(faults(dump(indexes, "--deep-iteration")), [])
        same(faults(dump(indexes, "--verify-index-only")), [])

    def compare_times():
        same(faults(dump(times, "--deep-iteration")), [])
        same(faults(dump(times, "--index-sanity-check")), [])

    def read_snapshots():
        text = dump(snapshots)
        same(text.count("Dumping "), len(snapshots))
        same(faults(text), [])

    def read_metadata():
        text = dump(
            of("__cluster_metadata-0/*.log") + of("__cluster_metadata-0/*.checkpoint"),
            "--cluster-metadata-decoder",
            "--deep-iteration",
        )
        same(faults(text), [])
        same('"type":"TOPIC_RECORD"' in text, True, "a TopicRecord in the metadata log")

    tally.run(when + ": dump-log --deep-iteration finds no fault in the logs", read_logs)
    tally.run(when + ": dump-log --index-sanity-check passes every index", read_indexes)
    tally.run(when + ": dump-log finds every index entry's batch", compare_indexes)
    tally.run(when + ": dump-log finds every time index entry's record", compare_times)
    if snapshots:
        tally.run(when + ": dump-log reads the producer snapshots", read_snapshots)
    tally.run(when + ": dump-log --cluster-metadata-decoder reads the metadata log", read_metadata)


# --- the same folder in other hands ---------------------------------------------------------------


def kafka_on(folder, data, port):
    """A Kafka whose settings name a folder that exists: nothing is formatted."""
    os.makedirs(folder)
    controller = free_port()
    with open(os.path.join(folder, "server.properties"), "w", encoding="ascii") as file:
        file.write("""process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:%d
log.dirs=%s
log.segment.bytes=1048576
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
""" % (port, controller, controller, data))
        file.writelines(line + "\n" for line in CLEANER)
    return Kafka(folder)


class Identity:
    """What must not change with the hands a folder is in."""

    def __init__(self, bootstrap):
        world = World(Place(bootstrap))
        answer = world.call("Metadata", 12, topics=None)
        self.cluster_id = answer["cluster_id"]
        self.topics = {
            t["name"]: (t["topic_id"], len(t["partitions"]))
            for t in answer["topics"]
            if not t["name"].startswith("__")
        }
        result = world.call(
            "DescribeConfigs",
            4,
            resources=[
                dict(resource_type=2, resource_name="many", configuration_keys=["retention.ms"])
            ],
        )["results"][0]
        self.retention = [(c["value"], c["config_source"]) for c in result["configs"]]

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return repr(vars(self))


class Idempotent:
    """A producer whose sequence goes on across brokers."""

    def __init__(self, world):
        self.id, self.epoch = world.producer_id()
        self.sequence = self.offset = 0

    def send(self, world):
        """The last batch again, which is a duplicate, and then the next one."""
        if self.sequence > 0:
            answer = world.produce("many", self.batch(self.sequence - 1))
            same((answer["error_code"], answer["base_offset"]), (0, self.offset), "a duplicate")
        answer = world.produce("many", self.batch(self.sequence))
        same(answer["error_code"], 0, "the next sequence")
        gap = world.produce("many", self.batch(self.sequence + 5))
        same(gap["error_code"], 45, "a gap")
        self.offset, self.sequence = answer["base_offset"], self.sequence + 1
        return self.offset, (None, b"idempotent", [])

    def batch(self, sequence):
        return wire.batch(
            [b"idempotent"],
            producer_id=self.id,
            producer_epoch=self.epoch,
            sequence=sequence,
            timestamp=BASE_MS,
        )
