"""`infragen logs`: what the API and the workers log, merged by time, with secrets hidden, on the fake AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from bench import at_work, environment, prepare_account
from click.testing import Result
from commands import CommandLine
from fakeaws import FakeAws

from infragen.assembly.synth import synthesize
from infragen.cli import main
from infragen.engine.logs import LEVELS, LogQuery, chosen_sources, filter_pattern, follow_logs, log_sources
from infragen.report.logs import log_schema, readable

TEXT = (
    "network: {nat: single}\n"
    "queues: [{name: jobs}]\n"
    "workers: [{name: send-mail, queue: jobs}]\n"
    "api: {cpu: 256, memory: 512, min_tasks: 1, max_tasks: 2, https: {mode: http_only}, "
    "ingress_cidrs: [203.0.113.0/24]}\n"
)
NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
API, WORKER = "/ecs/shop-test-api", "/aws/lambda/shop-test-send-mail"
TASK = "0123456789abcdef0123456789abcdef"
Run = Callable[..., Result]


@pytest.fixture(params=["nested", "independent"])
def run(aws: FakeAws, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `logs` on a deployed environment; by default it must end in 0."""
    bench = at_work(aws, environment(tmp_path, TEXT, request.param))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    bench.begin(synthesize(bench.env))
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, code: int = 0) -> Result:
        command = ["logs", *arguments, "--env", "test", "--environments", ".", "--endpoint-url", aws.url]
        result = CommandLine().invoke(main, command)
        assert result.exit_code == code, result.output
        return result

    return invoke


def write(aws: FakeAws, *lines: tuple[str, float, object], task: str = TASK) -> None:
    for group, seconds, text in lines:
        stream = f"api/api/{task}" if group == API else "2026/03/01/[$LATEST]77"
        told = text if isinstance(text, str) else json.dumps(text)
        aws.settings.log_events.append((group, stream, int((NOON + seconds) * 1000), told))


SINCE = ("--since", "2026-03-01T11:50")


@pytest.mark.long
def test_lines_of_all_logs_are_merged_by_time(aws: FakeAws, run: Run) -> None:
    """Time, source, level, message, other fields; what a page leaves out is on the next."""
    write(aws, (WORKER, 2, {"level": "info", "msg": "sent", "eventId": "e1"}))
    write(aws, (API, 1, {"level": 30, "msg": "queued", "eventId": "e1", "pid": 7}), (API, 3, "plain text"))
    for second in range(4, 12):
        write(aws, (API, second, f"line {second}"))
    told = run(*SINCE).stdout.splitlines()
    assert [each.split() for each in told[:3]] == [
        ["12:00:01", "api/01234567", "INFO", "queued", "eventId=e1"],
        ["12:00:02", "send-mail", "INFO", "sent", "eventId=e1"],
        ["12:00:03", "api/01234567", "plain", "text"],
    ]
    assert [each.split()[-1] for each in told[3:]] == [str(second) for second in range(4, 12)]
    assert run("send-mail", *SINCE).stdout.split() == told[1].split()


@pytest.mark.long
def test_lines_are_chosen_by_level_text_trace_and_task(aws: FakeAws, run: Run) -> None:
    """A line without a level has none, whatever it says."""
    write(
        aws, (API, 1, {"level": "info", "msg": "a", "traceId": "t1"}), (WORKER, 2, {"level": "ERROR", "message": "b"})
    )
    write(aws, (API, 3, {"level": "warn", "msg": "c", "traceId": "t1"}), (API, 4, "error: in words"), task="f" * 32)

    def last_words(*arguments: str) -> list[str]:
        return [each.split()[3] for each in run(*SINCE, *arguments).stdout.splitlines() if each.split()[2].isupper()]

    assert last_words() == ["a", "b", "c"]
    assert last_words("--level", "warn") == ["b", "c"]
    assert last_words("--level", "error") == ["b"]
    assert last_words("--trace", "t1") == ["a", "c"]
    assert last_words("--task", "ffff") == ["c"]
    assert "in words" in run(*SINCE, "--grep", "in words").stdout
    assert last_words("--until", "2026-03-01T12:00:02.5") == ["a", "b"]


@pytest.mark.long
def test_where_no_line_is_found_it_says_what_was_looked_at(aws: FakeAws, run: Run) -> None:
    """On stderr: an empty screen may as well mean that nothing was read."""
    write(aws, (API, 1, {"level": "info", "msg": "a"}))
    found = run(*SINCE, "--trace", "t9")
    assert found.stdout == ""
    assert "no line that matches in api, send-mail since 2026-03-01T11:50:00Z" in " ".join(found.stderr.split())
    assert "no line" not in run(*SINCE).stderr


@pytest.mark.long
def test_what_lambda_writes_about_each_call_is_left_out_but_not_a_timeout(aws: FakeAws, run: Run) -> None:
    """As text and as JSON."""
    write(aws, (WORKER, 1, "START RequestId: 1 Version: $LATEST"), (WORKER, 2, "REPORT RequestId: 1 Duration: 3 ms"))
    write(aws, (WORKER, 3, "REPORT RequestId: 2 Duration: 3 ms Status: timeout"))
    write(aws, (WORKER, 4, {"type": "platform.report", "record": {"status": "success"}}))
    write(aws, (WORKER, 5, {"type": "platform.report", "record": {"status": "timeout"}}))
    assert [each[:8] for each in run(*SINCE).stdout.splitlines()] == ["12:00:03", "12:00:05"]
    assert len(run(*SINCE, "--platform").stdout.splitlines()) == 5


