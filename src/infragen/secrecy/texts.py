"""Finds secrets inside longer texts: assignments, options, headers, addresses, code, and any of it encoded.

`suspect` says where the first one begins and never where it ends: nobody can tell where a password with blanks and
quotes is over, so whoever hides one hides the whole value. It prefers a text hidden in vain to a secret shown. Texts
that say where a secret is are none: variables, placeholders of SQL, ARNs.
"""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from infragen.secrecy.credentials import credentials
from infragen.secrecy.suspicion import looks_secret, names_a_call, names_an_error

DEPTH = 4
"""How often a text is decoded: Base64 in Base64 in an address in JSON."""

LARGEST = 1 << 20
"""Characters of an encoded text that are decoded."""


@dataclass(frozen=True, order=True)
class Suspicion:
    """What a text holds, and where it begins; `certain` where the shape that an issuer gives it leaves no doubt."""

    start: int
    kind: str
    certain: bool = False


@lru_cache(maxsize=4096)
def suspect(text: str, *, prose: bool = False, ours: bool = False) -> Suspicion | None:
    """The first secret in a text. `prose` is for sentences, in which `ExpiredToken: the token` names an error.

    `ours` is for sentences of infragen's own, which speak of secrets: only shapes and assignments without blanks count.
    """
    return min(_suspicions(text, prose or ours, ours, DEPTH), default=None)


def certain_credential(text: str, *, encoded: bool = True) -> str:
    """What kind of credential a text holds beyond doubt, as it is or `encoded`; empty when it holds none."""
    if not encoded:
        return min(credentials(text), default=(0, ""))[1]
    return min((each for each in _suspicions(text, False, False, DEPTH) if each.certain), default=_NONE).kind


_NONE = Suspicion(0, "")


def _suspicions(text: str, prose: bool, ours: bool, depth: int) -> Iterator[Suspicion]:
    if len(text) < 3:
        return
    yield from (Suspicion(start, kind, certain=True) for start, kind in credentials(text))
    yield from _addresses(text)
    yield from _headers_and_options(text)
    yield from _assignments(text, prose, ours)
    if depth:
        for start, decoded in _decoded(text):
            yield from (
                Suspicion(start, f"{each.kind}, encoded", each.certain)
                for each in _suspicions(decoded, prose, ours, depth - 1)
            )


# --- addresses, headers, options ---------------------------------------------------------------------------------

_WITH_AT = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>[^\s\"'`<>]*@)")
_PLAIN_USER = re.compile(r"[A-Za-z][A-Za-z_.-]{0,31}\d{0,2}")
_PUBLIC_USERS = frozenset({"git", "hg", "svn", "anonymous", "oauth2"})
_WEB = frozenset({"http", "https", "ws", "wss"})
_REFERRED = re.compile(
    r"\$\{[\w:.!]+\}|\$\(?[A-Z_][A-Z0-9_]*\)?|\{\{resolve:[^}]*\}\}|\(secret[^)]*\)"
    r"|\*{3,}|<[\w -]+>|x{3,}|\{[\w.]*\}|%s"
)
"""What stands in the place of a secret: a variable, a placeholder, stars."""

_WITHOUT_SCHEME = re.compile(r"(?<![\w.%+@-])[\w.%+-]+:(?P<password>[^\s@:/]{3,})@(?!sha(?:256|512):)[A-Za-z0-9(\[]")

_HEADERS = re.compile(
    r"\b(?:Set-)?Cookie\\*[\"']?\s*:\s*\\*[\"']?[\w.-]+=[^\s$;{]"
    r"|\bBearer\s+(?=[\w.~+/=-]*\d)[A-Za-z0-9._~+/=-]{12,}"
    r"|(?:^|\s)(?:-u|--user|--userpwd)[ =]+[\"']?[\w.@-]+:[^\s$]\S*"
    r"|\b(?:mysql|mysqldump|mariadb|mysqladmin)\b[^\n|;]*\s-p[^\s-]\S*"
    r"|\bsshpass\s+-p\s*\S+"
    r"|\bredis-cli\b[^\n|;]*\s-a\s+[^\s$]\S*"
    r"|\b(?:docker|podman|helm|az|oc)\b[^\n|;]*\blogin\b[^\n|;]*\s-p\s*[^\s$]\S*"
    r"|\b(?:machine\s+\S+|default)\s+login\s+\S+\s+password\s+\S+"
    r"|\bIDENTIFIED\s+(?:WITH\s+\S+\s+)?BY\s+(?:PASSWORD\s+)?[\"'][^\"']"
    r"|\bPASSWORD\s+[\"'][^\"']+[\"']",
    re.IGNORECASE,
)


