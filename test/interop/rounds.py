"""Five times to and fro: each hand compacts, deletes, makes and removes what the other finds.

The folder goes from gregor to Kafka and back, sometimes stopped, sometimes killed. Whoever has it
checks that everything is as the model says, then changes it:

  - records are written to every topic, with every codec, idempotent and not
  - keys of the compacted topic are written anew and deleted; it is cleaned meanwhile
  - records at the start of a log are deleted
  - a topic is removed and made again under its name, another one comes to stay
  - settings of topics are set and unset
"""

import glob
import os
import signal
import subprocess
import time

import kafka_wire as wire
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from folder import CLEANER, SEGMENTS, Place, Workload, dumps, kafka_on, read_partition
from node import LIB, Gregor, same, wait_until
from world import World

ROUNDS = 5
KEYS = 40
EACH = 3000  # records of the compacted topic in a round: several segments of keys


class Model:
    """What must be there, whoever has the folder."""

    def __init__(self):
        self.load = Workload(21)
        self.compacted = {}  # key → value
        self.starts = {}  # (topic, partition) → where it begins
        self.ids = {}  # topic → id
        self.settings = {}  # topic → {name: value}


class Rounds:
    def __init__(self, work, tally):
        self.work, self.tally, self.model = work, tally, Model()
        self.gregor = Gregor(os.path.join(work, "rounds"), *SEGMENTS, *CLEANER)
        self.kafka = None

    # --- what is checked --------------------------------------------------------------------------

    def check(self, bootstrap):
        model, world = self.model, World(Place(bootstrap))
        topics = {t["name"]: t for t in world.call("Metadata", 12, topics=None)["topics"]}
        there = {name for name in topics if not name.startswith("__")}
        same(there, set(model.ids), "the topics")
        for name, topic_id in model.ids.items():
            same(topics[name]["topic_id"], topic_id, "id of " + name)
            same(self.settings(world, name), model.settings.get(name, {}), "settings of " + name)
        for (name, partition), start in model.starts.items():
            answer = world.call(
                "ListOffsets",
                7,
                replica_id=-1,
                topics=[
                    dict(name=name, partitions=[dict(partition_index=partition, timestamp=-2)])
                ],
            )["topics"][0]["partitions"][0]
            same(answer["offset"], start, "start of %s-%d" % (name, partition))
        model.load.read(bootstrap)
        self.check_compacted(bootstrap)

    @staticmethod
    def settings(world, topic):
        result = world.call(
            "DescribeConfigs",
            4,
            resources=[dict(resource_type=2, resource_name=topic, configuration_keys=None)],
        )["results"][0]
        return {c["name"]: c["value"] for c in result["configs"] if c["config_source"] == 1}

    def check_compacted(self, bootstrap):
        """Read from the start it must come to the same, whatever was cleaned away."""
        found = {}
        for _, (key, value, _) in sorted(read_partition(bootstrap, "keys", 0).items()):
            found[key] = value
        left = {key: value for key, value in found.items() if value is not None}
        same(left, self.model.compacted, "the keys' last values")

    # --- what is changed --------------------------------------------------------------------------

    def make(self, bootstrap, name, partitions, **settings):
        settings = {key.replace("_", "."): value for key, value in settings.items()}
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(20)
        self.model.settings[name] = settings
        # Kafka answers before its own broker knows the topic.
        world, unknown = World(Place(bootstrap)), b"\0" * 16
        wait_until(lambda: world.topic_id(name) != unknown, what="%s is known" % name)
        self.model.ids[name] = world.topic_id(name)

    def begin(self, bootstrap):
        self.model.load.topics(bootstrap)
        world = World(Place(bootstrap))
        for topic in world.call("Metadata", 12, topics=None)["topics"]:
            self.model.ids[topic["name"]] = topic["topic_id"]
            self.model.settings[topic["name"]] = self.settings(world, topic["name"])
        self.make(bootstrap, "keys", 1, cleanup_policy="compact", delete_retention_ms="0")
        self.make(bootstrap, "short", 1)

    def write_keys(self, bootstrap, round_number):
        """Each key often; at the end some are deleted and some have a new last value."""
        world = World(Place(bootstrap))
        last = {}
        for first in range(0, EACH, 100):
            values = []
            for number in range(first, first + 100):
                key = b"key-%d" % (number % KEYS)
                dead = number % KEYS in (round_number, round_number + 7)
                last[key] = None if dead else b"%d.%d" % (round_number, number) + b"k" * 700
                values.append((key, last[key]))
            world.append("keys", wire.batch(values))
        for key, value in last.items():
            self.model.compacted.pop(key, None)
            if value is not None:
                self.model.compacted[key] = value

    def delete_records(self, bootstrap):
        """The first half of what `none` still has, in its first partition."""
        place = ("none", 0)
        records = self.model.load.records[place]
        start = sorted(records)[len(records) // 2]
        admin = AdminClient({"bootstrap.servers": bootstrap})
        futures = admin.delete_records([TopicPartition("none", 0, start)])
        for future in futures.values():
            same(future.result(20).low_watermark, start, "low watermark")
        self.model.starts[place] = start
        for offset in [offset for offset in records if offset < start]:
            del records[offset]

    def make_again(self, bootstrap, round_number):
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.delete_topics(["short"])["short"].result(20)
        time.sleep(0.2)
        before = self.model.ids["short"]
        wait_until(lambda: self.try_make_short(bootstrap, round_number), what="short is made again")
        same(self.model.ids["short"] != before, True, "an id of its own")
        self.make(bootstrap, "round-%d" % round_number, 1 + round_number)

    def try_make_short(self, bootstrap, round_number):
        try:
            self.make(bootstrap, "short", 1, retention_bytes=str(10**9 + round_number))
            return True
        except Exception as error:
            if "already exists" in str(error):
                return False
            raise

    def cleaned(self, data):
        """How far the cleaner says it came with the keys."""
        try:
            with open(os.path.join(data, "cleaner-offset-checkpoint"), encoding="ascii") as file:
                rows = [line.split() for line in file.read().splitlines()[2:]]
        except FileNotFoundError:
            return 0
        return max([int(row[2]) for row in rows if row[:2] == ["keys", "0"]], default=0)

    def change(self, bootstrap, round_number):
        self.model.load.write(bootstrap, 100)
        before = self.cleaned(self.gregor.data)
        self.write_keys(bootstrap, round_number)
        self.delete_records(bootstrap)
        self.make_again(bootstrap, round_number)
        wait_until(
            lambda: self.cleaned(self.gregor.data) > before, 40, "the cleaner comes to the keys"
        )

    # --- the rounds -------------------------------------------------------------------------------

    def hold(self, broker, round_number, how):
        broker.start()
        self.check(broker.bootstrap)
        self.change(broker.bootstrap, round_number)
        self.check(broker.bootstrap)
        broker.end(how)

    @staticmethod
    def run_shell(path):
        kafka = os.path.join(LIB, "kafka")
        return subprocess.run(
            [kafka, "run", "metadata-shell", "--snapshot", path, "find", "/"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ).stdout

    def shell(self):
        """Kafka's own eye on the metadata: the topics by their names and ids."""
        log = os.path.join(self.gregor.data, "__cluster_metadata-0", "00000000000000000000.log")
        snapshots = glob.glob(os.path.join(self.gregor.data, "__cluster_metadata-0/*.checkpoint"))
        path = log if os.path.exists(log) else sorted(snapshots)[-1]
        for _ in range(3):  # it may look at its image before that is loaded
            out = self.run_shell(path)
            found = {
                line.rsplit("/", 1)[1]
                for line in out.splitlines()
                if line.startswith("/image/topics/byName/") and line.count("/") == 4
            }
            found = {name for name in found if not name.startswith("__")}
            if found:
                break
        same(found, set(self.model.ids), "topics in kafka-metadata-shell:\n" + out[-500:])
        same([line for line in out.splitlines() if "xception" in line], [], "exceptions")

    def story(self):
        self.gregor.start()
        self.begin(self.gregor.bootstrap)
        self.gregor.end()
        self.kafka = kafka_on(
            os.path.join(self.work, "rounds-kafka"), self.gregor.data, self.gregor.port
        )
        for number in range(ROUNDS):
            hows = (signal.SIGTERM, signal.SIGKILL)
            self.hold(self.kafka, 2 * number, hows[number % 2])
            self.hold(self.gregor, 2 * number + 1, hows[(number // 2) % 2])
            print("# round %d: %d topics" % (number + 1, len(self.model.ids)), flush=True)
        self.gregor.start()
        self.check(self.gregor.bootstrap)
        same(self.gregor.end(), 0, "exit status")

    def run(self):
        name = "five times to and fro, with compaction and deletions"
        if self.tally.run(name, self.story):
            self.tally.run("after the rounds: kafka-metadata-shell reads the metadata", self.shell)
            dumps(self.tally, self.gregor.data, "after the rounds")
