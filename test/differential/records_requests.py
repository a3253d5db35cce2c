"""InitProducerId, Produce, DescribeProducers, Fetch."""

import kafka_wire as wire
from script import ALL, ENDS, LAST, Known, saved, topic_id
from topics_requests import UNKNOWN_ID

HOUR_MS = 3600 * 1000
THEN = wire.now_ms() - HOUR_MS  # one clock for both, and no retention is as short
CODECS = {"none": wire.NONE, "gzip": wire.GZIP}
UNUSED_CODECS = (5, 6, 7)


def records(*values, **header):
    return wire.batch(list(values), **dict(dict(timestamp=THEN), **header))


def of_producer(name, sequence, *values, epoch=0, **header):
    """A batch of the producer whose id was saved under that name."""
    return Known(
        lambda side: records(
            *values,
            producer_id=side.saved[name],
            producer_epoch=epoch,
            sequence=sequence,
            **header,
        )
    )


def produce(ask, name, versions, topic, data, partition=0, acks=-1, **more):
    """`data`: of one partition, or {partition: data}."""
    partitions = data if isinstance(data, dict) else {partition: data}
    entry = dict(
        name=topic,
        topic_id=topic if isinstance(topic, (bytes, Known)) else topic_id(topic),
        partition_data=[dict(index=p, records=d) for p, d in partitions.items()],
    )
    if not isinstance(topic, str):
        entry["name"] = ""
    body = dict(acks=acks, timeout_ms=10000, topic_data=[entry])
    options = {k: more.pop(k) for k in list(more) if k in ("replies", "patience_s")}
    ask("Produce", name, versions, dict(body, **more), **options)


def requests(script):
    ask = script.ask
    init_producer_id(ask)
    produce_good(ask)
    produce_bad(ask)
    produce_idempotent(ask)
    describe_producers(ask)
    fetch(ask)
    fetch_limits(ask)
    fetch_epochs(ask)
    fetch_sessions(ask)
    bent(script)


def init_producer_id(ask):
    plain = dict(transactional_id=None, transaction_timeout_ms=60000)
    ask("InitProducerId", "a producer", ALL, plain)
    ask("InitProducerId", "the first one", LAST, plain, save={"first": "producer_id"})
    ask("InitProducerId", "the second one", LAST, plain, save={"second": "producer_id"})
    for timeout in (0, -1, 2**31 - 1):
        body = dict(plain, transaction_timeout_ms=timeout)
        ask("InitProducerId", "a timeout of %d" % timeout, ENDS, body)
    for producer, epoch in ((5, -1), (-1, 5), (5, 5), (-2, -2), (2**62, 0)):
        body = dict(plain, producer_id=producer, producer_epoch=epoch)
        ask("InitProducerId", "producer %d, epoch %d" % (producer, epoch), (3, 4, 5), body)
    body = dict(plain, producer_id=saved("first"), producer_epoch=0)
    ask("InitProducerId", "the first one again", (3, 4, 5), body)
    ask("InitProducerId", "an empty transactional id", ENDS, dict(plain, transactional_id=""))


