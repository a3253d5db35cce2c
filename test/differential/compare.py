"""Two answers, field by field, but for what each broker may choose for itself: RULES, below.

An answer becomes leaves: {"topics/0/partitions/1/error_code": 3}. An element of a list is known by
its place, or by its name where the order has no meaning. Patterns are those of file names.
"""

import fnmatch
import re
import zlib

import kafka_wire as wire


def left_out(value, side, where):
    return None


def presence(value, side, where):
    """Whether there is anything."""
    return value not in (None, "", 0, -1, b"", wire.NO_UUID)


def topic_name(value, side, where):
    """The topic's name for its id; ids of none stay."""
    return side.names.get(value, value.hex())


def first_seen(none):
    """Where the value was met first: the same places must have the same values."""

    def rule(value, side, where):
        return value if value == none else side.tokens.setdefault(value, "as in " + where)

    return rule


session, producer = first_seen(0), first_seen(-1)


def own_place(value, side, where):
    """Without the ports and the folder of this broker."""
    if value is None:
        return None
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", value).replace(side.folder, "FOLDER")


def own_clock(value, side, where):
    """A text without the times in it."""
    return None if value is None else re.sub(r"-?\b\d{13,}\b", "TIME", value)


def kafkas_keys(value, side, where):
    own = ("gregor.", "flush.policy")
    return None if value is None else [item for item in value if not item["name"].startswith(own)]


def served(value, side, where):
    """What gregor does not serve yet is told of at the end of the suite."""
    return [api for api in value if api["api_key"] in side.compared]


def batches(value, side, where):
    """What the bytes of a fetch say. The CRC covers the producer's id, so it is only checked."""
    if value is None:
        return None
    found = wire.batches(value)
    return {
        "behind": len(value) - sum(len(b.bytes) for b in found),
        "batches": [
            dict(
                base_offset=b.base_offset,
                leader_epoch=b.leader_epoch,
                attributes=b.attributes,
                last_delta=b.last_delta,
                crc_holds=b.crc_holds,
                timestamp=stamp(b, b.timestamp),
                max_timestamp=stamp(b, b.max_timestamp),
                producer_id=producer(b.producer_id, side, where),
                producer_epoch=b.producer_epoch,
                sequence=b.sequence,
                count=b.count,
                data=plain(b).hex(),
            )
            for b in found
        ],
    }


def plain(batch):
    """Compressors may differ in what they make of the same bytes."""
    return zlib.decompress(batch.data, 31) if batch.attributes & 7 == wire.GZIP else batch.data


def stamp(batch, value):
    return value > 0 if batch.attributes & wire.LOG_APPEND_TIME else value


# API, field, what is compared instead, why. The first that fits counts.
RULES = (
    ("*", "*/port", left_out, "each listens on a port of its own"),
    ("*", "cluster_id", presence, "made at random when the folder was formatted"),
    ("*", "*topic_id", topic_name, "made at random; must be the same wherever the topic is told"),
    ("InitProducerId", "producer_id", producer, "blocks of ids start where history left them"),
    ("DescribeProducers", "*/producer_id", producer, "likewise"),
    ("Fetch", "session_id", session, "made at random"),
    ("Fetch", "*/records", batches, "bytes, taken apart to name what differs"),
    ("CreateTopics", "topics/*/configs", kafkas_keys, "gregor has settings of its own"),
    ("DescribeConfigs", "results/*/configs", kafkas_keys, "likewise"),
    ("ListOffsets", "topics/stamped/*/timestamp", presence, "the broker's clock"),
    ("Produce", "*_message", own_clock, "the broker's clock and the test's"),
    ("Produce", "*/log_append_time_ms", presence, "the broker's clock"),
    ("DescribeProducers", "*/last_timestamp", presence, "may be the broker's clock"),
    (
        "DescribeQuorum",
        "*/leader_epoch",
        presence,
        "Kafka's controller begins anew after what it falls over",
    ),
    ("DescribeQuorum", "*_timestamp", presence, "the broker's clock"),
    ("DescribeQuorum", "*/high_watermark", presence, "Kafka's log has records of its own kind"),
    ("DescribeQuorum", "*/log_end_offset", presence, "likewise"),
    ("DescribeQuorum", "*/replica_directory_id", presence, "made at random"),
    ("DescribeLogDirs", "*/topics/gzip/*/partition_size", presence, "compressors differ"),
    ("DescribeLogDirs", "*/log_dir", own_place, "each has its own folder"),
    ("DescribeLogDirs", "*/usable_bytes", presence, "the volume is in use"),
    ("DescribeLogDirs", "*/total_bytes", presence, "likewise"),
    ("DescribeConfigs", "*/documentation", presence, "gregor has its own words"),
    ("ApiVersions", "api_keys", served, "APIs to come"),
    ("ApiVersions", "finalized_features_epoch", presence, "the metadata log's length"),
    ("DescribeConfigs", "*/value", own_place, "settings with the port or the folder"),
)

