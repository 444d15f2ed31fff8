"""The calls that turn a file into what the gold patch makes of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

Call = dict[str, Any]

ROOT = "/testbed"


@dataclass(frozen=True)
class Change:
    """Lines `start..end` of the old file become `lines`."""

    start: int
    end: int
    lines: list[str]


def bash(command: str) -> Call:
    """Returns a call of the shell."""
    return {"name": "bash", "arguments": {"command": command}}


def editor(command: str, path: str, **arguments: Any) -> Call:
    """Returns a call of the editor on a path of the repository."""
    return {
        "name": "str_replace_editor",
        "arguments": {"command": command, "path": f"{ROOT}/{path}", **arguments},
    }


def changes(before: str, after: str) -> list[Change]:
    """Returns the hunks between two texts, without their context."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    found = []
    for group in matcher.get_grouped_opcodes(3):
        real = [opcode for opcode in group if opcode[0] != "equal"]
        found.append(Change(real[0][1], real[-1][2], new[real[0][3] : real[-1][4]]))
    return found


def replace(lines: list[str], change: Change) -> tuple[str, str]:
    """Returns the old and new text of a change, widened by lines around it until the old one occurs once.

    Neither starts nor ends with a blank line where the file allows it, since
    protocols that carry arguments as text may trim them.
    """
    text = "".join(lines)
    for margin in range(1, len(lines) + 1):
        first, last = max(0, change.start - margin), min(len(lines), change.end + margin)
        while first > 0 and not lines[first].strip():
            first -= 1
        while last < len(lines) and not lines[last - 1].strip():
            last += 1
        old = "".join(lines[first:last])
        new = "".join([*lines[first : change.start], *change.lines, *lines[change.end : last]])
        if old.endswith("\n") and new.endswith("\n"):
            old, new = old[:-1], new[:-1]
        if old and occurrences(text, old) == 1:
            return old, new
    raise ValueError("no text around the change occurs once")


def occurrences(text: str, part: str) -> int:
    """Counts the places where a text occurs, overlapping ones too."""
    count, at = 0, text.find(part)
    while at >= 0:
        count, at = count + 1, text.find(part, at + 1)
    return count


def file_edits(path: str, before: str | None, after: str | None) -> list[Call]:
    """Returns the calls for one file; None stands for a file that is not there."""
    if after is None:
        return [bash(f"rm {ROOT}/{path}")]
    if before is None:
        return [editor("create", path, file_text=after)]
    calls, lines, offset = [], before.splitlines(keepends=True), 0
    for change in changes(before, after):
        moved = Change(change.start + offset, change.end + offset, change.lines)
        old, new = replace(lines, moved)
        calls.append(editor("str_replace", path, old_str=old, new_str=new))
        lines[moved.start : moved.end] = moved.lines
        offset += len(change.lines) - (change.end - change.start)
    verify(path, before, after, calls)
    return calls


def verify(path: str, before: str, after: str, calls: list[Call]) -> None:
    """Makes sure that the calls, done as an editor does them, give the patched file."""
    text = before
    for call in calls:
        old, new = call["arguments"]["old_str"], call["arguments"]["new_str"]
        if occurrences(text, old) != 1:
            raise ValueError(f"`{path}`: the old text of an edit does not occur once")
        text = text.replace(old, new)
    if text != after:
        raise ValueError(f"`{path}`: the edits do not give the patched file")
