"""Scripted models: what a solving and what an idle agent would say, turn by turn."""

from __future__ import annotations

import ast
import re
import shlex
import textwrap
from typing import Any

from edits import ROOT, Call, bash, changes, editor, file_edits
from instances import Instance
from tree import Tree

Turn = dict[str, Any]
Script = dict[str, list[Turn]]

REPRODUCE = f"cd /tmp && timeout 60 python {ROOT}/reproduce.py"
FINISH: Call = {"name": "finish", "arguments": {}}


def turn(content: str, *calls: Call) -> Turn:
    """Returns one turn of the model."""
    return {"content": content, "calls": list(calls)}


def idle() -> Script:
    """Returns the model that looks and gives up."""
    look = turn("I look at the repository first.", bash(f"cd {ROOT} && git log --oneline | head -n 3 && ls"))
    return {"turns": [look, turn("I see nothing to change.", FINISH)]}


def solving(instance: Instance, tree: Tree) -> Script:
    """Returns the model that explores, reproduces, edits as the gold patch does, tests and finishes."""
    paths = sorted({**tree.before, **tree.after})
    touched = [path for path in paths if tree.before.get(path) != tree.after.get(path)]
    turns = explore(touched, tree)
    turns.append(
        turn(
            "I write down what the issue says as a script.",
            editor("create", "reproduce.py", file_text=reproduction(instance, touched)),
        )
    )
    turns.append(turn("It should show the problem.", bash(f"({REPRODUCE})")))
    for path in touched:
        for call in file_edits(path, tree.before.get(path), tree.after.get(path)):
            turns.append(turn(f"Now `{path}`.", call))
    turns.append(turn("I read the change once more.", bash(f"cd {ROOT} && git --no-pager diff")))
    turns.append(turn("Does the script do better now?", bash(f"({REPRODUCE})")))
    tests = f"cd {ROOT} && {instance.entry['test_cmd']} 2>&1 | tail -n 40"
    turns.append(turn("And the tests around it.", bash(tests)))
    clean = f"cd {ROOT} && rm reproduce.py && git status --short | head -n 20"
    turns.append(turn("The script is no longer needed.", bash(clean)))
    turns.append(turn("The issue is fixed.", FINISH))
    return {"turns": turns}


def explore(touched: list[str], tree: Tree) -> list[Turn]:
    """Returns the turns that find the places to change."""
    turns = [turn("I look at the repository first.", bash(f"cd {ROOT} && git log --oneline | head -n 3 && ls"))]
    for path in touched:
        before, after = tree.before.get(path), tree.after.get(path)
        if before is None or after is None:
            continue
        lines, first = before.splitlines(), changes(before, after)[0]
        name = enclosing(lines, first.start)
        search = bash(f"cd {ROOT} && grep -n {shlex.quote(name)} {shlex.quote(path)} | head -n 20")
        span = [max(1, first.start - 20), max(1, min(len(lines), first.end + 20))]
        turns.append(turn(f"The issue leads to `{path}`.", search, editor("view", path, view_range=span)))
        shown = f"cd {ROOT} && sed -n '{span[0]},{span[1]}p' {shlex.quote(path)} | cat -A | head -n 5"
        turns.append(turn("I check how the lines are indented.", bash(shown)))
    thought = "The cause is in " + ", ".join(touched) + "; a small change there should do."
    turns.append(turn("", {"name": "think", "arguments": {"thought": thought}}))
    return turns


def enclosing(lines: list[str], at: int) -> str:
    """Returns the head of the function or class around a line."""
    for line in reversed(lines[: at + 1]):
        found = re.match(r"\s*((?:async )?def|class) (\w+)", line)
        if found:
            return f"{found[1]} {found[2]}"
    return "import"


def reproduction(instance: Instance, touched: list[str]) -> str:
    """Returns a script that runs the issue's own code, or shows the code the issue is about."""
    modules = [name for name in map(module, touched) if name]
    body = snippet(instance.row["problem_statement"]) or "print('the issue shows no code')"
    text = (
        '"""Shows the behaviour that the issue describes."""\n\n'
        "import importlib.util\nimport traceback\n\n"
        f"try:\n{textwrap.indent(body, '    ')}\n"
        "except Exception:\n    traceback.print_exc()\n\n"
        f"for name in {modules!r}:\n    print(name, importlib.util.find_spec(name).origin)\n"
    )
    return text if parses(text) else text.replace(textwrap.indent(body, "    "), "    pass")


def module(path: str) -> str:
    """Returns the dotted name of a Python file; empty for other files."""
    if not path.endswith(".py"):
        return ""
    return re.sub(r"^(src|lib)/", "", path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def snippet(issue: str) -> str:
    """Returns the longest piece of Python in an issue text that parses; empty when there is none."""
    blocks = re.findall(r"```[\w-]*[ \t]*\r?\n(.*?)```", issue, re.DOTALL)
    prompts = "\n".join(re.findall(r"^\s*(?:>>>|In \[\d+\]:|\.\.\.) .*$", issue, re.MULTILINE))
    candidates = []
    for block in [*blocks, prompts]:
        code = "\n".join(line.rstrip() for line in block.splitlines())
        if re.search(r"^\s*(>>>|In \[\d+\]:)", code, re.MULTILINE):
            kept = re.findall(r"^\s*(?:>>>|In \[\d+\]:|\.\.\.) ?(.*)$", code, re.MULTILINE)
            code = "\n".join(kept)
        code = textwrap.dedent(code).strip("\n")
        if re.search(r"\bimport\b|\w\(", code) and parses(code):
            candidates.append(code)
    return max(candidates, key=len, default="")


def parses(code: str) -> bool:
    """Says whether a text is Python."""
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True
