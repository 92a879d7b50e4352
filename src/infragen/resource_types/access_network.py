"""What opens access in networks, load balancers, filters and names: EC2, Elastic Load Balancing, WAF, Route 53."""

from dataclasses import replace

from infragen.resource_types.access import (
    ABSENT,
    OFF,
    ON,
    Access,
    Judged,
    changes,
    elements,
    grows,
    reaches,
    shrinks,
    unless,
    vanishes,
    weakens,
)

SSL_POLICIES = (
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09"),
    ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"),
    ("ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09"),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09"),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09"),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10", "ELBSecurityPolicy-FS-1-2-Res-2019-08", "ELBSecurityPolicy-FS-1-2-2019-08",
    "ELBSecurityPolicy-TLS-1-2-2017-01", "ELBSecurityPolicy-TLS-1-2-Ext-2018-06", "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-FS-1-1-2019-08", "ELBSecurityPolicy-TLS-1-1-2017-01",
    ("ELBSecurityPolicy-TLS13-1-0-2021-06", "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09"), "ELBSecurityPolicy-FS-2018-06",
    ("ELBSecurityPolicy-2016-08", ABSENT),
)  # fmt: skip
"""By the oldest TLS that they take, then by their ciphers (Application Load Balancers, "Security policies")."""

REACHABLE = "can be reached from the internet (PubliclyAccessible)"
INTERNAL_ZONE = "answers in another VPC"

_KEEPS_OUT = ("authenticate-oidc", "authenticate-cognito", "jwt-validation", "fixed-response", "redirect")
_ACTIONS = (
    grows("{0}.Type", *_KEEPS_OUT, says="does something else with requests ({0})"),
    shrinks("{0}.Type", "forward", says="no longer does with requests what it did ({0})"),
    *(
        each
        for name in ("AuthenticateOidcConfig", "AuthenticateCognitoConfig")
        for each in (
            shrinks(f"{{0}}.{name}", says="authenticates requests in another way ({0})"),
            unless(
                f"{{0}}.{name}.OnUnauthenticatedRequest", ABSENT, "deny", "authenticate",
                says="lets requests pass that are not authenticated ({0})",
            ),
        )
    ),
    shrinks("{0}.JwtValidationConfig", says="authenticates requests in another way ({0})"),
    unless("{0}.RedirectConfig.Host", ABSENT, "#{host}", says="redirects requests to somewhere else ({0})"),
    weakens(
        "{0}.RedirectConfig.Protocol", "HTTPS", ("#{protocol}", ABSENT), says="no longer redirects to HTTPS ({0})"
    ),
    reaches("{0}.TargetGroupArn", says="forwards requests to somewhere else ({0})", kind="network"),
    reaches(
        "{0}.ForwardConfig.TargetGroups.TargetGroupArn", says="forwards requests to somewhere else ({0})",
        kind="network",
    ),
)  # fmt: skip
"""What a listener or a rule does with requests; `{0}` is the property that says it."""


def _actions(path: str) -> tuple[Judged, ...]:
    """Return what a listener or a rule does with requests."""
    return tuple(replace(each, path=each.path.format(path), says=each.says.format(path)) for each in _ACTIONS)


COMPARED_AS_RULES = (
    "GroupDescription", "GroupName", "SecurityGroupIngress", "SecurityGroupEgress", "VpcId", "GroupId", "IpProtocol",
    "FromPort", "ToPort", "CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourceSecurityGroupName",
    "SourceSecurityGroupOwnerId", "SourcePrefixListId", "DestinationSecurityGroupId", "DestinationPrefixListId",
    "Description",
)  # fmt: skip
"""Properties of security groups and their rules, which are compared as sets of addresses and ports."""

