"""Lines that fit: broken between words, the rest indented. A word that is too long, an ARN or a path, stays whole."""

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

SIGN = 3
"""The most characters of a word that never stands alone at the end of a line: a mark, what leads a value."""

_WORD = re.compile(r"[^ ]+")


def wrapped(line: Text, width: int, hang: int = 4) -> Iterator[Text]:
    """Yield the line as one or more that fit into so many columns; all but the first begin after `hang` spaces."""
    if cell_len(line.plain) <= width:
        yield line
        return
    begin, end, indent = 0, 0, 0  # of what stands on the line that is being made, and what is before it
    for word in _WORD.finditer(line.plain):
        fits = indent + cell_len(line.plain[begin : word.end()]) <= width
        alone = len(line.plain[begin:end].strip()) <= SIGN
        if not fits and not alone:
            yield _indented(line[begin:end], indent)
            begin, indent = word.start(), hang
        end = word.end()
    yield _indented(line[begin:], indent)


def wrapped_text(text: str, width: int, hang: int = 4) -> str:
    """Return lines of plain text, each broken as `wrapped` does. What stands at the end of the text stays: a blank,
    say.
    """
    lines = [each for line in text.split("\n") for each in wrapped(Text(line), width, hang)]
    tail = text[len(text.rstrip(" ")) :]
    return "\n".join(each.plain.rstrip(" ") for each in lines) + tail


def _indented(line: Text, spaces: int) -> Text:
    return Text.assemble(" " * spaces, line) if spaces else line
