"""Pairs of small templates for the access gate: what opens something, and what does not.

`WIDER` lets somebody do or reach more in its second template, kind by kind; `NO_WIDER` changes something else. A pair
is a sentence, the resources before and the resources after. Each pair stands for its kind; a kind has several types.
"""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]
Pairs = dict[str, tuple[Body, Body]]

ACCOUNT, FOREIGN = "111111111111", "222222222222"
THEIRS = f"arn:aws:iam::{FOREIGN}:role/theirs"
THEIR_QUEUE = f"arn:aws:sqs:eu-central-1:{FOREIGN}:q"
THEIR_FUNCTION = f"arn:aws:lambda:eu-central-1:{FOREIGN}:function:f"
OUR_ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"
OUR_QUEUE = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:q"


def t(kind: str, **properties: Any) -> Body:
    """One resource, called Thing."""
    service, _, name = kind.partition("::")
    kind = kind if service in ("AWS", "Custom", "Acme") else f"AWS::{service}::{name}"
    return {"Thing": {"Type": kind, "Properties": properties}}


def becomes(kind: str, before: Body, after: Body, **both: Any) -> tuple[Body, Body]:
    """A resource whose properties are these before and those after."""
    return t(kind, **both, **before), t(kind, **both, **after)


def new(kind: str, **properties: Any) -> tuple[Body, Body]:
    """A resource that is added to a stack that exists."""
    return {}, t(kind, **properties)


def gone(kind: str, **properties: Any) -> tuple[Body, Body]:
    """A resource that is removed."""
    return t(kind, **properties), {}


def rule(action: str, **more: Any) -> Body:
    return {
        "Name": "r",
        "Priority": 1,
        "Statement": {"GeoMatchStatement": {"CountryCodes": ["KP"]}},
        "Action": {action: {}},
        **more,
    }


def document(*statements: Body, version: str = "2012-10-17") -> Body:
    return {"Version": version, "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> Body:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def container(**properties: Any) -> Body:
    return {"ContainerDefinitions": [{"Name": "app", "Image": "a", **properties}]}


def vpc(**properties: Any) -> Body:
    return {"NetworkConfiguration": {"AwsvpcConfiguration": properties}}


def distribution(**behavior: Any) -> Body:
    origins = [{"Id": "o", "DomainName": "o.example.com"}]
    behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only", **behavior}
    return {"DistributionConfig": {"Enabled": True, "Origins": origins, "DefaultCacheBehavior": behavior}}


OIDC = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {"Issuer": "https://login.example.com"}}
FORWARD = {"Type": "forward", "Order": 2, "TargetGroupArn": "tg"}
DENY_PAGE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403"}}
USERNAME = "arn:aws:s3:::b/${aws:username}/*"
ELB, EC2, S3 = "ElasticLoadBalancingV2", "EC2", "S3"

FILTERS: Pairs = {
    "a WebACL rule counts instead of blocking": becomes(
        "WAFv2::WebACL", {"Rules": [rule("Block")]}, {"Rules": [rule("Count")]}, DefaultAction={"Allow": {}}
    ),
    "a WebACL rule allows": becomes(
        "WAFv2::WebACL", {"Rules": [rule("Block")]}, {"Rules": [rule("Allow")]}, DefaultAction={"Allow": {}}
    ),
    "a WebACL rule goes": becomes(
        "WAFv2::WebACL", {"Rules": [rule("Block")]}, {"Rules": []}, DefaultAction={"Allow": {}}
    ),
    "a WebACL allows by default": becomes(
        "WAFv2::WebACL", {"DefaultAction": {"Block": {}}}, {"DefaultAction": {"Allow": {}}}, Rules=[]
    ),
    "a WebACL rule group is overridden to count": becomes(
        "WAFv2::WebACL",
        {"Rules": [{"Name": "m", "OverrideAction": {"None": {}}}]},
        {"Rules": [{"Name": "m", "OverrideAction": {"Count": {}}}]},
    ),
    "a WebACL rule's limit rises": becomes(
        "WAFv2::WebACL",
        {"Rules": [rule("Block", Statement={"RateBasedStatement": {"Limit": 100}})]},
        {"Rules": [rule("Block", Statement={"RateBasedStatement": {"Limit": 2_000_000}})]},
    ),
    "a WebACL rule matches less": becomes(
        "WAFv2::WebACL",
        {"Rules": [rule("Block")]},
        {"Rules": [rule("Block", Statement={"GeoMatchStatement": {"CountryCodes": ["AQ"]}})]},
    ),
    "a WebACL excludes a rule of a managed group": becomes(
        "WAFv2::WebACL",
        {"Rules": [{"Name": "m", "Statement": {"ManagedRuleGroupStatement": {"Name": "Common"}}}]},
        {
            "Rules": [
                {
                    "Name": "m",
                    "Statement": {
                        "ManagedRuleGroupStatement": {
                            "Name": "Common",
                            "ExcludedRules": [{"Name": "SizeRestrictions_BODY"}],
                        }
                    },
                }
            ]
        },
    ),
    "a WebACL goes": gone("WAFv2::WebACL", DefaultAction={"Block": {}}, Rules=[rule("Block")]),
    "a rule group's rule goes": becomes("WAFv2::RuleGroup", {"Rules": [rule("Block")]}, {"Rules": []}),
    "an IP set allows more": becomes(
        "WAFv2::IPSet", {"Addresses": ["10.0.0.0/8"]}, {"Addresses": ["10.0.0.0/8", "198.51.100.0/24"]}
    ),
    "an IP set blocks less": becomes(
        "WAFv2::IPSet", {"Addresses": ["10.0.0.0/8", "198.51.100.0/24"]}, {"Addresses": ["10.0.0.0/8"]}
    ),
    "a WebACL leaves its load balancer": gone("WAFv2::WebACLAssociation", ResourceArn="lb", WebACLArn="acl"),
    "a WebACL is put on something else": becomes(
        "WAFv2::WebACLAssociation", {"ResourceArn": "lb"}, {"ResourceArn": "other"}, WebACLArn="acl"
    ),
    "a regional WebACL leaves": gone("WAFRegional::WebACLAssociation", ResourceArn="lb", WebACLId="acl"),
    "a classic WebACL allows by default": becomes(
        "WAF::WebACL", {"DefaultAction": {"Type": "BLOCK"}}, {"DefaultAction": {"Type": "ALLOW"}}
    ),
    "a distribution loses its WebACL": (
        t("CloudFront::Distribution", DistributionConfig={"WebACLId": "acl", "Enabled": True}),
        t("CloudFront::Distribution", DistributionConfig={"Enabled": True}),
    ),
    "a distribution loses its geo restriction": (
        t(
            "CloudFront::Distribution",
            DistributionConfig={
                "Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist", "Locations": ["DE"]}}
            },
        ),
        t(
            "CloudFront::Distribution",
            DistributionConfig={"Restrictions": {"GeoRestriction": {"RestrictionType": "none"}}},
        ),
    ),
    "a network firewall goes": gone("NetworkFirewall::Firewall", FirewallPolicyArn="p", VpcId="v"),
    "a network firewall passes by default": becomes(
        "NetworkFirewall::FirewallPolicy",
        {"FirewallPolicy": {"StatelessDefaultActions": ["aws:drop"]}},
        {"FirewallPolicy": {"StatelessDefaultActions": ["aws:pass"]}},
    ),
    "a DNS firewall goes": gone("Route53Resolver::FirewallRuleGroupAssociation", FirewallRuleGroupId="g", VpcId="v"),
    "a DNS firewall rule allows": becomes(
        "Route53Resolver::FirewallRuleGroup",
        {"FirewallRules": [{"FirewallDomainListId": "d", "Priority": 1, "Action": "BLOCK"}]},
        {"FirewallRules": [{"FirewallDomainListId": "d", "Priority": 1, "Action": "ALLOW"}]},
    ),
    "a service control policy goes": gone(
        "Organizations::Policy",
        Type="SERVICE_CONTROL_POLICY",
        Name="p",
        TargetIds=["ou"],
        Content=document({"Effect": "Deny", "Action": "iam:*", "Resource": "*"}),
    ),
    "a service control policy has fewer targets": becomes(
        "Organizations::Policy", {"TargetIds": ["ou-1", "ou-2"]}, {"TargetIds": ["ou-1"]}, Type="SERVICE_CONTROL_POLICY"
    ),
    "a guardrail blocks less": becomes(
        "Bedrock::Guardrail",
        {"ContentPolicyConfig": {"FiltersConfig": [{"Type": "HATE", "InputStrength": "HIGH"}]}},
        {"ContentPolicyConfig": {"FiltersConfig": [{"Type": "HATE", "InputStrength": "NONE"}]}},
    ),
    "a network ACL entry denies no more": gone(
        "EC2::NetworkAclEntry", NetworkAclId="a", RuleNumber=1, Protocol=-1, RuleAction="deny", CidrBlock="0.0.0.0/0"
    ),
    "a subnet leaves its network ACL": becomes(
        "EC2::SubnetNetworkAclAssociation", {"NetworkAclId": "strict"}, {"NetworkAclId": "open"}, SubnetId="s"
    ),
    "a request validator goes": (
        t("ApiGateway::Method", HttpMethod="POST", RequestValidatorId="v", AuthorizationType="AWS_IAM"),
        t("ApiGateway::Method", HttpMethod="POST", AuthorizationType="AWS_IAM"),
    ),
    "a listener rule that refuses goes": gone(
        f"{ELB}::ListenerRule",
        ListenerArn="l",
        Priority=1,
        Actions=[DENY_PAGE],
        Conditions=[{"Field": "path-pattern", "Values": ["/admin*"]}],
    ),
    "a listener rule that refuses forwards": becomes(
        f"{ELB}::ListenerRule", {"Actions": [DENY_PAGE]}, {"Actions": [FORWARD]}, ListenerArn="l", Priority=1
    ),
    "a listener rule matches more": becomes(
        f"{ELB}::ListenerRule",
        {"Conditions": [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}]},
        {"Conditions": [{"Field": "source-ip", "SourceIpConfig": {"Values": ["0.0.0.0/0"]}}]},
        ListenerArn="l",
        Priority=1,
        Actions=[FORWARD],
    ),
    "a listener forwards what it refused": becomes(
        f"{ELB}::Listener", {"DefaultActions": [DENY_PAGE]}, {"DefaultActions": [FORWARD]}, Protocol="HTTPS", Port=443
    ),
    "a SES filter allows": becomes(
        "SES::ReceiptFilter",
        {"Filter": {"IpFilter": {"Cidr": "0.0.0.0/0", "Policy": "Block"}}},
        {"Filter": {"IpFilter": {"Cidr": "0.0.0.0/0", "Policy": "Allow"}}},
    ),
}

