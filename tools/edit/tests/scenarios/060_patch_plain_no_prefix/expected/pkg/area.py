"""Areas of plane figures."""

import math


def rectangle(width, height):
    """Returns the area of a rectangle."""
    return width * height


def circle(radius):
    """Returns the area of a circle."""
    return math.pi * radius


def triangle(base, height):
    """Returns the area of a triangle."""
    if base < 0 or height < 0:
        raise ValueError("a side is negative")
    return base * height / 2
