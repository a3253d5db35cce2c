"""CreateTopics, DeleteTopics, CreatePartitions, Metadata, DescribeTopicPartitions."""

import kafka_wire as wire
from script import ALL, ENDS, LAST, topic_id
from side import BARRIER

NOT_NAMES = ("", ".", "..", "a b", "a/b", "a,b", "a:b", "ü", "x" * 250, "tab\t", "null\0", "…")
UNKNOWN_ID = b"\x44" * 16
ME, NOBODY = 1, 78


def new(name, partitions=1, factor=1, configs=(), assignments=()):
    return dict(
        name=name,
        num_partitions=partitions,
        replication_factor=factor,
        configs=[dict(name=key, value=value) for key, value in configs],
        assignments=[
            dict(partition_index=index, broker_ids=list(ids)) for index, ids in assignments
        ],
    )


def create(ask, name, versions, *topics, **more):
    """In each version, by `{v}` in their names, topics of its own."""

    def body(version):
        return dict(
            topics=[dict(t, name=t["name"].replace("{v}", str(version))) for t in topics],
            timeout_ms=more.get("timeout_ms", 10000),
            validate_only=more.get("validate_only", False),
        )

    ask("CreateTopics", name, versions, body)


def requests(script):
    state(script.ask)
    create_topics(script.ask)
    create_partitions(script.ask)
    delete_topics(script.ask)
    metadata(script.ask)
    describe_topic_partitions(script.ask)
    bent(script)


def state(ask):
    """What the other lists use."""
    create(ask, "the barrier", LAST, new(BARRIER))
    create(
        ask,
        "topics for all",
        LAST,
        new("orders", 3),
        new("empty", 2),
        new("compact", 1, 1, [("cleanup.policy", "compact")]),
        new("stamped", 1, 1, [("message.timestamp.type", "LogAppendTime")]),
        new("small", 1, 1, [("max.message.bytes", "1000")]),
        new("gzip", 1, 1, [("compression.type", "gzip")]),
        new("strict", 1, 1, [("min.insync.replicas", "2")]),
        new("twice", 2),
        new("leaps"),
    )


def create_topics(ask):
    create(ask, "nothing", ALL)
    create(ask, "one partition", ALL, new("one-{v}"))
    create(ask, "three partitions", ALL, new("three-{v}", 3))
    create(ask, "the broker's defaults", ALL, new("defaults-{v}", -1, -1))
    create(ask, "two topics", ALL, new("two-a-{v}"), new("two-b-{v}", 2))
    create(ask, "one that is there", ALL, new("orders"))
    create(ask, "one that is there, validated", ALL, new("orders"), validate_only=True)
    create(ask, "validated", ALL, new("validated-{v}", 3), validate_only=True)
    create(ask, "one good, one bad", ALL, new("a b"), new("good-{v}"))
    create(ask, "a name twice", ALL, new("twice-{v}"), new("other-{v}"), new("twice-{v}"))
    create(ask, "a name thrice, two there", ENDS, *[new("thrice-{v}", n) for n in (1, 2, 3)])
    for name in NOT_NAMES:
        create(ask, "the name %.10r" % name, ENDS, new(name))
    create(ask, "the longest name", LAST, new("long-{v}-".ljust(250, "x")))
    create(ask, "a dot", ENDS, new("dot.{v}"))
    create(ask, "an underscore where a dot is", ENDS, new("dot_{v}"))
    create(ask, "a dot and an underscore at once", ENDS, new("c.{v}"), new("c_{v}"))
    create(ask, "a name of Kafka's own", LAST, new("__consumer_offsets", 1), validate_only=True)
    create(ask, "the metadata log's name", ENDS, new("__cluster_metadata"))
    for count in (0, -2, -(2**31)):
        create(ask, "%d partitions" % count, ENDS, new("count-{v}", count))
    for factor in (0, -2, 2, 32767, -32768):
        create(ask, "%d replicas" % factor, ENDS, new("factor-{v}", 1, factor))
    create(ask, "nothing right", ENDS, new("a b", 0, 0, [("no.such.key", "1")]))
    create(ask, "a timeout of 0", ENDS, new("timeout-{v}"), timeout_ms=0)
    create(ask, "a timeout below 0", ENDS, new("timeout-below-{v}"), timeout_ms=-1)
    create_assigned(ask)
    create_configured(ask)


