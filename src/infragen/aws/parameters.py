"""SSM parameters on boto3 (`infragen.cloud.workload.Parameters`): written and deleted, never read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infragen.aws.account_reads import asked
from infragen.aws.failure import AwsError
from infragen.aws.reading import batches, member
from infragen.aws.session import Clients

AT_ONCE = 10
"""Names that DeleteParameters takes (AWS Systems Manager API Reference)."""


@dataclass(frozen=True)
class ParameterCalls:
    """The Parameters on boto3."""

    clients: Clients

    def put_parameter(self, name: str, value: str, key: str, tags: Mapping[str, str]) -> int:
        """Call SSM PutParameter, as for a new one, and once more where there is one: it takes tags of a new one only
        (API Reference, PutParameter: "tags can't be specified with Overwrite").
        """
        try:
            return self._put(name, value, key, tags)
        except AwsError as error:
            if value in error.message:  # AWS quotes what it does not take
                said = f"storing {name}: {error.code}; what AWS says holds the value and is not shown"
                raise AwsError(error.code, "", said, error.hint) from None
            raise

    def _put(self, name: str, value: str, key: str, tags: Mapping[str, str]) -> int:
        given: dict[str, Any] = {"Name": name, "Value": value, "Type": "SecureString", "Tier": "Standard"}
        if key:
            given["KeyId"] = key
        rows = [{"Key": label, "Value": text} for label, text in tags.items()]
        try:
            with asked("ssm:PutParameter", f"storing {name}"):
                return int(member(self.clients.parameters.put_parameter(**given, Tags=rows), "Version"))
        except AwsError as error:
            if error.code != "ParameterAlreadyExists":
                raise
        with asked("ssm:PutParameter", f"storing {name}"):
            return int(member(self.clients.parameters.put_parameter(**given, Overwrite=True), "Version"))

    def delete_parameters(self, names: Sequence[str]) -> tuple[str, ...]:
        """Call SSM DeleteParameters."""
        found: list[str] = []
        for some in batches(names, AT_ONCE):
            with asked("ssm:DeleteParameters", f"deleting {', '.join(some)}"):
                answer: Any = self.clients.parameters.delete_parameters(Names=some)
                found += map(str, member(answer, "DeletedParameters"))
        return tuple(found)
