"""Who may connect: how many at a time, of one address, and how many in a second."""

import socket
import time

import kafka_wire as wire
from node import Gregor, free_port, same, wait_until
from quotas import set_quota
from suite import alone
from world import World

SETTINGS = ("quota.window.num=2", "quota.window.size.seconds=1")


def start(folder, *settings):
    broker = Gregor(folder, *SETTINGS, *settings)
    broker.start()
    return World(broker)


def connect(world):
    return wire.Connection(world.bootstrap, timeout_s=10)


def is_served(connection, within_s=5):
    """Whether a request is answered; one that is not answered yet stays asked."""
    if not getattr(connection, "asked", False):
        connection.send("ApiVersions", 3, {})
        connection.asked = True
    connection.socket.settimeout(within_s)
    try:
        connection.receive("ApiVersions", 3)
    except socket.timeout:
        return False
    connection.asked = False
    return True


def set_config(world, name, value):
    answer = world_call_first(
        world,
        dict(
            resource_type=4,
            resource_name="",
            configs=[dict(name=name, config_operation=0, value=value)],
        ),
    )
    same((answer["error_code"], answer["error_message"]), (0, None), name)


def world_call_first(world, resource):
    """By a connection that is there already."""
    return world.first.call("IncrementalAlterConfigs", 1, resources=[resource])["responses"][0]


@alone
def quota_max_connections(folder):
    """max.connections: who comes too late waits until another goes, or more may come"""
    world = start(folder, "max.connections=2")
    world.first = connect(world)
    second = connect(world)
    same((is_served(world.first), is_served(second)), (True, True))
    third = connect(world)
    same(is_served(third, 0.5), False, "a third one")
    fourth = connect(world)
    second.close()
    same(is_served(third), True, "the third when the second has gone")
    same(is_served(fourth, 0.5), False, "a fourth one")
    set_config(world, "max.connections", "3")
    same(is_served(fourth), True, "the fourth when three may come")
    for connection in (world.first, third, fourth):
        connection.close()


@alone
def quota_max_connections_lowered(folder):
    """max.connections is lowered: those that were quiet longest are closed"""
    world = start(folder, "gregor.shards=1")
    quiet = [connect(world) for _ in range(3)]
    same([is_served(c) for c in quiet], [True] * 3)
    world.first = connect(world)
    set_config(world, "max.connections", "2")
    same([c.is_closed() for c in quiet[:2]], [True] * 2)
    same((is_served(quiet[2]), is_served(world.first)), (True, True))
    late = connect(world)
    same(is_served(late, 0.5), False, "one more")


@alone
def quota_max_connections_lowered_for_shards(folder):
    """and so for all shards: of nine, three are left"""
    world = start(folder, "gregor.shards=3")
    connections = [connect(world) for _ in range(9)]
    same([is_served(c) for c in connections], [True] * 9)
    world.first = connections[8]
    set_config(world, "max.connections", "3")
    time.sleep(0.5)
    same(sum(not c.is_closed(0.05) for c in connections), 3, "connections that are left")


def two_listeners(folder, *settings):
    """A broker with a second listener, and the address of that."""
    broker = Gregor(folder, *SETTINGS, *settings)
    second = "127.0.0.1:%d" % free_port()
    listeners = (broker.bootstrap, second, broker.controllers)
    broker.settings += [
        "listeners=PLAINTEXT://%s,SECOND://%s,CONTROLLER://%s" % listeners,
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECOND:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name=PLAINTEXT",
    ]
    broker.start()
    return World(broker), second


def by_second(second):
    return wire.Connection(second, timeout_s=10)


@alone
def quota_max_connections_of_listener(folder):
    """listener.name.second.max.connections: that listener is full, the other is not"""
    key = "listener.name.second.max.connections"
    world, second = two_listeners(folder, key + "=2", "gregor.shards=3")
    world.first = connect(world)
    same(is_served(world.first), True)
    taken = [by_second(second) for _ in range(2)]
    same([is_served(c) for c in taken], [True] * 2)
    waiting = [by_second(second) for _ in range(2)]
    same([is_served(c, 0.3) for c in waiting], [False] * 2, "those that are too many")
    same(all(is_served(connect(world)) for _ in range(4)), True, "by the other listener")
    taken[0].close()
    same(sum(is_served(c, 1) for c in waiting), 1, "when one has gone")
    set_config(world, key, "3")
    wait_until(lambda: all(not c.asked or is_served(c, 0.2) for c in waiting), 5, "all of three")
    set_config(world, "listener.name.plaintext.max.connections", "1")
    same(is_served(connect(world), 0.3), False, "one of the listener that is protected otherwise")


