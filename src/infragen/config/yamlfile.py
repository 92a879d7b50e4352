"""Text of an environment file -> values that know their line and column, or an explanation of what is wrong with it.

Reads YAML's event stream only: PyYAML never builds an object for us, so no tag can name a Python type and no
alias can grow into gigabytes. Scalars follow the YAML 1.2 core schema, decimal numbers only, and keep their source
text, because `012345671234` is an account id and `no` is Norway (YAML 1.1 reads them as 1402434204 and false).

This module knows nothing about environments or AWS, and is the only one besides `templatefile` that imports yaml.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from itertools import islice

import yaml

from infragen.errors import InputError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 50
MAX_NODES = 50_000
MAX_MERGED_KEYS = 100
MAX_PROBLEMS = 100
MAX_TEXT = 600
"""How many problems of a file an error reports, and how many characters the text of one may have."""


@dataclass(frozen=True, order=True)
class Place:
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def order(self) -> tuple[str, int, int]:
        """Sort places by file, line and column, as the places themselves would, only faster."""
        return self.file, self.line, self.column


@dataclass(frozen=True)
class Scalar:
    """One value. `text` is what the file says (without quotes), `value` how YAML 1.2 reads it."""

    text: str
    value: str | int | float | bool | None
    place: Place


@dataclass(frozen=True)
class Sequence:
    """A list."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True)
class Entry:
    """One key of a mapping with its value."""

    key: str
    key_place: Place
    node: "Node"


@dataclass(frozen=True)
class Mapping:
    """Keys and values, in the order of the file."""

    entries: MappingOf[str, Entry]
    place: Place


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong at one place; `text` is lower case, shows the wrong value and says what is allowed."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def load(data: bytes, file: str) -> Mapping:
    """Return the mapping that the bytes of a YAML file describe.

    Raises InputError whose message has one line per problem, each beginning with `file:line:column: `.
    """
    root, problems = read(data, file)
    if problems:
        raise refusal(problems)
    return root


def read(data: bytes, file: str, short_forms: MappingOf[str, str] | None = None) -> tuple[Mapping, tuple[Problem, ...]]:
    """Read like `load`, but return the problems which leave the rest of the file readable (duplicate keys, tags, ...).

    With `short_forms` (tag -> long form, such as `!Sub` -> `Fn::Sub`) it is a CloudFormation template: a value with
    such a tag becomes a map of its long form, and what YAML 1.1, which CloudFormation reads, takes for another value
    is a problem. Raises InputError where nothing can be read: encoding, syntax, size, depth, more than one document.
    """
    builder = _Builder(_events(_decode(data, file), file), file, short_forms)
    root = builder.document()
    return root, tuple(sorted(set(builder.problems)))


def refusal(problems: Iterable[Problem]) -> InputError:
    """Return the error that reports these problems, in file order."""
    ordered = sorted(set(problems), key=lambda problem: (*problem.place.order, problem.text))
    lines = [str(problem) for problem in ordered[:MAX_PROBLEMS]]
    if len(ordered) > MAX_PROBLEMS:
        lines.append(f"… and {len(ordered) - MAX_PROBLEMS} more")
    return InputError("\n".join(lines))


def merge(base: Mapping, over: Mapping) -> Mapping:
    """Merge `over` into `base`: maps merge key by key, lists and scalars replace. Every node keeps its own place."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if below is not None and isinstance(below.node, Mapping) and isinstance(entry.node, Mapping):
            entries[key] = Entry(key, entry.key_place, merge(below.node, entry.node))
        else:
            entries[key] = entry
    return Mapping(entries, over.place)


def plain(node: Node) -> object:
    """Return the same as dicts and lists, with Scalars as leaves and None for what is empty or null."""
    if isinstance(node, Mapping):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return None if node.value is None else node


def find(node: Mapping, path: tuple[str | int, ...]) -> Place:
    """Return where the value at `path` (keys and list indexes) is written; if there is none, its nearest existing
    ancestor.
    """
    return _walk(node, path)[1].place


def find_key(node: Mapping, path: tuple[str | int, ...]) -> Place:
    """Return where the last key of `path` is written; a list item has no key, so its own place."""
    entry, found = _walk(node, path)
    return found.place if entry is None else entry.key_place


def shown(text: str) -> str:
    """Return text from a file, fit for a one-line message: cut at 60 characters, unprintable ones escaped."""
    cut = text if len(text) <= 60 else text[:60] + "…"
    return cut if cut.isprintable() else repr(cut)[1:-1]


def cut(text: str) -> str:
    """Return a problem's text, cut where it grows with what the file holds."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def shortened(texts: Collection[str], most: int = 10) -> str:
    """Return a list for a one-line message: the first ones, and how many more there are."""
    first = ", ".join(islice(texts, most))
    return first if len(texts) <= most else f"{first}, … and {len(texts) - most} more"


