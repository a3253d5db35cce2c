"""The quotas of clients: what is told, how long the pause is, and whom it is for.

A window of Kafka's is ten whole samples and the one under way: of a quota of 100 bytes a second
1000 may be used at once, and what is above them is paused for at 10 ms a byte.
"""

import time

import kafka_wire as wire
from node import same, wait_until
from quotas import clear, connect, set_quota

QUOTA = 100  # bytes a second
FREE = 10 * QUOTA  # bytes at once
MS_PER_BYTE = 1000 // QUOTA


def produce_body(topic, value, version=9, acks=-1):
    return dict(
        acks=acks,
        timeout_ms=10000,
        topic_data=[
            dict(name=topic, partition_data=[dict(index=0, records=wire.batch([b"x" * value]))])
        ],
    )


def request_size(client, api, version, body):
    """What Kafka meters: header and body, without the length before them."""
    message = wire.MESSAGES["request", api]
    codec = wire.Codec(message, version)
    header = wire.request_header(message.id, version, 0, codec.flexible, client)
    return len(header + codec.encode(body))


def elapsed_ms(start):
    return (time.monotonic() - start) * 1000


def close_to(got, want, slack, what=""):
    if not want - 1 <= got <= want + slack:
        raise AssertionError("%s is %r, not from %r to %r" % (what, got, want, want + slack))


def quota_produce_tells_and_pauses(world):
    """produced bytes above the quota: the pause to the millisecond, and then it is made"""
    clear(world)
    topic = world.topic()
    client = world.name("p")
    set_quota(world, {"client-id": client}, producer_byte_rate=QUOTA)
    body = produce_body(topic, 500)
    size = request_size(client, "Produce", 9, body)
    with connect(world, client) as connection:
        same(connection.call("Produce", 9, **body)["throttle_time_ms"], 0)
        # The pipelined ones are not even looked at before the pause is over.
        sent = time.monotonic()
        connection.send("Produce", 9, body)
        connection.send("ApiVersions", 3, {})
        answer = connection.receive("Produce", 9)
        told = answer["throttle_time_ms"]
        # What has passed since the first of them is taken off.
        close_to(told, (2 * size - FREE) * MS_PER_BYTE - 300, 300, "the pause")
        same(answer["responses"][0]["partition_responses"][0]["error_code"], 0)
        if elapsed_ms(sent) > 1000:
            raise AssertionError("the answer itself was held back")
        connection.socket.settimeout(told / 1000 + 5)
        connection.receive("ApiVersions", 3)
        close_to(elapsed_ms(sent), told, 1500, "the time until the next answer")
    clear(world)


def quota_no_acks_pauses(world):
    """acks=0 gets no answer, and pauses all the same"""
    clear(world)
    topic = world.topic()
    client = world.name("p")
    set_quota(world, {"client-id": client}, producer_byte_rate=QUOTA)
    body = produce_body(topic, 1100, acks=0)
    want = (request_size(client, "Produce", 9, body) - FREE) * MS_PER_BYTE
    with connect(world, client) as connection:
        start = time.monotonic()
        connection.send("Produce", 9, body)
        connection.call("ApiVersions", 3)
        close_to(elapsed_ms(start), want, 1500, "the pause")
    clear(world)


def quota_others_do_not_pause(world):
    """a pause is for one connection; other clients have their own quota or none"""
    clear(world)
    topic = world.topic()
    one, other = world.name("p"), world.name("p")
    set_quota(world, {"client-id": None}, producer_byte_rate=QUOTA)
    body = produce_body(topic, 1500)
    with connect(world, one) as first, connect(world, other) as second:
        if first.call("Produce", 9, **body)["throttle_time_ms"] < 5000:
            raise AssertionError("the first is not throttled")
        start = time.monotonic()
        same(second.call("Produce", 9, **produce_body(topic, 100))["throttle_time_ms"], 0)
        with connect(world, one) as again:  # the same client, by another connection
            again.call("ApiVersions", 3)
            if again.call("Produce", 9, **produce_body(topic, 1))["throttle_time_ms"] < 5000:
                raise AssertionError("another connection gets another quota")
        if elapsed_ms(start) > 2000:
            raise AssertionError("others waited for it")
    clear(world)


