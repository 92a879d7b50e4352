"""Two projects in one account whose environments would have the same names."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import Bench, at_work, environment, place
from fakeaws import FakeAws
from stage import QUEUE

from infragen.engine.progress import Warned
from infragen.errors import Refused


def neighbours(aws: FakeAws, folder: Path, *called: tuple[str, str]) -> list[Bench]:
    """Operators of environments, by project and environment."""
    env = environment(folder)
    return [at_work(aws, env.model_copy(update={"project": one, "environment": other})) for one, other in called]


@pytest.mark.parametrize(
    ("first", "layer", "second", "says"),
    [
        (("shop", "dev-prod"), "data", ("shop-dev", "prod"), "both are called shop-dev-prod"),
        (("shop-dev", "api"), "data", ("shop", "dev"), "shop-dev-api is also the stack of its layer api of dev"),
        (("shop", "dev"), "artifacts", ("shop-dev", "plan"), "shop-dev-plan is also the CI job, the environment"),
    ],
)
def test_an_environment_with_the_names_of_another_projects_is_not_begun(
    aws: FakeAws, tmp_path: Path, first: tuple[str, str], layer: str, second: tuple[str, str], says: str
) -> None:
    """Whichever was there first; one that is deployed is warned, and nothing else is in its way."""
    there, new = neighbours(aws, tmp_path, first, second)
    there.place(there.unit(layer, {"Jobs": QUEUE}))
    unit = new.unit("jobs", {"Jobs": QUEUE})
    for asked in (new.plan_units, new.deploy_units):
        with pytest.raises(
            Refused, match=f"the environment {first[1]} of project {first[0]} is in this account: "
        ) as no:
            asked(unit)
        assert says in no.value.message
        assert "rename the project" in no.value.hint
    place(aws, new.env, unit)
    new.plan_units(unit)
    assert any(isinstance(each, Warned) and "of project" in each.text for each in new.ui.events) is (layer == "data")


@pytest.mark.parametrize(
    ("first", "second"),
    [(("shop", "dev"), ("shop-dev", "eu")), (("shop-dev", "eu"), ("shop", "dev")), (("shop", "a"), ("shop", "b"))],
)
def test_names_that_only_begin_alike_are_no_obstacle(
    aws: FakeAws, tmp_path: Path, first: tuple[str, str], second: tuple[str, str]
) -> None:
    there, new = neighbours(aws, tmp_path, first, second)
    for layer in ("data", "artifacts"):
        there.place(there.unit(layer, {"Jobs": QUEUE}))
    assert new.plan_units(new.unit("jobs", {"Jobs": QUEUE})).changed
    assert not [each for each in new.ui.events if isinstance(each, Warned) and "of project" in each.text]
