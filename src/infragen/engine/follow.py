"""The event follower: every event of one operation exactly once, nested stacks included, and nothing of any other.

It is anchored: the newest event of each stack is remembered *before* the operation begins, and each scan reads pages
until it meets that anchor. No clock is involved, ours or AWS's; only for an operation that started before anybody
looked, the time of its first event takes the place of the anchors, and AWS's times are compared with each other. A scan
that fails half-way commits nothing, so that the next one finds the same events again. Whether the operation has ended
is not decided here.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from infragen.cloud.cloudformation import EventPage, StackEvent, running
from infragen.cloud.protocol import Cloud
from infragen.cloud.template import STACK_TYPE
from infragen.errors import CredentialsExpired, Unavailable

BEGINNINGS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"})
"""Statuses of a stack with which an operation begins; its rollback is part of it."""

TRIES = 4
"""How often one page is asked for in one scan. Each try is already ten attempts of the AWS client."""


@dataclass(frozen=True)
class LayerEvent:
    """An event and the layer it belongs to ("network"; deeper: "network/Logical")."""

    layer: str
    event: StackEvent


def anchors(cloud: Cloud, stack_id: str) -> dict[str, str]:
    """Return the newest event of a stack and of every stack nested in it, by stack ARN; "" for one without events."""
    newest = next(iter(cloud.events(stack_id).events), None)
    found = {stack_id: newest.event_id if newest else ""}
    for resource in cloud.resources(stack_id):
        if resource.type == STACK_TYPE and resource.physical_id:
            found.update(anchors(cloud, resource.physical_id))
    return found


def begun(cloud: Cloud, stack_id: str) -> datetime | None:
    """Return when the last operation on a stack started, by AWS's clock; None if no event says."""
    token = ""
    while True:
        page = cloud.events(stack_id, token)
        for event in page.events:  # newest first
            if event.of_stack_itself and event.status in BEGINNINGS:
                return event.time
        if not page.next_token:
            return None
        token = page.next_token


def current(cloud: Cloud, stack_id: str) -> StackEvent | None:
    """Return the stack's own first event of the operation that runs on it; None when no event says that one runs.

    Its token says who started the operation: that of a cancellation comes later (glassechidna/stackit#26, 2019-05-09),
    and the events of the operation before end in a status in which nothing runs.
    """
    found: StackEvent | None = None
    token = ""
    while True:
        page = cloud.events(stack_id, token)
        for event in page.events:  # newest first
            if event.of_stack_itself:
                if not running(event.status):
                    return found
                found = event
        if not page.next_token:
            return found
        token = page.next_token


