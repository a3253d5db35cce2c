"""Real clients at a quota of 1 MiB a second: how long it takes them, and on many connections.

A window of two samples: what may be used at once is one second's worth.
"""

import os
import shutil
import subprocess
import threading
import time

import kafka_wire as wire
from node import Gregor
from quotas import set_quota
from suite import alone
from world import World

MIB = 1 << 20
SETTINGS = ("quota.window.num=2", "quota.window.size.seconds=1")
KCAT = shutil.which("kcat")


def start(folder, *settings):
    broker = Gregor(folder, *SETTINGS, *settings)
    broker.start()
    return World(broker)


def kcat(world, *words, data=None):
    """Seconds it took, and what it printed."""
    if KCAT is None:
        raise AssertionError("kcat is not installed")
    begin = time.monotonic()
    done = subprocess.run(
        [KCAT, "-b", world.bootstrap, "-X", "client.id=tool", *words],
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr[-2000:].decode(errors="replace"))
    return time.monotonic() - begin, done.stdout


def near(got, want, part, what):
    print("  %s: %.2f, expected %.2f" % (what, got, want), flush=True)
    if not want * (1 - part) <= got <= want * (1 + part):
        raise AssertionError("%s is %.2f, not %.2f within %d %%" % (what, got, want, part * 100))


LINES = 7 * 1024
# Seconds that kcat takes for them against Kafka 4.3.1: a sample counts longer than the window is.
KAFKA_PRODUCE_S, KAFKA_CONSUME_S = 7.1, 7.9
DATA = (b"x" * 1023 + b"\n") * LINES


def produce(world, topic):
    return kcat(world, "-P", "-t", topic, "-X", "batch.size=65536", "-X", "linger.ms=5", data=DATA)[0]


def consume(world, topic):
    seconds, out = kcat(
        world, "-C", "-e", "-q", "-t", topic, "-o", "beginning",
        "-X", "fetch.message.max.bytes=131072",
    )
    if len(out) != len(DATA):
        raise AssertionError("%d bytes consumed of %d" % (len(out), len(DATA)))
    return seconds


@alone
def quota_real_clients_take_their_time(folder):
    """kcat writes and reads 7 MiB at 1 MiB a second in the time that it takes against Kafka"""
    world = start(folder)
    topic = world.topic()
    set_quota(world, {"client-id": "tool"}, producer_byte_rate=MIB, consumer_byte_rate=MIB)
    near(produce(world, topic), KAFKA_PRODUCE_S, 0.15, "seconds to produce")
    near(consume(world, topic), KAFKA_CONSUME_S, 0.15, "seconds to consume")
    set_quota(world, {"client-id": "tool"}, producer_byte_rate=None, consumer_byte_rate=None)
    free = world.topic()
    if produce(world, free) + consume(world, free) > 3:
        raise AssertionError("slow without a quota, too")


class Producer(threading.Thread):
    """One connection that produces as fast as it may."""

    def __init__(self, world, topic, batch, until):
        super().__init__()
        self.body = dict(
            acks=1,
            timeout_ms=10000,
            topic_data=[dict(name=topic, partition_data=[dict(index=0, records=batch)])],
        )
        self.connection = wire.Connection(world.bootstrap, client="many", timeout_s=60)
        self.until, self.bytes, self.size = until, 0, len(batch)

    def run(self):
        with self.connection:
            while time.monotonic() < self.until:
                self.connection.call("Produce", 9, **self.body)
                if time.monotonic() < self.until:
                    self.bytes += self.size


def hold_to_rate(world, connections, seconds):
    topic = world.topic()
    set_quota(world, {"client-id": "many"}, producer_byte_rate=MIB)
    batch = wire.batch([b"x" * 16000])
    until = time.monotonic() + seconds
    producers = [Producer(world, topic, batch, until) for _ in range(connections)]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    total = sum(producer.bytes for producer in producers)
    near(total / MIB, seconds + 1, 0.10, "MiB by %d connections in %d s" % (connections, seconds))


@alone
def quota_is_of_all_connections(folder):
    """nine connections of one client share 1 MiB a second within 10 %"""
    hold_to_rate(start(folder, "gregor.shards=1"), 9, 10)


@alone
def quota_is_of_all_shards(folder):
    """nine connections on three shards share it just so"""
    world = start(folder, "gregor.shards=3")
    hold_to_rate(world, 9, 10)


@alone
def quota_of_all_shards_for_fetches(folder):
    """nine consumers on three shards share what they may fetch within 15 %"""
    world = start(folder, "gregor.shards=3")
    topic = world.topic()
    batch = wire.batch([b"x" * 16000])
    for _ in range(20):
        world.append(topic, batch)
    set_quota(world, {"client-id": "many"}, consumer_byte_rate=MIB)
    seconds = 8
    until = time.monotonic() + seconds
    got = []

    def fetch():
        entry = dict(partition=0, fetch_offset=0, partition_max_bytes=65536)
        body = dict(
            max_wait_ms=100, min_bytes=1, max_bytes=65536, session_epoch=-1,
            topics=[dict(topic=topic, partitions=[entry])],
        )
        with wire.Connection(world.bootstrap, client="many", timeout_s=60) as connection:
            while time.monotonic() < until:
                answer = connection.call("Fetch", 12, **body)
                if answer["responses"] and time.monotonic() < until:
                    got.append(len(answer["responses"][0]["partitions"][0]["records"]))

    threads = [threading.Thread(target=fetch) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    near(sum(got) / MIB, seconds + 1, 0.15, "MiB fetched in %d s" % seconds)
