"""The findings of security scanners that the templates accept are those of `docs/security.md`, each with a reason."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rendering import NAMES, assembly

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(r"^\| ((?:AwsSolutions|CKV)[^|]+) \| ([^|]+) \|", re.MULTILINE)


def accepted() -> set[tuple[str, str]]:
    """The table of the page: rule and logical id; the queue and the worker of every environment are notifications."""
    return {
        (rule, re.sub("<(Worker|Queue)>", "Notifications", resource.strip("`")))
        for rules, resources in ROW.findall(PAGE.read_text(encoding="utf-8"))
        for rule in rules.split(", ")
        for resource in resources.split(", ")
    }


def suppressions(base: str) -> Iterator[tuple[str, str, str]]:
    """Rule, logical id and reason of every suppression in an environment."""
    for template in assembly(base=base).templates:
        for name, resource in template.body["Resources"].items():
            metadata = resource.get("Metadata", {})
            for each in metadata.get("cdk_nag", {}).get("rules_to_suppress", []):
                yield each["id"], name, each["reason"]
            for each in metadata.get("checkov", {}).get("skip", []):
                yield each["id"], name, each["comment"]


@pytest.mark.long
def test_the_table_is_what_the_environments_suppress() -> None:
    """A new suppression is a decision and comes into the table; one that is gone leaves it."""
    found = [each for base in NAMES for each in suppressions(base)]
    assert {(rule, name) for rule, name, _ in found} == accepted()
    assert all(len(reason) > 10 for _, _, reason in found)


@pytest.mark.parametrize("base", NAMES)
def test_production_accepts_nothing_that_is_meant_for_development(base: str) -> None:
    """No unprotected cluster, no plain HTTP, no NAT instance, no missing Container Insights in production."""
    development = {"AwsSolutions-RDS10", "CKV_AWS_2", "CKV_AWS_103", "CKV_AWS_88", "AwsSolutions-ECS4", "CKV_AWS_65"}
    found = {rule for rule, _, _ in suppressions(base)} & development
    assert not found or not assembly(base=base).environment.production


CONTROL = re.compile(r"^\| (CT\.[A-Z0-9.]+(?:, CT\.[A-Z0-9.]+)*) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_each_control_that_fails_names_resources_that_there_are_and_a_reason() -> None:
    """A row about a resource that is gone, or renamed, is looked at again; so is the table after a year."""
    page = PAGE.read_text(encoding="utf-8")
    there = {name for base in NAMES for each in assembly(base=base).templates for name in each.body["Resources"]}
    rows = CONTROL.findall(page)
    assert len(rows) == len(re.findall(r"^\| CT\.", page, re.MULTILINE)) > 10
    for rule, resources, reason in rows:
        for each in resources.split(", "):
            assert re.sub("<(Worker|Queue)>", "Notifications", each.strip("`")) in there, (rule, each)
        assert len(reason) > 20
    [read] = re.findall(r"cfn-guard [\d.]+, read (\d{4}-\d\d-\d\d)", page)
    assert datetime.now(UTC).date() - date.fromisoformat(read) < timedelta(days=365)


def test_what_the_reasons_of_controls_say_is_so() -> None:
    """No role may create grants of keys; each log group has a key; the bucket of logs is closed without TLS."""
    for base in NAMES:
        for template in assembly(base=base).templates:
            assert "kms:CreateGrant" not in template.text
            for name, each in template.body["Resources"].items():
                if each["Type"] == "AWS::Logs::LogGroup":
                    assert "KmsKeyId" in each["Properties"], name
                if name == "AccessLogsPolicy":
                    assert "aws:SecureTransport" in str(each["Properties"]["PolicyDocument"])
