"""Why an ECS service does not become stable, told while CloudFormation still waits for it.

CloudFormation says only that the service is in progress, for up to three hours; ECS knows the reason from the first
minute. What is told here decides nothing, and a missing permission costs one warning.
"""

from collections.abc import Iterable, Iterator

from infragen.engine.follow import LayerEvent
from infragen.engine.progress import Noticed, Session, Warned
from infragen.errors import CloudError, Unavailable

SERVICE = "AWS::ECS::Service"
SLOW = 300.0
"""Seconds after which a service that is not stable is looked at."""

AGAIN = 60.0


class ServiceWatch:
    """Remembers since when each service is in progress, and what was told of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._due: dict[str, float] = {}
        self._told: set[str] = set()
        self._allowed = True

    def look(self, events: Iterable[LayerEvent]) -> None:
        """Tells what is new about the services that take long."""
        now = self._session.timer.now()
        for each in _in_progress(events):
            arn = each.event.physical_id
            if self._allowed and now >= self._due.setdefault(arn, now + SLOW):
                self._due[arn] = now + AGAIN
                self._ask(each)

    def _ask(self, service: LayerEvent) -> None:
        try:
            found = self._session.cloud.service_events(service.event.physical_id)
        except Unavailable:
            return  # the next look is soon
        except CloudError as error:
            self._allowed = False
            self._session.ui.tell(Warned(f"why {service.event.logical_id} takes long cannot be read: {error.message}"))
            return
        for key, text in reversed(found):
            if key not in self._told:
                self._told.add(key)
                self._session.ui.tell(Noticed(service.layer, service.event.logical_id, text))


def _in_progress(events: Iterable[LayerEvent]) -> Iterator[LayerEvent]:
    """The services whose last event says that they are being created or updated."""
    last = {each.event.physical_id: each for each in events if each.event.type == SERVICE and each.event.physical_id}
    return (each for each in last.values() if each.event.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"))
