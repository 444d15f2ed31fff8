import unittest

from lru import memoize


class MemoTest(unittest.TestCase):
    def test_calls_once(self):
        calls = []

        @memoize(4)
        def double(number):
            calls.append(number)
            return number * 2

        self.assertEqual([double(2), double(2), double(3)], [4, 4, 6])
        self.assertEqual(calls, [2, 3])
