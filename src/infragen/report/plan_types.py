"""The plan document, key by key: its types, and what each key means.

It is the one definition: `plan_document` makes objects of these types, text, Markdown and HTML read nothing else of a
plan, and `plan_schema` makes the JSON Schema of them, of which docs/plan-json.md is made. A docstring describes the
object, the text beside a type the key. The objects are JSON's own.
"""

from typing import Annotated, Literal, NotRequired, Required, TypedDict

Kind = Literal["add", "import", "change", "revision", "replace", "remove", "other"]
Step = str | int
Sentence = Annotated[str, "a sentence"]


class LaterPart(TypedDict):
    """A part that is known later."""

    path: Annotated[list[Step], "where in the value; its words stand in its place"]
    layer: Annotated[str, "the layer that gives it"]
    name: Annotated[str, "the output of that layer"]


class Value(TypedDict, total=False):
    """`kind` says how surely the value is known."""

    kind: Required[str]
    value: object
    text: str
    layer: str
    name: str
    later: list[LaterPart]


class Property(TypedDict):
    """A parameter, a tag or an output."""

    name: Annotated[str, "the path as people read it, `Tags[Team].Value`"]
    path: Annotated[
        list[Step],
        "the path, from the resource attribute on, also into JSON written as text; numbers are list positions or "
        "lines, of the new value, and of the old one for what is taken out",
    ]
    before: Annotated[Value, "the value as it is deployed"]
    after: Annotated[Value, "the value as it will be"]
    recreation: Annotated[str, "AWS's `Never`, `Conditionally` or `Always`: whether changing it replaces the resource"]
    cause: Annotated[str, "what makes it change when that is not the template itself: a parameter, another resource"]
    moved_from: Annotated[
        int | None, "the position that an element of a list had, when it only moves and has no values here"
    ]
    note: Annotated[str, "what else there is to know of the change"]
    origin: Annotated[str, "the place in the environment file that decides the value; empty where none does"]
    forces: NotRequired[Annotated[bool, "whether this value forces the replacement"]]


class Interruption(TypedDict):
    """What the change does to the running service."""

    level: Annotated[str, "how much; `impossible` is always refused"]
    what: Annotated[str, "what is interrupted, and for how long; empty for `none`"]


class Ignored(TypedDict):
    """One attribute whose drift AWS does not look at, or does not put back."""

    path: Annotated[list[Step], "the path, from the resource attribute on"]
    reason: Annotated[str, "AWS's `MANAGED_BY_AWS`, `WRITE_ONLY_PROPERTY` or `SENSITIVE_PROPERTY`"]
    text: Sentence


class Row(TypedDict):
    """What happens to one resource."""

    place: Annotated[str, "`layer/LogicalId`"]
    layer: Annotated[str, "name of the layer"]
    logical_id: Annotated[str, "logical id"]
    type: Annotated[str, "CloudFormation resource type"]
    kind: Annotated[
        Kind,
        "what happens, in one word; what may replace the resource counts as `replace`, or as `revision` where what AWS "
        "calls a replacement is the next revision of the same thing; an action that this version does not know is "
        "`other`",
    ]
    remark: Annotated[str, "what becomes of a resource that is replaced or removed, in words"]
    counted: Annotated[
        bool,
        "whether the summary counts it; not for a nested stack whose own layer tells all of it, nor for what only "
        "shows other resources",
    ]
    action: Annotated[str, "AWS's `Add`, `Modify`, `Remove`, `Import`, `Dynamic` or `SyncWithActual`"]
    replacement: Annotated[str, "AWS's `True`, `False` or `Conditional`; empty where the action has none"]
    reported: Annotated[str, "AWS's own value of `replacement` where the resource's schema decided otherwise"]
    policy_action: Annotated[str, "AWS's `Delete`, `Retain`, `Snapshot` or `ReplaceAnd…`; empty where nothing goes"]
    physical_id: Annotated[str, "physical id; empty while there is none"]
    source: Annotated[str, "`change set`, `template`, or `both` where AWS and the comparison of templates say it"]
    change_set_id: Annotated[str, "of a nested stack: its own change set"]
    causes: Annotated[
        list[Annotated[str, "a cause"]], "what makes the resource change when that is not the template itself"
    ]
    origin: Annotated[str, "the place in the environment file that decides the resource; empty where none does"]
    drift: Annotated[list[Sentence], "with `plan --drift`: what was changed in it outside CloudFormation"]
    renamed: Annotated[str, "the other logical id of a resource removed under one name and added under another"]
    disagreements: Annotated[list[Sentence], "what AWS's change set and the comparison of templates say differently"]
    properties: Annotated[list[Property], "the values that change"]
    interruption: Interruption
    drift_status: Annotated[
        str, "of a drift-aware change set: AWS's `MODIFIED`, `DELETED`, `IN_SYNC` or `UNKNOWN`; empty of any other"
    ]
    ignored: Annotated[list[Ignored], "of a drift-aware change set: the attributes whose drift it leaves"]