def produce_good(ask):
    produce(ask, "a record", ALL, "orders", records(b"v"))
    produce(ask, "three records", ALL, "orders", records(b"a", b"b", b"c"), 1)
    produce(ask, "acks=1", ALL, "orders", records(b"v"), acks=1)
    produce(ask, "keys and values", ENDS, "orders", records((b"k", b"v"), (None, None), (b"", b"")))
    produce(ask, "a key without a value", ENDS, "compact", records((b"k", None)))
    stepped = [
        records(b"1", b"2", b"3", timestamp=THEN + n * 1000, timestamp_step=10) for n in range(5)
    ]
    for n, batch in enumerate(stepped):
        produce(ask, "records over time %d" % n, LAST, "orders", batch, 2)
    packed = records(b"a" * 500, b"b" * 500, attributes=wire.GZIP, compress=wire.gzip)
    produce(ask, "gzip", ALL, "orders", packed)
    produce(ask, "gzip where gzip is set", ENDS, "gzip", packed)
    produce(ask, "gzip where gzip is set, one batch plain", ENDS, "gzip", records(b"plain"))
    produce(ask, "where the broker stamps", ALL, "stamped", records(b"v"))
    produce(ask, "gzip where the broker stamps", ENDS, "stamped", packed)
    produce(
        ask,
        "stamped by the producer",
        ENDS,
        "orders",
        records(b"v", attributes=wire.LOG_APPEND_TIME),
    )
    produce(ask, "three partitions", ENDS, "orders", {n: records(b"v") for n in range(3)})
    produce(
        ask,
        "three partitions, one bad",
        ENDS,
        "orders",
        {0: records(b"x"), 1: records(b"x", crc=1), 9: records(b"x")},
    )
    produce(ask, "no partitions", ENDS, "orders", {})
    ask("Produce", "no topics", ALL, dict(acks=-1, timeout_ms=1000, topic_data=[]))
    twice = dict(
        name="twice",
        topic_id=topic_id("twice"),
        partition_data=[dict(index=0, records=records(b"v"))],
    )
    ask("Produce", "a topic twice", ENDS, dict(acks=-1, timeout_ms=1000, topic_data=[twice, twice]))
    with_leader = records(b"v", leader_epoch=7)
    produce(ask, "an epoch of leadership", ENDS, "orders", with_leader)
    produce(
        ask,
        "bytes as large as the limit",
        ENDS,
        "small",
        records(b"x" * (1000 - len(records(b"")) - 3)),
    )
    produce(ask, "an old timestamp", ENDS, "orders", records(b"v", timestamp=0, max_timestamp=0))
    produce(ask, "no timestamp", ENDS, "orders", records(b"v", timestamp=-1, max_timestamp=-1))
    produce(
        ask, "the largest timestamp wrong", ENDS, "orders", records(b"v", max_timestamp=THEN + 5)
    )
    produce(ask, "acks=0", ALL, "orders", records(b"quiet"), acks=0, replies=False)
    produce(ask, "acks=0, two", ENDS, "orders", records(b"quiet"), 1, acks=0, replies=False)


def produce_bad(ask):
    good = records(b"v")
    produce(ask, "an unknown topic", range(3, 13), "absent", good)
    produce(ask, "a bad name", (3, 12), "a b", good)
    produce(ask, "no name", (3, 12), "", good)
    produce(ask, "an unknown id", LAST, UNKNOWN_ID, good)
    produce(ask, "no id", LAST, wire.NO_UUID, good)
    produce(ask, "a deleted topic's id", LAST, topic_id("doomed-id"), good)
    for partition in (3, -1, 2**31 - 1):
        produce(ask, "partition %d" % partition, ENDS, "orders", good, partition)
    for acks in (2, -2, 32767):
        produce(ask, "acks=%d" % acks, ENDS, "orders", good, acks=acks)
    produce(ask, "a wrong CRC", ALL, "orders", records(b"v", crc=1))
    produce(ask, "two batches", ENDS, "orders", good + records(b"w", base_offset=1))
    produce(ask, "a base offset", ENDS, "orders", records(b"v", base_offset=5))
    produce(
        ask,
        "a control batch",
        ENDS,
        "orders",
        records((b"\0\0\0\0", b"\0" * 6), attributes=wire.CONTROL),
    )
    produce(ask, "more than it has", ENDS, "orders", records(b"v", count=2, last_delta=1))
    produce(ask, "fewer than it has", ENDS, "orders", records(b"v", b"w", count=1, last_delta=0))
    produce(ask, "a wrong last offset", ENDS, "orders", records(b"v", last_delta=3))
    produce(ask, "no records in a batch", ENDS, "orders", records(last_delta=0))
    produce(ask, "a count below 0", ENDS, "orders", records(b"v", count=-1))
    for magic in (0, 1, 3, -1):
        produce(ask, "magic %d" % magic, ENDS, "orders", records(b"v", magic=magic))
    produce(ask, "no bytes", ENDS, "orders", b"")
    produce(ask, "half a header", ENDS, "orders", good[:30])
    produce(ask, "half a batch", ENDS, "orders", good[:-1])
    produce(ask, "a byte behind", ENDS, "orders", good + b"\0")
    produce(ask, "a length below the header", ENDS, "orders", records(b"v", length=10))
    produce(ask, "a length below 0", ENDS, "orders", records(b"v", length=-1))
    produce(ask, "a length over the end", ENDS, "orders", records(b"v", length=10**6))
    for codec in UNUSED_CODECS:
        produce(ask, "codec %d" % codec, ENDS, "orders", records(b"v", attributes=codec))
    produce(ask, "gzip that is none", ENDS, "orders", records(b"v", attributes=wire.GZIP))
    produce(ask, "bits that nobody uses", ENDS, "orders", records(b"v", attributes=0x7F80))
    body = wire.record(b"a", delta=0) + wire.record(b"b", delta=5)
    produce(ask, "offsets that leap", ENDS, "leaps", wire.batch_of_bytes(body, 2, timestamp=THEN))
    produce(ask, "too large", ENDS, "small", records(b"x" * 1000))
    produce(ask, "too large, three records", ENDS, "small", records(*[b"x" * 400] * 3))
    produce(ask, "without a key where one is needed", ALL, "compact", records(b"v"))
    produce(
        ask, "three, one without a key", ENDS, "compact", records((b"k", b"v"), b"v", (b"k", b"v"))
    )
    late = records(b"v", b"w", timestamp=THEN + HOUR_MS, timestamp_step=9 * HOUR_MS)
    produce(ask, "of the future", ENDS, "orders", late)
    produce(ask, "too few in sync", ENDS, "strict", good)
    produce(ask, "too few in sync, acks=1", ENDS, "strict", good, acks=1)
    for topic, data in (("orders", records(b"v", crc=1)), ("small", records(b"x" * 1000))):
        produce(ask, "acks=0, refused by " + topic, ENDS, topic, data, acks=0, replies=False)
    produce(ask, "acks=0, an unknown topic", (3, 12), "absent", good, acks=0, replies=False)
    produce(ask, "a topic of Kafka's own", (3, 12), "__cluster_metadata", good)


