"""Entry point of the emulator's own process: `python -m infragen.emulator.launcher STATE_DIR`.

`process.start` runs it, with the environment that MiniStack reads its settings from. It checks that MiniStack has the
names that the mends reach into, mends them, writes down which process serves which port, and serves until SIGTERM.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from infragen.emulator import private_names
from infragen.emulator.record import RECORD_FILE

# `faults` wraps what the others add, so it is the last.
_MENDS = (
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


def main(state_dir: Path) -> None:
    """Serve the emulator on 127.0.0.1; ends with SystemExit and a sentence when MiniStack is not the known one."""
    complaint = private_names.complaint()
    if complaint:
        raise SystemExit(complaint)
    for subject in _MENDS:
        importlib.import_module(f"infragen.emulator.mends.{subject}").mend()
    _write_record(state_dir)

    from ministack.app import main as serve

    sys.argv = ["ministack"]  # MiniStack parses the command line itself
    serve()


def _write_record(state_dir: Path) -> None:
    record = {"pid": os.getpid(), "port": int(os.environ["GATEWAY_PORT"])}
    unfinished = state_dir / f"{RECORD_FILE}.new"
    unfinished.write_text(json.dumps(record), encoding="utf-8")
    unfinished.replace(state_dir / RECORD_FILE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
