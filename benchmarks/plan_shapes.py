"""How many shapes a plan has on its way from `deploy` to the terminal, and where a row of it is made anew: two counts.

`PYTHONPATH=tests python benchmarks/plan_shapes.py` prints both. The shapes are the dataclasses of infragen that hold
rows (ResourceChange, PropertyChange) or one side of what they are made of (Side), themselves or in a field of theirs,
and of which one update of a nested environment on the fake makes an instance until every format of its plan is written.
The places are the calls of `dataclasses.replace` whose keywords name fields of a row.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from test_rows import rebuilt

import infragen
from infragen.changes.diff import Side
from infragen.cloud.cloudformation import PropertyChange, ResourceChange


def holding_rows() -> frozenset[type]:
    """The dataclasses of infragen that are rows, or have a field that holds some."""
    for each in pkgutil.walk_packages(infragen.__path__, "infragen."):
        if not each.name.endswith("__main__") and ".functions." not in each.name:
            importlib.import_module(each.name)
    classes = {
        each
        for name, module in list(sys.modules.items())
        if name.startswith("infragen.")
        for each in vars(module).values()
        if isinstance(each, type) and dataclasses.is_dataclass(each) and each.__module__.startswith("infragen.")
    }
    words = {each: " ".join(str(field.type) for field in dataclasses.fields(each)) for each in classes}
    found = {ResourceChange, PropertyChange, Side}
    while True:
        names = {each.__name__ for each in found}
        more = {each for each in classes - found if names & set(_names(words[each]))}
        if not more:
            return frozenset(found)
        found |= more


def _names(words: str) -> list[str]:
    return words.replace("'", " ").translate(str.maketrans("[](),|.<>", "         ")).split()


class Made:
    """Which types are made while it is in force."""

    def __init__(self) -> None:
        self.types: set[type] = set()

    def __enter__(self) -> Made:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_name == "__init__" and frame.f_code.co_filename == "<string>":
            self.types.add(type(frame.f_locals.get("self")))


def shapes() -> tuple[str, ...]:
    """The dataclasses that hold rows of one update on the fake, and of all formats of its plan."""
    import os
    import tempfile

    from bench import NETWORK, QUEUES, at_work, environment
    from fakeaws import FakeAws

    from infragen.assembly.synth import synthesize
    from infragen.report.plan import plan_lines
    from infragen.report.plan_formats import as_format

    os.environ |= {"AWS_ACCESS_KEY_ID": "111122223333", "AWS_SECRET_ACCESS_KEY": "example"}
    with tempfile.TemporaryDirectory() as directory, FakeAws() as aws:
        aws.settings.account = "111122223333"
        place = Path(directory)
        bench = at_work(aws, environment(place, NETWORK + QUEUES, topology="nested"))
        bench.bootstrap()
        bench.deploy(synthesize(bench.env))
        changed = at_work(aws, environment(place, NETWORK + QUEUES + "    max_receives: 7\n", topology="nested"))
        made = synthesize(changed.env)
        holding = holding_rows()
        with Made() as seen:
            plan = changed.deploy(made).plan
            list(plan_lines(plan, 80))
            for form in ("json", "markdown", "html"):
                as_format(form, [plan])
    return tuple(sorted(f"{each.__module__}.{each.__name__}" for each in seen.types & holding))


if __name__ == "__main__":
    for title, lines in (("places that rebuild a row", rebuilt()), ("types that one plan passes through", shapes())):
        print("\n".join((f"{title}: {len(lines)}", *(f"  {each}" for each in lines))))  # noqa: T201 # the counts are the point
