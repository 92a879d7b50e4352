"""Why an ECS service does not become stable, told while CloudFormation still waits for it.

CloudFormation says only that the service is in progress, for up to three hours; ECS knows the reason from the first
minute. What is told here decides nothing, and a missing permission costs one warning.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from infragen.engine.follow import LayerEvent
from infragen.engine.outcome import CANCELLED
from infragen.engine.progress import Noticed, Session, Warned
from infragen.errors import CloudError, Unavailable
from infragen.resource_types.ecs import SERVICE

SLOW = 300.0
"""Seconds after which a service that is not stable is looked at."""

AGAIN = 60.0

UPDATING = "UPDATE_IN_PROGRESS"
"""The only status of a stack in which its operation can be cancelled (API reference, CancelUpdateStack)."""


class ServiceWatch:
    """Remembers since when each service is in progress, and what was told of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._due: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()
        self._allowed = True

    def look(self, events: Sequence[LayerEvent], status: str) -> None:
        """Tells what is new about the services that take long, and at once about one that failed. `status` is that of
        the stack that is followed.
        """
        now = self._session.timer.now()
        for service in _services(events):
            failed = service.event.status.endswith("_FAILED")
            key = f"{service.event.physical_id} {failed}"
            due = self._due.setdefault(key, now if failed else now + SLOW)
            if self._allowed and now >= due:
                self._due[key] = float("inf") if failed else now + AGAIN
                self._ask(service, _begun(events, service))
                if not failed:
                    self._suggest(service, status)

    def _ask(self, service: LayerEvent, since: datetime) -> None:
        try:
            found = self._session.cloud.service_events(service.event.physical_id, since)
        except Unavailable:
            return  # the next look is soon
        except CloudError as error:
            self._allowed = False
            self._session.ui.tell(Warned(f"why {service.event.logical_id} takes long cannot be read: {error.message}"))
            return
        for key, text in reversed(found):
            self._tell(service, key, text)

    def _suggest(self, service: LayerEvent, status: str) -> None:
        """What can be done about it, once."""
        waited = f"not stable after {SLOW / 60:.0f} minutes; the circuit breaker gives up after several failed tasks"
        now = "`infragen cancel` rolls the update back now" if status == UPDATING else "a creation cannot be cancelled"
        self._tell(service, "what can be done", f"{waited}; {now}")

    def _tell(self, service: LayerEvent, key: str, text: str) -> None:
        if (service.event.physical_id, key) not in self._told:
            self._told.add((service.event.physical_id, key))
            self._session.ui.tell(Noticed(service.layer, service.event.logical_id, text))


def _services(events: Iterable[LayerEvent]) -> Iterator[LayerEvent]:
    """The last event of each service that is being created or updated, and every failure of one."""
    own = [each for each in events if each.event.type == SERVICE.name and each.event.physical_id]
    last = {each.event.physical_id: each for each in own}
    yield from (each for each in last.values() if each.event.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"))
    failures = (each for each in own if each.event.status in ("CREATE_FAILED", "UPDATE_FAILED"))
    yield from (each for each in failures if each.event.reason not in CANCELLED)


def _begun(events: Iterable[LayerEvent], service: LayerEvent) -> datetime:
    """When the operation began to work on a service, by AWS's clock: what ECS said before is no news."""
    wanted = (service.event.stack_id, service.event.logical_id)
    return min(each.event.time for each in events if (each.event.stack_id, each.event.logical_id) == wanted)
