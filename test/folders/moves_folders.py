"""Partitions go from one folder to another (AlterReplicaLogDirs) while clients use them."""

import os
import shutil
import signal
import threading
import time

import kafka_wire as wire
from node import same, wait_until
from failing_folders import with_failure
from several import check, described, fill, lies, started, told, values
from suite import alone
from world import World

NONE, UNKNOWN_TOPIC, INVALID_TOPIC, STORAGE_ERROR = 0, 3, 17, 56
INVALID_REPLICA_ASSIGNMENT, LOG_DIR_NOT_FOUND = 39, 57


def ask(world, path, topics, version=2):
    """{(topic, partition): error}"""
    dirs = [dict(path=path, topics=[dict(name=t, partitions=p) for t, p in topics])]
    answer = world.call("AlterReplicaLogDirs", version, dirs=dirs)
    return {
        (one["topic_name"], p["partition_index"]): p["error_code"]
        for one in answer["results"]
        for p in one["partitions"]
    }


def move(node, world, topic, partition, name):
    path = os.path.join(node.folder, name)
    same(ask(world, path, [(topic, [partition])]), {(topic, partition): NONE}, "the answer")


def other(node, world, topic, partition=0):
    """The name of a folder where it does not lie."""
    here = lies(node, topic)[partition]
    return next(n for n in (os.path.basename(d) for d in node.dirs) if n not in here)


def arrived(node, world, topic, partition, name):
    wait_until(lambda: told(world, topic).get(partition) == [name], what="it is in " + name)
    same(lies(node, topic)[partition], [name], "its directory")
    wait_until(lambda: leftovers(node) == [], what="nothing is left: %s" % leftovers(node))


def leftovers(node):
    return [
        name
        for path in node.dirs
        for name in os.listdir(path)
        if name.endswith("-future") or name.endswith("-delete")
    ]


@alone
def folders_move(folder):
    """a log goes to another folder and back: every record, through a stop and a kill"""
    node, world = started(folder)
    topic = world.topic(2, segment_ms="1")
    fill(world, topic, 0, 40)
    fill(world, topic, 1, 3)
    first, second = lies(node, topic)[0][0], other(node, world, topic)
    rest = lies(node, topic)[1]
    for to, how in ((second, signal.SIGTERM), (first, signal.SIGKILL), (second, None)):
        move(node, world, topic, 0, to)
        arrived(node, world, topic, 0, to)
        check(world, topic, 0, 40)
        if how is not None:
            node.end(how)
            node.start()
            same(told(world, topic)[0], [to], "after the stop")
            check(world, topic, 0, 40)
    same((told(world, topic)[1], lies(node, topic)[1]), (rest, rest), "the other partition")
    fill(world, topic, 0, 5, begin=40)
    check(world, topic, 0, 45)
    same(node.end(), 0, "exit status")


@alone
def folders_move_refused(folder):
    """what cannot be moved: Kafka's error each time, and nothing happens"""
    node, world = started(folder, "cordoned.log.dirs=" + os.path.join(folder, "node", "c"))
    topic = world.topic(1)
    here = lies(node, topic)[0][0]
    there = "a" if here == "b" else "b"
    path = os.path.join(node.folder, there)
    for version in (1, 2):
        same(ask(world, path, [("none", [0])], version), {("none", 0): UNKNOWN_TOPIC})
        same(ask(world, path, [(topic, [1, -1])], version),
             {(topic, 1): UNKNOWN_TOPIC, (topic, -1): UNKNOWN_TOPIC})
        same(ask(world, "/nowhere", [(topic, [0])], version), {(topic, 0): LOG_DIR_NOT_FOUND})
        same(ask(world, "", [(topic, [0])], version), {(topic, 0): LOG_DIR_NOT_FOUND})
        same(ask(world, there, [(topic, [0])], version), {(topic, 0): LOG_DIR_NOT_FOUND})
        same(ask(world, os.path.join(node.folder, "c"), [(topic, [0])], version),
             {(topic, 0): INVALID_REPLICA_ASSIGNMENT})
        same(ask(world, path, [("t" * 214, [0])], version), {("t" * 214, 0): INVALID_TOPIC})
        same(ask(world, path, [], version), {})
        same(ask(world, path, [(topic, [])], version), {})
    same(ask(world, os.path.join(node.folder, here), [(topic, [0])]), {(topic, 0): NONE}, "there")
    time.sleep(0.2)
    same((lies(node, topic), leftovers(node)), ({0: [here]}, []), "nothing happened")
    same(node.end(), 0, "exit status")


