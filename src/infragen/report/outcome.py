"""How an operation ended, and what is deployed, as text and for programs."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from rich.text import Text

from infragen.engine.outcome import Deleted, Deployed, Failed, Outcome, Recovered, Skipped, Unchanged, Unknown
from infragen.engine.status import LayerStatus
from infragen.errors import InputError
from infragen.report import document_types as made
from infragen.report.wrapping import wrapped
from infragen.secrecy.masking import mask
from infragen.secrecy.visible import shown, shown_json


def word(outcome: Outcome) -> tuple[str, str]:
    """Return an outcome in a word, and the colour of that word."""
    match outcome:
        case Deployed():
            return "deployed", "green"
        case Unchanged():
            return "unchanged", "dim"
        case Deleted():
            return "deleted", "green"
        case Recovered():
            return "recovered", "green"
        case Failed():
            return "failed", "red"
        case Skipped():
            return "skipped", "yellow"
        case Unknown():
            return "unknown", "red"


def outcome_lines(outcomes: Sequence[Outcome]) -> Iterator[Text]:
    """Yield one line for each stack, and what the user must know about it."""
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_columns, outcomes), strict=True)]
    for each in outcomes:
        layer, said, stack = (text.ljust(size) for text, size in zip(_columns(each), widths, strict=True))
        yield Text.assemble((layer, "bold"), "  ", (said, word(each)[1]), f"  {stack}  {_detail(each)}".rstrip())
        for note in each.notes if isinstance(each, Deployed) else ():
            yield Text(f"  note: {note}", style="yellow")


def outcome_markdown(outcomes: Sequence[Outcome]) -> str:
    """Return a table of the stacks, and what failed, for the summary of a CI job."""
    rows = "".join(f"<tr><td>{_cell(each.layer)}<td>{_cell(word(each)[0])}<td>{_cell(each.stack)}" for each in outcomes)
    head = "<tr><th>layer<th>outcome<th>stack"
    failures = "\n".join(line.plain for line in failure_lines(outcomes)).strip()
    return f"<table>{head}{rows}</table>\n" + (f"\n<pre>{escape(shown(failures))}</pre>\n" if failures else "")


def _cell(text: str) -> str:
    return f"<code>{escape(' '.join(shown(text).split()))}</code>"


def _columns(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.layer, word(outcome)[0], outcome.stack


def _detail(outcome: Outcome) -> str:
    match outcome:
        case Deployed(status=status, left=left):
            return f"{status}; could not be deleted and is left: {', '.join(left)}" if left else status
        case Unchanged(status=status):
            return status
        case Deleted(kept=kept):
            return f"kept: {', '.join(kept)}" if kept else ""
        case Recovered(status=status, skipped=skipped):
            return f"{status}; no longer as the stack says: {', '.join(skipped)}" if skipped else status
        case Failed(status=status):
            return status
        case Skipped(needs=needs, why=why):
            return f"needs {needs}" if needs else why
        case Unknown(message=message):
            return message


def failure_lines(outcomes: Sequence[Outcome]) -> Iterator[Text]:
    """Return for each stack that failed: what, in AWS's words; the line it comes from; the state now; what to type
    next.

    The first failure comes first: what failed later may be its consequence.
    """
    failures = [each for each in outcomes if isinstance(each, Failed)]
    for each in sorted(failures, key=_when):
        yield Text("")
        yield Text.assemble((each.layer, "bold"), (" failed", "red"), f": {_what(each)}")
        facts = tuple(_facts(each))
        width = max((len(label) for label, _ in facts), default=0)
        for label, text in facts:
            yield Text.assemble(f"  {label:<{width}}  ", (text, "red" if label == "AWS" else ""))


def _when(failure: Failed) -> float:
    time = failure.cause.time if failure.cause else None
    return time.timestamp() if time else float("inf")


def _what(failure: Failed) -> str:
    cause = failure.cause
    if cause is None:
        return failure.message
    return f"{cause.layer}/{cause.logical_id} ({cause.type}) {cause.status}"


def _facts(failure: Failed) -> Iterator[tuple[str, str]]:
    cause = failure.cause
    if cause is not None:
        yield "AWS", cause.reason or "gave no reason"
        if cause.setting:
            yield "from", str(cause.setting)
        if cause.cancelled:
            many = "1 other resource was" if cause.cancelled == 1 else f"{cause.cancelled} other resources were"
            yield "also", f"{many} cancelled because of it"
        yield "state", f"{failure.stack} is {failure.status}"
    for each in failure.evidence:
        yield each.kind, each.text
    if failure.hint:
        yield "next", failure.hint


def output_lines(outputs: Mapping[str, str], width: int | None = None) -> Iterator[Text]:
    """Yield names and values in two columns; beyond so many columns (None: any number) a value stands whole below its
    name.
    """
    values = {name: value or "(empty)" for name, value in outputs.items()}
    short = [name for name, value in values.items() if width is None or len(name) + 2 + len(value) <= width]
    names = max(map(len, short), default=0)
    for name, value in values.items():
        fits = width is None or names + 2 + len(value) <= width
        yield Text.assemble((name.ljust(names) if fits else name, "bold"), f"  {value}" if fits else "")
        if not fits:
            yield Text(f"  {value}")


def outputs_json(outputs: Mapping[str, str]) -> str:
    """Return one object, name to value."""
    return shown_json(mask(dict(outputs)), indent=2)


def outputs_dotenv(outputs: Mapping[str, str]) -> str:
    """Return `NAME="value"` lines, as shells and dotenv libraries read them: LoadBalancerUrl becomes
    LOAD_BALANCER_URL.
    """
    return "\n".join(f"{variable(name)}={_quoted(value)}" for name, value in outputs.items())


def outputs_github(outputs: Mapping[str, str], delimiter: Callable[[], str]) -> str:
    """Return the lines that GITHUB_OUTPUT takes: `Name=value`, and between two delimiters what has more lines than one.

    `delimiter` gives a text that nobody can guess, so that no value can end its own block and begin another output
    (docs.github.com, "Workflow commands for GitHub Actions", "Multiline strings"; read 2026-11-29).
    """
    return "\n".join(_github(name, value, delimiter) for name, value in outputs.items())


def _github(name: str, value: str, delimiter: Callable[[], str]) -> str:
    if "\n" not in value and "\r" not in value:
        return f"{name}={value}"
    end = delimiter()
    return f"{name}<<{end}\n{value}\n{end}"


def outputs_gitlab(outputs: Mapping[str, str]) -> str:
    """Return the lines of a report `dotenv` of GitLab, `LOAD_BALANCER_URL=value`: quotes would be part of the value
    (docs.gitlab.com, "Pass dotenv variables to specific jobs"; gitlab-org/gitlab, Ci::ParseDotenvArtifactService).

    Raises InputError for a value with a line end, which such a report cannot hold.
    """
    for name, value in outputs.items():
        if "\n" in value or "\r" in value:
            raise InputError(
                f"the output {name} has more lines than one, which a dotenv report of GitLab cannot hold",
                "read it from --format json",
            )
    return "\n".join(f"{variable(name)}={value}" for name, value in outputs.items())


def variable(name: str) -> str:
    """Return the name of a variable: words of a CamelCase name, joined by underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()


