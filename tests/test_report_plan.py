"""A plan as people read it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from plans import everything
from rich.cells import cell_len
from rows import causes, property_of, summary

from infragen.changes.stack_tags import TAGGED
from infragen.cloud.cloudformation import Differs, Disagreement, PropertyChange, ResourceChange, Source
from infragen.cloud.template import STACK_TYPE
from infragen.cost import CostDelta
from infragen.cost.columns import always
from infragen.gates.access import Widening
from infragen.gates.data_loss import Refusal
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.plan import Detail, plan_lines
from infragen.report.plan_document import kind
from infragen.report.plan_words import BESIDES, DISAGREE, RENAMED, SIGNS, pair, shown
from infragen.report.wrapping import SIGN
from infragen.secrecy.shown import Absent, KnownAfter, Secret

QUEUE = "AWS::SQS::Queue"
CLUSTER = "AWS::RDS::DBCluster"


def plan(*stacks: StackPlan, refusals: Sequence[Refusal] = (), warnings: Sequence[str] = ()) -> EnvironmentPlan:
    return EnvironmentPlan(
        "dev", "111111111111", "eu-west-1", "nested", stacks, refusals=tuple(refusals), warnings=tuple(warnings)
    )


def update(*changes: ResourceChange, **more: object) -> StackPlan:
    return StackPlan("queue", "shop-dev-queue", "update", changes, **more)  # type: ignore[arg-type]  # keys as each test gives them


def text(shown_plan: EnvironmentPlan, width: int = 200, detail: Detail = Detail.ROWS) -> list[str]:
    """The lines of a plan, without the legend of its marks."""
    first, *lines = [line.plain for line in plan_lines(shown_plan, width, detail)]
    while lines and first.startswith("Plan for") and lines[0]:
        lines = lines[1:]
    return [first, *lines]


def test_nothing_to_change_is_one_line() -> None:
    """With the account and region that were looked at."""
    assert text(plan(StackPlan("queue", "q", "none"))) == ["dev in account 111111111111, eu-west-1: nothing to change"]


def test_every_action_has_its_mark_and_the_last_line_counts_them() -> None:
    """Added, changed, replaced, removed, and what only AWS knows."""
    changes = (
        ResourceChange("queue", "Add", "New", QUEUE),
        ResourceChange("queue", "Modify", "Same", QUEUE, "False"),
        ResourceChange("queue", "Modify", "Other", QUEUE, "True", "ReplaceAndSnapshot"),
        ResourceChange("queue", "Modify", "Perhaps", QUEUE, "Conditional"),
        ResourceChange("queue", "Remove", "Old", QUEUE, policy_action="Retain"),
        ResourceChange("queue", "Dynamic", "Odd", QUEUE),
    )
    assert text(plan(update(*changes))) == [
        "Plan for dev in account 111111111111, eu-west-1",
        "",
        "queue  shop-dev-queue: update  (from comparing templates)",
        f"    + New      {QUEUE}",
        f"    ~ Same     {QUEUE}",
        f"  -/+ Other    {QUEUE}  replaced: the old one is snapshotted, then deleted",
        f"  -/+ Perhaps  {QUEUE}  may be replaced",
        f"    - Old      {QUEUE}  kept in AWS, no longer managed",
        f"    ? Odd      {QUEUE}  Dynamic: what happens is known only when it runs",
        "",
        "interrupts nothing that runs",
        "1 to add, 1 to change, 2 to replace, 1 to remove, 1 unknown until it runs",
    ]


@pytest.mark.parametrize("replacement", ["True", "Conditional", "Maybe", "unheard of"])
def test_a_replacement_that_is_not_ruled_out_counts_as_one(replacement: str) -> None:
    """Whatever AWS may say one day."""
    assert kind(ResourceChange("queue", "Modify", "Q", QUEUE, replacement)) == "replace"


def test_values_show_before_and_after_and_why() -> None:
    """Paths without the word Properties; what is known later says after what; a cause is named."""
    properties = (
        PropertyChange(("Properties", "Tags", 0, "Value"), "a", "b"),
        PropertyChange(("Properties", "KmsMasterKeyId"), Absent(), KnownAfter("network", "PlatformKeyArn")),
        PropertyChange(("Properties", "QueueName"), "old", "new", "Always"),
        PropertyChange(("Properties", "Policy"), {"Ref": "X"}, {"Ref": "X"}, causes=causes("resource X")),
        PropertyChange(("DeletionPolicy",), None, None),
    )
    lines = text(plan(update(ResourceChange("queue", "Modify", "Q", QUEUE, "True", properties=properties))))
    assert lines[4:9] == [
        "        Tags[0].Value  a -> b",
        "        KmsMasterKeyId  (none) -> (known after network: PlatformKeyArn)",
        "        QueueName  old -> new  forces the replacement",
        "        Policy  because of resource X",
        "        DeletionPolicy",
    ]


@pytest.mark.parametrize("width", [80, 200])
def test_long_values_are_cut_to_the_width_with_their_length(width: int) -> None:
    """No line of a change is longer than the terminal."""
    before, after = "b" * 1234, {"Statement": ["a" * 999]}
    change = PropertyChange(("Properties", "Policy"), before, after)
    lines = text(plan(update(ResourceChange("queue", "Modify", "Q", QUEUE, "False", properties=(change,)))), width)
    assert lines[4].strip() == "Policy"
    assert "(1234 characters)" in lines[5]
    assert lines[6].lstrip().startswith('-> {"Statement"')
    assert max(map(len, lines[4:7])) <= width


def test_a_value_of_many_lines_is_one_line() -> None:
    """A script or a policy does not break the table."""
    assert shown("a\n  b", 40) == "a b"
    assert shown("", 40) == '""'


def test_a_nested_stack_shows_what_its_layer_does_not() -> None:
    """A new tag of the stack itself is a change that no section of a layer would tell."""
    properties = (
        PropertyChange(("Properties", "TemplateURL"), "old", "new"),
        PropertyChange(("Properties", "Tags", 0, "Value"), "a", "b"),
    )
    row = ResourceChange("root", "Modify", "Queue", STACK_TYPE, "Conditional", properties=properties)
    whole = plan(StackPlan("root", "shop-dev", "update", (row,)), StackPlan("queue", "shop-dev-Queue", "none"))
    assert summary(whole) == "0 to add, 1 to change, 0 to replace, 0 to remove"
    lines = text(whole)
    assert "    ~ Queue  AWS::CloudFormation::Stack" in lines
    assert "        Tags[0].Value  a -> b" in lines
    assert not any("TemplateURL" in line for line in lines)


def test_a_nested_stack_that_only_might_change_is_unchanged() -> None:
    """AWS lists each nested stack, because something in it might change; what else it says of one is told."""
    automatic = PropertyChange(("Properties",), None, None, causes=causes("nested stack"))
    tag = PropertyChange(("Properties", "Tags", 0, "Value"), "a", "b")
    for properties, count in (
        ((automatic,), 0),
        ((automatic, tag), 1),
        ((replace(automatic, causes=causes("parameter x")),), 1),
    ):
        row = ResourceChange("root", "Modify", "Queue", STACK_TYPE, "Conditional", properties=properties)
        whole = plan(StackPlan("root", "shop-dev", "update", (row,)), StackPlan("queue", "shop-dev-Queue", "none"))
        assert summary(whole) == f"0 to add, {count} to change, 0 to replace, 0 to remove"
        lines = text(whole)
        assert ("    ~ Queue  AWS::CloudFormation::Stack" in lines) is bool(count)
        assert not any("because of nested stack" in line for line in lines)


def test_stacks_that_nest_a_layer_are_not_counted_unless_removed() -> None:
    """The layers inside are counted; a removed one takes everything in it along and is shown."""
    rows = (
        ResourceChange("root", "Modify", "Queue", STACK_TYPE, "Conditional"),
        ResourceChange("root", "Remove", "Cache", STACK_TYPE, policy_action="Delete"),
    )
    root = StackPlan("root", "shop-dev", "update", rows)
    whole = plan(root, update(ResourceChange("queue", "Modify", "Q", QUEUE, "False")))
    assert summary(whole) == "0 to add, 1 to change, 0 to replace, 1 to remove"
    lines = text(whole)
    assert any("- Cache" in line for line in lines)
    assert not any("Queue  AWS::CloudFormation::Stack" in line for line in lines)


def test_tags_and_parameters_of_a_new_stack_are_left_out() -> None:
    """They are all new; of a stack that exists they are shown."""
    tags = (PropertyChange(("Team",), Absent(), "core"),)
    created = StackPlan("queue", "shop-dev-queue", "create", (), tags=tags)
    assert not any("Team" in line for line in text(plan(created)))
    assert any(line == "  tag Team  (none) -> core" for line in text(plan(update(tags=tags))))


def test_refusals_and_warnings_are_part_of_the_plan() -> None:
    """The reader of a plan learns before the deployment what it will refuse."""
    lines = text(
        plan(
            update(ResourceChange("queue", "Remove", "Q", QUEUE)),
            refusals=[Refusal("queue/Q", QUEUE, "would be removed")],
            warnings=["90 of 100"],
        )
    )
    assert lines[0] == "warning: 90 of 100"
    assert f"refused without --allow-data-loss queue/Q ({QUEUE}) would be removed" in lines


def test_what_waits_for_a_layer_and_what_is_unchanged_is_said() -> None:
    """Independent stacks: the second is known in full once the first is there."""
    waiting = StackPlan("api", "shop-dev-api", "create", (), waits_for=("network",))
    lines = text(plan(StackPlan("network", "shop-dev-network", "none"), waiting))
    assert "    + api  0 resources, waits for network" in lines
    whole = text(plan(StackPlan("network", "shop-dev-network", "none"), waiting), detail=Detail.ALL)
    assert "api  shop-dev-api: create  (from comparing templates; waits for network)" in whole
    assert "unchanged: network" in lines


def test_what_lets_more_through_is_told_one_by_one() -> None:
    """In a new stack only what reaches beyond the account; the rest of it is a number."""
    wider = Widening("permissions", "queue/Role", "the role queue/Role may now call sqs:* on every queue")
    grave = Widening("network", "queue/Group", "queue/Group accepts tcp 22 from 0.0.0.0/0", grave=True)
    port = Widening("network", "queue/Group", "queue/Group accepts tcp 443 from 10.0.0.0/8")
    lines = text(plan(update(ResourceChange("queue", "Modify", "Role", "AWS::IAM::Role", "False"), widenings=(wider,))))
    assert "    ! the role queue/Role may now call sqs:* on every queue" in lines
    assert lines[-2] == "access widens (marked !): `deploy` asks, or takes --allow-widening LAYER/ID"
    created = StackPlan("queue", "q", "create", widenings=(wider, grave, port, port))
    assert text(plan(created))[3:5] == [
        "    ! queue/Group accepts tcp 22 from 0.0.0.0/0",
        "      opens 1 permission and 2 network paths, within the account",
    ]
    quiet = text(plan(StackPlan("queue", "q", "create", widenings=(port,))))
    assert "      opens 1 network path, within the account" in quiet
    assert not any("access widens" in line for line in quiet)


def test_a_month_above_the_budget_is_told() -> None:
    """With the flag that would allow it; what is cheaper than now is not above it."""
    dear = replace(plan(update()), cost=CostDelta(always(390), always(412.5)), budget=400)
    assert "refused without --allow-cost 412.50 USD a month is more than cost.budget, 400.00" in text(dear)
    for after, budget in ((412.5, 500), (389, 380)):
        cost = CostDelta(always(390), always(after))
        assert not any("budget" in line for line in text(replace(dear, cost=cost, budget=budget)))


def modified(*properties: PropertyChange, name: str = "Q", **more: object) -> ResourceChange:
    return ResourceChange("queue", "Modify", name, QUEUE, "False", properties=properties, **more)  # type: ignore[arg-type]  # keys as each test gives them


def test_what_the_sources_say_differently_is_beneath_the_row() -> None:
    """Also where nothing is to change at all, and of the whole stack."""
    row = modified(disagreements=(Disagreement(Differs.ONLY_TEMPLATE, ("change",)),), source=Source.TEMPLATE)
    assert "        ≠ the sources disagree: AWS's change set does not change it" in text(plan(update(row)))
    quiet = StackPlan("queue", "q", "none", disagreements=(Disagreement(Differs.EMPTY, ("change", "Q")),))
    assert text(plan(quiet), 200)[-1] == (
        "    ≠ the sources disagree: queue: comparing templates would change Q, and AWS's change set is empty"
    )


def test_the_header_says_when_both_sources_speak_and_a_row_when_only_one_does() -> None:
    """A row of its own source needs no word."""
    rows = (modified(source=Source.BOTH), modified(name="Own", source=Source.TEMPLATE), modified(name="Theirs"))
    lines = text(plan(update(*rows, source=Source.CHANGE_SET)))
    assert lines[2].endswith("(from AWS's change set, compared with the templates)")
    assert lines[5] == "        · only comparing templates says so"
    assert not any("only" in line for line in lines[6:])


def test_a_renamed_resource_is_pointed_out_where_it_is_added() -> None:
    """Once is enough: the removed one is named."""
    rows = (
        ResourceChange("queue", "Add", "New", QUEUE, renamed="Old"),
        ResourceChange("queue", "Remove", "Old", QUEUE, policy_action="Delete", renamed="New"),
    )
    lines = [line.strip() for line in text(plan(update(*rows))) if "≈" in line]
    assert lines == ["≈ looks like Old under another name: AWS deletes that and creates this"]


def test_a_secret_that_changes_says_so_and_no_more() -> None:
    """Two secrets look the same, and are not."""
    changes = (
        PropertyChange(("Properties", "Password"), Secret(), Secret()),
        PropertyChange(("Properties", "ApiKey"), Absent(), Secret()),
    )
    lines = text(plan(update(modified(*changes))))
    assert "        Password  (secret) -> (secret, changed)" in lines
    assert "        ApiKey  (none) -> (secret)" in lines


def test_a_moved_element_a_note_and_the_line_of_the_file_are_said() -> None:
    """Beside the value where there is room, below it where not."""
    moved = PropertyChange(("Properties", "Tags", 1), name="Tags[Team]", moved_from=0, note="order only")
    decided = PropertyChange(("Properties", "Delay"), 1, 2)
    lines = {("Q", ("Properties", "Delay")): "environments/dev.yaml:7 queues[0].delay_seconds"}
    stack = update(modified(moved, decided), origins=lines)
    assert "        Tags[Team]  moved from position 0  order only" in text(plan(stack))
    assert "        Delay  1 -> 2  from environments/dev.yaml:7 queues[0].delay_seconds" in text(plan(stack))
    assert text(plan(stack), 64)[-5:-3] == [
        "        Delay  1 -> 2",
        "          from environments/dev.yaml:7 queues[0].delay_seconds",
    ]


def test_many_resources_that_only_get_the_stacks_tags_are_one_line() -> None:
    """Three are told one by one; with a change of its own each is told, without its tags."""
    tag = PropertyChange(("Tags",), causes=(TAGGED,))
    few, many = ([modified(tag, name=f"Q{n}") for n in range(count)] for count in (3, 4))
    own = modified(tag, PropertyChange(("Properties", "Delay"), 1, 2), name="Own")
    assert sum("Tags" in line for line in text(plan(update(*few)))) == 3
    lines = text(plan(update(*many, own)))
    assert "    ~ 4 more: only their tags change, as the stack's do" in lines
    assert not any("Tags" in line for line in lines)
    assert lines[-1].startswith("0 to add, 5 to change")


def test_what_would_replace_is_told_apart_from_what_does() -> None:
    """A value that may turn out to be the same forces nothing."""
    change = PropertyChange(("Properties", "QueueName"), "a", "b", "Always")
    rows = [
        ResourceChange("queue", "Modify", "Q", QUEUE, each, properties=(change,)) for each in ("True", "Conditional")
    ]
    assert [text(plan(update(row)))[4] for row in rows] == [
        "        QueueName  a -> b  forces the replacement",
        "        QueueName  a -> b  would replace it",
    ]


def test_long_values_are_cut_around_what_differs() -> None:
    """What is shared at the beginning is left out; the whole length is told."""
    before, after = ("x" * 300 + each + "y" * 300 for each in ("old", "new"))
    cut = pair(property_of(PropertyChange(("P",), before, after)), 80)
    assert ["old" in cut[0], "new" in cut[1]] == [True, True]
    assert all(each.startswith("…") and each.endswith("… (603 characters)") and len(each) <= 80 for each in cut)
    assert pair(property_of(PropertyChange(("P",), "a" * 10, "b" * 10)), 80) == ("a" * 10, "b" * 10)


def too_long(lines: Sequence[str], width: int) -> list[str]:
    """The lines that are wider although they could be broken: of more than one word and its sign."""
    return [each for each in lines if cell_len(each) > width and sum(len(word) > SIGN for word in each.split()) > 1]


def crowded() -> EnvironmentPlan:
    """A plan with something long in every place."""
    sentence = "this sentence is longer than most terminals are wide, and is told in each of the places that take one"
    name, type_ = "ALogicalIdThatIsRatherLongForItsColumn", "AWS::ElasticLoadBalancingV2::TargetGroup"
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/" + "shop-prod-" * 20
    values = (
        PropertyChange(("Properties", "A"), "old " * 30, "new " * 60, "Always"),
        PropertyChange(
            ("Properties", "Deep" * 30, "Path"), 1, 2, causes=causes("parameter " + "P" * 50), note=sentence
        ),
        PropertyChange(("Properties", "Tags"), causes=causes(", ".join(f"resource R{n}" for n in range(30)))),
    )
    rows = (
        ResourceChange(
            "queue", "Modify", name, type_, "True", "ReplaceAndSnapshot", properties=values, reported="Conditional",
            disagreements=(Disagreement(Differs.VALUE, (sentence, arn)),),
        ),
        ResourceChange("queue", "Add", "Short", QUEUE, renamed="R" * 60),
        ResourceChange("queue", "Dynamic", "Odd", "Custom::Thing" + "g" * 50),
    )  # fmt: skip
    widening = Widening("permissions", "queue/Role", f"the role queue/Role may now call {sentence} {arn}", grave=True)
    stack = StackPlan(
        "queue", "shop-prod-Queue-1ABCDEFGHIJKL", "update", rows, Source.CHANGE_SET, tags=(values[0],),
        notes=(sentence,), widenings=(widening,), disagreements=(Disagreement(Differs.EMPTY, ("change", sentence)),),
        waits_for=("network", "database", "observability"),
        origins={
            ("Short", ()): "environments/prod.yaml:40 workers[0]",
            (name, values[0].path): f"a.yaml:1 {'key.' * 20}x",
        },
    )  # fmt: skip
    refused = Refusal("database/Cluster", CLUSTER, sentence)
    return replace(everything(), stacks=(stack, *everything().stacks), refusals=(refused,), warnings=(sentence, arn))


@pytest.mark.long
@pytest.mark.parametrize("whole", [crowded(), everything()], ids=["crowded", "everything"])
def test_no_line_is_longer_than_the_terminal_is_wide(whole: EnvironmentPlan) -> None:
    """At every width; but for a single word that is longer, which nobody could use in two pieces."""
    said = {each for line in text(whole, 100_000) for each in line.split() if len(each) < 40}
    for width in range(60, 201):
        lines = text(whole, width)
        assert too_long(lines, width) == []
        assert [each for each in lines if each != each.rstrip()] == []
    assert {each for each in said if not any(each in line for line in lines)} == set()


def test_what_goes_on_in_the_next_line_stands_further_right() -> None:
    """A heading below its rows' signs, a sentence below its first word, a remark below the values."""
    wider = Widening(
        "permissions", "queue/Role", "the role queue/Role may now call sqs:* on every queue of the account"
    )
    row = ResourceChange("queue", "Modify", "Orders", QUEUE, "True", "ReplaceAndSnapshot")
    lines = text(plan(update(row, widenings=(wider,), waits_for=("network", "database"))), 60)
    assert lines[2:8] == [
        "queue: update  (from comparing templates; waits for network,",
        "    database)",
        f"  -/+ Orders  {QUEUE}",
        "          replaced: the old one is snapshotted, then deleted",
        "    ! the role queue/Role may now call sqs:* on every queue",
        "      of the account",
    ]


def test_logical_ids_give_way_to_their_types() -> None:
    """One column for all where both fit beside each other; else each type follows its id."""
    rows = [modified(name=name) for name in ("Q", "Q" * 40)]
    for width, expected in ((200, 40), (60, 37), (40, 17)):
        first = next(each for each in text(plan(update(*rows)), width) if "~" in each)
        assert first == f"    ~ {'Q'.ljust(expected)}  {QUEUE}"


def test_every_mark_is_explained() -> None:
    """A reader of a plan finds each sign on the page about plans."""
    page = (Path(__file__).parents[1] / "docs" / "reading-a-plan.md").read_text("utf-8")
    for mark in (*SIGNS.values(), DISAGREE, RENAMED, BESIDES, "!"):
        assert f"| `{mark}` |" in page
    for words in (str(Secret()), str(Absent()), "(secret, changed)", "(not told)", str(TAGGED)):
        assert words in page