@alone
def folders_move_deleted_records(folder):
    """what was deleted before a move does not come back behind it, also through a kill at once"""
    node, world = started(folder)
    topic = world.topic(1)
    fill(world, topic, 0, 10)
    world.call("DeleteRecords", 2, timeout_ms=10000, topics=[
        dict(name=topic, partitions=[dict(partition_index=0, offset=7)])])
    to = other(node, world, topic)
    move(node, world, topic, 0, to)
    arrived(node, world, topic, 0, to)
    node.end(signal.SIGKILL)
    node.start()
    found = world.fetch(topic, 7)
    same((found["error_code"], found["log_start_offset"]), (NONE, 7), "the start")
    same(world.fetch(topic, 6)["error_code"], 1, "below it")
    same(node.end(), 0, "exit status")


@alone
def folders_move_between_renames(folder):
    """a crash between the two renames: the copy is the log; one before them: the move goes on"""
    node, world = started(folder)
    topic = world.topic(1)
    fill(world, topic, 0, 20)
    name, here = "%s-0" % topic, lies(node, topic)[0][0]
    for renamed in (True, False):
        to = other(node, world, topic)
        node.end()
        old, new = (os.path.join(node.folder, d, name) for d in (here, to))
        suffix = "." + "5e" * 16
        shutil.copytree(old, new + suffix + "-future")
        if renamed:
            os.rename(old, old + suffix + "-delete")
        node.start()
        arrived(node, world, topic, 0, to)
        check(world, topic, 0, 20)
        here = to
    same(node.end(), 0, "exit status")


class Writer(threading.Thread):
    """Produces one record after the other, each acknowledged."""

    def __init__(self, world, topic):
        super().__init__()
        self.world, self.topic = world, topic
        self.count, self.stopped, self.error = 0, False, None

    def run(self):
        try:
            with wire.Connection(self.world.bootstrap, 30) as connection:
                while not self.stopped:
                    answer = connection.call("Produce", 9, acks=-1, timeout_ms=10000, topic_data=[
                        dict(name=self.topic, partition_data=[
                            dict(index=0, records=wire.batch([b"<%d>" % self.count]))])])
                    one = answer["responses"][0]["partition_responses"][0]
                    same((one["error_code"], one["base_offset"]), (NONE, self.count), "Produce")
                    self.count += 1
        except Exception as error:  # told by the thread that waits
            self.error = error

    def end(self):
        self.stopped = True
        self.join()
        if self.error is not None:
            raise self.error


@alone
def folders_move_written(folder):
    """a log that is written meanwhile goes round the folders: no record is lost, none refused"""
    for shards in (1, 3):
        node, world = started(os.path.join(folder, str(shards)), "gregor.shards=%d" % shards)
        topic = world.topic(1, segment_ms="20")
        writer = Writer(world, topic)
        writer.start()
        for number in range(9):
            to = other(node, world, topic)
            move(node, world, topic, 0, to)
            arrived(node, world, topic, 0, to)
            before = writer.count
            wait_until(lambda: writer.count > before or writer.error, what="it is written")
        writer.end()
        same(writer.count > 50, True, "records: %d" % writer.count)
        check(world, topic, 0, writer.count)
        same(node.end(), 0, "exit status")
        node.start()
        check(world, topic, 0, writer.count)
        same(node.end(), 0, "exit status")


@alone
def folders_move_killed(folder):
    """kill -9 in the middle of moves, thirty times: acknowledged records stay, moves go on by themselves"""
    node, world = started(folder)
    topic = world.topic(1, segment_bytes=str(1 << 20))
    big = wire.batch([b"x" * 9000] * 100)
    for _ in range(20):
        world.append(topic, big)
    written = 2000
    for number in range(30):
        to = other(node, world, topic)
        move(node, world, topic, 0, to)
        world.append(topic, wire.batch([b"<%d>" % number]))
        time.sleep(number * 0.002)
        node.end(signal.SIGKILL)
        node.start()
        wait_until(lambda: told(world, topic).get(0) in (["a"], ["b"], ["c"]), what="it settles")
        wait_until(lambda: leftovers(node) == [], what="nothing is left")
        found = world.fetch(topic, written + number)
        same([r[3] for r in wire.batches(found["records"])[0].records()], [b"<%d>" % number])
    same(len(values(world, topic)), written + 30, "records")
    same(node.end(), 0, "exit status")


