"""Tells a folder of tests to one broker.

A test is a function `PREFIX_…(world)` in a file `…_PREFIX….py`; its docstring is its name, and
any exception fails it. Marks say what it needs: `restarts` (world.py) ends the broker, `alone` gets
an empty folder instead of the world and starts gregor itself.
"""

import glob
import importlib
import os
import shutil
import sys
import tempfile

import world as worlds
from node import Gregor, Tally, under_test


def alone(function):
    """Marks a test of gregor's that starts it by itself: function(folder)."""
    function.alone = True
    return function


def stronger(function):
    """Marks a test that gregor passes and Kafka, with a usual heap, does not survive."""
    function.stronger = True
    return function


def tests(here, prefix, words):
    sys.path.insert(0, here)
    for path in sorted(glob.glob(os.path.join(here, "*_%s*.py" % prefix))):
        module = os.path.basename(path)[: -len(".py")]
        for key, function in list(vars(importlib.import_module(module)).items()):
            if key.startswith(prefix + "_") and (
                not words or any(w in module + key for w in words)
            ):
                yield module.rsplit("_", 1)[0], function


def run_shared(tally, area, function, world):
    """One test against the broker that all share; it must live on."""
    broker = world.broker
    if getattr(function, "restarts", False) and not broker.can_restart:
        return
    tally.run("%s: %s" % (area, function.__doc__), function, world)
    if not broker.is_alive():
        tally.check(
            area + ": the broker lives", False, broker.log()[-3000:].decode(errors="replace")
        )
        broker.start()


def run_alone(tally, area, function, work):
    folder = tempfile.mkdtemp(dir=work)
    try:
        tally.run("%s: %s" % (area, function.__doc__), function, folder)
    finally:
        Gregor.end_all(folder)
        shutil.rmtree(folder, ignore_errors=True)


def main(here, prefix, words, *settings):
    """Runs the tests that a word names, or all; returns the exit status."""
    tally, work = Tally(), tempfile.mkdtemp(prefix="gregor-%s-" % prefix)
    broker = under_test(work, *settings)
    try:
        broker.start()
        world = worlds.World(broker)
        for area, function in tests(here, prefix, words):
            if not isinstance(broker, Gregor) and hasattr(function, "stronger"):
                continue
            if not hasattr(function, "alone"):
                run_shared(tally, area, function, world)
            elif isinstance(broker, Gregor):
                run_alone(tally, area, function, work)
        tally.check("SIGTERM is a clean stop", broker.end() == 0)
    except Exception as error:  # whatever it is, the last line must come
        tally.check("the broker can be tested", False, error)
    finally:
        Gregor.end_all(work)
        shutil.rmtree(work, ignore_errors=True)
    return tally.finish()
