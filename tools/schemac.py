#!/usr/bin/env python3
"""Makes C out of schema/: structs and field tables of messages, errors, the list of APIs, and docs.

usage: schemac.py SCHEMA-FOLDER OUTPUT-FOLDER      writes messages.h .c, errors.h .c, apis.h .c
       schemac.py --docs SCHEMA-FOLDER DOCS-FOLDER writes apis.md and errors.md
       schemac.py --check-docs [ROOT]              fails if these are stale

The notation: a line is a message (no indent) or a field (two blanks for each level): its name, its
type, then versions, null=VERSIONS, tag=N, tagged=VERSIONS, default=VALUE, ignorable, key,
never-flexible. []TYPE is an array; a type in capitals is a struct whose fields follow, or one named
by a `struct` line. What stands after # is for readers, behind a line or above it; what stands above
a message goes into the docs.
"""

import os
import re
import sys

NUMBERS = {"bool": "bool", "int8": "int8_t", "int16": "int16_t", "uint16": "uint16_t",
           "int32": "int32_t", "uint32": "uint32_t", "int64": "int64_t", "float64": "double"}
SLICES = ("string", "bytes", "records")
KEYWORDS = {"default", "register", "switch", "case", "int", "long", "short", "auto", "static",
            "union"}
VERSION_MAX = 32767
KINDS = ("request", "response", "metadata", "coordinator-key", "coordinator-value", "header",
         "data")


class SchemaError(Exception):
    pass


def snake(name):
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def parse_versions(text):
    """(first, last) of "3", "3-5", "3+"; an empty range for "none"."""
    if text == "none":
        return VERSION_MAX, -1
    if text.endswith("+"):
        return int(text[:-1]), VERSION_MAX
    first, _, last = text.partition("-")
    return int(first), int(last or first)


class Field:
    def __init__(self, name, kind, versions):
        self.name = name
        self.is_array = kind.startswith("[]")
        self.type = kind[2:] if self.is_array else kind
        self.versions = versions
        self.null = (VERSION_MAX, -1)
        self.tag, self.tagged = -1, (VERSION_MAX, -1)
        self.default = None
        self.ignorable = self.never_flexible = self.is_key = False
        self.struct = None

    @property
    def c_name(self):
        return self.name + "_" if self.name in KEYWORDS else self.name

    @property
    def is_pointer(self):
        """A struct that may be null somewhere."""
        return self.struct is not None and not self.is_array and self.null[0] <= self.null[1]

    def take(self, word):
        key, _, value = word.partition("=")
        if re.fullmatch(r"\d+(\+|-\d+)?", word):
            self.versions = parse_versions(word)
        elif key == "null":
            self.null = parse_versions(value)
        elif key == "tag":
            self.tag = int(value)
        elif key == "tagged":
            self.tagged = parse_versions(value)
        elif key == "default":
            self.default = "" if value == '""' else value
        elif word == "ignorable":
            self.ignorable = True
        elif word == "key":
            self.is_key = True
        elif word == "never-flexible":
            self.never_flexible = True
        else:
            raise SchemaError("what is '%s' of field %s?" % (word, self.name))

    def finish(self):
        if self.tag >= 0 and self.tagged[0] > self.tagged[1]:
            self.tagged = self.versions
        return self


class Struct:
    def __init__(self, c_name):
        self.c_name = c_name
        self.fields = []
        self.stands_for_absent = False  # see emit_initial


class Message:
    def __init__(self, kind, name, comment):
        self.kind, self.name, self.comment = kind, name, comment
        self.id = -1
        self.versions = self.flexible = (VERSION_MAX, -1)
        self.served, self.listeners = None, ()
        self.common = {}
        self.announced = {}  # structs that fields named before they were written
        self.structs = []  # inner ones before outer ones
        suffix = "_" + kind if kind in ("request", "response") else ""
        self.c_name = snake(name) + suffix
        self.struct = Struct(self.c_name)

    @property
    def full_name(self):
        return self.name + (self.kind.capitalize() if self.kind in ("request", "response") else "")

    def take(self, word):
        key, _, value = word.partition("=")
        if key == "id":
            self.id = int(value)
        elif key == "versions":
            self.versions = parse_versions(value)
        elif key == "flexible":
            self.flexible = parse_versions(value)
        elif key == "served":
            self.served = parse_versions(value)
        elif key == "on":
            self.listeners = tuple(v for v in value.split(",") if v)
        else:
            raise SchemaError("what is '%s' of %s?" % (word, self.name))


