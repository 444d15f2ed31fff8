"""A decorator on top of the cache."""

import functools

from lru.cache import Cache

_MISSING = object()


def memoize(capacity):
    """Remember the last `capacity` results of a function of hashable arguments."""

    def decorate(function):
        cache = Cache(capacity)

        @functools.wraps(function)
        def wrapper(*args):
            result = cache.get(args, _MISSING)
            if result is _MISSING:
                result = function(*args)
                cache.put(args, result)
            return result

        wrapper.cache = cache
        return wrapper

    return decorate
