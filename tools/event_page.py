"""docs/json-events.md: the lines of `--format json`, key by key. Made from the schema by `make docs`."""

import sys
from typing import Any

from schema_types import name_of, type_text

from infragen.report.event_schema import PLAN, event_names, event_schema, part_names

_HEAD = """\
# Deployments as JSON

<!-- Made by `make docs` from the schema; edit `src/infragen/report/event_schema.py` or `event_page.py` instead. -->

`bootstrap`, `deploy`, `import`, `migrate`, `run`, `rotate`, `secrets restart`, `destroy`, `recover`, `cancel`,
`follow`, `changesets prune` and `drift --revert` print JSON with `--format json`: one object a line, one line for
everything that happens, while it happens. stdout has these lines and nothing else; errors are lines, too, and stand on
stderr for people as well. `infragen schema events` prints the JSON Schema (2020-12) of a line.

- The first line is `begin`, the last one `finished`, with the [exit code](exit-codes.md) and the root cause. A run
  that is killed has no last line; the same command continues what it started. A command line with an unknown option is
  refused on stderr alone, with exit code 2.
- infragen never prompts: what needs an answer must have its flag, or ends with exit code 3.
- After a minute without another line comes a `heartbeat`.
- **Version.** Within a `version` keys and types of lines are only added. Skip those that you do not know.
- `time` is this machine's clock, `aws_time` is AWS's: do not compare them.

```bash
infragen deploy --env prod --yes --format json > deploy.jsonl; echo $?
jq -r 'select(.type == "finished") | .root_cause | select(.) |
  "\\(.layer)/\\(.logical_id): \\(.reason) (\\(.setting.file):\\(.setting.line))"' deploy.jsonl
jq -r 'select(.type == "resource" and .seconds) | "\\(.seconds) \\(.layer)/\\(.logical_id)"' deploy.jsonl | sort -rn
```

Other commands print [one JSON document](json-documents.md) with `--format json`, such as `plan` [its
own](plan-json.md); `logs` prints an object per line of a log.

Every line has `type`, `time` and `environment`; the tables below leave them out.
"""


def event_page() -> str:
    """Return the whole page."""
    schemas = event_schema()["$defs"]
    parts = [_HEAD]
    for name in (*event_names(), *part_names()):
        shared = ("type", "time", "environment") if name in event_names() else ()
        rows = [(key, each) for key, each in schemas[name]["properties"].items() if key not in shared]
        table = "\n".join(["| Key | Type | Meaning |", "|---|---|---|", *(_row(*each) for each in rows)])
        parts.append(f"## {name}\n\n{schemas[name]['description']}\n\n{table}\n")
    return "\n".join(parts)


def _row(key: str, schema: dict[str, Any]) -> str:
    return f"| `{key}` | {type_text(schema, _link)} | {schema['description']} |"


def _link(reference: str) -> str:
    name = name_of(reference)
    return "[plan document](plan-json.md)" if reference == PLAN else f"[{name}](#{name})"


if __name__ == "__main__":
    sys.stdout.write(event_page())
