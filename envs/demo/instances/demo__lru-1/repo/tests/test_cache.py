import unittest

from lru import Cache


class CacheTest(unittest.TestCase):
    def test_get_and_put(self):
        cache = Cache(2)
        cache.put("a", 1)
        self.assertEqual(cache.get("a"), 1)
        self.assertEqual(cache.get("b", "none"), "none")

    def test_forgets_when_full(self):
        cache = Cache(2)
        for key in "abc":
            cache.put(key, key)
        self.assertEqual(cache.keys(), ["b", "c"])

    def test_counts_hits_and_misses(self):
        cache = Cache(1)
        cache.put("a", 1)
        cache.get("a")
        cache.get("b")
        self.assertEqual((cache.hits, cache.misses), (1, 1))

    def test_capacity_is_checked(self):
        with self.assertRaises(ValueError):
            Cache(0)
