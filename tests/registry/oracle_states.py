"""What the oracle answers in the state machine: one action a conversation, by what its prompt shows."""

from __future__ import annotations

import re
from typing import Any

from gold import Gold, Hunk
from shown import Shown, place, section

Action = dict[str, Any]

NAMED = re.compile(r"[Cc]hanges ((?:\d+, )*\d+) of \d+")
"""How the oracle names changes to itself, in instructions and thoughts."""
MARGIN = 3
"""Lines chosen on either side of a change."""
TOKEN = 4
"""Bytes that make a token, by the agent's rule of thumb."""


class Lost(Exception):
    """The prompt does not show what the oracle needs."""


def search(gold: Gold, prompt: str) -> Action:
    """Searches for the code of each hunk as it is."""
    requests = [request(hunk) for hunk in gold.hunks]
    if not requests:
        raise Lost("the patch changes no file that is there, so that there is nothing to search for")
    return {"scratch_pad": "The code that changes, as it is now.", "search_requests": requests}


def request(hunk: Hunk) -> Action:
    """Returns the search for a hunk's lines."""
    return {"code_snippet": "\n".join(hunk.old), "file_pattern": hunk.path}


def identify(gold: Gold, prompt: str) -> Action:
    """Names the spans that were found and hold the changes."""
    shown = Shown()
    shown.read(section(prompt, "search_results"))
    spans: dict[str, list[str]] = {}
    for hunk in gold.hunks:
        held = shown.holding(hunk, set())
        missing = [edit.number for edit in hunk.edits if edit.number not in held]
        if missing:
            raise Lost(f"identify: no span of `{hunk.path}` holds the changes {missing}")
        for span in held.values():
            ids = spans.setdefault(span.path, [])
            ids += [] if span.id in ids else [span.id]
    chosen = [{"file_path": path, "span_ids": ids} for path, ids in spans.items()]
    return {"scratch_pad": "These spans hold what changes.", "identified_spans": chosen}


def decide(gold: Gold, prompt: str) -> Action:
    """Says that the code is there."""
    return {"scratch_pad": "All of the code that changes is there.", "relevant": True, "complete": True}


def plan(gold: Gold, prompt: str) -> Action:
    """Plans the changes of one span, from the end of a file to its beginning; then the new files."""
    done = made(prompt)
    shown = Shown()
    shown.read(section(prompt, "file_context"))
    for path in dict.fromkeys(hunk.path for hunk in gold.hunks):
        held, hunks = {}, [hunk for hunk in gold.hunks if hunk.path == path]
        for hunk in hunks:
            held.update(shown.holding(hunk, done))
        left = [edit.number for hunk in hunks for edit in hunk.edits if edit.number not in done]
        if not left:
            continue
        if left[-1] not in held:
            raise Lost(f"plan: no span of `{path}` in the file context holds the change {left[-1]}")
        span = held[left[-1]]
        numbers = [number for number in left if held.get(number) is span]
        return {
            "scratch_pad": "The lowest change first, so that the lines above keep their numbers.",
            "action": "modify",
            "file_path": path,
            "span_id": span.id,
            "instructions": f"{named(gold, numbers)}:\n{described(gold, numbers)}",
        }
    for path, (number, _) in gold.created.items():
        if number not in done:
            instructions = f"{named(gold, [number])}: the file is new."
            return {"action": "create", "file_path": path, "instructions": instructions}
    return {"action": "finish", "finish": "All changes are made."}


def made(prompt: str) -> set[int]:
    """Returns the numbers of the changes that the prompt lists as made."""
    _, heading, listed = prompt.rpartition("\nThe changes so far, with the lines that they had then:\n")
    if not heading:
        return set()
    entries = re.split(r"^\d+\. `.+?`, (?:lines? \d+(?:-\d+)?|a new file): ", listed, flags=re.MULTILINE)[1:]
    return {number for entry in entries for number in numbers_in(entry)}


def numbers_in(text: str) -> list[int]:
    """Returns the changes that a text names last."""
    found = NAMED.findall(text)
    return [int(number) for number in found[-1].split(", ")] if found else []


def named(gold: Gold, numbers: list[int]) -> str:
    """Returns the words by which changes are known again."""
    return f"Changes {', '.join(map(str, numbers))} of {gold.count}"


def described(gold: Gold, numbers: list[int]) -> str:
    """Returns what changes, line by line."""
    lines = []
    for hunk in gold.hunks:
        for edit in hunk.edits:
            if edit.number in numbers:
                lines += [f"- {line}" for line in hunk.old[edit.change.start : edit.change.end]]
                lines += [f"+ {line}" for line in edit.change.lines]
    return "\n".join(lines)


