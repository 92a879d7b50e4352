"""Plans in the formats that are files: bytes, the same on every system and in every locale."""

from collections.abc import Sequence

from infragen.config import Environment
from infragen.engine.outcome import Outcome
from infragen.plan.model import EnvironmentPlan
from infragen.report import plan_document, plan_html, plan_markdown
from infragen.report.graph import graph_of
from infragen.report.outcome import outcome_markdown
from infragen.secrecy.visible import Shown, ShownBytes, assembled, encoded


def as_format(form: str, plans: Sequence[EnvironmentPlan], environments: Sequence[Environment] = ()) -> ShownBytes:
    """Return the plans as `json`, `markdown` or `html`, in UTF-8; a lone surrogate is escaped: UTF-8 has no place for
    it.

    `environments` say what flows between the layers, for the picture of a page.
    """
    if form == "html":
        from infragen.assembly.synth import synthesize

        text = plan_html.as_html(plans, {env.environment: graph_of(synthesize(env)) for env in environments})
    else:
        text = {"json": plan_document.as_json, "markdown": plan_markdown.as_markdown}[form](*plans)
    return encoded(assembled(text))


def summary_of(plan: EnvironmentPlan, most: int, outcomes: Sequence[Outcome] = ()) -> Shown:
    """Return Markdown for the summary of a CI job, at most so many characters: the plan, below how each stack ended."""
    ended = outcome_markdown(outcomes) + "\n" if outcomes else ""
    ended = ended if len(ended) * 2 < most else ""
    return assembled(ended + plan_markdown.as_markdown(plan, limit=most - len(ended)))