COMPARED_AS_ROUTES = (
    "RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "GatewayId",
    "TransitGatewayId", "VpcPeeringConnectionId", "VpcEndpointId", "CarrierGatewayId", "LocalGatewayId",
    "CoreNetworkArn", "NatGatewayId", "InstanceId", "NetworkInterfaceId", "EgressOnlyInternetGatewayId",
)  # fmt: skip

_LOAD_BALANCER_ATTRIBUTES = (
    weakens("LoadBalancerAttributes[routing.http.desync_mitigation_mode]/Value", "strictest", ("defensive", ABSENT),
            "monitor", says="lets requests pass that it would refuse (desync_mitigation_mode)"),
    weakens("LoadBalancerAttributes[routing.http.drop_invalid_header_fields.enabled]/Value", "true", ("false", ABSENT),
            says="passes on invalid header fields (drop_invalid_header_fields)"),
    unless("LoadBalancerAttributes[waf.fail_open.enabled]/Value", "false", ABSENT,
           says="lets requests pass that the filter could not judge (waf.fail_open)"),
    *(reaches(f"LoadBalancerAttributes[{name}.s3.bucket]/Value", says=f"writes its log to somewhere else ({name})")
      for name in ("access_logs", "connection_logs", "health_check_logs")),
    *(weakens(f"LoadBalancerAttributes[{name}.s3.enabled]/Value", "true", ("false", ABSENT), kind="permissions",
              says=f"no longer writes its log ({name})")
      for name in ("access_logs", "connection_logs")),
    changes("LoadBalancerAttributes", says="has other LoadBalancerAttributes, of which infragen does not know all"),
)  # fmt: skip
_NO_ACCESS = (
    "deletion_protection*", "idle_timeout*", "client_keep_alive*", "load_balancing*", "routing.http2*",
    "access_logs*", "connection_logs*", "health_check_logs*", "zonal_shift*", "routing.http.x_amzn_tls*",
    "routing.http.desync_mitigation_mode", "routing.http.drop_invalid_header_fields*", "waf.fail_open*",
)  # fmt: skip
"""Load balancer attributes that open nothing, or have a rule of their own above."""

RULES = elements("Rules", "Action.Allow", says="filters requests by other rules (Rules)")
WEB_ACL = (
    RULES, changes("DefaultAction", says="has another DefaultAction"),
    changes("CaptchaConfig"), changes("ChallengeConfig"), changes("TokenDomains"), changes("AssociationConfig"),
    changes("OnSourceDDoSProtectionConfig"), changes("ApplicationConfig"), changes("MonetizationConfig"),
    *(weakens(f"VisibilityConfig.{name}", ON, OFF, says=f"is watched less ({name})", kind="permissions")
      for name in ("SampledRequestsEnabled", "CloudWatchMetricsEnabled")),
)  # fmt: skip

LINKS = {
    "AWS::EC2::VPCGatewayAttachment": "connects its VPC with a gateway",
    "AWS::EC2::VPCPeeringConnection": "connects two VPCs",
    "AWS::EC2::TransitGatewayAttachment": "connects its VPC with a transit gateway",
    "AWS::EC2::TransitGatewayVpcAttachment": "connects its VPC with a transit gateway",
    "AWS::EC2::VPNConnection": "connects its VPC with another network",
    "AWS::EC2::ClientVpnEndpoint": "lets clients into its VPC",
    "AWS::EC2::EgressOnlyInternetGateway": "lets its VPC reach the internet by IPv6",
    "AWS::EC2::EIPAssociation": "gives something a public address",
}
"""Types whose resources connect what was apart, so that each addition and each change counts."""

CERTIFICATES = reaches(
    "Certificates.CertificateArn", says="shows another certificate, or one more (Certificates)", kind="network"
)
UNFILTERED = "no longer filters requests as it did"

