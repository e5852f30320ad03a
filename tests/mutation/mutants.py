# SPDX-License-Identifier: BSL-1.0
"""The mutants of a header: one small change each, as a mistake would make it.

It reads the format that clang-format gives our headers (an operator with two operands has spaces,
the bracket of a template has none) rather than C++; what does not compile is no mutant.
"""
import re
from collections import Counter
from dataclasses import dataclass, replace

SPACED = {
    "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "+=": "-=", "-=": "+=", "*": "/", "/": "*", "%": "*", "&": "|", "|": "&",
    "<<": ">>", ">>": "<<", "|=": "&=", "&=": "|=",
}
# A statement that may be left out: a call or an assignment, and no declaration.
DROPPABLE = re.compile(
    r"^(\+\+|--|\(void\)|std::)?[\w\]\[>().:*-]*(\.|->|\+\+|--|\(| = | [-+|&]= )|^(break|continue)$")
DECLARES = re.compile(
    r"^(return|throw|using|static|constexpr|friend|template|namespace|else|case|default|goto|auto|"
    r"const|if|for|while|switch|do|struct|class|enum|public|private|explicit|inline|virtual|typedef|"
    r"static_assert|BOOST_HANA_ADAPT_STRUCT)\b|^\[\[|^[\w:<>,* &]+ [\w]+(\{.*\})?$|^[\w:]+<.*> \w+|"
    r"^.*\)( noexcept)? (: \w+[{(]|= delete$|= default$)")

# What stands before the first requirement of a concept's.
REQUIRED = re.compile(r"\brequires *(\([^{}]*\))? *\{\s*$")
DECLARED = re.compile(r"\s*(const )?(auto[*&]* |[\w:]+[*&]* (const )?\w+ = )")


@dataclass(frozen=True)
class Mutant:
    line: int
    kind: str
    before: str  # what stands there, in one line
    after: str
    begin: int  # of what is replaced in the header, and by what
    end: int
    replacement: str
    nth: int = 1  # of those in the header that change one line to the other

    def of(self, text):
        """The header with it."""
        return text[:self.begin] + self.replacement + text[self.end:]


def masked(text):
    """The text with comments, strings and directives blanked, every place as it was."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#[^\n]*',
        re.DOTALL | re.MULTILINE)
    return pattern.sub(lambda m: re.sub(r"[^\n]", "\x01", m.group()), text)


def closing(mask, opened):
    """Where the bracket closes that opens there, -1 if nowhere."""
    depth = 0
    for at in range(opened, len(mask)):
        depth += (mask[at] in "([{") - (mask[at] in ")]}")
        if depth == 0:
            return at
    return -1


def outside_of_brackets(mask, begin, end, wanted):
    """Where a text stands outside of all brackets, each time."""
    depth = 0
    for at in range(begin, end):
        if depth == 0 and mask.startswith(wanted, at):
            yield at
        depth += (mask[at] in "([{") - (mask[at] in ")]}")


def condition_in(mask, opened):
    """Of an `if` or a `while` whose bracket opens there: where the condition begins, behind what is
    declared before it, and ends; nothing if it is a declaration itself, or does not end."""
    closed = closing(mask, opened)
    begin = max(outside_of_brackets(mask, opened + 1, closed, ";"), default=opened) + 1
    if closed < 0 or DECLARED.match(mask, begin):
        return None
    return begin, closed


def is_closed(text):
    """Whether each bracket that opens in a text closes in it, and the other way round."""
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            return False
    return depth == 0


def one_line(text):
    return " ".join(text.split())


def is_single(condition):
    """Whether it is one comparison for equality, whose negation is its operator's mutant."""
    return bool(re.fullmatch(r"[^&|?<>=!]*(==|!=)[^&|?<>=!]*", condition))


