"""The share of a year that a schedule leaves capacity on."""

import pytest

from infragen.cost.schedule import Change, Range, UnreadableSchedule, average, extremes

NIGHT = Change("cron(0 20 ? * MON-FRI *)", minimum=0, maximum=0)
MORNING = Change("cron(0 7 ? * MON-FRI *)", minimum=1, maximum=2)
ALWAYS = Range(1, 2)


def test_nights_and_weekends_off_leave_thirteen_hours_of_working_days() -> None:
    """2026 has 261 working days of 8,760 hours in 365 days."""
    found = average(ALWAYS, [NIGHT, MORNING])
    assert found.minimum == pytest.approx(261 * 13 / 8760)
    assert found.maximum == pytest.approx(2 * 261 * 13 / 8760)


@pytest.mark.parametrize(
    ("on", "off", "hours"),
    [
        ("cron(0 6 * * ? *)", "cron(0 18 * * ? *)", 12 * 365),
        ("cron(30 6 * * ? *)", "cron(0 18 * * ? *)", 11.5 * 365),
        ("cron(0 0 1 * ? *)", "cron(0 0 2 * ? *)", 24 * 12),
        ("cron(0 0 1 1 ? *)", "cron(0 0 1 JUL ? *)", 181 * 24),
        ("cron(0 0/12 * * ? *)", "cron(0 6,18 * * ? *)", 12 * 365),
        ("cron(0 8 ? * 2-6 *)", "cron(0 9 ? * MON,TUE,WED,THU,FRI *)", 261),
        ("cron(0 8 ? * THU *)", "cron(0 9 ? * 5 2026)", 53),
    ],
)
def test_every_form_of_a_cron_field_is_read(on: str, off: str, hours: float) -> None:
    """Ranges, lists, steps, names and numbers; 1 is Sunday, and 2026 has 53 Thursdays."""
    found = average(Range(0, 0), [Change(on, minimum=1, maximum=1), Change(off, minimum=0, maximum=0)])
    assert found.minimum == pytest.approx(hours / 8760)


def test_time_zones_are_minded_where_actions_have_different_ones() -> None:
    """New York is five or four hours behind: 7:00 there is noon or 11:00 in UTC."""
    on = Change("cron(0 7 * * ? *)", "America/New_York", minimum=1, maximum=1)
    off = Change("cron(0 13 * * ? *)", "UTC", minimum=0, maximum=0)
    summer = 238  # days of daylight saving time in 2026: 8 March to 31 October
    assert average(Range(0, 0), [on, off]).minimum == pytest.approx((2 * summer + 365 - summer) / 8760)


def test_a_bound_that_an_action_leaves_out_stays() -> None:
    """Only the minimum sleeps at night."""
    found = average(ALWAYS, [Change("cron(0 0 * * ? *)", minimum=0), Change("cron(0 12 * * ? *)", minimum=1)])
    assert [found.minimum, found.maximum] == pytest.approx([0.5, 2])


def test_a_one_time_action_is_no_part_of_a_month() -> None:
    """`at(…)` counts as absent."""
    once = Change("at(2026-12-24T00:00:00)", minimum=0, maximum=0)
    assert average(ALWAYS, [once]) == ALWAYS
    assert extremes(ALWAYS, [once]) == ALWAYS


def test_extremes_are_the_least_and_most_that_is_ever_allowed() -> None:
    """Whatever their share of the year."""
    assert extremes(ALWAYS, [NIGHT, Change("cron(0 7 * * ? *)", minimum=5, maximum=9)]) == Range(0, 9)


@pytest.mark.parametrize(
    "schedule",
    ["cron(0 0 L * ? *)", "cron(0 0 ? * 2#1 *)", "cron(0 0 15W * ? *)", "rate(1 hour)", "cron(0/5 * * * ? *)", "never"],
)
def test_what_is_not_read_is_said(schedule: str) -> None:
    """No guess: whoever asks decides."""
    with pytest.raises(UnreadableSchedule):
        average(ALWAYS, [Change(schedule, minimum=0, maximum=0)])


def test_an_unknown_time_zone_is_said() -> None:
    """As a schedule that is not read."""
    with pytest.raises(UnreadableSchedule, match="Middle/Earth"):
        average(ALWAYS, [Change("cron(0 7 * * ? *)", "Middle/Earth", 0, 0)])