class Follower:
    """Follows one operation on one stack.

    `token` is the operation's ClientRequestToken: an event of the stack that carries another one is somebody else's;
    "" takes all events since the anchor. Further tokens are learnt from the stack's own events: whoever cancels an
    operation gives the rest of it a token of his own; `also` are those known beforehand. Events from before `since`
    belong to no operation that is followed. `name_child` gives the layer of a nested stack from its parent's layer and
    its logical id.
    """

    def __init__(
        self,
        cloud: Cloud,
        stack_id: str,
        layer: str,
        token: str,
        anchored: Mapping[str, str],
        name_child: Callable[[str, str], str],
        since: datetime | None = None,
        also: Collection[str] = (),
    ) -> None:
        self._cloud = cloud
        self._stack_id = stack_id
        self._tokens = {token, *also} - {""} if token else set()
        self._anchors = anchored
        self._name_child = name_child
        self._since = since
        self._layers = {stack_id: layer}
        self._seen: dict[str, set[str]] = {stack_id: set()}
        self._open = {stack_id}
        self._itself: list[StackEvent] = []
        self.events: list[LayerEvent] = []

    def poll(self) -> list[LayerEvent]:
        """Return what is new, oldest first. Raises Unavailable or CredentialsExpired; nothing is lost by
        trying again.
        """
        return self._commit(self._scan(set(self._open), whole=False))

    def finish(self) -> list[LayerEvent]:
        """Return the last scan, of every stack back to its anchor: finds what became visible late."""
        return self._commit(self._scan(set(self._layers), whole=True))

    @property
    def own_statuses(self) -> list[str]:
        """Return the statuses that the stack itself has gone through, oldest first."""
        return [each.event.status for each in self.own_events]

    @property
    def own_events(self) -> list[LayerEvent]:
        """Return the events of the stack itself, oldest first."""
        return [each for each in self.events if self._is_own(each.event)]

    @property
    def overtaken(self) -> StackEvent | None:
        """Return the last event of the operation, when another operation has started on the stack since; else None.

        What runs after our end and does not carry a token of ours is somebody else's.
        """
        last = self._last
        begins = (each for each in self._itself if running(each.status) and each.token not in self._tokens)
        return last if last is not None and any(each.time >= last.time for each in begins) else None

    @property
    def _last(self) -> StackEvent | None:
        """Return the event of the stack itself with which the operation ended, as far as is known."""
        ends = (each for each in self._itself if each.token in self._tokens and not running(each.status))
        return max(ends, key=lambda each: each.time, default=None)

    def _learn(self, own: Iterable[StackEvent]) -> None:
        """Take note of the stack's own events, and of the token with which a running operation continues."""
        for event in own:
            goes_on = bool(self._tokens) and event.status not in BEGINNINGS and self._last is None
            if goes_on and event.token and any(each.token in self._tokens for each in self._itself):
                self._tokens.add(event.token)
            self._itself.append(event)

    def _is_own(self, event: StackEvent) -> bool:
        return event.stack_id == self._stack_id and event.of_stack_itself

    def _scan(self, stacks: set[str], whole: bool) -> list[StackEvent]:
        """Read the stacks, and those nested ones that their events speak of, before anything is committed."""
        found: list[StackEvent] = []
        todo, done = [each for each in self._layers if each in stacks], set[str]()  # parents before their children
        while todo:
            stack_id = todo.pop(0)
            done.add(stack_id)
            events = self._unseen(stack_id, whole)
            found += events
            for event in events:
                if event.of_nested_stack and self._is_ours(event):
                    self._meet(event)
                    if event.physical_id not in done and event.physical_id not in todo:
                        todo.append(event.physical_id)
        return found

    def _meet(self, event: StackEvent) -> None:
        if event.physical_id not in self._layers:
            self._layers[event.physical_id] = self._name_child(self._layers[event.stack_id], event.logical_id)
            self._seen[event.physical_id] = set()

    def _unseen(self, stack_id: str, whole: bool) -> list[StackEvent]:
        """Return events of one stack since its anchor that were not committed yet, oldest first."""
        anchor, seen = self._anchors.get(stack_id, ""), self._seen[stack_id]
        found: dict[str, StackEvent] = {}
        token = ""
        while True:
            page = self._page(stack_id, token)
            for event in page.events:
                if event.event_id == anchor or (self._since is not None and event.time < self._since):
                    return list(reversed(found.values()))
                if event.event_id not in seen:
                    found.setdefault(event.event_id, event)
            known = bool(page.events) and all(each.event_id in seen for each in page.events)
            if not page.next_token or (known and not whole):
                return list(reversed(found.values()))
            token = page.next_token

    def _page(self, stack_id: str, token: str) -> EventPage:
        for _ in range(TRIES - 1):
            try:
                return self._cloud.events(stack_id, token)
            except CredentialsExpired:
                raise
            except Unavailable:
                continue
        return self._cloud.events(stack_id, token)

    def _commit(self, found: Iterable[StackEvent]) -> list[LayerEvent]:
        ordered = sorted(found, key=lambda each: each.time)
        self._learn(filter(self._is_own, ordered))
        last = self.overtaken
        news = []
        for event in ordered:
            self._seen[event.stack_id].add(event.event_id)
            over = last is not None and (event.time > last.time or self._begins_another(event, last))
            if self._is_ours(event) and not over:
                news.append(LayerEvent(self._layers[event.stack_id], event))
                self._track(event)
        self.events += news
        return news

    def _track(self, event: StackEvent) -> None:
        """Track nested stacks: one is read while it works; its parent's last word about it comes after its own last
        event.
        """
        if event.of_nested_stack:
            if event.status.endswith("_IN_PROGRESS"):
                self._open.add(event.physical_id)
            else:
                self._open.discard(event.physical_id)

    def _is_ours(self, event: StackEvent) -> bool:
        return event.stack_id != self._stack_id or not self._tokens or event.token in ("", *self._tokens)

    def _begins_another(self, event: StackEvent, last: StackEvent) -> bool:
        """Return whether an event at the same instant as the last one of an operation belongs to the next."""
        return event.time == last.time and event.token not in self._tokens and running(event.status)