def produce_idempotent(ask):
    def first(name, sequence, *values, versions=ENDS, partition=0, **header):
        produce(
            ask,
            name,
            versions,
            "empty",
            of_producer("first", sequence, *values, **header),
            partition,
        )

    first("idempotent: the first batch", 0, b"a", b"b", versions=LAST)
    first("idempotent: again", 0, b"a", b"b", versions=ALL)
    first("idempotent: the next", 2, b"c", versions=LAST)
    first("idempotent: a gap", 5, b"d")
    first("idempotent: an old one", 0, b"a")
    first("idempotent: again, another length", 0, b"a", b"b", b"c")
    first("idempotent: five more", 3, *[b"e"] * 5, versions=LAST)
    for n in range(6):
        first("idempotent: one by one %d" % n, 8 + n, b"f", versions=LAST)
    first("idempotent: out of memory", 2, b"c")
    first("idempotent: begins in the middle", 7, b"a", partition=1)
    first("idempotent: an epoch below 0", 0, b"a", epoch=-1)
    first("idempotent: a sequence below 0", -1, b"a")
    first("idempotent: a sequence far below 0", -5, b"a")
    first("idempotent: a new epoch, not from 0", 14, b"a", epoch=1)
    first("idempotent: a new epoch", 0, b"a", epoch=1, versions=LAST)
    first("idempotent: the old epoch", 14, b"a", epoch=0)
    first("idempotent: a much newer epoch", 0, b"a", epoch=9, versions=LAST)
    second = of_producer("second", 2**31 - 2, b"a", b"b")
    produce(ask, "idempotent: near the last sequence", ENDS, "empty", second)
    unknown = records(b"a", producer_id=2**40, producer_epoch=3, sequence=7)
    produce(ask, "idempotent: a producer nobody knows", LAST, "empty", unknown)
    two = of_producer("second", 0, b"a")
    produce(ask, "idempotent: another producer", LAST, "empty", two, 1)
    marked = records(b"v", attributes=wire.TRANSACTIONAL)
    produce(ask, "transactional without a transaction", ENDS, "orders", marked)


def describe_producers(ask):
    def describe(name, topic, *partitions):
        topics = [dict(name=topic, partition_indexes=list(partitions))]
        ask("DescribeProducers", name, ALL, dict(topics=topics))

    describe("one partition", "empty", 0)
    describe("two partitions", "empty", 0, 1)
    describe("no producer", "compact", 0)
    describe("a partition twice", "empty", 0, 0)
    describe("no partitions", "empty")
    for partition in (2, -1, 2**31 - 1):
        describe("partition %d" % partition, "empty", partition)
    describe("an unknown topic", "absent", 0)
    describe("a bad name", "a b", 0)
    describe("no name", "", 0)
    describe("a deleted topic", "doomed-1", 0)
    ask("DescribeProducers", "nothing", ALL, dict(topics=[]))
    both = [dict(name=n, partition_indexes=[0]) for n in ("empty", "absent", "orders")]
    ask("DescribeProducers", "three topics", ALL, dict(topics=both))


# --- Fetch ----------------------------------------------------------------------------------------


