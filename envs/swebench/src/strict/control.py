"""Puts tests that must fail into test files. Arguments: a file that says what to do, and `skip` where a file that this
Python cannot read is left out.

The file says the mode, a word that nothing else has, a key, and the test files. `canary` adds tests that fail; `control`
also makes each test that is there fail, after it has run, as long as the assertions work. The output says, in lines that
begin with the word and a seal, whether the test patch applied, which Python this is, into which files tests were put, by
their place in the list, and, at its end, which tests were changed: `+path::Class::name`, `?...` for one that may excuse
itself, `-...` for one that was left as it is, `=path::words` for a test that is named by its docstring. A seal is made
with the key, which is gone before the first test runs.
"""
import ast
import hashlib
import io
import json
import os
import random
import re
import sys
import tokenize

with io.open(sys.argv[1], encoding="utf-8") as task:
    TASK = json.load(task)
MODE, WORD, KEY, FILES = TASK["mode"], TASK["word"], TASK["key"], TASK["files"]
SKIPS = sys.argv[2:] == ["skip"]

CANARIES = '''

import unittest as MODULE


class TestMARK(MODULE.TestCase):
    def test_MARK_statement(self):
        assert ["ONE"] == ["SOME"]

    def test_MARK_equal(self):
        self.assertEqual(["ONE"], ["SOME"])

    def test_MARK_true(self):
        self.assertTrue(0)

    def test_MARK_in(self):
        self.assertIn("SOME", [])

    def test_MARK_raises(self):
        with self.assertRaises(KeyError):
            pass

    def test_MARK_error(self):
        raise RuntimeError("SOME")


def test_MARK_function():
    assert ["ONE"] == ["SOME"]


def test_MARK_function_raises():
    import pytest

    with pytest.raises(KeyError):
        pass
'''

HELPERS = '''

FOUND = []
RAISED = []


def FAILURE():
    kinds = [kind.__name__ for kind in type(RAISED[-1]).__mro__] if RAISED else []
    excuses = {"SkipTest", "Skipped", "XFailed", "Exit", "KeyboardInterrupt", "GeneratorExit"}
    return AssertionError("SOME") if not kinds or excuses & set(kinds) else RAISED[-1]


def OWN(value):
    kind = type(value)
    if kind.__module__ == __name__:
        return True
    if kind.__module__ not in ("mock", "mock.mock", "unittest.mock", "_pytest.python_api"):
        return False
    import sys

    return getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind


def WRONG(value):
    """Groups of values that this is not; what equals all of a group equals too much. Of numbers some may be near enough."""
    if isinstance(value, bool):
        return [[not value]]
    if isinstance(value, (int, float, complex)):
        others = [other for other in (value * 2 + 1, value + 1, value - 7) if other != value]
        return [others or [object()]]
    if isinstance(value, str):
        return [[str(value) + "SOME"]]
    if isinstance(value, bytes):
        return [[bytes(value) + b"SOME"]]
    if isinstance(value, (list, tuple)):
        kind = list if isinstance(value, list) else tuple
        alike = [[kind(object() for _ in value)]] if value else []
        return [[kind([*value, object()])], *alike]
    if isinstance(value, (set, frozenset)):
        return [[{*value, object()}]]
    if isinstance(value, dict):
        alike = [[{key: object() for key in value}]] if value else []
        return [[{**value, object(): 0}], *alike]
    return [[object()]]


def COMPARE(value, group):
    try:
        if not OWN(value) and all(value == wrong for wrong in group):
            FOUND.append(1)
    except BaseException:
        pass


def PROBE(value):
    COMPARE(value, [object()])
    return value


def GROUPS(value):
    try:
        return [] if OWN(value) else WRONG(value)
    except BaseException:
        return []


def PAIR(one, other):
    for value, known in ((one, other), (other, one)):
        PROBE(value)
        for group in GROUPS(known):
            COMPARE(value, group)
    return one, other


def FAILS(check):
    try:
        check()
        FOUND.append(1)
    except BaseException:
        pass


def RAISES(function, value, *values, **names):
    result = function(value, *values, **names)
    if getattr(function, "__module__", None) == __name__ or hasattr(result, "__await__"):
        return result
    # Of numbers the nearest may be near enough.
    known = values and isinstance(values[0], (str, bytes, list, tuple, set, frozenset, dict))
    for group in [[object()], *(GROUPS(values[0]) if known else [])]:
        FAILS(lambda: [function(wrong, *values, **names) for wrong in group])
    return result


def EQUALS(function, one, other, *values, **names):
    result = function(*PAIR(one, other), *values, **names)
    for group in GROUPS(other) if not OWN(one) else []:
        FAILS(lambda: [function(one, wrong, *values, **names) for wrong in group])
    return result


def TRUTH(function, wrong, value, *values, **names):
    result = function(PROBE(value), *values, **names)
    FAILS(lambda: function(wrong, *values, **names))
    return result


def BROKEN(case=None):
    if FOUND:
        return True
    try:
        assert ["ONE"] == ["SOME"]
        return True
    except BaseException:
        pass
    if not isinstance(case, MODULE.TestCase):
        return False

    def raises():
        with case.assertRaises(KeyError):
            pass

    for check in (
        lambda: case.assertEqual(["ONE"], ["SOME"]),
        lambda: case.assertTrue(0),
        lambda: case.assertIn("SOME", []),
        lambda: case.fail("SOME"),
        raises,
    ):
        try:
            check()
            return True
        except BaseException:
            pass
    return False
'''