class Refusal(TypedDict):
    """One resource with data that would be lost."""

    place: Annotated[str, "`layer/LogicalId`, as `--allow-data-loss` takes it"]
    type: Annotated[str, "CloudFormation resource type"]
    why: Annotated[str, "what would happen to it"]


class Widening(TypedDict):
    """A change that widens access compared with the deployed stack."""

    place: Annotated[str, "`layer/LogicalId`, as `--allow-widening` takes it"]
    kind: Annotated[str, "`permissions` or `network`"]
    sentence: Annotated[str, "what becomes possible, and what was before"]
    grave: Annotated[bool, "whether it reaches beyond the account or has no limit"]
    gated: Annotated[
        bool,
        "whether it must be approved by name; not for what a new stack needs within its account, nor for rights that "
        "stay inside the environment",
    ]


class Wiring(TypedDict):
    """What only passes values on between stacks, or shows other resources; nothing that a summary counts."""

    parameters: Annotated[list[Annotated[str, "a parameter"]], "parameters that another stack feeds"]
    outputs: Annotated[list[Annotated[str, "an output"]], "outputs that other stacks take"]
    display: Annotated[list[Annotated[str, "a logical id"]], "dashboards that show what changes"]


class Stack(TypedDict):
    """What happens to one stack."""

    layer: Annotated[str, "name of the layer, `root`, or `layer/LogicalId` of a stack nested in a layer"]
    stack: Annotated[str, "name of the stack; empty while it has none"]
    action: Annotated[
        str,
        "`create`, `update`, `none`, `recreate` (what is left of a failed creation is removed first), `continue`, or "
        "`revert` (`drift --revert` puts back what was changed by hand)",
    ]
    source: Annotated[str, "`change set` where AWS computed the changes, `template` where infragen compared templates"]
    waits_for: Annotated[
        list[Annotated[str, "a layer"]], "layers that must be deployed before the rest of this one can be known"
    ]
    changes: Annotated[list[Row], "one for each resource that changes"]
    parameters: Annotated[list[Property], "parameters of the stack itself that change"]
    tags: Annotated[list[Property], "tags of the stack itself that change"]
    outputs: Annotated[list[Property], "outputs of the stack that change"]
    notes: Annotated[list[Sentence], "what else changes"]
    widenings: Annotated[list[Widening], "how it widens access; of a new stack, all access it opens"]
    settings: Annotated[
        list[Property],
        "termination protection, stack policies, service role, rollback triggers, notifications and what a failure "
        "leaves that change; one with a `note` stays, and the note says "
        "what AWS will do",
    ]
    losses: Annotated[list[Refusal], "what changes in place and keeps or protects less, allowed or not"]
    disagreements: Annotated[list[Sentence], "what AWS's change set and the comparison of templates say differently"]
    details: Annotated[list[Sentence], "those of the notes that explain the plan and decide nothing"]
    wiring: Wiring


