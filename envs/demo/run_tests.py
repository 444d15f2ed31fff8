"""Runs the unittest modules named as arguments and prints one line a test: its status and its id."""

import sys
import unittest


class Lines(unittest.TextTestResult):
    """Keeps the worst status of each test; a test with subtests has one line."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.statuses = {}

    def note(self, test, status):
        name = getattr(test, "test_case", test).id()
        if self.statuses.get(name, "PASSED") == "PASSED":
            self.statuses[name] = status

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "PASSED")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "FAILED")

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "ERROR")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "SKIPPED")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "FAILED")


def main():
    sys.path.insert(0, "")
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Lines).run(suite)
    for name, status in result.statuses.items():
        print(status, name)
    sys.exit(0 if result.wasSuccessful() else 1)


main()
