"""S3 as far as a deployer needs it: buckets with owner, region and versions; conditional writes; template URLs.

Sources: "HeadBucket", "PutObject" (If-None-Match, x-amz-checksum-sha256, x-amz-expected-bucket-owner), "GetObject",
"ListObjectsV2", "DeleteObjects" (Amazon S3 API Reference); "Verifying bucket ownership with bucket owner condition"
(User Guide).
"""

from __future__ import annotations

import base64
import datetime
import email.utils
import hashlib
import re
import urllib.parse
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from fakeaws.protocol import ApiError, timestamp, validation_error

PAGE = 1000
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
UNREADABLE = "TemplateURL must reference a valid S3 object to which you have access."


@dataclass
class Version:
    """One version of an object; a delete marker has no data."""

    id: str
    data: bytes | None
    modified: datetime.datetime
    headers: dict[str, str]


@dataclass
class Bucket:
    """A bucket, its owner's account, its region, and the versions of its objects, newest last."""

    name: str
    owner: str
    region: str
    versioned: bool = False
    objects: dict[str, list[Version]] = field(default_factory=dict)

    def current(self, key: str, version_id: str | None = None) -> Version | None:
        """The newest version of an object, or the one asked for; None when there is none or it is deleted."""
        versions = self.objects.get(key, [])
        if version_id:
            versions = [version for version in versions if version.id == version_id]
        return versions[-1] if versions and versions[-1].data is not None else None


@dataclass(frozen=True)
class Reply:
    """An HTTP reply of S3."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Request:
    """An S3 request, taken apart."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    account: str
    region: str
    now: datetime.datetime


