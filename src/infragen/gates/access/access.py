"""What changes about who may do what: roles and their trust, policies of resources, managed policies, boundaries.

Policy documents are found wherever a resource holds one, so that a type that nobody thought of here is compared, too.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from infragen.gates.access.found import Resources, Widening
from infragen.gates.access.inside import Inside
from infragen.gates.access.names import foreign
from infragen.gates.access.policies import (
    ANYTHING,
    EVERYTHING,
    VERSION,
    Condition,
    Grant,
    Names,
    grants,
    lowered,
    wider,
)
from infragen.gates.access.symbols import Reader, Symbol, Text, may_meet, shown, text_of, within

TRUST, RIGHTS, RESOURCE = "trust", "rights", "resource"

IDENTITIES = {
    "AWS::IAM::Role": "the role", "AWS::IAM::User": "the user", "AWS::IAM::Group": "the group",
    "AWS::IAM::ManagedPolicy": "whoever has the managed policy", "AWS::IAM::Policy": "whoever has the policy",
    "AWS::IAM::RolePolicy": "whoever has the policy", "AWS::IAM::UserPolicy": "whoever has the policy",
    "AWS::IAM::GroupPolicy": "whoever has the policy", "AWS::SSO::PermissionSet": "the permission set",
}  # fmt: skip
"""Types whose documents give rights to somebody; the documents of all others say who may use the resource."""

TARGETS = {
    "AWS::IAM::Policy": ("Roles", "Users", "Groups"), "AWS::IAM::ManagedPolicy": ("Roles", "Users", "Groups"),
    "AWS::IAM::RolePolicy": ("RoleName",), "AWS::IAM::UserPolicy": ("UserName",),
    "AWS::IAM::GroupPolicy": ("GroupName",), "AWS::IAM::User": ("Groups",),
    "AWS::IAM::UserToGroupAddition": ("GroupName", "Users"), "AWS::IAM::InstanceProfile": ("Roles",),
    "AWS::SQS::QueuePolicy": ("Queues",), "AWS::SNS::TopicPolicy": ("Topics",), "AWS::S3::BucketPolicy": ("Bucket",),
    "AWS::SecretsManager::ResourcePolicy": ("SecretId",), "AWS::Lambda::Permission": ("FunctionName",),
    "AWS::Lambda::LayerVersionPermission": ("LayerVersionArn",), "AWS::IAM::AccessKey": ("UserName",),
}  # fmt: skip
"""Properties that say what a policy is about; more of them is more access."""

WITHOUT_DOCUMENT = frozenset({"AWS::IAM::InstanceProfile", "AWS::IAM::UserToGroupAddition", "AWS::IAM::AccessKey"})

PERMISSION_CONDITIONS = {
    "SourceArn": ("ArnLike", "aws:sourcearn"), "SourceAccount": ("StringEquals", "aws:sourceaccount"),
    "PrincipalOrgID": ("StringEquals", "aws:principalorgid"), "OrganizationId": ("StringEquals", "aws:principalorgid"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:functionurlauthtype"),
    "EventSourceToken": ("StringEquals", "lambda:eventsourcetoken"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:invokedviafunctionurl"),
}  # fmt: skip
"""Properties of a permission that is written without a document, as the conditions they become."""

WITHIN_ACCOUNT = frozenset({
    "aws:sourceaccount", "aws:sourceowner", "aws:principalaccount", "kms:calleraccount", "aws:principalorgid",
    "aws:sourcevpc", "aws:sourcevpce", "aws:sourcearn", "aws:principalarn",
})  # fmt: skip
"""Condition keys that bound everyone to somebody."""

ROLE_ENDS = ("Role", "RoleArn", "RoleARN", "RoleArns", "RoleName", "IamInstanceProfile", "InstanceProfileArn")
"""How the properties are called that name the role that a resource acts as."""

ALL_POWERFUL = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
NOUNS = {
    "sqs": "queue", "sns": "topic", "kms": "key", "secretsmanager": "secret", "lambda": "function", "ecr": "repository",
    "dynamodb": "table", "logs": "log group", "ecs": "ECS resource", "iam": "IAM resource", "s3": "bucket and object",
}  # fmt: skip

FULL_ACCESS = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
BY_DEFAULT = {"AWS::EC2::VPCEndpoint": ("PolicyDocument", FULL_ACCESS)}
"""What holds where no document is written (AWS PrivateLink Guide, "Control access using endpoint policies")."""


@dataclass(frozen=True)
class Subject:
    """The resource a sentence is about."""

    place: str
    type: str
    now: str

    @property
    def name(self) -> str:
        """Return how the sentence calls it."""
        lead = IDENTITIES.get(self.type)
        return f"{lead} {self.place}" if lead else self.place


def access_widenings(old: Resources, new: Resources, layer: str, account: str) -> Iterator[Widening]:
    """Yield everything by which the new resources let somebody do more than the old ones."""
    for name, resource in new.bodies.items():
        if new.as_before(name, old):
            continue
        subject = Subject(f"{layer}/{name}", resource["Type"], "" if old.absent else "now ")
        before = old.bodies.get(name, {})
        if before.get("Type") != resource["Type"]:
            before = {}
        sides = tuple(
            (*_grants(*pair), *(_by_default(*pair) if before else ()))
            for pair in ((before, old.reader), (resource, new.reader))
        )
        more, less = wider(*sides)
        inside = Inside(name, resource["Type"], sides[1], new)
        kept, beyond = ([each for each in more if inside.holds(each) is held] for held in (True, False))
        for sentence, grave in _sentences(subject, beyond, less, sides[0], account):
            yield Widening("permissions", subject.place, sentence, grave)
        for sentence, grave in _sentences(subject, kept, (), sides[0], account):
            yield Widening("permissions", subject.place, sentence, grave, inside=True)
        for words in dict.fromkeys(_older(before, resource)):
            yield Widening("permissions", subject.place, f"{subject.place} {subject.now}{words}")
        for sentence, grave in _attached(subject, before, resource, old.reader, new):
            yield Widening("permissions", subject.place, sentence, grave)
    yield from _removed(old, new, layer)
    for name, resource in {**old.undecided, **new.undecided}.items():
        if any(each.effect != "Allow" for each in _grants(resource, new.reader)):
            sentence = f"{layer}/{name} denies something under a condition that is not known yet"
            yield Widening("permissions", f"{layer}/{name}", sentence)


# --- what is granted --------------------------------------------------------------------------------------------


def _grants(resource: Mapping[str, Any], reader: Reader) -> tuple[Grant, ...]:
    """Return what is written that a resource grants."""
    kind, properties = str(resource.get("Type")), resource.get("Properties", {})
    if kind.startswith("AWS::WAF"):
        return ()
    found = [grant for path, document in _documents((), properties) for grant in _read(kind, path, document, reader)]
    if "Principal" in properties and "Action" in properties:
        found.append(_permission(properties, reader))
    return tuple(found)


def _by_default(resource: Mapping[str, Any], reader: Reader) -> tuple[Grant, ...]:
    """Return what AWS grants where nothing is written."""
    if resource["Type"] not in BY_DEFAULT:
        return ()
    key, document = BY_DEFAULT[resource["Type"]]
    return () if key in resource.get("Properties", {}) else tuple(grants(document, reader, RESOURCE))


def _documents(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the policy documents in a value, with their paths; lists do not count as steps."""
    if isinstance(value, str) and '"Statement"' in value:
        try:
            value = json.loads(value)
        except ValueError:
            yield path, [value]
            return
    if isinstance(value, Mapping) and "Statement" in value:
        yield path, value
    elif isinstance(value, Mapping) and "Statement" in json.dumps(value.get("Fn::Sub"), default=str):
        yield path, [value]
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _documents((*path, key), inner)
    elif isinstance(value, list):
        for each in value:
            yield from _documents(path, each)


