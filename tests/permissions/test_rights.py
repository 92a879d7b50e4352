"""The rights of delivery are derived from the rendered templates, and hold what IAM and the environment allow."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from stage import environment, layer

from infragen.assembly.synth import Assembly, synthesize
from infragen.changes.replacement import schema_of
from infragen.config import load_file
from infragen.errors import InputError
from infragen.permissions import operations, trust
from infragen.permissions.delivery import Delivery, granted, kind_of, repository_of, template
from infragen.permissions.document import ATTACHED, MANAGED_POLICY, Statement, document, packed, size
from infragen.permissions.missing import missing
from infragen.permissions.needed import handlers, service_of
from infragen.permissions.roles import BROAD, Rights, rights_of

ENVIRONMENTS = Path(__file__).parents[1] / "data" / "environments"
NAMES = ("dev", "staging", "prod")


@cache
def rights(name: str) -> Rights:
    return rights_of(synthesize(load_file(ENVIRONMENTS / f"{name}.yaml").environment))


def allowed(action: str, given: Rights) -> bool:
    """Whether the service role's statements allow an action on something."""
    patterns = [each.lower() for each in operations.actions(given.service)]
    return any(
        action.lower().startswith(each[:-1]) if each.endswith("*") else action.lower() == each for each in patterns
    )


def of(*layers: Any) -> Rights:
    return rights_of(Assembly(environment(), layers))


@pytest.mark.parametrize("name", NAMES)
def test_each_policy_fits_into_a_managed_policy_and_all_of_them_onto_a_role(name: str) -> None:
    given = rights(name)
    assert len(given.policies) <= ATTACHED
    assert max(map(size, [*given.policies, given.boundary])) <= MANAGED_POLICY
    assert all(size(given.of_ci(role)) <= 10_240 for role in ("deploy", "plan", "push")), "inline policies of a role"


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_each_resource_can_be_created_updated_and_deleted_with_the_derived_role(name: str) -> None:
    given, region = rights(name), rights(name).env.region
    services = {service_of(each.type, region) for each in given.templates.resources}
    for each in given.templates.resources:
        for action in handlers(each.type, region):
            if action.partition(":")[0] in services and action != "iam:DeleteRolePermissionsBoundary":
                assert allowed(action, given), f"{each.place} ({each.type}) lacks {action}"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_allowed_that_no_resource_needs(name: str) -> None:
    given = rights(name)
    needed = {each.action.lower() for each in given.needed}
    for action in operations.actions(given.service):
        if action.endswith("*"):
            assert action.partition(":")[2] in ("Describe*", "List*"), action
            assert any(each.startswith(action[:-1].lower()) for each in needed)
        else:
            assert action.lower() in needed


def test_data_is_never_read_by_a_wildcard() -> None:
    for action in ("s3:GetObject", "secretsmanager:GetSecretValue", "kms:Decrypt", "lambda:GetFunction"):
        found = [each for each in rights("prod").service if action in each.actions]
        assert found, action
        assert all(each.resources != ("*",) or each.condition for each in found), action
    assert not allowed("dynamodb:GetItem", rights("prod"))
    assert not allowed("s3:ListBucketVersions", rights("prod"))


def test_a_role_is_made_only_with_the_boundary_and_never_loses_it() -> None:
    given = rights("prod")
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"):
        [found] = [each for each in given.service if action in each.actions]
        assert found.condition == {"StringEquals": {"iam:PermissionsBoundary": given.boundary_arn}}
    assert "iam:DeleteRolePermissionsBoundary" not in operations.actions(given.service)
    denied = {action for each in given.service if each.effect == "Deny" for action in each.actions}
    assert denied == {"iam:DeleteRolePermissionsBoundary", "iam:*", "cloudformation:*"}


def test_roles_are_passed_only_to_services_that_they_trust() -> None:
    [found] = [each for each in rights("dev").service if "iam:PassRole" in each.actions]
    assert set(found.condition["StringEquals"]["iam:PassedToService"]) == {
        "ecs-tasks.amazonaws.com", "lambda.amazonaws.com", "monitoring.rds.amazonaws.com", "scheduler.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
    }  # fmt: skip