def parse(text):
    """The messages of one file."""
    messages, comment = [], []
    stack = []  # (depth, struct, versions) of the fields that may follow
    for number, line in enumerate(text.splitlines(), 1):
        body, _, remark = line.partition("#")
        if not body.strip():
            if remark:
                comment.append(remark.strip())
            continue
        indent = len(body) - len(body.lstrip())
        depth, words = indent // 2, body.split()
        try:
            if indent % 2:
                raise SchemaError("indented by half a level")
            if depth == 0:
                if words[0] not in KINDS:
                    raise SchemaError("no kind of message: " + words[0])
                message = Message(words[0], words[1], " ".join(comment))
                for word in words[2:]:
                    message.take(word)
                messages.append(message)
                stack, comment = [(1, message.struct, (0, VERSION_MAX))], []
                continue
            while stack and stack[-1][0] > depth:
                stack.pop()
            if not stack or stack[-1][0] != depth:
                raise SchemaError("indented too far")
            parse_field(messages[-1], words, depth, stack)
            comment = []  # what stood above was the field's
        except SchemaError as error:
            raise SchemaError("line %d: %s" % (number, error)) from None
        except (IndexError, ValueError):
            raise SchemaError("line %d: a word is missing or no number" % number) from None
    for message in messages:
        for name, struct in message.announced.items():
            if not struct.fields:
                raise SchemaError("%s: no fields of struct %s" % (message.name, name))
    for message in messages:
        order_structs(message, message.struct, set())
        for field in (field for struct in message.structs for field in struct.fields):
            if field.is_pointer and field.default != "null":
                field.struct.stands_for_absent = True
    return messages


def parse_field(message, words, depth, stack):
    if words[0] == "struct":
        # a common struct may stand behind another one that uses it
        struct = message.announced.pop(words[1], None)
        struct = struct or Struct(message.c_name + "_" + snake(words[1]))
        message.common[words[1]] = struct
        stack.append((depth + 1, struct, parse_versions(words[2])))
        return
    field = Field(words[0], words[1], stack[-1][2])
    for word in words[2:]:
        field.take(word)
    stack[-1][1].fields.append(field.finish())
    if field.type in NUMBERS or field.type in SLICES or field.type == "uuid":
        return
    if not field.type[0].isupper():
        raise SchemaError("no type: " + field.type)
    if field.type in message.common:
        field.struct = message.common[field.type]
        return
    name = message.c_name + "_" + snake(field.type)
    field.struct = message.announced.setdefault(field.type, Struct(name))
    stack.append((depth + 1, field.struct, field.versions))


def order_structs(message, struct, seen):
    if struct.c_name in seen:
        return
    seen.add(struct.c_name)
    for field in struct.fields:
        if field.struct is not None:
            order_structs(message, field.struct, seen)
    message.structs.append(struct)


def load(folder):
    messages = []
    for part in ("api", "record", "file"):
        for path, folders, files in os.walk(os.path.join(folder, part)):
            folders.sort()
            for name in sorted(files):
                full = os.path.join(path, name)
                with open(full, encoding="utf-8") as file:
                    try:
                        messages += parse(file.read())
                    except SchemaError as error:
                        raise SystemExit("%s: %s" % (full, error)) from None
    return messages


# --- messages ------------------------------------------------------------------------------------

def c_type(field):
    if field.type in NUMBERS:
        return NUMBERS[field.type]
    if field.type == "uuid":
        return "struct uuid"
    if field.struct is not None:
        return "struct " + field.struct.c_name
    return "struct slice"


def emit_struct(struct, out):
    out.append("struct %s {" % struct.c_name)
    for field in struct.fields:
        star = "*" if field.is_array or field.is_pointer else ""
        out.append("    %s %s%s;" % (c_type(field), star, field.c_name))
        if field.is_array:
            out.append("    int32_t %s_count;" % field.c_name)
    if not struct.fields:
        out.append("    char empty;")
    out += ["};", ""]


