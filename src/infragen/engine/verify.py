"""What AWS made of a request against what was asked: the place of a stack, and the template behind a change set.

Nothing here is expected to go wrong. It would if credentials of another account were used from one call to the next, or
if somebody put another object under a template's key between its upload and its use.
"""

from infragen.cloud import Cloud, Identity
from infragen.errors import CloudError, Refused
from infragen.plan import StackUnit
from infragen.stack import ChangeSet
from infragen.templatefile import parse


def check_place(identity: Identity, arn: str) -> None:
    """Raises Refused unless an ARN lies in the account, region and partition that were checked before."""
    wanted = f"arn:{identity.partition}:cloudformation:{identity.region}:{identity.account}:"
    if not arn.startswith(wanted):
        raise Refused(
            f"AWS made {arn}, which is not in account {identity.account}, {identity.region}: nothing was executed",
            "find out whose credentials are in use, and delete that change set",
        )


def check_templates(cloud: Cloud, unit: StackUnit, change_set: ChangeSet) -> None:
    """Raises Refused when AWS read another template than was rendered, for the unit or for one nested in it."""
    _compare(unit.layer, cloud.template(change_set.stack_id, change_set.change_set_id), unit.text)
    for row in change_set.changes:
        child = unit.children.get(row.logical_id)
        if child is not None and row.change_set_id:
            _compare(child.layer, _nested(cloud, row.change_set_id), child.text)


def _nested(cloud: Cloud, change_set_id: str) -> str | None:
    """The template of a nested change set; None when the set is empty, for then nothing is executed."""
    try:
        return cloud.template("", change_set_id)
    except CloudError:
        found = cloud.change_set(change_set_id)
        if found is None or found.empty:
            return None
        raise


def _compare(layer: str, read: str | None, rendered: str) -> None:
    if read is not None and read != rendered and parse(read) != parse(rendered):
        raise Refused(
            f"what AWS read as the template of {layer} is not what was rendered: nothing was executed",
            "somebody replaced the object in the artifact bucket: its versions say when; run the same command again",
        )
