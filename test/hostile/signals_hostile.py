"""What signals do to a node that runs, and what a service manager hears of it."""

import os
import re
import signal
import subprocess
import time

import kafka_wire as wire
from levels_hostile import DELETE, REQUESTS, SET, lines, set_levels
from node import BINARY, Gregor, same, wait_until
from service_hostile import Manager
from suite import alone
from world import World


class ByFile(Gregor):
    """Its settings are in a file, which may change while it runs."""

    def __init__(self, folder, *words, environment=None):
        super().__init__(folder, environment=environment)
        self.file, self.words = os.path.join(folder, "server.properties"), list(words)

    def write(self, *settings):
        listeners = "listeners=PLAINTEXT://%s,CONTROLLER://%s" % (self.bootstrap, self.controllers)
        with open(self.file, "w", encoding="ascii") as file:
            roles = ["process.roles=broker,controller", "node.id=1"]
            roles += ["controller.listener.names=CONTROLLER", listeners, "log.dirs=" + self.data]
            print(*roles, *settings, sep="\n", file=file)

    def command(self):
        return [BINARY, "serve", self.file] + self.words


def send(node, number):
    node.process.send_signal(number)


@alone
def hostile_reload(folder):
    """HUP reads the file again: the level of the log counts at once, the rest is named"""
    manager = Manager(os.path.join(folder, "notify"))
    environment = dict(os.environ, NOTIFY_SOCKET=os.path.join(folder, "notify"))
    node = ByFile(folder, environment=environment)
    node.write()
    node.start()
    wait_until(lambda: "READY=1" in manager.listen(), what="READY=1")
    node.write("gregor.log.level=debug", "num.partitions=7", "background.threads=11")
    manager.heard.clear()
    send(node, signal.SIGHUP)
    wait_until(lambda: lines(node, "Read %s again: the log level of root is DEBUG" % node.file))
    wait_until(lambda: lines(node, "wait for the next start: background.threads, num.partitions"))
    World(node).topic()
    wait_until(lambda: lines(node, "DEBUG Completed request: CreateTopics"), what="it debugs")
    wait_until(lambda: "READY=1" in manager.listen(), what="READY=1")
    same("RELOADING=1" in manager.heard, True, "RELOADING=1")
    same(manager.heard.index("RELOADING=1") < manager.heard.index("READY=1"), True, "order")
    told_us = [int(w.split("=")[1]) for w in manager.heard if w.startswith("MONOTONIC_USEC=")]
    same(len(told_us) == 1 and 0 < time.monotonic() - told_us[0] / 1e6 < 20, True, str(told_us))
    node.write("gregor.log.level=warn", "log.retention.ms=soon")
    send(node, signal.SIGHUP)
    wait_until(lambda: lines(node, "ERROR Read %s again and took nothing" % node.file))
    same(lines(node, "log.retention.ms: Invalid value soon"), 1, "why")
    before = lines(node, "DEBUG Completed request: Metadata")
    World(node).topic()
    same(lines(node, "DEBUG Completed request: Metadata") > before, True, "it debugs still")
    same(node.end(), 0, "exit status")


@alone
def hostile_reload_override(folder):
    """what the command line says of the level stays above the file"""
    node = ByFile(folder, "-q")
    node.write("gregor.log.level=debug")
    node.spawn()
    world = World(node)
    wait_until(lambda: can_connect(node), what="it serves")
    send(node, signal.SIGHUP)
    wait_until(lambda: lines(node, "Read %s again: the log level of root is WARN" % node.file))
    world.topic()
    same(lines(node, " DEBUG "), 0, "lines")
    same(node.end(), 0, "exit status")


def can_connect(node):
    try:
        wire.Connection(node.bootstrap).close()
        return True
    except OSError:
        return False


@alone
def hostile_reload_nothing(folder):
    """HUP where there is no file, many times in a row, harms nothing"""
    node = Gregor(folder)
    node.start()
    for _ in range(50):
        send(node, signal.SIGHUP)
    wait_until(lambda: lines(node, "There is no file of settings to read"), what="it says so")
    World(node).topic()
    same(node.end(), 0, "exit status")


@alone
def hostile_debugging(folder):
    """USR2 turns debugging on and off; loggers with a level of their own keep it"""
    node = Gregor(folder)
    node.start()
    world = World(node)
    send(node, signal.SIGUSR2)
    wait_until(lambda: lines(node, "Debugging is on: the log level of root is DEBUG"))
    world.topic()
    wait_until(lambda: lines(node, "DEBUG Completed request: CreateTopics"), what="debugging")
    set_levels(node, (REQUESTS, SET, "ERROR"))
    before = lines(node, "Completed request")
    world.topic()
    same(lines(node, "Completed request"), before, "lines of a logger with a level of its own")
    set_levels(node, (REQUESTS, DELETE, None))
    send(node, signal.SIGUSR2)
    wait_until(lambda: lines(node, "Debugging is off: the log level of root is INFO"))
    before = lines(node, " DEBUG ")
    world.topic()
    same(lines(node, " DEBUG "), before, "lines after it")
    same(node.end(), 0, "exit status")


