#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Whether the tests notice mistakes in scope/, registry/ and pod/: ./dev mutate. Each mutant is a
header with one small change; it is killed by a test that fails on it. Ends with one line of JSON.
"""
import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants import mutants_of

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
INCLUDE = ROOT / "include/podscope"
BUILD = ROOT / "build/mutation"
FOLDERS = ("scope", "registry", "pod")
BOUND = 95.0
COMPILER = ["clang++-19", "-std=c++20", "-O0", "-w", "-pthread", f"-I{ROOT / 'tests'}"]
LIBRARIES = ["-ldl", "-lsqlite3", "-ltomlplusplus"]
MEMORY = 4 << 30


def say(text):
    print(f"podscope: {text}", file=sys.stderr, flush=True)


def lines_of(name):
    for line in (HERE / name).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def known_equivalents():
    """(header, before, after) -> reason; the header ends with #2 for the second such line."""
    found, lines = {}, list(lines_of("equivalent.txt"))
    for header, before, after, reason in zip(*[iter(lines)] * 4):
        if not (before.startswith("- ") and after.startswith("+ ") and reason.startswith("= ")):
            sys.exit(f"podscope: equivalent.txt cannot be read at {header}")
        found[header, before[2:], after[2:]] = reason[2:]
    return found


def judges_of(header, table):
    folder = header.split("/")[0] + "/"
    own = header.replace(".hpp", ".cpp")
    named = table.get(header, table.get(folder, []))
    first = [own] if (ROOT / "tests" / own).is_file() else []
    return first + [each for each in named if each not in first]


class Outcome:
    KILLED, SURVIVED, INVALID = "killed", "survived", "invalid"


