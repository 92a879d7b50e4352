"""The api layer's load balancer: every option of how clients reach the API is seen in its resources."""

import pytest
from api_rendering import properties, resources, template

CERTIFICATE = "arn:aws:acm:us-east-1:111111111111:certificate/1b2c3d4e-0000-4000-8000-000000000000"
WITH_CERTIFICATE = f"api: {{https: {{mode: certificate, certificate_arn: '{CERTIFICATE}'}}}}"
WITH_DOMAIN = "api: {https: {mode: domain, domain_name: api.example.com, hosted_zone_id: Z0123456789ABC}}"


def attributes(logical_id: str, kind: str, over: str = "") -> dict[str, object]:
    return {each["Key"]: each["Value"] for each in properties(logical_id, over)[kind]}


def test_http_only_has_one_listener_that_forwards() -> None:
    """Development without a certificate: port 80 goes to the tasks, and there is nothing else."""
    listeners = resources(kind="AWS::ElasticLoadBalancingV2::Listener")
    assert list(listeners) == ["HttpListener"]
    assert properties("HttpListener")["Port"] == 80
    assert properties("HttpListener")["DefaultActions"] == [
        {"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}
    ]
    assert template()["Outputs"]["Url"]["Value"] == {"Fn::Sub": "http://${LoadBalancer.DNSName}"}


@pytest.mark.parametrize("over", [WITH_CERTIFICATE, WITH_DOMAIN])
def test_with_https_port_80_only_redirects(over: str) -> None:
    """Nothing is served over plain HTTP; the redirect keeps host, path and query."""
    [action] = properties("HttpListener", over)["DefaultActions"]
    assert action["Type"] == "redirect"
    assert action["RedirectConfig"] == {
        "Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}",
        "StatusCode": "HTTP_301",
    }  # fmt: skip


@pytest.mark.parametrize("over", [WITH_CERTIFICATE, WITH_DOMAIN])
def test_the_https_listener_speaks_tls_1_2_and_1_3_with_post_quantum_keys(over: str) -> None:
    """CloudFormation's own default would admit TLS 1.0."""
    listener = properties("HttpsListener", over)
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    assert listener["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    assert listener["DefaultActions"] == [{"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}]


def test_a_given_certificate_is_a_parameter_of_the_deployment() -> None:
    """Its ARN is not in the template, so that a new certificate needs no new rendering."""
    body = template(WITH_CERTIFICATE)
    assert body["Parameters"]["CertificateArn"]["Type"] == "String"
    assert "Default" not in body["Parameters"]["CertificateArn"]
    assert properties("HttpsListener", WITH_CERTIFICATE)["Certificates"] == [
        {"CertificateArn": {"Ref": "CertificateArn"}}
    ]
    assert CERTIFICATE not in str(body)


def test_a_domain_makes_its_certificate_and_its_record() -> None:
    """CloudFormation writes the validation record itself, into the hosted zone that is named."""
    certificate, record = properties("Certificate", WITH_DOMAIN), properties("DomainRecord", WITH_DOMAIN)
    assert certificate["ValidationMethod"] == "DNS"
    assert certificate["DomainValidationOptions"] == [
        {"DomainName": "api.example.com", "HostedZoneId": "Z0123456789ABC"}
    ]
    assert (record["Name"], record["HostedZoneId"], record["Type"]) == ("api.example.com", "Z0123456789ABC", "A")
    assert record["AliasTarget"]["DNSName"] == {"Fn::GetAtt": ["LoadBalancer", "DNSName"]}
    assert record["AliasTarget"]["EvaluateTargetHealth"] is True
    assert properties("HttpsListener", WITH_DOMAIN)["Certificates"] == [{"CertificateArn": {"Ref": "Certificate"}}]
    assert template(WITH_DOMAIN)["Outputs"]["Url"]["Value"] == "https://api.example.com"
    assert "CertificateArn" not in template(WITH_DOMAIN)["Parameters"]


@pytest.mark.parametrize(("over", "listener"), [("", "HttpListener"), (WITH_DOMAIN, "HttpsListener")])
def test_the_service_waits_for_the_listener_that_forwards_and_for_its_port(over: str, listener: str) -> None:
    """A target group that no listener forwards to takes no tasks, and a closed port answers no health check."""
    assert resources(over)["Service"]["DependsOn"] == [listener, "LoadBalancerToApi", "ApiFromLoadBalancer"]


def test_the_targets_are_checked_at_their_own_port_and_path() -> None:
    """`port` and `health_path` reach the target group, the container and the service."""
    over = "api: {port: 8080, health_path: /up/live}"
    group = properties("TargetGroup", over)
    assert (group["Port"], group["HealthCheckPath"], group["Matcher"]) == (8080, "/up/live", {"HttpCode": "200"})
    assert properties("Service", over)["LoadBalancers"][0]["ContainerPort"] == 8080


