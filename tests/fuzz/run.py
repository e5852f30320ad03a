#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs the targets of the fuzzer: ./dev fuzz. Ends with one line of JSON."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT / "tests/fuzz"
# Kept from run to run, so that a later one goes on where an earlier one stopped.
GROWN = ROOT / "build/fuzz/grown"
FINDINGS = ROOT / "build/fuzz/findings"


def folder(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


def last_number(pattern, text):
    found = re.findall(pattern, text, re.MULTILINE)
    return int(found[-1]) if found else 0


def fuzz(target, seconds, seed, place):
    name = target.name.removeprefix("fuzz_")
    findings = folder(FINDINGS / name)
    before = set(findings.iterdir())
    seeds = [INPUTS / kind / name for kind in ("corpus", "regressions")]
    command = [
        str(target),
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        "-timeout=25",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        f"-artifact_prefix={findings}/",
        str(folder(GROWN / name)),
        *[str(each) for each in seeds if each.is_dir()],
    ]
    environment = {
        **os.environ,
        "TMPDIR": place,
        "ASAN_OPTIONS": "strict_string_checks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, env=environment, check=False)
    said = done.stderr.decode(errors="replace")
    found = sorted(str(each.relative_to(ROOT)) for each in set(findings.iterdir()) - before)
    if done.returncode != 0:
        sys.stderr.write(said[-8000:])
        # A target that cannot even run is no target without findings.
        found = found or [f"it ended with {done.returncode}"]
    figures = {
        "runs": last_number(r"^stat::number_of_executed_units:\s+(\d+)", said),
        "edges": last_number(r" cov: (\d+)", said),
        "features": last_number(r" ft: (\d+)", said),
        "findings": found,
    }
    print(f"podscope: fuzz {name}: {figures['runs']} runs, {figures['edges']} edges, "
          f"{len(found)} findings", file=sys.stderr)
    return name, figures


def main():
    reader = argparse.ArgumentParser(prog="./dev fuzz")
    reader.add_argument("--long", action="store_true", help="an hour for each target")
    reader.add_argument("--seconds", type=int, help="for each target; 30 if nothing is said")
    reader.add_argument("--only", help="one target")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--jobs", type=int, default=os.cpu_count() or 1,
                        help="how many targets at a time")
    asked = reader.parse_args()
    seconds = asked.seconds or (3600 if asked.long else 30)
    targets = sorted(each for each in (ROOT / "build/fuzz/tests/fuzz").glob("fuzz_*")
                     if each.is_file() and os.access(each, os.X_OK)
                     and each.name != "fuzz_make_corpus")
    if asked.only:
        targets = [each for each in targets if each.name == f"fuzz_{asked.only}"]
    if not targets:
        sys.exit("podscope: there is no such target")
    # In memory where there is room: what is fuzzed is not the disk.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as place:
        with ThreadPoolExecutor(asked.jobs) as pool:
            figures = dict(pool.map(lambda each: fuzz(each, seconds, asked.seed, place), targets))
    is_clean = not any(each["findings"] for each in figures.values())
    print(json.dumps({"fuzz": figures, "seconds": seconds, "held": is_clean}))
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
