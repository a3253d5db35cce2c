"""Tells one list of requests to Apache Kafka and to gregor, side by side.

Both start empty with the same server.properties. The lists are in …_requests.py, what each broker
may choose for itself in compare.py, and what differs for a reason in expected.txt. APIs that gregor
does not say to serve are left out and named at the end.
"""

import concurrent.futures
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import compare  # noqa: E402
from node import Tally  # noqa: E402
from script import Request, Script  # noqa: E402
from side import Outcome, Side  # noqa: E402
from twins import twins  # noqa: E402

import cluster_requests  # noqa: E402
import configs_requests  # noqa: E402
import offsets_requests  # noqa: E402
import records_requests  # noqa: E402
import topics_requests  # noqa: E402

# In this order: later ones build on the topics and records of earlier ones.
LISTS = (
    topics_requests,
    records_requests,
    offsets_requests,
    configs_requests,
    cluster_requests,
)
AGAIN_S = 3  # so long an answer is asked for again that a client would not take for the last word
DIFFERENCES_MAX = 12  # printed of one answer


class Expected:
    """expected.txt: API | request | field | why, with patterns as of file names."""

    def __init__(self, path):
        self.lines, self.used = [], set()
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    fields = [field.strip() for field in line.split("|")]
                    if len(fields) != 4 or not fields[3]:
                        raise ValueError("expected.txt: four fields: " + line)
                    self.lines.append(tuple(fields))

    def explains(self, request, path):
        for line in self.lines:
            api, name, field, _ = line
            if (
                compare.fits(request.api, api)
                and compare.fits(request.name, name)
                and compare.fits(path, field)
            ):
                self.used.add(line)
                return True
        return False

    def unused(self, apis):
        """Lines without a difference, of the APIs that were asked."""
        return [line for line in self.lines if line not in self.used and line[0] in apis]


def check_the_check(tally, side):
    """What was changed in an answer must be found, but for what a rule leaves out."""
    request = Request("Metadata", "itself", 12, {})
    broker = dict(node_id=1, host="here", port=1)
    topics = [dict(name=name, error_code=0, partitions=[]) for name in ("a", "b")]
    answer = dict(controller_id=1, brokers=[broker], topics=topics)
    twisted = (
        (True, dict(answer, controller_id=2)),
        (True, dict(answer, cluster_id="c")),
        (True, dict(answer, brokers=[dict(broker, host=None)])),
        (True, dict(answer, brokers=[])),
        (True, dict(answer, topics=topics[:1])),
        (True, dict(answer, topics=topics + topics[:1])),
        (False, dict(answer, brokers=[dict(broker, port=2)])),
        (False, dict(answer, topics=topics[::-1])),
    )
    right = compare.leaves(request, Outcome("answered", answer), side)
    for number, (differs, other) in enumerate(twisted):
        found = compare.differences(
            compare.leaves(request, Outcome("answered", other), side), right
        )
        tally.check("the comparison itself, twist %d" % number, bool(found) == differs, found)
    found = compare.differences(compare.leaves(request, Outcome("closed"), side), right)
    tally.check("the comparison itself, no answer", found)


def requests():
    script = Script()
    for each in LISTS:
        each.requests(script)
    return script.requests


def wanted(request, words):
    return any(word in str(request) for word in words)


def show(request, sides, outcomes):
    print("# " + str(request))
    for side, outcome in zip(sides, outcomes):
        for path, value in compare.leaves(request, outcome, side).items():
            print("#   %s %s: %s" % (side.name, path, compare.told(value)))


def ask_both(pool, request, sides):
    """Their outcomes and the differences, when nobody asks for another moment any more."""
    outcomes = list(pool.map(lambda side: side.ask(request), sides))
    deadline = time.time() + AGAIN_S
    while True:
        theirs, ours = [compare.leaves(request, o, s) for o, s in zip(outcomes, sides)]
        different = compare.differences(ours, theirs)
        again = [outcome.is_for_a_moment() for outcome in outcomes]
        if not different or not any(again) or time.time() > deadline:
            break
        time.sleep(0.05)
        outcomes = [s.ask(request) if a else o for s, o, a in zip(sides, outcomes, again)]
    list(pool.map(lambda pair: pair[0].conclude(request, pair[1]), zip(sides, outcomes)))
    return outcomes, different


def tell(tally, sides, expected, words):
    """Returns the APIs that were asked, and of those left out how many requests."""
    asked, left_out = set(), {}
    kafka, gregor = sides
    kafka.compared = gregor.compared = set(gregor.versions)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for request in requests():
            if request.key in kafka.versions and request.key not in gregor.versions:
                left_out[request.api] = left_out.get(request.api, 0) + 1
                continue
            asked.add(request.api)
            outcomes, different = ask_both(pool, request, sides)
            if wanted(request, words):
                show(request, sides, outcomes)
            found = [
                "%s: Kafka %s, gregor %s" % (path, compare.told(theirs), compare.told(ours))
                for path, theirs, ours in different
                if not expected.explains(request, path)
            ]
            more = len(found) - DIFFERENCES_MAX
            if more > 0:
                found[DIFFERENCES_MAX:] = ["and %d more" % more]
            tally.check(str(request), not found, "\n".join(found))
    return asked, left_out


def main(words):
    tally = Tally()
    try:
        with twins("gregor-differential-") as brokers:
            expected = Expected(os.path.join(HERE, "expected.txt"))
            sides = [Side(broker) for broker in brokers]
            check_the_check(tally, sides[0])
            asked, left_out = tell(tally, sides, expected, words)
            tally.check("SIGTERM is a clean stop", brokers[1].end() == 0)
        for line in expected.unused(asked):
            tally.check("expected.txt still says what is so", False, " | ".join(line))
        for api, count in sorted(left_out.items()):
            print("# not served yet: %s (%d requests)" % (api, count))
    except Exception as error:  # whatever it is, the last line must come
        tally.check("both brokers can be asked", False, repr(error))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
