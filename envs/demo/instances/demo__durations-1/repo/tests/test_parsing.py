import unittest

from durations import DurationError, parse_duration


class ParseTest(unittest.TestCase):
    def test_one_part(self):
        self.assertEqual(parse_duration("90s"), 90)

    def test_blanks_around(self):
        self.assertEqual(parse_duration("  2d "), 172800)

    def test_negative(self):
        self.assertEqual(parse_duration("-5m"), -300)

    def test_nothing_to_read(self):
        with self.assertRaises(DurationError):
            parse_duration("soon")
