#!/usr/bin/env python3
"""The notation of schema/settings as settingsc.py reads it, and what it makes of it."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

import settingsc

TEXT = """# words for readers

scope topic

retention.ms long = 604800000 [-1..] medium honoured from log.retention.ms,log.retention.hours*3600000
    How long.

scope broker

log.retention.ms long = null medium cluster-wide honoured
    How long, in ms.
log.retention.hours int = 168 [1..9000] high read-only honoured
    How long,
    in hours.
mode list = "" {fast "slow} unique any-case low per-broker accepted internal
    Which way.
broker.id.wanted int = required high read-only refused
    Who.
"""


class SettingsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def read(self, text, name="settings"):
        path = self.root / name
        path.write_text(text)
        settings = settingsc.read(path)
        settingsc.check(settings)
        return settings

    def refused(self, text, words):
        with self.assertRaises(AssertionError) as raised:
            self.read(text)
        self.assertIn(words, str(raised.exception))

    def test_order_is_scope_then_name(self):
        self.assertEqual([s.id() for s in self.read(TEXT)],
                         ["SETTING_BROKER_ID_WANTED", "SETTING_LOG_RETENTION_HOURS", "SETTING_LOG_RETENTION_MS",
                          "SETTING_MODE", "TOPIC_SETTING_RETENTION_MS"])

    def test_facts(self):
        wanted, hours, ms, mode, topic = self.read(TEXT)
        self.assertEqual((hours.type, hours.default(), hours.minimum, hours.maximum), ("int", "168", "1", "9000"))
        self.assertEqual((hours.text, hours.importance, hours.update), ("How long, in hours.", "high", "read-only"))
        self.assertEqual((mode.words, mode.checks, mode.cls), (["fast", '"slow'], ["unique", "any-case"], "accepted"))
        self.assertTrue(mode.internal and not hours.internal)
        self.assertEqual((mode.default(), ms.default(), wanted.default()), ("", None, None))
        self.assertEqual(topic.sources, [("log.retention.ms", 1), ("log.retention.hours", 3600000)])
        self.assertEqual((topic.minimum, topic.maximum, topic.update), ("-1", "", "cluster-wide"))

    def test_what_is_refused(self):
        line = "a.b int = 1 low read-only honoured\n"
        for text, words in (
                ("scope moon\n", "scope moon"),
                ("scope broker\n" + line.replace("int", "byte") + "  x\n", "a.b byte"),
                ("scope broker\n" + line.replace("=", "is") + "  x\n", "a.b int is"),
                ("scope broker\n" + line.replace("low", "low high") + "  x\n", "one of ['low'"),
                ("scope broker\n" + line.replace(" read-only", "") + "  x\n", "one of ['read-only'"),
                ("scope broker\n" + line.replace("low", "low shiny") + "  x\n", "shiny"),
                ("scope broker\n" + line, "a.b has no text"),
                ("scope broker\n" + line.replace(" honoured", "") + "  x\n", "a.b has no class"),
                ("scope broker\n" + 2 * (line + "  x\n"), "a key stands twice"),
                ("scope topic\na.b int = 1 low honoured from c.d\n  x\n", "c.d, which is no key")):
            with self.subTest(text):
                self.refused(text, words)

    def test_header_and_source(self):
        settings = self.read(TEXT)
        self.assertIn("enum { SETTING_BROKER_COUNT = 4 };", settingsc.header(settings))
        ids = [line.strip(" ,") for line in settingsc.header(settings).splitlines() if line.startswith("    ")]
        self.assertEqual(ids, [s.id() for s in settings] + ["SETTING_COUNT"])
        source = settingsc.source(settings)
        self.assertIn('words_SETTING_MODE[] = {"fast", "\\"slow", NULL};', source)
        self.assertIn("from_TOPIC_SETTING_RETENTION_MS[] = "
                      "{{SETTING_LOG_RETENTION_MS, 1}, {SETTING_LOG_RETENTION_HOURS, 3600000}};", source)
        self.assertIn("[TOPIC_SETTING_RETENTION_MS] = {from_TOPIC_SETTING_RETENTION_MS, 2},", source)
        rows = {s.id(): line for s in settings for line in source.splitlines()
                if line.startswith(f"    [{s.id()}] = {{.name")}
        self.assertEqual(len(rows), len(settings))
        self.assertIn('.initial = TEXT("168")', rows["SETTING_LOG_RETENTION_HOURS"])
        self.assertIn(".initial = {NULL, 0}", rows["SETTING_LOG_RETENTION_MS"])
        self.assertIn(".checks = SETTING_CHECK_UNIQUE | SETTING_CHECK_ANY_CASE", rows["SETTING_MODE"])
        self.assertIn(".required = true", rows["SETTING_BROKER_ID_WANTED"])
        self.assertIn(".update = SETTING_PER_BROKER", rows["SETTING_MODE"])

    def test_docs(self):
        docs = settingsc.docs(self.read(TEXT))
        self.assertIn("| `mode` (internal) | list | (empty) | `fast`, `\"slow` | per-broker | accepted |", docs)
        self.assertIn("| `broker.id.wanted` | int | (required) |", docs)
        self.assertIn("| 1..9000 | read-only | honoured | How long, in hours. |", docs)
        self.assertIn("How long. Default from `log.retention.ms`, `log.retention.hours`. |", docs)

    def differences(self, ours, theirs):
        out = io.StringIO()
        settings = self.read(ours)
        (self.root / "kafka").write_text(theirs)
        with contextlib.redirect_stdout(out):
            count = settingsc.compare(settings, self.root / "kafka")
        return count, out.getvalue()

    def test_compare(self):
        kafka = TEXT.replace(" honoured", "").replace(" accepted", "").replace(" refused", "")
        self.assertEqual(self.differences(TEXT, kafka), (0, ""))
        count, said = self.differences(TEXT, kafka.replace("168", "169"))
        self.assertEqual((count, said.startswith("differs: ('broker', 'log.retention.hours')")), (1, True))
        count, said = self.differences(TEXT, kafka + "new.key int = 1 low read-only\n  x\n")
        self.assertEqual((count, said), (1, "missing: ('broker', 'new.key')\n"))
        own = TEXT + "gregor.own int = 1 low read-only honoured\n  x\n"
        self.assertEqual(self.differences(own, kafka), (0, "gregor's own: broker gregor.own\n"))


if __name__ == "__main__":
    run = unittest.main(exit=False, verbosity=2).result
    bad = len(run.failures) + len(run.errors)
    print(f"{run.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