def asked(topic, *partitions, **more):
    """A topic to fetch; partitions are (index, offset) or dicts."""
    return dict(
        topic=topic if isinstance(topic, str) else "",
        topic_id=topic_id(topic) if isinstance(topic, str) else topic,
        partitions=[
            (
                dict(p, partition_max_bytes=p.get("partition_max_bytes", 1 << 20))
                if isinstance(p, dict)
                else dict(
                    dict(partition=p[0], fetch_offset=p[1], partition_max_bytes=1 << 20), **more
                )
            )
            for p in partitions
        ],
    )


def get(ask, name, versions, *topics, options=None, **more):
    body = dict(max_wait_ms=50, min_bytes=0, max_bytes=1 << 24, topics=list(topics))
    ask("Fetch", name, versions, dict(body, **more), **(options or {}))


def fetch(ask):
    get(ask, "from the start", ALL, asked("orders", (0, 0)))
    get(ask, "in the middle of a batch", ALL, asked("orders", (1, 1)))
    get(ask, "three partitions", ENDS, asked("orders", (0, 0), (1, 0), (2, 0)))
    get(ask, "two topics", ENDS, asked("orders", (1, 0)), asked("empty", (0, 0)))
    for topic in ("compact", "stamped", "gzip", "small", "empty", "strict", "twice", "leaps"):
        get(ask, "all of " + topic, ENDS, asked(topic, (0, 0)))
    get(ask, "at the end", ENDS, asked("small", (0, 2)))
    for offset in (9999, -1, -2, -(2**63), 2**63 - 1):
        get(ask, "offset %d" % offset, ENDS, asked("orders", (0, offset)))
    for partition in (3, -1, 2**31 - 1):
        get(ask, "partition %d" % partition, ENDS, asked("orders", (partition, 0)))
    get(ask, "an unknown topic", range(4, 13), asked("absent", (0, 0)))
    get(ask, "known and unknown", (4, 12), asked("orders", (1, 0)), asked("absent", (0, 0)))
    get(ask, "a bad name", (4, 12), asked("a b", (0, 0)))
    get(ask, "no name", (4, 12), asked("", (0, 0)))
    get(ask, "an unknown id", range(13, 19), asked(UNKNOWN_ID, (0, 0)))
    get(ask, "no id", (13, 18), asked(wire.NO_UUID, (0, 0)))
    get(ask, "a deleted topic's id", (13, 18), asked(topic_id("doomed-id"), (0, 0)))
    get(
        ask,
        "a known and an unknown id",
        (13, 18),
        asked("small", (0, 0)),
        asked(UNKNOWN_ID, (0, 0)),
    )
    get(ask, "no topics", ALL)
    get(ask, "no partitions", ENDS, asked("orders"))
    get(ask, "a partition twice", ENDS, asked("small", (0, 0), (0, 1)))
    get(ask, "a topic twice", ENDS, asked("small", (0, 0)), asked("small", (0, 1)))
    for level in (1, 2, -1):
        get(ask, "isolation level %d" % level, ENDS, asked("orders", (0, 0)), isolation_level=level)
    get(ask, "a rack", (11, 18), asked("small", (0, 0)), rack_id="elsewhere")
    for cluster in ("no-such-cluster", "", None):
        get(ask, "cluster %r" % cluster, (12, 18), asked("small", (0, 0)), cluster_id=cluster)
    get(ask, "a debugger", (4, 14), asked("small", (0, 0)), replica_id=-2)
    get(ask, "the future's observer", (4, 14), asked("small", (0, 0)), replica_id=-3)
    get(ask, "a follower nobody knows", (4, 14), asked("small", (0, 0)), replica_id=7)
    state = dict(replica_id=7, replica_epoch=3)
    get(ask, "a follower nobody knows", (15, 18), asked("small", (0, 0)), replica_state=state)
    get(ask, "the metadata log", (4, 12), asked("__cluster_metadata", (0, 0)))


