"""Every call to the kernel fails once, each in turn.

A script of 200 requests runs against a gregor whose n-th call of one kind fails (shim.c): no space,
no descriptors, no memory, a broken disk, half of what was asked. Then the node is stopped or killed,
started again without the fault, and read. What must hold, whatever failed:

  - every request is answered or its connection closed, soon; the node ends only by saying why;
  - after the next start everything that was acknowledged is there, once, where it was said to be;
  - nothing is there that nobody sent.

usage: faults.py SHIM [RUNS [NAME]]   RUNS: so many, spread evenly over all; NAME: of these calls only
"""

import concurrent.futures
import errno
import os
import shutil
import signal
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import kafka_wire as wire  # noqa: E402
from node import Gregor, Tally, same  # noqa: E402

HALF = 0
DISK = ("ENOSPC", "EIO")
DESCRIPTOR = ("EMFILE", "ENFILE", "ENOMEM")
# What each call can fail with, in the order of CALLS in shim.c.
FAULTS = {
    "open": DISK + DESCRIPTOR,
    "pread": ("EIO", "EINTR", HALF),
    "preadv2": ("EIO", "EAGAIN", "EINTR", HALF),
    "pwrite": DISK + ("EINTR", HALF),
    "pwritev": DISK + ("EINTR", HALF),
    "fdatasync": DISK,
    "fsync": DISK,
    "ftruncate": ("EIO",),
    "fallocate": DISK + ("EINTR",),
    "rename": DISK,
    "remove": ("EIO",),
    "mkdir": DISK,
    "opendir": ("EIO", "EMFILE", "ENOMEM"),
    "readdir": ("EIO",),
    "stat": ("EIO", "ENOMEM"),
    "fstat": ("EIO",),
    "flock": ("EINTR", "ENOLCK"),
    "epoll_create1": ("EMFILE", "ENOMEM"),
    "epoll_ctl": ("ENOSPC", "ENOMEM"),
    "epoll_wait": ("EINTR",),
    "eventfd": ("EMFILE", "ENOMEM"),
    "signalfd": ("EMFILE", "ENOMEM"),
    "socket": ("EMFILE", "ENOBUFS"),
    "setsockopt": ("ENOBUFS",),
    "bind": ("EADDRINUSE",),
    "listen": ("EADDRINUSE",),
    "accept4": ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR"),
    "recv": ("ECONNRESET", "ENOMEM", "EINTR", HALF),
    "sendmsg": ("ECONNRESET", "ENOBUFS", "EINTR", HALF),
    "sendfile": ("EIO", "ENOMEM", "EINTR", HALF),
    "read": ("EINTR",),
    "write": ("EINTR",),
    "getrandom": ("EINTR", HALF),
    "pthread_create": ("EAGAIN",),
    "malloc": ("ENOMEM",),
    "calloc": ("ENOMEM",),
    "realloc": ("ENOMEM",),
}
MEMORY = ("malloc", "calloc", "realloc")
ANSWER_S = 10  # for one request
NOW_MS = wire.now_ms()
SEGMENT_BYTES = 1 << 20
REQUESTS = 200


# --- the script -----------------------------------------------------------------------------------


def batch_of(number, size, **header):
    return wire.batch([value_of(number, size)], timestamp=NOW_MS, **header)


def value_of(number, size):
    return struct.pack(">I", number) + b"v" * size


BIG = 300_000
BIG_BATCHES = {number: batch_of(number, BIG) for number in range(1000, 1010)}


def fetch_body(topic, partition, offset, most):
    """One partition, answered at once."""
    asked = dict(partition=partition, fetch_offset=offset, partition_max_bytes=most)
    return dict(
        max_wait_ms=1,
        min_bytes=1,
        max_bytes=1 << 24,
        topics=[dict(topic=topic, partitions=[asked])],
    )


class Model:
    """What was asked and what was acknowledged."""

    def __init__(self):
        self.topics = {}  # name → partitions; None: it is not known whether it is there
        self.gone = set()
        self.sent = {}  # (topic, partition) → {number}
        self.there = {}  # (topic, partition) → {offset: number}
        self.retention = {None}  # what `small` may have as its retention.ms


