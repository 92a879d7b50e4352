"""Entry point of the emulator's own process: `python -m infragen_local RECORD`.

`infragen.machine.emulator.start` runs it, with the environment that MiniStack reads its settings from. It checks that
MiniStack has the names that the patches reach into, applies them, refuses state that it cannot read, writes down which
process serves which port with which secret, and serves until SIGTERM.
"""

import importlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from infragen_local import private_names

if TYPE_CHECKING:
    from infragen_local.saving import Saver

_PATCHES = (
    "ec2",
    "instance",
    "placeholders",
    "alarms",
    "waf",
    "secrets",
    "rotation",
    "rds",
    "account",
    "service_names",
    "identity",
    "data_api",
    "protection",
    "ecr",
    "ecr_layers",
    "ecs",
    "route53",
    "ssm",
    "functions",
    "redrive",
    "metrics",
    "templates",
    "nested_stacks",
    "nested_events",
    "change_sets",
    "describe_stacks",
    "interruption",
)


# As sysexits.h has it: something is wrong with the configuration. `machine.emulator` shows the last line of the log.
STATE_UNUSABLE = 78


def main(record: Path) -> None:
    """Serve the emulator on 127.0.0.1; ends with SystemExit and a sentence when MiniStack is not the known one.

    Its secret is new in each run. The functions that run inside get it as their AWS_SECRET_ACCESS_KEY.
    """
    os.umask(0o077)  # what is kept holds values of NoEcho parameters
    complaint = private_names.complaint()
    if complaint:
        raise SystemExit(complaint)
    from ministack import app

    from infragen_local import kept_state, real
    from infragen_local.authentication import authenticated
    from infragen_local.patches import faults
    from infragen_local.saving import Saver

    trouble = kept_state.problem(record.parent)
    if trouble:
        _give_up(trouble)
    secret = secrets.token_hex(32)
    os.environ["AWS_SECRET_ACCESS_KEY"] = secret
    for subject in _PATCHES:
        importlib.import_module(f"infragen_local.patches.{subject}").apply()
    saver = Saver(Path(os.environ["STATE_DIR"]))
    running = real.apply(record.parent, secret, saver)
    faults.apply()  # wraps what all the others add
    saver.apply()
    app._load_persisted_state = lambda: _load_all_of_it(saver, running.resume)
    app.app = authenticated(saver.noting(app.app), int(os.environ["GATEWAY_PORT"]), secret, running.routes)
    _write_record(record, secret, running.parts, saver.begin())
    sys.argv = ["ministack"]  # MiniStack parses the command line itself
    app.main()


def _load_all_of_it(saver: "Saver", resume: Callable[[], None]) -> None:
    """Restore every service's state; MiniStack's own version goes on without what it cannot restore, and saves that.

    `resume` starts what runs for that state.
    """
    from infragen_local import kept_state, queue_journal

    trouble = kept_state.load()
    if trouble:
        _give_up(trouble)
    try:
        saver.journal = queue_journal.apply()
    except queue_journal.Damaged as error:
        _give_up(str(error))
    resume()


def _give_up(trouble: str) -> NoReturn:
    """End the process at once, so that nothing is saved over the state that cannot be read."""
    sys.stderr.write(f"{trouble}\n")
    sys.stderr.flush()
    os._exit(STATE_UNUSABLE)


def _write_record(record: Path, secret: str, parts: Mapping[str, str], killed: Mapping[str, Any]) -> None:
    """Write who serves where; `killed` is what the run before left, if it did not end by itself."""
    unfinished = record.with_name(f"{record.name}.new")
    said = {"secret": secret, "parts": dict(parts), "killed": dict(killed)}
    written = {"pid": os.getpid(), "port": int(os.environ["GATEWAY_PORT"]), **said}
    unfinished.write_text(json.dumps(written), encoding="utf-8")
    unfinished.chmod(0o600)
    unfinished.replace(record)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
