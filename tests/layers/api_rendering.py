"""Reads the rendered api layer: its containers, their variables and secrets, what its roles may do."""

from typing import Any

import rendering


def template(over: str = "", base: str = "dev") -> dict[str, Any]:
    return rendering.template("api", over, base)


def resources(over: str = "", kind: str = "") -> dict[str, Any]:
    return rendering.resources("api", over, kind)


def properties(logical_id: str, over: str = "") -> dict[str, Any]:
    return rendering.properties("api", logical_id, over)


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
