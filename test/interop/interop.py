"""One data folder under gregor and under Apache Kafka in turn.

1. gregor: a mixed workload over restarts and kills; then kafka-dump-log reads every file it left
2. Kafka on that folder: every record, topic, config and producer is there; it writes more
3. gregor on what Kafka left: the same, and kafka-dump-log again
4. a folder that Kafka made: gregor serves it by Kafka's own server.properties, and gives it back
5. five times to and fro, stopped or killed, with compaction and deletions (rounds.py)
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from folder import SEGMENTS, Idempotent, Identity, Place, Workload, dumps, kafka_on  # noqa: E402
from node import BINARY, LIB, Gregor, Kafka, Tally, same  # noqa: E402
from rounds import Rounds  # noqa: E402
from world import World  # noqa: E402


class Story:
    def __init__(self, work):
        self.tally, self.work = Tally(), work
        self.load = Workload(11)
        self.gregor = Gregor(os.path.join(work, "gregor"), *SEGMENTS)
        self.kafka = self.identity = self.producer = None

    def idempotent(self, bootstrap):
        world = World(Place(bootstrap))
        if self.producer is None:
            self.producer = Idempotent(world)
        offset, record = self.producer.send(world)
        self.load.records.setdefault(("many", 0), {})[offset] = record

    def begin(self):
        """Restarts of both kinds in the middle of the writing."""
        node = self.gregor
        node.start()
        self.load.topics(node.bootstrap)
        for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            self.load.write(node.bootstrap, 700)
            node.end(how)
            node.start()
        self.load.admin(node.bootstrap)
        self.load.write(node.bootstrap)
        self.idempotent(node.bootstrap)
        self.idempotent(node.bootstrap)
        self.load.read(node.bootstrap)
        self.identity = Identity(node.bootstrap)
        same(node.end(), 0, "exit status")

    def under(self, broker):
        """The folder under another broker: all is there, and it takes more."""
        broker.start()
        same(Identity(broker.bootstrap), self.identity)
        print("# %d records read" % self.load.read(broker.bootstrap))
        self.idempotent(broker.bootstrap)
        self.load.write(broker.bootstrap, 200)
        self.load.read(broker.bootstrap)
        same(broker.end(), 0, "exit status")

    def run(self):
        tally = self.tally
        if not tally.run("gregor: a workload over restarts and kills", self.begin):
            return
        dumps(tally, self.gregor.data, "after gregor")
        self.kafka = kafka_on(os.path.join(self.work, "kafka"), self.gregor.data, self.gregor.port)
        tally.run(
            "Kafka on gregor's folder: records, topics, configs, producers; it writes more",
            self.under,
            self.kafka,
        )
        if not self.kafka.stopped():
            self.kafka.end(signal.SIGKILL)
        tally.run("gregor on what Kafka left: the same", self.under, self.gregor)
        dumps(tally, self.gregor.data, "after both")

    def kafka_first(self):
        """A folder that Kafka formatted and filled, served by gregor through Kafka's settings."""
        folder = os.path.join(self.work, "kafka-first")
        kafka, self.load, self.producer = Kafka(folder), Workload(12), None
        self.kafka = kafka
        kafka.start()
        self.load.topics(kafka.bootstrap)
        self.load.write(kafka.bootstrap)
        self.load.admin(kafka.bootstrap)
        self.load.write(kafka.bootstrap)
        self.idempotent(kafka.bootstrap)
        self.identity = Identity(kafka.bootstrap)
        kafka.end()
        gregor = Gregor(os.path.join(self.work, "second"))
        gregor.bootstrap = kafka.bootstrap
        gregor.command = lambda: [BINARY, "serve", os.path.join(folder, "server.properties")]
        self.under(gregor)
        self.under(kafka)


def main():
    work = tempfile.mkdtemp(prefix="gregor-interop-")
    story = Story(work)
    try:
        story.run()
        story.tally.run("a folder that Kafka made, under gregor and back", story.kafka_first)
        Rounds(work, story.tally).run()
    except Exception as error:
        story.tally.check("the story came to its end", False, error)
    finally:
        Gregor.end_all(work)
        for pid in glob.glob(os.path.join(work, "*", "pid")):
            subprocess.run([os.path.join(LIB, "kafka"), "down", os.path.dirname(pid), "KILL"])
        shutil.rmtree(work, ignore_errors=True)
    return story.tally.finish()


sys.exit(main())
