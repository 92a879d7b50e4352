"""The JSON Schema of the plan document: the one place that says what each of its keys means.

`infragen schema plan` prints it and docs/plan-json.md is made from it. Objects are open, because keys may be added.
"""

from typing import Any

from infragen.report.checks import check_schema
from infragen.report.plan_document import VERSION
from infragen.report.plan_words import SIGNS
from infragen.resource_types.interruption import LEVELS

Schema = dict[str, Any]
_SAID = {
    "add": "how many resources are created",
    "import": "how many that exist are taken over into a stack",
    "change": "how many are updated in place",
    "revision": "how many get a new revision, and nothing that runs is replaced: task definitions",
    "replace": "how many are, or may be, replaced by a new one",
    "remove": "how many are removed from their stack",
    "other": "for how many it is known only when the deployment runs",
}


def plan_schema() -> Schema:
    """Return the schema of the whole document (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A plan of infragen",
        **_object(
            "What `infragen plan --format json` prints.",
            version={"const": VERSION, "description": "goes up when a key is removed or changes its meaning"},
            plans=_list({"$ref": "#/$defs/plan"}, "one for each environment that was asked for"),
        ),
        "$defs": {
            "plan": {"title": "A plan", **_plan()},
            "summary": {"title": "Summary", **_summary()},
            "refusal": {"title": "A refusal", **_refusal()},
            "widening": {"title": "A widening", **_widening()},
            "setting": {"title": "A value of two files", **_setting()},
            "cost": {"title": "Cost", **_cost()},
            "cost_resource": {"title": "The cost of a resource", **_cost_resource()},
            "usd": {"title": "Three amounts", **_usd()},
            "drift": {"title": "A drifted resource", **_drift()},
            "release": {"title": "The release command", **_release()},
            "check": {"title": "A check of the account", **check_schema()},
            "looked": {"title": "A stack that was looked at", **_looked()},
            "stack": {"title": "A stack", **_stack()},
            "change": {"title": "A change of a resource", **_change()},
            "resource_property": {"title": "A value of a resource that changes", **_resource_property()},
            "property": {"title": "A value of a stack that changes", **_property()},
            "value": {"title": "One side of a change", **_value()},
        },
    }


def _plan() -> Schema:
    return _object(
        "What a deployment of one environment will do.",
        environment=_text("name of the environment"),
        account=_text("12-digit account id"),
        region=_text("region"),
        topology=_text("`nested` (one root stack) or `independent` (a stack for each layer)"),
        against=_text("what the templates were compared with where AWS was not asked; empty for what is deployed"),
        between=_flag(
            "whether that is another environment: `add` is what only this one has, `remove` what only that one"
        ),
        changed=_flag("whether there is anything to do, even if no resource changes (outputs, tags)"),
        summary=_ref("summary", "how many resources change, by kind"),
        refusals=_list({"$ref": "#/$defs/refusal"}, "what `deploy` refuses without the flag that allows it"),
        warnings=_list(_text("a sentence"), "what deserves a second look and stops nothing"),
        capabilities=_list(_text("AWS's name"), "capabilities that the change sets acknowledge"),
        settings=_list({"$ref": "#/$defs/setting"}, "between two environments: values in which their files differ"),
        cost={
            "anyOf": [{"$ref": "#/$defs/cost"}, {"type": "null"}],
            "description": "what the deployment changes in the monthly cost; null where that was not estimated",
        },
        budget={
            "type": ["number", "null"],
            "description": "`cost.budget`: USD a month above which a deployment may not raise the cost; or null",
        },
        over_budget=_flag("whether it does; `deploy` refuses it then without `--allow-cost`"),
        drift={
            "anyOf": [_list({"$ref": "#/$defs/drift"}, ""), {"type": "null"}],
            "description": "with `plan --drift`: the resources that are not as their stack says; null without",
        },
        looked=_list({"$ref": "#/$defs/looked"}, "with `plan --drift`: what a look for drift found of each stack"),
        checks=_list({"$ref": "#/$defs/check"}, "what the account said to what the deployment changes"),
        running_tag=_text("tag of the API's image that runs; empty for the placeholder, or without an API"),
        image_tag=_text("tag that will run after the deployment; empty likewise"),
        release={
            "anyOf": [{"$ref": "#/$defs/release"}, {"type": "null"}],
            "description": "the command that runs before the API is deployed; null where none does",
        },
        stacks=_list({"$ref": "#/$defs/stack"}, "one for each layer, in deployment order"),
    )


def _release() -> Schema:
    return _object(
        "The release command: a task of its own with the new image; when it fails, nothing after it is deployed.",
        text=_text("the same as one line"),
        command=_list(_text("argument"), "program and arguments"),
        image_tag=_text("tag of the image"),
        digest=_text("digest of the image"),
        timeout_minutes={"type": "integer", "description": "minutes after which it is stopped"},
        cpu={"type": "integer", "description": "CPU units"},
        memory={"type": "integer", "description": "MiB"},
        before=_text("layer of the stack before which it runs: `api` or `root`"),
    )


def _drift() -> Schema:
    fate = _text("what the deployment does about it, in words that follow `it`")
    drifted = _object(
        "One property.",
        name=_text("the path as people read it"),
        path=_list({"type": ["string", "integer"]}, "the path in the resource's properties"),
        expected=_ref("value", "what the template says"),
        actual=_ref("value", "what is there"),
        fate=fate,
    )
    return _object(
        "One resource that was changed outside CloudFormation.",
        place=_text("`layer/LogicalId`"),
        layer=_text("name of the layer"),
        logical_id=_text("logical id"),
        type=_text("CloudFormation resource type"),
        status=_text("AWS's `MODIFIED`, `DELETED` or `UNKNOWN`"),
        reason=_text("AWS's words, where there are any"),
        fate=fate,
        properties=_list(drifted, "the properties that differ"),
    )


def _looked() -> Schema:
    return _object(
        "Whether one stack has drifted.",
        layer=_text("name of the layer, `root` or `artifacts`"),
        stack=_text("name of the stack"),
        status=_text("`DRIFTED`, `IN_SYNC`, `UNKNOWN`, or `NOT_CHECKED` in a state in which AWS does not look"),
        reason=_text("why that is not a plain yes or no, where it is none"),
    )


def _summary() -> Schema:
    numbers = {kind: {"type": "integer", "minimum": 0, "description": _SAID[kind]} for kind in SIGNS}
    return _object("How many resources change.", text=_text("the same as one line"), **numbers)


def _refusal() -> Schema:
    return _object(
        "One resource with data that would be lost.",
        place=_text("`layer/LogicalId`, as `--allow-data-loss` takes it"),
        type=_text("CloudFormation resource type"),
        why=_text("what would happen to it"),
    )


def _widening() -> Schema:
    return _object(
        "A change that widens access compared with the deployed stack.",
        place=_text("`layer/LogicalId`, as `--allow-widening` takes it"),
        kind=_text("`permissions` or `network`"),
        sentence=_text("what becomes possible, and what was before"),
        grave=_flag("whether it reaches beyond the account or has no limit"),
        gated=_flag(
            "whether it must be approved by name; not for what a new stack needs within its account, nor for "
            "rights that stay inside the environment"
        ),
    )


def _setting() -> Schema:
    side = _object(
        "A value in force.",
        value={"description": "any JSON value"},
        origin=_text("`file:line`, `default`, or `computed` from other keys"),
    )
    either = {"anyOf": [side, {"type": "null"}]}
    return _object(
        "A key of environment files with two values.",
        key=_text("the key, `queues.mail.fifo`"),
        before={**either, "description": "the other environment's `value` and its `origin`; null where it has none"},
        after={**either, "description": "this environment's"},
    )


def _cost() -> Schema:
    return _object(
        "What the environment costs in a month before and after, under the load that its file expects.",
        text=_text("the change as the summary says it; empty where nothing costs more or less"),
        before=_ref("usd", "what is deployed"),
        after=_ref("usd", "what will be"),
        change=_ref("usd", "the difference"),
        resources=_list({"$ref": "#/$defs/cost_resource"}, "the resources whose cost changes"),
        unpriced=_list(_text("a sentence"), "what is new or changed, costs or may cost, and is not in these figures"),
        prices=_text("whose prices these are, and of when"),
    )


def _cost_resource() -> Schema:
    return _object(
        "What one resource costs before and after.",
        place=_text("`layer/LogicalId`"),
        layer=_text("name of the layer"),
        logical_id=_text("logical id"),
        type=_text("CloudFormation resource type"),
        before=_ref("usd", "as it is deployed"),
        after=_ref("usd", "as it will be"),
    )


def _usd() -> Schema:
    figure = {"type": "number"}
    return _object(
        "One amount for each load.",
        minimum={**figure, "description": "the smallest capacity and light traffic"},
        expected={**figure, "description": "the load of `cost.expected` in the environment file"},
        maximum={**figure, "description": "all capacity, all month"},
    )


def _stack() -> Schema:
    return _object(
        "What happens to one stack.",
        layer=_text("name of the layer, `root`, or `layer/LogicalId` of a stack nested in a layer"),
        stack=_text("name of the stack; empty while it has none"),
        action=_text(
            "`create`, `update`, `none`, `recreate` (what is left of a failed creation is removed first) or `continue`"
        ),
        source=_text("`change set` where AWS computed the changes, `template` where infragen compared templates"),
        waits_for=_list(_text("a layer"), "layers that must be deployed before the rest of this one can be known"),
        changes=_list({"$ref": "#/$defs/change"}, "one for each resource that changes"),
        parameters=_list({"$ref": "#/$defs/property"}, "parameters of the stack itself that change"),
        tags=_list({"$ref": "#/$defs/property"}, "tags of the stack itself that change"),
        outputs=_list({"$ref": "#/$defs/property"}, "outputs of the stack that change"),
        notes=_list(_text("a sentence"), "what else changes"),
        widenings=_list({"$ref": "#/$defs/widening"}, "how it widens access; of a new stack, all access it opens"),
        settings=_list(
            {"$ref": "#/$defs/property"},
            "termination protection, stack policies, service role that change; one with a `note` stays, and the note "
            "says what AWS will do",
        ),
        losses=_list({"$ref": "#/$defs/refusal"}, "what changes in place and keeps or protects less, allowed or not"),
        disagreements=_list(
            _text("a sentence"), "what AWS's change set and the comparison of templates say differently"
        ),
        details=_list(_text("a sentence"), "those of the notes that explain the plan and decide nothing"),
        wiring=_object(
            "What only passes values on between stacks, or shows other resources; nothing that a summary counts.",
            parameters=_list(_text("a parameter"), "parameters that another stack feeds"),
            outputs=_list(_text("an output"), "outputs that other stacks take"),
            display=_list(_text("a logical id"), "dashboards that show what changes"),
        ),
    )


def _change() -> Schema:
    return _object(
        "What happens to one resource.",
        place=_text("`layer/LogicalId`"),
        layer=_text("name of the layer"),
        logical_id=_text("logical id"),
        type=_text("CloudFormation resource type"),
        kind={
            "enum": [*SIGNS],
            "description": "what happens, in one word; what may replace the resource counts as `replace`, or as "
            "`revision` where what AWS calls a replacement is the next revision of the same thing; an action that this "
            "version does not know is `other`",
        },
        remark=_text("what becomes of a resource that is replaced or removed, in words"),
        counted=_flag(
            "whether the summary counts it; not for a nested stack whose own layer tells all of it, nor for what only "
            "shows other resources"
        ),
        action=_text("AWS's `Add`, `Modify`, `Remove`, `Import`, `Dynamic` or `SyncWithActual`"),
        replacement=_text("AWS's `True`, `False` or `Conditional`; empty where the action has none"),
        reported=_text("AWS's own value of `replacement` where the resource's schema decided otherwise"),
        policy_action=_text("AWS's `Delete`, `Retain`, `Snapshot` or `ReplaceAnd…`; empty where nothing goes"),
        physical_id=_text("physical id; empty while there is none"),
        source=_text("`change set`, `template`, or `both` where AWS and the comparison of templates say it"),
        change_set_id=_text("of a nested stack: its own change set"),
        causes=_list(_text("a cause"), "what makes the resource change when that is not the template itself"),
        origin=_text("the place in the environment file that decides the resource; empty where none does"),
        drift=_list(_text("a sentence"), "with `plan --drift`: what was changed in it outside CloudFormation"),
        renamed=_text("the other logical id of a resource removed under one name and added under another"),
        disagreements=_list(
            _text("a sentence"), "what AWS's change set and the comparison of templates say differently"
        ),
        properties=_list({"$ref": "#/$defs/resource_property"}, "the values that change"),
        interruption=_object(
            "What the change does to the running service.",
            level={"enum": [*LEVELS], "description": "how much; `impossible` is always refused"},
            what=_text("what is interrupted, and for how long; empty for `none`"),
        ),
    )


def _property() -> Schema:
    return _object("A parameter, a tag or an output.", **_property_keys())


def _resource_property() -> Schema:
    forces = _flag("whether this value forces the replacement")
    return _object("A property, or another attribute of a resource.", **_property_keys(), forces=forces)


def _property_keys() -> dict[str, Schema]:
    return {
        "name": _text("the path as people read it, `Tags[Team].Value`"),
        "path": _list(
            {"type": ["string", "integer"]},
            "the path, from the resource attribute on, also into JSON written as text; numbers are list positions or "
            "lines, of the new value, and of the old one for what is taken out",
        ),
        "before": _ref("value", "the value as it is deployed"),
        "after": _ref("value", "the value as it will be"),
        "recreation": _text("AWS's `Never`, `Conditionally` or `Always`: whether changing it replaces the resource"),
        "cause": _text("what makes it change when that is not the template itself: a parameter, another resource"),
        "moved_from": {
            "type": ["integer", "null"],
            "description": "the position that an element of a list had, when it only moves and has no values here",
        },
        "note": _text("what else there is to know of the change"),
        "origin": _text("the place in the environment file that decides the value; empty where none does"),
    }


def _value() -> Schema:
    text = _text("the same in words")
    kept: Schema = {"description": "any JSON value; unresolved intrinsics in their long form"}
    later = _object(
        "A part that is known later.",
        path=_list({"type": ["string", "integer"]}, "where in the value; its words stand in its place"),
        layer=_text("the layer that gives it"),
        name=_text("the output of that layer"),
    )
    return {
        "description": "`kind` says how surely the value is known.",
        "oneOf": [
            _case("known", "the value", value=kept),
            _case("absent", "there is no such value", text=text),
            _case("secret", "must not be shown; on both sides it is, or may be, another one", text=text),
            _case("not told", "the source gives no values", text=text),
            _case(
                "later",
                "exists only after a layer is deployed",
                text=text,
                layer=_text("the layer that gives it"),
                name=_text("the output of that layer"),
            ),
            _case("partly later", "parts of it exist only later", value=kept, later=_list(later, "those parts")),
            _case("other", "something this version has only words for", text=text),
        ],
    }


def _case(kind: str, about: str, **keys: Schema) -> Schema:
    return _object(about, kind={"const": kind}, **keys)


# --- pieces -----------------------------------------------------------------------------------------------------


def _object(about: str, **keys: Schema) -> Schema:
    return {"description": about, "type": "object", "properties": keys, "required": [*keys]}


def _list(items: Schema, about: str) -> Schema:
    return {"type": "array", "items": items, "description": about}


def _text(about: str) -> Schema:
    return {"type": "string", "description": about}


def _flag(about: str) -> Schema:
    return {"type": "boolean", "description": about}


def _ref(name: str, about: str) -> Schema:
    return {"$ref": f"#/$defs/{name}", "description": about}
