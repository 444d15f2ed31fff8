"""From rows to a table."""

from tables.cells import is_number, pad, to_text


def render(header, rows):
    """Return a table: the header, a rule, and one line for each row.

    Columns are as wide as their widest cell and two blanks apart; numbers are
    set flush right. Rows may be shorter than the header: what is missing is
    empty. No line ends in blanks.
    """
    texts = [[to_text(value) for value in row] for row in rows]
    widths = [max([len(name)] + [len(row[index]) for row in texts]) for index, name in enumerate(header)]
    lines = [_line(header, widths, [False] * len(header)), "  ".join("-" * width for width in widths)]
    for row, cells in zip(rows, texts):
        lines.append(_line(cells, widths, [is_number(value) for value in row]))
    return "\n".join(lines)


def _line(cells, widths, right):
    padded = [pad(cell, width, flush) for cell, width, flush in zip(cells, widths, right)]
    return "  ".join(padded).rstrip()
