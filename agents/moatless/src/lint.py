"""Prints the errors of Python files, one JSON object a line: `code`, `message`, `line`.

Pylint's errors where it is installed, else what the interpreter itself can tell: syntax and names that are nowhere
defined. Runs on Python 3.5 and later with nothing but the standard library.
"""
import ast
import builtins
import json
import subprocess
import sys
import symtable


def main():
    for path in sys.argv[1:]:
        for code, message, line in by_pylint(path) or by_hand(path):
            print(json.dumps({"code": code, "message": message, "line": line}))


def by_pylint(path):
    template = "{line}\t{msg_id}\t{msg}"
    command = [sys.executable, "-m", "pylint", "--disable=all", "--enable=E,F", "--score=n", "--reports=n"]
    try:
        import pylint  # noqa: F401
        ran = subprocess.run(command + ["--msg-template=" + template, path], stdout=subprocess.PIPE, timeout=60)
    except Exception:
        return None
    found = []
    for line in ran.stdout.decode("utf-8", "replace").splitlines():
        parts = line.split("\t", 2)
        if len(parts) == 3 and parts[0].isdigit():
            found.append((parts[1], parts[2], int(parts[0])))
    return found or None


def by_hand(path):
    with open(path, "rb") as file:
        source = file.read()
    try:
        tree = ast.parse(source, path)
        compile(source, path, "exec", dont_inherit=True)
        table = symtable.symtable(source.decode("utf-8"), path, "exec")
    except SyntaxError as err:
        return [("syntax-error", str(err.msg), err.lineno or 0)]
    except Exception:
        return []
    return undefined(tree, table)


def undefined(tree, table):
    nodes = list(ast.walk(tree))
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes):
        return []
    known = set(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__", "__spec__", "__loader__",
                                  "__package__", "__builtins__", "__annotations__", "__module__", "__qualname__",
                                  "__class__", "__dict__", "WindowsError"}
    missing, tables = set(), [table]
    for scope in tables:
        tables.extend(scope.get_children())
        for symbol in scope.get_symbols():
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                if scope is table or symbol.is_declared_global():
                    known.add(symbol.get_name())
        names = (symbol for symbol in scope.get_symbols() if symbol.is_referenced())
        missing.update(symbol.get_name() for symbol in names if symbol.is_global() or scope is table)
    found = []
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in missing - known:
            found.append(("undefined-variable", "Undefined variable %r" % node.id, node.lineno))
    return found


main()
