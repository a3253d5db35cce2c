"""Visits a node's pages."""

import http.client
import re
import time

import exposition

OPEN_METRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


def port(node):
    """Where it says that its pages are."""
    found = re.search(rb"Metrics and probes on http://127\.0\.0\.1:(\d+) ", node.log())
    return int(found[1])


def visit(node, path, method="GET", timeout_s=10, headers=None, body=None):
    """(status, text, headers)"""
    connection = http.client.HTTPConnection("127.0.0.1", port(node), timeout=timeout_s)
    try:
        connection.request(method, path, headers=headers or {}, body=body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def status(node, path, **more):
    return visit(node, path, **more)[0]


def metrics(node, path="/metrics", headers=None):
    found = visit(node, path, headers=headers)
    if found[0] != 200:
        raise AssertionError("%s: %s" % found[:2])
    return exposition.Page(found[1], found[2]["Content-Type"].startswith("application/openm"))


def eventually(holds, what, timeout_s=10):
    """What a shard counts after its answer is sent is there a moment later."""
    deadline = time.time() + timeout_s
    while not holds():
        if time.time() > deadline:
            raise AssertionError(what)
        time.sleep(0.02)
