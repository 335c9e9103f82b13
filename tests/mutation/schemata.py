"""Puts every mutant of a source file into that one file: which of them is alive is chosen at run time by STEWARD_MUTANT=N.

No parser of C++: conditions, returned truths, comparisons and statements are found by how clang-format writes them. What does not
compile is dropped by whoever builds.
"""
import re

HEADER = """#pragma once
#include <cstdlib>

namespace steward_mutant {
inline bool is(int number) {
    static const int chosen = std::getenv("STEWARD_MUTANT") ? std::atoi(std::getenv("STEWARD_MUTANT")) : -1;
    return chosen == number;
}
}  // namespace steward_mutant
"""

COMPARISONS = {" < ": (" <= ", " >= "), " <= ": (" < ",), " > ": (" >= ", " <= "), " >= ": (" > ",), " == ": (" != ",), " != ": (" == ",)}
STATEMENT = re.compile(r"^( +)(?!\.)((?:[\w.:]|->|\[\w*\])+(?:\([^;{}]*\))?(?:(?:\.|->)\w+\([^;{}]*\))*(?: [+\-|&]?= [^;{}]+)?;)$")
NO_STATEMENT = re.compile(r"^\s*(return|co_return|co_await|using|break|continue|case|default|else|public|private|const|auto|static|throw|delete)\b")
RETURNED = re.compile(r"^( +(?:if \(.*\) )?)return (true|false);$")


class Mutant:
    def __init__(self, number, line, what, text):
        self.number, self.line, self.what, self.text = number, line, what, text


def outside_quotes(text, at=0):
    """(place, character, depth of parentheses behind it) of what is in no string, from `at` on."""
    depth, quoted, is_escaped = 0, "", False
    for place in range(at, len(text)):
        c = text[place]
        if quoted:
            if not is_escaped and c == quoted:
                quoted = ""
            is_escaped = c == "\\" and not is_escaped
            continue
        if c in "\"'":
            quoted = c
            continue
        depth += (c in "([{") - (c in ")]}")
        yield place, c, depth


def closing(text, at):
    """Where the parenthesis that opens at `at` closes."""
    for place, c, depth in outside_quotes(text, at):
        if depth == 0 and c in ")]}":
            return place
    raise ValueError("no closing parenthesis")


def is_whole(text):
    """Whether every parenthesis in it is closed in it: the last line of a longer statement is none."""
    depths = [depth for _, _, depth in outside_quotes(text)]
    return min(depths) >= 0 and depths[-1] == 0


def split_top(text, operator):
    """The clauses of a condition between the operators that are in no parentheses."""
    parts, begin = [], 0
    for place, _, depth in outside_quotes(text):
        if depth == 0 and place >= begin and text.startswith(operator, place):
            parts.append(text[begin:place])
            begin = place + len(operator)
    return parts + [text[begin:]]


class Seeder:
    """Rewrites one file."""

    def __init__(self, text, first, skipped):
        self.text, self.next, self.skipped = text, first, skipped
        self.mutants = []

    def new(self, line, what, text):
        number = self.next
        self.next += 1
        self.mutants.append(Mutant(number, line, what, " ".join(text.split())))
        return None if number in self.skipped else number

    def comparisons(self, clause, line):
        """Each comparison in a clause that has only one: the others are mixed with templates and lambdas."""
        out = clause
        for sign, others in COMPARISONS.items():
            if clause.count(sign) != 1 or sum(clause.count(s) for s in COMPARISONS) != 1 or "[" in clause or "?" in clause or "&&" in clause:
                continue
            for other in others:
                number = self.new(line, f"{sign.strip()} becomes {other.strip()}", clause)
                if number is not None:
                    out = f"(steward_mutant::is({number}) ? ({clause.strip().replace(sign, other)}) : static_cast<bool>({out.strip()}))"
        return out

    def condition(self, text, line):
        """`a && b || c` with each clause dropped, each comparison changed, and the whole never true."""
        initialiser, semicolon, rest = text.rpartition("; ") if split_top(text, "; ")[1:] else ("", "", text)
        if re.match(r"(const )?(auto|[\w:]+)[*&]* \w+ = ", rest.strip()) and not semicolon:
            return text  # a declaration is the condition
        parts = []
        for part in split_top(rest, " || "):
            clauses = split_top(part, " && ")
            seeded = []
            for clause in clauses:
                new = self.comparisons(clause, line)
                if len(clauses) > 1:
                    number = self.new(line, "clause dropped", clause)
                    if number is not None:
                        new = f"(steward_mutant::is({number}) || static_cast<bool>({new.strip()}))"
                seeded.append(new)
            parts.append(" && ".join(seeded))
        whole = " || ".join(f"({p})" for p in parts) if len(parts) > 1 else parts[0]
        number = self.new(line, "never", rest)
        if number is not None:
            whole = f"!steward_mutant::is({number}) && static_cast<bool>({whole})"
        number = self.new(line, "negated", rest)
        if number is not None:
            whole = f"steward_mutant::is({number}) != static_cast<bool>({whole})"
        return f"{initialiser}{semicolon}{whole}"

    def conditions(self, text):
        out, at = [], 0
        for found in re.finditer(r"^(?!\s*//)(.*?\b)if \(", text, re.M):
            begin = found.end() - 1
            if begin < at:
                continue
            end = closing(text, begin)
            out.append(text[at:begin + 1])
            out.append(self.condition(text[begin + 1:end], text.count("\n", 0, begin) + 1))
            at = end
        return "".join(out) + text[at:]

    def lines(self, text):
        """The texts told are those of the source: what `conditions` put in has numbers in it, which other runs do not share."""
        out = []
        before = ""
        for number, (line, source) in enumerate(zip(text.split("\n"), self.text.split("\n"), strict=True), 1):
            returned = RETURNED.match(line)
            statement = None if before.endswith((" =", ",", "(")) else STATEMENT.match(line)
            before = source
            if returned:
                chosen = self.new(number, f"returns not {returned[2]}", source)
                if chosen is not None:
                    line = f"{returned[1]}return {'!' if returned[2] == 'true' else ''}steward_mutant::is({chosen});"
            elif (statement and not NO_STATEMENT.match(line) and re.search(r"[=(]", statement[2]) and is_whole(statement[2])
                  and "out <<" not in line):
                chosen = self.new(number, "statement dropped", source)
                if chosen is not None:
                    # In braces: an `else` below belongs to the `if` above, not to this one.
                    line = f"{statement[1]}{{ if (!steward_mutant::is({chosen})) {statement[2]} }}"
            out.append(line)
        return "\n".join(out)


def seed(text, first, skipped):
    """The file with its mutants, numbered from `first` on but for those in `skipped`, and what they are."""
    head = text.index("namespace steward")
    body = text[head:]
    offset = text.count("\n", 0, head)
    seeder = Seeder(body, first, skipped)
    body = seeder.lines(seeder.conditions(body))
    for mutant in seeder.mutants:
        mutant.line += offset
    return '#include "steward_mutant.hpp"\n' + text[:head] + body, seeder.mutants
