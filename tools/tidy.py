#!/usr/bin/env python3
"""Checks what the compiler does not: layers, banned calls, sizes, stale docs.

usage: tidy.py [--build FOLDER] [ROOT]

With --build, the libraries of src/core/ in that build folder are read with nm, too: a brain has
no undefined symbol outside base/, wire/, core/ and a few pure functions of libc.

Prints a line for each finding and ends with "N passed, N failed", counting checks. Every check is a
function below that yields (path, line, what is wrong); tools/tidy_test.py shows that each can fail.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

COLUMNS_MAX = 100
COLUMNS_MAX_PYTHON = 120    # tests hold long names and expectations
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
ASSERTS_PER_KLOC_MIN = 25   # in core/ and log/
TOP = ("src", "sim", "test", "tools", "script", "docs", "schema", ".ci")
SKIPPED = {"__pycache__", "corpus"}

# What may not be called, what to use instead, and the folders where it may all the same.
EVERYWHERE = ()
USERS = ("src/os/", "src/cli/")     # cli/ reads the user's own files and terminal
BANNED = {
    r"(strcpy|strcat|strncpy|strncat|stpcpy)":
        ("struct slice or struct writer of base/", EVERYWHERE),
    r"(v?sprintf|gets)": ("snprintf, or struct writer", EVERYWHERE),
    r"(strtol|strtoll|strtoul|strtoull|atoi|atol|atoll|atof|v?f?s?scanf)":
        ("slice_parse_int64 of base/slice.h, which sees overflow and rubbish", EVERYWHERE),
    r"(strtok|strtok_r|strsep)": ("slices: they need no mark in the text", EVERYWHERE),
    r"(alloca|strdupa)": ("an arena", EVERYWHERE),
    r"(rand|srand|random|srandom|drand48)": ("struct prng, seeded from os/", EVERYWHERE),
    r"(setjmp|longjmp|system|popen|vfork)": ("nothing: it has no place here", EVERYWHERE),
    r"(assert)": ("ASSERT, which is always on", EVERYWHERE),
    r"(malloc|calloc|realloc|reallocarray|strdup|asprintf|vasprintf)":
        ("memory_alloc, memory_copy_text of base/memory.h, or an arena", ("src/base/",)),
    r"(free|strndup)":     # jansson gives and smartcols takes libc's own memory
        ("memory_free, or an arena", ("src/base/", "src/cli/")),
    r"(time|gettimeofday|clock_gettime|clock|localtime|getrandom)":
        ("the time or randomness in the event, or os/", ("src/os/",)),
    r"(sleep|usleep|nanosleep)": ("a timer of os/", ("src/os/",)),
    r"(open|openat|fsync|fdatasync|pread|pwrite|preadv|pwritev|unlink|rename|mmap|fork|execve?|"
    r"socket|accept4?|bind|listen|connect|recv|send|recvmsg|sendmsg|sendfile|epoll_wait|poll)":
        ("os/os.h, the only door to the kernel", USERS),
    r"(pthread_\w+)": ("a shard or a worker of os/", ("src/os/",)),
}
BANNED_WORDS = {
    r"goto": ("CLEANUP and an early return", EVERYWHERE),
    r"(_Atomic|_Thread_local|__thread|atomic_\w+)": ("a mailbox: nothing is shared", ("src/os/",)),
    r"errno": ("the function's own -errno result", USERS),
    r"typedef(?![^;]*\(\s*\*)": ("the struct's own name", EVERYWHERE),
}

# What libc may do for a brain: bytes, text and numbers; no state, no kernel.
PURE = re.compile(r"mem(cpy|move|set|cmp|chr|rchr|mem)|str(len|nlen|n?cmp|r?chr|str|n?casecmp)|"
                  r"bcmp|strtod|qsort|bsearch|v?snprintf|__(mem|str)\w+_chk|__v?snprintf_chk|"
                  r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_")

SOURCE = re.compile(r"\.[ch]$")
TEXT = re.compile(r"\.(c|h|py|sh)$|meson\.build$|^script/|^test/.*/run$|^test/lib/")


class Tree:
    """The files of the project, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.texts = {}
        for top in TOP:
            for folder, folders, files in os.walk(self.root / top):
                folders[:] = sorted(f for f in folders if f not in SKIPPED)
                for name in sorted(files):
                    self.read(pathlib.Path(folder, name))
        for path in sorted(self.root.glob("*")):
            if path.is_file():
                self.read(path)

    def read(self, path):
        try:
            self.texts[str(path.relative_to(self.root))] = path.read_text()
        except UnicodeDecodeError:
            pass    # a picture or test data

    def matching(self, pattern):
        return [(path, text) for path, text in self.texts.items() if pattern.search(path)]

    def product(self):
        """The C that ships: no tests."""
        return [(path, text) for path, text in self.matching(SOURCE)
                if path.startswith("src/") and not path.endswith(("_test.c", "_fixture.c"))]


