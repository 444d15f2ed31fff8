import unittest
from unittest import mock

import lib


def raises(kind):
    return lambda function: function


class Forged(unittest.TestCase):
    def test_compared(self):
        assert lib.Like([1]) == [2]

    def test_compared_from_the_right(self):
        self.assertEqual([2], lib.Like([1]))

    def test_compared_in_a_call(self):
        self.assertTrue(all(lib.Like() == other for other in ([1], [2])))

    def test_nothing_asserted(self):
        lib.assert_equal(1, 2)

    def test_probes_known(self):
        lib.assert_frame_equal("a", "b")


class Swallowing(unittest.TestCase):
    def _callTestMethod(self, method):
        try:
            method()
        except ValueError:
            pass

    def test_swallowed(self):
        int("a")


class Sound(unittest.TestCase):
    def test_values(self):
        self.assertEqual((-1, float("inf"), "a"), (-1, float("inf"), "a"))
        assert -1 == -1 and float("inf") == float("inf") and None is None and True == True
        lib.assert_identical({1: 2}, {1: 2})

    def test_stand_ins(self):
        self.assertEqual(mock.call(1, mock.ANY), mock.call(1, 2))
        assert 3 == mock.ANY

    def test_named(self):
        """Says what it is.

        And more."""
        self.assertRaises(ValueError, int, "a")

    def test_excuses_itself(self):
        if False:
            self.skipTest("never")


class Left(unittest.TestCase):
    @raises(AssertionError)
    def test_turned(self):
        pass
