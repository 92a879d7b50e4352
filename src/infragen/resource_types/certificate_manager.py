"""AWS Certificate Manager."""

from infragen.resource_types.interruption import NONE, Interruptions, outage
from infragen.resource_types.resource_type import Billing, ResourceType, UsualMinutes

CERTIFICATE = ResourceType(
    "AWS::CertificateManager::Certificate",
    holds_data=False,
    billing=Billing.FREE,
    usual_minutes={
        "CREATE": UsualMinutes(2, 30, "ACM waits for the DNS record, at most 72 hours (ACM User Guide, DNS validation)")
    },
    interruptions=Interruptions(outage("no client can connect over TLS with it"), NONE),
)

"""Holds no data: the certificate that replaces it is as good, and ACM has the private key of both (ACM User Guide,
"AWS Certificate Manager concepts")."""

ROWS = (CERTIFICATE,)
