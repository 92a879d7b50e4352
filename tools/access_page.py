"""docs/access.md: what counts as wider access, type by type. Made from the rows; `make docs` writes it."""

import sys
from collections.abc import Iterator

from infragen.resource_types.access import ABSENT, Access, Judged, Opens
from infragen.resource_types.access_rows import ACCESS

HEAD = """\
# What counts as wider access

<!-- Made by `make docs` from `src/infragen/resource_types/access_*.py`; edit those instead. -->

The access gate compares what is deployed with what would be, and [asks](approvals-in-ci.md) about whatever may let
a principal do or reach more. In this order:

1. **Policy documents**, wherever a resource holds one, are compared as sets of requests: actions, resources, principals
   and conditions that were not allowed before, and denials that go. So are managed policies, permissions boundaries,
   the roles that a resource acts as, and `Version`: before 2012-10-17 variables are text.
2. **Security groups, routes and network ACLs** are compared as sets of addresses and ports.
3. **Types with a row** in the table below are judged property by property.
4. **A property that no row names** is judged by its name and its value: what looks like a principal, a role, an
   account, an address, an endpoint, a filter, a switch of TLS or authentication, or a privilege counts.
5. **A type without a row** is unknown, and unknown is open. Added, it counts when it has any such property, or such a
   name itself. Changed, it counts with every change but those of a size, a number, a name, a description or tags.
   Removed, it counts when its name is that of a filter, a firewall, a policy or the like, or of something that
   observes: a trail, a detector, a recorder, an alarm.
6. **A macro** (`Transform`, `Fn::Transform`) and **a module** count with each change of their template: what they make
   of it at deployment is not seen. `AWS::LanguageExtensions` shows all that it makes.

What switches observation off counts like access: a log, an alarm's action, a scan, a rotation that goes, so that
no alarm reports what happens next. So does what decides which code runs: another command, another entry point, another
image than a new tag of the same repository, another bucket than before, a layer, user data, and environment variables
such as `LD_PRELOAD`, `NODE_OPTIONS`, `AWS_LAMBDA_EXEC_WRAPPER` or `HTTPS_PROXY`. A new tag, and new code under another
key of the same bucket, are what a deployment is for and do not count. Fewer of the same subnets do not count.

A value that is not known before the deployment counts as another one, unless it is the same output of the same layer,
or one of Parameter Store of which AWS's change set lists nothing.
References to resources of the same environment are nothing new where a property names a destination or a role. Values
of secrets are compared and not shown.

| Type | What counts |
|---|---|
"""

WORDS = {
    Opens.UNLESS: "unless {values}",
    Opens.REACHES: "elsewhere",
    Opens.BECOMES: "becomes {values}",
    Opens.GROWS: "more",
    Opens.SHRINKS: "less",
    Opens.VANISHES: "no longer written",
    Opens.CHANGES: "changed",
    Opens.GIVEN: "given or changed",
    Opens.ELEMENTS: "changed, or a new one with {values}",
    Opens.WEAKENS: "weaker than before",
    Opens.RISES: "higher",
}


def access_page() -> str:
    """Return the whole page."""
    return HEAD + "".join(f"| `{name}` | {_told(access)} |\n" for name, access in sorted(ACCESS.items()))


def _told(access: Access) -> str:
    said = [*_whole(access), *(_judged(each) for each in access.judged if each.path)]
    if access.partial:
        said.append("every other property as in a type without a row")
    return "; ".join(said) or "its rules or documents, as above"


def _whole(access: Access) -> Iterator[str]:
    """Yield what counts of the resource as such."""
    if access.added:
        yield "added"
    if access.removed:
        given = " or ".join(f"`{each}`" for each in access.removed_with)
        stays = " while what it watches stays" if access.watches else ""
        yield f"removed{f' with {given}' if given else ''}{stays}"
    if access.variables:
        yield "environment variables that decide what code runs"
    if any(not each.path for each in access.judged):
        yield "any property changed"


def _judged(each: Judged) -> str:
    values = " or ".join(dict.fromkeys("not written" if one is ABSENT else f"`{_text(one)}`" for one in each.values))
    return f"`{each.written}` {WORDS[each.opens].format(values=values)}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.stdout.write(access_page())