class Buckets:
    """All buckets of the partition."""

    def __init__(self) -> None:
        self.all: dict[str, Bucket] = {}
        self.locked: set[str] = set()
        """Keys that DeleteObjects refuses to delete, as Object Lock does."""
        self._versions = 0

    def create(self, name: str, owner: str, region: str, versioned: bool = False) -> Bucket:
        """Make a bucket; the name must be free."""
        self.all[name] = Bucket(name, owner, region, versioned)
        return self.all[name]

    def template(self, url: str, account: str) -> str:
        """The template behind a TemplateURL, read as its owner; ValidationError when CloudFormation could not."""
        bucket, key, version = _locate(url)
        return self.text(bucket, key, account, version)

    def text(self, bucket: str, key: str, account: str, version: str | None = None) -> str:
        """The text of an object, read as its owner."""
        found = self.all.get(bucket)
        version_found = found.current(key, version) if found is not None and found.owner == account else None
        if version_found is None or version_found.data is None:
            raise validation_error(UNREADABLE)
        return version_found.data.decode()

    def handle(self, request: Request) -> Reply:
        """Answer one request; S3's errors are raised as ApiError."""
        if not request.bucket:
            return self._list_buckets(request)
        if not request.key and request.method == "PUT" and not request.query:
            return self._create_bucket(request)
        bucket = self._bucket(request)
        if not request.key:
            return self._on_bucket(request, bucket)
        handlers = {"PUT": self._put, "GET": self._get, "HEAD": self._get, "DELETE": self._delete}
        return handlers[request.method](request, bucket)

    def _bucket(self, request: Request) -> Bucket:
        bucket = self.all.get(request.bucket)
        if bucket is None:
            raise ApiError("NoSuchBucket", "The specified bucket does not exist", 404)
        expected = request.headers.get("x-amz-expected-bucket-owner")
        if (expected and expected != bucket.owner) or bucket.owner != request.account:
            raise ApiError("AccessDenied", "Access Denied", 403)
        if bucket.region != request.region:
            raise ApiError(
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified endpoint. "
                "Please send all future requests to this endpoint.",
                301,
            )
        return bucket

    def _create_bucket(self, request: Request) -> Reply:
        if request.bucket in self.all:
            mine = self.all[request.bucket].owner == request.account
            code = "BucketAlreadyOwnedByYou" if mine else "BucketAlreadyExists"
            raise ApiError(code, "The requested bucket name is not available.", 409)
        self.create(request.bucket, request.account, request.region)
        return Reply(200, {"Location": f"/{request.bucket}"})

    def _list_buckets(self, request: Request) -> Reply:
        names = "".join(
            f"<Bucket><Name>{b.name}</Name></Bucket>" for b in self.all.values() if b.owner == request.account
        )
        return _xml("ListAllMyBucketsResult", f"<Buckets>{names}</Buckets>")

    def _on_bucket(self, request: Request, bucket: Bucket) -> Reply:
        if request.method == "HEAD":
            return Reply(200, {"x-amz-bucket-region": bucket.region})
        if request.method == "DELETE":
            if bucket.objects:
                raise ApiError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
            del self.all[bucket.name]
            return Reply(204)
        if "versioning" in request.query:
            if request.method == "PUT":
                bucket.versioned = b"<Status>Enabled</Status>" in request.body
                return Reply(200)
            return _xml("VersioningConfiguration", "<Status>Enabled</Status>" if bucket.versioned else "")
        if "location" in request.query:
            return _xml("LocationConstraint", "" if bucket.region == "us-east-1" else bucket.region)
        if "versions" in request.query:
            return self._list_versions(request, bucket)
        if "delete" in request.query and request.method == "POST":
            return self._delete_many(request, bucket)
        if request.method == "GET" and "list-type" in request.query:
            return self._list_objects(request, bucket)
        raise ApiError("NotImplemented", f"{request.method} {sorted(request.query)} on a bucket", 501)

    def _put(self, request: Request, bucket: Bucket) -> Reply:
        current = bucket.current(request.key)
        if request.headers.get("if-none-match") == "*" and current is not None:
            raise ApiError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        wanted = request.headers.get("if-match")
        if wanted and (current is None or wanted.strip('"') != _etag(current.data or b"")):
            raise ApiError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        self._versions += 1
        kept = {k: v for k, v in request.headers.items() if k == "content-type" or k.startswith("x-amz-meta-")}
        checksum = request.headers.get("x-amz-checksum-sha256", _checksum(request.body))
        if checksum != _checksum(request.body):
            raise ApiError("BadDigest", "The SHA256 you specified did not match the calculated checksum.", 400)
        version = Version(f"v{self._versions:06d}", request.body, request.now, kept)
        history = bucket.objects.setdefault(request.key, [])
        if not bucket.versioned:
            history.clear()
        history.append(version)
        headers = {"ETag": f'"{_etag(request.body)}"'}
        if bucket.versioned:
            headers["x-amz-version-id"] = version.id
        return Reply(200, headers)

    def _get(self, request: Request, bucket: Bucket) -> Reply:
        version = bucket.current(request.key, request.query.get("versionId"))
        if version is None or version.data is None:
            raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
        headers = {
            **version.headers,
            "ETag": f'"{_etag(version.data)}"',
            "Last-Modified": email.utils.format_datetime(_by_this_machine(request, version), usegmt=True),
        }
        if bucket.versioned:
            headers["x-amz-version-id"] = version.id
        if request.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-sha256"] = _checksum(version.data)
        return Reply(200, headers, version.data)

    def _delete(self, request: Request, bucket: Bucket) -> Reply:
        self._remove(bucket, request.key, request.query.get("versionId"), request.now)
        return Reply(204)

    def _remove(self, bucket: Bucket, key: str, version_id: str | None, now: datetime.datetime) -> None:
        versions = bucket.objects.get(key)
        if versions is None:
            return
        if version_id or not bucket.versioned:
            versions[:] = [v for v in versions if version_id and v.id != version_id]
        else:
            self._versions += 1
            versions.append(Version(f"v{self._versions:06d}", None, now, {}))
        if not versions:
            del bucket.objects[key]

    def _delete_many(self, request: Request, bucket: Bucket) -> Reply:
        root = ET.fromstring(request.body)  # noqa: S314 - from our own client on loopback
        deleted = ""
        for item in root.iter():
            if item.tag.rsplit("}", 1)[-1] != "Object":
                continue
            fields = {child.tag.rsplit("}", 1)[-1]: child.text or "" for child in item}
            if fields["Key"] in self.locked:
                key = f"<Key>{escape(fields['Key'])}</Key><Code>AccessDenied</Code><Message>Access Denied</Message>"
                deleted += f"<Error>{key}</Error>"
                continue
            self._remove(bucket, fields["Key"], fields.get("VersionId"), request.now)
            deleted += f"<Deleted><Key>{escape(fields['Key'])}</Key></Deleted>"
        return _xml("DeleteResult", deleted)

    def _list_objects(self, request: Request, bucket: Bucket) -> Reply:
        """A thousand objects a page, in the order of their keys (API reference, ListObjectsV2)."""
        prefix, at = request.query.get("prefix", ""), int(request.query.get("continuation-token") or 0)
        found = [(key, bucket.current(key)) for key in sorted(bucket.objects) if key.startswith(prefix)]
        there = [(key, each) for key, each in found if each is not None and each.data is not None]
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{timestamp(_by_this_machine(request, each))}"
            f"</LastModified><ETag>&quot;{_etag(each.data or b'')}&quot;</ETag><Size>{len(each.data or b'')}</Size>"
            "</Contents>"
            for key, each in there[at : at + PAGE]
        )
        more = at + PAGE < len(there)
        token = f"<NextContinuationToken>{at + PAGE}</NextContinuationToken>" if more else ""
        head = f"<Name>{bucket.name}</Name><IsTruncated>{str(more).lower()}</IsTruncated>{token}"
        return _xml("ListBucketResult", f"{head}{rows}")

    def _list_versions(self, request: Request, bucket: Bucket) -> Reply:
        """The first page, of a thousand rows at most: who deletes what it shows needs no other."""
        prefix = request.query.get("prefix", "")
        rows = []
        for key in sorted(bucket.objects):
            for version in reversed(bucket.objects[key] if key.startswith(prefix) else []):
                tag = "DeleteMarker" if version.data is None else "Version"
                latest = "true" if version is bucket.objects[key][-1] else "false"
                rows.append(
                    f"<{tag}><Key>{escape(key)}</Key><VersionId>{version.id}</VersionId><IsLatest>{latest}</IsLatest>"
                    f"<LastModified>{timestamp(version.modified)}</LastModified></{tag}>"
                )
        more = "true" if len(rows) > PAGE else "false"
        head = f"<Name>{bucket.name}</Name><IsTruncated>{more}</IsTruncated>"
        return _xml("ListVersionsResult", head + "".join(rows[:PAGE]))


