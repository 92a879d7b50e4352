"""What a secret looks like: by the name it goes under, by the shape of known credentials, by its randomness.

Pure, and about texts only. Whoever asks decides what follows: a refusal, a warning, or hiding it.
"""

import math
import re
from collections import Counter
from itertools import pairwise

_SECRET_WORDS = frozenset({
    "password", "passwd", "pwd", "passphrase", "secret", "token", "credential", "credentials", "apikey", "pat", "dsn",
})  # fmt: skip
_SECRET_ENDS = ("password", "passwd", "passphrase", "secret", "token", "apikey")
"""Ends of words that nothing divides: `PGPASSWORD`, `dbpassword`."""

_SECRET_KEYS = frozenset({"api", "private", "access", "signing", "master", "license", "auth"})
"""Words that make a secret of the word "key" after them."""

_ABOUT_A_SECRET = frozenset({
    "algorithm", "arn", "arns", "audience", "count", "days", "enabled", "endpoint", "expiration", "expiry", "file",
    "header", "hours", "id", "ids", "issuer", "length", "minutes", "name", "parameter", "path", "period", "policy",
    "provider", "region", "rotation", "scope", "seconds", "specification", "timeout", "ttl", "type", "units", "url",
    "validity", "version",
})  # fmt: skip
"""Last words of names that say something about a secret: `PasswordLength`, `TOKEN_TTL`, `DATABASE_SECRET_ARN`."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_CREDENTIALS = {
    "an access key of AWS": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a token of GitHub": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})"),
    "a token of Slack": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10}"),
    "a key of Stripe": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16}"),
    "an address with a password": re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"),
}

_TOKEN = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])[A-Za-z0-9+/=_.~-]{20,}")

RANDOM_BITS, RANDOM_CHANGES = 3.7, 0.4
"""Shannon entropy in bits for each character, and the part of the characters that are of another kind (capital, small,
digit) than the one before. Nineteen of twenty random texts are above both; names in CamelCase are not."""


def looks_secret(name: str) -> bool:
    """Whether a name is that of a secret: `DB_PASSWORD`, `MasterUserPassword`, `apiKey`; not `PasswordLength`."""
    words = _words(name)
    if not words or tells_about(name):
        return False
    if not _SECRET_WORDS.isdisjoint(words) or any(each.endswith(_SECRET_ENDS) for each in words):
        return True
    pairs = pairwise(words)
    return any(first in _SECRET_KEYS and second in ("key", "keys") for first, second in pairs)


def credential_in(text: str) -> str:
    """What kind of credential a text holds, by the shape that its issuer gives it; nothing when it holds none."""
    return next((kind for kind, shape in _CREDENTIALS.items() if shape.search(text)), "")


def tells_about(name: str) -> bool:
    """Whether a name is that of something about a thing, such as its id, ARN or length, and not of the thing."""
    return not _ABOUT_A_SECRET.isdisjoint(_words(name)[-1:])


def looks_random(text: str) -> bool:
    """Whether a text can hardly be words: long, of letters and digits, and each character a surprise."""
    if not _TOKEN.fullmatch(text) or text.startswith(("arn:", "/")):
        return False
    shares = [count / len(text) for count in Counter(text).values()]
    changes = sum(one.isalnum() and other.isalnum() and _kind(one) != _kind(other) for one, other in pairwise(text))
    return -sum(share * math.log2(share) for share in shares) >= RANDOM_BITS and changes >= RANDOM_CHANGES * len(text)


def _words(name: str) -> list[str]:
    return [each.lower() for each in _WORD.findall(name)]


def _kind(letter: str) -> tuple[bool, bool]:
    return letter.isupper(), letter.isdecimal()
