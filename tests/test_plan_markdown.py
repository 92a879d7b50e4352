"""The plan as a comment of a pull request, as GitHub reads it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from formats import check_markdown
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from plans import NASTY, OPEN, QUEUE, everything, many, maybe_replaced, nasty, plans, texts
from rows import summary
from sweeps import sweep

from infragen.changes.stack_tags import TAGGED
from infragen.cloud.cloudformation import PropertyChange, ResourceChange
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.plan_markdown import LIMIT, as_markdown


@pytest.mark.long
@given(st.lists(plans(), min_size=1, max_size=2))
@sweep(12, 3000)
def test_no_text_gets_out_of_its_place(some: list[EnvironmentPlan]) -> None:
    """Whatever values, names and warnings hold: no HTML but ours, no fence ended, no link, no mention, no image."""
    check_markdown(as_markdown(*some))


@pytest.mark.long
@pytest.mark.parametrize("text", NASTY)
def test_nothing_nasty_gets_out_of_any_place(text: str) -> None:
    """Each piece in each place of a plan: the comment is built as it is with a harmless text."""
    for more in ({}, {"against": text}, {"against": text, "between": True}):
        check_markdown(as_markdown(replace(nasty(text), **more)))
        made, harmless = (as_markdown(replace(nasty(each), **more), limit=LIMIT * 9) for each in (text, "harmless"))
        blocks = [[each.type for each in MarkdownIt("commonmark").parse(one)] for one in (made, harmless)]
        assert blocks[0] == blocks[1]


def test_the_top_says_what_matters_and_layers_are_folded() -> None:
    """The sum, what is refused, what is warned of; then the layers in deployment order."""
    text = as_markdown(everything())
    wanted = [
        "<!-- infragen plan prod -->",
        "### Plan for `prod`",
        f"**{summary(everything())}**",
        "- database/Cluster (AWS::RDS::DBCluster) would be replaced by a new one",
        f"! {OPEN}",
        "! layer api: 460 resources",
        "<summary><b>cost</b> ",
        "cost in USD a month, eu-central-1 prices of 2026-11-22:",
        "<summary><b>root</b> update</summary>",
        "<summary><b>database</b> 1 to replace</summary>",
        "! replace Cluster  AWS::RDS::DBCluster  (replaced: the old one is snapshotted, then deleted)",
        "      DatabaseName: shop -> store; forces the replacement",
        "<summary><b>queue</b> 1 to change</summary>",
        "MessageRetentionPeriod: 345600 -> 604800; because of parameter Retention",
        "Unchanged: `network`",
    ]
    places = [text.index(each) for each in wanted]
    assert places == sorted(places)
    assert text.startswith(wanted[0])


def test_what_would_replace_is_told_apart_from_what_does() -> None:
    """A value that may turn out to be the same forces nothing."""
    text = as_markdown(maybe_replaced())
    assert "! replace Orders  AWS::SQS::Queue  (may be replaced)\n      QueueName: a -> b; would replace it" in text
    assert "forces the replacement" not in text


def test_long_values_are_whole_and_compared_line_by_line() -> None:
    """A terminal cuts them; here they are folded away with their layer."""
    text = as_markdown(everything())
    assert "\n-           Resource: !Sub arn:${X}/*\n+           - s3:PutObject\n" in text
    assert "\n          echo one\n-         echo two\n+         echo three\n" in text
    long = "0123456789" * 300
    assert long in as_markdown(many(1, long))


def test_what_else_there_is_to_say_of_a_row_is_said() -> None:
    """Renamings, disagreements, where a value is written, what moved, and that a secret changes."""
    text = as_markdown(everything())
    for said in (
        "(replaced: the old one is snapshotted, then deleted); from environments/prod.yaml:12 database\n",
        "\n!     ≠ the sources disagree: AWS's change set keeps it, the resource's schema says that it is replaced\n",
        "\n!     ≈ looks like OldTopic under another name: AWS deletes that and creates this\n",
        "\n! ≠ the sources disagree: comparing templates would change Topic (DisplayName), and AWS's change set is",
        "Tags[Team].Value: a -> b; moved from position 2; AWS's default; from environments/prod.yaml:7 tags.Team\n",
        "Password: (secret) -> (secret, changed)\n",
    ):
        assert said in text


def test_whether_drift_was_looked_for_is_said() -> None:
    """Found, not found, and not looked for are three things."""
    plan = everything()
    assert "**Drift: not as the stacks say**\n\n```diff\n! " in as_markdown(plan)
    assert "Drift" not in as_markdown(replace(plan, drift=None))
    assert "\n\nDrift: none found\n\n" in as_markdown(replace(plan, drift=()))


def test_rows_that_only_pass_on_tags_are_one_line() -> None:
    """With their names: a new tag of the environment changes nearly every resource."""
    tagged = PropertyChange(("Tags",), causes=(TAGGED,))
    rows = tuple(ResourceChange("api", "Modify", f"Id{n}", QUEUE, "False", properties=(tagged,)) for n in range(40))
    plan = EnvironmentPlan("dev", "1", "eu", "nested", (StackPlan("api", "shop-dev-api", "update", rows),))
    text = as_markdown(plan)
    assert "! change  only their tags, as the stack's: Id0, Id1, " in text
    assert text.count("\n! ") == 1
    assert ", Id39\n" in text


def test_nothing_to_change_is_said_in_one_line() -> None:
    """With the marker, so that an earlier comment is replaced."""
    quiet = EnvironmentPlan("dev", "111111111111", "eu-west-1", "nested", (StackPlan("queue", "q", "none"),))
    assert as_markdown(quiet) == (
        "<!-- infragen plan dev -->\n\n### Plan for `dev`\n\n**nothing to change**\n\n"
        "account `111111111111`, `eu-west-1`, nested stacks\n"
    )


def test_the_marker_stays_the_same_while_the_plan_changes() -> None:
    """It depends on the command and the environment alone, and no name breaks it."""

    def marker(*some: EnvironmentPlan) -> str:
        return as_markdown(*some).splitlines()[0]

    plan = everything()
    assert marker(plan) == marker(replace(plan, stacks=(), warnings=())) == "<!-- infragen plan prod -->"
    assert marker(replace(plan, against="main")) == "<!-- infragen diff prod -->"
    assert marker(replace(plan, against="main"), replace(plan, environment="dev", against="main")) == (
        "<!-- infragen diff all -->"
    )
    assert marker(replace(plan, environment="--> <b>")) == "<!-- infragen plan b -->"


def test_a_plan_against_a_commit_says_so() -> None:
    """And two environments are told as two that differ."""
    text = as_markdown(replace(everything(), against="origin/main"))
    assert "### `prod` against `origin/main`" in text
    text = as_markdown(replace(everything(), against="dev", between=True))
    assert "### `dev` and `prod`" in text
    assert "1 resources only in prod, 1 only in dev" in text


@pytest.mark.long
@pytest.mark.parametrize(
    ("rows", "value", "said"),
    [
        (10, "x" * 2000, "Long values are cut"),
        (150, "x" * 200, "Long values are cut"),
        (250, "x" * 20, "The values are left out"),
        (500, "x" * 90, "the resources are left out"),
    ],
)
def test_a_long_plan_is_cut_to_the_limit_and_says_what_and_where_the_rest_is(rows: int, value: str, said: str) -> None:
    """Layer by layer, the longest first; the headline, refusals and warnings stay."""
    text = as_markdown(many(rows, value))
    check_markdown(text)
    assert said in text
    assert "**Shortened** to fit a comment" in text
    assert "`infragen plan --env prod` shows everything" in text
    assert "would be replaced by a new one" in text
    assert "460 resources of 500" in text
    assert len(text) > LIMIT / 4


@pytest.mark.long
def test_only_what_must_be_cut_is_cut() -> None:
    """A small layer beside a huge one keeps all its values."""
    plan = everything()
    big = many(400, "x" * 150, layers=1)
    text = as_markdown(replace(plan, stacks=(*plan.stacks, *big.stacks)))
    assert "echo three" in text
    assert text.count("to fit a comment.") == 1
    assert re.search(r"\b1 of \d+ sections", text)


@pytest.mark.long
@given(plans(), st.integers(2000, 6000))
@sweep(10, 1000)
def test_a_comment_fits_any_limit_above_its_frame(plan: EnvironmentPlan, limit: int) -> None:
    """Whatever is in the plan."""
    text = as_markdown(plan, limit=limit)
    assert len(text.encode("utf-16-le", "surrogatepass")) // 2 <= limit
    check_markdown(text)


@pytest.mark.long
def test_thousands_of_layers_warnings_and_refusals_fit() -> None:
    """Not that anybody has them."""
    plan = everything()
    huge = replace(
        many(1, "x", layers=3000),
        warnings=tuple(f"warning {number}" for number in range(9000)),
        refusals=plan.refusals * 3000,
    )
    text = as_markdown(huge, huge)
    check_markdown(text)
    assert "**Shortened**" in text


@given(texts())
@sweep(20, 2000)
def test_a_mention_stays_in_code(text: str) -> None:
    """In the one place that is HTML, the heading of a layer."""
    row = ResourceChange("api", "Add", "Topic", QUEUE)
    plan = EnvironmentPlan("dev", "1", "eu", "nested", (StackPlan(f"@octocat{text}", "", "update", (row,)),))

    class Reader(HTMLParser):
        inside = 0
        outside = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.inside += tag == "code"

        def handle_endtag(self, tag: str) -> None:
            self.inside -= tag == "code"

        def handle_data(self, data: str) -> None:
            if not self.inside:
                self.outside += data

    reader = Reader()
    found = re.search(r"<summary>.*</summary>", as_markdown(plan))
    assert found is not None
    reader.feed(found[0])
    assert "@" not in reader.outside