def create_assigned(ask):
    def assigned(name, versions, *assignments, partitions=-1, factor=-1):
        topic = new(
            "assigned-%s-{v}" % name.replace(" ", "-").replace(",", ""),
            partitions,
            factor,
            assignments=assignments,
        )
        create(ask, "assigned: " + name, versions, topic)

    assigned("two partitions", ALL, (0, [ME]), (1, [ME]))
    assigned("not in order", ENDS, (1, [ME]), (0, [ME]))
    assigned("an unknown broker", ALL, (0, [NOBODY]))
    assigned("one known, one not", ENDS, (0, [ME, NOBODY]))
    assigned("a broker below 0", ENDS, (0, [-1]))
    assigned("no partition 0", ALL, (1, [ME]))
    assigned("a gap", ENDS, (0, [ME]), (2, [ME]))
    assigned("a partition twice", ENDS, (0, [ME]), (0, [ME]))
    assigned("a partition below 0", ENDS, (-1, [ME]))
    assigned("a broker twice", ALL, (0, [ME, ME]))
    assigned("no broker", ALL, (0, []))
    assigned("no broker for the second", ENDS, (0, [ME]), (1, []))
    assigned("unequal lengths", ENDS, (0, [ME]), (1, [ME, NOBODY]))
    assigned("and counted", ALL, (0, [ME]), partitions=1)
    assigned("and a factor", ENDS, (0, [ME]), factor=1)
    assigned("and both", ENDS, (0, [ME]), partitions=1, factor=1)
    assigned("and both wrong", ENDS, (0, [ME]), partitions=0, factor=0)


def create_configured(ask):
    def configured(name, versions, *configs):
        topic = new("configured-%d-{v}" % configured.count, 1, 1, configs)
        configured.count += 1
        create(ask, "configured: " + name, versions, topic)

    configured.count = 0
    configured("retention", ALL, ("retention.ms", "12345"))
    configured("several", ENDS, ("retention.ms", "1"), ("cleanup.policy", "compact,delete"))
    configured("an unknown key", ALL, ("no.such.key", "1"))
    configured("a key of the broker", ENDS, ("log.retention.ms", "1"))
    configured("an empty key", ENDS, ("", "1"))
    configured("no number", ALL, ("retention.ms", "soon"))
    configured("null", ALL, ("retention.ms", None))
    configured("an empty value", ENDS, ("retention.ms", ""))
    configured("spaces", ENDS, ("retention.ms", " 77 "))
    configured("too small", ENDS, ("segment.bytes", "1"))
    configured("no such word", ENDS, ("cleanup.policy", "keep"))
    configured("a key twice", ENDS, ("retention.ms", "1"), ("retention.ms", "2"))
    configured(
        "bounds that cross", ENDS, ("min.compaction.lag.ms", "9"), ("max.compaction.lag.ms", "8")
    )
    configured("two that are wrong", ENDS, ("retention.ms", "soon"), ("segment.bytes", "1"))
    configured("a remote topic", ENDS, ("remote.storage.enable", "true"))
    configured("throttled replicas", ENDS, ("leader.replication.throttled.replicas", "*"))
    configured("no throttled replicas", ENDS, ("leader.replication.throttled.replicas", "x"))