class Client:
    """Asks one thing after the other; a connection that is lost is made anew."""

    def __init__(self, node, model):
        self.node, self.model, self.connection = node, model, None
        self.requests = 0

    def ask(self, api, version, **body):
        """The answer, or None: it will never be known."""
        self.requests += 1
        for _ in range(3):
            try:
                if self.connection is None:
                    self.connection = wire.Connection(self.node.bootstrap, ANSWER_S)
                return self.connection.call(api, version, **body)
            except TimeoutError:
                raise AssertionError("no answer to %s within %d s" % (api, ANSWER_S)) from None
            except (wire.Closed, ConnectionError):
                first = self.connection is None
                self.close()
                if not first:
                    return None
        return None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    # --- requests that change something -----------------------------------------------------------

    def create(self, name, partitions, **configs):
        topic = dict(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            configs=[dict(name=k.replace("_", "."), value=v) for k, v in configs.items()],
        )
        answer = self.ask("CreateTopics", 7, topics=[topic], timeout_ms=5000, validate_only=False)
        created = answer is not None and answer["topics"][0]["error_code"] in (0, 36)
        self.model.topics[name] = partitions if created else None

    def grow(self, name, count):
        topic = dict(name=name, count=count, assignments=None)
        answer = self.ask("CreatePartitions", 3, topics=[topic], timeout_ms=5000)
        if answer is None or answer["results"][0]["error_code"] != 0:
            return
        if self.model.topics.get(name) is not None:
            self.model.topics[name] = count

    def delete(self, name):
        answer = self.ask("DeleteTopics", 6, topics=[dict(name=name)], timeout_ms=5000)
        self.model.topics[name] = None
        if answer is not None and answer["responses"][0]["error_code"] == 0:
            self.model.gone.add(name)

    def configure(self, value):
        answer = self.ask(
            "IncrementalAlterConfigs",
            1,
            resources=[
                dict(
                    resource_type=2,
                    resource_name="small",
                    configs=[dict(name="retention.ms", config_operation=0, value=value)],
                )
            ],
        )
        if answer is not None and answer["responses"][0]["error_code"] == 0:
            self.model.retention = {value}
        else:
            self.model.retention.add(value)

    def produce(self, topic, partition, number, records, acks=-1):
        """True: acknowledged; False: refused; None: nobody knows."""
        place = (topic, partition)
        self.model.sent.setdefault(place, set()).add(number)
        answer = self.ask(
            "Produce",
            9,
            acks=acks,
            timeout_ms=5000,
            topic_data=[dict(name=topic, partition_data=[dict(index=partition, records=records)])],
        )
        if answer is None:
            return None
        told = answer["responses"][0]["partition_responses"][0]
        if told["error_code"] == 0 and acks == -1:
            self.model.there.setdefault(place, {})[told["base_offset"]] = number
        return told["error_code"] == 0

    def fetch(self, topic, partition):
        self.ask("Fetch", 12, **fetch_body(topic, partition, 0, 1 << 20))


def idempotent(client, count):
    """A producer that sends a batch again until it knows; its batches must be there once each."""
    answer = client.ask(
        "InitProducerId", 4, transactional_id=None, transaction_timeout_ms=60000
    )
    if answer is None or answer["error_code"] != 0:
        return
    for sequence in range(count):
        number = 500 + sequence
        records = batch_of(
            number,
            50,
            producer_id=answer["producer_id"],
            producer_epoch=answer["producer_epoch"],
            sequence=sequence,
        )
        for _ in range(3):
            if client.produce("once", 0, number, records):
                break
        else:
            return  # what follows would be a gap


def script(client):
    """200 requests when nothing fails."""
    client.create("small", 3, segment_index_bytes="4096", index_interval_bytes="0")
    client.create("big", 1, segment_bytes=str(SEGMENT_BYTES))
    client.create("once", 1)
    client.create("gone", 2)
    client.create("small", 1)  # is there already
    for number in range(60):
        client.produce("small", number % 3, number, batch_of(number, 100), 1 if number % 10 == 9 else -1)
        if number % 4 == 0:
            client.fetch("small", number % 3)
    client.close()
    for number, records in BIG_BATCHES.items():
        client.produce("big", 0, number, records)
        client.fetch("big", 0)
    idempotent(client, 30)
    client.grow("small", 5)
    for number in range(100, 120):
        client.produce("small", 3 + number % 2, number, batch_of(number, 1000))
    client.configure("86400000")
    client.produce("gone", 0, 1, batch_of(1, 10))
    client.delete("gone")
    client.close()
    client.configure("172800000")
    asks = (list_offsets, metadata, lambda client: client.fetch("once", 0))
    for number in range(client.requests, REQUESTS):
        asks[number % len(asks)](client)
    client.close()


