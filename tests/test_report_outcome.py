"""The last lines of a failed deployment: what failed, AWS's words, the line it comes from, the state, what to type."""

from datetime import UTC, datetime

from infragen.config.setting_lookup import Setting
from infragen.config.yamlfile import Place
from infragen.engine.outcome import Cause, Deployed, Failed, Skipped
from infragen.engine.status import LayerStatus
from infragen.report.outcome import failure_lines, outcome_lines, output_lines, status_lines

TYPE = "AWS::RDS::DBCluster"
LATE, EARLY = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 11, tzinfo=UTC)


def failed(layer: str, cause: Cause | None, message: str = "") -> Failed:
    return Failed(layer, f"shop-prod-{layer}", message, "mend it, then deploy", "UPDATE_ROLLBACK_COMPLETE", cause)


def lines(*outcomes: Failed | Deployed | Skipped) -> list[str]:
    return [each.plain for each in failure_lines(outcomes)]


def test_a_failure_says_what_why_where_in_which_state_and_what_next() -> None:
    """One fact a line, AWS's words untouched."""
    setting = Setting("database.engine_version", Place("environments/prod.yaml", 41, 3))
    cause = Cause("database", "Cluster", TYPE, "UPDATE_FAILED", "Cannot find version 17.99", "", LATE, 2, setting)
    assert lines(failed("database", cause), Skipped("api", "shop-prod-api", "database")) == [
        "",
        "database failed: database/Cluster (AWS::RDS::DBCluster) UPDATE_FAILED",
        "  AWS    Cannot find version 17.99",
        "  from   environments/prod.yaml:41 database.engine_version",
        "  also   2 other resources were cancelled because of it",
        "  state  shop-prod-database is UPDATE_ROLLBACK_COMPLETE",
        "  next   mend it, then deploy",
    ]


def test_the_first_failure_comes_first_and_one_without_a_cause_last() -> None:
    """By AWS's time, whatever the order of deployment; without a cause the message says it."""
    one, other = (Cause(name, "Key", TYPE, "CREATE_FAILED", "", "", time) for name, time in (("a", LATE), ("b", EARLY)))
    said = lines(failed("c", None, "its change set was deleted"), failed("a", one), failed("b", other))
    assert [each for each in said if "failed:" in each] == [
        "b failed: b/Key (AWS::RDS::DBCluster) CREATE_FAILED",
        "a failed: a/Key (AWS::RDS::DBCluster) CREATE_FAILED",
        "c failed: its change set was deleted",
    ]
    assert "  AWS    gave no reason" in said
    assert not lines(Deployed("a", "shop-prod-a", "CREATE_COMPLETE"))


def test_what_was_skipped_says_for_want_of_what_or_why() -> None:
    """A layer that was not deployed is needed; an interrupt is not."""
    skipped = Skipped("api", "shop-api", "database"), Skipped("jobs", "shop-jobs", why="interrupted before it started")
    assert [each.plain for each in outcome_lines(skipped)] == [
        "api   skipped  shop-api   needs database",
        "jobs  skipped  shop-jobs  interrupted before it started",
    ]


def test_an_output_that_does_not_fit_beside_its_name_stands_whole_below_it() -> None:
    """At 80 columns a URL stays in one piece that can be copied; what reads a pipe has one line for each output."""
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/shop-prod-notifications-dlq"
    values = {"NotificationsDeadLetterUrl": url, "EcsClusterName": "shop-prod", "ImageTag": ""}
    assert [each.plain for each in output_lines(values, 80)] == [
        "NotificationsDeadLetterUrl", f"  {url}", "EcsClusterName  shop-prod", "ImageTag        (empty)",
    ]  # fmt: skip
    assert next(each.plain for each in output_lines(values)) == f"NotificationsDeadLetterUrl  {url}"
    fitting = [each.plain for each in output_lines({"Name": "x" * 74, "LongerName": "y" * 60}, 80)]
    assert fitting == ["Name", "  " + "x" * 74, "LongerName  " + "y" * 60]


def test_the_state_of_stacks_folds_where_it_is_too_wide() -> None:
    """At 80 columns the name and what follows stand below the state, below each other where they must; an ARN in a
    reason stays whole on a line of its own. What is narrow enough, or read by a program, stays one line.
    """
    arn = f"arn:aws:sqs:eu-central-1:111111111111:{'long-' * 10}"
    said = f"refused: {arn} here"
    stacks = [
        LayerStatus("root", "shop-prod", "UPDATE_ROLLBACK_COMPLETE", since=LATE, protected=True, cause=said),
        LayerStatus("observability", "shop-prod-Observability-1OQZ4AKYLTKHZ", "UPDATE_COMPLETE", since=LATE),
    ]
    assert [each.plain for each in status_lines(stacks, 80)] == [
        "root           UPDATE_ROLLBACK_COMPLETE",
        f"               shop-prod  since {LATE:%Y-%m-%d %H:%M:%S} UTC  protected",
        "               refused:",
        f"               {arn}",
        "               here",
        "observability  UPDATE_COMPLETE",
        "               shop-prod-Observability-1OQZ4AKYLTKHZ",
        f"               since {LATE:%Y-%m-%d %H:%M:%S} UTC",
    ]
    whole = [each.plain for each in status_lines(stacks)]
    assert (len(whole), whole[1]) == (3, f"               {said}")
    assert [each.plain for each in status_lines(stacks, 200)] == whole
