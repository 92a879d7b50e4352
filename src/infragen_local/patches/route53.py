"""Route 53: records in a hosted zone that existed before any stack.

MiniStack fails them with "No hosted zone with id", because the zone was not created here. On AWS the zone is the
user's; it is made here when a record first names it.
"""

from ministack.services import route53
from ministack.services.cloudformation import provisioners

from infragen_local.patches.handlers import Properties, convert_properties


def apply() -> None:
    """Make hosted zones on sight."""
    convert_properties("AWS::Route53::RecordSet", _with_zone)


def _with_zone(properties: Properties) -> Properties:
    zone = provisioners._r53_normalize_hosted_zone_id(str(properties.get("HostedZoneId") or ""))
    if zone and zone not in route53._zones:
        # The zone's own name is not known here; the last two labels of the record's are as good as any.
        name = ".".join(str(properties["Name"]).rstrip(".").split(".")[-2:]) + "."
        route53._zones[zone] = {
            "id": zone,
            "name": name,
            "caller_reference": zone,
            "comment": "",
            "private": False,
            "vpcs": [],
        }
        route53._records[zone] = route53._default_records(name)
    return properties