class SettingValue(TypedDict):
    """A value in force."""

    value: Annotated[object, "any JSON value"]
    origin: Annotated[str, "`file:line`, `default`, or `computed` from other keys"]


class Setting(TypedDict):
    """A key of environment files with two values."""

    key: Annotated[str, "the key, `queues.mail.fifo`"]
    before: Annotated[SettingValue | None, "the other environment's `value` and its `origin`; null where it has none"]
    after: Annotated[SettingValue | None, "this environment's"]


class Usd(TypedDict):
    """One amount for each load."""

    minimum: Annotated[float, "the smallest capacity and light traffic"]
    expected: Annotated[float, "the load of `cost.expected` in the environment file"]
    maximum: Annotated[float, "all capacity, all month"]


class ResourceCost(TypedDict):
    """What one resource costs before and after."""

    place: Annotated[str, "`layer/LogicalId`"]
    layer: Annotated[str, "name of the layer"]
    logical_id: Annotated[str, "logical id"]
    type: Annotated[str, "CloudFormation resource type"]
    before: Annotated[Usd, "as it is deployed"]
    after: Annotated[Usd, "as it will be"]


class Cost(TypedDict):
    """What the environment costs in a month before and after, under the load that its file expects."""

    text: Annotated[str, "the change as the summary says it; empty where nothing costs more or less"]
    before: Annotated[Usd, "what is deployed"]
    after: Annotated[Usd, "what will be"]
    change: Annotated[Usd, "the difference"]
    resources: Annotated[list[ResourceCost], "the resources whose cost changes"]
    unpriced: Annotated[list[Sentence], "what is new or changed, costs or may cost, and is not in these figures"]
    prices: Annotated[str, "whose prices these are, and of when"]


Effect = Annotated[str, "what the deployment does about it, in words that follow `it`"]


class DriftedProperty(TypedDict):
    """One property."""

    name: Annotated[str, "the path as people read it"]
    path: Annotated[list[Step], "the path in the resource's properties"]
    expected: Annotated[Value, "what the template says"]
    actual: Annotated[Value, "what is there"]
    fate: Effect


class Drift(TypedDict):
    """One resource that was changed outside CloudFormation."""

    place: Annotated[str, "`layer/LogicalId`"]
    layer: Annotated[str, "name of the layer"]
    logical_id: Annotated[str, "logical id"]
    type: Annotated[str, "CloudFormation resource type"]
    status: Annotated[str, "AWS's `MODIFIED`, `DELETED` or `UNKNOWN`"]
    reason: Annotated[str, "AWS's words, where there are any"]
    fate: Effect
    properties: Annotated[list[DriftedProperty], "the properties that differ"]


class Looked(TypedDict):
    """Whether one stack has drifted."""

    layer: Annotated[str, "name of the layer, `root` or `artifacts`"]
    stack: Annotated[str, "name of the stack"]
    status: Annotated[str, "`DRIFTED`, `IN_SYNC`, `UNKNOWN`, or `NOT_CHECKED` in a state in which AWS does not look"]
    reason: Annotated[str, "why that is not a plain yes or no, where it is none"]


Verdict = Annotated[
    Literal["ok", "wrong", "unknown"],
    "`ok`, `wrong`, or `unknown` where a call was denied or not answered in time, or it has no call",
]


class Answer(TypedDict):
    """One answer."""

    verdict: Verdict
    text: Annotated[str, "what was looked at and what it is"]
    hint: Annotated[str, "what to do, empty where nothing is to be done"]
    stops: Annotated[bool, "whether `deploy` refuses it without `--skip-check`"]
    late: Annotated[bool, "whether it stands for an answer that did not come in time"]


