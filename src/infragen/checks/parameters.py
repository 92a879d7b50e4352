"""Cluster parameters: RDS has them in the family, lets them be changed, and takes their values.

AWS refuses any other after the network is there: "Invalid parameter value: … for: … allowed values are: …". A value
that RDS computes is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Resource, Subject, ok, unknown, wrong
from infragen.config import database_parameters

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader, ClusterParameter

_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
_RANGE = re.compile(rf"{_NUMBER}-{_NUMBER}")
_WORD = re.compile(r"[A-Za-z0-9_.+ -]+")
"""Parts of AllowedValues: a range, written `-1-2147483647`, or a word (Amazon RDS API Reference, "Parameter"; read
2026-11-29). A list with any other part is one that infragen cannot read."""


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask RDS for the parameters of each group's family."""
    for group in subject.of("AWS::RDS::DBClusterParameterGroup"):
        family, written = group.properties.get("Family"), group.properties.get("Parameters")
        if not isinstance(family, str) or not isinstance(written, dict):
            yield unknown(f"{group.place}: its family and parameters are not known before the deployment")
            continue
        there = account.cluster_parameters(family)
        if not there:
            yield unknown(f"RDS names no parameters of {family}")
            continue
        found = [_judged(subject, group, family, name, value, there.get(name)) for name, value in written.items()]
        answers = [each for each in found if each is not None]
        yield from answers
        if fine := len(found) - len(answers):
            yield ok(f"{fine} parameters of {family} exist, can be changed and have values that RDS takes")


def _judged(
    subject: Subject, group: Resource, family: str, name: str, value: object, found: ClusterParameter | None
) -> Answer | None:
    """Return what is wrong with one parameter, or that nobody can tell; None where it is fine."""
    at = subject.at("database", "parameters", name)
    lists = (
        f"`aws rds describe-engine-default-cluster-parameters --db-parameter-group-family {family} --query "
        f"\"EngineDefaults.Parameters[?ParameterName=='{name}']\"` shows what RDS has"
    )
    if found is None:
        return wrong(f"{at}{family} has no cluster parameter {name}", f"remove it; {lists}", input=True)
    if not found.modifiable:
        return wrong(f"{at}RDS does not allow changes of {name}", f"remove it; {lists}", input=True)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return unknown(f"{group.place}: the value of {name} is not known before the deployment")
    text = str(value)
    if not found.allowed or database_parameters.computed(text) or takes(found.allowed, text):
        return None
    if not all(_WORD.fullmatch(each.strip()) for each in found.allowed.split(",")):
        return unknown(f"{at}{name}: infragen cannot read which values RDS takes ({found.allowed})")
    return wrong(f"{at}{name}: RDS takes {found.allowed}, and not the value that is written", f"change it; {lists}",
                 input=True)  # fmt: skip


def takes(allowed: str, value: str) -> bool:
    """Return whether a value is among AllowedValues: in one of the ranges, or one of the words, or several of them, as
    in `log_destination`. Where they are 0 and 1, other words for a boolean are, too.
    """
    choices = [each.strip().lower() for each in allowed.split(",")]
    words = (*choices, *database_parameters.TRUE, *database_parameters.FALSE) if {*choices} == {"0", "1"} else choices
    if value.lower() in words:
        return True
    if "," in value:
        return all(takes(allowed, each.strip()) for each in value.split(","))
    ranges = [found for each in choices if (found := _RANGE.fullmatch(each))]
    return bool(re.fullmatch(_NUMBER, value)) and any(
        float(each[1]) <= float(value) <= float(each[2]) for each in ranges
    )


CHECK = Check(
    "parameters",
    "RDS has the cluster parameters of the database in its family, lets them be changed, and takes their values.",
    ("rds:DescribeEngineDefaultClusterParameters",),
    frozenset({"AWS::RDS::DBClusterParameterGroup"}),
    run,
)
