#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What the headers cost a compiler: ./dev compile-time. It makes the files, and measures the user
time of both compilers. Ends with one line of JSON.

The umbrella is held against the third-party and standard headers that it names, included alone;
each further configuration of a runtime in a file, against the umbrella. What is compared is
compiled by turns, so that what else the machine does falls on all of it; the best of some counts.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
PAGE = ROOT / "docs/benchmarks.md"
COMPILERS = ("g++", "clang++-19")
FLAGS = ["-std=c++20", "-O0", f"-I{INCLUDE}"]
UMBRELLA_LIMIT = 1.5
FURTHER_LIMIT = 0.1

JOB = """
namespace {
template <int> struct own_sink {
    podscope::result<void> notify(const podscope::notification&) { return {}; }
};
template <int> struct own_probe {
    void probe(std::span<const podscope::probe_subject>, podscope::deadline,
               std::span<podscope::verdict>) {}
};
template <class World> bool job(World world) {
    using namespace podscope;
    auto parent = world.create(manifest{"parent"}.may(rules::write("/ws")));
    auto given = parent->delegate(manifest{"child"}.may(rules::write("/ws/a")));
    auto child = world.adopt(*given);
    const bool may = parent->check("/ws/b", permission::write).has_value();
    const bool released = child->release().has_value() && parent->reconcile().has_value();
    return may && released && world.restore("parent").has_value();
}
} // namespace
int main() {
    using namespace podscope;
    bool done = true;
"""
FIRST = '    done = job(open_runtime("state").value());\n'
FURTHER = {
    "sink": '    done = job(open_runtime("state", use::sink(own_sink<1>{})).value());\n',
    "probe": '    done = job(open_runtime("state", use::probe(own_probe<1>{})).value());\n',
    "backend": "    done = job(make_runtime(use::backend(basic_memory<pod_schema>{}), "
               "use::sessions(memory_sessions{})));\n",
}


def say(text):
    print(f"podscope: {text}", file=sys.stderr, flush=True)


def headers_below(header, seen, outside):
    """Collects the headers of ours that one includes, and what they name of others."""
    if header in seen:
        return
    seen.add(header)
    for line in (INCLUDE / header).read_text().splitlines():
        named = re.match(r"#include <(.*)>", line)
        if named and named.group(1).startswith("podscope/"):
            headers_below(named.group(1), seen, outside)
        elif named:
            outside.add(named.group(1))


class Bench:
    def __init__(self, folder, compiler):
        self.folder = Path(folder)
        self.compiler = compiler

    def seconds(self, text, *more):
        source = self.folder / "measured.cpp"
        source.write_text(text)
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen([self.compiler, *FLAGS, *more, str(source)], stdout=said,
                                       stderr=said)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                said.seek(0)
                sys.stderr.write(said.read().decode(errors="replace")[-3000:])
                sys.exit(f"podscope: {self.compiler} cannot compile it")
        return used.ru_utime

    def included(self, rounds, **headers):
        """The seconds to include each list of headers alone."""
        texts = {name: "".join(f"#include <{each}>\n" for each in named)
                 for name, named in headers.items()}
        took = [{name: self.seconds(text, "-fsyntax-only") for name, text in texts.items()}
                for _ in range(rounds)]
        return {name: round(min(each[name] for each in took), 3) for name in headers}

    def compiled(self, rounds, **texts):
        """The seconds to compile each, and its bytes of code and constants."""
        took, size = [], {}
        for _ in range(rounds):
            took.append({})
            for name, text in texts.items():
                to = self.folder / "measured.o"
                took[-1][name] = self.seconds(text, "-c", "-o", str(to))
                said = subprocess.run(["size", str(to)], check=True, capture_output=True,
                                      text=True)
                size[name] = int(said.stdout.splitlines()[1].split()[0])
        return {name: (min(each[name] for each in took), size[name]) for name in texts}