def quota_fetch_is_empty_when_over(world):
    """fetched bytes above the quota: nothing but the pause; afterwards the records"""
    clear(world)
    topic = world.topic()
    for _ in range(4):
        world.append(topic, wire.batch([b"y" * 500]))
    client = world.name("f")
    set_quota(world, {"client-id": client}, consumer_byte_rate=QUOTA)

    def body(offset):
        entry = dict(partition=0, fetch_offset=offset, partition_max_bytes=600)
        return dict(
            max_wait_ms=100,
            min_bytes=1,
            max_bytes=1 << 20,
            session_epoch=-1,
            topics=[dict(topic=topic, partitions=[entry])],
        )

    with connect(world, client) as connection:
        first = connection.call("Fetch", 12, **body(0))
        same(first["throttle_time_ms"], 0)
        found = wire.batches(first["responses"][0]["partitions"][0]["records"])
        same(len(found), 1, "batches within what may be fetched at once")
        size = 4 + len(wire.Codec(wire.MESSAGES["response", "Fetch"], 12).encode(first))
        start = time.monotonic()
        second = connection.call("Fetch", 12, **body(1))
        told = second["throttle_time_ms"]
        close_to(told, (2 * size - FREE) * MS_PER_BYTE - 300, 300, "the pause")
        same((second["error_code"], second["responses"]), (0, []))
        # What was not sent was not used: after the pause there is room for it.
        third = connection.call("Fetch", 12, **body(1))
        close_to(elapsed_ms(start), told, 1500, "the pause made")
        if third["throttle_time_ms"] == 0:
            same(third["responses"][0]["partitions"][0]["error_code"], 0)

        def fetched():
            answer = connection.call("Fetch", 12, **body(1))
            return answer["throttle_time_ms"] == 0 and answer["responses"]

        wait_until(fetched, 30, "the records after the pause")
    clear(world)


def quota_session_survives_a_pause(world):
    """an incremental fetch over its quota keeps its session and loses no news"""
    clear(world)
    topic = world.topic()
    client = world.name("f")
    set_quota(world, {"client-id": client}, consumer_byte_rate=QUOTA)
    entry = dict(partition=0, fetch_offset=0, partition_max_bytes=600)
    shape = dict(max_wait_ms=100, min_bytes=1, max_bytes=1 << 20)
    with connect(world, client) as connection:
        first = connection.call(
            "Fetch", 12, session_epoch=0, topics=[dict(topic=topic, partitions=[entry])], **shape
        )
        session = first["session_id"]
        if session == 0 or first["error_code"] != 0:
            raise AssertionError("no session: %r" % first)
        for _ in range(2):
            world.append(topic, wire.batch([b"z" * 700]))
        epoch, seen, offset, throttled = 1, [], 0, 0
        deadline = time.monotonic() + 60
        while len(seen) < 2 and time.monotonic() < deadline:
            entry = dict(partition=0, fetch_offset=offset, partition_max_bytes=1 << 20)
            answer = connection.call(
                "Fetch",
                12,
                session_id=session,
                session_epoch=epoch,
                topics=[dict(topic=topic, partitions=[entry])],
                **shape
            )
            epoch += 1
            same((answer["error_code"], answer["session_id"]), (0, session))
            if answer["throttle_time_ms"] > 0:
                same(answer["responses"], [])
                throttled += 1
                continue
            for response in answer["responses"]:
                for batch in wire.batches(response["partitions"][0]["records"]):
                    seen.append(batch)
                    offset = batch.next_offset
        same(len(seen), 2, "batches seen")
        if throttled == 0:
            raise AssertionError("nothing was throttled")
    clear(world)


def quota_change_acts_at_once(world):
    """a quota that is raised or removed counts for the next request"""
    clear(world)
    topic = world.topic()
    client = world.name("p")
    set_quota(world, {"client-id": client}, producer_byte_rate=QUOTA)
    with connect(world, client) as connection:
        told = connection.call("Produce", 9, **produce_body(topic, 1000))["throttle_time_ms"]
        if not 500 <= told <= 3000:
            raise AssertionError("a pause of %d ms" % told)
        set_quota(world, {"client-id": client}, producer_byte_rate=1 << 30)
        same(connection.call("Produce", 9, **produce_body(topic, 5000))["throttle_time_ms"], 0)
        set_quota(world, {"client-id": client}, producer_byte_rate=None)
        same(connection.call("Produce", 9, **produce_body(topic, 5000))["throttle_time_ms"], 0)
    clear(world)


def quota_of_a_user(world):
    """who does not say who he is is the user ANONYMOUS; all his client ids share"""
    clear(world)
    topic = world.topic()
    set_quota(world, {"user": "ANONYMOUS"}, producer_byte_rate=QUOTA)
    set_quota(world, {"user": "somebody"}, producer_byte_rate=1)
    told = []
    for _ in range(2):
        with connect(world, world.name("u")) as connection:
            told.append(
                connection.call("Produce", 9, **produce_body(topic, 700))["throttle_time_ms"]
            )
    same(told[0], 0)
    if told[1] < 3000:
        raise AssertionError("the second client id has a quota of its own: %d ms" % told[1])
    clear(world)