def create_partitions(ask):
    def grow(name, versions, topic, count, assignments=None, **more):
        def body(version):
            entry = dict(
                name=topic.replace("{v}", str(version)),
                count=count(version) if callable(count) else count,
                assignments=(
                    None if assignments is None else [dict(broker_ids=ids) for ids in assignments]
                ),
            )
            return dict(dict(topics=[entry], timeout_ms=10000), **more)

        ask("CreatePartitions", name, versions, body)

    create(ask, "topics that grow", LAST, new("grows"), new("grows-assigned"), new("stays", 3))
    grow("one more", ALL, "grows", lambda v: v + 2)
    grow("validated", ALL, "stays", 5, validate_only=True)
    for count in (3, 2, 0, -1, -(2**31)):
        grow("to %d of 3" % count, ENDS, "stays", count)
    grow("an unknown topic", ALL, "absent", 3)
    grow("no name", ENDS, "", 3)
    grow("a bad name", ENDS, "a b", 3)
    grow("assigned: one of two", ALL, "grows-assigned", 3, [[ME]])
    grow("assigned: three of two", ENDS, "grows-assigned", 3, [[ME]] * 3)
    grow("assigned: none of two", ENDS, "grows-assigned", 3, [])
    grow("assigned: an unknown broker", ALL, "grows-assigned", 3, [[ME], [NOBODY]])
    grow("assigned: a broker twice", ENDS, "grows-assigned", 3, [[ME], [ME, ME]])
    grow("assigned: no broker", ENDS, "grows-assigned", 3, [[ME], []])
    grow("assigned: two of two", ALL, "grows-assigned", lambda v: 2 * v + 3, [[ME], [ME]])
    grow("a timeout of 0", ENDS, "stays", 2, timeout_ms=0)
    ask("CreatePartitions", "nothing", ALL, dict(topics=[], timeout_ms=10000))
    for name, counts in (("twice", (4, 5)), ("twice and equal", (4, 4))):
        entries = [dict(name="stays", count=count, assignments=None) for count in counts]
        ask("CreatePartitions", name, ENDS, dict(topics=entries, timeout_ms=10000))
    entries = [dict(name=n, count=2, assignments=None) for n in ("absent", "two-a-7", "two-b-7")]
    ask("CreatePartitions", "three, one good", LAST, dict(topics=entries, timeout_ms=10000))


def delete_topics(ask):
    def delete(name, versions, *topics, gone=(), **more):
        """A topic is a name or, from version 6 on, a dict."""

        def body(version):
            named = [t.replace("{v}", str(version)) if isinstance(t, str) else t for t in topics]
            if version >= 6:
                wanted = [dict(name=t) if not isinstance(t, dict) else t for t in named]
                return dict(dict(topics=wanted, timeout_ms=10000), **more)
            return dict(dict(topic_names=named, timeout_ms=10000), **more)

        ask(
            "DeleteTopics",
            name,
            versions,
            body,
            gone=lambda version: [g.replace("{v}", str(version)) for g in gone],
        )

    create(ask, "topics to delete", LAST, *[new("doomed-%d" % n) for n in range(1, 7)])
    create(ask, "topics to delete by id", LAST, *[new("doomed-" + n) for n in ("id", "a", "b")])
    delete("nothing", ALL)
    delete("one", ALL, "doomed-{v}", gone=["doomed-{v}"])
    delete("one that is gone", ALL, "doomed-{v}")
    delete("an unknown one", ALL, "absent")
    delete("an empty name", ENDS, "")
    delete("a bad name", ENDS, "a b")
    delete("a name twice", ALL, "stays", "stays")
    delete("an unknown name twice", ENDS, "absent", "absent")
    delete("a timeout of 0", ENDS, "absent", timeout_ms=0)
    delete("by id", LAST, dict(name=None, topic_id=topic_id("doomed-id")), gone=["doomed-id"])
    delete("by an id that is gone", LAST, dict(name=None, topic_id=topic_id("doomed-id")))
    delete("by an unknown id", LAST, dict(name=None, topic_id=UNKNOWN_ID))
    delete("by an unknown id twice", LAST, *[dict(name=None, topic_id=UNKNOWN_ID)] * 2)
    delete("by id twice", LAST, *[dict(name=None, topic_id=topic_id("stays"))] * 2)
    stays = topic_id("stays")
    delete("by name and id", LAST, dict(name="stays", topic_id=stays))
    delete("by one's name and its id", LAST, "stays", dict(name=None, topic_id=stays))
    delete("by neither", LAST, dict(name=None))
    delete("by neither, twice", LAST, dict(name=None), dict(name=None))
    delete(
        "good and bad",
        LAST,
        "absent",
        "doomed-a",
        dict(name=None, topic_id=topic_id("doomed-b")),
        dict(name=None, topic_id=UNKNOWN_ID),
        gone=["doomed-a", "doomed-b"],
    )
    create(ask, "one that was deleted", LAST, new("doomed-a", 2))
    create(
        ask, "a name that would collide with one deleted", LAST, new("doomed.1"), new("doomed_2")
    )


