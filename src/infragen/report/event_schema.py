"""The JSON Schema of the lines that `--format json` prints: the one place that says what each of their keys means.

`infragen schema events` prints it and docs/json-events.md is made from it. Objects are open, because keys may be added.
"""

from typing import Any

from infragen.cloud.cloudformation import OnRecover
from infragen.engine.destroy import ENDS
from infragen.engine.left_behind import KINDS
from infragen.engine.outcome import EVIDENCE
from infragen.report.event_document import VERSION
from infragen.report.plan_schema import plan_schema

Schema = dict[str, Any]
PLAN = "urn:infragen:plan"
OUTCOMES = ("deployed", "unchanged", "deleted", "recovered", "failed", "skipped", "unknown")
_MARKS = {
    "time": {"type": "string", "format": "date-time", "description": "when the line was printed, by this machine"},
    "environment": {"type": "string", "description": "name of the environment; empty before its file has been read"},
}


def event_schema() -> Schema:
    """Return the schema of one line (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of infragen",
        "description": "One line of `--format json` of the commands that work on stacks.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in _events()],
        "$defs": {
            **{name: _event(name, *each) for name, each in _events().items()},
            **{name: _object(about, keys) for name, (about, keys) in _parts().items()},
            "plan_document": {**plan_schema(), "$id": PLAN},
        },
    }


def failures_schema() -> Schema:
    """Return the schema of what `infragen diagnose --format json` prints: outcomes, as deployments print them."""
    parts, (about, keys) = _parts(), _work()["outcome"]
    failed = {name: each for name, each in keys.items() if name != "seconds"}
    document = {
        "version": {"const": VERSION, "description": "goes up when a key is removed or changes its meaning"},
        "failures": _list(_object(about, failed), "one for each stack whose last operation failed"),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Why stacks failed",
        **_object("What `diagnose --format json` prints.", document),
        "$defs": {name: _object(*parts[name]) for name in ("cause", "evidence", "setting")},
    }


def event_names() -> tuple[str, ...]:
    """Return the types of lines, in the order in which a run may print them."""
    return tuple(_events())


def part_names() -> tuple[str, ...]:
    """Return the objects that lines hold."""
    return tuple(_parts())


Described = dict[str, tuple[str, dict[str, Schema]]]


def _events() -> Described:
    return {**_beginning(), **_work(), **_end()}


def _beginning() -> Described:
    where = {"account": _text("12-digit account id"), "region": _text("region")}
    return {
        "begin": (
            "The first line.",
            {
                "version": {
                    "const": VERSION,
                    "description": "goes up when something is removed or changes its meaning",
                },
                "command": _text("the command, as `deploy`"),
            },
        ),
        "warning": ("Something to know; it stops nothing.", {"text": _text("a sentence")}),
        "connected": (
            "AWS has said who we are, and it is the account of the environment file.",
            {**where, "partition": _text("as `aws`, `aws-cn`"), "identity": _text("ARN of the caller")},
        ),
        "uploaded": (
            "An artifact was missing in the bucket and is there now.",
            {"bucket": _text("name"), "key": _text("key, with the content's digest"), "bytes": _whole("size")},
        ),
        "preparing": ("A change set is being created.", _STACK),
        "checking_drift": (
            "AWS is detecting drift.",
            {**_STACK, "seconds": _number("since it started")},
        ),
        "plan": ("The plan, before it is executed.", {"plan": {"$ref": PLAN, "description": "as of `plan`"}}),
        "deletion_plan": (
            "The planned deletions, before they are executed.",
            {
                **where,
                "stacks": _list(_ref("deletion"), "in the order in which they go"),
                "shared_bucket": {
                    "type": ["string", "null"],
                    "description": "of an environment that shares its artifact bucket what goes from that, after the "
                    "stacks, as BUCKET/PROJECT-ENVIRONMENT; null where nothing does",
                },
            },
        ),
        "recovery_plan": (
            "The planned recovery of failed stacks, before it is executed.",
            {**where, "stacks": _list(_ref("remedy"), "one for each that needs it")},
        ),
        "leftovers": (
            "Of `changesets prune`: the leftover change sets, before any is deleted.",
            {"stacks": _list(_ref("leftover"), "those that hold change sets which were never executed")},
        ),
    }


def _work() -> Described:
    return {
        "started": (
            "An operation on a stack started.",
            {
                **_STACK,
                "action": _text(
                    "create, update, import, recreate, continue, delete, recover, revert, or follow what ran already"
                ),
            },
        ),
        "resource": (
            "An event of a resource.",
            {
                **_HAPPENED,
                **_RESOURCE,
                "physical_id": _text("AWS's id; empty before it has one"),
                "seconds": _number("how long it was in progress, by AWS's times, where this ends that; else null"),
            },
        ),
        "stack": ("An event of a stack as a whole.", _HAPPENED),
        "notice": (
            "What another service says about a resource that takes long.",
            {"layer": _LAYER, "logical_id": _RESOURCE["logical_id"], "text": _text("its words")},
        ),
        "task_started": (
            "A one-off task was started: the release command of a deployment, or the command of `run`.",
            {
                **_TASK,
                "command": _list(_text("argument"), "what it runs"),
                "image_tag": _text("tag of its image"),
            },
        ),
        "task_log": (
            "A line that the task wrote.",
            {"purpose": _TASK["purpose"], "line": _text("the line, secrets masked")},
        ),
        "task_ended": (
            "The task has ended.",
            {
                **_TASK,
                "exit_code": {"type": ["integer", "null"], "description": "of its container; null where it never ran"},
                "seconds": _number("since it was started"),
            },
        ),
        "rotation_started": ("Of `rotate`: Secrets Manager started a rotation.", _ROTATION),
        "rotation_ended": (
            "Its version is the current one.",
            {**_ROTATION, "seconds": _number("since it was started")},
        ),
        "service_deployment_started": (
            "Of `rotate` and `secrets restart`: ECS started to replace the tasks of a service.",
            _DEPLOYMENT,
        ),
        "service_deployment_ended": (
            "None of the tasks before it is left.",
            {**_DEPLOYMENT, "seconds": _number("since it was started")},
        ),
        "unreachable": (
            "AWS cannot be read at the moment; the operation continues, and so does the command.",
            {"layer": _LAYER, "reason": _text("why")},
        ),
        "heartbeat": (
            "The command is alive; printed after a minute without another line.",
            {
                "seconds": _number("since the work started"),
                "stacks": _list(_text("name"), "the stacks that are worked on"),
                "work": _list(_ref("work"), "what is in progress in them, the longest first"),
            },
        ),
        "outcome": (
            "The outcome of a stack; each has exactly one.",
            {
                **_STACK,
                "outcome": {"enum": [*OUTCOMES], "description": "what became of it"},
                "status": _text("AWS's status, where there is one"),
                "message": _text(
                    "what happened, for `failed` and `unknown`; for `skipped` why, where it needs nothing that failed"
                ),
                "hint": _text("what to type next; may be empty"),
                "cause": _maybe("cause", "for `failed`: the first true failure; null when no resource failed"),
                "evidence": _list(_ref("evidence"), "for `failed`: what other services say about it"),
                "needs": _text("for `skipped`: the layer that was not deployed, if it is for want of one"),
                "left": _list(_text("an id"), "what is left behind, kept, or no longer as the stack says"),
                "notes": _list(_text("a sentence"), "for `deployed`: what it does not prove, where no task ran"),
                "seconds": _number("how long it took; null where nothing was started"),
            },
        ),
    }


def _end() -> Described:
    values = {"type": "object", "additionalProperties": {"type": "string"}, "description": "name to value"}
    outcomes = {"type": "object", "additionalProperties": {"enum": [*OUTCOMES]}, "description": "layer to outcome"}
    return {
        "pruned": (
            "Of `changesets prune`: what was deleted.",
            {
                "deleted": _whole("how many change sets"),
                "refused": _list(_text("a stack and AWS's words"), "one for each that could not be deleted"),
            },
        ),
        "left": (
            "After a deletion: what is left in AWS.",
            {"resources": _list(_ref("left_resource"), "empty where nothing is")},
        ),
        "outputs": ("After a deployment: addresses and names for people and scripts.", {"values": values}),
        "error": (
            "What ended the command, or kept it from beginning.",
            {
                "kind": _text(
                    "`InputError`, `Refused`, `CloudError`, `Conflict` or their like; a bug is `InfragenError`"
                ),
                "message": _text("what is wrong, with the place in the file where there is one"),
                "hint": _text("what to type next; may be empty"),
            },
        ),
        "finished": (
            "The last line of every run.",
            {
                "exit_code": _whole("the process's exit code"),
                "meaning": _text("the exit code in words"),
                "outcomes": outcomes,
                "root_cause": _maybe("cause", "the first true failure in any stack; null without one"),
                "still_running": _list(_text("name"), "stacks that AWS may still be working on"),
            },
        ),
    }


def _parts() -> Described:
    return {**_parts_of_work(), **_parts_of_removal()}


def _parts_of_work() -> Described:
    return {
        "cause": (
            "The first true failure of a resource, in AWS's words.",
            {
                "layer": _LAYER,
                **_RESOURCE,
                "physical_id": _text("AWS's id; may be empty"),
                "status": _text("as `CREATE_FAILED`"),
                "reason": _text("AWS's words"),
                "aws_time": {"type": ["string", "null"], "description": "when, by AWS's clock"},
                "cancelled": _whole("how many other resources were cancelled because of it"),
                "setting": _maybe("setting", "where it comes from; null where no setting decides it"),
            },
        ),
        "evidence": (
            "What another service says about a failure.",
            {
                "kind": {"enum": [*EVIDENCE], "description": "; ".join(f"`{k}`: {v}" for k, v in EVIDENCE.items())},
                "text": _text("in that service's words; secrets are hidden"),
            },
        ),
        "setting": (
            "A key of the environment file.",
            {
                "key": _text("as `database.engine_version`, `queues[0]`"),
                "file": _text("the file that writes it; it may be one that the environment extends"),
                "line": _whole("counted from 1"),
                "column": _whole("counted from 1"),
                "written": {
                    "type": "boolean",
                    "description": "false for a default: then the place is that of its section",
                },
            },
        ),
        "work": (
            "A resource in progress.",
            {
                "layer": _LAYER,
                **_RESOURCE,
                "status": _text("as `CREATE_IN_PROGRESS`"),
                "seconds": _number("for how long"),
                "usual_minutes": {
                    "type": ["array", "null"],
                    "items": {"type": "integer"},
                    "description": "from and to, how long that usually takes; null where it is quick or unknown",
                },
            },
        ),
    }


def _parts_of_removal() -> Described:
    return {
        "deletion": (
            "A stack to delete.",
            {
                **_STACK,
                "status": _text("AWS's status"),
                "protections": _list(_text("a stack's name, or layer/LogicalId"), "what must be switched off first"),
                "resources": _list(_ref("fate"), "what it holds, nested stacks included"),
            },
        ),
        "fate": (
            "What becomes of a resource.",
            {
                "layer": _LAYER,
                **_RESOURCE,
                "physical_id": _text("AWS's id"),
                "fate": {"enum": [*ENDS.values()], "description": "snapshotted means: and then deleted"},
            },
        ),
        "left_resource": (
            "Something that a deletion leaves in AWS.",
            {
                "kind": {"enum": [*KINDS], "description": "; ".join(f"`{k}`: {v}" for k, v in KINDS.items())},
                "place": _text_or_null("layer/LogicalId; null where no stack had it"),
                "resource_type": _text("the CloudFormation type"),
                "id": _text_or_null("physical id, name or ARN; null for a snapshot or backup that was not listed"),
                "usd_a_month": _number("what it costs; null where that is not known"),
                "per_gb": {"type": "boolean", "description": "whether that is for each GB that it holds"},
                "before": _text_or_null("what to do before the command; null where nothing has to be done"),
                "command": _text_or_null("what removes it; null where only the service's console does"),
            },
        ),
        "remedy": (
            "What recovers a stack.",
            {
                **_STACK,
                "status": _text("AWS's status"),
                "action": {"enum": [each.value for each in OnRecover], "description": "what will be done"},
                "why": _text("what had failed"),
                "stuck": _list(_ref("obstacle"), "what a rollback could not put back"),
                "skipped": _list(_text("layer/LogicalId"), "resources that the rollback skips"),
                "deletion": _maybe("deletion", "what is deleted, where that is the remedy"),
                "loses": _list(_ref("fate"), "what holds data and goes with a rollback"),
            },
        ),
        "leftover": (
            "A stack with change sets that were never executed.",
            {
                "stack": _text("name"),
                "deletable": _list(_text("ARN"), "change sets that can be deleted"),
                "stuck": _whole("nested change sets that AWS deletes only with their stack"),
                "total": _whole("all change sets that the stack lists, of about a thousand"),
                "in_use": _whole("change sets of another run, less than an hour old: they stay"),
                "empty": {
                    "type": "boolean",
                    "description": "whether it is a stack in review that holds nothing: it is deleted as a whole",
                },
            },
        ),
        "obstacle": (
            "A resource that a rollback could not put back.",
            {
                "place": _text("layer/LogicalId"),
                "resource_type": _RESOURCE["resource_type"],
                "reason": _text("AWS's words"),
            },
        ),
    }


def _event(name: str, about: str, keys: dict[str, Schema]) -> Schema:
    kind = {"const": name, "description": "the type of the line"}
    return _object(about, {"type": kind, **_MARKS, **keys})


def _object(about: str, keys: dict[str, Schema]) -> Schema:
    return {"description": about, "type": "object", "properties": keys, "required": [*keys]}


def _list(items: Schema, about: str) -> Schema:
    return {"type": "array", "items": items, "description": about}


def _text(about: str) -> Schema:
    return {"type": "string", "description": about}


def _text_or_null(about: str) -> Schema:
    return {"type": ["string", "null"], "description": about}


def _whole(about: str) -> Schema:
    return {"type": "integer", "description": about}


def _number(about: str) -> Schema:
    return {"type": ["number", "null"], "description": about}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _maybe(name: str, about: str) -> Schema:
    return {"anyOf": [_ref(name), {"type": "null"}], "description": about}


_LAYER = _text("layer; of a stack nested in a layer's, `layer/LogicalId`; `root` and `artifacts` beside the layers")
_TASK: dict[str, Schema] = {
    "purpose": {"enum": ["release", "run"], "description": "what the task is for"},
    "task": {"type": "string", "description": "its ARN"},
}
_ROTATION = {"secret": _text("ARN of the secret"), "version": _text("id of the version that it makes")}
_DEPLOYMENT = {"service": _text("ARN of the ECS service"), "deployment": _text("ECS's id of the deployment")}
_STACK = {"layer": _LAYER, "stack": _text("the stack's name")}
_RESOURCE = {"logical_id": _text("its name in the template"), "resource_type": _text("as `AWS::SQS::Queue`")}
_HAPPENED = {
    **_STACK,
    "status": _text("AWS's status, as `CREATE_IN_PROGRESS`"),
    "reason": _text("AWS's words; may be empty"),
    "aws_time": {"type": "string", "format": "date-time", "description": "when, by AWS's clock"},
    "event_id": _text("AWS's id of the event; each is reported once"),
}