def test_a_neighbour_whose_name_begins_alike_is_not_meant() -> None:
    text = str([each.document() for each in rights("dev").service])
    assert "shop-dev-*" in text
    assert "shop-dev*" not in text


def test_records_are_changed_only_in_the_hosted_zone_of_the_file() -> None:
    [found] = [each for each in rights("prod").service if "route53:ChangeResourceRecordSets" in each.actions]
    assert "arn:aws:route53:::hostedzone/Z0123456789EXAMPLE" in found.resources
    assert "arn:aws:route53:::hostedzone/*" not in found.resources


def test_a_layer_of_ones_own_brings_its_actions_by_name() -> None:
    cache_type = {"Type": "AWS::ElastiCache::ServerlessCache", "Properties": {"Engine": "valkey"}}
    found = of(layer("cache", {"Cache": cache_type}))
    assert allowed("elasticache:CreateServerlessCache", found)
    assert "elasticache:*" not in operations.actions(found.service)
    [linked] = [each for each in found.service if "iam:CreateServiceLinkedRole" in each.actions]
    assert "elasticache.amazonaws.com" in linked.condition["StringEquals"]["iam:AWSServiceName"]


@pytest.mark.parametrize("kind", ["Acme::Metrics::Board", "AWS::Elsewhere::Thing", "Own::Kind::Of::MODULE"])
def test_a_type_of_which_nobody_knows_what_it_needs_is_refused_with_what_to_do(kind: str) -> None:
    found = of(layer("own", {"Thing": {"Type": kind}}))
    with pytest.raises(InputError, match="own/Thing") as refused:
        found.service  # noqa: B018 - computed when asked for
    assert "--permissions broad" in refused.value.hint
    broad = Rights(found.env, found.templates, BROAD)
    assert allowed("*", broad) or any(each.all_but and "iam:*" in each.actions for each in broad.service)


def test_a_custom_resource_needs_its_function() -> None:
    custom = {"Type": "Custom::Thing", "Properties": {"ServiceToken": "arn"}}
    assert allowed("lambda:InvokeFunction", of(layer("own", {"Thing": custom})))


def test_an_unknown_managed_policy_is_refused_by_the_boundary() -> None:
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]},
    }
    with pytest.raises(InputError, match="AmazonS3FullAccess") as refused:
        of(layer("own", {"Role": role})).boundary  # noqa: B018 - computed when asked for
    assert "iam.permissions_boundary_arn" in refused.value.hint


def test_the_boundary_holds_what_each_rendered_role_may_do_and_denies_the_rest() -> None:
    for name in NAMES:
        have = operations.actions(rights(name).boundary)
        for each in rights(name).templates.resources:
            if each.type != "AWS::IAM::Role":
                continue
            for policy in each.properties.get("Policies", ()):
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                    if statement["Effect"] == "Allow":
                        assert set(actions) <= set(have), each.place
        [denied] = [each for each in rights(name).boundary if each.effect == "Deny"]
        assert {"iam:*", "organizations:*", "sts:AssumeRole", "kms:ScheduleKeyDeletion"} <= set(denied.actions)


def test_github_is_trusted_by_both_forms_of_its_subject_and_exactly() -> None:
    body = template(Delivery(rights("prod"), trust.github("acme/shop", "123456/789012")))
    expected = {
        "DeployRole": ["repo:acme/shop:environment:prod", "repo:acme@123456/shop@789012:environment:prod"],
        "PlanRole": ["repo:acme/shop:environment:prod-plan", "repo:acme@123456/shop@789012:environment:prod-plan"],
        "PushRole": ["repo:acme/shop:ref:refs/heads/main", "repo:acme@123456/shop@789012:ref:refs/heads/main"],
    }
    for role, subjects in expected.items():
        [statement] = body["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": subjects,
            }
        }
    assert body["Resources"]["Provider"]["DeletionPolicy"] == "Retain"


