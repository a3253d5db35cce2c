"""Kafka's protocol without a client in between: any message in any version, right or wrong.

Messages are dicts with the names of schema/api; what a dict leaves out has the schema's default.
It reads the notation of schema/ and shares no code with gregor's codec; that the schema is Kafka's
is shown by telling the same tests to a real Kafka.
"""

import os
import socket
import struct
import sys
import time
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import schemac  # noqa: E402

NUMBERS = {
    "bool": ">?",
    "int8": ">b",
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "float64": ">d",
}
NO_UUID = b"\0" * 16
API_VERSIONS = 18


# --- primitives -----------------------------------------------------------------------------------


def varuint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint(value):
    """Zigzag, as records have it: 64 bits hold the 32-bit ones too."""
    return varuint(value << 1 if value >= 0 else (-value << 1) - 1)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if size < 0 or self.at + size > len(self.data):
            raise ValueError("%d bytes wanted at %d of %d" % (size, self.at, len(self.data)))
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def varuint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def varint(self):
        value = self.varuint()
        return (value >> 1) ^ -(value & 1)

    def rest(self):
        return self.data[self.at :]


# --- messages -------------------------------------------------------------------------------------


def within(version, versions):
    return versions[0] <= version <= versions[1]


def default_of(field):
    if field.default == "null":
        return None
    if field.is_array:
        return []
    if field.struct is not None:
        return {}
    if field.type == "string":
        return field.default or ""
    if field.type in ("bytes", "records"):
        return b""
    if field.type == "uuid":
        return NO_UUID
    if field.type == "bool":
        return field.default == "true"
    return int(field.default or "0", 0)


class Codec:
    """One message in one version."""

    def __init__(self, message, version):
        self.message, self.version = message, version
        self.flexible = version >= message.flexible[0]

    def encode(self, body):
        return self.encode_struct(self.message.struct, body)

    def encode_struct(self, kind, body):
        unknown = set(body) - {field.name for field in kind.fields}
        if unknown:
            raise KeyError("%s has no %s" % (kind.c_name, unknown))
        out, tags = [], []
        for field in kind.fields:
            if not within(self.version, field.versions):
                continue
            value = body.get(field.name, default_of(field))
            if field.tag >= 0 and within(self.version, field.tagged):
                if field.name in body:
                    tags.append((field.tag, self.encode_field(field, value)))
            else:
                out.append(self.encode_field(field, value))
        if self.flexible:
            out.append(varuint(len(tags)))
            for tag, data in sorted(tags):
                out += [varuint(tag), varuint(len(data)), data]
        return b"".join(out)

    def count(self, number, compact, form=">i"):
        return varuint(number + 1) if compact else struct.pack(form, number)

    def encode_field(self, field, value):
        compact = self.flexible and not field.never_flexible
        if field.is_array:
            if value is None:
                return self.count(-1, compact)
            items = [self.encode_one(field, item, compact) for item in value]
            return self.count(len(items), compact) + b"".join(items)
        if field.is_pointer:
            if value is None:
                return b"\xff"
            return b"\x01" + self.encode_one(field, value, compact)
        return self.encode_one(field, value, compact)

    def encode_one(self, field, value, compact):
        if field.struct is not None:
            return self.encode_struct(field.struct, value)
        if field.type in NUMBERS:
            return struct.pack(NUMBERS[field.type], value)
        if field.type == "uuid":
            return value
        form = ">h" if field.type == "string" else ">i"
        if value is None:
            return self.count(-1, compact, form)
        data = value.encode() if isinstance(value, str) else value
        return self.count(len(data), compact, form) + data

    def decode(self, reader):
        return self.decode_struct(self.message.struct, reader)

    def decode_struct(self, kind, reader):
        body, tagged = {}, {}
        for field in kind.fields:
            if not within(self.version, field.versions):
                continue
            if field.tag >= 0 and within(self.version, field.tagged):
                tagged[field.tag] = field
            else:
                body[field.name] = self.decode_field(field, reader)
        if self.flexible:
            for _ in range(reader.varuint()):
                tag, size = reader.varuint(), reader.varuint()
                data = Reader(reader.take(size))
                if tag in tagged:
                    body[tagged[tag].name] = self.decode_field(tagged[tag], data)
        return body

    def read_count(self, reader, compact, form=">i"):
        return reader.varuint() - 1 if compact else reader.number(form)

    def decode_field(self, field, reader):
        compact = self.flexible and not field.never_flexible
        if field.is_array:
            count = self.read_count(reader, compact)
            return (
                None
                if count < 0
                else [self.decode_one(field, reader, compact) for _ in range(count)]
            )
        if field.is_pointer and reader.number(">b") < 0:
            return None
        return self.decode_one(field, reader, compact)

    def decode_one(self, field, reader, compact):
        if field.struct is not None:
            return self.decode_struct(field.struct, reader)
        if field.type in NUMBERS:
            return reader.number(NUMBERS[field.type])
        if field.type == "uuid":
            return reader.take(16)
        size = self.read_count(reader, compact, ">h" if field.type == "string" else ">i")
        if size < 0:
            return None
        data = reader.take(size)
        return data.decode() if field.type == "string" else data


