"""The findings of security scanners that the templates accept are those of `docs/security.md`, each with a reason."""

import re
from collections.abc import Iterator
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
