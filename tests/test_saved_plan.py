"""The file of a saved plan: read back as it was written, or refused with one clear error."""

import json
import os
import stat
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_edits import edits, refused
from special_files import KINDS, special
from sweeps import figure, sweep

from infragen.cli.planfile import read, staged
from infragen.errors import Conflict, InfragenError, InputError, Unwritable
from infragen.plan.model import PlannedRelease
from infragen.plan.saved import LAST, MAX_BYTES, Later, SavedPlan, SavedUnit, content_digest, digest, dump, parse
from infragen.plan.seal import public_part, sign

texts = st.text(max_size=8)
maps = st.dictionaries(texts, texts, max_size=2)
later = st.builds(Later, texts, texts, texts, st.booleans())
units = st.builds(
    SavedUnit,
    texts,
    texts,
    texts,
    texts,
    texts,
    maps,
    texts,
    texts,
    maps,
    st.lists(later, max_size=2).map(tuple),
    st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=2),
)
releases = st.builds(
    PlannedRelease, st.lists(texts, max_size=2).map(tuple), texts, texts, st.integers(), st.integers(), st.integers(),
    texts,
)  # fmt: skip
times = st.integers(0, LAST)
plans = st.builds(
    SavedPlan, texts, texts, texts, texts, times, times, texts, maps, maps,
    st.lists(texts, max_size=2).map(tuple), texts, st.booleans(), st.booleans(), texts,
    st.lists(texts, max_size=2).map(tuple), st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    st.lists(units, max_size=2).map(tuple), release=st.none() | releases,
)  # fmt: skip
ONE = SavedPlan(
    "0.1.0", "dev", "111111111111", "us-east-1", 1, 2, "f", {"queue": "x"}, {}, (), "", False, True, "1 change", (), (),
    (SavedUnit("queue", "q", "update", "arn:q", "t", {}, "arn:set", "d", {"A": "b"}, (Later("A", "b", "c", True),),
               {"a/B": ("Add", "")}),),
    release=PlannedRelease(("node", "a.ts"), "v1", "sha256:0", 900, 256, 512, "api"),
)  # fmt: skip
SECRET = bytes(32)


def signed(plan: SavedPlan) -> SavedPlan:
    """The plan as its own run would have signed it."""
    return replace(plan, seal=sign(SECRET, content_digest(plan)), sealed_for=public_part(SECRET))


ONE = signed(ONE)


@pytest.mark.long
@given(plans)
@sweep(short=50, soak=2000)
def test_a_plan_is_read_as_it_was_written(plan: SavedPlan) -> None:
    """Whatever texts are in it."""
    assert parse(dump(signed(plan)).encode(), "x.plan") == signed(plan)


@given(st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b"1e999", b'"x"', b"[" * 100_000]))
@sweep(short=100, soak=5000)
def test_anything_else_is_no_saved_plan(data: bytes) -> None:
    """One error, which ends in 2."""
    with pytest.raises(InputError, match=r"x\.plan: not a plan that infragen saved") as caught:
        parse(data, "x.plan")
    assert caught.value.hint == "create a new one with `infragen plan --out FILE`"


def changed(**over: Any) -> bytes:
    """The file with other values and, as an attacker would do it, with a checksum that fits."""
    body = {**json.loads(dump(ONE)), **over}
    body.pop("checksum")
    return json.dumps({**body, "checksum": digest(body)}).encode()


WRONG: tuple[Any, ...] = (None, 7.5, [[7]], {"x": []}, [{"layer": "x"}])


@pytest.mark.parametrize(
    "over",
    [{key: value} for key in json.loads(dump(ONE)) if key not in ("format", "version", "checksum")
     for value in WRONG if (key, value) != ("release", None)],
    ids=str,
)  # fmt: skip
def test_a_field_of_the_wrong_kind_is_an_input_error(over: dict[str, Any]) -> None:
    """Never a traceback, also when the checksum fits."""
    with pytest.raises(InputError, match="not a plan that infragen saved"):
        parse(changed(**over), "x.plan")


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a key that no plan has": lambda body: body.update(note="x"),
    "a key that no stack of a plan has": lambda body: body["units"][0].update(note="x"),
    "a launch parameter that no layer takes": lambda body: body["values"].update(Nobody="x"),
    "the image tag": lambda body: body["values"].update(ImageTag="v2"),
    "when it expires": lambda body: body.update(expires=9_999_999_999),
    "what may be lost": lambda body: body.update(allow_replace=["database/Cluster"]),
    "the worst interruption": lambda body: body.update(max_interruption="outage"),
    "what is let through": lambda body: body.update(wider=[["worker/Role", "anything"]]),
    "no stacks": lambda body: body.update(units=[]),
    "the order of stacks": lambda body: body["units"].append(body["units"][0]),
    "the release command": lambda body: body["release"].update(command=["sh", "-c", "true"]),
    "no release command": lambda body: body.update(release=None),
    "the account": lambda body: body.update(account="222222222222"),
    "the Region": lambda body: body.update(region="eu-west-1"),
    "the environment": lambda body: body.update(environment="prod"),
    "a template": lambda body: body["templates"].update(queue="0" * 64),
    "the commit": lambda body: body.update(commit="0" * 40, clean=True),
    "the adoption of stacks": lambda body: body.update(adopt=True),
    "the rows of a stack that waits": lambda body: body["units"][0].update(rows={}),
    "the seal": lambda body: body.update(seal=body["seal"][::-1]),
    "no seal": lambda body: body.update(seal=[], sealed_for=""),
    "another public part": lambda body: body.update(sealed_for="0" * 64),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_a_file_that_was_edited_is_stale_although_its_checksum_fits(edit: str) -> None:
    """Whatever it is, and before AWS is asked: 5."""
    body = json.loads(dump(ONE))
    EDITS[edit](body)
    body.pop("checksum")
    with pytest.raises(Conflict, match="the file was changed after it was saved") as caught:
        parse(json.dumps({**body, "checksum": digest(body)}).encode(), "x.plan")
    assert caught.value.exit_code == 5


