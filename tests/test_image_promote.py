"""`infragen image promote`: the same digest in another account, by ECR's API alone."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from commands import CommandLine
from emulator import REGION, fresh_account, make_client
from fakeaws import FakeAws
from fakeaws.ecr import Pushed

from infragen.aws.account import Account
from infragen.aws.session import Clients
from infragen.cli import main
from infragen.machine.emulator import Emulator, put_image

STAGING, PROD = "222222222222", "333333333333"
CERTIFICATE = "arn:aws:acm:eu-central-1:{}:certificate/1"
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.fixture
def shops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> tuple[str, str]:
    """Two accounts of the emulator, with a repository and an environment each; the credentials of both."""
    accounts = (fresh_account(), fresh_account())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "environments").mkdir()
    for name, account in zip(("staging", "live"), accounts, strict=True):
        make_client(emulator, "ecr", account).create_repository(
            repositoryName=f"shop-{name}-api", imageTagMutability="IMMUTABLE"
        )
        text = f'project: shop\nenvironment: {name}\nregion: {REGION}\naccount: "{account}"\n'
        (tmp_path / "environments" / f"{name}.yaml").write_text(text)
    for prefix, account in zip(("SOURCE_", ""), accounts, strict=True):
        monkeypatch.setenv(f"{prefix}AWS_ACCESS_KEY_ID", account)
        monkeypatch.setenv(f"{prefix}AWS_SECRET_ACCESS_KEY", emulator.secret)
    return accounts


def pushed_layer(ecr: Any, repository: str, data: bytes) -> dict[str, Any]:
    """A layer that is uploaded as a container engine does."""
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data
    )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest(data)])
    return {"digest": digest(data), "size": len(data), "mediaType": "application/vnd.oci.image.layer.v1.tar"}


@pytest.mark.long
def test_an_image_goes_from_one_account_of_the_emulator_to_another(
    shops: tuple[str, str], emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pushed one and, with --local, a directory of `image put`: the digest is equal, a second time nothing is to do,
    and a tag that is not there ends in 2 with what to type.
    """
    (tmp_path / "local").symlink_to(emulator.state_dir)
    monkeypatch.setenv("INFRAGEN_STATE_DIR", str(tmp_path))
    source, target = (make_client(emulator, "ecr", each) for each in shops)
    layers = [pushed_layer(source, "shop-staging-api", each) for each in (b'{"os": "linux"}', b"a layer of some bytes")]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": layers[0], "layers": layers[1:]})
    source.put_image(
        repositoryName="shop-staging-api", imageManifest=manifest, imageManifestMediaType=MANIFEST, imageTag="pushed"
    )
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.cjs").write_text("console.log('hello')")
    put_image(emulator, (shops[0], REGION, "shop-staging-api"), "put", tmp_path / "app", ["node", "main.cjs"])

    def promote(tag: str, code: int = 0, local: bool = False, to: str = "live") -> str:
        words = ["image", "promote", "--from", "staging", "--to", to, "--image-tag", tag]
        result = CliRunner().invoke(
            main, [*words, *(["--local"] if local else ["--endpoint-url", emulator.endpoint_url])]
        )
        assert result.exit_code == code, result.output
        return str(result.output)

    def found(ecr: Any, repository: str, tag: str) -> str:
        [image] = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
        return str(image["imageDigest"])

    for tag in ("pushed", "put"):
        said = promote(tag, local=tag == "put")
        assert found(target, "shop-live-api", tag) == found(source, "shop-staging-api", tag)
        assert f"shop-live-api:{tag}  {found(source, 'shop-staging-api', tag)}  (" in said
        assert "there already" not in said.partition("copied")[0]
        assert "(there already)" in promote(tag, local=tag == "put")
    keys = (shops[0], emulator.secret)
    reader = Account(Clients(REGION, endpoint_url=emulator.endpoint_url, keys=keys), shops[0])
    for tag in ("pushed", "put"):  # neither says an architecture: one that is not known, and no wrong one
        image = reader.image("shop-staging-api", tag)
        assert image is not None
        assert (image.platforms, image.unusable) == ((), "")
    got = target.batch_get_image(repositoryName="shop-live-api", imageIds=[{"imageTag": "pushed"}])["images"]
    assert got[0]["imageManifest"] == manifest
    live = (tmp_path / "environments/live.yaml").read_text()
    (tmp_path / "environments/next.yaml").write_text(live.replace("environment: live", "environment: next"))
    said = " ".join(promote("put", code=2, local=True, to="next").split())
    assert "there is no repository shop-next-api" in said
    assert "`infragen deploy --env next --local` makes it" in said
    said = " ".join(promote("nowhere", code=2, local=True).split())
    assert "`infragen image put . --env staging --local --image-tag nowhere` registers" in said
    assert (
        "cannot be combined with"
        in CliRunner()
        .invoke(main, ["image", "promote", "--from", "a", "--to", "b", "--image-tag", "c", "--local", "--profile", "x"])
        .output
    )
    said = promote("nowhere", code=2)
    assert "there is no image shop-staging-api:nowhere in staging" in said
    assert "`aws ecr list-images --repository-name shop-staging-api" in said


