"""Starts that cannot go well: one clear line and exit status 1, and the folder is as it was."""

import os
import shutil
import signal
import socket

import kafka_wire as wire
from node import BINARY, Gregor, free_port, same
from suite import alone
from world import World


def fails(node, *words):
    """It ends with status 1, its last line has these words, and no assertion failed."""
    node.spawn()
    status = node.process.wait(20)
    lines = node.log().decode().strip().splitlines()
    same(status, 1, "exit status (%s)" % "\n".join(lines[-3:]))
    for word in words:
        same(word in lines[-1], True, "%r in %r" % (word, lines[-1]))
    same([line for line in lines if "ssert" in line or "ERROR: " in line], [])
    return lines[-1]


def contents(folder):
    """{path: bytes} of a folder, but for what a start may touch."""
    found = {}
    for directory, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def used(folder):
    """A folder that a gregor has used and cleanly left, with a record in it."""
    node = Gregor(os.path.join(folder, "used"))
    node.start()
    world = World(node)
    node.topic = world.topic()
    world.append(node.topic, wire.batch([b"kept"]))
    same(node.end(), 0)
    return node


def still_there(node):
    node.start()
    world = World(node)
    world.wait_for(node.topic)
    same(world.values(node.topic), [b"kept"])
    same(node.end(), 0)


@alone
def hostile_settings(folder):
    """settings that are wrong: the key is named, nothing is made"""
    for setting, word in (
        ("num.partitions=abc", "num.partitions"),
        ("log.cleanup.policy=keep", "log.cleanup.policy"),
        ("process.roles=king", "process.roles"),
        ("node.id=-5", "node.id"),
        ("log.segment.bytes=1", "log.segment.bytes"),
        ("flush.policy=never", "flush.policy"),
        ("socket.request.max.bytes=0", "socket.request.max.bytes"),
        ("num.partitions=", "num.partitions"),
        ("num.partitions=99999999999", "num.partitions"),
    ):
        node = Gregor(os.path.join(folder, "settings"), setting)
        fails(node, word)
        same(os.path.exists(node.data), False, "a data folder after " + setting)


@alone
def hostile_listeners(folder):
    """listeners that are none"""
    for value in (
        "nonsense",
        "PLAINTEXT://127.0.0.1:99999",
        "PLAINTEXT://:-1",
        "FTP://127.0.0.1:1",
        "PLAINTEXT://127.0.0.1:21791,PLAINTEXT://127.0.0.1:21792",
    ):
        node = Gregor(os.path.join(folder, "listeners"), "listeners=" + value)
        fails(node, "listener")


@alone
def hostile_settings_file(folder):
    """a settings file that is not there, a folder, or has wrong lines"""
    node = Gregor(folder)
    for path, content in (
        ("absent", None),
        ("folder", ""),
        ("wrong", "num.partitions=many\n"),
        ("binary", "\0\1\2=\3\n"),
    ):
        path = os.path.join(folder, path)
        if content == "":
            os.mkdir(path)
        elif content:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        command = node.command()
        node.command = lambda: command[:2] + [path] + command[2:]
        fails(node)
        node.command = lambda: command


@alone
def hostile_environment(folder):
    """serve --env: what the test containers of Kafka's image set; a stray variable only then"""
    node = Gregor(folder)
    listeners = "PLAINTEXT://127.0.0.1:%d,BROKER://127.0.0.1:%d,CONTROLLER://127.0.0.1:9094"
    variables = dict(
        KAFKA_NODE_ID="1",
        KAFKA_BROKER_ID="1",
        KAFKA_PROCESS_ROLES="broker,controller",
        KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9094",
        KAFKA_LISTENERS=listeners % (node.port, free_port()),
        KAFKA_ADVERTISED_LISTENERS="PLAINTEXT://127.0.0.1:%d,BROKER://localhost:1" % node.port,
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
        KAFKA_INTER_BROKER_LISTENER_NAME="BROKER",
        KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
        KAFKA_LOG_DIRS=node.data,
        KAFKA_NUM_PARTITIONS="7",
        KAFKA_LOG_FLUSH_INTERVAL_MESSAGES=str(2**63 - 1),
        KAFKA_REST_BOOTSTRAP_SERVERS="nobody:1",
        KAFKA_HEAP_OPTS="-Xmx1G",
        CLUSTER_ID="5L6g3nShT-eMCtK--X86sw",
    )
    node.environment = dict(os.environ, **variables)
    node.command = lambda: [BINARY, "serve", "--env"]
    node.start()
    world = World(node)
    same(world.call("Metadata", 12, topics=None)["cluster_id"], variables["CLUSTER_ID"])
    same(world.create("seven", -1)["num_partitions"], 7, "num.partitions")
    same(node.end(), 0, "exit status")
    node.command = lambda: [BINARY, "serve", "--env", "--override", "num.partitions=3"]
    node.start()
    same(world.create("three", -1)["num_partitions"], 3, "--override is above the environment")
    same(node.end(), 0, "exit status")
    other = Gregor(os.path.join(folder, "other"), environment=dict(os.environ, KAFKA_NODE_ID="9"))
    other.start()
    same(b"id=9]" in other.log(), False, "without --env a variable means nothing")
    same(other.end(), 0, "exit status")


