"""Decides what a secret looks like by its name and by its randomness.

Pure, and about one name or one word at a time; `texts` looks for secrets inside longer texts, by the shapes that
`credentials` knows, too. Callers decide what follows: a refusal, a warning, or hiding the value.
"""

import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise

_SECRET_WORDS = frozenset({
    "apikey", "connstr", "cred", "credential", "dockerconfigjson", "dsn", "hmac", "htpasswd", "jwt", "kennwort",
    "mnemonic", "netrc", "otp", "passcode", "passkey", "passphrase", "passwd", "password", "passwort", "pat", "pgpass",
    "pepper", "pin", "privkey", "pw", "pwd", "salt", "sas", "secret", "token", "totp",
})  # fmt: skip
_LAST_WORDS = frozenset({"pass", "passes", "secrets", "authorization", "bearer", "auth"})
"""Words that make a secret of a name that they end, and of no other: `DB_PASS`, not `PassThrough`."""

_SQUASHED_ENDS = (
    "password", "passwd", "passphrase", "secret", "token", "apikey", "privatekey", "secretkey", "accesskey", "passwort",
    "credential", "connectionstring", "connstring", "connstr", "dbpass", "userpass", "authkey", "sshkey", "signingkey",
    "encryptionkey", "sessioncookie", "authcookie",
)  # fmt: skip
"""Ends of names that nothing divides: `PGPASSWORD`, `dbpassword`, `STRIPEAPIKEY`."""

_PAIRS = frozenset({
    "access", "code", "conn", "connect", "connection", "pass", "phrase", "shared", "string", "word",
})  # fmt: skip

_KEYS_OF_THINGS = frozenset({
    "a", "action", "add", "all", "and", "annotation", "api_id", "arrow", "artifact", "attribute", "aws", "base", "blob",
    "bound", "bucket", "by", "cache", "caching", "cmk", "cms", "code", "column", "composite", "condition", "config",
    "context", "custom", "cut", "data", "dedup", "deduplication", "delete", "dimension", "document", "each", "empty",
    "end", "entity", "env", "environment", "evaluated", "exclusive", "field", "file", "filter", "first", "flag",
    "foreign", "from", "group", "hash", "header", "host", "hot", "idempotency", "image", "in", "index", "indexed",
    "input", "invalid", "is", "item", "job", "kms", "known", "label", "lambda", "language", "last", "limit", "list",
    "locale", "log", "lookup", "main", "managed", "manifest", "map", "marker", "match", "matching", "message",
    "metadata", "metric", "missing", "move", "namespace", "natural", "next", "no", "object", "of", "on", "only", "or",
    "order", "other", "output", "owned", "page", "parameter", "parent", "partition", "partitioning", "path", "per",
    "policy", "prefix", "press", "previous", "primary", "project", "property", "public", "query", "queue", "range",
    "rate", "record", "redirect", "rename", "report", "resource", "response", "role", "route", "routing", "row", "rule",
    "s3", "schema", "search", "section", "setting", "shard", "short", "shortcut", "sort", "source", "space", "sse",
    "stage", "start", "state", "storage", "stream", "table", "tag", "target", "template", "the", "this", "to", "topic",
    "translation", "type", "unique", "unknown", "user", "value", "variable", "version", "with",
})  # fmt: skip
"""Words before `key` and `keys` that say what is found under it. After any other word a key is taken for a secret."""

_ABOUT_A_SECRET = frozenset({
    "alarm", "algorithm", "alias", "arn", "arns", "attachment", "attempts", "audience", "bucket", "certificate",
    "checksum", "class", "code", "config", "configuration", "count", "created", "date", "days", "digest", "enabled",
    "endpoint", "error", "errors", "etag", "exception", "exists", "expiration", "expired", "expires", "expiry", "file",
    "fingerprint", "format", "function", "group", "hash", "header", "hours", "id", "ids", "integrity", "interval",
    "issuer", "layer", "length", "limit", "manager", "mapping", "max", "method", "min", "minutes", "mode", "name",
    "names", "parameter", "path", "period", "permission", "policy", "prefix", "provider", "queue", "refresh", "region",
    "required", "requirement", "reset", "resource", "role", "rotation", "rule", "schedule", "scope", "scopes",
    "seconds", "service", "sha256", "size", "source", "specification", "stack", "status", "strategy", "table",
    "timeout", "topic", "trigger", "ttl", "type", "types", "units", "uri", "url", "usage", "validity", "vault",
    "version", "versions",
})  # fmt: skip
"""Last words of names that say something about a secret: `PasswordLength`, `TOKEN_TTL`, `DATABASE_SECRET_ARN`."""

