"""kill -9 at random moments under several producers.

Each round starts the broker on the same folder, lets the producers run for a moment and kills the
broker; some rounds kill it again while it recovers. At the end everything is read back:

  - no acknowledged record is lost;
  - with idempotence none is there twice, and each producer's are in the order they were sent;
  - what was once read at an offset is still there (checked after every round);
  - recovery is idempotent: a second one leaves the same bytes as the first.

usage: crash.py BROKER-BINARY ROUNDS [SEED]
"""

import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 3
READY = b"Transitioning from RECOVERY to RUNNING"
START_TIMEOUT_S = 30
SETTINGS = ("--override", "log.segment.bytes=1048576")  # several segments in a run


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """The process, started again and again on one folder and one port."""

    def __init__(self, binary, folder, port, extra=()):
        self.command = [
            binary,
            "serve",
            "--override",
            "listeners=PLAINTEXT://127.0.0.1:%d" % port,
            "--override",
            "log.dirs=" + folder,
            *extra,
        ]
        self.log_path = folder + ".log"
        self.process = None

    def spawn(self):
        self.log = open(self.log_path, "ab")
        self.seen = self.log.tell()
        self.process = subprocess.Popen(
            self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )

    def wait_ready(self):
        deadline = time.time() + START_TIMEOUT_S
        while time.time() < deadline:
            with open(self.log_path, "rb") as log:
                log.seek(self.seen)
                if READY in log.read():
                    return
            if self.process.poll() is not None:
                raise SystemExit("the broker ended by itself:\n" + self.tail())
            time.sleep(0.002)
        raise SystemExit("the broker did not start:\n" + self.tail())

    def tail(self):
        with open(self.log_path, "rb") as log:
            return log.read()[-3000:].decode(errors="replace")

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()
        self.log.close()


class Writer:
    """One producer with its own numbers, and what became of each."""

    def __init__(self, name, topic, bootstrap, idempotent, rng):
        self.name, self.topic, self.idempotent, self.rng = name, topic, idempotent, rng
        self.number = 0
        self.acknowledged = []
        self.failed = 0
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": idempotent,
                "acks": "all",
                "linger.ms": 1,
                "message.timeout.ms": 120000,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 50,
                "retry.backoff.ms": 10,
                "log_level": 0,
            }
        )

    def delivered(self, error, message):
        if error:
            self.failed += 1
        else:
            self.acknowledged.append((message.partition(), message.offset(), message.value()))

    def write(self, until):
        """Sends as fast as acknowledgements come, until that moment."""
        while time.time() < until:
            for _ in range(50):
                value = b"%s-%d-" % (self.name.encode(), self.number) + b"x" * self.rng.randrange(
                    300
                )
                try:
                    self.producer.produce(
                        self.topic,
                        value,
                        partition=self.number % PARTITIONS,
                        on_delivery=self.delivered,
                    )
                    self.number += 1
                except BufferError:
                    break
            self.producer.poll(0.002)


class History:
    """Every record that any read returned, by place: it must never change."""

    def __init__(self):
        self.seen = [{} for _ in range(PARTITIONS)]
        self.changed = 0

    def read(self, topic, bootstrap, begin):
        consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "unused",
                "check.crcs": True,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "log_level": 0,
                "fetch.wait.max.ms": 10,
            }
        )
        consumer.assign([TopicPartition(topic, p, begin[p]) for p in range(PARTITIONS)])
        ended, deadline = set(), time.time() + 60
        while len(ended) < PARTITIONS and time.time() < deadline:
            for message in consumer.consume(5000, 0.2):
                if message.error():
                    ended.add(message.partition())
                    continue
                place = self.seen[message.partition()]
                before = place.setdefault(message.offset(), message.value())
                self.changed += before != message.value()
        consumer.close()
        return len(ended) == PARTITIONS


def fingerprint(folder):
    """Names and bytes of everything a log is made of."""
    result = {}
    for directory, _, files in os.walk(folder):
        for name in files:
            if (
                name.endswith((".log", ".index", ".timeindex", ".snapshot"))
                and "__cluster" not in directory
            ):
                with open(os.path.join(directory, name), "rb") as file:
                    content = file.read().rstrip(b"\0")
                result[os.path.relpath(os.path.join(directory, name), folder)] = (
                    len(content),
                    hashlib.sha256(content).hexdigest(),
                )
    return result


def recover_copy(binary, folder, kills_s, times):
    """What a copy looks like after each of so many recoveries, killed before at these moments."""
    copy = folder + ".copy"
    shutil.copytree(folder, copy)
    broker = Broker(binary, copy, free_port(), SETTINGS)
    for moment in kills_s:
        broker.spawn()
        time.sleep(moment)
        broker.kill()
    prints = []
    for _ in range(times):
        broker.spawn()
        broker.wait_ready()
        broker.kill()
        prints.append(fingerprint(copy))
    shutil.rmtree(copy)
    os.unlink(broker.log_path)
    return prints