class Check(TypedDict):
    """One check of the account."""

    id: Annotated[str, "the check, as `--skip-check` names it"]
    verdict: Verdict
    answers: Annotated[list[Answer], "what it found, one answer for each thing that was asked"]


class Release(TypedDict):
    """The release command: a task of its own with the new image; when it fails, nothing after it is deployed."""

    text: Annotated[str, "the same as one line"]
    command: Annotated[list[Annotated[str, "argument"]], "program and arguments"]
    image_tag: Annotated[str, "tag of the image"]
    digest: Annotated[str, "digest of the image"]
    timeout_minutes: Annotated[int, "minutes after which it is stopped"]
    cpu: Annotated[int, "CPU units"]
    memory: Annotated[int, "MiB"]
    before: Annotated[str, "layer of the stack before which it runs: `api` or `root`"]


_Summary = TypedDict(  # `import` is no name in a class
    "_Summary",
    {
        "text": Annotated[str, "the same as one line"],
        "add": Annotated[int, "how many resources are created"],
        "import": Annotated[int, "how many that exist are taken over into a stack"],
        "change": Annotated[int, "how many are updated in place"],
        "revision": Annotated[int, "how many get a new revision, and nothing that runs is replaced: task definitions"],
        "replace": Annotated[int, "how many are, or may be, replaced by a new one"],
        "remove": Annotated[int, "how many are removed from their stack"],
        "other": Annotated[int, "for how many it is known only when the deployment runs"],
    },
)


class Summary(_Summary):
    """How many resources change."""


class Plan(TypedDict):
    """What a deployment of one environment will do."""

    environment: Annotated[str, "name of the environment"]
    account: Annotated[str, "12-digit account id"]
    region: Annotated[str, "region"]
    topology: Annotated[str, "`nested` (one root stack) or `independent` (a stack for each layer)"]
    against: Annotated[str, "what the templates were compared with where AWS was not asked; empty for what is deployed"]
    between: Annotated[
        bool, "whether that is another environment: `add` is what only this one has, `remove` what only that one"
    ]
    changed: Annotated[bool, "whether there is anything to do, even if no resource changes (outputs, tags)"]
    summary: Annotated[Summary, "how many resources change, by kind"]
    refusals: Annotated[list[Refusal], "what `deploy` refuses without the flag that allows it"]
    warnings: Annotated[list[Sentence], "what deserves a second look and stops nothing"]
    capabilities: Annotated[list[Annotated[str, "AWS's name"]], "capabilities that the change sets acknowledge"]
    settings: Annotated[list[Setting], "between two environments: values in which their files differ"]
    cost: Annotated[Cost | None, "what the deployment changes in the monthly cost; null where that was not estimated"]
    budget: Annotated[
        float | None, "`cost.budget`: USD a month above which a deployment may not raise the cost; or null"
    ]
    over_budget: Annotated[bool, "whether it does; `deploy` refuses it then without `--allow-cost`"]
    drift: Annotated[
        list[Drift] | None, "with `plan --drift`: the resources that are not as their stack says; null without"
    ]
    looked: Annotated[list[Looked], "with `plan --drift`: what a look for drift found of each stack"]
    checks: Annotated[list[Check], "what the account said to what the deployment changes"]
    running_tag: Annotated[str, "tag of the API's image that runs; empty for the placeholder, or without an API"]
    image_tag: Annotated[str, "tag that will run after the deployment; empty likewise"]
    release: Annotated[Release | None, "the command that runs before the API is deployed; null where none does"]
    stacks: Annotated[list[Stack], "one for each layer, in deployment order"]
    reverts_drift: Annotated[
        bool, "whether it is the plan of `drift --revert`: each value goes from what is there to the template's"
    ]


class Document(TypedDict):
    """What `infragen plan --format json` prints."""

    version: Annotated[int, "goes up when a key is removed or changes its meaning"]
    plans: Annotated[list[Plan], "one for each environment that was asked for"]