def metadata(client):
    client.ask("Metadata", 12, topics=None, allow_auto_topic_creation=False)


def list_offsets(client):
    client.ask(
        "ListOffsets",
        7,
        replica_id=-1,
        topics=[dict(name="small", partitions=[dict(partition_index=0, timestamp=NOW_MS)])],
    )


# --- afterwards -----------------------------------------------------------------------------------


def read_all(connection, topic, partition):
    """offset → number of what is there."""
    found, offset = {}, 0
    while True:
        body = fetch_body(topic, partition, offset, 1 << 24)
        answer = connection.call("Fetch", 12, **body)["responses"][0]["partitions"][0]
        same(answer["error_code"], 0, "fetch of %s-%d" % (topic, partition))
        batches = wire.batches(answer["records"])
        if not batches:
            same(answer["high_watermark"], offset, "%s-%d: its end" % (topic, partition))
            return found
        for batch in batches:
            same(batch.base_offset, offset, "%s-%d: a gap" % (topic, partition))
            for at, _, _, value in batch.records():
                number = struct.unpack(">I", value[:4])[0]
                same(value, value_of(number, len(value) - 4), "%s-%d@%d" % (topic, partition, at))
                found[at] = number
            offset = batch.next_offset


def verify(node, model):
    with wire.Connection(node.bootstrap, ANSWER_S) as connection:
        told = connection.call("Metadata", 12, topics=None)["topics"]
        there = {topic["name"]: len(topic["partitions"]) for topic in told}
        for name, partitions in model.topics.items():
            if partitions is not None:
                same(there.get(name, 0) >= partitions, True, "%s has its partitions" % name)
        same(model.gone & set(there), set(), "topics that were deleted")
        for topic, partitions in there.items():
            for partition in range(partitions):
                verify_partition(connection, model, topic, partition)
        if "small" in there:
            verify_retention(connection, model)
        records = batch_of(9999, 10)
        for topic in there:
            answer = connection.call(
                "Produce",
                9,
                acks=-1,
                timeout_ms=5000,
                topic_data=[dict(name=topic, partition_data=[dict(index=0, records=records)])],
            )["responses"][0]["partition_responses"][0]
            same(answer["error_code"], 0, "%s takes records again" % topic)


def verify_partition(connection, model, topic, partition):
    place = (topic, partition)
    found = read_all(connection, topic, partition)
    for offset, number in model.there.get(place, {}).items():
        same(found.get(offset), number, "%s-%d@%d, which was acknowledged" % (*place, offset))
    stray = set(found.values()) - model.sent.get(place, set())
    same(stray, set(), "%s-%d: records that nobody sent" % place)
    if topic == "once":
        same(len(set(found.values())), len(found), "no record is there twice")
        same(list(found.values()), sorted(found.values()), "their order")


def verify_retention(connection, model):
    result = connection.call(
        "DescribeConfigs",
        4,
        resources=[
            dict(resource_type=2, resource_name="small", configuration_keys=["retention.ms"])
        ],
    )["results"][0]["configs"][0]
    value = result["value"] if result["config_source"] == 1 else None
    same(value in model.retention, True, "retention.ms is %s: one of %s" % (value, model.retention))


# --- one run --------------------------------------------------------------------------------------


def environment(shim, **more):
    return dict(os.environ, LD_PRELOAD=shim, **more)


def ended_well(node, status, call):
    """An end is declared: by what was asked for, or by a line that says why."""
    log = node.log()
    if status in (0, -signal.SIGKILL):
        return
    if status in (1, -signal.SIGTERM):  # the signal may come when it is ending by itself
        same(b"ERROR" in log or b"FATAL" in log or b"gregor: " in log, True, "a line says why")
        return
    if status == -signal.SIGABRT and call in MEMORY:
        same(b"gregor: out of memory" in log, True, "a line says why")
        return
    raise AssertionError("exit status %d" % status)


