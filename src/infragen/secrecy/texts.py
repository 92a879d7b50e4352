"""Finds secrets inside longer texts: assignments, options, headers, addresses, code, and any of it encoded.

`suspect` says where the first one begins and never where it ends: nobody can tell where a password with blanks and
quotes is over, so whoever hides one hides the whole value. It prefers a text hidden in vain to a secret shown. Texts
that say where a secret is are none: variables, placeholders of SQL, ARNs.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import re
import urllib.parse
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from infragen.secrecy.credentials import credentials
from infragen.secrecy.letters import folded
from infragen.secrecy.suspicion import (
    OF_LOAD_BALANCER,
    is_random_by_nature,
    looks_random,
    looks_secret,
    names_a_call,
    names_an_error,
)

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


_OWN_PARAMETER = re.compile(r"(?<![\w/])(?P<name>[A-Za-z_]\w*)=/[\w.${}-]+/[\w.${}-]+/(?P=name)(?=\s|$)")
"""`TOKEN=/shop/dev/TOKEN`: a variable and the name of its SSM parameter, as `Environment.parameter` gives it."""


REMEMBERED = 4096
"""Characters of a text that is remembered with what was found in it, and how many of them are: 16 MB at most."""


def suspect(text: str, name: str = "", *, prose: bool = False, ours: bool = False) -> Suspicion | None:
    """Return the first secret in a text. `prose` is for sentences, in which `ExpiredToken: the token` names an error.

    Under a `name` that says that it is an id or a digest, characters at random are no secret.

    `ours` is for sentences of infragen's own, which speak of secrets: only shapes and assignments without blanks count.
    """
    return (_first_of_short if len(text) <= REMEMBERED else _first)(text, name, prose, ours)


_TWO_WORDS = re.compile(
    r"\b(?P<first>(?:API|access|account|AES|app|auth|deploy|encryption|HMAC|licen[cs]e|master|pre-?shared|private|root|RSA"
    r"|secret|service|session|shared|signing|SSH|SSL|TLS|webhook)(?=[ ]keys?\b)"
    r"|(?:access|activation|auth|authorization|backup|invite|login|magic|pin|recovery|security|unlock"
    r"|verification)(?=[ ](?:codes?|link)\b)|(?:connection|secret)(?=[ ](?:string|value)s?\b)"
    r"|(?:client|shared|signing|webhook)(?=[ ]secrets?\b)|(?:recovery|seed)(?=[ ](?:phrase|words)\b)"
    r"|(?:credit|debit)(?=[ ]card\b)|card(?=[ ]number\b)|pass(?=[ ](?:phrase|word|code)\b))[ ]",
    re.IGNORECASE,
)
"""The first word of a secret's name as sentences write it: "API key", "connection string", "security code"."""


def _first(text: str, name: str, prose: bool, ours: bool) -> Suspicion | None:
    named = OF_LOAD_BALANCER.sub(lambda found: "-" * len(found[0]), text)  # half of such a name is drawn by lot
    named = _OWN_PARAMETER.sub(lambda found: "-" * len(found[0]), named)
    found = _suspicions(named, prose or ours, ours, DEPTH)
    by_nature = is_random_by_nature(name)
    return min((each for each in found if not (by_nature and each.kind == RANDOM)), default=None)


_first_of_short = lru_cache(maxsize=REMEMBERED)(_first)


def certain_credential(text: str, *, encoded: bool = True) -> str:
    """Return what kind of credential a text holds beyond doubt, as it is or `encoded`; empty when it holds none."""
    if not encoded:
        return min(credentials(text), default=(0, ""))[1]
    return min((each for each in _suspicions(text, False, False, DEPTH) if each.certain), default=_NONE).kind


_NONE = Suspicion(0, "")


def _suspicions(text: str, prose: bool, ours: bool, depth: int) -> Iterator[Suspicion]:
    if len(text) < 3:
        return
    yield from (Suspicion(start, kind, certain=True) for start, kind in credentials(text))
    yield from _addresses(text)
    yield from _parameters(text)
    yield from _headers_and_options(text)
    told = text if ours else _TWO_WORDS.sub(lambda found: f"{found['first']}_", text)
    yield from _assignments(told, prose, ours)
    yield from _basic(text)
    yield from _cards(text)
    if not ours:
        yield from _of_wallets(text)
        yield from _in_prose(told)
        yield from _random_words(text)
    if depth:
        for start, decoded in _decoded(text):
            yield from (
                Suspicion(start, f"{each.kind}, encoded", each.certain)
                for each in _suspicions(decoded, prose, ours, depth - 1)
            )
        if not text.isascii():
            looks, places = folded(text)
            if looks != text:
                yield from (
                    Suspicion(places[each.start], each.kind, each.certain)
                    for each in _suspicions(looks, prose, ours, depth - 1)
                )


# --- addresses, headers, options ---------------------------------------------------------------------------------

