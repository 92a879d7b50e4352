"""What AWS charges: the dated table of this package, and files of the user's that stand over it.

The table is data (`prices.yaml`) with a source for every line. A region that neither the table nor a file knows gets
the prices of us-east-1, and every estimate says so (`Prices.label`): no price is made up, or foreign without a word.
Nothing here talks to AWS; `aws.price_list` reads the AWS Price List and writes such a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from infragen.config import yamlfile
from infragen.config.yamlfile import Entry, Problem, Scalar
from infragen.machine.input_file import read as read_file

BASE_REGION = "us-east-1"
INSTANCE = "ec2-"
"""Prices of instance types are lines of their own, `ec2-<type>-hour`: a file may add the type that it uses."""


@dataclass(frozen=True)
class Query:
    """Where the AWS Price List API has a line: usage types without the region's prefix, further attributes, and by how
    much its unit is smaller than ours.
    """

    service: str
    usage: tuple[str, ...]
    where: Mapping[str, str] = field(default_factory=dict)
    units: int = 1


@dataclass(frozen=True)
class Line:
    """One line of the table: USD per unit by region, the page that states it, and what it was compared with."""

    name: str
    unit: str
    usd: Mapping[str, float]
    source: str
    checked: str
    query: Query | None = None


@dataclass(frozen=True)
class Table:
    """The table of the package. `same` maps a region to the one whose prices it has."""

    date: str
    lines: Mapping[str, Line]
    same: Mapping[str, str]
    unverified: frozenset[str]


@dataclass(frozen=True)
class RegionPrices:
    """One region of a user's file: its date, where the figures come from, USD per unit by name."""

    date: str
    source: str
    usd: Mapping[str, float]


PriceFile = Mapping[str, RegionPrices]
"""A user's file: prices by region."""


@dataclass(frozen=True)
class Price:
    """USD for one unit."""

    name: str
    unit: str
    usd: float
    source: str


@dataclass(frozen=True)
class Prices:
    """The prices that an estimate uses. `label` says whose they are, of when, and what is wrong with them."""

    region: str
    date: str
    label: str
    lines: Mapping[str, Price]

    def get(self, name: str) -> Price | None:
        """Return a line, or None when there is no such price."""
        return self.lines.get(name)


@cache
def table() -> Table:
    """Return the dated table of this package."""
    data = resources.files(__package__).joinpath("prices.yaml").read_bytes()
    read: Any = yamlfile.plain(yamlfile.load(data, "prices.yaml"))
    lines = {name: _line(name, each) for name, each in read["lines"].items()}
    same = {region: other.text for region, other in read["same"].items()}
    return Table(read["date"].text, lines, same, frozenset(each.text for each in read["unverified"]))


def _line(name: str, read: Any) -> Line:
    usd = {region: float(each.value) for region, each in read["usd"].items()}
    api = read.get("api")
    query = api and Query(
        api["service"].text,
        tuple(api["usage"].text.split("|")),
        {key: each.text for key, each in api.get("where", {}).items()},
        1_000_000 if "million" in api else 1,
    )
    return Line(name, read["unit"].text, usd, read["source"].text, read["checked"].text, query)


def prices_of(region: str, file: PriceFile | None = None, name: str = "") -> Prices:
    """Return the prices of a region: those of the user's file (`name` is what it is called) over those of the table."""
    known = table()
    base = known.same.get(region, region)
    regional = any(base in each.usd for each in known.lines.values())
    lines = {}
    missing = []
    for each in known.lines.values():
        usd = each.usd.get(base)
        if usd is None:
            usd = each.usd[BASE_REGION]
            missing.append(each.name)
        lines[each.name] = Price(each.name, each.unit, usd, f"{each.source}, {known.date}")
    own = file.get(region) if file else None
    if own is None:
        return Prices(region, known.date, _label(region, base, regional, missing), lines)
    for key, usd in own.usd.items():
        unit = known.lines[key].unit if key in known.lines else "hour"
        lines[key] = Price(key, unit, usd, f"{name}, {own.date}")
    others = [each for each in known.lines if each not in own.usd]
    note = f", {len(others)} of {len(known.lines)} lines from infragen's table for {base if regional else BASE_REGION}"
    return Prices(region, own.date, f"{region} prices of {own.date} from {name}{note if others else ''}", lines)


