"""Macros: what CloudFormation does to a template before it looks at parameters, conditions and resources.

| behaviour | source | date |
|---|---|---|
| an embedded `Fn::Transform` is processed before a global `Transform`, the deepest first, a list in its order | UG "Macros"; recorded: test_multiple_fn_transform_order | 2025-06-03 |
| AWS::Include puts the content of an object in S3 beside its siblings; as a global one, in the template | recorded: test_embedded_fn_transform_include, test_global_fn_transform_include | 2025-06-03 |
| an included key that is there already takes its place | recorded: test_embedded_fn_transform_include[json] | 2025-06-03 |
| functions in the parameters of an embedded macro are evaluated | recorded: test_macro_with_intrinsic_function | 2025-06-20 |
| a change set shows the processed template, a macro itself nowhere | recorded: all of them | 2025 |
| a change set needs no CAPABILITY_AUTO_EXPAND | API CreateChangeSet; recorded: test_base_global_macro | 2025-06-24 |
| a macro that the account does not have: "No transform named … found." | UG "Macros", troubleshooting | 2026-11 |

A module's resources take its place under names that begin with its logical id (UG "Using modules to encapsulate and
reuse resource configurations", read 2026-11-29); references to them are not resolved.
`Settings.macros` are those of the account: what each does to a fragment. Of AWS's own only AWS::Include is expanded.
"""  # noqa: E501  # a table

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fakeaws.protocol import validation_error
from fakeaws.templates import Scope, fragment_of

if TYPE_CHECKING:
    from fakeaws.cloud import Cloud

INCLUDE = "AWS::Include"


def expand(cloud: Cloud, account: str, body: dict[str, Any], values: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """The template with its macros processed; `values` gives its parameters. The key `Transform` stays as a trace."""
    body = _without_modules(cloud, body)
    if "Transform" not in body and "Fn::Transform" not in str(body):
        return body
    scope = Scope(
        body,
        {name: each.value for name, each in values().items()},
        {"AWS::Region": "us-east-1"},
        _unknown,
        _unknown,
        _unknown,
    )
    found = {key: each if key == "Transform" else _embedded(cloud, account, each, scope) for key, each in body.items()}
    for transform in _listed(body.get("Transform")):
        kept = {key: each for key, each in found.items() if key != "Transform"}
        found = {**_applied(cloud, account, transform, kept, scope), "Transform": body["Transform"]}
    return found


def _without_modules(cloud: Cloud, body: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, each in (body.get("Resources") or {}).items():
        module = cloud.settings.modules.get(str(each.get("Type")) if isinstance(each, dict) else "")
        made |= {name: each} if module is None else module(name, each.get("Properties", {}))
    return {**body, "Resources": made} if "Resources" in body else body


def _unknown(*_: Any) -> Any:
    raise validation_error("Template error: a macro's parameters cannot refer to resources")


def _listed(transform: Any) -> list[dict[str, Any]]:
    """Transforms, one or several, as their names with their parameters."""
    several = transform if isinstance(transform, list) else [transform] if transform else []
    return [each if isinstance(each, dict) else {"Name": each} for each in several]


def _embedded(cloud: Cloud, account: str, node: Any, scope: Scope) -> Any:
    if isinstance(node, list):
        return [_embedded(cloud, account, each, scope) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _embedded(cloud, account, each, scope) for key, each in node.items() if key != "Fn::Transform"}
    fragment: Any = inner
    for transform in _listed(node.get("Fn::Transform")):
        fragment = _applied(cloud, account, transform, fragment, scope)
    return fragment


def _applied(cloud: Cloud, account: str, transform: Mapping[str, Any], fragment: Any, scope: Scope) -> Any:
    """A fragment after one macro."""
    name, given = transform["Name"], scope.evaluate(transform.get("Parameters", {}))
    if name == INCLUDE:
        bucket, _, key = given["Location"].removeprefix("s3://").partition("/")
        return {**fragment, **fragment_of(cloud.buckets.text(bucket, key, account))}
    macro = cloud.settings.macros.get(name)
    if macro is not None:
        return macro(fragment, given, scope.parameters)
    if name.startswith("AWS::"):
        return fragment
    raise validation_error(f"No transform named {name} found.")
