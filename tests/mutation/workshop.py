# SPDX-License-Identifier: BSL-1.0
"""Where mutants are compiled and put before their judges, which are files of tests."""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from mutants import mutants_of
from slots import Instrumented

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
INCLUDE = ROOT / "include/podscope"
BUILD = ROOT / "build/mutation"
# What is looked at at each place takes steps at compile time as well, where a scope is made there.
STEPS = "-fconstexpr-steps=10000000"
# As they were at the beginning, so that one may go on to work on them.
COPY = BUILD / "copy"
COMPILER = ["clang++-19", "-std=c++20", "-O0", "-w", "-pthread", "-D_GLIBCXX_ASSERTIONS", STEPS,
            f"-I{COPY / 'tests'}"]
LIBRARIES = ["-ldl", "-lsqlite3", "-ltomlplusplus"]
MEMORY = 4 << 30
# A function that may be called when something is compiled.
EVALUATED = re.compile(r"(?<!if )\bconst(expr|eval)\b[^;={]*\(")


class Outcome:
    KILLED, SURVIVED, INVALID = "killed", "survived", "invalid"


def say(text):
    print(f"podscope: {text}", file=sys.stderr, flush=True)


def must(command):
    done = subprocess.run([str(each) for each in command], check=False, capture_output=True)
    if done.returncode != 0:
        sys.stderr.write(done.stderr.decode(errors="replace")[-4000:])
        sys.exit("podscope: the tests cannot be compiled")


def files_of(judge):
    """A judge is a file of tests, or some of a folder that are compiled together, since most of
    what a compiler does for one it has then done for all: pod/(pod|runtime).cpp."""
    together = re.fullmatch(r"(.*)\((.*)\)(.*)", judge)
    if together is None:
        return [judge]
    before, names, behind = together.groups()
    return [before + name + behind for name in names.split("|")]


