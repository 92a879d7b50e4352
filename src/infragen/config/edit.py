"""Set keys of a section in the text of an environment file; everything else in it, comments too, stays as it is.

Lines are added or changed, never rewritten. A file whose section is written so that a line cannot be added (in braces,
by an alias) is refused, and so is an edit that does not read back as what was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from infragen.config import yamlfile
from infragen.errors import InputError


def with_section(text: str, file: str, section: str, values: Mapping[str, str]) -> str:
    """Return the text with these plain texts as keys of a top-level section. Raises InputError where that cannot be
    done by lines; `file` is its name in messages.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(newline)
    at = next((index for index, line in enumerate(lines) if re.match(rf"{section}\s*:", line)), None)
    if at is None:
        end = [f"{section}:", *(f"  {key}: {value}" for key, value in values.items()), ""]
        while lines and not lines[-1].strip():
            lines.pop()
        edited = newline.join([*lines, "", *end])
    else:
        edited = newline.join(_into(lines, at, values))
    if not _reads_back(edited, file, section, values):
        written = "; ".join(f"{key}: {value}" for key, value in values.items())
        raise InputError(
            f"{file}: `{section}` is written so that no line can be added to it; the file is as it was",
            f"add under {section}: {written}",
        )
    return edited


def _reads_back(text: str, file: str, section: str, values: Mapping[str, str]) -> bool:
    """Return whether a text is read as YAML that holds these values."""
    try:
        found = yamlfile.load(text.encode(), file).entries.get(section)
    except InputError:
        return False
    if found is None or not isinstance(found.node, yamlfile.Mapping):
        return False
    inside = {key: each.node for key, each in found.node.entries.items()}
    return all(isinstance(node := inside.get(key), yamlfile.Scalar) and node.text == values[key] for key in values)


def _into(lines: list[str], at: int, values: Mapping[str, str]) -> list[str]:
    """Return the lines with the keys in the block that begins after line `at`."""
    after = range(at + 1, len(lines))
    end = next((each for each in after if lines[each].strip() and not lines[each].startswith((" ", "#"))), len(lines))
    block = lines[at + 1 : end]
    indent = next((re.match(r" +", line) for line in block if re.match(r" +[^ #]", line)), None)
    margin = indent[0] if indent else "  "
    missing = dict(values)
    for index, line in enumerate(block):
        key = re.match(rf"{margin}([a-z_]+)\s*:(\s*[^#\s][^#]*?)?(\s*#.*)?$", line)
        if key and key[1] in missing:
            block[index] = f"{margin}{key[1]}: {missing.pop(key[1])}{key[3] or ''}"
    added = [f"{margin}{key}: {value}" for key, value in missing.items()]
    return [*lines[: at + 1], *added, *block, *lines[end:]]
