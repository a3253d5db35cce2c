"""How much of the log there is, while the node runs."""

import kafka_wire as wire
from node import Gregor, same, wait_until
from suite import alone
from world import World

SET, DELETE, LOGGER = 0, 1, 8
REQUESTS, SOCKETS = "kafka.request.logger", "kafka.network.SocketServer"


def set_levels(node, *changes):
    configs = [dict(name=k, config_operation=op, value=value) for k, op, value in changes]
    resources = [dict(resource_type=LOGGER, resource_name="1", configs=configs)]
    answer = wire.call(node.bootstrap, "IncrementalAlterConfigs", 1, resources=resources)
    same([r["error_code"] for r in answer["responses"]], [0], str(changes))


def lines(node, *words):
    return sum(all(word in line for word in words) for line in node.log().decode().splitlines())


@alone
def hostile_levels(folder):
    """a logger's level counts at once, on all shards, and no longer than the node runs"""
    node = Gregor(folder, "gregor.shards=3")
    node.start()
    world = World(node)
    world.topic(3)
    same(lines(node, "DEBUG"), 0, "lines at first")
    set_levels(node, (REQUESTS, SET, "DEBUG"))
    connections = [world.connect() for _ in range(30)]  # by the kernel's choice: some on each shard
    before = lines(node, "DEBUG Completed request: ApiVersions v2,", "(%s)" % REQUESTS)
    for connection in connections:
        connection.call("ApiVersions", 2)
    wait_until(
        lambda: lines(node, "DEBUG Completed request: ApiVersions v2,") == before + 30,
        what="a line for each request",
    )
    same(lines(node, "(%s)" % SOCKETS), 0, "lines of a logger that was not asked for")
    set_levels(node, (REQUESTS, DELETE, None), (SOCKETS, SET, "TRACE"))
    before = lines(node, "(%s)" % REQUESTS)
    for connection in connections:
        connection.call("ApiVersions", 2)
        connection.close()
    same(lines(node, "(%s)" % REQUESTS), before, "lines of requests when they are wanted no more")
    wait_until(lambda: lines(node, "DEBUG Closed the connection") >= 30, what="closed connections")
    changed = lines(node, "WARN Updated the log level of %s to DEBUG" % REQUESTS)
    changed += lines(node, "WARN Unset the log level of %s" % REQUESTS)
    same(changed, 2, "who changed what is in the log")
    set_levels(node, ("root", SET, "FATAL"), (SOCKETS, DELETE, None))
    same(node.end(), 0, "exit status")
    same(lines(node, "shutting down"), 0, "lines of a node that was told to be quiet")
    node.start()
    same(lines(node, "INFO") > 0, True, "it speaks again: levels are not stored")
    same(node.end(), 0, "exit status")
