"""kraft.version goes from 0 to 1 while the node runs: its voters come into its log. (KIP-853)"""

import os
import signal
import subprocess

import kafka_wire as wire
from node import BINARY, Gregor, same
from suite import alone

NO_DIRECTORY = wire.NO_UUID
UPGRADE, SAFE_DOWNGRADE = 1, 2


class StaticVoters(Gregor):
    """Its one voter is named by its settings: so a folder is formatted with kraft.version 0."""

    def __init__(self, folder):
        super().__init__(folder)
        self.file = os.path.join(folder, "server.properties")
        with open(self.file, "w", encoding="ascii") as file:
            print(
                "process.roles=broker,controller",
                "node.id=1",
                "controller.listener.names=CONTROLLER",
                "controller.quorum.voters=1@" + self.controllers,
                "listeners=PLAINTEXT://%s,CONTROLLER://%s" % (self.bootstrap, self.controllers),
                "log.dirs=" + self.data,
                *os.environ.get("GREGOR_SETTINGS", "").split(),
                sep="\n",
                file=file,
            )
        subprocess.run(
            [BINARY, "format", "--config", self.file, "-t", "AAAAAAAAAAAAAAAAAAAAAQ"],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def command(self):
        return [BINARY, "serve", self.file]


def level(node):
    finalized = wire.call(
        node.bootstrap, "ApiVersions", 4, client_software_name="t", client_software_version="1"
    )["finalized_features"]
    return {f["name"]: f["max_version_level"] for f in finalized}.get("kraft.version", 0)


def voter(node):
    """(its directory, the port of each of its listeners)"""
    topics = [dict(topic_name="__cluster_metadata", partitions=[dict(partition_index=0)])]
    answer = wire.call(node.bootstrap, "DescribeQuorum", 2, topics=topics)
    (voters,) = answer["topics"][0]["partitions"][0]["current_voters"]
    (who,) = answer["nodes"]
    return voters["replica_directory_id"], [one["port"] for one in who["listeners"]]


def update(node, asked, how, validate_only=False):
    updates = [dict(feature="kraft.version", max_version_level=asked, upgrade_type=how)]
    answer = wire.call(
        node.bootstrap, "UpdateFeatures", 2, feature_updates=updates, validate_only=validate_only,
        timeout_ms=10000,
    )
    return answer["error_code"]


@alone
def trap_kraft_version(folder):
    """0 becomes 1, survives a kill and a snapshot, and never becomes 0 again"""
    node = StaticVoters(folder)
    node.start()
    same((level(node), voter(node)[0]), (0, NO_DIRECTORY))
    same(update(node, 1, UPGRADE, validate_only=True), 0)
    same((level(node), voter(node)[0]), (0, NO_DIRECTORY), "when it was only asked")
    same(update(node, 1, UPGRADE), 0)
    directory, ports = voter(node)
    same((level(node), directory != NO_DIRECTORY), (1, True))
    same(ports, [int(node.controllers.split(":")[1])], "the controller's port")
    same(update(node, 1, UPGRADE), 0, "what it is already")
    for _ in range(2):
        node.end(signal.SIGKILL)
        node.start()
        same((level(node), voter(node)), (1, (directory, ports)), "after a kill")
    same(update(node, 0, SAFE_DOWNGRADE), 95, "back")
    same(node.end(), 0, "exit status")
    with open(os.path.join(node.data, "__cluster_metadata-0", "quorum-state")) as file:
        same('"data_version":1' in file.read(), True, "the file of the quorum's state")
