"""A folder that fails: what lay there is gone until the next start, everything else goes on."""

import os
import shutil
import signal
import subprocess

import kafka_wire as wire
from node import ROOT, same, wait_until
from several import (
    KAFKA_STORAGE_ERROR,
    NAMES,
    check,
    described,
    fill,
    leader,
    lies,
    started,
    told,
    values,
)
from suite import alone

SHIM = os.path.join(ROOT, "test/faults/shim.c")
LEADER_NOT_AVAILABLE = 5


def with_failure(folder, *settings):
    """A node, and a function that lets each write and flush below a folder fail from then on."""
    sign = os.path.join(folder, "fail")
    shim = os.path.join(folder, "shim.so")
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", shim, SHIM, "-ldl"], check=True)
    environment = dict(os.environ, LD_PRELOAD=shim, GREGOR_FAIL_BELOW=sign)
    node, world = started(folder, *settings, environment=environment)

    def fail(name):
        with open(sign + ".new", "w", encoding="ascii") as file:
            file.write(os.path.join(node.folder, name) + "/")
        os.rename(sign + ".new", sign)

    return node, world, fail, lambda: os.remove(sign)


def of_folder(node, topic, name):
    return [partition for partition, where in lies(node, topic).items() if where == [name]]


def one_fails(folder, *settings):
    node, world, fail, mend = with_failure(folder, *settings)
    topic = world.topic(6)
    for partition in range(6):
        fill(world, topic, partition, 4)
    lost = of_folder(node, topic, "b")
    same(len(lost), 2)
    others = [partition for partition in range(6) if partition not in lost]
    fail("b")
    answer = world.produce(topic, wire.batch([b"x"]), lost[0])
    same(answer["error_code"], KAFKA_STORAGE_ERROR)
    wait_until(lambda: leader(world, topic, lost[1])[1] == -1, what="nobody leads there")
    for partition in lost:
        same(leader(world, topic, partition), (LEADER_NOT_AVAILABLE, -1))
        same(world.produce(topic, wire.batch([b"x"]), partition)["error_code"], KAFKA_STORAGE_ERROR)
        same(world.fetch(topic, 0, partition)["error_code"], KAFKA_STORAGE_ERROR)
    for partition in others:
        same(leader(world, topic, partition), (0, 1))
        fill(world, topic, partition, 2, 4)
        check(world, topic, partition, 6)
    for version in range(1, 6):
        found = described(world, version)
        same({name: one["error_code"] for name, one in found.items()},
             dict(a=0, b=KAFKA_STORAGE_ERROR, c=0))
        same(found["b"]["topics"], [])
    new = world.topic(4)
    same(sorted(name for where in lies(node, new).values() for name in where), list("aacc"))
    same(b"Stopping serving logs in dir %s" % node.dirs[1].encode() in node.log(), True)
    mend()
    same(world.produce(topic, wire.batch([b"x"]), lost[0])["error_code"], KAFKA_STORAGE_ERROR,
         "it is left alone until the next start")
    return node, world, topic, lost, others


@alone
def folders_one_fails(folder):
    """its partitions are offline, new ones go elsewhere, the others serve; a start has it again"""
    node, world, topic, lost, others = one_fails(folder)
    same(node.end(), 0, "a stop is a clean one all the same")
    marks = [os.path.exists(path + "/.kafka_cleanshutdown") for path in node.dirs]
    same(marks, [True, False, True], "but not for the folder that failed")
    node.start()
    for partition in range(6):
        same(leader(world, topic, partition), (0, 1))
    for partition in others:
        check(world, topic, partition, 6)
    for partition in lost:  # the one that was refused may be there or not
        same(values(world, topic, partition)[:4], [b"<%d>" % number for number in range(4)])


@alone
def folders_one_fails_in_shards(folder):
    """the same with several shards, and a crash behind it"""
    node, world, topic, lost, others = one_fails(folder, "gregor.shards=3")
    node.end(signal.SIGKILL)
    node.start()
    for partition in others:
        check(world, topic, partition, 6)
    for partition in lost:  # the one that was refused may be there or not
        same(values(world, topic, partition)[:4], [b"<%d>" % number for number in range(4)])


@alone
def folders_first_fails(folder):
    """the folder of the metadata log takes the node with it"""
    node, world, fail, _ = with_failure(folder)
    topic = world.topic(3)
    fail("a")
    (partition,) = of_folder(node, topic, "a")
    same(world.produce(topic, wire.batch([b"x"]), partition)["error_code"], KAFKA_STORAGE_ERROR)
    same(node.process.wait(30) != 0, True, "the exit status")


@alone
def folders_unreadable_at_start(folder):
    """a folder that cannot be read is left out of a start; its partitions wait for a better one"""
    node, world = started(folder)
    topic = world.topic(3)
    for partition in range(3):
        fill(world, topic, partition, 3)
    same(node.end(), 0)
    (lost,) = of_folder(node, topic, "c")
    path = os.path.join(node.dirs[2], "meta.properties")
    shutil.copy(path, path + ".good")
    with open(path, "w", encoding="ascii") as file:
        file.write("version=1\ncluster.id=\n")
    node.start()
    same(leader(world, topic, lost), (LEADER_NOT_AVAILABLE, -1))
    same(world.produce(topic, wire.batch([b"x"]), lost)["error_code"], KAFKA_STORAGE_ERROR)
    same({name: one["error_code"] for name, one in described(world).items()},
         dict(a=0, b=0, c=KAFKA_STORAGE_ERROR))
    for partition in set(range(3)) - {lost}:
        check(world, topic, partition, 3)
    same(node.end(), 0)
    os.rename(path + ".good", path)
    node.start()
    same(told(world, topic)[lost], ["c"])
    check(world, topic, lost, 3)


@alone
def folders_taken_away(folder):
    """a partition whose folder is no longer among log.dirs is offline, not begun anew"""
    for count in (2, 3):
        node, world = started(os.path.join(folder, str(count)), count=count)
        topic = world.topic(3)
        for partition in range(3):
            fill(world, topic, partition, 3)
        same(node.end(), 0)
        lost = of_folder(node, topic, NAMES[count - 1])[0]
        node.settings[0] = "log.dirs=" + ",".join(node.dirs[:-1])
        node.start()
        same(leader(world, topic, lost), (LEADER_NOT_AVAILABLE, -1))
        same(len(lies(node, topic)[lost]), 1, "no second log of it")
        same(node.end(), 0)
        node.settings[0] = "log.dirs=" + ",".join(node.dirs)
        node.start()
        for partition in range(3):
            check(world, topic, partition, 3)
        same(node.end(), 0)
