"""`infragen cost` as a user meets it; --refresh asks a price list on loopback."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from commands import CommandLine
from doubles.loopback import Loopback, ServiceError
from doubles.price_list import PriceList, product
from special_files import special

from infragen.cli import main
from infragen.cost.prices import read_price_file, table

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "tests" / "data" / "environments"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "environments").mkdir()
    for each in ENVIRONMENTS.glob("*.yaml"):
        (tmp_path / "environments" / each.name).write_text(each.read_text())
    monkeypatch.chdir(tmp_path)
    for name, value in (("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing")):
        monkeypatch.setenv(name, value)
    return tmp_path


def cost(*arguments: str) -> Result:
    return CommandLine().invoke(main, ["cost", *arguments])


def test_one_environment_is_shown_resource_by_resource(project: Path) -> None:
    """Layers with their sums, what each resource is charged for, the prices, the assumptions."""
    lines = cost("--env", "dev").stdout.splitlines()
    assert lines[0].split() == ["dev,", "us-east-1:", "USD", "a", "month", "minimum", "expected", "maximum"]
    assert re.search(r"^database +50\.41 +50\.41 +186\.88$", "\n".join(lines), re.MULTILINE)
    assert any(re.match(r" +Writer +0\.5 to 2 ACU, 0\.5 expected +43\.80 +43\.80 +175\.20$", each) for each in lines)
    assert f"  us-east-1 prices of {table().date}" in lines
    assert "assumed" in lines
    assert any("expected, from cost.expected: 0.1 million requests" in each for each in lines)
    assert any("expected, by default: 10 million database I/O requests" in each for each in lines)


@pytest.mark.long
def test_all_environments_stand_side_by_side(project: Path) -> None:
    """Without --env: a line for each layer, three columns for each environment, within 80 columns."""
    found = cost().stdout
    assert re.search(r"^total +90 +90 +233 +423 +848 +2,182 +169 +192 +633$", found, re.MULTILINE)
    head = found.splitlines()[0]
    assert [head.index(name) for name in ("dev,", "prod,", "staging,")] == sorted(
        head.index(name) for name in ("dev,", "prod,", "staging,")
    )
    figures = found.split("\n\n")[0]
    assert max(map(len, figures.splitlines())) <= 100
    assert "prod: expected, from cost.expected" in found
    assert "1 task, 0.75 ACU" in found


@pytest.mark.long
def test_the_json_document_adds_up(project: Path) -> None:
    """Items to resources, resources to layers, layers to the total; every key is in docs/cost.md."""
    document = json.loads(cost("--env", "prod", "--format", "json").stdout)
    assert (document["version"], document["currency"]) == (1, "USD")
    [prod] = document["estimates"]
    for column in ("minimum", "expected", "maximum"):
        assert sum(each["cost"][column] for each in prod["resources"]) == pytest.approx(prod["total"][column], abs=0.01)
        assert sum(each[column] for each in prod["layers"].values()) == pytest.approx(prod["total"][column], abs=0.01)
        for each in prod["resources"]:
            assert sum(item["cost"][column] for item in each["items"]) == pytest.approx(each["cost"][column], abs=0.001)
    page = (ROOT / "docs" / "cost.md").read_text()
    for key in _keys(document):
        assert f"`{key}`" in page, key


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            if key != "layers":
                yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)


@pytest.mark.long
def test_markdown_folds_the_resources_of_each_environment(project: Path) -> None:
    """A table of layers, then one of resources for each environment."""
    found = cost("--env", "dev", "--env", "staging", "--format", "markdown").stdout
    assert "| Layer | dev minimum | dev expected | dev maximum | staging minimum |" in found
    assert found.count("<details>") == found.count("</details>") == 2
    assert re.search(r"\| `database/Writer` \| 0\.5 to 2 ACU, 0\.5 expected \| 43\.80 \| 43\.80 \| 175\.20 \|", found)


def test_what_cannot_be_priced_is_listed(project: Path) -> None:
    """Container Insights with enhanced observability has no price here: it is named, and not in the sum."""
    staging = project / "environments" / "staging.yaml"
    staging.write_text(staging.read_text().replace("container_insights: enabled", "container_insights: enhanced"))
    found = cost("--env", "staging").stdout
    assert "not in these figures\n  api/EcsCluster: Container Insights with enhanced observability" in found


@pytest.mark.long
def test_the_prices_of_a_file_are_used_and_named(project: Path) -> None:
    """--prices beats cost.prices, which is relative to the file that names it."""
    (project / "environments" / "own.yaml.prices").write_text(_prices(1.0))
    (project / "other.prices").write_text(_prices(2.0))
    base = project / "environments" / "base.yaml"
    base.write_text(base.read_text() + "cost:\n  prices: own.yaml.prices\n")
    assert re.search(r"^  LoadBalancer.* 737\.31 ", cost("--env", "dev").stdout, re.MULTILINE)
    assert "prices of 2026-11-01 from environments/own.yaml.prices" in cost("--env", "dev").stdout
    assert re.search(
        r"^  LoadBalancer.* 1,467\.31 ", cost("--env", "dev", "--prices", "other.prices").stdout, re.MULTILINE
    )


def _prices(usd: float) -> str:
    return f"regions:\n  us-east-1:\n    date: 2026-11-01\n    usd: {{ alb-hour: {usd} }}\n"


def test_a_price_file_with_mistakes_is_refused(project: Path) -> None:
    """Exit code 2, with the place."""
    (project / "prices.yaml").write_text("regions:\n  us-east-1:\n    date: 2026-11-01\n    usd: { alb: 1 }\n")
    result = cost("--env", "dev", "--prices", "prices.yaml")
    assert result.exit_code == 2
    assert "prices.yaml:4:12: alb is not a known price" in result.stderr


# --- refresh ----------------------------------------------------------------------------------------------------

IRELAND = (
    product("AmazonRDS", "eu-west-1", "EU-Aurora:ServerlessV2Usage", 0.14, databaseEngine="Aurora PostgreSQL"),
    product("AmazonRDS", "eu-west-1", "EU-Aurora:ServerlessV2Usage", 0.99, databaseEngine="Aurora MySQL"),
    product("AmazonRDS", "eu-west-1", "EU-Aurora:ServerlessV2UsageOther", 0.99, databaseEngine="Aurora PostgreSQL"),
    product("AmazonRDS", "us-east-1", "Aurora:ServerlessV2Usage", 0.12, databaseEngine="Aurora PostgreSQL"),
    product("AmazonECS", "eu-west-1", "EU-ECS-EC2-GB-Hours", 0.0),
    product("AmazonECS", "eu-west-1", "EU-Fargate-ARM-GB-Hours", 0.0037),
    product("AmazonECS", "eu-west-1", "EU-Fargate-GB-Hours", 0.0048),
    product("AWSELB", "eu-west-1", "EU-LoadBalancerUsage", 0.0252, productFamily="Load Balancer-Application"),
    product("AWSELB", "eu-west-1", "EU-LoadBalancerUsage", 0.03, productFamily="Load Balancer-Network"),
    product("AWSLambda", "eu-west-1", "EU-Request", 0.0000002),
    product("AWSQueueService", "eu-west-1", "EU-Requests-RBP", 0.0, 0.0000004, 0.0000003),
    product("awskms", "eu-west-1", "eu-west-1-KMS-Keys", 1.0),
    product("AWSDataTransfer", "", "EU-DataTransfer-Out-Bytes", 0.0, 0.09, fromRegionCode="eu-west-1",
            transferType="AWS Outbound"),
    product("AmazonECR", "eu-west-1", "EU-TimedStorage-ByteHrs", 0.10),
    product("AmazonECR", "eu-west-1", "EU-TimedStorage-ByteHrs", 0.20, note="another price for the same"),
)  # fmt: skip


@pytest.fixture
def ireland(project: Path) -> Path:
    base = project / "environments" / "base.yaml"
    base.write_text(base.read_text().replace("region: us-east-1", "region: eu-west-1"))
    return project


@pytest.mark.long
def test_refresh_asks_the_price_list_and_writes_the_price_file(ireland: Path) -> None:
    """All pages, the exact usage type behind a region's prefix, the first paid tier, our units; then they are used."""
    with Loopback({"AWSPriceListService": PriceList(*IRELAND)}) as aws:
        result = cost("--env", "dev", "--prices", "prices.yaml", "--refresh", "--endpoint-url", aws.url)
    assert result.exit_code == 0, result.stderr
    region = read_price_file(ireland / "prices.yaml")["eu-west-1"]
    assert region.usd == {
        "aurora-acu-hour": 0.14, "fargate-arm64-gb-hour": 0.0037, "fargate-x86-gb-hour": 0.0048, "alb-hour": 0.0252,
        "lambda-million": 0.2, "sqs-million": 0.4, "kms-key-month": 1.0, "egress-gb": 0.09,
    }  # fmt: skip
    assert f"eu-west-1 prices of {region.date} from prices.yaml" in result.stdout
    assert "ecr-gb-month unchanged: the AWS Price List has 2 prices: 0.1, 0.2" in result.stderr
    assert "dashboard-month unchanged: not in the AWS Price List API" in result.stderr
    assert "nat-gateway-hour unchanged: the AWS Price List has no NatGateway-Hours there" in result.stderr