def one_run(shim, folder, call, nth, fault, how):
    """None, or what is wrong."""
    model, counts = Model(), os.path.join(folder, "counts")
    number = HALF if fault == HALF else getattr(errno, fault)
    node = Gregor(folder, environment=environment(shim, GREGOR_FAULT="%s %d %d" % (call, nth, number)))
    try:
        node.spawn()
        try:
            node.wait_ready()
        except RuntimeError:
            same(node.is_alive(), False, "it is ready")
        else:
            client = Client(node, model)
            script(client)
            client.close()
        status = node.end(how)
        ended_well(node, status, call)
        node.environment = None
        node.start()
        verify(node, model)
        same(node.end(), 0, "exit status of the second life")
    finally:
        if node.is_alive():
            node.end(signal.SIGKILL)
    return counts


def count_calls(shim, work):
    """How often each call is made when nothing fails: the script itself must be right."""
    folder, model = os.path.join(work, "count"), Model()
    os.mkdir(folder)
    counts = os.path.join(folder, "counts")
    node = Gregor(folder, environment=environment(shim, GREGOR_FAULT_COUNTS=counts))
    node.start()
    client = Client(node, model)
    script(client)
    same(client.requests, REQUESTS, "requests")
    same(sum(len(place) for place in model.there.values()) > 100, True, "much was acknowledged")
    same(node.end(), 0, "exit status")
    node.environment = None
    node.start()
    verify(node, model)
    same(node.end(), 0, "exit status")
    with open(counts, "rb") as file:
        data = file.read()
    return dict(zip(FAULTS, struct.unpack("=%dQ" % len(FAULTS), data)))


def plan(counts, runs, only):
    """(call, nth, fault), all of them or an even choice that has some of every kind."""
    kinds = [
        [(call, nth, fault) for nth in range(1, counts[call] + 1)]
        for call in FAULTS
        for fault in FAULTS[call]
        if only is None or call == only
    ]
    if runs is None:
        return [run for kind in kinds for run in kind]
    each = max(1, runs // max(1, sum(bool(kind) for kind in kinds)))
    chosen = []
    for kind in kinds:
        step = max(1.0, len(kind) / each)
        chosen += [kind[int(i * step)] for i in range(min(each, len(kind)))]
    return chosen


def guarded(job):
    shim, work, index, (call, nth, fault) = job
    folder = os.path.join(work, "run-%d" % index)
    os.mkdir(folder)
    how = signal.SIGKILL if index % 2 else signal.SIGTERM
    name = "%s %d: %s" % (call, nth, "half" if fault == HALF else fault)
    try:
        one_run(shim, folder, call, nth, fault, how)
        wrong = None
    except Exception as error:  # whatever it is, this run has failed
        with open(os.path.join(folder, "log"), "rb") as log:
            said = log.read()[-1500:].decode(errors="replace")
        wrong = "%s: %s\n%s" % (type(error).__name__, error, said)
    shutil.rmtree(folder, ignore_errors=True)
    return name, wrong


def main():
    shim = os.path.abspath(sys.argv[1])
    runs = int(sys.argv[2]) if len(sys.argv) > 2 and int(sys.argv[2]) > 0 else None
    only = sys.argv[3] if len(sys.argv) > 3 else None
    tally, work = Tally(), tempfile.mkdtemp(prefix="gregor-faults-")
    try:
        counts = count_calls(shim, work)
        tally.check("the script runs when nothing fails", True)
        chosen = plan(counts, runs, only)
        print("# calls: %s" % ", ".join("%s %d" % item for item in counts.items()), flush=True)
        jobs = [(shim, work, index, run) for index, run in enumerate(chosen)]
        workers = max(1, len(os.sched_getaffinity(0)))
        with concurrent.futures.ProcessPoolExecutor(workers) as pool:
            for name, wrong in pool.map(guarded, jobs, chunksize=4):
                tally.check(name, wrong is None, wrong or "")
    except Exception as error:
        tally.check("the script runs when nothing fails", False, error)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
