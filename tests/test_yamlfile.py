"""How environment files are read: text to values with places, and every way a file can be broken, explained."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from figures import Tried
from hypothesis import given
from hypothesis import strategies as st
from sweeps import sweep

from infragen.config.yamlfile import (
    MAX_BYTES,
    Mapping,
    Place,
    Scalar,
    Sequence,
    find,
    find_key,
    load,
    merge,
    plain,
    read,
)
from infragen.errors import InputError


def scalar(source: str) -> Scalar:
    node = load(f"key: {source}\n".encode(), "dev.yaml").entries["key"].node
    assert isinstance(node, Scalar)
    return node


def refused(data: bytes | str) -> str:
    with pytest.raises(InputError) as caught:
        load(data.encode() if isinstance(data, str) else data, "dev.yaml")
    assert caught.value.exit_code == 2
    return caught.value.message


YAML_1_1 = [
    "no",
    "No",
    "yes",
    "on",
    "off",
    "y",
    "n",
    "22:22",
    "1:2:3",
    "012345671234",
    "0o17",
    "0x1F",
    "1_000",
    "2026-01-31",
    "2026-01-31T10:00:00Z",
    ".inf",
    "-.inf",
    ".nan",
    "1e999",
    "=",
    "00",
    "-01",
    "01.5",
    "tRue",
    "nUll",
]


@pytest.mark.parametrize("source", [*YAML_1_1, "9" * 5000], ids=lambda source: str(source)[:20])
def test_what_yaml_1_1_would_convert_stays_text(source: str) -> None:
    """Y1, Y2: countries, times, dates, octal-looking and underscored numbers are the text that was written."""
    assert scalar(source).value == source
    assert scalar(source).text == source


CORE: dict[str, object] = {
    "true": True,
    "True": True,
    "false": False,
    "FALSE": False,
    "null": None,
    "~": None,
    "": None,
    "0": 0,
    "-7": -7,
    "+3": 3,
    "3000": 3000,
    "0.5": 0.5,
    "17.10": 17.1,
    "-.5": -0.5,
    "2e3": 2000.0,
}


@pytest.mark.parametrize("source", CORE)
def test_core_scalars_are_read_and_keep_their_text(source: str) -> None:
    """Booleans, null and decimal numbers have a value of that type, and the source text beside it."""
    found = scalar(source)
    assert found.value == CORE[source]
    assert type(found.value) is type(CORE[source])
    assert found.text == source


@pytest.mark.parametrize("word", ["true", "null", "12", "0.5", "", "~", "no"])
def test_quoted_scalars_are_text(word: str) -> None:
    """Quotes of either kind make any word a text, without the quotes."""
    assert scalar(f'"{word}"').value == word
    assert scalar(f"'{word}'").value == word


ACCOUNTS = st.one_of(st.from_regex(r"0[0-9]{11}", fullmatch=True), st.from_regex(r"[0-9]{12}", fullmatch=True))


@pytest.mark.long
@pytest.mark.promise("P17", "account ids: every digit survives")
@sweep(short=80, soak=10_000)
@given(
    digits=ACCOUNTS,
    quote=st.sampled_from("'\" "),
)
def test_account_ids_survive(tried: Tried, digits: str, quote: str) -> None:
    """P17, Y1: every 12-digit account id keeps its digits, leading zeros too, quoted or not."""
    tried()
    assert scalar(f"{quote}{digits}{quote}").text == digits


def test_every_value_and_key_knows_its_place() -> None:
    """Line and column count from 1; nested and flow values have their own."""
    root = load(b"a: 1\nb:\n  - x: [2, 'y']\n", "dev.yaml")
    assert find(root, ("a",)) == Place("dev.yaml", 1, 4)
    assert find(root, ("b", 0, "x", 1)) == Place("dev.yaml", 3, 12)
    assert find_key(root, ("b", 0, "x")) == Place("dev.yaml", 3, 5)
    assert str(find_key(root, ("b",))) == "dev.yaml:2:1"


def test_what_is_absent_is_found_at_its_nearest_ancestor() -> None:
    """A missing key is reported where it would belong."""
    root = load(b"api:\n  cpu: 512\n", "dev.yaml")
    assert find(root, ("api", "memory")) == Place("dev.yaml", 2, 3)
    assert find(root, ("queues", 3, "name")) == Place("dev.yaml", 1, 1)
    assert find_key(root, ("api", "memory")) == Place("dev.yaml", 1, 1)


def test_plain_gives_containers_with_scalar_leaves() -> None:
    """The shape of the file, ready for a validator that wants to see source texts."""
    body = plain(load(b"a: {b: [no, 017]}\n", "dev.yaml"))
    assert body == {
        "a": {"b": [Scalar("no", "no", Place("dev.yaml", 1, 9)), Scalar("017", "017", Place("dev.yaml", 1, 13))]}
    }


def test_merge_lays_one_file_over_another() -> None:
    """Maps merge, lists and scalars replace, and every value remembers its file."""
    below = load(b"tags: {Team: core, Cost: a}\nlist: [1, 2]\nkeep: x\n", "base.yaml")
    over = load(b"tags: {Cost: b, New: c}\nlist: [3]\n", "dev.yaml")
    merged = merge(below, over)
    assert list(merged.entries) == ["tags", "list", "keep"]
    texts = json.loads(json.dumps(plain(merged), default=lambda leaf: leaf.text))
    assert texts == {"tags": {"Team": "core", "Cost": "b", "New": "c"}, "list": ["3"], "keep": "x"}
    assert str(find(merged, ("tags", "Team"))) == "base.yaml:1:14"
    assert str(find(merged, ("tags", "Cost"))) == "dev.yaml:1:14"
    assert str(find_key(merged, ("tags",))) == "dev.yaml:1:1"


def test_merge_replaces_a_map_by_a_scalar_and_back() -> None:
    """Different kinds cannot merge, so the upper file wins."""
    assert merge(load(b"a: {b: 1}", "b"), load(b"a: null", "o")).entries["a"].node == Scalar(
        "null", None, Place("o", 1, 4)
    )
    assert isinstance(merge(load(b"a: 1", "b"), load(b"a: {b: 1}", "o")).entries["a"].node, Mapping)


def test_aliases_stand_for_the_value_they_name() -> None:
    """An alias is the anchored value, at the place where that is written."""
    root = load(b"a: &ports [80, 443]\nb: *ports\n", "dev.yaml")
    assert root.entries["b"].node == root.entries["a"].node
    assert isinstance(root.entries["b"].node, Sequence)


def test_merge_keys_bring_keys_that_own_keys_override() -> None:
    """`<<` with a map or a list of maps; what is written in the map itself wins."""
    root = load(b"x: &x {a: 1, b: 2}\ny: &y {c: 3}\nz:\n  b: 9\n  <<: [*x, *y]\n", "dev.yaml")
    node = root.entries["z"].node
    assert isinstance(node, Mapping)
    assert {key: entry.node.text for key, entry in node.entries.items() if isinstance(entry.node, Scalar)} == {
        "a": "1",
        "b": "9",
        "c": "3",
    }
    assert list(load(b'"<<": {a: 1}', "f").entries) == ["<<"]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted() -> None:
    """Y8: files from Windows editors are read as they are, with the places an editor shows."""
    root = load("\ufeffa: 1\r\nb: ü\r\n".encode(), "dev.yaml")
    assert find(root, ("b",)) == Place("dev.yaml", 2, 4)
    assert find_key(root, ("a",)) == Place("dev.yaml", 1, 1)


# What is in the file -> exactly what is said about it.
MALFORMED = {
    # Y3 duplicate keys
    "a: 1\nb: 2\na: 3\n": "dev.yaml:3:1: duplicate key a: it is already at dev.yaml:1:1",
    'a: {x: 1, "x": 2}\n': "dev.yaml:1:11: duplicate key x: it is already at dev.yaml:1:5",
    "a: &a {x: 1, x: 2}\nb: *a\nc: *a\n": "dev.yaml:1:14: duplicate key x: it is already at dev.yaml:1:8",
    "a: &a {x: 1}\nb: {<<: *a, <<: *a}": "dev.yaml:2:13: duplicate key <<: it is already at dev.yaml:2:5",
    "a: &a {x: 1}\nb: &b {x: 2}\nc: {<<: [*a, *b]}": "dev.yaml:2:8: duplicate key x: it is already at dev.yaml:1:8",
    # Y6 aliases
    "a: *x\n": "dev.yaml:1:4: *x refers to nothing: there is no &x above it",
    "a: &x {b: *x}": "dev.yaml:1:11: *x stands inside the value that it refers to",
    "a: &x {<<: *x}": "dev.yaml:1:12: *x stands inside the value that it refers to",
    "a: {<<: 1}": "dev.yaml:1:9: behind << only a map or a list of maps may stand",
    "a: {<<: [{b: 1}, c]}": "dev.yaml:1:18: behind << only a map or a list of maps may stand",
    # Y7 syntax
    "a:\n\tb: 1\n": "dev.yaml:2:1: a tab is used to indent; YAML allows only spaces here",
    "a: 1\n\tb: 2\n": "dev.yaml:2:1: a tab is used to indent; YAML allows only spaces here",
    "a: |\n\tb": "dev.yaml:2:1: a tab is used to indent; YAML allows only spaces here",
    "a: 'x\nb: 2\n": "dev.yaml:1:4: this quote is never closed",
    'a: "x\nb: 2\n': "dev.yaml:1:4: this quote is never closed",
    "a: 'x\n---\nb'\n": "dev.yaml:1:4: this quote is never closed",
    "a: 1\n  b: 2\n": "dev.yaml:2:4: a ':' is not expected here; indent the line as its neighbours are, "
    "or put a text with a ':' in quotes",
    "a: b: c\n": "dev.yaml:1:5: a ':' is not expected here; indent the line as its neighbours are, "
    "or put a text with a ':' in quotes",
    "a:\n  b: 1\n c: 2\n": "dev.yaml:3:2: this does not fit the lines above; check the indentation, "
    "and quotes or brackets that close too early",
    "a: 1\nb\n": "dev.yaml:2:1: a ':' with a space after it is missing on this line",
    "a: [1, 2\nb: 3\n": "dev.yaml:2:2: the list opened with [ on line 1 lacks a ',' or its ]",
    "a: {x: 1\nb: 3\n": "dev.yaml:2:2: the map opened with { on line 1 lacks a ',' or its }",
    "a: ]\n": "dev.yaml:1:4: a value is missing here; a text that begins with a comma or a bracket needs quotes",
    "a: @x\n": "dev.yaml:1:4: a text cannot begin with @; put it in quotes",
    "a: `x`\n": "dev.yaml:1:4: a text cannot begin with `; put it in quotes",
    "a: %x\n": "dev.yaml:1:4: a text cannot begin with %; put it in quotes",
    "%YAML 3.0\n---\na: 1": "dev.yaml:1:1: lines that begin with % are not allowed",
    'a: "C:\\q"\n': "dev.yaml:1:7: unknown escape: in double quotes a backslash begins one; use single quotes, "
    "or write \\\\ for a backslash",
    "a: &\n": "dev.yaml:1:5: a name must follow & and *; put a text that begins with & or * in quotes",
    "a: *\n": "dev.yaml:1:5: a name must follow & and *; put a text that begins with & or * in quotes",
    "a: |9x\n  b\n": "dev.yaml:1:6: behind | or > only +, - or a digit from 1 to 9 may stand; "
    "the text begins on the next line",
    "a:\n- b\nc\n- d": "dev.yaml:3:1: a ':' with a space after it is missing on this line",
    "- a\nb: 1\n": "dev.yaml:2:1: this does not belong to the list above; begin the line with '- ', "
    "or check its indentation",
    "a: - b\n": "dev.yaml:1:4: a list cannot begin behind a key; put every '- ' on a line of its own below the key",
    "a: ?\n": "dev.yaml:1:4: a '?' is not expected here; put the text in quotes",
    # Y9 documents
    "": "dev.yaml:1:1: the file is empty",
    "# nothing\n": "dev.yaml:1:1: the file is empty",
    "---\n...\n": "dev.yaml:1:1: the file is empty",
    "a: 1\n---\nb: 2\n": "dev.yaml:2:1: a second document begins here; a file holds one",
    "{a: 1} b\n": "dev.yaml:1:8: nothing may follow here; the content of the file ended above",
    "- a\n- b\n": "dev.yaml:1:1: the file must consist of keys and values (key: value); this is a list",
    "text\n": "dev.yaml:1:1: the file must consist of keys and values (key: value); this is a text",
    # tags and keys
    "a: !!python/object/apply:os.system [ls]": "dev.yaml:1:4: the tag !!python/object/apply:os.system is not allowed; "
    "write the value without it",
    "a: !!str 1": "dev.yaml:1:4: the tag !!str is not allowed; write the value without it",
    "a: !Ref Vpc": "dev.yaml:1:4: the tag !Ref is not allowed; write the value without it",
    "a: !e!x 1\n": "dev.yaml:1:4: tags (words that begin with !) are not allowed",
    "8080: web": 'dev.yaml:1:1: the key 8080 is not a text; write "8080"',
    "true: web": 'dev.yaml:1:1: the key true is not a text; write "true"',
    "~: web": 'dev.yaml:1:1: the key ~ is not a text; write "~"',
    "? \n: web": "dev.yaml:1:2: a key is missing here",
    "? [a, b]\n: 1": "dev.yaml:1:3: a key must be a text, not a list",
    "{a: 1}: 1": "dev.yaml:1:1: a key must be a text, not a map",
    'a: "\\0"': "dev.yaml:1:4: NUL (U+0000) is not allowed in a value",
    'a: "\\e[31m"': "dev.yaml:1:4: the control character U+001B is not allowed in a value",
}
MALFORMED_BYTES = {
    b"a: 1\nb: \xff\n": "dev.yaml:2:4: byte 8: 0xff is not UTF-8; save the file as UTF-8",
    b"\xef\xbb\xbfa: \xc3\xa4\xe4\n": "dev.yaml:1:5: byte 8: 0xe4 is not UTF-8; save the file as UTF-8",
    b"a: \x00": "dev.yaml:1:4: byte 3: NUL (U+0000) is not allowed in a YAML file",
    b"a: \xc3\xa4\x1b[31m": "dev.yaml:1:5: byte 5: the control character U+001B is not allowed in a YAML file",
    "a: 1\n".encode("utf-16"): "dev.yaml:1:1: byte 0: this is UTF-16; save the file as UTF-8",
    "a: 1\n".encode("utf-16-le"): "dev.yaml:1:2: byte 1: NUL (U+0000) is not allowed in a YAML file",
    b"\x00\x00\xfe\xff\x00\x00\x00a": "dev.yaml:1:1: byte 0: this is UTF-32; save the file as UTF-8",
    b"a: " + b"x" * MAX_BYTES: "dev.yaml:1:1: the file is larger than 1048576 bytes (1 MiB)",
}


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_text_is_explained_at_its_place(text: str) -> None:
    """Y3, Y6, Y7, Y9: one plain sentence with file, line and column, and none of the parser's own words."""
    assert refused(text) == MALFORMED[text]