@pytest.mark.long
def test_a_plan_that_was_edited_in_any_member_is_refused_although_its_checksum_fits() -> None:
    """Each member of each object and list: another value, another kind, more, less, none, the other way round."""
    whole = json.loads(dump(ONE))
    del whole["checksum"]
    found = [*edits(whole)]
    assert len(found) > 300
    for what, body in found:
        data = json.dumps({**body, "checksum": digest(body)}).encode()
        assert refused(parse, data, "x.plan") in (2, 5), what


def test_a_member_that_is_there_twice_is_refused() -> None:
    """Readers of JSON take the first or the last one: what was reviewed would be another than what is deployed."""
    for member in ('"expires": 9,', '"seal": [],', '"checksum": "",'):
        with pytest.raises(InputError, match=r"x\.plan: not a plan that infragen saved \(a member is in it twice\)"):
            parse(dump(ONE).replace("{", f"{{{member}", 1).encode(), "x.plan")


def test_every_field_of_a_plan_is_under_the_seal() -> None:
    """A field that is added to a plan is signed without being listed anywhere."""
    for each in fields(SavedPlan):
        other: dict[str, Any] = {each.name: "something else"}
        if each.name not in ("seal", "sealed_for"):
            assert content_digest(replace(ONE, **other)) != content_digest(ONE), each.name


def test_each_reason_has_its_own_sentence(tmp_path: Path) -> None:
    """Another version, a byte that was changed, a file that is too large or not there."""
    with pytest.raises(InputError, match="a saved plan of version 5; this infragen reads 4"):
        parse(changed(version=5), "x.plan")
    with pytest.raises(InputError, match="changed or damaged: its checksum does not fit"):
        parse(dump(ONE).replace("111111111111", "111111111112").encode(), "x.plan")
    with pytest.raises(InputError, match="larger than any saved plan"):
        parse(b" " * (MAX_BYTES + 1), "x.plan")
    with pytest.raises(InputError, match="cannot be read: no such file"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be read: it is a directory"):
        read(tmp_path)


@pytest.mark.long
def test_every_byte_of_the_file_is_under_the_checksum() -> None:
    """A digit or letter that is another one is found, wherever it is."""
    text = dump(ONE)
    for at in range(0, len(text), figure(short=11, soak=1)):
        if (character := text[at]).isalnum():
            other = text[:at] + ("1" if character != "1" else "2") + text[at + 1 :]
            with pytest.raises(InputError):
                parse(other.encode(), "x.plan")


def test_it_is_written_in_one_step_and_for_nobody_else(tmp_path: Path) -> None:
    """Mode 0600; what was there stays until the new one is whole, and nothing else is left."""
    path = tmp_path / "x.plan"
    path.write_text("old")
    path.chmod(0o644)
    with staged(path) as write:
        assert path.read_text() == "old"
        write(ONE)
    assert read(path) == ONE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ZeroDivisionError), staged(path) as write:
        raise ZeroDivisionError
    assert read(path) == ONE
    assert os.listdir(tmp_path) == ["x.plan"]  # noqa: PTH208 # hidden files count, too


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_no_regular_file_is_refused_and_stays(tmp_path: Path, kind: str) -> None:
    """2, before anything is planned: a rename would replace it, and a write reach what it stands for."""
    (tmp_path / "other").write_text("theirs")
    special(tmp_path / "x.plan", kind, tmp_path / "other")
    before = (tmp_path / "x.plan").lstat()
    with pytest.raises(InputError, match="writes regular files only") as caught, staged(tmp_path / "x.plan"):
        raise AssertionError("begun")
    assert caught.value.exit_code == 2
    assert (tmp_path / "x.plan").lstat() == before
    assert (tmp_path / "other").read_text() == "theirs"


def test_what_is_created_meanwhile_is_refused_too(tmp_path: Path) -> None:
    """Planning takes minutes; the name is looked at again before it is given to the new file."""
    with staged(tmp_path / "x.plan") as write:
        special(tmp_path / "x.plan", "fifo", tmp_path)
        with pytest.raises(InputError, match="is a FIFO"):
            write(ONE)
    assert os.listdir(tmp_path) == ["x.plan"]  # noqa: PTH208 # hidden files count, too


@pytest.mark.parametrize("where", ["missing/x.plan", "/proc/x.plan"])
def test_a_file_that_cannot_be_written_is_known_before_anything_is_planned(tmp_path: Path, where: str) -> None:
    """4: the surroundings."""
    with pytest.raises(Unwritable, match="the saved plan cannot be written") as caught, staged(tmp_path / where):
        raise AssertionError("begun")
    assert isinstance(caught.value, InfragenError)
    assert caught.value.exit_code == 4