def load_messages():
    found = {}
    for message in schemac.load(os.path.join(ROOT, "schema")):
        if message.kind in ("request", "response"):
            found[message.kind, message.name] = message
    return found


MESSAGES = load_messages()


def request_header(key, version, correlation, flexible, client="trap"):
    name = b"\xff\xff" if client is None else struct.pack(">h", len(client)) + client.encode()
    return struct.pack(">hhi", key, version, correlation) + name + (b"\0" if flexible else b"")


def frame(data):
    return struct.pack(">i", len(data)) + data


# --- a connection ---------------------------------------------------------------------------------


class Closed(Exception):
    """The broker closed the connection instead of answering."""


class Connection:
    def __init__(self, bootstrap, timeout_s=20, client="trap"):
        self.client = client
        host, _, port = bootstrap.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, api, version, body):
        """The request in one frame; `body` is a dict or, to be wrong, bytes."""
        message = MESSAGES["request", api]
        codec = Codec(message, version)
        self.correlation += 1
        if isinstance(body, dict):
            body = codec.encode(body)
        self.send_bytes(
            frame(
                request_header(
                    message.id, version, self.correlation, codec.flexible, self.client
                )
                + body
            )
        )

    def receive_exactly(self, size):
        out = bytearray()
        while len(out) < size:
            try:
                part = self.socket.recv(min(size - len(out), 1 << 20))
            except (ConnectionResetError, BrokenPipeError):
                part = b""
            if not part:
                raise Closed("after %d of %d bytes" % (len(out), size))
            out += part
        return bytes(out)

    def receive_frame(self):
        return self.receive_exactly(struct.unpack(">i", self.receive_exactly(4))[0])

    def receive(self, api, version):
        """The answer to the oldest request that has none; every byte of it must have a meaning."""
        reader = Reader(self.receive_frame())
        self.answered = reader.number(">i")
        codec = Codec(MESSAGES["response", api], version)
        if codec.flexible and MESSAGES["request", api].id != API_VERSIONS:
            if reader.varuint() != 0:
                raise ValueError("tags in a response header")
        body = codec.decode(reader)
        if reader.rest():
            raise ValueError("%d bytes after the answer" % len(reader.rest()))
        return body

    def call(self, api, version, **body):
        self.send(api, version, body)
        answer = self.receive(api, version)
        if self.answered != self.correlation:
            raise ValueError("answer %d to request %d" % (self.answered, self.correlation))
        return answer

    def is_closed(self, within_s=10):
        """Whether the broker closes the connection and sends nothing before that."""
        self.socket.settimeout(within_s)
        try:
            return self.socket.recv(1) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True
        except socket.timeout:
            return False

    def is_silent(self, for_s):
        """Whether nothing comes for that long, not even an end."""
        self.socket.settimeout(for_s)
        try:
            self.socket.recv(1)
            return False
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(20)


def call(bootstrap, api, version, **body):
    with Connection(bootstrap) as connection:
        return connection.call(api, version, **body)