def metadata(ask):
    def about(name, versions, *topics, **more):
        wanted = [dict(name=t) if not isinstance(t, dict) else t for t in topics]
        ask(
            "Metadata",
            name,
            versions,
            dict(dict(topics=wanted, allow_auto_topic_creation=False), **more),
        )

    ask("Metadata", "all topics", ALL, lambda v: dict(topics=None if v > 0 else []))
    about("no topics", range(1, 14))
    about("one", ALL, "orders")
    about("three", ALL, "orders", "empty", "compact")
    about("one twice", ENDS, "orders", "orders")
    about("an unknown one", range(4, 14), "absent")
    about("known and unknown", range(4, 14), "orders", "absent")
    for name in NOT_NAMES:
        about("the name %.10r" % name, (4, 13), name)
    about("what topics allow", range(8, 14), "orders", include_topic_authorized_operations=True)
    about(
        "what an unknown topic allows",
        range(8, 14),
        "absent",
        include_topic_authorized_operations=True,
    )
    about("what the cluster allows", range(8, 11), include_cluster_authorized_operations=True)
    about("a deleted one", (4, 13), "doomed-1")
    about("one made again", (4, 12, 13), "doomed-a")
    orders, gone = topic_id("orders"), topic_id("doomed-id")
    about("by id", range(10, 14), dict(name=None, topic_id=orders))
    about("by id and empty name", range(10, 14), dict(name="", topic_id=orders))
    about("by name and id", range(10, 14), dict(name="orders", topic_id=orders))
    about("by a name and another's id", (12, 13), dict(name="empty", topic_id=orders))
    about("by an unknown id", range(10, 14), dict(name=None, topic_id=UNKNOWN_ID))
    about("by a deleted id", (12, 13), dict(name=None, topic_id=gone))
    about("by neither", range(10, 14), dict(name=None))
    about("by id twice", (12, 13), *[dict(name=None, topic_id=orders)] * 2)
    about("by id and by name", (12, 13), dict(name=None, topic_id=orders), "empty")
    about("by an unknown id and by name", (12, 13), dict(name=None, topic_id=UNKNOWN_ID), "empty")
    for name, version in (("auto", 4), ("auto-13", 13)):
        asked = dict(topics=[dict(name=name)], allow_auto_topic_creation=True)
        ask("Metadata", "made because somebody asks", version, asked, serving=[name])
    ask(
        "Metadata",
        "versions that always make",
        (0, 3),
        lambda v: dict(topics=[dict(name="auto-%d" % v)]),
        serving=lambda v: ["auto-%d" % v],
    )
    about("what was made", (4, 13), "auto", "auto-0", "auto-3", "auto-13")


def describe_topic_partitions(ask):
    def describe(name, *topics, **more):
        wanted = [dict(name=topic) for topic in topics]
        ask("DescribeTopicPartitions", name, ALL, dict(dict(topics=wanted), **more))

    def cursor(topic, partition):
        return dict(topic_name=topic, partition_index=partition)

    describe("one", "orders")
    describe("all topics")
    describe("three, not in order", "orders", "compact", "empty")
    describe("one twice", "orders", "orders")
    describe("an unknown one", "absent")
    describe("known and unknown", "orders", "absent")
    for name in NOT_NAMES:
        describe("the name %.10r" % name, name)
    for limit in (0, -1, 1, 2, 3, 4, 2000, 2**31 - 1):
        describe("at most %d partitions" % limit, "orders", "empty", response_partition_limit=limit)
    for partition in (0, 1, 2, 3, 9, -1):
        describe("from partition %d" % partition, "orders", cursor=cursor("orders", partition))
    describe("from a topic between", "orders", "compact", cursor=cursor("empty", 1))
    describe("from a topic behind", "compact", cursor=cursor("orders", 0))
    describe("from an unknown topic", "orders", cursor=cursor("absent", 1))
    describe("all, page by page", response_partition_limit=3, cursor=cursor("orders", 1))


def bent(script):
    one = dict(topics=[new("bent-1")], timeout_ms=10000)
    script.bent("CreateTopics", lambda v: dict(one, topics=[new("bent-%d" % v)]))
    script.bent("CreatePartitions", dict(topics=[dict(name="absent", count=2, assignments=None)]))
    script.bent("DeleteTopics", dict(topics=[dict(name="absent")], topic_names=["absent"]))
    script.bent("Metadata", dict(topics=[dict(name="orders")], allow_auto_topic_creation=False))
    script.bent("DescribeTopicPartitions", dict(topics=[dict(name="orders")]))
    no_bytes = wire.NO_UUID
    script.ask(
        "Metadata", "zero id, no name", (12, 13), dict(topics=[dict(name=None, topic_id=no_bytes)])
    )
