"""ECR: layers that are uploaded and downloaded by its API, as `infragen image promote` does.

MiniStack takes no part of a layer, knows none afterwards, and gives an address of amazonaws.com for a download. Here
parts are kept until the layer is complete, its digest is compared, and the address is the emulator's own with an
unguessable token, as AWS's is signed; it is valid for an hour (InitiateLayerUpload, UploadLayerPart,
CompleteLayerUpload, BatchCheckLayerAvailability, GetDownloadUrlForLayer; Amazon ECR API Reference, read 2026-11-29).

The layer of an image that is a directory (`infragen_local.images`) has no bytes: its files are kept once for all
repositories, so that an upload of nothing is taken for it.
"""

import base64
import hashlib
import os
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import ecr

PATH = "/_infragen/layer/"
VALID_SECONDS = 3600.0
_TOKEN = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]+)")

_addresses: dict[str, tuple[float, bytes]] = {}


@dataclass
class _Upload:
    place: tuple[str, str, str]
    parts: bytearray = field(default_factory=bytearray)


_uploads: dict[str, _Upload] = {}


def apply() -> None:
    """Keep layers, and hand them out."""
    own_initiate = ecr._initiate_layer_upload

    def initiate(request: dict[str, Any]) -> Any:
        status, headers, body = own_initiate(request)
        if status == 200:
            begun = secrets.token_hex(16)
            _uploads[begun] = _Upload(_place(request))
            return json_response({"uploadId": begun, "partSize": 10_485_760})
        return status, headers, body

    ecr._initiate_layer_upload = initiate
    ecr._upload_layer_part = _upload
    ecr._complete_layer_upload = _complete
    ecr._batch_check_layer_availability = _availability
    ecr._get_download_url_for_layer = _address


def _place(request: dict[str, Any]) -> tuple[str, str, str]:
    return get_account_id(), get_region(), str(request.get("repositoryName", ""))


def _found(request: dict[str, Any]) -> _Upload | None:
    upload = _uploads.get(str(request.get("uploadId")))
    return upload if upload is not None and upload.place == _place(request) else None


def _unknown(request: dict[str, Any]) -> Any:
    return error_response_json("UploadNotFoundException", f"The upload {request.get('uploadId')} does not exist", 400)


def _upload(request: dict[str, Any]) -> Any:
    upload = _found(request)
    if upload is None:
        return _unknown(request)
    part = base64.b64decode(request.get("layerPartBlob") or "")
    first, last = int(request.get("partFirstByte", -1)), int(request.get("partLastByte", -1))
    if first != len(upload.parts) or last - first + 1 != len(part):
        return error_response_json("InvalidLayerPartException", "The part is not the next of its layer", 400)
    upload.parts += part
    return json_response({"uploadId": request["uploadId"], "lastByteReceived": last})


def _complete(request: dict[str, Any]) -> Any:
    upload = _found(request)
    if upload is None:
        return _unknown(request)
    del _uploads[str(request["uploadId"])]
    digest, data = str((request.get("layerDigests") or [""])[0]), bytes(upload.parts)
    if not data and not _is_directory(digest):
        return error_response_json("EmptyUploadException", "The layer upload does not contain any parts", 400)
    if data and digest != f"sha256:{hashlib.sha256(data).hexdigest()}":
        return error_response_json("InvalidLayerException", "The layer's digest is not that of its parts", 400)
    repository = upload.place[2]
    layers = ecr._layer_blobs.setdefault(repository, {})
    if digest in layers:
        return error_response_json("LayerAlreadyExistsException", f"{digest} exists already in {repository}", 400)
    layers[digest] = data
    return json_response({"uploadId": request["uploadId"], "layerDigest": digest})


def _is_directory(digest: str) -> bool:
    """Return whether some repository has a layer of this digest that is a directory's, and so without bytes."""
    return any(layers.get(digest) == b"" for layers in list(ecr._layer_blobs._data.values()))


def _availability(request: dict[str, Any]) -> Any:
    repository = str(request.get("repositoryName", ""))
    if repository not in ecr._repositories:
        return _no_repository(repository)
    there = ecr._layer_blobs.get(repository, {})
    rows = [
        {
            "layerDigest": each,
            "layerAvailability": "AVAILABLE" if each in there else "UNAVAILABLE",
            **({"layerSize": len(there[each])} if each in there else {}),
        }
        for each in request.get("layerDigests", ())
    ]
    return json_response({"layers": rows, "failures": []})


def _address(request: dict[str, Any]) -> Any:
    repository, digest = str(request.get("repositoryName", "")), str(request.get("layerDigest", ""))
    if repository not in ecr._repositories:
        return _no_repository(repository)
    data = ecr._layer_blobs.get(repository, {}).get(digest)
    if data is None:
        return error_response_json("LayersNotFoundException", f"The layer {digest} is not in {repository}", 400)
    now = time.monotonic()
    for token in [each for each, (until, _) in _addresses.items() if until < now]:
        del _addresses[token]
    token = secrets.token_hex(32)
    _addresses[token] = (now + VALID_SECONDS, data)
    where = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}{PATH}{token}"
    return json_response({"downloadUrl": where, "layerDigest": digest})


def _no_repository(repository: str) -> Any:
    words = f"The repository with name '{repository}' does not exist"
    return error_response_json("RepositoryNotFoundException", words, 400)


def at(path: str, wanted: str) -> tuple[int, bytes]:
    """Return status and bytes behind an address that was given; `wanted` is the request's header Range, or ''."""
    token = path.removeprefix(PATH)
    until, data = _addresses.get(token, (0.0, b"")) if _TOKEN.fullmatch(token) else (0.0, b"")
    if until < time.monotonic():
        return 403, b""
    some = _RANGE.fullmatch(wanted)
    return (206, data[int(some[1]) : int(some[2]) + 1]) if some else (200, data)
