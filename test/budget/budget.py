"""How many instructions a request costs, held to a budget.

Each script below runs twice under callgrind, with N requests and with 2 N, one after the other on one
connection; what the second needs more, by N, is the price of one. Machine, load and clock do not
matter: it is the same figure to a few thousandths each time, so one per cent more is the code's
doing. budget.txt has the figures of record; who makes one worse changes it there, and says why.

usage: budget.py [--update] [WORD…]   --update: write what was measured into budget.txt
                                      WORD: scripts whose name contains it
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import kafka_wire as wire  # noqa: E402
from node import Gregor, Tally, same  # noqa: E402
from world import World  # noqa: E402

BUDGET = os.path.join(HERE, "budget.txt")
TOLERANCE = 0.01
NOW_MS = wire.now_ms()
TOPIC = "budget"
# Nothing of a run's own: no flush by another thread, no timer that comes once in a while.
SETTINGS = (
    "flush.policy=os",
    "gregor.shards=1",
    "log.flush.offset.checkpoint.interval.ms=3600000",
    "log.flush.scheduler.interval.ms=3600000",
)


def produce(size, records, acks=-1):
    value = b"x" * size
    batch = wire.batch([value] * records, timestamp=NOW_MS)
    topic = dict(name=TOPIC, partition_data=[dict(index=0, records=batch)])
    return "Produce", 9, dict(acks=acks, timeout_ms=30000, topic_data=[topic])


def fetch(size):
    partition = dict(partition=0, fetch_offset=0, partition_max_bytes=size)
    topic = dict(topic=TOPIC, partitions=[partition])
    return "Fetch", 12, dict(max_wait_ms=0, min_bytes=0, max_bytes=1 << 24, topics=[topic])


def list_offsets():
    partition = dict(partition_index=0, timestamp=-1)
    return "ListOffsets", 7, dict(replica_id=-1, topics=[dict(name=TOPIC, partitions=[partition])])


def metadata():
    return "Metadata", 12, dict(topics=[dict(name=TOPIC)], allow_auto_topic_creation=False)


# name: the request, how many, records that are there before
SCRIPTS = {
    "produce-1-record-100B": (produce(100, 1), 400, 0),
    "produce-100-records-100B": (produce(100, 100), 200, 0),
    "produce-64-records-1KiB": (produce(1024, 64), 200, 0),
    "fetch-10KB": (fetch(10_000), 400, 1),
    "fetch-nothing": (fetch(10_000), 400, 0),
    "list-offsets": (list_offsets(), 400, 0),
    "metadata-1-topic": (metadata(), 400, 0),
    "api-versions": (("ApiVersions", 4, dict(client_software_name="b", client_software_version="1")), 400, 0),
}


def instructions(name, requests, folder):
    """From before the first of so many requests to the node's end."""
    (api, version, body), _, filled = SCRIPTS[name]
    out = os.path.join(folder, "callgrind")
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet"]
    valgrind.append("--callgrind-out-file=" + out)
    node = Gregor(folder, *SETTINGS, prefix=valgrind)
    try:
        node.start()
        world = World(node)
        same(world.create(TOPIC)["error_code"], 0, "CreateTopics")
        world.wait_for(TOPIC)
        for _ in range(filled):
            world.append(TOPIC, wire.batch([b"y" * 9000], timestamp=NOW_MS))
        with wire.Connection(node.bootstrap, 120) as connection:
            connection.call("ApiVersions", 0)
            watch(node.process.pid)
            for _ in range(requests):
                answer = connection.call(api, version, **body)
        check(api, answer)
        same(node.end(timeout_s=120), 0, "exit status")
    finally:
        Gregor.end_all(folder)
    with open(out, encoding="ascii") as file:
        return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M)[1])


def watch(pid):
    """From now on instructions are counted."""
    subprocess.run(
        ["callgrind_control", "--instr=on", str(pid)], check=True, stdout=subprocess.DEVNULL
    )


def check(api, answer):
    """What is measured must be what was meant."""
    if api == "Produce":
        same(answer["responses"][0]["partition_responses"][0]["error_code"], 0, api)
    if api == "Fetch":
        same(answer["responses"][0]["partitions"][0]["error_code"], 0, api)


def measure(name, work):
    count = SCRIPTS[name][1]
    totals = []
    for requests in (count, 2 * count):
        folder = tempfile.mkdtemp(dir=work)
        totals.append(instructions(name, requests, folder))
    return (totals[1] - totals[0]) / count


def price(job):
    """The allocator's lists differ from run to run and may cost a little more: the least counts."""
    name, work, bound = job
    figure = measure(name, work)
    for _ in range(2):
        if figure <= bound:
            break
        figure = min(figure, measure(name, work))
    return name, figure


def load():
    with open(BUDGET, encoding="ascii") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {name: int(figure) for name, figure in rows}


def save(budget):
    with open(BUDGET, encoding="ascii") as file:
        head = [line for line in file if line.startswith("#")]
    with open(BUDGET, "w", encoding="ascii") as file:
        file.writelines(head)
        for name in SCRIPTS:
            file.write("%-28s %7d\n" % (name, budget[name]))


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    names = [n for n in SCRIPTS if not words or any(word in n for word in words)]
    work, tally, budget = tempfile.mkdtemp(prefix="gregor-budget-"), Tally(), load()
    try:
        jobs = [(name, work, budget[name] * (1 + TOLERANCE)) for name in names]
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            for name, figure in pool.map(price, jobs):
                if "--update" in sys.argv:
                    budget[name] = round(figure)
                bound = budget[name] * (1 + TOLERANCE)
                said = "%s: %d instructions, budget %d" % (name, figure, budget[name])
                tally.check(said, figure <= bound)
                if figure < budget[name] * (1 - TOLERANCE):
                    print("# %s is better than its budget: lower it" % name)
    finally:
        Gregor.end_all(work)
        shutil.rmtree(work, ignore_errors=True)
    if "--update" in sys.argv:
        save(budget)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