class Generator:
    def __init__(self, text):
        self.text = text
        self.mask = masked(text)
        self.found = []

    def add(self, kind, begin, end, replacement):
        start = self.text.rfind("\n", 0, begin) + 1
        stop = self.text.find("\n", end)
        stop = len(self.text) if stop < 0 else stop
        after = self.text[start:begin] + replacement + self.text[end:stop]
        self.found.append(Mutant(self.text.count("\n", 0, begin) + 1, kind,
                                 one_line(self.text[start:stop]), one_line(after),
                                 begin, end, replacement))

    def is_constant(self, at):
        """Whether a place is in what is decided when it is compiled, or only declared."""
        start = self.mask.rfind("\n", 0, at) + 1
        line = self.mask[start:self.mask.find("\n", at)]
        return bool(re.search(r"\bif constexpr\b|\bstatic_assert\b|\brequires\b|\btemplate\b|"
                              r"\bconcept\b|operator|= default|= delete|\busing\b|-> std::same_as",
                              line))

    def joins_text(self, at):
        """Whether a + there stands in a sum with a text in quotes, which nothing else than a sum
        can be."""
        ends = re.compile(r"[;{}?:,]| [=<>!&|+]?= |\breturn ")
        return any('"' in self.text[place] for place in self.operands(at, ends))

    def operands(self, at, ends):
        """The places of a sum around one of its operators that are outside of brackets in it."""
        for step in (-1, 1):
            depth, place = 0, at + step
            while 0 <= place < len(self.mask):
                char = self.mask[place] if step > 0 else {"(": ")", "[": "]", ")": "(", "]": "["}.get(
                    self.mask[place], self.mask[place])
                depth += (char in "([") - (char in ")]")
                if depth < 0 or (depth == 0 and ends.match(self.mask, place)):
                    break
                if depth == 0:
                    yield place
                place += step

    def operators(self):
        for match in re.finditer(r"(?<= )([-+*/%<>=!&|]{1,2})(?=[ \n])(?! \{)", self.mask):
            if match.group() in ("+", "+=") and self.joins_text(match.start()):
                continue
            if match.group() in SPACED and not self.is_constant(match.start()):
                self.add("operator", match.start(), match.end(), SPACED[match.group()])
        for match in re.finditer(r"\+\+|--", self.mask):
            other = "--" if match.group() == "++" else "++"
            self.add("operator", match.start(), match.end(), other)
        for match in re.finditer(r"(?<=[(\s!])!(?=[\w(*])", self.mask):
            if not self.is_constant(match.start()):
                self.add("negation", match.start(), match.end(), "")
        for match in re.finditer(r"\b(true|false)\b", self.mask):
            if not self.is_constant(match.start()):
                other = "false" if match.group() == "true" else "true"
                self.add("constant", match.start(), match.end(), other)
        for match in re.finditer(r"(?<![\w.:])[0-9]+(?![\w.'])", self.mask):
            if not self.is_constant(match.start()):
                self.add("constant", match.start(), match.end(), str(int(match.group()) + 1))

    def conditions(self):
        for match in re.finditer(r"\b(if|while) \(", self.mask):
            opened = match.end() - 1
            found = condition_in(self.mask, opened)
            if found is None:
                continue
            begin, closed = found
            condition = self.text[begin:closed].strip()
            # As the operator's own mutant.
            if re.match(r"!\*?[\w.]+(\([^()]*\))?$", condition) or is_single(condition):
                continue
            space = " " if begin != opened + 1 else ""
            self.add("condition", begin, closed, f"{space}!({condition})")
        for match in re.finditer(r"\breturn ([^;]*[^;=<>!]) (==|!=|&&|\|\||<|>|<=|>=) [^;]*;",
                                 self.mask):
            if not self.is_constant(match.start()) and "?" not in match.group():
                value = self.text[match.start() + len("return "):match.end() - 1]
                whole = next(outside_of_brackets(self.mask, match.start(), len(self.mask), ";"))
                if is_single(value) or whole != match.end() - 1:
                    continue
                self.add("condition", match.start(), match.end(), f"return !({value});")
        for match in re.finditer(r"\? ", self.mask):
            # The condition of a choice: from the last that can begin it to the mark, with all
            # brackets in it closed.
            begins = re.compile(r"\breturn |(?<![=!<>])= |[({]|[,?:] ")
            for start in reversed([each.end() for each in begins.finditer(
                    self.mask, self.mask.rfind(";", 0, match.start()) + 1, match.start())]):
                condition = self.text[start:match.start()].rstrip()
                if is_closed(self.mask[start:match.start()]):
                    if condition and not is_single(condition):
                        self.add("condition", start, start + len(condition), f"!({condition})")
                    break

    def statements(self):
        """Where each statement that may be dropped begins and ends, in order."""
        found = []
        for match in re.finditer(r"(?:(?<=[{};:])|\x01)\s*\n( +)(?=[^ \n])", self.mask):
            begin = match.end()
            depth, at = 0, begin
            while at < len(self.mask):
                char = self.mask[at]
                depth += (char in "([{") - (char in ")]}")
                if depth < 0 or (char == ";" and depth == 0):
                    break
                at += 1
            if at == len(self.mask) or depth < 0:
                continue
            statement = one_line(self.mask[begin:at])
            # A body in braces is more than a statement.
            if "{ " in statement and ";" in statement:
                continue
            if REQUIRED.search(self.mask, max(0, begin - 300), begin):
                continue
            if DROPPABLE.match(statement) and not DECLARES.match(statement):
                found.append((begin, at + 1, len(match.group(1))))
        return found

    def drops_and_swaps(self):
        all_statements = self.statements()
        for begin, end, _ in all_statements:
            self.add("drop", begin, end, ";")
        for first, second in zip(all_statements, all_statements[1:]):
            between = self.text[first[1]:second[0]]
            if first[2] == second[2] and not between.strip():
                one, other = self.text[first[0]:first[1]], self.text[second[0]:second[1]]
                self.add("swap", first[0], second[1], other + between + one)

    def all(self):
        self.operators()
        self.conditions()
        self.drops_and_swaps()
        unique = {mutant.of(self.text): mutant for mutant in self.found}
        unique.pop(self.text, None)
        count = Counter()
        numbered = []
        for mutant in sorted(unique.values(), key=lambda m: (m.line, m.kind, m.after)):
            count[mutant.before, mutant.after] += 1
            numbered.append(replace(mutant, nth=count[mutant.before, mutant.after]))
        return numbered


def mutants_of(text):
    return Generator(text).all()