@alone
def hostile_port(folder):
    """a port in use: named in the line, and the folder is free for the next start"""
    node = used(folder)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", node.port))
        holder.listen()
        fails(node, str(node.port), "in use")
    still_there(node)


@alone
def hostile_in_use(folder):
    """a data folder in use: refused, and the one who uses it goes on"""
    node = used(folder)
    node.start()
    world = World(node)
    world.wait_for(node.topic)
    second = Gregor(os.path.join(folder, "second"), "log.dirs=" + node.data)
    fails(second, ".lock", node.data)
    world.append(node.topic, wire.batch([b"kept"]))
    node.end(signal.SIGKILL)
    node.start()
    world.wait_for(node.topic)
    same(world.values(node.topic), [b"kept"] * 2)
    node.end()


@alone
def hostile_other_node(folder):
    """the data folder of another node: refused and not touched"""
    node = used(folder)
    before = contents(node.data)
    fails(
        Gregor(os.path.join(folder, "other"), "log.dirs=" + node.data, "node.id=7"), "node id", "7"
    )
    same(contents(node.data) == before, True, "the folder is as it was")
    still_there(node)


@alone
def hostile_other_cluster(folder):
    """one partition's folder of another cluster, or its identity: refused and not touched"""
    node = used(folder)
    path = os.path.join(node.data, "meta.properties")
    with open(path, encoding="ascii") as file:
        text = file.read()
    for wrong in (
        text.replace("version=1", "version=9"),
        text.replace("cluster.id=", "cluster.di="),
        "garbage",
        "",
        text.replace("node.id=1", "node.id=x"),
    ):
        with open(path, "w", encoding="ascii") as file:
            file.write(wrong)
        before = contents(node.data)
        fails(node, "meta.properties")
        same(contents(node.data) == before, True, "the folder is as it was")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    still_there(node)


@alone
def hostile_identity_lost(folder):
    """meta.properties is gone but logs are there: never formatted anew"""
    node = used(folder)
    path = os.path.join(node.data, "meta.properties")
    os.rename(path, path + ".away")
    fails(node, "meta.properties")
    os.rename(path + ".away", path)
    still_there(node)


@alone
def hostile_no_folder(folder):
    """a data folder that is a file, below a file, or cannot be made"""
    path = os.path.join(folder, "file")
    with open(path, "w", encoding="ascii"):
        pass
    for place in (path, os.path.join(path, "below"), "/proc/gregor-data"):
        fails(Gregor(os.path.join(folder, "none"), "log.dirs=" + place), place)


@alone
def hostile_not_formatted(folder):
    """with a server.properties of a cluster, an empty folder is not formatted behind one's back"""
    node = Gregor(folder)
    path = os.path.join(folder, "server.properties")
    with open(path, "w", encoding="ascii") as file:
        file.write(
            "process.roles=broker,controller\nnode.id=3\n"
            "controller.quorum.bootstrap.servers=127.0.0.1:1\n"
            "controller.listener.names=CONTROLLER\n"
            "listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d\nlog.dirs=%s\n"
            % (node.port, node.port + 1, node.data)
        )
    node.command = lambda: [word for word in Gregor.command(node)[:2]] + [path]
    fails(node, "meta.properties")
    same(os.path.exists(os.path.join(node.data, "meta.properties")), False)


@alone
def hostile_metadata_log(folder):
    """a metadata log with a bad byte in its middle: refused, not cut; with a torn tail: taken"""
    node = used(folder)
    log = os.path.join(node.data, "__cluster_metadata-0", "00000000000000000000.log")
    with open(log, "rb") as file:
        good = file.read()
    saved = os.path.join(folder, "saved")
    shutil.copytree(node.data, saved)
    with open(log, "wb") as file:
        middle = len(good) // 2
        file.write(good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :])
    clean = os.path.join(node.data, ".kafka_cleanshutdown")
    if os.path.exists(clean):
        os.unlink(clean)
    fails(node, "__cluster_metadata-0")
    same(os.path.getsize(log) >= len(good), True, "the log was cut")
    shutil.rmtree(node.data)
    os.rename(saved, node.data)
    if os.path.exists(clean):
        os.unlink(clean)
    with open(log, "ab") as file:
        file.write(good[-61:-20])
    still_there(node)