_WITH_AT = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>[^\s\"'`<>]*@)")
_PLAIN_USER = re.compile(r"[A-Za-z][A-Za-z_.-]{0,31}\d{0,2}")
_PUBLIC_USERS = frozenset({"git", "hg", "svn", "anonymous", "oauth2"})
_WEB = frozenset({"http", "https", "ws", "wss"})
_BESIDE = re.compile(
    r"(?:name|key|header|variable|field|option|parameter)\\*[\"']?\s*[:=]\s*\\*[\"']?(?P<name>[\w.-]+)\\*[\"']?[\s,;]{1,40}\\*[\"']?"
    r"(?:[A-Za-z]{0,20}value|default|content|text)\\*[\"']?\s*[:=]\s*\\*[\"']?(?P<value>[^\s\"'<>]+)",
    re.IGNORECASE,
)
"""A name and its value beside each other: `<add key="password" value="x"/>`, `- name: PASSWORD`, `  value: x`."""

_REFERRED = re.compile(
    r"\$\{[\w:.!]+\}|\$\(?[A-Z_][A-Z0-9_]*\)?|\{\{resolve:[^}]*\}\}|\(secret[^)]*\)"
    r"|\*{3,}|<[\w -]+>|x{3,}|\{[\w.]*\}|%s"
)
"""What stands instead of a secret: a variable, a placeholder, stars."""

_WITHOUT_SCHEME = re.compile(
    r"(?<![\w.%+@-])[\w.%+-]+:(?P<password>[^\s@:/]{3,})@(?!sha(?:256|512):|\d+/[\w.-]+@\d+:)[A-Za-z0-9(\[]"
)
"""`repo:OWNER@ID/REPO@ID:…` is the subject of GitHub's tokens, which anybody may know (trust policies hold it)."""

_HEADERS = re.compile(
    r"\b(?:Set-)?Cookie\\*[\"']?\s*:\s*\\*[\"']?[\w.-]+=[^\s$;{]"
    r"|\bSet-Cookie\b[^\w\n]{1,6}[\w.-]+=[^\s$;{]|\bset_?cookie\(\s*[\"'][^\"']+[\"']\s*,\s*[\"'][^\"']"
    r"|\bcurl\b[^\n|;]{0,1000}\s(?:-b|--cookie)[ =]?[\"']?[\w.-]+=[^\s$]|[\"']AUTH[\"']\s*,\s*[\"'][^\"'$]"
    r"|\b(?:Set-)?Cookie\s*:\s*(?=\S*\d)[^\s$;{]{6,}"
    r"|\bBearer\s+(?=[\w.~+/=-]*\d)[A-Za-z0-9._~+/=-]{12,}"
    r"|\bDigest\s+username\s*="
    r"|\b(?:ApiKey|Api-Key|Token)\s+(?=[\w.~+/=-]*\d)[A-Za-z0-9._~+/=-]{8,}"
    r"|(?:^|\s)(?:-[uU]|--user|--userpwd|--proxy-user|--auth|--basic)[ =]*[\"']?[\w.@+\\-]+[:%][^\s$\d/][^\s/]*"
    r"|(?:^|\s)(?:-[uU]|--user|--userpwd|--proxy-user|--auth|--basic)[ =]*[\"']?[A-Za-z][\w.@+\\-]*[:%][^\s$]\S*"
    r"|\bhttps?[ ](?:[^\n|;]{0,1000}\s)?-a\s+[\w.@-]+:[^\s$]|\bnet\s+user\s+[\w.-]+\s+[^\s$/*]"
    r"|\bjdbc:oracle:[^\s/@:]+:[^\s/@]+/[^\s$/@]+@|\baws\s+configure\s+set\s+\S*(?:secret|token)\S*\s+[^\s$]"
    r"|\b(?:mysql|mysqldump|mariadb|mysqladmin)\b[^\n|;]{0,1000}\s-p[^\s-]\S*"
    r"|\bsshpass\s+-p\s*\S+"
    r"|\b(?:redis-cli|valkey-cli)\b[^\n|;]{0,1000}\s-a\s+[^\s$]\S*"
    r"|\b(?:ldap(?:search|modify|add|delete|whoami|passwd))\b[^\n|;]{0,1000}\s-w\s*[^\s$-]\S*"
    r"|\b(?:sqlcmd|bcp|tsql|isql|zip|unzip|osql|ipmitool|mosquitto_(?:pub|sub|rr))\b[^\n|;]{0,1000}\s-P\s*[^\s$-]\S*"
    r"|\b(?:plink|pscp|psftp|putty)\b[^\n|;]{0,1000}\s-pw\s+[^\s$-]\S*"
    r"|\b(?:7z|7za|rar|unrar)\b[^\n|;]{0,1000}\s-p[^\s$-]\S*"
    r"|\bpass(?:in|out)?\s+pass:[^\s$]\S*|(?:^|\s)pass:[^\s$]\S*"
    r"|\bnet\s+use\b[^\n|;]{0,1000}\s(?:/user:\S+\s+[^\s$/]\S*|[^\s$/*\\:]\S*\s+/user:\S)|\blftp\b[^\n|;]{0,1000}\s-u\s*[\w.@-]+,[^\s$]\S*"
    r"|\b(?:docker|podman|helm|az|oc|cf|skopeo|buildah|nerdctl|crane)\b[^\n|;]{0,100}\blogin\b[^\n|;]{0,1000}\s-p\s*[^\s$]\S*"
    r"|\b(?:machine\s+\S+|default)(?:\s+(?:login|user|account)\s+\S+)*\s+passw(?:or)?d\s+\S+"
    r"|^\s*(?:login|user|account)\s+\S+\s+passw(?:or)?d\s+\S+\s*$"
    r"|\bIDENTIFIED\s+(?:WITH\s+\S+\s+)?(?:BY|AS)\s+(?:PASSWORD\s+|VALUES\s+)?[\"'][^\"']"
    r"|\b(?:CREATE|ALTER|GRANT)\b[^\n;]{0,1000}\bIDENTIFIED\s+(?:WITH\s+\S+\s+)?BY\s+[^\s$:?<{%@]"
    r"|\bPRAGMA\s+(?:hex)?(?:re)?key\s*=\s*[\"'x]|\bATTACH\b[^\n;]{0,1000}\bKEY\s+[\"'x]"
    r"|\bPASSWORD\s+[\"'][^\"']+[\"']"
    r"|\bPASSWORD\s+FOR\s+\S+\s*(?:=|TO\b)\s*[\"'][^\"']",
    re.IGNORECASE,
)

