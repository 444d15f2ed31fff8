"""What a prompt shows of the code: files, their spans and numbered lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gold import Hunk

LONGEST = 300
"""Characters of the longest line that is shown whole."""


@dataclass
class Span:
    """A span by its heading; `lines` are those shown of it."""

    path: str
    id: str
    first: int
    last: int
    lines: set[int] = field(default_factory=set)

    def is_cut(self) -> bool:
        """Returns whether later lines of it are not shown."""
        return self.last not in self.lines


@dataclass
class Shown:
    """The spans of some text, and the lines of each file by their numbers."""

    spans: list[Span] = field(default_factory=list)
    lines: dict[str, dict[int, str]] = field(default_factory=dict)

    def of(self, path: str) -> dict[int, str]:
        """Returns the known lines of a file."""
        return self.lines.get(path, {})

    def read(self, text: str) -> None:
        """Takes in what a text shows: a path on a line of its own, below it headings and numbered lines."""
        path, span = "", None
        for line in text.split("\n"):
            heading = re.fullmatch(r"  span `(.+?)`, lines? (\d+)(?:-(\d+))?", line)
            code = re.fullmatch(r" *(\d+)(?:  |\t)(.*)", line)
            if heading:
                span = Span(path, heading[1], int(heading[2]), int(heading[3] or heading[2]))
                self.spans.append(span)
            elif code:
                number = int(code[1])
                if span and span.first <= number <= span.last:
                    span.lines.add(number)
                if len(code[2]) <= LONGEST:
                    self.lines.setdefault(path, {})[number] = code[2]
            elif re.fullmatch(r"[^\s`]+", line):
                path, span = line, None

    def holding(self, hunk: Hunk, done: set[int]) -> dict[int, Span]:
        """Returns for each edit of a hunk the span that it is to be made in.

        What is put between two spans goes to the upper one. Where the hunk's lines are not shown, they are in a span of
        which some are left out.
        """
        spans = [span for span in self.spans if span.path == hunk.path]
        cut = sorted((span for span in spans if span.is_cut()), key=lambda span: distance(span, hunk.start))
        # Next to lines that are left out, a single line may be alike by chance.
        start = hunk.find(self.of(hunk.path), done, least=3 if cut else 1)
        found = {}
        for edit in hunk.edits:
            if edit.number in done:
                continue
            at = None if start is None else place(hunk, edit.number, start, done)
            held = [span for span in spans if at and span.first <= at[0] and at[1] <= span.last]
            if held or cut:
                found[edit.number] = (held or cut)[0]
        return found


def place(hunk: Hunk, number: int, start: int, done: set[int]) -> tuple[int, int]:
    """Returns the first and last line that an edit touches when its hunk begins at `start`; empty ones aside.

    An insertion touches the line before it, or the one behind where that is empty.
    """
    change = next(edit.change for edit in hunk.edits if edit.number == number)
    touched = list(range(change.start, change.end)) or [change.start - 1]
    filled = [at for at in touched if 0 <= at < len(hunk.old) and hunk.old[at].strip()]
    moved = start + hunk.shift(number, done)
    at = filled or [change.start]
    return moved + at[0], moved + at[-1]


def distance(span: Span, line: int) -> int:
    """Returns how far a line is from a span."""
    return max(span.first - line, line - span.last, 0)


def section(text: str, tag: str) -> str:
    """Returns what stands between the last pair of tags; empty where there is none."""
    found = text.rpartition(f"<{tag}>\n")[2] if f"<{tag}>\n" in text else ""
    return found.rpartition(f"\n</{tag}>")[0]
