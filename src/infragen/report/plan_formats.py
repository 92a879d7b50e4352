"""Plans in the formats that are files: bytes, the same on every system and in every locale."""

from collections.abc import Sequence

from infragen.plan import EnvironmentPlan
from infragen.report import plan_document


def as_format(form: str, plans: Sequence[EnvironmentPlan]) -> bytes:
    """The plans as `json`, in UTF-8; a lone surrogate is escaped, because UTF-8 has no place for it."""
    text = {"json": plan_document.as_json}[form](*plans)
    return text.encode("utf-8", "backslashreplace")
