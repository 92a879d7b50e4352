"""Plans to show: one with everything in it, and a strategy for any plan with any text."""

import functools
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from infragen.cloud.cloudformation import (
    Cause,
    CauseKind,
    Differs,
    Disagreement,
    PropertyChange,
    PropertyDrift,
    ResourceChange,
    ResourceDrift,
    Source,
)
from infragen.cloud.template import STACK_TYPE
from infragen.config import Difference, Origin
from infragen.config.yamlfile import Place
from infragen.cost import Columns, CostDelta, ResourceDelta
from infragen.gates.access import Widening
from infragen.gates.data_loss import Refusal
from infragen.plan.drift import MISSING, OVERWRITTEN, PERHAPS, STAYS, PlannedDrift, StackDrift
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.secrecy.shown import Absent, KnownAfter, Secret

QUEUE, CLUSTER, ROLE = "AWS::SQS::Queue", "AWS::RDS::DBCluster", "AWS::IAM::Role"
POLICY = {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": {"Fn::Sub": "arn:${X}/*"}}]}
WIDER = {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}]}
OPEN = Widening("permissions", "queue/OrdersPolicy", "queue/OrdersPolicy now lets everyone call sqs:SendMessage", True)
RETENTION = Cause(CauseKind.PARAMETER, "Retention")
SCRIPT = "#!/bin/sh\nset -e\necho one\necho two\n"


def maybe_replaced() -> EnvironmentPlan:
    """A plan with one resource that may be replaced, and the value that would do it."""
    name = PropertyChange(("Properties", "QueueName"), "a", "b", "Always")
    row = ResourceChange("queue", "Modify", "Orders", QUEUE, "Conditional", properties=(name,))
    stack = StackPlan("queue", "shop-prod-queue", "update", (row,), Source.CHANGE_SET)
    return EnvironmentPlan("prod", "123456789012", "eu-central-1", "independent", (stack,))


def everything() -> EnvironmentPlan:
    """A plan with each kind of row, value, stack, refusal and warning."""
    later = KnownAfter("network", "PlatformKeyArn")
    queue = ResourceChange(
        "queue", "Modify", "Orders", QUEUE, "False", physical_id="https://sqs/orders", causes=(RETENTION,),
        properties=(
            PropertyChange(("Properties", "MessageRetentionPeriod"), 345600, 604800, causes=(RETENTION,)),
            PropertyChange(("Properties", "KmsMasterKeyId"), Absent(), later),
            PropertyChange(
                ("Properties", "Tags", 0, "Value"), "a", "b", name="Tags[Team].Value", moved_from=2,
                note="AWS's default",
            ),
            PropertyChange(("Properties", "Password"), Secret(), Secret()),
            PropertyChange(("Properties", "FifoQueue"), None, None),
        ),
    )  # fmt: skip
    cluster = ResourceChange(
        "database", "Modify", "Cluster", CLUSTER, "True", "ReplaceAndSnapshot", "shop-prod", source=Source.TEMPLATE,
        disagreements=(Disagreement(Differs.REPLACEMENT, ("False",)),),
        properties=(PropertyChange(("Properties", "DatabaseName"), "shop", "store", "Always"),),
    )  # fmt: skip
    role = ResourceChange(
        "api", "Modify", "TaskRole", ROLE, "False", reported="Conditional",
        properties=(
            PropertyChange(("Properties", "Policies", 0, "PolicyDocument"), POLICY, {**WIDER, "Key": later}),
            PropertyChange(("Properties", "Script"), SCRIPT, SCRIPT.replace("two", "three")),
        ),
    )  # fmt: skip
    nested = ResourceChange("root", "Modify", "Queue", STACK_TYPE, "Conditional", change_set_id="arn:set")
    added = ResourceChange("api", "Add", "Topic", "AWS::SNS::Topic", renamed="OldTopic")
    removed = ResourceChange("api", "Remove", "OldQueue", QUEUE, policy_action="Delete")
    odd = ResourceChange("api", "Dynamic", "Odd", "Custom::Thing")
    tag = PropertyChange(("Team",), Absent(), "core")
    return EnvironmentPlan(
        environment="prod", account="123456789012", region="eu-central-1", topology="nested",
        stacks=(
            StackPlan("root", "shop-prod", "update", (nested,), Source.CHANGE_SET, tags=(tag,)),
            StackPlan("network", "shop-prod-Network", "none"),
            StackPlan(
                "database", "shop-prod-Database", "update", (cluster,),
                origins={("Cluster", ()): "environments/prod.yaml:12 database"},
            ),
            StackPlan(
                "queue", "shop-prod-Queue", "update", (queue,), Source.CHANGE_SET, widenings=(OPEN,),
                origins={("Orders", ("Properties", "Tags", 0, "Value")): "environments/prod.yaml:7 tags.Team"},
            ),
            StackPlan(
                "api", "", "create", (added, role, removed, odd), waits_for=("network",), notes=("the policy changes",),
                disagreements=(Disagreement(Differs.EMPTY, ("change", "Topic", "DisplayName")),),
            ),
        ),
        capabilities=("CAPABILITY_IAM",),
        refusals=(Refusal("database/Cluster", CLUSTER, "would be replaced by a new one"),),
        warnings=("layer api: 460 resources of 500 that CloudFormation allows",),
        cost=CostDelta(
            Columns(95, 109.2, 231.79), Columns(95.4, 123.4, 232.19),
            (ResourceDelta("queue", "Orders", QUEUE, Columns(), Columns(0.4, 14.2, 0.4)),),
            ("api/Odd: infragen has no prices for Custom::Thing",), "eu-central-1 prices of 2026-11-22",
        ),
        drift=(
            PlannedDrift(
                "queue",
                ResourceDrift(
                    "Orders", "https://sqs/orders", QUEUE, "MODIFIED",
                    (PropertyDrift(("VisibilityTimeout",), 365, 30), PropertyDrift(("Tags", 0), {"K": "a"}, Absent())),
                ),
                PERHAPS, (OVERWRITTEN, STAYS),
            ),
            PlannedDrift("api", ResourceDrift("Gone", "arn:gone", QUEUE, "DELETED"), MISSING),
        ),
        looked=(StackDrift("queue", "shop-prod-Queue", "DRIFTED"), StackDrift("api", "", "UNKNOWN", "not readable")),
    )  # fmt: skip


NASTY = (
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "```", "~~~~", "`", "@octocat", "#1", "<!--",
    "-->", "]]>", "</details>", "</pre>", "\n\n# title", "\r\n```\r\n", "|", "&lt;", '"', "'", "\x00", "\x1b[31m",
    "\u202e", "\ud800", "![x](https://example.org/x.png)", "https://example.org", "<div\n\nstyle='x'>", "\u2028",
    "$(id)", "${X}", "{{resolve:x}}", "😀" * 40, "x" * 3000,
)  # fmt: skip
"""Pieces of text that end or begin something in Markdown, HTML or a terminal."""


def nasty(text: str) -> EnvironmentPlan:
    """A plan with this text in every place."""
    cause, other = Cause(CauseKind.PARAMETER, text), Disagreement(Differs.VALUE, (text, text))
    change = PropertyChange(("Properties", text), f"{text}\nb", {text: [text * 3]}, causes=(cause,), note=text)
    row = ResourceChange("api", text, text, text, "True", text, text, (change,), (cause,), disagreements=(other,))
    stack = StackPlan(
        text, text, "update", (row,), tags=(change,), waits_for=(text,), notes=(text,), disagreements=(other,),
        widenings=(Widening(text, text, text),), origins={(text, ()): text, (text, change.path): text},
    )  # fmt: skip
    setting = Difference(text, Origin(("key",), text, Place(text, 1, 2)), Origin(("key",), [text], Place(text, 1, 2)))
    cost = CostDelta(
        Columns(), Columns(1, 2, 3), (ResourceDelta(text, text, text, Columns(), Columns(1, 2, 3)),), (text,), text
    )  # fmt: skip
    return EnvironmentPlan(
        text, text, text, text, (stack,), (text,), (Refusal(text, text, text),), (text,), settings=(setting,), cost=cost
    )  # fmt: skip


@functools.cache
def texts() -> st.SearchStrategy[str]:
    """Any text, lone surrogates included, often with something nasty in it."""
    pieces = st.sampled_from(NASTY) | st.text(st.characters(), max_size=20)
    return st.lists(pieces, max_size=4).map("".join)


@functools.cache
def _values() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts()
    later = st.builds(KnownAfter, texts(), texts())
    nested = st.recursive(
        leaves | later | st.just(Secret()), lambda inner: st.lists(inner, max_size=3) | _maps(inner), max_leaves=6
    )
    return nested | st.just(Absent()) | st.none()


def _maps(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(texts(), inner, max_size=3)


@functools.cache
def _properties() -> st.SearchStrategy[tuple[PropertyChange, ...]]:
    paths = st.lists(texts() | st.integers(0, 9), min_size=1, max_size=4).map(tuple)
    recreation = st.sampled_from(["Never", "Conditionally", "Always"]) | texts()
    change = st.builds(
        PropertyChange, paths, _values(), _values(), recreation, _causes(), texts(), st.none() | st.integers(), texts(),
    )  # fmt: skip
    return st.lists(change, max_size=3).map(tuple)


@functools.cache
def _causes() -> st.SearchStrategy[tuple[Cause, ...]]:
    return st.lists(st.builds(Cause, st.sampled_from(CauseKind), texts()), max_size=2).map(tuple)


@functools.cache
def _disagreements() -> st.SearchStrategy[tuple[Disagreement, ...]]:
    about = st.lists(texts(), min_size=1, max_size=3).map(tuple)
    return st.lists(st.builds(Disagreement, st.sampled_from(Differs), about), max_size=2).map(tuple)


@functools.cache
def _changes() -> st.SearchStrategy[tuple[ResourceChange, ...]]:
    actions = st.sampled_from(["Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual"]) | texts()
    types = st.sampled_from([QUEUE, CLUSTER, STACK_TYPE]) | texts()
    replacement = st.sampled_from(["", "True", "False", "Conditional"]) | texts()
    change = st.builds(
        ResourceChange, texts(), actions, texts(), types, replacement, texts(), texts(), _properties(),
        _causes(), st.sampled_from(Source), texts(), texts(), _disagreements(), texts(),
    )  # fmt: skip
    return st.lists(change, max_size=4).map(tuple)


@functools.cache
def _stacks() -> st.SearchStrategy[StackPlan]:
    names = st.sampled_from(["root", "network", "api", "api/Inner"]) | texts()
    actions = st.sampled_from(["create", "update", "none", "recreate", "continue"]) | texts()
    lines = st.lists(texts(), max_size=2).map(tuple)
    widenings = st.lists(st.builds(Widening, texts(), texts(), texts(), st.booleans()), max_size=3).map(tuple)
    return st.builds(
        StackPlan, names, texts(), actions, _changes(), st.sampled_from(Source), _properties(), _properties(),
        _properties(), lines, lines, _disagreements(), widenings,
    )  # fmt: skip


@functools.cache
def plans() -> st.SearchStrategy[EnvironmentPlan]:
    """Any plan at all."""
    lines = st.lists(texts(), max_size=3).map(tuple)
    refusals = st.lists(st.builds(Refusal, texts(), texts(), texts()), max_size=3).map(tuple)
    stacks = st.lists(_stacks(), max_size=4).map(tuple)
    settings = st.lists(st.builds(Difference, texts(), _origins(), _origins()), max_size=2).map(tuple)
    return st.builds(
        EnvironmentPlan, texts(), texts(), texts(), texts(), stacks, lines, refusals, lines, texts(), st.booleans(),
        settings, st.none() | _costs(), st.none() | st.floats(0.01, 1e6),
        st.none() | st.lists(_drifts(), max_size=3).map(tuple),
        st.tuples(st.builds(StackDrift, texts(), st.just("stack"), st.just("UNKNOWN"), texts())),
    )  # fmt: skip


@functools.cache
def _drifts() -> st.SearchStrategy[PlannedDrift]:
    paths = st.lists(texts() | st.integers(0, 9), min_size=1, max_size=3).map(tuple)
    properties = st.lists(st.builds(PropertyDrift, paths, _values(), _values()), max_size=3).map(tuple)
    resource = st.builds(ResourceDrift, texts(), texts(), texts(), texts(), properties, texts())
    return st.tuples(texts(), resource, texts()).map(
        lambda made: PlannedDrift(made[0], made[1], made[2], tuple(made[2] for _ in made[1].properties))
    )


@functools.cache
def _costs() -> st.SearchStrategy[CostDelta]:
    amounts = st.floats(0, 1e7)
    columns = st.builds(Columns, amounts, amounts, amounts)
    resources = st.lists(st.builds(ResourceDelta, texts(), texts(), texts(), columns, columns), max_size=8).map(tuple)
    return st.builds(CostDelta, columns, columns, resources, st.lists(texts(), max_size=2).map(tuple), texts())


@functools.cache
def _origins() -> st.SearchStrategy[Origin | None]:
    place = st.none() | st.builds(Place, texts(), st.just(1), st.just(2))
    return st.none() | st.builds(Origin, st.just(("key",)), texts() | st.integers(), place, st.booleans())


def many(rows: int, value: str, layers: int = 6) -> EnvironmentPlan:
    """A big plan: in each layer so many resources with a value that changes to this one."""
    plan = everything()
    change = PropertyChange(("Properties", "Value"), "before", value)
    stacks = tuple(
        StackPlan(
            f"layer{number}",
            f"shop-prod-{number}",
            "update",
            tuple(
                ResourceChange(f"layer{number}", "Modify", f"Id{row}", QUEUE, "False", properties=(change,))
                for row in range(rows)
            ),
        )
        for number in range(layers)
    )
    return replace(plan, stacks=stacks)
