"""docs/doctor.md: the checks of the account and what they need. Made from the checks; `make docs` writes it."""

import sys
from collections.abc import Iterator
from pathlib import Path

from infragen.checks import GENERAL, Check, existing_vpc
from infragen.checks.linked_roles import LINKED_ROLES
from infragen.checks.quotas import COUNTABLE, FARGATE, FARGATE_SPOT, NAT, RULES
from infragen.config import load_environment
from infragen.layers import LAYERS

_HEAD = """\
# Doctor: what the account is asked

<!-- Made by `make docs` from `src/infragen/checks`; edit `tools/doctor_page.py` instead. -->

`infragen doctor --env prod` asks the account what a deployment stands on, and what CloudFormation would find out after
twenty minutes. It changes nothing.

```
✓ image         shop-prod-api:v42 exists and runs on linux/arm64
✗ quotas        Elastic IP addresses: 2 more are needed, and 1 of 5 are free
                `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-0263D0A3 …`
? linked-roles  iam:GetRole is denied
```

| | |
|---|---|
| ✓ | it was asked and is as it should be |
| ✗ | it is not; below stands what to do. The exit code is then 4 |
| ? | not known: a call was denied, and the permission is named, or the endpoint does not know it. Never a yes |

**In `plan` and `deploy`** the checks of what changes run side by side. Two seconds are waited for them before anything
is made; a slower one continues while change sets are created, and is `?` when it has not answered by then. A run
without changes asks nothing. What a deployment would fail of stops `deploy`: before anything is made, a late answer
before anything is executed; with exit code 2 where only the file or an option is wrong, else with 4. `--skip-check ID`
leaves a check out.
`plan` shows the same and continues, except with an `--image-tag` that does not exist, which it also refuses. What is
not known is one line. A layer of your own adds checks with `Layer(checks=…)` ([adding a layer](adding-a-layer.md)).

**`--fix`** creates missing service-linked roles after a question (`--yes` answers it); `infragen bootstrap` does the
same. It needs `iam:CreateServiceLinkedRole`. Without the role of ECS the first cluster of an account fails, and a
nested first deployment takes the database back with it.

`--format json` prints one document; `infragen schema doctor` prints its JSON Schema. With `--local` the emulator
answers what it knows; what the file names from AWS, such as a hosted zone, is `?` there.

## Checks
"""


def doctor_page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_table(), *_roles(), *_quotas()]) + "\n"


def checks() -> Iterator[Check]:
    """Yield all checks, each once."""
    env = load_environment(Path("environments/prod.yaml"))
    found = {each.id: each for layer in LAYERS for each in layer.checks(env)}
    found[existing_vpc.CHECK.id] = existing_vpc.CHECK  # of an environment that names a VPC
    yield from {**found, **{each.id: each for each in GENERAL}}.values()


def _table() -> Iterator[str]:
    yield "| ID | asks | in `plan` and `deploy` | permissions |"
    yield "|---|---|---|---|"
    for each in checks():
        calls = ", ".join(f"`{call}`" for call in each.calls) or "none"
        yield f"| `{each.id}` | {each.asks} | {'yes' if each.quick else 'no'} | {calls} |"


def _roles() -> Iterator[str]:
    yield "\n## Service-linked roles\n"
    yield "| service | role | for | source, read 2026-11-29 |"
    yield "|---|---|---|---|"
    for each in LINKED_ROLES:
        types = ", ".join(f"`{name}`" for name in sorted(each.types))
        yield f"| `{each.service}` | `{each.name}` | {types} | {each.source} |"
    yield "\nA service that is not in the table creates its role by itself; no report says that this is too late."


def _quotas() -> Iterator[str]:
    yield "\n## Quotas\n"
    yield "| quota | code |"
    yield "|---|---|"
    for each in COUNTABLE:
        yield f"| {each.name} in the region | `{each.code}` |"
    yield f"| NAT gateways in an availability zone | `{NAT}` |"
    yield f"| rules of a security group in one direction | `{RULES}` |"
    yield f"| Fargate vCPUs, on demand and Spot | `{FARGATE}`, `{FARGATE_SPOT}` |"
    yield "\nA quota that is not in the table is not looked at."


if __name__ == "__main__":
    sys.stdout.write(doctor_page())
