#!/usr/bin/env python3
"""Each check of tidy.py finds what it is for, and nothing in a tree without faults."""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tidy

CLEAN = {
    "meson.build": "files('src/main.c')\n",
    "src/main.c": '#include "log/log.h"\n',
    "src/base/meson.build": "base_uses = []\nbase_lib = static_library('base', files('base.c'))\n",
    "src/base/base.h": "int base_add(int a, int b);\n",
    "src/base/base.c": '#include "base/base.h"\n\nint base_add(int a, int b)\n{\n'
                       "    return a + b;\n}\n",
    "src/os/meson.build": "os_uses = [base_dep]\nos_lib = static_library('os', files('os.c'))\n",
    "src/os/os.h": "int os_open(void);\n",
    "src/os/os.c": '#include "os/os.h"\n\n#include <fcntl.h>\n\nint os_open(void)\n{\n'
                   '    return open("x", 0) < 0 ? -errno : 0;\n}\n',
    "src/log/meson.build": "log_uses = [os_dep]\nlog_lib = static_library('log', files('log.c'))\n",
    "src/log/log.h": "int log_open(void);\n",
    "src/log/log.c": '#include "log/log.h"\n\n#include "base/base.h"\n#include "os/os.h"\n\n'
                     "/* strcpy() goto errno */\nint log_open(void)\n{\n"
                     '    ASSERT(base_add(1, 1) == 2);\n    return os_open("goto strcpy()");\n}\n',
    "script/run": "#!/bin/sh\n",
}


class TidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def tree(self, changes):
        for path, text in {**CLEAN, **changes}.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(0o755 if path == "script/run" else 0o644)
        return tidy.Tree(self.root)

    def finds(self, check, path, text, what, line=None):
        """One finding there and no other, whose words contain `what`."""
        findings = list(check(self.tree({path: text})))
        self.assertEqual([(f[0], what in f[2]) for f in findings], [(path, True)], findings)
        if line:
            self.assertEqual(findings[0][1], line)

    def test_a_clean_tree_has_no_findings(self):
        tree = self.tree({})
        for check in tidy.CHECKS:
            self.assertEqual(list(check(tree)), [], check.__name__)

    def test_layers(self):
        self.finds(tidy.check_layers, "src/base/base.c", '#include "os/os.h"\n',
                   "may not use src/os", 1)
        self.finds(tidy.check_layers, "src/log/log.c", '\n#include "os/os_private.h"\n',
                   "is private", 2)

    def test_layers_wants_the_list(self):
        self.finds(tidy.check_layers, "src/new/new.c", "int x;\n", "_uses")

    def test_kernel(self):
        self.finds(tidy.check_kernel, "src/log/log.c", "#include <sys/epoll.h>\n", "os/os.h")

    def test_banned(self):
        for name in ("strcpy", "sprintf", "strtol", "atoi", "strtok", "rand", "assert", "malloc",
                     "time", "sleep", "fsync", "pthread_create", "alloca", "system"):
            text = f"int f(void)\n{{\n    return {name}(a, b);\n}}\n"
            self.finds(tidy.check_banned, "src/log/log.c", text, name + ": use", 3)

    def test_banned_words(self):
        for line in ("goto out;", "return errno;", "_Atomic int x;", "typedef struct x y;"):
            self.finds(tidy.check_banned, "src/log/log.c", line + "\n", ": use")

    def test_banned_leaves_homes_and_members_alone(self):
        for path, line in (("src/os/os.c", "fsync(3);"), ("src/base/base.c", "malloc(3);"),
                           ("src/log/log.c", "loop->open(3);"), ("src/log/log.c", "log_open(3);"),
                           ("src/log/log.c", "typedef int (*compare)(int);"),
                           ("src/log/log_test.c", "time(NULL);")):
            self.assertEqual(list(tidy.check_banned(self.tree({path: line + "\n"}))), [], line)

    def test_sizes(self):
        self.finds(tidy.check_sizes, "src/log/log.c", "int x;\n" * 801, "801 lines")
        self.finds(tidy.check_sizes, "src/log/log.c", "/* " + "x" * 98 + "\n",
                   "101 columns", 1)
        body = "void f(void)\n{\n" + "    x();\n" * 71 + "}\n"
        self.finds(tidy.check_sizes, "src/log/log.c", body, "71 lines", 2)

    def test_sizes_of_python(self):
        self.finds(tidy.check_sizes, "tools/x.py", "#" * 120 + "\n" + "#" * 121 + "\n", "121 columns", 2)

    def test_words(self):
        self.finds(tidy.check_words, "src/log/log.h", "/* TO" "DO */\n", "do it", 1)
        self.finds(tidy.check_words, "script/run", "#!/bin/sh \n", "blanks")
        self.finds(tidy.check_words, "README.md", "see /ro" "ot/x\n", "machine")

    def test_asserts(self):
        text = "int f(void)\n{\n    return 1;\n}\n" * 20
        findings = list(tidy.check_asserts(self.tree({"src/log/log.c": text})))
        self.assertEqual([(f[0], f[2].split(";")[0]) for f in findings],
                         [("src/log/", "0 assertions in 80 lines of code")])

    def test_listed(self):
        self.finds(tidy.check_listed, "src/log/dead.c", "int x;\n", "no meson.build")

    def test_loggers(self):
        self.finds(tidy.check_loggers, "src/log/log.c", 'f(\n"kafka.log.UnifiedLog");\n',
                   "src/base/trace.c", 2)

    def test_loggers_sees_the_table(self):
        files = {"src/base/trace.c": 'const char *const loggers[] = {\n"kafka.log.UnifiedLog",\n};',
                 "src/log/log.c": 'f("kafka.log.UnifiedLog");\n'}
        self.assertEqual(list(tidy.check_loggers(self.tree(files))), [])

    def test_listed_sees_lists_of_tests(self):
        build = CLEAN["src/log/meson.build"] + "foreach t : ['live_test']\nendforeach\n"
        files = {"src/log/live_test.c": "", "src/log/dead_test.c": "", "src/log/meson.build": build}
        findings = tidy.check_listed(self.tree(files))
        self.assertEqual([f[0] for f in findings], ["src/log/dead_test.c"])

    def test_bits(self):
        self.finds(tidy.check_bits, "script/other", "#!/bin/sh\n", "no executable bit")

    def test_bits_without_a_first_line(self):
        self.tree({})
        os.chmod(self.root / "src/log/log.c", 0o755)
        findings = tidy.check_bits(tidy.Tree(self.root))
        self.assertEqual([f[0] for f in findings], ["src/log/log.c"])

    def test_docs(self):
        self.finds(tidy.check_docs, "tools/schemac.py", "import sys\nsys.exit('old')\n",
                   "stale docs: old")
        self.assertEqual(list(tidy.check_docs(self.tree({"tools/schemac.py": "pass\n"}))), [])

    def library(self, path, code):
        """A static library in a build folder, made of `code`."""
        folder = self.root / "build" / "src" / path
        folder.mkdir(parents=True)
        subprocess.run(["gcc", "-c", "-O2", "-x", "c", "-", "-o", folder / "x.o"], input=code,
                       text=True, check=True)
        library = folder / f"lib{os.path.basename(path)}.a"
        subprocess.run(["ar", "rcs", library, folder / "x.o"], check=True)

    def test_pure(self):
        self.library("base", "int base_add(int a) { return a + 1; }\n")
        self.library("wire", "int wire_size(void) { return 1; }\n")
        self.library("core/one", "#include <string.h>\nint base_add(int); int wire_size(void);\n"
                     "int one(char *p) { return base_add(wire_size()) + (int)strlen(p); }\n")
        tree = self.tree({})
        self.assertEqual(list(tidy.check_pure(tree, self.root / "build")), [])
        self.library("core/two", "#include <time.h>\nint one(char *);\n"
                     "int two(char *p) { return one(p) + (int)time(0); }\n")
        findings = list(tidy.check_pure(tree, self.root / "build"))
        self.assertEqual([f[2].split()[0] for f in findings], ["time"])

    def test_pure_wants_a_build(self):
        self.assertEqual(len(list(tidy.check_pure(self.tree({}), self.root / "build"))), 1)

    def test_main_counts_checks(self):
        self.tree({"src/log/log.c": "goto x;\n" + CLEAN["src/log/log.c"]})
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(tidy.main([str(self.root)]), 1)
        last = out.getvalue().splitlines()[-1]
        self.assertEqual(last, f"{len(tidy.CHECKS) - 1} passed, 1 failed")


if __name__ == "__main__":
    run = unittest.main(exit=False, verbosity=2).result
    bad = len(run.failures) + len(run.errors)
    print(f"{run.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
