"""What a template brings that it does not show: macros, modules, and nested stacks that infragen does not render.

CloudFormation makes resources of them when it reads the template, and only AWS's change set shows these. What it does
not show is unknown, and counts as a loss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infragen.changes.diff import Side
from infragen.cloud.cloudformation import ResourceChange
from infragen.cloud.template import STACK_TYPE
from infragen.gates.data_loss import Refusal, destroyed, holds_data

MODULE = "::MODULE"
TRANSFORM = "Transform"
SHOWS_ALL = frozenset({"AWS::LanguageExtensions"})
"""Transforms that evaluate functions of the template, and bring no resource that is not written in it."""

RENDERED = re.compile(
    r"https://\$\{TemplateBucket\}\.s3\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}/templates/([a-z0-9-]+/)?[0-9a-f]{64}\.(yaml|json)"
)
"""The address of a layer's template in the artifact bucket, as the root writes it."""


def rendered_stacks(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the nested stacks whose templates infragen renders and uploads, under the digests of their content."""
    nested = {name: each for name, each in body.get("Resources", {}).items() if each.get("Type") == STACK_TYPE}
    urls = {name: each.get("Properties", {}).get("TemplateURL") for name, each in nested.items()}
    return frozenset(
        name for name, url in urls.items() if isinstance(url, dict) and RENDERED.fullmatch(str(url.get("Fn::Sub")))
    )


def hiding(body: Mapping[str, Any]) -> dict[str, str]:
    """Return what brings resources that a template does not show, by the name that its place has: the logical id of a
    module or nested stack, `Transform` for all macros.
    """
    named = body.get("Transform") or ()
    macros = [named] if isinstance(named, str | Mapping) else named
    inside = [each for value in (body.get("Resources"), body.get("Outputs")) for each in _called(value)]
    names = [_name(each) for each in (*macros, *inside) if _name(each) not in SHOWS_ALL]
    found = {TRANSFORM: f"macro {', '.join(dict.fromkeys(names))}"} if names else {}
    rendered = rendered_stacks(body)
    for name, each in body.get("Resources", {}).items():
        kind = each.get("Type", "")
        if kind.endswith(MODULE) or (kind == STACK_TYPE and name not in rendered):
            found[name] = kind
    return found


def _name(called: Any) -> str:
    return str(called.get("Name") if isinstance(called, Mapping) else called)


def _called(value: Any) -> Iterator[Any]:
    """Yield what each Fn::Transform of a value calls."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "Fn::Transform":
                yield from each if isinstance(each, list) else [each]
            yield from _called(each)
    elif isinstance(value, list):
        for each in value:
            yield from _called(each)


def unseen_losses(
    layer: str, old: Side, new: Side, rows: Sequence[ResourceChange], *, shown: bool
) -> Iterator[Refusal]:
    """Yield what the change of a stack may lose that its templates do not show. `shown` says that AWS's change set
    shows all of it; then only what changes in place is not known, as nobody can compare its properties.
    """
    by_name = {each.logical_id: each for each in rows}
    for name, kind in hiding(old.body).items():
        row = by_name.get(name)
        if kind == STACK_TYPE:
            if row is not None and row.action not in ("Add", "Import") and not destroyed(row):
                yield Refusal(
                    f"{layer}/{name}",
                    kind,
                    "would be updated: infragen does not see what is in it, nor whether its template is another one",
                )
        elif not shown and not (row is not None and destroyed(row)):
            what = "would be processed again: infragen does not see what it makes, changes or removes"
            gone = "would go: infragen does not see what it made"
            yield Refusal(f"{layer}/{name}", kind, what if new.body else gone)
    for each in rows:
        hidden = each.logical_id not in old.resources and each.logical_id not in new.resources
        if hidden and each.action not in ("Add", "Import") and not destroyed(each) and holds_data(each.type):
            why = "would change: it is in no template, so infragen does not know what the change loses"
            yield Refusal(each.place, each.type, why)