def bare(text):
    """C without what stands in comments and strings; lines stay where they are."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    unread = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(unread, blank, text, flags=re.S)


def lines_of(text):
    return enumerate(text.splitlines(), 1)


def modules(tree):
    """Folder → the folders that its meson.build lets it use, those they stand on included."""
    folder_of, direct = {}, {}
    for path, text in tree.matching(re.compile(r"^src/.+/meson\.build$")):
        match = re.search(r"^(\w+)_uses = \[([^\]]*)\]", text, re.M)
        if match:
            folder = os.path.dirname(path)
            folder_of[match[1]] = folder
            direct[folder] = re.findall(r"(\w+)_dep\b", match[2])
    allowed = {}

    def reach(folder):
        if folder not in allowed:
            allowed[folder] = set()
            for name in direct[folder]:
                if name in folder_of:
                    allowed[folder] |= {folder_of[name]} | reach(folder_of[name])
        return allowed[folder]

    for folder in direct:
        reach(folder)
    return allowed


def check_layers(tree):
    """An #include names a module that the includer's meson.build lets it use."""
    allowed = modules(tree)
    for path, text in tree.product():
        here = os.path.dirname(path)
        if here == "src":       # main.c joins everything
            continue
        if here not in allowed:
            yield path, 1, f"{here}/meson.build has no line '…_uses = […]'"
            continue
        for number, line in lines_of(text):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            there = os.path.join("src", os.path.dirname(match[1]))
            if there != here and there not in allowed[here]:
                yield path, number, f"{here} may not use {there}: its meson.build does not name it"
            if there != here and re.search(r"private|internal", match[1]):
                yield path, number, f"{match[1]} is private to {there}"


def check_kernel(tree):
    """Headers of the kernel's calls are for os/ only."""
    header = re.compile(r"\s*#\s*include\s+<(unistd|fcntl|pthread|stdatomic|poll|signal|time|netdb|"
                        r"sys/(?!types|uio)\w+|arpa/\w+|netinet/\w+)\.h>")
    for path, text in tree.product():
        if path.startswith(USERS):
            continue
        for number, line in lines_of(text):
            if header.match(line):
                yield path, number, "the kernel is behind os/os.h"


def check_banned(tree):
    """What is called by a name that has a better one here."""
    calls = [(re.compile(r"(?<![\w.>])" + name + r"\s*\("), *rest) for name, rest in BANNED.items()]
    words = [(re.compile(r"(?<![\w.>])" + name + r"\b"), *rest)
             for name, rest in BANNED_WORDS.items()]
    for path, text in tree.product():
        for number, line in lines_of(bare(text)):
            if line.lstrip().startswith("#"):
                continue
            for pattern, instead, homes in calls + words:
                match = pattern.search(line)
                if match and not path.startswith(tuple(homes)):
                    yield path, number, f"{match.group().rstrip(' (')}: use {instead}"


def check_sizes(tree):
    """Files, functions and lines that a reader can hold."""
    for path, text in tree.matching(TEXT):
        lines = text.splitlines()
        python = path.endswith(".py") or text.startswith("#!/usr/bin/env python3")
        columns_max = COLUMNS_MAX_PYTHON if python else COLUMNS_MAX
        if len(lines) > FILE_LINES_MAX:
            yield path, len(lines), f"{len(lines)} lines; a file has at most {FILE_LINES_MAX}"
        for number, line in enumerate(lines, 1):
            if len(line) > columns_max:
                yield path, number, f"{len(line)} columns; a line has at most {columns_max}"
        if not SOURCE.search(path):
            continue
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    yield path, start, (f"a function of {number - start - 1} lines; "
                                        f"at most {FUNCTION_LINES_MAX}")
                start = None


def check_words(tree):
    """Words that promise something later, blanks at a line's end, paths of one machine."""
    later = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    machine = re.compile(r"(?<![\w.$}])/(ro" r"ot|wo" r"rk|ho" r"me)/")
    for path, text in tree.matching(re.compile(r"^(?!LICENSE)")):
        for number, line in lines_of(text):
            if later.search(line):
                yield path, number, "do it or leave it out"
            if line != line.rstrip():
                yield path, number, "blanks at the end of the line"
            if machine.search(line):
                yield path, number, "a path of one machine"


