"""The guard over change sets as AWS sends them: in pages, nested, described twice, with words that nobody knows yet.

What is generated is the API's own answers; they go through the reader, the merging of both descriptions and the nested
sets to the guard. The judge is written down anew here, from the API reference and not from the guard.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from figures import Tried
from sweeps import seeds

from infragen.aws.account import Account
from infragen.aws.session import Clients
from infragen.changes.diff import EMPTY
from infragen.changes.reconcile import ReconcileContext, agree
from infragen.cloud.template import STACK_TYPE
from infragen.engine.operate import all_changes
from infragen.gates.data_loss import refusals

HARMLESS = ("AWS::SNS::Topic", "AWS::EC2::Subnet", "AWS::Lambda::Function")
HOLDS_DATA = (
    "AWS::DynamoDB::Table", "AWS::EFS::FileSystem", "AWS::KMS::Key", "AWS::RDS::DBCluster", "AWS::S3::Bucket",
    "AWS::SQS::Queue", "AWS::SecretsManager::Secret", "AWS::MemoryDB::Cluster", "Custom::Thing", "Acme::Store::Table",
)  # fmt: skip
"""Types of which it is known, and types of which nobody knows whether they do."""
ACTIONS = ("Add", "Modify", "Modify", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual", "Obliterate")
REPLACEMENTS = ("True", "False", "False", "Conditional", None, "Perhaps")
POLICIES = (None, None, "Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "Shred")


@dataclass
class Answers:
    """DescribeChangeSet for a tree of generated change sets, a few rows a page."""

    rng: random.Random
    sets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hidden: dict[str, set[str]] = field(default_factory=dict)
    """Rows that the description with property values leaves out."""
    lost: set[str] = field(default_factory=set)
    """Nested sets that cannot be found any more."""

    def grow(self, layer: str, depth: int) -> str:
        """Makes one change set and those nested in it; gives its ARN."""
        rows = [self._row(f"R{index}") for index in range(self.rng.randint(0, 6))]
        for index in range(self.rng.randint(0, 3 - depth)):
            name = f"Nested{index}"
            row = {**self._row(name), "ResourceType": STACK_TYPE, "Action": "Modify", "Replacement": "Conditional"}
            rows.append({**row, "ChangeSetId": self.grow(f"{layer}/{name}", depth + 1), "PolicyAction": None})
        self.rng.shuffle(rows)
        arn = f"arn:aws:cloudformation:us-east-1:111122223333:changeSet/infragen-x/{layer}"
        self.sets[arn] = [{key: value for key, value in row.items() if value is not None} for row in rows]
        self.hidden[arn] = {row["LogicalResourceId"] for row in rows if self.rng.random() < 0.1}
        if depth and self.rng.random() < 0.05:
            self.lost.add(arn)
        return arn

    def _row(self, name: str) -> dict[str, Any]:
        kinds = (*HOLDS_DATA, *HARMLESS, *HARMLESS, STACK_TYPE)
        return {
            "LogicalResourceId": name,
            "ResourceType": self.rng.choice(kinds),
            "Action": self.rng.choice(ACTIONS),
            "Replacement": self.rng.choice(REPLACEMENTS),
            "PolicyAction": self.rng.choice(POLICIES),
        }

    def describe_change_set(self, **asked: Any) -> dict[str, Any]:
        """As the API answers."""
        arn, valued = asked["ChangeSetName"], bool(asked.get("IncludePropertyValues"))
        if arn in self.lost:
            error = {"Code": "ChangeSetNotFound", "Message": f"ChangeSet [{arn}] does not exist"}
            raise ClientError({"Error": error}, "DescribeChangeSet")  # type: ignore[typeddict-item]  # botocore fills in the rest
        rows = [row for row in self.sets[arn] if not (valued and row["LogicalResourceId"] in self.hidden[arn])]
        first, size = int(asked.get("NextToken", 0)), 1 + len(rows) // 3
        more = {"NextToken": str(first + size)} if first + size < len(rows) else {}
        return {
            "ChangeSetId": arn,
            "ChangeSetName": "infragen-x",
            "StackId": "arn:stack",
            "Status": "CREATE_COMPLETE",
            "ExecutionStatus": "AVAILABLE",
            "Changes": [{"Type": "Resource", "ResourceChange": row} for row in rows[first : first + size]],
            **more,
        }

    def dangerous(self, arn: str, layer: str) -> Iterator[str]:
        """The places that must not be executed without their own flag."""
        for row in self.sets[arn]:
            nested = row.get("ChangeSetId")
            place = f"{layer}/{row['LogicalResourceId']}"
            if nested in self.lost:
                yield place
            elif nested:
                yield from self.dangerous(nested, f"{layer}/{row['LogicalResourceId']}")
            elif row["ResourceType"] not in HARMLESS and not survives(row):
                yield place


def survives(row: dict[str, Any]) -> bool:
    """API reference, ResourceChange: what a row certainly leaves in place."""
    if row["Action"] in ("Add", "Import"):
        return True
    kept = row.get("PolicyAction") in (None, "Retain", "Snapshot", "ReplaceAndRetain", "ReplaceAndSnapshot")
    unopened = row["ResourceType"] == STACK_TYPE and row.get("Replacement") == "Conditional"
    in_place = row.get("Replacement") == "False" or unopened
    return row["Action"] in ("Modify", "SyncWithActual") and in_place and kept


@pytest.mark.promise("P11", "change sets as AWS sends them: each danger to data is refused, and nothing else")
def test_no_page_and_no_nested_set_hides_a_danger(tried: Tried) -> None:
    """P11, C11, C12, R4: whatever is not allowed by its own place is refused; what is certainly safe never is."""
    for seed in seeds(short=100, soak=10_000):
        rng = random.Random(seed)  # noqa: S311 # reproducible, not secret
        answers = Answers(rng)
        root = answers.grow("root", 0)
        clients = cast(Clients, SimpleNamespace(cloudformation=answers, region="us-east-1"))
        account = Account(clients, "111122223333")
        found = account.change_set(root, "")
        assert found is not None
        rows = [
            row
            for each in all_changes(account, found, "root", lambda parent, name: f"{parent}/{name}")
            for row in agree(
                each.rows, (), ReconcileContext(each.layer, "us-east-1", EMPTY, EMPTY, lost=each.lost)
            ).rows
        ]
        dangers = sorted(answers.dangerous(root, "root"))
        assert sorted(each.place for each in refusals(rows)) == dangers, f"seed {seed}"
        allowed = {place for place in dangers if rng.random() < 0.5}
        assert sorted(each.place for each in refusals(rows, allowed)) == [p for p in dangers if p not in allowed]
        tried()
