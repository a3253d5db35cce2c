"""Compaction beside Kafka: 1 GiB of one topic, of which 90 % are keys that come again.

gregor writes the log without a cleaner, once; then each broker starts on a copy of the folder and
cleans it. Counted is the CPU time of what cleans and of what removes the old files: Kafka's cleaner
and scheduler threads alone, without what its collector and compiler spend for them; of gregor, all
that the process spends while it cleans, its start included.

usage: compaction.py [MIB [RECORD_BYTES]]
"""

import glob
import os
import shutil
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import kafka_wire as wire  # noqa: E402
from node import Gregor, Kafka, free_port, same, wait_until  # noqa: E402
from world import World  # noqa: E402

MIB = 1 << 20
LIVE = 10  # each key comes so often
BATCH_BYTES = 60_000
TICKS = os.sysconf("SC_CLK_TCK")
CLEANER = ("log.cleaner.backoff.ms=200", "log.cleaner.min.cleanable.ratio=0.01")
TARGET = 3.0


def fill(world, topic, total, record_bytes):
    """Records of keys in a fixed order; returns how many keys there are."""
    each = BATCH_BYTES // record_bytes
    batches = total // (each * record_bytes)
    keys = max(each, batches * each // LIVE)
    keys -= keys % each
    value = os.urandom(record_bytes - 30)
    prepared = []
    for first in range(0, keys, each):
        prepared.append(
            wire.batch([(b"key-%012d" % key, value) for key in range(first, first + each)])
        )
    for number in range(batches):
        world.append(topic, prepared[number % len(prepared)])
    return keys


def cpu_s(pid, name=None):
    """Of a process, or of its threads with this name."""
    total = 0
    paths = glob.glob("/proc/%d/task/*/stat" % pid) if name else ["/proc/%d/stat" % pid]
    for path in paths:
        with open(path, encoding="utf-8") as file:
            comm, _, rest = file.read().partition(") ")
        if name is None or comm.endswith("(" + name):
            fields = rest.split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def cleaned_to(data, topic):
    try:
        with open(os.path.join(data, "cleaner-offset-checkpoint"), encoding="ascii") as file:
            rows = [line.split() for line in file.read().splitlines()[2:]]
    except FileNotFoundError:
        return 0
    return max([int(row[2]) for row in rows if row[:2] == [topic, "0"]], default=0)


def size_of(data, topic):
    return sum(os.path.getsize(path) for path in glob.glob("%s/%s-0/*.log" % (data, topic)))


def measure(node, pid, data, topic, name):
    """CPU seconds of the cleaning, and seconds."""
    begin, started = cpu_s(pid, name), time.time()
    wait_until(lambda: cleaned_to(data, topic) > 0, 300, "the log is cleaned")
    time.sleep(0.5)  # what follows a cleaning belongs to it
    return cpu_s(pid, name) - begin, time.time() - started


def gregor_cleans(folder, topic):
    node = Gregor(folder, *CLEANER)
    node.spawn()
    cpu, seconds = measure(node, node.process.pid, node.data, topic, None)
    same(node.end(), 0, "exit status")
    return cpu, seconds, size_of(node.data, topic)


def kafka_cleans(folder, topic):
    controller, port = free_port(), free_port()
    with open(os.path.join(folder, "server.properties"), "w", encoding="ascii") as file:
        file.write("""process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:%d
log.dirs=%s
""" % (port, controller, controller, os.path.join(folder, "data")))
        file.writelines(line + "\n" for line in CLEANER)
    node = Kafka(folder)
    node.start()
    with open(os.path.join(folder, "pid"), encoding="ascii") as file:
        pid = int(file.read())
    begin, before = time.time(), cpu_s(pid, "kafka-scheduler")
    data = os.path.join(folder, "data")
    wait_until(lambda: cleaned_to(data, topic) > 0, 300, "the log is cleaned")
    time.sleep(0.5)
    cpu = cpu_s(pid, "kafka-log-clean") + cpu_s(pid, "kafka-scheduler") - before
    size = size_of(data, topic)
    node.end(signal.SIGKILL)
    return cpu, time.time() - begin, size


def main():
    total = (int(sys.argv[1]) if len(sys.argv) > 1 else 1024) * MIB
    sizes = [int(sys.argv[2])] if len(sys.argv) > 2 else [100, 1024]
    work, failed = tempfile.mkdtemp(prefix="gregor-compaction-"), 0
    try:
        for record_bytes in sizes:
            source = os.path.join(work, "source")
            node = Gregor(source, "log.cleaner.enable=false", "flush.policy=os")
            node.start()
            world = World(node)
            topic = world.topic(
                cleanup_policy="compact", segment_bytes=str(64 * MIB), file_delete_delay_ms="0"
            )
            keys = fill(world, topic, total, record_bytes)
            same(node.end(), 0, "exit status")
            before = size_of(node.data, topic)
            rates = {}
            for name, cleans in (("Kafka", kafka_cleans), ("gregor", gregor_cleans)):
                folder = os.path.join(work, name)
                shutil.copytree(source, folder)
                cpu, seconds, after = cleans(folder, topic)
                rates[name] = before / MIB / cpu
                print(
                    "%-6s %4d B: %4d MiB to %3d MiB, %d keys, %.2f CPU-s, %.1f s: %.0f MiB/CPU-s"
                    % (name, record_bytes, before / MIB, after / MIB, keys, cpu, seconds, rates[name]),
                    flush=True,
                )
                shutil.rmtree(folder)
            ratio = rates["gregor"] / rates["Kafka"]
            holds = ratio >= TARGET
            failed += not holds
            print("%d B: %.1f times Kafka's, %s" % (record_bytes, ratio, "holds" if holds else "MISSED"))
            shutil.rmtree(source)
    finally:
        Gregor.end_all(work)
        for pid in glob.glob(os.path.join(work, "*", "pid")):
            Kafka(os.path.dirname(pid)).end(signal.SIGKILL)
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())
