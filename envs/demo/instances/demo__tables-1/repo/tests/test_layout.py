import unittest

from tables import render


class RenderTest(unittest.TestCase):
    def test_columns_line_up(self):
        table = render(["name", "count"], [["apples", 12], ["figs", 3]])
        self.assertEqual(table.splitlines(), ["name    count", "------  -----", "apples     12", "figs        3"])

    def test_no_rows(self):
        self.assertEqual(render(["a", "bc"], []).splitlines(), ["a  bc", "-  --"])
