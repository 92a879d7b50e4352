"""An environment as its stacks are, where its file cannot be read: templates, queues and workers from AWS. Reads only.

For who looks and repairs. What only the file says (thresholds, kind, protection) is not known here, and nothing is
planned or deployed from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from infragen.assembly.stacks import BESIDE, ROOT
from infragen.assembly.synth import Assembly, LayerTemplate
from infragen.cloud.cloudformation import StackState
from infragen.config import Database, Environment, Queue, Worker, camel
from infragen.engine.observe import Observed, deployed_body, observe
from infragen.engine.progress import Session, Silent
from infragen.layers.contract import LaunchParameter, LayerOutput
from infragen.layers.project import names

_OF_QUEUE, _SOURCE = re.compile(r"(\w+)Queue"), "AWS::Lambda::EventSourceMapping"
_CODE = re.compile(r"Key of the code of ([a-z][a-z0-9-]*)")
"""How the worker layer describes the parameter of a worker's code: the one place where a template has its name."""


def deployed_assembly(session: Session, env: Environment) -> Assembly:
    """Return an environment's templates as they are deployed; of the environment itself no more than is known.

    Raises Refused for credentials of another account or region, CloudError where a stack cannot be read.
    """
    observed = observe(replace(session, ui=Silent()), env)
    states = _layers(observed)
    known = names(env)
    order = [*(each for each in known if each in states), *sorted(each for each in states if each not in known)]
    templates = tuple(_template(layer, deployed_body(session.cloud, states[layer])) for layer in order)
    topology = "nested" if ROOT in observed.layers else "independent"
    return Assembly(env.model_copy(update={"topology": topology}), templates)


def with_names(assembly: Assembly) -> Assembly:
    """Return the environment with the names of its queues and workers, and with a database where there is one: what is
    asked for by name can be found. Their settings are not known, and stand at their defaults.
    """
    env, bodies = assembly.environment, {each.layer: each.body for each in assembly.templates}
    queues = tuple(_queues(env, bodies.get("queue", {})))
    found = {
        "queues": queues,
        "workers": tuple(_workers(bodies.get("worker", {}), queues)),
        "database": Database(min_acu=0, max_acu=1)
        if "Cluster" in bodies.get("database", {}).get("Resources", {})
        else None,
    }
    return replace(assembly, environment=env.model_copy(update=found))


def _layers(observed: Observed) -> dict[str, StackState]:
    root = observed.layers.get(ROOT)
    alone = {layer: state for layer, state in observed.layers.items() if layer not in (ROOT, *BESIDE)}
    found = {**alone, **(observed.inside(root) if root is not None else {})}
    return {layer: state for layer, state in found.items() if layer and state.status != "REVIEW_IN_PROGRESS"}


def _template(layer: str, body: Mapping[str, Any]) -> LayerTemplate:
    """Return a deployed template with all of its outputs for people: which were meant for them is not written there."""
    outputs = tuple(
        LayerOutput(layer, name, str(each.get("Description", "")), for_people=True)
        for name, each in body.get("Outputs", {}).items()
    )
    parameters = tuple(LaunchParameter(name, "") for name in body.get("Parameters", {}))
    return LayerTemplate(layer, "", dict(body), (), outputs, parameters)


def _queues(env: Environment, body: Mapping[str, Any]) -> Iterator[Queue]:
    """Yield the queues of the queue layer, which have the names of the environment and their own."""
    for logical_id, each in body.get("Resources", {}).items():
        found = _OF_QUEUE.fullmatch(logical_id) if each.get("Type") == "AWS::SQS::Queue" else None
        written = each.get("Properties", {}).get("QueueName", "")
        text = written.get("Fn::Sub", "") if isinstance(written, Mapping) else written
        name = str(text).rpartition("${EnvironmentName}-")[2].removeprefix(f"{env.name}-").removesuffix(".fifo")
        if found and camel(name) == found[1]:
            yield Queue(name=name, fifo=str(text).endswith(".fifo"))


def _workers(body: Mapping[str, Any], queues: tuple[Queue, ...]) -> Iterator[Worker]:
    """Yield the workers of the worker layer, each with the queue of its event source."""
    texts = (str(each.get("Description", "")) for each in body.get("Parameters", {}).values())
    by_id = {camel(found[1]): found[1] for found in map(_CODE.fullmatch, texts) if found}
    for logical_id, each in body.get("Resources", {}).items():
        name = by_id.get(logical_id.removesuffix("EventSource")) if each.get("Type") == _SOURCE else None
        source = each.get("Properties", {}).get("EventSourceArn")
        asked = source.get("Ref", "") if isinstance(source, Mapping) else ""
        queue = next((queue.name for queue in queues if f"{camel(queue.name)}QueueArn" == asked), None)
        if name and queue:
            yield Worker(name=name, queue=queue)
