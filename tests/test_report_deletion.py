"""What a deletion will do, as a user reads it before the question."""

from infragen.cloudformation import StackState
from infragen.cost.prices import prices_of
from infragen.engine.deletion_plan import DestroyPlan, ResourceDeletion, StackDeletion
from infragen.report.deletion import deletion_lines
from infragen.report.kept import kept_lines

STATE = StackState("arn:stack/shop-dev/1", "shop-dev", "CREATE_COMPLETE")


def lines(*fates: ResourceDeletion) -> list[str]:
    doomed = StackDeletion("root", STATE, fates, frozenset(), frozenset())
    return [line.plain for line in deletion_lines(DestroyPlan("dev", "111111111111", "us-east-1", (doomed,)), 200)]


def test_a_function_in_the_vpc_makes_the_deletion_slow_and_that_is_said() -> None:
    """Whoever watches for half an hour knows that nothing is stuck."""
    function = ResourceDeletion(
        "worker", "MailFunction", "AWS::Lambda::Function", "shop-dev-mail", "deleted", slow=True
    )
    last = lines(function)[-1]
    assert "20 to 40 minutes" in last
    assert "worker/MailFunction" in last


def test_a_function_that_stays_keeps_nobody_waiting() -> None:
    """The sum is the last line then."""
    assert lines(ResourceDeletion("worker", "Kept", "AWS::Lambda::Function", "kept", "kept", slow=True))[-1].endswith(
        "1 kept"
    )


def test_what_is_left_is_listed_with_its_cost_and_what_removes_it() -> None:
    """Retained resources, final snapshots, and the stacks of bootstrap; of a stack that is not gone nothing."""
    fates = (
        ResourceDeletion("network", "Key", "AWS::KMS::Key", "key-1", "kept"),
        ResourceDeletion("api", "AccessLogs", "AWS::S3::Bucket", "shop-logs", "kept"),
        ResourceDeletion("api", "Repository", "AWS::ECR::Repository", "shop-prod-api", "kept"),
        ResourceDeletion("database", "Cluster", "AWS::RDS::DBCluster", "shop-prod", "snapshotted"),
        ResourceDeletion("delivery", "Provider", "AWS::IAM::OIDCProvider", "arn:1", "kept"),
        ResourceDeletion("own", "Table", "AWS::DynamoDB::Table", "t", "kept"),
        ResourceDeletion("own", "Thing", "Acme::Thing::Thing", "x", "snapshotted"),
        ResourceDeletion("queue", "Jobs", "AWS::SQS::Queue", "q", "deleted"),
    )
    gone = StackDeletion("root", STATE, fates, frozenset(), frozenset())
    there = StackDeletion("other", STATE, fates, frozenset(), frozenset())
    plan = DestroyPlan("prod", "1" * 12, "us-east-1", (gone, there), ("shop-prod-artifacts",))
    assert [line.plain for line in kept_lines(plan, {"root"}, prices_of("us-east-1"), "`infragen destroy`")] == [
        "",
        "left in AWS:",
        "  network/Key  AWS::KMS::Key  key-1, 1 USD a month",
        "    `aws kms schedule-key-deletion --key-id key-1`",
        "  api/AccessLogs  AWS::S3::Bucket  shop-logs, 0.023 USD a month per GB",
        "    delete its object versions, with Empty in the S3 console; then `aws s3 rb s3://shop-logs --force`",
        "  api/Repository  AWS::ECR::Repository  shop-prod-api, 0.1 USD a month per GB",
        "    `aws ecr delete-repository --force --repository-name shop-prod-api`",
        "  database/Cluster  AWS::RDS::DBCluster  a final snapshot, 0.021 USD a month per GB",
        "    `aws rds describe-db-cluster-snapshots --snapshot-type manual --db-cluster-identifier shop-prod` lists it",
        "  delivery/Provider  AWS::IAM::OIDCProvider  arn:1, no charge",
        "    delete it in the service's console",
        "  own/Table  AWS::DynamoDB::Table  t, its cost is not known",
        "    delete it in the service's console",
        "  own/Thing  Acme::Thing::Thing  a final snapshot, its cost is not known",
        "    find it in the service's console, by the name of the stack",
        "  shop-prod-artifacts  made by bootstrap  their bucket 0.023 USD a month per GB",
        "    `infragen destroy`",
    ]
    nothing = DestroyPlan("dev", "1" * 12, "us-east-1", (gone,))
    assert list(kept_lines(nothing, (), prices_of("us-east-1"), "x")) == []
