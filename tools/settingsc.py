#!/usr/bin/env python3
"""Compiles schema/settings: ids and table for src/core/settings, docs/config.md.

  settingsc.py --header FILE --source FILE    what the build uses
  settingsc.py --docs                         writes docs/config.md
  settingsc.py --check-docs                   exits 1 when docs/config.md is stale
  settingsc.py --compare FILE                 where the schema differs from import_settings' output

A key is one line and, indented below it, what it is for:

  name type = default [min..max] {words} checks importance update class internal from synonyms
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "schema" / "settings"
DOCS = ROOT / "docs" / "config.md"

SCOPES = {"broker": "", "topic": "TOPIC_", "group": "GROUP_", "client-metrics": "CLIENT_METRICS_"}
TYPES = ["boolean", "string", "int", "short", "long", "double", "list", "class", "password"]
CHECKS = ["unique", "non-empty", "non-null", "any-case", "or-minus-1", "throttled", "voters",
          "addresses", "reset-strategy"]
IMPORTANCES = ["low", "medium", "high"]
UPDATES = ["read-only", "per-broker", "cluster-wide"]
CLASSES = ["honoured", "accepted", "refused"]


class Setting:
    def __init__(self, scope, line):
        head, _, origins = line.partition(" from ")
        words = re.search(r" \{([^}]*)\}", head)
        self.words = words.group(1).split() if words else []
        if words:
            head = head[:words.start()] + head[words.end():]
        limits = re.search(r" \[(\S*?)\.\.(\S*?)\]", head)
        self.minimum, self.maximum = limits.groups() if limits else ("", "")
        if limits:
            head = head[:limits.start()] + head[limits.end():]
        self.scope = scope
        self.name, self.type, equals, self.initial, *rest = head.split()
        assert equals == "=", line
        assert self.type in TYPES, line
        self.checks = [word for word in rest if word in CHECKS]
        self.importance = one_of(IMPORTANCES, rest, line)
        self.update = one_of(UPDATES, rest, line) if scope == "broker" else "cluster-wide"
        self.cls = one_of(CLASSES, rest, line, optional=True)
        self.internal = "internal" in rest
        known = CHECKS + IMPORTANCES + UPDATES + CLASSES + ["internal"]
        for word in rest:
            assert word in known, f"{word}: {line}"
        self.sources = []
        for origin in filter(None, origins.split(",")):
            name, _, factor = origin.partition("*")
            self.sources.append((name, int(factor or 1)))
        self.text = ""

    def id(self):
        return f"{SCOPES[self.scope]}SETTING_{re.sub('[^a-z0-9]', '_', self.name).upper()}"

    def default(self):
        """The default as text, None for null and for keys that have none."""
        if self.initial in ("null", "required"):
            return None
        return "" if self.initial == '""' else self.initial

    def facts(self):
        """Everything that Kafka says of it."""
        return (self.type, self.initial, self.words, self.minimum, self.maximum, self.checks,
                self.importance, self.update, self.internal, self.sources)

    def limits(self):
        if self.words:
            return ", ".join(f"`{word}`" for word in self.words)
        if self.minimum or self.maximum:
            also = " or -1" if "or-minus-1" in self.checks else ""
            return f"{self.minimum}..{self.maximum}{also}"
        return ""


def one_of(choices, words, line, optional=False):
    found = [word for word in words if word in choices]
    assert len(found) == 1 or (optional and not found), f"one of {choices}: {line}"
    return found[0] if found else ""


def read(path):
    settings, scope = [], None
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("scope "):
            scope = line.split()[1]
            assert scope in SCOPES, line
        elif line.startswith(" "):
            settings[-1].text = (settings[-1].text + " " + line.strip()).strip()
        else:
            settings.append(Setting(scope, line))
    order = list(SCOPES)
    return sorted(settings, key=lambda setting: (order.index(setting.scope), setting.name))


def check(settings):
    names = {(setting.scope, setting.name) for setting in settings}
    assert len(names) == len(settings), "a key stands twice"
    for setting in settings:
        assert setting.text, f"{setting.name} has no text"
        assert setting.cls, f"{setting.name} has no class"
        for name, _ in setting.sources:
            assert ("broker", name) in names, f"{setting.name} comes from {name}, which is no key"


def c_text(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_slice(text):
    return "{NULL, 0}" if text is None else f"TEXT({c_text(text)})"


def header(settings):
    lines = ["/* Made from schema/settings by tools/settingsc.py. */",
             "#ifndef GREGOR_CORE_SETTINGS_KEYS_H", "#define GREGOR_CORE_SETTINGS_KEYS_H", "",
             "enum setting_id {"]
    lines += [f"    {setting.id()}," for setting in settings]
    brokers = sum(setting.scope == "broker" for setting in settings)
    lines += ["    SETTING_COUNT", "};", ""]
    lines += [f"enum {{ SETTING_BROKER_COUNT = {brokers} }}; /* the first ones */", "", "#endif"]
    return "\n".join(lines) + "\n"


def source(settings):
    lines = ["/* Made from schema/settings by tools/settingsc.py. */",
             '#include "core/settings/table.h"', "",
             "#define TEXT(literal) {(const uint8_t *)literal, sizeof(literal) - 1}", ""]
    for setting in settings:
        if setting.words:
            words = ", ".join(c_text(word) for word in setting.words)
            lines.append(f"static const char *const words_{setting.id()}[] = {{{words}, NULL}};")
        if setting.sources:
            ids = {other.name: other.id() for other in settings if other.scope == "broker"}
            items = ", ".join(f"{{{ids[name]}, {factor}}}" for name, factor in setting.sources)
            lines.append(f"static const struct setting_source from_{setting.id()}[] = {{{items}}};")
    lines += ["", "const struct setting settings_table[SETTING_COUNT] = {"]
    lines += [c_setting(setting) for setting in settings]
    lines += ["};", "", "const struct setting_sources settings_sources[SETTING_COUNT] = {"]
    for setting in settings:
        if setting.sources:
            lines.append(f"    [{setting.id()}] = {{from_{setting.id()}, {len(setting.sources)}}},")
    lines += ["};"]
    return "\n".join(lines) + "\n"


def c_enum(prefix, word):
    return prefix + re.sub("[^a-z0-9]", "_", word).upper()


def c_setting(setting):
    checks = " | ".join(c_enum("SETTING_CHECK_", check) for check in setting.checks) or "0"
    fields = [
        f".name = {c_slice(setting.name)}", f".initial = {c_slice(setting.default())}",
        f".text = {c_slice(setting.text)}", f".minimum = {c_slice(setting.minimum or None)}",
        f".maximum = {c_slice(setting.maximum or None)}",
        f".words = {'words_' + setting.id() if setting.words else 'NULL'}",
        f".scope = {c_enum('SETTING_SCOPE_', setting.scope)}",
        f".type = {c_enum('SETTING_TYPE_', setting.type)}",
        f".update = {c_enum('SETTING_', setting.update)}",
        f".class = {c_enum('SETTING_', setting.cls)}",
        f".importance = {c_enum('SETTING_', setting.importance)}", f".checks = {checks}",
        f".required = {'true' if setting.initial == 'required' else 'false'}",
        f".internal = {'true' if setting.internal else 'false'}",
    ]
    return f"    [{setting.id()}] = {{" + ", ".join(fields) + "},"


DOCS_HEAD = """# Settings

