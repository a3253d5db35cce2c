"""One broker for a suite: gregor, or a real Kafka that must pass the same tests.

GREGOR_BIN   the gregor under test (build/release/gregor)
TARGET=kafka a Kafka of its own instead (test/lib/kafka)
BOOTSTRAP    a broker that runs already; tests that end it are left out
"""

import os
import random
import re
import signal
import socket
import subprocess
import time
import traceback

LIB = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LIB))
BINARY = os.path.abspath(os.environ.get("GREGOR_BIN", os.path.join(ROOT, "build/release/gregor")))
READY = b"Transitioning from RECOVERY to RUNNING"
START_TIMEOUT_S = 30


PORTS = range(10000, 32768)  # below those that Linux gives to connections by itself


def free_port():
    """One that no connection of another suite is given before it is listened on."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Gregor:
    """Started again and again on one folder and one port; its data is in FOLDER/data."""

    can_restart = True
    started = []

    def __init__(self, folder, *settings, prefix=(), environment=None):
        self.folder, self.data = folder, os.path.join(folder, "data")
        self.port = free_port()
        self.bootstrap = "127.0.0.1:%d" % self.port
        self.controllers = "127.0.0.1:%d" % free_port()
        self.settings, self.prefix, self.environment = list(settings), list(prefix), environment
        self.log_path = os.path.join(folder, "log")
        self.process = None
        os.makedirs(folder, exist_ok=True)

    def command(self):
        words = self.prefix + [BINARY, "serve"]
        for setting in [
            "listeners=PLAINTEXT://%s,CONTROLLER://%s" % (self.bootstrap, self.controllers),
            "log.dirs=" + self.data,
            "gregor.http.listeners=",
            *os.environ.get("GREGOR_SETTINGS", "").split(),
            *self.settings,
        ]:
            words += ["--override", setting]
        return words

    def spawn(self):
        self.log_begin = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self.environment,
            )
        Gregor.started.append(self)

    @staticmethod
    def end_all(folder):
        """Kills what still runs on folders below this one."""
        for node in Gregor.started:
            if node.folder.startswith(folder) and node.is_alive():
                node.process.kill()
                node.process.wait()
        Gregor.started = [node for node in Gregor.started if node.is_alive()]

    def log(self):
        """What it wrote since it was last started."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_begin)
            return log.read()

    def wait_ready(self):
        deadline = time.time() + START_TIMEOUT_S
        while READY not in self.log():
            if self.process.poll() is not None or time.time() > deadline:
                raise RuntimeError(
                    "gregor did not start:\n" + self.log()[-3000:].decode(errors="replace")
                )
            time.sleep(0.005)

    def start(self):
        self.spawn()
        self.wait_ready()

    def end(self, how=signal.SIGTERM, timeout_s=30):
        """Its exit status; a negative one is the signal that killed it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def is_alive(self):
        return self.process.poll() is None

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


class Kafka:
    can_restart = True

    def __init__(self, folder):
        self.folder, self.data = folder, os.path.join(folder, "data")

    def start(self):
        out = subprocess.run(
            [os.path.join(LIB, "kafka"), "up", self.folder],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.bootstrap = out.stdout.split()[-1]

    def end(self, how=signal.SIGTERM):
        subprocess.run([os.path.join(LIB, "kafka"), "down", self.folder, str(int(how))], check=True)
        return 0

    def stopped(self):
        return not os.path.exists(os.path.join(self.folder, "pid"))

    def is_alive(self):
        return True


class Running:
    can_restart = False

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def start(self):
        pass

    def end(self, how=signal.SIGTERM):
        return 0

    def is_alive(self):
        return True


def under_test(folder, *settings):
    if os.environ.get("BOOTSTRAP"):
        return Running(os.environ["BOOTSTRAP"])
    if os.environ.get("TARGET") == "kafka":
        return Kafka(os.path.join(folder, "kafka"))
    return Gregor(os.path.join(folder, "gregor"), *settings)


class Tally:
    """Counts tests and says how each went."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, holds, detail=""):
        self.passed += bool(holds)
        self.failed += not holds
        print(("ok - " if holds else "not ok - ") + name, flush=True)
        if not holds and detail != "":
            print("  " + str(detail).replace("\n", "\n  "), flush=True)
        return bool(holds)

    def run(self, name, function, *arguments):
        """A test fails by any exception; what it says and where is printed."""
        try:
            function(*arguments)
        except Exception as error:  # a client sees any kind of them when a broker misbehaves
            where = traceback.extract_tb(error.__traceback__)[1:]
            lines = ["%s:%d %s" % (os.path.basename(f.filename), f.lineno, f.line) for f in where]
            return self.check(
                name, False, "\n".join(["%s: %s" % (type(error).__name__, error)] + lines)
            )
        return self.check(name, True)

    def finish(self):
        print("%d passed, %d failed" % (self.passed, self.failed), flush=True)
        return 1 if self.failed else 0


def same(got, want, what=""):
    if got != want:
        raise AssertionError("%s is %r, not %r" % (what or "it", got, want))


def wait_until(condition, timeout_s=20, what=""):
    """What `condition` returns as soon as that is true; None: never."""
    deadline = time.time() + timeout_s
    while time.time() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("not within %d s: %s" % (timeout_s, what or condition))
