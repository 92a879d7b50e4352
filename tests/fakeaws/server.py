"""The HTTP server: one port on loopback for all services, told apart as AWS does, by the signature's credential scope.

The access key says who calls: a key of 12 digits is the account, any other belongs to `Settings.account`.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
import traceback
import urllib.parse
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import botocore

from fakeaws import account as facts
from fakeaws import imports, s3
from fakeaws.cloud import Cloud
from fakeaws.cloudformation import CloudFormation
from fakeaws.ecr import Ecr
from fakeaws.ecs import Ecs
from fakeaws.logs import Logs, Trail
from fakeaws.protection import Protection
from fakeaws.protocol import ApiError, parse_query, query_error, query_response, service_model
from fakeaws.proxy import READS
from fakeaws.queues import Queues

QUERY_SERVICES = {
    "cloudformation": "cloudformation", "sts": "sts", "rds": "rds", "elasticloadbalancing": "elbv2", "iam": "iam",
}  # fmt: skip
"""Services that speak the Query protocol: their name in the signature and in botocore."""
JSON_SERVICES: dict[str, Any] = {
    "ecs": Ecs, "ecr": Ecr, "logs": Logs, "cloudtrail": Trail, "acm": facts.Certificates,
    "servicequotas": facts.Quotas, "secretsmanager": facts.Secrets, "ssm": facts.Parameters, "kms": facts.Keys,
    "wafv2": facts.Firewalls, "route53domains": facts.Domains, "monitoring": facts.Metrics,
    "sqs": Queues, "dynamodb": Protection, "cloudcontrolapi": imports.CloudControl,
}  # fmt: skip
REST_SERVICES: dict[str, Any] = {"lambda": facts.Functions, "scheduler": facts.Schedules}
READ_BURST = 10.0
SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Call:
    """One API call that reached the fake: when (virtual seconds), what, with which parameters, and what came of it."""

    time: float
    service: str
    operation: str
    account: str
    region: str
    params: dict[str, Any]
    error: str | None

    @property
    def mutating(self) -> bool:
        """Whether the call could change anything."""
        return not self.operation.startswith(READS)


@dataclass(frozen=True)
class Caller:
    """Who calls, where and what, as the request's signature says."""

    account: str
    region: str
    service: str