# --- record batches -------------------------------------------------------------------------------

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 8, 16, 32
CRC_TABLE = []
for _byte in range(256):
    _crc = _byte
    for _ in range(8):
        _crc = _crc >> 1 ^ (0x82F63B78 if _crc & 1 else 0)
    CRC_TABLE.append(_crc)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def now_ms():
    return int(time.time() * 1000)


def sized(data):
    return varint(-1) if data is None else varint(len(data)) + data


def record(value, key=None, delta=0, timestamp_delta=0, headers=()):
    body = b"\0" + varint(timestamp_delta) + varint(delta) + sized(key) + sized(value)
    body += varint(len(headers)) + b"".join(
        sized(name.encode()) + sized(data) for name, data in headers
    )
    return varint(len(body)) + body


def gzip(data):
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    return engine.compress(data) + engine.flush()


def batch(values, **header):
    """A batch of these values (bytes, or (key, value)); `header` is what it says of itself."""
    records, keyed = [], [v if isinstance(v, tuple) else (None, v) for v in values]
    step = header.pop("timestamp_step", 0)
    for delta, (key, value) in enumerate(keyed):
        records.append(record(value, key, delta, delta * step))
    return batch_of_bytes(b"".join(records), len(keyed), timestamp_step=step, **header)


def batch_of_bytes(
    records,
    records_count,
    base_offset=0,
    leader_epoch=-1,
    magic=2,
    crc=None,
    attributes=0,
    last_delta=None,
    timestamp=None,
    max_timestamp=None,
    timestamp_step=0,
    producer_id=-1,
    producer_epoch=-1,
    sequence=-1,
    count=None,
    length=None,
    compress=None,
):
    if timestamp is None:
        timestamp = now_ms()
    if max_timestamp is None:
        max_timestamp = timestamp + timestamp_step * (records_count - 1)
    if last_delta is None:
        last_delta = records_count - 1
    if compress is not None:
        records = compress(records)
    body = (
        struct.pack(
            ">hiqqqhii",
            attributes,
            last_delta,
            timestamp,
            max_timestamp,
            producer_id,
            producer_epoch,
            sequence,
            records_count if count is None else count,
        )
        + records
    )
    checksum = crc32c(body) if crc is None else crc
    if length is None:
        length = len(body) + 9
    return struct.pack(">qiibI", base_offset, length, leader_epoch, magic, checksum) + body


class Batch:
    """What a stored batch says."""

    def __init__(self, reader):
        start = reader.at
        self.base_offset, length, self.leader_epoch, self.magic, self.crc = struct.unpack(
            ">qiibI", reader.take(21)
        )
        body = reader.take(length - 9)
        self.bytes = reader.data[start : reader.at]
        self.crc_holds = crc32c(body) == self.crc
        (
            self.attributes,
            self.last_delta,
            self.timestamp,
            self.max_timestamp,
            self.producer_id,
            self.producer_epoch,
            self.sequence,
            self.count,
        ) = struct.unpack(">hiqqqhii", body[:40])
        self.data = body[40:]

    @property
    def next_offset(self):
        return self.base_offset + self.last_delta + 1

    def records(self):
        """(offset, timestamp, key, value) of each."""
        codec = self.attributes & 7
        if codec not in (NONE, GZIP):
            raise ValueError("codec %d is not Python's" % codec)
        reader, out = Reader(zlib.decompress(self.data, 31) if codec else self.data), []
        for _ in range(self.count):
            reader.varint(), reader.take(1)
            timestamp = self.timestamp + reader.varint()
            offset = self.base_offset + reader.varint()
            key, value = self.sized(reader), self.sized(reader)
            for _ in range(reader.varint()):
                self.sized(reader), self.sized(reader)
            out.append((offset, timestamp, key, value))
        return out

    @staticmethod
    def sized(reader):
        size = reader.varint()
        return None if size < 0 else reader.take(size)


def batches(data):
    """The whole batches in there; a part of one at the end is what Kafka's fetch may leave."""
    reader, out = Reader(data or b""), []
    while len(data or b"") - reader.at >= 61:
        length = struct.unpack(">i", reader.data[reader.at + 8 : reader.at + 12])[0]
        if length < 49 or len(reader.data) - reader.at < length + 12:
            break
        out.append(Batch(reader))
    return out
