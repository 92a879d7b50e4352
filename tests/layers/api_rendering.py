"""Renders the api layer; until the database layer is registered, with a stand-in for what it publishes."""

from functools import cache
from typing import Any

from rendering import environment
from troposphere.sns import Topic

from infragen.config import Environment
from infragen.layer import Layer, Template
from infragen.layers import api, database, network, queue
from infragen.synth import synthesize
from infragen.templatefile import parse

_OUTPUTS = (database.DatabaseCredentialsArn, database.DataKeyArn)


def _stand_in(env: Environment) -> Template:
    template = Template()
    template.add_resource(Topic("StandIn"))
    for output in _OUTPUTS:
        template.add_output(output.publish("arn"))
    return template


_DATABASE = Layer(
    "database", "", "", lambda env: env.database is not None, lambda env: (), lambda env: _OUTPUTS, _stand_in
)


@cache
def text(over: str = "", base: str = "dev") -> str:
    layers = (network.LAYER, _DATABASE, queue.LAYER, api.LAYER)
    return synthesize(environment(over, base), layers).template("api").text


@cache
def template(over: str = "", base: str = "dev") -> dict[str, Any]:
    return parse(text(over, base))


def resources(over: str = "", kind: str = "") -> dict[str, Any]:
    found: dict[str, Any] = template(over)["Resources"]
    return {name: each for name, each in found.items() if kind in ("", each["Type"])}


def properties(logical_id: str, over: str = "") -> dict[str, Any]:
    found: dict[str, Any] = resources(over)[logical_id]["Properties"]
    return found


def container(name: str = "api", over: str = "") -> dict[str, Any]:
    """One container of the task definition."""
    found: list[dict[str, Any]] = properties("TaskDefinition", over)["ContainerDefinitions"]
    return next(each for each in found if each["Name"] == name)


def variables(over: str = "") -> dict[str, Any]:
    """The variables of the API's container."""
    return {each["Name"]: each["Value"] for each in container("api", over)["Environment"]}


def secrets(over: str = "") -> dict[str, Any]:
    """The injected secrets of the API's container."""
    return {each["Name"]: each["ValueFrom"] for each in container("api", over).get("Secrets", ())}


def statements(role: str, over: str = "") -> list[dict[str, Any]]:
    """The statements of a role's policies."""
    policies = properties(role, over).get("Policies", ())
    return [statement for each in policies for statement in each["PolicyDocument"]["Statement"]]


def allowed(role: str, action: str, over: str = "") -> list[Any]:
    """The resources on which a role may do something."""
    found: list[Any] = []
    for each in statements(role, over):
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        if action in actions:
            found += each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
    return found
