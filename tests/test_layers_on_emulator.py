"""The smallest and the largest environment on the emulator with plain boto3, down to what is left at the end.

The engine's own tests deploy every environment in both topologies; these show that the templates deploy as they are,
through changes that replace resources and touch most layers, and that their deletion leaves nothing behind.
"""

from pathlib import Path
from typing import Any

import pytest
from emulator import Clients, delete, deploy, events, outputs

from infragen.assembly.synth import Assembly, synthesize, template_key
from infragen.config import Environment, load_environment

FOLDER = Path(__file__).parent / "data" / "environments"


class Stacks:
    """The stacks of one environment in one topology, brought to an assembly and deleted."""

    def __init__(self, topology: str, client: Clients, env: Environment) -> None:
        self.topology = topology
        self.cloudformation = client("cloudformation", region=env.region)
        self.s3 = client("s3", region=env.region)
        account = client("sts", region=env.region).get_caller_identity()["Account"]
        self.given = {"TemplateBucket": f"templates-{account}", "CodeBucket": f"templates-{account}"}
        if env.api is not None and env.api.https.certificate_arn:
            self.given["CertificateArn"] = env.api.https.certificate_arn
        self.s3.create_bucket(Bucket=self.given["TemplateBucket"])
        self.names: list[str] = []

    def deploy(self, assembly: Assembly) -> set[str]:
        """Deploy all templates; return the statuses that the stacks end in."""
        if self.topology == "nested":
            for template in assembly.templates:
                key = template_key(assembly.environment, template.digest)
                self.s3.put_object(Bucket=self.given["TemplateBucket"], Key=key, Body=template.text.encode())
            root = assembly.root()
            return {self._deploy("root", root.text, root.body, self.given)}
        known, statuses = dict(self.given), set()
        for template in assembly.templates:
            statuses.add(self._deploy(template.layer, template.text, template.body, known))
            known |= outputs(self.cloudformation, template.layer)
        return statuses

    def delete(self) -> set[str]:
        """Delete all stacks, the last first; return the statuses they end in."""
        statuses = set()
        for name in list(reversed(self.names)):
            statuses.add(delete(self.cloudformation, name))
            if "DELETE_COMPLETE" in statuses:
                self.names.remove(name)
        return statuses

    def _deploy(self, stack: str, text: str, body: dict[str, Any], known: dict[str, str]) -> str:
        parameters = {name: known[name] for name in body.get("Parameters", {}) if name in known}
        status = deploy(self.cloudformation, stack, text, **parameters)
        if stack not in self.names:
            self.names.append(stack)
        assert "ROLLBACK" not in status, [event for event in events(self.cloudformation, stack) if "FAILED" in event[1]]
        return status


def changed(env: Environment) -> Environment:
    """Return the environment with a change in most layers, one of which replaces a resource, and no protection."""
    assert env.network is not None
    network = env.network.model_copy(update={"flow_logs": "ALL" if env.network.flow_logs == "REJECT" else "REJECT"})
    queues = tuple(queue.model_copy(update={"retention_days": 6}) for queue in env.queues)
    workers = tuple(worker.model_copy(update={"memory": 1536}) for worker in env.workers)
    update: dict[str, Any] = {"network": network, "queues": queues, "workers": workers}
    if env.database is not None:
        update["database"] = env.database.model_copy(
            update={"deletion": "delete", "deletion_protection": False, "backup_days": 21}
        )
    if env.api is not None:
        update["api"] = env.api.model_copy(update={"log_level": "error", "deletion_protection": False})
    return env.model_copy(update=update)


@pytest.mark.long
@pytest.mark.parametrize(("name", "topology"), [("dev", "independent"), ("prod", "nested")])
def test_all_layers_are_created_found_unchanged_updated_and_deleted(client: Clients, name: str, topology: str) -> None:
    """The update changes something in most layers and takes deletion protection off; nothing is left in the end."""
    env = load_environment(FOLDER / f"{name}.yaml")
    stacks = Stacks(topology, client, env)
    assert stacks.deploy(synthesize(env)) == {"CREATE_COMPLETE"}
    assert stacks.deploy(synthesize(env)) == {"unchanged"}
    assert stacks.deploy(synthesize(changed(env))) <= {"UPDATE_COMPLETE", "unchanged"}
    assert stacks.deploy(synthesize(changed(env))) == {"unchanged"}
    assert stacks.delete() == {"DELETE_COMPLETE"}
    left = [
        *client("sqs", region=env.region).list_queues().get("QueueUrls", []),
        *client("lambda", region=env.region).list_functions()["Functions"],
        *client("cloudwatch", region=env.region).describe_alarms()["MetricAlarms"],
        *client("ec2", region=env.region).describe_nat_gateways()["NatGateways"],
        *client("secretsmanager", region=env.region).list_secrets()["SecretList"],
    ]
    assert left == []