def check_asserts(tree):
    """The brains and the log assert what only a bug can break."""
    for part in ("src/core/", "src/log/"):
        sources = [bare(text) for path, text in tree.product()
                   if path.startswith(part) and path.endswith(".c")]
        size = sum(1 for text in sources for line in text.splitlines() if line.strip())
        asserts = sum(len(re.findall(r"\b((SLOW_)?ASSERT|static_assert)\(", text))
                      for text in sources)
        if size and asserts * 1000 < ASSERTS_PER_KLOC_MIN * size:
            yield part, 1, (f"{asserts} assertions in {size} lines of code; "
                            f"at least {ASSERTS_PER_KLOC_MIN} in a thousand")


def check_listed(tree):
    """Each .c file is built, each test runs: a file that no meson.build names is dead."""
    for path, _ in tree.matching(re.compile(r"^(src|test/fuzz)/.*\.c$")):
        folder, name = os.path.split(path)
        stem = re.escape(name[:-len(".c")])
        build = tree.texts.get(f"{folder}/meson.build", "") + tree.texts.get("meson.build", "")
        if not re.search(rf"['/]{stem}(\.c)?'", build):
            yield path, 1, "no meson.build names it"


def check_loggers(tree):
    """Who writes a line of the log is listed there, so that his level can be set."""
    table = re.search(r"loggers\[\] = \{(.*?)\};", tree.texts.get("src/base/trace.c", ""), re.S)
    listed = set(re.findall(r'"([^"]+)"', table[1])) if table else set()
    for path, text in tree.product():
        for number, line in lines_of(text):
            for name in re.findall(r'"(kafka(?:\.[a-z]+)+\.[A-Z]\w*)"', line):
                if name not in listed:
                    yield path, number, f"{name} is not in the table of src/base/trace.c"


def check_bits(tree):
    """What starts with #! can be run, and only that."""
    for path, text in tree.texts.items():
        runs = os.access(tree.root / path, os.X_OK)
        if runs and not text.startswith("#!"):
            yield path, 1, "has the executable bit and no #! line"
        if not runs and text.startswith("#!"):
            yield path, 1, "has a #! line and no executable bit"


def check_docs(tree):
    """docs/ that are made from schema/ are as schema/ says."""
    for tool in ("schemac.py", "settingsc.py"):
        if f"tools/{tool}" not in tree.texts:
            continue
        done = subprocess.run([sys.executable, tree.root / "tools" / tool, "--check-docs"],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"tools/{tool}", 1, "stale docs: " + (done.stdout + done.stderr).strip()


def symbols(library, kind):
    done = subprocess.run(["nm", "--format=posix", kind, library], capture_output=True, text=True,
                          check=True)
    return {line.split()[0] for line in done.stdout.splitlines() if " " in line}


def check_pure(tree, build):
    """A brain calls base/, wire/, other brains and the pure part of libc, and nothing else."""
    folder = pathlib.Path(build).resolve() / "src"
    brains = sorted(folder.glob("core/*/lib*.a"))
    if not brains:
        yield str(build), 1, "no library of core/ is built here"
    known = set()
    for library in [*folder.glob("base/lib*.a"), *folder.glob("wire/lib*.a"), *brains]:
        known |= symbols(library, "--defined-only")
    for library in brains:
        for name in sorted(symbols(library, "--undefined-only") - known):
            if not PURE.fullmatch(name):
                source = os.path.relpath(library.parent, folder.parent)
                yield source, 1, f"{name} comes from outside base/, wire/ and core/"
    del tree


CHECKS = [check_layers, check_kernel, check_banned, check_sizes, check_words, check_asserts,
          check_listed, check_loggers, check_bits, check_docs]


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--build")
    parser.add_argument("root", nargs="?", default=pathlib.Path(__file__).resolve().parent.parent)
    options = parser.parse_args(arguments)
    tree = Tree(options.root)
    results = [(check, list(check(tree))) for check in CHECKS]
    if options.build:
        results.append((check_pure, list(check_pure(tree, options.build))))
    for check, findings in results:
        for path, line, what in findings:
            print(f"{path}:{line}: {what}")
        print(f"{'not ok' if findings else 'ok'} - {check.__doc__}")
    failed = sum(1 for _, findings in results if findings)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
