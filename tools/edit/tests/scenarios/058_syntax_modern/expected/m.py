match x:
    case {"a": [1, *rest]} if (n := len(rest)) > 2:
        pass
    case _:
        ...

type Pair[T] = tuple[T, T]


async def f[T](a, /, *, b: T = 1) -> None:
    async with a as x, b as y:
        print(f"{x!r:>{width}} {'q'}")
    try:
        pass
    except* (ValueError, TypeError) as err:
        raise


class A: x = 1

if x: pass
else: pass

def g():
    # only
    """doc"""

    x = [
  1,
        2,
    ]
    if x:
        # a comment
        pass
  # odd comment
    return lambda: (yield)
