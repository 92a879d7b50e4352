"""How much a test tries that holds "for all": a short sweep, the same every time, or many fresh cases in `make soak`.

`make soak` sets INFRAGEN_SOAK to the seed that it prints; `make soak SEED=…` repeats it.
"""

import os

from hypothesis import HealthCheck, Phase, settings

SEED = int(os.environ.get("INFRAGEN_SOAK", "0"))
SOAKING = "INFRAGEN_SOAK" in os.environ

# `tried` of `figures` counts over all examples of a test; a busy machine is no fault of a test
_HEALTHY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
settings.register_profile(
    "short", derandomize=True, database=None, deadline=None, max_examples=30, suppress_health_check=_HEALTHY
)
settings.register_profile("soak", print_blob=True, deadline=None, max_examples=2000, suppress_health_check=_HEALTHY)
settings.register_profile("mutants", settings.get_profile("short"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("soak" if SOAKING else "short")


def figure(short: int, soak: int) -> int:
    """The number of cases of one test."""
    return soak if SOAKING else short


def sweep(short: int, soak: int) -> settings:
    """The number of examples of a hypothesis test; without this decorator it has those of the profiles above."""
    return settings(max_examples=figure(short, soak))


def seeds(short: int, soak: int) -> range:
    """The seeds of a test that makes its cases itself."""
    return range(SEED, SEED + figure(short, soak))
