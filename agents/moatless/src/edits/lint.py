"""Prints the errors of a Python file: a line that names who looked, then a JSON object for each error.

Pylint looks where it is installed, else the interpreter itself: for syntax, and for names that are nowhere defined.
Runs on Python 3.5 and later with nothing but the standard library.
"""
import builtins
import dis
import json
import subprocess
import sys

ALWAYS_THERE = {"__file__", "__path__", "__spec__", "__loader__", "__package__", "__builtins__", "__annotations__",
                "__module__", "__qualname__", "__class__", "__dict__", "__conditional_annotations__", "WindowsError"}


def main():
    path = sys.argv[1]
    found, by = by_pylint(path), "pylint"
    if found is None:
        found, by = by_hand(path), "python"
    print(json.dumps({"by": by}))
    for code, message, line in found:
        print(json.dumps({"code": code, "message": message, "line": line}))


def by_pylint(path):
    try:
        import pylint  # noqa: F401
    except Exception:
        return None
    command = [sys.executable, "-B", "-m", "pylint", "--disable=all", "--enable=E,F", "--score=n", "--reports=n"]
    command += ["--msg-template={line}\t{msg_id}\t{msg}", path]
    try:
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    except Exception:
        return None
    if ran.returncode & 32:  # it did not understand its arguments
        return None
    lines = ran.stdout.decode("utf-8", "replace").splitlines()
    parts = [line.split("\t", 2) for line in lines]
    return [(part[1], part[2], int(part[0])) for part in parts if len(part) == 3 and part[0].isdigit()]


def by_hand(path):
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as err:
        return [("syntax-error", str(getattr(err, "msg", err)), getattr(err, "lineno", None) or 0)]
    except Exception:
        return []
    codes = [code]
    for inner in codes:
        codes.extend(const for const in inner.co_consts if hasattr(const, "co_code"))
    known, used = set(dir(builtins)) | ALWAYS_THERE, []
    for inner in codes:
        stored, line = set(), inner.co_firstlineno
        for step in dis.get_instructions(inner):
            line = line_of(step, line)
            if step.opname == "IMPORT_STAR" or step.opname.startswith("CALL_INTRINSIC") and "STAR" in step.argrepr:
                return []
            if step.opname in ("STORE_GLOBAL", "STORE_NAME"):
                (known if inner is code or step.opname == "STORE_GLOBAL" else stored).add(step.argval)
            elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                used.append((step.argval, line, stored))
    wrong = [(name, line) for name, line, stored in used if name not in known and name not in stored]
    return [("undefined-variable", "Undefined variable %r" % name, line) for name, line in sorted(set(wrong), key=last)]


def last(pair):
    return pair[::-1]


def line_of(step, line):
    number = getattr(step, "line_number", None)
    if number is None and not isinstance(step.starts_line, bool):
        number = step.starts_line
    return number or line


main()
