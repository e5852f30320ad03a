# SPDX-License-Identifier: BSL-1.0
"""What clang's counters say of the headers, merged over instantiations."""
import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

# What a counter says that was read while it was ahead of another one.
TORN = 1 << 62
SHOWN_FILE = re.compile(r"^(/.*\.hpp):$")
SHOWN_BRANCH = re.compile(r"^ *\|  Branch \((\d+):(\d+)\): \[(True|Folded)")


def sane(count):
    return count if count < TORN else 0


@dataclass
class Branch:
    line: int
    text: str  # of the condition
    sides: list = field(default_factory=lambda: [0, 0])  # how often true, how often false


def asked_of(how, test, data, include, *more):
    command = ["llvm-cov-19", how, f"-instr-profile={data}", *more, test, "-sources", include]
    done = subprocess.run([str(each) for each in command], check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.stderr.write(done.stderr.decode(errors="replace")[-8000:])
        sys.exit(f"podscope: llvm-cov failed on {test}")
    return done.stdout.decode(errors="replace")


def real_branches(text):
    """Where for some type a condition is not constant: that is told nowhere but in what is shown."""
    places, current = defaultdict(set), None
    for line in text.splitlines():
        if file := SHOWN_FILE.match(line):
            current = places[file[1]]
        elif (branch := SHOWN_BRANCH.match(line)) and branch[3] == "True":
            current.add((int(branch[1]), int(branch[2])))
    return places


class Counters:
    def __init__(self, include, tests, data, pool):
        self.include = include
        self.sources_ = {}
        self.lines_ = defaultdict(lambda: defaultdict(int))
        self.branches_, self.conditions_ = defaultdict(dict), defaultdict(dict)

        # Each by itself: of several, llvm-cov takes what the first says of a function, which may
        # be no more than that it is not used there.
        def ask(how, *more):
            return lambda test: asked_of(how, test, data, include, *more)
        lines = pool.map(ask("export", "-format=lcov", "-skip-functions", "-skip-branches"), tests)
        shown = pool.map(ask("show", "-show-branches=count", "-show-instantiations=false",
                             "-show-line-counts=false"), tests)
        files = pool.map(ask("export", "-format=text", "-skip-functions"), tests)
        for of_test in lines:
            self.add_lines(of_test)
        for branches, of_test in zip(shown, files):
            places = real_branches(branches)
            for file in json.loads(of_test)["data"][0]["files"]:
                header = self.named(file["filename"])
                self.add_branches(header, file, places[file["filename"]])
                self.add_conditions(header, file)

    def named(self, path):
        return str(Path(path).relative_to(self.include))

    def source(self, header):
        if header not in self.sources_:
            file = self.include / header
            self.sources_[header] = file.read_bytes().splitlines() if file.is_file() else []
        return self.sources_[header]

    def text(self, header, first, column, last, end):
        lines = [bytes(each) for each in self.source(header)[first - 1:last]]
        lines[-1] = lines[-1][:end - 1]
        lines[0] = lines[0][column - 1:]
        return " ".join(b" ".join(lines).decode(errors="replace").split())

    def words(self, header):
        return " ".join(b" ".join(self.source(header)).decode(errors="replace").split())

    def add_lines(self, text):
        for line in text.splitlines():
            if line.startswith("SF:"):
                header = self.named(line[3:])
            elif line.startswith("DA:"):
                number, count = (int(each) for each in line[3:].split(",")[:2])
                if self.is_counted(header, number):
                    self.lines_[header][number] += sane(count)

    def add_branches(self, header, file, places):
        found = self.branches_[header]
        for entry in file.get("branches", []):
            place = tuple(entry[:4])
            if place[:2] in places and self.is_counted(header, place[0]):
                branch = found.setdefault(place, Branch(place[0], self.text(header, *place)))
                for side in (0, 1):
                    branch.sides[side] += sane(entry[4 + side])

    def add_conditions(self, header, file):
        decisions = self.conditions_[header]
        for entry in file.get("mcdc_records", []):
            place, shown = tuple(entry[:4]), entry[-1]
            before = decisions.get(place, [False] * len(shown))
            decisions[place] = [a or b for a, b in zip(before, shown)]

    def is_counted(self, header, number):
        line = self.source(header)[number - 1]
        return not line.lstrip().startswith(b"//") and b"= default;" not in line

    def is_of_switch(self, header, place):
        return self.source(header)[place[0] - 1][:place[1] - 1].endswith(b"switch (")

    def headers(self):
        return sorted(self.lines_)

    def counts(self, header):
        return dict(sorted(self.lines_[header].items()))

    def branches(self, header):
        return [branch for place, branch in sorted(self.branches_[header].items())
                if branch.sides[0] or not self.is_of_switch(header, place)]

    def reached(self, header, kind):
        """Of each line, side of a branch, or condition, whether it was reached."""
        if kind == "lines":
            return [count > 0 for count in self.lines_[header].values()]
        if kind == "conditions":
            return [each for decision in self.conditions_[header].values() for each in decision]
        return [side > 0 for branch in self.branches(header) for side in branch.sides]

    def line(self, header, number):
        return self.source(header)[number - 1].decode().strip()

    def counts_between(self, header, first, last):
        """Those of the lines from one on that begins so, and before one that begins so; all where
        nothing is said.
        """
        def place_of(text, otherwise):
            return next((number for number, line in enumerate(self.source(header), 1)
                         if text and line.decode().strip().startswith(text)), otherwise)
        begin, end = place_of(first, 0), place_of(last, sys.maxsize)
        counts = self.counts(header) if header in self.lines_ else {}
        return {number: count for number, count in counts.items() if begin <= number < end}
