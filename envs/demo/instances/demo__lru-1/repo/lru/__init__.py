"""A cache that keeps the entries used last."""

from lru.cache import Cache
from lru.memo import memoize

__all__ = ["Cache", "memoize"]