@pytest.mark.long
def test_images_and_the_emulator_are_told_as_json(
    shops: tuple[str, str], emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document each, which `CommandLine` validates; put and copied a second time nothing is new."""
    (tmp_path / "local").symlink_to(emulator.state_dir)
    monkeypatch.setenv("INFRAGEN_STATE_DIR", str(tmp_path))
    with (tmp_path / "environments/staging.yaml").open("a") as file:
        file.write("topology: independent\nnetwork: {}\napi: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, ")
        file.write(f'https: {{mode: certificate, certificate_arn: "{CERTIFICATE.format(shops[0])}"}}}}\n')
    uri = f"{shops[0]}.dkr.ecr.{REGION}.amazonaws.com/shop-staging-api"
    stack = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"RepositoryUri": {"Value": uri}}}
    tags = {"project": "shop", "environment": "staging", "layer": "api"}
    make_client(emulator, "cloudformation", shops[0]).create_stack(
        StackName="shop-staging-api",
        TemplateBody=json.dumps(stack),
        Tags=[{"Key": f"infragen:{key}", "Value": value} for key, value in tags.items()],
    )
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.cjs").write_text("console.log('hello')")

    def told(*words: str) -> dict[str, Any]:
        result = CommandLine().invoke(main, [*words, "--format", "json"])
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    put = ("image", "put", "app", "--env", "staging", "--command", "node main.cjs", "--image-tag", "v1")
    first, again = told(*put, "--local"), told(*put, "--local")
    assert (first["image"], first["tag"], first["new"], first["command"]) == (f"{uri}:v1", "v1", True, None)
    assert again == {**first, "new": False}
    copy = ("image", "promote", "--from", "staging", "--to", "live", "--image-tag", "v1", "--local")
    assert (told(*copy)["digest"], told(*copy)["new"]) == (first["digest"], False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", shops[0])
    built = told(*put, "--endpoint-url", emulator.endpoint_url)
    assert (built["digest"], built["new"]) == (None, False)
    assert built["command"].startswith("docker buildx build ")
    running = told("local", "status")
    assert (running["running"], running["endpoint_url"]) == (True, emulator.endpoint_url)
    assert told("local", "start") == running
    monkeypatch.setenv("INFRAGEN_STATE_DIR", str(tmp_path / "elsewhere"))
    assert told("local", "status")["running"] is False


def test_the_emulator_keeps_layers_as_ecr_does(emulator: Emulator, account: str) -> None:
    """A damaged or empty one is refused; the address of a download is the emulator's, and no other token opens it."""
    ecr = make_client(emulator, "ecr", account)
    ecr.create_repository(repositoryName="shop")
    layer = pushed_layer(ecr, "shop", b"0123456789")

    def refused(code: str, **more: Any) -> bool:
        with pytest.raises(ecr.exceptions.ClientError) as said:
            ecr.complete_layer_upload(repositoryName="shop", **more)
        return bool(said.value.response["Error"]["Code"] == code)

    def begun(data: bytes) -> dict[str, Any]:
        upload = ecr.initiate_layer_upload(repositoryName="shop")["uploadId"]
        if data:
            ecr.upload_layer_part(
                repositoryName="shop", uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data
            )
        return {"uploadId": upload}

    assert refused("InvalidLayerException", **begun(b"other"), layerDigests=[digest(b"else")])
    assert refused("EmptyUploadException", **begun(b""), layerDigests=[digest(b"")])
    assert refused("LayerAlreadyExistsException", **begun(b"0123456789"), layerDigests=[layer["digest"]])
    assert refused("UploadNotFoundException", uploadId="x" * 36, layerDigests=[digest(b"else")])
    url = ecr.get_download_url_for_layer(repositoryName="shop", layerDigest=layer["digest"])["downloadUrl"]
    assert url.startswith(f"{emulator.endpoint_url}/")
    part = urllib.request.Request(url, headers={"Range": "bytes=2-4"})  # noqa: S310 # on this machine
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(part, timeout=20) as answer:
        assert (answer.status, answer.read()) == (206, b"234")
    for wrong in (f"{url[:-1]}{'0' if url[-1] != '0' else '1'}", f"{url}/"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            opener.open(wrong, timeout=20)
    with pytest.raises(ecr.exceptions.LayersNotFoundException):
        ecr.get_download_url_for_layer(repositoryName="shop", layerDigest=digest(b"else"))
