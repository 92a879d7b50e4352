"""docs/json-documents.md: the JSON documents of commands, key by key. Made from their schemas by `make docs`."""

import sys
from collections.abc import Iterator
from typing import Any

from schema_types import type_text

from infragen.report.schemas import SCHEMAS

Schema = dict[str, Any]

OWN_PAGES = {"plan", "events", "ps"}
"""What has a page of its own."""

_HEAD = """\
# Commands as JSON

<!-- Made by `make docs` from the schemas; edit `report/document_types.py` or `tools/documents_page.py` instead. -->

With `--format json` a command that reads, or whose work is done in one go, prints one JSON document on stdout, and
nothing else there. Errors and progress go to stderr, and the [exit code](exit-codes.md) tells how it ended; a command
that could not begin prints no document. `infragen schema` prints the JSON Schema (2020-12) of each, by the heading
below.

[Plans](plan-json.md) (`plan` and `diff`, `infragen schema plan`), [deployments](json-events.md) (`infragen schema
events`) and [`ps`](ps.md) have pages of their own. `render --format json` writes CloudFormation's own templates;
`lint --format sarif` prints SARIF 2.1.0.

- **Version.** Within a `version` keys are only added; a key that goes or changes its meaning raises it. Accept keys
  that you do not know. `outputs` and `policy` have no key of infragen's own: the one holds names of the environment,
  the other is IAM's.
- What looks like a secret is `(secret)`.

```bash
infragen status --env prod --format json | jq -r '.stacks[] | "\\(.stack) \\(.status)"'
infragen outputs --env prod --format json | jq -r .LoadBalancerUrl
infragen drift --env prod --format json | jq -r '.stacks[].resources[].place'
```
"""


def documents_page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for name, schema in SCHEMAS.items():
        if name not in OWN_PAGES:
            found = schema()
            parts.append(f"## {name}\n")
            for each in found.get("oneOf", [found]):
                parts += _section(name, each.get("title", found["title"]), each, found.get("$defs", {}))
    return "\n".join(parts).rstrip("\n") + "\n"


def _section(name: str, title: str, schema: Schema, defined: Schema) -> Iterator[str]:
    yield schema.get("description", f"{title}.") + "\n"
    yield from _tables(name, schema)
    for key, each in schema.get("$defs", defined).items():
        if "properties" in each:
            yield f"`{key}`: {each['description']}\n"
            yield from _tables(key, each)
        if "oneOf" in each:
            yield f"`{key}`: {each['description']} [The kinds](plan-json.md).\n"


def _tables(name: str, schema: Schema) -> Iterator[str]:
    """Yield the table of an object, and those of the objects that it holds."""
    if "properties" in schema:
        yield from _table(schema)
    waiting = [(name, key, each) for key, each in schema.get("properties", {}).items()]
    while waiting:
        within, key, each = waiting.pop(0)
        found = _object(each)
        if "properties" in found:
            said = f"`{key}` of `{within}`"
            yield (f"{said}: {found['description']}" if "description" in found else f"{said}.") + "\n"
            yield from _table(found)
            waiting += [(key, inner, one) for inner, one in found["properties"].items()]


def _object(schema: Schema) -> Schema:
    """Return the object that a key holds, in a list or alone; else nothing."""
    if "items" in schema:
        return _object(schema["items"])
    return schema


def _table(schema: Schema) -> Iterator[str]:
    yield "| Key | Type | Meaning |"
    yield "|---|---|---|"
    for key, each in schema["properties"].items():
        yield f"| `{key}` | {type_text(each)} | {each.get('description', '')} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(documents_page())
