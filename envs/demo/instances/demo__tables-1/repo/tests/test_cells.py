import unittest

from tables.cells import is_number, pad, to_text


class CellTest(unittest.TestCase):
    def test_texts(self):
        self.assertEqual([to_text(value) for value in (None, 1, 1.5, "x", True)], ["", "1", "1.50", "x", "True"])

    def test_booleans_are_no_numbers(self):
        self.assertEqual([is_number(value) for value in (1, 1.5, True, "1")], [True, True, False, False])

    def test_pad(self):
        self.assertEqual((pad("x", 3, False), pad("x", 3, True)), ("x  ", "  x"))
