#!/usr/bin/env python3
"""What schemac.py takes, what it refuses and by which line, and the C that it makes."""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

import schemac

HEAD = "request Ping id=3 versions=0-4 flexible=2+ served=1-4 on=broker,controller\n"


def one(fields, head=HEAD):
    message, = schemac.parse(head + fields)
    return message


class NotationTest(unittest.TestCase):
    def refused(self, text, words):
        with self.assertRaises(schemac.SchemaError) as raised:
            schemac.parse(text)
        self.assertIn(words, str(raised.exception))

    def test_versions(self):
        last = schemac.VERSION_MAX
        for text, expected in (("3", (3, 3)), ("3-5", (3, 5)), ("3+", (3, last)), ("none", (last, -1))):
            self.assertEqual(schemac.parse_versions(text), expected)

    def test_a_message(self):
        message = one("")
        self.assertEqual((message.full_name, message.c_name), ("PingRequest", "ping_request"))
        self.assertEqual((message.id, message.versions, message.served), (3, (0, 4), (1, 4)))
        self.assertEqual(message.flexible, (2, schemac.VERSION_MAX))
        self.assertEqual(message.listeners, ("broker", "controller"))

    def test_a_field(self):
        field = one('  group_id string 1-3 null=2+ default="" ignorable key tag=5 tagged=3+\n').struct.fields[0]
        self.assertEqual((field.type, field.versions, field.null), ("string", (1, 3), (2, schemac.VERSION_MAX)))
        self.assertEqual((field.default, field.tag, field.tagged), ("", 5, (3, schemac.VERSION_MAX)))
        self.assertTrue(field.ignorable and field.is_key)
        self.assertFalse(field.is_array or field.never_flexible)

    def test_a_tag_is_tagged_where_the_field_is(self):
        self.assertEqual(one("  a int32 3-4 tag=0\n").struct.fields[0].tagged, (3, 4))

    def test_versions_are_inherited(self):
        message = one("  outer []Outer 2-3\n    a int8\n    b int8 3\n  c int8\n")
        outer, c = message.struct.fields
        self.assertEqual([f.versions for f in outer.struct.fields], [(2, 3), (3, 3)])
        self.assertEqual(c.versions, (0, schemac.VERSION_MAX))

    def test_words_of_c_are_no_names(self):
        self.assertEqual(one("  default int8\n").struct.fields[0].c_name, "default_")

    def test_comments(self):
        first, second = schemac.parse("# What for.\n# And why.\n" + HEAD + "  # of the field\n  a int8 # b int8\n"
                                      + HEAD.replace("Ping", "Pong"))
        self.assertEqual(first.comment, "What for. And why.")
        self.assertEqual([f.name for f in first.struct.fields], ["a"])
        self.assertEqual(second.comment, "")

    def test_common_structs_behind_and_before_their_use(self):
        fields = ["  first []Pair 1+\n", "  second Pair\n", "  struct Pair 0+\n    key string\n    inner []Inner\n"
                  "      a int8\n"]
        for order in ((0, 1, 2), (2, 0, 1), (0, 2, 1)):
            message = one("".join(fields[i] for i in order))
            first, second = message.struct.fields
            self.assertIs(first.struct, second.struct)
            self.assertEqual([f.name for f in first.struct.fields], ["key", "inner"])
            self.assertEqual([s.c_name for s in message.structs],
                             ["ping_request_inner", "ping_request_pair", "ping_request"])

    def test_what_is_refused(self):
        for text, words in (
                ("reqest Ping\n", "line 1: no kind of message: reqest"),
                ("request\n", "line 1: a word is missing"),
                ("request Ping id=x\n", "line 1: a word is missing or no number"),
                ("request Ping color=red\n", "line 1: what is 'color=red' of Ping?"),
                ("  a int8\n", "line 1: indented too far"),
                (HEAD + "    a int8\n", "line 2: indented too far"),
                (HEAD + "  a int8\n    b int8\n", "line 3: indented too far"),
                (HEAD + "  a int8\n   b int8\n", "line 3: indented by half a level"),
                (HEAD + "\n# words\n  a\n", "line 4: a word is missing"),
                (HEAD + "  a int9\n", "line 2: no type: int9"),
                (HEAD + "  a int8 nullable\n", "line 2: what is 'nullable' of field a?"),
                (HEAD + "  a int8 tag=one\n", "line 2: a word is missing or no number"),
                (HEAD + "  a []Lost\n", "Ping: no fields of struct Lost")):
            with self.subTest(text):
                self.refused(text, words)


class OutputTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.schema, self.output = self.root / "schema", self.root / "docs"
        (self.schema / "api").mkdir(parents=True)
        self.output.mkdir()
        self.fields = ("  topic string null=0+ default=null\n  count int64 default=-9223372036854775808\n"
                       "  items []Item 1+\n    switch bool default=true\n  rest Rest null=3+ tag=0 tagged=3+ 3+\n"
                       "    text string\n")
        (self.schema / "api" / "03_ping").write_text(
            "# Is it there?\n" + HEAD + self.fields + "response Ping id=3 versions=0-4 flexible=2+\n")
        (self.schema / "errors").write_text("-1 UNKNOWN -  Who knows.\n 0 NONE -\n 1 LATE retriable Wait | see.\n")

    def run_main(self, *arguments):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = schemac.main([str(argument) for argument in arguments])
        return code, out.getvalue()

    def test_the_c_compiles_and_holds_the_facts(self):
        self.run_main(self.schema, self.output)
        sources = pathlib.Path(schemac.__file__).resolve().parent.parent / "src"
        (self.root / "wire").symlink_to(self.output)
        program = self.root / "facts.c"
        program.write_text("""
#include "wire/apis.h"
#include "wire/errors.h"
#include "wire/tables.h"
#include <stdio.h>
int main(void)
{
    struct ping_request request = {.items = &(struct ping_request_item){.switch_ = true}, .items_count = 1};
    const struct wire_field *fields = wire_ping_request.type->fields;
    const struct wire_api *api = wire_api_find(3);
    printf("%d %s %s ", request.items_count, wire_ping_request.name, fields[0].name);
    printf("%d %d %d ", fields[1].number == INT64_MIN, fields[2].first, (int)fields[2].type->fields[0].number);
    printf("%d %d %d ", fields[3].tag, fields[3].tagged_first, fields[3].type->initial != NULL);
    printf("%d %d %d ", api->version_min, api->on_controller, wire_api_find(4) == NULL);
    printf("%d %d ", wire_request_header_version(api, 1), wire_response_header_version(api, 2));
    printf("%s %s %d", kafka_error_name(KAFKA_ERROR_LATE), kafka_error_name(77),
           kafka_error_is_retriable(KAFKA_ERROR_LATE));
    return 0;
}
""")
        # The table knows ApiVersions by its key: here no such API is described.
        binary = self.root / "facts"
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-DAPI_API_VERSIONS=18",
                        "-iquote", self.root, "-iquote", sources, "-o", binary, program,
                        *sorted(self.output.glob("*.c"))], check=True)
        facts = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
        self.assertEqual(facts, "1 PingRequest topic 1 1 1 0 3 1 1 1 1 1 1 LATE UNKNOWN 1")

    def test_docs(self):
        self.assertEqual(self.run_main("--docs", self.schema, self.output), (0, ""))
        self.assertIn("| 3 | Ping | 1–4 | 2 | broker, controller | Is it there? |",
                      (self.output / "apis.md").read_text())
        self.assertIn("| 1 | LATE | yes | Wait \\| see. |", (self.output / "errors.md").read_text())
        self.assertEqual(self.run_main("--check-docs", self.root), (0, ""))
        (self.output / "errors.md").write_text("old\n")
        code, said = self.run_main("--check-docs", self.root)
        self.assertEqual((code, "errors.md is stale" in said, "apis.md" in said), (1, True, False))

    def test_a_fault_names_its_file(self):
        (self.schema / "api" / "04_pong").write_text("request Pong id=4\n  a int9\n")
        with self.assertRaises(SystemExit) as raised:
            self.run_main(self.schema, self.output)
        self.assertTrue(str(raised.exception).endswith("04_pong: line 2: no type: int9"))

    def test_codes_of_errors_are_dense(self):
        (self.schema / "errors").write_text("0 NONE -\n2 LATE -  Late.\n")
        with self.assertRaises(SystemExit) as raised:
            self.run_main(self.schema, self.output)
        self.assertIn("not dense", str(raised.exception))


if __name__ == "__main__":
    run = unittest.main(exit=False, verbosity=2).result
    bad = len(run.failures) + len(run.errors)
    print(f"{run.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