def number_of(field):
    text = field.default
    if text is None or text == "null":
        return "0"
    if field.type == "bool":
        return "1" if text == "true" else "0"
    value = int(text, 0)
    return "INT64_MIN" if value == -2 ** 63 else "%dLL" % value


def emit_field(struct, field, out):
    kind = "STRUCT" if field.struct is not None else field.type.upper()
    flags = []
    if field.is_array:
        flags.append("WIRE_ARRAY")
    if field.is_pointer:
        flags.append("WIRE_POINTER")
    if field.ignorable:
        flags.append("WIRE_IGNORABLE")
    if field.never_flexible:
        flags.append("WIRE_NEVER_FLEXIBLE")
    if field.default == "null":
        flags.append("WIRE_DEFAULT_NULL")
    cells = [
        '.name = "%s"' % camel(field.name),
        ".kind = WIRE_" + kind,
        ".flags = " + (" | ".join(flags) or "0"),
        ".first = %d, .last = %d" % field.versions,
        ".null_first = %d, .null_last = %d" % field.null,
        ".tagged_first = %d, .tagged_last = %d, .tag = %d" % (field.tagged + (field.tag,)),
        ".offset = offsetof(struct %s, %s)" % (struct.c_name, field.c_name),
    ]
    if field.is_array:
        cells.append(".count_offset = offsetof(struct %s, %s_count)"
                     % (struct.c_name, field.c_name))
    if field.struct is not None:
        cells.append(".type = &type_" + field.struct.c_name)
    if field.type == "float64":
        if field.default not in (None, "0.0"):
            raise SystemExit("a real default: teach the codec")
    elif field.type in NUMBERS and not field.is_array:
        cells.append(".number = " + number_of(field))
    elif field.type == "string" and field.default not in (None, "null"):
        cells.append('.text = "%s"' % field.default)
    out.append("    {%s}," % ", ".join(cells))


def emit_initial(struct, out):
    """The struct with every field its default: what a pointer to it holds where the bytes say nothing,
    though it could be null."""
    cells = []
    for field in struct.fields:
        if field.is_array:
            cells.append(".%s_count = %d" % (field.c_name, -1 if field.default == "null" else 0))
        elif field.type in ("string", "bytes", "records") and field.default is None:
            cells.append('.%s = {(const uint8_t *)"", 0}' % field.c_name)
        elif field.struct is not None or field.default not in (None, "null"):
            raise SystemExit("%s of a struct that stands for absent: teach schemac" % field.name)
    out.append("static const struct %s initial_%s = {%s};"
               % (struct.c_name, struct.c_name, ", ".join(cells)))


def emit_type(struct, out):
    if struct.fields:
        out.append("static const struct wire_field fields_%s[] = {" % struct.c_name)
        for field in struct.fields:
            emit_field(struct, field, out)
        out.append("};")
    fields = "fields_" + struct.c_name if struct.fields else "NULL"
    initial = "&initial_" + struct.c_name if struct.stands_for_absent else "NULL"
    if struct.stands_for_absent:
        emit_initial(struct, out)
    out.append("static const struct wire_type type_%s = {%s, %d, sizeof(struct %s), %s};"
               % (struct.c_name, fields, len(struct.fields), struct.c_name, initial))
    out.append("")


MADE = "/* Made by tools/schemac.py from schema/. */"


def messages_h(messages):
    out = [MADE, "#ifndef GREGOR_WIRE_MESSAGES_H", "#define GREGOR_WIRE_MESSAGES_H", "",
           '#include "base/slice.h"', '#include "base/uuid.h"', "", "struct wire_message;", ""]
    for message in messages:
        if message.comment:
            out.append("/* %s */" % message.comment)
        for struct in message.structs:
            emit_struct(struct, out)
        out += ["extern const struct wire_message wire_%s;" % message.c_name, ""]
    out += ["/* Every message, and how many there are. */",
            "extern const struct wire_message *const wire_messages[];",
            "extern const int wire_message_count;", "",
            "/* The metadata record of this id; NULL: no such record. */",
            "const struct wire_message *wire_metadata_record(int16_t id);", "", "#endif"]
    return out


