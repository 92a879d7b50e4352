"""What must hold of every format of every plan; tests that make real plans call `check_formats`."""

import copy
import functools
import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import jsonschema
from markdown_it import MarkdownIt

from infragen.plan.model import EnvironmentPlan
from infragen.report.event_schema import event_schema
from infragen.report.plan_formats import as_format
from infragen.report.plan_markdown import LIMIT
from infragen.report.plan_schema import plan_schema
from infragen.report.schemas import SCHEMAS

Line = dict[str, Any]


def check_formats(*plans: EnvironmentPlan) -> None:
    """Raises when a format of these plans breaks what is promised of it."""
    check_json(as_format("json", plans))
    check_markdown(as_format("markdown", plans).decode())
    check_html(as_format("html", plans).decode())


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
    named = "properties" in schema and schema.get("type") in ("object", ["object", "null"])
    return {"additionalProperties": False, **inner} if named else inner


@functools.cache
def _line_validator() -> Any:
    found = event_schema()
    plan = found["$defs"].pop("plan_document")
    shut = closed(found)
    shut["$defs"]["plan_document"] = closed(plan)
    jsonschema.Draft202012Validator.check_schema(shut)
    return jsonschema.Draft202012Validator(shut)


@functools.cache
def _document_validator(name: str) -> Any:
    found = closed(SCHEMAS[name]())
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def check_documents(name: str, stdout: str) -> list[Any]:
    """Validates the JSON documents that a command printed against the schema of this name, in which no key is left
    open; returns them.
    """
    decoder, found, rest = json.JSONDecoder(), [], stdout.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        _document_validator(name).validate(document)
        found.append(document)
        rest = rest[end:].lstrip()
    return found


def check_lines(stdout: str) -> list[Line]:
    """The lines that a run with `--format json` printed, each valid; the first and the last are what they should be."""
    found = [json.loads(line) for line in stdout.splitlines()]
    for line in found:
        branch = _line_validator().evolve(
            schema={**_line_validator().schema, "oneOf": [{"$ref": f"#/$defs/{line['type']}"}]}
        )
        branch.validate(line)
    assert found[0]["type"] == "begin"
    assert [each["type"] for each in found].count("finished") == 1
    assert found[-1]["type"] == "finished"
    return found


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


def check_html(text: str) -> None:
    """Reads a page: only tags and attributes of ours, each closed, nothing loaded, one script and one style sheet."""
    reader = PageReader()
    reader.feed(text)
    reader.close()
    assert reader.open == [], reader.open
    assert reader.found["script"] == reader.found["style"] == 1
    assert not _STEERING.search(text)


class PageReader(HTMLParser):
    """Collects what a page is made of, and fails on what should not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: Counter[str] = Counter()
        self.ids: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, tag
        self.found[tag] += 1
        for name, value in attrs:
            assert name in _ATTRIBUTES, (tag, name)
            if name == "href":
                assert value == "data:," or re.fullmatch(r"#[\w-]+", value or ""), value
            if name == "id":
                assert value not in self.ids, value
                self.ids.add(value or "")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


_VOID = {"meta", "link", "input", "br", "path", "rect"}
_TAGS = _VOID | {
    "a", "b", "body", "button", "caption", "code", "dd", "del", "details", "div", "dl", "dt", "fieldset", "form", "g",
    "h1", "h2", "head", "header", "html", "ins", "label", "legend", "li", "main", "option", "output", "p", "pre",
    "script", "section", "select", "span", "style", "summary", "svg", "table", "td", "text", "th", "title", "tr",
    "tspan", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "aria-label", "aria-labelledby", "aria-live", "autocomplete", "charset", "checked", "class", "content", "d",
    "data-kind", "data-layer", "data-type", "fill", "for", "height", "hidden", "href", "http-equiv", "id", "lang",
    "name", "open", "rel", "role", "rx", "scope", "stroke", "tabindex", "text-anchor", "title", "transform", "type",
    "value", "viewbox", "width", "x", "y",
}  # fmt: skip
