"""Where partitions go, and what a start makes of what lies there."""

import os
import re
import shutil
import signal
import subprocess

from node import BINARY, same
from several import Node, check, described, fill, lies, started, told
from suite import alone
from world import World


def refused(node, text):
    """It does not start, and says so."""
    node.spawn()
    same(node.process.wait(30) != 0, True, "the exit status")
    same(text.encode() in node.log(), True, node.log())


def properties(node, name):
    with open(os.path.join(node.folder, name, "meta.properties"), encoding="ascii") as file:
        return dict(line.strip().split("=", 1) for line in file if "=" in line)


@alone
def folders_spread(folder):
    """each new partition goes to the folder with the fewest, and what it has is found again"""
    node, world = started(folder)
    topic = world.topic(6)
    places = lies(node, topic)
    same(sorted(map(len, places.values())), [1] * 6)
    same(sorted(name for where in places.values() for name in where), list("aabbcc"))
    same(told(world, topic), places)
    for partition in range(6):
        fill(world, topic, partition, 5 + partition)
    for how in (signal.SIGTERM, signal.SIGKILL):
        node.end(how)
        node.start()
        same(lies(node, topic), places)
        same(told(world, topic), places)
        for partition in range(6):
            check(world, topic, partition, 5 + partition)
    same(world.delete(topic), 0)
    same(lies(node, topic), {})


@alone
def folders_shards(folder):
    """several shards put theirs into one balance"""
    node, world = started(folder, "gregor.shards=3")
    topic, other = world.topic(5), world.topic(4)
    where = [name for t in (topic, other) for names in lies(node, t).values() for name in names]
    same(sorted(where), list("aaabbbccc"))
    fill(world, topic, 3, 9)
    node.end(signal.SIGKILL)
    node.start()
    check(world, topic, 3, 9)


@alone
def folders_files(folder):
    """each folder has an id, checkpoints and a clean mark of its own; one cluster and one node"""
    node, world = started(folder)
    topic = world.topic(3)
    same(node.end(), 0)
    read = [properties(node, name) for name in "abc"]
    same(len({one["directory.id"] for one in read}), 3)
    same(len({(one["cluster.id"], one["node.id"]) for one in read}), 1)
    for partition, (name,) in lies(node, topic).items():
        path = os.path.join(node.folder, name)
        same(os.path.exists(os.path.join(path, ".kafka_cleanshutdown")), True)
        with open(os.path.join(path, "recovery-point-offset-checkpoint"), encoding="ascii") as f:
            same(f.read().split(), ["0", "1", topic, str(partition), "0"])
    same([os.path.isdir(d + "/__cluster_metadata-0") for d in node.dirs], [True, False, False])


@alone
def folders_one_unclean(folder):
    """only what was not stopped cleanly is recovered"""
    node, world = started(folder)
    topic = world.topic(3)
    for partition in range(3):
        fill(world, topic, partition, 3)
    same(node.end(), 0)
    os.remove(os.path.join(node.folder, "b", ".kafka_cleanshutdown"))
    node.start()
    number = [p for p, where in lies(node, topic).items() if where == ["b"]][0]
    recovered = re.findall(rb"partition=(\S+)\] Recovered", node.log())
    same(recovered, [b"%s-%d" % (topic.encode(), number)])
    same(len(re.findall(rb"which was stopped cleanly", node.log())), 2)


@alone
def folders_moved_by_hand(folder):
    """a partition that somebody has carried to another folder is found and told there"""
    node, world = started(folder)
    topic = world.topic(3)
    fill(world, topic, 0, 7)
    same(node.end(), 0)
    ((name,),) = [lies(node, topic)[0]]
    other = "c" if name != "c" else "a"
    log = "%s-0" % topic
    shutil.move(os.path.join(node.folder, name, log), os.path.join(node.folder, other, log))
    for _ in range(2):
        node.start()
        same(told(world, topic)[0], [other])
        check(world, topic, 0, 7)
        same(node.end(signal.SIGKILL), -9)


@alone
def folders_twice(folder):
    """a partition that lies in two folders stops the start: nobody knows which one is right"""
    node, world = started(folder)
    topic = world.topic()
    same(node.end(), 0)
    (name,) = lies(node, topic)[0]
    other = "b" if name != "b" else "c"
    log = "%s-0" % topic
    shutil.copytree(os.path.join(node.folder, name, log), os.path.join(node.folder, other, log))
    refused(node, "Duplicate log directories for %s are found in both " % log)
    shutil.rmtree(os.path.join(node.folder, other, log))
    node.start()


@alone
def folders_identities(folder):
    """folders that do not belong together are refused, in Kafka's words"""
    node, _ = started(folder)
    same(node.end(), 0)
    path = os.path.join(node.folder, "c", "meta.properties")
    with open(path, encoding="ascii") as file:
        good = file.read()
    first = properties(node, "a")

    def with_line(key, value):
        with open(path, "w", encoding="ascii") as file:
            file.write(re.sub(key + "=.*", key + "=" + value, good))

    with_line("cluster.id", "BBBBBBBBBBBBBBBBBBBBBQ")
    refused(node, "Invalid cluster.id in: %s. Expected %s" % (path, first["cluster.id"]))
    with_line("node.id", "77")
    refused(node, "Stored node id 77 doesn't match previous node id 1 in %s" % path)
    with_line("directory.id", first["directory.id"])
    refused(node, "Duplicate directory ID %s found. It was" % first["directory.id"])
    os.remove(path)
    refused(node, "No `meta.properties` found in %s" % os.path.dirname(path))
    with_line("directory.id", "x")
    with open(path, "w", encoding="ascii") as file:
        file.write("".join(line for line in good.splitlines(True) if "directory" not in line))
    node.start()
    same(len({properties(node, name)["directory.id"] for name in "abc"}), 3, "it is given one")
    os.mkdir(os.path.join(node.folder, "b", "__cluster_metadata-0"))
    same(node.end(), 0)
    refused(node, "Found unexpected metadata location in data directory")


@alone
def folders_locked(folder):
    """a folder that another process has is refused"""
    node, _ = started(folder)
    other = Node(os.path.join(folder, "other"))
    other.settings = ["log.dirs=%s,%s" % (os.path.join(folder, "x"), node.dirs[2])]
    file = os.path.join(folder, "other.properties")
    with open(file, "w", encoding="ascii") as properties_file:
        print(other.settings[0], "process.roles=broker,controller", "node.id=1",
              "controller.listener.names=CONTROLLER", sep="\n", file=properties_file)
    format_all = [BINARY, "format", "--standalone", "--config", file]
    told_how = subprocess.run(format_all, stderr=subprocess.PIPE, check=False).stderr
    same(b"%s is already formatted" % node.dirs[2].encode() in told_how, True, told_how)
    subprocess.run(format_all + ["--ignore-formatted"], check=True, stdout=subprocess.DEVNULL)
    refused(other, "Failed to acquire lock on file .lock in " + node.dirs[2])


@alone
def folders_metadata_apart(folder):
    """metadata.log.dir is a folder without partitions"""
    node = Node(os.path.join(folder, "node"), count=2)
    home = os.path.join(folder, "m")
    node.settings.append("metadata.log.dir=" + home)
    node.start()
    world = World(node)
    topic = world.topic(4)
    same(sorted(name for where in lies(node, topic).values() for name in where), list("aabb"))
    same(sorted(described(world)), ["a", "b"])
    same(sorted(n for n in os.listdir(home) if n.endswith("-0")), ["__cluster_metadata-0"])
    fill(world, topic, 1, 3)
    same(node.end(), 0)
    node.start()
    check(world, topic, 1, 3)
