"""What must hold of every format of every plan; tests that make real plans call `check_formats`."""

import copy
import functools
import json
import re
from typing import Any

import jsonschema
from markdown_it import MarkdownIt

from infragen.plan import EnvironmentPlan
from infragen.report.plan_formats import as_format
from infragen.report.plan_markdown import LIMIT
from infragen.report.plan_schema import plan_schema


def check_formats(*plans: EnvironmentPlan) -> None:
    """Raises when a format of these plans breaks what is promised of it."""
    check_json(as_format("json", plans))
    check_markdown(as_format("markdown", plans).decode())


def check_json(made: bytes) -> Any:
    """Validates a document against the schema, in which no key is left open; returns it."""
    found = json.loads(made)
    _validator().validate(found)
    return found


@functools.cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(closed(plan_schema()))


def closed(schema: Any) -> Any:
    """The schema without room for keys that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return copy.copy(schema)
    inner = {key: closed(each) for key, each in schema.items()}
    return {**inner, "additionalProperties": False} if schema.get("type") == "object" else inner


def check_markdown(text: str) -> None:
    """Reads a comment as CommonMark: it fits, and what is outside of code and HTML is words of ours."""
    assert len(text.encode("utf-16-le", "surrogatepass")) // 2 <= LIMIT
    assert not _STEERING.search(text)
    opened = 0
    for token in MarkdownIt("commonmark").parse(text):
        assert token.type in _BLOCKS, (token.type, token.content)
        if token.type == "html_block":
            assert _HTML.fullmatch(token.content.strip()), token.content
            opened += token.content.count("<details>") - token.content.count("</details>")
        for inner in token.children or ():
            assert inner.type in ("text", "code_inline", "strong_open", "strong_close"), (inner.type, inner.content)
            if inner.type == "text":
                assert _WORDS.fullmatch(inner.content), inner.content
    assert opened == 0


_BLOCKS = {"heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "fence", "html_block"}
_NAME = r"(?:[\w ,;'+.-]|USD/month|<code>[^<>]*</code>)*"
_HTML = re.compile(
    rf"<!-- infragen (?:plan|diff) [\w.-]* -->|</details>|<details>\n<summary><b>{_NAME}</b>{_NAME}</summary>"
)
_WORDS = re.compile(r"[A-Za-z0-9 ,:;.'()+/-]*")
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
