"""One of the two brokers: its answers, and what it alone knows."""

import socket

import kafka_wire as wire
from node import wait_until
from script import Request

BARRIER = "barrier"
# What a healthy broker says for a moment.
LEADER_NOT_AVAILABLE, NOT_LEADER, COORDINATOR_LOADING, NOT_CONTROLLER = 5, 6, 14, 41
FOR_A_MOMENT = {LEADER_NOT_AVAILABLE, NOT_LEADER, COORDINATOR_LOADING, NOT_CONTROLLER}
# Requests that may change what later ones see. The broker of a Kafka learns of it a moment later.
CHANGES = {
    "CreateTopics",
    "DeleteTopics",
    "CreatePartitions",
    "AlterConfigs",
    "IncrementalAlterConfigs",
    "AlterClientQuotas",
    "UpdateFeatures",
}


class Outcome:
    """What became of a request: an answer, or the way in which there is none."""

    def __init__(self, kind, answer=None):
        self.kind, self.answer = kind, answer

    def is_for_a_moment(self):
        """A client would ask again."""
        return self.answer is not None and FOR_A_MOMENT.intersection(error_codes(self.answer))


def error_codes(answer):
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key.endswith("error_code"):
                yield value
            else:
                yield from error_codes(value)
    elif isinstance(answer, list):
        for item in answer:
            yield from error_codes(item)


class Side:
    def __init__(self, broker):
        self.name, self.bootstrap = type(broker).__name__, broker.bootstrap
        self.folder = broker.folder
        self.saved = {}
        self.ids, self.names = {}, {}  # of topics: the youngest id of a name; what an id is called
        self.tokens = {}  # see compare.py: values of this broker's own choice
        self.compared = set()  # the APIs that both serve
        self.connection = None
        self.barriers = 0
        self.versions = {
            a["api_key"]: (a["min_version"], a["max_version"])
            for a in self.control("ApiVersions", 2)["api_keys"]
        }

    def control(self, api, version, **body):
        """A request that is none of the list."""
        return wire.call(self.bootstrap, api, version, **body)

    # --- the list ---------------------------------------------------------------------------------

    def ask(self, request):
        outcome = self.exchange(request)
        self.learn(outcome.answer)
        return outcome

    def conclude(self, request, outcome):
        """Before the next one is asked."""
        if outcome.answer is not None:
            for key, path in request.save.items():
                self.saved[key] = at(outcome.answer, path)
        self.settle(request, outcome)

    def exchange(self, request):
        if self.connection is None:
            self.connection = wire.Connection(self.bootstrap)
        connection = self.connection
        connection.socket.settimeout(request.patience_s)
        connection.correlation += 1
        try:
            connection.send_bytes(request.frame(self, connection.correlation))
            if not request.replies:
                return self.probe(connection)
            if request.key is None:
                return Outcome("bytes", connection.receive_frame())
            answer = connection.receive(request.api, request.reads)
            if isinstance(request, Request) and connection.answered != connection.correlation:
                raise ValueError("answer %d to %d" % (connection.answered, connection.correlation))
            return Outcome("answered", answer)
        except (wire.Closed, ConnectionError):
            kind = "closed"
        except socket.timeout:
            kind = "silent"
        except ValueError as error:
            kind = "not to be read: %s" % error
        connection.close()
        self.connection = None
        return Outcome(kind)

    @staticmethod
    def probe(connection):
        """Whether a request without an answer was taken: the next answer is the next one's."""
        connection.call("ApiVersions", 0)
        return Outcome("taken")

    # --- what it alone knows ----------------------------------------------------------------------

    def learn(self, answer):
        if isinstance(answer, list):
            for item in answer:
                self.learn(item)
        elif isinstance(answer, dict):
            name = answer.get("name") or answer.get("topic")
            if name and answer.get("topic_id", wire.NO_UUID) != wire.NO_UUID:
                self.name_topic(name, answer["topic_id"])
            for item in answer.values():
                self.learn(item)

    def name_topic(self, name, uuid):
        if uuid not in self.names:
            earlier = sum(n.split("#")[0] == name for n in self.names.values())
            self.names[uuid] = name if earlier == 0 else "%s#%d" % (name, earlier + 1)
        self.ids[name] = uuid

    def describe(self, name):
        topics = [dict(name=name)]
        return self.control("Metadata", 12, topics=topics, allow_auto_topic_creation=False)[
            "topics"
        ][0]

    def topic_id(self, name):
        if name not in self.ids:
            self.learn(self.describe(name))
        return self.ids.get(name, wire.NO_UUID)

    # --- until it takes effect --------------------------------------------------------------------

    def settle(self, request, outcome):
        if self.may_have_changed(request, outcome):
            self.pass_barrier()
            if request.api in ("CreateTopics", "CreatePartitions"):
                results = outcome.answer.get("topics", outcome.answer.get("results", []))
                for topic in results:
                    if topic["error_code"] == 0:
                        self.wait_serving(topic["name"])
        for name in request.serving:
            self.wait_serving(name)
        for name in request.gone:
            wait_until(lambda: self.describe(name)["error_code"] == 3, what=name + " is gone")

    @staticmethod
    def may_have_changed(request, outcome):
        return (
            request.api in CHANGES
            and outcome.answer is not None
            and 0 in error_codes(outcome.answer)
            and not request.body.get("validate_only", False)
        )

    def pass_barrier(self):
        """Changes are seen in their order: waits until a later one of its own is seen."""
        self.barriers += 1
        value = str(10**12 + self.barriers)
        key = "retention.ms"
        config = dict(name=key, config_operation=0, value=value)
        alter = [dict(resource_type=2, resource_name=BARRIER, configs=[config])]
        answer = self.control("IncrementalAlterConfigs", 1, resources=alter)
        if answer["responses"][0]["error_code"] == 3:
            return  # the list has not made it yet
        describe = [dict(resource_type=2, resource_name=BARRIER, configuration_keys=[key])]

        def seen():
            result = self.control("DescribeConfigs", 4, resources=describe)["results"][0]
            return result["error_code"] == 0 and result["configs"][0]["value"] == value

        wait_until(seen, what="a change is seen")

    def wait_serving(self, name):
        def serving():
            topic = self.describe(name)
            if topic["error_code"] != 0:
                return False
            self.learn(topic)
            wanted = [
                dict(partition_index=p["partition_index"], timestamp=-1)
                for p in topic["partitions"]
            ]
            topics = [dict(name=name, partitions=wanted)]
            answer = self.control("ListOffsets", 7, replica_id=-1, topics=topics)
            return all(p["error_code"] == 0 for p in answer["topics"][0]["partitions"])

        wait_until(serving, what="%s: topic %s serves" % (self.name, name))


def at(answer, path):
    """at({"a": [{"b": 1}]}, "a/0/b") is 1."""
    for step in path.split("/"):
        answer = answer[int(step) if isinstance(answer, list) else step]
    return answer