def test_requests_end_before_tasks_do() -> None:
    """A task that leaves may finish its requests: the target group lets go of it before ECS kills it."""
    delay = attributes("TargetGroup", "TargetGroupAttributes")["deregistration_delay.timeout_seconds"]
    [container] = properties("TaskDefinition")["ContainerDefinitions"]
    assert int(str(delay)) < container["StopTimeout"] <= 120


@pytest.mark.parametrize("wanted", [True, False])
def test_deletion_protection_is_the_load_balancers(wanted: bool) -> None:
    """`deletion_protection` is what ELB reads."""
    over = f"api: {{deletion_protection: {str(wanted).lower()}}}"
    assert attributes("LoadBalancer", "LoadBalancerAttributes", over)["deletion_protection.enabled"] == (
        str(wanted).lower()
    )


def test_access_logs_expire_and_their_bucket_outlives_the_stack() -> None:
    """`access_logs_days` is the expiry; CloudFormation cannot delete a bucket that holds logs."""
    assert resources()["AccessLogs"]["DeletionPolicy"] == "Delete", "development leaves nothing behind"
    bucket = resources("protect: true\napi: {access_logs_days: 12}")["AccessLogs"]
    assert bucket["Properties"]["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 12
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_load_balancer_waits_until_it_may_write_its_logs() -> None:
    """Turning the logs on before the bucket's policy is there fails."""
    balancer = resources()["LoadBalancer"]
    assert balancer["DependsOn"] == "AccessLogsPolicy"
    assert attributes("LoadBalancer", "LoadBalancerAttributes")["access_logs.s3.bucket"] == {"Ref": "AccessLogs"}
    [write, deny] = properties("AccessLogsPolicy")["PolicyDocument"]["Statement"]
    assert write["Resource"] == {"Fn::Sub": "${AccessLogs.Arn}/api/AWSLogs/${AWS::AccountId}/*"}
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.long
def test_waf_is_off_until_it_is_asked_for() -> None:
    """Without the key nothing of it is built; `false` and `true` are what it was before it had keys of its own."""
    assert resources("api: {waf: false}") == resources()
    assert resources("api: {waf: true}") == resources("api: {waf: {}}")
    assert not [name for name in resources() if name.startswith("WebAcl")]


def test_waf_stands_before_the_load_balancer_and_logs_what_it_blocks() -> None:
    """Managed rules act as AWS set them, one address has a limit, and the log keeps blocks without credentials."""
    over = "api: {waf: true, log_retention_days: 14}"
    rules = properties("WebAcl", over)["Rules"]
    assert [each["Priority"] for each in rules] == [0, 1, 2, 3]
    assert [each["OverrideAction"] for each in rules[:3]] == [{"None": {}}] * 3
    assert rules[3]["Statement"]["RateBasedStatement"] == {"AggregateKeyType": "IP", "Limit": 2000}
    assert rules[3]["Action"] == {"Block": {}}
    assert properties("WebAclAssociation", over)["ResourceArn"] == {"Ref": "LoadBalancer"}
    log = properties("WebAclLogging", over)
    assert log["LoggingFilter"]["DefaultBehavior"] == "DROP"
    assert log["LoggingFilter"]["Filters"][0]["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]
    assert [each["SingleHeader"]["Name"] for each in log["RedactedFields"]] == ["authorization", "cookie"]
    alarm = {each["Name"]: each["Value"] for each in properties("BlockedRequestsAlarm", over)["Dimensions"]}
    assert alarm["WebACL"] == properties("WebAcl", over)["VisibilityConfig"]["MetricName"]
    group = properties("WebAclLogGroup", over)
    assert group["LogGroupName"] == {"Fn::Sub": "aws-waf-logs-${ProjectName}-${EnvironmentName}-api"}
    assert group["RetentionInDays"] == 14


def test_rules_of_waf_can_count_first_and_the_limit_be_moved() -> None:
    """What would be blocked shows in the metrics and in the log, and nobody is."""
    over = "api: {waf: {count: [AWSManagedRulesCommonRuleSet], rate: 100}}"
    rules = properties("WebAcl", over)["Rules"]
    [kept] = properties("WebAclLogging", over)["LoggingFilter"]["Filters"]
    logged = [each["ActionCondition"]["Action"] for each in kept["Conditions"]]
    assert (kept["Requirement"], logged) == ("MEETS_ANY", ["BLOCK", "COUNT", "EXCLUDED_AS_COUNT"])
    assert [each["OverrideAction"] for each in rules[:3]] == [{"None": {}}, {"Count": {}}, {"None": {}}]
    assert rules[3]["Statement"]["RateBasedStatement"]["Limit"] == 100
