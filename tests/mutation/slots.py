# SPDX-License-Identifier: BSL-1.0
"""All mutants of a header in one: a place is written once for each of its mutants, and a number
that is looked at when the program runs says which is meant. So tests are compiled once and not for
each mutant, as in "Mutant schemata" (Untch, Offutt, Harrold, 1993).

A slot is what can be written several times with a choice before it: a statement, a condition, a
value. A mutant outside of any slot is left to be compiled alone.
"""
import re
from dataclasses import dataclass, field

from mutants import (DECLARES, DROPPABLE, closing, condition_in, masked, one_line,
                     outside_of_brackets)

CHOICE = "::podscope_mutant::is"
HEADS = re.compile(r"(?:\s|\x01)*(?:(else|do)\b(?! if)|(?:else )?(if|for|while|switch)(?: constexpr)? ?"
                   r"(?=\()|(case [^;{}]*?[^:]:(?!:)|default:|public:|private:|protected:))")
BLOCK = re.compile(r"(\)|\) &&?|\]|\bconst|\bnoexcept|\boverride|\bmutable|\belse|\bdo|\btry|-> [\w:<>,*& ]+|"
                   r"\b(struct|class|namespace|enum|union)\b[^;{}()]*)\s*$")
# A constructor with what it initialises.
INITIALISES = re.compile(r"\)(\s*noexcept)?\s*: \w+[({].*[)}]\s*$", re.DOTALL)
# A variable that is given one value in braces.
HELD = re.compile(r"[\w:<>,*& ]+ \w+\{([^{},;\x01]+)\};")


@dataclass
class Slot:
    kind: str  # statement, condition, value or step
    begin: int
    end: int
    mutants: list = field(default_factory=list)  # of which this is the innermost slot
    inner: list = field(default_factory=list)


class Finder:
    def __init__(self, text):
        self.text = text
        self.mask = masked(text)
        self.slots = []

    def add(self, kind, begin, end):
        while begin < end and self.mask[begin] in " \n\x01":
            begin += 1
        while begin < end and self.mask[end - 1] in " \n":
            end -= 1
        if begin < end:
            self.slots.append(Slot(kind, begin, end))

    def first(self, begin, end, wanted):
        """Where a text first stands outside of all brackets, -1 if nowhere."""
        return next(outside_of_brackets(self.mask, begin, end, wanted), -1)

    def statement(self, begin, end):
        """Of what ends with a semicolon: the slot in it, without what stands before."""
        while head := HEADS.match(self.mask, begin, end):
            begin = head.end()
            if head.group(2):
                begin = closing(self.mask, self.mask.index("(", begin)) + 1
        while begin < end and self.mask[begin] in " \n\x01":
            begin += 1
        stated = one_line(self.mask[begin:end - 1])
        if not stated or stated.startswith(("static_assert", "using ", "template", "friend ")):
            return
        if stated.startswith("return") or (DROPPABLE.match(stated) and not DECLARES.match(stated)):
            self.add("statement", begin, end)
            return
        given = self.first(begin, end - 1, " = ")
        if "constexpr " in stated or stated.endswith(("= default", "= delete", "= 0")):
            return
        if given < 0:
            if held := HELD.fullmatch(self.mask, begin, end):
                self.add("value", *held.span(1))
            return
        given += len(" = ")
        if self.mask[given] not in "{[":
            self.add("value", given, end - 1)

    def statements(self):
        stack, begin = [], 0
        for at, char in enumerate(self.mask):
            if char in "([":
                stack.append((char, begin))
            elif char == "{":
                before = self.mask[begin:at].rstrip(" \n\x01")
                block = (not before or BLOCK.search(before) or INITIALISES.search(before)) and \
                    "=" not in before[-2:]
                stack.append(("block" if block else char, begin))
                if block:
                    begin = at + 1
            elif char in ")]}" and stack:
                opened, outer = stack.pop()
                if opened == "block":
                    goes_on = re.match(r"\s*[;,).(\]]", self.mask[at + 1:at + 200])
                    begin = outer if goes_on else at + 1
            elif char == ";" and (not stack or stack[-1][0] == "block"):
                self.statement(begin, at + 1)
                begin = at + 1

    def conditions(self):
        for match in re.finditer(r"\b(if|while) (?=\()", self.mask):
            if found := condition_in(self.mask, match.end()):
                self.add("condition", *found)
        for match in re.finditer(r"\bfor (?=\()", self.mask):
            opened = match.end()
            closed = closing(self.mask, opened)
            first = self.first(opened + 1, closed, ";")
            if first < 0:
                continue
            given = self.first(opened + 1, first, " = ")
            if given >= 0:
                self.add("value", given + len(" = "), first)
            second = self.first(first + 1, closed, ";")
            self.add("condition", first + 1, second)
            self.add("step", second + 1, closed)

    def runs_of_swaps(self, mutants):
        """Statements that follow each other, of which two at a time can be swapped."""
        begin = end = -1
        for one in sorted((each for each in mutants if each.kind == "swap"),
                          key=lambda each: each.begin):
            if one.begin >= end:
                self.add("statement", begin, end)
                begin = one.begin
            end = one.end
        self.add("statement", begin, end)

    def tree(self, mutants):
        """The outermost slots, each with those in it, and the mutants that are in none."""
        self.statements()
        self.conditions()
        self.runs_of_swaps(mutants)
        unique = {(each.begin, each.end): each for each in self.slots}
        outermost, open_slots = [], []
        for slot in sorted(unique.values(), key=lambda each: (each.begin, -each.end)):
            while open_slots and open_slots[-1].end <= slot.begin:
                open_slots.pop()
            if open_slots and slot.end > open_slots[-1].end:
                continue
            (open_slots[-1].inner if open_slots else outermost).append(slot)
            open_slots.append(slot)
        left = []
        for one in mutants:
            slot = innermost(outermost, one)
            (slot.mutants if slot is not None else left).append(one)
        return outermost, left