@pytest.mark.parametrize("data", MALFORMED_BYTES)
def test_bytes_that_are_no_utf_8_text_are_named_with_their_offset(data: bytes) -> None:
    """Y6, Y8: wrong encodings, NUL, control characters and files that are too large."""
    assert refused(data) == MALFORMED_BYTES[data]


def test_all_problems_of_a_readable_file_are_reported_in_file_order() -> None:
    """Several mistakes give one line each; the parts that are sound are still handed out by `read`."""
    data = b"a: !x 1\nb: 2\nb: 3\n4: c\n"
    assert refused(data).splitlines() == [
        "dev.yaml:1:4: the tag !x is not allowed; write the value without it",
        "dev.yaml:3:1: duplicate key b: it is already at dev.yaml:2:1",
        'dev.yaml:4:1: the key 4 is not a text; write "4"',
    ]
    assert list(read(data, "dev.yaml")[0].entries) == ["a", "b"]


def test_a_flood_of_problems_is_cut() -> None:
    """Nobody reads ten thousand lines of the same mistake."""
    lines = refused("a: 1\n" * 1001).splitlines()
    assert lines[0] == "dev.yaml:2:1: duplicate key a: it is already at dev.yaml:1:1"
    assert lines[-1] == "… and 900 more"


def test_long_and_unprintable_words_are_cut_and_escaped() -> None:
    """A message stays one line, whatever the key contains."""
    assert refused('a: {"x\\ny": 1, "x\\ny": 2}') == "dev.yaml:1:16: duplicate key x\\ny: it is already at dev.yaml:1:5"
    assert "x" * 60 + "…:" in refused(f"{'x' * 99}: 1\n{'x' * 99}: 2\n")


