"""Decides what a secret looks like by its name and by its randomness.

Pure, and about one name or one word at a time; `texts` looks for secrets inside longer texts, by the shapes that
`credentials` knows, too. Callers decide what follows: a refusal, a warning, or hiding the value.
"""

import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from infragen.secrecy.letters import as_it_looks, mixes_scripts

_SECRET_WORDS = frozenset({
    "apikey", "assertion", "connstr", "cred", "credential", "csrf", "cvc", "cvv", "dockerconfigjson", "dsn", "fernet",
    "hmac", "htpasswd", "iban", "jaas", "jks", "jsessionid", "jwe", "jwk", "jwt", "keypass", "keystore", "keytab",
    "mnemonic", "netrc", "otp", "passcode", "passkey", "passphrase", "passwd", "password", "passwrd", "pat", "pepper",
    "pfx", "pgpass", "phpsessid", "pin", "privkey", "psk", "psw", "pswd", "puk", "pw", "pwd", "pword", "salt", "sas",
    "secret", "secreto", "sessid", "sessionid", "ssn", "storepass", "token", "totp", "vapid", "xsrf",
    # the word for password in other languages
    "adgangskode", "clave", "contrasena", "geslo", "haslo", "heslo", "jelszo", "kennwort", "losenord", "losung",
    "lozinka", "mdp", "parola", "passwort", "salasana", "senha", "sifre", "wachtwoord",
})  # fmt: skip
_LAST_WORDS = frozenset({
    "auth", "authorization", "authz", "bearer", "confidential", "cookie", "dek", "kek", "keybase", "license", "licence",
    "nonce", "oauth", "pass", "passes", "pem", "pkcs", "priv", "private", "seed", "secrets", "sensitive", "session",
    "signature", "signing", "ticket", "unseal", "webhook",
})  # fmt: skip
"""Words that make a secret of a name that they end, and of no other: `DB_PASS`, not `PassThrough`."""

_SQUASHED_ENDS = (
    "password", "passwd", "passphrase", "secret", "token", "apikey", "privatekey", "secretkey", "accesskey",
    "passwort", "credential", "connectionstring", "connstring", "connstr", "dbpass", "userpass", "authkey", "sshkey",
    "signingkey", "encryptionkey", "sessioncookie", "authcookie", "pass", "sessionid", "sessid", "motdepasse",
    "assertion", "pw", "pwd", "keyphrase", "aeskey", "enckey", "cryptkey", "hmackey", "masterkey", "rsakey", "sslkey",
    "tlskey", "seedphrase", "licensekey", "licencekey", "appkey", "cipherkey", "keybase", "privatekeypem", "basicauth",
    "httpauth", "masterauth", "requirepass", "kubeconfig", "dockerconfigjson", "dockerauthconfig", "webhookurl",
)  # fmt: skip
"""Ends of names that nothing divides: `PGPASSWORD`, `dbpassword`, `STRIPEAPIKEY`."""

_PAIRS = frozenset({
    ("access", "code"), ("account", "json"), ("activation", "code"), ("admin", "pass"), ("app", "pass"),
    ("auth", "code"), ("auth", "config"), ("auth", "header"), ("auth", "string"), ("authorization", "code"),
    ("authorization", "header"), ("backup", "code"), ("card", "num"), ("card", "number"), ("card", "pan"),
    ("cc", "num"), ("cc", "number"), ("conn", "string"), ("connect", "string"), ("connection", "string"),
    ("credit", "card"), ("database", "conn"), ("database", "pass"), ("db", "conn"), ("db", "pass"), ("debit", "card"),
    ("discord", "hook"), ("ftp", "pass"), ("hook", "url"), ("http", "pass"), ("invite", "code"), ("jaas", "config"),
    ("jaas", "file"), ("key", "base"), ("ldap", "pass"), ("license", "code"), ("login", "code"), ("magic", "link"),
    ("mail", "pass"), ("mongo", "pass"), ("mq", "pass"), ("mysql", "pass"), ("p", "12"), ("pass", "code"),
    ("pass", "phrase"), ("pass", "word"), ("passport", "number"), ("passwd", "hash"), ("password", "hash"),
    ("pg", "pass"), ("pin", "code"), ("postgres", "pass"), ("presigned", "url"), ("proxy", "pass"), ("pw", "hash"),
    ("pwd", "hash"), ("rabbitmq", "pass"), ("recovery", "code"), ("recovery", "phrase"), ("recovery", "word"),
    ("redis", "pass"), ("root", "pass"), ("sa", "json"), ("sas", "uri"), ("sas", "url"), ("security", "code"),
    ("seed", "phrase"), ("seed", "word"), ("session", "id"), ("shared", "access"), ("signed", "url"),
    ("slack", "hook"), ("smtp", "pass"), ("snmp", "community"), ("sql", "conn"), ("sql", "pass"), ("ssh", "pass"),
    ("storage", "connection"), ("teams", "hook"), ("unlock", "code"), ("user", "pass"), ("verification", "code"),
    ("webhook", "url"), ("wifi", "pass"),
})  # fmt: skip
"""Two words that make a secret together. Sources of all these lists: the rules of gitleaks (config/gitleaks.toml,
`generic-api-key`, 2026-09) and of detect-secrets (plugins/keyword.py, DENYLIST), and their kind."""

