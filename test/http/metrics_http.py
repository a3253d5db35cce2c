"""What /metrics says is what clients did."""

import glob
import os
import re

import kafka_wire as wire
from node import ROOT, Gregor, same
from suite import alone
from visitor import OPEN_METRICS, eventually, metrics, visit
from world import World

PREFIX = "kafka_server_brokertopicmetrics_"
PAGES = "gregor.http.listeners=http://127.0.0.1:0"


def topic_number(page, name, topic):
    return page.get(PREFIX + name + "_total", topic=topic)


def http_formats(world):
    """both formats are read by their own rules, and say the same"""
    topic = world.topic(2)
    world.append(topic, wire.batch([b"a", b"b"]))
    world.fetch(topic)
    text = visit(world.broker, "/metrics")
    same(text[2]["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
    plain = metrics(world.broker)
    opened = metrics(world.broker, headers=OPEN_METRICS)
    same((plain.open_metrics, opened.open_metrics), (False, True), "formats")
    same({name for name, _ in plain.samples}, {name for name, _ in opened.samples}, "samples")
    bare = {name[: -len("_total")] if kind == "counter" else name
            for name, (kind, _) in plain.families.items()}
    same(bare, set(opened.families), "families")


def http_traffic(world):
    """records and bytes that went in and out, by topic and in all; refusals are counted apart"""
    before, topic = metrics(world.broker), world.topic(3)
    batches = [wire.batch([b"x" * 10] * count) for count in (1, 20, 300)]
    for partition, records in enumerate(batches):
        world.append(topic, records, partition)
    read = sum(len(world.fetch(topic, 0, partition)["records"]) for partition in range(3))
    same(read, sum(len(b) for b in batches), "bytes read")
    same(world.produce(topic, b"\0" * 80)["error_code"] != 0, True, "a batch that is none")
    same(world.fetch(topic, 10**9)["error_code"], 1, "beyond the end")
    eventually(lambda: topic_number(metrics(world.broker), "failedfetchrequests", topic) == 1, "last")
    page = metrics(world.broker)
    want = {
        "bytesin": read, "bytesout": read, "messagesin": 321, "bytesrejected": 0,
        "totalproducerequests": 4, "failedproducerequests": 1,
        "totalfetchrequests": 4, "failedfetchrequests": 1,
    }
    for name, number in want.items():
        same(topic_number(page, name, topic), number, name)
        every = PREFIX + name + "_total"
        same(page.get(every) - before.get(every), number, name + " of all topics")


def http_deleted(world):
    """a topic that is deleted leaves the page; what it was stays in the sums"""
    topic = world.topic()
    world.append(topic, wire.batch([b"v"]))
    page = metrics(world.broker)
    same(world.delete(topic), 0, "DeleteTopics")
    eventually(lambda: topic_number(metrics(world.broker), "bytesin", topic) is None, "it goes")
    every = PREFIX + "messagesin_total"
    same(metrics(world.broker).get(every), page.get(every), "sum")


def http_partitions(world):
    """offsets, sizes and leaders of partitions are those that clients are told"""
    topic = world.topic(2)
    for _ in range(5):
        world.append(topic, wire.batch([b"value"]), 1)
    world.call("DeleteRecords", 2, timeout_ms=10000, topics=[
        dict(name=topic, partitions=[dict(partition_index=1, offset=2)])])
    page = metrics(world.broker)
    folder = os.path.join(world.broker.data, topic + "-1", "*.log")
    want = {
        "kafka_log_log_size": sum(os.path.getsize(path) for path in glob.glob(folder)),
        "kafka_log_log_logendoffset": 5, "kafka_log_log_logstartoffset": 2,
        "kafka_log_log_numlogsegments": len(glob.glob(folder)),
        "kafka_topic_partition_current_offset": 5, "kafka_topic_partition_oldest_offset": 2,
        "kafka_topic_partition_leader": 1, "kafka_topic_partition_leader_is_preferred": 1,
        "kafka_topic_partition_replicas": 1, "kafka_topic_partition_in_sync_replica": 1,
        "kafka_topic_partition_under_replicated_partition": 0,
        "kafka_cluster_partition_replicascount": 1, "kafka_cluster_partition_insyncreplicascount": 1,
        "kafka_cluster_partition_underminisr": 0, "kafka_cluster_partition_atminisr": 1,
    }
    for name, number in want.items():
        same(page.get(name, topic=topic, partition="1"), number, name)
    same(page.get("kafka_log_log_logendoffset", topic=topic, partition="0"), 0, "the other")
    same(page.get("kafka_topic_partitions", topic=topic), 2, "partitions")
    same(any("partition" in dict(labels) for _, labels in
             metrics(world.broker, "/metrics?partition=0").samples), False, "left out")


def http_requests(world):
    """requests by API and version; each histogram and summary has as many"""
    before = metrics(world.broker)
    with_version = dict(request="ListConfigResources", version="1")
    name = "kafka_network_requestmetrics_requests_total"
    had = before.get(name, **with_version) or 0
    for _ in range(7):
        world.call("ListConfigResources", 1, resource_types=[])
    eventually(lambda: metrics(world.broker).get(name, **with_version) == had + 7, "seven more")
    page = metrics(world.broker)
    by_api = {}
    for (sample, labels), number in page.samples.items():
        if sample == name:
            request = dict(labels)["request"]
            by_api[request] = by_api.get(request, 0) + number
    for request, number in by_api.items():
        same(page.get("gregor_request_duration_seconds_count", api=request), number, request)
        for times in ("totaltimems", "localtimems"):
            count = "kafka_network_requestmetrics_%s_count" % times
            same(page.get(count, request=request), number, request)
    middle = page.get("kafka_network_requestmetrics_totaltimems",
                      request="ListConfigResources", quantile="0.5")
    same(0 < middle < 1000, True, "the middle of times")


def http_flushes(world):
    """what is acknowledged was flushed, and counted"""
    topic = world.topic()
    before = metrics(world.broker).get("gregor_flush_duration_seconds_count")
    for _ in range(3):
        world.append(topic, wire.batch([b"v"]))
    after = metrics(world.broker).get("gregor_flush_duration_seconds_count")
    same(after - before >= 3, True, "flushes: %s" % (after - before))


def http_connections(world):
    """open connections are counted, where they are"""
    name = "kafka_server_socket_server_metrics_connection_count"

    def count():
        page = metrics(world.broker)
        return sum(number for (sample, _), number in page.samples.items() if sample == name)

    eventually(lambda: count() == 0, "all others have gone")
    held = [world.connect() for _ in range(5)]
    for connection in held:
        connection.call("ApiVersions", 3)
    same(count(), 5, "held")
    for connection in held:
        connection.close()
    eventually(lambda: count() == 0, "they have gone")


def http_cluster(world):
    """the cluster's numbers, and this process's"""
    page = metrics(world.broker)
    topics = world.call("Metadata", 12, topics=None)["topics"]
    want = {
        "kafka_brokers": 1,
        "kafka_controller_kafkacontroller_activecontrollercount": 1,
        "kafka_controller_kafkacontroller_activebrokercount": 1,
        "kafka_controller_kafkacontroller_globaltopiccount": len(topics),
        "kafka_controller_kafkacontroller_globalpartitioncount":
            sum(len(topic["partitions"]) for topic in topics),
        "kafka_controller_kafkacontroller_offlinepartitionscount": 0,
        "kafka_server_replicamanager_partitioncount":
            sum(len(topic["partitions"]) for topic in topics),
        "kafka_log_logmanager_offlinelogdirectorycount": 0,
    }
    for name, number in want.items():
        same(page.get(name), number, name)
    same(page.get("kafka_broker_info", id="1", address=world.bootstrap), 1, "address")
    resident = page.get("process_resident_memory_bytes") / 1024
    same(abs(resident - world.broker.rss_kib()) < 1024, True, "resident memory")
    same(page.get("process_cpu_seconds_total") > 0, True, "time on processors")


def http_documented(world):
    """docs/metrics.md tells of every metric there is, and of no other"""
    world.append(world.topic(), wire.batch([b"v"]))
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        told = re.findall(r"^\| `([a-z0-9_]+)`", file.read(), re.M)
    same(sorted(told), sorted(metrics(world.broker).families), "metrics")


@alone
def http_shards(folder):
    """with three shards the numbers are those of all"""
    node = Gregor(folder, PAGES, "gregor.shards=3")
    node.start()
    world = World(node)
    topic = world.topic(9)
    for partition in range(9):
        world.append(topic, wire.batch([b"v"] * (partition + 1)), partition)
    page = metrics(node)
    same(topic_number(page, "messagesin", topic), 45, "records")
    same(page.get("kafka_server_replicamanager_partitioncount"), 9, "partitions")
    same([page.get("kafka_log_log_logendoffset", topic=topic, partition=str(p)) for p in range(9)],
         list(range(1, 10)), "offsets")
    loops = "kafka_network_socketserver_networkprocessoravgidle_percent"
    same(page.label_values(loops, "networkProcessor"), {"0", "1", "2"}, "loops")
    same(node.end(), 0, "exit status")


@alone
def http_offline(folder):
    """replicas whose folder is missing are counted, and so are partitions without a leader"""
    dirs = [os.path.join(folder, name) for name in "ab"]
    node = Gregor(folder, PAGES, "log.dirs=" + ",".join(dirs))
    node.start()
    topic = World(node).topic(4)
    same(metrics(node).get("kafka_server_replicamanager_offlinereplicacount"), 0, "before")
    same(node.end(), 0, "exit status")
    node.settings[-1] = "log.dirs=" + dirs[0]
    node.start()
    page = metrics(node)
    same(page.get("kafka_server_replicamanager_offlinereplicacount"), 2, "replicas")
    same(page.get("kafka_server_replicamanager_partitioncount"), 4, "all of them")
    told = [page.get("kafka_log_log_logendoffset", topic=topic, partition=str(p)) for p in range(4)]
    same(sorted(told, key=str), [0.0, 0.0, None, None], "those that are told")
    same(node.end(), 0, "exit status")


@alone
def http_levels(folder):
    """gregor.metrics.partition.level: topics alone, or by themselves where partitions are many"""
    node = Gregor(folder, PAGES, "gregor.metrics.partition.level=topic")
    node.start()
    topic = World(node).topic()
    page = metrics(node)
    same(page.get("kafka_log_log_size", topic=topic, partition="0"), None, "one by one")
    same(page.get("kafka_topic_partitions", topic=topic), 1, "their number")
    same(node.end(), 0, "exit status")
    node.settings[-1] = "gregor.metrics.partition.level=auto"
    node.start()
    same(metrics(node).get("kafka_log_log_logendoffset", topic=topic, partition="0"), 0, "few")
    World(node).topic(2000)
    eventually(lambda: metrics(node).get("kafka_server_replicamanager_partitioncount") == 2001, "all")
    page = metrics(node)
    same(page.get("kafka_log_log_logendoffset", topic=topic, partition="0"), None, "many")
    same(node.end(), 0, "exit status")