@pytest.mark.parametrize(("levels", "accepted"), [(50, True), (51, False)])
def test_depth_is_limited(levels: int, accepted: bool) -> None:
    """Y6: fifty levels are enough for anybody, whether written out or reached through aliases."""
    written = "a: " + "[" * (levels - 2) + "x" + "]" * (levels - 2)
    half = levels // 2
    by_alias = f"x: &x {'[' * half}y{']' * half}\na: {'[' * (levels - half - 2)}*x{']' * (levels - half - 2)}\n"
    for text in (written, by_alias):
        if accepted:
            assert isinstance(load(text.encode(), "dev.yaml"), Mapping)
        else:
            assert refused(text).endswith("values are nested more than 50 levels deep")


@pytest.mark.long
@pytest.mark.parametrize(("items", "accepted"), [(49_997, True), (49_998, False)])
def test_the_number_of_values_is_limited(items: int, accepted: bool) -> None:
    """Y6: 50,000 values with keys; the mapping, its key and the list are three of them."""
    text = "a: [" + "1," * items + "]"
    if accepted:
        assert load(text.encode(), "dev.yaml")
    else:
        assert "more than 50000 values" in refused(text)


@pytest.mark.parametrize(("copies", "accepted"), [(82, True), (83, False)])
def test_aliases_count_as_what_they_stand_for(copies: int, accepted: bool) -> None:
    """Y6: 82 copies of a list of 601 values fit into 50,000 together with the list itself, 83 do not."""
    text = "a: &a [" + "1," * 600 + "]\nb: [" + "*a," * copies + "]\n"
    if accepted:
        assert load(text.encode(), "dev.yaml")
    else:
        assert "more than 50000 values, aliases counted" in refused(text)


