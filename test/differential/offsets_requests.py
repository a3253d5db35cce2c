"""ListOffsets, OffsetForLeaderEpoch, DeleteRecords."""

from records_requests import THEN, get, asked, produce, records
from script import ALL, ENDS, LAST
from topics_requests import create, new

# What a timestamp below 0 asks for.
END, START, LATEST_TIME, LOCAL_START, TIERED_END, EARLIEST_PENDING = -1, -2, -3, -4, -5, -6


def requests(script):
    list_offsets(script.ask)
    offset_for_leader_epoch(script.ask)
    delete_records(script.ask)
    topics = [dict(name="orders", partitions=[dict(partition_index=0, timestamp=-1)])]
    script.bent("ListOffsets", dict(replica_id=-1, topics=topics))
    topics = [dict(topic="orders", partitions=[dict(partition=0, leader_epoch=0)])]
    script.bent("OffsetForLeaderEpoch", dict(replica_id=-1, topics=topics))
    topics = [dict(name="orders", partitions=[dict(partition_index=0, offset=0)])]
    script.bent("DeleteRecords", dict(topics=topics, timeout_ms=1000))


def list_offsets(ask):
    def offsets(name, versions, topic, *wanted, replica_id=-1, isolation_level=0, **more):
        """`wanted`: (partition, timestamp)."""
        entries = [dict(dict(partition_index=p, timestamp=t), **more) for p, t in wanted]
        body = dict(
            replica_id=replica_id,
            isolation_level=isolation_level,
            topics=[dict(name=topic, partitions=entries)],
            timeout_ms=1000,
        )
        ask("ListOffsets", name, versions, body)

    offsets("the end", ALL, "orders", (2, END))
    offsets("the start", ALL, "orders", (2, START))
    for timestamp in (LATEST_TIME, LOCAL_START, TIERED_END, EARLIEST_PENDING, -7, -(2**63)):
        offsets("timestamp %d" % timestamp, ALL, "orders", (2, timestamp))
    for ahead in (0, 5, 10, 11, 1000, 1005, 4020, 4021, 10**9):
        offsets("%d ms after the first" % ahead, ENDS, "orders", (2, THEN + ahead))
    offsets("before all", ALL, "orders", (2, 0))
    offsets("one ms before the first", ENDS, "orders", (2, THEN - 1))
    offsets("after all", ALL, "orders", (2, 2**62))
    for topic in ("empty", "compact", "stamped", "gzip", "strict"):
        offsets("the end of " + topic, ENDS, topic, (0, END))
        offsets("the latest time of " + topic, (7, 11), topic, (0, LATEST_TIME))
        offsets("any time of " + topic, ENDS, topic, (0, 0))
    offsets("three partitions", ENDS, "orders", *[(p, END) for p in range(3)])
    offsets("a partition twice", ALL, "orders", (0, END), (0, START))
    offsets("a partition thrice", ENDS, "orders", (0, END), (0, START), (0, END))
    offsets("no partitions", ENDS, "orders")
    for partition in (3, -1, 2**31 - 1):
        offsets("partition %d" % partition, ENDS, "orders", (partition, END))
    offsets("an unknown topic", ALL, "absent", (0, END))
    offsets("a bad name", ENDS, "a b", (0, END))
    offsets("no name", ENDS, "", (0, END))
    offsets("a deleted topic", ENDS, "doomed-1", (0, END))
    for level in (1, 2, -1):
        offsets("isolation level %d" % level, (2, 11), "orders", (2, END), isolation_level=level)
        offsets("a time, level %d" % level, (2, 11), "orders", (2, THEN), isolation_level=level)
    for replica in (-2, -3, 0, 1, 7):
        offsets("replica %d" % replica, ENDS, "orders", (2, END), replica_id=replica)
    for epoch in (-1, 0, 1, 5, -2):
        for when in (END, THEN):
            name = "leader epoch %d, timestamp %s" % (epoch, "END" if when == END else "THEN")
            offsets(name, (4, 11), "orders", (2, when), current_leader_epoch=epoch)
    ask("ListOffsets", "nothing", ALL, dict(replica_id=-1, topics=[]))
    both = [
        dict(name=name, partitions=[dict(partition_index=0, timestamp=END)])
        for name in ("orders", "absent", "empty")
    ]
    ask("ListOffsets", "three topics, one unknown", ENDS, dict(replica_id=-1, topics=both))
    ask("ListOffsets", "a topic twice", ENDS, dict(replica_id=-1, topics=[both[0], both[0]]))