ACCESS = {
    **{
        name: Access((changes("", says=words),), ("Tags", "TagSpecifications"), added=words)
        for name, words in LINKS.items()
    },
    "AWS::EC2::SecurityGroup": Access(harmless=COMPARED_AS_RULES),
    "AWS::EC2::SecurityGroupIngress": Access(harmless=COMPARED_AS_RULES),
    "AWS::EC2::SecurityGroupEgress": Access(harmless=COMPARED_AS_RULES),
    "AWS::EC2::Route": Access(harmless=COMPARED_AS_ROUTES),
    "AWS::EC2::SubnetRouteTableAssociation": Access(harmless=("SubnetId", "RouteTableId")),
    "AWS::EC2::RouteTable": Access(harmless=("VpcId",)),
    "AWS::EC2::NetworkAclEntry": Access(harmless=(
        "NetworkAclId", "RuleNumber", "RuleAction", "Protocol", "PortRange", "Icmp", "CidrBlock", "Ipv6CidrBlock",
        "Egress")),
    "AWS::EC2::NetworkAcl": Access(harmless=("VpcId",)),
    "AWS::EC2::VPC": Access(
        (changes("VpcEncryptionControl"),),
        ("CidrBlock", "EnableDnsHostnames", "EnableDnsSupport", "Ipv4IpamPoolId", "Ipv4NetmaskLength")),
    "AWS::EC2::Subnet": Access(
        (unless("MapPublicIpOnLaunch", *OFF, ABSENT, says="gives public addresses to what starts in it", grave=True),
         unless("AssignIpv6AddressOnCreation", *OFF, ABSENT, says="gives IPv6 addresses to what starts in it"),
         changes("VpcId"), changes("BlockPublicAccessStates")),
        ("CidrBlock", "Ipv6CidrBlock", "EnableDns64", "Ipv4IpamPoolId", "Ipv4NetmaskLength", "Ipv6IpamPoolId",
         "Ipv6Native", "Ipv6NetmaskLength", "PrivateDnsNameOptionsOnLaunch", "EnableLniAtDeviceIndex")),
    "AWS::EC2::InternetGateway": Access(),
    "AWS::EC2::NatGateway": Access(
        (changes("SubnetId"), changes("VpcId"), changes("ConnectivityType")),
        ("PrivateIpAddress", "AvailabilityZoneAddresses", "SecondaryPrivateIpAddresses",
         "SecondaryPrivateIpAddressCount")),
    "AWS::EC2::EIP": Access(
        (reaches("InstanceId", says="gives an instance a public address", kind="network"),
         changes("TransferAddress")), ("Domain", "Address", "PublicIpv4Pool")),
    "AWS::EC2::VPCEndpoint": Access(
        (grows("SubnetIds", says="stands in other subnets (SubnetIds)"), changes("VpcId"),
         reaches("ServiceName", says="leads to another service (ServiceName)", kind="network"),
         reaches("ServiceNetworkArn", kind="network"), reaches("ResourceConfigurationArn", kind="network")),
        ("DnsOptions", "IpAddressType", "PrivateDnsEnabled", "RouteTableIds", "SecurityGroupIds", "ServiceRegion",
         "VpcEndpointType", "PolicyDocument")),
    "AWS::EC2::FlowLog": Access(
        (reaches("LogDestination", says="writes its records to somewhere else (LogDestination)"),
         reaches("LogGroupName", says="writes its records to somewhere else (LogGroupName)"),
         weakens("TrafficType", "ALL", says="records less of the traffic (TrafficType)", kind="permissions"),
         changes("ResourceId", says="records other traffic (ResourceId)", kind="permissions")),
        ("DestinationOptions", "LogDestinationType", "TagFieldSpecifications", "DeliverLogsPermissionArn",
         "DeliverCrossAccountRole"),
        removed="goes, and with it the record of its traffic", watches=("ResourceId",)),
    "AWS::EC2::Instance": Access(
        (unless("NetworkInterfaces.AssociatePublicIpAddress", *OFF, ABSENT, says="has a public address"),
         changes("SubnetId"), changes("NetworkInterfaces.SubnetId"), grows("KeyName", kind="permissions"),
         unless("SourceDestCheck", *ON, ABSENT, says="passes on traffic that is not its own (SourceDestCheck)"),
         weakens("MetadataOptions.HttpTokens", "required", ("optional", ABSENT),
                 says="answers metadata requests without a token"),
         grows("MetadataOptions.HttpPutResponseHopLimit"),
         reaches("LaunchTemplate.LaunchTemplateId"), reaches("LaunchTemplate.LaunchTemplateName"),
         changes("LaunchTemplate.Version", kind="permissions"),
         changes("UserData", says="runs other commands when it starts (UserData)", kind="permissions"),
         changes("ImageId", says="runs another image (ImageId)", kind="permissions"),
         grows("SsmAssociations", says="runs other documents (SsmAssociations)", kind="permissions")),
        ("BlockDeviceMappings", "DisableApiTermination", "HostId", "HostResourceGroupArn",
         "Ipv6AddressCount", "Ipv6Addresses", "NetworkInterfaces", "PrivateDnsNameOptions", "PrivateIpAddress",
         "SecurityGroupIds", "SecurityGroups", "Volumes", "IamInstanceProfile", "MetadataOptions.HttpProtocolIpv6",
         "MetadataOptions.HttpEndpoint")),
    "AWS::EC2::LaunchTemplate": Access(
        (unless("LaunchTemplateData.NetworkInterfaces.AssociatePublicIpAddress", *OFF, ABSENT,
                says="gives its instances public addresses", grave=True),
         weakens("LaunchTemplateData.MetadataOptions.HttpTokens", "required", ("optional", ABSENT),
                 says="answers metadata requests without a token"),
         grows("LaunchTemplateData.KeyName", kind="permissions"),
         changes("LaunchTemplateData.NetworkInterfaces.SubnetId"),
         changes("LaunchTemplateData.UserData", kind="permissions",
                 says="runs other commands when an instance starts (UserData)"),
         changes("LaunchTemplateData.ImageId", says="runs another image (ImageId)", kind="permissions"))),
    "AWS::EC2::PrefixList": Access(
        (grows("Entries.Cidr", says="holds more addresses (Entries)"),),
        ("AddressFamily", "Entries", "PrefixListName")),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Access(
        (unless("Scheme", "internal", says="faces the internet (Scheme)"),
         grows("Subnets", says="stands in other subnets (Subnets)"),
         grows("SubnetMappings.SubnetId"),
         unless("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", ABSENT, "on"),
         unless("IpAddressType", ABSENT, "ipv4", says="has IPv6 addresses, too (IpAddressType)"),
         vanishes("SecurityGroups", says="is in the default security group (SecurityGroups)"),
         *_LOAD_BALANCER_ATTRIBUTES),
        ( *(f"LoadBalancerAttributes[{each}" for each in _NO_ACCESS), "SubnetMappings",
         "SecurityGroups", "EnablePrefixForIpv6SourceNat", "Ipv4IpamPoolId")),
    "AWS::ElasticLoadBalancing::LoadBalancer": Access(
        (unless("Scheme", "internal", says="faces the internet (Scheme)"),
         grows("Subnets", says="stands in other subnets (Subnets)"), changes("Listeners"),
         changes("Policies"), grows("Instances")), ("SecurityGroups", "HealthCheck", "AvailabilityZones")),
    "AWS::ElasticLoadBalancingV2::Listener": Access(
        (weakens("Protocol", ("HTTPS", "TLS"), "HTTP", says="speaks another protocol (Protocol)"),
         weakens("SslPolicy", *SSL_POLICIES, says="takes older TLS or weaker ciphers (SslPolicy)"),
         weakens("MutualAuthentication.Mode", "verify", "passthrough", ("off", ABSENT),
                 says="no longer verifies client certificates"),
         changes("MutualAuthentication.TrustStoreArn", kind="permissions"),
         unless("MutualAuthentication.IgnoreClientCertificateExpiry", *OFF, ABSENT),
         changes("Port"), changes("ListenerAttributes"), CERTIFICATES, *_actions("DefaultActions")),
        ("AlpnPolicy", "DefaultActions", "LoadBalancerArn", "MutualAuthentication"),
        added="is a new listener"),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Access(
        (changes("Conditions", says="matches other requests (Conditions)"), changes("Priority"),
         changes("Transforms"), *_actions("Actions")),
        ("Actions", "ListenerArn", "Conditions"), added="handles requests by a rule of its own",
        removed="goes, and with it what it did with requests before the other rules"),
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": Access((CERTIFICATES,), ("ListenerArn",)),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Access(
        (weakens("Protocol", ("HTTPS", "TLS"), "HTTP", says="speaks another protocol with its targets (Protocol)"),
         reaches("Targets.Id", says="sends requests to somewhere else (Targets)", kind="network")),
        ("HealthCheckPort", "HealthCheckProtocol", "IpAddressType", "Matcher", "Port", "ProtocolVersion",
         "TargetControlPort", "TargetGroupAttributes", "TargetType", "Targets", "VpcId", "HealthCheckPath")),
    "AWS::WAFv2::WebACL": Access(WEB_ACL, (
        "VisibilityConfig", "Scope", "DataProtectionConfig", "CustomResponseBodies"),
        removed="goes, and with it what it filtered"),
    "AWS::WAFv2::RuleGroup": Access(
        (RULES,), ("VisibilityConfig", "Scope", "CustomResponseBodies", "AvailableLabels", "ConsumedLabels"),
        removed="goes, and with it what it filtered"),
    "AWS::WAFv2::IPSet": Access(
        (changes("Addresses", says="holds other addresses (Addresses)"),), ("IPAddressVersion", "Scope"),
        removed="goes, and with it what it filtered"),
    "AWS::WAFv2::WebACLAssociation": Access((changes("", says=UNFILTERED),), removed=UNFILTERED),
    "AWS::WAFv2::LoggingConfiguration": Access(
        (reaches("LogDestinationConfigs", says="writes requests to somewhere else (LogDestinationConfigs)"),
         shrinks("RedactedFields", says="hides less of the requests it writes (RedactedFields)"),
         changes("LoggingFilter", says="writes other requests (LoggingFilter)", kind="permissions")),
        ("ResourceArn",), removed="goes, and with it the log of filtered requests", watches=("ResourceArn",)),
    "AWS::Organizations::Policy": Access(
        (shrinks("TargetIds", says="is no longer attached to all that it was (TargetIds)", kind="permissions"),
         changes("Content", kind="permissions"), changes("Type", kind="permissions")), ("TargetIds", "Content", "Name"),
        removed="goes, and with it what it denied"),
    "AWS::Route53::RecordSet": Access(
        (reaches("ResourceRecords", says="points to somewhere else (ResourceRecords)"),
         reaches("AliasTarget.DNSName", says="points to somewhere else (AliasTarget)"),
         changes("Name", kind="permissions"), changes("Type", kind="permissions")),
        ("AliasTarget", "CidrRoutingConfig", "GeoLocation", "GeoProximityLocation", "Region", "HostedZoneName")),
    "AWS::Route53::HostedZone": Access(
        (grows("VPCs", says=INTERNAL_ZONE), changes("Name"),
         vanishes("QueryLoggingConfig", says="keeps no log of queries any more", kind="permissions")),
        ("HostedZoneConfig",)),
    "AWS::CertificateManager::Certificate": Access(
        (unless("CertificateExport", ABSENT, "DISABLED"), changes("CertificateAuthorityArn")),
        ("CertificateTransparencyLoggingPreference", "DomainName", "DomainValidationOptions", "ValidationMethod",
         "SubjectAlternativeNames")),
}  # fmt: skip
