"""Durations as people write them."""

from durations.formatting import format_duration
from durations.parsing import DurationError, parse_duration

__all__ = ["DurationError", "format_duration", "parse_duration"]