def offset_for_leader_epoch(ask):
    def ends(name, versions, topic, *wanted, replica_id=-1):
        """`wanted`: (partition, current epoch, epoch)."""
        entries = [
            dict(partition=p, current_leader_epoch=current, leader_epoch=epoch)
            for p, current, epoch in wanted
        ]
        topics = [dict(topic=topic, partitions=entries)]
        ask("OffsetForLeaderEpoch", name, versions, dict(replica_id=replica_id, topics=topics))

    for epoch in (0, 1, 7, -1, -2, 2**31 - 1):
        ends("epoch %d" % epoch, ALL, "orders", (0, -1, epoch))
    for current in (0, 1, 5, -2):
        ends("current epoch %d" % current, ALL, "orders", (0, current, 0))
    ends("an empty partition", ENDS, "empty", (1, -1, 0))
    ends("three partitions", ENDS, "orders", *[(p, -1, 0) for p in range(3)])
    ends("a partition twice", ENDS, "orders", (0, -1, 0), (0, -1, 1))
    ends("no partitions", ENDS, "orders")
    for partition in (3, -1):
        ends("partition %d" % partition, ENDS, "orders", (partition, -1, 0))
    ends("an unknown topic", ALL, "absent", (0, -1, 0))
    ends("a bad name", ENDS, "a b", (0, -1, 0))
    for replica in (-2, 0, 1, 7):
        ends("replica %d" % replica, ENDS, "orders", (0, -1, 0), replica_id=replica)
    ask("OffsetForLeaderEpoch", "nothing", ALL, dict(replica_id=-1, topics=[]))


def delete_records(ask):
    def delete(name, versions, topic, *wanted, timeout_ms=10000):
        """`wanted`: (partition, offset)."""
        entries = [dict(partition_index=p, offset=offset) for p, offset in wanted]
        topics = [dict(name=topic, partitions=entries)]
        ask("DeleteRecords", name, versions, dict(topics=topics, timeout_ms=timeout_ms))

    create(ask, "topics to shorten", LAST, new("shorter", 2), new("shortest"))
    for n in range(8):
        produce(ask, "to shorten %d" % n, LAST, "shorter", records(b"a", b"b", b"c"))
        produce(ask, "to cut %d" % n, LAST, "shortest", records(b"a"))
    delete("up to 0", ALL, "shorter", (0, 0))
    delete("within a batch", ALL, "shorter", (0, 4))
    delete("again", ENDS, "shorter", (0, 4))
    delete("below the start", ENDS, "shorter", (0, 2))
    delete("over the end", ALL, "shorter", (0, 25))
    for offset in (-2, -(2**63), 2**63 - 1):
        delete("offset %d" % offset, ENDS, "shorter", (0, offset))
    delete("of an empty partition", ENDS, "shorter", (1, 0))
    delete("of an empty partition, all", ENDS, "shorter", (1, -1))
    delete("two partitions, one bad", ENDS, "shorter", (0, 6), (1, 5))
    delete("a partition twice", ENDS, "shorter", (0, 7), (0, 8))
    for partition in (2, -1):
        delete("partition %d" % partition, ENDS, "shorter", (partition, 0))
    delete("an unknown topic", ALL, "absent", (0, 0))
    delete("a bad name", ENDS, "a b", (0, 0))
    delete("no name", ENDS, "", (0, 0))
    delete("no partitions", ENDS, "shorter")
    delete("of a compacted topic", ENDS, "compact", (0, 1))
    delete("a timeout of 0", ENDS, "shorter", (0, 9), timeout_ms=0)
    delete("a topic of Kafka's own", ENDS, "__cluster_metadata", (0, 1))
    ask("DeleteRecords", "nothing", ALL, dict(topics=[], timeout_ms=1000))
    get(ask, "before what was deleted", ENDS, asked("shorter", (0, 1)))
    get(ask, "in a batch that was cut", ENDS, asked("shorter", (0, 10)))
    wanted = [dict(partition_index=0, timestamp=t) for t in (START,)]
    body = dict(replica_id=-1, topics=[dict(name="shorter", partitions=wanted)])
    ask("ListOffsets", "the start of what was shortened", ENDS, body)
    wanted = [dict(partition_index=0, timestamp=0)]
    body = dict(replica_id=-1, topics=[dict(name="shorter", partitions=wanted)])
    ask("ListOffsets", "any time of what was shortened", ENDS, body)
    delete("all of it", ALL, "shortest", (0, -1))
    get(ask, "from all that was deleted", ENDS, asked("shortest", (0, 0)))
    get(ask, "at the end of all that was deleted", ENDS, asked("shortest", (0, 8)))
    produce(ask, "where all was deleted", ENDS, "shortest", records(b"a"))
    epoch = [dict(topic="shortest", partitions=[dict(partition=0, leader_epoch=0)])]
    body = dict(replica_id=-1, topics=epoch)
    ask("OffsetForLeaderEpoch", "where all was deleted", ALL, body)