@pytest.mark.parametrize(("keys", "accepted"), [(100, True), (101, False)])
def test_merge_keys_are_limited(keys: int, accepted: bool) -> None:
    """Y6: `<<` may bring a hundred keys."""
    text = "a: &a {" + ",".join(f"k{n}: 1" for n in range(keys)) + "}\nb:\n  <<: *a\n"
    if accepted:
        assert load(text.encode(), "dev.yaml")
    else:
        assert refused(text) == "dev.yaml:1:4: << may bring at most 100 keys"


BOMBS = """
levels = [f"k{n}: &k{n} {{<<: [{','.join(f'*k{n-1}' for _ in range(9))}]}}" for n in range(1, 40)]
aliases = [f"k{n}: &k{n} [{','.join(f'*k{n-1}' for _ in range(9))}]" for n in range(1, 40)]
bombs = {
    "merge": "\\n".join(["k0: &k0 {a: 1}", *levels]),
    "alias": "\\n".join(["k0: &k0 [lol]", *aliases]),
    "brackets": "[" * 1_000_000,
    "braces": "{" * 1_000_000,
    "dashes": "- " * 500_000,
    "question marks": "? " * 500_000,
    "items": "a:\\n" + "- b\\n" * 200_000,
    "duplicates": "a: 1\\n" * 20_000,
    "anchors": "a: " + "".join(f"[&a{n} " for n in range(60)),
    "quote": "a: '" + "x " * 500_000,
}
"""


