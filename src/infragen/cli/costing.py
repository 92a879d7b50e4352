"""`infragen cost`: monthly estimates, and the refresh of price files."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infragen.cli import parameters
from infragen.cli.connection import show, width
from infragen.cli.output import say
from infragen.cli.program import command_options
from infragen.errors import InputError
from infragen.machine.output_file import STDOUT, check, replacing

if TYPE_CHECKING:
    from infragen.config import EnvironmentFile
    from infragen.cost import Estimate


@click.command()
@parameters.envs("Estimate this environment only; may be given several times.")
@parameters.environments
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--prices",
    "price_file",
    metavar="FILE",
    type=parameters.FilePath(),
    help="Price file to use; default: cost.prices of each environment, else infragen's own table. With --refresh, - "
    "prints the price file to stdout, without an estimate.",
)
@click.option(
    "--refresh",
    is_flag=True,
    help="First update the price file from the AWS Price List API (pricing:GetProducts) for the regions of the "
    "environments.",
)
@click.option("--profile", metavar="NAME", help="AWS profile for --refresh; default: as the AWS CLI.")
@click.option("--endpoint-url", metavar="URL", help="Endpoint to use instead of AWS with --refresh.")
@command_options
def cost(
    names: tuple[str, ...],
    directory: Path,
    form: str,
    price_file: Path | None,
    refresh: bool,
    profile: str | None,
    endpoint_url: str | None,
) -> None:
    """Estimate the monthly cost of environments.

    Per layer, and per resource for a single environment: minimum, the load of cost.expected, and maximum. Prints every
    assumption and names resources without a price. Calls AWS only with --refresh.

    \b
    Examples:
      infragen cost
      infragen cost --env prod
      infragen cost --env prod --prices prices.yaml --refresh
    """
    from infragen.aws.session import check_endpoint
    from infragen.report import cost as report

    if endpoint_url is not None:
        check_endpoint(endpoint_url, "--endpoint-url")
    if (profile or endpoint_url) and not refresh:
        raise click.UsageError("--profile and --endpoint-url need --refresh")
    if price_file == STDOUT and not refresh:
        raise click.UsageError("--prices - needs --refresh: it prints the price file")
    files = parameters.warned(directory, names)
    if refresh:
        _refresh(files, price_file, profile, endpoint_url)
        if price_file == STDOUT:
            return
    estimates = [_estimate(each, price_file) for each in files]
    if form == "json":
        say(report.as_json(estimates))
    elif form == "markdown":
        say(report.as_markdown(estimates), nl=False)
    else:
        show(report.cost_lines(estimates, width(sys.stdout)))


def _estimate(file: "EnvironmentFile", price_file: Path | None) -> "Estimate":
    from infragen.assembly.synth import synthesize
    from infragen.cost import estimate, prices_of, read_price_file, rendered

    env = file.environment
    path = price_file or file.prices
    prices = prices_of(env.region, read_price_file(path), str(path)) if path else prices_of(env.region)
    bodies = {each.layer: each.body for each in synthesize(env).templates}
    return estimate(rendered(bodies), env, prices)


def _refresh(
    files: "Sequence[EnvironmentFile]", price_file: Path | None, profile: str | None, endpoint_url: str | None
) -> None:
    """Fetch the prices of every region in use and write them into each price file. Raises before it calls AWS."""
    wanted: dict[Path, set[str]] = {}
    for each in files:
        path = price_file or each.prices
        if path is None:
            raise InputError(
                f"{each.environment.environment} has no price file to write the prices into",
                "pass --prices FILE, or write its path as cost.prices in the environment file",
            )
        wanted.setdefault(path, set()).add(each.environment.region)
    for path in wanted:
        check(path)
    for path, regions in wanted.items():
        _refresh_file(path, sorted(regions), profile, endpoint_url)


def _refresh_file(path: Path, regions: Sequence[str], profile: str | None, endpoint_url: str | None) -> None:
    """Write the prices of these regions into a file; other regions in it, and prices AWS does not list, stay."""
    from datetime import UTC, datetime

    from infragen.aws.price_list import refreshed
    from infragen.cost.prices import RegionPrices, price_file_text, read_price_file

    regional = dict(read_price_file(path)) if path != STDOUT and os.path.exists(path) else {}
    today = datetime.now(UTC).date().isoformat()
    with replacing(path, "the price file") as write:
        for region in regions:
            fresh = refreshed(region, profile, endpoint_url)
            kept = regional[region].usd if region in regional else {}
            regional[region] = RegionPrices(today, "AWS Price List API", {**kept, **fresh.usd})
            say(f"{path}: {len(fresh.usd)} prices of {region}", err=True)
            for name, why in fresh.missing.items():
                say(f"{path}: {name} unchanged: {why}", err=True)
        write(price_file_text(regional))
