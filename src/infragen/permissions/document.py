"""Policy statements as values: written as documents, measured as IAM measures them, packed into managed policies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MANAGED_POLICY = 6_144
"""Characters of a managed policy, without white space (IAM User Guide, "IAM and AWS STS quotas", read 2026-11-29)."""
ATTACHED = 10
"""Managed policies that a role may have attached (the same page; the quota can be raised)."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy of a role: sorted actions and resources, and its condition block."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    effect: str = "Allow"
    sid: str = ""
    all_but: bool = False
    """Whether it is about every action but these."""

    def document(self) -> dict[str, Any]:
        """Return the statement as IAM takes it."""
        return {
            **({"Sid": self.sid} if self.sid else {}),
            "Effect": self.effect,
            "NotAction" if self.all_but else "Action": _one(self.actions),
            "Resource": _one(self.resources),
            **({"Condition": {key: dict(lines) for key, lines in self.condition.items()}} if self.condition else {}),
        }


def _one(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def document(statements: Iterable[Statement]) -> Document:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": [each.document() for each in statements]}


def size(statements: Iterable[Statement]) -> int:
    """Return the characters that IAM counts of a policy with these statements."""
    return len(json.dumps(document(statements), separators=(",", ":")))


def packed(statements: Sequence[Statement], limit: int = MANAGED_POLICY) -> tuple[tuple[Statement, ...], ...]:
    """Return the statements as few policies of at most `limit` characters, the largest statement first.

    A statement that is too large alone is divided by its actions. Raises ValueError for one that cannot be.
    """
    pieces = [piece for each in statements for piece in _divided(each, limit)]
    policies: list[list[Statement]] = []
    for piece in sorted(pieces, key=lambda each: -size([each])):
        for policy in policies:
            if size([*policy, piece]) <= limit:
                policy.append(piece)
                break
        else:
            policies.append([piece])
    order = {id(piece): index for index, piece in enumerate(pieces)}
    return tuple(tuple(sorted(policy, key=lambda each: order[id(each)])) for policy in policies)


def _divided(statement: Statement, limit: int) -> list[Statement]:
    if size([statement]) <= limit:
        return [statement]
    middle = len(statement.actions) // 2
    if not middle:
        raise ValueError(f"one statement for {statement.actions[0]} takes {size([statement])} characters")
    halves = (statement.actions[:middle], statement.actions[middle:])
    parts = (
        Statement(actions, statement.resources, statement.condition, statement.effect, f"{statement.sid}{index}")
        for index, actions in enumerate(halves, 1)
    )
    return [piece for part in parts for piece in _divided(part, limit)]
