"""Makes text that may be shown: the one door to a terminal, a file of results, and a description in AWS.

`Shown` (`secrecy.shown`) is made here and nowhere else; what prints or sends takes nothing but it, which mypy holds.
Secrets are hidden and whatever could steer a terminal, turn the direction of text or hide in it is written as its
number. So is what a CI system takes for a command in a log: `workflow_command` is the one way to give one.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from infragen.secrecy.masking import SECRET, SHORTEST, document, texts
from infragen.secrecy.shown import NOTHING as NOTHING  # also known here, where it is made
from infragen.secrecy.shown import Secret
from infragen.secrecy.shown import Shown as Shown
from infragen.secrecy.shown import ShownBytes as ShownBytes
from infragen.secrecy.texts import certain_credential, suspect

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
    + "]"
)
"""Control characters but tab and newline, what turns the direction of text, what has no width, and lone surrogates
(Unicode 16: general categories Cc, Cf, Zl, Zp, Cs, noncharacters, which XML forbids, and what is default-ignorable;
variation selectors stay)."""

_COMMAND = re.compile(r"#(?=#[A-Za-z]*\[)|(?<![^\n])[^\S\n]*:(?=:[^\n]*::)")
"""What a CI system would run when it comes by in a log, from where the sign is that is written as its number.

GitHub's runner reads stdout and stderr alike: a line that begins, after spaces, with `::` and has another `::`, and
`##[` anywhere in a line (actions/runner, Runner.Common/ActionCommand.cs, TryParseV2 and TryParse; read 2026-11-29;
which commands there are changes, so none is let through). `##vso[` is Azure Pipelines', `##teamcity[` TeamCity's.
GitLab's section markers need an escape and a carriage return, which are written as their numbers."""

HIDDEN = f"{SECRET}: the rest is not shown"
"""What stands where a sentence comes to a secret: nobody can tell where that ends."""


LONG_LINE = 8
"""Characters from which on a line of a secret, or a text in it, is looked for by itself."""

_PASSWORD_OF_ADDRESS = re.compile(r"[\w+.-]+://[^\s/@:]*:([^\s/@]{4,})@")


def visible(text: str) -> str:
    """Return text in which nothing steers a terminal or a CI system, or reads other than it is: such characters by
    their number.
    """
    return _COMMAND.sub(_last_by_number, _UNSEEN.sub(_number, text))


def _last_by_number(found: re.Match[str]) -> str:
    return f"{found[0][:-1]}\\u{ord(found[0][-1]):04x}"


def _number(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_number(found: re.Match[str]) -> str:
    pair = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pair[start : start + 4]}" for start in range(0, len(pair), 4))


def shown(text: str, known: Collection[str] = ()) -> Shown:
    """Return a text of our own, or one whose values are masked, as it may be shown; `known` are texts that are secrets.

    A line that comes to a secret all the same ends there.
    """
    return Shown(visible(_text_of(text, known)))


def quoted(text: str | None, known: Collection[str] = ()) -> Shown:
    """Return the words of somebody else, AWS above all, on one line; they end where they come to a secret."""
    lines = (text or "").replace("\r\n", "\n")
    line = lines.replace("\n", " ")
    found = suspect(lines, prose=True)  # a line end can part a name from its value
    if found and found.start < len(_until_secret(line, known, ours=False)):
        return Shown(visible(_until_secret(line[: found.start], known, ours=False) + HIDDEN))
    return Shown(visible(_until_secret(line, known, ours=False)))


def shown_json(document: object, known: Collection[str] = (), indent: int | None = None) -> Shown:
    """Return a document as JSON, its texts as they may be shown; what is unseen is written as its
    number, as JSON does.
    """
    text = json.dumps(_shown_values(document, known), indent=indent, ensure_ascii=False)
    return Shown(_COMMAND.sub(_last_by_number, _UNSEEN.sub(_json_number, text)))


def assembled(text: str) -> Shown:
    """Return a document whose pieces have been shown one by one. A credential in it all the same ends its line."""
    if certain_credential(text, encoded=False):
        lines = text.split("\n")
        text = "\n".join(HIDDEN if certain_credential(each, encoded=False) else each for each in lines)
    return Shown(visible(text))


