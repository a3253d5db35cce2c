"""What a test by raw requests needs: a broker, fresh topics, and requests in few words."""

import itertools
import time

import kafka_wire as wire
from node import same, wait_until

RUN = "%x" % int(time.time() * 1000)  # in names, so that a broker can be tested twice
NUMBERS = itertools.count()


def restarts(function):
    """Marks a test that ends the broker."""
    function.restarts = True
    return function


class World:
    def __init__(self, broker):
        self.broker = broker

    @property
    def bootstrap(self):
        return self.broker.bootstrap

    def connect(self):
        return wire.Connection(self.bootstrap)

    def call(self, api, version, **body):
        return wire.call(self.bootstrap, api, version, **body)

    # --- topics -----------------------------------------------------------------------------------

    def name(self, stem="t"):
        return "%s-%s-%d" % (stem, RUN, next(NUMBERS))

    def create(self, name, partitions=1, validate_only=False, version=7, **configs):
        """The answer about this topic; a config's dots are underscores here."""
        topic = dict(
            name=name,
            num_partitions=partitions,
            replication_factor=-1,
            configs=[
                dict(name=key.replace("_", "."), value=value) for key, value in configs.items()
            ],
        )
        answer = self.call(
            "CreateTopics", version, topics=[topic], timeout_ms=10000, validate_only=validate_only
        )
        return answer["topics"][0]

    def topic(self, partitions=1, **configs):
        """A new topic that takes requests."""
        name = self.name()
        same(self.create(name, partitions, **configs)["error_code"], 0, "CreateTopics")
        self.wait_for(name, partitions)
        return name

    def wait_for(self, name, partitions=1):
        def serves():
            found = self.describe(name)
            if found["error_code"] != 0 or len(found["partitions"]) < partitions:
                return False
            offsets = self.call(
                "ListOffsets",
                7,
                replica_id=-1,
                topics=[
                    dict(
                        name=name,
                        partitions=[
                            dict(partition_index=p, timestamp=-1) for p in range(partitions)
                        ],
                    )
                ],
            )
            return all(p["error_code"] == 0 for p in offsets["topics"][0]["partitions"])

        wait_until(serves, what="topic %s serves" % name)

    def describe(self, name):
        """What Metadata says of a topic; never creates it."""
        return self.call("Metadata", 12, topics=[dict(name=name)], allow_auto_topic_creation=False)[
            "topics"
        ][0]

    def topic_id(self, name):
        return self.describe(name)["topic_id"]

    def delete(self, name):
        answer = self.call("DeleteTopics", 6, topics=[dict(name=name)], timeout_ms=10000)
        return answer["responses"][0]["error_code"]

    # --- records ----------------------------------------------------------------------------------

    def produce(self, topic, records, partition=0, version=9, acks=-1, **more):
        """The answer about this partition; a topic is a name, or from v13 an id."""
        which = dict(topic_id=topic) if version >= 13 else dict(name=topic)
        answer = self.call(
            "Produce",
            version,
            acks=acks,
            timeout_ms=10000,
            topic_data=[dict(which, partition_data=[dict(index=partition, records=records)])],
            **more
        )
        return answer["responses"][0]["partition_responses"][0]

    def append(self, topic, records, partition=0):
        """Produces what must be accepted; returns the base offset."""
        answer = self.produce(topic, records, partition)
        same(answer["error_code"], 0, "Produce")
        return answer["base_offset"]

    def fetch(
        self,
        topic,
        offset=0,
        partition=0,
        version=12,
        max_wait_ms=100,
        min_bytes=1,
        max_bytes=1 << 26,
        partition_max_bytes=1 << 25,
        **more
    ):
        """The answer about this partition."""
        which = dict(topic_id=topic) if version >= 13 else dict(topic=topic)
        entry = dict(
            partition=partition, fetch_offset=offset, partition_max_bytes=partition_max_bytes
        )
        for field in ("current_leader_epoch", "last_fetched_epoch"):
            if field in more:
                entry[field] = more.pop(field)
        answer = self.call(
            "Fetch",
            version,
            max_wait_ms=max_wait_ms,
            min_bytes=min_bytes,
            max_bytes=max_bytes,
            topics=[dict(which, partitions=[entry])],
            **more
        )
        return answer["responses"][0]["partitions"][0]

    def batches(self, topic, offset=0, partition=0):
        return wire.batches(self.fetch(topic, offset, partition)["records"])

    def values(self, topic, partition=0):
        """Every value from the start to the end."""
        out, offset = [], 0
        while True:
            found = self.batches(topic, offset, partition)
            if not found:
                return out
            for batch in found:
                out += [value for at, _, _, value in batch.records() if at >= offset]
            offset = found[-1].next_offset

    def producer_id(self):
        answer = wait_until(lambda: self.init_producer_id(), what="a producer id")
        return answer["producer_id"], answer["producer_epoch"]

    def init_producer_id(self):
        """Kafka says 14 for a moment when a block of ids runs out."""
        answer = self.call("InitProducerId", 4, transactional_id=None, transaction_timeout_ms=60000)
        return answer if answer["error_code"] == 0 else None
