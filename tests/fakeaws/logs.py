"""CloudWatch Logs and CloudTrail's event history, as far as they explain a failure.

Sources: "GetLogEvents", "DescribeLogStreams" (Amazon CloudWatch Logs API Reference); "LookupEvents" (AWS CloudTrail API
Reference), "CloudTrail record contents" (AWS CloudTrail User Guide).
What is in a log a test says in `Settings.logs`, by group and stream; a group or stream that it does not name does not
exist. With times, for FilterLogEvents, in `Settings.log_events`. What was denied it says in `Settings.denied`, newest
first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from fakeaws.account import resources
from fakeaws.cloud import Cloud
from fakeaws.one_off import stream_lines
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
        written = stream_lines(self.cloud, self.account, self.region, p["logGroupName"], p["logStreamName"])
        if written is not None:
            start = int(p.get("nextToken", "f/0").rpartition("/")[2])
            events = [{"timestamp": number, "message": text} for number, text in enumerate(written)]
            return {"events": events[start:], "nextForwardToken": f"f/{len(written)}", "nextBackwardToken": "b/0"}
        lines = self._streams(p["logGroupName"]).get(p["logStreamName"])
        if lines is None:
            raise _missing("The specified log stream does not exist.")
        now = self.cloud.clock.now().timestamp()
        written_at = int(self.cloud.settings.log_times.get((p["logGroupName"], p["logStreamName"]), now) * 1000)
        rows = [{"timestamp": written_at, "message": text} for text in lines]
        rows = [] if not p.get("startTime", 0) <= written_at < p.get("endTime", 1 << 62) else rows
        return {"events": rows[-p.get("limit", 10_000) :], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}

    def FilterLogEvents(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Lines of all streams of a group in a span of time, in the order of their times, on pages; some pages are
        empty although others follow ("FilterLogEvents", CloudWatch Logs API Reference, 2026-11).
        """
        there = [each.physical_id for each in resources(self.cloud, self.account, self.region, "AWS::Logs::LogGroup")]
        group = p["logGroupName"]
        if group not in there:
            raise _missing("The specified log group does not exist.")
        wanted = _pattern(p.get("filterPattern", ""))
        span = (p.get("startTime", 0), p.get("endTime", 1 << 62))
        rows: list[dict[str, Any]] = [
            {"logStreamName": stream, "timestamp": time, "message": text, "ingestionTime": time, "eventId": str(number)}
            for number, (name, stream, time, text) in enumerate(self.cloud.settings.log_events)
            if name == group and span[0] <= time <= span[1] and wanted(text)
        ]
        rows.sort(key=lambda each: each["timestamp"])
        start, empty = (int(each) for each in p.get("nextToken", "0/1").split("/"))
        if empty:
            return {"events": [], "nextToken": f"{start}/0", "searchedLogStreams": []}
        more = {"nextToken": f"{start + PAGE}/{int(start == 0)}"} if start + PAGE < len(rows) else {}
        return {"events": rows[start : start + PAGE], "searchedLogStreams": [], **more}

    def DescribeLogStreams(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The streams of a group, the newest first; that is the one that a test names last."""
        names = [*self._streams(p["logGroupName"])][::-1]
        return {"logStreams": [{"logStreamName": each} for each in names[: p.get("limit", 50)]]}

    def _streams(self, group: str) -> dict[str, list[str]]:
        found = {stream: lines for (name, stream), lines in self.cloud.settings.logs.items() if name == group}
        if not found:
            raise _missing("The specified log group does not exist.")
        return found


PAGE = 3
"""Lines on a page: few, so that pages are read."""

_JSON_TERM = re.compile(r'\$\.(\w+) = (?:"([^"]*)"|(\d+))')


def _pattern(pattern: str) -> Callable[[str], bool]:
    """What a filter pattern lets through, as far as it is known here: one quoted term, or fields of JSON that are equal
    to a text or a number, joined by || ("Filter pattern syntax", CloudWatch Logs User Guide, 2026-11).
    """
    if not pattern:
        return lambda text: True
    if pattern.startswith('"'):
        term = json.loads(pattern)
        return lambda text: term in text
    alternatives = pattern.removeprefix("{").removesuffix("}").strip().split(" || ")
    found = [_JSON_TERM.fullmatch(each) for each in alternatives]
    if not all(found):
        raise ApiError("InvalidParameterException", "Invalid filter pattern")
    wanted = {(each[1], each[2] if each[3] is None else int(each[3])) for each in found if each}

    def lets_through(text: str) -> bool:
        try:
            fields = json.loads(text)
        except ValueError:
            return False
        return isinstance(fields, dict) and any(fields.get(key) == value for key, value in wanted)

    return lets_through


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