def measure(bench, headers, rounds):
    compiler = bench.compiler
    seen, outside = set(), set()
    headers_below("podscope/podscope.hpp", seen, outside)
    found = bench.included(rounds + 1, umbrella=["podscope/podscope.hpp"],
                           outside=sorted(outside))
    umbrella, alone = found["umbrella"], found["outside"]
    say(f"{compiler}: the umbrella {umbrella} s, what it names of others {alone} s")
    start = "#include <podscope/podscope.hpp>\n#include <span>\n" + JOB + FIRST
    end = "    return done ? 0 : 1;\n}\n"
    whole = bench.compiled(rounds, first=start + end,
                           **{name: start + text + end for name, text in FURTHER.items()})
    first, first_size = whole["first"]
    further = {}
    for name in FURTHER:
        both, size = whole[name]
        further[name] = {"seconds": round(both - first, 3),
                         "of_umbrella": round((both - first) / umbrella, 3),
                         "of_first": round((both - first) / first, 3),
                         "bytes": size - first_size,
                         "bytes_of_first": round((size - first_size) / first_size, 3)}
        say(f"{compiler}: another {name}: {further[name]}")
    figures = {"umbrella": umbrella, "outside_alone": alone,
               "ratio": round(umbrella / alone, 3), "first": round(first, 3),
               "first_bytes": first_size, "further": further,
               "headers": bench.included(rounds, **{each: [each] for each in headers})}
    figures["held"] = (figures["ratio"] <= UMBRELLA_LIMIT and
                       all(each["of_umbrella"] <= FURTHER_LIMIT for each in further.values()))
    return figures


def row(what, value, reference, ratio, limit):
    holds = "yes" if ratio <= limit else "**no**"
    return f"| {what} | {value} | {reference} | {ratio} | {limit} | {holds} |\n"


def written(figures):
    """The section of docs/benchmarks.md."""
    text = ("\n## What the headers cost a compiler\n\n"
            "`./dev compile-time` measures this and writes this section: the user time of one file, the\n"
            "best of some, without optimisation. A further configuration is another runtime in a file\n"
            "that has one already.\n\n"
            "| what | seconds | reference | ratio | limit | holds |\n"
            "| --- | ---: | --- | ---: | ---: | --- |\n")
    for compiler, found in figures.items():
        text += row(f"{compiler}: the umbrella, included", found["umbrella"],
                    f"what it names of others, included alone: {found['outside_alone']}",
                    found["ratio"], UMBRELLA_LIMIT)
        for name, one in found["further"].items():
            text += row(f"{compiler}: a further configuration, with another {name}",
                        one["seconds"], f"the umbrella: {found['umbrella']}", one["of_umbrella"],
                        FURTHER_LIMIT)
    text += ("\n| a further configuration | bytes of code | of the first one's |\n"
             "| --- | ---: | ---: |\n")
    for compiler, found in figures.items():
        for name, one in found["further"].items():
            text += f"| {compiler}: another {name} | {one['bytes']} | {one['bytes_of_first']} |\n"
    text += f"\n| header | {' | '.join(f'{each}, seconds' for each in figures)} |\n"
    text += f"| --- |{' ---: |' * len(figures)}\n"
    for header in next(iter(figures.values()))["headers"]:
        costs = " | ".join(str(found["headers"][header]) for found in figures.values())
        text += f"| {header} | {costs} |\n"
    return text


def write_section(figures):
    page = PAGE.read_text()
    PAGE.write_text(page.partition("\n## ")[0].rstrip("\n") + "\n" + written(figures))


def main():
    reader = argparse.ArgumentParser(prog="./dev compile-time")
    reader.add_argument("--long", action="store_true",
                        help="each public header; else those that stand for a folder")
    reader.add_argument("--rounds", type=int, help="of which the best counts; --long three")
    asked = reader.parse_args()
    rounds = asked.rounds or (3 if asked.long else 1)
    headers = sorted(str(each.relative_to(INCLUDE)) for each in INCLUDE.rglob("*.hpp"))
    if not asked.long:
        wanted = {"scope/scope.hpp", "registry/registry.hpp", "session/file.hpp",
                  "backend/memory.hpp", "backend/journal.hpp", "probe/default_probe.hpp",
                  "sink/queue.hpp", "pod/pod.hpp", "pod/runtime.hpp", "fwd.hpp", "result.hpp"}
        headers = [each for each in headers if each.removeprefix("podscope/") in wanted]
    with tempfile.TemporaryDirectory() as folder:
        figures = {each: measure(Bench(folder, each), headers, rounds)
                   for each in COMPILERS if shutil.which(each)}
    if figures:
        write_section(figures)
    held = bool(figures) and all(each["held"] for each in figures.values())
    print(json.dumps({"compile_time": figures, "held": held}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