def messages_c(messages):
    out = [MADE, '#include "wire/messages.h"', "", '#include "wire/tables.h"', ""]
    for message in messages:
        for struct in message.structs:
            emit_type(struct, out)
        out.append('const struct wire_message wire_%s = {&type_%s, "%s", %d, %d, %d, %d};'
                   % (message.c_name, message.c_name, message.full_name, message.id,
                      message.versions[0], message.versions[1], message.flexible[0]))
        out.append("")
    out.append("const struct wire_message *const wire_messages[] = {")
    out += ["    &wire_%s," % m.c_name for m in messages]
    out += ["};", "const int wire_message_count = %d;" % len(messages), "",
            "const struct wire_message *wire_metadata_record(int16_t id)", "{", "    switch (id) {"]
    for m in messages:
        if m.kind == "metadata" and not m.name.startswith("Remote"):
            out += ["    case %d:" % m.id, "        return &wire_%s;" % m.c_name]
    out += ["    default:", "        return NULL;", "    }", "}"]
    return out


# --- APIs ----------------------------------------------------------------------------------------

def pairs(messages):
    answers = {m.id: m for m in messages if m.kind == "response"}
    return [(m, answers[m.id]) for m in sorted((m for m in messages if m.kind == "request"),
                                               key=lambda m: m.id)]


def apis_h(messages):
    out = [MADE, "#ifndef GREGOR_WIRE_APIS_H", "#define GREGOR_WIRE_APIS_H", "",
           '#include "wire/messages.h"', "", "enum api_key {"]
    out += ["    API_%s = %d," % (snake(m.name).upper(), m.id) for m, _ in pairs(messages)]
    out += ["};", "",
            "struct wire_api {",
            "    const char *name;", "    const struct wire_message *request, *response;",
            "    int16_t key;",
            "    int16_t version_min, version_max; /* as ApiVersions tells them */",
            "    int16_t flexible_from;            /* 32767: never */",
            "    bool on_broker, on_controller;    /* listeners that serve it */",
            "};", "",
            "const struct wire_api *wire_api_find(int16_t key); /* NULL: no such API */",
            "int16_t wire_request_header_version(const struct wire_api *api, int16_t version);",
            "/* ApiVersions answers with the oldest header: who asks does not know us yet. */",
            "int16_t wire_response_header_version(const struct wire_api *api, int16_t version);",
            "", "#endif"]
    return out


def apis_c(messages):
    out = [MADE, '#include "wire/apis.h"', "", "static const struct wire_api apis[] = {"]
    for request, response in pairs(messages):
        out.append('    [%d] = {"%s", &wire_%s, &wire_%s, %d, %d, %d, %d, %s, %s},' % (
            request.id, request.name, request.c_name, response.c_name, request.id, request.served[0],
            request.served[1], request.flexible[0], str("broker" in request.listeners).lower(),
            str("controller" in request.listeners).lower()))
    out += ["};", "", "const struct wire_api *wire_api_find(int16_t key)", "{",
            "    const size_t count = sizeof(apis) / sizeof(apis[0]);",
            "    bool there = key >= 0 && (size_t)key < count && apis[key].name != NULL;",
            "    return there ? &apis[key] : NULL;", "}",
            "",
            "int16_t wire_request_header_version(const struct wire_api *api, int16_t version)",
            "{", "    return version >= api->flexible_from ? 2 : 1;", "}", "",
            "int16_t wire_response_header_version(const struct wire_api *api, int16_t version)",
            "{",
            "    if (api->key == API_API_VERSIONS) return 0;",
            "    return version >= api->flexible_from ? 1 : 0;", "}"]
    return out


# --- errors --------------------------------------------------------------------------------------

