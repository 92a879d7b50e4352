"""docs/plan-json.md: the plan document, key by key. Made from the schema; `make docs` writes it, a test compares."""

import sys
from collections.abc import Iterator

from schema_types import name_of, type_text

from infragen.report.plan_schema import Schema, plan_schema

_HEAD = """\
# The plan as JSON

<!-- Made by `make docs` from the schema; edit `src/infragen/report/plan_types.py` instead. -->

`infragen plan --env prod --format json` prints the plan as one JSON document, for gates and reports of your own.
`infragen schema plan` prints its JSON Schema (2020-12). stdout has the document and nothing else; progress and warnings
of the run go to stderr, and a plan that cannot be made prints no document and ends with its
[exit code](exit-codes.md).

- **Version.** Within a `version` keys are only added; a key that goes or changes its meaning raises it. Accept keys
  that you do not know.
- **Order.** Keys always come in the order of these tables, stacks in deployment order: documents of two runs can be
  compared line by line.
- **What AWS may invent.** `kind` is this version's judgement and errs on the careful side: a replacement that is not
  ruled out is `replace`, an unknown action is `other`. `action`, `replacement` and `policy_action` keep AWS's own word.
- **Values.** `before` and `after` are objects whose `kind` tells apart what is empty, what is not there, what the
  source does not tell, and what exists only after an earlier layer is deployed.

## Examples with jq

Everything that is or may be replaced or removed:

```bash
jq -r '.plans[].stacks[].changes[] | select(.kind == "replace" or .kind == "remove") | .place' plan.json
```

Exit with 1 when anything but queues changes:

```bash
jq -e '[.plans[].stacks[].changes[] | select(.counted) | .type] | all(. == "AWS::SQS::Queue")' plan.json
```

The values that change, one line for each:

```bash
jq -r '.plans[].stacks[].changes[] | .place as $place | .properties[] |
  "\\($place) \\(.name): \\(.before | .text // (.value | tojson)) -> \\(.after | .text // (.value | tojson))"' plan.json
```

What cannot be known before the network is deployed:

```bash
jq -r '.plans[].stacks[].changes[] | .place as $place | .properties[] |
  select(.after.kind == "later" and .after.layer == "network") | "\\($place) \\(.name)"' plan.json
```
"""


def plan_json_page() -> str:
    """Return the whole page."""
    schema = plan_schema()
    parts = [_HEAD, f"## The document\n\n{_table(schema)}"]
    for each in schema["$defs"].values():
        rows = _cases(each) if "oneOf" in each else _table(each)
        parts.append(f"## {each['title']}\n\n{each['description']}\n\n{rows}")
    return "\n".join(parts)


def _table(schema: Schema) -> str:
    lines = ["| Key | Type | Meaning |", "|---|---|---|"]
    for key, each in schema["properties"].items():
        lines.append(f"| `{key}` | {type_text(each, _link)} | {_cell(each['description'])} |")
    return "\n".join(lines) + "\n"


def _cases(schema: Schema) -> str:
    """Return the kinds of a value, each with the keys that it has beside `kind`."""
    lines = ["| `kind` | Meaning | Other keys |", "|---|---|---|"]
    for each in schema["oneOf"]:
        keys = {key: inner for key, inner in each["properties"].items() if key != "kind"}
        said = "; ".join(f"`{key}`: {inner['description']}" for key, inner in keys.items())
        lines.append(f"| `{each['properties']['kind']['const']}` | {_cell(each['description'])} | {_cell(said)} |")
    return "\n".join([*lines, *_parts(schema)]) + "\n"


def _parts(schema: Schema) -> Iterator[str]:
    """Yield the tables of lists of objects that have no name of their own."""
    for each in schema["oneOf"]:
        for key, inner in each["properties"].items():
            if "properties" in inner.get("items", {}):
                yield f"\nEach of `{key}`:\n\n{_table(inner['items'])}".rstrip()


def _link(reference: str) -> str:
    title = plan_schema()["$defs"][name_of(reference)]["title"]
    return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"


def _cell(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(plan_json_page())