@alone
def folders_move_to_failing(folder):
    """the folder that a log goes to fails: it stays where it is, and goes elsewhere when asked to"""
    node, world, fail, _ = with_failure(folder)
    topic = world.topic(1)
    fill(world, topic, 0, 20)
    here = lies(node, topic)[0][0]
    to, another = sorted(set("abc") - {here}, reverse=True)  # the metadata log lies in the first
    fail(to)
    move(node, world, topic, 0, to)
    wait_until(lambda: described(world)[to]["error_code"] == STORAGE_ERROR, what="it has failed")
    check(world, topic, 0, 20)
    same(ask(world, os.path.join(node.folder, to), [(topic, [0])]), {(topic, 0): STORAGE_ERROR})
    fill(world, topic, 0, 5, begin=20)
    same(lies(node, topic)[0], [here], "where it is")
    move(node, world, topic, 0, another)
    wait_until(lambda: told(world, topic)[0] == [another], what="it is in " + another)
    check(world, topic, 0, 25)
    same(node.end(), 0, "exit status")


@alone
def folders_move_from_failing(folder):
    """the folder that a log leaves fails meanwhile: it is offline, and what was begun is dropped"""
    node, world, fail, mend = with_failure(folder)
    topic = next(t for t in (world.topic(1) for _ in range(3)) if lies(node, t)[0] != ["a"])
    big = wire.batch([b"x" * 9000] * 100)
    for _ in range(30):
        world.append(topic, big)
    here = lies(node, topic)[0][0]
    move(node, world, topic, 0, "a")
    fail(here)
    world.produce(topic, big)
    wait_until(lambda: described(world)[here]["error_code"] == STORAGE_ERROR
               or told(world, topic)[0] == ["a"], what="one or the other")
    mend()
    node.end(signal.SIGKILL)
    node.start()
    wait_until(lambda: leftovers(node) == [], what="nothing is left")
    same(len(values(world, topic)) >= 3000, True, "records")
    same(node.end(), 0, "exit status")


@alone
def folders_move_deleted(folder):
    """topics that are deleted, and moves that are called back, in the middle: nothing is left"""
    node, world = started(folder)
    big = wire.batch([b"x" * 9000] * 100)
    for number in range(12):
        topic = world.topic(1, segment_bytes=str(1 << 20))
        for _ in range(10):
            world.append(topic, big)
        here, to = lies(node, topic)[0][0], other(node, world, topic)
        move(node, world, topic, 0, to)
        time.sleep(number * 0.001)
        if number % 2 == 0:
            move(node, world, topic, 0, here)
            wait_until(lambda: told(world, topic).get(0) == [here], what="it is back")
            same(len(values(world, topic)), 1000, "records")
        same(world.delete(topic), 0, "DeleteTopics")
        wait_until(lambda: lies(node, topic) == {}, what="it has gone")
        wait_until(lambda: leftovers(node) == [], what="nothing is left: %s" % leftovers(node))
    same(node.end(), 0, "exit status")


@alone
def folders_move_compacted(folder):
    """a compacted log moves, and is cleaned where it is then"""
    node, world = started(folder, "log.cleaner.backoff.ms=100")
    topic = world.topic(1, cleanup_policy="compact", segment_ms="200",
                        min_cleanable_dirty_ratio="0.01")
    for number in range(50):
        world.append(topic, wire.batch([(b"key", b"<%d>" % number)]))
    to = other(node, world, topic)
    move(node, world, topic, 0, to)
    arrived(node, world, topic, 0, to)
    for number in range(50, 60):
        world.append(topic, wire.batch([(b"key", b"<%d>" % number)]))
        time.sleep(0.05)
    time.sleep(0.3)
    world.append(topic, wire.batch([(b"other", b"last")]))

    wait_until(lambda: len(world.values(topic)) < 10, what="it is cleaned")
    found = world.values(topic)
    same((found[-1], b"<59>" in found), (b"last", True), "the last values")
    same(node.end(), 0, "exit status")
