"""Runs the commands of commands.py against Apache Kafka and against gregor, and compares what they
say: exit status, output and errors.

Both start empty with the same server.properties. What may differ is masked by MASKS. Commands that
need an API which gregor does not say to serve are left out and named at the end.
"""

import concurrent.futures
import os
import re
import select
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import kafka_wire as wire  # noqa: E402
from node import LIB, Tally  # noqa: E402
from twins import twins  # noqa: E402

from commands import COMMANDS  # noqa: E402

COMMAND_SECONDS_MAX = 40
ENDLESS = "does not end"
LOOKS_MAX = 4
LINES_MAX = 20  # printed of a difference
PACKAGE = "org.apache.kafka.tools."
CLASSES = {
    "broker-api-versions": PACKAGE + "BrokerApiVersionsCommand",
    "client-metrics": PACKAGE + "ClientMetricsCommand",
    "cluster": PACKAGE + "ClusterTool",
    "configs": "kafka.admin.ConfigCommand",
    "console-consumer": PACKAGE + "consumer.ConsoleConsumer",
    "console-producer": PACKAGE + "ConsoleProducer",
    "delete-records": PACKAGE + "DeleteRecordsCommand",
    "e2e-latency": PACKAGE + "EndToEndLatency",
    "features": PACKAGE + "FeatureCommand",
    "get-offsets": PACKAGE + "GetOffsetShell",
    "leader-election": PACKAGE + "LeaderElectionCommand",
    "log-dirs": PACKAGE + "LogDirsCommand",
    "metadata-quorum": PACKAGE + "MetadataQuorumCommand",
    "producer-perf-test": PACKAGE + "ProducerPerformance",
    "reassign-partitions": PACKAGE + "reassign.ReassignPartitionsCommand",
    "topics": PACKAGE + "TopicCommand",
}
# What each broker or run has of its own: pattern, what stands for it.
MASKS = (
    (r"127\.0\.0\.1([: ])\d+", r"127.0.0.1\1PORT"),
    (r"\b1[5-9]\d{11}\b", "TIME"),
    (r"(TopicId: |Cluster ID: |ClusterId: +|\"directoryId\": \")[\w-]+", r"\1UUID"),
)


class Tools:
    """A Java that runs tools against one broker, one after the other."""

    def __init__(self, broker):
        self.name, self.bootstrap, self.folder = (
            type(broker).__name__,
            broker.bootstrap,
            broker.folder,
        )
        answer = wire.call(self.bootstrap, "ApiVersions", 2)
        self.served = {api["api_key"] for api in answer["api_keys"]}
        self.controllers = self.find_controllers()
        self.process = None

    def find_controllers(self):
        """Where the quorum says that its controller listens."""
        asked = [dict(topic_name="__cluster_metadata", partitions=[dict(partition_index=0)])]
        answer = wire.call(self.bootstrap, "DescribeQuorum", 2, topics=asked)
        listener = answer["nodes"][0]["listeners"][0]
        return "%s:%d" % (listener["host"], listener["port"])

    def start(self):
        libs = subprocess.run(
            [os.path.join(LIB, "kafka"), "libs"], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        self.process = subprocess.Popen(
            [
                "java",
                "-Xmx256M",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dlog4j2.configurationFile=" + os.path.join(LIB, "log4j2.properties"),
                "-cp",
                libs + "/*",
                os.path.join(HERE, "Tools.java"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def fill_in(self, text):
        for word in ("bootstrap", "controllers", "folder"):
            text = text.replace("{%s}" % word, getattr(self, word))
        return text

    def run(self, command):
        """[lines] of all that it said, masked."""
        if self.process is None:
            self.start()
        for name, text in command.files.items():
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(self.fill_in(text))
        fields = [
            CLASSES[command.tool],
            self.path("input") if command.files.get("input") is not None else "",
            self.path("output"),
            self.path("errors"),
        ]
        fields += [self.fill_in(word) for word in command.arguments]
        self.process.stdin.write(("\x1f".join(fields) + "\n").encode())
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], COMMAND_SECONDS_MAX)[0]:
            self.end()
            return [ENDLESS]
        lines = ["status " + self.process.stdout.readline().decode().strip()]
        for stream in ("output", "errors"):
            with open(self.path(stream), encoding="utf-8", errors="replace") as file:
                lines_said = file.read().splitlines()
            found = [self.mask(line, command) for line in lines_said if not is_frame(line)]
            if command.unordered:
                found.sort()
            lines += [stream + ": " + line for line in found]
        return lines

    def mask(self, line, command):
        line = line.replace(self.folder, "FOLDER")
        for pattern, stands in command.masks + MASKS:
            line = re.sub(pattern, stands, line)
        return line


def is_frame(line):
    """Of a stack trace: where Java was tells nothing of the broker."""
    return line.startswith("\tat ") or line.startswith("\t... ")


def difference(kafka, gregor):
    out = ["- " + line for line in kafka if line not in gregor]
    out += ["+ " + line for line in gregor if line not in kafka]
    return out or ["the same lines, in another order or without an end"]


def run_both(pool, sides, command):
    """Who looks at once may not see yet what was changed a moment ago: it is looked at again."""
    for _ in range(LOOKS_MAX if command.only_reads() else 1):
        outputs = list(pool.map(lambda side: side.run(command), sides))
        if outputs[0] == outputs[1]:
            break
        time.sleep(0.5)
    return outputs


def tell(tally, sides, words):
    kafka, gregor = sides
    left_out = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for command in COMMANDS:
            keys = {wire.MESSAGES["request", api].id for api in command.needs}
            if not keys <= gregor.served:
                left_out.append(command)
                continue
            outputs = run_both(pool, sides, command)
            if any(word in str(command) for word in words):
                for side, output in zip(sides, outputs):
                    print("# %s\n  %s" % (side.name, "\n  ".join(output)))
            lines = difference(*outputs)
            more = len(lines) - LINES_MAX
            if more > 0:
                lines[LINES_MAX:] = ["and %d more" % more]
            same = outputs[0] == outputs[1] and outputs[0] != [ENDLESS]
            tally.check(str(command), same, "\n".join(lines))
    for command in left_out:
        print("# not served yet: %s" % command)


def main(words):
    tally, sides = Tally(), []
    try:
        with twins("gregor-tools-") as brokers:
            sides += [Tools(broker) for broker in brokers]
            tell(tally, sides, words)
            tally.check("SIGTERM is a clean stop", brokers[1].end() == 0)
    except Exception as error:  # whatever it is, the last line must come
        tally.check("both brokers can be told", False, repr(error))
    finally:
        for side in sides:
            side.end()
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