def differences(one, other):
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def recovery_is_idempotent(binary, folder, rng):
    """A second recovery, and one that was killed several times, leave what one alone leaves.

    Returns the names of the files that differ."""
    first, second = recover_copy(binary, folder, [], 2)
    (killed,) = recover_copy(binary, folder, [rng.random() * 0.012 for _ in range(6)], 1)
    return differences(first, second) + differences(first, killed)


class Story:
    def __init__(self, binary, rounds, seed):
        self.binary, self.rounds = binary, rounds
        self.rng = random.Random(seed)
        self.work = tempfile.mkdtemp(prefix="gregor-crash-")
        self.folder = os.path.join(self.work, "data")
        port = free_port()
        self.bootstrap = "127.0.0.1:%d" % port
        self.broker = Broker(binary, self.folder, port, SETTINGS)
        self.history = {}
        self.passed = self.failed = 0

    def check(self, name, holds, detail=""):
        self.passed += bool(holds)
        self.failed += not holds
        print(
            "%s - %s%s" % ("ok" if holds else "not ok", name, "" if holds else " " + str(detail)),
            flush=True,
        )

    def round(self, writers):
        self.broker.spawn()
        if self.rng.random() < 0.2:  # die inside recovery
            time.sleep(self.rng.random() * 0.02)
            self.broker.kill()
            self.broker.spawn()
        self.broker.wait_ready()
        slice_s = 0.02 + self.rng.random() * 0.1
        until = time.time() + self.rng.random() * 0.8
        while time.time() < until:
            for writer in writers:
                writer.write(min(until, time.time() + slice_s))
        self.broker.kill()

    def verify_prefix(self):
        """After a restart: what was read in earlier rounds is read again, the newest part of it."""
        for topic, history in self.history.items():
            begin = [max(0, max(seen, default=-1) - 200) for seen in history.seen]
            if not history.read(topic, self.bootstrap, begin):
                self.check("read to the end of " + topic, False)

    def run(self):
        self.broker.spawn()
        self.broker.wait_ready()
        topics = ["idempotent", "plain"]
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        for future in admin.create_topics([NewTopic(t, PARTITIONS, 1) for t in topics]).values():
            future.result(20)
        self.broker.kill()
        self.history = {topic: History() for topic in topics}
        writers = [
            Writer("i%d" % i, "idempotent", self.bootstrap, True, self.rng) for i in range(2)
        ]
        writers += [Writer("p%d" % i, "plain", self.bootstrap, False, self.rng) for i in range(2)]
        for number in range(self.rounds):
            self.round(writers)
            if number % 10 == 9:
                differing = recovery_is_idempotent(self.binary, self.folder, self.rng)
                self.check(
                    "round %d: another recovery changes nothing" % (number + 1),
                    not differing,
                    differing,
                )
                self.broker.spawn()
                self.broker.wait_ready()
                self.verify_prefix()
                self.broker.kill()
        self.finish(writers)

    def finish(self, writers):
        self.broker.spawn()
        self.broker.wait_ready()
        for writer in writers:
            self.check(
                "%s: everything in flight was answered" % writer.name,
                writer.producer.flush(60) == 0,
            )
        for topic, history in self.history.items():
            self.check(
                topic + ": read to the end", history.read(topic, self.bootstrap, [0] * PARTITIONS)
            )
            self.check(
                topic + ": no offset ever changed its record", history.changed == 0, history.changed
            )
        for writer in writers:
            self.judge(writer)
        self.broker.kill(signal.SIGTERM)
        self.check(
            "a clean stop ends with 0",
            self.broker.process.returncode == 0,
            self.broker.process.returncode,
        )
        sizes = ["%s %d" % (w.name, len(w.acknowledged)) for w in writers]
        print("# %d kills, acknowledged: %s" % (self.rounds, ", ".join(sizes)))
        shutil.rmtree(self.work)

    def judge(self, writer):
        seen = self.history[writer.topic].seen
        lost = [a for a in writer.acknowledged if a[1] >= 0 and seen[a[0]].get(a[1]) != a[2]]
        self.check(
            "%s: none of %d acknowledged records is lost" % (writer.name, len(writer.acknowledged)),
            writer.acknowledged and not lost,
            "%d lost, first %r" % (len(lost), lost[:1]),
        )
        if not writer.idempotent:
            return
        prefix = writer.name.encode() + b"-"
        for partition in range(PARTITIONS):
            numbers = [
                int(value.split(b"-")[1])
                for _, value in sorted(seen[partition].items())
                if value.startswith(prefix)
            ]
            self.check(
                "%s: partition %d has each once and in order" % (writer.name, partition),
                all(a < b for a, b in zip(numbers, numbers[1:])),
                [(a, b) for a, b in zip(numbers, numbers[1:]) if a >= b][:3],
            )


def main():
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    print("# seed %d" % seed)
    story = Story(sys.argv[1], int(sys.argv[2]), seed)
    try:
        story.run()
    except (KafkaException, OSError, SystemExit) as error:
        story.check("the story came to its end", False, error)
    finally:
        if story.broker.process and story.broker.process.poll() is None:
            story.broker.process.kill()
    print("%d passed, %d failed" % (story.passed, story.failed))
    return 1 if story.failed else 0


sys.exit(main())