NAMES = (
    "FOUND RAISED ERROR FAILURE OWN WRONG COMPARE PROBE GROUPS PAIR FAILS RAISES EQUALS TRUTH BROKEN MODULE ONE SOME"
)
LIBRARY = re.compile(
    r"assert_(?!\w*not)\w*(equal|identical|allclose|eq)$|assert_(close|array_\w+|frame_\w+|series_\w+)$"
)
EQUALITY = re.compile(r"assert(?!\w*(Not|Almost))\w*Equals?$")
# Assertions of the language on two values, and on one with a value that each must refuse.
PLAIN = re.compile(r"assert(List|Tuple|Dict|Set|Sequence|MultiLine|Count|Items)?Equals?$")
WITH_ONE = {"assertTrue": "0", "assertFalse": "1", "assertIsNone": "[]", "assertIsNotNone": "None"}
TURNS = {"raises", "fails", "expectedfailure", "xpass"}


def made_names():
    """Returns names that nobody knows before: the word makes them."""
    letters = random.Random(WORD)
    return {
        name: "".join(letters.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(letters.randint(7, 14)))
        for name in NAMES.split()
    }


MADE = made_names()


def names_of(text):
    """Returns a text with these names."""
    return re.sub(r"\b(%s)\b" % "|".join(MADE), lambda found: MADE[found.group()], text)


def helper(name):
    return ast.Name(id=names_of(name), ctx=ast.Load())


def words_of(nodes):
    """Returns each name in what is given, in small letters."""
    found = [node for outer in nodes for node in ast.walk(outer)]
    return {str(getattr(node, "attr", getattr(node, "id", ""))).lower() for node in found}


def last_name(node):
    node = getattr(node, "func", node)
    return str(getattr(node, "attr", getattr(node, "id", "")))


def turns(decorators):
    """Whether a decorator makes a failure a success."""
    own = {last_name(decorator).lower() for decorator in decorators}
    return bool(own & TURNS) or bool(words_of(decorators) & {"xfail"})


class Probes(ast.NodeTransformer):
    """Looks at each value that an assertion is made of."""

    def __init__(self):
        self.in_assertion = False

    def call(self, name, args):
        return ast.Call(func=helper(name), args=args, keywords=[])

    def probe(self, node):
        if isinstance(node, (ast.Starred, ast.Constant)):
            return node
        return self.call("PROBE", [node])

    def within(self, node):
        outer, self.in_assertion = self.in_assertion, True
        self.generic_visit(node)
        self.in_assertion = outer

    def visit_Call(self, node):
        name = last_name(node)
        if not name.startswith("assert"):
            self.generic_visit(node)
            return node
        self.within(node)
        plain = [arg for arg in node.args if not isinstance(arg, ast.Starred)] == node.args
        if LIBRARY.match(name):
            if node.args and plain:
                node.args, node.func = [node.func, *node.args], helper("RAISES")
        elif PLAIN.match(name) and len(node.args) > 1 and plain:
            node.args, node.func = [node.func, *node.args], helper("EQUALS")
        elif name in WITH_ONE and node.args and plain:
            wrong = ast.parse(WITH_ONE[name], mode="eval").body
            node.args, node.func = [node.func, wrong, *node.args], helper("TRUTH")
        elif EQUALITY.match(name) and len(node.args) > 1 and plain:
            pair = ast.Starred(value=self.call("PAIR", node.args[:2]), ctx=ast.Load())
            node.args = [pair, *node.args[2:]]
        elif not name.startswith("assert_"):
            node.args = [self.probe(arg) for arg in node.args]
        return node

    def visit_Compare(self, node):
        self.generic_visit(node)
        if not self.in_assertion:
            return node
        if [type(operation) for operation in node.ops] == [ast.Eq]:
            names = [names_of("PAIR") + "_" + side for side in ("one", "other")]
            equal = ast.parse("(lambda {0}, {1}: {0} == {1})(*0)".format(*names), mode="eval").body
            equal.args[0].value = self.call("PAIR", [node.left, node.comparators[0]])
            return equal
        node.left = self.probe(node.left)
        node.comparators = [self.probe(other) for other in node.comparators]
        return node

    def visit_Assert(self, node):
        self.within(node)
        return node