DOOR: Pairs = {
    "a listener speaks HTTP": becomes(
        f"{ELB}::Listener", {"Protocol": "HTTPS"}, {"Protocol": "HTTP"}, DefaultActions=[FORWARD], Port=443
    ),
    "a listener no longer redirects to HTTPS": becomes(
        f"{ELB}::Listener",
        {"DefaultActions": [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}]},
        {"DefaultActions": [FORWARD]},
        Protocol="HTTP",
        Port=80,
    ),
    "a network listener speaks TCP": becomes(
        f"{ELB}::Listener", {"Protocol": "TLS"}, {"Protocol": "TCP"}, DefaultActions=[FORWARD], Port=443
    ),
    "a listener takes old ciphers": becomes(
        f"{ELB}::Listener",
        {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {"SslPolicy": "ELBSecurityPolicy-2016-08"},
        Protocol="HTTPS",
        DefaultActions=[FORWARD],
    ),
    "a listener takes AWS's default ciphers": becomes(
        f"{ELB}::Listener",
        {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {},
        Protocol="HTTPS",
        DefaultActions=[FORWARD],
    ),
    "a listener takes ciphers that infragen does not know": becomes(
        f"{ELB}::Listener",
        {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {"SslPolicy": "ELBSecurityPolicy-New"},
        Protocol="HTTPS",
        DefaultActions=[FORWARD],
    ),
    "a listener no longer authenticates": becomes(
        f"{ELB}::Listener", {"DefaultActions": [OIDC, FORWARD]}, {"DefaultActions": [FORWARD]}, Protocol="HTTPS"
    ),
    "a listener lets strangers pass": becomes(
        f"{ELB}::Listener",
        {"DefaultActions": [{**OIDC, "AuthenticateOidcConfig": {"OnUnauthenticatedRequest": "deny"}}, FORWARD]},
        {"DefaultActions": [{**OIDC, "AuthenticateOidcConfig": {"OnUnauthenticatedRequest": "allow"}}, FORWARD]},
        Protocol="HTTPS",
    ),
    "a listener rule no longer authenticates": becomes(
        f"{ELB}::ListenerRule", {"Actions": [OIDC, FORWARD]}, {"Actions": [FORWARD]}, ListenerArn="l", Priority=1
    ),
    "a listener trusts another issuer": becomes(
        f"{ELB}::Listener",
        {"DefaultActions": [OIDC, FORWARD]},
        {"DefaultActions": [{**OIDC, "AuthenticateOidcConfig": {"Issuer": "https://evil.example"}}, FORWARD]},
        Protocol="HTTPS",
    ),
    "a listener no longer asks for client certificates": becomes(
        f"{ELB}::Listener",
        {"MutualAuthentication": {"Mode": "verify", "TrustStoreArn": "t"}},
        {"MutualAuthentication": {"Mode": "off"}},
        Protocol="HTTPS",
        DefaultActions=[FORWARD],
    ),
    "a new listener": new(
        f"{ELB}::Listener", Protocol="HTTP", Port=8080, LoadBalancerArn="l", DefaultActions=[FORWARD]
    ),
    "a target group speaks HTTP": becomes(
        f"{ELB}::TargetGroup", {"Protocol": "HTTPS"}, {"Protocol": "HTTP"}, Port=443, VpcId="v"
    ),
    "a classic load balancer speaks HTTP": becomes(
        "ElasticLoadBalancing::LoadBalancer",
        {"Listeners": [{"LoadBalancerPort": "443", "InstancePort": "80", "Protocol": "HTTPS"}]},
        {"Listeners": [{"LoadBalancerPort": "443", "InstancePort": "80", "Protocol": "HTTP"}]},
        Scheme="internal",
    ),
    "rds.force_ssl is off": becomes(
        "RDS::DBClusterParameterGroup",
        {"Parameters": {"rds.force_ssl": "1"}},
        {"Parameters": {"rds.force_ssl": "0"}},
        Family="aurora-postgresql17",
    ),
    "rds.force_ssl is no longer written": becomes(
        "RDS::DBClusterParameterGroup",
        {"Parameters": {"rds.force_ssl": 1}},
        {"Parameters": {}},
        Family="aurora-postgresql13",
    ),
    "rds.force_ssl is off in a new parameter group": new(
        "RDS::DBParameterGroup", Parameters={"rds.force_ssl": 0}, Family="postgres17"
    ),
    "require_secure_transport is off": becomes(
        "RDS::DBParameterGroup",
        {"Parameters": {"require_secure_transport": "ON"}},
        {"Parameters": {"require_secure_transport": "OFF"}},
        Family="mysql8.0",
    ),
    "a database takes older TLS": becomes(
        "RDS::DBClusterParameterGroup",
        {"Parameters": {"ssl_min_protocol_version": "TLSv1.2"}},
        {"Parameters": {"ssl_min_protocol_version": "TLSv1"}},
        Family="aurora-postgresql17",
    ),
    "Redshift takes unencrypted connections": becomes(
        "Redshift::ClusterParameterGroup",
        {"Parameters": [{"ParameterName": "require_ssl", "ParameterValue": "true"}]},
        {"Parameters": [{"ParameterName": "require_ssl", "ParameterValue": "false"}]},
    ),
    "DocumentDB takes unencrypted connections": becomes(
        "DocDB::DBClusterParameterGroup", {"Parameters": {"tls": "enabled"}}, {"Parameters": {"tls": "disabled"}}
    ),
    "a proxy takes unencrypted connections": becomes(
        "RDS::DBProxy", {"RequireTLS": True}, {"RequireTLS": False}, DBProxyName="p", RoleArn="r"
    ),
    "a proxy takes passwords": becomes(
        "RDS::DBProxy", {"Auth": [{"IAMAuth": "REQUIRED"}]}, {"Auth": [{"IAMAuth": "DISABLED"}]}, RoleArn="r"
    ),
    "a cluster's Data API is on": becomes(
        "RDS::DBCluster", {"EnableHttpEndpoint": False}, {"EnableHttpEndpoint": True}, Engine="aurora-postgresql"
    ),
    "a cluster is no longer encrypted": becomes(
        "RDS::DBCluster", {"StorageEncrypted": True}, {"StorageEncrypted": False}, Engine="aurora-postgresql"
    ),
    "a cache's traffic is no longer encrypted": becomes(
        "ElastiCache::ReplicationGroup", {"TransitEncryptionEnabled": True}, {"TransitEncryptionEnabled": False}
    ),
    "a cache no longer asks for a password": becomes(
        "ElastiCache::ReplicationGroup", {"AuthToken": "{{resolve:ssm:x}}"}, {}, TransitEncryptionEnabled=True
    ),
    "a cache user needs no password": becomes(
        "ElastiCache::User", {"NoPasswordRequired": False}, {"NoPasswordRequired": True}, UserName="u"
    ),
    "a cache user may do everything": becomes(
        "ElastiCache::User", {"AccessString": "on ~app:* +get"}, {"AccessString": "on ~* +@all"}, UserName="u"
    ),
    "a search domain no longer enforces HTTPS": becomes(
        "OpenSearchService::Domain",
        {"DomainEndpointOptions": {"EnforceHTTPS": True}},
        {"DomainEndpointOptions": {"EnforceHTTPS": False}},
    ),
    "a search domain has no users of its own any more": becomes(
        "OpenSearchService::Domain",
        {"AdvancedSecurityOptions": {"Enabled": True}},
        {"AdvancedSecurityOptions": {"Enabled": False}},
    ),
    "Kafka takes unauthenticated clients": becomes(
        "MSK::Cluster",
        {"ClientAuthentication": {"Unauthenticated": {"Enabled": False}}},
        {"ClientAuthentication": {"Unauthenticated": {"Enabled": True}}},
    ),
    "Kafka takes plain text": becomes(
        "MSK::Cluster",
        {"EncryptionInfo": {"EncryptionInTransit": {"ClientBroker": "TLS"}}},
        {"EncryptionInfo": {"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT"}}},
    ),
    "a method needs no authorization": becomes(
        "ApiGateway::Method", {"AuthorizationType": "AWS_IAM"}, {"AuthorizationType": "NONE"}, HttpMethod="GET"
    ),
    "a method needs no key": becomes(
        "ApiGateway::Method",
        {"ApiKeyRequired": True},
        {"ApiKeyRequired": False},
        HttpMethod="GET",
        AuthorizationType="NONE",
    ),
    "a method uses another authorizer": becomes(
        "ApiGateway::Method",
        {"AuthorizerId": "strict"},
        {"AuthorizerId": "lax"},
        HttpMethod="GET",
        AuthorizationType="CUSTOM",
    ),
    "a method asks for fewer scopes": becomes(
        "ApiGateway::Method",
        {"AuthorizationScopes": ["admin"]},
        {},
        HttpMethod="GET",
        AuthorizerId="a",
        AuthorizationType="COGNITO_USER_POOLS",
    ),
    "a new method without authorization": new("ApiGateway::Method", HttpMethod="GET", AuthorizationType="NONE"),
    "a route needs no authorization": becomes(
        "ApiGatewayV2::Route",
        {"AuthorizationType": "JWT", "AuthorizerId": "a"},
        {"AuthorizationType": "NONE"},
        RouteKey="GET /",
    ),
    "an authorizer trusts another issuer": becomes(
        "ApiGatewayV2::Authorizer",
        {"JwtConfiguration": {"Issuer": "https://a.example", "Audience": ["x"]}},
        {"JwtConfiguration": {"Issuer": "https://b.example", "Audience": ["x"]}},
        AuthorizerType="JWT",
    ),
    "an authorizer keeps its answers": becomes(
        "ApiGateway::Authorizer",
        {"AuthorizerResultTtlInSeconds": 0},
        {"AuthorizerResultTtlInSeconds": 3600},
        Type="TOKEN",
    ),
    "an API takes other origins": becomes(
        "ApiGatewayV2::Api",
        {"CorsConfiguration": {"AllowOrigins": ["https://a.example"]}},
        {"CorsConfiguration": {"AllowOrigins": ["*"]}},
    ),
    "an API's default address is open again": becomes(
        "ApiGateway::RestApi", {"DisableExecuteApiEndpoint": True}, {"DisableExecuteApiEndpoint": False}
    ),
    "a private API is regional": becomes(
        "ApiGateway::RestApi",
        {"EndpointConfiguration": {"Types": ["PRIVATE"]}},
        {"EndpointConfiguration": {"Types": ["REGIONAL"]}},
    ),
    "a domain takes TLS 1.0": becomes(
        "ApiGateway::DomainName", {"SecurityPolicy": "TLS_1_2"}, {"SecurityPolicy": "TLS_1_0"}
    ),
    "a domain no longer asks for client certificates": becomes(
        "ApiGatewayV2::DomainName", {"MutualTlsAuthentication": {"TruststoreUri": "s3://b/k"}}, {}, DomainName="d"
    ),
    "a distribution takes HTTP": (
        t("CloudFront::Distribution", **distribution()),
        t("CloudFront::Distribution", **distribution(ViewerProtocolPolicy="allow-all")),
    ),
    "a distribution signs no more": (
        t("CloudFront::Distribution", **distribution(TrustedKeyGroups=["k"])),
        t("CloudFront::Distribution", **distribution()),
    ),
    "a distribution takes writes": (
        t("CloudFront::Distribution", **distribution(AllowedMethods=["GET", "HEAD"])),
        t("CloudFront::Distribution", **distribution(AllowedMethods=["GET", "HEAD", "PUT", "POST", "DELETE"])),
    ),
    "a distribution takes TLS 1": (
        t(
            "CloudFront::Distribution",
            DistributionConfig={
                "ViewerCertificate": {"AcmCertificateArn": "c", "MinimumProtocolVersion": "TLSv1.2_2021"}
            },
        ),
        t(
            "CloudFront::Distribution",
            DistributionConfig={"ViewerCertificate": {"AcmCertificateArn": "c", "MinimumProtocolVersion": "TLSv1"}},
        ),
    ),
    "GraphQL takes keys": becomes(
        "AppSync::GraphQLApi", {"AuthenticationType": "AMAZON_COGNITO_USER_POOLS"}, {"AuthenticationType": "API_KEY"}
    ),
    "GraphQL takes another kind of login": becomes(
        "AppSync::GraphQLApi",
        {},
        {"AdditionalAuthenticationProviders": [{"AuthenticationType": "API_KEY"}]},
        AuthenticationType="AWS_IAM",
    ),
    "a function is called by anybody": becomes(
        "Lambda::Url", {"AuthType": "AWS_IAM"}, {"AuthType": "NONE"}, TargetFunctionArn="f"
    ),
    "a function's address takes other origins": becomes(
        "Lambda::Url",
        {"Cors": {"AllowOrigins": ["https://a.example"]}},
        {"Cors": {"AllowOrigins": ["*"]}},
        AuthType="AWS_IAM",
        TargetFunctionArn="f",
    ),
    "a user pool needs no second factor": becomes(
        "Cognito::UserPool", {"MfaConfiguration": "ON"}, {"MfaConfiguration": "OFF"}
    ),
    "anybody may sign up": becomes(
        "Cognito::UserPool",
        {"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True}},
        {"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False}},
    ),
    "a user pool takes short passwords": becomes(
        "Cognito::UserPool",
        {"Policies": {"PasswordPolicy": {"MinimumLength": 16}}},
        {"Policies": {"PasswordPolicy": {"MinimumLength": 6}}},
    ),
    "an identity pool takes strangers": becomes(
        "Cognito::IdentityPool", {"AllowUnauthenticatedIdentities": False}, {"AllowUnauthenticatedIdentities": True}
    ),
    "a client redirects elsewhere": becomes(
        "Cognito::UserPoolClient", {"CallbackURLs": ["https://a.example"]}, {"CallbackURLs": ["https://b.example"]}
    ),
    "a client takes passwords": becomes(
        "Cognito::UserPoolClient",
        {"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]},
        {"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"]},
    ),
    "instances answer old metadata requests": becomes(
        "EC2::Instance",
        {"MetadataOptions": {"HttpTokens": "required"}},
        {"MetadataOptions": {"HttpTokens": "optional"}},
        ImageId="i",
    ),
    "a launch template's instances answer old metadata requests": becomes(
        "EC2::LaunchTemplate",
        {"LaunchTemplateData": {"MetadataOptions": {"HttpTokens": "required"}}},
        {"LaunchTemplateData": {"MetadataOptions": {"HttpPutResponseHopLimit": 5}}},
    ),
    "a bucket no longer asks for TLS": (
        t(
            "S3::BucketPolicy",
            Bucket="b",
            PolicyDocument=document(
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": "*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ),
        ),
        t("S3::BucketPolicy", Bucket="b", PolicyDocument=document()),
    ),
    "a file system mounts without TLS": becomes(
        "ECS::TaskDefinition",
        {"Volumes": [{"Name": "v", "EFSVolumeConfiguration": {"FilesystemId": "f", "TransitEncryption": "ENABLED"}}]},
        {"Volumes": [{"Name": "v", "EFSVolumeConfiguration": {"FilesystemId": "f", "TransitEncryption": "DISABLED"}}]},
    ),
    "a topic takes unsigned messages over HTTP": becomes(
        "SNS::Subscription",
        {"Protocol": "https", "Endpoint": "https://a.example"},
        {"Protocol": "http", "Endpoint": "http://a.example"},
        TopicArn="t",
    ),
    "a broker takes anonymous clients": becomes(
        "AmazonMQ::Broker",
        {"AuthenticationStrategy": "LDAP"},
        {"AuthenticationStrategy": "SIMPLE"},
        PubliclyAccessible=False,
    ),
    "a file server speaks FTP": becomes(
        "Transfer::Server", {"Protocols": ["SFTP"]}, {"Protocols": ["SFTP", "FTP"]}, EndpointType="VPC"
    ),
    "a VPN takes a shared key": becomes(
        "EC2::ClientVpnEndpoint",
        {"AuthenticationOptions": [{"Type": "certificate-authentication"}]},
        {"AuthenticationOptions": [{"Type": "federated-authentication"}]},
        ClientCidrBlock="10.9.0.0/22",
    ),
    "a message queue is no longer encrypted": becomes(
        "SQS::Queue", {"SqsManagedSseEnabled": True}, {"SqsManagedSseEnabled": False}
    ),
}

LEAVES: Pairs = {
    "logs go to another account": new(
        "Logs::SubscriptionFilter",
        LogGroupName="g",
        FilterPattern="",
        DestinationArn=f"arn:aws:logs:eu-central-1:{FOREIGN}:destination:d",
    ),
    "logs go to another stream": becomes(
        "Logs::SubscriptionFilter",
        {"DestinationArn": "arn:aws:kinesis:eu-central-1:111111111111:stream/a"},
        {"DestinationArn": f"arn:aws:kinesis:eu-central-1:{FOREIGN}:stream/a"},
        LogGroupName="g",
        FilterPattern="",
    ),
    "all logs go to the stream": becomes(
        "Logs::SubscriptionFilter",
        {"FilterPattern": "ERROR"},
        {"FilterPattern": ""},
        LogGroupName="g",
        DestinationArn="arn:aws:kinesis:eu-central-1:111111111111:stream/a",
    ),
    "other accounts send logs here": new(
        "Logs::Destination", DestinationName="d", RoleArn=OUR_ADMIN, TargetArn="t", DestinationPolicy="{}"
    ),
    "an account's logs go elsewhere": new(
        "Logs::AccountPolicy",
        PolicyName="p",
        PolicyType="SUBSCRIPTION_FILTER_POLICY",
        PolicyDocument=f'{{"DestinationArn": "{THEIR_FUNCTION}"}}',
    ),
    "events go to another account": becomes(
        "Events::Rule", {"Targets": [{"Id": "a", "Arn": OUR_QUEUE}]}, {"Targets": [{"Id": "a", "Arn": THEIR_QUEUE}]}
    ),
    "events also go to another bus": becomes(
        "Events::Rule",
        {"Targets": []},
        {"Targets": [{"Id": "b", "Arn": f"arn:aws:events:eu-central-1:{FOREIGN}:event-bus/default"}]},
    ),
    "more events go to the target": becomes(
        "Events::Rule",
        {"EventPattern": {"source": ["aws.ecs"]}},
        {"EventPattern": {"source": [{"prefix": ""}]}},
        Targets=[{"Id": "a", "Arn": THEIR_QUEUE}],
    ),
    "events go to an address": new(
        "Events::ApiDestination", ConnectionArn="c", HttpMethod="POST", InvocationEndpoint="https://x.example"
    ),
    "events go to another address": becomes(
        "Events::ApiDestination",
        {"InvocationEndpoint": "https://a.example"},
        {"InvocationEndpoint": "https://x.example"},
        ConnectionArn="c",
        HttpMethod="POST",
    ),
    "an archive takes a bus": becomes("Events::Archive", {"SourceArn": "a"}, {"SourceArn": "b"}),
    "somebody else gets messages": new("SNS::Subscription", TopicArn="t", Protocol="sqs", Endpoint=THEIR_QUEUE),
    "somebody gets mails": new("SNS::Subscription", TopicArn="t", Protocol="email", Endpoint="x@evil.example"),
    "another address gets mails": becomes(
        "SNS::Subscription",
        {"Endpoint": "a@example.com"},
        {"Endpoint": "b@evil.example"},
        TopicArn="t",
        Protocol="email",
    ),
    "a topic has another subscription": becomes(
        "SNS::Topic", {}, {"Subscription": [{"Protocol": "https", "Endpoint": "https://x.example"}]}
    ),
    "a subscription takes every message": becomes(
        "SNS::Subscription", {"FilterPolicy": {"kind": ["a"]}}, {}, TopicArn="t", Protocol="sqs", Endpoint=THEIR_QUEUE
    ),
    "a topic's messages are kept by a function's log": becomes(
        "SNS::Topic", {}, {"DataProtectionPolicy": {"Statement": []}}
    ),
    "a bucket is copied to another account": becomes(
        "S3::Bucket",
        {},
        {
            "ReplicationConfiguration": {
                "Role": OUR_ADMIN,
                "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::theirs", "Account": FOREIGN}}],
            }
        },
    ),
    "a bucket's copy has another owner": becomes(
        "S3::Bucket",
        {"ReplicationConfiguration": {"Role": OUR_ADMIN, "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::a"}}]}},
        {"ReplicationConfiguration": {"Role": OUR_ADMIN, "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::b"}}]}},
    ),
    "a bucket's list goes elsewhere": becomes(
        "S3::Bucket",
        {},
        {
            "InventoryConfigurations": [
                {
                    "Id": "i",
                    "Enabled": True,
                    "Destination": {"BucketArn": "arn:aws:s3:::theirs", "BucketAccountId": FOREIGN},
                }
            ]
        },
    ),
    "a bucket tells another function": becomes(
        "S3::Bucket",
        {},
        {
            "NotificationConfiguration": {
                "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": THEIR_FUNCTION}]
            }
        },
    ),
    "a bucket's access logs go elsewhere": becomes(
        "S3::Bucket",
        {"LoggingConfiguration": {"DestinationBucketName": "a"}},
        {"LoggingConfiguration": {"DestinationBucketName": "b"}},
    ),
    "a bucket is a website": becomes("S3::Bucket", {}, {"WebsiteConfiguration": {"IndexDocument": "index.html"}}),
    "a bucket takes other origins": becomes(
        "S3::Bucket", {}, {"CorsConfiguration": {"CorsRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]}}
    ),
    "a bucket's objects have lists again": becomes(
        "S3::Bucket",
        {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
        {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
    ),
    "a bucket redirects": becomes(
        "S3::Bucket",
        {"WebsiteConfiguration": {"IndexDocument": "i"}},
        {"WebsiteConfiguration": {"RedirectAllRequestsTo": {"HostName": "evil.example"}}},
    ),
    "a stream is delivered elsewhere": becomes(
        "KinesisFirehose::DeliveryStream",
        {"HttpEndpointDestinationConfiguration": {"EndpointConfiguration": {"Url": "https://a.example"}}},
        {"HttpEndpointDestinationConfiguration": {"EndpointConfiguration": {"Url": "https://x.example"}}},
    ),
    "a stream is delivered to another bucket": becomes(
        "KinesisFirehose::DeliveryStream",
        {"S3DestinationConfiguration": {"BucketARN": "arn:aws:s3:::a"}},
        {"S3DestinationConfiguration": {"BucketARN": "arn:aws:s3:::b"}},
    ),
    "a table streams elsewhere": becomes(
        "DynamoDB::Table",
        {},
        {"KinesisStreamSpecification": {"StreamArn": f"arn:aws:kinesis:eu-central-1:{FOREIGN}:stream/s"}},
        TableName="t",
    ),
    "a secret is copied to another region": becomes(
        "SecretsManager::Secret", {}, {"ReplicaRegions": [{"Region": "us-east-1"}]}, Name="s"
    ),
    "another function rotates a secret": becomes(
        "SecretsManager::RotationSchedule",
        {"RotationLambdaARN": "arn:aws:lambda:eu-central-1:111111111111:function:a"},
        {"RotationLambdaARN": THEIR_FUNCTION},
        SecretId="s",
    ),
    "flow logs go to another bucket": becomes(
        "EC2::FlowLog", {"LogDestination": "arn:aws:s3:::a"}, {"LogDestination": "arn:aws:s3:::b"}, ResourceId="v"
    ),
    "traffic is mirrored": new(
        "EC2::TrafficMirrorSession", NetworkInterfaceId="e", TrafficMirrorTargetId="t", TrafficMirrorFilterId="f"
    ),
    "WAF logs go elsewhere": becomes(
        "WAFv2::LoggingConfiguration",
        {"LogDestinationConfigs": ["arn:aws:logs:eu-central-1:111111111111:log-group:a"]},
        {"LogDestinationConfigs": [f"arn:aws:logs:eu-central-1:{FOREIGN}:log-group:a"]},
        ResourceArn="acl",
    ),
    "a trail goes to another bucket": becomes(
        "CloudTrail::Trail", {"S3BucketName": "a"}, {"S3BucketName": "b"}, IsLogging=True
    ),
    "a function's failures go elsewhere": becomes(
        "Lambda::Function",
        {"DeadLetterConfig": {"TargetArn": OUR_QUEUE}},
        {"DeadLetterConfig": {"TargetArn": THEIR_QUEUE}},
        Role="r",
    ),
    "a function's results go elsewhere": new(
        "Lambda::EventInvokeConfig",
        FunctionName="f",
        Qualifier="$LATEST",
        DestinationConfig={"OnSuccess": {"Destination": THEIR_QUEUE}},
    ),
    "a pipe goes elsewhere": new("Pipes::Pipe", RoleArn=OUR_ADMIN, Source=OUR_QUEUE, Target=THEIR_QUEUE),
    "a queue's failures go elsewhere": becomes(
        "SQS::Queue",
        {"RedrivePolicy": {"deadLetterTargetArn": OUR_QUEUE, "maxReceiveCount": 3}},
        {"RedrivePolicy": {"deadLetterTargetArn": THEIR_QUEUE, "maxReceiveCount": 3}},
    ),
    "a queue takes failures of all": becomes(
        "SQS::Queue",
        {"RedriveAllowPolicy": {"redrivePermission": "denyAll"}},
        {"RedriveAllowPolicy": {"redrivePermission": "allowAll"}},
    ),
    "a container logs elsewhere": (
        t("ECS::TaskDefinition", **container(LogConfiguration={"LogDriver": "awslogs"})),
        t(
            "ECS::TaskDefinition",
            **container(LogConfiguration={"LogDriver": "splunk", "Options": {"splunk-url": "https://x.example"}}),
        ),
    ),
    "a name points elsewhere": becomes(
        "Route53::RecordSet",
        {"ResourceRecords": ["10.0.0.1"]},
        {"ResourceRecords": ["198.51.100.7"]},
        Name="a.example.com",
        Type="A",
        HostedZoneId="Z",
    ),
    "a name is an alias of something else": becomes(
        "Route53::RecordSet",
        {"AliasTarget": {"DNSName": "a.elb.amazonaws.com", "HostedZoneId": "Z1"}},
        {"AliasTarget": {"DNSName": "b.evil.example", "HostedZoneId": "Z1"}},
        Name="a.example.com",
        Type="A",
    ),
    "an API calls elsewhere": becomes(
        "ApiGateway::Method",
        {"Integration": {"Type": "HTTP", "Uri": "https://a.example"}},
        {"Integration": {"Type": "HTTP", "Uri": "https://x.example"}},
        HttpMethod="GET",
        AuthorizationType="AWS_IAM",
    ),
    "an HTTP API calls elsewhere": becomes(
        "ApiGatewayV2::Integration", {"IntegrationUri": "https://a.example"}, {"IntegrationUri": "https://x.example"}
    ),
    "a distribution reads elsewhere": (
        t("CloudFront::Distribution", **distribution()),
        t(
            "CloudFront::Distribution",
            DistributionConfig={
                **distribution()["DistributionConfig"],
                "Origins": [{"Id": "o", "DomainName": "x.example"}],
            },
        ),
    ),
    "backups are copied": becomes(
        "Backup::BackupPlan",
        {"BackupPlan": {"BackupPlanRule": [{"RuleName": "r", "TargetBackupVault": "v"}]}},
        {
            "BackupPlan": {
                "BackupPlanRule": [
                    {
                        "RuleName": "r",
                        "TargetBackupVault": "v",
                        "CopyActions": [
                            {"DestinationBackupVaultArn": f"arn:aws:backup:eu-central-1:{FOREIGN}:backup-vault:v"}
                        ],
                    }
                ]
            }
        },
    ),
    "images are copied": becomes(
        "ECR::ReplicationConfiguration",
        {"ReplicationConfiguration": {"Rules": []}},
        {"ReplicationConfiguration": {"Rules": [{"Destinations": [{"Region": "eu-west-1", "RegistryId": FOREIGN}]}]}},
    ),
    "an alarm tells another account": becomes(
        "CloudWatch::Alarm",
        {"AlarmActions": ["arn:aws:sns:eu-central-1:111111111111:t"]},
        {"AlarmActions": [f"arn:aws:sns:eu-central-1:{FOREIGN}:t"]},
        MetricName="m",
    ),
    "metrics go elsewhere": new(
        "CloudWatch::MetricStream",
        FirehoseArn=f"arn:aws:firehose:eu-central-1:{FOREIGN}:deliverystream/d",
        RoleArn=OUR_ADMIN,
        OutputFormat="json",
    ),
    "another account sees the metrics": new(
        "Oam::Link",
        LabelTemplate="l",
        ResourceTypes=["AWS::Logs::LogGroup"],
        SinkIdentifier=f"arn:aws:oam:eu-central-1:{FOREIGN}:sink/s",
    ),
    "a migration goes elsewhere": becomes(
        "DMS::Endpoint", {"ServerName": "a.example"}, {"ServerName": "x.example"}, EndpointType="target"
    ),
    "a chat hears of alarms": new(
        "Chatbot::SlackChannelConfiguration", SlackWorkspaceId="T", SlackChannelId="C", IamRoleArn=OUR_ADMIN
    ),
}

WHO: Pairs = {
    "another identity provider": new(
        "IAM::OIDCProvider", Url="https://token.actions.githubusercontent.com", ClientIdList=["sts.amazonaws.com"]
    ),
    "an identity provider takes another client": becomes(
        "IAM::OIDCProvider", {"ClientIdList": ["a"]}, {"ClientIdList": ["a", "b"]}, Url="https://a.example"
    ),
    "an identity provider of another certificate": becomes(
        "IAM::OIDCProvider", {"ThumbprintList": ["a" * 40]}, {"ThumbprintList": ["b" * 40]}, Url="https://a.example"
    ),
    "another SAML provider": new("IAM::SAMLProvider", SamlMetadataDocument="<xml/>"),
    "a SAML provider is another": becomes(
        "IAM::SAMLProvider", {"SamlMetadataDocument": "<a/>"}, {"SamlMetadataDocument": "<b/>"}, Name="n"
    ),
    "a user": new("IAM::User", UserName="u"),
    "a user with a password": becomes("IAM::User", {}, {"LoginProfile": {"Password": "x"}}, UserName="u"),
    "a user in another group": becomes("IAM::User", {"Groups": []}, {"Groups": ["admins"]}, UserName="u"),
    "a key for a user": new("IAM::AccessKey", UserName="u"),
    "a key that is active again": becomes("IAM::AccessKey", {"Status": "Inactive"}, {"Status": "Active"}, UserName="u"),
    "a role that lasts longer": becomes(
        "IAM::Role", {"MaxSessionDuration": 3600}, {"MaxSessionDuration": 43200}, AssumeRolePolicyDocument=document()
    ),
    "certificates that give roles": new(
        "RolesAnywhere::TrustAnchor", Name="t", Source={"SourceType": "CERTIFICATE_BUNDLE"}, Enabled=True
    ),
    "certificates that give another role": becomes(
        "RolesAnywhere::Profile", {"RoleArns": ["a"]}, {"RoleArns": ["a", OUR_ADMIN]}, Name="p"
    ),
    "a schedule with a role": new(
        "Scheduler::Schedule",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:iam:createUser", "RoleArn": OUR_ADMIN},
    ),
    "a schedule does something else": becomes(
        "Scheduler::Schedule",
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:ecs:updateService", "RoleArn": "r"}},
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:iam:attachRolePolicy", "RoleArn": "r"}},
        ScheduleExpression="rate(1 hour)",
    ),
    "a schedule says something else": becomes(
        "Scheduler::Schedule",
        {"Target": {"Arn": "a", "RoleArn": "r", "Input": '{"Service": "a"}'}},
        {"Target": {"Arn": "a", "RoleArn": "r", "Input": '{"Service": "b"}'}},
        ScheduleExpression="rate(1 hour)",
    ),
    "a state machine with a role": new("StepFunctions::StateMachine", RoleArn=OUR_ADMIN, DefinitionString="{}"),
    "a function with a role": new("Lambda::Function", Role=OUR_ADMIN, Code={"ZipFile": "x"}, Handler="h", Runtime="r"),
    "a task with a role": new("ECS::TaskDefinition", TaskRoleArn=OUR_ADMIN, **container()),
    "an instance with a profile": new("EC2::Instance", ImageId="i", IamInstanceProfile="admin"),
    "a task with another role": becomes(
        "ECS::TaskDefinition", {"TaskRoleArn": "r"}, {"TaskRoleArn": OUR_ADMIN}, **container()
    ),
    "a foreign template": becomes(
        "CloudFormation::Stack",
        {"TemplateURL": "https://ours.s3.amazonaws.com/a"},
        {"TemplateURL": "https://evil.s3.amazonaws.com/a"},
    ),
    "a new foreign template": new("CloudFormation::Stack", TemplateURL="https://evil.s3.amazonaws.com/a"),
    "a macro": new("CloudFormation::Macro", Name="m", FunctionName=THEIR_FUNCTION),
    "a stack set": new(
        "CloudFormation::StackSet", StackSetName="s", PermissionModel="SELF_MANAGED", AdministrationRoleARN=OUR_ADMIN
    ),
    "a custom resource of somebody else": new("Custom::Thing", ServiceToken=THEIR_FUNCTION),
    "a custom resource asks another function": becomes(
        "CloudFormation::CustomResource",
        {"ServiceToken": "arn:aws:lambda:eu-central-1:111111111111:function:a"},
        {"ServiceToken": THEIR_FUNCTION},
    ),
    "a share": new("RAM::ResourceShare", Name="s", ResourceArns=["subnet"], Principals=[FOREIGN]),
    "a share for outsiders": becomes(
        "RAM::ResourceShare", {"AllowExternalPrincipals": False}, {"AllowExternalPrincipals": True}, Name="s"
    ),
    "a bus for another account": new(
        "Events::EventBusPolicy", StatementId="s", Action="events:PutEvents", Principal=FOREIGN
    ),
    "an endpoint service for others": becomes(
        "EC2::VPCEndpointServicePermissions", {"AllowedPrincipals": []}, {"AllowedPrincipals": [THEIRS]}, ServiceId="s"
    ),
    "an endpoint service that takes everyone": becomes(
        "EC2::VPCEndpointService", {"AcceptanceRequired": True}, {"AcceptanceRequired": False}
    ),
    "a data lake permission": new(
        "LakeFormation::Permissions",
        DataLakePrincipal={"DataLakePrincipalIdentifier": THEIRS},
        Resource={"DatabaseResource": {"Name": "d"}},
        Permissions=["ALL"],
    ),
    "a data lake administrator": becomes(
        "LakeFormation::DataLakeSettings", {"Admins": []}, {"Admins": [{"DataLakePrincipalIdentifier": THEIRS}]}
    ),
    "a cluster access entry": new("EKS::AccessEntry", ClusterName="c", PrincipalArn=THEIRS),
    "an administrator of a cluster": becomes(
        "EKS::AccessEntry",
        {"KubernetesGroups": []},
        {"KubernetesGroups": ["system:masters"]},
        ClusterName="c",
        PrincipalArn="p",
    ),
    "pods with a role": new(
        "EKS::PodIdentityAssociation", ClusterName="c", Namespace="n", ServiceAccount="s", RoleArn=OUR_ADMIN
    ),
    "a group's rights in an account": new(
        "SSO::Assignment",
        InstanceArn="i",
        PermissionSetArn="p",
        PrincipalId="g",
        PrincipalType="GROUP",
        TargetId=ACCOUNT,
        TargetType="AWS_ACCOUNT",
    ),
    "a member of a group": new(
        "IdentityStore::GroupMembership", IdentityStoreId="d", GroupId="g", MemberId={"UserId": "u"}
    ),
    "a user of a file server": new("Transfer::User", ServerId="s", UserName="u", Role=OUR_ADMIN),
    "a role of an identity pool": becomes(
        "Cognito::IdentityPoolRoleAttachment",
        {"Roles": {"unauthenticated": "r"}},
        {"Roles": {"unauthenticated": OUR_ADMIN}},
        IdentityPoolId="p",
    ),
    "a user of a pool in another group": new(
        "Cognito::UserPoolUserToGroupAttachment", GroupName="admins", Username="u", UserPoolId="p"
    ),
    "a policy version without variables": (
        t("IAM::ManagedPolicy", PolicyDocument=document({"Effect": "Deny", "Action": "s3:*", "NotResource": USERNAME})),
        t(
            "IAM::ManagedPolicy",
            PolicyDocument=document(
                {"Effect": "Deny", "Action": "s3:*", "NotResource": USERNAME}, version="2008-10-17"
            ),
        ),
    ),
    "a denial of an older version": (
        t(
            "S3::BucketPolicy",
            Bucket="b",
            PolicyDocument=document({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": USERNAME}),
        ),
        t(
            "S3::BucketPolicy",
            Bucket="b",
            PolicyDocument=document(
                {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": USERNAME}, version="2008-10-17"
            ),
        ),
    ),
    "a policy without its version": (
        t("IAM::ManagedPolicy", PolicyDocument=document(allow("s3:*", USERNAME))),
        t("IAM::ManagedPolicy", PolicyDocument={"Statement": [allow("s3:*", USERNAME)]}),
    ),
    "a database takes logins by IAM": becomes(
        "RDS::DBCluster",
        {"EnableIAMDatabaseAuthentication": False},
        {"EnableIAMDatabaseAuthentication": True},
        Engine="aurora-postgresql",
    ),
    "a database acts as another role": becomes(
        "RDS::DBCluster", {"AssociatedRoles": []}, {"AssociatedRoles": [{"RoleArn": OUR_ADMIN}]}, Engine="e"
    ),
    "another database user is master": becomes(
        "RDS::DBCluster", {"MasterUsername": "a"}, {"MasterUsername": "b"}, Engine="e"
    ),
    "a key for another account": becomes(
        "KMS::Key",
        {"KeyPolicy": document()},
        {"KeyPolicy": document({"Effect": "Allow", "Principal": {"AWS": FOREIGN}, "Action": "kms:*", "Resource": "*"})},
    ),
    "a key for graphs": new("AppSync::ApiKey", ApiId="a"),
    "a key of an API": new("ApiGateway::ApiKey", Enabled=True),
    "a key pair of somebody": becomes("EC2::Instance", {}, {"KeyName": "theirs"}, ImageId="i"),
    "a build of somebody": becomes(
        "CodeBuild::Project",
        {"Source": {"Type": "GITHUB", "Location": "https://github.com/a/b"}},
        {"Source": {"Type": "GITHUB", "Location": "https://github.com/x/y"}},
        ServiceRole="r",
    ),
    "a build that shows its logs": becomes(
        "CodeBuild::Project", {"Visibility": "PRIVATE"}, {"Visibility": "PUBLIC_READ"}, ServiceRole="r"
    ),
    "a build of pull requests": becomes(
        "CodeBuild::Project",
        {"Triggers": {"Webhook": True, "FilterGroups": [[{"Type": "EVENT", "Pattern": "PUSH"}]]}},
        {"Triggers": {"Webhook": True, "FilterGroups": [[{"Type": "EVENT", "Pattern": "PULL_REQUEST_CREATED"}]]}},
        ServiceRole="r",
    ),
    "a third party's type with a role": new("Acme::Cloud::Thing", RoleArn=THEIRS),
    "a third party's type with a principal": becomes(
        "Acme::Cloud::Thing", {"Grants": [{"Principal": "a"}]}, {"Grants": [{"Principal": "b"}]}
    ),
    "an unknown type with an account": new("Unheard::Thing", AccountId=FOREIGN),
    "an unknown type with an address": becomes("Unheard::Thing", {"Cidr": "10.0.0.0/8"}, {"Cidr": "0.0.0.0/0"}),
    "an unknown type with an endpoint": becomes(
        "Unheard::Thing", {"Endpoint": "https://a.example"}, {"Endpoint": "https://x.example"}
    ),
    "an unknown type with a foreign ARN under an innocent name": becomes(
        "Unheard::Thing", {"Widget": OUR_QUEUE}, {"Widget": THEIR_QUEUE}
    ),
    "an unknown type with a policy as text": new("Unheard::Thing", Doc='{"Statement": [{"Effect": "Allow"}]}'),
    "a delegated administrator": new("DevOpsGuru::NotificationChannel", Config={"Sns": {"TopicArn": THEIR_QUEUE}}),
    "an app signs other users in": becomes(
        "Amplify::App", {"BasicAuthConfig": {"EnableBasicAuth": True}}, {"BasicAuthConfig": {"EnableBasicAuth": False}}
    ),
}

CONTAINER: Pairs = {
    "a privileged container": (
        t("ECS::TaskDefinition", **container()),
        t("ECS::TaskDefinition", **container(Privileged=True)),
    ),
    "a container as root": (
        t("ECS::TaskDefinition", **container(User="1000")),
        t("ECS::TaskDefinition", **container(User="0")),
    ),
    "a container as the image's user": (
        t("ECS::TaskDefinition", **container(User="1000")),
        t("ECS::TaskDefinition", **container()),
    ),
    "a container that writes": (
        t("ECS::TaskDefinition", **container(ReadonlyRootFilesystem=True)),
        t("ECS::TaskDefinition", **container(ReadonlyRootFilesystem=False)),
    ),
    "a container with capabilities": (
        t("ECS::TaskDefinition", **container()),
        t("ECS::TaskDefinition", **container(LinuxParameters={"Capabilities": {"Add": ["SYS_ADMIN"]}})),
    ),
    "a container that drops less": (
        t("ECS::TaskDefinition", **container(LinuxParameters={"Capabilities": {"Drop": ["ALL"]}})),
        t("ECS::TaskDefinition", **container(LinuxParameters={"Capabilities": {"Drop": []}})),
    ),
    "a container with a device": (
        t("ECS::TaskDefinition", **container()),
        t("ECS::TaskDefinition", **container(LinuxParameters={"Devices": [{"HostPath": "/dev/sda"}]})),
    ),
    "a container without its profile": (
        t("ECS::TaskDefinition", **container(DockerSecurityOptions=["no-new-privileges"])),
        t("ECS::TaskDefinition", **container()),
    ),
    "a task in the host's processes": becomes("ECS::TaskDefinition", {}, {"PidMode": "host"}, **container()),
    "a task in the host's network": becomes(
        "ECS::TaskDefinition", {"NetworkMode": "awsvpc"}, {"NetworkMode": "host"}, **container()
    ),
    "a task with the host's files": becomes(
        "ECS::TaskDefinition", {}, {"Volumes": [{"Name": "v", "Host": {"SourcePath": "/"}}]}, **container()
    ),
    "a container that writes to its volume": (
        t("ECS::TaskDefinition", **container(MountPoints=[{"SourceVolume": "v", "ReadOnly": True}])),
        t("ECS::TaskDefinition", **container(MountPoints=[{"SourceVolume": "v", "ReadOnly": False}])),
    ),
    "a container with another secret": (
        t("ECS::TaskDefinition", **container(Secrets=[])),
        t(
            "ECS::TaskDefinition",
            **container(Secrets=[{"Name": "A", "ValueFrom": "arn:aws:secretsmanager:::secret:x"}]),
        ),
    ),
    "another container beside it": becomes(
        "ECS::TaskDefinition",
        container(),
        {
            "ContainerDefinitions": [
                *container()["ContainerDefinitions"],
                {"Name": "x", "Image": "x", "Privileged": True},
            ]
        },
    ),
    "a shell in a container": becomes(
        "ECS::Service", {"EnableExecuteCommand": False}, {"EnableExecuteCommand": True}, Cluster="c"
    ),
    "a shell in a task of a set": becomes(
        "Scheduler::Schedule",
        {"Target": {"Arn": "a", "RoleArn": "r", "EcsParameters": {"TaskDefinitionArn": "t"}}},
        {
            "Target": {
                "Arn": "a",
                "RoleArn": "r",
                "EcsParameters": {"TaskDefinitionArn": "t", "EnableExecuteCommand": True},
            }
        },
        ScheduleExpression="rate(1 hour)",
    ),
    "a cluster whose shells leave no log": becomes(
        "ECS::Cluster",
        {"Configuration": {"ExecuteCommandConfiguration": {"Logging": "OVERRIDE"}}},
        {"Configuration": {"ExecuteCommandConfiguration": {"Logging": "NONE"}}},
    ),
    "a privileged batch job": becomes(
        "Batch::JobDefinition",
        {"ContainerProperties": {"Image": "a"}},
        {"ContainerProperties": {"Image": "a", "Privileged": True}},
        Type="container",
    ),
    "a privileged build": becomes(
        "CodeBuild::Project",
        {"Environment": {"Image": "i", "PrivilegedMode": False}},
        {"Environment": {"Image": "i", "PrivilegedMode": True}},
        ServiceRole="r",
    ),
    "a notebook as root": becomes(
        "SageMaker::NotebookInstance",
        {"RootAccess": "Disabled"},
        {"RootAccess": "Enabled"},
        RoleArn="r",
        DirectInternetAccess="Disabled",
    ),
    "a training without isolation": becomes(
        "SageMaker::Model", {"EnableNetworkIsolation": True}, {"EnableNetworkIsolation": False}, ExecutionRoleArn="r"
    ),
    "a function of another layer": becomes(
        "Lambda::Function", {"Layers": []}, {"Layers": [f"arn:aws:lambda:eu-central-1:{FOREIGN}:layer:l:1"]}, Role="r"
    ),
    "a function without code signing": becomes("Lambda::Function", {"CodeSigningConfigArn": "c"}, {}, Role="r"),
    "code signing that only warns": becomes(
        "Lambda::CodeSigningConfig",
        {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"}},
        {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}},
        AllowedPublishers={"SigningProfileVersionArns": ["a"]},
    ),
    "another signer": becomes(
        "Lambda::CodeSigningConfig",
        {"AllowedPublishers": {"SigningProfileVersionArns": ["a"]}},
        {"AllowedPublishers": {"SigningProfileVersionArns": ["a", "b"]}},
    ),
    "an image of another account": (
        t("ECS::TaskDefinition", **container(Image=f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/a:1")),
        t("ECS::TaskDefinition", **container(Image=f"{FOREIGN}.dkr.ecr.eu-central-1.amazonaws.com/a:1")),
    ),
    "tags that move": becomes(
        "ECR::Repository", {"ImageTagMutability": "IMMUTABLE"}, {"ImageTagMutability": "MUTABLE"}
    ),
}

PLACE: Pairs = {
    "a database among public subnets": becomes(
        "RDS::DBSubnetGroup", {"SubnetIds": ["private"]}, {"SubnetIds": ["public"]}, DBSubnetGroupDescription="d"
    ),
    "a database in another subnet group": becomes(
        "RDS::DBCluster", {"DBSubnetGroupName": "a"}, {"DBSubnetGroupName": "b"}, Engine="e"
    ),
    "a service in public subnets": (
        t("ECS::Service", **vpc(Subnets=["private"])),
        t("ECS::Service", **vpc(Subnets=["public"])),
    ),
    "a service without its groups": (
        t("ECS::Service", **vpc(Subnets=["a"], SecurityGroups=["g"])),
        t("ECS::Service", **vpc(Subnets=["a"])),
    ),
    "a function that leaves its VPC": becomes(
        "Lambda::Function", {"VpcConfig": {"SubnetIds": ["a"], "SecurityGroupIds": ["g"]}}, {}, Role="r"
    ),
    "a function in another subnet": becomes(
        "Lambda::Function",
        {"VpcConfig": {"SubnetIds": ["a"], "SecurityGroupIds": ["g"]}},
        {"VpcConfig": {"SubnetIds": ["b"], "SecurityGroupIds": ["g"]}},
        Role="r",
    ),
    "a load balancer in another subnet": becomes(
        f"{ELB}::LoadBalancer", {"Subnets": ["a"]}, {"Subnets": ["b"]}, Scheme="internal"
    ),
    "an instance in another subnet": becomes("EC2::Instance", {"SubnetId": "a"}, {"SubnetId": "b"}, ImageId="i"),
    "a cache in another subnet": becomes(
        "ElastiCache::SubnetGroup", {"SubnetIds": ["a"]}, {"SubnetIds": ["a", "b"]}, Description="d"
    ),
    "a search domain that leaves its VPC": becomes(
        "OpenSearchService::Domain", {"VPCOptions": {"SubnetIds": ["a"]}}, {}
    ),
    "a build that leaves its VPC": becomes(
        "CodeBuild::Project", {"VpcConfig": {"VpcId": "v", "Subnets": ["a"]}}, {}, ServiceRole="r"
    ),
    "a service in a public registry": becomes(
        "AppRunner::Service",
        {"NetworkConfiguration": {"IngressConfiguration": {"IsPubliclyAccessible": False}}},
        {"NetworkConfiguration": {"IngressConfiguration": {"IsPubliclyAccessible": True}}},
    ),
    "a table's export is public": becomes(
        "Redshift::Cluster", {"PubliclyAccessible": False}, {"PubliclyAccessible": True}
    ),
    "a serverless warehouse is public": becomes(
        "RedshiftServerless::Workgroup", {"PubliclyAccessible": False}, {"PubliclyAccessible": True}
    ),
    "a graph is public": becomes("NeptuneGraph::Graph", {"PublicConnectivity": False}, {"PublicConnectivity": True}),
    "a broker is public": becomes("AmazonMQ::Broker", {"PubliclyAccessible": False}, {"PubliclyAccessible": True}),
    "an address for an instance": new("EC2::EIP", Domain="vpc", InstanceId="i"),
    "an address for another thing": new("EC2::EIPAssociation", AllocationId="a", NetworkInterfaceId="e"),
    "a peering": new("EC2::VPCPeeringConnection", VpcId="v", PeerVpcId="w", PeerOwnerId=FOREIGN),
    "an endpoint to somebody's service": new(
        "EC2::VPCEndpoint",
        VpcId="v",
        ServiceName="com.amazonaws.vpce.eu-central-1.vpce-svc-1",
        VpcEndpointType="Interface",
        PolicyDocument=document(),
    ),
    "an accelerator": new("GlobalAccelerator::Endpoint", EndpointGroupArn="g"),
    "an internal zone for another VPC": becomes(
        "Route53::HostedZone",
        {"VPCs": [{"VPCId": "v", "VPCRegion": "r"}]},
        {"VPCs": [{"VPCId": "v", "VPCRegion": "r"}, {"VPCId": "w", "VPCRegion": "r"}]},
        Name="n",
    ),
    "a cluster's public address": becomes(
        "EKS::Cluster",
        {"ResourcesVpcConfig": {"EndpointPublicAccess": True, "PublicAccessCidrs": ["10.0.0.0/8"]}},
        {"ResourcesVpcConfig": {"EndpointPublicAccess": True, "PublicAccessCidrs": ["0.0.0.0/0"]}},
    ),
    "an instance that forwards": becomes(
        "EC2::Instance", {"SourceDestCheck": True}, {"SourceDestCheck": False}, ImageId="i"
    ),
    "a prefix list that grows": becomes(
        "EC2::PrefixList",
        {"Entries": [{"Cidr": "10.0.0.0/8"}]},
        {"Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "0.0.0.0/0"}]},
        AddressFamily="IPv4",
    ),
    "a file server on the internet": becomes("Transfer::Server", {"EndpointType": "VPC"}, {"EndpointType": "PUBLIC"}),
    "a file system in another subnet": new(
        "EFS::MountTarget", FileSystemId="f", SubnetId="public", SecurityGroups=["g"]
    ),
    "an account's buckets may be public": becomes(
        "S3::AccessPoint",
        {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
        {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": False}},
        Bucket="b",
    ),
    "an access point outside its VPC": becomes("S3::AccessPoint", {"VpcConfiguration": {"VpcId": "v"}}, {}, Bucket="b"),
    "VPN clients reach more": new(
        "EC2::ClientVpnAuthorizationRule",
        ClientVpnEndpointId="c",
        TargetNetworkCidr="0.0.0.0/0",
        AuthorizeAllGroups=True,
    ),
    "a VPC takes public addresses back": gone(
        "EC2::VPCBlockPublicAccessOptions", InternetGatewayBlockMode="block-bidirectional"
    ),
    "an exception for public addresses": new(
        "EC2::VPCBlockPublicAccessExclusion", VpcId="v", InternetGatewayExclusionMode="allow-bidirectional"
    ),
    "a snapshot that everybody sees": becomes(
        "EC2::SnapshotBlockPublicAccess", {"State": "block-all-sharing"}, {"State": "unblocked"}
    ),
    "a dashboard for everyone": becomes(
        "Grafana::Workspace",
        {"NetworkAccessControl": {"PrefixListIds": ["p"], "VpceIds": []}},
        {},
        AccountAccessType="CURRENT_ACCOUNT",
    ),
    "a stack of containers on Lightsail": becomes(
        "Lightsail::Container",
        {"PublicDomainNames": []},
        {"PublicDomainNames": [{"DomainNames": ["a"]}]},
        ServiceName="s",
    ),
}

PLACE |= {
    "a database with AWS's own parameters": becomes(
        "RDS::DBCluster", {"DBClusterParameterGroupName": "ours"}, {}, Engine="aurora-postgresql"
    ),
    "a database with somebody's parameters": becomes(
        "RDS::DBCluster",
        {"DBClusterParameterGroupName": "ours"},
        {"DBClusterParameterGroupName": "default.aurora-postgresql17"},
        Engine="aurora-postgresql",
    ),
    "a database in the default security group": becomes(
        "RDS::DBCluster", {"VpcSecurityGroupIds": ["g"]}, {}, Engine="aurora-postgresql"
    ),
    "a load balancer in the default security group": becomes(
        f"{ELB}::LoadBalancer", {"SecurityGroups": ["g"]}, {}, Scheme="internal"
    ),
    "a load balancer with IPv6": becomes(
        f"{ELB}::LoadBalancer", {"IpAddressType": "ipv4"}, {"IpAddressType": "dualstack"}, Scheme="internal"
    ),
}


def of_bucket(**encryption: Any) -> Body:
    rules = [{"ServerSideEncryptionByDefault": encryption}]
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": rules}}


def attribute(key: str, value: str) -> Body:
    return {"LoadBalancerAttributes": [{"Key": key, "Value": value}]}


ALARM, RDS = "CloudWatch::Alarm", "RDS::DBCluster"
TOLD: Body = {"AlarmActions": [f"arn:aws:sns:eu-central-1:{ACCOUNT}:alarms"]}
PATTERN: Body = {"EventPattern": {"source": ["aws.guardduty"]}}
LOGGED: Body = {"LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "a", "awslogs-region": "r"}}}

OBSERVATION: Pairs = {
    "a flow log goes": gone("EC2::FlowLog", ResourceId="vpc"),
    "a flow log records less": becomes("EC2::FlowLog", {"TrafficType": "ALL"}, {"TrafficType": "REJECT"}),
    "a flow log records something else": becomes("EC2::FlowLog", {"ResourceId": "a"}, {"ResourceId": "b"}),
    "a detector goes": gone("GuardDuty::Detector", Enable=True),
    "a detector is off": becomes("GuardDuty::Detector", {"Enable": True}, {"Enable": False}),
    "a recorder goes": gone("Config::ConfigurationRecorder", RoleARN="r"),
    "a rule of Config goes": gone("Config::ConfigRule", Source={}),
    "a trail goes": gone("CloudTrail::Trail", IsLogging=True),
    "a trail is off": becomes("CloudTrail::Trail", {"IsLogging": True}, {"IsLogging": False}),
    "a hub goes": gone("SecurityHub::Hub"),
    "an analyzer goes": gone("AccessAnalyzer::Analyzer", Type="ACCOUNT"),
    "a log of queries goes": gone("Route53Resolver::ResolverQueryLoggingConfig", DestinationArn="a"),
    "a canary goes": gone("Synthetics::Canary", Name="a"),
    "a zone keeps no log of queries": becomes(
        "Route53::HostedZone", {"QueryLoggingConfig": {"CloudWatchLogsLogGroupArn": "a"}}, {}, Name="a"
    ),
    "access logs are off": becomes(
        f"{ELB}::LoadBalancer", attribute("access_logs.s3.enabled", "true"),
        attribute("access_logs.s3.enabled", "false"), Scheme="internal",
    ),
    "connection logs go": becomes(
        f"{ELB}::LoadBalancer", attribute("connection_logs.s3.enabled", "true"), {}, Scheme="internal"
    ),
    "a bucket writes no log": becomes("S3::Bucket", {"LoggingConfiguration": {"DestinationBucketName": "b"}}, {}),
    "an alarm goes": gone(ALARM, **TOLD),
    "an alarm tells nobody": becomes(ALARM, TOLD, {}),
    "an alarm is off": becomes(ALARM, TOLD, {**TOLD, "ActionsEnabled": False}),
    "a composite alarm is kept silent": becomes("CloudWatch::CompositeAlarm", {}, {"ActionsSuppressor": "a"}),
    "images are not scanned": becomes(
        "ECR::Repository", {"ImageScanningConfiguration": {"ScanOnPush": True}},
        {"ImageScanningConfiguration": {"ScanOnPush": False}},
    ),
    "scanning is not written": becomes("ECR::Repository", {"ImageScanningConfiguration": {"ScanOnPush": True}}, {}),
    "a key is not renewed": becomes("KMS::Key", {"EnableKeyRotation": True}, {}),
    "a secret is not renewed": gone("SecretsManager::RotationSchedule", SecretId="s"),
    "a bucket without a key of its own": becomes(
        "S3::Bucket", of_bucket(SSEAlgorithm="aws:kms", KMSMasterKeyID="k"), of_bucket(SSEAlgorithm="AES256")
    ),
    "a bucket without encryption": becomes("S3::Bucket", of_bucket(SSEAlgorithm="aws:kms"), {}),
    "a database is watched less": becomes(RDS, {"PerformanceInsightsEnabled": True}, {}),
    "an instance is watched less": becomes("RDS::DBInstance", {"EnablePerformanceInsights": "true"}, {},
                                           PubliclyAccessible=False),
    "a database is not watched": becomes(RDS, {"MonitoringInterval": 60}, {"MonitoringInterval": 0}),
    "a database logs less": becomes(RDS, {"EnableCloudwatchLogsExports": ["postgresql"]}, {}),
    "insights are standard": becomes(RDS, {"DatabaseInsightsMode": "advanced"}, {"DatabaseInsightsMode": "standard"}),
    "a cluster is watched less": becomes(
        "ECS::Cluster", {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]},
        {"ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}]},
    ),
    "a filter keeps no log": gone("WAFv2::LoggingConfiguration", ResourceArn="a"),
    "a filter logs less": becomes("WAFv2::LoggingConfiguration", {}, {"LoggingFilter": {"DefaultBehavior": "DROP"}}),
    "a WebACL hides its samples": becomes(
        "WAFv2::WebACL", {"VisibilityConfig": {"SampledRequestsEnabled": True}},
        {"VisibilityConfig": {"SampledRequestsEnabled": False}},
    ),
    "a container without a log": becomes("ECS::TaskDefinition", container(**LOGGED), container()),
    "a container with the driver none": becomes(
        "ECS::TaskDefinition", container(**LOGGED), container(LogConfiguration={"LogDriver": "none"})
    ),
    "a container logs elsewhere": becomes(
        "ECS::TaskDefinition", container(**LOGGED),
        container(LogConfiguration={"LogDriver": "awslogs", "Options": {"awslogs-group": "b", "awslogs-region": "r"}}),
    ),
    "a container logs in another region": becomes(
        "ECS::TaskDefinition", container(**LOGGED),
        container(LogConfiguration={"LogDriver": "awslogs", "Options": {"awslogs-group": "a", "awslogs-region": "q"}}),
    ),
    "a metric goes": gone("Logs::MetricFilter", FilterPattern="a"),
    "a metric counts less": becomes("Logs::MetricFilter", {"FilterPattern": "a"}, {"FilterPattern": "b"}),
    "a subscription to events goes": gone("Logs::SubscriptionFilter", DestinationArn="a"),
    "a rule for events is off": becomes("Events::Rule", {"State": "ENABLED"}, {"State": "DISABLED"}, **PATTERN),
    "a rule for events goes": gone("Events::Rule", **PATTERN),
    "a warehouse writes no log": becomes("Redshift::Cluster", {"LoggingProperties": {"BucketName": "b"}}, {}),
    "nobody is told of a cache": becomes("ElastiCache::ReplicationGroup", {"NotificationTopicArn": "a"}, {}),
    "a budget goes": gone("Budgets::Budget", Budget={"BudgetType": "COST"}),
}  # fmt: skip


def variable(name: str, value: str = "x") -> Body:
    return container(Environment=[{"Name": name, "Value": value}])


def in_function(**variables: str) -> Body:
    return {"Environment": {"Variables": variables}}


def template_data(**properties: Any) -> Body:
    return {"LaunchTemplateData": properties}


OUR_IMAGE = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/app"
THEIR_CERTIFICATE = f"arn:aws:acm:eu-central-1:{FOREIGN}:certificate/a"
TASK, FUNCTION = "ECS::TaskDefinition", "Lambda::Function"

CODE: Pairs = {
    "a command": becomes(TASK, container(), container(Command=["sh", "-c", "curl x | sh"])),
    "another command": becomes(TASK, container(Command=["a"]), container(Command=["b"])),
    "an entry point": becomes(TASK, container(), container(EntryPoint=["sh"])),
    "another directory": becomes(TASK, container(), container(WorkingDirectory="/tmp")),  # noqa: S108  # a path in the container
    "a health check": becomes(TASK, container(), container(HealthCheck={"Command": ["CMD-SHELL", "a"]})),
    "an image of another registry": becomes(TASK, container(Image=OUR_IMAGE), container(Image="docker.io/app:1")),
    "an image of another account": becomes(
        TASK, container(Image=OUR_IMAGE), container(Image=OUR_IMAGE.replace(ACCOUNT, FOREIGN))
    ),
    "parameters of the kernel": becomes(
        TASK, container(), container(SystemControls=[{"Namespace": "net.ipv4.ip_forward", "Value": "1"}])
    ),
    **{
        f"the variable {name}": becomes(TASK, container(), variable(name))
        for name in ("LD_PRELOAD", "NODE_OPTIONS", "PYTHONPATH", "JAVA_TOOL_OPTIONS", "PERL5OPT", "RUBYOPT", "BASH_ENV",
                     "PATH", "https_proxy", "AWS_ENDPOINT_URL_S3", "SSL_CERT_FILE", "DOTNET_STARTUP_HOOKS", "JAVA_OPTS",
                     "GLIBC_TUNABLES")
    },
    "another value of a variable": becomes(TASK, variable("NODE_OPTIONS", "a"), variable("NODE_OPTIONS", "b")),
    "a variable that goes": becomes(TASK, variable("NODE_OPTIONS"), container()),
    "a variable with a queue of another account": becomes(
        TASK, variable("QUEUE", f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/q"),
        variable("QUEUE", f"https://sqs.eu-central-1.amazonaws.com/{FOREIGN}/q"),
    ),
    "a wrapper": becomes(FUNCTION, in_function(), in_function(AWS_LAMBDA_EXEC_WRAPPER="/opt/x")),
    "the search path of a function": becomes(FUNCTION, {}, in_function(PYTHONPATH="/opt")),
    "another handler": becomes(FUNCTION, {"Handler": "a.b"}, {"Handler": "c.d"}),
    "another task definition": becomes(
        "ECS::Service", {"TaskDefinition": f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task-definition/app:1"},
        {"TaskDefinition": f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task-definition/other:1"},
    ),
    "another bucket": becomes(
        FUNCTION, {"Code": {"S3Bucket": "ours", "S3Key": "a"}}, {"Code": {"S3Bucket": "theirs", "S3Key": "a"}}
    ),
    "a bucket of another account for artifacts": becomes(
        FUNCTION, {"Code": {"ZipFile": "a"}},
        {"Code": {"S3Bucket": f"infragen-shop-dev-{FOREIGN}-eu-central-1", "S3Key": "a"}},
    ),
    "code in the template": becomes(FUNCTION, {"Code": {"ZipFile": "a"}}, {"Code": {"ZipFile": "b"}}),
    "another command of a function": becomes(FUNCTION, {}, {"ImageConfig": {"Command": ["a"]}}),
    "commands at the start": becomes("EC2::Instance", {"UserData": "a"}, {"UserData": "b"}),
    "another image": becomes("EC2::Instance", {"ImageId": "ami-1"}, {"ImageId": "ami-2"}),
    "commands of a launch template": becomes("EC2::LaunchTemplate", template_data(UserData="a"), template_data()),
    "the image of a launch template": becomes(
        "EC2::LaunchTemplate", template_data(ImageId="a"), template_data(ImageId="b")
    ),
    "documents of an instance": becomes("EC2::Instance", {}, {"SsmAssociations": [{"DocumentName": "a"}]}),
    "what a target is told": becomes(
        "Events::Rule", {"Targets": [{"Id": "a", "Arn": "c", "Input": "x"}]},
        {"Targets": [{"Id": "a", "Arn": "c", "Input": "y"}]},
    ),
    "a foreign certificate": becomes(
        f"{ELB}::Listener", {}, {"Certificates": [{"CertificateArn": THEIR_CERTIFICATE}]}, Protocol="HTTPS"
    ),
    "a foreign certificate beside": becomes(
        f"{ELB}::ListenerCertificate", {}, {"Certificates": [{"CertificateArn": THEIR_CERTIFICATE}]}
    ),
}  # fmt: skip

WIDER: dict[str, Pairs] = {
    "the filter in front goes": FILTERS,
    "TLS or authentication at the door goes": DOOR,
    "data leaves for another account or address": LEAVES,
    "who may act": WHO,
    "what a container may": CONTAINER,
    "where it stands": PLACE,
    "nobody notices any more": OBSERVATION,
    "which code runs": CODE,
}


def narrower(kind: str, before: Body, after: Body, **both: Any) -> tuple[Body, Body]:
    """The same as `becomes`, where the second template lets less through."""
    return becomes(kind, before, after, **both)


OWN_QUEUE = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}
OWN_ROLE = {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document()}}}
QUEUE_ARN, ROLE_ARN = {"Fn::GetAtt": ["Queue", "Arn"]}, {"Fn::GetAtt": ["Role", "Arn"]}


def own(before: Body, after: Body) -> tuple[Body, Body]:
    """Beside a queue and a role of the same template."""
    return {**OWN_QUEUE, **OWN_ROLE, **before}, {**OWN_QUEUE, **OWN_ROLE, **after}


NARROWER: Pairs = {
    "a listener speaks HTTPS": narrower(
        f"{ELB}::Listener", {"Protocol": "HTTP"}, {"Protocol": "HTTPS"}, DefaultActions=[FORWARD]
    ),
    "a listener takes newer TLS": narrower(
        f"{ELB}::Listener",
        {"SslPolicy": "ELBSecurityPolicy-2016-08"},
        {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        Protocol="HTTPS",
        DefaultActions=[FORWARD],
    ),
    "a listener takes the same TLS, with other key exchanges": narrower(
        f"{ELB}::Listener",
        {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"},
        {"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"},
        Protocol="HTTPS",
        DefaultActions=[FORWARD],
    ),
    "a listener redirects to HTTPS": narrower(
        f"{ELB}::Listener",
        {"DefaultActions": [FORWARD]},
        {"DefaultActions": [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}]},
        Protocol="HTTP",
    ),
    "a listener authenticates": narrower(
        f"{ELB}::Listener", {"DefaultActions": [FORWARD]}, {"DefaultActions": [OIDC, FORWARD]}, Protocol="HTTPS"
    ),
    "a WebACL blocks more": narrower("WAFv2::WebACL", {"Rules": []}, {"Rules": [rule("Block")]}),
    "a load balancer becomes internal": narrower(
        f"{ELB}::LoadBalancer", {"Scheme": "internet-facing"}, {"Scheme": "internal"}
    ),
    "a load balancer is protected and patient": narrower(
        f"{ELB}::LoadBalancer",
        {"LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "60"}]},
        {
            "LoadBalancerAttributes": [
                {"Key": "idle_timeout.timeout_seconds", "Value": "90"},
                {"Key": "deletion_protection.enabled", "Value": "true"},
            ]
        },
        Scheme="internal",
    ),
    "a load balancer drops invalid headers": narrower(
        f"{ELB}::LoadBalancer",
        {"LoadBalancerAttributes": []},
        {"LoadBalancerAttributes": [{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"}]},
        Scheme="internal",
    ),
    "rds.force_ssl is on": narrower(
        "RDS::DBClusterParameterGroup",
        {"Parameters": {"rds.force_ssl": "0"}},
        {"Parameters": {"rds.force_ssl": "1"}},
        Family="aurora-postgresql17",
    ),
    "a database logs slower statements": narrower(
        "RDS::DBClusterParameterGroup",
        {"Parameters": {"rds.force_ssl": "1", "log_min_duration_statement": "500"}},
        {"Parameters": {"rds.force_ssl": "1", "log_min_duration_statement": "900"}},
        Family="aurora-postgresql17",
    ),
    "a database keeps its backups and is larger": narrower(
        "RDS::DBCluster",
        {"BackupRetentionPeriod": 7, "StorageEncrypted": True},
        {"BackupRetentionPeriod": 35, "StorageEncrypted": True, "DeletionProtection": True},
        Engine="aurora-postgresql",
    ),
    "a database loses its Data API": narrower(
        "RDS::DBCluster", {"EnableHttpEndpoint": True}, {"EnableHttpEndpoint": False}, Engine="e"
    ),
    "a database among fewer subnets": narrower(
        "RDS::DBSubnetGroup", {"SubnetIds": ["a", "b", "c"]}, {"SubnetIds": ["c", "a"]}
    ),
    "a container as somebody": (
        t("ECS::TaskDefinition", **container(Privileged=True, ReadonlyRootFilesystem=False)),
        t("ECS::TaskDefinition", **container(Privileged=False, ReadonlyRootFilesystem=True)),
    ),
    "a container of the next image": (
        t("ECS::TaskDefinition", **container(Image="repo/app:v1")),
        t("ECS::TaskDefinition", **container(Image="repo/app:v2")),
    ),
    "a container with other variables and more memory": (
        t("ECS::TaskDefinition", **container(Environment=[{"Name": "A", "Value": "1"}], Memory=512)),
        t("ECS::TaskDefinition", **container(Environment=[{"Name": "B", "Value": "2"}], Memory=1024)),
    ),
    "a container that drops more": (
        t("ECS::TaskDefinition", **container()),
        t("ECS::TaskDefinition", **container(LinuxParameters={"Capabilities": {"Drop": ["ALL"]}})),
    ),
    "a container beside it that goes": (
        t(
            "ECS::TaskDefinition",
            ContainerDefinitions=[
                *container(User="1")["ContainerDefinitions"],
                {"Name": "x", "Image": "x", "User": "2", "ReadonlyRootFilesystem": True},
            ],
        ),
        t("ECS::TaskDefinition", **container(User="1")),
    ),
    "a service without shells": narrower(
        "ECS::Service", {"EnableExecuteCommand": True}, {"EnableExecuteCommand": False}, Cluster="c"
    ),
    "a service of more tasks": narrower("ECS::Service", {"DesiredCount": 1}, {"DesiredCount": 9}, Cluster="c"),
    "a function with more memory and other code": narrower(
        "Lambda::Function",
        {"MemorySize": 128, "Code": {"S3Bucket": "b", "S3Key": "a"}},
        {"MemorySize": 512, "Code": {"S3Bucket": "b", "S3Key": "c"}, "Timeout": 9},
        Role="r",
    ),
    "a function in fewer subnets no more": narrower(
        "Lambda::Function",
        {"VpcConfig": {"SubnetIds": ["a", "b"], "SecurityGroupIds": ["g"]}},
        {"VpcConfig": {"SubnetIds": ["b", "a"], "SecurityGroupIds": ["g"]}},
        Role="r",
    ),
    "a queue that waits": narrower("SQS::Queue", {"VisibilityTimeout": 30}, {"VisibilityTimeout": 90}),
    "a queue that tries more often": own(
        t("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": QUEUE_ARN, "maxReceiveCount": 3}),
        t("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": QUEUE_ARN, "maxReceiveCount": 5}),
    ),
    "a bucket that forgets sooner": narrower(
        "S3::Bucket",
        {"LifecycleConfiguration": {"Rules": [{"Id": "a", "Status": "Enabled", "ExpirationInDays": 90}]}},
        {"LifecycleConfiguration": {"Rules": [{"Id": "a", "Status": "Enabled", "ExpirationInDays": 30}]}},
    ),
    "a bucket that is copied no more": narrower(
        "S3::Bucket",
        {"ReplicationConfiguration": {"Role": "r", "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::a"}}]}},
        {},
    ),
    "a secret in fewer regions": narrower(
        "SecretsManager::Secret", {"ReplicaRegions": [{"Region": "us-east-1"}]}, {}, Name="s"
    ),
    "an identity provider for fewer clients": narrower(
        "IAM::OIDCProvider", {"ClientIdList": ["a", "b"]}, {"ClientIdList": ["a"]}, Url="https://a.example"
    ),
    "a role that lasts less": narrower(
        "IAM::Role", {"MaxSessionDuration": 43200}, {"MaxSessionDuration": 3600}, AssumeRolePolicyDocument=document()
    ),
    "a role with a name, a path and a description": narrower(
        "IAM::Role", {"Description": "a"}, {"Description": "b", "Path": "/x/"}, AssumeRolePolicyDocument=document()
    ),
    "a rule that sends no more": narrower(
        "Events::Rule", {"Targets": [{"Id": "a", "Arn": THEIR_QUEUE}]}, {"Targets": []}
    ),
    "a rule that is off": narrower("Events::Rule", {"State": "ENABLED"}, {"State": "DISABLED"}),
    "a subscription that goes": gone("SNS::Subscription", TopicArn="t", Protocol="email", Endpoint="a@example.com"),
    "a listener that goes": gone(f"{ELB}::Listener", Protocol="HTTP", DefaultActions=[FORWARD]),
    "a schedule at another hour": narrower(
        "Scheduler::Schedule",
        {"ScheduleExpression": "rate(1 hour)"},
        {"ScheduleExpression": "rate(2 hours)"},
        Target={"Arn": "a", "RoleArn": "r", "Input": "{}"},
    ),
    "an alarm of another threshold": narrower("CloudWatch::Alarm", {"Threshold": 1}, {"Threshold": 5}, MetricName="m"),
    "a private table": new(
        "DynamoDB::Table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        SSESpecification={"SSEEnabled": True},
    ),
    "a parameter": new("SSM::Parameter", Type="String", Value="https://example.com/x", Name="/a"),
    "a log group for longer": narrower("Logs::LogGroup", {"RetentionInDays": 7}, {"RetentionInDays": 30}),
    "an internal target group": new(f"{ELB}::TargetGroup", Protocol="HTTP", Port=80, VpcId="v", TargetType="ip"),
    "an event source of our own queue": own(
        {}, t("Lambda::EventSourceMapping", EventSourceArn=QUEUE_ARN, FunctionName={"Ref": "Role"}, BatchSize=10)
    ),
    "a function that acts as our own role": own({}, t("Lambda::Function", Role=ROLE_ARN, Code={"ZipFile": "x"})),
    "a rule that sends to our own queue": own(
        {}, t("Events::Rule", Targets=[{"Id": "a", "Arn": QUEUE_ARN}], ScheduleExpression="rate(1 hour)")
    ),
    "an unknown type of another size": narrower(
        "Unheard::Thing", {"Size": 1, "Tags": [{"Key": "a", "Value": "b"}]}, {"Size": 9, "Tags": [], "Description": "d"}
    ),
    "an unknown type's name": narrower("Unheard::Thing", {"DisplayName": "a"}, {"DisplayName": "b"}),
    "a third party's type of fewer principals": narrower(
        "Acme::Cloud::Thing", {"Principals": ["a", "b"]}, {"Principals": ["a"]}
    ),
    "the same policy of the newer version": (
        t("IAM::ManagedPolicy", PolicyDocument=document(allow("s3:*"), version="2008-10-17")),
        t("IAM::ManagedPolicy", PolicyDocument=document(allow("s3:*"))),
    ),
}

WATCHED: Body = {"Queue": {"Type": "AWS::SQS::Queue"}}
OF_QUEUE = {"Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}]}
OURS = f"infragen-shop-dev-{ACCOUNT}-eu-central-1"

DAILY: Pairs = {
    "a new tag": becomes(TASK, container(Image=f"{OUR_IMAGE}:1"), container(Image=f"{OUR_IMAGE}:2")),
    "a digest": becomes(TASK, container(Image=f"{OUR_IMAGE}:1"), container(Image=f"{OUR_IMAGE}@sha256:{'a' * 64}")),
    "the image's own command": becomes(TASK, container(Command=["placeholder"]), container()),
    "a new revision of a task definition": becomes(
        "ECS::Service", {"TaskDefinition": f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task-definition/app:1"},
        {"TaskDefinition": f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task-definition/app:2"},
    ),
    "a new version of code": becomes(
        FUNCTION, {"Code": {"S3Bucket": "b", "S3Key": "a"}}, {"Code": {"S3Bucket": "b", "S3Key": "c"}}
    ),
    "the first code": becomes(FUNCTION, {"Code": {"ZipFile": "a"}}, {"Code": {"S3Bucket": OURS, "S3Key": "c"}}),
    "a variable of the application": becomes(TASK, variable("LOG_LEVEL", "a"), variable("LOG_LEVEL", "b")),
    "an address of the application": becomes(TASK, container(), variable("API", "https://api.example.com")),
    "harmless variables": becomes(TASK, variable("NODE_ENV", "a"), variable("NODE_ENV", "b")),
    "a variable of a function": becomes(FUNCTION, {}, in_function(SIZE="1")),
    "a container that comes": becomes(
        TASK, container(), {"ContainerDefinitions": [
            *container()["ContainerDefinitions"],
            {"Name": "more", "Command": ["a"], "Environment": [{"Name": "PATH", "Value": "/"}]},
        ]},
    ),
    "fewer subnets": becomes(
        "ECS::Service", vpc(Subnets=["a", "b", "c"]), vpc(Subnets=["a", "b"])
    ),
    "fewer subnets of a function": becomes(
        FUNCTION, {"VpcConfig": {"SubnetIds": ["a", "b"]}}, {"VpcConfig": {"SubnetIds": ["b"]}}
    ),
    "an alarm that goes with what it watches": ({**WATCHED, **t(ALARM, **TOLD, **OF_QUEUE)}, {}),
    "an alarm without actions goes": gone(ALARM, **OF_QUEUE),
    "a schedule that goes": gone("Events::Rule", ScheduleExpression="rate(1 day)"),
    "an alarm tells more people": becomes(ALARM, TOLD, {"AlarmActions": [*TOLD["AlarmActions"]], "OKActions": []}),
    "images are scanned": becomes("ECR::Repository", {}, {"ImageScanningConfiguration": {"ScanOnPush": True}}),
    "a stream of a log": becomes(
        TASK, container(LogConfiguration={"LogDriver": "awslogs", "Options": {"awslogs-stream-prefix": "a"}}),
        container(LogConfiguration={"LogDriver": "awslogs", "Options": {"awslogs-stream-prefix": "b"}}),
    ),
}  # fmt: skip

NO_WIDER: dict[str, Pairs] = {"what lets less through, or nothing": NARROWER, "what is done every day": DAILY}
