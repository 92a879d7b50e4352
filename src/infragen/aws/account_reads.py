"""What checks ask of an account (`infragen.cloud.protocol.AccountReader`): reads only, one small question each.

Every question names the IAM action that it needs, so that a denied one becomes PermissionDenied with that name. No
value of a secret or parameter is ever asked for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from infragen.aws.failure import DENIED, AwsError, answered
from infragen.aws.reading import IncompleteReply, member, pages, plain
from infragen.aws.session import Clients
from infragen.cloud.cloudformation import ALARM_TYPE, COMPOSITE_ALARM_TYPE
from infragen.cloud.protocol import (
    AlarmState,
    Certificate,
    ClusterParameter,
    ConcurrencyLimit,
    Delegation,
    HostedZone,
    ImageTags,
    Quota,
    RegistryImage,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from infragen.cloud.workload import StoredParameter
from infragen.errors import PermissionDenied

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
"""The media types of images and of lists of them, one for each platform (OCI Image Format Specification 1.1; Docker
Image Manifest Version 2, Schema 2)."""

LARGEST_CONFIG = 4_000_000
"""Bytes of an image's configuration that are read; a real one has some thousand."""

USAGE_HOURS = 3
"""How far back the usage of a quota is looked for: AWS/Usage has a data point every five minutes (CloudWatch User
Guide, "AWS usage metrics")."""


@contextmanager
def asked(permission: str, doing: str) -> Iterator[None]:
    """Work like `answered`, and PermissionDenied where the call needs a permission that the caller lacks."""
    try:
        with answered(f"{doing} ({permission})"):
            yield
    except AwsError as error:
        if error.code not in DENIED:
            raise
        raise PermissionDenied(permission, error.message, error.hint) from error


