"""Certificate and hosted zone: what HTTPS of the load balancer stands on. DNS itself is never asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infragen.checks.check import Answer, Check, Subject, ok, unknown, wrong

if TYPE_CHECKING:
    from infragen.cloud.protocol import AccountReader

DAY = 86_400
DAYS_LEFT = 30
"""ACM renews what it issued 60 days before the end (ACM User Guide, "Managed certificate renewal", read 2026-11-29): a
certificate with fewer than 30 days left is imported, or its renewal does not work."""


def run_certificate(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask ACM for the certificate of `api.https`."""
    https = subject.environment.api.https if subject.environment.api else None
    if https is None or https.mode != "certificate" or not https.certificate_arn:
        return
    arn, at = https.certificate_arn, subject.at("api", "https", "certificate_arn")
    region, owner = arn.split(":")[3:5]
    if region != subject.region or owner != subject.account:
        here = f"{subject.region} of account {subject.account}"
        yield wrong(
            f"{at}the certificate is in {region} of account {owner}; the load balancer is in {here}",
            f"request or import the certificate in {here}", input=True,
        )  # fmt: skip
        return
    found = account.certificate(arn)
    if found is None:
        yield wrong(f"{at}ACM does not know {arn}", "`aws acm list-certificates` lists those there are", input=True)
        return
    names = ", ".join(found.names)
    if found.status != "ISSUED":
        said = f" ({found.reason})" if found.reason else ""
        hint = "finish its validation, or choose another" if found.status == "PENDING_VALIDATION" else "choose another"
        yield wrong(f"{at}the certificate of {names} is {found.status}{said}", f"{hint}: only ISSUED works", input=True)
        return
    if https.domain_name and not any(covers(name, https.domain_name) for name in found.names):
        yield wrong(
            f"{at}the certificate is for {names}, and not for {https.domain_name}", "choose another certificate",
            input=True,
        )  # fmt: skip
        return
    days = None if found.expires is None else (found.expires.timestamp() - subject.now()) / DAY
    if days is None:
        yield unknown(f"the certificate of {names} is issued; ACM does not say when it expires")
    elif days < DAYS_LEFT:
        yield wrong(
            f"{at}the certificate of {names} expires in {max(0, int(days))} days",
            "import a new one, or look at why ACM does not renew it: `aws acm describe-certificate`",
            stops=days <= 0, input=True,
        )  # fmt: skip
    else:
        yield ok(f"the certificate of {names} is issued and has {int(days)} days left")


def covers(name: str, domain: str) -> bool:
    """Return whether a name of a certificate stands for a domain; `*` is one label, the first (RFC 6125, 6.4.3)."""
    name, domain = name.lower(), domain.lower()
    if name.startswith("*."):
        first, _, rest = domain.partition(".")
        return bool(first) and rest == name[2:]
    return name == domain


def run_zone(subject: Subject, account: AccountReader) -> Iterator[Answer]:
    """Ask Route 53 for the hosted zone of `api.https`, and its parent, as far as it is in this account."""
    https = subject.environment.api.https if subject.environment.api else None
    if https is None or https.mode != "domain" or not https.hosted_zone_id or not https.domain_name:
        return
    zone_id, domain, at = https.hosted_zone_id, https.domain_name, subject.at("api", "https", "hosted_zone_id")
    zone = account.hosted_zone(zone_id)
    choose = "`aws route53 list-hosted-zones` lists those there are"
    if zone is None:
        yield wrong(f"{at}Route 53 has no hosted zone {zone_id} in this account", choose, input=True)
        return
    if domain != zone.name and not domain.endswith(f".{zone.name}"):
        yield wrong(f"{at}the hosted zone {zone_id} is {zone.name}, which {domain} is not in", choose, input=True)
        return
    if zone.private:
        yield wrong(
            f"{at}the hosted zone {zone_id} of {zone.name} is private: a certificate is never validated in it", choose,
            input=True,
        )  # fmt: skip
        return
    delegation = account.delegation(zone.name)
    servers = ", ".join(sorted(zone.name_servers))
    if delegation is None:
        yield unknown(
            f"{zone.name} exists; neither its parent zone nor its registration is in this account, so infragen has not "
            "looked whether it is delegated",
            f"where {zone.name} is registered, its name servers have to be {servers}",
        )
    elif delegation.name_servers != zone.name_servers:
        says = ", ".join(sorted(delegation.name_servers)) or "none"
        yield wrong(
            f"{at}{delegation.source} names as name servers of {zone.name}: {says}; the hosted zone has {servers}",
            f"set the name servers of {zone.name} to {servers}: a certificate would wait for its validation until the "
            "deployment fails",
            input=True,
        )
    else:
        yield ok(f"{zone.name} exists, and {delegation.source} names its name servers")


CERTIFICATE = Check(
    "certificate",
    "The certificate of `api.https` is issued, in this account and region, covers the name, and has 30 days left.",
    ("acm:DescribeCertificate",),
    frozenset({"AWS::ElasticLoadBalancingV2::Listener"}),
    run_certificate,
)
ZONE = Check(
    "zone",
    "The hosted zone of `api.https` exists, is public, holds the domain, and its parent names its name servers. What "
    "is looked at is a parent zone or a registration in this account; DNS is not asked.",
    (
        "route53:GetHostedZone", "route53:ListHostedZonesByName", "route53:ListResourceRecordSets",
        "route53domains:GetDomainDetail",
    ),
    frozenset({"AWS::CertificateManager::Certificate", "AWS::Route53::RecordSet"}),
    run_zone,
)  # fmt: skip