class Control(ast.NodeTransformer):
    """Makes each test fail after it has run."""

    def __init__(self, path):
        self.path, self.classes, self.is_turned, self.found = path, [], False, []

    def visit_Module(self, node):
        marks = [of for of in node.body if isinstance(of, ast.Assign) and words_of(of.targets) == {"pytestmark"}]
        self.is_turned = "xfail" in words_of(marks)
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node):
        outer = self.is_turned
        self.is_turned = outer or turns(node.decorator_list)
        self.classes.append(node.name)
        self.generic_visit(node)
        self.classes.pop()
        self.is_turned = outer
        return node

    def visit_FunctionDef(self, node):
        if not node.name.startswith("test"):
            return node
        name = "::".join([self.path, *self.classes, node.name])
        if self.is_turned or turns(node.decorator_list):
            self.found.append("-" + name)
            return node
        excuses = any(word.startswith(("skip", "xfail", "importorskip")) for word in words_of(node.body))
        self.found.append(("?" if excuses else "+") + name)
        docstring = ast.get_docstring(node)
        if docstring:
            first = docstring.strip().split("\n")[0].strip()
            self.found.append("=" + self.path + "::" + first.replace("\t", " "))
        self.fail(node, node.body[:1] if docstring is not None else [])
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def fail(self, node, kept):
        of_class = {last_name(of) for of in node.decorator_list} & {"staticmethod", "classmethod"}
        args = node.args.posonlyargs + node.args.args
        case = args[0].arg if self.classes and args and not of_class else ""
        failure = names_of("if not BROKEN({0}):\n    raise FAILURE()").format(case)
        caught = "try:\n    pass\nexcept BaseException as ERROR:\n    RAISED.append(ERROR)"
        inner = ast.parse(names_of(caught)).body[0]
        inner.body = [Probes().visit(statement) for statement in node.body]
        start = ast.parse(names_of("FOUND.clear()\nRAISED.clear()")).body
        node.body = kept + start + [ast.Try(body=[inner], handlers=[], orelse=[], finalbody=ast.parse(failure).body)]


def holds_tests(text):
    """Whether a file has tests; one that is no Python has none."""
    if not re.search(r"(?m)^[ \t]*(async[ \t]+)?def test", text):
        return False
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    waiting = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, kinds):
            if node.name.startswith("test"):
                return True
        else:
            waiting += ast.iter_child_nodes(node)
    return False


def say(what, *words):
    line = " ".join([what] + [str(word) for word in words])
    seal = hashlib.sha256((KEY + line + KEY).encode("utf-8")).hexdigest()
    print(WORD, seal, line, flush=True)


def read(path):
    """Returns a file and its encoding, or nothing for one that this Python cannot read."""
    try:
        with io.open(path, "rb") as file:
            encoding = tokenize.detect_encoding(file.readline)[0]
        with io.open(path, encoding=encoding) as file:
            text = file.read()
        return (text, encoding) if holds_tests(text) else None
    except (SyntaxError, UnicodeError, ValueError):
        if not SKIPS:
            raise
        return None


def main():
    if os.path.exists(os.path.join(os.path.dirname(sys.argv[1]), "applied")):
        say("applied")
    say("python", sys.version_info[0], sys.version_info[1])
    if MODE == "control" and sys.version_info < (3, 9):
        say("old")
        return 3
    found, places, texts = [], [], {}
    for place, path in enumerate(FILES):
        text, encoding = read(path) or (None, None)
        if text is None:
            continue
        if MODE == "control":
            encoding = "utf-8"
            control = Control(path)
            text = ast.unparse(ast.fix_missing_locations(control.visit(ast.parse(text))))
            found += control.found
        places.append(str(place))
        mark = "%s%sx" % (WORD, place)
        texts[path] = text + "\n" + names_of(CANARIES).replace("MARK", mark) + names_of(HELPERS), encoding
    # All or none: the next interpreter may read what this one cannot.
    for path, (text, encoding) in texts.items():
        with io.open(path, "w", encoding=encoding) as file:
            file.write(text)
    say("files", *places)
    say("done", "\t".join(sorted(set(found))))
    return 0


sys.exit(main())
