"""One cell of a table."""


def to_text(value):
    """Return a value as the text of a cell; None is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def is_number(value):
    """Return whether a value is set flush right."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def pad(text, width, right):
    """Return a text filled up with blanks to a width."""
    return text.rjust(width) if right else text.ljust(width)
