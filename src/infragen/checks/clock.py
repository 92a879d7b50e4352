"""This machine's clock goes with AWS's: signatures that are five minutes off are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Subject, ok, wrong

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

MOST = 240.0
"""Seconds; AWS refuses from five minutes on (AWS Signature Version 4, "Troubleshoot": request has expired)."""


def run(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Compare the time of an answer with this machine's."""
    ahead = subject.now() - account.aws_time()
    where = "ahead of" if ahead > 0 else "behind"
    said = f"this machine's clock is {abs(ahead):.0f} s {where} AWS's"
    if abs(ahead) > MOST:
        yield wrong(said, "set it: AWS refuses requests that are signed five minutes off")
    else:
        yield ok(said if abs(ahead) >= 1 else "this machine's clock goes with AWS's")


CHECK = Check(
    "clock", "This machine's clock goes with AWS's.", ("sts:GetCallerIdentity",), frozenset(), run, quick=False
)
