"""How the requests are written down: one list, in the order in which both brokers get them.

    ask("CreateTopics", "one partition", ALL, lambda v: dict(topics=[new("one-v%d" % v)]))

asks that in every version. A body is a dict with the names of schema/api; what only a broker can
know (an id it chose) stands there as a Known and is filled in for each of them.
"""

import kafka_wire as wire

ALL, ENDS, FIRST, LAST = "all", "ends", "first", "last"
PATIENCE_S = 20  # no answer for so long is an answer


class Known:
    """Found out while the list is told: `find` gets the Side (side.py) that is asked."""

    def __init__(self, find):
        self.find = find


def topic_id(name):
    return Known(lambda side: side.topic_id(name))


def saved(key):
    """What an earlier request saved: ask(…, save={key: path})."""
    return Known(lambda side: side.saved[key])


def fill_in(value, side):
    if isinstance(value, Known):
        return fill_in(value.find(side), side)
    if isinstance(value, dict):
        return {key: fill_in(item, side) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill_in(item, side) for item in value]
    return value


class Request:
    def __init__(self, api, name, version, body, **options):
        self.api, self.name, self.version, self.body = api, name, version, body
        self.reads = options.pop("reads", version)  # the version of the answer
        self.replies = options.pop("replies", True)  # False: none is to come (acks=0)
        self.bend = options.pop("bend", None)  # what makes the encoded body wrong
        self.save = options.pop("save", {})  # {key: path in the answer}
        self.serving = options.pop("serving", ())  # topics to wait for afterwards
        self.gone = options.pop("gone", ())  # topics whose end to wait for
        self.patience_s = options.pop("patience_s", PATIENCE_S)
        if options:
            raise TypeError("no such options: %s" % options)

    @property
    def key(self):
        return wire.MESSAGES["request", self.api].id

    def frame(self, side, correlation):
        codec = wire.Codec(wire.MESSAGES["request", self.api], max(self.version, 0))
        body = codec.encode(fill_in(self.body, side))
        if self.bend is not None:
            body = self.bend(body)
        header = wire.request_header(self.key, self.version, correlation, codec.flexible, "diff")
        return wire.frame(header + body)

    def __str__(self):
        return "%s v%d: %s" % (self.api, self.version, self.name)


class RawFrame:
    """Bytes as they are; what comes back is compared byte by byte or, with `api`, as its answer."""

    version, replies, save, serving, gone = 0, True, {}, (), ()
    patience_s = PATIENCE_S

    def __init__(self, name, data, api=None):
        self.name, self.data, self.api, self.reads = name, data, api or "frame", 0
        self.key = None if api is None else wire.MESSAGES["request", api].id

    def frame(self, side, correlation):
        return self.data

    def __str__(self):
        return "%s frame: %s" % (self.api, self.name)


def versions_of(api, versions):
    """`versions` as numbers: of those that Kafka serves."""
    if not isinstance(versions, str):
        return [versions] if isinstance(versions, int) else list(versions)
    message = wire.MESSAGES["request", api]
    first = max(message.versions[0], message.served[0])
    last = min(message.versions[1], message.served[1])
    return {
        ALL: list(range(first, last + 1)),
        ENDS: sorted({first, last}),
        FIRST: [first],
        LAST: [last],
    }[versions]


class Script:
    def __init__(self):
        self.requests = []

    def ask(self, api, name, versions, body, **options):
        """`body`, and each option, may be a function of the version."""
        for version in versions_of(api, versions):
            at = {
                key: value(version) if callable(value) and key != "bend" else value
                for key, value in options.items()
            }
            content = body(version) if callable(body) else body
            self.requests.append(Request(api, name, version, content, **at))

    def raw(self, name, data, api=None):
        self.requests.append(RawFrame(name, data, api))

    def bent(self, api, body):
        """What no API may be asked: a body cut short, or too long, and versions there are not."""
        first, last = versions_of(api, FIRST)[0], versions_of(api, LAST)[0]
        for version in (first, last):
            for name, bend in BENDS:
                self.ask(api, name, version, body, bend=bend)
        for version in {max(first - 1, -1), -1, last + 1, 32767}:
            if not first <= version <= last:
                reads = 0 if api == "ApiVersions" else version
                self.requests.append(Request(api, "no such version", version, {}, reads=reads))


BENDS = (
    ("an empty body", lambda body: b""),
    ("the first byte", lambda body: body[:1]),
    ("half a body", lambda body: body[: len(body) // 2]),
    ("a byte short", lambda body: body[:-1]),
    ("counts of 2^31-1", lambda body: b"\x7f\xff\xff\xff" * 4),
    ("ones only", lambda body: b"\xff" * (len(body) + 8)),
    ("bytes behind", lambda body: body + b"more"),
)
