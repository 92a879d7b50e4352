"""Names of AWS's services, read without their models.

Where a request is signed for a service that MiniStack has not got (Service Quotas, which a deployment asks), it loads
the models of all services of botocore to learn whether AWS has it: 400 MiB that are never given back, and seconds in
which no other request is answered. The names stand in the first bytes of each model.
"""

import functools
import gzip
import re
from pathlib import Path

import botocore
from ministack.core import router

_HEAD = 4_000
_NAME = re.compile(rb'"(?:endpointPrefix|signingName)"\s*:\s*"([^"]+)"')


def apply() -> None:
    """Let the router look names up here."""
    router._is_aws_service_name = lambda name: name in names()


@functools.cache
def names() -> frozenset[str]:
    """Return each service's name, endpoint prefix and signing name, by the newest of its models."""
    found = set()
    for service in (Path(botocore.__file__).parent / "data").iterdir():
        models = sorted(service.glob("*/service-2.json*"))
        if models:
            found |= {service.name, *(each.decode() for each in _NAME.findall(_head(models[-1])))}
    return frozenset(found)


def _head(model: Path) -> bytes:
    with gzip.open(model) if model.suffix == ".gz" else model.open("rb") as file:
        return file.read(_HEAD)