class Workshop:
    """Compiles tests against a header that stands in front of the library's own."""

    def __init__(self):
        BUILD.mkdir(parents=True, exist_ok=True)
        self.precompiled = BUILD / "precompiled.pch"
        self.objects = [BUILD / "main.o", BUILD / "system_faults.o"]
        self.baseline = {}
        self.confined = self.can_confine()
        tests = ROOT / "tests"
        # Without a header of the library, so that it serves for all mutants.
        self.must([*COMPILER, "-x", "c++-header", tests / "support/precompiled.hpp",
                   "-o", self.precompiled])
        for source, to in zip(("support/main.cpp", "backend/system_faults.cpp"), self.objects):
            self.must([*COMPILER, f"-I{ROOT / 'include'}", "-c", tests / source, "-o", to])

    @staticmethod
    def can_confine():
        # A mutant may end processes that are not its own.
        command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "true"]
        if shutil.which("unshare") is None:
            return False
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0

    @staticmethod
    def must(command):
        done = subprocess.run([str(each) for each in command], check=False, capture_output=True)
        if done.returncode != 0:
            sys.stderr.write(done.stderr.decode(errors="replace")[-4000:])
            sys.exit("podscope: the tests cannot be compiled")

    def compile(self, judge, place, overlay):
        program = place / "judge"
        command = [*COMPILER, *([f"-I{overlay}"] if overlay else []), f"-I{ROOT / 'include'}",
                   "-include-pch", str(self.precompiled), str(ROOT / "tests" / judge),
                   *map(str, self.objects), *LIBRARIES, "-o", str(program)]
        done = subprocess.run(command, check=False, capture_output=True)
        return program if done.returncode == 0 else None

    def run(self, program, place, limit):
        """Whether the tests pass."""
        command = [str(program), "--abort", "~[slow]"]
        if self.confined:
            command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *command]
        environment = {**os.environ, "TMPDIR": str(place), "PODSCOPE_SEQUENCES": "100",
                       "PODSCOPE_RULE_SETS": "200"}

        def bound():
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=environment, cwd=place,
                                   start_new_session=True, preexec_fn=bound)
        try:
            return process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def measure(self, judge):
        """How long a test takes that is as it should be."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            program = self.compile(judge, place, None)
            if program is None:
                sys.exit(f"podscope: tests/{judge} cannot be compiled")
            start = time.monotonic()
            if not self.run(program, place, 300):
                sys.exit(f"podscope: tests/{judge} fails before anything is mutated")
            self.baseline[judge] = time.monotonic() - start

    def judge(self, header, mutant, judges):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            overlay = place / "include"
            mutated = overlay / "podscope" / header
            mutated.parent.mkdir(parents=True)
            mutated.write_text(mutant.text)
            for each in judges:
                program = self.compile(each, place, overlay)
                if program is None:
                    return Outcome.INVALID
                if not self.run(program, place, 10 + 5 * self.baseline[each]):
                    return Outcome.KILLED
            return Outcome.SURVIVED


def named(header, mutant):
    return (header if mutant.nth == 1 else f"{header}#{mutant.nth}", mutant.before, mutant.after)


def headers_wanted(only):
    headers = [f"{folder}/{each.name}" for folder in FOLDERS
               for each in sorted((INCLUDE / folder).glob("*.hpp"))]
    if only:
        headers = [each for each in headers if any(each.startswith(one) for one in only)]
    if not headers:
        sys.exit("podscope: there is no such header")
    return headers


def main():
    reader = argparse.ArgumentParser(prog="./dev mutate")
    reader.add_argument("--long", action="store_true", help="all mutants; else a sample")
    reader.add_argument("--count", type=int, default=40, help="how many in the sample")
    reader.add_argument("--seed", type=int, default=1, help="of the sample")
    reader.add_argument("--only", action="append", default=[], metavar="HEADER",
                        help="a header or folder, such as scope/region.hpp; all of its mutants")
    reader.add_argument("--list", action="store_true", help="show the mutants and do nothing")
    reader.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = reader.parse_args()

    work = [(header, mutant) for header in headers_wanted(asked.only)
            for mutant in mutants_of((INCLUDE / header).read_text())]
    if not asked.long and not asked.only:
        work = random.Random(asked.seed).sample(work, min(asked.count, len(work)))
    if asked.list:
        for header, mutant in work:
            print(f"{header}:{mutant.line}: {mutant.kind}\n- {mutant.before}\n+ {mutant.after}")
        print(f"{len(work)} mutants")
        return 0

    equivalents = known_equivalents()
    table = {name: tests.split() for name, _, tests in
             (line.partition(":") for line in lines_of("judges.txt"))}
    known = [each for each in work if named(*each) in equivalents]
    work = [each for each in work if each not in known]

    workshop = Workshop()
    judges = sorted({each for header, _ in work for each in judges_of(header, table)})
    with ThreadPoolExecutor(asked.jobs) as pool:
        list(pool.map(workshop.measure, judges))
        say(f"{len(work)} mutants, judged by {len(judges)} files of tests")

        def examine(each):
            header, mutant = each
            outcome = workshop.judge(header, mutant, judges_of(header, table))
            if outcome == Outcome.SURVIVED:
                say(f"survived: {header}:{mutant.line} ({mutant.kind})\n"
                    f"- {mutant.before}\n+ {mutant.after}")
            return outcome

        outcomes = list(pool.map(examine, work))
    count = Counter(outcomes)
    judged = count[Outcome.KILLED] + count[Outcome.SURVIVED]
    score = round(100.0 * count[Outcome.KILLED] / judged, 2) if judged else 100.0
    survivors = [f"{header}:{mutant.line} {mutant.kind}: {mutant.after}"
                 for (header, mutant), outcome in zip(work, outcomes)
                 if outcome == Outcome.SURVIVED]
    held = judged > 0 and score >= BOUND
    print(json.dumps({"mutants": judged, "killed": count[Outcome.KILLED],
                      "survivors": survivors, "equivalent": len(known),
                      "did_not_compile": count[Outcome.INVALID], "score": score, "held": held}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
