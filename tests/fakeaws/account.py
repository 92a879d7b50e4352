"""What an account says of itself before anything is made: quotas, roles, certificates, zones, secrets, images.

Sources (API references, read 2026-11-29): ECR BatchGetImage, DescribeImages, GetDownloadUrlForLayer,
DescribeRepositories; ACM DescribeCertificate; Route 53 GetHostedZone, ListHostedZonesByName, ListResourceRecordSets;
Route 53 Domains GetDomainDetail; Service Quotas GetServiceQuota, GetAWSDefaultServiceQuota (GetServiceQuota answers
NoSuchResourceException for a quota without an applied value: aws/aws-cli#6629, 2022-01-04;
hashicorp/terraform-provider-aws#19745, 2021-12-01); CloudWatch GetMetricStatistics, GetMetricData,
DescribeAlarms, ListDashboards; IAM GetRole, CreateServiceLinkedRole, ListOpenIDConnectProviders; Secrets Manager
DescribeSecret; SSM DescribeParameters; KMS ListAliases; WAF ListWebACLs; Lambda
GetAccountSettings, GetFunctionConcurrency, ListEventSourceMappings; Scheduler
GetScheduleGroup; EC2 Describe*. The words of ImageNotFoundException: hashicorp/terraform-provider-aws#35268,
2024-01-12. Resources of stacks are there; what else there is, `Settings` says.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from fakeaws import rotation
from fakeaws.cloud import Cloud
from fakeaws.model import Resource
from fakeaws.one_off import STREAM, TOKEN
from fakeaws.protocol import ApiError
from fakeaws.resources import ALARMS

Params = Mapping[str, Any]
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

QUOTAS = {
    "L-F678F1CE": 5.0, "L-A4707A72": 5.0, "L-0263D0A3": 5.0, "L-FE5A380F": 5.0, "L-0EA8095F": 60.0, "L-3032A538": 6.0,
    "L-36FBB829": 6.0,
}  # fmt: skip
"""Default quotas (Amazon VPC User Guide, "Amazon VPC quotas"; a new account has 6 Fargate vCPUs: Amazon ECS Developer
Guide, "Amazon ECS service quotas")."""


def resources(cloud: Cloud, account: str, region: str, kind: str) -> Iterator[Resource]:
    """The resources of a type that the stacks of an account and region have."""
    for stack in cloud.stacks.values():
        if (stack.account, stack.region) == (account, region):
            alive = (each for each in stack.resources.values() if each.type == kind and each.physical_id)
            yield from (each for each in alive if each.status != "DELETE_COMPLETE")


class Account:
    """What there is in an account and region."""

    def __init__(self, cloud: Cloud, account: str, region: str) -> None:
        self.cloud = cloud
        self.account = account
        self.region = region

    def taken(self, kind: str) -> list[str]:
        """The physical names of a type: of stacks, and what was kept from others."""
        names = [each.physical_id for each in resources(self.cloud, self.account, self.region, kind)]
        names += [key[3] for key in self.cloud.names if key[:3] == (self.account, self.region, kind)]
        return [*names, *self.cloud.settings.kept.get(kind, ())]

    def names(self, *kinds: str) -> list[str]:
        """The names of types whose physical ids are names, ARNs or URLs that end in the name."""
        return [each.rpartition("/")[2].rpartition(":")[2] for kind in kinds for each in self.taken(kind)]


class Images(Account):
    """The images of repositories. `Settings.images` says which: repository -> tag -> its platforms, oldest first."""

    def BatchGetImage(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """An image of one platform as a manifest, of several as an index; failures instead of an error."""
        tags = self._tags(p["repositoryName"])
        found, failures = [], []
        for each in p["imageIds"]:
            tag = each["imageTag"]
            if tag not in tags:
                failures.append(
                    {"imageId": each, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
                )
            elif tags[tag] == ("archived",):
                reason = "Requested image is archived"
                failures.append({"imageId": each, "failureCode": "ImageInaccessible", "failureReason": reason})
            else:
                found.append({"imageId": each, "imageManifest": json.dumps(self._manifest(tags[tag]))})
        return {"images": found, "failures": failures}

    def _manifest(self, platforms: tuple[str, ...]) -> dict[str, Any]:
        if len(platforms) == 1:
            config = {"digest": digest(platforms[0]), "mediaType": "application/vnd.oci.image.config.v1+json"}
            return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
        pairs = [each.split("/") for each in (*platforms, "unknown/unknown")]  # buildx adds an attestation
        rows = [{"mediaType": MANIFEST, "platform": {"os": os, "architecture": cpu}} for os, cpu in pairs]
        return {"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}

    def GetDownloadUrlForLayer(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Where the configuration of an image is."""
        return {"downloadUrl": f"{self.cloud.settings.url}/layer/{p['layerDigest']}", "layerDigest": p["layerDigest"]}

    def DescribeImages(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """All tagged images, in no order that says anything; or those asked for, with their digests."""
        tags = list(self._tags(p["repositoryName"]))
        if "imageIds" in p:
            wanted = [each["imageTag"] for each in p["imageIds"]]
            if missing := [each for each in wanted if each not in tags]:
                raise ApiError("ImageNotFoundException", f"The image with imageId {missing[0]} does not exist")
            return {"imageDetails": [{"imageTags": [each], "imageDigest": digest(each)} for each in wanted]}
        rows = [{"imageTags": [tag], "imagePushedAt": 1_790_000_000 + number} for number, tag in enumerate(tags)]
        return {"imageDetails": sorted(rows, key=lambda each: digest(str(each["imageTags"])))}

    def DescribeRepositories(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Repositories by name."""
        for name in p["repositoryNames"]:
            self._tags(name)
        return {"repositories": [{"repositoryName": name} for name in p["repositoryNames"]]}

    def _tags(self, repository: str) -> dict[str, tuple[str, ...]]:
        if repository not in self.taken("AWS::ECR::Repository"):
            text = f"The repository with name '{repository}' does not exist in the registry with id '{self.account}'"
            raise ApiError("RepositoryNotFoundException", text)
        return self.cloud.settings.images.get(repository, {})


def digest(text: str) -> str:
    """A digest as registries write it."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def layer(cloud: Cloud, wanted: str) -> bytes:
    """The configuration of an image, by its digest."""
    platforms = {each for tags in cloud.settings.images.values() for some in tags.values() for each in some}
    for each in platforms:
        if digest(each) == wanted:
            os, _, cpu = each.partition("/")
            return json.dumps({"os": os, "architecture": cpu, "config": {}}).encode()
    raise AssertionError(wanted)


class Certificates(Account):
    """ACM: the certificates of `Settings.certificates`, by ARN, with the members of DescribeCertificate."""

    def DescribeCertificate(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """One certificate."""
        arn = p["CertificateArn"]
        if arn not in self.cloud.settings.certificates:
            raise ApiError("ResourceNotFoundException", f"Could not find certificate {arn}.")
        return {"Certificate": {"CertificateArn": arn, **self.cloud.settings.certificates[arn]}}


class Quotas(Account):
    """Service Quotas: `Settings.quotas` by code where the account's differ from the defaults."""

    def GetServiceQuota(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A quota that was changed."""
        if p["QuotaCode"] not in self.cloud.settings.quotas:
            raise ApiError("NoSuchResourceException", "The request failed because the specified service does not exist")
        return self._row(p, self.cloud.settings.quotas[p["QuotaCode"]])

    def GetAWSDefaultServiceQuota(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The default."""
        return self._row(p, QUOTAS[p["QuotaCode"]])

    def _row(self, p: Params, value: float) -> dict[str, Any]:
        row: dict[str, Any] = {"ServiceCode": p["ServiceCode"], "QuotaCode": p["QuotaCode"], "Value": value}
        if p["ServiceCode"] == "fargate":
            kind = "Standard/OnDemand" if p["QuotaCode"] == "L-3032A538" else "Standard/Spot"
            row["UsageMetric"] = {
                "MetricNamespace": "AWS/Usage", "MetricName": "ResourceCount",
                "MetricDimensions": {"Type": "Resource", "Resource": "vCPU", "Service": "Fargate", "Class": kind},
                "MetricStatisticRecommendation": "Maximum",
            }  # fmt: skip
        return {"Quota": row}


class Secrets(Account):
    """Secrets Manager: those of stacks, and of `Settings.secrets`: ARN or name -> whether it is deleted."""

    def DescribeSecret(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A secret without its value."""
        name, known = p["SecretId"], self.cloud.settings.secrets
        if name not in known and name not in self.taken("AWS::SecretsManager::Secret"):
            raise ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        gone = {"DeletedDate": 1_790_000_000} if known.get(name) else {}
        return {"ARN": name, "Name": name, **rotation.described(self.cloud, name), **self._rotation(name), **gone}

    def ListSecretVersionIds(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The versions that have labels."""
        return {"ARN": p["SecretId"], "Versions": rotation.versions(self.cloud, p["SecretId"])}

    def RotateSecret(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Begins a rotation, which goes on by itself."""
        return rotation.rotate(self.cloud, p["SecretId"], p["ClientRequestToken"])

    def _rotation(self, name: str) -> dict[str, Any]:
        """How a secret rotates that has a schedule: three days ago, and again 27 days from now."""
        kinds = ("AWS::SecretsManager::Secret", "AWS::SecretsManager::RotationSchedule")
        secrets, schedules = (list(resources(self.cloud, self.account, self.region, kind)) for kind in kinds)
        if not any(each.properties.get("SecretId") == name for each in schedules):
            return {}
        now, day = self.cloud.clock.now().timestamp(), 86_400
        found = {"RotationEnabled": True, "LastRotatedDate": now - 3 * day, "NextRotationDate": now + 27 * day}
        own = next((each.logical_id for each in secrets if each.physical_id == name), "")
        return {**found, **self.cloud.settings.rotations.get(own, {})}

    def GetSecretValue(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The value that `Settings.secret_values` has for it."""
        values = self.cloud.settings.secret_values.items()
        found = next((value for name, value in values if name in p["SecretId"]), None)
        if found is None:
            raise ApiError("ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")
        return {"ARN": p["SecretId"], "Name": p["SecretId"], "SecretString": found}


class Parameters(Account):
    """Systems Manager: the parameters of `Settings.ssm`, and sessions with targets."""

    def StartSession(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A session ("StartSession", AWS Systems Manager API Reference, read 2026-11-29)."""
        if not re.fullmatch(r"ecs:[^_]+_[0-9a-f]{32}_[0-9a-f]{32}-\d+", p["Target"]):
            raise ApiError("TargetNotConnected", f"{p['Target']} is not connected.")
        return {"SessionId": "deployer-1", "StreamUrl": STREAM, "TokenValue": TOKEN}

    def DescribeParameters(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Parameters by name, without their values."""
        wanted = [(each["Option"], value) for each in p.get("ParameterFilters", ()) for value in each["Values"]]
        rows = {each: {"Name": each} for each in self.cloud.settings.ssm} | self._stored

        def meant(name: str) -> bool:
            return any(name.startswith(value) if how == "BeginsWith" else name == value for how, value in wanted)

        return {"Parameters": [row for name, row in sorted(rows.items()) if meant(name)]}

    @property
    def _stored(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.cloud.parameters.setdefault((self.account, self.region), {})
        return found

    def PutParameter(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """One more version; tags are for a new one only ("PutParameter", read 2026-11-29). No value is kept."""
        name, there = p["Name"], self._stored.get(p["Name"])
        if p.get("Overwrite") and p.get("Tags"):
            raise ApiError("ValidationException", "Invalid request: tags and overwrite can't be used together.")
        if there and not p.get("Overwrite"):
            raise ApiError("ParameterAlreadyExists", "The parameter already exists.")
        if "{{" in p["Value"]:
            raise ApiError("ValidationException", f"Parameter value: {p['Value']} is not valid")
        version = 1 + (there["Version"] if there else 0)
        self._stored[name] = {
            "Name": name, "Type": p["Type"], "Version": version, "KeyId": p.get("KeyId", "alias/aws/ssm"),
            "LastModifiedDate": self.cloud.clock.now().timestamp(),
            "LastModifiedUser": self.cloud.settings.arn.format(account=self.account),
        }  # fmt: skip
        return {"Version": version, "Tier": p.get("Tier", "Standard")}

    def DeleteParameters(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Those that are there; the others are no error."""
        gone = [each for each in p["Names"] if self._stored.pop(each, None)]
        return {"DeletedParameters": gone, "InvalidParameters": [each for each in p["Names"] if each not in gone]}


class Keys(Account):
    """KMS. `Settings.key_states` by ARN; keys of stacks are Enabled."""

    def DescribeKey(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The state of a key ("DescribeKey", KeyMetadata)."""
        states = self.cloud.settings.key_states
        if p["KeyId"] not in states and p["KeyId"].rpartition("/")[2] not in self.names("AWS::KMS::Key"):
            raise ApiError("NotFoundException", f"Key '{p['KeyId']}' does not exist")
        return {"KeyMetadata": {"KeyId": p["KeyId"], "KeyState": states.get(p["KeyId"], "Enabled")}}

    def ListAliases(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """All aliases."""
        return {"Aliases": [{"AliasName": each} for each in self.taken("AWS::KMS::Alias")], "Truncated": False}


class Firewalls(Account):
    """WAF."""

    def ListWebACLs(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """All web ACLs; a name is the first part of what stacks call them."""
        names = [each.partition("|")[0] for each in self.taken("AWS::WAFv2::WebACL")]
        return {"WebACLs": [{"Name": each, "Id": each} for each in names]}


class Functions(Account):
    """Lambda (REST)."""

    def GetAccountSettings(self, _: str) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The account's concurrency."""
        free = self.cloud.settings.unreserved_concurrency
        return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": free}}

    def GetFunctionConcurrency(self, name: str) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Nothing for a function without a reserved concurrency (Lambda API reference)."""
        if name not in self.names("AWS::Lambda::Function"):
            arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"
            raise ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return {}

    def ListEventSourceMappings(self, query: str) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Those of stacks, in pages that `MaxItems` and `Settings.page_sizes` allow; a page leads on by a marker."""
        asked = dict(parse_qsl(query))
        found = list(resources(self.cloud, self.account, self.region, "AWS::Lambda::EventSourceMapping"))
        size = min(int(asked.get("MaxItems", 100)), self.cloud.settings.page_sizes.get("ListEventSourceMappings", 100))
        start = int(asked.get("Marker", 0))
        more = {"NextMarker": str(start + size)} if start + size < len(found) else {}
        return {"EventSourceMappings": [self._mapping(each) for each in found[start : start + size]], **more}

    def _mapping(self, source: Resource) -> dict[str, Any]:
        written = source.properties
        on = str(written.get("Enabled", True)).lower() == "true"
        return {
            "UUID": source.physical_id,
            "FunctionArn": f"arn:aws:lambda:{self.region}:{self.account}:function:{written['FunctionName']}",
            "EventSourceArn": written.get("EventSourceArn", ""),
            "State": self.cloud.settings.event_sources.get(source.logical_id, "Enabled" if on else "Disabled"),
            "StateTransitionReason": "USER_INITIATED",
            "LastProcessingResult": "No records processed",
        }


class Schedules(Account):
    """EventBridge Scheduler (REST)."""

    def GetScheduleGroup(self, name: str) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A group; `Settings.deleting_groups` are being deleted (Scheduler API reference, DeleteScheduleGroup)."""
        if name not in self.names("AWS::Scheduler::ScheduleGroup"):
            raise ApiError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
        return {"Name": name, "State": "DELETING" if name in self.cloud.settings.deleting_groups else "ACTIVE"}


def rest_operation(service: str, target: str) -> tuple[str, str] | None:
    """The operation of a REST service and the name that it is about, by its path; None for one of another place."""
    path = unquote(target.partition("?")[0]).rstrip("/")
    if service == "scheduler":
        return "GetScheduleGroup", path.rpartition("/")[2]
    if path.endswith("/event-source-mappings"):
        return "ListEventSourceMappings", target.partition("?")[2]
    if path.endswith("/account-settings"):
        return "GetAccountSettings", ""
    if path.endswith("/concurrency"):
        return "GetFunctionConcurrency", path.rpartition("/functions/")[2].partition("/")[0]
    return None


class Metrics(Account):
    """CloudWatch: the usage of Fargate, alarms and dashboards."""

    def DescribeAlarms(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Alarms by name or by what their names begin with, in all states or in one; composite ones in a list of their
        own, and only when they are asked for.
        """
        found = {"MetricAlarms": "AWS::CloudWatch::Alarm", "CompositeAlarms": "AWS::CloudWatch::CompositeAlarm"}
        kinds = p.get("AlarmTypes") or ["MetricAlarm"]
        return {
            key: [self._alarm(each) for each in self._alarms(kind, p)] if key.removesuffix("s") in kinds else []
            for key, kind in found.items()
        }

    def _alarms(self, kind: str, p: Params) -> Iterator[Resource]:
        for each in self._known(kind):
            state = self._alarm(each)["StateValue"]
            named = each.physical_id in p["AlarmNames"] if "AlarmNames" in p else True
            begins = each.physical_id.startswith(p.get("AlarmNamePrefix", ""))
            if named and begins and p.get("StateValue", state) == state:
                yield each

    def _known(self, kind: str) -> list[Resource]:
        """The alarms of stacks, and metric alarms that `Settings.alarms` has beside them."""
        found = {each: list(resources(self.cloud, self.account, self.region, each)) for each in ALARMS}
        names = {each.physical_id for rows in found.values() for each in rows}
        beside = self.cloud.settings.alarms if kind == ALARMS[0] else ()
        others = (*self.cloud.settings.kept.get(kind, ()), *beside)
        return [*found[kind], *(Resource(each, kind, {}, each) for each in others if each not in names)]

    def _alarm(self, alarm: Resource) -> dict[str, Any]:
        why = self.cloud.settings.alarms_raised.get(alarm.logical_id)
        state = self.cloud.settings.alarms.get(alarm.physical_id, "OK" if why is None else "ALARM")
        raised = {"StateValue": state, "StateReason": why or ""}
        since = self.cloud.clock.now().timestamp() - 3600
        return {"AlarmName": alarm.physical_id, "StateTransitionedTimestamp": since, **raised}

    def GetMetricData(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """The values that `Settings.metrics` has, in each of the five minutes before the end; for others none."""
        assert len(p["MetricDataQueries"]) <= 500, "GetMetricData takes 500 queries"
        return {"MetricDataResults": [self._points(each, float(p["EndTime"])) for each in p["MetricDataQueries"]]}

    def _points(self, query: Params, end: float) -> dict[str, Any]:
        metric = query["MetricStat"]["Metric"]
        value = self.cloud.settings.metrics.get((metric["MetricName"], metric["Dimensions"][0]["Value"]))
        times = [] if value is None else [end - 60 * (each + 1) for each in range(5)]
        return {"Id": query["Id"], "Timestamps": times, "Values": [value] * len(times), "StatusCode": "Complete"}

    def ListDashboards(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """Dashboards by the beginning of their names."""
        names = [each for each in self.names("AWS::CloudWatch::Dashboard") if each.startswith(p["DashboardNamePrefix"])]
        return {"DashboardEntries": [{"DashboardName": each} for each in names]}

    def GetMetricStatistics(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A metric of AWS/Usage: `Settings.fargate_vcpus` just now; nothing where none run."""
        used = self.cloud.settings.fargate_vcpus
        point = {"Timestamp": datetime.now(UTC).timestamp() - 300, "Maximum": used, "Unit": "None"}
        return {"Label": p["MetricName"], "Datapoints": [point] if used else []}


class Domains(Account):
    """Route 53 Domains: `Settings.registered`, domain -> its name servers."""

    def GetDomainDetail(self, p: Params) -> dict[str, Any]:  # noqa: N802  # the name on the wire
        """A domain that is registered in this account."""
        servers = self.cloud.settings.registered.get(p["DomainName"])
        if servers is None:
            raise ApiError("InvalidInput", f"Domain {p['DomainName']} not found in account {self.account}")
        return {"DomainName": p["DomainName"], "Nameservers": [{"Name": each} for each in servers]}


class Roles(Account):
    """IAM (the Query protocol), for service-linked roles: those of `Settings.linked_roles`."""

    def get_role(self, p: Params) -> dict[str, Any]:
        """A role; only service-linked ones are known."""
        name = p["RoleName"]
        if name not in self.cloud.settings.linked_roles.values():
            raise ApiError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
        return {"Role": self._role(name)}

    def list_open_id_connect_providers(self, _p: Params) -> dict[str, Any]:
        """The identity providers of stacks, kept ones too, and those of `Settings.identity_providers`."""
        kind = "AWS::IAM::OIDCProvider"
        arns = {each.physical_id for each in resources(self.cloud, self.account, self.region, kind)}
        arns.update(self.cloud.settings.identity_providers)
        return {"OpenIDConnectProviderList": [{"Arn": each} for each in sorted(arns)]}

    def create_service_linked_role(self, p: Params) -> dict[str, Any]:
        """Creates the role of a service once."""
        names, service = self.cloud.settings.linked_roles, p["AWSServiceName"]
        if service in names:
            text = f"Service role name {names[service]} has been taken in this account, please try a different suffix."
            raise ApiError("InvalidInput", text)
        names[service] = LINKED_ROLES[service]
        return {"Role": self._role(names[service])}

    def _role(self, name: str) -> dict[str, Any]:
        arn = f"arn:aws:iam::{self.account}:role/aws-service-role/{name}"
        made = datetime(2026, 1, 1, tzinfo=UTC)
        return {"RoleName": name, "RoleId": "AROA1", "Arn": arn, "Path": "/aws-service-role/", "CreateDate": made}


LINKED_ROLES = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "rds.amazonaws.com": "AWSServiceRoleForRDS",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService",
}
"""What each service calls its role (IAM User Guide, "AWS services that work with IAM")."""


def ec2(cloud: Cloud, account: str, region: str, form: Params) -> str:
    """The members of an answer of EC2, as XML: zones, and what stacks, `Settings.others` and `Settings.vpcs` have.

    A filter on what does not exist answers with nothing; an id that does not exist is an error (EC2 API Reference,
    "DescribeVpcs", "DescribeSubnets"; read 2026-11-29).
    """
    action = form["Action"]

    def rows(tag: str, kind: str, *fields: str) -> str:
        there = sum(1 for _ in resources(cloud, account, region, kind)) + cloud.settings.others.get(kind, 0)
        item = "".join(fields)
        return f"<{tag}>{f'<item>{item}</item>' * there}</{tag}>"

    zones = [f"{region}{letter}" for letter in "abc"]
    if "VpcId.1" in form or "VpcId" in form or "Filter.1.Name" in form:
        found = _of_vpc(cloud, form, action)
        if found is not None:
            return found
    match action:
        case "DescribeVpcs":
            return rows("vpcSet", "AWS::EC2::VPC", "<vpcId>vpc-1</vpcId>")
        case "DescribeAddresses":
            return rows("addressesSet", "AWS::EC2::EIP", "<publicIp>203.0.113.1</publicIp>")
        case "DescribeInternetGateways":
            return rows(
                "internetGatewaySet", "AWS::EC2::InternetGateway", "<internetGatewayId>igw-1</internetGatewayId>"
            )
        case "DescribeNatGateways":
            return rows("natGatewaySet", "AWS::EC2::NatGateway", "<subnetId>subnet-a</subnetId>")
        case "DescribeSubnets":
            item = f"<item><subnetId>subnet-a</subnetId><availabilityZone>{zones[0]}</availabilityZone></item>"
            return f"<subnetSet>{item}</subnetSet>"
        case "DescribeVpcEndpointServices":
            return _endpoint_services(cloud, region, form)
        case "DescribeAvailabilityZones":
            items = "".join(
                f"<item><zoneName>{each}</zoneName><zoneState>available</zoneState></item>" for each in reversed(zones)
            )
            return f"<availabilityZoneInfo>{items}</availabilityZoneInfo>"
    raise AssertionError(f"the fake has no ec2:{action}")


def _of_vpc(cloud: Cloud, form: Params, action: str) -> str | None:
    """What is asked about VPCs and subnets by their ids; None for another question."""
    vpcs = cloud.settings.vpcs
    wanted = [form[each] for each in sorted(form) if each.startswith("Filter.1.Value.")]
    asked = form.get("VpcId.1") or form.get("VpcId") or (wanted[0] if wanted else "")
    subnets = {name: (vpc_id, *each) for vpc_id, vpc in vpcs.items() for name, each in vpc.subnets.items()}
    if action in ("DescribeVpcs", "DescribeVpcAttribute") and asked not in vpcs:
        raise ApiError("InvalidVpcID.NotFound", f"The vpc ID '{asked}' does not exist", 400)
    match action, form.get("Filter.1.Name", ""):
        case "DescribeVpcs", "":
            return f"<vpcSet><item><vpcId>{asked}</vpcId></item></vpcSet>"
        case "DescribeVpcAttribute", _:
            name = form["Attribute"]
            on = vpcs[asked].dns_support if name == "enableDnsSupport" else vpcs[asked].dns_hostnames
            return f"<vpcId>{asked}</vpcId><{name}><value>{str(on).lower()}</value></{name}>"
        case "DescribeSubnets", "subnet-id":
            return _items("subnetSet", (_subnet(each, *subnets[each]) for each in wanted if each in subnets))
        case "DescribeRouteTables", "vpc-id":
            return _items("routeTableSet", map(_route_table, *zip(*vpcs[asked].routes.items(), strict=True)))
        case "DescribeVpcEndpoints", "vpc-id":
            return _items("vpcEndpointSet", (_endpoint(*each) for each in vpcs[asked].endpoints))
    return None


ENDPOINT_SERVICES = {
    "s3": ("Gateway", "Interface"), "dynamodb": ("Gateway", "Interface"),
    **dict.fromkeys((
        "ecr.api", "ecr.dkr", "logs", "secretsmanager", "sqs", "ssm", "ssmmessages", "ec2messages", "xray",
        "monitoring", "kms", "sns", "sts", "events", "lambda", "rds-data", "ecs", "ecs-agent", "ecs-telemetry",
        "bedrock-runtime",
    ), ("Interface",)),
}  # fmt: skip
"""Services with VPC endpoints, as far as an environment may name them (AWS PrivateLink Guide, "AWS services that
integrate with AWS PrivateLink"; S3 and DynamoDB have both kinds: "Gateway endpoints"; read 2026-11-29)."""


def _endpoint_services(cloud: Cloud, region: str, form: Params) -> str:
    """The services of the filter `service-name`: one that is not in the region is left out (EC2 API Reference,
    "DescribeVpcEndpointServices", read 2026-11-29). S3 has a row for each kind, and is twice among the names
    (terraform-aws-modules/terraform-aws-vpc#579, 2021-02-03).
    """
    assert form["Filter.1.Name"] == "service-name"
    wanted = [value for key, value in sorted(form.items()) if key.startswith("Filter.1.Value.")]
    details, names = list[str](), list[str]()
    for name in wanted:
        short = name.removeprefix(f"com.amazonaws.{region}.")
        letters = cloud.settings.endpoint_services.get(short, "abc")
        if letters is None or short not in ENDPOINT_SERVICES:
            continue
        zones = _items("availabilityZoneSet", (f"{region}{letter}" for letter in letters))
        for kind in ENDPOINT_SERVICES[short]:
            names.append(name)
            kinds = _items("serviceType", [f"<serviceType>{kind}</serviceType>"])
            details.append(f"<serviceName>{name}</serviceName>{kinds}{zones}<owner>amazon</owner>")
    return _items("serviceDetailSet", details) + _items("serviceNameSet", names)


def _items(tag: str, rows: Iterable[str]) -> str:
    return f"<{tag}>{''.join(f'<item>{each}</item>' for each in rows)}</{tag}>"


def _subnet(subnet_id: str, vpc_id: str, zone: str, free: int) -> str:
    free_addresses = f"<availableIpAddressCount>{free}</availableIpAddressCount>"
    place = f"<vpcId>{vpc_id}</vpcId><availabilityZone>{zone}</availabilityZone>"
    return f"<subnetId>{subnet_id}</subnetId>{place}{free_addresses}"


def _route_table(subnet: str, target: str) -> str:
    """A table of one subnet, or the main one; its default route, where it has one, beside the local route."""
    kind = "natGatewayId" if target.startswith("nat-") else "gatewayId"
    state = "blackhole" if target.endswith("-gone") else "active"
    route = f"<destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><{kind}>{target}</{kind}><state>{state}</state>"
    local = "<destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state>"
    routes = _items("routeSet", [local, route] if target else [local])
    of_subnet = f"<subnetId>{subnet}</subnetId><main>false</main>" if subnet else "<main>true</main>"
    return routes + _items("associationSet", [of_subnet])


def _endpoint(service: str, kind: str, private_dns: bool) -> str:
    names = f"<serviceName>{service}</serviceName><vpcEndpointType>{kind}</vpcEndpointType>"
    return f"{names}<privateDnsEnabled>{str(private_dns).lower()}</privateDnsEnabled><state>available</state>"


def route53(cloud: Cloud, target: str, query: Mapping[str, str]) -> tuple[str, str]:
    """Route 53 (REST and XML): the operation and its answer. Zones: `Settings.zones`, id -> name, servers, private."""
    zones = cloud.settings.zones
    parts = target.partition("?")[0].strip("/").split("/")[1:]
    if parts == ["hostedzonesbyname"]:
        wanted = query.get("dnsname", "").rstrip(".")
        order = sorted(zones, key=lambda each: zones[each][0].split(".")[::-1])
        after = [each for each in order if zones[each][0].split(".")[::-1] >= wanted.split(".")[::-1]]
        rows = "".join(map(_zone, after, (zones[each] for each in after)))
        found = f"<HostedZones>{rows}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>"
        return "ListHostedZonesByName", _xml("ListHostedZonesByNameResponse", found)
    zone_id = parts[1]
    if zone_id not in zones:
        raise ApiError("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}", 404)
    if parts[2:] == ["rrset"]:
        name = query["name"].rstrip(".")
        servers = cloud.settings.delegated.get(name, ())
        records = "".join(f"<ResourceRecord><Value>{each}.</Value></ResourceRecord>" for each in servers)
        row = f"<Name>{escape(name)}.</Name><Type>NS</Type><TTL>300</TTL><ResourceRecords>{records}</ResourceRecords>"
        row = f"<ResourceRecordSet>{row}</ResourceRecordSet>" if servers else ""
        found = f"<ResourceRecordSets>{row}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems>"
        return "ListResourceRecordSets", _xml("ListResourceRecordSetsResponse", found)
    named = "".join(f"<NameServer>{each}</NameServer>" for each in zones[zone_id][1])
    inside = f"{_zone(zone_id, zones[zone_id])}<DelegationSet><NameServers>{named}</NameServers></DelegationSet>"
    return "GetHostedZone", _xml("GetHostedZoneResponse", inside)


def _zone(zone_id: str, zone: tuple[str, tuple[str, ...], bool]) -> str:
    private = f"<Config><PrivateZone>{str(zone[2]).lower()}</PrivateZone></Config>"
    name = f"<Name>{escape(zone[0])}.</Name><CallerReference>1</CallerReference>"
    return f"<HostedZone><Id>/hostedzone/{zone_id}</Id>{name}{private}</HostedZone>"


def _xml(root: str, inside: str) -> str:
    return f'<?xml version="1.0"?><{root} xmlns="https://route53.amazonaws.com/doc/2013-04-01/">{inside}</{root}>'