# Lists whose order is that of a hash table in Kafka, or of nobody's interest: by what they are known.
KEYED = (
    ("ApiVersions", "api_keys", ["api_key"]),
    ("ApiVersions", "supported_features", ["name"]),
    ("ApiVersions", "finalized_features", ["name"]),
    ("CreateTopics", "topics", ["name"]),
    ("CreateTopics", "topics/*/configs", ["name"]),
    ("CreatePartitions", "results", ["name"]),
    ("DeleteTopics", "responses", ["name", "topic_id"]),
    ("Metadata", "topics", ["name", "topic_id"]),
    ("Produce", "responses", ["name", "topic_id"]),
    ("Produce", "responses/*/partition_responses", ["index"]),
    ("ListOffsets", "topics", ["name"]),
    ("DeleteRecords", "topics", ["name"]),
    ("DeleteRecords", "topics/*/partitions", ["partition_index"]),
    ("DescribeConfigs", "results/*/configs", ["name"]),
    ("DescribeLogDirs", "results/*/topics", ["name"]),
    (
        "DescribeProducers",
        "topics/*/partitions/*/active_producers",
        ["producer_epoch", "last_sequence"],
    ),
    ("DescribeLogDirs", "results/*/topics/*/partitions", ["partition_index"]),
    ("ElectLeaders", "replica_election_results", ["topic"]),
    ("ElectLeaders", "replica_election_results/*/partition_result", ["partition_id"]),
    ("ListConfigResources", "config_resources", ["resource_type", "resource_name"]),
    ("AlterClientQuotas", "entries", ["entity"]),
    ("AlterClientQuotas", "entries/*/entity", ["entity_type"]),
    ("DescribeClientQuotas", "entries", ["entity"]),
    ("DescribeClientQuotas", "entries/*/entity", ["entity_type"]),
    ("DescribeClientQuotas", "entries/*/values", ["key"]),
    ("AlterReplicaLogDirs", "results", ["topic_name"]),
)


def fits(path, pattern):
    return fnmatch.fnmatchcase(path, pattern)


def leaves(request, outcome, side):
    """{path: what is compared} of an outcome."""
    if outcome.answer is None:
        return {"": outcome.kind}
    if isinstance(outcome.answer, bytes):
        return {"bytes": outcome.answer.hex()}
    out = {"": "answered"}
    collect(out, request, side, "", outcome.answer)
    return out


def collect(out, request, side, path, value):
    for api, pattern, rule, _ in RULES:
        if fits(request.api, api) and fits(path, pattern) and path:
            value = rule(value, side, "%s %s" % (request, path))
            break
    if isinstance(value, dict):
        for name, item in value.items():
            collect(out, request, side, path + "/" + name if path else name, item)
    elif isinstance(value, list):
        collect_list(out, request, side, path, value)
    else:
        out[path] = value.hex() if isinstance(value, bytes) else value


def collect_list(out, request, side, path, items):
    out[path + "/count"] = len(items)
    keys = next((k for a, p, k in KEYED if fits(request.api, a) and fits(path, p)), None)
    seen = {}
    for place, item in enumerate(items):
        name = str(place) if keys is None else name_of(item, keys, side)
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name += "#%d" % seen[name]
        collect(out, request, side, path + "/" + name, item)


def name_of(item, keys, side):
    words = []
    for value in (item.get(key) for key in keys):
        if isinstance(value, list):  # an entity of a quota
            words += sorted("%(entity_type)s=%(entity_name)s" % part for part in value)
        elif isinstance(value, bytes):
            words.append(topic_name(value, side, ""))
        elif value is not None:
            words.append(str(value))
    return ",".join(words)


MISSING = object()


def differences(ours, theirs):
    """[(path, Kafka's, gregor's)] where two sets of leaves differ."""
    paths = list(theirs) + [path for path in ours if path not in theirs]
    return [
        (path, theirs.get(path, MISSING), ours.get(path, MISSING))
        for path in paths
        if theirs.get(path, MISSING) != ours.get(path, MISSING)
    ]


def told(value):
    return "nothing" if value is MISSING else repr(value)
