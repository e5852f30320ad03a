#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Puts the figures of a run into docs/verification.md: the line of JSON that it ended with, on
standard input, under the command that was run. What was there of such a run before goes.
"""
import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/verification.md"
HEADING = "\n## Last runs\n"


def leaves(figures, way=()):
    """The groups of plain figures, each with the names that lead to it."""
    plain = {name: value for name, value in figures.items() if not isinstance(value, (dict, list))}
    if plain:
        yield way, plain
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from leaves(value, (*way, name))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for nth, each in enumerate(value, 1):
                yield from leaves(each, (*way, f"{name} {nth}"))


def spoken(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    return str(value)


def section(command, figures):
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], check=False,
                            capture_output=True, text=True).stdout.strip()
    text = f"\n### `{command}`\n\nOn {datetime.date.today()}, at {commit}:\n\n"
    for way, plain in leaves(figures):
        told = ", ".join(f"{name.replace('_', ' ')} {spoken(value)}"
                         for name, value in plain.items() if name != "regime")
        if told:
            text += f"- {' '.join(way).replace('_', ' ')}: {told}\n" if way else f"- {told}\n"
    return text


def main():
    command = " ".join(sys.argv[1:])
    lines = sys.stdin.read().splitlines()
    if not lines:
        sys.exit("podscope: the run ended without its figures")
    page = PAGE.read_text()
    before, _, runs = page.partition(HEADING)
    kept = {re.match(r"### `(.*)`", each).group(1): each
            for each in re.split(r"\n(?=### `)", runs) if each.startswith("### `")}
    kept[command] = section(command, json.loads(lines[-1])).lstrip("\n")
    intro = ("\nWritten by the runs themselves, with `PODSCOPE_RECORD=1`. A run says at which commit "
             "it was: what came\nafter it is not in it.\n")
    PAGE.write_text(before.rstrip("\n") + "\n" + HEADING + intro +
                    "".join("\n" + kept[each].rstrip("\n") + "\n" for each in sorted(kept)))


if __name__ == "__main__":
    main()
