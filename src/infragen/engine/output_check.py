"""What AWS made of a request against what was asked: the place of a stack, and the template behind a change set.

Nothing here is expected to go wrong. It would if credentials of another account were used from one call to the next, or
if somebody put another object under a template's key between its upload and its use.
"""

from infragen.assembly.stacks import StackUnit
from infragen.assembly.templatefile import parse, parse_deployed
from infragen.changes.values import given_back
from infragen.cloud.cloudformation import ChangeSet
from infragen.cloud.protocol import Identity
from infragen.engine.progress import Session, Warned
from infragen.errors import CloudError, Refused, Unavailable


def check_place(identity: Identity, arn: str) -> None:
    """Raise Refused unless an ARN lies in the account, region and partition that were checked before."""
    wanted = f"arn:{identity.partition}:cloudformation:{identity.region}:{identity.account}:"
    if not arn.startswith(wanted):
        raise Refused(
            f"AWS made {arn}, which is not in account {identity.account}, {identity.region}: nothing was executed",
            "find out whose credentials are in use, and delete that change set",
        )


def check_templates(session: Session, unit: StackUnit, change_set: ChangeSet) -> None:
    """Raise Refused when AWS read another template than was rendered, for the unit or for one nested in it.

    Where the template of a change set may not be read there is a warning: the objects were compared when they were
    uploaded.
    """
    _compare(session, unit.layer, change_set.change_set_id, change_set.stack_id, unit.text)
    for row in change_set.changes:
        child = unit.children.get(row.logical_id)
        if child is not None and row.change_set_id:
            _compare(session, child.layer, row.change_set_id, row.physical_id, child.text)


def _compare(session: Session, layer: str, change_set_id: str, stack_id: str, rendered: str) -> None:
    try:
        read = session.cloud.template(stack_id, change_set_id)
    except Unavailable:
        raise
    except CloudError as error:
        found = session.cloud.change_set(change_set_id, stack_id)
        if found is not None and not found.empty:  # of an empty one nothing is executed
            session.ui.tell(Warned(f"what AWS read as the template of {layer} was not compared: {error.message}"))
        return
    if read != rendered and not given_back(parse_deployed(read, layer), parse(rendered)):
        raise Refused(
            f"what AWS read as the template of {layer} is not what was rendered: nothing was executed",
            "the object in the artifact bucket was replaced: its versions show when; run the same command again",
        )