@dataclass(frozen=True)
class AccountReads:
    """The AccountReader on boto3."""

    clients: Clients

    # --- images -------------------------------------------------------------------------------------------------

    def image(self, repository: str, tag: str) -> RegistryImage | None:
        """Call ECR BatchGetImage, which answers with failures instead of an error for a tag that does not exist."""
        try:
            with asked("ecr:BatchGetImage", f"reading the image {repository}:{tag}"):
                answer = self.clients.registry.batch_get_image(
                    repositoryName=repository, imageIds=[{"imageTag": tag}], acceptedMediaTypes=[*INDEXES, *MANIFESTS]
                )
                found = member(answer, "images")
                failures = [(each.get("failureCode", ""), each.get("failureReason")) for each in answer["failures"]]
                manifest = json.loads(member(found[0], "imageManifest")) if found else {}
        except AwsError as error:
            if error.code == "RepositoryNotFoundException":
                return None
            raise
        if found:
            return RegistryImage(self._platforms(repository, manifest))
        if any(code == "ImageNotFound" for code, _ in failures):
            return None
        said = plain("; ".join(f"{code}: {reason}" for code, reason in failures) or "ECR says nothing of it")
        return RegistryImage(unusable=said)

    def _platforms(self, repository: str, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Return those of an index, which are in it; that of a single image is in its configuration. Attestations are
        `unknown`, and what says no system or no architecture runs on nobody knows what.
        """
        if "manifests" in manifest:
            rows = [each.get("platform", {}) for each in manifest["manifests"]]
        else:
            rows = [self._configuration(repository, manifest)]
        found = (f"{each['os']}/{each['architecture']}" for each in rows if each.get("os") and each.get("architecture"))
        return tuple(dict.fromkeys(each for each in found if "unknown" not in each))

    def _configuration(self, repository: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        with asked("ecr:GetDownloadUrlForLayer", f"reading an image's configuration in {repository}"):
            digest = member(member(manifest, "config"), "digest")
            answer = self.clients.registry.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
            url = member(answer, "downloadUrl")
            found = json.loads(self.clients.download(url, LARGEST_CONFIG))
            if not isinstance(found, dict):
                raise IncompleteReply("the configuration of an image is no object")
        return found

    def image_tags(self, repository: str) -> ImageTags:
        """Call ECR DescribeImages, tagged images alone, all pages."""
        try:
            with asked("ecr:DescribeImages", f"listing the images of {repository}"):
                tagged = {"repositoryName": repository, "filter": {"tagStatus": "TAGGED"}}
                rows = list(pages(self.clients.registry.describe_images, "imageDetails", leads="nextToken", **tagged))
                rows.sort(key=lambda each: each["imagePushedAt"], reverse=True)
                return ImageTags(True, tuple(tag for each in rows for tag in each.get("imageTags", ())))
        except AwsError as error:
            if error.code == "RepositoryNotFoundException":
                return ImageTags(False)
            raise

    # --- names and certificates ---------------------------------------------------------------------------------

    def certificate(self, arn: str) -> Certificate | None:
        """Call ACM DescribeCertificate."""
        try:
            with asked("acm:DescribeCertificate", f"reading the certificate {arn}"):
                found = member(self.clients.certificates.describe_certificate(CertificateArn=arn), "Certificate")
                names = (member(found, "DomainName"), *found.get("SubjectAlternativeNames", ()))
                unique = tuple(dict.fromkeys(map(str, names)))
                return Certificate(
                    member(found, "Status"), unique, found.get("NotAfter"), plain(found.get("FailureReason"))
                )
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise

    def hosted_zone(self, zone_id: str) -> HostedZone | None:
        """Route 53 GetHostedZone."""
        try:
            with asked("route53:GetHostedZone", f"reading the hosted zone {zone_id}"):
                answer = self.clients.dns.get_hosted_zone(Id=zone_id)
                zone = member(answer, "HostedZone")
                private = bool(zone.get("Config", {}).get("PrivateZone"))
                servers = _servers((answer.get("DelegationSet") or {}).get("NameServers", ()))
                return HostedZone(member(zone, "Name").rstrip("."), private, servers)
        except AwsError as error:
            if error.code == "NoSuchHostedZone":
                return None
            raise

    def delegation(self, zone: str) -> Delegation | None:
        """Route 53 ListHostedZonesByName and ListResourceRecordSets of the nearest parent; else GetDomainDetail."""
        labels = zone.split(".")
        for start in range(1, len(labels) - 1):
            parent = ".".join(labels[start:])
            with asked("route53:ListHostedZonesByName", f"looking for the hosted zone of {parent}"):
                rows = member(self.clients.dns.list_hosted_zones_by_name(DNSName=parent), "HostedZones")
                public = [
                    member(each, "Id")
                    for each in rows
                    if member(each, "Name") == f"{parent}." and not each.get("Config", {}).get("PrivateZone")
                ]
            if public:
                return Delegation(f"the hosted zone {parent}", self._delegated(public[0], zone))
        return self._registration(zone)

    def _delegated(self, parent_id: str, zone: str) -> frozenset[str]:
        with asked("route53:ListResourceRecordSets", f"reading who answers for {zone}"):
            answer = self.clients.dns.list_resource_record_sets(
                HostedZoneId=parent_id, StartRecordName=zone, StartRecordType="NS", MaxItems="1"
            )
            rows = member(answer, "ResourceRecordSets")
            wanted = [each for each in rows if (each["Name"].rstrip("."), each["Type"]) == (zone, "NS")]
            return _servers(record["Value"] for each in wanted for record in each.get("ResourceRecords", ()))

    def _registration(self, zone: str) -> Delegation | None:
        """Return a domain that is registered somewhere else is an InvalidInput to Route 53 Domains."""
        try:
            with asked("route53domains:GetDomainDetail", f"reading the registration of {zone}"):
                answer = self.clients.domains.get_domain_detail(DomainName=zone)
                servers = _servers(member(each, "Name") for each in member(answer, "Nameservers"))
                return Delegation(f"the registration of {zone}", servers)
        except AwsError as error:
            if error.code == "InvalidInput":
                return None
            raise

    # --- what the region offers ---------------------------------------------------------------------------------

    def orderable_zones(self, engine: str, version: str, instance_class: str) -> tuple[str, ...]:
        """Call RDS DescribeOrderableDBInstanceOptions, all pages."""
        with asked("rds:DescribeOrderableDBInstanceOptions", f"asking where {engine} {version} can be ordered"):
            wanted = {"Engine": engine, "EngineVersion": version, "DBInstanceClass": instance_class}
            read = self.clients.rds.describe_orderable_db_instance_options
            rows = list(pages(read, "OrderableDBInstanceOptions", leads="Marker", **wanted))
            return tuple(sorted({member(zone, "Name") for each in rows for zone in member(each, "AvailabilityZones")}))

    def cluster_parameters(self, family: str) -> Mapping[str, ClusterParameter]:
        """Call RDS DescribeEngineDefaultClusterParameters, all pages; both are inside EngineDefaults."""

        def read(**arguments: Any) -> Any:
            return member(self.clients.rds.describe_engine_default_cluster_parameters(**arguments), "EngineDefaults")

        with asked("rds:DescribeEngineDefaultClusterParameters", f"listing the cluster parameters of {family}"):
            return {
                member(each, "ParameterName"): ClusterParameter(
                    plain(each.get("AllowedValues")), bool(each.get("IsModifiable"))
                )
                for each in pages(read, "Parameters", leads="Marker", DBParameterGroupFamily=family)
            }

    def availability_zones(self) -> tuple[str, ...]:
        """Call EC2 DescribeAvailabilityZones, without local zones and wavelength zones."""
        with asked("ec2:DescribeAvailabilityZones", "listing the availability zones"):
            kind: Any = [{"Name": "zone-type", "Values": ["availability-zone"]}]
            rows = member(self.clients.networks.describe_availability_zones(Filters=kind), "AvailabilityZones")
            return tuple(sorted(member(each, "ZoneName") for each in rows if each.get("State") == "available"))

    def quota(self, service: str, code: str) -> Quota:
        """Call Service Quotas GetServiceQuota; GetAWSDefaultServiceQuota for one that was never changed
        in the account.
        """
        client = self.clients.quotas
        try:
            with asked("servicequotas:GetServiceQuota", f"reading the quota {code} of {service}"):
                found = member(client.get_service_quota(ServiceCode=service, QuotaCode=code), "Quota")
        except AwsError as error:
            if error.code != "NoSuchResourceException":
                raise
            with asked("servicequotas:GetAWSDefaultServiceQuota", f"reading the default of quota {code} of {service}"):
                found = member(client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code), "Quota")
        return Quota(float(member(found, "Value")), self._usage(found.get("UsageMetric")))

    def _usage(self, metric: Mapping[str, Any] | None) -> float | None:
        if not metric:
            return None
        with asked("cloudwatch:GetMetricStatistics", "reading the usage of a quota"):
            statistic, now = metric.get("MetricStatisticRecommendation", "Maximum"), datetime.now(UTC)
            dimensions = [{"Name": name, "Value": value} for name, value in metric["MetricDimensions"].items()]
            rows = self.clients.metrics.get_metric_statistics(
                Namespace=member(metric, "MetricNamespace"), MetricName=member(metric, "MetricName"),
                Dimensions=dimensions, StartTime=now - timedelta(hours=USAGE_HOURS), EndTime=now, Period=300,
                Statistics=[statistic],
            )  # fmt: skip
            points = sorted(member(rows, "Datapoints"), key=lambda each: each["Timestamp"])
            return float(points[-1][statistic]) if points else 0.0

    def in_use(self, kind: str) -> int:
        """Call EC2 DescribeVpcs, DescribeAddresses, DescribeInternetGateways."""
        client = self.clients.networks
        match kind:
            case "vpc":
                with asked("ec2:DescribeVpcs", "counting the VPCs"):
                    return sum(1 for _ in pages(client.describe_vpcs, "Vpcs"))
            case "eip":
                with asked("ec2:DescribeAddresses", "counting the Elastic IP addresses"):
                    return len(member(client.describe_addresses(), "Addresses"))
            case "igw":
                with asked("ec2:DescribeInternetGateways", "counting the internet gateways"):
                    return sum(1 for _ in pages(client.describe_internet_gateways, "InternetGateways"))
        raise ValueError(kind)

    def vpc(self, vpc_id: str) -> Vpc | None:
        """Call EC2 DescribeVpcs and DescribeVpcAttribute."""
        client = self.clients.networks
        try:
            with asked("ec2:DescribeVpcs", f"reading {vpc_id}"):
                if not member(client.describe_vpcs(VpcIds=[vpc_id]), "Vpcs"):
                    return None
        except AwsError as error:
            if error.code == "InvalidVpcID.NotFound":
                return None
            raise
        with asked("ec2:DescribeVpcAttribute", f"reading the DNS attributes of {vpc_id}"):
            support = client.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsSupport")
            hostnames = client.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")
            return Vpc(
                bool(member(member(support, "EnableDnsSupport"), "Value")),
                bool(member(member(hostnames, "EnableDnsHostnames"), "Value")),
            )

    def subnets(self, ids: Sequence[str]) -> Mapping[str, Subnet]:
        """Call EC2 DescribeSubnets with a filter: by id it fails when one does not exist."""
        by_id: Any = [{"Name": "subnet-id", "Values": list(ids)}]
        with asked("ec2:DescribeSubnets", "reading subnets"):
            rows = pages(self.clients.networks.describe_subnets, "Subnets", Filters=by_id)
            return {
                member(each, "SubnetId"): Subnet(
                    member(each, "VpcId"),
                    member(each, "AvailabilityZone"),
                    int(member(each, "AvailableIpAddressCount")),
                )
                for each in rows
            }

    def default_routes(self, vpc_id: str) -> Mapping[str, str]:
        """Call EC2 DescribeRouteTables."""
        of_vpc: Any = [{"Name": "vpc-id", "Values": [vpc_id]}]
        found = {"": ""}
        with asked("ec2:DescribeRouteTables", f"reading the routes of {vpc_id}"):
            for table in pages(self.clients.networks.describe_route_tables, "RouteTables", Filters=of_vpc):
                target = next((_target(each) for each in table.get("Routes", ()) if _leads_out(each)), "")
                for each in table.get("Associations", ()):
                    found[each.get("SubnetId", "") if not each.get("Main") else ""] = target
        return found

    def vpc_endpoints(self, vpc_id: str) -> tuple[VpcEndpoint, ...]:
        """Call EC2 DescribeVpcEndpoints."""
        of_vpc: Any = [
            {"Name": "vpc-id", "Values": [vpc_id]},
            {"Name": "vpc-endpoint-state", "Values": ["available", "pending", "pendingAcceptance"]},
        ]
        with asked("ec2:DescribeVpcEndpoints", f"reading the endpoints of {vpc_id}"):
            rows = pages(self.clients.networks.describe_vpc_endpoints, "VpcEndpoints", Filters=of_vpc)
            return tuple(
                VpcEndpoint(
                    member(each, "ServiceName"), member(each, "VpcEndpointType"), bool(each.get("PrivateDnsEnabled"))
                )
                for each in rows
            )

    def endpoint_services(self, names: Sequence[str]) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """Call EC2 DescribeVpcEndpointServices with a filter: by name it fails when one does not exist. A service with
        two kinds of endpoints, such as S3, has a row for each.
        """
        found = dict[str, dict[str, frozenset[str]]]()
        named: Any = [{"Name": "service-name", "Values": list(names)}]
        with asked("ec2:DescribeVpcEndpointServices", "listing the endpoint services of the region"):
            rows = pages(self.clients.networks.describe_vpc_endpoint_services, "ServiceDetails", Filters=named)
            for each in rows:
                kinds, zones = found.setdefault(member(each, "ServiceName"), {}), each.get("AvailabilityZones", ())
                for kind in member(each, "ServiceType"):
                    name = member(kind, "ServiceType")
                    kinds[name] = kinds.get(name, frozenset()) | frozenset(zones)
        return found

    def nat_gateways(self) -> Mapping[str, int]:
        """Call EC2 DescribeNatGateways, and DescribeSubnets for their zones."""
        client = self.clients.networks
        alive: Any = [{"Name": "state", "Values": ["pending", "available"]}]
        with asked("ec2:DescribeNatGateways", "counting the NAT gateways"):
            subnets = [
                each.get("SubnetId") for each in pages(client.describe_nat_gateways, "NatGateways", Filter=alive)
            ]
        zones = dict[str, int]()
        if not subnets:
            return zones
        with asked("ec2:DescribeSubnets", "reading the zones of the NAT gateways"):
            rows = pages(client.describe_subnets, "Subnets")
            zone_of = {member(each, "SubnetId"): member(each, "AvailabilityZone") for each in rows}
        for each in subnets:
            zone = zone_of.get(each, "")
            zones[zone] = zones.get(zone, 0) + 1
        return zones

    def lambda_concurrency(self) -> ConcurrencyLimit:
        """Call Lambda GetAccountSettings."""
        with asked("lambda:GetAccountSettings", "reading Lambda's account limit"):
            limit = member(self.clients.functions.get_account_settings(), "AccountLimit")
            return ConcurrencyLimit(
                member(limit, "ConcurrentExecutions"), member(limit, "UnreservedConcurrentExecutions")
            )

    # --- what is there already ----------------------------------------------------------------------------------

    def resource_properties(self, resource_type: str, identifier: str) -> Mapping[str, Any] | None:
        """Call Cloud Control API GetResource, which reads with the caller's rights in the resource's own service."""
        try:
            with asked("cloudformation:GetResource", f"reading {resource_type} {identifier}"):
                answer = self.clients.cloud_control.get_resource(TypeName=resource_type, Identifier=identifier)
                found = json.loads(member(member(answer, "ResourceDescription"), "Properties"))
                if not isinstance(found, dict):
                    raise IncompleteReply("the properties of a resource are no object")
                return found
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise

    def alarm_states(self, names: tuple[str, ...]) -> Mapping[str, AlarmState]:
        """Call CloudWatch DescribeAlarms for alarms of both kinds."""
        with asked("cloudwatch:DescribeAlarms", "reading the state of alarms"):
            kinds: list[Any] = ["MetricAlarm", "CompositeAlarm"]
            answer = self.clients.metrics.describe_alarms(AlarmNames=list(names), AlarmTypes=kinds)
            rows = [(ALARM_TYPE, each) for each in member(answer, "MetricAlarms")]
            rows += [(COMPOSITE_ALARM_TYPE, each) for each in member(answer, "CompositeAlarms")]
            return {
                member(each, "AlarmName"): AlarmState(
                    member(each, "AlarmName"), kind, member(each, "StateValue"), each.get("StateTransitionedTimestamp")
                )
                for kind, each in rows
            }

    def identity_providers(self) -> tuple[str, ...]:
        """Call IAM ListOpenIDConnectProviders, which has no pages."""
        with asked("iam:ListOpenIDConnectProviders", "listing the account's identity providers"):
            answer = self.clients.roles.list_open_id_connect_providers()
            return tuple(str(member(each, "Arn")) for each in member(answer, "OpenIDConnectProviderList"))

    def role_exists(self, name: str) -> bool:
        """Call IAM GetRole."""
        try:
            with asked("iam:GetRole", f"looking for the role {name}"):
                member(self.clients.roles.get_role(RoleName=name), "Role")
                return True
        except AwsError as error:
            if error.code in ("NoSuchEntity", "NoSuchEntityException"):
                return False
            raise

    def create_service_linked_role(self, service: str) -> None:
        """Call IAM CreateServiceLinkedRole; InvalidInput "has been taken in this account" is one that exists."""
        try:
            with asked("iam:CreateServiceLinkedRole", f"creating the service-linked role of {service}"):
                self.clients.roles.create_service_linked_role(AWSServiceName=service)
        except AwsError as error:
            if "taken in this account" not in error.words and error.code != "EntityAlreadyExists":
                raise

    def taken(self, kind: str, names: tuple[str, ...]) -> Mapping[str, str] | None:
        """See `_FINDERS`: one listing, or a question for each name."""
        find = _FINDERS.get(kind)
        return None if find is None else find(self.clients, names)

    def secret(self, arn: str) -> str:
        """Return secrets Manager DescribeSecret, which has no value in it."""
        try:
            with asked("secretsmanager:DescribeSecret", f"looking for the secret {arn}"):
                answer = self.clients.secrets.describe_secret(SecretId=arn)
                member(answer, "ARN")
                return "deleted" if answer.get("DeletedDate") else "there"
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return "missing"
            raise

    def parameter_exists(self, name: str) -> bool:
        """Call SSM DescribeParameters, which has no value in it."""
        with asked("ssm:DescribeParameters", f"looking for the parameter {name}"):
            wanted: Any = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
            rows = pages(self.clients.parameters.describe_parameters, "Parameters", ParameterFilters=wanted)
            return any(member(each, "Name") == name for each in rows)

    def parameters(self, begins: str) -> tuple[StoredParameter, ...]:
        """Call SSM DescribeParameters, all pages, which has no value in it."""
        with asked("ssm:DescribeParameters", f"listing the parameters {begins}…"):
            wanted: Any = [{"Key": "Name", "Option": "BeginsWith", "Values": [begins]}]
            rows = pages(self.clients.parameters.describe_parameters, "Parameters", ParameterFilters=wanted)
            found = [
                StoredParameter(
                    name=str(member(each, "Name")),
                    type=plain(each.get("Type")),
                    version=int(each.get("Version") or 0),
                    key=plain(each.get("KeyId")),
                    changed=each["LastModifiedDate"].timestamp() if each.get("LastModifiedDate") else 0.0,
                    by=plain(each.get("LastModifiedUser")),
                )
                for each in rows
            ]
        return tuple(sorted(found, key=lambda each: each.name))

    def key_state(self, key: str) -> str:
        """Call KMS DescribeKey."""
        try:
            with asked("kms:DescribeKey", f"reading the key {key}"):
                answer: Any = self.clients.keys_service.describe_key(KeyId=key)
                return plain(member(answer, "KeyMetadata").get("KeyState"))
        except AwsError as error:
            if error.code == "NotFoundException":
                return "gone"
            raise

    def aws_time(self) -> float:
        """Return the Date header of the answer to STS GetCallerIdentity."""
        with asked("sts:GetCallerIdentity", "asking AWS for the time"):
            answer: Any = self.clients.sts.get_caller_identity()
            headers = member(member(answer, "ResponseMetadata"), "HTTPHeaders")
            return parsedate_to_datetime(member(headers, "date")).timestamp()


def _servers(names: Any) -> frozenset[str]:
    return frozenset(str(each).rstrip(".").lower() for each in names)


# --- physical names that are taken ------------------------------------------------------------------------------


def _repositories(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    def look(name: str) -> str:
        with asked("ecr:DescribeRepositories", f"looking for the repository {name}"):
            return (
                "exists"
                if member(clients.registry.describe_repositories(repositoryNames=[name]), "repositories")
                else ""
            )

    return _each(names, look, "RepositoryNotFoundException")


def _buckets(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    """Call S3 HeadBucket: bucket names are the same for all accounts, and 403 is the bucket of another one."""

    def look(name: str) -> str:
        try:
            with answered(f"looking for the bucket {name} (s3:ListBucket)"):
                clients.s3.head_bucket(Bucket=name)
                return "exists"
        except AwsError as error:
            if error.code in DENIED or error.code in ("301", "PermanentRedirect"):
                return "exists, in another region or account, or these credentials may not see it"
            raise

    return _each(names, look, "404", "NoSuchBucket")


def _log_groups(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    with asked("logs:DescribeLogGroups", "looking for log groups"):
        prefix = os.path.commonprefix(names)  # noqa: RUF071  # of texts, not of paths
        rows = pages(
            clients.logs.describe_log_groups,
            "logGroups",
            leads="nextToken",
            **({"logGroupNamePrefix": prefix} if prefix else {}),
        )
        there = {member(each, "logGroupName") for each in rows}
    return {name: "exists" for name in names if name in there}


def _secrets(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    def look(name: str) -> str:
        with asked("secretsmanager:DescribeSecret", f"looking for the secret {name}"):
            answer = clients.secrets.describe_secret(SecretId=name)
            member(answer, "ARN")
            return "is deleted and still keeps its name" if answer.get("DeletedDate") else "exists"

    return _each(names, look, "ResourceNotFoundException")


def _aliases(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    with asked("kms:ListAliases", "looking for key aliases"):
        rows = pages(clients.keys_service.list_aliases, "Aliases", leads="Marker")
        there = {member(each, "AliasName") for each in rows}
    return {name: "exists" for name in names if name in there}


def _clusters(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    def look(name: str) -> str:
        with asked("rds:DescribeDBClusters", f"looking for the DB cluster {name}"):
            return "exists" if member(clients.rds.describe_db_clusters(DBClusterIdentifier=name), "DBClusters") else ""

    return _each(names, look, "DBClusterNotFoundFault", "DBClusterNotFound")


def _instances(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    def look(name: str) -> str:
        with asked("rds:DescribeDBInstances", f"looking for the DB instance {name}"):
            found = clients.rds.describe_db_instances(DBInstanceIdentifier=name)
            return "exists" if member(found, "DBInstances") else ""

    return _each(names, look, "DBInstanceNotFoundFault", "DBInstanceNotFound")


def _firewalls(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    """Call WAF ListWebACLs of the region; those for CloudFront are in another scope."""
    with asked("wafv2:ListWebACLs", "looking for web ACLs"):
        rows = pages(
            lambda **more: clients.firewalls.list_web_acls(Scope="REGIONAL", **more), "WebACLs", leads="NextMarker"
        )
        there = {member(each, "Name") for each in rows}
    return {name: "exists" for name in names if name in there}


def _queues(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    """Call SQS GetQueueUrl. A name is free 60 seconds after its queue was deleted, which no call tells (SQS API
    reference, CreateQueue).
    """

    def look(name: str) -> str:
        with asked("sqs:GetQueueUrl", f"looking for the queue {name}"):
            return "exists" if member(clients.queues.get_queue_url(QueueName=name), "QueueUrl") else ""

    return _each(names, look, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def _functions(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    """Call Lambda GetFunctionConcurrency, which tells whether a function exists and nothing of its variables."""

    def look(name: str) -> str:
        with asked("lambda:GetFunctionConcurrency", f"looking for the function {name}"):
            clients.functions.get_function_concurrency(FunctionName=name)
            return "exists"

    return _each(names, look, "ResourceNotFoundException")


def _ecs_clusters(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    """Call ECS DescribeClusters; a deleted cluster is listed as INACTIVE for a while, and its name is free (ECS API
    reference, DeleteCluster).
    """
    with asked("ecs:DescribeClusters", "looking for ECS clusters"):
        rows = member(clients.ecs.describe_clusters(clusters=list(names)), "clusters")
        there = {member(each, "clusterName") for each in rows if each.get("status") != "INACTIVE"}
    return {name: "exists" for name in names if name in there}


def _dashboards(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    with asked("cloudwatch:ListDashboards", "looking for dashboards"):
        prefix = os.path.commonprefix(names)  # noqa: RUF071  # of texts, not of paths
        rows = pages(clients.metrics.list_dashboards, "DashboardEntries", DashboardNamePrefix=prefix)
        there = {member(each, "DashboardName") for each in rows}
    return {name: "exists" for name in names if name in there}


def _alarms(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    """Call CloudWatch DescribeAlarms for alarms of both kinds: they share their names (CloudWatch API reference,
    PutCompositeAlarm).
    """
    with asked("cloudwatch:DescribeAlarms", "looking for alarms"):
        kinds = ["MetricAlarm", "CompositeAlarm"]
        answer = clients.metrics.describe_alarms(AlarmNames=list(names), AlarmTypes=kinds)
        rows = [*member(answer, "MetricAlarms"), *member(answer, "CompositeAlarms")]
        there = {member(each, "AlarmName") for each in rows}
    return {name: "exists" for name in names if name in there}


def _schedule_groups(clients: Clients, names: tuple[str, ...]) -> dict[str, str]:
    """Call Scheduler GetScheduleGroup; a group that is being deleted keeps its name until its schedules are gone."""

    def look(name: str) -> str:
        with asked("scheduler:GetScheduleGroup", f"looking for the schedule group {name}"):
            state = member(clients.schedules.get_schedule_group(Name=name), "State")
            return "is being deleted and still keeps its name" if state == "DELETING" else "exists"

    return _each(names, look, "ResourceNotFoundException")


def _each(names: tuple[str, ...], look: Callable[[str], str], *missing: str) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = look(name)
        except AwsError as error:
            if error.code not in missing:
                raise
    return {name: said for name, said in found.items() if said}


_FINDERS: Mapping[str, Callable[[Clients, tuple[str, ...]], dict[str, str]]] = {
    "AWS::CloudWatch::Alarm": _alarms,
    "AWS::CloudWatch::CompositeAlarm": _alarms,
    "AWS::CloudWatch::Dashboard": _dashboards,
    "AWS::ECR::Repository": _repositories,
    "AWS::ECS::Cluster": _ecs_clusters,
    "AWS::KMS::Alias": _aliases,
    "AWS::Lambda::Function": _functions,
    "AWS::Logs::LogGroup": _log_groups,
    "AWS::RDS::DBCluster": _clusters,
    "AWS::RDS::DBInstance": _instances,
    "AWS::S3::Bucket": _buckets,
    "AWS::SQS::Queue": _queues,
    "AWS::Scheduler::ScheduleGroup": _schedule_groups,
    "AWS::SecretsManager::Secret": _secrets,
    "AWS::WAFv2::WebACL": _firewalls,
}
"""How each type is looked for by its name: a deletion that failed, or kept the resource, left the name taken. A type
that is not here is not known to be free."""


_TARGETS = (
    "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId",
    "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "GatewayId",
)  # fmt: skip
"""Members of a route that may name its target (Amazon EC2 API Reference, "Route", read 2026-11-29)."""


def _target(route: Mapping[str, Any]) -> str:
    return str(next((route[each] for each in _TARGETS if route.get(each)), ""))


def _leads_out(route: Mapping[str, Any]) -> bool:
    """Return whether a route is the IPv4 default route, and its target is there."""
    return route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State") != "blackhole"
