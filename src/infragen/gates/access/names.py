"""What a property is likely to decide, by the words of its name and the shape of its values.

Used where no row says it: for a type that infragen does not know, and for a property that its row does not name. It
errs on the side of access: a name that may be that of a principal, an address or a switch counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_network

from infragen.gates.access.symbols import Symbol, Text


class Meaning(Enum):
    """What a property decides. The value completes "infragen takes it as …"."""

    WHO = "who may act"
    WHERE_TO = "where something goes"
    DOOR = "what may come in"
    POWER = "what it may do"
    PLACE = "where it stands"
    UNKNOWN = "something that infragen does not know"


WORDS = {
    Meaning.WHO: frozenset({
        "role", "roles", "principal", "principals", "account", "accounts", "owner", "owners", "organization",
        "organizations", "organizational", "org", "ou", "user", "users", "username", "member", "members", "membership",
        "grantee", "grantees", "grant", "grants", "admin", "admins", "administrator", "administrators", "identity",
        "identities", "issuer", "issuers", "audience", "audiences", "oidc", "saml", "federated", "federation",
        "permission", "permissions", "policy", "policies", "share", "shares", "shared", "sharing",
        "shareable", "consumer", "consumers", "credential", "credentials", "entitlement",
        "entitlements", "tenant", "tenants", "delegated", "delegation", "assume", "assignment", "subscriber",
        "subscribers", "recipient", "recipients", "external", "oauth",
        "impersonation", "guest", "guests", "profile", "invoke", "invoker", "publisher", "publishers", "statement",
    }),
    Meaning.DOOR: frozenset({
        "access", "acl", "acls", "scope", "scopes", "trust", "trusted", "truststore", "claim", "claims", "token",
        "tokens", "cidr", "cidrs", "ip", "ips", "ipv", "ingress", "inbound", "egress", "outbound", "port", "ports",
        "public", "publicly", "private", "internet", "anonymous", "unauthenticated", "auth", "authorization",
        "authenticate",
        "authentication", "authorizer", "authorizers", "authenticated", "authorized", "login", "logins", "sso", "mfa",
        "password", "passwords", "passwordless", "keys", "cors", "allow", "allowed", "allows", "allowlist", "deny",
        "denied", "denies", "denylist", "block", "blocked", "blocks", "blocklist", "restrict", "restricted",
        "restriction", "restrictions", "whitelist", "blacklist", "filter", "filters", "firewall", "firewalls", "waf",
        "webacl", "tls", "mtls", "ssl", "http", "https", "certificate", "certificates", "cert", "ca", "cipher",
        "ciphers", "protocol", "protocols", "encryption", "encrypted", "encrypt", "sse", "kms", "transit", "plaintext",
        "insecure", "verify", "verification", "signing", "signature", "signed", "signer", "security", "secure",
        "secret", "secrets", "scheme", "visibility", "exposure", "expose", "exposed", "open", "require", "required",
        "requires", "requirement", "enforce", "enforced", "enforcement", "guardrail", "guardrails", "inspection",
        "acceptance", "gateway", "route", "routes", "listener", "listeners", "rule", "rules", "condition", "conditions",
        "protection", "unprotected", "validation", "validate", "deactivate", "exclusion", "exclusions", "excluded",
        "exception", "exceptions", "bypass", "override", "overrides", "attachment", "accept", "acknowledge",
    }),
    Meaning.WHERE_TO: frozenset({
        "endpoint", "endpoints", "url", "urls", "uri", "uris", "destination", "destinations", "target", "targets",
        "webhook", "webhooks", "host", "hosts", "hostname", "hostnames", "domain", "domains", "dns", "email", "emails",
        "mail", "phone", "peer", "peers", "peering", "remote", "forward", "forwarding", "forwarder", "replica",
        "replicas", "replication", "export", "exports", "sink", "sinks", "notification", "notifications", "topic",
        "topics", "queue", "firehose", "bucket", "buckets", "server", "servers", "broker", "brokers", "bootstrap",
        "callback", "callbacks", "redirect", "redirects", "origin", "origins", "location", "locations", "address",
        "addresses", "link", "links", "subscription", "subscriptions", "connection", "connections", "connector",
        "integration", "sns", "sqs", "lambda", "function", "mirror", "copy", "template", "image", "layers",
        "delivery", "nameserver", "nameservers", "record", "records", "region", "regions", "slack", "channel", "api",
    }),
    Meaning.POWER: frozenset({
        "privileged", "privilege", "privileges", "root", "sudo", "superuser", "capability", "capabilities", "exec",
        "execute", "command", "commands", "shell", "ssh", "debug", "debugging", "isolation", "sandbox", "readonly",
        "device", "devices", "keypair", "elevated", "unsafe",
    }),
    Meaning.PLACE: frozenset({"subnet", "subnets", "vpc", "vpcs", "vpce"}),
}  # fmt: skip

HARMLESS = frozenset({
    "name", "names", "description", "descriptions", "tag", "tags", "size", "capacity", "count", "timeout", "seconds",
    "minutes", "days", "hours", "memory", "cpu", "cpus", "vcpu", "retention", "comment", "comments", "label", "labels",
    "title", "weight", "threshold", "interval", "period", "window", "metric", "metrics", "unit", "units", "schedule",
    "cron", "timezone", "storage", "iops", "throughput", "concurrency", "priority", "class", "percentage", "percent",
    "age", "ttl", "color", "display", "bytes", "mib", "gib", "quantity", "shards", "partitions",
})  # fmt: skip
"""Last words of names whose change opens nothing in a type that infragen does not know."""

GUARDS = frozenset({
    "acl", "firewall", "waf", "policy", "authorizer", "block", "guard", "guardrail", "shield", "filter", "restriction",
    "protection", "boundary", "deny", "validator", "exclusion", "control",
})  # fmt: skip
"""Words in the names of types whose resources keep something out, so that their removal lets it in."""

WATCHERS = frozenset({
    "alarm", "alarms", "analyzer", "anomaly", "audit", "auditing", "canary", "detector", "finding", "findings",
    "insights", "logging", "monitor", "monitoring", "recorder", "trail",
})  # fmt: skip
"""Words in the names of types whose resources observe something, so that with their removal nobody notices it."""

WATCHING_SERVICES = frozenset({
    "accessanalyzer", "applicationinsights", "applicationsignals", "auditmanager", "budgets", "cloudtrail",
    "cloudwatch", "config",
    "detective", "devopsguru", "guardduty", "inspector", "inspectorv2", "internetmonitor", "macie", "networkmanager",
    "oam", "rum", "securityhub", "securitylake", "synthetics", "xray",
})  # fmt: skip
"""Services that observe."""

CODE_VARIABLES = re.compile(
    r"(LD|DYLD|MALLOC|GLIBC|GCONV|NODE|NPM|PYTHON|PERL5|RUBY|GEM|BUNDLE|JAVA|JDK|_JAVA|JVM|MAVEN|GRADLE|DOTNET|CORECLR|COR|"
    r"COMPLUS|PHP|BASH|GIT|LUA|ERL|OPENSSL|SSL|CURL|AWS|GO)_?[A-Z0-9_]*"
    r"|PATH|ENV|IFS|SHELLOPTS|CLASSPATH|GODEBUG|[A-Z0-9_]*("
    r"_OPT(ION)?S|PRELOAD|WRAPPER|_HOOKS?|_PLUGINS?|_AGENT|_PROXY|CA_BUNDLE|CA_CERTS?|REJECT_UNAUTHORIZED|_VERIFY)",
    re.IGNORECASE,
)
"""Environment variables with which an interpreter, a loader or an SDK runs other code, or sends its calls elsewhere."""

HARMLESS_VARIABLES = frozenset({
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_LOG_LEVEL", "AWS_NODEJS_CONNECTION_REUSE_ENABLED",
    "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS", "AWS_XRAY_CONTEXT_MISSING", "NODE_ENV", "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "GOMAXPROCS", "GOGC", "GOMEMLIMIT",
})  # fmt: skip

OBSERVES = frozenset({
    "alarm", "alarms", "alert", "alerts", "audit", "log", "logs", "logging", "monitoring", "notification",
    "notifications",
})  # fmt: skip
"""Words in the names of properties that say where a record goes, or who is reported: without them, nobody is."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ARN = re.compile(r"arn:[\w-]+:[\w-]*:[\w-]*:(\d{12}):")
_REGISTRY = re.compile(r"(?:^|/)(\d{12})\.dkr\.ecr\.")
_QUEUE = re.compile(r"\bsqs[\w.-]*\.amazonaws\.com(?:\.cn)?/(\d{12})/")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_OPEN = frozenset({"*", "public", "internet", "internet-facing", "anonymous", "everyone", "unblocked", "public_read"})


