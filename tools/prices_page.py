"""docs/prices.md: the price table, line by line. Made from the table; `make docs` writes it, a test compares."""

import sys

from infragen.cost.prices import table

HEAD = """\
# Prices

<!-- Made by `make docs` from the price table; edit `src/infragen/cost/prices.yaml` instead. -->

What `infragen cost` counts with, in USD, on demand, as of {date}. {same} have the prices of us-east-1. {unverified} is
unverified and may be some 10 % off. The names are those of a [price file](cost.md#prices-of-your-own).

`Checked` says what a us-east-1 price was compared with: figures of the AWS Price List of 2026 as public repositories
quote them (price list), nothing beyond general knowledge (open), or a market price that always changes (varies).
`infragen cost --refresh` asks AWS itself.

| Name | Unit | us-east-1 | eu-west-1 | Source on aws.amazon.com | Checked |
|---|---|---:|---:|---|---|
"""


def prices_page() -> str:
    """Return the whole page."""
    known = table()
    head = HEAD.format(
        date=known.date, same=" and ".join(known.same), unverified=" and ".join(sorted(known.unverified))
    )
    rows = (
        f"| `{each.name}` | {each.unit} | {_usd(each.usd.get('us-east-1'))} | {_usd(each.usd.get('eu-west-1'))} "
        f"| {each.source} | {each.checked} |\n"
        for each in known.lines.values()
    )
    return head + "".join(rows)


def _usd(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.10f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    sys.stdout.write(prices_page())