def test_gitlab_is_trusted_on_the_branch_that_is_delivered() -> None:
    body = template(Delivery(rights("dev"), trust.gitlab("acme/teams/shop", "git.acme.example"), "arn:provider"))
    [statement] = body["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Federated": "arn:provider"}
    assert statement["Condition"]["StringEquals"]["git.acme.example:sub"] == (
        "project_path:acme/teams/shop:ref_type:branch:ref:main"
    )
    assert "Provider" not in body["Resources"]


@pytest.mark.parametrize(
    ("name", "ids"),
    [("acme", ""), ("acme/*", ""), ("*/shop", ""), ("acme/shop/x", ""), ("acme/shop", "1"), ("a/b", "1/*")],
)
def test_a_repository_that_is_none_is_refused(name: str, ids: str) -> None:
    with pytest.raises(InputError, match="--github"):
        trust.github(name, ids)


def test_a_delivery_template_is_read_back_as_it_was_made() -> None:
    repository = trust.github("acme/shop", "1/2", "release")
    body = template(Delivery(Rights(rights("dev").env, rights("dev").templates, BROAD), repository))
    assert repository_of(body) == repository
    assert kind_of(body) == BROAD


@pytest.mark.parametrize("name", NAMES)
def test_what_was_just_granted_lacks_nothing(name: str) -> None:
    given = rights(name)
    policies = granted(template(Delivery(given, trust.github("acme/shop"))))
    assert policies is not None
    assert missing(given.needed, given.service, policies) == ()


def test_what_a_new_layer_needs_is_missing_until_the_role_has_it_and_says_for_which_resource() -> None:
    before = of(layer("queue", {"Queue": {"Type": "AWS::SQS::Queue"}}))
    after = of(
        layer("queue", {"Queue": {"Type": "AWS::SQS::Queue"}}),
        layer("cache", {"Cache": {"Type": "AWS::ElastiCache::ServerlessCache"}}),
    )
    policies = [document(each) for each in before.policies]
    found = missing(after.needed, after.service, policies)
    assert "elasticache:CreateServerlessCache for cache/Cache" in map(str, found)
    assert all("cache/Cache" in str(each) or each.action.startswith("iam:") for each in found)
    assert missing(before.needed, before.service, [document(each) for each in after.policies]) == ()


def test_a_boundary_that_is_another_is_missing() -> None:
    roles = layer("own", {"Role": {"Type": "AWS::IAM::Role", "Properties": {}}})
    other = environment(iam='{permissions_boundary_arn: "arn:aws:iam::111111111111:policy/other"}')
    mine, theirs = of(roles), rights_of(Assembly(other, (roles,)))
    found = missing(theirs.needed, theirs.service, [document(each) for each in mine.policies])
    assert "iam:CreateRole for own/Role" in map(str, found)


def test_packing_divides_what_is_too_large_and_loses_nothing() -> None:
    many = Statement(tuple(f"service:Action{index:04}" for index in range(600)))
    few = [Statement((f"other:Action{index}",), (f"arn:{'x' * 500}{index}",)) for index in range(20)]
    found = packed([many, *few])
    assert max(map(size, found)) <= MANAGED_POLICY
    assert {action for policy in found for each in policy for action in each.actions} == {
        *many.actions, *(each.actions[0] for each in few),
    }  # fmt: skip
    with pytest.raises(ValueError, match="takes"):
        packed([Statement(("a:B",), ("x" * 7000,))])


def test_the_schemas_still_lack_what_the_additions_add() -> None:
    """An addition that the schema has by now is taken out of the table."""
    from infragen.permissions.needed import ADDITIONS

    for each in ADDITIONS:
        schema = schema_of(each.type, "eu-central-1")
        assert schema is not None
        listed = {action for handler in schema.body.get("handlers", {}).values() for action in handler["permissions"]}
        assert set(each.actions) - listed, f"{each.type}: the schema lists all of {each.actions}"