def words(name: str) -> list[str]:
    """Return the words of a name in small letters: `VpcSecurityGroupIds` is vpc, security, group, ids."""
    return [each.lower() for each in _WORD.findall(name)]


def meaning_of(path: str) -> Meaning | None:
    """Return what a property decides by the words of its path; None when they say nothing."""
    found = words(path)
    if "SecurityGroup" in path:
        return Meaning.PLACE
    return next((each for each, some in WORDS.items() if not some.isdisjoint(found)), None)


def watches(type_name: str) -> bool:
    """Return whether a type observes something, by the words of its service and its name."""
    _, service, name = f"::{type_name}".rsplit("::", 2)
    return service.lower() in WATCHING_SERVICES or not WATCHERS.isdisjoint(words(name))


def observes(path: str) -> bool:
    """Return whether a property says where a record goes, or who is reported of something."""
    return not OBSERVES.isdisjoint(words(path))


def runs_code(variable: str) -> bool:
    """Return whether an environment variable may decide what code runs; one whose name is not known may."""
    if variable.upper() in HARMLESS_VARIABLES:
        return False
    return not variable or CODE_VARIABLES.fullmatch(variable) is not None


def harmless(path: str) -> bool:
    """Return whether a name says that no value of it opens anything."""
    return not HARMLESS.isdisjoint(words(path)[-1:])