def _older(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield documents that had the version of today and have it no more, in which variables are text."""
    versions = [
        {path: each.get("Version") for path, each in _documents((), side.get("Properties", {})) if _mapping(each)}
        for side in (before, after)
    ]
    for path, version in versions[1].items():
        if versions[0].get(path) == VERSION != version:
            yield f"has a policy of the Version {version or '2008-10-17'}, in which variables are text"


def _mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _read(kind: str, path: Sequence[str], document: Any, reader: Reader) -> Iterable[Grant]:
    if "AssumeRolePolicyDocument" in path:
        return grants(document, reader, TRUST)
    return grants(document, reader, RIGHTS if kind in IDENTITIES else str((RESOURCE, *path)))


def _permission(properties: Mapping[str, Any], reader: Reader) -> Grant:
    """Return a permission written as properties: one principal, one action, conditions by their own names."""
    principal = reader.text(properties["Principal"])
    conditions = frozenset(
        Condition(operator, key, frozenset(reader.texts(properties[name])), name)
        for name, (operator, key) in PERMISSION_CONDITIONS.items()
        if name in properties
    )
    written = Names(frozenset({reader.text(properties["Action"])}))
    actions = Names(frozenset(map(lowered, written.patterns)))
    who = Names(frozenset({principal}))
    return Grant(RESOURCE, "Allow", who, actions, EVERYTHING, conditions, written=written)


# --- what else gives rights -------------------------------------------------------------------------------------


def _attached(
    subject: Subject, before: Mapping[str, Any], after: Mapping[str, Any], old: Reader, side: Resources
) -> Iterator[tuple[str, bool]]:
    """Return managed policies, boundaries, targets of policies, and the roles that a resource acts as."""
    was, now, new = before.get("Properties", {}), after.get("Properties", {}), side.reader
    for key in ("ManagedPolicyArns", "ManagedPolicies"):
        for each in _more(was, now, key, old, new):
            name = shown(each)
            lead = f"{subject.name} {subject.now}has the managed policy {name.rpartition('/')[2]}"
            yield lead, name.endswith(ALL_POWERFUL)
    if "PermissionsBoundary" in was and "PermissionsBoundary" not in now:
        yield f"{subject.name} no longer has a permissions boundary", True
    elif "PermissionsBoundary" in was and _more(was, now, "PermissionsBoundary", old, new):
        sides = (shown(reader.text(each["PermissionsBoundary"])) for reader, each in ((old, was), (new, now)))
        yield "{} has another permissions boundary ({} -> {})".format(subject.name, *sides), False
    for key in TARGETS.get(subject.type, ()):
        for each in _more(was, now, key, old, new):
            if before or subject.type in WITHOUT_DOCUMENT:
                yield f"{subject.place} ({subject.type}) {subject.now}applies to {shown(each)}", False
    had = set(_role_texts(was, old))
    for path, role in () if subject.type in IDENTITIES else dict.fromkeys(_role_texts(now, new)):
        ours = not before and (side.own.holds(role) or side.own.service_linked(role))
        if (path, role) not in had and not ours:
            yield f"{subject.place} {subject.now}acts as the role {shown(role)}", foreign(role, side.own.account)


def _more(was: Mapping[str, Any], now: Mapping[str, Any], key: str, old: Reader, new: Reader) -> list[Text]:
    before = old.texts(was[key]) if key in was else ()
    return [each for each in (new.texts(now[key]) if key in now else ()) if each not in before]


def _role_texts(value: Any, reader: Reader) -> Iterator[tuple[tuple[str, ...], Text]]:
    return ((path, text) for path, role in _roles((), value) for text in reader.texts(role))


def _roles(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the roles that a resource acts as: properties called so."""
    if isinstance(value, list):
        for each in value:
            yield from _roles(path, each)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key.endswith(ROLE_ENDS):
                yield (*path, key), inner
            else:
                yield from _roles((*path, key), inner)


def _removed(old: Resources, new: Resources, layer: str) -> Iterator[Widening]:
    """Return denials that go with the resource that held them, while what they were about stays."""
    for name, resource in old.bodies.items():
        denied = any(each.effect != "Allow" for each in _grants(resource, old.reader))
        stays = new.bodies.get(name, {}).get("Type") == resource["Type"]
        if stays or not denied:
            continue
        properties = resource.get("Properties", {})
        keys = [each for each in TARGETS.get(resource["Type"], ()) if each in properties]
        targets = [each for key in keys for each in old.reader.texts(properties[key])]
        staying = [shown(each) for each in targets if not _gone(each, old, new)]
        if staying:
            sentence = f"{layer}/{name} goes, and with it what it denied on {', '.join(staying)}"
            yield Widening("permissions", f"{layer}/{name}", sentence)


def _gone(target: Text, old: Resources, new: Resources) -> bool:
    names = [each.name.split(".")[0] for each in target if isinstance(each, Symbol)]
    return len(names) == len(target) and all(each in old.bodies and each not in new.bodies for each in names)


# --- sentences --------------------------------------------------------------------------------------------------


def _sentences(
    subject: Subject, more: Sequence[Grant], less: Sequence[Grant], before: Sequence[Grant], account: str
) -> Iterator[tuple[str, bool]]:
    """Yield one sentence for the grants that differ in their action only."""
    for gained, some in ((True, more), (False, less)):
        key = lambda each: (each.kind, _order(each.principals), _order(each.resources), str(_when(each)))  # noqa: E731 # local to the sort and the grouping
        for _, group in groupby(sorted(some, key=key), key):
            alike = list(group)
            if alike[0].unread is not None:
                yield f"{subject.name}: a statement that infragen cannot read: {shown(alike[0].unread)}", True
            elif gained:
                yield _allowed(subject, alike, before), any(_grave(each, account) for each in alike)
            else:
                yield _no_longer_denied(subject, alike), False


def _order(names: Names) -> str:
    return str(sorted(map(shown, names.patterns)))


def _allowed(subject: Subject, alike: Sequence[Grant], before: Sequence[Grant]) -> str:
    first = alike[0]
    who, when = _listed(first.principals, "everyone", lead=_principal), _when(first)
    was = _was(alike, before)
    if first.kind == TRUST:
        actions = {shown(each) for grant in alike for each in grant.actions.patterns}
        if all(each.startswith("sts:assumerole") for each in actions) and not first.actions.negated:
            return f"{subject.name} may {subject.now}be assumed by {who}{when}{was}"
        return f"{who} may {subject.now}{_actions(alike)} {subject.name}{when}{was}"
    if first.kind == RIGHTS:
        return f"{subject.name} may {subject.now}call {_actions(alike)} on {_resources(alike)}{when}{was}"
    about = "" if first.resources == EVERYTHING else f" on {_resources(alike)}"
    return f"{subject.place} {subject.now}lets {who} call {_actions(alike)}{about}{when}{was}"


def _no_longer_denied(subject: Subject, alike: Sequence[Grant]) -> str:
    first = alike[0]
    who = "" if first.kind == RIGHTS else f" to {_listed(first.principals, 'everyone', lead=_principal)}"
    return f"{subject.name} no longer denies {_actions(alike)} on {_resources(alike)}{who}{_when(first)}"


def _actions(alike: Sequence[Grant]) -> str:
    if alike[0].actions.negated:
        return _listed(alike[0].written, "every action")
    every = Names(frozenset(text for each in alike for text in each.written.patterns))
    return _listed(every, "every action")


def _resources(alike: Sequence[Grant]) -> str:
    services = {shown(text).partition(":")[0] for each in alike for text in each.actions.patterns}
    single = len(services) == 1 and not alike[0].actions.negated
    noun = NOUNS.get(services.pop(), "resource") if single else "resource"
    return _listed(alike[0].resources, f"every {noun}")


def _listed(names: Names, everything: str, lead: Any = shown) -> str:
    if names.negated:
        return f"{everything} but {', '.join(sorted(lead(each) for each in names.patterns))}"
    return ", ".join(everything if each == ANYTHING else lead(each) for each in sorted(names.patterns, key=shown))


def _principal(text: Text) -> str:
    kind, _, name = shown(text).partition(" ")
    return name if kind in ("AWS", "Service", "Federated", "CanonicalUser") and name else shown(text)


def _when(grant: Grant) -> str:
    lines = sorted(
        f"{each.written} {each.operator} {' or '.join(sorted(map(shown, each.values)))}" for each in grant.conditions
    )
    return f", when {' and '.join(lines)}" if lines else ""


def _was(alike: Sequence[Grant], before: Sequence[Grant]) -> str:
    """Return what of it was allowed before: the same actions on something else, by somebody else, or
    under conditions.
    """
    near = [
        each
        for each in before
        if each.effect == "Allow" and each.kind == alike[0].kind and any(_overlap(each, other) for other in alike)
    ]
    if not near:
        return ""
    first = alike[0]
    for part, words in (("principals", "everyone"), ("resources", "everything")):
        names = {getattr(each, part) for each in near}
        if getattr(first, part) not in names:
            lead = _principal if part == "principals" else shown
            return f" (was: only {', '.join(sorted(_listed(each, words, lead=lead) for each in names))})"
    conditions = sorted({_when(each).removeprefix(", ") for each in near} - {""})
    return f" (was: only {' or '.join(conditions)})" if conditions and not _when(first) else ""


def _overlap(one: Grant, other: Grant) -> bool:
    if one.actions.negated or other.actions.negated:
        return one.actions == other.actions
    return may_meet(one.actions.pattern, other.actions.pattern)


def _grave(grant: Grant, account: str) -> bool:
    """Return whether it reaches beyond the account, or is a right to everything."""
    if grant.kind == RIGHTS:
        free = grant.actions.negated or within(text_of("iam:*"), grant.actions.pattern)
        return free and grant.resources == EVERYTHING
    bounded = any(each.key in WITHIN_ACCOUNT for each in grant.conditions)
    if grant.principals.negated or grant.principals == EVERYTHING:
        return not bounded
    return _foreign(grant.principals.pattern, account)


def _foreign(principal: Text, account: str) -> bool:
    """Return whether a principal may belong to somebody else: another account, an identity provider, an unknown."""
    kind, _, name = shown(principal).partition(" ")
    if kind == "Service" or kind.endswith((".amazonaws.com", ".amazon.com")):
        return False
    owner = name.split(":")[4] if name.count(":") >= 5 else name
    return kind != "AWS" or (
        owner != account and not any(isinstance(each, Symbol) and not each.side for each in principal)
    )