def fetch_limits(ask):
    whole = 1 << 20

    def part(size, partition=0):
        return dict(partition=partition, fetch_offset=0, partition_max_bytes=size)

    for size in (0, 1, 60, 61, 80, 100, 150, 200, 1000, -1, 2**31 - 1):
        get(ask, "%d bytes of a partition" % size, ENDS, asked("orders", part(size, 2)))
        get(ask, "%d bytes in all" % size, ENDS, asked("orders", part(whole, 2)), max_bytes=size)
    for size in (0, 100, 300):
        topic = asked("orders", *[part(whole, n) for n in (2, 1, 0)])
        get(ask, "three partitions, %d bytes" % size, ENDS, topic, max_bytes=size)
    get(ask, "a wait for bytes that are there", ENDS, asked("small", (0, 0)), min_bytes=1)
    get(ask, "a wait in vain", ENDS, asked("small", (0, 2)), min_bytes=1)
    get(ask, "no wait", ENDS, asked("small", (0, 2)), min_bytes=1, max_wait_ms=0)
    get(ask, "a wait below 0", ENDS, asked("small", (0, 2)), min_bytes=1, max_wait_ms=-1)
    get(ask, "min_bytes below 0", ENDS, asked("small", (0, 0)), min_bytes=-1)
    get(ask, "a wait with an error", ENDS, asked("small", (0, 99)), min_bytes=1, max_wait_ms=20000)


def fetch_epochs(ask):
    for epoch in (-1, 0, 1, 5, -2):
        topic = asked("small", (0, 0), current_leader_epoch=epoch)
        get(ask, "leader epoch %d" % epoch, (9, 11, 12, 18), topic)
    for epoch, offset in ((0, 1), (0, 99), (1, 1), (-2, 0), (5, 0)):
        topic = asked("small", (0, offset), last_fetched_epoch=epoch)
        get(ask, "last epoch %d at %d" % (epoch, offset), (12, 15, 18), topic)
    topic = asked("small", (0, 0), log_start_offset=5)
    get(ask, "a log start", ENDS, topic)
    topic = asked("small", (0, 2), high_watermark=0)
    get(ask, "a high watermark", LAST, topic, max_wait_ms=300, min_bytes=1)


def fetch_sessions(ask):
    versions = (7, 12, 13, 18)
    opened = dict(save={"session": "session_id"})
    for version in versions:
        get(
            ask,
            "open a session",
            version,
            asked("orders", (0, 0), (1, 0)),
            session_epoch=0,
            options=opened,
        )
        session = dict(session_id=saved("session"))
        get(ask, "what is new", version, session_epoch=1, **session)
        get(ask, "a partition more", version, asked("small", (0, 0)), session_epoch=2, **session)
        get(ask, "another offset", version, asked("orders", (1, 3)), session_epoch=3, **session)
        forgotten = dict(topic="orders", topic_id=topic_id("orders"), partitions=[0])
        get(
            ask,
            "a partition less",
            version,
            session_epoch=4,
            forgotten_topics_data=[forgotten],
            **session,
        )
        produce(ask, "while a session is open", 9, "small", records(b"n"))
        get(ask, "what has come", version, session_epoch=5, **session)
        get(ask, "an epoch too old", version, session_epoch=5, **session)
        get(ask, "an epoch too new", version, session_epoch=9, **session)
        get(ask, "a bad partition", version, asked("orders", (9, 0)), session_epoch=6, **session)
        get(ask, "the bad one again", version, session_epoch=7, **session)
        get(ask, "close it", version, session_epoch=-1, **session)
        get(ask, "when it is closed", version, session_epoch=8, **session)
        get(ask, "close it again", version, session_epoch=-1, **session)
    get(ask, "a session nobody has", (7, 18), session_id=12345, session_epoch=1)
    get(ask, "a session below 0", (7, 18), session_id=-1, session_epoch=1)
    get(ask, "an epoch without a session", (7, 18), session_id=0, session_epoch=1)
    get(ask, "an epoch below -1", (7, 18), session_id=0, session_epoch=-2)
    get(ask, "a session of nothing", (7, 18), session_epoch=0)
    unknown = asked(UNKNOWN_ID, (0, 0))
    get(ask, "a session of unknown ids", (13, 18), unknown, session_epoch=0, options=opened)
    get(ask, "still unknown", (13, 18), session_epoch=1, session_id=saved("session"))


def bent(script):
    entry = dict(
        name="orders", topic_id=UNKNOWN_ID, partition_data=[dict(index=0, records=records(b"bent"))]
    )
    script.bent("Produce", dict(acks=-1, timeout_ms=1000, topic_data=[entry]))
    script.bent("Fetch", dict(max_wait_ms=10, min_bytes=0, topics=[asked("small", (0, 0))]))
    script.bent("InitProducerId", dict(transactional_id=None, transaction_timeout_ms=1000))
    topics = [dict(name="orders", partition_indexes=[0])]
    script.bent("DescribeProducers", dict(topics=topics))
    for version in ENDS_OF_PRODUCE:
        produce(script.ask, "null records", version, "orders", None, patience_s=3)


ENDS_OF_PRODUCE = (3, 13)
