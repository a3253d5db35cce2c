"""What a service manager and a log shipper see."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import kafka_wire as wire
from node import READY, ROOT, Gregor, free_port, same, wait_until
from suite import alone
from world import World


class Manager:
    """Listens where systemd would."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(0.05)
        self.heard = []

    def listen(self, for_s=0.0):
        """All words so far, and those of the next moments."""
        until = time.time() + for_s
        while True:
            try:
                self.heard += self.socket.recv(4096).decode().splitlines()
            except socket.timeout:
                if time.time() >= until:
                    return self.heard


def service(folder, name, *settings, watchdog_us=None):
    environment = dict(os.environ, NOTIFY_SOCKET=name)
    if watchdog_us:
        environment["WATCHDOG_USEC"] = str(watchdog_us)
    return Gregor(folder, *settings, environment=environment)


@alone
def hostile_notify(folder):
    """a service manager hears that the node serves, that its loops turn, and that it stops"""
    for name in (os.path.join(folder, "notify"), "@gregor-test-%d" % os.getpid()):
        manager = Manager(name)
        node = service(folder, name, "gregor.shards=3", watchdog_us=200_000)
        node.spawn()
        wait_until(lambda: "READY=1" in manager.listen(), what="READY=1")
        same(READY in node.log(), True, "it serves by then")
        count = manager.listen(1.0).count("WATCHDOG=1")
        same(manager.heard.index("READY=1") < manager.heard.index("WATCHDOG=1"), True, "order")
        same(count >= 5, True, "%d words in a second, at least one in 200 ms" % count)
        node.process.send_signal(signal.SIGSTOP)
        manager.listen(0.2)
        before = manager.heard.count("WATCHDOG=1")
        same(manager.listen(0.5).count("WATCHDOG=1"), before, "words of a node that stands still")
        node.process.send_signal(signal.SIGCONT)
        wait_until(lambda: manager.listen().count("WATCHDOG=1") > before, what="it goes on")
        same("STOPPING=1" in manager.heard, False)
        same(node.end(), 0, "exit status")
        same("STOPPING=1" in manager.listen(), True, "STOPPING=1")
        same(manager.heard.count("READY=1"), 1, "once")


@alone
def hostile_slow_manager(folder):
    """a service manager that does not listen for a while: that the node serves is told all the same"""
    name = os.path.join(folder, "notify")
    manager = Manager(name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others:
        others.setblocking(False)
        try:
            for _ in range(10000):
                others.sendto(b"X=1", name)
        except BlockingIOError:
            pass
    node = service(folder, name)
    node.start()
    World(node).topic()
    same("READY=1" in manager.heard, False)
    wait_until(lambda: "READY=1" in manager.listen(), what="READY=1")
    same(node.end(), 0, "exit status")


@alone
def hostile_nobody(folder):
    """a service manager that is not there is a warning, no failure"""
    node = service(folder, os.path.join(folder, "nobody"))
    node.start()
    wait_until(lambda: b"Cannot tell the service manager" in node.log(), what="the warning")
    same(node.end(), 0, "exit status")


LOGFMT = re.compile(r'ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(\w+) component=(\S+) msg="')
TEXT = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] (DEBUG|INFO|WARN|ERROR|FATAL) .* \(\S+\)")


@alone
def hostile_formats(folder):
    """log lines in each format are what they say, and the line that tests wait for comes once"""
    for form in ("text", "logfmt", "json"):
        node = Gregor(os.path.join(folder, form), "gregor.log.format=" + form)
        node.start()
        World(node).topic()
        same(node.end(), 0, "exit status")
        lines = node.log().decode().splitlines()
        same(len(lines) > 4, True, "lines")
        same(sum(READY.decode() in line for line in lines), 1, "the line in " + form)
        for line in lines:
            if form == "json":
                entry = json.loads(line)
                same(sorted(entry), ["component", "level", "message", "ts"])
            else:
                same(bool((LOGFMT if form == "logfmt" else TEXT).match(line)), True, line)


@alone
def hostile_journal(folder):
    """where the log goes to the journal, systemd is told levels instead of times"""
    node = Gregor(folder)
    with open(node.log_path, "wb"):
        log = os.stat(node.log_path)
    stream = "%d:%d" % (log.st_dev, log.st_ino)
    node.environment = dict(os.environ, JOURNAL_STREAM=stream)
    node.start()
    same(node.end(), 0, "exit status")
    for line in node.log().decode().splitlines():
        same(re.match(r"<[2-7]>.* \(\S+\)$", line) is not None, True, line)


class Activated(Gregor):
    """Started as a service manager does that holds its socket: descriptor 3, by a name."""

    def __init__(self, folder, socket_, name, *settings):
        super().__init__(folder, *settings)
        self.socket, self.name = socket_, name
        self.port = socket_.getsockname()[1]
        self.bootstrap = "127.0.0.1:%d" % self.port

    def command(self):
        script = 'exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=%s; exec "$@"'
        return ["sh", "-c", script % (self.socket.fileno(), self.name), "sh"] + super().command()

    def spawn(self):
        os.set_inheritable(self.socket.fileno(), True)
        popen = subprocess.Popen
        try:
            subprocess.Popen = lambda *a, **more: popen(*a, close_fds=False, **more)
            super().spawn()
        finally:
            subprocess.Popen = popen


@alone
def hostile_activation(folder):
    """a socket that the service manager holds is taken by name, and nobody is refused meanwhile"""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen(64)
        node = Activated(folder, held, "plaintext", "gregor.shards=3")
        node.start()
        same(b"by the socket that the service manager hands over" in node.log(), True, "said")
        World(node).topic(3)
        same(node.end(), 0, "exit status")
        early = [wire.Connection(node.bootstrap, timeout_s=20) for _ in range(9)]
        for connection in early:
            connection.send("ApiVersions", 3, {})
        node.start()
        for connection in early:
            connection.receive("ApiVersions", 3)
            connection.close()
        same(node.end(), 0, "exit status")


@alone
def hostile_activation_wrong(folder):
    """a socket by another name is let be; one by which nobody can come ends the start"""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        node = Activated(folder, held, "OTHER")
        node.port = free_port()
        node.bootstrap = "127.0.0.1:%d" % node.port
        node.start()
        World(node).topic()
        same(node.end(), 0, "exit status")
        node.name = "PLAINTEXT"
        node.spawn()
        same(node.process.wait(20), 1, "exit status")
        same(b"Cannot listen on" in node.log(), True, "why")


@alone
def hostile_unit(_):
    """the unit file is one, and shuts the node in"""
    analyze = shutil.which("systemd-analyze")
    unit = os.path.join(ROOT, "dist", "gregor.service")
    with open(unit, encoding="ascii") as file:
        text = file.read()
    same("Type=notify" in text and "WatchdogSec=" in text, True, "notify and watchdog")
    same("ExecReload=/bin/kill -HUP $MAINPID" in text, True, "reload")
    if analyze is None:
        return  # where systemd is not, nobody can say more
    command = [analyze, "security", "--offline=yes", "--threshold=15", unit]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    same(result.returncode, 0, "exposure of at most 1.5: " + result.stdout[-400:])