@pytest.mark.long
def test_refresh_keeps_other_regions_and_lines_that_aws_does_not_tell(ireland: Path) -> None:
    """A file of one's own loses nothing."""
    (ireland / "prices.yaml").write_text(
        'regions:\n  ap-south-1: { date: "2026-01-01", usd: { alb-hour: 3 } }\n'
        '  eu-west-1: { date: "2026-01-01", usd: { alb-hour: 3, dashboard-month: 2 } }\n'
    )
    with Loopback({"AWSPriceListService": PriceList(*IRELAND)}) as aws:
        cost("--env", "dev", "--prices", "prices.yaml", "--refresh", "--endpoint-url", aws.url)
    found = read_price_file(ireland / "prices.yaml")
    assert found["ap-south-1"].usd == {"alb-hour": 3}
    assert (found["eu-west-1"].usd["alb-hour"], found["eu-west-1"].usd["dashboard-month"]) == (0.0252, 2)


def test_refresh_without_a_price_file_is_an_input_error(project: Path) -> None:
    """Nothing is asked of AWS before it is known where the answer goes."""
    with Loopback({"AWSPriceListService": PriceList()}) as aws:
        result = cost("--env", "dev", "--refresh", "--endpoint-url", aws.url)
        assert aws.calls == []
    assert result.exit_code == 2
    assert "dev has no price file to write the prices into" in result.stderr
    assert "--prices FILE" in result.stderr


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_refresh_writes_a_regular_file_or_stdout_and_nothing_else(ireland: Path, kind: str) -> None:
    """2 before anything is asked of AWS; `-` prints the price file, and no estimate."""
    (ireland / "other.yaml").write_text("theirs")
    special(ireland / "prices.yaml", kind, ireland / "other.yaml")
    with Loopback({"AWSPriceListService": PriceList(*IRELAND)}) as aws:
        result = cost("--env", "dev", "--prices", "prices.yaml", "--refresh", "--endpoint-url", aws.url)
        assert (result.exit_code, aws.calls) == (2, [])
        assert "writes regular files only" in result.stderr
        printed = cost("--env", "dev", "--prices", "-", "--refresh", "--endpoint-url", aws.url)
    assert (ireland / "other.yaml").read_text() == "theirs"
    (ireland / "kept.yaml").write_text(printed.stdout)
    assert read_price_file(ireland / "kept.yaml")["eu-west-1"].usd["alb-hour"] == 0.0252
    assert cost("--env", "dev", "--prices", "-").exit_code == 2


