"""Plans in the formats that are files: bytes, the same on every system and in every locale."""

from collections.abc import Sequence

from infragen.config import Environment
from infragen.plan.model import EnvironmentPlan
from infragen.report import plan_document, plan_html, plan_markdown
from infragen.report.graph import graph_of
from infragen.secrecy.visible import ShownBytes, assembled, encoded


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
