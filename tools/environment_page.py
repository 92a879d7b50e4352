"""The reference of environment files as a Markdown page: every key with what it allows, its default and its meaning.

Made from the JSON Schema and the rules' own words, so that page, editors and error messages say the same.
`make docs` writes it to docs/environment.md; a test keeps that file current.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from infragen.config import json_schema, reference, rules

_INTRODUCTION = """\
# Environment files

<!-- Made by `make docs` from the schema; edit `src/infragen/config/schema.py` instead. -->

`environments/NAME.yaml` describes one environment. `infragen config --env NAME` prints it with every default filled in
and the place each value comes from; `infragen diff dev prod` compares two.

- **Sections switch layers on.** Without `network`, `database`, `queues`, `api` or `workers` (or with `null`) that layer
  is off; what still refers to it is an error.
- **Unknown keys are errors**, with the nearest known key. All errors of single keys are reported at once, as
  `file:line:column`; without one, all that break a rule between keys.
- **Types are strict.** A boolean is `true` or `false`, an integer is an integer. A text keeps what is written, quoted
  or not: an account id its leading zero, `17.10` its zero, and `no` is the text no.
- **Shared values.** With `extends: base.yaml` a file is laid over another one, relative to it: maps merge key by key,
  lists and single values replace. A file without the key `environment` holds shared values and is no environment.
- **YAML 1.2**, in UTF-8: anchors, aliases and `<<` work; tags, duplicate keys and several documents are refused.
- Keys at the top level that begin with `x-` are ignored, as in compose files: a place for YAML anchors
  (`x-worker: &worker`).
- **Secrets never stand in these files.** `{{resolve:…}}` is refused in any value of the environment; `secrets` and
  `secret_arns` name secrets: by `ssm` for what [`infragen secrets`](secrets.md) stores, or by their ARN.

Editors complete and check the files with the committed schema; the first line of a file names it:

```yaml
# yaml-language-server: $schema=../environment.schema.json
```
"""


def environment_page() -> str:
    """Return the whole page."""
    schema = json_schema()
    top = [key for key in schema["properties"] if not _is_section((key,))]
    parts = [_INTRODUCTION, "## General\n\n" + _table((key,) for key in top)]
    for key in schema["properties"]:
        if _is_section((key,)):
            many = "items" in reference.at((key,))
            intro = reference.at((key,))["description"] + (" A list; each item has these keys." if many else "")
            parts.append(f"## {key}\n\n{intro}\n\n" + _table(_leaves((key, 0) if many else (key,))))
    parts.append("## Rules between keys\n\nA file that breaks one of these is refused.\n\n" + _rules(rules.ERRORS))
    parts.append("## Warnings\n\nAllowed, but reported on every run.\n\n" + _rules(rules.WARNINGS))
    return "\n".join(parts)


def _is_section(path: reference.Path) -> bool:
    schema = reference.at(path)
    return "properties" in schema or "$ref" in schema.get("items", {})


def _leaves(path: reference.Path) -> Iterator[reference.Path]:
    for key in reference.at(path)["properties"]:
        inner = (*path, key)
        if "properties" in reference.at(inner):
            yield from _leaves(inner)
        else:
            yield inner
            if "$ref" in reference.at(inner).get("items", {}):
                yield from _leaves((*inner, 0))


def _table(paths: Iterable[reference.Path]) -> str:
    rows = ["| Key | Allowed | Default | Meaning |", "|---|---|---|---|"]
    for path in paths:
        schema = reference.at(path)
        name = reference.dotted(path).replace("[0]", "[]")
        rows.append(f"| `{name}` | {_allowed(schema)} | {_default(path, schema)} | {_text(schema['description'])} |")
    return "\n".join(rows) + "\n"


def _text(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


def _allowed(schema: dict[str, Any]) -> str:
    """Return what the key takes; of a list or map also what its items take."""
    text = reference.allowed(schema)
    items = schema.get("items", {})
    if items and "$ref" not in items and items.get("type") != "object":
        return f"{text} of: {reference.allowed(items)}"
    inner = list(schema.get("patternProperties", {}).values())
    return f"{text} to: {reference.allowed(inner[0])}" if inner else text


def _default(path: reference.Path, schema: dict[str, Any]) -> str:
    if path in _required_paths():
        return "**required**"
    value = schema.get("default")
    return "–" if value in (None, "") else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _required_paths() -> set[reference.Path]:
    found: set[reference.Path] = set()

    def walk(node: dict[str, Any], path: reference.Path) -> None:
        found.update((*path, key) for key in node.get("required", ()))
        for key, each in node.get("properties", {}).items():
            walk(each, (*path, key))

    walk(json_schema()["then"], ())
    for path in reference.key_paths():
        if "$ref" in reference.at(path).get("items", {}):
            found.update((*path, 0, key) for key in reference.at((*path, 0)).get("required", ()))
    return found


def _rules(group: Iterable[Callable[..., object]]) -> str:
    return "".join(f"- {' '.join((rule.__doc__ or '').split())}\n" for rule in group)


if __name__ == "__main__":
    sys.stdout.write(environment_page())