def test_refresh_without_permission_leaves_the_file_alone(ireland: Path) -> None:
    """Exit code 4 with AWS's words and the missing action."""

    class Denied(PriceList):
        def call(self, operation: str, body: dict[str, object]) -> dict[str, object]:
            raise ServiceError("AccessDeniedException", "User is not authorized to perform: pricing:GetProducts")

    with Loopback({"AWSPriceListService": Denied()}) as aws:
        result = cost("--env", "dev", "--prices", "prices.yaml", "--refresh", "--endpoint-url", aws.url)
    assert result.exit_code == 4
    assert "pricing:GetProducts" in result.stderr
    assert not (ireland / "prices.yaml").exists()


def test_refresh_into_a_place_that_cannot_be_written_says_so(ireland: Path) -> None:
    """Exit code 4, with the path."""
    with Loopback({"AWSPriceListService": PriceList(*IRELAND)}) as aws:
        result = cost("--env", "dev", "--prices", "none/prices.yaml", "--refresh", "--endpoint-url", aws.url)
    assert result.exit_code == 4
    assert "none/prices.yaml: the price file cannot be written: no such file or directory" in result.stderr


@pytest.mark.parametrize("option", [("--profile", "x"), ("--endpoint-url", "http://127.0.0.1:9")])
def test_options_of_refresh_are_refused_without_it(project: Path, option: tuple[str, str]) -> None:
    """They would be ignored."""
    result = cost("--env", "dev", *option)
    assert result.exit_code == 2
    assert "need --refresh" in result.stderr