@pytest.mark.long
def test_bombs_are_refused_cheaply() -> None:
    """Y6: every bomb ends in a plain refusal with little CPU time and below 100 MB, in a process limited to that."""
    code = rf"""
import re, resource
from pathlib import Path
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from infragen.errors import InputError
from infragen.config.yamlfile import load
{BOMBS}
for name, text in bombs.items():
    try:
        load(text.encode(), "dev.yaml")
    except InputError as error:
        print(name, "|", error.message.splitlines()[0])
status = Path("/proc/self/status")  # ru_maxrss would begin with the peak of the process that forked
print("peak", re.search(r"VmHWM:\s+([0-9]+)", status.read_text())[1] if status.exists() else 0)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    *refusals, peak = result.stdout.splitlines()
    names = [line.split(" | ")[0] for line in refusals]
    assert names == re.findall(r'^    "([a-z ]+)":', BOMBS, re.MULTILINE)
    assert all(re.match(r"[a-z ]+ \| dev\.yaml:\d+:\d+: ", line) for line in refusals)
    assert int(peak.split()[1]) < 100 * 1024


@pytest.mark.long
def test_without_libyaml_the_same_files_are_read_and_refused() -> None:
    """PyYAML's parser in Python stands in where its C extension is not built."""
    code = """
import json, sys
sys.modules["yaml._yaml"] = None
from infragen.errors import InputError
from infragen.config.yamlfile import load
print(load(b"a: [012, no]", "f").entries["a"].node.items[0].text)
for text in json.loads(sys.stdin.read()):
    try:
        load(text.encode(), "dev.yaml")
    except InputError as error:
        print(json.dumps(error.message))
"""
    texts = [*MALFORMED, 'a: "\\ud800"', 'a: "\\U00110000"']
    result = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=120
    )
    first, *messages = result.stdout.splitlines()
    assert first == "012"
    assert len(messages) == len(texts)
    assert all(re.match(r"dev\.yaml:\d+:\d+: [^\n]+$", json.loads(message)) for message in messages)
    same = sum(json.loads(message) == expected for message, expected in zip(messages, MALFORMED.values(), strict=False))
    assert same > 0.9 * len(MALFORMED)


