"""Load balancers answer: each has a port of its own on 127.0.0.1, and its DNS name says which.

MiniStack's load balancers pass requests on when one knows how to address them (a Host header, the default account);
here `http://` and the DNS name, which is what the stack's Url gives, is all that is needed. Of several listeners the
HTTPS one is served, without TLS: its rules, its port in X-Forwarded-Port.

Behind it is the user's own application, so it answers what a server under development answers on this machine: any
program, and a browser that was pointed at it; no page of another site, and no name but 127.0.0.1 and localhost.
"""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from hypercorn.asyncio.run import worker_serve
from hypercorn.config import Config
from hypercorn.utils import wrap_app
from ministack import app
from ministack.core.responses import StreamingResponse, request_scope
from ministack.services import alb

from infragen_local.authentication import read_body, read_headers
from infragen_local.drain import InFlight
from infragen_local.patches import metrics
from infragen_local.patches.handlers import Created, Properties, handler, replace

TYPE = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_HOST = "127.0.0.1"
_OWN_PAGES = frozenset({"none", "same-origin"})
_arrived: ContextVar[object] = ContextVar("request of a load balancer", default=None)


class LoadBalancers:
    """The listeners of one emulator's load balancers, on a thread and an event loop of their own."""

    def __init__(self, in_flight: InFlight) -> None:
        self._loop = asyncio.new_event_loop()
        self._in_flight = in_flight
        self._stops: dict[str, asyncio.Event] = {}
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def apply(self) -> None:
        """Give each new load balancer a port, and count the requests on their way to a target."""
        own = handler(TYPE)

        def create(logical_id: str, properties: Properties, stack: str) -> Created:
            arn, attributes = own["create"](logical_id, properties, stack)
            name = f"{_HOST}:{_free_port()}"
            alb._lbs[arn]["DNSName"] = name
            self.serve(arn, name)
            return arn, {**attributes, "DNSName": name}

        def delete(physical_id: str, properties: Properties, *rest: Any) -> None:
            own["delete"](physical_id, properties, *rest)
            stop = self._stops.pop(physical_id, None)
            if stop is not None:
                self._loop.call_soon_threadsafe(stop.set)

        replace(TYPE, create=create, delete=delete)
        self._count_requests()

    def resume(self) -> None:
        """Serve the load balancers that an earlier run left."""
        for balancer in list(alb._lbs._data.values()):
            if balancer["DNSName"].startswith(f"{_HOST}:"):
                self.serve(balancer["LoadBalancerArn"], balancer["DNSName"])

    def serve(self, arn: str, name: str) -> None:
        """Listen for one load balancer; a port that is taken is told in the log."""
        port = int(name.rpartition(":")[2])
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, port))
        except OSError as error:
            sys.stderr.write(f"{arn}: port {port} is taken by another program: {error.strerror}\n")
            return
        config = Config()
        config.bind = [f"fd://{listening.detach()}"]
        config.keep_alive_timeout = 75
        config.loglevel = "ERROR"
        stop = self._stops[arn] = asyncio.Event()

        async def answer(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                await _answer(arn, port, scope, receive, send, self._in_flight)

        async def run() -> None:
            await worker_serve(wrap_app(answer, 1 << 24, "asgi"), config, shutdown_trigger=stop.wait)

        asyncio.run_coroutine_threadsafe(run(), self._loop)

    def _count_requests(self) -> None:
        own = alb._proxy_http_target

        async def proxy(target: dict[str, Any], group: dict[str, Any], *rest: Any, **named: Any) -> Any:
            where = (str(target.get("Id", "")), int(target.get("Port") or group.get("Port") or 80))
            self._in_flight.begin(where)
            self._in_flight.decide(_arrived.get())
            streaming = False
            try:
                status, headers, body = await own(target, group, *rest, **named)
                streaming = isinstance(body, StreamingResponse)
                if not streaming:
                    return status, headers, body
                return status, headers, StreamingResponse(_counted(body.runner, self._in_flight, where))
            finally:
                if not streaming:
                    self._in_flight.end(where)

        alb._proxy_http_target = proxy


def _counted(runner: Any, in_flight: InFlight, where: tuple[str, int]) -> Any:
    async def run(send: Any, receive: Any) -> None:
        try:
            await runner(send, receive)
        finally:
            in_flight.end(where)

    return run


async def _answer(arn: str, port: int, scope: Mapping[str, Any], receive: Any, send: Any, in_flight: InFlight) -> None:
    headers = read_headers(scope)
    refusal = _foreign(headers, port)
    if refusal:
        await app._send_if_handled(send, (403, {"Content-Type": "text/plain"}, f"{refusal}\n".encode()), receive)
        return
    body = await read_body(receive)
    if body is None:
        await app._send_if_handled(send, (413, {"Content-Type": "text/plain"}, b"the body is too large\n"), receive)
        return
    query = scope.get("query_string", b"").decode("latin-1")
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    account, region = arn.split(":")[4], arn.split(":")[3]
    with request_scope(account, region):
        balancer = alb._lbs.get(arn)
        if balancer is None:
            return
        arrived = in_flight.arrive()
        _arrived.set(arrived)
        try:
            answer = await alb.dispatch_request(
                balancer,
                scope["method"],
                scope["path"],
                headers,
                body,
                parse_qs(query, keep_blank_values=True),
                _served_port(arn),
                client_ip=(scope.get("client") or (_HOST,))[0],
                raw_query_string=query,
                raw_path=raw_path,
            )
        finally:
            in_flight.decide(arrived)
        metrics.count_request(arn, int(answer[0]))
        await app._send_if_handled(send, answer, receive, head=scope["method"] == "HEAD")


def _served_port(arn: str) -> int:
    """Return the port of the listener that is served: the HTTPS one, else the first."""
    own = [each for each in alb._listeners.values() if each["LoadBalancerArn"] == arn]
    own.sort(key=lambda each: (each.get("Protocol") != "HTTPS", each.get("Port", 80)))
    return int(own[0].get("Port", 80)) if own else 80


def _foreign(headers: Mapping[str, str], port: int) -> str:
    """Return why a request is refused; empty when it comes from this machine and from no page of another site."""
    host = headers.get("host", "").lower()
    if host not in (f"{_HOST}:{port}", f"localhost:{port}"):
        return json.dumps(host) + f" is not a name of this load balancer: http://{_HOST}:{port}"
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{_HOST}:{port}", f"http://localhost:{port}"):
        return "requests of pages of other sites are refused"
    if headers.get("sec-fetch-site", "none") not in _OWN_PAGES and headers.get("sec-fetch-mode") != "navigate":
        return "requests of pages of other sites are refused"
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
