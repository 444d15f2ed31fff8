"""What the oracle calls in the flow with all actions in one conversation, by the answers to its calls so far."""

from __future__ import annotations

from typing import Any

import edits
from edits import Change
from gold import Gold, Hunk
from shown import Shown

Call = tuple[str, dict[str, Any]]
CONTEXT = 3
"""Lines around a change that its old text has at least, as what is not known of the file may be like it."""
GAP = "\0\n"
"""Stands for lines of a file that are not known."""


class Refused(Exception):
    """A call was not done as it was meant."""


def call(gold: Gold, observations: list[str]) -> Call:
    """Returns the next call: finds all code, views the spans, makes the changes, finishes."""
    at = len(observations)
    finds = [find(hunk) for hunk in gold.hunks]
    if at < len(finds):
        return finds[at]
    shown = Shown()
    for text in observations[: len(finds)]:
        shown.read(text)
    steps = finds + views(gold, shown)
    if at < len(steps):
        return steps[at]
    for text in observations[len(finds) : len(steps)]:
        shown.read(text)
    paths = dict.fromkeys(hunk.path for hunk in gold.hunks)
    changes = [change for path in paths for change in replacements(gold, path, shown)]
    changes += [("create_file", {"path": path, "file_text": text}) for path, (_, text) in gold.created.items()]
    for (_, arguments), text in zip(changes, observations[len(steps) :]):
        if f"Changed `{arguments['path']}`" not in text:
            raise Refused(f"a change of `{arguments['path']}` was not made: {text}")
    return [*steps, *changes, ("finish", {})][at]


def find(hunk: Hunk) -> Call:
    """Returns the search for a hunk's lines."""
    return "find_code_snippet", {"code_snippet": "\n".join(hunk.old), "file_pattern": hunk.path}


def views(gold: Gold, shown: Shown) -> list[Call]:
    """Returns the views of the spans that hold the changes, and of those that are as like as not to do so."""
    wanted: dict[tuple[str, str], None] = {}
    for hunk in gold.hunks:
        held = shown.holding(hunk, set())
        if len(held) < len(hunk.edits):
            raise Refused(f"no span of `{hunk.path}` was found at line {hunk.start}")
        for span in held.values():
            wanted[span.path, span.id] = None
    for span in shown.spans:
        if span.is_cut() and any(hunk.path == span.path for hunk in gold.hunks):
            wanted[span.path, span.id] = None
    return [("view_code", {"path": path, "span_ids": [span]}) for path, span in wanted]


def replacements(gold: Gold, path: str, shown: Shown) -> list[Call]:
    """Returns the changes of a file from its end to its beginning, each by a text that is there once.

    A hunk is one change, as a part of it may leave a file that does not parse.
    """
    places: list[Change] = []
    lines = known_lines(shown.of(path))
    for hunk in (hunk for hunk in gold.hunks if hunk.path == path):
        start = hunk.find(shown.of(path), set())
        if start is None:
            raise Refused(f"the code of `{path}` that was shown has no lines as they are at {hunk.start}")
        lines += [None] * (start + len(hunk.old) - 1 - len(lines))
        # The patch knows its lines exactly, with what stands at their ends.
        lines[start - 1 : start - 1 + len(hunk.old)] = [line + "\n" for line in hunk.old]
        whole = hunk.whole()
        added = [line + "\n" for line in whole.lines]
        places.append(Change(start - 1 + whole.start, start - 1 + whole.end, added))
    calls = []
    for change in reversed(places):
        old, new = replacement(lines, change)
        calls.append(("string_replace", {"path": path, "old_str": old, "new_str": new}))
        lines[change.start : change.end] = change.lines
    return calls


def known_lines(lines: dict[int, str]) -> list[str | None]:
    """Returns the lines of a file from its first one; None stands for one that is not known."""
    known = [lines.get(number) for number in range(1, max(lines, default=0) + 1)]
    return [None if line is None else line + "\n" for line in known]


def replacement(lines: list[str | None], change: Change) -> tuple[str, str]:
    """Returns the old and new text of a change, widened within the known lines around it until it is there once."""
    first, last = change.start, change.end
    while first > 0 and lines[first - 1] is not None:
        first -= 1
    while last < len(lines) and lines[last] is not None:
        last += 1
    around = [line for line in lines[first:last] if line is not None]
    text = "".join(GAP if line is None else line for line in lines)
    moved = Change(change.start - first, change.end - first, change.lines)
    return edits.replace(around, moved, text, CONTEXT)