PIECES = [
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "---\n",
    "...\n",
    "\\x",
    "1.5",
    "\x85",
    "\u2028",
]


@pytest.mark.promise("P13", "files of random bytes: read, or refused with a place")
@sweep(short=80, soak=10_000)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([*PIECES, *"ab[]{},'\"#|>%@?~0é\0\ufeff"]), max_size=40).map(
            lambda p: "".join(p).encode()
        ),
    )
)
def test_any_bytes_are_a_mapping_or_an_input_error(tried: Tried, data: bytes) -> None:
    """P13: whatever the file contains, it is read or refused with a place, never anything else."""
    tried()
    message = ""
    try:
        assert isinstance(load(data, "dev.yaml"), Mapping)
    except InputError as error:
        message = error.message
    assert all(re.match(r"dev\.yaml:\d+:\d+: .", line) for line in message.splitlines())


ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "tests" / "data" / "environments"


def read_by_1_1(value: object) -> object:
    """What PyYAML made of a file, dates as they are written."""
    if isinstance(value, dict):
        return {str(key): read_by_1_1(each) for key, each in value.items()}
    return [read_by_1_1(each) for each in value] if isinstance(value, list) else value


def read_by_1_2(value: object) -> object:
    """What this reader made of it."""
    if isinstance(value, dict):
        return {key: read_by_1_2(each) for key, each in value.items()}
    if isinstance(value, list):
        return [read_by_1_2(each) for each in value]
    return value.value if isinstance(value, Scalar) else value


EXAMPLES = {
    **{path.name: path.read_text() for path in sorted(ENVIRONMENTS.glob("*.yaml"))},
    **{
        f"{page.name}-{number}": block
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
    },
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_our_examples_say_the_same_in_yaml_1_1_and_1_2(name: str) -> None:
    """PyYAML, yamllint and pre-commit read YAML 1.1, editors and infragen 1.2: no example depends on which."""
    first = yaml.safe_load(EXAMPLES[name])
    if not isinstance(first, dict) or "jobs" in first:
        return  # a workflow, which GitHub reads
    second = plain(load(EXAMPLES[name].encode(), name))
    assert read_by_1_1(first) == read_by_1_2(second)