_COMMANDS = re.compile(
    r"\bvault\s+login\s+[\"']?[^\s$\"'-]\S*"
    r"|\bvault\s+(?:kv\s+(?:put|patch)|write)\s[^\n|;]{0,1000}\s[\w.-]+=[\"']?[^\s$@\"'-]"
    r"|\bput-parameter\b(?=[^\n|;]{0,1000}\bSecureString\b)[^\n|;]{0,1000}--value[ =]+[\"']?[^\s$\"']"
    r"|--from-literal[ =][\"']?[\w.-]+=[\"']?[^\s$\"']"
    r"|\b(?:gh|fly|flyctl|doppler|supabase)\s+secrets?\s+set\s[^\n|;]{0,1000}(?:=|--body[ =]|-b\s)[\"']?[^\s$\"']"
    r"|\b(?:echo|printf)\s+(?:-\w+\s+)*[\"']?(?:[\w.-]+:)?[^\s$|;&\"'][^$|;&\n]{0,1000}"
    r"\|\s*(?:sudo\s+(?:-\w+\s+)*-\w*S\b"
    r"|[^\n;|]{0,1000}(?:--\w*password-stdin|\bchpasswd\b|\bpass(?:in|out)?\s+stdin|--passphrase-fd))"
    r"|\bhtpasswd\s+-\w*b\w*\s+(?:\S+\s+){1,2}[^\s$]\S*"
    r"|(?:^|[\n;|\"'`])\s*AUTH\s+(?!(?:LOGIN|PLAIN|NTLM|\S*MD5)[\"'`]?\s*(?:$|[\n;|#]))"
    r"(?:[^\s$<{:?(=]\S*\s+)?[^\s$<{:?(=]\S*\s*(?:[\n;|\"'`]|$)"
    r"|\bAUTH\s+(?:[\w.-]+\s+)?(?=[^\s\d(]*\d)[^\s$<{:?(=]{4,}"
    r"|(?:^|[\n;|\"'`]|:[ ])[ \t]{0,40}auth[ \t]{1,9}(?:[A-Za-z]\w{0,40}[ \t]{1,9})?(?!o?auth2|sha\d|\w*md5|\S+[:=])"
    r"(?=[^\s\d(]*\d)[^\s$<{:?(=]{6,}(?=[\s;|\"'`]|$)"
    r"|\b(?:redis|valkey)-cli\b[^\n|;]{0,1000}\s(?:AUTH|auth)\s+[^\s$<{]|\bHELLO\s+[23]\s+AUTH\s+\S"
    r"|\bACL\s+SETUSER\s[^\n]{0,1000}\s[>#][^\s$]|\buser\s+\S+\s+(?:on|off)\s[^\n]{0,1000}(?<=\s)[>#][^\s$]"
    r"|\b(?:sqlplus|sqlldr|sqlcl|expdp|impdp|rman)(?:\s+-\S+(?:\s+\d\S*)?)*\s+[\"']?[\w$#]+/[^\s$/@.&][^\s/@]*(?:@\S|[\"']|\s|$)"
    r"|\brabbitmqctl\s+(?:add_user|change_password|authenticate_user)\s+\S+\s+[^\s$]\S*"
    r"|\bopenssl\s+[^\n|;]{0,1000}\s-[kK]\s+[^\s$-]\S*"
    r"|\bssh-keygen\b[^\n|;]{0,1000}\s-[NP]\s*[\"']?[^\s$\"'-]"
    r"|\bsnmp(?:get|walk|set|bulkwalk|trap)\b[^\n|;]{0,1000}\s-[cAX]\s*[\"']?[^\s$\"'-]"
    r"|\b(?:cargo\s+login|snyk\s+auth|doctl\s+auth\s+init\s+-t|poetry\s+config\s+http-basic\S*\s+\S+)\s+[\"']?[^\s$\"'-]"
    r"|\b(?:passwd|chpasswd|cryptsetup|docker\s+login|su|sudo)\b[^\n|;]{0,1000}<<<\s*[\"']?[^\s$\"']"
    r"|\b(?:log_?in|sign_?in|authenticate|HTTPBasicAuth|basic_?auth|UsernamePasswordCredentials(?:Provider)?)\(\s*"
    r"([\"'])[^\"'\n]{1,200}\1\s*,\s*([\"'])[^\"'\n$]"
    r"|\b\w{1,64}/[^\s/@\"']{1,64}@//[\w.-]+:\d"
    r"|(?<![^\s])(?!\d+:)[\w.*-]+:(?:\d{4,5}|\*):[\w.*-]+:[\w.*-]+:[^\s:$]+(?!\S)",
)
"""Commands that are given a secret without its name, and lines of a .pgpass file (PostgreSQL, "The Password File")."""

