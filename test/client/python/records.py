"""The records that every client writes and must read back byte for byte."""

import random
import time
from collections import namedtuple

Record = namedtuple("Record", "key value headers timestamp")

COUNT = 120
BASE_TIMESTAMP_OFFSET_MS = 60_000  # the first record lies this far in the past
STEP_MS = 10
RUN = "%x" % int(time.time())  # topics of one run, so that a broker can be told the story twice


def make(seed, now_ms):
    """COUNT records: null and empty keys, tombstones, headers, sizes from 0 to a few KiB."""
    rng = random.Random(seed)
    first = now_ms - BASE_TIMESTAMP_OFFSET_MS
    records = []
    for i in range(COUNT):
        key = None if i % 5 == 0 else (b"" if i % 11 == 0 else b"key-%d" % i)
        value = None if key and i % 7 == 3 else rng.randbytes(rng.choice((0, 1, 10, 100, 3000)))
        headers = [("h%d" % j, rng.randbytes(j)) for j in range(i % 4)]
        records.append(Record(key, value, headers, first + i * STEP_MS))
    return records


class Tap:
    """Counts and prints what held."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, holds, detail=""):
        if holds:
            self.passed += 1
            print("ok - " + name, flush=True)
        else:
            self.failed += 1
            print("not ok - %s %s" % (name, detail), flush=True)

    def equal(self, name, got, expected):
        self.check(name, got == expected, "got %.300r expected %.300r" % (got, expected))

    def end(self):
        print("%d passed, %d failed" % (self.passed, self.failed), flush=True)
        return 1 if self.failed else 0