@pytest.mark.long
def test_no_secret_of_a_log_is_shown(aws: FakeAws, run: Run) -> None:
    """In a JSON line value by value, in any other the rest of it, in text and as JSON."""
    write(aws, (API, 1, {"level": "info", "msg": "login", "password": "hunter22", "user": "ann"}))
    write(aws, (API, 2, "connecting to postgres://shop:hunter22@db/shop now"))
    write(aws, (API, 3, {"msg": "Authorization: Bearer abcdefghijklmnop0123456789hunter22"}))
    for arguments in ((), ("--json",)):
        told = run(*SINCE, *arguments).stdout
        assert "hunter22" not in told
        assert "login" in told
        assert "ann" in told


@pytest.mark.long
def test_json_is_one_object_per_line(aws: FakeAws, run: Run) -> None:
    """With what a program needs to go on: time, source, task, stream, level, message, fields."""
    write(aws, (API, 1.5, {"level": 50, "msg": "broken", "err": {"code": "28P01"}}))
    found = json.loads(run(*SINCE, "--json").stdout)
    jsonschema.validate(found, log_schema())
    assert found == {
        "time": "2026-03-01T12:00:01.500+00:00", "source": "api", "task": TASK, "stream": f"api/api/{TASK}",
        "level": "error", "message": "broken", "fields": {"err": {"code": "28P01"}},
    }  # fmt: skip


@pytest.mark.long
def test_a_log_that_nobody_has_is_refused_with_those_there_are(run: Run) -> None:
    """Exit code 2; a time that is none, too."""
    refused = run("mailer", code=2)
    assert "has no log 'mailer'\nhint: its logs are network/FlowLogGroup, api, release, send-mail" in refused.stderr
    assert "'soon' is neither a span" in run("--since", "soon", code=2).stderr
    assert "--until cannot be combined with --follow" in run("--follow", "--until", "1m", code=2).stderr
    assert "--until is before --since" in run("--since", "1m", "--until", "1h", code=2).stderr


@pytest.mark.long
def test_a_log_that_may_not_be_read_names_the_permission_and_the_group(aws: FakeAws, run: Run) -> None:
    """Exit code 4."""
    aws.refuse("logs:FilterLogEvents", "AccessDeniedException", "not authorized to perform: logs:FilterLogEvents")
    refused = run(*SINCE, code=4)
    assert "logs:FilterLogEvents" in refused.stderr
    assert API in refused.stderr


def test_without_stacks_there_are_no_logs(aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 4, and what makes some."""
    at_work(aws, environment(tmp_path, TEXT, "nested"))
    monkeypatch.chdir(tmp_path)
    result = CommandLine().invoke(main, ["logs", "--env", "test", "--environments", ".", "--endpoint-url", aws.url])
    assert (result.exit_code, "nothing of shop-test is deployed" in result.stderr) == (4, True)


@pytest.mark.long
def test_following_gives_each_line_once_although_lines_arrive_late(aws: FakeAws, tmp_path: Path) -> None:
    """A look goes back some seconds; after a quiet minute it looks less often."""
    bench = at_work(aws, environment(tmp_path, TEXT, "nested"))
    prepare_account(aws, bench.env)
    bench.bootstrap()
    made = synthesize(bench.env)
    bench.deploy(made)
    session = bench.session
    sources = chosen_sources(made, log_sources(made, session), ())
    looks = follow_logs(session, sources, LogQuery(since=NOON - 600))
    write(aws, (API, 1, "first"))
    assert [each.text for each in next(looks).lines] == ["first"]
    write(aws, (API, 3, "third"))
    assert [each.text for each in next(looks).lines] == ["third"]
    write(aws, (WORKER, 2, "second, late"))
    assert [each.text for each in next(looks).lines] == ["second, late"]
    before = aws.clock.seconds
    assert next(looks).lines == ()
    assert aws.clock.seconds - before == 2
    for _ in range(40):
        next(looks)
    before = aws.clock.seconds
    next(looks)
    assert aws.clock.seconds - before == 5


@pytest.mark.parametrize("level", LEVELS)
def test_a_pattern_of_levels_takes_each_spelling(level: str) -> None:
    """Pino's words and numbers, Lambda's capitals."""
    pattern = filter_pattern(LogQuery(0, level=level))
    assert f'$.level = "{level}"' in pattern
    assert f'$.level = "{level.upper()}"' in pattern
    assert ('$.level = "info"' in pattern) == (level in ("trace", "debug", "info"))


def test_an_error_is_its_type_and_message_on_one_line() -> None:
    """As pino writes it: an object with a stack and line breaks, which nobody reads at night."""
    error = {"type": "Error", "message": "no provider\n  is up", "stack": "Error: no provider\n at send (/a.js:1)"}
    line = readable(
        json.dumps({"level": "error", "message": "failed", "error": error, "attempt": 5, "other": {"a": 1}})
    )
    assert line == "ERROR failed error=Error: no provider is up attempt=5"
