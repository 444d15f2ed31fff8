import unittest

from durations import format_duration


class FormatTest(unittest.TestCase):
    def test_zero(self):
        self.assertEqual(format_duration(0), "0s")

    def test_several_units(self):
        self.assertEqual(format_duration(93784), "1d2h3m4s")

    def test_negative(self):
        self.assertEqual(format_duration(-60), "-1m")
