"""Probes, and visitors that do their worst."""

import ctypes
import os
import signal
import socket
import subprocess
import time

from node import Gregor, free_port, same, wait_until
from suite import alone
from visitor import eventually, metrics, port, status, visit
from world import World

PAGES = "gregor.http.listeners=http://127.0.0.1:0"


def http_pages(world):
    """probes of a node that serves; what is no page, and what would change something"""
    node = world.broker
    for path in ("/livez", "/readyz", "/healthz", "/startupz", "/v1/status/ready", "/v1/ready"):
        same(visit(node, path)[:2], (200, "ok\n"), path)
    told = visit(node, "/readyz?verbose")[1].split("\n")
    same(told, ["[+] started", "[+] registered", "[+] unfenced", "[+] not stopping", "ok", ""])
    same(visit(node, "/v1/broker-state")[1], '{"brokerState":3}\n', "as Kafka counts")
    same(status(node, "/metricsx"), 404, "no page")
    same(status(node, "/"), 404, "no page")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = visit(node, "/livez", method=method, body=b"x" * 5000)
        same((answer[0], answer[2]["Allow"]), (405, "GET, HEAD"), method)
    same(visit(node, "/livez", body=b"x" * 100000)[:2], (200, "ok\n"), "a body that nobody reads")
    head = visit(node, "/metrics", method="HEAD")
    same((head[0], head[1]), (200, ""), "HEAD")
    same(int(head[2]["Content-Length"]) > 5000, True, "Content-Length")


def raw(world, request, timeout_s=5):
    """What comes back for these bytes, until the node closes or is silent."""
    out = b""
    with socket.create_connection(("127.0.0.1", port(world.broker)), timeout_s) as peer:
        try:
            peer.sendall(request)
            while True:
                more = peer.recv(65536)
                if not more:
                    break
                out += more
        except (TimeoutError, ConnectionError):
            pass
    return out


def http_rubbish(world):
    """bytes that are no request, a head without end, a name of 64 KiB: refused, and all goes on"""
    cases = [
        b"\0\1\2\3" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
        b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ]
    for case in cases:
        answer = raw(world, case, timeout_s=1)
        same(answer == b"" or answer.startswith(b"HTTP/1."), True, "%r" % answer[:40])
        same(b" 200 " in answer[:16], False, "%r was answered" % case[:40])
    same(status(world.broker, "/livez"), 200, "goes on")


def http_line(world):
    """several requests on one connection, also sent at once; HTTP/1.0"""
    two = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(world, two)
    same(answer.count(b"HTTP/1.1 200 OK\r\n"), 2, "answers")
    old = raw(world, b"GET /livez HTTP/1.0\r\n\r\n")
    same((old.startswith(b"HTTP/1."), old.endswith(b"\r\n\r\nok\n")), (True, True), "HTTP/1.0")


def http_slow_visitors(world):
    """who never ends its request is dropped after ten seconds; clients notice nothing"""
    held = []
    for _ in range(100):
        peer = socket.create_connection(("127.0.0.1", port(world.broker)), 5)
        peer.sendall(b"GET /metrics HTTP/1.1\r\nHos")
        held.append(peer)
    began = time.time()
    world.topic()
    same(time.time() - began < 2, True, "a topic meanwhile")
    eventually(lambda: can_visit(world.broker), "pages are served again", timeout_s=25)
    closed = 0
    for peer in held:
        peer.settimeout(15)
        try:
            while peer.recv(4096):
                pass
        except ConnectionError:
            pass
        closed += 1
        peer.close()
    same(closed, 100, "dropped")


def can_visit(node):
    try:
        return status(node, "/livez", timeout_s=1) == 200
    except OSError:
        return False


def http_gone_visitors(world):
    """who leaves before the answer, again and again, leaves nothing behind"""
    for _ in range(300):
        with socket.create_connection(("127.0.0.1", port(world.broker)), 5) as peer:
            peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    same(status(world.broker, "/livez"), 200, "goes on")
    files = len(os.listdir("/proc/%d/fd" % world.broker.process.pid))
    for _ in range(100):
        same(status(world.broker, "/metrics"), 200)
    more = len(os.listdir("/proc/%d/fd" % world.broker.process.pid))
    same(more - files < 20, True, "descriptors: %d, then %d" % (files, more))


