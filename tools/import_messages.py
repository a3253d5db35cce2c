#!/usr/bin/env python3
"""Takes the facts of Kafka's messages over into schema/, in our own notation.

usage: import_messages.py JAR-FOLDER [SCHEMA-FOLDER]

Reads the message definitions inside the published jars and writes one file per message. Only facts
are taken: names, types, versions, defaults. Comments are ours: those that stand in schema/ already
are kept, by message and field, so this can be run again for the next version of Kafka. A comment
stands above a message, and behind a field or, where the line would grow too long, above it.
"""

import glob
import json
import os
import re
import sys
import zipfile

JARS = ("clients", "metadata", "raft", "group-coordinator", "transaction-coordinator",
        "share-coordinator", "storage")

# What the messages that are neither requests nor metadata records belong to.
GROUPS = (
    ("control", r"LeaderChangeMessage|Snapshot(Header|Footer)Record|"
                r"KRaftVersionRecord|VotersRecord|"
                r"EndTxnMarker|ControlRecordTypeSchema"),
    ("offsets", r"(Legacy)?OffsetCommit(Key|Value)"),
    ("transactions", r"TransactionLog.*"),
    ("share", r"Share(Snapshot|Update)(Key|Value)"),
    ("tiered", r"Remote.*"),
    ("groups", r".*Group.*|ConsumerProtocol.*"),
)
FILES = {"ProducerSnapshot", "QuorumStateData"}
OTHER = {"DefaultPrincipalData"}

COLUMNS = 100

# Produce below version 3 is refused, but must be listed: librdkafka decides by it whether to
# compress.
SERVED = {"Produce": "0-13"}


def snake(name):
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def read_messages(folder):
    messages = {}
    for jar in JARS:
        paths = [p for p in glob.glob(os.path.join(folder, "kafka-%s-[0-9]*.jar" % jar))]
        if not paths:
            raise SystemExit("no jar of kafka-%s in %s" % (jar, folder))
        with zipfile.ZipFile(paths[0]) as archive:
            for name in archive.namelist():
                if not re.search(r"(^|/)(message|metadata)/[A-Za-z]*\.json$", name):
                    continue
                text = archive.read(name).decode()
                text = re.sub(r"(?m)^\s*//.*$", "", text)
                text = re.sub(r"(?m)(?<=[,{\[}\]]) *//.*$", "", text)
                message = json.loads(text)
                if message.get("validVersions") != "none":
                    messages[message["name"]] = message
    return messages


class Comments:
    """What is said in the files that exist: after the '#', by place."""

    def __init__(self, folder):
        self.said = {}
        for path in sorted(glob.glob(os.path.join(folder, "**", "*"), recursive=True)):
            if os.path.isfile(path):
                self.read(path)

    def read(self, path):
        heads, place = [], []
        with open(path, encoding="utf-8") as file:
            for line in file:
                text, mark, comment = line.rstrip("\n").partition("#")
                if not text.strip():
                    heads += [comment.strip()] if mark else []
                    continue
                depth = (len(text) - len(text.lstrip())) // 2
                words = text.split()
                if depth == 0:
                    place = [words[0] + " " + words[1]]
                    self.said[place[0]] = heads
                else:
                    name = words[1] if words[0] == "struct" else words[0]
                    place = place[:depth] + [name]
                    self.said[".".join(place)] = heads + ([comment.strip()] if mark else [])
                heads = []

    def of(self, place):
        return self.said.get(".".join(place), [])


def default_of(field):
    value = field.get("default")
    if value is None:
        return None
    if isinstance(value, bool):
        value = str(value).lower()
    value = str(value)
    zero = {"string": "", "bool": "false"}.get(field["type"], "0")
    return None if value == zero else (value or '""')


def versions_of(field, parent_versions):
    # A field that is only ever tagged may leave its own versions out: it has them from there on.
    return field.get("versions", field.get("taggedVersions", parent_versions))