def foreign(value: Text, account: str) -> bool:
    """Return whether a value names another account."""
    written = _written(value)
    named = [*_ARN.findall(written), *_REGISTRY.findall(written), *_QUEUE.findall(written)]
    return any(each != account for each in named) or (bool(re.fullmatch(r"\d{12}", written)) and written != account)


def everyone(value: Text) -> bool:
    """Return whether a value is every address."""
    return _written(value) in ("0.0.0.0/0", "::/0")


def meaning_of_value(value: Text, account: str) -> Meaning | None:
    """Return what a value decides, whatever it is called."""
    written = _written(value)
    if foreign(value, account):
        return Meaning.WHO
    if _URL.match(written) or _EMAIL.fullmatch(written):
        return Meaning.WHERE_TO
    if written.lower() in _OPEN or _range(written):
        return Meaning.DOOR
    return None


def number(value: Text) -> bool:
    """Return whether a value is a number."""
    return re.fullmatch(r"-?\d+(\.\d+)?", _written(value)) is not None


def _written(value: Text) -> str:
    """Return a value as far as it is known; each part that is not is a blank."""
    return "".join(" " if isinstance(each, Symbol) else each for each in value)


def _range(written: str) -> bool:
    try:
        ip_network(written, strict=False)
    except ValueError:
        return False
    return not written.isdigit()


def inner_names(value: Text) -> Iterator[str]:
    """Yield the names inside a value that could not be decided, which is written as a whole in its symbol."""
    for each in value:
        if isinstance(each, Symbol) and each.side:
            yield from re.findall(r'"(\w+)":', each.name)
