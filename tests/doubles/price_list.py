"""The AWS Price List API for `doubles.loopback.Loopback`: products with terms in the shape of real replies, one a page.

Filters as the API has them (AWS Billing API Reference, "Filter"): TERM_MATCH and CONTAINS on attributes and the product
family; a product must match all.
"""

import json
from typing import Any


def product(
    service: str, region: str, usage: str, *tiers: float, unit: str = "Hrs", **attributes: str
) -> dict[str, Any]:
    """One entry of PriceList. `tiers` are USD per unit; a tier begins where the one before it ends."""
    sku = f"{abs(hash((service, region, usage, tiers, *attributes.items()))):X}"[:16]
    dimensions = {
        f"{sku}.JRTCKXETXF.{number}": {
            "unit": unit, "beginRange": str(number * 1000), "endRange": "Inf", "description": f"{usage} tier {number}",
            "appliesTo": [], "rateCode": f"{sku}.JRTCKXETXF.{number}", "pricePerUnit": {"USD": f"{usd:.10f}"},
        }
        for number, usd in enumerate(tiers)
    }  # fmt: skip
    family = attributes.pop("productFamily", "Compute")
    known = {"regionCode": region, "usagetype": usage, "servicecode": service, **attributes}
    return {
        "product": {"productFamily": family, "attributes": known, "sku": sku},
        "serviceCode": service,
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {"priceDimensions": dimensions, "sku": sku, "termAttributes": {}}}},
        "version": "20261101000000", "publicationDate": "2026-11-01T00:00:00Z",
    }  # fmt: skip


class PriceList:
    """The service: `products` are all there are."""

    PAGE = 1

    def __init__(self, *products: dict[str, Any]) -> None:
        self.products = products

    def call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        assert operation == "GetProducts", operation
        found = [each for each in self.products if each["serviceCode"] == body["ServiceCode"] and _matches(each, body)]
        start = int(body.get("NextToken", "0"))
        page = [json.dumps(each) for each in found[start : start + self.PAGE]]
        more = {"NextToken": str(start + self.PAGE)} if start + self.PAGE < len(found) else {}
        return {"FormatVersion": "aws_v1", "PriceList": page, **more}


def _matches(entry: dict[str, Any], body: dict[str, Any]) -> bool:
    attributes = {**entry["product"]["attributes"], "productFamily": entry["product"]["productFamily"]}
    return all(
        each["Value"] == attributes.get(each["Field"])
        if each["Type"] == "TERM_MATCH"
        else each["Value"] in attributes.get(each["Field"], "")
        for each in body["Filters"]
    )
