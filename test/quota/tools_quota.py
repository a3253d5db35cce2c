"""kafka-configs against gregor and against a Kafka: it prints the same."""

import os
import subprocess

from node import LIB, Gregor, Kafka, same
from suite import alone

ALICE = ["--entity-type", "users", "--entity-name", "alice"]
COMMANDS = [
    ["--alter", "--add-config", "producer_byte_rate=1024,consumer_byte_rate=2048", *ALICE],
    ["--alter", "--add-config", "request_percentage=200", "--entity-type", "clients",
     "--entity-name", "app"],
    ["--alter", "--add-config", "controller_mutation_rate=5", "--entity-type", "users",
     "--entity-default"],
    ["--alter", "--add-config", "producer_byte_rate=7", *ALICE, "--entity-type", "clients",
     "--entity-default"],
    ["--alter", "--add-config", "connection_creation_rate=50", "--entity-type", "ips",
     "--entity-name", "127.0.0.9"],
    ["--alter", "--add-config", "connection_creation_rate=60", "--entity-type", "ips",
     "--entity-default"],
    ["--describe", *ALICE],
    ["--describe", "--entity-type", "users", "--entity-default"],
    ["--describe", "--entity-type", "clients", "--entity-name", "app"],
    ["--describe", *ALICE, "--entity-type", "clients", "--entity-default"],
    ["--describe", "--entity-type", "ips", "--entity-name", "127.0.0.9"],
    ["--describe", "--entity-type", "ips", "--entity-default"],
    ["--alter", "--delete-config", "consumer_byte_rate", *ALICE],
    ["--describe", *ALICE],
    ["--alter", "--delete-config", "consumer_byte_rate", *ALICE],
    ["--alter", "--add-config", "producer_byte_rate=0", *ALICE],
    ["--alter", "--add-config", "connection_creation_rate=1", "--entity-type", "ips",
     "--entity-name", "1.2.3.4.5"],
]


def configs(bootstrap, words):
    """What it prints; where a stack trace begins, nothing more."""
    done = subprocess.run(
        [os.path.join(LIB, "kafka"), "run", "configs", "--bootstrap-server", bootstrap, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("\tat ")]
    return done.returncode, [line.replace(bootstrap, "HOST:PORT") for line in lines]


@alone
def quota_kafka_configs(folder):
    """kafka-configs for users, clients and ips prints what it prints against Kafka"""
    gregor, kafka = Gregor(os.path.join(folder, "gregor")), Kafka(os.path.join(folder, "kafka"))
    gregor.start()
    kafka.start()
    try:
        described = 0
        for words in COMMANDS:
            want, got = configs(kafka.bootstrap, words), configs(gregor.bootstrap, words)
            same(got, want, " ".join(words))
            described += any("are " in line for line in got[1])
        if described < 5:
            raise AssertionError("only %d commands described something" % described)
    finally:
        kafka.end()
