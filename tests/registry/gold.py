"""A gold patch as what it changes, and where that stands in a file of which some lines are known."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from edits import Change

LEFT_OUT = (".md", ".rst", ".txt")
"""Names of files that no test reads end so: documentation, changelogs."""


@dataclass(frozen=True)
class Edit:
    """One change of a hunk, counted over the whole patch from 1."""

    number: int
    change: Change


@dataclass(frozen=True)
class Hunk:
    """Some lines of a file, and what changes in them; a change's lines are counted from the hunk's first."""

    path: str
    start: int
    old: list[str]
    edits: list[Edit]

    def now(self, done: set[int]) -> list[str]:
        """Returns the hunk's lines once some of the edits are made."""
        lines, at = [], 0
        for edit in self.edits:
            lines += self.old[at : edit.change.start]
            at = edit.change.start
            if edit.number in done:
                lines += edit.change.lines
                at = edit.change.end
        return lines + self.old[at:]

    def whole(self) -> Change:
        """Returns all edits as one."""
        start, end = self.edits[0].change.start, self.edits[-1].change.end
        lines = self.now({edit.number for edit in self.edits})
        return Change(start, end, lines[start : len(lines) - (len(self.old) - end)])

    def shift(self, number: int, done: set[int]) -> int:
        """Returns how far the edits that are made have moved one that is not."""
        before = [edit.change for edit in self.edits if edit.number in done and edit.number < number]
        return sum(len(change.lines) - (change.end - change.start) for change in before)

    def find(self, known: dict[int, str], done: set[int], least: int = 1) -> int | None:
        """Returns the number of the file's line at which the hunk stands, out of the lines that are known.

        At least so many lines must be known, as far as the hunk has them. Of places that are as good as one another
        it is the nearest to where the patch says.
        """
        lines = [line.rstrip() for line in self.now(done)]
        numbers: dict[str, list[int]] = {}
        for number, line in known.items():
            numbers.setdefault(line.rstrip(), []).append(number)
        starts = {number - at for at, line in enumerate(lines) if line for number in numbers.get(line, [])}
        scores = {start: score(lines, start, known) for start in starts}
        best = max(scores.values(), default=0)
        if best < max(1, min(least, sum(map(bool, lines)))):
            return None
        return min((start for start in starts if scores[start] == best), key=lambda at: abs(at - self.start))


@dataclass(frozen=True)
class Gold:
    """What a gold patch changes: hunks of files that are there, and the texts of new ones with their numbers."""

    hunks: list[Hunk]
    created: dict[str, tuple[int, str]]

    @property
    def count(self) -> int:
        """Returns the number of changes."""
        return sum(len(hunk.edits) for hunk in self.hunks) + len(self.created)

    def lines(self) -> Counter[tuple[str, str]]:
        """Returns each line that is taken out or put in, with its file, and how often."""
        found: Counter[tuple[str, str]] = Counter()
        for hunk in self.hunks:
            for change in (edit.change for edit in hunk.edits):
                found.update((hunk.path, f"-{line}") for line in hunk.old[change.start : change.end])
                found.update((hunk.path, f"+{line}") for line in change.lines)
        for path, (_, text) in self.created.items():
            found.update((path, f"+{line}") for line in text.splitlines())
        return found


def score(lines: list[str], start: int, known: dict[int, str]) -> int:
    """Returns how many lines are known and the same, empty ones aside; 0 where one differs."""
    same = 0
    for number, line in enumerate(lines, start):
        if number in known and known[number].rstrip() != line:
            return 0
        same += number in known and bool(line)
    return same


def parse(patch: str) -> Gold:
    """Reads a patch; files that no test reads are left out."""
    gold = Gold([], {})
    for section in re.split(r"^diff --git ", patch, flags=re.MULTILINE)[1:]:
        target = re.search(r"^\+\+\+ (?:b/)?(.+?)\t?$", section, re.MULTILINE)
        if target is None or target[1] == "/dev/null":
            raise ValueError(f"neither a change nor a new file: {section.splitlines()[0]}")
        if target[1].endswith(LEFT_OUT):
            continue
        is_new = re.search(r"^--- /dev/null$", section, re.MULTILINE) is not None
        for start, body in re.findall(r"^@@ -(\d+)\S* .*\n((?:[ +\\-].*\n?|\n)*)", section, re.MULTILINE):
            if is_new:
                added = "".join(line[1:] + "\n" for line in body.split("\n") if line.startswith("+"))
                gold.created[target[1]] = (gold.count + 1, added)
            else:
                gold.hunks.append(hunk(target[1], int(start), body.removesuffix("\n").split("\n"), gold.count + 1))
    return gold


def hunk(path: str, start: int, body: list[str], number: int) -> Hunk:
    """Reads a hunk whose first change has a number."""
    old: list[str] = []
    changes: list[Change] = []
    is_open = False
    for line in body:
        sign, text = line[:1] or " ", line[1:]
        if sign == "\\":
            continue
        if sign == " ":
            old.append(text)
            is_open = False
            continue
        if not is_open:
            changes.append(Change(len(old), len(old), []))
            is_open = True
        if sign == "+":
            changes[-1].lines.append(text)
        else:
            old.append(text)
            changes[-1] = Change(changes[-1].start, len(old), changes[-1].lines)
    edits = [Edit(at, beside_code(change, old)) for at, change in enumerate(changes, number)]
    return Hunk(path, start, old, edits)


def beside_code(change: Change, old: list[str]) -> Change:
    """Returns an insertion moved to below a line of code, where the same comes out of it."""
    if change.end > change.start or not change.lines:
        return change
    at, lines = change.start, list(change.lines)
    while at > 0 and not old[at - 1].strip() and lines[-1] == old[at - 1]:
        at, lines = at - 1, [lines[-1], *lines[:-1]]
    return Change(at, at, lines)