def quota_of_time(world):
    """request_percentage: who takes more of a thread's time pauses, a sample at most"""
    clear(world)
    client = world.name("r")
    set_quota(world, {"client-id": client}, request_percentage=0.00001)
    with connect(world, client) as connection:
        start, told = time.monotonic(), []
        for _ in range(4):
            told.append(connection.call("Metadata", 12, topics=None)["throttle_time_ms"])
        same([ms for ms in told if not 0 <= ms <= 1000], [], "pauses")
        if max(told) < 900:
            raise AssertionError("pauses of %r ms" % told)
        close_to(elapsed_ms(start), sum(told[:-1]), 1500, "the time of all")
    clear(world)


def mutate(connection, world, version, partitions):
    name = world.name("m")
    answer = connection.call(
        "CreateTopics",
        version,
        topics=[dict(name=name, num_partitions=partitions, replication_factor=1)],
        timeout_ms=10000,
    )
    (topic,) = answer["topics"]
    return name, topic["error_code"], topic["error_message"], answer["throttle_time_ms"]


def quota_of_changes(world):
    """changes of topics: error 89 for who knows it, a pause for who does not"""
    clear(world)
    client = world.name("m")
    # A bucket of eleven: twelve are let through, and leave it overdrawn by one.
    set_quota(world, {"client-id": client}, controller_mutation_rate=1)
    with connect(world, client) as connection:
        name, error, _, told = mutate(connection, world, 7, 12)
        same((error, told), (0, 0))
        _, error, text, told = mutate(connection, world, 7, 1)
        same((error, text), (89, None))
        close_to(told, 500, 500, "the pause")
        world.wait_for(name, 12)
        # Whoever does not know the error gets what he wants, and pauses.
        start = time.monotonic()
        _, error, _, told = mutate(connection, world, 5, 3)
        same(error, 0)
        close_to(told, 1500, 1500, "the pause of an old client")
        answer = connection.call(
            "CreatePartitions", 3, topics=[dict(name=name, count=13, assignments=None)], timeout_ms=10000
        )
        close_to(elapsed_ms(start), told, 1500, "the pause made")
        error = answer["results"][0]["error_code"]
        if error == 89:  # overdrawn still, by what has not come back to the millisecond
            same(answer["results"][0]["error_message"], None)
    with connect(world, client) as connection:
        mutate(connection, world, 5, 6)
    with connect(world, client) as connection:
        answer = connection.call("DeleteTopics", 6, topics=[dict(name=name)], timeout_ms=10000)
        (gone,) = answer["responses"]
        same((gone["error_code"], gone["error_message"]), (89, None))
        if answer["throttle_time_ms"] < 1000:
            raise AssertionError("a pause of %d ms" % answer["throttle_time_ms"])
    with connect(world, client) as connection:
        answer = connection.call(
            "CreatePartitions", 3, topics=[dict(name=name, count=14, assignments=None)], timeout_ms=10000
        )
        same(answer["results"][0]["error_code"], 89)
    with connect(world, world.name("n")) as connection:  # who has no quota
        same(mutate(connection, world, 7, 20)[1], 0)
    clear(world)


def quota_of_created_topics(world):
    """topics that create themselves are changes of who asks for them, and no others'"""
    clear(world)
    client = world.name("a")
    set_quota(world, {"client-id": client}, controller_mutation_rate=1)

    def created(connection, names):
        topics = [dict(name=name) for name in names]
        answer = connection.call(
            "Metadata", 12, topics=topics, allow_auto_topic_creation=True, include_topic_authorized_operations=False
        )
        same(answer["throttle_time_ms"], 0, "a pause, which an answer about topics has none of")
        return sum(topic["error_code"] == 0 for topic in answer["topics"])

    # A bucket of eleven, refilled by one a second: twelve, and what the test's time adds.
    names = [world.name("auto") for _ in range(30)]
    with connect(world, client) as connection:
        start = time.monotonic()
        created(connection, names)
        time.sleep(0.5)
        count = created(connection, names)
        if not 12 <= count <= 13 + (time.monotonic() - start):
            raise AssertionError("%d of 30 topics in a second" % count)
    with connect(world, world.name("n")) as connection:  # who has no quota
        created(connection, names)
        wait_until(lambda: created(connection, names) == 30, what="the others are created")
    clear(world)
