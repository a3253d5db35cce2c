"""A Kafka and a gregor with the same settings, each in a folder of its own."""

import contextlib
import os
import shutil
import subprocess
import tempfile

from node import BINARY, Gregor, Kafka, free_port

CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAQ"


class GregorByFile(Gregor):
    """Started by the server.properties of a Kafka, but for ports and folders."""

    def __init__(self, folder, model):
        super().__init__(folder)
        with open(os.path.join(model, "server.properties"), encoding="ascii") as file:
            lines = file.read().replace(model, folder).splitlines()
        listeners = "listeners=PLAINTEXT://%s,CONTROLLER://127.0.0.1:%d"
        self.file = os.path.join(folder, "server.properties")
        with open(self.file, "w", encoding="ascii") as file:
            for line in lines:
                if line.startswith("listeners="):
                    line = listeners % (self.bootstrap, free_port())
                print(line, file=file)
        subprocess.run(
            [BINARY, "format", "--config", self.file, "--standalone", "-t", CLUSTER_ID],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def command(self):
        settings = os.environ.get("GREGOR_SETTINGS", "").split()
        return [BINARY, "serve", self.file] + [
            word for setting in settings for word in ("--override", setting)
        ]


@contextlib.contextmanager
def twins(prefix):
    """(Kafka, gregor), both started and empty; what is left of them is ended and removed."""
    work = tempfile.mkdtemp(prefix=prefix)
    kafka = Kafka(os.path.join(work, "kafka"))
    try:
        kafka.start()
        gregor = GregorByFile(os.path.join(work, "gregor"), kafka.folder)
        gregor.start()
        yield kafka, gregor
    finally:
        Gregor.end_all(work)
        if not kafka.stopped():
            kafka.end()
        shutil.rmtree(work, ignore_errors=True)