def attributes(field, parent_versions):
    out = []
    if versions_of(field, parent_versions) != parent_versions:
        out.append(versions_of(field, parent_versions))
    if "nullableVersions" in field:
        out.append("null=" + field["nullableVersions"])
    if "tag" in field:
        out.append("tag=%s" % field["tag"])
        if field["taggedVersions"] != versions_of(field, parent_versions):
            out.append("tagged=" + field["taggedVersions"])
    if default_of(field) is not None:
        out.append("default=" + default_of(field))
    if field.get("ignorable"):
        out.append("ignorable")
    if field.get("mapKey"):
        out.append("key")
    if field.get("flexibleVersions") == "none":
        out.append("never-flexible")
    return out


def write_line(text, comment, lines):
    comment = " ".join(comment)
    if comment and len(text) + len("  # ") + len(comment) > COLUMNS:
        lines.append(" " * (len(text) - len(text.lstrip())) + "# " + comment)
        comment = ""
    lines.append(text + ("  # " + comment if comment else ""))


def write_fields(fields, place, versions, comments, lines, depth):
    for field in fields:
        here = place + [snake(field["name"])]
        words = [here[-1], field["type"]] + attributes(field, versions)
        write_line("  " * depth + " ".join(words), comments.of(here), lines)
        if "fields" in field:
            inner = versions_of(field, versions)
            write_fields(field["fields"], here, inner, comments, lines, depth + 1)


def write_message(message, comments):
    name, kind = message["name"], message["type"]
    if kind in ("request", "response"):
        name = name[: -len(kind)]
    place = [kind + " " + name]
    lines = ["# " + text for text in comments.of(place)]
    words = [kind, name]
    if "apiKey" in message:
        words.append("id=%s" % message["apiKey"])
    words.append("versions=" + message["validVersions"])
    words.append("flexible=" + message["flexibleVersions"])
    if kind == "request":
        words.append("served=" + SERVED.get(name, stable_versions(message)))
        words.append("on=" + ",".join(message.get("listeners", [])))
    lines.append(" ".join(words))
    versions = "0+"
    for struct in message.get("commonStructs", []):
        here = place + [struct["name"]]
        write_line("  struct %s %s" % (struct["name"], struct["versions"]), comments.of(here), lines)
        write_fields(struct["fields"], here, struct["versions"], comments, lines, 2)
    write_fields(message["fields"], place, versions, comments, lines, 1)
    return lines


def stable_versions(message):
    low, _, high = message["validVersions"].partition("-")
    high = int(high or low)
    if message.get("latestVersionUnstable"):
        high -= 1
    return "%s-%d" % (low, high)


def path_of(message):
    name, kind = message["name"], message["type"]
    if kind in ("request", "response"):
        return "api/%02d_%s" % (message["apiKey"], snake(name[: -len(kind)]))
    if kind == "header":
        return "api/" + snake(name)
    if kind == "metadata" and not name.startswith("Remote"):
        return "record/metadata/" + snake(re.sub("Record$", "", name))
    if name in FILES:
        return "file/" + snake(re.sub("Data$", "", name))
    if name in OTHER:
        return "record/" + snake(name)
    for group, pattern in GROUPS:
        if re.fullmatch(pattern, name):
            return "record/%s/%s" % (group, snake(re.sub("(Key|Value|Record)$", "", name)))
    raise SystemExit("where does %s belong?" % name)


def main():
    folder = sys.argv[1]
    schema = sys.argv[2] if len(sys.argv) > 2 else "schema"
    messages = read_messages(folder)
    order = {"request": 0, "response": 1}
    comments = {part: Comments(os.path.join(schema, part)) for part in ("api", "record", "file")}
    files = {}
    for message in sorted(messages.values(), key=lambda m: (order.get(m["type"], 2), m["name"])):
        files.setdefault(path_of(message), []).append(message)
    for path, parts in files.items():
        lines = []
        for part in parts:
            if lines:
                lines.append("")
            lines += write_message(part, comments[path.split("/")[0]])
        target = os.path.join(schema, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    print("%d messages in %d files" % (len(messages), len(files)))


if __name__ == "__main__":
    main()
