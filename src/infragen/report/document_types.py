"""The documents that commands print with `--format json`, key by key: their types, and what each key means.

They are the one definition, as `plan_types` is of plans: reports make objects of these types, and `document_schema`
makes the JSON Schemas of them, which `infragen schema` prints and docs/json-documents.md is made from. A docstring
describes the object, the text beside a type the key. Those of `ps`, `logs`, `redrive` and `secrets` are made with
`keys`, that of `diagnose` has the outcomes of `event_schema`.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

from infragen.report.plan_types import Check, Step, Usd, Value

Version = Annotated[int, "goes up when a key is removed or changes its meaning"]
Text = Annotated[str, "a text"]


class StackStatus(TypedDict):
    """A stack."""

    layer: Annotated[str, "layer, `root` or `artifacts`"]
    stack: Annotated[str, "name of the stack"]
    status: Annotated[str, "status in CloudFormation's word, or `absent`"]
    reason: Annotated[str, "CloudFormation's reason of it; may be empty"]
    since: Annotated[str | None, "when its last operation started; null without one"]
    protected: Annotated[bool, "whether termination protection is on"]
    hint: Annotated[str, "what to type where its state needs something; else empty"]
    cause: Annotated[str, "what failed first, where its last operation failed; else empty"]
    image_tag: Annotated[
        str | None, "tag of the API's image; empty for the placeholder, null of a stack without an API"
    ]
    commit: Annotated[str, "commit that it was deployed from; empty where that is not known"]


class Status(TypedDict):
    """What `status --format json` prints."""

    version: Version
    stacks: Annotated[list[StackStatus], "one for each stack that the environment has or should have"]


class Finding(TypedDict):
    """One finding of the linter."""

    environment: Annotated[str, "name of the environment"]
    layer: Annotated[str, "layer of the template"]
    rule: Annotated[str, "id of the rule, as `W3005`"]
    level: Annotated[Literal["error", "warning", "informational"], "how grave it is; `--fail-on` names one of them"]
    message: Annotated[str, "the linter's words; not those about a secret"]
    path: Annotated[list[Step], "where in the template"]
    file: Annotated[str, "the file to change: the project's own where it wrote that, else the rendered template"]
    line: Annotated[int, "counted from 1"]
    column: Annotated[int, "counted from 1"]
    about: Annotated[str, "address of a page about the rule"]
    rendered: Annotated[str, "`file:line:column` in the rendered template"]


class Findings(TypedDict):
    """What `lint --format json` prints."""

    version: Version
    findings: Annotated[list[Finding], "the findings of all environments"]


class PricesUsed(TypedDict):
    """The prices that were used."""

    region: Annotated[str, "region"]
    date: Annotated[str, "when they were in force"]
    label: Annotated[str, "where they are from"]


class Price(TypedDict):
    """A price."""

    name: Annotated[str, "its name in a price file"]
    usd: Annotated[float, "USD for a unit"]
    unit: Annotated[str, "what it is for"]
    source: Annotated[str, "AWS's page, or the price file"]


class CostItem(TypedDict):
    """One item of what a resource costs."""

    what: Annotated[str, "what is paid for"]
    quantity: Annotated[Usd, "units in a month"]
    price: Price
    cost: Annotated[Usd, "USD in a month"]


class EstimatedResource(TypedDict):
    """A resource."""

    place: Annotated[str, "`layer/LogicalId`"]
    layer: Annotated[str, "name of the layer"]
    logical_id: Annotated[str, "logical id"]
    type: Annotated[str, "CloudFormation resource type"]
    cost: Annotated[Usd, "USD in a month"]
    items: Annotated[list[CostItem], "what it is made of"]
    unpriced: Annotated[list[Text], "what it may cost and is not in these figures"]


class EnvironmentCost(TypedDict):
    """The estimate of an environment."""

    environment: Annotated[str, "name of the environment"]
    region: Annotated[str, "region"]
    prices: PricesUsed
    total: Annotated[Usd, "USD in a month"]
    layers: Annotated[dict[str, Usd], "layer to USD in a month"]
    resources: Annotated[list[EstimatedResource], "one for each resource of the templates that costs or may cost"]
    assumptions: Annotated[list[Text], "what the figures rest on"]


class Costs(TypedDict):
    """What `cost --format json` prints."""

    version: Version
    currency: Annotated[Literal["USD"], "the currency of all amounts"]
    estimates: Annotated[list[EnvironmentCost], "one for each environment"]


class Config(TypedDict):
    """What `config --format json` prints."""

    version: Version
    environment: Annotated[
        dict[str, object],
        "the values in force, with the keys of `infragen schema environment`; what looks like a secret is `(secret)`",
    ]
    origins: Annotated[dict[str, str], "key to where it is written: `file:line`, `default`, or `computed` from others"]


class PolicyStatement(TypedDict):
    """A statement, in the keys of IAM."""

    Sid: NotRequired[Annotated[str, "its id"]]
    Effect: Annotated[Literal["Allow", "Deny"], "what it does"]
    Action: NotRequired[Annotated[str | list[str], "the actions it is about"]]
    NotAction: NotRequired[Annotated[str | list[str], "it is about all actions but these"]]
    Resource: Annotated[str | list[str], "ARNs"]
    Condition: NotRequired[Annotated[dict[str, dict[str, object]], "operator to condition key to value"]]


class Policy(TypedDict):
    """What `policy` prints: a policy as IAM takes it."""

    Version: Annotated[Literal["2012-10-17"], "IAM's version of the policy language"]
    Statement: Annotated[list[PolicyStatement], "the statements"]


class PropertyDrifted(TypedDict):
    """A property that is not as the template says."""

    name: Annotated[str, "the path as people read it"]
    path: Annotated[list[Step], "the path in the resource's properties"]
    expected: Annotated[Value, "what the template says"]
    actual: Annotated[Value, "what is there"]


class ResourceDrifted(TypedDict):
    """A resource that is not as the template says, or not known to be."""

    place: Annotated[str, "`layer/LogicalId`"]
    logical_id: Annotated[str, "logical id"]
    physical_id: Annotated[str, "physical id"]
    type: Annotated[str, "CloudFormation resource type"]
    status: Annotated[str, "AWS's `MODIFIED`, `DELETED` or `UNKNOWN`"]
    reason: Annotated[str, "AWS's words, where there are any"]
    properties: Annotated[list[PropertyDrifted], "the properties that differ"]


class Unsupported(TypedDict):
    """A resource that AWS cannot compare."""

    place: Annotated[str, "`layer/LogicalId`"]
    type: Annotated[str, "CloudFormation resource type"]


DriftStatus = Annotated[
    str, "`DRIFTED`, `IN_SYNC`, `UNKNOWN`, or `NOT_CHECKED` in a state in which AWS does not detect drift"
]


class StackDrifted(TypedDict):
    """A stack."""

    layer: Annotated[str, "name of the layer, `root` or `artifacts`"]
    stack: Annotated[str, "name of the stack"]
    status: DriftStatus
    reason: Annotated[str, "why that is not a plain yes or no, where it is none"]
    checked: Annotated[int, "resources that AWS compared"]
    resources: Annotated[list[ResourceDrifted], "those that differ, or may"]
    unsupported: Annotated[list[Unsupported], "those that AWS cannot compare"]


class DriftFound(TypedDict):
    """What `drift --format json` prints without --revert."""

    version: Version
    environment: Annotated[str, "name of the environment"]
    account: Annotated[str, "12-digit account id; empty where the file names none"]
    region: Annotated[str, "region"]
    status: DriftStatus
    summary: Annotated[str, "one line for people"]
    stacks: Annotated[list[StackDrifted], "one for each stack"]


class Doctor(TypedDict):
    """What `doctor --format json` prints."""

    version: Version
    environment: Annotated[str, "name of the environment"]
    account: Annotated[str, "12-digit account id"]
    region: Annotated[str, "region"]
    summary: Annotated[str, "one line for people"]
    created_roles: Annotated[list[Text], "service-linked roles that `--fix` created"]
    checks: Annotated[list[Check], "the checks that had something to ask"]


class ImagePut(TypedDict):
    """What `image put --format json` prints."""

    version: Version
    repository: Annotated[str, "name of the repository"]
    image: Annotated[str, "the image's address, tag included; `TAG` stands for one that was not given"]
    tag: Annotated[str | None, "its tag; null where none was given and no image was registered"]
    digest: Annotated[str | None, "its digest; null without --local, where no image is registered"]
    new: Annotated[bool, "whether this run registered it"]
    left_out: Annotated[list[Text], "what .dockerignore left out of it"]
    command: Annotated[str | None, "without --local the command that builds and pushes the image; else null"]


class ImageCopy(TypedDict):
    """What `image promote --format json` prints."""

    version: Version
    repository: Annotated[str, "name of the repository that has the copy"]
    tag: Annotated[str, "its tag"]
    digest: Annotated[str, "its digest, the same as that of the source"]
    new: Annotated[bool, "whether this run made it; false where it was there already"]
    layers_copied: Annotated[int, "layers that were copied"]
    layers_there: Annotated[int, "layers that were there already"]


class KilledRun(TypedDict):
    """What a run of the emulator kept that was killed."""

    saved_at: Annotated[str | None, "when it saved its state last; null: never"]
    stacks: Annotated[list[str], "the stacks that it kept"]
    operations: Annotated[list[str], "the stacks whose operation was cut off"]


class EmulatorStatus(TypedDict):
    """What `local status --format json` and `local start --format json` print."""

    version: Version
    running: Annotated[bool, "whether the emulator runs"]
    endpoint_url: Annotated[str | None, "its endpoint; null when it does not run"]
    pid: Annotated[int | None, "its process; null when it does not run"]
    state_dir: Annotated[str, "the directory with its state"]
    parts: Annotated[dict[str, str], "part to what it runs, in a word or two; a part that only keeps records says why"]
    killed: Annotated[KilledRun | None, "how the last run ended, if it was killed; null otherwise"]
