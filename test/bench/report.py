"""Windows become ratios, ratios become tables. Only windows of the same round are divided."""
from statistics import geometric_mean, median

# A round in which others used more of the machine than this, or the host took more, says little.
FOREIGN_SHARE_MAX = 0.05
STEAL_SHARE_MAX = 0.02
ROUNDS_MIN = 2


class Row:
    """One measure of the three, over the rounds. `better` is "less" or "more"."""

    def __init__(self, title, unit, better, targets=None, digits=2):
        self.title = title
        self.unit = unit
        self.better = better
        self.targets = targets or {}  # "kafka" or "floor": the ratio at most (less) or at least (more)
        self.limit = None             # of gregor's own value, at most
        self.digits = digits
        self.rounds = []              # [{"gregor": (value, noisy), …}]
        self.note = ""

    def add(self, number, name, value, noisy=False):
        while len(self.rounds) <= number:
            self.rounds.append({})
        self.rounds[number][name] = (value, noisy)

    def clean_rounds(self):
        """The rounds without noise; all of them where too few are clean."""
        clean = [r for r in self.rounds if not any(noisy for _, noisy in r.values())]
        return clean if len(clean) >= min(ROUNDS_MIN, len(self.rounds)) else self.rounds

    def value(self, name):
        values = [r[name][0] for r in self.clean_rounds() if name in r]
        return median(values) if values else None

    def ratios(self, name):
        return [r["gregor"][0] / r[name][0] for r in self.clean_rounds()
                if "gregor" in r and name in r and r[name][0] > 0 and r["gregor"][0] > 0]

    def verdicts(self):
        """[(what, holds)] for each target that could be judged."""
        found = []
        for name, bound in self.targets.items():
            ratios = self.ratios(name)
            if not ratios:
                continue
            ratio = geometric_mean(ratios)
            sign = "≤" if self.better == "less" else "≥"
            holds = ratio <= bound if self.better == "less" else ratio >= bound
            found.append((f"{sign} {bound:.2f} × {name}", holds))
        if self.limit is not None and self.value("gregor") is not None:
            found.append((f"≤ {self.limit:g} {self.unit}", self.value("gregor") <= self.limit))
        return found


def noisy(result):
    return result["foreign_share"] > FOREIGN_SHARE_MAX or result["steal_share"] > STEAL_SHARE_MAX


def number(value, digits):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.{digits}f}"


def ratio_text(ratios):
    if not ratios:
        return "–"
    mean = geometric_mean(ratios)
    return f"{mean:.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def table(title, rows):
    lines = ["", title, ""]
    head = ["measure", "unit", "gregor", "Kafka", "floor", "gregor ÷ floor", "gregor ÷ Kafka", "target"]
    cells = [head]
    for row in rows:
        target = ", ".join(f"{what}: {'holds' if holds else 'MISSED'}" for what, holds in row.verdicts())
        cells.append([row.title, row.unit] + [number(row.value(n), row.digits) for n in ("gregor", "kafka", "floor")] +
                     [ratio_text(row.ratios("floor")), ratio_text(row.ratios("kafka")), target or row.note])
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    for line in cells:
        text = [c.ljust(w) if i in (0, 1, 7) else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        lines.append("  ".join(text).rstrip())
    rounds = sum(len(r.rounds) for r in rows)
    dropped = sum(len(r.rounds) - len(r.clean_rounds()) for r in rows)
    kept_noisy = sum(any(n for _, n in rr.values()) for r in rows for rr in r.clean_rounds())
    if dropped or kept_noisy:
        lines.append(f"  {rounds} rounds, {dropped} dropped for noise, {kept_noisy} noisy ones kept for want of better")
    return "\n".join(lines)
