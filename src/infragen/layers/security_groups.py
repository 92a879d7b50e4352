"""The security groups of all layers and the rules between them, in the network layer.

The four groups of load balancer, API, workers and database always exist, because a group costs nothing and the
network's outputs then stay the same whichever layers are on. A rule exists when both of its ends do. Rules between
groups are resources of their own, so that two groups can name each other without a circle. The rules for `api.port` are
in the API's own stack (`connect`): the new port is open before tasks move to it, and the old one closes after them.
"""

from typing import Any

from troposphere import GetAtt, Tags, ec2

from infragen.config import Environment
from infragen.layers.contract import Template, named, suppress

DATABASE_PORT = 5432
ANYWHERE = "0.0.0.0/0"

NOTHING = ec2.SecurityGroupRule(
    IpProtocol="icmp", FromPort=252, ToPort=86, CidrIp="255.255.255.255/32", Description="nothing by default"
)
"""An egress rule that lets nothing out. A group without an inline one is given EC2's allow-all rule, which the separate
rules do not reliably remove (CloudFormation reference, "AWS::EC2::SecurityGroup")."""


def add(template: Template, env: Environment, vpc: Any) -> None:
    """Add every group in a VPC (its id), and the rules that the layers of this environment need."""
    assert env.network is not None  # noqa: S101 # part of the network layer
    _add_load_balancer_group(template, env, vpc)
    _add_group(template, vpc, "Api", "Tasks of the API")
    _add_group(template, vpc, "Worker", "Queue workers")
    _add_group(template, vpc, "Database", "Aurora cluster")
    clients = [name for name, on in (("Api", env.api), ("Worker", env.workers)) if on]
    if env.network.interface_endpoints:
        _add_group(template, vpc, "Endpoint", "Interface endpoints")
    for client in clients:
        for port in dict.fromkeys((443, *env.network.extra_egress_ports)):
            _let_out(template, client, port)
        if env.database:
            connect(template, (client, _id(client)), ("Database", _id("Database")), DATABASE_PORT)
        if env.network.interface_endpoints:
            # the way out on 443 is open already; the endpoints let in these two groups, not the VPC's addresses
            _let_in(template, (client, _id(client)), ("Endpoint", _id("Endpoint")), 443)


def _add_group(template: Template, vpc: Any, name: str, description: str, **properties: Any) -> None:
    template.add_resource(
        ec2.SecurityGroup(
            f"{name}SecurityGroup",
            VpcId=vpc,
            GroupDescription=description,
            SecurityGroupEgress=[NOTHING],
            Tags=Tags(Name=named(name.lower())),
            **properties,
        )
    )


def _add_load_balancer_group(template: Template, env: Environment, vpc: Any) -> None:
    """Open to the addresses of `api.ingress_cidrs`: HTTPS, and HTTP which redirects (or is all there is)."""
    if not env.api:
        return _add_group(template, vpc, "LoadBalancer", "Load balancer")
    ports = (80,) if env.api.https.mode == "http_only" else (443, 80)
    rules = [
        ec2.SecurityGroupRule(IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr, Description="clients")
        for cidr in env.api.ingress_cidrs
        for port in ports
    ]
    accepted = {}
    if ANYWHERE in env.api.ingress_cidrs:
        reason = "public load balancer; port 80 only redirects"
        accepted = {"Metadata": suppress({"AwsSolutions-EC23": reason}, {"CKV_AWS_260": reason})}
    return _add_group(template, vpc, "LoadBalancer", "Load balancer", SecurityGroupIngress=rules, **accepted)


Group = tuple[str, Any]
"""A security group: what its rules are called by, and its id."""


def add_group(template: Template, name: str, description: str, vpc: Any) -> Any:
    """Add the group `<name>SecurityGroup` that lets nothing in or out, and return its id: `connect` opens it."""
    group = ec2.SecurityGroup(
        f"{name}SecurityGroup", VpcId=vpc, GroupDescription=description, SecurityGroupEgress=[NOTHING]
    )
    template.add_resource(group)
    return GetAtt(group, "GroupId")


def connect(template: Template, source: Group, target: Group, port: int, last: int | None = None) -> tuple[str, str]:
    """Allow TCP from one group to another, out of the first and into the second, at one port or at those from `port` to
    `last`; return the rules' logical ids.
    """
    (name, group), (other_name, other) = source, target
    rule = ec2.SecurityGroupEgress(
        f"{name}To{other_name}",
        GroupId=group,
        DestinationSecurityGroupId=other,
        IpProtocol="tcp",
        FromPort=port,
        ToPort=last or port,
        Description=f"{name} to {other_name}",
    )
    template.add_resource(rule)
    return rule.title, _let_in(template, source, target, port, last)


def _let_in(template: Template, source: Group, target: Group, port: int, last: int | None = None) -> str:
    (name, group), (other_name, other) = source, target
    rule = ec2.SecurityGroupIngress(
        f"{other_name}From{name}",
        GroupId=other,
        SourceSecurityGroupId=group,
        IpProtocol="tcp",
        FromPort=port,
        ToPort=last or port,
        Description=f"{other_name} from {name}",
    )
    template.add_resource(rule)
    return str(rule.title)


def _let_out(template: Template, source: str, port: int) -> None:
    template.add_resource(
        ec2.SecurityGroupEgress(
            f"{source}ToInternet{port}",
            GroupId=_id(source),
            CidrIp=ANYWHERE,
            IpProtocol="tcp",
            FromPort=port,
            ToPort=port,
            Description=f"{source} to the internet and to AWS",
        )
    )


def _id(name: str) -> Any:
    return GetAtt(f"{name}SecurityGroup", "GroupId")