def innermost(slots, mutant):
    for slot in slots:
        if slot.begin <= mutant.begin and mutant.end <= slot.end:
            return innermost(slot.inner, mutant) or slot
    return None


def choice(kind, variants, base):
    """Each of the variants, which have a number, or the text as it is."""
    if kind == "statement":
        # One behind the other and not in a chain of `else`: a compiler that finds an error in a
        # link of a chain that is a template looks at none of the later ones.
        chosen = "".join(f"if ({CHOICE}({number})) {{ /*<m{number}*/{text}/*>*/\n}} "
                         for number, text in variants)
        none = " && ".join(f"!{CHOICE}({number})" for number, _ in variants)
        return f"{{ {chosen}if ({none}) {{ {base}\n}} }}"
    wrap = {"condition": "static_cast<bool>", "step": "static_cast<void>", "value": ""}[kind]
    chosen = "".join(f"{CHOICE}({number}) ? {wrap}(/*<m{number}*/{text}/*>*/\n) : "
                     for number, text in variants)
    return f"({chosen}{wrap}({base}\n))"


class Instrumented:
    """A header with all of its mutants, each under the number that `numbers` gives it."""

    def __init__(self, text, mutants, numbers):
        self.text = text
        self.numbers = numbers
        self.slots, self.left = Finder(text).tree(mutants)
        self.dropped = set()
        self.last = ""

    def render(self):
        self.last = self.rendered(0, len(self.text), self.slots)
        return self.last

    def rendered(self, begin, end, slots):
        parts, at = [], begin
        for slot in slots:
            parts += [self.text[at:slot.begin], self.of(slot)]
            at = slot.end
        return "".join([*parts, self.text[at:end]])

    def chosen(self, slot):
        if f"s{id(slot)}" in self.dropped:
            return []
        return [one for one in slot.mutants if f"m{self.numbers[one]}" not in self.dropped]

    def of(self, slot):
        base = self.rendered(slot.begin, slot.end, slot.inner)
        chosen = self.chosen(slot)
        if not chosen:
            return base
        variants = [(self.numbers[one],
                     self.text[slot.begin:one.begin] + one.replacement +
                     self.text[one.end:slot.end]) for one in chosen]
        return f"/*<s{id(slot)}*/{choice(slot.kind, variants, base)}/*>*/"

    def drop_at(self, line, column):
        """Leaves out the mutant at a place of the header as it was last rendered, or all of the
        innermost slot there if it is none of its mutants; whether there is one."""
        at = sum(len(each) + 1 for each in self.last.split("\n")[:line - 1]) + column
        open_slots = []
        for match in re.finditer(r"/\*(<([ms]\d+)|>)\*/", self.last[:at]):
            open_slots.append(match.group(2)) if match.group(2) else open_slots.pop()
        if not open_slots:
            return False
        self.dropped.add(open_slots[-1])
        return True

    def unchosen(self):
        """The mutants that have to be compiled alone."""
        found = list(self.left)

        def visit(slots):
            for slot in slots:
                kept = self.chosen(slot)
                found.extend(one for one in slot.mutants if one not in kept)
                visit(slot.inner)

        visit(self.slots)
        return found
