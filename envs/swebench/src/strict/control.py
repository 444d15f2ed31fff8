"""Puts tests that must fail into test files. Arguments: `canary` or `control`, a word that nothing else has, the files.

`canary` adds tests that fail; `control` also makes each test that is there fail, after it has run, as long as the
assertions work. The last line of the output names the tests that were changed.
"""
import ast
import sys

MODE, WORD, FILES = sys.argv[1], sys.argv[2], sys.argv[3:]

CANARIES = '''

import unittest as _unittest_WORD


class ZzWORD(_unittest_WORD.TestCase):
    def test_WORD_statement(self):
        assert [0] == ["WORD"]

    def test_WORD_equal(self):
        self.assertEqual([0], ["WORD"])

    def test_WORD_true(self):
        self.assertTrue(0)

    def test_WORD_in(self):
        self.assertIn("WORD", [])

    def test_WORD_raises(self):
        with self.assertRaises(KeyError):
            pass

    def test_WORD_error(self):
        raise RuntimeError("WORD")


def test_WORD_function():
    assert [0] == ["WORD"]


def test_WORD_function_raises():
    import pytest

    with pytest.raises(KeyError):
        pass
'''

HELPERS = '''

_equal_WORD = []


def _probe_WORD(value):
    try:
        kind = type(value).__module__
        if (value == object()) is True and "mock" not in kind and kind != __name__:
            _equal_WORD.append(1)
    except BaseException:
        pass
    return value


def _broken_WORD(case=None):
    if _equal_WORD:
        return True
    try:
        assert [0] == ["WORD"]
        return True
    except BaseException:
        pass
    if not isinstance(case, _unittest_WORD.TestCase):
        return False

    def raises():
        with case.assertRaises(KeyError):
            pass

    for check in (
        lambda: case.assertEqual([0], ["WORD"]),
        lambda: case.assertTrue(0),
        lambda: case.assertIn("WORD", []),
        lambda: case.fail("WORD"),
        raises,
    ):
        try:
            check()
            return True
        except BaseException:
            pass
    return False
'''


class Probes(ast.NodeTransformer):
    """Looks at each value that an assertion is made of."""

    def probe(self, node):
        if isinstance(node, (ast.Starred, ast.Constant)):
            return node
        return ast.Call(func=ast.Name(id="_probe_" + WORD, ctx=ast.Load()), args=[node], keywords=[])

    def visit_Call(self, node):
        self.generic_visit(node)
        name = getattr(node.func, "attr", "")
        if name.startswith("assert") and not name.startswith("assert_"):
            node.args = [self.probe(arg) for arg in node.args]
        return node

    def visit_Assert(self, node):
        self.generic_visit(node)
        if isinstance(node.test, ast.Compare):
            node.test.left = self.probe(node.test.left)
            node.test.comparators = [self.probe(other) for other in node.test.comparators]
        return node


class Control(ast.NodeTransformer):
    """Makes each test fail after it has run."""

    def __init__(self):
        self.in_class = False
        self.names = set()

    def visit_ClassDef(self, node):
        outer, self.in_class = self.in_class, True
        self.generic_visit(node)
        self.in_class = outer
        return node

    def visit_FunctionDef(self, node):
        if not node.name.startswith("test"):
            return node
        self.names.add(node.name)
        of_class = {getattr(of, "id", "") for of in node.decorator_list} & {"staticmethod", "classmethod"}
        args = node.args.posonlyargs + node.args.args
        case = args[0].arg if self.in_class and args and not of_class else ""
        failure = "if not _broken_{0}({1}):\n    raise AssertionError('{0}')".format(WORD, case)
        inner = ast.parse("try:\n    pass\nexcept BaseException:\n    pass").body[0]
        inner.body = [Probes().visit(statement) for statement in node.body]
        node.body = [ast.Try(body=[inner], handlers=[], orelse=[], finalbody=ast.parse(failure).body)]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef


def main():
    if MODE == "control" and sys.version_info < (3, 9):
        print(WORD, "old", flush=True)
        return 3
    names, texts = set(), {}
    for path in FILES:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if MODE == "control":
            control = Control()
            tree = ast.fix_missing_locations(control.visit(ast.parse(text)))
            names |= {path + "::" + name for name in control.names}
            text = ast.unparse(tree) + "\n" + HELPERS.replace("WORD", WORD)
        texts[path] = text + CANARIES.replace("WORD", WORD)
    # All or none: the next interpreter may read what this one cannot.
    for path, text in texts.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    print(WORD, "done", "\t".join(sorted(names)), flush=True)
    return 0


sys.exit(main())
