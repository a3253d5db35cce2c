"""The three that are compared, each a process on a port of its own with its data below one folder."""
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
import base64
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

KAFKA_PROPERTIES = """process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A broker that runs at most once at a time. `folder` is its own; each start may empty it."""

    # Settings of a topic that make it flush as Kafka does by default, and before each acknowledgement.
    lazy = eager = ""

    def __init__(self, name, folder):
        self.name = name
        self.folder = Path(folder)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def command(self):
        """What to execute; called with an empty folder or with what the last run left."""
        raise NotImplementedError

    def empty(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def start(self, fresh=True):
        if fresh:
            self.empty()
        command = self.command()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    def resident_kib(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError(f"{self.name} is gone: see {self.folder}/log")

    def cpu_s(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class Gregor(Broker):
    lazy = "flush.policy=os"
    eager = "flush.policy=commit"

    def __init__(self, folder, binary):
        super().__init__("gregor", folder)
        self.binary = binary

    def command(self):
        return [self.binary, "serve", "--override", f"listeners=PLAINTEXT://{self.address}",
                "--override", f"log.dirs={self.folder}/data"]


class Floor(Broker):
    def __init__(self, folder, binary, sync=False):
        super().__init__("floor", folder)
        self.binary = binary
        self.sync = sync

    def command(self):
        return [self.binary, str(self.port), str(self.folder / "file")] + (["sync"] if self.sync else [])


class Kafka(Broker):
    eager = "flush.messages=1"

    def __init__(self, folder, libs):
        super().__init__("kafka", folder)
        self.libs = libs
        self.classes = []  # folders of classes of our own, for tools
        self.controller = free_port()

    def java(self, name, *arguments, heap="-Xmx512M"):
        # The collector's settings are those of Kafka's own start script.
        return ["java", *heap.split(), "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
                "-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true",
                f"-Dlog4j2.configurationFile={ROOT}/test/lib/log4j2.properties",
                "-cp", ":".join([*self.classes, f"{self.libs}/*"]), name, *arguments]

    def empty(self):
        super().empty()
        properties = self.folder / "server.properties"
        properties.write_text(KAFKA_PROPERTIES.format(port=self.port, controller=self.controller,
                                                      data=self.folder / "data"))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        subprocess.run(self.java("kafka.tools.StorageTool", "format", "--standalone", "--config", str(properties),
                                 "--cluster-id", cluster), check=True, stdout=subprocess.DEVNULL)

    def command(self):
        return self.java("kafka.Kafka", str(self.folder / "server.properties"), heap="-Xms1G -Xmx1G")


def wait_for_port(broker, seconds=120):
    """Until it takes connections: enough for tools that retry by themselves."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if broker.process.poll() is not None:
            raise RuntimeError(f"{broker.name} ended: see {broker.folder}/log")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", broker.port)) == 0:
                return
        time.sleep(0.002)
    raise RuntimeError(f"{broker.name} takes no connections: see {broker.folder}/log")
