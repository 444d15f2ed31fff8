"""From text to seconds."""

import re

from durations.units import UNITS

_PART = re.compile(r"(\d+)([wdhms])")


class DurationError(ValueError):
    """The text is not a duration."""


def parse_duration(text):
    """Return the number of seconds that `text` stands for.

    A duration is one or more parts, each a whole number and a unit, such as
    `1h30m`. Blanks around it do not matter; a leading minus makes it negative.
    """
    stripped = text.strip()
    negative = stripped.startswith("-")
    body = stripped.lstrip("-")
    parts = _PART.findall(body)
    if not parts:
        raise DurationError(f"not a duration: {text!r}")
    seconds = 0
    for number, unit in parts:
        seconds = int(number) * UNITS[unit]
    return -seconds if negative else seconds
