"""What an environment costs in a month: estimates from its templates, at the prices of a dated table.

`prices` holds what AWS charges, `inventory` the resources of all layers, `load` how much they are used, `rules` what
each type is charged for, `estimate` the sum. All of it is pure; nothing here talks to AWS.
"""

from infragen.cost.columns import CENT, Columns
from infragen.cost.estimate import CostDelta, Estimate, ResourceDelta, delta, estimate, rendered
from infragen.cost.prices import PriceFile, Prices, prices_of, read_price_file

__all__ = [
    "CENT", "Columns", "CostDelta", "Estimate", "PriceFile", "Prices", "ResourceDelta", "delta", "estimate",
    "prices_of", "read_price_file", "rendered",
]  # fmt: skip