_WHICH_ONE = frozenset({
    "admin", "backup", "bak", "b64", "base64", "bytes", "csv", "current", "data", "default", "demo", "dev",
    "development", "env", "escaped", "hex", "ini", "json", "live", "local", "new", "old", "plain", "preprod",
    "previous", "prod", "production", "properties", "qa", "r", "raw", "read", "reader", "readonly", "readwrite",
    "replica", "ro", "root", "rw", "sandbox", "stage", "staging", "standby", "string", "superuser", "test", "text",
    "toml", "txt", "uat", "v", "val", "value", "w", "write", "writer", "xml", "yaml", "yml",
})  # fmt: skip
"""Last words that say which one of several a thing is, or in what notation it stands: `DBPASS_RW`, `SECRETS_JSON`. A
name that ends with them is judged without them as well."""

_ENDS_OF_WORDS = ("bypass", "compass", "encompass", "overpass", "surpass", "trespass", "underpass")

_PROPERTIES = frozenset({
    "AllowCookies", "CACertificatePem", "CaseSensitive", "CertificatePem", "Cookie", "Cookies", "DesiredSessions",
    "DesiredUserSessions", "DigitalSignature", "ExcludedCookies", "ForceNewDeploymentNonce", "ForwardedCookies",
    "IncludeCookies", "IncludedCookies", "MaxConcurrentSessions", "MaxRecentSessions", "RequestToken", "Secrets",
    "VerificationCertificatePem",
})  # fmt: skip
"""Properties of CloudFormation that sound like secrets and hold switches, counts, public certificates, ARNs or ids of
requests (all names in the schemas that cfn-lint 1.58 ships were looked through)."""

_HOLDS_NAMES = frozenset({"SECRET_PARAMETERS"})
"""Variables of ours that hold names of secrets: no environment file may set them (`config.rules`, reserved names)."""

_ELSEWHERE = (
    "пароль",
    "密码",
    "密碼",
    "口令",
    "パスワード",
    "暗証",
    "비밀번호",
    "암호",
    "كلمة المرور",
    "סיסמה",
    "κωδικός",
    "รหัสผ่าน",
)
"""The word for password in other scripts."""

_DIGITS_AS_LETTERS = str.maketrans("01345789@$", "oieastbgas")

_KEYS_OF_THINGS = frozenset({
    "a", "action", "add", "all", "and", "annotation", "api_id", "arrow", "artifact", "attribute", "aws", "base",
    "blob", "bound", "bucket", "by", "cache", "caching", "cmk", "cms", "code", "column", "composite", "condition",
    "config", "context", "custom", "cut", "data", "dedup", "deduplication", "delete", "dimension", "document", "each",
    "empty", "end", "entity", "env", "environment", "evaluated", "exclusive", "field", "file", "filter", "first",
    "flag", "foreign", "from", "group", "hash", "header", "host", "hot", "idempotency", "image", "in", "index",
    "indexed", "input", "invalid", "is", "item", "job", "kms", "known", "label", "lambda", "language", "last", "limit",
    "list", "locale", "log", "lookup", "main", "managed", "manifest", "map", "marker", "match", "matching", "message",
    "metadata", "metric", "missing", "move", "namespace", "natural", "next", "no", "object", "of", "on", "only", "or",
    "order", "other", "output", "owned", "page", "parameter", "parent", "partition", "partitioning", "path", "per",
    "policy", "prefix", "press", "previous", "primary", "project", "property", "public", "query", "queue", "range",
    "rate", "record", "redirect", "rename", "report", "resource", "response", "role", "route", "routing", "row",
    "rule", "s3", "schema", "search", "section", "setting", "shard", "short", "shortcut", "sort", "source", "space",
    "sse", "stage", "start", "state", "storage", "stream", "table", "tag", "target", "template", "the", "this", "to",
    "topic", "translation", "type", "unique", "unknown", "user", "value", "variable", "version", "with",
})  # fmt: skip
"""Words before `key` and `keys` that say what is found under it. After any other word a key is taken for a secret."""