def _walk(node: Node, path: tuple[str | int, ...]) -> tuple[Entry | None, Node]:
    entry: Entry | None = None
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            entry = node.entries[step]
            node = entry.node
        elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
            entry, node = None, node.items[step]
        else:
            break
    return entry, node


# --- bytes -> text ---------------------------------------------------------------------------------------------------

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
# Everything that YAML 1.2 does not count as printable, and the line ends that editors do not count as such.
_UNWANTED = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise refusal([Problem(Place(file, 1, 1), f"the file is larger than {MAX_BYTES} bytes (1 MiB)")])
    for mark, name in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise refusal([Problem(Place(file, 1, 1), f"byte 0: this is {name}; save the file as UTF-8")])
    skipped = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    data = data[skipped:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place_of(data[: error.start].decode("utf-8"), file)
        what = f"byte {error.start + skipped}: 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise refusal([Problem(place, what)]) from None
    unwanted = _UNWANTED.search(text)
    if unwanted:
        before = text[: unwanted.start()]
        what = f"byte {len(before.encode()) + skipped}: {_named(unwanted[0])} is not allowed in a YAML file"
        raise refusal([Problem(_place_of(before, file), what)])
    return text


def _named(character: str) -> str:
    return "NUL (U+0000)" if character == "\0" else f"the control character U+{ord(character):04X}"


def _place_of(before: str, file: str) -> Place:
    lines = re.split("\r\n|\r|\n", before)
    return Place(file, len(lines), len(lines[-1]) + 1)


# --- text -> events --------------------------------------------------------------------------------------------------

# libyaml's parser where PyYAML was built with it (its wheels are); the one in Python gives the same events, slower.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_PARSER)
    except yaml.MarkedYAMLError as error:
        raise refusal([_explain(error, text, file)]) from None
    except (yaml.YAMLError, ValueError, OverflowError):  # the parser in Python lets chr(0x110000) fail
        raise refusal([Problem(Place(file, 1, 1), _UNREADABLE)]) from None


_UNREADABLE = "this cannot be read as YAML; check quotes, brackets and indentation here and on the line above"
# What the parser says (context: problem) -> what a reader needs; the first that matches. libyaml and PyYAML's own
# parser use slightly different words. {sign} is the character at the place, {line} where the construct was opened.
_EXPLANATIONS = tuple(
    (re.compile(pattern), at_start, text)
    for pattern, at_start, text in (
        (r"tab character", False, "a tab is used to indent; YAML allows only spaces here"),
        (r"cannot start any token", False, "a text cannot begin with {sign}; put it in quotes"),
        (r"quoted scalar: found unexpected (end|document)", True, "this quote is never closed"),
        (r"could not find expected ':'", True, "a ':' with a space after it is missing on this line"),
        (
            r"mapping values are not allowed",
            False,
            "a ':' is not expected here; indent the line as its neighbours are, or put a text with a ':' in quotes",
        ),
        (
            r"sequence entries are not allowed",
            False,
            "a list cannot begin behind a key; put every '- ' on a line of its own below the key",
        ),
        (r"mapping keys are not allowed", False, "a '?' is not expected here; put the text in quotes"),
        (r"expected ',' or '\]'", False, "the list opened with [ on line {line} lacks a ',' or its ]"),
        (r"expected ',' or '}'", False, "the map opened with {{ on line {line} lacks a ',' or its }}"),
        (
            r"escape|hexa?decimal",
            False,
            "unknown escape: in double quotes a backslash begins one; use single quotes, or write \\\\ for a backslash",
        ),
        (
            r"scanning an (anchor|alias)",
            False,
            "a name must follow & and *; put a text that begins with & or * in quotes",
        ),
        (r"(scanning|parsing) a tag|undefined tag handle", False, "tags (words that begin with !) are not allowed"),
        (
            r"scanning a block scalar",
            False,
            "behind | or > only +, - or a digit from 1 to 9 may stand; the text begins on the next line",
        ),
        (r"directive|incompatible YAML", False, "lines that begin with % are not allowed"),
        (r"expected '?<document start>", False, "nothing may follow here; the content of the file ended above"),
        (
            r"parsing a block collection",
            False,
            "this does not belong to the list above; begin the line with '- ', or check its indentation",
        ),
        (
            r"parsing a block mapping",
            False,
            "this does not fit the lines above; check the indentation, and quotes or brackets that close too early",
        ),
        (
            r"node content",
            False,
            "a value is missing here; a text that begins with a comma or a bracket needs quotes",
        ),
    )
)


def _explain(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """Return the parser's error as a sentence without its jargon."""
    mark = error.problem_mark or error.context_mark
    start = error.context_mark or mark
    if mark is None or start is None:
        return Problem(Place(file, 1, 1), _UNREADABLE)
    lines = re.split("\r\n|\r|\n", text)
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    if rest.startswith("\t"):
        return Problem(Place(file, mark.line + 1, mark.column + 1), _EXPLANATIONS[0][2])
    for pattern, at_start, sentence in _EXPLANATIONS:
        if pattern.search(f"{error.context or ''}: {error.problem or ''}"):
            at = start if at_start else mark
            said = sentence.format(sign=rest[:1], line=start.line + 1)
            return Problem(Place(file, at.line + 1, at.column + 1), said)
    return Problem(Place(file, mark.line + 1, mark.column + 1), _UNREADABLE)


# --- events -> nodes -------------------------------------------------------------------------------------------------

# YAML 1.2 core schema, https://yaml.org/spec/1.2.2/#1032-tag-resolution, without octal, hexadecimal, infinity and NaN,
# and without leading zeros: such a text is an identifier far more often than a number.
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


# Booleans, octal and hexadecimal numbers, digits with _ and numbers of base 60 of https://yaml.org/type/ (YAML 1.1).
_OTHER_IN_YAML_1_1 = re.compile(
    r"(?i:y|n|yes|no|on|off)|[-+]?(0[0-9_]+|0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"
    r"|[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)"
)


def _resolve(text: str) -> str | int | float | bool | None:
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


@dataclass(frozen=True)
class _Anchored:
    node: Node
    size: int
    height: int


@dataclass
class _Builder:
    """Builds the nodes of one file from its events; an alias shares the node it names, counted as if it were copied."""

    events: Iterator[yaml.Event]
    file: str
    short_forms: MappingOf[str, str] | None = None
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0
    deepest: int = 0
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)  # None: not complete yet

    def document(self) -> Mapping:
        next(self.events)  # StreamStart
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            raise self.fatal(Place(self.file, 1, 1), "the file is empty")
        root = self.node(next(self.events), 1)
        next(self.events)  # DocumentEnd
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self.fatal(self.place(after), "a second document begins here; a file holds one")
        if isinstance(root, Scalar) and root.value is None:
            raise self.fatal(Place(self.file, 1, 1), "the file is empty")
        if not isinstance(root, Mapping):
            kind = "a list" if isinstance(root, Sequence) else "a text"
            raise self.fatal(root.place, f"the file must consist of keys and values (key: value); this is {kind}")
        return root

    def node(self, event: yaml.Event, depth: int) -> Node:
        """Return the node that begins with this event."""
        place = self.place(event)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event.anchor or "", place, depth)
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise self.fatal(place, _UNREADABLE)
        long_form = (self.short_forms or {}).get(event.tag or "")
        if event.tag is not None and long_form is None:
            name = shown(event.tag.replace("tag:yaml.org,2002:", "!!"))
            self.problem(place, f"the tag {name} is not allowed; write the value without it")
        if event.anchor is None:
            return self.content(event, place, depth, long_form)
        self.anchors[event.anchor] = None
        before, outside, self.deepest = self.nodes, self.deepest, depth
        node = self.content(event, place, depth, long_form)
        self.anchors[event.anchor] = _Anchored(node, self.nodes - before, self.deepest - depth + 1)
        self.deepest = max(self.deepest, outside)
        return node

    def content(self, event: yaml.Event, place: Place, depth: int, long_form: str | None = None) -> Node:
        """Return what begins with this event, as the argument of a function of CloudFormation where it has a tag."""
        self.count(1, depth, place)
        if long_form is not None:
            argument = self.content(event, place, depth + 1)
            return Mapping({long_form: Entry(long_form, place, argument)}, place)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, place)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(place, depth)
        items: list[Node] = []
        while not isinstance(inner := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(inner, depth + 1))
        return Sequence(tuple(items), place)

    def scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        unwanted = _UNWANTED.search(event.value)
        if unwanted:  # written as an escape, else it would not have got past _decode
            self.problem(place, f"{_named(unwanted[0])} is not allowed in a value")
        if self.short_forms and event.implicit[0] and _OTHER_IN_YAML_1_1.fullmatch(event.value):
            said = shown(event.value)
            self.problem(place, f'{said} means something else in YAML 1.1, which CloudFormation reads; write "{said}"')
        return Scalar(event.value, _resolve(event.value) if event.implicit[0] else event.value, place)

    def alias(self, anchor: str, place: Place, depth: int) -> Node:
        if anchor not in self.anchors:
            raise self.fatal(place, f"*{shown(anchor)} refers to nothing: there is no &{shown(anchor)} above it")
        anchored = self.anchors[anchor]
        if anchored is None:
            raise self.fatal(place, f"*{shown(anchor)} stands inside the value that it refers to")
        self.count(anchored.size, depth + anchored.height - 1, place)
        return anchored.node

    def mapping(self, place: Place, depth: int) -> Mapping:
        own: dict[str, Entry] = {}
        merges: list[Entry] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key, key_place = self.node(event, depth + 1), self.place(event)
            value = self.node(next(self.events), depth + 1)
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                merges.append(Entry("<<", key_place, value))
            elif not isinstance(key, Scalar):
                kind = "a list" if isinstance(key, Sequence) else "a map"
                self.problem(key_place, f"a key must be a text, not {kind}")
            elif not isinstance(key.value, str):
                said = shown(key.text)
                what = f'the key {said} is not a text; write "{said}"' if said else "a key is missing here"
                self.problem(key_place, what)
            elif key.text in own:
                self.duplicate(key.text, key_place, own[key.text].key_place)
            else:
                own[key.text] = Entry(key.text, key_place, value)
        for second in merges[1:]:
            self.duplicate("<<", second.key_place, merges[0].key_place)
        return Mapping((self.merged(merges[0].node, own) if merges else {}) | own, place)

    def merged(self, value: Node, own: dict[str, Entry]) -> dict[str, Entry]:
        """Return what `<<: value` brings. Own keys win; of two sources with the same key, one would be lost."""
        sources: list[Mapping] = []
        for source in value.items if isinstance(value, Sequence) else (value,):
            if isinstance(source, Mapping):
                sources.append(source)
            else:
                self.problem(source.place, "behind << only a map or a list of maps may stand")
        if sum(len(source.entries) for source in sources) > MAX_MERGED_KEYS:
            raise self.fatal(value.place, f"<< may bring at most {MAX_MERGED_KEYS} keys")
        brought: dict[str, Entry] = {}
        for source in sources:
            for key, entry in source.entries.items():
                first = brought.setdefault(key, entry)
                if first.key_place != entry.key_place and key not in own:
                    self.duplicate(key, entry.key_place, first.key_place)
        return brought

    def count(self, nodes: int, depth: int, place: Place) -> None:
        self.nodes += nodes
        self.deepest = max(self.deepest, depth)
        if self.nodes > MAX_NODES:
            raise self.fatal(
                place, f"the file has more than {MAX_NODES} values, aliases counted as what they stand for"
            )
        if depth > MAX_DEPTH:
            raise self.fatal(place, f"values are nested more than {MAX_DEPTH} levels deep")

    def duplicate(self, key: str, place: Place, first: Place) -> None:
        self.problem(place, f"duplicate key {shown(key)}: it is already at {first}")

    def problem(self, place: Place, text: str) -> None:
        self.problems.append(Problem(place, text))

    def fatal(self, place: Place, text: str) -> InputError:
        return refusal([*self.problems, Problem(place, text)])

    def place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, 1, 1) if mark is None else Place(self.file, mark.line + 1, mark.column + 1)