def _addresses(text: str) -> Iterator[Suspicion]:
    """Addresses with a password or a token before the host, also where the password holds `/`, `:` or `@`."""
    if "@" not in text:
        return
    for found in _WITH_AT.finditer(text) if "://" in text else ():
        user, colon, password = found["rest"][:-1].partition(":")
        if colon and password and not _REFERRED.fullmatch(password):
            yield Suspicion(found.start(), "an address with a password")
        elif not colon and _is_token(found["scheme"].lower(), user):
            yield Suspicion(found.start(), "an address with a token")
    for found in _WITHOUT_SCHEME.finditer(text):
        if not _REFERRED.fullmatch(found["password"]):
            yield Suspicion(found.start(), "an address with a password")


def _is_token(scheme: str, user: str) -> bool:
    """Whether the only word before the host is a credential and no name: on the web it is, elsewhere if it is odd."""
    if not user or "/" in user or "?" in user or _REFERRED.fullmatch(user):
        return False
    if scheme.rpartition("+")[2] in _WEB:
        return user not in _PUBLIC_USERS
    return not _PLAIN_USER.fullmatch(user)


def _headers_and_options(text: str) -> Iterator[Suspicion]:
    if found := _HEADERS.search(text):
        yield Suspicion(found.start(), "an option or a header with a password")
    for found in _SETTING.finditer(text):
        if looks_secret(found[1]):
            yield Suspicion(found.start(), f"a value of {found[1]}")


# --- assignments --------------------------------------------------------------------------------------------------

_NAME = re.compile(r"(?<![A-Za-z0-9_$.-])(?P<dashes>-{0,2})(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)")
_AFTER = re.compile(
    r"(?P<close>\\*[\"'`]?\]?)(?:(?P<sep>\s*(?::=|=>|===?|\+=|=(?!=))\s*|\s{0,2}:(?!:)\s*)(?P<value>\S[^\n]*)"
    r"|>(?P<element>[^<\n]+)|(?P<call>\s?\(\s*\\*[\"'`])(?P<argument>[^\"'`\n]+)|\s+(?P<next>[^\s-][^\n]*))"
)
_QUOTED = re.compile(r"\\*([\"'`])(?P<inner>.*?)\\*(?:\1|$)", re.DOTALL)
_BARE = re.compile(r"[^\s,;]+")
_NOTHING = frozenset({
    "true", "false", "null", "none", "nil", "yes", "no", "on", "off", "undefined", "{", "[", "{}", "[]", "|", ">", "|-",
    ">-", "(", "str", "int", "bytes", "bool", "string", "number", "any", "boolean", "optional", "required", "...", "…",
    "not", "nothing", "default", "auto",
})  # fmt: skip
_PLACEHOLDER = re.compile(
    rf"(?:{_REFERRED.pattern}|\$\d+|\?|%\(\w+\)s"
    r"|\(known after.*|\(none\).*|\(not (?:set|shown|told)\).*"
    r"|arn:(?:aws[\w-]*|\$\{AWS::Partition\}):[^\s]*|\$\((?:aws|cat|jq|openssl|head|curl|echo \$\{?[A-Z_]+\}?)\b.*"
    r"|\$\{[A-Z_]\w*(?::[?+-][^\w]*)?\}|\{\{.*\}\}|(?:->|→).*)[,;)\]}\"'&|]*"
)
_EXPRESSION = re.compile(
    r"(?:await\s+|new\s+|yield\s+)?(?:process\.env|os\.environ|os\.getenv|ENV|env|self|this|event|context|config|settings"
    r"|args|request|req|options|params|props|data|response|module|var|local|each|secrets)(?:\??\.\w+|\[)"
    r"|(?:await\s+|new\s+)?[A-Za-z_]\w*(?:\.\w+)+\("
)
_CALLED = re.compile(
    r"(?:await\s+|new\s+|yield\s+)?[A-Za-z_]\w*\(|[A-Z][A-Za-z]*(?:\[|\s*[,)|=]|$)|[a-z_]\w*(?:\.\w+)*[,;)]"
)
_BOUND = re.compile(r"[:@][a-z_]\w*[\s,;)]*(?:[A-Z]|$)")
_SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|WHERE|VALUES)\b", re.IGNORECASE)
_SETTING = re.compile(
    r"(?:set|put|add|append|header|option|define)\w*\(\s*[\"']([\w.-]+)[\"']\s*,\s*[\"'][^\"']", re.IGNORECASE
)
_ARN = re.compile(r"arn:(?:aws[\w-]*|\$\{AWS::Partition\}):[^\s\"'<>,;=]*")
_BLOCK = re.compile(r"[|>][+-]?\d?\s*\n\s+(\S[^\n]*)")
_BEGINS = re.compile(r"(?:^|[\n{,(\[\"'`;&?|#-])[^\S\n]*(?:export\s+)?\Z")
_HASHES = re.compile(r"(?:hmac|hash|salt)\Z", re.IGNORECASE)
_NESTED = re.compile(r"[\"']?[\w.-]+[\"']?:(?:\s|$)")
_OF_ERRORS = re.compile(
    r"(?:expected|must|required|invalid|failed|cannot|missing|unable|should|is|has|does)\s", re.IGNORECASE
)


