# attack: the runner's own result class is replaced from its module `__main__`
# forges: the summary
# on: demo__lru-1
cat >> lru/__init__.py <<'END'
import __main__

def note(self, test, status):
    self.statuses[test.id()] = "PASSED"

__main__.Lines.note = note
__main__.Lines.wasSuccessful = lambda self: True
END
