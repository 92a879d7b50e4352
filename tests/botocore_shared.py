"""What botocore computes anew for each session, client or call, computed once for all tests of a process.

Nothing of what is sent, signed, retried or parsed changes: each function here has the result of botocore's own, which
depends only on the data that botocore ships and on the arguments. Without this, three clients take 32 ms of CPU instead
of 14, and a call to the fake 1.4 ms instead of 0.8 (2026-11-29).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import botocore.args
import botocore.client
import botocore.endpoint_provider
import botocore.hooks
import botocore.loaders
import botocore.model
import botocore.session
import botocore.useragent
import pytest
from botocore.context import get_context


def share(patched: pytest.MonkeyPatch) -> None:
    """Let all boto3 sessions of this process share what follows from botocore's data alone."""
    patched.setattr(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader))
    sanitize = botocore.useragent.sanitize_user_agent_string_component  # of each word, for each call
    patched.setattr(botocore.useragent, sanitize.__name__, functools.cache(sanitize))
    patched.setattr(botocore.useragent.UserAgentString, "to_string", _user_agent())
    patched.setattr(botocore.hooks, "accepts_kwargs", _accepts_kwargs)
    patched.setattr(botocore.hooks.EventAliaser, "__init__", _aliaser())
    creator = botocore.client.ClientCreator
    patched.setattr(creator, "_load_service_model", _service_model())
    patched.setattr(creator, "_create_client_class", _client_class())
    patched.setattr(botocore.endpoint_provider, "RuleSet", _rule_set())


def _service_model() -> Callable[..., Any]:
    """The model of a service, whose shapes are found once."""

    @functools.cache
    def known(loader: Any, name: str, version: str | None) -> Any:
        return botocore.model.ServiceModel(loader.load_service_model(name, "service-2", api_version=version), name)

    def service_model(self: Any, service_name: str, api_version: str | None = None) -> Any:
        return known(self._loader, service_name, api_version)

    return service_model


def _user_agent() -> Callable[[Any], str]:
    """The header, once for each client and set of features in use."""
    build = botocore.useragent.UserAgentString.to_string

    def to_string(self: Any) -> str:
        context = get_context()
        features = frozenset(context.features) if context is not None else None
        known = self.__dict__.setdefault("_known", (self._client_config, {}))
        if known[0] is not self._client_config:  # a copy for another client
            known = self.__dict__["_known"] = (self._client_config, {})
        if features not in known[1]:
            known[1][features] = build(self)
        return str(known[1][features])

    return to_string


def _accepts_kwargs(function: Any) -> Any:
    """Whether a handler takes any keyword; `inspect` takes 0.2 ms for each of the 160 handlers of a session."""
    code = getattr(function, "__code__", None)
    if code is None:
        return inspect.getfullargspec(function)[2]
    return bool(code.co_flags & inspect.CO_VARKEYWORDS)


def _aliaser() -> Callable[..., None]:
    """An aliaser that knows the names that the others have looked up: all have botocore's own aliases."""
    begin = botocore.hooks.EventAliaser.__init__
    known: dict[str, str] = {}

    def initialize(self: Any, event_emitter: Any, event_aliases: Any = None) -> None:
        begin(self, event_emitter, event_aliases)
        if self._event_aliases == botocore.hooks.EVENT_ALIASES:
            self._alias_name_cache = known

    return initialize


def _client_class() -> Callable[..., Any]:
    """The class of a service's clients; boto3 adds the same methods to each."""
    creator: Any = botocore.client.ClientCreator
    create = creator._create_client_class
    known: dict[int, tuple[Any, Any]] = {}

    def client_class(self: Any, service_name: str, service_model: Any) -> Any:
        if id(service_model) not in known:
            known[id(service_model)] = service_model, create(self, service_name, service_model)
        return known[id(service_model)][1]

    return client_class


def _rule_set() -> Callable[..., Any]:
    """The rules of a service's endpoints, read once."""
    create = botocore.endpoint_provider.RuleSet
    known: dict[int, tuple[Any, Any]] = {}

    def rule_set(**data: Any) -> Any:
        rules = data["rules"]  # the loader gives the same object each time
        if id(rules) not in known:
            known[id(rules)] = rules, create(**data)
        return known[id(rules)][1]

    return rule_set