_INSERT = re.compile(
    r"\bINSERT\s+INTO\s+[^\s(]{1,128}\s*\((?P<columns>[^()]{1,1000})\)\s*VALUES\s*\([^\n;]{0,1000}?'[^'\n]",
    re.IGNORECASE,
)
_ELEMENT = re.compile(r"<([\w.:-]+)\s[^<>]*?\b(?:value|content)\s*=\s*[\"'](?P<value>[^\"'$][^\"']*)", re.IGNORECASE)
"""A name and its value in an element of XML: `<password value="x"/>`."""

_NAMED_ELEMENT = re.compile(
    r"<[\w.:-]+\s[^<>]{0,200}?\b(?:name|key|id)\s*=\s*[\"'](?P<name>[\w.-]+)[\"'][^<>]{0,200}(?<!/)>\s{0,40}"
    r"(?:<value>)?(?P<value>[^<\s][^<]*)",
    re.IGNORECASE,
)
"""`<property name="password">x</property>`, `<setting name="Token"><value>x</value></setting>`."""


_OPTION_P = re.compile(r"(?:^|(?<=\s))-p(?:[ =]+|(?=[^\s=-]))[\"']?(?P<value>[^\s\"'-][^\s\"']*)")
_COMMANDS_P = re.compile(
    r"\b(?:mkdir|install|cp|cpio|tar|touch|ssh|scp|sftp|rsync|nc|ncat|netcat|ps|top|kill|lsof|strace|gdb|perf|read|perl|pytest"
    r"|compose|run|psql|pg_\w+|createdb|dropdb|initdb|nmap|uvicorn|gunicorn|fastapi|flask|http-server|serve|python\S*"
    r"|tsc|cargo|dotnet|make|gradle|mvn|git|time|node|ts-node|deno|bun|declare|export|trap|wait|tree|patch|pax|test|fdisk|ionice|taskset"
    r"|chrt|renice|jq|pidstat|sysctl|telnet|ftp|iptables|nft)\b[^\n|;&]*\Z"
)
"""Commands whose `-p` is a port, a process, a path or a switch. After any other one a word is taken for a password."""

_NO_PASSWORD = re.compile(r"\d+(?:[:-]\d+)*(?:/\w+)?|[\d.]+:\d+(?::\d+)?|[./~]\S*|\S*=\S*|\[[\w:]*\]\S*")

_PARAMETER = re.compile(r"[?&#](?:amp;)?(?P<name>[A-Za-z_][\w.\[\]-]{0,60})=(?P<value>[^\s&#\"'<>]+)")
_OF_QUERIES = frozenset({
    "access", "api", "apikey", "auth", "authkey", "c", "code", "credential", "digest", "enc", "h", "hash", "hmac",
    "invite", "k", "key", "login", "mac", "nonce", "p", "pass", "pk", "pw", "s", "se", "secret", "session", "sid",
    "sig", "sign", "signature", "sk", "st", "state", "t", "ticket", "tk", "tok", "u", "user_key", "verify",
    "x-amz-credential",
})  # fmt: skip
"""Names in the query or the fragment of an address that are secrets there and nothing elsewhere. Those of one letter
count only before a value that is no word."""


def _parameters(text: str) -> Iterator[Suspicion]:
    """Yield values in the query or the fragment of an address: `?key=…`, `#access_token=…`."""
    if "=" not in text:
        return
    for found in _PARAMETER.finditer(text):
        name, value = found["name"].lower(), urllib.parse.unquote(found["value"])
        if _REFERRED.fullmatch(value) or value.lower() in _NOTHING or value.startswith("arn:"):
            continue
        known = name in _OF_QUERIES and (len(name) > 2 or _is_odd(value)) and not re.fullmatch(r"\d{1,3}", value)
        if known or looks_secret(name):
            yield Suspicion(found.start(), f"an address with a value of {found['name']}")


def _addresses(text: str) -> Iterator[Suspicion]:
    """Yield addresses with a password or a token before the host, also where the password holds `/`, `:` or `@`."""
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
    """Return whether the only word before the host is a credential and no name: on the web it is, elsewhere if it is
    odd.
    """
    if not user or "/" in user or "?" in user or _REFERRED.fullmatch(user):
        return False
    if scheme.rpartition("+")[2] in _WEB:
        return user not in _PUBLIC_USERS
    return not _PLAIN_USER.fullmatch(user)