@alone
def hostile_state(folder):
    """USR1 writes how the node fares: a bounded number of lines, whatever it has"""
    shards = 3
    node = Gregor(folder, "gregor.shards=%d" % shards, "gregor.log.level=warn")
    node.spawn()
    wait_until(lambda: can_connect(node), what="it serves")
    world = World(node)
    connections = [world.connect() for _ in range(7)]
    for connection in connections:
        connection.call("ApiVersions", 2)
    world.topic(20)

    def state():
        before = lines(node, "State of")
        send(node, signal.SIGUSR1)
        wait_until(lambda: lines(node, "State of") == before + 1 + 4 * shards, what="all lines")
        text = node.log().decode()
        return text[text.rindex("State of node 1 after") :]

    # Connections that were closed a moment ago may still be there.
    wait_until(lambda: ", 7 connections," in state(), what="the node's connections")
    text = state()
    line = r"State of node 1 after \d+ s: [1-9]\d* MiB of memory, 3 shards, 7 connections,"
    same(re.match(line, text) is not None, True, text)
    before = lines(node, "State of")
    opened = [int(n) for n in re.findall(r"State of shard \d: (\d+) connections are open", text)]
    same((len(opened), sum(opened)), (shards, 7), "connections of all shards")
    online = [int(n) for n in re.findall(r"(\d+) partitions are online, 0 offline", text)]
    same((len(online), sum(online)), (shards, 20), "partitions of all shards")
    for _ in range(20):
        send(node, signal.SIGUSR1)
    world.topic()
    time.sleep(0.2)
    same(lines(node, "State of") <= before + 20 * (1 + 4 * shards), True, "no more than asked for")
    for connection in connections:
        connection.close()
    same(node.end(), 0, "exit status")


@alone
def hostile_second(folder):
    """TERM stops in order; a second one at once, and the next start recovers"""
    node = Gregor(folder, "flush.policy=os", "gregor.shards=2")
    node.start()
    World(node).topic(1500)
    send(node, signal.SIGTERM)
    wait_until(lambda: lines(node, "shutting down"), what="it stops")
    send(node, signal.SIGINT)
    same(node.process.wait(30), 1, "exit status")
    same(lines(node, "Not stopped cleanly: signal 2"), 1, "why")
    node.start()
    same(lines(node, "was not stopped cleanly: recovering"), 1, "the next start")
    same(node.end(), 0, "exit status")


@alone
def hostile_early(folder):
    """signals while a node starts: none kills it but those that shall"""
    node = Gregor(folder)
    for number, status in ((signal.SIGHUP, 0), (signal.SIGUSR1, 0), (signal.SIGUSR2, 0)):
        node.spawn()
        wait_until(lambda: node.log() or not node.is_alive(), what="it starts")
        wait_until(lambda: lines(node, "Loading logs"), what="it starts")
        send(node, number)
        node.wait_ready()
        same(node.end(), status, "exit status after signal %d" % number)


@alone
def hostile_progress(folder):
    """a start that takes long says how far it is, and asks for patience while it advances"""
    name = os.path.join(folder, "notify")
    manager = Manager(name)
    node = Gregor(folder, "flush.policy=os", environment=dict(os.environ, NOTIFY_SOCKET=name))
    node.start()
    count = 3000
    World(node).topic(count)
    node.end(signal.SIGKILL)
    manager.listen()
    manager.heard.clear()
    # Slow enough to see: as little of a processor as there is, beside somebody who wants it.
    node.prefix = ["nice", "-n", "19"]
    rival = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        node.start()
        wait_until(lambda: "READY=1" in manager.listen(), what="READY=1")
    finally:
        rival.kill()
        rival.wait()
    told = [re.fullmatch(r"STATUS=recovering (\d+)/(\d+) logs", w) for w in manager.heard]
    told = [(int(m[1]), int(m[2])) for m in told if m]
    same(len(told) > 0, True, "words about the recovery")
    same({of for _, of in told}, {count}, "logs")
    same(sorted({done for done, _ in told}), [done for done, _ in told], "it only advances")
    patience = [w for w in manager.heard if w.startswith("EXTEND_TIMEOUT_USEC=")]
    same(patience, ["EXTEND_TIMEOUT_USEC=600000000"] * len(told), "patience")
    same(manager.heard[-1], "STATUS=serving", "in the end")
    same(node.end(), 0, "exit status")
