#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What of include/ the tests reach, by clang's counters: ./dev coverage. Ends with one line of JSON.

A line of a template is one line however many types it is compiled for: it is reached if it is for
any of them, and so is each side of a branch. A condition that is constant for all types is no
branch; nor is the default that a switch has which names all enumerators, nor a comparison that is
defaulted. What no test instantiates has no counters, and is not seen here; what is called while
compiling counts nothing.

A gap is a side of a branch that is never taken, with the lines behind it, or else a run of lines
that are not reached. Each has to be explained in explained.txt, where an entry that explains no gap
is an error.

With --mcdc it is said of scope/, registry/ and pod/ which conditions decide by themselves, by their
own tests.
"""
import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from counters import Counters
from gaps import Explanations, gaps_of

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include/podscope"
FUZZ = ROOT / "tests/fuzz"
BOUNDS = {"lines": 98.0, "branches": 90.0}
WHOLE = ("scope", "registry", "pod")  # all branches
PARSED = 95.0
# The target of the fuzzer, and what reads what comes from outside there: a header, or of one that
# does more the lines from one on, or up to one.
PARSERS = {
    "codec": ("backend/codec.hpp", "backend/codec_fields.hpp", "backend/codec_values.hpp",
              "backend/record_text.hpp", "backend/wire.hpp"),
    "journal": ("backend/frame_reader.hpp", "backend/journal_format.hpp",
                "backend/journal_inspection.hpp"),
    "session_log": ("session/segment_format.hpp from /// A line that is not what",
                    "session/segment_lines.hpp"),
    "json": ("session/json_reader.hpp",),
    "etcd_answer": ("backend/base64.hpp", "backend/json_value.hpp", "backend/etcd_json.hpp from "
                    "[[nodiscard]] inline std::optional<etcd_answer> read_etcd_answer"),
    "manifest": ("pod/manifest_toml.hpp up to [[nodiscard]] auto from_file", "pod/toml_nesting.hpp"),
    "names": ("boot_id.hpp", "names.hpp", "utf8.hpp", "pod/grant.hpp", "probe/tcp_address.hpp",
              "probe/unix_address.hpp"),
    "paths": ("scope/lexical_path.hpp", "scope/canonical_path.hpp"),
}


def say(text):
    print(f"podscope: {text}", file=sys.stderr)


def run(command, may_fail=False, **more):
    done = subprocess.run([str(each) for each in command], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode(errors="replace")[-8000:])
        if not may_fail:
            sys.exit(f"podscope: this failed: {' '.join(str(each) for each in command[:6])} …")
    return done.returncode == 0


def executables(folder, kind, only):
    return [each for each in sorted(folder.rglob(f"{kind}_*"))
            if each.is_file() and os.access(each, os.X_OK) and "CMakeFiles" not in each.parts
            and each.name != "fuzz_make_corpus" and (each.name in only or not only)]


class Build:
    def __init__(self, preset, jobs):
        self.preset, self.jobs = preset, jobs
        self.folder = ROOT / "build" / preset
        self.profiles = self.folder / "profiles"
        # One file for each executable, to which its processes add.
        self.kind = "%c%m" if preset == "clang-coverage" else "%8m"

    def counting(self, group):
        """The environment in which processes count into a folder of a name."""
        (self.profiles / group).mkdir(parents=True, exist_ok=True)
        pattern = self.profiles / group / f"{self.kind}.profraw"
        return {**os.environ, "LLVM_PROFILE_FILE": str(pattern)}

    def forget(self):
        for old in self.profiles.rglob("*.profraw"):
            old.unlink()

    def make(self, targets):
        run(["cmake", "--preset", self.preset], cwd=ROOT)
        say("building the tests")
        run(["cmake", "--build", "--preset", self.preset, "-j", self.jobs,
             *(["--target", *targets] if targets else [])], cwd=ROOT, env=self.counting("build"))
        self.forget()  # of executables that were asked for their tests

    def run_tests(self, only):
        say("running the tests")
        if not only:
            return run(["ctest", "--test-dir", self.folder, "-j", self.jobs, "-LE", "^fuzz$",
                        "--output-on-failure"], may_fail=True, env=self.counting("tests"))
        return all([run([each], may_fail=True, env=self.counting("tests"), cwd=self.folder)
                    for each in self.tests(only)])

    def tests(self, only):
        return executables(self.folder / "tests", "test", only)

    def targets(self, only):
        return executables(self.folder / "tests/fuzz", "fuzz", only)

    def replay(self, target):
        """Gives a target of the fuzzer the inputs that are kept."""
        name = target.name.removeprefix("fuzz_")
        inputs = [FUZZ / kind / name for kind in ("corpus", "regressions")]
        return run([target, *(each for each in inputs if each.is_dir())], may_fail=True,
                   env=self.counting(target.name), cwd=self.folder)

    def counters(self, tests, groups, pool):
        raw = [each for group in groups for each in (self.profiles / group).glob("*.profraw")]
        data = self.profiles / f"{groups[0]}.profdata"
        run(["llvm-profdata-19", "merge", "-sparse", "-o", data, *raw])
        return Counters(INCLUDE, tests, data, pool)


def percent(covered, count):
    return round(100.0 * covered / count, 2) if count else 100.0


class Tally:
    """How many there are of each kind, and how many of them were reached."""

    def __init__(self):
        self.kinds = {}

    def add(self, kind, reached, count):
        before = self.kinds.get(kind, (0, 0))
        self.kinds[kind] = (before[0] + reached, before[1] + count)

    def percent(self, kind):
        return percent(*self.kinds.get(kind, (0, 0)))

    def report(self):
        told = {}
        for kind, (reached, count) in self.kinds.items():
            told |= {f"{kind}_percent": percent(reached, count), kind: count}
        return told


def tallies_of(counters, shown):
    tallies = {"all": Tally()}
    for header in counters.headers():
        folder = header.split("/")[0] if "/" in header else "include"
        for tally in (tallies["all"], tallies.setdefault(folder, Tally())):
            for kind in shown:
                reached = counters.reached(header, kind)
                tally.add(kind, sum(reached), len(reached))
    return dict(sorted(tallies.items()))


def parsers_of(build, targets, pool, left_out):
    """The lines of each parser that the kept inputs of its own target reach: how many, and which
    not. Left out are those that no input can reach, by header.
    """
    found = {}
    for target in targets:
        name = target.name.removeprefix("fuzz_")
        if name not in PARSERS:
            continue
        counters, tally, missed = build.counters([target], [target.name], pool), Tally(), []
        for part in PARSERS[name]:
            rest, _, last = part.partition(" up to ")
            header, _, first = rest.partition(" from ")
            counts = counters.counts_between(header, first, last)
            if not counts:
                sys.exit(f"podscope: {target.name} reads nothing by {part}")
            lines = [each for each in counts if each not in left_out.get(header, ())]
            tally.add("lines", sum(counts[each] > 0 for each in lines), len(lines))
            missed += [f"{name}: {header}:{each}: {counters.line(header, each)}"
                       for each in lines if counts[each] == 0]
        found[name] = (tally, missed)
    return found


def arguments():
    reader = argparse.ArgumentParser(prog="./dev coverage")
    reader.add_argument("--mcdc", action="store_true",
                        help="which conditions of scope/, registry/ and pod/ decide by themselves; "
                             "not in processes that are killed")
    reader.add_argument("--only", action="append", default=[], metavar="TEST",
                        help="an executable of tests, such as test_scope or fuzz_json")
    reader.add_argument("--counted", action="store_true",
                        help="look again at what the last run has counted")
    reader.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return reader.parse_args()


def main():
    asked = arguments()
    only = asked.only or ([f"test_{each}" for each in WHOLE] if asked.mcdc else [])
    build = Build("clang-mcdc" if asked.mcdc else "clang-coverage", asked.jobs)
    passed = True
    if not asked.counted:
        build.make(only)
    tests, targets = build.tests(only), build.targets(only)
    if not tests and not targets:
        sys.exit("podscope: there are no such tests")
    with ThreadPoolExecutor(asked.jobs) as pool:
        if not asked.counted:
            replayed = all(list(pool.map(build.replay, targets)))
            passed = build.run_tests(only) and replayed
        groups = ["tests"] * bool(tests) + [each.name for each in targets]
        counters = build.counters(tests + targets, groups, pool)
        gaps = [each for header in counters.headers() for each in gaps_of(counters, header)]
        explained = Explanations()
        unreachable = {each.header: set() for each in gaps}
        for each in gaps:
            if each in explained:
                unreachable[each.header].update(each.lines)
        parsers = parsers_of(build, targets, pool, unreachable)

    if asked.mcdc:
        report = {name: tally.report() for name, tally in tallies_of(counters, ["conditions"]).items()
                  if name in WHOLE}
        print(json.dumps({"mcdc": report, "passed": passed, "held": passed}))
        return 0 if passed else 1

    tallies = tallies_of(counters, ["lines", "branches"])
    left = [each for each in gaps if each not in explained]
    stale = [] if asked.only else explained.stale(gaps, counters)
    (build.folder / "gaps.txt").write_text("".join(f"{each}\n" for each in left))
    (build.folder / "parser_gaps.txt").write_text(
        "".join(f"{line}\n" for _, lines in parsers.values() for line in lines))
    for name, tally in tallies.items():
        say(", ".join([name, *(f"{kind} {tally.percent(kind)} %" for kind in tally.kinds)]))
    parsed = Tally()
    for name, (tally, _) in parsers.items():
        parsed.add("lines", *tally.kinds["lines"])
        say(f"{name} by its inputs: lines {tally.percent('lines')} %")
    for each in stale:
        say(f"explained.txt explains what is no gap: {each}")
    held = (passed and not left and not stale
            and all(tallies["all"].percent(kind) >= least for kind, least in BOUNDS.items())
            and (bool(asked.only) or parsed.percent("lines") >= PARSED))
    say(f"{len(gaps)} gaps, {len(left)} of them not explained (build/clang-coverage/gaps.txt)")
    print(json.dumps({"coverage": {name: each.report() for name, each in tallies.items()},
                      "parsers": {name: each.report() for name, each in
                                  [("all", parsed), *((n, t) for n, (t, _) in parsers.items())]},
                      "gaps": len(gaps), "not_explained": len(left), "stale": len(stale),
                      "passed": passed, "held": held}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