def _label(region: str, base: str, regional: bool, missing: list[str]) -> str:
    known = table()
    if not regional:
        return f"{BASE_REGION} prices of {known.date}: infragen's table has none for {region}, where most cost more"
    if region in known.unverified:
        lacking = f"; {', '.join(missing)} as in {BASE_REGION}" if missing else ""
        return f"{region} prices of {known.date}, unverified: they may be some 10 % off{lacking}"
    same = f", which are those of {base}" if base != region else ""
    return f"{region} prices of {known.date}{same}"


# --- the user's file ----------------------------------------------------------------------------------------------


def read_price_file(path: Path) -> PriceFile:
    """Return a price file. Raises InputError with the place of everything that is wrong in it."""
    root = yamlfile.load(read_file(path), str(path))
    problems = list(_problems(root))
    if problems:
        raise yamlfile.refusal(problems)
    read: Any = yamlfile.plain(root)
    return {
        region: RegionPrices(
            each["date"].text,
            each["source"].text if each.get("source") else "",
            {name: float(usd.value) for name, usd in each["usd"].items()},
        )
        for region, each in read["regions"].items()
    }


def _problems(root: yamlfile.Mapping) -> Iterator[Problem]:
    for key, entry in root.entries.items():
        if key != "regions":
            yield Problem(entry.key_place, f"{yamlfile.shown(key)} is not a known key; a price file has `regions`")
    regions = root.entries.get("regions")
    if regions is None or not isinstance(regions.node, yamlfile.Mapping) or not regions.node.entries:
        yield Problem(root.place, "regions is missing; write a map of regions, each with `date` and `usd`")
        return
    for entry in regions.node.entries.values():
        yield from _region_problems(entry)


def _region_problems(region: Entry) -> Iterator[Problem]:
    if not isinstance(region.node, yamlfile.Mapping):
        yield Problem(region.node.place, f"{region.key} must be a map with `date` and `usd`")
        return
    for key, entry in region.node.entries.items():
        if key not in ("date", "source", "usd"):
            yield Problem(entry.key_place, f"{yamlfile.shown(key)} is not a known key; allowed: date, source, usd")
        elif key != "usd" and not (isinstance(entry.node, Scalar) and entry.node.text):
            yield Problem(entry.node.place, f"{key} must be a text")
    if "date" not in region.node.entries:
        yield Problem(region.key_place, f"{region.key} has no date; say when these prices held, e.g. 2026-11-22")
    usd = region.node.entries.get("usd")
    if usd is None or not isinstance(usd.node, yamlfile.Mapping):
        yield Problem(region.key_place, f"{region.key} has no prices; write `usd` as a map of name to USD")
        return
    for entry in usd.node.entries.values():
        yield from _price_problems(entry)


def _price_problems(entry: Entry) -> Iterator[Problem]:
    known = table().lines
    if entry.key not in known and not (entry.key.startswith(INSTANCE) and entry.key.endswith("-hour")):
        near = get_close_matches(entry.key, known, 1)
        guess = f"did you mean {near[0]}?" if near else "`infragen docs prices` lists them"
        yield Problem(entry.key_place, f"{yamlfile.shown(entry.key)} is not a known price; {guess}")
    value = entry.node.value if isinstance(entry.node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        text = entry.node.text if isinstance(entry.node, Scalar) else "not a number"
        yield Problem(entry.node.place, f"{entry.key} is {yamlfile.shown(text)}; allowed: USD as a number from 0 up")


def price_file_text(regions: PriceFile) -> str:
    """Return a price file as YAML; the same prices give the same bytes."""
    lines = ["# Prices in USD for `infragen cost`; what is not listed is taken from infragen's own table.", "regions:"]
    for region in sorted(regions):
        each = regions[region]
        lines += [f"  {region}:", f'    date: "{each.date}"']
        lines += [f'    source: "{each.source}"'] if each.source else []
        lines += ["    usd:", *(f"      {name}: {usd:.12g}" for name, usd in sorted(each.usd.items()))]
    return "\n".join(lines) + "\n"
