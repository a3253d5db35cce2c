"""Reads a page of metrics as strictly as its format says; knows nothing of gregor.

Prometheus' text format 0.0.4 and OpenMetrics 1.0: https://prometheus.io/docs/specs/om/
"""

import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? (\S+)$" % NAME)
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$|[-+]?Inf$|NaN$")
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}


class Wrong(Exception):
    pass


def need(holds, what, line):
    if not holds:
        raise Wrong("%s: %r" % (what, line))


class Page:
    """families: name -> (type, help); samples: (name, labels) -> number, labels a frozenset."""

    def __init__(self, text, open_metrics):
        self.families, self.samples, self.open_metrics = {}, {}, open_metrics
        need(text.endswith("\n"), "no end of line", text[-40:])
        lines = text.split("\n")[:-1]
        if open_metrics:
            need(lines[-1] == "# EOF", "no EOF", lines[-1])
            lines.pop()
        self.family = None
        for line in lines:
            self.read(line)
        for name, (kind, _) in self.families.items():
            if kind == "histogram":
                self.check_histogram(name)

    def read(self, line):
        need(line == line.strip() and line != "", "blanks", line)
        if line.startswith("# HELP "):
            name, _, text = line[len("# HELP ") :].partition(" ")
            need(re.fullmatch(NAME, name), "name", line)
            need(name not in self.families, "a family twice or in pieces", line)
            need(text != "", "help", line)
            self.families[name], self.family = (None, text), name
        elif line.startswith("# TYPE "):
            name, _, kind = line[len("# TYPE ") :].partition(" ")
            need(name == self.family and self.families[name][0] is None, "TYPE", line)
            need(kind in SUFFIXES, "type", line)
            self.families[name] = (kind, self.families[name][1])
        else:
            need(not line.startswith("#"), "a comment that is none", line)
            self.read_sample(line)

    def read_sample(self, line):
        match = SAMPLE.match(line)
        need(match, "sample", line)
        name, labels, number = match.groups()
        need(NUMBER.match(number), "number", line)
        kind = self.families[self.family][0]
        names = [self.family + suffix for suffix in SUFFIXES[kind]]
        if kind == "counter" and not self.open_metrics:
            names = [self.family]
            need(self.family.endswith("_total"), "a counter's name", line)
        need(name in names, "not of the family before it", line)
        found = self.read_labels(labels, line)
        key = (name, frozenset(found.items()))
        need(key not in self.samples, "a sample twice", line)
        if kind == "counter":
            need(float(number) >= 0, "counter below 0", line)
        self.samples[key] = float(number)

    @staticmethod
    def read_labels(text, line):
        found, at = {}, 0
        while text and at < len(text):
            match = LABEL.match(text, at)
            need(match, "labels", line)
            need(match[1] not in found, "a label twice", line)
            need(not match[1].startswith("__"), "a label's name", line)
            value = match[2].replace("\\\\", "\0").replace('\\"', '"').replace("\\n", "\n")
            found[match[1]], at = value.replace("\0", "\\"), match.end()
            need(match[3] == "" or at < len(text), "a comma at the end", line)
        return found

    def check_histogram(self, name):
        series = {}
        for (sample, labels), number in self.samples.items():
            if sample == name + "_bucket":
                bound = dict(labels)["le"]
                rest = frozenset(label for label in labels if label[0] != "le")
                series.setdefault(rest, []).append((float(bound), number))
        for labels, buckets in series.items():
            bounds = [bound for bound, _ in buckets]
            counts = [count for _, count in buckets]
            need(bounds == sorted(set(bounds)), "bounds ascend", name)
            need(counts == sorted(counts), "buckets are sums", name)
            need(math.isinf(bounds[-1]), "+Inf", name)
            need(counts[-1] == self.samples[name + "_count", labels], "_count", name)
            need(self.samples[name + "_sum", labels] >= 0, "_sum", name)

    def get(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())))

    def label_values(self, name, label):
        return {dict(labels)[label] for sample, labels in self.samples if sample == name
                and label in dict(labels)}