_ABOUT_A_SECRET = frozenset({
    "alarm", "algorithm", "alias", "arn", "arns", "attachment", "attempts", "audience", "bucket", "certificate",
    "checksum", "class", "code", "config", "configuration", "count", "created", "creation", "date", "days",
    "deletion", "digest", "enabled", "endpoint", "error", "errors", "etag", "exception", "exists", "expiration",
    "expired", "expires", "expiry", "file", "fingerprint", "format", "function", "group", "hash", "header", "host",
    "hostname", "hours", "id", "ids", "integrity", "interval", "issuer", "layer", "length", "limit", "location",
    "manager", "mapping", "max", "method", "min", "minutes", "mode", "name", "names", "parameter", "path", "period",
    "permission", "policy", "prefix", "provider", "queue", "refresh", "region", "required", "requirement", "reset",
    "resource", "role", "rotation", "rule", "schedule", "scope", "scopes", "seconds", "service", "sha256", "size",
    "source", "specification", "stack", "status", "stdin", "storage", "strategy", "table", "timeout", "timing",
    "topic", "trigger", "ttl", "type", "types", "units", "uri", "url", "usage", "validity", "vault", "vendor",
    "version", "versions",
})  # fmt: skip
"""Last words of names that say something about a secret: `PasswordLength`, `TOKEN_TTL`, `DATABASE_SECRET_ARN`."""

_COUNTED = frozenset({"http", "max", "min", "num", "total", "used", "prompt", "completion", "input", "output", "stop"})
"""Words before `tokens` that make a number or a switch of it: `MAX_TOKENS`, `HttpTokens` of an instance's metadata."""

_ERRORS = frozenset(
    {"err", "expired", "invalid", "missing", "malformed", "unrecognized", "incorrect", "bad", "wrong", "weak"}
)
"""First words of AWS's and Node's error codes, which name a secret and hold none: `ExpiredToken`, `ERR_ASSERTION`."""

_ASKING = frozenset({"get", "fetch", "read", "load", "list", "describe", "delete", "rotate", "create", "put", "update"})
"""First words of names of calls, which are no values: `getSecretValue`."""

_RANDOM_BY_NATURE = frozenset({
    "build", "commit", "distribution", "guid", "image", "md5", "number", "ref", "release", "rev", "revision", "sha",
    "sha1", "sha384", "sha512", "tag", "thumbprint", "trace", "uuid", "zone",
})  # fmt: skip
"""Last words of names whose values look random and are no secrets: a commit, a digest, an id of AWS's."""

_THINGS_BY_KEY = ("s3key", "objectkey", "assetkey", "codekey", "templatekey")