def _locate(url: str) -> tuple[str, str, str | None]:
    parts = urllib.parse.urlsplit(url)
    version = dict(urllib.parse.parse_qsl(parts.query)).get("versionId")
    path = urllib.parse.unquote(parts.path.lstrip("/"))
    host = parts.hostname or ""
    hosted = re.fullmatch(r"(.+?)\.s3[.-].*amazonaws\.com(\.cn)?", host)
    if hosted:
        return hosted.group(1), path, version
    if host.startswith(("s3.", "s3-")) or host in ("127.0.0.1", "localhost"):
        bucket, _, key = path.partition("/")
        return bucket, key, version
    raise validation_error("TemplateURL must be a supported URL.")


def _by_this_machine(request: Request, version: Version) -> datetime.datetime:
    """When a version was written: as long ago as by the virtual clock, by this machine's time, as the header Date."""
    return datetime.datetime.now(datetime.UTC) - (request.now - version.modified)


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _xml(root: str, inner: str) -> Reply:
    text = f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{NAMESPACE}">{inner}</{root}>'
    return Reply(200, {"Content-Type": "application/xml"}, text.encode())


def error_reply(error: ApiError, method: str, region: str | None) -> Reply:
    """An S3 error as HTTP; a HEAD reply has no body, and a redirect names the bucket's region."""
    headers = {"Content-Type": "application/xml"}
    if region:
        headers["x-amz-bucket-region"] = region
    body = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    return Reply(error.status, headers, b"" if method == "HEAD" else body.encode())


_BUCKET_READS = {
    "versioning": "GetBucketVersioning",
    "location": "GetBucketLocation",
    "versions": "ListObjectVersions",
}


def operation_name(method: str, target: str) -> str:
    """The name of the operation behind a request line, for scripts and call logs."""
    parts = urllib.parse.urlsplit(target)
    verb = {"GET": "Get", "HEAD": "Head", "PUT": "Put", "DELETE": "Delete", "POST": "Delete"}[method]
    if parts.path.strip("/").count("/"):
        return f"{verb}Object"
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    if method == "POST":
        return "DeleteObjects"
    if method == "GET":
        return next((name for key, name in _BUCKET_READS.items() if key in query), "ListObjectsV2")
    if method == "PUT":
        return "PutBucketVersioning" if "versioning" in query else "CreateBucket"
    return f"{verb}Bucket"


def decode_chunks(body: bytes) -> bytes:
    """The data of an `aws-chunked` body (Signature Version 4 streaming; trailing checksum ignored)."""
    data = b""
    while body:
        line, _, body = body.partition(b"\r\n")
        size = int(line.split(b";")[0] or b"0", 16)
        if size == 0:
            break
        data += body[:size]
        body = body[size + 2 :]
    return data
