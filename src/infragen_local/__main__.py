"""Entry point of the emulator's own process: `python -m infragen_local RECORD`.

`infragen.emulator.start` runs it, with the environment that MiniStack reads its settings from. It checks that
MiniStack has the names that the patches reach into, applies them, writes down which process serves which port, and
serves until SIGTERM.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from infragen_local import private_names

# `faults` wraps what the others add, so it is the last.
_PATCHES = (
    "ec2",
    "instance",
    "placeholders",
    "alarms",
    "waf",
    "secrets",
    "rds",
    "data_api",
    "protection",
    "ecs",
    "route53",
    "ssm",
    "functions",
    "templates",
    "nested_stacks",
    "nested_events",
    "change_sets",
    "descriptions",
    "interruption",
    "faults",
)


def main(record: Path) -> None:
    """Serve the emulator on 127.0.0.1; ends with SystemExit and a sentence when MiniStack is not the known one."""
    complaint = private_names.complaint()
    if complaint:
        raise SystemExit(complaint)
    for subject in _PATCHES:
        importlib.import_module(f"infragen_local.patches.{subject}").apply()
    _write_record(record)

    from ministack.app import main as serve

    sys.argv = ["ministack"]  # MiniStack parses the command line itself
    serve()


def _write_record(record: Path) -> None:
    unfinished = record.with_name(f"{record.name}.new")
    unfinished.write_text(json.dumps({"pid": os.getpid(), "port": int(os.environ["GATEWAY_PORT"])}), encoding="utf-8")
    unfinished.replace(record)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
