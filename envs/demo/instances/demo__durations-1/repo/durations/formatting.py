"""From seconds to text."""

from durations.units import UNITS


def format_duration(seconds):
    """Return the shortest text that `parse_duration` reads as `seconds`."""
    if seconds == 0:
        return "0s"
    sign = "-" if seconds < 0 else ""
    rest = abs(seconds)
    parts = []
    for unit, length in UNITS.items():
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return sign + "".join(parts)
