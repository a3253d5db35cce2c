"""The commands, in the order in which both brokers get them: later ones see what earlier ones did."""

import json


class Command:
    """`needs`: the APIs without which it is left out; `masks`: see tools.py, for its output alone."""

    def __init__(self, tool, arguments, files=None, needs=(), masks=(), unordered=False):
        self.tool, self.files, self.needs = tool, files or {}, needs
        self.masks, self.unordered = tuple(masks), unordered
        self.arguments = arguments.split(" ")

    def only_reads(self):
        return self.tool == "get-offsets" or not {"--describe", "--list"}.isdisjoint(self.arguments)

    def __str__(self):
        words = [w for w in self.arguments if w not in ("--bootstrap-server", "{bootstrap}")]
        return " ".join(["kafka-" + self.tool] + words)


def command(tool, arguments, **more):
    return Command(tool, "--bootstrap-server {bootstrap} " + arguments, **more)


def topics(arguments, **more):
    return command("topics", arguments, **more)


def configs(arguments, **more):
    return command("configs", arguments, **more)


def produce(arguments, text, **more):
    return command("console-producer", arguments, files={"input": text}, **more)


def consume(arguments, patience_ms=15000, **more):
    words = "%s --offset earliest --max-messages 1 --timeout-ms %d" % (arguments, patience_ms)
    return command("console-consumer", words, **more)


def offsets(arguments, **more):
    return command("get-offsets", arguments, **more)


def cluster(arguments, **more):
    words = arguments.split(" ")
    words[1:1] = ["--bootstrap-server", "{bootstrap}"]
    return Command("cluster", " ".join(words), **more)


def quorum(arguments, **more):
    return command("metadata-quorum", arguments, needs=["DescribeQuorum"], **more)


def features(arguments, **more):
    return command("features", arguments, **more)


def of_controllers(tool, arguments, **more):
    """The same, asked of the controllers (KIP-919)."""
    return Command(tool, arguments.replace("--at", "--bootstrap-controller {controllers}"), **more)


def plan(*partitions):
    return json.dumps({"version": 1, "partitions": list(partitions)})


ALL_OF_A_RECORD = " ".join(
    "--formatter-property print.%s=true" % what
    for what in ("timestamp", "key", "offset", "partition", "headers", "epoch")
)
FIGURES = ((r"\d+(\.\d+)?", "N"),)
# A line about an API that is yet to come, and what it needs.
API = ((r"UNSUPPORTED|\d+ to \d+ \[usable: \d+\]|\d+ \[usable: \d+\]", "VERSIONS"),)

