"""Deletes worker code of the artifact bucket that nothing uses any more.

A rule of the bucket could only go by age, and the code of a function that nobody deployed for a year is as old as that
and in use: its next update fetches it for the rollback. So what is deleted is looked up: code that no stack names, that
none of the last deployments ran with, and that was not put there for so long that no saved plan can need it. It is
`bootstrap` that does it, a person's command: no role of CI may delete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from infragen.assembly.code import CODE, CODE_KEY
from infragen.assembly.stacks import RECORDS
from infragen.cloud.cloudformation import running
from infragen.cloud.protocol import StoredObject
from infragen.config import Environment
from infragen.engine.progress import Session, Warned
from infragen.errors import CloudError

CODE_DAYS = 90
"""How long code stays that nothing uses. A plan puts code that is 30 days old there again (`Account.upload`), and a
saved plan waits for at most 30 days: none that is needed by one is older than 60."""

KEPT_RECORDS = 20
"""The deployments of an environment, the newest, whose code stays for `deploy --at`, however old it is."""


def delete_unused_code(session: Session, env: Environment, bucket: str) -> None:
    """Delete code that nothing uses. Warns where it cannot; the next run tries again.

    The bucket keeps a deleted object for another 30 days, as an old version.
    """
    try:
        if not _old(session, env, bucket):
            return
        used = _used(session, env, bucket)
        if used is None:
            return
        unused = [each.key for each in _old(session, env, bucket) if each.key not in used]  # as it is by now
        for key in unused:
            session.cloud.delete_object(bucket, key)
    except CloudError as error:
        session.ui.tell(Warned(f"worker code that nothing uses any more was not deleted: {error.message}"))
        return
    if unused:
        number = f"{len(unused)} archive{'' if len(unused) == 1 else 's'} of worker code"
        session.ui.tell(Warned(f"deleted {number} from {bucket}: nothing used them for {CODE_DAYS} days"))


def _old(session: Session, env: Environment, bucket: str) -> list[StoredObject]:
    prefix = f"{CODE}{env.artifact_prefix}"
    found = session.cloud.objects(bucket, prefix)
    keys = (each for each in found if each.key.rpartition("/")[0] == prefix.rstrip("/"))
    return [each for each in keys if each.days >= CODE_DAYS and CODE_KEY.fullmatch(each.key)]


def _used(session: Session, env: Environment, bucket: str) -> set[str] | None:
    """Return the keys that a stack of the project or one of the last deployments names; None while a stack changes, as
    it may still go back to what it does not name any more.
    """
    used = set[str]()
    for state in session.cloud.stacks(f"{env.project}-"):
        if running(state.status):
            return None
        used |= _keys(state.parameters.values())
        if state.status != "REVIEW_IN_PROGRESS":
            used |= _keys([session.cloud.template(state.stack_id)])
    for key in _newest_records(session.cloud.objects(bucket, f"{RECORDS}{env.artifact_prefix}")):
        used |= _keys([(session.cloud.download(bucket, key) or b"").decode(errors="replace")])
    return used


def _newest_records(records: Iterable[StoredObject]) -> Iterator[str]:
    """Yield the keys of the newest records of each environment."""
    by_environment: dict[str, list[StoredObject]] = {}
    for each in records:
        by_environment.setdefault(each.key.rpartition("/")[0], []).append(each)
    for some in by_environment.values():
        yield from (each.key for each in sorted(some, key=lambda each: each.days)[:KEPT_RECORDS])


def _keys(texts: Iterable[str]) -> set[str]:
    return {found[0] for text in texts for found in CODE_KEY.finditer(text)}
