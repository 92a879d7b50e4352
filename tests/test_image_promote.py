"""`infragen image promote`: the same digest in another account, by ECR's API alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakeaws import FakeAws
from fakeaws.ecr import Pushed

from infragen.cli import main

STAGING, PROD = "222222222222", "333333333333"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
Promote = Callable[..., Result]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def push(pushed: Pushed, *layers: bytes) -> str:
    """An image with these layers in a registry; its digest."""
    config = json.dumps({"layers": [digest(each) for each in layers]}).encode()
    for each in (config, *layers):
        pushed.layers[digest(each)] = each
    blobs = [{"digest": digest(each), "size": len(each)} for each in (config, *layers)]
    # written with spaces: the manifest has to arrive byte for byte
    text = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": blobs[0], "layers": blobs[1:]}, indent=3)
    pushed.manifests[digest(text.encode())] = text
    return digest(text.encode())


def push_index(pushed: Pushed, *images: str) -> str:
    rows = [{"mediaType": MANIFEST, "digest": each} for each in images]
    text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows})
    pushed.manifests[digest(text.encode())] = text
    return digest(text.encode())


@pytest.fixture
def promote(aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Promote:
    """Runs the command with the credentials of both accounts, between the registries that `registries` gives."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "environments").mkdir()
    alarms = {"staging": "", "prod": "alarms:\n  emails: [a@example.com]\n"}
    for name, account in (("staging", STAGING), ("prod", PROD)):
        text = f'project: shop\nenvironment: {name}\nregion: eu-central-1\naccount: "{account}"\n'
        (tmp_path / "environments" / f"{name}.yaml").write_text(text + alarms[name])
    for prefix, account in (("SOURCE_", STAGING), ("", PROD)):
        monkeypatch.setenv(f"{prefix}AWS_ACCESS_KEY_ID", account)
        monkeypatch.setenv(f"{prefix}AWS_SECRET_ACCESS_KEY", "example")

    def run(tag: str = "v1", code: int = 0) -> Result:
        arguments = ["image", "promote", "--from", "staging", "--to", "prod", "--image-tag", tag]
        result = CliRunner().invoke(main, [*arguments, "--endpoint-url", aws.url])
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def registries(aws: FakeAws) -> tuple[Pushed, Pushed]:
    """The repositories of staging and prod, both made by their stacks."""
    found = (Pushed(), Pushed())
    aws.cloud.registry = {(STAGING, "shop-staging-api"): found[0], (PROD, "shop-prod-api"): found[1]}
    return found


def calls(aws: FakeAws, operation: str) -> list[Any]:
    return [call for call in aws.calls if call.operation == operation]


def test_an_image_arrives_byte_for_byte_with_its_layers(promote: Promote, registries: tuple[Pushed, Pushed]) -> None:
    source, target = registries
    source.tags["v1"] = push(source, b"a layer of more than ten bytes", b"small")
    assert source.tags["v1"] in promote().output
    assert target.tags == source.tags
    assert target.manifests == source.manifests
    assert target.layers == source.layers


def test_layers_that_are_there_are_not_copied_again(
    promote: Promote, registries: tuple[Pushed, Pushed], aws: FakeAws
) -> None:
    source, target = registries
    source.tags["v1"] = push(source, b"a base image of some size", b"one")
    promote("v1")
    aws.calls.clear()
    source.tags["v2"] = push(source, b"a base image of some size", b"two")
    assert "2 layers copied, 1 there already" in promote("v2").output
    assert len(calls(aws, "InitiateLayerUpload")) == 2
    assert target.tags == source.tags


def test_an_image_for_several_platforms_is_copied_whole(promote: Promote, registries: tuple[Pushed, Pushed]) -> None:
    source, target = registries
    inner = push_index(source, push(source, b"attestation"))
    source.tags["v1"] = push_index(source, push(source, b"for arm"), push(source, b"for intel"), inner)
    promote()
    assert target.manifests == source.manifests
    assert target.tags == source.tags


def test_a_second_promotion_changes_nothing(promote: Promote, registries: tuple[Pushed, Pushed], aws: FakeAws) -> None:
    source, _ = registries
    source.tags["v1"] = push(source, b"layer")
    promote()
    aws.calls.clear()
    assert "there already" in promote().output
    assert not calls(aws, "PutImage")


def test_an_image_that_does_not_exist_ends_in_2(promote: Promote, registries: tuple[Pushed, Pushed]) -> None:
    assert "there is no image shop-staging-api:v1" in promote(code=2).output
    source, target = registries
    source.tags["v1"] = push_index(source, "sha256:" + "0" * 64)
    assert "which its index lists" in promote(code=2).output
    assert not target.tags


def test_a_tag_with_another_image_ends_in_5_and_keeps_it(promote: Promote, registries: tuple[Pushed, Pushed]) -> None:
    source, target = registries
    source.tags["v1"], target.tags["v1"] = push(source, b"new"), push(target, b"old")
    before = dict(target.tags)
    assert "is another image" in promote(code=5).output
    assert target.tags == before


def test_credentials_of_another_account_are_refused_before_anything_is_read(
    promote: Promote, registries: tuple[Pushed, Pushed], aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_AWS_ACCESS_KEY_ID", PROD)
    assert f"staging belongs to account {STAGING}" in promote(code=3).output
    assert not calls(aws, "BatchGetImage")
    monkeypatch.delenv("SOURCE_AWS_SECRET_ACCESS_KEY")
    assert "only one of SOURCE_AWS_ACCESS_KEY_ID" in promote(code=2).output


def test_a_layer_that_arrives_damaged_is_never_tagged(promote: Promote, registries: tuple[Pushed, Pushed]) -> None:
    source, target = registries
    source.tags["v1"] = push(source, b"layer")
    source.layers[digest(b"layer")] = b"LAYER"
    promote(code=4)
    assert not target.tags
