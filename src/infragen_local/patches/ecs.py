"""ECS: numbers of a service that come from a parameter.

CloudFormation parameters are text, so `DesiredCount: !Ref Count` arrives as "1"; AWS converts it by the resource's
schema, MiniStack raises.
"""

from infragen_local.patches.handlers import Properties, convert_properties

_INTEGERS = frozenset({"DesiredCount", "HealthCheckGracePeriodSeconds"})


def apply() -> None:
    """Convert the service's numbers."""
    convert_properties("AWS::ECS::Service", _with_integers)


def _with_integers(properties: Properties) -> Properties:
    return {
        key: int(value) if key in _INTEGERS and str(value).isdigit() else value for key, value in properties.items()
    }