def _assignments(text: str, prose: bool, ours: bool) -> Iterator[Suspicion]:
    """Names of secrets to which a text gives a value, in any notation."""
    code = "\n" in text
    arns = [each.span() for each in _ARN.finditer(text)] if "arn:" in text else []
    for found in _NAME.finditer(text):
        name = found["name"]
        if any(start <= found.start() < end for start, end in arns):
            continue
        if not looks_secret(name) and not (":" not in name and looks_secret(name.rpartition(".")[2])):
            continue
        after = _AFTER.match(text, found.end())
        if after and _gives(found, after, prose, ours, code):
            yield Suspicion(found.start(), f"a value of {name}")


def _gives(found: re.Match[str], after: re.Match[str], prose: bool, ours: bool, code: bool) -> bool:
    """Whether what follows a name is a value of its own, and no reference, placeholder or other sentence."""
    name = found["name"]
    if after["element"]:
        return found.start() > 0 and found.string[found.start() - 1] == "<" and _literal(after["element"], code)
    if after["call"]:
        return not names_a_call(name) and not _HASHES.search(name) and not ours and _literal(after["argument"], code)
    if after["next"]:
        option = bool(found["dashes"]) and not after["close"] and not ours
        return option and _literal(after["next"], code)
    sep, value = after["sep"], after["value"]
    if name.upper() in ("PWD", "OLDPWD") and value.startswith(("/", "~", "$", "C:")):
        return False  # the shell's working directory
    if sep.strip() == ":" and (block := _BLOCK.match(found.string, after.start("value"))):
        return _literal(block[1], code)
    if (
        code
        and sep.strip() == ":"
        and not after["close"]
        and value[0] not in "\"'`"
        and not _BEGINS.search(found.string[max(0, found.start() - 24) : found.start()])
    ):
        return False  # a sentence in a comment
    if "\n" in sep and _NESTED.match(value):
        return False  # a map, whose own names say what is in it
    if sep.strip() == ":" and prose and not after["close"]:
        blank = sep[-1:].isspace()
        if (ours and blank) or names_an_error(name) or (blank and _OF_ERRORS.match(value)):
            return False
    if ours and sep != "=" and not after["close"]:
        return False
    if _BOUND.match(value) and _SQL.search(found.string):
        return False
    return _literal(value, code)


def _literal(value: str, code: bool) -> bool:
    """Whether a value says what a secret is, and not where it is."""
    value = value.strip()
    if quoted := _QUOTED.match(value):
        inner = quoted["inner"].strip()
        if not inner.strip("\\"):
            return value[quoted.end() : quoted.end() + 1].isalnum()  # an escaped quote
        return inner.lower() not in _NOTHING and not _PLACEHOLDER.fullmatch(inner)
    if _PLACEHOLDER.match(value) and _PLACEHOLDER.fullmatch(value.split()[0] if not value.startswith("$(") else value):
        return False
    bare = _BARE.match(value)
    if bare is None or bare[0].rstrip(")]}\"'").lower() in _NOTHING or not bare[0].strip("\"'`\\)]}"):
        return False
    return not (_EXPRESSION.match(value) or (code and _CALLED.match(value)))


# --- encodings ----------------------------------------------------------------------------------------------------

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_LINES_OF_BASE64 = re.compile(r"\s*(?:[A-Za-z0-9+/_-]{16,76}\s+)+[A-Za-z0-9+/_-]+={0,2}\s*")
_PERCENT = re.compile(r"%[2-7][0-9A-Fa-f]")
_IN_PERCENT = re.compile(r"[^\s%]*%[2-7][0-9A-Fa-f]\S*")
_ESCAPED = re.compile(r"\\u00[2-7][0-9a-fA-F]|\\x[2-7][0-9a-fA-F]")


def _decoded(text: str) -> Iterator[tuple[int, str]]:
    """The texts that parts of a text are when they are decoded, with where the parts begin."""
    if len(text) > LARGEST:
        return
    if _PERCENT.search(text):
        yield from ((each.start(), urllib.parse.unquote(each[0])) for each in _IN_PERCENT.finditer(text))
    if _ESCAPED.search(text):
        yield 0, _ESCAPED.sub(lambda found: chr(int(found[0][-2:], 16)), text)
    if _LINES_OF_BASE64.fullmatch(text) and (whole := _from_base64("".join(text.split()))):
        yield 0, whole
    for found in _BASE64.finditer(text):
        if inner := _from_base64(found[0]):
            yield found.start(), inner


def _from_base64(text: str) -> str:
    """What a text says as Base64, compressed or not; empty when that is no text."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(bare) % 4 == 1:
        return ""
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data, LARGEST)
        for encoding in ("utf-16-le",) if data[1:2] == b"\0" else ("utf-8",):
            found = data.decode(encoding)
            return found if all(each.isprintable() or each in "\r\n\t" for each in found) else ""
    except (binascii.Error, ValueError, zlib.error):
        pass
    return ""