def load_errors(folder):
    errors = []
    with open(os.path.join(folder, "errors"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                cells = line.split(None, 3) + [""]
                errors.append((int(cells[0]), cells[1], cells[2] == "retriable", cells[3].strip()))
    return errors


def errors_h(errors):
    out = [MADE, "#ifndef GREGOR_WIRE_ERRORS_H", "#define GREGOR_WIRE_ERRORS_H", "",
           "#include <stdbool.h>", "", "/* What a peer is told. (Errors.java) */",
           "enum kafka_error {"]
    out += ["    KAFKA_ERROR_%s = %d," % (name, code) for code, name, _, _ in errors]
    out += ["};", "",
            'const char *kafka_error_name(enum kafka_error error); /* "NOT_LEADER_OR_FOLLOWER" */',
            "const char *kafka_error_text(enum kafka_error error);"
            " /* as Kafka's messages say it */",
            "bool kafka_error_is_retriable(enum kafka_error error);", "", "#endif"]
    return out


def errors_c(errors):
    out = [MADE, '#include "wire/errors.h"', "", "static const struct {",
           "    const char *name, *text;", "    int code;", "    bool retriable;", "} errors[] = {"]
    for code, name, retriable, text in errors:
        out.append('    {"%s", "%s", %d, %s},' % (name, text.replace('"', '\\"'), code,
                                                 str(retriable).lower()))
    low = errors[0][0]
    if [e[0] for e in errors] != list(range(low, low + len(errors))):
        raise SystemExit("schema/errors: the codes are not dense")
    out += ["};", "", "enum { FIRST = %d, COUNT = %d };" % (low, len(errors)), "",
            "/* A code that we do not know is a newer broker's: unknown to us. */",
            "static int row(enum kafka_error error)", "{",
            "    int index = (int)error - FIRST;",
            "    return index >= 0 && index < COUNT ? index : 0;", "}", "",
            "const char *kafka_error_name(enum kafka_error error)", "{",
            "    return errors[row(error)].name;", "}", "",
            "const char *kafka_error_text(enum kafka_error error)", "{",
            "    return errors[row(error)].text;", "}", "",
            "bool kafka_error_is_retriable(enum kafka_error error)", "{",
            "    return errors[row(error)].retriable;", "}"]
    return out


# --- docs ----------------------------------------------------------------------------------------

def range_text(versions):
    first, last = versions
    return "–" if first > last else str(first) if first == last else "%d–%d" % (first, last)


def apis_md(messages):
    out = ["# Kafka's APIs", "",
           "Every API of Apache Kafka 4.3.1, from `schema/api/`. What this build of gregor"
           " serves is what it", "tells itself: `gregor api versions`.", "",
           "| key | API | versions | flexible from | listeners | what for |",
           "|--:|--|--|--|--|--|"]
    for request, _ in pairs(messages):
        flexible = request.flexible[0] if request.flexible[0] < VERSION_MAX else "–"
        out.append("| %d | %s | %s | %s | %s | %s |" % (
            request.id, request.name, range_text(request.served), flexible,
            ", ".join(request.listeners), request.comment))
    return out


def errors_md(errors):
    out = ["# Errors", "", "The codes of the protocol, from `schema/errors`.", "",
           "| code | name | try again? | what it says |", "|--:|--|--|--|"]
    out += ["| %d | %s | %s | %s |"
            % (code, name, "yes" if retriable else "no", text.replace("|", "\\|"))
            for code, name, retriable, text in errors]
    return out


def write(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def docs(schema):
    return {"apis.md": apis_md(load(schema)), "errors.md": errors_md(load_errors(schema))}


def check_docs(root):
    stale = []
    for name, lines in docs(os.path.join(root, "schema")).items():
        path = os.path.join(root, "docs", name)
        wanted, found = "\n".join(lines) + "\n", None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found = file.read()
        if found != wanted:
            stale.append(path)
    for path in stale:
        print("%s is stale: run tools/schemac.py --docs schema docs" % path)
    return 1 if stale else 0


def main(arguments):
    if arguments[:1] == ["--check-docs"]:
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        return check_docs(arguments[1] if len(arguments) > 1 else root)
    if arguments[:1] == ["--docs"]:
        for name, lines in docs(arguments[1]).items():
            write(arguments[2], name, lines)
        return 0
    schema, output = arguments
    messages, errors = load(schema), load_errors(schema)
    write(output, "messages.h", messages_h(messages))
    write(output, "messages.c", messages_c(messages))
    write(output, "apis.h", apis_h(messages))
    write(output, "apis.c", apis_c(messages))
    write(output, "errors.h", errors_h(errors))
    write(output, "errors.c", errors_c(errors))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