COMMANDS = [
    # --- topics
    topics("--list"),
    topics("--create --topic orders --partitions 3 --replication-factor 1"),
    topics("--create --topic orders"),
    topics("--create --topic orders --if-not-exists"),
    topics("--create --topic plain"),
    topics("--create --topic single"),
    topics("--create --topic configured --config retention.ms=777 --config cleanup.policy=compact"),
    topics("--create --topic assigned --replica-assignment 1,1"),
    topics("--create --topic assigned-wrong --replica-assignment 7"),
    topics("--create --topic wrong --config no.such.key=1"),
    topics("--create --topic wrong --config retention.ms=soon"),
    topics("--create --topic wrong --replication-factor 3"),
    topics("--create --topic wrong --partitions 0"),
    topics("--create --topic a/b"),
    topics("--create --topic with.dot"),
    topics("--create --topic with_dot"),
    topics("--list"),
    topics("--list --topic o.*"),
    topics("--describe"),
    topics("--describe --topic configured"),
    topics("--describe --topic absent"),
    topics("--describe --topic absent --if-exists"),
    topics("--describe --topics-with-overrides"),
    topics("--describe --unavailable-partitions"),
    topics("--describe --under-replicated-partitions"),
    topics("--describe --at-min-isr-partitions"),
    topics("--alter --topic plain --partitions 4"),
    topics("--alter --topic plain --partitions 2"),
    topics("--alter --topic plain --partitions 4"),
    topics("--alter --topic absent --partitions 4"),
    topics("--alter --topic assigned --partitions 3 --replica-assignment 1,1,1"),
    topics("--describe --topic plain"),
    topics("--delete --topic with.dot"),
    topics("--delete --topic absent"),
    topics("--delete --topic absent --if-exists"),
    topics("--list"),
    topics("--frobnicate"),
    # --- records
    produce("--topic single", "one\ntwo\nthree\n"),
    produce(
        "--topic plain --reader-property parse.key=true --reader-property key.separator=:",
        "a:1\nb:2\nc:3\nd:4\ne:\n:6\n",
    ),
    produce("--topic plain --reader-property parse.key=true", "no key here\n"),
    produce(
        "--topic assigned --reader-property parse.headers=true --reader-property parse.key=true",
        "h1:v1,h2:v2\tkey\tvalue\nh3:\tkey\tno value in it\n",
    ),
    produce("--topic single --compression-codec gzip --sync", "x\ny\n"),
    produce("--topic single --compression-codec zstd --request-required-acks 1", "z\n"),
    produce("--topic single --compression-codec snappy --request-required-acks 0", "s\n"),
    produce(
        "--topic single --compression-codec lz4 --command-property enable.idempotence=true", "l\n"
    ),
    produce("--topic made-now", "by itself\n", masks=((r".*UNKNOWN_TOPIC_OR_PARTITION.*", ""),)),
    produce("--topic configured", "without a key\n"),
    produce("--topic a/b", "refused\n"),
    offsets(""),
    offsets("--topic single"),
    offsets("--topic single --time earliest"),
    offsets("--topic single --time max-timestamp --partitions 0,1"),
    offsets("--topic single --time 0"),
    offsets("--topic single --time earliest-local"),
    offsets("--topic single --time latest-tiered"),
    offsets("--topic-partitions plain:1-3,single:0"),
    offsets("--topic absent"),
    offsets("--topic single --partitions 9"),
    offsets("--topic single --time soon"),
    offsets("--exclude-internal-topics"),
    *[consume("--topic plain --partition %d %s" % (p, ALL_OF_A_RECORD)) for p in (1, 2)],
    consume("--topic assigned --partition 1 " + ALL_OF_A_RECORD),
    consume("--topic made-now --partition 0 --isolation-level read_committed"),
    consume("--topic orders --partition 7", patience_ms=2000),
    consume("--topic orders --partition 0", patience_ms=2000),
    # --- settings
    configs("--describe --topic orders"),
    configs("--describe --topic configured"),
    configs("--describe --topic absent"),
    configs("--describe --entity-type topics", unordered=True),
    configs("--describe --broker 1", unordered=True),
    configs("--describe --entity-type brokers"),
    configs("--describe --entity-type brokers --entity-default"),
    configs("--describe --broker 7"),
    configs("--alter --topic orders --add-config retention.ms=5000,segment.bytes=2000000"),
    configs("--alter --topic orders --add-config cleanup.policy=[compact,delete]"),
    configs("--describe --topic orders"),
    configs("--alter --topic orders --delete-config segment.bytes"),
    configs("--alter --topic orders --delete-config segment.bytes"),
    configs("--alter --topic orders --add-config retention.ms=soon"),
    configs("--alter --topic orders --add-config no.such.key=1"),
    configs("--alter --topic absent --add-config retention.ms=1"),
    configs("--describe --topic orders"),
    configs("--alter --broker 1 --add-config log.retention.ms=86400000"),
    configs("--alter --broker-defaults --add-config log.retention.ms=96400000"),
    configs("--describe --broker 1"),
    configs("--describe --broker-defaults"),
    configs("--alter --broker 1 --delete-config log.retention.ms"),
    configs("--alter --broker-defaults --delete-config log.retention.ms"),
    configs("--alter --broker 1 --add-config num.partitions=7"),
    configs("--describe --broker 1"),
    *[
        configs("--alter --entity-type broker-loggers --entity-name " + arguments)
        for arguments in (
            "1 --add-config kafka.server.BrokerServer=DEBUG,kafka.log.LogManager=ERROR",
            "1 --delete-config kafka.server.BrokerServer,kafka.log.LogManager",
            "1 --add-config root=INFO",
            "1 --delete-config root",
            "1 --add-config kafka.server.BrokerServer=LOUD",
            "1 --add-config no.such.Logger=INFO",
            "1 --delete-config no.such.Logger",
        )
    ],
    configs("--alter --broker-logger 1 --add-config kafka.server.BrokerServer=INFO"),
    configs("--alter --broker-logger 1 --delete-config kafka.server.BrokerServer"),
    *[
        configs(arguments, needs=["AlterClientQuotas", "DescribeClientQuotas"])
        for arguments in (
            "--alter --user ann --add-config producer_byte_rate=1024,consumer_byte_rate=2048",
            "--alter --client app --add-config request_percentage=50",
            "--alter --user ann --client app --add-config producer_byte_rate=99",
            "--alter --user-defaults --add-config producer_byte_rate=70000000",
            "--alter --client-defaults --add-config consumer_byte_rate=80000000",
            "--alter --ip 127.0.0.9 --add-config connection_creation_rate=5",
            "--alter --user ann --add-config no_such_rate=1",
            "--describe --entity-type clients",
            "--describe --client app",
            "--describe --user ann --client app",
            "--describe --entity-type ips",
            "--alter --client app --delete-config request_percentage",
            "--describe --client app",
        )
    ],
    *[
        configs(arguments, needs=["AlterClientQuotas", "DescribeUserScramCredentials"])
        for arguments in (
            "--describe --entity-type users",
            "--describe --user ann",
            "--alter --user ann --delete-config producer_byte_rate",
            "--describe --user ann",
        )
    ],
    configs("--describe --client-metrics watch", needs=["ListConfigResources"]),
    configs("--alter --client-metrics watch --add-config interval.ms=5000,metrics=[a.b,c]"),
    configs("--describe --client-metrics watch", needs=["ListConfigResources"]),
    configs("--describe --entity-type client-metrics", needs=["ListConfigResources"]),
    configs("--describe --group readers", needs=["ListConfigResources", "ListGroups"]),
    configs("--alter --group readers --add-config consumer.session.timeout.ms=50000"),
    configs("--describe --group readers", needs=["ListConfigResources", "ListGroups"]),
    command("client-metrics", "--list", needs=["ListConfigResources"]),
    command("client-metrics", "--describe --name watch", needs=["ListConfigResources"]),
    command(
        "client-metrics", "--alter --name watch --interval 6000 --metrics d --match client_id=x"
    ),
    command("client-metrics", "--describe --name watch", needs=["ListConfigResources"]),
    command("client-metrics", "--delete --name watch"),
    # --- records that go
    command(
        "delete-records",
        "--offset-json-file {folder}/delete.json",
        files={"delete.json": plan(dict(topic="made-now", partition=0, offset=1))},
        needs=["DeleteRecords"],
    ),
    command(
        "delete-records",
        "--offset-json-file {folder}/delete.json --command-config {folder}/impatient",
        files={
            "impatient": "default.api.timeout.ms=3000\nrequest.timeout.ms=2000\n",
            "delete.json": plan(
                dict(topic="single", partition=0, offset=99),
                dict(topic="orders", partition=9, offset=0),
                dict(topic="absent", partition=0, offset=0),
            ),
        },
        needs=["DeleteRecords"],
        masks=((r"TimeoutException: .*", "TimeoutException"),),
        unordered=True,
    ),
    offsets("--topic made-now --time earliest", needs=["DeleteRecords"]),
    # --- the cluster
    cluster("cluster-id"),
    cluster("list-endpoints"),
    cluster("list-endpoints --include-fenced-brokers"),
    cluster("unregister --id 77", needs=["UnregisterBroker"]),
    quorum("describe --status", masks=((r"\d+", "N"),)),
    quorum(
        "describe --replication",
        masks=((r"^(\d+\s+)[\w-]{22}", r"\1UUID"), (r"\b\d{2,}\b", "N"), (r"\s+", " ")),
    ),
    features("describe", masks=((r"Epoch: \d+", "Epoch: N"),)),
    *[
        features(arguments, needs=["UpdateFeatures"])
        for arguments in (
            "upgrade --feature metadata.version=99",
            "upgrade --feature no.such.feature=1",
            "downgrade --feature metadata.version=20 --dry-run",
            "downgrade --feature group.version=0 --dry-run",
            "disable --feature streams.version --dry-run",
        )
    ],
    features("version-mapping"),
    # --- the same of the controllers
    of_controllers("cluster", "cluster-id --at"),
    of_controllers("cluster", "list-endpoints --at"),
    of_controllers("cluster", "list-endpoints --at --include-fenced-brokers"),
    of_controllers("metadata-quorum", "--at describe --status", masks=((r"\d+", "N"),)),
    of_controllers("features", "--at describe", masks=((r"Epoch: \d+", "Epoch: N"),)),
    of_controllers("features", "--at downgrade --feature group.version=0 --dry-run"),
    of_controllers("configs", "--at --alter --broker 1 --add-config log.retention.ms=5000"),
    of_controllers("configs", "--at --describe --broker 1"),
    of_controllers("configs", "--at --alter --broker 1 --delete-config log.retention.ms"),
    command("broker-api-versions", "", masks=API),
    command("log-dirs", "--describe --topic-list plain,made-now", needs=["DescribeLogDirs"]),
    command("log-dirs", "--describe --topic-list absent", needs=["DescribeLogDirs"]),
    command("log-dirs", "--describe --broker-list 7", needs=["DescribeLogDirs"]),
    *[
        command("leader-election", arguments, needs=["ElectLeaders"], unordered=True)
        for arguments in (
            "--election-type preferred --topic orders --partition 0",
            "--election-type unclean --topic orders --partition 0",
            "--election-type preferred --topic absent --partition 0",
            "--election-type preferred --all-topic-partitions",
        )
    ],
    command("reassign-partitions", "--list", needs=["ListPartitionReassignments"]),
    command(
        "reassign-partitions",
        "--execute --reassignment-json-file {folder}/move.json",
        files={"move.json": plan(dict(topic="orders", partition=0, replicas=[1]))},
        needs=["AlterPartitionReassignments", "ListPartitionReassignments", "DescribeLogDirs"],
    ),
    command(
        "reassign-partitions",
        "--verify --reassignment-json-file {folder}/move.json",
        files={"move.json": plan(dict(topic="orders", partition=0, replicas=[1]))},
        needs=["AlterPartitionReassignments", "ListPartitionReassignments", "AlterReplicaLogDirs"],
    ),
    # --- how fast
    command(
        "producer-perf-test",
        "--topic single --num-records 5000 --record-size 100 --throughput -1",
        masks=FIGURES,
    ),
    command(
        "producer-perf-test",
        "--topic single --num-records 2000 --record-size 100 --throughput -1"
        " --command-property acks=1 compression.type=zstd",
        masks=FIGURES,
    ),
    Command(
        "e2e-latency",
        "{bootstrap} plain 50 all 100",
        masks=FIGURES,
        needs=["FindCoordinator", "OffsetCommit"],
    ),
]