Every setting of Apache Kafka 4.3.1, and gregor's own. Made from `schema/settings` by
`tools/settingsc.py --docs`.

What gregor does with a key that you set:

- **honoured**: it does what the text says.
- **accepted**: it is checked, kept and shown, and has no effect here.
- **refused**: any value but the default keeps the broker from starting, because to ignore it would
  change security, durability or compatibility.

Keys that nobody knows are ignored, as Kafka does, and named in the log. `gregor config check FILE`
says all of this about a file.
"""

TITLES = {"broker": "Broker", "topic": "Topics", "group": "Groups",
          "client-metrics": "Client metrics"}


def docs(settings):
    lines = [DOCS_HEAD]
    for scope in SCOPES:
        lines += [f"## {TITLES[scope]}", "",
                  "| key | type | default | allowed | changes | gregor | what it is for |",
                  "|---|---|---|---|---|---|---|"]
        for setting in (setting for setting in settings if setting.scope == scope):
            initial = {"required": "(required)", '""': "(empty)"}.get(setting.initial)
            initial = initial or f"`{setting.initial}`"
            name = f"`{setting.name}`" + (" (internal)" if setting.internal else "")
            text = setting.text
            if setting.sources:
                text += " Default from " + ", ".join(f"`{name}`" for name, _ in setting.sources)
                text += "."
            update = setting.update if scope == "broker" else "at any time"
            lines.append(f"| {name} | {setting.type} | {initial} | {setting.limits()} | {update} "
                         f"| {setting.cls} | {text} |")
        lines.append("")
    return "\n".join(lines)


def compare(settings, path):
    """Prints what differs; gregor's own keys are no difference."""
    ours = {(setting.scope, setting.name): setting for setting in settings}
    theirs = {(setting.scope, setting.name): setting for setting in read(path)}
    differences = 0
    for key, setting in theirs.items():
        if key not in ours:
            print(f"missing: {key}")
        elif ours[key].facts() != setting.facts():
            print(f"differs: {key}\n  schema {ours[key].facts()}\n  Kafka  {setting.facts()}")
        else:
            continue
        differences += 1
    for scope, name in ours.keys() - theirs.keys():
        print(f"gregor's own: {scope} {name}")
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schema", type=pathlib.Path, default=SCHEMA)
    parser.add_argument("--header", type=pathlib.Path)
    parser.add_argument("--source", type=pathlib.Path)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--check-docs", action="store_true")
    parser.add_argument("--compare", type=pathlib.Path)
    arguments = parser.parse_args()
    settings = read(arguments.schema)
    check(settings)
    if arguments.header:
        arguments.header.write_text(header(settings))
    if arguments.source:
        arguments.source.write_text(source(settings))
    if arguments.docs:
        DOCS.write_text(docs(settings))
    if arguments.check_docs and (not DOCS.exists() or DOCS.read_text() != docs(settings)):
        sys.exit("docs/config.md is stale: run tools/settingsc.py --docs")
    if arguments.compare and compare(settings, arguments.compare):
        sys.exit(1)


if __name__ == "__main__":
    main()
