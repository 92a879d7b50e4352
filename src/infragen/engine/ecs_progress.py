"""Why a resource fails or does not become stable, reported while CloudFormation still works and kept for the outcome.

CloudFormation says only that a service is in progress, for up to three hours; ECS knows the reason from the first
minute. After a failure the evidence goes with the rollback (tasks are forgotten, log groups are deleted), so that it is
looked for at once. What is reported here decides nothing, and a missing permission costs one note.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from infragen.cloud.cloudformation import StackEvent
from infragen.engine.evidence import explain
from infragen.engine.follow import LayerEvent
from infragen.engine.outcome import CANCELLED, Evidence, Explanation
from infragen.engine.progress import Noticed, Session
from infragen.resource_types.certificate_manager import CERTIFICATE
from infragen.resource_types.ecs import SERVICE

SLOW = 60.0
"""Seconds after which a service that is not stable is looked at."""

AGAIN = 60.0
"""Seconds between two looks at it."""

LONG = 300.0
"""Seconds after which it is said what can be done about it, when no task has stopped before."""

CERTIFICATE_WAITS = (
    "ACM has not seen the DNS record that proves the domain yet, and waits for it for up to 72 hours; check that it is "
    "in the zone that the domain's name servers answer from"
)

FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED", "IMPORT_FAILED")
"""Statuses of a resource that failed, whatever was done to it: a custom resource may fail on its deletion."""

UPDATING = "UPDATE_IN_PROGRESS"
"""The only status of a stack in which its operation can be cancelled (API reference, CancelUpdateStack)."""


class FailureWatch:
    """Remembers since when each service is in progress, what was reported of it, and why each resource failed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._since: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()
        self._failures: dict[str, Explanation] = {}

    def look(self, events: Sequence[LayerEvent], status: str) -> None:
        """Report what is new about the services that take long, and at once about what failed. `status` is that of the
        stack that is followed.
        """
        for each in _failures(events):
            if each.event.event_id not in self._failures:
                self._failures[each.event.event_id] = self._ask(each, events)
        now = self._session.timer.now()
        self._explain_wait(events, now)
        for service in _in_progress(events, SERVICE.name):
            if not service.event.physical_id:
                continue
            key = service.event.physical_id
            since = self._since.setdefault(key, now)
            if now >= self._due.setdefault(key, since + SLOW):
                self._due[key] = now + AGAIN
                found = self._ask(service, events)
                if now - since >= LONG or any(each.kind == "task" for each in found.evidence):
                    self._suggest(service, status)

    def _explain_wait(self, events: Sequence[LayerEvent], now: float) -> None:
        """Report what a certificate waits for, once, when it takes longer than usual: ACM issues it when it sees the
        record that the resource's own events name (User Guide, AWS::CertificateManager::Certificate).
        """
        for each in _in_progress(events, CERTIFICATE.name):
            key = f"{each.event.stack_id} {each.event.logical_id}"
            if now - self._since.setdefault(key, now) >= CERTIFICATE.usual_minutes["CREATE"].high * 60:
                place = (each.event.stack_id, each.event.logical_id)
                same = (e.event.reason for e in events if (e.event.stack_id, e.event.logical_id) == place)
                records = "; ".join(dict.fromkeys(reason for reason in same if "dns record" in reason.lower()))
                self._tell(each, "certificate", f"{CERTIFICATE_WAITS}{f': {records}' if records else ''}")

    def why(self, failure: StackEvent) -> Explanation:
        """Return what was found about the failure of a resource; nothing for one that was not looked at."""
        return self._failures.get(failure.event_id, Explanation())

    def _ask(self, what: LayerEvent, events: Sequence[LayerEvent]) -> Explanation:
        found = explain(self._session.cloud, what.event, events, _begun(events, what))
        for each in found.evidence:
            self._tell(what, f"{each.kind} {each.text}", _words(each))
        return found

    def _suggest(self, service: LayerEvent, status: str) -> None:
        """Suggest what can be done about it, once."""
        waited = "not stable yet; the circuit breaker stops it after several failed tasks"
        now = "`infragen cancel` rolls the update back now" if status == UPDATING else "a creation cannot be cancelled"
        self._tell(service, "what can be done", f"{waited}; {now}")

    def _tell(self, what: LayerEvent, key: str, text: str) -> None:
        if (what.event.physical_id, key) not in self._told:
            self._told.add((what.event.physical_id, key))
            self._session.ui.tell(Noticed(what.layer, what.event.logical_id, text))


def _words(evidence: Evidence) -> str:
    return f"log: {evidence.text}" if evidence.kind == "log" else evidence.text


def _in_progress(events: Iterable[LayerEvent], kind: str) -> Iterator[LayerEvent]:
    """Yield the last event of each resource of a type that is being created or updated."""
    own = (each for each in events if each.event.type == kind)
    last = {(each.event.stack_id, each.event.logical_id): each for each in own}
    yield from (each for each in last.values() if each.event.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"))


def _failures(events: Iterable[LayerEvent]) -> Iterator[LayerEvent]:
    """Yield every failure of a resource that is no consequence of another, and each hook that refused a stack."""
    for each in events:
        failed = each.event.status in FAILED and each.event.reason not in CANCELLED
        if each.event.hook_result if each.event.of_stack_itself else failed:
            yield each


def _begun(events: Iterable[LayerEvent], what: LayerEvent) -> datetime:
    """Return when the operation started to work on a resource, by AWS's clock: what was said before is no news."""
    wanted = (what.event.stack_id, what.event.logical_id)
    return min(each.event.time for each in events if (each.event.stack_id, each.event.logical_id) == wanted)