_NOT_PLURAL = frozenset({
    "access", "aws", "dns", "ecs", "jaas", "jks", "kms", "pass", "passes", "pkcs", "rds",
    "s", "sas", "secrets", "sns", "sqs",
})  # fmt: skip

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_TOKEN = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])[A-Za-z0-9+/=_.~-]{20,}")
OF_LOAD_BALANCER = re.compile(r"(?:targetgroup|app|net|gwy)/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}")
"""Ends of ARNs by which CloudWatch names load balancers and target groups (ELB guide, "CloudWatch metrics for your
Application Load Balancer", dimensions)."""
_DIGEST = re.compile(r"(?:sha(?:1|224|256|384|512)|md5)[-:=]", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"(?:0x)?(?:[0-9a-f]{32,}|[0-9A-F]{32,})")
_ONE_CASE = re.compile(r"(?=[^0-9]*[0-9])(?:[a-z0-9]{20,}|[A-Z0-9]{20,})")
_WITH_SIGNS = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])(?=.*[!#$%&*+@^~?])[A-Za-z0-9!#$%&*+@^~?_.=()<>|;,-]{12,}")
_PRODUCT_KEY = re.compile(r"(?=[A-Z0-9-]*[A-Z])(?=[A-Z0-9-]*[0-9])(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}")
_ISSUED = re.compile(r"[A-Za-z]\w*_([A-Za-z0-9]{32,})")
"""How issuers write a token: a word of theirs, an underscore, and what is random."""

_SECRET_KEY_OF_AWS = re.compile(r"[A-Za-z0-9/+]{40}")
RANDOM_CHANGES_OF_AWS = 0.25
"""A secret access key has no shape but its length; what has it, needs less to be taken for random."""

RANDOM_CHANGES_OF_ONE_CASE = 0.25
"""Capital letters or small ones with digits: a random text changes between the two 0.4 times a character on average."""

RANDOM_BITS, RANDOM_CHANGES = 3.7, 0.4
"""Shannon entropy in bits for each character, and the part of the characters that are of another kind (capital, small,
digit) than the one before. Nineteen of twenty random texts are above both; names in CamelCase are not."""


@lru_cache(maxsize=8192)
def looks_secret(name: str) -> bool:
    """Return whether a name is that of a secret: `DB_PASSWORD`, `MasterUserPassword`, `apiKeys`; not `PasswordLength`.

    It is read as it looks: with letters of other scripts that look like Latin ones, or digits for letters. A word that
    mixes scripts counts as one.
    """
    if not name.isascii():
        low = name.lower()
        if any(each in low for each in _ELSEWHERE) or mixes_scripts(name):
            return True
        name = as_it_looks(name)
    if _is_of_secret(name):
        return True
    letters = re.sub(r"[^a-z]", "", name.lower().translate(_DIGITS_AS_LETTERS))
    return bool(_WITHIN.search(name)) and _ends_like_a_secret(letters) and not tells_about(name)


_WITHIN = re.compile(r"[A-Za-z][0-9@$]+[A-Za-z]|[0-9@$]{2}[A-Za-z]")
"""A digit or a sign among letters, as in `passw0rd`."""


def _is_of_secret(name: str) -> bool:
    words = _singular(name)
    if not words or name in _PROPERTIES or name in _HOLDS_NAMES:
        return False
    if not _PAIRS.isdisjoint(pairwise(words[-2:])):
        return True
    if tells_about(name):
        return False
    if _are_of_secret(_without_number(words), re.sub(r"[^a-z]", "", name.lower())):
        return True
    if any(each not in _LAST_WORDS and _ends_like_a_secret(each) for each in _words(name)):
        return True
    bare = _without_which_one(words)
    letters = re.sub(r"[^a-z]", "", "".join(_words(name)[: len(bare)]))
    return bare != words and bare[-1] != "seed" and _are_of_secret(bare, letters)


def _are_of_secret(words: list[str], letters: str) -> bool:
    """Return whether words are those of a secret, or end as its names do; `letters` are theirs, joined."""
    if words[-1] == "pem" and "public" in words:
        return False
    if not _SECRET_WORDS.isdisjoint(words) or words[-1] in _LAST_WORDS or not _PAIRS.isdisjoint(pairwise(words)):
        return True
    if _ends_like_a_secret(letters):
        return True
    return any(each == "key" and _is_no_thing(words[:place]) for place, each in enumerate(words))


def _is_no_thing(words: list[str]) -> bool:
    """Return whether a key after these words is taken for a secret, and for no name under which something is found."""
    before = "".join(words[-2:] if words and words[-1].isdecimal() else words[-1:])
    return bool(before) and before not in _KEYS_OF_THINGS


def _without_number(words: list[str]) -> list[str]:
    """Return words without the number or version that they end with: `API_KEY_V2`."""
    while len(words) > 1 and (words[-1].isdecimal() or words[-1] == "v"):
        words = words[:-1]
    return words


def _without_which_one(words: list[str]) -> list[str]:
    """Return words without those at their end that say which one it is, or how it is written; the first one stays."""
    while len(words) > 1:
        if len(words) > 2 and "".join(words[-2:]) in _WHICH_ONE:
            words = words[:-2]
        elif words[-1] in _WHICH_ONE or (words[-1].isdecimal() and words[-2:] != ["p", "12"]):
            words = words[:-1]
        else:
            break
    return words


def _ends_like_a_secret(letters: str) -> bool:
    return letters.removesuffix("s").endswith(_SQUASHED_ENDS) or (
        letters.endswith(_SQUASHED_ENDS) and not letters.endswith(_ENDS_OF_WORDS)
    )


def names_an_error(name: str) -> bool:
    """Return whether a name that sounds like a secret is that of an error about one, as AWS's codes are."""
    return not _ERRORS.isdisjoint(_words(name)[:1])


def names_a_call(name: str) -> bool:
    """Return whether a name is that of a function which asks for something."""
    return not _ASKING.isdisjoint(_words(name)[:1])


def tells_about(name: str) -> bool:
    """Return whether a name is that of something about a thing, such as its id, ARN or length, and not of the thing."""
    words = _words(name)
    if words[-1:] == ["tokens"] and not _COUNTED.isdisjoint(words):
        return True
    return not _ABOUT_A_SECRET.isdisjoint(words[-1:])


def is_random_by_nature(name: str) -> bool:
    """Return whether what a name holds looks random and is no secret: an id, a digest, a version, a commit."""
    if tells_about(name) or not _RANDOM_BY_NATURE.isdisjoint(_words(name)[-1:]):
        return True
    return re.sub(r"[^a-z0-9]", "", name.lower()).endswith(_THINGS_BY_KEY)


def looks_random(text: str) -> bool:
    """Return whether a text can hardly be words: long, of letters and digits, and each character a surprise.

    Hexadecimal digits are judged by `looks_hexadecimal`: in sentences they are digests far more often than secrets.
    """
    if text.startswith(("arn:", "/")) or _DIGEST.match(text):
        return False
    if issued := _ISSUED.fullmatch(text):
        return looks_hexadecimal(issued[1]) or looks_random(issued[1])
    if _PRODUCT_KEY.fullmatch(text):
        return True
    if _HEXADECIMAL.fullmatch(text) or _is_camel_case(text):
        return False
    if _ONE_CASE.fullmatch(text):
        groups = len(re.findall(r"[0-9]+", text))
        return groups >= 4 and _bits(text) >= RANDOM_BITS and _changes(text) >= RANDOM_CHANGES_OF_ONE_CASE * len(text)
    if _WITH_SIGNS.fullmatch(text) and _bits(text) >= 3.0 and _changes(text, signs=True) >= 0.5 * len(text):
        return True
    if not _TOKEN.fullmatch(text):
        return False
    least = RANDOM_CHANGES_OF_AWS if _SECRET_KEY_OF_AWS.fullmatch(text) else RANDOM_CHANGES
    return _bits(text) >= RANDOM_BITS and _changes(text) >= least * len(text)


def _is_camel_case(text: str) -> bool:
    """Return whether a text is words in CamelCase with one number, as names of properties are: `LocalIpv6NetworkCidr`.
    At most one of them is an abbreviation, and one has two letters.
    """
    words = _WORD.findall(text)
    small = [each for each in words if not each.isupper() and not each.isdecimal()]
    return (
        sum(map(len, words)) == len(text)
        and sum(map(str.isdecimal, words)) == 1
        and sum(map(str.isupper, words)) <= 1
        and sum(len(each) < 3 for each in small) <= 1
    )


def looks_hexadecimal(text: str) -> bool:
    """Return whether a text is nothing but at least 32 hexadecimal digits: a digest, or a key made by `openssl rand
    -hex`.
    """
    return bool(_HEXADECIMAL.fullmatch(text)) and len(set(text)) > 4


def _bits(text: str) -> float:
    """Return Shannon entropy in bits for each character."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def _changes(text: str, *, signs: bool = False) -> int:
    """Return how many characters are of another kind than the one before; `signs` are a kind, too."""
    neighbours = ((one, other) for one, other in pairwise(text) if signs or (one.isalnum() and other.isalnum()))
    return sum(_kind(one) != _kind(other) for one, other in neighbours)


def _words(name: str) -> list[str]:
    return [each.lower() for each in _WORD.findall(name)]


def _singular(name: str) -> list[str]:
    return [each[:-1] if each.endswith("s") and each not in _NOT_PLURAL else each for each in _words(name)]


def _kind(letter: str) -> tuple[bool, bool, bool]:
    return letter.isupper(), letter.isdecimal(), letter.isalnum()
