"""Disks that are full: produce is refused, the rest goes on, nothing acknowledged is lost."""

import os
import resource
import signal
import subprocess
import time

import kafka_wire as wire
from node import Gregor, same, wait_until
from suite import alone
from world import World

MIB = 1 << 20
PATIENCE_S = 2  # for a machine that others use
STORAGE_ERROR = 56


def mount_of_image(folder, size_mib, disk):
    """What mounts a file of that size, with a filesystem in it; None: not here, or not for us."""
    image = os.path.join(folder, "image")
    with open(image, "wb") as file:
        file.truncate(size_mib * MIB)
    mount = "mount -o loop '%s'" % image
    trial = "mkfs.ext4 -q -F '%s' && unshare --mount %s '%s'" % (image, mount, disk)
    done = subprocess.run(["sh", "-c", trial], stderr=subprocess.DEVNULL, check=False)
    return mount if done.returncode == 0 else None


def on_small_disk(folder, size_mib, *settings, loop=False):
    """A gregor in a mount namespace of its own, its data on a disk of that size: a loop image where
    the machine lets us, else memory."""
    disk = os.path.join(folder, "disk")
    os.makedirs(disk)
    mount = mount_of_image(folder, size_mib, disk) if loop else None
    print("  on %s" % ("a loop image" if mount else "tmpfs"), flush=True)
    script = '%s "$0" && exec "$@"' % (mount or "mount -t tmpfs -o size=%dm tmpfs" % size_mib)
    prefix = (
        ["unshare", "--mount"]
        if os.geteuid() == 0
        else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    # Below a chroot the root is no mount whose propagation could be changed.
    if subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        prefix += ["--propagation", "unchanged"]
    node = Gregor(
        os.path.join(folder, "node"), *settings, prefix=prefix + ["sh", "-c", script, disk]
    )
    node.data = os.path.join(disk, "data")
    return node


def fill(world, topic, batch, limit):
    """Produces until it is refused; what was acknowledged as {offset: batch}, and the error."""
    acknowledged = {}
    for _ in range(limit):
        answer = world.produce(topic, batch)
        if answer["error_code"] != 0:
            return acknowledged, answer["error_code"]
        acknowledged[answer["base_offset"]] = batch
    raise AssertionError("%d batches were taken" % limit)


def served(world, topic, acknowledged):
    for offset, batch in acknowledged.items():
        same(world.batches(topic, offset)[0].bytes[61:], batch[61:], "offset %d" % offset)


@alone
def hostile_full(folder):
    """a full disk: produce is error 56, fetch and admin go on, deleting a topic makes room again"""
    node = on_small_disk(
        folder,
        64,
        "log.segment.bytes=4194304",
        "log.segment.delete.delay.ms=0",
        "file.delete.delay.ms=0",
        loop=True,
    )
    node.start()
    world = World(node)
    kept, filler = world.topic(), world.topic()
    same(world.append(kept, wire.batch([b"kept"])), 0)
    batch = wire.batch([os.urandom(MIB // 2)])
    acknowledged, error = fill(world, filler, batch, 200)
    same(error, STORAGE_ERROR, "the answer of a full disk")
    same(len(acknowledged) > 20, True, "%d batches fitted" % len(acknowledged))
    served(world, filler, acknowledged)
    same(world.values(kept), [b"kept"])
    same(node.is_alive(), True)
    for _ in range(5):  # it stays so, and stays calm
        same(world.produce(filler, batch)["error_code"], STORAGE_ERROR)
    same(world.delete(filler), 0)
    began = time.time()
    wait_until(lambda: world.produce(kept, batch)["error_code"] == 0, 30, "room again")
    same(time.time() - began < 1 + PATIENCE_S, True, "after %.2f s" % (time.time() - began))
    same(wire.batches(world.fetch(kept)["records"])[0].records()[0][3], b"kept")
    same(node.end(), 0)


@alone
def hostile_file_size_limit(folder):
    """no file may grow over a bound (RLIMIT_FSIZE): an error, no death by SIGXFSZ, nothing lost"""
    node = Gregor(os.path.join(folder, "node"))
    node.start()
    topic = World(node).topic()
    same(node.end(), 0)
    node.prefix = ["prlimit", "--fsize=%d" % (3 * MIB)]
    node.start()
    world = World(node)
    world.wait_for(topic)
    batch = wire.batch([os.urandom(MIB // 4)])
    acknowledged, error = fill(world, topic, batch, 40)
    same(error, STORAGE_ERROR)
    same(node.is_alive(), True)
    served(world, topic, acknowledged)
    node.end(signal.SIGKILL)
    node.prefix = []
    node.start()
    world.wait_for(topic)
    served(world, topic, acknowledged)
    same(world.append(topic, batch) >= len(acknowledged), True, "it takes records again")
    same(node.end(), 0)


@alone
def hostile_full_at_start(folder):
    """no room for anything at the start: one clear line and exit status 1"""
    disk = on_small_disk(folder, 1)
    # the tmpfs is filled by the shell before the broker starts
    disk.prefix[-2] = disk.prefix[-2].replace(
        "exec", 'dd if=/dev/zero of="$0/fill" bs=4k status=none 2>/dev/null; exec'
    )
    disk.spawn()
    same(disk.process.wait(20), 1, "exit status")
    last = disk.log().decode().strip().splitlines()[-1]
    same("No space left on device" in last, True, last)


@alone
def hostile_files_limit(folder):
    """few open files allowed: more partitions than those are served, more connections do no harm"""
    node = Gregor(os.path.join(folder, "node"), prefix=["prlimit", "--nofile=256:256"])
    node.start()
    world = World(node)
    topics = [world.topic(partitions=100) for _ in range(3)]
    for topic in topics:
        for partition in range(100):
            same(world.append(topic, wire.batch([b"a"]), partition), 0)
    for topic in topics:
        for partition in range(0, 100, 9):
            same(world.values(topic, partition), [b"a"])
    held = []
    for _ in range(300):  # more connections than files: refused or left waiting, not harmful
        try:
            held.append(world.connect())
        except OSError:
            break
    for connection in held:
        connection.close()
    time.sleep(0.2)
    same(world.append(topics[0], wire.batch([b"b"])), 1)
    same(node.end(), 0)


def describe_folder(world):
    return world.call("DescribeLogDirs", 5, topics=None)["results"][0]


@alone
def hostile_folder_out_of_sight(folder):
    """a folder whose volume cannot be asked: error 56 and nothing made up, until it can be again"""
    node = Gregor(os.path.join(folder, "node"))
    node.start()
    world = World(node)
    topic = world.topic()
    before = describe_folder(world)
    os.rename(node.data, node.data + ".away")
    same(
        describe_folder(world),
        dict(
            error_code=STORAGE_ERROR,
            log_dir=node.data,
            topics=[],
            total_bytes=-1,
            usable_bytes=-1,
            is_cordoned=False,
        ),
    )
    os.rename(node.data + ".away", node.data)
    after = describe_folder(world)
    same((before["error_code"], after["error_code"]), (0, 0))
    same([t["name"] for t in after["topics"]], [topic])
    same(before["total_bytes"] == after["total_bytes"] > after["usable_bytes"] > 0, True)
    same(node.end(), 0)


def limits():
    """What this process may open must not be less than what tests need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))


limits()
