#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What of include/ the tests reach, by clang's counters: ./dev coverage. Ends with one line of JSON.

A line of a template is one line however many types it is compiled for: it is reached if it is for
any of them, and so is each side of a branch. What no test instantiates has no counters, and is not
seen here; a condition that is constant for all types is no branch.
"""
import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include/podscope"
BOUNDS = {"lines": 98.0, "branches": 90.0}
WHOLE = ("scope", "registry", "pod")  # all branches
# What a counter says that was read while it was ahead of another one.
TORN = 1 << 62


def run(command, **more):
    done = subprocess.run([str(each) for each in command], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode(errors="replace")[-8000:])
        sys.stderr.write(done.stderr.decode(errors="replace")[-8000:])
        sys.exit(f"podscope: this failed: {' '.join(str(each) for each in command[:6])} …")
    return done.stdout


def say(text):
    print(f"podscope: {text}", file=sys.stderr)


def executables(build):
    found = []
    for each in sorted((build / "tests").rglob("*")):
        if each.is_file() and os.access(each, os.X_OK) and "CMakeFiles" not in each.parts:
            with each.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(each)
    return found


def run_tests(preset, build, only, jobs):
    profiles = build / "profiles"
    for old in profiles.glob("*"):
        old.unlink()
    profiles.mkdir(parents=True, exist_ok=True)
    # One file for each executable, to which its processes add.
    counters = "%c%m" if preset == "clang-coverage" else "%8m"
    environment = {**os.environ, "LLVM_PROFILE_FILE": str(profiles / f"{counters}.profraw")}
    run(["cmake", "--preset", preset], cwd=ROOT)
    say("building the tests")
    if not only:
        run(["cmake", "--build", "--preset", preset, "-j", jobs], cwd=ROOT, env=environment)
        for old in profiles.glob("*"):
            old.unlink()  # of executables that were asked for their tests
        say("running the tests")
        run(["ctest", "--test-dir", build, "-j", 2 * jobs, "--output-on-failure"], env=environment)
        return executables(build)
    run(["cmake", "--build", "--preset", preset, "-j", jobs, "--target", *only], cwd=ROOT,
        env=environment)
    chosen = [each for each in executables(build) if each.name in only]
    for each in chosen:
        say(f"running {each.name}")
        name = each.name.removeprefix("fuzz_")
        inputs = [ROOT / "tests/fuzz" / kind / name for kind in ("corpus", "regressions")]
        is_target = each.name.startswith("fuzz_")
        run([each, *(i for i in inputs if is_target and i.is_dir())], env=environment, cwd=build)
    return chosen


def export(form, tests, data):
    command = ["llvm-cov-19", "export", f"-format={form}", f"-instr-profile={data}", tests[0]]
    for each in tests[1:]:
        command += ["-object", each]
    return run([*command, "-sources", INCLUDE])


def reached_lines(tests, data):
    lines = {}
    for line in export("lcov", tests, data).decode().splitlines():
        if line.startswith("SF:"):
            current = lines.setdefault(Path(line[3:]), defaultdict(int))
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            current[int(number)] += int(count) if int(count) < TORN else 0
    return lines


def merged_branches(file):
    sides = defaultdict(lambda: [0, 0])
    for entry in file.get("branches", []):
        place = tuple(entry[:4])
        for side in (0, 1):
            count = entry[4 + side]
            sides[place][side] += count if count < TORN else 0
    return sides


def merged_conditions(file):
    decisions = {}
    for entry in file.get("mcdc_records", []):
        place, shown = tuple(entry[:4]), entry[-1]
        before = decisions.get(place, [False] * len(shown))
        decisions[place] = [a or b for a, b in zip(before, shown)]
    return decisions


def percent(covered, count):
    return round(100.0 * covered / count, 2) if count else 100.0


def measure(tests, data):
    lines = reached_lines(tests, data)
    files = json.loads(export("text", tests, data))["data"][0]["files"]
    figures = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    gaps = []
    for file in files:
        path = Path(file["filename"])
        shown = path.relative_to(ROOT)
        folder = shown.parts[2] if len(shown.parts) > 3 else "."
        counts = lines.get(path, {})

        def add(kind, covered):
            for into in (figures[folder], figures["all"]):
                into[kind][0] += 1 if covered else 0
                into[kind][1] += 1

        for number, count in sorted(counts.items()):
            add("lines", count > 0)
            if count == 0:
                gaps.append(f"{shown}:{number}: not reached")
        for place, sides in sorted(merged_branches(file).items()):
            # Neither side, where the line was reached: a constant.
            if sides == [0, 0] and counts.get(place[0], 0) > 0:
                continue
            for side, word in zip(sides, ("true", "false")):
                add("branches", side > 0)
                if side == 0:
                    gaps.append(f"{shown}:{place[0]}:{place[1]}: never {word}")
        for place, conditions in sorted(merged_conditions(file).items()):
            for number, is_shown in enumerate(conditions, 1):
                add("mcdc", is_shown)
                if not is_shown:
                    gaps.append(f"{shown}:{place[0]}:{place[1]}: condition {number} never decides")
    report = {
        folder: {kind: {"covered": c, "of": n, "percent": percent(c, n)}
                 for kind, (c, n) in kinds.items()}
        for folder, kinds in sorted(figures.items())
    }
    return report, gaps


def is_held(report):
    whole = report.get("all", {})
    def share(folder, kind):
        return report.get(folder, {}).get(kind, {}).get("percent", 0.0)
    return (bool(whole) and all(share("all", kind) >= least for kind, least in BOUNDS.items())
            and all(share(folder, "branches") == 100.0 for folder in WHOLE))


def main():
    reader = argparse.ArgumentParser(prog="./dev coverage")
    reader.add_argument("--mcdc", action="store_true",
                        help="count conditions that decide, too; not of processes that are killed")
    reader.add_argument("--only", action="append", default=[], metavar="TEST",
                        help="an executable of tests, such as test_scope or fuzz_json")
    reader.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = reader.parse_args()
    preset = "clang-mcdc" if asked.mcdc else "clang-coverage"
    build = ROOT / "build" / preset
    tests = run_tests(preset, build, asked.only, asked.jobs)
    if not tests:
        sys.exit("podscope: there are no such tests")
    data = build / "coverage.profdata"
    run(["llvm-profdata-19", "merge", "-sparse", "-o", data, *(build / "profiles").glob("*")])
    report, gaps = measure(tests, data)
    (build / "gaps.txt").write_text("".join(f"{each}\n" for each in gaps))
    for folder, kinds in report.items():
        shown = ", ".join(f"{kind} {each['percent']} %" for kind, each in kinds.items())
        say(f"{folder}: {shown}")
    held = is_held(report)
    print(json.dumps({"coverage": report, "gaps": len(gaps), "held": held}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
