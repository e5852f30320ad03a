# SPDX-License-Identifier: BSL-1.0
"""What was not reached, and the explanations of it."""
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

EXPLAINED = Path(__file__).with_name("explained.txt")


@dataclass
class Gap:
    header: str
    line: int
    what: str
    lines: list = field(default_factory=list)  # that are not reached for that
    nth: int = 1  # of those of the same words in the header

    @property
    def key(self):
        return (self.header if self.nth == 1 else f"{self.header}#{self.nth}", self.what)

    def __str__(self):
        return f"{self.key[0]}:{self.line}: {self.what}" + f" ({len(self.lines)} lines)" * bool(self.lines)


def runs_of(counters, header):
    """The runs of lines that are not reached: each ends with what is reached, or at an empty line."""
    source, run = counters.source(header), []
    for number, count in counters.counts(header).items():
        if run and (count > 0 or is_parted(source, run[-1], number)):
            yield run
            run = []
        if count == 0:
            run.append(number)
    if run:
        yield run


def is_parted(source, first, last):
    return any(not line.strip() for line in source[first:last])


def follows(branch, line, source, counts):
    """Whether a line comes right after a branch, and so of it."""
    return (not is_parted(source, branch, line)
            and not any(counts.get(each, 0) for each in range(branch + 1, line)))


def gaps_of(counters, header):
    source, counts = counters.source(header), counters.counts(header)
    found = []
    for branch in counters.branches(header):
        if counts.get(branch.line, 0) == 0:
            continue  # a line that is not reached
        found += [Gap(header, branch.line, f"never {word}: {branch.text}")
                  for side, word in zip(branch.sides, ("true", "false")) if side == 0]
    for run in runs_of(counters, header):
        before = [each for each in found if each.line < run[0]]
        if before and follows(before[-1].line, run[0], source, counts):
            before[-1].lines += run
            continue
        text = source[run[0] - 1].decode().strip()
        found.append(Gap(header, run[0], f"not reached: {text}", run))
        found.sort(key=lambda each: each.line)
    seen = Counter()
    for gap in found:
        seen[gap.what] += 1
        gap.nth = seen[gap.what]
    return found


class Explanations:
    """The gaps that explained.txt explains: (header, gap) -> reason."""

    def __init__(self):
        self.always, self.sometimes = {}, {}
        lines = [line for line in EXPLAINED.read_text().splitlines()
                 if line.strip() and not line.startswith("#")]
        for header, what, reason in zip(*[iter(lines)] * 3):
            kind = {"- ": self.always, "~ ": self.sometimes}.get(what[:2])
            if kind is None or not reason.startswith("= "):
                sys.exit(f"podscope: explained.txt cannot be read at {header}: {what}")
            kind[header, what[2:]] = reason[2:]
        if len(lines) % 3:
            sys.exit("podscope: explained.txt ends within an entry")

    def __contains__(self, gap):
        return gap.key in self.always or gap.key in self.sometimes

    def stale(self, gaps, counters):
        """What explains no gap, or what is not in the header any more."""
        there = {gap.key for gap in gaps}
        gone = [key for key in self.always if key not in there]
        gone += [key for key in self.sometimes
                 if key not in there and not is_written(counters, *key)]
        return sorted(f"{header}: {what}" for header, what in gone)


def is_written(counters, header, what):
    return what.partition(": ")[2] in counters.words(header.partition("#")[0])
