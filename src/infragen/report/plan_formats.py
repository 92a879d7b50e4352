"""Plans in the formats that are files: bytes, the same on every system and in every locale."""

from collections.abc import Sequence

from infragen.plan import EnvironmentPlan
from infragen.report import plan_document, plan_markdown


def as_format(form: str, plans: Sequence[EnvironmentPlan]) -> bytes:
    """The plans as `json` or `markdown`, in UTF-8; a lone surrogate is escaped: UTF-8 has no place for it."""
    text = {"json": plan_document.as_json, "markdown": plan_markdown.as_markdown}[form](*plans)
    return text.encode("utf-8", "backslashreplace")