class Application:
    """Routes requests to the services and keeps the call log."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.calls: list[Call] = []
        self.bugs: list[str] = []
        self._tokens, self._refilled = READ_BURST, 0.0

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> s3.Reply:
        """Answer one HTTP request; the whole cloud is locked meanwhile."""
        with self.cloud.clock.lock:
            self.cloud.clock.advance(0)
            try:
                return self._route(method, target, headers, body)
            except Exception:  # noqa: BLE001 - a bug of the fake must fail the test, not hang its client
                self.bugs.append(traceback.format_exc())
                return s3.Reply(500, {"Content-Type": "text/plain"}, traceback.format_exc().encode())

    def _route(self, method: str, target: str, headers: dict[str, str], body: bytes) -> s3.Reply:
        if target.startswith("/layer/"):  # a signed address needs no signature of the caller's
            return s3.Reply(200, {"Content-Type": "application/json"}, self._signed(target[7:], headers))
        caller = self._caller(headers)
        if caller.service == "s3":
            return self._s3(caller, method, target, headers, body)
        if caller.service in QUERY_SERVICES:
            return self._query(caller, dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)))
        if caller.service in REST_SERVICES and (found := facts.rest_operation(caller.service, target)):
            return self._rest(caller, *found)
        if caller.service == "lambda" and target.rstrip("/").endswith("/configuration"):
            return self._function(caller, urllib.parse.unquote(target.split("/functions/")[1].partition("/")[0]))
        if caller.service == "ec2":
            return self._ec2(caller, dict(urllib.parse.parse_qsl(body.decode())))
        if caller.service == "route53":
            return self._route53(caller, target)
        if caller.service in JSON_SERVICES:
            operation, params = headers["x-amz-target"].rsplit(".", 1)[-1], json.loads(body or b"{}")
            return self._call_json(caller, operation, params)
        raise AssertionError(f"the fake has no {caller.service}: {method} {target}")

    def _signed(self, digest: str, headers: dict[str, str]) -> bytes:
        """What a signed address leads to: a layer, or the bytes of it that a Range asks for."""
        pushed = [each.layers[digest] for each in self.cloud.registry.values() if digest in each.layers]
        whole: bytes = pushed[0] if pushed else facts.layer(self.cloud, digest)
        asked = re.fullmatch(
            r"bytes=(\d+)-(\d+)", {key.lower(): each for key, each in headers.items()}.get("range", "")
        )
        return whole[int(asked[1]) : int(asked[2]) + 1] if asked else whole

    def _function(self, caller: Caller, name: str) -> s3.Reply:
        """Lambda GetFunctionConfiguration (AWS Lambda API Reference); only functions of stacks exist."""
        self._log(caller, "GetFunctionConfiguration", {"FunctionName": name}, None)
        for stack in self.cloud.stacks.values():
            for resource in stack.resources.values():
                if resource.type == "AWS::Lambda::Function" and resource.physical_id == name:
                    group = resource.properties.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
                    changed = (resource.updated or stack.created).isoformat(timespec="milliseconds")
                    answer = {"FunctionName": name, "LastModified": changed, "LoggingConfig": {"LogGroup": group}}
                    return _json(answer)
        missing = {"Type": "User", "Message": f"Function not found: {name}"}
        reply = _json(missing, 404)
        return s3.Reply(404, {**reply.headers, "x-amzn-ErrorType": "ResourceNotFoundException"}, reply.body)

    def _rest(self, caller: Caller, operation: str, name: str) -> s3.Reply:
        """An answer in JSON of a service that speaks REST; its errors name their code in a header."""
        try:
            self.cloud.script.call(f"{caller.service}:{operation}")
            api = REST_SERVICES[caller.service](self.cloud, caller.account, caller.region)
            result = getattr(api, operation)(name)
        except ApiError as error:
            self._log(caller, operation, {"Name": name}, error.code)
            reply = _json({"message": error.message}, error.status)
            return s3.Reply(error.status, {**reply.headers, "x-amzn-ErrorType": error.code}, reply.body)
        self._log(caller, operation, {"Name": name}, None)
        return _json(result)

    def _ec2(self, caller: Caller, form: dict[str, str]) -> s3.Reply:
        """The EC2 protocol; its errors are a list of their own kind."""
        action = form["Action"]
        if action == "DescribeNetworkInterfaces":
            return self._network_interfaces(caller, form)
        try:
            self.cloud.script.call(f"ec2:{action}")
            inside = facts.ec2(self.cloud, caller.account, caller.region, form)
        except ApiError as error:
            self._log(caller, action, form, error.code)
            inner = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
            text = f"<Response><Errors>{inner}</Errors><RequestID>1</RequestID></Response>"
            return s3.Reply(error.status, {"Content-Type": "text/xml"}, text.encode())
        self._log(caller, action, form, None)
        text = f"<{action}Response>{inside}</{action}Response>"
        return s3.Reply(200, {"Content-Type": "text/xml"}, text.encode())

    def _route53(self, caller: Caller, target: str) -> s3.Reply:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
        operation = "Route53"
        try:
            operation, text = facts.route53(self.cloud, target, query)
            self.cloud.script.call(f"route53:{operation}")
        except ApiError as error:
            self._log(caller, operation, query, error.code)
            return s3.Reply(error.status, {"Content-Type": "text/xml"}, query_error(error, "1"))
        self._log(caller, operation, query, None)
        return s3.Reply(200, {"Content-Type": "text/xml"}, text.encode())

    def _network_interfaces(self, caller: Caller, form: dict[str, str]) -> s3.Reply:
        """EC2 DescribeNetworkInterfaces, filtered by one security group, subnet or VPC (Amazon EC2 API Reference)."""
        assert form["Action"] == "DescribeNetworkInterfaces", form["Action"]
        wanted, rows = form["Filter.1.Value.1"], ""
        self._log(caller, form["Action"], {"Value": wanted}, None)
        for stack in self.cloud.stacks.values():
            for resource in stack.resources.values():
                if resource.physical_id == wanted:
                    for number, text in enumerate(self.cloud.settings.network_interfaces.get(resource.logical_id, ())):
                        rows += (
                            f"<item><networkInterfaceId>eni-{number}</networkInterfaceId>"
                            f"<description>{escape(text)}</description></item>"
                        )
        answer = f"<networkInterfaceSet>{rows}</networkInterfaceSet>"
        text = f"<DescribeNetworkInterfacesResponse>{answer}</DescribeNetworkInterfacesResponse>"
        return s3.Reply(200, {"Content-Type": "text/xml"}, text.encode())

    def _call_json(self, caller: Caller, operation: str, params: dict[str, Any]) -> s3.Reply:
        try:
            self.cloud.script.call(f"{caller.service}:{operation}")
            api = JSON_SERVICES[caller.service](self.cloud, caller.account, caller.region)
            result = getattr(api, operation)(params)
        except ApiError as error:
            self._log(caller, operation, params, error.code)
            return _json({"__type": error.code, "message": error.message}, error.status)
        self._log(caller, operation, params, None)
        return _json(result)

    def _caller(self, headers: dict[str, str]) -> Caller:
        found = SCOPE.search(headers.get("authorization", ""))
        if not found:
            raise AssertionError("the request is not signed")
        key, region, service = found.groups()
        account = key if re.fullmatch(r"\d{12}", key) else self.cloud.settings.account
        return Caller(account, region, service)

    def _query(self, caller: Caller, form: dict[str, str]) -> s3.Reply:
        operation, request_id = form["Action"], self.cloud.uuid()
        model = service_model(QUERY_SERVICES[caller.service])
        shape = model.operation_model(operation).input_shape
        params = parse_query(shape, form) if shape is not None else {}
        try:
            self.cloud.script.call(f"{caller.service}:{operation}")
            if caller.service == "cloudformation" and operation.startswith(READS):
                self._spend()
            result = self._dispatch(caller, operation, params)
        except ApiError as error:
            self._log(caller, operation, params, error.code)
            return s3.Reply(error.status, {"Content-Type": "text/xml"}, query_error(error, request_id))
        self._log(caller, operation, params, None)
        return s3.Reply(200, {"Content-Type": "text/xml"}, query_response(model, operation, result, request_id))

    def _spend(self) -> None:
        """Take one token of the bucket that limits reads; Throttling when it is empty."""
        rate, now = self.cloud.settings.reads_per_second, self.cloud.clock.seconds
        if rate == float("inf"):
            return
        self._tokens = min(READ_BURST, self._tokens + rate * (now - self._refilled))
        self._refilled = now
        if self._tokens < 1:
            raise ApiError("Throttling", "Rate exceeded")
        self._tokens -= 1

    def _dispatch(self, caller: Caller, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if caller.service == "sts":
            if operation != "GetCallerIdentity":
                raise AssertionError(f"the fake has no sts:{operation}")
            arn = self.cloud.settings.arn.format(account=caller.account)
            return {"UserId": "AROATEST:test", "Account": caller.account, "Arn": arn}
        services: dict[str, Any] = {"cloudformation": CloudFormation, "iam": facts.Roles}
        api = services.get(caller.service, Protection)(self.cloud, caller.account, caller.region)
        result: dict[str, Any] = getattr(api, botocore.xform_name(operation))(params)
        return result

    def _s3(self, caller: Caller, method: str, target: str, headers: dict[str, str], body: bytes) -> s3.Reply:
        parts = urllib.parse.urlsplit(target)
        bucket, _, key = urllib.parse.unquote(parts.path).lstrip("/").partition("/")
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        if "aws-chunked" in headers.get("content-encoding", ""):
            body = s3.decode_chunks(body)
        request = s3.Request(
            method, bucket, key, query, headers, body, caller.account, caller.region, self.cloud.clock.now()
        )
        operation = s3.operation_name(method, target)
        params = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": headers.get("x-amz-expected-bucket-owner")}
        try:
            self.cloud.script.call(f"s3:{operation}")
            reply = self.cloud.buckets.handle(request)
        except ApiError as error:
            self._log(caller, operation, params, error.code)
            found = self.cloud.buckets.all.get(bucket)
            return s3.error_reply(error, method, found.region if found else None)
        self._log(caller, operation, params, None)
        return reply

    def _log(self, caller: Caller, operation: str, params: dict[str, Any], error: str | None) -> None:
        now = self.cloud.clock.seconds
        self.calls.append(Call(now, caller.service, operation, caller.account, caller.region, params, error))


def _json(value: dict[str, Any], status: int = 200) -> s3.Reply:
    return s3.Reply(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


class Server:
    """The fake on a free port of 127.0.0.1, served by threads until `close`."""

    def __init__(self, application: Application) -> None:
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(application))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(application: Application) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # the client died in the middle of its request: as on AWS, nothing was asked
                self.close_connection = True
                return
            headers = {key.lower(): value for key, value in self.headers.items()}
            reply = application.answer(self.command, self.path, headers, body)
            self.send_response(reply.status)
            for key, value in reply.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its parameter's name
            """Say nothing: the call log has it all."""

    return Handler
