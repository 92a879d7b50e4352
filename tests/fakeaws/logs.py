"""CloudWatch Logs and CloudTrail's event history, as far as they explain a failure.

Sources: "GetLogEvents", "DescribeLogStreams" (Amazon CloudWatch Logs API Reference); "LookupEvents" (AWS CloudTrail API
Reference), "CloudTrail record contents" (AWS CloudTrail User Guide).
What is in a log a test says in `Settings.logs`, by group and stream; a group or stream that it does not name does not
exist. What was denied it says in `Settings.denied`, newest first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fakeaws.account import resources
from fakeaws.cloud import Cloud
from fakeaws.protocol import ApiError

Params = Mapping[str, Any]


class Logs:
    """The calls of CloudWatch Logs, named as AWS names them."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud = cloud
        self.account = account
        self.region = region

    def DescribeLogGroups(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The log groups of stacks, and those that were kept."""
        kind, prefix = "AWS::Logs::LogGroup", p.get("logGroupNamePrefix", "")
        there = [each.physical_id for each in resources(self.cloud, self.account, self.region, kind)]
        names = (*there, *self.cloud.settings.kept.get(kind, ()))
        return {"logGroups": [{"logGroupName": each} for each in names if each.startswith(prefix)]}

    def GetLogEvents(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The last lines of a stream, oldest first."""
        lines = self._streams(p["logGroupName"]).get(p["logStreamName"])
        if lines is None:
            raise _missing("The specified log stream does not exist.")
        rows = [{"timestamp": number, "message": text} for number, text in enumerate(lines)]
        return {"events": rows[-p.get("limit", 10_000) :], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}

    def DescribeLogStreams(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The streams of a group, the newest first; that is the one that a test names last."""
        names = [*self._streams(p["logGroupName"])][::-1]
        return {"logStreams": [{"logStreamName": each} for each in names[: p.get("limit", 50)]]}

    def _streams(self, group: str) -> dict[str, list[str]]:
        found = {stream: lines for (name, stream), lines in self.cloud.settings.logs.items() if name == group}
        if not found:
            raise _missing("The specified log group does not exist.")
        return found


class Trail:
    """The one call of CloudTrail, named as AWS names it."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud = cloud

    def LookupEvents(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Events of a span of time; two a page, so that pages are read."""
        rows = [each for each in self.cloud.settings.denied if p["StartTime"] <= each["EventTime"] <= p["EndTime"]]
        start = int(p.get("NextToken", "0"))
        events = [{**each, "CloudTrailEvent": json.dumps(each["CloudTrailEvent"])} for each in rows[start : start + 2]]
        return {"Events": events, **({"NextToken": str(start + 2)} if start + 2 < len(rows) else {})}


def _missing(words: str) -> ApiError:
    return ApiError("ResourceNotFoundException", words)
