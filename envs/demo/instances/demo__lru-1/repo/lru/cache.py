"""The cache itself."""

_MISSING = object()


class Cache:
    """Keeps at most `capacity` entries and forgets the one used longest ago.

    Reading or writing an entry counts as using it.
    """

    def __init__(self, capacity):
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.capacity = capacity
        self.hits = 0
        self.misses = 0
        self._entries = {}

    def __len__(self):
        return len(self._entries)

    def __contains__(self, key):
        return key in self._entries

    def get(self, key, default=None):
        """Return the value of `key`, or `default`."""
        value = self._entries.get(key)
        if value is None:
            self.misses += 1
            return default
        self.hits += 1
        return value

    def put(self, key, value):
        """Set the value of `key`, and make room for it when there is none."""
        if len(self._entries) >= self.capacity:
            oldest = next(iter(self._entries))
            del self._entries[oldest]
        self._entries[key] = value

    def keys(self):
        """Return the keys, the one used longest ago first."""
        return list(self._entries)