@alone
def http_starting(folder):
    """a node that recovers is alive, but has not started and is not ready"""
    node = Gregor(folder, "flush.policy=os", "gregor.http.listeners=http://127.0.0.1:%d" % free_port())
    node.start()
    World(node).topic(3000)
    node.end(signal.SIGKILL)
    # Slow enough to see: as little of a processor as there is, beside somebody who wants it.
    node.prefix = ["nice", "-n", "19"]
    rival = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    seen = set()
    try:
        node.spawn()
        wait_until(lambda: b"Metrics and probes on" in node.log(), what="pages")
        while status(node, "/startupz") != 200:
            seen.add((status(node, "/livez"), visit(node, "/readyz")[0]))
            state = visit(node, "/v1/broker-state")[1]
            same(state in ('{"brokerState":1}\n', '{"brokerState":2}\n', '{"brokerState":3}\n'),
                 True, state)
            same(metrics(node).get("kafka_log_logmanager_offlinelogdirectorycount"), 0)
    finally:
        rival.kill()
        rival.wait()
    node.wait_ready()
    same((200, 503) in seen, True, "alive and not ready: %s" % seen)
    same(status(node, "/readyz"), 200, "ready")
    same(node.end(), 0, "exit status")


class Held:
    """One thread of a process stands still while this is open (ptrace)."""

    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, thread):
        self.thread, self.libc = thread, ctypes.CDLL(None, use_errno=True)

    def ask(self, what):
        if self.libc.ptrace(what, self.thread, None, None) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.ask(self.SEIZE)
        self.ask(self.INTERRUPT)
        os.waitpid(self.thread, self.WALL)

    def __exit__(self, *_):
        self.ask(self.DETACH)


@alone
def http_stuck_loop(folder):
    """a loop that stands still for five seconds is told by /livez, and so is that it turns again"""
    node = Gregor(folder, PAGES, "gregor.shards=3")
    node.start()
    threads = {}
    for thread in os.listdir("/proc/%d/task" % node.process.pid):
        with open("/proc/%d/task/%s/comm" % (node.process.pid, thread), encoding="ascii") as file:
            threads[file.read().strip()] = int(thread)
    same("shard-2" in threads, True, "threads: %s" % sorted(threads))
    same(status(node, "/livez"), 200, "before")
    with Held(threads["shard-2"]):
        began = time.time()
        same(status(node, "/livez", timeout_s=20), 503, "meanwhile")
        same(4.5 < time.time() - began < 8, True, "when it was told")
    same(status(node, "/livez"), 200, "afterwards")
    same(node.end(), 0, "exit status")


@alone
def http_place_taken(folder):
    """the usual port is taken: a warning, and the node serves; one's own port: it does not start"""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 9644))
            other.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        usual = ByDefault(os.path.join(folder, "usual"))
        usual.start()
        same(b"9644 for metrics and probes: Address already in use; going on without" in usual.log()
             or b"Metrics and probes on http://localhost:9644" in usual.log(), True, "said")
        World(usual).topic()
        same(usual.end(), 0, "exit status")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        node = Gregor(os.path.join(folder, "own"), "gregor.http.listeners=http://127.0.0.1:%d" % taken)
        node.spawn()
        same(node.process.wait(20), 1, "exit status")
        same(b"Cannot listen on http://127.0.0.1:%d for metrics and probes" % taken in node.log(),
             True, "why")


class ByDefault(Gregor):
    """Without a word on where its pages shall be."""

    def command(self):
        words = super().command()
        at = words.index("gregor.http.listeners=")
        return words[: at - 1] + words[at + 1 :]


@alone
def http_nowhere(folder):
    """no address, no pages; the signal's way out while visitors wait"""
    node = Gregor(folder)
    node.start()
    same(b"Metrics and probes" in node.log(), False, "nothing said")
    same(node.end(), 0, "exit status")
    node.settings = [PAGES]
    node.start()
    waiting = [socket.create_connection(("127.0.0.1", port(node)), 5) for _ in range(20)]
    for peer in waiting:
        peer.sendall(b"GET /metrics HTTP/1.1\r\n")
    same(node.end(), 0, "exit status")
    for peer in waiting:
        peer.close()
