"""A small reading of test logs, enough to tell whether an image behaves as measured."""

from __future__ import annotations

import re

STATUSES = ("PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL")


def passed(repo: str, log: str) -> set[str]:
    """Returns the names of the tests that passed, spelled as the datasets spell them."""
    readers = {"django/django": _django, "sympy/sympy": _sympy, "psf/requests": _requests}
    return {name for name, status in readers.get(repo, _pytest)(log).items() if status == "PASSED"}


def count(names: list[str], passing: set[str]) -> str:
    """Returns `passed/total`."""
    return f"{sum(name in passing for name in names)}/{len(names)}"


def _pytest(log: str) -> dict[str, str]:
    """Reads the short summary of `pytest -rA`; a name ends at the first blank."""
    found = {}
    for line in log.splitlines():
        fields = line.split()
        if len(fields) > 1 and line.startswith(STATUSES) and fields[0] in STATUSES:
            found[fields[1]] = fields[0]
    return found


def _requests(log: str) -> dict[str, str]:
    """Reads pytest's summary; of a path in brackets only the last part counts."""
    found = {}
    for name, status in _pytest(log).items():
        option = re.fullmatch(r"(.*?)\[(.*)\]", name)
        if option and re.match(r"/(?!/)", option[2]) and "*" not in option[2]:
            name = f"{option[1]}[/{option[2].rpartition('/')[2]}]"
        found[name] = status
    return found


def _django(log: str) -> dict[str, str]:
    """Reads the verbose lines of Django's runner; a docstring names its test."""
    found = {}
    for line in log.splitlines():
        verdict = re.fullmatch(r"(.*?) \.\.\. +(ok|OK|FAIL|ERROR|skipped.*|expected failure)", line.strip())
        if verdict:
            found[verdict[1]] = "PASSED" if verdict[2].lower() == "ok" else "FAILED"
    for name in re.findall(r"^(?:FAIL|ERROR): (.+)$", log, re.MULTILINE):
        found[name] = "FAILED"
    return found


def _sympy(log: str) -> dict[str, str]:
    """Reads the verbose lines of SymPy's own runner."""
    found = {}
    for line in log.splitlines():
        verdict = re.match(r"(test_\w+) (ok|F|E|f|X|s|w)\b", line.strip())
        if verdict:
            found[verdict[1]] = "PASSED" if verdict[2] == "ok" else "FAILED"
    return found
