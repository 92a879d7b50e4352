"""Whose prices an estimate uses, what it says of them, and files that stand over the table."""

import re
from pathlib import Path

import pytest
from billing import bill, of, resource
from prices_page import prices_page

from infragen.cost import prices_of, read_price_file
from infragen.cost.prices import RegionPrices, price_file_text, table
from infragen.errors import InputError

GATEWAY = {"layer": {"X": resource("AWS::EC2::NatGateway")}}


def test_every_line_of_the_table_has_a_price_a_unit_a_source_and_says_how_it_was_checked() -> None:
    """The table has a date, and us-east-1 is complete."""
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", table().date)
    for line in table().lines.values():
        assert line.usd["us-east-1"] > 0
        assert line.unit
        assert line.source
        assert line.checked in ("price list", "open", "varies")
        assert line.query or line.name in ("fargate-spot-share", "dashboard-month", "hosted-zone-month")


@pytest.mark.parametrize(
    ("region", "usd", "label"),
    [
        ("us-east-1", 32.85, "us-east-1 prices of {date}"),
        ("us-west-2", 32.85, "us-west-2 prices of {date}, which are those of us-east-1"),
        (
            "eu-west-1",
            35.04,
            "eu-west-1 prices of {date}, unverified: they may be some 10 % off; rds-proxy-acu-hour as in us-east-1",
        ),
        (
            "ap-south-1",
            32.85,
            "us-east-1 prices of {date}: infragen's table has none for ap-south-1, where most cost more",
        ),
    ],
)
def test_an_estimate_says_whose_prices_it_uses(region: str, usd: float, label: str) -> None:
    """The same as another region's, unverified, or foreign: never without a word."""
    found = bill(GATEWAY, region=region)
    assert round(of(found, "X").cost.expected, 2) == usd
    assert found.prices.label == label.format(date=table().date)


def test_a_price_file_stands_over_the_table_line_by_line() -> None:
    """What it does not list is the table's; both are said."""
    file = {"ap-south-1": RegionPrices("2026-11-01", "", {"nat-gateway-hour": 0.1})}
    found = bill({"layer": {**GATEWAY["layer"], "Y": resource("AWS::EC2::EIP")}}, region="ap-south-1", file=file)
    assert round(of(found, "X").cost.expected, 2) == 73
    assert round(of(found, "Y").cost.expected, 2) == 3.65
    lines = len(table().lines)
    rest = f"{lines - 1} of {lines} lines from infragen's table for us-east-1"
    assert found.prices.label == f"ap-south-1 prices of 2026-11-01 from mine.yaml, {rest}"
    assert of(found, "X").items[0].price.source == "mine.yaml, 2026-11-01"


def test_a_price_file_without_the_region_changes_nothing() -> None:
    """It is another region's."""
    file = {"eu-west-3": RegionPrices("2026-11-01", "", {"nat-gateway-hour": 0.1})}
    assert bill(GATEWAY, file=file).prices == prices_of("us-east-1")


def test_a_price_file_may_add_instance_types() -> None:
    """What infragen's table does not know becomes a price."""
    instance = {"layer": {"X": resource("AWS::EC2::Instance", InstanceType="c7g.xlarge")}}
    file = {"us-east-1": RegionPrices("2026-11-01", "", {"ec2-c7g.xlarge-hour": 0.1})}
    assert round(of(bill(instance, file=file), "X").cost.expected, 2) == 73


def test_a_written_price_file_reads_as_the_same_prices(tmp_path: Path) -> None:
    """Very small prices too; the text is stable."""
    regions = {
        "eu-west-1": RegionPrices("2026-11-01", "AWS Price List API", {"lambda-arm64-gb-second": 0.0000133334}),
        "ap-south-1": RegionPrices("2026-11-02", "", {"alb-hour": 0.0239, "kms-key-month": 1.0, "egress-gb": 1e-9}),
    }
    path = tmp_path / "prices.yaml"
    path.write_text(price_file_text(regions))
    assert read_price_file(path) == regions
    assert price_file_text(read_price_file(path)) == path.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regions: {}", ":1:1: regions is missing"),
        ("prices: {}\n", ":1:1: prices is not a known key"),
        ("regions:\n  us-east-1: 5\n", ":2:14: us-east-1 must be a map"),
        ("regions:\n  us-east-1:\n    usd: {}\n", ":2:3: us-east-1 has no date"),
        ("regions:\n  us-east-1:\n    date: 2026\n", ":2:3: us-east-1 has no prices"),
        ("USD { alb-hours: 1 }\n", ":4:12: alb-hours is not a known price; did you mean alb-hour?"),
        ("USD { x: 1 }\n", ":4:12: x is not a known price; `infragen docs prices` lists them"),
        ("USD { alb-hour: -1 }\n", ":4:22: alb-hour is -1; allowed: USD"),
        ("USD { alb-hour: true }\n", ":4:22: alb-hour is true; allowed"),
        ("USD { alb-hour: [1] }\n", ":4:22: alb-hour is not a number; allowed"),
        ("regions:\n  us-east-1:\n    date: 2026\n    rates: 1\n    usd: {}\n", ":4:5: rates is not a known key"),
        ("regions:\n  us-east-1:\n    date: [1]\n    usd: {}\n", ":3:11: date must be a text"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_price_file_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    """File, line and column, and what is allowed."""
    path = tmp_path / "prices.yaml"
    path.write_text(text.replace("USD", "regions:\n  us-east-1:\n    date: 2026\n    usd:"))
    with pytest.raises(InputError) as caught:
        read_price_file(path)
    assert f"{path}{message}" in caught.value.message


def test_a_price_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    """With its name and the system's words."""
    with pytest.raises(InputError, match=r"none\.yaml cannot be read: no such file"):
        read_price_file(tmp_path / "none.yaml")


def test_the_page_of_prices_is_that_of_the_table() -> None:
    """`make docs` writes it."""
    assert (Path(__file__).parents[2] / "docs" / "prices.md").read_text() == prices_page()
