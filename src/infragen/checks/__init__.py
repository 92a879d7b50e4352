"""Questions to the account before anything is made: what would otherwise fail after twenty minutes.

Pure but for the `AccountReader` that is passed in: a check asks, and answers ok, wrong or unknown. A layer names its
checks in its contract (`Layer.checks`); `GENERAL` are those of no layer. Who runs them, and for how long, is the
engine's matter.
"""

from infragen.checks import clock, endpoint_services, linked_roles, names, quotas
from infragen.checks.check import Answer, Check, CheckResult, Resource, Subject, Verdict, ok, unknown, wrong

__all__ = [
    "GENERAL", "Answer", "Check", "CheckResult", "Resource", "Subject", "Verdict", "ok", "unknown", "wrong",
]  # fmt: skip

GENERAL: tuple[Check, ...] = (
    quotas.NETWORK, endpoint_services.CHECK, quotas.CONCURRENCY, linked_roles.CHECK, names.CHECK, clock.CHECK,
)  # fmt: skip
"""The checks of every environment: they go by resource types, whichever layer has them, also one of the user's own."""