@alone
def quota_rate_of_listener(folder):
    """listener.name.second.max.connection.creation.rate: by that listener, no faster"""
    world, second = two_listeners(folder)
    world.first = connect(world)
    set_config(world, "listener.name.second.max.connection.creation.rate", "4")
    begin = time.monotonic()
    connections = [by_second(second) for _ in range(12)]
    others = [connect(world) for _ in range(12)]
    same([is_served(c) for c in others], [True] * 12)
    others_s = time.monotonic() - begin
    same([is_served(c) for c in connections], [True] * 12)
    took_s = time.monotonic() - begin
    print("  12 connections at 4 a second: %.2f s, 12 others %.2f s" % (took_s, others_s))
    if not 1.6 <= took_s <= 3.5 or others_s > 1:
        raise AssertionError("twelve took %.2f s, the others %.2f s" % (took_s, others_s))


@alone
def quota_max_connections_per_ip(folder):
    """max.connections.per.ip and its overrides: one too many is closed; both can be changed"""
    world = start(
        folder, "max.connections.per.ip=1", "max.connections.per.ip.overrides=127.0.0.1:2"
    )
    world.first = connect(world)
    same(is_served(world.first), True)
    second = connect(world)
    same(is_served(second), True)
    same(connect(world).is_closed(), True, "a third one")
    set_config(world, "max.connections.per.ip.overrides", "127.0.0.1:3")
    third = connect(world)
    same(is_served(third), True)
    same(connect(world).is_closed(), True, "a fourth one")
    second.close()
    time.sleep(0.2)
    again = connect(world)
    same(is_served(again), True, "one more when another has gone")
    for connection in (world.first, third, again):
        connection.close()


@alone
def quota_ip_rate(folder):
    """connection_creation_rate: an address that comes too often is let go after a pause"""
    world = start(folder)
    entity = {"ip": "127.0.0.1"}
    set_quota(world, entity, connection_creation_rate=2)
    connections = []  # which live on
    for _ in range(2):
        connections.append(connect(world))
        same(is_served(connections[-1]), True)
    begin = time.monotonic()
    refused = connect(world)
    refused.send("ApiVersions", 3, {})
    same(refused.is_closed(), True, "one too many")
    held_s = time.monotonic() - begin
    if not 0.3 <= held_s <= 1.5:
        raise AssertionError("it was held for %.2f s" % held_s)
    # It does not count: three in a second and a half are two a second.
    time.sleep(1.2)
    same(is_served(connect(world)), True)


@alone
def quota_rate_of_all(folder):
    """max.connection.creation.rate: all are let in, at that rate"""
    world = start(folder, "max.connection.creation.rate=4")
    begin = time.monotonic()
    connections = [connect(world) for _ in range(12)]
    same([is_served(c) for c in connections], [True] * 12)
    took_s = time.monotonic() - begin
    print("  12 connections at 4 a second: %.2f s" % took_s, flush=True)
    if not 1.6 <= took_s <= 3.5:
        raise AssertionError("twelve at four a second took %.2f s" % took_s)


@alone
def quota_connections_of_three_shards(folder):
    """max.connections is of all shards: of twelve, five are served"""
    world = start(folder, "gregor.shards=3", "max.connections=5")
    connections = [connect(world) for _ in range(12)]
    for connection in connections:
        connection.send("ApiVersions", 3, {})
        connection.asked = True
    time.sleep(0.5)
    served = [connection for connection in connections if is_served(connection, 0.05)]
    same(len(served), 5, "connections that are served")
    for connection in served:
        connection.close()
    waiting = [connection for connection in connections if connection not in served]
    served = [connection for connection in waiting if is_served(connection, 1)]
    same(len(served), 5, "connections that are served then")