_COUNTED = frozenset({"http", "max", "min", "num", "total", "used", "prompt", "completion", "input", "output", "stop"})
"""Words before `tokens` that make a number or a switch of it: `MAX_TOKENS`, `HttpTokens` of an instance's metadata."""

_ERRORS = frozenset({"expired", "invalid", "missing", "malformed", "unrecognized", "incorrect", "bad", "wrong", "weak"})
"""First words of AWS's error codes, which name a secret and hold none: `ExpiredToken`, `InvalidPassword`."""

_ASKING = frozenset({"get", "fetch", "read", "load", "list", "describe", "delete", "rotate", "create", "put", "update"})
"""First words of names of calls, which are no values: `getSecretValue`."""

_NOT_PLURAL = frozenset({"pass", "aws", "sas", "dns", "ecs", "rds", "sqs", "sns", "kms", "secrets", "passes", "s"})

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_TOKEN = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])[A-Za-z0-9+/=_.~-]{20,}")
_DIGEST = re.compile(r"(?:sha(?:1|224|256|384|512)|md5)[-:=]", re.IGNORECASE)

_SECRET_KEY_OF_AWS = re.compile(r"[A-Za-z0-9/+]{40}")
RANDOM_CHANGES_OF_AWS = 0.25
"""A secret access key has no shape but its length; what has it, needs less to be taken for random."""

RANDOM_BITS, RANDOM_CHANGES = 3.7, 0.4
"""Shannon entropy in bits for each character, and the part of the characters that are of another kind (capital, small,
digit) than the one before. Nineteen of twenty random texts are above both; names in CamelCase are not."""


@lru_cache(maxsize=8192)
def looks_secret(name: str) -> bool:
    """Whether a name is that of a secret: `DB_PASSWORD`, `MasterUserPassword`, `apiKeys`; not `PasswordLength`."""
    words = _singular(name)
    if not words or tells_about(name) or name == "Secrets":  # the property of a task definition, whose values are ARNs
        return False
    while len(words) > 1 and (words[-1].isdecimal() or words[-1] == "v"):
        words = words[:-1]
    if not _SECRET_WORDS.isdisjoint(words) or words[-1] in _LAST_WORDS:
        return True
    squashed = re.sub(r"[^a-z]", "", name.lower()).rstrip("s")
    if squashed.endswith(_SQUASHED_ENDS) or not _PAIRS.isdisjoint(pairwise(words)):
        return True
    before = "".join(words[-3:-1] if words[-2:-1] and words[-2].isdecimal() else words[-2:-1])
    return words[-1] == "key" and bool(before) and before not in _KEYS_OF_THINGS


def names_an_error(name: str) -> bool:
    """Whether a name that sounds like a secret is that of an error about one, as AWS's codes are."""
    return not _ERRORS.isdisjoint(_words(name)[:1])


def names_a_call(name: str) -> bool:
    """Whether a name is that of a function which asks for something."""
    return not _ASKING.isdisjoint(_words(name)[:1])


def tells_about(name: str) -> bool:
    """Whether a name is that of something about a thing, such as its id, ARN or length, and not of the thing."""
    words = _words(name)
    if words[-1:] == ["tokens"] and not _COUNTED.isdisjoint(words):
        return True
    return not _ABOUT_A_SECRET.isdisjoint(words[-1:])


def looks_random(text: str) -> bool:
    """Whether a text can hardly be words: long, of letters and digits, and each character a surprise."""
    if not _TOKEN.fullmatch(text) or text.startswith(("arn:", "/")) or _DIGEST.match(text):
        return False
    shares = [count / len(text) for count in Counter(text).values()]
    changes = sum(one.isalnum() and other.isalnum() and _kind(one) != _kind(other) for one, other in pairwise(text))
    least = RANDOM_CHANGES_OF_AWS if _SECRET_KEY_OF_AWS.fullmatch(text) else RANDOM_CHANGES
    return -sum(share * math.log2(share) for share in shares) >= RANDOM_BITS and changes >= least * len(text)


def _words(name: str) -> list[str]:
    return [each.lower() for each in _WORD.findall(name)]


def _singular(name: str) -> list[str]:
    return [each[:-1] if each.endswith("s") and each not in _NOT_PLURAL else each for each in _words(name)]


def _kind(letter: str) -> tuple[bool, bool]:
    return letter.isupper(), letter.isdecimal()