def _headers_and_options(text: str) -> Iterator[Suspicion]:
    if found := _HEADERS.search(text):
        yield Suspicion(found.start(), "an option or a header with a password")
    if found := _COMMANDS.search(text):
        yield Suspicion(found.start(), "a command with a secret")
    for found in _ELEMENT.finditer(text) if "<" in text else ():
        if looks_secret(found[1]) and _literal(found["value"], False):
            yield Suspicion(found.start(), f"a value of {found[1]}")
    for found in _INSERT.finditer(text):
        if any(map(looks_secret, found["columns"].split(","))):
            yield Suspicion(found.start(), "a statement with a secret")
    for found in _NAMED_ELEMENT.finditer(text) if "</" in text else ():
        if looks_secret(found["name"]) and _literal(found["value"], False):
            yield Suspicion(found.start(), f"a value of {found['name']}")
    for found in _OPTION_P.finditer(text) if "-p" in text else ():
        value = found["value"]
        before = text[max(0, found.start() - 200) : found.start()]
        if not (
            _REFERRED.match(value)
            or _NO_PASSWORD.fullmatch(value)
            or (_COMMANDS_P.search(before) and not _is_odd(value))
        ):
            yield Suspicion(found.start(), "an option with a password")
    for found in _BESIDE.finditer(text):
        if looks_secret(found["name"]) and _literal(found["value"], False):
            yield Suspicion(found.start(), f"a value of {found['name']}")
    for found in _SETTING.finditer(text):
        if looks_secret(found[1]):
            yield Suspicion(found.start(), f"a value of {found[1]}")


_BASIC = re.compile(r"\bBasic\s+(?P<pair>[A-Za-z0-9+/]{6,}={0,2})(?![\w+/])")


def _basic(text: str) -> Iterator[Suspicion]:
    """Yield `Basic` and a user with a password in Base64 (RFC 7617), also without the name of the header."""
    for found in _BASIC.finditer(text) if "Basic" in text else ():
        with contextlib.suppress(ValueError):
            if re.fullmatch(r"[!-9;-~]*:[ -~]+", base64.b64decode(found["pair"], validate=True).decode()):
                yield Suspicion(found.start(), "an option or a header with a password")


_CARD = re.compile(
    r"(?<![\w.:/+-])(?:(?:4\d{3}|5[1-5]\d\d|2(?:2[2-9]\d|[3-6]\d\d|7[01]\d|720)|6011|65\d\d|35[2-8]\d)"
    r"([ -]?)\d{4}(?:\1\d{4}){2}|3[47]\d\d([ -]?)\d{6}\2\d{5})(?![\w:/+-])"
)
"""Numbers of cards by their first digits and groups: Visa, Mastercard, Discover, JCB; American Express (ISO/IEC 7812-1;
the ranges as the schemes publish them)."""


def _cards(text: str) -> Iterator[Suspicion]:
    for found in _CARD.finditer(text):
        if _luhn([int(each) for each in found[0] if each.isdigit()]):
            yield Suspicion(found.start(), "the number of a card")


def _luhn(digits: list[int]) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * each, 10)) for each in digits[-2::-2])
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


# --- assignments --------------------------------------------------------------------------------------------------

