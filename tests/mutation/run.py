#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Whether the tests notice mistakes in scope/, registry/ and pod/: ./dev mutate. Each mutant is a
header with one small change; it is killed by a test that fails on it. Ends with one line of JSON.
"""
import argparse
import json
import os
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from mutants import mutants_of
from workshop import HERE, INCLUDE, ROOT, Outcome, Workshop, files_of, say

FOLDERS = ("scope", "registry", "pod")
BOUND = 95.0


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


def say_what_is_stale(equivalents):
    """Whether each reason in equivalent.txt is one of a mutant."""
    stale = equivalents.keys() - {named(*each) for each in mutants_wanted([])}
    for header, before, after in sorted(stale):
        say(f"equivalent.txt speaks of what is no mutant of {header}: {before} -> {after}")
    return bool(stale)


def judges_of(header, table):
    folder = header.split("/")[0] + "/"
    own = header.replace(".hpp", ".cpp")
    named = table.get(header, table.get(folder, []))
    if not (ROOT / "tests" / own).is_file():
        return named
    first = [each for each in named if own in files_of(each)] or [own]
    return first + [each for each in named if each not in first]


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


def mutants_wanted(only):
    lines = {}
    for one in only:
        header, _, line = one.partition(":")
        lines.setdefault(header, set()).add(int(line) if line else 0)
    for header in headers_wanted(lines):
        wanted = set().union(*(of for one, of in lines.items() if header.startswith(one)))
        for mutant in mutants_of((INCLUDE / header).read_text()):
            if not wanted or 0 in wanted or mutant.line in wanted:
                yield header, mutant


def shown(header, mutant):
    return f"{header}:{mutant.line} {mutant.kind}\n- {mutant.before}\n+ {mutant.after}"


def figures(outcomes, known):
    count = Counter(outcomes)
    judged = count[Outcome.KILLED] + count[Outcome.SURVIVED]
    return {"mutants": judged, "killed": count[Outcome.KILLED], "equivalent": len(known),
            "did_not_compile": count[Outcome.INVALID],
            "score": round(100.0 * count[Outcome.KILLED] / judged, 2) if judged else 100.0}


def main():
    reader = argparse.ArgumentParser(prog="./dev mutate")
    reader.add_argument("--long", action="store_true", help="all mutants; else a sample")
    reader.add_argument("--count", type=int, default=40, help="how many in the sample")
    reader.add_argument("--seed", type=int, default=1, help="of the sample")
    reader.add_argument("--only", action="append", default=[], metavar="HEADER",
                        help="a header or folder, such as scope/region.hpp, all of its mutants; or a "
                             "line of a header, such as scope/region.hpp:40")
    reader.add_argument("--list", action="store_true", help="show the mutants and do nothing")
    reader.add_argument("--stale", action="store_true",
                        help="see whether each reason is one of a mutant, and do nothing")
    reader.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = reader.parse_args()

    work = list(mutants_wanted(asked.only))
    if not asked.long and not asked.only:
        work = random.Random(asked.seed).sample(work, min(asked.count, len(work)))
    if asked.list:
        for each in work:
            print(shown(*each))
        print(f"{len(work)} mutants")
        return 0

    equivalents = known_equivalents()
    is_stale = say_what_is_stale(equivalents)
    if asked.stale:
        return 1 if is_stale else 0
    table = {name: tests.split() for name, _, tests in
             (line.partition(":") for line in lines_of("judges.txt"))}
    known = [each for each in work if named(*each) in equivalents]
    work = [each for each in work if each not in known]
    judges = {header: judges_of(header, table) for header, _ in work}

    workshop = Workshop(work)
    with ThreadPoolExecutor(asked.jobs) as pool:
        workshop.prepare({each for named_here in judges.values() for each in named_here}, pool,
                         asked.jobs)

        def examine(each):
            outcome = workshop.judge(*each, judges[each[0]])
            if outcome == Outcome.SURVIVED:
                say(f"survived: {shown(*each)}")
            return outcome

        # Those that have to be compiled last: so what can be known soon is.
        work.sort(key=lambda each: workshop.is_alone(*each, judges[each[0]]))
        outcomes = list(pool.map(examine, work))
    survivors = [f"{header}:{mutant.line} {mutant.kind}: {mutant.after}"
                 for (header, mutant), outcome in zip(work, outcomes)
                 if outcome == Outcome.SURVIVED]
    all_of_them = figures(outcomes, known)
    held = all_of_them["mutants"] > 0 and all_of_them["score"] >= BOUND and not is_stale
    by_header = {header: figures([outcome for (of, _), outcome in zip(work, outcomes)
                                  if of == header], [each for each in known if each[0] == header])
                 for header in sorted({header for header, _ in work + known})}
    print(json.dumps({**all_of_them, "survivors": survivors, "held": held, "of": by_header}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