def workflow_command(
    name: str, message: str = "", properties: Mapping[str, str] | None = None, known: Collection[str] = ()
) -> Shown:
    """Return a command to GitHub's runner, `::name key=value,…::message`. `name` and the keys are ours.

    Escaped as the runner unescapes: `%` and line ends in the message, `:` and `,` in a property too
    (actions/toolkit, packages/core/src/command.ts, escapeData and escapeProperty; read 2026-11-29).
    """
    given = ",".join(
        f"{key}={_escaped(shown(value, known)).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in (properties or {}).items()
        if value
    )
    return Shown(f"::{name}{' ' if given else ''}{given}::{_escaped(shown(message, known))}")


def _escaped(text: Shown) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def section_marker(edge: str, name: str, seconds: int, title: str = "", known: Collection[str] = ()) -> Shown:
    """Return where a section of GitLab's job log starts or ends (`edge`), at so many seconds since 1970. What `name`
    may not hold is a hyphen in it (docs.gitlab.com, "Job logs", custom collapsible sections; gitlab-org/gitlab,
    lib/gitlab/regex.rb: the name is [a-zA-Z0-9_.-]+; read 2026-11-29).
    """
    safe = re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-") or "section"
    line = shown(title.replace("\n", " "), known)
    return Shown(f"\x1b[0Ksection_{edge}:{seconds}:{safe}\r\x1b[0K{line}")


def encoded(text: Shown) -> ShownBytes:
    """Return the text as the bytes of a file."""
    return ShownBytes(text.encode("utf-8", "backslashreplace"))


def agreed(text: str) -> Shown:
    """Return text with its secrets, which somebody has asked to see and agreed to see on this terminal."""
    return Shown(visible(text))


def _shown_values(value: Any, known: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {_text_of(str(key), known): _shown_values(each, known) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown_values(each, known) for each in value]
    return _text_of(value, known) if isinstance(value, str) else str(value) if isinstance(value, Secret) else value


def _text_of(text: str, known: Collection[str]) -> str:
    if not _worth_a_look(text, known):
        return text
    for each in known:
        if "\n" in each:
            text = text.replace(each, str(SECRET))
    lines = _PRIVATE_KEY.sub(str(SECRET), text).split("\n")
    return "\n".join(_until_secret(each, known, ours=True) for each in lines)


_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z -]*-----|\Z)", re.DOTALL
)
_HINTS = re.compile(r"[=:@%$]|[A-Za-z0-9+/_-]{16}|Bearer|PRIVATE KEY", re.IGNORECASE)


def _worth_a_look(text: str, known: Collection[str]) -> bool:
    return bool(_HINTS.search(text)) or (bool(known) and _known_in(text, known) is not None)


def _until_secret(line: str, known: Collection[str], *, ours: bool) -> str:
    """Return a line up to the first secret in it."""
    found = suspect(line, prose=True, ours=ours)
    start = _known_in(line, known)
    ends = [each for each in (found.start if found else None, start) if each is not None]
    return line[: min(ends)] + HIDDEN if ends else line


def _known_in(text: str, known: Collection[str]) -> int | None:
    """Return where the first of some secrets begins in a text, however it is written there."""
    forms = (form for each in known if len(each) >= SHORTEST for form in _forms(each))
    return min((place for form in forms if (place := text.find(form)) >= 0), default=None)


@lru_cache(maxsize=1024)  # each line that is printed is searched for each of them
def _forms(text: str) -> frozenset[str]:
    """Return a text as it is, in JSON, in an address and in Base64 at any offset; and what in it is a secret by itself:
    the password of an address, the texts of a JSON document, the long lines, which may be parted or indented.
    """
    raw = text.encode("utf-8", "surrogatepass")
    forms = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    forms |= {urllib.parse.quote(raw), urllib.parse.quote(raw, safe=""), urllib.parse.quote_plus(raw)}
    if found := _PASSWORD_OF_ADDRESS.match(text):
        forms |= {found[1], urllib.parse.unquote(found[1])}
    forms |= {each for _, each in texts(document(text)) if len(each) >= LONG_LINE}
    if "\n" in text:
        forms |= {text.replace("\r\n", "\n").replace("\n", " ")}
        forms |= {each.strip() for each in text.splitlines() if len(each.strip()) >= LONG_LINE}
    for offset in range(3) if len(raw) >= 3 + 6 else (0,):
        body = raw[offset : offset + (len(raw) - offset) // 3 * 3]
        forms |= {base64.b64encode(body).decode(), base64.urlsafe_b64encode(body).decode()} if body else set()
    return frozenset(forms)