def _quoted(value: str) -> str:
    escaped = re.sub(r'([\\"$`])', r"\\\1", value)
    return f'"{escaped}"'


def status_lines(statuses: Sequence[LayerStatus], width: int | None = None) -> Iterator[Text]:
    """Yield one line for each stack, with what to type where its state needs something. Where one has more than so many
    columns (None: any number), the name of each stack and what follows stand below its state; a name stays whole.
    """
    layers, stacks = (max((len(getattr(each, key)) for each in statuses), default=0) for key in ("layer", "stack"))
    words = max((len(each.status) for each in statuses), default=0)
    tails = [_tail(each, stacks) for each in statuses]
    folded = width is not None and any(layers + words + 4 + len(each) > width for each in tails)
    for each, tail in zip(statuses, tails, strict=True):
        head = Text.assemble((each.layer.ljust(layers), "bold"), "  ", (each.status.ljust(words), colour(each.status)))
        below = list(_below(each))
        if folded:
            head.rstrip()
            below = [*((part, "") for part in _packed(each, (width or 0) - layers - 2)), *below]
        else:
            head.append(f"  {tail}")
        yield head
        for text, style in below:
            line = Text(f"{'':{layers}}  {text}", style=style)
            yield from wrapped(line, width, layers + 2) if width is not None else (line,)


def _tail(status: LayerStatus, stacks: int) -> str:
    name, *more = _about(status)
    return "  ".join([name.ljust(stacks), *more]).rstrip()


def _about(status: LayerStatus) -> Iterator[str]:
    yield status.stack
    if status.since:
        yield f"since {status.since:%Y-%m-%d %H:%M:%S} UTC"
    if status.protected:
        yield "protected"


def _packed(status: LayerStatus, room: int) -> list[str]:
    """Return the same in as few lines as fit into so many columns, each part whole."""
    found: list[str] = []
    for part in _about(status):
        if found and len(found[-1]) + 2 + len(part) <= room:
            found[-1] += f"  {part}"
        else:
            found.append(part)
    return found


def _below(status: LayerStatus) -> Iterator[tuple[str, str]]:
    """Yield what stands below a stack's state, each with its style."""
    if status.image_tag is not None:
        yield f"image {status.image_tag or 'placeholder'}", "dim"
    if status.commit:
        yield f"commit {status.commit}", "dim"
    if status.cause or status.reason:
        yield status.cause or status.reason, ""
    if status.hint:
        yield status.hint, "yellow"


def colour(status: str) -> str:
    """Return green for what is well, red for what failed, yellow for what was rolled back, none for what runs."""
    if status.endswith("_FAILED"):
        return "red"
    if "ROLLBACK" in status:
        return "yellow"
    return "green" if status.endswith("_COMPLETE") else "dim" if status == "absent" else ""


def statuses_json(statuses: Sequence[LayerStatus]) -> str:
    """Return the document as text."""
    rows: list[made.StackStatus] = [
        {
            "layer": each.layer,
            "stack": each.stack,
            "status": each.status,
            "reason": each.reason,
            "since": each.since.isoformat() if each.since else None,
            "protected": each.protected,
            "hint": each.hint,
            "cause": each.cause,
            "image_tag": each.image_tag,
            "commit": each.commit,
        }
        for each in statuses
    ]
    document: made.Status = {"version": 1, "stacks": rows}
    return shown_json(document, indent=2)