_NAME = re.compile(r"(?<![\w$.-])(?P<dashes>-{0,2})(?P<name>[^\W\d][\w-]*(?:\.[\w-]+)*)")
_AFTER = re.compile(
    r"(?P<close>\\*[\"'`]?\]?)(?:(?P<sep>\s*(?::=|=>|===?|[+?]=|<-|=(?!=))\s*"
    r"|\s+(?:string|text|varchar(?:\(\d+\))?|\[\]byte)\s*(?::?=|DEFAULT\b)\s*|\s{0,2}:(?!:)\s*)(?P<value>\S[^\n]*)"
    r"|>(?P<element>[^<\n]+)|(?P<call>\s?\(\s*\\*[\"'`])(?P<argument>[^\"'`\n]+)|\s+(?P<next>[^\s-][^\n]*))"
)
_QUOTED = re.compile(r"\\*([\"'`])(?P<inner>.*?)\\*(?:\1|$)", re.DOTALL)
_BARE = re.compile(r"[^\s,;]+")
_NOTHING = frozenset({
    "true", "false", "null", "none", "nil", "yes", "no", "on", "off", "undefined", "{", "[", "{}", "[]", "|", ">",
    "|-", ">-", "(", "str", "int", "bytes", "bool", "string", "number", "any", "boolean", "optional", "required",
    "...", "…", "not", "nothing", "default", "auto", "read", "write",
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
_TYPED = re.compile(
    r"(?:str|string|String|bytes|SecretStr|any|object)\s*(?:\|\s*(?:None|null|undefined)\s*)?:?=\s*(?=\S)"
)
"""A type before the value: `password: str = "x"`."""
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
    """Name of secrets to which a text gives a value, in any notation."""
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
            return  # the first one decides: to look at each of thousands takes minutes


def _gives(found: re.Match[str], after: re.Match[str], prose: bool, ours: bool, code: bool) -> bool:
    """Return whether what follows a name is a value of its own, and no reference, placeholder or other sentence."""
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
    if after["close"] == "]" and names_an_error(name):
        return False  # as Node writes its codes: "AssertionError [ERR_ASSERTION]: …"
    if sep.strip() == ":" and prose and not after["close"]:
        blank = sep[-1:].isspace()
        if (ours and blank) or names_an_error(name) or (blank and _OF_ERRORS.match(value)):
            return False
        if blank and name.lower() in _ADJECTIVES and not _is_odd(value.split()[0].strip("\"'.,;")):
            return False  # "unable to retrieve registry auth: service call …"
    if ours and sep != "=" and not after["close"]:
        return False
    if _BOUND.match(value) and _SQL.search(found.string):
        return False
    return _literal(value, code)


def _literal(value: str, code: bool) -> bool:
    """Return whether a value says what a secret is, and not where it is."""
    value = value.strip()
    if quoted := _QUOTED.match(value):
        inner = quoted["inner"].strip()
        if not inner.strip("\\"):
            return value[quoted.end() : quoted.end() + 1].isalnum()  # an escaped quote
        return inner.lower() not in _NOTHING and not _PLACEHOLDER.fullmatch(inner)
    if _PLACEHOLDER.match(value) and _PLACEHOLDER.fullmatch(value.split()[0] if not value.startswith("$(") else value):
        return False
    if typed := _TYPED.match(value):
        return _literal(value[typed.end() :], code)
    bare = _BARE.match(value)
    if bare is None or bare[0].rstrip(")]}\"'").lower() in _NOTHING or not bare[0].strip("\"'`\\)]}"):
        return False
    if _EXPRESSION.match(value) or (code and _CALLED.match(value)):
        return any(_is_fallback(each["inner"]) for each in _FALLBACK.finditer(value.partition("\n")[0]))
    return True


_FALLBACK = re.compile(
    r"(?:\|\||\?\?|\?:|\bor\b|\belse\b|[,(]\s*(?:default|fallback)\s*=|,(?=[^(){}\[\]]{1,200}\)))\s*"
    r"([\"'`])(?P<inner>[^\"'`]+)\1"
)
"""What an expression gives where a variable is not set: `process.env.PW || 'x'`, `os.getenv("PW", "x")`."""


def _is_fallback(inner: str) -> bool:
    return inner.lower() not in _NOTHING and not _PLACEHOLDER.fullmatch(inner)


# --- words of a wallet --------------------------------------------------------------------------------------------

_WORDS_OF_WALLET = re.compile(
    r"(?:^|[:=\"'(>]\s*)(?P<words>(?:[a-z]{3,8}[\s,]+){11}(?:(?:[a-z]{3,8}[\s,]+){3}){0,4}[a-z]{3,8})\s*(?=$|[\"')(<.;])"
)
_NEVER_IN_WALLETS = re.compile(
    r"\b(?:and|any|are|been|but|each|for|from|has|have|his|into|its|may|more|must|not|our|than|the|their|them|then"
    r"|these|they|those|was|were|when|where|which|who|with|would|you)\b"
)
"""Words of English sentences that the list of BIP-39 lacks (github.com/bitcoin/bips, bip-0039/english.txt)."""


def _of_wallets(text: str) -> Iterator[Suspicion]:
    """Yield runs of 12, 15, 18, 21 or 24 words and nothing else, as a wallet's recovery phrase is (BIP-39)."""
    for found in _WORDS_OF_WALLET.finditer(text):
        if not _NEVER_IN_WALLETS.search(found["words"]):
            yield Suspicion(found.start("words"), "words of a wallet")


# --- sentences ----------------------------------------------------------------------------------------------------

_FILLING = frozenset({
    "is", "was", "are", "were", "be", "been", "being", "will", "would", "now", "currently", "still", "set", "reset",
    "changed", "updated", "rotated", "has", "have", "had", "new", "temporary", "initial", "key", "phrase", "default",
    "value", "following", "equals", "equal", "ist", "lautet", "war", "est", "es", "era", "e", "to", "as", "become",
    "becomes", "by",
})  # fmt: skip
_GIVING = frozenset({
    "is", "was", "are", "were", "be", "been", "equals", "ist", "lautet", "war", "est", "es", "era", "to", "as",
    "becomes", "become", "now", "currently", "following",
})  # fmt: skip
"""Words after which a sentence says what a secret is: "the password is …", "was set to …"."""

_ENGLISH = frozenset({
    "a", "about", "above", "absent", "again", "all", "already", "also", "always", "an", "and", "another", "any", "at",
    "because", "before", "below", "between", "both", "but", "by", "case", "correct", "default", "different", "done",
    "due", "either", "empty", "enough", "equal", "first", "fine", "for", "forbidden", "found", "free", "from", "given",
    "gone", "held", "here", "hidden", "how", "if", "in", "incorrect", "inside", "invalid", "it", "its", "kept",
    "known", "last", "least", "left", "less", "like", "long", "longer", "lost", "made", "malformed", "mandatory",
    "masked", "meant", "missing", "more", "most", "my", "necessary", "never", "new", "no", "none", "not", "nothing",
    "null", "of", "off", "ok", "old", "on", "one", "only", "optional", "or", "our", "out", "over", "part", "past",
    "plain", "present", "private", "public", "put", "read", "ready", "right", "safe", "said", "same", "secret", "seen",
    "sent", "set", "short", "shorter", "shown", "so", "still", "strong", "such", "taken", "text", "than", "that",
    "the", "their", "them", "then", "there", "these", "this", "those", "to", "told", "too", "two", "unclear", "under",
    "undefined", "unique", "unknown", "unset", "unsafe", "until", "up", "valid", "very", "weak", "well", "what",
    "when", "where", "whether", "which", "who", "why", "with", "within", "without", "through", "against", "during",
    "after", "written", "wrong", "yes", "yet", "you", "your", "subject",
})  # fmt: skip
"""Words that go on after "the password is" and are no password. So does what ends as adjectives and participles do."""

_ENDS_OF_WORDS = ("ed", "ing", "able", "ible", "ly", "ory")
_NAMES_OF_THINGS = frozenset({"secret", "secrets", "credential", "credentials", "dsn", "token", "tokens"})
"""Secrets of which sentences also tell the names: "secret shop/db-1 not found"."""

_ADJECTIVES = frozenset({
    "private", "session", "sensitive", "confidential", "license", "licence", "signature", "ticket", "seed", "nonce",
    "cookie", "cookies", "assertion", "salt", "auth", "pat",
})  # fmt: skip
"""Names that a file gives to secrets and a sentence to other things, too."""

_GAP = re.compile(r"(?:\\*[\"'`\])>»]{0,2})(?:\s*[|;,→~«/]\s*|\s*-+>\s*|\s+)(?=\S)")
_WORD_OF_SENTENCE = re.compile(r"\S+")
_HARMLESS = re.compile(
    r"v?\d+(?:\.\d+)+|\d{4}-\d\d-\d\d\S*|sha\d+:\S*|[a-z]{1,9}-[0-9a-f]{8}(?:[0-9a-f]{9})?|\S*://\S*|arn:\S*|[/.~]\S*"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\(.*|\{.*|\[.*|[\w-]+=.*|-.*|\$.*|<.*|%.*|\d{1,3}"
)
_ODD = re.compile(r"(?=.*[A-Za-z])(?=.*[\d!@#$%^&*+~])\S{4,}|\d{4,}|(?=.*[a-z])[A-Za-z]*[a-z][A-Z][A-Za-z]*[A-Z]\w*")


def _is_odd(word: str) -> bool:
    """Return whether a word is none of a language: letters with digits or signs, or a number of four
    digits and more.
    """
    return bool(_ODD.fullmatch(word)) and not _HARMLESS.fullmatch(word)


_VALUE_OF = re.compile(
    r"\bvalue\b(?:\s+of)?:?\s*(?:\(|\[|'|\"|`)(?P<value>[^\n]{1,256}?)(?:\)|\]|'|\"|`),?\s+"
    r"(?:provided\s+|specified\s+|given\s+)?(?:at|for|of|in)\s+(?:the\s+)?(?:(?:parameter|property|field|key)\s+)?"
    r"['\"\[(`]?(?P<name>[\w./#-]+)",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"['\"\])`]?(?:[\s:;,][^\n'\"()\[\]]{0,80}?)??[\s,;:](?:(?:value|actual)\b:?\s*(?:\d+\s*)?\(?"
    r"|(?:string|got|found|received|provided|tried|reason)\b:?\s*)(?:\[|'|\"|`)?(?P<value>(?<=[('\"\[`])[^\n'\"()\[\]`]{1,256}(?=[)'\"\]`])|[^\s'\"()\[\]]+)",
    re.IGNORECASE,
)
"""How services tell which value they refuse: "Value 'x' at 'masterUserPassword' failed to satisfy constraint",
"Value (x) for parameter password is invalid"; "#/AuthToken: string [x] does not match pattern", "Invalid API key
provided: x". A value without quotes has to be odd.
"""


def _in_prose(text: str) -> Iterator[Suspicion]:
    """Yield secrets that a sentence tells: "the password is hunter2", "pwd hunter2", "PASSWORD hunter2"."""
    for said in _VALUE_OF.finditer(text):
        if any(map(looks_secret, re.split(r"[./#]+", said["name"]))) and _literal(f'"{said["value"]}"', False):
            yield Suspicion(said.start(), f"a value of {said['name']}")
            return
    code = text.count("\n") > 2
    for found in _NAME.finditer(text):
        name = found["name"]
        if (
            not looks_secret(name)
            or found["dashes"]
            or names_an_error(name)
            or name.lower() in _ADJECTIVES
            or name.count("_") > 3
        ):
            continue
        if (refused := _REFUSED.match(text, found.end())) and _is_quoted_or_odd(refused):
            yield Suspicion(found.start(), f"a value of {name}")
            return
        if text[found.end() : found.end() + 1] in ("(", "."):
            continue
        if _tells(name, text, found.end(), code):
            yield Suspicion(found.start(), f"a value of {name}")
            return


def _is_quoted_or_odd(found: re.Match[str]) -> bool:
    value, before = found["value"], found.string[found.start("value") - 1]
    return _literal(f'"{value}"', False) if before in "('\"[`" else _is_odd(value.rstrip(".,;:"))


def _tells(name: str, text: str, end: int, code: bool) -> bool:
    """Return whether the words after a name give its value."""
    gap = _GAP.match(text, end)
    if not gap:
        return False
    giving = adjacent = False
    bare = not gap[0].strip("\"'`])>» \t\r\n")
    for number, found in enumerate(_WORD_OF_SENTENCE.finditer(text, gap.end(), gap.end() + 200)):
        word = found[0].strip("\"'`()<>«».,;!?").rstrip(":=")
        adjacent = number == 0
        if word.lower() in _FILLING and not (adjacent and word.lower() in ("to", "by", "as")):
            giving = word.lower() in _GIVING
            continue
        if not word or _HARMLESS.fullmatch(word):
            return False
        odd = _is_odd(word)
        if giving and not code:
            return odd or not (word.lower() in _ENGLISH or word.lower().endswith(_ENDS_OF_WORDS))
        if adjacent and not giving and found[0].lower() in ("for", "of"):
            return _after_colon(text, found.end())
        if name.lower() in _NAMES_OF_THINGS and not giving:
            return odd and bare and looks_random(word)
        return odd and (adjacent or giving)
    return False


def _after_colon(text: str, end: int) -> bool:
    """Return whether a word that is none of a language comes after a colon: "password for app: hunter2"."""
    found = re.compile(r"[^:\n.]{1,60}:\s+[\"'`]?([^\s\"'`,;]+)").match(text, end)
    return found is not None and _is_odd(found[1].rstrip(".)"))


# --- random words -------------------------------------------------------------------------------------------------

RANDOM = "random characters"
_RANDOM_WORD = re.compile(r"[^\s\"'`=,;:()\[\]{}<>|&?#/\\]{20,}|(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NAMED = re.compile(r"([A-Za-z][\w.-]*)(?:[\"'\]]*\s*[:=#]\s*|\s+)[\"'\[(]*\Z")


def _random_words(text: str) -> Iterator[Suspicion]:
    """Yield the last net: words that can hardly be words. Ids, digests and versions, which a name
    announces, are none.
    """
    if len(text) > LARGEST:
        return
    arns = [each.span() for each in _ARN.finditer(text)] if "arn:" in text else []
    for found in _RANDOM_WORD.finditer(text):
        if not looks_random(found[0].strip(".!*~")) or any(start <= found.start() < end for start, end in arns):
            continue
        named = _NAMED.search(text[max(0, found.start() - 80) : found.start()])
        if not (named and is_random_by_nature(named[1])):
            yield Suspicion(found.start(), RANDOM)
            return


# --- encodings ----------------------------------------------------------------------------------------------------

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_LINES_OF_BASE64 = re.compile(r"\s*(?:[A-Za-z0-9+/_-]{16,76}\s+)+[A-Za-z0-9+/_-]+={0,2}\s*")
_HEXADECIMAL = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){8,}(?![0-9A-Fa-f])")
_BASE32 = re.compile(r"(?<![A-Z0-9])[A-Z2-7]{16,}={0,6}(?![A-Z0-9])")
_PERCENT = re.compile(r"%[2-7][0-9A-Fa-f]")
_IN_PERCENT = re.compile(r"[^\s%]*%[2-7][0-9A-Fa-f]\S*")
_ESCAPED = re.compile(r"\\u00[2-7][0-9a-fA-F]|\\x[2-7][0-9a-fA-F]")


def _decoded(text: str) -> Iterator[tuple[int, str]]:
    """Yield the texts that parts of a text are when they are decoded, with where the parts begin."""
    if len(text) > LARGEST:
        return
    if _PERCENT.search(text):
        yield from ((each.start(), urllib.parse.unquote(each[0])) for each in _IN_PERCENT.finditer(text))
    if found := _ESCAPED.search(text):
        yield found.start(), _ESCAPED.sub(lambda found: chr(int(found[0][-2:], 16)), text)
    if "&" in text and (plain := html.unescape(text)) != text:
        yield text.index("&"), plain
    for found in _HEXADECIMAL.finditer(text):
        if inner := _readable(bytes.fromhex(found[0])):
            yield found.start(), inner
    for found in _BASE32.finditer(text):
        bare = found[0].rstrip("=")
        if len(bare) % 8 in (0, 2, 4, 5, 7) and (inner := _readable(base64.b32decode(bare + "=" * (-len(bare) % 8)))):
            yield found.start(), inner
    if _LINES_OF_BASE64.fullmatch(text) and (whole := _from_base64("".join(text.split()))):
        yield 0, whole
    for found in _BASE64.finditer(text):
        if inner := _from_base64(found[0]):
            yield found.start(), inner


def _from_base64(text: str) -> str:
    """Return what a text says as Base64, compressed or not; empty when that is no text."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(bare) % 4 == 1:
        return ""
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data, LARGEST)
        return _readable(data)
    except (binascii.Error, ValueError, zlib.error):
        return ""


def _readable(data: bytes) -> str:
    """Return the text that bytes are in UTF-8 or UTF-16; empty when they are none."""
    try:
        found = data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-8")
    except ValueError:
        return ""
    return found if all(each.isprintable() or each in "\r\n\t" for each in found) else ""