def select_lines(gold: Gold, prompt: str) -> Action:
    """Chooses the lines of the lowest changes, as many as fit into one edit."""
    numbers = numbers_in(section(prompt, "instructions"))
    path = re.search(r"\nThe code, `.*?` of `(.+?)`, with the numbers of its lines:\n", prompt)
    most = re.search(r"(\d+) tokens at most", prompt)
    if path is None or most is None:
        raise Lost("select_lines: the prompt names no file, or no limit")
    shown = Shown()
    shown.read(f"{path[1]}\n{section(prompt, 'code')}")
    code = shown.of(path[1])
    places = located(gold, path[1], numbers, code)
    chosen: list[int] = []
    for number in sorted(places, reverse=True):
        range_with = window([places[number] for number in [number, *chosen]], code, 0)
        if chosen and size(range_with, code) > int(most[1]):
            break
        chosen.insert(0, number)
    fitting = (window([places[number] for number in chosen], code, margin) for margin in range(MARGIN, -1, -1))
    whole = (min(code), max(code))
    best = [lines for lines in fitting if size(lines, code) <= int(most[1]) and lines != whole]
    if not best:
        raise Lost(f"select_lines: the change {chosen} does not fit into one edit")
    thoughts = f"In these lines: {named(gold, chosen)}."
    return {"scratch_pad": thoughts, "start_line": best[0][0], "end_line": best[0][1]}


def window(places: list[tuple[int, int]], code: dict[int, str], margin: int) -> tuple[int, int]:
    """Returns the lines around some places."""
    first, last = min(place[0] for place in places), max(place[1] for place in places)
    return max(first - margin, min(code)), min(last + margin, max(code))


def size(lines: tuple[int, int], code: dict[int, str]) -> int:
    """Returns the tokens of some lines."""
    text = "\n".join(code.get(number, "") for number in range(lines[0], lines[1] + 1))
    return -(-len(text.encode()) // TOKEN)


def located(gold: Gold, path: str, numbers: list[int], code: dict[int, str]) -> dict[int, tuple[int, int]]:
    """Returns the lines that each of some changes touches; those below them are made already."""
    places = {}
    for hunk in gold.hunks:
        here = [edit.number for edit in hunk.edits if edit.number in numbers and hunk.path == path]
        # Changes are made from below, so that of this hunk those behind the named ones are made.
        done = {edit.number for edit in hunk.edits if here and edit.number > max(here)}
        start = hunk.find(code, done) if here else None
        if here and start is None:
            raise Lost(f"the code shown of `{path}` holds none of the lines of the changes {here}")
        places.update({number: place(hunk, number, start, done) for number in here})
    return places


def replace_code(gold: Gold, prompt: str) -> Action:
    """Writes the piece anew with the changes that its instructions name."""
    numbers = numbers_in(section(prompt, "instructions"))
    new = re.search(r"\nThe file is new: `(.+?)`, a new file\. Write all of it\.", prompt)
    if new:
        return {"replace": gold.created[new[1]][1]}
    heading = re.search(r"\nThe piece to replace, `([^`\n]+)`, lines? (\d+)(?:-(\d+))?:\n\n<search>\n", prompt)
    if heading is None:
        raise Lost("replace_code: the prompt shows no piece")
    path, first = heading[1], int(heading[2])
    piece = section(prompt, "search").split("\n")
    if first + len(piece) - 1 != int(heading[3] or first):
        raise Lost(f"replace_code: {len(piece)} lines are shown as {heading[0].strip()}")
    code = dict(enumerate(piece, first))
    for number, (start, _) in sorted(located(gold, path, numbers, code).items(), reverse=True):
        hunk, change = next((hunk, edit.change) for hunk in gold.hunks for edit in hunk.edits if edit.number == number)
        # An insertion's place is the line before it, or the one behind where that is empty.
        removed = change.end - change.start
        behind = removed == 0 and change.start > 0 and bool(hunk.old[change.start - 1].strip())
        begin = start + behind - first
        # Of what is removed, empty lines at the edges may lie outside of the piece.
        lead = next((at for at in range(removed) if hunk.old[change.start + at].strip()), 0)
        begin, end = max(begin - lead, 0), min(begin - lead + removed, len(piece))
        expected = [line.rstrip() for line in hunk.old[change.start : change.end] if line.strip()]
        if [line.rstrip() for line in piece[begin:end] if line.strip()] != expected:
            raise Lost(f"replace_code: the lines of the change {number} are not all in the piece")
        piece[begin:end] = change.lines
    return {"replace": "\n".join(piece)}


ANSWERS = {
    "search": search,
    "identify": identify,
    "decide": decide,
    "plan": plan,
    "select_lines": select_lines,
    "replace_code": replace_code,
}
