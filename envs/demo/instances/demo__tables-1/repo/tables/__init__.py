"""Plain-text tables."""

from tables.layout import render

__all__ = ["render"]
