"""The AWS Price List API -> the prices of a region, for a price file: what `infragen cost --refresh` reads.

The API answers in three regions only and prices all of them. A line is taken when its usage type is exactly the one of
the table behind the region's prefix (`EU-Aurora:ServerlessV2Usage`) and all products that match cost the same; of a
price in tiers, the first that is not free. Whatever does not fit is left out and named, and the table's figure stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infragen.aws.failure import answered
from infragen.aws.reading import member, pages
from infragen.aws.session import Clients
from infragen.cost.prices import Line, Query, table

API_REGION = "us-east-1"
"""One of the regions with an endpoint (AWS Billing User Guide, "Price List Query API endpoints")."""

REGION_PLACEHOLDER = "REGION"
DIGITS = 12


@dataclass(frozen=True)
class Refreshed:
    """The prices found of a region, in USD for the table's units, and why others were not."""

    region: str
    usd: Mapping[str, float]
    missing: Mapping[str, str]


def refreshed(region: str, profile: str | None = None, endpoint_url: str | None = None) -> Refreshed:
    """Return every line of the table that the API has for a region. Raises CloudError when it cannot be asked."""
    client = Clients(API_REGION, profile, endpoint_url).pricing
    usd, missing = {}, {}
    for line in table().lines.values():
        found = _price(client, line, region)
        if isinstance(found, str):
            missing[line.name] = found
        else:
            usd[line.name] = found
    return Refreshed(region, usd, missing)


def _price(client: Any, line: Line, region: str) -> float | str:
    """Return USD for the line's unit, or why there is none."""
    query = line.query
    if query is None:
        return "not in the AWS Price List API"
    found = {
        usd
        for usage in query.usage
        for product in _products(client, query, usage, region)
        if (usd := _on_demand(product)) is not None
    }
    if not found:
        return f"the AWS Price List has no {' or '.join(query.usage)} there"
    if len(found) > 1:
        return f"the AWS Price List has {len(found)} prices: {', '.join(f'{each:g}' for each in sorted(found))}"
    return float(f"{found.pop() * query.units:.{DIGITS}g}")


def _products(client: Any, query: Query, usage: str, region: str) -> Iterator[Mapping[str, Any]]:
    """Call GetProducts, all pages, cut to the usage type behind the region's prefix."""
    where = {"regionCode": region, **query.where}
    if REGION_PLACEHOLDER in query.where.values():  # data transfer has a region it comes from instead
        where = {name: region if value == REGION_PLACEHOLDER else value for name, value in query.where.items()}
    filters: list[Any] = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in where.items()]
    filters.append({"Type": "CONTAINS", "Field": "usagetype", "Value": usage})
    wanted = re.compile(rf"([A-Za-z0-9-]+-)?{re.escape(usage)}")
    given: dict[str, Any] = {"ServiceCode": query.service, "Filters": filters, "FormatVersion": "aws_v1"}
    with answered(f"asking for prices of {query.service} in {region} (pricing:GetProducts)"):
        products = [json.loads(text) for text in pages(client.get_products, "PriceList", **given)]
        named = [(each, member(member(each, "product"), "attributes").get("usagetype", "")) for each in products]
    yield from (each for each, name in named if wanted.fullmatch(name))


def _on_demand(product: Mapping[str, Any]) -> float | None:
    """Return USD for one unit on demand: of tiers the first that is not free. None where there is no such price."""
    tiers = [
        (float(tier.get("beginRange") or 0), float(tier["pricePerUnit"]["USD"]))
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for tier in term["priceDimensions"].values()
        if "USD" in tier["pricePerUnit"]
    ]
    return next((usd for _, usd in sorted(tiers) if usd > 0), None)
