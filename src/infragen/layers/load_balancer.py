"""An internet-facing Application Load Balancer with one target group, its listeners, certificate and access logs."""

from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Ref, Sub, Tags
from troposphere.certificatemanager import Certificate as IssuedCertificate
from troposphere.certificatemanager import DomainValidationOption
from troposphere.elasticloadbalancingv2 import (
    Action,
    Certificate,
    Listener,
    LoadBalancer,
    LoadBalancerAttributes,
    Matcher,
    RedirectConfig,
    TargetGroup,
    TargetGroupAttribute,
)
from troposphere.route53 import AliasTarget, RecordSetType

from infragen.config import Https
from infragen.layers import access_logs
from infragen.layers.contract import LaunchParameter, Template, named, suppress

SSL_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
"""TLS 1.2 and 1.3 with forward secrecy and hybrid post-quantum key exchange: AWS's recommendation and the console's
default. CloudFormation's own default is ELBSecurityPolicy-2016-08, which admits TLS 1.0 (Application Load Balancer
guide, "Security policies")."""

IDLE_SECONDS = 60
DEREGISTRATION_SECONDS = 30
"""How long a task that leaves may finish its requests; shorter than the task's own StopTimeout."""


@dataclass(frozen=True)
class PublicEndpoint:
    """What a load balancer is made for.

    `vpc`, `subnets` and `security_group` are ids; `port` and `health_path` belong to the targets; `name` is the
    prefix of the access logs and the last part of the Name tag. `goes` says that the access logs go with their stack.
    """

    name: str
    vpc: Any
    subnets: Any
    security_group: Any
    https: Https
    port: int
    health_path: str
    access_logs_days: int
    deletion_protection: bool
    goes: bool = False

    @property
    def listener(self) -> str:
        """Return logical id of the listener that forwards: a service must wait for it, because a target group without a
        load balancer takes no tasks.
        """
        return "HttpListener" if self.https.mode == "http_only" else "HttpsListener"

    @property
    def url(self) -> Any:
        """Return where clients reach the API."""
        if self.https.mode == "domain":
            return f"https://{self.https.domain_name}"
        scheme = "http" if self.https.mode == "http_only" else "https"
        return Sub(f"{scheme}://${{LoadBalancer.DNSName}}")


def launch_parameters(https: Https) -> tuple[LaunchParameter, ...]:
    """Return the parameter of the certificate: chosen at deployment, a renewed one needs no new rendering."""
    if https.mode != "certificate":
        return ()
    return (
        LaunchParameter(
            "CertificateArn", "ARN of the ACM certificate of the HTTPS listener.", value=https.certificate_arn
        ),
    )


def add_load_balancer(template: Template, endpoint: PublicEndpoint) -> None:
    """Add the load balancer with everything that belongs to it."""
    access_logs.add_access_logs(template, endpoint.name, endpoint.access_logs_days, goes=endpoint.goes)
    _load_balancer(template, endpoint)
    _target_group(template, endpoint)
    if endpoint.https.mode == "http_only":
        _plain_listener(template)
        return
    if endpoint.https.mode == "domain":
        _domain(template, endpoint.https)
    _redirect(template)
    _https_listener(template, endpoint.https)


def _load_balancer(template: Template, endpoint: PublicEndpoint) -> None:
    attributes = {
        "idle_timeout.timeout_seconds": str(IDLE_SECONDS),
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "routing.http.desync_mitigation_mode": "defensive",
        "deletion_protection.enabled": str(endpoint.deletion_protection).lower(),
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": Ref(access_logs.BUCKET),
        "access_logs.s3.prefix": endpoint.name,
    }
    template.add_resource(
        LoadBalancer(
            "LoadBalancer",
            # Without the policy in place, turning the logs on fails with "Access Denied for bucket".
            DependsOn=access_logs.POLICY,
            Type="application",
            Scheme="internet-facing",
            IpAddressType="ipv4",
            Subnets=endpoint.subnets,
            SecurityGroups=[endpoint.security_group],
            LoadBalancerAttributes=[LoadBalancerAttributes(Key=key, Value=value) for key, value in attributes.items()],
            Tags=Tags(Name=named(endpoint.name)),
        )
    )


def _target_group(template: Template, endpoint: PublicEndpoint) -> None:
    """Add the target group: tasks by address. Least outstanding requests, because a slow task should get fewer."""
    attributes = {
        "deregistration_delay.timeout_seconds": str(DEREGISTRATION_SECONDS),
        "load_balancing.algorithm.type": "least_outstanding_requests",
    }
    template.add_resource(
        TargetGroup(
            "TargetGroup",
            TargetType="ip",
            Protocol="HTTP",
            Port=endpoint.port,
            VpcId=endpoint.vpc,
            HealthCheckEnabled=True,
            HealthCheckProtocol="HTTP",
            HealthCheckPath=endpoint.health_path,
            HealthCheckIntervalSeconds=15,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
            Matcher=Matcher(HttpCode="200"),
            TargetGroupAttributes=[TargetGroupAttribute(Key=key, Value=value) for key, value in attributes.items()],
            Tags=Tags(Name=named(endpoint.name)),
        )
    )


def _domain(template: Template, https: Https) -> None:
    """Add a certificate that CloudFormation validates by a record of its own, and the name of the load balancer."""
    template.add_resource(
        IssuedCertificate(
            "Certificate",
            DomainName=https.domain_name,
            ValidationMethod="DNS",
            DomainValidationOptions=[
                DomainValidationOption(DomainName=https.domain_name, HostedZoneId=https.hosted_zone_id)
            ],
        )
    )
    template.add_resource(
        RecordSetType(
            "DomainRecord",
            HostedZoneId=https.hosted_zone_id,
            Name=https.domain_name,
            Type="A",
            AliasTarget=AliasTarget(
                DNSName=GetAtt("LoadBalancer", "DNSName"),
                HostedZoneId=GetAtt("LoadBalancer", "CanonicalHostedZoneID"),
                EvaluateTargetHealth=True,
            ),
        )
    )


def _https_listener(template: Template, https: Https) -> None:
    certificate = Ref("Certificate" if https.mode == "domain" else "CertificateArn")
    template.add_resource(
        Listener(
            "HttpsListener",
            LoadBalancerArn=Ref("LoadBalancer"),
            Port=443,
            Protocol="HTTPS",
            SslPolicy=SSL_POLICY,
            Certificates=[Certificate(CertificateArn=certificate)],
            DefaultActions=[_forward()],
        )
    )


def _redirect(template: Template) -> None:
    template.add_resource(
        Listener(
            "HttpListener",
            LoadBalancerArn=Ref("LoadBalancer"),
            Port=80,
            Protocol="HTTP",
            DefaultActions=[
                Action(
                    Type="redirect",
                    RedirectConfig=RedirectConfig(
                        Protocol="HTTPS",
                        Port="443",
                        Host="#{host}",
                        Path="/#{path}",
                        Query="#{query}",
                        StatusCode="HTTP_301",
                    ),
                )
            ],
        )
    )


def _plain_listener(template: Template) -> None:
    reason = "development without a certificate, for the listed addresses only"
    template.add_resource(
        Listener(
            "HttpListener",
            LoadBalancerArn=Ref("LoadBalancer"),
            Port=80,
            Protocol="HTTP",
            DefaultActions=[_forward()],
            Metadata=suppress(checkov={"CKV_AWS_2": reason, "CKV_AWS_103": reason}),
        )
    )


def _forward() -> Action:
    return Action(Type="forward", TargetGroupArn=Ref("TargetGroup"))