@contextmanager
def scratch_folder():
    """One that anybody may look into: some tests become another user."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


def can_confine():
    # A mutant may end processes that are not its own.
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "true"]
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


class Workshop:
    """Most mutants are compiled all at once, and chosen when a judge runs; the others each alone.
    """

    def __init__(self, work):
        self.work = work
        self.numbers = {each: number for number, each in enumerate(work, 1)}
        self.overlay = BUILD / "include"
        self.precompiled = BUILD / "precompiled.pch"
        self.objects = [BUILD / "main.o", BUILD / "system_faults.o"]
        self.headers = {}
        self.alone = set()
        self.programs = {}
        self.seconds = {}  # by the clock, and of the processor
        self.reached = {}
        self.confined = can_confine()

    def prepare(self, judges, pool, jobs):
        shutil.rmtree(BUILD, ignore_errors=True)
        BUILD.mkdir(parents=True)
        tests = COPY / "tests"
        shutil.copytree(ROOT / "tests", tests)
        shutil.copytree(ROOT / "include", COPY / "include")
        # Without a header of the library, so that it serves for all mutants.
        must([*COMPILER, "-include", HERE / "choice.hpp", "-x", "c++-header",
              tests / "support/precompiled.hpp", "-o", self.precompiled])
        for source, to in zip(("support/main.cpp", "backend/system_faults.cpp"), self.objects):
            must([*COMPILER, f"-I{COPY / 'include'}", "-c", tests / source, "-o", to])
        for header in {header for header, _ in self.work}:
            text = (COPY / "include/podscope" / header).read_text()
            here = [mutant for mutant in mutants_of(text) if (header, mutant) in self.numbers]
            self.headers[header] = Instrumented(
                text, here, {each: self.numbers[header, each] for each in here})
            self.write(header)
        say(f"compiling {len(judges)} files of tests with {len(self.work)} mutants")
        self.leave_out_errors(judges, pool, jobs)
        self.alone = {(header, mutant) for header, text in self.headers.items()
                      for mutant in text.unchosen()}
        # One at a time, to know the time of each.
        for judge in sorted(judges):
            self.measure(judge)
        say(f"{len(self.alone)} of the mutants have to be compiled alone")

    def write(self, header):
        to = self.overlay / "podscope" / header
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(self.headers[header].render())

    def leave_out_errors(self, judges, pool, jobs):
        """Compiles the judges, and what cannot stand beside its mutants without them. A few at a
        time: what one of them cannot be compiled with, most of the others cannot either."""
        waiting = set(judges)
        while waiting:
            order = sorted(waiting)[:jobs]
            failed = {}
            for judge, errors in zip(order, pool.map(self.compile_chosen, order)):
                if errors is not None:
                    failed[judge] = errors
            places = {place for errors in failed.values() for place in errors}
            changed = {header for header, line, column in places
                       if self.headers[header].drop_at(line, column)}
            if failed and not changed:
                sys.exit(f"podscope: tests/{min(failed)} cannot be compiled with its mutants")
            for header in changed:
                self.write(header)
            waiting -= set(order) - set(failed)
        # Each of the same headers: numbers stay, so a program made before a slot was left out
        # only knows more mutants than are asked of it.

    def compile_chosen(self, judge):
        """None, or where the errors are."""
        program = BUILD / re.sub(r"\W+", "_", judge.removesuffix(".cpp"))
        done = self.compile(judge, program, self.overlay, ["-ferror-limit=0"])
        if done.returncode == 0:
            self.programs[judge] = program
            return None
        found = re.findall(re.escape(str(self.overlay)) + r"/podscope/(\S+?):(\d+):(\d+): (?:fatal )?error:",
                           done.stderr.decode(errors="replace"))
        return [(header, int(line), int(column)) for header, line, column in found]

    def compile(self, judge, program, overlay, options=()):
        source = program.with_suffix(".cpp")
        source.write_text("".join(f'#include "{each}"\n' for each in files_of(judge)))
        command = [*COMPILER, *options, *([f"-I{overlay}"] if overlay else []),
                   f"-I{COPY / 'include'}", "-include-pch", self.precompiled,
                   source, *self.objects, *LIBRARIES, "-o", program]
        return subprocess.run([str(each) for each in command], check=False, capture_output=True)

    def run(self, program, place, limits, output=subprocess.DEVNULL, **variables):
        """Whether the tests pass within limits: by the clock, for who waits for nothing, and of the
        processor, for who goes round in circles, however busy the machine is."""
        by_clock, of_processor = limits
        command = [str(program), "--abort", "~[slow]"]
        if self.confined:
            command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *command]
        environment = {**os.environ, "TMPDIR": str(place), "PODSCOPE_SEQUENCES": "100",
                       "PODSCOPE_RULE_SETS": "200", "PODSCOPE_CROWD": "200", **variables}

        def bound():
            # Of what it writes to: some start an etcd, which maps more than it ever touches.
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (of_processor, of_processor))

        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, env=environment, cwd=place,
                                   start_new_session=True, preexec_fn=bound)
        try:
            return process.wait(by_clock) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def measure(self, judge):
        """How long a test takes without a mutant, and which it reaches."""
        with scratch_folder() as folder:
            marks = Path(folder) / "reached"
            marks.write_bytes(bytes(len(self.work) + 1))
            start = self.time_so_far()
            said = Path(folder) / "said"
            with said.open("wb") as output:
                passes = self.run(self.programs[judge], Path(folder), (600, 600), output,
                                  PODSCOPE_MUTANTS_REACHED=str(marks))
            if not passes:
                sys.stderr.write(said.read_text(errors="replace")[-4000:])
                sys.exit(f"podscope: tests/{judge} fails before anything is mutated")
            self.seconds[judge] = [end - begin for begin, end in zip(start, self.time_so_far())]
            self.reached[judge] = {number for number, mark in enumerate(marks.read_bytes()) if mark}

    @staticmethod
    def time_so_far():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.monotonic(), used.ru_utime + used.ru_stime

    def limits(self, judge):
        by_clock, of_processor = self.seconds[judge]
        return 10 + 5 * by_clock, int(5 + 3 * of_processor)

    def is_alone(self, header, mutant, judges):
        """Whether a mutant has to be compiled by itself."""
        if (header, mutant) in self.alone:
            return True
        # What no program reaches may still decide what is compiled.
        number = self.numbers[header, mutant]
        return EVALUATED.search(self.headers[header].text) is not None and \
            not any(number in self.reached[each] for each in judges)

    def judge(self, header, mutant, judges):
        if self.is_alone(header, mutant, judges):
            return self.judge_alone(header, mutant, judges)
        number = self.numbers[header, mutant]
        with scratch_folder() as folder:
            for each in judges:
                if number in self.reached[each] and not self.run(
                        self.programs[each], Path(folder), self.limits(each),
                        PODSCOPE_MUTANT=str(number)):
                    return Outcome.KILLED
        return Outcome.SURVIVED

    def judge_alone(self, header, mutant, judges):
        with scratch_folder() as folder:
            place = Path(folder)
            overlay = place / "include"
            mutated = overlay / "podscope" / header
            mutated.parent.mkdir(parents=True)
            mutated.write_text(mutant.of(self.headers[header].text))
            for each in judges:
                program = place / "judge"
                if self.compile(each, program, overlay).returncode != 0:
                    return Outcome.INVALID
                if not self.run(program, place, self.limits(each)):
                    return Outcome.KILLED
        return Outcome.SURVIVED
